from __future__ import annotations

import gc
import json
import math
import warnings
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from time import process_time
from typing import Any, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import rtmpsniff
from rtmpsniff.fields import Cursor, Field, Malformed, Role, Truncated, Unreadable
from rtmpsniff.findings import Finding, Severity
from rtmpsniff.payload.amf import MAX_DEPTH, MAX_VALUES
from rtmpsniff.payload.amf0 import Amf0
from rtmpsniff.payload.amf3 import MOST_ITEMS, READERS, Amf3
from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.command import Command, Data
from rtmpsniff.payload.plain import Json, plain
from rtmpsniff.payload.values import (
    UNDEFINED,
    Array,
    Date,
    Dictionary,
    Externalizable,
    Object,
    Reference,
    Value,
    Vector,
    Xml,
)
from tests import build
from tests import build_amf3 as b3
from tests.build_amf3 import amf3, u29
from tests.proportion import grows_gently

T = TypeVar("T")

FIXTURES = Path(__file__).parents[2].parent / "shared" / "captures" / "fixtures"


def read(data: bytes) -> tuple[Value, Field, list[Finding]]:
    """The one value that `data` is, its field, and what was found."""
    cursor, findings = Cursor(data), list[Finding]()
    value = Amf3(cursor, findings).value()
    (field,) = cursor.fields
    assert (field.start, field.stop) == (0, len(data))
    return value, field, findings


def parts(field: Field) -> list[tuple[str, int, int, str]]:
    return [(child.name, child.start, child.stop, child.label) for child in field.children]


def names(field: Field) -> list[str]:
    return [child.name for child in field.children]


UUID, OTHER_UUID = bytes(range(16)), bytes(range(16, 32))
COLLECTION = "flex.messaging.io.ArrayCollection"

CASES: list[tuple[str, Value, str]] = [
    ("undefined", UNDEFINED, "00"),
    ("null", None, "01"),
    ("false", False, "02"),
    ("true", True, "03"),
    ("0", 0, "0400"),
    ("127", 127, "047f"),
    ("128", 128, "048100"),
    ("16383", 16383, "04ff7f"),
    ("16384", 16384, "04818000"),
    ("2097151", 2097151, "04ffff7f"),
    ("2097152", 2097152, "0480c08000"),
    ("268435455", 268435455, "04bfffffff"),
    ("-1", -1, "04ffffffff"),
    ("-268435456", -268435456, "04c0808000"),
    ("1", 1, "04808001"),  # longer than need be, as is the next
    ("1", 1, "0480808001"),
    ("1.5", 1.5, "053ff8000000000000"),
    ("nan", math.nan, "057ff8000000000000"),
    ('"abc"', "abc", "0607616263"),
    ('"abc"', "abc", "068007616263"),
    ('""', "", "0601"),
    ('""', "", "0680808001"),
    ('"\\xff\\x1b"', "\udcff\x1b", "0605ff1b"),
    ("array, 2 elements", [1, 2], "09050104010402"),
    ("array, 0 elements", [], "090101"),
    ("array, 0 elements", [], "09018001"),  # a longer empty key
    ("array, 1 named entry and 1 element", Array([("k", "v")], dense=[5]), "0903036b060376010405"),
    ("array, 2 named entries and 0 elements", Array([("k", None), ("k", True)]), "0901036b01000301"),
    ("array, 2 elements", ["ab", "ab"], "090501060561620600"),
    ("2023-11-14T22:13:20Z", Date(1.7e12, None), "08014278bcfe56800000"),
    ("nan ms since 1970", Date(math.nan, None), "08017ff8000000000000"),
    ('"<a/>"', Xml("<a/>"), "07093c612f3e"),
    ('"<a/>"', Xml("<a/>", legacy=False), "0b093c612f3e"),
    ('""', Xml("", legacy=False), "0b01"),
    ("3 bytes: 00 01 02", b"\0\1\2", "0c07000102"),
    ("0 bytes", b"", "0c01"),
    ("17 bytes: " + "61 " * 16 + "...", b"a" * 17, "0c23" + "61" * 17),
    ("object, 1 property", Object([("a", 1)]), "0a0b010361040101"),
    ("object, 0 properties", Object(), "0a0301"),
    ('object of class "P", 2 properties', Object([("x", 1), ("y", 2)], "P"), "0a2303500378037904010402"),
    ('object of class "P", 2 properties', Object([("x", 1), ("y", 2)], "P"), "0a1b03500378040103790402" + "01"),
    (
        "array, 2 elements",
        [Object([("x", 1), ("y", 2)], "P"), Object([("x", 3), ("y", 4)], "P")],
        "0905010a23035003780379040104020a0104030404",
    ),
    ("array, 2 elements", [Object([("a", 1)]), Reference(1)], "0905010a0b0103610401010a02"),
    (
        f'externalizable object of class "{COLLECTION}"',
        Externalizable([("source", [1])], COLLECTION),
        "0a0743666c65782e6d6573736167696e672e696f2e4172726179436f6c6c656374696f6e0903010401",
    ),
    ("vector of int, fixed, 2 elements", Vector("int", [1, -1], True), "0d050100000001ffffffff"),
    ("vector of uint, 1 element", Vector("uint", [4294967295]), "0e0300ffffffff"),
    ("vector of double, 1 element", Vector("double", [0.5]), "0f03003fe0000000000000"),
    ("vector of any type, 1 element", Vector("object", [True]), "1003000103"),
    ('vector of "P", fixed, 0 elements', Vector("object", [], True, "P"), "1001010350"),
    ("dictionary, 1 entry", Dictionary([("k", 1)]), "11030006036b0401"),
    ("dictionary with weak keys, 1 entry", Dictionary([([], None)], weak=True), "11030109010101"),
    (
        'externalizable object of class "DSK"',
        Externalizable(
            [("body", "ok"), ("timestamp", 1.7e12), ("messageIdBytes", UUID), ("correlationIdBytes", OTHER_UUID)], "DSK"
        ),
        (
            "0a070744534ba10206056f6b054278bcfe568000000c21000102030405060708090a0b0c0d0e0f"
            "020c21101112131415161718191a1b1c1d1e1f00"
        ),
    ),
    ('externalizable object of class "DSC"', Externalizable([("operation", 5)], "DSC"), "0a07074453430000010405"),
    (
        'externalizable object of class "DSA"',
        Externalizable([("clientId", "cid"), ("correlationId", "corr")], "DSA"),
        "0a0707445341020607636964010609636f7272",
    ),
]


@pytest.mark.parametrize(("label", "value", "data"), CASES, ids=[data for _, _, data in CASES])
def test_values(label: str, value: Value, data: str) -> None:
    got, field, findings = read(bytes.fromhex(data))
    assert repr(got) == repr(value)  # repr: NaN is itself, and True is not 1
    assert repr(field.value) == repr(value)
    assert field.label == label
    assert findings == []


