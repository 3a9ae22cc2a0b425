"""A capture at a glance: connections, messages and bytes by type and direction, what was lost or not decoded.

Takes events, keeps counts and a record for each connection, no messages.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from rtmpsniff.analysis.authentication import Proof
from rtmpsniff.analysis.conversation import Conversation
from rtmpsniff.analysis.handshake import Handshake
from rtmpsniff.analysis.media import Flow
from rtmpsniff.analysis.peers import Peer
from rtmpsniff.analysis.streams import Action, Purpose
from rtmpsniff.analysis.transactions import Call
from rtmpsniff.findings import Finding
from rtmpsniff.payload.types import AGGREGATE, AUDIO, VIDEO
from rtmpsniff.rtmp.events import Closed, Event, Message, Opened, Undecoded
from rtmpsniff.transport.connection import Sender

MOST_SILENT: Final = 20_000  # with more connections than these, one that carried nothing is only counted
_FLOWS: Final = frozenset({AUDIO, VIDEO})  # hardly looked into: that is most of the bytes and none of the story
_SENDERS: Final[dict[Action, Sender]] = {"publish": "client", "play": "server"}


@dataclass(slots=True)
class Tally:
    """How many messages there were, and of how many payload bytes."""

    messages: int = 0
    bytes: int = 0

    def add(self, messages: int, size: int) -> None:
        """So many more, of so many payload bytes together."""
        self.messages += messages
        self.bytes += size


@dataclass(slots=True)
class ConnectionSummary:
    """One connection: how it went, what it was for, what could not be decoded of it."""

    opened: Opened
    flows: dict[tuple[int, int, Sender], Flow]  # those of `purpose`
    is_partial: bool = False  # it was not given all messages
    closed: Closed | None = None
    purpose: Purpose = field(default_factory=Purpose)
    proof: Proof = field(default_factory=Proof)
    unanswered: list[Call] = field(default_factory=list)
    handshake: Handshake = field(default_factory=Handshake)
    peers: dict[Sender, Peer] = field(default_factory=dict)
    shared_objects: dict[str, int] = field(default_factory=dict)  # how many attributes each held at the end
    other_tallies: defaultdict[tuple[int, Sender], Tally] = field(default_factory=lambda: defaultdict(Tally))
    incomplete: Counter[tuple[Sender, str]] = field(default_factory=Counter)  # messages by sender and state
    undecoded: list[Undecoded] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def tallies(self) -> dict[tuple[int, Sender], Tally]:
        """Messages and bytes by type and sender. Audio and video were counted by their streams alone."""
        tallies = dict(self.other_tallies)
        for stream in self.purpose.streams:
            for kind, flow in stream.flows.items():
                if flow.messages:
                    tally = tallies.setdefault((kind, _SENDERS[stream.action]), Tally())
                    tally.add(flow.messages, flow.size)
        return tallies

    @property
    def messages(self) -> int:
        return sum(tally.messages for tally in self.tallies.values())


class Summary:
    """All connections of a run, by number.

    `conversation` is the one that follows the events which `see_all` gets; without it they are followed here. A
    summary of a selection is partial: what it was not given may have been there.
    """

    def __init__(self, conversation: Conversation | None = None, is_partial: bool = False) -> None:
        self.is_partial = is_partial
        self.connections: dict[int, ConnectionSummary] = {}
        self.silent = 0  # connections of a flood: they carried nothing, and were too many to be kept
        self._is_followed = conversation is not None
        self._conversation = conversation or Conversation()

    def see_all(self, events: Iterable[Event]) -> None:
        """Take the events of a run."""
        connections = self.connections
        for event in events if self._is_followed else self._conversation.follow(events):
            if isinstance(event, Message):
                connection = connections[event.connection]
                flow = connection.flows.get((event.message_type_id, event.message_stream_id, event.sender))
                if flow is None:
                    self._count(connection, event)
                else:  # as `Flow.count`, without the calls: there may be millions of these
                    flow.messages += 1
                    flow.size += event.length
                    try:
                        part = event.parts[0]
                        if part[0] << 8 | part[1] in flow.heads:
                            flow.last = event.timestamp
                        else:
                            flow.look(event)
                    except IndexError:
                        flow.look(event)
                if event.state != "whole":
                    connection.incomplete[event.sender, event.state] += 1
            else:
                self._see(event)

    def _count(self, connection: ConnectionSummary, message: Message) -> None:
        """A message that is neither audio nor video, or the first of its flow."""
        kind = message.message_type_id
        if kind in _FLOWS:
            connection.purpose.flow(message).count(message)
            return
        connection.other_tallies[kind, message.sender].add(1, message.length)
        if kind == AGGREGATE:
            self._conversation.streams.media(message)
        else:
            connection.findings += message.findings

    def _see(self, event: Event) -> None:
        number = event.connection
        if isinstance(event, Opened):
            purpose, proof = self._conversation.streams.of(number), self._conversation.authentication.of(number)
            self.connections[number] = ConnectionSummary(
                event, purpose.flows, self.is_partial, purpose=purpose, proof=proof
            )
        connection = self.connections[number]
        if isinstance(event, Closed):
            if len(self.connections) > MOST_SILENT and not event.from_client.bytes + event.from_server.bytes:
                del self.connections[number]
                self.silent += 1
                return
            connection.closed = event
            connection.unanswered = self._conversation.transactions.unanswered(number)
            connection.handshake = self._conversation.handshakes.of(number)
            connection.peers = self._conversation.peers.of(number)
            objects = self._conversation.shared_objects.objects(number)
            connection.shared_objects = {name: len(state.attributes) for name, state in objects.items()}
        elif isinstance(event, Undecoded):
            connection.undecoded.append(event)
        elif isinstance(event, Finding):
            connection.findings.append(event)

    def totals(self) -> dict[tuple[int, Sender], Tally]:
        """Messages and bytes of all connections by type and sender."""
        totals: dict[tuple[int, Sender], Tally] = {}
        for connection in self.connections.values():
            for key, tally in connection.tallies.items():
                totals.setdefault(key, Tally()).add(tally.messages, tally.bytes)
        return totals
