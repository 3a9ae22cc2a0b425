"""Datagrams in frames: IPv4 and IPv6, whole, cut, fragments, and what is none."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from rtmpsniff.capture.packet import Packet
from rtmpsniff.dissect import Dissection
from rtmpsniff.transport.reassembly import Reassembler
from rtmpsniff.transport.udp import Datagram, datagram_of


def frame(
    payload: bytes, source: tuple[str, int] = ("10.0.0.1", 50000), target: tuple[str, int] = ("10.0.0.2", 1935)
) -> bytes:
    """An Ethernet frame with one datagram."""
    addresses = ip_address(source[0]).packed + ip_address(target[0]).packed
    udp = source[1].to_bytes(2, "big") + target[1].to_bytes(2, "big") + (8 + len(payload)).to_bytes(2, "big") + b"\0\0"
    size = (len(udp) + len(payload)).to_bytes(2, "big")
    if len(addresses) == 32:
        return bytes(12) + b"\x86\xdd" + b"\x60\0\0\0" + size + b"\x11\x40" + addresses + udp + payload
    total = (20 + len(udp) + len(payload)).to_bytes(2, "big")
    return bytes(12) + b"\x08\x00\x45\0" + total + b"\0\0\0\0\x40\x11\0\0" + addresses + udp + payload


def packet(data: bytes, number: int = 1, wire: int | None = None) -> Packet:
    return Packet(0, number, number * 1_000_000, 1, data, len(data) if wire is None else wire)


@pytest.mark.parametrize("addresses", [("10.0.0.1", "10.0.0.2"), ("fe80::1", "fe80::2")])
def test_a_datagram(addresses: tuple[str, str]) -> None:
    data = frame(b"hello", (addresses[0], 5), (addresses[1], 6))
    found = datagram_of(packet(data))
    assert isinstance(found, Datagram)
    assert found.payload == b"hello"
    assert found.missing_tail == 0
    packed = b"".join(ip_address(address).packed for address in addresses)
    assert found.key == packed + b"\0\5\0\6"


def test_what_the_snapshot_length_cut() -> None:
    found = datagram_of(packet(frame(bytes(100))[:-30]))
    assert found is not None
    assert (len(found.payload), found.missing_tail) == (70, 30)


def test_padding_of_the_frame_is_no_payload() -> None:
    found = datagram_of(packet(frame(b"x") + bytes(17)))
    assert found is not None
    assert found.payload == b"x"


def test_what_is_no_datagram() -> None:
    data = frame(b"hello")
    for size in range(42):
        assert datagram_of(packet(data[:size])) is None
    fragment = data[:20] + b"\x20\x00" + data[22:]
    tcp = data[:23] + b"\x06" + data[24:]
    short = data[:38] + b"\0\7" + data[40:]
    version = data[:14] + b"\x65" + data[15:]
    for wrong in (fragment, tcp, short, version, bytes(12) + b"\x08\x06" + bytes(60)):
        assert datagram_of(packet(wrong)) is None
    assert datagram_of(Packet(0, 1, 1, 9999, data, len(data))) is None
    six = frame(b"hello", ("fe80::1", 5), ("fe80::2", 6))
    assert datagram_of(packet(six[:20] + b"\x06" + six[21:])) is None


def test_they_are_handed_on_to_who_wants_them() -> None:
    packets = [packet(frame(b"hello"))]
    assert list(Reassembler().run(packets)) == []
    (found,) = Reassembler(datagrams=True).run(packets)
    assert isinstance(found, Datagram)
    run = Dissection(packets)
    assert list(run) == []
    assert run.other_packets == 1
