"""The decoded tree of a block: names and values, nested by indentation, without the bytes.

Knows `Block`, `Field` and `Role` and nothing of the protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rtmpsniff.fields import Block, Field, Role
from rtmpsniff.output.theme import Paint

LONGEST: Final = 200  # characters of one value
_SET_IN: Final = 6  # steps of two columns, so that the list's times stand free


def tree(block: Block, paint: Paint, full: bool = False) -> Iterator[str]:
    """One line a field. `full`: long values are not shortened."""
    return _lines(block.fields, paint, full, _SET_IN)


def _lines(fields: Iterable[Field], paint: Paint, full: bool, depth: int) -> Iterator[str]:
    for field in fields:
        if field.inline or field.role is Role.KEY or (field.name == "end" and field.role is Role.MARKER):
            continue
        shown, name = field, paint.style("dim", field.name)
        if field.role is Role.PAIR:
            # A property: its key is the name and its value the line. One cut off behind the key has no value.
            name = paint.role(Role.KEY, field.label)
            shown = next((child for child in field.children if child.role is not Role.KEY), field._replace(label=""))
        label = shown.label if full or len(shown.label) <= LONGEST else shown.label[:LONGEST] + "..."
        yield f"{'  ' * depth}{name}: {paint.role(shown.role, label)}".rstrip()
        yield from _lines([child for child in shown.children if child.role is not Role.KEY], paint, full, depth + 1)
