from __future__ import annotations

import math

import pytest

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
    Vector,
    Xml,
)


def test_the_last_of_equal_names_wins_and_none_is_dropped() -> None:
    value = Object([("a", 1.0), ("b", None), ("a", 2.0)])
    assert value["a"] == value.get("a") == 2.0
    assert list(value) == ["a", "b", "a"]
    assert len(value) == 3
    assert "b" in value
    assert value.get("b", "default") is None


def test_a_name_that_is_not_there() -> None:
    value = Object([("a", 1.0)])
    assert "b" not in value
    assert value.get("b", "default") == "default"
    with pytest.raises(KeyError, match="b"):
        value["b"]


def test_an_array_is_no_object() -> None:
    assert EcmaArray([("a", 1.0)]) != Object([("a", 1.0)])
    assert Array([("a", 1.0)]) != Object([("a", 1.0)])
    assert Externalizable([("a", 1.0)], "A") != Object([("a", 1.0)], "A")


def test_all_that_has_names_is_looked_into_alike() -> None:
    assert Array([("a", 1)], dense=["b"])["a"] == 1
    assert Externalizable([("body", "ok")], "DSK").get("body") == "ok"
    assert len(Array(dense=[1, 2])) == 0


def test_what_is_usual_need_not_be_said() -> None:
    assert Vector("int") == Vector("int", [], False, "")
    assert Dictionary() == Dictionary([], False)
    assert Xml("<a/>") != Xml("<a/>", legacy=False)
    assert Date(0.0) == Date(0.0, 0) != Date(0.0, None)
    assert Reference(1) != Reference(1, table="string")


def test_the_two_values_that_have_no_more_to_say() -> None:
    assert repr([UNDEFINED, UNSUPPORTED]) == "[UNDEFINED, UNSUPPORTED]"


def test_a_cycle_is_harmless() -> None:
    value = Object()
    value.pairs.append(("self", Reference(0, value)))
    assert value == Object([("self", Reference(0))])
    assert repr(value) == "Object(pairs=[('self', Reference(index=0))], class_name=None)"


@pytest.mark.parametrize(
    ("milliseconds", "iso"),
    [
        (0.0, "1970-01-01T00:00:00Z"),
        (1_700_000_000_000.0, "2023-11-14T22:13:20Z"),
        (1_700_000_000_123.0, "2023-11-14T22:13:20.123Z"),
        (-1.0, "1969-12-31T23:59:59.999Z"),
        (-62_135_596_800_000.0, "0001-01-01T00:00:00Z"),
        (253_402_300_799_999.0, "9999-12-31T23:59:59.999Z"),
        (-62_135_596_800_001.0, None),
        (253_402_300_800_000.0, None),
        (1e300, None),
        (0.5, None),
        (math.nan, None),
        (math.inf, None),
    ],
)
def test_dates_that_have_an_iso_text(milliseconds: float, iso: str | None) -> None:
    assert Date(milliseconds, 60).iso == iso
