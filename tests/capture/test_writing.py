"""What is written is read again, by our own readers and by dpkt."""

from __future__ import annotations

import io
from collections.abc import Callable

import dpkt
import pytest

from rtmpsniff.capture.files import CaptureFile
from rtmpsniff.capture.packet import Packet, uncut
from rtmpsniff.capture.writing import Format, PcapFormat, PcapngFormat
from tests.capture.craft import Pieces

TIME = 1_700_000_000_123_456_789
PACKETS = [Packet(0, n, TIME + n, 1, bytes(range(n + 14)), n + 100) for n in range(1, 9)]

FORMATS: list[Callable[[str, int], Format]] = [PcapFormat, PcapngFormat]


def read_again(data: bytes) -> list[Packet]:
    with CaptureFile("kept", Pieces(data, [])) as file:
        packets = list(file)
        assert not file.truncated
    return packets


@pytest.mark.parametrize("make", FORMATS)
def test_packets_are_read_as_they_were(make: Callable[[str, int], Format]) -> None:
    form = make("eth0", 262_144)
    assert read_again(form.header() + form.records(uncut(PACKETS[:3])) + form.records(uncut(PACKETS[3:]))) == PACKETS


def test_dpkt_reads_the_same() -> None:
    pcap, pcapng = PcapFormat("eth0", 65535), PcapngFormat("eth0", 65535)
    first = dpkt.pcap.Reader(io.BytesIO(pcap.header() + pcap.records(uncut(PACKETS))))
    second = dpkt.pcapng.Reader(io.BytesIO(pcapng.header() + pcapng.records(uncut(PACKETS))))
    assert (first.snaplen, first.datalink()) == (65535, 1)
    for reader in (first, second):
        assert [data for _, data in reader] == [packet.data for packet in PACKETS]


def test_raw_ip_stays_so_in_pcapng_and_gets_a_header_in_pcap() -> None:
    mixed = [PACKETS[0], Packet(0, 2, TIME, 101, b"\x45rest", 5), Packet(0, 3, TIME, 101, b"\x60rest", 5), PACKETS[3]]
    pcapng = PcapngFormat("any", 262_144)
    again = read_again(pcapng.header() + pcapng.records(uncut(mixed)))
    assert [(packet.link, packet.data, packet.wire_length) for packet in again] == [
        (packet.link, packet.data, packet.wire_length) for packet in mixed
    ]
    pcap = PcapFormat("any", 262_144)
    framed = read_again(pcap.header() + pcap.records(uncut(mixed)))
    assert framed[1][3:] == (1, bytes(12) + b"\x08\x00\x45rest", 19)
    assert framed[2][3:] == (1, bytes(12) + b"\x86\xdd\x60rest", 19)


def test_each_file_describes_its_interfaces_anew() -> None:
    form = PcapngFormat("any", 262_144)
    raw = [Packet(0, 1, TIME, 101, b"\x45", 1)]
    assert (
        read_again(form.header() + form.records(uncut(raw)))
        == read_again(form.header() + form.records(uncut(raw)))
        == raw
    )
