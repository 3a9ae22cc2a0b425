"""The search for the next header, in bytes that come in any pieces."""

from __future__ import annotations

import random

import pytest

from rtmpsniff.rtmp.chunk import Channel
from rtmpsniff.rtmp.evidence import Known
from rtmpsniff.rtmp.search import Found, Rest, Search, behind
from rtmpsniff.rtmp.sizes import USUAL
from tests.build import ChunkWriter, audio_frame, video_frame
from tests.rtmp.feeding import Cut, three_feedings
from tests.rtmp.test_candidates import AUDIO, VIDEO, begun
from tests.rtmp.test_evidence import MEDIA, NOTHING

BASE = 5000  # where in the stream the search begins
NOISE = random.Random(7).randbytes(900)
VIDEO_FRAME = video_frame(1, 700)


def talk(chunk_size: int = 128, fmt: int = 0) -> bytes:
    writer = ChunkWriter(chunk_size)
    list(writer.message(6, VIDEO, 1, 960, VIDEO_FRAME))
    video = b"".join(writer.message(6, VIDEO, 1, 1000, VIDEO_FRAME, fmt=fmt))
    audio = [b"".join(writer.message(4, AUDIO, 1, 1000 + 20 * n, audio_frame(n, 90))) for n in range(4)]
    return video + b"".join(audio)


def searched(search: Search, stream: bytes, cut: Cut) -> Found | None:
    """Give it the bytes as they come, and drop those that it needs no more."""
    held, base, at = b"", BASE, 0
    for size in cut(len(stream)):
        held += stream[at : at + size]
        at += size
        found = search.look(held, base, ending=False)
        if found is not None:
            return found
        assert search.needed >= base
        held, base = held[search.needed - base :], search.needed
    return search.look(held, base, ending=True)


@three_feedings
@pytest.mark.parametrize("chunk_size", [128, 4096])
def test_a_header_behind_noise_is_found(cut: Cut, chunk_size: int) -> None:
    found = searched(Search(NOTHING, USUAL, BASE), NOISE + talk(chunk_size), cut)
    assert found == Found(BASE + len(NOISE))


@three_feedings
@pytest.mark.parametrize("fmt", [1, 2, 3])
def test_what_is_known_finds_shorter_headers(cut: Cut, fmt: int) -> None:
    known = Known({6: begun(6, VIDEO, len(VIDEO_FRAME), 0x27)}, 1000, None, is_behind_hole=True)
    stream = NOISE + talk(fmt=fmt)
    assert searched(Search(known, [128], BASE), stream, cut) == Found(BASE + len(NOISE))


@three_feedings
def test_in_noise_nothing_is_found(cut: Cut) -> None:
    search = Search(MEDIA, USUAL, BASE)
    assert searched(search, random.Random(3).randbytes(20_000), cut) is None
    assert search.cost == 0  # at the end nothing is held any more


def test_at_the_end_less_must_do() -> None:
    stream = NOISE + b"\x84\0\0\x14" + audio_frame(1, 90)[:50]
    search = Search(MEDIA, [128], BASE)
    assert search.look(stream, BASE, ending=False) is None
    assert search.cost > 0
    assert search.needed == BASE + len(NOISE)
    assert search.look(stream, BASE, ending=True) == Found(BASE + len(NOISE))


def broken_off(received: int) -> Channel:
    channel = begun(6, VIDEO, len(VIDEO_FRAME), 0x27)
    channel.left = channel.length - received
    return channel


def rest_of(received: int, due: int, hole: int) -> Rest:
    rest = behind(broken_off(received), due, hole, 128, b"")
    assert rest is not None
    return rest


@pytest.mark.parametrize(
    ("received", "due", "hole", "expected"),
    [
        (28, 100, 40, (0, 60, 642, 40, ())),  # within a chunk
        (28, 100, 100, (0, 0, 582, 100, ())),  # to its end: the next header stands behind the hole
        (28, 100, 101, (0, 128, 582, 100, (128,))),  # and that as well
        (28, 100, 350, (0, 8, 334, 348, (128, 256))),
        (28, 100, 687, (0, 0, 0, 682, (128, 256, 384, 512, 640))),  # to the end of the message
    ],
)
def test_what_a_hole_leaves_of_a_message(
    received: int, due: int, hole: int, expected: tuple[int, int, int, int, tuple[int, ...]]
) -> None:
    rest = rest_of(received, due, hole)
    assert (rest.header, rest.due, rest.left, rest.lost, rest.headers) == expected
    assert received + rest.lost + rest.left == len(VIDEO_FRAME)
    assert rest.lost + len(rest.headers) - rest.header == hole


def test_a_hole_that_reaches_beyond_the_message_leaves_nothing() -> None:
    assert behind(broken_off(28), 100, 688, 128, b"") is None


def test_a_hole_may_end_amid_a_header() -> None:
    rest = behind(broken_off(28), 100, 102, 128, b"\0\1\2\3")
    assert rest is not None
    assert (rest.header, rest.due, rest.header_size) == (3, 128, 5)


@three_feedings
@pytest.mark.parametrize("hole", [50, 101, 230, 687])
def test_a_message_that_was_broken_off_goes_on(cut: Cut, hole: int) -> None:
    received = 28
    stream = talk()[12 + received + hole :]
    rest = rest_of(received, 100, hole)
    found = searched(Search(MEDIA._replace(is_behind_hole=True), [128], BASE, rest), stream, cut)
    assert found == Found(BASE, rest)


@three_feedings
def test_a_message_that_does_not_go_on_is_given_up(cut: Cut) -> None:
    """The hole took the end of it: where its next header should stand, there is none."""
    rest = rest_of(28, 100, 101)
    stream = NOISE + talk()
    assert searched(Search(MEDIA, [128], BASE, rest), stream, cut) == Found(BASE + len(NOISE))


def test_where_nothing_speaks_against_it_a_message_goes_on_at_the_end() -> None:
    rest = rest_of(28, 100, 40)
    search = Search(MEDIA, [128], BASE, rest)
    assert search.look(b"-" * 20, BASE, ending=False) is None
    assert search.look(b"-" * 20, BASE, ending=True) == Found(BASE, rest)
