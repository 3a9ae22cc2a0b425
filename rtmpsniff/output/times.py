"""Times as the user wants them: since the first packet, since the last line, or of the day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

TimeFormat: TypeAlias = Literal["relative", "delta", "utc", "local", "epoch"]

# Of the years that a calendar here can say, less one at each end for the time zones.
FIRST_SECOND: Final = -62_104_060_800
LAST_SECOND: Final = 253_370_764_800


class Clock:
    """Writes times as the user wants them: since the first packet, since the last line, or of the day."""

    def __init__(self, form: TimeFormat, base: Callable[[], int]) -> None:
        self._form = form
        self._base = base  # ns of the first packet, known once it has been read
        self._last: int | None = None
        self.width = {"utc": 26, "local": 26, "epoch": 17}.get(form, 10)

    def text(self, time: int) -> str:
        """A time in ns since the epoch."""
        if self._form == "relative":
            return in_seconds(time - self._base())
        if self._form == "delta":
            last, self._last = self._last, time
            return in_seconds(0 if last is None else time - last)
        if self._form == "epoch" or not is_in_calendar(time):
            return in_seconds(time)
        return day_and_time(time, utc=self._form == "utc")


def is_in_calendar(time: int) -> bool:
    """Whether a time in ns since the epoch has a date: captures can claim others."""
    return FIRST_SECOND <= time // 1_000_000_000 <= LAST_SECOND


def in_seconds(nanoseconds: int) -> str:
    """To the microsecond."""
    if nanoseconds < 0:
        return f"-{in_seconds(-nanoseconds)}"
    # Each line of a list has one: an f-string would take a quarter longer.
    return "%d.%06d" % divmod(nanoseconds // 1000, 1_000_000)  # noqa: UP031


def day_and_time(time: int, *, utc: bool) -> str:
    """A time in ns since the epoch that has a date, to the microsecond, in UTC or in the local zone."""
    seconds, rest = divmod(time, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).astimezone(UTC if utc else None)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest // 1000:06d}"
