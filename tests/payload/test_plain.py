from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.fields import Cursor
from rtmpsniff.payload.amf0 import Amf0
from rtmpsniff.payload.amf3 import Amf3
from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.command import Command, Data
from rtmpsniff.payload.plain import LONGEST_REPEATED, Json, Plain, plain
from rtmpsniff.payload.values import (
    UNDEFINED,
    UNSUPPORTED,
    Array,
    Container,
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
from rtmpsniff.text import decode_text
from tests import build, build_amf3
from tests.payload.test_amf0 import containers as amf0_containers
from tests.payload.test_amf0 import scalars as amf0_scalars
from tests.payload.test_amf3 import CASES as AMF3_CASES
from tests.payload.test_amf3 import HOSTILE, bodies, timed
from tests.payload.test_amf3 import built as amf3_built
from tests.proportion import grows_gently

CASES: list[tuple[Value, Json]] = [
    (None, None),
    (True, True),
    (False, False),
    (1.0, 1),
    (0.5, 0.5),
    (-3, -3),
    (2.0**53 - 1, 2**53 - 1),
    (2.0**53, 2.0**53),
    (1e300, 1e300),
    (0.0, 0),
    (-0.0, {"$number": "-0"}),
    (math.nan, {"$number": "NaN"}),
    (math.inf, {"$number": "Infinity"}),
    (-math.inf, {"$number": "-Infinity"}),
    ("text", "text"),
    ("", ""),
    ("h\N{LATIN SMALL LETTER E WITH ACUTE}\0\x1b$", "h\N{LATIN SMALL LETTER E WITH ACUTE}\0\x1b$"),
    (decode_text(b"a\xff"), {"$string": "Yf8="}),
    (b"\0\1\2", {"$bytes": "AAEC"}),
    (UNDEFINED, {"$undefined": True}),
    (UNSUPPORTED, {"$unsupported": True}),
    (Date(1.7e12, 0), {"$date": "2023-11-14T22:13:20Z", "timezone": 0}),
    (Date(1.7e12, -300), {"$date": "2023-11-14T22:13:20Z", "timezone": -300}),
    (Date(1.7e12, None), {"$date": "2023-11-14T22:13:20Z"}),
    (Date(0.5), {"$date_ms": 0.5, "timezone": 0}),
    (Date(math.nan, None), {"$date_ms": {"$number": "NaN"}}),
    (Date(1e300, None), {"$date_ms": 1e300}),
    (Xml("<a/>"), {"$xml": "<a/>"}),
    (Xml("<a/>", legacy=False), {"$xml": "<a/>", "e4x": True}),
    (Xml(decode_text(b"\xff")), {"$xml": {"$string": "/w=="}}),
    ([], []),
    ([1.0, None, ["x"]], [1, None, ["x"]]),
    (Object(), {}),
    (Object([("b", 1.0), ("a", Object([("", True)]))]), {"b": 1, "a": {"": True}}),
    (Object([("a", 1.0), ("a", 2.0)]), {"$pairs": [["a", 1], ["a", 2]]}),
    (Object([("$undefined", 1.0)]), {"$pairs": [["$undefined", 1]]}),
    (Object([(decode_text(b"\xff"), 1.0)]), {"$pairs": [[{"$string": "/w=="}, 1]]}),
    (Object([("x", 1.0)], "Foo"), {"$typed": "Foo", "value": {"x": 1}}),
    (Object([], ""), {"$typed": "", "value": {}}),
    (EcmaArray([("a", 1.0)], count=1), {"$ecma": {"a": 1}}),
    (EcmaArray([("a", 1.0)], count=9), {"$ecma": {"a": 1}, "count": 9}),
    (EcmaArray([("a", 1.0), ("a", 1.0)], count=2), {"$ecma": {"$pairs": [["a", 1], ["a", 1]]}}),
    (Array([("k", "v")]), {"$ecma": {"k": "v"}}),
    (Array([("k", "v"), ("0", 1)], dense=[5, "x"]), {"$pairs": [["k", "v"], ["0", 1], [0, 5], [1, "x"]]}),
    (
        Externalizable([("source", [1])], "flex.messaging.io.ArrayCollection"),
        {"$externalizable": "flex.messaging.io.ArrayCollection", "value": {"source": [1]}},
    ),
    (Externalizable([], "X"), {"$externalizable": "X", "value": {}}),
    (Vector("int", [1, -1], True), {"$vector": "int", "fixed": True, "value": [1, -1]}),
    (Vector("double", [math.nan]), {"$vector": "double", "fixed": False, "value": [{"$number": "NaN"}]}),
    (Vector("object", [None], False, "P"), {"$vector": "object", "class": "P", "fixed": False, "value": [None]}),
    (Dictionary([("k", 1), (1.5, None)]), {"$dictionary": [["k", 1], [1.5, None]], "weak": False}),
    (Dictionary([(Object(), [])], weak=True), {"$dictionary": [[{}, []]], "weak": True}),
    (Reference(3), {"$ref": None, "index": 3}),
    (Reference(3, table="string"), {"$ref": None, "index": 3, "table": "string"}),
]


@pytest.mark.parametrize(("value", "expected"), CASES)
def test_values(value: Value, expected: Json) -> None:
    got = Plain().value(value)
    assert repr(got) == repr(expected)  # repr: 1 is not True and not 1.0
    assert json.loads(json.dumps(got, allow_nan=False)) == expected


def test_keys_are_in_their_order() -> None:
    assert list(Plain().value(Object([("z", 1), ("a", 2)]))) == ["z", "a"]  # type: ignore[arg-type]


# What is mentioned again


def test_containers_are_numbered_through_the_message() -> None:
    amf = Amf0(
        Cursor(build.amf0({"a": []}, [build.Date(0), build.Reference(1), build.Reference(0), build.Reference(2)])), []
    )
    assert plain([amf.value(), amf.value()]) == [
        {"a": []},
        [{"$date": "1970-01-01T00:00:00Z", "timezone": 0}, {"$ref": 1}, {"$ref": 0}, {"$ref": 2}],
    ]


def test_a_value_may_hold_itself() -> None:
    value = Amf3(Cursor(bytes.fromhex("0a0b01 0361 0905010a000902 01")), []).value()
    assert Plain().value(value) == {"a": [{"$ref": 0}, {"$ref": 1}]}
    twice: list[Value] = []
    assert Plain().value([twice, twice]) == [[], {"$ref": 1}]


def test_a_container_of_another_message_is_not_followed() -> None:
    other: list[Value] = []
    assert Plain().value([Reference(0, other)]) == [{"$ref": None, "index": 0}]


def test_dates_are_no_containers() -> None:
    date, thing = build.Date(0), {"a": 1}
    value = Amf3(Cursor(build_amf3.amf3([date, thing, date, thing])), []).value()
    assert Plain().value(value) == [
        {"$date": "1970-01-01T00:00:00Z"},
        {"a": 1},
        {"$date": "1970-01-01T00:00:00Z"},
        {"$ref": 1},
    ]


def test_what_is_long_is_written_once() -> None:
    text, data, xml = "x" * (LONGEST_REPEATED + 1), bytes(LONGEST_REPEATED + 1), build_amf3.Xml("y" * 200)
    short = "x" * LONGEST_REPEATED
    typed = build_amf3.Typed(text, {text: short})
    sent = [short, text, data, xml, text, data, xml, short, {text: text}, typed, {short: 1}]
    value = Amf3(Cursor(build_amf3.amf3(sent)), []).value()
    assert Plain().value(value) == [
        short,
        text,
        {"$bytes": b64encode(data).decode()},
        {"$xml": "y" * 200, "e4x": True},
        {"$again": 0},
        {"$again": 1},
        {"$again": 2},
        short,
        {"$pairs": [[{"$again": 0}, {"$again": 0}]]},
        {"$typed": {"$again": 0}, "value": {"$pairs": [[{"$again": 0}, short]]}},
        {short: 1},
    ]


def test_equal_texts_that_both_stand_there_are_both_written() -> None:
    text = "x" * 500
    values = Amf0(Cursor(build.amf0([text, text])), []).value()
    assert Plain().value(values) == [text, text]


# Laws


def arguments(payload: bytes, type_id: int) -> list[Value]:
    body = decode(type_id, payload).body
    assert isinstance(body, Command | Data)
    return [body.object, *body.args] if isinstance(body, Command) else list(body.args)


@given(st.sampled_from([15, 17]), bodies)
def test_json_can_say_whatever_was_read(type_id: int, payload: bytes) -> None:
    text = json.dumps(plain(arguments(payload, type_id)), allow_nan=False)
    assert len(text) <= 200 * (len(payload) + 1)


@given(amf3_built)
def test_nothing_of_amf3_is_dropped(sent: object) -> None:
    value = Amf3(Cursor(build_amf3.amf3(sent)), []).value()
    said = json.loads(json.dumps(Plain().value(value), allow_nan=False))
    assert Shape().value(Restored().value(said)) == Shape().value(value)


@given(st.recursive(amf0_scalars, amf0_containers, max_leaves=20))
def test_nothing_of_amf0_is_dropped(case: tuple[object, Value]) -> None:
    _, value = case
    said = json.loads(json.dumps(Plain().value(value), allow_nan=False))
    assert Shape().value(Restored().value(said)) == Shape().value(value)


class Shape:
    """What a value is, as far as JSON tells it: numbers are numbers, and references lead to the n-th container."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}

    def value(self, value: Value) -> object:
        match value:
            case bool() | None:
                return value
            case int() | float():
                return repr(float(value))
            case Date():
                return ("date", repr(value.milliseconds + 0.0), value.timezone)  # -0 is the same instant as 0
            case Reference():
                return ("reference", self.numbers.get(id(value.target), value.index))
            case list() | Vector() | Dictionary() | Object():
                self.numbers[id(value)] = len(self.numbers)
                return self.container(value)
        return repr(value)

    def container(self, value: Container) -> object:
        match value:
            case list():
                return self.values(value)
            case Vector():
                return (value.kind, value.class_name, value.fixed, self.values(value.items))
            case Dictionary():
                return (value.weak, [(self.value(key), self.value(item)) for key, item in value.pairs])
        pairs = [(key, self.value(item)) for key, item in value.pairs]
        kind = "ecma" if isinstance(value, EcmaArray | Array) else type(value).__name__
        return (kind, value.class_name, pairs, self.values(value.dense) if isinstance(value, Array) else [])

    def values(self, values: list[Value]) -> list[object]:
        return [self.value(value) for value in values]


class Restored:
    """Reads what `Plain` wrote."""

    def __init__(self) -> None:
        self.long: list[Value] = []

    def value(self, said: Any) -> Value:
        match said:
            case str():
                return self.kept(said, said)
            case None | bool() | int() | float():
                return said
        is_special = isinstance(said, dict) and any(key.startswith("$") for key in said)
        return self.special(said) if is_special else self.container(said)

    def kept(self, value: Value, content: str | bytes) -> Value:
        if len(content) > LONGEST_REPEATED:
            self.long.append(value)
        return value

    def special(self, said: Any) -> Value:  # noqa: C901, PLR0911 - one line for each kind of value
        match said:
            case {"$undefined": True}:
                return UNDEFINED
            case {"$unsupported": True}:
                return UNSUPPORTED
            case {"$number": text}:
                return float(text)
            case {"$string": data}:
                text = decode_text(b64decode(data))
                return self.kept(text, text)
            case {"$bytes": data}:
                content = b64decode(data)
                return self.kept(content, content)
            case {"$again": number}:
                again: Value = self.long[number]
                return again
            case {"$xml": text}:
                return Xml(self.text(text), "e4x" not in said)
            case {"$date": text}:
                return Date(milliseconds(text), said.get("timezone"))
            case {"$date_ms": number}:
                return Date(float(self.value(number)), said.get("timezone"))  # type: ignore[arg-type]
            case {"$ref": number}:
                return Reference(number)
        return self.container(said)

    def text(self, said: Any) -> str:
        text = self.value(said)
        assert isinstance(text, str)
        return text

    def container(self, said: Any) -> Value:  # noqa: PLR0911 - one line for each kind of container
        match said:
            case list():
                return [self.value(item) for item in said]
            case {"$typed": of_class, "value": value}:
                name = self.text(of_class)
                return Object(self.pairs(value), name)
            case {"$externalizable": of_class, "value": value}:
                return Externalizable(class_name=self.text(of_class), pairs=self.pairs(value))
            case {"$ecma": value}:
                pairs = self.pairs(value)
                return EcmaArray(pairs, count=said.get("count", len(pairs)))
            case {"$vector": kind, "fixed": fixed, "value": items}:
                of_class = self.text(said["class"]) if kind == "object" else ""
                return Vector(kind, [self.value(item) for item in items], fixed, of_class)
            case {"$dictionary": pairs, "weak": weak}:
                return Dictionary([(self.value(key), self.value(item)) for key, item in pairs], weak)
            case {"$pairs": pairs} if any(isinstance(key, int) for key, _ in pairs):
                named = self.pairs({"$pairs": [pair for pair in pairs if not isinstance(pair[0], int)]})
                return Array(named, dense=[self.value(item) for key, item in pairs if isinstance(key, int)])
        return Object(self.pairs(said))

    def pairs(self, said: Any) -> list[tuple[str, Value]]:
        pairs = said["$pairs"] if "$pairs" in said else said.items()
        return [(self.text(key), self.value(item)) for key, item in pairs]


def milliseconds(iso: str) -> float:
    return (datetime.fromisoformat(iso) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)


@pytest.mark.parametrize("data", [data for _, _, data in AMF3_CASES])
def test_all_that_is_tested_of_amf3_can_be_said(data: str) -> None:
    value = Amf3(Cursor(bytes.fromhex(data)), []).value()
    json.dumps(Plain().value(value), allow_nan=False)


# Time and size


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_time_and_size_are_in_proportion_to_the_bytes(make: Callable[[int], bytes]) -> None:
    def seconds(size: int) -> float:
        values = arguments(b"\0" + build.amf0("f") + b"\x11" + make(size), 15)
        text, elapsed = timed(lambda: json.dumps(plain(values), allow_nan=False))
        assert len(text) < 200 * size
        return elapsed

    assert grows_gently(seconds, 2000, 16_000, 12)


def test_a_deep_value_is_no_problem() -> None:
    level = b"\x0a\x0b\x03T\x03$"
    values = arguments(b"\0" + build.amf0("f") + b"\x11" + level + (b"\x0a\x01\x02" * 62) + b"\x01", 15)
    text = json.dumps(plain(values), allow_nan=False, indent=1)
    assert text.count('"$typed"') == 63
