"""Bytes that somebody wrote as text: hex in all its dress, escapes, base64; which is which, and what is wrong."""

from __future__ import annotations

import base64
import re
from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.capture.pasted import read_text
from rtmpsniff.capture.places import Form
from rtmpsniff.errors import UserError
from tests.proportion import grows_gently

DATA = b"\x02\x00\x07connect\x00\x3f\xf0\x00\x00\x00\x00\x00\x00\x05\xff\xfe"
PLAIN = DATA.hex()


def in_c(data: bytes) -> str:
    return ", ".join(f"0x{byte:02x}" for byte in data)


def escaped(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)


HEX = {
    "plain": PLAIN,
    "upper case": PLAIN.upper(),
    "in lines": f"{PLAIN[:10]}\n{PLAIN[10:]}\n",
    "spaces": DATA.hex(" "),
    "groups": DATA.hex(" ", -4),
    "colons": DATA.hex(":"),
    "hyphens": DATA.hex("-"),
    "commas": DATA.hex(","),
    "tabs": DATA.hex("\t"),
    "0x once": f"0x{PLAIN}",
    "0x each": in_c(DATA),
    "0x each, no commas": in_c(DATA).replace(",", ""),
    "0x each, single digits": in_c(DATA).replace("0x02", "0x2").replace("0x00", "0x0"),
    "brackets": f"[{in_c(DATA)}]",
    "quotes": f'"{PLAIN}"',
    "C": f"static const unsigned char packet[{len(DATA)}] = {{\n{in_c(DATA)}\n}};\n",
    "C with remarks": f"uint8_t a[] = {{ /* ab cd */ {in_c(DATA[:5])}, // ef 01\n {in_c(DATA[5:])} }};",
    "xxd -i": f"unsigned char c_bin[] = {{\n  {in_c(DATA)}\n}};\nunsigned int c_bin_len = {len(DATA)};\n",
    "Go": f"data := []byte{{{in_c(DATA)}}}",
    "C#": f"new byte[] {{ {in_c(DATA)} }}",
    "remarks": f"# dead beef\n{DATA[:5].hex(' ')} # the name's length\n{DATA[5:].hex()} // the rest\n",
    "remark that never ends": f"{PLAIN} /* and so on",
    "no-break spaces": DATA.hex(" ").replace(" ", "\u00a0"),
    "wide spaces": DATA.hex(" ").replace(" ", "\u3000"),
    "escapes": escaped(DATA),
    "escapes with blanks": escaped(DATA).replace("\\x00", " \\x00"),
    "escapes in a C literal": f'"{escaped(DATA)}"',
    "escapes in C literals": f'char a[] =\n  "{escaped(DATA[:9])}" // so far\n  "{escaped(DATA[9:])}";\n',
    "escapes with a backslash at the end": f'"{escaped(DATA[:9])}\\\n{escaped(DATA[9:])}"',
    "Python": repr(DATA),
    "Python with the other quotes": 'b"' + repr(DATA)[2:-1] + '"',
    "a literal without its quotes": repr(DATA)[2:-1],
    "Python bytearray": f"bytearray({DATA!r})",
    "Python fromhex": f'bytes.fromhex("{PLAIN}")',
    "Python fromhex in lines": f'data = bytes.fromhex(\n    "{PLAIN[:10]}"\n    "{PLAIN[10:]}"\n)\n',
    "printf": f"printf '{escaped(DATA)}'",
    "a shell's quotes": f"$'{escaped(DATA)}'",
    "escapes behind a remark": f'/* the client\'s */ "{escaped(DATA)}"',
    "PostgreSQL": f"\\x{PLAIN}",
    "PostgreSQL in quotes": f"'\\x{PLAIN}'",
}


@pytest.mark.parametrize("text", HEX.values(), ids=HEX)
def test_hex_in_all_its_dress(text: str) -> None:
    pasted = read_text(text)
    assert (pasted.data, pasted.form) == (DATA, "hex")
    assert read_text(text, "hex").data == DATA


@given(st.binary(min_size=1))
def test_a_python_literal_gives_its_bytes(data: bytes) -> None:
    text = repr(data)
    if "\\x" in text:
        assert read_text(text).data == data


ESCAPES = [
    (r"'\x41\n\r\t\0\\'", b"A\n\r\t\0\\"),
    (r"'\x41\a\b\f\v\e\"\''", b"A\a\b\f\v\x1b\"'"),
    (r"'\x41\101\7\377'", b"AA\x07\xff"),
    (r"\x02\x00\x04face", b"\x02\x00\x04face"),
    (r"'\x41 b'", b"A b"),
    ("'\\x41\u00e9'", b"A\xc3\xa9"),
]


@pytest.mark.parametrize(("text", "data"), ESCAPES)
def test_escapes(text: str, data: bytes) -> None:
    assert read_text(text).data == data


# Base64


def test_base64() -> None:
    text = base64.b64encode(DATA).decode()
    for written in (text, f"{text[:10]}\n{text[10:]}\n", text.rstrip("="), text.replace("+", "-").replace("/", "_")):
        pasted = read_text(written)
        assert (pasted.data, pasted.form) == (DATA, "base64")


def test_base64_that_says_so_is_no_hex() -> None:
    assert read_text("data:video/x-flv;base64,AAAA").data == bytes(3)
    assert read_text("AAAA").data == b"\xaa\xaa"


