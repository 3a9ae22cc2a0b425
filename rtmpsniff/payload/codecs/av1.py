"""AV1: the configuration record (AV1 in ISO base media files 2.3.3), open bitstream units (OBUs), the sequence header.

Each syntax element has its name in the AV1 bitstream specification (5.3, 5.5).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rtmpsniff.fields import Cursor, Field, Malformed, Role, Unreadable
from rtmpsniff.findings import MEDIA_CONFIGURATION, Finding, Severity, in_message
from rtmpsniff.payload.codecs.bits import MOST_FIELDS, Bits
from rtmpsniff.payload.codecs.configuration import (
    CHROMA,
    MATRICES,
    PRIMARIES,
    RANGES,
    TRANSFERS,
    Configuration,
    timing,
)
from rtmpsniff.text import plural

OBU_TYPES: Final = {
    1: "sequence header",
    2: "temporal delimiter",
    3: "frame header",
    4: "tile group",
    5: "metadata",
    6: "frame",
    7: "redundant frame header",
    8: "tile list",
    15: "padding",
}
MOST_UNITS: Final = 64  # of a message that are fields of their own

_SEQUENCE_HEADER: Final = 1
_PROFILES: Final = {0: "Main", 1: "High", 2: "Professional"}
_TIERS: Final = {0: "main", 1: "high"}
_POSITIONS: Final = {0: "unknown", 1: "vertical", 2: "colocated", 3: "reserved"}
_WIDE_RANGES: Final = {0: "SDR", 1: "HDR", 2: "wide color gamut or HDR", 3: "not told"}
_UNCONSTRAINED: Final = 31
_DESCRIPTOR: Final = 0x80  # the tag of the AV1 video descriptor in transport streams
_SRGB: Final = (1, 13, 0)  # color primaries, transfer and matrix that mean RGB


def level_name(index: int) -> str:
    """`3.1` for 5: four steps to a level, from 2.0 on (A.3)."""
    if index == _UNCONSTRAINED:
        return "unconstrained"
    return f"{2 + index // 4}.{index % 4}" if index < 24 else f"level {index}"


def decoder_configuration(read: Cursor, found: Configuration, findings: list[Finding]) -> None:
    """AV1CodecConfigurationRecord: four bytes, then OBUs, of which the sequence header tells the picture's size."""
    start = read.position
    if _record_head(read, found, "reserved") != 1:
        title = "The AV1 configuration record does not begin with a marker and version 1"
        findings.append(in_message(MEDIA_CONFIGURATION, Severity.WARNING, title, start, 1))
    found.parameter_sets.extend(units(read, found, findings))


def transport_configuration(read: Cursor, found: Configuration, _findings: list[Finding]) -> None:
    """The AV1 video descriptor of MPEG-2 transport streams, which packet type 5 carries: nearly the same four bytes."""
    if read.peek() == _DESCRIPTOR:
        read.u8("descriptor_tag", label="{} AV1 video descriptor")
        read.u8("descriptor_length", Role.PREFIX)
    _record_head(read, found, "hdr_wcg_idc")


def _record_head(read: Cursor, found: Configuration, reserved: str) -> int:
    """The four bytes that records and descriptors begin with; gives the version, 0 without the marker bit."""
    bits = Bits(read)
    marker = bits.unsigned("marker", 1)
    version = bits.unsigned("version", 7) * marker
    profile = bits.unsigned("seq_profile", 3, _PROFILES)
    level = level_name(bits.unsigned("seq_level_idx_0", 5, level_name))
    tier = _TIERS[bits.unsigned("seq_tier_0", 1, _TIERS)]
    high, twelve = bits.flag("high_bitdepth"), bits.flag("twelve_bit")
    monochrome = bits.flag("monochrome")
    across, down = bits.flag("chroma_subsampling_x"), bits.flag("chroma_subsampling_y")
    bits.unsigned("chroma_sample_position", 2, _POSITIONS)
    if reserved == "hdr_wcg_idc":
        bits.unsigned(reserved, 2, _WIDE_RANGES)
        bits.unsigned("reserved", 1)
    else:
        bits.unsigned(reserved, 3)
    delayed = bits.flag("initial_presentation_delay_present")
    bits.unsigned("initial_presentation_delay_minus_one" if delayed else "reserved", 4)
    found.profile_id, found.profile = profile, _PROFILES.get(profile) or f"profile {profile}"
    found.level, found.tier = level, tier
    found.bit_depth = 12 if high and twelve else 10 if high else 8
    found.chroma = _chroma(monochrome, across, down)
    return version


def _chroma(monochrome: bool, across: bool, down: bool) -> str:
    return CHROMA[0] if monochrome else CHROMA[3 - across - down]


# OBUs


class _Unit(NamedTuple):
    """Where an OBU and its parts are."""

    start: int
    size_at: int  # where its size stands: behind the header, with its extension
    payload_at: int
    stop: int
    number: int
    name: str


