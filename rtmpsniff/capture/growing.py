"""A text file that others go on writing, as key logs are: gives what is there, and later the lines that were added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from os import stat_result
from pathlib import Path
from stat import S_ISREG
from typing import Final

from rtmpsniff.capture.files import blocks
from rtmpsniff.text import printable

MOST_BLOCKS: Final = 4096  # of what is there already; a key log of a million connections has fewer
MOST_AT_ONCE: Final = 1 << 20  # bytes: of what was added, and of a line


class GrowingFile:
    """`blocks` gives what is there and `lines`, each time, what came since.

    A file that is cut short or replaced is read again from its beginning, and one that is not there yet once it is. Of
    what is no plain file, a pipe for one, nothing comes later. `tell` gets a line where a file cannot be read any more.
    """

    def __init__(self, name: str, tell: Callable[[str], object] = lambda _: None) -> None:
        self._name = name
        self._tell = tell
        self._file: tuple[int, int] | None = None  # which one the name means: device and inode
        self._at = 0  # so far it was read
        self._rest = b""  # of a line whose end is not there yet
        self._trouble = ""

    def __repr__(self) -> str:
        return f"<GrowingFile {self._name!r} at byte {self._at}>"

    @property
    def is_empty(self) -> bool:
        """Whether nothing was in it so far."""
        return self._at == 0

    def blocks(self) -> Iterator[bytes]:
        """What is there, in pieces, up to `MOST_BLOCKS`; its last line may be cut.

        Raises `InputError`, one line with the name, for what is not there or may not be read.
        """
        for block in islice(blocks(self._name), MOST_BLOCKS):
            self._note(block)
            yield block
        with suppress(OSError):  # it is standard input, or was removed meanwhile
            self._file = _identity(Path(self._name).stat())

    def lines(self) -> list[bytes]:
        """The whole lines that were added, as one text; an empty list where there are none."""
        try:
            return self._added()
        except FileNotFoundError:
            return []
        except OSError as error:
            if self._trouble != str(error):
                self._trouble = str(error)
                self._tell(f"{printable(self._name)}: not read: {error.strerror}")
            return []

    def _added(self) -> list[bytes]:
        path = Path(self._name)
        status = path.stat()
        if not S_ISREG(status.st_mode):
            return []
        if _identity(status) != self._file or status.st_size < self._at:
            self._file, self._at, self._rest = _identity(status), 0, b""
        if status.st_size == self._at:
            return []
        with path.open("rb", buffering=0) as raw:
            raw.seek(self._at)
            whole = self._note(raw.read(MOST_AT_ONCE))
        return [whole] if whole else []

    def _note(self, block: bytes) -> bytes:
        """A block was read; gives the lines that it ends."""
        self._at += len(block)
        whole, end, rest = (self._rest + block).rpartition(b"\n")
        self._rest = rest[:MOST_AT_ONCE]
        return whole + end


def _identity(status: stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
