"""Records as lines and as one document: the same records, in the order that the schema has."""

from __future__ import annotations

import json
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest

from rtmpsniff.output.records import Document, Lines, Records

HEADER: dict[str, object] = {"record": "header", "schema": "x", "base_ns": "1"}
RECORDS: list[dict[str, object]] = [
    {"record": "message", "n": 1, "time": Decimal("0.000000001")},
    {"record": "finding", "id": 1},
    {"record": "message", "n": 2, "time": Decimal("1700000000.123456789")},
    {"record": "undecoded", "offset": 5},
    {"record": "connection", "id": 1},
    {"record": "finding", "id": 2},
]
END: dict[str, object] = {"record": "end", "captures": [{"file": "a"}], "other": 3}


def written(make: type[Lines] | type[Document], records: list[dict[str, object]]) -> str:
    parts: list[str] = []
    writer: Records = make(parts.append)
    for record in records:
        writer.take(record)
    return "".join(parts)


def test_lines() -> None:
    text = written(Lines, [HEADER, *RECORDS, END])
    lines = [json.loads(line, parse_float=Decimal) for line in text.splitlines()]
    assert lines == [HEADER, *RECORDS, END]
    assert '"time": 1700000000.123456789' in text


def test_a_document_has_them_by_sort() -> None:
    text = written(Document, [HEADER, *RECORDS, END])
    made: dict[str, Any] = json.loads(text, parse_float=Decimal)
    assert list(made) == [
        "schema", "base_ns", "messages", "findings", "undecoded", "connections", "captures", "other"
    ]  # fmt: skip
    assert made["messages"] == [RECORDS[0], RECORDS[2]]
    assert made["findings"] == [RECORDS[1], RECORDS[5]]
    assert (made["undecoded"], made["connections"]) == ([RECORDS[3]], [RECORDS[4]])
    assert (made["captures"], made["other"]) == ([{"file": "a"}], 3)


def test_a_document_of_nothing() -> None:
    made = json.loads(written(Document, [HEADER, END]))
    assert (made["messages"], made["findings"], made["undecoded"], made["connections"]) == ([], [], [], [])


@pytest.mark.parametrize("make", [Lines, Document])
def test_a_record_is_written_when_it_comes(make: type[Lines] | type[Document]) -> None:
    parts: list[str] = []
    with closing(make(parts.append)) as writer:
        writer.take(HEADER)
        writer.take(RECORDS[0])
        writer.take(RECORDS[1])
        assert '"n": 1' in "".join(parts)


def test_many_that_wait_do_not_stay_in_memory() -> None:
    records: list[dict[str, object]] = [{"record": "finding", "id": n, "title": "é" * 100} for n in range(20_000)]
    made = json.loads(written(Document, [HEADER, *records, END]))
    assert made["findings"] == records
