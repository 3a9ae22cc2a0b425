"""FLV files: header and tags, however they come, and where a file does not hold together."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from struct import pack
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.flv import LOOK_AHEAD, FileHeader, FlvReader, Lost, Part, Tag
from rtmpsniff.payload.video import Video
from tests.build import Ecma, amf0, audio_frame, video_frame
from tests.proportion import grows_gently

FIXTURES = Path(__file__).parents[3] / "shared" / "captures" / "fixtures" / "flv"
HEADER = b"FLV\x01\x05\0\0\0\x09\0\0\0\0"


def tag(type_id: int, timestamp: int, data: bytes, *, pointer: int | None = None, stream_id: int = 0) -> bytes:
    size = pack(">L", len(data))[1:]
    time = pack(">L", timestamp)
    pointer = 11 + len(data) if pointer is None else pointer
    return bytes([type_id]) + size + time[1:] + time[:1] + pack(">L", stream_id)[1:] + data + pack(">L", pointer)


TAGS = [
    tag(18, 0, amf0("onMetaData", Ecma({"width": 640}))),
    tag(9, 0, video_frame(0, 400)),
    tag(8, 0, audio_frame(0, 90)),
    tag(9, 40, video_frame(1, 300)),
    tag(8, 0x0A0B0C0D, audio_frame(1, 80)),
    tag(8, 60, b""),
]
FILE = HEADER + b"".join(TAGS)


def read(data: bytes, step: int = 1 << 16) -> list[Part]:
    reader = FlvReader()
    parts = [part for at in range(0, len(data), step) for part in reader.feed(data[at : at + step])]
    return [*parts, *reader.end()]


def tags(parts: list[Part]) -> list[Tag]:
    return [part for part in parts if isinstance(part, Tag)]


def lost(parts: list[Part]) -> list[tuple[int, int]]:
    return [(part.offset, part.length) for part in parts if isinstance(part, Lost)]


def size(parts: list[Part]) -> int:
    return sum(
        part.length
        if isinstance(part, Lost)
        else len(part.data)
        if isinstance(part, FileHeader)
        else len(part.header) + len(part.payload) + len(part.trailer)
        for part in parts
    )


def test_the_header_and_the_tags() -> None:
    header, *others = read(FILE)
    assert isinstance(header, FileHeader)
    assert (header.version, header.has_audio, header.has_video, header.size) == (1, True, True, 9)
    assert header.findings == ()
    found = tags(others)
    assert [(one.number, one.type_id, one.timestamp, one.length) for one in found] == [
        (1, 18, 0, 37),
        (2, 9, 0, 410),
        (3, 8, 0, 92),
        (4, 9, 40, 310),
        (5, 8, 0x0A0B0C0D, 82),
        (6, 8, 60, 0),
    ]
    assert all(one.findings == () and one.stream_id == 0 and not one.is_encrypted for one in found)
    assert [one.header + one.payload + one.trailer for one in found] == TAGS
    assert [FILE[one.offset : one.offset + 11] for one in found] == [one[:11] for one in TAGS]


@pytest.mark.parametrize("step", [1, 7, 64, 1000])
def test_however_it_comes(step: int) -> None:
    assert read(FILE, step) == read(FILE)


def test_a_tag_is_given_when_the_next_one_begins() -> None:
    reader = FlvReader()
    assert len(list(reader.feed(HEADER + TAGS[0]))) == 1  # the header
    assert len(list(reader.feed(TAGS[1][:11]))) == 1
    assert len(list(reader.feed(TAGS[1][11:] + TAGS[2][:11]))) == 1


def test_its_bytes_stand_around_the_payload() -> None:
    before, after = tags(read(FILE))[1].insets
    assert (before.position, before.address, before.data) == (0, 13 + len(TAGS[0]), TAGS[1][:11])
    assert (after.position, after.address, after.data) == (410, before.address + 421, TAGS[1][-4:])
    (header,) = before.fields
    assert [(field.name, field.label) for field in (header, *header.children)] == [
        ("tag header", "9 video"),
        ("type", "9"),
        ("data size", "410 bytes"),
        ("timestamp", "0 ms"),
        ("stream id", "0"),
    ]
    assert [field.label for field in after.fields] == ["421"]


# What does not hold together


def titles(parts: list[Part]) -> list[str]:
    return [finding.title for part in parts if not isinstance(part, Lost) for finding in part.findings]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (FILE.replace(b"FLV\x01", b"FLV\x02"), "version 2 of the file format, where only 1 exists"),
        (FILE.replace(HEADER, HEADER[:-1] + b"\x05"), "the previous tag size at the beginning is 5 and should be 0"),
        (
            FILE.replace(HEADER, HEADER[:5] + b"\xff" * 4 + bytes(4)),
            "the header claims 4 294 967 295 bytes; 9 are usual",
        ),
        (HEADER + tag(9, 0, b"abc", pointer=5) + TAGS[2], "the size behind tag 1 is 5 and should be 14"),
        (HEADER + tag(9, 0, b"abc", stream_id=7), "stream id 7, where only 0 is defined"),
        (FILE[:-4], "the file ends without the size behind tag 6"),
    ],
)
def test_findings(data: bytes, expected: str) -> None:
    parts = read(data)
    (title,) = titles(parts)
    assert title.startswith(expected)
    assert lost(parts) == []
    assert size(parts) == len(data)


def test_a_longer_header() -> None:
    data = b"FLV\x01\x01\0\0\0\x0bxx\0\0\0\0" + TAGS[1]
    header, only = read(data)
    assert isinstance(header, FileHeader)
    assert (header.has_audio, header.has_video, header.size, len(header.data)) == (False, True, 11, 15)
    assert [field.name for field in header.fields if field.name == "reserved"] == ["reserved"]
    assert isinstance(only, Tag)


def test_an_encrypted_tag() -> None:
    (found,) = tags(read(HEADER + tag(0x20 | 9, 0, b"secret")))
    assert (found.type_id, found.is_encrypted) == (9, True)
    assert found.insets[0].fields[0].label == "9 video, encrypted"


def test_a_tag_of_an_unknown_type() -> None:
    (found,) = tags(read(HEADER + tag(0xC0 | 15, 0, b"what")))
    assert (found.type_id, found.payload) == (15, b"what")
    assert found.insets[0].fields[0].label == "15 unknown, reserved bits 0xc0"


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 80, 86])
def test_a_file_that_is_cut_off(cut: int) -> None:
    data = (HEADER + TAGS[1] + TAGS[4])[:-cut]
    parts = read(data)
    assert size(parts) == len(data)
    last = parts[-1]
    assert isinstance(last, Tag)
    assert (last.length, len(last.payload), len(last.trailer)) == (82, min(86 - cut, 82), max(4 - cut, 0))


def test_a_file_that_ends_inside_a_header() -> None:
    parts = read(FILE + TAGS[0][:10])
    assert parts[-1] == Lost(len(FILE), 10, "the file ends inside a tag's header")
    assert read(b"FLV\x01") == [Lost(0, 4, "the file ends inside its header")]
    assert read(b"FL") == [Lost(0, 2, "the file ends inside its header")]
    assert read(b"") == []


def test_a_part_of_a_file_begins_with_a_tag() -> None:
    parts = read(b"".join(TAGS))
    assert len(tags(parts)) == len(parts) == 6


@pytest.mark.parametrize("step", [7, 1 << 16])
@pytest.mark.parametrize("claimed", [5, 350, 3000, 0xFFFFFF])
def test_a_tag_that_lies_about_its_size_costs_no_other(claimed: int, step: int) -> None:
    liar = bytearray(TAGS[1])
    liar[1:4] = pack(">L", claimed)[1:]
    data = HEADER + TAGS[0] + liar + b"".join(TAGS[2:])
    parts = read(data, step)
    start = 13 + len(TAGS[0])
    assert lost(parts) == [(start, len(liar))]
    assert [one.payload for one in tags(parts)] == [one[11:-4] for one in (TAGS[0], *TAGS[2:])]
    assert size(parts) == len(data)


@pytest.mark.parametrize("size_of_garbage", [1, 50, 5000, 3 * LOOK_AHEAD])
def test_garbage_between_tags_is_passed_over(size_of_garbage: int) -> None:
    garbage = random.Random(size_of_garbage).randbytes(size_of_garbage)
    data = HEADER + TAGS[0] + garbage + b"".join(TAGS[1:])
    parts = read(data)
    assert lost(parts) == [(13 + len(TAGS[0]), size_of_garbage)]
    assert len(tags(parts)) == 6


@given(st.binary(max_size=300), st.integers(0, len(FILE)), st.integers(1, 100))
def test_any_bytes_are_accounted_for(garbage: bytes, at: int, step: int) -> None:
    for data in (garbage, HEADER + garbage, FILE[:at] + garbage + FILE[at:]):
        parts = read(data)
        assert size(parts) == len(data)
        assert read(data, step) == parts


@pytest.mark.parametrize("unit", [b"\0", b"\xff", b"\x08", b"\x08\0\0\0", b"\x08" + bytes(10), tag(8, 0, b"") + b"x"])
def test_time_is_in_proportion(unit: bytes) -> None:
    def seconds(count: int) -> float:
        data = HEADER + unit * (count // len(unit))
        start = process_time()
        for _ in read(data):
            pass
        return process_time() - start

    assert grows_gently(seconds, 200_000, 1_600_000, 16)


def test_no_more_is_held_than_a_search_looks_ahead() -> None:
    reader = FlvReader()
    most = 0
    for _ in range(200):
        for part in reader.feed(random.Random(1).randbytes(1 << 16)):
            assert isinstance(part, Lost | Tag)
        most = max(most, len(reader._held))
    assert most <= 0xFFFFFF + 2 * LOOK_AHEAD + (1 << 16)


# Files of other programs


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="no shared captures beside the checkout")
def test_files_of_others_are_read_in_full() -> None:
    counts = {}
    for path in sorted(FIXTURES.glob("*.flv")):
        parts = read(path.read_bytes())
        assert (titles(parts), lost(parts)) == ([], []), path.name
        assert size(parts) == path.stat().st_size
        counts[path.stem] = len(tags(parts))
        assert not any(decode(one.type_id, one.payload).findings for one in tags(parts))
    assert counts["av1_aac"] == 541
    assert len(counts) == 6


def recorded(folder: Path, run: Callable[..., object]) -> Path:
    path = folder / "made.flv"
    source = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=2", "-f", "lavfi", "-i", "sine=duration=2"]
    run(["ffmpeg", "-v", "error", *source, "-c:v", "flv1", "-c:a", "adpcm_swf", "-ar", "44100", str(path)], check=True)
    return path


@pytest.mark.skipif(not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="ffmpeg is not installed")
def test_a_file_that_ffmpeg_writes(tmp_path: Path) -> None:
    path = recorded(tmp_path, subprocess.run)
    asked = ["-show_entries", "packet=codec_type,pts,size", "-of", "json"]
    told = subprocess.run(["ffprobe", "-v", "error", *asked, str(path)], capture_output=True, check=True)
    packets = json.loads(told.stdout)["packets"]
    parts = read(path.read_bytes())
    found = tags(parts)
    assert (titles(parts), lost(parts), size(parts)) == ([], [], path.stat().st_size)
    kinds = Counter({8: "audio", 9: "video"}.get(one.type_id, "data") for one in found if one.length)
    assert kinds - Counter(data=99) == Counter(packet["codec_type"] for packet in packets)
    video = [one for one in found if one.type_id == 9]
    assert [one.timestamp for one in video] == [packet["pts"] for packet in packets if packet["codec_type"] == "video"]
    body = decode(9, video[0].payload).body
    assert isinstance(body, Video)
    assert (body.codec, body.frame_type) == ("sorenson_h263", "key")
