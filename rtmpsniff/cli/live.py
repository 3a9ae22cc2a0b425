"""`rtmpsniff live`: every message as it completes, from the network interfaces of this machine."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import click

from rtmpsniff.analysis.selection import select
from rtmpsniff.capture.live import Capture
from rtmpsniff.capture.recorder import STANDARD_OUTPUT, Recorder, Rotation
from rtmpsniff.cli.listening import Listening, chosen_interfaces
from rtmpsniff.cli.options import FILTER_HELP, Chosen, traffic_options
from rtmpsniff.cli.privileges import become, who_goes_on
from rtmpsniff.cli.quantities import DurationParameter, SizeParameter
from rtmpsniff.cli.read import View, columns, shown, view_options
from rtmpsniff.cli.watch import Watch
from rtmpsniff.cli.world import Exit, warn, world
from rtmpsniff.dissect import Dissection
from rtmpsniff.output.times import Clock, TimeFormat
from rtmpsniff.rtmp.events import Event
from rtmpsniff.transport.reassembly import RTMP_PORTS

if TYPE_CHECKING:
    from rtmpsniff.analysis.filter import Column
    from rtmpsniff.cli.ndjson import RecordsFile

LONGEST_PACKET: Final = 262_144  # as tcpdump has it; segments of up to 64 KiB are seen on the host that sends them


@click.command("live", short_help="Every message as it completes, from an interface.", epilog=FILTER_HELP)
@click.option(
    "-i",
    "--interface",
    "names",
    multiple=True,
    metavar="NAME",
    help="Listen here, or on 'any'. May be repeated. Without it: where the default route goes.",
)
@traffic_options
@click.option("--bpf", "expression", metavar="EXPR", help="Only packets of which this holds too: host 192.0.2.7")
@click.option(
    "-w", "--write", "file", metavar="FILE", help="Keep the packets in this pcap or .pcapng file; - is a pipe."
)
@click.option("--ndjson", "records_file", metavar="FILE", help="Write JSON records of all events here, as they come.")
@click.option("--rotate-size", type=SizeParameter(), metavar="SIZE", help="Begin the next file at this size: 100M.")
@click.option("--rotate-time", type=DurationParameter(), metavar="TIME", help="Begin the next file after so long: 1h.")
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Keep only the N youngest of these files.")
@click.option("--duration", type=DurationParameter(), metavar="TIME", help="Stop after so long: 90, 10m, 1h.")
@click.option(
    "-s", "--snapshot-length", type=click.IntRange(0, LONGEST_PACKET), default=0, metavar="N", help="Cut packets off."
)
@click.option(
    "-B", "--buffer-size", type=click.IntRange(1, 4 << 20), default=65536, metavar="KIB", help="The kernel's memory."
)
@click.option("-p", "--no-promiscuous", is_flag=True, help="Only what is sent to this machine or by it.")
@click.option("-Z", "--user", metavar="NAME", help="Go on as this user; root goes on as who called sudo.")
@view_options
@click.option("-q", "--quiet", is_flag=True, help="Messages alone; with -w nothing at all: packets are only kept.")
def live_command(
    names: tuple[str, ...],
    chosen: Chosen,
    expression: str | None,
    file: str | None,
    records_file: str | None,
    rotate_size: int | None,
    rotate_time: float | None,
    keep: int | None,
    duration: float | None,
    snapshot_length: int,
    buffer_size: int,
    no_promiscuous: bool,
    user: str | None,
    time_format: TimeFormat,
    verbose: bool,
    hex_: bool,
    grid_: bool,
    fields: list[Column] | None,
    quiet: bool,
    full: bool,
) -> Exit:
    """Show every RTMP message on the wire as it completes.

    Packets are those of TCP port 1935, or of the ports that are given. It listens and never sends. Ctrl-C ends it with
    its figures, as SIGTERM does; SIGUSR1 tells them at once.
    """
    if fields and (verbose or hex_ or grid_):
        raise click.UsageError("--fields does not go with -v, -x or -X")
    if file == records_file == STANDARD_OUTPUT:
        raise click.UsageError("packets and records cannot both go to standard output")
    rotation = _rotation(file, rotate_size, rotate_time, keep)
    names, because = chosen_interfaces(names)
    listening = Listening(
        names,
        because,
        chosen.ports or tuple(RTMP_PORTS),
        snapshot_length or LONGEST_PACKET,
        buffer_size << 10,
        not no_promiscuous,
        expression,
    )
    user_after = who_goes_on(user, os.environ)
    open_records = _records_opener(records_file)
    show_columns = columns(fields) if fields else None
    source = listening.open()
    if user_after is not None:
        become(user_after)  # from here on nothing is imported: the user may not be allowed to read the program
    recorder = None if file is None else Recorder(file, " ".join(names), listening.snapshot_length, rotation)
    records = open_records()
    warn(listening.what)
    out = world(chosen.color)
    watch = Watch(out, duration, lambda: None if records is None else records.flush())
    is_shown = STANDARD_OUTPUT not in {file, records_file} and not (quiet and recorder)
    capture = Capture(
        source,
        recorder,
        decode=is_shown or records is not None or chosen.make_selection(Dissection(())).count is not None,
        control=watch.control,
        rest=watch.flush,
    )
    run = Dissection(capture, chosen.ports, keys=chosen.keys)
    watch.follow(capture, run)
    view = View(out, Clock(time_format, lambda: run.base), full)
    show = show_columns(run) if show_columns else view.way(verbose, hex_, grid_)
    if is_shown and out.width is not None and not (hex_ or grid_ or fields):
        watch.write([view.listing.heading()])
    with watch.signals(), watch.ending(), capture:
        events: Iterable[Event] = watch.counted(run)
        if records is not None:
            records.follow(run, listening.where)
            events = records.kept(events)
        chosen_events = select(events, chosen.make_selection(run))
        for event in shown(chosen_events, quiet or fields is not None, verbose) if is_shown else chosen_events:
            if is_shown:
                watch.write(show(event))
        if records is not None:  # enough was shown: connections have their records too
            capture.stop()
            deque(events, maxlen=0)
    if records is not None:
        records.end(capture)
    return Exit.DONE


def _records_opener(name: str | None) -> Callable[[], RecordsFile | None]:
    """What opens the file of records later, by when what that takes is loaded."""
    if name is None:
        return lambda: None
    from rtmpsniff.cli.ndjson import RecordsFile  # noqa: PLC0415 - who asks pays

    return lambda: RecordsFile(name)


def _rotation(file: str | None, size: int | None, seconds: float | None, keep: int | None) -> Rotation:
    rotation = Rotation(size, None if seconds is None else round(seconds * 1e9), keep)
    if keep is not None and not rotation.is_wanted:
        raise click.UsageError("--keep goes with --rotate-size or --rotate-time")
    if rotation.is_wanted and file in {None, STANDARD_OUTPUT}:
        raise click.UsageError("--rotate-size and --rotate-time go with -w FILE")
    return rotation
