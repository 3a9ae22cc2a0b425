"""What languages put around bytes goes, and bytes stay where they stood."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.literals import refuse_left_out, undressed
from rtmpsniff.errors import UserError


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("<Buffer 03 00>", "03 00"),
        ("ArrayBuffer {\n  [Uint8Contents]: <03 00>,\n  byteLength: 2\n}", "03 00"),
        ("Uint8Array(2) [ 3, 0 ]", "3, 0"),
        ('{"type":"Buffer","data":[3,0]}', "3,0"),
        ('{"0":3,"1":0}', "3,    0"),
        ("let talk: [u8; 2] = [3, 0];", "3, 0"),
        ("let talk = vec![3, 0];", "3, 0"),
        ("byte[] talk = new byte[] {(byte) 0x03, 0};", "0x03, 0"),
        ("byteArrayOf(3, -28)", "3, -28"),
        ("bytes([3, 0])", "3, 0"),
        ("array([3,\n       0], dtype=uint8)", "3,\n       0"),
        ("<<3,0>>", "3,0"),
        ("X = <<16#03,16#00>>.", "03,   00"),
        ("<0300>", "0300"),
        ("{length = 2, bytes = 0x0300}", "0x0300"),
        ("x'0300'", "0300"),
        ("b'AwA='", "AwA="),
        ("data:video/x-flv;base64,AwA=", "AwA="),
        ("03 00", "03 00"),
        ("ab cd [01] 02", "ab cd [01] 02"),
        (r"'\x03\x00'", r"'\x03\x00'"),
        ("<p>03</p>", "<p>03</p>"),
    ],
)
def test_dresses(text: str, inside: str) -> None:
    found = undressed(text)
    assert found.strip() == inside
    assert len(found) == len(text)
    assert [at for at, char in enumerate(found) if char == "\n"] == [at for at, char in enumerate(text) if char == "\n"]


@pytest.mark.parametrize(
    "text", ["03 00 ... 9 more bytes", "3,0,...", "3 \u2026 0", "... 03", "3,\n  ... 141 more items"]
)
def test_bytes_that_were_left_out(text: str) -> None:
    with pytest.raises(UserError, match=r'^line \d, column \d+: "(\.\.\.|\u2026)" leaves bytes out'):
        refuse_left_out(text)


@pytest.mark.parametrize("text", ["03 00", "03 /* .... */ 00", "a...b", ""])
def test_dots_of_other_kinds(text: str) -> None:
    before = text
    refuse_left_out(text)
    assert text == before
