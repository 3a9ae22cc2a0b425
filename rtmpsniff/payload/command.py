"""Commands and data messages in AMF0 and AMF3: takes a cursor over the body, gives name and arguments.

RTMP 1.0 §7.1.1, §7.1.2 and §7.2. The types for AMF3 (15 and 17) begin with a format selector, which the specification
leaves out; after 0 they are as the others, and any value may switch to AMF3 (Errata §7.2). The bodies are made from
the recorded fields, so that one which breaks off gives what was read of it in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from rtmpsniff.fields import Cursor, Field, Role
from rtmpsniff.findings import AMF_MALFORMED, BODY_MALFORMED, Finding, Severity
from rtmpsniff.payload.amf0 import LONG_STRING, OBJECT_END, STRING, Amf0
from rtmpsniff.payload.amf3 import Amf3
from rtmpsniff.payload.meanings import CONNECT, explained
from rtmpsniff.payload.values import Value


@dataclass(frozen=True, slots=True)
class Command:
    """§7.2: a call, or the answer to one (`_result`, `_error`), which bears the same transaction number.

    `name` is empty and all values are `args` where the body does not begin with a name. `transaction` is None where
    the number is missing. `object` is None for null too.
    """

    name: str = ""
    transaction: float | None = None
    object: Value = None
    args: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    """§7.1.2: metadata or user data for the handler `name`, which is empty where the body does not begin with one."""

    name: str = ""
    args: tuple[Value, ...] = ()


FORMATS: Final = {0: "AMF0", 3: "AMF3"}

Amf: TypeAlias = "Amf0 | Amf3"


def command(read: Cursor, findings: list[Finding]) -> Command:
    """Read a command (type 20). Nothing but the name is sure to be there in practice."""
    return _command(_amf0(read, findings))


def command_amf3(read: Cursor, findings: list[Finding]) -> Command:
    """Read a command of type 17."""
    return _command(_selected(read, findings))


def _command(amf: Amf) -> Command:
    read = amf.read
    if _name(amf, "command name"):
        if amf.next_is_number():
            amf.value("transaction")
        else:  # some publishers leave it out of onFCPublish, which breaks those who count on it
            title = "a command without a transaction number"
            amf.flag(BODY_MALFORMED, Severity.WARNING, title, "here it should stand", read.position)
        if read.left:
            amf.value("command object")
    _arguments(amf)
    body = _command_of(read.fields)
    if body.name == "connect" or (body.name == "_result" and body.transaction == 1):  # §7.2.1.1: the answer to connect
        read.fields = [explained(field, CONNECT) for field in read.fields]
    return body


def command_so_far(read: Cursor) -> Command:
    """What was read of a command that breaks off."""
    return _command_of(_complete(read))


def data(read: Cursor, findings: list[Finding]) -> Data:
    """Read a data message (type 18)."""
    return _data(_amf0(read, findings))


def data_amf3(read: Cursor, findings: list[Finding]) -> Data:
    """Read a data message of type 15."""
    return _data(_selected(read, findings))


def _data(amf: Amf) -> Data:
    _name(amf, "handler name")
    _arguments(amf)
    return _data_of(amf.read.fields)


def data_so_far(read: Cursor) -> Data:
    """What was read of a data message that breaks off."""
    return _data_of(_complete(read))


def _amf0(read: Cursor, findings: list[Finding]) -> Amf0:
    amf = Amf0(read, findings)
    if read.data.startswith(b"\x00\x02", read.position, read.end):
        # The format selector of types 15 and 17, which some clients put before AMF0 bodies too. As a number these
        # bytes would be one below 1e-288.
        read.enum("format selector", 1, FORMATS, Role.TYPE)
        title = "A format selector before AMF0, which only AMF3 messages have"
        amf.flag(AMF_MALFORMED, Severity.NOTE, title, "format selector", read.position - 1, 1)
    return amf


def _selected(read: Cursor, findings: list[Finding]) -> Amf:
    """Read the format selector, and give what reads the values behind it."""
    amf0 = Amf0(read, findings, mixed=True)
    first = read.peek()
    if first is None:
        return amf0
    if first in {STRING, LONG_STRING}:
        title = "No format selector, which an AMF3 message begins with"
        amf0.flag(AMF_MALFORMED, Severity.WARNING, title, "here it should stand", read.position)
        return amf0
    selector = read.enum("format selector", 1, FORMATS, Role.TYPE)
    if selector == 0:
        return amf0
    title = f"Format selector {selector}, where only 0 is defined"
    amf0.flag(AMF_MALFORMED, Severity.WARNING, title, "format selector", read.position - 1, 1)
    # 3 should mean that all values are AMF3. There 02 is `false`, which is no name, and an AMF0 string all the same.
    return amf0 if selector != 3 or amf0.next_is_text() else amf0.amf3


def _name(amf: Amf, name: str) -> bool:
    """Read the name that the body should begin with; gives whether it was there."""
    if amf.next_is_text():
        amf.value(name)
        return True
    left = amf.read.left
    severity = Severity.WARNING if left else Severity.NOTE  # an empty message does no harm
    amf.flag(BODY_MALFORMED, severity, f"The body has no {name}", "here it should stand", amf.read.position)
    return False


def _arguments(amf: Amf) -> None:
    number = 0
    while amf.read.left and not _is_stray_end(amf.read):
        number += 1
        amf.value(f"argument {number}")


def _is_stray_end(read: Cursor) -> bool:
    """Some senders close the message with one object end marker too many: it is left over, and no value."""
    return read.left == 3 and read.data.startswith(OBJECT_END, read.position)


def _complete(read: Cursor) -> list[Field]:
    """Leave out the value in which reading broke off, unless it is a container that holds what came before."""
    broken = read.path[0] if read.path else ""
    return [field for field in read.fields if field.name != broken or _holds(field)]


def _holds(field: Field) -> bool:
    return field.role is Role.GROUP and field.value is not None


def _command_of(fields: Iterable[Field]) -> Command:
    values = _values(fields)
    name, transaction = values.get("command name"), values.get("transaction")
    return Command(
        name=name if isinstance(name, str) else "",
        transaction=None if transaction is None else float(cast("float", transaction)),
        object=values.get("command object"),
        args=_args(values),
    )


def _data_of(fields: Iterable[Field]) -> Data:
    values = _values(fields)
    name = values.get("handler name")
    return Data(name=name if isinstance(name, str) else "", args=_args(values))


def _values(fields: Iterable[Field]) -> dict[str, Value]:
    return {field.name: cast("Value", field.value) for field in fields}


def _args(values: dict[str, Value]) -> tuple[Value, ...]:
    return tuple(value for name, value in values.items() if name.startswith("argument "))