@pytest.mark.parametrize("data", [data for _, _, data in CASES])
def test_values_after_a_switch_from_amf0(data: str) -> None:
    alone, field, _ = read(bytes.fromhex(data))
    cursor, findings = Cursor(b"\x11" + bytes.fromhex(data)), list[Finding]()
    assert repr(Amf0(cursor, findings).value()) == repr(alone)
    (switched,) = cursor.fields
    assert switched[:3] == (field.name, 0, len(data) // 2 + 1)
    assert (switched.label, switched.role) == (field.label, field.role)
    assert [child.label for child in switched.children[:2]] == ["AMF3 value", field.children[0].label]
    assert findings == []
    cursor = Cursor(b"\x11" + bytes.fromhex(data))
    Amf0(cursor, []).value("argument 1")
    assert cursor.fields[0].name == "argument 1"


# What the bytes are


def test_a_scalar_says_what_its_bytes_are() -> None:
    _, field, _ = read(bytes.fromhex("0607616263"))
    assert (field.name, field.role) == ("string", Role.TEXT)
    assert parts(field) == [("marker", 0, 1, "string"), ("length", 1, 2, "3"), ("text", 2, 5, '"abc"')]
    assert [child.role for child in field.children] == [Role.MARKER, Role.PREFIX, Role.TEXT]
    assert all(child.inline for child in field.children)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("04ffffffff", [("integer", 1, 5, "-1")]),
        ("053ff8000000000000", [("double", 1, 9, "1.5")]),
        ("08014278bcfe56800000", [("flags", 1, 2, "0"), ("milliseconds", 2, 10, "1700000000000.0")]),
        ("0c07000102", [("length", 1, 2, "3"), ("bytes", 2, 5, "")]),
        ("07033c", [("length", 1, 2, "1"), ("text", 2, 3, '"<"')]),
    ],
)
def test_the_parts_of_scalars(data: str, expected: list[tuple[str, int, int, str]]) -> None:
    _, field, _ = read(bytes.fromhex(data))
    assert parts(field)[1:] == expected
    assert all(child.inline for child in field.children)


def test_a_class_is_described_before_its_first_object() -> None:
    _, field, _ = read(bytes.fromhex("0a 2b 0350 0378 0379 0401 0402 0361 03 01"))
    assert parts(field) == [
        ("marker", 0, 1, "object"),
        ("traits", 1, 2, "new traits, 2 members, dynamic"),
        ("class", 2, 4, '"P"'),
        ("member", 4, 6, '"x"'),
        ("member", 6, 8, '"y"'),
        ("property", 8, 10, "x"),
        ("property", 10, 12, "y"),
        ("property", 12, 15, "a"),
        ("end", 15, 16, "end of object"),
    ]
    assert [child.inline for child in field.children] == [True, True, *[False] * 7]
    assert {child.role for child in field.children[2:5]} == {Role.KEY}
    sealed, dynamic = field.children[5], field.children[7]
    assert parts(sealed) == [("x", 8, 10, "1")]  # the name stands elsewhere, so the value bears it
    assert parts(dynamic) == [("key", 12, 14, '"a"'), ("boolean", 14, 15, "true")]
    assert (sealed.role, sealed.value) == (dynamic.role, "x") == (Role.PAIR, "x")


def test_named_entries_come_before_the_elements() -> None:
    _, field, _ = read(bytes.fromhex("0903036b060376010405"))
    assert names(field) == ["marker", "count", "property", "end", "integer"]
    assert field.children[3].label == "end of named entries"


def test_entries_of_a_dictionary_have_keys_of_any_type() -> None:
    value, field, _ = read(amf3(b3.Dictionary([({"a": 1}, "object"), (1.5, "number"), ("", None)])))
    assert value == Dictionary([(Object([("a", 1)]), "object"), (1.5, "number"), ("", None)])
    entries = [child for child in field.children if child.name == "entry"]
    assert [entry.label for entry in entries] == ["[0]", "[1]", "[2]"]
    assert [names(entry) for entry in entries] == [["key", "value"]] * 3


def test_the_first_numbers_of_a_vector_have_a_field_each() -> None:
    count = MOST_ITEMS + 3
    value, field, _ = read(amf3(b3.Vector("int", range(-1, count - 1))))
    assert value == Vector("int", list(range(-1, count - 1)))
    shown = [child for child in field.children if not child.inline]
    assert shown[0][:5] == ("int", 4, 8, -1, "-1")
    assert len(shown) == MOST_ITEMS + 1
    assert (shown[-1].name, shown[-1].label) == ("elements", "3 elements more")
    assert shown[-1].stop == field.stop


# Later mentions


def labels(data: bytes) -> list[str]:
    _, field, _ = read(data)
    return [child.label for child in field.children if not child.inline]


