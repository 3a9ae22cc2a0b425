"""Forms that are refused, with what helps; and hex that only looks like one of them."""

from __future__ import annotations

import base64

import pytest

from rtmpsniff.capture.foreign import refuse_foreign
from rtmpsniff.errors import UserError
from tests.capture.forms import BINARY, INTEL, REFUSED

DATA = bytes(range(0, 256, 3)) * 2
KNOWN = ("binary digits", "xxd -b", "Intel HEX", "base32", "od -t u1", "gdb x/ub")


@pytest.mark.parametrize("name", KNOWN)
def test_each_is_refused_with_what_helps(name: str) -> None:
    written, complaint = REFUSED[name]
    with pytest.raises(UserError, match=rf"^line 1, column [1-9]: .*{complaint}"):
        refuse_foreign(written(DATA))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "03 00 00",
        "00000001",
        "00000001 00000002",
        BINARY(b"\1"),
        INTEL(DATA).replace("\n", "\nand more", 1),
        base64.b64encode(DATA).decode(),
        "ABCDEFABCDEFABCDEFABCDEF",
        "2345672345672345672345",
        "0000000 03 00",
        "00000000 3 0",
        "0000: 03 00",
    ],
)
def test_others_are_not(text: str) -> None:
    before = text
    refuse_foreign(text)
    assert text == before
