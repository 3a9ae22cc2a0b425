"""How a person says what sound is: rates, channels, bit rates. Common words for all audio codecs."""

from __future__ import annotations

from typing import Final, TypeAlias

Sound: TypeAlias = "tuple[int | None, int | None, int | None]"  # rate (Hz), sample size (bits), channels, where said

# What so many channels usually are, where a codec says no more: the defaults of AAC, Opus, FLAC and AC-3 agree so far.
LAYOUTS: Final = {1: "mono", 2: "stereo"}


def kilohertz(rate: float) -> str:
    """44100 as `44.1 kHz`."""
    return f"{rate / 1000:g} kHz"


def kilobits(rate: float) -> str:
    """128000 as `128 kbit/s`."""
    return f"{rate / 1000:g} kbit/s"


def channel_words(channels: int | None, layout: str | None = None) -> str:
    """`stereo`, `5.1` where the layout has a name, `3 channels` where it has none; nothing where nothing is known."""
    if layout is None and channels is not None:
        layout = LAYOUTS.get(channels) or f"{channels} channels"
    return layout or ""


def sound(*, bit_rate: float | None = None, rate: float | None, channels: int | None, layout: str | None = None) -> str:
    """`128 kbit/s 44.1 kHz stereo`, as far as it is known."""
    words = [kilobits(bit_rate) if bit_rate else "", kilohertz(rate) if rate else "", channel_words(channels, layout)]
    return " ".join(filter(None, words))
