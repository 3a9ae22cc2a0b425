"""Places that could be a header, told by few bytes."""

from __future__ import annotations

import random

import pytest

from rtmpsniff.rtmp.candidates import LOOK, candidates
from rtmpsniff.rtmp.chunk import Channel
from tests.build import ChunkWriter, amf0, audio_frame, video_frame

AUDIO, VIDEO, COMMAND = 8, 9, 20


def begun(number: int, type_id: int, length: int, head: int, message_stream_id: int = 1) -> Channel:
    channel = Channel(number)
    channel.type_id, channel.length, channel.head = type_id, length, head
    channel.message_stream_id, channel.timestamp = message_stream_id, 1000
    return channel


KNOWN = {4: begun(4, AUDIO, 92, 0xAF), 6: begun(6, VIDEO, 700, 0x27)}


def is_candidate(stream: bytes, channels: dict[int, Channel]) -> bool:
    return candidates(channels).match(stream + bytes(LOOK)) is not None


def said(csid: int, type_id: int, payload: bytes, msid: int = 1, fmt: int = 0) -> bytes:
    writer = ChunkWriter(4096)
    list(writer.message(csid, type_id, msid, 0, payload))
    return b"".join(writer.message(csid, type_id, msid, 40, payload, fmt=fmt))


@pytest.mark.parametrize("fmt", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("csid", "type_id", "payload"), [(4, AUDIO, audio_frame(1, 90)), (6, VIDEO, video_frame(1, 700))]
)
def test_whatever_follows_on_a_chunk_stream_that_is_known(fmt: int, csid: int, type_id: int, payload: bytes) -> None:
    assert is_candidate(said(csid, type_id, payload, fmt=fmt), KNOWN)


@pytest.mark.parametrize(("csid", "fmt"), [(3, 0), (8, 1), (20, 0), (63, 1)])
def test_what_states_its_type_may_begin_a_chunk_stream(csid: int, fmt: int) -> None:
    assert is_candidate(said(csid, COMMAND, amf0("onStatus"), fmt=fmt), {})


@pytest.mark.parametrize("fmt", [2, 3])
def test_what_inherits_its_type_may_not(fmt: int) -> None:
    assert not is_candidate(said(4, AUDIO, audio_frame(1, 90), fmt=fmt), {})


@pytest.mark.parametrize(
    "stream",
    [
        bytes.fromhex("04 000028 00005c 07 01000000 af01"),  # no such type
        bytes.fromhex("04 000028 90005c 08 01000000 af01"),  # longer than any message
        bytes.fromhex("04 000028 00005c 08 01234567 af01"),  # a message stream that nobody has
        bytes.fromhex("84 700000 af01"),  # the next message comes hours later
        bytes.fromhex("c4 2701"),  # audio does not begin so
        bytes.fromhex("c6 af01"),  # nor video so
    ],
)
def test_what_no_header_is_like(stream: bytes) -> None:
    assert not is_candidate(stream, KNOWN)


def test_a_message_stream_of_another_number_is_known_once_it_was_seen() -> None:
    stream = bytes.fromhex("04 000028 00005c 08 01234567 af01")
    assert is_candidate(stream, {4: begun(4, AUDIO, 92, 0xAF, 0x67452301)})


def test_of_random_bytes_few_are_left() -> None:
    """A search weighs each of them: that is what its speed rests on."""
    noise = random.Random(1).randbytes(100_000)
    assert sum(1 for _ in candidates(KNOWN).finditer(noise)) < 1000
