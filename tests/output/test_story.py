"""What became of a connection, line by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from rtmpsniff.analysis.media import Track
from rtmpsniff.analysis.streams import MOST_STREAMS as MOST_KEPT
from rtmpsniff.analysis.streams import Moment, Purpose, Stream
from rtmpsniff.analysis.summary import ConnectionSummary, Summary
from rtmpsniff.capture.files import read
from rtmpsniff.dissect import Dissection
from rtmpsniff.output.story import (
    AT_ONCE,
    MOST_STREAMS,
    Line,
    address,
    in_full,
    say_track,
    shortened,
    story,
    stream_names,
)
from rtmpsniff.payload.audio import Audio, MultichannelConfiguration
from rtmpsniff.payload.codecs.configuration import Configuration
from rtmpsniff.payload.video import Video
from rtmpsniff.rtmp.events import Event
from tests.build import Frame, Talk, amf0, begin_publish, end_publish, session, video_frame

CAPTURES: Final = Path(__file__).parents[2] / "captures"
SHARED: Final = Path(__file__).parents[3] / "shared" / "captures"

Events = Callable[[Sequence[Frame]], list[Event]]
Told = Callable[[Talk], list[str]]


def lines_of(connection: ConnectionSummary) -> list[str]:
    """The lines, set in as the page has them, without the guesses about who it was."""
    told = [f"{'  ' * line.depth}{line.text}" for line in story(connection)]
    return [line for line in told if not line.startswith(("client:", "server:", "handshake:"))]


@pytest.fixture
def told(events: Events) -> Told:
    def of(talk: Talk) -> list[str]:
        summary = Summary()
        summary.see_all(events(talk.frames))
        return lines_of(summary.connections[1])

    return of


def status(code: str, level: str = "status", description: str = "") -> dict[str, object]:
    return {"level": level, "code": code, "description": description}


def test_a_session(told: Told) -> None:
    counts = "41 messages, 24 445 bytes, 150 kbit/s, 30.0 frames/s"
    assert told(session(video=40, audio=50)) == [
        "connect answered after 3.0 ms",
        "publish stream (live): started after 2.0 ms, 1.300 s of media, ended by FCUnpublish",
        f"  video h264 Constrained Baseline 4.0, 1920x1080 30 fps: {counts}",
        "  audio aac LC 44.1 kHz stereo: 51 messages, 4 604 bytes, 32 kbit/s",
    ]


def test_a_connection_of_which_nothing_was_seen(told: Told) -> None:
    talk = Talk()
    talk.open()
    talk.client(b"GET / HTTP/1.1\r\n\r\n")
    talk.close()
    assert told(talk) == []


# connect


def connecting(*answer: object, app: str = "live", tc_url: str = "rtmp://h/live") -> Talk:
    talk = Talk()
    talk.greet()
    talk.command("client", 3, 0, "connect", 1, {"app": app, "tcUrl": tc_url})
    if answer:
        talk.command("server", 3, 0, *answer)
    return talk


CONNECTS = [
    ("no answer", (), ["connect was not answered"]),
    ("an answer that says nothing", ("_result", 1), ["connect answered after 1.0 ms"]),
    ("a refusal that says nothing", ("_error", 1), ["connect refused after 1.0 ms"]),
    (
        "a refusal",
        ("_error", 1, None, status("NetConnection.Connect.Rejected", "error", "go\naway")),
        [r'connect refused after 1.0 ms: NetConnection.Connect.Rejected "go\naway"'],
    ),
    (
        "a redirection",
        ("_error", 1, None, {"code": "NetConnection.Connect.Rejected", "ex": {"redirect": "rtmp://other/"}}),
        [
            "connect refused after 1.0 ms: NetConnection.Connect.Rejected",
            "the server sends the client to rtmp://other/",
        ],
    ),
    (
        "a status instead",
        ("onStatus", 0, None, status("NetConnection.Connect.InvalidApp", "error")),
        ["connect refused: NetConnection.Connect.InvalidApp"],
    ),
]


@pytest.mark.parametrize(("answer", "lines"), [case[1:] for case in CONNECTS], ids=[case[0] for case in CONNECTS])
def test_connect(told: Told, answer: tuple[object, ...], lines: list[str]) -> None:
    assert told(connecting(*answer)) == lines


def test_two_names_of_the_application(told: Told) -> None:
    talk = connecting("_result", 1, tc_url="rtmp://h/other")
    assert 'app names the application "live", tcUrl names "other"' in told(talk)


def test_what_the_server_says_later(told: Told) -> None:
    talk = connecting("_result", 1, None, status("NetConnection.Connect.Success"))
    talk.command("server", 3, 0, "onStatus", 0, None, status("NetConnection.Connect.AppShutdown", "error", "bye"))
    assert told(talk)[1] == 'the server: NetConnection.Connect.AppShutdown "bye"'


@pytest.mark.parametrize(
    ("answer", "brief"),
    [
        ((), "(connect unanswered)"),
        (("_error", 1, None, status("NetConnection.Connect.Rejected", "error", "no")), "(connect refused)"),
        (("_result", 1, None, status("NetConnection.Connect.Success", "status", "")), ""),
    ],
)
def test_a_connection_without_streams_says_in_its_row_why(
    events: Callable[[Sequence[Frame]], list[Event]], answer: tuple[object, ...], brief: str
) -> None:
    summary = Summary()
    summary.see_all(events(connecting(*answer).frames))
    (only,) = summary.connections.values()
    assert stream_names(only) == brief


def test_a_server_of_which_bytes_are_missing_is_not_blamed(told: Told) -> None:
    talk = session(video=1, audio=0)
    talk.frames = [frame for frame in talk.frames if b"_result" not in frame.data]
    lines = told(talk)
    assert lines[0] == "no answer to connect was captured"
    assert not [line for line in lines if "not answered" in line]
    assert [line for line in lines if line.startswith("no answer captured: createStream")]


def test_a_side_that_was_not_captured_is_not_blamed(told: Told) -> None:
    talk = session(video=1, audio=0)
    talk.frames = [frame for frame in talk.frames if frame.data[26:30] == bytes([10, 0, 0, 1])]
    lines = told(talk)
    assert lines[0] == "no answer to connect was captured"
    assert lines[1].startswith("publish stream (live): no answer was captured, ")
    assert not [line for line in lines if "not answered" in line]


def test_authentication_and_tokens(told: Told) -> None:
    talk = connecting(app="live?authmod=adobe&user=me", tc_url="rtmp://h/live")
    description = "[ authmod=adobe ] : ?reason=needauth&user=me&salt=abcdsalt&challenge=chal1234&opaque=opaq5678"
    rejected = status("NetConnection.Connect.Rejected", "error", description)
    talk.command("server", 3, 0, "_error", 1, None, rejected)
    talk.command("client", 3, 1, "publish", 2, None, "cam?key=secret", "live")
    lines = told(talk)
    assert lines[:3] == [
        "connect refused after 1.0 ms: NetConnection.Connect.Rejected",
        "Adobe authentication, step 2 of 3, user me, the server sends a challenge",
        "token in the published name (key)",
    ]
    assert not [line for line in lines if "abcdsalt" in line or "chal1234" in line or "opaq5678" in line]


# Streams


def publishing(code: str, level: str, description: str = "") -> Talk:
    talk = connecting("_result", 1)
    talk.command("client", 3, 1, "publish", 2, None, "cam", "record")
    talk.command("server", 3, 1, "onStatus", 0, None, status(code, level, description))
    return talk


def test_a_refusal(told: Told) -> None:
    talk = publishing("NetStream.Publish.BadName", "error", "taken")
    assert told(talk)[1:] == ['publish cam (record): refused after 1.0 ms: NetStream.Publish.BadName "taken"']


def test_a_stream_that_was_accepted_and_cut_off(told: Told) -> None:
    """So nginx-rtmp denies: Publish.Start is sent before its callback is asked."""
    talk = publishing("NetStream.Publish.Start", "status")
    talk.reset("server")
    assert told(talk)[1:] == [
        (
            "publish cam (record): answered with NetStream.Publish.Start after 1.0 ms, "
            "but before any media the server reset the connection within 1.0 ms: likely a refusal"
        )
    ]


def test_a_server_that_waited_in_vain_does_not_refuse(told: Told) -> None:
    talk = publishing("NetStream.Publish.Start", "status")
    talk.at(talk.time + AT_ONCE)
    talk.reset("server")
    assert told(talk)[1:] == [
        "publish cam (record): started after 1.0 ms, no media in 5.001 s, until the connection was reset by the server"
    ]


def test_a_publisher_that_is_not_answered_and_cut_off(told: Told) -> None:
    talk = connecting("_result", 1)
    talk.command("client", 3, 1, "publish", 2, None, "cam", "live")
    talk.reset("server")
    assert told(talk)[1:] == ["publish cam (live): not answered: the server reset the connection within 1.0 ms"]
    talk = connecting("_result", 1)
    talk.command("client", 3, 1, "publish", 2, None, "cam", "live")
    talk.reset("client")
    assert told(talk)[1:] == [
        "publish cam (live): not answered in 1.0 ms, until the connection was reset by the client"
    ]


def test_connect_that_is_not_answered_and_cut_off(told: Told) -> None:
    talk = connecting()
    talk.reset("server")
    assert told(talk) == ["connect was not answered: the server reset the connection within 1.0 ms"]


def test_an_error_behind_the_start(told: Told) -> None:
    talk = publishing("NetStream.Publish.Start", "status")
    talk.command("server", 3, 1, "onStatus", 0, None, status("NetStream.Publish.BadName", "error", "taken"))
    talk.reset("server")
    assert told(talk)[1:] == [
        'publish cam (record): started after 1.0 ms, no media in 1.0 ms, ended by NetStream.Publish.BadName "taken"'
    ]


def test_media_that_may_be_missing_is_not_denied(told: Told) -> None:
    """Of the publisher's side nothing was captured: whether it sent media nobody knows."""
    talk = publishing("NetStream.Publish.Start", "status")
    talk.reset("server")
    talk.frames = [frame for frame in talk.frames if frame.data[26:30] != bytes([10, 0, 0, 1])]
    assert [line for line in told(talk) if "no media" in line] == [
        "publish on message stream 1: started, no media was captured, until the connection was reset by the server"
    ]


