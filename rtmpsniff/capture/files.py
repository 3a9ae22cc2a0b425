"""Capture files: takes names of files, gives the packets in them.

A file is pcap (`pcap`) or pcapng (`pcapng`), told by its first four bytes, or one of these packed by gzip or zstd
(`compressed`); "-" is standard input. This module, `growing` and `live` are the only ones of the package's input side
that open anything. A file is read as a stream, in pieces as they arrive: from a pipe that somebody still writes to,
every whole packet is handed on at once, and memory is bounded by the largest record that a format allows.
"""

from __future__ import annotations

import select
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from heapq import heappop, heappush
from io import FileIO, UnsupportedOperation
from itertools import chain
from pathlib import Path
from shlex import quote
from typing import Final, Protocol, Self, TypeAlias

from rtmpsniff.capture.backward import Backward
from rtmpsniff.capture.compressed import Unpacked, packing_of
from rtmpsniff.capture.packet import Packet, Uncut, cut, tick, time_of, uncut
from rtmpsniff.capture.pcap import VARIANTS, PcapReader
from rtmpsniff.capture.pcapng import SECTION_HEADER, PcapngReader
from rtmpsniff.capture.source import Around, Source
from rtmpsniff.capture.stop import Stop
from rtmpsniff.errors import InputError, UserError
from rtmpsniff.text import decode_text, printable, quoted

STANDARD_INPUT: Final = "-"

PIPE_SIZE: Final = 64 * 1024  # bytes that a pipe gives at most

# Bytes of a capture that are read at a time: as fast as more. Many files that are merged have a block each in memory,
# and together no more than so many bytes of them.
BLOCK_SIZE: Final = 256 * 1024
MOST_BLOCKS: Final = 16 * 1024 * 1024

MAGIC_SIZE: Final = 4


class Reader(Protocol):
    """What a capture format brings: blocks of bytes become packets."""

    @property
    def format(self) -> str: ...  # its name
    @property
    def unit(self) -> str: ...  # what its files are made of: records, blocks
    @property
    def header_size(self) -> int: ...  # so many bytes of a unit tell how long it is

    ready: bool  # the file header was read
    need: int  # bytes, from where the last call stopped, that let the next call go on
    trouble: str  # why nothing more can be read, where that is so
    packets: int  # read so far
    captured: int  # bytes of those packets
    backward: Backward  # where their times run backwards

    def read(self, block: bytes, position: int) -> tuple[list[Uncut], int]:
        """The packets that are whole in `block` from `position` on, and where what comes behind them begins."""


FORMATS: Final[dict[bytes, Callable[[int], Reader]]] = {
    **dict.fromkeys(VARIANTS, PcapReader),
    SECTION_HEADER: PcapngReader,
}

