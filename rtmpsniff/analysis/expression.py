"""The language of filters: takes text, gives a tree of conditions or says where the mistake is.

Python's own parser reads it (`ast`) behind a whitelist: `and`, `or`, `not`, comparisons and sets become conditions, and
all else is refused. No library is used: those that are kept up raise where kinds mix (rule-engine), have no regular
expressions (simpleeval), or another language than `and`, `or` and `not` (CEL).

Nothing that was written comes to that parser. It reads a `_` for each name, text and number, and for each word of this
language, some of which Python lacks, one of its own that binds alike; each in a cell of one width, so that a column of
its tree tells the token. `filter` gives names and conditions their meaning.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isinf
from typing import Final, Literal, TypeAlias

from rtmpsniff.errors import UserError
from rtmpsniff.text import columns_of, printable

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
        return before + marked + after, " " * columns_of(before) + "^" * max(columns_of(marked), 1)


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
    in_python = "".join(f"{_IN_PYTHON.get(token.kind, '?'):{_CELL}}" for token in expression.tokens)
    try:
        return expression.condition(ast.parse(in_python, mode="eval").body)
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


# A word or a sign is a kind of token of its own. For a kind that is not in _IN_PYTHON, Python reads what it refuses.
_COMPARISONS: Final[dict[str, Comparison]] = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_CONSTANTS: Final[dict[str, Constant]] = {"true": True, "false": False, "null": None}
_WORDS: Final = frozenset({"and", "or", "not", "in", "contains", "matches", *_CONSTANTS})
_SAME: Final = {"&&": "and", "||": "or", "!": "not", "~": "matches"}
_NOT_AGAIN: Final = {"not": "not not", "not not": "not not not", "not not not": "not not"}  # no row of it nests
_VALUES: Final = frozenset({"text", "number", "name", *_CONSTANTS})
_IN_PYTHON: Final = (
    {kind: kind for kind in ("and", "or", *_NOT_AGAIN, "in", *_COMPARISONS, "(", ")", "{", "}", ",")}
    | {"contains": "in", "matches": "in", "end": ""}
    | dict.fromkeys(_VALUES, "_")
)
_CELL: Final = 12  # columns, at least one of them blank

_TEXT: Final = r"""(?:"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*')"""
_PART: Final = re.compile(rf"[\w$]+|{_TEXT}", re.DOTALL)
_TOKEN: Final = re.compile(
    rf"""\s*(?:
        (?P<text>{_TEXT})
    |   (?P<number>(?:-\s*)?[0-9](?:[eE][+-]|[\w$.])*)
    |   (?P<name>[^\W\d][\w$]*(?:\.[\w$]+|\[(?:{_PART.pattern})\])*)(?P<point>\.)?(?P<bracket>\[(?:{_PART.pattern})?)?
    |   (?P<sign>[=!<>]=|&&|\|\||[<>!~(){{}},=&|-])
    |   (?P<end>\Z)
    |   (?P<endless>["'].*)
    |   (?P<unknown>.)
    )""",
    re.DOTALL | re.VERBOSE,
)
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\", '"': '"', "'": "'"}

# For mistakes: what may stand after what, and how it is asked for. What is no key here ends something, and after it may
# stand what _ENDS says, by the brackets that are open, or after a value a test.
_VALUE: Final = "a name or a value"
_TESTS: Final = frozenset({"in", "contains", "matches"})
_AFTER: Final[dict[str, tuple[frozenset[str], str]]] = {
    **dict.fromkeys(("and", "or", "(", *_NOT_AGAIN), (_VALUES | {"-", "(", *_NOT_AGAIN}, _VALUE)),
    **dict.fromkeys((*_COMPARISONS, "contains", "{"), (_VALUES | {"-"}, _VALUE)),
    ",": (_VALUES | {"-", "}"}, _VALUE),
    "in": (frozenset("{"), 'a set, as {"audio", "video"},'),
    "matches": (frozenset({"text"}), "a regular expression between quotation marks"),
    "value not": (_TESTS, "in, contains or matches"),
    "-": (frozenset(), "a number"),  # with its number it is one token
}
_ENDS: Final[dict[str, tuple[frozenset[str], str]]] = {
    "": (frozenset({"and", "or", "end"}), "and, or, or the end"),
    "(": (frozenset({"and", "or", ")"}), "and, or, or a closing parenthesis"),
    "{": (frozenset(",}"), "a comma or }"),
}
_WRONG: Final = {
    "point": "a name is missing after the point",
    "bracket": 'between brackets stands a number or a "text"',
    "endless": "a text that does not end",
}


@dataclass(frozen=True, slots=True)
class _Token(Span):
    kind: str


class _Expression:
    """A text in tokens, which makes conditions of Python's tree and says where a mistake is."""

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > MAX_LENGTH:
            raise self._wrong(f"longer than {MAX_LENGTH} characters", Span(MAX_LENGTH, len(text)))
        self.tokens: list[_Token] = []
        depth = 0
        for token in _tokens(text):
            depth += (token.kind == "(") - (token.kind == ")")
            if depth > MAX_DEPTH:
                raise self._wrong(f"parentheses nested more than {MAX_DEPTH} deep", token)
            if token.kind == "not" and self.tokens and self.tokens[-1].kind in _NOT_AGAIN:
                row = self.tokens.pop()
                self.tokens.append(_Token(row.start, token.stop, _NOT_AGAIN[row.kind]))
            else:
                self.tokens.append(token)

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
        signs = [self._token(right, -1) for right in node.comparators]
        for sign in signs[1:]:
            if not {signs[0].kind, sign.kind} <= _COMPARISONS.keys():
                raise self.mistake(sign)
        if signs[0].kind in _COMPARISONS:
            operands = tuple(map(self._operand, (node.left, *node.comparators)))
            return Compared(operands, tuple(_COMPARISONS[sign.kind] for sign in signs))
        test = self._test(self._operand(node.left), signs[0].kind, node.comparators[0])
        return Not(test) if isinstance(node.ops[0], ast.NotIn) else test

    def _test(self, left: Operand, sign: str, right: ast.expr) -> Condition:
        match sign, right, self._token(right):
            case "in", ast.Set(elts=members), _:
                return OneOf(left, tuple(map(self._member, members)))
            case "contains", _, _:
                return Contains(left, self._operand(right))
            case "matches", ast.Name(), _Token(start, stop, "text"):
                return Matches(left, Pattern(start, stop, self.text[start + 1 : stop - 1]))
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
        if token.kind == "name":
            return self.name(token)
        read = {"text": self._unescaped, "number": self._number}.get(token.kind)
        return Known(token.start, token.stop, read(token) if read else _CONSTANTS[token.kind])

    def name(self, token: _Token) -> Name:
        places = tuple(Span(*found.span()) for found in _PART.finditer(self.text, token.start, token.stop))
        return Name(token.start, token.stop, tuple(map(self._part, places)), places)

    def _part(self, place: Span) -> str:
        written = self.text[place.start : place.stop]
        return self._unescaped(place) if written[0] in "\"'" else written

    def _unescaped(self, place: Span) -> str:
        def meant(escape: re.Match[str]) -> str:
            code = escape[1] or escape[2]
            if not code and escape[3] not in _ESCAPED:
                at = place.start + 1 + escape.start()
                raise self._wrong("an escape that means nothing; a backslash is written twice", Span(at, at + 2))
            return chr(int(code, 16)) if code else _ESCAPED[escape[3]]

        return _ESCAPE.sub(meant, self.text[place.start + 1 : place.stop - 1])

    def _number(self, place: Span) -> int | float:
        written = self.text[place.start : place.stop]
        digits, sign = written.removeprefix("-").strip(), -1 if written[0] == "-" else 1
        if not _NUMBER.fullmatch(digits):
            raise self._wrong("not a number", place)
        if len(digits) > MAX_DIGITS:
            raise self._wrong(f"a number of more than {MAX_DIGITS} characters", place)
        if digits[:2] in {"0x", "0X"}:
            return sign * int(digits, 16)
        value = int(digits) if digits.isdigit() else float(digits)
        if isinf(value):
            raise self._wrong("a number that is too large", place)
        return sign * value

    # Mistakes

    def mistake(self, last: _Token | None = None) -> FilterError:
        """The first token that cannot stand where it does, `last` at the latest.

        Where Python sees a mistake, and what it says of it, differs with its version.
        """
        opened: list[_Token] = []
        before = "and"
        for token in self.tokens:
            kind, brackets, is_end = token.kind, opened[-1].kind if opened else "", before not in _AFTER
            fitting, wanted = _ENDS[brackets] if is_end else _AFTER[before]
            is_test = before in _VALUES and brackets != "{" and kind in {"not", *_TESTS, *_COMPARISONS}
            if token is last or not (kind in fitting or is_test):
                if is_end and kind == "end" and brackets == "(":
                    return self._wrong("this parenthesis is never closed", opened[-1])
                if kind == "=":
                    return self._wrong("= compares nothing; did you mean ==?", token)
                return self.missing(wanted, token)
            if kind in {"(", "{"}:
                opened.append(token)
            elif kind in {")", "}"}:
                opened.pop()
            before = "value not" if is_end and kind == "not" else kind
        return self._wrong("nested too deeply to be read here", Span(0, len(self.text)))

    def missing(self, wanted: str, token: _Token) -> FilterError:
        problem = _WRONG.get(token.kind, f"{wanted} should {'follow' if token.kind == 'end' else 'stand here'}")
        if token.kind == "unknown":
            problem = f"'{printable(self.text[token.start])}' has no meaning here"
        return self._wrong(problem, token)

    def _wrong(self, problem: str, place: Span) -> FilterError:
        return FilterError(problem, self.text, place.start, place.stop)


def _tokens(text: str) -> Iterator[_Token]:
    """The last is the end. No mistake is told yet, so that the first one will be."""
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or ""
        word = found[kind]
        yield _Token(*found.span(kind), _SAME.get(word, word) if kind == "sign" or word in _WORDS else kind)
        if kind == "end":
            return
