"""Where in a text each byte stood, and how a mistake says where it is."""

from __future__ import annotations

from time import process_time

import pytest

from rtmpsniff.capture.places import Collected, Form, blanked, mistake, place
from rtmpsniff.errors import UserError
from tests.proportion import grows_gently


def test_lines_and_columns_count_from_one() -> None:
    text = "ab\n\n cd"
    assert [place(text, at) for at in (0, 1, 3, 4, 5)] == [
        "line 1, column 1",
        "line 1, column 2",
        "line 2, column 1",
        "line 3, column 1",
        "line 3, column 2",
    ]


@pytest.mark.parametrize(
    ("text", "form", "columns"),
    [
        ("0a0b0c", "hex", [1, 3, 5]),
        ("0a 0b\t0c", "hex", [1, 4, 7]),
        ("0x0a, 0x0b, 0x0c", "hex", [3, 9, 15]),
        ("0x0a0b0c", "hex", [3, 5, 7]),
        ("CgsM", "base64", [1, 2, 3]),
        ("Cg sM", "base64", [1, 2, 4]),
    ],
)
def test_bytes_of_a_run_are_found(text: str, form: Form, columns: list[int]) -> None:
    found = Collected()
    found.add(b"\n\x0b\x0c", 0, len(text))
    pasted = found.pasted(form, text)
    assert [pasted.place(offset) for offset in range(3)] == [f"line 1, column {column}" for column in columns]


def test_bytes_of_several_runs_are_found() -> None:
    text = "0a0b # 0f\n0c"
    found = Collected()
    found.add(b"\n\x0b", 0, 4)
    found.add(b"\x0c", 10, 12)
    pasted = found.pasted("hex", text)
    assert pasted.data == b"\n\x0b\x0c"
    assert [pasted.place(offset) for offset in range(3)] == ["line 1, column 1", "line 1, column 3", "line 2, column 1"]


def test_a_mistake_names_what_stands_there() -> None:
    error = mistake("aa zz,bb", 3, "{} is no hex")
    assert isinstance(error, UserError)
    assert str(error) == 'line 1, column 4: "zz" is no hex'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x" * 99, f'"{"x" * 16}..."'),
        ("\x1b[2J", '"\\x1b[2J"'),
        (" ", '" "'),
        ("\u202eabc", '"\\u202eabc"'),
        ("", '""'),
    ],
)
def test_what_is_shown_is_short_and_safe(text: str, shown: str) -> None:
    assert str(mistake(text, 0, "{}")) == f"line 1, column 1: {shown}"


@pytest.mark.parametrize(("unit", "form"), [("0a", "hex"), ("10,", "decimal"), ("0a\n", "hex"), ("CgsM", "base64")])
def test_many_places_are_found_in_proportion(unit: str, form: Form) -> None:
    def seconds(size: int) -> float:
        found = Collected()
        found.add(b"\n" * size, 0, len(unit) * size)
        pasted = found.pasted(form, unit * size)
        start = process_time()
        for offset in range(size):
            pasted.place(offset)
        return process_time() - start

    assert grows_gently(seconds, 1_000, 8_000, 16)


def test_the_bytes_of_a_number_are_found_from_its_end() -> None:
    found = Collected()
    found.add(b"RTMP!", 0, 11)
    pasted = found.pasted("listing", "504d5452 21")._replace(is_swapped=True)
    assert [pasted.place(offset) for offset in range(5)] == [f"line 1, column {column}" for column in (7, 5, 3, 1, 10)]


def test_notes_add_up() -> None:
    pasted = Collected().pasted("hex", "")
    assert pasted.noted("").note == ""
    assert pasted.noted("one").noted("").noted("two").note == "one; two"


def test_blanks_keep_lines() -> None:
    assert blanked("ab\ncd\n") == "  \n  \n"
    assert blanked("ab\n", "-") == "--\n"
