"""Events of a run as records, one at a time as they happen, by the names of the exports.

`header()` first, what `of(event)` gives for each event in order, `end()` last; of what the packets came from it knows
nothing. What a record says of a message is in
`analysis.record`. Nothing is masked here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rtmpsniff.analysis.record import Record, message_record, seconds
from rtmpsniff.dissect import Dissection
from rtmpsniff.findings import Finding
from rtmpsniff.payload.types import type_name
from rtmpsniff.rtmp.events import Closed, Event, Message, Opened, Undecoded
from rtmpsniff.version import __version__

SCHEMA = "rtmpsniff/1"


class Records:
    """The records of a run of which no event is left out."""

    def __init__(self, run: Dissection) -> None:
        self._run = run
        self._messages: dict[int, Counter[str]] = {}  # of connections that are open

    def header(self) -> Record:
        """What stands before all others; the first packet has to be there, as its time is in it."""
        return {
            "record": "header",
            "schema": SCHEMA,
            "generator": {"name": "rtmpsniff", "version": __version__},
            "masking": {"secrets": "shown", "addresses": "shown"},
            "base_ns": str(self._run.base),
        }

    def of(self, event: Event) -> Iterator[Record]:
        """The records of one event; none of an event that has none."""
        match event:
            case Message():
                self._messages[event.connection][type_name(event.message_type_id)] += 1
                yield message_record(event, self._run.base)
                yield from map(_finding, event.findings)
            case Finding():
                yield _finding(event)
            case Undecoded():
                yield _undecoded(event)
            case Opened():
                self._messages[event.connection] = Counter()
            case Closed():
                yield self._connection(event)

    def end(self) -> Record:
        """The last one."""
        return {
            "record": "end",
            "captures": [],
            "other_connections": self._run.other_connections,
            "other_packets": self._run.other_packets,
        }

    def _connection(self, event: Closed) -> Record:
        base = self._run.base
        return {
            "record": "connection",
            "id": event.connection,
            "variant": event.variant,
            "client": event.client._asdict(),
            "server": event.server._asdict(),
            "start": seconds(event.begun.time - base),
            "end": seconds(event.ended.time - base),
            "end_reason": event.reason,
            "tcp": {"client": event.from_client._asdict(), "server": event.from_server._asdict()},
            "messages": dict(sorted(self._messages.pop(event.connection).items())),
        }


def _finding(finding: Finding) -> Record:
    return {
        "record": "finding",
        "check": finding.rule.code,
        "severity": finding.severity.value,
        "title": finding.title,
        "evidence": [
            {"text": one.text, "offset": one.offset, "length": one.length, "in_message": one.in_message}
            for one in finding.evidence
        ],
        "advice": finding.advice,
        "connection": finding.connection,
        "sender": finding.sender or None,
        "packet": finding.packet,
        "messages": list(finding.messages),
    }


def _undecoded(event: Undecoded) -> Record:
    return {
        "record": "undecoded",
        "connection": event.connection,
        "sender": event.sender,
        "offset": event.offset,
        "length": event.length,
        "missing": event.missing,
        "reason": event.reason,
    }
