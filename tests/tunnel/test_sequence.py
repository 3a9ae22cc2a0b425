"""The order of exchanges: by their numbers, whenever they come."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations

import pytest

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.connection import Connection
from rtmpsniff.transport.events import Hole, Piece
from rtmpsniff.tunnel.inner import Event, InnerConnection, Lost, Span
from rtmpsniff.tunnel.sequence import LONGEST_WAIT, MOST_AHEAD, Sequence

KEY = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + (50000).to_bytes(2, "big") + (80).to_bytes(2, "big")


def at(time: int) -> Origin:
    return Origin(0, time, time)


def span(data: bytes) -> Span:
    return Span(data, [0], [Origin(0, 1, 1)])


def sequence(budget: Budget) -> Sequence:
    made = Sequence(InnerConnection(Connection(KEY, at(1), True, {}), at(1), "http").from_client, budget)
    made.next = 0
    return made


def say(each: Sequence, number: int, data: bytes, time: int = 1) -> list[Event]:
    part = each.begin(number, at(time))
    return [] if part is None else [*each.add(part, span(data)), *each.finish(part, at(time))]


def told(events: Iterable[Event]) -> list[object]:
    return [each.data if isinstance(each, Piece) else each.reason for each in events if isinstance(each, Piece | Hole)]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_numbers_in_any_order(order: tuple[int, ...]) -> None:
    budget = Budget()
    each = sequence(budget)
    events = [event for number in order for event in say(each, number, b"%d" % number)]
    assert told(events) == [b"0", b"1", b"2", b"3"]
    assert (budget.held, each.waits, each.repeated) == (0, False, 0)


def test_an_exchange_that_goes_on_while_the_next_is_complete() -> None:
    each = sequence(Budget())
    first = each.begin(0, at(1))
    assert first is not None
    events = [*each.add(first, span(b"a")), *say(each, 1, b"c"), *each.add(first, span(b"b"))]
    assert told(events) == [b"a", b"b"]
    assert told(each.finish(first, at(1))) == [b"c"]


def test_what_was_there_before_brings_nothing() -> None:
    each = sequence(Budget())
    assert told([*say(each, 0, b"a"), *say(each, 0, b"a"), *say(each, 2, b"c"), *say(each, 2, b"c")]) == [b"a"]
    assert each.repeated == 2


def test_an_exchange_that_brought_nothing_may_be_tried_again() -> None:
    budget = Budget()
    each = sequence(budget)
    part = each.begin(0, at(1))
    assert part is not None
    each.withdraw(part)
    assert budget.held == 0
    assert told(say(each, 0, b"a")) == [b"a"]


def test_what_is_lost_keeps_its_place() -> None:
    each = sequence(Budget())
    part = each.begin(1, at(1))
    assert part is not None
    assert list(each.add(part, Lost(3, at(1), "gone"))) == []
    assert list(each.finish(part, at(1))) == []
    assert told(say(each, 0, b"a")) == [b"a", "gone"]


def test_nobody_waits_for_ever() -> None:
    budget = Budget()
    for last in (lambda each: say(each, 2, b"x", LONGEST_WAIT + 2), lambda each: list(each.flush(at(1)))):
        each = sequence(budget)
        assert say(each, 1, b"b") == []
        assert told(last(each))[:2] == ["in 1 exchange never captured", b"b"]
        assert each.missing == 1
    each = sequence(budget)
    events = [event for number in range(1, MOST_AHEAD + 1) for event in say(each, number, b"x")]
    assert told(events) == ["in 1 exchange never captured", *[b"x"] * MOST_AHEAD]
    assert budget.held == 0
    assert "from client" in repr(each)


def test_a_budget_that_is_spent_ends_the_wait() -> None:
    each = sequence(Budget(100))
    assert told(say(each, 1, b"b" * 200)) == ["in 1 exchange never captured", b"b" * 200]
