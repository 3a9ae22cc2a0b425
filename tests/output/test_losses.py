"""What was lost, in a person's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from rtmpsniff.analysis.summary import ConnectionSummary, Summary, Tally
from rtmpsniff.capture.files import read
from rtmpsniff.capture.packet import Origin
from rtmpsniff.dissect import Dissection
from rtmpsniff.findings import (
    CAPTURE_QUALITY,
    CHUNK_DESYNC,
    HANDSHAKE_ENCRYPTED,
    HANDSHAKE_STALLED,
    WRONG_PROTOCOL,
    Evidence,
    Finding,
    Severity,
)
from rtmpsniff.output.losses import MOST_ALIKE, loss_lines
from rtmpsniff.rtmp.events import Closed, Opened, Traffic, Undecoded
from rtmpsniff.transport.tcp import Endpoint
from rtmpsniff.tunnel.inner import Tls

SHARED: Final = Path(__file__).parents[3] / "shared" / "captures"

HERE = Origin(0, 7, 0)
CLIENT, SERVER = Endpoint("10.0.0.1", 50000), Endpoint("10.0.0.2", 1935)
SOME = Traffic(1000, 0, 0, 0, 0)


def connection(client: Traffic = SOME, server: Traffic = SOME) -> ConnectionSummary:
    summary = ConnectionSummary(Opened(1, CLIENT, SERVER, HERE, whole=True), {})
    summary.closed = Closed(1, CLIENT, SERVER, "rtmp", HERE, HERE, "closed", "client", client, server)
    return summary


def told(summary: ConnectionSummary) -> list[str]:
    return ["  " * line.depth + line.text for line in loss_lines(summary)]


def lost(offset: int, length: int, missing: int, reason: str = "never captured") -> Undecoded:
    return Undecoded(1, "client", offset, length, missing, reason, HERE, HERE)


def test_where_nothing_is_lost_there_is_nothing_to_say() -> None:
    assert told(connection()) == []


def test_whose_fault_it_is() -> None:
    traffic = SOME._replace(
        missing_bytes=6000, gaps=3, missing_packets=4, cut_bytes=1000, unacknowledged_bytes=2000, out_of_order=2
    )
    assert told(connection(client=traffic)) == [
        "from the client: 6 000 bytes missing in 3 gaps, 4 packets or more",
        "  3 000 bytes never captured; the receiver has them, the capture lacks them",
        "  1 000 bytes cut by the snapshot length of the capture",
        "  2 000 bytes lost on the network; neither captured nor confirmed by the receiver",
        "from the client: 2 segments out of order",
    ]


def test_of_one_direction_alone_nobody_knows() -> None:
    traffic = SOME._replace(missing_bytes=10, gaps=1, missing_packets=1)
    assert told(connection(server=traffic, client=Traffic(0, 0, 0, 0, 0))) == [
        (
            "from the server: 10 bytes missing in 1 gap, 1 packet or more: never captured; "
            "whether the receiver has them is unknown"
        )
    ]


def test_what_was_sent_again_is_the_network() -> None:
    (line,) = told(connection(client=SOME._replace(retransmitted_bytes=1448)))
    assert line == "from the client: 1 448 bytes retransmitted: the network lost them or their confirmation"


def test_where_it_is() -> None:
    summary = connection()
    last = Origin(0, 9, 0)
    summary.undecoded = [lost(3073, 10, 10), replace(lost(4000, 30, 10), last=last), lost(5000, 8, 0, "not RTMP")]
    assert told(summary) == [
        "from the client: 10 bytes from offset 3073 never captured (packet 7)",
        "from the client: 30 bytes from offset 4000 not decoded, 10 of them never captured (packets 7-9)",
        "from the client: 8 bytes from offset 5000 not decoded: not RTMP (packet 7)",
    ]


def test_places_that_are_alike_are_told_as_one() -> None:
    summary = connection()
    summary.undecoded = [lost(3073 + 1000 * number, 300, 300) for number in range(MOST_ALIKE + 1)]
    assert told(summary) == ["from the client: 1 200 bytes in 4 places from offset 3073 on never captured (packet 7)"]


def missing(size: int, gaps: int) -> Traffic:
    return SOME._replace(missing_bytes=size, gaps=gaps, missing_packets=gaps)


NEVER = "never captured; the receiver has them, the capture lacks them"


def test_what_is_missing_is_told_once() -> None:
    """How much and whose fault, then what it did to messages and where; a finding about the same bytes adds nothing."""
    summary = connection(client=missing(3848, 7))
    summary.incomplete.update([("client", "damaged"), ("server", "cut")])
    same = found("10 bytes never captured; a header follows")
    summary.undecoded = [replace(lost(3073, 10, 10), finding=same), lost(4000, 30, 10)]
    summary.findings = [same, found("something else")]
    assert told(summary) == [
        f"from the client: 3 848 bytes missing in 7 gaps, 7 packets or more: {NEVER}",
        "  messages that did not come whole: 1 damaged",
        "  10 bytes from offset 3073 never captured (packet 7)",
        "  30 bytes from offset 4000 not decoded, 10 of them never captured (packet 7)",
        "from the server: messages that did not come whole: 1 cut",
        "warning: something else [capture.quality]",
    ]
    assert [line.style for line in loss_lines(summary)] == ["warning", "", "", "", "", "warning"]


def test_a_single_place_needs_no_line() -> None:
    summary = connection(client=missing(500, 1))
    summary.undecoded = [lost(3073, 500, 500)]
    where = "500 bytes missing in 1 gap at offset 3073 (packet 7), 1 packet or more"
    assert told(summary) == [f"from the client: {where}: {NEVER}"]
    summary.undecoded = [lost(3073, 520, 500)]
    assert told(summary)[1:] == ["  520 bytes from offset 3073 not decoded, 500 of them never captured (packet 7)"]


def test_what_was_not_found_again_is_an_error() -> None:
    summary = connection(client=missing(500, 1))
    end = replace(found("from here on nothing", Severity.ERROR), sender="client")
    summary.undecoded = [replace(lost(3073, 520, 500), finding=end, to_the_end=True)]
    summary.findings = [end]
    where = "520 bytes from offset 3073 to the end not decoded, 500 of them never captured (packet 7)"
    assert told(summary)[1:] == [f"  error: {where} [capture.quality]"]
    summary.closed = None
    assert told(summary) == [f"error: from the client: {where} [capture.quality]"]


def test_another_protocol_says_what_it_is() -> None:
    summary = connection()
    what = "not RTMP: an HTTP request: GET / HTTP/1.1"
    evidence = (Evidence("", 0),)
    summary.findings = [Finding(WRONG_PROTOCOL, Severity.ERROR, what, evidence, connection=1, sender="client")]
    summary.undecoded = [lost(0, 78, 0, "not RTMP"), replace(lost(0, 9, 0, "not RTMP"), sender="server")]
    assert told(summary) == [
        "from the server: 9 bytes from offset 0 not decoded: not RTMP (packet 7)",
        f"error: {what}; not decoded: 78 bytes from the client from offset 0 (packet 7) [proto.wrong_protocol]",
    ]


def test_a_handshake_that_was_never_completed() -> None:
    summary = connection()
    what = "the handshake was never completed: 9 of 3073 bytes from the client, 0 of 3073 bytes from the server"
    summary.findings = [Finding(HANDSHAKE_STALLED, Severity.ERROR, what, (Evidence("", 0),), connection=1)]
    ends = "the stream ends inside the handshake"
    summary.undecoded = [lost(0, 9, 0, ends), lost(1537, 4, 0, ends)]
    assert told(summary) == [
        "from the client: 4 bytes from offset 1537 not decoded: the stream ends inside the handshake (packet 7)",
        f"error: {what}; not decoded: 9 bytes from the client from offset 0 (packet 7) [hs.stalled]",
    ]


def test_what_holds_for_both_sides_is_told_once() -> None:
    summary = connection()
    summary.undecoded = [lost(3073, 78, 0, "encrypted"), replace(lost(3073, 9, 0, "encrypted"), sender="server")]
    sizes = "78 bytes from the client from offset 3073 (packet 7), 9 bytes from the server from offset 3073 (packet 7)"
    assert told(summary) == [f"not decoded: {sizes}: encrypted"]
    why = "encrypted from here on; a listener has no key"
    summary.findings = [Finding(HANDSHAKE_ENCRYPTED, Severity.NOTE, why, (Evidence("", 3073),), connection=1)]
    assert told(summary) == [f"note: {why}; not decoded: {sizes} [hs.encrypted]"]


def test_why_tls_is_not_decrypted_is_told_where_tls_is() -> None:
    summary = connection()
    tls = Tls(decrypted=False, reason="there is no key log")
    assert summary.closed is not None
    summary.closed = replace(summary.closed, tls=tls)
    reason = "encrypted (TLS 1.3): there is no key log"
    summary.undecoded = [lost(0, 78, 0, reason), replace(lost(0, 9, 0, reason), sender="server")]
    (line,) = told(summary)
    assert line.startswith("not decoded: 78 bytes from the client from offset 0 (packet 7), 9 bytes from the server ")
    assert "key log" not in line


def test_messages_that_are_not_whole() -> None:
    summary = connection()
    summary.incomplete.update([("client", "damaged"), ("client", "cut"), ("client", "damaged")])
    assert told(summary) == ["from the client: messages that did not come whole: 2 damaged, 1 cut"]


def test_messages_that_were_lost_whole_are_estimated() -> None:
    summary = connection()
    summary.other_tallies[20, "client"] = Tally(100, 9200)
    summary.undecoded.append(replace(lost(5000, 1000, 1000), broken_off=0))
    assert told(summary)[0] == (
        "from the client: about 10 messages lost or not decodable (an estimate from 1 000 bytes of unknown "
        "content and 100 bytes a message)"
    )


def found(title: str, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(CAPTURE_QUALITY, severity, title, connection=1)


def test_findings_that_differ_in_numbers_alone_are_told_once() -> None:
    summary = connection()
    summary.findings = [found(f"{number} 448 bytes never captured; a header follows") for number in range(1, 30)]
    assert told(summary) == ["warning: 1 448 bytes never captured; a header follows (and 28 like it) [capture.quality]"]


def test_few_are_told_each_and_equal_ones_are_counted() -> None:
    summary = connection()
    summary.findings = [found("9 bytes"), found("10 bytes"), found("9 bytes")]
    assert told(summary) == ["warning: 9 bytes (2 times) [capture.quality]", "warning: 10 bytes [capture.quality]"]


class Counted(list[Finding]):
    """Findings that know how often they were gone through."""

    times = 0

    def __iter__(self) -> Iterator[Finding]:
        self.times += 1
        return super().__iter__()


def test_findings_are_not_gone_through_for_each_place() -> None:
    summary = connection()
    summary.undecoded += [lost(offset * 10, 5, 0) for offset in range(100)]
    findings = summary.findings = Counted([found("a thing")])
    assert told(summary)
    assert 0 < findings.times <= 3


def test_the_worst_comes_first() -> None:
    summary = connection()
    error = Finding(CHUNK_DESYNC, Severity.ERROR, "lost", connection=1)
    summary.findings = [found("a note", Severity.NOTE), found("a warning"), error]
    assert [line.partition(":")[0] for line in told(summary)] == ["error", "warning", "note"]
    assert [line.style for line in loss_lines(summary)] == ["error", "warning", "note"]


# Recordings


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures beside the checkout")
@pytest.mark.parametrize("folder", ["made", "impaired"])
def test_every_place_is_told_once_and_every_finding(folder: str) -> None:
    for path in sorted((SHARED / folder).glob("*.pcap*")):
        with read([str(path)]) as captures:
            run = Dissection(captures)
            summary = Summary(run.conversation)
            summary.see_all(run)
        for one in summary.connections.values():
            text = "\n".join(told(one))
            for span in one.undecoded:
                place = rf"from the {span.sender} from offset {span.offset} "
                below = rf"(?:from|at) offset {span.offset} "
                assert len(re.findall(place, text)) <= 1
                assert len(re.findall(below, text)) <= 2  # it may be that of the other side too
            known = {span.finding for span in one.undecoded}
            alone = [finding for finding in one.findings if finding not in known]
            assert len([finding for finding in alone if f"[{finding.rule.code}]" not in text]) == 0
            assert bool(text) == bool(one.findings or one.undecoded or one.incomplete or _is_marred(one))


def _is_marred(one: ConnectionSummary) -> bool:
    closed = one.closed
    sides = (closed.from_client, closed.from_server) if closed is not None else ()
    return any(side.missing_bytes or side.retransmitted_bytes or side.out_of_order for side in sides)
