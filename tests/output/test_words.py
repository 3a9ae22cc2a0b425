"""What an event says, as a person would say it: one line each, a table for each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.capture.packet import Origin
from rtmpsniff.output.words import (
    LONGEST_STRING,
    MOST_ENTRIES,
    say_body,
    say_closed,
    say_greeting,
    say_message,
    say_opened,
    say_undecoded,
    say_value,
)
from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.values import UNDEFINED, UNSUPPORTED, Date, EcmaArray, Object, Reference, Value, Xml
from rtmpsniff.rtmp.events import Closed, Greeting, Opened, Traffic, Undecoded
from rtmpsniff.transport.tcp import Endpoint
from tests import build
from tests.build import Ecma, amf0

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

STATUS = {"level": "status", "code": "NetStream.Play.Start", "description": "Playing."}

BODIES = [
    ("set chunk size", 1, "00001000", "chunk size 4096"),
    ("abort", 2, "00000004", "chunk stream 4"),
    ("acknowledgement", 3, "002625a0", "2 500 000 bytes received"),
    ("window", 5, "002625a0", "every 2 500 000 bytes"),
    ("bandwidth", 6, "002625a002", "2 500 000 bytes, dynamic"),
    ("bandwidth, hard", 6, "002625a000", "2 500 000 bytes, hard"),
    ("bandwidth, unknown limit", 6, "002625a009", "2 500 000 bytes, unknown_9"),
    ("bandwidth without a limit", 6, "002625a0", "2 500 000 bytes"),
    ("stream begin", 4, "0000 00000001", "stream begin, stream 1"),
    ("stream eof", 4, "0001 00000001", "stream eof, stream 1"),
    ("set buffer length", 4, "0003 00000001 00000bb8", "set buffer length, stream 1, 3000 ms"),
    ("ping request", 4, "0006 0000002a", "ping request, 42 ms"),
    ("ping response", 4, "0007 0000002a", "ping response, 42 ms"),
    ("buffer empty", 4, "001f 00000001", "buffer empty, stream 1"),
    ("SWF verification asked for", 4, "001a 01", "swf verify request, version 1"),
    ("SWF verification", 4, "001b 0101 00000100 00000100" + "00" * 32, "swf verify response, version 1, 256 bytes"),
    ("unknown event", 4, "0063 00000001 00000002", "unknown 99, 1 2"),
    ("key frame", 9, "17 01 000000 00", "h264 key frame"),
    ("composition", 9, "27 01 000050 00", "h264 inter frame, composition +80 ms"),
    ("composition back", 9, "27 01 ffffff 00", "h264 inter frame, composition -1 ms"),
    ("video configuration", 9, "17 00 000000 0142", "h264 sequence header"),
    ("end of video", 9, "17 02 000000", "h264 sequence end"),
    ("disposable", 9, "32 00", "sorenson_h263 disposable inter frame"),
    ("seek", 9, "57 00", "h264 start seek"),
    ("enhanced", 9, "a3 68766331 00000002aabb", "hevc inter frame"),
    ("no video", 9, "", "empty"),
    ("aac", 8, "af 01 2110", "aac"),
    ("audio configuration", 8, "af 00 1210", "aac sequence header"),
    ("mp3", 8, "2f fffb", "mp3 44.1 kHz, stereo"),
    ("speex", 8, "b6 00", "speex 16 kHz, mono"),
    ("opus", 8, "91 4f707573 00", "opus"),
    ("no audio", 8, "", "silence"),
    ("unknown type", 7, "00010203", "00 01 02 03"),
    ("unknown type, long", 7, "00" * 13, "00 00 00 00 00 00 00 00 00 00 00 00 ..."),
    ("unknown type, empty", 7, "", ""),
]


@pytest.mark.parametrize(("type_id", "data", "said"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
def test_bodies(type_id: int, data: str, said: str) -> None:
    assert say_body(decode(type_id, bytes.fromhex(data)).body) == said


COMMANDS: list[tuple[str, tuple[object, ...], str]] = [
    ("connect", ("connect", 1, {"app": "live", "x": 1, "tcUrl": "rtmp://h/live"}), 'connect(1) app="live" tcUrl="rtmp://h/live"'),
    ("connect with arguments", ("connect", 1, {"app": "a"}, "user", 5), 'connect(1) app="a" "user" 5'),
    ("connect of nothing", ("connect", 1, None), "connect(1)"),
    ("connect of an odd app", ("connect", 1, {"app": 5}), "connect(1) app=5"),
    ("a call", ("publish", 5, None, "cam", "live"), 'publish(5) "cam", "live"'),
    ("a call without arguments", ("createStream", 4, None), "createStream(4)"),
    ("an answer", ("_result", 4, None, 1), "_result(4) 1"),
    ("a status", ("onStatus", 0, None, STATUS), 'onStatus(0) NetStream.Play.Start "Playing."'),
    ("a status without description", ("onStatus", 0, None, {"code": "NetStream.X"}), "onStatus(0) NetStream.X"),
    ("an odd status", ("onStatus", 0, None, {"code": 5}), "onStatus(0) {code: 5}"),
    ("an odd transaction", ("f", 1.5, None), "f(1.5)"),
    ("no transaction", ("onFCPublish", None), "onFCPublish()"),
    ("no name", (1, 2), "?() 1, 2"),
    ("nothing", (), "?()"),
    ("a hostile name", ("\x1b[2J", 0), r"\x1b[2J(0)"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "said"), [case[1:] for case in COMMANDS], ids=[case[0] for case in COMMANDS])
def test_commands(values: tuple[object, ...], said: str) -> None:
    assert say_body(decode(20, amf0(*values)).body) == said


def test_data() -> None:
    payload = amf0("@setDataFrame", "onMetaData", Ecma({"width": 1920, "encoder": "x"}))
    assert say_body(decode(18, payload).body) == '@setDataFrame "onMetaData", {width: 1920, encoder: "x"}'
    assert say_body(decode(18, amf0("onCuePoint")).body) == "onCuePoint"


VALUES: list[tuple[Value, str]] = [
    (None, "null"),
    (True, "true"),
    (False, "false"),
    (1.0, "1"),
    (-0.5, "-0.5"),
    (3, "3"),
    ("text", '"text"'),
    ("x" * (LONGEST_STRING + 1), '"' + "x" * LONGEST_STRING + '..."'),
    (UNDEFINED, "undefined"),
    (UNSUPPORTED, "unsupported"),
    (Date(0.0), "1970-01-01T00:00:00Z"),
    (Date(float("nan")), "nan ms"),
    (Xml("<a/>"), 'XML "<a/>"'),
    (Reference(2), "ref#2"),
    ([], "[]"),
    ([1.0, None], "[1, null]"),
    ([0.0] * (MOST_ENTRIES + 2), "[" + "0, " * MOST_ENTRIES + "... 2 more]"),
    (Object(), "{}"),
    (Object([("a", 1.0), ("a", 2.0)]), "{a: 1, a: 2}"),
    (Object([("a", None)], "User"), "User {a: null}"),
    (EcmaArray([("a\n", True)], None, 1), r"{a\n: true}"),
    (Object([("a", Object([("b", Object([("c", Object([("d", None)]))]))]))]), "{a: {b: {c: {...}}}}"),
    ([[[[1.0]]], [[[]]]], "[[[[...]]], [[[]]]]"),
]


@pytest.mark.parametrize(("value", "said"), VALUES)
def test_values(value: Value, said: str) -> None:
    assert say_value(value) == said


@given(st.sampled_from([18, 20, 4, 8, 9, 3, 200]), st.binary(max_size=80))
def test_any_body_says_something_that_is_safe_to_print(type_id: int, payload: bytes) -> None:
    assert say_body(decode(type_id, payload).body).isprintable()


STATES: list[tuple[str, dict[str, Any], str]] = [
    ("whole", {}, "aac"),
    ("damaged", {"state": "damaged", "missing": ((4, 6), (9, 10))}, "damaged: 3 bytes never captured, aac"),
    ("aborted", {"state": "aborted", "length": 4000}, "aborted after 10 of 4 000 bytes, aac"),
    ("cut", {"state": "cut", "length": 4000, "missing": ((4, 6),)}, "cut off after 8 of 4 000 bytes, aac"),
    ("nothing came", {"state": "cut", "length": 300, "parts": []}, "cut off after 0 of 300 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), [case[1:] for case in STATES], ids=[case[0] for case in STATES])
def test_what_is_wrong_with_a_message(message: MakeMessage, changes: dict[str, Any], said: str) -> None:
    assert say_message(message(8, b"\xaf\x01" + bytes(8), **changes)) == said


def test_no_silence_where_nothing_came(message: MakeMessage) -> None:
    """A body of which not a byte arrived says nothing; one of no bytes is silence."""
    assert "silence" not in say_message(message(8, b"", length=300, state="cut"))
    assert "empty" not in say_message(message(9, b"", length=300, state="aborted"))
    assert "?" not in say_message(message(20, b"", length=300, state="cut"))


CLIENT, SERVER = Endpoint("127.0.0.1", 50000), Endpoint("::1", 1935)
BEGUN, ENDED = Origin(0, 1, 0), Origin(0, 99, 1_500_000_000)


def test_opened() -> None:
    assert say_opened(Opened(1, CLIENT, SERVER, BEGUN, True)) == "127.0.0.1:50000 -> [::1]:1935"
    late = say_opened(Opened(1, CLIENT, SERVER, BEGUN, False))
    assert late == "127.0.0.1:50000 -> [::1]:1935, open before the capture began"


GREETINGS: list[tuple[str, int | None, str, tuple[tuple[int, int], ...], str]] = [
    ("C0 C1", 3, "none", (), "C0 C1, version 3, no digest"),
    ("C0 C1", 3, "D8", (), "C0 C1, version 3, digest D8"),
    ("S0 S1", 6, "D772", (), "S0 S1, version 6, digest D772"),
    ("S2", None, "signed", (), "S2, signed"),
    ("C2", None, "echo", (), "C2, echo"),
    ("C2", None, "echo without time", (), "C2, echo, times differ"),
    ("S2", None, "neither", (), "S2, neither echo nor signed"),
    ("S2", None, "unseen", (), "S2"),
    ("C2", None, "unseen", ((3, 103),), "C2, 100 bytes never captured"),
]


@pytest.mark.parametrize(("part", "version", "verdict", "missing", "said"), GREETINGS)
def test_greetings(part: Any, version: int | None, verdict: str, missing: Any, said: str) -> None:
    data = bytes(1537 if version else 1536)
    greeting = Greeting(1, "client", part, 0, data, version, verdict, None, missing, BEGUN, ENDED)
    assert say_greeting(greeting) == said


def closed(reason: Any, closer: Any) -> Closed:
    sent, received = Traffic(3314, 0, 0, 0, 0), Traffic(1_003_324, 0, 0, 0, 0)
    return Closed(1, CLIENT, SERVER, "rtmp", BEGUN, ENDED, reason, closer, sent, received)


def test_closed() -> None:
    totals = "after 1.500 s, 3 314 bytes c->s, 1 003 324 bytes s->c"
    assert say_closed(closed("closed", "client")) == f"closed by the client {totals}"
    assert say_closed(closed("reset", "server")) == f"reset by the server {totals}"
    assert say_closed(closed("capture ended", "")) == f"capture ended {totals}"


def test_undecoded() -> None:
    def undecoded(length: int, missing: int) -> Undecoded:
        return Undecoded(1, "client", 3073, length, missing, "not RTMP: SSH-2.0", BEGUN, ENDED)

    assert say_undecoded(undecoded(1, 0)) == "1 byte from offset 3073 not decoded: not RTMP: SSH-2.0"
    assert say_undecoded(undecoded(4000, 1448)) == (
        "4 000 bytes from offset 3073 not decoded, 1 448 of them never captured: not RTMP: SSH-2.0"
    )


def test_long_strings_are_cut_before_they_are_escaped() -> None:
    """Not within an escape, so that no half of one is shown."""
    said = say_value("\x1b" * 200)
    assert said == '"' + r"\x1b" * LONGEST_STRING + '..."'


def test_a_build_of_every_kind_can_be_said() -> None:
    payload = amf0("f", 0, build.Typed("C", {"k": [True, None, build.UNDEFINED]}), build.Xml("<x/>"), build.Date(1.0))
    assert say_body(decode(20, payload).body) == 'f(0) XML "<x/>", 1970-01-01T00:00:00.001Z'
