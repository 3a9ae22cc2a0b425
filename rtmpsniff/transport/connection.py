"""A TCP connection and its two directions, as far as they are known: what `reassembly` keeps of each."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.tcp import Endpoint, endpoints, reverse
from rtmpsniff.transport.waiting import Held, Wait

Sender: TypeAlias = Literal["client", "server"]

RTMP_PORTS: Final = frozenset({1935})  # of servers
FARTHEST: Final = 1 << 26  # sequence numbers farther ahead belong to no window that exists

_MODULUS: Final = 1 << 32
_MASK: Final = _MODULUS - 1
_HALF: Final = 1 << 31
_NEAR: Final = 1 << 22  # those of one connection, seen in two networks at once, are no farther apart


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
        """Its next byte has this sequence number."""
        self.started = True
        self.next = sequence & _MASK
        # What follows a client's SYN is to be looked at: it tells whether the server answered.
        if self.sender == "server" or self.connection.answered:
            self.take_short_way()

    def take_short_way(self) -> None:
        """Its segments are expected one after another, until something says otherwise."""
        if not self.ignored:
            self.connection.plain[self.key] = self

    def leave_short_way(self) -> None:
        """Its next segments need a closer look."""
        self.connection.plain.pop(self.key, None)

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

    def begin(self, sequence: int) -> None:
        """The first sight of this direction: it begins where the other side said so, or else here."""
        is_near = 0 <= (sequence - self.promised) & _MASK < _NEAR
        self.start(self.promised if self.promised >= 0 and is_near else sequence)

    def began_with_keep_alive(self, sequence: int) -> bool:
        """Whether a connection was first seen by a keep-alive, whose sequence number is one too low."""
        is_first = not self.connection.whole and self.offset == 0 and not self.held
        return is_first and self.distance(sequence) == 1

    def is_jump(self, sequence: int, size: int, distance: int) -> bool:
        """Whether a segment that is too far away to be believed follows another such: then very much is missing."""
        follows = distance > 0 and size > 0 and sequence & _MASK == self.stray
        self.stray = (sequence + size) & _MASK
        return follows

    def is_near(self, sequence: int) -> bool:
        """Whether a sequence number may be one of this direction, in whatever network it was seen."""
        return abs(self.distance(sequence)) < _NEAR


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
        self.plain = plain  # see `Table`
        self.tag = tag  # the networks that its first packet was seen in
        self.whole = whole  # the capture holds its SYN or SYN-ACK
        self.answered = False  # the server has sent something other than a reset
        self.closed = False
        self.places = (-1, -1)  # where both sides were at the last look
        self.moved = begun.time  # the look at which they were found to have moved
        self.closer: Flow | None = None  # who sent the first FIN
        self.seen = 0  # when something happened, as far as `Sweep` looked, by its own clock
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
            client.take_short_way()

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
            flow.leave_short_way()

    def exchange_roles(self) -> None:
        """What was taken for the client is the server: the bytes said so."""
        self.client, self.server = self.server, self.client
        self.from_client, self.from_server = self.from_server, self.from_client
        self.from_client.sender, self.from_server.sender = "client", "server"
