"""TCP segments become the two byte streams of each connection.

Takes packets, gives `Begin | Piece | Hole | End` in the order in which the bytes can be known. Every byte of a stream
comes out once, in a piece or as part of a hole. What arrives early is held; a hole is declared

- when the receiver acknowledged bytes that were never captured, and 64 more packets of the connection or 200 ms of
  capture time went by (captures show an acknowledgement before its data),
- when the same wait is over and only one direction was captured, so that no acknowledgement can come,
- when 2 MiB or 30 s of early segments are held without any acknowledgement,
- when the budget for held bytes is spent (the direction that has waited longest gives way),
- when the connection ends.

Of bytes that were sent twice the first copy is kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate
from operator import attrgetter
from struct import Struct
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin, Packet
from rtmpsniff.transport.link import ETHERNET
from rtmpsniff.transport.tcp import ACK, FIN, RST, SYN, Endpoint, Segment, endpoints, reverse, segment_of

Sender: TypeAlias = Literal["client", "server"]
EndReason: TypeAlias = Literal["closed", "reset", "refused", "no answer", "capture ended", "port used again", "evicted"]

RTMP_PORTS: Final = frozenset({1935})

PACKETS_BEFORE_HOLE: Final = 64
TIME_BEFORE_HOLE: Final = 200_000_000  # ns
TIME_BETWEEN_LOOKS: Final = 20_000_000  # ns; a flood of connections with holes must not cost a look at all a packet
UNACKNOWLEDGED_LIMIT: Final = 2 << 20  # bytes
UNACKNOWLEDGED_TIME: Final = 30_000_000_000  # ns
MOST_CONNECTIONS: Final = 16_384
MOST_PARTS: Final = 48  # segments of one direction that travel as one piece

_MODULUS: Final = 1 << 32
_MASK: Final = _MODULUS - 1
_HALF: Final = 1 << 31
_FARTHEST: Final = 1 << 26  # sequence numbers farther ahead belong to no window that exists
_HELD_OVERHEAD: Final = 256  # what holding a segment costs beside its bytes: floods of tiny ones must count

# The frame that nearly every capture consists of: Ethernet without tags, IPv4 without options, TCP.
_COMMON: Final = Struct(">IH2xHxB2x12sIIH")  # from the EtherType on; 12s: both addresses, both ports
_COMMON_HEADERS: Final = 54


class Begin(NamedTuple):
    """A connection was seen for the first time."""

    connection: Connection
    origin: Origin


class Piece(NamedTuple):
    """New bytes of one direction, in order. `packets[i]` brought what stands from stream offset `offsets[i]` on.

    Within a piece packet numbers rise; between pieces they fall where a segment came late.
    """

    flow: Flow
    offset: int
    data: bytes
    offsets: list[int]
    packets: list[Packet]


class Hole(NamedTuple):
    """Bytes of one direction that were never captured. `origin` is the packet that made it certain."""

    flow: Flow
    offset: int
    size: int
    origin: Origin
    reason: str


class End(NamedTuple):
    """A connection is over: `reason` says how, `sender` who began it ("" where nobody did)."""

    connection: Connection
    origin: Origin
    reason: EndReason
    sender: Sender | Literal[""]


Event: TypeAlias = Begin | Piece | Hole | End


class _Held(NamedTuple):
    """A segment, or what is left of one, that came early."""

    offset: int
    data: bytes
    missing_tail: int
    packet: Packet

    @property
    def stop(self) -> int:
        return self.offset + len(self.data)


class _Wait:
    """Since when a direction has been waiting for bytes, and how far the receiver has acknowledged."""

    __slots__ = ("acknowledged", "packets", "since")

    def __init__(self, since: int) -> None:
        self.since = since
        self.packets = 0
        self.acknowledged: int | None = None  # stream offset


class Flow:
    """One direction of a connection, named for its sender."""

    __slots__ = (
        "connection",
        "end_offset",
        "finished",
        "gaps",
        "held",
        "held_bytes",
        "ignored",
        "key",
        "missing_bytes",
        "next",
        "offset",
        "out_of_order",
        "peer",
        "retransmitted_bytes",
        "sender",
        "started",
        "wait",
    )

    peer: Flow

    def __init__(self, connection: Connection, sender: Sender, key: bytes) -> None:
        self.connection = connection
        self.sender: Sender = sender
        self.key = key
        self.started = False  # a sequence number has been seen
        self.ignored = False  # nobody wants the bytes
        self.next = 0  # the sequence number expected next
        self.offset = 0  # the same place as an offset in the stream
        self.end_offset: int | None = None  # where the FIN stands
        self.finished = False  # all up to the FIN was delivered
        self.held: list[_Held] = []  # by offset, without overlaps
        self.held_bytes = 0
        self.wait: _Wait | None = None
        self.retransmitted_bytes = 0
        self.out_of_order = 0
        self.missing_bytes = 0
        self.gaps = 0

    def __repr__(self) -> str:
        held = f", holds {len(self.held)}" if self.held else ""
        return f"<Flow {self.connection.name} from {self.sender} at {self.offset}{held}>"

    @property
    def bytes(self) -> int:
        """Payload bytes that were captured, each counted once."""
        return self.offset - self.missing_bytes

    def start(self, sequence: int) -> None:
        self.started = True
        self.next = sequence & _MASK
        self.connection.plain[self.key] = self

    def distance(self, sequence: int) -> int:
        """How far a sequence number lies ahead of the one expected next, or behind it (RFC 9293, 3.4)."""
        ahead = (sequence - self.next) & _MASK
        return ahead - _MODULUS if ahead >= _HALF else ahead

    def advance(self, size: int) -> None:
        self.offset += size
        self.next = (self.next + size) & _MASK

    def began_at(self, sequence: int) -> bool:
        """Whether the stream's first byte had this sequence number."""
        return (self.next - self.offset - sequence) & _MASK == 0


