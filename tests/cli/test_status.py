"""The status line: drawn by time, on a terminal alone, never longer than a line."""

from __future__ import annotations

import io

import pytest

from rtmpsniff.capture.live import Figures
from rtmpsniff.cli.status import StatusLine, rate

BUSY = Figures(packets=1200, bytes=500_000, received=1200, dropped=3, not_decoded=0)


class Terminal(io.StringIO):
    """What was written to it, as a terminal would show it: `screen` is the line at hand."""

    def isatty(self) -> bool:
        return True

    @property
    def screen(self) -> str:
        line = ""
        for part in self.getvalue().split("\r"):
            line = part + line[len(part) :]
        return line.rstrip()


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_says_what_goes_on() -> None:
    terminal, clock = Terminal(), Clock()
    line = StatusLine(terminal, clock, 200)
    clock.now += 1
    line.draw(BUSY, (2, 340))
    assert terminal.screen == "1 200 packets, 3 dropped, 2 connections, 340 messages, 4 Mbit/s"
    line.erase()
    assert terminal.screen == ""
    line.erase()  # nothing is there any more
    assert terminal.getvalue().endswith(" \r")


def test_it_comes_back_when_the_output_is_written() -> None:
    terminal, clock = Terminal(), Clock()
    line = StatusLine(terminal, clock, 200)
    line.restore()
    assert terminal.getvalue() == ""  # it was never drawn
    clock.now += 1
    line.draw(BUSY, (2, 340))
    before = terminal.screen
    line.erase()
    line.restore()
    line.restore()
    assert terminal.screen == before
    assert terminal.getvalue().count(before) == 2


def test_of_a_recorder_it_says_less_and_of_one_that_falls_behind_more() -> None:
    terminal, clock = Terminal(), Clock()
    line = StatusLine(terminal, clock, 200)
    clock.now += 1
    line.draw(BUSY._replace(not_decoded=7), None)
    assert terminal.screen == "1 200 packets, 3 dropped, 7 not decoded, 4 Mbit/s"


def test_it_is_redrawn_by_time_and_a_shorter_one_leaves_nothing_of_the_longer() -> None:
    terminal, clock = Terminal(), Clock()
    line = StatusLine(terminal, clock, 200)
    clock.now += 1
    line.draw(BUSY, (2, 340))
    drawn = terminal.getvalue()
    clock.now += 0.1
    line.draw(BUSY, (2, 341))
    assert terminal.getvalue() == drawn
    clock.now += 0.3
    line.draw(BUSY._replace(packets=1, dropped=0), (1, 1))
    assert terminal.screen == "1 packet, 0 dropped, 1 connection, 1 message, 2.86 Mbit/s"


def test_the_bit_rate_is_that_of_the_last_two_seconds() -> None:
    terminal, clock = Terminal(), Clock()
    line = StatusLine(terminal, clock, 200)
    for at in range(1, 9):
        clock.now += 1
        line.draw(BUSY._replace(bytes=min(at, 4) * 125_000), (1, 1))
    assert terminal.screen.endswith(", 0 bit/s")


@pytest.mark.parametrize("width", [80, 40, 12])
def test_it_never_reaches_the_end_of_the_line(width: int) -> None:
    terminal, clock = Terminal(), Clock()
    line = StatusLine(terminal, clock, width)
    clock.now += 1
    line.draw(Figures(10**12, 10**15, 10**12, 10**9, 10**9), (10**6, 10**9))
    assert len(terminal.screen) < width


def test_where_there_is_no_terminal_nothing_is_drawn() -> None:
    clock = Clock()
    for errors in (io.StringIO(), None):
        line = StatusLine(errors, clock)
        clock.now += 1
        line.draw(BUSY, (1, 1))
        line.erase()
        assert errors is None or errors.getvalue() == ""


def test_a_terminal_that_has_gone_is_no_error() -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error", text)

    clock = Clock()
    line = StatusLine(Gone(), clock)
    clock.now += 1
    line.draw(BUSY, (1, 1))
    clock.now += 1
    line.draw(BUSY, (1, 1))


@pytest.mark.parametrize(
    ("bits", "text"),
    [(0, "0 bit/s"), (999, "999 bit/s"), (1500, "1.5 kbit/s"), (4.2e6, "4.2 Mbit/s"), (1.5e12, "1.5e+03 Gbit/s")],
)
def test_rates(bits: float, text: str) -> None:
    assert rate(bits) == text
