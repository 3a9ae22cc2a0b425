"""Columns for scripts: one line whatever the values hold, and no two texts alike."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.analysis.record import ABSENT
from rtmpsniff.output.table import cell, row

CELLS = [
    (ABSENT, ""),
    (None, "null"),
    (True, "true"),
    (False, "false"),
    (50_000, "50000"),
    (239.0, "239"),
    (0.5, "0.5"),
    (float("nan"), "nan"),
    (-0.0, "-0"),
    (Decimal("0E-9"), "0.000000000"),
    (Decimal("45264000e-9"), "0.045264000"),
    ("rtmp://host/live", "rtmp://host/live"),
    ("two words", "two words"),
    ("a\tb\nc", "a\\tb\\nc"),
    ("C:\\t", "C:\\\\t"),
    ("\x1b[2J\u202e\udcff", "\\x1b[2J\\u202e\\xff"),
    ([1, "a"], '[1, "a"]'),
    ({"$typed": "C", "value": {"k": "\t"}}, '{"$typed": "C", "value": {"k": "\\t"}}'),
]


@pytest.mark.parametrize(("value", "text"), CELLS)
def test_cells(value: object, text: str) -> None:
    assert cell(value) == text


def test_rows() -> None:
    assert row([1, ABSENT, "a"]) == "1\t\ta"
    assert row([ABSENT]) == ""


TEXTS = st.text() | st.text(st.sampled_from("\\\t\nnt x1b\x1b"))


@given(TEXTS, TEXTS)
def test_texts_are_one_line_and_stay_apart(one: str, other: str) -> None:
    assert cell(one).isprintable()
    assert (cell(one) == cell(other)) is (one == other)


@given(st.lists(st.text() | st.integers() | st.lists(st.text()), min_size=1))
def test_a_row_has_as_many_columns_as_values(values: list[object]) -> None:
    assert len(row(values).split("\t")) == len(values)
    assert "\n" not in row(values)
