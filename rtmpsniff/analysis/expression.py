"""The language of filters: takes text, gives a tree of conditions or says where the mistake is.

No library is used: those that are kept up raise where kinds mix (rule-engine), have no regular expressions
(simpleeval), or another language than `and`, `or` and `not` (CEL).

It knows no name and no message; `filter` gives both their meaning. Lowest binding first: `or`, `and`, `not`,
comparisons. Reading looks at each character once, and conditions nest to a fixed depth.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isinf
from typing import Final, Literal, TypeAlias, TypeVar
from unicodedata import combining, east_asian_width

from rtmpsniff.errors import UserError
from rtmpsniff.text import printable

MAX_LENGTH: Final = 65_536  # characters of an expression
MAX_DEPTH: Final = 50  # parentheses within parentheses
MAX_DIGITS: Final = 40  # of a number

Comparison: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]
Constant: TypeAlias = "str | int | float | bool | None"

_KEYWORDS: Final = {"and", "or", "not", "in", "contains", "matches", "true", "false", "null"}
_CONSTANTS: Final[dict[str, Constant]] = {"true": True, "false": False, "null": None}
_SAME: Final = {"&&": "and", "||": "or", "!": "not", "~": "matches"}

_SPACE: Final = re.compile(r"\s*")
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NAME: Final = re.compile(r"[^\W\d][\w$]*")
_PART: Final = re.compile(r"[\w$]+")
_TEXT: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"' + r"|'[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL)
_SIGN: Final = re.compile(r"==|!=|<=|>=|&&|\|\||[<>!~(){},=&|-]")
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\", '"': '"', "'": "'"}

_ROOM: Final = 72  # columns of an expression that are shown around a mistake


class FilterError(UserError):
    """A mistake in an expression: what it is, and which characters of the text it is about."""

    def __init__(self, problem: str, text: str, start: int, stop: int) -> None:
        self.problem, self.text, self.start, self.stop = problem, text, start, stop
        super().__init__(f"{problem} (at character {start + 1})")

    @property
    def shown(self) -> tuple[str, str]:
        """The expression, or the part of it around the mistake, and a line with carets under the place."""
        begin = 0 if self.start < _ROOM - 12 else self.start - _ROOM // 3
        end = min(len(self.text), begin + _ROOM)
        before, marked = self.text[begin : self.start], self.text[self.start : min(self.stop, end)]
        before, marked = ("..." if begin else "") + printable(before), printable(marked)
        after = printable(self.text[max(self.start, min(self.stop, end)) : end])
        after += "..." if end < len(self.text) else ""
        return before + marked + after, " " * _columns(before) + "^" * max(_columns(marked), 1)


def _columns(text: str) -> int:
    """How wide a terminal shows it."""
    return sum(2 if east_asian_width(char) in "WF" else 0 if combining(char) else 1 for char in text)


@dataclass(frozen=True, slots=True)
class Span:
    """Which characters of the text something is written in."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Name(Span):
    """`object.tcUrl`, `args.0`, `object["odd key"]`: where a value is found. `places` are those of the parts."""

    parts: tuple[str, ...]
    places: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Known(Span):
    """A value that is written in the expression."""

    value: Constant


@dataclass(frozen=True, slots=True)
class Pattern(Span):
    """A regular expression, as it is written between its quotation marks."""

    pattern: str


Operand: TypeAlias = Name | Known


@dataclass(frozen=True, slots=True)
class Exists(Span):
    """A name alone."""

    name: Name


@dataclass(frozen=True, slots=True)
class Always(Span):
    """`true` or `false` alone."""

    value: bool


@dataclass(frozen=True, slots=True)
class Compared(Span):
    """`0 < length <= 100`: each operand with the next."""

    operands: tuple[Operand, ...]
    comparisons: tuple[Comparison, ...]  # one fewer


@dataclass(frozen=True, slots=True)
class OneOf(Span):
    """`type in {"audio", "video"}`."""

    operand: Operand
    members: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Contains(Span):
    """`object.tcUrl contains "token"`."""

    whole: Operand
    part: Operand


@dataclass(frozen=True, slots=True)
class Matches(Span):
    """`name matches "^on[A-Z]"`."""

    operand: Operand
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Not(Span):
    """What does not hold."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class AllOf(Span):
    """`and`."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf(Span):
    """`or`."""

    conditions: tuple[Condition, ...]


Condition: TypeAlias = "Exists | Always | Compared | OneOf | Contains | Matches | Not | AllOf | AnyOf"
Several = TypeVar("Several", type[AllOf], type[AnyOf])


def parse(text: str) -> Condition:
    """Read a whole expression; raises `FilterError`."""
    parser = _Parser(text)
    condition = parser.any()
    parser.expect_end("and, or, or the end")
    return condition


