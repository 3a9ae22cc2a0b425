"""Records as JSON: all decimals of a time, no character that acts on a terminal, and the same values when read back."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.output.json_text import json_text, json_value

WRITTEN = [
    (Decimal("0E-9"), "0.000000000"),
    (Decimal("1767225600000000001e-9"), "1767225600.000000001"),
    (Decimal("-1e-9"), "-0.000000001"),
    (1.5, "1.5"),
    (None, "null"),
    (True, "true"),
    ("é", '"é"'),
    ("\x1b\u202e\x9b", '"\\u001b\\u202e\\u009b"'),
    ("\udcff", '"\\udcff"'),
    ("\U000e0001", '"\\udb40\\udc01"'),
    ({"a": [1, {}]}, '{"a": [1, {}]}'),
]


@pytest.mark.parametrize(("value", "text"), WRITTEN)
def test_values(value: object, text: str) -> None:
    assert json_value(value) == text


def test_a_record_is_one_line_in_its_order() -> None:
    assert json_text({"time": Decimal("1.000000000"), "n": 1, "body": {"b": 1, "a": "\n"}}) == (
        '{"time": 1.000000000, "n": 1, "body": {"b": 1, "a": "\\n"}}'
    )
    assert json_text({}) == "{}"


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"x": float("nan")})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), VALUES), st.integers(-(2**80), 2**80))
def test_it_reads_back(record: dict[str, object], nanoseconds: int) -> None:
    record["time"] = Decimal(f"{nanoseconds}e-9")
    text = json_text(record)
    assert text.isprintable()
    time = json.loads(text, parse_float=Decimal)["time"]
    assert time == record.pop("time")
    assert {name: value for name, value in json.loads(text).items() if name != "time"} == record
