"""The summary, as a page and as a document: what a capture comes down to, and what was lost of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import pairwise
from struct import pack

import pytest

from rtmpsniff.analysis.summary import Summary
from rtmpsniff.capture.files import CaptureFile
from rtmpsniff.output.document import capture_record
from rtmpsniff.output.overview import overview
from rtmpsniff.output.story import in_full
from rtmpsniff.output.theme import STYLES, Paint
from rtmpsniff.rtmp.events import Event
from rtmpsniff.text import columns_of
from tests.build import Frame, Talk, amf0, begin_publish, pcap, session
from tests.capture.craft import interface, option, section, statistics

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


def block(lines: list[str], number: int = 1) -> list[str]:
    """What is said of one connection by itself."""
    start = next(at for at, line in enumerate(lines) if re.match(rf"connection {number}(  |$)", line))
    return lines[start : lines.index("", start) if "" in lines[start:] else len(lines)]


def test_each_connection_has_its_story(summed: Summed) -> None:
    frames = two_sessions()
    lines = page(frames, summed(frames))
    assert block(lines, 1)[0] == "connection 1  rtmp://example.com/live/stream"
    head, *told = block(lines, 2)
    assert head == "connection 2  rtmp://example.com/live/cam"
    assert any(line.startswith("  publish cam (live): started after 2.0 ms, ") for line in told)
    assert any(line.startswith("    video h264 Constrained Baseline 4.0, 1920x1080 30 fps: 31 ") for line in told)


def test_connections_left_out_have_no_story(summed: Summed) -> None:
    frames = two_sessions()
    assert not [line for line in page(frames, summed(frames), top=1) if line.startswith("connection 1")]


def test_nothing_is_said_of_losses_where_there_are_none(summed: Summed) -> None:
    frames = session().frames
    words = ("missing", "captured", "decoded", "retransmitted", "cut", "error", "warning")
    assert not [line for line in block(page(frames, summed(frames))) if any(word in line for word in words)]


def test_a_refused_stream_does_not_count_as_published(summed: Summed) -> None:
    talk = Talk()
    talk.greet()
    talk.command("client", 3, 0, "connect", 1, {"app": "live"})
    talk.command("client", 3, 1, "publish", 2, None, "one", "live")
    talk.command("server", 3, 1, "onStatus", 0, None, {"level": "error", "code": "NetStream.Publish.BadName"})
    talk.close()
    lines = page(talk.frames, summed(talk.frames))
    assert words(lines[3])[4] == "publish one (refused)"
    assert "  publish one (live): refused after 1.0 ms: NetStream.Publish.BadName" in lines


def test_the_largest_connections_alone(summed: Summed) -> None:
    frames = two_sessions()
    lines = page(frames, summed(frames), top=1)
    assert [line for line in lines if "publish cam" in line]
    assert not [line for line in lines if "publish stream" in line]
    assert "... and 1 more" in lines
    assert "... and 1 more" not in page(frames, summed(frames), top=2)


@pytest.mark.parametrize("size", [5, 15, 25, 60])
def test_wide_characters_take_two_columns(summed: Summed, size: int) -> None:
    frames = session(Talk(), name="配信" * size, app="生").frames
    summary = summed(frames)
    for width in range(72, 140, 3):
        lines = page(frames, summary, width=width)
        assert [line for line in lines[1:] if columns_of(line) > width] == []


@pytest.mark.parametrize("width", [80, 100, 130])
def test_a_narrow_terminal_has_no_long_lines(summed: Summed, width: int) -> None:
    frames = two_sessions()
    lines = page(frames, summed(frames), width=width)
    assert [line for line in lines[1:] if len(line) > width] == []  # the first has the name of a file
    assert [line for line in lines if "publish cam" in line]


def test_long_names_are_wrapped_on_a_narrow_terminal(summed: Summed) -> None:
    talk = Talk()
    begin_publish(talk, chunk_size=4096, name="a stream " + 4 * "with quite a long name ")
    data = pcap(talk.frames)
    file = CaptureFile("/var/captures/" + "long/" * 10 + "talk.pcap", BytesIO(data))
    assert list(file)
    lines = list(overview([file], summed(talk.frames), (0, 0), PLAIN, None, 80))
    assert lines[0] == f"{file.file}:"
    assert lines[1].startswith("  pcap, ")
    assert [line for line in lines if len(line) > 80 and not line.startswith("connection 1  rtmp://")] == []


def test_an_address_is_wrapped_on_a_narrow_terminal(summed: Summed) -> None:
    frames = session(app="a" * 300, name="b" * 300).frames
    lines = list(overview([capture(frames)], summed(frames), (0, 0), PLAIN, None, 80, None, in_full))
    assert max(map(len, lines)) <= 80
    assert sum(line.count("b") for line in lines) >= 600  # in the table and in the story


def test_a_number_is_not_broken_up(summed: Summed) -> None:
    frames = two_sessions()
    for width in range(50, 100):
        lines = page(frames, summed(frames), width=width)
        ends = [(before[-1:], after.strip()[:3]) for before, after in pairwise(lines) if after.strip()]
        assert not [(end, start) for end, start in ends if end.isdigit() and start.isdigit()]


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
    told = block(lines)
    assert told[-2:] == [
        (
            "  from the client: 2 896 bytes missing in 1 gap, 2 packets or more: "
            "never captured; the receiver has them, the capture lacks them"
        ),
        "    messages that did not come whole: 1 damaged",
    ]


def test_findings_are_counted(summed: Summed) -> None:
    talk = Talk()
    begin_publish(talk)
    for _ in range(3):
        talk.say("client", 3, 20, 0, 0, amf0("broken", 1) + b"\x02\x00\x09abc")
    talk.close()
    lines = page(talk.frames, summed(talk.frames))
    told = block(lines)
    assert told[-1].startswith("  error: broken > ")
    assert told[-1].endswith("(3 times) [amf.malformed]")


def test_other_traffic_is_counted(summed: Summed) -> None:
    frames = session().frames
    for others, said in (
        ((2, 5), "not RTMP: 2 TCP connections, 5 packets of other kinds"),
        ((1, 0), "not RTMP: 1 TCP connection"),
        ((0, 1), "not RTMP: 1 packet of other kinds"),
        ((0, 0), ""),
    ):
        assert list(overview([capture(frames)], summed(frames), others, PLAIN, None, None))[1] == said


def test_a_capture_without_rtmp_is_its_first_line(summed: Summed) -> None:
    frames = session().frames[:1]
    assert len(list(overview([capture(frames)], Summary(), (0, 0), PLAIN, None, None))) == 1


def test_a_truncated_file_says_so(summed: Summed) -> None:
    frames = session().frames
    lines = list(overview([capture(frames, cut=1)], summed(frames), (0, 0), PLAIN, None, None))
    assert "ends inside a record after packet" in lines[1]


def test_what_was_dropped_while_capturing_is_said_of_the_file() -> None:
    data = section() + interface() + statistics(option(5, pack("<Q", 3)))
    file = CaptureFile("drops.pcapng", BytesIO(data))
    list(file)
    assert list(overview([file], Summary(), (0, 0), PLAIN, None, None))[1:] == [
        "  3 packets dropped while capturing, by the interface or the system: what was never captured may be theirs"
    ]
    assert capture_record(file)["dropped"] == 3


def test_colors_are_all_that_colors_change(summed: Summed) -> None:
    frames = with_a_hole()
    colored = list(overview([capture(frames)], summed(frames), (1, 1), Paint(True), None, None))
    plain = list(overview([capture(frames)], summed(frames), (1, 1), PLAIN, None, None))
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in colored] == plain
    assert f"\x1b[{STYLES['warning']}m" in "".join(colored)