def parse_names(text: str) -> list[Name]:
    """Read names with commas between them; raises `FilterError`."""
    parser = _Parser(text)
    names = [parser.name()]
    while parser.sign == ",":
        parser.move()
        names.append(parser.name())
    parser.expect_end("a comma or the end")
    return names


class _Parser:
    """Looks one token ahead.

    `sign` is the token where it is a sign or a word of the language, and a quotation mark where it is a text: whether
    that is a regular expression, with escapes of its own, depends on what stands before it. Else it is empty.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > MAX_LENGTH:
            raise FilterError(f"longer than {MAX_LENGTH} characters", text, MAX_LENGTH, len(text))
        self.depth = 0
        self.start = self.stop = 0  # of the token
        self.before = 0  # where the token before it ended
        self.sign = ""
        self.value: Name | Known | None = None
        self.move()

    # Tokens

    def move(self) -> None:
        """Go on to the next token."""
        self.before = self.stop
        self.start = self.stop = _end(_SPACE, self.text, self.stop)
        self.sign, self.value = "", None
        first = self.text[self.start : self.start + 1]
        if not first:
            return
        if first in "\"'":
            self.stop = _end(_TEXT, self.text, self.start)
            if self.stop == self.start:
                raise self._wrong("a text that does not end", self.start, len(self.text))
            self.sign = '"'
        elif first in "0123456789":
            self.stop = _end(_NUMBER, self.text, self.start)
            self.value = Known(self.start, self.stop, self._number(self.start, self.stop))
        elif _NAME.match(first):
            self._word()
        else:
            self.stop = _end(_SIGN, self.text, self.start)
            if self.stop == self.start:
                raise self._wrong(f"'{printable(first)}' has no meaning here", self.start, self.start + 1)
            self.sign = self.text[self.start : self.stop]
            self.sign = _SAME.get(self.sign, self.sign)

    def _number(self, start: int, stop: int) -> int | float:
        text = self.text[start:stop]
        if _PART.match(self.text, stop):
            raise self._wrong("not a number", start, _end(_PART, self.text, stop))
        if len(text) > MAX_DIGITS:
            raise self._wrong(f"a number of more than {MAX_DIGITS} characters", start, stop)
        if text[:2] in {"0x", "0X"}:
            return int(text, 16)
        if text.isdigit():
            return int(text)
        value = float(text)
        if isinf(value):
            raise self._wrong("a number that is too large", start, stop)
        return value

    def _unescaped(self, start: int, stop: int) -> str:
        def meant(escape: re.Match[str]) -> str:
            code = escape[1] or escape[2]
            if code:
                return chr(int(code, 16))
            if escape[3] not in _ESCAPED:
                at = start + 1 + escape.start()
                raise self._wrong("an escape that means nothing; a backslash is written twice", at, at + 2)
            return _ESCAPED[escape[3]]

        return _ESCAPE.sub(meant, self.text[start + 1 : stop - 1])

    def _word(self) -> None:
        self.stop = _end(_NAME, self.text, self.start)
        word = self.text[self.start : self.stop]
        if word in _CONSTANTS:
            self.value = Known(self.start, self.stop, _CONSTANTS[word])
        elif word in _KEYWORDS:
            self.sign = word
        else:
            self.value = self._rest_of_name(word)

    def _rest_of_name(self, first: str) -> Name:
        begin = self.start
        parts, places = [first], [Span(begin, self.stop)]
        while self.text[self.stop : self.stop + 1] in {".", "["}:
            part, place = self._part()
            parts.append(part)
            places.append(place)
        return Name(begin, self.stop, tuple(parts), tuple(places))

    def _part(self) -> tuple[str, Span]:
        """`.key`, `.0`, `[0]` or `["any key"]`."""
        opening = self.text[self.stop]
        start = self.stop + 1
        stop = _end(_PART, self.text, start)
        if opening == ".":
            if stop == start:
                raise self._wrong("a name is missing after the point", self.stop, start)
            self.stop = stop
            return self.text[start:stop], Span(start, stop)
        if stop == start:
            stop = _end(_TEXT, self.text, start)
        if stop == start or self.text[stop : stop + 1] != "]":
            raise self._wrong('between brackets stands a number or a "text"', self.stop, max(stop, start))
        self.stop = stop + 1
        inside = self.text[start:stop]
        return (self._unescaped(start, stop) if inside[0] in "\"'" else inside), Span(start, stop)

    # Rules

    def any(self) -> Condition:
        return self._several(AnyOf, "or", self._all)

    def _all(self) -> Condition:
        return self._several(AllOf, "and", self._not)

    def _several(self, kind: Several, word: str, one: Callable[[], Condition]) -> Condition:
        start = self.start
        conditions = [one()]
        while self.sign == word:
            self.move()
            conditions.append(one())
        return conditions[0] if len(conditions) == 1 else kind(start, self.before, tuple(conditions))

    def _not(self) -> Condition:
        start, is_negated = self.start, False
        while self.sign == "not":
            self.move()
            is_negated = not is_negated
        condition = self._group() if self.sign == "(" else self._test()
        return Not(start, self.before, condition) if is_negated else condition

    def _group(self) -> Condition:
        opening = self.start
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._wrong(f"parentheses nested more than {MAX_DEPTH} deep", opening, opening + 1)
        self.move()
        condition = self.any()
        if self.sign != ")":
            if self.start == len(self.text):
                raise self._wrong("this parenthesis is never closed", opening, opening + 1)
            raise self._unexpected("and, or, or a closing parenthesis")
        self.move()
        self.depth -= 1
        return condition

    def _test(self) -> Condition:
        start = self.start
        left = self._operand()
        if self.sign in {"==", "!=", "<", "<=", ">", ">="}:
            return self._comparison(start, left)
        is_negated = self.sign == "not"
        if is_negated:
            self.move()
        condition = self._other_test(start, left)
        if condition is None:
            if is_negated:
                raise self._unexpected("in, contains or matches")
            return self._alone(left)
        return Not(start, self.before, condition) if is_negated else condition

    def _other_test(self, start: int, left: Operand) -> Condition | None:
        if self.sign == "in":
            self.move()
            return OneOf(start, self.stop, left, self._set())
        if self.sign == "contains":
            self.move()
            return Contains(start, self.stop, left, self._operand())
        if self.sign == "matches":
            self.move()
            return Matches(start, self.stop, left, self._pattern())
        return None

    def _comparison(self, start: int, first: Operand) -> Compared:
        operands, comparisons = [first], []
        while self.sign in {"==", "!=", "<", "<=", ">", ">="}:
            comparisons.append(_COMPARISONS[self.sign])
            self.move()
            operands.append(self._operand())
        return Compared(start, self.before, tuple(operands), tuple(comparisons))

    def _alone(self, operand: Operand) -> Condition:
        if self.sign == "=":
            raise self._wrong("= compares nothing; did you mean ==?", self.start, self.stop)
        if isinstance(operand, Name):
            return Exists(operand.start, operand.stop, operand)
        if isinstance(operand.value, bool):
            return Always(operand.start, operand.stop, operand.value)
        raise self._wrong("a value alone is no condition", operand.start, operand.stop)

    def _operand(self) -> Operand:
        operand = self.value
        if self.sign == '"':
            operand = Known(self.start, self.stop, self._unescaped(self.start, self.stop))
        if operand is not None:
            self.move()
            return operand
        if self.sign == "-":
            return self._negative()
        raise self._unexpected("a name or a value")

    def _negative(self) -> Known:
        start = self.start
        self.move()
        number = self.value.value if isinstance(self.value, Known) else None
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise self._unexpected("a number")
        self.move()
        return Known(start, self.before, -number)

    def _set(self) -> tuple[Known, ...]:
        if self.sign != "{":
            raise self._unexpected('a set, as {"audio", "video"},')
        members = []
        while True:
            self.move()
            member = self._operand()
            if not isinstance(member, Known):
                raise self._wrong("a set holds texts and numbers, no names", member.start, member.stop)
            members.append(member)
            if self.sign == "}":
                self.move()
                return tuple(members)
            if self.sign != ",":
                raise self._unexpected("a comma or }")

    def _pattern(self) -> Pattern:
        start, stop = self.start, self.stop
        if self.sign != '"':
            raise self._unexpected("a regular expression between quotation marks")
        self.move()
        return Pattern(start, stop, self.text[start + 1 : stop - 1])

    def name(self) -> Name:
        if not isinstance(self.value, Name):
            raise self._unexpected("a name")
        name = self.value
        self.move()
        return name

    # Mistakes

    def expect_end(self, wanted: str) -> None:
        if self.start < len(self.text):
            raise self._unexpected(wanted)

    def _unexpected(self, wanted: str) -> FilterError:
        if self.start == len(self.text):
            return self._wrong(f"{wanted} should follow", self.start, self.start)
        return self._wrong(f"{wanted} should stand here", self.start, self.stop)

    def _wrong(self, problem: str, start: int, stop: int) -> FilterError:
        return FilterError(problem, self.text, start, stop)


_COMPARISONS: Final[dict[str, Comparison]] = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def _end(form: re.Pattern[str], text: str, start: int) -> int:
    match = form.match(text, start)
    return match.end() if match else start
