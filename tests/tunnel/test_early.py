"""Early data: taken, refused, without its secret."""

from __future__ import annotations

from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.events import Hole, Piece
from rtmpsniff.tunnel.early import REASON, EarlyData
from rtmpsniff.tunnel.inner import Lost, Span
from rtmpsniff.tunnel.records import Record
from tests.build import session
from tests.tunnel.sealed import Sealed13
from tests.tunnel.talks import by_sender, inside, read, said, sent

ORIGIN = Origin(0, 1, 1)


def span(data: bytes) -> Span:
    return Span(data, [0], [Origin(0, 1, 1)])


def sealed(size: int) -> Record:
    return Record(0, b"\x17\x03\x03" + size.to_bytes(2, "big"), span(bytes(size)))


def test_what_was_taken_is_passed_on_once() -> None:
    early = EarlyData()
    early.add(span(b"a"))
    early.add_sealed(sealed(117), ORIGIN)
    early.add(span(b"b"))
    assert early.settle(taken=True) == [span(b"a"), Lost(100, ORIGIN, REASON), span(b"b")]
    assert early.settle(taken=True) == []
    assert "0 records" in repr(early)


def test_the_last_that_cannot_be_opened_is_the_end_of_it() -> None:
    early = EarlyData()
    for size in (117, 21):
        early.add_sealed(sealed(size), ORIGIN)
    assert early.settle(taken=True) == [Lost(100, ORIGIN, REASON)]


def test_what_was_refused_belongs_to_no_stream() -> None:
    early = EarlyData()
    early.add(span(b"a"))
    assert early.settle(taken=False) == []
    assert early.settle(taken=True) == []


def test_early_data_without_its_secret_is_missing_and_what_follows_is_read() -> None:
    talk = Sealed13(0x1301, early="taken")
    session(talk)
    pieces = [
        piece for piece in inside(talk.frames, talk.log("CLIENT_EARLY_TRAFFIC_SECRET")) if piece.flow.sender == "client"
    ]
    hole, *others = pieces
    assert isinstance(hole, Hole)
    assert (hole.offset, hole.size) == (0, 1537)
    assert all(isinstance(piece, Piece) for piece in others)


def test_early_data_that_was_refused_is_missing_nowhere() -> None:
    talk = Sealed13(0x1301, early="refused")
    session(talk)
    assert by_sender(said(read(talk.frames, talk.log("CLIENT_EARLY_TRAFFIC_SECRET")))) == by_sender(sent(talk))
