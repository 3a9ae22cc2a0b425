"""Streams fed to the readers of RTMP in three ways, and what comes out, checked for what must hold of any stream.

Takes the bytes of one direction, or the turns of both, with holes where a number stands. Gives the events: the same
however the bytes were cut into pieces, and together they account for every byte.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import count, zip_longest
from typing import NamedTuple, TypeAlias

import pytest

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin, Packet
from rtmpsniff.findings import Finding, Rule
from rtmpsniff.rtmp.direction import Direction
from rtmpsniff.rtmp.events import Closed, Event, Greeting, Message, Opened, Undecoded
from rtmpsniff.rtmp.passage import Chunk
from rtmpsniff.rtmp.session import Sessions
from rtmpsniff.transport.connection import Connection, Flow, Sender
from rtmpsniff.transport.events import Begin, End, EndReason, Hole, Piece
from rtmpsniff.transport.reassembly import reassemble
from tests.build import Conversation, Frame, handshake

Cut: TypeAlias = Callable[[int], list[int]]  # from a number of bytes to the sizes of the pieces that they come in
Part: TypeAlias = bytes | int  # bytes that were sent, or how many were never captured
Turn: TypeAlias = tuple[Sender, Part]

SENDERS: tuple[Sender, ...] = ("client", "server")
SEGMENT = 100  # bytes that each packet brings; pieces are cut without regard to it
CLIENT_HELLO = handshake().c0c1 + handshake().c2
SERVER_HELLO = handshake().s0s1s2
HELLO = len(CLIENT_HELLO)  # where the chunks begin


def whole(size: int) -> list[int]:
    return [size]


def bytewise(size: int) -> list[int]:
    return [1] * size


def cut_at_random(size: int) -> list[int]:
    dice = random.Random(size)
    sizes: list[int] = []
    while size:
        sizes.append(min(dice.choice((1, 2, 3, 7, 40, 150, 700)), size))
        size -= sizes[-1]
    return sizes


three_feedings = pytest.mark.parametrize("cut", [whole, bytewise, cut_at_random])


def packets_of(frames: Iterable[Frame]) -> Iterator[Packet]:
    """Frames as a capture would give them, numbered from 1."""
    for number, frame in enumerate(frames, 1):
        yield Packet(0, number, frame.time, 1, frame.data, len(frame.data))


def new_connection(client: int = 50000, server: int = 1935, *, whole: bool = True) -> Connection:
    """A connection as TCP gives it: with its SYN, or met in the middle."""
    talk = Conversation(("10.0.0.1", client), ("10.0.0.2", server))
    frames = talk.open() if whole else [talk.ack("client")]
    begin = next(event for event in reassemble(packets_of(frames)) if isinstance(event, Begin))
    return begin.connection


class Carrier:
    """Cuts what is sent into packets of `SEGMENT` bytes, and these, all alike, into pieces."""

    def __init__(self, cut: Cut) -> None:
        self.cut = cut
        self.number = 0
        # By flow: who is the client may only turn out later.
        self._offsets: dict[Flow, int] = {}
        self._places: dict[Flow, dict[int, int]] = {}

    def offset(self, sender: Sender) -> int:
        """How many bytes this side sent."""
        return sum(offset for flow, offset in self._offsets.items() if flow.sender == sender)

    def places(self, sender: Sender) -> dict[int, int]:
        """Which packet brought which of its bytes."""
        return next((places for flow, places in self._places.items() if flow.sender == sender), {})

    def carry(self, flow: Flow, part: Part) -> Iterator[Piece | Hole]:
        offset = self._offsets.get(flow, 0)
        size = part if isinstance(part, int) else len(part)
        self._offsets[flow] = offset + size
        flow.advance(size)
        if isinstance(part, int):
            yield Hole(flow, offset, size, self.here, "never captured")
            return
        first = self.number + 1
        self.number += -(-size // SEGMENT)
        self._places.setdefault(flow, {}).update({offset + at: first + at // SEGMENT for at in range(size)})
        begin = 0
        for length in self.cut(size):
            starts = [begin, *(at for at in range(begin + 1, begin + length) if at % SEGMENT == 0)]
            places = [origin(first + at // SEGMENT) for at in starts]
            yield Piece(flow, offset + begin, part[begin : begin + length], [offset + at for at in starts], places)
            begin += length

    @property
    def here(self) -> Origin:
        return origin(self.number)


def origin(number: int) -> Origin:
    return Origin(0, number, number * 1_000_000)


def read(
    stream: Part | Sequence[Part], cut: Cut, sender: Sender = "client", *, hello: bytes = CLIENT_HELLO
) -> list[Event]:
    """All events of one direction after a handshake, which is left out; checked by what must hold of any stream."""
    parts = stream if isinstance(stream, Sequence) and not isinstance(stream, bytes) else [stream]
    events, carrier = _read(parts, cut, sender, hello)
    assert_accounted(events, carrier, sender)
    if cut is not whole:
        assert_same(events, _read(parts, whole, sender, hello)[0])
    return [event for event in events if not (hello and isinstance(event, Greeting))]


def _read(parts: Sequence[Part], cut: Cut, sender: Sender, hello: bytes) -> tuple[list[Event], Carrier]:
    budget = Budget()
    direction = Direction(1, sender, count(1), budget)
    flow = next(flow for flow in new_connection().flows if flow.sender == sender)
    carrier = Carrier(whole)
    events: list[Event] = []
    for part in [hello, *parts] if hello else parts:
        for item in carrier.carry(flow, part):
            events += direction.feed(item) if isinstance(item, Piece) else direction.lose(item)
        carrier.cut = cut
    events += direction.end()
    assert budget.held == 0
    return events, carrier


def converse(
    turns: Iterable[Turn],
    cut: Cut = whole,
    *,
    client: int = 50000,
    server: int = 1935,
    captured_from_start: bool = True,
    ports: Sequence[int] = (),
    reason: EndReason = "closed",
    in_order: bool = True,
) -> list[Event]:
    """All events of a connection whose sides take turns; checked by what must hold of any session.

    `in_order`: what is read does not wait for later bytes, so the order of both sides' events does not change either.
    """
    turns = list(turns)
    dialog = _converse(turns, cut, new_connection(client, server, whole=captured_from_start), ports, reason)
    if dialog.events:
        for sender in SENDERS:
            assert_accounted(dialog.events, dialog.carrier, sender)
    if cut is not whole:
        again = _converse(turns, whole, new_connection(client, server, whole=captured_from_start), ports, reason)
        if in_order:
            assert_same(dialog.events, again.events)
        else:
            for sender in SENDERS:
                assert_same(_unnumbered(dialog.events, sender), _unnumbered(again.events, sender))
    return dialog.events


class _Dialog(NamedTuple):
    events: list[Event]
    carrier: Carrier


def _converse(
    turns: Sequence[Turn], cut: Cut, connection: Connection, ports: Sequence[int], reason: EndReason
) -> _Dialog:
    carrier, budget = Carrier(cut), Budget()
    events = list(Sessions(ports, budget).run(stream_events(turns, connection, carrier, reason)))
    assert budget.held == 0
    return _Dialog(events, carrier)


def stream_events(
    turns: Iterable[Turn], connection: Connection, carrier: Carrier, reason: EndReason = "closed"
) -> Iterator[Begin | Piece | Hole | End]:
    """What TCP makes of a connection whose sides take turns."""
    flows = {flow.sender: flow for flow in connection.flows}  # by the roles that TCP guessed, if it had to
    yield Begin(connection, connection.begun)
    for sender, part in turns:
        yield from carrier.carry(flows[sender], part)
    yield End(connection, carrier.here, reason, "")


def assert_accounted(events: Iterable[Event], carrier: Carrier, sender: Sender) -> None:
    """Every byte that `sender` sent is in one event and in one only, and messages name their packets."""
    spans: list[tuple[int, int]] = []
    for event in events:
        if isinstance(event, Message) and event.sender == sender:
            spans += [chunk_span(chunk) for chunk in event.chunks]
            assert_packets(event, carrier.places(sender))
            assert_consistent(event)
        elif isinstance(event, Greeting) and event.sender == sender:
            spans.append((event.offset, event.offset + len(event.data)))
        elif isinstance(event, Undecoded) and event.sender == sender:
            spans.append((event.offset, event.offset + event.length))
    at = 0
    for start, stop in sorted(spans):
        assert start == at, f"{sender}: the bytes from {min(at, start)} to {max(at, start)} are in no event or in two"
        at = stop
    assert at == carrier.offset(sender), f"{sender}: {at} of {carrier.offset(sender)} bytes are in an event"


def chunk_span(chunk: Chunk) -> tuple[int, int]:
    return chunk.offset, chunk.offset + chunk.run * (chunk.unseen + len(chunk.header) + chunk.size)


def assert_packets(message: Message, places: dict[int, int]) -> None:
    """A message names the least and the greatest of the packets that brought it."""
    header = len(message.chunks[0].header) if message.state == "whole" else 1
    stop = max((chunk_span(chunk)[1] for chunk in message.chunks if chunk.size), default=message.offset + header)
    own = (at for chunk in message.chunks for at in range(*chunk_span(chunk)) if at < stop and at in places)
    numbers = {places[at] for at in own}
    expected = origin(min(numbers)), origin(max(numbers))
    found = message.first, message.last
    assert found == expected, f"{message.state} message: packets {found} and not {expected}"


def assert_consistent(message: Message) -> None:
    """What a message says of itself agrees with what it holds."""
    payload = message.payload
    assert sum(chunk.run * chunk.size for chunk in message.chunks) == len(payload)
    assert all(not any(payload[start:stop]) for start, stop in message.missing)
    full = len(payload) == message.length
    assert full == (message.state in {"whole", "damaged"}), f"{message.state}: {len(payload)} of {message.length}"
    assert bool(message.missing) == (message.state == "damaged") or not full


_FACTS = [field.name for field in fields(Message) if field.init and field.name not in {"parts", "came"}]


def facts(events: Iterable[Event]) -> list[object]:
    """Events as values that can be compared."""
    return [
        tuple(getattr(event, name) for name in [*_FACTS, "payload", "chunks", "first", "last"])
        if isinstance(event, Message)
        else event
        for event in events
    ]


def assert_same(events: Iterable[Event], others: Iterable[Event]) -> None:
    for one, other in zip_longest(facts(events), facts(others)):
        assert one == other, f"cut: {one}\nwhole: {other}"


def _unnumbered(events: Iterable[Event], sender: Sender) -> Iterator[Event]:
    """What one side said; messages are numbered in the order in which those of both sides were complete."""
    for event in events:
        if getattr(event, "sender", "") == sender:
            yield replace(event, number=0) if isinstance(event, Message) else event


def messages(events: Iterable[Event]) -> list[Message]:
    return [event for event in events if isinstance(event, Message)]


def greetings(events: Iterable[Event]) -> list[Greeting]:
    return [event for event in events if isinstance(event, Greeting)]


def undecoded(events: Iterable[Event]) -> list[Undecoded]:
    return [event for event in events if isinstance(event, Undecoded)]


def findings(events: Iterable[Event]) -> list[Finding]:
    return [event for event in events if isinstance(event, Finding)]


def rules(events: Iterable[Event]) -> list[Rule]:
    return [finding.rule for finding in findings(events)]


def opened(events: Iterable[Event]) -> list[Opened]:
    return [event for event in events if isinstance(event, Opened)]


def closed(events: Iterable[Event]) -> Closed:
    (event,) = (event for event in events if isinstance(event, Closed))
    return event


def brief(events: Iterable[Event]) -> list[tuple[int, int, int, int, bytes]]:
    """Messages as chunk stream, type, message stream, timestamp and payload."""
    return [
        (one.chunk_stream_id, one.message_type_id, one.message_stream_id, one.timestamp, one.payload)
        for one in messages(events)
    ]


def said(events: Iterable[Event]) -> list[tuple[int, str, bytes]]:
    """Messages as timestamp, state and payload."""
    return [(one.timestamp, one.state, one.payload) for one in messages(events)]
