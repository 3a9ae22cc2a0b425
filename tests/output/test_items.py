"""Items: what was read of loose bytes, as it will be shown; with bytes behind everything and nothing made up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

import rtmpsniff
from rtmpsniff import Opened, decode_chunks
from rtmpsniff.output.items import (
    Item,
    body_item,
    event_item,
    part_item,
    sol_item,
    tag_item,
    trouble_item,
    values_item,
)
from rtmpsniff.payload.flv import FileHeader, FlvReader, Lost, Part, Tag
from rtmpsniff.payload.sequence import amf_values
from rtmpsniff.payload.sol import decode_sol
from rtmpsniff.rtmp.loose import loose_message
from tests.build import Amf3, amf0
from tests.payload.test_flv import FILE, HEADER, tag
from tests.payload.test_sol import AMF0 as SOL
from tests.rtmp.feeding import CLIENT_HELLO
from tests.rtmp.sequences import CONNECT, SEQUENCES

CAPTURES = Path(__file__).parents[2] / "captures"
INVENTED = {"connection", "time", "start", "sender", "capture", "packets"}


def items(data: bytes) -> list[Item]:
    return list(map(event_item, decode_chunks(data)))


def parts(data: bytes) -> list[Item]:
    reader = FlvReader()
    found: list[Part] = [*reader.feed(data), *reader.end()]
    return [tag_item(part) if isinstance(part, Tag) else part_item(part) for part in found]


def records(item: Item) -> list[Mapping[str, object]]:
    return [record for record in item.records() if isinstance(record, Mapping)]


def test_a_message_of_a_chunk_stream() -> None:
    (item,) = items(CONNECT)
    assert (item.word, item.name, item.number, item.offset, item.length) == ("command", "command_amf0", 1, 0, 228)
    assert item.said.startswith('connect(1) app="SOSample"')
    assert (item.channel, item.stream, item.timestamp) == ("3", "0", "0")
    assert item.where == "chunk stream 3, message stream 0, timestamp 0; 228 bytes in 2 chunks, offset 0"
    block = item.block()
    assert block is not None
    assert (block.address, len(block.data), len(block.insets)) == (0, 228, 2)
    assert (item.is_decoded, item.is_beside) == (True, False)
    (record,) = records(item)
    assert not INVENTED & set(record)
    assert list(record) == [
        *("record", "n", "csid", "type_id", "type", "timestamp", "timestamp_certain", "stream_id", "length", "offset"),
        *("chunks", "state", "missing", "body"),
    ]


def test_an_uncertain_time_is_marked() -> None:
    (item,) = [item for item in items(bytes.fromhex("440000000000010801000000")) if item.about]
    assert item.timestamp == "~0"
    assert "timestamp 0 (uncertain)" in item.where


def test_a_handshake() -> None:
    first, second, message = items(CLIENT_HELLO + CONNECT)
    assert (first.word, first.said, first.offset, first.length) == ("handshake", "C0 C1, version 3, no digest", 0, 1537)
    assert (second.said, second.offset) == ("C2", 1537)
    assert first.is_beside
    assert records(first) == [
        {"record": "handshake", "part": "C0 C1", "offset": 0, "length": 1537, "version": 3, "verdict": "none"}
    ]
    assert "version" not in records(second)[0]
    assert message.offset == 3073


def test_findings_and_what_is_not_decoded() -> None:
    error, undecoded = items(b"\xc4" + bytes(20))
    assert (error.word, error.offset, error.is_decoded, error.is_beside) == ("error", 0, False, True)
    assert error.said.endswith("[chunk.desync]")
    assert (undecoded.word, undecoded.length) == ("undecoded", 21)
    (record,) = records(undecoded)
    assert (record["record"], record["length"]) == ("undecoded", 21)
    (record,) = records(error)
    assert (record["record"], record["check"], record["severity"]) == ("finding", "chunk.desync", "error")


def test_troubles_stand_where_the_bytes_stood() -> None:
    """Byte 127 of the payload is the last of the first chunk, byte 128 the first of the second."""
    for size, place in ((127, 12 + 127), (128, 12 + 128 + 1)):
        text = amf0("name", 0, "x" * (size - 4 - 3 - 9 - 3)) + b"\xff" * 20
        chunks = bytes.fromhex("030000000000") + bytes([len(text), 20]) + bytes(4) + text[:128] + b"\xc3" + text[128:]
        (item,) = items(chunks)
        (trouble,) = item.troubles()
        assert (trouble.offset, trouble.severity, trouble.code) == (place, "warning", "amf.malformed")
        assert chunks[place] == 0xFF
        assert trouble_item(trouble, "line 3, column 4").said == f"{trouble.title} [amf.malformed] (line 3, column 4)"


def test_the_messages_of_an_aggregate_are_lines_too() -> None:
    events = [event_item(event) for event in rtmpsniff.messages(CAPTURES / "aggregate.pcap")]
    inside = [list(item.inside()) for item in events if item.word == "aggregate"]
    assert inside
    assert max(map(len, inside)) > 1
    assert all(found and found[0].word in {"audio", "video", "data"} for found in inside)


def test_events_of_a_connection_are_refused() -> None:
    opened = next(event for event in rtmpsniff.events(CAPTURES / "connect-228.pcap") if isinstance(event, Opened))
    with pytest.raises(TypeError, match="belongs to a connection"):
        event_item(opened)


# A body


def test_a_body() -> None:
    body = amf0("play", 0, None, "sample")
    item = body_item(loose_message(20, body))
    assert (item.word, item.said, item.where, item.number) == (
        "command",
        'play(0) null, "sample"',
        "34 bytes",
        None,
    ) or (
        item.word,
        item.where,
        item.number,
    ) == ("command", f"{len(body)} bytes", None)
    block = item.block()
    assert block is not None
    assert (block.data, block.insets) == (body, ())
    (record,) = records(item)
    assert list(record) == ["record", "type_id", "type", "length", "body"]


@pytest.mark.parametrize(
    ("type_id", "payload", "is_decoded"),
    [(20, amf0("play", 0), True), (20, b"\xff", False), (99, b"abc", False), (8, b"", True), (4, b"\0", False)],
)
def test_whether_anything_of_a_body_was_decoded(type_id: int, payload: bytes, is_decoded: bool) -> None:
    assert body_item(loose_message(type_id, payload)).is_decoded is is_decoded


# FLV


def test_the_tags_of_a_file() -> None:
    header, first, *others = parts(FILE)
    assert (header.word, header.said, header.is_beside) == ("FLV header", "version 1, audio and video", True)
    assert records(header) == [{"record": "flv", "version": 1, "audio": True, "video": True}]
    assert (first.word, first.number, first.offset, first.timestamp) == ("data", 1, 13, "0")
    assert first.where == "timestamp 0; 37 bytes, offset 13"
    assert first.said == "onMetaData {width: 640}"
    block = first.block()
    assert block is not None
    assert [inset.address for inset in block.insets] == [13, 13 + 11 + 37]
    (record,) = records(first)
    assert not (INVENTED | {"csid", "chunks"}) & set(record)
    assert [item.word for item in others] == ["video", "audio", "video", "audio", "audio"]


@pytest.mark.parametrize(
    ("flags", "said"), [(0, "neither audio nor video"), (1, "video"), (4, "audio"), (5, "audio and video")]
)
def test_what_a_file_says_that_it_holds(flags: int, said: str) -> None:
    (item,) = parts(HEADER.replace(b"\x05", bytes([flags])))
    assert item.said == f"version 1, {said}"


def test_an_encrypted_tag_is_not_decoded() -> None:
    _, item = parts(HEADER + tag(0x20 | 18, 0, b"secret"))
    assert (item.word, item.said) == ("data", "encrypted")
    block = item.block()
    assert block is not None
    assert [(field.name, field.label, field.stop) for field in block.fields] == [("data", "encrypted", 6)]
    assert list(item.troubles()) == []
    (record,) = records(item)
    assert (record["encrypted"], record["body"]) == (True, None)


def test_what_is_wrong_with_a_tag() -> None:
    _, item = parts(HEADER + tag(18, 0, amf0("onMetaData") + b"\xff", pointer=3))
    troubles = [(trouble.code, trouble.offset) for trouble in item.troubles()]
    assert troubles == [("file.malformed", 13 + 11 + 14), ("amf.malformed", 13 + 11 + 13)]


def test_what_is_lost_of_a_file() -> None:
    item = part_item(Lost(5, 3, "the dog ate it"))
    assert (item.word, item.said) == ("undecoded", "3 bytes from offset 5 not decoded: the dog ate it")


def test_a_header_that_is_odd() -> None:
    reader = FlvReader()
    (part,) = [*reader.feed(HEADER.replace(b"FLV\x01", b"FLV\x07")), *reader.end()]
    assert isinstance(part, FileHeader)
    (trouble,) = part_item(part).troubles()
    assert trouble.title.startswith("version 7")


# Values


def test_values() -> None:
    data = amf0("a", 1, {"b": None})
    item = values_item(data, "amf0", amf_values(data, "amf0"))
    assert (item.word, item.said, item.where, item.is_listed) == ("AMF0", "3 values", f"{len(data)} bytes", False)
    assert [(one.word, one.said, one.offset) for one in item.inside()] == [
        ("string", '"a"', 0),
        ("number", "1", 4),
        ("object", "{b: null}", 13),
    ]
    assert list(item.records()) == ["a", 1, {"b": None}]
    block = item.block()
    assert block is not None
    assert block.data == data


def test_values_that_break_off() -> None:
    data = amf0(1) + b"\xff"
    item = values_item(data, "amf0", amf_values(data, "amf0"))
    assert (item.said, item.is_decoded, len(list(item.troubles()))) == ("1 value", True, 1)
    assert not values_item(b"\xff", "amf0", amf_values(b"\xff", "amf0")).is_decoded


def test_references_count_over_all_values() -> None:
    data = amf0([1], Amf3(b"\x0a\x0b\x01\x03a\x04\x01\x01"))
    item = values_item(data, "amf0", amf_values(data, "amf0"))
    assert list(item.records()) == [[1], {"a": 1}]


def test_a_local_shared_object() -> None:
    item = sol_item(SOL, decode_sol(SOL))
    assert (item.word, item.said, item.length) == ("local object", '"notes", AMF0, 3 pairs', len(SOL))
    assert [(one.word, one.said) for one in item.inside()] == [
        ("string", 'user: "carol"'),
        ("number", "visits: 3"),
        ("null", "last: null"),
    ]
    assert list(item.records()) == [
        {"record": "sol", "name": "notes", "amf": 0, "length": len(SOL)},
        {"record": "pair", "key": "user", "value": "carol"},
        {"record": "pair", "key": "visits", "value": 3},
        {"record": "pair", "key": "last", "value": None},
    ]


def test_what_is_no_local_shared_object() -> None:
    item = sol_item(b"nothing", decode_sol(b"nothing"))
    assert (item.said, item.is_decoded, list(item.records())) == ("not even the header can be read", False, [])
    assert list(item.inside()) == []


def said(found: Iterable[Item]) -> str:
    return " ".join(f"{item.word} {item.said} {item.where}" for item in found)


def test_what_is_said_is_safe_to_print() -> None:
    hostile = "\x1b[2J\u202e\n"
    body = amf0(hostile, 1, {hostile: hostile})
    key = hostile.encode()
    pairs = len(key).to_bytes(2, "big") + key + amf0(hostile) + b"\0"
    name = SOL[:6] + SOL[6:16] + len(key).to_bytes(2, "big") + key + bytes(4) + pairs
    found = [body_item(loose_message(20, body)), values_item(body, "amf0", amf_values(body, "amf0"))]
    found += [sol_item(name, decode_sol(name)), *parts(HEADER + tag(18, 0, body))]
    found += [one for item in found for one in item.inside()]
    assert said(found).isprintable()


@pytest.mark.parametrize("name", SEQUENCES)
def test_every_event_of_a_chunk_stream_is_an_item(name: str) -> None:
    data = SEQUENCES[name].data
    found = items(data)
    assert sum(item.about is not None for item in found) == len(SEQUENCES[name].times)
    assert all(0 <= item.offset < len(data) for item in found)