THING = {"a": 1}
NO_FLAGS = b3.Raw(b"\0\0\0")
REFERENCES: list[tuple[str, object, str, Value]] = [
    ("object", THING, "reference 1 (the object at byte 3)", Reference(1)),
    ("class", b3.Typed("P", {}), 'reference 1 (the object of class "P" at byte 3)', Reference(1)),
    ("array", [1], "reference 1 (the array at byte 3)", Reference(1)),
    ("mixed", b3.Mixed({"a": 1}), "reference 1 (the array at byte 3)", Reference(1)),
    ("vector", b3.Vector("int", [1]), "reference 1 (the vector of int at byte 3)", Reference(1)),
    ("objects", b3.Vector("object", []), "reference 1 (the vector of object at byte 3)", Reference(1)),
    ("dictionary", b3.Dictionary([]), "reference 1 (the dictionary at byte 3)", Reference(1)),
    ("external", b3.External("DSC", [NO_FLAGS]), 'reference 1 (the object of class "DSC" at byte 3)', Reference(1)),
    ("date", build.Date(0), "1970-01-01T00:00:00Z (reference 1, from byte 3)", Date(0, None)),
    ("xml", b3.Xml("<a/>"), '"<a/>" (reference 1, from byte 3)', Xml("<a/>", legacy=False)),
    ("xml document", b3.Xml("<a/>", 7), '"<a/>" (reference 1, from byte 3)', Xml("<a/>")),
    ("bytes", b"\xff\0", "2 bytes: ff 00 (reference 1, from byte 3)", b"\xff\0"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("thing", "label", "value"), [case[1:] for case in REFERENCES], ids=[case[0] for case in REFERENCES]
)
def test_what_is_mentioned_again(thing: object, label: str, value: Value) -> None:
    data = amf3([thing, thing])
    got, field, findings = read(data)
    assert isinstance(got, list)
    assert got[1] == value
    assert findings == []
    last = field.children[-1]
    assert (last.label, last.role) == (label, Role.NUMBER)
    assert [child.label for child in last.children[1:]] == ["1"]
    if isinstance(value, Reference):
        assert last.name == "reference"
        assert isinstance(got[1], Reference)
        assert got[1].target is got[0]
    else:
        assert got[1] is got[0]


def test_strings_keys_and_names_of_classes_share_a_table() -> None:
    data = amf3(
        ["name", {"name": "key"}, b3.Typed("name", {"key": "member"}), "member", b3.Vector("object", [], False, "key")]
    )
    value, field, findings = read(data)
    assert value == [
        "name",
        Object([("name", "key")]),
        Object([("key", "member")], "name"),
        "member",
        Vector("object", [], False, "key"),
    ]
    assert findings == []
    typed = next(child for child in field.children if child.label.startswith("object of"))
    assert typed.label == 'object of class "name" (string reference 0), 1 property'
    assert [child.label for child in typed.children[2:4]] == [
        '"name" (string reference 0)',
        '"key" (string reference 1)',
    ]
    assert field.children[-2].label == '"member" (string reference 2)'


def test_the_empty_string_has_no_number() -> None:
    assert read(bytes.fromhex("09 07 01 0601 060361 0600"))[0] == ["", "a", "a"]


def test_a_text_is_the_very_text_again() -> None:
    value, _, _ = read(amf3(["x" * 300, {"x" * 300: 0}]))
    assert isinstance(value, list)
    text, thing = value
    assert isinstance(thing, Object)
    assert thing.pairs[0][0] is text


def test_traits_name_the_class_again() -> None:
    one, two = b3.Typed("P", {"x": 1}, {"y": 2}), b3.Typed("P", {"x": 3}, {})
    assert labels(amf3([one, two])) == [
        'object of class "P", 2 properties',
        'object of class "P" (traits reference 0), 1 property',
    ]
    external = b3.External("DSC", [NO_FLAGS]), b3.External("DSC", [NO_FLAGS])
    assert labels(amf3(list(external)))[1] == 'externalizable object of class "DSC" (traits reference 0)'
    assert labels(amf3([{}, {}]))[1] == "object (traits reference 0), 0 properties"


def test_later_mentions_are_short() -> None:
    long = "x" * 300
    shown = '"' + "x" * 80 + '..."'
    assert labels(amf3([long, long]))[1] == f"{shown} (string reference 0)"
    xml = b3.Xml(long)
    assert labels(amf3([xml, xml]))[1] == f"{shown} (reference 1, from byte 3)"
    _, field, _ = read(amf3([long, {long: 1}, b3.Typed(long, {long: 2})]))
    dynamic, sealed = field.children[-2:]
    assert dynamic.children[-2].label == "x" * 80 + "..."
    assert sealed.children[-1].children[0].name == "x" * 80 + "..."


CYCLES: list[tuple[str, Value]] = [
    ("09030109 00", [Reference(0)]),
    ("0a13010941414141 0a00", Object([("AAAA", Reference(0))])),
    ("0a0b01 0361 0a00 01", Object([("a", Reference(0))])),
    ("1007010101011000", Vector("object", [None, None, Reference(0)], True)),
    ("110300 1100 1100", Dictionary([(Reference(0), Reference(0))])),
    ("0901 036b 0900 01", Array([("k", Reference(0))])),
]


@pytest.mark.parametrize(("data", "value"), CYCLES)
def test_a_thing_may_hold_itself(data: str, value: Value) -> None:
    got, _, findings = read(bytes.fromhex(data))
    assert repr(got) == repr(value)
    assert findings == []


NOTHING = "A reference leads to nothing"
NO_STRING = "A string reference leads to nothing"
OTHER_TYPE = "A reference has the marker of another type"


@pytest.mark.parametrize(
    ("data", "value", "label", "title"),
    [
        ("090301 0a04", Reference(2), "reference 2 (to nothing)", NOTHING),
        ("090301 0802", Reference(1), "reference 1 (to nothing)", NOTHING),
        ("090301 0600", Reference(0, table="string"), "string reference 0 (to nothing)", NO_STRING),
        ("090301 0a00", Reference(0), "reference 0 (the array at byte 0)", OTHER_TYPE),
    ],
)
def test_mentions_that_are_wrong(data: str, value: Value, label: str, title: str) -> None:
    got, field, findings = read(bytes.fromhex(data))
    assert got == [value]
    assert field.children[-1].label == label
    assert [(one.severity, one.title) for one in findings] == [(Severity.WARNING, title)]
    (evidence,) = findings[0].evidence
    assert 3 <= evidence.offset < evidence.offset + evidence.length == 5


def test_a_key_that_leads_to_nothing() -> None:
    value, field, findings = read(bytes.fromhex("0a0b01 0a 03 01"))
    assert value == Object([("", True)])
    assert field.children[3].children[0].label == "string reference 5 (to nothing)"
    assert [one.title for one in findings] == [NO_STRING]


def test_the_older_xml_may_be_mentioned_as_the_newer() -> None:
    value, _, findings = read(bytes.fromhex("090501 07033c 0b02"))
    assert value == [Xml("<"), Xml("<")]
    assert findings == []


# Several values of one message


def test_the_values_of_a_message_share_their_tables() -> None:
    writer = b3.Writer()
    thing = {"key": "text"}
    sent = [b"\x11" + writer.value(value) for value in (thing, [thing], "text", b3.Typed("key", {"key": 1}))]
    cursor, findings = Cursor(b"".join(sent)), list[Finding]()
    amf = Amf0(cursor, findings)
    first, second, third, fourth = (amf.value() for _ in sent)
    assert second == [Reference(0, None)]
    assert isinstance(second, list)
    assert isinstance(second[0], Reference)
    assert second[0].target is first
    assert third == "text"
    assert fourth == Object([("key", 1)], "key")
    assert findings == []


def test_a_sender_that_begins_its_tables_anew() -> None:
    """Shared tables would make the array's first element the date that was sent before."""
    cursor, findings = Cursor(b"\x11" + amf3(build.Date(0)) + b"\x11" + bytes.fromhex("09 03 01 0900")), list[Finding]()
    amf = Amf0(cursor, findings)
    amf.value()
    value = amf.value()
    assert isinstance(value, list)
    assert isinstance(value[0], Reference)
    assert value[0].target is value
    assert findings == []


def test_amf3_inside_an_amf0_container() -> None:
    data = build.amf0({"a": build.Amf3(amf3({"b": 1})), "c": [build.Amf3(b"\x04\x05")]})
    cursor = Cursor(data)
    assert Amf0(cursor, []).value() == Object([("a", Object([("b", 1)])), ("c", [5])])
    assert cursor.left == 0


BARE: list[tuple[str, str, Value]] = [
    ("int, at the end", "0d050100000001ffffffff", Vector("int", [1, -1], True)),
    ("uint", "0e0300ffffffff 05", Vector("uint", [4294967295])),
    ("uint, empty", "0e0100 05", Vector("uint")),
    ("double", "0f03003fe0000000000000 05", Vector("double", [0.5])),
    ("object", "1003000103 05", Vector("object", [True])),
]


@pytest.mark.parametrize(("data", "value"), [case[1:] for case in BARE], ids=[case[0] for case in BARE])
def test_vectors_without_a_switch(data: str, value: Value) -> None:
    findings: list[Finding] = []
    assert Amf0(Cursor(bytes.fromhex(data)), findings, mixed=True).value() == value
    assert [one.title for one in findings] == ["A vector without the marker for AMF3 (0x11) before it"]


@pytest.mark.parametrize(
    "data",
    [
        build.amf0(build.UNSUPPORTED),
        build.amf0(build.UNSUPPORTED, 1, "a"),
        build.amf0(build.UNSUPPORTED, {"a": 1}),
        build.amf0(build.Xml("<a/>")),
        build.amf0(build.Xml("")),
        build.amf0(build.Typed("Foo", {"x": 1})),
        build.amf0(build.Typed("", {})),
    ],
)
def test_amf0_values_are_no_vectors(data: bytes) -> None:
    """In a message where vectors may stand without a switch."""
    values, findings = [], list[Finding]()
    for mixed in (False, True):
        cursor = Cursor(data)
        amf = Amf0(cursor, findings, mixed=mixed)
        values.append([amf.value() for _ in range(1 if cursor.data[0] != 0x0D else data.count(b"\x0d"))])
    assert repr(values[0]) == repr(values[1])
    assert findings == []


@pytest.mark.parametrize("data", ["0e", "0e03", "0e0300ffff", "0e0302ffffffff", "0e0200ffffffff"])
def test_what_is_no_vector_stays_a_record_set(data: str) -> None:
    with pytest.raises(Malformed, match="record set"):
        Amf0(Cursor(bytes.fromhex(data)), [], mixed=True).value()


def test_keys_and_values_for_those_who_read_without_a_message() -> None:
    cursor = Cursor(bytes.fromhex("0361 0405 00 0600"))  # as in a file of shared objects
    amf = Amf3(cursor, [])
    assert (amf.key().text, amf.value(), amf.key("name").text, amf.value()) == ("a", 5, "a", "a")
    assert [field.name for field in cursor.fields] == ["key", "integer", "name", "string"]


# What cannot be read

BROKEN = [
    ("", Truncated, "value needs 1 bytes, has 0"),
    ("04", Truncated, "integer needs 1 bytes, has 0"),
    ("04 ffffff", Truncated, "integer needs 4 bytes, has 3"),
    ("05 3ff0", Truncated, "double needs 8 bytes, has 2"),
    ("06", Truncated, "length needs 1 bytes, has 0"),
    ("06 ff", Truncated, "length needs 2 bytes, has 1"),
    ("06 07 61", Truncated, "text needs 3 bytes, has 1"),
    ("06 ffffffff 61", Truncated, "text needs 268435455 bytes, has 1"),
    ("07 07 61", Truncated, "text needs 3 bytes, has 1"),
    ("0c ffffffff 61", Truncated, "bytes needs 268435455 bytes, has 1"),
    ("08 01 00", Truncated, "milliseconds needs 8 bytes, has 1"),
    ("09 ffffffff 01 01 01", Malformed, "claims 268 435 455 elements, has 2"),
    ("09 03", Truncated, "length needs 1 bytes, has 0"),
    ("09 03 03", Truncated, "text needs 1 bytes, has 0"),
    ("0a", Truncated, "traits needs 1 bytes, has 0"),
    ("0a 05", Malformed, "traits reference 1 leads to nothing"),
    ("0a 0b", Truncated, "length needs 1 bytes, has 0"),
    ("0a 0b 01 0361", Truncated, "value needs 1 bytes, has 0"),
    ("0a ffffffff 01", Malformed, 'only the class "" knows how its bytes are read'),
    ("0a fffffffb 01", Truncated, "length needs 1 bytes, has 0"),
    ("0d ffffffff 00 00000001 0000", Malformed, "claims 268 435 455 elements, has 1"),
    ("0d 03", Truncated, "fixed needs 1 bytes, has 0"),
    ("10 ffffffff 00 01 03", Malformed, "claims 268 435 455 elements, has 1"),
    ("11 ffffffff 00 01 03", Malformed, "claims 268 435 455 entries, has 1"),
    ("11 03 00 01", Truncated, "value needs 1 bytes, has 0"),
    ("0a 07 07445343" + "ff" * 9, Malformed, "more than 8 bytes of flags"),
    ("12", Malformed, "AMF3 has no marker 0x12"),
    ("7b", Malformed, "AMF3 has no marker 0x7b"),
]


@pytest.mark.parametrize(("data", "error", "text"), BROKEN)
def test_values_that_cannot_be_read(data: str, error: type[Unreadable], text: str) -> None:
    with pytest.raises(error) as caught:
        Amf3(Cursor(bytes.fromhex(data)), []).value()
    assert str(caught.value) == text


@pytest.mark.parametrize("data", [b"\x11", b"\x11\x12"])
def test_a_switch_to_nothing(data: bytes) -> None:
    cursor = Cursor(data)
    with pytest.raises(Unreadable):
        Amf0(cursor, []).value("argument 1")
    assert (cursor.path, cursor.fields[0].value) == (["argument 1"], None)
    assert decode(20, build.amf0("f", 1, None) + data).body == Command("f", 1.0)


def test_the_path_to_where_reading_broke_off() -> None:
    sealed = b3.Typed("P", {"x": b3.Mixed({"k\n": [b3.Dictionary([("key", "lost")])]})})
    cursor = Cursor(amf3(sealed)[:-2])
    with pytest.raises(Truncated):
        Amf3(cursor, []).value("argument 1")
    assert [part for part in cursor.path if part] == ["argument 1", "x", "k\\n", "[0]", "[0]", "value"]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"a": 1, "b": "lost"}, Object([("a", 1)])),
        ([1, "lost"], [1]),
        (b3.Mixed({"a": 1}, ["lost"]), Array([("a", 1)])),
        (b3.Typed("P", {"a": 1, "b": "lost"}), Object([("a", 1)], "P")),
        (b3.Vector("object", [1, "lost"]), Vector("object", [1])),
        (b3.Vector("double", [1.0, 2.0]), Vector("double", [1.0])),
        (b3.Dictionary([(1, 2), (3, "lost")]), Dictionary([(1, 2)])),
        (b3.External("DSC", [b3.Raw(b"\x03"), 1, "lost"]), Externalizable([("body", 1)], "DSC")),
    ],
)
def test_what_was_read_of_a_container_stays(value: object, kept: Value) -> None:
    end = 1 if not isinstance(value, dict) else 2
    body, fields, findings = decode(15, b"\0" + build.amf0("f", build.Amf3(amf3(value)))[:-end])
    assert body == Data("f", (kept,))
    assert fields[-1].role is Role.UNREAD
    assert len(findings) == 1


