"""Frames cut into NAL units: by lengths, by lengths of another size, by start codes, and where nothing fits."""

from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor, Role
from rtmpsniff.findings import Finding, Severity
from rtmpsniff.payload.codecs.avc import AVC
from rtmpsniff.payload.codecs.configuration import Configuration
from rtmpsniff.payload.codecs.hevc import HEVC
from rtmpsniff.payload.codecs.nal import MOST_UNITS, Codec, Units, is_record, parameter_set, units
from rtmpsniff.payload.codecs.vvc import VVC
from rtmpsniff.text import plural

SPS = "674d401eeca05017fcb80880000003008000001e078b16cb"


def read_units(data: str | bytes, codec: Codec = AVC) -> tuple[Units, list[Finding], Cursor]:
    read = Cursor(b"\xff" + (bytes.fromhex(data) if isinstance(data, str) else data), 1)
    findings: list[Finding] = []
    found = units(read, codec, findings)
    assert read.left == 0
    return found, findings, read


@pytest.mark.parametrize(
    ("codec", "data", "names"),
    [
        (AVC, "", ()),
        (AVC, "00000001 65", ("IDR slice",)),
        (AVC, "00000002 09f0 00000003 419a00 00000002 0600", ("AUD", "slice", "SEI")),
        (AVC, "00000000 00000001 41", ("empty", "slice")),
        (AVC, "00000001 1f", ("type 31",)),
        (HEVC, "00000002 2601 00000003 020100", ("IDR_W_RADL", "TRAIL_R")),
        (HEVC, "00000001 26", ("IDR_W_RADL",)),
        (VVC, "00000002 0039 00000001 00", ("IDR_W_RADL", "unknown")),
    ],
)
def test_lengths_of_four_bytes(codec: Codec, data: str, names: tuple[str, ...]) -> None:
    found, findings, _ = read_units(data, codec)
    assert found == Units(names, None)
    assert findings == []


def test_the_parts_of_a_unit() -> None:
    _, _, read = read_units("00000003 2601ff 00000000", HEVC)
    first, second = read.fields
    assert (first.label, first.value, first.role) == ("IDR_W_RADL, 3 bytes", "IDR_W_RADL", Role.MEDIA)
    assert [(part.name, part.start, part.stop, part.role, part.inline) for part in first.children] == [
        ("length", 1, 5, Role.PREFIX, True),
        ("header", 5, 7, Role.MEDIA_HEADER, True),
        ("payload", 7, 8, Role.MEDIA, True),
    ]
    assert (second.label, [part.name for part in second.children]) == ("empty, 0 bytes", ["length"])


@pytest.mark.parametrize("size", [1, 2, 3])
def test_other_lengths_are_inferred_and_said_so(size: int) -> None:
    data = b"".join(len(unit).to_bytes(size, "big") + unit for unit in (b"\x09\xf0", b"\x41" + bytes(40), b"\x06"))
    found, findings, read = read_units(data)
    assert found.names == ("AUD", "slice", "SEI")
    assert findings == []
    assert read.fields[1].label == f"slice, 41 bytes (lengths of {plural(size, 'byte')}, inferred)"


@pytest.mark.parametrize(
    ("data", "names", "title", "severity", "place"),
    [
        ("00000005 6500", ("IDR slice",), "A NAL unit ends 3 bytes behind its frame", Severity.ERROR, 1),
        (
            "00000002 0900 00000005 65",
            ("AUD", "IDR slice"),
            "A NAL unit ends 4 bytes behind its frame",
            Severity.ERROR,
            7,
        ),
        (
            "00000002 0900 000000",
            ("AUD",),
            "3 bytes behind the last NAL unit, too few for a length",
            Severity.WARNING,
            7,
        ),
        ("ffffffff", ("unknown",), "A NAL unit ends 4 294 967 295 bytes behind its frame", Severity.ERROR, 1),
        ("00", (), "1 byte behind the last NAL unit, too few for a length", Severity.WARNING, 1),
    ],
)
def test_lengths_that_do_not_add_up(
    data: str, names: tuple[str, ...], title: str, severity: Severity, place: int
) -> None:
    found, (finding,), read = read_units(data)
    assert found.names == names
    assert (finding.rule.code, finding.title, finding.severity) == ("media.nal_length", title, severity)
    assert (finding.evidence[0].offset, finding.evidence[0].length) == (place, read.end - place)
    assert read.fields[-1].role is Role.UNREAD


