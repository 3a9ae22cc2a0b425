"""Captured text made safe: nothing unprintable gets through, and nothing is lost on the way."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtmpsniff.text import (
    columns_of,
    decode_text,
    encode_text,
    fitted,
    grouped,
    number_text,
    plural,
    printable,
    quoted,
    reach,
    shortened,
)


@given(st.binary())
def test_decoded_text_gives_its_bytes_back(raw: bytes) -> None:
    assert encode_text(decode_text(raw)) == raw


@given(st.binary())
def test_nothing_unprintable_is_left(raw: bytes) -> None:
    text = decode_text(raw)
    assert printable(text).isprintable()
    assert quoted(text).isprintable()


@given(st.text())
def test_printable_text_stays_as_it_is(text: str) -> None:
    assert printable(printable(text)) == printable(text)


ESCAPED = [
    ("plain", "plain", '"plain"'),
    ("", "", '""'),
    ("Zürich 東京", "Zürich 東京", '"Zürich 東京"'),
    ("two\nlines\r\t", r"two\nlines\r\t", r'"two\nlines\r\t"'),
    ("nul\0", r"nul\0", r'"nul\0"'),
    ("\x1b[2J", r"\x1b[2J", r'"\x1b[2J"'),
    ("\x7f", r"\x7f", r'"\x7f"'),
    ("a\u202eb", r"a\u202eb", r'"a\u202eb"'),
    ("\u2066\u200b\ufeff", r"\u2066\u200b\ufeff", r'"\u2066\u200b\ufeff"'),
    ("\u2028\u3000", r"\u2028\u3000", r'"\u2028\u3000"'),
    ("\U000e0041", r"\U000e0041", r'"\U000e0041"'),
    ("\udcff", r"\xff", r'"\xff"'),
    ('say "hi"', 'say "hi"', r'"say \"hi\""'),
    ("a\\n", "a\\n", r'"a\\n"'),
]


@pytest.mark.parametrize(("text", "shown", "in_quotes"), ESCAPED)
def test_escapes(text: str, shown: str, in_quotes: str) -> None:
    assert printable(text) == shown
    assert quoted(text) == in_quotes


texts = st.binary(max_size=12).map(decode_text) | st.text(max_size=12).filter(str.isprintable)


@given(texts, texts)
@example("\u0085", decode_text(b"\x85"))
@example("\\n", "\n")
@example('\\"', '"')
def test_quoted_texts_differ_where_the_texts_differ(one: str, other: str) -> None:
    assert (quoted(one) == quoted(other)) == (one == other)


NUMBERS = [
    (239.0, "239"),
    (0.0, "0"),
    (-0.0, "-0"),
    (-7.0, "-7"),
    (0.5, "0.5"),
    (31.25, "31.25"),
    (float("nan"), "nan"),
    (float("inf"), "inf"),
    (float("-inf"), "-inf"),
    (2.0**53 - 1, "9007199254740991"),
    (2.0**53, "9007199254740992.0"),
    (1e300, "1e+300"),
    (5e-324, "5e-324"),
    (12, "12"),
]


@pytest.mark.parametrize(("value", "text"), NUMBERS)
def test_numbers(value: float, text: str) -> None:
    assert number_text(value) == text


@given(st.floats())
def test_numbers_can_be_read_back(value: float) -> None:
    assert repr(float(number_text(value))) == repr(value)


PLURALS = [
    (1, "byte", "1 byte"),
    (0, "byte", "0 bytes"),
    (2, "message", "2 messages"),
    (3, "entry", "3 entries"),
    (2, "key", "2 keys"),
    (12_345, "packet", "12 345 packets"),
]


@pytest.mark.parametrize(("count", "noun", "text"), PLURALS)
def test_plurals(count: int, noun: str, text: str) -> None:
    assert plural(count, noun) == text


def test_thousands_are_set_apart() -> None:
    assert [grouped(number) for number in (0, 999, 1000, 12_345_678)] == ["0", "999", "1 000", "12 345 678"]


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("abc", 3), ("\u65e5\u672c", 4), ("e\u0301", 1), ("\U0001f600!", 3)]
)
def test_columns_of_a_terminal(text: str, columns: int) -> None:
    assert columns_of(text) == columns


@given(st.text(alphabet="ab\u65e5\u0301"), st.integers(-3, 20), st.integers(0, 9))
def test_the_reach_of_a_room(text: str, room: int, start: int) -> None:
    start = min(start, len(text))
    stop = reach(text, room, start)
    assert start <= stop <= len(text)
    assert columns_of(text[start:stop]) <= max(room, 0)
    assert stop == len(text) or columns_of(text[start : stop + 1]) > room


@pytest.mark.parametrize("room", [2, 0, -7])
def test_less_room_than_three_dots_take_holds_them_alone(room: int) -> None:
    assert [fitted(text, room) for text in ("x" * 100, "\u65e5" * 100)] == ["...", "..."]


@given(st.text(alphabet="ab\u65e5\u0301"), st.integers(3, 20))
def test_a_text_fits_its_room(text: str, room: int) -> None:
    cut = fitted(text, room)
    assert columns_of(cut) <= room
    assert cut == text if columns_of(text) <= room else cut.endswith("...")
    assert text.startswith(cut.removesuffix("..."))
    assert cut == text or columns_of(cut) > room - 2


def test_a_text_that_is_shortened_says_so_in_the_room_that_there_is() -> None:
    assert [shortened("abcdef", room) for room in (6, 5, 3, 0)] == ["abcdef", "ab...", "...", "..."]
