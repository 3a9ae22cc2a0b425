"""What aggregates hold: takes an aggregate message, gives the messages in it as if each had been sent alone.

RTMP 1.0 §7.1.6. Their timestamps are shifted into the aggregate's time, their bytes keep the places where they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rtmpsniff.payload.aggregate import HEADER, Aggregate, SubMessage
from rtmpsniff.rtmp.events import Message, State
from rtmpsniff.rtmp.passage import Chunk, Passage

_BACK_POINTER = 4


@dataclass(slots=True, eq=False)
class Contained(Message):
    """A message inside an aggregate; what it has not of its own (number, packets, chunk stream) is the aggregate's.

    `chunks` are what it lay in, from its own header to its back pointer; the first has no header.
    """

    aggregate: Message = field(kw_only=True)
    place: int = field(kw_only=True)  # from 1, among the messages of the aggregate
    span: tuple[int, int] = field(kw_only=True)  # in the aggregate's payload, header and back pointer included


def sub_messages(message: Message) -> tuple[Contained, ...]:
    """The messages of an aggregate; none of a message of another type.

    §7.1.6: the first has the aggregate's timestamp, the others are as much later as was written (modulo 2^32). The
    aggregate's message stream id holds for all of them.
    """
    body = message.body
    if not isinstance(body, Aggregate) or not body.messages:
        return ()
    later = message.timestamp - body.messages[0].timestamp
    spans = [_span(part) for part in body.messages]
    pieces = _pieces(message.chunks, spans)
    return tuple(
        _contained(message, place, part, (part.timestamp + later) & 0xFFFFFFFF, span, chunks)
        for place, (part, span, chunks) in enumerate(zip(body.messages, spans, pieces, strict=True), 1)
    )


def _span(part: SubMessage) -> tuple[int, int]:
    return part.start - HEADER, part.stop + (0 if part.back_pointer is None else _BACK_POINTER)


def _contained(
    aggregate: Message, place: int, part: SubMessage, timestamp: int, span: tuple[int, int], chunks: tuple[Chunk, ...]
) -> Contained:
    payload = aggregate.payload[part.start : part.start + part.length]
    missing = tuple(clipped(aggregate.missing, part.start, part.start + len(payload)))
    state: State = "whole"
    if missing:
        state = "damaged"
    elif len(payload) < part.length:  # broken off with the aggregate, or a length that lies
        state = "cut" if aggregate.state == "whole" else aggregate.state
    return Contained(
        connection=aggregate.connection,
        number=aggregate.number,
        sender=aggregate.sender,
        chunk_stream_id=aggregate.chunk_stream_id,
        message_stream_id=aggregate.message_stream_id,
        message_type_id=part.type_id,
        timestamp=timestamp,
        timestamp_certain=aggregate.timestamp_certain,
        length=part.length,
        parts=(payload,),
        missing=missing,
        came=Passage(chunks, aggregate.first, aggregate.last),
        state=state,
        missing_reason=aggregate.missing_reason,
        aggregate=aggregate,
        place=place,
        span=span,
    )


def clipped(spans: Iterable[tuple[int, int]], start: int, stop: int) -> Iterator[tuple[int, int]]:
    """What of these spans lies between `start` and `stop`, counted from `start`."""
    for first, last in spans:
        if first < stop and last > start:
            yield max(first, start) - start, min(last, stop) - start


def _pieces(chunks: tuple[Chunk, ...], spans: Iterable[tuple[int, int]]) -> Iterator[tuple[Chunk, ...]]:
    """For each span of the payload, in order, the chunks that it lay in. Goes once over all of them."""
    at = begin = 0
    for start, stop in spans:
        while begin + chunks[at].size * chunks[at].run <= start:
            begin += chunks[at].size * chunks[at].run
            at += 1
        found: list[Chunk] = []
        here, there = at, begin
        while there < stop and here < len(chunks):
            found += _cut(chunks[here], start - there, stop - there)
            there += chunks[here].size * chunks[here].run
            here += 1
        yield tuple(found)


def _cut(chunk: Chunk, start: int, stop: int) -> Iterator[Chunk]:
    """What of a run of chunks lies between two places of its payload; a `start` below 0 is where the run begins."""
    offset, header, size, run, unseen = chunk
    start_of_payload = unseen + len(header)
    step = start_of_payload + size
    stop = min(stop, size * run)
    number = 0
    if start >= 0:
        number, rest = divmod(start, size)
        first = min(size - rest, stop - start)
        yield Chunk(offset + number * step + start_of_payload + rest, b"", first)
        number += 1
    last, rest = divmod(stop, size)
    if last > number:
        yield Chunk(offset + number * step, header, size, last - number, unseen)
    if rest and last >= number:
        yield Chunk(offset + last * step, header, rest, 1, unseen)
