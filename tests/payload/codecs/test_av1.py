from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor, Role
from rtmpsniff.findings import Finding
from rtmpsniff.payload.codecs.av1 import (
    MOST_UNITS,
    decoder_configuration,
    level_name,
    sequence_header,
    transport_configuration,
    units,
)
from rtmpsniff.payload.codecs.bits import Bits
from rtmpsniff.payload.codecs.configuration import Configuration
from tests.payload.codecs.test_bits import golomb, packed

HEADER = "0a0b00000024cfa70dbfff3008"  # of the Enhanced RTMP sample files: 980x540


def configured(record: str) -> tuple[Configuration, list[Finding], Cursor]:
    read, found, findings = Cursor(bytes.fromhex(record)), Configuration(), list[Finding]()
    decoder_configuration(read, found, findings)
    return found, findings, read


@pytest.mark.parametrize(
    ("record", "text", "units"),
    [
        (f"81040c00{HEADER}", "Main 3.0, 980x540", ["sequence header"]),
        ("81040c00", "Main 3.0", []),
        ("81246c1f", "High 3.0, 12 bit", []),
        ("815f5000", "Professional unconstrained, 10 bit, monochrome", []),
        ("81a0c800", "profile 5 2.0 high tier, 10 bit, 4:2:2", []),
    ],
)
def test_records(record: str, text: str, units: list[str]) -> None:
    found, findings, read = configured(record)
    assert (found.text, found.parameter_sets) == (text, units)
    assert findings == []
    assert read.left == 0


def test_the_head_of_a_record() -> None:
    _, _, read = configured("81040c13")
    assert [(field.name, field.label, field.mask) for field in read.fields[-3:]] == [
        ("reserved", "0", 0xE0),
        ("initial_presentation_delay_present", "1", 0x10),
        ("initial_presentation_delay_minus_one", "3", 0x0F),
    ]


@pytest.mark.parametrize("head", ["01040c00", "82040c00"])
def test_a_record_of_another_kind(head: str) -> None:
    _, (finding,), _ = configured(head)
    assert finding.rule.code == "media.configuration"


def test_descriptors() -> None:
    read, found = Cursor(bytes.fromhex("8004 81040c80")), Configuration()
    transport_configuration(read, found, [])
    assert found.text == "Main 3.0"
    assert {field.name: field.label for field in read.fields}["hdr_wcg_idc"] == "2 wide color gamut or HDR"


# Sequence headers that no encoder here writes


def header(bits: str, *, whole: bool = True) -> tuple[Configuration, Cursor]:
    found, read = Configuration(), Cursor(packed(bits))
    sequence_header(Bits(read), found)
    assert (read.left == 0) is whole
    return found, read


SIZE = f"{7:04b}{7:04b}{159:08b}{119:08b}"  # 160x120
TOOLS = "0000" + "0" + "11"
END = "000" + "0" * 3 + "0" + "0"  # superres, cdef, restoration; depth, color, range; delta, grain


def test_a_still_picture() -> None:
    found, read = header(
        "000" + "1" + "1" + f"{8:05b}" + SIZE + "000" + "000" + "0" + "0" + "0" + "0" + "00" + "0" + "0"
    )
    assert found.text == "Main 4.0, 160x120"
    assert "enable_order_hint" not in [field.name for field in read.fields]


def test_times_and_operating_points() -> None:
    timing = "1" + f"{1:032b}{60:032b}" + "1" + golomb(1) + "1" + f"{9:05b}{1:032b}{0:05b}{0:05b}"
    points = "1" + f"{1:05b}" + f"{0:012b}{9:05b}1" + "1" + f"{5:010b}{6:010b}0" + "1" + f"{3:04b}"
    points += f"{1:012b}{4:05b}" + "0" + "0"
    frame_ids = "1" + f"{3:04b}{2:03b}"
    tools = "0000" + "1" + "11" + "0" + "1" + "0" + "1" + f"{6:03b}"
    bits = "000" + "00" + timing + points + SIZE + frame_ids + "000" + tools
    found, read = header(bits + "000" + "0" + "0" + "0" + "0" + "00" + "0" + "0")
    assert found.text == "Main 4.1 high tier, 160x120 30 fps"
    assert (found.full_range, found.chroma) == (False, "4:2:0")
    names = [field.name for field in read.fields]
    assert names.index("seq_force_screen_content_tools") + 1 == names.index("seq_choose_integer_mv")
    assert names.index("seq_force_integer_mv") + 1 == names.index("order_hint_bits_minus_1")


