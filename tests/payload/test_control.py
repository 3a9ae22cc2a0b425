from __future__ import annotations

import struct

import pytest

from rtmpsniff.findings import CHUNK_SIZE_VALUE, Severity
from rtmpsniff.payload.bodies import Body, Unknown, decode
from rtmpsniff.payload.control import (
    EVENTS,
    Abort,
    Acknowledgement,
    SetChunkSize,
    SetPeerBandwidth,
    UserControl,
    WindowAckSize,
)

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

CASES: list[tuple[int, str, Body]] = [
    (4, "000000000001", UserControl("stream_begin", 0, message_stream_id=1)),
    (4, "000100000001", UserControl("stream_eof", 1, message_stream_id=1)),
    (4, "000200000001", UserControl("stream_dry", 2, message_stream_id=1)),
    (4, "00030000000100000bb8", UserControl("set_buffer_length", 3, message_stream_id=1, buffer_length=3000)),
    (4, "000400000001", UserControl("stream_is_recorded", 4, message_stream_id=1)),
    (4, "0005", UserControl("unknown_5", 5, values=(), data=b"")),
    (4, "0005000000090000", UserControl("unknown_5", 5, values=(9,), data=b"\0\0\0\x09\0\0")),
    (4, "000612345678", UserControl("ping_request", 6, timestamp=0x12345678)),
    (4, "000712345678", UserControl("ping_response", 7, timestamp=0x12345678)),
    (4, "000800000007", UserControl("unknown_8", 8, values=(7,), data=b"\0\0\0\x07")),
    (4, "ffff000000070102", UserControl("unknown_65535", 0xFFFF, values=(7,), data=b"\0\0\0\x07\x01\x02")),
    (4, "001a01", UserControl("swf_verify_request", 26, version=1)),
    (4, "001a", UserControl("swf_verify_request", 26)),
    (
        4,
        "001b 01 01 00001234 00001234" + "ab" * 32,
        UserControl(
            "swf_verify_response",
            27,
            version=1,
            swf_version_again=1,
            swf_size=0x1234,
            swf_size_again=0x1234,
            swf_digest=b"\xab" * 32,
        ),
    ),
    (4, "001f00000001", UserControl("buffer_empty", 31, message_stream_id=1)),
    (4, "002000000001", UserControl("buffer_ready", 32, message_stream_id=1)),
    (4, "0022 00000005 00000002", UserControl("flow_sync", 34, sync_id=5, flow_count=2)),
    (4, "0029 00002710 00004e20", UserControl("set_keepalive", 41, server_keepalive=10_000, peer_keepalive=20_000)),
    (1, "00001000", SetChunkSize(4096)),
    (2, "00000006", Abort(6)),
    (3, "80000001", Acknowledgement(0x80000001)),
    (5, "004c4b40", WindowAckSize(5_000_000)),
    (6, "004c4b4000", SetPeerBandwidth(5_000_000, "hard")),
    (6, "004c4b4001", SetPeerBandwidth(5_000_000, "soft")),
    (6, "004c4b4002", SetPeerBandwidth(5_000_000, "dynamic")),
    (6, "004c4b4009", SetPeerBandwidth(5_000_000, "unknown_9")),
]


@pytest.mark.parametrize(("type_id", "data", "body"), CASES)
def test_bodies(type_id: int, data: str, body: Body) -> None:
    got = decode(type_id, bytes.fromhex(data))
    assert got.body == body
    assert got.findings == ()


def test_every_event_is_tried() -> None:
    assert set(EVENTS) <= {body.event_id for _, _, body in CASES if isinstance(body, UserControl)}


@pytest.mark.parametrize(
    ("type_id", "data", "fields"),
    [
        (1, "00001000", [("chunk size", "4096")]),
        (1, "80001000", [("chunk size", "4096, bit 31 set")]),
        (4, "00030000000100000bb8", ["event type", "message stream id", "buffer length"]),
        (4, "000612345678", [("event type", "6 ping_request"), ("timestamp", "305419896 ms")]),
        (
            4,
            "001b 01 01 00001234 00001234" + "ab" * 32,
            [
                ("event type", "27 swf_verify_response"),
                "version",
                "version again",
                ("SWF size", "4660 bytes"),
                ("SWF size again", "4660 bytes"),
                "SWF digest",
            ],
        ),
        (4, "0008000000070102", [("event type", "8 unknown_8"), ("value 1", "7"), ("event data", "not described")]),
        (6, "004c4b4002", [("acknowledgement window size", "5000000"), ("limit type", "2 dynamic")]),
        (6, "004c4b4009", ["acknowledgement window size", ("limit type", "9 unknown")]),
    ],
)
def test_fields(type_id: int, data: str, fields: list[str | tuple[str, str]]) -> None:
    got = decode(type_id, bytes.fromhex(data)).fields
    assert len(got) == len(fields)
    for field, expected in zip(got, fields, strict=True):
        name, label = expected if isinstance(expected, tuple) else (expected, "")
        assert field.name == name
        assert field.label.startswith(label)


