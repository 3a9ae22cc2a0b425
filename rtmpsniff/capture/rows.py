"""Rows of a hex listing: an offset in one of many dresses, bytes, and what may be bytes or the column of text.

Takes a text, gives its lines: rows and others. Whether the rows are a listing their offsets tell, all of them together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate, islice
from typing import Final, NamedTuple

from rtmpsniff.capture.quoting import MARGIN

_HEX: Final = "[0-9A-Fa-f]"
_END: Final = r"(?![0-9A-Za-z])"
_PAIR: Final = rf"{_HEX}{{2}}{_END}"
_NEXT: Final = rf"(?:[ -]|, ?|[ -]?[\[\]]){_PAIR}"  # a byte after another; this program's grid has brackets

# `0x7ffd00 <packet+16>:` is gdb's, `0000015f`2b7c0000` WinDbg's, `0000 - ` OpenSSL's, `|00000000|` netty's.
OFFSET: Final = re.compile(
    rf"[ \t]*(?:\| )?(?P<open>[\[(<|│])?(?P<digits>(?:0[xX])?{_HEX}{{1,16}}(?:`{_HEX}{{8}})?)"
    r"(?P<mark>(?(open)[\])>|│]|)h?(?: <[^<>\n]{1,80}>)?(?::| -(?= ))?)(?P<gap>[ \t]*)"
)
_BYTES: Final = re.compile(rf"[\[ ]*(?P<pairs>{_PAIR}(?:{_NEXT})*)")
_PREFIXED: Final = re.compile(rf"(?P<pairs>0[xX]{_PAIR}(?:[ \t]*,?[ \t]*0[xX]{_PAIR})*)")  # `0x02, 0x00`; gdb has tabs
_SECOND_HALF: Final = re.compile(
    rf"\]?(?:  | \[|\] | ┊ )(?P<pairs>{_PAIR}(?:{_NEXT}){{0,7}})"
)  # the gap after 8 of 16 bytes
_GROUPS: Final = re.compile(rf"[ \t]*(?P<pairs>(?:{_HEX}{{2}})+{_END}(?: (?:{_HEX}{{2}})+{_END})*)")
_NUMBERS: Final = re.compile(
    rf"(?P<pairs>0[xX](?:{_HEX}{{4}})+{_END}(?:[ \t]*,?[ \t]*0[xX](?:{_HEX}{{4}})+{_END})*)"
)  # gdb's, of 2 bytes and more
_RIGHT_ALIGNED: Final = re.compile(rf" {{2,}}(?P<pairs>(?:{_HEX}{{2}})+)(?=\s|\Z)")  # what is left of one, by xxd -e
_WORDS: Final = re.compile(
    "|".join(rf"[ \t]*{_HEX}{{{size}}}(?:[ \t]+{_HEX}{{{size}}})*[ \t]*$" for size in (4, 8, 16)), re.MULTILINE
)  # hexdump, od -x
_WORDS_OFFSETS: Final = (6, 7)  # digits of their offsets

_BYTE: Final = re.compile(rf"(?:0[xX])?{_HEX}{{2}}")
_GROUP: Final = re.compile(rf"(?:{_HEX}{{2}})+{_END}")
_NO_HEX: Final = re.compile("0[xX]|[^0-9A-Fa-f]")
_MISSING: Final = re.compile(r"\s*(?:\d+ +)?\d[\d ]* bytes? (?:never captured|cut by |given up:|in (?:TLS|early|re))")
_SHORTEST: Final = 4  # digits of an offset that has neither a mark nor a gap behind it
_OWN_WIDTH: Final = 8  # columns of an offset in this program's dumps, which fills them with blanks
_WIDTH: Final = 16  # bytes of a row as nearly all tools write it


class Row(NamedTuple):
    """A line that may be a row."""

    at: int  # where its line begins
    offset_stop: int
    digits: str
    is_marked: bool  # nothing but an offset has a colon behind it, or `0x` and so many digits
    is_set_apart: bool  # by two spaces or more
    spans: tuple[tuple[int, int], ...]  # of the text: bytes, and more that may be bytes or the column of text
    counts: tuple[int, ...]  # bytes up to the end of each span
    is_words: bool  # of a machine, in its byte order
    is_grouped: bool  # some bytes stand together without a gap
    is_single: bool  # all of them do

    @property
    def is_loose(self) -> bool:
        """Whether nothing but the way in which its offset counts tells it from plain hex in groups."""
        return self.is_grouped and not self.is_marked

    @property
    def value(self) -> str:
        """The digits of its offset."""
        return value_of(self.digits)

    def offset(self, base: int) -> int:
        """Its offset. Raises `ValueError` where its digits are none in this base."""
        return int(self.value, base)

    def groups(self, text: str) -> str:
        """Its bytes as they are written."""
        return text[self.spans[0][0] : self.spans[-1][1]]

    def rest(self, text: str) -> str:
        """What stands behind the first of them."""
        return rest_of_line(text, self.spans[0][1])

    def is_right_aligned(self, first: Row) -> bool:
        """Whether its last group stands at the right of its place, as what is left of a number does."""
        is_indented = self.spans[0][0] - self.offset_stop > first.spans[0][0] - first.offset_stop
        return self.is_grouped and (len(self.spans) > 1 or is_indented)

    def is_doubtful(self, text: str) -> bool:
        """Whether its groups may be numbers of a machine. Of two bytes tcpdump and xxd write them, in their order."""
        start, stop = self.spans[0]
        sizes = {len(group[0]) // 2 for group in _GROUP.finditer(text, start, stop)}
        is_prefixed, is_indented = text[start : start + 2].lower() == "0x", text.endswith("   ", 0, start)
        is_plain = max(sizes) <= 2 and self.is_marked and not (is_prefixed or is_indented)
        return is_indented or (not is_plain and bool(sizes & {2, 4, 8}))


class Other(NamedTuple):
    """A line that is none."""

    at: int
    text: str

    @property
    def is_missing(self) -> bool:
        """Whether it is what this program's dumps have where bytes are missing."""
        return _MISSING.match(self.text) is not None


