"""Whatever the bytes, `decode` gives an answer, in time that grows with them, and accounts for every one of them."""

from __future__ import annotations

import struct
from itertools import pairwise
from time import perf_counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtmpsniff.fields import Field, Role
from rtmpsniff.findings import Severity
from rtmpsniff.payload.bodies import BODIES, SO_FAR, Unknown, decode
from rtmpsniff.payload.types import type_name
from tests import build


def test_a_type_that_nobody_reads() -> None:
    body, fields, findings = decode(7, b"\xaa\xbb")
    assert body == Unknown(b"\xaa\xbb")
    assert [(field.name, field.label, field.role) for field in fields] == [("data", "type 7, not read", Role.UNREAD)]
    assert findings == ()
    assert decode(255, b"") == (Unknown(b""), (), ())


def test_the_tables_fit_together() -> None:
    assert set(SO_FAR) <= set(BODIES)
    assert not [type_id for type_id in BODIES if type_name(type_id).startswith("unknown")]


def test_a_finding_points_at_its_bytes() -> None:
    (finding,) = decode(5, b"\x00\x01").findings
    assert finding.severity is Severity.ERROR
    assert finding.rule.code == "body.malformed"
    assert finding.evidence == (("needs 4 bytes, has 2", 0, 2, True),)


# Bytes that look like something, so that chance gets beyond the first of them.

PIECES = [
    *(bytes([number]) for number in range(0x13)),
    *(bytes.fromhex(text) for text in ("000009", "000161", "020000", "0200016102", "0a00000003", "08ffffffff")),
    *(build.amf0(value) for value in ("connect", 1, True, {"app": "live"}, [1, {}], build.Date(0), build.Xml("<a/>"))),
    *(build.amf0(value) for value in (build.Ecma({"a": 1}, 7), build.Reference(0), build.Typed("\u202e", {"\n": ""}))),
    *(bytes.fromhex(text) for text in ("1701", "000050", "a1", "91", "68766331", "d1", "97", "af01", "2f", "ffffffff")),
    *(struct.pack(">H", event) for event in (3, 8, 26, 27, 34)),
]

payloads = st.one_of(st.binary(max_size=64), st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
type_ids = st.one_of(st.sampled_from(sorted(BODIES)), st.integers(0, 255))


@given(type_ids, payloads)
@example(20, b"")
@example(20, b"\x00\x02\x00")
@example(18, build.amf0({"a": [1, 2]})[:-1])
def test_any_bytes_have_an_answer_that_accounts_for_each_of_them(type_id: int, payload: bytes) -> None:
    body, fields, findings = decode(type_id, payload)
    assert body is not None
    assert_nested(fields, 0, len(payload))
    assert covered(fields) == len(payload)
    for finding in findings:
        assert finding.title.isprintable()
        assert all(0 <= one.offset <= one.offset + one.length <= len(payload) for one in finding.evidence)


@given(type_ids, payloads)
def test_the_leaves_account_for_each_byte_too(type_id: int, payload: bytes) -> None:
    assert covered(tuple(leaves(decode(type_id, payload).fields))) == len(payload)


def assert_nested(fields: tuple[Field, ...], start: int, stop: int) -> None:
    for field in fields:
        assert start <= field.start < field.stop <= stop
        assert field.label.isprintable()
        assert field.name.isprintable()
        assert_nested(field.children, field.start, field.stop)
    for one, other in pairwise(fields):
        assert bit_span(one)[1] <= bit_span(other)[0]
        assert one.stop <= other.start or (one.mask and other.mask)


def bit_span(field: Field) -> tuple[int, int]:
    """The bits of the buffer from the first to the last of a field, half-open."""
    if not field.mask:
        return 8 * field.start, 8 * field.stop
    size = 8 * (field.stop - field.start)
    assert field.mask.bit_length() <= size
    lowest = (field.mask & -field.mask).bit_length() - 1
    return 8 * field.start + size - field.mask.bit_length(), 8 * field.stop - lowest


def covered(fields: tuple[Field, ...]) -> int:
    """How many bytes the fields touch."""
    total = reached = 0
    for field in fields:
        total += max(field.stop - max(field.start, reached), 0)
        reached = max(field.stop, reached)
    return total


def leaves(fields: tuple[Field, ...]) -> list[Field]:
    return [leaf for field in fields for leaf in (leaves(field.children) if field.children else [field])]


HOSTILE = [
    ("nested objects", 20, build.amf0("a", 1) + b"\x03\x00\x01a" * 10_000),
    ("nested arrays", 18, b"\x0a\x00\x00\x00\x01" * 10_000),
    ("nested ECMA arrays", 18, b"\x08\xff\xff\xff\xff\x00\x00" * 10_000),
    ("a huge count", 18, b"\x0a\xff\xff\xff\xff" + b"\x05" * 10),
    ("a huge count, and its values", 18, b"\x0a\xff\xff\xff\xff" + b"\x05" * 1_000_000),
    ("a huge string", 18, b"\x0c\xff\xff\xff\xff" + b"a" * 10),
    ("references to itself", 18, b"\x0a\x00\x01\x00\x00" + b"\x07\x00\x00" * 65_000),
    ("references to nothing", 18, b"\x0a\x00\x01\x00\x00" + b"\x07\xff\xff" * 65_000),
    ("references past dates", 18, build.amf0(*[build.Date(0)] * 5_000, *[build.Reference(0)] * 50_000)),
    ("empty objects", 18, b"\x03\x00\x00\x09" * 100_000),
    ("empty keys", 18, b"\x03" + b"\x00\x00\x05" * 100_000),
    ("a long unknown event", 4, b"\x00\x08" + bytes(1_000_000)),
]


@pytest.mark.parametrize(("type_id", "payload"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_bodies_end_soon(type_id: int, payload: bytes) -> None:
    began = perf_counter()
    body, fields, findings = decode(type_id, payload)
    assert perf_counter() - began < 30  # far more than it takes, and far less than a blow-up would
    assert covered(fields) == len(payload)
    assert len(findings) <= 4
    assert repr(body)