# What else a capture may be packed in: how it begins, what it is called, what unpacks it to standard output.
COMPRESSIONS: Final = (
    (b"\x1f\x8b", "gzip", "gzip -dc"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstd -dc"),
    (b"\xfd7zXZ", "xz", "xz -dc"),
    (b"BZh", "bzip2", "bzip2 -dc"),
    (b"\x04\x22\x4d\x18", "lz4", "lz4 -dc"),
    (b"PK\x03\x04", "zip", "unzip -p"),
)


class CaptureFile:
    """The packets of one file or of standard input, read once, while they are iterated.

    The figures say what was read so far. Reading goes in pieces, so they may be some packets ahead of the iteration
    until that ends. `file` is the name as it was given, `format` "pcap" or "pcapng", `packing` "gzip", "zstd" or "".
    `bytes` counts captured bytes: what the file holds of its packets, less than was on the wire where a snapshot length
    cut them. `first_time` and `last_time` are those of the first and the last packet in the file's order, in
    nanoseconds since the epoch, None without a packet. `backward` is the packet that is farthest before the one ahead
    of it, and by how many nanoseconds; None where times only rise. `truncated` is empty, or says, at the end, why and
    where the file ends before its end. `dropped` counts the packets that were dropped while this was captured, None
    where the file does not say.
    """

    def __init__(self, file: str, source: Source, index: int = 0, block_size: int = BLOCK_SIZE) -> None:
        """Read as far as the file header; raises `InputError` where there is none that can be read."""
        self.file = file
        self.packets = 0
        self.bytes = 0
        self.first_time: int | None = None
        self.last_time: int | None = None
        self.truncated = ""
        self.packing = ""
        self._source = source
        self._block_size = block_size
        self._held = bytearray()
        self._position = 0  # in the file, of the first byte held
        self._first: list[Uncut] = []  # those that came with the file header
        self._reader = self._recognize(index)
        self.format = self._reader.format
        self._read_file_header()

    def __repr__(self) -> str:
        return f"<CaptureFile {self.file!r} {self._reader!r} at byte {self._position}, {len(self._held)} bytes wait>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Packet]:
        return map(cut, self.uncut())

    def uncut(self) -> Iterator[Uncut]:
        """The packets as transport takes them."""
        # A list a piece, chained, hands out packets faster than a generator that is resumed for each of them.
        return chain.from_iterable(self._batches())

    def take_secrets(self) -> list[bytes]:
        """The TLS key logs that came with the packets since this was last asked."""
        return self._reader.take_secrets() if isinstance(self._reader, PcapngReader) else []

    @property
    def name(self) -> str:
        """What people are told that was read; safe to print."""
        return _named(self.file)

    @property
    def backward(self) -> tuple[int, int] | None:
        """The packet that is farthest before the one ahead of it, and by how many ns; None where times only rise."""
        farthest = self._reader.backward
        return (farthest.number, farthest.distance) if farthest.distance else None

    @property
    def dropped(self) -> int | None:
        return self._reader.drops.total if isinstance(self._reader, PcapngReader) else None

    def close(self) -> None:
        self._source.close()

    def _recognize(self, index: int) -> Reader:
        head = self._head()
        packing = packing_of(bytes(head[:MAGIC_SIZE]))
        if packing is not None:
            self.packing = packing.name
            self._source = Unpacked(self._source, bytes(head), packing)
            head.clear()
            head = self._head()
        if not head:
            raise InputError("is empty")
        reader = FORMATS.get(bytes(head[:MAGIC_SIZE]))
        if reader is None:
            raise InputError(_refusal(bytes(head), self.file))
        return reader(index)

    def _head(self) -> bytearray:
        """What is held, with the first bytes of the file in it."""
        head = self._held
        while len(head) < MAGIC_SIZE and (more := _some(self._source, self._block_size)):
            head += more
        return head

    def _read_file_header(self) -> None:
        self._first = self._feed(b"")
        while not self._reader.ready:
            more = _some(self._source, self._block_size)
            if not more:
                here, need = len(self._held), self._reader.need
                raise InputError(f"ends inside its {self.format} header: {need - here} of {need} bytes are missing")
            self._first = self._feed(more)

    def _batches(self) -> Iterator[list[Uncut]]:
        try:
            packets, self._first = self._first, []
            last: Uncut | None = None  # what came after the last tick
            more = b""
            while True:
                last = packets[-1] if packets else last
                if last is not None and len(more) < self._block_size and _is_quiet(self._source):
                    packets += uncut([tick(cut(last), time_of(last))])
                    last = None
                yield packets
                if self._source.closed:
                    return
                more = b"" if self._reader.trouble else _some(self._source, self._block_size)
                if not more:
                    self.truncated = self._ending()
                    return
                packets = self._feed(more)
        except OSError as error:
            self.truncated = self._unreadable(_reason(error))
        finally:
            self.close()

    def _feed(self, data: bytes) -> list[Uncut]:
        """The packets that `data` makes whole; what it leaves unfinished is held."""
        packets, begin = self._complete(data) if self._held else ([], 0)
        if not self._held and not self._reader.trouble and len(data) - begin >= self._reader.need:
            more, end = self._reader.read(data, begin)
            packets = packets + more if packets else more
            self._position += end - begin
            begin = end
        self._held += data[begin:]  # grows with what arrives, never with what a length claims
        if packets:
            self._count(packets)
        return packets

    def _complete(self, data: bytes) -> tuple[list[Uncut], int]:
        """The packet that was begun, and how much of `data` it took: to join all of that to what is held is slow."""
        held, reader = self._held, self._reader
        packets: list[Uncut] = []
        at = 0
        while held and not reader.trouble:
            lacking = max(reader.need - len(held), 0)
            held += data[at : at + lacking]
            at = min(at + lacking, len(data))
            if len(held) < reader.need:
                break
            more, used = reader.read(bytes(held), 0)
            packets += more
            self._position += used
            del held[:used]
        return packets, at

    def _count(self, packets: list[Uncut]) -> None:
        if self.first_time is None:
            self.first_time = time_of(packets[0])
        self.last_time = time_of(packets[-1])
        self.packets = self._reader.packets
        self.bytes = self._reader.captured

    def _ending(self) -> str:
        reader, held = self._reader, len(self._held)
        if reader.trouble:
            return self._unreadable(reader.trouble)
        if not held:
            return ""
        left = f"only {held} bytes of it are there"
        if held >= reader.header_size:
            left = f"{reader.need - held} of {reader.need} bytes are missing"
        return f"ends inside a {reader.unit} {self._place()}: {left}"

    def _unreadable(self, reason: str) -> str:
        unpacked = " of what is packed in it" if self.packing else ""
        return f"is unreadable {self._place()}, from byte {self._position}{unpacked} on: {reason}"

    def _place(self) -> str:
        return f"after packet {self.packets}" if self.packets else "before any packet"


class Captures:
    """Several capture files as one run: `files`, and the packets of all in the order of their times.

    Packets keep the index of their file and their number in it. Within a file the file's own order stays, even where
    its times go back. The order in which files are named does not matter: of packets with the same time, those of the
    file that begins first come first, so that a capture cut into files is what it was before. Only of files that begin
    in the same nanosecond the one that was named first comes first.
    """

    def __init__(self, files: Sequence[CaptureFile], stop: Stop | None = None) -> None:
        self.files = tuple(files)
        self._stop = stop

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Packet]:
        return map(cut, self.uncut())

    def uncut(self) -> Iterator[Uncut]:
        """The packets as transport takes them."""
        return self.files[0].uncut() if len(self.files) == 1 else self._merged()

    @property
    def is_stopped(self) -> bool:
        """Whether somebody asked for the end, which for a pipe is where it stood."""
        return self._stop is not None and self._stop.is_asked

    def _merged(self) -> Iterator[Uncut]:
        opened = [file.uncut() for file in self.files]
        begun = [(first, packets) for packets in opened if (first := next(packets, None)) is not None]
        begun.sort(key=lambda file: (time_of(file[0]), file[0]))
        heads = [(time_of(first), rank, first, packets) for rank, (first, packets) in enumerate(begun)]
        while len(heads) > 1:  # sorted, and so a heap from the beginning; no two have the same rank
            _, rank, packet, packets = heappop(heads)
            time, other, *_ = heads[0]
            latest = time if rank < other else time - 1  # until then the other files have nothing to say
            yield packet
            for packet in packets:
                if (moment := time_of(packet)) > latest:
                    heappush(heads, (moment, rank, packet, packets))
                    break
                yield packet
        for _, _, packet, packets in heads:
            yield packet
            yield from packets

    def close(self) -> None:
        for file in self.files:
            file.close()


