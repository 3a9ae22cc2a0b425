"""What comes of one direction's chunks: messages and findings, until `direction` takes them."""

from __future__ import annotations

from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Evidence, Finding, Rule, Severity
from rtmpsniff.rtmp.events import Event
from rtmpsniff.rtmp.window import Window
from rtmpsniff.transport.connection import Sender


class Outcome:
    """The events in their order. `events` is always the same list: who makes many of them appends to it."""

    def __init__(self, connection: int, sender: Sender, window: Window) -> None:
        self.connection = connection
        self.sender: Sender = sender
        self.events: list[Event] = []
        self._window = window
        self._told: set[str] = set()  # findings that are made once

    def __repr__(self) -> str:
        return f"<Outcome {self.connection} from {self.sender}: {len(self.events)} events>"

    def take(self) -> list[Event]:
        """The events so far, which are forgotten here."""
        events = self.events.copy()
        self.events.clear()
        return events

    def find(self, rule: Rule, severity: Severity, title: str, offset: int, origin: Origin) -> Finding:
        """Add a finding about the byte at `offset` of the stream."""
        found = Finding(
            rule,
            severity,
            title,
            (Evidence("", offset),),
            connection=self.connection,
            sender=self.sender,
            time=origin.time,
            packet=origin.packet,
        )
        self.events.append(found)
        return found

    def find_at(self, at: int, rule: Rule, severity: Severity, title: str) -> None:
        """Add a finding about the byte at hand number `at`."""
        self.find(rule, severity, title, self._window.base + at, self._window.origin(at))

    def find_once(self, rule: Rule, severity: Severity, title: str, offset: int, origin: Origin) -> None:
        """Add a finding, unless the same was made before."""
        if title not in self._told:
            self._told.add(title)
            self.find(rule, severity, title, offset, origin)