class Connection:
    """A TCP connection: its two ends, its two flows, and what is known of its course."""

    __slots__ = (
        "answered",
        "begun",
        "client",
        "closed",
        "closer",
        "from_client",
        "from_server",
        "plain",
        "server",
        "whole",
    )

    def __init__(self, client_key: bytes, begun: Origin, whole: bool, plain: dict[bytes, Flow]) -> None:
        self.client: Endpoint
        self.server: Endpoint
        self.client, self.server = endpoints(client_key)
        self.begun = begun
        self.plain = plain  # see `Reassembler`
        self.whole = whole  # the capture holds its SYN or SYN-ACK
        self.answered = False  # the server has sent something other than a reset
        self.closed = False
        self.closer: Sender | Literal[""] = ""  # who sent the first FIN
        self.from_client = Flow(self, "client", client_key)
        self.from_server = Flow(self, "server", reverse(client_key))
        self.from_client.peer, self.from_server.peer = self.from_server, self.from_client

    @property
    def flows(self) -> tuple[Flow, Flow]:
        return self.from_client, self.from_server

    @property
    def name(self) -> str:
        return f"{self.client} -> {self.server}"

    def __repr__(self) -> str:
        return f"<Connection {self.name}{' closed' if self.closed else ''}>"

    def ignore(self) -> None:
        """Nobody wants the bytes of this connection: from now on they are counted and not delivered."""
        for flow in self.flows:
            flow.ignored = True
            self.plain.pop(flow.key, None)

    def exchange_roles(self) -> None:
        """What was taken for the client is the server: the bytes said so."""
        self.client, self.server = self.server, self.client
        self.from_client, self.from_server = self.from_server, self.from_client
        self.from_client.sender, self.from_server.sender = "client", "server"


