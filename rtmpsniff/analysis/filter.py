"""Filters: takes an expression, gives what tells whether it holds of a message, and columns of messages likewise.

An expression is put together once, from functions that look at one message; nothing in it is ever run as a program,
and nothing but the message can be reached. A body is decoded when a name of it is come to, and not before.

Evaluation raises nothing: what does not fit does not hold. Values of different kinds are unequal and have no order.
What a message does not have is neither equal to anything nor unequal: `frame_type != "key"` holds of video alone,
`not frame_type == "key"` of all the rest too. A name alone holds where it is there, and not null, false or empty.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from math import isnan
from typing import Final, TypeAlias, TypeGuard

from rtmpsniff.analysis.expression import (
    AllOf,
    Always,
    AnyOf,
    Compared,
    Comparison,
    Condition,
    Contains,
    Exists,
    FilterError,
    Known,
    Matches,
    Name,
    Not,
    OneOf,
    Operand,
    Pattern,
    parse,
    parse_names,
)
from rtmpsniff.analysis.names import check
from rtmpsniff.analysis.record import ABSENT, MESSAGE, in_json, is_structure, part_of, said
from rtmpsniff.payload.types import FAMILIES, TYPE_NAMES
from rtmpsniff.payload.values import UNDEFINED, Array, Date, Dictionary, Object, Reference, Vector, Xml
from rtmpsniff.rtmp.events import Message
from rtmpsniff.text import printable

_FAMILY_OF: Final = {number: family for family, numbers in FAMILIES.items() for number in numbers}
_ARITHMETIC: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_LONGEST_PATTERN: Final = 10_000

# Texts of which there are so few that any other is a mistake.
_WORDS: Final = {
    "type": (*TYPE_NAMES.values(), "unknown_N"),
    "family": tuple(FAMILIES),
    "sender": ("client", "server"),
    "state": ("whole", "damaged", "aborted", "cut"),
}
_NUMBERS: Final = frozenset(
    {"connection", "n", "time", "start", "csid", "type_id", "timestamp", "stream_id", "length", "capture", "offset",
     "chunks"}
)  # fmt: skip
_UNKNOWN_TYPE: Final = re.compile(r"unknown_[0-9]{1,3}")


class Filter:
    """A condition on messages. `text` is the expression."""

    def __init__(self, text: str, holds: Test) -> None:
        self.text = text
        self._holds = holds

    def __call__(self, message: Message, base_ns: int = 0) -> bool:
        """Whether it holds; `time` and `start` count from `base_ns`, in ns since the epoch."""
        return self._holds(message, base_ns)

    def __repr__(self) -> str:
        return f"<Filter {self.text!r}>"


class Column:
    """One thing of messages. `text` is its name as it was written."""

    def __init__(self, text: str, read: Reader) -> None:
        self.text = text
        self._read = read

    def __call__(self, message: Message, base_ns: int = 0) -> object:
        """The value: a text, a number (times are `Decimal`), or what JSON can say; ABSENT if the message has none."""
        value = self._read(message, base_ns)
        if value is ABSENT or isinstance(value, Decimal):
            return value
        value = _plainest(value)
        return value if isinstance(value, str | int | float) else in_json(value)

    def __repr__(self) -> str:
        return f"<Column {self.text!r}>"


# Both take the message and the time of the first packet.
Reader: TypeAlias = Callable[[Message, int], object]
Test: TypeAlias = Callable[[Message, int], bool]


def compile_filter(text: str) -> Filter:
    """Make a filter of an expression; raises `FilterError`, which knows the place of the mistake."""
    return Filter(text, _Compiler(text).test(parse(text)))


def compile_columns(text: str) -> list[Column]:
    """Make columns of names with commas between them; raises `FilterError`."""
    compiler = _Compiler(text)
    return [Column(text[name.start : name.stop], compiler.name(name)) for name in parse_names(text)]


class _Compiler:
    """Makes a function of each node. The text is for mistakes, which only the names and the patterns can still hold."""

    def __init__(self, text: str) -> None:
        self.text = text

    def test(self, condition: Condition) -> Test:  # noqa: PLR0911 - one line for each kind of condition
        match condition:
            case AllOf():
                return _all([self.test(one) for one in condition.conditions])
            case AnyOf():
                return _any([self.test(one) for one in condition.conditions])
            case Not():
                return _not(self.test(condition.condition))
            case Compared():
                return self._compared(condition)
            case OneOf():
                return self._one_of(condition)
            case Contains():
                return _contains(self.operand(condition.whole), self.operand(condition.part))
            case Matches():
                return _matches(self.operand(condition.operand), self._expression(condition.pattern))
            case Exists():
                return _exists(self.name(condition.name))
            case Always():
                return lambda _message, _base: condition.value

    def operand(self, operand: Operand) -> Reader:
        if isinstance(operand, Name):
            return self.name(operand)
        value = operand.value
        return lambda _message, _base: value

    def name(self, name: Name) -> Reader:
        check(name, self.text)
        first, *rest = name.parts
        get = _FIRST.get(first) or _of_body(first)
        if rest:
            return lambda message, base: _follow(get(message, base), rest)
        return get

    def _compared(self, condition: Compared) -> Test:
        pairs = list(zip(condition.operands, condition.operands[1:], condition.comparisons, strict=False))
        for left, right, comparison in pairs:
            self._check_kinds(left, right)
            self._check_kinds(right, left)
            if comparison in {"==", "!="}:
                self._check_word(left, right)
                self._check_word(right, left)
        return _all([_compare(self.operand(left), how, self.operand(right)) for left, right, how in pairs])

    def _one_of(self, condition: OneOf) -> Test:
        for member in condition.members:
            self._check_kinds(condition.operand, member)
            self._check_word(condition.operand, member)
        keys = frozenset(_key(member.value) for member in condition.members)
        read = self.operand(condition.operand)

        def holds(message: Message, base: int) -> bool:
            key = _key(_plainest(read(message, base)))
            return key is not None and key in keys

        return holds

    def _check_kinds(self, name: Operand, value: Operand) -> None:
        """`length > "5"` and `type == 9` are never true either."""
        if not isinstance(name, Name) or len(name.parts) > 1 or not isinstance(value, Known):
            return
        first, is_text = name.parts[0], isinstance(value.value, str)
        if first in _WORDS and not is_text:
            more = "; did you mean type_id?" if first == "type" else ""
            raise FilterError(f"{first} is a text{more}", self.text, value.start, value.stop)
        if first in _NUMBERS and not _is_number(value.value):
            raise FilterError(f"{first} is a number", self.text, value.start, value.stop)

    def _check_word(self, name: Operand, value: Operand) -> None:
        """`type == "command"` is never true, and whoever writes it would search the capture for the reason."""
        if not isinstance(name, Name) or len(name.parts) > 1 or name.parts[0] not in _WORDS:
            return
        if not isinstance(value, Known) or not isinstance(value.value, str):
            return
        first, words = name.parts[0], _WORDS[name.parts[0]]
        if value.value in words or (first == "type" and _UNKNOWN_TYPE.fullmatch(value.value)):
            return
        problem = f"{first} is never this, but one of {', '.join(words)}"
        if first == "type" and value.value in FAMILIES:
            problem = f'no type, but a family of types; did you mean family == "{value.value}"?'
        raise FilterError(problem, self.text, value.start, value.stop)

    def _expression(self, pattern: Pattern) -> Callable[[bytes], object]:
        """A regular expression, searched for in time proportional to the text, whatever it is."""
        import re2  # noqa: PLC0415 - only where there is a regular expression

        if len(pattern.pattern) > _LONGEST_PATTERN:
            problem = f"a regular expression of more than {_LONGEST_PATTERN} characters"
            raise FilterError(problem, self.text, pattern.start, pattern.stop)
        options = re2.Options()
        options.log_errors = False
        options.never_capture = True
        try:
            compiled = re2.compile(pattern.pattern.encode("utf-8", "replace"), options)
        except re2.error as error:
            raise FilterError(_said(error), self.text, pattern.start, pattern.stop) from None
        return compiled.search  # type: ignore[no-any-return]


def _said(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return f"not a regular expression: {printable(text)}"


def _of_body(name: str) -> Reader:
    return lambda message, _: said(message, name)


_FIRST: Final[dict[str, Reader]] = {
    **MESSAGE,
    "body": lambda message, _: message.body,
    "family": lambda message, _: _FAMILY_OF.get(message.message_type_id, ABSENT),
}


# Conditions


def _all(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def holds(message: Message, base: int) -> bool:
        for test in tests:  # noqa: SIM110 - half the calls
            if not test(message, base):
                return False
        return True

    return holds


def _any(tests: list[Test]) -> Test:
    def holds(message: Message, base: int) -> bool:
        for test in tests:  # noqa: SIM110 - half the calls
            if test(message, base):
                return True
        return False

    return holds


def _not(test: Test) -> Test:
    return lambda message, base: not test(message, base)


def _exists(read: Reader) -> Test:
    """There, and not null, false or empty; 0 is there."""

    def holds(message: Message, base: int) -> bool:
        value = read(message, base)
        if value is None or value is ABSENT or value is False or value is UNDEFINED:
            return False
        return not (isinstance(value, str | bytes | list | tuple | Object) and len(value) == 0)

    return holds


def _contains(read_whole: Reader, read_part: Reader) -> Test:
    """A text contains a text, a list one of its elements, an object one of its names."""

    def holds(message: Message, base: int) -> bool:
        whole, part = _plainest(read_whole(message, base)), _plainest(read_part(message, base))
        if isinstance(whole, str):
            return isinstance(part, str) and part in whole
        if isinstance(whole, Object):
            return isinstance(part, str) and part in whole
        items = whole.items if isinstance(whole, Vector) else whole
        key = _key(part)
        return (
            isinstance(items, list | tuple) and key is not None and any(_key(_plainest(item)) == key for item in items)
        )

    return holds


def _matches(read: Reader, search: Callable[[bytes], object]) -> Test:
    def holds(message: Message, base: int) -> bool:
        value = _plainest(read(message, base))
        # A byte that was no UTF-8 is one character here.
        return isinstance(value, str) and search(value.encode("utf-8", "replace")) is not None

    return holds


def _compare(read_left: Reader, how: Comparison, read_right: Reader) -> Test:
    if how in {"==", "!="}:
        return _compare_equal(read_left, read_right, wanted=how == "==")
    order = _ARITHMETIC[how]

    def holds(message: Message, base: int) -> bool:
        left, right = _plainest(read_left(message, base)), _plainest(read_right(message, base))
        if isinstance(left, str) and isinstance(right, str):
            return bool(order(left, right))
        return _is_number(left) and _is_number(right) and bool(order(left, right))

    return holds


def _compare_equal(read_left: Reader, read_right: Reader, *, wanted: bool) -> Test:
    def holds(message: Message, base: int) -> bool:
        left, right = read_left(message, base), read_right(message, base)
        if left is ABSENT or right is ABSENT:
            return False
        key = _key(_plainest(left))
        return (key is not None and key == _key(_plainest(right))) is wanted

    return holds


# Values


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _key(value: object) -> tuple[str, object] | None:
    """What is equal for equal texts, numbers, booleans and nulls; None for all else."""
    if isinstance(value, str):
        return "text", value
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, int | float):
        return None if isnan(value) else ("number", value)
    return ("null", None) if value is None else None


def _plainest(value: object) -> object:
    """A time as a float, and a date and XML as the text or number that they are."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Date):
        return value.milliseconds if value.iso is None else value.iso
    return value.text if isinstance(value, Xml) else value


