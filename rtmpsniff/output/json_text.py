"""Records as JSON text, one line each.

A record's times are `Decimal`. `json` writes an int or a float its own way and nothing else as a number, and a float
cannot hold nine decimals of a time since 1970; so the members of a record are written one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from json import dumps


def json_text(record: Mapping[str, object]) -> str:
    """A record as a line of JSON; its members may be `Decimal`, which are written with all their decimals."""
    return "{" + ", ".join(f"{json_value(name)}: {json_value(value)}" for name, value in record.items()) + "}"


def json_value(value: object) -> str:
    """One value as JSON. Text stays text, but what could act on a terminal or is not Unicode is escaped."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = dumps(value, ensure_ascii=False, allow_nan=False)
    return text if text.isprintable() else dumps(value, allow_nan=False)
