"""What is known of the chunk size, and how it is found out."""

from __future__ import annotations

import pytest

from rtmpsniff.findings import CAPTURE_QUALITY, CHUNK_DESYNC, Severity
from rtmpsniff.rtmp.evidence import Inherited
from rtmpsniff.rtmp.sizes import ANY_LENGTH, DEFAULT_CHUNK_SIZE, USUAL, ChunkSize, Reason, Told
from rtmpsniff.rtmp.trails import Begun
from tests.build import ChunkWriter, audio_frame, video_frame
from tests.rtmp.test_candidates import AUDIO, VIDEO
from tests.rtmp.test_evidence import NOTHING

FRAME = video_frame(1, 3000)
BEGUN = Begun(6, Inherited(VIDEO, len(FRAME), FRAME[0], 0))


def talk(chunk_size: int, frame: bytes = FRAME) -> bytes:
    """A video message without its header, and audio behind it."""
    writer = ChunkWriter(chunk_size)
    video = b"".join(writer.message(6, VIDEO, 1, 1000, frame))
    audio = [b"".join(writer.message(4, AUDIO, 1, 1000 + 20 * number, audio_frame(number, 90))) for number in range(3)]
    return video[12:] + b"".join(audio)


def settled(size: ChunkSize, data: bytes, begun: Begun = BEGUN, *, ending: bool = False) -> tuple[int, Told | None]:
    return size.settle(NOTHING, begun, b"", data, 0, ending)


def test_at_first_it_is_certain() -> None:
    size = ChunkSize()
    assert (size.size, size.proven, size.possible) == (DEFAULT_CHUNK_SIZE, ANY_LENGTH, (DEFAULT_CHUNK_SIZE,))


def test_a_size_that_the_user_states_is_certain() -> None:
    size = ChunkSize()
    size.state(4096)
    assert (size.size, size.proven, size.possible) == (4096, ANY_LENGTH, (4096,))


def test_a_size_that_was_announced_has_yet_to_be_seen() -> None:
    size = ChunkSize()
    size.announce(4096)
    assert (size.size, size.proven, set(size.possible)) == (4096, 128, {128, 4096})
    assert settled(size, talk(4096)) == (0, None)
    assert (size.size, size.proven, size.in_use) == (4096, ANY_LENGTH, True)


def test_a_size_that_is_announced_and_not_used() -> None:
    size = ChunkSize()
    size.announce(2000)
    wanted, told = settled(size, talk(128))
    assert (wanted, size.size) == (0, 128)
    assert told == (CHUNK_DESYNC, Severity.ERROR, "chunks of 128 bytes, although a chunk size of 2000 was set")


def test_size_0_changes_nothing() -> None:
    size = ChunkSize()
    size.announce(0)
    assert (size.size, size.proven) == (128, ANY_LENGTH)


@pytest.mark.parametrize("used", [128, 512, 1000, 2048])
def test_a_size_that_was_not_seen_is_found_by_the_distance_of_headers(used: int) -> None:
    size = ChunkSize()
    size.forget(Reason.LATE)
    wanted, told = settled(size, talk(used))
    assert (wanted, size.size, size.possible, size.doubt) == (0, used, (used,), None)
    assert told is not None
    assert told.rule is CAPTURE_QUALITY
    assert told.title == f"chunk size not seen (the capture began late): by the distance of headers it is {used}"


def test_a_size_that_nobody_announces_needs_more_headers() -> None:
    size = ChunkSize()
    size.forget(Reason.LATE)
    settled(size, talk(333))
    assert size.size == 333


def test_a_size_that_changes_without_a_word() -> None:
    size = ChunkSize()
    size.forget(Reason.DESYNC)
    told = settled(size, talk(1024))[1]
    assert told is not None
    assert (told.rule, told.severity) == (CHUNK_DESYNC, Severity.ERROR)
    assert told.title == "chunks of 1024 bytes from here on, although no such chunk size was set"


def test_a_message_that_is_not_cut_proves_that_it_is_at_least_as_long() -> None:
    size = ChunkSize()
    size.forget(Reason.LATE)
    assert settled(size, talk(65536)) == (0, None)
    assert size.proven == len(FRAME)
    assert min(size.possible) >= len(FRAME)
    told = size.conclude()
    assert told is not None
    assert told.title.endswith(f"it is at least {len(FRAME)}, as long as a message not cut")


def test_nothing_is_concluded_where_nothing_was_in_doubt() -> None:
    assert ChunkSize().conclude() is None


@pytest.mark.parametrize("size", [1, 128, 600, 3000])
def test_an_answer_waits_for_the_bytes_that_it_needs(size: int) -> None:
    """And does not change with more of them."""
    data = talk(512)
    part = ChunkSize()
    part.forget(Reason.LATE)
    wanted, told = settled(part, data[:size])
    assert size < wanted <= len(data)
    assert told is None
    assert part.size == 128
    while wanted:
        size = wanted
        wanted, told = settled(part, data[:size])
    assert part.size == 512


def test_where_nothing_tells_it_stays_as_it_was() -> None:
    size = ChunkSize()
    size.announce(4096)
    size.lose()
    assert settled(size, FRAME[:30], ending=True) == (0, None)
    assert size.size == 4096


def test_what_was_in_use_is_not_forgotten_in_a_hole() -> None:
    size = ChunkSize()
    size.in_use = True
    size.lose()
    assert size.doubt is None
    size.in_use = False
    size.lose()
    assert size.doubt is Reason.LOST
    assert set(size.possible) == set(USUAL)
    assert "or another" in repr(size)
