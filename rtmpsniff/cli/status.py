"""The status line of a live capture: on standard error, on a terminal only, and out of the way of the output."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final, TextIO

from rtmpsniff.capture.live import Figures
from rtmpsniff.text import plural

TIME_BETWEEN: Final = 0.25  # s, between two drawings
WINDOW: Final = 2.0  # s, over which the bit rate is taken


def rate(bits: float) -> str:
    """As 4.2 Mbit/s."""
    for unit in ("bit/s", "kbit/s", "Mbit/s"):
        if bits < 1000:
            return f"{bits:.3g} {unit}"
        bits /= 1000
    return f"{bits:.3g} Gbit/s"


class StatusLine:
    """One line that is drawn over and over.

    `erase` it before anything else is written to the terminal, and `restore` it when that is written.
    """

    def __init__(
        self, errors: TextIO | None, now: Callable[[], float] = time.monotonic, width: int | None = None
    ) -> None:
        self._errors = errors if errors is not None and errors.isatty() else None
        self._now = now
        self._width = width
        self._line = ""  # as it was drawn last
        self._shown = 0  # columns
        self._drawn = now()
        self._samples: list[tuple[float, int]] = [(now(), 0)]  # when, bytes by then

    def draw(self, figures: Figures, decoded: tuple[int, int] | None) -> None:
        """Draw it, if it was not drawn just now. `decoded`: how many connections and messages, where any are."""
        now = self._now()
        if self._errors is None or now - self._drawn < TIME_BETWEEN:
            return
        self._drawn = now
        self._samples.append((now, figures.bytes))
        while len(self._samples) > 2 and now - self._samples[1][0] >= WINDOW:
            del self._samples[0]
        since, bytes_before = self._samples[0]
        line = ", ".join(
            [
                plural(figures.packets, "packet"),
                f"{figures.dropped} dropped",
                *([f"{figures.not_decoded} not decoded"] if figures.not_decoded else []),
                *(() if decoded is None else (plural(decoded[0], "connection"), plural(decoded[1], "message"))),
                rate((figures.bytes - bytes_before) * 8 / max(now - since, TIME_BETWEEN)),
            ]
        )
        self._line = line[: self._columns() - 1]
        self._put(self._line)

    def erase(self) -> None:
        """Leave the line empty."""
        if self._shown:
            self._put("")

    def restore(self) -> None:
        """Draw it as it was: where output comes all the time, it would be seen for moments only."""
        if self._line and not self._shown:
            self._put(self._line)

    def _put(self, line: str) -> None:
        if self._errors is not None:
            try:
                blanks = " " * (self._shown - len(line))
                self._errors.write(f"\r{line}{blanks}" if line else f"\r{blanks}\r")
                self._errors.flush()
            except OSError:  # the terminal has gone
                self._errors = None
            self._shown = len(line)

    def _columns(self) -> int:
        if self._width is not None or self._errors is None:
            return self._width or 80
        try:
            return os.get_terminal_size(self._errors.fileno()).columns or 80
        except (OSError, ValueError):
            return 80
