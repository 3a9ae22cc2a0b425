"""The summary as a document: valid JSON by the names of the exports, which says what the page says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pytest

import rtmpsniff
from rtmpsniff.analysis.summary import Summary
from rtmpsniff.capture.files import CaptureFile, read
from rtmpsniff.dissect import Dissection
from rtmpsniff.output.document import document
from rtmpsniff.rtmp.events import Event
from tests.build import Frame, Talk, begin_publish, pcap, session

SHARED: Final = Path(__file__).parents[3] / "shared" / "captures"

Events = Callable[[Sequence[Frame]], list[Event]]
Made = Callable[[Sequence[Frame]], dict[str, Any]]


@pytest.fixture
def made(events: Events) -> Made:
    def document_of(frames: Sequence[Frame]) -> dict[str, Any]:
        file = CaptureFile("talk.pcap", BytesIO(pcap(frames)))
        assert list(file)
        summary = Summary()
        summary.see_all(events(frames))
        return document([file], summary, (1, 2))

    return document_of


def test_the_document_says_what_the_page_says(made: Made) -> None:
    frames = session(video=2, audio=3).frames
    whole = made(frames)
    assert json.loads(json.dumps(whole)) == whole
    assert list(whole) == ["captures", "connections", "messages", "other_connections", "other_packets"]
    (file,), (connection,) = whole["captures"], whole["connections"]
    assert (file["file"], file["format"], file["packets"], file["truncated"]) == ("talk.pcap", "pcap", len(frames), "")
    assert file["first_time"] == str(frames[0].time)
    assert connection["client"] == {"address": "10.0.0.1", "port": 50000}
    assert (connection["id"], connection["variant"], connection["app"]) == (1, "rtmp", "live")
    assert (connection["end_reason"], connection["closer"]) == ("closed", "client")
    assert connection["messages"]["audio"] == {"count": 4, "bytes": 280}
    assert connection["tcp"]["client"]["missing_bytes"] == 0
    assert (whole["other_connections"], whole["other_packets"]) == (1, 2)
    assert {"type_id": 8, "type": "audio", "sender": "client", "count": 4, "bytes": 280} in whole["messages"]


def test_what_a_connection_was_for(made: Made) -> None:
    (connection,) = made(session(app="live/room?key=1", name="cam").frames)["connections"]
    assert connection["app"] == "live/room?key=1"
    assert (connection["application"], connection["instance"]) == ("live", "room")
    assert connection["url"] == "rtmp://example.com/live/room"
    assert connection["connect"]["flashVer"] == "FMLE/3.0"
    assert (connection["status"], connection["latency_ms"]) == ("NetConnection.Connect.Success", 3.0)
    assert connection["tokens"] == [{"kind": "token", "place": "app", "parts": ["key"], "expires": None}]
    assert connection["authentication"] is None
    assert connection["handshake"].pop("rtt_ms") == 1.0
    assert connection["handshake"] == {"version": 3, "c1": "none", "s1": "none", "c2": "echo", "s2": "echo"}
    assert set(connection["peers"]) == {"client", "server"}
    assert (connection["unanswered"], connection["shared_objects"]) == ([], [])


def test_a_stream(made: Made) -> None:
    ((stream,),) = [connection["streams"] for connection in made(session(video=40, audio=0).frames)["connections"]]
    video, audio = stream.pop("video"), stream.pop("audio")
    assert stream == {
        "key": 1,
        "id": 1,
        "name": "stream",
        "action": "publish",
        "type": "live",
        "url": "rtmp://example.com/live/stream",
        "state": "started",
        "reason": None,
        "asked": stream["asked"],
        "answered": stream["asked"] + 2,
        "latency_ms": 2.0,
        "ended": stream["ended"],
        "end": "FCUnpublish",
        "status": ["NetStream.Publish.Start"],
        "duration_ms": 1300,
        "aggregates": 0,
    }
    assert (video["codec"], video["messages"], video["sequence_headers"], video["frame_rate"]) == ("h264", 41, 1, 30.0)
    assert (video["configuration"]["width"], video["configuration"]["profile"]) == (1920, "Constrained Baseline")
    assert (audio["codec"], audio["messages"], audio["duration_ms"], audio["bit_rate"]) == ("aac", 1, 0, None)
    assert audio["configuration"]["rate"] == 44100


def test_a_stream_that_was_refused_and_one_of_which_nothing_is_known(made: Made) -> None:
    talk = Talk()
    begin_publish(talk)
    talk.command("client", 3, 2, "play", 8, None, "film")
    info = {"level": "error", "code": "NetStream.Play.StreamNotFound", "description": "no film"}
    talk.command("server", 3, 2, "onStatus", 0, None, info)
    talk.say("server", 6, 8, 7, 0, b"\xaf\x01x")
    talk.close()
    _, refused, unknown = made(talk.frames)["connections"][0]["streams"]
    assert (refused["state"], refused["reason"]) == ("refused", 'NetStream.Play.StreamNotFound "no film"')
    assert (refused["end"], refused["ended"], refused["video"]) == (None, None, None)
    assert (unknown["name"], unknown["action"], unknown["state"], unknown["url"]) == (None, "play", "unseen", None)
    assert (unknown["asked"], unknown["answered"], unknown["latency_ms"]) == (None, None, None)
    assert unknown["audio"]["messages"] == 1


def test_what_was_lost(made: Made) -> None:
    talk = Talk()
    begin_publish(talk, chunk_size=4096)
    start = len(talk.frames)
    talk.say("client", 6, 9, 1, 40, b"\x27\x01\0\0\0" + bytes(8000))
    del talk.frames[start + 2 : start + 4]
    talk.ack("server")
    talk.say("client", 6, 9, 1, 80, b"\x27\x01\0\0\0" + bytes(80))
    talk.at(talk.time + 10**9)
    talk.close()
    (connection,) = made(talk.frames)["connections"]
    assert connection["tcp"]["client"]["missing_bytes"] == 2896
    assert connection["tcp"]["client"]["gaps"] == 1
    assert connection["incomplete"] or connection["undecoded"]


def test_nothing() -> None:
    assert document([], Summary(), (0, 0)) == {
        "captures": [],
        "connections": [],
        "messages": [],
        "other_connections": 0,
        "other_packets": 0,
    }


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures beside the checkout")
@pytest.mark.parametrize("path", sorted((SHARED / "made").glob("*.pcap*")), ids=lambda path: path.stem[:24])
def test_recordings(path: Path) -> None:
    """The document of each is JSON, and counts what the library counts."""
    with read([str(path)]) as captures:
        run = Dissection(captures)
        summary = Summary(run.conversation)
        summary.see_all(run)
        whole = document(captures.files, summary, (0, 0))
    assert json.loads(json.dumps(whole)) == whole
    for connection, other in zip(whole["connections"], rtmpsniff.connections(path), strict=True):
        assert sum(entry["count"] for entry in connection["messages"].values()) == len(other.messages)
        assert [one["key"] for one in connection["streams"]] == [one.key for one in other.streams]
        for one, same in zip(connection["streams"], other.streams, strict=True):
            assert one["state"] == same.state
            assert (one["duration_ms"], one["video"] is None) == (same.duration, 9 not in same.flows)
