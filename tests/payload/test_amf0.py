from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.fields import Cursor, Field, Malformed, Role, Truncated, Unreadable
from rtmpsniff.findings import AMF_MALFORMED, Finding, Severity
from rtmpsniff.payload.amf import MAX_DEPTH, MAX_VALUES
from rtmpsniff.payload.amf0 import READERS, REFUSED, Amf0
from rtmpsniff.payload.values import UNDEFINED, UNSUPPORTED, Date, EcmaArray, Object, Reference, Value, Xml
from tests import build

FIXTURES = Path(__file__).parents[2].parent / "shared" / "captures" / "fixtures"


def read(data: bytes) -> tuple[Value, Field, list[Finding]]:
    """The one value that `data` is, its field, and what was found."""
    cursor, findings = Cursor(data), list[Finding]()
    value = Amf0(cursor, findings).value()
    (field,) = cursor.fields
    assert (field.start, field.stop) == (0, len(data))
    return value, field, findings


def parts(field: Field) -> list[tuple[str, int, int, str]]:
    return [(child.name, child.start, child.stop, child.label) for child in field.children]


CASES: list[tuple[str, Value, str]] = [
    ("1", 1.0, "003ff0000000000000"),
    ("-0.5", -0.5, "00bfe0000000000000"),
    ("nan", math.nan, "007ff8000000000000"),
    ("-0", -0.0, "008000000000000000"),
    ("true", True, "0101"),
    ("true", True, "0102"),
    ("false", False, "0100"),
    ('"connect"', "connect", "020007636f6e6e656374"),
    ('"hé€"', "hé€", "02000668c3a9e282ac"),
    ('""', "", "020000"),
    ('"\\xff"', "\udcff", "020001ff"),
    ('"\\x1b[2J"', "\x1b[2J", "0200041b5b324a"),
    ("null", None, "05"),
    ("undefined", UNDEFINED, "06"),
    (
        "object, 2 properties",
        Object([("app", "live"), ("n", 3.0)]),
        "0300036170700200046c69766500016e004008000000000000000009",
    ),
    ("object, 0 properties", Object(), "03000009"),
    ("object, 2 properties", Object([("a", None), ("a", True)]), "03000161050001610101000009"),
    ("object, 1 property", Object([("", None)]), "03000005000009"),
    (
        "ECMA array, 2 entries claimed",
        EcmaArray([("a", 1.0), ("b", True)], count=2),
        "0800000002000161003ff00000000000000001620101000009",
    ),
    (
        "ECMA array, 0 entries claimed",
        EcmaArray([("a", 1.0)], count=0),
        "0800000000000161003ff0000000000000000009",
    ),
    ("ECMA array, 4 294 967 295 entries claimed", EcmaArray(count=0xFFFFFFFF), "08ffffffff000009"),
    ("strict array, 3 elements", [1.0, "x", None], "0a00000003003ff00000000000000200017805"),
    ("strict array, 0 elements", [], "0a00000000"),
    ("2023-11-14T22:13:20Z", Date(1.7e12), "0b4278bcfe568000000000"),
    ("2023-11-14T22:13:20Z, time zone -300", Date(1.7e12, -300), "0b4278bcfe56800000fed4"),
    ("nan ms since 1970", Date(math.nan), "0b7ff80000000000000000"),
    ('"abc"', "abc", "0c00000003616263"),
    ("unsupported", UNSUPPORTED, "0d"),
    ('"<a/>"', Xml("<a/>"), "0f000000043c612f3e"),
    ('object of class "Foo", 1 property', Object([("x", 1.0)], "Foo"), "100003466f6f000178003ff0000000000000000009"),
    (
        "strict array, 2 elements",
        [Object([("a", 1.0)]), Reference(1)],
        "0a0000000203000161003ff0000000000000000009070001",
    ),
]


@pytest.mark.parametrize(("label", "value", "data"), CASES, ids=[data for _, _, data in CASES])
def test_values(label: str, value: Value, data: str) -> None:
    got, field, findings = read(bytes.fromhex(data))
    assert repr(got) == repr(value)  # repr: NaN is itself, and True is not 1
    assert repr(field.value) == repr(value)
    assert field.label == label
    assert findings == []


