"""Where what a frame carries begins: every link type, and frames that are cut anywhere."""

from __future__ import annotations

from struct import pack
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpsniff.transport.link import IPV4, IPV6, LINKS, PPP, PPPOE, Network, network

law = settings(deadline=None)  # a busy machine breaks no law

ADDRESSES = bytes(12)  # of an Ethernet frame
COOKED = bytes(14)  # Linux cooked: packet type, hardware type, address; the protocol follows
VLAN = 0x8100
LLC = "aaaa03000000"  # with SNAP
# What follows: only its first bits are looked at.
PACKETS = {IPV4: b"\x45" + bytes(39), IPV6: b"\x60" + bytes(59), PPP: bytes(40), PPPOE: bytes(40), VLAN: bytes(40)}


class Frame(NamedTuple):
    """What stands before the network header, and which protocol it announces."""

    name: str
    link: int
    head: bytes
    ethertype: int = IPV4

    @property
    def data(self) -> bytes:
        return self.head + PACKETS[self.ethertype]


def ethernet(types: str) -> bytes:
    return ADDRESSES + bytes.fromhex(types)


def cooked_2(protocol: str, tag: str = "") -> bytes:
    """Linux cooked v2: the protocol first, 20 bytes in all, a tag after them."""
    return bytes.fromhex(protocol) + bytes(18) + bytes.fromhex(tag)


def wireless(control: str, more: int = 0) -> bytes:
    """An 802.11 data frame: control, duration, three addresses, sequence, what else there is, SNAP."""
    ethertype = "86dd" if control == "0802" else "0800"
    return bytes.fromhex(control) + bytes(22 + more) + bytes.fromhex(LLC + ethertype)


FRAMES = (
    Frame("Ethernet, IPv4", 1, ethernet("0800")),
    Frame("Ethernet, IPv6", 1, ethernet("86dd"), IPV6),
    Frame("a VLAN tag", 1, ethernet("8100"), VLAN),
    Frame("SNAP", 1, ethernet("0028 aaaa03000000 0800")),
    Frame("SNAP, IPv6", 1, ethernet("0040 aaaa03000000 86dd"), IPV6),
    Frame("SNAP as bridges write it", 1, ethernet("0040 aaaa030000f8 86dd"), IPV6),
    Frame("SNAP and a tag", 1, ethernet("0028 aaaa03000000 8100"), VLAN),
    Frame("Linux cooked, IPv4", 113, COOKED + b"\x08\x00"),
    Frame("Linux cooked, IPv6", 113, COOKED + b"\x86\xdd", IPV6),
    Frame("Linux cooked, a tag", 113, COOKED + b"\x81\x00", VLAN),
    Frame("Linux cooked v2, IPv4", 276, cooked_2("0800")),
    Frame("Linux cooked v2, IPv6", 276, cooked_2("86dd"), IPV6),
    Frame("Linux cooked v2, a tag", 276, cooked_2("8100"), VLAN),
    Frame("loopback, little-endian IPv4", 0, bytes.fromhex("02000000")),
    Frame("loopback, big-endian IPv4", 0, bytes.fromhex("00000002")),
    *(
        Frame(f"loopback, {order}-endian IPv6 as {system} numbers it", 0, family.to_bytes(4, order), IPV6)
        for system, family in (("Linux", 10), ("NetBSD", 24), ("FreeBSD", 28), ("Darwin", 30))
        for order in ("little", "big")
    ),
    Frame("OpenBSD loopback, IPv4", 108, bytes.fromhex("00000002")),
    Frame("OpenBSD loopback, IPv6", 108, bytes.fromhex("00000018"), IPV6),
    *(
        Frame(f"raw as {link}, IPv{version}", link, b"", ethertype)
        for link in (12, 14, 101)
        for version, ethertype in ((4, IPV4), (6, IPV6))
    ),
    Frame("raw IPv4", 228, b""),
    Frame("raw IPv6", 229, b"", IPV6),
    Frame("PPP", 9, b"", PPP),
    Frame("PPP with HDLC's bytes", 50, b"", PPP),
    Frame("a PPPoE session", 51, b"", PPPOE),
    Frame("Cisco HDLC", 104, bytes.fromhex("0f000800")),
    Frame("802.11", 105, wireless("0801")),
    Frame("802.11, from the network", 105, wireless("0802"), IPV6),
    Frame("802.11 with quality of service", 105, wireless("8801", 2)),
    Frame("802.11 with quality of service and HT control", 105, wireless("8881", 6)),
    Frame("802.11 between access points", 105, wireless("0803", 6)),
    Frame("Prism, little-endian", 119, pack("<LL", 0x44, 144) + bytes(136) + wireless("0801")),
    Frame("Prism, big-endian", 119, pack(">LL", 0x44, 144) + bytes(136) + wireless("0801")),
    Frame("AVS", 163, pack(">LL", 0x80211001, 64) + bytes(56) + wireless("0801")),
    Frame("radiotap without flags", 127, pack("<BBHL", 0, 0, 8, 0) + wireless("0801")),
    Frame("radiotap, no padding", 127, pack("<BBHLB", 0, 0, 9, 2, 0x10) + wireless("8801", 2)),
    Frame("radiotap, padded", 127, pack("<BBHLB", 0, 0, 9, 2, 0x20) + wireless("8801", 4)),
    Frame(
        "radiotap with a time and two words", 127, pack("<BBHLL4xQB", 0, 0, 25, 1 << 31 | 3, 0, 7, 0) + wireless("0801")
    ),
    Frame("PPI around 802.11", 192, pack("<BBHL", 0, 0, 12, 105) + bytes(4) + wireless("0801")),
    Frame("PPI around Ethernet", 192, pack("<BBHL", 0, 0, 8, 1) + ethernet("0800")),
    Frame("netfilter log", 239, bytes(4) + pack("<HH", 5, 1) + b"\x01\0\0\0" + pack("<HH", 44, 9)),
    Frame("PKTAP around Ethernet", 258, pack("<LLL", 108, 1, 1) + bytes(96) + ethernet("86dd"), IPV6),
    Frame("PKTAP around raw IP", 258, pack("<LLL", 108, 1, 12) + bytes(96)),
)

