"""How far long work has come: one line on standard error while a large file is read, on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Final, TextIO, cast

from rtmpsniff.capture.files import STANDARD_INPUT, Watch
from rtmpsniff.cli.world import World, terminal_width
from rtmpsniff.text import grouped

LARGE: Final = 32 << 20  # bytes of files from which on it is worth a line
_AFTER: Final = 0.5  # seconds before the line is drawn first
_EVERY: Final = 0.1  # seconds between drawings
_BAR: Final = 30


class Progress:
    """Draws the line; `hide` before anything else is written to a terminal."""

    def __init__(self, total: int, out: TextIO, width: int) -> None:
        self._total, self._out = total, out
        self._width = max(min(width - 1, 100), 1)
        self._began = self._next = monotonic()
        self._next += _AFTER
        self._done = 0
        self._shown = 0  # characters on the line

    def advance(self, size: int) -> None:
        """So many more bytes were read."""
        self._done += size
        now = monotonic()
        if now >= self._next:
            self._next = now + _EVERY
            self._draw(now)

    def hide(self) -> None:
        """Empty the line; it comes back when it has been still for a while."""
        if self._shown:
            self._put(f"\r{'':{self._shown}}\r")
            self._shown = 0
            self._next = monotonic() + _AFTER

    def beside(self, out: World) -> World:
        """The same world, where the line makes room for what is written to a terminal."""
        return out if out.width is None else out._replace(output=cast("TextIO", _Making(self, out.output)))

    def _draw(self, now: float) -> None:
        part = min(self._done / self._total, 1.0)
        speed = self._done / max(now - self._began, 1e-9)
        left = (self._total - self._done) / speed if speed else 0.0
        full = round(part * _BAR)
        bar = "#" * full + "-" * (_BAR - full)
        text = f"{bar} {part:4.0%}  {grouped(self._done >> 20)} MiB  {speed / (1 << 20):.0f} MiB/s  {_clock(left)} left"
        text = text[: self._width]
        self._put(f"\r{text:<{self._shown}}")
        self._shown = max(len(text), self._shown)

    def _put(self, text: str) -> None:
        with suppress(OSError):
            self._out.write(text)
            self._out.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(round(seconds), 0), 60)
    return f"{minutes}:{rest:02d}"


class _Making:
    """Writes to a terminal after the line is gone."""

    def __init__(self, line: Progress, out: TextIO) -> None:
        self._line, self._out = line, out

    def write(self, text: str) -> int:
        self._line.hide()
        return self._out.write(text)


class Still:
    """No line: a pipe, a small file, standard input."""

    def advance(self, size: int) -> None:
        """Nobody watches."""

    def hide(self) -> None:
        """Nothing is shown."""

    def beside(self, out: World) -> World:
        """Nothing is in the way."""
        return out


@contextmanager
def progress(files: Sequence[str], passes: int = 1) -> Iterator[Progress | Still]:
    """A line for the time of the block, where somebody can see it and the files are large; else nothing."""
    errors: TextIO | None = sys.stderr
    total = passes * _size(files)
    if errors is None or not errors.isatty() or total < LARGE:
        yield Still()
        return
    line = Progress(total, errors, terminal_width(errors))
    try:
        yield line
    finally:
        line.hide()


def watch(line: Progress | Still) -> Watch | None:
    """What is to be told of every piece that is read."""
    return line.advance if isinstance(line, Progress) else None


def _size(files: Sequence[str]) -> int:
    """How large files are together; 0 where one has no size that could be known."""
    total = 0
    for file in files:
        try:
            path = Path(file)
            if file == STANDARD_INPUT or not path.is_file():
                return 0
            total += path.stat().st_size
        except (OSError, ValueError):
            return 0
    return total
