"""What a message says of itself."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from rtmpsniff.payload.bodies import Unknown, decode
from rtmpsniff.payload.control import SetChunkSize
from rtmpsniff.rtmp.events import Message, State, Undecoded
from rtmpsniff.rtmp.passage import Chunk, Passage
from tests.rtmp.feeding import origin


def message(type_id: int, *parts: bytes, state: State = "whole", chunks: tuple[Chunk, ...] = ()) -> Message:
    return Message(
        connection=3,
        number=7,
        sender="server",
        chunk_stream_id=2,
        message_stream_id=0,
        message_type_id=type_id,
        timestamp=0,
        timestamp_certain=True,
        length=sum(map(len, parts)),
        parts=parts,
        missing=(),
        came=Passage(chunks, origin(4), origin(5)),
        state=state,
    )


def test_the_payload_is_joined_once() -> None:
    one = message(9, b"\x17\x01", b"", b"\0\0\0")
    assert one.payload == b"\x17\x01\0\0\0"
    assert one.payload is one.payload


def test_the_body_is_decoded_once() -> None:
    one = message(1, b"\0\0\x10\0")
    assert one.body == SetChunkSize(4096)
    assert one.decoded is one.decoded
    assert one.decoded == decode(1, b"\0\0\x10\0")


@pytest.mark.parametrize(
    ("type_id", "name"), [(1, "set_chunk_size"), (9, "video"), (22, "aggregate"), (7, "unknown_7")]
)
def test_a_type_has_a_name(type_id: int, name: str) -> None:
    assert message(type_id).type == name


def test_a_type_that_nobody_knows_is_bytes() -> None:
    assert message(10, b"ab", b"c").body == Unknown(b"abc")


def test_a_run_counts_as_its_chunks() -> None:
    chunks = (Chunk(3073, bytes(12), 128), Chunk(3213, b"\xc6", 128, 4), Chunk(3729, b"\xc6", 9))
    one = message(9, chunks=chunks)
    assert (one.chunk_count, one.offset) == (6, 3073)


def test_findings_inside_a_message_are_placed_where_it_is() -> None:
    (finding,) = message(1, bytes(4)).findings
    assert finding.rule.code == "chunk.size_value"
    assert (finding.connection, finding.sender, finding.messages) == (3, "server", (7,))
    assert (finding.packet, finding.time) == (5, origin(5).time)


@pytest.mark.parametrize("state", ["damaged", "aborted", "cut"])
def test_a_message_that_did_not_come_whole_is_not_blamed(state: State) -> None:
    assert message(1, bytes(3), state=state).findings == ()


def test_messages_are_themselves_and_not_their_values() -> None:
    assert message(9, b"x") != message(9, b"x")


def test_events_do_not_change() -> None:
    event = Undecoded(1, "client", 0, 10, 0, "not RTMP", origin(1), origin(1))
    with pytest.raises(FrozenInstanceError):
        event.length = 11  # type: ignore[misc]
