"""What only the bytes that follow can tell: where the next header would stand, and how well it would fit there.

Two questions need it. Does a format 3 chunk repeat the extended timestamp, or do these four bytes belong to the
payload? And does a header of format 1 or 2 amid a message go on with it, or begin another? The answers are the same
however the stream was cut on its way: where bytes are still to come, the answer is None, and it is asked again.
"""

from __future__ import annotations

from typing import Final

from rtmpsniff.payload.types import TYPE_NAMES
from rtmpsniff.rtmp.chunk import Channel, Header, read_header

LONGEST: Final = 1 << 16  # bytes that may be held to see what follows

FIXED_LENGTHS: Final = {1: {4}, 2: {4}, 3: {4}, 5: {4}, 6: {4, 5}}  # of control messages (§5.4)


def fault(header: Header, channel: Channel | None) -> str:
    """Why a header cannot be one on this chunk stream (None: one not seen before); "" if it can."""
    if channel is None and header.format > 1:
        return f"format {header.format} on chunk stream {header.chunk_stream_id}, which has not begun"
    lengths = FIXED_LENGTHS.get(header.type_id or 0)
    if lengths and header.chunk_stream_id != 2 and header.length not in lengths:
        return f"a message of type {header.type_id} cannot have {header.length} bytes"
    return ""


class LookAhead:
    """Weighs two readings against each other. `ending`: no more bytes will come."""

    def __init__(self, channels: dict[int, Channel]) -> None:
        self.ending = False
        self.wanted = 0  # how long the data must be for an answer, after None
        self.repeats_extended: bool | None = None  # the last verdict on format 3 chunks
        self._channels = channels

    def is_repeated(self, channel: Channel, value: int, data: bytes, at: int, chunk_size: int) -> bool | None:
        """Whether the bytes at `data[at]` after a format 3 header, `value`, are the extended timestamp once more.

        The texts of 2009 and 2012 contradict each other (§5.3.1.3). Most senders repeat the value, SRS and LAL write
        the message's time, mediamtx zeros, old librtmp and FFmpeg nothing.
        """
        for repeated in (channel.extended, channel.timestamp):
            if repeated is not None and (value ^ repeated) & 0x7FFFFFFF == 0:  # SRS cuts the top bit
                return True
        if value and channel.left:
            return False
        left = channel.left or channel.length
        size = min(chunk_size, left)
        repeated_fits = self._fits(channel, left - size, data, at, at + 4 + size)
        absent_fits = self._fits(channel, left - size, data, at, at + size)
        if repeated_fits is None or absent_fits is None:
            return None
        if repeated_fits != absent_fits:
            return repeated_fits > absent_fits
        if self.repeats_extended is not None:
            return self.repeats_extended
        return not channel.left

    def goes_on(self, header: Header, channel: Channel, data: bytes, at: int, chunk_size: int) -> bool | None:
        """Whether a header amid a message, its payload at `data[at]`, goes on with it although its format is not 3.

        FFmpeg and nginx-rtmp read one of format 1 or 2 with equal length and type so; others begin a new message.
        """
        states = (header.length, header.type_id)
        if header.format == 0 or (header.format == 1 and states != (channel.length, channel.type_id)):
            return False
        on, new = min(chunk_size, channel.left), min(chunk_size, channel.length)
        if on == new:
            return False
        on_fits = self._fits(channel, channel.left - on, data, at, at + on)
        new_fits = self._fits(channel, channel.length - new, data, at, at + new)
        return None if on_fits is None or new_fits is None else on_fits > new_fits

    def _fits(self, channel: Channel, left: int, data: bytes, here: int, place: int) -> int | None:
        """How well a header would fit at `data[place]`, where `left` bytes of the channel's message are still due."""
        if place - here > LONGEST:
            return 0
        header = read_header(data, place) if place < len(data) else None
        if header is None:
            self.wanted = max(place, len(data)) + 1
            return int(place <= len(data)) if self.ending else None
        known = self._channels.get(header.chunk_stream_id)
        if header.format == 3 and known is channel and left:
            return 4
        if fault(header, known) or (header.type_id is not None and header.type_id not in TYPE_NAMES):
            return 0
        return 4 - header.format
