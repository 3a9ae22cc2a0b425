"""The packets of chosen connections, masked and with remarks, for a capture that can be handed on.

Two runs over the same packets. The first, `survey`, learns the secrets and which connections are wanted. The second,
`PacketExport`, lets packets wait until it is known what they carry, puts masks of the same length where secrets stand,
and hands the packets on in their order. What cannot be decoded cannot be searched either: it is covered by stars. So is
what was not decoded when too many packets wait, which keeps memory flat.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.analysis.masking import Masking
from rtmpsniff.analysis.selection import Selection, select_for_records
from rtmpsniff.capture.packet import Packet
from rtmpsniff.dissect import Dissection
from rtmpsniff.output.carried import Carried, Item, Kind, Spot, patches_of, spots_of
from rtmpsniff.output.words import say_greeting, say_message, say_undecoded
from rtmpsniff.payload.types import FAMILIES
from rtmpsniff.rtmp.events import Closed, Event, Greeting, Message, Opened, Undecoded, Variant
from rtmpsniff.text import plural
from rtmpsniff.transport.addresses import HeaderAddresses
from rtmpsniff.transport.editing import EditableSegment, Portion
from rtmpsniff.transport.fragments import Fragments, Part, Whole
from rtmpsniff.transport.reassembly import Begin, Connection, End, Flow, Hole, Piece, Sender, Tick
from rtmpsniff.transport.reassembly import Event as StreamEvent
from rtmpsniff.transport.tcp import SYN, Segment, segment_of
from rtmpsniff.transport.udp import Datagram
from rtmpsniff.tunnel.keylog import KeyLog

MediaBytes: TypeAlias = Literal["whole", "zeros", "cut"]

MOST_WAITING: Final = 64 << 20  # bytes of packets that wait until it is known what they carry
_OVERHEAD: Final = 512  # what a packet that waits costs beside its bytes
_MOST_LINES: Final = 16  # of one packet's remark
_LONGEST_LINE: Final = 300
_MOST_CLOSED: Final = 256  # connections that are over and whose last packets may still come
_MEDIA: Final = FAMILIES["media"]
# Whose bytes on the wire are those that messages are decoded from; all others are packed, or encrypted, once more.
_PLAIN: Final[frozenset[Variant]] = frozenset({"rtmp", "unknown"})


class _Numbers:
    """TCP connections by their numbers, from 1, in the order in which they begin."""

    def __init__(self) -> None:
        self.at_hand: Connection | None = None  # what is told of comes of an event of this connection
        self._of: dict[Connection, int] = {}
        self._begun = 0
        self._ended: Connection | None = None

    def see(self, item: StreamEvent) -> None:
        """Take note of an event before anything comes of it."""
        if self._ended is not None:
            del self._of[self._ended]
            self._ended = None
        self.at_hand = None
        if isinstance(item, Datagram | Tick):
            return
        self.at_hand = item.flow.connection if isinstance(item, Piece | Hole) else item.connection
        if isinstance(item, Begin):
            self._begun += 1
            self._of[item.connection] = self._begun
        elif isinstance(item, End):
            self._ended = item.connection

    def at(self) -> int:
        """The number of the connection at hand, 0 where there is none."""
        return 0 if self.at_hand is None else self._of.get(self.at_hand, 0)


class LeftOut(NamedTuple):
    """A connection that was chosen and is not written."""

    connection: int
    variant: Variant


@dataclass(slots=True)
class Survey:
    """What the first run finds: `wanted` are the numbers of RTMP connections by those of their TCP connections."""

    wanted: dict[int, int] = field(default_factory=dict)
    packed: dict[int, Variant] = field(default_factory=dict)  # those of the wanted whose bytes are not RTMP's own
    left_out: list[LeftOut] = field(default_factory=list)


def survey(run: Dissection, make_selection: Callable[[Dissection], Selection], masking: Masking) -> Survey:
    """Learn the secrets of a run and choose connections: those of which something is chosen, or all.

    Where anything is masked, connections whose bytes are encrypted, or carried in another protocol, are left out.
    """
    found, numbers, selection = Survey(), _Numbers(), make_selection(run)
    every = selection == Selection(connections=selection.connections)
    begun: dict[int, int] = {}  # the numbers of the TCP connections of those that are open
    chosen: set[int] = set()
    for event in select_for_records(_learnt(run, numbers, begun, masking), selection, lambda: None):
        if isinstance(event, Message) or every:
            chosen.add(event.connection)
        if isinstance(event, Closed) and event.connection in chosen:
            chosen.remove(event.connection)
            number = begun[event.connection]
            if number and event.variant in _PLAIN:
                found.wanted[number] = event.connection
            elif number and masking.is_idle:
                found.wanted[number] = event.connection
                found.packed[event.connection] = event.variant
            else:
                found.left_out.append(LeftOut(event.connection, event.variant))
    return found


def _learnt(run: Dissection, numbers: _Numbers, begun: dict[int, int], masking: Masking) -> Iterator[Event]:
    for event in masking.follow(run.watched(numbers.see)):
        if isinstance(event, Opened):
            begun[event.connection] = numbers.at()
        yield event
        if isinstance(event, Closed):
            del begun[event.connection]


class Written(NamedTuple):
    """A packet as it is to be written."""

    packet: Packet
    data: bytes
    comment: str


class _Waiting:
    """A packet of which it is not known yet what it carries."""

    __slots__ = ("flow", "frame", "is_dropped", "packet", "portions", "segment")

    def __init__(self, packet: Packet) -> None:
        self.packet = packet
        self.frame = bytearray(packet.data)
        self.portions = [Portion(self.frame, 0, 0, len(self.frame))]
        self.segment: Segment | None = None  # None: a fragment, the rest of which has not come
        self.flow: Flow | None = None
        self.is_dropped = False

    @property
    def cost(self) -> int:
        return len(self.frame) + _OVERHEAD


class _Fragments(Fragments):
    """Fragments that tell which of them make a packet, and drop those that nobody will make one of."""

    def __init__(self) -> None:
        super().__init__()
        self.at_hand: _Waiting | None = None
        self.is_fragment = False
        self.made: list[tuple[_Waiting, Portion]] = []  # of the packet that the fragment at hand completes
        self._of: dict[bytes, list[tuple[_Waiting, Portion]]] = {}

    def read(self, waiting: _Waiting) -> Segment | None:
        """The segment in a packet, or the one that it completes."""
        self.at_hand, self.is_fragment, self.made = waiting, False, []
        segment = segment_of(waiting.packet, self)
        self.at_hand = None
        return segment

    def add(
        self, key: bytes, protocol: int, part: Part, *, more: bool, now: int, refused: bool = False
    ) -> Whole | None:
        self.is_fragment = True
        if self.at_hand is not None:
            portion = Portion(self.at_hand.frame, part.at, part.start, len(part.data))
            self._of.setdefault(key, []).append((self.at_hand, portion))
        whole = super().add(key, protocol, part, more=more, now=now, refused=refused)
        if whole is not None:
            self.made = self._of.pop(key, [])
        elif refused or not self.is_held(key):
            for waiting, _ in self._of.pop(key, []):
                waiting.is_dropped = True
        return whole


class PacketExport:
    """The second run. `media`: pictures and sound as they are, as zeros, or cut off where they end a packet."""

    def __init__(
        self,
        packets: Iterable[Packet],
        ports: Collection[int],
        found: Survey,
        masking: Masking,
        media: MediaBytes = "whole",
        *,
        keys: KeyLog | None = None,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self.run = Dissection(self._watched(packets), ports, keys=keys)
        self.written = 0
        self.refused = 0  # packets whose addresses could not be masked
        self._found, self._masking, self._media = found, masking, media
        self._most_waiting = most_waiting
        self._addresses = None if masking.hosts is None else HeaderAddresses(masking.hosts.number)
        self._write: Callable[[Written], object] = lambda _: None
        self._numbers = _Numbers()
        self._fragments = _Fragments()
        self._open: dict[int, Connection] = {}  # the wanted ones, by their RTMP numbers
        self._wanted: dict[Connection, int] = {}  # with those that are over and still remembered
        self._carried: dict[Flow, Carried] = {}
        self._closed: deque[tuple[int, Connection]] = deque()  # how many packets were in line before
        self._line: deque[_Waiting] = deque()
        self._lined_up = 0
        self._cost = 0

    def write_to(self, write: Callable[[Written], object]) -> None:
        """Hand the packets of the wanted connections on, in their order."""
        self._write = write
        for event in self._masking.follow(self.run.watched(self._see)):
            connection = self._open.get(event.connection)
            if connection is not None:
                self._take(connection, event)
                self._go_on()
        while self._line:
            self._release()

    # What happens in the run.

    def _see(self, item: StreamEvent) -> None:
        self._numbers.see(item)
        if isinstance(item, Begin):
            number = self._found.wanted.get(self._numbers.at())
            if number is not None:
                self._wanted[item.connection] = number
                if number not in self._found.packed:
                    self._open[number] = item.connection
                for flow in item.connection.flows:
                    self._carried[flow] = Carried()
        elif isinstance(item, Piece | Hole) and item.flow in self._carried:
            self._carried[item.flow].base = (item.flow.next - item.flow.offset) & 0xFFFFFFFF

    def _watched(self, packets: Iterable[Packet]) -> Iterator[Packet]:
        """The packets; each is lined up when TCP is through with it and knows its connection."""
        for packet in packets:
            waiting = _Waiting(packet)
            segment = self._fragments.read(waiting)
            made, is_fragment = self._fragments.made, self._fragments.is_fragment
            yield packet
            flow = None if segment is None else self._flow(segment)
            if segment is None or flow is None:
                for part, _ in made:
                    part.is_dropped = True
            else:
                portions = [portion for _, portion in made] or waiting.portions
                for part in [waiting, *(part for part, _ in made)]:
                    part.segment, part.flow, part.portions = segment, flow, portions
            if waiting.flow is not None or (is_fragment and not made and not waiting.is_dropped):
                self._line_up(waiting)

    def _line_up(self, waiting: _Waiting) -> None:
        self._line.append(waiting)
        self._lined_up += 1
        self._cost += waiting.cost
        self._go_on()

    def _flow(self, segment: Segment) -> Flow | None:
        """The direction of a wanted connection that a segment belongs to."""
        flows = self.run.transport.flows
        flow = flows.get(segment.key + segment.tag) or flows.get(segment.key)
        return flow if flow in self._carried else None

    def _take(self, connection: Connection, event: Event) -> None:
        match event:
            case Message():
                self._take_message(_flow_of(connection, event.sender), event)
            case Greeting():
                spot = _spot(event.offset, len(event.data), Kind.PLAIN, f"handshake {say_greeting(event)}")
                self._carried[_flow_of(connection, event.sender)].add([spot])
            case Undecoded():
                spot = _spot(event.offset, event.length, Kind.UNREAD, self._masking.text(say_undecoded(event)))
                self._carried[_flow_of(connection, event.sender)].add([spot])
            case Closed():
                del self._open[event.connection]
                self._closed.append((self._lined_up, connection))

    def _take_message(self, flow: Flow, message: Message) -> None:
        patches = self._masking.patches(message)
        masked = self._masking.message(message) if patches or message.notes else message
        text = f"#{message.number} {message.type} {say_message(masked)}".rstrip()
        strips = self._media != "whole" and message.message_type_id in _MEDIA
        self._carried[flow].add(spots_of(message, text, strips), patches_of(message, patches))

    # Packets go on.

    def _go_on(self) -> None:
        while self._line and (self._cost > self._most_waiting or self._is_known(self._line[0])):
            self._release()

    def _is_known(self, waiting: _Waiting) -> bool:
        segment, flow = waiting.segment, waiting.flow
        if segment is None or flow is None:
            return waiting.is_dropped
        if not segment.payload or self._wanted[flow.connection] not in self._open:
            return True
        carried = self._carried[flow]
        return carried.base is not None and carried.is_known(_start(carried, segment) + len(segment.payload))

    def _release(self) -> None:
        waiting = self._line.popleft()
        self._cost -= waiting.cost
        if waiting.segment is not None and waiting.flow is not None:
            if self._mask_addresses(waiting, waiting.segment):
                self._write(self._made(waiting, waiting.segment, waiting.flow))
                self.written += 1
            else:
                self.refused += 1
        before = self._lined_up - len(self._line)
        while len(self._closed) > _MOST_CLOSED and self._closed[0][0] < before:
            _, connection = self._closed.popleft()
            del self._wanted[connection]
            for flow in connection.flows:
                del self._carried[flow]

    def _mask_addresses(self, waiting: _Waiting, segment: Segment) -> bool:
        """Mask those in a packet's headers, if that is wanted; False where it cannot be done."""
        if self._addresses is None:
            return True
        return self._addresses.mask(waiting.frame, waiting.packet.link, is_finished=not _is_unfinished(segment))

    def _made(self, waiting: _Waiting, segment: Segment, flow: Flow) -> Written:
        carried = self._carried[flow]
        number = self._wanted[flow.connection]
        lines = [f"connection {number}, from the {flow.sender}"]
        variant = self._found.packed.get(number)
        if variant is not None:
            lines[0] += f", {variant}, as it was captured"
            return Written(waiting.packet, bytes(waiting.frame), lines[0])
        stop = len(waiting.frame)
        if segment.payload:
            edit = _Edit(waiting, segment, carried)
            lines[0] += ", sent before" * edit.is_repeated
            lines += edit.lines()
            if not self._masking.is_idle:
                lines += edit.mask(self._masking)
            if self._media != "whole":
                lines += edit.blank()
            if self._media == "cut" and not segment.joined:
                stop = edit.stop(stop)
        else:
            lines[0] += ", no data"
        return Written(waiting.packet, bytes(waiting.frame[:stop]), "\n".join(lines))


