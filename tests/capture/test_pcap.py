from __future__ import annotations

import random
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.capture.packet import Packet
from rtmpsniff.capture.pcap import GREATEST_LIMIT, USUAL_LIMIT, PcapReader
from rtmpsniff.errors import InputError
from tests.capture.craft import MICRO, MODIFIED, NANO, capture_of, packets_of, pcap_header, record

HEADER_SIZE = 24


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("magic", "fraction", "nanoseconds"),
    [(MICRO, 999_999, 999_999_000), (NANO, 999_999_999, 999_999_999), (MODIFIED, 999_999, 999_999_000)],
)
def test_every_magic_in_both_orders(order: str, magic: int, fraction: int, nanoseconds: int) -> None:
    extra = b"\1\2\3\4\5\6\7\x08" if magic == MODIFIED else b""
    data = pcap_header(order, magic=magic, link=113)
    data += record(b"first", 4_000_000_000, fraction, order, extra=extra)
    data += record(b"", 4_000_000_001, 1, order, extra=extra, wire=60)
    first, second = packets_of(data)
    assert first == Packet(0, 1, 4_000_000_000 * 10**9 + nanoseconds, 113, b"first", 5)
    assert second[:2] == (0, 2)
    assert second[3:] == (113, b"", 60)
    assert isinstance(first, Packet)


def test_a_packet_that_a_snapshot_length_cut() -> None:
    (packet,) = packets_of(pcap_header(snapshot_length=4) + record(b"cut ", wire=1514))
    assert (packet.data, packet.wire_length) == (b"cut ", 1514)


def test_frame_check_sequence_bits_are_no_link_type() -> None:
    assert packets_of(pcap_header(link=0x2400_0001) + record(b"x"))[0].link == 1


def test_a_header_alone_is_an_empty_capture() -> None:
    assert packets_of(pcap_header()) == []


@pytest.mark.parametrize("version", [(2, 3), (2, 5), (1, 4), (3, 0)])
def test_unknown_versions(version: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=rf"pcap file of version {version[0]}\.{version[1]}; only 2\.4"):
        capture_of(pcap_header(version=version))


def test_the_capture_index_is_on_every_packet() -> None:
    assert [packet.capture for packet in capture_of(pcap_header() + 3 * record(b"x"), index=7)] == [7, 7, 7]


def test_every_cut() -> None:
    sizes = [0, 1, 15, 16, 17, 60]
    records = [record(bytes([size]) * size, number + 1) for number, size in enumerate(sizes)]
    data = pcap_header() + b"".join(records)
    whole = packets_of(data)
    ends = list(accumulate(map(len, records), initial=HEADER_SIZE))
    for cut in range(HEADER_SIZE, len(data) + 1):
        capture = capture_of(data[:cut])
        packets = list(capture)
        count = sum(end <= cut for end in ends) - 1
        assert packets == whole[:count]
        assert bool(capture.truncated) == (cut not in ends)
        assert capture.packets == count
        if count and cut not in ends:
            assert capture.truncated.startswith(f"ends inside a record after packet {count}: ")


def test_what_a_cut_says() -> None:
    data = pcap_header() + record(bytes(44), 1)
    capture = capture_of(data + record(bytes(44), 2)[:20])
    list(capture)
    assert capture.truncated == "ends inside a record after packet 1: 40 of 60 bytes are missing"
    capture = capture_of(data + record(bytes(44), 2)[:15])
    list(capture)
    assert capture.truncated == "ends inside a record after packet 1: only 15 bytes of it are there"
    capture = capture_of(data[:30])
    list(capture)
    assert capture.truncated == "ends inside a record before any packet: only 6 bytes of it are there"


@pytest.mark.parametrize("cut", [4, 5, 23])
def test_a_cut_file_header(cut: int) -> None:
    with pytest.raises(InputError, match=f"ends inside its pcap header: {24 - cut} of 24 bytes are missing"):
        capture_of(pcap_header()[:cut])


@pytest.mark.parametrize(
    ("snapshot_length", "size", "fits"),
    [
        (96, USUAL_LIMIT, True),  # packets longer than the snapshot length are seen in the wild
        (96, USUAL_LIMIT + 1, False),
        (0, USUAL_LIMIT + 1, False),
        (524_288, 524_288, True),
        (524_288, 524_289, False),
        (0xFFFFFFFF, GREATEST_LIMIT, True),
        (0xFFFFFFFF, GREATEST_LIMIT + 1, False),
    ],
)
@pytest.mark.parametrize("lead", [0, 200_000])  # so that it stands in a block of its own and behind another record
def test_the_longest_record(snapshot_length: int, size: int, fits: bool, lead: int) -> None:
    data = pcap_header(snapshot_length=snapshot_length) + record(bytes(lead)) + record(bytes(size)) + record(b"next")
    capture = capture_of(data)
    assert [len(packet.data) for packet in capture] == ([lead, size, 4] if fits else [lead])
    offset = HEADER_SIZE + 16 + lead
    expected = f"is unreadable after packet 1, from byte {offset} on: a record claims {size} bytes"
    assert capture.truncated == ("" if fits else expected)


def test_zeros_at_the_end_are_no_packets() -> None:
    capture = capture_of(pcap_header() + record(b"x") + bytes(4096))
    assert len(list(capture)) == 1
    assert capture.truncated == "is unreadable after packet 1, from byte 41 on: a record of zeros"


def test_garbage_right_after_the_header() -> None:
    capture = capture_of(pcap_header() + b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
    assert list(capture) == []
    assert capture.truncated == "is unreadable before any packet, from byte 24 on: a record claims 825184340 bytes"


def test_many_blocks() -> None:
    generator = random.Random(5)
    frames = [generator.randbytes(generator.randrange(3000)) for _ in range(2000)]
    data = pcap_header() + b"".join(record(frame, number, wire=4000) for number, frame in enumerate(frames))
    capture = capture_of(data, index=1)
    packets = [Packet(1, number + 1, number * 10**9, 1, frame, 4000) for number, frame in enumerate(frames)]
    assert list(capture) == packets
    assert (capture.packets, capture.bytes) == (2000, sum(map(len, frames)))
    assert (capture.first_time, capture.last_time) == (0, 1999 * 10**9)
    assert list(capture_of(data, iter(lambda: generator.randrange(1, 3000), 0), 1)) == packets


def test_repr_shows_where_it_waits() -> None:
    reader = PcapReader()
    assert repr(reader) == "<PcapReader 0 packets, needs 24>"
    reader.read(pcap_header() + record(b"x") + record(b"longer")[:20], 0)
    assert repr(reader) == "<PcapReader 1 packets, needs 22>"
    reader.read(b"\xff" * 16, 0)
    assert repr(reader) == "<PcapReader 1 packets, needs 16, a record claims 4294967295 bytes>"


@given(st.sampled_from([MICRO, NANO, MODIFIED]), st.sampled_from("<>"), st.binary(max_size=300), st.data())
def test_any_bytes_after_the_header(magic: int, order: str, garbage: bytes, data: st.DataObject) -> None:
    """Whatever the bytes, reading ends, says where, and does not depend on how the bytes arrive."""
    wire = pcap_header(order, magic=magic, snapshot_length=0xFFFFFFFF) + garbage
    whole, pieces = capture_of(wire), capture_of(wire, data.draw(st.lists(st.integers(1, 40))))
    assert list(whole) == list(pieces)
    assert whole.truncated == pieces.truncated
    assert whole.bytes + 16 * whole.packets <= len(garbage)
    header_size = 24 if magic == MODIFIED else 16
    if not whole.truncated:
        assert whole.bytes + header_size * whole.packets == len(garbage)