def test_a_scalar_says_what_its_bytes_are() -> None:
    _, field, _ = read(bytes.fromhex("0200036c6f6c"))
    assert (field.name, field.role) == ("string", Role.TEXT)
    assert parts(field) == [("marker", 0, 1, "string"), ("length", 1, 3, "3"), ("text", 3, 6, '"lol"')]
    assert [child.role for child in field.children] == [Role.MARKER, Role.PREFIX, Role.TEXT]
    assert all(child.inline for child in field.children)


def test_a_date_has_two_parts() -> None:
    _, field, _ = read(bytes.fromhex("0b4278bcfe56800000fed4"))
    assert parts(field)[1:] == [("milliseconds", 1, 9, "1700000000000.0"), ("time zone", 9, 11, "-300")]


def test_a_container_is_a_group_of_properties() -> None:
    _, field, _ = read(bytes.fromhex("10 0003 466f6f 0001 78 003ff0000000000000 000009"))
    assert (field.name, field.role) == ("typed object", Role.GROUP)
    assert parts(field) == [
        ("marker", 0, 1, "typed object"),
        ("length", 1, 3, "3"),
        ("text", 3, 6, '"Foo"'),
        ("property", 6, 18, "x"),
        ("end", 18, 21, "end of object"),
    ]
    assert [child.inline for child in field.children] == [True, True, True, False, False]
    pair = field.children[3]
    assert (pair.role, pair.value) == (Role.PAIR, "x")
    assert parts(pair) == [("key", 6, 9, '"x"'), ("number", 9, 18, "1")]
    key = pair.children[0]
    assert (key.role, key.value) == (Role.KEY, "x")
    assert parts(key) == [("length", 6, 8, "1"), ("text", 8, 9, '"x"')]
    assert {child.role for child in key.children} == {Role.PREFIX, Role.KEY}


def test_a_value_bears_the_name_it_is_given() -> None:
    cursor = Cursor(b"\x05\x05")
    amf = Amf0(cursor, [])
    amf.value("command object")
    amf.value()
    assert [field.name for field in cursor.fields] == ["command object", "null"]


REFERENCES: list[tuple[str, bytes, str]] = [
    ("itself", build.amf0([build.Reference(0)]), "reference 0 (the strict array at byte 0)"),
    ("forward", build.amf0([build.Reference(1), {}]), "reference 1 (to nothing)"),
    ("back", build.amf0([{}, build.Reference(1)]), "reference 1 (the object at byte 5)"),
    ("typed", build.amf0([build.Typed("T", {}), build.Reference(1)]), "reference 1 (the object at byte 5)"),
    ("a date counts", build.amf0([build.Date(0), {}, build.Reference(2)]), "reference 2 (the object at byte 16)"),
    ("xml counts", build.amf0([build.Xml(""), {}, build.Reference(2)]), "reference 2 (the object at byte 10)"),
    ("a date does not", build.amf0([build.Date(0), {}, build.Reference(1)]), "reference 1 (the object at byte 16)"),
    ("a date is no target", build.amf0([build.Date(0), build.Reference(1)]), "reference 1 (to nothing)"),
    ("array", build.amf0([build.Ecma({}), build.Reference(1)]), "reference 1 (the ECMA array at byte 5)"),
    ("far", build.amf0([build.Reference(0xFFFF)]), "reference 65535 (to nothing)"),
]


@pytest.mark.parametrize(("data", "label"), [case[1:] for case in REFERENCES], ids=[case[0] for case in REFERENCES])
def test_references(data: bytes, label: str) -> None:
    _, field, findings = read(data)
    (reference,) = [child for child in field.children if child.name == "reference"]
    assert reference.label == label
    assert isinstance(reference.value, Reference)
    assert (reference.value.target is None) == label.endswith("nothing)")
    assert [finding.title for finding in findings] == ["A reference leads to nothing"] * label.endswith("nothing)")


def test_a_reference_leads_to_the_very_container() -> None:
    value, _, _ = read(build.amf0({"list": [1, build.Reference(0)]}))
    assert isinstance(value, Object)
    inner = value["list"]
    assert isinstance(inner, list)
    assert isinstance(inner[1], Reference)
    assert inner[1].target is value


def test_a_fault_in_every_value_is_found_once() -> None:
    _, _, findings = read(build.amf0([build.Reference(9)] * 100))
    assert len(findings) == 1


