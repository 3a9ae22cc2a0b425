from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor, Malformed, Truncated
from rtmpsniff.payload.codecs.flash_video import Size, screen_video, screen_video_2, sorenson, vp6, vp6_alpha
from tests.payload.codecs.test_bits import packed

START = f"{1:017b}{1:05b}{7:08b}"


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("000" + f"{160:08b}{90:08b}", Size(160, 90)),
        ("001" + f"{1000:016b}{562:016b}", Size(1000, 562)),
        ("010", Size(352, 288)),
        ("011", Size(176, 144)),
        ("100", Size(128, 96)),
        ("101", Size(320, 240)),
        ("110", Size(160, 120)),
        ("111", None),
    ],
)
def test_sorenson(size: str, expected: Size | None) -> None:
    read = Cursor(packed(START + size + "10" + "1" + f"{5:05b}") + b"\xff")
    assert sorenson(read) == expected
    (group,) = read.fields
    assert group.label == ("disposable inter" + (f", {expected.width}x{expected.height}" if expected else ""))
    assert {field.name: field.value for field in group.children}["TemporalReference"] == 7
    assert read.left == 1


def test_a_captured_sorenson_frame() -> None:
    """The beginning of a key frame of 160x90 pixels by FFmpeg."""
    assert sorenson(Cursor(bytes.fromhex("00008400502d119e72aa"))) == Size(160, 90)


@pytest.mark.parametrize("data", ["000100", "00", ""])
def test_no_sorenson_frame(data: str) -> None:
    read = Cursor(bytes.fromhex(data))
    with pytest.raises(Malformed, match="no start code"):
        sorenson(read)
    assert read.position == 0


def test_screen_video() -> None:
    read = Cursor(bytes.fromhex("30a0 3078 0100"))
    assert screen_video(read) == Size(160, 120)
    assert [field.label for field in read.fields[0].children] == ["3 (64 pixels)", "160", "3 (64 pixels)", "120"]
    assert read.position == 4


def test_screen_video_2() -> None:
    read = Cursor(bytes.fromhex("30a0 3078 0300"))
    assert screen_video_2(read) == Size(160, 120)
    assert [(field.name, field.value) for field in read.fields[0].children[-2:]] == [
        ("HasIFrameImage", 1),
        ("HasPaletteInfo", 1),
    ]
    assert read.position == 5


@pytest.mark.parametrize(
    ("data", "size"),
    [
        ("ac 6e 46 161d161d 3f", Size(454, 340)),  # captured: 464x352, less 10 and 12
        ("00 6f 46 0011 0f14 0f14", Size(320, 240)),  # coefficients apart, so an offset stands before the size
        ("00 6e 40 0011 0f14 0f14", Size(320, 240)),  # and so it does in the simple profile
        ("ff 6e 46 0000 0000", Size(0, 0)),
        ("00 ee 46", None),  # an inter frame
        ("00", None),
    ],
)
def test_vp6(data: str, size: Size | None) -> None:
    assert vp6(Cursor(bytes.fromhex(data))) == size
    assert vp6_alpha(Cursor(bytes.fromhex(data[:2] + "000010" + data[2:]))) == size


def test_vp6_that_breaks_off() -> None:
    with pytest.raises(Malformed, match="rows to show needs 8 bits, has 0"):
        vp6(Cursor(bytes.fromhex("00 6e 46 0f14")))
    with pytest.raises(Truncated):
        vp6_alpha(Cursor(bytes.fromhex("00 0000")))
