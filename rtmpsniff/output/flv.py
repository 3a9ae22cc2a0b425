"""FLV files as they are written: takes what messages carry, gives a file's bytes (Video File Format 10.1 E.2, E.4).

A tag's body is a message's, bit for bit, in Enhanced RTMP too; `payload.flv` reads what stands here.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from rtmpsniff.payload.flv import MAGIC, TAG_HEADER

FLAGS_OFFSET: Final = len(MAGIC) + 1  # where the header says whether there is audio and video

_TAG: Final = Struct(">LLxxx")  # type and length; timestamp, its highest byte last; stream id 0
_POINTER: Final = Struct(">L")


def flags(has_audio: bool, has_video: bool) -> bytes:
    """The byte of the header at `FLAGS_OFFSET`."""
    return bytes([has_audio << 2 | has_video])


def header() -> bytes:
    """What a file begins with. It says that there is audio and video: a stream cannot know before its end."""
    return MAGIC + b"\x01" + flags(has_audio=True, has_video=True) + _POINTER.pack(9) + _POINTER.pack(0)


def tag(type_id: int, timestamp: int, payload: bytes) -> bytes:
    """One tag; `timestamp` in ms, modulo 2^32."""
    size = len(payload)
    time = (timestamp & 0xFFFFFF) << 8 | timestamp >> 24 & 0xFF
    return b"".join((_TAG.pack(type_id << 24 | size, time), payload, _POINTER.pack(TAG_HEADER + size)))
