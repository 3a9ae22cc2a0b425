"""A tiny AMF3 encoder, the companion of `tests.build`: values become the bytes that a careful sender writes.

It keeps the three tables of one message: a string, an object or the traits of a class that was written is named by
its number from then on; a container, date or byte array counts as the same if it is the same Python object. It shares
no code with the package, so that a misreading cannot hide in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from struct import pack

from tests.build import Bare, Date

UNDEFINED = Bare(0x00)


@dataclass(frozen=True, slots=True, eq=False)
class Mixed:
    """An array with named entries before its elements."""

    entries: Mapping[str, object]
    dense: Sequence[object] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Typed:
    """An object of a class; `dynamic` is None for a class that is sealed."""

    name: str
    sealed: Mapping[str, object]
    dynamic: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class External:
    """An object whose class alone knows its bytes: what stands between the values is given ready-made."""

    name: str
    parts: Sequence[object]  # `Raw`, or values


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """Bytes as they are."""

    data: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Xml:
    text: str
    marker: int = 0x0B  # 7 for the older XMLDocument


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    kind: str  # int, uint, double, object
    items: Sequence[object]
    fixed: bool = False
    type_name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Dictionary:
    pairs: Sequence[tuple[object, object]]
    weak: bool = False


def u29(value: int) -> bytes:
    """The shortest form."""
    if value < 0x80:
        return bytes([value])
    if value < 0x4000:
        return bytes([value >> 7 | 0x80, value & 0x7F])
    if value < 0x200000:
        return bytes([value >> 14 | 0x80, value >> 7 & 0x7F | 0x80, value & 0x7F])
    return bytes([value >> 22 | 0x80, value >> 15 & 0x7F | 0x80, value >> 8 & 0x7F | 0x80, value & 0xFF])


def amf3(*values: object) -> bytes:
    """The values of one message one after the other."""
    writer = Writer()
    return b"".join(map(writer.value, values))


@dataclass(slots=True)
class Writer:
    """Writes the values of one message."""

    strings: dict[str, int] = field(default_factory=dict)
    traits: dict[tuple[object, ...], int] = field(default_factory=dict)
    objects: dict[int, int] = field(default_factory=dict)
    kept: list[object] = field(default_factory=list)  # so that identities stay what they are

    def value(self, value: object) -> bytes:  # noqa: PLR0911 - one line for each kind of value
        match value:
            case Bare():
                return bytes([value.marker])
            case Raw():
                return value.data
            case None:
                return b"\x01"
            case bool():
                return b"\x03" if value else b"\x02"
            case int():
                return b"\x04" + u29(value & 0x1FFFFFFF)
            case float():
                return pack(">Bd", 0x05, value)
            case str():
                return b"\x06" + self.string(value)
        return self.referable(value)

    def string(self, text: str) -> bytes:
        data = text.encode()
        if not data:
            return b"\x01"
        if text in self.strings:
            return u29(self.strings[text] << 1)
        self.strings[text] = len(self.strings)
        return u29(len(data) << 1 | 1) + data

    def referable(self, value: object) -> bytes:
        marker, write = _KINDS[type(value)]
        if isinstance(value, Xml | Vector):
            marker = value.marker if isinstance(value, Xml) else _VECTORS[value.kind][0]
        known = self.objects.get(id(value))
        if known is not None:
            return bytes([marker]) + u29(known << 1)
        self.objects[id(value)] = len(self.objects)
        self.kept.append(value)
        return bytes([marker]) + write(self, value)

    def entries(self, entries: Mapping[str, object]) -> bytes:
        return b"".join(self.string(key) + self.value(value) for key, value in entries.items()) + b"\x01"

    def values(self, values: Sequence[object]) -> bytes:
        return b"".join(map(self.value, values))

    def head(self, name: str, names: tuple[str, ...], flags: int) -> bytes:
        """The traits of an object: what its class is."""
        key = (name, names, flags)
        if key in self.traits:
            return u29(self.traits[key] << 2 | 1)
        self.traits[key] = len(self.traits)
        return u29(len(names) << 4 | flags) + self.string(name) + b"".join(map(self.string, names))


def _typed(writer: Writer, value: Typed) -> bytes:
    head = writer.head(value.name, tuple(value.sealed), 0b0011 if value.dynamic is None else 0b1011)
    sealed = writer.values(list(value.sealed.values()))
    return head + sealed + (b"" if value.dynamic is None else writer.entries(value.dynamic))


def _vector(writer: Writer, value: Vector) -> bytes:
    head = u29(len(value.items) << 1 | 1) + bytes([value.fixed])
    if value.kind == "object":
        return head + writer.string(value.type_name) + writer.values(value.items)
    return head + pack(f">{len(value.items)}{_VECTORS[value.kind][1]}", *value.items)


def _dictionary(writer: Writer, value: Dictionary) -> bytes:
    pairs = b"".join(writer.value(key) + writer.value(item) for key, item in value.pairs)
    return u29(len(value.pairs) << 1 | 1) + bytes([value.weak]) + pairs


def _counted(data: bytes) -> bytes:
    return u29(len(data) << 1 | 1) + data


def _array(writer: Writer, entries: Mapping[str, object], dense: Sequence[object]) -> bytes:
    return u29(len(dense) << 1 | 1) + writer.entries(entries) + writer.values(dense)


_VECTORS = {"int": (0x0D, "i"), "uint": (0x0E, "I"), "double": (0x0F, "d"), "object": (0x10, "")}

_KINDS: Mapping[type, tuple[int, Callable[..., bytes]]] = {
    bytes: (0x0C, lambda _, value: _counted(value)),
    Date: (0x08, lambda _, value: pack(">Bd", 1, value.milliseconds)),
    Xml: (0, lambda _, value: _counted(value.text.encode())),
    list: (0x09, lambda writer, value: _array(writer, {}, value)),
    Mixed: (0x09, lambda writer, value: _array(writer, value.entries, value.dense)),
    dict: (0x0A, lambda writer, value: writer.head("", (), 0b1011) + writer.entries(value)),
    Typed: (0x0A, _typed),
    External: (0x0A, lambda writer, value: writer.head(value.name, (), 0b0111) + writer.values(value.parts)),
    Vector: (0, _vector),
    Dictionary: (0x11, _dictionary),
}
