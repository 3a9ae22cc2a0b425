"""What FFmpeg says of the same streams: of every bit of parameter sets, of the size, the profile, the rate.

FFmpeg as `imageio-ffmpeg` brings it knows all of Enhanced RTMP and encodes into it; ffprobe, as Debian has it, knows
the legacy codecs alone. Both are asked for streams made here and for those in the shared captures.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from struct import pack
from typing import Any, Final, NamedTuple

import pytest

import rtmpsniff
from rtmpsniff.fields import Field
from rtmpsniff.payload.bodies import Decoded, decode
from rtmpsniff.payload.codecs.configuration import Configuration
from rtmpsniff.payload.video import Video

SHARED: Final = Path(__file__).parents[3] / "shared" / "captures"
VIDEO: Final = 9

needs_captures = pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures beside the checkout")


@cache
def ffmpeg() -> str:
    """The program that imageio-ffmpeg brings."""
    module = pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed")
    try:
        return str(module.get_ffmpeg_exe())
    except RuntimeError:
        pytest.skip("imageio-ffmpeg brings no program for this machine")


@cache
def ffprobe() -> str:
    return shutil.which("ffprobe") or pytest.skip("no ffprobe")


class Tag(NamedTuple):
    """An FLV tag: the body of an RTMP message."""

    type_id: int
    timestamp: int
    data: bytes


def flv(tags: Iterable[Tag]) -> bytes:
    parts = [b"FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00"]
    for tag in tags:
        head = pack(">B", tag.type_id) + pack(">L", len(tag.data))[1:] + pack(">L", tag.timestamp & 0xFFFFFF)[1:]
        parts += [head, pack(">B", tag.timestamp >> 24), bytes(3), tag.data, pack(">L", len(tag.data) + 11)]
    return b"".join(parts)


def tags_of(data: bytes) -> Iterator[Tag]:
    position = 13
    while position + 11 <= len(data):
        size = int.from_bytes(data[position + 1 : position + 4], "big")
        timestamp = int.from_bytes(data[position + 4 : position + 7], "big") | data[position + 7] << 24
        yield Tag(data[position] & 0x1F, timestamp, data[position + 11 : position + 11 + size])
        position += 15 + size


def videos(path: Path) -> list[Decoded]:
    return [decode(VIDEO, tag.data) for tag in tags_of(path.read_bytes()) if tag.type_id == VIDEO]


def body(message: Decoded) -> Video:
    assert isinstance(message.body, Video)
    return message.body


def configurations(messages: Iterable[Decoded]) -> list[tuple[Decoded, Configuration]]:
    found = [
        (message, body(message).configuration) for message in messages if "header" in str(body(message).packet_type)
    ]
    return [(message, configuration) for message, configuration in found if configuration is not None]


def encode(path: Path, size: str, *options: str) -> None:
    source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration=0.24"]
    run([ffmpeg(), "-v", "error", "-y", *source, *options, "-f", "flv", str(path)])


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120, check=False)
    return done.stdout + done.stderr


# What FFmpeg prints of a stream: `Stream #0:0: Video: hevc (Main 10), yuv420p10le(tv), 320x240 [SAR ...], 25 fps, ...`

STREAM = re.compile(r"Video: (\w+)(?: \(libdav1d\))?(?: \(([^)]*)\))?, (\w+)(?:\(([^)]*)\))?, (\d+)x(\d+)[^,]*(.*)")


class Said(NamedTuple):
    profile: str
    chroma: str
    bit_depth: int
    width: int
    height: int
    rate: str


def said_by_ffmpeg(path: Path) -> list[Said]:
    said = []
    for line in run([ffmpeg(), "-hide_banner", "-i", str(path)]).splitlines():
        if match := STREAM.search(line):
            rate = re.search(r"([\d.]+k?) tbr", match[7])
            profile = {"Rext": "Range Extensions"}.get(match[2], match[2] or "")
            size = int(match[5]), int(match[6])
            said.append(Said(profile, *looks(match[3]), *size, rate[1] if rate else ""))
    return said


def looks(pixel_format: str) -> tuple[str, int]:
    """Chroma and bit depth of `yuv420p10le`, `yuvj420p`, `gbrp`."""
    depth = re.search(r"p(\d+)(?:le|be)$", pixel_format)
    chroma = re.match(r"yuvj?(\d)(\d)(\d)p", pixel_format)
    words = ":".join(chroma.groups()) if chroma else "4:4:4"
    return words, int(depth[1]) if depth else 8


def as_said(configuration: Configuration, rate: str) -> Said:
    """The same words from a configuration; the rate is FFmpeg's guess where the stream claims none."""
    found = configuration
    assert found.profile is not None
    assert found.chroma is not None
    assert found.bit_depth is not None
    size = found.width or 0, found.height or 0
    own = f"{found.frame_rate:.4g}" if found.frame_rate else rate
    chroma = found.chroma.replace("monochrome", "4:2:0")  # which FFmpeg makes of it
    return Said(found.profile.replace("profile", "Profile"), chroma, found.bit_depth, *size, own)