class _Edit:
    """What becomes of one packet with data; it is asked once."""

    def __init__(self, waiting: _Waiting, segment: Segment, carried: Carried) -> None:
        self._payload_at = segment.start + (segment.header[12] >> 4) * 4
        mends = not _is_unfinished(segment)
        self._segment = EditableSegment(waiting.portions, segment.start, self._payload_at, mends=mends)
        self._payload = segment.payload
        self._carried = carried
        self.is_placed = carried.base is not None
        self._start = _start(carried, segment) if self.is_placed else 0
        self._stop = self._start + len(segment.payload)
        self.is_repeated = self.is_placed and carried.was_asked(self._stop)
        self._spots = carried.spots(self._start, self._stop) if self.is_placed else []

    def lines(self) -> list[str]:
        """What the packet carries, a line each."""
        items = list(dict.fromkeys(spot.item for spot in self._spots))
        said = [_cut(item.text) + _part(item, self._start, self._stop) for item in items[:_MOST_LINES]]
        return [*said, f"and {len(items) - _MOST_LINES} more"] if len(items) > _MOST_LINES else said

    def mask(self, masking: Masking) -> Iterator[str]:
        """Put masks where secrets stand, and stars where nobody knows what stands there."""
        unknown = self._unknown()
        covered = sum(self._fill(start, stop, b"*") for start, stop in unknown)
        if covered:
            yield f"{plural(covered, 'byte')} not decoded, so covered by stars"
        masked = 0
        if self.is_placed:
            masked = sum(self._put(at, new) for at, new in self._carried.patches(self._start, self._stop))
        # What was sent again may be something else than what was decoded.
        searched = masking.data(self._payload) if self.is_repeated else self._payload
        for start, stop in _differing(self._payload, searched):
            masked += self._put(self._start + start, searched[start:stop])
        if masked:
            yield f"{plural(masked, 'byte')} masked"

    def _unknown(self) -> list[tuple[int, int]]:
        if not self.is_placed:
            return [(self._start, self._stop)]
        unread = [(spot.start, spot.stop) for spot in self._spots if spot.kind is Kind.UNREAD]
        return [*self._carried.unknown(self._start, self._stop, self._spots), *unread]

    def blank(self) -> Iterator[str]:
        """Put zeros where media stands."""
        spans = [(spot.start, spot.stop) for spot in self._spots if spot.kind is Kind.MEDIA]
        if self._start < self._carried.known_from:
            spans.append((self._start, self._carried.known_from))
        blanked = sum(self._fill(start, stop, b"\0") for start, stop in spans)
        if blanked:
            yield f"{plural(blanked, 'byte')} of media left out"

    def stop(self, end: int) -> int:
        """Where a frame may end: before the media at its end."""
        stop = self._stop
        for spot in reversed(self._spots):
            if spot.stop < stop or spot.kind not in {Kind.MEDIA, Kind.BETWEEN}:
                break
            stop = max(spot.start, self._start)
        return end if stop == self._stop else self._payload_at + stop - self._start

    def _fill(self, start: int, stop: int, byte: bytes) -> int:
        """Let a byte stand everywhere between two offsets in the stream, as far as they lie in this packet."""
        start = max(start, self._start)  # a span may be as long as sequence numbers claim
        return self._put(start, byte * (min(stop, self._stop) - start))

    def _put(self, start: int, new: bytes) -> int:
        """Let bytes stand at an offset in the stream, as far as they lie in this packet."""
        skipped = max(self._start - start, 0)
        new = new[skipped : max(self._stop - start, 0)]
        return self._segment.put(start + skipped - self._start, new) if new else 0