LEVELS = [
    ("object", b"\x0a\x0b\x01\x03a"),
    ("array", b"\x09\x03\x01"),
    ("entries", b"\x09\x01\x03a"),
    ("vector", b"\x10\x03\x00\x01"),
    ("dictionary", b"\x11\x03\x00\x01"),
    ("keys", b"\x11\x03\x00"),
    ("sealed", b"\x0a\x13\x01\x03a"),
    ("proxy", b"\x0a\x07\x29mx.utils.ObjectProxy"),
]


@pytest.mark.parametrize("level", [level for _, level in LEVELS], ids=[name for name, _ in LEVELS])
def test_depth_is_bounded(level: bytes) -> None:
    assert "deep" not in what_breaks(level * (MAX_DEPTH - 1) + b"\x01")
    assert what_breaks(level * 10_000) == "values nested more than 64 deep"


def what_breaks(data: bytes) -> str:
    try:
        Amf3(Cursor(data), []).value()
    except Unreadable as stop:
        return str(stop)
    return ""


def test_a_switch_does_not_begin_to_count_anew() -> None:
    outer, inner = b"\x0a\x00\x00\x00\x01", b"\x09\x03\x01"
    Amf0(Cursor(outer * 40 + b"\x11" + inner * 23 + b"\x01"), []).value()
    with pytest.raises(Malformed, match="deep"):
        Amf0(Cursor(outer * 40 + b"\x11" + inner * 24 + b"\x01"), []).value()
    items = b"\x11\x09" + u29(1000 << 1 | 1) + b"\x01" + b"\x01" * 1000
    amf = Amf0(Cursor(items * 66), [])
    for _ in range(65):
        amf.value()
    with pytest.raises(Malformed, match="65536 values"):
        amf.value()


