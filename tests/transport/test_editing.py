"""Bytes of a segment are changed in their frames: a checksum that was right stays right."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.transport.editing import EditableSegment, Portion, mended, ones_sum
from tests.build import Conversation, checksum

TCP = 34  # where it begins behind Ethernet and IPv4


def frame(payload: bytes) -> bytearray:
    return bytearray(Conversation(timestamps=False).segment("client", payload).data)


def is_right(data: bytes | bytearray) -> bool:
    """Whether a receiver would take the segment in an Ethernet frame."""
    segment = bytes(data[TCP:])
    return checksum(bytes(data[26:34]) + pack(">LL", len(segment), 6) + segment) == 0


def whole(data: bytearray) -> EditableSegment:
    return EditableSegment([Portion(data, 0, 0, len(data))], TCP, TCP + 20)


@given(st.binary(min_size=1, max_size=60), st.data())
def test_the_checksum_goes_along(payload: bytes, draw: st.DataObject) -> None:
    data = frame(payload)
    assert is_right(data)
    start = draw.draw(st.integers(0, len(payload) - 1))
    new = draw.draw(st.binary(min_size=1, max_size=len(payload) - start))
    assert whole(data).put(start, new) == len(new)
    assert data[TCP + 20 :] == payload[:start] + new + payload[start + len(new) :]
    assert is_right(data)


@given(st.binary(min_size=2, max_size=40), st.integers(1, 59), st.integers(1, 39))
def test_in_fragments(payload: bytes, cut: int, start: int) -> None:
    """The packet's payload lies in two frames, each behind a header of its own."""
    data = frame(payload)
    cut, start = min(cut, len(data) - TCP - 1), start % len(payload)
    first, second = bytearray(b"abc" + data[TCP : TCP + cut]), bytearray(b"defgh" + data[TCP + cut :])
    portions = [Portion(second, 5, cut, len(second) - 5), Portion(first, 3, 0, cut)]
    EditableSegment(portions, 0, 20).put(start, b"*" * (len(payload) - start))
    joined = data[:TCP] + first[3:] + second[5:]
    assert joined[TCP + 20 :] == payload[:start] + b"*" * (len(payload) - start)
    assert is_right(joined)


def test_a_checksum_that_was_wrong_is_as_wrong_as_before() -> None:
    data = frame(b"secret")
    data[TCP + 17] ^= 1
    whole(data).put(0, b"******")
    assert not is_right(data)
    data[TCP + 17] ^= 1
    assert is_right(data)


def test_a_checksum_that_was_not_computed_stays() -> None:
    data = frame(b"secret")
    before = data[TCP + 16 : TCP + 18]
    EditableSegment([Portion(data, 0, 0, len(data))], TCP, TCP + 20, mends=False).put(0, b"******")
    assert data[TCP + 16 : TCP + 18] == before
    assert data.endswith(b"******")


@pytest.mark.parametrize("captured", [TCP + 10, TCP + 17, TCP + 23])
def test_what_was_not_captured_is_left_alone(captured: int) -> None:
    data = frame(b"secret")[:captured]
    before = bytes(data)
    put = whole(data).put(0, b"******")
    assert put == max(captured - TCP - 20, 0)
    assert len(data) == captured
    assert data[: TCP + 16] == before[: TCP + 16]


def test_a_checksum_goes_along_with_what_it_covers() -> None:
    before, after = b"\x12\x34\xff\xff\x00\x01", b"\x00\x00\x12\x34\xab\xcd"
    change = ones_sum(after, 0) - ones_sum(before, 0)
    assert mended(checksum(before).to_bytes(2, "big"), change) == checksum(after).to_bytes(2, "big")
    assert ones_sum(b"\x01\x02\x03", 1) == 0x0001 + 0x0203
