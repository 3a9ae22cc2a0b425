"""What holds of any traffic.

Whatever was built is read back. Whatever the bytes, the readers yield events, end, take time in proportion to their
input, and account for every byte. A hole changes nothing before it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from struct import pack
from time import process_time
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpsniff.budget import Budget
from rtmpsniff.rtmp.describe import describe
from rtmpsniff.rtmp.direction import Direction
from rtmpsniff.rtmp.events import Event, Message
from rtmpsniff.rtmp.session import Sessions
from rtmpsniff.transport.connection import Sender
from rtmpsniff.transport.events import Begin, Hole, Piece
from tests.build import ChunkWriter, Extended, handshake
from tests.proportion import grows_gently
from tests.rtmp.feeding import (
    CLIENT_HELLO,
    HELLO,
    SERVER_HELLO,
    Turn,
    converse,
    cut_at_random,
    facts,
    messages,
    new_connection,
    origin,
    read,
    undecoded,
    whole,
)
from tests.rtmp.test_chunk import CHUNK_STREAM_IDS, TIMESTAMPS
from tests.rtmp.test_describe import on_the_wire
from tests.rtmp.test_direction import joined, noise, with_holes

law = settings(deadline=None, max_examples=150)


# Random sessions


class Say(NamedTuple):
    """Begin a message: its first chunk is sent now, the others when it is their turn."""

    csid: int
    type_id: int
    msid: int
    timestamp: int
    payload: bytes


class GoOn(NamedTuple):
    """Send so many chunks of messages that wait."""

    chunks: int


class Resize(NamedTuple):
    size: int


class Abort(NamedTuple):
    """Abort the message that has waited longest."""


Step = Say | GoOn | Resize | Abort
Told = tuple[int, int, int, int, str, bytes]

SIZES = (0, 1, 2, 4, 100, 127, 128, 129, 255, 256, 257, 600)
says = st.builds(
    Say,
    st.sampled_from([csid for csid in CHUNK_STREAM_IDS if csid != 2]),
    st.sampled_from([4, 8, 9, 15, 16, 17, 18, 19, 20, 22]),
    st.sampled_from([0, 1, 0x01020304]),
    st.sampled_from(TIMESTAMPS) | st.integers(0, 5000),
    st.sampled_from(SIZES).map(noise),
)
resizes = st.builds(Resize, st.sampled_from([1, 2, 64, 128, 200, 4096, 0x7FFFFFFF]))
plans: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(says, says, says, resizes, st.builds(GoOn, st.integers(1, 5)), st.builds(Abort)), max_size=25
)
# With tinier chunks than anybody sends, what is found behind a hole may depend on how the bytes came.
usual_plans = plans.filter(lambda plan: all(not isinstance(step, Resize) or step.size >= 64 for step in plan))
styles: st.SearchStrategy[Extended] = st.sampled_from(["repeat", "omit"])


@dataclass(slots=True)
class Waiting:
    """A message that was not yet sent whole."""

    chunks: Iterator[bytes]
    said: Say
    sent: int = 0


class Speaker:
    """Makes the stream of a plan, and knows what should be read in it."""

    def __init__(self, plan: Iterable[Step], style: Extended) -> None:
        self.writer = ChunkWriter(128, style)
        self.stream = b""
        self.told: list[Told] = []
        self.waiting: dict[int, Waiting] = {}
        self.times: dict[int, int] = {}
        for step in plan:
            self.take(step)
        self.go_on(100_000)

    def take(self, step: Step) -> None:
        match step:
            case Say():
                self.say(step)
            case GoOn(chunks):
                self.go_on(chunks)
            case Resize(size):
                self.stream += joined(self.writer.set_chunk_size(size))
                self.tell(Say(2, 1, 0, 0, pack(">L", size)), "whole")
            case Abort():
                self.abort()

    def tell(self, said: Say, state: str) -> None:
        *head, payload = said
        csid, type_id, msid, timestamp = head
        self.told.append((csid, type_id, msid, timestamp, state, payload))

    def say(self, said: Say) -> None:
        while said.csid in self.waiting:
            self.send(said.csid)
        # An extended delta may be taken for a time, as LAL means it: a step that long states the time.
        step = (said.timestamp - self.times.get(said.csid, said.timestamp)) % (1 << 32)
        self.times[said.csid] = said.timestamp
        self.waiting[said.csid] = Waiting(self.writer.cut(*said, fmt=0 if step >= 0xFFFFFF else None), said)
        self.send(said.csid)

    def go_on(self, chunks: int) -> None:
        for _ in range(chunks):
            if not self.waiting:
                return
            csid = next(iter(self.waiting))
            self.waiting[csid] = self.waiting.pop(csid)  # the others first, next time
            self.send(csid)

    def send(self, csid: int) -> None:
        one = self.waiting[csid]
        self.stream += next(one.chunks)
        one.sent = min(one.sent + self.writer.chunk_size, len(one.said.payload))
        if one.sent == len(one.said.payload):
            del self.waiting[csid]
            self.tell(one.said, "whole")

    def abort(self) -> None:
        for csid, one in self.waiting.items():
            del self.waiting[csid]
            self.stream += joined(self.writer.message(2, 2, 0, 0, pack(">L", csid), fmt=0))
            self.tell(Say(2, 2, 0, 0, pack(">L", csid)), "whole")
            self.tell(one.said._replace(payload=one.said.payload[: one.sent]), "aborted")
            return


def heard(events: Iterable[Event]) -> list[Told]:
    return [
        (
            one.chunk_stream_id,
            one.message_type_id,
            one.message_stream_id,
            one.timestamp,
            one.state,
            one.payload,
        )
        for one in messages(events)
    ]


@law
@given(plans, styles, st.sampled_from(["client", "server"]))
def test_what_was_built_is_read_back(plan: list[Step], style: Extended, sender: Sender) -> None:
    spoken = Speaker(plan, style)
    hello = CLIENT_HELLO if sender == "client" else SERVER_HELLO
    events = read(spoken.stream, cut_at_random, sender, hello=hello)
    assert heard(events) == spoken.told
    assert not undecoded(events)
    assert all(one.timestamp_certain for one in messages(events))


@law
@given(plans, styles)
def test_blocks_give_the_stream_back(plan: list[Step], style: Extended) -> None:
    stream = Speaker(plan, style).stream
    wire: dict[int, int] = {}
    for event in messages(read(stream, whole)):
        block = describe(event)
        assert block is not None
        wire |= on_the_wire(block)
    assert bytes(wire[at] for at in sorted(wire)) == stream
    assert sorted(wire) == list(range(HELLO, HELLO + len(stream)))


# Anything at all


def explain(events: Iterable[Event]) -> None:
    """Do all that can be done with events: none of it may fail."""
    for event in events:
        describe(event)
        repr(event)
        if isinstance(event, Message):
            assert event.findings is not None


@st.composite
def corrupted(draw: st.DrawFn) -> bytes:
    """A stream in which some bytes were replaced, left out or put in."""
    data = bytearray(Speaker(draw(plans), draw(styles)).stream)
    for at, kind, byte in draw(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 2), st.integers(0, 255)))):
        place = at % (len(data) + 1)
        data[place : place + (kind != 1)] = bytes([byte] if kind else [])
    return bytes(data)


anything = st.binary(max_size=400) | corrupted()


@law
@given(anything, st.sampled_from(["client", "server"]), st.booleans())
def test_any_bytes_end_in_events(data: bytes, sender: Sender, greeted: bool) -> None:
    hello = CLIENT_HELLO if sender == "client" else SERVER_HELLO
    explain(read(data, cut_at_random, sender, hello=hello if greeted else b""))


@law
@given(st.lists(st.tuples(st.sampled_from(["client", "server"]), anything), max_size=4), st.booleans(), st.booleans())
def test_any_two_sides_end_in_events(turns: list[Turn], greeted: bool, captured_from_start: bool) -> None:
    c0c1, s0s1s2, c2 = handshake()
    greetings: list[Turn] = [("client", c0c1), ("server", s0s1s2), ("client", c2)]
    turns = [*(greetings if greeted else []), *((sender, data) for sender, data in turns if data)]
    for port in (1935, 8000):
        # What one side is searched for may be found a little later than what the other one says.
        events = converse(turns, cut_at_random, server=port, captured_from_start=captured_from_start, in_order=False)
        explain(events)


# Holes


@st.composite
def holes_in(draw: st.DrawFn, size: int) -> list[tuple[int, int]]:
    cuts = sorted(draw(st.sets(st.integers(0, size), max_size=8)))
    return list(zip(cuts[::2], cuts[1::2], strict=False))


@law
@given(st.data(), usual_plans, styles, st.booleans())
def test_bytes_add_up_whatever_is_missing(
    data: st.DataObject, plan: list[Step], style: Extended, greeted: bool
) -> None:
    stream = Speaker(plan, style).stream if greeted else CLIENT_HELLO + Speaker(plan, style).stream
    holes = data.draw(holes_in(len(stream)))
    events = read(with_holes(stream, *holes), cut_at_random, hello=CLIENT_HELLO if greeted else b"")
    explain(events)
    lost = sum(rest.missing for rest in undecoded(events))
    damage = sum(stop - start for one in messages(events) for start, stop in one.missing)
    headers = sum(chunk.unseen for one in messages(events) for chunk in one.chunks)
    if greeted:
        assert lost + damage + headers >= sum(stop - start for start, stop in holes)


@law
@given(st.data(), plans)
def test_a_hole_changes_nothing_before_it(data: st.DataObject, plan: list[Step]) -> None:
    stream = CLIENT_HELLO + Speaker(plan, "repeat").stream
    start = data.draw(st.integers(0, len(stream)))
    stop = data.draw(st.integers(start, len(stream)))
    flow, _ = new_connection().flows

    def fed(direction: Direction, begin: int, data: bytes) -> list[Event]:
        return direction.feed(Piece(flow, begin, data, [begin], [origin(1)])) if data else []

    broken, unbroken = (Direction(1, "client", count(1), Budget()) for _ in range(2))
    before = fed(broken, 0, stream[:start])
    after = [
        *(broken.lose(Hole(flow, start, stop - start, origin(1), "never captured")) if stop > start else []),
        *fed(broken, stop, stream[stop:]),
        *broken.end(),
    ]
    everything = fed(unbroken, 0, stream)
    assert facts(before) == facts(everything)[: len(before)]
    numbers = [one.number for one in messages(chain(before, after))]
    assert numbers == list(range(1, len(numbers) + 1))


# Time


def interleaved_bytes(size: int) -> list[bytes]:
    """Two messages whose chunks of one byte alternate."""
    writer = ChunkWriter()
    announced = joined(writer.set_chunk_size(1))
    chunks = zip(*(writer.cut(csid, 9, 1, 0, bytes(size)) for csid in (4, 6)), strict=True)
    return [announced + joined(*chunks)]


def interleaved_pairs(size: int) -> list[bytes]:
    """The same, two chunks at a time."""
    writer = ChunkWriter()
    announced = joined(writer.set_chunk_size(1))
    one, two = (list(writer.cut(csid, 9, 1, 0, bytes(size))) for csid in (4, 6))
    return [announced + joined(*(one[at : at + 2] + two[at : at + 2] for at in range(0, size, 2)))]


def many_chunk_streams(size: int) -> list[bytes]:
    writer = ChunkWriter()
    return [joined(*(writer.message(csid, 18, 1, 0, bytes(200))[:1] for csid in range(3, 3 + size)))]


def empty_messages(size: int) -> list[bytes]:
    return [joined(ChunkWriter().message(4, 8, 1, 0, b"")) + b"\xc4" * size]


def interrupted_messages(size: int) -> list[bytes]:
    return [joined(*(ChunkWriter().message(4, 9, 1, 0, bytes(9000))[:1] for _ in range(size)))]


def aborted_messages(size: int) -> list[bytes]:
    abort = joined(ChunkWriter().message(2, 2, 0, 0, pack(">L", 4)))
    return [joined(*(ChunkWriter().message(4, 9, 1, 0, bytes(9000))[0] + abort for _ in range(size)))]


def one_long_message(size: int) -> list[bytes]:
    writer = ChunkWriter()
    return [joined(writer.set_chunk_size(1), next(writer.cut(4, 9, 1, 0, bytes(size)))) + b"\xc4\0" * (size - 1)]


def bytes_one_by_one(size: int) -> list[bytes]:
    stream = joined(ChunkWriter().message(4, 9, 1, 0, bytes(4 * size)))
    return [stream[at : at + 1] for at in range(len(stream))]


def bytes_that_are_held_to_look_ahead(size: int) -> list[bytes]:
    """A chunk that can be told only by what follows, in tiny pieces."""
    writer = ChunkWriter(128, "zeros")
    stream = joined(writer.set_chunk_size(4 * size), writer.message(4, 9, 1, 0x1000000, bytes(8 * size)))
    return [stream[at : at + 1] for at in range(len(stream))]


def nonsense(size: int) -> list[bytes]:
    return [b"\xc7" * 100] * size


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (interleaved_bytes, 8000),
        (interleaved_pairs, 8000),
        (many_chunk_streams, 1000),
        (empty_messages, 5000),
        (interrupted_messages, 1000),
        (aborted_messages, 1000),
        (one_long_message, 100_000),
        (bytes_one_by_one, 1000),
        (bytes_that_are_held_to_look_ahead, 1000),
        (nonsense, 10_000),
    ],
)
def test_time_is_in_proportion_to_the_input(make: Callable[[int], list[bytes]], size: int) -> None:
    assert grows_gently(lambda n: seconds(make(n)), size, 8 * size, 20)


def seconds(parts: list[bytes]) -> float:
    """The least time of three that a direction takes for these pieces, without that of the garbage collector."""
    gc.disable()
    try:
        return min(_seconds(parts) for _ in range(3))
    finally:
        gc.enable()


def _seconds(parts: list[bytes]) -> float:
    flow, _ = new_connection().flows
    direction = Direction(1, "client", count(1), Budget())
    direction.feed(Piece(flow, 0, CLIENT_HELLO, [0], [origin(1)]))
    at = HELLO
    begin = process_time()
    for number, part in enumerate(parts):
        direction.feed(Piece(flow, at, part, [at], [origin(number)]))
        at += len(part)
    direction.end()
    return process_time() - begin


def test_time_is_in_proportion_to_the_connections_that_hold_too_much() -> None:
    assert grows_gently(flooded, 200, 1600, 20)


def flooded(connections: int) -> float:
    """The time that so many connections take which never finish a message, when less may be held than they want to."""
    flows = [new_connection(10_000 + number).from_client for number in range(connections)]
    video = joined(ChunkWriter().message(6, 9, 1, 0, bytes(5000)))
    parts = [(0, CLIENT_HELLO), *((HELLO + at, video[at : at + 400]) for at in range(0, 2000, 400))]
    events: list[Begin | Piece] = [Begin(flow.connection, origin(1)) for flow in flows]
    events += [Piece(flow, at, data, [at], [origin(2)]) for at, data in parts for flow in flows]
    begin = process_time()
    for _ in Sessions((), Budget(1000 * connections)).run(events):
        pass
    return process_time() - begin