# Each bit of the parameter sets, as the bitstream filter `trace_headers` reads them

TRACE = re.compile(r"\] (\d+) +(\S+) +([01]*) = (-?\d+)$")
HEADINGS = re.compile(
    r"\] (Extradata|Packet|Sequence Parameter Set|Picture Parameter Set|Video Parameter Set|OBU header)"
)
KINDS = {
    "Sequence Parameter Set": "SPS",
    "Picture Parameter Set": "PPS",
    "Video Parameter Set": "VPS",
    "OBU header": "sequence header",
}


class Row(NamedTuple):
    """A syntax element: where its bits begin in the unit, emulation prevention not counted, and what they say."""

    start: int
    stop: int
    value: int


def traced(path: Path) -> list[tuple[str, list[Row]]]:
    """The parameter sets of the configuration record, each with its elements in order."""
    units: list[tuple[str, list[Row]]] = []
    kind, inside = "", False
    for line in run(
        [ffmpeg(), "-i", str(path), "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-"]
    ).splitlines():
        if heading := HEADINGS.search(line):
            inside = heading[1] == "Extradata" or (inside and heading[1] != "Packet")
            kind = KINDS.get(heading[1], "")
        elif "Supplemental" in line:
            kind = ""
        elif inside and kind and (match := TRACE.search(line)):
            start = int(match[1])
            if not start:
                units.append((kind, []))
            units[-1][1].append(Row(start, start + len(match[3]), int(match[4])))
    return units


def read_here(message: Decoded, data: bytes) -> list[tuple[str, list[Row]]]:
    """The same from the fields of a message."""
    return [
        (group.name, [row_of(field, group, data) for field in group.children if not field.inline and is_element(field)])
        for group in every(message.fields)
        if group.name in KINDS.values() and any(is_element(child) and not child.inline for child in group.children)
    ]


def every(fields: Iterable[Field]) -> Iterator[Field]:
    for field in fields:
        yield field
        yield from every(field.children)


def is_element(field: Field) -> bool:
    return field.name not in {"emulation prevention", "data", "and more"}


def row_of(field: Field, group: Field, data: bytes) -> Row:
    begin = next((child.stop for child in group.children if child.inline), group.start)
    escapes = [at for at in range(begin + 2, field.stop) if data[at - 2 : at + 1] == b"\x00\x00\x03"]
    if group.name == "sequence header":
        escapes = []
    size = 8 * (field.stop - field.start)
    mask = field.mask or (1 << size) - 1
    lowest = (mask & -mask).bit_length() - 1
    start = 8 * (field.start - begin - sum(at < field.start for at in escapes)) + size - mask.bit_length()
    stop = 8 * (field.stop - begin - len(escapes)) - lowest
    return Row(start, stop, field.value if isinstance(field.value, int) else 0)


def assert_agree(ours: list[Row], theirs: list[Row], *, whole: bool) -> int:
    """Every element ends where one of theirs does, and says the same where it is no run of several of theirs."""
    rows = iter(theirs)
    same = 0
    for own in ours:
        row = next(rows)
        assert row.start == own.start
        if row.stop == own.stop:
            assert row.value == own.value
            same += 1
        while row.stop < own.stop:
            row = next(rows)
        assert row.stop == own.stop
    assert not whole or next(rows, None) is None
    return same