def _start(carried: Carried, segment: Segment) -> int:
    """The offset in the stream of a segment's first byte."""
    return carried.offset(segment.sequence + (1 if segment.flags & SYN else 0))


def _is_unfinished(segment: Segment) -> bool:
    """Whether the checksum is what the kernel leaves for a network card to complete: that of the pseudo-header."""
    header = (segment.header[12] >> 4) * 4
    size = header + len(segment.payload) + segment.missing_tail
    addresses = segment.key[: 32 if len(segment.key) >= 36 else 8]
    words = sum(int.from_bytes(addresses[at : at + 2], "big") for at in range(0, len(addresses), 2)) + 6 + size
    return words % 0xFFFF == int.from_bytes(segment.header[16:18], "big") % 0xFFFF


def _flow_of(connection: Connection, sender: Sender) -> Flow:
    return connection.from_client if sender == "client" else connection.from_server


def _spot(start: int, size: int, kind: Kind, text: str) -> Spot:
    return Spot(start, start + size, kind, Item(text, start, start + size))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 3] + "..."


def _part(item: Item, start: int, stop: int) -> str:
    """Which part of an item lies between two offsets."""
    if item.start >= start:
        return "" if item.stop <= stop else " (begins)"
    return " (ends)" if item.stop <= stop else " (goes on)"


def _differing(old: bytes, new: bytes) -> Iterator[tuple[int, int]]:
    """The spans in which two texts of the same length differ."""
    if old == new:
        return
    at = 0
    for differs, run in groupby(range(len(old)), lambda place: old[place] != new[place]):
        size = len(list(run))
        if differs:
            yield at, at + size
        at += size
