"""AMF3: takes a cursor that stands at a value, gives the value and records its fields (Action Message Format 3).

Strings, objects and the traits of classes are sent once and then named by a number. What a number means is looked up
at once: a later mention of a string, a date, XML or a byte array gives that very thing, one of a container gives a
`Reference` to it. A label of a later mention is short, however long the thing is: a message may mention it often.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final, NamedTuple

from rtmpsniff.fields import Cursor, Field, Group, Malformed, Role, Truncated
from rtmpsniff.findings import AMF_MALFORMED, Finding, Severity
from rtmpsniff.payload.amf import MAX_VALUES, AmfReader, Kind, Limits, date_text, mentioned, name_of, sized
from rtmpsniff.payload.externalizable import read_external
from rtmpsniff.payload.values import (
    UNDEFINED,
    Array,
    Container,
    Date,
    Dictionary,
    Externalizable,
    Object,
    Reference,
    Undefined,
    Value,
    Vector,
    Xml,
)
from rtmpsniff.text import decode_text, number_text, plural, quoted

INTEGER: Final = 0x04
DOUBLE: Final = 0x05
STRING: Final = 0x06
_XML_DOCUMENT: Final = 0x07
_DATE: Final = 0x08
_ARRAY: Final = 0x09
_OBJECT: Final = 0x0A
_XML: Final = 0x0B
_BYTE_ARRAY: Final = 0x0C
_VECTOR_OF_INT: Final = 0x0D
_VECTOR_OF_UINT: Final = 0x0E
_VECTOR_OF_DOUBLE: Final = 0x0F
_VECTOR_OF_OBJECTS: Final = 0x10
_DICTIONARY: Final = 0x11

SWITCH: Final = "AMF3 value"  # what the AMF0 marker for it is called
MOST_BYTES: Final = 16  # of a byte array in a label
MOST_ITEMS: Final = 256  # of a vector of numbers that have a field each


class Known(NamedTuple):
    """Something in the table of objects: the value, how a later mention shows it, where it began, and its marker."""

    value: Value
    word: str  # of a container: "array"; of anything else the value itself, shortened
    start: int
    marker: int


class Traits(NamedTuple):
    """§3.12: what objects of one class have in common."""

    class_name: str  # empty: anonymous
    names: list[str]  # of the sealed members
    is_dynamic: bool = False
    is_externalizable: bool = False


class Header(NamedTuple):
    """The thing itself is here, and the number is its length or the like; or it is the number of an earlier thing."""

    is_here: bool
    number: int


class Text(NamedTuple):
    """A string that was read. `lost` is its number where that leads to nothing."""

    text: str
    label: str
    lost: int | None = None


class Amf3(AmfReader):
    """Reads the AMF3 values of one message and keeps its three tables (§2.2).

    Whether the tables begin anew with each value after an AMF0 marker 0x11 is not settled: by the text (§4.1) they
    are reset with each message, and Red5, BlazeDS and Py3AMF share them among its values, as this reader does. Where
    that gives something of another type than the marker says, the table since the last switch is asked.
    """

    __slots__ = ("begun", "objects", "strings", "traits")

    def __init__(self, read: Cursor, findings: list[Finding], limits: Limits | None = None) -> None:
        super().__init__(read, findings, limits or Limits())
        self.strings: list[str] = []
        self.objects: list[Known] = []
        self.traits: list[Traits] = []
        self.begun = 0  # how many objects there were at the last switch from AMF0

    def kind(self, marker: int) -> Kind:
        """What a marker means (§3.1)."""
        kind = READERS.get(marker)
        if kind is None:
            raise Malformed(f"AMF3 has no marker 0x{marker:02x}")
        return kind

    def switched(self, group: Group) -> Value:
        """Read the value after an AMF0 marker 0x11, in the group that is open for it."""
        marker = self.read.peek()
        if marker is None:
            raise Truncated(SWITCH, 1, 0)
        kind = self.kind(marker)
        if group.name == SWITCH:
            group.name = kind.name
        group.role, group.label = kind.role, kind.name
        self.begun = len(self.objects)
        self.read.u8("marker", Role.MARKER, label=kind.name, inline=True)
        value: Value = kind.read(self, group)
        return value

    def next_is_text(self) -> bool:
        """Whether the next value is a string."""
        return self.read.peek() == STRING

    def next_is_number(self) -> bool:
        """Whether the next value is a number."""
        return self.read.peek() in {INTEGER, DOUBLE}

    # What values are made of

    def u29(self, name: str) -> int:
        """§1.3.1: an unsigned integer of 29 bits in one to four bytes, without a field.

        Longer forms than need be are as good as the shortest; the fourth byte ends it whatever it says.
        """
        read, value = self.read, 0
        for size in range(1, 5):
            if size > read.left:
                raise Truncated(name, size, read.left)
            byte = read.data[read.position + size - 1]
            value = value << 8 | byte if size == 4 else value << 7 | byte & 0x7F
            if size == 4 or byte < 0x80:
                break
        read.position += size
        return value

    def header(self, name: str) -> Header:
        """Read what stands before the bytes of a thing; `name` is what its number means where the thing is here."""
        start = self.read.position
        value = self.u29(name)
        header = Header(value & 1 == 1, value >> 1)
        shown, role = (name, Role.PREFIX) if header.is_here else ("index", Role.NUMBER)
        self.read.add(shown, start, header.number, str(header.number), role, inline=True)
        return header

    def text(self, role: Role = Role.TEXT) -> Text:
        """§1.3.2: a string, or the number of an earlier one, as inline fields. The empty string has no number."""
        read = self.read
        is_here, size = self.header("length")
        if not is_here:
            return self._earlier_text(size)
        start = read.position
        text = decode_text(read.take("text", size))
        label = quoted(text)
        if size:
            read.add("text", start, text, label, role, inline=True)
            self.strings.append(text)
        return Text(text, label)

    def key(self, name: str = "key") -> Text:
        """A string without a marker, as names of properties are; a field of its own."""
        with self.read.group(name, Role.KEY) as group:
            key = self.text(Role.KEY)
            group.value, group.label = key.text, key.label
        return key

    def class_name(self) -> Text:
        """The name of a class as a field of its own, for it may be long; the empty one is no more than a byte."""
        if self.at_end():
            self.end("no class", inline=True)
            return Text("", '""')
        return self.key("class")

    def properties(self, target: Object, what: str = "object") -> None:
        """Read pairs into `target` up to the empty key."""
        while not self.at_end():
            with self.read.group("property", Role.PAIR) as pair:
                pair.value = key = self.key().text
                self.read.path[-1] = pair.label = name_of(key)
                self.pair(target.pairs, key)
        self.end(f"end of {what}")

    def member(self, target: Object, name: str) -> None:
        """Read the value of a property whose name does not stand here."""
        with self.read.group("property", Role.PAIR) as pair:
            pair.value, pair.label = name, name_of(name)
            self.read.path[-1] = ""  # the value bears the name
            self.pair(target.pairs, name, pair.label)

    def at_end(self) -> bool:
        """Whether an empty string stands here, which ends pairs and is the name of no class."""
        position = self.read.position
        at_end = self.read.left > 0 and self.u29("key") == 1
        self.read.position = position
        return at_end

    def end(self, label: str, *, inline: bool = False) -> None:
        """Read the empty string, for which `at_end` has looked."""
        start = self.read.position
        self.u29("key")
        self.read.add("end", start, None, label, Role.MARKER, inline=inline)

    # Things that are named by a number

    def begin(self, container: Container, word: str, group: Group, marker: int) -> None:
        """Give a container its number. The group holds it at once, so that it stays if reading breaks off inside."""
        self.objects.append(Known(container, word, group.start, marker))
        group.value = container

    def mention(self, index: int, group: Group, marker: int) -> Value:
        """The value that was the message's number `index`, and the label that says so."""
        known = self._known(index, marker)
        group.role = Role.NUMBER
        if known is None:
            group.label = f"reference {index} (to nothing)"
            self._flag("A reference leads to nothing", f"number {index}", group.start)
            return Reference(index)
        if not _alike(known.marker, marker):
            self._flag("A reference has the marker of another type", f"number {index}", group.start)
        if isinstance(known.value, Object | Vector | Dictionary | list):
            if group.name == READERS[marker].name:
                group.name = "reference"
            group.label = f"reference {index} (the {known.word} at byte {known.start})"
            return Reference(index, known.value)
        group.label = f"{known.word} (reference {index}, from byte {known.start})"
        return known.value

    def _known(self, index: int, marker: int) -> Known | None:
        shared = self.objects[index] if index < len(self.objects) else None
        if shared is not None and not _alike(shared.marker, marker) and self.begun + index < len(self.objects):
            own = self.objects[self.begun + index]
            if _alike(own.marker, marker):
                return own
        return shared

    def _earlier_text(self, index: int) -> Text:
        if index < len(self.strings):
            text = self.strings[index]
            return Text(text, f"{mentioned(text)} (string reference {index})")
        self._flag("A string reference leads to nothing", f"number {index}", self.read.fields[-1].start)
        return Text("", f"string reference {index} (to nothing)", index)

    def _flag(self, title: str, text: str, start: int) -> None:
        self.flag(AMF_MALFORMED, Severity.WARNING, title, text, start, self.read.position - start)


