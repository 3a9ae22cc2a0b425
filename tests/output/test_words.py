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
    say_duration,
    say_greeting,
    say_message,
    say_opened,
    say_undecoded,
    say_value,
)
from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.values import (
    UNDEFINED,
    UNSUPPORTED,
    Array,
    Date,
    Dictionary,
    EcmaArray,
    Externalizable,
    Object,
    Reference,
    Value,
    Vector,
    Xml,
)
from rtmpsniff.rtmp.aggregates import sub_messages
from rtmpsniff.rtmp.events import Closed, Greeting, Notes, Opened, Traffic, Undecoded
from rtmpsniff.transport.tcp import Endpoint
from tests import build
from tests.build import Ecma, amf0
from tests.payload.test_aggregate import tag
from tests.payload.test_shared import event, head, key

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
    (
        "SWF verification",
        4,
        "001b 0101 00000100 00000100" + "00" * 32,
        "swf verify response, version 1, 256 bytes, digest " + "00" * 32,
    ),
    ("unknown event", 4, "0063 00000001 00000002", "unknown 99, 1 2"),
    ("key frame", 9, "17 01 000000 00", "h264 key frame"),
    ("composition", 9, "27 01 000050 00", "h264 inter frame, composition +80 ms"),
    ("composition back", 9, "27 01 ffffff 00", "h264 inter frame, composition -1 ms"),
    ("video configuration", 9, "17 00 000000 0142c01f", "h264 configuration, Constrained Baseline 3.1"),
    ("video configuration, broken", 9, "17 00 000000 01", "h264 configuration"),
    ("video configuration, empty", 9, "90 61763031", "av1 configuration"),
    ("of transport streams", 9, "95 61763031 81040c00", "av1 MPEG-2 TS configuration, Main 3.0"),
    ("key frame without IDR", 9, "17 01 000000 00000001 41", "h264 key frame, no IDR"),
    ("key frame with CRA", 9, "93 68766331 00000002 2a01", "hevc key frame"),
    ("inter frame with IDR", 9, "27 01 000010 00000001 65", "h264 inter frame, has an IDR, composition +16 ms"),
    ("size of a frame", 9, "13 30a0 3078", "screen_video key frame, 160x120"),
    ("size of an inter frame", 9, "23 30a0 3078", "screen_video inter frame"),
    ("one track", 9, "a6 03 68766331 02 00000002 0201", "hevc inter frame, track 2"),
    ("modifier", 9, "97 02 07a120 03 68766331", "hevc key frame, +500000 ns"),
    (
        "many tracks",
        9,
        "96 11 61766331 00 000008 000050 00000001 65 01 000003 000000",
        "h264 key frame, track 0 +80 ms, track 1",
    ),
    (
        "configurations of many tracks",
        9,
        "96 20 61763031 00 000004 81040c00 61766331 01 000000",
        "configuration, track 0 av1 Main 3.0, track 1 h264",
    ),
    ("more tracks", 9, "96 13 61766331" + "00 000000" * 10, "h264 key frame" + ", track 0" * 8 + ", ... 2 tracks more"),
    ("no track", 9, "96 33", "multitrack"),
    (
        "metadata",
        9,
        "d4 68766331 020009636f6c6f72496e666f 03 0001 61 003ff0000000000000 000009",
        "hevc metadata, colorInfo {a: 1}",
    ),
    ("end of video", 9, "17 02 000000", "h264 sequence end"),
    ("disposable", 9, "32 00", "sorenson_h263 disposable inter frame"),
    ("seek", 9, "57 00", "h264 start seek"),
    ("enhanced", 9, "a3 68766331 00000002aabb", "hevc inter frame"),
    ("no video", 9, "", "empty"),
    ("aac", 8, "af 01 2110", "aac"),
    ("audio configuration", 8, "af 00 1210", "aac configuration, LC 44.1 kHz stereo"),
    ("broken audio configuration", 8, "af 00 12", "aac configuration, LC"),
    ("no audio configuration", 8, "90 4f707573", "opus configuration"),
    ("audio of no codec known", 8, "90 61626364 00", "abcd configuration"),
    ("end of audio", 8, "92 4f707573", "opus sequence end"),
    ("channels", 8, "94 4f707573 0102 00000003", "opus multichannel config, stereo, native order, FL FR"),
    ("mp3 without a header", 8, "2f fffb", "mp3 44.1 kHz stereo"),
    ("mp3", 8, "2f fffb9064", "mp3 128 kbit/s 44.1 kHz stereo"),
    ("nellymoser", 8, "6a 00", "nellymoser 22.05 kHz mono"),
    ("pcm", 8, "34 00", "pcm 11.025 kHz mono 8 bit"),
    ("opus", 8, "91 4f707573 fc", "opus CELT fullband 20 ms"),
    ("one track", 8, "95 01 4f707573 02 fc", "opus CELT fullband 20 ms, track 2"),
    ("nanoseconds", 8, "97 02 0f423f 01 6d703461 21", "aac, +999999 ns"),
    (
        "tracks",
        8,
        "95 10 6d703461 00 000002 1210 01 000000",
        "aac configuration, track 0 LC 44.1 kHz stereo, track 1",
    ),
    (
        "tracks of several codecs",
        8,
        "95 21 4f707573 00 000001 fc 6d703461 01 000001 21",
        "track 0 opus CELT fullband 20 ms, track 1 aac",
    ),
    ("many tracks", 8, "95 11 6d703461" + "00000000" * 10, f"aac, {', '.join(['track 0'] * 8)}, ... 2 tracks more"),
    ("tracks in tracks", 8, "95 05", "multitrack"),
    ("no audio", 8, "", "silence"),
    ("unknown type", 7, "00010203", "00 01 02 03"),
    ("unknown type, long", 7, "00" * 13, "00 00 00 00 00 00 00 00 00 00 00 00 ..."),
    ("unknown type, empty", 7, "", ""),
]


