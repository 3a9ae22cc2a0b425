"""Addresses in the headers of a frame become others of the same length, and the checksums go along.

`<address-3>` is 10.0.0.3 or fd00::3 here, and hardware addresses are locally administered ones by their own numbers.
What may hold addresses in other places is wiped: IPv4's options, and what follows the packet in its frame, since a
frame check sequence would tell what it was computed of. Frames whose layers are not all understood are refused:
tunnels, and extension headers of IPv6 other than that of a fragment.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from rtmpsniff.transport.editing import mended, ones_sum
from rtmpsniff.transport.internet import FRAGMENT, Internet, ipv4, ipv6
from rtmpsniff.transport.link import ETHERNET, IPV4, IPV6, network

_SLL: Final = 113
_SLL2: Final = 276
# Where hardware addresses stand, by link type, and how long they are there; the others have none.
_HARDWARE: Final[dict[int, tuple[tuple[int, int], ...]]] = {
    ETHERNET: ((0, 6), (6, 6)),
    _SLL: ((6, 8),),
    _SLL2: ((12, 8),),
    **dict.fromkeys((0, 12, 14, 101, 108, 228, 229), ()),  # loopback and raw IP
}
_TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100})  # VLANs
_TCP: Final = 6
_NO_OPERATION: Final = b"\x01"
_MOST: Final = 1 << 24  # further addresses share one


class HeaderAddresses:
    """The masks of a run. `number` gives that of an address of IP, as it stands in all other masks."""

    def __init__(self, number: Callable[[str], int]) -> None:
        self._number = number
        self._hardware: dict[bytes, int] = {}

    def mask(self, frame: bytearray, link: int, *, is_finished: bool) -> bool:
        """Mask a frame that carries TCP; False if it cannot be, and it is left as it was.

        Unless it `is_finished`, TCP's checksum is that of the pseudo-header, which a network card would have completed.
        """
        found = _internet(frame, link)
        if found is None:
            return False
        start, ip = found
        self._mask_hardware(frame, link)
        size = len(ip.addresses) // 2
        new = b"".join(self._address(ip.addresses[at : at + size]) for at in (0, size))
        change = ones_sum(new, 0) - ones_sum(ip.addresses, 0)
        if size == 4:
            frame[start + 12 : start + 20] = new
            wiped = _NO_OPERATION * (ip.start - start - 20)
            options = frame[start + 20 : ip.start]
            frame[start + 20 : ip.start] = wiped
            _mend(frame, start + 10, change + ones_sum(wiped, 0) - ones_sum(options, 0))
        else:
            frame[start + 8 : start + 40] = new
        if ip.fragment is None or ip.fragment.offset == 0:
            _mend(frame, ip.start + 16, change, is_finished=is_finished)
        frame[ip.stop :] = bytes(max(len(frame) - ip.stop, 0))
        return True

    def _mask_hardware(self, frame: bytearray, link: int) -> None:
        for at, size in _HARDWARE[link]:
            old = bytes(frame[at : at + 6])
            number = 0 if not any(old) else self._hardware.setdefault(old, len(self._hardware) % (_MOST - 1) + 1)
            new = b"\x02" + number.to_bytes(5, "big") if number else bytes(6)
            frame[at : at + size] = new.ljust(size, b"\0")

    def _address(self, address: bytes) -> bytes:
        number = min(self._number(str(ip_address(address))), _MOST - 1)
        return (
            (10 << 24 | number).to_bytes(4, "big") if len(address) == 4 else (0xFD << 120 | number).to_bytes(16, "big")
        )


def _internet(frame: bytearray, link: int) -> tuple[int, Internet] | None:
    """Where the IP header of a frame begins, and what it says; None where that is not all that there is."""
    data = bytes(frame)
    found = network(link, data) if link in _HARDWARE else None
    if found is None:
        return None
    ethertype, start = found
    while ethertype in _TAGS and start + 4 <= len(data):
        ethertype, start = int.from_bytes(data[start + 2 : start + 4], "big"), start + 4
    if ethertype == IPV4:
        ip = ipv4(data, start, len(data))
        is_plain = True
    elif ethertype == IPV6:
        ip = ipv6(data, start, len(data))
        is_plain = ip is not None and ip.start == start + (48 if data[start + 6] == FRAGMENT else 40)
    else:
        return None
    return (start, ip) if ip is not None and ip.protocol == _TCP and is_plain and ip.start <= len(data) else None


def _mend(frame: bytearray, at: int, change: int, *, is_finished: bool = True) -> None:
    """Let a checksum go along with what it covers, if it was captured."""
    old = bytes(frame[at : at + 2])
    if len(old) == 2:
        unfinished = (int.from_bytes(old, "big") + change) % 0xFFFF
        frame[at : at + 2] = mended(old, change) if is_finished else unfinished.to_bytes(2, "big")
