"""FLAC (RFC 9639): the metadata blocks before the frames (8), and the header of a frame (9.1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rtmpsniff.fields import Cursor, Field, Malformed, Role
from rtmpsniff.findings import Finding
from rtmpsniff.payload.codecs.bits import Bits
from rtmpsniff.payload.codecs.sound import Sound, channel_words, sound
from rtmpsniff.payload.media import moved
from rtmpsniff.text import plural

_MAGIC: Final = b"fLaC"
_STREAMINFO: Final = 0
_STREAMINFO_SIZE: Final = 34
_MOST_BLOCKS: Final = 128
_BLOCKS: Final = {
    0: "STREAMINFO",
    1: "PADDING",
    2: "APPLICATION",
    3: "SEEKTABLE",
    4: "VORBIS_COMMENT",
    5: "CUESHEET",
    6: "PICTURE",
}
_YES_NO: Final = {0: "no", 1: "yes"}


@dataclass(slots=True)
class FlacConfiguration:
    """STREAMINFO (8.2): what holds for the whole stream.

    Filled while the record is read; what reading did not reach is None, and so is what is written as 0 for unknown.
    Blocks are counted in samples, frames in bytes, `total_samples` in samples of each channel; `md5` is in hex.
    """

    rate: int | None = None
    channels: int | None = None
    sample_size: int | None = None
    least_block: int | None = None
    most_block: int | None = None
    least_frame: int | None = None
    most_frame: int | None = None
    total_samples: int | None = None
    md5: str | None = None

    @property
    def sound(self) -> Sound:
        return self.rate, self.sample_size, self.channels

    @property
    def text(self) -> str:
        """In a person's words: `48 kHz stereo 24 bit`."""
        return _text(self.rate, self.channels, self.sample_size)


def _text(rate: int | None, channels: int | None, sample_size: int | None) -> str:
    known = sound(rate=rate, channels=channels)
    return f"{known} {sample_size} bit".strip() if sample_size else known


def stream_header(read: Cursor, found: FlacConfiguration, _findings: list[Finding]) -> None:
    """Read what stands before the frames: "fLaC" and metadata blocks, or STREAMINFO alone, as FFmpeg sends it."""
    if read.data[read.position : min(read.position + 4, read.end)] == _MAGIC:
        read.raw("stream marker", 4, Role.MEDIA_HEADER, label='"fLaC"')
    elif read.left == _STREAMINFO_SIZE:
        _stream_info(read, found)
        return
    for _ in range(_MOST_BLOCKS):
        if _metadata_block(read, found):
            return
    raise Malformed(f"more than {_MOST_BLOCKS} metadata blocks")


def _metadata_block(read: Cursor, found: FlacConfiguration) -> bool:
    """Read one block (8.1); gives whether it was the last one."""
    with read.group("metadata block", Role.MEDIA_HEADER) as group:
        is_last = read.bits("last", 0x80, _YES_NO)
        kind = read.bits("block type", 0x7F, _BLOCKS)
        read.skip()
        group.label = _BLOCKS.get(kind, f"type {kind}")
        size = read.u24("length", Role.PREFIX)
        if kind == _STREAMINFO and size == _STREAMINFO_SIZE:
            _stream_info(read, found)
        elif size:
            read.raw("data", size, Role.MEDIA_HEADER, label=plural(size, "byte"))
    return bool(is_last)


def _stream_info(read: Cursor, found: FlacConfiguration) -> None:
    found.least_block = read.u16("minimum block size", Role.MEDIA_HEADER, label="{} samples")
    found.most_block = read.u16("maximum block size", Role.MEDIA_HEADER, label="{} samples")
    found.least_frame = read.u24("minimum frame size", Role.MEDIA_HEADER, label="{} bytes") or None
    found.most_frame = read.u24("maximum frame size", Role.MEDIA_HEADER, label="{} bytes") or None
    bits = Bits(read)
    found.rate = bits.unsigned("sample rate", 20, label="{} Hz") or None
    found.channels = bits.unsigned("channels minus 1", 3) + 1
    found.sample_size = bits.unsigned("bits per sample minus 1", 5) + 1
    found.total_samples = bits.unsigned("total samples", 36) or None
    digest = read.take("MD5", 16)
    read.add("MD5", read.position - 16, digest, digest.hex() if any(digest) else "unknown", Role.MEDIA_HEADER)
    found.md5 = digest.hex() if any(digest) else None


# Frames


@dataclass(frozen=True, slots=True)
class FlacFrame:
    """The header of a frame. What is None is as STREAMINFO says. `samples` counts those of each channel."""

    rate: int | None
    channels: int | None
    sample_size: int | None
    samples: int | None

    @property
    def sound(self) -> Sound:
        return self.rate, self.sample_size, self.channels

    @property
    def text(self) -> str:
        """In a person's words: `48 kHz stereo 24 bit`."""
        return _text(self.rate, self.channels, self.sample_size)