def units(read: Cursor, found: Configuration, findings: list[Finding]) -> tuple[str, ...]:
    """OBUs up to the cursor's end: their types by name, the first 64 of them.

    What the first sequence header says goes into `found`.
    """
    names: list[str] = []
    while read.left and len(names) < MOST_UNITS:
        try:
            unit = _next_unit(read.data, read.position, read.end)
        except Malformed as stop:
            findings.append(in_message(MEDIA_CONFIGURATION, Severity.WARNING, f"OBU: {stop}", read.position, read.left))
            read.rest("unread", label=stop.reason)
            break
        names.append(unit.name)
        if unit.number == _SEQUENCE_HEADER and read.bit_fields < MOST_FIELDS:
            _sequence_header_unit(read, unit, found if _SEQUENCE_NAME not in names[:-1] else Configuration(), findings)
        else:
            read.fields.append(_field(unit))
            read.position = unit.stop
    read.rest("OBUs", Role.MEDIA, "more OBUs")
    return tuple(names)


_SEQUENCE_NAME: Final = OBU_TYPES[_SEQUENCE_HEADER]


def _next_unit(data: bytes, start: int, end: int) -> _Unit:
    """Header, extension, size (5.3.1, 5.3.2). One without a size reaches to the end. Raises `Malformed`."""
    first = data[start]
    if first & 0x80:
        raise Malformed(f"0x{first:02x} has the forbidden bit set, so no OBU begins here")
    number = first >> 3 & 0x0F
    name = OBU_TYPES.get(number) or f"type {number}"
    at = start + 1 + (first >> 2 & 1)
    if at > end:
        raise Malformed("its extension is missing")
    if not first & 2:
        return _Unit(start, at, at, end, number, name)
    size, position = _leb128(data, at, end)
    if position + size > end:
        raise Malformed(f"{name} claims {plural(size, 'byte')}, has {end - position}")
    return _Unit(start, at, position, position + size, number, name)


def _leb128(data: bytes, start: int, end: int) -> tuple[int, int]:
    """A size in groups of seven bits, the lowest first (4.10.5), and where it ends."""
    value = 0
    for at in range(start, min(start + 8, end)):
        value |= (data[at] & 0x7F) << 7 * (at - start)
        if data[at] < 0x80:
            return value, at + 1
    raise Malformed("its size does not end")


def _field(unit: _Unit) -> Field:
    size = unit.stop - unit.payload_at
    children = [Field("header", unit.start, unit.size_at, None, "", Role.MEDIA_HEADER, 0, (), True)]
    if unit.payload_at > unit.size_at:
        children.append(Field("size", unit.size_at, unit.payload_at, None, "", Role.PREFIX, 0, (), True))
    if size:
        children.append(Field("payload", unit.payload_at, unit.stop, None, "", Role.MEDIA, 0, (), True))
    label = f"{unit.name}, {plural(size, 'byte')}" if size else unit.name
    return Field("OBU", unit.start, unit.stop, unit.name, label, Role.MEDIA, 0, tuple(children))


def _sequence_header_unit(read: Cursor, unit: _Unit, found: Configuration, findings: list[Finding]) -> None:
    outer, read.end = read.end, unit.stop
    with read.group(unit.name) as group:
        try:
            _unit_head(read, unit)
            sequence_header(Bits(read), found)
        except Unreadable as stop:
            title = f"{unit.name}: {stop.reason}"
            findings.append(in_message(MEDIA_CONFIGURATION, Severity.WARNING, title, read.position, read.left))
            read.rest("unread", label=stop.reason)
        read.rest("unread", label=f"behind the end of the {unit.name}")
        group.value, group.label = unit.name, found.text
    read.end = outer


def _unit_head(read: Cursor, unit: _Unit) -> None:
    bits = Bits(read)
    bits.flags("obu_forbidden_bit")
    bits.unsigned("obu_type", 4, OBU_TYPES)
    extended = bits.flag("obu_extension_flag")
    bits.flags("obu_has_size_field", "obu_reserved_1bit")
    if extended:
        bits.unsigned("temporal_id", 3)
        bits.unsigned("spatial_id", 2)
        bits.unsigned("extension_header_reserved_3bits", 3)
    if unit.payload_at > unit.size_at:
        read.position = unit.payload_at
        size = unit.stop - unit.payload_at
        read.add("obu_size", unit.size_at, size, str(size), Role.PREFIX)


