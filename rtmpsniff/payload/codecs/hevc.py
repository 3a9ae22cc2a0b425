"""H.265: the decoder configuration record (ISO/IEC 14496-15 8.3.3.1), video and sequence parameter sets.

Each syntax element has its name in the standard (H.265 7.3.2, 7.3.3, 7.3.4, 7.3.7, E.2).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rtmpsniff.fields import Cursor, Role
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
from rtmpsniff.text import plural

NAL_TYPES: Final = {
    0: "TRAIL_N",
    1: "TRAIL_R",
    2: "TSA_N",
    3: "TSA_R",
    4: "STSA_N",
    5: "STSA_R",
    6: "RADL_N",
    7: "RADL_R",
    8: "RASL_N",
    9: "RASL_R",
    16: "BLA_W_LP",
    17: "BLA_W_RADL",
    18: "BLA_N_LP",
    19: "IDR_W_RADL",
    20: "IDR_N_LP",
    21: "CRA",
    32: "VPS",
    33: "SPS",
    34: "PPS",
    35: "AUD",
    36: "end of sequence",
    37: "end of bitstream",
    38: "filler",
    39: "SEI",
    40: "suffix SEI",
    62: "Dolby Vision RPU",  # 62 and 63 are left to others by the standard
    63: "Dolby Vision EL",
}

_PROFILES: Final = {
    1: "Main",
    2: "Main 10",
    3: "Main Still Picture",
    4: "Range Extensions",
    5: "High Throughput",
    6: "Multiview Main",
    7: "Scalable Main",
    8: "3D Main",
    9: "Screen Content",
    10: "Scalable Range Extensions",
    11: "High Throughput Screen Content",
}
_TIERS: Final = {0: "main", 1: "high"}
_CONSTANT_RATES: Final = {0: "may vary", 1: "constant", 2: "constant in each temporal layer"}
_MOST_REFERENCES: Final = 32  # 16 are the most that any level lets a decoder hold (A.4.2)


def profile_name(profile: int) -> str:
    """`Main 10` for 2 (A.3)."""
    return _PROFILES.get(profile) or f"profile {profile}"


def level_name(level: int) -> str:
    """`3.1` for 93: thirty times the level (A.4.1)."""
    return f"{level // 30}.{level % 30 // 3}"


def nal_header(bits: Bits) -> None:
    """The two bytes before the content of a NAL unit."""
    bits.unsigned("forbidden_zero_bit", 1)
    bits.unsigned("nal_unit_type", 6, NAL_TYPES)
    bits.unsigned("nuh_layer_id", 6)
    bits.unsigned("nuh_temporal_id_plus1", 3)


def video_parameter_set(bits: Bits, found: Configuration) -> None:
    """7.3.2.1, up to the times; what describes the picture too goes into `found`."""
    bits.unsigned("vps_video_parameter_set_id", 4)
    bits.flags("vps_base_layer_internal_flag", "vps_base_layer_available_flag")
    bits.unsigned("vps_max_layers_minus1", 6)
    layers = bits.unsigned("vps_max_sub_layers_minus1", 3)
    bits.flags("vps_temporal_id_nesting_flag")
    bits.unsigned("vps_reserved_0xffff_16bits", 16)
    _profile_tier_level(bits, found, layers)
    _sub_layer_ordering(bits, "vps", layers)
    size = 1 + bits.unsigned("vps_max_layer_id", 6)
    for number in range(1, 1 + bits.ue("vps_num_layer_sets_minus1", most=1023)):
        bits.unsigned(f"layer_id_included_flag[{number}]", size)
    if bits.flag("vps_timing_info_present_flag"):
        found.frame_rate = timing(bits, "vps_")
        if bits.flag("vps_poc_proportional_to_timing_flag"):
            bits.ue("vps_num_ticks_poc_diff_one_minus1")
        common = None
        for number in range(bits.ue("vps_num_hrd_parameters", most=1024)):
            bits.ue(f"hrd_layer_set_idx[{number}]")
            if number and bits.flag(f"cprms_present_flag[{number}]"):
                common = None
            common = _hypothetical_decoder(bits, layers, common)
    if not bits.flag("vps_extension_flag"):
        bits.trailing()


def sequence_parameter_set(bits: Bits, found: Configuration) -> None:
    """7.3.2.2.1; the NAL unit's header has been read. Extensions stay unread."""
    bits.unsigned("sps_video_parameter_set_id", 4)
    layers = bits.unsigned("sps_max_sub_layers_minus1", 3)
    bits.flags("sps_temporal_id_nesting_flag")
    _profile_tier_level(bits, found, layers)
    bits.ue("sps_seq_parameter_set_id", most=15)
    chroma = bits.ue("chroma_format_idc", CHROMA, most=3)
    if chroma == 3:
        bits.flags("separate_colour_plane_flag")
    width = bits.ue("pic_width_in_luma_samples")
    height = bits.ue("pic_height_in_luma_samples")
    across, down = (2 if chroma in {1, 2} else 1), (2 if chroma == 1 else 1)  # SubWidthC, SubHeightC
    if bits.flag("conformance_window_flag"):
        less_width, less_height = cropping(bits, "conf_win_", across, down)
        width, height = width - less_width, height - less_height
    found.width, found.height, found.chroma = max(width, 0), max(height, 0), CHROMA[chroma]
    found.bit_depth = 8 + bits.ue("bit_depth_luma_minus8", most=8)
    bits.ue("bit_depth_chroma_minus8", most=8)
    order_size = 4 + bits.ue("log2_max_pic_order_cnt_lsb_minus4", most=12)
    found.reorder_frames = _sub_layer_ordering(bits, "sps", layers)
    _coding_blocks(bits)
    if bits.flag("scaling_list_enabled_flag") and bits.flag("sps_scaling_list_data_present_flag"):
        _scaling_lists(bits)
    bits.flags("amp_enabled_flag", "sample_adaptive_offset_enabled_flag")
    if bits.flag("pcm_enabled_flag"):
        _raw_samples(bits)
    _reference_picture_sets(bits)
    if bits.flag("long_term_ref_pics_present_flag"):
        for number in range(bits.ue("num_long_term_ref_pics_sps", most=32)):
            bits.unsigned(f"lt_ref_pic_poc_lsb_sps[{number}]", order_size)
            bits.flags(f"used_by_curr_pic_lt_sps_flag[{number}]")
    bits.flags("sps_temporal_mvp_enabled_flag", "strong_intra_smoothing_enabled_flag")
    if bits.flag("vui_parameters_present_flag"):
        _usability(bits, found, layers, across, down)
    if not bits.flag("sps_extension_present_flag"):
        bits.trailing()


