"""Messages as records: the names that JSON, filters and columns share, and the values behind them.

Takes messages and bodies, gives dictionaries of what `json` can write, but for times: these are `Decimal`, since nine
decimals of a time since 1970 are more than a float holds (`output.json_text` writes them in full). A body's record is
made from its dataclass, name for name; an attribute that is None or empty is left out. AMF values are put as
`payload.plain` puts them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, TypeAlias, get_args

from rtmpsniff.payload import values
from rtmpsniff.payload.aggregate import Aggregate
from rtmpsniff.payload.bodies import Body
from rtmpsniff.payload.command import Command, Data
from rtmpsniff.payload.control import SetPeerBandwidth, WindowAckSize
from rtmpsniff.payload.plain import Plain
from rtmpsniff.payload.shared import SharedObject
from rtmpsniff.payload.types import FAMILIES
from rtmpsniff.rtmp.events import Message, Notes

Record: TypeAlias = dict[str, object]

_MEDIA: Final = FAMILIES["media"]

# The specification's name where a dataclass has a shorter one.
_RENAMED: Final = {
    (WindowAckSize, "window"): "acknowledgement_window_size",
    (SetPeerBandwidth, "window"): "acknowledgement_window_size",
}
# What stands in a record even where it is null or empty.
_KEPT: Final = {
    (Command, "transaction"),
    (Command, "object"),
    (Command, "args"),
    (Data, "args"),
    (SharedObject, "events"),
    (Aggregate, "messages"),
}

NOTED: Final = ("response_to", "latency_ms")  # of commands that answer another


class Absent:
    """What a name stands for in a message that has nothing by this name; there is one."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()


# Messages


def seconds(nanoseconds: int) -> Decimal:
    """Nanoseconds as seconds with nine decimals, exactly, however many they are."""
    return Decimal(f"{nanoseconds}e-9")


def _packets(message: Message) -> list[int]:
    """The least and the greatest number in `capture`; of a message that began in another file the last alone."""
    first, last = message.first, message.last
    return sorted((first.packet if first.capture == last.capture else last.packet, last.packet))


def _payload_sha256(message: Message) -> str | Absent:
    """Of media that came whole: a hash of half a frame can be compared with nothing."""
    if message.message_type_id not in _MEDIA or message.state != "whole":
        return ABSENT
    return sha256(message.payload).hexdigest()


# In the order in which a record has them. Each takes the message and the time of the first packet, in ns.
MESSAGE: Final[Mapping[str, Callable[[Message, int], object]]] = {
    "connection": lambda message, _: message.connection,
    "n": lambda message, _: message.number,
    "time": lambda message, base: seconds(message.last.time - base),
    "start": lambda message, base: seconds(message.first.time - base),
    "sender": lambda message, _: message.sender,
    "csid": lambda message, _: message.chunk_stream_id,
    "type_id": lambda message, _: message.message_type_id,
    "type": lambda message, _: message.type,
    "timestamp": lambda message, _: message.timestamp,
    "timestamp_certain": lambda message, _: message.timestamp_certain,
    "stream_id": lambda message, _: message.message_stream_id,
    "length": lambda message, _: message.length,
    "capture": lambda message, _: message.last.capture,
    "packets": lambda message, _: _packets(message),
    "offset": lambda message, _: message.offset,
    "chunks": lambda message, _: message.chunk_count,
    "state": lambda message, _: message.state,
    "missing": lambda message, _: [list(span) for span in message.missing],
    "missing_reason": lambda message, _: message.missing_reason if message.missing else ABSENT,
    "body": lambda message, _: body_record(message.body, message.notes),
    "payload_sha256": lambda message, _: _payload_sha256(message),
}


def message_record(message: Message, base_ns: int) -> Record:
    """A message as JSON has it, secrets shown; `base_ns` is the time of the first packet, in ns since the epoch.

    The names are those of `message` in `rtmpsniff.schema()`; what a message does not have is left out. Times are
    `Decimal`, in seconds.
    """
    record: Record = {"record": "message"}
    for name, get in MESSAGE.items():
        value = get(message, base_ns)
        if value is not ABSENT:
            record[name] = value
    return record


# Bodies


def body_record(body: Body, notes: Notes | None = None) -> Record:
    """A body as JSON has it; the notes say which command it answers."""
    return _record(body, Plain()) | _noted(body, notes)


def _noted(body: Body, notes: Notes | None) -> Record:
    if notes is None or notes.response_to is None or not isinstance(body, Command):
        return {}
    late = notes.latency
    return {"response_to": notes.response_to} | ({} if late is None else {"latency_ms": _milliseconds(late)})


def _milliseconds(nanoseconds: int) -> float | int:
    whole, rest = divmod(nanoseconds, 1_000_000)
    return nanoseconds / 1_000_000 if rest else whole


def said(message: Message, name: str) -> object:
    """What stands by a name in the record of a message's body, as the body has it; ABSENT if it has none."""
    body = message.body
    if name in NOTED:
        return _noted(body, message.notes).get(name, ABSENT)
    return part_of(body, name)


def part_of(thing: object, name: str) -> object:
    """An attribute of a body, or of a part of one, by its name in JSON; ABSENT if it has none."""
    attribute = attributes(type(thing)).get(name)
    if attribute is None:
        return ABSENT
    value = getattr(thing, attribute.name)
    return ABSENT if (value is None or value == ()) and not attribute.is_kept else value


def in_json(value: object) -> object:
    """A part of a body, or an AMF value, as JSON has it; the containers are counted from this one on."""
    return _value(value, Plain())


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a body, or of a part of one."""

    name: str  # in Python
    is_kept: bool  # where it is None or empty


def attributes(shape: type) -> dict[str, Attribute]:
    """The attributes of a dataclass or a named tuple, by their names in JSON."""
    found = _ATTRIBUTES.get(shape)
    if found is None:
        named = [field.name for field in fields(shape)] if is_dataclass(shape) else getattr(shape, "_fields", ())
        found = {_RENAMED.get((shape, name), name): Attribute(name, (shape, name) in _KEPT) for name in named}
        _ATTRIBUTES[shape] = found
    return found


_ATTRIBUTES: Final[dict[type, dict[str, Attribute]]] = {}  # of the shapes seen so far, of which there are a few dozen


def _record(thing: object, plain: Plain) -> Record:
    record: Record = {}
    for name, attribute in attributes(type(thing)).items():
        value = getattr(thing, attribute.name)
        if attribute.is_kept or (value is not None and value != ()):
            record[name] = _value(value, plain)
    return record


def _value(value: Any, plain: Plain) -> object:
    """Structure becomes structure; all else is an AMF value, or could be one."""
    if is_structure(type(value)):
        # The messages inside an aggregate count their containers each for themselves.
        return _record(value, Plain() if isinstance(value, BODIES) else plain)
    if isinstance(value, tuple):
        return [_value(item, plain) for item in value]
    return plain.value(value)


BODIES: Final = get_args(Body)


def is_structure(shape: type) -> bool:
    """Whether it is a dataclass or a named tuple, and no AMF value."""
    return shape.__module__ != values.__name__ and (is_dataclass(shape) or hasattr(shape, "_fields"))
