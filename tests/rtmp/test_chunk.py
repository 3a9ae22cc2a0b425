"""Chunk headers one by one: every form of them is read, and described as it is read."""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack
from typing import NamedTuple

import pytest

from rtmpsniff.capture.packet import Origin
from rtmpsniff.fields import Field, Role
from rtmpsniff.rtmp.chunk import LONGEST_HEADER, Channel, Header, header_fields, read_header
from tests.build import basic_header

CHUNK_STREAM_IDS = (2, 3, 62, 63, 64, 65, 318, 319, 320, 65598, 65599)
TIMESTAMPS = (0, 1, 0xFFFFFE, 0xFFFFFF, 0x1000000, 0x7FFFFFFF, 0xFFFFFFFF)
EXTENDED = 0xFFFFFF

BASIC_HEADERS = [
    (csid, width)
    for csid in CHUNK_STREAM_IDS
    for width, ids in ((1, range(2, 64)), (2, range(64, 320)), (3, range(64, 65600)))
    if csid in ids
]


class Sample(NamedTuple):
    """A header, and what stands in it."""

    wire: bytes
    header: Header
    extended: int | None


def samples(csid: int, width: int) -> Iterator[Sample]:
    """Every format with every timestamp behind one basic header."""
    for form in (0, 1, 2):
        for timestamp in TIMESTAMPS:
            stated = min(timestamp, EXTENDED)
            wire = basic_header(form, csid, width) + stated.to_bytes(3, "big")
            length = type_id = stream_id = None
            if form < 2:
                length, type_id = 0x010203, 9
                wire += bytes.fromhex("010203 09")
            if form == 0:
                stream_id = 0x0D0C0B0A
                wire += bytes.fromhex("0a0b0c0d")  # the one field that is little-endian
            header = Header(len(wire), form, csid, stated, length, type_id, stream_id)
            if stated == EXTENDED:
                yield Sample(wire + pack(">L", timestamp), header, timestamp)
            else:
                yield Sample(wire, header, None)
    wire = basic_header(3, csid, width)
    yield Sample(wire, Header(len(wire), 3, csid), None)
    yield Sample(wire + pack(">L", 0x1000000), Header(len(wire), 3, csid), 0x1000000)


every_basic_header = pytest.mark.parametrize(("csid", "width"), BASIC_HEADERS)


@every_basic_header
def test_a_header_is_read_as_it_was_sent(csid: int, width: int) -> None:
    for wire, header, _ in samples(csid, width):
        assert read_header(wire, 0) == header
        assert read_header(b"before" + wire + b"after", 6) == header
        assert len(wire) <= LONGEST_HEADER


@every_basic_header
def test_a_header_is_read_when_it_is_there(csid: int, width: int) -> None:
    for wire, header, _ in samples(csid, width):
        assert all(read_header(wire[:size], 0) is None for size in range(1, header.size))
        assert read_header(wire[: header.size], 0) == header


def test_the_longest_header_has_18_bytes() -> None:
    assert max(len(sample.wire) for sample in samples(65599, 3)) == LONGEST_HEADER == 18


@every_basic_header
def test_the_description_agrees_with_the_reader(csid: int, width: int) -> None:
    for wire, header, extended in samples(csid, width):
        (group,) = header_fields(wire, extended is not None, "goes on")
        assert (group.name, group.role, group.start, group.stop) == (
            "chunk header",
            Role.BASIC_HEADER,
            0,
            len(wire),
        )
        assert group.value == (header.format, csid)
        assert group.label.endswith(f" {header.format}, chunk stream {csid}, goes on")
        assert_every_byte(group.children, len(wire))
        basic, *rest = group.children
        assert (basic.name, basic.stop, basic.inline) == ("basic header", width, True)
        assert [(field.name, field.value) for field in rest] == expected_fields(header, extended)


def assert_every_byte(fields: tuple[Field, ...], size: int) -> None:
    assert [field.start for field in fields] == [0, *(field.stop for field in fields[:-1])]
    assert fields[-1].stop == size


def expected_fields(header: Header, extended: int | None) -> list[tuple[str, int]]:
    named = [
        ("timestamp" if header.format == 0 else "timestamp delta", header.timestamp),
        ("length", header.length),
        ("type", header.type_id),
        ("message stream id", header.message_stream_id),
        ("extended timestamp", extended),
    ]
    return [(name, value) for name, value in named if value is not None]


def test_labels_are_what_a_person_reads() -> None:
    (plain,) = header_fields(bytes.fromhex("04 0003e8 0000c8 09 01000000"), has_extended=False, meaning="")
    assert plain.label.endswith(" 0, chunk stream 4")
    assert [(field.label, field.role) for field in plain.children[1:]] == [
        ("1000 ms", Role.TIMESTAMP),
        ("200 bytes", Role.LENGTH),
        ("9 video", Role.TYPE),
        ("1", Role.STREAM_ID),
    ]
    (extended,) = header_fields(bytes.fromhex("44 ffffff 000002 0a 01036640"), has_extended=True, meaning="")
    assert [(field.label, field.role) for field in extended.children[1:]] == [
        ("see extended timestamp", Role.TIMESTAMP),
        ("2 bytes", Role.LENGTH),
        ("10 unknown", Role.TYPE),
        ("17000000 ms", Role.EXTENDED_TIMESTAMP),
    ]


def test_a_channel_says_how_far_its_message_is() -> None:
    channel = Channel(6)
    channel.type_id, channel.length, channel.left = 9, 200, 72
    assert channel.received == 128
    assert repr(channel) == "<Channel 6 type 9 128 of 200 bytes>"


def test_a_channel_knows_the_least_and_the_greatest_packet() -> None:
    channel = Channel(6)
    channel.first = channel.last = Origin(0, 5, 50)
    for number in (7, 6, 3, 4):
        channel.meet(Origin(0, number, number * 10))
    assert (channel.first.packet, channel.last.packet) == (3, 7)
