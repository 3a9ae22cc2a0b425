"""Where the network header of a frame begins: every link type, tags, and frames that are cut anywhere."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpsniff.transport.link import IPV4, IPV6, LINKS, Network, network

law = settings(deadline=None)  # a busy machine breaks no law

ADDRESSES = bytes(12)  # of an Ethernet frame
COOKED = bytes(14)  # Linux cooked: packet type, hardware type, address; the protocol follows
TAG = bytes.fromhex("81000064")  # 802.1Q, VLAN 100
PACKETS = {IPV4: b"\x45" + bytes(39), IPV6: b"\x60" + bytes(59)}


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


FRAMES = (
    Frame("Ethernet, IPv4", 1, ethernet("0800")),
    Frame("Ethernet, IPv6", 1, ethernet("86dd"), IPV6),
    Frame("a VLAN tag", 1, ethernet("81000064 0800")),
    Frame("a VLAN tag before IPv6", 1, ethernet("81000064 86dd"), IPV6),
    Frame("a priority tag", 1, ethernet("8100e000 0800")),
    Frame("two tags (802.1ad)", 1, ethernet("88a80001 81000064 0800")),
    Frame("old tags", 1, ethernet("91000001 92000002 93000003 0800")),
    Frame("as many tags as there may be", 1, ADDRESSES + 8 * TAG + b"\x08\x00"),
    Frame("SNAP", 1, ethernet("0028 aaaa03000000 0800")),
    Frame("SNAP, IPv6", 1, ethernet("0040 aaaa03000000 86dd"), IPV6),
    Frame("SNAP and a tag", 1, ethernet("0028 aaaa03000000 81000064 0800")),
    Frame("Linux cooked, IPv4", 113, COOKED + b"\x08\x00"),
    Frame("Linux cooked, IPv6", 113, COOKED + b"\x86\xdd", IPV6),
    Frame("Linux cooked, a tag", 113, COOKED + TAG + b"\x08\x00"),
    Frame("Linux cooked v2, IPv4", 276, cooked_2("0800")),
    Frame("Linux cooked v2, IPv6", 276, cooked_2("86dd"), IPV6),
    Frame("Linux cooked v2, a tag", 276, cooked_2("8100", "0064 0800")),
    Frame("Linux cooked v2, two tags", 276, cooked_2("88a8", "0001 81000064 86dd"), IPV6),
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
)

# Frames that carry no IP, or none that can be found.
OTHERS = (
    ("no known link type", 147, ethernet("0800") + PACKETS[IPV4]),
    ("one tag too many", 1, ADDRESSES + 9 * TAG + b"\x08\x00" + PACKETS[IPV4]),
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
