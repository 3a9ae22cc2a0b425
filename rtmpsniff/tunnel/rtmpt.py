"""RTMPT: an RTMP session in the bodies of HTTP requests and their responses.

`POST /open/1` is answered with the session's id; `/send/<id>/<number>` carries what the client says, its response and
those of `/idle/...` what the server says, behind a byte that gives the delay until the client should ask again;
`/close/...` ends it. Here requests meet their responses; `sessions.py` knows whose they are, `sequence.py` their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from rtmpsniff import findings
from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Severity
from rtmpsniff.text import printable
from rtmpsniff.transport.connection import Connection
from rtmpsniff.transport.events import Begin, End, Hole, Piece
from rtmpsniff.tunnel.exchanges import OpenExchange
from rtmpsniff.tunnel.http import (
    CHUNKED,
    REQUEST,
    RESPONSE,
    UNTIL_END,
    Body,
    Done,
    Head,
    HttpReader,
    Item,
    length_of,
    status_of,
)
from rtmpsniff.tunnel.inner import Event, InnerConnection, Lost, Notice
from rtmpsniff.tunnel.requests import Request, read_request, shorten
from rtmpsniff.tunnel.sequence import MOST_AHEAD
from rtmpsniff.tunnel.sessions import MOST_SESSIONS, Tokens, TunnelSession

_MOST_PENDING: Final = 1024
_MOST_EARLY: Final = 1 << 20  # bytes of a response whose request has not come yet
_OVERHEAD: Final = 256
_SHOWN: Final = 3  # sessions that are named
_LONGEST_REASON: Final = 80  # characters of a status line


class HttpConnection:
    """A TCP connection (or a TLS one) that carries exchanges of RTMPT sessions: `feed`, `lose`, `end` are the doors.

    `announced` is the connection that the layers above know of, where they were told before its first byte came: the
    first session that is opened over it takes its place.
    """

    def __init__(self, outer: Connection, tokens: Tokens, announced: Connection | None) -> None:
        self.outer = outer
        self.announced = announced
        self._tokens = tokens
        self._requests = HttpReader(REQUEST, lambda head: max(length_of(head) or 0, CHUNKED))
        self._responses = HttpReader(RESPONSE, self._response_length)
        self._pending: deque[OpenExchange] = deque()  # requests without a whole response
        self._asking: OpenExchange | None = None  # the request whose body is being read
        self._answering: OpenExchange | None = None
        self._lost_requests = self._lost_responses = False  # since the last one of them
        self._most_pending = 0  # requests that waited for responses at one time
        self._number = 0  # of the last request
        self._interim = False  # the response at hand is a 1xx
        self._early: list[Item] = []  # of responses whose request has not been seen
        self._early_size = 0
        self._mine: set[TunnelSession] = set()
        tokens.servers[outer.server] = None

    def __repr__(self) -> str:
        return f"<HttpConnection {self.outer.name} {len(self._pending)} pending>"

    def feed(self, piece: Piece) -> Iterator[Event]:
        if piece.flow.sender == "client":
            yield from self._read_requests(self._requests.feed(piece))
        else:
            yield from self._read_responses(self._responses.feed(piece))

    def lose(self, hole: Hole) -> Iterator[Event]:
        if hole.flow.sender == "client":
            yield from self._read_requests(self._requests.lose(hole))
        else:
            yield from self._read_responses(self._responses.lose(hole))

    def end(self, end: End) -> Iterator[Event]:
        yield from self._read_responses(self._responses.end(end.origin))
        if self._asking is not None:
            yield from self._lose_request(self._asking, Lost(None, end.origin, "never captured"))
        for exchange in [*([self._answering] if self._answering else []), *self._pending]:
            yield from self._fail(exchange, end.origin)
        self._pending.clear()
        for session in self._mine:
            session.leave(self.outer, end)
            if session.is_over:
                yield from self._tokens.end(session, end.origin, *session.ending)
        if self.announced is not None:
            yield from self._end_announced(self.announced, end)

    def _end_announced(self, announced: Connection, end: End) -> Iterator[Event]:
        """No session was opened over it: it carried parts of others, or none."""
        if not self._mine:
            yield End(announced, end.origin, end.reason, end.sender)
            return
        carrier = self._inner(announced.begun)
        names = ", ".join(sorted(shorten(session.token) for session in self._mine)[:_SHOWN])
        carrier.words = f"carries RTMPT session {names}"
        for flow in self._root().flows:
            carrier.flow(flow.sender).carry(flow)
            carrier.flow(flow.sender).count()
        yield Begin(carrier, announced.begun, announced)
        yield End(carrier, end.origin, end.reason, end.sender)

    def _inner(self, origin: Origin) -> InnerConnection:
        """A connection inside this one."""
        return InnerConnection(self.outer, origin, "https" if isinstance(self.outer, InnerConnection) else "http")

    def _root(self) -> Connection:
        """The connection of TCP."""
        root = self.outer
        while isinstance(root, InnerConnection) and root.lower is not None:
            root = root.lower
        return root

    # Requests.

    def _read_requests(self, items: list[Item]) -> Iterator[Event]:
        for item in items:
            self._lost_requests |= isinstance(item, Lost) and item.size is None
            if isinstance(item, Head):
                yield from self._ask(item)
            elif self._asking is None:
                continue
            elif isinstance(item, Body):
                yield from self._asking.ask(item.span)
            elif isinstance(item, Done):
                asking, self._asking = self._asking, None
                yield from asking.end_request(item.origin)
            elif item.size is None:
                yield from self._lose_request(self._asking, item)
            else:
                yield from self._asking.ask(item)

    def _ask(self, head: Head) -> Iterator[Event]:
        """A request begins."""
        request = read_request(head)
        exchange = self._asking = OpenExchange(request, head.origin)
        if request.token:
            yield from self._find_session(exchange)
        session = exchange.session
        if session is not None:
            if self._lost_requests and session in self._mine:
                yield from self._infer(session, request, head.origin)
            exchange.question = session.client.begin(request.number, head.origin)
            self._number = request.number
        self._lost_requests = False
        self._await_response(exchange)
        if self._early:
            items, self._early, self._early_size = self._early, [], 0
            yield from self._read_responses(items)

    def _await_response(self, exchange: OpenExchange) -> None:
        self._pending.append(exchange)
        if not self._lost_responses:
            self._most_pending = max(self._most_pending, len(self._pending))
        if len(self._pending) > _MOST_PENDING:
            self._pending.popleft()

    def _infer(self, session: TunnelSession, request: Request, origin: Origin) -> Iterator[Event]:
        """Requests of which a hole took the heads: by their numbers they are those between the last and this one."""
        lost = Lost(None, origin, "in a request never captured")
        for number in range(max(self._number + 1, request.number - MOST_AHEAD), request.number):
            part = session.client.begin(number, origin)
            if part is None:
                continue
            yield from session.client.add(part, lost)
            yield from session.client.finish(part, origin)
            path = f"/.../{shorten(session.token)}/{number} (its request was not captured)"
            inferred = OpenExchange(Request("send", session.token, number, "POST", path), origin)
            inferred.session = session
            self._pending.append(inferred)

    def _lose_request(self, exchange: OpenExchange, lost: Lost) -> Iterator[Event]:
        """The rest of a request is missing."""
        self._asking = None
        yield from exchange.ask(lost)
        yield from exchange.end_request(exchange.last)

    # Sessions.

    def _find_session(self, exchange: OpenExchange) -> Iterator[Event]:
        """The session that a request names; one that began before the capture begins here."""
        token = exchange.request.token
        key = self.outer.server, token
        if key in self._tokens.over:
            return
        session = self._tokens.sessions.get(key)
        if session is None:
            yield from self._open(token, exchange.first, whole=False)
            session = self._tokens.sessions[key]
        self._join(session)
        exchange.session = session

    def _open(self, token: str, origin: Origin, *, whole: bool) -> Iterator[Event]:
        yield from self._tokens.make_room(origin)
        connection = self._inner(origin)
        connection.whole = whole
        session = TunnelSession(token, connection, self._tokens.budget)
        if whole:
            session.client.next = session.server.next = 0
        self._tokens.sessions[connection.server, token] = session
        self._join(session)
        announced, self.announced = self.announced, None
        yield Begin(connection, origin, announced)

    def _opened(self, exchange: OpenExchange) -> Iterator[Event]:
        """The response to /open is complete."""
        token = exchange.token
        if not token:
            return
        key = self.outer.server, token
        if key in self._tokens.sessions:
            yield from self._tokens.end(self._tokens.sessions[key], exchange.last, "port used again", "")
        self._tokens.over.pop(key, None)
        yield from self._open(token, exchange.first, whole=True)
        exchange.session = self._tokens.sessions[key]

    def _join(self, session: TunnelSession) -> None:
        session.carry(self.outer, self._root())
        if len(self._mine) > 2 * MOST_SESSIONS:
            self._mine = {each for each in self._mine if not each.connection.closed}
        self._mine.add(session)

    # Responses.

    def _response_length(self, head: Head) -> int:
        """RFC 9112, 6.3."""
        status = status_of(head)
        method = self._pending[0].request.method if self._pending else "POST"
        if 100 <= status < 200 or status in {204, 304} or method == "HEAD":
            return 0
        length = length_of(head)
        return UNTIL_END if length is None else length

    def _read_responses(self, items: list[Item]) -> Iterator[Event]:
        for item in items:
            if isinstance(item, Lost) and item.size is None and self._answering is None:
                self._lost_responses = True
            elif isinstance(item, Head):
                self._interim = 100 <= status_of(item) < 200
                if self._interim:
                    continue
                if not self._pending or self._early:
                    self._answering = None
                    self._wait(item)
                else:
                    yield from self._answer(item)
            elif self._interim:
                self._interim = not isinstance(item, Done)
            elif self._early:
                self._wait(item)
            elif self._answering is not None:
                yield from self._go_on(self._answering, item)

    def _wait(self, item: Item) -> None:
        """A response whose request has not been seen: the packet that brought that may have come late."""
        size = len(item.span.data) if isinstance(item, Body) else _OVERHEAD
        self._early_size += size
        self._early.append(item)
        if self._early_size > _MOST_EARLY:
            self._early, self._early_size = [], 0

    def _answer(self, head: Head) -> Iterator[Event]:
        """A response begins: it belongs to the oldest request that has none."""
        if self._lost_responses and self._most_pending <= 1:
            yield from self._skip_unanswered(head.origin)
        self._lost_responses = False
        exchange = self._answering = self._pending.popleft()
        exchange.status, exchange.last = status_of(head), head.origin
        session = exchange.session
        if session is None:
            return
        exchange.answer = session.server.begin(exchange.request.number, head.origin)
        if exchange.status != 200:
            words = printable(head.line.partition(" ")[2])[:_LONGEST_REASON]
            title = f"the server answers {exchange.request.path} with {words}"
            yield Notice(session.connection, findings.RTMPT_REFUSED, Severity.WARNING, title, "server", exchange.last)

    def _go_on(self, exchange: OpenExchange, item: Item) -> Iterator[Event]:
        """More of a response."""
        if isinstance(item, Body):
            yield from exchange.answer_with(item.span)
            return
        if isinstance(item, Lost):
            yield from exchange.lose(item)
            if item.size is not None:
                return
            self._lost_responses = True
        exchange.last = item.origin
        self._answering = None
        yield from self._complete(exchange)

    def _skip_unanswered(self, origin: Origin) -> Iterator[Event]:
        """Behind a hole a response belongs to the last request, of clients that wait for each before the next."""
        while len(self._pending) > 1:
            exchange = self._pending.popleft()
            session = exchange.session
            part = session.server.begin(exchange.request.number, origin) if session is not None else None
            if session is not None and part is not None:
                yield from session.server.add(part, Lost(None, origin, "in a response never captured"))
                yield from session.server.finish(part, origin)

    def _complete(self, exchange: OpenExchange) -> Iterator[Event]:
        if exchange.request.kind == "open":
            yield from self._opened(exchange)
        session = exchange.session
        if session is None:
            return
        session.last = exchange.last
        session.count()
        yield from exchange.end_response()
        yield from self._tell(session, exchange)
        if session.is_over:
            yield from self._tokens.end(session, exchange.last, "closed", "client")

    def _fail(self, exchange: OpenExchange, origin: Origin) -> Iterator[Event]:
        """The connection ended before the response did."""
        session = exchange.session
        if session is not None:
            yield from exchange.fail(origin)
            session.count()
            yield from self._tell(session, exchange)

    @staticmethod
    def _tell(session: TunnelSession, exchange: OpenExchange) -> Iterator[Event]:
        yield exchange.event(session)
        session.closing |= exchange.request.kind == "close"
