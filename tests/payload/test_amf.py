from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor, Malformed, Role, Truncated
from rtmpsniff.findings import AMF_MALFORMED, Finding, Severity
from rtmpsniff.payload.amf import MAX_DEPTH, MAX_VALUES, AmfReader, Kind, Limits, date_text, sized
from rtmpsniff.payload.amf0 import Amf0
from rtmpsniff.payload.values import Date, Object


class OneKind(AmfReader):
    """Reads values that are a marker and a byte."""

    def kind(self, marker: int) -> Kind:
        if marker != 7:
            raise Malformed("not seven")
        return Kind("seven", Role.NUMBER, lambda amf, _group: amf.read.u8("byte", inline=True))


def test_a_value_is_a_marker_and_what_its_kind_reads() -> None:
    cursor = Cursor(b"\x07\x2a\x07\x2b\x08")
    reader = OneKind(cursor, [], Limits())
    assert (reader.value(), reader.value("named", "place")) == (42, 43)
    first, second = cursor.fields
    assert (first.name, first.start, first.stop, first.value, first.label) == ("seven", 0, 2, 42, "seven")
    assert [(child.name, child.role) for child in first.children] == [("marker", Role.MARKER), ("byte", Role.NUMBER)]
    assert second.name == "named"
    assert (reader.limits.count, reader.limits.depth) == (2, 0)
    with pytest.raises(Malformed, match="not seven"):
        reader.value("third", "place")
    assert cursor.path == ["place"]


def test_a_form_must_say_its_kinds() -> None:
    with pytest.raises(NotImplementedError):
        AmfReader(Cursor(b"\0"), [], Limits()).value()


def test_elements_that_are_claimed_and_not_there() -> None:
    items: list[object] = []
    reader = OneKind(Cursor(b"\x07\x01\x07\x02"), [], Limits())
    with pytest.raises(Malformed, match="claims 3 elements, has 2"):
        reader.elements(items, 3)  # type: ignore[arg-type]
    assert items == [1, 2]


def test_a_pair_whose_value_breaks_off() -> None:
    pairs: list[tuple[str, object]] = []
    amf = Amf0(Cursor(b"\x0a\0\0\0\2\x05\x02"), [])
    with pytest.raises(Truncated):
        amf.pair(pairs, "key")  # type: ignore[arg-type]
    assert pairs == [("key", [None])]
    amf = Amf0(Cursor(b"\x02\0"), [])
    with pytest.raises(Truncated):
        amf.pair(pairs, "other")  # type: ignore[arg-type]
    assert len(pairs) == 1


def test_limits() -> None:
    limits = Limits()
    assert limits.reached == ""
    limits.depth = MAX_DEPTH
    assert limits.reached == "values nested more than 64 deep"
    limits.depth, limits.count = 0, MAX_VALUES
    assert limits.reached == "more than 65536 values in one message"


def test_a_fault_is_found_once() -> None:
    findings: list[Finding] = []
    reader = OneKind(Cursor(b""), findings, Limits())
    for start in (3, 9):
        reader.flag(AMF_MALFORMED, Severity.NOTE, "odd", "here", start, 2)
    assert [(one.title, one.evidence[0]) for one in findings] == [("odd", ("here", 3, 2, True))]


def test_words() -> None:
    assert sized("object", Object([("a", 1)])) == "object, 1 property"
    assert date_text(Date(0.0)) == "1970-01-01T00:00:00Z"
    assert date_text(Date(0.5)) == "0.5 ms since 1970"
