"""Video messages: headers, tracks, records and frames, from the vectors and from bytes that lie."""

from __future__ import annotations

from struct import pack
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpsniff.fields import Field, Role
from rtmpsniff.findings import Severity
from rtmpsniff.payload.bodies import Decoded, decode
from rtmpsniff.payload.codecs.configuration import Configuration
from rtmpsniff.payload.media import FOUR_CCS
from rtmpsniff.payload.values import UNDEFINED, Object
from rtmpsniff.payload.video import VIDEO_CODECS, Video, VideoTrack
from tests.build import amf0
from tests.payload.test_bodies import assert_nested, covered, leaves


def number(four_cc: bytes) -> int:
    return int.from_bytes(four_cc, "big")


AVC1, HVC1, AV01 = number(b"avc1"), number(b"hvc1"), number(b"av01")

VIDEOS: list[tuple[str, str, Video]] = [
    (
        "avc key, +80",
        "17 01 000050 0000000165",
        Video("h264", 7, "key", "coded_frames", 80, None, 5, nal_types=("IDR slice",)),
    ),
    (
        "avc inter, -1",
        "27 01 ffffff 0000000141",
        Video("h264", 7, "inter", "coded_frames", -1, None, 5, nal_types=("slice",)),
    ),
    (
        "avc disposable",
        "37 01 7fffff 0000000201ff",
        Video("h264", 7, "disposable_inter", "coded_frames", 0x7FFFFF, None, 6, nal_types=("slice",)),
    ),
    ("avc end", "17 02 000000", Video("h264", 7, "key", "sequence_end", 0)),
    ("avc end, bare", "17 02", Video("h264", 7, "key", "sequence_end")),
    ("avc header without record", "17 00 000000", Video("h264", 7, "key", "sequence_header", 0)),
    ("avc, unknown packet type", "17 09 000000 00", Video("h264", 7, "key", "unknown_9", 0, size=1)),
    ("avc seek", "57 00", Video("h264", 7, "command", command="start_seek")),
    ("avc seek end", "57 01", Video("h264", 7, "command", command="end_seek")),
    ("avc seek with header", "57 01 000000 01", Video("h264", 7, "command", "coded_frames", 0, "end_seek")),
    ("command without a byte", "57", Video("h264", 7, "command")),
    ("command of no codec", "52 07", Video("sorenson_h263", 2, "command", command="unknown_7")),
    (
        "hevc",
        "2c 01 000021 0000000202 01",
        Video("hevc", 12, "inter", "coded_frames", 33, None, 6, nal_types=("TRAIL_R",)),
    ),
    (
        "av1",
        "1d 01 000000 1200",
        Video("av1", 13, "key", "coded_frames", 0, None, 2, obu_types=("temporal delimiter",)),
    ),
    ("avs3", "1e 01 000000 00", Video("avs3", 14, "key", "coded_frames", 0, size=1)),
    (
        "vvc",
        "1f 01 000000 00000002 0039",
        Video("vvc", 15, "key", "coded_frames", 0, None, 6, nal_types=("IDR_W_RADL",)),
    ),
    ("jpeg", "11 ff", Video("jpeg", 1, "key", size=1)),
    ("sorenson", "22 00008402 b190 00", Video("sorenson_h263", 2, "inter", size=7, width=320, height=240)),
    ("screen", "13 30a0 3078 00", Video("screen_video", 3, "key", size=5, width=160, height=120)),
    ("vp6", "14 00 6e 46 0f 14 0f 14 00", Video("vp6", 4, "key", size=8, width=320, height=240)),
    ("vp6, inter", "24 00 ee 46", Video("vp6", 4, "inter", size=3)),
    ("vp6 alpha", "45 00 000001 ff", Video("vp6_alpha", 5, "generated_key", size=5)),
    ("screen 2", "16 30a0 3078 03", Video("screen_video_2", 6, "key", size=5, width=160, height=120)),
    ("h263", "18 00", Video("h263", 8, "key", size=1)),
    ("mpeg4", "19 00", Video("mpeg4", 9, "key", size=1)),
    ("unknown", "7a 00", Video("unknown_10", 10, "unknown_7", size=1)),
    ("nothing", "00", Video("unknown_0", 0, "unknown_0")),
    ("empty", "", Video(packet_type="empty")),
    ("V2", "9061763031", Video("av1", AV01, "key", "sequence_header")),
    (
        "V3",
        "a1617630311200",
        Video("av1", AV01, "inter", "coded_frames", None, None, 2, obu_types=("temporal delimiter",)),
    ),
    ("V4", "916876633100002100000002aabb", Video("hevc", HVC1, "key", "coded_frames", 33, None, 6, nal_types=("CRA",))),
    ("V5", "a36876633100000002aabb", Video("hevc", HVC1, "inter", "coded_frames_x", None, None, 6, nal_types=("CRA",))),
    (
        "V6",
        "a161766331ffffff00000001cc",
        Video("h264", AVC1, "inter", "coded_frames", -1, None, 5, nal_types=("filler",)),
    ),
    ("V7", "9268766331", Video("hevc", HVC1, "key", "sequence_end")),
    (
        "V8",
        "970207a120036876633100000001aa",
        Video("hevc", HVC1, "key", "coded_frames_x", None, None, 5, 500_000, nal_types=("CRA",)),
    ),
    (
        "V9",
        "97ff00ff07a120" + "00" * 253 + "0368766331 00000001bb",
        Video("hevc", HVC1, "key", "coded_frames_x", None, None, 5, 500_000, nal_types=("type 29",)),
    ),
    (
        "V10",
        "a6016876633101000000 00000002aabb",
        Video(
            "hevc", HVC1, "inter", "coded_frames", 0, None, 6, nal_types=("CRA",), track_type="one_track", track_id=1
        ),
    ),
    (
        "V11",
        "961361766331 00 000005 0000000165 01 000006 0000000265ff",
        Video(
            "h264",
            AVC1,
            "key",
            "coded_frames_x",
            size=11,
            track_type="many_tracks",
            tracks=(
                VideoTrack(0, "h264", AVC1, None, 5, nal_types=("IDR slice",)),
                VideoTrack(1, "h264", AVC1, None, 6, nal_types=("IDR slice",)),
            ),
        ),
    ),
    (
        "composition times of many tracks",
        "a621 68766331 01 000005 000010 00aa 61763031 02 000002 1200",
        Video(
            None,
            None,
            "inter",
            "coded_frames",
            size=4,
            track_type="many_tracks_many_codecs",
            tracks=(
                VideoTrack(1, "hevc", HVC1, 16, 2, nal_types=()),
                VideoTrack(2, "av1", AV01, None, 2, obu_types=("temporal delimiter",)),
            ),
        ),
    ),
    ("V13", "d100", Video(None, None, "command", "coded_frames", command="start_seek")),
    ("command behind ModEx", "d70200000101 01", Video(None, None, "command", "coded_frames", None, "end_seek", 0, 1)),
    (
        "V14",
        "d461763031020009636f6c6f72496e666f06",
        Video("av1", AV01, "command", "metadata", size=13, metadata=(("colorInfo", UNDEFINED),)),
    ),
    ("vvc", "9176766331000001", Video("vvc", number(b"vvc1"), "key", "coded_frames", 1)),
    ("vp9", "9176703039000001", Video("vp9", number(b"vp09"), "key", "coded_frames", size=3)),
    (
        "vp9 key",
        "9176703039 82498342 00 13f0 0ef6 00",
        Video("vp9", number(b"vp09"), "key", "coded_frames", size=10, width=320, height=240),
    ),
    ("vp8", "9076703038", Video("vp8", number(b"vp08"), "key", "sequence_header")),
    (
        "vp8 key",
        "9176703038 100000 9d012a 4001 f040 00",
        Video("vp8", number(b"vp08"), "key", "coded_frames", size=11, width=320, height=240),
    ),
    ("mpeg2ts, empty", "9561763031", Video("av1", AV01, "key", "mpeg2ts_sequence_header")),
    ("mpeg2ts of another codec", "9568766331 01", Video("hevc", HVC1, "key", "mpeg2ts_sequence_header", size=1)),
    ("reserved packet type", "9f61763031 00", Video("av1", AV01, "key", "unknown_15", size=1)),
    ("unknown FourCC", "9168657631000001", Video("hev1", number(b"hev1"), "key", "coded_frames", size=3)),
    (
        "a FourCC that is a codec's name here",
        "9168657663000001",
        Video("hevc", number(b"hevc"), "key", "coded_frames", size=3),
    ),
    ("binary FourCC", "911b5b324a", Video("\\x1b[2J", 0x1B5B324A, "key", "coded_frames")),
]


