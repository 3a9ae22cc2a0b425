"""Times for a file: they begin at 0, keep differences, and go on where timestamps wrap or jump."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.analysis.timeline import MOST_AHEAD, MOST_BACK, Timeline

AUDIO, VIDEO = 8, 9
MS = 1_000_000  # in ns


def times(*timestamps: int, kind: int = VIDEO, step: int = 40) -> tuple[list[int], int]:
    """The times of frames of one kind, `step` ms of capture apart, and how often they jumped."""
    timeline = Timeline(timestamps[0], 0)
    return [timeline.frame(kind, one % 2**32, at * step * MS) for at, one in enumerate(timestamps)], timeline.jumps


def test_the_first_frame_is_at_0() -> None:
    assert times(5_000_000, 5_000_040, 5_000_080) == ([0, 40, 80], 0)


@pytest.mark.parametrize("modulus", [2**31, 2**32])
def test_time_goes_on_where_timestamps_wrap(modulus: int) -> None:
    stamps = [(modulus - 50 + 40 * number) % modulus for number in range(6)]
    assert times(*stamps) == ([0, 40, 80, 120, 160, 200], 0)


def test_time_passes_2_to_the_31_without_a_step() -> None:
    assert times(2**31 - 60, 2**31 - 20, 2**31 + 20, 2**31 + 60) == ([0, 40, 80, 120], 0)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, MOST_AHEAD), max_size=40))
def test_differences_stay_what_they_are(start: int, steps: list[int]) -> None:
    stamps, expected = [start], [0]
    for step in steps:
        stamps.append(stamps[-1] + step)
        expected.append(expected[-1] + step)
    assert times(*stamps, step=0) == (expected, 0)


@pytest.mark.parametrize("after", [0, 3_000_000, 60_000 - MOST_BACK - 40])
def test_a_jump_takes_the_time_that_went_by(after: int) -> None:
    assert times(60_000, 60_040, after, after + 40) == ([0, 40, 80, 120], 1)


def test_a_jump_after_a_long_silence_takes_ten_seconds() -> None:
    assert times(60_000, 60_040, 0, step=50_000)[0] == [0, 40, 40 + MOST_AHEAD]


def test_a_jump_at_once_moves_on_all_the_same() -> None:
    assert times(60_000, 0, 40, step=0)[0] == [0, 1, 41]


def test_a_silence_that_the_capture_saw_is_no_jump() -> None:
    assert times(0, 40, 60_000, step=60_000) == ([0, 40, 60_000], 0)


def test_frames_a_little_out_of_order_stay_so() -> None:
    assert times(100, 140, 130, 180) == ([0, 40, 30, 80], 0)


def test_audio_and_video_stay_together_over_a_jump() -> None:
    timeline = Timeline(50_000, 0)
    assert timeline.frame(VIDEO, 50_000, 0) == 0
    assert timeline.frame(AUDIO, 50_010, 10 * MS) == 10
    assert timeline.frame(VIDEO, 0, 40 * MS) == 40  # 30 ms after the latest frame
    assert timeline.frame(AUDIO, 50_033, 41 * MS) == 33  # one that belongs to the time before
    assert timeline.frame(AUDIO, 15, 55 * MS) == 55
    assert timeline.frame(VIDEO, 40, 80 * MS) == 80
    assert timeline.jumps == 1


def test_audio_and_video_with_clocks_of_their_own_keep_them() -> None:
    timeline = Timeline(0, 0)
    told = []
    for number in range(5):
        told.append(timeline.frame(VIDEO, number * 40, number * 40 * MS))
        told.append(timeline.frame(AUDIO, 900_000 + number * 40, (number * 40 + 20) * MS))
    assert told == [0, 20, 40, 60, 80, 100, 120, 140, 160, 180]
    assert timeline.jumps == 1


def test_a_frame_of_the_other_kind_may_come_from_before() -> None:
    timeline = Timeline(1000, 0)
    assert [timeline.frame(VIDEO, 1000, 0), timeline.frame(AUDIO, 900, 0), timeline.frame(AUDIO, 1020, 0)] == [0, 0, 20]


def test_what_is_no_frame_moves_nothing() -> None:
    timeline = Timeline(50_000, 0)
    assert timeline.beside(VIDEO, 50_000) == 0
    assert timeline.beside(AUDIO, 0) == 0
    timeline.frame(VIDEO, 50_000, 0)
    timeline.frame(VIDEO, 50_200, 0)
    assert timeline.beside(18, 0) == 200
    assert timeline.beside(18, 50_150) == 150
    assert timeline.beside(VIDEO, 80_000) == 200
    assert (timeline.latest, timeline.jumps) == (200, 0)


@given(st.lists(st.tuples(st.sampled_from([AUDIO, VIDEO]), st.integers(0, 2**32 - 1), st.integers(0, 10**12))))
def test_whatever_comes_time_never_goes_far_back(frames: list[tuple[int, int, int]]) -> None:
    timeline = Timeline(0, 0)
    last: dict[int, int] = {}
    for kind, timestamp, time in frames:
        before = timeline.latest
        at = timeline.frame(kind, timestamp, time)
        assert at >= max(last.get(kind, 0) - MOST_BACK, 0)
        assert at - before <= MOST_AHEAD + 10**12 // MS
        last[kind] = at
