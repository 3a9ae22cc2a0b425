"""The language of filters: takes text, gives a tree of conditions or says where the mistake is.

Python's own parser reads it, behind a whitelist: of the tree of `ast`, `and`, `or`, `not`, comparisons and sets become
conditions, and all else is refused. No library is used: those that are kept up raise where kinds mix (rule-engine),
have no regular expressions (simpleeval), or another language than `and`, `or` and `not` (CEL).

What was written does not reach that parser. To it each name, text and number is a `_`, and each word of this language
one of Python's that binds alike; all stand in cells of one width, so that a column of its tree tells the token.

It knows no name and no message; `filter` gives both their meaning.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isinf
from typing import Final, Literal, TypeAlias
from unicodedata import combining, east_asian_width

from rtmpsniff.errors import UserError
from rtmpsniff.text import printable

MAX_LENGTH: Final = 65_536  # characters of an expression
MAX_DEPTH: Final = 50  # parentheses within parentheses
MAX_DIGITS: Final = 40  # of a number

Comparison: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]
Constant: TypeAlias = "str | int | float | bool | None"

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
class Exists:
    """A name alone."""

    name: Name


@dataclass(frozen=True, slots=True)
class Always:
    """`true` or `false` alone."""

    value: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """`0 < length <= 100`: each operand with the next."""

    operands: tuple[Operand, ...]
    comparisons: tuple[Comparison, ...]  # one fewer


@dataclass(frozen=True, slots=True)
class OneOf:
    """`type in {"audio", "video"}`."""

    operand: Operand
    members: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Contains:
    """`object.tcUrl contains "token"`."""

    whole: Operand
    part: Operand


@dataclass(frozen=True, slots=True)
class Matches:
    """`name matches "^on[A-Z]"`."""

    operand: Operand
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Not:
    """What does not hold."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class AllOf:
    """`and`."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """`or`."""

    conditions: tuple[Condition, ...]


Condition: TypeAlias = "Exists | Always | Compared | OneOf | Contains | Matches | Not | AllOf | AnyOf"


def parse(text: str) -> Condition:
    """Read a whole expression; raises `FilterError`."""
    expression = _Expression(text)
    try:
        return expression.condition(ast.parse(expression.in_python, mode="eval").body)
    except (SyntaxError, MemoryError, RecursionError):
        raise expression.mistake() from None


def parse_names(text: str) -> list[Name]:
    """Read names with commas between them; raises `FilterError`."""
    expression = _Expression(text)
    for number, token in enumerate(expression.tokens):
        kinds, wanted = ({",", "end"}, "a comma or the end") if number % 2 else ({"name"}, "a name")
        if token.kind not in kinds:
            raise expression.missing(wanted, token)
    return [expression.name(token) for token in expression.tokens[:-1:2]]


_COMPARISONS: Final[dict[str, Comparison]] = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_CONSTANTS: Final[dict[str, Constant]] = {"true": True, "false": False, "null": None}
_TESTS: Final = frozenset({"in", "contains", "matches"})
_WORDS: Final = frozenset({"and", "or", "not", *_TESTS, *_CONSTANTS})
_VALUES: Final = frozenset({"text", "number", "name", *_CONSTANTS})
_SAME: Final = {"&&": "and", "||": "or", "!": "not", "~": "matches"}
_NOT_AGAIN: Final = {"not": "not not", "not not": "not not not", "not not not": "not not"}  # a row does not nest
_IN_PYTHON: Final = dict.fromkeys(_VALUES, "_") | {"contains": "in", "matches": "in", "-": "?", "end": ""}
_CELL: Final = 12  # columns of a token in Python

_TEXT: Final = r"""(?:"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*')"""
_PART: Final = re.compile(rf"[\w$]+|{_TEXT}", re.DOTALL)
_TOKEN: Final = re.compile(
    rf"""\s*(?:
        (?P<text>{_TEXT})
    |   (?P<number>(?:-\s*)?[0-9](?:[eE][+-]|[\w$.])*)
    |   (?P<name>[^\W\d][\w$]*(?:\.[\w$]+|\[(?:{_PART.pattern})\])*)(?P<point>\.)?(?P<bracket>\[(?:{_PART.pattern})?)?
    |   (?P<sign>==|!=|<=|>=|&&|\|\||[<>!~(){{}},-])
    |   (?P<end>\Z)
    |   (?P<endless>["'].*)|(?P<equals>=)|(?P<half>[&|])|(?P<unknown>.)
    )""",
    re.DOTALL | re.VERBOSE,
)
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\", '"': '"', "'": "'"}
_WRONG: Final = {
    "point": "a name is missing after the point",
    "bracket": 'between brackets stands a number or a "text"',
    "endless": "a text that does not end",
    "equals": "= compares nothing; did you mean ==?",
    "half": "one {0} means nothing; did you mean {0}{0}?",
    "unknown": "'{}' has no meaning here",
}

# What may stand after what, and how it is asked for. What is not here ends something: _ENDS says by the brackets that
# are open what may stand after it, _SIGNS what else after values.
_VALUE: Final = "a name or a value"
_AFTER: Final[dict[str, tuple[frozenset[str], str]]] = {
    **dict.fromkeys(("and", "or", "("), (_VALUES | _NOT_AGAIN.keys() | {"(", "-"}, _VALUE)),
    **dict.fromkeys(_NOT_AGAIN, (_VALUES | {"(", "-"}, _VALUE)),
    **dict.fromkeys((*_COMPARISONS, "contains", "{", ","), (_VALUES | {"-"}, _VALUE)),
    "in": (frozenset("{"), 'a set, as {"audio", "video"},'),
    "matches": (frozenset({"text"}), "a regular expression between quotation marks"),
    "value not": (_TESTS, "in, contains or matches"),
    "-": (frozenset(), "a number"),  # with its number it is one token
}
_ENDS: Final = {
    "": ({"and", "or", "end"}, "and, or, or the end"),
    "(": ({"and", "or", ")"}, "and, or, or a closing parenthesis"),
    "{": ({",", "}"}, "a comma or }"),
}
_SIGNS: Final = {**dict.fromkeys(_VALUES, _TESTS | _COMPARISONS.keys() | {"not"}), "compared": _COMPARISONS.keys()}
_BECOMES: Final = dict.fromkeys(_COMPARISONS, "compared") | dict.fromkeys(("contains", "matches", "{", ","), "tested")


@dataclass(frozen=True, slots=True)
class _Token(Span):
    kind: str  # a word or a sign is its own


class _Expression:
    """A text in tokens, which makes conditions of Python's tree and says where a mistake is."""

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > MAX_LENGTH:
            raise self._wrong(f"longer than {MAX_LENGTH} characters", Span(MAX_LENGTH, len(text)))
        self.tokens: list[_Token] = []
        depth = 0
        for token in self._read():
            depth += (token.kind == "(") - (token.kind == ")")
            if depth > MAX_DEPTH:
                raise self._wrong(f"parentheses nested more than {MAX_DEPTH} deep", token)
            if token.kind == "not" and self.tokens and self.tokens[-1].kind in _NOT_AGAIN:
                row = self.tokens.pop()
                self.tokens.append(_Token(row.start, token.stop, _NOT_AGAIN[row.kind]))
            else:
                self.tokens.append(token)

    def _read(self) -> Iterator[_Token]:
        for found in _TOKEN.finditer(self.text):
            kind = found.lastgroup or ""
            word, place = found[kind], Span(*found.span(kind))
            if kind in _WRONG:
                raise self._wrong(_WRONG[kind].format(printable(word)), place)
            yield _Token(place.start, place.stop, _SAME.get(word, word) if kind == "sign" or word in _WORDS else kind)
            if kind == "end":
                return

    @property
    def in_python(self) -> str:
        """What Python reads of it."""
        return "".join(f"{_IN_PYTHON.get(token.kind, token.kind):{_CELL}}" for token in self.tokens)

    # Python's tree

    def condition(self, node: ast.expr) -> Condition:
        match node:
            case ast.BoolOp():
                conditions = tuple(map(self.condition, node.values))
                return AllOf(conditions) if isinstance(node.op, ast.And) else AnyOf(conditions)
            case ast.UnaryOp(op=ast.Not()):
                condition = self.condition(node.operand)
                return condition.condition if isinstance(condition, Not) else Not(condition)
            case ast.Compare():
                return self._compared(node)
            case ast.Name():
                return self._alone(self._value(self._token(node)))
        raise self.mistake()

    def _token(self, node: ast.expr, more: int = 0) -> _Token:
        return self.tokens[node.col_offset // _CELL + more]

    def _alone(self, operand: Operand) -> Condition:
        if isinstance(operand, Name):
            return Exists(operand)
        if isinstance(operand.value, bool):
            return Always(operand.value)
        raise self._wrong("a value alone is no condition", operand)

    def _compared(self, node: ast.Compare) -> Condition:
        signs = [self._token(right, -1).kind for right in node.comparators]
        chain = tuple(_COMPARISONS[sign] for sign in signs if sign in _COMPARISONS)
        if len(chain) == len(signs):
            return Compared(tuple(map(self._operand, (node.left, *node.comparators))), chain)
        if len(signs) > 1:
            raise self.mistake()
        condition = self._test(self._operand(node.left), signs[0], node.comparators[0])
        return Not(condition) if isinstance(node.ops[0], ast.NotIn) else condition

    def _test(self, left: Operand, sign: str, right: ast.expr) -> Condition:
        token = self._token(right)
        match sign, right:
            case "in", ast.Set():
                return OneOf(left, tuple(map(self._member, right.elts)))
            case "contains", ast.Name():
                return Contains(left, self._operand(right))
            case "matches", ast.Name() if token.kind == "text":
                return Matches(left, Pattern(token.start, token.stop, self.text[token.start + 1 : token.stop - 1]))
        raise self.mistake()

    def _member(self, node: ast.expr) -> Known:
        member = self._operand(node)
        if isinstance(member, Name):
            raise self._wrong("a set holds texts and numbers, no names", member)
        return member

    def _operand(self, node: ast.expr) -> Operand:
        in_parentheses = self._token(node, -1).kind == "(" and self._token(node, 1).kind == ")"
        if in_parentheses or not isinstance(node, ast.Name):
            raise self.mistake()
        return self._value(self._token(node))

    # Values

    def _value(self, token: _Token) -> Operand:
        match token.kind:
            case "name":
                return self.name(token)
            case "text":
                value: Constant = self._unescaped(token)
            case "number":
                value = self._number(token)
            case constant:
                value = _CONSTANTS[constant]
        return Known(token.start, token.stop, value)

    def name(self, token: _Token) -> Name:
        places = tuple(Span(*found.span()) for found in _PART.finditer(self.text, token.start, token.stop))
        return Name(token.start, token.stop, tuple(map(self._part, places)), places)

    def _part(self, place: Span) -> str:
        written = self.text[place.start : place.stop]
        return self._unescaped(place) if written[0] in "\"'" else written

    def _number(self, token: _Token) -> int | float:
        written = self.text[token.start : token.stop]
        digits, sign = written.removeprefix("-").strip(), -1 if written[0] == "-" else 1
        if not _NUMBER.fullmatch(digits):
            raise self._wrong("not a number", token)
        if len(digits) > MAX_DIGITS:
            raise self._wrong(f"a number of more than {MAX_DIGITS} characters", token)
        if digits.isdigit() or digits[:2] in {"0x", "0X"}:
            return sign * int(digits, 10 if digits.isdigit() else 16)
        value = sign * float(digits)
        if isinf(value):
            raise self._wrong("a number that is too large", token)
        return value

    def _unescaped(self, place: Span) -> str:
        def meant(escape: re.Match[str]) -> str:
            code = escape[1] or escape[2]
            if not code and escape[3] not in _ESCAPED:
                at = place.start + 1 + escape.start()
                raise self._wrong("an escape that means nothing; a backslash is written twice", Span(at, at + 2))
            return chr(int(code, 16)) if code else _ESCAPED[escape[3]]

        return _ESCAPE.sub(meant, self.text[place.start + 1 : place.stop - 1])

    # Mistakes

    def mistake(self) -> FilterError:
        """The first token that cannot stand where it does. What Python says differs with its version."""
        opened: list[_Token] = []
        before = "and"
        for token in self.tokens:
            kind, is_end = token.kind, before not in _AFTER
            fitting, wanted = _ENDS[opened[-1].kind if opened else ""] if is_end else _AFTER[before]
            if kind not in fitting and kind not in _SIGNS.get(before, ()):
                if kind == "end" and is_end and opened[-1].kind == "(":
                    return self._wrong("this parenthesis is never closed", opened[-1])
                return self.missing(wanted, token)
            if kind in {"(", "{"}:
                opened.append(token)
            elif kind in {")", "}"}:
                opened.pop()
            if is_end and kind == "not":
                before = "value not"
            else:
                before = _BECOMES.get(before, kind) if kind in _VALUES else kind
        return self._wrong("nested too deeply to be read", Span(0, len(self.text)))

    def missing(self, wanted: str, token: _Token) -> FilterError:
        return self._wrong(f"{wanted} should {'follow' if token.kind == 'end' else 'stand here'}", token)

    def _wrong(self, problem: str, place: Span) -> FilterError:
        return FilterError(problem, self.text, place.start, place.stop)
