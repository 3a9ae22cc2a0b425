"""What stands around a text in mail, in Markdown and behind tools that number lines; and what only looks so."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.quoting import MARGIN, unnumbered, unquoted
from rtmpsniff.errors import UserError


def plain(text: str) -> str:
    return text.replace(MARGIN, "")


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("> 03 00\n> 00\n", "03 00\n00\n"),
        (">03 00\n>00\n", "03 00\n00\n"),
        ("> > 03 00\n>> 00\n", "03 00\n00\n"),
        ("> 0000  03\n>\n> 0001  00\n", "0000  03\n\n0001  00\n"),
        ("Bob wrote:\n> 0000  03\n> 0001  00\n", "Bob wrote:\n0000  03\n0001  00\n"),
        ("```\n03 00\n```\n", "\n03 00\n\n"),
        ("```hex\n03 00\n```", "\n03 00\n"),
        ("~~~ text\n03 00\n~~~", "\n03 00\n"),
        ("look:\n\n```\n03 00\n```\nany idea?", "\n\n\n03 00\n\n"),
        ("```\n03 00\n", "\n03 00\n"),
        ("> ```\n> 03 00\n> ```", "\n03 00\n"),
        ("`03 00`", "03 00"),
        ("``03 00``", "03 00"),
        ("03 00", "03 00"),
        ("03 00\n> 00\n03\n", "03 00\n> 00\n03\n"),
        ("``03 00`", "``03 00`"),
        ("", ""),
    ],
)
def test_mail_and_markdown(text: str, inside: str) -> None:
    found = unquoted(text)
    assert plain(found) == inside
    assert len(found) == len(text)
    assert all(one in {other, MARGIN} for one, other in zip(found, text, strict=True))


def test_several_blocks_are_not_joined() -> None:
    with pytest.raises(UserError, match=r'line 5, column 1: "```" begins a second block: decode one of them alone'):
        unquoted("client\n```\n03\n```\n```\n00\n```\n")


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("     1\t0000: 03 00\n     2\t0002: 00\n", "0000: 03 00\n0002: 00\n"),  # cat -n, nl
        ("     1  0000: 03 00\n     2  0002: 00\n", "0000: 03 00\n0002: 00\n"),  # the same out of a terminal
        ("  9 0000: 03 00\n 10 0002: 00\n", "0000: 03 00\n0002: 00\n"),  # vim
        ("1:0000: 03 00\n2:0002: 00\n", "0000: 03 00\n0002: 00\n"),  # grep -n
        ("10:0000: 03 00\n11:0002: 00\n", "0000: 03 00\n0002: 00\n"),
        ("1. 03 00 00\n2. 00\n", " 03 00 00\n 00\n"),
        ("99| 03 00 00\n100| 00\n", " 03 00 00\n 00\n"),
        ("\0\0     1\t03 00\n\0\0     2\t00\n", "03 00\n00\n"),
    ],
)
def test_numbers_of_lines(text: str, inside: str) -> None:
    found = unnumbered(text)
    assert plain(found) == inside
    assert len(found) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "10 22 33 44\n11 22 33 44\n",  # hex that counts
        "1: 03\n2: 00\n3: 00\n",  # offsets of single bytes
        "1  0000: 03\n3  0001: 00\n",
        "01 0000: 03\n02 0001: 00\n",
        "0: 03 00\n1: 00 00\n",
        "1  0000: 03 00\n",
        "1  0000: 03 00\nand more\n",
        "1\n2\n3\n",
        "",
    ],
)
def test_what_is_no_number_of_a_line(text: str) -> None:
    assert unnumbered(text) == text
