"""Events become blocks: every byte in its place on the wire, with the meaning of each chunk header."""

from __future__ import annotations

import pytest

from rtmpsniff.fields import Block, Field
from rtmpsniff.rtmp.chunk import read_header
from rtmpsniff.rtmp.describe import describe
from rtmpsniff.rtmp.events import Event, Greeting, Message
from tests.build import ChunkWriter, Extended, handshake
from tests.rtmp.feeding import CLIENT_HELLO, Turn, converse, greetings, messages, read, whole
from tests.rtmp.test_direction import joined, noise, with_holes

VIDEO = 9


def block_of(event: Event) -> Block:
    block = describe(event)
    assert block is not None
    return block


def on_the_wire(block: Block) -> dict[int, int]:
    """The bytes of a block by their place in the stream."""
    wire = {block.address_of(position): byte for position, byte in enumerate(block.data)}
    wire |= {inset.address + at: byte for inset in block.insets for at, byte in enumerate(inset.data)}
    return wire


def assert_in_order(fields: tuple[Field, ...], start: int, stop: int) -> None:
    """Fields stand in order, inside their buffer and inside each other."""
    for field in fields:
        assert start <= field.start <= field.stop <= stop
        assert_in_order(field.children, field.start, field.stop)


STREAMS = {
    "one chunk": joined(ChunkWriter().message(6, VIDEO, 1, 40, noise(20))),
    "no byte": joined(ChunkWriter().message(6, VIDEO, 1, 40, b"")),
    "two chunks": joined(ChunkWriter().message(6, VIDEO, 1, 40, noise(200))),
    "a run": joined(ChunkWriter().message(6, VIDEO, 1, 40, noise(1000))),
    "long basic headers": joined(ChunkWriter().message(4000, VIDEO, 1, 40, noise(1000))),
    "extended": joined(ChunkWriter().message(6, VIDEO, 1, 0x2000000, noise(1000))),
    "extended, left out": joined(ChunkWriter(128, "omit").message(6, VIDEO, 1, 0x2000000, noise(1000))),
    "interleaved": joined(
        *zip(
            ChunkWriter().message(6, VIDEO, 1, 40, noise(1000)),
            ChunkWriter().message(500, VIDEO, 1, 40, noise(1001)),
            strict=True,
        )
    ),
    "begun by format 3": joined(ChunkWriter().message(6, VIDEO, 1, 0, noise(600)))
    + joined(ChunkWriter().message(6, VIDEO, 1, 0, noise(600), fmt=3)),
}


@pytest.mark.parametrize("name", STREAMS)
def test_blocks_give_the_stream_back(name: str) -> None:
    stream = STREAMS[name]
    wire: dict[int, int] = {}
    for event in read(stream, whole):
        block = block_of(event) if isinstance(event, Message) else Block(0, b"", ())
        assert_in_order(block.fields, 0, len(block.data))
        assert not wire.keys() & on_the_wire(block).keys()
        wire |= on_the_wire(block)
    assert bytes(wire[at] for at in sorted(wire)) == stream
    assert min(wire) == len(CLIENT_HELLO)


@pytest.mark.parametrize("name", STREAMS)
def test_each_inset_is_described_as_it_is_read(name: str) -> None:
    for message in messages(read(STREAMS[name], whole)):
        insets = block_of(message).insets
        assert len(insets) == message.chunk_count
        for number, inset in enumerate(insets):
            (group,) = inset.fields
            header = read_header(inset.data, 0)
            assert header is not None
            assert group.value == (header.format, header.chunk_stream_id)
            assert (group.start, group.stop) == (0, len(inset.data))
            assert group.label.endswith("goes on") == (number > 0)


@pytest.mark.parametrize(
    ("style", "extended"), [("repeat", [True, True]), ("zeros", [True, True]), ("omit", [True, False])]
)
def test_extended_timestamps_are_described_where_they_stand(style: Extended, extended: list[bool]) -> None:
    stream = joined(ChunkWriter(128, style).message(6, VIDEO, 1, 0x2000000, noise(200)))
    (message,) = messages(read(stream, whole))
    names = [[field.name for field in inset.fields[0].children] for inset in block_of(message).insets]
    assert ["extended timestamp" in own for own in names] == extended


def test_what_was_never_captured_is_marked() -> None:
    stream = joined(ChunkWriter().message(6, VIDEO, 1, 40, noise(200)))
    (message,) = messages(read(with_holes(stream, (20, 30)), whole))
    assert block_of(message).missing == ((8, 18),)


def test_greetings_are_described() -> None:
    flights = handshake()
    turns: list[Turn] = [("client", flights.c0c1), ("server", flights.s0s1s2), ("client", flights.c2)]
    events = converse(turns)
    assert [(one.offset, len(one.data)) for one in greetings(events)] == [
        (0, 1537),
        (0, 1537),
        (1537, 1536),
        (1537, 1536),
    ]
    for event in greetings(events):
        block = block_of(event)
        assert (block.address, block.data, block.insets, block.missing) == (event.offset, event.data, (), ())
        assert block.fields[-1].stop == len(event.data)


def test_a_hole_in_a_greeting_is_marked() -> None:
    first = next(
        one for one in read(with_holes(CLIENT_HELLO, (100, 200)), whole, hello=b"") if isinstance(one, Greeting)
    )
    assert block_of(first).missing == ((100, 200),)


def test_other_events_have_no_bytes_of_their_own() -> None:
    events = converse([("client", b"GET / HTTP/1.1\r\n\r\n")])
    assert len(events) == 4
    assert [describe(event) for event in events] == [None] * 4