def test_the_number_of_values_is_bounded() -> None:
    with pytest.raises(Malformed, match="65536 values"):
        Amf3(Cursor(b"\x09\xff\xff\xff\xff\x01" + b"\x01" * MAX_VALUES), []).value()
    with pytest.raises(Malformed, match="65536 values"):  # names are shorter than their fields, too
        Amf3(Cursor(b"\x0a\xff\xff\xff\xf3\x01" + b"\x01" * 100_000), []).value()


def test_every_marker_is_read() -> None:
    assert sorted(READERS) == list(range(0x12))


# Whatever the bytes

PIECES = [
    *(bytes([number]) for number in range(0x13)),
    *(bytes.fromhex(data) for _, _, data in CASES if len(data) < 40),
    *(bytes.fromhex(data) for data, _ in CYCLES),
    *(b"\x11" + bytes.fromhex(data) for _, _, data in CASES[::5]),
    *(level for _, level in LEVELS),
    bytes.fromhex("0a07"), bytes.fromhex("ffffffff"), b"\x02\x00\x01f", build.amf0(1), bytes.fromhex("06060a04"),
]  # fmt: skip
pieces = st.lists(st.sampled_from(PIECES), max_size=16).map(b"".join)
bodies = st.builds(
    bytes.__add__,
    st.sampled_from([b"", b"\0", b"\3", b"\x00\x02\x00\x01f", b"\x03\x06\x03f"]),
    pieces | st.binary(max_size=60),
)


@given(st.sampled_from([15, 17]), bodies)
@example(17, b"\x03")
@example(15, b"\x00\x11")
def test_any_bytes_have_an_answer_that_accounts_for_each_of_them(type_id: int, payload: bytes) -> None:
    body, fields, findings = decode(type_id, payload)
    assert isinstance(body, Command | Data)
    check(fields, 0, len(payload))
    assert sum(field.stop - field.start for field in fields) == len(payload)
    for finding in findings:
        assert finding.title.isprintable()
        assert all(0 <= one.offset <= one.offset + one.length <= len(payload) for one in finding.evidence)


def check(fields: tuple[Field, ...], start: int, stop: int) -> None:
    for field in fields:
        assert start <= field.start < field.stop <= stop
        assert field.label.isprintable()
        assert field.name.isprintable()
        check(field.children, field.start, field.stop)
        start = field.stop


# The law: what the builder writes is read back.

texts = st.text(max_size=8)
numbers = st.floats(allow_nan=False)
entries = texts.filter(bool)  # an empty key ends the pairs
scalars: st.SearchStrategy[object] = st.one_of(
    numbers,
    st.booleans(),
    texts,
    st.integers(-(2**28), 2**28 - 1),
    st.binary(max_size=5),
    st.builds(b3.Xml, texts, st.sampled_from([7, 11])),
    st.builds(build.Date, numbers),
    st.sampled_from([None, b3.UNDEFINED]),
    st.builds(b3.Vector, st.just("int"), st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4), st.booleans()),
    st.builds(b3.Vector, st.just("uint"), st.lists(st.integers(0, 2**32 - 1), max_size=4), st.booleans()),
    st.builds(b3.Vector, st.just("double"), st.lists(numbers, max_size=4), st.booleans()),
)


