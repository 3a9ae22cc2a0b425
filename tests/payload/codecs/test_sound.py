from __future__ import annotations

import pytest

from rtmpsniff.payload.codecs.sound import channel_words, kilobits, kilohertz, sound


def test_rates() -> None:
    assert [kilohertz(rate) for rate in (5_512, 8_000, 11_025, 44_100, 192_000)] == [
        "5.512 kHz",
        "8 kHz",
        "11.025 kHz",
        "44.1 kHz",
        "192 kHz",
    ]
    assert [kilobits(rate) for rate in (128_000, 27_800)] == ["128 kbit/s", "27.8 kbit/s"]


@pytest.mark.parametrize(
    ("channels", "layout", "words"),
    [(1, None, "mono"), (2, None, "stereo"), (3, None, "3 channels"), (6, "5.1", "5.1"), (None, None, "")],
)
def test_channels(channels: int | None, layout: str | None, words: str) -> None:
    assert channel_words(channels, layout) == words


def test_what_is_not_known_is_left_out() -> None:
    assert sound(bit_rate=128_000, rate=44_100, channels=2) == "128 kbit/s 44.1 kHz stereo"
    assert sound(rate=48_000, channels=None) == "48 kHz"
    assert sound(rate=None, channels=None) == ""
