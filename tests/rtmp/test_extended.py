"""Where an extended timestamp stands, and what is told of how it is written; whole streams are in test_direction."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Finding, Severity
from rtmpsniff.rtmp.chunk import EXTENDED, Channel, Header
from rtmpsniff.rtmp.extended import ExtendedTimestamps
from rtmpsniff.rtmp.lookahead import LookAhead
from rtmpsniff.rtmp.outcome import Outcome
from rtmpsniff.rtmp.window import Window
from rtmpsniff.transport.events import Piece
from tests.rtmp.feeding import new_connection

TIME = (0x01020304).to_bytes(4, "big")
BODY = b"\x17" * 40


class Room:
    """One direction's, with what it rests on."""

    def __init__(self) -> None:
        window = Window()
        window.open(Piece(new_connection().from_client, 0, bytes(20), [0], [Origin(0, 1, 0)]))
        self.outcome = Outcome(1, "client", window)
        self.look_ahead = LookAhead({})
        self.extended = ExtendedTimestamps(self.look_ahead, self.outcome, window)

    def found(self) -> list[tuple[str, Severity]]:
        return [(event.title, event.severity) for event in self.outcome.take() if isinstance(event, Finding)]


def under_way() -> Channel:
    channel = Channel(6)
    channel.length, channel.left, channel.extended = 400, 272, 0x01020304
    return channel


def test_formats_0_to_2_have_one_where_their_field_says_so() -> None:
    extended = Room().extended
    said, plain = Header(12, 0, 6, EXTENDED, 40, 9, 1), Header(12, 0, 6, 5, 40, 9, 1)
    assert extended.read(said, None, bytes(12) + TIME, 0, 128) == (16, 0x01020304)
    assert extended.read(said, None, bytes(12) + TIME[:3], 0, 128) is None
    assert extended.read(plain, under_way(), bytes(12) + TIME, 0, 128) == (12, None)


def test_format_3_has_one_where_it_is_repeated() -> None:
    room = Room()
    head = Header(1, 3, 6)
    assert room.extended.read(head, under_way(), b"\xc6" + TIME + BODY, 0, 128) == (5, 0x01020304)
    assert room.extended.read(head, under_way(), b"\xc6" + BODY, 0, 128) == (1, 0x17171717)
    assert room.extended.read(head, under_way(), b"\xc6" + TIME[:2], 0, 128) is None
    room.look_ahead.ending = True
    assert room.extended.read(head, under_way(), b"\xc6" + TIME[:2], 0, 128) == (1, None)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ([(True, 9), (True, 9)], []),
        ([(True, 0), (True, 0)], [("four zero bytes (as mediamtx sends them)", Severity.WARNING)]),
        ([(False, 9), (False, 9)], [("left out (the text of 2009)", Severity.WARNING)]),
        ([(True, 9), (False, 9)], [("sometimes repeated and sometimes not", Severity.ERROR)]),
    ],
    ids=["repeated", "zeros", "left out", "both"],
)
def test_a_style_that_is_unusual_is_told_once(seen: list[tuple[bool, int]], told: list[tuple[str, Severity]]) -> None:
    room = Room()
    for repeated, value in seen:
        room.extended.judge_style(repeated, value, 0)
    assert room.found() == [(f"extended timestamps on format 3: {style}", severity) for style, severity in told]
    assert repr(room.extended) == f"<ExtendedTimestamps, on format 3 repeated: {seen[-1][0]}>"


def test_one_that_was_read_as_a_time_is_told_once() -> None:
    room = Room()
    room.extended.judge_absolute(0)
    room.extended.judge_absolute(5)
    assert len(room.found()) == 1


def test_what_stands_behind_each_header_of_a_chunk_stream() -> None:
    room = Room()
    assert room.extended.repeated(Channel(6)) == b""
    assert room.extended.repeated(under_way()) == TIME
    room.look_ahead.repeats_extended = False
    assert room.extended.repeated(under_way()) == b""
