"""An end for what comes through a pipe, which may have none of its own: Ctrl-C ends the input and not the program.

Whoever writes the pipe gets the same Ctrl-C, and may hold packets that it hands over now, as tcpdump does. So the pipe
is read on until it ends by itself, but no longer than `LAST_CALL`.
"""

from __future__ import annotations

import os
import select
import stat
import time
from contextlib import suppress
from typing import Final

from rtmpsniff.capture.source import Around, Source

LAST_CALL: Final = 1.0  # s


class Stop:
    """Ends all pipes that it watches over, once it is asked for; that may be in a signal handler, at any moment."""

    def __init__(self) -> None:
        self.is_asked = False
        self._deadline = 0.0
        self._open: set[_Stoppable] = set()
        self._waking: int | None = None  # a pipe of our own: writing to it ends the wait for another
        self._woken: int | None = None

    def __repr__(self) -> str:
        return f"<Stop of {len(self._open)} pipes{', asked for' if self.is_asked else ''}>"

    def ask(self) -> bool:
        """End the pipes; False where that was asked for before, or there is none that has not ended."""
        if self.is_asked or not self._open or self._waking is None:
            return False
        self.is_asked = True
        self._deadline = time.monotonic() + LAST_CALL
        os.write(self._waking, b"!")
        return True

    def over(self, source: Source) -> Source:
        """The same source, which ends when that is asked for; a file, which has an end, stays as it is."""
        if not _is_pipe(source):
            return source
        if self._waking is None:
            self._woken, self._waking = os.pipe()
        pipe = _Stoppable(source, self)
        self._open.add(pipe)
        return pipe

    def close(self) -> None:
        """Nothing can be asked for any more."""
        self._open.clear()
        ends, self._waking, self._woken = (self._waking, self._woken), None, None
        for end in ends:
            if end is not None:
                os.close(end)

    def leave(self, pipe: _Stoppable) -> None:
        """A pipe has ended."""
        self._open.discard(pipe)

    def waits(self, source: Source) -> bool:
        """Wait until there is something to read, or the end of it; False where neither may be waited for any more."""
        sources = [source.fileno(), *([] if self._woken is None else [self._woken])]
        while not self.is_asked:
            if sources[0] in select.select(sources, [], [])[0]:
                return True
        left = self._deadline - time.monotonic()
        return left > 0 and bool(select.select([source], [], [], left)[0])


class _Stoppable(Around):
    """A pipe that ends by itself or because it is asked to."""

    def __init__(self, source: Source, stop: Stop) -> None:
        super().__init__(source)
        self._stop = stop

    def read(self, size: int, /) -> bytes | None:
        data = self._source.read(size) if self._stop.waits(self._source) else b""
        if data == b"":
            self._stop.leave(self)
        return data

    def close(self) -> None:
        self._stop.leave(self)
        super().close()


def _is_pipe(source: Source) -> bool:
    """Whether a program writes what is read here; on Windows nothing tells when a pipe can be read."""
    if os.name != "posix":
        return False
    with suppress(OSError, ValueError):  # something in memory
        mode = os.fstat(source.fileno()).st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    return False
