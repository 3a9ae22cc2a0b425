"""Filters: what holds of which message, and that no expression and no message can do harm."""

from __future__ import annotations

from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtmpsniff
from rtmpsniff.analysis.expression import FilterError
from rtmpsniff.analysis.filter import Filter, compile_columns, compile_filter
from rtmpsniff.analysis.record import ABSENT
from rtmpsniff.analysis.selection import Selection, select, select_messages
from rtmpsniff.capture.packet import Origin
from rtmpsniff.payload.bodies import Body, Decoded
from rtmpsniff.payload.command import Command, Data
from rtmpsniff.payload.shared import SharedObject, SharedObjectEvent
from rtmpsniff.payload.types import AGGREGATE, TYPE_NAMES
from rtmpsniff.payload.values import UNDEFINED, Array, Date, Dictionary, EcmaArray, Object, Reference, Vector, Xml
from rtmpsniff.payload.video import Video
from rtmpsniff.rtmp.events import Message, Notes
from rtmpsniff.rtmp.passage import Chunk, Passage
from tests.build import amf0
from tests.conftest import START
from tests.proportion import grows_gently

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

CAPTURES = Path(__file__).parents[2] / "captures"
PUBLISH = CAPTURES / "ffmpeg-nginx-publish.pcap"

SHARED: Any = Object([("deep", [1.0, "two"])])
OBJECT: Any = Object(
    [
        ("app", "live"),
        ("tcUrl", "rtmp://host/live?token=1"),
        ("capabilities", 239.0),
        ("fpad", False),
        ("pageUrl", UNDEFINED),
        ("nothing", None),
        ("empty", ""),
        ("odd key", 1.0),
        ("twice", 1.0),
        ("twice", 2.0),
        ("not", "a word"),
        ("bad", "a\udcffb"),
        ("nan", float("nan")),
        ("when", Date(1_700_000_000_000.0)),
        ("odd date", Date(0.5)),
        ("xml", Xml("<a/>")),
        ("raw", b"ab"),
        ("shared", SHARED),
    ]
)
ARGS: Any = (
    "name?key=1",
    Object([("code", "NetStream.Publish.Start")], "Status"),
    EcmaArray([("width", 1280.0)]),
    Reference(1, SHARED),
    Reference(9, None),
    [1.0, "x", None],
    Vector("int", [7, 8]),
    Dictionary([("k", 1.0), (2.0, 3.0)]),
    Array([("named", 1.0)], dense=["first"]),
)
BODIES: dict[str, Body] = {
    "command": Command("publish", 5.0, OBJECT, ARGS),
    "result": Command("_result", 1.0, None, ()),
    "data": Data("onMetaData", (EcmaArray([("width", 1280.0)]),)),
}
TYPE_IDS = {"command": 20, "result": 17, "data": 18}


@pytest.fixture(scope="module")
def messages(message: MakeMessage) -> dict[str, Message]:
    """By the words of `HOLDS`."""
    made = {name: with_body(message(TYPE_IDS[name], b"\0"), body) for name, body in BODIES.items()}
    made["result"].notes = Notes(response_to=3, latency=1_500_000)
    made["key"] = message(9, b"\x17\x01\0\0\xa7" + bytes(60_000))
    made["inter"] = message(9, b"\x27\x01\0\0\0abc", sender="server")
    made["audio"] = message(8, b"\xaf\x01abc", connection=2, state="damaged", missing=((2, 4),))
    made["ack"] = message(3, b"\0\0\x10\0", timestamp_certain=False)
    made["ping"] = message(4, bytes.fromhex("0006000000ff"))
    made["odd"] = message(7, b"abc")
    return made


def with_body(message: Message, body: Body) -> Message:
    message._decoded = Decoded(body, (), ())
    return message


EVERY = {"command", "result", "data", "key", "inter", "audio", "ack", "ping", "odd"}

