"""TCP segments become the two byte streams of each connection.

Takes packets, gives the events of `events` in the order in which the bytes can be known. Every byte of a stream comes
out once, in a piece or as part of a hole. Which connection a segment belongs to is the `table`'s to say, in which order
its bytes come out that of `ordering`; here connections begin and end, and segments go their way: the short one, in
batches, or the general one. All times are those of packets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from struct import Struct
from typing import Final, Literal

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import TICK, Packet, Uncut, cut, uncut
from rtmpsniff.transport.batch import MOST_BYTES, MOST_PARTS, Batch
from rtmpsniff.transport.connection import FARTHEST, RTMP_PORTS, Connection, Flow, Sender
from rtmpsniff.transport.duplicates import Duplicates
from rtmpsniff.transport.events import Begin, End, EndReason, Event, Tick
from rtmpsniff.transport.fragments import Fragments
from rtmpsniff.transport.link import ETHERNET, IPV4, LINKS
from rtmpsniff.transport.ordering import Ordering
from rtmpsniff.transport.sweep import Sweep
from rtmpsniff.transport.table import Table
from rtmpsniff.transport.tcp import ACK, FIN, RST, SYN, TCP, Segment, endpoints, reverse, segment_of
from rtmpsniff.transport.udp import Datagram, datagram_of
from rtmpsniff.transport.waiting import Held

# The frame that nearly every capture consists of: Ethernet without tags, IPv4 without options, TCP.
_COMMON: Final = Struct(">12xHBxH2xHxB2x12sIIH")  # what is wanted stands behind the addresses of network cards
_COMMON_HEADERS: Final = 54
# What 13 and 14 bytes into TCP's header is to be: an acknowledgement, no SYN, no FIN, no RST. And where the payload
# then begins in such a frame: the first four bits are the header's length.
_PAYLOAD_AT: Final = {
    length << 12 | flags: 34 + length * 4 for length in range(5, 16) for flags in range(0x100) if flags & 0x17 == ACK
}


class Reassembler:
    """Every connection of a capture. `run` and `run_uncut` are the doors."""

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
        self.table = Table()
        self.ordering = Ordering(self.budget)
        self.fragments = Fragments(self.budget)
        self.duplicates = Duplicates()
        self.unread = 0  # packets that are no TCP, or no whole TCP header
        self.unknown_links: dict[int, int] = {}  # those of them whose link type nothing here reads, by its number
        self.evicted = 0  # connections that gave way to newer ones
        self._sweep = Sweep()

    def __repr__(self) -> str:
        return f"<Reassembler {self.table}, {self.ordering}>"

    def run(self, packets: Iterable[Packet]) -> Iterator[Event]:
        """Rebuild the streams of all connections in `packets`; ends what is open when they end."""
        return self.run_uncut(uncut(packets))

    def run_uncut(self, packets: Iterable[Uncut]) -> Iterator[Event]:  # noqa: C901 - unrolled for speed
        """The same for packets as readers of files have them."""
        flows, plain, waiting, common = self.table.flows, self.table.plain, self.ordering.waiting, _COMMON.unpack_from
        packet: Uncut | None = None
        batch = Batch(self.duplicates.batches, self.ordering.recent)
        parts, brought = batch.parts, batch.packets
        current: Flow | None = None  # that of the batch
        here, size = b"", 0  # the block at hand, and how many bytes the blocks of the batch have
        payload_at = _PAYLOAD_AT
        for packet in packets:
            _, link, block, begin, end, _ = packet
            if end - begin >= _COMMON_HEADERS and link == ETHERNET:
                # The next segment of a direction that awaits nothing: nearly always. What `segment_of` reads in
                # general stands here at fixed offsets, since this loop is what the speed of the whole rests on.
                kind, version, total, fragment, protocol, key, sequence, acknowledgement, bits = common(block, begin)
                flow = plain.get(key)
                if (
                    flow is not None
                    and sequence == flow.next
                    and version == 0x45  # without options
                    and protocol == TCP
                    and kind == IPV4
                    and not fragment & 0x3FFF
                    and bits in payload_at
                    and (  # acknowledges nothing unseen
                        acknowledgement == flow.acknowledged  # noqa: PLR1714 - a set would be slow
                        or acknowledgement == flow.peer.next
                        or not (flow.peer.next - acknowledgement) & 0x80000000
                    )
                    and not waiting
                ):
                    start, stop = begin + payload_at[bits], begin + 14 + total
                    if start < stop <= end:
                        if block is not here:
                            here, size = block, size + len(block)
                        if flow is not current or len(parts) >= MOST_PARTS or size > MOST_BYTES:
                            if parts:
                                yield from batch.take()
                                parts, brought = batch.parts, batch.packets
                            batch.flow = current = flow
                            size = len(block)
                        parts.append(block[start:stop])
                        brought.append(packet)
                        flow.next = (sequence + stop - start) & 0xFFFFFFFF
                        flow.acknowledged = acknowledgement
                        continue
                    if start == stop:
                        continue
                elif not bits & 0x07 and flow is None and (flow := flows.get(key)) is not None and flow.ignored:
                    flow.next = sequence  # something happens on it
                    continue
            if parts:
                yield from batch.take()
                parts, brought, current, size = batch.parts, batch.packets, None, 0
            one = cut(packet)
            self.ordering.last = one.origin
            yield from self._packet(one) if one.link != TICK else self._tick(one.time + one.wire_length)
        if parts:
            yield from batch.take()
        if packet is not None:
            self.ordering.last = cut(packet).origin
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
        segment = self.table.in_its_network(segment)
        flow = self.table.flows.get(segment.key)
        if flow is not None:
            flow.connection.mark = ()  # whatever it is, something happens: the next sweep finds it changed
        yield from self._pass_time(flow, packet.time)
        if flow is not None and not flow.ignored and self._is_copy(flow, segment):
            return
        if segment.flags & SYN:
            yield from self._synchronize(segment)
        elif flow is None:
            yield from self._join(segment)
        flow = self.table.flows.get(segment.key)
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
        if self.ordering.waiting:
            for overdue, reason in self.ordering.overdue(flow, now):
                yield from self.ordering.release(overdue, reason)
                yield from self._finish_flow(overdue)
        if self._sweep.is_due(now):
            for connection in self._sweep.stale(self.table.clients(), now):
                yield from self._conclude(connection, "idle")
                self.table.forget(connection)

    # Connections begin.

    def _connect(self, client_key: bytes, whole: bool, tag: bytes) -> Iterator[Event]:
        for connection in self.table.make_room(self.ordering.last.time):
            self.evicted += 1
            yield from self._end(connection, "evicted", "")
            self.table.forget(connection)
        yield Begin(self.table.add(client_key, self.ordering.last, whole, tag), self.ordering.last)

    def _synchronize(self, segment: Segment) -> Iterator[Event]:
        """A SYN or SYN-ACK: a new connection, the answer to one, or a repetition."""
        flow = self.table.flows.get(segment.key)
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
        flow = self.table.flows[segment.key]
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
        self.table.flows[segment.key].connection.answered = True
        self.table.flows[segment.key].start(segment.sequence)

    # Bytes arrive.

    def _segment(self, flow: Flow, segment: Segment) -> Iterator[Event]:
        connection = flow.connection
        if not connection.answered and (flow.sender == "server" or not segment.flags & SYN):
            connection.answer()  # even if the answer was not captured, the client acknowledges it
        if segment.flags & ACK:
            self.ordering.acknowledge(flow.peer, segment.acknowledgement)
            flow.acknowledged = segment.acknowledgement
        sequence = segment.sequence + (1 if segment.flags & SYN else 0)
        size = len(segment.payload) + segment.missing_tail
        if not flow.started:
            flow.begin(sequence)
        elif flow.began_with_keep_alive(sequence):
            flow.start(sequence)
        distance = flow.distance(sequence)
        if not -FARTHEST < distance < FARTHEST and not flow.is_jump(sequence, size, distance):
            self.unread += 1
            return
        new = Held(flow.offset + distance, segment.payload, segment.packet.origin)
        if segment.flags & FIN and flow.end_offset is None:
            flow.end_offset = max(new.offset + size, flow.offset)
            flow.leave_short_way()
            connection.closer = connection.closer or flow
        if size and not (size == 1 and distance == -1):  # a keep-alive repeats the last byte
            flow.longest = max(flow.longest, size)
            yield from self.ordering.take(flow, new, segment.missing_tail)
        for direction in (flow, flow.peer):
            if direction.wait is not None:
                direction.wait.count_packet()
        yield from self._finish_flow(flow)

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
        if flow.started and not flow.ignored and not -1 <= flow.distance(segment.sequence) < FARTHEST:
            return  # a late one, from an earlier connection (RFC 5961, 3)
        refused = flow.sender == "server" and not flow.connection.answered
        yield from self._end(flow.connection, "refused" if refused else "reset", flow.sender)

    def _end(self, connection: Connection, reason: EndReason, sender: Sender | Literal[""]) -> Iterator[Event]:
        if connection.closed:
            return
        connection.closed = True
        for flow in connection.flows:
            yield from self.ordering.conclude(flow)
        yield End(connection, self.ordering.last, reason, sender)

    def _conclude(self, connection: Connection, reason: EndReason) -> Iterator[Event]:
        """It is over for us, though neither side has ended it: the reason, unless its own course tells a better one."""
        if connection.closer is not None:
            yield from self._close(connection)
        else:
            yield from self._end(connection, reason if connection.answered else "no answer", "")

    def _finish(self) -> Iterator[Event]:
        for flow in list(self.table.flows.values()):
            yield from self._conclude(flow.connection, "capture ended")


def reassemble(packets: Iterable[Packet], server_ports: Collection[int] = RTMP_PORTS) -> Iterator[Event]:
    """The streams of every TCP connection in `packets`."""
    return Reassembler(server_ports).run(packets)
