"""`rtmpsniff read`: every message of captures, as a list, a tree or a dump."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from rtmpsniff.analysis.selection import select
from rtmpsniff.capture.files import STANDARD_INPUT, read
from rtmpsniff.cli.conclusion import conclude
from rtmpsniff.cli.options import Chosen, traffic_options
from rtmpsniff.cli.world import Exit, World, warn, world
from rtmpsniff.dissect import Dissection
from rtmpsniff.findings import Finding, Severity
from rtmpsniff.output.hexdump import dump, grid, shape
from rtmpsniff.output.listing import Listing, place, title
from rtmpsniff.output.theme import Paint
from rtmpsniff.output.times import Clock, TimeFormat
from rtmpsniff.output.tree import tree
from rtmpsniff.rtmp.describe import describe
from rtmpsniff.rtmp.events import Event, Exchange, Message


@click.command("read", short_help="Every message, as a list, a tree or a hex dump.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@traffic_options
@click.option(
    "-t",
    "--time",
    "time_format",
    type=click.Choice(["relative", "delta", "utc", "local", "epoch"]),
    default="relative",
    help="How times are shown; relative: since the first packet, delta: since the last line.",
)
@click.option("-v", "--verbose", is_flag=True, help="The decoded tree under each line.")
@click.option("-x", "--hex", "hex_", is_flag=True, help="The annotated hex dump of each message.")
@click.option("-X", "--grid", "grid_", is_flag=True, help="The same as a grid of sixteen bytes a line.")
@click.option("-q", "--quiet", is_flag=True, help="Messages alone: no lines for connections, handshakes and findings.")
@click.option("--full", is_flag=True, help="Shorten nothing: media bodies and long values are shown whole.")
def read_command(
    files: tuple[str, ...],
    chosen: Chosen,
    time_format: TimeFormat,
    verbose: bool,
    hex_: bool,
    grid_: bool,
    quiet: bool,
    full: bool,
) -> Exit:
    """Show every RTMP message in captures (pcap, pcapng; - is standard input).

    One line a message: time, connection, direction, chunk stream, type, message stream, timestamp in milliseconds,
    length in bytes, and what it says.
    """
    with read(files) as captures:
        run = Dissection(captures, chosen.ports, keys=chosen.keys)
        out = world(chosen.color, flush_lines=STANDARD_INPUT in files)
        view = View(out, Clock(time_format, lambda: run.base), full)
        show = view.dump if hex_ else view.grid if grid_ else view.tree if verbose else view.list
        if show in {view.list, view.tree} and out.width is not None:
            out.write(view.listing.heading())
        shown = False
        for event in select(run, chosen.make_selection(run)):
            shown = True
            if quiet and not isinstance(event, Message):
                continue
            if not verbose and _is_detail(event):
                continue
            for line in show(event):
                out.write(line)
            if isinstance(event, Message) and not quiet:
                for finding in event.findings:
                    if verbose or finding.severity is not Severity.NOTE:
                        out.write(view.listing.line(finding))
        status = conclude(captures, run)
        if not shown and status is Exit.DONE:
            warn("nothing matched")
        return status


def _is_detail(event: Event) -> bool:
    """What is shown to those who ask for more."""
    return isinstance(event, Exchange) or (isinstance(event, Finding) and event.severity is Severity.NOTE)


class View:
    """The ways to show an event: each gives its lines."""

    def __init__(self, out: World, clock: Clock, full: bool) -> None:
        self.full = full
        self.paint = Paint(out.colored)
        self.clock = clock
        self.listing = Listing(self.paint, clock, out.width, full)
        self.width = out.width
        self.shape = shape(out.width)

    def list(self, event: Event) -> Iterable[str]:
        return (self.listing.line(event),)

    def tree(self, event: Event) -> Iterator[str]:
        yield self.listing.line(event)
        if isinstance(event, Message):
            yield f"{'':12}{self.paint.style('title', f'#{event.number}')}: {place(event)}"
        block = describe(event)
        if block is not None:
            yield from tree(block, self.paint, self.full)

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
