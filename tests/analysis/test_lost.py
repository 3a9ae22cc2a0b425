"""The estimate of messages lost whole: from what, how exact, and when nothing is said."""

from __future__ import annotations

from pathlib import Path

from rtmpsniff.analysis.lost import Lost, lost_messages
from rtmpsniff.analysis.summary import ConnectionSummary, Summary, Tally
from rtmpsniff.capture.files import read
from rtmpsniff.capture.packet import Origin, Packet
from rtmpsniff.dissect import Dissection
from rtmpsniff.rtmp.events import Opened, Undecoded
from rtmpsniff.transport.tcp import Endpoint
from tests.loss import thinned

HERE = Origin(0, 1, 0)
CAPTURES = Path(__file__).parents[2] / "captures"


def connection(*spans: Undecoded, messages: int = 100, size: int = 92) -> ConnectionSummary:
    summary = ConnectionSummary(Opened(1, Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2), HERE, whole=True), {})
    summary.other_tallies[20, "client"] = Tally(messages, messages * size)
    summary.undecoded += spans
    return summary


def span(length: int, broken_off: int | None) -> Undecoded:
    return Undecoded(1, "client", 5000, length, length, "never captured", HERE, HERE, broken_off)


def test_what_messages_that_are_told_lack_is_not_counted_again() -> None:
    assert lost_messages(connection(span(500, 0), span(700, 200))) == {"client": Lost(1000, 10, 100)}


def test_what_can_be_told_of_nothing_is_not_told() -> None:
    assert lost_messages(connection(span(500, None))) == {}  # encrypted, or the rest of one that was dropped
    assert lost_messages(connection(span(500, 480))) == {}  # all of it was of messages that are told as cut
    assert lost_messages(connection(span(500, 900))) == {}
    assert lost_messages(connection(span(500, 0), messages=3)) == {}
    assert lost_messages(connection()) == {}


def test_of_a_selection_nothing_is_told() -> None:
    summary = connection(span(500, 0))
    summary.is_partial = True
    assert lost_messages(summary) == {}


def test_a_great_estimate_has_two_digits() -> None:
    assert lost_messages(connection(span(123_456, 0)))["client"].about == 1200
    assert lost_messages(connection(span(1_949, 0)))["client"].about == 19


def summed(packets: list[Packet]) -> Summary:
    run = Dissection(packets)
    summary = Summary(run.conversation)
    summary.see_all(run)
    return summary


def test_it_is_near_what_was_lost() -> None:
    """Of what is really lost, between half and twice as much is estimated, over several captures and seeds."""
    really = estimated = 0
    for name in ("ffmpeg-nginx-publish.pcap", "rtmpdump-nginx-vod.pcap", "node-media-server-publish.pcap"):
        packets = list(read([str(CAPTURES / name)]))
        whole = sum(one.messages for one in summed(packets).connections.values())
        for seed in range(8):
            damaged = summed(thinned(packets, 1 / 30, seed)).connections.values()
            really += whole - sum(one.messages for one in damaged)
            estimated += sum(lost.about for one in damaged for lost in lost_messages(one).values())
    assert really > 50
    assert really / 2 <= estimated <= really * 2