X264 = ("-c:v", "libx264", "-x264-params")
X265 = ("-c:v", "libx265", "-x265-params")
MADE: dict[str, tuple[str, tuple[str, ...], str]] = {
    "interlaced h264 with quantizer lists and buffer models": (
        "324x244",
        (*X264, "cqm=jvt:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500:interlaced=1:colorprim=bt709:sar=4/3:bframes=3"),
        "High 2.1, 324x244 25 fps, interlaced",
    ),
    "h264 with 4:2:2 and own quantizer lists": (
        "322x242",
        ("-pix_fmt", "yuv422p10le", *X264, f"cqm4=8,9,10,11,{',12' * 12}:cqm8={'16,17,' * 31}16,20".replace(",,", ",")),
        "High 4:2:2 1.3, 322x242 25 fps, 10 bit, 4:2:2",
    ),
    "h264 baseline with a sample shape of its own": (
        "176x144",
        ("-profile:v", "baseline", *X264, "sar=7/5:overscan=show:fullrange=on:chromaloc=2"),
        "Constrained Baseline 1.1, 176x144 25 fps",
    ),
    "h264 monochrome": ("320x240", ("-pix_fmt", "gray", *X264, "slices=2"), "High 1.3, 320x240 25 fps, monochrome"),
    "h265 with scaling lists and buffer models": (
        "322x242",
        (
            *("-pix_fmt", "yuv420p10le", *X265),
            "log-level=none:scaling-list=default:hrd=1:vbv-maxrate=500:vbv-bufsize=500:interlace=tff:range=full:sar=4",
        ),
        "Main 10 2.0, 322x242 25 fps, interlaced, 10 bit",
    ),
    "h265 for HDR with 4:4:4 and layers": (
        "322x242",
        (
            *("-pix_fmt", "yuv444p12le", *X265),
            (
                "log-level=none:level-idc=4.1:high-tier=1:hdr10=1:max-cll=1000,400:colorprim=bt2020:"
                "transfer=smpte2084:colormatrix=bt2020nc:temporal-layers=3:amp=1:rect=1:chromaloc=2"
            ),
        ),
        "Range Extensions 4.1 high tier, 322x242 25 fps, 12 bit, 4:4:4, PQ",
    ),
    "av1 with HLG": (
        "322x242",
        (
            *("-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-pix_fmt", "yuv420p10le"),
            *("-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc"),
        ),
        "Main 2.0, 322x242, 10 bit",
    ),
    "av1 of another encoder": ("322x242", ("-c:v", "libsvtav1", "-preset", "12"), "Main 2.0, 322x242"),
    "vvc": ("322x242", ("-c:v", "libvvenc", "-preset", "faster"), "Main 10 2.0, 322x242, 10 bit"),
}


@pytest.mark.parametrize("name", MADE)
def test_every_bit_of_parameter_sets_means_what_ffmpeg_says(tmp_path: Path, name: str) -> None:
    size, options, text = MADE[name]
    path = tmp_path / "made.flv"
    encode(path, size, *options)
    messages = videos(path)
    assert [finding for message in messages for finding in message.findings] == []
    data = [tag.data for tag in tags_of(path.read_bytes()) if tag.type_id == VIDEO]
    ((message, configuration),) = configurations(messages)
    assert configuration.text == text
    (said,) = said_by_ffmpeg(path)
    assert as_said(configuration, said.rate) == said
    theirs = traced(path)
    ours = read_here(message, next(own for own in data if decode(VIDEO, own).body == message.body))
    theirs = [unit for unit in theirs if unit[0] in {kind for kind, _ in ours}]
    assert [kind for kind, _ in ours] == [kind for kind, _ in theirs] != []
    for (_, own), (_, other) in zip(ours, theirs, strict=True):
        assert assert_agree(own, other, whole=name != "vvc") > 10


