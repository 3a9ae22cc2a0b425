"""TCP segments become the two byte streams of each connection.

Takes packets, gives `Begin | Piece | Hole | End` in the order in which the bytes can be known. Every byte of a stream
comes out once, in a piece or as part of a hole. What arrives early is held; when the bytes before it are given up,
`waiting` says. Where the budget for held bytes is spent, the direction that has waited longest gives way. Of bytes that
were sent twice the first copy is kept. Connections that are over are forgotten after a while, and those on which
nothing happens for long are ended: memory holds what goes on, however long that takes. All times are those of packets.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from heapq import heappop, heappush
from itertools import accumulate
from operator import attrgetter
from struct import Struct
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import TICK, Origin, Packet
from rtmpsniff.transport.duplicates import Duplicates
from rtmpsniff.transport.fragments import Fragments
from rtmpsniff.transport.link import ETHERNET, LINKS
from rtmpsniff.transport.recent import Recent, compare
from rtmpsniff.transport.tcp import ACK, FIN, RST, SYN, Endpoint, Segment, endpoints, reverse, segment_of
from rtmpsniff.transport.udp import Datagram, datagram_of
from rtmpsniff.transport.waiting import TIME_BEFORE_HOLE, Held, Wait, uncovered

Sender: TypeAlias = Literal["client", "server"]
EndReason: TypeAlias = Literal[
    "closed", "reset", "refused", "no answer", "capture ended", "port used again", "idle", "evicted"
]

RTMP_PORTS: Final = frozenset({1935})

TIME_BETWEEN_LOOKS: Final = 20_000_000  # ns; a flood of connections with holes must not cost a look at all a packet
MOST_CONNECTIONS: Final = 16_384
TIME_BETWEEN_SWEEPS: Final = 10_000_000_000  # ns; so much longer than these may pass before a connection is let go:
TIME_AFTER_END: Final = 60_000_000_000  # as long as Linux keeps a closed connection (TIME_WAIT)
TIME_UNANSWERED: Final = 300_000_000_000  # of one that was never answered, or half closed; Linux gives up after 127 s
TIME_IDLE: Final = 3_600_000_000_000
LONGEST_STEP: Final = 60_000_000_000  # where times jump, or nothing at all was captured, no more than this has passed
MOST_PARTS: Final = 96  # segments of one direction that travel as one piece

_MODULUS: Final = 1 << 32
_MASK: Final = _MODULUS - 1
_HALF: Final = 1 << 31
_FARTHEST: Final = 1 << 26  # sequence numbers farther ahead belong to no window that exists
_USUAL_SEGMENT: Final = 1448  # bytes
_NEAR: Final = 1 << 22  # those of one connection, seen in two networks at once, are no farther apart
_HELD_OVERHEAD: Final = 256  # what holding a segment costs beside its bytes: floods of tiny ones must count

# The frame that nearly every capture consists of: Ethernet without tags, IPv4 without options, TCP.
_COMMON: Final = Struct(">IH2xI2x12sIIH")  # from the EtherType on; 12s: both addresses, both ports
_COMMON_HEADERS: Final = 54


class Begin(NamedTuple):
    """A connection was seen for the first time."""

    connection: Connection
    origin: Origin
    replaces: Connection | None = None  # a connection that began before and turns out to carry this one


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
    """Bytes of one direction that are not there, and why. `origin` is the packet that made it certain.

    `size` is None inside a tunnel where nobody can know it; the offsets behind it then count on as if it were 0.
    """

    flow: Flow
    offset: int
    size: int | None
    origin: Origin
    reason: str


class End(NamedTuple):
    """A connection is over: `reason` says how, `sender` who began it ("" where nobody did)."""

    connection: Connection
    origin: Origin
    reason: EndReason
    sender: Sender | Literal[""]


# Why bytes are missing: whose fault it was.
NEVER_CAPTURED: Final = "never captured"  # the receiver has them, or it cannot be known
NEVER_ACKNOWLEDGED: Final = "lost on the network"  # neither captured nor confirmed by the receiver
CUT: Final = "cut by the snapshot length"
HELD_BACK: Final = "given up: too much is held back"
HOLE_REASONS: Final = frozenset({NEVER_CAPTURED, NEVER_ACKNOWLEDGED, CUT, HELD_BACK})


class Tick(NamedTuple):
    """Nothing came, and it is `now` (ns since the epoch): see `capture.packet.tick`."""

    now: int


Event: TypeAlias = Begin | Piece | Hole | End | Datagram | Tick


class Flow:
    """One direction of a connection, named for its sender."""

    __slots__ = (
        "acknowledged",
        "conflict",
        "conflicting_bytes",
        "connection",
        "cut_bytes",
        "cuts",
        "end_offset",
        "finished",
        "gaps",
        "held",
        "held_bytes",
        "ignored",
        "key",
        "longest",
        "missing_bytes",
        "missing_packets",
        "next",
        "offset",
        "out_of_order",
        "peer",
        "promised",
        "retransmitted_bytes",
        "sender",
        "started",
        "stray",
        "unacknowledged_bytes",
        "wait",
    )

    peer: Flow

    def __init__(self, connection: Connection, sender: Sender, key: bytes) -> None:
        self.connection = connection
        self.sender: Sender = sender
        self.key = key
        self.started = False  # a sequence number has been seen
        self.ignored = False  # nobody wants the bytes
        self.promised = -1  # the sequence number that it begins with, by what the other side acknowledged at first
        self.next = 0  # the sequence number expected next
        self.acknowledged = -1  # the last acknowledgement this sender gave together with data
        self.stray = -1  # the sequence number that would follow a segment too far away to be believed
        self.offset = 0  # the same place as an offset in the stream
        self.end_offset: int | None = None  # where the FIN stands
        self.finished = False  # all up to the FIN was delivered
        self.held: list[Held] = []  # by offset, without overlaps
        self.cuts: list[tuple[int, int]] = []  # spans that the snapshot length cut away; a heap
        self.held_bytes = 0
        self.wait: Wait | None = None
        self.retransmitted_bytes = 0
        self.out_of_order = 0
        self.missing_bytes = 0
        self.cut_bytes = 0  # those of them that the snapshot length cut away
        self.unacknowledged_bytes = 0  # those of them that the receiver never confirmed
        self.missing_packets = 0  # at least so many brought what is missing
        self.gaps = 0
        self.longest = 0  # the longest segment that was looked at, in bytes
        self.conflicting_bytes = 0  # that were sent again as other ones
        self.conflict: tuple[int, Origin] | None = None  # where they begin, and the packet

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
        # What follows a client's SYN is to be looked at: it tells whether the server answered.
        if not self.ignored and (self.sender == "server" or self.connection.answered):
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
        "mark",
        "moved",
        "places",
        "plain",
        "seen",
        "server",
        "tag",
        "whole",
    )

    def __init__(
        self, client_key: bytes, begun: Origin, whole: bool, plain: dict[bytes, Flow], tag: bytes = b""
    ) -> None:
        self.client: Endpoint
        self.server: Endpoint
        self.client, self.server = endpoints(client_key)
        self.begun = begun
        self.plain = plain  # see `Reassembler`
        self.tag = tag  # the networks that its first packet was seen in
        self.whole = whole  # the capture holds its SYN or SYN-ACK
        self.answered = False  # the server has sent something other than a reset
        self.closed = False
        self.places = (-1, -1)  # where both sides were at the last look
        self.moved = begun.time  # the look at which they were found to have moved
        self.closer: Flow | None = None  # who sent the first FIN
        self.seen = 0  # when something happened, as far as `Reassembler` looked, by its own clock
        self.mark: tuple[object, ...] = ()  # its state at the last sweep
        self.from_client = Flow(self, "client", client_key)
        self.from_server = Flow(self, "server", reverse(client_key))
        self.from_client.peer, self.from_server.peer = self.from_server, self.from_client

    @property
    def flows(self) -> tuple[Flow, Flow]:
        return self.from_client, self.from_server

    def answer(self) -> None:
        """The server has answered the client's SYN, so what follows it can take the short way."""
        self.answered = True
        client = self.from_client
        if client.started and client.end_offset is None:
            client.start(client.next)

    @property
    def name(self) -> str:
        return f"{self.client} -> {self.server}"

    def __repr__(self) -> str:
        return f"<Connection {self.name}{' closed' if self.closed else ''}>"

    def look(self, now: int) -> None:
        """Remember how far both sides are, and when they were seen to be farther than before."""
        places = self.from_client.next, self.from_server.next
        if places != self.places:
            self.places, self.moved = places, now

    def ignore(self) -> None:
        """Nobody wants the bytes of this connection: from now on only its end matters."""
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

    __slots__ = ("flow", "note", "packets", "parts", "taken")

    def __init__(self, taken: deque[list[Packet]], recent: Recent) -> None:
        self.taken = taken  # the packets of the last batches
        self.note = recent.note
        self.flow: Flow | None = None
        self.parts: list[bytes] = []
        self.packets: list[Packet] = []

    def take(self) -> tuple[Piece, ...]:
        """What is there, as a piece; nothing where nobody wants it any more."""
        flow, parts, packets = self.flow, self.parts, self.packets
        self.flow, self.parts, self.packets = None, [], []
        if flow is None:
            return ()
        self.taken.append(packets)
        begin = flow.offset
        *offsets, flow.offset = accumulate(map(len, parts), initial=begin)
        flow.longest = max(flow.longest, len(parts[0]))  # one of the many: to look at all of them would be slow
        if flow.ignored:
            return ()
        piece = Piece(flow, begin, b"".join(parts), offsets, packets)
        self.note(piece)
        return (piece,)


