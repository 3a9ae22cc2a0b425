"""`--html` and `--svg`: what a terminal would show, in its colors, kept in files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO, cast

import click

from rtmpsniff.analysis.masking import How, Masking
from rtmpsniff.cli.masks import how_to_mask, learn, masked
from rtmpsniff.cli.options import Chosen
from rtmpsniff.cli.progress import Progress, Still
from rtmpsniff.cli.world import World, terminal_width
from rtmpsniff.errors import UserError
from rtmpsniff.output.page import Page
from rtmpsniff.output.picture import svg
from rtmpsniff.output.saved import saved_text
from rtmpsniff.rtmp.events import Event
from rtmpsniff.text import printable

WIDTH = 120  # columns, where no terminal tells
MOST_LINES = 20_000  # of a picture, which is drawn as a whole


class _Lines:
    """Takes text as a file does, and hands on lines."""

    def __init__(self, page: Page | None, kept: list[str] | None) -> None:
        self._page, self._kept = page, kept

    def write(self, text: str) -> int:
        for line in text.removesuffix("\n").split("\n"):
            if self._page is not None:
                self._page.line(line)
            if self._kept is not None:
                self._kept.append(line)
                if len(self._kept) > MOST_LINES:
                    raise UserError(
                        f"a picture has at most {MOST_LINES} lines: choose with -c, --type or --message, or use --html"
                    )
        return len(text)


class Keeping:
    """What `read` does otherwise where its output is kept: the world that it writes to, and masked events."""

    def __init__(self, inputs: Sequence[str], chosen: Chosen, html: str | None, picture: str | None, how: How):
        self._inputs, self._chosen = inputs, chosen
        self._html, self._picture = html, picture
        self._masking = Masking(how)

    @property
    def passes(self) -> int:
        """How often the files are read."""
        return 2 if self._masking.how == "masked" else 1

    def masked(
        self, events: Iterable[Event], bar: Progress | Still, select: Callable[[Iterable[Event]], Iterable[Event]]
    ) -> Iterator[Event]:
        """The chosen events without secrets; what is chosen by is what was really there."""
        if self._masking.how == "masked":
            learn(self._inputs, self._chosen.ports, self._chosen.keys, self._masking, bar)
        yield from masked(select(self._masking.follow(events)), self._masking)

    @contextmanager
    def world(self) -> Iterator[World]:
        """Lines that go into the files, in color, as wide as the terminal."""
        # Where the inputs lay is nobody's business.
        title = "rtmpsniff " + " ".join(printable(Path(name).name) for name in self._inputs)
        title += "" if self._masking.how == "shown" else ", secrets masked"
        page: Page | None = None
        with ExitStack() as files:
            if self._html is not None:
                page = Page(files.enter_context(saved_text(self._html, self._inputs)).write, title)
            drawing = None
            if self._picture is not None:
                drawing = files.enter_context(saved_text(self._picture, self._inputs))
            lines: list[str] | None = None if drawing is None else []
            yield World(cast("TextIO", _Lines(page, lines)), colored=True, width=_columns())
            if page is not None:
                page.end()
            if drawing is not None:
                drawing.write(svg(lines or [], title))


def keeping(
    inputs: Sequence[str], chosen: Chosen, html: str | None, picture: str | None, include_secrets: bool
) -> Keeping:
    """What is asked for; there is at least one file to write."""
    if html is not None and html == picture:
        raise click.UsageError("--html and --svg need a file each")
    return Keeping(inputs, chosen, html, picture, how_to_mask(inputs, include_secrets))


def _columns() -> int:
    output: TextIO | None = sys.stdout
    return terminal_width(output) if output is not None and output.isatty() else WIDTH
