"""What the record that configures a video decoder says, whatever the codec; and the tables that the codecs share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rtmpsniff.payload.codecs.bits import Bits


@dataclass(slots=True)
class Configuration:
    """What is known of a video stream from its configuration record. What the record does not tell is None.

    Filled while the record is read, so that what was read stays where reading breaks off; nothing changes it later.
    `width` and `height` are in pixels, after cropping; `frame_rate` is in frames a second, as the stream claims it;
    `chroma` is `4:2:0` and so on, or `monochrome`; `sample_aspect_ratio` is `12:11` and so on. The color names follow
    H.273. `nal_length_size` is how many bytes stand before each NAL unit of a frame to say how long it is.
    """

    profile: str | None = None  # "High", "Main 10"
    profile_id: int | None = None  # its number in the stream
    level: str | None = None  # "3.1"
    tier: str | None = None  # "main" or "high", of the codecs that have tiers
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    interlaced: bool | None = None
    chroma: str | None = None
    bit_depth: int | None = None
    sample_aspect_ratio: str | None = None
    full_range: bool | None = None
    primaries: str | None = None
    transfer: str | None = None
    matrix: str | None = None
    reorder_frames: int | None = None  # how many frames may stand out of order, which bidirectional ones do
    nal_length_size: int | None = None
    parameter_sets: list[str] = field(default_factory=list)  # what stands in the record: "SPS", "PPS", ...

    @property
    def text(self) -> str:
        """In a person's words: `High 3.1, 1280x720 30 fps`; what nearly all streams have in common is left out."""
        words = [" ".join(filter(None, (self.profile, self.level, "high tier" if self.tier == "high" else None)))]
        size = f"{self.width}x{self.height}" if self.width is not None and self.height is not None else ""
        rate = f"{self.frame_rate:.5g} fps" if self.frame_rate else ""
        words.append(f"{size} {rate}".strip())
        if self.interlaced:
            words.append("interlaced")
        if self.bit_depth not in {None, 8}:
            words.append(f"{self.bit_depth} bit")
        if self.chroma not in {None, "4:2:0"}:
            words.append(f"{self.chroma}")
        if self.transfer in HDR:
            words.append(HDR[self.transfer])
        return ", ".join(filter(None, words))


CHROMA: Final = {0: "monochrome", 1: "4:2:0", 2: "4:2:2", 3: "4:4:4"}  # chroma_format_idc of H.264, H.265, H.266
NAL_LENGTHS: Final = {0: "1 byte", 1: "2 bytes", 2: "3 bytes, reserved", 3: "4 bytes"}  # lengthSizeMinusOne

# H.273 (ITU-T), the code points that video streams use
PRIMARIES: Final = {
    1: "bt709",
    2: "unspecified",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
}
TRANSFERS: Final = {
    1: "bt709",
    2: "unspecified",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "srgb",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
MATRICES: Final = {
    0: "identity",
    1: "bt709",
    2: "unspecified",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    11: "smpte2085",
    12: "chroma-derived-nc",
    13: "chroma-derived-c",
    14: "ictcp",
}
HDR: Final[dict[str | None, str]] = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
RANGES: Final = {0: "limited", 1: "full"}

_SHAPES: Final = (  # of a sample: H.264 table E-1, H.265 table E.1
    "1:1",
    "12:11",
    "10:11",
    "16:11",
    "40:33",
    "24:11",
    "20:11",
    "32:11",
    "80:33",
    "18:11",
    "15:11",
    "64:33",
    "160:99",
    "4:3",
    "3:2",
    "2:1",
)
_EXPLICIT_SHAPE: Final = 255
_SHAPE_NAMES: Final = {0: "unspecified", **dict(enumerate(_SHAPES, 1)), _EXPLICIT_SHAPE: "stands behind"}
_VIDEO_FORMATS: Final = {0: "component", 1: "PAL", 2: "NTSC", 3: "SECAM", 4: "MAC", 5: "unspecified"}


def cropping(bits: Bits, prefix: str, across: int, down: int) -> tuple[int, int]:
    """Four offsets from the edges, in units of `across` and `down` pixels: what they take off width, height."""
    left = bits.ue(f"{prefix}left_offset", lambda value: _pixels(value * across))
    right = bits.ue(f"{prefix}right_offset", lambda value: _pixels(value * across))
    top = bits.ue(f"{prefix}top_offset", lambda value: _pixels(value * down))
    bottom = bits.ue(f"{prefix}bottom_offset", lambda value: _pixels(value * down))
    return (left + right) * across, (top + bottom) * down


def _pixels(count: int) -> str:
    return f"({count} pixels)" if count else ""


def picture_looks(bits: Bits, found: Configuration) -> None:
    """The first part of the usability information (VUI), which H.264 E.1.1 and H.265 E.2.1 have in common."""
    if bits.flag("aspect_ratio_info_present_flag"):
        number = bits.unsigned("aspect_ratio_idc", 8, _SHAPE_NAMES)
        if number == _EXPLICIT_SHAPE:
            width, height = bits.unsigned("sar_width", 16), bits.unsigned("sar_height", 16)
            found.sample_aspect_ratio = f"{width}:{height}" if width and height else None
        elif 1 <= number <= len(_SHAPES):
            found.sample_aspect_ratio = _SHAPES[number - 1]
    if bits.flag("overscan_info_present_flag"):
        bits.flags("overscan_appropriate_flag")
    if bits.flag("video_signal_type_present_flag"):
        bits.unsigned("video_format", 3, _VIDEO_FORMATS)
        found.full_range = bits.flag("video_full_range_flag", RANGES)
        if bits.flag("colour_description_present_flag"):
            found.primaries = PRIMARIES.get(bits.unsigned("colour_primaries", 8, PRIMARIES))
            found.transfer = TRANSFERS.get(bits.unsigned("transfer_characteristics", 8, TRANSFERS))
            found.matrix = MATRICES.get(bits.unsigned("matrix_coefficients", 8, MATRICES))
    if bits.flag("chroma_loc_info_present_flag"):
        bits.ue("chroma_sample_loc_type_top_field")
        bits.ue("chroma_sample_loc_type_bottom_field")


def timing(bits: Bits, prefix: str = "", ticks: int = 1) -> float | None:
    """Units in a tick, ticks a second: frames a second where a frame takes `ticks` ticks, None for nonsense."""
    units = bits.unsigned(f"{prefix}num_units_in_tick", 32)
    scale = bits.unsigned(f"{prefix}time_scale", 32)
    return scale / (ticks * units) if units and scale else None


def bitstream_bounds(bits: Bits) -> None:
    """The end of the bitstream restrictions, the same in H.264 and H.265."""
    bits.ue("max_bytes_per_pic_denom")
    bits.ue("max_bits_per_mb_denom")
    bits.ue("log2_max_mv_length_horizontal")
    bits.ue("log2_max_mv_length_vertical")
