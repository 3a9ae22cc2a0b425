"""Events become blocks: the bytes on the wire with their meaning, chunk headers where they stood.

`describe` is all that a dump or a tree needs to know of RTMP. The chunk table of a message links the two systems of
coordinates: offsets in the sender's stream, and offsets in the payload.
"""

from __future__ import annotations

from collections.abc import Iterator

from rtmpsniff.fields import Block, Inset, shifted
from rtmpsniff.rtmp.aggregates import Contained, clipped
from rtmpsniff.rtmp.chunk import EXTENDED, header_fields, read_header
from rtmpsniff.rtmp.events import Event, Greeting, Message
from rtmpsniff.rtmp.handshake import greeting_fields
from rtmpsniff.rtmp.passage import Chunk


def describe(event: Event) -> Block | None:
    """The bytes of a message or greeting with their fields; None for events that have none of their own.

    The block's address is an offset in the sender's stream, in bytes; its fields are relative to the payload, and the
    chunk headers that stood amid that (§5.3.1) are insets with fields of their own.
    """
    if isinstance(event, Contained):
        return _contained(event)
    if isinstance(event, Message):
        return _message(event)
    if isinstance(event, Greeting):
        fields = greeting_fields(event.part, event.data, event.verdict, event.digest)
        return Block(event.offset, event.data, fields, (), event.missing, event.missing_reason)
    return None


def _message(message: Message) -> Block:
    insets = tuple(_insets(message.chunks, 0))
    return Block(
        message.offset, message.payload, message.decoded.fields, insets, message.missing, message.missing_reason
    )


def _contained(message: Contained) -> Block:
    """What stood of it in its aggregate: its own header, the payload and the back pointer."""
    start, stop = message.span
    aggregate = message.aggregate
    fields = shifted(aggregate.decoded.fields[message.place - 1].children, -start)
    insets = tuple(_insets(message.chunks[1:], message.chunks[0].size))
    missing = tuple(clipped(aggregate.missing, start, stop))
    return Block(message.offset, aggregate.payload[start:stop], fields, insets, missing, message.missing_reason)


def _insets(chunks: tuple[Chunk, ...], position: int) -> Iterator[Inset]:
    for chunk in chunks:
        if chunk.unseen:
            yield Inset(position, chunk.offset + chunk.unseen, b"", ())
            position += chunk.size
            continue
        first, next_ = (
            header_fields(chunk.header, _has_extended(chunk.header), meaning) for meaning in ("", "goes on")
        )
        for number in range(chunk.run):
            address = chunk.offset + number * (len(chunk.header) + chunk.size)
            yield Inset(position, address, chunk.header, next_ if position else first)
            position += chunk.size


def _has_extended(header: bytes) -> bool:
    read = read_header(header, 0)
    return read is not None and (read.timestamp == EXTENDED or len(header) > read.size)
