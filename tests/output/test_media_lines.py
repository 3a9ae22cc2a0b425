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
from rtmpsniff.output.media_lines import HEAD, row, table, warnings
from rtmpsniff.output.theme import Paint
from rtmpsniff.payload.audio import Audio
from rtmpsniff.payload.types import AUDIO, VIDEO
from rtmpsniff.payload.video import Video


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
    assert len(told) == len(HEAD)


WIDE = (
    "3", "play", "cam", "65.432", "1 234", "h264 High 4:4:4 Predictive 1.0, 160x120", "1", "aac LC 44.1 kHz stereo",
    "1 000 000", "play-3-live-key-1.flv",
)  # fmt: skip
SOUND = ("4", "publish", "?", "1.000", "-", "-", "5", "?", "17", "x.flv")


def test_a_table_where_there_is_room() -> None:
    head, first, second = table([WIDE, SOUND], Paint(False), None)
    assert head.split() == list(HEAD)
    assert first.index("cam") == second.index("?") == head.index("stream")
    assert list(table([SOUND], Paint(False), 100)) == list(table([SOUND], Paint(False), None))


def test_a_terminal_that_is_too_narrow_for_the_table() -> None:
    assert list(table([WIDE, SOUND], Paint(False), 80)) == [
        "   3  play cam: 65.432 s, 1 000 000 bytes, play-3-live-key-1.flv",
        "        video h264 High 4:4:4 Predictive 1.0, 160x120: 1 234 frames",
        "        audio aac LC 44.1 kHz stereo: 1 frame",
        "   4  publish ?: 1.000 s, 17 bytes, x.flv",
        "        audio ?: 5 frames",
    ]
    assert all(len(line) <= 50 for line in table([WIDE, SOUND], Paint(False), 50))


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
