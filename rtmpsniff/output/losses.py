"""What was lost of a connection and what is wrong with it, in a person's words: how much, where, and whose fault.

Takes the summary of a connection, gives lines of text. What happened often is told once, with how often.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from rtmpsniff.analysis.lost import lost_messages
from rtmpsniff.analysis.summary import ConnectionSummary
from rtmpsniff.findings import Finding, Severity
from rtmpsniff.output.story import Line
from rtmpsniff.output.words import say_span, say_undecoded
from rtmpsniff.rtmp.events import Traffic, Undecoded
from rtmpsniff.text import grouped, plural

MOST_ALIKE: Final = 3  # more lines that differ in their numbers alone are told as one
_ORDER: Final = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
_NUMBER: Final = re.compile(r"[0-9]+(?: [0-9]{3})*(?: bytes?)?")


def loss_lines(connection: ConnectionSummary) -> Iterator[Line]:
    """What TCP lost, what could not be decoded, which messages are not whole, and all findings."""
    closed = connection.closed
    if closed is not None:
        client, server = closed.from_client, closed.from_server
        yield from _traffic("client", client, is_answered=server.bytes > 0)
        yield from _traffic("server", server, is_answered=client.bytes > 0)
    yield from _spans(connection.undecoded)
    if connection.incomplete:
        counts = ", ".join(f"{grouped(count)} {state}" for state, count in connection.incomplete.items())
        yield Line(0, f"messages that did not come whole: {counts}")
    for sender, lost in lost_messages(connection).items():
        count, size = plural(lost.about, "message"), plural(lost.bytes, "byte")
        how = f"an estimate from {size} of unknown content and {plural(lost.mean, 'byte')} a message"
        yield Line(0, f"from the {sender}: about {count} lost or not decodable ({how})", "warning")
    yield from _findings(connection.findings)


def _traffic(sender: str, traffic: Traffic, *, is_answered: bool) -> Iterator[Line]:
    """Missing bytes by whose fault that is. `is_answered`: the other side was captured, so it can be known."""
    by_capture = traffic.missing_bytes - traffic.cut_bytes - traffic.unacknowledged_bytes
    if traffic.missing_bytes:
        gaps = plural(traffic.gaps, "gap")
        packets = f", {plural(traffic.missing_packets, 'packet')} or more" if traffic.missing_packets else ""
        yield Line(
            0, f"from the {sender}: {plural(traffic.missing_bytes, 'byte')} missing in {gaps}{packets}", "warning"
        )
    if by_capture:
        why = (
            "the receiver has them, the capture lacks them"
            if is_answered
            else "whether the receiver has them is unknown"
        )
        yield Line(1, f"{plural(by_capture, 'byte')} never captured: {why}")
    if traffic.cut_bytes:
        yield Line(1, f"{plural(traffic.cut_bytes, 'byte')} cut by the snapshot length of the capture")
    if traffic.unacknowledged_bytes:
        size = plural(traffic.unacknowledged_bytes, "byte")
        yield Line(1, f"{size} lost on the network: neither captured nor confirmed by the receiver")
    if traffic.retransmitted_bytes:
        size = plural(traffic.retransmitted_bytes, "byte")
        yield Line(0, f"from the {sender}: {size} retransmitted: the network lost them or their confirmation", "dim")
    if traffic.out_of_order:
        yield Line(0, f"from the {sender}: {plural(traffic.out_of_order, 'segment')} out of order", "dim")


def _spans(spans: Iterable[Undecoded]) -> Iterator[Line]:
    alike: defaultdict[tuple[str, str], list[Undecoded]] = defaultdict(list)
    for span in spans:
        alike[span.sender, _shape(say_undecoded(span))].append(span)
    for (sender, _), group in alike.items():
        if len(group) <= MOST_ALIKE:
            for span in group:
                yield Line(0, f"from the {sender}: {say_undecoded(span)} ({_packets(span)})", "warning")
        else:
            length, missing = sum(span.length for span in group), sum(span.missing for span in group)
            first = min(group, key=lambda span: span.offset)
            where = f"in {grouped(len(group))} places from offset {first.offset} on"
            yield Line(0, f"from the {sender}: {say_span(length, missing, where, first.reason)}", "warning")


def _packets(span: Undecoded) -> str:
    """Where in the capture: what is missing itself is where it was noticed."""
    if span.first.packet == span.last.packet:
        return f"packet {span.first.packet}"
    return f"packets {span.first.packet}-{span.last.packet}"


def _findings(findings: Iterable[Finding]) -> Iterator[Line]:
    alike: defaultdict[tuple[Severity, str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        alike[finding.severity, finding.rule.code, _shape(finding.title)].append(finding)
    for (severity, code, _), group in sorted(alike.items(), key=lambda item: _ORDER.index(item[0][0])):
        titles = dict.fromkeys(finding.title for finding in group)
        if len(titles) > MOST_ALIKE:
            yield _said(severity, f"{group[0].title} (and {grouped(len(group) - 1)} like it)", code)
            continue
        for title in titles:
            count = sum(finding.title == title for finding in group)
            yield _said(severity, f"{title} ({grouped(count)} times)" if count > 1 else title, code)


def _said(severity: Severity, text: str, code: str) -> Line:
    return Line(0, f"{severity.value}: {text} [{code}]", severity.value)


def _shape(text: str) -> str:
    """What is left of a text without its numbers."""
    return _NUMBER.sub("#", text)
