"""Hex listings: rows of an offset and the bytes that stand there, with or without a column of text behind them.

Reads what xxd, hexdump -C, od -t x1, tcpdump -X, tshark -x and Wireshark write, and this program's own dumps. The
offsets are what tells a listing from plain hex, and each row must hold as many bytes as they say: so a slip of the
mouse is seen. Of this program's dumps the rows are put in the order of their addresses, since messages interleave.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, islice, pairwise
from typing import Final, NamedTuple

from rtmpsniff.capture.columns import is_swapped, straight, swapped
from rtmpsniff.capture.places import Collected, Pasted, mistake
from rtmpsniff.capture.quoting import MARGIN
from rtmpsniff.errors import UserError
from rtmpsniff.text import plural

LONGEST_REPEAT: Final = 1 << 24  # bytes that one `*` may stand for: a few characters can claim any number

_HEX: Final = "[0-9A-Fa-f]"
_END: Final = r"(?![0-9A-Za-z])"
_PAIR: Final = rf"{_HEX}{{2}}{_END}"
_NEXT: Final = rf"(?:[ -]|, ?|[ -]?[\[\]]){_PAIR}"  # a byte after another; this program's grid has brackets

# `0x7ffd00 <packet+16>:` is gdb's, `0000015f`2b7c0000` WinDbg's, `0000 - ` OpenSSL's, `|00000000|` netty's.
_OFFSET: Final = re.compile(
    rf"[ \t]*(?:\| )?(?P<open>[\[(<|│])?(?P<digits>(?:0[xX])?{_HEX}{{1,16}}(?:`{_HEX}{{8}})?)"
    r"(?P<mark>(?(open)[\])>|│]|)h?(?: <[^<>\n]{1,80}>)?(?::| -(?= ))?)(?P<gap>[ \t]*)"
)
_BYTES: Final = re.compile(rf"[\[ ]*(?P<pairs>{_PAIR}(?:{_NEXT})*)")
_PREFIXED: Final = re.compile(rf"(?P<pairs>0[xX]{_PAIR}(?:[ \t]*,?[ \t]*0[xX]{_PAIR})*)")  # `0x02, 0x00`; gdb has tabs
_GROUPS: Final = re.compile(rf"[ \t]*(?P<pairs>(?:{_HEX}{{2}})+{_END}(?: (?:{_HEX}{{2}})+{_END})*)")
_SECOND_HALF: Final = re.compile(
    rf"\]?(?:  | \[|\] | ┊ )(?P<pairs>{_PAIR}(?:{_NEXT}){{0,7}})"
)  # the gap after 8 of 16 bytes
_PREFIXED_WORDS: Final = re.compile(
    rf"(?P<pairs>0[xX](?:{_HEX}{{4}})+{_END}(?:[ \t]*,?[ \t]*0[xX](?:{_HEX}{{4}})+{_END})*)"
)
_WORDS: Final = re.compile(
    "|".join(rf"[ \t]*{_HEX}{{{size}}}(?:[ \t]+{_HEX}{{{size}}})*[ \t]*$" for size in (4, 8, 16)), re.MULTILINE
)
_BYTE: Final = re.compile(rf"(?:0[xX])?{_HEX}{{2}}")
_GROUP: Final = re.compile(rf"(?:{_HEX}{{2}})+{_END}")
_RIGHT_ALIGNED: Final = re.compile(
    rf" {{2,}}(?P<pairs>(?:{_HEX}{{2}})+)(?=\s|\Z)"
)  # what is left of a number, by xxd -e
_DIRECTION: Final = re.compile(
    r"\s*(?:(?P<out>write to |=> )|(?:read from |<= ))"
)  # openssl s_client -debug, curl --trace

_STOPPER: Final = re.compile(r" (?!//|/\*|#|[|│┊])\S")  # where a row has more than a gap, a column of text or a remark
_NO_HEX: Final = re.compile("0[xX]|[^0-9A-Fa-f]")

_LOOSE: Final = "the first number of each row is taken for its offset; --input hex takes it for bytes"
_STRAIGHT: Final = (
    "the bytes of a group are taken in the order in which they are written, not swapped as xxd -e writes them"
)
_SWAPPED: Final = "the last byte of each group is taken for its first, as xxd -e and debuggers write them"

_OWN: Final = -10  # the base of this program's addresses, told from other decimal offsets
_OWN_WIDTH: Final = 8  # columns of an address in this program's dumps
_WIDTH: Final = 16  # bytes of a row as nearly all tools write it
_LONGEST_START: Final = 200  # characters of a line that say what it is
_OTHER_SENDER: Final = "here bytes of another sender begin: decode those of one alone"
_LEFT_OUT: Final = re.compile(r"\s*\.\.\. (\d[\d ]* bytes?) more")
_MISSING: Final = re.compile(r"\s*(?:\d+ +)?\d[\d ]* bytes? (?:never captured|cut by |given up:|in (?:TLS|early|re))")
_SOURCE: Final = re.compile(
    r"#\d.*?  connection (\d+)  (client|server) -> |\s*[\d.: -]+? (\d+) +(c|s)->[cs] +handshake"
)


class _Row(NamedTuple):
    """A line that may be a row."""

    at: int  # where its line begins
    offset_stop: int
    digits: str
    is_marked: bool  # nothing but an offset has a colon behind it, or `0x` and so many digits
    is_set_apart: bool  # by two spaces or more
    spans: tuple[tuple[int, int], ...]  # of the text: bytes, and more that may be bytes or the column of text
    counts: tuple[int, ...]  # bytes up to the end of each span
    is_words: bool
    is_grouped: bool  # some bytes stand together without a gap


class _Other(NamedTuple):
    """A line that is none."""

    at: int
    text: str


def find_listing(text: str) -> Pasted | None:
    """The bytes of a listing; None where the text is plainly none. Raises `UserError` for a mistake in one."""
    lines = list(_lines(text))
    base = _base_of(lines)
    rows = sum(isinstance(line, _Row) for line in lines)
    if not base or (base != _OWN and rows * 3 < len(lines)):
        return None  # other texts have a line or two that look like rows
    return _read_lines(text, lines, base)


def read_listing(text: str) -> Pasted:
    """The same where the user says that it is one."""
    lines = list(_lines(text))
    if not any(isinstance(line, _Row) for line in lines):
        raise UserError("line 1: no row of a listing, which is an offset and bytes in hex")
    return _read_lines(text, lines, _base_of(lines) or 16)


def _read_lines(text: str, lines: Sequence[_Row | _Other], base: int) -> Pasted:
    """Put the rows together, whose offsets count in `base`."""
    for line in lines:
        if isinstance(line, _Row) and line.is_words:
            what = (
                "{} and what follows are words in the byte order of some machine; hexdump -C and od -t x1 write bytes"
            )
            raise mistake(text, line.spans[0][0], what)
    if base == _OWN:
        return _Own(text).read(lines)
    pasted = _InOrder(text, base).read(lines)
    grouped = [line for line in lines if isinstance(line, _Row) and line.is_grouped]
    order = is_swapped((text[row.spans[0][0] : row.spans[-1][1]], _rest(text, row)) for row in grouped)
    loose = _LOOSE if any(map(_is_loose, grouped)) else ""
    if order is False or not (order or any(_is_doubtful(text, row) for row in grouped)):
        return pasted.noted(loose)
    other = _InOrder(text, base, swapped).read(lines)._replace(is_swapped=True).noted(loose).noted(_SWAPPED)
    return other if order else pasted.noted(loose).noted(_STRAIGHT)._replace(rival=other)


def _is_doubtful(text: str, row: _Row) -> bool:
    """Whether the groups of a row may be numbers of a machine. Of two bytes tcpdump and xxd write, in their order."""
    start, stop = row.spans[0]
    sizes = {len(group[0]) // 2 for group in _GROUP.finditer(text, start, stop)}
    is_plain = max(sizes) <= 2 and row.is_marked and text[start : start + 2].lower() != "0x"
    return not is_plain and bool(sizes & {2, 4, 8})


def _rest(text: str, row: _Row) -> str:
    """What stands behind the bytes of a row."""
    stop = text.find("\n", row.spans[0][1])
    return text[row.spans[0][1] : stop if stop >= 0 else len(text)]


def _lines(text: str) -> Iterator[_Row | _Other]:
    at = 0
    for line in text.split("\n"):
        shown = line.lstrip(MARGIN)
        if shown.strip(" \t\0"):
            start = at + len(line) - len(shown)
            yield _row(text, start) or _Other(start, shown)
        at += len(line) + 1


def _row(text: str, at: int) -> _Row | None:
    offset = _OFFSET.match(text, at)
    if offset is None or _MISSING.match(text, at):  # "32 bytes never captured" begins as a byte does
        return None
    is_marked = bool(offset["open"]) or offset["mark"].endswith((":", "-"))
    place = offset.end()
    if offset["mark"].endswith("-") and len(offset["digits"]) < 4:
        return None  # a list or a date
    if not offset["gap"] and (is_marked or not text.startswith("[", place)):
        return None  # `12:00:00` and the like too
    is_set_apart = len(offset["gap"]) > 1 or "\t" in offset["gap"] or text.startswith("[", place)
    if not is_marked and not is_set_apart and len(_value(offset["digits"])) < 4:
        return None  # plain hex, of bytes that happen to count
    narrow = _longest(_BYTES.match(text, place), _PREFIXED.match(text, place))
    words = _WORDS.match(text, place) if not is_marked and len(offset["digits"]) in {6, 7} and not narrow else None
    pairs = _longest(narrow, _GROUPS.match(text, place), _PREFIXED_WORDS.match(text, place) if is_marked else None)
    is_grouped = not words and pairs is not narrow
    if is_grouped and not is_marked and len(_value(offset["digits"])) < 4:
        return None
    if words:
        spans = [words.span()]
    elif pairs:
        spans = _spans(text, pairs, is_grouped)
    else:
        return None
    counts = tuple(accumulate(_count(text, span) for span in spans))
    return _Row(
        at,
        offset.end("digits"),
        offset["digits"],
        is_marked,
        is_set_apart,
        tuple(spans),
        counts,
        bool(words),
        is_grouped,
    )


def _spans(text: str, pairs: re.Match[str], is_grouped: bool) -> list[tuple[int, int]]:
    """Where the bytes of a row stand, and behind them what may be bytes or the column of text."""
    first = start, stop = pairs.span("pairs")
    count = _count(text, first)
    if is_grouped:
        more = _RIGHT_ALIGNED.match(text, stop)
        group = _GROUP.match(text, start)
        is_more = more is not None and group is not None and more.end() == stop + 1 + len(group[0])
        return [first, more.span("pairs")] if more and is_more else [first]
    if count > _WIDTH:
        last, after = islice(_BYTE.finditer(text, start), _WIDTH - 1, _WIDTH + 1)
        return [(start, last.end()), (after.start(), stop)]
    more = _SECOND_HALF.match(text, stop) if count == _WIDTH // 2 else None
    return [first, more.span("pairs")] if more else [first]


def _longest(*ways: re.Match[str] | None) -> re.Match[str] | None:
    return max(filter(None, ways), key=lambda way: way.end(), default=None)


def _count(text: str, span: tuple[int, int]) -> int:
    return len(_NO_HEX.sub("", text[span[0] : span[1]])) // 2


# What the offsets count in, and whether they are offsets at all.


def _base_of(lines: Iterable[_Row | _Other]) -> int:
    """16, 10 or 8, by which the rows follow one another; `_OWN` for those of this program; 0 where they are no rows."""
    rows: list[_Row] = []
    starred = set()  # numbers of rows that stand behind a `*`
    for line in lines:
        if isinstance(line, _Row):
            rows.append(line)
        elif line.text.strip() == "*":
            starred.add(len(rows))
    if len(rows) < 2:
        return _base_of_one(rows[0]) if rows else 0
    best, most = 0, (len(rows) - 2) // 2  # half of them at least: the others may hold mistakes
    if any(_is_loose(row) for row in rows):
        if len({len(row.digits) for row in rows}) > 1:
            return 0
        most = -(-2 * (len(rows) - 1) // 3) - 1  # two thirds: plain hex in groups may count by chance
    for base in (_OWN, 16, 10, 8):
        fitting = _fitting([row for row in rows if base != _OWN or _is_own(row)], abs(base), starred)
        if fitting > most:
            best, most = base, fitting
    return best


def _is_loose(row: _Row) -> bool:
    """Whether nothing but the way in which its offset counts tells a row from plain hex in groups."""
    return row.is_grouped and not row.is_marked


def _fitting(rows: Sequence[_Row], base: int, starred: set[int]) -> int:
    """How many rows follow on the one before."""
    try:
        offsets = [_offset(row, base) for row in rows]
    except ValueError:
        return 0
    steps = [after - before for before, after in pairwise(offsets)]
    return sum(
        step in row.counts or (number in starred and step > 0)
        for number, (row, step) in enumerate(zip(rows, steps, strict=False), 1)
    )


def _base_of_one(row: _Row) -> int:
    digits = _value(row.digits)
    zeros = not digits.strip("0")
    if _is_loose(row):
        return 0
    if row.is_marked:
        return 16 if len(digits) > 2 else 0
    if row.is_words or not row.is_set_apart:
        return 16 if zeros and len(digits) in {6, 7} else 0  # hexdump, od
    if _is_own(row):
        return _OWN
    return 16 if len(digits) > 3 else 0


def _is_own(row: _Row) -> bool:
    """Whether it may be a row of this program, which fills its addresses up with blanks and not with zeros."""
    width = row.offset_stop - row.at
    is_wide_enough = width == _OWN_WIDTH or (width > _OWN_WIDTH and len(row.digits) == width)
    return is_wide_enough and not row.is_marked and row.digits.isdecimal() and row.digits == str(int(row.digits))


def _value(digits: str) -> str:
    return digits.lower().removeprefix("0x").replace("`", "")


def _offset(row: _Row, base: int) -> int:
    return int(_value(row.digits), base)


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
        self.star: _Other | None = None
        self.indent = -1  # of the last first row; -1 before it
        self.repeated = 0  # bytes that a `*` stood for
        self.direction: str | None = None  # in which the last bytes went, where a title says it

    def read(self, lines: Sequence[_Row | _Other]) -> Pasted:
        rows = [line for line in lines if isinstance(line, _Row)]
        self.first = _offset(rows[0], self.base)
        following = iter([*rows[1:], None])
        for line in lines:
            if isinstance(line, _Other):
                self._other(line, rows[0])
                continue
            self._check(line)
            self._take(line, next(following))
        self._check_end()
        return self.found.pasted("listing", self.text)

    def _check(self, row: _Row) -> None:
        offset = _offset(row, self.base)
        if self.star is not None and offset >= self.expected:
            self._repeat(offset)
        if offset != self.expected:
            self._check_end()
            if self.expected < 0 or offset in {0, self.first}:
                self.expected = offset
                self._check_indent(row)
        if offset != self.expected:
            raise mistake(
                self.text, self._place(row), f"offset {{}}, where {self._written(self.expected)} should stand"
            )

    def _check_indent(self, row: _Row) -> None:
        """Wireshark indents what the other end of a stream said."""
        indent = row.offset_stop - len(row.digits) - row.at
        if self.indent not in {-1, indent}:
            raise mistake(self.text, self._place(row), _OTHER_SENDER)
        self.indent = indent

    def _check_end(self) -> None:
        """A row that no other follows on may have ended at a mistake."""
        if self.expected >= 0 and _STOPPER.match(self.text, self.stop):
            raise mistake(self.text, self.stop + 1, "{} is no hex")

    def _take(self, row: _Row, following: _Row | None) -> None:
        count = self._size(row, following)
        spans = row.spans[: row.counts.index(count) + 1]
        self.last = b""
        for start, stop in spans:
            part = self.bytes_of(self.text[start:stop])
            self.found.add(part, start, stop)
            self.last += part
            self.stop = stop
        self.expected += count

    def _size(self, row: _Row, following: _Row | None) -> int:
        """How many bytes stand in a row: those behind a gap may be the column of text."""
        if len(row.counts) == 1:
            return row.counts[0]
        if following is not None:
            step = _offset(following, self.base) - self.expected
            if step in row.counts:
                return step
        return row.counts[0] if len(self.last) == row.counts[0] else row.counts[1]

    def _other(self, line: _Other, model: _Row) -> None:
        if line.text.strip() == "*":
            self.star = line
            return
        title = _DIRECTION.match(line.text)
        if title:
            self._turn(line, "out" if title["out"] else "in")
        match = _OFFSET.match(line.text)
        if match is None or len(match["digits"]) != len(model.digits) or len(model.digits) < 4:
            return
        is_alone = match.end() == len(line.text)
        try:
            offset = int(_value(match["digits"]), self.base)
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

    def _turn(self, title: _Other, direction: str) -> None:
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

    def _place(self, row: _Row) -> int:
        return row.offset_stop - len(row.digits)

    def _written(self, offset: int) -> str:
        return {8: f"{offset:o}", 10: f"{offset}"}.get(self.base) or f"{offset:x}"


class _Own:
    """Rows of this program's dumps: their addresses say where they belong."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sources: set[tuple[str, str]] = set()  # connection and sender

    def read(self, lines: Sequence[_Row | _Other]) -> Pasted:
        rows = []
        for line in lines:
            if not isinstance(line, _Row):
                self._other(line)
            elif _is_own(line):  # bits may look like one
                rows.append((_offset(line, 10), line))
        found, expected, left_out = Collected(), -1, 0
        for address, row in sorted(rows, key=lambda pair: pair[0]):
            if address < expected:
                raise mistake(self.text, row.offset_stop - len(row.digits), "address {} stands here a second time")
            left_out += address - expected if expected >= 0 else 0
            for span in row.spans:
                found.add(straight(self.text[slice(*span)]), *span)
            expected = address + row.counts[-1]
        return found.pasted("listing", self.text, left_out)

    def _other(self, line: _Other) -> None:
        start = line.text[:_LONGEST_START]
        left_out = _LEFT_OUT.match(start)
        if left_out:
            raise mistake(self.text, line.at, f"{left_out[1]} are left out here; --full shows them")
        if _MISSING.match(start):
            raise mistake(self.text, line.at, "bytes that are missing belong here")
        source = _SOURCE.match(start)
        if source:
            self.sources.add((source[1] or source[3], (source[2] or source[4])[0]))
        if len(self.sources) > 1:
            raise mistake(self.text, line.at, _OTHER_SENDER)