def _profile_tier_level(bits: Bits, found: Configuration, layers: int) -> None:
    """7.3.3, with profilePresentFlag; `layers` is how many sub-layers there are beside the first."""
    _profile(bits, "general_", found)
    found.level = level_name(bits.unsigned("general_level_idc", 8, level_name))
    present = [
        (
            bits.flag(f"sub_layer_profile_present_flag[{number}]"),
            bits.flag(f"sub_layer_level_present_flag[{number}]"),
        )
        for number in range(layers)
    ]
    if layers:
        bits.unsigned("reserved_zero_2bits", 2 * (8 - layers))
    for number, (profile, level) in enumerate(present):
        if profile:
            _profile(bits, f"sub_layer[{number}]_", Configuration())
        if level:
            bits.unsigned(f"sub_layer_level_idc[{number}]", 8, level_name)


def _profile(bits: Bits, prefix: str, found: Configuration) -> None:
    bits.unsigned(f"{prefix}profile_space", 2)
    found.tier = _TIERS[bits.unsigned(f"{prefix}tier_flag", 1, _TIERS)]
    found.profile_id = bits.unsigned(f"{prefix}profile_idc", 5, _PROFILES)
    found.profile = profile_name(found.profile_id)
    bits.unsigned(f"{prefix}profile_compatibility_flags", 32, _compatible)
    progressive = bits.flag(f"{prefix}progressive_source_flag")
    interlaced = bits.flag(f"{prefix}interlaced_source_flag")
    bits.flags(f"{prefix}non_packed_constraint_flag", f"{prefix}frame_only_constraint_flag")
    bits.unsigned(f"{prefix}constraint_flags", 44)
    found.interlaced = interlaced and not progressive  # with both, each picture tells for itself


def _compatible(flags: int) -> str:
    names = [profile_name(number) for number in range(32) if flags >> 31 - number & 1]
    return f"({', '.join(names)})" if names else ""


def _sub_layer_ordering(bits: Bits, prefix: str, layers: int) -> int:
    """How many pictures are held, and how many may be out of order; gives the latter for the highest sub-layer."""
    first = 0 if bits.flag(f"{prefix}_sub_layer_ordering_info_present_flag") else layers
    reorder = 0
    for number in range(first, layers + 1):
        bits.ue(f"{prefix}_max_dec_pic_buffering_minus1[{number}]")
        reorder = bits.ue(f"{prefix}_max_num_reorder_pics[{number}]")
        bits.ue(f"{prefix}_max_latency_increase_plus1[{number}]")
    return reorder


