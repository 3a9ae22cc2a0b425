"""Shared object messages: takes a cursor over the body, gives the object's name and the events.

RTMP 1.0 §7.1.3. The specification draws the layout and leaves the bodies of the events to the reader; they are as Flash
Media Server, Red5 and crtmpserver have them. An event says how long it is. That length alone decides where the next one
begins: whatever is wrong inside an event ends with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast

from rtmpsniff.fields import Cursor, Field, Group, Malformed, Role, Truncated, Unreadable
from rtmpsniff.findings import BODY_MALFORMED, Finding, Severity, in_message
from rtmpsniff.payload.amf0 import Amf0
from rtmpsniff.payload.amf3 import Amf3
from rtmpsniff.payload.command import FORMATS
from rtmpsniff.payload.values import Value
from rtmpsniff.text import plural, printable, quoted


@dataclass(frozen=True, slots=True)
class SharedObjectEvent:
    """One event, by name and number, and those of the attributes that it has; the others are None.

    `change` and `request_change` have `pairs` of an attribute's name and its value; `success`, `remove` and
    `request_remove` have `keys`; `send_message` has `handler` (empty where no name stands there) and `args`; `status`
    has `code` and `level`; `use`, `release`, `clear` and `use_success` have nothing. `data` is what an event of an
    unknown number holds, or one of a known number beyond what belongs to it. `breaks_off` is `short` where the event
    has fewer bytes than it says, and `unread` where reading it came to no end.
    """

    event: str
    event_id: int
    pairs: tuple[tuple[str, Value], ...] | None = None
    keys: tuple[str, ...] | None = None
    handler: str | None = None
    args: tuple[Value, ...] | None = None
    code: str | None = None
    level: str | None = None
    data: bytes | None = None
    breaks_off: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class SharedObject:
    """§7.1.3: events of the object `name`.

    `version` is the one that a client holds, or the server's present one. `persistent`: the object outlives those
    who use it.
    """

    name: str
    version: int = 0
    persistent: bool = False
    events: tuple[SharedObjectEvent, ...] = ()


MAX_PARTS: Final = 65_536  # events and attributes of one message, so that memory stays in proportion to it

FLAGS: Final = {0: "transient", 2: "persistent"}
_PERSISTENT: Final = 2


def shared_object(read: Cursor, findings: list[Finding]) -> SharedObject:
    """Read a shared object message (type 19)."""
    return _Reader(Amf0(read, findings)).message()


def shared_object_amf3(read: Cursor, findings: list[Finding]) -> SharedObject:
    """Read a shared object message of type 16: a format selector, then as type 19; values may switch to AMF3.

    After the selector 3, which Red5 reads and nobody was seen to write, strings too are as in AMF3.
    """
    selector = read.enum("format selector", 1, FORMATS, Role.TYPE)
    if selector not in FORMATS:
        raise Malformed(f"format selector {selector}, where only 0 and 3 are known")
    amf = Amf3(read, findings) if selector else Amf0(read, findings, mixed=True)
    return _Reader(amf).message()


def shared_object_so_far(read: Cursor) -> SharedObject | None:
    """What was read of a message that breaks off between events; None if not even the name was there."""
    return _message_of(read.fields)


def _message_of(fields: Iterable[Field]) -> SharedObject | None:
    values = {field.name: field.value for field in fields}
    name, version, flags = values.get("name"), values.get("version", 0), values.get("flags", 0)
    if not isinstance(name, str):
        return None
    events = tuple(field.value for field in fields if isinstance(field.value, SharedObjectEvent))
    return SharedObject(name, cast("int", version), bool(cast("int", flags) & _PERSISTENT), events)


class _Parts:
    """The attributes of an event while it is read, so that what was read stays where reading breaks off."""

    __slots__ = ("args", "breaks_off", "code", "data", "handler", "keys", "level", "pairs")

    def __init__(self, breaks_off: str | None) -> None:
        self.breaks_off = breaks_off
        self.pairs: list[tuple[str, Value]] | None = None
        self.keys: list[str] | None = None
        self.handler: str | None = None
        self.args: list[Value] | None = None
        self.code: str | None = None
        self.level: str | None = None
        self.data: bytes | None = None

    def event(self, name: str, event_id: int) -> SharedObjectEvent:
        return SharedObjectEvent(
            name,
            event_id,
            pairs=None if self.pairs is None else tuple(self.pairs),
            keys=None if self.keys is None else tuple(self.keys),
            handler=self.handler,
            args=None if self.args is None else tuple(self.args),
            code=self.code,
            level=self.level,
            data=self.data,
            breaks_off=self.breaks_off,
        )


class _Reader:
    """Reads one message. Its values share one set of AMF references and one count, as those of a command do."""

    def __init__(self, amf: Amf0 | Amf3) -> None:
        self.read = amf.read
        self.findings = amf.findings
        self.amf = amf
        self.count = 0
        self.flagged: set[str] = set()

    def message(self) -> SharedObject:
        read = self.read
        self.text("name", Role.TEXT)
        read.u32("version")
        read.enum("flags", 4, FLAGS, Role.FLAG)
        read.u32("reserved")  # zero; Red5 and crtmpserver pass over it
        while read.left:
            self.event()
        return cast("SharedObject", _message_of(read.fields))

    def event(self) -> None:
        """Read one event, and go on behind it whatever was in it."""
        read = self.read
        self.expect_room()
        with read.group("event") as group:
            event_id = int.from_bytes(read.take("event type", 1), "big")
            name, read_body = EVENTS.get(event_id) or Event(f"unknown_{event_id}", _undescribed)
            group.label = f"{event_id} {name}"
            group.value = SharedObjectEvent(name, event_id, breaks_off="short")  # stays if the length is not there
            read.path[-1] = name
            read.add("event type", read.position - 1, event_id, group.label, Role.TYPE, inline=True)
            length = read.u32("length", Role.PREFIX, inline=True)
            if length > read.left:
                text = f"claims {plural(length, 'byte')}, has {read.left}"
                self.flag("broken", Severity.ERROR, f"{name}: {text}", text)
            self.body(group, name, event_id, read_body, length)

    def body(self, group: Group, name: str, event_id: int, read_body: ReadBody, length: int) -> None:
        """Read the `length` bytes of an event, or as many as there are."""
        read = self.read
        parts = _Parts(breaks_off="short" if length > read.left else None)
        length = min(length, read.left)
        path, end, start = len(read.path), read.end, read.position
        read.end = start + length
        reason = "after the end of the event"
        try:
            read_body(self, parts)
        except Unreadable as stop:
            reason = stop.reason
            parts.breaks_off = "unread"
            severity = Severity.ERROR if isinstance(stop, Truncated) else Severity.WARNING
            self.flag("broken", severity, f"{name}: {reason}", reason)
            self.amf.limits.depth = 0
            del read.path[path:]
        else:
            if read.left:
                parts.data = read.data[read.position : read.end]
                title = f"{name}: {plural(read.left, 'byte')} after the end of the event"
                self.flag("left over", Severity.NOTE, title, "left over")
        if length:
            group.label += f", {plural(length, 'byte')}"
        group.value = parts.event(name, event_id)
        read.rest("unread", label=reason)
        read.end = end

    def text(self, name: str, role: Role) -> str:
        """A string without a marker, as names of objects and of attributes are."""
        with self.read.group(name, role) as group:
            if isinstance(self.amf, Amf3):
                text, group.label, _ = self.amf.text(role)
            else:
                text = self.amf.text(2, role)
                group.label = quoted(text)
            group.value = text
        return text

    def expect_room(self) -> None:
        """Count one part more of the message; raises `Malformed` if it has too many."""
        if self.count == MAX_PARTS:
            raise Malformed(f"more than {MAX_PARTS} events and attributes in one message")
        self.count += 1

    def flag(self, kind: str, severity: Severity, title: str, text: str) -> None:
        """Add a finding, the first of each kind alone: a hostile message may repeat its fault in every event."""
        if kind not in self.flagged:
            self.flagged.add(kind)
            title = f"shared object > {title}"
            self.findings.append(in_message(BODY_MALFORMED, severity, title, self.read.position, self.read.left, text))


def _nothing(_reader: _Reader, _parts: _Parts) -> None:
    """Some events are their number alone."""


def _pairs(reader: _Reader, parts: _Parts) -> None:
    """Attributes and their values: one from Flash Player, several from servers."""
    read = reader.read
    pairs: list[tuple[str, Value]] = []
    parts.pairs = pairs
    while read.left:
        reader.expect_room()
        with read.group("property", Role.PAIR) as pair:
            pair.value = key = reader.text("key", Role.KEY)
            pair.label = printable(key) or '""'
            reader.amf.pair(pairs, key)


def _keys(reader: _Reader, parts: _Parts) -> None:
    parts.keys = keys = []
    while reader.read.left:
        reader.expect_room()
        keys.append(reader.text("attribute", Role.TEXT))


def _send_message(reader: _Reader, parts: _Parts) -> None:
    """A name, with its marker unlike everywhere else in these messages, and arguments."""
    amf, read = reader.amf, reader.read
    parts.handler, parts.args = "", []
    name = amf.value("handler")
    if isinstance(name, str):
        parts.handler = name
    else:
        parts.args.append(name)
    while read.left:
        amf.append(parts.args, f"argument {len(parts.args) + 1}")


def _status(reader: _Reader, parts: _Parts) -> None:
    parts.code = reader.text("code", Role.TEXT)
    parts.level = reader.text("level", Role.TEXT)


def _undescribed(reader: _Reader, parts: _Parts) -> None:
    parts.data = reader.read.rest("data", label="not described anywhere")


ReadBody = Callable[[_Reader, _Parts], None]


class Event(NamedTuple):
    """A kind of event: its name and what reads its body."""

    name: str
    read: ReadBody


EVENTS: Final = {
    1: Event("use", _nothing),
    2: Event("release", _nothing),
    3: Event("request_change", _pairs),
    4: Event("change", _pairs),
    5: Event("success", _keys),
    6: Event("send_message", _send_message),
    7: Event("status", _status),
    8: Event("clear", _nothing),
    9: Event("remove", _keys),
    10: Event("request_remove", _keys),
    11: Event("use_success", _nothing),
}
