"""MPEG audio (ISO/IEC 11172-3, 13818-3; 2.5 is nobody's standard): the header of a frame. MP3 is its layer III."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rtmpsniff.fields import Cursor, Field, Role
from rtmpsniff.payload.codecs.bits import Bits
from rtmpsniff.payload.codecs.sound import Sound, sound
from rtmpsniff.payload.media import moved

HEADER_SIZE: Final = 4

_VERSIONS: Final = {0: "2.5", 2: "2", 3: "1"}
_LAYERS: Final = {1: 3, 2: 2, 3: 1}
_MODES: Final = {0: "stereo", 1: "joint_stereo", 2: "dual_channel", 3: "mono"}
_EMPHASES: Final = {0: "none", 1: "50/15 us", 3: "CCITT J.17"}

_FIRST: Final = (  # kbit/s of version 1, by layer and bit rate index; index 0 is free, 15 forbidden
    (),
    (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
)
_SECOND: Final = (  # of versions 2 and 2.5
    (),
    (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_RATES: Final = {"1": (44_100, 48_000, 32_000), "2": (22_050, 24_000, 16_000), "2.5": (11_025, 12_000, 8_000)}


@dataclass(frozen=True, slots=True)
class MpegAudioFrame:
    """What the header of one frame says.

    `version` is "1", "2" or "2.5". `bit_rate` (bit/s) and `size` (bytes, header and all) are None in a free format,
    which no index names. `samples` counts those of each channel in this frame.
    """

    version: str
    layer: int
    bit_rate: int | None
    rate: int
    channels: int
    mode: str
    samples: int
    size: int | None

    @property
    def sound(self) -> Sound:
        return self.rate, None, self.channels

    @property
    def text(self) -> str:
        """In a person's words: `128 kbit/s 44.1 kHz stereo`."""
        return sound(bit_rate=self.bit_rate, rate=self.rate, channels=self.channels)


def frame_header(read: Cursor) -> MpegAudioFrame | None:
    """Read the header where one stands; None, and nothing is read, where there is none."""
    start = read.position
    found = _header(read.data[start : min(start + HEADER_SIZE, read.end)], start)
    if found is None:
        return None
    read.position = start + HEADER_SIZE
    read.fields.append(found[1])
    return found[0]


# A stream has few different headers: each is taken apart once and not once a message, which takes ten times as long.


@lru_cache(maxsize=256)
def _header(data: bytes, start: int) -> tuple[MpegAudioFrame, Field] | None:
    """The frame and the field of its header, which stands at `start`; None where the bytes are no header."""
    if len(data) < HEADER_SIZE or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    read = Cursor(data)
    bits = Bits(read)
    bits.unsigned("frame sync", 11, label="{:#05x}")
    version = _VERSIONS.get(bits.unsigned("version", 2, {key: f"MPEG {name}" for key, name in _VERSIONS.items()}))
    layer = _LAYERS.get(bits.unsigned("layer", 2, {key: "I" * layer for key, layer in _LAYERS.items()}))
    bits.flag("protection", {0: "CRC", 1: "none"})
    if version is None or layer is None:
        return None
    rates = (_FIRST if version == "1" else _SECOND)[layer]
    index = bits.unsigned("bit rate index", 4, lambda value: f"{rates[value - 1]} kbit/s" if 0 < value < 15 else "")
    frequency = bits.unsigned("sampling frequency", 2, {key: f"{rate} Hz" for key, rate in enumerate(_RATES[version])})
    if index == 15 or frequency == 3:
        return None
    rate = _RATES[version][frequency]
    padding = bits.unsigned("padding", 1)
    bits.unsigned("private bit", 1)
    mode = bits.unsigned("mode", 2, _MODES)
    bits.unsigned("mode extension", 2)
    bits.flag("copyright")
    bits.flag("original")
    bits.unsigned("emphasis", 2, _EMPHASES)
    samples = 384 if layer == 1 else 576 if layer == 3 and version != "1" else 1152
    bit_rate = 1000 * rates[index - 1] if index else None
    frame = MpegAudioFrame(
        version,
        layer,
        bit_rate,
        rate,
        1 if mode == 3 else 2,
        _MODES[mode],
        samples,
        None if bit_rate is None else _size(layer, samples, bit_rate, rate, padding),
    )
    children = tuple(moved(read.fields, start))
    return frame, Field(
        "frame header", start, start + HEADER_SIZE, None, frame.text, Role.MEDIA_HEADER, children=children
    )


def _size(layer: int, samples: int, bit_rate: int, rate: int, padding: int) -> int:
    """Layer I counts in slots of four bytes, and pads with one of them."""
    slot = 4 if layer == 1 else 1
    return (samples // 8 // slot * bit_rate // rate + padding) * slot
