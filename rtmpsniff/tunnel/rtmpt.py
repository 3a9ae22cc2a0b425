"""RTMPT: an RTMP session in the bodies of HTTP requests and their responses.

`POST /open/1` is answered with the session's id; `/send/<id>/<number>` carries what the client says, its response and
those of `/idle/...` what the server says, behind a byte that gives the delay until the client should ask again;
`/close/...` ends it. A session is its server's address and its id: its requests may come over several TCP connections,
more than one at a time, and twice. What is joined here is ordered by the numbers.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

from rtmpsniff import findings
from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Severity
from rtmpsniff.text import plural, printable
from rtmpsniff.transport.reassembly import Begin, Connection, End, EndReason, Hole, Piece, Sender
from rtmpsniff.transport.tcp import Endpoint
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
    Lost,
    length_of,
)
from rtmpsniff.tunnel.inner import Event, Exchange, InnerConnection, InnerFlow, Notice, Span

_Key = TypeVar("_Key")
Kind: TypeAlias = Literal["open", "send", "idle", "close", "other"]

BEGINNING: Final = re.compile(rb"POST (?:http://[^/ ]{1,255})?/(?:open|send|idle|close|fcs)/")
LATER_REQUEST: Final = re.compile(rb"POST /(?:send|idle|close)/[!-~]{1,128}/[0-9]{1,12} HTTP/1\.[01]\r?\n")
LONGEST_BEGINNING: Final = 280
MOST_SESSIONS: Final = 4096
MOST_AHEAD: Final = 512  # exchanges that may come before one that is missing: transport waits for its packets too
LONGEST_WAIT: Final = 5_000_000_000  # ns that they wait for it
_FARTHEST: Final = 1 << 20  # a number farther ahead belongs to no session that exists
_MOST_PENDING: Final = 1024
_MOST_EARLY: Final = 1 << 20  # bytes of a response whose request has not come yet
_OVERHEAD: Final = 256
_PATH: Final = re.compile(r"(?:http://[^/ ]*)?/(open|send|idle|close)/([^/ ?]{1,128})(?:/(\d{1,12}))?/?(?:\?.*)?")
_TOKEN: Final = re.compile(r"[!-~]{1,128}")
_SHOWN: Final = 3


def shorten(token: str) -> str:
    """An id as it is shown: whoever has it whole can speak for the client."""
    return printable(token if len(token) <= _SHOWN else f"{token[:_SHOWN]}...")


class _Part:
    """What one exchange brings to a direction, until its turn comes."""

    __slots__ = ("done", "held", "number", "size", "time")

    def __init__(self, number: int, time: int) -> None:
        self.number = number
        self.time = time
        self.done = False
        self.held: list[Span | Lost] = []
        self.size = 0  # bytes held


class Sequence:
    """One direction of a session: the bodies in the order of their numbers."""

    def __init__(self, flow: InnerFlow, budget: Budget) -> None:
        self.flow = flow
        self.next: int | None = None  # whose turn it is; the first that is seen begins
        self.repeated = 0
        self.missing = 0
        self._parts: dict[int, _Part] = {}
        self._budget = budget

    def __repr__(self) -> str:
        return f"<Sequence from {self.flow.sender} at {self.next}, holds {len(self._parts)}>"

    @property
    def waits(self) -> bool:
        """Whether something is held back."""
        return bool(self._parts)

    def begin(self, number: int, origin: Origin) -> _Part | None:
        """An exchange begins; None for one that was there before."""
        if self.next is None:
            self.next = number
        if number < self.next or number in self._parts or number > self.next + _FARTHEST:
            self.repeated += 1
            return None
        part = self._parts[number] = _Part(number, origin.time)
        self._budget.held += _OVERHEAD
        return part

    def add(self, part: _Part, item: Span | Lost) -> Iterator[Event]:
        """Bytes of an exchange, or that some are missing."""
        if part.number == self.next:
            yield self._event(item)
            return
        if isinstance(item, Span):
            item = item.slim()
            part.size += len(item.data)
            self._budget.held += len(item.data)
        part.held.append(item)

    def finish(self, part: _Part, origin: Origin) -> Iterator[Event]:
        """An exchange is complete: others may have their turn."""
        part.done = True
        yield from self._go_on()
        yield from self._give_up(origin)

    def withdraw(self, part: _Part) -> None:
        """An exchange that brought nothing: it may be tried again."""
        if self._parts.get(part.number) is part:
            self._drop(part)

    def flush(self, origin: Origin) -> Iterator[Event]:
        """No more will come."""
        while self._parts:
            if self.next in self._parts:
                self._parts[self.next].done = True
                yield from self._go_on()
            else:
                yield from self._skip(origin)

    def _event(self, item: Span | Lost) -> Event:
        if isinstance(item, Span):
            return self.flow.piece(item)
        return self.flow.hole(item.size, item.origin, item.reason)

    def _go_on(self) -> Iterator[Event]:
        while self.next is not None and (part := self._parts.get(self.next)) is not None:
            held, part.held = part.held, []
            self._budget.held -= part.size
            part.size = 0
            for item in held:
                yield self._event(item)
            if not part.done:
                return
            self._drop(part)
            self.next += 1

    def _drop(self, part: _Part) -> None:
        self._budget.held -= part.size + _OVERHEAD
        del self._parts[part.number]

    def _give_up(self, origin: Origin) -> Iterator[Event]:
        """Stop waiting for an exchange where too much came behind it."""
        while self._parts and self.next not in self._parts:
            waited = origin.time - min(part.time for part in self._parts.values())
            if len(self._parts) < MOST_AHEAD and waited < LONGEST_WAIT and not self._budget.spent:
                return
            yield from self._skip(origin)

    def _skip(self, origin: Origin) -> Iterator[Event]:
        first = min(self._parts)
        count = first - (self.next or 0)
        self.missing += count
        yield self.flow.hole(None, origin, f"in {plural(count, 'exchange')} never captured")
        self.next = first
        yield from self._go_on()


class TunnelSession:
    """One RTMPT session."""

    def __init__(self, token: str, connection: InnerConnection, budget: Budget) -> None:
        self.token = token
        self.connection = connection
        self.client = Sequence(connection.from_client, budget)
        self.server = Sequence(connection.from_server, budget)
        self.exchanges = 0
        self.carriers: set[Connection] = set()  # those that are open
        self.carried_by = 0
        self.last = connection.begun
        self.ending: tuple[EndReason, Sender | Literal[""]] = ("closed", "")  # of the carrier that ended last
        self.closing = False  # the client took its leave; what came behind a gap still waits for that
        connection.hinted = True
        self._say()

    def __repr__(self) -> str:
        return f"<TunnelSession {shorten(self.token)} {self.exchanges} exchanges>"

    def carry(self, outer: Connection, roots: Connection) -> None:
        """A connection carries some of this session."""
        if outer in self.carriers:
            return
        self.carriers.add(outer)
        self.carried_by += 1
        for flow in roots.flows:
            self.connection.flow(flow.sender).carry(flow)
        self.connection.lower = None
        self._say()

    @property
    def is_over(self) -> bool:
        """Nothing more can come, or nothing that is waited for."""
        return self.closing and (not self.carriers or not (self.client.waits or self.server.waits))

    def count(self) -> None:
        self.exchanges += 1
        self._say()

    def _say(self) -> None:
        name = "RTMPTS" if self.connection.carrier == "https" else "RTMPT"
        over = f" over {plural(self.carried_by, 'TCP connection')}" if self.carried_by else ""
        count = f", {plural(self.exchanges, 'exchange')}" if self.exchanges else ""
        self.connection.words = f"{name} session {shorten(self.token)}{over}{count}"

    def end(self, origin: Origin, reason: EndReason, sender: Sender | Literal[""]) -> Iterator[Event]:
        """Nothing more will come of this session."""
        for sequence in (self.client, self.server):
            yield from sequence.flush(origin)
            if sequence.missing:
                title = f"{plural(sequence.missing, 'exchange')} of the RTMPT session never captured"
                yield Notice(
                    self.connection, findings.CAPTURE_QUALITY, Severity.WARNING, title, sequence.flow.sender, origin
                )
        self.connection.closed = True
        for flow in (self.connection.from_client, self.connection.from_server):
            flow.count()
        yield End(self.connection, origin, reason, sender)


class _Request(NamedTuple):
    """What a request line asks for."""

    kind: Kind
    token: str
    number: int
    method: str
    path: str  # as it may be shown


def read_request(head: Head) -> _Request:
    """A request of RTMPT, or another ("other")."""
    method, target, *_ = [*head.words, "", ""]
    match = _PATH.fullmatch(target) if method == "POST" else None
    if match is None:
        return _Request("other", "", 0, method, printable(target)[:120])
    kind, token, number = match[1], match[2], match[3]
    if kind == "open":
        return _Request("open", "", 0, method, f"/open/{shorten(token)}")
    if number is None:
        return _Request("other", "", 0, method, printable(target)[:120])
    path = f"/{kind}/{shorten(token)}/{number}"
    known: dict[str, Kind] = {"send": "send", "idle": "idle", "close": "close"}
    return _Request(known[kind], token, int(number), method, path)


class _Pending:
    """A request and what came of it so far."""

    __slots__ = (
        "answer",
        "first",
        "interval",
        "last",
        "question",
        "request",
        "request_length",
        "response_length",
        "session",
        "status",
        "text",
    )

    def __init__(self, request: _Request, origin: Origin) -> None:
        self.request = request
        self.first = self.last = origin
        self.session: TunnelSession | None = None
        self.question: _Part | None = None  # what it brings to the client's direction
        self.answer: _Part | None = None  # and its response to the server's
        self.status = 0
        self.interval: int | None = None
        self.request_length = self.response_length = 0
        self.text = b""  # of the response to /open


class Tokens:
    """All RTMPT sessions of a capture, by server and id."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.sessions: OrderedDict[tuple[Endpoint, str], TunnelSession] = OrderedDict()
        self.over: dict[tuple[Endpoint, str], None] = {}  # ids that were closed: late requests bring nothing
        self.servers: dict[Endpoint, None] = {}

    def make_room(self, origin: Origin) -> Iterator[Event]:
        while len(self.sessions) >= MOST_SESSIONS:
            yield from self.end(next(iter(self.sessions.values())), origin, "evicted", "")
        _halve(self.over)
        _halve(self.servers)

    def end(
        self, session: TunnelSession, origin: Origin, reason: EndReason, sender: Sender | Literal[""]
    ) -> Iterator[Event]:
        key = session.connection.server, session.token
        if self.sessions.pop(key, None) is not None:
            self.over[key] = None
            yield from session.end(origin, reason, sender)

    def end_all(self) -> Iterator[Event]:
        """The capture is over: sessions that nobody closed ended with what carried them."""
        for session in list(self.sessions.values()):
            yield from self.end(session, session.last, *session.ending)