HOLDS: list[tuple[str, set[str]]] = [
    # The issue's examples
    ('type == "video" and frame_type == "key" and length > 50000', {"key"}),
    ('name == "publish"', {"command"}),
    ("connection == 2 and time < 3.5", {"audio"}),
    # Names of messages and bodies
    ('type == "command_amf3"', {"result"}),
    ('family == "command"', {"command", "result"}),
    ('family in {"media", "control"}', {"key", "inter", "audio", "ack", "ping"}),
    ("not family", {"odd"}),
    ('type == "unknown_7"', {"odd"}),
    ("type_id in {8, 9}", {"key", "inter", "audio"}),
    ('sender == "server"', {"inter"}),
    ("timestamp == 255", set()),
    ("body.timestamp == 255", {"ping"}),
    ("timestamp == 40 and body.timestamp", {"ping"}),
    ("composition_time", {"key", "inter"}),
    ("composition_time > 0", {"key"}),
    ("codec", {"key", "inter", "audio"}),
    ("missing", {"audio"}),
    ("missing.0.1 == 4", {"audio"}),
    ('state != "whole"', {"audio"}),
    ("not timestamp_certain", {"ack"}),
    ("timestamp_certain == false", {"ack"}),
    ("packets.0 == 11 and packets.1 == 12", EVERY),
    ("packets contains 12", EVERY),
    ("packets contains 13", set()),
    ("payload_sha256", {"key", "inter"}),
    ("response_to == 3 and latency_ms == 1.5", {"result"}),
    ("body", EVERY),
    ("event", {"ping"}),
    # Times are exact
    ("time == 0.5", EVERY),
    ("start == 0", EVERY),
    ("0.4999999999 < time < 0.500000001", EVERY),
    ("time > 0.5", set()),
    # AMF values
    ('object.app == "live"', {"command"}),
    ('object.tcUrl contains "token"', {"command"}),
    ('body.object.tcUrl contains "token"', {"command"}),
    ('object contains "app"', {"command"}),
    ('object contains "nope"', set()),
    ("object.capabilities == 239", {"command"}),
    ("object.capabilities == 0xEF", {"command"}),
    ("object.fpad == false", {"command"}),
    ("object.fpad", set()),
    ("object.fpad == 0", set()),
    ("object.pageUrl", set()),
    ("object.pageUrl == null", set()),
    ("object.pageUrl != null", {"command"}),
    ("object.nothing == null", {"command"}),
    ("object.nothing", set()),
    ("object == null", {"result"}),
    ("object != null", {"command"}),
    ("object.empty", set()),
    ('object.empty == ""', {"command"}),
    ('object["odd key"] == 1', {"command"}),
    ("object.twice == 2", {"command"}),
    ('object.not == "a word"', {"command"}),
    ("object.nan == object.nan", set()),
    ("object.nan < 1 or object.nan >= 1", set()),
    ('object.when == "2023-11-14T22:13:20Z"', {"command"}),
    ('object.when contains "2023-"', {"command"}),
    ('object["odd date"] == 0.5', {"command"}),
    ('object.xml == "<a/>"', {"command"}),
    ('object.raw == "ab"', set()),
    ("object.raw", {"command"}),
    ('args.0 matches "key=[0-9]$"', {"command"}),
    ('args.1.code == "NetStream.Publish.Start"', {"command"}),
    ('args.1.$typed == "Status"', {"command"}),
    ("args.2.width == 1280", {"command"}),
    ("args.0.width == 1280", {"data"}),
    ('args.3.deep.1 == "two"', {"command"}),
    ("args.4", set()),
    ("args.4.x", set()),
    ("args.5.0 == 1 and args.5.1 == 'x'", {"command"}),
    ("args.5 contains null", {"command"}),
    ("args.5 contains 'y'", set()),
    ("args.6.1 == 8 and args.6 contains 7", {"command"}),
    ("args.7.k == 1", {"command"}),
    ("args.8.named == 1 and args.8.0 == 'first'", {"command"}),
    ("args.99999999999999999999", set()),
    ("args[0]", {"command", "data"}),
    ('args contains "name?key=1"', {"command"}),
    ("object.app.x", set()),
    ("object.bad == 'ab'", set()),
    ('object.bad matches "^a.b$"', {"command"}),
    # Absent is neither equal nor unequal
    ("object.nope == 1", set()),
    ("object.nope != 1", set()),
    ("not object.nope == 1", EVERY),
    ("frame_type != 'key'", {"inter"}),
    ("object.nope == object.nope", set()),
    # Kinds do not mix
    ('args.2.width == "1280"', set()),
    ('args.2.width != "1280"', {"command"}),
    ("name > 5", set()),
    ("name < 'p'", {"result", "data"}),
    ('length contains "6"', set()),
    ('length matches "6"', set()),
    ("timestamp_certain == 1", set()),
    ("1 in {true}", set()),
    ("object in {null}", {"result"}),
    ("object > 1", set()),
    # The language
    ("true", EVERY),
    ("false", set()),
    ("not false", EVERY),
    ("0 < length <= 5", {"command", "result", "data", "audio", "ack", "odd"}),
    ('type in {"audio", "video"}', {"key", "inter", "audio"}),
    ('type not in {"audio", "video"} and not family == "command"', {"data", "ack", "ping", "odd"}),
    ('"audio" == type', {"audio"}),
    ("connection == connection", EVERY),
    ("name ~ '^(on|pub)'", {"command", "data"}),
    ("name matches '(?i)PUBLISH'", {"command"}),
    ("name not contains 'i'", {"result", "key", "inter", "audio", "ack", "ping", "odd", "data"}),
    ("type == 'audio' or type == 'video' and frame_type == 'key'", {"audio", "key"}),
    ("(type == 'audio' or type == 'video') and frame_type == 'key'", {"key"}),
]


