"""The annotated hex dump: every byte of a block in wire order, colored by what it is, its meaning beside it.

Knows `Block`, `Field` and `Role` and nothing of the protocol. `dump` writes one line a field with nesting shown by
indentation; `grid` writes the classic sixteen bytes a line. An inset (a chunk header amid a message) stands where it
stood and does not break the meaning of the value around it: text goes on beside the bytes that go on.
"""

from __future__ import annotations

from bisect import bisect_right
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from rtmpsniff.fields import Block, Field, Inset, Role
from rtmpsniff.output.columns import wrapped
from rtmpsniff.output.theme import Paint
from rtmpsniff.text import columns_of, grouped, plural, quoted

_BULK: Final = frozenset({Role.MEDIA, Role.RANDOM, Role.UNREAD})  # shortened early: nobody reads them byte by byte
_BULK_ROWS: Final = 2
_VALUE_ROWS: Final = 16  # other values are shortened where they are longer than this
_TEXTS: Final = frozenset({Role.TEXT, Role.KEY})
_ADDRESS: Final = 8
_DEEPEST_INDENT: Final = 4
_NAME: Final = 17
_NARROWEST: Final = 8

_decoder = getincrementaldecoder("utf-8")


class Shape(NamedTuple):
    """How a dump is laid out: bytes in a row, and columns for the text beside them (0: as many as it takes)."""

    row: int
    text: int

    @property
    def deepest(self) -> int:
        """How far the text is indented at most, so that room is left for it."""
        return min(max(self.text - _NAME - 20, 1), 24) if self.text else 40

    @property
    def hex(self) -> int:
        return 3 * self.row - 1 + _DEEPEST_INDENT

    @property
    def margin(self) -> int:
        return _ADDRESS + 2 + self.hex + 1


def shape(width: int | None) -> Shape:
    """The layout for a terminal of `width` columns; None: no terminal, where nothing needs to be wrapped."""
    if width is None:
        return Shape(16, 0)
    row = 16 if width >= 120 else 12 if width >= 100 else 9 if width >= 80 else 8
    return Shape(row, max(width - Shape(row, 0).margin, 24))


class _Run(NamedTuple):
    """Bytes of one meaning inside a line."""

    start: int
    stop: int
    role: Role


class _Line(NamedTuple):
    """A field as a line: the bytes that are its own, and those of its fields that are no lines."""

    field: Field
    depth: int
    start: int
    stop: int
    runs: tuple[_Run, ...]


def dump(block: Block, paint: Paint, form: Shape, full: bool = False) -> Iterator[str]:
    """The block, one line a field. `full`: nothing is shortened."""
    writer = _Writer(block, paint, form, full)
    for line in _lines(block.fields, 0):
        yield from writer.line(line)
    yield from writer.insets_before(len(block.data))


def _lines(fields: Iterable[Field], depth: int) -> Iterator[_Line]:
    for field in fields:
        below = [child for child in field.children if not child.inline]
        stop = below[0].start if below else field.stop
        runs = tuple(_Run(child.start, child.stop, child.role) for child in field.children if child.inline)
        if field.role is not Role.PAIR:
            yield _Line(field, depth, field.start, stop, runs)
        yield from _lines(below, depth if field.role is Role.PAIR else depth + 1)


def _role_at(line: _Line, position: int) -> Role:
    for run in line.runs:
        if run.start <= position < run.stop:
            return run.role
    return line.field.role


def _pattern(data: bytes, mask: int) -> str:
    """A bit field in its bytes: `.... 0111`."""
    size = 8 * len(data)
    value = int.from_bytes(data, "big")
    bits = "".join(str(value >> bit & 1) if mask >> bit & 1 else "." for bit in range(size - 1, -1, -1))
    return " ".join(bits[at : at + 4] for at in range(0, size, 4))


