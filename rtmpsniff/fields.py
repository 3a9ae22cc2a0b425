"""Bytes become named spans: the call that reads a field also records its name and place.

`Cursor` reads forward through one buffer. Every reading method returns the value that the program uses and appends
a `Field` that says which bytes it came from. `Cursor.group` nests. Nothing else in the project describes a message.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from enum import Enum
from operator import attrgetter
from struct import Struct
from types import TracebackType
from typing import NamedTuple

from rtmpsniff.text import plural

_F64 = Struct(">d")


class Role(Enum):
    """What a run of bytes is for: the theme gives each role its color, the value is the theme's key."""

    BASIC_HEADER = "basic header"
    TIMESTAMP = "timestamp"
    LENGTH = "length"
    TYPE = "type"
    STREAM_ID = "stream id"
    EXTENDED_TIMESTAMP = "extended timestamp"
    MARKER = "AMF marker"
    PREFIX = "length prefix"
    KEY = "key"
    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    MEDIA_HEADER = "media header"
    MEDIA = "media payload"
    RANDOM = "random"
    DIGEST = "digest"
    GROUP = "group"
    PAIR = "pair"
    UNREAD = "unread"


class Field(NamedTuple):
    """One named thing in one buffer.

    A field is a line of a dump. `inline` children are no lines of their own: they only say what some of the
    line's bytes are for (the marker and the length before a string). The other children are lines below it.

    A named tuple and not a dataclass: media messages make several of them each, and a frozen dataclass costs
    three times as much to make.
    """

    name: str  # the specification's word: "message type id"
    start: int  # half-open byte span, relative to the buffer described
    stop: int
    value: object = None  # what the program uses
    label: str = ""  # what a person reads: "9 video"; never holds an unescaped captured character
    role: Role = Role.NUMBER
    mask: int = 0  # for fields that share bytes: which bits of the span, 0xC0 for fmt
    children: tuple[Field, ...] = ()
    inline: bool = False


def shifted(fields: Iterable[Field], by: int) -> tuple[Field, ...]:
    """Fields of one buffer as fields of another, in which that one begins `by` bytes later."""
    return tuple(
        Field(name, start + by, stop + by, value, label, role, mask, shifted(below, by), inline)
        for name, start, stop, value, label, role, mask, below, inline in fields
    )


class Inset(NamedTuple):
    """Bytes that stand amid a buffer on the wire and do not belong to it: a chunk header inside a message."""

    position: int  # in the buffer, before the byte that stands here
    address: int  # where it stood on the wire
    data: bytes
    fields: tuple[Field, ...]


class Block(NamedTuple):
    """A buffer, what its bytes mean, and how it stood on the wire: all that a dump needs to know.

    Without insets the buffer stood in one piece from `address` on; with them its bytes follow each inset's.
    """

    address: int
    data: bytes
    fields: tuple[Field, ...]
    insets: tuple[Inset, ...] = ()
    missing: tuple[tuple[int, int], ...] = ()  # spans of the buffer that are not there
    missing_reason: str = "never captured"

    def address_of(self, position: int) -> int:
        """Where on the wire the byte at `position` of the buffer stood."""
        at = bisect_right(self.insets, position, key=attrgetter("position")) - 1
        if at < 0:
            return self.address + position
        inset = self.insets[at]
        return inset.address + len(inset.data) + position - inset.position


class Unreadable(Exception):
    """Reading cannot go on at this place.

    Caught in `payload.bodies.decode`, and by readers that know from a length where to go on; these put `Cursor.path`
    back to what it was.
    """

    @property
    def reason(self) -> str:
        """What is wrong, without the place."""
        return str(self)


class Truncated(Unreadable):
    """The bytes ran out: `name` wanted `needed` of them and `available` were left."""

    def __init__(self, name: str, needed: int, available: int) -> None:
        self.name, self.needed, self.available = name, needed, available
        super().__init__(f"{name} needs {needed} bytes, has {available}")

    @property
    def reason(self) -> str:
        return f"needs {plural(self.needed, 'byte')}, has {self.available}"


class Malformed(Unreadable):
    """The bytes are there and mean nothing, or more than this program is willing to hold."""


