"""Sizes and spans of time as people write them on a command line: 100M, 1.5h."""

from __future__ import annotations

import re
from typing import Any, Final

import click

_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd]?)")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([kKMG]?)(?:i?B)?")
_BYTES: Final = {"": 1, "k": 1 << 10, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class DurationParameter(click.ParamType[float]):
    """Seconds, or a number of minutes, hours or days: 90, 10m, 1.5h, 2d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = _DURATION.fullmatch(str(value))
        seconds = float(match[1]) * _SECONDS[match[2]] if match else 0
        if not seconds:
            self.fail(f"{str(value)[:40]!r} is no duration: 90, 10m, 1.5h", param, ctx)
        return seconds


class SizeParameter(click.ParamType[int]):
    """Bytes, or 500K, 100M, 2G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _SIZE.fullmatch(str(value))
        size = int(float(match[1]) * _BYTES[match[2]]) if match else 0
        if not size:
            self.fail(f"{str(value)[:40]!r} is no size: 500K, 100M, 2G", param, ctx)
        return size
