"""What audio and video messages have in common: the codecs' names and the media bytes.

Enhanced RTMP v2 names codecs by FourCC; the numbers of Video File Format 10.1 stand in `audio` and `video`.
"""

from __future__ import annotations

from typing import Final

from rtmpsniff.fields import Cursor, Role
from rtmpsniff.text import printable, quoted

FOUR_CCS: Final = {
    b"avc1": "h264",
    b"hvc1": "hevc",
    b"vvc1": "vvc",
    b"av01": "av1",
    b"vp08": "vp8",
    b"vp09": "vp9",
    b"mp4a": "aac",
    b"Opus": "opus",
    b"fLaC": "flac",
    b".mp3": "mp3",
    b"ac-3": "ac-3",
    b"ec-3": "ec-3",
}


def four_cc(read: Cursor) -> tuple[bytes, str]:
    """Read a FourCC; gives it and the codec's name."""
    raw = read.take("FourCC", 4)
    text = raw.decode("latin-1")
    codec = FOUR_CCS.get(raw)
    label = quoted(text) if codec is None else f"{quoted(text)} {codec}"
    read.add("FourCC", read.position - 4, text, label, Role.MEDIA_HEADER)
    return raw, codec or printable(text)


def media_payload(read: Cursor) -> int:
    """Record all that is left as media, and give its size. The field has no value, which would be a copy."""
    start, size = read.position, read.left
    if size:
        read.position = read.end
        read.add("payload", start, None, f"{size} bytes" if size > 1 else "1 byte", Role.MEDIA)
    return size


def word(names: dict[int, str], number: int) -> str:
    """The name for a number, or `unknown_N`."""
    return names.get(number) or f"unknown_{number}"
