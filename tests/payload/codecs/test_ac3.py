from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor
from rtmpsniff.payload.codecs.ac3 import Ac3Frame, frame_header
from tests.payload.test_bodies import assert_nested


def read(data: str) -> Ac3Frame | None:
    return frame_header(Cursor(bytes.fromhex(data)))


def ac3(rate: int, size: int, mode: str, identification: int = 8) -> str:
    """A frame from its synchronization word on; `mode` is in bits, from the coding mode on."""
    return f"0b77 0000 {rate << 6 | size:02x} {identification << 3:02x} {int(mode.ljust(8, '0'), 2):02x} 00"


def e_ac3(stream: str, size: int, rest: str, identification: int = 16) -> str:
    """Likewise; `stream` are the type and the number of the substream, `rest` the bits from the rate on."""
    return f"0b77 {int(stream, 2) << 11 | size:04x} {int(rest, 2):02x} {identification << 3:02x} 0000"


FRAMES = [
    ("captured", "0b77480d0c402f84", "96 kbit/s 48 kHz mono", Ac3Frame(8, 96_000, 48_000, 1, "mono", 1536, 384)),
    (
        "5.1",
        ac3(0, 30, "111 01 01 1".replace(" ", "")),
        "448 kbit/s 48 kHz 5.1",
        Ac3Frame(8, 448_000, 48_000, 6, "5.1", 1536, 1792),
    ),
    ("3/0", ac3(0, 20, "011000"), "192 kbit/s 48 kHz 3.0", Ac3Frame(8, 192_000, 48_000, 3, "3.0", 1536, 768)),
    (
        "stereo",
        ac3(1, 20, "010000"),
        "192 kbit/s 44.1 kHz stereo",
        Ac3Frame(8, 192_000, 44_100, 2, "stereo", 1536, 834),
    ),
    (
        "a word more",
        ac3(1, 21, "010000"),
        "192 kbit/s 44.1 kHz stereo",
        Ac3Frame(8, 192_000, 44_100, 2, "stereo", 1536, 836),
    ),
    (
        "2/2 with LFE",
        ac3(2, 36, "110001"),
        "640 kbit/s 32 kHz 2/2.1",
        Ac3Frame(8, 640_000, 32_000, 5, "2/2.1", 1536, 3840),
    ),
    (
        "dual mono",
        ac3(0, 0, "0000"),
        "32 kbit/s 48 kHz dual mono",
        Ac3Frame(8, 32_000, 48_000, 2, "dual mono", 1536, 128),
    ),
    ("half a rate", ac3(0, 12, "0010", 9), "48 kbit/s 24 kHz mono", Ac3Frame(9, 48_000, 24_000, 1, "mono", 1536, 384)),
    (
        "E-AC-3, captured",
        "0b7700bf3287c000",
        "96 kbit/s 48 kHz mono",
        Ac3Frame(16, 96_000, 48_000, 1, "mono", 1536, 384, "independent", 0),
    ),
    (
        "E-AC-3, dependent",
        e_ac3("01010", 255, "00111111"),
        "128 kbit/s 48 kHz 5.1",
        Ac3Frame(16, 128_000, 48_000, 6, "5.1", 1536, 512, "dependent", 2),
    ),
    (
        "E-AC-3, one block",
        e_ac3("00000", 63, "00000100"),
        "192 kbit/s 48 kHz stereo",
        Ac3Frame(16, 192_000, 48_000, 2, "stereo", 256, 128, "independent", 0),
    ),
    (
        "E-AC-3, half a rate",
        e_ac3("10000", 127, "11000100", 11),
        "32 kbit/s 24 kHz stereo",
        Ac3Frame(11, 32_000, 24_000, 2, "stereo", 1536, 256, "converted from AC-3", 0),
    ),
]


@pytest.mark.parametrize(("data", "text", "frame"), [case[1:] for case in FRAMES], ids=[case[0] for case in FRAMES])
def test_frames(data: str, text: str, frame: Ac3Frame) -> None:
    found = read(data)
    assert found == frame
    assert found is not None
    assert found.text == text


@pytest.mark.parametrize(
    "data",
    [
        "",
        "0b77480d0c40",
        "770b480d0c402f84",
        ac3(3, 0, "0010"),
        ac3(0, 38, "0010"),
        e_ac3("11000", 63, "00000100"),
        e_ac3("00000", 63, "11110100"),
        e_ac3("00000", 63, "00000100", 17),
    ],
    ids=["nothing", "short", "byte order", "rate", "frame size", "stream type", "half a rate", "bitstream id"],
)
def test_what_is_no_frame_is_not_read(data: str) -> None:
    cursor = Cursor(bytes.fromhex(data))
    assert frame_header(cursor) is None
    assert cursor.position == 0
    assert cursor.fields == []


@pytest.mark.parametrize("start", [0, 5, 9])
def test_the_fields_stand_where_the_header_stands(start: int) -> None:
    for data, stop in (("0b77480d0c402f84", 7), ("0b7700bf3287c000", 6)):
        cursor = Cursor(bytes(start) + bytes.fromhex(data), start)
        frame_header(cursor)
        (group,) = cursor.fields
        assert (group.name, group.label, group.start, group.stop) == (
            "frame header",
            "96 kbit/s 48 kHz mono",
            start,
            start + stop,
        )
        assert_nested(group.children, start, start + stop)
        assert cursor.position == start + stop
        labels = {field.name: field.label for field in group.children}
        assert labels["syncword"] == "0x0b77"
        assert labels["coding mode"] == "1 1/0 mono"
    assert labels["frame size"] == "191 (384 bytes)"
    assert labels["blocks"] == "3 6 blocks"
