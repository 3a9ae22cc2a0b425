"""What was lost of a connection and what is wrong with it, in a person's words: how much, where, and whose fault.

Takes the summary of a connection, gives lines of text. Each fact stands once: what a side lacks on a line of its own,
what that did to messages and where it is below it, a finding about the same bytes on the line of these bytes. What
happened often is told once, with how often.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from rtmpsniff.analysis.lost import Lost, lost_messages
from rtmpsniff.analysis.summary import ConnectionSummary
from rtmpsniff.findings import HANDSHAKE_ENCRYPTED, HANDSHAKE_STALLED, WRONG_PROTOCOL, Finding, Severity
from rtmpsniff.output.story import Line
from rtmpsniff.output.words import say_span
from rtmpsniff.rtmp.events import Closed, Traffic, Undecoded
from rtmpsniff.text import grouped, plural
from rtmpsniff.transport.connection import Sender

MOST_ALIKE: Final = 3  # more lines that differ in their numbers alone are told as one
_ORDER: Final = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
_NUMBER: Final = re.compile(r"[0-9]+(?: [0-9]{3})*(?: bytes?)?")
_SAY_MORE: Final = {
    WRONG_PROTOCOL,
    HANDSHAKE_ENCRYPTED,
    HANDSHAKE_STALLED,
}  # of bytes that are no chunks: what they are
_BARE: Final = Traffic(0, 0, 0, 0, 0)


def loss_lines(connection: ConnectionSummary) -> Iterator[Line]:
    """What TCP lost, what could not be decoded, which messages are not whole, and all findings."""
    explaining = [finding for finding in connection.findings if finding.rule in _SAY_MORE]  # a few: of handshakes
    told = [_told(span, explaining) for span in connection.undecoded]
    opaque = _opaque(told)
    apart = {one for group in opaque for one in group}
    lost = lost_messages(connection)
    for sender, traffic, is_answered in _sides(connection.closed):
        of_sender = [span for span in told if span.span.sender == sender and span not in apart]
        messages = _messages(connection, sender, lost.get(sender))
        yield from _side(sender, traffic, of_sender, messages, is_answered=is_answered)
    yield from (_say_opaque(group, connection.closed) for group in opaque)
    known = {span.finding for span in told}
    yield from _findings(finding for finding in connection.findings if finding not in known)


def _sides(closed: Closed | None) -> Iterator[tuple[Sender, Traffic, bool]]:
    """Each side's traffic, and whether the other was captured: only then is it known what the receiver has."""
    client, server = (closed.from_client, closed.from_server) if closed is not None else (_BARE, _BARE)
    yield "client", client, server.bytes > 0
    yield "server", server, client.bytes > 0


# One side


def _side(sender: Sender, traffic: Traffic, spans: list[_Told], messages: str, *, is_answered: bool) -> Iterator[Line]:
    """What is missing as a whole, what that did to messages, and where it is."""
    causes = list(_causes(traffic, is_answered=is_answered))
    depth, prefix = (1, "") if causes else (0, f"from the {sender}: ")
    if causes:
        head = f"from the {sender}: {plural(traffic.missing_bytes, 'byte')} missing in {plural(traffic.gaps, 'gap')}"
        if traffic.gaps == 1 and [span.size for span in spans] == [(traffic.missing_bytes, traffic.missing_bytes)]:
            head += f" at offset {spans[0].span.offset} ({spans[0].packets})"
            spans = []
        if traffic.missing_packets:
            head += f", {plural(traffic.missing_packets, 'packet')} or more"
        yield Line(0, f"{head}: {causes[0][1]}" if len(causes) == 1 else head, "warning")
    if len(causes) > 1:
        yield from (Line(1, f"{plural(size, 'byte')} {cause}") for size, cause in causes)
    if messages:
        yield Line(depth, f"{prefix}{messages}")
    for severity, text in _places(spans):
        word = "error: " if severity is Severity.ERROR else ""
        yield Line(depth, f"{word}{prefix}{text}", "" if causes and not word else severity.value)
    if traffic.retransmitted_bytes:
        size = plural(traffic.retransmitted_bytes, "byte")
        yield Line(0, f"from the {sender}: {size} retransmitted: the network lost them or their confirmation", "dim")
    if traffic.out_of_order:
        yield Line(0, f"from the {sender}: {plural(traffic.out_of_order, 'segment')} out of order", "dim")


def _causes(traffic: Traffic, *, is_answered: bool) -> Iterator[tuple[int, str]]:
    """Missing bytes by whose fault that is."""
    by_capture = traffic.missing_bytes - traffic.cut_bytes - traffic.unacknowledged_bytes
    if by_capture:
        known = "the receiver has them, the capture lacks them"
        yield by_capture, f"never captured; {known if is_answered else 'whether the receiver has them is unknown'}"
    if traffic.cut_bytes:
        yield traffic.cut_bytes, "cut by the snapshot length of the capture"
    if traffic.unacknowledged_bytes:
        yield traffic.unacknowledged_bytes, "lost on the network; neither captured nor confirmed by the receiver"


