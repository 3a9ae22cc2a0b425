"""Connections that share addresses or ports, and those that must make room for others."""

from __future__ import annotations

from itertools import chain, groupby

import pytest

from rtmpsniff.transport import table
from rtmpsniff.transport.reassembly import Reassembler
from tests.build import SYN, Conversation, Frame
from tests.transport.talks import (
    MILLISECOND,
    START,
    both,
    by_connection,
    data,
    ends,
    merged,
    opened,
    packets,
    run,
)

# Networks that share addresses


def in_vlan(frame: Frame, number: int) -> Frame:
    if not number:
        return frame
    return frame._replace(data=frame.data[:12] + b"\x81\0" + number.to_bytes(2, "big") + frame.data[12:])


@pytest.mark.parametrize("vlans", [(1, 2), (0, 1), (1, 0), (7, 0, 9)])
def test_equal_addresses_in_several_networks_do_not_mix(vlans: tuple[int, ...]) -> None:
    talks = []
    for vlan in vlans:
        talk = opened(mss=3, client_sequence=1_000_000 + vlan * 50_000_000)
        for _ in range(20):
            talk.client(b"in %d;" % vlan)
            talk.server(b"from %d;" % vlan)
        talk.close()
        talks.append([in_vlan(frame, vlan) for frame in talk.frames])
    frames = list(chain.from_iterable(zip(*talks, strict=True)))
    found = by_connection(run(frames))
    expected = [(b"in %d;" % vlan * 20, b"from %d;" % vlan * 20) for vlan in vlans]
    assert [both(events) for events in found] == expected
    assert [ends(events) for events in found] == [[("closed", "client")]] * len(vlans)


def test_a_network_of_its_own_for_each_direction() -> None:
    talk = opened()
    talk.client(b"question")
    talk.server(b"answer")
    talk.close()
    ways = {frame.data[:6] for frame in talk.frames}
    assert len(ways) == 2
    frames = [in_vlan(frame, 1 if frame.data[:6] == min(ways) else 2) for frame in talk.frames]
    for first in (0, 1, 3):  # from the SYN, from its answer, from the middle
        (events,) = by_connection(run(frames[first:]))
        assert both(events) == (b"question", b"answer")


# Room for new ones


def test_too_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_CONNECTIONS", 16)
    talks = [Conversation(("10.0.0.1", 10_000 + number), time=START + number, step=0) for number in range(100)]
    for talk in talks:
        talk.open()
        talk.segment("client", b"early", at=5)
    reassembler = Reassembler()
    largest = 0
    events = []
    for event in reassembler.run(packets(merged(*talks))):
        largest = max(largest, len(reassembler.table.flows))
        events.append(event)
    connections = by_connection(events)
    assert len(connections) == 100
    assert largest <= 2 * 16 + 1
    assert len(reassembler.table.plain) <= len(reassembler.table.flows)
    assert all(data(connection) == b"?????early" for connection in connections)
    reasons = [ends(connection)[0][0] for connection in connections]
    assert [reason for reason, _ in groupby(reasons)] == ["evicted", "capture ended"]  # the oldest first
    assert reassembler.budget.held == 0


def test_closed_connections_make_room_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_CONNECTIONS", 16)
    lasting = opened()
    frames = list(lasting.frames)
    for number in range(100):
        talk = Conversation(("10.0.0.1", 10_000 + number), time=START)
        talk.open()
        talk.close()
        frames += talk.frames
    lasting.client(b"still here")
    first, *others = by_connection(run([*frames, lasting.frames[-1]]))
    assert data(first) == b"still here"
    assert ends(first) == [("capture ended", "")]
    assert {ends(other)[0][0] for other in others} == {"closed"}


def test_an_evicted_connection_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_CONNECTIONS", 4)
    first = opened()
    first.client(b"abc")
    frames = list(first.frames)
    for number in range(5):
        frames += Conversation(("10.0.0.1", 10_000 + number), time=START).open()
    frames += first.client(b"def") + first.server(b"DEF")
    one, *_, two = by_connection(run(frames))
    assert (data(one), ends(one)) == (b"abc", [("evicted", "")])
    assert both(two) == (b"def", b"DEF")


def test_a_flood_of_syns_displaces_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_CONNECTIONS", 16)
    talk = opened()
    for number in range(20):
        talk.client(b"%02d" % number)
    talk.close()
    flood = [Conversation(("10.9.0.1", 1000 + number)).segment("client", flags=SYN) for number in range(400)]
    frames = list(chain.from_iterable((frame, *flood[place * 15 :][:15]) for place, frame in enumerate(talk.frames)))
    reassembler = Reassembler()
    events = by_connection(reassembler.run(packets(frames)))[0]
    assert data(events) == b"".join(b"%02d" % number for number in range(20))
    assert ends(events) == [("closed", "client")]
    assert reassembler.evicted > 300
    assert len(reassembler.table.flows) <= 2 * 16


def test_those_that_stood_still_for_longest_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_CONNECTIONS", 16)
    busy = opened()
    frames = list(busy.frames)
    for number in range(100):
        busy.at(frames[-1].time + MILLISECOND)
        frames += busy.client(b"x")
        other = Conversation(("10.9.0.1", 1000 + number), time=frames[-1].time + MILLISECOND, checksums=False)
        other.open()
        frames += other.frames
    reassembler = Reassembler()
    found = by_connection(reassembler.run(packets(frames)))
    assert (data(found[0]), ends(found[0])) == (b"x" * 100, [("capture ended", "")])
    reasons = [ends(events)[0][0] for events in found[1:]]
    assert [reason for reason, _ in groupby(reasons)] == ["evicted", "capture ended"]
    assert reassembler.evicted == reasons.count("evicted")