def read(data: str) -> Decoded:
    return decode(9, bytes.fromhex(data))


def video(data: str) -> Video:
    body = read(data).body
    assert isinstance(body, Video)
    return body


@pytest.mark.parametrize(("data", "body"), [case[1:] for case in VIDEOS], ids=[case[0] for case in VIDEOS])
def test_video(data: str, body: Video) -> None:
    got = read(data)
    assert got.body == body
    assert_accounted(got.fields, len(bytes.fromhex(data)))


SOUND = [case for case in VIDEOS if "many tracks" not in case[0]]


@pytest.mark.parametrize("data", [case[1] for case in SOUND], ids=[case[0] for case in SOUND])
def test_nothing_is_wrong_with_them(data: str) -> None:
    assert read(data).findings == ()


def assert_accounted(fields: tuple[Field, ...], size: int) -> None:
    assert_nested(fields, 0, size)
    assert covered(fields) == size
    assert covered(tuple(leaves(fields))) == size


def test_every_codec_is_tried() -> None:
    bodies = [body for _, _, body in VIDEOS]
    assert set(VIDEO_CODECS) <= {body.codec_id for body in bodies}
    videos = {b"avc1", b"hvc1", b"vvc1", b"av01", b"vp08", b"vp09"}
    assert {number(four_cc) for four_cc in videos} <= {body.codec_id for body in bodies}
    assert videos <= set(FOUR_CCS)


