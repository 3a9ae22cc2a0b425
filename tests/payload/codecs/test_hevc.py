from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor, Malformed
from rtmpsniff.findings import Finding
from rtmpsniff.payload.codecs.bits import Bits
from rtmpsniff.payload.codecs.configuration import Configuration
from rtmpsniff.payload.codecs.hevc import (
    HEVC,
    decoder_configuration,
    level_name,
    profile_name,
    sequence_parameter_set,
    video_parameter_set,
)
from tests.payload.codecs.test_bits import golomb, packed

RECORD_8 = (
    "01016000000090000000000078f000fcfdf8f800000f03a00001001840010c01ffff016000000300900000030000030078959409a1000100"
    "2b420101016000000300900000030000030078a003c0801107cb965654a4c2f0168080000003008000000c84a2000100064401c073c189"
)
RECORD_10 = (
    "0102200000009000000000005df000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003005d959409a1000100"
    "2d42010102200000030090000003000003005da00288802e1c44436595952930bc05a02000000300200000030321a2000100064401c073c1"
    "89"
)


def configured(record: bytes) -> tuple[Configuration, list[Finding], Cursor]:
    read, found, findings = Cursor(record), Configuration(), list[Finding]()
    decoder_configuration(read, found, findings)
    return found, findings, read


@pytest.mark.parametrize(
    ("record", "text"),
    [(RECORD_8, "Main 4.0, 1920x1080 25 fps"), (RECORD_10, "Main 10 3.1, 1282x722 25 fps, 10 bit")],
)
def test_records(record: str, text: str) -> None:
    found, findings, read = configured(bytes.fromhex(record))
    assert found.text == text
    assert (found.tier, found.nal_length_size, found.parameter_sets) == ("main", 4, ["VPS", "SPS", "PPS"])
    assert (found.chroma, found.reorder_frames, found.full_range) == ("4:2:0", 2, False)
    assert findings == []
    assert read.left == 0


def test_the_fields_of_a_record() -> None:
    _, _, read = configured(bytes.fromhex(RECORD_10))
    fields = {field.name: field for field in read.fields}
    assert fields["general_profile_compatibility_flags"].label == f"{0x20000000} (Main 10)"
    assert fields["general_level_idc"].label == "93 3.1"
    assert fields["avgFrameRate"].label == "0 unspecified"
    arrays = [field for field in read.fields if field.name == "array"]
    assert [array.label for array in arrays] == ["VPS", "SPS", "PPS"]
    sps = next(field for field in arrays[1].children if field.name == "SPS")
    elements = {field.name: field.label for field in sps.children}
    assert elements["pic_width_in_luma_samples"] == "1296"
    assert elements["conf_win_right_offset"] == "7 (14 pixels)"
    assert elements["vui_time_scale"].startswith("25")


def test_a_record_alone() -> None:
    """Without parameter sets it says what its 23 bytes say, among it a rate in frames of 256 seconds."""
    head = bytearray.fromhex(RECORD_10)[:23]
    head[-1], head[19:21] = 0, (25 * 256).to_bytes(2, "big")
    head[1] |= 0x20
    found, findings, _ = configured(bytes(head))
    assert found.text == "Main 10 3.1 high tier, 25 fps, 10 bit"
    assert findings == []


@pytest.mark.parametrize(("level", "name"), [(30, "1.0"), (63, "2.1"), (93, "3.1"), (120, "4.0"), (186, "6.2")])
def test_levels(level: int, name: str) -> None:
    assert level_name(level) == name


def test_profiles() -> None:
    assert [profile_name(number) for number in (1, 2, 4, 31)] == ["Main", "Main 10", "Range Extensions", "profile 31"]


# Parameter sets that no encoder here writes

PROFILE = f"00{'0'}{1:05b}{1 << 30:032b}1001{0:044b}"  # Main, progressive, frames only
LEVEL = f"{93:08b}"


class Sps:
    """Writes a sequence parameter set of 64x64 pixels."""

    def __init__(self, layers: int = 0, sub_layers: str = "", order: str = "1") -> None:
        self.bits = (
            f"0000{layers:03b}1{PROFILE}{LEVEL}{sub_layers}{golomb(0)}{golomb(1)}{golomb(64) * 2}0{golomb(0) * 2}"
        )
        self.bits += golomb(0) + order + golomb(4) + golomb(2) + golomb(0)
        if order == "1":
            self.bits += (golomb(4) + golomb(3) + golomb(0)) * layers
        self.bits += golomb(0) * 6

    def rest(
        self, scaling: str = "0", pcm: str = "0", sets: str = golomb(0), long_term: str = "0", vui: str = "0"
    ) -> Configuration:
        self.bits += scaling + "00" + pcm + sets + long_term + "00" + vui + "0"
        found = Configuration()
        self.read = Cursor(packed(self.bits))
        sequence_parameter_set(Bits(self.read), found)
        assert self.read.left == 0
        return found

    @property
    def names(self) -> list[str]:
        return [field.name for field in self.read.fields]


def test_sub_layers() -> None:
    sub_layers = "11" + "01" + "00" * 6 + PROFILE + LEVEL + LEVEL
    sps = Sps(2, sub_layers)
    assert sps.rest().reorder_frames == 3
    assert "sub_layer_level_idc[1]" in sps.names
    assert "sub_layer[0]_profile_idc" in sps.names
    assert "sub_layer[1]_profile_idc" not in sps.names
    assert Sps(2, sub_layers, order="0").rest().reorder_frames == 2


