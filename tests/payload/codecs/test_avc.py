from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor
from rtmpsniff.findings import Finding
from rtmpsniff.payload.codecs.avc import (
    AVC,
    decoder_configuration,
    level_name,
    picture_parameter_set,
    profile_name,
    sequence_parameter_set,
)
from rtmpsniff.payload.codecs.bits import Bits
from rtmpsniff.payload.codecs.configuration import Configuration
from tests.payload.codecs.test_bits import golomb, packed

# Encoder settings, the record that came out, and what must come out of it

RECORDS = [
    (
        "014d401effe10018674d401eeca05017fcb80880000003008000001e078b16cb01000468ce0fc8",
        "Main 3.0, 640x360 30 fps",
    ),
    (
        "0142c028ffe100196742c028da01e0089f970110000003001000000303c0f1832a01000468ce0fc8",
        "Constrained Baseline 4.0, 1920x1080 30 fps",
    ),
    (
        "0142c020ffe100166742c020da014016ec04400000fa4000753003c60ca801000468ce0fc8",
        "Constrained Baseline 3.2, 1280x720 59.94 fps",
    ),
    (
        "0142c01effe100196742c01eda0360f79bc044000003000400000300c83c58ba8001000468ce0fc8",
        "Constrained Baseline 3.0, 854x480 25 fps",
    ),
    (
        "0142c01fffe1001a6742c01fda03f049e588c044000003000400000300c03c60ca8001000468ce0fc8",
        "Constrained Baseline 3.1, 1000x562 24 fps",
    ),
    (
        "017a001fffe10019677a001fb6cb405017fcf808800000030080000032078c195001000468ce0fc8fefafa00",
        "High 4:2:2 3.1, 640x362 50 fps, 10 bit, 4:2:2",
    ),
    (
        "01f4001effe1001b67f4001e919680a02fe58bc044000003000400000300f03c58ba8001000568ce0f1920fff8f800",
        "High 4:4:4 Predictive 3.0, 636x358 30 fps, 4:4:4",
    ),
    (
        "014d4028ffe10019674d4028f403c0227ef011000003000100000300321f162ea001000468de0fc8",
        "Main 4.0, 1920x1080 25 fps, interlaced",
    ),
]


def configured(record: str) -> tuple[Configuration, list[Finding], Cursor]:
    read, found, findings = Cursor(bytes.fromhex(record)), Configuration(), list[Finding]()
    decoder_configuration(read, found, findings)
    return found, findings, read


@pytest.mark.parametrize(("record", "text"), RECORDS)
def test_records(record: str, text: str) -> None:
    found, findings, read = configured(record)
    assert found.text == text
    assert (found.nal_length_size, found.parameter_sets) == (4, ["SPS", "PPS"])
    assert findings == []
    assert read.left == 0


def test_the_fields_of_a_record() -> None:
    _, _, read = configured(RECORDS[5][0])
    names = [field.name for field in read.fields]
    assert names[:4] == ["configurationVersion", "AVCProfileIndication", "profile_compatibility", "AVCLevelIndication"]
    assert names[8:10] == ["SPS", "numOfPictureParameterSets"]
    assert [(field.name, field.label) for field in read.fields if field.name.startswith(("chroma", "bit_depth"))] == [
        ("chroma_format", "2 4:2:2"),
        ("bit_depth_luma_minus8", "2"),
        ("bit_depth_chroma_minus8", "2"),
    ]
    elements = {field.name: field.label for field in read.fields[8].children}
    assert elements["pic_width_in_mbs_minus1"] == "39 (640 pixels)"
    assert elements["frame_crop_bottom_offset"] == "6 (6 pixels)"
    assert elements["rbsp_trailing_bits"] == "the stop bit"


@pytest.mark.parametrize(
    ("record", "text", "sets", "size"),
    [
        ("0164001f fc e0 00", "High 3.1", [], 1),  # no sets, no chroma
        ("0164001f fd 00 00", "High 3.1", [], 2),  # reserved bits zero
        ("0164001f ff e0 00 fe fa fa 00", "High 3.1, 10 bit, 4:2:2", [], 4),
        ("0164001f ff e0 00 fe fa fa 01 0001 6d", "High 3.1, 10 bit, 4:2:2", ["SPS extension"], 4),
        ("0164001f ff e0 01 0002 68ce", "High 3.1", ["PPS"], 4),
        ("0142c01f ff e0 00 fe", "Constrained Baseline 3.1", [], 4),
    ],
)
def test_records_that_are_tolerated(record: str, text: str, sets: list[str], size: int) -> None:
    found, _, _ = configured(record)
    assert (found.text, found.parameter_sets, found.nal_length_size) == (text, sets, size)