def _halve(known: dict[_Key, None]) -> None:
    """Forget the oldest: half of them at a time, since the first of a dictionary is slow to find."""
    if len(known) > 2 * MOST_SESSIONS:
        for key in list(known)[:MOST_SESSIONS]:
            del known[key]


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
        self._pending: deque[_Pending] = deque()  # requests without a whole response
        self._asking: _Pending | None = None  # the request whose body is being read
        self._answering: _Pending | None = None
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
            yield from self._end_question(self._asking, Lost(None, end.origin, "never captured"))
        for pending in [*([self._answering] if self._answering else []), *self._pending]:
            yield from self._fail(pending, end.origin)
        self._pending.clear()
        for session in self._mine:
            session.carriers.discard(self.outer)
            session.last = end.origin
            session.ending = ("closed", "client") if session.closing else (end.reason, end.sender)
            if session.is_over:
                yield from self._tokens.end(session, end.origin, *session.ending)
        if self.announced is not None:
            yield from self._end_announced(self.announced, end)

    def _end_announced(self, announced: Connection, end: End) -> Iterator[Event]:
        """No session was opened over it: it carried parts of others, or none."""
        if not self._mine:
            yield End(announced, end.origin, end.reason, end.sender)
            return
        secure = isinstance(self.outer, InnerConnection)
        carrier = InnerConnection(self.outer, announced.begun, "https" if secure else "http")
        names = ", ".join(sorted(shorten(session.token) for session in self._mine)[:_SHOWN])
        carrier.words = f"carries RTMPT session {names}"
        for flow in self._root().flows:
            carrier.flow(flow.sender).carry(flow)
            carrier.flow(flow.sender).count()
        yield Begin(carrier, announced.begun, announced)
        yield End(carrier, end.origin, end.reason, end.sender)

    # Requests.

    def _read_requests(self, items: list[Item]) -> Iterator[Event]:
        for item in items:
            self._lost_requests |= isinstance(item, Lost) and item.size is None
            if isinstance(item, Head):
                yield from self._ask(item)
            elif self._asking is None:
                continue
            elif isinstance(item, Body):
                self._asking.request_length += len(item.span.data)
                yield from self._add_question(self._asking, item.span)
            elif isinstance(item, Lost):
                if item.size is None:
                    yield from self._end_question(self._asking, item)
                else:
                    self._asking.request_length += item.size
                    yield from self._add_question(self._asking, item)
            else:
                self._asking.last = item.origin
                yield from self._end_question(self._asking, None)

    def _ask(self, head: Head) -> Iterator[Event]:
        request = read_request(head)
        pending = self._asking = _Pending(request, head.origin)
        if request.kind not in {"open", "other"}:
            yield from self._find_session(pending)
        session = pending.session
        if session is not None:
            if self._lost_requests and session in self._mine:
                yield from self._infer(session, request, head.origin)
            pending.question = session.client.begin(request.number, head.origin)
            self._number = request.number
        self._lost_requests = False
        self._pending.append(pending)
        if not self._lost_responses:
            self._most_pending = max(self._most_pending, len(self._pending))
        if len(self._pending) > _MOST_PENDING:
            self._pending.popleft()
        if self._early:
            items, self._early, self._early_size = self._early, [], 0
            yield from self._read_responses(items)

    def _infer(self, session: TunnelSession, request: _Request, origin: Origin) -> Iterator[Event]:
        """Requests of which a hole took the heads: by their numbers they are those between the last and this one."""
        lost = Lost(None, origin, "in a request never captured")
        for number in range(max(self._number + 1, request.number - MOST_AHEAD), request.number):
            part = session.client.begin(number, origin)
            if part is None:
                continue
            yield from session.client.add(part, lost)
            yield from session.client.finish(part, origin)
            path = f"/.../{shorten(session.token)}/{number} (its request was not captured)"
            inferred = _Pending(_Request("send", session.token, number, "POST", path), origin)
            inferred.session = session
            self._pending.append(inferred)

    def _find_session(self, pending: _Pending) -> Iterator[Event]:
        token = pending.request.token
        key = self.outer.server, token
        if key in self._tokens.over:
            return
        session = self._tokens.sessions.get(key)
        if session is None:
            yield from self._open(token, pending.first, whole=False)
            session = self._tokens.sessions[key]
        self._join(session)
        pending.session = session

    def _open(self, token: str, origin: Origin, *, whole: bool) -> Iterator[Event]:
        yield from self._tokens.make_room(origin)
        secure = isinstance(self.outer, InnerConnection)
        connection = InnerConnection(self.outer, origin, "https" if secure else "http")
        connection.whole = whole
        session = TunnelSession(token, connection, self._tokens.budget)
        if whole:
            session.client.next = session.server.next = 0
        self._tokens.sessions[connection.server, token] = session
        self._join(session)
        announced, self.announced = self.announced, None
        yield Begin(connection, origin, announced)

    def _join(self, session: TunnelSession) -> None:
        session.carry(self.outer, self._root())
        if len(self._mine) > 2 * MOST_SESSIONS:
            self._mine = {each for each in self._mine if not each.connection.closed}
        self._mine.add(session)

    def _root(self) -> Connection:
        """The connection of TCP."""
        root = self.outer
        while isinstance(root, InnerConnection) and root.lower is not None:
            root = root.lower
        return root

    def _add_question(self, pending: _Pending, item: Span | Lost) -> Iterator[Event]:
        """Only what is sent is RTMP: the byte in other requests is there since Flash sent no empty ones."""
        if pending.session is not None and pending.question is not None and pending.request.kind == "send":
            yield from pending.session.client.add(pending.question, item)

    def _end_question(self, pending: _Pending, lost: Lost | None) -> Iterator[Event]:
        self._asking = None
        question, session = pending.question, pending.session
        if question is None or session is None:
            return
        if lost is not None:
            yield from self._add_question(pending, lost)
        pending.question = None
        yield from session.client.finish(question, pending.last)

    # Responses.

    def _response_length(self, head: Head) -> int:
        status = _status(head)
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
                self._interim = 100 <= _status(item) < 200
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
        if self._lost_responses and self._most_pending <= 1:
            yield from self._skip_unanswered(head.origin)
        self._lost_responses = False
        pending = self._answering = self._pending.popleft()
        pending.status, pending.last = _status(head), head.origin
        session = pending.session
        if session is None:
            return
        pending.answer = session.server.begin(pending.request.number, head.origin)
        if pending.status != 200:
            words = printable(head.line.partition(" ")[2])[:80]
            title = f"the server answers {pending.request.path} with {words}"
            yield Notice(session.connection, findings.RTMPT_REFUSED, Severity.WARNING, title, "server", pending.last)

    def _go_on(self, pending: _Pending, item: Item) -> Iterator[Event]:
        if isinstance(item, Done):
            pending.last = item.origin
            self._answering = None
            yield from self._complete(pending)
        elif isinstance(item, Body):
            yield from self._take_answer(pending, item.span)
        elif isinstance(item, Lost):
            yield from self._lose_answer(pending, item)

    def _take_answer(self, pending: _Pending, span: Span) -> Iterator[Event]:
        begins = pending.response_length == 0
        pending.response_length += len(span.data)
        pending.last = span.last
        if pending.request.kind == "open":
            pending.text = (pending.text + span.data)[:256]
        elif pending.answer is not None and pending.session is not None and pending.status == 200:
            if begins:
                pending.interval = span.data[0]
                if len(span.data) == 1:
                    return
                span = span.part(1, len(span.data))
            if pending.request.kind != "close":
                yield from pending.session.server.add(pending.answer, span)

    def _lose_answer(self, pending: _Pending, lost: Lost) -> Iterator[Event]:
        answer, session = pending.answer, pending.session
        size = lost.size
        if size is not None and pending.response_length == 0:
            size -= 1  # the byte before the RTMP bytes
        pending.response_length += lost.size or 0
        if answer is not None and session is not None and size != 0:
            yield from session.server.add(answer, lost._replace(size=size))
        if lost.size is None:
            self._answering = None
            pending.last = lost.origin
            yield from self._complete(pending)
            self._lost_responses = True

    def _skip_unanswered(self, origin: Origin) -> Iterator[Event]:
        """Behind a hole a response belongs to the last request, of clients that wait for each before the next."""
        while len(self._pending) > 1:
            pending = self._pending.popleft()
            session = pending.session
            part = session.server.begin(pending.request.number, origin) if session is not None else None
            if session is not None and part is not None:
                yield from session.server.add(part, Lost(None, origin, "in a response never captured"))
                yield from session.server.finish(part, origin)

    def _complete(self, pending: _Pending) -> Iterator[Event]:
        session = pending.session
        if pending.request.kind == "open":
            yield from self._opened(pending)
            session = pending.session
        if session is None:
            return
        session.last = pending.last
        session.count()
        if pending.answer is not None:
            yield from session.server.finish(pending.answer, pending.last)
        yield self._exchange(session, pending)
        session.closing |= pending.request.kind == "close"
        if session.is_over:
            yield from self._tokens.end(session, pending.last, "closed", "client")

    def _opened(self, pending: _Pending) -> Iterator[Event]:
        token = pending.text.decode("latin-1").strip()
        key = self.outer.server, token
        if pending.status != 200 or not _TOKEN.fullmatch(token):
            return
        if key in self._tokens.sessions:
            yield from self._tokens.end(self._tokens.sessions[key], pending.last, "port used again", "")
        self._tokens.over.pop(key, None)
        yield from self._open(token, pending.first, whole=True)
        pending.session = self._tokens.sessions[key]

    def _fail(self, pending: _Pending, origin: Origin) -> Iterator[Event]:
        """The connection ended before the response did."""
        session = pending.session
        if session is None:
            return
        if pending.answer is not None and pending.response_length > 1:
            yield from session.server.add(pending.answer, Lost(None, origin, "never captured"))
            yield from session.server.finish(pending.answer, origin)
        elif pending.answer is not None:
            session.server.withdraw(pending.answer)
        session.count()
        yield self._exchange(session, pending)
        session.closing |= pending.request.kind == "close"

    def _exchange(self, session: TunnelSession, pending: _Pending) -> Exchange:
        request = pending.request
        first, last = sorted((pending.first, pending.last), key=lambda origin: (origin.time, origin.packet))
        return Exchange(
            session.connection,
            request.method,
            request.path,
            pending.status,
            pending.request_length,
            pending.response_length,
            pending.interval,
            first,
            last,
        )


def _status(head: Head) -> int:
    text = head.words[1][:3] if len(head.words) > 1 else ""
    return int(text) if text.isascii() and text.isdigit() else 0
