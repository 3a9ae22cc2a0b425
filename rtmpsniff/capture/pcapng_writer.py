"""Packets become pcapng: takes packets with remarks, gives the blocks of a file. Nothing here opens one.

draft-ietf-opsawg-pcapng: a section header, an interface description for each link type of each capture, when its first
packet comes, and an enhanced packet block for each packet. Times count nanoseconds. Nothing else is written: no
decryption secrets, no names, nothing of the machine.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from rtmpsniff.capture.packet import Packet
from rtmpsniff.capture.pcapng import ENHANCED_PACKET, IF_TSRESOL, LITTLE, SECTION_HEADER

LONGEST_COMMENT: Final = 0xFFFF  # bytes: an option's length has 16 bits

_COMMENT: Final = 1
_USER_APPLICATION: Final = 4
_INTERFACE: Final = 1
_NANOSECONDS: Final = b"\x09"
_SNAPSHOT_LENGTH: Final = 0  # none

_BLOCK: Final = Struct("<II")  # type, total length
_LENGTH: Final = Struct("<I")
_SECTION: Final = Struct("<HHq")  # version major, minor, length of the section (unknown)
_DESCRIPTION: Final = Struct("<HHI")  # link type, reserved, snapshot length
_PACKET: Final = Struct("<IIIII")  # interface, time (high, low), captured length, length on the wire
_OPTION: Final = Struct("<HH")  # code, length
_END: Final = bytes(4)


class PcapngWriter:
    """Makes one file: `head` first, then `packet` for each. `program` is what the file says of its maker."""

    def __init__(self, program: str) -> None:
        self._program = program.encode()
        self._interfaces: dict[tuple[int, int], int] = {}

    def head(self) -> bytes:
        """What stands before all packets."""
        body = LITTLE + _SECTION.pack(1, 0, -1) + _option(_USER_APPLICATION, self._program) + _END
        return _block(int.from_bytes(SECTION_HEADER, "little"), body)

    def packet(self, packet: Packet, data: bytes, comment: str = "") -> bytes:
        """A packet with these bytes in the place of its own, and its interface where that is new.

        A comment that is longer than an option can be is cut.
        """
        key = packet.capture, packet.link
        described = b""
        if key not in self._interfaces:
            self._interfaces[key] = len(self._interfaces)
            described = _interface(packet.link)
        high, low = packet.time >> 32 & 0xFFFFFFFF, packet.time & 0xFFFFFFFF
        fixed = _PACKET.pack(self._interfaces[key], high, low, len(data), packet.wire_length)
        said = _option(_COMMENT, _cut(comment)) + _END if comment else b""
        return described + _block(ENHANCED_PACKET, fixed + _padded(data) + said)


def _interface(link: int) -> bytes:
    options = _option(IF_TSRESOL, _NANOSECONDS) + _END
    return _block(_INTERFACE, _DESCRIPTION.pack(link, 0, _SNAPSHOT_LENGTH) + options)


def _cut(comment: str) -> bytes:
    text = comment.encode("utf-8", "replace")
    return text if len(text) <= LONGEST_COMMENT else text[:LONGEST_COMMENT].decode("utf-8", "ignore").encode()


def _option(code: int, value: bytes) -> bytes:
    return _OPTION.pack(code, len(value)) + _padded(value)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return _BLOCK.pack(kind, length) + body + _LENGTH.pack(length)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
