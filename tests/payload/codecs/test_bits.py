from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor, Field, Malformed
from rtmpsniff.payload.codecs.bits import MOST_FIELDS, Bits


def told(fields: list[Field]) -> list[tuple[str, int, int, object, str, int]]:
    return [(field.name, field.start, field.stop, field.value, field.label, field.mask) for field in fields]


def test_bits_are_fields() -> None:
    read = Cursor(bytes.fromhex("ff 12 10 01 00"), 1)
    bits = Bits(read)
    assert bits.unsigned("object type", 5, {2: "LC"}) == 2
    assert bits.unsigned("rate", 4) == 4
    assert bits.available(7) == 0x10
    assert bits.flag("flag") is False
    assert read.position == 3
    bits.align()
    assert bits.unsigned("whole", 16, label="{} Hz") == 256
    assert told(read.fields) == [
        ("object type", 1, 2, 2, "2 LC", 0xF8),
        ("rate", 1, 3, 4, "4", 0x0780),
        ("flag", 2, 3, 0, "0", 0x40),
        ("padding", 2, 3, 16, "16", 0x3F),
        ("whole", 3, 5, 256, "256 Hz", 0),
    ]
    bits.align()
    assert (read.position, read.left, bits.left, len(read.fields)) == (5, 0, 0, 5)


def test_bits_run_out() -> None:
    read = Cursor(b"\x12\xff", 0, 1)
    bits = Bits(read)
    bits.unsigned("object type", 5)
    assert bits.available(4) is None
    with pytest.raises(Malformed, match=r"^rate needs 4 bits, has 3$"):
        bits.unsigned("rate", 4)
    assert read.position == 1


# Exp-Golomb codes: 9.1 of H.264


def golomb(value: int) -> str:
    """The bits of ue(v)."""
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


def packed(bits: str) -> bytes:
    """Bits as bytes, the stop bit and zeros behind them."""
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


@pytest.mark.parametrize("value", [0, 1, 2, 3, 6, 7, 254, 255, 65_535, 2**31, 2**32 - 2])
def test_exp_golomb_codes(value: int) -> None:
    read = Cursor(packed("101" + golomb(value)))
    bits = Bits(read)
    bits.unsigned("before", 3)
    assert bits.ue("code") == value
    (_, field) = read.fields
    assert (field.value, field.label) == (value, str(value))
    assert field.mask.bit_count() == len(golomb(value))
    assert not bits.more_data()
    bits.trailing()
    assert read.fields[-1].label == "the stop bit"
    assert bits.ended
    assert bits.left == 0


@pytest.mark.parametrize(("code", "value"), [(0, 0), (1, 1), (2, -1), (3, 2), (4, -2), (51, 26), (52, -26)])
def test_signed_exp_golomb_codes(code: int, value: int) -> None:
    assert Bits(Cursor(packed(golomb(code)))).se("code") == value


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bytes(4) + b"\xff" * 8, "code: an Exp-Golomb code with more than 31 zeros before it"),
        (bytes(1000), "code: an Exp-Golomb code with more than 31 zeros before it"),
        (b"\x00", "code needs 1 bit, has 0"),
        (b"\x04", "code needs 5 bits, has 2"),
        (b"", "code needs 1 bit, has 0"),
    ],
)
def test_codes_that_never_end(data: bytes, reason: str) -> None:
    read = Cursor(data)
    with pytest.raises(Malformed) as caught:
        Bits(read).ue("code")
    assert str(caught.value) == reason
    assert (read.fields, read.position) == ([], 0)


def test_counts_have_a_limit() -> None:
    read = Cursor(packed(golomb(256)))
    with pytest.raises(Malformed, match=r"^count: 256 is more than 255$"):
        Bits(read).ue("count", most=255)


