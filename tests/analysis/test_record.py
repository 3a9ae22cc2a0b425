"""Messages as records: the names, their order and their values, for every type of message."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rtmpsniff
from rtmpsniff.analysis.record import ABSENT, Record, body_record, in_json, message_record, part_of, said, seconds
from rtmpsniff.capture.packet import Origin
from rtmpsniff.output.json_text import json_text
from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.command import Command
from rtmpsniff.payload.types import TYPE_NAMES
from rtmpsniff.payload.values import UNDEFINED, Object, Reference
from rtmpsniff.rtmp.events import Notes
from tests.build import Date, Ecma, Typed, amf0
from tests.conftest import START

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

CAPTURES = Path(__file__).parents[2] / "captures"
SHARED = Path(__file__).parents[3] / "shared" / "captures" / "made"  # may be missing

NAMES = (
    "record connection n time start sender csid type_id type timestamp timestamp_certain stream_id length capture "
    "packets offset chunks state missing body"
)


def body(type_id: int, payload: bytes) -> Record:
    return body_record(decode(type_id, payload).body)


# Messages


def test_names_and_their_order(message: MakeMessage) -> None:
    record = message_record(message(9, b"\x17\x01\0\0\0"), START)
    assert list(record) == [*NAMES.split(), "payload_sha256"]
    assert list(message_record(message(20, amf0("a", 1, None)), START)) == NAMES.split()


def test_values(message: MakeMessage) -> None:
    record = message_record(message(3, b"\0\0\x10\0"), START - 1)
    assert record == {
        "record": "message",
        "connection": 1,
        "n": 7,
        "time": Decimal("0.500000001"),
        "start": Decimal("0.000000001"),
        "sender": "client",
        "csid": 3,
        "type_id": 3,
        "type": "acknowledgement",
        "timestamp": 40,
        "timestamp_certain": True,
        "stream_id": 1,
        "length": 4,
        "capture": 0,
        "packets": [11, 12],
        "offset": 3073,
        "chunks": 1,
        "state": "whole",
        "missing": [],
        "body": {"sequence_number": 4096},
    }


def test_packets_are_those_of_one_file(message: MakeMessage) -> None:
    def packets(first: Origin, last: Origin) -> tuple[object, object]:
        record = message_record(message(3, first=first, last=last), START)
        return record["capture"], record["packets"]

    assert packets(Origin(0, 11, START), Origin(0, 12, START)) == (0, [11, 12])
    assert packets(Origin(1, 12, START), Origin(1, 11, START)) == (1, [11, 12])
    assert packets(Origin(0, 900, START), Origin(1, 3, START)) == (1, [3, 3])


def test_what_was_never_captured(message: MakeMessage) -> None:
    record = message_record(message(9, bytes(9), missing=((2, 4), (6, 7)), state="damaged"), START)
    assert record["missing"] == [[2, 4], [6, 7]]
    assert record["state"] == "damaged"


def test_only_whole_media_have_a_hash(message: MakeMessage) -> None:
    assert message_record(message(8, b"\xaf\1abc"), START)["payload_sha256"] == sha256(b"\xaf\1abc").hexdigest()
    assert "payload_sha256" in message_record(message(22), START)
    assert "payload_sha256" not in message_record(message(8, b"\xaf\1abc", state="cut"), START)
    assert "payload_sha256" not in message_record(message(18, amf0("a")), START)


TIMES = [(0, "0.000000000"), (1, "0.000000001"), (-1, "-0.000000001"), (45_264_000, "0.045264000")]


@pytest.mark.parametrize(("nanoseconds", "text"), [*TIMES, (2**64 * 10**9 + 1, f"{2**64}.000000001")])
def test_times_have_nine_decimals(nanoseconds: int, text: str) -> None:
    assert f"{seconds(nanoseconds):f}" == text


@given(st.integers(-(2**100), 2**100))
def test_times_are_exact(nanoseconds: int) -> None:
    assert int(f"{seconds(nanoseconds):f}".replace(".", "")) == nanoseconds


# Bodies

UNTYPED: list[tuple[int, bytes, Any]] = [
    (1, bytes.fromhex("00001000"), {"chunk_size": 4096}),
    (2, bytes.fromhex("00000005"), {"chunk_stream_id": 5}),
    (3, bytes.fromhex("00001000"), {"sequence_number": 4096}),
    (4, bytes.fromhex("000000000001"), {"event": "stream_begin", "event_id": 0, "message_stream_id": 1}),
    (
        4,
        bytes.fromhex("00030000000100000bb8"),
        {"event": "set_buffer_length", "event_id": 3, "message_stream_id": 1, "buffer_length": 3000},
    ),
    (4, bytes.fromhex("0006000000ff"), {"event": "ping_request", "event_id": 6, "timestamp": 255}),
    (5, bytes.fromhex("002625a0"), {"acknowledgement_window_size": 2_500_000}),
    (6, bytes.fromhex("002625a002"), {"acknowledgement_window_size": 2_500_000, "limit_type": "dynamic"}),
    (6, bytes.fromhex("002625a0"), {"acknowledgement_window_size": 2_500_000}),
    (7, b"ab", {"data": {"$bytes": "YWI="}}),
    (20, amf0("createStream", 2, None), {"name": "createStream", "transaction": 2, "object": None, "args": []}),
    (20, amf0("x"), {"name": "x", "transaction": None, "object": None, "args": []}),
    (
        20,
        amf0("a", 1.5, {"n": None, "u": [True, "t"]}, Date(0.5), "b"),
        {
            "name": "a",
            "transaction": 1.5,
            "object": {"n": None, "u": [True, "t"]},
            "args": [{"$date_ms": 0.5, "timezone": 0}, "b"],
        },
    ),
    (
        18,
        amf0("onMetaData", Ecma({"width": 1280, "new": Typed("C", {})})),
        {"name": "onMetaData", "args": [{"$ecma": {"width": 1280, "new": {"$typed": "C", "value": {}}}}]},
    ),
]


@pytest.mark.parametrize(("type_id", "payload", "record"), UNTYPED)
def test_bodies(type_id: int, payload: bytes, record: Record) -> None:
    said = body(type_id, payload)
    assert said == record
    assert list(said) == list(record)


MEDIA = [
    (9, "17010000a7", {"codec": "h264", "frame_type": "key", "packet_type": "coded_frames", "composition_time": 167}),
    (9, "2701000000", {"codec": "h264", "frame_type": "inter", "packet_type": "coded_frames", "composition_time": 0}),
    (8, "af01", {"codec": "aac", "packet_type": "coded_frames"}),
    (8, "", {"packet_type": "silence"}),
]


@pytest.mark.parametrize(("type_id", "payload", "record"), MEDIA)
def test_media(type_id: int, payload: str, record: Record) -> None:
    """The codecs' own parts may stand beside these."""
    said = body(type_id, bytes.fromhex(payload))
    assert said | record == said
    assert None not in said.values()
    assert [] not in said.values()


