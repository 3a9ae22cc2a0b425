"""Observers see what they asked for, in their order, before anybody else; what they find comes behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest

from rtmpsniff.analysis.observe import observe
from rtmpsniff.findings import AMF_MALFORMED, Finding, Severity
from rtmpsniff.rtmp.events import Closed, Event, Message
from tests.build import Frame, session

Events = Callable[[Sequence[Frame]], list[Event]]


class Watcher:
    """Notes down what it sees, and finds something about each message of `found`."""

    def __init__(self, types: Iterable[int], found: Iterable[int] = (), log: list[str] | None = None) -> None:
        self.types = frozenset(types)
        self.found = frozenset(found)
        self.seen: list[Event] = []
        self.forgotten: list[int] = []
        self.log = [] if log is None else log

    def see(self, event: Event) -> list[Finding]:
        self.seen.append(event)
        self.log.append(f"{min(self.types, default=0)}")
        is_found = isinstance(event, Message) and event.message_type_id in self.found
        return [Finding(AMF_MALFORMED, Severity.NOTE, f"{event.connection}")] if is_found else []

    def forget(self, connection: int) -> None:
        self.forgotten.append(connection)


@pytest.fixture(scope="module")
def talk(events: Events) -> list[Event]:
    return events(session(video=2, audio=2).frames)


def types_of(events: Iterable[Event]) -> set[int]:
    return {event.message_type_id for event in events if isinstance(event, Message)}


def test_events_go_through_unchanged(talk: list[Event]) -> None:
    assert list(observe(talk, [])) == talk
    assert list(observe(talk, [Watcher({8, 20})])) == talk


def test_an_observer_sees_its_types_and_all_that_is_no_message(talk: list[Event]) -> None:
    watcher = Watcher({8, 20})
    list(observe(talk, [watcher]))
    assert types_of(watcher.seen) == {8, 20}
    others = [event for event in talk if not isinstance(event, Message)]
    assert [event for event in watcher.seen if not isinstance(event, Message)] == others


def test_an_observer_has_seen_an_event_before_it_goes_on(talk: list[Event]) -> None:
    watcher = Watcher({20})
    for event in observe(talk, [watcher]):
        if not isinstance(event, Message) or event.message_type_id == 20:
            assert watcher.seen[-1] is event


def test_observers_see_in_their_order(talk: list[Event]) -> None:
    log: list[str] = []
    list(observe(talk, [Watcher({20}, log=log), Watcher({8, 20}, log=log)]))
    commands = [index for index, who in enumerate(log) if who == "20"]
    assert all(log[index + 1] == "8" for index in commands)


def test_what_was_found_comes_behind_the_event(talk: list[Event]) -> None:
    came = list(observe(talk, [Watcher({20}, {20})]))
    found = [index for index, event in enumerate(came) if isinstance(event, Finding)]
    assert len(found) == sum(isinstance(event, Message) and event.message_type_id == 20 for event in talk)
    assert all(isinstance(came[index - 1], Message) for index in found)
    assert [event for event in came if not isinstance(event, Finding)] == talk


def test_a_connection_is_forgotten_once_its_end_has_gone_by(talk: list[Event]) -> None:
    watcher = Watcher(())
    for event in observe(talk, [watcher]):
        if isinstance(event, Closed):
            assert watcher.forgotten == []
    assert watcher.forgotten == [1]


def test_nothing_is_read_ahead(talk: list[Event]) -> None:
    source = iter(talk)
    observed = observe(source, [Watcher({20})])
    assert next(observed) is talk[0]
    assert next(source) is talk[1]
