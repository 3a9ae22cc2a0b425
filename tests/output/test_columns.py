"""Columns: as wide as their widest cell, aligned, without a space at the end of a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.output.columns import columns, wrapped
from rtmpsniff.output.theme import Paint
from rtmpsniff.text import columns_of

PLAIN = Paint(False)


def test_columns_are_aligned() -> None:
    lines = list(columns(("type", "bytes", "end"), [("audio", "1 234", "closed"), ("a", "5", "")], PLAIN, " r"))
    assert lines == [
        "type   bytes  end",
        "audio  1 234  closed",
        "a          5",
    ]


def test_a_wide_character_takes_two_columns() -> None:
    lines = list(columns(("name", "end"), [("テスト", "x"), ("e\u0301", "y"), ("abcdefg", "z")], PLAIN, "r"))
    assert lines == ["   name  end", " テスト  x", "      e\u0301  y", "abcdefg  z"]


def test_a_heading_may_stand_alone() -> None:
    assert list(columns(("type", "bytes"), [], PLAIN)) == ["type  bytes"]


def test_the_heading_is_dim() -> None:
    heading, row = columns(("type",), [("audio",)], Paint(True))
    assert heading == Paint(True).style("dim", "type")
    assert row == "audio"


words = st.text(alphabet="abc0", min_size=1, max_size=9)
tables = st.integers(1, 5).flatmap(lambda size: st.lists(st.tuples(*[words] * size), min_size=1, max_size=6))


@given(tables, st.text(alphabet="r ", max_size=5))
def test_every_cell_can_be_found_again(rows: list[tuple[str, ...]], right: str) -> None:
    head, *rest = rows
    lines = list(columns(head, rest, PLAIN, right[: len(head)]))
    assert [tuple(line.split()) for line in lines] == rows
    assert all(line == line.rstrip() for line in lines)
    for at in range(len(head)):
        ends = {_edges(line, at)[right[at : at + 1] == "r"] for line in lines}
        assert len(ends) == 1


def _edges(line: str, at: int) -> tuple[int, int]:
    """Where the cell number `at` begins and ends."""
    start = 0
    for word in line.split()[:at]:
        start = line.index(word, start) + len(word)
    word = line.split()[at]
    start = line.index(word, start)
    return start, start + len(word)


def test_a_number_is_not_broken_up() -> None:
    text = "messages 1 234, bytes 12 345 678 c->s, 5 s"
    assert list(wrapped(text, 40)) == ["messages 1 234, bytes 12 345 678 c->s,", "    5 s"]
    assert " ".join(map(str.strip, wrapped(text, 5))) == text


def test_what_a_number_counts_is_not_kept_with_it_where_there_is_little_room() -> None:
    assert wrapped("228 bytes", 8, indent=0, narrowest=8) == ["228", "bytes"]
    assert wrapped("element 12 345 of the list", 12, indent=0, narrowest=8) == ["element 12", "345 of the", "list"]


def test_narrow_characters_that_are_not_ascii_take_all_the_room() -> None:
    assert wrapped("é" * 60, 60) == ["é" * 60]


@given(st.text(alphabet="ab 12 テスト\u0301", max_size=200), st.integers(40, 60))
def test_no_row_is_wider_than_the_terminal(text: str, width: int) -> None:
    rows = wrapped(text, width)
    assert all(columns_of(row) <= width for row in rows)
    assert "".join("".join(rows).split()) == "".join(text.split())


@pytest.mark.parametrize("width", [40, 41, 42, 43])
@pytest.mark.parametrize("text", ["テ" * 100, "a" + "テ" * 100, "aテ" * 60], ids=["wide", "shifted", "mixed"])
def test_rows_of_wide_characters_are_full(text: str, width: int) -> None:
    rows = wrapped(text, width)
    assert "".join(map(str.strip, rows)) == text
    assert all(width - 3 <= columns_of(row) <= width for row in rows[:-1])
