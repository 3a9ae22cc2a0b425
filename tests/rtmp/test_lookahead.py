"""What only the bytes that follow can tell, asked of the pure questions; streams are in test_direction."""

from __future__ import annotations

import pytest

from rtmpsniff.rtmp.chunk import Channel, Header
from rtmpsniff.rtmp.lookahead import LONGEST, LookAhead, fault

EXTENDED = 0x01000000


def channel(left: int, length: int = 200) -> Channel:
    made = Channel(4)
    made.extended, made.timestamp, made.length, made.left, made.type_id = EXTENDED, EXTENDED + 5, length, left, 9
    return made


def is_repeated(value: int, data: bytes, left: int = 72, *, ending: bool = False) -> bool | None:
    made = channel(left)
    look = LookAhead({4: made})
    look.ending = ending
    return look.is_repeated(made, value, value.to_bytes(4, "big") + data, 0, 128)


@pytest.mark.parametrize("value", [EXTENDED, EXTENDED | 1 << 31, EXTENDED + 5], ids=["equal", "31 bits", "the time"])
def test_a_value_that_is_known_is_repeated(value: int) -> None:
    assert is_repeated(value, b"") is True


def test_another_value_amid_a_message_is_payload() -> None:
    assert is_repeated(0x41424344, b"") is False


def test_zeros_are_told_by_the_header_behind_them() -> None:
    header = bytes.fromhex("4400002800000209")
    assert is_repeated(0, bytes(72) + header + bytes(20)) is True
    assert is_repeated(0, bytes(68) + header + bytes(20)) is False


def test_zeros_wait_for_what_follows_unless_nothing_will() -> None:
    assert is_repeated(0, bytes(20)) is None
    assert is_repeated(0, bytes(72), ending=True) is False
    assert is_repeated(0, bytes(68), ending=True) is False


def test_nobody_looks_farther_than_allowed() -> None:
    made = channel(LONGEST * 2, LONGEST * 2)
    assert LookAhead({4: made}).is_repeated(made, 0, bytes(4), 0, LONGEST * 2) is False


@pytest.mark.parametrize(
    ("header", "goes_on"),
    [
        (Header(12, 0, 4, 0, 200, 9, 1), False),
        (Header(8, 1, 4, 0, 100, 9), False),
        (Header(8, 1, 4, 0, 200, 8), False),
        (Header(8, 1, 4, 0, 200, 9), None),
    ],
    ids=["format 0", "another length", "another type", "equal"],
)
def test_which_header_may_go_on_with_a_message(header: Header, goes_on: bool | None) -> None:
    made = channel(72)
    assert LookAhead({4: made}).goes_on(header, made, bytes(8), 8, 128) is goes_on


@pytest.mark.parametrize(
    ("header", "known", "words"),
    [
        (Header(1, 3, 7), False, "has not begun"),
        (Header(4, 2, 7, 0), False, "has not begun"),
        (Header(8, 1, 7, 0, 5, 9), False, ""),
        (Header(12, 0, 7, 0, 5, 1, 0), True, "cannot have 5 bytes"),
        (Header(12, 0, 2, 0, 5, 1, 0), True, ""),
    ],
)
def test_faults(header: Header, known: bool, words: str) -> None:
    found = fault(header, channel(0) if known else None)
    assert words in found
    assert bool(words) == bool(found)
