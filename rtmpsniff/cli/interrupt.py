"""Ctrl-C where input comes through a pipe: `tcpdump -w - | rtmpsniff summary -` has no other end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO

from rtmpsniff.capture.stop import Stop
from rtmpsniff.cli.world import warn
from rtmpsniff.errors import InputError


@contextmanager
def interruptible() -> Iterator[Stop]:
    """For the time of the block Ctrl-C ends the pipes that are given to the `Stop`; again, it breaks off.

    Where there is none, or all have ended, it breaks off at once. Who ignores Ctrl-C goes on ignoring it.
    """
    stop = Stop()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if not stop.ask():
            raise KeyboardInterrupt
        _end_line()

    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_ours:
        signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    except InputError as error:
        if not stop.is_asked:
            raise
        warn(str(error))  # there was not even a file header
        raise KeyboardInterrupt from None
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.close()


def _end_line() -> None:
    """A terminal shows ^C where its cursor stands; what is told begins on a line of its own."""
    errors: TextIO | None = sys.stderr
    if errors is not None and errors.isatty():
        with suppress(OSError):
            os.write(errors.fileno(), b"\n")  # not through its buffer, which may be in use: this is a signal handler