@pytest.mark.parametrize(("text", "names"), HOLDS, ids=[text for text, _ in HOLDS])
def test_what_holds(messages: dict[str, Message], text: str, names: set[str]) -> None:
    condition = compile_filter(text)
    assert {name for name, message in messages.items() if condition(message, START)} == names


def test_parts_of_bodies(message: MakeMessage) -> None:
    color: Any = Object([("matrix", 9.0)])
    video = with_body(message(9, b"\0"), Video(metadata=(("colorInfo", color), ("colorInfo", None))))
    change = SharedObjectEvent("change", 4, pairs=(("score", 7.0), ("name", "x")))
    shared = with_body(message(19, b"\0"), SharedObject("board", 3, True, (change,)))
    for text, held in [
        ("metadata.0.1.matrix == 9", video),
        ("metadata.colorInfo == null", video),
        ("events.0.event == 'change' and persistent", shared),
        ("events.0.pairs.score == 7 and events.0.pairs.0.0 == 'score'", shared),
        ("events.0.keys or events.1", None),
        ("events.0.pairs.nope", None),
    ]:
        condition = compile_filter(text)
        assert [one for one in (video, shared) if condition(one)] == [one for one in (held,) if one is not None], text


MISTAKES = [
    ('type == "vidio"', 8, "type is never this, but one of set_chunk_size, "),
    ('type == "command"', 8, 'no type, but a family of types; did you mean family == "command"?'),
    ('"command" != type', 0, "no type, but a family of types"),
    ('type in {"video", "midi"}', 18, "type is never this"),
    ("type == 9", 8, "type is a text; did you mean type_id?"),
    ("sender in {'server', null}", 21, "sender is a text"),
    ("type_id == 'video'", 11, "type_id is a number"),
    ("0 < length < '5'", 13, "length is a number"),
    ("connection in {1, '2'}", 18, "connection is a number"),
    ("true == time", 0, "time is a number"),
    ('sender == "server" or sender == "both"', 32, "sender is never this, but one of client, server"),
    ('state == "broken"', 9, "state is never this, but one of whole, damaged, aborted, cut"),
    ('family == "video"', 10, "family is never this, but one of command, data, shared_object, control, media"),
    ('name matches "(a"', 13, "not a regular expression: missing )"),
    ('name matches "(\x1b"', 13, "not a regular expression: missing ): (\\x1b"),
    (r'name matches "(\w)\1"', 13, "not a regular expression: invalid escape sequence"),
    ('name matches "(?=a)"', 13, "not a regular expression: "),
    (f'name matches "{"a" * 20_000}"', 13, "a regular expression of more than 10000 characters"),
    ('name matches "((((a{1000}){1000}){1000}){1000})"', 13, "not a regular expression: "),
    ('name == "a" and frametype == "key"', 16, 'there is no name "frametype"; did you mean frame_type?'),
    ("length > 1 or type contains nam", 28, 'there is no name "nam"; did you mean name?'),
]


