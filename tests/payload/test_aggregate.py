"""Aggregates are taken apart, each message with its header, its fields in their places, and its back pointer."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtmpsniff.fields import Field, Role
from rtmpsniff.findings import BODY_MALFORMED, Severity
from rtmpsniff.payload.aggregate import MAX_FIELDS, MAX_FINDINGS, MAX_MESSAGES, Aggregate, SubMessage
from rtmpsniff.payload.audio import Audio
from rtmpsniff.payload.bodies import Decoded, Unknown, decode
from rtmpsniff.payload.command import Data
from rtmpsniff.payload.video import Video
from tests.build import amf0
from tests.payload.test_bodies import assert_nested, covered, leaves

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

VECTOR = bytes.fromhex(
    "080000030003e800000001af01aa0000000e"
    "090000060003f2000000012701000000bb00000011"
    "120000200003fc0000000102000a6f6e5465787444617461080000000100047465787402000268690000090000002b"
)


def tag(
    type_id: int,
    body: bytes = b"",
    timestamp: int = 0,
    *,
    length: int | None = None,
    stream_id: int = 0,
    pointer: int | None = None,
) -> bytes:
    """A message with its header, which may lie."""
    size = (len(body) if length is None else length).to_bytes(3, "big")
    stamp = (timestamp & 0xFFFFFF).to_bytes(3, "big") + bytes([timestamp >> 24])
    back = (11 + len(body) if pointer is None else pointer).to_bytes(4, "big")
    return bytes([type_id]) + size + stamp + stream_id.to_bytes(3, "big") + body + back


def read(payload: bytes) -> tuple[tuple[SubMessage, ...], Decoded]:
    decoded = decode(22, payload)
    assert isinstance(decoded.body, Aggregate)
    assert_nested(decoded.fields, 0, len(payload))
    assert covered(decoded.fields) == len(payload)
    return decoded.body.messages, decoded


def titles(decoded: Decoded) -> list[tuple[Severity, str]]:
    return [(finding.severity, finding.title) for finding in decoded.findings]


def test_the_vector() -> None:
    (audio, video, data), decoded = read(VECTOR)
    assert [(one.type_id, one.type) for one in (audio, video, data)] == [
        (8, "audio"),
        (9, "video"),
        (18, "data_amf0"),
    ]
    assert [(one.timestamp, one.length, one.stream_id, one.back_pointer) for one in (audio, video, data)] == [
        (1000, 3, 1, 14),
        (1010, 6, 1, 17),
        (1020, 32, 1, 43),
    ]
    assert [VECTOR[one.start : one.stop] for one in (audio, video)] == [b"\xaf\x01\xaa", b"\x27\x01\0\0\0\xbb"]
    assert isinstance(audio.body, Audio)
    assert audio.body.codec == "aac"
    assert isinstance(video.body, Video)
    assert video.body.codec == "h264"
    assert isinstance(data.body, Data)
    assert data.body.name == "onTextData"
    assert [finding for finding in decoded.findings if finding.rule is BODY_MALFORMED] == []


def test_the_bodies_are_those_of_messages_that_come_alone() -> None:
    for message in read(VECTOR)[0]:
        assert message.body == decode(message.type_id, VECTOR[message.start : message.stop]).body


def shown(field: Field) -> list[tuple[str, int, int, str]]:
    return [(child.name, child.start, child.stop, child.label) for child in field.children]


def test_the_fields_of_a_message_lie_where_its_bytes_do() -> None:
    _, decoded = read(tag(8) + tag(18, amf0("f", [True]), 0x01000005, stream_id=7))
    empty, data = decoded.fields
    assert (empty.name, empty.label, empty.start, empty.stop) == ("message 1", "audio, 0 bytes, 0 ms", 0, 15)
    assert shown(empty) == [
        ("type", 0, 1, "8 audio"),
        ("length", 1, 4, "0 bytes"),
        ("timestamp", 4, 8, "0 ms"),
        ("stream id", 8, 11, "0"),
        ("back pointer", 11, 15, "11"),
    ]
    assert (data.label, data.start, data.stop) == ("data_amf0, 11 bytes, 16777221 ms", 15, 41)
    assert shown(data)[2:] == [
        ("timestamp", 19, 23, "16777221 ms"),
        ("stream id", 23, 26, "7"),
        ("handler name", 26, 30, '"f"'),
        ("argument 1", 30, 37, "strict array, 1 element"),
        ("back pointer", 37, 41, "22"),
    ]
    array = data.children[5]
    assert [(child.name, child.start, child.stop) for child in array.children] == [
        ("marker", 30, 31),
        ("count", 31, 35),
        ("boolean", 35, 37),
    ]


def test_the_highest_byte_of_a_timestamp_comes_last() -> None:
    (message,), _ = read(tag(8, b"", 0x12345678))
    assert message.timestamp == 0x12345678
    assert tag(8, b"", 0x12345678)[4:8] == bytes.fromhex("34567812")


def test_no_message_at_all() -> None:
    assert read(b"") == ((), Decoded(Aggregate(), (), ()))


def test_a_back_pointer_that_is_wrong_is_told_and_passed_over() -> None:
    messages, decoded = read(tag(8, b"\xaf\x01", pointer=2) + tag(9, b"\x27\x01\0\0\0"))
    assert [one.back_pointer for one in messages] == [2, 16]
    assert titles(decoded) == [(WARNING, "aggregate > message 1 > the back pointer is 2 and should be 13")]
    assert [(one.offset, one.length) for one in decoded.findings[0].evidence] == [(13, 4)]
    assert decoded.fields[0].children[-1].label == "2, should be 13"


def test_the_last_back_pointer_may_be_missing() -> None:
    messages, decoded = read(tag(8, b"\xaf\x01") + tag(8, b"\xaf\x01x")[:-4])
    assert [one.back_pointer for one in messages] == [13, None]
    assert titles(decoded) == [(NOTE, "aggregate > message 2 > the last back pointer is missing")]


def test_what_is_wrong_in_a_message_is_told_with_its_place() -> None:
    payload = tag(8) + tag(18, amf0("f") + b"\x00\x01")
    _, decoded = read(payload)
    title = "aggregate > message 2 > f > argument 1: needs 8 bytes, has 1"
    assert titles(decoded) == [(ERROR, title)]
    (evidence,) = decoded.findings[0].evidence
    assert payload[evidence.offset : evidence.offset + evidence.length] == b"\x01"


def test_an_aggregate_in_an_aggregate_is_not_taken_apart() -> None:
    inner = tag(8, b"\xaf\x01")
    (message,), decoded = read(tag(22, inner))
    assert (message.type, message.body) == ("aggregate", Unknown(inner))
    (field,) = decoded.fields
    assert field.children[4][:5] == ("data", 11, 11 + len(inner), inner, "an aggregate inside an aggregate, not read")


def test_any_type_may_be_in_it() -> None:
    messages, _ = read(tag(1, b"\0\0\x10\0") + tag(7, b"?"))
    assert [one.type for one in messages] == ["set_chunk_size", "unknown_7"]
    assert messages[1].body == Unknown(b"?")


# Aggregates that break off

CUT = tag(8, b"\xaf\x01x") + tag(8, b"\xaf\x01" + b"y" * 5)


@pytest.mark.parametrize("size", range(1, len(CUT)))
def test_what_was_read_stays_wherever_it_breaks_off(size: int) -> None:
    messages, decoded = read(CUT[:size])
    spans = [(11, 14), (29, 36)]  # of the payloads
    assert [(one.start, one.stop) for one in messages] == [
        (start, min(stop, size)) for start, stop in spans if size >= start
    ]
    assert all(isinstance(one.body, Audio) for one in messages)
    severities = [] if size == 18 else [NOTE] if size in {14, 36} else [ERROR]
    assert [finding.severity for finding in decoded.findings] == severities


def test_a_length_that_reaches_past_the_end() -> None:
    messages, decoded = read(tag(8) + tag(8, b"\xaf\x01abc", length=600))
    assert [(one.length, one.stop - one.start) for one in messages] == [(0, 0), (600, 9)]
    assert titles(decoded) == [(ERROR, "aggregate > message 2: needs 600 bytes, has 9")]
    assert decoded.fields[1].stop == 15 + 20


def test_bytes_that_are_no_message() -> None:
    messages, decoded = read(tag(8) + b"\0\0")
    assert len(messages) == 1
    assert titles(decoded) == [(ERROR, "aggregate > message 2: needs 3 bytes, has 1")]
    assert decoded.fields[-1].role is Role.UNREAD


# Anything

tags = st.builds(
    tag,
    st.sampled_from([0, 1, 4, 8, 9, 16, 17, 18, 19, 20, 22, 255]),
    st.binary(max_size=20) | st.sampled_from([amf0("f", {"a": 1}), b"\x17\x01\0\0\0\0\0\0\1\x65", b"\xaf\1a"]),
    st.integers(0, 0xFFFFFFFF),
    length=st.none() | st.integers(0, 40),
    stream_id=st.integers(0, 3),
    pointer=st.none() | st.integers(0, 3),
)


@given(st.lists(tags, max_size=4).map(b"".join) | st.binary(max_size=60))
@example(tag(8, length=0xFFFFFF))
def test_any_bytes_have_an_answer_that_accounts_for_each_of_them(payload: bytes) -> None:
    messages, decoded = read(payload)
    covered = {place for field in leaves(decoded.fields) for place in range(field.start, field.stop)}
    assert covered == set(range(len(payload)))
    for finding in decoded.findings:
        assert finding.title.isprintable()
        assert all(0 <= one.offset <= one.offset + one.length <= len(payload) for one in finding.evidence)
    for message in messages:
        assert 0 <= message.start <= message.stop <= len(payload)
        assert message.stop - message.start <= message.length


HOSTILE = [
    ("empty messages", tag(8) * 300_000),
    ("wrong back pointers", tag(8, pointer=1) * 50_000),
    ("nulls in every message", tag(18, amf0("f") + b"\x05" * 60_000) * 60),
    ("what is wrong in every message", tag(20, b"\xff") * 50_000),
    ("aggregates all the way down", tag(22, tag(22, tag(22, tag(8))))),
    ("deep values", tag(18, b"\x0a\0\0\0\1" * 5000) * 20),
]


@pytest.mark.parametrize("payload", [case[1] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_aggregates_end_soon_and_stay_small(payload: bytes) -> None:
    began = perf_counter()
    decoded = decode(22, payload)
    assert perf_counter() - began < 30  # far more than it takes, and far less than a blow-up would
    assert covered(decoded.fields) == len(payload)
    assert isinstance(decoded.body, Aggregate)
    assert len(decoded.body.messages) <= MAX_MESSAGES
    assert len(decoded.findings) <= MAX_FINDINGS + 1
    assert len(leaves(decoded.fields)) < 2 * MAX_FIELDS