def _alike(one: int, other: int) -> bool:
    """Whether things of these markers may be taken for each other; the two kinds of XML may."""
    return one == other or {one, other} == {_XML_DOCUMENT, _XML}


# Values without a number


def _undefined(_amf: Amf3, _group: Group) -> Undefined:
    return UNDEFINED


def _null(_amf: Amf3, _group: Group) -> None:
    return None


def _false(_amf: Amf3, group: Group) -> bool:
    group.label = "false"
    return False


def _true(_amf: Amf3, group: Group) -> bool:
    group.label = "true"
    return True


def _integer(amf: Amf3, group: Group) -> int:
    start = amf.read.position
    value = amf.u29("integer")
    value -= (value & 0x10000000) << 1  # §3.6: the 29th bit is the sign
    group.label = str(value)
    amf.read.add("integer", start, value, group.label, Role.NUMBER, inline=True)
    return value


def _double(amf: Amf3, group: Group) -> float:
    value = amf.read.f64("double", inline=True)
    group.label = number_text(value)
    return value


def _string(amf: Amf3, group: Group) -> str | Reference:
    text = amf.text()
    group.label = text.label
    return text.text if text.lost is None else Reference(text.lost, table="string")


# Values with a number, in which there are no others


def _date(amf: Amf3, group: Group) -> Value:
    is_here, number = amf.header("flags")
    if not is_here:
        return amf.mention(number, group, _DATE)
    value = Date(amf.read.f64("milliseconds", inline=True), None)
    group.label = date_text(value)
    amf.objects.append(Known(value, group.label, group.start, _DATE))
    return value


