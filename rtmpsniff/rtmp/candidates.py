"""Which places could be a chunk header at all, told by few bytes at the speed of a regular expression.

A search goes over every byte of what may be much. Nearly all of them cannot begin a header: the chunk stream is none
that is known or usual, the type is none that exists, the message stream is out of all proportion, the body does not
begin as those of its chunk stream do. What is left is weighed by `evidence`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from rtmpsniff.payload.types import (
    AUDIO,
    COMMAND_AMF0,
    COMMAND_AMF3,
    DATA_AMF0,
    DATA_AMF3,
    TYPE_NAMES,
    VIDEO,
)
from rtmpsniff.rtmp.chunk import Channel

LOOK: Final = 12  # bytes that a place needs to be told: a header of format 0

_ANY: Final = frozenset(range(2, 64))  # formats 0 and 1 state a type and a length, so they may begin any
_LONG: Final = (0x00, 0x01)  # basic headers of two and three bytes
_LENGTH: Final = rb"[\x00-\x80].."  # no message is longer than 2^23 bytes
_USUAL_MESSAGE_STREAM: Final = rb"[\x00-\x40]\x00\x00\x00"  # little-endian
_USUAL_DELTA: Final = rb"(?:[\x00-\x20]..|\xff\xff\xff)"
_FIRST_BYTES: Final[dict[int, bytes]] = {
    COMMAND_AMF0: b"\x02\x0c",
    DATA_AMF0: b"\x02\x0c",
    COMMAND_AMF3: b"\x00\x02\x03\x0c",
    DATA_AMF3: b"\x00\x02\x03\x0c",
}


class _Seen(NamedTuple):
    """What counts of a chunk stream."""

    number: int
    message_stream_id: int
    has_body: bool  # one byte that says "another empty message" is no header to begin with
    body: bytes  # what a message begins with that inherits its type and length; empty: anything
    any_delta: bool


def candidates(channels: Mapping[int, Channel]) -> re.Pattern[bytes]:
    """A pattern for the first byte of each place that could be a header, on these chunk streams or on new ones."""
    return _pattern(tuple(map(_seen, channels.values())))


def _seen(channel: Channel) -> _Seen:
    body = b"" if channel.extended is not None else _body(channel.type_id, channel.head)  # it may be 4 bytes farther
    return _Seen(channel.chunk_stream_id, channel.message_stream_id, channel.length > 0, body, channel.timestamp == 0)


def _body(type_id: int, head: int) -> bytes:
    """What the payload of a message begins with that is of the type of the last one, whose first byte was `head`."""
    if type_id == AUDIO and head >= 0:  # Enhanced RTMP: the low half is the packet type
        return bytes(range(0x90, 0xA0)) if head >> 4 == 9 else bytes((head,))
    if type_id == VIDEO and head >= 0:
        return bytes(range(0x80, 0x100)) if head & 0x80 else bytes(frame << 4 | head & 0x0F for frame in range(1, 6))
    return _FIRST_BYTES.get(type_id, b"")


@lru_cache(maxsize=64)
def _pattern(channels: tuple[_Seen, ...]) -> re.Pattern[bytes]:
    """One set of first bytes, which the search for it makes fast, and what must stand behind each of them."""
    known = {channel.number for channel in channels}
    streams = {channel.message_stream_id for channel in channels if channel.message_stream_id > 0x40}
    stated = b"|".join([_USUAL_MESSAGE_STREAM, *(re.escape(number.to_bytes(4, "little")) for number in streams)])
    header = b".{3}" + _LENGTH + _any_of(TYPE_NAMES)
    behind = [(_ANY, header + b"(?:" + stated + b")"), ({0x40 | number for number in _ANY}, header)]
    if max(known, default=0) > 63:
        behind.append(({form << 6 | long for form in range(4) for long in _LONG}, b""))
    for channel in channels:
        if channel.number < 64 and channel.has_body:
            body = _any_of(channel.body) if channel.body else b""
            delta = b".{3}" if channel.any_delta else _USUAL_DELTA
            behind.append(({0x80 | channel.number}, rb"\xff\xff\xff|" + delta + (body or b".")))
            behind.append(({0xC0 | channel.number}, body))
    first = _any_of(set().union(*(one for one, _ in behind)))
    choices = (b"(?<=" + _any_of(one) + b")(?=" + rest + b")" for one, rest in behind)
    return re.compile(first + b"(?:" + b"|".join(choices) + b")", re.DOTALL)


def _any_of(numbers: Iterable[int]) -> bytes:
    return b"[" + b"".join(re.escape(bytes((number,))) for number in sorted(numbers)) + b"]"
