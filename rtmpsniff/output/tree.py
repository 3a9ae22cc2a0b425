"""The decoded tree of a block: names and values, nested by indentation, without the bytes.

Knows `Block`, `Field` and `Role` and nothing of the protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rtmpsniff.fields import Block, Field, Role
from rtmpsniff.output.theme import Paint
from rtmpsniff.text import columns_of, plural, reach

LONGEST: Final = 200  # characters of one value, or of one captured name
_FOLDED: Final = 6  # columns that the second line of a value is set in below its name
_LEAST: Final = 20  # columns of a value on a line, however narrow the terminal
_SET_IN: Final = 6  # steps of two columns, so that the list's times stand free


def tree(block: Block, paint: Paint, full: bool = False, width: int | None = None) -> Iterator[str]:
    """One line a field, folded where a terminal of `width` columns is too narrow. `full`: no value is shortened."""
    return _lines(block.fields, paint, full, width, _SET_IN)


def _lines(fields: Iterable[Field], paint: Paint, full: bool, width: int | None, depth: int) -> Iterator[str]:
    for field in fields:
        if field.inline or field.role is Role.KEY or (field.name == "end" and field.role is Role.MARKER):
            continue
        shown, name, styled = field, field.name, paint.style("dim", field.name)
        if field.role is Role.PAIR:
            # A property: its key is the name and its value the line. One cut off behind the key has no value.
            name = _shortened(field.label, full)
            styled = paint.role(Role.KEY, name)
            shown = next((child for child in field.children if child.role is not Role.KEY), field._replace(label=""))
        label = _shortened(shown.label or _size(shown), full)
        lead = "  " * depth
        first, *more = _folded(label, width, len(lead) + columns_of(name) + 2, len(lead) + _FOLDED)
        yield f"{lead}{styled}: {paint.role(shown.role, first)}".rstrip()
        for line in more:
            yield f"{lead}{'':{_FOLDED}}{paint.role(shown.role, line)}"
        below = [child for child in shown.children if child.role is not Role.KEY]
        yield from _lines(below, paint, full, width, depth + 1)


def _shortened(text: str, full: bool) -> str:
    return text if full or len(text) <= LONGEST else text[:LONGEST] + "..."


def _folded(text: str, width: int | None, start: int, indent: int) -> list[str]:
    """The text in pieces: the first has its place from column `start` on, the others from `indent` on."""
    if width is None:
        return [text]
    lines: list[str] = []
    at = 0
    while (stop := reach(text, max(width - (indent if lines else start), _LEAST), at)) < len(text):
        space = text.rfind(" ", (at + stop) // 2, stop + 1)
        lines.append(text[at : stop if space < 0 else space])
        at = stop if space < 0 else space + 1
    return [*lines, text[at:]]


def _size(field: Field) -> str:
    """Of bytes that the dump shows and nothing is said of: how many they are."""
    return "" if field.children or field.role is Role.PAIR else plural(field.stop - field.start, "byte")
