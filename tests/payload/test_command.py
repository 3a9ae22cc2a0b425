from __future__ import annotations

import pytest

from rtmpsniff.findings import Severity
from rtmpsniff.payload.bodies import Body, decode
from rtmpsniff.payload.command import Command, Data
from rtmpsniff.payload.values import UNDEFINED, Object, Vector
from tests.build import Amf3, Bare, LongString, amf0
from tests.build_amf3 import amf3

CASES: list[tuple[int, bytes, Body]] = [
    # captured from nginx-rtmp
    (
        20,
        bytes.fromhex("0200075f726573756c7400401000000000000005003ff0000000000000"),
        Command("_result", 4.0, None, (1.0,)),
    ),
    (
        18,
        bytes.fromhex("0200117c52746d7053616d706c6541636365737301010101"),
        Data("|RtmpSampleAccess", (True, True)),
    ),
    (20, amf0("connect", 1, {"app": "live"}), Command("connect", 1.0, Object([("app", "live")]))),
    (20, amf0("connect", 1, {}, "user", [1]), Command("connect", 1.0, Object(), ("user", [1.0]))),
    (20, amf0("publish", 5, None, "key", "live"), Command("publish", 5.0, None, ("key", "live"))),
    (20, amf0("createStream", -1.5), Command("createStream", -1.5)),
    (20, amf0("call", 0, "no object"), Command("call", 0.0, "no object")),
    (20, amf0("", 0, None), Command("", 0.0)),
    (18, amf0("@setDataFrame", "onMetaData", {}), Data("@setDataFrame", ("onMetaData", Object()))),
    (18, amf0("onCuePoint"), Data("onCuePoint")),
    (18, amf0("h", None, Bare(6)), Data("h", (None, UNDEFINED))),
]


@pytest.mark.parametrize(("type_id", "data", "body"), CASES)
def test_bodies(type_id: int, data: bytes, body: Body) -> None:
    got = decode(type_id, data)
    assert got.body == body
    assert got.findings == ()


def test_the_names_of_the_fields() -> None:
    fields = decode(20, amf0("publish", 5, None, "key", "live")).fields
    names = ["command name", "transaction", "command object", "argument 1", "argument 2"]
    assert [field.name for field in fields] == names
    assert [field.label for field in fields] == ['"publish"', "5", "null", '"key"', '"live"']
    fields = decode(18, amf0("@setDataFrame", "onMetaData", {})).fields
    assert [field.name for field in fields] == ["handler name", "argument 1", "argument 2"]


NO_TRANSACTION = "a command without a transaction number"
SELECTOR = "A format selector before AMF0, which only AMF3 messages have"
AFTER = "3 bytes after the end of the body"


@pytest.mark.parametrize(
    ("type_id", "data", "body", "severity", "title"),
    [
        (20, b"\0" + amf0("connect", 1, {}), Command("connect", 1.0, Object()), Severity.NOTE, SELECTOR),
        (18, b"\0" + amf0("h", 1), Data("h", (1.0,)), Severity.NOTE, SELECTOR),
        (20, amf0("onFCPublish", None, {}), Command("onFCPublish", None, None, (Object(),)), None, NO_TRANSACTION),
        (20, amf0("close"), Command("close"), None, NO_TRANSACTION),
        (20, amf0(1, "a"), Command(args=(1.0, "a")), None, "The body has no command name"),
        (18, amf0(None, "a"), Data(args=(None, "a")), None, "The body has no handler name"),
        (20, b"", Command(), Severity.NOTE, "The body has no command name"),
        (18, b"", Data(), Severity.NOTE, "The body has no handler name"),
        (20, amf0("a", 1, {}) + b"\0\0\x09", Command("a", 1.0, Object()), Severity.NOTE, AFTER),
        (18, amf0("a") + b"\0\0\x09", Data("a"), Severity.NOTE, AFTER),
    ],
)
def test_what_is_tolerated(type_id: int, data: bytes, body: Body, severity: Severity | None, title: str) -> None:
    got = decode(type_id, data)
    assert got.body == body
    assert [(one.severity, one.title) for one in got.findings] == [(severity or Severity.WARNING, title)]


@pytest.mark.parametrize(
    ("type_id", "data", "body", "title"),
    [
        (
            20,
            amf0("connect", 1, {"app": "a", "tcUrl": "rtmp://localhost/SOSample"})[:-16],
            Command("connect", 1.0, Object([("app", "a")])),
            "connect > command object > tcUrl: needs 25 bytes, has 12",
        ),
        (20, amf0("connect", 1)[:-2], Command("connect"), "connect > transaction: needs 8 bytes, has 6"),
        (20, amf0("connect")[:-2], Command(), "command_amf0 > command name: needs 7 bytes, has 5"),
        (
            20,
            amf0("play", 2, None, "a", "bc")[:-1],
            Command("play", 2.0, None, ("a",)),
            "play > argument 2: needs 2 bytes, has 1",
        ),
        (
            20,
            amf0("play", 2, None, "a") + b"\x61\x05",
            Command("play", 2.0, None, ("a",)),
            "play > argument 2: AMF0 has no marker 0x61",
        ),
        (
            18,
            amf0("onMetaData", {"a": 1, "\n": [1, 2]})[:-4],
            Data("onMetaData", (Object([("a", 1.0), ("\n", [1.0])]),)),
            "onMetaData > argument 1 > \\n > [1]: needs 8 bytes, has 7",
        ),
        (18, amf0(["a", "b"])[:-1], Data(args=(["a"],)), "data_amf0 > argument 1 > [1]: needs 1 byte, has 0"),
        (
            18,
            amf0("x" * 100, "y")[:-1],
            Data("x" * 100),
            "x" * 59 + "… > argument 1: needs 1 byte, has 0",
        ),
        (20, amf0("a", 1) + b"\x11\x12", Command("a", 1.0), "a > command object: AMF3 has no marker 0x12"),
        (20, amf0("a", 1) + b"\x11", Command("a", 1.0), "a > command object: needs 1 byte, has 0"),
        (20, amf0("a", 1, None) + b"\x0a\x00", Command("a", 1.0), "a > argument 1: needs 4 bytes, has 1"),
    ],
)
def test_what_was_read_before_the_end_stays(type_id: int, data: bytes, body: Body, title: str) -> None:
    got = decode(type_id, data)
    assert got.body == body
    assert got.findings[-1].title == title
    assert got.findings[-1].rule.code == "amf.malformed"
    reason = title.rpartition(": ")[2]
    if got.fields[-1].name == "unread":
        assert got.fields[-1].label == reason
    assert got.findings[-1].evidence[0].text == reason