def lines_of(text: str) -> Iterator[Row | Other]:
    """The lines of a text that are not empty."""
    at = 0
    for line in text.split("\n"):
        shown = line.lstrip(MARGIN)
        if shown.strip(" \t\0"):
            start = at + len(line) - len(shown)
            yield _row(text, start) or Other(start, shown)
        at += len(line) + 1


def rest_of_line(text: str, at: int) -> str:
    """What stands from there on to the end of the line."""
    stop = text.find("\n", at)
    return text[at : stop if stop >= 0 else len(text)]


def value_of(digits: str) -> str:
    """The digits of an offset without what is no digit."""
    return digits.lower().removeprefix("0x").replace("`", "")


def _row(text: str, at: int) -> Row | None:
    offset = OFFSET.match(text, at)
    if offset is None or _MISSING.match(text, at):  # "32 bytes never captured" begins as a byte does
        return None
    is_marked = bool(offset["open"]) or offset["mark"].endswith((":", "-"))
    is_set_apart = len(offset["gap"]) > 1 or "\t" in offset["gap"] or text.startswith("[", offset.end())
    if not _can_be_offset(offset, is_marked, is_set_apart, offset.end("digits") - at):
        return None
    place, digits = offset.end(), offset["digits"]
    narrow = _longest(_BYTES.match(text, place), _PREFIXED.match(text, place))
    words = _WORDS.match(text, place) if not (narrow or is_marked) and len(digits) in _WORDS_OFFSETS else None
    pairs = _longest(narrow, _GROUPS.match(text, place), _NUMBERS.match(text, place) if is_marked else None)
    is_grouped = pairs is not narrow and not words
    if pairs is None or (is_grouped and not is_marked and len(value_of(digits)) < _SHORTEST):
        return None
    spans = [words.span()] if words else _spans(text, pairs, is_grouped)
    counts = tuple(accumulate(_count(text, span) for span in spans))
    stop = offset.end("digits")
    is_single = is_grouped and " " not in text[spans[0][0] : spans[-1][1]]
    return Row(at, stop, digits, is_marked, is_set_apart, tuple(spans), counts, bool(words), is_grouped, is_single)


def _can_be_offset(offset: re.Match[str], is_marked: bool, is_set_apart: bool, width: int) -> bool:
    is_long = len(value_of(offset["digits"])) >= _SHORTEST
    is_set_apart = is_set_apart and (is_long or width >= _OWN_WIDTH)
    if offset["mark"].endswith("-"):
        return is_long and offset["gap"] != ""  # else a list or a date
    if is_marked:
        return offset["gap"] != ""  # `12:00:00` and the like have none
    return is_set_apart or (is_long and offset["gap"] != "")  # else plain hex, of bytes that happen to count


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
