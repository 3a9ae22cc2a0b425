"""What goes on around a live capture: output, signals, the clock, the status line, warnings, the figures at the end."""

from __future__ import annotations

import gc
import os
import select as polling
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from rtmpsniff.capture.live import Capture
from rtmpsniff.cli.status import StatusLine, rate
from rtmpsniff.cli.world import World, discard_output, warn
from rtmpsniff.dissect import Dissection
from rtmpsniff.rtmp.events import Event, Message
from rtmpsniff.text import grouped, plural

MOST_LINES: Final = 500  # that wait to be written
TIME_BETWEEN_WARNINGS: Final = 1.0  # s
TIME_BETWEEN_CLEANINGS: Final = 30.0  # s
MOST_CLEANING: Final = 0.01  # of all time


class Watch:
    """Stands beside a capture. `flush_more` lets be seen what is written elsewhere; `duration` is in seconds."""

    def __init__(
        self, out: World, duration: float | None = None, flush_more: Callable[[], None] = lambda: None
    ) -> None:
        self.messages = 0
        self._out = out
        self._flush_more = flush_more
        self._pipe = _pipe(out)
        # Whoever reads the pipe may write to the same terminal, and cannot know of a line that is drawn there.
        self._status = StatusLine(None if self._pipe is not None else sys.stderr)
        self._began = time.monotonic()
        self._ends = None if duration is None else self._began + duration
        self._lines: list[str] = []
        self._capture: Capture
        self._run: Dissection
        self._asked = False  # for the figures
        self._stopped = False
        self._warned = 0.0
        self._told = (0, 0)  # dropped, not decoded
        self._next_cleaning = self._began + TIME_BETWEEN_CLEANINGS

    def follow(self, capture: Capture, run: Dissection) -> None:
        """These are what it watches."""
        self._capture, self._run = capture, run

    def counted(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events, counted on their way."""
        for event in events:
            if isinstance(event, Message):
                self.messages += 1
            yield event

    # Output.

    def write(self, lines: Iterable[str]) -> None:
        """Lines of output. They go out together: a call of the system for each would be half of the work."""
        self._lines.extend(lines)
        if len(self._lines) >= MOST_LINES:
            self.flush()

    def flush(self) -> None:
        """Let be seen what was written; the status line makes room."""
        lines, self._lines = self._lines, []
        if lines:
            self._status.erase()
            self._out.write("\n".join(lines))
        self._out.output.flush()
        self._flush_more()
        if not self._stopped:
            self._status.restore()

    def say(self, text: str) -> None:
        """A line on standard error; the status line makes room."""
        self._status.erase()
        warn(text)

    # From time to time.

    def control(self) -> None:
        """Look at the clock, at what was asked for, and at what has changed."""
        self.flush()
        if self._ends is not None and time.monotonic() >= self._ends:
            self._capture.stop()
        if self._pipe is not None and self._pipe.poll(0):
            raise BrokenPipeError
        for notice in self._capture.notices():
            self.say(notice)
        self._warn()
        self._clean()
        if self._asked:
            self._asked = False
            self.tell()
        self._status.draw(
            self._capture.figures, (self._run.rtmp_connections, self.messages) if self._capture.decodes else None
        )

    def _clean(self) -> None:
        """Free what connections leave behind: both directions know each other, so Python's counts never come to zero.

        By itself it looks at what has lived for a minute only after many millions of objects more: ten minutes of
        connections that come and go took 9 MB that way.
        """
        began = time.monotonic()
        if began >= self._next_cleaning:
            gc.collect()
            ended = time.monotonic()
            self._next_cleaning = ended + max(TIME_BETWEEN_CLEANINGS, (ended - began) / MOST_CLEANING)

    def _warn(self) -> None:
        """The moment that packets are lost, and then once a second."""
        figures = self._capture.figures
        dropped, not_decoded = self._told
        now = time.monotonic()
        if (figures.dropped, figures.not_decoded) == self._told or now - self._warned < TIME_BETWEEN_WARNINGS:
            return
        self._warned = now
        self._told = figures.dropped, figures.not_decoded
        if figures.dropped > dropped:
            count = plural(figures.dropped - dropped, "packet")
            behind = "decoding falls behind" if self._capture.decodes else "writing falls behind"
            self.say(f"warning: the kernel dropped {count}: {behind}")
        if figures.not_decoded > not_decoded:
            count = plural(figures.not_decoded - not_decoded, "packet")
            self.say(f"warning: decoding falls behind: {count} kept but not decoded")

    # The figures.

    def tell(self) -> None:
        """The figures, as tcpdump gives them, and ours."""
        figures = self._capture.figures
        left_out = f", {grouped(figures.not_decoded)} kept but not decoded" if figures.not_decoded else ""
        self.say(
            f"{plural(figures.packets, 'packet')} captured, {grouped(figures.received)} received by filter, "
            f"{grouped(figures.dropped)} dropped by kernel{left_out}"
        )
        seconds = max(time.monotonic() - self._began, 0.001)
        speed = f"{rate(figures.bytes * 8 / seconds)} on average over {seconds:.1f} s"
        if self._capture.decodes:
            connections, messages = plural(self._run.rtmp_connections, "connection"), plural(self.messages, "message")
            speed = f"{connections}, {messages}, {speed}"
        self.say(speed)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """However it ends, the figures are told; whoever read and has gone is no error."""
        try:
            yield
            self.flush()
        except BrokenPipeError:
            discard_output()
        finally:
            self._status.erase()
            for remark in self._run.remarks:
                warn(f"warning: {remark}")
            self.tell()

    # Signals.

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM stop it, and if they come again break it off; SIGUSR1 asks for the figures."""
        wanted: dict[str, Callable[[int, FrameType | None], None]] = {
            "SIGINT": self._stop,
            "SIGTERM": self._stop,
            "SIGHUP": self._stop,
            "SIGUSR1": self._ask,
        }
        before = {
            number: signal.signal(number, handler)
            for name, handler in wanted.items()
            if (number := getattr(signal, name, None)) is not None
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, *_: object) -> None:
        if self._stopped:
            raise KeyboardInterrupt
        self._stopped = True
        self._capture.stop()

    def _ask(self, *_: object) -> None:
        self._asked = True


def _pipe(out: World) -> polling.poll | None:
    """Something to ask whether standard output is a pipe whose reader has gone."""
    try:
        number = out.output.fileno()
        if not hasattr(polling, "poll") or not _is_pipe(number):
            return None
    except (OSError, ValueError):  # in memory
        return None
    poll = polling.poll()
    poll.register(number, 0)
    return poll


def _is_pipe(number: int) -> bool:
    mode = os.fstat(number).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
