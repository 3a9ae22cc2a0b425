"""Which events are shown: each condition alone, and what they make of events that are no messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from rtmpsniff.analysis.selection import Selection, event_time, is_chosen, parse_types, select, select_messages
from rtmpsniff.findings import AMF_MALFORMED, Finding, Severity
from rtmpsniff.payload.types import FAMILIES, TYPE_NAMES
from rtmpsniff.rtmp.aggregates import Contained
from rtmpsniff.rtmp.events import Closed, Event, Greeting, Message, Opened
from tests.build import Frame, Talk, session
from tests.payload.test_aggregate import tag

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

Events = Callable[[Sequence[Frame]], list[Event]]


@pytest.fixture(scope="module")
def both(events: Events) -> list[Event]:
    """Two publishers at the same time."""
    one = session(Talk(("10.0.0.1", 50001)), name="one")
    two = session(Talk(("10.0.0.3", 50003)), name="two?key=secret")
    return events(sorted(one.frames + two.frames, key=lambda frame: frame.time))


def selected(events: Sequence[Event], **conditions: Any) -> list[Event]:
    return list(select(events, Selection(**conditions)))


def types_of(events: Sequence[Event]) -> set[int]:
    return {event.message_type_id for event in events if isinstance(event, Message)}


def test_without_conditions_everything_is_shown(both: list[Event]) -> None:
    assert selected(both) == both


def test_types(both: list[Event]) -> None:
    shown = selected(both, types=frozenset({8, 9}))
    assert types_of(shown) == {8, 9}
    assert len(shown) == sum(isinstance(event, Message) and event.message_type_id in {8, 9} for event in both)
    assert selected(both, types=frozenset()) == []


def test_the_handshake_may_be_asked_for(both: list[Event]) -> None:
    shown = selected(both, types=frozenset({1}), handshake=True)
    assert Counter(type(event) for event in shown)[Greeting] == 8
    assert not [event for event in shown if isinstance(event, Opened | Closed)]


def test_connections_keep_all_their_lines(both: list[Event]) -> None:
    shown = selected(both, connections=frozenset({2}))
    assert shown == [event for event in both if event.connection == 2]
    assert {type(event) for event in shown} == {Opened, Greeting, Message, Closed}


@pytest.mark.parametrize("name", ["two", "two?key=secret"])
def test_streams(both: list[Event], name: str) -> None:
    shown = selected(both, streams=(name,))
    assert shown
    assert {event.connection for event in shown} == {2}
    assert all(isinstance(event, Message) for event in shown)
    assert {8, 9, 18, 20} <= types_of(shown)
    assert not {1, 5, 6} & types_of(shown)


def test_several_streams_and_none(both: list[Event]) -> None:
    assert {event.connection for event in selected(both, streams=("one", "two"))} == {1, 2}
    assert selected(both, streams=("tw",)) == []


def test_numbers_of_messages(both: list[Event]) -> None:
    shown = selected(both, messages=(range(1, 2), range(3, 5)))
    assert sorted((event.connection, event.number) for event in shown if isinstance(event, Message)) == [
        (connection, number) for connection in (1, 2) for number in (1, 3, 4)
    ]
    assert len(shown) == 6


def test_times_hold_for_every_event(both: list[Event]) -> None:
    times = sorted(event_time(event) for event in both)
    early, late = times[len(times) // 3], times[2 * len(times) // 3]
    shown = selected(both, start=lambda: early, stop=lambda: late)
    assert shown == [event for event in both if early <= event_time(event) <= late]
    assert 0 < len(shown) < len(both)


def test_a_count_is_of_messages_shown(both: list[Event]) -> None:
    shown = selected(both, count=3)
    assert sum(isinstance(event, Message) for event in shown) == 3
    assert isinstance(shown[-1], Message)
    assert shown == both[: len(shown)]
    assert len(selected(both, types=frozenset({9}), count=2)) == 2


def test_a_count_does_not_read_on(both: list[Event]) -> None:
    """A pipe that somebody still writes to is not waited for."""
    source = iter(both)
    shown = list(select(source, Selection(count=1)))
    assert next(source) is both[len(shown)]


def test_conditions_hold_together(both: list[Event]) -> None:
    shown = selected(both, types=frozenset({8}), connections=frozenset({1}), messages=(range(1, 100),), count=5)
    assert len(shown) == 5
    assert types_of(shown) == {8}
    assert {event.connection for event in shown} == {1}


def test_findings_belong_to_the_lines_of_connections(message: MakeMessage) -> None:
    finding = Finding(AMF_MALFORMED, Severity.ERROR, "bad", connection=1, time=5)
    assert selected([finding, message(8)], types=frozenset({8}))[0] != finding
    assert event_time(finding) == 5
    assert selected([finding], connections=frozenset({1})) == [finding]
    assert selected([finding], start=lambda: 6) == []


# Names of types

EVERYTHING = frozenset(range(256))

WANTED: list[tuple[list[str], frozenset[int]]] = [
    (["video"], frozenset({9})),
    (["9"], frozenset({9})),
    (["media"], FAMILIES["media"]),
    (["command", "data"], FAMILIES["command"] | FAMILIES["data"]),
    (["control"], frozenset({1, 2, 3, 4, 5, 6})),
    (["!video"], EVERYTHING - {9}),
    (["!media", "!control"], EVERYTHING - FAMILIES["media"] - FAMILIES["control"]),
    (["media", "!audio"], FAMILIES["media"] - {8}),
    (["unknown_7"], frozenset({7})),
    (["255"], frozenset({255})),
    (["peer_bandwidth"], frozenset({6})),
    (["shared_obj_amf3"], frozenset({16})),
    (["shared_object"], FAMILIES["shared_object"]),
    ([], frozenset()),
]


@pytest.mark.parametrize(("names", "numbers"), WANTED)
def test_names_of_types(names: list[str], numbers: frozenset[int]) -> None:
    assert parse_types(names) == (numbers, False)


def test_every_type_has_a_name() -> None:
    for number, name in TYPE_NAMES.items():
        assert parse_types([name]) == (frozenset({number}), False)


def test_handshake_is_no_type_of_message() -> None:
    assert parse_types(["handshake"]) == (frozenset(), True)
    assert parse_types(["handshake", "video"]) == (frozenset({9}), True)


@pytest.mark.parametrize("name", ["", "vidio", "256", "-1", "!", "!!video", "unknown_x", "²", "9" * 5000])
def test_names_that_mean_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=r"^") as caught:
        parse_types([name])
    assert str(caught.value) == name.removeprefix("!")


# Aggregates


@pytest.fixture(scope="module")
def aggregated(message: MakeMessage) -> list[Event]:
    payload = tag(8, b"\xaf\x01") + tag(9, b"\x32\0") + tag(8, b"\xaf\x01")
    return [message(9, b"\x32\0", number=1), message(22, payload, number=2), message(8, b"\xaf\x01", number=3)]


def told(events: Sequence[Event]) -> list[tuple[int, str]]:
    return [(event.number, event.type) for event in events if isinstance(event, Message)]


def test_an_aggregate_is_chosen_as_a_whole(aggregated: list[Event]) -> None:
    for chosen in ("media", "aggregate", "!audio"):
        shown = selected(aggregated, types=parse_types([chosen])[0])
        assert (2, "aggregate") in told(shown)
        assert not any(isinstance(event, Contained) for event in shown)
    assert selected(aggregated, messages=(range(2, 3),)) == aggregated[1:2]


def test_types_that_lie_in_an_aggregate_are_given_apart(aggregated: list[Event]) -> None:
    assert told(selected(aggregated, types=frozenset({8}))) == [(2, "audio"), (2, "audio"), (3, "audio")]
    assert told(selected(aggregated, types=frozenset({9}))) == [(1, "video"), (2, "video")]
    assert told(selected(aggregated, types=frozenset({18}))) == []
    contained = [event for event in selected(aggregated, types=frozenset({8})) if isinstance(event, Contained)]
    assert [one.place for one in contained] == [1, 3]


def test_messages_of_an_aggregate_fulfil_the_other_conditions_too(aggregated: list[Event]) -> None:
    audio = frozenset({8})
    assert told(selected(aggregated, types=audio, messages=(range(3, 4),))) == [(3, "audio")]
    assert told(selected(aggregated, types=audio, count=1)) == [(2, "audio")]
    assert told(selected(aggregated, types=audio, connections=frozenset({5}))) == []
    assert told(selected(aggregated, types=audio, stop=lambda: 0)) == []


def test_for_those_who_count_aggregates_stay_whole(aggregated: list[Event]) -> None:
    assert told(list(select_messages(aggregated, Selection(types=frozenset({8}))))) == [(3, "audio")]


def test_one_message_alone(message: MakeMessage) -> None:
    """Streams and the count are for those who know more than one message."""
    one = message(9)
    assert is_chosen(one, Selection(streams=("other",), count=1))
    assert is_chosen(one, Selection(types=frozenset({9}), connections=frozenset({1}), messages=(range(7, 8),)))
    for condition in (
        Selection(types=frozenset({8})),
        Selection(connections=frozenset({2})),
        Selection(messages=(range(1, 7),)),
        Selection(start=lambda: one.last.time + 1),
        Selection(stop=lambda: one.last.time - 1),
        Selection(condition=lambda message: message.length > 0),
    ):
        assert not is_chosen(one, condition)