# Fields


def described(fields: tuple[Field, ...]) -> list[tuple[str, str, int, int, int]]:
    return [(field.name, field.label, field.mask, field.start, field.stop) for field in fields]


def test_the_fields_of_video() -> None:
    assert described(read("17 01 ffffff 0000000265 ff 00000001 09").fields) == [
        ("frame type", "1 key", 0xF0, 0, 1),
        ("codec id", "7 h264", 0x0F, 0, 1),
        ("packet type", "1 coded_frames", 0, 1, 2),
        ("composition time", "-1 ms", 0, 2, 5),
        ("NAL unit", "IDR slice, 2 bytes", 0, 5, 11),
        ("NAL unit", "AUD, 1 byte", 0, 11, 16),
    ]
    assert described(read("91 68766331 000021").fields) == [
        ("extended header", "1", 0x80, 0, 1),
        ("frame type", "1 key", 0x70, 0, 1),
        ("packet type", "1 coded_frames", 0x0F, 0, 1),
        ("FourCC", '"hvc1" hevc', 0, 1, 5),
        ("composition time", "33 ms", 0, 5, 8),
    ]
    assert described(read("91 1b5b324a").fields)[-1] == ("FourCC", '"\\x1b[2J"', 0, 1, 5)
    assert described(read("57 00").fields)[-1] == ("video command", "0 start_seek", 0, 1, 2)
    assert described(read("11 ffff").fields)[-1] == ("payload", "2 bytes", 0, 1, 3)


def test_the_fields_of_tracks() -> None:
    fields = read("961361766331 00 000005 0000000165 01 000000").fields
    assert described(fields)[3:] == [
        ("track type", "1 many_tracks", 0xF0, 1, 2),
        ("packet type", "3 coded_frames_x", 0x0F, 1, 2),
        ("FourCC", '"avc1" h264', 0, 2, 6),
        ("track", "0 h264, 5 bytes", 0, 6, 15),
        ("track", "1 h264, 0 bytes", 0, 15, 19),
    ]
    assert described(fields[6].children) == [
        ("track id", "0", 0, 6, 7),
        ("size", "5", 0, 7, 10),
        ("NAL unit", "IDR slice, 1 byte", 0, 10, 15),
    ]


# Records


AVC = "014d401effe10018674d401eeca05017fcb80880000003008000001e078b16cb01000468ce0fc8"
AV1 = "81040c000a0b00000024cfa70dbfff3008"


