from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor
from rtmpsniff.payload.codecs.mpeg_audio import MpegAudioFrame, frame_header
from tests.payload.test_bodies import assert_nested


def read(data: str, start: int = 0) -> MpegAudioFrame | None:
    return frame_header(Cursor(bytes.fromhex(data), start))


HEADERS = [
    ("fffb9064", "128 kbit/s 44.1 kHz stereo", MpegAudioFrame("1", 3, 128_000, 44_100, 2, "joint_stereo", 1152, 417)),
    ("fffb9264", "128 kbit/s 44.1 kHz stereo", MpegAudioFrame("1", 3, 128_000, 44_100, 2, "joint_stereo", 1152, 418)),
    ("fffbe400", "320 kbit/s 48 kHz stereo", MpegAudioFrame("1", 3, 320_000, 48_000, 2, "stereo", 1152, 960)),
    ("fffa1880", "32 kbit/s 32 kHz stereo", MpegAudioFrame("1", 3, 32_000, 32_000, 2, "dual_channel", 1152, 144)),
    ("fff340c4", "32 kbit/s 22.05 kHz mono", MpegAudioFrame("2", 3, 32_000, 22_050, 1, "mono", 576, 104)),
    ("fff318c4", "8 kbit/s 16 kHz mono", MpegAudioFrame("2", 3, 8_000, 16_000, 1, "mono", 576, 36)),
    ("ffe384c4", "64 kbit/s 12 kHz mono", MpegAudioFrame("2.5", 3, 64_000, 12_000, 1, "mono", 576, 384)),
    ("ffe318c4", "8 kbit/s 8 kHz mono", MpegAudioFrame("2.5", 3, 8_000, 8_000, 1, "mono", 576, 72)),
    ("fffd8404", "128 kbit/s 48 kHz stereo", MpegAudioFrame("1", 2, 128_000, 48_000, 2, "stereo", 1152, 384)),
    ("fff584c4", "64 kbit/s 24 kHz mono", MpegAudioFrame("2", 2, 64_000, 24_000, 1, "mono", 1152, 384)),
    ("ffffc600", "384 kbit/s 48 kHz stereo", MpegAudioFrame("1", 1, 384_000, 48_000, 2, "stereo", 384, 388)),
    ("fff7c8c0", "192 kbit/s 16 kHz mono", MpegAudioFrame("2", 1, 192_000, 16_000, 1, "mono", 384, 576)),
    ("fffb0064", "44.1 kHz stereo", MpegAudioFrame("1", 3, None, 44_100, 2, "joint_stereo", 1152, None)),
]


@pytest.mark.parametrize(("data", "text", "frame"), HEADERS, ids=[case[0] for case in HEADERS])
def test_headers(data: str, text: str, frame: MpegAudioFrame) -> None:
    found = read(data)
    assert found == frame
    assert found is not None
    assert found.text == text


@pytest.mark.parametrize(
    "data",
    ["", "fffb90", "00fb9064", "ff1b9064", "fffbf064", "fffb9c64", "ffeb9064", "fff99064"],
    ids=["nothing", "short", "no sync", "half a sync", "bit rate", "rate", "version", "layer"],
)
def test_what_is_no_header_is_not_read(data: str) -> None:
    cursor = Cursor(bytes.fromhex(data))
    assert frame_header(cursor) is None
    assert cursor.position == 0
    assert cursor.fields == []


def test_the_fields_stand_where_the_header_stands() -> None:
    """The second time it is not read again, and stands elsewhere."""
    for start in (0, 1, 5):
        cursor = Cursor(bytes(start) + bytes.fromhex("fffb9064 00"), start)
        frame_header(cursor)
        (group,) = cursor.fields
        assert (group.name, group.label, group.start, group.stop) == (
            "frame header",
            "128 kbit/s 44.1 kHz stereo",
            start,
            start + 4,
        )
        assert_nested(group.children, start, start + 4)
        assert {field.name: field.label for field in group.children} == {
            "frame sync": "0x7ff",
            "version": "3 MPEG 1",
            "layer": "1 III",
            "protection": "1 none",
            "bit rate index": "9 128 kbit/s",
            "sampling frequency": "0 44100 Hz",
            "padding": "0",
            "private bit": "0",
            "mode": "1 joint_stereo",
            "mode extension": "2",
            "copyright": "0",
            "original": "1",
            "emphasis": "0 none",
        }


def test_a_header_is_not_read_past_the_end_of_its_track() -> None:
    assert frame_header(Cursor(bytes.fromhex("fffb9064"), 0, 3)) is None
