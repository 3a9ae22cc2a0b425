"""Objects of AMF3 whose class alone knows how their bytes are read (§3.12, `externalizable`).

Takes the reader that stands behind the name of the class, and the object to which their parts are to be added. The
classes are those that Flex, BlazeDS and Red5 send.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rtmpsniff.fields import Malformed, Role
from rtmpsniff.payload.amf import mentioned, name_of
from rtmpsniff.payload.values import Object
from rtmpsniff.text import plural

if TYPE_CHECKING:  # it reads such objects by this module
    from rtmpsniff.payload.amf3 import Amf3

MOST_FLAGS: Final = 8  # bytes in one block of flags; BlazeDS has two at most


def read_external(amf: Amf3, value: Object) -> None:
    """Read the bytes of an externalizable object, by its class; raises `Malformed` for one that nobody here knows."""
    read_parts = EXTERNALIZABLES.get(value.class_name or "")
    if read_parts is None:
        raise Malformed(f"only the class {mentioned(value.class_name or '')} knows how its bytes are read")
    read_parts(amf, value)


def _collection(amf: Amf3, value: Object) -> None:
    amf.member(value, "source")


def _proxy(amf: Amf3, value: Object) -> None:
    amf.member(value, "object")


def _managed_proxy(amf: Amf3, value: Object) -> None:
    """A count, then names and values, each a value of its own."""
    read = amf.read
    count = read.signed("count", 4, Role.PREFIX)
    for index in range(count):
        if not read.left:
            raise Malformed(f"claims {plural(count, 'property')}, has {index}")
        with read.group("property") as group:
            name = amf.value("name")
            if not isinstance(name, str):
                raise Malformed("the name of a property is no string")
            read.path[-1] = group.label = name_of(name)
            amf.pair(value.pairs, name, "value")


Block = tuple[tuple[str, ...], ...]  # for each byte of flags, the names of what its bits announce, from the lowest

ABSTRACT_MESSAGE: Final[Block] = (
    ("body", "clientId", "destination", "headers", "messageId", "timestamp", "timeToLive"),
    ("clientIdBytes", "messageIdBytes"),
)
ASYNC_MESSAGE: Final[Block] = (("correlationId", "correlationIdBytes"),)
COMMAND_MESSAGE: Final[Block] = (("operation",),)
ACKNOWLEDGE_MESSAGE: Final[Block] = ()


def _message(*blocks: Block) -> Callable[[Amf3, Object], None]:
    """What reads a message of Flex in its short form: a block of flags and what they announce for each ancestor."""

    def read_message(amf: Amf3, value: Object) -> None:
        for block in blocks:
            for name in _announced(amf, block):
                amf.member(value, name)

    return read_message


def _announced(amf: Amf3, block: Block) -> list[str]:
    """Read all the bytes of flags, each but the last with its highest bit set; gives what follows them."""
    read = amf.read
    start, names = read.position, list[str]()
    for number in range(MOST_FLAGS):
        flags = read.take("flags", 1)[0]
        known = block[number] if number < len(block) else ()
        names += [name for bit, name in enumerate(known) if flags >> bit & 1]
        # What later versions announce is one value for each bit up to 5, to be read over (BlazeDS).
        names += [f"unknown {number}.{bit}" for bit in range(len(known), 6) if flags >> bit & 1]
        if flags < 0x80:
            read.add("flags", start, read.data[start : read.position], ", ".join(names) or "none", Role.FLAG)
            return names
    raise Malformed(f"more than {MOST_FLAGS} bytes of flags")


EXTERNALIZABLES: Final[dict[str, Callable[[Amf3, Object], None]]] = {
    "flex.messaging.io.ArrayCollection": _collection,
    "mx.collections.ArrayCollection": _collection,
    "flex.messaging.io.ArrayList": _collection,
    "mx.collections.ArrayList": _collection,
    "flex.messaging.io.ObjectProxy": _proxy,
    "mx.utils.ObjectProxy": _proxy,
    "flex.messaging.io.SerializationProxy": _proxy,
    "flex.messaging.io.ManagedObjectProxy": _managed_proxy,
    "mx.utils.ManagedObjectProxy": _managed_proxy,
    "DSA": _message(ABSTRACT_MESSAGE, ASYNC_MESSAGE),
    "DSC": _message(ABSTRACT_MESSAGE, ASYNC_MESSAGE, COMMAND_MESSAGE),
    "DSK": _message(ABSTRACT_MESSAGE, ASYNC_MESSAGE, ACKNOWLEDGE_MESSAGE),
    "flex.messaging.messages.AsyncMessageExt": _message(ABSTRACT_MESSAGE, ASYNC_MESSAGE),
    "flex.messaging.messages.CommandMessageExt": _message(ABSTRACT_MESSAGE, ASYNC_MESSAGE, COMMAND_MESSAGE),
    "flex.messaging.messages.AcknowledgeMessageExt": _message(ABSTRACT_MESSAGE, ASYNC_MESSAGE, ACKNOWLEDGE_MESSAGE),
}