def test_a_record_makes_the_configuration() -> None:
    body = video(f"17 00 000000 {AVC}")
    assert body.size == len(bytes.fromhex(AVC))
    assert body.configuration == Configuration(
        profile="Main",
        profile_id=77,
        level="3.0",
        width=640,
        height=360,
        frame_rate=30,
        interlaced=False,
        chroma="4:2:0",
        bit_depth=8,
        sample_aspect_ratio="1:1",
        reorder_frames=2,
        nal_length_size=4,
        parameter_sets=["SPS", "PPS"],
    )
    assert video(f"90 61766331 {AVC}").configuration == body.configuration
    assert read(f"17 00 000000 {AVC}").findings == ()


def test_a_record_is_a_group() -> None:
    (record,) = read(f"90 61763031 {AV1}").fields[4:]  # V1
    assert (record.name, record.label, record.start, record.stop) == ("av1C", "Main 3.0, 980x540", 5, 22)
    assert [child.name for child in record.children if child.children] == ["sequence header"]


def test_a_record_in_each_track() -> None:
    """V12: the second record is far too short."""
    got = read("9620617630310000000481040c0068766331010000020101")
    body = got.body
    assert isinstance(body, Video)
    assert (body.codec, body.size, body.track_type) == (None, 6, "many_tracks_many_codecs")
    assert [(track.id, track.codec, track.size) for track in body.tracks] == [(0, "av1", 4), (1, "hevc", 2)]
    first, second = (track.configuration for track in body.tracks)
    assert first is not None
    assert second is not None
    assert (first.text, second.text) == ("Main 3.0", "Main")
    assert [(finding.rule.code, finding.severity) for finding in got.findings] == [
        ("media.configuration", Severity.ERROR)
    ]


def test_the_descriptor_of_transport_streams() -> None:
    """AV1 in MPEG-2 TS 2.1: `hdr_wcg_idc` where the record of files has reserved bits."""
    got = read("95 61763031 80 04 81 04 0c 40")
    assert isinstance(got.body, Video)
    assert got.body.configuration is not None
    assert got.body.configuration.text == "Main 3.0"
    assert ("hdr_wcg_idc", "1 HDR", 0xC0, 10, 11) in described(got.fields[4].children)
    assert video("95 61763031 81 04 0c 40").configuration == got.body.configuration
    assert got.findings == ()


def test_parameter_sets_amid_frames_configure_too() -> None:
    sps = bytes.fromhex("674d401eeca05017fcb80880000003008000001e078b16cb")
    frame = pack(">L", len(sps)) + sps + bytes.fromhex("00000004 68ce0fc8 00000001 65")
    body = video(f"17 01 000000 {frame.hex()}")
    assert body.nal_types == ("SPS", "PPS", "IDR slice")
    assert body.configuration is not None
    assert body.configuration.text == "Main 3.0, 640x360 30 fps"


# Metadata


def test_metadata() -> None:
    color = {"colorConfig": {"bitDepth": 10, "transferCharacteristics": 16}, "hdrCll": {"maxCLL": 1000, "maxFall": 400}}
    got = decode(9, bytes.fromhex("d4 68766331") + amf0("colorInfo", color) + amf0("more", 1))
    assert isinstance(got.body, Video)
    assert got.findings == ()
    (name, value), other = got.body.metadata
    assert (name, other) == ("colorInfo", ("more", 1))
    assert isinstance(value, Object)
    assert isinstance(value["hdrCll"], Object)
    assert value["hdrCll"]["maxCLL"] == 1000
    assert (got.fields[4].name, got.fields[4].label) == ("metadata", "colorInfo, more")


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (amf0("colorInfo"), "metadata > value: needs 1 byte, has 0"),
        (amf0(1, 2), "metadata: a name that is no text"),
        (amf0("a")[:-1], "metadata > name > text: needs 1 byte, has 0"),
    ],
)
def test_metadata_that_breaks_off(data: bytes, title: str) -> None:
    got = decode(9, bytes.fromhex("d4 68766331") + data)
    assert [finding.title for finding in got.findings] == [title]
    assert_accounted(got.fields, 5 + len(data))


