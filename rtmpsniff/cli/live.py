"""`rtmpsniff live`: every message as it completes, from the network interfaces of this machine."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from rtmpsniff.analysis.selection import select
from rtmpsniff.capture.live import Capture
from rtmpsniff.capture.recorder import STANDARD_OUTPUT, Recorder, Rotation
from rtmpsniff.cli.listening import Listening, chosen_interfaces
from rtmpsniff.cli.options import FILTER_HELP, Chosen, gathered, traffic_options
from rtmpsniff.cli.privileges import become, load_all, who_goes_on
from rtmpsniff.cli.quantities import DurationParameter, SizeParameter
from rtmpsniff.cli.read import Look, view_options
from rtmpsniff.cli.watch import Watch
from rtmpsniff.cli.world import Exit, warn, world
from rtmpsniff.dissect import Dissection
from rtmpsniff.transport.connection import RTMP_PORTS

if TYPE_CHECKING:
    from rtmpsniff.cli.ndjson import RecordsFile

LONGEST_PACKET: Final = 262_144  # as tcpdump has it; segments of up to 64 KiB are seen on the host that sends them


def _interfaces(
    names: tuple[str, ...], snapshot_length: int, buffer_size: int, no_promiscuous: bool, expression: str | None
) -> Callable[[tuple[int, ...]], Listening]:
    """What the options about interfaces come down to, for some ports."""

    def listening(ports: tuple[int, ...]) -> Listening:
        chosen, because = chosen_interfaces(names)
        return Listening(
            chosen,
            because,
            ports or tuple(RTMP_PORTS),
            snapshot_length or LONGEST_PACKET,
            buffer_size << 10,
            not no_promiscuous,
            expression,
        )

    return listening


_interface_options = gathered(
    "listening_to",
    _interfaces,
    click.option(
        "-i",
        "--interface",
        "names",
        multiple=True,
        metavar="NAME",
        help="Listen here, or on 'any'. May be repeated. Without it: where the default route goes.",
    ),
    click.option("--bpf", "expression", metavar="EXPR", help="Only packets of which this holds too: host 192.0.2.7"),
    click.option(
        "-s",
        "--snapshot-length",
        type=click.IntRange(0, LONGEST_PACKET),
        default=0,
        metavar="N",
        help="Take the first N bytes of each packet; 0 is all of them.",
    ),
    click.option(
        "-B",
        "--buffer-size",
        type=click.IntRange(1, 4 << 20),
        default=65536,
        metavar="KIB",
        help="The kernel's memory for packets: 65536 KiB without it.",
    ),
    click.option("-p", "--no-promiscuous", is_flag=True, help="Only what is sent to this machine or by it."),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where packets and records go; what goes to standard output leaves no room for messages there."""

    packets: str | None
    rotation: Rotation
    records: str | None
    include_secrets: bool

    @property
    def to_standard_output(self) -> bool:
        return STANDARD_OUTPUT in {self.packets, self.records}

    def recorder(self, listening: Listening) -> Recorder | None:
        """What keeps packets, if it is wanted."""
        if self.packets is None:
            return None
        return Recorder(self.packets, " ".join(listening.names), listening.snapshot_length, self.rotation)

    def records_opener(self) -> Callable[[], RecordsFile | None]:
        """What opens the file of records later, by when what that takes is loaded."""
        name = self.records
        if name is None:
            return lambda: None
        from rtmpsniff.cli.ndjson import RecordsFile  # noqa: PLC0415 - who asks pays

        return lambda: RecordsFile(name, include_secrets=self.include_secrets)