def test_vp9_says_in_record_and_frame_what_ffmpeg_says(tmp_path: Path) -> None:
    path = tmp_path / "made.flv"
    encode(path, "322x242", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv444p10le")
    messages = videos(path)
    ((_, configuration),) = configurations(messages)
    key = next(body(message) for message in messages if body(message).frame_type == "key" and body(message).width)
    configuration.width, configuration.height = key.width, key.height
    (said,) = said_by_ffmpeg(path)
    assert as_said(configuration, said.rate) == said


@pytest.mark.parametrize("codec", ["flv1", "flashsv", "flashsv2"])
def test_old_codecs_say_their_size(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "made.flv"
    encode(path, "330x246", "-c:v", codec)
    sizes = {(body(message).width, body(message).height) for message in videos(path)}
    assert sizes == {(said.width, said.height) for said in said_by_ffmpeg(path)} == {(330, 246)}


def test_several_tracks_are_told_apart(tmp_path: Path) -> None:
    """As FFmpeg writes them: each in messages of its own, the second and third in the form OneTrack."""
    path = tmp_path / "tracks.flv"
    sources = ["testsrc2=s=320x240:r=25:d=0.2", "testsrc2=s=640x362:r=25:d=0.2", "testsrc2=s=176x144:r=50:d=0.2"]
    inputs = [word for source in sources for word in ("-f", "lavfi", "-i", source)]
    codecs = ["-c:v:0", "libx264", "-c:v:1", "libx265", "-c:v:2", "libx264", "-x265-params", "log-level=none"]
    maps = ["-map", "0", "-map", "1", "-map", "2"]
    run([ffmpeg(), "-v", "error", "-y", *inputs, *maps, *codecs, "-f", "flv", str(path)])
    messages = videos(path)
    found = {body(message).track_id: configuration for message, configuration in configurations(messages)}
    said = said_by_ffmpeg(path)
    assert len(said) == 3
    assert [as_said(found[number], one.rate)[:5] for number, one in enumerate(said)] == [one[:5] for one in said]
    assert {body(message).track_type for message in messages if body(message).track_id} == {"one_track"}
    assert [finding for message in messages for finding in message.findings] == []


# The shared captures


def stream(capture: str, wanted: Callable[[Video], bool]) -> list[tuple[rtmpsniff.Message, Video]]:
    """The video messages of the first direction that begins as wanted."""
    found: list[tuple[rtmpsniff.Message, Video]] = []
    for message in rtmpsniff.messages(SHARED / capture):
        if isinstance(message.body, Video) and message.state == "whole":
            if found:
                first = found[0][0]
                if (message.connection, message.sender) == (first.connection, first.sender):
                    found.append((message, message.body))
            elif wanted(message.body):
                found.append((message, message.body))
            if len(found) == 60:
                break
    return found


def write(path: Path, messages: Iterable[tuple[rtmpsniff.Message, Video]]) -> None:
    path.write_bytes(flv(Tag(VIDEO, message.timestamp, message.payload) for message, _ in messages))


def said_by_ffprobe(path: Path) -> dict[str, Any]:
    options = ["-v", "error", "-select_streams", "v", "-show_streams", "-of", "json"]
    done = subprocess.run([ffprobe(), *options, str(path)], capture_output=True, text=True, timeout=60, check=True)
    (said,) = json.loads(done.stdout)["streams"]
    assert isinstance(said, dict)
    return said


def is_configuration(video: Video) -> bool:
    return video.packet_type == "sequence_header" and video.configuration is not None


AVC_CAPTURES = [
    "01-ffmpeg5-nginx-publish-play",
    "02-rtmpdump-live-vod",
    "03-gst-rtmp2sink-rtmp2src",
    "08-enh-avc-eac3-nms4",
    "10-h264-aac-nms2-chunk60000",
    "19-ipv6-mtu1500-chunk512",
    "28-base-mtu1500-publish-play",
    "30-crtmpserver-rtmp-publish-play-vod",
]


@needs_captures
@pytest.mark.parametrize("name", AVC_CAPTURES)
def test_h264_in_captures_is_what_ffprobe_says(tmp_path: Path, name: str) -> None:
    messages = stream(f"made/{name}.pcap", lambda video: video.codec == "h264" and is_configuration(video))
    write(tmp_path / "captured.flv", messages)
    said = said_by_ffprobe(tmp_path / "captured.flv")
    found = messages[0][1].configuration
    assert found is not None
    assert found.profile == said["profile"]
    assert found.level == f"{said['level'] // 10}.{said['level'] % 10}"
    assert (found.width, found.height) == (said["width"], said["height"])
    assert (found.chroma, found.bit_depth) == looks(said["pix_fmt"])
    numerator, denominator = map(int, said["r_frame_rate"].split("/"))
    assert found.frame_rate == pytest.approx(numerator / denominator, rel=1e-3)
    assert found.reorder_frames == said["has_b_frames"]
    assert found.nal_length_size == int(said["nal_length_size"])
    assert [finding for message, _ in messages for finding in message.findings] == []


@needs_captures
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("11-legacy-codecs-nginx", "sorenson_h263"),
        ("11-legacy-codecs-nginx", "screen_video"),
        ("11-legacy-codecs-nginx", "screen_video_2"),
        ("11-legacy-codecs-nginx", "vp6"),
        ("36-thirdparty-flv-tcserver1935-nms19350", "vp6"),
    ],
)
def test_old_codecs_in_captures_are_what_ffprobe_says(tmp_path: Path, name: str, codec: str) -> None:
    messages = stream(f"made/{name}.pcap", lambda video: video.codec == codec and video.frame_type == "key")
    write(tmp_path / "captured.flv", messages)
    said = said_by_ffprobe(tmp_path / "captured.flv")
    sizes = {(video.width, video.height) for _, video in messages if video.width is not None}
    assert sizes == {(said["width"], said["height"])}
    assert [finding for message, _ in messages for finding in message.findings] == []


