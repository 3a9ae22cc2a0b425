"""What needs memory between messages: observers see every event of a run and add notes and findings.

Takes events, gives the same events in the same order, each followed by the findings that it gave rise to. An observer
says which message types it wants to see, so that media, of which there is most, costs nobody anything who does not
look at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from rtmpsniff.findings import Finding
from rtmpsniff.rtmp.events import Closed, Event, Message


class Observer(Protocol):
    """Sees events, keeps what it needs of them, and may set a message's `notes`."""

    @property
    def types(self) -> frozenset[int]:
        """The message types that it is shown; events that are no messages it sees all."""

    def see(self, event: Event) -> Iterable[Finding]:
        """Take one event; gives the findings that it gave rise to."""

    def forget(self, connection: int) -> None:
        """A connection is over, and whoever wanted to know something of it has asked: drop what is kept of it."""


def observe(events: Iterable[Event], observers: Sequence[Observer]) -> Iterator[Event]:
    """Show every event to the observers, in their order, before it goes on.

    What they know of a connection may be asked for until the event behind its `Closed` is fetched.
    """
    of_type = [tuple(observer for observer in observers if number in observer.types) for number in range(256)]
    for event in events:
        interested = of_type[event.message_type_id] if isinstance(event, Message) else observers
        if not interested:
            yield event
            continue
        findings = [finding for observer in interested for finding in observer.see(event)]
        yield event
        yield from findings
        if isinstance(event, Closed):
            for observer in observers:
                observer.forget(event.connection)
