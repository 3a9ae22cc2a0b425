"""AMF0: takes a cursor that stands at a value, gives the value and records its fields (Action Message Format 0).

A scalar is one field whose span includes its marker; what the marker, the length and the rest of its bytes are is
said by inline children. A container is a group of one `property` field for each pair, or of its elements' fields.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rtmpsniff.fields import Cursor, Group, Malformed, Role
from rtmpsniff.findings import AMF_MALFORMED, Finding, Severity
from rtmpsniff.payload import amf3
from rtmpsniff.payload.amf import AmfReader, Kind, Limits, date_text, sized
from rtmpsniff.payload.values import (
    UNDEFINED,
    UNSUPPORTED,
    Date,
    EcmaArray,
    Object,
    Reference,
    Undefined,
    Unsupported,
    Value,
    Xml,
)
from rtmpsniff.text import decode_text, number_text, plural, printable, quoted

NUMBER: Final = 0x00
STRING: Final = 0x02
UNSUPPORTED_MARKER: Final = 0x0D
LONG_STRING: Final = 0x0C
AVM_PLUS: Final = 0x11
OBJECT_END: Final = b"\x00\x00\x09"  # an empty key, then the object end marker


class Begun(NamedTuple):
    """A container that a reference may name: its value, the word for it, and where it began."""

    value: Object | list[Value]
    word: str
    start: int


class Amf0(AmfReader):
    """Reads the AMF0 values of one message. References do not reach beyond it, so each message has its own (§2.9).

    `amf3` reads what follows a marker 0x11; all such values of the message share its tables. `mixed`: the message is
    of a type that AMF3 senders use, some of which leave that marker out before vectors.
    """

    __slots__ = ("amf3", "begun", "containers", "mixed")

    def __init__(self, read: Cursor, findings: list[Finding], *, mixed: bool = False) -> None:
        super().__init__(read, findings, Limits())
        self.begun: list[Begun | None] = []  # all that may have a number; None for a date or XML, which is no target
        self.containers: list[Begun] = []
        self.amf3 = amf3.Amf3(read, findings, self.limits)
        self.mixed = mixed

    def kind(self, marker: int) -> Kind:
        """What a marker means (§2.1)."""
        if self.mixed and self._is_bare_vector(marker):
            return self._bare_vector(marker)
        kind = READERS.get(marker)
        if kind is None:
            raise Malformed(REFUSED.get(marker) or f"AMF0 has no marker 0x{marker:02x}")
        return kind

    def next_is(self, *markers: int) -> bool:
        """Whether the next value begins with one of these markers."""
        return self.read.peek() in markers

    def text(self, prefix: int, role: Role = Role.TEXT) -> str:
        """UTF-8 text after a length of `prefix` bytes, as inline fields."""
        read = self.read
        size = read.unsigned("length", prefix, Role.PREFIX, inline=True)
        start = read.position
        text = decode_text(read.take("text", size))
        if size:
            read.add("text", start, text, quoted(text), role, inline=True)
        return text

    def begin(self, container: Object | list[Value], word: str, group: Group) -> None:
        """Give a container its number. The group holds it at once, so that it stays if reading breaks off inside."""
        begun = Begun(container, word, group.start)
        self.begun.append(begun)
        self.containers.append(begun)
        group.value = container

    def resolve(self, index: int) -> Begun | None:
        """The container that a reference means.

        By the text (§2.9) only containers are numbered. Decoders in use (Red5, Py3AMF) number dates and XML documents
        too, so theirs is the first reading, and the text's where that one leads to no container.
        """
        target = self.begun[index] if index < len(self.begun) else None
        if target is None and index < len(self.containers):
            return self.containers[index]
        return target

    def properties(self, target: Object, claimed: int = 0) -> None:
        """Read pairs into `target` up to the end marker; `claimed` is how many an ECMA array says it has."""
        while not self._at_end(target, claimed):
            with self.read.group("property", Role.PAIR) as pair:
                pair.value = key = self._key()
                self.read.path[-1] = pair.label = printable(key) or '""'
                self.pair(target.pairs, key)

    def next_is_text(self) -> bool:
        """Whether the next value is a string, in AMF0 or after a switch to AMF3."""
        return self.next_is(STRING, LONG_STRING) or self._next_in_amf3_is(amf3.STRING)

    def next_is_number(self) -> bool:
        """Whether the next value is a number, in AMF0 or after a switch to AMF3."""
        return self.next_is(NUMBER) or self._next_in_amf3_is(amf3.INTEGER, amf3.DOUBLE)

    def _next_in_amf3_is(self, *markers: int) -> bool:
        read = self.read
        return read.left > 1 and read.peek() == AVM_PLUS and read.data[read.position + 1] in markers

    def _key(self) -> str:
        with self.read.group("key", Role.KEY) as group:
            group.value = key = self.text(2, Role.KEY)
            group.label = quoted(key)
        return key

    def _at_end(self, target: Object, claimed: int) -> bool:
        read = self.read
        if read.data.startswith(OBJECT_END, read.position, read.end):
            read.raw("end", 3, Role.MARKER, label="end of object")
            return True
        if not read.left:  # onMetaData cut to a buffer's size ends so
            self._flag_end("The payload ends before an object does")
            return True
        if claimed and len(target.pairs) == claimed and not self._key_fits():  # some encoders only count
            self._flag_end("An ECMA array has no end marker")
            return True
        return False

    def _key_fits(self) -> bool:
        read = self.read
        size = int.from_bytes(read.data[read.position : read.position + 2], "big")
        return read.left >= 2 + size

    def _is_bare_vector(self, marker: int) -> bool:
        """Whether an AMF3 vector stands here without 0x11 before it, which Red5 allows for.

        The markers have another meaning in AMF0, so the bytes must make sense as a vector alone.
        """
        read = self.read
        if marker not in _SAME_AS_VECTOR:
            return False
        stop = amf3.bare_vector_end(marker, read.data, read.position + 1, read.end)
        if stop is None:
            return False
        if marker == UNSUPPORTED_MARKER:  # a value without more bytes: then nothing may follow the vector
            return stop == read.end > read.position + 3
        size = _SAME_AS_VECTOR[marker]
        prefix = read.data[read.position + 1 : read.position + 1 + size]
        return not size or 1 + size + int.from_bytes(prefix, "big") > read.left

    def _bare_vector(self, marker: int) -> Kind:
        title = "A vector without the marker for AMF3 (0x11) before it"
        self.flag(AMF_MALFORMED, Severity.NOTE, title, "here it should stand", self.read.position)
        kind = self.amf3.kind(marker)
        return Kind(kind.name, kind.role, lambda amf, group: kind.read(amf.amf3, group))

    def _flag_end(self, title: str) -> None:
        self.flag(AMF_MALFORMED, Severity.WARNING, title, "here 00 00 09 should stand", self.read.position)


def _number(amf: Amf0, group: Group) -> float:
    value = amf.read.f64("number", inline=True)
    group.label = number_text(value)
    return value


def _boolean(amf: Amf0, group: Group) -> bool:
    value = amf.read.u8("flag", Role.FLAG, inline=True) != 0  # §2.3: anything but zero is true
    group.label = "true" if value else "false"
    return value


def _string(amf: Amf0, group: Group) -> str:
    value = amf.text(2)
    group.label = quoted(value)
    return value


def _long_string(amf: Amf0, group: Group) -> str:
    value = amf.text(4)
    group.label = quoted(value)
    return value


def _xml(amf: Amf0, group: Group) -> Xml:
    amf.begun.append(None)
    value = Xml(amf.text(4))
    group.label = quoted(value.text)
    return value


def _date(amf: Amf0, group: Group) -> Date:
    amf.begun.append(None)
    date = Date(amf.read.f64("milliseconds", inline=True), amf.read.signed("time zone", 2, inline=True))
    group.label = date_text(date)
    if date.timezone:  # §2.13: reserved, and not to be applied
        group.label += f", time zone {date.timezone}"
    return date


def _object(amf: Amf0, group: Group) -> Object:
    value = Object()
    amf.begin(value, "object", group)
    amf.properties(value)
    group.label = sized("object", value)
    return value


def _typed_object(amf: Amf0, group: Group) -> Object:
    value = Object()
    amf.begin(value, "object", group)
    value.class_name = amf.text(2)
    group.label = f"object of class {quoted(value.class_name)}"
    amf.properties(value)
    group.label = sized(group.label, value)
    return value


def _ecma_array(amf: Amf0, group: Group) -> EcmaArray:
    value = EcmaArray(count=amf.read.u32("count", Role.PREFIX, inline=True))
    amf.begin(value, "ECMA array", group)
    group.label = f"ECMA array, {plural(value.count, 'entry')} claimed"
    amf.properties(value, value.count)
    return value


def _strict_array(amf: Amf0, group: Group) -> list[Value]:
    count = amf.read.u32("count", Role.PREFIX, inline=True)
    value: list[Value] = []
    amf.begin(value, "strict array", group)
    group.label = f"strict array, {plural(count, 'element')}"
    amf.elements(value, count)
    return value


def _reference(amf: Amf0, group: Group) -> Reference:
    index = amf.read.u16("index", inline=True)
    target = amf.resolve(index)
    if target is not None:
        group.label = f"reference {index} (the {target.word} at byte {target.start})"
        return Reference(index, target.value)
    group.label = f"reference {index} (to nothing)"
    title = "A reference leads to nothing"
    amf.flag(AMF_MALFORMED, Severity.WARNING, title, f"number {index}", group.start, 3)
    return Reference(index)


def _avm_plus(amf: Amf0, group: Group) -> Value:
    """§3.1: one value in AMF3."""
    return amf.amf3.switched(group)


def _null(_amf: Amf0, _group: Group) -> None:
    return None


def _undefined(_amf: Amf0, _group: Group) -> Undefined:
    return UNDEFINED


def _unsupported(_amf: Amf0, _group: Group) -> Unsupported:
    return UNSUPPORTED


READERS: Final = {
    NUMBER: Kind("number", Role.NUMBER, _number),
    0x01: Kind("boolean", Role.FLAG, _boolean),
    STRING: Kind("string", Role.TEXT, _string),
    0x03: Kind("object", Role.GROUP, _object),
    0x05: Kind("null", Role.MARKER, _null),
    0x06: Kind("undefined", Role.MARKER, _undefined),
    0x07: Kind("reference", Role.NUMBER, _reference),
    0x08: Kind("ECMA array", Role.GROUP, _ecma_array),
    0x0A: Kind("strict array", Role.GROUP, _strict_array),
    0x0B: Kind("date", Role.NUMBER, _date),
    LONG_STRING: Kind("long string", Role.TEXT, _long_string),
    UNSUPPORTED_MARKER: Kind("unsupported", Role.MARKER, _unsupported),
    0x0F: Kind("XML document", Role.TEXT, _xml),
    0x10: Kind("typed object", Role.GROUP, _typed_object),
    AVM_PLUS: Kind(amf3.SWITCH, Role.GROUP, _avm_plus),
}

# Markers of AMF3 vectors, and how long the length is that stands after the same marker in AMF0.
_SAME_AS_VECTOR: Final = {UNSUPPORTED_MARKER: 0, 0x0E: 0, 0x0F: 4, 0x10: 2}

REFUSED: Final = {  # markers after which nobody can tell where the next value begins
    0x04: "a movie clip (0x04) has no defined form",
    0x09: "an object end marker (0x09) where a value should be",
    0x0E: "a record set (0x0e) has no defined form",
}
