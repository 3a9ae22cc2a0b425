"""Columns for scripts: takes values as records have them, gives lines with a tab between two values.

A value never holds a tab, a line break or anything that acts on a terminal, and no two texts look the same: a backslash
is written twice, the rest is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from rtmpsniff.analysis.record import ABSENT
from rtmpsniff.output.json_text import json_value
from rtmpsniff.text import number_text, printable


def row(values: Iterable[object]) -> str:
    """One line, without its end."""
    return "\t".join(map(cell, values))


def cell(value: object) -> str:
    """A text as it is, a number as JSON has it, a list or an object as JSON; nothing where there is nothing."""
    if value is ABSENT:
        return ""
    if isinstance(value, str):
        return value if value.isprintable() and "\\" not in value else printable(value.replace("\\", "\\\\"))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int | float):
        return number_text(value)
    return json_value(value)