@pytest.mark.parametrize(("type_id", "data", "said"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
def test_bodies(type_id: int, data: str, said: str) -> None:
    assert say_body(decode(type_id, bytes.fromhex(data)).body) == said


SHARED_OBJECTS = [
    (b"", ""),
    (event(11), "use success"),
    (event(1) + event(8), "use; clear"),
    (event(4, key("a") + amf0(1) + key("b") + amf0("x")) + event(5, key("c")), 'change a=1, b="x"; success c'),
    (event(3, key("o") + amf0({"k": [1]})), "request change o={k: [1]}"),
    (event(10, key("a") + key("b")), "request remove a, b"),
    (event(6, amf0("hello", 42, None)), "send message hello(42, null)"),
    (event(6, amf0(42)), "send message ?(42)"),
    (event(7, key("SharedObject.NoWriteAccess") + key("error")), "status SharedObject.NoWriteAccess, error"),
    (event(99, b"\1\2") + event(2), "unknown 99 01 02; release"),
    (event(5, key("\x1b[2J")), "success \\x1b[2J"),
    (event(5, key("x" * 200)), f"success {'x' * LONGEST_STRING}..."),
    (event(4, (key("a") + amf0(1)) * 10), f"change {', '.join(['a=1'] * MOST_ENTRIES)}, ... 2 more"),
    (event(1) * 10, f"{'; '.join(['use'] * MOST_ENTRIES)}; ... 2 more"),
]


@pytest.mark.parametrize(("events", "said"), SHARED_OBJECTS)
def test_shared_objects(events: bytes, said: str) -> None:
    assert say_body(decode(19, head("chat", 5) + events).body) == f'"chat" version 5{": " if said else ""}{said}'
    assert say_body(decode(19, head("chat", 5, 2) + events).body).startswith('"chat" version 5, persistent')


def test_aggregates(message: MakeMessage) -> None:
    sound, data = b"\xaf\x01\x21", amf0("onTextData")
    payload = tag(8, sound, 1000) + tag(18, data, 1010) + tag(8, sound, 1020)
    kinds = "3 messages: 2 audio, 1 data"
    assert say_body(decode(22, payload).body) == kinds
    whole = message(22, payload, timestamp=5000)
    assert say_message(whole) == f"{kinds}, timestamps 5000-5020"
    assert say_message(message(22, payload, timestamp=0xFFFFFFF8)) == f"{kinds}, timestamps 4294967288-12"
    assert say_message(message(22, tag(8))) == "1 message: 1 audio"
    assert say_message(message(22)) == "0 messages"
    assert [say_message(one) for one in sub_messages(whole)] == [
        "aac, in aggregate #7",
        "onTextData, in aggregate #7",
        "aac, in aggregate #7",
    ]
    cut = message(22, payload[:15], length=len(payload), state="cut")
    assert say_message(cut) == f"cut off after 15 of {len(payload)} bytes, 1 message: 1 audio"


def test_an_aggregate_of_very_many_types() -> None:
    payload = b"".join(tag(number) for number in range(100, 112))
    said = ", ".join(f"1 unknown_{number}" for number in range(100, 100 + MOST_ENTRIES))
    assert say_body(decode(22, payload).body) == f"12 messages: {said}, ... 4 more"


def test_remarks_stand_behind_what_is_said(message: MakeMessage) -> None:
    one = message(19, head() + event(8))
    one.notes = Notes(remarks=("a was 1", "now holds nothing"))
    assert say_message(one) == '"chat" version 0: clear; a was 1; now holds nothing'
    silent = message(7)
    silent.notes = Notes(remarks=("known from elsewhere",))
    assert say_message(silent) == "known from elsewhere"


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
    (b"", "0 bytes"),
    (b"\0\xff", "2 bytes 00 ff"),
    (bytes(20), "20 bytes 00 00 00 00 00 00 00 00 ..."),
    (Object([("operation", 5)], "flex.messaging.messages.CommandMessage"), "CommandMessage {operation: 5}"),
    (Object([("x" * 100, 5)], "y" * 100), "y" * 80 + "... {" + "x" * 80 + "...: 5}"),
    (Externalizable([("source", [1, "a"])], "flex.messaging.io.ArrayCollection"), 'ArrayCollection [1, "a"]'),
    (Externalizable([("object", Object([("a", 1)]))], "mx.utils.ObjectProxy"), "ObjectProxy {a: 1}"),
    (Externalizable([("operation", 5)], "DSC"), "DSC {operation: 5}"),
    (Externalizable([], "X\x1b"), r"X\x1b {}"),
    (Array([("k", "v")], dense=[5, 6]), '[k: "v", 5, 6]'),
    (Array([("k", 0)] * 5, dense=[1] * 20), "[" + "k: 0, " * 5 + "1, " * 3 + "... 17 more]"),
    (Vector("int", [1, -1], True), "[1, -1]"),
    (Vector("double", [0.5] * 100), "[" + "0.5, " * 8 + "... 92 more]"),
    (Dictionary([("k", 1), (Object([("a", 1)]), None)]), '{"k": 1, {a: 1}: null}'),
    (Reference(2, table="string"), "string ref#2"),
    ([[Array([("a", 1)]), Dictionary([(1, 1)]), Vector("int", [1])]], "[[[a: 1], {1: 1}, [1]]]"),
    ([[[Array([("a", 1)]), Dictionary([(1, 1)]), Vector("int", [1])]]], "[[[[...], {...}, [...]]]]"),
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


def info(code: str, level: str = "status", description: str = "") -> dict[str, object]:
    return {"level": level, "code": code, "description": description}


ANSWERS: list[tuple[str, tuple[object, ...], str]] = [
    ("connect", ("_result", 1, {}, info("NetConnection.Connect.Success", "status", "Welcome.")),
     "_result(1) NetConnection.Connect.Success"),
    ("connect", ("_error", 1, None, info("NetConnection.Connect.Rejected", "error", "go")),
     '_error(1) NetConnection.Connect.Rejected "go"'),
    ("createStream", ("_result", 4, None, 1), "_result(4) createStream -> stream 1"),
    ("createStream", ("_error", 4, None), "_error(4) createStream"),
    ("createStream", ("_result", 4, None), "_result(4) createStream"),
    ("getStreamLength", ("_result", 3, None, 12.5), "_result(3) getStreamLength -> 12.5"),
    ("FCPublish", ("_result", 3, None, None), "_result(3) FCPublish -> null"),
    ("_checkbw", ("_error", 5, None, info("NetConnection.Call.Failed", "error", "no")),
     '_error(5) _checkbw -> NetConnection.Call.Failed "no"'),
    ("get\x1b", ("_result", 5, None), r"_result(5) get\x1b"),
    ("FCPublish", ("onFCPublish", 0, None, info("NetStream.Publish.Start", "status", "cam")),
     'onFCPublish(0) NetStream.Publish.Start "cam"'),
    ("FCPublish", ("onFCPublish",), "onFCPublish()"),
    ("publish", ("onStatus", 0, None, info("NetStream.Publish.Start")), "onStatus(0) NetStream.Publish.Start"),
    ("play", ("onStatus", 0, info("NetStream.Play.Start")), "onStatus(0) NetStream.Play.Start"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "values", "said"), ANSWERS)
def test_answers(message: MakeMessage, question: str, values: tuple[object, ...], said: str) -> None:
    one = message(20, amf0(*values))
    one.notes = Notes(response_to=3, answers=question, latency=800_000)
    assert say_message(one) == f"{said}, 0.8 ms"
    one.notes = Notes(response_to=3, answers=question, remarks=("and more",))
    assert say_message(one) == f"{said}; and more"


def test_an_answer_that_came_in_part(message: MakeMessage) -> None:
    one = message(20, amf0("_result", 4, None, 1), state="damaged", missing=((5, 6),))
    one.notes = Notes(response_to=3, answers="createStream", latency=800_000)
    assert say_message(one).startswith("damaged: 1 byte never captured, ")


DURATIONS = [
    (0, "0.0 ms"),
    (4_000, "0.004 ms"),
    (40_000, "0.04 ms"),
    (97_400, "0.097 ms"),
    (800_000, "0.8 ms"),
    (120_300_000, "120.3 ms"),
    (2_500_000_000, "2.500 s"),
    (-800_000, "-0.8 ms"),
]


@pytest.mark.parametrize(("nanoseconds", "said"), DURATIONS)
def test_durations(nanoseconds: int, said: str) -> None:
    assert say_duration(nanoseconds) == said


@pytest.mark.parametrize(("changes", "said"), [case[1:] for case in STATES], ids=[case[0] for case in STATES])
def test_what_is_wrong_with_a_message(message: MakeMessage, changes: dict[str, Any], said: str) -> None:
    assert say_message(message(8, b"\xaf\x01" + bytes(8), **changes)) == said


def test_no_silence_where_nothing_came(message: MakeMessage) -> None:
    """A body of which not a byte arrived says nothing; one of no bytes is silence."""
    assert "silence" not in say_message(message(8, b"", length=300, state="cut"))
    assert "empty" not in say_message(message(9, b"", length=300, state="aborted"))
    assert "?" not in say_message(message(20, b"", length=300, state="cut"))


EMPTY = [
    (9, "90 61763031", "av1 configuration, empty"),
    (9, "27 01 000000", "h264 inter frame, empty"),
    (9, "22", "sorenson_h263 inter frame, empty"),
    (9, "96 13 61766331 00 000000 01 000000", "h264 key frame, track 0, track 1, empty"),
    (9, "92 68766331", "hevc sequence end"),
    (9, "57 00", "h264 start seek"),
    (9, "17 00 00", "h264 configuration"),  # of which nobody knows what would have come
    (8, "90 4f707573", "opus configuration, empty"),
    (8, "91 4f707573", "opus, empty"),  # as FFmpeg sends it before the first frame
    (8, "af 01", "aac, empty"),
    (8, "92 4f707573", "opus sequence end"),
]


@pytest.mark.parametrize(("type_id", "data", "said"), EMPTY)
def test_messages_that_bring_nothing_say_so(message: MakeMessage, type_id: int, data: str, said: str) -> None:
    payload = bytes.fromhex(data)
    assert say_message(message(type_id, payload)) == said
    assert "empty" not in say_message(message(type_id, payload, length=300, state="cut"))


CLIENT, SERVER = Endpoint("127.0.0.1", 50000), Endpoint("::1", 1935)
BEGUN, ENDED = Origin(0, 1, 0), Origin(0, 99, 1_500_000_000)


def test_opened() -> None:
    assert say_opened(Opened(1, CLIENT, SERVER, BEGUN, True)) == "127.0.0.1:50000 -> [::1]:1935"
    late = say_opened(Opened(1, CLIENT, SERVER, BEGUN, False))
    assert late == "127.0.0.1:50000 -> [::1]:1935, open before the capture began"


GREETINGS: list[tuple[str, int | None, str, tuple[tuple[int, int], ...], str]] = [
    ("C0 C1", 3, "none", (), "C0 C1, version 3, no digest"),
    ("C0 C1", 3, "D8", (), "C0 C1, version 3, digest D8"),
    ("S0 S1", 6, "D772", (), "S0 S1, version 6 (RTMPE), digest D772"),
    ("S0 S1", 8, "none", (), "S0 S1, version 8 (RTMPE with XTEA signatures), no digest"),
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


@pytest.mark.parametrize(
    ("version", "digest", "missing", "said"),
    [
        ("09007c02", (1, 33), (), "C0 C1, version 3, software 9.0.124.2, digest D8"),
        ("80000302", (1, 33), (), "C0 C1, version 3, software 128.0.3.2, digest D8"),
        ("80000302", None, (), "C0 C1, version 3, no digest"),
        ("03050101", None, (), "C0 C1, version 3, software 3.5.1.1, no digest"),
        ("03050101", None, ((3, 6),), "C0 C1, version 3, 3 bytes never captured"),
    ],
)
def test_a_greeting_names_its_software(version: str, digest: Any, missing: Any, said: str) -> None:
    data = b"\x03" + bytes(4) + bytes.fromhex(version) + bytes(1528)
    verdict = "D8" if digest else "none"
    assert say_greeting(Greeting(1, "client", "C0 C1", 0, data, 3, verdict, digest, missing, BEGUN, ENDED)) == said


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
        "4 000 bytes from offset 3073 not decoded, 1 448 of them missing: not RTMP: SSH-2.0"
    )


def test_long_strings_are_cut_before_they_are_escaped() -> None:
    """Not within an escape, so that no half of one is shown."""
    said = say_value("\x1b" * 200)
    assert said == '"' + r"\x1b" * LONGEST_STRING + '..."'


def test_a_build_of_every_kind_can_be_said() -> None:
    payload = amf0("f", 0, build.Typed("C", {"k": [True, None, build.UNDEFINED]}), build.Xml("<x/>"), build.Date(1.0))
    assert say_body(decode(20, payload).body) == (
        'f(0) C {k: [true, null, undefined]}, XML "<x/>", 1970-01-01T00:00:00.001Z'
    )


def test_a_value_where_the_command_object_stands_is_said() -> None:
    assert say_body(decode(20, amf0("f", 0, 1)).body) == "f(0) 1"
    assert say_body(decode(17, bytes.fromhex("00 020001 74 000000000000000000 110401")).body) == "t(0) 1"


def test_captured_names_are_short() -> None:
    """In the title of a dump, which is not cut to a line."""
    name = "\x1b" * 999
    for payload in (amf0(name, 1, None), amf0("onStatus", 1, {"code": name})):
        assert len(say_body(decode(20, payload).body)) < 400
    assert len(say_body(decode(18, amf0(name)).body)) < 400
    assert say_body(decode(18, amf0({"a": 1})).body) == "? {a: 1}"


def test_what_enhanced_rtmp_negotiates() -> None:
    told = {"app": "live", "capsEx": 3, "fourCcList": ["hvc1", "*"], "other": 1}
    assert say_body(decode(20, amf0("connect", 1, told)).body) == (
        'connect(1) app="live" capsEx=3 fourCcList=["hvc1", "*"]'
    )


@pytest.mark.parametrize(
    ("information", "said"),
    [
        (
            {"code": "NetConnection.Connect.ReconnectRequest", "description": "Moving", "tcUrl": "rtmp://b/live"},
            'NetConnection.Connect.ReconnectRequest "Moving", go to "rtmp://b/live"',
        ),
        ({"code": "NetConnection.Connect.ReconnectRequest"}, "NetConnection.Connect.ReconnectRequest"),
        (
            {"code": "NetConnection.Connect.Rejected", "ex": {"code": 302, "redirect": "rtmp://c/live"}},
            'NetConnection.Connect.Rejected, go to "rtmp://c/live"',
        ),
        ({"code": "NetStream.Play.Start", "tcUrl": "rtmp://b", "ex": {"redirect": 1}}, "NetStream.Play.Start"),
    ],
)
def test_where_a_status_sends_the_client(information: object, said: str) -> None:
    assert say_body(decode(20, amf0("onStatus", 0, None, information)).body) == f"onStatus(0) {said}"