@pytest.mark.parametrize(
    ("data", "value", "title"),
    [
        ("03 000161 003ff0000000000000", Object([("a", 1.0)]), "The payload ends before an object does"),
        ("08 00000001 000161 05", EcmaArray([("a", None)], count=1), "The payload ends before an object does"),
        ("03 000161 03 000162 05", Object([("a", Object([("b", None)]))]), "The payload ends before an object does"),
    ],
)
def test_a_missing_end_marker_at_the_end(data: str, value: Value, title: str) -> None:
    got, _, findings = read(bytes.fromhex(data))
    assert got == value
    assert [(one.rule, one.severity, one.title) for one in findings] == [(AMF_MALFORMED, Severity.WARNING, title)]
    assert findings[0].evidence[0].offset == len(bytes.fromhex(data))


@pytest.mark.parametrize("rest", ["02000178", "05"])
def test_an_array_that_ends_by_its_count(rest: str) -> None:
    cursor, findings = Cursor(bytes.fromhex("08 00000001 000161 05" + rest)), list[Finding]()
    amf = Amf0(cursor, findings)
    assert amf.value() == EcmaArray([("a", None)], count=1)
    assert [finding.title for finding in findings] == ["An ECMA array has no end marker"]
    amf.value()
    assert cursor.left == 0


def test_an_array_with_more_than_it_claims() -> None:
    value, _, findings = read(bytes.fromhex("08 00000001 000161 05 000162 05 000009"))
    assert value == EcmaArray([("a", None), ("b", None)], count=1)
    assert findings == []


BROKEN = [
    ("", Truncated, "value needs 1 bytes, has 0"),
    ("00 3ff0", Truncated, "number needs 8 bytes, has 2"),
    ("01", Truncated, "flag needs 1 bytes, has 0"),
    ("02 00", Truncated, "length needs 2 bytes, has 1"),
    ("02 0005 61", Truncated, "text needs 5 bytes, has 1"),
    ("0c ffffffff 61", Truncated, "text needs 4294967295 bytes, has 1"),
    ("0f 00000005 61", Truncated, "text needs 5 bytes, has 1"),
    ("0b 0000", Truncated, "milliseconds needs 8 bytes, has 2"),
    ("0b 0000000000000000 00", Truncated, "time zone needs 2 bytes, has 1"),
    ("07 00", Truncated, "index needs 2 bytes, has 1"),
    ("08 000000", Truncated, "count needs 4 bytes, has 3"),
    ("03 0001", Truncated, "text needs 1 bytes, has 0"),
    ("03 000161", Truncated, "value needs 1 bytes, has 0"),
    ("03 0000", Truncated, "value needs 1 bytes, has 0"),
    ("10 0003 46", Truncated, "text needs 3 bytes, has 1"),
    ("0a 00000003 05 05", Malformed, "claims 3 elements, has 2"),
    ("0a ffffffff", Malformed, "claims 4 294 967 295 elements, has 0"),
    ("04", Malformed, "a movie clip (0x04) has no defined form"),
    ("09", Malformed, "an object end marker (0x09) where a value should be"),
    ("0e", Malformed, "a record set (0x0e) has no defined form"),
    ("11", Truncated, "AMF3 value needs 1 bytes, has 0"),
    ("11 12", Malformed, "AMF3 has no marker 0x12"),
    ("12", Malformed, "AMF0 has no marker 0x12"),
    ("61", Malformed, "AMF0 has no marker 0x61"),
]


@pytest.mark.parametrize(("data", "error", "text"), BROKEN)
def test_values_that_cannot_be_read(data: str, error: type[Unreadable], text: str) -> None:
    with pytest.raises(error) as caught:
        Amf0(Cursor(bytes.fromhex(data)), []).value()
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (build.amf0({"a": {"b\n": "x"}})[:-7], ["object", "a", "b\\n"]),
        (build.amf0({"a": [1, [2, "x"]]})[:-4], ["object", "a", "[1]", "[1]"]),
        (b"\x03\x00\x05a", ["object", "property", "key"]),
        (b"\x0a\x00\x00\x00\x01\x61", ["object", "[0]"]),
    ],
)
def test_the_path_to_where_reading_broke_off(data: bytes, path: list[str]) -> None:
    cursor = Cursor(data)
    with pytest.raises(Unreadable):
        Amf0(cursor, []).value("object")
    assert [part for part in cursor.path if part] == path


def test_what_was_read_of_a_container_stays() -> None:
    cursor = Cursor(build.amf0({"a": 1, "b": "lost"})[:-5])
    with pytest.raises(Truncated):
        Amf0(cursor, []).value()
    assert cursor.fields[0].value == Object([("a", 1.0)])
    assert [child.label for child in cursor.fields[0].children] == ["object", "a", "b"]


