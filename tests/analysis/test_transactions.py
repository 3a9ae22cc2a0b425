"""Answers find their calls: by number, by name, by status; and calls that nobody answered are known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rtmpsniff
from rtmpsniff.analysis.transactions import MOST_CALLS, Transactions, information, status_code
from rtmpsniff.capture.packet import Origin
from rtmpsniff.payload.command import Command
from rtmpsniff.payload.values import Object
from rtmpsniff.rtmp.events import Message
from tests.build import amf0
from tests.conftest import START

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

CAPTURES: Final = Path(__file__).parents[2] / "captures"
SHARED: Final = Path(__file__).parents[3] / "shared" / "captures"


class Said:
    """A connection in which each side says what it is told to; messages are numbered and a millisecond apart."""

    def __init__(self, make: MakeMessage) -> None:
        self.make = make
        self.transactions = Transactions()
        self.number = 0

    def say(self, sender: str, *values: object, msid: int = 0, connection: int = 1, **changes: Any) -> Message:
        self.number += 1
        origin = Origin(0, self.number, START + self.number * 1_000_000)
        changes = {"number": self.number, "last": origin, **changes}
        message = self.make(20, amf0(*values), sender=sender, message_stream_id=msid, connection=connection, **changes)
        assert list(self.transactions.see(message)) == []
        return message

    def client(self, *values: object, **changes: Any) -> Message:
        return self.say("client", *values, **changes)

    def server(self, *values: object, **changes: Any) -> Message:
        return self.say("server", *values, **changes)

    @property
    def unanswered(self) -> list[str]:
        return [call.name for call in self.transactions.unanswered(1)]


@pytest.fixture
def said(message: MakeMessage) -> Said:
    return Said(message)


def status(code: str) -> dict[str, object]:
    return {"level": "status", "code": code}


def answers(message: Message) -> tuple[int | None, str] | None:
    return None if message.notes is None else (message.notes.response_to, message.notes.answers)


def test_an_answer_has_the_number_of_its_call(said: Said) -> None:
    connect = said.client("connect", 1, {"app": "live"})
    create = said.client("createStream", 2, None)
    created = said.server("_result", 2, None, 1)
    connected = said.server("_result", 1, None, status("NetConnection.Connect.Success"))
    assert answers(created) == (create.number, "createStream")
    assert answers(connected) == (connect.number, "connect")
    assert created.notes is not None
    assert created.notes.latency == 1_000_000
    assert said.unanswered == []


def test_an_error_is_an_answer(said: Said) -> None:
    call = said.client("releaseStream", 2, None, "cam")
    assert answers(said.server("_error", 2, None, status("NetConnection.Call.Failed"))) == (
        call.number,
        "releaseStream",
    )


def test_each_side_numbers_its_own_calls(said: Said) -> None:
    of_client = said.client("createStream", 2, None)
    of_server = said.server("onBWCheck", 2, None)
    assert answers(said.client("_result", 2, None, 0)) == (of_server.number, "onBWCheck")
    assert answers(said.server("_result", 2, None, 1)) == (of_client.number, "createStream")


def test_nobody_answers_himself_or_another_connection(said: Said) -> None:
    said.client("createStream", 2, None)
    assert said.client("_result", 2, None).notes is None
    assert said.server("_result", 2, None, connection=2).notes is None
    assert said.server("_result", 3, None).notes is None
    assert said.unanswered == ["createStream"]


def test_the_latest_call_of_a_number_is_answered_first(said: Said) -> None:
    first, second = said.client("one", 1, None), said.client("two", 1, None)
    assert answers(said.server("_result", 1, None)) == (second.number, "two")
    assert answers(said.server("_result", 1, None)) == (first.number, "one")
    assert said.server("_result", 1, None).notes is None


def test_clients_that_number_everything_zero(said: Said) -> None:
    """GStreamer numbers all but connect and createStream so, and others those as well."""
    said.client("releaseStream", 0, None, "cam")
    create = said.client("createStream", 0, None)
    assert answers(said.server("_result", 0, None, 1)) == (create.number, "createStream")
    assert said.unanswered == []  # nobody wants an answer to 0


@pytest.mark.parametrize("number", [math.nan, math.inf, -1.5, 2.0**60])
def test_odd_numbers_are_numbers(said: Said, number: float) -> None:
    call = said.client("createStream", number, None)
    assert answers(said.server("_result", number, None, 1)) == (call.number, "createStream")


def test_a_body_that_is_not_there_yet_is_no_call(said: Said) -> None:
    said.make(20, b"", number=1)
    assert list(said.transactions.see(said.make(20, b"\x02\0\7conn", sender="client"))) == []
    assert said.server("_result", 1, None).notes is None


# Answers with a name


@pytest.mark.parametrize(
    ("call", "answer"),
    [("FCPublish", "onFCPublish"), ("FCSubscribe", "onFCSubscribe"), ("FCUnpublish", "onFCUnpublish")],
)
def test_some_answers_have_a_name(said: Said, call: str, answer: str) -> None:
    asked = said.client(call, 3, None, "cam")
    by_number = said.server("_result", 3, None)
    by_name = said.server(answer, 0, None, status("NetStream.Publish.Start"))
    assert answers(by_number) == answers(by_name) == (asked.number, call)
    assert said.server(answer, 0, None).notes is None


def test_an_answer_without_a_number_still_has_its_name(said: Said) -> None:
    """FFmpeg as a server leaves it out."""
    asked = said.client("FCPublish", 3, None, "cam")
    assert answers(said.server("onFCPublish")) == (asked.number, "FCPublish")


# Answers by a status


STATUSES = [
    ("publish", "NetStream.Publish.Start"),
    ("publish", "NetStream.Publish.BadName"),
    ("play", "NetStream.Play.Start"),
    ("play2", "NetStream.Play.Start"),
    ("play", "NetStream.Play.StreamNotFound"),
    ("pause", "NetStream.Unpause.Notify"),
    ("pauseRaw", "NetStream.Pause.Notify"),
    ("seek", "NetStream.Seek.InvalidTime"),
    ("publish", "NetStream.Failed"),
]


@pytest.mark.parametrize(("name", "code"), STATUSES)
def test_a_status_answers_what_was_asked_on_its_stream(said: Said, name: str, code: str) -> None:
    said.client(name, 9, None, "other", msid=2)
    asked = said.client(name, 5, None, "cam", msid=1)
    assert answers(said.server("onStatus", 0, None, status(code), msid=1)) == (asked.number, name)
    assert said.server("onStatus", 0, None, status(code), msid=1).notes is None


NOT_ANSWERED = [
    ("another stream", "NetStream.Publish.Start", 2),
    ("another question", "NetStream.Play.Start", 1),
    ("no answer", "NetStream.Buffer.Full", 1),
    ("of the connection", "NetConnection.Connect.Closed", 0),
]


@pytest.mark.parametrize(("code", "msid"), [case[1:] for case in NOT_ANSWERED], ids=[case[0] for case in NOT_ANSWERED])
def test_statuses_that_answer_nothing(said: Said, code: str, msid: int) -> None:
    said.client("publish", 5, None, "cam", msid=1)
    assert said.server("onStatus", 0, None, status(code), msid=msid).notes is None
    assert said.unanswered == ["publish"]


def test_play_may_be_answered_by_two_statuses(said: Said) -> None:
    asked = said.client("play", 4, None, "film", msid=1)
    reset = said.server("onStatus", 0, None, status("NetStream.Play.Reset"), msid=1)
    assert said.unanswered == []
    start = said.server("onStatus", 0, None, status("NetStream.Play.Start"), msid=1)
    assert answers(reset) == answers(start) == (asked.number, "play")
    assert said.server("onStatus", 0, None, status("NetStream.Play.Reset"), msid=1).notes is None


def test_a_status_on_message_stream_0_may_be_of_any(said: Said) -> None:
    """That is where rtmpsrv sends them, and it puts the information where the command object should be."""
    asked = said.client("play", 4, None, "film", msid=3)
    assert answers(said.server("onStatus", 0, status("NetStream.Play.Start"), msid=0)) == (asked.number, "play")


def test_to_stop_publishing_needs_no_start(said: Said) -> None:
    said.client("publish", 5, None, False, msid=1)
    assert said.server("onStatus", 0, None, status("NetStream.Publish.Start"), msid=1).notes is None


# What was not answered


def test_calls_that_nobody_answered_are_known_in_order(said: Said) -> None:
    said.client("connect", 1, {"app": "live"})
    said.client("releaseStream", 2, None, "cam")  # hardly anybody answers this
    said.client("deleteStream", 3, None, 1)
    said.client("getUsers", 4, None)
    said.client("publish", 0, None, "cam", "live", msid=1)
    said.server("onBWDone", 0, None)
    said.server("onStatus", 5, None, status("NetStream.Buffer.Full"))
    assert said.unanswered == ["connect", "getUsers", "publish"]
    assert [call.message for call in said.transactions.unanswered(1)] == [1, 4, 5]
    assert said.transactions.unanswered(2) == []


def test_publish_may_be_answered_by_its_number(said: Said) -> None:
    said.client("publish", 5, None, "cam", "live", msid=1)
    assert answers(said.server("_result", 5, None, msid=1)) == (1, "publish")
    assert said.unanswered == []


def test_what_is_over_is_forgotten(said: Said) -> None:
    said.client("connect", 1, {"app": "live"})
    said.transactions.forget(1)
    said.transactions.forget(7)
    assert said.unanswered == []


def test_only_so_many_calls_are_kept(said: Said) -> None:
    for number in range(2, MOST_CALLS + 12):
        said.client("getUsers", number, None)
    assert len(said.unanswered) == MOST_CALLS
    assert said.server("_result", 11, None).notes is None  # given up
    assert said.server("_result", 12, None).notes is not None


NAMES = ["connect", "createStream", "publish", "play", "FCPublish", "onFCPublish", "onStatus", "_result", "_error", "x"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["client", "server"]),
            st.sampled_from(NAMES),
            st.sampled_from([0, 1, 2, math.nan]),
            st.sampled_from([False, None, {"code": "NetStream.Publish.Start"}, {"code": 7}]),
        ),
        max_size=40,
    )
)
def test_an_answer_is_to_an_earlier_message_of_the_other_side(
    message: MakeMessage, script: list[tuple[str, str, float, object]]
) -> None:
    said = Said(message)
    senders: dict[int, str] = {}
    for sender, name, number, value in script:
        made = said.say(sender, name, number, None, value, msid=1)
        if made.notes is not None and made.notes.response_to is not None:
            assert senders[made.notes.response_to] != sender
        senders[made.number] = sender


# Bodies


def test_the_information_of_a_status() -> None:
    info = Object([("level", "error"), ("code", "NetStream.Failed")])
    assert information((None, "text", Object([("x", 1.0)]), info)) is info
    assert information((None, Object([("code", 7.0)]))) is None
    assert status_code(Command("onStatus", 0.0, None, (info,))) == "NetStream.Failed"
    assert status_code(Command("onStatus", 0.0, info)) == "NetStream.Failed"
    assert status_code(Command("onStatus")) == ""


# Recordings

# What the servers of these recordings answer, by the names of the questions.
ANSWERED = {
    "captures/ffmpeg-nginx-publish.pcap": ["connect", "createStream", "publish"],
    "captures/gstreamer-nginx.pcap": ["connect", "createStream", "publish", "connect", "createStream", "play"],
    "captures/node-media-server-publish.pcap": [
        *("connect", "createStream", "publish"),
        *("connect", "createStream", "play", "play"),
    ],
}


@pytest.mark.parametrize("name", ANSWERED)
def test_recordings(name: str) -> None:
    notes = [message.notes for message in rtmpsniff.messages(CAPTURES.parent / name) if message.notes]
    assert [one.answers for one in notes if one.response_to] == ANSWERED[name]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures beside the checkout")
def test_a_recording_in_which_all_kinds_of_answers_are() -> None:
    """crtmpserver: it answers FCPublish twice and refuses _checkbw; some of it is AMF3 in another one."""
    messages = list(rtmpsniff.messages(SHARED / "made" / "30-crtmpserver-rtmp-publish-play-vod.pcap"))
    first = [message for message in messages if message.connection == 1]
    told = [(one.body.name, one.notes.answers) for one in first if one.notes and isinstance(one.body, Command)]
    assert told == [
        ("_result", "connect"),
        ("_error", "releaseStream"),
        ("_result", "FCPublish"),
        ("onFCPublish", "FCPublish"),
        ("_result", "createStream"),
        ("_error", "_checkbw"),
        ("onStatus", "publish"),
    ]
    of_amf3 = rtmpsniff.connections(SHARED / "made" / "27-amf3-commands-rtmplite-pyamf.pcap")[0]
    assert [call.name for call in of_amf3.unanswered] == ["callMethod0", "callMethod1", "callMethod8", "amf0misc"]
