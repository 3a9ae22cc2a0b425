"""Hex listings: rows of an offset and the bytes that stand there, with or without a column of text behind them.

Reads what xxd, hexdump -C, od -t x1, tcpdump -X, tshark -x, Wireshark, OpenSSL and debuggers write, and this program's
own dumps. The offsets are what tells a listing from plain hex, and each row must hold as many bytes as they say: so a
slip of the mouse is seen. The column of text tells which end of a number is its first byte. Of this program's dumps the
rows are put in the order of their addresses, since messages interleave.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Final

from rtmpsniff.capture.columns import is_swapped, straight, swapped
from rtmpsniff.capture.places import Collected, Pasted, mistake
from rtmpsniff.capture.rows import OFFSET, Other, Row, lines_of, rest_of_line, value_of
from rtmpsniff.errors import UserError
from rtmpsniff.text import plural

LONGEST_REPEAT: Final = 1 << 24  # bytes that one `*` may stand for: a few characters can claim any number

_DIRECTION: Final = re.compile(r"\s*(?:(?P<out>write to |=> )|read from |<= )")  # openssl -debug, curl --trace

_LETTER: Final = re.compile("[^\\W_]")  # frames have none
_STOPPER: Final = re.compile(r" (?!//|/\*|#|[|│┊])\S")  # where a row has more than a gap, a column of text or a remark

_LOOSE: Final = "the first number of each row is taken for its offset; --input hex takes it for bytes"
_STRAIGHT: Final = (
    "the bytes of a group are taken in the order in which they are written, not swapped as xxd -e writes them"
)
_SWAPPED: Final = "the last byte of each group is taken for its first, as xxd -e and debuggers write them"

_WIDTH: Final = 16  # bytes of a row as nearly all tools write it
_SURELY: Final = 4  # digits of an offset: those of a byte are two
_OWN: Final = -10  # the base of this program's addresses, told from other decimal offsets
_OWN_WIDTH: Final = 8  # columns of an address in this program's dumps
_LONGEST_START: Final = 200  # characters of a line that say what it is
_OTHER_SENDER: Final = "here bytes of another sender begin: decode those of one alone"
_LEFT_OUT: Final = re.compile(r"\s*\.\.\. (\d[\d ]* bytes?) more")
_SOURCE: Final = re.compile(
    r"#\d.*?  connection (\d+)  (client|server) -> |\s*[\d.: -]+? (\d+) +(c|s)->[cs] +handshake"
)


def find_listing(text: str) -> Pasted | None:
    """The bytes of a listing; None where the text is plainly none. Raises `UserError` for a mistake in one."""
    lines = list(lines_of(text))
    base = _base_of(lines)
    rows = sum(isinstance(line, Row) for line in lines)
    others = sum(isinstance(line, Other) and _LETTER.search(line.text) is not None for line in lines)
    if not base or (base != _OWN and rows * 3 < others):
        return None  # other texts have a line or two that look like rows
    return _read_lines(text, lines, base)


def read_listing(text: str) -> Pasted:
    """The same where the user says that it is one."""
    lines = list(lines_of(text))
    if not any(isinstance(line, Row) for line in lines):
        raise UserError("line 1: no row of a listing, which is an offset and bytes in hex")
    return _read_lines(text, lines, _base_of(lines) or 16)


def _read_lines(text: str, lines: Sequence[Row | Other], base: int) -> Pasted:
    """Put the rows together, whose offsets count in `base`."""
    for line in lines:
        if isinstance(line, Row) and line.is_words:
            what = (
                "{} and what follows are words in the byte order of some machine; hexdump -C and od -t x1 write bytes"
            )
            raise mistake(text, line.spans[0][0], what)
    if base == _OWN:
        return _Own(text).read(lines)
    return _in_byte_order(text, lines, base)


def _in_byte_order(text: str, lines: Sequence[Row | Other], base: int) -> Pasted:
    """The order in which the bytes of a group stand is the one that the column of text speaks for."""
    pasted = _InOrder(text, base).read(lines)
    rows = [line for line in lines if isinstance(line, Row)]
    grouped = [row for row in rows if row.is_grouped]
    is_alone = len(rows) == 1 and not (rows[0].is_marked or rows[0].is_set_apart)
    order = is_swapped((row.groups(text), row.rest(text)) for row in grouped)
    order = True if order is None and rows[-1].is_right_aligned(rows[0]) else order
    loose = _LOOSE if is_alone or any(row.is_loose for row in grouped) else ""
    if order is False or not (order or any(row.is_doubtful(text) for row in grouped)):
        return pasted.noted(loose)
    other = _InOrder(text, base, swapped).read(lines)._replace(is_swapped=True).noted(loose).noted(_SWAPPED)
    return other if order else pasted.noted(loose).noted(_STRAIGHT)._replace(rival=other)


# What the offsets count in, and whether they are offsets at all.


def _base_of(lines: Iterable[Row | Other]) -> int:
    """16, 10 or 8, by which the rows follow one another; `_OWN` for those of this program; 0 where they are no rows."""
    rows: list[Row] = []
    starred = set()  # numbers of rows that stand behind a `*`
    for line in lines:
        if isinstance(line, Row):
            rows.append(line)
        elif line.text.strip() == "*":
            starred.add(len(rows))
    if len(rows) < 2:
        return _base_by_end(rows[0], lines) or _base_of_one(rows[0]) if rows else 0
    best, most = 0, (len(rows) - 2) // 2  # half of them at least: the others may hold mistakes
    if any(row.is_loose for row in rows):
        if len({len(row.digits) for row in rows}) > 1:
            return 0
        most = -(-2 * (len(rows) - 1) // 3) - 1  # two thirds: plain hex in groups may count by chance
    for base in (_OWN, 16, 10, 8):
        fitting = _fitting([row for row in rows if base != _OWN or _is_own(row)], abs(base), starred)
        if fitting > most:
            best, most = base, fitting
    return best


def _fitting(rows: Sequence[Row], base: int, starred: set[int]) -> int:
    """How many rows follow on the one before."""
    try:
        offsets = [row.offset(base) for row in rows]
    except ValueError:
        return 0
    steps = [after - before for before, after in pairwise(offsets)]
    return sum(
        step in row.counts or (number in starred and step > 0) or _begins_anew(rows[number], rows[0])
        for number, (row, step) in enumerate(zip(rows, steps, strict=False), 1)
    )


def _begins_anew(row: Row, first: Row) -> bool:
    """Whether a row is surely one, and the first of another packet."""
    return row.is_marked and row.value == first.value and len(row.value) >= _SURELY


def _base_by_end(row: Row, lines: Iterable[Row | Other]) -> int:
    """The base in which the offset behind the only row, that of the end, is right; 0 where there is none."""
    ends = [line.text.strip() for line in lines if isinstance(line, Other) and line.at > row.at]
    if not ends or len(ends[0]) != len(row.digits) or len(row.value) < _SURELY:
        return 0
    for base in (16, 10, 8):
        with suppress(ValueError):
            if int(value_of(ends[0]), base) == row.offset(base) + row.counts[-1]:
                return base
    return 0


def _base_of_one(row: Row) -> int:
    digits = row.value
    zeros = not digits.strip("0")
    if row.is_loose:
        return 16 if zeros and row.is_single and row.counts[0] * 2 != len(digits) else 0
    if row.is_marked:
        return 16 if len(digits) > 2 else 0
    if row.is_words or not row.is_set_apart:
        return 16 if zeros and len(digits) >= _SURELY else 0
    if _is_own(row):
        return _OWN
    return 16 if len(digits) > 3 else 0


def _is_own(row: Row) -> bool:
    """Whether it may be a row of this program, which fills its addresses up with blanks and not with zeros."""
    width = row.offset_stop - row.at
    is_wide_enough = width == _OWN_WIDTH or (width > _OWN_WIDTH and len(row.digits) == width)
    return is_wide_enough and not row.is_marked and row.digits.isdecimal() and row.digits == str(int(row.digits))


# Rows become bytes.


class _InOrder:
    """Rows in the order in which they stand. One that begins anew at the first offset begins another packet."""

    def __init__(self, text: str, base: int, bytes_of: Callable[[str], bytes] = straight) -> None:
        self.text, self.base = text, base
        self.bytes_of = bytes_of  # hex
        self.found = Collected()
        self.first = 0  # offset of the first row
        self.expected = -1  # offset that should come next; -1 before the first row
        self.last = b""  # the bytes of the last row
        self.stop = 0  # where they end
        self.width = 0  # bytes of the first row
        self.has_column = False  # one blank behind the bytes of a row that the next one follows on
        self.star: Other | None = None
        self.indent = -1  # of the last first row; -1 before it
        self.repeated = 0  # bytes that a `*` stood for
        self.direction: str | None = None  # in which the last bytes went, where a title says it

    def read(self, lines: Sequence[Row | Other]) -> Pasted:
        rows = [line for line in lines if isinstance(line, Row)]
        self.first = rows[0].offset(self.base)
        following = iter([*rows[1:], None])
        for line in lines:
            if isinstance(line, Other):
                self._other(line, rows[0])
                continue
            self._check(line)
            self._take(line, next(following))
        self._check_end()
        return self.found.pasted("listing", self.text)

    def _check(self, row: Row) -> None:
        offset = row.offset(self.base)
        if self.star is not None and offset >= self.expected:
            self._repeat(offset)
        if offset == self.expected:
            self.has_column = self.has_column or _STOPPER.match(self.text, self.stop) is not None
        else:
            self._check_end()
            if self.expected < 0 or offset in {0, self.first}:
                self.expected = offset
                self._check_indent(row)
        if offset != self.expected:
            raise mistake(
                self.text, self._place(row), f"offset {{}}, where {self._written(self.expected)} should stand"
            )

    def _check_indent(self, row: Row) -> None:
        """Wireshark indents what the other end of a stream said."""
        indent = row.offset_stop - len(row.digits) - row.at
        if self.indent not in {-1, indent}:
            raise mistake(self.text, self._place(row), _OTHER_SENDER)
        self.indent = indent

    def _check_end(self) -> None:
        """A row that no other follows on may have ended at a mistake."""
        if self.expected >= 0 and _STOPPER.match(self.text, self.stop) and not self._is_column():
            raise mistake(self.text, self.stop + 1, "{} is no hex")

    def _is_column(self) -> bool:
        """Whether behind the last row, one blank away, a column of text may stand: behind the others it did."""
        rest = rest_of_line(self.text, self.stop + 1)
        return len(self.last) == self.width and (self.has_column or len(self.last) == len(rest) == _WIDTH)

    def _take(self, row: Row, following: Row | None) -> None:
        count = self._size(row, following)
        spans = row.spans[: row.counts.index(count) + 1]
        self.last = b""
        for start, stop in spans:
            part = self.bytes_of(self.text[start:stop])
            self.found.add(part, start, stop)
            self.last += part
            self.stop = stop
        self.expected += count
        self.width = self.width or count

    def _size(self, row: Row, following: Row | None) -> int:
        """How many bytes stand in a row: those behind a gap may be the column of text."""
        if len(row.counts) == 1:
            return row.counts[0]
        if following is not None:
            step = following.offset(self.base) - self.expected
            if step in row.counts:
                return step
        return row.counts[0] if len(self.last) == row.counts[0] else row.counts[1]

    def _other(self, line: Other, model: Row) -> None:
        if line.text.strip() == "*":
            self.star = line
            return
        title = _DIRECTION.match(line.text)
        if title:
            self._turn(line, "out" if title["out"] else "in")
        match = OFFSET.match(line.text)
        if match is None or len(match["digits"]) != len(model.digits) or len(model.digits) < 4:
            return
        is_alone = match.end() == len(line.text)
        try:
            offset = int(value_of(match["digits"]), self.base)
        except ValueError:
            return
        if is_alone and self.star is not None and offset > self.expected:
            self._repeat(offset)
        elif offset == self.expected if self.expected >= 0 else offset < self.first:
            if not is_alone and (match["mark"] or match["gap"]):
                raise mistake(self.text, line.at + match.end(), "{} is no hex")
        elif is_alone and self.expected >= 0:
            what = f"offset {{}} at the end, where {self._written(self.expected)} should stand"
            raise mistake(self.text, line.at + match.start("digits"), what)

    def _turn(self, title: Other, direction: str) -> None:
        if self.direction not in {None, direction} and self.found.data:
            raise mistake(self.text, title.at, _OTHER_SENDER)
        self.direction = direction

    def _repeat(self, offset: int) -> None:
        star, self.star = self.star, None
        size = offset - self.expected
        self.repeated += size
        if star is None or not self.last or self.repeated > LONGEST_REPEAT:
            raise mistake(
                self.text, star.at if star else 0, f"{{}} stands for {plural(size, 'byte')}: hexdump -v shows them"
            )
        filling = (self.last * (size // len(self.last) + 1))[:size]
        self.found.add(filling, star.at, star.at + len(star.text))
        self.expected = offset

    def _place(self, row: Row) -> int:
        return row.offset_stop - len(row.digits)

    def _written(self, offset: int) -> str:
        return {8: f"{offset:o}", 10: f"{offset}"}.get(self.base) or f"{offset:x}"


class _Own:
    """Rows of this program's dumps: their addresses say where they belong."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sources: set[tuple[str, str]] = set()  # connection and sender

    def read(self, lines: Sequence[Row | Other]) -> Pasted:
        rows = []
        for line in lines:
            if not isinstance(line, Row):
                self._other(line)
            elif _is_own(line):  # bits may look like one
                rows.append((line.offset(10), line))
        found, expected, left_out = Collected(), -1, 0
        for address, row in sorted(rows, key=lambda pair: pair[0]):
            if address < expected:
                raise mistake(self.text, row.offset_stop - len(row.digits), "address {} stands here a second time")
            left_out += address - expected if expected >= 0 else 0
            for span in row.spans:
                found.add(straight(self.text[slice(*span)]), *span)
            expected = address + row.counts[-1]
        return found.pasted("listing", self.text, left_out)

    def _other(self, line: Other) -> None:
        start = line.text[:_LONGEST_START]
        left_out = _LEFT_OUT.match(start)
        if left_out:
            raise mistake(self.text, line.at, f"{left_out[1]} are left out here; --full shows them")
        if line.is_missing:
            raise mistake(self.text, line.at, "bytes that are missing belong here")
        source = _SOURCE.match(start)
        if source:
            self.sources.add((source[1] or source[3], (source[2] or source[4])[0]))
        if len(self.sources) > 1:
            raise mistake(self.text, line.at, _OTHER_SENDER)