def containers(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    named = st.dictionaries(entries, inner, max_size=3)
    many = st.lists(inner, max_size=4)
    return st.one_of(
        many,
        many.map(lambda items: items + items[:2]),  # later mentions
        named,
        st.builds(b3.Mixed, named.filter(bool), many),
        st.builds(b3.Typed, entries, st.dictionaries(texts, inner, max_size=3), st.none() | named),
        st.builds(b3.Vector, st.just("object"), many, st.booleans(), texts),
        st.builds(b3.Dictionary, st.lists(st.tuples(inner, inner), max_size=3), st.booleans()),
        inner.map(lambda value: b3.External(COLLECTION, [value])),
    )


class Expected:
    """What should be read of values that were built."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}

    def value(self, sent: object) -> Value:  # noqa: PLR0911 - one line for each kind of value
        match sent:
            case build.Bare():
                return UNDEFINED
            case None | bool() | int() | float() | str():
                return sent
        if id(sent) in self.numbers and not isinstance(sent, bytes | build.Date | b3.Xml):
            return Reference(self.numbers[id(sent)])
        self.numbers.setdefault(id(sent), len(self.numbers))
        match sent:
            case bytes():
                return sent
            case build.Date():
                return Date(sent.milliseconds, None)
            case b3.Xml():
                return Xml(sent.text, sent.marker == 7)
        return self.container(sent)

    def container(self, sent: object) -> Value:  # noqa: PLR0911 - one line for each kind of container
        match sent:
            case list():
                return self.values(sent)
            case dict():
                return Object(self.pairs(sent))
            case b3.Mixed():
                return Array(self.pairs(sent.entries), dense=self.values(sent.dense))
            case b3.Typed():
                return Object([*self.pairs(sent.sealed), *self.pairs(sent.dynamic or {})], sent.name)
            case b3.Vector():
                return Vector(sent.kind, self.values(sent.items), sent.fixed, sent.type_name)
            case b3.Dictionary():
                return Dictionary([(self.value(key), self.value(item)) for key, item in sent.pairs], sent.weak)
            case b3.External():
                return Externalizable([("source", self.value(sent.parts[0]))], sent.name)
        raise AssertionError(sent)

    def values(self, sent: Any) -> list[Value]:
        return [self.value(one) for one in sent]

    def pairs(self, sent: Any) -> list[tuple[str, Value]]:
        return [(key, self.value(value)) for key, value in sent.items()]


built = st.recursive(scalars, containers, max_leaves=20)


@given(built)
def test_reading_what_was_built_gives_it_back(sent: object) -> None:
    value, _, findings = read(amf3(sent))
    assert repr(value) == repr(Expected().value(sent))
    assert findings == []


# Time


def mentions(first: bytes, again: bytes) -> Callable[[int], bytes]:
    """An array of one thing, which ends with a long text, and of mentions of it."""

    def make(size: int) -> bytes:
        return b"\x09" + u29(2 * size + 1) + b"\x01" + first + u29(2 * size + 1) + b"x" * size + again * (size - 1)

    return make


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "string mentions": mentions(b"\x06", b"\x06\0"),
    "class mentions": mentions(b"\x0a\x03", b"\x0a\x01"),
    "member mentions": mentions(b"\x0a\x13\x01", b"\x0a\x01\x01"),
    "byte array mentions": mentions(b"\x0c", b"\x0c\x02"),
    "xml mentions": mentions(b"\x0b", b"\x0b\x02"),
    "key mentions": lambda n: mentions(b"\x06", b"")(n) + b"\x0a\x0b\x01" + b"\0\x01" * n + b"\x01",
    "mentions of itself": lambda n: b"\x09" + u29(2 * n + 1) + b"\x01" + b"\x09\0" * n,
    "mentions of nothing": lambda n: b"\x09" + u29(2 * n + 1) + b"\x01" + b"\x06\xfe\x7e\x0a\xfe\x7e" * (n // 2),
    "members": lambda n: b"\x0a" + u29(n << 4 | 3) + b"\x01" + b"\x03a" * n + b"\x01" * n,
    "numbers": lambda n: amf3(b3.Vector("int", [5] * n)),
    "vectors": lambda n: amf3([b3.Vector("int", [5] * 20) for _ in range(n // 20)]),
    "flags": lambda n: amf3(b3.External("DSC", [b3.Raw(b"\xff" * n)])),
    "nesting": lambda n: b"\x09\x03\x01" * n,
    "switches": lambda n: b"\x11".join([amf3([])] * n),
}  # fmt: skip


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_time_is_in_proportion_to_the_bytes(make: Callable[[int], bytes]) -> None:
    def seconds(size: int) -> float:
        data = b"\0" + build.amf0("f") + b"\x11" + make(size)
        decoded, elapsed = timed(lambda: decode(15, data))
        assert sum(map(weight, decoded.fields)) < 400 * len(data)
        return elapsed

    assert grows_gently(seconds, 2000, 16_000, 12)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What `work` gives, and the seconds that it takes without those of the garbage collector."""
    gc.disable()
    try:
        begin = process_time()
        return work(), process_time() - begin
    finally:
        gc.enable()


def weight(field: Field) -> int:
    """How many characters and fields a field is, roughly what it costs to keep and to show."""
    return 20 + len(field.label) + len(field.name) + sum(map(weight, field.children))


# Files that other projects test their decoders with.

UTF8 = "this is a テスト"
AMF_CLASS = "org.amf.ASClass"
XML = '<parent><child prop="test"/></parent>'

FILES: list[tuple[str, Value]] = [
    ("rocket-amf/amf3-arrayCollection.bin", Externalizable([("source", ["foo", "bar"])], COLLECTION)),
    ("rocket-amf/amf3-arrayRef.bin", [[1, 2, 3], ["a", "b", "c"], Reference(1), Reference(2)]),
    ("rocket-amf/amf3-bigNum.bin", 2.0**1000),
    ("rocket-amf/amf3-byteArray.bin", b"\0\3" + "これtest@".encode()),
    ("rocket-amf/amf3-byteArrayRef.bin", [b"ASDF", b"ASDF"]),
    (
        "rocket-amf/amf3-complexArrayCollection.bin",
        [
            Externalizable([("source", ["foo", "bar"])], COLLECTION),
            Externalizable([("source", ["bar", "foo"])], COLLECTION),
            Reference(3),
        ],
    ),
    ("rocket-amf/amf3-complexEncodedStringArray.bin", [5, "Shift テスト", "UTF テスト", 5]),
    ("rocket-amf/amf3-date.bin", Date(0.0, None)),
    ("rocket-amf/amf3-datesRef.bin", [Date(0.0, None), Date(0.0, None)]),
    (
        "rocket-amf/amf3-dictionary.bin",
        Dictionary([("bar", "asdf1"), (Object([("baz", None), ("foo", "baz")], "org.rocketAMF.ASClass"), "asdf2")]),
    ),
    ("rocket-amf/amf3-emptyArrayRef.bin", [[], [], Reference(1), Reference(2)]),
    ("rocket-amf/amf3-emptyDictionary.bin", Dictionary()),
    ("rocket-amf/amf3-emptyStringRef.bin", ["", ""]),
    ("rocket-amf/amf3-encodedStringRef.bin", [UTF8, UTF8]),
    (
        "rocket-amf/amf3-graphMember.bin",
        Object(
            [
                (
                    "children",
                    [
                        Object([("children", []), ("parent", Reference(0))]),
                        Object([("children", []), ("parent", Reference(0))]),
                    ],
                ),
                ("parent", None),
            ]
        ),
    ),
    ("rocket-amf/amf3-hash.bin", Object([("answer", 42), ("foo", "bar")])),
    ("rocket-amf/amf3-largeMax.bin", 2.0**28),
    ("rocket-amf/amf3-largeMin.bin", -(2.0**28) - 1),
    (
        "rocket-amf/amf3-objRef.bin",
        [[Object([("foo", "bar")]), Object([("foo", "bar")])], "bar", [Reference(2), Reference(3)]],
    ),
    ("rocket-amf/amf3-primArray.bin", [1, 2, 3, 4, 5]),
    ("rocket-amf/amf3-stringRef.bin", ["foo", "str", "foo", "str", "foo", Object([("str", "foo")])]),
    (
        "rocket-amf/amf3-traitRef.bin",
        [
            Object([("baz", None), ("foo", "foo")], "org.rocketAMF.ASClass"),
            Object([("baz", None), ("foo", "bar")], "org.rocketAMF.ASClass"),
        ],
    ),
    ("rocket-amf/amf3-xml.bin", Xml(XML, legacy=False)),
    ("rocket-amf/amf3-xmlDoc.bin", Xml('<parent><child prop="test" /></parent>')),
    ("rocket-amf/amf3-xmlRef.bin", [Xml(XML, legacy=False)] * 2),
    (
        "sile-amf/amf3-associative-array.bin",
        Array([("2", "bar3"), ("foo", "bar"), ("asdf", "fdsa")], dense=["bar", "bar1", "bar2"]),
    ),
    (
        "sile-amf/amf3-bad-object-ref.bin",
        [[Object([("foo", "bar")]), Object([("foo", "bar")])], "bar", [Reference(10), Reference(3)]],
    ),
    (
        "sile-amf/amf3-bad-string-ref.bin",
        ["foo", "str", Reference(8, table="string"), "str", "foo", Object([("str", "foo")])],
    ),
    ("sile-amf/amf3-date-invalid-millis.bin", Date(math.inf, None)),
    ("sile-amf/amf3-date-minus-millis.bin", Date(-1.0, None)),
    ("sile-amf/amf3-double-positive-infinity.bin", math.inf),
    ("sile-amf/amf3-integer-2byte.bin", 128),
    ("sile-amf/amf3-max.bin", 268435455),
    ("sile-amf/amf3-min.bin", -268435456),
    ("sile-amf/amf3-undefined.bin", UNDEFINED),
    ("sile-amf/amf3-vector-double.bin", Vector("double", [4.3, -20.6])),
    ("sile-amf/amf3-vector-int.bin", Vector("int", [4, -20, 12])),
    (
        "sile-amf/amf3-vector-object.bin",
        Vector(
            "object",
            [Object([("foo", foo), ("baz", None)], AMF_CLASS) for foo in ("foo", "bar", "baz")],
            False,
            AMF_CLASS,
        ),
    ),
    ("sile-amf/amf3-vector-uint.bin", Vector("uint", [4, 20, 12])),
]

# These the two projects have alike.
TWINS = [
    ("array-collection", "arrayCollection"),
    ("array-ref", "arrayRef"),
    ("bignum", "bigNum"),
    ("byte-array", "byteArray"),
    ("byte-array-ref", "byteArrayRef"),
    ("complex-encoded-string-array", "complexEncodedStringArray"),
    ("date", "date"),
    ("date-ref", "datesRef"),
    ("empty-array", "emptyArray"),
    ("empty-array-ref", "emptyArrayRef"),
    ("empty-dictionary", "emptyDictionary"),
    ("empty-string-ref", "emptyStringRef"),
    ("encoded-string-ref", "encodedStringRef"),
    ("graph-member", "graphMember"),
    ("large-max", "largeMax"),
    ("large-min", "largeMin"),
    ("max", "max"),
    ("object-ref", "objRef"),
    ("primitive-array", "primArray"),
    ("string-ref", "stringRef"),
    ("xml", "xml"),
    ("xml-doc", "xmlDoc"),
    ("xml-ref", "xmlRef"),
]

BROKEN_FILES = [
    ("flash-lso/externalizable-object-back-reference.amf", 'only the class "X" knows how its bytes are read'),
    ("rocket-amf/amf3-externalizable.bin", 'only the class "ExternalizableTest" knows how its bytes are read'),
    ("sile-amf/amf3-bad-trait-ref.bin", "traits reference 4 leads to nothing"),
    ("sile-amf/amf3-date-partial.bin", "milliseconds needs 8 bytes, has 7"),
    ("sile-amf/amf3-dictionary-partial.bin", "weak keys needs 1 bytes, has 0"),
    ("sile-amf/amf3-double-partial.bin", "double needs 8 bytes, has 7"),
    ("sile-amf/amf3-empty.bin", "value needs 1 bytes, has 0"),
    ("sile-amf/amf3-string-partial.bin", "text needs 15 bytes, has 14"),
    ("sile-amf/amf3-u29-partial.bin", "length needs 1 bytes, has 0"),
    ("sile-amf/amf3-unknown-marker.bin", "AMF3 has no marker 0x7b"),
    ("sile-amf/amf3-vector-int-partial.bin", "claims 1 element, has 0"),
    ("sile-amf/amf3-vector-partial.bin", "fixed needs 1 bytes, has 0"),
    ("sile-amf/amf3-vector-uint-partial.bin", "claims 1 element, has 0"),
    ("sile-amf/amf3-xml-partial.bin", "text needs 37 bytes, has 36"),
]


def fixture(name: str) -> bytes:
    path = FIXTURES / name
    if not path.exists():
        pytest.skip("no shared captures beside the checkout")
    return path.read_bytes()


@pytest.mark.parametrize(("name", "value"), FILES, ids=[name for name, _ in FILES])
def test_files_of_other_projects(name: str, value: Value) -> None:
    got, _, findings = read(fixture(name))
    assert repr(got) == repr(value)
    assert len(findings) == ("bad" in name)


@pytest.mark.parametrize(("one", "other"), TWINS)
def test_files_that_two_projects_have(one: str, other: str) -> None:
    values = [read(fixture(name))[0] for name in (f"sile-amf/amf3-{one}.bin", f"rocket-amf/amf3-{other}.bin")]
    assert repr(values[0]) == repr(values[1])


@pytest.mark.parametrize(("name", "text"), BROKEN_FILES)
def test_broken_files_of_other_projects(name: str, text: str) -> None:
    assert what_breaks(fixture(name)) == text


LSO = [
    "LearnToFly3.profileData.saveString",
    "object-with-vec-obj-child-referencing-parent",
    "self-referential-array",
    "self-referential-dict",
    "self-referential-object",
    "self-referential-vec-object",
]


@pytest.mark.parametrize("name", LSO)
def test_values_that_flash_lso_reads(name: str) -> None:
    data, theirs = fixture(f"flash-lso/{name}.amf"), fixture(f"flash-lso/{name}.json")
    value, _, findings = read(data)
    assert repr(value) == repr(told(json.loads(theirs)))
    assert findings == []


def told(theirs: Any) -> Value:  # noqa: PLR0911 - one line for each kind of value
    """A value as flash-lso writes it in JSON."""
    match theirs:
        case "Null" | "Undefined":
            return None if theirs == "Null" else UNDEFINED
        case {"Bool": value} | {"Integer": value} | {"Number": value} | {"String": value}:
            return value  # type: ignore[no-any-return]
        case {"Object": {"data": {"elements": elements, "class_definition": of_class}}}:
            pairs = [(element["name"], told(element["value"])) for element in elements]
            return Object(pairs, of_class["name"] or None)
        case {"StrictArray": [_, items]}:
            return [told(item) for item in items]
        case {"Dictionary": [_, pairs, weak]}:
            return Dictionary([(told(key), told(item)) for key, item in pairs], weak)
        case {"VectorDouble": [items, fixed]}:
            return Vector("double", items, fixed)
        case {"VectorObject": [_, items, of_class, fixed]}:
            return Vector("object", [told(item) for item in items], fixed, of_class)
        case {"Amf3ObjectReference": index}:
            return Reference(index)
    raise AssertionError(theirs)


SHARED_OBJECTS: list[tuple[str, Value]] = [
    ("Array", [1, 2, 3]),
    ("Boolean", True),
    ("ByteArray", b"\0\x0cHello World!"),
    ("Date", Date(1409660827254.0, None)),
    ("Integer", 7),
    ("Null", None),
    ("Number", math.pi),
    ("String", "ralle"),
    ("Undefined", UNDEFINED),
    ("VectorInt", Vector("int", [2, 2000, 2147483647, -2147483648], True)),
    ("VectorObject", Vector("object", [4.1, 3, "aaa"])),
    ("VectorUint", Vector("uint", [2, 2000, 4294967295, 0])),
    ("XML", Xml("<start>\n  <p>test</p>\n  <p>test2</p>\n</start>", legacy=False)),
    ("XMLDoc", Xml("<start><p>test_doc</p><p>test2_doc</p></start>")),
    ("TypedObject", Object([("foo", 6)], "com.AS3SolTestClass")),
]


def sol_values(data: bytes) -> list[Value]:
    """The values of a local shared object: 16 bytes, the file's name, padding and version; a zero after each pair."""
    cursor = Cursor(data, 16)
    cursor.take("name", cursor.u16("length"))
    assert cursor.take("version", 4)[3] == 3
    amf, values = Amf3(cursor, []), list[Value]()
    while cursor.left:
        amf.key()
        values.append(amf.value())
        assert cursor.u8("end") == 0
    assert amf.findings == []
    return values


@pytest.mark.parametrize(("name", "value"), SHARED_OBJECTS)
def test_shared_objects_that_flash_wrote(name: str, value: Value) -> None:
    assert repr(sol_values(fixture(f"flash-lso/AS3-{name}-Demo.sol"))) == repr([value])


def test_all_that_flash_wrote() -> None:
    assert len(sol_values(fixture("flash-lso/AS3-Demo.sol"))) > 20
    ((typed,),) = [sol_values(fixture("flash-lso/AS3-VectorTypedObject-Demo.sol"))]
    assert isinstance(typed, Vector)
    assert [item["foo"] for item in typed.items if isinstance(item, Object)] == [1, 2, 3]
    ((numbers,),) = [sol_values(fixture("flash-lso/AS3-VectorNumber-Demo.sol"))]
    assert isinstance(numbers, Vector)
    assert repr(numbers.items[-3:]) == repr([math.nan, -math.inf, math.inf])
    ((entries,),) = [sol_values(fixture("flash-lso/AS3-Dictionary-Demo.sol"))]
    assert isinstance(entries, Dictionary)
    assert [type(key) for key, _ in entries.pairs] == [str, str, Xml, Object, Object]


def remoting(name: str) -> Value:
    """The value in a request or response of Flash Remoting: a version, no header, one body behind two names."""
    cursor = Cursor(fixture(f"rocket-amf/{name}.bin"), 6)
    cursor.take("target", cursor.u16("length"))
    cursor.take("response", cursor.u16("length"))
    cursor.u32("length")
    findings: list[Finding] = []
    value = Amf0(cursor, findings).value()
    assert cursor.left == 0
    assert findings == []
    return value


def test_messages_of_flex() -> None:
    assert remoting("simple-response") == "hello"
    answer = remoting("acknowledge-response")
    assert isinstance(answer, Object)
    assert answer.class_name == "flex.messaging.messages.AcknowledgeMessage"
    assert (answer["clientId"], answer["headers"]) == ("7B0ACE15-8D57-6AE5-B9D4-99C2D32C8246", Object())
    for name in ("commandMessage", "unsupportedCommandMessage", "remotingMessage"):
        values = remoting(name)
        assert isinstance(values, list)
        (message,) = values
        assert isinstance(message, Object)
        assert message.class_name == f"flex.messaging.messages.{'Remoting' if 'rem' in name else 'Command'}Message"
        assert len(message) == 9
        headers = message["headers"]
        assert isinstance(headers, Object)
        assert headers["DSId"] == "nil"


# A session of real programs: RtmpLite, and PyAMF as the client's encoder


CALLS: list[tuple[str, list[Json]]] = [
    (
        "callMethod0",
        [
            [
                {
                    "$typed": "org.example.Person",
                    "value": {
                        "me": {"$ref": 1},
                        "name": "élan vital \N{GRINNING FACE}",
                        "tags": ["a", "b", "a"],
                        "big": 268435456,
                        "age": 41,
                        "when": {"$date": "2012-03-04T05:06:07Z"},
                        "neg": -268435456,
                        "pi": 3.14159,
                    },
                },
                {
                    "$typed": "org.example.Person",
                    "value": {
                        "none": None,
                        "undef": {"$undefined": True},
                        "name": "second",
                        "f": False,
                        "age": 0,
                        "friend": {"$ref": 1},
                        "t": True,
                    },
                },
                {"$ref": 1},
            ]
        ],
    ),
    ("callMethod1", [{"k": 1, "z": None, "dyn": [1, 2.5, "x"]}]),
    ("callMethod2", [{"$bytes": "AAECaGVsbG8="}]),
    ("callMethod3", ["x" * 300]),
    ("callMethod4", [-1]),
    ("callMethod5", [268435455]),
    ("callMethod6", [-268435456]),
    ("callMethod7", [1e300]),
    ("callMethod8", [{"$externalizable": COLLECTION, "value": {"source": ["in", 1]}}]),
    ("callMethod9", ["noxml"]),
    ("multi", [1, "two", [3], None, True]),
    ("onTextData", [{"text": "hi", "language": "eng"}]),
]


def test_calls_that_were_captured() -> None:
    path = FIXTURES.parent / "made" / "27-amf3-commands-rtmplite-pyamf.pcap"
    if not path.exists():
        pytest.skip("no shared captures beside the checkout")
    said = [message for message in rtmpsniff.messages(path) if message.message_type_id in {15, 17}]
    assert len(said) == 23
    bodies = [message.body for message in said if message.sender == "client"]
    calls = [(body.name, plain(body.args)) for body in bodies if isinstance(body, Command | Data)]
    assert calls[1:] == CALLS
    assert not [finding for message in said for finding in message.decoded.findings]


# A second opinion


def py3amf() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("pyamf.flex.messaging")
        return pytest.importorskip("pyamf")


# Vectors, and what it refuses although it means something: text that is no UTF-8, no date, no XML, a list as a key.
NOT_FOR_PY3AMF = ("0d", "0e", "0f", "10", "0605ff", "08017ff8", "0b01", "110301")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("data", [data for _, _, data in CASES if not data.startswith(NOT_FOR_PY3AMF)])
def test_py3amf_reads_the_same(data: str) -> None:
    (theirs,) = py3amf().decode(bytes.fromhex(data), encoding=3)
    assert agree(read(bytes.fromhex(data))[0], theirs)


def agree(value: Value, theirs: Any) -> bool:  # noqa: C901, PLR0911 - one line for each kind of value
    match value:
        case float() if math.isnan(value):
            return math.isnan(theirs)
        case None | bool() | int() | float() | str():
            return type(theirs) is type(value) and bool(theirs == value)
        case bytes():
            return bytes(theirs.getvalue()) == value
        case Date():
            return bool(theirs.replace(tzinfo=UTC).timestamp() * 1000 == value.milliseconds)
        case Xml():
            return value.text == f"<{theirs.tag}/>"
        case Reference():
            return agree(value.target, theirs)
        case Dictionary():
            return bool(theirs == (dict(value.pairs), value.weak))
        case Externalizable(pairs=[("source", wrapped)]):
            return agree(wrapped, list(theirs))
        case Externalizable():
            named = [(getattr(theirs, key.removesuffix("Bytes")), item) for key, item in value.pairs]
            return all(agree_in_a_message(item, their_item) for their_item, item in named)
        case Array():
            return bool(theirs == dict(value.pairs) | dict(enumerate(value.dense)))
        case Object():
            alias = getattr(theirs, "alias", None)
            return (alias, len(theirs)) == (value.class_name, len(value)) and all(
                agree(item, theirs[key]) for key, item in value.pairs
            )
        case list():
            return len(theirs) == len(value) and all(map(agree, value, theirs))
    return value is UNDEFINED and repr(theirs) == "pyamf.Undefined"


def agree_in_a_message(value: Value, theirs: Any) -> bool:
    """It makes dates of timestamps, and UUIDs of bytes."""
    if isinstance(value, bytes):
        return bool(theirs.bytes == value)
    if isinstance(value, float):
        return agree(Date(value, None), theirs)
    return agree(value, theirs)


@pytest.mark.filterwarnings("ignore")
@given(st.recursive(
    st.none() | st.booleans() | texts | numbers | st.integers(-(2**28), 2**28 - 1),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(entries, inner, max_size=4),
    max_leaves=20,
))  # fmt: skip
def test_what_py3amf_writes(sent: Any) -> None:
    pyamf = py3amf()
    value, _, findings = read(pyamf.encode([sent, sent], encoding=3).getvalue())
    assert isinstance(value, list)
    assert agree(value[0], sent)
    assert agree(value[1], sent)
    assert findings == []