def test_a_long_event_that_nobody_described_is_not_unfolded() -> None:
    data = bytes(1_000_002)
    got = decode(4, b"\x00\x08" + data)
    assert len(got.fields) == 18  # the number, 16 integers, the rest
    assert isinstance(got.body, UserControl)
    assert got.body.data == data


@pytest.mark.parametrize(
    ("versions", "sizes", "found"),
    [
        ((1, 1), (16, 16), []),
        ((1, 2), (16, 16), [("SWF verification says two versions, 1 and 2", 2, 2)]),
        ((1, 1), (16, 17), [("SWF verification says two sizes, 16 and 17", 4, 8)]),
        (
            (2, 1),
            (0, 1),
            [
                ("SWF verification says two versions, 2 and 1", 2, 2),
                ("SWF verification says two sizes, 0 and 1", 4, 8),
            ],
        ),
    ],
)
def test_an_answer_to_swf_verification_says_things_twice(
    versions: tuple[int, int], sizes: tuple[int, int], found: list[tuple[str, int, int]]
) -> None:
    body, _, findings = decode(4, struct.pack(">HBBLL32x", 27, *versions, *sizes))
    assert isinstance(body, UserControl)
    assert (body.version, body.swf_version_again) == versions
    assert (body.swf_size, body.swf_size_again) == sizes
    assert [(one.title, one.evidence[0].offset, one.evidence[0].length) for one in findings] == found
    assert all(one.severity is WARNING for one in findings)


def test_event_5_may_be_a_ping_by_another_number() -> None:
    body, _, findings = decode(4, bytes.fromhex("0005 00000009"))
    assert body == UserControl("unknown_5", 5, values=(9,), data=b"\0\0\0\x09")
    (note,) = findings
    assert note.severity is NOTE
    assert "unassigned" in note.title
    assert "off by one" in note.title
    assert decode(4, bytes.fromhex("0006 00000009")).findings == ()


@pytest.mark.parametrize(
    ("size", "severities"),
    [
        (0, [ERROR]),
        (1, [WARNING]),
        (127, [WARNING]),
        (128, []),
        (4096, []),
        (60_000, []),
        (65_536, []),
        (65_537, [NOTE]),
        (10_485_760, [NOTE]),
        (10_485_761, [WARNING]),
        (0x7FFFFFFF, [WARNING]),
        (0x80001000, [WARNING]),
        (0x80000000, [WARNING, ERROR]),
        (0xFFFFFFFF, [WARNING, WARNING]),
    ],
)
def test_odd_chunk_sizes(size: int, severities: list[Severity]) -> None:
    body, _, findings = decode(1, size.to_bytes(4, "big"))
    assert body == SetChunkSize(size & 0x7FFFFFFF)
    assert [finding.severity for finding in findings] == severities
    assert {finding.rule for finding in findings} <= {CHUNK_SIZE_VALUE}


def test_a_bandwidth_without_a_limit_type() -> None:
    body, _, findings = decode(6, bytes.fromhex("004c4b40"))
    assert body == SetPeerBandwidth(5_000_000, None)
    assert [(one.severity, one.title) for one in findings] == [(NOTE, "Set Peer Bandwidth without a limit type")]


@pytest.mark.parametrize(
    ("type_id", "data", "body", "title"),
    [
        (1, "000010", Unknown(b"\0\0\x10"), "set_chunk_size > chunk size: needs 4 bytes, has 3"),
        (2, "", Unknown(b""), "abort > chunk stream id: needs 4 bytes, has 0"),
        (4, "00", Unknown(b"\0"), "user_control > event type: needs 2 bytes, has 1"),
        (
            4,
            "0003000000",
            UserControl("set_buffer_length", 3, data=b"\0\0\0"),
            "user_control > message stream id: needs 4 bytes, has 3",
        ),
        (
            4,
            "000300000001 0bb8",
            UserControl("set_buffer_length", 3, 1, data=b"\0\0\0\x01\x0b\xb8"),
            "user_control > buffer length: needs 4 bytes, has 2",
        ),
        (
            4,
            "001b 01 01 00001000 00",
            UserControl(
                "swf_verify_response", 27, version=1, swf_version_again=1, swf_size=4096, data=b"\1\1\0\0\x10\0\0"
            ),
            "user_control > SWF size again: needs 4 bytes, has 1",
        ),
        (6, "00", Unknown(b"\0"), "set_peer_bandwidth > acknowledgement window size: needs 4 bytes, has 1"),
    ],
)
def test_bodies_that_break_off(type_id: int, data: str, body: Body, title: str) -> None:
    got = decode(type_id, bytes.fromhex(data))
    assert got.body == body
    assert [(one.rule.code, one.severity, one.title) for one in got.findings] == [("body.malformed", ERROR, title)]


def test_bytes_after_the_body_are_shown() -> None:
    got = decode(3, bytes.fromhex("00000001 cafe"))
    assert got.body == Acknowledgement(1)
    assert [(field.name, field.value) for field in got.fields] == [("sequence number", 1), ("unread", b"\xca\xfe")]
    assert [(one.severity, one.title) for one in got.findings] == [(NOTE, "2 bytes after the end of the body")]
