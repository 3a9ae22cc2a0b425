"""AMF values one after the other, whole and broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.fields import Role
from rtmpsniff.findings import Severity
from rtmpsniff.payload.sequence import Encoding, amf_values
from rtmpsniff.payload.values import Object, Reference
from tests.build import Reference as SentReference
from tests.build import amf0

FIXTURES = Path(__file__).parents[3] / "shared" / "captures" / "fixtures"
BOTH: list[Encoding] = ["amf0", "amf3"]


def test_values_stand_one_after_the_other() -> None:
    read = amf_values(amf0("a", 1.0, None, True), "amf0")
    assert read.values == ("a", 1.0, None, True)
    assert [(field.name, field.start, field.stop) for field in read.fields] == [
        ("string", 0, 4),
        ("number", 4, 13),
        ("null", 13, 14),
        ("boolean", 14, 16),
    ]
    assert (read.findings, read.unread) == ((), 0)


def test_amf3_values() -> None:
    read = amf_values(bytes.fromhex("0607616263 0401 03 0600"), "amf3")
    assert read.values == ("abc", 1, True, "abc")
    assert (read.findings, read.unread) == ((), 0)


def test_they_share_references_as_those_of_one_message() -> None:
    _, reference = amf_values(amf0({"a": 1}, SentReference(0)), "amf0").values
    assert isinstance(reference, Reference)
    assert isinstance(reference.target, Object)


def test_no_bytes_are_no_values() -> None:
    assert amf_values(b"", "amf0") == ((), (), (), 0)


@pytest.mark.parametrize(
    ("data", "values", "title", "severity", "unread"),
    [
        ("0101 0200056162", (True,), "value 2: needs 5 bytes, has 2", Severity.ERROR, 2),
        ("ff", (), "value 1: AMF0 has no marker 0xff", Severity.WARNING, 1),
        ("0300016b ff00", (), "value 1 > k: AMF0 has no marker 0xff", Severity.WARNING, 2),
    ],
)
def test_where_reading_breaks_off(
    data: str, values: tuple[object, ...], title: str, severity: Severity, unread: int
) -> None:
    read = amf_values(bytes.fromhex(data), "amf0")
    assert (read.values, read.unread) == (values, unread)
    (finding,) = read.findings
    assert (finding.title, finding.severity, finding.rule.code) == (title, severity, "amf.malformed")
    assert read.fields[-1].role is Role.UNREAD
    assert read.fields[-1].stop - read.fields[-1].start == unread


@pytest.mark.parametrize("encoding", BOTH)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_covered_by_fields(encoding: Encoding, data: bytes) -> None:
    read = amf_values(data, encoding)
    assert b"".join(data[field.start : field.stop] for field in read.fields) == data
    assert bool(read.unread) <= bool(read.findings)


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="no shared captures beside the checkout")
@pytest.mark.parametrize("encoding", BOTH)
def test_values_that_others_wrote(encoding: Encoding) -> None:
    """Those of other projects' tests; what is cut off or wrong in them on purpose says so in its name."""
    wrong = {"partial", "bad", "unknown", "movieclip", "recordset", "empty", "externalizable", "response"}
    paths = sorted(FIXTURES.glob(f"*/{encoding}-*.bin"))
    whole = [path for path in paths if not wrong & set(path.stem.split("-"))]
    assert len(whole) > 30
    for path in whole:
        read = amf_values(path.read_bytes(), encoding)
        assert (read.unread, len(read.values) > 0) == (0, True), path.name