def test_the_first_sequence_parameter_set_describes_the_stream() -> None:
    first, second = (record[16 : 16 + 2 * int(record[12:16], 16)] for record in (RECORDS[0][0], RECORDS[3][0]))
    units = "".join(f"{len(unit) // 2:04x}{unit}" for unit in (first, second))
    found, findings, read = configured(f"014d401effe2{units}00")
    assert found.text == RECORDS[0][1]
    assert [field.label for field in read.fields if field.name == "SPS"] == [RECORDS[0][1], RECORDS[3][1]]
    assert findings == []


def test_start_codes_instead_of_a_record() -> None:
    sps = RECORDS[0][0][16:64]
    found, (finding,), read = configured(f"00000001{sps}00000168ce0fc8")
    assert finding.rule.code == "media.annexb"
    assert found.text == RECORDS[0][1]
    assert found.parameter_sets == ["SPS", "PPS"]
    assert read.left == 0


@pytest.mark.parametrize(
    ("profile", "constraints", "name"),
    [
        (66, 0x00, "Baseline"),
        (66, 0x40, "Constrained Baseline"),
        (77, 0x40, "Main"),
        (88, 0, "Extended"),
        (100, 0, "High"),
        (110, 0x10, "High 10 Intra"),
        (244, 0x10, "High 4:4:4 Intra"),
        (244, 0, "High 4:4:4 Predictive"),
        (44, 0, "CAVLC 4:4:4"),
        (1, 0, "profile 1"),
    ],
)
def test_profiles(profile: int, constraints: int, name: str) -> None:
    assert profile_name(profile, constraints) == name


@pytest.mark.parametrize(
    ("profile", "constraints", "level", "name"),
    [
        (66, 0x10, 11, "1b"),
        (66, 0, 11, "1.1"),
        (100, 0x10, 11, "1.1"),
        (100, 0, 9, "1b"),
        (100, 0, 62, "6.2"),
        (77, 0, 10, "1.0"),
    ],
)
def test_levels(profile: int, constraints: int, level: int, name: str) -> None:
    assert level_name(profile, constraints, level) == name


# Sequence parameter sets that no encoder here writes


class Sps:
    """Writes a sequence parameter set."""

    def __init__(self, profile: int = 66) -> None:
        self.bits = f"{profile:08b}{0:08b}{30:08b}{golomb(0)}"

    def chroma(self, chroma: int, *, separate: bool = False, scaling: str = "0") -> Sps:
        plane = str(int(separate)) if chroma == 3 else ""
        self.bits += golomb(chroma) + plane + golomb(0) * 2 + "0" + scaling
        return self

    def picture(self, order: str = golomb(2), frames_only: bool = True, crop: tuple[int, ...] = ()) -> Configuration:
        """A picture of 160x160 without usability information."""
        self.bits += golomb(0) + order + golomb(1) + "0" + golomb(9) + golomb(9 if frames_only else 4)
        self.bits += ("1" if frames_only else "00") + "1" + ("1" if crop else "0") + "".join(map(golomb, crop)) + "0"
        found = Configuration()
        self.read = Cursor(packed(self.bits))
        sequence_parameter_set(Bits(self.read, escaped=True), found)
        assert self.read.left == 0
        return found


@pytest.mark.parametrize(
    ("chroma", "frames_only", "width", "height"),
    [
        (0, True, 157, 153),
        (0, False, 157, 146),
        (1, True, 154, 146),
        (1, False, 154, 132),
        (2, True, 154, 153),
        (3, True, 157, 153),
    ],
)
def test_units_of_cropping(chroma: int, frames_only: bool, width: int, height: int) -> None:
    found = Sps(100).chroma(chroma).picture(frames_only=frames_only, crop=(1, 2, 3, 4))
    assert (found.width, found.height) == (width, height)


