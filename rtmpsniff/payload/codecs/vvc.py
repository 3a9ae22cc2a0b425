"""H.266: the decoder configuration record (ISO/IEC 14496-15 11.2.4.2), sequence parameter sets.

Of the latter only the beginning is plain, which tells the picture's size and depth (H.266 7.3.2.4).
"""

from __future__ import annotations

from typing import Final

from rtmpsniff.fields import Cursor, Role
from rtmpsniff.findings import Finding
from rtmpsniff.payload.codecs.bits import Bits
from rtmpsniff.payload.codecs.configuration import CHROMA, NAL_LENGTHS, Configuration, cropping
from rtmpsniff.payload.codecs.nal import make_codec, parameter_set

NAL_TYPES: Final = {
    0: "TRAIL",
    1: "STSA",
    2: "RADL",
    3: "RASL",
    7: "IDR_W_RADL",
    8: "IDR_N_LP",
    9: "CRA",
    10: "GDR",
    12: "OPI",
    13: "DCI",
    14: "VPS",
    15: "SPS",
    16: "PPS",
    17: "prefix APS",
    18: "suffix APS",
    19: "picture header",
    20: "AUD",
    21: "end of sequence",
    22: "end of bitstream",
    23: "SEI",
    24: "suffix SEI",
    25: "filler",
}

_PROFILES: Final = {
    1: "Main 10",
    2: "Main 12",
    10: "Main 12 Intra",
    17: "Multilayer Main 10",
    33: "Main 10 4:4:4",
    34: "Main 12 4:4:4",
    36: "Main 16 4:4:4",
    65: "Main 10 Still Picture",
    97: "Main 10 4:4:4 Still Picture",
}
_TIERS: Final = {0: "main", 1: "high"}
_ALONE: Final = frozenset({12, 13})  # of OPI and DCI there is one, which needs no count
_FULL_BOX: Final = bytes(4)  # version and flags of an MP4 box; the record itself begins with five ones


def level_name(level: int) -> str:
    """`3.1` for 51: sixteen times the first number, three times the second (A.4.1)."""
    return f"{level // 16}.{level % 16 // 3}"


def nal_header(bits: Bits) -> None:
    """The two bytes before the content of a NAL unit (7.3.1.2)."""
    bits.flags("forbidden_zero_bit", "nuh_reserved_zero_bit")
    bits.unsigned("nuh_layer_id", 6)
    bits.unsigned("nal_unit_type", 5, NAL_TYPES)
    bits.unsigned("nuh_temporal_id_plus1", 3)


def sequence_parameter_set(bits: Bits, found: Configuration) -> None:
    """7.3.2.4 as far as the bit depth; general constraints and subpictures end it before that."""
    bits.unsigned("sps_seq_parameter_set_id", 4)
    bits.unsigned("sps_video_parameter_set_id", 4)
    layers = 1 + bits.unsigned("sps_max_sublayers_minus1", 3)
    chroma = bits.unsigned("sps_chroma_format_idc", 2, CHROMA)
    found.chroma = CHROMA[chroma]
    bits.unsigned("sps_log2_ctu_size_minus5", 2)
    if bits.flag("sps_ptl_dpb_hrd_params_present_flag"):
        _profile(bits, found)
        if bits.flag("gci_present_flag"):
            return
        bits.align("gci_alignment_zero_bits")
        _sublayer_levels(bits, layers)
    bits.flags("sps_gdr_enabled_flag")
    if bits.flag("sps_ref_pic_resampling_enabled_flag"):
        bits.flags("sps_res_change_in_clvs_allowed_flag")
    width = bits.ue("sps_pic_width_max_in_luma_samples")
    height = bits.ue("sps_pic_height_max_in_luma_samples")
    if bits.flag("sps_conformance_window_flag"):
        less_width, less_height = cropping(bits, "sps_conf_win_", 2 if chroma in {1, 2} else 1, 2 if chroma == 1 else 1)
        width, height = width - less_width, height - less_height
    found.width, found.height = max(width, 0), max(height, 0)
    if not bits.flag("sps_subpic_info_present_flag"):
        found.bit_depth = 8 + bits.ue("sps_bitdepth_minus8", most=8)