def test_what_was_read_of_a_metadata_value_stays() -> None:
    whole = amf0("colorInfo", {"hdrCll": {"maxCLL": 1000, "maxFall": 400}})
    body = video("d4 68766331" + whole[: whole.index(b"maxFall") + 10].hex())
    assert body.metadata == (("colorInfo", Object([("hdrCll", Object([("maxCLL", 1000.0)]))])),)


# What lies or breaks off


HVC1 = int.from_bytes(b"hvc1", "big")


@pytest.mark.parametrize(
    ("data", "title", "body"),
    [
        ("17", "video > packet type: needs 1 byte, has 0", Video("h264", 7, "key")),
        ("17 01 0000", "video > composition time: needs 3 bytes, has 2", Video("h264", 7, "key", "coded_frames")),
        ("91 6876", "video > FourCC: needs 4 bytes, has 2", Video(None, None, "key", "coded_frames")),
        (
            "91 68766331 00",
            "video > composition time: needs 3 bytes, has 1",
            Video("hevc", HVC1, "key", "coded_frames"),
        ),
        ("96", "video > track type: needs 1 byte, has 0", Video(None, None, "key", "multitrack")),
        ("9601", "video > FourCC: needs 4 bytes, has 0", Video(None, None, "key", "coded_frames")),
        ("97 02 00", "video > ModEx: needs 4 bytes, has 1", Video(None, None, "key", "modex")),
        (
            "97 02 07a120 03 6876",
            "video > FourCC: needs 4 bytes, has 2",
            Video(None, None, "key", "coded_frames_x", nanosecond_offset=500_000),
        ),
        ("96 01 68766331", "video > track: needs 1 byte, has 0", Video("hevc", HVC1, "key", "coded_frames")),
        ("97" + "000007" * 40, "video: more than 32 modifiers, not read", Video(None, None, "key", "modex")),
        ("96 13 61766331 00 0000ff 0000000165", "track 0: needs 255 bytes, has 5", None),
        ("96 33 61766331", "multitrack type 3 is not known", Video(None, None, "key", "multitrack")),
        ("96 06 61766331", "multitrack inside multitrack", Video(None, None, "key", "multitrack")),
    ],
)
def test_headers_that_break_off(data: str, title: str, body: Video | None) -> None:
    got = read(data)
    assert title in [finding.title for finding in got.findings]
    assert body is None or got.body == body
    assert_accounted(got.fields, len(bytes.fromhex(data)))


@pytest.mark.parametrize(
    ("data", "title", "configuration"),
    [
        ("17 00 000000 01", "avcC > AVCProfileIndication: needs 1 byte, has 0", ""),
        (
            "17 00 000000 0142c01f ff",
            "avcC > reserved: needs 1 byte, has 0",
            "Constrained Baseline 3.1",
        ),
        ("17 00 000000 0142c01f ff e1", "avcC > NAL unit > length: needs 2 bytes, has 0", "Constrained Baseline 3.1"),
        (
            "17 00 000000 0142c01f ff e1 ffff 67",
            "avcC > SPS > NAL unit: needs 65 535 bytes, has 1",
            "Constrained Baseline 3.1",
        ),
        (
            "17 00 000000 0142c01f ff e1 0002 6742 00",
            "SPS: constraint_set0_flag needs 1 bit, has 0",
            "Constrained Baseline 3.1",
        ),
        ("17 00 000000 02", "The decoder configuration record is of version 2, not 1", ""),
        ("17 00 000000 000000016742", "Start codes stand where a decoder configuration record should be", ""),
        ("90 61763031 00", "av1C: seq_profile needs 3 bits, has 0", ""),
        (
            "90 61763031 00000000",
            "The AV1 configuration record does not begin with a marker and version 1",
            "Main 2.0, 4:4:4",
        ),
        ("90 61763031 81040c00 0a0b00", "OBU: sequence header claims 11 bytes, has 1", "Main 3.0"),
        ("90 76703039 00 0a", "vpcC > bitDepth: needs 1 byte, has 0", "profile 0 1.0"),
        ("90 76766331 ff", "vvcC: ols_idx needs 9 bits, has 0", ""),
        ("95 61763031 80", "video descriptor > descriptor_length: needs 1 byte, has 0", ""),
    ],
)
def test_records_that_break_off(data: str, title: str, configuration: str) -> None:
    got = read(data)
    assert title in [finding.title for finding in got.findings]
    assert isinstance(got.body, Video)
    assert got.body.configuration is not None
    assert got.body.configuration.text == configuration
    assert_accounted(got.fields, len(bytes.fromhex(data)))


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ("12 00008502 b190", None),
        ("12 00000102 b190", "picture header: PictureStartCode: no start code, which is sixteen zeros and a 1"),
        ("12 000084", "picture header: TemporalReference needs 8 bits, has 2"),
        ("13 30a0", "screen packet: BlockHeight needs 4 bits, has 0"),
        ("14 00 6e 46 0f", "frame header: columns needs 8 bits, has 0"),
        ("15 00 00", "frame header: needs 3 bytes, has 1"),
        ("91 76703039 824983420013", "uncompressed header: frame_width_minus_1 needs 16 bits, has 12"),
    ],
)
def test_heads_of_frames_that_break_off(data: str, title: str | None) -> None:
    got = read(data)
    assert [finding.title for finding in got.findings] == ([title] if title else [])
    assert_accounted(got.fields, len(bytes.fromhex(data)))