def test_base64_is_not_guessed_of_words() -> None:
    for word in ("Hello World again", "Take these Bytes", "hello", "captures/talk", "made/123", "HELLO", "Talk.pcap"):
        with pytest.raises(UserError, match=r"is no hex|hex digits come in pairs"):
            read_text(word)


def test_what_can_be_hex_is_hex() -> None:
    assert read_text("deadbeef").form == "hex"
    assert read_text("deadbeef", "base64").data == base64.b64decode("deadbeef")


@given(st.binary(min_size=1))
def test_base64_gives_its_bytes(data: bytes) -> None:
    assert read_text(base64.b64encode(data).decode(), "base64").data == data
    assert read_text(base64.urlsafe_b64encode(data).decode(), "base64").data == data


# Mistakes

MISTAKES: list[tuple[Form | None, str, str]] = [
    (None, "03 00 zz", 'line 1, column 7: "zz" is no hex'),
    (None, "03 00\n0g", 'line 2, column 1: "0g": hex digits come in pairs'),
    (None, "03 0", 'line 1, column 4: "0": hex digits come in pairs'),
    (None, "0300 000 00", 'line 1, column 8: "0": hex digits come in pairs'),
    (None, "0x030, 0x00", 'line 1, column 1: "0x030" is no hex'),
    (None, "unsigned char a[] = { 0x02, 0xzz };", 'line 1, column 29: "0xzz" is no hex'),
    (None, "hello", 'line 1, column 1: "hello" is no hex'),
    (None, r"'\x0g'", r"""line 1, column 2: "\\x0g'" is no escape"""),
    (None, r"'\x00\q'", r"line 1, column 6: "),
    (None, r"'\x00", 'line 1, column 1: "'),
    (None, r"'\x00' oops", 'line 1, column 8: "oops" stands outside the quotes'),
    (None, f"echo -ne '{escaped(DATA)}' | nc host 1935", 'column 101: "|" stands outside the quotes'),
    (None, f'"{escaped(DATA)}".b', 'column 91: ".b" stands outside the quotes'),
    (None, "feed = 0304;", 'line 1, column 6: "=" is no hex'),
    (None, "zz 01", 'line 1, column 1: "zz" is no hex'),
    (None, "", "holds no bytes"),
    (None, " \n", "holds no bytes"),
    (None, "# nothing", "holds no bytes"),
    (None, "''", "holds no bytes"),
    ("base64", "AgAH!", 'line 1, column 5: "!" is no base64'),
    ("base64", "AgA=H", 'line 1, column 4: "=H" is no base64'),
    ("base64", "AgAHY", "line 1, column 6: base64 of 5 characters: one is missing or too many"),
    ("hex", "00000000: 0300  ..", 'line 1, column 17: ".." is no hex'),
    ("listing", "0300", "line 1: no row of a listing"),
]


@pytest.mark.parametrize(("form", "text", "complaint"), MISTAKES)
def test_a_mistake_is_told_with_its_place(form: Form | None, text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=re.escape(complaint)):
        read_text(text, form)


@pytest.mark.parametrize("text", ["abcd ef {01 02}", "abcdef (0102)", "abcdef[0102]"])
def test_hex_before_a_bracket_is_no_name(text: str) -> None:
    assert read_text(text).data == b"\xab\xcd\xef\x01\x02"


def test_long_base64_with_a_mistake_is_taken_for_base64() -> None:
    text = base64.b64encode(b"a message of some length and then some").decode()
    with pytest.raises(UserError, match=r'line 1, column 45: "!.*is no base64'):
        read_text(f"{text[:44]}!{text[44:]}")


@given(st.text(max_size=300))
def test_any_text_gives_bytes_or_one_line(text: str) -> None:
    complaint = "one line"
    try:
        read_text(text)
    except UserError as error:
        complaint = str(error)
    assert complaint.isprintable()


# The place of a byte


@pytest.mark.parametrize("text", [HEX["C"], HEX["spaces"], HEX["in lines"], HEX["0x each"], HEX["escapes"]])
def test_the_place_of_each_byte_is_kept(text: str) -> None:
    pasted = read_text(text)
    lines = text.split("\n")
    for offset, byte in enumerate(DATA):
        line, column = map(int, re.findall(r"\d+", pasted.place(offset)))
        assert lines[line - 1][column - 1 :].lstrip("\\x").startswith(f"{byte:02x}")


# Hostile text


@pytest.mark.parametrize(
    "unit",
    [
        *("00", "00 ", "0x00,", "0x00, 0x01,\n", "\\x00", "g", "ab ", "'\\x00", "// ", "/*", "{", "a{", " ", "1 "),
        *("0000  00\n", "*\n", "00000000  00\n", "        1  00\n", "0000000 0000\n", "AbC+", "="),
        "#1  connection 1  client -> ",
    ],
)
def test_time_is_in_proportion(unit: str) -> None:
    forms: list[Form | None] = [None, "hex", "listing", "base64"]

    def seconds(size: int) -> float:
        text = unit * size
        start = process_time()
        for form in forms:
            for written in (text, text + "!", "\\x00" + text):
                with suppress(UserError):
                    read_text(written, form)
        return process_time() - start

    assert grows_gently(seconds, 2_000, 16_000, 16)