def test_a_stream_until_the_capture_ended(told: Told) -> None:
    talk = publishing("NetStream.Publish.Start", "status")
    talk.say("client", 6, 9, 1, 40, video_frame(1, 50))
    assert told(talk)[1:] == [
        "publish cam (record): started after 1.0 ms, until the capture ended",
        "  video h264: 1 message, 60 bytes",
    ]


def test_a_question_without_an_answer(told: Told) -> None:
    talk = connecting("_result", 1)
    talk.command("client", 3, 1, "play", 2, None, "film")
    assert told(talk)[1:] == ["play film: not answered, until the capture ended"]


def test_a_part_says_nothing_of_what_it_lacks(events: Events) -> None:
    """Where only some messages were asked for, nobody knows whether there was media."""
    talk = publishing("NetStream.Publish.Start", "status")
    summary = Summary(is_partial=True)
    summary.see_all(events(talk.frames))
    assert lines_of(summary.connections[1])[1] == "publish cam (record): started after 1.0 ms, until the capture ended"


def test_media_without_a_name(told: Told) -> None:
    talk = connecting("_result", 1)
    talk.say("client", 6, 9, 4, 40, video_frame(1, 50))
    talk.command("server", 3, 7, "onStatus", 0, None, status("NetStream.Play.Start"))
    assert [line.split(":")[0] for line in told(talk)[1:]] == [
        "media from the client on message stream 4",
        "  video h264",
        "play on message stream 7",
    ]