def _messages(connection: ConnectionSummary, sender: Sender, lost: Lost | None) -> str:
    """How many messages are not whole, and about how many are not there at all."""
    words = []
    if states := {state: count for (by, state), count in connection.incomplete.items() if by == sender}:
        words.append(
            f"messages that did not come whole: {', '.join(f'{grouped(n)} {how}' for how, n in states.items())}"
        )
    if lost is not None:
        about = f"about {plural(lost.about, 'message')} lost or not decodable"
        size = f"{plural(lost.bytes, 'byte')} of unknown content and {plural(lost.mean, 'byte')} a message"
        words.append(f"{about} (an estimate from {size})")
    return "; ".join(words)


# Places


class _Told(NamedTuple):
    """Bytes that were not decoded, with the finding that is about them, if there is one."""

    span: Undecoded
    finding: Finding | None

    @property
    def size(self) -> tuple[int, int]:
        """How many bytes, and how many of them are missing."""
        return self.span.length, self.span.missing

    @property
    def says_more(self) -> bool:
        """Whether the finding says what these bytes are."""
        return self.finding is not None and self.finding.rule in _SAY_MORE

    @property
    def packets(self) -> str:
        """Where in the capture: what is missing itself is where it was noticed."""
        return _packets(self.span.first.packet, self.span.last.packet)

    @property
    def severity(self) -> Severity:
        is_error = self.finding is not None and self.finding.severity is Severity.ERROR
        return Severity.ERROR if is_error else Severity.WARNING

    @property
    def code(self) -> str:
        """The rule's, where it says more than that something is missing."""
        return f" [{self.finding.rule.code}]" if self.finding is not None and self.severity is Severity.ERROR else ""

    @property
    def text(self) -> str:
        where = f"from offset {self.span.offset}{' to the end' if self.span.to_the_end else ''}"
        return f"{say_span(*self.size, where, self.span.reason)} ({self.packets}){self.code}"


def _packets(first: int, last: int) -> str:
    return f"packet {first}" if first == last else f"packets {first}-{last}"


def _told(span: Undecoded, explaining: Iterable[Finding]) -> _Told:
    """A span with what was found about these very bytes."""
    if span.finding is not None:
        return _Told(span, span.finding)
    for finding in explaining:
        if finding.sender in {span.sender, ""} and [at.offset for at in finding.evidence] == [span.offset]:
            return _Told(span, finding)
    return _Told(span, None)


def _places(spans: Iterable[_Told]) -> list[tuple[Severity, str]]:
    """In the order of their offsets; what happened often is told where it happened first."""
    alike: defaultdict[tuple[Severity, str], list[_Told]] = defaultdict(list)
    for span in sorted(spans, key=lambda told: told.span.offset):
        alike[span.severity, _shape(span.text)].append(span)
    told = []
    for (severity, _), group in alike.items():
        if len(group) > MOST_ALIKE:
            told.append((group[0].span.offset, severity, _in_places(group)))
        else:
            told += [(span.span.offset, severity, span.text) for span in group]
    return [(severity, text) for _, severity, text in sorted(told, key=lambda place: place[0])]


def _in_places(group: list[_Told]) -> str:
    """What happened often, as one."""
    length, missing = sum(span.size[0] for span in group), sum(span.size[1] for span in group)
    first = group[0]
    where = f"in {grouped(len(group))} places from offset {first.span.offset} on"
    packets = _packets(min(told.span.first.packet for told in group), max(told.span.last.packet for told in group))
    return f"{say_span(length, missing, where, first.span.reason)} ({packets}){first.code}"


# What is no chunk stream


def _opaque(told: list[_Told]) -> list[list[_Told]]:
    """What both sides sent for the same reason, or a finding says what it is: encrypted, or another protocol."""
    alike: defaultdict[tuple[str, Finding | None], list[_Told]] = defaultdict(list)
    for one in told:
        if one.says_more or (one.finding is None and not one.span.missing and one.span.broken_off is None):
            alike[one.span.reason, one.finding].append(one)
    return [
        group
        for group in alike.values()
        if group[0].says_more or len(group) == len({one.span.sender for one in group}) == 2
    ]


def _say_opaque(group: list[_Told], closed: Closed | None) -> Line:
    sizes = "not decoded: " + ", ".join(
        f"{plural(one.span.length, 'byte')} from the {one.span.sender} from offset {one.span.offset} ({one.packets})"
        for one in group
    )
    finding, reason = group[0].finding, group[0].span.reason
    if finding is not None:
        return _said(finding.severity, f"{finding.title}; {sizes}", finding.rule.code)
    is_told = closed is not None and closed.tls is not None and closed.tls.reason and closed.tls.reason in reason
    return Line(0, sizes if is_told else f"{sizes}: {reason}", "warning")


# All else that was found


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
