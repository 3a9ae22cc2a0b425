"""AMF values as Python values.

What Python can say plainly is said plainly: numbers are `float` (AMF3 integers `int`), strings `str`, booleans
`bool`, null `None`, byte arrays `bytes`, arrays without named entries `list`. The rest has a class here. Strings that
were not valid UTF-8 hold lone surrogates (see `rtmpsniff.text`). Nothing that was on the wire is dropped: order and
duplicate keys stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Undefined:
    """The AMF value `undefined`, of which there is one."""

    def __repr__(self) -> str:
        return "UNDEFINED"


class Unsupported:
    """The AMF0 value `unsupported` (marker 0x0D), of which there is one."""

    def __repr__(self) -> str:
        return "UNSUPPORTED"


UNDEFINED: Final = Undefined()
UNSUPPORTED: Final = Unsupported()


@dataclass(slots=True)
class Object:
    """An anonymous or typed object: names and values in wire order; the last of equal names wins a look-up."""

    pairs: list[tuple[str, Value]] = field(default_factory=list)
    class_name: str | None = None

    def get(self, name: str, default: Value = None) -> Value:
        for key, value in reversed(self.pairs):
            if key == name:
                return value
        return default

    def __getitem__(self, name: str) -> Value:
        for key, value in reversed(self.pairs):
            if key == name:
                return value
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(key == name for key, _ in self.pairs)

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(slots=True)
class EcmaArray(Object):
    """An array with named entries (AMF0 marker 0x08). `count` is what the sender claimed, a hint at best."""

    count: int = 0


@dataclass(slots=True)
class Array(Object):
    """An AMF3 array with named entries, `pairs`, and after them the elements `dense`; without entries it is a list."""

    dense: list[Value] = field(default_factory=list)


@dataclass(slots=True)
class Externalizable(Object):
    """An AMF3 object whose class alone knows its bytes, with those of its parts that are known, by name.

    A collection has one, `source`, and a proxy one, `object`. Of a class that nobody knows there is none.
    """


@dataclass(slots=True)
class Vector:
    """An AMF3 vector of one `kind` of items: `int`, `uint`, `double` or `object`, these of the class `class_name`.

    `fixed`: its length must not change. `class_name` is `*` or empty for any class.
    """

    kind: str
    items: list[Value] = field(default_factory=list)
    fixed: bool = False
    class_name: str = ""


@dataclass(slots=True)
class Dictionary:
    """An AMF3 dictionary: keys of any type, and values. `weak`: its keys alone keep no object alive."""

    pairs: list[tuple[Value, Value]] = field(default_factory=list)
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Date:
    """An instant in milliseconds since 1970 UTC.

    `timezone` is what was sent, in minutes, and to be ignored; None in AMF3, which sends none.
    """

    milliseconds: float
    timezone: int | None = 0

    @property
    def iso(self) -> str | None:
        """The instant as `2023-11-14T22:13:20Z`; None where there is no exact such text (NaN, year 10000, 0.5 ms)."""
        if not self.milliseconds.is_integer():
            return None
        try:
            instant = _EPOCH + timedelta(milliseconds=self.milliseconds)
        except OverflowError:
            return None
        return instant.isoformat(timespec="milliseconds").removesuffix("+00:00").removesuffix(".000") + "Z"


@dataclass(frozen=True, slots=True)
class Xml:
    """An XML document as text; never parsed. `legacy`: an XMLDocument (all of AMF0's are), and not E4X."""

    text: str
    legacy: bool = True


@dataclass(frozen=True, slots=True)
class Reference:
    """A later mention of the container number `index` in a `table` of the message, `object` or `string`.

    `target` is None where there is no such container. Mentions of what holds no other values (strings, dates, XML,
    byte arrays) are the thing itself, unless they lead to nothing.
    """

    index: int
    target: Container | None = field(default=None, compare=False, repr=False)
    table: str = field(default="object", repr=False)


Container: TypeAlias = "Object | Vector | Dictionary | list[Value]"

Value: TypeAlias = (
    "float | int | bool | str | bytes | Undefined | Unsupported | Date | Xml | Container | Reference | None"
)
