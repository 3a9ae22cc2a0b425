"""Shared object messages: every event, and whatever an event says of its length, the next one begins behind it."""

from __future__ import annotations

from struct import pack
from time import perf_counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtmpsniff.fields import Field, Role
from rtmpsniff.findings import Severity
from rtmpsniff.payload.bodies import Decoded, Unknown, decode
from rtmpsniff.payload.shared import EVENTS, MAX_PARTS, SharedObject, SharedObjectEvent
from rtmpsniff.payload.values import Date, Object
from tests.build import Amf3, amf0
from tests.payload.test_bodies import assert_nested, covered, leaves

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
Made = SharedObjectEvent


def head(name: str = "chat", version: int = 0, flags: int = 0) -> bytes:
    return key(name) + pack(">LLL", version, flags, 0)


def key(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return pack(">H", len(data)) + data


def event(number: int, body: bytes = b"", length: int | None = None) -> bytes:
    """An event, which may lie about its length."""
    return pack(">BL", number, len(body) if length is None else length) + body


def read(*events: bytes, type_id: int = 19) -> tuple[tuple[SharedObjectEvent, ...], Decoded]:
    """The events of a message, and all that was decoded."""
    decoded = decode(type_id, (b"\0" if type_id == 16 else b"") + head() + b"".join(events))
    assert isinstance(decoded.body, SharedObject)
    return decoded.body.events, decoded


def titles(decoded: Decoded) -> list[tuple[Severity, str]]:
    return [(finding.severity, finding.title) for finding in decoded.findings]


STATUS = "001a5368617265644f626a6563742e4e6f577269746541636365737300056572726f72"
VECTORS = [
    (
        "use",
        "0004636861740000000000000000000000000100000000",
        SharedObject("chat", events=(Made("use", 1),)),
    ),
    (
        "use, persistent",
        "00056e6f7465730000000000000002000000000100000000",
        SharedObject("notes", 0, True, (Made("use", 1),)),
    ),
    (
        "answer to use",
        "0004636861740000000500000000000000000b000000000800000000040000000c000161003ff0000000000000",
        SharedObject(
            "chat", 5, False, (Made("use_success", 11), Made("clear", 8), Made("change", 4, pairs=(("a", 1.0),)))
        ),
    ),
    (
        "request change",
        "000463686174000000050000000000000000030000000700016102000178",
        SharedObject("chat", 5, False, (Made("request_change", 3, pairs=(("a", "x"),)),)),
    ),
    (
        "success",
        "0004636861740000000600000000000000000500000003000161",
        SharedObject("chat", 6, False, (Made("success", 5, keys=("a",)),)),
    ),
    (
        "two slots in one event",
        "00046368617400000006000000000000000004000000110001610040000000000000000001620101",
        SharedObject("chat", 6, False, (Made("change", 4, pairs=(("a", 2.0), ("b", True))),)),
    ),
    (
        "send message",
        "000463686174000000000000000000000000060000001102000568656c6c6f004045000000000000",
        SharedObject("chat", events=(Made("send_message", 6, handler="hello", args=(42.0,)),)),
    ),
    (
        "status",
        f"0004636861740000000000000000000000000700000023{STATUS}",
        SharedObject("chat", events=(Made("status", 7, code="SharedObject.NoWriteAccess", level="error"),)),
    ),
    (
        "remove",
        "0004636861740000000700000000000000000900000003000161",
        SharedObject("chat", 7, False, (Made("remove", 9, keys=("a",)),)),
    ),
    (
        "request remove",
        "0004636861740000000700000000000000000a00000003000161",
        SharedObject("chat", 7, False, (Made("request_remove", 10, keys=("a",)),)),
    ),
    (
        "release",
        "0004636861740000000000000000000000000200000000",
        SharedObject("chat", events=(Made("release", 2),)),
    ),
    ("no event", "000463686174000000010000000000000000", SharedObject("chat", 1)),
    (
        "an unknown event",
        "0004636861740000000100000000000000000c00000002cafe",
        SharedObject("chat", 1, False, (Made("unknown_12", 12, data=b"\xca\xfe"),)),
    ),
]


@pytest.mark.parametrize(("data", "body"), [case[1:] for case in VECTORS], ids=[case[0] for case in VECTORS])
def test_vectors(data: str, body: SharedObject) -> None:
    decoded = decode(19, bytes.fromhex(data))
    assert decoded.body == body
    assert decoded.findings == ()
    assert covered(decoded.fields) == len(data) // 2


def test_every_event_has_a_vector() -> None:
    assert set(EVENTS) <= {event.event_id for _, _, body in VECTORS for event in body.events}


def test_type_16_begins_with_a_format_selector_and_its_values_may_be_of_amf3() -> None:
    decoded = decode(16, bytes.fromhex("00000463686174000000010000000000000000030000000600016b110405"))
    assert decoded.body == SharedObject("chat", 1, False, (Made("request_change", 3, pairs=(("k", 5),)),))
    assert decoded.findings == ()
    assert [(field.name, field.label) for field in decoded.fields[:2]] == [
        ("format selector", "0 AMF0"),
        ("name", '"chat"'),
    ]


def test_values_of_amf3_stand_in_type_19_too() -> None:
    events, decoded = read(event(4, key("k") + amf0(Amf3(bytes.fromhex("0607616263")))))
    assert events == (Made("change", 4, pairs=(("k", "abc"),)),)
    assert decoded.findings == ()


def test_after_format_selector_3_strings_are_those_of_amf3() -> None:
    change = bytes.fromhex("0361 0405 0361 06 00")  # "a" = 5, "a" = the string number 0, which is the object's name
    body = b"\x03" + b"\x09chat" + pack(">LLL", 7, 2, 0) + event(4, change)
    decoded = decode(16, body)
    assert decoded.body == SharedObject("chat", 7, True, (Made("change", 4, pairs=(("a", 5), ("a", "chat"))),))
    assert decoded.findings == ()


def test_an_unknown_format_selector_is_not_read() -> None:
    decoded = decode(16, b"\x07" + head())
    assert decoded.body == Unknown(b"\x07" + head())
    assert titles(decoded) == [(WARNING, "shared_object_amf3: format selector 7, where only 0 and 3 are known")]


def fields_of(field: Field) -> list[tuple[str, str, bool]]:
    return [(child.name, child.label, child.inline) for child in field.children]


def test_an_event_is_a_line_and_its_slots_are_lines_below_it() -> None:
    _, decoded = read(event(4, key("a") + amf0(True)), event(5, key("a")), event(7, key("Some.Code") + key("error")))
    assert [(*field[:3], field.label) for field in decoded.fields[:4]] == [
        ("name", 0, 6, '"chat"'),
        ("version", 6, 10, "0"),
        ("flags", 10, 14, "0 transient"),
        ("reserved", 14, 18, "0"),
    ]
    change, success, status = decoded.fields[4:]
    assert (change.name, change.start, change.stop, change.label) == ("event", 18, 28, "4 change, 5 bytes")
    assert fields_of(change) == [
        ("event type", "4 change", True),
        ("length", "5", True),
        ("property", "a", False),
    ]
    pair = change.children[2]
    assert pair.role is Role.PAIR
    assert [(child.name, child.label) for child in pair.children] == [("key", '"a"'), ("boolean", "true")]
    assert fields_of(success)[2:] == [("attribute", '"a"', False)]
    assert fields_of(status)[2:] == [("code", '"Some.Code"', False), ("level", '"error"', False)]


@pytest.mark.parametrize(("flags", "persistent"), [(0, False), (2, True), (1, False), (0x80000002, True)])
def test_flags(flags: int, persistent: bool) -> None:
    body = decode(19, head(flags=flags)).body
    assert isinstance(body, SharedObject)
    assert body.persistent is persistent


def test_values_of_every_kind() -> None:
    values = amf0({"n": None}), amf0([1, 2]), b"\x0b" + bytes(10)
    events, decoded = read(event(4, b"".join(key("k") + value for value in values)))
    assert events[0].pairs == (("k", Object([("n", None)])), ("k", [1.0, 2.0]), ("k", Date(0.0, 0)))
    assert decoded.findings == ()


def test_several_attributes_may_be_named_in_one_event() -> None:
    events, _ = read(event(9, key("a") + key("") + key("b")), event(5), event(4), event(10, key("c")))
    assert [(one.event, one.keys, one.pairs) for one in events] == [
        ("remove", ("a", "", "b"), None),
        ("success", (), None),
        ("change", None, ()),
        ("request_remove", ("c",), None),
    ]


def test_a_message_that_does_not_begin_with_a_name() -> None:
    events, decoded = read(event(6, amf0(1, "x")))
    assert events == (Made("send_message", 6, handler="", args=(1.0, "x")),)
    assert decoded.findings == ()


# Lengths that lie


AFTER = event(5, key("after"))
LIES = [
    ("value cut", event(4, key("a") + amf0(1), 5), [ERROR], "shared object > change: needs 8 bytes, has 1"),
    ("key past the end", event(5, b"\xff\xffab"), [ERROR], "shared object > success: needs 65 535 bytes, has 2"),
    ("half a length", event(9, b"\0"), [ERROR], "shared object > remove: needs 2 bytes, has 1"),
    ("no value", event(3, key("a")), [ERROR], "shared object > request_change: needs 1 byte, has 0"),
    ("no level", event(7, key("code")), [ERROR], "shared object > status: needs 2 bytes, has 0"),
    ("no handler", event(6), [ERROR], "shared object > send_message: needs 1 byte, has 0"),
    ("no marker", event(4, key("a") + b"\x42"), [WARNING], "shared object > change: AMF0 has no marker 0x42"),
    ("use that holds something", event(1, b"??"), [NOTE], "shared object > use: 2 bytes after the end of the event"),
    ("status with more", event(7, key("c") + key("l") + b"!"), [NOTE], "shared object > status: 1 byte after the end"),
]


@pytest.mark.parametrize(("wrong", "severities", "title"), [case[1:] for case in LIES], ids=[case[0] for case in LIES])
def test_what_is_wrong_in_an_event_ends_with_it(wrong: bytes, severities: list[Severity], title: str) -> None:
    length = int.from_bytes(wrong[1:5], "big")
    wrong = wrong[: 5 + length]
    events, decoded = read(event(1), wrong, AFTER)
    assert [one.event for one in events] == ["use", EVENTS[wrong[0]].name, "success"]
    assert events[2].keys == ("after",)
    assert [finding.severity for finding in decoded.findings] == severities
    assert decoded.findings[0].title.startswith(title)
    start = 18 + 5
    (evidence,) = decoded.findings[0].evidence
    assert start + 5 <= evidence.offset
    assert evidence.offset + evidence.length == start + len(wrong)
    assert_nested(decoded.fields, 0, 18 + 5 + len(wrong) + len(AFTER))


def test_what_was_read_of_an_event_stays() -> None:
    events, decoded = read(event(4, key("a") + amf0(1) + key("b") + b"\x42" + b"rest"))
    assert events == (Made("change", 4, pairs=(("a", 1.0),)),)
    rest = decoded.fields[4].children[-1]
    assert (rest.name, rest.role, rest.value) == ("unread", Role.UNREAD, b"\x42rest")
    assert rest.label == "AMF0 has no marker 0x42"


def test_what_was_read_of_a_container_stays() -> None:
    half = Object([("x", 1.0)])
    body = b"\x03" + key("x") + amf0(1) + key("y") + b"\x00"  # an object whose second number is not there
    for number, name in ((3, "request_change"), (4, "change")):
        events, decoded = read(event(number, key("a") + amf0(1) + key("b") + body), event(8))
        assert events == (Made(name, number, pairs=(("a", 1.0), ("b", half))), Made("clear", 8))
        assert titles(decoded) == [(ERROR, f"shared object > {name}: needs 8 bytes, has 0")]
    events, _ = read(event(6, amf0("say") + amf0(1) + body))
    assert events == (Made("send_message", 6, handler="say", args=(1.0, half)),)


def test_what_an_event_has_too_much_is_kept() -> None:
    events, _ = read(event(11, b"??"), event(8, b"!"))
    assert [one.data for one in events] == [b"??", b"!"]


def test_deep_values_do_not_make_later_ones_deeper() -> None:
    deep = event(4, key("a") + b"\x0a\0\0\0\x01" * 70)
    events, decoded = read(deep, deep, event(4, key("b") + amf0([[1]])))
    assert events[2].pairs == (("b", [[1.0]]),)
    assert titles(decoded) == [(WARNING, "shared object > change: values nested more than 64 deep")]


@pytest.mark.parametrize("length", [6, 0xFFFFFFFF])
def test_an_event_longer_than_its_message(length: int) -> None:
    events, decoded = read(event(1), event(5, key("abc"), length))
    assert events == (Made("use", 1), Made("success", 5, keys=("abc",)))
    claims = "shared object > success: claims {} bytes, has 5"
    assert titles(decoded) == [(ERROR, claims.format(f"{length:,}".replace(",", " ")))]


def test_each_kind_of_fault_is_told_once() -> None:
    _, decoded = read(*[event(5, b"\xff\xff")] * 50, *[event(1, b"x")] * 50)
    assert titles(decoded) == [
        (ERROR, "shared object > success: needs 65 535 bytes, has 0"),
        (NOTE, "shared object > use: 1 byte after the end of the event"),
    ]


# Messages that break off between events


BROKEN = [
    ("0004", Unknown(b"\0\4"), "shared_object_amf0 > name: needs 4 bytes, has 0"),
    ("", Unknown(b""), "shared_object_amf0 > name: needs 2 bytes, has 0"),
    ("00016100", SharedObject("a"), "shared_object_amf0 > version: needs 4 bytes, has 1"),
    ("00016100000007", SharedObject("a", 7), "shared_object_amf0 > flags: needs 4 bytes, has 0"),
    ("0001610000000700000002 0000", SharedObject("a", 7, True), "shared_object_amf0 > reserved: needs 4 bytes, has 2"),
    (
        "0001610000000700000002 00000000 0500",
        SharedObject("a", 7, True, (Made("success", 5),)),
        "shared_object_amf0 > success: needs 4 bytes, has 1",
    ),
    (
        "0001610000000700000000 00000000 0800000000 63",
        SharedObject("a", 7, False, (Made("clear", 8), Made("unknown_99", 99))),
        "shared_object_amf0 > unknown_99: needs 4 bytes, has 0",
    ),
]


@pytest.mark.parametrize(("data", "body", "title"), BROKEN)
def test_messages_that_break_off(data: str, body: object, title: str) -> None:
    decoded = decode(19, bytes.fromhex(data))
    assert decoded.body == body
    assert titles(decoded) == [(ERROR, title)]


# Anything


def test_a_name_is_safe_to_show() -> None:
    decoded = decode(19, key(b"\x1b[2J\xff") + bytes(12) + event(5, key("\u202e")))
    assert_nested(decoded.fields, 0, 38)
    assert decoded.fields[0].label == '"\\x1b[2J\\xff"'


numbers = st.one_of(st.integers(0, 13), st.integers(0, 255))
bodies = st.lists(
    st.sampled_from([key("a"), key(""), amf0(1), amf0({"a": [1]}), amf0("f"), b"\x11\x04\x05", b"\xff", b"\0\0\x09"]),
    max_size=5,
).map(b"".join)
lengths = st.one_of(st.none(), st.integers(0, 40), st.sampled_from([0xFFFFFFFF, 0x80000000]))
messages = st.lists(st.builds(event, numbers, bodies | st.binary(max_size=20), lengths), max_size=6).map(b"".join)


@given(st.sampled_from([16, 19]), st.sampled_from([b"", b"\0", b"\3"]), messages | st.binary(max_size=60))
@example(19, b"", event(6, b"", 0xFFFFFFFF))
def test_any_bytes_have_an_answer_that_accounts_for_each_of_them(type_id: int, selector: bytes, rest: bytes) -> None:
    payload = selector + head() + rest
    decoded = decode(type_id, payload)
    assert_nested(decoded.fields, 0, len(payload))
    assert covered(decoded.fields) == len(payload)
    spans = sorted({(field.start, field.stop) for field in leaves(decoded.fields)})
    assert [start for start, _ in spans] == [0, *(stop for _, stop in spans)][: len(spans)]
    for finding in decoded.findings:
        assert finding.title.isprintable()
        assert all(0 <= one.offset <= one.offset + one.length <= len(payload) for one in finding.evidence)


HOSTILE = [
    ("empty events", event(1) * 300_000),
    ("empty keys", event(5, bytes(2_000_000))),
    ("empty events and keys", event(9, bytes(4)) * 200_000),
    ("nulls", event(4, (key("") + b"\x05") * 500_000)),
    ("events broken off", event(4, key("") + b"\xff") * 200_000),
    ("arguments", event(6, amf0("f") + b"\x05" * 1_000_000)),
    ("2^32 elements", event(4, key("a") + b"\x0a\xff\xff\xff\xff" + b"\x05" * 1_000_000)),
    ("a lying length in each", event(1, b"", 0xFFFFFFFF) * 100_000),
]


@pytest.mark.parametrize("rest", [case[1] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_messages_end_soon_and_stay_small(rest: bytes) -> None:
    began = perf_counter()
    payload = head() + rest
    body, fields, findings = decode(19, payload)
    assert perf_counter() - began < 30  # far more than it takes, and far less than a blow-up would
    assert covered(fields) == len(payload)
    assert len(findings) <= 4
    assert isinstance(body, SharedObject)
    parts = sum(1 + len(one.pairs or ()) + len(one.keys or ()) for one in body.events)
    assert parts <= MAX_PARTS
    assert len(leaves(fields)) < 8 * MAX_PARTS
