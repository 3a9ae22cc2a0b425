"""Aligned columns without lines around them: they read well on a terminal and go well into a pipe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from rtmpsniff.output.theme import Paint
from rtmpsniff.text import columns_of

_GROUPS: Final = re.compile(r"(?<=[0-9]) (?=[0-9]{3}\b|[a-z])")
_NARROWEST: Final = 40
_SECOND_HALF: Final = "\x7f"  # stands in for the second column of a wide character; no printable text has it


def columns(head: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint, right: str = "") -> Iterator[str]:
    """A heading and rows; `right` has an `r` in the place of each column that is aligned to the right."""
    widths = [max(columns_of(row[at]) for row in (head, *rows)) for at in range(len(head))]
    flags = right.ljust(len(head))

    def line(row: Sequence[str]) -> str:
        cells = (
            _padding(cell, width) + cell if flag == "r" else cell + _padding(cell, width)
            for cell, width, flag in zip(row, widths, flags, strict=True)
        )
        return "  ".join(cells).rstrip()

    yield paint.style("dim", line(head))
    for row in rows:
        yield line(row)


def _padding(cell: str, width: int) -> str:
    return " " * (width - columns_of(cell))


def wrapped(text: str, width: int, indent: int = 4, narrowest: int = _NARROWEST) -> list[str]:
    """Rows of a text for a room of `width` columns, all but the first indented.

    A number and what it counts stay together, but where there is less room than most lines have. Less than `narrowest`
    columns are not made use of: a terminal breaks such rows once more.
    """
    from textwrap import wrap  # noqa: PLC0415 - only where a terminal is too narrow

    hanging, room = " " * indent, max(width, narrowest)
    glued = _GROUPS.sub("\xa0", text) if room >= _NARROWEST else text
    # textwrap counts characters, and may leave the second half of a wide one to the next row.
    doubled = glued
    if not glued.isascii():
        doubled = "".join(char + _SECOND_HALF * (columns_of(char) - 1) for char in glued)
    rows = wrap(doubled, room - (doubled != glued), subsequent_indent=hanging, break_on_hyphens=False)
    return [row.replace("\xa0", " ").replace(_SECOND_HALF, "") for row in rows]
