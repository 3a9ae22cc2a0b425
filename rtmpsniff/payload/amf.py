"""What AMF0 and AMF3 have in common: takes a cursor that stands at a value, gives the value and records its fields.

A value begins with a marker. A scalar is one field whose span includes its marker; what the marker, the length and the
rest of its bytes are is said by inline children. A container is a group of one `property` field for each pair, or of
its elements' fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar, cast

from rtmpsniff.fields import Cursor, Group, Malformed, Role, Truncated, Unreadable
from rtmpsniff.findings import Finding, Rule, Severity, in_message
from rtmpsniff.payload.values import Date, Object, Value
from rtmpsniff.text import number_text, plural, printable, quoted

Key = TypeVar("Key")

MAX_DEPTH: Final = 64  # containers within containers; real ones stay below ten
MAX_VALUES: Final = 65_536  # of one message, so that memory stays in proportion to it
LONGEST_MENTION: Final = 80  # characters of a thing that is shown again


class Limits:
    """How much of one message was read: `count` values, and `depth` of them are open. All its readers share it."""

    __slots__ = ("count", "depth")

    def __init__(self) -> None:
        self.count = 0
        self.depth = 0

    @property
    def reached(self) -> str:
        """Why this program reads no further value; empty where it does."""
        if self.count >= MAX_VALUES:
            return f"more than {MAX_VALUES} values in one message"
        return f"values nested more than {MAX_DEPTH} deep" if self.depth >= MAX_DEPTH else ""


class Kind(NamedTuple):
    """One type: the word for it, its field's role, and what reads the bytes after its marker."""

    name: str
    role: Role
    read: Callable[[Any, Group], Value]


class AmfReader:
    """Reads the values of one message; `kind` says what a marker means."""

    __slots__ = ("broken", "findings", "limits", "read")

    def __init__(self, read: Cursor, findings: list[Finding], limits: Limits) -> None:
        self.read = read
        self.findings = findings
        self.limits = limits
        self.broken: object = None  # the container in which reading broke off, with what was read of it

    def kind(self, marker: int) -> Kind:
        """What the value is that stands at the cursor and begins with `marker`; raises `Malformed` for none."""
        raise NotImplementedError

    def value(self, name: str = "", place: str = "") -> Value:
        """Read one value; its field is called `name`, or by the word for its type.

        `place` stands for it in the path that an error names. Raises `Truncated`, and `Malformed` for a marker that
        nobody can read over and for more values or deeper ones than this program will hold.
        """
        read, limits = self.read, self.limits
        marker = read.peek()
        self.broken = None
        if marker is None:
            raise Truncated(name or "value", 1, 0)
        kind = self._admit(marker, place or name)
        limits.count += 1
        limits.depth += 1
        with read.group(name or kind.name, kind.role) as group:
            read.path[-1] = place or name
            group.label = kind.name  # stays if reading breaks off inside
            read.u8("marker", Role.MARKER, label=kind.name, inline=True)
            try:
                group.value = value = kind.read(self, group)
            except Unreadable:
                self.broken = group.value if group.role is Role.GROUP else None
                raise
        limits.depth -= 1
        return value

    def pair(self, pairs: list[tuple[Key, Value]], key: Key, name: str = "", place: str = "") -> None:
        """Read the value of `key` and append both to `pairs`; also where it is a container that breaks off."""
        try:
            pairs.append((key, self.value(name, place)))
        except Unreadable:
            if self.broken is not None:
                pairs.append((key, cast("Value", self.broken)))
            raise

    def elements(self, target: list[Value], claimed: int) -> None:
        """Read the `claimed` values of an array into `target`; also a container that breaks off."""
        for index in range(claimed):
            if not self.read.left:
                raise Malformed(f"claims {plural(claimed, 'element')}, has {index}")
            self.append(target, place=f"[{index}]")

    def append(self, target: list[Value], name: str = "", place: str = "") -> None:
        """Read a value into `target`; also a container that breaks off."""
        try:
            target.append(self.value(name, place))
        except Unreadable:
            if self.broken is not None:
                target.append(cast("Value", self.broken))
            raise

    def flag(self, rule: Rule, severity: Severity, title: str, text: str, start: int, size: int = 0) -> None:
        """Add a finding, once for each title: a hostile message may repeat its fault in every value."""
        if all(title != finding.title for finding in self.findings):
            self.findings.append(in_message(rule, severity, title, start, size, text))

    def _admit(self, marker: int, place: str) -> Kind:
        self.read.path.append(place)  # stays if there is no such value
        kind = self.kind(marker)
        if self.limits.reached:
            raise Malformed(self.limits.reached)
        self.read.path.pop()
        return kind


def sized(label: str, value: Object) -> str:
    """What an object is, and of how many properties."""
    return f"{label}, {plural(len(value), 'property')}"


def date_text(date: Date) -> str:
    """An instant as a person reads it."""
    return date.iso or f"{number_text(date.milliseconds)} ms since 1970"


def mentioned(text: str) -> str:
    """A text in quotes, as it is shown when it is mentioned again."""
    if len(text) <= LONGEST_MENTION:
        return quoted(text)
    return quoted(text[:LONGEST_MENTION])[:-1] + '..."'


def name_of(key: str) -> str:
    """What the property of this key is called."""
    if len(key) <= LONGEST_MENTION:
        return printable(key) or '""'
    return printable(key[:LONGEST_MENTION]) + "..."