def test_a_unit_cut_short_says_what_it_claims() -> None:
    _, _, read = read_units("00000005 6500")
    assert read.fields[0].label == "IDR slice, 2 of 5 bytes"


def test_start_codes() -> None:
    found, (finding,), read = read_units(f"00000001 09f0 000001 {SPS} 00000001 65ff0000 000001 06")
    assert found.names == ("AUD", "SPS", "IDR slice", "SEI")
    assert found.configuration is not None
    assert found.configuration.text == "Main 3.0, 640x360 30 fps"
    assert (finding.rule.code, finding.severity) == ("media.annexb", Severity.ERROR)
    assert finding.advice
    assert [(field.name, field.label) for field in read.fields] == [
        ("NAL unit", "AUD, 2 bytes"),
        ("SPS", "Main 3.0, 640x360 30 fps"),
        ("NAL unit", "IDR slice, 3 bytes"),
        ("NAL unit", "SEI, 1 byte"),
    ]
    assert [field.start for field in read.fields] == [1, 7, 34, 41]


def test_a_length_of_one_is_no_start_code() -> None:
    assert read_units("00000001 41")[1] == []


def test_sets_amid_a_frame_are_taken_apart() -> None:
    found, findings, read = read_units(f"00000018 {SPS} 00000004 68ce0fc8 00000001 65")
    assert found.names == ("SPS", "PPS", "IDR slice")
    assert findings == []
    assert [field.name for field in read.fields] == ["SPS", "PPS", "NAL unit"]
    assert len(read.fields[0].children) > 40


def test_only_so_many_units_are_fields() -> None:
    found, findings, read = read_units("00000002 4100" * 100)
    assert found.names == ("slice",) * MOST_UNITS
    assert len(read.fields) == MOST_UNITS + 1
    assert (read.fields[-1].name, read.fields[-1].label) == ("NAL units", "36 more NAL units")
    assert findings == []


def one_set(data: str) -> tuple[Configuration, list[Finding], Cursor]:
    read, found, findings = Cursor(bytes.fromhex(data)), Configuration(), list[Finding]()
    parameter_set(read, AVC, 2, found, findings)
    return found, findings, read


@pytest.mark.parametrize(
    ("data", "title", "label", "text"),
    [
        (SPS[:12], "SPS: pic_width_in_mbs_minus1 needs 1 bit, has 0", None, "Main 3.0"),
        (SPS[:28], None, None, "Main 3.0, 640x360"),
        (SPS + "0000", None, "zeros behind the end", "Main 3.0, 640x360 30 fps"),
        (SPS + "ff", None, "behind the end of the SPS", "Main 3.0, 640x360 30 fps"),
    ],
)
def test_what_was_read_of_a_broken_set_stays(data: str, title: str | None, label: str | None, text: str) -> None:
    found, findings, read = one_set(f"{len(data) // 2:04x}{data}")
    assert found.text == text
    assert title is None or [finding.title for finding in findings] == [title]
    (group,) = read.fields
    assert label is None or (group.children[-1].name, group.children[-1].label) == ("unread", label)
    assert (group.start, group.stop) == (0, read.end)


def test_what_supplemental_information_is_about() -> None:
    _, _, read = read_units("00000003 060580 00000003 0606ff 00000003 06fe00 00000001 06")
    labels = [field.label for field in read.fields]
    assert labels == ["SEI user data, 3 bytes", "SEI recovery point, 3 bytes", "SEI, 3 bytes", "SEI, 1 byte"]
    assert {field.value for field in read.fields} == {"SEI"}
    _, _, read = one_set("0004 06050102")
    assert read.fields[0].children[-1].label == "user data"


def test_units_that_nobody_takes_apart() -> None:
    found, findings, read = one_set("0004 0a050102")
    assert (found.parameter_sets, findings) == (["end of sequence"], [])
    (group,) = read.fields
    assert (group.label, [(child.name, child.label) for child in group.children]) == (
        "4 bytes",
        [("length", "4"), ("data", "not taken apart")],
    )
    assert one_set("0000")[0].parameter_sets == ["NAL unit"]


@pytest.mark.parametrize(
    ("data", "answer", "rules"),
    [("01", True, []), ("00", True, ["media.configuration"]), ("00000167", False, ["media.annexb"])],
)
def test_whether_a_record_follows(data: str, answer: bool, rules: list[str]) -> None:
    findings: list[Finding] = []
    assert is_record(Cursor(bytes.fromhex(data)), AVC, Configuration(), findings) is answer
    assert [finding.rule.code for finding in findings if "SPS" not in finding.title] == rules
