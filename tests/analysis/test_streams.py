"""What connections are for: how connect went, and the life of each stream from its first command to its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rtmpsniff
from rtmpsniff.analysis.observe import observe
from rtmpsniff.analysis.streams import (
    LARGEST_CONNECT,
    LONGEST_NAME,
    MOST_STREAMS,
    Purpose,
    Stream,
    Streams,
    same_stream,
)
from rtmpsniff.analysis.transactions import Transactions
from rtmpsniff.capture.packet import Origin
from rtmpsniff.rtmp.events import Closed, Message, Opened, Traffic
from rtmpsniff.transport.tcp import Endpoint
from tests.build import amf0
from tests.conftest import START

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

CAPTURES: Final = Path(__file__).parents[2] / "captures"
SHARED: Final = Path(__file__).parents[3] / "shared" / "captures"
CONNECT = ("connect", 1, {"app": "live", "tcUrl": "rtmp://h/live"})
CLIENT, SERVER = Endpoint("10.0.0.1", 50_000), Endpoint("10.0.0.2", 1935)
NONE = Traffic(0, 0, 0, 0, 0)


class Said:
    """A connection in which each side says what it is told to; messages are numbered and a millisecond apart."""

    def __init__(self, make: MakeMessage) -> None:
        self.make = make
        self.transactions, self.streams = Transactions(), Streams()
        self.number = 0

    def see(self, event: rtmpsniff.Event) -> None:
        list(observe([event], [self.transactions, self.streams]))

    def message(self, sender: str, type_id: int, payload: bytes, msid: int, **changes: Any) -> Message:
        self.number += 1
        origin = Origin(0, self.number, START + self.number * 1_000_000)
        changes = {"number": self.number, "last": origin, **changes}
        made = self.make(type_id, payload, sender=sender, message_stream_id=msid, **changes)
        if type_id in {8, 9, 22}:
            self.streams.media(made)
        else:
            self.see(made)
        return made

    def client(self, *values: object, msid: int = 0, **changes: Any) -> Message:
        return self.message("client", 20, amf0(*values), msid, **changes)

    def server(self, *values: object, msid: int = 0, **changes: Any) -> Message:
        return self.message("server", 20, amf0(*values), msid, **changes)

    def status(self, code: str, msid: int = 1, level: str = "status", description: str = "") -> Message:
        return self.server("onStatus", 0, None, {"level": level, "code": code, "description": description}, msid=msid)

    def control(self, event: int, msid: int) -> Message:
        return self.message("server", 4, pack(">HL", event, msid), 0)

    def open(self) -> None:
        self.see(Opened(1, CLIENT, SERVER, Origin(0, 1, START), True))

    def close(self, reason: str = "reset", closer: str = "client", variant: str = "rtmp") -> None:
        ended = Origin(0, 99, START + 10**9)
        event: Any = Closed(1, CLIENT, SERVER, variant, Origin(0, 1, START), ended, reason, closer, NONE, NONE)  # type: ignore[arg-type]
        self.streams.see(event)

    @property
    def purpose(self) -> Purpose:
        return self.streams.of(1)

    @property
    def stream(self) -> Stream:
        (stream,) = self.purpose.streams
        return stream


@pytest.fixture
def said(message: MakeMessage) -> Said:
    return Said(message)


# The connection


def test_the_application_is_that_of_connect(said: Said) -> None:
    assert (said.purpose.application, said.purpose.url, said.purpose.connect) == ("", "", None)
    said.client("connect", 1, {"app": "live/room?key=1", "tcUrl": "rtmp://h/live/room"}, "user", "password")
    purpose = said.purpose
    assert (purpose.app, purpose.application, purpose.instance) == ("live/room?key=1", "live", "room")
    assert (purpose.tc_url, purpose.url) == ("rtmp://h/live/room", "rtmp://h/live/room")
    assert purpose.url_of("cam") == "rtmp://h/live/room/cam"
    assert purpose.arguments == ("user", "password")
    assert purpose.connect is not None
    assert said.streams.of(2).application == ""


def test_without_tcurl_the_server_is_named_as_it_was_captured(said: Said) -> None:
    said.open()
    said.client("connect", 1, {"app": "live"})
    assert said.purpose.url == "rtmp://10.0.0.2:1935/live"


def test_the_scheme_is_that_of_the_wire(said: Said) -> None:
    said.client(*CONNECT)
    said.close(variant="rtmpe")
    assert said.purpose.url == "rtmpe://h/live"


def test_a_connect_of_any_size_has_its_names(said: Said) -> None:
    said.client("connect", 1, {"app": "live", "tcUrl": "rtmp://h/live", "more": "x" * LARGEST_CONNECT})
    assert (said.purpose.application, said.purpose.connect) == ("live", None)


def test_names_that_are_no_strings(said: Said) -> None:
    said.client("connect", 1, {"app": 7, "tcUrl": None})
    assert (said.purpose.app, said.purpose.tc_url, said.purpose.url) == ("", "", "")


def test_an_answer_to_connect(said: Said) -> None:
    said.client(*CONNECT)
    assert (said.purpose.accepted, said.purpose.latency) == (None, None)
    said.server("_result", 1, {"fmsVer": "x"}, {"code": "NetConnection.Connect.Success", "description": "Welcome."})
    purpose = said.purpose
    assert (purpose.accepted, purpose.latency) == (True, 1_000_000)
    assert (purpose.status, purpose.description) == ("NetConnection.Connect.Success", "Welcome.")


def test_a_refusal_may_send_the_client_elsewhere(said: Said) -> None:
    said.client(*CONNECT)
    info = {"code": "NetConnection.Connect.Rejected", "ex": {"code": 302, "redirect": "rtmp://other/live"}}
    said.server("_error", 1, None, info)
    assert (said.purpose.accepted, said.purpose.redirect) == (False, "rtmp://other/live")


def test_a_refusal_may_come_as_a_status(said: Said) -> None:
    said.client(*CONNECT)
    said.status("NetConnection.Connect.InvalidApp", msid=0, level="error", description="no such application")
    purpose = said.purpose
    assert (purpose.accepted, purpose.status) == (False, "NetConnection.Connect.InvalidApp")
    assert (purpose.answered, purpose.latency) == (None, None)


def test_what_the_server_says_of_the_connection_later(said: Said) -> None:
    said.client(*CONNECT)
    said.server("_result", 1, None, {"code": "NetConnection.Connect.Success"})
    said.status("NetConnection.Connect.AppShutdown", msid=0, description="good night")
    assert said.purpose.statuses == ['NetConnection.Connect.AppShutdown "good night"']
    assert said.purpose.status == "NetConnection.Connect.Success"


def test_where_the_application_is_named_in_two_ways(said: Said) -> None:
    connect = said.client("connect", 1, {"app": "live", "tcUrl": "rtmp://h/li\nve"})
    assert said.purpose.disagreement == "li\nve"
    assert connect.notes is not None
    assert connect.notes.remarks == (r'tcUrl names the application "li\nve"',)
    said.streams.see(connect)  # a filter looks at it once more
    assert len(connect.notes.remarks) == 1
    assert said.client(*CONNECT).notes is None


def test_message_streams_that_exist(said: Said) -> None:
    for number, answer in [(2, 1), (3, 4.0), (4, "x"), (5, -1), (6, float("inf")), (7, float("nan"))]:
        said.client("createStream", number, None)
        said.server("_result", number, None, answer)
    assert said.purpose.created == {1, 4}
    said.client("deleteStream", 8, None, 4)
    assert said.purpose.created == {1}


# How streams begin


def publish(said: Said, name: str = "cam", msid: int = 1) -> None:
    said.client("publish", 5, None, name, "live", msid=msid)


def test_a_stream_has_the_number_of_its_message_stream(said: Said) -> None:
    said.client("publish", 5, None, "cam", "record", msid=1)
    said.client("play", 6, None, "film", -2000, msid=2)
    said.client("play2", 7, None, {"streamName": "next"}, msid=3)
    told = [(one.key, one.message_stream_id, one.name, one.action, one.type) for one in said.purpose.streams]
    assert told == [(1, 1, "cam", "publish", "record"), (2, 2, "film", "play", ""), (3, 3, "next", "play", "")]


NOTHING_SAID = [
    ("publish without a name", 20, amf0("publish", 5, None), "client"),
    ("publish of a number", 20, amf0("publish", 5, None, 7), "client"),
    ("another command", 20, amf0("deleteStream", 5, None, "cam"), "client"),
    ("said by a server", 20, amf0("publish", 5, None, "cam"), "server"),
    ("not a command", 18, amf0("publish", 5, None, "cam"), "client"),
]


@pytest.mark.parametrize(
    ("type_id", "payload", "sender"), [case[1:] for case in NOTHING_SAID], ids=[case[0] for case in NOTHING_SAID]
)
def test_what_begins_no_stream(said: Said, type_id: int, payload: bytes, sender: str) -> None:
    said.message(sender, type_id, payload, 1)
    assert said.purpose.streams == []


BEGINNINGS = [
    ("NetStream.Publish.Start", "status", "started", ""),
    ("NetStream.Publish.BadName", "error", "refused", 'NetStream.Publish.BadName "taken"'),
    ("NetStream.Publish.BadName", "status", "refused", 'NetStream.Publish.BadName "taken"'),
    ("Vendor.Says.No", "error", "refused", 'Vendor.Says.No "taken"'),
    ("NetStream.Buffer.Full", "status", "asked", ""),
]


@pytest.mark.parametrize(("code", "level", "state", "reason"), BEGINNINGS)
def test_a_status_says_whether_it_began(said: Said, code: str, level: str, state: str, reason: str) -> None:
    publish(said)
    assert (said.stream.state, said.stream.answered) == ("asked", None)
    said.status(code, level=level, description="taken")
    assert (said.stream.state, said.stream.reason) == (state, reason)
    assert (said.stream.answered is None) == (state == "asked")
    assert said.stream.codes == [code]


def test_what_was_refused_may_begin_after_all(said: Said) -> None:
    said.client("play", 4, None, "cam", msid=1)
    said.status("NetStream.Play.StreamNotFound", level="error")
    said.status("NetStream.Play.Start")
    assert (said.stream.state, said.stream.reason) == ("started", "")
    assert said.stream.answered == (START + 3_000_000, 3)


def test_a_status_on_message_stream_0_is_of_the_latest_stream(said: Said) -> None:
    """So says rtmpsrv, with the information where the command object should be."""
    said.client("play", 4, None, "cam", msid=3)
    said.server("onStatus", 0, {"level": "status", "code": "NetStream.Play.Start"})
    assert said.stream.state == "started"


@pytest.mark.parametrize(("answer", "state"), [("_result", "started"), ("_error", "refused")])
def test_an_answer_by_number(said: Said, answer: str, state: str) -> None:
    publish(said)
    said.server(answer, 5, None, {"code": "Vendor.Code"}, msid=1)
    assert said.stream.state == state


def test_statuses_are_kept_once_each_and_not_too_many(said: Said) -> None:
    publish(said)
    for number in range(40):
        said.status(f"Vendor.{number % 30}")
    assert said.stream.codes == [f"Vendor.{number}" for number in range(16)]


# How streams end


def ends(said: Said) -> Iterator[tuple[str, str]]:
    for stream in said.purpose.streams:
        yield stream.name or "", stream.end


ENDINGS: list[tuple[str, tuple[object, ...], int, str]] = [
    ("by its name", ("FCUnpublish", 6, None, "cam"), 0, "FCUnpublish"),
    ("by its message stream", ("closeStream", 0, None), 1, "closeStream"),
    ("by its number", ("deleteStream", 7, None, 1), 0, "deleteStream"),
    ("by its name instead (GStreamer)", ("deleteStream", 0, None, "cam"), 0, "deleteStream"),
    ("publish of false", ("publish", 0, None, False), 1, "publish(false)"),
    ("another one begins", ("publish", 6, None, "next", "live"), 1, "another publish"),
]


@pytest.mark.parametrize(("values", "msid", "end"), [case[1:] for case in ENDINGS], ids=[case[0] for case in ENDINGS])
def test_a_client_ends_its_stream(said: Said, values: tuple[object, ...], msid: int, end: str) -> None:
    publish(said, "other", msid=2)
    publish(said)
    said.client(*values, msid=msid)
    assert dict(ends(said)) == {"other": "", "cam": end} | ({"next": ""} if end == "another publish" else {})
    (stream,) = [one for one in said.purpose.streams if one.name == "cam"]
    assert stream.ended == (START + 3_000_000, 3)


NO_ENDINGS = [
    ("another name", ("FCUnpublish", 6, None, "cam2"), 0),
    ("another number", ("deleteStream", 7, None, 2), 0),
    ("no number", ("deleteStream", 7, None, float("nan")), 0),
    ("an infinite number", ("deleteStream", 7, None, float("inf")), 0),
    ("nothing", ("deleteStream", 7, None), 0),
    ("another message stream", ("closeStream", 0, None), 2),
    ("playing something", ("play", 6, None, "next"), 1),
]


@pytest.mark.parametrize(("values", "msid"), [case[1:] for case in NO_ENDINGS], ids=[case[0] for case in NO_ENDINGS])
def test_what_ends_nothing(said: Said, values: tuple[object, ...], msid: int) -> None:
    publish(said)
    said.client(*values, msid=msid)
    assert said.purpose.streams[0].ended is None


@pytest.mark.parametrize("code", ["NetStream.Play.Stop", "NetStream.Play.Complete", "NetStream.Play.UnpublishNotify"])
def test_a_server_ends_what_is_played(said: Said, code: str) -> None:
    said.client("play", 4, None, "film", msid=1)
    said.status("NetStream.Play.Start")
    if code == "NetStream.Play.Complete":
        said.message("server", 18, amf0("onPlayStatus", {"level": "status", "code": code}), 1)
    else:
        said.status(code)
    assert (said.stream.end, said.stream.state) == (code, "started")


def test_an_error_after_the_beginning_is_the_end(said: Said) -> None:
    publish(said)
    said.status("NetStream.Publish.Start")
    said.status("NetStream.Publish.BadName", level="error", description="thrown out")
    assert (said.stream.state, said.stream.end) == ("started", 'NetStream.Publish.BadName "thrown out"')


def test_what_a_server_says_is_over_may_go_on(said: Said) -> None:
    """A live stream whose publisher comes back."""
    said.client("play", 4, None, "cam", msid=1)
    said.status("NetStream.Play.Start")
    said.control(1, 1)
    assert said.stream.end == "stream eof"
    said.control(0, 1)
    assert said.stream.ended is None
    said.status("NetStream.Play.UnpublishNotify")
    said.status("NetStream.Play.PublishNotify")
    assert said.stream.ended is None
    said.client("closeStream", 0, None, msid=1)
    said.control(0, 1)
    assert said.stream.end == "closeStream"


def test_the_first_end_counts(said: Said) -> None:
    publish(said)
    said.client("FCUnpublish", 6, None, "cam")
    said.client("deleteStream", 7, None, 1)
    said.status("NetStream.Unpublish.Success")
    said.close()
    assert said.stream.end == "FCUnpublish"
    assert said.stream.codes == ["NetStream.Unpublish.Success"]


def test_with_the_connection_its_streams_are_over(said: Said) -> None:
    publish(said)
    said.client("play", 4, None, "film", msid=2)
    said.status("NetStream.Play.StreamNotFound", msid=2, level="error")
    said.close("closed", "server")
    assert list(ends(said)) == [("cam", "closed by the server"), ("film", "")]
    assert said.purpose.streams[0].ended == (START + 10**9, None)
    said.streams.forget(1)
    assert said.purpose.streams == []


# Media


def test_media_is_of_the_stream_that_is_there(said: Said) -> None:
    publish(said)
    said.message("client", 9, b"\x27\x01\0\0\0", 1, timestamp=1000)
    said.message("client", 9, b"\x27\x01\0\0\0", 1, timestamp=3000)
    said.message("client", 8, b"\xaf\x01x", 1, timestamp=3500)
    publish(said, "next")
    said.message("client", 9, b"\x27\x01\0\0\0", 1, timestamp=4000)
    first, second = said.purpose.streams
    assert {kind: flow.messages for kind, flow in first.flows.items()} == {8: 1, 9: 2}
    assert {kind: flow.messages for kind, flow in second.flows.items()} == {9: 1}
    assert (first.duration, second.duration) == (2500, 0)


def test_each_side_sends_what_is_its_own(said: Said) -> None:
    publish(said)
    said.client("play", 6, None, "film", msid=1)
    said.message("client", 9, b"\x27\x01\0\0\0", 1)
    said.message("server", 8, b"\xaf\x01x", 1)
    assert [list(one.flows) for one in said.purpose.streams] == [[9], [8]]


def test_media_of_which_nobody_said_what_it_is(said: Said) -> None:
    """A capture that began late."""
    said.message("server", 9, b"\x27\x01\0\0\0", 5)
    said.message("server", 8, b"\xaf\x01x", 5)
    assert (said.stream.name, said.stream.action, said.stream.state) == (None, "play", "unseen")
    assert said.stream.message_stream_id == 5
    publish(said, msid=5)
    assert [one.name for one in said.purpose.streams] == [None, "cam"]


def test_media_on_message_stream_0_is_of_the_latest_stream(said: Said) -> None:
    """Node-Media-Server 4 sends it there."""
    publish(said)
    said.client("play", 6, None, "film", msid=1)
    said.message("server", 9, b"\x27\x01\0\0\0", 0)
    assert [list(one.flows) for one in said.purpose.streams] == [[], [9]]


def test_media_in_aggregates(said: Said) -> None:
    body = bytes.fromhex("08000003 00000a 00 000000 af0178 0000000e 09000005 000014 00 000000 2701000000 00000010")
    publish(said)
    said.message("client", 22, body, 1, timestamp=500)
    assert (said.stream.aggregates, said.stream.aggregate_bytes) == (1, len(body))
    assert {kind: (flow.inside, flow.last) for kind, flow in said.stream.flows.items()} == {8: (1, 500), 9: (1, 510)}
    said.message("client", 22, body, 1, state="damaged", missing=((0, 4),))
    assert said.stream.aggregates == 2
    assert said.stream.flows[8].inside == 1


# Bounds


def test_only_so_many_streams_are_kept_apart(said: Said) -> None:
    for number in range(MOST_STREAMS + 20):
        said.message("client", 9, b"\x27\x01\0\0\0", number + 1)
        said.message("server", 8, b"\xaf\x01x", number + 1)
    for number in range(20):
        publish(said, msid=number + 1)
    streams = said.purpose.streams
    assert len(streams) == MOST_STREAMS + 2
    assert [one.is_rest for one in streams[-3:]] == [False, True, True]
    assert sum(flow.messages for one in streams for flow in one.flows.values()) == 2 * (MOST_STREAMS + 20)
    assert {(one.action, kind) for one in streams for kind in one.flows} == {("publish", 9), ("play", 8)}


def test_names_are_kept_up_to_a_length(said: Said) -> None:
    said.client("connect", 1, {"app": "a" * 50_000, "tcUrl": "rtmp://h/" + "b" * 50_000})
    publish(said, "c" * 50_000)
    assert len(said.purpose.app) == len(said.purpose.tc_url) == len(said.stream.name or "") == LONGEST_NAME


VALUES: Final[st.SearchStrategy[object]] = st.sampled_from(
    [None, True, False, 0, 1, -1, 2.5, float("nan"), "cam", "", "\x1b", {}]
)
CODES = st.sampled_from(["NetStream.Play.Start", "NetStream.Play.Stop", "NetStream.Failed", "NetConnection.x", ""])
CALLS = ["connect", "createStream", "publish", "play", "play2", "closeStream", "deleteStream", "FCUnpublish"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["client", "server"]),
            st.sampled_from([*CALLS, "_result", "_error", "onStatus"]),
            st.integers(0, 2),
            st.lists(VALUES | st.builds(lambda code: {"code": code, "level": "error"}, CODES), max_size=3),
        ),
        max_size=30,
    )
)
def test_any_conversation_makes_streams_that_hold_together(
    message: MakeMessage, script: list[tuple[str, str, int, list[object]]]
) -> None:
    said = Said(message)
    for sender, name, msid, values in script:
        said.message(sender, 20, b"", msid, parts=[amf0(name, 1, *values)])
        said.message(sender, 9, b"\x27\x01", msid)
    said.close()
    for number, stream in enumerate(said.purpose.streams, 1):
        assert stream.key == number
        assert (stream.state == "refused") or stream.ended is not None
    assert sum(flow.messages for one in said.purpose.streams for flow in one.flows.values()) == len(script)


# What belongs to a stream


def test_what_belongs_to_a_stream(said: Said) -> None:
    publish(said, "cam?token=x")

    def belongs(type_id: int, payload: bytes = b"", msid: int = 1, connection: int = 1) -> bool:
        made = said.make(type_id, payload, message_stream_id=msid, connection=connection)
        return said.streams.belongs(made, "cam")

    assert belongs(9, b"\x17\x01\0\0\0")
    assert belongs(18, amf0("onMetaData"))
    assert belongs(20, amf0("FCUnpublish", 6, None, "cam"), msid=0)
    assert belongs(20, amf0("releaseStream", 2, None, "cam?token=x"), msid=0)
    assert not belongs(20, amf0("releaseStream", 2, None, "other"), msid=0)
    assert not belongs(20, amf0("createStream", 3, None), msid=0)
    assert not belongs(9, msid=2)
    assert not belongs(5, bytes(4), msid=0)
    assert not belongs(9, connection=2)


def test_a_message_stream_may_be_used_again(said: Said) -> None:
    """After deleteStream a server gives the same number out once more."""
    publish(said, "one")
    before = said.make(9, b"\x17")
    assert said.streams.belongs(before, "one")
    said.client("deleteStream", 6, None, 1)
    publish(said, "two")
    assert said.streams.belongs(said.make(9, b"\x17"), "two")
    assert not said.streams.belongs(said.make(9, b"\x17"), "one")


NAMES = [
    ("cam", "cam", True),
    ("cam?token=x", "cam", True),
    ("cam?token=x", "cam?token=x", True),
    ("cam?token=x", "cam?token=y", False),
    ("cam", "cam?token=x", False),
    ("camera", "cam", False),
    ("", "", True),
]


@pytest.mark.parametrize(("name", "wanted", "same"), NAMES)
def test_names_may_leave_out_the_query(name: str, wanted: str, same: bool) -> None:
    assert same_stream(name, wanted) is same


# Recordings


def lives(path: Path) -> list[tuple[str, str | None, str, str]]:
    found = rtmpsniff.connections(path)
    return [(one.action, one.name, one.state, one.end) for connection in found for one in connection.streams]


RECORDED = {
    "ffmpeg-nginx-publish.pcap": [("publish", "s1?token=abc123", "started", "FCUnpublish")],
    "rtmpdump-nginx-vod.pcap": [("play", "vod.flv", "started", "stream eof")],
    "gstreamer-nginx.pcap": [
        ("publish", "g1", "started", "FCUnpublish"),
        ("play", "g1", "started", "closed by the client"),
    ],
    "refusals-nginx.pcap": [
        ("publish", "s1", "started", "reset by the server"),  # a callback refuses it, a moment after it was started
        ("publish", "s1", "started", "FCUnpublish"),
        ("publish", "s1", "refused", ""),
    ],
}


@pytest.mark.parametrize("name", RECORDED)
def test_recordings(name: str) -> None:
    assert lives(CAPTURES / name) == RECORDED[name]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures beside the checkout")
def test_recordings_of_other_servers() -> None:
    assert lives(SHARED / "made" / "30-crtmpserver-rtmp-publish-play-vod.pcap") == [
        ("publish", "c1", "started", "FCUnpublish"),
        ("play", "small.flv", "started", "NetStream.Play.Complete"),
        ("play", "c1", "started", "deleteStream"),
        ("play", "mp4:small.mp4", "started", "NetStream.Play.Complete"),
        ("play", "c1", "started", "NetStream.Play.UnpublishNotify"),
    ]
    assert lives(SHARED / "made" / "13-rtmpe-rtmpsrv.pcap") == [("play", "stream1", "started", "NetStream.Play.Stop")]
    (connection,) = [one for one in rtmpsniff.connections(SHARED / "made/04-enh-hevc-aac-nms4.pcap") if one.number == 2]
    assert {kind: flow.tracks[0].codec for kind, flow in connection.streams[0].flows.items()} == {8: "aac", 9: "hevc"}
