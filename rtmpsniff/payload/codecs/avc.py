"""H.264: the decoder configuration record (ISO/IEC 14496-15 5.3.3.1), sequence and picture parameter sets.

Parameter sets are read to the end, each syntax element by its name in the standard (H.264 7.3.2.1, 7.3.2.2, E.1).
"""

from __future__ import annotations

from typing import Final

from rtmpsniff.fields import Cursor, Malformed
from rtmpsniff.findings import Finding
from rtmpsniff.payload.codecs.bits import Bits
from rtmpsniff.payload.codecs.configuration import (
    CHROMA,
    NAL_LENGTHS,
    Configuration,
    bitstream_bounds,
    cropping,
    picture_looks,
    timing,
)
from rtmpsniff.payload.codecs.nal import is_record, make_codec, parameter_set

NAL_TYPES: Final = {
    1: "slice",
    2: "partition A",
    3: "partition B",
    4: "partition C",
    5: "IDR slice",
    6: "SEI",
    7: "SPS",
    8: "PPS",
    9: "AUD",
    10: "end of sequence",
    11: "end of stream",
    12: "filler",
    13: "SPS extension",
    14: "prefix",
    15: "subset SPS",
    19: "auxiliary slice",
    20: "extension slice",
    21: "depth extension slice",
}
_PROFILES: Final = {
    44: "CAVLC 4:4:4",
    66: "Baseline",
    77: "Main",
    83: "Scalable Baseline",
    86: "Scalable High",
    88: "Extended",
    100: "High",
    110: "High 10",
    118: "Multiview High",
    122: "High 4:2:2",
    128: "Stereo High",
    134: "MFC High",
    135: "MFC Depth High",
    138: "Multiview Depth High",
    139: "Enhanced Multiview Depth High",
    144: "High 4:4:4",  # withdrawn; streams of that time still exist
    244: "High 4:4:4 Predictive",
}
_WITH_CHROMA: Final = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})  # 7.3.2.1.1
_CONFIGURED_WITH_CHROMA: Final = frozenset({100, 110, 122, 144, 244})  # the text lists no 244; x264 and FFmpeg write it
_LISTS: Final = (
    "Intra Y",
    "Intra Cb",
    "Intra Cr",
    "Inter Y",
    "Inter Cb",
    "Inter Cr",
    *(f"8x8 {kind} {plane}" for plane in ("Y", "Cb", "Cr") for kind in ("Intra", "Inter")),
)


def profile_name(profile: int, constraints: int) -> str:
    """`High`; with constraint_set1 a Baseline stream is a Constrained Baseline one (A.2.1.1)."""
    if profile == 66 and constraints & 0x40:
        return "Constrained Baseline"
    if constraints & 0x10 and profile in {110, 122, 244}:  # constraint_set3: A.2.8 to A.2.10
        return f"{_PROFILES[profile]} Intra".replace(" Predictive", "")
    return _PROFILES.get(profile) or f"profile {profile}"


def level_name(profile: int, constraints: int, level: int) -> str:
    """`3.1` for 31; 1b is 9, or 11 with constraint_set3 in the profiles that had no 9 (A.3.1)."""
    if level == 9 or (level == 11 and constraints & 0x10 and profile in {66, 77, 88}):
        return "1b"
    return f"{level // 10}.{level % 10}"


def nal_header(bits: Bits) -> None:
    """The one byte before the content of a NAL unit."""
    bits.unsigned("forbidden_zero_bit", 1)
    bits.unsigned("nal_ref_idc", 2)
    bits.unsigned("nal_unit_type", 5, NAL_TYPES)


