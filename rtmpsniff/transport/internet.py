"""The headers of IPv4 (RFC 791) and IPv6 (RFC 8200), down to the protocol that they carry.

Takes the bytes of a frame and where a header begins, gives what it says. Checksums are not looked at: where a network
card computes them, a capture on the sender's machine does not have them.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from rtmpsniff.capture.packet import new_tuple

FRAGMENT: Final = 44
AUTHENTICATION: Final = 51
EXTENSIONS: Final = frozenset({0, 43, 60, 135, 139, 140})  # IPv6 headers of (n + 1) * 8 bytes
_MOST_EXTENSIONS: Final = 16
# Version and length, total length, identification, fragment, protocol, both addresses.
_IPV4_HEADER: Final = Struct(">BxH2sHxB2x8s")


class Fragment(NamedTuple):
    """Which part of a packet this is."""

    offset: int
    more: bool  # others follow it


class Internet(NamedTuple):
    """What an IP header says. `start` and `stop` are those of its payload, on the wire: the capture may end before."""

    addresses: bytes  # source, target
    protocol: int
    start: int
    stop: int
    identification: bytes  # empty where there is none
    fragment: Fragment | None


class Extensions(NamedTuple):
    """What stands behind the extension headers of an IPv6 packet."""

    protocol: int
    start: int
    identification: bytes = b""
    fragment: Fragment | None = None


def ipv4(data: bytes, start: int, wire_stop: int) -> Internet | None:
    """The header at `start`, where a frame that is on the wire until `wire_stop` has one."""
    if start + 20 > len(data):
        return None
    first, total, identification, bits, protocol, addresses = _IPV4_HEADER.unpack_from(data, start)
    if not 0x45 <= first <= 0x4F:
        return None
    # Total length 0: the network card was to cut this packet to size, the frame's own length holds.
    stop = start + total if total else wire_stop
    fragment = Fragment((bits & 0x1FFF) * 8, bool(bits & 0x2000)) if bits & 0x3FFF else None
    found = (addresses, protocol, start + (first & 0x0F) * 4, stop, identification, fragment)
    return new_tuple(Internet, found)


def ipv6(data: bytes, start: int, wire_stop: int) -> Internet | None:
    """Likewise; the extension headers are passed over, up to a fragment header."""
    header = data[start : start + 40]
    if len(header) < 40 or header[0] >> 4 != 6:
        return None
    length = int.from_bytes(header[4:6], "big")
    stop = start + 40 + length if length else wire_stop
    found = extensions(data, header[6], start + 40)
    if found is None:
        return None
    return Internet(header[8:40], found.protocol, found.start, stop, found.identification, found.fragment)


def extensions(data: bytes, protocol: int, start: int) -> Extensions | None:
    """What follows the extension headers that begin at `start` with this number; None where they do not end."""
    for _ in range(_MOST_EXTENSIONS + 1):
        if protocol not in EXTENSIONS and protocol not in {AUTHENTICATION, FRAGMENT}:
            return Extensions(protocol, start)
        if start + 8 > len(data):
            return None
        following = data[start]
        if protocol == FRAGMENT:
            bits = int.from_bytes(data[start + 2 : start + 4], "big")
            if bits & 0xFFF9:
                fragment = Fragment(bits & 0xFFF8, bool(bits & 1))
                return Extensions(following, start + 8, data[start + 4 : start + 8], fragment)
            size = 8  # a fragment that is the whole (RFC 6946)
        elif protocol == AUTHENTICATION:
            size = (data[start + 1] + 2) * 4
        else:
            size = (data[start + 1] + 1) * 8
        protocol, start = following, start + size
    return None