@pytest.mark.parametrize(
    ("profile", "color", "chroma", "depth"),
    [
        (0, "0" + "0" + "0" + "1" + "01" + "0", "4:2:0", 8),
        (0, "1" + "1" + "0" + "0", "monochrome", 10),
        (1, "1" + "0" + "0" + "1", "4:4:4", 10),
        (1, "0" + "1" + f"{1:08b}{13:08b}{0:08b}" + "1", "4:4:4", 8),
        (2, "0" + "0" + "0" + "0" + "1", "4:2:2", 8),
        (2, "1" + "0" + "0" + "0" + "0" + "1", "4:2:2", 10),
        (2, "1" + "1" + "0" + "0" + "0" + "11" + "00" + "1", "4:2:0", 12),
        (2, "1" + "1" + "0" + "0" + "0" + "10" + "1", "4:2:2", 12),
        (2, "1" + "1" + "0" + "0" + "0" + "0" + "1", "4:4:4", 12),
        (2, "1" + "1" + "1" + "0" + "0", "monochrome", 12),
    ],
)
def test_colors(profile: int, color: str, chroma: str, depth: int) -> None:
    found, read = header(f"{profile:03b}" + "11" + f"{0:05b}" + SIZE + "000" + "000" + color + "0")
    assert (found.chroma, found.bit_depth) == (chroma, depth)
    assert read.fields[-1].label == "the stop bit"


def test_rgb_needs_no_range() -> None:
    found, _ = header("001" + "11" + f"{0:05b}" + SIZE + "000000" + "0" + "1" + f"{1:08b}{13:08b}{0:08b}" + "00")
    assert (found.full_range, found.matrix, found.transfer) == (True, "identity", "srgb")


@pytest.mark.parametrize(
    ("index", "name"), [(0, "2.0"), (5, "3.1"), (19, "6.3"), (24, "level 24"), (31, "unconstrained")]
)
def test_levels(index: int, name: str) -> None:
    assert level_name(index) == name


# OBUs


def read_units(data: str | bytes) -> tuple[tuple[str, ...], list[Finding], Cursor, Configuration]:
    read = Cursor(b"\xff" + (bytes.fromhex(data) if isinstance(data, str) else data), 1)
    found, findings = Configuration(), list[Finding]()
    names = units(read, found, findings)
    assert read.left == 0
    return names, findings, read, found


def test_units() -> None:
    names, findings, read, found = read_units(
        f"1200 {HEADER} 3602 20 ffee 30 aabb"[:-4].replace("3602 20", "36 20 02") + "aabb"
    )
    assert names == ("temporal delimiter", "sequence header", "frame", "frame")
    assert findings == []
    assert found.text == "Main 3.0, 980x540"
    assert [(field.name, field.label) for field in read.fields] == [
        ("OBU", "temporal delimiter"),
        ("sequence header", "Main 3.0, 980x540"),
        ("OBU", "frame, 2 bytes"),
        ("OBU", "frame, 2 bytes"),
    ]
    extended, last = read.fields[2:]
    assert [(part.name, part.start, part.stop) for part in extended.children] == [
        ("header", 16, 18),
        ("size", 18, 19),
        ("payload", 19, 21),
    ]
    assert [part.name for part in last.children] == ["header", "payload"]  # without a size it reaches to the end


def test_a_header_with_an_extension() -> None:
    data = bytes.fromhex(HEADER)
    names, _, read, found = read_units(bytes([data[0] | 4, 0x28]) + data[1:])
    assert names == ("sequence header",)
    assert found.width == 980
    values = {field.name: field.value for field in read.fields[0].children}
    assert (values["temporal_id"], values["spatial_id"], values["obu_size"]) == (1, 1, 11)


def test_the_first_sequence_header_counts() -> None:
    still = packed("000" + "11" + f"{8:05b}" + SIZE + "000" + "000" + "0000" + "00" + "00")
    second = bytes([0x0A, len(still)]) + still
    _, _, read, found = read_units(bytes.fromhex(HEADER) + second)
    assert found.text == "Main 3.0, 980x540"
    assert read.fields[1].label == "Main 4.0, 160x120"


@pytest.mark.parametrize(
    ("data", "names", "title"),
    [
        ("80", (), "OBU: 0x80 has the forbidden bit set, so no OBU begins here"),
        ("1200 34", ("temporal delimiter",), "OBU: its extension is missing"),
        ("32", (), "OBU: its size does not end"),
        ("32ffffffffffffffff00", (), "OBU: its size does not end"),
        ("3205 aabb", (), "OBU: frame claims 5 bytes, has 2"),
        ("0a01 00", ("sequence header",), "sequence header: operating_points_cnt_minus_1 needs 5 bits, has 1"),
    ],
)
def test_units_that_break_off(data: str, names: tuple[str, ...], title: str) -> None:
    got, (finding,), read, _ = read_units(data)
    assert (got, finding.title) == (names, title)
    last = read.fields[-1].children[-1:] or read.fields[-1:]
    assert names[-1:] == ("sequence header",) or last[0].role is Role.UNREAD


def test_what_stands_behind_a_sequence_header() -> None:
    data = bytearray.fromhex(HEADER)
    data[1] += 2
    _, _, read, _ = read_units(bytes(data) + b"\x00\x00")
    assert read.fields[0].children[-1].label == "behind the end of the sequence header"


def test_only_so_many_units_are_fields() -> None:
    names, _, read, _ = read_units("1200" * 100)
    assert len(names) == MOST_UNITS
    assert (read.fields[-1].name, read.fields[-1].label) == ("OBUs", "more OBUs")
