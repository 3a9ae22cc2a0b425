"""Link layers: where in a captured frame what follows the link layer begins.

Takes a frame and its link type, gives the EtherType of what follows and its offset, or None where the frame carries
nothing that can be read. What may stand between here and IP (tags, labels, PPP) is `encapsulation`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

ETHERNET: Final = 1

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
PPP: Final = 0x880B
PPPOE: Final = 0x8864
_IEEE802_11: Final = 105
_LOWEST_ETHERTYPE: Final = 0x600  # smaller numbers in an Ethernet frame are lengths
_SNAP: Final = (b"\xaa\xaa\x03\x00\x00\x00", b"\xaa\xaa\x03\x00\x00\xf8")  # RFC 1042, and 802.1H's for bridges
_NFLOG_PAYLOAD: Final = 9


class Network(NamedTuple):
    """Where what the frame carries begins, and which protocol it is."""

    ethertype: int
    offset: int


def network(link: int, data: bytes) -> Network | None:
    """Find what a frame carries; None where the link type is not known or the frame too short."""
    reader = LINKS.get(link)
    return None if reader is None else reader(data, 0)


def ethernet(data: bytes, start: int) -> Network | None:
    """IEEE 802.3: a type after both addresses, or a length and LLC."""
    if start + 14 > len(data):
        return None
    ethertype = data[start + 12] << 8 | data[start + 13]
    return Network(ethertype, start + 14) if ethertype >= _LOWEST_ETHERTYPE else llc(data, start + 14)


def llc(data: bytes, start: int) -> Network | None:
    """IEEE 802.2 with SNAP, which carries an EtherType."""
    if data[start : start + 6] not in _SNAP or len(data) < start + 8:
        return None
    return Network(_u16(data, start + 6), start + 8)


def by_version(data: bytes, start: int) -> Network | None:
    """No header: the first four bits of an IP packet say its version."""
    ethertype = {4: IPV4, 6: IPV6}.get(data[start] >> 4) if start < len(data) else None
    return None if ethertype is None else Network(ethertype, start)


def _u16(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 2], "big")


def _little(data: bytes, offset: int, size: int) -> int:
    return int.from_bytes(data[offset : offset + size], "little")


def _type_at(place: int, size: int) -> Callable[[bytes, int], Network | None]:
    """A header of `size` bytes with an EtherType at `place`."""

    def reader(data: bytes, start: int) -> Network | None:
        return Network(_u16(data, start + place), start + size) if len(data) >= start + size else None

    return reader


def _always(ethertype: int) -> Callable[[bytes, int], Network | None]:
    """No header at all: the link type says what it is."""
    return lambda data, start: Network(ethertype, start) if len(data) > start else None


def _null(data: bytes, start: int) -> Network | None:
    """An address family in the byte order of the machine that captured: 2 is IPv4, IPv6 differs by system."""
    family = _little(data, start, 4)
    if family > 0xFFFF:
        family = int.from_bytes(data[start : start + 4], "big")
    ethertype = {2: IPV4, 10: IPV6, 24: IPV6, 28: IPV6, 30: IPV6}.get(family)
    return None if ethertype is None or len(data) < start + 4 else Network(ethertype, start + 4)


def _ieee802_11(data: bytes, start: int) -> Network | None:
    return _wireless(data, start, padded=False)


def _wireless(data: bytes, start: int, *, padded: bool) -> Network | None:
    """An 802.11 data frame that is not encrypted, holds a payload, and only one. `padded`: its header, to fours."""
    if len(data) < start + 2:
        return None
    control, flags = data[start], data[start + 1]
    quality = control & 0x80
    if control & 0x0C != 0x08 or control & 0x40 or flags & 0x40:  # no data, a null frame, encrypted
        return None
    at = start + 24 + (6 if flags & 0x03 == 0x03 else 0)  # between two access points: a fourth address
    if quality:
        if _little(data, at, 1) & 0x80:  # several frames in one (A-MSDU)
            return None
        at += 6 if flags & 0x80 else 2  # the order bit of these says that HT control follows
    return llc(data, at + (-(at - start) % 4 if padded else 0))


def _radiotap(data: bytes, start: int) -> Network | None:
    size = _little(data, start + 2, 2)
    if size < 8 or len(data) < start + size or data[start]:
        return None
    words = 1
    while _little(data, start + 4 * words, 4) >> 31 and words < 16:  # more words of presence bits follow
        words += 1
    present = _little(data, start + 4, 4)
    at = 4 + 4 * words
    if present & 1:  # 8 bytes of time, aligned
        at += -at % 8 + 8
    padded = bool(present & 2 and _little(data, start + at, 1) & 0x20)
    return _wireless(data, start + size, padded=padded)


def _prism(data: bytes, start: int) -> Network | None:
    """Prism's header, in the byte order of the machine, or AVS's, big-endian; both have their length at 4."""
    size = _little(data, start + 4, 4)
    if size > 0xFFFF:
        size = int.from_bytes(data[start + 4 : start + 8], "big")
    return _ieee802_11(data, start + size) if 8 <= size < len(data) - start else None


def _wrapped(data: bytes, start: int, size: int, link: int) -> Network | None:
    """A header that names the link type of what follows: not itself again, so this ends."""
    reader = LINKS.get(link)
    if reader is None or reader in {_ppi, _pktap} or not 8 <= size <= len(data) - start:
        return None
    return reader(data, start + size)


def _ppi(data: bytes, start: int) -> Network | None:
    return _wrapped(data, start, _little(data, start + 2, 2), _little(data, start + 4, 4))


def _pktap(data: bytes, start: int) -> Network | None:
    return _wrapped(data, start, _little(data, start, 4), _little(data, start + 8, 4))


def _nflog(data: bytes, start: int) -> Network | None:
    """Linux's netfilter log: attributes, one of which is the packet, from IP on."""
    at = start + 4
    while at + 4 <= len(data):
        size, kind = _little(data, at, 2), _little(data, at + 2, 2)
        if kind == _NFLOG_PAYLOAD:
            return by_version(data, at + 4)
        if size < 4:
            break
        at += size + (-size & 3)
    return None


LINKS: Final[dict[int, Callable[[bytes, int], Network | None]]] = {
    0: _null,  # NULL
    ETHERNET: ethernet,
    9: _always(PPP),  # PPP
    12: by_version,  # RAW as most systems number it in files
    14: by_version,  # RAW on OpenBSD
    50: _always(PPP),  # PPP_SERIAL, with HDLC's two bytes
    51: _always(PPPOE),  # PPP_ETHER
    101: by_version,  # RAW
    104: _type_at(2, 4),  # C_HDLC
    _IEEE802_11: _ieee802_11,
    108: _null,  # LOOP: as NULL, always big-endian
    113: _type_at(14, 16),  # LINUX_SLL
    119: _prism,  # IEEE802_11_PRISM
    127: _radiotap,  # IEEE802_11_RADIOTAP
    163: _prism,  # IEEE802_11_AVS
    192: _ppi,  # PPI
    228: by_version,  # IPV4
    229: by_version,  # IPV6
    239: _nflog,  # NFLOG
    258: _pktap,  # PKTAP, of macOS
    276: _type_at(0, 20),  # LINUX_SLL2
}
