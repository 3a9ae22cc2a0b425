"""`rtmpsniff read`: every message of captures, as a list, a tree or a dump."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import click

from rtmpsniff.analysis.selection import select
from rtmpsniff.capture.files import STANDARD_INPUT, read
from rtmpsniff.cli.conclusion import conclude
from rtmpsniff.cli.interrupt import interruptible
from rtmpsniff.cli.options import (
    FILTER_HELP,
    Chosen,
    FieldsParameter,
    gathered,
    grid_option,
    traffic_options,
    verbose_option,
)
from rtmpsniff.cli.progress import progress, watch
from rtmpsniff.cli.world import Exit, World, warn, world
from rtmpsniff.dissect import Dissection
from rtmpsniff.findings import Finding, Severity
from rtmpsniff.output.hexdump import dump, grid, shape
from rtmpsniff.output.listing import Listing, place, title
from rtmpsniff.output.theme import Paint
from rtmpsniff.output.times import Clock
from rtmpsniff.output.tree import tree
from rtmpsniff.payload.types import AGGREGATE
from rtmpsniff.rtmp.aggregates import sub_messages
from rtmpsniff.rtmp.describe import describe
from rtmpsniff.rtmp.events import Event, Exchange, Message

if TYPE_CHECKING:
    from rtmpsniff.analysis.filter import Column


Show: TypeAlias = Callable[[Event], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Look:
    """How messages are shown, as the options say. `columns`: those for scripts, instead of all else."""

    verbose: bool
    hex: bool
    grid: bool
    columns: Callable[[Dissection], Show] | None

    def of(self, run: Dissection, out: World, chosen: Chosen) -> tuple[Sequence[str], Show]:
        """The heading, and what gives the lines of an event."""
        if self.columns is not None:
            return (), self.columns(run)
        view = View(out, Clock(chosen.times or "relative", lambda: run.base), chosen.full)
        has_heading = out.width is not None and not (self.hex or self.grid)
        return (view.listing.heading(),) if has_heading else (), view.way(self.verbose, self.hex, self.grid)

    def shown(self, events: Iterable[Event], quiet: bool) -> Iterator[Event]:
        """Those events that are shown."""
        return shown(events, quiet or self.columns is not None, self.verbose)


def _look(verbose: bool, hex_: bool, grid_: bool, fields: list[Column] | None) -> Look:
    if fields and (verbose or hex_ or grid_):
        raise click.UsageError("--fields does not go with -v, -x or -X")
    return Look(verbose, hex_, grid_, columns(fields) if fields else None)


# The options that say how messages are shown; the command gets them as one `look`.
view_options = gathered(
    "look",
    _look,
    verbose_option,
    click.option("-x", "--hex", "hex_", is_flag=True, help="The annotated hex dump of each message."),
    grid_option,
    click.option(
        "--fields",
        type=FieldsParameter(),
        metavar="NAME,...",
        help="Columns for scripts, with a tab between: time,sender,type,object.app. One line a message.",
    ),
)


@click.command("read", short_help="Every message, as a list, a tree or a hex dump.", epilog=FILTER_HELP)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@traffic_options
@view_options
@click.option("-q", "--quiet", is_flag=True, help="Messages alone: no lines for connections, handshakes and findings.")
@click.option("--html", metavar="FILE", help="Write what a terminal would show as a web page, secrets masked.")
@click.option("--svg", "picture", metavar="FILE", help="The same as a picture.")
@click.option(
    "--include-secrets", is_flag=True, help="Mask no stream keys, tokens and passwords in the page or picture."
)
def read_command(
    files: tuple[str, ...],
    chosen: Chosen,
    look: Look,
    quiet: bool,
    html: str | None,
    picture: str | None,
    include_secrets: bool,
) -> Exit:
    """Show every RTMP message in captures (pcap, pcapng; - is standard input).

    One line a message: time, connection, direction, chunk stream, type, message stream, timestamp in milliseconds,
    length in bytes, and what it says.
    """
    if html is not None or picture is not None:
        from rtmpsniff.cli.keeping import keeping  # noqa: PLC0415 - only where it is asked for

        keep = keeping(files, chosen, html, picture, include_secrets)
    elif include_secrets:
        raise click.UsageError("--include-secrets goes with --html and --svg; a terminal shows what is there")
    else:
        keep = None
    with progress(files, 1 if keep is None else keep.passes) as bar, ExitStack() as open_:
        stop = open_.enter_context(interruptible())
        captures = open_.enter_context(read(files, watch(bar), stop))
        run = Dissection(captures, chosen.ports, keys=chosen.keys_for(files))
        if keep is None:
            out = bar.beside(world(chosen.color, flush_lines=STANDARD_INPUT in files))
            events: Iterable[Event] = select(run, chosen.make_selection(run))
        else:
            out = open_.enter_context(keep.world())
            events = keep.masked(run, bar, lambda events: select(events, chosen.make_selection(run)))
        heading, show = look.of(run, out, chosen)
        for line in heading:
            out.write(line)
        any_shown = False
        for event in look.shown(events, quiet):
            any_shown = True
            for line in show(event):
                out.write(line)
        bar.hide()
        status = conclude(captures, run)
        if not any_shown and status is Exit.DONE:
            warn("nothing matched")
        return status


def _is_detail(event: Event) -> bool:
    """What is shown to those who ask for more."""
    return isinstance(event, Exchange) or (isinstance(event, Finding) and event.severity is Severity.NOTE)


def shown(events: Iterable[Event], quiet: bool, verbose: bool) -> Iterator[Event]:
    """Events with what is wrong inside messages behind them; notes are for those who ask for more."""
    for event in events:
        if isinstance(event, Message):
            yield event
            for finding in () if quiet else event.findings:
                if verbose or finding.severity is not Severity.NOTE:
                    yield finding
        elif not quiet and (verbose or not _is_detail(event)):
            yield event


def columns(chosen: list[Column]) -> Callable[[Dissection], Show]:
    """The way to show the messages of a run as columns for scripts."""
    from rtmpsniff.output.table import row  # noqa: PLC0415 - only where it is asked for

    def of(run: Dissection) -> Show:
        return lambda event: (row(column(event, run.base) for column in chosen),) if isinstance(event, Message) else ()

    return of


class View:
    """The ways to show an event: each gives its lines."""

    def __init__(self, out: World, clock: Clock, full: bool) -> None:
        self.full = full
        self.paint = Paint(out.colored)
        self.clock = clock
        self.listing = Listing(self.paint, clock, out.width, full)
        self.width = out.width
        self.shape = shape(out.width)

    def way(self, verbose: bool, hex_: bool, grid_: bool) -> Show:
        """The one that was asked for."""
        return self.dump if hex_ else self.grid if grid_ else self.tree if verbose else self.list

    def list(self, event: Event) -> Iterable[str]:
        if isinstance(event, Message) and event.message_type_id == AGGREGATE:
            return map(self.listing.line, (event, *sub_messages(event)))
        return (self.listing.line(event),)

    def tree(self, event: Event) -> Iterator[str]:
        yield self.listing.line(event)
        if isinstance(event, Message):
            yield f"{'':12}{self.paint.style('title', f'#{event.number}')}: {place(event)}"
        block = describe(event)
        if block is not None:
            yield from tree(block, self.paint, self.full, self.width)

    def dump(self, event: Event) -> Iterator[str]:
        yield from self._title(event)
        block = describe(event)
        if block is not None:
            yield from dump(block, self.paint, self.shape, self.full)
            yield ""

    def grid(self, event: Event) -> Iterator[str]:
        yield from self._title(event)
        block = describe(event)
        if block is not None:
            yield from grid(block, self.paint, self.full)
            yield ""

    def _title(self, event: Event) -> Iterable[str]:
        return title(event, self.paint, self.clock, self.width) if isinstance(event, Message) else self.list(event)