class _Batch:
    """Segments of one direction that followed one another and were not yet handed on.

    The direction's `next` moves with each of them, its `offset` when they become a piece.
    """

    __slots__ = ("flow", "packets", "parts")

    def __init__(self) -> None:
        self.flow: Flow | None = None
        self.parts: list[bytes] = []
        self.packets: list[Packet] = []

    def piece(self) -> Piece:
        flow, parts, packets = self.flow, self.parts, self.packets
        assert flow is not None  # noqa: S101 - parts are of a flow
        self.flow, self.parts, self.packets = None, [], []
        begin = flow.offset
        *offsets, flow.offset = accumulate(map(len, parts), initial=begin)
        return Piece(flow, begin, b"".join(parts), offsets, packets)


class Reassembler:
    """Every connection of a capture. `run` is the door."""

    def __init__(self, server_ports: Collection[int] = RTMP_PORTS, budget: Budget | None = None) -> None:
        self.server_ports = server_ports
        self.budget = budget or Budget()
        self.flows: dict[bytes, Flow] = {}
        # Those that began, did not end and await nothing: their segments take the short way.
        self.plain: dict[bytes, Flow] = {}
        self.waiting: dict[Flow, None] = {}  # in the order in which they began to wait
        self.last = Origin(0, 0, 0)  # the packet at hand
        self._next_look = 0  # when all that wait are looked at again
        self.unread = 0  # packets that are no TCP, or no whole TCP header

    def run(self, packets: Iterable[Packet]) -> Iterator[Event]:  # noqa: C901 - unrolled for speed
        """Rebuild the streams of all connections in `packets`; ends what is open when they end."""
        flows, plain, waiting, common = self.flows, self.plain, self.waiting, _COMMON.unpack_from
        packet: Packet | None = None
        batch = _Batch()
        parts, origins = batch.parts, batch.packets
        for packet in packets:
            _, _, _, link, data, _ = packet
            here = len(data)
            if link == ETHERNET and here >= _COMMON_HEADERS:
                # The next segment of a direction that awaits nothing: nearly always. What `segment_of` reads in
                # general stands here at fixed offsets, since this loop is what the speed of the whole rests on.
                kind, total, fragment, protocol, key, sequence, acknowledgement, bits = common(data, 12)
                flow = plain.get(key)
                if (
                    flow is not None
                    and sequence == flow.next
                    and kind >> 8 == 0x080045  # IPv4 without options
                    and protocol == 6  # TCP
                    and not fragment & 0x3FFF
                    and bits & 0x17 == 0x10  # an acknowledgement, no SYN, no FIN, no RST
                    and bits >= 0x5000
                    and not waiting
                ):
                    start, stop = 34 + (bits >> 12) * 4, 14 + total
                    if start < stop <= here:
                        # What a segment with data acknowledges is left to the next one without.
                        if flow is not batch.flow or len(parts) >= MOST_PARTS:
                            if parts:
                                yield batch.piece()
                                parts, origins = batch.parts, batch.packets
                            batch.flow = flow
                        parts.append(data[start:stop])
                        origins.append(packet)
                        flow.next = (sequence + stop - start) & 0xFFFFFFFF
                        continue
                    if start == stop and (flow.peer.next - acknowledgement) & 0x80000000 == 0:  # of nothing unseen
                        continue
                elif not bits & 0x07 and flow is None and (flow := flows.get(key)) is not None and flow.ignored:
                    continue
            if parts:
                yield batch.piece()
                parts, origins = batch.parts, batch.packets
            self.last = Origin(packet.capture, packet.number, packet.time)
            yield from self._packet(packet)
        if parts:
            yield batch.piece()
        if packet is not None:
            self.last = Origin(packet.capture, packet.number, packet.time)
        yield from self._finish()

    def _packet(self, packet: Packet) -> Iterator[Event]:
        """Any packet that is not simply the next segment."""
        segment = segment_of(packet)
        flow = None if segment is None else self.flows.get(segment.key)
        if self.waiting:
            yield from self._release_overdue(flow)
        if segment is None:
            self.unread += 1
            return
        if segment.flags & SYN:
            yield from self._synchronize(segment)
        elif flow is None:
            yield from self._join(segment)
        flow = self.flows.get(segment.key)
        if flow is None or flow.connection.closed:
            return
        if segment.flags & RST:
            yield from self._reset(flow, segment)
        elif flow.ignored:
            yield from self._pass_over(flow, segment)
        else:
            yield from self._segment(flow, segment)

    def _pass_over(self, flow: Flow, segment: Segment) -> Iterator[Event]:
        """A segment that nobody wants: only the end of the connection matters."""
        if segment.flags & FIN:
            flow.finished = True
            if flow.peer.finished:
                yield from self._end(flow.connection, "closed", flow.sender)

    # Connections begin.

    def _connect(self, client_key: bytes, whole: bool) -> Iterator[Event]:
        yield from self._make_room()
        connection = Connection(client_key, self.last, whole, self.plain)
        for flow in connection.flows:
            self.flows.pop(flow.key, None)  # so that the new one stands last, as the youngest
            self.flows[flow.key] = flow
        yield Begin(connection, self.last)

    def _synchronize(self, segment: Segment) -> Iterator[Event]:
        """A SYN or SYN-ACK: a new connection, the answer to one, or a repetition."""
        flow = self.flows.get(segment.key)
        first = segment.sequence + 1
        answer = segment.flags & ACK
        if flow is not None and not flow.connection.closed:
            if not flow.started:
                flow.start(first)
                return
            if answer or flow.began_at(first):
                return
            yield from self._end(flow.connection, "port used again", "")
        elif flow is not None and answer:
            return  # a late answer to a connection that is over
        yield from self._connect(reverse(segment.key) if answer else segment.key, whole=True)
        self.flows[segment.key].start(first)

    def _join(self, segment: Segment) -> Iterator[Event]:
        """The first sight of a connection that began before the capture: who is the client is a guess by port."""
        if segment.flags & (RST | FIN) and not segment.payload:
            return
        source, target = endpoints(segment.key)
        to_server = target.port in self.server_ports
        if to_server == (source.port in self.server_ports):
            to_server = target.port <= source.port
        yield from self._connect(segment.key if to_server else reverse(segment.key), whole=False)
        self.flows[segment.key].connection.answered = True
        self.flows[segment.key].start(segment.sequence)

    def _make_room(self) -> Iterator[Event]:
        """Forget connections that are over, and if those are few the oldest quarter of the others."""
        if len(self.flows) < 2 * MOST_CONNECTIONS:
            return
        for key in [key for key, flow in self.flows.items() if flow.connection.closed]:
            del self.flows[key]
        if len(self.flows) < 3 * MOST_CONNECTIONS // 2:
            return
        for flow in list(self.flows.values())[: len(self.flows) // 4]:
            yield from self._end(flow.connection, "evicted", "")
            del self.flows[flow.key]

    # Bytes arrive.

    def _segment(self, flow: Flow, segment: Segment) -> Iterator[Event]:
        if flow.sender == "server":
            flow.connection.answered = True
        if segment.flags & ACK:
            self._acknowledge(flow.peer, segment.acknowledgement)
        if not flow.started:
            flow.start(segment.sequence)
        distance = flow.distance(segment.sequence + (1 if segment.flags & SYN else 0))
        size = len(segment.payload) + segment.missing_tail
        if not -_FARTHEST < distance < _FARTHEST:
            self.unread += 1
            return
        offset = flow.offset + distance
        if segment.flags & FIN and flow.end_offset is None:
            flow.end_offset = max(offset + size, flow.offset)
            self.plain.pop(flow.key, None)
            flow.connection.closer = flow.connection.closer or flow.sender
        if size and not (size == 1 and distance == -1):  # a keep-alive repeats the last byte
            if distance > 0:
                self._hold(flow, _Held(offset, segment.payload, segment.missing_tail, segment.packet))
            else:
                yield from self._deliver(flow, _Held(offset, segment.payload, segment.missing_tail, segment.packet))
                yield from self._fill(flow)
        for direction in (flow, flow.peer):
            if direction.wait is not None:
                direction.wait.packets += 1
        yield from self._finish_flow(flow)

    def _deliver(self, flow: Flow, held: _Held) -> Iterator[Event]:
        """Bytes that begin at or before the place expected: what is new of them goes out."""
        known = flow.offset - held.offset
        size = len(held.data) + held.missing_tail
        flow.retransmitted_bytes += min(known, size)
        data = held.data[known:]
        if data:
            if not flow.ignored:
                yield Piece(flow, flow.offset, data, [flow.offset], [held.packet])
            flow.advance(len(data))
        if held.missing_tail and (cut := held.offset + size - flow.offset) > 0:
            yield self._skip(flow, cut, "cut by the snapshot length")

    def _skip(self, flow: Flow, size: int, reason: str) -> Hole:
        hole = Hole(flow, flow.offset, size, self.last, reason)
        flow.gaps += 1
        flow.missing_bytes += size
        flow.advance(size)
        return hole

    # Bytes arrive early.

    def _hold(self, flow: Flow, early: _Held) -> None:
        """Keep what came early; where it overlaps with what is held already, the first copy stays."""
        flow.out_of_order += 1
        parts = list(_uncovered(flow.held, early.offset, early.data))
        flow.retransmitted_bytes += len(early.data) - sum(len(data) for _, data in parts)
        if early.missing_tail and not (parts and parts[-1][0] + len(parts[-1][1]) == early.stop):
            parts.append((early.stop, b""))
        for offset, data in parts:
            tail = early.missing_tail if offset + len(data) == early.stop else 0
            at = bisect_left(flow.held, offset, key=attrgetter("offset"))
            flow.held.insert(at, _Held(offset, data, tail, early.packet))
            self._count_held(flow, len(data) + _HELD_OVERHEAD)
        self._wait_for(flow)

    def _count_held(self, flow: Flow, change: int) -> None:
        flow.held_bytes += change
        self.budget.held += change

    def _fill(self, flow: Flow) -> Iterator[Event]:
        """Deliver held segments as far as they join on without a hole."""
        while flow.held and flow.held[0].offset <= flow.offset:
            held = flow.held.pop(0)
            self._count_held(flow, -len(held.data) - _HELD_OVERHEAD)
            yield from self._deliver(flow, held)
        self._settle(flow)

    def _wait_for(self, flow: Flow) -> _Wait:
        if flow.wait is None:
            flow.wait = _Wait(self.last.time)
            self.waiting[flow] = None
            self.plain.pop(flow.key, None)
        return flow.wait

    def _settle(self, flow: Flow) -> None:
        """Stop waiting when nothing is held and nothing unseen was acknowledged."""
        wait = flow.wait
        if wait is not None and not flow.held and (wait.acknowledged or 0) <= flow.offset:
            flow.wait = None
            del self.waiting[flow]
            if flow.end_offset is None and not flow.ignored:
                self.plain[flow.key] = flow

    # Bytes never arrive.

    def _acknowledge(self, flow: Flow, acknowledgement: int) -> None:
        """The receiver of `flow` has everything up to here: what the capture has not by then, it may never have."""
        if not flow.started:
            return
        acknowledged = flow.offset + flow.distance(acknowledgement)
        if flow.end_offset is not None:  # a FIN takes a sequence number and no byte
            acknowledged = min(acknowledged, flow.end_offset)
        if flow.offset < acknowledged < flow.offset + _FARTHEST:
            wait = self._wait_for(flow)
            wait.acknowledged = max(wait.acknowledged or 0, acknowledged)

    def _release_overdue(self, flow: Flow | None) -> Iterator[Event]:
        """Declare the holes that were waited for long enough: of the connection at hand, now and then of all."""
        due: Iterable[Flow] = () if flow is None else (flow, flow.peer)
        if not self._next_look - TIME_BEFORE_HOLE < self.last.time < self._next_look:
            self._next_look = self.last.time + TIME_BETWEEN_LOOKS
            due = list(self.waiting)
        for waiting in due:
            if waiting.wait is not None and self._overdue(waiting, waiting.wait):
                yield from self._release(waiting, "never captured")
        while self.budget.spent and self.waiting:
            yield from self._release(next(iter(self.waiting)), "given up: too much is held back")

    def _overdue(self, flow: Flow, wait: _Wait) -> bool:
        age = self.last.time - wait.since
        if wait.acknowledged is not None or not flow.peer.started:
            return wait.packets >= PACKETS_BEFORE_HOLE or age >= TIME_BEFORE_HOLE
        return flow.held_bytes > UNACKNOWLEDGED_LIMIT or age >= UNACKNOWLEDGED_TIME

    def _release(self, flow: Flow, reason: str) -> Iterator[Event]:
        """Declare the next hole of a direction and deliver what stands behind it."""
        acknowledged = flow.wait.acknowledged if flow.wait is not None else None
        ends = [flow.held[0].offset] if flow.held else []
        if acknowledged is not None and acknowledged > flow.offset:
            ends.append(acknowledged)
        if ends:
            yield self._skip(flow, min(ends) - flow.offset, reason)
        yield from self._fill(flow)
        if flow.wait is not None:  # the next hole has its own time to be filled
            flow.wait.since, flow.wait.packets = self.last.time, 0
        yield from self._finish_flow(flow)

    # Connections end.

    def _finish_flow(self, flow: Flow) -> Iterator[Event]:
        if flow.end_offset is None or flow.finished or flow.offset < flow.end_offset:
            return
        flow.finished = True
        if flow.peer.finished or not flow.peer.started:
            yield from self._end(flow.connection, "closed", flow.connection.closer)

    def _reset(self, flow: Flow, segment: Segment) -> Iterator[Event]:
        if flow.started and not -1 <= flow.distance(segment.sequence) < _FARTHEST:
            return  # a late one, from an earlier connection (RFC 5961, 3)
        refused = flow.sender == "server" and not flow.connection.answered
        yield from self._end(flow.connection, "refused" if refused else "reset", flow.sender)

    def _end(self, connection: Connection, reason: EndReason, sender: Sender | Literal[""]) -> Iterator[Event]:
        if connection.closed:
            return
        connection.closed = True
        for flow in connection.flows:
            while flow.wait is not None:
                yield from self._release(flow, "never captured")
            self.plain.pop(flow.key, None)
            if flow.end_offset is not None and flow.offset < flow.end_offset:
                yield self._skip(flow, flow.end_offset - flow.offset, "never captured")
        yield End(connection, self.last, reason, sender)

    def _finish(self) -> Iterator[Event]:
        for flow in list(self.flows.values()):
            connection = flow.connection
            if connection.closer:
                yield from self._end(connection, "closed", connection.closer)
            else:
                yield from self._end(connection, "capture ended" if connection.answered else "no answer", "")


def _uncovered(held: Sequence[_Held], offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """The parts of a segment that no held segment covers, with their offsets."""
    at = max(bisect_right(held, offset, key=attrgetter("offset")) - 1, 0)
    while data and at < len(held) and held[at].offset < offset + len(data):
        there = held[at]
        if there.offset > offset:
            yield offset, data[: there.offset - offset]
        known = max(there.stop - offset, 0)
        data, offset = data[known:], offset + known
        at += 1
    if data:
        yield offset, data


def reassemble(packets: Iterable[Packet], server_ports: Collection[int] = RTMP_PORTS) -> Iterator[Event]:
    """The streams of every TCP connection in `packets`."""
    return Reassembler(server_ports).run(packets)