_RATES: Final = {
    1: 88_200,
    2: 176_400,
    3: 192_000,
    4: 8_000,
    5: 16_000,
    6: 22_050,
    7: 24_000,
    8: 32_000,
    9: 44_100,
    10: 48_000,
    11: 96_000,
}
_SIZES: Final = {1: 192, **{2 + step: 576 << step for step in range(4)}, **{8 + step: 256 << step for step in range(8)}}
_SAMPLE_SIZES: Final = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}
_CODED_BEHIND: Final = {12: 1, 13: 2, 14: 2}  # sampling rates that stand at the end of the header, and their bytes
_SIDES: Final = {8: "left and side", 9: "side and right", 10: "mid and side"}
_SIZE_LABELS: Final = {
    **{key: f"{size} samples" for key, size in _SIZES.items()},
    6: "8 bits behind",
    7: "16 bits behind",
}
_RATE_LABELS: Final = {
    0: "as STREAMINFO says",
    **{key: f"{rate} Hz" for key, rate in _RATES.items()},
    12: "kHz behind",
    13: "Hz behind",
    14: "tens of Hz behind",
}
_CHANNEL_LABELS: Final = {**{count - 1: channel_words(count) for count in range(1, 9)}, **_SIDES}
_SAMPLE_SIZE_LABELS: Final = {0: "as STREAMINFO says", **{key: f"{size} bit" for key, size in _SAMPLE_SIZES.items()}}


def frame_header(read: Cursor) -> FlacFrame | None:
    """Read the header where a whole one stands; None, and nothing is read, where there is none."""
    data, start = read.data, read.position
    if read.left < 6 or data[start] != 0xFF or data[start + 1] & 0xFE != 0xF8:
        return None
    size, rate, channels = data[start + 2] >> 4, data[start + 2] & 0x0F, data[start + 3] >> 4
    number = _number_size(data[start + 4])
    length = 4 + number + (size in {6, 7}) + (size == 7) + _CODED_BEHIND.get(rate, 0) + 1
    if not number or not size or rate == 15 or channels > 10 or data[start + 3] & 1 or length > read.left:
        return None
    with read.group("frame header", Role.MEDIA_HEADER) as group:
        frame = _header(read, size, rate, channels, number)
        group.label = frame.text
    return frame


def _number_size(first: int) -> int:
    """How many bytes the coded number has, which is written like UTF-8; 0 where that cannot be."""
    ones = 8 - (first ^ 0xFF).bit_length()
    return 1 if ones == 0 else ones if 2 <= ones <= 7 else 0


def _header(read: Cursor, size: int, rate: int, channels: int, number: int) -> FlacFrame:
    start = read.position
    fields, varies, width = _head(read.data[start : start + 4], start)
    read.fields.extend(fields)
    read.position = start + 4
    coded = read.take("coded number", number)
    value = coded[0] & (0x7F >> number if number > 1 else 0x7F)
    for byte in coded[1:]:
        value = value << 6 | byte & 0x3F
    name = "sample number" if varies else "frame number"
    read.add(name, read.position - number, value, str(value), Role.MEDIA_HEADER)
    samples = _SIZES.get(size)
    if size in {6, 7}:
        samples = read.unsigned("block size", size - 5, Role.MEDIA_HEADER, label="{}, 1 less than samples") + 1
    hertz = _RATES.get(rate)
    if rate in _CODED_BEHIND:
        scale = {12: 1000, 13: 1, 14: 10}[rate]
        hertz = scale * read.unsigned("sample rate", _CODED_BEHIND[rate], Role.MEDIA_HEADER)
    read.u8("CRC", Role.MEDIA_HEADER, label="{:#04x}")
    return FlacFrame(hertz, 2 if channels in _SIDES else channels + 1, _SAMPLE_SIZES.get(width), samples)


@lru_cache(maxsize=256)
def _head(data: bytes, start: int) -> tuple[list[Field], bool, int]:
    """Four bytes at `start`, of which a stream has few different ones: fields, blocks that vary, the sample size."""
    read = Cursor(data)
    bits = Bits(read)
    bits.unsigned("frame sync", 15, label="{:#06x}")
    varies = bits.flag("blocking strategy", {0: "fixed", 1: "variable"})
    bits.unsigned("block size", 4, _SIZE_LABELS)
    bits.unsigned("sample rate", 4, _RATE_LABELS)
    bits.unsigned("channel assignment", 4, _CHANNEL_LABELS)
    width = bits.unsigned("sample size", 3, _SAMPLE_SIZE_LABELS)
    bits.flag("reserved")
    return moved(read.fields, start), varies, width
