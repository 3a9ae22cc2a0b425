"""Which end of a group of hex comes first? The column of text beside it tells.

xxd -e, WinDbg and gdb write numbers of the machine, whose last two digits are the first byte; most others write bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final

_GROUP: Final = re.compile(r"(?:0[xX])?((?:[0-9A-Fa-f]{2})+)")
_SEEN: Final = re.compile(rb"[!-~]")
_ENOUGH: Final = 64  # rows: all of a listing are written in one way


def straight(groups: str) -> bytes:
    """Groups of hex, the first two digits of each being its first byte."""
    return bytes.fromhex("".join(_GROUP.findall(groups)))


def swapped(groups: str) -> bytes:
    """The same, the last two digits of each being its first byte."""
    return b"".join(bytes.fromhex(group)[::-1] for group in _GROUP.findall(groups))


def is_swapped(rows: Iterable[tuple[str, str]]) -> bool | None:
    """Whether the groups of a listing are swapped, by its first rows that tell: groups, and what stands behind them.

    None where nothing there tells.
    """
    votes = [0, 0]
    for groups, behind in islice(filter(_tells, rows), _ENOUGH):
        columns = [_column(read(groups)) for read in (straight, swapped)]
        if columns[0] != columns[1]:
            votes = [vote + bool(re.search(column, behind)) for vote, column in zip(votes, columns, strict=True)]
    return None if votes[0] == votes[1] else votes[1] > votes[0]


def _tells(row: tuple[str, str]) -> bool:
    return _SEEN.search(straight(row[0])) is not None and not row[1].isspace() and row[1] != ""


def _column(data: bytes) -> str:
    """What a column of text shows of these bytes, as a pattern: tools differ in what they show for most of them."""
    shown = (re.escape(chr(byte)) if 0x20 < byte < 0x7F else "." for byte in data)
    return f"{''.join(shown)}[|│]?$"
