"""The outside world as the commands see it: standard output, its width, whether color is wanted."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from enum import IntEnum
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple, TextIO, TypeAlias

import click

from rtmpsniff.errors import OutputError, UserError

STANDARD_OUTPUT: Final = "-"

ColorChoice: TypeAlias = Literal["auto", "always", "never"]

color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    help="Colors: on a terminal (auto; NO_COLOR and FORCE_COLOR are heeded), always, or never.",
)


class Exit(IntEnum):
    """Exit statuses."""

    DONE = 0
    BAD_ANSWER = 1  # the input was readable, but what was asked for is not in it
    USAGE = 2
    INPUT_OUTPUT = 3


class World(NamedTuple):
    """Where a command writes, and how."""

    output: TextIO
    colored: bool
    width: int | None  # columns of the terminal; None: standard output is none

    def write(self, line: str) -> None:
        self.output.write(line + "\n")


def world(color: ColorChoice, *, flush_lines: bool = False) -> World:
    """The world as it is. `flush_lines`: every line goes out at once, as for input that is still being written."""
    output: TextIO | None = sys.stdout
    if output is None:  # closed before the program began
        raise OutputError("standard output: is closed")
    is_terminal = output.isatty()
    if isinstance(output, TextIOWrapper):
        # What a character set cannot say is escaped; a pipe that somebody watches gets each line at once.
        output.reconfigure(errors="backslashreplace", line_buffering=flush_lines or is_terminal)
    width = terminal_width(output) if is_terminal else None
    return World(output, wants_color(color, is_terminal, os.environ), width)


def binary_output(what: str) -> BinaryIO:
    """Standard output for bytes; a terminal is none. `what` they are is said then."""
    output: TextIO | None = sys.stdout
    if output is None:
        raise OutputError("standard output: is closed")
    if output.isatty():
        raise UserError(
            f"standard output is a terminal, which {what} would only confuse: send it to a program or a file"
        )
    return output.buffer


def terminal_width(output: TextIO) -> int:
    """The columns of the terminal; COLUMNS wins, as everywhere."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(output.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def wants_color(choice: ColorChoice, is_terminal: bool, environment: Mapping[str, str]) -> bool:
    """Decide about color: the option, then NO_COLOR, then FORCE_COLOR, then the terminal."""
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return is_terminal and environment.get("TERM") != "dumb"


def warn(text: str) -> None:
    """One line on standard error, if there is one."""
    errors: TextIO | None = sys.stderr
    if errors is not None:
        with suppress(OSError):  # nowhere is left to complain to
            errors.write(f"rtmpsniff: {text}\n")
            errors.flush()


def flush() -> None:
    """Write out what is still in memory."""
    output: TextIO | None = sys.stdout
    if output is not None:
        output.flush()


def flush_quietly() -> None:
    """The same where something else is wrong already."""
    try:
        flush()
    except OSError:
        discard_output()


def discard_output() -> None:
    """Nothing can be written any more: what is still in memory must not make Python complain at its end."""
    output: TextIO | None = sys.stdout
    if output is not None:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), output.fileno())
