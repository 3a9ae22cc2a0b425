"""Bytes that were written as text, and where in it each stood: for a mistake has a line and a column."""

from __future__ import annotations

import re
from bisect import bisect_right
from operator import attrgetter
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.errors import UserError
from rtmpsniff.text import quoted

Form: TypeAlias = Literal["hex", "listing", "decimal", "base64"]

_LONGEST_SHOWN: Final = 16  # characters of what stands at the place of a mistake
_PAIR: Final = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{2})")
_NUMBER: Final = re.compile(r"(-?[0-9]+)")


class Run(NamedTuple):
    """Bytes that stood together: the first one's offset, and their span of the text."""

    offset: int
    start: int
    stop: int


class Pasted(NamedTuple):
    """What a text says."""

    data: bytes
    form: Form
    text: str
    runs: tuple[Run, ...]
    left_out: int = 0  # bytes that a listing passes over, by its offsets
    note: str = ""  # which of several readings this is
    rival: Pasted | None = None  # another reading of the same text
    is_swapped: bool = False  # each group of hex is a number, whose last byte comes first

    def noted(self, note: str) -> Pasted:
        """The same with one more note; an empty one is none."""
        return self._replace(note="; ".join(filter(None, (self.note, note))))

    def place(self, offset: int) -> str:
        """Where in the text the byte at `offset` stood: `line 3, column 12`."""
        run = self.runs[max(bisect_right(self.runs, offset, key=attrgetter("offset")) - 1, 0)]
        return place(self.text, self._position(run, offset - run.offset))

    def _position(self, run: Run, number: int) -> int:
        if self.form == "base64":
            symbols = re.compile(r"\S").finditer(self.text, run.start, run.stop)
            wanted = number * 4 // 3
            return next((symbol.start() for at, symbol in enumerate(symbols) if at == wanted), run.start)
        if self.is_swapped:
            return self._swapped(run, number)
        bytes_ = (_NUMBER if self.form == "decimal" else _PAIR).finditer(self.text, run.start, run.stop)
        return next((byte.start(1) for at, byte in enumerate(bytes_) if at == number), run.start)

    def _swapped(self, run: Run, number: int) -> int:
        for group in re.compile(r"\S+").finditer(self.text, run.start, run.stop):
            size = len(group[0].removeprefix("0x")) // 2
            if number < size:
                return group.end() - 2 * (number + 1)
            number -= size
        return run.start


class Collected:
    """Bytes and their places, as they are read."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.runs: list[Run] = []

    def add(self, part: bytes, start: int, stop: int) -> None:
        """The bytes `part` stood in this span of the text."""
        self.runs.append(Run(len(self.data), start, stop))
        self.data += part

    def pasted(self, form: Form, text: str, left_out: int = 0) -> Pasted:
        """All that was read."""
        return Pasted(bytes(self.data), form, text, tuple(self.runs), left_out)


def blanked(text: str, filler: str = " ") -> str:
    """As many lines of as many characters, which say nothing: so what stands behind them stays where it is."""
    return re.sub(r"[^\n]", filler, text)


def place(text: str, position: int) -> str:
    """Line and column, from 1."""
    line_start = text.rfind("\n", 0, position) + 1
    return f"line {text.count(chr(10), 0, position) + 1}, column {position - line_start + 1}"


def mistake(text: str, position: int, what: str) -> UserError:
    """An error about what stands at `position`; `what` may name that as `{}`."""
    word = re.compile(r"[^\s,;]*").match(text, position)
    shown = (word[0] if word else "") or text[position : position + 1]
    if len(shown) > _LONGEST_SHOWN:
        shown = f"{shown[:_LONGEST_SHOWN]}..."
    return UserError(f"{place(text, position)}: {what.format(quoted(shown))}")
