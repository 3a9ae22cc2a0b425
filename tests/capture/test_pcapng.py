from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.capture.packet import Packet
from rtmpsniff.capture.pcapng import LIMIT, PcapngReader
from rtmpsniff.errors import InputError
from tests.capture.craft import (
    block,
    capture_of,
    enhanced,
    interface,
    obsolete,
    option,
    packets_of,
    resolution,
    section,
    simple,
    statistics,
)

NOW = 1_700_000_000  # seconds
NAME_RESOLUTION, STATISTICS, SECRETS, CUSTOM = 4, 5, 0x0A, 0x0BAD


@pytest.mark.parametrize("order", ["<", ">"])
def test_microseconds_are_the_default(order: str) -> None:
    data = section(order) + interface(order, link=113) + enhanced(b"hello", NOW * 10**6 + 999_999, order, wire=1514)
    assert packets_of(data) == [Packet(0, 1, NOW * 10**9 + 999_999_000, 113, b"hello", 1514)]


@pytest.mark.parametrize(
    ("code", "ticks", "nanoseconds"),
    [
        (0, NOW, NOW * 10**9),
        (3, NOW * 1000 + 7, NOW * 10**9 + 7_000_000),
        (6, NOW * 10**6 + 7, NOW * 10**9 + 7_000),
        (9, NOW * 10**9 + 7, NOW * 10**9 + 7),
        (9, 2**64 - 1, 2**64 - 1),
        (10, NOW * 10**10 + 79, NOW * 10**9 + 7),
        (12, 2**64 - 1, (2**64 - 1) // 1000),
        (127, 2**64 - 1, 0),
        (0x80, NOW, NOW * 10**9),
        (0x81, NOW * 2 + 1, NOW * 10**9 + 500_000_000),
        (0x9E, (NOW << 30) + 1, NOW * 10**9),
        (0x9E, (NOW << 30) + 2**30 - 1, NOW * 10**9 + 999_999_999),
        (0xA0, (NOW << 32) + 2**31, NOW * 10**9 + 500_000_000),
        (0xFF, 2**64 - 1, 0),
    ],
)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packet", [enhanced, obsolete])
def test_resolutions(code: int, ticks: int, nanoseconds: int, order: str, packet: Callable[..., bytes]) -> None:
    data = section(order) + interface(order, options=resolution(code, order)) + packet(b"x", ticks, order)
    assert [each.time for each in packets_of(data)] == [nanoseconds]


@pytest.mark.parametrize("code", [6, 9, 0x9E])
@pytest.mark.parametrize("offset", [NOW, -3600, 0])
def test_offset(code: int, offset: int) -> None:
    options = option(9, bytes([code])) + option(14, pack("<q", offset)) + option(0, b"")
    data = section() + interface(options=options) + enhanced(b"x", 0)
    assert packets_of(data)[0].time == offset * 10**9


def test_options_are_read_as_far_as_they_fit() -> None:
    strange = option(2, b"eth0") + option(9, b"\x09\x09") + option(14, b"short")  # wrong lengths: the defaults hold
    late = option(0, b"") + option(9, b"\x09")  # behind the end of options
    torn = option(9, b"\x09") + pack("<HH", 3, 500)
    times = [
        packets_of(section() + interface(options=each) + enhanced(b"x", 1))[0].time for each in (strange, late, torn)
    ]
    assert times == [1000, 1000, 1]


def test_two_interfaces_of_different_units_and_link_types() -> None:
    data = section() + interface(link=1) + interface(link=276, options=resolution(9))
    for number in range(3):
        data += enhanced(b"us", NOW * 10**6 + number, index=0) + enhanced(b"ns", NOW * 10**9 + number, index=1)
    packets = packets_of(data)
    assert [packet.time - NOW * 10**9 for packet in packets] == [0, 0, 1000, 1, 2000, 2]
    assert [packet.link for packet in packets] == [1, 276] * 3
    assert [packet.number for packet in packets] == [1, 2, 3, 4, 5, 6]


def test_an_interface_described_between_packets() -> None:
    data = section() + interface() + enhanced(b"a", 1) + interface(link=101) + enhanced(b"b", 2, index=1)
    assert [(packet.link, packet.data) for packet in packets_of(data)] == [(1, b"a"), (101, b"b")]


def test_a_section_forgets_the_interfaces_and_the_byte_order() -> None:
    data = section("<") + interface("<", link=1, options=resolution(9)) + enhanced(b"little", 1)
    data += section(">") + interface(">", link=101) + enhanced(b"big", 2, ">") + enhanced(b"end", 3, ">")
    packets = packets_of(data)
    assert [(p.number, p.time, p.link, p.data) for p in packets] == [
        (1, 1, 1, b"little"),
        (2, 2000, 101, b"big"),
        (3, 3000, 101, b"end"),
    ]


def test_simple_packets_have_the_time_before() -> None:
    data = (
        section() + interface(snapshot_length=5) + simple(b"first") + enhanced(b"timed", 7) + simple(b"cut s", wire=9)
    )
    packets = packets_of(data)
    assert [packet.time for packet in packets] == [0, 7000, 7000]
    assert [packet.data for packet in packets] == [b"first", b"timed", b"cut s"]
    assert packets[2].wire_length == 9


def test_blocks_of_other_types_are_passed_over() -> None:
    others = [
        block(kind, bytes(length)) for kind in (NAME_RESOLUTION, STATISTICS, SECRETS, CUSTOM) for length in (0, 9)
    ]
    data = section() + others[0] + interface() + b"".join(each + enhanced(b"x", 1) for each in others)
    assert len(packets_of(data)) == len(others)


@pytest.mark.parametrize("order", ["<", ">"])
def test_what_was_dropped_while_capturing(order: str) -> None:
    """By the statistics of the interface, whose last ones hold, and by the packets."""
    start = section(order) + interface(order)
    two = (option(5, pack(order + "Q", 7), order), option(7, pack(order + "Q", 2), order), option(0, b"", order))
    stated = statistics(option(2, bytes(8), order), *two, order=order)
    counted = [enhanced(b"abc", 1, order, options=option(4, pack(order + "Q", n), order)) for n in (3, 0, 8)]
    early = statistics(option(5, pack(order + "Q", 5), order), order=order)
    assert dropped(start + enhanced(b"x", 1, order)) is None
    assert dropped(start + statistics(option(5, bytes(8), order), order=order)) == 0
    assert dropped(start + early + stated) == 9
    assert dropped(start + b"".join(counted)) == 11
    assert dropped(start + b"".join(counted) + stated) == 11  # they tell of the same packets
    assert dropped(start + obsolete(b"abcd", 1, order, drops=4) + obsolete(b"abcd", 1, order)) == 4
    assert dropped((start + b"".join(counted)) * 2) == 22


def test_drops_that_nobody_knows() -> None:
    start = section() + interface()
    unknown, short = option(5, b"\xff" * 8), option(5, b"\1\0")
    assert dropped(start + statistics(unknown)) is None
    assert dropped(start + statistics(short)) is None
    assert dropped(start + block(STATISTICS, b"")) is None
    assert dropped(start + enhanced(b"x", 1, options=unknown)) is None


def dropped(data: bytes) -> int | None:
    capture = capture_of(data)
    assert list(capture) or b"abc" not in data
    return capture.dropped


def test_options_behind_a_packet_are_no_data() -> None:
    data = section() + interface() + enhanced(b"abc", 1, options=option(1, b"a comment") + option(0, b""))
    assert packets_of(data)[0].data == b"abc"


def test_a_wrong_trailing_length_is_forgiven() -> None:
    wrong = enhanced(b"abc", 1)[:-4] + b"\xff\xff\xff\xff"
    assert len(packets_of(section() + interface() + wrong + wrong)) == 2


def test_every_cut() -> None:
    blocks = [
        section(),
        interface(),
        enhanced(b"one", 1),
        block(NAME_RESOLUTION, b"name"),
        simple(b"two!"),
        obsolete(b"three", 3),
        section(">"),
        interface(">"),
        enhanced(b"four", 4, ">"),
    ]
    data = b"".join(blocks)
    whole = packets_of(data)
    ends = list(accumulate(map(len, blocks)))
    made = [ends[index] for index in (2, 4, 5, 8)]  # with these the packets are whole
    for cut in range(ends[0], len(data) + 1):
        capture = capture_of(data[:cut])
        assert list(capture) == whole[: sum(end <= cut for end in made)]
        assert bool(capture.truncated) == (cut not in ends)


def test_what_a_cut_says() -> None:
    data = section() + interface() + enhanced(bytes(28), 1)
    capture = capture_of(data + enhanced(bytes(28), 2)[:20])
    list(capture)
    assert capture.truncated == "ends inside a block after packet 1: 40 of 60 bytes are missing"
    capture = capture_of(data[:55])
    list(capture)
    assert capture.truncated == "ends inside a block before any packet: only 7 bytes of it are there"


@pytest.mark.parametrize(("cut", "need"), [(4, 12), (11, 12), (12, 28), (27, 28)])
def test_a_cut_section_header(cut: int, need: int) -> None:
    with pytest.raises(InputError, match=f"ends inside its pcapng header: {need - cut} of {need} bytes are missing"):
        capture_of(section()[:cut])


@pytest.mark.parametrize(
    ("wrong", "trouble"),
    [
        (pack("<III", 6, 0xFFFFFFF0, 0), "a block of type 6 claims 4294967280 bytes"),
        (pack("<III", 6, LIMIT + 4, 0), "a block of type 6 claims 16777220 bytes"),
        (pack("<III", 6, 0, 0), "a block of type 6 claims 0 bytes"),
        (pack("<III", 6, 8, 0), "a block of type 6 claims 8 bytes"),
        (pack("<II", 6, 37) + bytes(64), "a block of type 6 claims 37 bytes"),
        (block(6, bytes(16)), "a packet block of 28 bytes"),
        (block(2, bytes(16)), "a packet block of 28 bytes"),
        (block(3, b""), "a simple packet block of 12 bytes"),
        (block(1, b"\1\0\0\0"), "an interface description of 16 bytes"),
        (enhanced(b"x", 1, index=2), "a packet of interface 2, where 1 are described"),
        (obsolete(b"x", 1, index=2), "a packet of interface 2, where 1 are described"),
        (block(6, pack("<IIIII", 0, 0, 0, 9, 9) + bytes(8)), "a packet block of 40 bytes claims 9 bytes of packet"),
        (block(2, pack("<IIIII", 0, 0, 0, 9, 9) + bytes(8)), "a packet block of 40 bytes claims 9 bytes of packet"),
        (section(version=(2, 0)), "a section of version 2.0; only 1.0 can be read"),
        (block(0x0A0D0D0A, pack("<I", 0x1A2B3C4D)), "a section header of 16 bytes"),
        (block(0x0A0D0D0A, bytes(16)), "a section header has the byte order 00 00 00 00"),
        (b"GET / HTTP/1.1\r\n\r\n", "a block of type 542393671 claims 1414012975 bytes"),
        (section() + simple(b"x"), "a packet of interface 0, where 0 are described"),
        (section() + enhanced(b"x", 1), "a packet of interface 0, where 0 are described"),
    ],
)
def test_what_cannot_be_read_ends_the_file(wrong: bytes, trouble: str) -> None:
    good = section() + interface() + enhanced(b"good", 1)
    capture = capture_of(good + wrong + enhanced(b"not reached", 2))
    assert [packet.data for packet in capture] == [b"good"]
    offset = len(good) + (len(section()) if "0 are described" in trouble else 0)
    assert capture.truncated == f"is unreadable after packet 1, from byte {offset} on: {trouble}"
    assert trouble in repr(capture)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (section(version=(2, 1)), r"is a pcapng file of version 2\.1; only 1\.0 can be read"),
        (block(0x0A0D0D0A, bytes(16)), "is not a pcapng capture: a section header has the byte order 00 00 00 00"),
        (block(0x0A0D0D0A, pack("<I", 0x1A2B3C4D)), "is not a pcapng capture: a section header of 16 bytes"),
        (pack("<III", 0x0A0D0D0A, 7, 0x1A2B3C4D), "is not a pcapng capture: a block of type 168627466 claims 7 bytes"),
    ],
)
def test_a_first_section_header_that_is_wrong(wrong: bytes, error: str) -> None:
    with pytest.raises(InputError, match=f"^{error}$"):
        capture_of(wrong)