@pytest.mark.parametrize(("text", "start", "problem"), MISTAKES, ids=[text[:50] for text, _, _ in MISTAKES])
def test_mistakes(text: str, start: int, problem: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(text)
    assert caught.value.problem.startswith(problem)
    assert caught.value.start == start


def test_a_filter_knows_its_text() -> None:
    assert repr(compile_filter("length > 5")) == "<Filter 'length > 5'>"
    assert repr(compile_columns("length")) == "[<Column 'length'>]"


# Cost


class Unopened(Message):
    """A message that may not be looked into."""

    @property
    def decoded(self) -> Decoded:
        raise AssertionError("decoded")


def unopened(message: Message) -> Message:
    parts = {name: getattr(message, name) for name in Message.__match_args__}
    return Unopened(**parts)


@pytest.mark.parametrize(
    "text",
    [
        "length > 50000 and csid == 3 and packets.0 == 1 and offset and chunks",
        'type == "audio" and frame_type == "key"',
        'type == "video" or frame_type == "key"',
        'payload_sha256 matches "^0"',
    ],
)
def test_bodies_that_are_not_named_are_not_decoded(message: MakeMessage, text: str) -> None:
    compile_filter(text)(unopened(message(9, bytes(60_000))))
    with pytest.raises(AssertionError, match="decoded"):
        compile_filter("frame_type")(unopened(message(9)))


def test_no_regular_expression_runs_away(message: MakeMessage) -> None:
    condition = compile_filter(
        'args.0 matches "(a+)+$" or args.0 matches "(a|aa)*b$" or args.0 matches "(.*)(.*)(.*)x"'
    )

    def measure(size: int) -> float:
        command = with_body(message(20), Command("f", 1.0, None, ("a" * size + "!",)))
        start = process_time()
        assert not condition(command)
        return process_time() - start

    assert grows_gently(measure, 10_000, 100_000, 20)


# Any expression, any message

PIECES = st.sampled_from(
    [
        *(
            'type == "video"',
            "name",
            "not",
            "and",
            "or",
            "(",
            ")",
            "length > 5",
            'name matches "a|b"',
            "args.0",
            "object",
        ),
        *(
            'object.a.b contains "x"',
            "in {1, 'a', null}",
            "== null",
            "!= 1.5",
            "<",
            "time",
            "events.0.event",
            "tracks.0",
        ),
        *("contains", "missing.0.0", "body.codec", "latency_ms", "family", "true", "'live'", "configuration", "1e300"),
    ]
)


def compiled(text: str) -> Filter | FilterError:
    try:
        return compile_filter(text)
    except FilterError as error:
        return error


@given(
    st.lists(PIECES, max_size=12).map(" ".join) | st.text(max_size=40),
    st.sampled_from([*TYPE_NAMES, 7]),
    st.binary(max_size=80) | st.just(amf0("live", 1, {"a": {"b": "x"}}, "live")),
    st.integers(0, 2**64),
)
@settings(max_examples=300)
def test_any_expression_holds_or_not_or_is_a_mistake(text: str, type_id: int, payload: bytes, time: int) -> None:
    origin = Origin(0, 1, time)
    message = Message(
        1,
        1,
        "client",
        3,
        1,
        type_id,
        0,
        True,
        len(payload),
        [payload],
        (),
        Passage((Chunk(0, b"", 1),), origin, origin),
        "whole",
    )
    condition = compiled(text)
    if isinstance(condition, FilterError):
        assert 0 <= condition.start <= condition.stop <= len(text)
    else:
        assert isinstance(condition(message, START), bool)


TESTS = st.sampled_from([text for text, _ in HOLDS])


@given(TESTS, TESTS)
def test_conditions_combine_as_in_logic(messages: dict[str, Message], one: str, other: str) -> None:
    first, second = compile_filter(one), compile_filter(other)
    for message in messages.values():
        a, b = first(message, START), second(message, START)
        assert compile_filter(f"({one}) and ({other})")(message, START) is (a and b)
        assert compile_filter(f"({one}) or ({other})")(message, START) is (a or b)
        assert compile_filter(f"not ({one})")(message, START) is (not a)


@pytest.mark.parametrize(
    "text",
    [
        " and ".join(["length"] * 5_000),
        " or ".join(["nal_types"] * 5_000),
        "not (" * 50 + "length" + ")" * 50,
        "0" + " < 2 > 1" * 5_000,
        "object" + ".a" * 30_000,
    ],
    ids=["and", "or", "nested", "chain", "path"],
)
def test_the_longest_expressions_are_evaluated(messages: dict[str, Message], text: str) -> None:
    condition = compile_filter(text)
    assert isinstance(condition(messages["command"], START), bool)


# Columns


def test_columns(messages: dict[str, Message]) -> None:
    def values(text: str, name: str) -> list[object]:
        return [column(messages[name], START) for column in compile_columns(text)]

    assert values("type,length,composition_time,name", "key") == ["video", 60_005, 167, ABSENT]
    assert [f"{value:f}" for value in values("time,start", "key")] == ["0.500000000", "0.000000000"]
    assert values("missing,packets.1", "audio") == [[[2, 4]], 12]
    assert values("object.when,object.nothing,args.1,args.3.deep,object.fpad", "command") == [
        "2023-11-14T22:13:20Z",
        None,
        {"$typed": "Status", "value": {"code": "NetStream.Publish.Start"}},
        [1, "two"],
        False,
    ]
    assert values("body", "ack") == [{"sequence_number": 4096}]
    assert values("family", "odd") == [ABSENT]


# Selections


@pytest.fixture(scope="module")
def recorded() -> list[rtmpsniff.Event]:
    return list(rtmpsniff.events(PUBLISH))


def test_a_condition_is_one_more_condition(recorded: list[rtmpsniff.Event]) -> None:
    keys = compile_filter('frame_type == "key"')
    shown = list(select(recorded, Selection(condition=keys)))
    assert shown == [event for event in recorded if isinstance(event, Message) and keys(event)]
    assert len(shown) >= 2
    assert list(select(recorded, Selection(condition=keys, count=1))) == shown[:1]
    assert list(select(recorded, Selection(condition=keys, types=frozenset({8})))) == []


def test_a_summary_keeps_all_that_is_no_message(recorded: list[rtmpsniff.Event]) -> None:
    shown = list(select_messages(recorded, Selection(condition=compile_filter("false"))))
    assert shown == [event for event in recorded if not isinstance(event, Message)]


def test_what_holds_of_messages_in_an_aggregate(message: MakeMessage) -> None:
    tag = bytes([9, 0, 0, 5]) + bytes(7) + b"\x17\x01\0\0\0" + (16).to_bytes(4, "big")
    aggregate = message(AGGREGATE, tag * 2)

    def chosen(text: str, **more: Any) -> list[int]:
        selection = Selection(condition=compile_filter(text), **more)
        return [one.message_type_id for one in select([aggregate], selection) if isinstance(one, Message)]

    assert chosen('frame_type == "key"') == [9, 9]
    assert chosen('type == "aggregate"') == [22]
    assert chosen("length > 0") == [22]
    assert chosen('type == "audio"') == []
    assert chosen('frame_type == "key"', types=frozenset({9})) == [9, 9]
    assert chosen('frame_type == "key"', types=frozenset({22})) == []
