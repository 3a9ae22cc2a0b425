"""The bytes at hand: which wait, where they stand, and which packet brought them."""

from __future__ import annotations

from rtmpsniff.capture.packet import Origin
from rtmpsniff.rtmp.window import Window
from rtmpsniff.transport.events import Piece
from tests.rtmp.feeding import new_connection

FLOW = new_connection().from_client


def piece(offset: int, *parts: bytes, number: int = 1) -> Piece:
    offsets = [offset + sum(map(len, parts[:at])) for at in range(len(parts))]
    packets = [Origin(0, number + at, 10 * (number + at)) for at in range(len(parts))]
    return Piece(FLOW, offset, b"".join(parts), offsets, packets)


def test_what_was_not_used_waits_and_keeps_its_packet() -> None:
    window = Window()
    assert window.open(piece(0, b"abc", b"def")) == b"abcdef"
    window.close(b"abcdef", 4)
    assert (window.base, window.rest) == (4, b"ef")
    assert window.open(piece(6, b"gh", number=9)) == b"efgh"
    assert [window.origin(at).packet for at in range(4)] == [2, 2, 9, 9]


def test_it_is_not_opened_before_enough_is_there() -> None:
    window = Window()
    window.open(piece(0, b"ab"))
    window.close(b"ab", 0, wanted=5)
    assert window.open(piece(2, b"cd", number=2)) is None
    assert window.open(piece(4, b"ef", number=3)) == b"abcdef"
    assert [window.origin(at).packet for at in (5, 0, 2)] == [3, 1, 2]


def test_a_window_says_where_it_is() -> None:
    window = Window()
    window.open(piece(7, b"abc"))
    window.close(b"abc", 1)
    assert repr(window) == "<Window at 8, 2 bytes wait>"
