"""What goes on around a live capture, with a capture of our own in its place."""

from __future__ import annotations

import gc
import io
import os
import signal
import time
from itertools import pairwise
from typing import cast

import pytest

from rtmpsniff.capture.live import Capture, Figures
from rtmpsniff.cli.watch import MOST_LINES, TIME_BETWEEN_CLEANINGS, TIME_BETWEEN_WARNINGS, Watch
from rtmpsniff.cli.world import World
from rtmpsniff.dissect import Dissection


class Script:
    """A capture that came to `figures`."""

    def __init__(self) -> None:
        self.figures = Figures(1000, 125_000, 1003, 0, 0)
        self.decodes = True
        self.stopped = 0
        self.told: list[str] = []

    def notices(self) -> list[str]:
        told, self.told = self.told, []
        return told

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock, moved by hand."""
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def capture() -> Script:
    return Script()


def watching(capture: Script, output: io.TextIOBase | None = None, duration: float | None = None) -> Watch:
    watch = Watch(World(cast("io.TextIOWrapper", output or io.StringIO()), False, None), duration)
    watch.follow(cast("Capture", capture), Dissection(()))
    return watch


def test_lines_wait_for_control_or_for_many_more(capture: Script) -> None:
    output = io.StringIO()
    watch = watching(capture, output)
    watch.write(["one", "two"])
    assert output.getvalue() == ""
    watch.control()
    assert output.getvalue() == "one\ntwo\n"
    watch.write(map(str, range(MOST_LINES)))
    assert output.getvalue().count("\n") == MOST_LINES + 2


def test_more_that_is_written_elsewhere_is_seen_too(capture: Script) -> None:
    flushed: list[int] = []
    watch = Watch(World(io.StringIO(), False, None), None, lambda: flushed.append(1))
    watch.follow(cast("Capture", capture), Dissection(()))
    watch.control()
    assert flushed == [1]


def test_it_stops_when_its_time_is_up(capture: Script, now: list[float]) -> None:
    watch = watching(capture, duration=5)
    now[0] += 4.9
    watch.control()
    assert not capture.stopped
    now[0] += 0.1
    watch.control()
    assert capture.stopped


def test_notices_are_told(capture: Script, capsys: pytest.CaptureFixture[str]) -> None:
    watch = watching(capture)
    capture.told = ["eth0 went down"]
    watch.control()
    watch.control()
    assert capsys.readouterr().err == "rtmpsniff: eth0 went down\n"


def test_losses_are_warned_of_at_once_and_then_once_a_second(
    capture: Script, now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    watch = watching(capture)

    def lose(dropped: int, not_decoded: int = 0) -> str:
        capture.figures = capture.figures._replace(dropped=dropped, not_decoded=not_decoded)
        watch.control()
        return capsys.readouterr().err

    assert lose(0) == ""
    assert lose(3) == "rtmpsniff: warning: the kernel dropped 3 packets: decoding falls behind\n"
    assert lose(5) == ""
    now[0] += TIME_BETWEEN_WARNINGS
    assert lose(6) == "rtmpsniff: warning: the kernel dropped 3 packets: decoding falls behind\n"
    now[0] += TIME_BETWEEN_WARNINGS
    assert lose(6) == ""
    assert lose(6, 1200) == "rtmpsniff: warning: decoding falls behind: 1 200 packets kept but not decoded\n"
    now[0] += TIME_BETWEEN_WARNINGS
    capture.decodes = False
    assert lose(7, 1200) == "rtmpsniff: warning: the kernel dropped 1 packet: writing falls behind\n"


def test_the_figures(capture: Script, now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    watch = watching(capture)
    now[0] += 2
    watch.tell()
    assert capsys.readouterr().err == (
        "rtmpsniff: 1 000 packets captured, 1 003 received by filter, 0 dropped by kernel\n"
        "rtmpsniff: 0 connections, 0 messages, 500 kbit/s on average over 2.0 s\n"
    )
    capture.decodes = False
    capture.figures = capture.figures._replace(not_decoded=4)
    watch.tell()
    assert capsys.readouterr().err == (
        "rtmpsniff: 1 000 packets captured, 1 003 received by filter, 0 dropped by kernel, 4 kept but not decoded\n"
        "rtmpsniff: 500 kbit/s on average over 2.0 s\n"
    )


def test_what_connections_leave_behind_is_freed_now_and_then(
    capture: Script, now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    freed: list[float] = []

    def collect() -> None:
        freed.append(now[0])
        now[0] += 1  # very much is held

    monkeypatch.setattr(gc, "collect", collect)
    watch = watching(capture)
    for _ in range(400):
        now[0] += 1
        watch.control()
    assert freed[0] == 1000 + TIME_BETWEEN_CLEANINGS
    assert [later - earlier for earlier, later in pairwise(freed)] == [101] * (len(freed) - 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it_and_a_second_breaks_it_off(capture: Script, number: signal.Signals) -> None:
    watch = watching(capture)
    before = signal.getsignal(number)
    with watch.signals():
        os.kill(os.getpid(), number)
        assert capture.stopped == 1
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_figures_are_told_when_they_are_asked_for(capture: Script, capsys: pytest.CaptureFixture[str]) -> None:
    watch = watching(capture)
    with watch.signals():
        os.kill(os.getpid(), signal.SIGUSR1)
        assert capsys.readouterr().err == ""  # a signal may come in the middle of a line
        watch.control()
        watch.control()
    assert capsys.readouterr().err.count("1 000 packets captured") == 1


def test_a_reader_that_has_gone_ends_it_with_the_figures(capture: Script, capfd: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as output:
        watch = watching(capture, output)
        watch.control()
        os.close(reading)
        with watch.ending():
            watch.control()
            pytest.fail("nobody noticed")
    assert "1 000 packets captured" in capfd.readouterr().err


def test_whatever_goes_wrong_the_figures_come_at_the_end(capture: Script, capsys: pytest.CaptureFixture[str]) -> None:
    watch = watching(capture)
    with pytest.raises(ValueError, match="our own"), watch.ending():
        raise ValueError("our own")
    assert "1 000 packets captured" in capsys.readouterr().err