class _Writer:
    """Writes the lines of one block in order, with the insets between them."""

    def __init__(self, block: Block, paint: Paint, form: Shape, full: bool) -> None:
        self.block, self.paint, self.form, self.full = block, paint, form, full
        self.next_inset = 0
        self.shown = 0  # up to here bytes stand in lines of bit fields, which share them

    def line(self, line: _Line) -> Iterator[str]:
        yield from self.insets_before(line.start)
        if line.field.mask:
            yield from self._bits(line)
        elif line.start == line.stop:
            yield from self._texts(line, self._wrap(line, line.field.label))
        else:
            yield from self._bytes(line)

    def insets_before(self, position: int) -> Iterator[str]:
        """The insets that stand at `position` or before it and were not written yet."""
        insets = self.block.insets
        while self.next_inset < len(insets) and insets[self.next_inset].position <= position:
            inset = insets[self.next_inset]
            self.next_inset += 1
            block = Block(inset.address, inset.data, inset.fields)
            writer = _Writer(block, self.paint, self.form, self.full)
            for line in _lines(inset.fields, 0):
                yield from writer.line(line)

    def _bits(self, line: _Line) -> Iterator[str]:
        """The bytes that no line before has shown, and which of their bits are meant."""
        data, missing = self.block.data[line.start : line.stop], self.missing_in(line.start, line.stop)
        label = "" if missing else line.field.label  # it would rest on nothing
        pattern = "" if missing else _pattern(data, line.field.mask)
        position, first = max(line.start, self.shown), True
        self.shown = max(line.stop, self.shown)
        for start, stop, gone in list(self.spans(position, line.stop)):
            yield from self.insets_before(start)
            if gone:
                yield from self._missing(line, start, stop, first=first)
            else:
                lead = self.block.data[start:stop].hex(" ")
                address = f"{self.block.address_of(start):>{_ADDRESS}}"
                yield from self._bits_row(line, start, lead, pattern, label, address, first=first)
            pattern = label = ""
            first = False
        if first:
            yield from self._bits_row(line, line.stop, "", pattern, label, "", first=True)

    def _bits_row(
        self, line: _Line, start: int, lead: str, pattern: str, label: str, address: str, *, first: bool
    ) -> Iterator[str]:
        """Bytes stand over those of the lines above, and the bits behind them, where a terminal has room for that."""
        indent, width = self._indent(line.depth), 3 * (line.stop - line.start) - 1
        before = f"{indent}{' ' * (3 * (start - line.start)) + lead:{width}.{width}}"
        shapes = (f"{before}  {pattern}", before)
        hexes = next((text for text in shapes if len(text) <= self.form.hex), f"{indent}{lead}").rstrip()
        yield from self._texts(
            line, self._wrap(line, label), hexes, address, self.paint.role(line.field.role, hexes), first
        )

    def _bytes(self, line: _Line) -> Iterator[str]:
        limit = self._limit(line)
        text = _FlowingText(line, self.block.data)
        label = "" if self.missing_in(line.start, line.stop) else line.field.label  # it would rest on nothing
        position, first = line.start, True
        for start, stop, missing in self.spans(line.start, min(limit, line.stop)):
            yield from self.insets_before(start)
            if missing:
                yield from self._missing(line, start, stop, first=first)
            else:
                pieces = text.piece(start, stop, label if first else "")
                hexes, colored = self._hexes(line, start, stop)
                address = f"{self.block.address_of(start):>{_ADDRESS}}"
                yield from self._texts(line, self._wrap(line, pieces), hexes, address, colored, first)
            position, first = stop, False
        if position < line.stop:
            yield self._more(line, position)

    def _limit(self, line: _Line) -> int:
        """Where a long value is broken off. One that is hardly longer is shown whole."""
        if self.full:
            return line.stop
        rows = _BULK_ROWS if line.field.role in _BULK else _VALUE_ROWS
        limit = line.start + rows * self.form.row
        return line.stop if line.stop <= limit + self.form.row else limit

    def spans(self, start: int, stop: int) -> Iterator[tuple[int, int, bool]]:
        """Cut a span at the ends of rows, at insets, and where bytes are missing."""
        edges = {stop}
        insets, at = self.block.insets, self.next_inset
        while at < len(insets) and insets[at].position < stop:
            edges.add(max(insets[at].position, start))
            at += 1
        spans = self.missing_in(start, stop)
        edges.update(edge for span in spans for edge in span if start < edge < stop)
        for edge in sorted(edges):
            missing = any(first <= start < last for first, last in spans)
            while start < edge:
                end = edge if missing else min(edge, start + self.form.row)
                yield start, end, missing
                start = end

    def missing_in(self, start: int, stop: int) -> list[tuple[int, int]]:
        """What of this span is missing."""
        missing = self.block.missing
        at = max(bisect_right(missing, (start, 0)) - 1, 0)
        found = []
        while at < len(missing) and missing[at][0] < stop:
            if missing[at][1] > start:
                found.append((max(missing[at][0], start), min(missing[at][1], stop)))
            at += 1
        return found

    def _hexes(self, line: _Line, start: int, stop: int) -> tuple[str, str]:
        """The bytes in hex, plain and colored; one escape code a run and not a byte."""
        indent = self._indent(line.depth)
        plain, colored = [], []
        while start < stop:
            role, end = _role_at(line, start), start + 1
            while end < stop and _role_at(line, end) is role:
                end += 1
            text = self.block.data[start:end].hex(" ")
            plain.append(text)
            colored.append(self.paint.role(role, text))
            start = end
        return indent + " ".join(plain), indent + " ".join(colored)

    def _missing(self, line: _Line, start: int, stop: int, *, first: bool) -> Iterator[str]:
        text = f"{self._indent(line.depth)}{plural(stop - start, 'byte')} {self.block.missing_reason}"
        address = f"{self.block.address_of(start):>{_ADDRESS}}"
        colored = self.paint.style("missing", text.strip())
        yield from self._texts(line, [""], text, address, self._indent(line.depth) + colored, first)

    def _more(self, line: _Line, position: int) -> str:
        """Stands for the bytes of a long value that are not shown, and for the insets among them."""
        behind = _inset_behind(self.block.insets, self.next_inset, line.stop)
        insets, self.next_inset = self.block.insets[self.next_inset : behind], behind
        text = _left_out(line.stop - position, self.missing_in(position, line.stop), insets)
        return f"{'':{_ADDRESS}}  {self._indent(line.depth)}{self.paint.style('dim', text)}"

    def _wrap(self, line: _Line, text: str) -> list[str]:
        """The rows of a text beside a name; behind a long name it begins a row of its own where it has to."""
        room = self._room(line)
        if not self.form.text or columns_of(text) + max(len(line.field.name), _NAME) < room:
            return [text]
        rows = wrapped(text, room - _NAME - 1, indent=0, narrowest=_NARROWEST) or [""]
        return rows if len(line.field.name) <= _NAME else ["", *rows]

    def _room(self, line: _Line) -> int:
        """How many columns a name and a text have."""
        return self.form.text - min(2 * line.depth, self.form.deepest)

    def _texts(
        self, line: _Line, texts: list[str], hexes: str = "", address: str = "", colored: str = "", first: bool = True
    ) -> Iterator[str]:
        name, room = line.field.name if first else "", self._room(line)
        while self.form.text and len(name) > room:  # broken anywhere: it is one word
            yield self._row(line, address, hexes, colored, name[:room], "")
            name, hexes, address, colored = name[room:], "", "", ""
        yield self._row(line, address, hexes, colored, name, "" if texts[0] == name else texts[0])
        for text in texts[1:]:
            yield self._row(line, "", "", "", "", text)

    def _row(self, line: _Line, address: str, hexes: str, colored: str, name: str, text: str) -> str:
        text = text.rstrip()  # before it is painted: inside the escape codes blanks would stay
        indent = min(2 * line.depth, self.form.deepest)
        painted = self.paint.role(line.field.role, text) if text else ""
        beside = f"{'':{indent}}{name:<{_NAME}} {painted}".rstrip()
        if not beside:
            return f"{self.paint.style('address', f'{address:>{_ADDRESS}}')}  {colored}".rstrip()
        gap = " " * (max(self.form.hex - len(hexes), 0) + 1)
        return f"{self.paint.style('address', f'{address:>{_ADDRESS}}')}  {colored}{gap}{beside}"

    def _indent(self, depth: int) -> str:
        return " " * min(depth * 2, _DEEPEST_INDENT)