def sequence_parameter_set(bits: Bits, found: Configuration) -> None:
    """7.3.2.1.1; the NAL unit's header has been read."""
    profile = found.profile_id = bits.unsigned("profile_idc", 8, _PROFILES)
    constraints = 0
    for number in range(6):
        constraints = constraints << 1 | bits.unsigned(f"constraint_set{number}_flag", 1)
    constraints = constraints << 2 | bits.unsigned("reserved_zero_2bits", 2)
    found.profile = profile_name(profile, constraints)
    level = bits.unsigned("level_idc", 8, lambda value: level_name(profile, constraints, value))
    found.level = level_name(profile, constraints, level)
    bits.ue("seq_parameter_set_id", most=31)
    chroma, separate, depth = 1, False, 8
    if profile in _WITH_CHROMA:
        chroma = bits.ue("chroma_format_idc", CHROMA, most=3)
        separate = chroma == 3 and bits.flag("separate_colour_plane_flag")
        depth += bits.ue("bit_depth_luma_minus8", most=6)
        bits.ue("bit_depth_chroma_minus8", most=6)
        bits.flags("qpprime_y_zero_transform_bypass_flag")
        if bits.flag("seq_scaling_matrix_present_flag"):
            _scaling_lists(bits, "seq", 12 if chroma == 3 else 8)
    found.chroma, found.bit_depth = CHROMA[chroma], depth
    bits.ue("log2_max_frame_num_minus4", most=12)
    _picture_order(bits)
    bits.ue("max_num_ref_frames")
    bits.flags("gaps_in_frame_num_value_allowed_flag")
    width = 16 * (1 + bits.ue("pic_width_in_mbs_minus1", lambda value: f"({16 * value + 16} pixels)"))
    units = 1 + bits.ue("pic_height_in_map_units_minus1")
    frames_only = bits.flag("frame_mbs_only_flag")
    if not frames_only:
        bits.flags("mb_adaptive_frame_field_flag")
    found.interlaced = not frames_only
    height = 16 * units * (2 - frames_only)
    bits.flags("direct_8x8_inference_flag")
    if bits.flag("frame_cropping_flag"):
        across, down = _crop_units(0 if separate else chroma, frames_only)
        less_width, less_height = cropping(bits, "frame_crop_", across, down)
        width, height = width - less_width, height - less_height
    found.width, found.height = max(width, 0), max(height, 0)
    if bits.flag("vui_parameters_present_flag"):
        _usability(bits, found)
    bits.trailing()


def _crop_units(chroma: int, frames_only: bool) -> tuple[int, int]:
    """CropUnitX and CropUnitY, 7-19 to 7-22; `chroma` is ChromaArrayType."""
    return (2 if chroma in {1, 2} else 1), (2 if chroma == 1 else 1) * (2 - frames_only)


def _picture_order(bits: Bits) -> None:
    kind = bits.ue("pic_order_cnt_type", most=2)
    if kind == 0:
        bits.ue("log2_max_pic_order_cnt_lsb_minus4", most=12)
    elif kind == 1:
        bits.flags("delta_pic_order_always_zero_flag")
        bits.se("offset_for_non_ref_pic")
        bits.se("offset_for_top_to_bottom_field")
        for number in range(bits.ue("num_ref_frames_in_pic_order_cnt_cycle", most=255)):
            bits.se(f"offset_for_ref_frame[{number}]")


def _scaling_lists(bits: Bits, prefix: str, count: int) -> None:
    """`count` lists, each absent, the default one, or its deltas as one field (7.3.2.1.1.1)."""
    for number in range(count):
        if bits.flag(f"{prefix}_scaling_list_present_flag[{number}]"):
            name = f"scaling_list {_LISTS[number]}"
            mark = bits.mark()
            values = _scaling_list(bits, name, 16 if number < 6 else 64)
            bits.record(name, mark, values, " ".join(map(str, values)) or "the default")


def _scaling_list(bits: Bits, name: str, size: int) -> tuple[int, ...]:
    values: list[int] = []
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_code(name)) % 256
            if not following and not values:
                return ()
        last = following or last
        values.append(last)
    return tuple(values)


def _usability(bits: Bits, found: Configuration) -> None:
    """VUI parameters, E.1.1."""
    picture_looks(bits, found)
    if bits.flag("timing_info_present_flag"):
        found.frame_rate = timing(bits, ticks=2)  # a tick is a field's time: E.2.1
        bits.flags("fixed_frame_rate_flag")
    buffered = False
    for kind in ("nal", "vcl"):
        if bits.flag(f"{kind}_hrd_parameters_present_flag"):
            buffered = True
            _hypothetical_decoder(bits)
    if buffered:
        bits.flags("low_delay_hrd_flag")
    bits.flags("pic_struct_present_flag")
    if bits.flag("bitstream_restriction_flag"):
        bits.flags("motion_vectors_over_pic_boundaries_flag")
        bitstream_bounds(bits)
        found.reorder_frames = bits.ue("max_num_reorder_frames")
        bits.ue("max_dec_frame_buffering")


def _hypothetical_decoder(bits: Bits) -> None:
    """HRD parameters, E.1.2."""
    count = 1 + bits.ue("cpb_cnt_minus1", most=31)
    rate = 6 + bits.unsigned("bit_rate_scale", 4)
    size = 4 + bits.unsigned("cpb_size_scale", 4)
    for number in range(count):
        bits.ue(f"bit_rate_value_minus1[{number}]", lambda value: f"({value + 1 << rate} bit/s)")
        bits.ue(f"cpb_size_value_minus1[{number}]", lambda value: f"({value + 1 << size} bits)")
        bits.flags(f"cbr_flag[{number}]")
    bits.unsigned("initial_cpb_removal_delay_length_minus1", 5)
    bits.unsigned("cpb_removal_delay_length_minus1", 5)
    bits.unsigned("dpb_output_delay_length_minus1", 5)
    bits.unsigned("time_offset_length", 5)


