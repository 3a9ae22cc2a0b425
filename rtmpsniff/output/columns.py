"""Aligned columns without lines around them: they read well on a terminal and go well into a pipe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from rtmpsniff.output.theme import Paint

_GROUPS: Final = re.compile(r"(?<=[0-9]) (?=[0-9]{3}\b|[a-z])")
_NARROWEST: Final = 40


def columns(head: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint, right: str = "") -> Iterator[str]:
    """A heading and rows; `right` has an `r` in the place of each column that is aligned to the right."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    flags = right.ljust(len(head))

    def line(row: Sequence[str]) -> str:
        cells = (
            cell.rjust(width) if flag == "r" else cell.ljust(width)
            for cell, width, flag in zip(row, widths, flags, strict=True)
        )
        return "  ".join(cells).rstrip()

    yield paint.style("dim", line(head))
    for row in rows:
        yield line(row)


def wrapped(text: str, width: int) -> list[str]:
    """Rows of a text for a terminal; a number is not broken up."""
    from textwrap import wrap  # noqa: PLC0415 - only where a terminal is too narrow

    rows = wrap(_GROUPS.sub("\xa0", text), max(width, _NARROWEST), subsequent_indent="    ", break_on_hyphens=False)
    return [row.replace("\xa0", " ") for row in rows]
