"""Chunk streams without a connection: the same messages as in a capture, and nothing made up around them."""

from __future__ import annotations

from collections.abc import Sequence as Row
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rtmpsniff
from rtmpsniff import Command, Event, Finding, Greeting, Message, Undecoded, describe
from rtmpsniff.capture.packet import Origin
from rtmpsniff.rtmp.loose import LooseStream, decode_chunks, loose_message, sender_of
from rtmpsniff.transport.connection import Sender
from tests.build import ChunkWriter, amf0, handshake, video_frame
from tests.rtmp.feeding import CLIENT_HELLO, HELLO, SERVER_HELLO, assert_same
from tests.rtmp.sequences import CONNECT, PICTURE, SEQUENCES, Sequence

CAPTURES = Path(__file__).parents[2] / "captures"
RECORDED = CAPTURES / "ffmpeg-nginx-publish.pcap"


def messages(events: Row[Event]) -> list[Message]:
    return [event for event in events if isinstance(event, Message)]


def sent(capture: Path, sender: Sender) -> bytes:
    """What one side of the first connection sent behind its handshake, put together from its messages."""
    blocks = []
    for message in rtmpsniff.messages(capture):
        block = describe(message) if message.sender == sender and message.connection == 1 else None
        if block is None:
            continue
        at = 0
        for inset in block.insets:
            blocks += [(block.address_of(at), block.data[at : inset.position]), (inset.address, inset.data)]
            at = inset.position
        blocks.append((block.address_of(at), block.data[at:]))
    return b"".join(data for _, data in sorted(block for block in blocks if block[1]))


@pytest.mark.parametrize("case", SEQUENCES.values(), ids=SEQUENCES)
def test_sequences(case: Sequence) -> None:
    found = messages(decode_chunks(case.data))
    assert tuple(message.timestamp for message in found) == case.times
    assert tuple(message.length for message in found) == case.lengths


def test_the_connect_message() -> None:
    (connect,) = decode_chunks(CONNECT)
    assert isinstance(connect, Message)
    assert (connect.offset, connect.length, connect.chunk_count, connect.state) == (0, 228, 2, "whole")
    assert isinstance(connect.body, Command)
    assert connect.body.args == (28983.0,)


def test_nothing_is_made_up() -> None:
    for event in decode_chunks(CLIENT_HELLO + SEQUENCES["an abort"].data + b"\xff"):
        assert event.connection == 0
        if isinstance(event, Finding):
            assert (event.time, event.packet) == (0, 0)
        elif isinstance(event, Message | Greeting | Undecoded):
            assert event.first == event.last == Origin(0, 0, 0)


@pytest.mark.parametrize("sender", ["client", "server"])
def test_a_recorded_stream_gives_the_messages_of_its_capture(sender: Sender) -> None:
    data = sent(RECORDED, sender)
    expected = [message for message in rtmpsniff.messages(RECORDED) if message.sender == sender]
    found = messages(decode_chunks(data))
    assert len(found) > 5
    assert [(one.type, one.timestamp, one.payload) for one in found] == [
        (one.type, one.timestamp, one.payload) for one in expected
    ]


@pytest.mark.parametrize("step", [1, 7, 100])
def test_however_it_comes(step: int) -> None:
    data = CLIENT_HELLO + b"".join(case.data for case in list(SEQUENCES.values())[:3])
    stream = LooseStream(sender="client")
    events = [event for at in range(0, len(data), step) for event in stream.feed(data[at : at + step])]
    events += stream.end()
    assert_same(events, decode_chunks(data))


def test_the_chunk_size_may_be_told() -> None:
    data = b"".join(ChunkWriter(4096).message(6, 9, 1, 0, PICTURE * 30))
    (whole,) = decode_chunks(data, 4096)
    assert isinstance(whole, Message)
    assert (whole.state, whole.payload) == ("whole", PICTURE * 30)
    assert any(isinstance(event, Undecoded) for event in decode_chunks(data))


def test_what_is_unfinished_is_given_as_it_is() -> None:
    (message,) = messages(decode_chunks(CONNECT[:100]))
    assert (message.state, len(message.payload)) == ("cut", 88)
    assert [event.length for event in decode_chunks(CONNECT + b"\x04\0") if isinstance(event, Undecoded)] == [2]


# The handshake in front