def test_labels() -> None:
    read = Cursor(b"\x1b\x80")
    bits = Bits(read)
    bits.unsigned("by name", 4, {1: "one"})
    bits.unsigned("by no name", 4, {1: "one"})
    bits.flag("by function", lambda value: f"({value} of 2)")
    bits.flag("by silent function", lambda value: "")
    bits.flags("a", "b")
    labels = {field.name: field.label for field in read.fields}
    assert labels == {
        "by name": "1 one",
        "by no name": "11 unknown",
        "by function": "1 (1 of 2)",
        "by silent function": "0",
        "a": "0",
        "b": "0",
    }


# Emulation prevention


def test_an_emulation_prevention_byte_between_elements_is_a_field() -> None:
    read = Cursor(bytes.fromhex("ff 0000 03 01 0000 03"), 1)
    bits = Bits(read, escaped=True)
    assert [bits.unsigned("a", 16), bits.unsigned("b", 8), bits.unsigned("c", 16)] == [0, 1, 0]
    assert bits.available(1) is None
    assert [field[:3] for field in read.fields] == [
        ("a", 1, 3),
        ("emulation prevention", 3, 4),
        ("b", 4, 5),
        ("c", 5, 7),
    ]


def test_an_element_may_reach_over_one() -> None:
    read = Cursor(bytes.fromhex("80 0000 03 00 0000 03 05"))
    bits = Bits(read, escaped=True)
    bits.flag("flag")
    assert bits.unsigned("long", 32) == 0
    assert bits.unsigned("rest", 23) == 5
    flag, long, rest = read.fields
    assert (long.start, long.stop, long.mask) == (0, 6, (1 << 47) - 1 & ~0x7F)
    assert long.label == "0 (over an emulation prevention byte)"
    assert (rest.start, rest.stop, rest.mask) == (5, 9, (1 << 31) - 1)
    assert (flag.label, rest.label) == ("1", "5 (over an emulation prevention byte)")


def test_only_threes_behind_two_zeros_of_the_same_unit_are_escapes() -> None:
    read = Cursor(bytes.fromhex("0000 03 0003 0000 03"), 1)
    bits = Bits(read, escaped=True)
    assert bits.unsigned("all", 48) == 0x000300030000
    assert bits.available(8) is None
    plain = Bits(Cursor(bytes.fromhex("000003")))
    assert plain.unsigned("all", 24) == 3


def test_several_codes_make_one_element() -> None:
    read = Cursor(packed("1" + golomb(3) + golomb(4)))
    bits = Bits(read)
    bits.flag("flag")
    mark = bits.mark()
    values = (bits.code("codes"), bits.signed_code("codes"))
    bits.record("codes", mark, values, "both")
    assert values == (3, -2)
    assert told(read.fields)[1:] == [("codes", 0, 2, (3, -2), "both", 0b0111_1111_1110_0000)]


@pytest.mark.parametrize(
    ("data", "before", "more"),
    [
        ("80", 0, False),
        ("c0", 0, True),
        ("c0", 1, False),
        ("a0", 2, False),
        ("8001", 0, True),
        ("8000", 0, False),
        ("00", 0, False),
    ],
)
def test_more_data(data: str, before: int, more: bool) -> None:
    bits = Bits(Cursor(bytes.fromhex(data)))
    if before:
        bits.unsigned("before", before)
    assert bits.more_data() is more


def test_what_stands_where_the_stop_bit_should_be() -> None:
    read = Cursor(b"\x60")
    Bits(read).trailing()
    assert read.fields[0].label == "01100000, which is not a 1 and zeros"


def test_there_are_only_so_many_fields_in_a_message() -> None:
    read = Cursor(b"\xff" * MOST_FIELDS)
    bits = Bits(read)
    for _ in range(MOST_FIELDS):
        bits.flag("flag")
    with pytest.raises(Malformed, match="more than 16 384 fields of bits in one message"):
        bits.flag("flag")
    with pytest.raises(Malformed, match="more than 16 384 fields of bits in one message"):
        Bits(read).flag("flag")