def test_version_1_2_means_1_0() -> None:
    assert packets_of(section(version=(1, 2))) == []


def test_a_great_block_is_passed_over() -> None:
    data = section() + interface() + block(CUSTOM, bytes(LIMIT - 12)) + enhanced(b"x", 1)
    assert len(packets_of(data)) == 1


def test_many_blocks() -> None:
    frames = [bytes([number & 255]) * (number % 1500) for number in range(3000)]
    blocks = [enhanced(frame, number, wire=2000) for number, frame in enumerate(frames)]
    capture = capture_of(section() + interface(link=12) + b"".join(blocks), index=3)
    assert list(capture) == [Packet(3, n + 1, n * 1000, 12, frame, 2000) for n, frame in enumerate(frames)]
    assert (capture.packets, capture.bytes) == (3000, sum(map(len, frames)))
    assert (capture.first_time, capture.last_time) == (0, 2_999_000)


def test_repr_shows_where_it_waits() -> None:
    reader = PcapngReader()
    assert repr(reader) == "<PcapngReader 0 packets, needs 12>"
    reader.read(section() + interface() + enhanced(b"x", 1) + enhanced(b"", 1)[:20], 0)
    assert repr(reader) == "<PcapngReader 1 packets, needs 32>"


BLOCKS = [
    section("<"),
    section(">"),
    interface("<", options=resolution(9)),
    interface(">"),
    enhanced(b"packet", 1, "<"),
    enhanced(b"packet", 1, ">"),
    simple(b"packet"),
    obsolete(b"packet", 1),
    block(CUSTOM, b"custom"),
]


@given(st.lists(st.sampled_from(BLOCKS) | st.binary(max_size=80)), st.data())
def test_any_bytes_after_the_header(parts: list[bytes], data: st.DataObject) -> None:
    """Whatever the bytes, reading ends, says where, and does not depend on how the bytes arrive."""
    wire = section() + b"".join(parts)
    whole, pieces = capture_of(wire), capture_of(wire, data.draw(st.lists(st.integers(1, 40))))
    assert list(whole) == list(pieces)
    assert whole.truncated == pieces.truncated
    assert whole.bytes <= len(wire)
    assert all(isinstance(packet.data, bytes) for packet in capture_of(wire))