VVC: Final = make_codec(
    "vvc",
    NAL_TYPES,
    type_of=lambda second: second >> 3,
    header=nal_header,
    readers={15: sequence_parameter_set},
    key_types=frozenset({7, 8, 9, 10}),
    type_at=1,
    header_size=2,
)


def decoder_configuration(read: Cursor, found: Configuration, findings: list[Finding]) -> None:
    """VvcDecoderConfigurationRecord."""
    if read.data.startswith(_FULL_BOX, read.position, read.end):
        read.raw("box version and flags", 4, Role.MEDIA_HEADER, label="not of the record, left from an MP4 file")
    read.bits("reserved", 0xF8)
    found.nal_length_size = read.bits("LengthSizeMinusOne", 0x06, NAL_LENGTHS) + 1
    described = read.bits("ptl_present_flag", 0x01)
    read.skip()
    if described:
        _description(Bits(read), found)
    for _ in range(read.u8("num_of_arrays")):
        with read.group("array") as group:
            read.bits("array_completeness", 0x80)
            read.bits("reserved", 0x60)
            kind = read.bits("NAL_unit_type", 0x1F, NAL_TYPES)
            read.skip()
            group.value, group.label = kind, NAL_TYPES.get(kind) or f"type {kind}"
            count = 1 if kind in _ALONE else read.u16("num_nalus", Role.PREFIX)
            for _ in range(count):
                parameter_set(read, VVC, 2, found, findings)


def _description(bits: Bits, found: Configuration) -> None:
    bits.unsigned("ols_idx", 9)
    layers = bits.unsigned("num_sublayers", 3)
    bits.unsigned("constant_frame_rate", 2)
    found.chroma = CHROMA[bits.unsigned("chroma_format_idc", 2, CHROMA)]
    found.bit_depth = 8 + bits.unsigned("bit_depth_minus8", 3)
    bits.unsigned("reserved", 5)
    _profile_tier_level(bits, found, layers)
    found.width = bits.unsigned("max_picture_width", 16)
    found.height = bits.unsigned("max_picture_height", 16)
    average = bits.unsigned("avg_frame_rate", 16, lambda value: f"({value / 256:g} fps)" if value else "unspecified")
    found.frame_rate = average / 256 or None


def _profile_tier_level(bits: Bits, found: Configuration, layers: int) -> None:
    """VvcPTLRecord."""
    bits.unsigned("reserved", 2)
    size = bits.unsigned("num_bytes_constraint_info", 6)
    _profile(bits, found)
    if not size:
        bits.refuse("num_bytes_constraint_info", "0, but two bits of the first byte are flags")
    bits.unsigned("general_constraint_info", 8 * size - 2)
    _sublayer_levels(bits, layers)


def _profile(bits: Bits, found: Configuration) -> None:
    found.profile_id = bits.unsigned("general_profile_idc", 7, _PROFILES)
    found.profile = _PROFILES.get(found.profile_id) or f"profile {found.profile_id}"
    found.tier = _TIERS[bits.unsigned("general_tier_flag", 1, _TIERS)]
    found.level = level_name(bits.unsigned("general_level_idc", 8, level_name))
    bits.flags("ptl_frame_only_constraint_flag", "ptl_multilayer_enabled_flag")


def _sublayer_levels(bits: Bits, layers: int) -> None:
    present = [bits.flag(f"ptl_sublayer_level_present_flag[{number}]") for number in reversed(range(layers - 1))]
    if layers > 1:
        bits.unsigned("ptl_reserved_zero_bits", 9 - layers)
    for number, is_present in zip(reversed(range(layers - 1)), present, strict=True):
        if is_present:
            bits.unsigned(f"sublayer_level_idc[{number}]", 8, level_name)
    for number in range(bits.unsigned("ptl_num_sub_profiles", 8)):
        bits.unsigned(f"general_sub_profile_idc[{number}]", 32)
