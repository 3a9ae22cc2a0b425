"""A text file that others go on writing, as key logs are: gives what is there, and later the lines that were added."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from stat import S_ISREG
from typing import Final

from rtmpsniff.capture.files import blocks
from rtmpsniff.text import printable

MOST_BLOCKS: Final = 4096  # of what is there already; a key log of a million connections has fewer
MOST_AT_ONCE: Final = 1 << 20  # bytes: of what was added, and of a line
_TAIL: Final = 64  # bytes by which a file is known again
_NON_BLOCKING: Final = getattr(os, "O_NONBLOCK", 0)  # something else may have taken the name: nobody waits for that


class GrowingFile:
    """`blocks` gives what is there and `lines`, each time, what came since.

    A file that is cut short, written anew or replaced is read again from its beginning, and one that is not there yet
    once it is. Of what is no plain file, a pipe for one, nothing comes later. `tell` gets a line where a file cannot be
    read any more.
    """

    def __init__(self, name: str, tell: Callable[[str], object] = lambda _: None) -> None:
        self._name = name
        self._tell = tell
        self._seen: tuple[int, ...] = ()  # what the file system said of the file when it was last looked at
        self._at = 0  # so far it was read
        self._tail = b""  # what stands before that
        self._rest = b""  # of a line whose end is not there yet
        self._trouble = ""

    def __repr__(self) -> str:
        return f"<GrowingFile {self._name!r} at byte {self._at}>"

    @property
    def is_empty(self) -> bool:
        """Whether nothing was in it so far."""
        return self._at == 0

    @property
    def is_plain(self) -> bool:
        """Whether it is there, and a file."""
        try:
            return S_ISREG(Path(self._name).stat().st_mode)
        except OSError:
            return False

    def blocks(self) -> Iterator[bytes]:
        """What is there, in pieces, up to `MOST_BLOCKS`; its last line may be cut, and then comes whole by `lines`.

        Raises `InputError`, one line with the name, for what is not there or may not be read.
        """
        for block in islice(blocks(self._name), MOST_BLOCKS):
            self._note(block)
            yield block

    def lines(self) -> list[bytes]:
        """The whole lines that were added, as one text; an empty list where there are none."""
        try:
            added = self._added()
        except FileNotFoundError:
            return []
        except OSError as error:
            if self._trouble != str(error):
                self._trouble = str(error)
                self._tell(f"{printable(self._name)}: not read: {error.strerror}")
            return []
        return [added] if added else []

    def _added(self) -> bytes:
        status = Path(self._name).stat()
        seen = status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
        if not S_ISREG(status.st_mode) or (seen == self._seen and status.st_size == self._at):
            return b""
        self._seen = seen
        with open(self._name, "rb", buffering=0, opener=_without_waiting) as raw:
            raw.seek(self._at - len(self._tail))
            found = raw.read(len(self._tail) + MOST_AT_ONCE)
            if not found.startswith(self._tail):
                self._at, self._tail, self._rest = 0, b"", b""
                raw.seek(0)
                found = raw.read(MOST_AT_ONCE)
        return self._note(found[len(self._tail) :])

    def _note(self, block: bytes) -> bytes:
        """A block was read; gives the lines that it ends."""
        self._at += len(block)
        self._tail = (self._tail + block)[-_TAIL:]
        whole, end, rest = (self._rest + block).rpartition(b"\n")
        self._rest = rest[:MOST_AT_ONCE]
        return whole + end


def _without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | _NON_BLOCKING)