@pytest.mark.parametrize("level", [b"\x03\x00\x01a", b"\x08\x00\x00\x00\x01\x00\x01a", b"\x0a\x00\x00\x00\x01"])
def test_depth_is_bounded(level: bytes) -> None:
    Amf0(Cursor(level * (MAX_DEPTH - 1) + b"\x05"), []).value()
    with pytest.raises(Malformed, match="deep"):
        Amf0(Cursor(level * 10_000), []).value()


def test_the_number_of_values_is_bounded() -> None:
    allowed = b"\x0a" + struct.pack(">L", MAX_VALUES - 1) + b"\x05" * (MAX_VALUES - 1)
    assert len(read(allowed)[0]) == MAX_VALUES - 1  # type: ignore[arg-type]
    with pytest.raises(Malformed, match="65536 values"):
        Amf0(Cursor(b"\x0a\xff\xff\xff\xff" + b"\x05" * MAX_VALUES), []).value()


def test_a_container_that_breaks_off_stays_in_its_container() -> None:
    data = build.amf0({"a": [1, {"b": True, "c": "lost"}]})
    for size in range(len(data) - 15, len(data) - 6):
        cursor = Cursor(data[:size])
        with pytest.raises(Truncated):
            Amf0(cursor, []).value()
        assert cursor.fields[0].value == Object([("a", [1.0, Object([("b", True)])])])


def test_a_cursor_that_ends_before_its_data() -> None:
    data = build.amf0({"a": None})
    cursor, findings = Cursor(data, end=len(data) - 1), list[Finding]()
    with pytest.raises(Truncated):  # the first two bytes of the end marker are an empty key without a value
        Amf0(cursor, findings).value()
    assert cursor.position == cursor.end


def test_every_marker_is_read_or_refused() -> None:
    assert sorted([*READERS, *REFUSED]) == list(range(0x12))


# The law: what the builder writes is read back.

texts = st.text(max_size=8)
numbers = st.floats(allow_nan=False)
scalars: st.SearchStrategy[tuple[object, Value]] = st.one_of(
    numbers.map(lambda number: (number, number)),
    st.booleans().map(lambda flag: (flag, flag)),
    texts.map(lambda text: (text, text)),
    texts.map(lambda text: (build.LongString(text), text)),
    texts.map(lambda text: (build.Xml(text), Xml(text))),
    st.builds(lambda time, zone: (build.Date(time, zone), Date(time, zone)), numbers, st.integers(-(2**15), 2**15 - 1)),
    st.sampled_from([(None, None), (build.UNDEFINED, UNDEFINED), (build.UNSUPPORTED, UNSUPPORTED)]),
)


def containers(inner: st.SearchStrategy[tuple[object, Value]]) -> st.SearchStrategy[tuple[object, Value]]:
    entries = st.dictionaries(texts, inner, max_size=4)
    return st.one_of(
        st.lists(inner, max_size=4).map(lambda items: ([sent for sent, _ in items], [value for _, value in items])),
        entries.map(lambda pairs: (sent(pairs), Object(values(pairs)))),
        st.builds(
            lambda pairs, count: (build.Ecma(sent(pairs), count), EcmaArray(values(pairs), count=count)),
            entries,
            st.integers(0, 2**32 - 1),
        ),
        st.builds(lambda pairs, name: (build.Typed(name, sent(pairs)), Object(values(pairs), name)), entries, texts),
    )


def sent(pairs: dict[str, tuple[object, Value]]) -> dict[str, object]:
    return {key: pair[0] for key, pair in pairs.items()}


def values(pairs: dict[str, tuple[object, Value]]) -> list[tuple[str, Value]]:
    return [(key, pair[1]) for key, pair in pairs.items()]


@given(st.recursive(scalars, containers, max_leaves=20))
def test_reading_what_was_built_gives_it_back(case: tuple[object, Value]) -> None:
    built, expected = case
    value, _, findings = read(build.amf0(built))
    assert repr(value) == repr(expected)
    assert findings == []


# Files that other projects test their decoders with.

UTF8 = "this is a テスト"
ORDINAL: list[tuple[str, Value]] = [("0", "a"), ("1", "b"), ("2", "c"), ("3", "d")]

