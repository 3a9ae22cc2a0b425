"""VP8 and VP9: the configuration record (VP codec ISO media file format binding), the heads of frames.

VP8: RFC 6386 9.1; VP9: bitstream specification 6.2, 7.2. Only frames at which a decoder may begin tell their size.
"""

from __future__ import annotations

from typing import Final

from rtmpsniff.fields import Cursor, Role
from rtmpsniff.findings import Finding
from rtmpsniff.payload.codecs.bits import Bits
from rtmpsniff.payload.codecs.configuration import CHROMA, MATRICES, PRIMARIES, RANGES, TRANSFERS, Configuration

_FULL_BOX: Final = b"\x01\x00\x00\x00"  # version 1 and no flags, before the record in MP4 files
_SUBSAMPLING: Final = {0: "4:2:0, vertical", 1: "4:2:0, colocated", 2: "4:2:2", 3: "4:4:4"}
_CHROMA: Final = {0: CHROMA[1], 1: CHROMA[1], 2: CHROMA[2], 3: CHROMA[3]}
_FRAME_TYPES: Final = {0: "key", 1: "inter"}
_COLOR_SPACES: Final = {
    0: "unknown",
    1: "bt601",
    2: "bt709",
    3: "smpte170",
    4: "smpte240",
    5: "bt2020",
    6: "reserved",
    7: "RGB",
}
_RGB: Final = 7
_MARKER: Final = 2
_VP9_START: Final = 0x498342
_VP8_START: Final = b"\x9d\x01\x2a"


def level_name(level: int) -> str:
    """`3.1` for 31."""
    return f"{level // 10}.{level % 10}" if level else "unspecified"


def decoder_configuration(read: Cursor, found: Configuration, _findings: list[Finding]) -> None:
    """VPCodecConfigurationRecord. FFmpeg and mediamtx write the head of its MP4 box before it, others do not."""
    if read.data.startswith(_FULL_BOX, read.position, read.end) and read.left >= 12:
        read.raw("box version and flags", 4, Role.MEDIA_HEADER, label="version 1, left from an MP4 file")
    profile = read.u8("profile")
    found.profile_id, found.profile = profile, f"profile {profile}"
    level = read.u8("level", label=f"{{}} ({level_name(read.peek() or 0)})")
    found.level = level_name(level) if level else None
    found.bit_depth = read.bits("bitDepth", 0xF0)
    found.chroma = _CHROMA.get(read.bits("chromaSubsampling", 0x0E, _SUBSAMPLING))
    found.full_range = read.bits("videoFullRangeFlag", 0x01, RANGES) != 0
    read.skip()
    found.primaries = PRIMARIES.get(read.enum("colourPrimaries", 1, PRIMARIES))
    found.transfer = TRANSFERS.get(read.enum("transferCharacteristics", 1, TRANSFERS))
    found.matrix = MATRICES.get(read.enum("matrixCoefficients", 1, MATRICES))
    size = read.u16("codecInitializationDataSize", Role.PREFIX)
    if size:  # "shall be 0" for both codecs
        read.raw("codecInitializationData", size, Role.MEDIA_HEADER)


def vp9_frame(read: Cursor) -> tuple[int, int] | None:
    """The uncompressed header of a key frame as far as its size; None for what is none. Raises `Malformed`."""
    bits = Bits(read)
    profile = 2 * (bits.available(4) or 0) & 2 | (bits.available(3) or 0) & 1
    before = 9 if profile == 3 else 8  # bits before the sync code
    head = bits.available(before + 24)
    if head is None or head >> before + 22 != _MARKER or head & 0xFFFFFF != _VP9_START or head >> 26 & 3:
        return None
    with read.group("uncompressed header", Role.MEDIA_HEADER) as group:
        bits.unsigned("frame_marker", 2)
        bits.flags("profile_low_bit", "profile_high_bit")
        if profile == 3:
            bits.flags("reserved_zero")
        bits.flags("show_existing_frame")
        bits.flag("frame_type", _FRAME_TYPES)
        bits.flags("show_frame", "error_resilient_mode")
        bits.unsigned("frame_sync_code", 24)
        _color(bits, profile)
        width = 1 + bits.unsigned("frame_width_minus_1", 16)
        height = 1 + bits.unsigned("frame_height_minus_1", 16)
        bits.align("and more")
        group.value, group.label = (width, height), f"key frame, {width}x{height}"
    return width, height


def _color(bits: Bits, profile: int) -> None:
    if profile >= 2:
        bits.unsigned("ten_or_twelve_bit", 1, {0: "10 bit", 1: "12 bit"})
    space = bits.unsigned("color_space", 3, _COLOR_SPACES)
    if space != _RGB:
        bits.flag("color_range", RANGES)
        if profile & 1:
            bits.flags("subsampling_x", "subsampling_y", "reserved_zero")
    elif profile & 1:
        bits.flags("reserved_zero")


def vp8_frame(read: Cursor) -> tuple[int, int] | None:
    """The frame tag and the size of a key frame; None for what is none."""
    start = read.position
    if read.left < 10 or read.data[start] & 1 or read.data[start + 3 : start + 6] != _VP8_START:
        return None
    with read.group("frame header", Role.MEDIA_HEADER) as group:
        read.raw("frame tag", 3, Role.MEDIA_HEADER, label="key frame")
        read.raw("start code", 3, Role.MEDIA_HEADER, label="9d 01 2a")
        width, height = _vp8_side(read, "width"), _vp8_side(read, "height")
        group.value, group.label = (width, height), f"key frame, {width}x{height}"
    return width, height


def _vp8_side(read: Cursor, name: str) -> int:
    """Fourteen bits of pixels and two of scaling, little-endian."""
    start = read.position
    number = int.from_bytes(read.take(name, 2), "little")
    pixels, scale = number & 0x3FFF, number >> 14
    label = f"{pixels}, scaled up by rule {scale}" if scale else str(pixels)
    read.add(name, start, pixels, label, Role.MEDIA_HEADER)
    return pixels
