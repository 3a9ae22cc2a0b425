"""When missing bytes are given up, and which parts of a segment are new."""

from __future__ import annotations

from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.waiting import (
    PACKETS_BEFORE_HOLE,
    TIME_BEFORE_HOLE,
    UNACKNOWLEDGED_LIMIT,
    UNACKNOWLEDGED_TIME,
    Held,
    Wait,
    uncovered,
)

ORIGIN = Origin(0, 1, 0)
HELD = [Held(10, b"abcd", ORIGIN), Held(20, b"efgh", ORIGIN)]


def test_uncovered_parts() -> None:
    assert list(uncovered(HELD, 0, b"x" * 30)) == [(0, b"x" * 10), (14, b"x" * 6), (24, b"x" * 6)]
    assert list(uncovered(HELD, 11, b"xy")) == []
    assert list(uncovered(HELD, 12, b"wxyz")) == [(14, b"yz")]
    assert list(uncovered([], 5, b"x")) == [(5, b"x")]


def test_acknowledged_bytes_have_little_time() -> None:
    wait = Wait(0, 1000)
    wait.acknowledge(5, 2000)
    assert not wait.is_over(2000 + TIME_BEFORE_HOLE - 1, 0, one_sided=False)
    assert wait.is_over(2000 + TIME_BEFORE_HOLE, 0, one_sided=False)
    for _ in range(PACKETS_BEFORE_HOLE):
        assert not wait.is_over(2000, 0, one_sided=False)
        wait.count_packet()
    assert wait.is_over(2000, 0, one_sided=False)


def test_others_have_long() -> None:
    wait = Wait(0, 0)
    assert not wait.is_over(UNACKNOWLEDGED_TIME - 1, UNACKNOWLEDGED_LIMIT, one_sided=False)
    assert wait.is_over(UNACKNOWLEDGED_TIME, 0, one_sided=False)
    assert wait.is_over(0, UNACKNOWLEDGED_LIMIT + 1, one_sided=False)
    assert wait.is_over(TIME_BEFORE_HOLE, 0, one_sided=True)


def test_the_next_hole_has_its_own_time() -> None:
    wait = Wait(0, 0)
    wait.acknowledge(5, 0)
    wait.move(5, TIME_BEFORE_HOLE)
    assert not wait.is_over(TIME_BEFORE_HOLE, 0, one_sided=False)
    wait.move(5, 3 * TIME_BEFORE_HOLE)  # no step: the time goes on
    assert wait.is_over(2 * TIME_BEFORE_HOLE, 0, one_sided=True)
