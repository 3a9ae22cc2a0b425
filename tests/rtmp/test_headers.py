"""What a header means at its place, and where it can be none; whole streams are in test_direction."""

from __future__ import annotations

from rtmpsniff import findings
from rtmpsniff.capture.packet import Origin
from rtmpsniff.rtmp.chunk import Channel
from rtmpsniff.rtmp.doubt import Doubt
from rtmpsniff.rtmp.extended import ExtendedTimestamps
from rtmpsniff.rtmp.headers import Headers
from rtmpsniff.rtmp.lookahead import LookAhead
from rtmpsniff.rtmp.outcome import Outcome
from rtmpsniff.rtmp.timestamps import Clock
from rtmpsniff.rtmp.window import Window
from rtmpsniff.transport.events import Piece
from tests.build import ChunkWriter
from tests.rtmp.feeding import new_connection

ORIGIN = Origin(0, 9, 0)
VIDEO = b"".join(ChunkWriter().message(6, 9, 1, 40, b"\x17" * 300))


class Room:
    """One direction's, with what it rests on, and `stream` at hand."""

    def __init__(self, stream: bytes, *channels: Channel) -> None:
        known = {channel.chunk_stream_id: channel for channel in channels}
        window = Window()
        window.open(Piece(new_connection().from_client, 0, stream, [0], [ORIGIN]))
        outcome = Outcome(1, "client", window)
        look_ahead = LookAhead(known)
        self.doubt = Doubt(known, Clock(), look_ahead)
        extended = ExtendedTimestamps(look_ahead, outcome, window)
        self.headers = Headers(known, self.doubt, look_ahead, extended, outcome, window)


def under_way(left: int = 172) -> Channel:
    channel = Channel(6)
    channel.length, channel.type_id, channel.left = 300, 9, left
    return channel


def test_a_header_that_begins_a_chunk_stream() -> None:
    understood = Room(VIDEO).headers.read(VIDEO, 0)
    assert understood is not None
    header, channel, size, extended, begins = understood
    assert (header.chunk_stream_id, header.length, header.type_id, header.timestamp) == (6, 300, 9, 40)
    assert (channel, size, extended, begins) == (None, 12, None, True)


def test_a_header_that_goes_on_and_one_that_begins_the_next_message() -> None:
    for left, begins in ((172, False), (0, True)):
        channel = under_way(left)
        understood = Room(b"\xc6" + bytes(300), channel).headers.read(b"\xc6" + bytes(300), 0)
        assert understood is not None
        assert (understood.channel, understood.size, understood.begins) == (channel, 1, begins)


def test_a_header_that_is_not_here_whole_is_no_loss() -> None:
    room = Room(VIDEO[:11])
    assert room.headers.read(VIDEO[:11], 0) is None
    assert room.headers.lost is None
    assert repr(room.headers) == "<Headers>"


def test_a_header_that_inherits_from_nothing_loses_the_track() -> None:
    room = Room(b"\xc7" * 20)
    assert room.headers.read(b"\xc7" * 20, 0) is None
    lost = room.headers.lost
    assert lost is not None
    assert (lost.why, lost.by.packet) == ("format 3 on chunk stream 7, which has not begun", 9)
    assert (lost.rule, lost.at_header) == (findings.CHUNK_DESYNC, True)
    assert repr(room.headers) == "<Headers, lost: format 3 on chunk stream 7, which has not begun>"


def test_soon_after_a_search_it_is_the_capture_that_is_at_fault() -> None:
    room = Room(b"\xc7" * 20)
    room.doubt.begin(findings.CAPTURE_QUALITY)
    room.headers.lose("a reason", Origin(0, 1, 0), at_header=False)
    assert room.headers.lost is not None
    assert (room.headers.lost.rule, room.headers.lost.at_header) == (findings.CAPTURE_QUALITY, False)


def test_what_a_stale_chunk_stream_states_has_to_lead_on() -> None:
    channel = under_way(0)
    channel.stale = True
    stream = b"\x86\0\0\x05" + b"\xff" * (1 << 19)
    room = Room(stream, channel)
    room.doubt.begin(findings.CAPTURE_QUALITY)
    assert room.headers.read(stream, 0) is None
    assert room.headers.lost is not None
    assert room.headers.lost.rule is findings.CAPTURE_QUALITY