Watch: TypeAlias = Callable[[int], None]


def read(sources: Sequence[str], watch: Watch | None = None, stop: Stop | None = None) -> Captures:
    """Open every source, in order of their indices; raises `InputError` for the first that cannot be read.

    `watch` is told of every piece that is read: how many bytes it has. `stop` can end those that are pipes.
    """
    if sources.count(STANDARD_INPUT) > 1:
        raise UserError("standard input can be read only once")
    size = min(BLOCK_SIZE, MOST_BLOCKS // max(len(sources), 1) + 1)
    with ExitStack() as opened:  # closes the files before one that cannot be read
        files = [
            opened.enter_context(open_capture(source, index, watch, stop, block_size=size))
            for index, source in enumerate(sources)
        ]
        opened.pop_all()
    return Captures(files, stop)


class _Watched(Around):
    """A source that tells how much was read of it."""

    def __init__(self, source: Source, watch: Watch) -> None:
        super().__init__(source)
        self._watch = watch

    def read(self, size: int, /) -> bytes | None:
        data = self._source.read(size)
        self._watch(len(data or b""))
        return data


def open_capture(
    source: str,
    index: int = 0,
    watch: Watch | None = None,
    stop: Stop | None = None,
    *,
    block_size: int = BLOCK_SIZE,
) -> CaptureFile:
    """Open a file, or standard input for "-", and read its header; `index` is what its packets carry.

    `block_size` is how many bytes are read at a time.

    Raises `InputError`, one line with the name, for what is not there, may not be read, is empty or no capture.
    """
    name = _named(source)
    try:
        raw = _open(source)
        if stop is not None:
            raw = stop.over(raw)
        try:
            return CaptureFile(source, raw if watch is None else _Watched(raw, watch), index, block_size)
        except BaseException:
            raw.close()
            raise
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except OSError as error:
        raise InputError(f"{name}: {_reason(error)}") from None


def blocks(source: str) -> Iterator[bytes]:
    """The bytes of a file that is no capture, or of standard input for "-", in pieces as they come.

    Raises `InputError`, one line with the name, for what is not there or may not be read.
    """
    name = _named(source)
    try:
        raw = _open(source)
        try:
            while data := _some(raw):
                yield data
        finally:
            raw.close()
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except OSError as error:
        raise InputError(f"{name}: {_reason(error)}") from None


def can_be_read_twice(sources: Iterable[str]) -> bool:
    """Whether all of them are files, and no pipes."""
    return all(source != STANDARD_INPUT and _is_file(source) for source in sources)


def _is_file(name: str) -> bool:
    path = Path(name)
    try:
        return path.is_file() or path.is_dir() or not path.exists()  # that it cannot be read is told when it is opened
    except (OSError, ValueError):
        return True


def _named(source: str) -> str:
    return "standard input" if source == STANDARD_INPUT else printable(source)


def _open(source: str) -> Source:
    # Unbuffered: a buffered reader waits until it has all that it was asked for, and a live pipe would lag.
    if source != STANDARD_INPUT:
        if "\0" in source:
            raise InputError("is no name of a file")
        return Path(source).open("rb", buffering=0)
    if sys.stdin is None:  # closed before the program began
        raise InputError("is closed")
    try:
        return FileIO(sys.stdin.fileno(), closefd=False)
    except UnsupportedOperation:  # no file, but something in memory that a program put in its place
        return sys.stdin.buffer


def _some(source: Source, size: int = PIPE_SIZE) -> bytes:
    """What is there to read, at least a byte; nothing at the end."""
    data = source.read(size)
    while data is None:  # whoever shares the pipe made it non-blocking
        select.select([source], [], [])
        data = source.read(size)
    return data


def _is_quiet(source: Source) -> bool:
    """Whether to read on is to wait: of a pipe that somebody captures into, what came so far is to be shown at once."""
    try:
        return not select.select([source], [], [], 0)[0]
    except (OSError, ValueError):  # nothing that can be waited for, as no file is on Windows
        return False


def _refusal(head: bytes, file: str) -> str:
    for magic, name, tool in COMPRESSIONS:
        if head.startswith(magic):
            shown = "" if file == STANDARD_INPUT else f"{quote(printable(file))} "
            return f"is compressed with {name}; unpack it first: {tool} {shown}| rtmpsniff read -"
    return f"is not a pcap or pcapng capture: begins with {quoted(decode_text(head[:16]))}"


REASONS: Final[dict[type[Exception], str]] = {
    FileNotFoundError: "no such file",
    IsADirectoryError: "is a directory",
    PermissionError: "permission denied",
}


def _reason(error: OSError) -> str:
    return REASONS.get(type(error)) or printable(error.strerror or str(error))
