"""Is it text, and what of it is seen? Marks, code pages, blanks of all widths, escapes of terminals."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.characters import cleaned, text_of
from tests.capture.forms import powershell_5

HEXDUMP = "00000000  03 00 00 00                                       |....|\n00000004\n"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"03 00\r\n04\n", "03 00\n04\n"),
        (b"\xef\xbb\xbf03", "03"),
        ("03 00".encode("utf-16"), "03 00"),
        (b"\xfe\xff\x000\x003", "03"),
        (b"\x1b[38;5;160;1m03\x1b[0m 00", "03 00"),
        ("03\u00a000".encode(), "03 00"),
        (b"", ""),
        (b"03 \x00", None),
        (b"\x03\x00\x00", None),
        (b"\xff\xff", None),
        (b"03\x07", None),
        (b"\x1b[2J03", None),
    ],
)
def test_text_is_told_from_bytes(data: bytes, text: str | None) -> None:
    assert text_of(data) == text


def test_text_that_goes_on_may_be_cut_anywhere() -> None:
    data = "# é €".encode()
    assert all(text_of(data[:size], whole=False) is not None for size in range(len(data) + 1))
    assert text_of(data[:-1]) is None


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_dump_in_any_encoding_with_any_ends_of_lines(encoding: str, end: str) -> None:
    assert text_of(HEXDUMP.replace("\n", end).encode(encoding)) == HEXDUMP


def test_a_column_of_text_in_a_code_page_of_windows() -> None:
    dump = powershell_5(bytes(range(0xA0, 0xFF)))
    assert dump.encode("cp1252").decode("utf-8", "replace") != dump
    assert text_of(dump.encode("cp1252")) == cleaned(dump)


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(0xA0, 0xFF)) + b"mostly no ASCII",
        b"\x03\0\0\0\0\0\xe4\x14\0\0\0\0",
        b"a\0b\0c\0d",  # an odd one
        b"a\0",  # too short to tell
        b"a\0b\0c\0d\0e\1",
        b"text and a bell \x07",
        b"\xff\xfe\x00\xd8",  # half of a character
    ],
)
def test_what_is_no_text(data: bytes) -> None:
    assert text_of(data) is None


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("\x1b[1;32m03\x1b[0m 00", "03 00"),
        ("\x1b[01;31m\x1b[K03\x1b[m\x1b[K 00", "03 00"),  # grep
        ("\x1b[38:5:160m03\x1b[m", "03"),
        ("\x1b[200~03 00\x1b[201~", "03 00"),
        ("\x1b]8;;https://host/\x1b\\03\x1b]8;;\x1b\\", "03"),
        ("\u200b03\u200d\ufeff\u00ad 00\u202e", "03 00"),
        ("03\u00a000\u202f00\u200900\u300000", "03 00 00 00 00"),
        ("03\u202800\u008500", "03\n00\n00"),
        ("\u201c03\u201d \u201800\u2019", "\"03\" '00'"),
        ("tab\tstays", "tab\tstays"),
    ],
)
def test_what_nobody_sees_goes(written: str, seen: str) -> None:
    assert cleaned(written) == seen
