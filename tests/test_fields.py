"""The cursor: what it reads it also records, and what is not there is said and not invented."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.fields import Block, Cursor, Field, Inset, Malformed, Role, Truncated, Unreadable, place_in


def test_unsigned_integers() -> None:
    read = Cursor(bytes(range(1, 11)))
    assert [read.u8("a"), read.u16("b"), read.u24("c"), read.u32("d")] == [1, 0x0203, 0x040506, 0x0708090A]
    assert [(field.name, field.start, field.stop, field.value) for field in read.fields] == [
        ("a", 0, 1, 1),
        ("b", 1, 3, 0x0203),
        ("c", 3, 6, 0x040506),
        ("d", 6, 10, 0x0708090A),
    ]
    assert [field.label for field in read.fields] == ["1", "515", "263430", "117967114"]
    assert read.left == 0
    assert read.peek() is None


def test_labels_may_hold_the_value() -> None:
    read = Cursor(b"\x21\xff\xff")
    read.u8("time", Role.TIMESTAMP, label="{} ms")
    read.signed("offset", 2, label="{} ms")
    assert [field.label for field in read.fields] == ["33 ms", "-1 ms"]
    assert read.fields[0].role is Role.TIMESTAMP


def test_signed_integers_and_doubles() -> None:
    read = Cursor(b"\xff\xff\xfe" + b"\x40\x6d\xe0\0\0\0\0\0")
    assert read.signed("offset", 3) == -2
    assert read.f64("number") == 239.0
    assert [field.label for field in read.fields] == ["-2", "239.0"]


def test_what_stands_for_something() -> None:
    read = Cursor(b"\x09\x0a")
    names = {9: "video"}
    assert [read.enum("type", 1, names), read.enum("type", 1, names)] == [9, 10]
    assert [field.label for field in read.fields] == ["9 video", "10 unknown"]


def test_bit_fields_share_a_byte_that_skip_moves_over() -> None:
    read = Cursor(b"\x17\x01")
    assert read.bits("frame type", 0xF0, {1: "key"}) == 1
    assert read.bits("codec id", 0x0F) == 7
    assert read.position == 0
    read.skip()
    assert read.position == 1
    assert read.fields == [
        Field("frame type", 0, 1, 1, "1 key", Role.MEDIA_HEADER, 0xF0),
        Field("codec id", 0, 1, 7, "7", Role.MEDIA_HEADER, 0x0F),
    ]


def test_groups_nest() -> None:
    read = Cursor(b"\x03\x01\x02")
    with read.group("outer") as outer:
        read.u8("marker", inline=True)
        with read.group("inner", Role.PAIR) as inner:
            assert read.path == ["outer", "inner"]
            read.u8("one")
            inner.value, inner.label = 1, "first"
        read.u8("two")
        outer.label = "object"
    one = Field("one", 1, 2, 1, "1")
    children = (
        Field("marker", 0, 1, 3, "3", inline=True),
        Field("inner", 1, 2, 1, "first", Role.PAIR, 0, (one,)),
        Field("two", 2, 3, 2, "2"),
    )
    assert read.fields == [Field("outer", 0, 3, None, "object", Role.GROUP, 0, children)]
    assert read.path == []


def test_a_group_without_a_byte_is_none() -> None:
    read = Cursor(b"\x01")
    with read.group("empty"):
        pass
    assert read.fields == []


def test_what_was_read_of_a_group_stays_where_reading_breaks_off() -> None:
    read = Cursor(b"\x01\x02")

    def five() -> None:
        with read.group("outer") as group:
            group.label = "object"
            read.u8("one")
            read.u32("four")

    with pytest.raises(Truncated):
        five()
    assert read.fields == [Field("outer", 0, 1, None, "object", Role.GROUP, 0, (Field("one", 0, 1, 1, "1"),))]
    assert read.path == ["outer"]
    assert read.left == 1


READS: list[tuple[str, Callable[[Cursor], object], int]] = [
    ("a byte", lambda read: read.u8("x"), 1),
    ("four bytes", lambda read: read.u32("x"), 4),
    ("a number", lambda read: read.f64("x"), 8),
    ("bits", lambda read: read.bits("x", 0xF0), 1),
    ("raw bytes", lambda read: read.raw("x", 9), 9),
    ("a kind", lambda read: read.enum("x", 2, {}), 2),
]


@pytest.mark.parametrize(("read", "needed"), [(case[1], case[2]) for case in READS], ids=[case[0] for case in READS])
def test_bytes_that_ran_out(read: Callable[[Cursor], object], needed: int) -> None:
    cursor = Cursor(b"")
    with pytest.raises(Truncated) as caught:
        read(cursor)
    assert (caught.value.name, caught.value.needed, caught.value.available) == ("x", needed, 0)
    assert str(caught.value) == f"x needs {needed} bytes, has 0"
    assert (cursor.fields, cursor.position) == ([], 0)


def test_both_ways_to_be_unreadable() -> None:
    assert issubclass(Truncated, Unreadable)
    assert issubclass(Malformed, Unreadable)


def test_a_cursor_may_be_bound_to_a_part_of_a_buffer() -> None:
    read = Cursor(b"abcdef", 2, 4)
    assert read.left == 2
    with pytest.raises(Truncated):
        read.raw("three", 3)
    assert read.rest("rest", label="both") == b"cd"
    assert read.rest("rest") == b""
    assert read.fields == [Field("rest", 2, 4, b"cd", "both", Role.UNREAD)]


sizes = st.lists(st.integers(0, 9), max_size=20)


@given(sizes)
def test_fields_lie_side_by_side(parts: list[int]) -> None:
    read = Cursor(bytes(sum(parts) + 3))
    for size in parts:
        read.raw("part", size)
    read.rest("rest")
    edges = [0, *(field.stop for field in read.fields)]
    assert [field.start for field in read.fields] == edges[:-1]
    assert edges[-1] == len(read.data)


def test_without_insets_addresses_count_on() -> None:
    block = Block(100, b"abcd", ())
    assert [block.address_of(position) for position in range(4)] == [100, 101, 102, 103]


def test_insets_push_addresses_on() -> None:
    insets = (Inset(0, 100, bytes(12), ()), Inset(2, 114, b"\xc3", ()), Inset(3, 116, b"\xc3", ()))
    block = Block(100, b"abcd", (), insets)
    assert [block.address_of(position) for position in range(4)] == [112, 113, 115, 117]


def test_an_address_after_bytes_that_belong_to_others() -> None:
    """Between two chunks of a message those of another may have stood."""
    insets = (Inset(0, 0, bytes(12), ()), Inset(2, 500, b"\xc3", ()))
    block = Block(0, b"abcd", (), insets)
    assert [block.address_of(position) for position in range(4)] == [12, 13, 501, 502]


def test_a_place_shortens_what_was_captured_and_leaves_out_what_has_no_name() -> None:
    assert place_in(["connect", "", "tcUrl"]) == "connect > tcUrl"
    assert place_in(["x" * 60, "y" * 61]) == f"{'x' * 60} > {'y' * 59}…"
