"""Packets without a capture: what TCP carried in them, and what is no packet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.transport.frames import carried
from tests.build import Conversation, Frame

ETHERNET_HEADER = 14
PLACES: dict[int, tuple[tuple[str, int], tuple[str, int]]] = {
    4: (("10.0.0.1", 50000), ("10.0.0.2", 1935)),
    6: (("fd00::1", 50000), ("fd00::2", 1935)),
}


def frames(*parts: bytes, version: int = 4) -> list[Frame]:
    """The data frames of a client that sends these parts."""
    talk = Conversation(*PLACES[version])
    return [talk.segment("client", part) for part in parts]


def ethernet(found: list[Frame]) -> bytes:
    return b"".join(frame.data for frame in found)


def ip(found: list[Frame]) -> bytes:
    """As tcpdump -X shows them: from the network header on."""
    return b"".join(frame.data[ETHERNET_HEADER:] for frame in found)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("shown", [ethernet, ip])
def test_one_packet_and_several(version: int, shown: object) -> None:
    assert callable(shown)
    one = carried(shown(frames(b"a" * 100, version=version)))
    assert one is not None
    assert (one.data, one.packets, one.senders) == (b"a" * 100, 1, 1)
    three = carried(shown(frames(b"a" * 100, b"b" * 200, b"c" * 90, version=version)))
    assert three is not None
    assert (three.data, three.packets, three.senders) == (b"a" * 100 + b"b" * 200 + b"c" * 90, 3, 1)


def test_frames_are_filled_up() -> None:
    (frame,) = frames(b"ab")
    padding = bytes(max(60 - len(frame.data), 0))
    found = carried(frame.data + padding + frame.data + padding)
    assert found is not None
    assert (found.data, found.packets) == (b"abab", 2)


def test_senders_are_counted() -> None:
    talk = Conversation(*PLACES[4])
    both = [talk.segment("client", b"a" * 50), talk.segment("server", b"b" * 50)]
    found = carried(ip(both))
    assert found is not None
    assert found.senders == 2


def test_a_packet_that_carries_nothing() -> None:
    found = carried(ip([Conversation(*PLACES[4]).ack("client")]))
    assert found is not None
    assert (found.data, found.senders) == (b"", 0)


@pytest.mark.parametrize("change", [b"x", b"\0" * 99])
def test_bytes_behind_a_packet_are_no_packet(change: bytes) -> None:
    assert carried(ip(frames(b"a" * 100)) + change) is None


def test_a_packet_that_is_not_here_whole() -> None:
    assert carried(ip(frames(b"a" * 100))[:-1]) is None


@given(st.binary(max_size=200))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    found = carried(data)
    assert found is None or len(found.data) < len(data)
