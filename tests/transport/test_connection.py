"""What is known of a connection and its directions: places in sequence numbers, roles, and the short way."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.connection import Connection, Flow

CLIENT_KEY = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + (50000).to_bytes(2, "big") + (1935).to_bytes(2, "big")
BEGUN = Origin(0, 1, 1000)
LAST = (1 << 32) - 1


def connection(*, whole: bool = True) -> Connection:
    return Connection(CLIENT_KEY, BEGUN, whole, plain={})


def started(sequence: int, *, whole: bool = True) -> Flow:
    flow = connection(whole=whole).from_client
    flow.start(sequence)
    return flow


@pytest.mark.parametrize(
    ("expected", "sequence", "distance"),
    [(100, 100, 0), (100, 150, 50), (100, 99, -1), (LAST, 4, 5), (4, LAST, -5), (0, 1 << 31, -(1 << 31))],
)
def test_distances_wrap(expected: int, sequence: int, distance: int) -> None:
    assert started(expected).distance(sequence) == distance


def test_a_direction_goes_on_past_the_last_sequence_number() -> None:
    flow = started(LAST)
    flow.advance(3)
    assert (flow.next, flow.offset) == (2, 3)
    assert flow.began_at(LAST)
    assert not flow.began_at(0)


@pytest.mark.parametrize(
    ("promised", "seen", "next_one"), [(-1, 70, 70), (50, 70, 50), (50, 49, 49), (50, 1 << 30, 1 << 30)]
)
def test_it_begins_where_the_other_side_said_if_that_may_be(promised: int, seen: int, next_one: int) -> None:
    flow = connection().from_client
    flow.promised = promised
    flow.begin(seen)
    assert flow.next == next_one


def test_a_keep_alive_begins_a_connection_only_where_its_syn_was_not_captured() -> None:
    assert started(99, whole=False).began_with_keep_alive(100)
    assert not started(99).began_with_keep_alive(100)
    assert not started(98, whole=False).began_with_keep_alive(100)


def test_a_jump_is_believed_when_a_second_segment_follows_the_first() -> None:
    flow = started(0)
    assert not flow.is_jump(1 << 30, 10, 1 << 30)
    assert flow.is_jump((1 << 30) + 10, 10, (1 << 30) + 10)
    assert not flow.is_jump(1 << 29, 10, 1 << 29)


def test_only_a_direction_that_is_wanted_takes_the_short_way() -> None:
    one = connection()
    one.from_client.start(1)
    assert one.plain == {}  # what follows its SYN tells whether the server answered
    one.from_server.start(1)
    assert set(one.plain) == {one.from_server.key}
    one.answer()
    assert set(one.plain) == {flow.key for flow in one.flows}
    one.from_client.leave_short_way()
    assert set(one.plain) == {one.from_server.key}
    one.ignore()
    one.from_client.take_short_way()
    assert one.plain == {}


def test_roles_change_places() -> None:
    one = connection()
    first, second = one.flows
    one.exchange_roles()
    assert one.flows == (second, first)
    assert (first.sender, second.sender) == ("server", "client")
    assert one.name == "10.0.0.2:1935 -> 10.0.0.1:50000"


def test_it_is_remembered_when_it_moved() -> None:
    one = connection()
    one.look(2000)
    one.look(3000)
    assert one.moved == 2000
    one.from_server.advance(1)
    one.look(4000)
    assert one.moved == 4000


def test_state_can_be_seen() -> None:
    one = connection()
    assert repr(one) == "<Connection 10.0.0.1:50000 -> 10.0.0.2:1935>"
    assert repr(one.from_server) == "<Flow 10.0.0.1:50000 -> 10.0.0.2:1935 from server at 0>"
