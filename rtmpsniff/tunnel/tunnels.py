"""Streams inside streams: between transport, whose events it takes, and RTMP, which gets those of the inmost streams.

A connection is looked at until its first bytes say what it is. One that carries RTMP itself, or something that nobody
here knows, goes by as it is: from then on a piece costs one look into a dictionary.

    first bytes --(ClientHello, then ServerHello)--> TlsConnection --its bytes, once more--> first bytes
    first bytes --(POST /open/ and its like)--> HttpConnection --> RTMPT sessions
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

from rtmpsniff.budget import Budget
from rtmpsniff.transport.connection import RTMP_PORTS, Connection, Sender
from rtmpsniff.transport.events import Begin, End, Hole, Piece, Tick
from rtmpsniff.transport.events import Event as StreamEvent
from rtmpsniff.transport.udp import Datagram
from rtmpsniff.tunnel.beginnings import (
    CLIENT_HELLO,
    LATER_REQUEST,
    LONGEST_BEGINNING,
    RTMPT_REQUEST,
    SERVER_HELLO,
    begins_like,
    may_be_request,
)
from rtmpsniff.tunnel.inner import Event, InnerConnection
from rtmpsniff.tunnel.keylog import KeyLog

if TYPE_CHECKING:  # who meets no tunnel does not pay for them
    from rtmpsniff.transport.tcp import Endpoint
    from rtmpsniff.tunnel.rtmfp import Rtmfp
    from rtmpsniff.tunnel.rtmpt import HttpConnection
    from rtmpsniff.tunnel.sessions import Tokens
    from rtmpsniff.tunnel.tls import TlsConnection

_MOST_HELD: Final = 64 * 1024  # bytes that may come before it is known what they are


class First:
    """A connection of which it is not known yet what it carries."""

    def __init__(self, begin: Begin, tunnels: Tunnels, announced: Connection | None, *, held_back: bool) -> None:
        self.connection = begin.connection
        self.announced = announced
        self._begin = begin
        self._held_back = held_back  # the layers above do not know of it yet
        self._tunnels = tunnels
        self._held: list[Piece | Hole] = []
        self._held_bytes = 0
        self._lost = not begin.connection.whole  # its first bytes are not there
        self._first: dict[Sender, bytes] = {"client": b"", "server": b""}

    def feed(self, piece: Piece) -> Iterator[Event]:
        sender = piece.flow.sender
        self._held.append(piece)
        self._held_bytes += len(piece.data)
        first = self._first[sender]
        if len(first) < LONGEST_BEGINNING:
            self._first[sender] = first + piece.data[:LONGEST_BEGINNING]
        watcher = self._decide(piece)
        if watcher is None:
            return
        held, self._held = self._held, []
        if watcher is self:
            yield from self._let_go()
            yield from held
            return
        self._tunnels.watched[self.connection] = watcher
        for each in held:
            yield from watcher.feed(each) if isinstance(each, Piece) else watcher.lose(each)

    def lose(self, hole: Hole) -> Iterator[Event]:
        """What was lost may be the beginning of what tells: the next piece may tell as well."""
        self._held.append(hole)
        if self._lost or any(self._first.values()):
            yield from self._let_go()
            yield from self._held
        self._lost = True

    def end(self, end: End) -> Iterator[Event]:
        yield from self._let_go()
        yield from self._held
        yield end

    def _let_go(self) -> Iterator[Event]:
        """It is no tunnel."""
        self._tunnels.watched.pop(self.connection, None)
        if self._held_back:
            yield self._begin

    def _decide(self, piece: Piece) -> Watcher | None:
        """Who is to read on: this itself where it is no tunnel, None where that is not known yet."""
        client, server = self._first["client"], self._first["server"]
        if not client and server and not self.connection.whole and self._is_tunnel(server):
            self.connection.exchange_roles()
            client, server = server, client
            self._first = {"client": client, "server": server}
        is_later = self._lost and piece.flow.sender == "client" and LATER_REQUEST.search(piece.data)
        if RTMPT_REQUEST.match(client) or is_later:
            return self._tunnels.open_http(self.connection, self.announced)
        carries_tls = isinstance(self.connection, InnerConnection)
        hello = False if carries_tls else begins_like(client, CLIENT_HELLO)
        if hello and server:
            answer = begins_like(server, SERVER_HELLO)
            if answer:
                return self._tunnels.open_tls(self.connection, self.announced)
            hello = answer
        is_open = hello is not False or may_be_request(client)
        if not client:
            is_open = self._lost and server.startswith(b"HTTP/1.")
        return None if is_open and self._held_bytes < _MOST_HELD else self

    @staticmethod
    def _is_tunnel(first: bytes) -> bool:
        return begins_like(first, CLIENT_HELLO) is True or RTMPT_REQUEST.match(first) is not None


Watcher: TypeAlias = "First | HttpConnection | TlsConnection"


class Tunnels:
    """All tunnels of a capture. `run` is the door."""

    def __init__(self, ports: Collection[int] = (), budget: Budget | None = None, keys: KeyLog | None = None) -> None:
        self.ports = RTMP_PORTS | set(ports)
        self.budget = budget or Budget()
        self.keys = KeyLog() if keys is None else keys
        self._rtmfp: Rtmfp | None = None  # from the first datagram on
        self.servers: dict[Endpoint, None] = {}  # that were asked for RTMPT
        self.watched: dict[Connection, Watcher] = {}
        self.locked: dict[Connection, TlsConnection] = {}  # that may wait for keys
        self._half_known: list[TlsConnection] = []  # of these, who wait for their other keys
        self._version_seen = 0  # of the key log, when time passed

    @cached_property
    def tokens(self) -> Tokens:
        """The RTMPT sessions."""
        from rtmpsniff.tunnel.sessions import Tokens  # noqa: PLC0415

        return Tokens(self.budget, self.servers)

    @property
    def datagrams(self) -> int:
        """How many were RTMFP."""
        return self._rtmfp.datagrams if self._rtmfp else 0

    def run(self, stream: Iterable[StreamEvent]) -> Iterator[Event]:
        """Turn the events of TCP connections into those of the streams that they carry."""
        watched = self.watched
        for item in stream:
            if isinstance(item, Piece):
                watcher = watched.get(item.flow.connection)
                if watcher is None:
                    yield item
                else:
                    yield from watcher.feed(item)
            elif isinstance(item, Datagram):
                yield from self._take_datagram(item)
            elif isinstance(item, Begin):
                yield from self.begin(item)
            elif isinstance(item, Tick):
                if self.locked:
                    yield from self._unlock(item.now)
                yield item
            else:
                yield from self.take(item)
        if self.servers:
            yield from self.tokens.end_all()
        if self._rtmfp is not None:
            yield from self._rtmfp.end()

    def _take_datagram(self, datagram: Datagram) -> Iterator[Event]:
        if self._rtmfp is None:
            from rtmpsniff.tunnel.rtmfp import Rtmfp  # noqa: PLC0415

            self._rtmfp = Rtmfp()
        yield from self._rtmfp.feed(datagram)

    def begin(self, begin: Begin) -> Iterator[Event]:
        """A connection, of TCP or inside another, begins."""
        connection = begin.connection
        known = connection.server in self.servers  # then its connections are nobody's concern, sessions are
        announced = begin.replaces
        shown = connection.whole and connection.server.port in self.ports and not known
        if shown:
            announced = connection
            yield begin
        held_back = announced is not connection
        self.watched[connection] = First(begin, self, announced, held_back=held_back)

    def take(self, item: Begin | Piece | Hole | End) -> Iterator[Event]:
        """An event of a connection, of TCP or inside another, that has begun."""
        if isinstance(item, Begin):
            yield from self.begin(item)
            return
        connection = item.connection if isinstance(item, End) else item.flow.connection
        watcher = self.watched.get(connection)
        if watcher is None:
            yield item
        elif isinstance(item, Piece):
            yield from watcher.feed(item)
        elif isinstance(item, Hole):
            yield from watcher.lose(item)
        else:
            del self.watched[connection]
            self.locked.pop(connection, None)
            yield from watcher.end(item)

    def open_tls(self, outer: Connection, announced: Connection | None) -> TlsConnection:
        """Read a connection as TLS."""
        from rtmpsniff.tunnel.tls import TlsConnection  # noqa: PLC0415

        hinted = outer.server.port in self.ports
        tls = TlsConnection(outer, announced, self.keys, self.budget, hinted=hinted, above=self.take)
        self.locked[outer] = tls
        return tls

    def _unlock(self, now: int) -> Iterator[Event]:
        """Keys may have come since the last packets; where none have, only the patience of some may be over."""
        version = self.keys.refresh()
        waiting = self._half_known if version == self._version_seen else list(self.locked.values())
        self._version_seen = version
        for tls in waiting:
            yield from tls.unlock(now)
            if not tls.waits:
                self.locked.pop(tls.outer, None)
        self._half_known = [tls for tls in waiting if tls.is_half_known]

    def open_http(self, outer: Connection, announced: Connection | None) -> HttpConnection:
        """Read a connection as HTTP that carries RTMPT."""
        from rtmpsniff.tunnel.rtmpt import HttpConnection  # noqa: PLC0415

        return HttpConnection(outer, self.tokens, announced)