class Reassembler:
    """Every connection of a capture. `run` is the door."""

    def __init__(
        self,
        server_ports: Collection[int] = RTMP_PORTS,
        budget: Budget | None = None,
        *,
        datagrams: bool = False,  # whether those of UDP are wanted too
    ) -> None:
        self.datagrams = datagrams
        self.server_ports = server_ports
        self.budget = budget or Budget()
        self.flows: dict[bytes, Flow] = {}
        # Those that began, did not end and await nothing: their segments take the short way.
        self.plain: dict[bytes, Flow] = {}
        self.waiting: dict[Flow, None] = {}  # in the order in which they began to wait
        self.last = Origin(0, 0, 0)  # the packet at hand
        self._next_look = 0  # when all that wait are looked at again
        self._swept = 0  # when those that can be let go were last looked for
        self._age = 0  # ns that had passed by then, without the jumps of the packets' times
        self.unread = 0  # packets that are no TCP, or no whole TCP header
        self.unknown_links: dict[int, int] = {}  # those of them whose link type nothing here reads, by its number
        self._begun = 0  # connections
        self.evicted = 0  # connections that gave way to newer ones
        self.fragments = Fragments(self.budget)
        self.duplicates = Duplicates()
        self.recent = Recent()

    def run(self, packets: Iterable[Packet]) -> Iterator[Event]:  # noqa: C901 - unrolled for speed
        """Rebuild the streams of all connections in `packets`; ends what is open when they end."""
        flows, plain, waiting, common = self.flows, self.plain, self.waiting, _COMMON.unpack_from
        packet: Packet | None = None
        batch = _Batch(self.duplicates.batches, self.recent)
        parts, origins = batch.parts, batch.packets
        for packet in packets:
            data = packet[4]
            here = len(data)
            if here >= _COMMON_HEADERS and packet[3] == ETHERNET:
                # The next segment of a direction that awaits nothing: nearly always. What `segment_of` reads in
                # general stands here at fixed offsets, since this loop is what the speed of the whole rests on.
                kind, total, middle, key, sequence, acknowledgement, bits = common(data, 12)
                flow = plain.get(key)
                if (
                    flow is not None
                    and sequence == flow.next
                    and kind >> 8 == 0x080045  # IPv4 without options
                    and middle & 0x3FFF00FF == 6  # no fragment; TCP
                    and bits & 0x17 == 0x10  # an acknowledgement, no SYN, no FIN, no RST
                    and (  # acknowledges nothing unseen
                        acknowledgement == flow.acknowledged or (flow.peer.next - acknowledgement) & 0x80000000 == 0
                    )
                    and not waiting
                ):
                    start, stop = 34 + (bits >> 12) * 4, 14 + total
                    if 54 <= start < stop <= here:
                        if flow is not batch.flow or len(parts) >= MOST_PARTS:
                            if parts:
                                yield from batch.take()
                                parts, origins = batch.parts, batch.packets
                            batch.flow = flow
                        parts.append(data[start:stop])
                        origins.append(packet)
                        flow.next = (sequence + stop - start) & 0xFFFFFFFF
                        flow.acknowledged = acknowledgement
                        continue
                    if 54 <= start == stop:
                        continue
                elif not bits & 0x07 and flow is None and (flow := flows.get(key)) is not None and flow.ignored:
                    flow.next = sequence  # something happens on it
                    continue
            if parts:
                yield from batch.take()
                parts, origins = batch.parts, batch.packets
            self.last = Origin(packet.capture, packet.number, packet.time)
            yield from self._packet(packet) if packet.link != TICK else self._tick(packet.time + packet.wire_length)
        if parts:
            yield from batch.take()
        if packet is not None:
            self.last = Origin(packet.capture, packet.number, packet.time)
        self.fragments.end()
        yield from self._finish()

    def _packet(self, packet: Packet) -> Iterator[Event]:
        """Any packet that is not simply the next segment."""
        fragments = self.fragments.taken + self.fragments.copies
        segment = segment_of(packet, self.fragments)
        if segment is None:
            yield from self._pass_time(None, packet.time)
            self.unread += self.fragments.taken + self.fragments.copies == fragments
            if packet.link not in LINKS:
                self.unknown_links[packet.link] = self.unknown_links.get(packet.link, 0) + 1
            yield from self._datagrams(packet)
            return
        segment = self._in_its_network(segment)
        flow = self.flows.get(segment.key)
        if flow is not None:
            flow.connection.mark = ()  # whatever it is, something happens: the next sweep finds it changed
        yield from self._pass_time(flow, packet.time)
        if flow is not None and not flow.ignored and self._is_copy(flow, segment):
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

    def _datagrams(self, packet: Packet) -> tuple[Datagram, ...]:
        """What carries no TCP may carry UDP."""
        datagram = datagram_of(packet) if self.datagrams else None
        return () if datagram is None else (datagram,)

    def _pass_over(self, flow: Flow, segment: Segment) -> Iterator[Event]:
        """A segment that nobody wants: only the end of the connection matters."""
        if segment.flags & FIN:
            flow.finished = True
            flow.connection.closer = flow.connection.closer or flow
            if flow.peer.finished:
                yield from self._close(flow.connection)

    def _is_copy(self, flow: Flow, segment: Segment) -> bool:
        """Whether the capture shows a segment twice: what is sent twice has another identity."""
        if not segment.payload and not segment.missing_tail:
            return False
        if flow.started and (flow.held or flow.distance(segment.sequence) < 0) and self.duplicates.is_copy(segment):
            return True
        self.duplicates.note(segment)
        return False

    # Time passes.

    def _tick(self, now: int) -> Iterator[Event]:
        yield from self._pass_time(None, now)
        yield Tick(now)

    def _pass_time(self, flow: Flow | None, now: int) -> Iterator[Event]:
        """It is `now`, and a packet of `flow` is at hand, if any: what has waited for long enough is given up."""
        if self.waiting:
            yield from self._release_overdue(flow, now)
        if not 0 <= now - self._swept < TIME_BETWEEN_SWEEPS:
            yield from self._sweep(now)

    # Networks that share addresses.

    def _in_its_network(self, segment: Segment) -> Segment:
        """The segment with the key of its connection.

        One connection is often seen in several networks: with and without its VLAN tag, in a tunnel and behind it, each
        direction in a network of its own. So addresses and ports are the key, wherever they are seen, until two
        connections in different networks have the same: then the tag is part of the key of the one that has a tag.
        """
        flow = self.flows.get(segment.key)
        if flow is None or flow.connection.tag == segment.tag:
            return segment
        own = segment.key + segment.tag
        if segment.tag and own in self.flows:
            return segment._replace(key=own)
        if flow.connection.closed or self._continues(flow, segment):
            return segment
        if segment.tag:
            return segment._replace(key=own)
        self._set_apart(flow.connection)  # what has no tag has no other key
        return segment

    @staticmethod
    def _continues(flow: Flow, segment: Segment) -> bool:
        """Whether a segment from another network belongs to this flow, by its sequence numbers."""
        if flow.started:
            sequence = segment.sequence + (1 if segment.flags & SYN else 0)
            return flow.began_at(sequence) if segment.flags & SYN else abs(flow.distance(sequence)) < _NEAR
        peer = flow.peer
        acknowledges = segment.flags & ACK and peer.started
        return not acknowledges or abs(peer.distance(segment.acknowledgement)) < _NEAR

    def _set_apart(self, connection: Connection) -> None:
        """Key a connection by its tag as well."""
        for flow in connection.flows:
            if self.flows.get(flow.key) is flow:
                del self.flows[flow.key]
                plain = self.plain.pop(flow.key, None)
                flow.key += connection.tag
                self.flows[flow.key] = flow
                if plain is flow:
                    self.plain[flow.key] = flow

    # Connections begin.

    def _connect(self, client_key: bytes, whole: bool, tag: bytes) -> Iterator[Event]:
        yield from self._make_room()
        connection = Connection(client_key, self.last, whole, self.plain, tag)
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
        client_key = reverse(segment.key) if answer else segment.key
        yield from self._connect(client_key, whole=True, tag=segment.tag)
        flow = self.flows[segment.key]
        flow.start(first)
        if answer:
            flow.peer.promised = segment.acknowledgement  # its SYN was not captured

    def _join(self, segment: Segment) -> Iterator[Event]:
        """The first sight of a connection that began before the capture: who is the client is a guess by port."""
        if segment.flags & (RST | FIN) and not segment.payload:
            return
        source, target = endpoints(segment.key)
        to_server = target.port in self.server_ports
        if to_server == (source.port in self.server_ports):
            to_server = target.port <= source.port
        client_key = segment.key if to_server else reverse(segment.key)
        yield from self._connect(client_key, whole=False, tag=segment.tag)
        self.flows[segment.key].connection.answered = True
        self.flows[segment.key].start(segment.sequence)

    def _make_room(self) -> Iterator[Event]:
        """Forget connections that are over, and if those are few, a quarter of the others.

        Those go first that nobody ever answered (a flood of SYNs), then those in which nothing has moved for longest.
        """
        self._begun += 1
        if self._begun % max(MOST_CONNECTIONS // 8, 1) == 0:
            for flow in self.flows.values():
                flow.connection.look(self.last.time)
        if len(self.flows) < 2 * MOST_CONNECTIONS:
            return
        for key in [key for key, flow in self.flows.items() if flow.connection.closed]:
            del self.flows[key]
        if len(self.flows) < 3 * MOST_CONNECTIONS // 2:
            return
        connections = dict.fromkeys(flow.connection for flow in self.flows.values())
        quarter = len(connections) // 4
        for connection in sorted(connections, key=attrgetter("answered", "moved"))[:quarter]:
            self.evicted += 1
            yield from self._end(connection, "evicted", "")
            for flow in connection.flows:
                if self.flows.get(flow.key) is flow:
                    del self.flows[flow.key]

    # Bytes arrive.

    def _segment(self, flow: Flow, segment: Segment) -> Iterator[Event]:
        connection = flow.connection
        if not connection.answered and (flow.sender == "server" or not segment.flags & SYN):
            connection.answer()  # even if the answer was not captured, the client acknowledges it
        if segment.flags & ACK:
            self._acknowledge(flow.peer, segment.acknowledgement)
            flow.acknowledged = segment.acknowledgement
        sequence = segment.sequence + (1 if segment.flags & SYN else 0)
        size = len(segment.payload) + segment.missing_tail
        if not flow.started:
            self._begin_flow(flow, sequence)
        elif self._was_keep_alive(flow, sequence):
            flow.start(sequence)
        distance = flow.distance(sequence)
        if not -_FARTHEST < distance < _FARTHEST and not self._is_jump(flow, sequence, size, distance):
            self.unread += 1
            return
        new = Held(flow.offset + distance, segment.payload, segment.packet)
        if segment.flags & FIN and flow.end_offset is None:
            flow.end_offset = max(new.offset + size, flow.offset)
            self.plain.pop(flow.key, None)
            connection.closer = connection.closer or flow
        if size and not (size == 1 and distance == -1):  # a keep-alive repeats the last byte
            flow.longest = max(flow.longest, size)
            yield from self._take(flow, new, segment.missing_tail)
        for direction in (flow, flow.peer):
            if direction.wait is not None:
                direction.wait.count_packet()
        yield from self._finish_flow(flow)

    def _take(self, flow: Flow, new: Held, missing_tail: int) -> Iterator[Event]:
        """The bytes of a segment, and how many behind them the snapshot length cut away."""
        if missing_tail:
            heappush(flow.cuts, (new.stop, new.stop + missing_tail))
            self._count_held(flow, _HELD_OVERHEAD)
        if flow.held and new.offset < flow.held[-1].offset:
            flow.out_of_order += 1  # it comes behind bytes that follow it
        if new.offset > flow.offset or flow.held:
            self._hold(flow, new)
        else:
            yield from self._deliver(flow, new)
        yield from self._fill(flow)

    @staticmethod
    def _begin_flow(flow: Flow, sequence: int) -> None:
        """The first sight of one direction: where its stream begins, if the other side said so, or else here."""
        is_near = 0 <= (sequence - flow.promised) & _MASK < _NEAR
        flow.start(flow.promised if flow.promised >= 0 and is_near else sequence)

    @staticmethod
    def _was_keep_alive(flow: Flow, sequence: int) -> bool:
        """Whether a connection was first seen by a keep-alive, whose sequence number is one too low."""
        first = not flow.connection.whole and flow.offset == 0 and not flow.held
        return first and flow.distance(sequence) == 1

    @staticmethod
    def _is_jump(flow: Flow, sequence: int, size: int, distance: int) -> bool:
        """Whether a segment that is too far away to be believed follows another such: then very much is missing."""
        follows = distance > 0 and size > 0 and sequence & _MASK == flow.stray
        flow.stray = (sequence + size) & _MASK
        return follows

    def _deliver(self, flow: Flow, held: Held) -> Iterator[Event]:
        """Bytes that begin at or before the place expected: what is new of them goes out."""
        known = flow.offset - held.offset
        if known:
            self._compare(flow, held.offset, held.data[:known])
        data = held.data[known:]
        if data:
            if not flow.ignored:
                piece = Piece(flow, flow.offset, data, [flow.offset], [held.packet])
                self.recent.note(piece)
                yield piece
            flow.advance(len(data))

    def _compare(self, flow: Flow, offset: int, again: bytes) -> None:
        """Bytes that were there before: count them, and those that are other ones now."""
        flow.retransmitted_bytes += len(again)
        found = [self.recent.unlike(flow, offset, again)]
        found += [compare(offset, again, held.offset, held.data) for held in flow.held]
        for count, place in found:
            flow.conflicting_bytes += count
            if count and flow.conflict is None:
                flow.conflict = place, self.last

    def _skip(self, flow: Flow, size: int, reason: str) -> Iterator[Hole]:
        hole = Hole(flow, flow.offset, size, self.last, reason)
        flow.gaps += 1
        flow.missing_bytes += size
        if reason is CUT:
            flow.cut_bytes += size
        else:
            flow.missing_packets += -(-size // max(flow.longest, _USUAL_SEGMENT))
        if reason is NEVER_ACKNOWLEDGED:
            flow.unacknowledged_bytes += size
        flow.advance(size)
        if not flow.ignored:
            yield hole

    # Bytes arrive early.

    def _hold(self, flow: Flow, early: Held) -> None:
        """Keep what came early; where it overlaps with what is held already, the first copy stays."""
        offset = max(early.offset, flow.offset)
        new = early.data[offset - early.offset :]
        parts = list(uncovered(flow.held, offset, new))
        if sum(len(data) for _, data in parts) < len(early.data):
            self._compare_held(flow, early, parts)
        packet = early.packet._replace(data=b"")  # a frame may be much longer than what is held of it
        for at, data in parts:
            place = bisect_left(flow.held, at, key=attrgetter("offset"))
            flow.held.insert(place, Held(at, data, packet))
            self._count_held(flow, len(data) + _HELD_OVERHEAD)
        self._wait_for(flow)

    def _compare_held(self, flow: Flow, early: Held, parts: Iterable[tuple[int, bytes]]) -> None:
        """All of a segment but these parts of it was there before."""
        at = early.offset
        for offset, data in (*parts, (early.stop, b"")):
            if offset > at:
                self._compare(flow, at, early.data[at - early.offset : offset - early.offset])
            at = offset + len(data)

    def _count_held(self, flow: Flow, change: int) -> None:
        flow.held_bytes += change
        self.budget.held += change

    def _fill(self, flow: Flow) -> Iterator[Event]:
        """Deliver held segments as far as they join on without a hole."""
        while True:
            if flow.held and flow.held[0].offset <= flow.offset:
                held = flow.held.pop(0)
                self._count_held(flow, -len(held.data) - _HELD_OVERHEAD)
                yield from self._deliver(flow, held)
            elif flow.cuts and flow.cuts[0][0] <= flow.offset:
                _, end = flow.cuts[0]
                stop = min(end, flow.held[0].offset) if flow.held else end  # of what was cut, some may be held
                if stop > flow.offset:
                    yield from self._skip(flow, stop - flow.offset, CUT)
                if flow.offset >= end:
                    heappop(flow.cuts)
                    self._count_held(flow, -_HELD_OVERHEAD)
            else:
                break
        self._settle(flow)

    def _wait_for(self, flow: Flow) -> Wait:
        if flow.wait is None:
            flow.wait = Wait(flow.offset, self.last.time)
            self.waiting[flow] = None
            self.plain.pop(flow.key, None)
        return flow.wait

    def _settle(self, flow: Flow) -> None:
        """Stop waiting when nothing is held and nothing unseen was acknowledged."""
        wait = flow.wait
        if wait is None:
            return
        wait.move(flow.offset, self.last.time)
        if not flow.held and not flow.cuts and wait.acknowledged <= flow.offset:
            flow.wait = None
            del self.waiting[flow]
            if flow.end_offset is None and not flow.ignored:
                self.plain[flow.key] = flow

    # Bytes never arrive.

    def _acknowledge(self, flow: Flow, acknowledgement: int) -> None:
        """The receiver of `flow` has everything up to here: what the capture has not by then, it may never have."""
        if not flow.started:
            if flow.promised < 0 and flow.connection.whole:
                flow.promised = acknowledgement  # its SYN-ACK was not captured
            return
        acknowledged = flow.offset + flow.distance(acknowledgement)
        if flow.end_offset is not None:  # a FIN takes a sequence number and no byte
            acknowledged = min(acknowledged, flow.end_offset)
        if self._was_keep_alive(flow, acknowledgement):
            flow.start(acknowledgement)
            return
        farthest = max(flow.offset + _FARTHEST, flow.held[-1].stop if flow.held else 0)
        if flow.offset < acknowledged <= farthest:
            self._wait_for(flow).acknowledge(acknowledged, self.last.time)

    def _release_overdue(self, flow: Flow | None, now: int) -> Iterator[Event]:
        """Declare the holes that were waited for long enough: of the connection at hand, now and then of all."""
        due: Iterable[Flow] = () if flow is None else (flow, flow.peer)
        if not self._next_look - TIME_BEFORE_HOLE < now < self._next_look:
            self._next_look = now + TIME_BETWEEN_LOOKS
            due = list(self.waiting)
        for waiting in due:
            wait = waiting.wait
            if wait is None:
                continue
            if waiting.ignored:
                self._drop(waiting)
            elif wait.is_over(now, waiting.held_bytes, not waiting.peer.started):
                yield from self._release(waiting)
        while self.budget.spent and self.waiting:
            yield from self._release(next(iter(self.waiting)), HELD_BACK)

    def _drop(self, flow: Flow) -> None:
        """Nobody wants these bytes any more."""
        flow.held.clear()
        flow.cuts.clear()
        self._count_held(flow, -flow.held_bytes)
        flow.wait = None
        del self.waiting[flow]

    def _release(self, flow: Flow, reason: str = "") -> Iterator[Event]:
        """Declare the next hole of a direction and deliver what stands behind it."""
        ends = [flow.held[0].offset] if flow.held else []
        if flow.cuts:
            ends.append(flow.cuts[0][0])
        if flow.wait is not None and flow.wait.acknowledged > flow.offset:
            ends.append(flow.wait.acknowledged)
        if ends:
            stop = min(ends)
            yield from self._skip(flow, stop - flow.offset, reason or self._whose_fault(flow, stop))
        yield from self._fill(flow)
        yield from self._finish_flow(flow)

    @staticmethod
    def _whose_fault(flow: Flow, stop: int) -> str:
        """Why the bytes up to `stop` are missing: the capture lacks them if the receiver has them."""
        is_acknowledged = flow.wait is not None and flow.wait.acknowledged >= stop
        return NEVER_CAPTURED if is_acknowledged or not flow.peer.started else NEVER_ACKNOWLEDGED

    # Connections end.

    def _finish_flow(self, flow: Flow) -> Iterator[Event]:
        if flow.end_offset is None or flow.finished or flow.offset < flow.end_offset:
            return
        flow.finished = True
        if flow.peer.finished or not flow.peer.started:
            yield from self._close(flow.connection)

    def _close(self, connection: Connection) -> Iterator[Event]:
        closer = connection.closer
        yield from self._end(connection, "closed", "" if closer is None else closer.sender)

    def _reset(self, flow: Flow, segment: Segment) -> Iterator[Event]:
        if flow.started and not flow.ignored and not -1 <= flow.distance(segment.sequence) < _FARTHEST:
            return  # a late one, from an earlier connection (RFC 5961, 3)
        refused = flow.sender == "server" and not flow.connection.answered
        yield from self._end(flow.connection, "refused" if refused else "reset", flow.sender)

    def _end(self, connection: Connection, reason: EndReason, sender: Sender | Literal[""]) -> Iterator[Event]:
        if connection.closed:
            return
        connection.closed = True
        for flow in connection.flows:
            if flow.wait is not None and flow.ignored:
                self._drop(flow)
            while flow.wait is not None:
                yield from self._release(flow)
            self.plain.pop(flow.key, None)
            if flow.end_offset is not None and flow.offset < flow.end_offset:
                yield from self._skip(flow, flow.end_offset - flow.offset, self._whose_fault(flow, flow.end_offset))
        yield End(connection, self.last, reason, sender)

    def _sweep(self, now: int) -> Iterator[Event]:
        """Let go what is over, and what has stood still for long."""
        self._age += min(max(now - self._swept, 0), LONGEST_STEP)
        self._swept = now
        for flow in [flow for flow in self.flows.values() if flow.sender == "client"]:
            connection = flow.connection
            mark = (flow.next, flow.acknowledged, flow.peer.next, flow.peer.acknowledged, connection.closed)
            if mark != connection.mark:
                connection.mark, connection.seen = mark, self._age
            elif self._age - connection.seen >= _patience(connection):
                yield from self._let_go(connection)

    def _let_go(self, connection: Connection) -> Iterator[Event]:
        if connection.closer is not None:
            yield from self._close(connection)
        else:
            yield from self._end(connection, "idle" if connection.answered else "no answer", "")
        for flow in connection.flows:
            if self.flows.get(flow.key) is flow:
                del self.flows[flow.key]

    def _finish(self) -> Iterator[Event]:
        for flow in list(self.flows.values()):
            connection = flow.connection
            if connection.closer is not None:
                yield from self._close(connection)
            else:
                yield from self._end(connection, "capture ended" if connection.answered else "no answer", "")


def _patience(connection: Connection) -> int:
    """How long a connection may stand still, in ns."""
    if connection.closed:
        return TIME_AFTER_END
    return TIME_IDLE if connection.answered and connection.closer is None else TIME_UNANSWERED


def reassemble(packets: Iterable[Packet], server_ports: Collection[int] = RTMP_PORTS) -> Iterator[Event]:
    """The streams of every TCP connection in `packets`."""
    return Reassembler(server_ports).run(packets)
