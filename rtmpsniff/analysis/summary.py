"""A capture at a glance: connections, messages and bytes by type and direction, what was lost or not decoded.

Takes events, keeps counts and a record for each connection, no messages.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from rtmpsniff.analysis.streams import Purpose, Purposes
from rtmpsniff.findings import Finding
from rtmpsniff.payload.types import FAMILIES
from rtmpsniff.rtmp.events import Closed, Event, Message, Opened, Undecoded
from rtmpsniff.transport.reassembly import Sender

MOST_SILENT = 20_000  # with more connections than these, one that carried nothing is only counted
_MEDIA = FAMILIES["media"]  # not looked into: that is most of the bytes and none of the story


@dataclass(slots=True)
class Tally:
    """How many messages there were, and of how many payload bytes."""

    messages: int = 0
    bytes: int = 0


@dataclass(slots=True)
class ConnectionSummary:
    """One connection: how it went, what it was for, what could not be decoded of it."""

    opened: Opened
    closed: Closed | None = None
    purpose: Purpose = field(default_factory=Purpose)
    tallies: defaultdict[tuple[int, Sender], Tally] = field(default_factory=lambda: defaultdict(Tally))
    incomplete: Counter[str] = field(default_factory=Counter)  # messages by state
    undecoded: list[Undecoded] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def messages(self) -> int:
        return sum(tally.messages for tally in self.tallies.values())


class Summary:
    """All connections of a run, by number."""

    def __init__(self) -> None:
        self.connections: dict[int, ConnectionSummary] = {}
        self.silent = 0  # connections of a flood: they carried nothing, and were too many to be kept
        self._purposes = Purposes()

    def see_all(self, events: Iterable[Event]) -> None:
        """Take the events of a run."""
        connections = self.connections
        for event in events:
            if isinstance(event, Message):
                kind = event.message_type_id
                connection = connections[event.connection]
                tally = connection.tallies[kind, event.sender]
                tally.messages += 1
                tally.bytes += event.length
                if kind not in _MEDIA:
                    self._purposes.see(event)
                    connection.findings += event.findings
                if event.state != "whole":
                    connection.incomplete[event.state] += 1
            else:
                self._see(event)

    def _see(self, event: Event) -> None:
        if isinstance(event, Opened):
            purpose = self._purposes.of(event.connection)
            self.connections[event.connection] = ConnectionSummary(event, purpose=purpose)
        connection = self.connections[event.connection]
        if isinstance(event, Closed):
            connection.closed = event
            if len(self.connections) > MOST_SILENT and not event.from_client.bytes + event.from_server.bytes:
                del self.connections[event.connection]
                self._purposes.forget(event.connection)
                self.silent += 1
        elif isinstance(event, Undecoded):
            connection.undecoded.append(event)
        elif isinstance(event, Finding):
            connection.findings.append(event)

    def totals(self) -> dict[tuple[int, Sender], Tally]:
        """Messages and bytes of all connections by type and sender."""
        totals: dict[tuple[int, Sender], Tally] = {}
        for connection in self.connections.values():
            for key, tally in connection.tallies.items():
                total = totals.setdefault(key, Tally())
                total.messages += tally.messages
                total.bytes += tally.bytes
        return totals