def test_separate_planes_are_cropped_by_the_pixel() -> None:
    found = Sps(244).chroma(3, separate=True).picture(crop=(1, 2, 3, 4))
    assert (found.width, found.height, found.chroma) == (157, 153, "4:4:4")


def test_cropping_more_than_there_is_leaves_nothing() -> None:
    found = Sps().picture(crop=(0, 100, 0, 100))
    assert (found.width, found.height) == (0, 0)


def test_picture_order_by_a_cycle() -> None:
    sps = Sps()
    offsets = "".join(map(golomb, (0, 0, 3, 5, 6, 7)))
    assert sps.picture(order=golomb(1) + "1" + offsets).width == 160
    cycle = [(field.name, field.value) for field in sps.read.fields if field.name.startswith("offset_for_ref")]
    assert cycle == [(f"offset_for_ref_frame[{number}]", value) for number, value in enumerate((3, -3, 4))]


def test_scaling_lists() -> None:
    """One that is the default, one that repeats its last value, one that is whole; 6 of 16 values and 6 of 64."""
    default = "1" + golomb(16)  # -8 makes 0 at once
    repeating = "1" + golomb(3) + golomb(20)  # +2, then -10 makes 0: 10 goes on
    whole = "1" + golomb(2) + golomb(0) * 15
    sps = Sps(244).chroma(3, scaling="1" + default + repeating + whole + "0" * 8 + "1" + golomb(1) + golomb(0) * 63)
    assert sps.picture().width == 160
    lists = {field.name: field.value for field in sps.read.fields if field.name.startswith("scaling_list")}
    assert lists == {
        "scaling_list Intra Y": (),
        "scaling_list Intra Cb": (10,) * 16,
        "scaling_list Intra Cr": (7,) * 16,
        "scaling_list 8x8 Inter Cr": (9,) * 64,
    }
    labels = [field.label for field in sps.read.fields if field.name.startswith("scaling_list")]
    assert labels[0] == "the default"


# Picture parameter sets


def pictures(bits: str, chroma: str = "4:2:0") -> list[tuple[str, object]]:
    read = Cursor(packed(bits))
    picture_parameter_set(Bits(read, escaped=True), Configuration(chroma=chroma))
    assert read.left == 0
    return [(field.name, field.value) for field in read.fields]


HEAD, TAIL = golomb(0) * 2 + "10", golomb(0) * 2 + "000" + golomb(0) * 3 + "100"


@pytest.mark.parametrize(
    ("groups", "last"),
    [
        (golomb(1) + golomb(0) + golomb(3) + golomb(4), ("run_length_minus1[1]", 4)),
        (golomb(1) + golomb(2) + golomb(3) + golomb(4), ("bottom_right[0]", 4)),
        (golomb(1) + golomb(1), ("slice_group_map_type", 1)),
        (golomb(1) + golomb(4) + "1" + golomb(7), ("slice_group_change_rate_minus1", 7)),
    ],
)
def test_slice_groups(groups: str, last: tuple[str, int]) -> None:
    elements = pictures(HEAD + groups + TAIL)
    assert elements[elements.index(last) + 1] == ("num_ref_idx_l0_default_active_minus1", 0)
    assert elements[-2:] == [("redundant_pic_cnt_present_flag", 0), ("rbsp_trailing_bits", elements[-1][1])]


@pytest.mark.parametrize(("chroma", "lists"), [("4:2:0", 8), ("4:4:4", 12)])
def test_scaling_lists_of_pictures(chroma: str, lists: int) -> None:
    elements = pictures(HEAD + golomb(0) + TAIL + "1" + "1" + "0" * lists + golomb(3), chroma)
    assert sum(name.startswith("pic_scaling_list_present") for name, _ in elements) == lists
    assert elements[-2] == ("second_chroma_qp_index_offset", 2)


def test_types_of_units() -> None:
    assert [AVC.names[byte] for byte in (0x65, 0x41, 0x67, 0x68, 0x06, 0x09, 0x1F)] == [
        "IDR slice",
        "slice",
        "SPS",
        "PPS",
        "SEI",
        "AUD",
        "type 31",
    ]
    assert AVC.key_names == {"IDR slice"}
