"""Conversations as packets, and what their reassembly gave: for all tests of the transport."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from rtmpsniff.capture.packet import Packet, tick
from rtmpsniff.transport.connection import Connection
from rtmpsniff.transport.events import (
    Begin,
    End,
    Event,
    Hole,
    Piece,
    Tick,
)
from rtmpsniff.transport.reassembly import reassemble
from rtmpsniff.transport.udp import Datagram
from tests.build import Conversation, Frame, Sender

ETHERNET, RAW, LINUX_COOKED_2 = 1, 101, 276
START = 1_700_000_000_000_000_000
MILLISECOND = 1_000_000
SECOND = 1000 * MILLISECOND
ARP = bytes(12) + b"\x08\x06" + bytes(46)
CLIENT_FIRST = 1_000_001  # sequence number of the first byte, as the builder has it
UNKNOWN = ord("?")
HEADERS = 14 + 20 + 32


def packets(frames: Iterable[Frame], link: int = ETHERNET, snapshot: int | None = None) -> Iterator[Packet]:
    for number, frame in enumerate(frames, 1):
        yield Packet(0, number, frame.time, link, frame.data[:snapshot], len(frame.data))


def run(frames: Iterable[Frame], snapshot: int | None = None) -> list[Event]:
    return list(reassemble(packets(frames, snapshot=snapshot)))


def data(events: Iterable[Event], sender: Sender = "client") -> bytes:
    """What one direction of a single connection carried."""
    joined = bytearray()
    for event in events:
        if isinstance(event, Piece | Hole) and event.flow.sender == sender:
            assert event.offset == len(joined)
            joined += event.data if isinstance(event, Piece) else bytes([UNKNOWN]) * (event.size or 0)
    return bytes(joined)


def both(events: Sequence[Event]) -> tuple[bytes, bytes]:
    return data(events, "client"), data(events, "server")


def holes(events: Iterable[Event]) -> list[Hole]:
    return [event for event in events if isinstance(event, Hole)]


def ends(events: Iterable[Event]) -> list[tuple[str, str]]:
    return [(event.reason, event.sender) for event in events if isinstance(event, End)]


def connection_of(events: Iterable[Event]) -> Connection:
    (begin,) = (event for event in events if isinstance(event, Begin))
    return begin.connection


def by_connection(events: Iterable[Event]) -> list[list[Event]]:
    """The events of each connection, in the order in which they began."""
    found: dict[Connection, list[Event]] = {}
    for event in events:
        assert not isinstance(event, Datagram | Tick)
        connection = event.flow.connection if isinstance(event, Piece | Hole) else event.connection
        found.setdefault(connection, []).append(event)
    return list(found.values())


def opened(
    step: int = MILLISECOND, mss: int = 1448, ack_every: int = 0, client_sequence: int = 1_000_000
) -> Conversation:
    talk = Conversation(step=step, mss=mss, ack_every=ack_every, client_sequence=client_sequence, checksums=False)
    talk.open()
    return talk


def merged(*talks: Conversation) -> list[Frame]:
    """The frames of several conversations in the order of their times."""
    return sorted(chain.from_iterable(talk.frames for talk in talks), key=lambda frame: frame.time)


def pieces(events: Iterable[Event]) -> list[tuple[str, int, bytes]]:
    return [(event.flow.sender, event.offset, event.data) for event in events if isinstance(event, Piece)]


def after(talk: Conversation, nanoseconds: int) -> Packet:
    """So long after the last packet of a conversation, and nothing came."""
    (*_, last) = packets(talk.frames)
    return tick(last, last.time + nanoseconds)
