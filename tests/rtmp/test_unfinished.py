"""Messages that are under way: what is held of them, and how they end without being complete."""

from __future__ import annotations

from itertools import count

import pytest

from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Finding, Severity
from rtmpsniff.payload.types import ABORT, VIDEO
from rtmpsniff.rtmp.channels import Channels
from rtmpsniff.rtmp.chunk import Channel, Header
from rtmpsniff.rtmp.events import Message, Undecoded
from rtmpsniff.rtmp.outcome import Outcome
from rtmpsniff.rtmp.search import Rest
from rtmpsniff.rtmp.unfinished import Unfinished
from rtmpsniff.rtmp.window import Window
from rtmpsniff.transport.events import NEVER_CAPTURED, Piece
from tests.rtmp.feeding import new_connection

STREAM = 5000  # bytes at hand
HERE = Origin(0, 1, 0)


class Room:
    """One direction's, with what it rests on."""

    def __init__(self) -> None:
        window = Window()
        packets = [Origin(0, number, 0) for number in (1, 3, 2)]
        window.open(Piece(new_connection().from_client, 0, bytes(STREAM), [0, 1000, 2000], packets))
        self.outcome = Outcome(1, "client", window)
        self.channels = Channels(self.outcome)
        self.unfinished = Unfinished(self.channels, self.outcome, count(1), window)

    def begin(self, number: int = 6, length: int = 300, type_id: int = VIDEO) -> Channel:
        channel = self.channels.open(Header(12, 0, number, 0, length, type_id, 1), 0, was_searched=False)
        channel.length, channel.type_id, channel.left, channel.first, channel.last = length, type_id, length, HERE, HERE
        return channel

    def chunk(self, channel: Channel, offset: int, size: int) -> None:
        self.unfinished.note(channel, offset, b"\xc6", size)
        self.unfinished.add(channel, bytes([offset % 251]) * size, offset + 1 + size)

    def message(self) -> Message:
        (message,) = (event for event in self.outcome.take() if isinstance(event, Message))
        return message


def test_chunks_that_are_alike_and_follow_one_another_are_a_run() -> None:
    room = Room()
    channel = room.begin()
    for offset in (0, 101, 300):
        room.chunk(channel, offset, 100)
    assert [(chunk.offset, chunk.size, chunk.run) for chunk in channel.chunks] == [(0, 100, 2), (300, 100, 1)]
    assert (channel.left, channel.received) == (0, 300)


def test_the_packets_of_a_part_are_asked_for_once_a_piece() -> None:
    room = Room()
    channel = room.begin(length=3000)
    room.chunk(channel, 0, 1500)
    assert channel.last.packet == 1
    room.unfinished.meet_touched()
    assert (channel.first.packet, channel.last.packet) == (1, 3)
    room.chunk(channel, 1501, 1000)
    room.unfinished.meet_touched()
    assert (channel.first.packet, channel.last.packet) == (1, 3)


def test_what_is_held_is_let_go_with_the_message() -> None:
    room = Room()
    channel = room.begin()
    room.chunk(channel, 0, 100)
    assert room.unfinished.held > 100
    assert repr(room.unfinished) == f"<Unfinished: 200 bytes lack, {room.unfinished.held} are held>"
    room.unfinished.release_all()
    assert (room.unfinished.held, room.unfinished.lacking) == (0, 0)
    message = room.message()
    assert (message.state, message.length, len(message.payload)) == ("cut", 300, 100)


def test_a_hole_in_a_chunk_damages_its_message_alone() -> None:
    room = Room()
    channel = room.begin()
    room.unfinished.receiving, room.unfinished.due = channel, 128
    assert room.unfinished.can_lose(128)
    assert not room.unfinished.can_lose(129)
    room.unfinished.lose(channel, 128, NEVER_CAPTURED)
    assert (channel.left, channel.missing, room.unfinished.due) == (172, [(0, 128)], 0)
    assert not room.unfinished.can_lose(1)


@pytest.mark.parametrize(("left", "due", "receiving"), [(72, 28, True), (100, 0, False), (0, 0, False)])
def test_a_hole_that_takes_headers_goes_through_its_message(left: int, due: int, receiving: bool) -> None:
    room = Room()
    channel = room.begin()
    room.chunk(channel, 0, 100)
    rest = Rest(channel, 0, due, left, 200 - left, (100, 200), 1, b"")
    room.unfinished.go_through(rest, 101, 100)
    assert channel.missing == [(100, 300 - left)]
    assert [(chunk.offset, chunk.size, chunk.unseen) for chunk in channel.chunks[1:]] == [(101, 100, 1), (202, 100, 1)]
    assert (room.unfinished.receiving is channel, room.unfinished.due) == (receiving, due)


def test_the_next_bytes_belong_to_the_chunk_at_hand_or_to_the_only_message_under_way() -> None:
    room = Room()
    one, two = room.begin(6), room.begin(7)
    assert room.unfinished.next is None
    room.unfinished.receiving = two
    assert room.unfinished.next is two
    room.unfinished.receiving, two.left = None, 0
    assert room.unfinished.next is one


def test_those_that_give_way_are_told_and_the_rest_of_them_is_counted() -> None:
    room = Room()
    channel, control = room.begin(), room.begin(2, 4, 3)
    room.chunk(channel, 0, 100)
    room.unfinished.give_way(HERE)
    assert room.message().state == "cut"
    assert (channel.dropped, control.dropped, room.unfinished.held) == (True, False, 0)
    room.chunk(channel, 101, 100)
    room.chunk(channel, 400, 100)
    room.unfinished.end_dropped(channel)
    spans = [(event.offset, event.length) for event in room.outcome.take() if isinstance(event, Undecoded)]
    assert spans == [(101, 101), (400, 101)]  # something else stood between
    assert not channel.dropped


def test_whoever_aborts_a_message_and_goes_on_is_told() -> None:
    room = Room()
    channel, abort = room.begin(), room.begin(2, 4, ABORT)
    room.chunk(channel, 0, 100)
    room.unfinished.note(abort, 101, b"\x42", 4)
    room.unfinished.abort(6, room.unfinished.emit(abort, "whole"))
    events = room.outcome.take()
    assert [event.state for event in events if isinstance(event, Message)] == ["whole", "aborted"]
    assert (channel.left, channel.aborted_left) == (0, 200)
    room.unfinished.note(abort, 120, b"\x42", 4)
    room.unfinished.abort(6, room.unfinished.emit(abort, "whole"))  # there is nothing left of it
    assert [type(event) for event in room.outcome.take()] == [Message]
    room.unfinished.go_on_after_abort(channel, 50)
    (finding,) = room.outcome.take()
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.ERROR
    assert (channel.left, channel.dropped) == (200, True)


@pytest.mark.parametrize(("goes_on", "left"), [(True, 200), (False, 0)])
def test_a_header_amid_a_message_is_told(goes_on: bool, left: int) -> None:
    room = Room()
    channel = room.begin()
    room.chunk(channel, 0, 100)
    room.unfinished.interrupt(channel, Header(8, 1, 6, 0, 300, VIDEO), 101, goes_on=goes_on)
    finding = next(event for event in room.outcome.take() if isinstance(event, Finding))
    assert ("stands amid" in finding.title, channel.left) == (goes_on, left)
