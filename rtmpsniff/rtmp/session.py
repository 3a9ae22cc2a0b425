"""The two directions of a connection become one session.

Takes the events of TCP connections, gives those of RTMP sessions. Holds what needs both sides: whether it is RTMP at
all, and, in `verdicts`, what the handshake comes to and whose version counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import count
from typing import Final, Literal

from rtmpsniff import findings
from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Evidence, Finding, Rule, Severity
from rtmpsniff.rtmp.direction import HANDSHAKE_SIZE, Direction
from rtmpsniff.rtmp.events import (
    OTHER_SENDER,
    Closed,
    Event,
    Exchange,
    Greeting,
    Message,
    Opened,
    Secured,
    Traffic,
    Undecoded,
    Variant,
)
from rtmpsniff.rtmp.handshake import VERSIONS
from rtmpsniff.rtmp.overheard import Overheard
from rtmpsniff.rtmp.recognition import ENOUGH, GREETING, begins_late, is_telling, name_protocol, recognize
from rtmpsniff.rtmp.verdicts import QUESTIONS, Verdicts
from rtmpsniff.text import plural
from rtmpsniff.transport.connection import RTMP_PORTS, Connection, Flow, Sender
from rtmpsniff.transport.events import Begin, End, Hole, Piece, Tick
from rtmpsniff.tunnel import inner as tunnel

_CARRIED: Final[dict[tuple[Variant, tunnel.Carrier], Variant]] = {
    ("rtmp", "tls"): "rtmps",
    ("rtmp", "http"): "rtmpt",
    ("rtmp", "https"): "rtmpts",
    ("rtmpe", "tls"): "rtmps",
    ("rtmpe", "http"): "rtmpte",
    ("rtmpe", "https"): "rtmpte",
    ("unknown", "http"): "rtmpt",
    ("unknown", "https"): "rtmpts",
    ("unknown", "rtmfp"): "rtmfp",
}
_BEGAN_LATE: Final = "the capture began in the middle of the connection"


class Session:
    """One connection that carries RTMP or may yet turn out to: `feed`, `lose` and `end` are the doors."""

    def __init__(self, connection: Connection, ports: Collection[int], numbers: Iterator[int], budget: Budget) -> None:
        self.connection = connection
        by_port = connection.server.port in ports, connection.client.port in ports
        self._told_tls = False
        self.inner = connection if isinstance(connection, tunnel.InnerConnection) else None
        self.hinted = any(by_port) or (self.inner is not None and self.inner.hinted)
        self.roles_known = connection.whole or by_port == (True, False)
        self.number = 0  # given when it is first shown
        self.variant: Variant = "unknown"
        self._connection_numbers = numbers
        self._budget = budget
        self._held: list[Piece | Hole] | None = []  # what came before the verdict; None after it
        self._overheard: Overheard | None = None  # as well, where there is no handshake to go by
        self._first_pieces: list[Piece] = []  # of sides that are in `_silent`
        self._first: dict[Sender, bytes] = {"client": b"", "server": b""}
        self._directions: dict[Sender, Direction] = {}
        self._silent: set[Sender] = set()  # sides of an RTMP connection whose first byte has yet to come
        self._verdicts = Verdicts()
        self._unseen = self._verdicts.unseen  # once it is empty, events need no second look

    def __repr__(self) -> str:
        return f"<Session {self.number} {self.variant} {self.connection.name}>"

    @property
    def held(self) -> int:
        overheard = 0 if self._overheard is None else self._overheard.held
        return overheard + sum(direction.held for direction in self._directions.values())

    @property
    def is_rtmp(self) -> bool:
        return self.variant in {"rtmp", "rtmpe"}

    def open(self, origin: Origin) -> Iterator[Event]:
        """Show the connection: it has a number from now on."""
        if not self.number:
            self.number = next(self._connection_numbers)
            connection = self.connection
            through = self.inner.words if self.inner else ""
            yield Opened(self.number, connection.client, connection.server, origin, connection.whole, through)
        if self.inner is not None and self.inner.tls is not None and not self._told_tls:
            self._told_tls = True
            yield Secured(self.number, self.inner.tls, self.inner.tls.greeted or origin)

    def feed(self, piece: Piece) -> Iterable[Event]:
        sender = piece.flow.sender
        if self._held is None and sender not in self._silent:
            direction = self._directions.get(sender)
            if direction is None:
                return () if self._overheard is None else self._listen(piece)
            events = direction.feed(piece)
            return self._see(events) if self._unseen else events
        self._first[sender] = (self._first[sender] + piece.data)[:ENOUGH]
        if self._held is None:
            return self._hear(piece)
        self._held.append(piece)
        return self._judge()

    def lose(self, hole: Hole) -> Iterator[Event]:
        sender = hole.flow.sender
        if self._overheard is not None:
            yield from self._listen(hole)
        elif self._held is not None:
            yield from self._lose_first(hole)
        else:
            if sender in self._silent:
                yield from self._understand(sender)
            direction = self._directions.get(sender)
            if direction is not None:
                yield from self._see(direction.lose(hole))

    def wait_no_longer(self, now: int) -> Iterator[Event]:
        """Nothing came, and it is `now`: what both directions held for long enough to look ahead is decided."""
        for direction in self._directions.values():
            if direction.is_overdue(now):
                yield from self._see(direction.wait_no_longer())

    def end(self, end: End) -> Iterator[Event]:
        if self._held:
            yield from self._refuse()
        if self._overheard is not None:
            yield from self._decide(self._overheard.conclude())
        for sender in list(self._silent):
            yield from self._understand(sender)
        for direction in self._directions.values():
            yield from self._see(direction.end())
        if end.reason != "capture ended":
            yield from self._judge_stalled(end.origin)
        if self.number:
            yield from self._tell_conflicts()
            connection = self.connection
            yield Closed(
                self.number,
                connection.client,
                connection.server,
                _CARRIED.get((self.variant, self.inner.carrier), self.variant) if self.inner else self.variant,
                connection.begun,
                end.origin,
                end.reason,
                end.sender,
                _traffic(connection.from_client),
                _traffic(connection.from_server),
                self.inner.words if self.inner else "",
                self.inner.tls if self.inner else None,
            )

    def tell(self, item: tunnel.Secured | tunnel.Sealed | tunnel.Exchange | tunnel.Notice) -> Iterator[Event]:
        """What is known of the tunnel that carries this connection."""
        if isinstance(item, tunnel.Secured):
            self.variant = "tls" if self.variant == "unknown" else self.variant
            yield from self.open(self.connection.begun)
        elif isinstance(item, tunnel.Sealed):
            sender, missing = item.flow.sender, item.missing
            yield Undecoded(self.number, sender, 0, item.length, missing, item.reason, item.first, item.last)
        elif self.number and isinstance(item, tunnel.Exchange):
            yield Exchange(self.number, *item[1:])
        elif self.number and isinstance(item, tunnel.Notice):
            yield self._finding(item.rule, item.severity, item.title, 0, item.sender, item.origin)

    def _judge_stalled(self, origin: Origin) -> Iterator[Event]:
        """A handshake that was seen from its first byte and never completed: say what each side sent of it."""
        waiting = [flow for flow in self.connection.flows if self._is_greeting(flow)]
        # A side of which nothing was captured, while the other went on, is the capture's fault.
        if not self.connection.whole or not waiting or (len(waiting) == 1 and not waiting[0].offset):
            return
        sent = [
            f"{min(flow.offset, HANDSHAKE_SIZE)} of {HANDSHAKE_SIZE} bytes from the {flow.sender}"
            for flow in self.connection.flows
        ]
        title = f"the handshake was never completed: {', '.join(sent)}"
        yield self._finding(findings.HANDSHAKE_STALLED, Severity.ERROR, title, 0, "", origin)

    def _tell_conflicts(self) -> Iterator[Finding]:
        """Bytes that came again as other ones: the receiver may have read what is not shown here."""
        for flow in self.connection.flows:
            if flow.conflict is not None:
                offset, origin = flow.conflict
                size = plural(flow.conflicting_bytes, "byte")
                title = f"{size} sent again as other ones (first in packet {origin.packet}): what came first is read"
                yield self._finding(findings.CAPTURE_QUALITY, Severity.WARNING, title, offset, flow.sender, origin)

    def _is_greeting(self, flow: Flow) -> bool:
        direction = self._directions.get(flow.sender)
        return direction is not None and direction.phase == "handshake"

    def _finding(
        self, rule: Rule, severity: Severity, title: str, offset: int, sender: Sender | Literal[""], origin: Origin
    ) -> Finding:
        evidence = (Evidence("", offset),)
        return Finding(rule, severity, title, evidence, "", self.number, sender, origin.time, origin.packet)

    def give_way(self, origin: Origin) -> Iterator[Event]:
        """Release the unfinished messages of both directions; nobody waits for what this connection may yet carry."""
        if self._overheard is not None:
            yield from self._decide("foreign")
        for direction in self._directions.values():
            if direction.held:
                yield from self._see(direction.give_way(origin))

    # Is it RTMP?

    def _judge(self) -> Iterator[Event]:
        self._find_roles()
        client, server = self._first["client"], self._first["server"]
        verdict = recognize(client, server, self.hinted and self.connection.whole)
        if verdict == "rtmp" and not self.connection.whole and begins_late(client, server):
            yield from self._refuse()
        elif verdict == "rtmp":
            yield from self._accept()
        elif verdict == "foreign" and (not self.hinted or is_telling(client or server)):
            yield from self._refuse()

    def _find_roles(self) -> None:
        """Without a SYN the client was guessed by port. It is the one that speaks first, with C0 and C1."""
        client, server = self._first["client"], self._first["server"]
        if not self.roles_known and len(server) == GREETING and not client:
            self.connection.exchange_roles()
            self._first = {"client": server, "server": client}

    def _accept(self) -> Iterator[Event]:
        held = self._begin()
        self.variant = "rtmp"
        yield from self.open(self.connection.begun)
        self._make_directions()
        self._silent = {"client", "server"}
        for item in held:
            if isinstance(item, Hole):
                yield from self.lose(item)
            else:
                yield from self._see_silent(item)

    def _lose_first(self, hole: Hole) -> Iterator[Event]:
        """A hole before the verdict. Where the rest of a handshake can be told from its place, it can be read."""
        first_bytes = self._first["client"] or self._first["server"]
        if self._held is not None:
            self._held.append(hole)
        if self.hinted and self.connection.whole and (not first_bytes or first_bytes[0] in VERSIONS):
            yield from self._accept()
        else:
            yield from self._refuse()

    def _hear(self, piece: Piece) -> Iterator[Event]:
        """The first bytes of a side of an RTMP connection: it may still answer in another protocol."""
        sender = piece.flow.sender
        self._first_pieces.append(piece)
        first = self._first[sender]
        if first[0] in VERSIONS or is_telling(first):
            yield from self._understand(sender)

    def _see_silent(self, piece: Piece) -> Iterator[Event]:
        if piece.flow.sender in self._silent:
            yield from self._hear(piece)
        else:
            yield from self._see(self._directions[piece.flow.sender].feed(piece))

    def _understand(self, sender: Sender) -> Iterator[Event]:
        """What a side sent first is known, or all that there is of it."""
        self._silent.discard(sender)
        pieces = [piece for piece in self._first_pieces if piece.flow.sender == sender]
        self._first_pieces = [piece for piece in self._first_pieces if piece.flow.sender != sender]
        if pieces and self._first[sender][0] not in VERSIONS:
            self._directions[sender].begin_lost(0, "not RTMP")
            _, what = name_protocol(self._first[sender])
            origin = pieces[0].first
            yield self._finding(findings.WRONG_PROTOCOL, Severity.ERROR, f"not RTMP: {what}", 0, sender, origin)
        self._first[sender] = b""
        for piece in pieces:
            yield from self._see(self._directions[sender].feed(piece))

    def _refuse(self) -> Iterator[Event]:
        """Not RTMP from its beginning. On a port that should carry it that is worth telling; elsewhere nobody asked."""
        if not self.connection.whole or any(isinstance(item, Hole) for item in self._held or []):
            yield from self._join_late(self._begin()) if self.hinted else self._overhear()
            return
        held = [item for item in self._begin() if isinstance(item, Piece)]
        if not self.hinted:
            self.connection.ignore()
            return
        origin = held[0].first
        yield from self.open(origin)
        first = held[0].flow.sender
        self.variant, what = name_protocol(self._first[first])
        yield self._finding(findings.WRONG_PROTOCOL, Severity.ERROR, f"not RTMP: {what}", 0, first, origin)
        self._make_directions()
        for direction in self._directions.values():
            direction.begin_lost(0, "not RTMP")
        for piece in held:
            yield from self._see(self._directions[piece.flow.sender].feed(piece))

    # Where the beginning was not captured.

    def _overhear(self) -> Iterator[Event]:
        """There is no handshake to go by, and no port: what is said must tell."""
        held, self._overheard = self._begin(), Overheard()
        for item in held:  # some of them may decide, and the others are read by what was decided
            yield from self.feed(item) if isinstance(item, Piece) else self.lose(item)

    def _listen(self, item: Piece | Hole) -> Iterator[Event]:
        overheard = self._overheard
        if overheard is None:
            return
        before = overheard.held
        verdict = overheard.take(item)
        self._budget.held += overheard.held - before
        if verdict != "wait":
            yield from self._decide(verdict)

    def _decide(self, verdict: str) -> Iterator[Event]:
        """What was overheard is RTMP, or nothing that anybody wants."""
        overheard, self._overheard = self._overheard, None
        if overheard is None:
            return
        self._budget.held -= overheard.held
        if verdict != "rtmp":
            self.connection.ignore()
            return
        if overheard.client(self.connection.from_client) is not self.connection.from_client:
            self.connection.exchange_roles()
        yield from self._join_late(overheard.items)

    def _join_late(self, held: list[Piece | Hole]) -> Iterator[Event]:
        """The beginning was not captured, so there is no handshake to go by: read from the first header on."""
        self.variant = "rtmp"
        yield from self.open(self.connection.begun)
        self._make_directions()
        for flow in self.connection.flows:
            offset = next((item.offset for item in held if item.flow is flow), 0)
            self._directions[flow.sender].begin_late(offset, _BEGAN_LATE, self.connection.begun)
        for item in held:
            direction = self._directions[item.flow.sender]
            yield from self._see(direction.feed(item) if isinstance(item, Piece) else direction.lose(item))

    def _begin(self) -> list[Piece | Hole]:
        held, self._held = self._held or [], None
        return held

    def _make_directions(self) -> None:
        numbers = count(1)
        for flow in self.connection.flows:
            self._directions[flow.sender] = Direction(self.number, flow.sender, numbers, self._budget)

    # What needs both sides.

    def _see(self, events: list[Event]) -> Iterator[Event]:
        for event in events:
            if isinstance(event, Greeting):
                yield from self._greet(event)
                continue
            if isinstance(event, Message):
                self._verdicts.see(event)
            yield event

    def _greet(self, greeting: Greeting) -> Iterator[Event]:
        if greeting.part in QUESTIONS:
            self._directions[OTHER_SENDER[greeting.sender]].peer = greeting
        yield from self._verdicts.judge(greeting)
        self.variant = "rtmpe" if self._verdicts.is_encrypted else "rtmp"
        if not self._unseen:  # nothing of the handshake is needed any more
            for direction in self._directions.values():
                direction.peer = None


def _traffic(flow: Flow) -> Traffic:
    return Traffic(
        flow.bytes,
        flow.retransmitted_bytes,
        flow.out_of_order,
        flow.missing_bytes,
        flow.gaps,
        flow.missing_packets,
        flow.cut_bytes,
        flow.unacknowledged_bytes,
        flow.conflicting_bytes,
    )


class Sessions:
    """All sessions of a capture. `run` is the door; `others` counts connections, over by now, that nobody asked for."""

    def __init__(self, ports: Collection[int] = (), budget: Budget | None = None) -> None:
        self.ports = RTMP_PORTS | set(ports)
        self.others = 0
        self.sealed = 0  # connections of TLS, over by now, that were shown and not decrypted
        self._relief_mark = 0  # held bytes from which on sessions must give way again
        self._ended = 0  # sessions that were RTMP and are over
        self._budget = budget or Budget()
        self._numbers = count(1)
        self._sessions: dict[Connection, Session] = {}

    @property
    def accepted(self) -> int:
        """Connections that carried RTMP so far, of whatever variant."""
        return self._ended + sum(session.is_rtmp for session in self._sessions.values())

    def run(self, stream: Iterable[tunnel.Event]) -> Iterator[Event]:
        """Turn the pieces of TCP streams into the events of RTMP sessions."""
        sessions, budget = self._sessions, self._budget
        for item in stream:
            if isinstance(item, Piece):
                session = sessions.get(item.flow.connection)
                if session is not None:
                    yield from session.feed(item)
                    if budget.spent and budget.held >= self._relief_mark:
                        yield from self._relieve(item.last)
                        # What is left may be what nobody can give: to ask again at once would take all the time.
                        self._relief_mark = budget.held + budget.limit // 8
            elif isinstance(item, Hole):
                session = sessions.get(item.flow.connection)
                if session is not None:
                    yield from session.lose(item)
            elif isinstance(item, Begin):
                yield from self._begin(item)
            else:
                yield from self._other(item)

    def _other(self, item: tunnel.Event) -> Iterator[Event]:
        """An event that comes once in a while."""
        if isinstance(item, Tick):
            for session in list(self._sessions.values()):
                yield from session.wait_no_longer(item.now)
        elif isinstance(item, End):
            session = self._sessions[item.connection]
            yield from session.end(item)
            del self._sessions[item.connection]
            self.others += not session.number
            self.sealed += session.variant == "tls" and session.inner is not None
            self._ended += session.is_rtmp
        elif not isinstance(item, Begin | Piece | Hole):
            about = item.flow.connection if isinstance(item, tunnel.Sealed) else item.connection
            known = self._sessions.get(about)
            if known is not None:
                yield from known.tell(item)

    def _begin(self, begin: Begin) -> Iterator[Event]:
        connection = begin.connection
        session = self._sessions[connection] = Session(connection, self.ports, self._numbers, self._budget)
        if begin.replaces is not None:  # it was shown already
            session.number = self._sessions.pop(begin.replaces).number if begin.replaces in self._sessions else 0
        if session.hinted and connection.whole:
            yield from session.open(begin.origin)

    def _relieve(self, origin: Origin) -> Iterator[Event]:
        """Too much is held: those that hold most give way, until so much is free that it is not soon needed again."""
        holders = {session: session.held for session in self._sessions.values() if session.held}
        for session in sorted(holders, key=lambda session: -holders[session]):
            yield from session.give_way(origin)
            if self._budget.held < self._budget.limit * 3 // 4:
                return