class _FlowingText:
    """Text that is longer than a row stands beside the bytes that hold it, row by row."""

    def __init__(self, line: _Line, data: bytes) -> None:
        self.data = data
        self.span = next(((run.start, run.stop) for run in line.runs if run.role in _TEXTS), None)
        self.decoder = _decoder("surrogateescape")
        self.line = line

    def piece(self, start: int, stop: int, label: str) -> str:
        """What stands beside the bytes from `start` to `stop`; other values have their label in the first row."""
        if self.span is None or (start == self.line.start and stop == self.line.stop):
            return label
        begin, end = self.span
        raw = self.data[max(start, begin) : max(min(stop, end), begin)]
        text = quoted(self.decoder.decode(raw, final=stop >= end))[1:-1]
        opening = '"' if start <= begin < stop else ""
        closing = '"' if start < end <= stop else ""
        return f"{opening}{text}{closing}"


class _Cell(NamedTuple):
    """A byte of the grid."""

    address: int
    byte: int
    role: Role
    inset: bool


def grid(block: Block, paint: Paint, full: bool = False) -> Iterator[str]:
    """The block as sixteen bytes a line, hex and text, in the colors of `dump`.

    Without color the insets are set in brackets, so that they can still be told from the rest.
    """
    row: list[_Cell] = []
    for cell in _cells(block, full):
        if row and (isinstance(cell, str) or len(row) == 16 or cell.address != row[-1].address + 1):
            yield _grid_row(row, paint)
            row = []
        if isinstance(cell, str):
            yield f"{'':{_ADDRESS}}  {paint.style('dim', cell)}"
        else:
            row.append(cell)
    if row:
        yield _grid_row(row, paint)


