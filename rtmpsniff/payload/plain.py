"""AMF values become what JSON can say, whatever they are: `Plain().value(...)` for each value of a message in order.

What JSON says plainly is said plainly; the rest is an object with one key that begins with `$` and names the type:

    {"$undefined": true}  {"$unsupported": true}  {"$number": "NaN"}  {"$date": "2023-11-14T22:13:20Z", "timezone": 0}
    {"$date_ms": 0.5, "timezone": 0}  {"$bytes": base64}  {"$string": base64}  {"$xml": "<a/>"}  {"$ecma": {...}}
    {"$typed": class, "value": {...}}  {"$externalizable": class, "value": {...}}  {"$pairs": [[key, value], ...]}
    {"$vector": "int", "fixed": false, "value": [...]}  {"$dictionary": [[key, value], ...], "weak": false}

A message of a few bytes can mention a long thing a thousand times, so each is written once. `{"$ref": n}` is container
number n of the message (objects, arrays, vectors, dictionaries), counted from 0 in the order in which they begin, and
`{"$ref": null, "index": i}` a mention that leads to none. `{"$again": n}` is string, XML text or byte array number n,
counted likewise, of those longer than 128 characters or bytes.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from math import isfinite, isnan
from typing import Final, TypeAlias

from rtmpsniff.payload.values import (
    UNDEFINED,
    Array,
    Container,
    Date,
    Dictionary,
    EcmaArray,
    Externalizable,
    Object,
    Reference,
    Value,
    Vector,
    Xml,
)
from rtmpsniff.text import encode_text

LONGEST_REPEATED: Final = 128  # characters of a text, or bytes, that may be written more than once

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def plain(values: Iterable[Value]) -> list[Json]:
    """The values of one message, in order."""
    plain = Plain()
    return [plain.value(value) for value in values]


class Plain:
    """Turns the values of one message into what `json.dumps(..., allow_nan=False)` takes.

    It keeps count of what it has written: give it all values of a message, in wire order, and none of another. Its
    depth is bounded by that of the values, for a `Reference` is never followed.
    """

    __slots__ = ("_containers", "_long")

    def __init__(self) -> None:
        # By identity. The thing itself is kept too: while it is here no other can have its identity.
        self._containers: dict[int, tuple[int, Container]] = {}
        self._long: dict[int, tuple[int, str | bytes]] = {}

    def value(self, value: Value) -> Json:  # noqa: PLR0911 - one line for each kind of value
        """One value, and all that is in it."""
        match value:
            case None | bool():
                return value
            case float() | int():
                return _number(value)
            case str():
                return self._once(value, _text)
            case bytes():
                return self._once(value, _bytes)
            case Xml():
                return self._once(value.text, lambda text: _xml(text, value.legacy))
            case Date():
                return _date(value)
            case Reference():
                return self._reference(value)
            case Object() | Vector() | Dictionary() | list():
                return self._container(value)
        return {"$undefined": True} if value is UNDEFINED else {"$unsupported": True}

    def _once(self, content: str | bytes, write: Callable[..., Json]) -> Json:
        """What is long is written where it is first met."""
        if len(content) <= LONGEST_REPEATED:
            return write(content)
        written = self._long.get(id(content))
        if written is not None:
            return {"$again": written[0]}
        self._long[id(content)] = (len(self._long), content)
        return write(content)

    def _container(self, value: Container) -> Json:  # noqa: PLR0911 - one line for each kind of container
        if id(value) in self._containers:
            return {"$ref": self._containers[id(value)][0]}
        self._containers[id(value)] = (len(self._containers), value)
        match value:
            case list():
                return [self.value(item) for item in value]
            case Vector():
                return self._vector(value)
            case Dictionary():
                pairs: list[Json] = [[self.value(key), self.value(item)] for key, item in value.pairs]
                return {"$dictionary": pairs, "weak": value.weak}
            case Array():
                return self._array(value)
            case EcmaArray():
                return self._ecma(value)
        return self._object(value)

    def _reference(self, value: Reference) -> Json:
        known = self._containers.get(id(value.target)) if value.target is not None else None
        if known is not None:
            return {"$ref": known[0]}
        if value.table == "object":
            return {"$ref": None, "index": value.index}
        return {"$ref": None, "index": value.index, "table": value.table}

    def _object(self, value: Object) -> Json:
        if value.class_name is None and not isinstance(value, Externalizable):
            return self._properties(value)
        sort = "$externalizable" if isinstance(value, Externalizable) else "$typed"
        class_name = self.value(value.class_name or "")
        return {sort: class_name, "value": self._properties(value)}

    def _ecma(self, value: EcmaArray) -> Json:
        entries = self._properties(value)
        if value.count == len(value.pairs):
            return {"$ecma": entries}
        return {"$ecma": entries, "count": value.count}

    def _array(self, value: Array) -> Json:
        """Named entries by their names, and elements by their numbers."""
        if not value.dense:
            return {"$ecma": self._properties(value)}
        pairs = self._pairs(value)
        return {"$pairs": [*pairs, *([index, self.value(item)] for index, item in enumerate(value.dense))]}

    def _vector(self, value: Vector) -> Json:
        of_class: dict[str, Json] = {"class": self.value(value.class_name)} if value.kind == "object" else {}
        items: Json = [self.value(item) for item in value.items]
        return {"$vector": value.kind, **of_class, "fixed": value.fixed, "value": items}

    def _properties(self, value: Object) -> Json:
        pairs = self._pairs(value)
        names = {key: item for key, item in pairs if isinstance(key, str) and not key.startswith("$")}
        if len(names) == len(pairs):
            return names
        return {"$pairs": [[key, item] for key, item in pairs]}

    def _pairs(self, value: Object) -> list[list[Json]]:
        return [[self.value(key), self.value(item)] for key, item in value.pairs]


def _number(value: float) -> Json:
    if isnan(value):
        return {"$number": "NaN"}
    if not isfinite(value):
        return {"$number": "Infinity" if value > 0 else "-Infinity"}
    if value == 0:
        return {"$number": "-0"} if str(value).startswith("-") else 0
    return int(value) if abs(value) < 2**53 and value == int(value) else value


def _date(value: Date) -> Json:
    zone: dict[str, Json] = {} if value.timezone is None else {"timezone": value.timezone}
    return {"$date_ms": _number(value.milliseconds), **zone} if value.iso is None else {"$date": value.iso, **zone}


def _text(text: str) -> Json:
    """Text that is no UTF-8 holds lone surrogates, see `rtmpsniff.text`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"$string": _base64(encode_text(text))}
    return text


def _xml(text: str, legacy: bool) -> Json:
    """The older XMLDocument, which is all that AMF0 has, needs no more words; E4X says so."""
    return {"$xml": _text(text)} if legacy else {"$xml": _text(text), "e4x": True}


def _bytes(content: bytes) -> Json:
    return {"$bytes": _base64(content)}


def _base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")
