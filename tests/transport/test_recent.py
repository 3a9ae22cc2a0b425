"""What was handed on lately, and how bytes that come again compare with it."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.connection import Connection
from rtmpsniff.transport.events import Piece
from rtmpsniff.transport.recent import MOST, Recent, compare

CONNECTION = Connection(bytes(12), Origin(0, 1, 0), whole=True, plain={})
FLOW = CONNECTION.from_client


def noted(*pieces: tuple[int, bytes]) -> Recent:
    recent = Recent()
    for offset, data in pieces:
        recent.note(Piece(FLOW, offset, data, [offset], []))
    return recent


@pytest.mark.parametrize(
    ("offset", "data", "expected"),
    [
        (10, b"abcd", (0, 10)),
        (12, b"cd", (0, 12)),
        (8, b"??abcd??", (0, 10)),
        (11, b"bXd", (1, 12)),
        (8, b"??XbcX??", (2, 10)),
        (14, b"XXX", (0, 14)),
        (0, b"XXX", (0, 10)),
    ],
    ids=["equal", "a part", "more around it", "one other", "two others", "behind", "before"],
)
def test_two_spans_are_compared_where_they_overlap(offset: int, data: bytes, expected: tuple[int, int]) -> None:
    assert compare(offset, data, 10, b"abcd") == expected


def test_what_differs_is_counted_over_all_pieces() -> None:
    recent = noted((0, b"abcd"), (4, b"efgh"))
    assert recent.unlike(FLOW, 2, b"cXYfg") == (2, 3)
    assert recent.unlike(FLOW, 2, b"cdefg")[0] == 0


def test_flows_are_told_apart() -> None:
    assert noted((0, b"abcd")).unlike(FLOW.peer, 0, b"XXXX")[0] == 0


def test_only_the_last_pieces_are_remembered() -> None:
    recent = noted((0, b"abcd"), *((offset, b"-") for offset in range(4, 4 + MOST)))
    assert recent.unlike(FLOW, 0, b"XXXX")[0] == 0
    assert recent.unlike(FLOW, 4, b"X") == (1, 4)
    assert str(MOST) in repr(recent)
