"""Aggregate messages: takes a cursor over the body, gives the messages that it holds.

RTMP 1.0 §7.1.6. The messages lie in it as tags in an FLV file do (Video File Format 10.1 E.4.1): a header of 11 bytes
whose timestamp has its highest byte last, the body, and the size of both once more, for going backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from rtmpsniff.fields import Cursor, Field, Malformed, Role, Truncated, shifted
from rtmpsniff.findings import BODY_MALFORMED, Finding, Severity, in_message
from rtmpsniff.payload.types import type_name
from rtmpsniff.text import plural

if TYPE_CHECKING:
    from rtmpsniff.payload.bodies import Body, Decoded


@dataclass(frozen=True, slots=True)
class SubMessage:
    """A message inside an aggregate.

    `timestamp` (ms) is as written: what counts is how much later it is than that of the first. `stream_id` is as
    written too, and has no meaning: that of the aggregate holds. `back_pointer` should be 11 + `length`; it is None
    where the aggregate ends without it. `start` and `stop` are the span of its payload in that of the aggregate; they
    lie less than `length` apart where the aggregate breaks off.
    """

    type_id: int
    type: str
    timestamp: int
    length: int
    stream_id: int
    back_pointer: int | None
    body: Body
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Aggregate:
    """§7.1.6: several messages in one."""

    messages: tuple[SubMessage, ...] = ()


HEADER: Final = 11  # bytes before the payload of each message
MAX_MESSAGES: Final = 16_384  # of one aggregate, so that memory stays in proportion to it; real ones hold some dozens
MAX_FIELDS: Final = 200_000  # once the bodies have had so many, the others stay unread; one body alone may have as many
MAX_FINDINGS: Final = 8  # of all bodies together

Decoder: TypeAlias = "Callable[[int, bytes], Decoded]"


def aggregate(read: Cursor, findings: list[Finding], decode: Decoder) -> Aggregate:
    """Read an aggregate; `decode` reads the bodies of its messages."""
    reader = _Reader(read, findings, decode)
    while read.left:
        reader.message()
    return _aggregate_of(read.fields)


def aggregate_so_far(read: Cursor) -> Aggregate:
    """The messages that were read of an aggregate that breaks off."""
    return _aggregate_of(read.fields)


def _aggregate_of(fields: Iterable[Field]) -> Aggregate:
    return Aggregate(tuple(field.value for field in fields if isinstance(field.value, SubMessage)))


class _Reader:
    """Reads one aggregate, and keeps count of what may not grow without bounds."""

    def __init__(self, read: Cursor, findings: list[Finding], decode: Decoder) -> None:
        self.read = read
        self.findings = findings
        self.decode = decode
        self.number = 0
        self.fields = 0
        self.told = 0

    def message(self) -> None:
        """Read one message: header, payload and back pointer."""
        read = self.read
        if self.number == MAX_MESSAGES:
            raise Malformed(f"more than {MAX_MESSAGES} messages in one aggregate")
        if self.fields > MAX_FIELDS:
            raise Malformed(f"more than {MAX_FIELDS} fields in the messages of one aggregate")
        self.number += 1
        with read.group(f"message {self.number}") as group:
            type_id = int.from_bytes(read.take("type", 1), "big")
            group.label = name = type_name(type_id)
            read.add("type", read.position - 1, type_id, f"{type_id} {name}", Role.TYPE)
            length = read.u24("length", Role.LENGTH, label="{} bytes")
            timestamp = _timestamp(read)
            stream_id = read.u24("stream id", Role.STREAM_ID)
            group.label = f"{name}, {plural(length, 'byte')}, {timestamp} ms"
            start = read.position
            stop = start + min(length, read.left)
            body = self.body(type_id, stop, is_whole=stop - start == length)
            message = SubMessage(type_id, name, timestamp, length, stream_id, None, body, start, stop)
            group.value = message
            if stop - start < length:
                raise Truncated("payload", length, stop - start)
            group.value = replace(message, back_pointer=self.back_pointer(length))

    def body(self, type_id: int, stop: int, *, is_whole: bool) -> Body:
        """Read the payload that reaches up to `stop`; of one that breaks off only that will be a finding."""
        read, start = self.read, self.read.position
        body, fields, findings = self.decode(type_id, read.data[start:stop])
        read.fields += shifted(fields, start)
        self.fields += _count(fields)
        read.position = stop
        if is_whole:
            self.tell(findings, start)
        return body

    def back_pointer(self, length: int) -> int | None:
        """Read the size of header and payload, which everybody passes over; the last one may be missing."""
        read = self.read
        if not read.left:
            self.flag(Severity.NOTE, "the last back pointer is missing", "here it should stand", 0)
            return None
        expected = HEADER + length
        value = int.from_bytes(read.take("back pointer", 4), "big")
        label = str(value) if value == expected else f"{value}, should be {expected}"
        read.add("back pointer", read.position - 4, value, label, Role.LENGTH)
        if value != expected:
            self.flag(Severity.WARNING, f"the back pointer is {value} and should be {expected}", "back pointer", 4)
        return value

    def tell(self, findings: Iterable[Finding], by: int) -> None:
        """Pass on what was found in a payload, as long as it is not too much."""
        for finding in findings:
            if self.told == MAX_FINDINGS:
                return
            self.told += 1
            title = f"aggregate > message {self.number} > {finding.title}"
            evidence = tuple(one._replace(offset=one.offset + by) for one in finding.evidence)
            self.findings.append(replace(finding, title=title, evidence=evidence))

    def flag(self, severity: Severity, title: str, text: str, size: int) -> None:
        self.tell([in_message(BODY_MALFORMED, severity, title, self.read.position - size, size, text)], 0)


def _count(fields: Iterable[Field]) -> int:
    return sum(1 + _count(field.children) for field in fields)


def _timestamp(read: Cursor) -> int:
    raw = read.take("timestamp", 4)
    value = raw[3] << 24 | int.from_bytes(raw[:3], "big")
    read.add("timestamp", read.position - 4, value, f"{value} ms", Role.TIMESTAMP)
    return value