def _xml_document(amf: Amf3, group: Group) -> Value:
    return _any_xml(amf, group, _XML_DOCUMENT)


def _xml(amf: Amf3, group: Group) -> Value:
    return _any_xml(amf, group, _XML)


def _any_xml(amf: Amf3, group: Group, marker: int) -> Value:
    is_here, size = amf.header("length")
    if not is_here:
        return amf.mention(size, group, marker)
    start = amf.read.position
    value = Xml(decode_text(amf.read.take("text", size)), legacy=marker == _XML_DOCUMENT)
    group.label = quoted(value.text)
    if size:
        amf.read.add("text", start, value.text, group.label, Role.TEXT, inline=True)
    amf.objects.append(Known(value, mentioned(value.text), group.start, marker))
    return value


def _byte_array(amf: Amf3, group: Group) -> Value:
    is_here, size = amf.header("length")
    if not is_here:
        return amf.mention(size, group, _BYTE_ARRAY)
    value = amf.read.raw("bytes", size, Role.NUMBER, inline=True) if size else b""
    group.label = bytes_text(value)
    amf.objects.append(Known(value, group.label, group.start, _BYTE_ARRAY))
    return value


def bytes_text(value: bytes) -> str:
    """`5 bytes: 01 02 03 04 05`."""
    more = " ..." if len(value) > MOST_BYTES else ""
    return f"{plural(len(value), 'byte')}{': ' if value else ''}{value[:MOST_BYTES].hex(' ')}{more}"


# Containers