def _kept(
    file: str | None,
    rotate_size: int | None,
    rotate_time: float | None,
    keep: int | None,
    records_file: str | None,
    include_secrets: bool,
) -> Kept:
    rotation = Rotation(rotate_size, None if rotate_time is None else round(rotate_time * 1e9), keep)
    if keep is not None and not rotation.is_wanted:
        raise click.UsageError("--keep goes with --rotate-size or --rotate-time")
    if rotation.is_wanted and file in {None, STANDARD_OUTPUT}:
        raise click.UsageError("--rotate-size and --rotate-time go with -w FILE")
    if file == records_file == STANDARD_OUTPUT:
        raise click.UsageError("packets and records cannot both go to standard output")
    if include_secrets and records_file is None:
        raise click.UsageError("--include-secrets goes with --ndjson; what is shown is what is there")
    return Kept(file, rotation, records_file, include_secrets)


_keeping_options = gathered(
    "kept",
    _kept,
    click.option(
        "-w", "--write", "file", metavar="FILE", help="Keep the packets in this pcap or .pcapng file; - is a pipe."
    ),
    click.option("--rotate-size", type=SizeParameter(), metavar="SIZE", help="Begin the next file at this size: 100M."),
    click.option(
        "--rotate-time", type=DurationParameter(), metavar="TIME", help="Begin the next file after so long: 1h."
    ),
    click.option("--keep", type=click.IntRange(1), metavar="N", help="Keep only the N youngest of these files."),
    click.option(
        "--ndjson",
        "records_file",
        metavar="FILE",
        help="Write JSON records of all events here, as they come, secrets masked; - is a pipe.",
    ),
    click.option("--include-secrets", is_flag=True, help="Mask no stream keys, tokens and passwords in the records."),
)


@click.command("live", short_help="Every message as it completes, from an interface.", epilog=FILTER_HELP)
@_interface_options
@traffic_options
@view_options
@click.option("-q", "--quiet", is_flag=True, help="Messages alone; with -w nothing at all: packets are only kept.")
@_keeping_options
@click.option("--duration", type=DurationParameter(), metavar="TIME", help="Stop after so long: 90, 10m, 1h.")
@click.option("-Z", "--user", metavar="NAME", help="Go on as this user; root goes on as who called sudo.")
def live_command(
    listening_to: Callable[[tuple[int, ...]], Listening],
    chosen: Chosen,
    look: Look,
    quiet: bool,
    kept: Kept,
    duration: float | None,
    user: str | None,
) -> Exit:
    """Show every RTMP message on the wire as it completes.

    Packets are those of TCP port 1935, or of the ports that are given. It listens and never sends. Ctrl-C ends it with
    its figures, as SIGTERM does; SIGUSR1 tells them at once.
    """
    listening = listening_to(chosen.ports)
    user_after = who_goes_on(user, os.environ)
    open_records = kept.records_opener()
    if user_after is not None:
        load_all()
    source = listening.open()
    if user_after is not None:
        become(user_after)
    recorder, records = kept.recorder(listening), open_records()
    out = world(chosen.color)
    watch = Watch(out, duration, lambda: None if records is None else records.flush())
    is_shown = not kept.to_standard_output and not (quiet and recorder)
    is_counted = chosen.make_selection(Dissection(())).count is not None
    capture = Capture(
        source,
        recorder,
        decode=is_shown or is_counted or records is not None,
        control=watch.control,
        rest=watch.flush,
    )
    chosen.keys.follow()
    run = Dissection(capture, chosen.ports, media=records is not None, keys=chosen.keys)
    watch.follow(capture, run)
    if records is not None:
        records.follow(run, listening.where)
    with watch.signals(), watch.ending(), capture:
        warn(listening.what)  # whoever reads that may send a signal at once
        events = watch.counted(run) if records is None else records.kept(watch.counted(run))
        chosen_events = select(events, chosen.make_selection(run))
        if is_shown:
            heading, show = look.of(run, out, chosen)
            watch.write(heading)
            for event in look.shown(chosen_events, quiet):
                watch.write(show(event))
        else:
            deque(chosen_events, maxlen=0)
        if records is not None:  # enough was shown: connections have their records too
            capture.stop()
            deque(events, maxlen=0)
    if records is not None:
        records.end(capture)
    return Exit.DONE
