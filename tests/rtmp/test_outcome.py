"""What comes of a direction, in its order, until it is taken."""

from __future__ import annotations

from rtmpsniff import findings
from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Evidence, Finding, Severity
from rtmpsniff.rtmp.outcome import Outcome
from rtmpsniff.rtmp.window import Window
from rtmpsniff.transport.events import Piece
from tests.rtmp.feeding import new_connection

ORIGIN = Origin(0, 5, 7_000)


def outcome() -> Outcome:
    window = Window()
    window.open(Piece(new_connection().from_server, 1000, b"bytes at hand", [1000], [ORIGIN]))
    return Outcome(3, "server", window)


def test_a_finding_about_a_byte_at_hand_knows_its_place_and_its_packet() -> None:
    found = outcome()
    found.find_at(4, findings.CHUNK_INTERRUPTED, Severity.ERROR, "a title")
    (finding,) = found.take()
    assert isinstance(finding, Finding)
    assert finding.evidence == (Evidence("", 1004),)
    assert (finding.connection, finding.sender, finding.packet, finding.time) == (3, "server", 5, 7_000)


def test_what_is_told_once_is_told_once_however_often_it_is_taken() -> None:
    found = outcome()
    for title in ("one", "two", "one"):
        found.find_once(findings.EXTENDED_STYLE, Severity.WARNING, title, 0, Origin(0, 1, 1))
    assert [event.title for event in found.take() if isinstance(event, Finding)] == ["one", "two"]
    found.find_once(findings.EXTENDED_STYLE, Severity.WARNING, "two", 0, Origin(0, 1, 1))
    assert found.take() == []


def test_the_list_of_events_stays_the_same_one() -> None:
    found = outcome()
    events = found.events
    found.find_at(0, findings.ABORT_SEEN, Severity.NOTE, "a title")
    assert repr(found) == "<Outcome 3 from server: 1 events>"
    taken = found.take()
    assert (len(taken), events) == (1, [])
    assert found.events is events
