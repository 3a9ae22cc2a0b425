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


def test_rows_of_a_text() -> None:
    text = "from the client: 1 234 567 bytes, of which 12 345 ms are left, and some-words-with-hyphens more"
    for width in range(40, 90):
        rows = wrapped(text, width)
        assert max(map(len, rows)) <= width
        assert " ".join(row.strip() for row in rows) == text
        assert not [row for row in rows if row.endswith(("1", "234", "12", "345"))]
    assert wrapped(text, 3) == wrapped(text, 40)