class Cursor:
    """Reads forward through `data[position:end]` and records a `Field` for each thing read."""

    __slots__ = ("bit_fields", "data", "end", "fields", "path", "position")

    def __init__(self, data: bytes, position: int = 0, end: int | None = None) -> None:
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end
        self.fields: list[Field] = []
        self.path: list[str] = []  # the names of the groups that are open, for error messages
        self.bit_fields = 0  # how many fields of single bits there are: eight for a byte would be too many everywhere

    @property
    def left(self) -> int:
        """How many bytes are still to be read."""
        return self.end - self.position

    def peek(self) -> int | None:
        """The next byte's value, unread; None at the end."""
        return self.data[self.position] if self.position < self.end else None

    def take(self, name: str, size: int) -> bytes:
        """Move over `size` bytes without recording a field, and give them; raises `Truncated`."""
        start = self.position
        if size > self.end - start:
            raise Truncated(name, size, self.end - start)
        self.position = start + size
        return self.data[start : start + size]

    def add(
        self, name: str, start: int, value: object, label: str, role: Role, mask: int = 0, inline: bool = False
    ) -> None:
        """Record a field that reaches from `start` to the present position."""
        self.fields.append(Field(name, start, self.position, value, label, role, mask, (), inline))

    def unsigned(self, name: str, size: int, role: Role = Role.NUMBER, *, label: str = "", inline: bool = False) -> int:
        """A big-endian unsigned integer of `size` bytes; `label` may use `{}` for the value."""
        value = int.from_bytes(self.take(name, size), "big")
        self.add(name, self.position - size, value, label.format(value) if label else str(value), role, 0, inline)
        return value

    def u8(self, name: str, role: Role = Role.NUMBER, *, label: str = "", inline: bool = False) -> int:
        return self.unsigned(name, 1, role, label=label, inline=inline)

    def u16(self, name: str, role: Role = Role.NUMBER, *, label: str = "", inline: bool = False) -> int:
        return self.unsigned(name, 2, role, label=label, inline=inline)

    def u24(self, name: str, role: Role = Role.NUMBER, *, label: str = "", inline: bool = False) -> int:
        return self.unsigned(name, 3, role, label=label, inline=inline)

    def u32(self, name: str, role: Role = Role.NUMBER, *, label: str = "", inline: bool = False) -> int:
        return self.unsigned(name, 4, role, label=label, inline=inline)

    def signed(self, name: str, size: int, role: Role = Role.NUMBER, *, label: str = "", inline: bool = False) -> int:
        """A big-endian two's complement integer of `size` bytes."""
        value = int.from_bytes(self.take(name, size), "big", signed=True)
        self.add(name, self.position - size, value, label.format(value) if label else str(value), role, 0, inline)
        return value

    def f64(self, name: str, role: Role = Role.NUMBER, *, label: str = "", inline: bool = False) -> float:
        """An IEEE 754 double, big-endian."""
        value: float = _F64.unpack(self.take(name, 8))[0]
        self.add(name, self.position - 8, value, label or repr(value), role, 0, inline)
        return value

    def enum(
        self, name: str, size: int, names: Mapping[int, str], role: Role = Role.TYPE, *, inline: bool = False
    ) -> int:
        """An unsigned integer that stands for something: labelled `9 video`, or `10 unknown`."""
        value = int.from_bytes(self.take(name, size), "big")
        label = f"{value} {names.get(value, 'unknown')}"
        self.add(name, self.position - size, value, label, role, 0, inline)
        return value

    def bits(self, name: str, mask: int, names: Mapping[int, str] | None = None, role: Role = Role.MEDIA_HEADER) -> int:
        """A bit field of the next byte, which stays unread until `skip` moves over it."""
        byte = self.peek()
        if byte is None:
            raise Truncated(name, 1, 0)
        value = (byte & mask) >> ((mask & -mask).bit_length() - 1)
        label = str(value) if names is None else f"{value} {names.get(value, 'unknown')}"
        self.fields.append(Field(name, self.position, self.position + 1, value, label, role, mask))
        return value

    def skip(self, size: int = 1) -> None:
        """Move over bytes whose fields `bits` has recorded."""
        self.take("bit fields", size)

    def raw(self, name: str, size: int, role: Role = Role.UNREAD, *, label: str = "", inline: bool = False) -> bytes:
        """Exactly `size` bytes as they are."""
        value = self.take(name, size)
        self.add(name, self.position - size, value, label, role, 0, inline)
        return value

    def rest(self, name: str, role: Role = Role.UNREAD, label: str = "") -> bytes:
        """All that is left; records nothing when nothing is."""
        if self.position == self.end:
            return b""
        return self.raw(name, self.end - self.position, role, label=label)

    def group(self, name: str, role: Role = Role.GROUP) -> Group:
        """`with read.group("command object") as group:` nests what is read inside under one field.

        The block may set `group.value` and `group.label`. If reading breaks off inside, what was read stays.
        """
        return Group(self, name, role)


class Group:
    """An open nested field, see `Cursor.group`."""

    __slots__ = ("cursor", "label", "name", "outer", "role", "start", "value")

    def __init__(self, cursor: Cursor, name: str, role: Role) -> None:
        self.cursor, self.name, self.role = cursor, name, role
        self.value: object = None
        self.label = ""

    def __enter__(self) -> Group:
        cursor = self.cursor
        self.start, self.outer = cursor.position, cursor.fields
        cursor.fields = []
        cursor.path.append(self.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cursor = self.cursor
        children = tuple(cursor.fields)
        cursor.fields = self.outer
        if kind is None:
            cursor.path.pop()  # kept on errors: it says where reading broke off
        if cursor.position > self.start or children:
            cursor.fields.append(
                Field(self.name, self.start, cursor.position, self.value, self.label, self.role, 0, children)
            )
