"""Where headers lead."""

from __future__ import annotations

import pytest

from rtmpsniff.rtmp.evidence import IMPOSSIBLE, Known
from rtmpsniff.rtmp.trails import follow, next_header_of, step, through
from tests.build import ChunkWriter, audio_frame, basic_header, video_frame
from tests.rtmp.test_candidates import AUDIO, VIDEO, begun
from tests.rtmp.test_evidence import MEDIA, NOTHING

MANY = 1000.0  # bits that no trail has


def talk(chunk_size: int = 128) -> bytes:
    writer = ChunkWriter(chunk_size)
    video = writer.message(6, VIDEO, 1, 1000, video_frame(1, 700))
    audio = [writer.message(4, AUDIO, 1, 1000 + 20 * number, audio_frame(number, 90)) for number in range(3)]
    return b"".join([*video, *(part for one in audio for part in one)])


def test_a_trail_goes_from_header_to_header() -> None:
    data = talk()
    short = follow(NOTHING, data, 0, 128, 50.0)
    long = follow(NOTHING, data, 0, 128, MANY)
    assert 50 <= short.bits < long.bits
    assert short.seen < long.seen <= len(data)
    assert long.is_cut


def test_another_chunk_size_leads_astray() -> None:
    assert follow(NOTHING, talk(), 0, 256, MANY).bits == IMPOSSIBLE


@pytest.mark.parametrize("at", [1, 5, 12, 140, 200])
def test_other_places_lead_nowhere(at: int) -> None:
    assert follow(NOTHING, talk(), at, 128, MANY).bits < 30


@pytest.mark.parametrize("size", [1, 11, 20, 100, 300])
def test_where_bytes_are_missing_the_trail_says_how_many_it_wants(size: int) -> None:
    """And with exactly those it gets further."""
    data = talk()
    trail = follow(NOTHING, data[:size], 0, 128, MANY)
    assert size < trail.wanted <= len(data)
    more = follow(NOTHING, data[: trail.wanted], 0, 128, MANY)
    assert (more.bits, more.wanted) != (trail.bits, trail.wanted)


def test_what_was_seen_is_enough_for_the_answer() -> None:
    data = talk()
    trail = follow(NOTHING, data, 0, 128, 80.0)
    assert follow(NOTHING, data[: trail.seen], 0, 128, 80.0).bits == trail.bits


def test_through_a_message_each_own_header_counts() -> None:
    data = talk()
    length = len(video_frame(1, 700))
    trail = through(NOTHING, 6, b"", data, 12, length, 128)
    assert (trail.bits, trail.wanted) == (5 * 8, 12 + length + 5)
    assert through(NOTHING, 6, b"", data, 12, length, 128, due=128).bits == 5 * 8
    assert through(NOTHING, 6, b"", data, 12, length, 128, due=100).bits == IMPOSSIBLE
    assert through(NOTHING, 6, b"", data, 12, length, 128, enough=16.0).bits == 16


def test_another_chunk_stream_may_break_in() -> None:
    writer = ChunkWriter(128)
    first, *rest = writer.cut(6, VIDEO, 1, 1000, video_frame(1, 700))
    between = b"".join(writer.message(4, AUDIO, 1, 1000, audio_frame(1, 90)))
    data = first + between + b"".join(rest)
    trail = through(NOTHING, 6, b"", data, 12, len(video_frame(1, 700)), 128)
    assert trail.bits > 30
    assert trail.wanted == 0


def test_a_header_whose_beginning_may_be_lost_says_nothing() -> None:
    usual, unusual = (step(NOTHING, bytes((0xC0 | number, 0xAF)), 0, ending=False) for number in (5, 40))
    assert 0 > usual.bits > unusual.bits > IMPOSSIBLE
    assert usual.begun is None


def test_what_may_have_changed_in_a_hole_contradicts_nothing() -> None:
    command = Known({4: begun(4, 20, 40, 2)}, 1000, None)
    assert step(command, b"\xc4\xaf\x01" + bytes(90), 0, ending=False).bits == IMPOSSIBLE
    assert step(command._replace(is_behind_hole=True), b"\xc4\xaf\x01" + bytes(90), 0, ending=False).bits > IMPOSSIBLE


@pytest.mark.parametrize("number", [2, 63, 64, 319, 320, 65_599])
def test_the_header_that_goes_on(number: int) -> None:
    assert next_header_of(number) == basic_header(3, number)


def test_nothing_is_wanted_of_a_stream_that_ends() -> None:
    data = talk()[:30]
    assert step(MEDIA, data, 0, ending=False).wanted > len(data)
    assert step(MEDIA, data, 0, ending=True).bits > 0