def test_media_in_aggregates(told: Told) -> None:
    talk = Talk()
    begin_publish(talk)
    tag = bytes.fromhex("09000005 000000 00 000000 2701000000 00000010")
    talk.say("client", 6, 22, 1, 40, tag + tag)
    end_publish(talk)
    lines = told(talk)
    assert any(line.startswith("  video h264") and ": 3 messages, " in line for line in lines)
    assert "  in 1 aggregate message of 40 bytes" in lines


def test_many_streams(told: Told) -> None:
    talk = connecting("_result", 1)
    for number in range(MOST_STREAMS + 3):
        talk.command("client", 3, 1, "play", 2, None, f"film {number}")
    lines = told(talk)
    assert len([line for line in lines if line.startswith("play film")]) == MOST_STREAMS
    assert "... and 3 more streams" in lines


def test_more_streams_than_are_kept_apart() -> None:
    rest = Stream(MOST_KEPT + 1, 1, None, "play", state="unseen", is_rest=True)
    made = connection(purpose=Purpose(streams=[rest]))
    assert lines_of(made) == ["all further streams to play"]


def connection(**parts: Any) -> ConnectionSummary:
    opened: Any = None
    return ConnectionSummary(opened, {}, **parts)


def test_what_was_made_and_asked_in_vain(told: Told) -> None:
    talk = connecting("_result", 1)
    for number in (2, 3):
        talk.command("client", 3, 0, "createStream", number, None)
        talk.command("server", 3, 0, "_result", number, None, number)
    talk.command("client", 3, 2, "play", 4, None, "film")
    for number in range(5, 16):
        talk.command("client", 3, 0, f"get{number}", number, None)
    assert told(talk)[2:] == [
        "message stream 3 created and not used",
        "not answered: " + ", ".join(f"get{number} (#{number + 3})" for number in range(5, 13)) + ", 3 more",
    ]


def test_shared_objects(told: Told) -> None:
    talk = connecting("_result", 1)
    body = bytes.fromhex("0002736f 00000001 00000000 00000000 0b00000000 0800000000 04 0000000c 000161") + amf0(1.0)
    talk.say("server", 3, 19, 0, 0, body)
    assert told(talk)[1:] == ["shared object: so (1 attribute)"]


# Parts


def test_the_address_of_a_connection() -> None:
    purpose = Purpose(app="live", tc_url="rtmp://h/live")
    assert address(purpose) == "rtmp://h/live"
    purpose.streams = [Stream(1, 1, "cam", "publish"), Stream(2, 1, "cam", "publish")]
    assert address(purpose) == "rtmp://h/live/cam"
    purpose.streams.append(Stream(3, 2, "film\x1b", "play"))
    assert address(purpose) == "rtmp://h/live"
    purpose.streams = purpose.streams[2:]
    assert address(purpose) == r"rtmp://h/live/film\x1b"