_ENTROPY: Final = {0: "CAVLC", 1: "CABAC"}


def picture_parameter_set(bits: Bits, found: Configuration) -> None:
    """7.3.2.2; the NAL unit's header has been read. `found` tells the chroma format."""
    bits.ue("pic_parameter_set_id", most=255)
    bits.ue("seq_parameter_set_id", most=31)
    bits.flag("entropy_coding_mode_flag", _ENTROPY)
    bits.flags("bottom_field_pic_order_in_frame_present_flag")
    groups = 1 + bits.ue("num_slice_groups_minus1", most=7)
    if groups > 1:
        _slice_groups(bits, groups)
    bits.ue("num_ref_idx_l0_default_active_minus1", most=31)
    bits.ue("num_ref_idx_l1_default_active_minus1", most=31)
    bits.flags("weighted_pred_flag")
    bits.unsigned("weighted_bipred_idc", 2)
    bits.se("pic_init_qp_minus26")
    bits.se("pic_init_qs_minus26")
    bits.se("chroma_qp_index_offset")
    bits.flags("deblocking_filter_control_present_flag", "constrained_intra_pred_flag")
    bits.flags("redundant_pic_cnt_present_flag")
    if bits.more_data():
        transform = bits.flag("transform_8x8_mode_flag")
        if bits.flag("pic_scaling_matrix_present_flag"):
            _scaling_lists(bits, "pic", 6 + transform * (6 if found.chroma == CHROMA[3] else 2))
        bits.se("second_chroma_qp_index_offset")
    bits.trailing()


def _slice_groups(bits: Bits, groups: int) -> None:
    kind = bits.ue("slice_group_map_type", most=6)
    if kind == 0:
        for number in range(groups):
            bits.ue(f"run_length_minus1[{number}]")
    elif kind == 2:
        for number in range(groups - 1):
            bits.ue(f"top_left[{number}]")
            bits.ue(f"bottom_right[{number}]")
    elif kind in {3, 4, 5}:
        bits.flags("slice_group_change_direction_flag")
        bits.ue("slice_group_change_rate_minus1")
    elif kind == 6:
        raise Malformed("slice groups of type 6, a number for each map unit, are not read")


AVC: Final = make_codec(
    "h264",
    NAL_TYPES,
    type_of=lambda first: first & 0x1F,
    header=nal_header,
    readers={7: sequence_parameter_set, 8: picture_parameter_set},
    key_types=frozenset({5}),
)


def decoder_configuration(read: Cursor, found: Configuration, findings: list[Finding]) -> None:
    """AVCDecoderConfigurationRecord. It may end behind the picture parameter sets, whatever the profile."""
    if not is_record(read, AVC, found, findings):
        return
    profile = read.u8("AVCProfileIndication")
    constraints = read.u8("profile_compatibility", label="{:#04x}")
    level = read.u8("AVCLevelIndication")
    found.profile_id = profile
    found.profile, found.level = profile_name(profile, constraints), level_name(profile, constraints, level)
    read.bits("reserved", 0xFC)
    found.nal_length_size = read.bits("lengthSizeMinusOne", 0x03, NAL_LENGTHS) + 1
    read.skip()
    read.bits("reserved", 0xE0)
    count = read.bits("numOfSequenceParameterSets", 0x1F)
    read.skip()
    for _ in range(count):
        parameter_set(read, AVC, 2, found, findings)
    for _ in range(read.u8("numOfPictureParameterSets")):
        parameter_set(read, AVC, 2, found, findings)
    if profile in _CONFIGURED_WITH_CHROMA and read.left >= 4:
        _chroma(read, found)
        for _ in range(read.u8("numOfSequenceParameterSetExt")):
            parameter_set(read, AVC, 2, found, findings)


def _chroma(read: Cursor, found: Configuration) -> None:
    read.bits("reserved", 0xFC)
    chroma = read.bits("chroma_format", 0x03, CHROMA)
    read.skip()
    read.bits("reserved", 0xF8)
    depth = 8 + read.bits("bit_depth_luma_minus8", 0x07)
    read.skip()
    read.bits("reserved", 0xF8)
    read.bits("bit_depth_chroma_minus8", 0x07)
    read.skip()
    if found.bit_depth is None:  # no sequence parameter set has told
        found.chroma, found.bit_depth = CHROMA[chroma], depth
