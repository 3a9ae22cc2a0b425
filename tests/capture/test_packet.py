"""Both forms of a packet say the same."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.packet import TICK, Packet, Packets, cut, tick, uncut
from tests.capture.craft import capture_of, enhanced, interface, pcap_header, record, section

PACKETS = [Packet(1, 2, 3, 4, b"data", 60), Packet(1, 3, 5, 101, b"", 0), tick(Packet(0, 9, 90, 1, b"x", 1), 100)]


@pytest.mark.parametrize("packets", [PACKETS, []])
def test_there_and_back(packets: list[Packet]) -> None:
    assert list(map(cut, uncut(packets))) == packets


@pytest.mark.parametrize(
    "data", [pcap_header() + record(b"one", 1) + record(b"two", 2), section() + interface() + enhanced(b"one", 1)]
)
def test_readers_leave_packets_where_they_stand(data: bytes) -> None:
    capture = capture_of(data)
    assert isinstance(capture, Packets)
    found = [(block, block[start:stop]) for _, link, block, start, stop, _ in capture.uncut() if link != TICK]
    assert all(block is data or block in data for block, _ in found)
    assert [part for _, part in found] == [packet.data for packet in capture_of(data)]
