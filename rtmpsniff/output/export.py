"""A run as records, in one pass, by the names of the JSON Schema.

Takes events, gives a header, then messages, findings and undecoded spans as they come, each connection when it ends,
and an end. What is held is what open connections are about, and no message.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import resources
from typing import Any, Final, Literal, TypeAlias

from rtmpsniff.analysis.masked import masked_call, masked_closed, masked_peer, masked_proof, masked_purpose
from rtmpsniff.analysis.masking import Masking
from rtmpsniff.analysis.record import ABSENT, MESSAGE, Record, body_record, in_json, seconds
from rtmpsniff.analysis.selection import Selection, select_for_records
from rtmpsniff.capture.files import CaptureFile
from rtmpsniff.dissect import Dissection
from rtmpsniff.fields import Field, Role
from rtmpsniff.findings import Finding
from rtmpsniff.output.document import (
    capture_record,
    handshake_record,
    peer_record,
    proof_record,
    purpose_record,
    stream_record,
    tls_record,
)
from rtmpsniff.payload.types import FAMILIES, type_name
from rtmpsniff.rtmp.aggregates import Contained
from rtmpsniff.rtmp.events import Closed, Event, Message, Opened, Traffic, Undecoded
from rtmpsniff.version import __version__

Payload: TypeAlias = Literal["none", "head", "all"]

SCHEMA: Final = "rtmpsniff/1"
HEAD: Final = 64  # bytes of a payload that `head` gives
_LONGEST_VALUE: Final = 64  # bytes that a field's value may be; longer ones stand in the payload
_MEDIA: Final = FAMILIES["media"]
_MADE_HERE: Final = frozenset({"body", "payload_sha256"})


def schema_text() -> str:
    """The JSON Schema of the records and of the document, as the package has it."""
    return resources.files("rtmpsniff").joinpath("schema/rtmpsniff-1.json").read_text(encoding="utf-8")


@dataclass(slots=True)
class _Totals:
    """What is counted of a connection while it is open."""

    messages: Counter[int] = field(default_factory=Counter)
    bytes: Counter[int] = field(default_factory=Counter)
    incomplete: Counter[str] = field(default_factory=Counter)
    undecoded: int = 0
    findings: Counter[str] = field(default_factory=Counter)


class Export:
    """The records of a run. `payload`: how much of media comes along; `fields`: the tree of each message too.

    `records` gives those of a whole run. Who has events one at a time, as they happen, writes `header()`, then what
    `of(event)` gives for each, in order, and `end()` last.
    """

    def __init__(
        self,
        run: Dissection,
        files: Sequence[CaptureFile],
        masking: Masking,
        payload: Payload = "none",
        *,
        fields: bool = False,
    ) -> None:
        self._run, self._files, self._masking = run, files, masking
        self._payload, self._fields = payload, fields
        self._totals: dict[int, _Totals] = {}
        self._findings = 0
        self.messages = 0  # records of messages so far

    def records(self, selection: Selection, enough: Callable[[], None]) -> Iterator[Record]:
        """All of them, in order. `enough` is called once no further message is wanted."""
        events = select_for_records(self._counted(self._masking.follow(self._run)), selection, enough)
        first = next(events, None)
        yield self.header()
        if first is not None:
            yield from self._event(first)
        for event in events:
            yield from self._event(event)
        yield self.end()

    def of(self, event: Event) -> Iterator[Record]:
        """The records of one event of a run of which nothing is left out; none of an event that has none."""
        self._masking.learn(event)
        self._count(event)
        yield from self._event(event)
        if isinstance(event, Closed):
            self._forget(event.connection)
            self._masking.forget(event.connection)

    def _counted(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events, counted for the totals of their connections before any is left out."""
        for event in events:
            self._count(event)
            yield event
            if isinstance(event, Closed):
                self._forget(event.connection)

    def _count(self, event: Event) -> None:
        totals = self._totals
        if isinstance(event, Message):
            total = totals[event.connection]
            total.messages[event.message_type_id] += 1
            total.bytes[event.message_type_id] += event.length
            if event.state != "whole":
                total.incomplete[event.state] += 1
        elif isinstance(event, Opened):
            totals[event.connection] = _Totals()
        elif isinstance(event, Undecoded):
            totals[event.connection].undecoded += event.length

    def _forget(self, connection: int) -> None:
        self._totals.pop(connection, None)

    def header(self) -> Record:
        """What stands before all others; the first packet has to be there, as its time is in it."""
        has_packets = any(file.packets for file in self._files)
        return {
            "record": "header",
            "schema": SCHEMA,
            "generator": {"name": "rtmpsniff", "version": __version__},
            "masking": self._masking.said(),
            "base_ns": str(self._run.base) if has_packets else None,
        }

    def end(self) -> Record:
        """What stands behind all others."""
        return {
            "record": "end",
            "captures": [self._capture(file) for file in self._files],
            "other_connections": self._run.other_connections,
            "other_packets": self._run.other_packets,
        }

    def _capture(self, file: CaptureFile) -> Record:
        record = capture_record(file)
        return {**record, "file": in_json(self._masking.text(file.file))}

    def _event(self, event: Event) -> Iterator[Record]:
        match event:
            case Message():
                self.messages += 1
                yield self._message(event)
                for finding in event.findings:
                    yield self._finding(finding, event)
            case Finding():
                yield self._finding(event, None)
            case Undecoded():
                yield self._undecoded(event)
            case Closed():
                yield self._connection(event)

    # Messages

    def _message(self, message: Message) -> Record:
        masking, base = self._masking, self._run.base
        record: Record = {"record": "message"}
        for name, get in MESSAGE.items():
            if name not in _MADE_HERE:
                value = get(message, base)
                if value is not ABSENT:
                    record[name] = value
        if isinstance(message, Contained):
            record["inside"] = message.place
        record["body"] = body_record(masking.body(message), message.notes)
        is_media = message.message_type_id in _MEDIA
        masked = masking.message(message) if is_media or self._fields else message
        if is_media:
            self._add_payload(record, message, masked)
        if self._fields:
            record["fields"] = [_field(shown) for shown in masked.decoded.fields]
        return record

    def _add_payload(self, record: Record, message: Message, masked: Message) -> None:
        """A hash of what came whole and was not masked: of any other it would tell nothing, or too much."""
        if message.state == "whole" and masked is message:
            record["payload_sha256"] = sha256(message.payload).hexdigest()
        if self._payload != "none":
            data = masked.payload if self._payload == "all" else masked.payload[:HEAD]
            record["payload"] = b64encode(data).decode("ascii")

    # All else

    def _finding(self, finding: Finding, message: Message | None) -> Record:
        self._findings += 1
        finding = self._masking.finding(finding)
        totals = self._totals.get(finding.connection)
        if totals is not None:
            totals.findings[finding.severity.value] += 1
        packets = [finding.packet, finding.packet] if finding.packet else None
        return {
            "record": "finding",
            "id": self._findings,
            "check": finding.rule.code,
            "severity": finding.severity.value,
            "title": finding.title,
            "evidence": [
                {
                    "text": evidence.text,
                    "message": message.number if message is not None and evidence.in_message else None,
                    "packets": packets,
                    "offset": evidence.offset,
                    "length": evidence.length,
                }
                for evidence in finding.evidence
            ],
            "advice": finding.advice,
            "connection": finding.connection,
            "sender": finding.sender or None,
            "time": seconds(finding.time - self._run.base),
            "messages": list(finding.messages),
        }

    def _undecoded(self, span: Undecoded) -> Record:
        return {
            "record": "undecoded",
            "connection": span.connection,
            "sender": span.sender,
            "offset": span.offset,
            "length": span.length,
            "reason": self._masking.text(span.reason),
            "missing": span.missing,
            "time": seconds(span.last.time - self._run.base),
            "capture": span.last.capture,
            "packets": sorted(
                (span.first.packet if span.first.capture == span.last.capture else span.last.packet, span.last.packet)
            ),
        }

    def _connection(self, event: Closed) -> Record:
        number, masking, base = event.connection, self._masking, self._run.base
        conversation = self._run.conversation
        closed = masked_closed(event, masking)
        purpose = masked_purpose(conversation.streams.of(number), masking, number)
        proof = masked_proof(conversation.authentication.of(number), masking, number)
        told = purpose_record(purpose)
        totals = self._totals.get(number) or _Totals()
        return {
            "record": "connection",
            "id": number,
            "variant": closed.variant,
            "client": closed.client._asdict(),
            "server": closed.server._asdict(),
            "start": seconds(closed.begun.time - base),
            "end": seconds(closed.ended.time - base),
            "end_reason": closed.reason,
            "closer": closed.closer or None,
            "handshake": handshake_record(conversation.handshakes.of(number)),
            "tcp": {"client": _traffic(closed.from_client), "server": _traffic(closed.from_server)},
            "tls": tls_record(closed.tls) if closed.tls else None,
            "through": masking.text(closed.through) or None,
            "connect": told.pop("connect"),
            "peers": {
                sender: peer_record(masked_peer(peer, masking))
                for sender, peer in conversation.peers.of(number).items()
            },
            "streams": [stream_record(stream, purpose) for stream in purpose.streams],
            "messages": _by_type(totals.messages),
            "message_bytes": _by_type(totals.bytes),
            "incomplete": dict(totals.incomplete),
            "undecoded_bytes": totals.undecoded,
            "findings": dict(totals.findings),
            **told,
            **proof_record(proof),
            "shared_objects": [
                {"name": in_json(masking.text(name)), "attributes": len(state.attributes)}
                for name, state in conversation.shared_objects.objects(number).items()
            ],
            "unanswered": [
                {"n": call.message, "name": in_json(masked_call(call, masking).name)}
                for call in conversation.transactions.unanswered(number)
            ],
        }


def _traffic(traffic: Traffic) -> Record:
    return traffic._asdict()


def _by_type(counts: Counter[int]) -> dict[str, int]:
    return {type_name(number): count for number, count in sorted(counts.items())}


# Fields


def _field(shown: Field) -> Record:
    """A field and those in it; their depth is bounded by that of the values."""
    return {
        "name": in_json(shown.name),
        "start": shown.start,
        "stop": shown.stop,
        "value": _field_value(shown),
        "label": shown.label,
        "role": shown.role.value,
        "children": [_field(child) for child in shown.children],
    }


def _field_value(shown: Field) -> Any:
    value = shown.value
    if isinstance(value, bytes) and (shown.role is Role.MEDIA or len(value) > _LONGEST_VALUE):
        return None
    return in_json(value) if isinstance(value, str | bytes | bool | int | float) else None