FILES: list[tuple[str, Value]] = [
    ("rocket-amf/amf0-boolean.bin", True),
    (
        "rocket-amf/amf0-complexEncodedStringArray.bin",
        EcmaArray([("0", 5.0), ("1", "Shift テスト"), ("2", "UTF テスト"), ("3", 5.0)], count=4),
    ),
    ("rocket-amf/amf0-date.bin", Date(1590796800000.0)),
    ("rocket-amf/amf0-ecma-ordinal-array.bin", EcmaArray(ORDINAL, count=4)),
    ("rocket-amf/amf0-hash.bin", EcmaArray([("a", "b"), ("c", "d")], count=2)),
    ("rocket-amf/amf0-null.bin", None),
    ("rocket-amf/amf0-number.bin", 3.5),
    ("rocket-amf/amf0-object.bin", Object([("bar", 3.14), ("foo", "baz")])),
    (
        "rocket-amf/amf0-ref-test.bin",
        EcmaArray([("0", Object([("bar", 3.14), ("foo", "baz")])), ("1", Reference(1))], count=2),
    ),
    ("rocket-amf/amf0-strict-array.bin", ["a", "b", "c", "d"]),
    ("rocket-amf/amf0-string.bin", UTF8),
    ("rocket-amf/amf0-time.bin", Date(1045112400000.0)),
    (
        "rocket-amf/amf0-typed-object.bin",
        Object([("baz", None), ("foo", "bar")], "org.rocketAMF.ASClass"),
    ),
    ("rocket-amf/amf0-undefined.bin", UNDEFINED),
    ("rocket-amf/amf0-untyped-object.bin", Object([("baz", None), ("foo", "bar")])),
    ("rocket-amf/amf0-xmlDoc.bin", Xml('<parent><child prop="test" /></parent>')),
    ("sile-amf/amf0-avmplus-object.bin", [1, 2, 3]),
    ("sile-amf/amf0-boolean-false.bin", False),
    ("sile-amf/amf0-boolean-true.bin", True),
    ("sile-amf/amf0-circular-reference.bin", [Reference(0)]),
    (
        "sile-amf/amf0-complex-encoded-string.bin",
        Object([("utf", "UTF テスト"), ("zed", 5.0), ("shift", "Shift テスト")]),
    ),
    ("sile-amf/amf0-date-invalid.bin", Date(math.inf)),
    ("sile-amf/amf0-date-minus.bin", Date(-1.0)),
    ("sile-amf/amf0-date.bin", Date(1590796800000.0)),
    ("sile-amf/amf0-ecma-ordinal-array.bin", EcmaArray(ORDINAL, count=4)),
    ("sile-amf/amf0-hash.bin", EcmaArray([("c", "d"), ("a", "b")])),
    ("sile-amf/amf0-long-string.bin", "a" * 0x10013),
    ("sile-amf/amf0-null.bin", None),
    ("sile-amf/amf0-number-negative-infinity.bin", -math.inf),
    ("sile-amf/amf0-number-positive-infinity.bin", math.inf),
    ("sile-amf/amf0-number-quiet-nan.bin", math.nan),
    ("sile-amf/amf0-number-signaling-nan.bin", math.nan),
    ("sile-amf/amf0-number.bin", 3.5),
    ("sile-amf/amf0-object.bin", Object([("", ""), ("foo", "baz"), ("bar", 3.14)])),
    (
        "sile-amf/amf0-ref-test.bin",
        Object([("0", Object([("foo", "baz"), ("bar", 3.14)])), ("1", Reference(1))]),
    ),
    ("sile-amf/amf0-strict-array.bin", [1.0, "2", 3.0]),
    ("sile-amf/amf0-string.bin", UTF8),
    ("sile-amf/amf0-time.bin", Date(1045112400000.0)),
    ("sile-amf/amf0-typed-object.bin", Object([("foo", "bar"), ("baz", None)], "org.amf.ASClass")),
    ("sile-amf/amf0-undefined.bin", UNDEFINED),
    ("sile-amf/amf0-unsupported.bin", UNSUPPORTED),
    ("sile-amf/amf0-untyped-object.bin", Object([("foo", "bar"), ("baz", None)])),
    ("sile-amf/amf0-xml-doc.bin", Xml('<parent><child prop="test" /></parent>')),
]