STARTS: list[tuple[str, bytes, Sender | None]] = [
    ("C0 C1 C2 and connect", CLIENT_HELLO + CONNECT, "client"),
    (
        "C0 C1 C2, a chunk size and connect",
        CLIENT_HELLO + b"".join(ChunkWriter().set_chunk_size(4096)) + CONNECT,
        "client",
    ),
    ("S0 S1 S2 and a window", SERVER_HELLO + bytes.fromhex("02000000000004050000000000 2625a0"), "server"),
    (
        "S0 S1 S2 and an answer",
        SERVER_HELLO + b"".join(ChunkWriter().message(3, 20, 0, 0, amf0("_result", 1, None))),
        "server",
    ),
    ("C0 C1 alone", CLIENT_HELLO[:1537], "client"),
    ("C0 C1 and a part of C2", CLIENT_HELLO[:2000], "client"),
    ("a handshake and nothing else", SERVER_HELLO, "client"),
    ("a handshake and a part of a header", CLIENT_HELLO + CONNECT[:5], "client"),
    ("chunks", CONNECT, None),
    ("many chunks", CONNECT * 20, None),
    ("too short", CLIENT_HELLO[:1536], None),
    ("another version", b"\x05" + CLIENT_HELLO[1:], None),
    ("no header behind it", CLIENT_HELLO + b"\xff" * 20, None),
    ("no bytes", b"", None),
]


@pytest.mark.parametrize(("data", "sender"), [case[1:] for case in STARTS], ids=[case[0] for case in STARTS])
def test_who_sent_it(data: bytes, sender: Sender | None) -> None:
    assert sender_of(data) == sender


@pytest.mark.parametrize("sender", ["client", "server"])
def test_digests_tell_the_sender(sender: Sender) -> None:
    greetings = [event for event in rtmpsniff.events(RECORDED) if isinstance(event, Greeting)]
    data = b"".join(event.data for event in greetings if event.sender == sender)
    assert sender_of(data) == sender
    assert sender_of(data[:1537]) == sender
    first, second = decode_chunks(data)
    assert isinstance(first, Greeting)
    assert isinstance(second, Greeting)
    assert (first.part, second.part) == (("C0 C1", "C2") if sender == "client" else ("S0 S1", "S2"))
    assert (first.verdict, second.verdict) == ("D8", "unseen")
    assert (first.offset, second.offset) == (0, 1537)


def test_chunks_behind_a_handshake() -> None:
    events = decode_chunks(CLIENT_HELLO + CONNECT)
    assert [type(event) for event in events] == [Greeting, Greeting, Message]
    assert messages(events)[0].offset == HELLO


def test_behind_an_encrypted_handshake_nothing_can_be_read() -> None:
    greetings = [event for event in rtmpsniff.events(RECORDED) if isinstance(event, Greeting)]
    data = b"".join(event.data for event in greetings if event.sender == "client")
    secret = b"\x06" + data[1:] + bytes(50)
    *_, last = decode_chunks(secret)
    assert isinstance(last, Undecoded)
    assert (last.length, last.reason) == (50, "encrypted (RTMPE)")


# Bodies alone


def test_a_body_as_a_message() -> None:
    message = loose_message(20, amf0("play", 0, None, "sample"))
    assert isinstance(message.body, Command)
    assert (message.state, message.offset, message.chunk_count) == ("whole", 0, 1)
    assert message.body.args == ("sample",)


def test_a_body_that_is_cut_off() -> None:
    payload = video_frame(0, 100)
    message = loose_message(9, payload[:50], length=len(payload), number=4, offset=99, timestamp=40, stream_id=1)
    assert (message.state, message.length, len(message.payload)) == ("cut", len(payload), 50)
    assert (message.number, message.offset, message.timestamp, message.message_stream_id) == (4, 99, 40, 1)


# Hostile bytes


def size(events: Row[Event]) -> int:
    total = 0
    for event in events:
        if isinstance(event, Message):
            total += len(event.payload) + sum(chunk.run * len(chunk.header) for chunk in event.chunks)
        elif isinstance(event, Undecoded):
            total += event.length
        elif isinstance(event, Greeting):
            total += len(event.data)
    return total


@given(st.binary(max_size=400), st.sampled_from([1, 128, 0x7FFFFFFF]), st.booleans())
def test_any_bytes_are_accounted_for(data: bytes, chunk_size: int, greeted: bool) -> None:
    stream = (handshake().c0c1 + handshake().c2 if greeted else b"") + data
    assert size(decode_chunks(stream, chunk_size)) == len(stream)


def test_memory_is_bounded() -> None:
    """Each chunk begins a message of 16 MB on a chunk stream of its own; none is ever complete."""
    stream = LooseStream()
    for number in range(60_000):
        header = bytes([1, number & 0xFF, number >> 8]) + b"\0\0\0\xff\xff\xff\x09\x01\0\0\0"
        for _ in stream.feed(header + bytes(128)):
            pass
    assert stream._budget.held <= stream._budget.limit * 1.1