def test_scaling_lists() -> None:
    predicted = "0" + golomb(0)
    small = "1" + golomb(1) + golomb(0) * 15
    large = "1" + golomb(15) + golomb(1) + golomb(0) * 63  # 8 + 8, then all 17
    sps = Sps()
    sps.rest(scaling="1" + "1" + small + predicted * 11 + large + predicted * 7)
    lists = {field.name: field.value for field in sps.read.fields if field.name.startswith("scaling_list[")}
    assert lists == {"scaling_list[0][0]": (9,) * 16, "scaling_list[2][0]": (16, *(17,) * 64)}
    assert sum(name.startswith("scaling_list_pred_matrix") for name in sps.names) == 18


def test_raw_samples_and_long_term_references() -> None:
    sps = Sps()
    sps.rest(pcm="1" + "01110111" + golomb(0) * 2 + "0", long_term="1" + golomb(2) + "00011" * 2)
    assert "pcm_loop_filter_disabled_flag" in sps.names
    assert sum(name.startswith("lt_ref_pic") for name in sps.names) == 2


def test_reference_picture_sets() -> None:
    """Two pictures; then one predicted from them: one used, one left out, one kept unused; then one from these two."""
    first = golomb(1) + golomb(1) + (golomb(0) + "1") * 2
    second = "1" + "0" + golomb(0) + "1" + "00" + "01"
    third = "1" + "1" + golomb(2) + "1" * 3
    sps = Sps()
    sps.rest(sets=golomb(3) + first + second + third)
    sets = [(field.value, field.label) for field in sps.read.fields if field.name.startswith("st_ref_pic_set")]
    assert sets == [(2, "2 pictures"), (2, "2 pictures, predicted"), (3, "3 pictures, predicted")]


def test_too_many_reference_pictures() -> None:
    with pytest.raises(Malformed, match=r"^st_ref_pic_set\(0\): 2000 pictures are more than 32$"):
        Sps().rest(sets=golomb(1) + golomb(1000) * 2)


HRD = "11" + "1" + f"{0:08b}{0:05b}0{0:05b}" + "00000000" + "0000" + "00000" * 3
BUFFER = golomb(0) * 4 + "0"


def test_buffer_models() -> None:
    model = HRD + "1" + golomb(0) + golomb(1) + BUFFER * 4
    timing = f"{1:032b}{50:032b}" + "1" + golomb(0) + "1" + model
    window = "1" + "".join(map(golomb, (1, 2, 3, 4)))
    vui = "1" + "0000" + "000" + window + "1" + timing + "1" + "000" + golomb(0) * 5
    sps = Sps()
    assert sps.rest(vui=vui).frame_rate == 50
    assert "def_disp_win_bottom_offset" in sps.names
    assert [name for name in sps.names if "du_value" in name and "bit_rate" in name] == [
        "nal bit_rate_du_value_minus1[0]",
        "nal bit_rate_du_value_minus1[1]",
        "vcl bit_rate_du_value_minus1[0]",
        "vcl bit_rate_du_value_minus1[1]",
    ]


def test_a_model_of_low_delay_has_one_buffer() -> None:
    vui = "1" + "0000" + "0000" + "1" + f"{1:032b}{50:032b}" + "0" + "1" + "00" + "001" + "0"
    assert Sps().rest(vui=vui).frame_rate == 50


def test_video_parameter_sets() -> None:
    """Layer sets, times, and models of which the second takes over what the first says."""
    head = "0000" + "11" + "000001" + "000" + "1" + "1" * 16 + PROFILE + LEVEL
    models = golomb(2) + golomb(0) + HRD + "1" + golomb(0) * 2 + BUFFER * 2
    models += golomb(1) + "0" + "1" + golomb(0) * 2 + BUFFER * 2
    bits = head + "1" + golomb(4) + golomb(2) + golomb(0) + "000001" + golomb(1) + "11" + "1" + f"{1:032b}{30:032b}"
    bits += "1" + golomb(0) + models + "0"
    read, found = Cursor(packed(bits)), Configuration()
    video_parameter_set(Bits(read), found)
    assert read.left == 0
    assert (found.frame_rate, found.level, found.width) == (30, "3.1", None)
    assert sum(field.name.startswith("nal bit_rate_value") for field in read.fields) == 2


def test_extensions_stay_unread() -> None:
    sps = Sps()
    sps.bits += "0" + "00" + "0" + golomb(0) + "0" + "00" + "0" + "1" + "10101010" * 4
    read = Cursor(packed(sps.bits))
    bits = Bits(read)
    sequence_parameter_set(bits, Configuration())
    assert not bits.ended
    assert read.left >= 3


def test_types_of_units() -> None:
    assert [HEVC.names[byte] for byte in (0x40, 0x42, 0x44, 0x26, 0x28, 0x2A, 0x4E, 0x02, 0x7C)] == [
        "VPS",
        "SPS",
        "PPS",
        "IDR_W_RADL",
        "IDR_N_LP",
        "CRA",
        "SEI",
        "TRAIL_R",
        "Dolby Vision RPU",
    ]
    assert "CRA" in HEVC.key_names
