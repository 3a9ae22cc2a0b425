"""Local shared objects: built ones, those that Flash Player wrote, and broken ones."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.fields import Role
from rtmpsniff.payload.sol import LocalObject, decode_sol, is_sol
from rtmpsniff.payload.values import Array, Dictionary, Object, Value, Vector
from tests.build import amf0

FIXTURES = Path(__file__).parents[3] / "shared" / "captures" / "fixtures" / "flash-lso"


def sol(pairs: bytes, version: int = 0, name: bytes = b"notes") -> bytes:
    """A file with these pairs, as Flash Player writes it."""
    body = b"TCSO\x00\x04\x00\x00\x00\x00" + pack(">H", len(name)) + name + bytes([0, 0, 0, version]) + pairs
    return b"\x00\xbf" + pack(">L", len(body)) + body


def pair(key: str, value: object) -> bytes:
    return pack(">H", len(key)) + key.encode() + amf0(value) + b"\0"


AMF0 = sol(pair("user", "carol") + pair("visits", 3.0) + pair("last", None))
AMF3 = sol(bytes.fromhex("09 75736572 060b6361726f6c 00  0b 6f74686572 0602 00"), 3)  # the second value is the first's


def test_amf0() -> None:
    file = decode_sol(AMF0)
    assert file.body == LocalObject("notes", 0, (("user", "carol"), ("visits", 3.0), ("last", None)))
    assert file.findings == ()
    assert is_sol(AMF0)


def test_amf3_shares_its_strings_over_the_file() -> None:
    file = decode_sol(AMF3)
    assert file.body == LocalObject("notes", 3, (("user", "carol"), ("other", "carol")))
    assert file.findings == ()


def test_fields() -> None:
    file = decode_sol(sol(pair("a", True)))
    assert [(field.name, field.start, field.stop) for field in file.fields] == [
        ("magic", 0, 2),
        ("length", 2, 6),
        ("signature", 6, 10),
        ("format", 10, 16),
        ("name", 16, 23),
        ("zero", 23, 26),
        ("AMF version", 26, 27),
        ("property", 27, 33),
    ]
    (shown,) = file.fields[-1:]
    assert (shown.role, shown.label) == (Role.PAIR, "a")
    assert [child.name for child in shown.children] == ["key", "boolean", "end"]


@pytest.mark.parametrize(
    ("data", "titles", "pairs"),
    [
        (AMF0[:-4], ["the file is cut short: it claims 62 bytes behind its length and has 58", "pair 3"], 2),
        (AMF0 + b"\0\0", ["the file goes on behind its end", 'pair 4 > "": needs 1 byte, has 0'], 3),
        (sol(pair("a", 1)[:-1] + b"\x07"), ["a pair is closed by 07 and not by 00"], 1),
        (sol(pair("a", 1)[:-1]), ["pair 1 > a: needs 1 byte, has 0"], 1),
        (sol(b"\0\x01a\xff"), ["pair 1 > a: AMF0 has no marker 0xff"], 0),
        (AMF0.replace(b"\0\x04\0\0\0\0", b"\0\x05\0\0\0\0", 1), ["the format is 00 05 00 00 00 00"], 3),
    ],
    ids=["cut", "too long", "not closed by zero", "not closed", "broken value", "another format"],
)
def test_what_is_wrong_is_told_and_the_rest_is_read(data: bytes, titles: list[str], pairs: int) -> None:
    file = decode_sol(data)
    assert file.body is not None
    assert len(file.body.pairs) == pairs
    assert len(file.findings) == len(titles)
    for finding, title in zip(file.findings, titles, strict=True):
        assert finding.title.startswith(title)


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (b"", "header: needs 2 bytes, has 0"),
        (b"\x00\xbe" + AMF0[2:], "header: does not begin with 00 bf"),
        (AMF0.replace(b"TCSO", b"TCS0"), 'header: no signature "TCSO"'),
        (sol(b"", 1), "header: AMF version 1, where only 0 and 3 are known"),
        (AMF0[:9], "header: needs 4 bytes, has 3"),
    ],
)
def test_what_is_no_such_file(data: bytes, title: str) -> None:
    file = decode_sol(data)
    assert file.body is None
    assert title in [finding.title for finding in file.findings]
    assert {finding.rule.code for finding in file.findings} == {"file.malformed"}


@given(st.binary(max_size=200), st.sampled_from([0, 3]))
def test_any_bytes_are_covered_by_fields(data: bytes, version: int) -> None:
    for file in (data, sol(data, version)):
        assert b"".join(file[field.start : field.stop] for field in decode_sol(file).fields) == file


def test_a_fault_in_every_pair_is_told_once() -> None:
    file = decode_sol(sol(b"\0\x01a\x05\x01" * 1000))
    assert file.body is not None
    assert (len(file.body.pairs), len(file.findings)) == (1000, 1)


# Flash Player's own

shared = pytest.mark.skipif(not FIXTURES.is_dir(), reason="no shared captures beside the checkout")


@shared
def test_every_file_of_flash_player_is_read_in_full() -> None:
    paths = sorted(FIXTURES.glob("*.sol"))
    assert len(paths) == 34
    for path in paths:
        file = decode_sol(path.read_bytes())
        assert file.findings == (), path.name
        assert file.body is not None
        assert file.body.name == path.stem
        assert file.body.amf_version == (3 if path.stem.startswith("AS3") else 0)
        assert file.body.pairs


@shared
def test_what_they_hold() -> None:
    body = decode_sol((FIXTURES / "AS3-Demo.sol").read_bytes()).body
    assert body is not None
    held: dict[str, Value] = dict(body.pairs)
    assert len(held) == 26
    assert (held["myInt"], held["myBool"], held["myString"], held["myNull"]) == (7, True, "ralle", None)
    assert held["myFloat"] == pytest.approx(3.141592653589793)
    assert isinstance(held["myTypedObject"], Object)
    assert held["myTypedObject"].class_name == "com.AS3SolTestClass"
    assert isinstance(held["myVectorInt"], Vector)
    assert held["myVectorInt"].items == [2, 2000, 2147483647, -2147483648]
    assert held["myIntArray"] == [1, 2, 3]
    assert isinstance(held["myByteArray"], bytes)
    numbers = decode_sol((FIXTURES / "AS3-Dictionary-Demo.sol").read_bytes()).body
    assert numbers is not None
    assert isinstance(numbers.pairs[0][1], Dictionary)
    assert not any(isinstance(value, Array) for _, value in body.pairs)