def _coding_blocks(bits: Bits) -> None:
    bits.ue("log2_min_luma_coding_block_size_minus3")
    bits.ue("log2_diff_max_min_luma_coding_block_size")
    bits.ue("log2_min_luma_transform_block_size_minus2")
    bits.ue("log2_diff_max_min_luma_transform_block_size")
    bits.ue("max_transform_hierarchy_depth_inter")
    bits.ue("max_transform_hierarchy_depth_intra")


def _scaling_lists(bits: Bits) -> None:
    """7.3.4: a list is a reference to another, or its deltas, which are one field."""
    for size in range(4):
        for matrix in range(0, 6, 3 if size == 3 else 1):
            name = f"scaling_list[{size}][{matrix}]"
            if not bits.flag(f"scaling_list_pred_mode_flag[{size}][{matrix}]"):
                bits.ue(f"scaling_list_pred_matrix_id_delta[{size}][{matrix}]")
                continue
            mark = bits.mark()
            count = min(64, 1 << 4 + 2 * size)
            following = 8 if size < 2 else 8 + bits.signed_code(name)
            values = [following] if size >= 2 else []
            for _ in range(count):
                following = (following + bits.signed_code(name)) % 256
                values.append(following)
            bits.record(name, mark, tuple(values), " ".join(map(str, values)))


def _raw_samples(bits: Bits) -> None:
    bits.unsigned("pcm_sample_bit_depth_luma_minus1", 4)
    bits.unsigned("pcm_sample_bit_depth_chroma_minus1", 4)
    bits.ue("log2_min_pcm_luma_coding_block_size_minus3")
    bits.ue("log2_diff_max_min_pcm_luma_coding_block_size")
    bits.flags("pcm_loop_filter_disabled_flag")


def _reference_picture_sets(bits: Bits) -> None:
    """7.3.7, for all the sets of an SPS: how many pictures a set holds says how long one predicted from it is."""
    held: list[int] = []
    for number in range(bits.ue("num_short_term_ref_pic_sets", most=64)):
        name = f"st_ref_pic_set({number})"
        mark = bits.mark()
        if number and bits.take(name, 1):  # predicted from the set before
            bits.take(name, 1)  # delta_rps_sign
            bits.code(name)  # abs_delta_rps_minus1
            count = sum(bits.take(name, 1) or bits.take(name, 1) for _ in range(held[-1] + 1))
            label = f"{plural(count, 'picture')}, predicted"
        else:
            count = bits.code(name) + bits.code(name)
            if count > _MOST_REFERENCES:
                bits.refuse(name, f"{count} pictures are more than {_MOST_REFERENCES}")
            for _ in range(count):
                bits.code(name)  # delta_poc_minus1
                bits.take(name, 1)  # used_by_curr_pic_flag
            label = plural(count, "picture")
        held.append(count)
        bits.record(name, mark, count, label)


def _usability(bits: Bits, found: Configuration, layers: int, across: int, down: int) -> None:
    """VUI parameters, E.2.1."""
    picture_looks(bits, found)
    bits.flags("neutral_chroma_indication_flag")
    found.interlaced = bits.flag("field_seq_flag") or found.interlaced
    bits.flags("frame_field_info_present_flag")
    if bits.flag("default_display_window_flag"):
        cropping(bits, "def_disp_win_", across, down)
    if bits.flag("vui_timing_info_present_flag"):
        found.frame_rate = timing(bits, "vui_")
        if bits.flag("vui_poc_proportional_to_timing_flag"):
            bits.ue("vui_num_ticks_poc_diff_one_minus1")
        if bits.flag("vui_hrd_parameters_present_flag"):
            _hypothetical_decoder(bits, layers)
    if bits.flag("bitstream_restriction_flag"):
        bits.flags("tiles_fixed_structure_flag", "motion_vectors_over_pic_boundaries_flag")
        bits.flags("restricted_ref_pic_lists_flag")
        bits.ue("min_spatial_segmentation_idc")
        bitstream_bounds(bits)


class _Common(NamedTuple):
    """What several descriptions of the decoder's buffers may share."""

    kinds: tuple[str, ...]
    by_parts: bool


