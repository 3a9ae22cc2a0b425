from __future__ import annotations

from dataclasses import replace

import pytest

from rtmpsniff.fields import Cursor
from rtmpsniff.payload.codecs.bits import Bits
from rtmpsniff.payload.codecs.configuration import (
    MATRICES,
    PRIMARIES,
    TRANSFERS,
    Configuration,
    cropping,
    picture_looks,
    timing,
)
from tests.payload.codecs.test_bits import golomb, packed

USUAL = Configuration(
    profile="Main", level="3.1", tier="main", width=1280, height=720, frame_rate=30, chroma="4:2:0", bit_depth=8
)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Configuration(), ""),
        (Configuration(profile="High"), "High"),
        (Configuration(level="1b", width=1, height=2), "1b, 1x2"),
        (Configuration(width=1), ""),
        (Configuration(frame_rate=25), "25 fps"),
        (USUAL, "Main 3.1, 1280x720 30 fps"),
        (replace(USUAL, frame_rate=60_000 / 1001), "Main 3.1, 1280x720 59.94 fps"),
        (replace(USUAL, frame_rate=23.976, tier="high"), "Main 3.1 high tier, 1280x720 23.976 fps"),
        (
            replace(USUAL, interlaced=True, bit_depth=10, chroma="4:2:2"),
            "Main 3.1, 1280x720 30 fps, interlaced, 10 bit, 4:2:2",
        ),
        (replace(USUAL, transfer="smpte2084"), "Main 3.1, 1280x720 30 fps, PQ"),
        (replace(USUAL, transfer="arib-std-b67"), "Main 3.1, 1280x720 30 fps, HLG"),
        (replace(USUAL, transfer="bt709"), "Main 3.1, 1280x720 30 fps"),
    ],
)
def test_in_words(found: Configuration, text: str) -> None:
    assert found.text == text


def looks(bits: str) -> Configuration:
    found = Configuration()
    picture_looks(Bits(Cursor(packed(bits))), found)
    return found


@pytest.mark.parametrize(
    ("bits", "ratio"),
    [
        ("1" + f"{1:08b}" + "000", "1:1"),
        ("1" + f"{13:08b}" + "000", "160:99"),
        ("1" + f"{16:08b}" + "000", "2:1"),
        ("1" + f"{0:08b}" + "000", None),
        ("1" + f"{17:08b}" + "000", None),
        ("1" + f"{255:08b}{7:016b}{5:016b}" + "000", "7:5"),
        ("1" + f"{255:08b}{7:016b}{0:016b}" + "000", None),
    ],
)
def test_shapes_of_samples(bits: str, ratio: str | None) -> None:
    assert looks(bits).sample_aspect_ratio == ratio


def test_colors() -> None:
    found = looks("0" + "11" + "1" + "101" + "1" + "1" + f"{9:08b}{16:08b}{9:08b}" + "1" + golomb(2) + golomb(2))
    assert (found.full_range, found.primaries, found.transfer, found.matrix) == (
        True,
        "bt2020",
        "smpte2084",
        "bt2020nc",
    )
    plain = looks("00" + "1" + "101" + "0" + "0" + "0")
    assert (plain.full_range, plain.primaries) == (False, None)


@pytest.mark.parametrize("names", [PRIMARIES, TRANSFERS, MATRICES])
def test_color_names_are_one_to_one(names: dict[int, str]) -> None:
    """They are what FFmpeg calls them; a few stand for two curves there."""
    assert len(set(names.values())) == len(names)
    assert names[1] == "bt709"
    assert names[2] == "unspecified"


@pytest.mark.parametrize(
    ("units", "scale", "ticks", "rate"),
    [(1, 50, 2, 25), (1001, 60_000, 1, 60_000 / 1001), (0, 50, 2, None), (1, 0, 2, None)],
)
def test_rates(units: int, scale: int, ticks: int, rate: float | None) -> None:
    assert timing(Bits(Cursor(packed(f"{units:032b}{scale:032b}"))), ticks=ticks) == rate


def test_cropping_is_in_units() -> None:
    read = Cursor(packed("".join(map(golomb, (1, 2, 0, 4)))))
    assert cropping(Bits(read), "crop_", 2, 4) == (6, 16)
    assert [field.label for field in read.fields] == ["1 (2 pixels)", "2 (4 pixels)", "0", "4 (16 pixels)"]
