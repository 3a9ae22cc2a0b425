"""The counts of a run: nothing is counted twice, and a selection may leave out any event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.analysis.conversation import Conversation
from rtmpsniff.analysis.summary import Summary, Tally
from rtmpsniff.rtmp.events import Closed, Event, Message, Opened
from tests.build import AVC_HEADER, SYN, Frame, Talk, amf0, begin_publish, session, video_frame

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
    (stream,) = summary.connections[2].purpose.streams
    assert (stream.name, stream.action, stream.state, stream.end) == ("two", "publish", "started", "FCUnpublish")
    assert summary.totals()[9, "client"].messages == 5 + 9 + 2
    assert all(connection.closed is not None for connection in summary.connections.values())


def test_media_is_counted_for_its_stream(events: Events) -> None:
    """The loop over all messages counts it without asking anybody; it must come to the same as `Flow.count`."""
    all_events = events(session(video=70, audio=9).frames)
    (stream,) = summary_of(all_events).connections[1].purpose.streams
    conversation = Conversation(media=True)
    for event in conversation.follow(all_events):
        if isinstance(event, Closed):
            (other,) = conversation.streams.of(1).streams
    for kind, flow in stream.flows.items():
        same = other.flows[kind]
        assert (flow.messages, flow.size, flow.first, flow.last) == (same.messages, same.size, same.first, same.last)
        assert flow.heads == same.heads
        assert [track.configuration for track in flow.tracks.values()] == [
            track.configuration for track in same.tracks.values()
        ]
    assert {kind: flow.messages for kind, flow in stream.flows.items()} == {8: 10, 9: 71}


def test_a_message_stream_that_is_used_again_has_other_flows(events: Events) -> None:
    talk = Talk()
    begin_publish(talk)
    talk.say("client", 6, 9, 1, 40, video_frame(1, 50))
    talk.command("client", 8, 1, "publish", 8, None, "next", "live")
    talk.say("client", 6, 9, 1, 80, video_frame(2, 50))
    talk.close()
    connection = summary_of(events(talk.frames)).connections[1]
    assert [one.flows[9].messages for one in connection.purpose.streams] == [2, 1]
    assert connection.tallies[9, "client"].messages == 3


def test_a_message_without_a_byte_is_counted(events: Events) -> None:
    talk = Talk()
    begin_publish(talk)
    for _ in range(3):
        talk.say("client", 6, 9, 1, 40, b"")
        talk.say("client", 6, 9, 1, 40, b"\x17")
    talk.close()
    assert summary_of(events(talk.frames)).connections[1].tallies[9, "client"] == Tally(7, len(AVC_HEADER) + 3)


def test_what_was_asked_in_vain(events: Events) -> None:
    talk = Talk()
    begin_publish(talk)
    talk.command("client", 3, 0, "getUsers", 9, None)
    talk.say("server", 3, 19, 0, 0, bytes.fromhex("0002736f 00000001 00000000 00000000 0b00000000"))
    talk.close()
    connection = summary_of(events(talk.frames)).connections[1]
    assert [call.name for call in connection.unanswered] == ["getUsers"]
    assert connection.shared_objects == {"so": 0}
    assert set(connection.peers) == {"client", "server"}


def test_events_that_are_followed_already(events: Events) -> None:
    """Whoever follows them for other reasons gives the conversation, and nothing is followed twice."""
    conversation = Conversation()
    summary = Summary(conversation)
    summary.see_all(conversation.follow(events(session(video=2).frames)))
    (stream,) = summary.connections[1].purpose.streams
    assert (stream.state, stream.flows[9].messages) == ("started", 3)


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
    assert connection.incomplete == {("client", "cut"): 1}


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