def _array(amf: Amf3, group: Group) -> Value:
    is_here, count = amf.header("count")
    if not is_here:
        return amf.mention(count, group, _ARRAY)
    elements = plural(count, "element")
    if amf.at_end():
        dense: list[Value] = []
        amf.begin(dense, "array", group, _ARRAY)
        group.label = f"array, {elements}"
        amf.end("no named entries", inline=True)
        amf.elements(dense, count)
        return dense
    value = Array()
    amf.begin(value, "array", group, _ARRAY)
    group.label = f"array, named entries and {elements}"
    amf.properties(value, "named entries")
    group.label = f"array, {plural(len(value), 'named entry')} and {elements}"
    amf.elements(value.dense, count)
    return value


def _object(amf: Amf3, group: Group) -> Value:
    read = amf.read
    start = read.position
    flags = amf.u29("traits")
    if not flags & 1:
        read.add("index", start, flags >> 1, str(flags >> 1), Role.NUMBER, inline=True)
        return amf.mention(flags >> 1, group, _OBJECT)
    if not flags & 2:
        index = flags >> 2
        read.add("traits reference", start, index, str(index), Role.NUMBER, inline=True)
        if index >= len(amf.traits):
            raise Malformed(f"traits reference {index} leads to nothing")
        traits = amf.traits[index]
        value = _new_object(amf, group, traits, mentioned(traits.class_name))
        group.label += f" (traits reference {index})"
    else:
        traits, value = _new_traits(amf, group, start, flags)
    if traits.is_externalizable:
        read_external(amf, value)
        return value
    label = group.label
    for name in traits.names:
        amf.member(value, name)
    if traits.is_dynamic:
        amf.properties(value)
    group.label = sized(label, value)
    return value


def _new_traits(amf: Amf3, group: Group, start: int, flags: int) -> tuple[Traits, Object]:
    """Read the traits of a class with its first object. What the object is, is known before the names of members."""
    is_external, is_dynamic, count = flags & 0b111 == 0b111, flags & 0b1111 == 0b1011, flags >> 4
    sort = "externalizable" if is_external else f"{plural(count, 'member')}, {'dynamic' if is_dynamic else 'sealed'}"
    amf.read.add("traits", start, flags, f"new traits, {sort}", Role.PREFIX, inline=True)
    name = amf.class_name()
    traits = Traits(name.text, [], is_dynamic, is_external)
    value = _new_object(amf, group, traits, name.label)
    for _ in range(0 if is_external else count):
        if amf.limits.count >= MAX_VALUES:
            raise Malformed(f"more than {MAX_VALUES} values in one message")
        amf.limits.count += 1
        traits.names.append(amf.key("member").text)
    amf.traits.append(traits)
    return traits, value


def _new_object(amf: Amf3, group: Group, traits: Traits, class_label: str) -> Object:
    make = Externalizable if traits.is_externalizable else Object
    value = make(class_name=traits.class_name or None)
    of_class = f" of class {mentioned(traits.class_name)}" if traits.class_name else ""
    amf.begin(value, f"object{of_class}", group, _OBJECT)
    group.label = f"object of class {class_label}" if traits.class_name else "object"
    if traits.is_externalizable:
        group.label = f"externalizable {group.label}"
    return value


def _dictionary(amf: Amf3, group: Group) -> Value:
    read = amf.read
    is_here, count = amf.header("count")
    if not is_here:
        return amf.mention(count, group, _DICTIONARY)
    value = Dictionary(weak=read.u8("weak keys", Role.FLAG, inline=True) != 0)
    amf.begin(value, "dictionary", group, _DICTIONARY)
    group.label = f"dictionary{' with weak keys' if value.weak else ''}, {plural(count, 'entry')}"
    for index in range(count):
        if not read.left:
            raise Malformed(f"claims {plural(count, 'entry')}, has {index}")
        with read.group("entry") as entry:
            read.path[-1] = entry.label = f"[{index}]"
            amf.pair(value.pairs, amf.value("key"), "value")
    return value


def _vector_of_objects(amf: Amf3, group: Group) -> Value:
    is_here, count = amf.header("count")
    if not is_here:
        return amf.mention(count, group, _VECTOR_OF_OBJECTS)
    value = Vector("object", fixed=_fixed(amf))
    amf.begin(value, "vector of object", group, _VECTOR_OF_OBJECTS)
    name = amf.class_name()
    value.class_name = name.text
    group.label = f"vector of {name.label if name.text else 'any type'}{_length(value, count)}"
    amf.elements(value.items, count)
    return value


