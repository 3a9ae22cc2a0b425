"""The video codecs of the Flash Player's first years, as far as their frames tell a picture's size.

Sorenson H.263, Screen video 1 and 2: Video File Format 10.1 E.4.3.2 to E.4.3.4 and SWF 19 "Video". VP6: its header is
published nowhere by its maker; what stands here is what decoders in use read. Each reader gives width and height, or
None where a frame does not tell, and records nothing then. Raises `Unreadable` where a header breaks off.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rtmpsniff.fields import Cursor, Role
from rtmpsniff.payload.codecs.bits import Bits


class Size(NamedTuple):
    """A picture's, in pixels."""

    width: int
    height: int


_START_CODE: Final = 1
_SIZES: Final = {
    2: Size(352, 288),
    3: Size(176, 144),
    4: Size(128, 96),
    5: Size(320, 240),
    6: Size(160, 120),
}
_SIZE_LABELS: Final = {
    0: "8 bits each",
    1: "16 bits each",
    **{number: f"{size.width}x{size.height}" for number, size in _SIZES.items()},
    7: "reserved",
}
_PICTURE_TYPES: Final = {0: "intra", 1: "inter", 2: "disposable inter", 3: "reserved"}


def sorenson(read: Cursor) -> Size | None:
    """The picture header (H263VIDEOPACKET), which every frame has."""
    with read.group("picture header", Role.MEDIA_HEADER) as group:
        bits = Bits(read)
        if bits.available(17) != _START_CODE:
            bits.refuse("PictureStartCode", "no start code, which is sixteen zeros and a 1")
        bits.unsigned("PictureStartCode", 17)
        bits.unsigned("Version", 5)
        bits.unsigned("TemporalReference", 8)
        kind = bits.unsigned("PictureSize", 3, _SIZE_LABELS)
        size = _SIZES.get(kind)
        if kind < 2:
            side = 8 << kind
            size = Size(bits.unsigned("CustomWidth", side), bits.unsigned("CustomHeight", side))
        picture = bits.unsigned("PictureType", 2, _PICTURE_TYPES)
        bits.flags("DeblockingFlag")
        bits.unsigned("Quantizer", 5)
        bits.align("and more")
        told = f", {size.width}x{size.height}" if size else ""
        group.value, group.label = size, f"{_PICTURE_TYPES[picture]}{told}"
    return size


def screen_video(read: Cursor) -> Size:
    """The head of a screen packet (SCREENVIDEOPACKET): the sizes of blocks and picture."""
    return _screen(read, second=False)


def screen_video_2(read: Cursor) -> Size:
    """SCREENV2VIDEOPACKET: the same, and flags."""
    return _screen(read, second=True)


def _screen(read: Cursor, *, second: bool) -> Size:
    with read.group("screen packet", Role.MEDIA_HEADER) as group:
        bits = Bits(read)
        bits.unsigned("BlockWidth", 4, _block)
        width = bits.unsigned("ImageWidth", 12)
        bits.unsigned("BlockHeight", 4, _block)
        height = bits.unsigned("ImageHeight", 12)
        if second:
            bits.unsigned("Reserved", 6)
            bits.flags("HasIFrameImage", "HasPaletteInfo")
        group.value, group.label = Size(width, height), f"{width}x{height}"
    return Size(width, height)


def _block(value: int) -> str:
    return f"({16 * value + 16} pixels)"


def vp6(read: Cursor) -> Size | None:
    """What FLV puts before a VP6 frame, and the frame's header, which tells the size of key frames."""
    return _vp6(read, alpha=False)


def vp6_alpha(read: Cursor) -> Size | None:
    """VP6FLVALPHAVIDEOPACKET: the same, and where the second picture, of transparency, begins."""
    return _vp6(read, alpha=True)


def _vp6(read: Cursor, *, alpha: bool) -> Size | None:
    across = read.bits("HorizontalAdjustment", 0xF0)
    down = read.bits("VerticalAdjustment", 0x0F)
    read.skip()
    if alpha:
        read.u24("OffsetToAlpha")
    first = read.peek()
    if first is None or first & 0x80:  # not a key frame
        return None
    with read.group("frame header", Role.MEDIA_HEADER) as group:
        bits = Bits(read)
        bits.unsigned("frame mode", 1, {0: "key"})
        bits.unsigned("quantizer", 6)
        separated = bits.flag("separated coefficients")
        bits.unsigned("version", 5)
        advanced = bits.unsigned("profile", 2, {0: "simple", 3: "advanced"})
        bits.flags("interlaced")
        if separated or not advanced:
            bits.unsigned("second partition", 16)
        height = 16 * bits.unsigned("rows", 8, _macroblocks) - down
        width = 16 * bits.unsigned("columns", 8, _macroblocks) - across
        bits.unsigned("rows to show", 8)
        bits.unsigned("columns to show", 8)
        size = Size(max(width, 0), max(height, 0))
        group.value, group.label = size, f"key frame, {size.width}x{size.height}"
    return size


def _macroblocks(count: int) -> str:
    return f"({16 * count} pixels)"
