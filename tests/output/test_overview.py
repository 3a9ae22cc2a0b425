"""The summary, as a page and as a document: what a capture comes down to, and what was lost of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from io import BytesIO

import pytest

from rtmpsniff.analysis.summary import Summary
from rtmpsniff.capture.files import CaptureFile
from rtmpsniff.output.overview import document, overview
from rtmpsniff.output.theme import STYLES, Paint
from rtmpsniff.rtmp.events import Event
from tests.build import Frame, Talk, amf0, begin_publish, pcap, session

PLAIN = Paint(False)

Events = Callable[[Sequence[Frame]], list[Event]]


def capture(frames: Sequence[Frame], cut: int = 0) -> CaptureFile:
    data = pcap(frames)
    file = CaptureFile("talk.pcap", BytesIO(data[: len(data) - cut]))
    assert list(file)
    return file


@pytest.fixture
def summed(events: Events) -> Callable[[Sequence[Frame]], Summary]:
    def summary_of(frames: Sequence[Frame]) -> Summary:
        summary = Summary()
        summary.see_all(events(frames))
        return summary

    return summary_of


Summed = Callable[[Sequence[Frame]], Summary]


def page(frames: Sequence[Frame], summary: Summary, *, top: int | None = None, width: int | None = None) -> list[str]:
    return list(overview([capture(frames)], summary, (0, 0), PLAIN, top, width))


def words(line: str) -> list[str]:
    return re.split(r"  +", line.strip())


def two_sessions() -> list[Frame]:
    small = session(Talk(("10.0.0.1", 50001)), audio=1, video=0)
    large = session(Talk(("10.0.0.3", 50003)), video=30, name="cam")
    return sorted(small.frames + large.frames, key=lambda frame: frame.time)


def test_a_session(summed: Summed) -> None:
    frames = session(video=2, audio=3).frames
    lines = page(frames, summed(frames))
    assert re.fullmatch(
        r"talk\.pcap: pcap, \d+ packets, [\d ]+ bytes, 0\.\d{3} s from 2023-11-14 22:13:20\.000000 UTC", lines[0]
    )
    assert words(lines[2])[:5] == ["conn", "client -> server", "what", "app", "streams"]
    row = words(lines[3])
    assert row[:5] == ["1", "10.0.0.1:50000 -> 10.0.0.2:1935", "rtmp", "live", "publish stream"]
    assert row[-1] == "closed by the client"


def test_types_are_counted_by_direction(summed: Summed) -> None:
    frames = session(video=2, audio=3).frames
    rows = {line[0]: line[1:] for line in map(words, page(frames, summed(frames))) if len(line) == 5}
    assert rows["window_ack_size"] == ["-", "-", "1", "4"]
    assert rows["audio"] == ["4", "280", "-", "-"]
    assert rows["video"][0] == "3"
    assert rows["command_amf0"][0::2] == ["7", "3"]
    assert rows["all"][0::2] == ["15", "6"]


def test_nothing_is_said_of_losses_where_there_are_none(summed: Summed) -> None:
    frames = session().frames
    assert "connection 1" not in page(frames, summed(frames))


def test_the_largest_connections_alone(summed: Summed) -> None:
    frames = two_sessions()
    lines = page(frames, summed(frames), top=1)
    assert [line for line in lines if "publish cam" in line]
    assert not [line for line in lines if "publish stream" in line]
    assert "... and 1 more" in lines
    assert "... and 1 more" not in page(frames, summed(frames), top=2)


@pytest.mark.parametrize("width", [80, 100, 130])
def test_a_narrow_terminal_has_no_long_lines(summed: Summed, width: int) -> None:
    frames = two_sessions()
    lines = page(frames, summed(frames), width=width)
    assert [line for line in lines[1:] if len(line) > width] == []  # the first has the name of a file
    assert [line for line in lines if "publish cam" in line]


def with_a_hole() -> list[Frame]:
    """A publish session of which two segments of a video message were not captured."""
    talk = Talk()
    begin_publish(talk, chunk_size=4096)
    start = len(talk.frames)
    talk.say("client", 6, 9, 1, 40, b"\x27\x01\0\0\0" + bytes(8000))
    del talk.frames[start + 2 : start + 4]
    talk.ack("server")
    talk.say("client", 6, 9, 1, 80, b"\x27\x01\0\0\0" + bytes(80))
    talk.at(talk.time + 10**9)
    talk.close()
    return talk.frames


def test_what_was_lost(summed: Summed) -> None:
    frames = with_a_hole()
    lines = page(frames, summed(frames))
    after = lines[lines.index("connection 1") :]
    assert "2 896 bytes never captured in 1 gap" in after[1]
    assert [line for line in after if "1 message damaged" in line or "not decoded" in line]


def test_findings_are_counted(summed: Summed) -> None:
    talk = Talk()
    begin_publish(talk)
    for _ in range(3):
        talk.say("client", 3, 20, 0, 0, amf0("broken", 1) + b"\x02\x00\x09abc")
    talk.close()
    lines = page(talk.frames, summed(talk.frames))
    after = lines[lines.index("connection 1") :]
    assert after[1].startswith("  error: broken > ")
    assert after[1].endswith("(3 times) [amf.malformed]")


def test_other_traffic_is_counted(summed: Summed) -> None:
    frames = session().frames
    lines = list(overview([capture(frames)], summed(frames), (2, 5), PLAIN, None, None))
    assert lines[1] == "not RTMP: 2 TCP connections, 5 packets of other kinds"


def test_a_capture_without_rtmp_is_its_first_line(summed: Summed) -> None:
    frames = session().frames[:1]
    assert len(list(overview([capture(frames)], Summary(), (0, 0), PLAIN, None, None))) == 1


def test_a_truncated_file_says_so(summed: Summed) -> None:
    frames = session().frames
    lines = list(overview([capture(frames, cut=1)], summed(frames), (0, 0), PLAIN, None, None))
    assert "ends inside a record after packet" in lines[1]


def test_colors_are_all_that_colors_change(summed: Summed) -> None:
    frames = with_a_hole()
    colored = list(overview([capture(frames)], summed(frames), (1, 1), Paint(True), None, None))
    plain = list(overview([capture(frames)], summed(frames), (1, 1), PLAIN, None, None))
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in colored] == plain
    assert f"\x1b[{STYLES['warning']}m" in "".join(colored)


# The document


def test_the_document_says_the_same(summed: Summed) -> None:
    frames = session(video=2, audio=3).frames
    made = document([capture(frames)], summed(frames), (1, 2))
    assert json.loads(json.dumps(made)) == made
    assert list(made) == ["captures", "connections", "messages", "other_connections", "other_packets"]
    (file,), (connection,) = made["captures"], made["connections"]
    assert (file["file"], file["format"], file["packets"], file["truncated"]) == ("talk.pcap", "pcap", len(frames), "")
    assert file["first_time"] == str(frames[0].time)
    assert connection["client"] == {"address": "10.0.0.1", "port": 50000}
    assert (connection["id"], connection["variant"], connection["app"]) == (1, "rtmp", "live")
    assert (connection["end_reason"], connection["closer"]) == ("closed", "client")
    assert connection["streams"] == [{"id": 1, "name": "stream", "action": "publish"}]
    assert connection["messages"]["audio"] == {"count": 4, "bytes": 280}
    assert connection["tcp"]["client"]["missing_bytes"] == 0
    assert (made["other_connections"], made["other_packets"]) == (1, 2)
    assert {"type_id": 8, "type": "audio", "sender": "client", "count": 4, "bytes": 280} in made["messages"]


def test_the_document_says_what_was_lost(summed: Summed) -> None:
    frames = with_a_hole()
    (connection,) = document([capture(frames)], summed(frames), (0, 0))["connections"]
    assert connection["tcp"]["client"]["missing_bytes"] == 2896
    assert connection["tcp"]["client"]["gaps"] == 1
    assert connection["incomplete"] or connection["undecoded"]


def test_the_document_of_nothing() -> None:
    assert document([], Summary(), (0, 0)) == {
        "captures": [],
        "connections": [],
        "messages": [],
        "other_connections": 0,
        "other_packets": 0,
    }