def test_tracks_before_and_behind_a_broken_one_stay() -> None:
    """The composition time of track 1 is cut by its own length, and of track 3 there is only the number."""
    got = read("96 11 68766331 00 000003 000005 01 000001 00 02 000003 000007 03")
    assert isinstance(got.body, Video)
    assert (got.body.codec, got.body.packet_type, got.body.track_type) == ("hevc", "coded_frames", "many_tracks")
    assert [(track.id, track.composition_time) for track in got.body.tracks] == [(0, 5), (2, 7)]
    assert [(finding.severity, finding.title) for finding in got.findings] == [
        (Severity.ERROR, "track 1 > composition time: needs 3 bytes, has 1"),
        (Severity.ERROR, "track 3 > size: needs 3 bytes, has 0"),
    ]
    assert_accounted(got.fields, 26)


def test_the_rest_of_a_broken_track_does_not_hide_the_next() -> None:
    got = read("90".replace("90", "9610 61766331") + "00 000001 02 01 000001 03")
    assert isinstance(got.body, Video)
    assert [track.id for track in got.body.tracks] == [0, 1]
    assert len(got.findings) == 4


# Laws

PIECES = [
    *(bytes([byte]) for byte in range(256)),
    *(
        bytes.fromhex(text)
        for text in ("0000000165", "00000002", "000001", "00000001", "0000", "ffff", "000003", "fff1")
    ),
    *(bytes.fromhex(text) for text in (AVC, AVC[16:], AV1, AV1[8:], "82498342", "9d012a", "1200", "0a0b")),
    *(four_cc for four_cc in FOUR_CCS),
    *(amf0(value) for value in ("colorInfo", 1, {"a": 1})),
]
HEADS = [
    bytes.fromhex(text)
    for text in ("1700000000", "1c00000000", "1701000000", "1c01000000", "12", "13", "14", "15", "16")
]
HEADS += [bytes([first]) + four_cc for first in (0x90, 0x91, 0x93, 0x94, 0x95) for four_cc in FOUR_CCS]
HEADS += [bytes([0x96, second]) + four_cc for second in (0, 1, 3, 0x10, 0x13, 0x20, 0x21) for four_cc in FOUR_CCS]
HEADS += [b"\x97\x02\x07\xa1\x20" + bytes([packet_type]) for packet_type in range(8)]

payloads = st.one_of(
    st.binary(max_size=80),
    st.tuples(st.sampled_from(HEADS), st.binary(max_size=80)).map(b"".join),
    st.tuples(st.sampled_from(HEADS), st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)).map(b"".join),
)


HEVC = (
    "0102200000009000000000005df000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003005d959409"
    "a10001002d42010102200000030090000003000003005da00288802e1c44436595952930bc05a02000000300200000030321a200"
    "0100064401c073c189"
)


