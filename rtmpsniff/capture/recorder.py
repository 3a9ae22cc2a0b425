"""Packets are kept: one capture file, or a row of them that rotates by size and time.

What is written is whole: after every batch the file ends behind a packet, so others can read it while it grows, and
where the disk is full the file is cut back to its last whole packet. Files are made readable for their owner alone.
"""

from __future__ import annotations

import os
import stat
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rtmpsniff.capture.packet import Uncut
from rtmpsniff.capture.writing import Format, PcapFormat, PcapngFormat
from rtmpsniff.errors import OutputError
from rtmpsniff.text import printable

STANDARD_OUTPUT: Final = "-"
PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Rotation:
    """When the next file begins, and how many stay: sizes in bytes, times in ns of packet time; None is never."""

    size: int | None = None
    time: int | None = None
    keep: int | None = None

    @property
    def is_wanted(self) -> bool:
        return self.size is not None or self.time is not None


def format_for(name: str) -> Callable[[str, int], Format]:
    """Pcapng for a name that ends so, else pcap."""
    return PcapngFormat if name.lower().endswith((".pcapng", ".ntar")) else PcapFormat


class Recorder:
    """Writes packets to `name` ("-" is standard output); with a rotation to NAME_00001_20261121T115503Z and so on.

    Raises `OutputError`, one line, for what cannot be written; `BrokenPipeError` where a reader has gone.
    """

    def __init__(self, name: str, interface: str, snapshot_length: int, rotation: Rotation | None = None) -> None:
        self.name = name
        self.packets = 0
        self.files = 0
        self._format = format_for(name)(interface, snapshot_length)
        self._rotation = rotation or Rotation()
        self._kept: deque[Path] = deque()
        self._file = -1
        self._regular = False
        self._size = 0  # of the file at hand
        self._began = 0  # time of its first packet
        if not self._rotation.is_wanted:
            self._open(name)
        elif not os.access(Path(name).parent, os.W_OK | os.X_OK):  # now, and not when the first packet comes
            raise OutputError(f"{printable(name)}: no file can be made in its folder")

    def __repr__(self) -> str:
        return f"<Recorder {self.name}: {self.packets} packets in {self.files} files>"

    def write(self, packets: Sequence[Uncut]) -> None:
        """Keep these packets; all of them are in the file when this returns."""
        if not self._rotation.is_wanted:
            self._write(packets)
            return
        start = 0
        size = self._size
        for at, packet in enumerate(packets):
            (_, _, time), _, _, begin, end, _ = packet
            if self._is_full(time, end - begin, size):
                self._write(packets[start:at])
                self._next(time)
                start, size = at, self._size
            size += end - begin + 36  # what stands beside a packet, at most
        self._write(packets[start:])

    def close(self) -> None:
        """The last file is closed; nothing waits to be written."""
        file, self._file = self._file, -1
        if file <= 2:  # none, or standard output
            return
        with telling(self.name):  # some file systems write only now
            os.close(file)

    def _is_full(self, time: int, length: int, size: int) -> bool:
        limit, period = self._rotation.size, self._rotation.time
        if self._file < 0:
            return True
        if limit is not None and size + length + 36 > limit:
            return True
        return period is not None and time - self._began >= period

    def _next(self, time: int) -> None:
        self.close()
        path = Path(self.name)
        moment = datetime.fromtimestamp(time // 1_000_000_000, UTC)
        numbered = path.with_name(f"{path.stem}_{self.files + 1:05}_{moment:%Y%m%dT%H%M%SZ}{path.suffix}")
        self._open(str(numbered))
        self._began = time
        self._kept.append(numbered)
        while self._rotation.keep is not None and len(self._kept) > self._rotation.keep:
            with suppress(FileNotFoundError):  # somebody took it away
                self._kept.popleft().unlink()

    def _open(self, name: str) -> None:
        with telling(name):
            if name == STANDARD_OUTPUT:
                if sys.stdout is None:
                    raise OutputError("standard output: is closed")
                self._file = sys.stdout.fileno()
            else:
                self._file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
            self._regular = stat.S_ISREG(os.fstat(self._file).st_mode)
            self.files += 1
            self._size = 0
            self._put(self._format.header())

    def _write(self, packets: Sequence[Uncut]) -> None:
        if not packets:
            return
        with telling(self.name):
            self._put(self._format.records(packets))
        self.packets += len(packets)

    def _put(self, data: bytes) -> None:
        try:
            write_all(self._file, data)
        except OSError:
            if self._regular:  # half a packet would stand at the end
                with suppress(OSError):
                    os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)


@contextmanager
def telling(name: str) -> Iterator[None]:
    """What goes wrong with this file is one line, an `OutputError`; a reader who has gone is told as it is."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        place = "standard output" if name == STANDARD_OUTPUT else printable(name)
        raise OutputError(f"{place}: {error.strerror or error}") from None


def write_all(file: int, data: bytes) -> None:
    """Write bytes to an open file, in as many calls as it takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
