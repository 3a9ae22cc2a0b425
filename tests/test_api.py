"""The library: the public names, and captures as events, messages and connections."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import rtmpsniff
from rtmpsniff import (
    Audio,
    Block,
    Closed,
    Command,
    Finding,
    Greeting,
    InputError,
    Message,
    Opened,
    Severity,
    Undecoded,
    Unknown,
    UserError,
    Video,
)

CAPTURES = Path(__file__).parents[1] / "captures"
CONNECT = CAPTURES / "connect-228.pcap"
PUBLISH = CAPTURES / "ffmpeg-nginx-publish.pcap"
FOREIGN = CAPTURES / "not-rtmp-on-1935.pcap"


def test_messages_are_those_of_the_capture_in_order() -> None:
    messages = list(rtmpsniff.messages(CONNECT))
    assert [(message.number, message.sender, message.type, message.length) for message in messages] == [
        (1, "client", "command_amf0", 228),
        (2, "server", "window_ack_size", 4),
        (3, "server", "set_peer_bandwidth", 5),
        (4, "server", "command_amf0", 205),
    ]


def test_the_example_of_the_documentation() -> None:
    commands = [
        (message.connection, message.sender, message.body.name)
        for message in rtmpsniff.messages(CONNECT)
        if isinstance(message.body, rtmpsniff.Command)
    ]
    assert commands == [(1, "client", "connect"), (1, "server", "_result")]


def test_a_message_can_point_at_its_bytes() -> None:
    connect = next(rtmpsniff.messages(CONNECT))
    assert (connect.offset, connect.chunk_count, connect.first.packet, connect.last.packet) == (3073, 2, 12, 12)
    assert connect.payload[:10] == b"\x02\x00\x07connect"
    assert [chunk.header.hex() for chunk in connect.chunks] == ["030000000000e41400000000", "c3"]
    assert isinstance(connect.body, Command)
    assert connect.body.transaction == 1.0
    assert isinstance(connect.body.object, rtmpsniff.payload.values.Object)
    assert connect.body.object["app"] == "SOSample"


def test_events_are_everything_in_the_order_in_which_it_can_be_known() -> None:
    events = list(rtmpsniff.events(str(CONNECT)))
    kinds = [Opened, *[Greeting] * 4, *[Message] * 4, Closed]
    assert [type(event) for event in events] == kinds
    assert [event.part for event in events if isinstance(event, Greeting)] == ["C0 C1", "S0 S1", "S2", "C2"]


def test_connections_hold_what_happened_on_them() -> None:
    first, *others = rtmpsniff.connections(FOREIGN)
    assert len(others) == 5
    assert first.number == first.opened.connection == 1
    assert first.messages == []
    assert [finding.rule.code for finding in first.findings] == ["proto.wrong_protocol"]
    assert [span.length for span in first.undecoded] == [78]
    assert all(connection.closed is not None for connection in [first, *others])

    (connection,) = rtmpsniff.connections(CONNECT)
    assert [greeting.part for greeting in connection.greetings] == ["C0 C1", "S0 S1", "S2", "C2"]
    assert [message.number for message in connection.messages] == [1, 2, 3, 4]
    assert connection.closed is not None
    assert (connection.closed.reason, connection.closed.closer) == ("closed", "client")


def test_messages_have_notes() -> None:
    """What only earlier messages can tell of one: here, what it answers."""
    connect, _, _, answer = rtmpsniff.messages(CONNECT)
    assert connect.notes is None
    assert answer.notes == rtmpsniff.Notes(response_to=1, answers="connect", latency=1_266_000)


def test_connections_know_what_they_are_for() -> None:
    (connection,) = rtmpsniff.connections(PUBLISH)
    assert (connection.application, connection.url) == ("live", "rtmp://127.0.0.1/live")
    assert connection.purpose.url_of("s1") == "rtmp://127.0.0.1/live/s1"
    assert connection.purpose.accepted
    (stream,) = connection.streams
    assert (stream.name, stream.action, stream.state, stream.end) == (
        *("s1?token=abc123", "publish"),
        *("started", "FCUnpublish"),
    )
    assert {kind: flow.messages for kind, flow in stream.flows.items()} == {
        8: sum(message.type == "audio" for message in connection.messages),
        9: sum(message.type == "video" for message in connection.messages),
    }
    assert [token.text for token in connection.proof.tokens] == ["token in the published name (token)"]
    assert (connection.unanswered, connection.shared_objects) == ([], {})
    assert (connection.handshake.version, connection.handshake.c1) == (3, "D8")
    assert connection.peers["server"].software == "nginx-rtmp"


def test_several_captures_are_one_run() -> None:
    numbers = [message.connection for message in rtmpsniff.messages(PUBLISH, CONNECT)]
    assert set(numbers) == {1, 2}
    assert {message.first.capture for message in rtmpsniff.messages(PUBLISH, CONNECT)} == {0, 1}


def test_nothing_is_read_before_it_is_asked_for() -> None:
    messages = rtmpsniff.messages("no such file")
    with pytest.raises(InputError, match="no such file: no such file") as caught:
        next(messages)
    assert isinstance(caught.value, UserError)


def test_an_iteration_may_be_left() -> None:
    for message in rtmpsniff.messages(PUBLISH):
        assert message.number == 1
        break


def test_media_bodies() -> None:
    bodies = [message.body for message in rtmpsniff.messages(PUBLISH)]
    assert {body.codec for body in bodies if isinstance(body, Video)} == {"h264"}
    assert {body.codec for body in bodies if isinstance(body, Audio)} == {"aac"}


def test_a_body_from_anywhere() -> None:
    decoded = rtmpsniff.decode(20, bytes.fromhex("020004 706c6179 000000000000000000"))
    assert decoded.body == Command("play", 0.0)
    assert [field.name for field in decoded.fields] == ["command name", "transaction"]
    assert decoded.findings == ()
    assert rtmpsniff.decode(99, b"abc").body == Unknown(b"abc")
    assert rtmpsniff.type_name(99) == "unknown_99"


def test_a_body_that_breaks_off_is_a_finding() -> None:
    (finding,) = rtmpsniff.decode(20, b"\x02\x00\x07conn").findings
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.ERROR


def test_events_are_described() -> None:
    for event in rtmpsniff.events(CONNECT):
        block = rtmpsniff.describe(event)
        if isinstance(event, Message | Greeting):
            assert isinstance(block, Block)
            assert block.fields[-1].stop == len(block.data)
        else:
            assert block is None


def test_every_public_name_is_there() -> None:
    assert sorted(rtmpsniff.__all__) == rtmpsniff.__all__
    for name in rtmpsniff.__all__:
        assert getattr(rtmpsniff, name) is not None
    assert set(rtmpsniff.__all__) <= set(dir(rtmpsniff))


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="module 'rtmpsniff' has no attribute 'nothing'"):
        _ = rtmpsniff.nothing


def test_undecoded_is_public_too() -> None:
    events = rtmpsniff.events(FOREIGN)
    assert any(isinstance(event, Undecoded) for event in events)


SLOW_TO_LOAD = ["scapy", "rich", "dpkt", "json", "asyncio", "click"]

IMPORTS = [
    ("the package", "import rtmpsniff", SLOW_TO_LOAD),
    ("reading", "import rtmpsniff; list(rtmpsniff.messages(sys.argv[1]))", ["scapy", "rich", "dpkt", "click"]),
    ("the command line", "from rtmpsniff.cli import main; main(['read', sys.argv[1]])", ["scapy", "rich", "dpkt"]),
]


@pytest.mark.parametrize(("program", "absent"), [case[1:] for case in IMPORTS], ids=[case[0] for case in IMPORTS])
def test_what_is_not_needed_is_not_loaded(program: str, absent: list[str]) -> None:
    listing = f"import sys; {program}; print(*[name for name in {absent} if name in sys.modules], file=sys.stderr)"
    command = [sys.executable, "-c", listing, str(CONNECT)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=CAPTURES.parent)
    assert ran.stderr.split() == []


def test_type_checkers_are_told() -> None:
    assert (Path(rtmpsniff.__file__).parent / "py.typed").exists()


def test_filters_and_records() -> None:
    messages = list(rtmpsniff.messages(CONNECT))
    condition = rtmpsniff.compile_filter('name == "connect" and object.app matches "^SOS"')
    (connect,) = filter(condition, messages)
    record = rtmpsniff.message_record(connect, messages[0].first.time)
    assert (record["n"], record["type"], record["length"]) == (1, "command_amf0", 228)
    with pytest.raises(rtmpsniff.FilterError, match="did you mean length") as caught:
        rtmpsniff.compile_filter("lenght > 5")
    assert caught.value.shown == ("lenght > 5", "^^^^^^")


def test_records_and_schema() -> None:
    records = list(rtmpsniff.records(PUBLISH))
    assert [records[0]["record"], records[-1]["record"]] == ["header", "end"]
    assert rtmpsniff.schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
