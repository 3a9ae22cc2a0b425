"""Bytes that were written as text, and where in it each stood: for a mistake has a line and a column."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from functools import lru_cache
from operator import attrgetter
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.errors import UserError
from rtmpsniff.text import quoted

Form: TypeAlias = Literal["hex", "listing", "decimal", "base64"]

_LONGEST_SHOWN: Final = 16  # characters of what stands at the place of a mistake
_PAIR: Final = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{2})")
_GROUP: Final = re.compile(r"(?:0[xX])?([0-9A-Fa-f]+)")
_SYMBOL: Final = re.compile(r"\S")
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
        starts = _starts(self.text, run.start, run.stop, self.form, self.is_swapped)
        if self.form == "base64":
            number = number * 4 // 3
        return starts[number] if number < len(starts) else run.start


@lru_cache(maxsize=1)
def _starts(text: str, start: int, stop: int, form: Form, is_swapped: bool) -> array[int]:
    """Where each byte of a run stands; of base64 each symbol. Kept: findings come in the order of their places."""
    if form == "base64":
        return array("Q", (symbol.start() for symbol in _SYMBOL.finditer(text, start, stop)))
    if is_swapped:
        groups = _GROUP.finditer(text, start, stop)
        return array("Q", (at for group in groups for at in range(group.end() - 2, group.start(1) - 1, -2)))
    elements = (_NUMBER if form == "decimal" else _PAIR).finditer(text, start, stop)
    return array("Q", (element.start(1) for element in elements))


@lru_cache(maxsize=1)
def _line_starts(text: str) -> array[int]:
    return array("Q", (0, *(end.end() for end in re.finditer("\n", text))))


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
    starts = _line_starts(text)
    line = bisect_right(starts, position)
    return f"line {line}, column {position - starts[line - 1] + 1}"


def mistake(text: str, position: int, what: str) -> UserError:
    """An error about what stands at `position`; `what` may name that as `{}`."""
    word = re.compile(r"[^\s,;]*").match(text, position)
    shown = (word[0] if word else "") or text[position : position + 1]
    if len(shown) > _LONGEST_SHOWN:
        shown = f"{shown[:_LONGEST_SHOWN]}..."
    return UserError(f"{place(text, position)}: {what.format(quoted(shown))}")
