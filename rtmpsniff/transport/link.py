"""Link layers: where in a captured frame the network protocol begins.

Takes a frame and its link type, gives the EtherType and the offset of the network header, or None where the frame
carries something else. VLAN tags are skipped, as many as there are up to a limit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

ETHERNET: Final = 1

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
_VLAN_TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100, 0x9200, 0x9300})
_MOST_VLAN_TAGS: Final = 8
_LOWEST_ETHERTYPE: Final = 0x600  # smaller numbers in an Ethernet frame are lengths
_SNAP: Final = b"\xaa\xaa\x03\x00\x00\x00"


class Network(NamedTuple):
    """Where the network header of a frame begins, and which protocol it is."""

    ethertype: int
    offset: int


def network(link: int, data: bytes) -> Network | None:
    """Find the network header of a frame; None where the link type is not known or the frame too short."""
    reader = LINKS.get(link)
    return None if reader is None else reader(data)


def _u16(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 2], "big")


def _tagged(data: bytes, offset: int) -> Network | None:
    """The EtherType at `offset`, after any VLAN tags (IEEE 802.1Q, 802.1ad and their forerunners)."""
    for _ in range(_MOST_VLAN_TAGS + 1):
        ethertype = _u16(data, offset)
        if len(data) < offset + 2:
            return None
        if ethertype not in _VLAN_TAGS:
            return Network(ethertype, offset + 2)
        offset += 4
    return None


def _ethernet(data: bytes) -> Network | None:
    if _u16(data, 12) >= _LOWEST_ETHERTYPE:
        return _tagged(data, 12)
    return _tagged(data, 20) if data[14:20] == _SNAP else None


def _linux_cooked(data: bytes) -> Network | None:
    return _tagged(data, 14)


def _linux_cooked_2(data: bytes) -> Network | None:
    """The protocol stands first and the network header behind all 20 bytes of SLL2."""
    ethertype = _u16(data, 0)
    if ethertype in _VLAN_TAGS:
        return _tagged(data, 22)
    return Network(ethertype, 20) if len(data) > 20 else None


def _null(data: bytes) -> Network | None:
    """An address family in the byte order of the machine that captured: 2 is IPv4, IPv6 differs by system."""
    family = int.from_bytes(data[:4], "little")
    if family > 0xFFFF:
        family = int.from_bytes(data[:4], "big")
    ethertype = {2: IPV4, 10: IPV6, 24: IPV6, 28: IPV6, 30: IPV6}.get(family)
    return None if ethertype is None or len(data) < 4 else Network(ethertype, 4)


def _raw(data: bytes) -> Network | None:
    ethertype = {4: IPV4, 6: IPV6}.get(data[0] >> 4) if data else None
    return None if ethertype is None else Network(ethertype, 0)


LINKS: Final[dict[int, Callable[[bytes], Network | None]]] = {
    0: _null,  # NULL
    ETHERNET: _ethernet,
    12: _raw,  # RAW as most systems number it in files
    14: _raw,  # RAW on OpenBSD
    101: _raw,  # RAW
    108: _null,  # LOOP: as NULL, always big-endian
    113: _linux_cooked,  # LINUX_SLL
    228: _raw,  # IPV4
    229: _raw,  # IPV6
    276: _linux_cooked_2,  # LINUX_SLL2
}