def test_containers_are_counted_through_the_whole_body() -> None:
    shared: Any = Object([("a", 1.0)])
    record = body_record(Command("f", 1.0, shared, (Reference(0, shared), [], UNDEFINED)))
    assert record["args"] == [{"$ref": 0}, [], {"$undefined": True}]


def test_text_that_is_no_utf8_is_kept() -> None:
    assert body(20, b"\x02\x00\x01\xff\x00" + bytes(8))["name"] == {"$string": "/w=="}


def test_notes_say_what_is_answered() -> None:
    result = decode(20, amf0("_result", 1, None)).body
    assert body_record(result, Notes(remarks=("of no use here",))) == body_record(result)
    record = body_record(result, Notes(response_to=4, latency=1_266_000))
    assert list(record.items())[-2:] == [("response_to", 4), ("latency_ms", 1.266)]
    assert body_record(result, Notes(response_to=4, latency=2_000_000))["latency_ms"] == 2
    assert "latency_ms" not in body_record(result, Notes(response_to=4))
    assert "response_to" not in body_record(decode(8, b"").body, Notes(response_to=4))


def test_an_aggregate_holds_its_messages() -> None:
    """Type 8, 2 bytes, 5 ms, stream 0; then the same as a command. Each counts its own containers."""
    call = amf0("f", 1, {"a": []})
    parts = [(8, b"\xaf\x01"), (20, call), (20, call)]
    tags = [
        bytes([kind]) + len(part).to_bytes(3, "big") + bytes(7) + part + (11 + len(part)).to_bytes(4, "big")
        for kind, part in parts
    ]
    record: Any = body(22, b"".join(tags))
    assert [part["type"] for part in record["messages"]] == ["audio", "command_amf0", "command_amf0"]
    assert record["messages"][1]["body"] == record["messages"][2]["body"] == body(20, call)


# Dataclasses that are still to come


class Size(NamedTuple):
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Part:
    id: int
    size: Size | None = None
    kinds: tuple[str, ...] = ()
    raw: bytes = b"\1"


@dataclass(frozen=True, slots=True)
class Whole:
    parts: tuple[Part, ...]
    pairs: tuple[tuple[str, Any], ...]
    left_out: None = None


def test_structure_becomes_structure() -> None:
    whole = Whole((Part(1, Size(16, 9), ("a",)), Part(2)), (("k", Object([("x", float("nan"))])), ("n", None)))
    assert in_json(whole) == {
        "parts": [
            {"id": 1, "size": {"width": 16, "height": 9}, "kinds": ["a"], "raw": {"$bytes": "AQ=="}},
            {"id": 2, "raw": {"$bytes": "AQ=="}},
        ],
        "pairs": [["k", {"x": {"$number": "NaN"}}], ["n", None]],
    }


# One thing alone


def test_parts_of_a_body_are_what_the_record_has(message: MakeMessage) -> None:
    ack = message(5, bytes.fromhex("002625a0"))
    assert said(ack, "acknowledgement_window_size") == 2_500_000
    assert said(ack, "window") is ABSENT
    assert said(ack, "response_to") is ABSENT
    assert said(message(20, amf0("f", 1, None)), "object") is None
    assert part_of(Part(1), "size") is ABSENT
    assert part_of(Part(1), "kinds") is ABSENT
    assert repr(ABSENT) == "ABSENT"


# Any message


@given(st.sampled_from([*TYPE_NAMES, 7, 255]), st.binary(max_size=200))
def test_any_body_has_a_record_that_json_can_write(type_id: int, payload: bytes) -> None:
    record = body(type_id, payload)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert None not in [value for name, value in record.items() if name not in {"transaction", "object"}]


RECORDINGS = [path for folder in (CAPTURES, SHARED) for path in sorted(folder.glob("*.pcap"))]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_recordings(path: Path) -> None:
    """Whatever real programs said is in the record, as text that reads back to the same."""
    base = None
    for message in rtmpsniff.messages(path):
        base = message.first.time if base is None else base
        record = message_record(message, base)
        back = json.loads(json_text(record), parse_float=Decimal)
        assert back["time"] == record["time"]
        assert (back["n"], back["type"], list(back)) == (message.number, message.type, list(record))
        assert list(back["body"]) == list(body_record(message.body, message.notes))
