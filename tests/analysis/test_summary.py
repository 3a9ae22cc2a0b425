"""The counts of a run: nothing is counted twice, and a selection may leave out any event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.analysis.streams import Stream
from rtmpsniff.analysis.summary import Summary, Tally
from rtmpsniff.rtmp.events import Closed, Event, Message, Opened
from tests.build import SYN, Frame, Talk, amf0, begin_publish, session

Events = Callable[[Sequence[Frame]], list[Event]]


def summary_of(events: Sequence[Event]) -> Summary:
    summary = Summary()
    summary.see_all(events)
    return summary


def test_messages_and_bytes_by_type_and_sender(events: Events) -> None:
    talk = session(video=4, audio=6)
    summary = summary_of(events(talk.frames))
    sent = Counter((each.type_id, each.sender) for each in talk.sent)
    sizes: Counter[tuple[int, str]] = Counter()
    for each in talk.sent:
        sizes[each.type_id, each.sender] += len(each.payload)
    assert summary.totals() == {key: Tally(count, sizes[key]) for key, count in sent.items()}
    assert summary.connections[1].messages == len(talk.sent)


def test_connections_are_kept_apart_and_summed(events: Events) -> None:
    one = session(Talk(("10.0.0.1", 50001)), name="one")
    two = session(Talk(("10.0.0.3", 50003)), app="vod", name="two", video=9)
    summary = summary_of(events(sorted(one.frames + two.frames, key=lambda frame: frame.time)))
    assert [connection.purpose.application for connection in summary.connections.values()] == ["live", "vod"]
    assert summary.connections[2].purpose.streams == [Stream(1, "two", "publish")]
    assert summary.totals()[9, "client"].messages == 5 + 9 + 2
    assert all(connection.closed is not None for connection in summary.connections.values())


def test_nothing_is_nothing() -> None:
    assert summary_of([]).totals() == {}
    assert summary_of([]).connections == {}


def test_what_was_wrong_is_kept(events: Events) -> None:
    talk = Talk()
    begin_publish(talk)
    talk.say("client", 3, 20, 0, 0, amf0("f", 1) + b"\x02")
    talk.client(b"\x06\0\0\0\0\1\0\x09\1\0\0\0" + bytes(100))  # 256 bytes are promised
    talk.close()
    connection = summary_of(events(talk.frames)).connections[1]
    assert [finding.rule.code for finding in connection.findings] == ["amf.malformed"]
    assert connection.incomplete == {"cut": 1}


def test_foreign_connections_are_kept(events: Events) -> None:
    talk = Talk()
    talk.open()
    talk.client(b"GET / HTTP/1.1\r\n\r\n")
    talk.close()
    connection = summary_of(events(talk.frames)).connections[1]
    assert connection.messages == 0
    assert [span.length for span in connection.undecoded] == [18]
    assert [finding.rule.code for finding in connection.findings] == ["proto.wrong_protocol"]


@pytest.mark.parametrize("kind", [Closed, Message])
def test_a_run_may_end_early_and_messages_may_be_left_out(events: Events, kind: type[Event]) -> None:
    summary = summary_of([event for event in events(session().frames) if not isinstance(event, kind)])
    assert (summary.connections[1].closed is None) == (kind is Closed)
    assert (summary.connections[1].messages == 0) == (kind is Message)


@given(data=st.data())
def test_sums_do_not_depend_on_the_order(data: st.DataObject, events: Events) -> None:
    all_events = events(session(video=2, audio=2).frames)
    opened = [event for event in all_events if isinstance(event, Opened)]
    others = data.draw(st.permutations([event for event in all_events if not isinstance(event, Opened)]))
    assert summary_of([*opened, *others]).totals() == summary_of(all_events).totals()


def test_of_a_flood_those_that_carried_nothing_are_only_counted(
    monkeypatch: pytest.MonkeyPatch, events: Events
) -> None:
    monkeypatch.setattr("rtmpsniff.analysis.summary.MOST_SILENT", 5)
    talk = session(Talk(("10.0.0.1", 50001)))
    flood = [Talk(("10.9.0.1", 1000 + number)).segment("client", flags=SYN) for number in range(100)]
    summary = summary_of(events([*talk.frames, *flood]))
    assert summary.silent == 101 - 5
    assert summary.connections[1].messages == len(talk.sent)
    assert len(summary.connections) == 5
