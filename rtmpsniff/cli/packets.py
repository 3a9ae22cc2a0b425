"""`export --format pcapng`: the packets of chosen connections, masked, for a capture that can be handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from rtmpsniff.analysis.masking import Masking
from rtmpsniff.capture.files import can_be_read_twice, read
from rtmpsniff.capture.pcapng_writer import PcapngWriter
from rtmpsniff.cli.conclusion import conclude
from rtmpsniff.cli.options import Chosen
from rtmpsniff.cli.progress import progress, watch
from rtmpsniff.cli.world import STANDARD_OUTPUT, Exit, binary_output, warn
from rtmpsniff.dissect import Dissection
from rtmpsniff.output.packets import MediaBytes, PacketExport, Survey, survey
from rtmpsniff.output.saved import saved
from rtmpsniff.text import plural
from rtmpsniff.version import __version__


def export_packets(files: Sequence[str], chosen: Chosen, output: str, masking: Masking, *, strip_media: bool) -> Exit:
    """Read the files twice, write their packets once."""
    if not can_be_read_twice(files):
        raise click.UsageError("--format pcapng reads its input twice: it has to be files, no pipe")
    with progress(files, 2) as line, _written(output, files) as write:
        with read(files, watch(line)) as captures:
            found = survey(Dissection(captures, chosen.ports, keys=chosen.keys), chosen.make_selection, masking)
        writer = PcapngWriter(f"rtmpsniff {__version__}")
        write(writer.head())
        media: MediaBytes = "whole" if not strip_media else "zeros" if output.endswith(".gz") else "cut"
        with read(files, watch(line)) as captures:
            export = PacketExport(captures, chosen.ports, found, masking, media, keys=chosen.keys)
            export.write_to(lambda packet: write(writer.packet(*packet)))
            line.hide()
            status = conclude(captures, export.run)
    _say_what_is_missing(found, has_addresses=masking.hosts is not None)
    if export.refused:
        refused = plural(export.refused, "packet")
        warn(f"warning: {refused} left out: addresses in tunnels and in unusual headers cannot be masked")
    if not export.written and not found.left_out and not export.refused and status is Exit.DONE:
        warn("nothing matched")
    return status


def _say_what_is_missing(found: Survey, *, has_addresses: bool) -> None:
    what, instead = "secrets", "--include-secrets writes it as it is"
    if has_addresses:
        what, instead = "secrets and addresses", "--include-secrets without --mask-addresses writes it as it is"
    for connection, variant in sorted(found.left_out):
        warn(f"warning: connection {connection} ({variant}) is left out: its {what} cannot be masked; {instead}")


@contextmanager
def _written(output: str, inputs: Sequence[str]) -> Iterator[Callable[[bytes], object]]:
    """Where the packets go: a file that is there whole or not at all, or standard output."""
    if output != STANDARD_OUTPUT:
        with saved(output, inputs) as file:
            yield file.write
        return
    out = binary_output("a capture")
    yield out.write
    out.flush()
