"""RTMPT sessions: a server's address and an id, whatever TCP connections carry their exchanges."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, Literal, TypeVar

from rtmpsniff import findings
from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Severity
from rtmpsniff.text import plural
from rtmpsniff.transport.connection import Connection, Sender
from rtmpsniff.transport.events import End, EndReason
from rtmpsniff.transport.tcp import Endpoint
from rtmpsniff.tunnel.inner import Event, InnerConnection, Notice
from rtmpsniff.tunnel.requests import shorten
from rtmpsniff.tunnel.sequence import Sequence

_Key = TypeVar("_Key")

MOST_SESSIONS: Final = 4096


class TunnelSession:
    """One RTMPT session; `connection` is what the layers above see of it."""

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

    @property
    def is_over(self) -> bool:
        """Nothing more can come, or nothing that is waited for."""
        return self.closing and (not self.carriers or not (self.client.waits or self.server.waits))

    def carry(self, outer: Connection, root: Connection) -> None:
        """A connection carries some of this session; `root` is that of TCP, at the bottom."""
        if outer in self.carriers:
            return
        self.carriers.add(outer)
        self.carried_by += 1
        for flow in root.flows:
            self.connection.flow(flow.sender).carry(flow)
        self.connection.lower = None
        self._say()

    def leave(self, outer: Connection, end: End) -> None:
        """A connection that carried some of this session is over."""
        self.carriers.discard(outer)
        self.last = end.origin
        self.ending = ("closed", "client") if self.closing else (end.reason, end.sender)

    def count(self) -> None:
        """One exchange more."""
        self.exchanges += 1
        self._say()

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

    def _say(self) -> None:
        name = "RTMPTS" if self.connection.carrier == "https" else "RTMPT"
        over = f" over {plural(self.carried_by, 'TCP connection')}" if self.carried_by else ""
        count = f", {plural(self.exchanges, 'exchange')}" if self.exchanges else ""
        self.connection.words = f"{name} session {shorten(self.token)}{over}{count}"


class Tokens:
    """All RTMPT sessions of a capture, by server and id. `servers` fills up with those that were asked for one."""

    def __init__(self, budget: Budget, servers: dict[Endpoint, None]) -> None:
        self.budget = budget
        self.sessions: OrderedDict[tuple[Endpoint, str], TunnelSession] = OrderedDict()
        self.over: dict[tuple[Endpoint, str], None] = {}  # ids that were closed: late requests bring nothing
        self.servers = servers

    def make_room(self, origin: Origin) -> Iterator[Event]:
        """Another session is to come: the oldest gives way where there are too many."""
        while len(self.sessions) >= MOST_SESSIONS:
            yield from self.end(next(iter(self.sessions.values())), origin, "evicted", "")
        _halve(self.over)
        _halve(self.servers)

    def end(
        self, session: TunnelSession, origin: Origin, reason: EndReason, sender: Sender | Literal[""]
    ) -> Iterator[Event]:
        """A session is over; one that was over before stays as it was."""
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