@needs_captures
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("04-enh-hevc-aac-nms4", "hevc"),
        ("05-enh-hevc10hdr-ac3-nms4", "hevc"),
        ("06-enh-av1-opus-nms4", "av1"),
        ("07-enh-vp9-flac-nms4", "vp9"),
        ("36-thirdparty-flv-tcserver1935-nms19350", "hevc"),
        ("36-thirdparty-flv-tcserver1935-nms19350", "av1"),
    ],
)
def test_enhanced_codecs_in_captures_are_what_ffmpeg_says(tmp_path: Path, name: str, codec: str) -> None:
    messages = stream(f"made/{name}.pcap", lambda video: video.codec == codec and is_configuration(video))
    write(tmp_path / "captured.flv", messages)
    (said,) = said_by_ffmpeg(tmp_path / "captured.flv")
    found = messages[0][1].configuration
    assert found is not None
    if codec == "vp9":  # its record has no size
        key = next(video for _, video in messages if video.width is not None)
        found.width, found.height = key.width, key.height
    assert as_said(found, said.rate) == said
    assert [finding for message, _ in messages for finding in message.findings] == []


@needs_captures
@pytest.mark.parametrize("name", ["04-enh-hevc-aac-nms4", "05-enh-hevc10hdr-ac3-nms4", "06-enh-av1-opus-nms4"])
def test_levels_in_captures_are_what_ffprobe_says(tmp_path: Path, name: str) -> None:
    """ffprobe is given the same stream as an MP4 file, which it knows."""
    messages = stream(f"made/{name}.pcap", is_configuration)
    write(tmp_path / "captured.flv", messages)
    run([ffmpeg(), "-v", "error", "-i", str(tmp_path / "captured.flv"), "-c", "copy", str(tmp_path / "captured.mp4")])
    said = said_by_ffprobe(tmp_path / "captured.mp4")
    found = messages[0][1].configuration
    assert found is not None
    level = (
        f"{said['level'] // 30}.{said['level'] % 30 // 3}" if found.nal_length_size else f"{2 + said['level'] // 4}.0"
    )
    assert (found.profile, found.level) == (said["profile"], level)
    assert (found.width, found.height) == (said["width"], said["height"])


@needs_captures
@pytest.mark.parametrize("name", ["av1_aac", "avc_aac", "hevc_aac", "mptestsrc", "testsrc", "testsrc2"])
def test_sample_files_are_what_ffmpeg_says(name: str) -> None:
    path = SHARED / "fixtures" / "flv" / f"{name}.flv"
    messages = videos(path)
    ((_, configuration),) = configurations(messages)
    (said,) = said_by_ffmpeg(path)
    assert as_said(configuration, said.rate) == said
    assert [finding for message in messages for finding in message.findings] == []
    kinds = {
        body(message).nal_types or body(message).obu_types for message in messages if body(message).frame_type == "key"
    }
    assert any("IDR" in kind or "sequence header" in kind for names in kinds for kind in names)