@st.composite
def damaged_records(draw: st.DrawFn) -> bytes:
    """A record of which a few bytes are other ones, or are gone, or which ends too soon."""
    head, record = draw(st.sampled_from(RECORDS))
    data = bytearray(bytes.fromhex(record))
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, 0x67]))
    cut = draw(st.integers(0, len(data)))
    return bytes.fromhex(head) + bytes(data[: draw(st.sampled_from([cut, len(data)]))])


RECORDS = [
    ("1700000000", AVC),
    ("1700000000", "01f4001effe1001b67f4001e919680a02fe58bc044000003000400000300f03c58ba8001000568ce0f1920fff8f800"),
    ("1c00000000", HEVC),
    ("9061763031", AV1),
    ("9076703039", "010000000014820202000000"),
    ("9076766331", "ff00655f01022080000001480 0f80000028f0001000400790000".replace(" ", "")),
]


@settings(deadline=None, max_examples=400)
@given(st.one_of(payloads, damaged_records()))
def test_any_bytes_have_an_answer_that_accounts_for_each_of_them(payload: bytes) -> None:
    body, fields, findings = decode(9, payload)
    assert isinstance(body, Video)
    assert_accounted(fields, len(payload))
    for finding in findings:
        assert finding.title.isprintable()
        assert all(0 <= one.offset <= one.offset + one.length <= len(payload) for one in finding.evidence)


HVCC = "0101600000009000000000005df000fcfdf8f800000f"
HOSTILE = [
    ("nothing but empty NAL units", bytes.fromhex("1701000000") + bytes(1_000_000)),
    ("NAL units of a byte", bytes.fromhex("1701000000") + bytes.fromhex("0000000141") * 200_000),
    ("start codes", bytes.fromhex("1701000000") + bytes.fromhex("0000000141") * 200_000 + b"\xff"),
    ("sequence parameter sets", bytes.fromhex("1701000000") + (b"\0\0\x40\0\x67\x64\0\x1f" + b"\xff" * 0x3FFC) * 60),
    ("pictures in a cycle", bytes.fromhex("1700000000014d401effe1ffff674d401e") + b"\xa1\xff" * 40_000),
    ("empty units in a record", bytes.fromhex(f"1c00000000{HVCC}ff") + (b"\x20\xff\xff" + bytes(131_070)) * 8),
    (
        "video parameter sets",
        bytes.fromhex(f"1c00000000{HVCC}01200040") + (b"\xff\xff\x40\x01" + b"\xff" * 65_533) * 16,
    ),
    ("empty OBUs", bytes.fromhex("9161763031") + b"\x12\x00" * 500_000),
    ("sequence header OBUs", bytes.fromhex("9161763031") + (b"\x0a\x0b" + bytes.fromhex(AV1)[6:]) * 50_000),
    ("OBUs that do not end", bytes.fromhex("9161763031") + b"\x0a" + b"\xff" * 1_000_000),
    ("tracks", bytes.fromhex("961361766331") + b"\x00\x00\x00\x05\x00\x00\x00\x01\x65" * 100_000),
    ("tracks of sets", bytes.fromhex("961361766331") + (b"\0\0\x40\4\0\0\x40\0\x67\x64\0\x1f" + b"\xff" * 0x3FFC) * 60),
    ("modifiers", b"\x97" + b"\x00\x00\x07" * 300_000),
]


@pytest.mark.parametrize("payload", [case[1] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_messages_end_soon_and_stay_small(payload: bytes) -> None:
    began = process_time()
    body, fields, findings = decode(9, payload)
    assert process_time() - began < 10  # far more than it takes, and far less than a blow-up would
    assert isinstance(body, Video)
    assert covered(fields) == len(payload)
    assert sum(1 for _ in every(fields)) < 30_000
    assert len(findings) < 1_000


def every(fields: tuple[Field, ...]) -> list[Field]:
    return [one for field in fields for one in (field, *every(field.children))]


def test_media_bytes_are_not_copied() -> None:
    payload = bytes.fromhex("1701000000") + pack(">L", 100_000) + b"\x65" + bytes(99_999)
    assert all(not isinstance(field.value, bytes) for field in every(decode(9, payload).fields))
    media = [field for field in every(decode(9, payload).fields) if field.role is Role.MEDIA]
    assert sum(field.stop - field.start for field in media if not field.children) == 99_999
