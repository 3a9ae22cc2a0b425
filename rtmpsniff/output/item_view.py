"""The ways to show items: as lines of a list, a tree, a dump, a grid or JSON. Takes an `Item`, gives its lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

from rtmpsniff.output.columns import wrapped
from rtmpsniff.output.hexdump import dump, grid, shape
from rtmpsniff.output.items import Item
from rtmpsniff.output.json_text import json_text, json_value
from rtmpsniff.output.theme import Paint
from rtmpsniff.output.tree import tree
from rtmpsniff.text import columns_of, fitted, shortened

Layout: TypeAlias = Literal["chunks", "tags", "values"]  # which columns the list has

_NARROW: Final = 100  # columns of a terminal: with fewer there is no room for the ids of chunk and message streams
_NARROWEST_TEXT: Final = 60
_WIDEST: Final = 400  # characters of text in a line that is not cut to a terminal
_INSIDE: Final = "+"  # in the column of numbers: a part of the line before


class ItemView:
    """Makes the lines of items. `width` is the terminal's, None where there is none; `full` shortens nothing."""

    def __init__(self, layout: Layout, paint: Paint, width: int | None, full: bool) -> None:
        self._paint = paint
        self._width = width
        self._full = full
        self._layout = layout
        self._is_narrow = width is not None and width < _NARROW
        self._shape = shape(width)

    def heading(self) -> str:
        """The names of the list's columns."""
        return self._paint.style("dim", self._columns("#", "offset", "csid", "type", "msid", "timestamp", "length"))

    def list(self, item: Item) -> Iterator[str]:
        """A line for the item, and one for each part that has one."""
        number = "" if item.number is None else str(item.number)
        if item.is_listed:
            yield self._line(item, number)
        for part in item.inside():
            yield self._line(part, _INSIDE if item.is_listed else "")

    def tree(self, item: Item) -> Iterator[str]:
        """The line, and the names and values below it."""
        if item.is_listed:
            yield self._line(item, "" if item.number is None else str(item.number))
        block = item.block()
        if block is not None:
            yield from tree(block, self._paint, self._full, self._width)

    def dump(self, item: Item) -> Iterator[str]:
        """Every byte with its meaning."""
        yield from self._title(item)
        block = item.block()
        if block is not None:
            yield from dump(block, self._paint, self._shape, self._full)
            yield ""

    def grid(self, item: Item) -> Iterator[str]:
        """The same as sixteen bytes a line."""
        yield from self._title(item)
        block = item.block()
        if block is not None:
            yield from grid(block, self._paint, self._full)
            yield ""

    def json(self, item: Item) -> Iterator[str]:
        """A record a line; of AMF values the values themselves."""
        for record in item.records():
            yield json_text(record) if isinstance(record, Mapping) and "record" in record else json_value(record)

    def _title(self, item: Item) -> Iterator[str]:
        """What stands above the bytes; a line of the list for what has none."""
        if not item.where:
            yield self._line(item, "")
            return
        head = "" if item.number is None else f"#{item.number}  "
        said = f"{item.name or item.word}  {item.said}".rstrip()
        style = self._paint.style
        if self._width is None or max(len(head) + columns_of(said), len(item.where) + 4) <= self._width:
            yield f"{style('title', head)}{style(item.style, said)}"
            yield f"    {item.where}"
            return
        lines = wrapped(said, self._width - max(len(head), 4), indent=0)
        yield f"{style('title', head)}{style(item.style, lines[0])}"
        for line in lines[1:]:
            yield f"    {style(item.style, line)}"
        for part in item.where.split("; "):
            for line in wrapped(part, self._width - 4, indent=0):
                yield f"    {line}"

    def _columns(
        self, number: str, offset: str, channel: str, word: str, stream: str, timestamp: str, length: str
    ) -> str:
        head = f"{number:>6} {offset:>9}"
        if self._layout == "chunks" and not self._is_narrow:
            return f"{head} {channel:>5}  {word:<15} {stream:>4} {timestamp:>10} {length:>8}"
        if self._layout == "values":
            return f"{head}  {word:<15} {length:>8}"
        return f"{head}  {word:<15} {timestamp:>10} {length:>8}"

    def _line(self, item: Item, number: str) -> str:
        length = str(item.length) if item.is_decoded or item.length else ""
        head = self._columns(number, str(item.offset), item.channel, item.word, item.stream, item.timestamp, length)
        text, between = item.said, "  "
        if self._width is None:
            text = text if self._full else shortened(text, _WIDEST)
        else:
            room = self._width - len(head) - 2
            if columns_of(text) > room and room < _NARROWEST_TEXT:
                between, room = f"\n{'':18}", self._width - 18
            text = text if self._full else fitted(text, room)
        if not self._paint.colored:
            return f"{head.rstrip()}{between}{text}".rstrip() if between != "  " else f"{head}{between}{text}".rstrip()
        style = self._paint.style
        at = head.index(item.word, 16) if item.word else len(head)
        start, stop = head[:at], head[at + len(item.word) :]
        return f"{style('dim', start)}{style(item.style, item.word)}{stop}{between}{style(item.style, text)}"
