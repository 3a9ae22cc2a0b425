"""Columns: as wide as their widest cell, aligned, without a space at the end of a line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.output.columns import columns, wrapped
from rtmpsniff.output.theme import Paint

PLAIN = Paint(False)


def test_columns_are_aligned() -> None:
    lines = list(columns(("type", "bytes", "end"), [("audio", "1 234", "closed"), ("a", "5", "")], PLAIN, " r"))
    assert lines == [
        "type   bytes  end",
        "audio  1 234  closed",
        "a          5",
    ]


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