def sequence_header(bits: Bits, found: Configuration) -> None:
    """5.5.1; the OBU's header has been read."""
    profile = bits.unsigned("seq_profile", 3, _PROFILES)
    found.profile_id, found.profile = profile, _PROFILES.get(profile) or f"profile {profile}"
    bits.flags("still_picture")
    reduced = bits.flag("reduced_still_picture_header")
    if reduced:
        found.level = level_name(bits.unsigned("seq_level_idx[0]", 5, level_name))
    else:
        _operating_points(bits, found)
    width_size = 1 + bits.unsigned("frame_width_bits_minus_1", 4)
    height_size = 1 + bits.unsigned("frame_height_bits_minus_1", 4)
    found.width = 1 + bits.unsigned("max_frame_width_minus_1", width_size)
    found.height = 1 + bits.unsigned("max_frame_height_minus_1", height_size)
    if not reduced and bits.flag("frame_id_numbers_present_flag"):
        bits.unsigned("delta_frame_id_length_minus_2", 4)
        bits.unsigned("additional_frame_id_length_minus_1", 3)
    bits.flags("use_128x128_superblock", "enable_filter_intra", "enable_intra_edge_filter")
    if not reduced:
        _tools(bits)
    bits.flags("enable_superres", "enable_cdef", "enable_restoration")
    _color(bits, found, profile)
    bits.flags("film_grain_params_present")
    bits.trailing("trailing_bits")


def _operating_points(bits: Bits, found: Configuration) -> None:
    delay_size = 0
    if bits.flag("timing_info_present_flag"):
        rate = timing(bits, "display_")
        if bits.flag("equal_picture_interval"):
            ticks = 1 + bits.ue("num_ticks_per_picture_minus_1")
            found.frame_rate = rate / ticks if rate else None
        if bits.flag("decoder_model_info_present_flag"):
            delay_size = 1 + bits.unsigned("buffer_delay_length_minus_1", 5)
            bits.unsigned("num_units_in_decoding_tick", 32)
            bits.unsigned("buffer_removal_time_length_minus_1", 5)
            bits.unsigned("frame_presentation_time_length_minus_1", 5)
    delayed = bits.flag("initial_display_delay_present_flag")
    for number in range(1 + bits.unsigned("operating_points_cnt_minus_1", 5)):
        bits.unsigned(f"operating_point_idc[{number}]", 12)
        index = bits.unsigned(f"seq_level_idx[{number}]", 5, level_name)
        tier = bits.unsigned(f"seq_tier[{number}]", 1, _TIERS) if index > 7 else 0
        if number == 0:
            found.level, found.tier = level_name(index), _TIERS[tier]
        if delay_size and bits.flag(f"decoder_model_present_for_this_op[{number}]"):
            bits.unsigned(f"decoder_buffer_delay[{number}]", delay_size)
            bits.unsigned(f"encoder_buffer_delay[{number}]", delay_size)
            bits.flags(f"low_delay_mode_flag[{number}]")
        if delayed and bits.flag(f"initial_display_delay_present_for_this_op[{number}]"):
            bits.unsigned(f"initial_display_delay_minus_1[{number}]", 4)


def _tools(bits: Bits) -> None:
    bits.flags("enable_interintra_compound", "enable_masked_compound", "enable_warped_motion", "enable_dual_filter")
    ordered = bits.flag("enable_order_hint")
    if ordered:
        bits.flags("enable_jnt_comp", "enable_ref_frame_mvs")
    chosen = bits.flag("seq_choose_screen_content_tools")
    if (chosen or bits.flag("seq_force_screen_content_tools")) and not bits.flag("seq_choose_integer_mv"):
        bits.flags("seq_force_integer_mv")
    if ordered:
        bits.unsigned("order_hint_bits_minus_1", 3)


def _color(bits: Bits, found: Configuration, profile: int) -> None:
    """5.5.2."""
    high = bits.flag("high_bitdepth")
    twelve = profile == 2 and high and bits.flag("twelve_bit")
    found.bit_depth = 12 if twelve else 10 if high else 8
    monochrome = profile != 1 and bits.flag("mono_chrome")
    color = (2, 2, 2)
    if bits.flag("color_description_present_flag"):
        color = (
            bits.unsigned("color_primaries", 8, PRIMARIES),
            bits.unsigned("transfer_characteristics", 8, TRANSFERS),
            bits.unsigned("matrix_coefficients", 8, MATRICES),
        )
        found.primaries, found.transfer = PRIMARIES.get(color[0]), TRANSFERS.get(color[1])
        found.matrix = MATRICES.get(color[2])
    if not monochrome and color == _SRGB:
        found.full_range, across, down = True, False, False
    else:
        found.full_range = bits.flag("color_range", RANGES)
        across, down = monochrome or profile == 0, monochrome or profile == 0
        if not monochrome and profile == 2:
            across = not twelve or bits.flag("subsampling_x")
            down = twelve and across and bits.flag("subsampling_y")
        if not monochrome and across and down:
            bits.unsigned("chroma_sample_position", 2, _POSITIONS)
    found.chroma = _chroma(monochrome, across, down)
    if not monochrome:
        bits.flags("separate_uv_delta_q")
