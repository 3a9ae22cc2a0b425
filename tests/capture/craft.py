"""Capture files made byte by byte, wrong ones included, and sources that give them in pieces.

Takes what a record or block is to hold, gives its bytes. Shares no code with the package.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from itertools import chain, repeat
from struct import pack

from rtmpsniff.capture.files import CaptureFile
from rtmpsniff.capture.packet import Packet

MICRO = 0xA1B2C3D4
NANO = 0xA1B23C4D
MODIFIED = 0xA1B2CD34


def pcap_header(
    order: str = "<",
    *,
    magic: int = MICRO,
    version: tuple[int, int] = (2, 4),
    snapshot_length: int = 262144,
    link: int = 1,
) -> bytes:
    return pack(order + "IHHiIII", magic, *version, 0, 0, snapshot_length, link)


def record(
    data: bytes, seconds: int = 1, fraction: int = 0, order: str = "<", *, wire: int | None = None, extra: bytes = b""
) -> bytes:
    return pack(order + "IIII", seconds, fraction, len(data), len(data) if wire is None else wire) + extra + data


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    length = 12 + len(padded(body))
    return pack(order + "II", kind, length) + padded(body) + pack(order + "I", length)


def section(order: str = "<", version: tuple[int, int] = (1, 0), options: bytes = b"") -> bytes:
    return block(0x0A0D0D0A, pack(order + "IHHq", 0x1A2B3C4D, *version, -1) + options, order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return pack(order + "HH", code, len(value)) + padded(value)


def interface(order: str = "<", *, link: int = 1, snapshot_length: int = 0, options: bytes = b"") -> bytes:
    return block(1, pack(order + "HHI", link, 0, snapshot_length) + options, order)


def resolution(code: int, order: str = "<") -> bytes:
    return option(9, bytes([code]), order) + option(0, b"", order)


def enhanced(
    data: bytes, ticks: int, order: str = "<", *, index: int = 0, wire: int | None = None, options: bytes = b""
) -> bytes:
    lengths = (len(data), len(data) if wire is None else wire)
    return block(
        6, pack(order + "IIIII", index, ticks >> 32, ticks & 0xFFFFFFFF, *lengths) + padded(data) + options, order
    )


def obsolete(data: bytes, ticks: int, order: str = "<", *, index: int = 0, drops: int = 0xFFFF) -> bytes:
    times = (ticks >> 32, ticks & 0xFFFFFFFF)
    return block(2, pack(order + "HHIIII", index, drops, *times, len(data), len(data)) + data, order)


def statistics(*options: bytes, order: str = "<", index: int = 0) -> bytes:
    return block(5, pack(order + "III", index, 0, 0) + b"".join(options), order)


def simple(data: bytes, order: str = "<", *, wire: int | None = None) -> bytes:
    return block(3, pack(order + "I", len(data) if wire is None else wire) + data, order)


class Pieces(BytesIO):
    """A source that gives what `sizes` say at a time, and then the rest."""

    def __init__(self, data: bytes, sizes: Iterable[int]) -> None:
        super().__init__(data)
        self.sizes = chain(sizes, repeat(len(data)))

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(next(self.sizes), len(self.getbuffer()) if size is None else size))


def capture_of(data: bytes, sizes: Iterable[int] = (), index: int = 0) -> CaptureFile:
    return CaptureFile("made", Pieces(data, sizes), index)


def packets_of(data: bytes) -> list[Packet]:
    """The packets of a capture that is whole."""
    capture = capture_of(data)
    packets = list(capture)
    assert not capture.truncated
    return packets
