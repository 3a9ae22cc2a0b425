"""A TLS connection: what it says of itself, and with keys the stream inside it (RTMPS).

Its bytes wait until the hellos are there and a key log knows the keys of both sides, which may be later than the
packets: programs write a key log line by line.
`handshake.py` reads the hellos, `records.py` finds the records, `sides.py` opens them; `early.py` and `losses.py` know
what may not be passed on yet, and how much is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from rtmpsniff import findings
from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Severity
from rtmpsniff.text import printable
from rtmpsniff.transport.connection import Connection, Sender
from rtmpsniff.transport.events import Begin, End, Hole, Piece
from rtmpsniff.tunnel.early import EarlyData
from rtmpsniff.tunnel.handshake import Handshake, Renegotiation
from rtmpsniff.tunnel.inner import Event, InnerConnection, Lost, Notice, Sealed, Secured, Span, Tls
from rtmpsniff.tunnel.keylog import KeyLog
from rtmpsniff.tunnel.losses import Losses
from rtmpsniff.tunnel.records import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    Item,
    Record,
    RecordReader,
)
from rtmpsniff.tunnel.sides import Opened, Side, sides_of

USUAL_PORTS: Final = frozenset({443, 1936, 2935, 4935, 8443})  # of RTMPS
_SENDERS: Final[tuple[Sender, Sender]] = ("client", "server")
_OVERHEAD: Final = 256  # bytes that a piece which waits counts for beside its own, and a packet of it
_PACKET_OVERHEAD: Final = 64
_PATIENCE: Final = 1_000_000_000  # ns that what has some of its keys waits for the others, where they may come
_NO_SECRETS: Final = "the key log has no secrets for it"


class TlsConnection:
    """A connection that began with two hellos: `feed`, `lose` and `end` are the doors.

    `above` takes the events of the stream inside; `announced` is the connection that the layers above know of already;
    `hinted`: its port is one of RTMP's, so it is told whatever it holds.
    """

    def __init__(
        self,
        outer: Connection,
        announced: Connection | None,
        keys: KeyLog,
        budget: Budget,
        *,
        hinted: bool,
        above: Callable[[Begin | Piece | Hole | End], Iterator[Event]],
    ) -> None:
        self.outer = outer
        self.inner = InnerConnection(outer, outer.begun, "tls")
        self.tls = self.inner.tls = Tls()
        self._announced = announced
        self._keys = keys
        self._budget = budget
        self._hinted = hinted
        self._above = above
        self._handshake = Handshake()
        self._renegotiation = Renegotiation()
        self._version_seen = -1  # of the key log
        self._half_known: int | None = None  # since when some of its keys are there (ns since the epoch)
        self._held: list[Piece | Hole] | None = []  # until keys are known; None then, and when they came too late
        self._held_bytes = 0
        self._sides: dict[Sender, Side] | None = None
        self._readers: dict[Sender, RecordReader] = {}
        self._losses = Losses()
        self._early = EarlyData()
        self._begun = False  # the layers above know of the stream inside
        self._told: set[Sender] = set()  # sides whose first failure was told
        self._origins: dict[Sender, tuple[Origin, Origin]] = {}  # the first and the last packet of each side
        for flow in outer.flows:
            self.inner.flow(flow.sender).carry(flow)

    def __repr__(self) -> str:
        return f"<TlsConnection {self.outer.name} {self.tls.version}{' decrypted' * self.tls.decrypted}>"

    def feed(self, piece: Piece) -> Iterator[Event]:
        sender = piece.flow.sender
        first = piece.first
        self._origins[sender] = (self._origins.get(sender, (first, first))[0], piece.last)
        if self._held is None:
            yield from self._read(piece)
            return
        yield from self._greet(piece)
        self._hold(piece)
        self._keys.refresh()
        yield from self.unlock(piece.last.time)

    def lose(self, hole: Hole) -> Iterator[Event]:
        if self._held is None:
            yield from self._read(hole)
        else:
            self._hold(hole)

    def end(self, end: End) -> Iterator[Event]:
        if self._held is not None:
            self._keys.refresh()
            yield from self._make_do(self._find_sides())
        for flow in (self.inner.from_client, self.inner.from_server):
            flow.count()
        if not self._begun and not self._is_of_interest():
            yield Begin(self.outer, self.outer.begun)
            yield end
            return
        self._seal_reason()
        if self.tls.decrypted:
            for sender, lost in self._losses.rest():
                yield from self._pass_on(sender, lost)
        yield from self._begin(end.origin)
        if not self.tls.decrypted:
            yield from self._seal()
        yield from self._above(End(self.inner, end.origin, end.reason, end.sender))

    # The hellos.

    def _greet(self, piece: Piece) -> Iterator[Event]:
        """What the hellos say."""
        if self._handshake.is_complete:
            return
        self._handshake.feed(piece.flow.sender, piece.data)
        self._handshake.describe(self.tls)
        if self._handshake.is_complete:
            self.tls.greeted = piece.last
            if self._hinted:
                yield from self._begin(self.tls.greeted)

    def _is_of_interest(self) -> bool:
        """Whether TLS that cannot be read may be RTMPS: who speaks RTMPS offers no protocol by ALPN."""
        if self._announced is not None or "rtmp" in self.tls.server_name.lower():
            return True
        is_usual = self.outer.server.port in USUAL_PORTS
        return is_usual and self._handshake.client is not None and not self.tls.offered

    def _begin(self, origin: Origin) -> Iterator[Event]:
        """Tell the layers above of the stream inside."""
        if not self._begun:
            self._begun = True
            announced, self._announced = self._announced, None
            begin = Begin(self.inner, self.inner.begun, announced)
            if self._hinted or self.tls.decrypted:
                yield from self._above(begin)
            else:
                yield begin
            if not self.tls.decrypted:
                yield Secured(self.inner, self.tls, origin)

    # Keys.

    def _hold(self, item: Piece | Hole) -> None:
        """Keep what comes before its keys."""
        if self._held is None:
            return
        size = _OVERHEAD
        if isinstance(item, Piece):
            size += len(item.data) + _PACKET_OVERHEAD * len(item.places)
        self._held.append(item)
        self._held_bytes += size
        self._budget.held += size

    @property
    def waits(self) -> bool:
        """Whether there are no keys yet."""
        return self._held is not None

    @property
    def is_half_known(self) -> bool:
        """Whether it waits for the others of its keys."""
        return self.waits and self._half_known is not None

    def unlock(self, now: int) -> Iterator[Event]:
        """Read what waits as soon as there are keys for it; `now` is in ns since the epoch."""
        if self._held is None:
            return
        if self._budget.spent:
            yield from self._make_do(self._find_sides(), "too much came before its keys")
        elif self._half_known is not None and not 0 <= now - self._half_known < _PATIENCE:
            yield from self._make_do(self._find_sides())
        elif self._handshake.is_complete and self._keys.version != self._version_seen:
            self._version_seen = self._keys.version
            sides = self._find_sides()
            if isinstance(sides, str) or not self._keys.grows or all(side.is_known for side in sides.values()):
                if sides:
                    yield from self._make_do(sides)
            elif self._half_known is None:
                self._half_known = now

    def _find_sides(self) -> dict[Sender, Side] | str:
        """As `sides_of`: empty where there are no keys yet."""
        client, server = self._handshake.client, self._handshake.server
        if client is None or server is None:
            return ""
        return sides_of(client, server, self._keys.secrets(client.random))

    def _make_do(self, sides: dict[Sender, Side] | str, reason: str = "") -> Iterator[Event]:
        """Read what waits with the keys that there are; without any, records are counted, for this `reason`."""
        if isinstance(sides, str):
            self.tls.reason = self.tls.reason or sides or reason
        else:
            self._sides = sides
        yield from self._release()

    def _release(self) -> Iterator[Event]:
        held, self._held = self._held or [], None
        self._budget.held -= self._held_bytes
        self._held_bytes = 0
        for sender in _SENDERS:
            side = self._sides[sender] if self._sides else None
            self._readers[sender] = RecordReader(_accepts if side is None else side.holds)
        for item in held:
            yield from self._read(item)

    # Records.

    def _read(self, item: Piece | Hole) -> Iterator[Event]:
        sender = item.flow.sender
        reader = self._readers[sender]
        before = reader.held
        records = reader.feed(item) if isinstance(item, Piece) else reader.lose(item)
        self._budget.held += reader.held - before
        side = self._sides[sender] if self._sides else None
        for record in records:
            if isinstance(record, Record):
                self._count(sender, record)
            if side is not None and not side.is_over:
                yield from self._open(sender, side, record)

    def _count(self, sender: Sender, record: Record) -> None:
        self.tls.records[sender] += 1
        if record.kind == APPLICATION_DATA:
            self.tls.bytes[sender] += len(record.span.data)

    def _open(self, sender: Sender, side: Side, item: Item) -> Iterator[Event]:
        """Open a record, or see that some are missing."""
        if not isinstance(item, Record):
            side.may_have_lost(item.records)
            self._lose(sender, side, item.start, item.origin, item.reason)
        elif not side.is_sealed(item):
            if item.kind == CHANGE_CIPHER_SPEC and not side.change():
                yield from self._renew(sender, side, item)
        elif (opened := side.open(item)) is None:
            origin = self._origin(sender, item)
            if side.is_early:
                self._early.add_sealed(item, origin)
            self._lose(sender, side, item.start, origin, "in TLS records that do not authenticate")
            yield from self._fail(sender, side, "does not authenticate", origin)
        else:
            self._told.discard(sender)
            lost = self._losses.close(sender, side, item.start, opened.skipped)
            if lost is not None and self._begun:
                yield from self._pass_on(sender, lost)
            yield from self._take(sender, side, opened)

    def _take(self, sender: Sender, side: Side, opened: Opened) -> Iterator[Event]:
        """What a record that was opened holds."""
        if side.protocol:
            self.tls.alpn = printable(side.protocol)
        if opened.kind == HANDSHAKE and not side.is_13:
            self._renegotiation.add(sender, opened.span.data)
        if side.is_early and opened.kind == APPLICATION_DATA:
            self._early.add(opened.span)
            return
        if side.had_early and not side.is_early:
            side.had_early = False
            yield from self._settle_early()
        if opened.kind == APPLICATION_DATA and opened.span.data:
            yield from self._unseal(sender, opened.span)

    def _settle_early(self) -> Iterator[Event]:
        """The client's handshake goes on: early data is passed on, or sent again where the server refused it."""
        server = self._sides["server"] if self._sides else None
        is_taken = server is not None and (server.takes_early or not server.opened)
        for item in self._early.settle(taken=is_taken):
            if isinstance(item, Lost) and self._is_of_interest():
                self.inner.hinted = True  # without its first bytes nobody else can tell what it is
            yield from self._unseal("client", item)

    def _unseal(self, sender: Sender, item: Span | Lost) -> Iterator[Event]:
        """The stream inside can be read: this comes next in it."""
        if not self.tls.decrypted:
            self.tls.decrypted = True
            self.tls.reason = ""
        yield from self._begin(item.last if isinstance(item, Span) else item.origin)
        yield from self._pass_on(sender, item)

    def _pass_on(self, sender: Sender, item: Span | Lost) -> Iterator[Event]:
        flow = self.inner.flow(sender)
        yield from self._above(flow.piece(item) if isinstance(item, Span) else flow.hole(*item))

    def _renew(self, sender: Sender, side: Side, change: Record) -> Iterator[Event]:
        """Renegotiation (RFC 5246, 7.4.1.1): the hellos inside the connection say what holds from here on."""
        hellos = self._renegotiation.change(sender)
        if hellos is None:
            return  # they may be missing: what comes next will not authenticate
        self._losses.forget_size(sender)
        self._keys.refresh()
        client, server = hellos
        sides = sides_of(client, server, self._keys.secrets(client.random))
        opener = None if isinstance(sides, str) or not sides else sides[sender].opener
        if opener is None:
            origin = self._origin(sender, change)
            reason = f"{sides or _NO_SECRETS}"
            self._lose(sender, side, change.start, origin, f"in TLS records after a renegotiation: {reason}")
            yield from self._fail(sender, side, f"changes keys by a renegotiation: {reason}", origin)
        side.renew(opener)

    def _origin(self, sender: Sender, record: Record) -> Origin:
        """The packet that completed a record."""
        return record.span.last if record.span.places else self._origins[sender][1]

    def _lose(self, sender: Sender, side: Side, start: int, origin: Origin, reason: str) -> None:
        """From here on records are missing; what is none of the stream's is missed by nobody."""
        if side.is_settled:
            self._losses.begin(sender, start, origin, reason)

    def _fail(self, sender: Sender, side: Side, what: str, origin: Origin) -> Iterator[Event]:
        """A record that cannot be opened: the first of a run is told."""
        if side.opened and sender not in self._told and self._begun:
            self._told.add(sender)
            title = f"TLS record {side.number} from the {sender} {what}"
            yield Notice(self.inner, findings.TLS_RECORD, Severity.ERROR, title, sender, origin)

    # What stays unread.

    def _seal_reason(self) -> None:
        """Why nothing was decrypted."""
        tls = self.tls
        if tls.decrypted or tls.reason:
            return
        if self._sides is not None:
            has_failed = not any(side.opened for side in self._sides.values())
            tls.reason = "the key log's secrets for it do not fit" if has_failed else "no application data"
        elif not self._handshake.is_complete:
            tls.reason = "its handshake was not captured whole"
        else:
            tls.reason = _NO_SECRETS if self._keys.is_there else "there is no key log"

    def _seal(self) -> Iterator[Event]:
        reason = f"encrypted ({self.tls.version or 'TLS'}): {self.tls.reason}"
        for flow in (self.inner.from_client, self.inner.from_server):
            root = next(iter(flow.carried))
            origins = self._origins.get(flow.sender)
            if origins is not None and root.offset:
                yield Sealed(flow, root.offset, root.missing_bytes, reason, *origins)


def _accepts(record: Record) -> bool:
    """Without keys: what looks like a record of application data is taken for one."""
    return record.kind in {APPLICATION_DATA, ALERT}