# The types for AMF3

NO_SELECTOR = "No format selector, which an AMF3 message begins with"


@pytest.mark.parametrize(
    ("type_id", "data", "body", "titles"),
    [
        (17, bytes.fromhex("0002000174000000000000000000110401"), Command("t", 0.0, 1), []),
        (17, b"\0" + amf0("t", 0, None, Amf3(b"\x04\x01"), 2), Command("t", 0.0, None, (1, 2.0)), []),
        (17, b"\0" + amf0("t", 0, {"a": Amf3(b"\x03")}), Command("t", 0.0, Object([("a", True)])), []),
        (15, b"\0" + amf0("onTextData", Amf3(amf3({"a": 1}))), Data("onTextData", (Object([("a", 1)]),)), []),
        (20, amf0("t", 1, Amf3(amf3({}))), Command("t", 1.0, Object()), []),
        (18, amf0("h", Amf3(b"\x01")), Data("h", (None,)), []),
        # all in AMF3 behind the switch
        (17, b"\0" + amf0(*[Amf3(amf3(value)) for value in ("t", 2, None)]), Command("t", 2.0), []),
        (17, b"\0" + amf0("t", Amf3(amf3(2.5))), Command("t", 2.5), []),
        (15, b"\0" + amf0(Amf3(amf3("h"))), Data("h"), []),
        # senders who do otherwise
        (17, amf0("t", 1, None, 5), Command("t", 1.0, None, (5.0,)), [NO_SELECTOR]),
        (15, amf0(LongString("h"), 5), Data("h", (5.0,)), [NO_SELECTOR]),
        (
            17,
            b"\3" + amf3("t", 1, {"t": 1}, [2], "t"),
            Command("t", 1.0, Object([("t", 1)]), ([2], "t")),
            ["Format selector 3, where only 0 is defined"],
        ),
        (17, b"\3" + amf0("t", 1), Command("t", 1.0), ["Format selector 3, where only 0 is defined"]),
        (15, b"\3" + amf3("h", 1.5), Data("h", (1.5,)), ["Format selector 3, where only 0 is defined"]),
        (15, b"\5" + amf0("h"), Data("h"), ["Format selector 5, where only 0 is defined"]),
        (
            15,
            b"\0" + amf0("h") + bytes.fromhex("0e0300ffffffff05"),
            Data("h", (Vector("uint", [0xFFFFFFFF]), None)),
            ["A vector without the marker for AMF3 (0x11) before it"],
        ),
        (17, b"", Command(), ["The body has no command name"]),
        (17, b"\0", Command(), ["The body has no command name"]),
        (15, b"\3", Data(), ["Format selector 3, where only 0 is defined", "The body has no handler name"]),
        (17, b"\0" + amf0("t"), Command("t"), [NO_TRANSACTION]),
        (15, b"\0" + amf0("h") + b"\0\0\x09", Data("h"), [AFTER]),
        (18, amf0("h") + b"\x0e", Data("h"), ["h > argument 1: a record set (0x0e) has no defined form"]),
    ],
)
def test_bodies_in_amf3(type_id: int, data: bytes, body: Body, titles: list[str]) -> None:
    got = decode(type_id, data)
    assert got.body == body
    assert [finding.title for finding in got.findings] == titles


@pytest.mark.parametrize(("data", "label"), [(b"\0", "0 AMF0"), (b"\3", "3 AMF3"), (b"\5", "5 unknown")])
def test_the_selector_is_a_field(data: bytes, label: str) -> None:
    first, *_ = decode(17, data + amf0("t", 1)).fields
    assert first[:5] == ("format selector", 0, 1, data[0], label)


def test_an_amf3_message_that_breaks_off() -> None:
    got = decode(17, b"\3" + amf3("t", 1, None, [1, "lost"])[:-1])
    assert got.body == Command("t", 1.0, None, ([1],))
    assert got.findings[-1].title == "t > argument 1 > [1]: needs 4 bytes, has 3"
    got = decode(15, b"\0" + amf0("h", Amf3(b"\x0c\x09a")))
    assert got.body == Data("h")
    assert got.findings[-1].title == "h > argument 1: needs 4 bytes, has 1"


def test_too_many_values_keep_those_before() -> None:
    got = decode(18, amf0("a") + b"\x05" * 70_000)
    assert isinstance(got.body, Data)
    assert len(got.body.args) == 65_535
    assert got.fields[-1].name == "unread"
    assert got.findings[0].severity is Severity.WARNING
