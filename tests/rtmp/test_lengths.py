"""Lengths that are never stated again: found by the distance of headers, and not where something else explains it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtmpsniff.capture.files import read
from rtmpsniff.rtmp.lengths import MOST, Inferred, Lengths
from tests.loss import aligned, decode
from tests.rtmp.feeding import converse

SHARED = Path(__file__).parents[3] / "shared" / "captures" / "made"
SIZES = (128, 4096)


def message(length: int, chunk_size: int = 4096, *, head: str = "84000017", body: str = "af01", csid: int = 4) -> bytes:
    payload = bytes.fromhex(body).ljust(length, b"\x55")
    parts = [payload[at : at + chunk_size] for at in range(0, length, chunk_size)]
    return bytes.fromhex(head) + bytes((0xC0 | csid,)).join(parts)


def learned(*spans: bytes, sizes: tuple[int, ...] = SIZES) -> Inferred | None:
    lengths, inferred = Lengths(), None
    for span in spans:
        assert inferred is None
        lengths.begin()
        for at in range(0, len(span), 50):
            lengths.keep(span[at : at + 50])
        assert lengths.held == len(span)
        inferred = lengths.end(sizes)
        assert lengths.held == 0
    return inferred


def test_three_spans_of_one_length() -> None:
    one = message(361)
    assert learned(one, one) is None
    assert learned(one, one, one) == Inferred(4, 361, 0xAF)


def test_spans_of_several_messages_tell_the_shortest_length() -> None:
    one, repeated = message(361), message(361, head="c4")
    assert learned(one + one, repeated + one + one, one + repeated) == Inferred(4, 361, 0xAF)


@pytest.mark.parametrize("size", SIZES)
def test_messages_that_are_cut_into_chunks(size: int) -> None:
    one = message(1000, size)
    assert learned(one, one + one, one) == Inferred(4, 1000, 0xAF)


def test_lengths_that_differ_tell_nothing() -> None:
    first, second, third = message(361), message(362), message(400)
    assert learned(first, second, third, first, second) is None


def test_it_must_be_in_a_row() -> None:
    one, other = message(361), message(200)
    assert learned(one, one, other, one, one) is None
    assert learned(one, one, other, one, one, one) == Inferred(4, 361, 0xAF)


@pytest.mark.parametrize("body", ["2701", "1c01", "0200", "cf01", "dd00", "af05"])
def test_what_is_no_audio_is_not_taken_for_it(body: str) -> None:
    one = message(361, body=body)
    assert learned(one, one, one) is None


def test_other_headers_tell_nothing() -> None:
    stated = message(361, head="4400001700016908")
    control = message(4, head="82000017", body="af01", csid=2)
    late = message(361, head="84ff0017")
    for one in (stated, control, late):
        assert learned(one, one, one) is None


def test_a_span_with_a_hole_or_too_long_is_none() -> None:
    one = message(361)
    lengths = Lengths()
    for _ in range(5):
        lengths.begin()
        lengths.keep(one)
        lengths.drop()
        lengths.keep(one)
        assert lengths.end(SIZES) is None
    lengths.begin()
    lengths.keep(bytes(MOST + 1))
    assert lengths.held == 0
    assert lengths.end(SIZES) is None
    assert repr(lengths) == "<Lengths of []>"


@pytest.mark.parametrize("part", [0.1, 0.3, 0.6])
@pytest.mark.parametrize(("name", "least"), [("08", 0.95), ("11", 0.85), ("36", 0.7)])
def test_captures_that_begin_late(name: str, least: float, part: float) -> None:
    """Of what whole captures hold, the share that is read of one that begins later."""
    found = sorted(SHARED.glob(f"{name}-*.pcap"))
    if not found:
        pytest.skip("the shared captures are not here")
    packets = list(read([str(found[0])]))
    whole = decode(packets)
    late = aligned(decode(packets[int(len(packets) * part) :]), whole)
    there = right = wrong = 0
    for side, messages in late.said.items():
        first = min(messages, default=0)
        before = whole.said.get(side, {})
        there += sum(offset >= first and message.state == "whole" for offset, message in before.items())
        same = [message for at, message in messages.items() if at in before and before[at].told == message.told]
        right += len(same)
        assert not any(
            message.certain and message.timestamp != before[message.told.offset].timestamp for message in same
        )
        wrong += sum(message.state == "whole" for message in messages.values()) - sum(m.state == "whole" for m in same)
    assert right >= least * there
    assert wrong * 2000 <= there


def test_what_is_kept_is_let_go_at_the_end() -> None:
    """The stream ends in a span. `converse` checks that nothing is held by then."""
    start = bytes.fromhex("02000000 00000401 00000000 00000100 44000017 00010009 01000000 17010000 00".replace(" ", ""))
    events = converse([("client", start + bytes(256) + message(361) * 2)], captured_from_start=False)
    assert events
