"""What timestamps add up to, by the specification and by the habits of those who do not keep to it."""

from __future__ import annotations

import pytest

from rtmpsniff.rtmp.chunk import Channel
from rtmpsniff.rtmp.timestamps import Clock, difference


@pytest.mark.parametrize(
    ("later", "earlier", "ms"),
    [
        (0, 0, 0),
        (1, 0, 1),
        (0, 1, -1),
        (0, 0xFFFFFFFF, 1),
        (0xFFFFFFFF, 0, -1),
        (16, 0xFFFFFFF0, 32),
        (0xFFFFFFF0, 16, -32),
        (0x7FFFFFFF, 0, 0x7FFFFFFF),
        (0x80000000, 0, -0x80000000),
        (0, 0x80000001, 0x7FFFFFFF),
    ],
)
def test_time_is_compared_by_serial_distance(later: int, earlier: int, ms: int) -> None:
    assert difference(later, earlier) == ms


def channel_at(clock: Clock, timestamp: int) -> Channel:
    channel = Channel(4)
    clock.state(channel, timestamp)
    return channel


@pytest.mark.parametrize("timestamp", [0, 1, 0xFFFFFF, 0xFFFFFFFF])
def test_format_0_states_the_time(timestamp: int) -> None:
    channel = channel_at(Clock(), timestamp)
    assert (channel.timestamp, channel.certain) == (timestamp, True)


@pytest.mark.parametrize(
    ("before", "delta", "after"), [(0, 0, 0), (1000, 20, 1020), (0xFFFFFFF0, 32, 16), (5, 0xFFFFFE, 0x1000003)]
)
def test_a_delta_is_added(before: int, delta: int, after: int) -> None:
    clock = Clock()
    channel = channel_at(clock, before)
    clock.add(channel, delta, extended=False)
    assert (channel.timestamp, channel.certain) == (after, True)
    clock.repeat(channel)
    assert channel.timestamp == (after + delta) % (1 << 32)


def test_a_delta_to_a_time_that_was_never_stated_is_not_certain() -> None:
    channel, clock = Channel(4), Clock()
    clock.add(channel, 40, extended=False)
    assert (channel.timestamp, channel.certain) == (40, False)


@pytest.mark.parametrize(
    ("before", "value", "after", "absolute"),
    [
        (0, 17_000_000, 17_000_000, False),
        (17_000_000, 17_000_023, 17_000_023, True),
        (17_000_023, 17_000_000, 17_000_000, True),
        (0xFFFFFFF0, 0xFFFFFFFF, 0xFFFFFFFF, True),
        (1, 0x1000000, 0x1000000, True),
        (1, 0x1000001, 0x1000002, False),
        (100, 0x2000000, 0x2000064, False),
        (0x20000000, 0x1000000, 0x21000000, False),
    ],
)
def test_an_extended_delta_near_the_time_is_the_time_itself(
    before: int, value: int, after: int, absolute: bool
) -> None:
    clock = Clock()
    channel = channel_at(clock, before)
    assert clock.add(channel, value, extended=True) is absolute
    assert channel.timestamp == after
    assert channel.delta == (after - before) % (1 << 32)


def test_a_plain_delta_near_the_time_is_a_delta() -> None:
    clock = Clock()
    channel = channel_at(clock, 1000)
    assert not clock.add(channel, 1020, extended=False)
    assert channel.timestamp == 2020


@pytest.mark.parametrize(
    ("stated", "latest", "after", "certain"),
    [
        (26, None, 52, True),
        (26, 26, 52, True),
        (5000, None, 10_000, True),
        (5000, 5000, 5000, False),
        (5000, 9000, 10_000, True),
        (5000, 3001, 5000, False),
        (5000, 2999, 10_000, True),
        (2000, 2000, 4000, True),
        (2001, 2001, 2001, False),
        (0, 0, 0, True),
    ],
)
def test_format_3_after_format_0_doubles_the_time_unless_media_nearby_speak_against_it(
    stated: int, latest: int | None, after: int, certain: bool
) -> None:
    clock = Clock()
    clock.latest = latest
    channel = channel_at(clock, stated)
    clock.repeat(channel)
    assert (channel.timestamp, channel.certain) == (after, certain)


def test_format_3_may_mean_the_same_time() -> None:
    clock = Clock()
    clock.format_3_repeats_time = True
    channel = channel_at(clock, 100)
    clock.repeat(channel)
    assert channel.timestamp == 100
    clock.add(channel, 23, extended=False)
    clock.repeat(channel)
    assert channel.timestamp == 123


def test_format_3_repeats_a_delta_however_far_the_media_are() -> None:
    clock = Clock()
    clock.latest = 0
    channel = channel_at(clock, 0)
    clock.add(channel, 50_000, extended=False)
    clock.repeat(channel)
    assert (channel.timestamp, channel.certain) == (100_000, True)
