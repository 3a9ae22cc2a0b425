from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor
from rtmpsniff.payload.codecs.speex import SpeexFrames, frames

NARROWBAND = (5, 43, 119, 160, 220, 300, 364, 492, 79)
WIDEBAND = (4, 36, 112, 192, 352)


def made(*modes: tuple[int, int | None], end: str = "") -> bytes:
    """Frames of these modes, each with a layer or without; the rest of the last byte is a terminator."""
    bits = ""
    for mode, layer in modes:
        bits += f"0{mode:04b}".ljust(NARROWBAND[mode], "1")
        bits += "" if layer is None else f"1{layer:03b}".ljust(WIDEBAND[layer], "0")
    bits += end
    bits += "01111111"[: -len(bits) % 8]
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


@pytest.mark.parametrize("mode", range(9))
@pytest.mark.parametrize("layer", [None, 0, 1, 2, 3, 4])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_frames_are_counted(mode: int, layer: int | None, count: int) -> None:
    found = frames(Cursor(made(*[(mode, layer)] * count)))
    bits = NARROWBAND[mode] + (0 if layer is None else WIDEBAND[layer])
    assert found is not None
    if found.frames != count:  # the last one is shorter than a byte, and might as well be padding
        assert bits < 8
    assert found == SpeexFrames(mode, layer, 50 * bits, found.frames)


def test_frames_in_words() -> None:
    one, two = (frames(Cursor(made(*[(6, 3)] * count))) for count in (1, 2))
    assert one is not None
    assert two is not None
    assert (one.text, one.samples) == ("27.8 kbit/s 16 kHz mono", 320)
    assert (two.text, two.samples) == ("27.8 kbit/s 16 kHz mono, 2 frames", 640)


def test_a_terminator_ends_the_frames() -> None:
    found = frames(Cursor(made((3, 1), (3, 1), end="01111" + "0" * 400)))
    assert found is not None
    assert found.frames == 2


@pytest.mark.parametrize("end", ["11111111", "01001111", "01101" + "0" * 60, "00110" + "1" * 60])
def test_who_knows_how_many(end: str) -> None:
    """A layer without a frame, modes that nobody knows, a frame that breaks off: what follows cannot be told."""
    found = frames(Cursor(made((3, 1), end=end)))
    assert found is not None
    assert found == SpeexFrames(3, 1, 50 * 196, None)
    assert found.samples is None
    assert found.text == "9.8 kbit/s 16 kHz mono"


@pytest.mark.parametrize("data", ["", "ff", "78", "48", "30"], ids=["nothing", "layer", "end", "mode", "cut"])
def test_what_is_no_frame_is_not_read(data: str) -> None:
    cursor = Cursor(bytes.fromhex(data))
    assert frames(cursor) is None
    assert cursor.position == 0
    assert cursor.fields == []


def test_the_fields_are_of_the_first_frame() -> None:
    cursor = Cursor(b"\0" + made((6, 3)), 1)
    frames(cursor)
    assert [(field.name, field.label, field.mask, field.start, field.stop) for field in cursor.fields] == [
        ("wideband", "0 no", 0x80, 1, 2),
        ("mode", "6", 0x78, 1, 2),
    ]
    assert cursor.position == 2
