"""`rtmpsniff summary`: captures at a glance."""

from __future__ import annotations

import click

from rtmpsniff.analysis.selection import Selection, select_messages
from rtmpsniff.analysis.summary import Summary
from rtmpsniff.capture.files import read
from rtmpsniff.cli.conclusion import conclude
from rtmpsniff.cli.interrupt import interruptible
from rtmpsniff.cli.options import FILTER_HELP, Chosen, traffic_options
from rtmpsniff.cli.progress import progress, watch
from rtmpsniff.cli.world import Exit, world
from rtmpsniff.dissect import Dissection
from rtmpsniff.output.overview import overview
from rtmpsniff.output.story import in_full, shortened
from rtmpsniff.output.theme import Paint


@click.command("summary", short_help="Captures, connections, streams and losses at a glance.", epilog=FILTER_HELP)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@traffic_options
@click.option("--top", type=click.IntRange(1), metavar="N", help="Only the N connections with the most bytes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def summary_command(files: tuple[str, ...], chosen: Chosen, top: int | None, as_json: bool) -> Exit:
    """Summarize captures: connections, streams, messages and bytes by type, what was lost or not decoded.

    A capture that comes through a pipe may be ended by Ctrl-C: what came until then is summarized.
    """
    with progress(files) as bar, interruptible() as stop, read(files, watch(bar), stop) as captures:
        run = Dissection(captures, chosen.ports, keys=chosen.keys_for(files))
        selection = chosen.make_selection(run)
        is_partial = selection != Selection(connections=selection.connections)
        summary = Summary(run.conversation, is_partial)
        summary.see_all(select_messages(run, selection))
        others = (run.other_connections, run.other_packets)
        bar.hide()
        out = world(chosen.color)
        if as_json:
            import json  # noqa: PLC0415 - only where it is asked for

            from rtmpsniff.output.document import document  # noqa: PLC0415 - as well

            out.write(json.dumps(document(captures.files, summary, others, top), indent=2))
        else:
            write = in_full if chosen.full else shortened
            for line in overview(
                captures.files, summary, others, Paint(out.colored), top, out.width, chosen.times, write
            ):
                out.write(line)
        return conclude(captures, run)
