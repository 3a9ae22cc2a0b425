from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor, Malformed, Truncated
from rtmpsniff.payload.codecs.flac import FlacConfiguration, FlacFrame, frame_header, stream_header
from tests.payload.test_bodies import assert_nested, covered

STREAMINFO = "04000400 000000000815 0bb800f000000000" + "00" * 16  # of FFmpeg
CONFIGURATION = FlacConfiguration(48_000, 1, 16, 1024, 1024, None, 2069)


def read(data: str) -> tuple[FlacConfiguration, Cursor]:
    cursor, found = Cursor(bytes.fromhex(data)), FlacConfiguration()
    stream_header(cursor, found, [])
    return found, cursor


@pytest.mark.parametrize(
    "data",
    [
        STREAMINFO,
        "80000022" + STREAMINFO,
        "664c6143 80000022" + STREAMINFO,
        "664c6143 00000022" + STREAMINFO + "04000003 616263 81000000",
    ],
    ids=["STREAMINFO alone", "a block", "as Enhanced RTMP has it", "more blocks"],
)
def test_stream_headers(data: str) -> None:
    found, cursor = read(data)
    assert found == CONFIGURATION
    assert found.text == "48 kHz mono 16 bit"
    assert cursor.left == 0
    assert_nested(tuple(cursor.fields), 0, len(cursor.data))
    assert covered(tuple(cursor.fields)) == len(cursor.data)


def test_stream_info() -> None:
    found, cursor = read("1000 1200 00000e 0012ab 17700770 0012d687" + "ab" * 16)
    assert found == FlacConfiguration(96_000, 4, 24, 4096, 4608, 14, 0x12AB, 1_234_567, "ab" * 16)
    labels = {field.name: field.label for field in cursor.fields}
    assert labels["channels minus 1"] == "3"
    assert labels["bits per sample minus 1"] == "23"
    assert labels["MD5"] == "ab" * 16


def test_a_first_block_of_another_size_is_not_taken_apart() -> None:
    found, cursor = read("80000002 0102")
    assert found == FlacConfiguration()
    assert found.text == ""
    assert cursor.fields[0].label == "STREAMINFO"


def test_headers_that_break_off() -> None:
    with pytest.raises(Truncated):
        read("664c6143 00000022 0400")
    with pytest.raises(Truncated):
        read("664c6143 01000000")
    with pytest.raises(Malformed, match="more than 128 metadata blocks"):
        read("664c6143" + "01000000" * 200)


# Frames

FRAMES = [
    ("fff8aa0800ed", "48 kHz mono 16 bit", FlacFrame(48_000, 1, 16, 1024)),
    ("fff8c99c00ed", "44.1 kHz stereo 24 bit", FlacFrame(44_100, 2, 24, 4096)),
    ("fff850ae7fed", "stereo 32 bit", FlacFrame(None, 2, 32, 4608)),
    ("fff9 17 50 fe8fbfbfbfbfbf ed", "24 kHz 6 channels", FlacFrame(24_000, 6, None, 192)),
    ("fff86c0800 9f 60 ed", "96 kHz mono 16 bit", FlacFrame(96_000, 1, 16, 160)),
    ("fff87d08c280 ffff ac44 ed", "44.1 kHz mono 16 bit", FlacFrame(44_100, 1, 16, 65_536)),
    ("fff87e08c280 009f 0c35 ed", "31.25 kHz mono 16 bit", FlacFrame(31_250, 1, 16, 160)),
]


@pytest.mark.parametrize(("data", "text", "frame"), FRAMES, ids=[case[0] for case in FRAMES])
def test_frames(data: str, text: str, frame: FlacFrame) -> None:
    for start in (0, 5):
        cursor = Cursor(bytes(start) + bytes.fromhex(data), start)
        found = frame_header(cursor)
        assert found == frame
        assert found is not None
        assert found.text == text
        (group,) = cursor.fields
        assert (group.label, group.start, group.stop) == (text, start, len(cursor.data))
        assert cursor.left == 0
        assert_nested(group.children, start, len(cursor.data))


@pytest.mark.parametrize(
    ("data", "name", "number"),
    [
        ("fff8aa08 7f ed", "frame number", 127),
        ("fff8aa08 c280 ed", "frame number", 128),
        ("fff8aa08 dfbf ed", "frame number", 0x7FF),
        ("fff9aa08 e08080 ed", "sample number", 0),
        ("fff9aa08 f7bfbfbf ed", "sample number", 0x1FFFFF),
        ("fff9aa08 febfbfbfbfbfbf ed", "sample number", 2**36 - 1),
    ],
)
def test_coded_numbers(data: str, name: str, number: int) -> None:
    cursor = Cursor(bytes.fromhex(data))
    frame_header(cursor)
    (field,) = [field for field in cursor.fields[0].children if field.name.endswith("number")]
    assert (field.name, field.value) == (name, number)


@pytest.mark.parametrize(
    "data",
    [
        *("", "fff8aa0800", "fffaaa0800ed", "fff80a0800ed", "fff8af0800ed", "fff8aab800ed", "fff8aa0900ed"),
        *("fff8aa0880ed", "fff8aa08ffed", "fff8aa08c2ed", "fff86c0800ed"),
    ],
    ids=[
        "nothing",
        "short",
        "sync",
        "block size",
        "rate",
        "channels",
        "reserved",
        "number",
        "number",
        "cut",
        "no size",
    ],
)
def test_what_is_no_frame_is_not_read(data: str) -> None:
    cursor = Cursor(bytes.fromhex(data))
    assert frame_header(cursor) is None
    assert cursor.position == 0
    assert cursor.fields == []