def test_names_of_streams() -> None:
    moment = Moment(0, 1)
    streams = [
        Stream(1, 1, "one", "publish", state="started", asked=moment),
        Stream(2, 2, "two", "play", state="refused", asked=moment),
        Stream(3, 3, "three", "play", asked=moment),
        Stream(4, 4, None, "play", state="unseen"),
        Stream(5, 5, "five", "play"),
        Stream(6, 6, "six", "play", state="started", has_failed=True),
    ]
    streams[0].flow(9)
    streams[3].flow(8)

    def names(*some: Stream, **more: Any) -> str:
        return stream_names(connection(purpose=Purpose(streams=list(some)), **more))

    assert names(*streams[:3]) == "publish one, play two (refused), play three (unanswered)"
    assert names(*streams[3:5]) == "play ?, play five (unanswered)"
    assert names(*streams).endswith(", 3 more")
    assert names(streams[5]) == "play six (failed)"
    assert names() == ""
    streams[0].flows.clear()
    assert names(streams[0]) == "publish one (no media)"
    assert names(streams[0], is_partial=True) == "publish one"


def test_long_names_are_cut_and_safe() -> None:
    assert shortened("a" * 300, 200) == "a" * 200 + "..."
    assert shortened("\x1b[31m", 200) == in_full("\x1b[31m", 0) == r"\x1b[31m"
    assert in_full("a" * 300, 200) == "a" * 300


SPEAKERS = MultichannelConfiguration("native", 2, 3, ("FL", "FR"))

TRACKS: list[tuple[Track, str]] = [
    (Track(0, "h264", Video("h264", 7, "key", "coded_frames")), "h264"),
    (Track(0, "h264", Video(), Configuration("High", 100, "3.1", None, 1280, 720)), "h264 High 3.1, 1280x720"),
    (Track(0, "vp6", Video("vp6", 4, "key", width=454, height=340)), "vp6 454x340"),
    (Track(0, "adpcm", Audio("adpcm", 1, None, 22_050, 16, 1)), "adpcm 22.05 kHz mono"),
    (Track(0, "opus", Audio("opus", 1), speakers=SPEAKERS), "opus, speakers FL FR"),
    (Track(0, "aac", Audio("aac", 10), headers=3), "aac, 3 sequence headers"),
    (Track(0, "hevc", Video("hevc", 12), former=("h264", "vp6")), "hevc, before that h264, vp6"),
    (Track(0, "\x1b", Video()), r"\x1b"),
]


@pytest.mark.parametrize(("track", "said"), TRACKS)
def test_tracks(track: Track, said: str) -> None:
    assert say_track(track) == said


def test_several_tracks_have_lines_of_their_own(told: Told) -> None:
    talk = Talk()
    begin_publish(talk)
    talk.say("client", 6, 9, 1, 40, b"\x96\x01hvc1\x02\0\0\0" + bytes(8))
    lines = told(talk)
    at = next(at for at, line in enumerate(lines) if line.startswith("  video: 2 messages"))
    assert [line.split(",")[0] for line in lines[at + 1 : at + 3]] == [
        "    track 0 h264 Constrained Baseline 4.0",
        "    track 2 hevc",
    ]


# Recordings


def stories(path: Path) -> list[list[str]]:
    with read([str(path)]) as captures:
        run = Dissection(captures)
        summary = Summary(run.conversation)
        summary.see_all(run)
    return [lines_of(connection) for connection in summary.connections.values()]


def test_refusals_of_a_server() -> None:
    """Four ways of nginx-rtmp to say no."""
    by_callback, accepted, by_name, by_application = stories(CAPTURES / "refusals-nginx.pcap")
    assert by_callback[1].startswith("publish s1 (live): answered with NetStream.Publish.Start after ")
    assert by_callback[1].endswith(
        " but before any media the server reset the connection within 0.2 ms: likely a refusal"
    )
    assert accepted[1].startswith("publish s1 (live): started after ")
    assert " refused after " in by_name[1]
    assert by_name[1].endswith('NetStream.Publish.BadName "Already publishing"')
    assert by_application == ["connect was not answered: the server closed the connection within 0.2 ms"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures beside the checkout")
@pytest.mark.parametrize("folder", ["made", "impaired"])
def test_every_line_can_be_printed(folder: str) -> None:
    for path in sorted((SHARED / folder).glob("*.pcap")):
        for told in stories(path):
            assert all(line.isprintable() for line in told)


def test_a_line_has_a_style_of_the_theme() -> None:
    assert Line(0, "text") == Line(0, "text", "")
