from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor, Malformed
from rtmpsniff.payload.codecs.configuration import Configuration
from rtmpsniff.payload.codecs.vpx import decoder_configuration, level_name, vp8_frame, vp9_frame
from tests.payload.codecs.test_bits import packed


def configured(record: str) -> tuple[Configuration, Cursor]:
    read, found = Cursor(bytes.fromhex(record)), Configuration()
    decoder_configuration(read, found, [])
    return found, read


@pytest.mark.parametrize("before", ["", "01000000"])
def test_records_with_and_without_the_head_of_their_box(before: str) -> None:
    found, read = configured(f"{before}02 1f a7 09 10 09 0000")
    assert found.text == "profile 2 3.1, 10 bit, 4:4:4, PQ"
    assert (found.full_range, found.primaries, found.matrix) == (True, "bt2020", "bt2020nc")
    assert read.left == 0
    assert (read.fields[0].name == "box version and flags") is bool(before)


def test_a_short_record_that_looks_like_the_head_of_a_box() -> None:
    """Profile 1 with a level and a depth of 0 is odd, but its eight bytes leave no room for a head."""
    found, _ = configured("01 00 00 00 02 02 0000")
    assert found.profile == "profile 1"
    assert found.level is None


def test_data_behind_a_record() -> None:
    _, read = configured("00 14 82 02 02 02 0002 aabb")
    assert (read.fields[-1].name, read.left) == ("codecInitializationData", 0)


def test_levels() -> None:
    assert [level_name(level) for level in (0, 10, 31, 62)] == ["unspecified", "1.0", "3.1", "6.2"]


# VP9

SYNC = f"{0x498342:024b}"
SIZE = f"{319:016b}{239:016b}"


@pytest.mark.parametrize(
    "bits",
    [
        "10" + "00" + "0010" + SYNC + "010" + "0" + SIZE,  # profile 0
        "10" + "10" + "0010" + SYNC + "010" + "0" + "000" + SIZE,  # profile 1, 4:4:4
        "10" + "10" + "0010" + SYNC + "111" + "0" + SIZE,  # profile 1, RGB
        "10" + "01" + "0010" + SYNC + "1" + "010" + "0" + SIZE,  # profile 2
        "10" + "11" + "0" + "0010" + SYNC + "0" + "010" + "0" + "110" + SIZE,  # profile 3
        "10" + "00" + "0011" + SYNC + "111" + SIZE,
    ],
)
def test_vp9_key_frames(bits: str) -> None:
    read = Cursor(b"\xff" + packed(bits), 1)
    assert vp9_frame(read) == (320, 240)
    assert read.fields[0].label == "key frame, 320x240"


@pytest.mark.parametrize(
    "bits",
    [
        "10" + "00" + "0110" + SYNC + "010" + "0" + SIZE,  # inter
        "10" + "00" + "1010" + SYNC,  # one that is shown again
        "11" + "00" + "0010" + SYNC + "010" + "0" + SIZE,  # another marker
        "10" + "00" + "0010" + "0" * 24 + SIZE,  # no sync code
        "10" + "11" + "0" + "0110" + SYNC + SIZE,
        "10",
    ],
)
def test_vp9_frames_without_a_size(bits: str) -> None:
    read = Cursor(packed(bits))
    assert vp9_frame(read) is None
    assert read.fields == []
    assert vp9_frame(Cursor(b"")) is None


def test_a_vp9_frame_that_breaks_off() -> None:
    with pytest.raises(Malformed, match="frame_height_minus_1 needs 16 bits"):
        vp9_frame(Cursor(packed("10" + "00" + "0010" + SYNC + "010" + "0" + SIZE[:16])))


# VP8


def test_vp8_key_frames() -> None:
    read = Cursor(bytes.fromhex("100000 9d012a 4001 f040 ff"))
    assert vp8_frame(read) == (320, 240)
    assert [field.label for field in read.fields[0].children[2:]] == ["320", "240, scaled up by rule 1"]
    assert read.left == 1


@pytest.mark.parametrize("data", ["110000 9d012a 4001 f000", "100000 9d012b 4001 f000", "100000 9d012a 4001", ""])
def test_vp8_frames_without_a_size(data: str) -> None:
    read = Cursor(bytes.fromhex(data))
    assert vp8_frame(read) is None
    assert read.fields == []
