"""AMF values one after the other, of no message: bytes that somebody has, and nothing else is known of them."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.fields import Cursor, Field, Truncated, Unreadable, place_in
from rtmpsniff.findings import AMF_MALFORMED, Finding, Rule, Severity, in_message
from rtmpsniff.payload.amf0 import Amf0
from rtmpsniff.payload.amf3 import Amf3
from rtmpsniff.payload.values import Value

Encoding: TypeAlias = Literal["amf0", "amf3"]

_READERS: Final = {"amf0": Amf0, "amf3": Amf3}


class Sequence(NamedTuple):
    """What was read: the values that are whole, fields that cover every byte, and what is wrong.

    `fields` has one for each value, and may have one more for a value that breaks off and one for the bytes behind it.
    """

    values: tuple[Value, ...]
    fields: tuple[Field, ...]
    findings: tuple[Finding, ...]
    unread: int  # bytes behind the place where reading broke off


def amf_values(data: bytes, encoding: Encoding) -> Sequence:
    """Read AMF values to the end of the bytes, as those of one message: they share its references. Never raises."""
    read = Cursor(data)
    findings: list[Finding] = []
    amf = _READERS[encoding](read, findings)
    values: list[Value] = []
    try:
        while read.left:
            values.append(amf.value())
    except Unreadable as stop:
        unread = read.left
        broken_off(read, findings, f"value {len(values) + 1}", stop)
        return Sequence(tuple(values), tuple(read.fields), tuple(findings), unread)
    return Sequence(tuple(values), tuple(read.fields), tuple(findings), 0)


def broken_off(read: Cursor, findings: list[Finding], where: str, stop: Unreadable, rule: Rule = AMF_MALFORMED) -> None:
    """Reading cannot go on: a finding says why and where, and what is left is a field of its own."""
    severity = Severity.ERROR if isinstance(stop, Truncated) else Severity.WARNING
    title = f"{place_in([where, *read.path])}: {stop.reason}"
    findings.append(in_message(rule, severity, title, read.position, read.left, stop.reason))
    read.rest("unread", label=stop.reason)
