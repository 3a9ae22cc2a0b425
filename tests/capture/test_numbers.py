"""Lists of decimal numbers: what is one, what may be one, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.capture.literals import undressed
from rtmpsniff.capture.numbers import find_numbers, read_decimal, with_rival
from rtmpsniff.capture.places import Collected, Pasted
from rtmpsniff.errors import UserError
from tests.capture.forms import DECIMAL, Form

DATA = b"\x03\0\0\0\0\0\xe4\x14connect"


@pytest.mark.parametrize("written", DECIMAL.values(), ids=DECIMAL)
def test_as_languages_print_them(written: Form) -> None:
    text = undressed(written(DATA))
    found = find_numbers(text)
    assert found is not None
    assert (found.data, found.form, found.note, found.rival) == (DATA, "decimal", "", None)
    assert read_decimal(text).data == DATA


@given(st.binary(min_size=2), st.booleans())
def test_any_list_gives_its_bytes(data: bytes, is_signed: bool) -> None:
    values = [byte - 256 if is_signed and byte > 127 else byte for byte in data]
    text = str(values)
    assert read_decimal(text).data == data
    found = find_numbers(text)
    assert found is None or found.data == data
    assert found is not None or all(9 < value < 100 for value in values)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("3, 12, 45", b"\x03\x0c-"),
        ("3 12 45", b"\x03\x0c-"),
        ("[100 200]", b"d\xc8"),
        ("-1 10", b"\xff\n"),
        (" -12", b"\xf4"),
        ("[3, 0, e4, 14]", b"\x03\0\xe4\x14"),
        ("3,0,E4", b"\x03\0\xe4"),
    ],
)
def test_what_cannot_be_hex_of_two_digits(text: str, data: bytes) -> None:
    found = find_numbers(text)
    assert found is not None
    assert found.data == data
    assert (
        (found.form == "hex") == ("e4" in text.lower()) == (found.note == "single hex digits are taken for a byte each")
    )


@pytest.mark.parametrize(
    "text",
    ["", "3", "300", "03 0", "03, 12", "10, 12, 45", "0300 000 00", "2026 11 21", "3 0 e4", "3-12-45", "1.5 2", "3, x"],
)
def test_what_is_no_list_of_numbers(text: str) -> None:
    assert find_numbers(text) is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("3, 256", 'line 1, column 4: "256" is no byte: those here go from 0 to 255'),
        ("3,\n-129", 'line 2, column 1: "-129" is no byte: those here go from -128 to 127'),
        ("-3, 200", 'line 1, column 5: "200" is no byte: those here go from -128 to 127'),
    ],
)
def test_numbers_that_are_no_bytes(text: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        find_numbers(text)
    assert str(caught.value) == complaint


def test_who_says_that_it_is_decimal_is_believed() -> None:
    assert read_decimal("10 12 45 003").data == b"\n\x0c-\x03"
    with pytest.raises(UserError, match='column 4: "e4" is no decimal number'):
        read_decimal("10 e4")


def hexadecimal(text: str) -> Pasted:
    found = Collected()
    found.add(bytes.fromhex(text.translate(str.maketrans("", "", ",[]"))), 0, len(text))
    return found.pasted("hex", text)


def test_two_digits_each_may_be_both() -> None:
    for text in ("10, 12, 45", "10 12 45", "[10,12,45]", "10\n12\n45"):
        pasted = with_rival(hexadecimal(text), text)
        assert pasted.data == b"\x10\x12\x45"
        assert pasted.rival is not None
        assert pasted.rival.data == b"\n\x0c-"
        assert "--input decimal" in pasted.note
        assert "--input hex" in pasted.rival.note
    assert with_rival(hexadecimal("[45]"), " 45 ", fewest=1).rival is not None
    for text in ("10", "101245", "03 12 45", "10 12 4e"):
        assert with_rival(hexadecimal(text), text).rival is None


def test_the_place_of_a_number() -> None:
    found = find_numbers("[ 3,\n  100, 45 ]")
    assert found is not None
    assert [found.place(at) for at in range(3)] == ["line 1, column 3", "line 2, column 3", "line 2, column 8"]
