"""Segments that follow one another travel as one piece, which says which packet brought which byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from rtmpsniff.capture.packet import Packet, uncut
from rtmpsniff.transport.batch import MOST_BYTES, MOST_PARTS
from rtmpsniff.transport.events import Piece
from rtmpsniff.transport.reassembly import Reassembler, reassemble
from tests.build import Conversation, Frame
from tests.transport.talks import (
    ARP,
    START,
    merged,
    opened,
    packets,
    pieces,
    run,
)


def test_segments_that_follow_one_another_travel_as_one_piece() -> None:
    talk = opened(mss=3)
    talk.client(b"abcdefg")
    (piece,) = (event for event in run(talk.frames) if isinstance(event, Piece))
    assert (piece.offset, piece.data, piece.offsets) == (0, b"abcdefg", [0, 3, 6])
    assert [number for _, number, _ in piece.places] == [4, 5, 6]


def test_the_other_direction_ends_a_piece() -> None:
    talk = opened(mss=3)
    talk.client(b"abcdef")
    talk.server(b"ABCDEF")
    talk.client(b"ghi")
    assert pieces(run(talk.frames)) == [("client", 0, b"abcdef"), ("server", 0, b"ABCDEF"), ("client", 6, b"ghi")]


def test_another_connection_ends_a_piece() -> None:
    one, two = (Conversation(("10.0.0.1", port), step=2, time=START + port) for port in (50000, 50001))
    for talk in (one, two):
        talk.open()
    for text in (b"a", b"b", b"c"):
        one.client(text)
        two.client(text.upper())
    assert [text for _, _, text in pieces(run(merged(one, two)))] == [b"a", b"A", b"b", b"B", b"c", b"C"]


@pytest.mark.parametrize(
    ("name", "interrupt"),
    [
        ("a packet that is no TCP", lambda talk: talk.frames.append(Frame(talk.time, ARP))),
        ("a retransmission", lambda talk: talk.segment("client", b"abc", at=0)),
        ("a keep-alive", lambda talk: talk.segment("client", b"", at=2)),
    ],
)
def test_what_ends_a_piece_delays_nothing(name: str, interrupt: Callable[[Conversation], object]) -> None:
    talk = opened()
    talk.client(b"abc")
    interrupt(talk)
    talk.client(b"def")
    assert pieces(run(talk.frames)) == [("client", 0, b"abc"), ("client", 3, b"def")]


def test_a_bare_acknowledgement_ends_no_piece() -> None:
    talk = opened(mss=3, ack_every=1)
    talk.client(b"abcdef")
    assert pieces(run(talk.frames)) == [("client", 0, b"abcdef")]


def test_a_piece_has_so_many_parts_at_the_most() -> None:
    talk = opened(mss=1)
    talk.client(bytes(MOST_PARTS + 1))
    assert [len(text) for _, _, text in pieces(run(talk.frames))] == [MOST_PARTS, 1]


@pytest.mark.parametrize("length", [1 << 10, 300 << 10, 1 << 20, 3 << 20])
def test_a_piece_keeps_few_blocks_waiting(length: int) -> None:
    """Sparse segments among much else stand each in a block of its own, which waits with them."""
    talk = opened(mss=3)
    talk.client(bytes(120))
    stands = (
        (place, link, data + bytes(length), begin, end, wire_length)
        for place, link, data, begin, end, wire_length in uncut(packets(talk.frames))
    )
    sizes = [len(event.places) for event in Reassembler().run_uncut(stands) if isinstance(event, Piece)]
    assert sum(sizes) == 40
    assert max(sizes) * length <= max(MOST_BYTES, length)


def test_pieces_are_handed_on_before_the_packets_end() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.server(b"ABC")
    seen: list[str] = []

    def watched() -> Iterator[Packet]:
        for packet in packets([*talk.frames, Frame(talk.time, ARP)]):
            seen.append(f"packet {packet.number}")
            yield packet

    seen.extend(type(event).__name__ for event in reassemble(watched()))
    assert seen[-5:] == ["packet 5", "Piece", "packet 6", "Piece", "End"]