def _hypothetical_decoder(bits: Bits, layers: int, common: _Common | None = None) -> _Common:
    """HRD parameters, E.2.2; without `common` the part that may be shared stands first."""
    if common is None:
        kinds = tuple(kind for kind in ("nal", "vcl") if bits.flag(f"{kind}_hrd_parameters_present_flag"))
        common = _Common(kinds, bool(kinds) and _hypothetical_decoder_sizes(bits))
    for number in range(layers + 1):
        fixed = bits.flag(f"fixed_pic_rate_general_flag[{number}]")
        fixed = fixed or bits.flag(f"fixed_pic_rate_within_cvs_flag[{number}]")
        low_delay = False
        if fixed:
            bits.ue(f"elemental_duration_in_tc_minus1[{number}]")
        else:
            low_delay = bits.flag(f"low_delay_hrd_flag[{number}]")
        count = 1 if low_delay else 1 + bits.ue(f"cpb_cnt_minus1[{number}]", most=31)
        for kind in common.kinds:
            for buffer in range(count):
                bits.ue(f"{kind} bit_rate_value_minus1[{buffer}]")
                bits.ue(f"{kind} cpb_size_value_minus1[{buffer}]")
                if common.by_parts:
                    bits.ue(f"{kind} cpb_size_du_value_minus1[{buffer}]")
                    bits.ue(f"{kind} bit_rate_du_value_minus1[{buffer}]")
                bits.flags(f"{kind} cbr_flag[{buffer}]")
    return common


def _hypothetical_decoder_sizes(bits: Bits) -> bool:
    by_parts = bits.flag("sub_pic_hrd_params_present_flag")
    if by_parts:
        bits.unsigned("tick_divisor_minus2", 8)
        bits.unsigned("du_cpb_removal_delay_increment_length_minus1", 5)
        bits.flags("sub_pic_cpb_params_in_pic_timing_sei_flag")
        bits.unsigned("dpb_output_delay_du_length_minus1", 5)
    bits.unsigned("bit_rate_scale", 4)
    bits.unsigned("cpb_size_scale", 4)
    if by_parts:
        bits.unsigned("cpb_size_du_scale", 4)
    bits.unsigned("initial_cpb_removal_delay_length_minus1", 5)
    bits.unsigned("au_cpb_removal_delay_length_minus1", 5)
    bits.unsigned("dpb_output_delay_length_minus1", 5)
    return by_parts


HEVC: Final = make_codec(
    "hevc",
    NAL_TYPES,
    type_of=lambda first: first >> 1 & 0x3F,
    header=nal_header,
    readers={32: video_parameter_set, 33: sequence_parameter_set},
    key_types=frozenset(range(16, 22)),
    header_size=2,
)


def decoder_configuration(read: Cursor, found: Configuration, findings: list[Finding]) -> None:
    """HEVCDecoderConfigurationRecord: 23 bytes, then arrays of parameter sets."""
    if not is_record(read, HEVC, found, findings):
        return
    head = Bits(read)
    _profile(head, "general_", found)
    found.level = level_name(head.unsigned("general_level_idc", 8, level_name))
    head.unsigned("reserved", 4)
    head.unsigned("min_spatial_segmentation_idc", 12)
    head.unsigned("reserved", 6)
    head.unsigned("parallelismType", 2)
    head.unsigned("reserved", 6)
    found.chroma = CHROMA[head.unsigned("chromaFormat", 2, CHROMA)]
    head.unsigned("reserved", 5)
    found.bit_depth = 8 + head.unsigned("bitDepthLumaMinus8", 3)
    head.unsigned("reserved", 5)
    head.unsigned("bitDepthChromaMinus8", 3)
    average = head.unsigned("avgFrameRate", 16, lambda value: f"({value / 256:g} fps)" if value else "unspecified")
    found.frame_rate = average / 256 or None
    head.unsigned("constantFrameRate", 2, _CONSTANT_RATES)
    head.unsigned("numTemporalLayers", 3)
    head.unsigned("temporalIdNested", 1)
    found.nal_length_size = head.unsigned("lengthSizeMinusOne", 2, NAL_LENGTHS) + 1
    for _ in range(read.u8("numOfArrays")):
        with read.group("array") as group:
            read.bits("array_completeness", 0x80)
            read.bits("reserved", 0x40)
            kind = read.bits("NAL_unit_type", 0x3F, NAL_TYPES)
            read.skip()
            group.value, group.label = kind, NAL_TYPES.get(kind) or f"type {kind}"
            for _ in range(read.u16("numNalus", Role.PREFIX)):
                parameter_set(read, HEVC, 2, found, findings)
