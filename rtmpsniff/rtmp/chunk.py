"""Chunk headers (§5.3.1): what stands in one, and what the next one on the same chunk stream inherits.

`read_header` takes the bytes at a header's place and gives the header as it was sent. A `Channel` is one chunk stream
of one direction: the values that later headers inherit, and the message that is being put together on it.
`header_fields` describes a header's bytes for people; that it agrees with `read_header` is tested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rtmpsniff.capture.packet import Origin, new_tuple
from rtmpsniff.fields import Cursor, Field, Role
from rtmpsniff.payload.types import TYPE_NAMES

if TYPE_CHECKING:
    from rtmpsniff.rtmp.passage import Chunk

EXTENDED: Final = 0xFFFFFF  # in a timestamp field: the value stands in the extended timestamp
MODULUS: Final = 1 << 32  # of timestamps
LONGEST_HEADER: Final = 18

_MESSAGE_HEADER_SIZES: Final = (11, 7, 3, 0)


class Header(NamedTuple):
    """A chunk header as it was sent. What its format does not carry is None."""

    size: int  # bytes, without the extended timestamp
    format: int
    chunk_stream_id: int
    timestamp: int | None = None  # absolute for format 0, a delta for 1 and 2, before any extended timestamp
    length: int | None = None
    type_id: int | None = None
    message_stream_id: int | None = None


def read_header(data: bytes, at: int) -> Header | None:
    """Read the header that begins at `data[at]`; None if there are too few bytes to tell."""
    end = len(data)
    head = data[at]
    chunk_stream_id, basic = head & 0x3F, 1
    if chunk_stream_id < 2:
        basic = chunk_stream_id + 2
        if at + basic > end:
            return None
        # §5.3.1.1: 64 is added; in the three-byte form the second byte is the low one.
        chunk_stream_id = 64 + int.from_bytes(data[at + 1 : at + basic], "little")
    form = head >> 6
    size = basic + _MESSAGE_HEADER_SIZES[form]
    if at + size > end:
        return None
    at += basic
    if form == 3:
        return Header(size, form, chunk_stream_id)
    if form == 2:
        return Header(size, form, chunk_stream_id, int.from_bytes(data[at : at + 3], "big"))
    fields = int.from_bytes(data[at : at + 7], "big")
    stream_id = None
    if form == 0:
        stream_id = int.from_bytes(data[at + 7 : at + 11], "little")  # the one field that is little-endian
    return new_tuple(
        Header, (size, form, chunk_stream_id, fields >> 32, fields >> 8 & 0xFFFFFF, fields & 0xFF, stream_id)
    )


class Channel:
    """One chunk stream of one direction.

    `left` counts the payload bytes that the message in progress still lacks; 0 between messages.
    """

    __slots__ = (
        "aborted_left",
        "after_format_0",
        "certain",
        "chunk_stream_id",
        "chunks",
        "delta",
        "dropped",
        "dropped_bytes",
        "dropped_for",
        "dropped_from",
        "extended",
        "first",
        "head",
        "held",
        "last",
        "left",
        "length",
        "message_stream_id",
        "missing",
        "missing_reason",
        "parts",
        "reached",
        "stale",
        "timestamp",
        "type_id",
    )

    def __init__(self, chunk_stream_id: int) -> None:
        self.chunk_stream_id = chunk_stream_id
        self.timestamp = 0
        self.delta = 0  # what a format 3 chunk that begins a message adds
        self.after_format_0 = False  # `delta` is the timestamp of a format 0 chunk
        self.certain = False  # `timestamp` rests on an absolute one
        self.extended: int | None = None  # the extended timestamp in force
        self.length = 0
        self.type_id = 0
        self.message_stream_id = 0
        self.head = -1  # the first byte of its last message's payload
        self.stale = False  # headers were lost since: what the next one inherits may have changed
        self.left = 0
        self.aborted_left = 0  # payload bytes that the last message lacked when it was aborted
        self.held = 0  # bytes counted for the message in progress
        self.reached = 0  # stream offset of the last byte received
        self.dropped = False  # the message in progress is no longer kept
        self.dropped_from = 0  # stream offset of the first byte that was not kept
        self.dropped_bytes = 0
        self.dropped_for = ""  # why
        self.parts: list[bytes | bytearray] = []
        self.missing: list[tuple[int, int]] = []
        self.missing_reason = ""
        self.chunks: list[Chunk] = []
        self.first = Origin(0, 0, 0)  # the least packet of the message in progress
        self.last = Origin(0, 0, 0)  # the greatest

    def __repr__(self) -> str:
        return f"<Channel {self.chunk_stream_id} type {self.type_id} {self.length - self.left} of {self.length} bytes>"

    @property
    def received(self) -> int:
        return self.length - self.left

    def meet(self, origin: Origin) -> None:
        """A packet brought bytes of the message: it may be the least or the greatest that did."""
        if origin > self.last:
            self.last = origin
        elif origin < self.first:
            self.first = origin


def header_fields(header: bytes, has_extended: bool, meaning: str) -> tuple[Field, ...]:
    """Describe the bytes of a chunk header. `meaning` says what the chunk does: begins a message, or goes on."""
    read = Cursor(header)
    form, selector = header[0] >> 6, header[0] & 0x3F
    chunk_stream_id = selector
    if selector < 2:
        chunk_stream_id = 64 + int.from_bytes(header[1 : selector + 2], "little")
    label = f"fmt {form}, chunk stream {chunk_stream_id}{', ' + meaning if meaning else ''}"
    basic = 1 if selector >= 2 else selector + 2
    with read.group("chunk header", Role.BASIC_HEADER) as group:
        read.raw("basic header", basic, Role.BASIC_HEADER, inline=True)
        group.value, group.label = (form, chunk_stream_id), label
        if form < 3:
            timestamp = int.from_bytes(header[basic : basic + 3], "big")
            label = "see extended timestamp" if timestamp == EXTENDED else "{} ms"
            read.u24("timestamp" if form == 0 else "timestamp delta", Role.TIMESTAMP, label=label)
        if form < 2:
            read.u24("length", Role.LENGTH, label="{} bytes")
            read.enum("type", 1, TYPE_NAMES, Role.TYPE)
        if form == 0:
            stream_id = int.from_bytes(read.take("message stream id", 4), "little")
            read.add("message stream id", read.position - 4, stream_id, f"{stream_id}", Role.STREAM_ID)
        if has_extended:
            read.u32("extended timestamp", Role.EXTENDED_TIMESTAMP, label="{} ms")
    return tuple(read.fields)
