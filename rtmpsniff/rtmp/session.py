"""The two directions of a connection become one session.

Takes the events of TCP connections, gives those of RTMP sessions. Holds what needs both sides: whether it is RTMP at
all, the verdicts on the handshake, whose version counts, and habits that one side betrays by what it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import count
from typing import Final, Literal

from rtmpsniff import findings
from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin, Packet
from rtmpsniff.findings import Evidence, Finding, Rule, Severity
from rtmpsniff.payload.types import COMMAND_AMF0
from rtmpsniff.rtmp.direction import HANDSHAKE_SIZE, Direction
from rtmpsniff.rtmp.events import OTHER_SENDER, Closed, Event, Greeting, Message, Opened, Traffic, Undecoded, Variant
from rtmpsniff.rtmp.handshake import ENCRYPTED, Digest, find_digest, reply_verdict
from rtmpsniff.rtmp.recognition import ENOUGH, GREETING, name_protocol, recognize
from rtmpsniff.transport.reassembly import RTMP_PORTS, Begin, Connection, End, Flow, Hole, Piece, Sender
from rtmpsniff.transport.reassembly import Event as StreamEvent

# nginx-rtmp and LAL begin a message with format 3 when it has the same time as the last (by §5.3.1.2.4 the
# last delta would be added once more). They are known by S1's version bytes, or by this fmsVer in the first _result.
_NGINX_VERSION: Final = bytes.fromhex("0d0e0a0d")
_NGINX_FMS_VERSION: Final = b"FMS/3,0,1,123"
_BEGAN_LATE: Final = "the capture began in the middle of the connection"


class Session:
    """One connection that carries RTMP or may yet turn out to: `feed`, `lose` and `end` are the doors."""

    def __init__(self, connection: Connection, hinted: bool, numbers: Iterator[int], budget: Budget) -> None:
        self.connection = connection
        self.hinted = hinted
        self.number = 0  # given when it is first shown
        self.variant: Variant = "unknown"
        self._connection_numbers = numbers
        self._budget = budget
        self._held: list[Piece] | None = []  # pieces that came before the verdict; None after it
        self._first: dict[Sender, bytes] = {"client": b"", "server": b""}
        self._directions: dict[Sender, Direction] = {}
        self._greetings: dict[str, Greeting] = {}
        self._digests: dict[Sender, Digest] = {}
        self._foreign: dict[Sender, _Foreign] = {}
        self._unseen = {"C2", "S2", "answer"}  # once all were there, events need no second look

    def __repr__(self) -> str:
        return f"<Session {self.number} {self.variant} {self.connection.name}>"

    @property
    def held(self) -> int:
        return sum(direction.held for direction in self._directions.values())

    @property
    def is_rtmp(self) -> bool:
        return self.variant in {"rtmp", "rtmpe"}

    def open(self, origin: Origin) -> Iterator[Event]:
        """Show the connection: it has a number from now on."""
        if not self.number:
            self.number = next(self._connection_numbers)
            yield Opened(self.number, self.connection.client, self.connection.server, origin, self.connection.whole)

    def feed(self, piece: Piece) -> Iterable[Event]:
        direction = self._directions.get(piece.flow.sender)
        if direction is not None:
            events = direction.feed(piece)
            return self._see(events) if self._unseen else events
        if self._held is not None:
            self._held.append(piece)
            sender = piece.flow.sender
            self._first[sender] = (self._first[sender] + piece.data)[:ENOUGH]
            return self._judge()
        if self._foreign:
            self._foreign[piece.flow.sender].add(piece)
        return ()

    def lose(self, hole: Hole) -> Iterator[Event]:
        direction = self._directions.get(hole.flow.sender)
        if direction is not None:
            yield from self._see(direction.lose(hole))
        elif self._held is not None:
            # Before the verdict: without its first bytes a connection can only be taken for RTMP by its port.
            yield from self._join_late(f"{hole.size} bytes {hole.reason}", hole.origin)
            direction = self._directions.get(hole.flow.sender)
            if direction is not None:
                yield from self._see(direction.lose(hole))

    def end(self, end: End) -> Iterator[Event]:
        if self._held:
            yield from self._refuse()
        for direction in self._directions.values():
            yield from self._see(direction.end(end.origin))
        yield from self._judge_stalled(end.origin)
        yield from self._end_foreign()
        if self.number:
            connection = self.connection
            yield Closed(
                self.number,
                connection.client,
                connection.server,
                self.variant,
                connection.begun,
                end.origin,
                end.reason,
                end.sender,
                _traffic(connection.from_client),
                _traffic(connection.from_server),
            )

    def _judge_stalled(self, origin: Origin) -> Iterator[Event]:
        """A handshake that was seen from its first byte and never completed: say what each side sent of it."""
        if not self.connection.whole or all(side.phase != "handshake" for side in self._directions.values()):
            return
        sent = [
            f"{min(flow.offset, HANDSHAKE_SIZE)} of {HANDSHAKE_SIZE} bytes from the {flow.sender}"
            for flow in self.connection.flows
        ]
        title = f"the handshake was never completed: {', '.join(sent)}"
        yield self._finding(findings.HANDSHAKE_STALLED, Severity.ERROR, title, 0, "", origin)

    def _finding(
        self, rule: Rule, severity: Severity, title: str, offset: int, sender: Sender | Literal[""], origin: Origin
    ) -> Finding:
        evidence = (Evidence("", offset),)
        return Finding(rule, severity, title, evidence, "", self.number, sender, origin.time, origin.packet)

    def give_way(self, origin: Origin) -> Iterator[Event]:
        """Release the unfinished messages of the direction that holds most."""
        direction = max(self._directions.values(), key=lambda direction: direction.held)
        yield from self._see(direction.give_way(origin))

    # Is it RTMP?

    def _judge(self) -> Iterator[Event]:
        self._find_roles()
        client, server = self._first["client"], self._first["server"]
        verdict = recognize(client, server, self.hinted and self.connection.whole)
        if verdict == "rtmp":
            yield from self._accept()
        elif verdict == "foreign":
            yield from self._refuse()

    def _find_roles(self) -> None:
        """Without a SYN the client was guessed by port. It is the one that speaks first, with C0 and C1."""
        client, server = self._first["client"], self._first["server"]
        if not self.connection.whole and len(server) == GREETING and not client:
            self.connection.exchange_roles()
            self._first = {"client": server, "server": client}

    def _accept(self) -> Iterator[Event]:
        held = self._begin()
        self.variant = "rtmp"
        yield from self.open(self.connection.begun)
        self._make_directions()
        for piece in held:
            yield from self._see(self._directions[piece.flow.sender].feed(piece))

    def _refuse(self) -> Iterator[Event]:
        """Not RTMP. On a port that should carry it that is worth telling; elsewhere nobody asked."""
        if not self.hinted:
            self._begin()
            self.connection.ignore()
            return
        if not self.connection.whole:
            yield from self._join_late(_BEGAN_LATE, self.connection.begun)
            return
        held = self._begin()
        origin = Origin(*held[0].packets[0][:3])
        yield from self.open(origin)
        first = self._first["client"] or self._first["server"]
        self.variant, what = name_protocol(first)
        self._foreign = {sender: _Foreign("not RTMP", origin) for sender in self._first}
        for piece in held:
            self._foreign[piece.flow.sender].add(piece)
        title, sender = f"not RTMP: {what}", held[0].flow.sender
        yield self._finding(findings.WRONG_PROTOCOL, Severity.ERROR, title, 0, sender, origin)

    def _join_late(self, reason: str, origin: Origin) -> Iterator[Event]:
        """The beginning was not captured, so there is no handshake to go by."""
        held = self._begin()
        if not self.hinted:
            self.connection.ignore()
            return
        self.variant = "rtmp"
        yield from self.open(self.connection.begun)
        self._make_directions()
        for flow in self.connection.flows:
            offset = next((piece.offset for piece in held if piece.flow is flow), 0)
            self._directions[flow.sender].begin_lost(offset, reason, origin)
        title = f"nothing of this connection can be decoded: {reason}"
        yield self._finding(findings.CAPTURE_QUALITY, Severity.ERROR, title, 0, "", origin)
        for piece in held:
            yield from self._see(self._directions[piece.flow.sender].feed(piece))

    def _begin(self) -> list[Piece]:
        held, self._held = self._held or [], None
        return held

    def _make_directions(self) -> None:
        numbers = count(1)
        for flow in self.connection.flows:
            self._directions[flow.sender] = Direction(self.number, flow.sender, numbers, self._budget)

    def _end_foreign(self) -> Iterator[Event]:
        for sender, foreign in self._foreign.items():
            if foreign.length:
                yield Undecoded(self.number, sender, 0, foreign.length, 0, foreign.reason, foreign.first, foreign.last)

    # What needs both sides.

    def _see(self, events: list[Event]) -> Iterator[Event]:
        for event in events:
            if isinstance(event, Greeting):
                yield from self._judge_greeting(event)
                continue
            if isinstance(event, Message) and event.message_type_id == COMMAND_AMF0 and event.sender == "server":
                self._recognize_nginx(_NGINX_FMS_VERSION in event.payload[:512])
                self._unseen.discard("answer")
            yield event

    def _recognize_nginx(self, it_is: bool) -> None:
        if it_is:
            self._directions["server"].clock.format_3_repeats_time = True

    def _judge_greeting(self, greeting: Greeting) -> Iterator[Event]:
        if greeting.version is not None:
            yield self._judge_question(greeting, greeting.version)
            return
        judged = self._judge_reply(greeting)
        yield judged
        if judged.verdict == "neither":
            other = "S1" if greeting.sender == "client" else "C1"
            title = f"{greeting.part} is no echo of {other} and carries no signature"
            offset, origin = greeting.offset, greeting.last
            yield self._finding(findings.HANDSHAKE_ECHO, Severity.WARNING, title, offset, greeting.sender, origin)

    def _judge_question(self, greeting: Greeting, version: int) -> Greeting:
        """Look for a digest in C1 or S1."""
        sender = greeting.sender
        self._directions[OTHER_SENDER[sender]].peer_version = version
        if version in ENCRYPTED and (sender == "server" or not self._first["server"]):
            self.variant = "rtmpe"
        packet = greeting.data[1:]
        self._recognize_nginx(sender == "server" and packet[4:8] == _NGINX_VERSION)
        self._greetings[sender] = greeting
        digest = None if greeting.missing else find_digest(packet, sender)
        if digest is None:
            return replace(greeting, verdict="unseen" if greeting.missing else "none")
        self._digests[sender] = digest
        start = 1 + digest.offset
        return replace(greeting, verdict=digest.layout, digest=(start, start + len(digest.value)))

    def _judge_reply(self, greeting: Greeting) -> Greeting:
        """Compare C2 or S2 with the packet that it answers."""
        self._unseen.discard(greeting.part)
        question = self._greetings.get(OTHER_SENDER[greeting.sender])
        if question is None or question.missing or greeting.missing:
            return replace(greeting, verdict="unseen")
        digest = self._digests.get(question.sender)
        verdict = reply_verdict(greeting.data, question.data[1:], digest, greeting.sender)
        span = (len(greeting.data) - 32, len(greeting.data)) if verdict == "signed" else None
        return replace(greeting, verdict=verdict, digest=span)


class _Foreign:
    """Bytes of one direction of a connection that is not RTMP."""

    def __init__(self, reason: str, origin: Origin) -> None:
        self.reason, self.first, self.last = reason, origin, origin
        self.length = 0

    def add(self, piece: Piece) -> None:
        packet: Packet = piece.packets[-1]
        self.length += len(piece.data)
        self.last = Origin(*packet[:3])


def _traffic(flow: Flow) -> Traffic:
    return Traffic(flow.bytes, flow.retransmitted_bytes, flow.out_of_order, flow.missing_bytes, flow.gaps)


class Sessions:
    """All sessions of a capture. `run` is the door; `others` counts connections, over by now, that nobody asked for."""

    def __init__(self, ports: Collection[int] = (), budget: Budget | None = None) -> None:
        self.ports = RTMP_PORTS | set(ports)
        self.others = 0
        self._ended = 0  # sessions that were RTMP and are over
        self._budget = budget or Budget()
        self._numbers = count(1)
        self._sessions: dict[Connection, Session] = {}

    @property
    def accepted(self) -> int:
        """Connections that carried RTMP so far, of whatever variant."""
        return self._ended + sum(session.is_rtmp for session in self._sessions.values())

    def run(self, stream: Iterable[StreamEvent]) -> Iterator[Event]:
        """Turn the pieces of TCP streams into the events of RTMP sessions."""
        sessions, budget = self._sessions, self._budget
        for item in stream:
            if isinstance(item, Piece):
                session = sessions.get(item.flow.connection)
                if session is not None:
                    yield from session.feed(item)
                    while budget.spent and (holder := self._largest_holder()) is not None:
                        yield from holder.give_way(Origin(*item.packets[-1][:3]))
            elif isinstance(item, Hole):
                session = sessions.get(item.flow.connection)
                if session is not None:
                    yield from session.lose(item)
            elif isinstance(item, Begin):
                yield from self._begin(item)
            else:
                session = sessions.pop(item.connection)
                yield from session.end(item)
                self.others += not session.number
                self._ended += session.is_rtmp

    def _begin(self, begin: Begin) -> Iterator[Event]:
        connection = begin.connection
        hinted = connection.server.port in self.ports or connection.client.port in self.ports
        session = self._sessions[connection] = Session(connection, hinted, self._numbers, self._budget)
        if hinted and connection.whole:
            yield from session.open(begin.origin)

    def _largest_holder(self) -> Session | None:
        largest = max(self._sessions.values(), key=lambda session: session.held, default=None)
        return largest if largest is not None and largest.held else None
