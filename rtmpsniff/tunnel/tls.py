"""A TLS connection: what it says of itself, and with keys the stream inside it (RTMPS).

Its bytes wait until the hellos are there and a key log knows the client's random, which may be later than the packets.
Each record is opened with its number; where that fails, the numbers behind it are tried as far as records may have been
lost, and the key that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from rtmpsniff import findings
from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Severity
from rtmpsniff.text import printable
from rtmpsniff.transport.reassembly import Begin, Connection, End, Hole, Piece, Sender
from rtmpsniff.tunnel.ciphers import SUITES, Opener, Suite, next_secret, opener_13, openers_12
from rtmpsniff.tunnel.hello import (
    CLIENT_HELLO,
    LONGEST,
    SERVER_HELLO,
    VERSIONS,
    Hello,
    begins_like,
    chosen_protocol,
    client_hello,
    encrypted_extensions,
    hello_again,
    server_hello,
    takes_early_data,
)
from rtmpsniff.tunnel.inner import Event, InnerConnection, Notice, Sealed, Secured, Span, Tls
from rtmpsniff.tunnel.keylog import KeyLog
from rtmpsniff.tunnel.records import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    HEADER,
    Damaged,
    Gap,
    Item,
    Record,
    RecordReader,
)

__all__ = ["CLIENT_HELLO", "SERVER_HELLO", "TlsConnection", "begins_like"]

USUAL_PORTS: Final = frozenset({443, 1936, 2935, 4935, 8443})  # of RTMPS
MOST_AHEAD: Final = 1024  # record numbers that are tried behind a gap
_MOST_TRIES: Final = 4096  # that fail, in a row
_MOST_FAILURES: Final = 32  # records in a row
_LONGEST_MESSAGE: Final = 1 << 18
_FINISHED: Final = 20
_KEY_UPDATE: Final = 24
_END_OF_EARLY_DATA: Final = 5
_ENCRYPTED_EXTENSIONS: Final = 8
_TLS_12: Final = 0x0303
_TLS_13: Final = 0x0304
_OVERHEAD: Final = 256
_LARGE: Final = 1 << 14
_BESIDE_EARLY: Final = 17  # a tag and the content type
_NOTHING: Final = Span(b"", [], [])
_NO_SECRETS: Final = "the key log has no secrets for it"
_TICKETS: Final = 3


class Opened:
    """A record that was opened: its content type and its text."""

    __slots__ = ("kind", "skipped", "span")

    def __init__(self, kind: int, span: Span, skipped: int) -> None:
        self.kind = kind
        self.span = span
        self.skipped = skipped  # numbers between the record before and this one


class Side:
    """One direction under its keys: `open` takes records as they come."""

    def __init__(self, suite: Suite, openers: list[Opener | None], secrets: list[bytes], *, is_13: bool) -> None:
        self._suite = suite
        self._openers = openers  # in the order in which they will be used; None where the key is not known
        self._secret = secrets  # TLS 1.3: the last traffic secret, for key updates
        self.is_13 = is_13
        self._active = is_13  # TLS 1.2: from the change of cipher on
        self._number = 0
        self._ahead = 0  # records that may have been lost
        self._tries = _MOST_TRIES
        self._failures = 0
        self._text = bytearray()  # of handshake messages
        self.protocol = ""  # by ALPN, of TLS 1.3
        self.takes_early = False  # of a server
        self.had_early = len(openers) > 2
        self.opened = 0

    def __repr__(self) -> str:
        return f"<Side at record {self._number}, {len(self._openers)} keys, {self._failures} failures>"

    @property
    def is_over(self) -> bool:
        """Nothing more can be opened."""
        return not self._openers or self._failures >= _MOST_FAILURES or self._tries <= 0

    @property
    def number(self) -> int:
        return self._number

    @property
    def is_early(self) -> bool:
        """Whether early data may come (RFC 8446, 2.3): its key, known or not, was not left behind."""
        return len(self._openers) > 2

    def may_have_lost(self, records: int) -> None:
        """So many records may be missing here."""
        self._ahead = min(self._ahead + records, MOST_AHEAD)
        self._active = True

    def is_sealed(self, record: Record) -> bool:
        """Whether a record is encrypted."""
        if self.is_13:
            return record.kind == APPLICATION_DATA
        return self._active and record.kind != CHANGE_CIPHER_SPEC

    def change(self) -> bool:
        """ChangeCipherSpec. TLS 1.2: records are encrypted from here on; False where they were already."""
        if self.is_13 or not self._active:
            self._active = True
            return True
        return self._number == 0

    def renew(self, opener: Opener | None) -> None:
        """TLS 1.2: what follows is under another key; None: under one that is not known."""
        self._openers = [] if opener is None else [opener]
        self._number = self._ahead = self._failures = 0

    @property
    def opener(self) -> Opener | None:
        """What opens the next record, where that is known."""
        return self._openers[0] if self._openers else None

    @property
    def overhead(self) -> int | None:
        """What a record takes beside its text, its header included; None where that differs from one to the next."""
        text = None if self.opener is None else self.opener.length(_LARGE)
        return None if text is None else _LARGE - text + HEADER

    @property
    def is_settled(self) -> bool:
        """Whether all keys but the last were left behind: what comes is application data."""
        return len(self._openers) == 1 and self._active and self._number > 0

    def holds(self, record: Record) -> bool:
        """Whether what looks like a record is one; it is not opened by this."""
        return self._try(record) is not None

    def open(self, record: Record) -> Opened | None:
        """Open a record; None where that cannot be done."""
        found = self._try(record)
        if found is None:
            self._failures += 1
            self._ahead = min(self._ahead + 1, MOST_AHEAD)
            return None
        key, number, text = found
        opener = self._openers[key]
        del self._openers[:key]
        if key:
            self._text.clear()
        skipped_numbers = number - self._number
        self._number, self._ahead, self._failures = number + 1, 0, 0
        self._tries = min(self._tries + 16, _MOST_TRIES)
        self.opened += 1
        kind = record.kind
        if self.is_13:
            text = text.rstrip(b"\0")
            kind, text = (text[-1], text[:-1]) if text else (0, b"")
        skipped = 0 if opener is None else opener.skipped
        stop = min(skipped + max(len(text), 1), len(record.span.data))
        opened = Opened(kind, record.span.part(skipped, stop)._replace(data=text), 0 if key else skipped_numbers)
        if kind == HANDSHAKE and self.is_13:
            self._read_messages(text)
        return opened

    def _try(self, record: Record) -> tuple[int, int, bytes] | None:
        header, body = record.header, record.span.data
        for key, opener in enumerate(self._openers):
            if opener is None:
                continue
            start = self._number if key == 0 else 0
            for number in range(start, start + self._ahead + 1):
                if self._tries <= 0:
                    return None
                text = opener.open(number, header, body)
                if text is not None:
                    return key, number, text
                self._tries -= 1
        return None

    def _read_messages(self, text: bytes) -> None:
        """TLS 1.3: the messages after which another key holds."""
        self._text += text
        while len(self._text) >= 4:
            kind, size = self._text[0], int.from_bytes(self._text[1:4], "big")
            if size > _LONGEST_MESSAGE:
                self._text.clear()
                return
            if len(self._text) < 4 + size:
                return
            body = bytes(self._text[4 : 4 + size])
            del self._text[: 4 + size]
            if kind == _ENCRYPTED_EXTENSIONS:
                found = encrypted_extensions(body)
                self.protocol, self.takes_early = chosen_protocol(found), takes_early_data(found)
            elif kind in {_FINISHED, _END_OF_EARLY_DATA} and len(self._openers) > 1:
                del self._openers[0]
                self._number = 0
            elif kind == _KEY_UPDATE and len(self._openers) == 1 and self._secret:
                self._secret[0] = next_secret(self._suite, self._secret[0])
                self._openers[0] = opener_13(self._suite, self._secret[0])
                self._number = 0


def sides_of(client: Hello, server: Hello, secrets: dict[str, bytes]) -> dict[Sender, Side] | str:
    """The directions under the keys that are known; a text where they cannot be read, and why."""
    suite = SUITES.get(server.cipher)
    if server.version not in {_TLS_12, _TLS_13}:
        return "of TLS only 1.2 and 1.3 are decrypted"
    if suite is None:
        return f"cipher suite 0x{server.cipher:04X} is not among those that are decrypted"
    if server.version == _TLS_13:
        return _sides_13(suite, client, secrets)
    master = secrets.get("CLIENT_RANDOM")
    if master is None:
        return ""
    mac_last = client.mac_last and server.mac_last and suite.kind == "cbc"
    one, other = openers_12(suite, master, server.random + client.random, mac_last=mac_last)
    return {"client": Side(suite, [one], [], is_13=False), "server": Side(suite, [other], [], is_13=False)}


def _sides_13(suite: Suite, client: Hello, secrets: dict[str, bytes]) -> dict[Sender, Side] | str:
    labels: dict[Sender, list[str]] = {
        "client": ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"],
        "server": ["SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"],
    }
    if not any(names[1] in secrets for names in labels.values()):
        return ""
    if client.early_data:
        labels["client"].insert(0, "CLIENT_EARLY_TRAFFIC_SECRET")
    sides: dict[Sender, Side] = {}
    for sender, names in labels.items():
        found = [secrets.get(name) for name in names]
        openers = [None if secret is None else opener_13(suite, secret) for secret in found]
        last = found[-1]
        sides[sender] = Side(suite, openers, [] if last is None else [last], is_13=True)
    return sides


class TlsConnection:
    """A connection that began with two hellos: `feed`, `lose` and `end` are the doors.

    `above` takes the events of the stream inside; `announced` is the connection that the layers above know of already.
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
        self._version_seen = -1  # of the key log
        self._hellos: dict[Sender, Hello | None] = {"client": None, "server": None}
        self._first: dict[Sender, bytes] = {"client": b"", "server": b""}
        self._held: list[Piece | Hole] | None = []  # until keys are known; None then, and when they came too late
        self._held_bytes = 0
        self._sides: dict[Sender, Side] | None = None
        self._readers: dict[Sender, RecordReader] = {}
        self._begun = False  # the layers above know of the stream inside
        self._gaps: dict[Sender, tuple[int, Origin, str]] = {}  # where records are missing: start, and why
        self._early: list[tuple[int, Span, Origin]] = []  # length and text, empty where it was not opened
        self._again: dict[Sender, bytes] = {"client": b"", "server": b""}  # text of handshakes inside the connection
        self._renewed: dict[Sender, Hello] = {}  # the hellos of the last one
        self._told: set[Sender] = set()  # sides whose first failure was told
        self._origins: dict[Sender, tuple[Origin, Origin]] = {}
        for flow in outer.flows:
            self.inner.flow(flow.sender).carry(flow)

    def __repr__(self) -> str:
        return f"<TlsConnection {self.outer.name} {self.tls.version}{' decrypted' * self.tls.decrypted}>"

    def feed(self, piece: Piece) -> Iterator[Event]:
        sender = piece.flow.sender
        first = Origin(*piece.packets[0][:3])
        self._origins[sender] = (self._origins.get(sender, (first, first))[0], Origin(*piece.packets[-1][:3]))
        if self._held is None:
            yield from self._read(piece)
            return
        if self._hellos[sender] is None:
            yield from self._greet(piece)
        self._hold(piece)
        yield from self._unlock()

    def lose(self, hole: Hole) -> Iterator[Event]:
        if self._held is None:
            yield from self._read(hole)
        else:
            self._hold(hole)

    def end(self, end: End) -> Iterator[Event]:
        yield from self._unlock()
        if self._held is not None:
            yield from self._give_up("")
        for flow in (self.inner.from_client, self.inner.from_server):
            flow.count()
        if not self._begun and not self._is_of_interest():
            begin = Begin(self.outer, self.outer.begun)
            yield begin
            yield end
            return
        self._seal_reason()
        for sender, (_, origin, reason) in self._gaps.items():
            if self.tls.decrypted:
                yield from self._above(self.inner.flow(sender).hole(None, origin, reason))
        yield from self._begin(end.origin)
        if not self.tls.decrypted:
            yield from self._seal()
        yield from self._above(End(self.inner, end.origin, end.reason, end.sender))

    # The hellos.

    def _greet(self, piece: Piece) -> Iterator[Event]:
        """What the hellos say."""
        sender = piece.flow.sender
        if len(self._first[sender]) < LONGEST:
            self._first[sender] += piece.data[: LONGEST - len(self._first[sender])]
        client = self._hellos["client"] = self._hellos["client"] or client_hello(self._first["client"])
        server = self._hellos["server"] = self._hellos["server"] or server_hello(self._first["server"])
        tls = self.tls
        if client is not None:
            tls.server_name = printable(client.server_name)
            tls.offered = tuple(map(printable, client.alpn))
            tls.offered_versions = tuple(VERSIONS[version] for version in client.versions if version in VERSIONS)
        if server is not None:
            tls.version = VERSIONS.get(server.version, f"version 0x{server.version:04X}")
            suite = SUITES.get(server.cipher)
            tls.cipher = f"cipher suite 0x{server.cipher:04X}" if suite is None else suite.name
            tls.alpn = printable(server.alpn[0]) if server.alpn else ""
        if client is not None and server is not None:
            self._first = {"client": b"", "server": b""}
            tls.greeted = Origin(*piece.packets[-1][:3])
            if self._hinted:
                yield from self._begin(tls.greeted)

    def _is_of_interest(self) -> bool:
        """Whether TLS that cannot be read may be RTMPS: who speaks RTMPS offers no protocol by ALPN."""
        if self._announced is not None or "rtmp" in self.tls.server_name.lower():
            return True
        return self.outer.server.port in USUAL_PORTS and self._hellos["client"] is not None and not self.tls.offered

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
        if self._held is None:
            return
        size = _OVERHEAD
        if isinstance(item, Piece):
            packets = [packet._replace(data=b"") for packet in item.packets]
            item = item._replace(packets=packets)
            size += len(item.data) + 64 * len(packets)
        self._held.append(item)
        self._held_bytes += size
        self._budget.held += size

    def _unlock(self) -> Iterator[Event]:
        """Read what waits as soon as there are keys for it."""
        client, server = self._hellos["client"], self._hellos["server"]
        if self._held is None:
            return
        if self._budget.spent:
            yield from self._give_up("too much came before its keys")
            return
        if client is None or server is None:
            return
        version = self._keys.refresh()
        if version == self._version_seen:
            return
        self._version_seen = version
        sides = sides_of(client, server, self._keys.secrets(client.random))
        if isinstance(sides, str):
            if sides:
                yield from self._give_up(sides)
            return
        self._sides = sides
        yield from self._release()

    def _give_up(self, reason: str) -> Iterator[Event]:
        """Read what waits without keys: records are counted."""
        self.tls.reason = self.tls.reason or reason
        yield from self._release()

    def _release(self) -> Iterator[Event]:
        held, self._held = self._held or [], None
        self._budget.held -= self._held_bytes
        self._held_bytes = 0
        senders: tuple[Sender, Sender] = ("client", "server")
        for sender in senders:
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
                self.tls.records[sender] += 1
                if record.kind == APPLICATION_DATA:
                    self.tls.bytes[sender] += len(record.span.data)
            if side is not None and not side.is_over:
                yield from self._open(sender, side, record)

    def _open(self, sender: Sender, side: Side, item: Item) -> Iterator[Event]:
        if isinstance(item, Gap):
            side.may_have_lost(item.records)
            self._lose(sender, side, item.start, item.origin, f"in TLS records {item.reason}")
        elif isinstance(item, Damaged):
            side.may_have_lost(1)
            self._lose(sender, side, item.start, item.origin, f"in TLS records {item.reason}")
        elif not side.is_sealed(item):
            if item.kind == CHANGE_CIPHER_SPEC and not side.change():
                yield from self._renew(sender, side, item)
        elif (opened := side.open(item)) is None:
            origin = item.span.last if item.span.packets else self._origins[sender][1]
            if side.is_early:
                self._early.append((max(len(item.span.data) - _BESIDE_EARLY, 0), _NOTHING, origin))
            self._lose(sender, side, item.start, origin, "in TLS records that do not authenticate")
            yield from self._fail(sender, side, "does not authenticate", origin)
        else:
            self._told.discard(sender)
            yield from self._close_gap(sender, side, item.start, opened.skipped)
            yield from self._take(sender, side, opened)

    def _take(self, sender: Sender, side: Side, opened: Opened) -> Iterator[Event]:
        if side.protocol:
            self.tls.alpn = printable(side.protocol)
        if opened.kind == HANDSHAKE and not side.is_13:
            self._again[sender] = (self._again[sender] + opened.span.data)[:_LONGEST_MESSAGE]
        if side.is_early and opened.kind == APPLICATION_DATA:
            self._early.append((len(opened.span.data), opened.span, opened.span.last))
            return
        if side.had_early and not side.is_early:
            side.had_early = False
            yield from self._settle_early()
        if opened.kind == APPLICATION_DATA and opened.span.data:
            yield from self._pass_on(sender, opened)

    def _pass_on(self, sender: Sender, opened: Opened) -> Iterator[Event]:
        yield from self._unseal(opened.span.last)
        yield from self._above(self.inner.flow(sender).piece(opened.span))

    def _unseal(self, origin: Origin) -> Iterator[Event]:
        """The stream inside can be read."""
        if not self.tls.decrypted:
            self.tls.decrypted = True
            self.tls.reason = ""
        yield from self._begin(origin)

    def _settle_early(self) -> Iterator[Event]:
        """The client's handshake goes on, so the server's answer is there: what it refused is sent again."""
        early, self._early = self._early, []
        server = self._sides["server"] if self._sides else None
        if server is None or (server.opened and not server.takes_early):
            return
        if early and not early[-1][1].data:
            early.pop()  # EndOfEarlyData, which is under that key as well
        for size, span, origin in early:
            if span.data:
                yield from self._pass_on("client", Opened(APPLICATION_DATA, span, 0))
            elif size:
                yield from self._unseal(origin)
                hole = self.inner.from_client.hole(
                    size, origin, "in early data, whose secret the key log does not have"
                )
                yield from self._above(hole)

    def _renew(self, sender: Sender, side: Side, change: Record) -> Iterator[Event]:
        """Renegotiation (RFC 5246, 7.4.1.1): the hellos inside the connection say what holds from here on."""
        client = hello_again(self._again["client"], CLIENT_HELLO) or self._renewed.get("client")
        server = hello_again(self._again["server"], SERVER_HELLO) or self._renewed.get("server")
        if client is None or server is None:
            return  # they may be missing: what comes next will not authenticate
        self._renewed = {"client": client, "server": server}
        self._again[sender] = b""
        if sender in self._gaps:  # the numbers of lost records do not tell any more how much they held
            self._gaps[sender] = (-1, *self._gaps[sender][1:])
        self._keys.refresh()
        sides = sides_of(client, server, self._keys.secrets(client.random))
        opener = None if isinstance(sides, str) or not sides else sides[sender].opener
        if opener is None:
            origin = change.span.last if change.span.packets else self._origins[sender][1]
            reason = f"{sides or _NO_SECRETS}"
            self._lose(sender, side, change.start, origin, f"in TLS records after a renegotiation: {reason}")
            yield from self._fail(sender, side, f"changes keys by a renegotiation: {reason}", origin)
        side.renew(opener)

    def _lose(self, sender: Sender, side: Side, start: int, origin: Origin, reason: str) -> None:
        """From here on records are missing, up to the next that can be opened."""
        if not side.is_settled:
            return
        before = self._gaps.get(sender)
        if before is None:
            self._gaps[sender] = (start, origin, reason)
        elif start < 0:
            self._gaps[sender] = (-1, *before[1:])

    def _close_gap(self, sender: Sender, side: Side, stop: int, skipped: int) -> Iterator[Event]:
        """The next record is there. What is between, less what that many records take, is how much text is missing."""
        gap = self._gaps.pop(sender, None)
        if gap is None or not self._begun:
            return
        start, origin, reason = gap
        size = None
        # The first numbers of a server of TLS 1.3 may be those of tickets, whose text is none of the stream's.
        if start >= 0 and side.overhead is not None and side.number - skipped > _TICKETS:
            size = stop - start - skipped * side.overhead
        if size is None or size < 0 or (size > 0 and not skipped):
            size = None
        if size != 0:
            yield from self._above(self.inner.flow(sender).hole(size, origin, reason))

    def _fail(self, sender: Sender, side: Side, what: str, origin: Origin) -> Iterator[Event]:
        """A record that cannot be opened: the first of a run is told."""
        if side.opened and sender not in self._told and self._begun:
            self._told.add(sender)
            title = f"TLS record {side.number} from the {sender} {what}"
            yield Notice(self.inner, findings.TLS_RECORD, Severity.ERROR, title, sender, origin)

    # What stays unread.

    def _seal_reason(self) -> None:
        tls = self.tls
        if tls.decrypted or tls.reason:
            return
        if self._sides is not None:
            tls.reason = "the key log's secrets for it do not fit" if self._has_failed() else "no application data"
        elif self._hellos["client"] is None or self._hellos["server"] is None:
            tls.reason = "its handshake was not captured whole"
        else:
            tls.reason = _NO_SECRETS if len(self._keys) else "there is no key log"

    def _has_failed(self) -> bool:
        return self._sides is not None and not any(side.opened for side in self._sides.values())

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
