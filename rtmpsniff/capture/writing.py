"""Packets become capture files: pcap and pcapng, with times to the nanosecond, in this machine's byte order.

Takes packets, gives bytes; whole records or blocks, so that what is written in one go never ends inside a packet.
Nothing here opens a file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from struct import Struct
from typing import Final, Protocol

from rtmpsniff.capture.packet import Uncut
from rtmpsniff.version import __version__

ETHERNET: Final = 1
_NANOSECONDS: Final = 0xA1B23C4D
_SECOND: Final = 1_000_000_000
_RECORD: Final = Struct("@IIII")  # seconds, nanoseconds, captured length, length on the wire
_BLOCK: Final = Struct("@IIIIIII")  # type, total length, interface, time (high, low), captured length, length
_LENGTH: Final = Struct("@I")
_PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")
_ETHERTYPES: Final = {4: b"\x08\x00", 6: b"\x86\xdd"}


class Format(Protocol):
    """A capture format: what a file begins with, and what stands in it for packets."""

    def header(self) -> bytes: ...
    def records(self, packets: Iterable[Uncut]) -> bytes: ...


class PcapFormat:
    """pcap has one link type a file: raw IP of tunnels gets an Ethernet header of zeros, as frames of `lo` have one."""

    def __init__(self, interface: str, snapshot_length: int) -> None:
        del interface  # has no place in the format
        self._snapshot_length = snapshot_length

    def header(self) -> bytes:
        return struct.pack("@IHHiIII", _NANOSECONDS, 2, 4, 0, 0, self._snapshot_length, ETHERNET)

    def records(self, packets: Iterable[Uncut]) -> bytes:
        parts: list[bytes] = []
        add, pack = parts.append, _RECORD.pack
        for (_, _, time), link, block, begin, end, length in packets:
            data = block[begin:end]
            if link != ETHERNET:
                data, length = _framed(data), length + 14  # noqa: PLW2901 - once in a while
            add(pack(time // _SECOND, time % _SECOND, len(data), length))
            add(data)
        return b"".join(parts)


def _framed(data: bytes) -> bytes:
    return bytes(12) + _ETHERTYPES.get(data[0] >> 4 if data else 0, b"\0\0") + data


class PcapngFormat:
    """pcapng: each link type is an interface of its own, described when its first packet comes."""

    def __init__(self, interface: str, snapshot_length: int) -> None:
        self._name = interface
        self._snapshot_length = snapshot_length
        self._interfaces: dict[int, int] = {}

    def header(self) -> bytes:
        self._interfaces = {}
        software = _option(4, f"rtmpsniff {__version__}".encode())
        section = struct.pack("@IHHq", 0x1A2B3C4D, 1, 0, -1)
        return _framed_block(0x0A0D0D0A, section + software + _option(0)) + self._describe(ETHERNET)

    def records(self, packets: Iterable[Uncut]) -> bytes:
        parts: list[bytes] = []
        add, pack, pack_length, interfaces = parts.append, _BLOCK.pack, _LENGTH.pack, self._interfaces
        for (_, _, time), link, block, begin, end, length in packets:
            if link not in interfaces:
                add(self._describe(link))
            size = end - begin
            total = 32 + size + (-size & 3)
            add(pack(6, total, interfaces[link], time >> 32, time & 0xFFFFFFFF, size, length))
            add(block[begin:end])
            add(_PADDING[size & 3])
            add(pack_length(total))
        return b"".join(parts)

    def _describe(self, link: int) -> bytes:
        self._interfaces[link] = len(self._interfaces)
        options = _option(2, self._name.encode(errors="replace")) + _option(9, b"\x09") + _option(0)
        return _framed_block(1, struct.pack("@HHI", link, 0, self._snapshot_length) + options)


def _option(code: int, value: bytes = b"") -> bytes:
    return struct.pack("@HH", code, len(value)) + value + _PADDING[len(value) & 3]


def _framed_block(kind: int, body: bytes) -> bytes:
    length = _LENGTH.pack(12 + len(body))
    return _LENGTH.pack(kind) + length + body + length