# Frames that carry no IP, or none that can be found.
OTHERS = (
    ("no known link type", 147, ethernet("0800") + PACKETS[IPV4]),
    ("802.11, encrypted", 105, wireless("0841") + PACKETS[IPV4]),
    ("802.11, a beacon", 105, wireless("8000") + PACKETS[IPV4]),
    ("802.11, a null frame", 105, wireless("4801") + PACKETS[IPV4]),
    ("802.11, several frames in one", 105, b"\x88\x01" + bytes(22) + b"\x80\0" + bytes.fromhex(LLC) + bytes(40)),
    ("PPI in PPI", 192, 3000 * pack("<BBHL", 0, 0, 8, 192)),
    ("PKTAP in PPI", 192, pack("<BBHL", 0, 0, 8, 258) + pack("<LLL", 12, 1, 1) + bytes(80)),
    ("PPI of no length", 192, pack("<BBHL", 0, 0, 0, 1) + bytes(80)),
    ("a netfilter log without a packet", 239, bytes(4) + 20 * pack("<HH", 4, 1)),
    ("a netfilter log whose attribute has no length", 239, bytes(4) + pack("<HH", 0, 1) + bytes(40)),
    ("IEEE 802.3 without SNAP", 1, ethernet("0026 424203") + bytes(40)),
    ("a vendor's SNAP", 1, ethernet("0028 aaaa0300000c 2000") + bytes(40)),
    ("loopback of another family", 0, bytes.fromhex("07000000") + bytes(40)),
    ("raw, neither 4 nor 6", 101, b"\x50" + bytes(40)),
    ("an empty Ethernet frame", 1, b""),
    ("an empty raw frame", 101, b""),
)


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.name)
def test_network_header(frame: Frame) -> None:
    assert network(frame.link, frame.data) == Network(frame.ethertype, len(frame.head))


def test_every_link_type_is_shown() -> None:
    assert {frame.link for frame in FRAMES} == set(LINKS)


@pytest.mark.parametrize(("link", "data"), [other[1:] for other in OTHERS], ids=[other[0] for other in OTHERS])
def test_no_network_header(link: int, data: bytes) -> None:
    assert network(link, data) is None


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.name)
def test_frame_cut_anywhere(frame: Frame) -> None:
    for size in range(len(frame.data)):
        found = network(frame.link, frame.data[:size])
        if size > len(frame.head):
            assert found == Network(frame.ethertype, len(frame.head))
        elif size < len(frame.head):
            assert found is None


def test_other_ethertypes_are_named() -> None:
    assert network(1, ethernet("0806") + bytes(28)) == Network(0x0806, 14)  # ARP


@law
@given(st.sampled_from([*LINKS, 147]), st.binary(max_size=80))
def test_whatever_the_bytes_a_header_lies_inside_the_frame(link: int, data: bytes) -> None:
    found = network(link, data)
    assert found is None or found.offset <= len(data)