BROKEN_FILES = [
    ("sile-amf/amf0-bad-object-end.bin", "an object end marker (0x09) where a value should be"),
    ("sile-amf/amf0-boolean-partial.bin", "flag needs 1 bytes, has 0"),
    ("sile-amf/amf0-date-partial.bin", "time zone needs 2 bytes, has 1"),
    ("sile-amf/amf0-ecma-array-partial.bin", "count needs 4 bytes, has 3"),
    ("sile-amf/amf0-empty.bin", "value needs 1 bytes, has 0"),
    ("sile-amf/amf0-long-string-partial.bin", "text needs 16909060 bytes, has 3"),
    ("sile-amf/amf0-movieclip.bin", "a movie clip (0x04) has no defined form"),
    ("sile-amf/amf0-number-partial.bin", "number needs 8 bytes, has 7"),
    ("sile-amf/amf0-object-partial.bin", "text needs 200 bytes, has 15"),
    ("sile-amf/amf0-recordset.bin", "a record set (0x0e) has no defined form"),
    ("sile-amf/amf0-reference-partial.bin", "index needs 2 bytes, has 1"),
    ("sile-amf/amf0-strict-array-partial.bin", "count needs 4 bytes, has 3"),
    ("sile-amf/amf0-string-partial.bin", "text needs 10 bytes, has 3"),
    ("sile-amf/amf0-typed-object-partial.bin", "text needs 10 bytes, has 3"),
    ("sile-amf/amf0-unknown-marker.bin", "AMF0 has no marker 0x61"),
    ("sile-amf/amf0-xml-document-partial.bin", "text needs 16909060 bytes, has 3"),
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
    assert findings == []


@pytest.mark.parametrize(("name", "text"), BROKEN_FILES, ids=[name for name, _ in BROKEN_FILES])
def test_broken_files_of_other_projects(name: str, text: str) -> None:
    data = fixture(name)
    with pytest.raises(Unreadable) as caught:
        Amf0(Cursor(data), []).value()
    assert str(caught.value) == text


def test_a_reference_without_a_container() -> None:
    value, field, _ = read(fixture("sile-amf/amf0-bad-reference.bin"))
    assert value == Reference(0)
    assert field.label == "reference 0 (to nothing)"


SHARED_OBJECTS: list[tuple[str, str, Value]] = [
    ("Array", "myIntArray", EcmaArray([("0", 1.0), ("1", 2.0), ("2", 3.0)], count=3)),
    ("Boolean", "myBool", True),
    ("Date", "myDate", Date(1409653383774.0, 240)),
    ("Integer", "myInt", 7.0),
    ("Null", "myNull", None),
    ("Number", "myFloat", math.pi),
    ("Object", "myObject2", Object([("p4", 8.0), ("p3", "hallo")])),
    ("String", "myString", "ralle"),
    ("TypedObject", "myTypedObject", Object([("foo", "changed prop")], "AS2SolTestClass")),
    ("Undefined", "myUndefined", UNDEFINED),
    ("XML", "myXML", Xml("<start><p>test</p><p>test2</p></start>")),
]


def sol_entries(data: bytes) -> list[tuple[str, Value]]:
    """The pairs of a local shared object: 16 bytes, the file's name, padding and version; a zero after each pair."""
    cursor, pairs = Cursor(data, 16), list[tuple[str, Value]]()
    cursor.take("name", cursor.u16("length"))
    cursor.take("version", 4)
    while cursor.left:
        key = cursor.take("key", cursor.u16("length")).decode()
        pairs.append((key, Amf0(cursor, []).value()))
        assert cursor.u8("end") == 0
    return pairs


@pytest.mark.parametrize(("name", "key", "value"), SHARED_OBJECTS)
def test_shared_objects_that_flash_wrote(name: str, key: str, value: Value) -> None:
    ((got_key, got),) = sol_entries(fixture(f"flash-lso/AS2-{name}-Demo.sol"))
    assert got_key == key
    assert repr(got) == repr(value)


def test_all_that_flash_wrote() -> None:
    assert len(sol_entries(fixture("flash-lso/AS2-Demo.sol"))) > 10
    arrays = dict(sol_entries(fixture("flash-lso/AS2-ECMAArray-Demo.sol")))
    assert arrays["holeyArray"] == EcmaArray(count=15)  # its length, and no entry
    ((_, text),) = sol_entries(fixture("flash-lso/AS2-LongString-Demo.sol"))
    assert isinstance(text, str)
    assert len(text) == 0x1042D
