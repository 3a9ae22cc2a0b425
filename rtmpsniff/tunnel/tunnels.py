"""Streams inside streams: between transport, whose events it takes, and RTMP, which gets those of the inmost streams.

A connection is looked at until its first bytes say what it is. One that carries RTMP itself, or something that nobody
here knows, goes by as it is: from then on a piece costs one look into a dictionary.

    first bytes --(ClientHello, then ServerHello)--> TlsConnection --its bytes, once more--> first bytes
    first bytes --(POST /open/ and its like)--> HttpConnection --> RTMPT sessions
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, TypeAlias

from rtmpsniff.budget import Budget
from rtmpsniff.transport.reassembly import RTMP_PORTS, Begin, Connection, End, Hole, Piece, Sender, Tick
from rtmpsniff.transport.reassembly import Event as StreamEvent
from rtmpsniff.transport.udp import Datagram
from rtmpsniff.tunnel.inner import Event, InnerConnection
from rtmpsniff.tunnel.keylog import KeyLog
from rtmpsniff.tunnel.rtmfp import Rtmfp
from rtmpsniff.tunnel.rtmpt import BEGINNING, LATER_REQUEST, LONGEST_BEGINNING, HttpConnection, Tokens
from rtmpsniff.tunnel.tls import CLIENT_HELLO, SERVER_HELLO, TlsConnection, begins_like

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
        if BEGINNING.match(client) or is_later:
            return HttpConnection(self.connection, self._tunnels.tokens, self.announced)
        carries_tls = isinstance(self.connection, InnerConnection)
        hello = False if carries_tls else begins_like(client, CLIENT_HELLO)
        if hello and server:
            answer = begins_like(server, SERVER_HELLO)
            if answer:
                return self._tunnels.open_tls(self.connection, self.announced)
            hello = answer
        is_open = hello is not False or _may_be_request(client)
        if not client:
            is_open = self._lost and server.startswith(b"HTTP/1.")
        return None if is_open and self._held_bytes < _MOST_HELD else self

    @staticmethod
    def _is_tunnel(first: bytes) -> bool:
        return begins_like(first, CLIENT_HELLO) is True or BEGINNING.match(first) is not None


def _may_be_request(first: bytes) -> bool:
    """Whether what there is may go on as a request of RTMPT."""
    if len(first) >= LONGEST_BEGINNING or b"\n" in first:
        return False
    words = (b"POST /open/", b"POST /send/", b"POST /idle/", b"POST /close/", b"POST /fcs/")
    return any(word.startswith(first) for word in words) or first.startswith(b"POST http://")


Watcher: TypeAlias = First | HttpConnection | TlsConnection


class Tunnels:
    """All tunnels of a capture. `run` is the door."""

    def __init__(self, ports: Collection[int] = (), budget: Budget | None = None, keys: KeyLog | None = None) -> None:
        self.ports = RTMP_PORTS | set(ports)
        self.budget = budget or Budget()
        self.keys = KeyLog() if keys is None else keys
        self.tokens = Tokens(self.budget)
        self.rtmfp = Rtmfp()
        self.watched: dict[Connection, Watcher] = {}

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
                yield from self.rtmfp.feed(item)
            elif isinstance(item, Begin):
                yield from self.begin(item)
            elif isinstance(item, Tick):
                yield item
            else:
                yield from self.take(item)
        yield from self.tokens.end_all()
        yield from self.rtmfp.end()

    def begin(self, begin: Begin) -> Iterator[Event]:
        """A connection, of TCP or inside another, begins."""
        connection = begin.connection
        known = connection.server in self.tokens.servers  # then its connections are nobody's concern, sessions are
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
            self.watched.pop(connection)
            yield from watcher.end(item)

    def open_tls(self, outer: Connection, announced: Connection | None) -> TlsConnection:
        """Read a connection as TLS."""
        hinted = outer.server.port in self.ports
        return TlsConnection(outer, announced, self.keys, self.budget, hinted=hinted, above=self.take)
