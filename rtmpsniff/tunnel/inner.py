"""A stream inside another: connections and flows of their own, whose pieces keep the packets that brought them.

What the layers above learn of a tunnel beside its bytes stands here too: `Exchange`, `Secured`, `Sealed`, `Notice`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from rtmpsniff.capture.packet import Origin, Place
from rtmpsniff.findings import Rule, Severity
from rtmpsniff.transport.connection import Connection, Flow, Sender
from rtmpsniff.transport.events import Begin, End, Hole, Piece, Tick

Carrier: TypeAlias = Literal["tls", "http", "https", "rtmfp"]


class Span(NamedTuple):
    """Some bytes and who brought them: `places[i]` what stands from `offsets[i]` on, counted from the first byte."""

    data: bytes
    offsets: list[int]
    places: Sequence[Place]

    @property
    def first(self) -> Origin:
        return Origin(*self.places[0])

    @property
    def last(self) -> Origin:
        return Origin(*self.places[-1])

    def part(self, start: int, stop: int) -> Span:
        """The bytes from `start` to `stop`."""
        if start == 0 and stop >= len(self.data):
            return self
        return Span(self.data[start:stop], *_cut(self.offsets, self.places, start, stop))


class Lost(NamedTuple):
    """Bytes that are not there, and why: `size` of them, None where nobody knows how many."""

    size: int | None
    origin: Origin
    reason: str


def span_of(piece: Piece, start: int = 0, stop: int | None = None) -> Span:
    """Bytes `start` to `stop` of a piece, counted from its first."""
    stop = len(piece.data) if stop is None else stop
    base = piece.offset
    offsets, places = _cut(piece.offsets, piece.places, base + start, base + stop)
    return Span(piece.data[start:stop], offsets, places)


def _cut(offsets: list[int], places: Sequence[Place], start: int, stop: int) -> tuple[list[int], Sequence[Place]]:
    first = max(bisect_right(offsets, start) - 1, 0)
    last = max(bisect_left(offsets, stop), first + 1)
    return [max(offset - start, 0) for offset in offsets[first:last]], places[first:last]


def join(spans: list[Span]) -> Span:
    """Spans that follow one another as one; a packet that brought the end of one and the next is named once."""
    offsets: list[int] = []
    places: list[Place] = []
    at = 0
    for span in spans:
        begin = 1 if places and span.places and span.places[0] == places[-1] else 0
        offsets += [at + offset for offset in span.offsets[begin:]]
        places += span.places[begin:]
        at += len(span.data)
    return Span(b"".join(span.data for span in spans), offsets, places)


class InnerFlow(Flow):
    """One direction of a stream inside another. What TCP says of it is said of the connections that carried it."""

    __slots__ = ("carried",)

    def __init__(self, connection: Connection, sender: Sender, key: bytes) -> None:
        super().__init__(connection, sender, key)
        self.carried: dict[Flow, None] = {}

    @property
    def bytes(self) -> int:
        """Payload bytes of TCP (or UDP) that were captured, the tunnel's own among them."""
        return sum(flow.bytes for flow in self.carried) if self.carried else self.offset

    def piece(self, span: Span) -> Piece:
        """The next bytes of this direction."""
        begin = self.offset
        self.offset += len(span.data)
        return Piece(self, begin, span.data, [begin + offset for offset in span.offsets], span.places)

    def hole(self, size: int | None, origin: Origin, reason: str) -> Hole:
        """Bytes of this direction that are not there; None where nobody knows how many."""
        begin = self.offset
        self.offset += size or 0
        return Hole(self, begin, size, origin, reason)

    def carry(self, flow: Flow) -> None:
        """A TCP connection brought bytes of this direction."""
        self.carried[flow] = None

    def count(self) -> None:
        """Add up what TCP says of all that carried this direction."""
        self.retransmitted_bytes = sum(flow.retransmitted_bytes for flow in self.carried)
        self.out_of_order = sum(flow.out_of_order for flow in self.carried)
        self.missing_bytes = sum(flow.missing_bytes for flow in self.carried)
        self.missing_packets = sum(flow.missing_packets for flow in self.carried)
        self.cut_bytes = sum(flow.cut_bytes for flow in self.carried)
        self.unacknowledged_bytes = sum(flow.unacknowledged_bytes for flow in self.carried)
        self.conflicting_bytes = sum(flow.conflicting_bytes for flow in self.carried)
        self.conflict = next((flow.conflict for flow in self.carried if flow.conflict is not None), None)
        self.gaps = sum(flow.gaps for flow in self.carried)


class InnerConnection(Connection):
    """A connection inside another, between the same ends. `words` say what carries it, safe to print."""

    __slots__ = ("carrier", "hinted", "lower", "tls", "words")

    from_client: InnerFlow
    from_server: InnerFlow

    def __init__(self, outer: Connection, begun: Origin, carrier: Carrier) -> None:
        super().__init__(outer.from_client.key, begun, True, {})
        self.answered = True
        self.carrier: Carrier = carrier
        self.hinted = False  # that it is meant for RTMP is known without a look at its bytes
        self.words = ""
        self.tls: Tls | None = outer.tls if isinstance(outer, InnerConnection) else None
        self.lower: Connection | None = outer  # None where several carry this one
        self.from_client = InnerFlow(self, "client", outer.from_client.key)
        self.from_server = InnerFlow(self, "server", outer.from_server.key)
        self.from_client.peer, self.from_server.peer = self.from_server, self.from_client

    def __repr__(self) -> str:
        return f"<InnerConnection {self.carrier} {self.name}{' closed' if self.closed else ''}>"

    def flow(self, sender: Sender) -> InnerFlow:
        return self.from_client if sender == "client" else self.from_server

    def ignore(self) -> None:
        """Nobody wants the bytes, so nobody wants those below either."""
        for flow in self.flows:
            flow.ignored = True
        if self.lower is not None:
            self.lower.ignore()


@dataclass(slots=True)
class Tls:
    """What a TLS connection says of itself in the clear, and what could be made of it."""

    server_name: str = ""
    offered: tuple[str, ...] = ()  # protocols that the client offers by ALPN
    alpn: str = ""  # the one that the server took, where that can be read
    version: str = ""  # "TLS 1.3"
    offered_versions: tuple[str, ...] = ()
    cipher: str = ""
    greeted: Origin | None = None  # the packet that completed both hellos
    decrypted: bool = False
    reason: str = ""  # why it was not
    records: dict[Sender, int] = field(default_factory=lambda: {"client": 0, "server": 0})
    bytes: dict[Sender, int] = field(default_factory=lambda: {"client": 0, "server": 0})  # of application data records


class Secured(NamedTuple):
    """A TLS connection: its handshake is known; `tls` fills up as it goes on."""

    connection: Connection
    tls: Tls
    origin: Origin


class Sealed(NamedTuple):
    """All that one side of a connection sent stays unread, and why."""

    flow: Flow
    length: int
    missing: int
    reason: str
    first: Origin
    last: Origin


class Exchange(NamedTuple):
    """A request and its response, of a session over HTTP. `status` is 0 where no response was captured."""

    connection: Connection
    method: str
    path: str  # with the session's id shortened: who knows it can take the session over
    status: int
    request_length: int
    response_length: int
    interval: int | None  # the byte before the response's RTMP bytes
    first: Origin
    last: Origin


class Notice(NamedTuple):
    """Something that is wrong with what carries a connection."""

    connection: Connection
    rule: Rule
    severity: Severity
    title: str
    sender: Sender | Literal[""]
    origin: Origin


Event: TypeAlias = Begin | Piece | Hole | End | Secured | Sealed | Exchange | Notice | Tick