def _vector_of(kind: str, marker: int, item: Struct) -> Callable[[Amf3, Group], Value]:
    """What reads a vector of numbers: each is as long as the others and has no marker."""

    def read_vector(amf: Amf3, group: Group) -> Value:
        is_here, count = amf.header("count")
        if not is_here:
            return amf.mention(count, group, marker)
        value = Vector(kind, fixed=_fixed(amf))
        amf.begin(value, f"vector of {kind}", group, marker)
        group.label = f"vector of {kind}{_length(value, count)}"
        here = min(count, amf.read.left // item.size)
        _items(amf, value, item, here)
        if here < count:
            raise Malformed(f"claims {plural(count, 'element')}, has {here}")
        return value

    return read_vector


def _fixed(amf: Amf3) -> bool:
    return amf.read.u8("fixed", Role.FLAG, inline=True) != 0


def _length(value: Vector, count: int) -> str:
    return f"{', fixed' if value.fixed else ''}, {plural(count, 'element')}"


def _items(amf: Amf3, value: Vector, item: Struct, count: int) -> None:
    """The numbers of a vector. The first have a field each, the many of a long one have one field together."""
    read = amf.read
    start = read.position
    value.items.extend(number for (number,) in item.iter_unpack(read.take("elements", count * item.size)))
    shown = min(count, MOST_ITEMS, MAX_VALUES - amf.limits.count)
    amf.limits.count += shown
    for index, number in enumerate(value.items[:shown]):
        begin = start + index * item.size
        label = number_text(number) if isinstance(number, float) else str(number)
        read.fields.append(Field(value.kind, begin, begin + item.size, number, label))
    if shown < count:
        read.add("elements", start + shown * item.size, None, f"{plural(count - shown, 'element')} more", Role.NUMBER)


def bare_vector_end(marker: int, data: bytes, position: int, end: int) -> int | None:
    """Where a vector ends whose marker stands before `position`; None where the bytes are none.

    For vectors that were sent without the AMF0 marker 0x11. Of objects the end is not known, and `end` is given.
    """
    amf = Amf3(Cursor(data, position, end), [])
    try:
        (is_here, count), fixed = amf.header("count"), amf.read.u8("fixed")
    except Truncated:
        return None
    if not is_here or fixed > 1:
        return None
    stop = amf.read.position + count * _ITEMS[marker].size if marker in _ITEMS else amf.read.position + count
    return None if stop > end else stop if marker in _ITEMS else end


_ITEMS: Final = {_VECTOR_OF_INT: Struct(">i"), _VECTOR_OF_UINT: Struct(">I"), _VECTOR_OF_DOUBLE: Struct(">d")}

READERS: Final = {
    0x00: Kind("undefined", Role.MARKER, _undefined),
    0x01: Kind("null", Role.MARKER, _null),
    0x02: Kind("boolean", Role.FLAG, _false),
    0x03: Kind("boolean", Role.FLAG, _true),
    INTEGER: Kind("integer", Role.NUMBER, _integer),
    DOUBLE: Kind("double", Role.NUMBER, _double),
    STRING: Kind("string", Role.TEXT, _string),
    _XML_DOCUMENT: Kind("XML document", Role.TEXT, _xml_document),
    _DATE: Kind("date", Role.NUMBER, _date),
    _ARRAY: Kind("array", Role.GROUP, _array),
    _OBJECT: Kind("object", Role.GROUP, _object),
    _XML: Kind("XML", Role.TEXT, _xml),
    _BYTE_ARRAY: Kind("byte array", Role.NUMBER, _byte_array),
    _VECTOR_OF_INT: Kind("vector", Role.GROUP, _vector_of("int", _VECTOR_OF_INT, _ITEMS[_VECTOR_OF_INT])),
    _VECTOR_OF_UINT: Kind("vector", Role.GROUP, _vector_of("uint", _VECTOR_OF_UINT, _ITEMS[_VECTOR_OF_UINT])),
    _VECTOR_OF_DOUBLE: Kind("vector", Role.GROUP, _vector_of("double", _VECTOR_OF_DOUBLE, _ITEMS[_VECTOR_OF_DOUBLE])),
    _VECTOR_OF_OBJECTS: Kind("vector", Role.GROUP, _vector_of_objects),
    _DICTIONARY: Kind("dictionary", Role.GROUP, _dictionary),
}
