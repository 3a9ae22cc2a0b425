"""Classic pcap, read from blocks of bytes: takes what a file holds, gives packets.

The format (draft-ietf-opsawg-pcap): a 24-byte header (magic, version 2.4, two words that nobody uses, snapshot
length, link type), then records of a 16-byte header (seconds, fraction, captured length, length on the wire) and the
captured bytes. The magic says the byte order and what the fraction counts. Nothing here opens or waits: the caller
brings blocks that begin where the last call stopped, and keeps what was not used.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from rtmpsniff.capture.backward import Backward
from rtmpsniff.capture.packet import Uncut
from rtmpsniff.errors import InputError


class Variant(NamedTuple):
    """What one magic number says."""

    file_header: Struct  # after the magic: version major, minor, snapshot length, link type
    record_header: Struct  # seconds, fraction, captured length, length on the wire
    scale: int  # nanoseconds in one unit of the fraction


def _variant(order: str, scale: int, extra: str = "") -> Variant:
    return Variant(Struct(f"{order}4xHH8xII"), Struct(f"{order}IIII{extra}"), scale)


VARIANTS: Final = {
    bytes.fromhex("d4c3b2a1"): _variant("<", 1000),
    bytes.fromhex("a1b2c3d4"): _variant(">", 1000),
    bytes.fromhex("4d3cb2a1"): _variant("<", 1),
    bytes.fromhex("a1b23c4d"): _variant(">", 1),
    # Kuznetzov's "modified" pcap of old Linux distributions: interface index, protocol and packet type follow.
    bytes.fromhex("34cdb2a1"): _variant("<", 1000, "8x"),
    bytes.fromhex("a1b2cd34"): _variant(">", 1000, "8x"),
}

FILE_HEADER_SIZE: Final = 24
SECOND: Final = 1_000_000_000  # ns

# libpcap and Wireshark take no packet over 256 KiB; a file may announce more, but a record that claims more than
# both is no record. What a file announces is believed up to 16 MiB, so that a lie costs no more memory than that.
USUAL_LIMIT: Final = 256 * 1024
GREATEST_LIMIT: Final = 16 * 1024 * 1024

# The upper bits of the link type word say how long the frame check sequence is, and are no link type.
LINK_MASK: Final = 0xFFFF


class PcapReader:
    """Reads one pcap file; `capture` is the index that its packets carry."""

    format: Final = "pcap"
    unit: Final = "record"
    header_size = 16  # of a record: so many bytes tell how long it is

    def __init__(self, capture: int = 0) -> None:
        self.ready = False  # the file header was read and is one that we know
        self.need = FILE_HEADER_SIZE  # so many bytes, from where the last call stopped, let the next go on
        self.trouble = ""  # why nothing more can be read, where that is so
        self.packets = 0  # read so far
        self.captured = 0  # bytes of those packets
        self.backward = Backward()
        self._capture = capture
        self._unpack = Struct("").unpack_from
        self._scale = 0
        self._link = 0
        self._limit = 0
        self._second = self._latest = 0  # the time of the last packet: seconds, and the fraction

    def __repr__(self) -> str:
        return f"<PcapReader {self.packets} packets, needs {self.need}{', ' * bool(self.trouble)}{self.trouble}>"

    def read(self, block: bytes, position: int) -> tuple[list[Uncut], int]:
        """The packets whose records are whole in `block` from `position` on, and where the next record begins.

        There the last call stopped, and at least `need` bytes follow. Raises `InputError` for a file header of an
        unknown version; records that cannot be set `trouble`.
        """
        if not self.ready:
            position += self._read_file_header(block)
        begin = position
        before = number = self.packets
        packets: list[Uncut] = []
        # The hot loop of the capture layer: all that it touches is local.
        capture, link, limit, scale = self._capture, self._link, self._limit, self._scale
        unpack, header_size, add = self._unpack, self.header_size, packets.append
        second, latest, base = self._second, self._latest, self._second * SECOND
        end = len(block)
        last = end - header_size
        while position <= last:
            seconds, fraction, size, wire_length = unpack(block, position)
            start = position + header_size
            stop = start + size
            if stop > end or size > limit:
                break
            if not wire_length and not seconds and not size:
                break
            number += 1
            if seconds != second or fraction < latest:
                ahead = base + latest * scale
                second, base = seconds, seconds * SECOND
                self.backward.note(number, ahead - base - fraction * scale)
            latest = fraction
            add(((capture, number, base + fraction * scale), link, block, start, stop, wire_length))
            position = stop
        self.packets, self._second, self._latest = number, second, latest
        self.captured += position - begin - (number - before) * header_size
        self._pause(block, position)
        return packets, position

    def _read_file_header(self, block: bytes) -> int:
        variant = VARIANTS[block[:4]]
        major, minor, snapshot_length, link = variant.file_header.unpack_from(block)
        if (major, minor) != (2, 4):
            raise InputError(f"is a pcap file of version {major}.{minor}; only 2.4 can be read")
        self._unpack = variant.record_header.unpack_from
        self.header_size = variant.record_header.size
        self._scale = variant.scale
        self._link = link & LINK_MASK
        self._limit = min(max(snapshot_length, USUAL_LIMIT), GREATEST_LIMIT)
        self.ready = True
        return FILE_HEADER_SIZE

    def _pause(self, block: bytes, position: int) -> None:
        """Say what stands at `position`: the begin of a record that is still to come, or none at all."""
        self.need = self.header_size
        if len(block) - position < self.header_size:
            return
        seconds, _, size, wire_length = self._unpack(block, position)
        if size > self._limit:
            self.trouble = f"a record claims {size} bytes"
        elif not wire_length and not seconds and not size:
            self.trouble = "a record of zeros"  # what a crash leaves where a file was made longer and never written
        else:
            self.need += size
