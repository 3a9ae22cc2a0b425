"""`rtmpsniff export`: decoded sessions as JSON, masked, for bug reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from io import TextIOWrapper
from os.path import realpath
from typing import Literal, TypeAlias

import click

from rtmpsniff.analysis.masking import Masking
from rtmpsniff.analysis.selection import Selection
from rtmpsniff.capture.files import STANDARD_INPUT, read
from rtmpsniff.capture.packet import Packet
from rtmpsniff.cli.conclusion import conclude
from rtmpsniff.cli.interrupt import interruptible
from rtmpsniff.cli.masks import how_to_mask, learn
from rtmpsniff.cli.options import FILTER_HELP, Chosen, traffic_options
from rtmpsniff.cli.progress import Progress, Still, progress, watch
from rtmpsniff.cli.world import STANDARD_OUTPUT, Exit, warn, world
from rtmpsniff.dissect import Dissection
from rtmpsniff.output.export import Export, Payload, schema_text
from rtmpsniff.output.records import Document, Lines, Records
from rtmpsniff.output.saved import OWN, refuse_inputs, saved_text

Format: TypeAlias = Literal["json", "ndjson", "pcapng"]


def _print_schema(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        world("never").output.write(schema_text())
        ctx.exit()


@click.command("export", short_help="Decoded sessions as JSON, masked, for bug reports.", epilog=FILTER_HELP)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@traffic_options
@click.option(
    "-o",
    "--output",
    default=STANDARD_OUTPUT,
    metavar="OUT",
    help="Write to this file, compressed if it ends in .gz; - is a pipe, as without it.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["json", "ndjson", "pcapng"]),
    default="json",
    help="One document (json), one record a line as they come (ndjson), or the packets themselves (pcapng).",
)
@click.option(
    "--payload",
    type=click.Choice(["none", "head", "all"]),
    default="none",
    help="Media payloads in base64: none, the first 64 bytes, or all. Length and hash are always there.",
)
@click.option("--tree", "fields", is_flag=True, help="Add the fields of every message with their places in it.")
@click.option(
    "--strip-media",
    is_flag=True,
    help="With pcapng: without pictures and sound. They are cut off, or zeros in an OUT that ends in .gz.",
)
@click.option("--include-secrets", is_flag=True, help="Mask no stream keys, tokens and passwords.")
@click.option("--mask-addresses", is_flag=True, help="Mask the addresses of hosts too, wherever they stand.")
@click.option(
    "--mask-table", metavar="FILE", help="Write to FILE what each mask stands for, for you alone (mode 0600)."
)
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON Schema of the exports and exit.",
)
def export_command(
    files: tuple[str, ...],
    chosen: Chosen,
    output: str,
    format_: Format,
    payload: Payload,
    fields: bool,
    strip_media: bool,
    include_secrets: bool,
    mask_addresses: bool,
    mask_table: str | None,
) -> Exit:
    """Write decoded sessions as JSON: messages, findings, connections with their totals.

    Stream keys, tokens and passwords are masked: files are read twice, so that even a first mention is. Standard input
    is read once, and only what is known by then can be masked (the header says `streamed`).

    With --format pcapng: all packets of each connection of which a message is chosen, each with a comment that says
    what it carries. Secrets are masked by bytes of the same length; what cannot be decoded is covered; connections that
    are encrypted or carried in HTTP are left out.
    """
    how = how_to_mask(files, include_secrets)
    if mask_table is not None:
        if mask_table == STANDARD_OUTPUT or realpath(mask_table) == realpath(output):
            raise click.UsageError("--mask-table needs a file of its own")
        refuse_inputs(mask_table, files)
    masking = Masking(how, addresses=mask_addresses)
    if format_ == "pcapng":
        from rtmpsniff.cli.packets import export_packets  # noqa: PLC0415 - only where it is asked for

        for name, given in (("--payload", payload != "none"), ("--tree", fields)):
            if given:
                raise click.UsageError(f"{name} does not go with --format pcapng")
        status = export_packets(files, chosen, output, masking, strip_media=strip_media)
    elif strip_media:
        raise click.UsageError("--strip-media goes with --format pcapng; JSON has media only with --payload")
    else:
        status = _export_records(files, chosen, output, masking, format_, payload, fields)
    if mask_table is not None:
        with saved_text(mask_table, (*files, output), OWN) as table:
            table.write(json.dumps(masking.table(), indent=2) + "\n")
    if masking.secrets.is_full:
        warn("warning: there are very many secrets; some are masked by their place alone")
    return status


def _export_records(
    files: tuple[str, ...],
    chosen: Chosen,
    output: str,
    masking: Masking,
    format_: Format,
    payload: Payload,
    fields: bool,
) -> Exit:
    how = masking.how
    with ExitStack() as open_, progress(files, 2 if how == "masked" else 1) as line:
        write = open_.enter_context(_written(output, files, line, STANDARD_INPUT in files))
        if how == "masked":
            learn(files, chosen.ports, chosen.keys, masking, line)
        records: Records = open_.enter_context(closing(Lines(write) if format_ == "ndjson" else Document(write)))
        with interruptible() as stop, read(files, watch(line), stop) as captures:
            packets = _Until(captures)
            run = Dissection(packets, chosen.ports, media=True, keys=chosen.keys_for(files))
            export = Export(run, captures.files, masking, payload, fields=fields)
            selection = chosen.make_selection(run)
            for record in export.records(selection, packets.stop):
                records.take(record)
            line.hide()
            status = conclude(captures, run)
    if not export.messages and selection != Selection() and status is Exit.DONE:
        warn("nothing matched")
    return status


class _Until:
    """Packets until enough is known: who wants ten messages of an endless pipe gets his end too."""

    def __init__(self, packets: Iterable[Packet]) -> None:
        self._packets = packets
        self._is_over = False

    def stop(self) -> None:
        self._is_over = True

    def __iter__(self) -> Iterator[Packet]:
        for packet in self._packets:
            yield packet
            if self._is_over:
                return


@contextmanager
def _written(
    output: str, inputs: Sequence[str], line: Progress | Still, is_live: bool
) -> Iterator[Callable[[str], object]]:
    """Where the export goes: a file that is there whole or not at all, or standard output."""
    if output != STANDARD_OUTPUT:
        with saved_text(output, inputs) as file:
            yield file.write
        return
    out = line.beside(world("never", flush_lines=is_live)).output
    if isinstance(out, TextIOWrapper):
        out.reconfigure(encoding="utf-8")  # whatever the locale says: JSON is UTF-8
    yield out.write
