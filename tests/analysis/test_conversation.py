"""All observers together: whatever is said, they see it without harm, and forget what is over."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.analysis import streams
from rtmpsniff.analysis.conversation import Conversation
from rtmpsniff.payload.types import FAMILIES
from rtmpsniff.rtmp.events import Closed, Event, Message
from tests.build import Frame, Talk, amf0, session

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

Events = Callable[[Sequence[Frame]], list[Event]]


def test_every_observer_is_asked(events: Events) -> None:
    talk = session(name="cam?key=1", video=3, audio=2)
    conversation = Conversation(media=True)
    seen = []
    for event in conversation.follow(events(talk.frames)):
        seen.append(event)
        if isinstance(event, Closed):
            (stream,) = conversation.streams.of(1).streams
            assert {kind: flow.messages for kind, flow in stream.flows.items()} == {8: 3, 9: 4}
            assert [token.place for token in conversation.authentication.of(1).tokens] == ["publish"]
            assert conversation.peers.of(1)["client"] is not None
            assert conversation.transactions.unanswered(1) == []
            assert dict(conversation.shared_objects.objects(1)) == {}
    assert len(seen) == len(events(talk.frames))
    assert [message.notes.answers for message in seen if isinstance(message, Message) and message.notes] == [
        *("connect", "createStream", "", "publish")
    ]
    assert conversation.streams.of(1).streams == []


def test_media_is_looked_at_only_where_that_is_asked_for(events: Events) -> None:
    all_events = events(session(video=3, audio=2).frames)
    conversation = Conversation()
    for event in conversation.follow(all_events):
        if isinstance(event, Closed):
            assert conversation.streams.of(1).streams[0].flows == {}
    media = [event for event in all_events if isinstance(event, Message) and event.message_type_id in FAMILIES["media"]]
    assert media
    assert all(message._decoded is None for message in media)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 4, 5, 8, 9, 15, 16, 17, 18, 19, 20, 22]),
            st.sampled_from(["client", "server"]),
            st.binary(max_size=60)
            | st.builds(
                lambda name, tail: amf0(name, 1, None) + tail,
                st.sampled_from(["connect", "publish", "onStatus", "_result"]),
                st.binary(max_size=20),
            ),
        ),
        max_size=20,
    )
)
def test_any_bytes_are_observed_without_harm(message: MakeMessage, said: list[tuple[int, str, bytes]]) -> None:
    conversation = Conversation(media=True)
    made = [message(kind, payload, sender=sender, number=n) for n, (kind, sender, payload) in enumerate(said, 1)]
    assert [event for event in conversation.follow(made) if isinstance(event, Message)] == made
    for one in made:
        if one.notes is not None:
            assert all(remark.isprintable() for remark in one.notes.remarks)


def memory() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize("name", ["publish", "x", "connect", "play"])
def test_memory_does_not_grow_with_the_messages_of_a_connection(
    message: MakeMessage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A client that asks without end, each time for something else."""
    monkeypatch.setattr(streams, "MOST_STREAMS", 50)
    conversation = Conversation(media=True)

    def messages(first: int, last: int) -> Iterator[Message]:
        for number in range(first, last):
            body = amf0(name, number, None, f"stream {number}?key={number}", "live")
            yield message(20, body, number=number, message_stream_id=number)
            yield message(9, b"\x27\x01", number=number, message_stream_id=number)

    def held(first: int, last: int) -> int:
        for _ in conversation.follow(messages(first, last)):
            pass
        return memory()

    tracemalloc.start()
    try:
        base = held(1, 400)
        grown = held(400, 1200) - base
    finally:
        tracemalloc.stop()
    assert grown < 20_000


def test_memory_does_not_grow_with_connections(events: Events) -> None:
    conversation = Conversation(media=True)
    one = Talk()
    session(one, video=1, audio=1)
    all_events = events(one.frames)

    def held(count: int) -> int:
        for _ in range(count):
            list(conversation.follow(all_events))
        return memory()

    tracemalloc.start()
    try:
        base = held(4)
        grown = held(16) - base
    finally:
        tracemalloc.stop()
    assert grown < 50_000
