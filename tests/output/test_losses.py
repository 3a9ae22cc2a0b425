"""What was lost, in a person's words."""

from __future__ import annotations

from dataclasses import replace

from rtmpsniff.analysis.summary import ConnectionSummary, Tally
from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import CAPTURE_QUALITY, CHUNK_DESYNC, Finding, Severity
from rtmpsniff.output.losses import MOST_ALIKE, loss_lines
from rtmpsniff.rtmp.events import Closed, Opened, Traffic, Undecoded
from rtmpsniff.transport.tcp import Endpoint

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
        "  3 000 bytes never captured: the receiver has them, the capture lacks them",
        "  1 000 bytes cut by the snapshot length of the capture",
        "  2 000 bytes lost on the network: neither captured nor confirmed by the receiver",
        "from the client: 2 segments out of order",
    ]


def test_of_one_direction_alone_nobody_knows() -> None:
    traffic = SOME._replace(missing_bytes=10, gaps=1, missing_packets=1)
    lines = told(connection(server=traffic, client=Traffic(0, 0, 0, 0, 0)))
    assert lines[1] == "  10 bytes never captured: whether the receiver has them is unknown"


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
    assert told(summary) == ["from the client: 1 200 bytes in 4 places from offset 3073 on never captured"]


def test_messages_that_are_not_whole() -> None:
    summary = connection()
    summary.incomplete.update(["damaged", "cut", "damaged"])
    assert told(summary) == ["messages that did not come whole: 2 damaged, 1 cut"]


def test_messages_that_were_lost_whole_are_estimated() -> None:
    summary = connection()
    summary.other_tallies[20, "client"] = Tally(100, 9200)
    summary.undecoded.append(replace(lost(5000, 1000, 1000), broken_off=0))
    assert told(summary)[-1] == (
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


def test_the_worst_comes_first() -> None:
    summary = connection()
    error = Finding(CHUNK_DESYNC, Severity.ERROR, "lost", connection=1)
    summary.findings = [found("a note", Severity.NOTE), found("a warning"), error]
    assert [line.partition(":")[0] for line in told(summary)] == ["error", "warning", "note"]
    assert [line.style for line in loss_lines(summary)] == ["error", "warning", "note"]
