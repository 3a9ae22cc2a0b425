"""Lines that may be rows of a listing."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.rows import OFFSET, Other, Row, lines_of, rest_of_line, value_of


def row(line: str) -> Row | None:
    (found,) = lines_of(line)
    return found if isinstance(found, Row) else None


@pytest.mark.parametrize(
    ("line", "offset", "counts", "is_marked", "is_grouped"),
    [
        ("0010  03 00 00", 0x10, (3,), False, False),
        ("0010: 0300 00", 0x10, (3,), True, True),
        ("[0010] 03 00 00", 0x10, (3,), True, False),
        ("(0010) 03 00 00", 0x10, (3,), True, False),
        ("<0010> 03 00 00", 0x10, (3,), True, False),
        ("|0010| 03 00 00 |...|", 0x10, (3,), True, False),
        ("│0010│ 03 00 00 │", 0x10, (3,), True, False),
        (" | 0010  03 00 00  ... |", 0x10, (3,), False, False),
        ("0010 - 03 00 00", 0x10, (3,), True, False),
        ("0010h: 03 00 00", 0x10, (3,), True, False),
        ("0x0010: 0x03 0x00 0x00", 0x10, (3,), True, False),
        ("0x0010 <talk+16>:\t0x03000000", 0x10, (4,), True, True),
        ("0000015f`2b7c0010  03 00 00", 0x15F2B7C0010, (3,), False, False),
        ("00000010 030000e4", 0x10, (4,), False, True),
        ("0010: 03 00 00 00 00 00 00 00  01 02", 0x10, (8, 10), True, False),
        ("0010: 03 00 00 00 00 00 00 00 ┊ 01 02", 0x10, (8, 10), True, False),
        ("0010: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11", 0x10, (16, 18), True, False),
        ("0010: 03020100     0504", 0x10, (4, 6), True, True),
        ("0010: 03020100 0504", 0x10, (6,), True, True),
    ],
)
def test_rows(line: str, offset: int, counts: tuple[int, ...], is_marked: bool, is_grouped: bool) -> None:
    found = row(line)
    assert found is not None
    assert (found.offset(16), found.counts) == (offset, counts)
    assert (found.is_marked, found.is_grouped, found.is_loose) == (is_marked, is_grouped, is_grouped and not is_marked)


@pytest.mark.parametrize(
    "line",
    [
        "a line of text",
        "12:00:00 and more",
        "[0010 03 00",
        "10 - 03 00",
        "2026-11-21 17:34",
        "0010 -03",
        "03 00 00",
        "030 0000",
        "    3095  4 bytes never captured",
        "0010:",
    ],
)
def test_other_lines(line: str) -> None:
    assert row(line) is None


def test_words_of_a_machine() -> None:
    for line in ("0000000 0003 0000", "0000000    0003    0000", "000000 00000003 14e40000"):
        found = row(line)
        assert found is not None
        assert found.is_words
    for line in ("0000000: 0003 0000", "00000000 0003 0000", "\t0x0000:  0300 0000"):
        found = row(line)
        assert found is not None
        assert not found.is_words


@pytest.mark.parametrize(
    ("line", "is_doubtful"),
    [
        ("0000: 0300 0000", False),
        ("0000: 03000000 0000e414", True),
        ("0000: 0300000000000000", True),
        ("0000: 03000000000000000000e414", False),
        ("0000  0300 0000", True),
        ("0000: 0x0300 0x0000", True),
    ],
)
def test_groups_may_be_numbers(line: str, is_doubtful: bool) -> None:
    found = row(line)
    assert found is not None
    assert found.is_doubtful(line) is is_doubtful


def test_margins_and_empty_lines() -> None:
    text = "\0\0 0010  03\n\n\0\0\n\0words  \n"
    first, second = lines_of(text)
    assert isinstance(first, Row)
    assert (first.at, first.groups(text), first.rest(text)) == (2, "03", "")
    assert second == Other(17, "words  ")
    assert not second.is_missing


def test_small_tools() -> None:
    assert value_of("0X00FF") == "00ff"
    assert value_of("0000015f`2b7c0010") == "0000015f2b7c0010"
    assert rest_of_line("ab\ncd", 1) == "b"
    assert rest_of_line("ab\ncd", 4) == "d"
    assert OFFSET.match("zz") is None
