"""pcapng, read from blocks of bytes: takes what a file holds, gives packets.

The format (draft-ietf-opsawg-pcapng): blocks of a type, a total length, a body padded to four bytes, and the total
length again. A section header begins a section, says its byte order and forgets the interfaces before it; an
interface description gives the next interface its link type and what its time counts; packets name their interface.
Blocks of other types are passed over. Nothing here opens or waits: the caller brings blocks of bytes that begin where
the last call stopped, and keeps what was not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct
from typing import ClassVar, Final, NamedTuple

from rtmpsniff.capture.backward import Backward
from rtmpsniff.capture.drops import Drops
from rtmpsniff.capture.packet import Uncut
from rtmpsniff.errors import InputError

SECTION_HEADER: Final = bytes.fromhex("0a0d0d0a")  # reads the same in both byte orders
LITTLE: Final = bytes.fromhex("4d3c2b1a")
BIG: Final = bytes.fromhex("1a2b3c4d")

ENHANCED_PACKET: Final = 6
SMALLEST_BLOCK: Final = 12
TLS_KEY_LOG: Final = 0x544C534B  # of the secrets that a file may hold, those that are known here
SMALLEST_SECTION_HEADER: Final = 28

# libpcap's own limit for any block; Wireshark's packets end at 256 KiB. A length above it is no length, and memory
# stays below it whatever a file claims.
LIMIT: Final = 16 * 1024 * 1024

END_OF_OPTIONS: Final = 0
IF_TSRESOL: Final = 9
IF_TSOFFSET: Final = 14
EPB_DROPCOUNT: Final = 4
ISB_IFDROP: Final = 5
ISB_OSDROP: Final = 7

MOST_SECRETS: Final = 32 * 1024 * 1024  # bytes that wait for somebody to take them

SECOND: Final = 1_000_000_000
_LONG_AGO: Final = -1 << 128  # no clock and no offset says a time before it


class Layout(NamedTuple):
    """The structures of one byte order."""

    block: Struct  # type, total length
    section: Struct  # version major, minor
    interface: Struct  # link type, snapshot length
    enhanced: Struct  # type, total length, interface, time (high, low), captured length, length on the wire
    word: Struct  # the first 32 bits of the body: an interface, a simple packet's length on the wire
    half: Struct  # the first 16 bits: the interface of an obsolete packet, whose rest stands as in `enhanced`
    option: Struct  # code, length
    offset: Struct  # seconds
    obsolete: Struct  # interface and drops of an obsolete packet
    counter: Struct


def _layout(order: str) -> Layout:
    formats = ("II", "12xHH", "8xH2xI", "IIIIIII", "8xI", "8xH", "HH", "q", "8xHH", "Q")
    return Layout(*(Struct(order + each) for each in formats))


LAYOUTS: Final = {LITTLE: _layout("<"), BIG: _layout(">")}


class Interface(NamedTuple):
    """What a packet needs of its interface: nanoseconds are `ticks * scale`, or `clock(ticks)` where there is one."""

    link: int
    snapshot_length: int  # 0: none
    scale: int
    clock: Callable[[int], int] | None


class Broken(Exception):
    """The block at hand cannot be read; the text says why. Caught in `PcapngReader.read` and nowhere else."""


class PcapngReader:
    """Reads one pcapng file; `capture` is the index that its packets carry."""

    format: Final = "pcapng"
    unit: Final = "block"
    header_size: Final = SMALLEST_BLOCK  # so many bytes tell how long a block is

    def __init__(self, capture: int = 0) -> None:
        self.ready = False  # the first section header was read and is one that we know
        self.need = SMALLEST_BLOCK  # so many bytes, from where the last call stopped, let the next go on
        self.trouble = ""  # why nothing more can be read, where that is so
        self.packets = 0  # read so far
        self.captured = 0  # bytes of those packets
        self.backward = Backward()
        self._secrets: list[bytes] = []  # TLS key logs that stood in the file and were not taken yet
        self.drops = Drops()  # packets that were dropped while this was captured
        self._capture = capture
        self._layout = LAYOUTS[LITTLE]
        self._interfaces: list[Interface] = []
        self._time = 0  # of the last packet, for those that have none

    def __repr__(self) -> str:
        return f"<PcapngReader {self.packets} packets, needs {self.need}{', ' * bool(self.trouble)}{self.trouble}>"

    def take_secrets(self) -> list[bytes]:
        """The TLS key logs that stood in the file since this was last asked."""
        taken, self._secrets = self._secrets, []
        return taken

    def read(self, block: bytes, position: int) -> tuple[list[Uncut], int]:
        """The packets whose blocks are whole in `block` from `position` on, and where the next block begins.

        There the last call stopped, and at least `need` bytes follow. Raises `InputError` for a first section header of
        an unknown version or none at all; later blocks that cannot be set `trouble`.
        """
        packets: list[Uncut] = []
        try:
            while True:
                position = self._enhanced_packets(block, position, packets)
                stop = self._whole(block, position)
                if not stop:
                    break
                self._other(block, position, stop, packets)
                position = stop
        except Broken as broken:
            if not self.ready:
                raise InputError(f"is not a pcapng capture: {broken}") from None
            self.trouble = str(broken)
        return packets, position

    def _enhanced_packets(self, block: bytes, position: int, packets: list[Uncut]) -> int:
        """Read packets until there is something else, and return where that is."""
        if not self._interfaces:
            return position
        # The hot loop of the capture layer: all that it touches is local. A block's trailing length is not compared,
        # so a writer that got only that wrong is read; a wrong leading length shows at the next block.
        capture, number, time, total = self._capture, self.packets, self._time, 0
        add, unpack = packets.append, self._layout.enhanced.unpack_from
        interfaces = self._interfaces
        before = time if number else _LONG_AGO
        current = 0
        link, _, scale, clock = interfaces[0]
        end = len(block)
        last = end - 32
        while position <= last:
            kind, length, interface, high, low, size, wire_length = unpack(block, position)
            stop = position + length
            if kind != ENHANCED_PACKET or stop > end or size > length - 32 or length & 3 or length > LIMIT:
                break
            if interface != current:
                if interface >= len(interfaces):
                    break
                current = interface
                link, _, scale, clock = interfaces[interface]
            ticks = high * 0x1_0000_0000 + low  # 20 ns less than a shift
            time = clock(ticks) if clock else ticks * scale
            number += 1
            if time < before:
                self.backward.note(number, before - time)
            before = time
            total += size
            if length - size > 35:  # there are options
                self._packet_options(block[position:stop], interface, size)
            start = position + 28
            add(((capture, number, time), link, block, start, start + size, wire_length))
            position = stop
        self.packets, self._time = number, time
        self.captured += total
        return position

    def _whole(self, block: bytes, position: int) -> int:
        """Where the block at `position` ends, 0 while bytes of it are still to come; `need` is set to what it takes."""
        self.need = SMALLEST_BLOCK
        if len(block) - position < SMALLEST_BLOCK:
            return 0
        kind, length = self._order(block, position).block.unpack_from(block, position)
        if length & 3 or not SMALLEST_BLOCK <= length <= LIMIT:
            raise Broken(f"a block of type {kind} claims {length} bytes")
        self.need = length
        return position + length if position + length <= len(block) else 0

    def _order(self, block: bytes, position: int) -> Layout:
        """The layout that holds for the block at `position`: a section header brings its own."""
        if block[position : position + 4] != SECTION_HEADER:
            return self._layout
        magic = block[position + 8 : position + 12]
        if magic not in LAYOUTS:
            raise Broken(f"a section header has the byte order {magic.hex(' ')}")
        return LAYOUTS[magic]

    def _other(self, block: bytes, position: int, stop: int, packets: list[Uncut]) -> None:
        """Read a block that the fast loop left, which is whole."""
        kind, _ = self._layout.block.unpack_from(block, position)
        reader = self.BLOCKS.get(kind)
        if reader is not None:
            reader(self, block[position:stop], packets)

    def _section_header(self, block: bytes, _: list[Uncut]) -> None:
        if len(block) < SMALLEST_SECTION_HEADER:
            raise Broken(f"a section header of {len(block)} bytes")
        self._layout = LAYOUTS[block[8:12]]
        version = self._layout.section.unpack_from(block)
        if version not in {(1, 0), (1, 2)}:  # 1.2 was written by mistake and means 1.0, says the draft
            text = f"version {version[0]}.{version[1]}; only 1.0 can be read"
            if not self.ready:
                raise InputError(f"is a pcapng file of {text}")
            raise Broken(f"a section of {text}")
        self._interfaces = []
        self.drops.begin_section()
        self.ready = True

    def _interface_description(self, block: bytes, _: list[Uncut]) -> None:
        if len(block) < 20:
            raise Broken(f"an interface description of {len(block)} bytes")
        link, snapshot_length = self._layout.interface.unpack_from(block)
        options = dict(self._options(block, 16))
        scale, clock = _time_units(options.get(IF_TSRESOL, b""), self._offset(options.get(IF_TSOFFSET, b"")))
        self._interfaces.append(Interface(link, snapshot_length, scale, clock))

    def _options(self, block: bytes, position: int) -> Iterator[tuple[int, bytes]]:
        """The options from `position` on; one that does not fit ends them."""
        end = len(block) - 4
        while position + 4 <= end:
            code, length = self._layout.option.unpack_from(block, position)
            position += 4
            if code == END_OF_OPTIONS or position + length > end:
                return
            yield code, block[position : position + length]
            position += length + (-length & 3)

    def _offset(self, value: bytes) -> int:
        seconds: int = self._layout.offset.unpack(value)[0] if len(value) == 8 else 0
        return seconds

    def _enhanced_packet(self, block: bytes, packets: list[Uncut]) -> None:
        """One that the fast loop left: it is wrong, or the first of its section."""
        self._timed_packet(block, packets, self._layout.word)
        _, _, interface, _, _, size, _ = self._layout.enhanced.unpack_from(block)
        self._packet_options(block, interface, size)

    def _packet_options(self, block: bytes, interface: int, size: int) -> None:
        """Of what may stand behind a packet's data, the drops before it count here (epb_dropcount)."""
        for code, value in self._options(block, 28 + size + (-size & 3)):
            if code == EPB_DROPCOUNT and len(value) == self._layout.counter.size:
                self.drops.count(interface, self._layout.counter.unpack(value)[0])

    def _obsolete_packet(self, block: bytes, packets: list[Uncut]) -> None:
        """The packet block of early drafts: a 16-bit interface and a count of drops where the newer has 32 bits."""
        self._timed_packet(block, packets, self._layout.half)
        self.drops.count_obsolete(*self._layout.obsolete.unpack_from(block))

    def _timed_packet(self, block: bytes, packets: list[Uncut], index: Struct) -> None:
        if len(block) < 32:
            raise Broken(f"a packet block of {len(block)} bytes")
        _, length, _, high, low, size, wire_length = self._layout.enhanced.unpack_from(block)
        interface = self._interface(index.unpack_from(block)[0])
        if size > length - 32:
            raise Broken(f"a packet block of {length} bytes claims {size} bytes of packet")
        ticks = high << 32 | low
        before, self._time = self._time, interface.clock(ticks) if interface.clock else ticks * interface.scale
        if self.packets:
            self.backward.note(self.packets + 1, before - self._time)
        self._add(packets, interface, block[28 : 28 + size], wire_length)

    def _simple_packet(self, block: bytes, packets: list[Uncut]) -> None:
        """Of the section's first interface, without a time: that of the packet before it holds."""
        if len(block) < 16:
            raise Broken(f"a simple packet block of {len(block)} bytes")
        (wire_length,) = self._layout.word.unpack_from(block)
        interface = self._interface(0)
        size = min(wire_length, interface.snapshot_length or wire_length, len(block) - 16)
        self._add(packets, interface, block[12 : 12 + size], wire_length)

    def _interface(self, index: int) -> Interface:
        if index >= len(self._interfaces):
            raise Broken(f"a packet of interface {index}, where {len(self._interfaces)} are described")
        return self._interfaces[index]

    def _add(self, packets: list[Uncut], interface: Interface, data: bytes, wire_length: int) -> None:
        self.packets += 1
        self.captured += len(data)
        place = self._capture, self.packets, self._time
        packets.append((place, interface.link, data, 0, len(data), wire_length))

    def _interface_statistics(self, block: bytes, _: list[Uncut]) -> None:
        """Counters since the capture began: what the interface dropped (isb_ifdrop), and the system (isb_osdrop)."""
        if len(block) < 24:
            return
        counter = self._layout.counter
        options = [(code, value) for code, value in self._options(block, 20) if len(value) == counter.size]
        dropped = [counter.unpack(value)[0] for code, value in options if code in {ISB_IFDROP, ISB_OSDROP}]
        self.drops.state(self._layout.word.unpack_from(block)[0], dropped)

    def _decryption_secrets(self, block: bytes, _: list[Uncut]) -> None:
        """Key logs may stand anywhere in a file, often before the packets that they are for."""
        if len(block) < 20:
            return
        (kind,) = self._layout.word.unpack_from(block)
        size = int.from_bytes(block[12:16], "big" if self._layout is LAYOUTS[BIG] else "little")
        if kind == TLS_KEY_LOG:
            self._secrets.append(block[16 : min(16 + size, len(block) - 4)])
        while sum(map(len, self._secrets)) > MOST_SECRETS:
            del self._secrets[0]

    BLOCKS: ClassVar[dict[int, Callable[[PcapngReader, bytes, list[Uncut]], None]]] = {
        0x00000001: _interface_description,
        0x00000002: _obsolete_packet,
        0x00000003: _simple_packet,
        0x00000005: _interface_statistics,
        0x00000006: _enhanced_packet,
        0x0000000A: _decryption_secrets,
        0x0A0D0D0A: _section_header,
    }


def _time_units(resolution: bytes, offset: int) -> tuple[int, Callable[[int], int] | None]:
    """How ticks become nanoseconds: by a factor, or by a function where a factor cannot say it.

    `resolution` is the value of if_tsresol, empty for microseconds: a negative power of ten, or of two where the
    highest bit is set. `offset` is if_tsoffset, in seconds.
    """
    code = resolution[0] if len(resolution) == 1 else 6
    rate = 1 << (code & 0x7F) if code & 0x80 else 10**code  # ticks in a second
    if not offset and SECOND % rate == 0:
        return SECOND // rate, None
    return 0, lambda ticks: ticks * SECOND // rate + offset * SECOND
