"""The framing that audio and video share, in a medium made up for it: packet type 6 is Multitrack."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpsniff.fields import Cursor, Field, Malformed, Role, Truncated
from rtmpsniff.findings import Finding, Severity
from rtmpsniff.payload.media import (
    FOUR_CCS,
    ModEx,
    Multitrack,
    Track,
    four_cc,
    media_payload,
    modex,
    moved,
    multitrack,
    record,
    tracks,
    word,
)
from tests.payload.test_bodies import assert_nested, covered

NAMES = {0: "zero", 3: "three", 6: "multitrack", 7: "modex"}
MULTITRACK = 6


def described(fields: list[Field]) -> list[tuple[str, str, int, int, int]]:
    return [(field.name, field.label, field.mask, field.start, field.stop) for field in fields]


# FourCCs and media


@pytest.mark.parametrize(("raw", "codec"), FOUR_CCS.items())
def test_four_ccs(raw: bytes, codec: str) -> None:
    read = Cursor(raw)
    assert four_cc(read) == (raw, codec)
    assert read.fields == [Field("FourCC", 0, 4, raw.decode(), f'"{raw.decode()}" {codec}', Role.MEDIA_HEADER)]


def test_a_four_cc_that_nobody_knows_is_safe_to_show() -> None:
    read = Cursor(b"\x1b[2J")
    assert four_cc(read) == (b"\x1b[2J", "\\x1b[2J")
    assert read.fields[0].label == '"\\x1b[2J"'


def test_media_is_what_is_left() -> None:
    read = Cursor(bytes(5), 2, 4)
    assert media_payload(read) == 2
    assert media_payload(read) == 0
    assert read.fields == [Field("payload", 2, 4, None, "2 bytes", Role.MEDIA)]


def test_words() -> None:
    assert (word(NAMES, 3), word(NAMES, 9)) == ("three", "unknown_9")


def test_moved_fields_stand_elsewhere() -> None:
    field = Field("sync", 0, 2, 5, "5", Role.MEDIA_HEADER, 0xFFE0)
    assert moved([field], 7) == [Field("sync", 7, 9, 5, "5", Role.MEDIA_HEADER, 0xFFE0)]


# Modifiers


def read_modex(data: str, packet_type: int = 7) -> tuple[ModEx, list[str], Cursor]:
    read, findings = Cursor(bytes.fromhex(data)), list[Finding]()
    head = modex(read, packet_type, NAMES, findings)
    assert_nested(tuple(read.fields), 0, read.position)
    assert covered(tuple(read.fields)) == read.position
    return head, [finding.title for finding in findings], read


@pytest.mark.parametrize(
    ("data", "head", "groups"),
    [
        ("02 07a120 03", ModEx(3, 500_000), ["timestamp_offset_nano"]),
        ("02 000000 00", ModEx(0, 0), ["timestamp_offset_nano"]),
        ("ff 00ff 07a120" + "00" * 253 + "03", ModEx(3, 500_000), ["timestamp_offset_nano"]),
        ("ff 0002 0f423f 03", ModEx(3, 999_999), ["timestamp_offset_nano"]),
        ("03 000001 ff 03", ModEx(3, 1), ["timestamp_offset_nano"]),
        ("00 aa 13", ModEx(3), ["unknown_1"]),
        ("00 aa f7 02 000002 07 04 0102030405 96", ModEx(6, 2), ["unknown_15", "timestamp_offset_nano", "unknown_9"]),
        ("02 000001 07 02 000002 03", ModEx(3, 2), ["timestamp_offset_nano"] * 2),
    ],
)
def test_modifiers(data: str, head: ModEx, groups: list[str]) -> None:
    got, findings, read = read_modex(data)
    assert got == head
    assert findings == []
    assert [field.label for field in read.fields] == groups
    assert read.left == 0


def test_no_modifier_is_no_step() -> None:
    head, findings, read = read_modex("02 07a120 03", 3)
    assert (head, findings, read.position, read.fields) == (ModEx(3), [], 0, [])


def test_the_fields_of_a_modifier() -> None:
    _, _, read = read_modex("ff 0003 07a120 ff 03")
    (group,) = read.fields
    assert described(list(group.children)) == [
        ("size", "256 bytes, written as 255", 0, 0, 1),
        ("long size", "4 bytes, written as 3", 0, 1, 3),
        ("nanosecond offset", "500000 ns", 0, 3, 6),
        ("data", "behind the offset", 0, 6, 7),
        ("ModEx type", "0 timestamp_offset_nano", 0xF0, 7, 8),
        ("packet type", "3 three", 0x0F, 7, 8),
    ]


def test_offsets_that_cannot_be() -> None:
    assert read_modex("02 0f4240 03")[:2] == (
        ModEx(3, 1_000_000),
        ["nanosecond offset 1000000 is a millisecond or more"],
    )
    assert read_modex("01 0f42 03")[:2] == (ModEx(3), ["TimestampOffsetNano of 2 bytes, not 3"])


@pytest.mark.parametrize("data", ["", "02", "02 0f423f", "ff 00", "ff 0100" + "00" * 256])
def test_modifiers_that_break_off(data: str) -> None:
    with pytest.raises(Truncated):
        read_modex(data)


def test_a_chain_has_an_end() -> None:
    assert read_modex("00 aa 17" * 31 + "00 aa 13")[0] == ModEx(3)
    with pytest.raises(Malformed, match="more than 32 modifiers"):
        read_modex("00 aa 17" * 40)


# Tracks

Seen = tuple[int, bytes, str, int, int]


def body(read: Cursor, track: Track, _findings: list[Finding]) -> Seen:
    start, size = read.position, read.left
    media_payload(read)
    return (*track, start, size)


def read_tracks(data: str) -> tuple[Multitrack | None, list[Seen], list[str], Cursor]:
    read, findings = Cursor(bytes.fromhex(data)), list[Finding]()
    head = multitrack(read, NAMES, MULTITRACK, findings)
    seen = tracks(read, head, body, findings) if head else []
    assert read.left == 0
    assert read.end == len(read.data)
    assert_nested(tuple(read.fields), 0, len(read.data))
    assert covered(tuple(read.fields)) == len(read.data)
    return head, seen, [finding.title for finding in findings], read


AVC, HEVC = (b"avc1", "h264"), (b"hvc1", "hevc")


@pytest.mark.parametrize(
    ("data", "head", "seen"),
    [
        ("03 61766331 01 aabb", Multitrack(3, "one_track", AVC), [(1, *AVC, 6, 2)]),
        ("03 61766331 ff", Multitrack(3, "one_track", AVC), [(255, *AVC, 6, 0)]),
        (
            "13 61766331 00 000002 aaaa 01 000003 bbbbbb",
            Multitrack(3, "many_tracks", AVC),
            [(0, *AVC, 9, 2), (1, *AVC, 15, 3)],
        ),
        (
            "20 61766331 00 000001 aa 68766331 01 000000",
            Multitrack(0, "many_tracks_many_codecs", None),
            [(0, *AVC, 9, 1), (1, *HEVC, 18, 0)],
        ),
        ("13 61766331", Multitrack(3, "many_tracks", AVC), []),
        ("2f", Multitrack(15, "many_tracks_many_codecs", None), []),
    ],
    ids=["one", "one without a body", "many", "many codecs", "none", "none of many codecs"],
)
def test_tracks(data: str, head: Multitrack, seen: list[Seen]) -> None:
    assert read_tracks(data)[:3] == (head, seen, [])


def test_the_fields_of_tracks() -> None:
    _, _, _, read = read_tracks("23 61766331 07 000001 aa")
    assert described(read.fields) == [
        ("track type", "2 many_tracks_many_codecs", 0xF0, 0, 1),
        ("packet type", "3 three", 0x0F, 0, 1),
        ("track", "7 h264, 1 byte", 0, 1, 10),
    ]
    assert described(list(read.fields[2].children)) == [
        ("FourCC", '"avc1" h264', 0, 1, 5),
        ("track id", "7", 0, 5, 6),
        ("size", "1", 0, 6, 9),
        ("payload", "1 byte", 0, 9, 10),
    ]


def test_a_size_past_the_end_is_a_finding_and_the_body_what_is_there() -> None:
    _, seen, findings, _ = read_tracks("13 61766331 00 000001 aa 01 ffffff bbbb")
    assert seen == [(0, *AVC, 9, 1), (1, *AVC, 14, 2)]
    assert findings == ["track 1: needs 16 777 215 bytes, has 2"]


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ("33 61766331 00 000001 aa", "multitrack type 3 is not known"),
        ("f3", "multitrack type 15 is not known"),
        ("06 61766331", "multitrack inside multitrack"),
        ("17 61766331", "modex inside multitrack"),
    ],
)
def test_heads_without_a_meaning(data: str, title: str) -> None:
    head, _, findings, read = read_tracks(data)
    assert head is None
    assert findings == [title]
    assert [field.role for field in read.fields[2:]] == [Role.UNREAD] * (len(data) > 2)


@pytest.mark.parametrize("data", ["", "03 6176", "03 61766331"])
def test_heads_that_break_off(data: str) -> None:
    with pytest.raises(Truncated):
        read_tracks(data)


@pytest.mark.parametrize(
    ("rest", "title"),
    [
        ("23 61", "track > FourCC: needs 4 bytes, has 1"),
        ("23 61766331", "track > track id: needs 1 byte, has 0"),
        ("13 61766331 07", "track 7 > size: needs 3 bytes, has 0"),
        ("13 61766331 00 000001 aa 07 0000", "track 7 > size: needs 3 bytes, has 2"),
    ],
)
def test_a_track_that_breaks_off_leaves_those_before_it(rest: str, title: str) -> None:
    head, seen, findings, read = read_tracks(rest)
    assert head is not None
    assert (len(seen), findings) == (rest.count("aa"), [title])
    assert (read.position, read.path) == (read.end, [])


def test_broken_tracks_are_bounded_too() -> None:
    def refuse(*_: object) -> None:
        raise Malformed("no")

    read, findings = Cursor(bytes.fromhex("13 61766331" + "00000000" * 300)), list[Finding]()
    head = multitrack(read, NAMES, MULTITRACK, findings)
    assert head is not None
    assert tracks(read, head, refuse, findings) == []
    assert [finding.title for finding in findings] == [*["track 0: no"] * 256, "more than 256 tracks"]


def test_there_are_as_many_tracks_as_there_are_numbers() -> None:
    _, seen, findings, read = read_tracks("13 61766331" + "00000000" * 300)
    assert len(seen) == 256
    assert findings == ["more than 256 tracks"]
    assert read.fields[-1].role is Role.UNREAD


def test_what_a_body_leaves_is_unread() -> None:
    read = Cursor(bytes.fromhex("03 61766331 01 aabb"))
    head = multitrack(read, NAMES, MULTITRACK, [])
    assert head is not None
    assert tracks(read, head, lambda *_: "nothing", []) == ["nothing"]
    assert [(field.name, field.label) for field in read.fields[-1].children[1:]] == [
        ("unread", "after the end of the track")
    ]


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(0, 8))
def test_any_framing_is_accounted_for(data: bytes, packet_type: int) -> None:
    read, findings = Cursor(data), list[Finding]()
    try:
        packet_type = modex(read, packet_type, NAMES, findings).packet_type
        head = multitrack(read, NAMES, MULTITRACK, findings) if packet_type == MULTITRACK else None
        if head:
            tracks(read, head, body, findings)
    except (Truncated, Malformed):
        read.rest("unread")
    assert_nested(tuple(read.fields), 0, len(data))
    assert covered(tuple(read.fields)) == read.position
    assert read.end == len(data)


# Records


@dataclass
class Told:
    first: int | None = None
    second: int | None = None

    @property
    def text(self) -> str:
        return f"{self.first} {self.second}"


def reader(read: Cursor, found: Told, _findings: list[Finding]) -> None:
    found.first = read.u8("first")
    with read.group("inner"):
        found.second = read.u16("second")
        if found.second == 7:
            raise Malformed("seven is no second")


@pytest.mark.parametrize(
    ("data", "found", "title", "label"),
    [
        ("010002", Told(1, 2), None, None),
        ("010002 03", Told(1, 2), None, "after the end of the thing"),
        ("01 02", Told(1), "thing > inner > second: needs 2 bytes, has 1", "needs 2 bytes, has 1"),
        ("", Told(), "thing > first: needs 1 byte, has 0", None),
        ("010007 ff", Told(1, 7), "thing > inner: seven is no second", "seven is no second"),
    ],
    ids=["whole", "more", "cut", "empty", "malformed"],
)
def test_records(data: str, found: Told, title: str | None, label: str | None) -> None:
    read, findings = Cursor(bytes.fromhex(data)), list[Finding]()
    with read.group("outside"):
        assert record(read, "thing", reader, Told(), findings) == found
        assert read.path == ["outside"]
    assert [(one.title, one.severity, one.rule.code) for one in findings] == (
        [(title, Severity.ERROR, "media.configuration")] if title else []
    )
    if data:
        (group,) = read.fields[0].children
        assert (group.name, group.label, group.stop) == ("thing", found.text, len(read.data))
        unread = [child.label for child in group.children if child.role is Role.UNREAD]
        assert unread == ([label] if label else [])
    assert read.left == 0
