"""Masks: in bodies, texts, findings and whole messages; nothing else changes."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from rtmpsniff.analysis.masking import Masking
from rtmpsniff.analysis.record import body_record
from rtmpsniff.analysis.secrets import Place
from rtmpsniff.findings import BODY_MALFORMED, Evidence, Finding, Severity
from rtmpsniff.payload.types import AGGREGATE, AUDIO, COMMAND_AMF0, COMMAND_AMF3, DATA_AMF0, SHARED_OBJECT_AMF0
from rtmpsniff.rtmp.aggregates import sub_messages
from rtmpsniff.rtmp.events import Event, Message, Notes
from rtmpsniff.transport.tcp import Endpoint
from tests.build import Frame, Talk, Xml, amf0, begin_publish, session
from tests.build_amf3 import amf3

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

Events = Callable[[Sequence[Frame]], list[Event]]

KEY = "live_secret_1"


def command(message: MakeMessage, *values: object, **changes: Any) -> Message:
    return message(COMMAND_AMF0, amf0(*values), **changes)


def publish(message: MakeMessage, name: str = KEY) -> Message:
    return command(message, "publish", 5, None, name, "live")


def body(masking: Masking, one: Message) -> Any:
    return body_record(masking.body(one))


def learnt(*messages: Message) -> Masking:
    masking = Masking()
    for one in messages:
        masking.learn(one)
    return masking


# Bodies


def test_a_name_and_where_it_stands_again(message: MakeMessage) -> None:
    masking = learnt(publish(message))
    assert body(masking, publish(message))["args"] == ["<key-1>", "live"]
    info = {"code": "NetStream.Publish.Start", "description": f"{KEY} is published", KEY: [KEY, b64(KEY)]}
    (said,) = body(masking, command(message, "onStatus", 0, None, info))["args"]
    assert said["code"] == "NetStream.Publish.Start"
    assert said["description"] == "<key-1> is published"
    assert said["<key-1>"] == ["<key-1>", "<key-1>"]
    assert masking.table() == {"<key-1>": KEY}


def b64(text: str) -> str:
    return b64encode(text.encode()).decode().rstrip("=")


def test_an_earlier_mention_is_masked_too(message: MakeMessage) -> None:
    early = command(message, "hello", 1, None, f"your key is {KEY}")
    assert body(learnt(early, publish(message)), early)["args"] == ["your key is <key-1>"]
    assert body(Masking("streamed"), early)["args"] == [f"your key is {KEY}"]


def test_a_short_key_masks_no_application(message: MakeMessage) -> None:
    masking = learnt(publish(message, "live"))
    connect = command(message, "connect", 1, {"app": "live", "tcUrl": "rtmp://host/live"})
    assert body(masking, connect)["object"] == {"app": "live", "tcUrl": "rtmp://host/live"}
    assert body(masking, publish(message, "live"))["args"] == ["<key-1>", "live"]


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("/live/s1 is now published.", "/live/<key-1> is now published."),
        ("Stream `s1` is now published", "Stream `<key-1>` is now published"),
        ("s1", "<key-1>"),
        ("s10 is another", "s10 is another"),
    ],
)
def test_a_short_key_is_masked_in_words_about_its_stream(message: MakeMessage, said: str, masked: str) -> None:
    masking = learnt(publish(message, "s1?token=abc"))
    status = command(message, "onStatus", 0, None, {"code": "NetStream.Publish.Start", "description": said})
    assert body(masking, status)["args"][0]["description"] == masked
    other = command(message, "onStatus", 0, None, {"description": said}, connection=2)
    assert body(masking, other)["args"][0]["description"] == said
    masking.forget(1)
    assert body(masking, status)["args"][0]["description"] == said


def test_what_a_server_always_says_does_not_tell_the_key(message: MakeMessage) -> None:
    masking = learnt(publish(message, "live"))
    status = command(message, "onStatus", 0, None, {"description": "Start live"})
    assert body(masking, status)["args"][0]["description"] == "Start live"


def test_arguments_of_connect(message: MakeMessage) -> None:
    given = ["hello", 42.5, True, None, {"k": "v", "n": [1]}, Xml("<a/>")]
    connect = command(message, "connect", 1, {"app": "live"}, *given)
    said = body(learnt(connect), connect)["args"]
    assert said == [
        "<key-1>",
        "<key-2>",
        True,
        None,
        {"k": "<key-3>", "n": ["<key-4>"]},
        {"$xml": "<key-5>"},
    ]


def test_authentication(message: MakeMessage) -> None:
    refused = {"description": "authmod=adobe ] : ?reason=needauth&user=bob&salt=saltsalt&challenge=chall=="}
    error = command(message, "_error", 1, None, refused)
    again = {"app": "live?authmod=adobe&user=bob&challenge=c2c2c2c2&response=r3r3r3==&opaque=chall=="}
    connect = command(message, "connect", 1, again)
    masking = learnt(error, connect)
    text = json.dumps([body(masking, error), body(masking, connect)])
    assert not [secret for secret in ("bob", "saltsalt", "chall==", "c2c2c2c2", "r3r3r3==") if secret in text]
    assert "reason=needauth" in text
    assert "authmod=adobe" in text


def test_amf3_and_mentions_of_earlier_containers(message: MakeMessage) -> None:
    masking = learnt(publish(message))
    payload = b"\0" + amf0("note", 0, None) + b"\x11" + amf3({"key": KEY}) + b"\x11" + bytes.fromhex("0a00")
    one = message(COMMAND_AMF3, payload)
    assert body(masking, one)["args"] == [{"key": "<key-1>"}, {"$ref": 0}]
    assert body(Masking("shown"), one)["args"] == [{"key": KEY}, {"$ref": 0}]


def test_bytes_in_a_value(message: MakeMessage) -> None:
    masking = learnt(publish(message))
    payload = b"\0" + amf0("note", 0, None) + b"\x11" + amf3(b"\xff" + KEY.encode() + b"x")
    said = body(masking, message(COMMAND_AMF3, payload))["args"]
    assert said == [{"$bytes": b64encode(b"\xff<key-1>******x").decode()}]


def test_shared_objects(message: MakeMessage) -> None:
    def text(value: str) -> bytes:
        return len(value).to_bytes(2, "big") + value.encode()

    change = text(KEY) + amf0(f"{KEY}.")
    event = b"\x04" + len(change).to_bytes(4, "big") + change
    one = message(SHARED_OBJECT_AMF0, text(f"room/{KEY}") + bytes(12) + event)
    said = body(learnt(publish(message)), one)
    assert said["name"] == "room/<key-1>"
    assert said["events"][0]["pairs"] == [["<key-1>", "<key-1>."]]


def test_inside_an_aggregate(message: MakeMessage) -> None:
    data = amf0("onTextData", {"text": KEY, "password": "short"})
    tag = bytes([18]) + len(data).to_bytes(3, "big") + bytes(7) + data + (len(data) + 11).to_bytes(4, "big")
    one = message(AGGREGATE, tag)
    masking = learnt(publish(message), one)
    (part,) = body(masking, one)["messages"]
    assert part["body"]["args"] == [{"text": "<key-1>", "password": "<key-2>"}]
    assert KEY.encode() not in masking.message(one).payload
    assert b"short" not in masking.message(one).payload
    (inner,) = sub_messages(one)
    assert KEY.encode() not in masking.message(inner).payload
    assert body(masking, inner)["args"] == [{"text": "<key-1>", "password": "<key-2>"}]


def test_a_body_that_nobody_reads(message: MakeMessage) -> None:
    masking = learnt(publish(message))
    assert body(masking, message(99, b"\1" + KEY.encode())) == {
        "data": {"$bytes": b64encode(b"\1<key-1>******").decode()}
    }


# Whole messages


def test_a_masked_message_has_the_same_length_and_shape(message: MakeMessage) -> None:
    one = publish(message)
    masking = learnt(one)
    masked = masking.message(one)
    assert masked.payload == amf0("publish", 5, None, "<key-1>******", "live")
    assert [(f.name, f.start, f.stop) for f in masked.decoded.fields] == [
        (f.name, f.start, f.stop) for f in one.decoded.fields
    ]
    assert masking.message(masked) is not one


def test_a_message_without_secrets_is_given_back(message: MakeMessage) -> None:
    masking = learnt(publish(message))
    for one in (command(message, "createStream", 2, None), message(AUDIO, b"\xaf\1xyz"), message(DATA_AMF0, b"")):
        assert masking.message(one) is one
    assert Masking("shown").message(publish(message)).payload == publish(message).payload


def test_remarks(message: MakeMessage) -> None:
    one = command(message, "createStream", 2, None)
    one.notes = Notes(3, "x", 5, (f"tcUrl names {KEY}",))
    masked = learnt(publish(message)).message(one)
    assert masked.notes == Notes(3, "x", 5, ("tcUrl names <key-1>",))
    assert one.notes.remarks == (f"tcUrl names {KEY}",)


# All else


def test_findings(message: MakeMessage) -> None:
    masking = learnt(publish(message))
    finding = Finding(BODY_MALFORMED, Severity.NOTE, f"{KEY}: odd", (Evidence(KEY, 3, 4, in_message=True),), KEY)
    masked = masking.finding(finding)
    assert (masked.title, masked.advice, masked.evidence[0]) == ("<key-1>: odd", "<key-1>", ("<key-1>", 3, 4, True))
    assert Masking("shown").finding(finding) is finding


def test_addresses_stay_unless_they_are_asked_for(message: MakeMessage) -> None:
    connect = command(message, "connect", 1, {"app": "live", "tcUrl": "rtmp://10.0.0.9:1935/live"})
    endpoint = Endpoint("10.0.0.9", 1935)
    assert Masking().endpoint(endpoint) is endpoint
    masking = Masking("shown", addresses=True)
    assert masking.endpoint(endpoint) == ("<address-1>", 1935)
    assert body(masking, connect)["object"]["tcUrl"] == "rtmp://<address-1>:1935/live"
    assert masking.said() == {"secrets": "shown", "addresses": "masked"}
    assert not masking.is_idle
    assert b"10.0.0.9" not in masking.message(connect).payload


def test_names_for_files() -> None:
    assert Masking().stream_name("s1?token=abc") == "key-1"
    assert Masking().stream_name("mp4:film.mp4") == "mp4:key-1"
    assert Masking("shown").stream_name("s1?token=abc") == "s1"


def test_texts() -> None:
    masking = Masking()
    assert masking.text("live/room?key=k1", Place.URL) == "live/room?key=<key-1>"
    assert masking.text("") == ""
    assert Masking("shown").text("s1", Place.NAME) == "s1"


def test_a_run_is_learnt_on_the_way_and_connections_are_forgotten(events: Events) -> None:
    talk = Talk()
    begin_publish(talk, name="camera-77")
    talk.close()
    masking = Masking("streamed")
    masked = [masking.body(event) for event in masking.follow(events(talk.frames)) if isinstance(event, Message)]
    assert "camera-77" not in repr(masked)
    assert "<key-1>" in repr(masked)
    assert masking.secrets.numbers == {"camera-77": 1}


def test_every_payload_keeps_its_length(events: Events) -> None:
    masking = Masking(addresses=True)
    for event in masking.follow(events(session(name="camera-77", app="live?token=x").frames)):
        if isinstance(event, Message):
            masked = masking.message(event)
            assert len(masked.payload) == len(event.payload)
            assert b"camera-77" not in masked.payload
            assert b"example.com" not in masked.payload
