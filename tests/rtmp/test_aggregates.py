"""The messages of an aggregate: in its time, on its message stream, and where their bytes were on the wire."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.output.words import say_message
from rtmpsniff.payload.aggregate import HEADER
from rtmpsniff.rtmp.aggregates import sub_messages
from rtmpsniff.rtmp.describe import describe
from rtmpsniff.rtmp.events import Message, State
from rtmpsniff.rtmp.passage import Chunk, Passage
from tests.build import ChunkWriter
from tests.payload.test_aggregate import VECTOR, tag, tags
from tests.proportion import grows_gently
from tests.rtmp.feeding import messages, origin, read, whole
from tests.rtmp.test_describe import assert_in_order, on_the_wire
from tests.rtmp.test_direction import joined, noise, with_holes

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

AGGREGATE = 22
SOUND = b"\xaf\x01"


def aggregate(
    payload: bytes, timestamp: int = 5000, chunk_size: int = 128, hole: tuple[int, int] | None = None
) -> Message:
    """The message that a reader makes of it."""
    writer = ChunkWriter()
    stream = joined(writer.set_chunk_size(chunk_size), writer.message(4, AGGREGATE, 1, timestamp, payload))
    (message,) = [
        one
        for one in messages(read(stream if hole is None else with_holes(stream, hole), whole))
        if one.message_type_id == AGGREGATE
    ]
    return message


def test_the_vector() -> None:
    parts = sub_messages(aggregate(VECTOR))
    assert [(one.type, one.timestamp, one.length) for one in parts] == [
        ("audio", 5000, 3),
        ("video", 5010, 6),
        ("data_amf0", 5020, 32),
    ]
    assert [one.place for one in parts] == [1, 2, 3]
    assert {one.state for one in parts} == {"whole"}
    assert parts[0].payload == b"\xaf\x01\xaa"


def test_what_they_have_not_of_their_own_is_that_of_the_aggregate() -> None:
    whole_one = aggregate(tag(8, SOUND, stream_id=77))
    (part,) = sub_messages(whole_one)
    assert part.aggregate is whole_one
    for name in ("connection", "number", "sender", "chunk_stream_id", "message_stream_id", "first", "last"):
        assert getattr(part, name) == getattr(whole_one, name)
    assert part.message_stream_id == 1


@pytest.mark.parametrize(
    ("timestamp", "written", "rebased"),
    [
        (0, [0, 0], [0, 0]),
        (5000, [1000, 1010, 1020], [5000, 5010, 5020]),
        (0, [1000, 1010], [0, 10]),
        (0x1000000, [0xFFFFF0, 0x1000010], [0x1000000, 0x1000020]),
        (0xFFFFFFF0, [0, 0x20], [0xFFFFFFF0, 0x10]),
        (5, [0xFFFFFFFE, 3], [5, 10]),
        (5000, [1000, 990], [5000, 4990]),
        (3, [1000, 990], [3, 0xFFFFFFF9]),
    ],
)
def test_timestamps_are_shifted_into_the_time_of_the_aggregate(
    timestamp: int, written: list[int], rebased: list[int]
) -> None:
    payload = b"".join(tag(8, SOUND, time) for time in written)
    assert [one.timestamp for one in sub_messages(aggregate(payload, timestamp))] == rebased


def test_an_uncertain_time_stays_uncertain(message: MakeMessage) -> None:
    (part,) = sub_messages(message(AGGREGATE, tag(8, SOUND), timestamp_certain=False))
    assert not part.timestamp_certain


def test_other_messages_hold_none(message: MakeMessage) -> None:
    assert sub_messages(message(9, tag(8, SOUND))) == ()
    assert sub_messages(message(AGGREGATE, b"")) == ()
    assert sub_messages(message(AGGREGATE, b"\x08\0")) == ()


def test_a_message_that_reaches_past_the_end_is_cut(message: MakeMessage) -> None:
    first, second = sub_messages(message(AGGREGATE, tag(8, SOUND) + tag(8, SOUND, length=100)))
    assert (first.state, second.state) == ("whole", "cut")
    assert (second.length, second.payload) == (100, SOUND + b"\0\0\0\x0d")


@pytest.mark.parametrize("state", ["aborted", "cut"])
def test_the_last_one_breaks_off_as_the_aggregate_does(message: MakeMessage, state: str) -> None:
    payload = (tag(8, SOUND) + tag(8, SOUND + bytes(100)))[:50]
    first, second = sub_messages(message(AGGREGATE, payload, length=200, state=state))
    assert (first.state, second.state) == ("whole", state)
    assert len(second.payload) == 50 - 17 - HEADER


def test_a_hole_is_in_the_message_that_it_lies_in() -> None:
    payload = tag(8, SOUND + noise(20)) + tag(8, SOUND + noise(50)) + tag(8, SOUND)
    header = 16 + 12  # of the message that sets the chunk size, and of this one
    first, second = sub_messages(aggregate(payload, chunk_size=4096, hole=(header + 37 + 20, header + 37 + 30)))
    assert (first.state, second.state) == ("whole", "damaged")
    assert second.missing == ((9, 19),)
    assert second.length == len(second.payload) == 52
    assert second.payload[:9] == (SOUND + noise(50))[:9]
    assert second.payload[19:] == (SOUND + noise(50))[19:]


# Where they were on the wire

TAGS = [
    tag(8, SOUND + noise(20), 1000),
    tag(9, b"\x32" + noise(300), 1010),
    tag(8, b"", 1020),
    tag(18, b"\x02\0\1f", 1030),
]
PAYLOAD = b"".join(TAGS)


@pytest.mark.parametrize("chunk_size", [1, 7, 11, 37, 128, 4096])
def test_each_is_described_where_it_stood(chunk_size: int) -> None:
    """Byte for byte as in the aggregate, chunk headers between them included."""
    everything = aggregate(PAYLOAD, chunk_size=chunk_size)
    block = describe(everything)
    assert block is not None
    wire = on_the_wire(block)
    start = 0
    for part, written in zip(sub_messages(everything), TAGS, strict=True):
        own = describe(part)
        assert own is not None
        assert own.data == written
        assert part.span == (start, start + len(written))
        assert own.address == part.offset == block.address_of(start)
        mine = on_the_wire(own)
        assert mine.items() <= wire.items()
        assert sorted(mine) == list(range(min(mine), max(mine) + 1))
        assert own.insets == tuple(
            inset._replace(position=inset.position - start)
            for inset in block.insets
            if start < inset.position < start + len(written)
        )
        assert sum(chunk.size * chunk.run for chunk in part.chunks) == len(written)
        start += len(written)


def test_its_fields_are_those_that_it_has_in_the_aggregate() -> None:
    everything = aggregate(PAYLOAD)
    for part, group in zip(sub_messages(everything), everything.decoded.fields, strict=True):
        block = describe(part)
        assert block is not None
        assert [(field.name, field.label, field.start) for field in block.fields] == [
            (field.name, field.label, field.start - group.start) for field in group.children
        ]


def test_a_hole_is_described_in_its_message() -> None:
    header = 16 + 12
    everything = aggregate(PAYLOAD, chunk_size=4096, hole=(header + 100, header + 110))
    _, second = sub_messages(everything)
    block = describe(second)
    assert block is not None
    assert block.data == PAYLOAD[37:100]  # nothing behind the hole is read
    assert block.missing == ()
    assert second.state == "damaged"


sizes = st.lists(st.integers(0, 40), min_size=1, max_size=6)


@st.composite
def chunkings(draw: st.DrawFn, size: int) -> tuple[Chunk, ...]:
    """Chunks for so many bytes: runs of some, with other traffic between them."""
    chunks: list[Chunk] = []
    offset = draw(st.integers(0, 100))
    while size:
        header = draw(st.sampled_from([b"\xc4", b"\xc0\0", b"\xc1\0\1"]))
        each = draw(st.integers(1, size))
        run = draw(st.integers(1, size // each))
        chunks.append(Chunk(offset, header, each, run))
        size -= each * run
        offset += run * (len(header) + each) + draw(st.integers(0, 50))
    return tuple(chunks)


@given(st.data(), sizes)
def test_however_it_was_cut_into_chunks(data: st.DataObject, lengths: list[int]) -> None:
    tags = [tag(7, bytes([number]) * length) for number, length in enumerate(lengths)]
    payload = b"".join(tags)
    everything = made(payload, data.draw(chunkings(len(payload))))
    addresses = [
        chunk.offset + number * (len(chunk.header) + chunk.size) + len(chunk.header) + at
        for chunk in everything.chunks
        for number in range(chunk.run)
        for at in range(chunk.size)
    ]
    start = 0
    for part, written in zip(sub_messages(everything), tags, strict=True):
        own = [
            chunk.offset + number * (len(chunk.header) + chunk.size) + len(chunk.header) + at
            for chunk in part.chunks
            for number in range(chunk.run)
            for at in range(chunk.size)
        ]
        assert own == addresses[start : start + len(written)]
        assert [bool(chunk.header) for chunk in part.chunks] == [False] + [True] * (len(part.chunks) - 1)
        start += len(written)


def made(payload: bytes, chunks: tuple[Chunk, ...], missing: tuple[tuple[int, int], ...] = ()) -> Message:
    state: State = "damaged" if missing else "whole"
    came = Passage(chunks, origin(1), origin(2))
    return Message(1, 1, "server", 4, 1, AGGREGATE, 0, True, len(payload), [payload], missing, came, state)


@given(st.data(), st.lists(tags, max_size=4).map(b"".join) | st.binary(max_size=60))
def test_whatever_the_bytes_each_part_has_its_place(data: st.DataObject, payload: bytes) -> None:
    first, last = sorted(data.draw(st.tuples(st.integers(0, len(payload)), st.integers(0, len(payload)))))
    missing = ((first, last),) if first < last else ()
    everything = made(payload, data.draw(chunkings(len(payload))), missing)
    end = 0
    for part in sub_messages(everything):
        start, stop = part.span
        assert end <= start < stop <= len(payload)
        end = stop
        block = describe(part)
        assert block is not None
        assert block.data == payload[start:stop]
        assert block.address == part.offset
        assert_in_order(block.fields, 0, len(block.data))
        assert (part.state == "whole") == (len(part.payload) == part.length and not part.missing)
        assert say_message(part).isprintable()


def test_many_small_messages_in_small_chunks_take_time_in_proportion() -> None:
    assert grows_gently(seconds, 500, 4000, 20)


def seconds(count: int) -> float:
    """The time that it takes to describe each message of an aggregate alone, which lies in chunks of 10 bytes."""
    payload = tag(8) * count
    everything = made(payload, tuple(Chunk(20 * at, b"\xc4", 10) for at in range(len(payload) // 10)))
    begin = process_time()
    parts = sub_messages(everything)
    assert all(describe(one) is not None for one in parts)
    assert len(parts) == count
    return process_time() - begin
