"""A row for each stream, and a warning for each thing that its player should know."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from rtmpsniff.analysis.media import Flow, Track
from rtmpsniff.analysis.media_streams import MediaStream, Times
from rtmpsniff.analysis.streams import Stream
from rtmpsniff.analysis.timeline import Timeline
from rtmpsniff.budget import Budget
from rtmpsniff.output.media_lines import row, table, warnings
from rtmpsniff.output.theme import Paint
from rtmpsniff.payload.audio import Audio
from rtmpsniff.payload.types import AUDIO, VIDEO
from rtmpsniff.payload.video import Video

PLAIN = Paint(False)


def media(name: str | None = "cam", times: Times = "rebased", **more: Any) -> MediaStream:
    made = MediaStream(3, "live", Stream(1, 1, name, "play"), times, Budget(), **more)
    made.timeline = Timeline(0, 0)
    made.timeline.latest = 65_432
    return made


def tracks(*made: Track) -> dict[int, Track]:
    return {track.id: track for track in made}


def test_a_row() -> None:
    video = Flow(VIDEO, tracks=tracks(Track(0, "h264", Video()), Track(1, "hevc", Video(width=640, height=360))))
    audio = Flow(AUDIO, tracks=tracks(Track(0, "aac", Audio(rate=44100, channels=2))))
    one = media(flows={VIDEO: video, AUDIO: audio}, frames=Counter({VIDEO: 1234, AUDIO: 5}), size=1_000_000)
    told = row(one, "x.flv")
    assert told == (
        "3", "play", "cam", "65.432", "1 234", "track 0 h264; track 1 hevc 640x360", "5", "aac 44.1 kHz stereo",
        "1 000 000", "x.flv",
    )  # fmt: skip
    head, line = table([told], PLAIN, None)
    assert [head.index(word) for word in ("kind", "stream", "video", "audio", "file")] == [
        line.index(word) for word in ("play", "cam", "track 0", "aac", "x.flv")
    ]


ROWS = [
    ("1", "publish", "s1", "8.068", "200", "h264 High 1.3, 320x240 25 fps", "1 346", "aac LC 44.1 kHz stereo",
     "266 634", "publish-1-live-key-1.flv"),
    ("12", "play", "a name", "0.000", "-", "-", "346", "aac LC 44.1 kHz stereo", "9", "out/" + 90 * "x"),
]  # fmt: skip


def test_a_narrow_terminal() -> None:
    assert list(table(ROWS, PLAIN, 80)) == [
        "   1  publish s1: 8.068 s, 266 634 bytes",
        "      video h264 High 1.3, 320x240 25 fps: 200 frames",
        "      audio aac LC 44.1 kHz stereo: 1 346 frames",
        "      file publish-1-live-key-1.flv",
        "  12  play a name: 0.000 s, 9 bytes",
        "      audio aac LC 44.1 kHz stereo: 346 frames",
        "      file out/" + 90 * "x",
    ]
    for width in range(50, 100):
        assert max(map(len, table(ROWS[:1], PLAIN, width))) <= width


def test_a_wide_terminal_and_a_pipe_have_a_table() -> None:
    whole = list(table(ROWS, PLAIN, None))
    assert list(table(ROWS, PLAIN, max(map(len, whole)))) == whole
    assert len(whole) == 3
    assert list(table(ROWS, Paint(True), None))[1:] == whole[1:]


def test_what_there_is_none_of() -> None:
    one = media(None, flows={VIDEO: Flow(VIDEO)})
    assert row(one, "x.flv")[2:8] == ("?", "65.432", "-", "-", "-", "-")
    assert row(media("\x1b[2J"), "x.flv")[2] == "\\x1b[2J"
    assert list(warnings(one, "x.flv")) == []


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            {"gaps": 1, "places": [1500], "left_out": Counter({"damaged": 2, "cut": 1}), "undecoded": 1},
            "1 gap (at 1.500 s): 2 messages damaged, 1 message cut, 1 byte not decoded",
        ),
        ({"gaps": 4, "places": [0, 1, 2], "undecoded": 9000},
         "4 gaps (at 0.000 s, 0.001 s, 0.002 s, ...): 9 000 bytes not decoded"),
        ({"left_out": Counter({"unreadable": 1})}, "left out: 1 message unreadable"),
        (
            {"begins_inside": True},
            "its video begins between key frames: players show nothing, or noise, until the next one",
        ),
        ({"lost_headers": {"video"}}, "a sequence header of its video is lost: what follows may not be decodable"),
    ],
)  # fmt: skip
def test_warnings(state: dict[str, Any], said: str) -> None:
    assert list(warnings(media(**state), "x.flv")) == [f"x.flv: {said}"]


def test_a_codec_without_its_header() -> None:
    flows = {VIDEO: Flow(VIDEO, tracks=tracks(Track(0, "h264", Video(), is_sampled=True)))}
    (said,) = warnings(media(flows=flows), "x.flv")
    assert said == "x.flv: no sequence header of its h264 was captured: players cannot decode it"


@pytest.mark.parametrize(
    ("times", "jumps", "said"),
    [
        ("rebased", 1, "timestamps jump once, evened out; --times original leaves them"),
        ("original", 2, "timestamps jump 2 times, left as they are"),
    ],
)
def test_jumps(times: Times, jumps: int, said: str) -> None:
    one = media(times=times)
    assert one.timeline is not None
    one.timeline.jumps = jumps
    assert list(warnings(one, "x.flv")) == [f"x.flv: {said}"]