def _follow(value: object, parts: Iterable[str]) -> object:
    """What stands below `value`, by names and by numbers from 0."""
    for part in parts:
        value = _below(value, part)
        if isinstance(value, Reference):
            value = ABSENT if value.target is None else value.target
        if value is ABSENT:
            break
    return value


def _below(value: object, part: str) -> object:
    match value:
        case Object():
            return _property(value, part)
        case list() | tuple() if not hasattr(value, "_fields"):
            return _item(value, part)
        case Vector():
            return _item(value.items, part)
        case Dictionary():
            return next((item for key, item in reversed(value.pairs) if key == part), ABSENT)
    return part_of(value, part) if is_structure(type(value)) else ABSENT


def _property(value: Object, part: str) -> object:
    if part in value:
        return value[part]
    if part in {"$typed", "$externalizable"}:
        return ABSENT if value.class_name is None else value.class_name
    return _item(value.dense, part) if isinstance(value, Array) else ABSENT


def _item(items: Sequence[object], part: str) -> object:
    """By its number, or by its name where the items are pairs."""
    if part.isascii() and part.isdigit():
        return items[int(part)] if len(part) < 10 and int(part) < len(items) else ABSENT
    pairs = (item for item in reversed(items) if isinstance(item, tuple) and len(item) == 2)
    return next((value for name, value in pairs if name == part), ABSENT)
