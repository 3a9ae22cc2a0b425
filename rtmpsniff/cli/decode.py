"""`rtmpsniff decode`: bytes that are in no capture, as a dump, a grid, a tree, a list or JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from rtmpsniff.cli.given import Given, Input, take
from rtmpsniff.cli.options import FilterParameter, count_option, full_option, grid_option, verbose_option
from rtmpsniff.cli.world import ColorChoice, Exit, color_option, warn, world
from rtmpsniff.output.item_view import ItemView, Layout
from rtmpsniff.output.items import (
    Item,
    body_item,
    event_item,
    part_item,
    sol_item,
    tag_item,
    trouble_item,
    values_item,
)
from rtmpsniff.output.theme import Paint
from rtmpsniff.payload.flv import FlvReader, Part, Tag
from rtmpsniff.payload.sequence import amf_values
from rtmpsniff.payload.sol import decode_sol
from rtmpsniff.payload.types import TYPE_NAMES, type_name
from rtmpsniff.rtmp.guess import Guess, Sort, guess, guess_chunk_size, guess_type
from rtmpsniff.rtmp.loose import LooseStream, loose_message, sender_of
from rtmpsniff.rtmp.sizes import DEFAULT_CHUNK_SIZE
from rtmpsniff.text import plural

if TYPE_CHECKING:
    from rtmpsniff.analysis.filter import Filter

_LAYOUTS: Final[dict[Sort, Layout]] = {"chunks": "chunks", "amf0": "values", "amf3": "values", "sol": "values"}
_WORDS: Final[dict[Sort, str]] = {
    "chunks": "a chunk stream",
    "amf0": "AMF0",
    "amf3": "AMF3",
    "flv": "an FLV file",
    "sol": "a local shared object",
}
_TYPES: Final = {
    **{name.removesuffix("_amf0"): number for number, name in TYPE_NAMES.items()},
    **{name: number for number, name in TYPE_NAMES.items()},
    "peer_bandwidth": 6,  # as the list has them
    "shared_obj_amf3": 16,
}


class TypeParameter(click.ParamType[int]):
    """The type of a message, by its name or number."""

    name = "type"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).strip().lower()
        number = _TYPES.get(text)
        if number is None and re.fullmatch(r"[0-9]{1,3}|0x[0-9a-f]{1,2}", text):
            number = int(text, 16 if text.startswith("0x") else 10)
        if number is None or number > 255:
            self.fail(f"{text[:40]!r} is no message type and no number of one", param, ctx)
        return number


@click.command("decode", short_help="Bytes that are in no capture: hex, base64, a raw file.")
@click.argument("given", nargs=-1, metavar="[BYTES | FILE | -]")
@click.option("-f", "--file", metavar="FILE", help="Read this file, whatever else its name could mean.")
@click.option(
    "--input",
    "form",
    type=click.Choice(["hex", "listing", "decimal", "base64", "raw"]),
    help="How the bytes are written: hex (0x, C arrays and escapes too), a listing with offsets, decimal numbers, "
    "base64, or not at all (raw). Guessed where it is plain.",
)
@click.option(
    "--as",
    "sort",
    type=click.Choice(["chunks", "message", "amf0", "amf3", "flv", "sol"]),
    help="What they are: a chunk stream, the body of a message, AMF values, an FLV file, a local shared object. "
    "Guessed where it is plain.",
)
@click.option(
    "--chunk-size",
    type=click.IntRange(1, 0x7FFFFFFF),
    metavar="N",
    help="The size of chunks in a chunk stream from the middle, until it announces another.",
)
@click.option(
    "--type", "type_id", type=TypeParameter(), metavar="NAME", help="The type of a message's body: video, or 9."
)
@click.option("-l", "--list", "list_", is_flag=True, help="One line a message or value.")
@verbose_option
@click.option("-x", "--hex", "hex_", is_flag=True, help="The annotated hex dump, as without any of these.")
@grid_option
@click.option("--json", "json_", is_flag=True, help="One record a line; of AMF one value a line.")
@click.option(
    "-Y",
    "--filter",
    "filter_",
    type=FilterParameter(),
    metavar="EXPR",
    help='Only messages of which this holds: type == "video" and length > 50000.',
)
@count_option
@click.option("-q", "--quiet", is_flag=True, help="Messages alone, and no word on what was guessed.")
@full_option
@color_option
def decode_command(
    given: tuple[str, ...],
    file: str | None,
    form: Input | None,
    sort: Sort | None,
    chunk_size: int | None,
    type_id: int | None,
    filter_: Filter | None,
    count: int | None,
    quiet: bool,
    full: bool,
    color: ColorChoice | None,
    **views: bool,
) -> Exit:
    """Decode bytes that are in no capture.

    BYTES are hex, base64, or a listing as tcpdump -X, xxd, Wireshark and rtmpsniff itself write it; FILE holds such a
    text or the bytes themselves; - or nothing is standard input.
    """
    sort = _told(sort, chunk_size, type_id, filter_)
    say = _nothing if quiet else warn
    source = take(given, file, form, say)
    what = _what(source, sort, chunk_size, type_id, say)
    if what is None:
        these = source.said or "these bytes"
        warn(f"nothing tells what {these} may be; --as chunks, message, amf0, amf3, flv or sol says it")
        return Exit.BAD_ANSWER
    root: ColorChoice = click.get_current_context().find_root().params.get("color") or "auto"
    out = world(color or root, flush_lines=source.is_live)
    view = ItemView(_LAYOUTS.get(what.sort, "tags"), Paint(out.colored), out.width, full)
    show = _way(view, **views)
    if out.width is not None and show in {view.list, view.tree}:
        out.write(view.heading())
    decoded = shown = messages = 0
    for item in _shown(_items(source, what), source, filter_, quiet, views["verbose"]):
        decoded += item.is_decoded
        shown += 1
        for line in show(item):
            out.write(line)
        messages += item.about is not None
        if messages == count:
            break
    if filter_ is not None and not shown:
        warn("nothing matched")
    elif not decoded:
        warn("nothing of it could be decoded")
        return Exit.BAD_ANSWER
    return Exit.DONE


def _nothing(_text: str) -> None:
    """Say nothing."""


# What the bytes are.


def _told(sort: Sort | None, chunk_size: int | None, type_id: int | None, filter_: Filter | None) -> Sort | None:
    """What the options say that the bytes are; those that fit one sort alone say it too."""
    for option, value, meant in (("--chunk-size", chunk_size, "chunks"), ("--type", type_id, "message")):
        if value is not None:
            if sort not in {None, meant}:
                raise click.UsageError(f"{option} goes with --as {meant}")
            sort = "chunks" if meant == "chunks" else "message"
    if filter_ is not None and sort in {"amf0", "amf3", "sol"}:
        raise click.UsageError(f"-Y is about messages, and {_WORDS[sort]} has none")
    return sort


def _what(
    source: Given, sort: Sort | None, chunk_size: int | None, type_id: int | None, say: Callable[[str], None]
) -> Guess | None:
    """What they are; what was not told is guessed, and that is said."""
    if source.pasted is not None and source.pasted.note:
        say(source.pasted.note)
    found = guess(source.head) if sort is None else _complete(source, sort, chunk_size, type_id)
    if found is None:
        return None
    if source.pasted is not None and source.pasted.left_out:
        say(f"the listing leaves out {plural(source.pasted.left_out, 'byte')} between its rows")
    guessed = []
    if sort is None:
        guessed.append("--as")
    if found.sort == "message" and type_id is None:
        guessed.append("--type")
    if found.chunk_size not in {chunk_size, DEFAULT_CHUNK_SIZE}:
        guessed.append("--chunk-size")
    if guessed:
        says = f"{' and '.join(guessed)} {'says' if len(guessed) == 1 else 'say'} otherwise"
        say(", ".join(filter(None, [source.said, f"taken for {_named(found)}; {says}"])))
    elif source.packets:
        say(source.said)
    return found


def _complete(source: Given, sort: Sort, chunk_size: int | None, type_id: int | None) -> Guess:
    """What was told, and what goes with it."""
    if sort == "message":
        type_id = guess_type(source.head) if type_id is None else type_id
        if type_id is None:
            raise click.UsageError("--as message needs --type here: nothing tells the type of this body")
        return Guess("message", type_id)
    if sort != "chunks":
        return Guess(sort)
    if chunk_size is not None:
        return Guess("chunks", chunk_size=chunk_size)
    sender = sender_of(source.head)
    fit = None if sender else guess_chunk_size(source.head)
    return Guess("chunks", chunk_size=fit.chunk_size if fit and fit.is_clean else DEFAULT_CHUNK_SIZE, sender=sender)


def _named(found: Guess) -> str:
    if found.sort == "message":
        return f"the body of a message of type {type_name(found.type_id)}"
    more = ""
    if found.sender is not None:
        more = f" behind the {found.sender}'s handshake"
    elif found.chunk_size != DEFAULT_CHUNK_SIZE:
        more = f" with chunks of {plural(found.chunk_size, 'byte')}"
    return f"{_WORDS[found.sort]}{more}"


# What is read of them.


def _items(source: Given, what: Guess) -> Iterator[Item]:
    match what.sort:
        case "chunks":
            return _of_chunks(source, what)
        case "flv":
            return _of_flv(source)
        case "message":
            return iter((body_item(loose_message(what.type_id, source.whole())),))
        case "sol":
            data = source.whole()
            return iter((sol_item(data, decode_sol(data)),))
        case "amf0" | "amf3" as encoding:
            data = source.whole()
            return iter((values_item(data, encoding, amf_values(data, encoding)),))


def _of_chunks(source: Given, what: Guess) -> Iterator[Item]:
    stream = LooseStream(what.chunk_size, what.sender)
    for block in source.blocks():
        yield from map(event_item, stream.feed(block))
    yield from map(event_item, stream.end())


def _of_flv(source: Given) -> Iterator[Item]:
    reader = FlvReader()
    for block in source.blocks():
        yield from map(_part, reader.feed(block))
    yield from map(_part, reader.end())


def _part(part: Part) -> Item:
    return tag_item(part) if isinstance(part, Tag) else part_item(part)


def _shown(
    items: Iterable[Item], source: Given, condition: Filter | None, quiet: bool, verbose: bool
) -> Iterator[Item]:
    """Those that were asked for, with what is wrong inside them behind them; notes are for those who ask for more."""
    for item in items:
        if condition is not None and (item.about is None or not condition(item.about, 0)):
            continue
        if not item.is_beside:
            yield item
        if quiet:
            continue
        if item.is_beside and (verbose or item.word != "note"):
            yield item
        for trouble in item.troubles():
            if verbose or trouble.severity != "note":
                yield trouble_item(trouble, source.place(trouble.offset))


def _way(
    view: ItemView, list_: bool, verbose: bool, hex_: bool, grid_: bool, json_: bool
) -> Callable[[Item], Iterable[str]]:
    """How items are shown: the way that shows most, of those that were asked for."""
    if json_:
        return view.json
    if hex_ or not (grid_ or verbose or list_):
        return view.dump
    return view.grid if grid_ else view.tree if verbose else view.list