def _cells(block: Block, full: bool) -> Iterator[_Cell | str]:
    """The bytes in wire order; a string stands for those that are not shown."""
    writer = _Writer(block, Paint(colored=False), shape(None), full)
    insets, next_inset, shown = block.insets, 0, 0
    for line in _lines(block.fields, 0):
        first = line.start
        if line.field.mask:  # fields that share bytes
            first, shown = max(first, shown), max(line.stop, shown)
        bulk = line.field.role in _BULK and not full and line.stop - first > 64
        stop = first + 48 if bulk else line.stop
        for start, end, missing in writer.spans(first, stop):
            while next_inset < len(insets) and insets[next_inset].position <= start:
                yield from _inset_cells(insets[next_inset])
                next_inset += 1
            if missing:
                yield f"{plural(end - start, 'byte')} {block.missing_reason}"
                continue
            for position in range(start, end):
                yield _Cell(block.address_of(position), block.data[position], _role_at(line, position), False)
        if bulk:
            before, next_inset = next_inset, _inset_behind(insets, next_inset, line.stop)
            lost = writer.missing_in(stop, line.stop)
            yield _left_out(line.stop - stop, lost, insets[before:next_inset])
        writer.next_inset = next_inset
    for inset in insets[next_inset:]:
        yield from _inset_cells(inset)


def _inset_behind(insets: tuple[Inset, ...], at: int, position: int) -> int:
    """The index of the first inset, from `at` on, that stands at `position` or behind it."""
    while at < len(insets) and insets[at].position < position:
        at += 1
    return at


def _left_out(size: int, missing: list[tuple[int, int]], insets: tuple[Inset, ...]) -> str:
    """What stands for bytes that are not shown: how many they are, how many are missing, what is among them.

    An inset without fields is a place where a hole took one: there is nothing among the bytes.
    """
    text = f"... {plural(size, 'byte')} more"
    if missing:
        text += f", {grouped(sum(stop - start for start, stop in missing))} of them missing"
    names = [inset.fields[0].name for inset in insets if inset.fields]
    return f"{text}, with {plural(len(names), names[0])} among them" if names else text


def _inset_cells(inset: Inset) -> Iterator[_Cell]:
    for line in _lines(inset.fields, 0):
        for position in range(line.start, line.stop):
            yield _Cell(inset.address + position, inset.data[position], _role_at(line, position), True)


def _grid_row(row: list[_Cell], paint: Paint) -> str:
    hexes = ""
    for at, cell in enumerate(row):
        before = at and row[at - 1].inset
        edge = "[" if cell.inset and not before else "]" if before and not cell.inset else " "
        hexes += (" " if at == 8 else "") + (edge if not paint.colored else " ")
        hexes += paint.role(cell.role, f"{cell.byte:02x}")
    hexes += "]" if row[-1].inset and not paint.colored else " "
    padding = " " * (3 * (16 - len(row)) + (len(row) <= 8))
    text = "".join(paint.role(cell.role, chr(cell.byte) if 0x20 <= cell.byte < 0x7F else ".") for cell in row)
    return f"{paint.style('address', f'{row[0].address:>{_ADDRESS}}')} {hexes}{padding} {text}"
