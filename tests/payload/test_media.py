from __future__ import annotations

import pytest

from rtmpsniff.fields import Field, Role
from rtmpsniff.payload.audio import AUDIO_CODECS, Audio
from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.media import FOUR_CCS
from rtmpsniff.payload.video import VIDEO_CODECS, Video


def number(four_cc: bytes) -> int:
    return int.from_bytes(four_cc, "big")


AVC1, HVC1, AV01 = number(b"avc1"), number(b"hvc1"), number(b"av01")
OPUS, MP4A, AC3 = number(b"Opus"), number(b"mp4a"), number(b"ac-3")

VIDEOS: list[tuple[str, str, Video]] = [
    ("avc sequence header", "17 00 000000 0142", Video("h264", 7, "key", "sequence_header", 0, size=2)),
    ("avc key, +80", "17 01 000050 0000000165", Video("h264", 7, "key", "coded_frames", 80, size=5)),
    ("avc inter, -1", "27 01 ffffff 0000000141", Video("h264", 7, "inter", "coded_frames", -1, size=5)),
    ("avc disposable", "37 01 7fffff 00", Video("h264", 7, "disposable_inter", "coded_frames", 0x7FFFFF, size=1)),
    ("avc end", "17 02 000000", Video("h264", 7, "key", "sequence_end", 0)),
    ("avc end, bare", "17 02", Video("h264", 7, "key", "sequence_end")),
    ("avc, unknown packet type", "17 09 000000 00", Video("h264", 7, "key", "unknown_9", 0, size=1)),
    ("avc seek", "57 00", Video("h264", 7, "command", command="start_seek")),
    ("avc seek end", "57 01", Video("h264", 7, "command", command="end_seek")),
    ("avc seek with header", "57 01 000000 01", Video("h264", 7, "command", "coded_frames", 0, "end_seek")),
    ("command without a byte", "57", Video("h264", 7, "command")),
    ("command of no codec", "52 07", Video("sorenson_h263", 2, "command", command="unknown_7")),
    ("hevc sequence header", "1c 00 000000 01", Video("hevc", 12, "key", "sequence_header", 0, size=1)),
    ("hevc", "2c 01 000021 00", Video("hevc", 12, "inter", "coded_frames", 33, size=1)),
    ("av1", "1d 01 000000 1200", Video("av1", 13, "key", "coded_frames", 0, size=2)),
    ("avs3", "1e 01 000000", Video("avs3", 14, "key", "coded_frames", 0)),
    ("vvc", "1f 01 000000", Video("vvc", 15, "key", "coded_frames", 0)),
    ("jpeg", "11 ff", Video("jpeg", 1, "key", size=1)),
    ("sorenson", "22 00008400", Video("sorenson_h263", 2, "inter", size=4)),
    ("screen", "13 00", Video("screen_video", 3, "key", size=1)),
    ("vp6", "14 00", Video("vp6", 4, "key", size=1)),
    ("vp6 alpha", "45 00", Video("vp6_alpha", 5, "generated_key", size=1)),
    ("screen 2", "16 00", Video("screen_video_2", 6, "key", size=1)),
    ("h263", "18 00", Video("h263", 8, "key", size=1)),
    ("mpeg4", "19 00", Video("mpeg4", 9, "key", size=1)),
    ("unknown", "7a 00", Video("unknown_10", 10, "unknown_7", size=1)),
    ("nothing", "00", Video("unknown_0", 0, "unknown_0")),
    ("empty", "", Video(packet_type="empty")),
    (
        "V1",
        "906176303181040c000a0b00000024cfa70dbfff3008",
        Video("av1", AV01, "key", "sequence_header", size=17),
    ),
    ("V2", "9061763031", Video("av1", AV01, "key", "sequence_header")),
    ("V3", "a1617630311200", Video("av1", AV01, "inter", "coded_frames", size=2)),
    ("V4", "916876633100002100000002aabb", Video("hevc", HVC1, "key", "coded_frames", 33, size=6)),
    ("V5", "a36876633100000002aabb", Video("hevc", HVC1, "inter", "coded_frames_x", size=6)),
    ("V6", "a161766331ffffff00000001cc", Video("h264", AVC1, "inter", "coded_frames", -1, size=5)),
    ("V7", "9268766331", Video("hevc", HVC1, "key", "sequence_end")),
    ("V8", "970207a120036876633100000001aa", Video(None, None, "key", "modex", size=14)),
    ("V10", "a6016876633101000000aabb", Video(None, None, "inter", "multitrack", size=11)),
    ("V11", "96136176633100000002aaaa01000003bbbbbb", Video(None, None, "key", "multitrack", size=18)),
    ("V12", "9620617630310000000481040c0068766331010000020101", Video(None, None, "key", "multitrack", size=23)),
    ("V13", "d100", Video(None, None, "command", "coded_frames", command="start_seek")),
    ("V14", "d461763031020009636f6c6f72496e666f06", Video("av1", AV01, "command", "metadata", size=13)),
    ("vvc", "9176766331000001", Video("vvc", number(b"vvc1"), "key", "coded_frames", 1)),
    ("vp9", "9176703039000001", Video("vp9", number(b"vp09"), "key", "coded_frames", size=3)),
    ("vp8", "9076703038", Video("vp8", number(b"vp08"), "key", "sequence_header")),
    ("mpeg2ts", "9561763031", Video("av1", AV01, "key", "mpeg2ts_sequence_header")),
    ("reserved packet type", "9f61763031", Video("av1", AV01, "key", "unknown_15")),
    ("unknown FourCC", "9168657631000001", Video("hev1", number(b"hev1"), "key", "coded_frames", size=3)),
    ("binary FourCC", "911b5b324a", Video("\\x1b[2J", 0x1B5B324A, "key", "coded_frames")),
]

AUDIOS: list[tuple[str, str, Audio]] = [
    ("aac sequence header", "af 00 1210", Audio("aac", 10, "sequence_header", size=2)),
    ("aac", "af 01 2110", Audio("aac", 10, "coded_frames", size=2)),
    ("aac, no bytes", "af 01", Audio("aac", 10, "coded_frames")),
    ("aac, unknown packet type", "af 05", Audio("aac", 10, "unknown_5")),
    ("pcm", "0f 00", Audio("pcm", 0, None, 44_100, 16, 2, 1)),
    ("adpcm", "16 00", Audio("adpcm", 1, None, 11_025, 16, 1, 1)),
    ("mp3", "2f fffb", Audio("mp3", 2, None, 44_100, 16, 2, 2)),
    ("pcm, 8 bit", "31 00", Audio("pcm", 3, None, 5_512, 8, 2, 1)),
    ("nellymoser 16", "4f 00", Audio("nellymoser", 4, None, 16_000, 16, 1, 1)),
    ("nellymoser 8", "5f 00", Audio("nellymoser", 5, None, 8_000, 16, 1, 1)),
    ("nellymoser", "6a 00", Audio("nellymoser", 6, None, 22_050, 16, 1, 1)),
    ("a-law", "72 00", Audio("g711_alaw", 7, None, 8_000, 16, 1, 1)),
    ("mu-law", "82 00", Audio("g711_mulaw", 8, None, 8_000, 16, 1, 1)),
    ("speex", "b6 00", Audio("speex", 11, None, 16_000, 16, 1, 1)),
    ("ac-3", "cf 00", Audio("ac-3", 12, None, 44_100, 16, 2, 1)),
    ("opus", "df 00", Audio("opus", 13, None, 44_100, 16, 2, 1)),
    ("mp3 8 kHz", "e2 00", Audio("mp3", 14, None, 8_000, 16, 1, 1)),
    ("device", "f0 00", Audio("device_specific", 15, None, 5_512, 8, 1, 1)),
    ("A1", "904f7075734f707573486561640102380180bb0000000000", Audio("opus", OPUS, "sequence_header", size=19)),
    ("A2", "944f707573010200000003", Audio("opus", OPUS, "multichannel_config", size=6)),
    ("A3", "916d7034612110", Audio("aac", MP4A, "coded_frames", size=2)),
    ("A4", "95014f70757302fc7f", Audio(None, None, "multitrack", size=8)),
    ("A5", "97020f423f012e6d7033fffb", Audio(None, None, "modex", size=11)),
    ("A6", "946d70346102020100", Audio("aac", MP4A, "multichannel_config", size=4)),
    ("A7", "9261632d33", Audio("ac-3", AC3, "sequence_end")),
    ("A8", "", Audio(packet_type="silence")),
    ("ec-3", "9165632d330b77", Audio("ec-3", number(b"ec-3"), "coded_frames", size=2)),
    ("flac", "90664c6143", Audio("flac", number(b"fLaC"), "sequence_header")),
    ("mp3", "912e6d7033fffb", Audio("mp3", number(b".mp3"), "coded_frames", size=2)),
    ("reserved packet type", "934f707573", Audio("opus", OPUS, "unknown_3")),
]


@pytest.mark.parametrize(("data", "body"), [case[1:] for case in VIDEOS], ids=[case[0] for case in VIDEOS])
def test_video(data: str, body: Video) -> None:
    got = decode(9, bytes.fromhex(data))
    assert got.body == body
    assert got.findings == ()
    assert_payload(got.fields, body.size)


@pytest.mark.parametrize(("data", "body"), [case[1:] for case in AUDIOS], ids=[case[0] for case in AUDIOS])
def test_audio(data: str, body: Audio) -> None:
    got = decode(8, bytes.fromhex(data))
    assert got.body == body
    assert got.findings == ()
    assert_payload(got.fields, body.size)


def assert_payload(fields: tuple[Field, ...], size: int) -> None:
    media = [field for field in fields if field.role is Role.MEDIA]
    assert [(field.name, field.stop - field.start, field.value) for field in media] == [("payload", size, None)] * (
        size > 0
    )


def test_every_codec_is_tried() -> None:
    bodies = [body for _, _, body in VIDEOS] + [body for _, _, body in AUDIOS]
    codec_ids = {body.codec_id for body in bodies}
    assert {number(four_cc) for four_cc in FOUR_CCS} <= codec_ids
    assert set(VIDEO_CODECS) <= {body.codec_id for _, _, body in VIDEOS}
    assert set(AUDIO_CODECS) - {9} <= {body.codec_id for _, _, body in AUDIOS}


def described(fields: tuple[Field, ...]) -> list[tuple[str, str, int, int, int]]:
    return [(field.name, field.label, field.mask, field.start, field.stop) for field in fields]


def test_the_fields_of_video() -> None:
    assert described(decode(9, bytes.fromhex("17 01 ffffff 0000")).fields) == [
        ("frame type", "1 key", 0xF0, 0, 1),
        ("codec id", "7 h264", 0x0F, 0, 1),
        ("packet type", "1 coded_frames", 0, 1, 2),
        ("composition time", "-1 ms", 0, 2, 5),
        ("payload", "2 bytes", 0, 5, 7),
    ]
    assert described(decode(9, bytes.fromhex("91 68766331 000021 00")).fields) == [
        ("extended header", "1", 0x80, 0, 1),
        ("frame type", "1 key", 0x70, 0, 1),
        ("packet type", "1 coded_frames", 0x0F, 0, 1),
        ("FourCC", '"hvc1" hevc', 0, 1, 5),
        ("composition time", "33 ms", 0, 5, 8),
        ("payload", "1 byte", 0, 8, 9),
    ]
    assert described(decode(9, bytes.fromhex("91 1b5b324a")).fields)[-1] == ("FourCC", '"\\x1b[2J"', 0, 1, 5)
    assert described(decode(9, bytes.fromhex("57 00")).fields)[-1] == ("video command", "0 start_seek", 0, 1, 2)


def test_the_fields_of_audio() -> None:
    assert described(decode(8, bytes.fromhex("af 01 21")).fields) == [
        ("sound format", "10 aac", 0xF0, 0, 1),
        ("sound rate", "3 44 kHz", 0x0C, 0, 1),
        ("sound size", "1 16 bit", 0x02, 0, 1),
        ("sound type", "1 stereo", 0x01, 0, 1),
        ("packet type", "1 coded_frames", 0, 1, 2),
        ("payload", "1 byte", 0, 2, 3),
    ]
    assert described(decode(8, bytes.fromhex("91 4f707573")).fields) == [
        ("sound format", "9 enhanced", 0xF0, 0, 1),
        ("packet type", "1 coded_frames", 0x0F, 0, 1),
        ("FourCC", '"Opus" opus', 0, 1, 5),
    ]


@pytest.mark.parametrize(
    ("type_id", "data", "title"),
    [
        (9, "17", "video > packet type: needs 1 byte, has 0"),
        (9, "17 01 0000", "video > composition time: needs 3 bytes, has 2"),
        (9, "91 6876", "video > FourCC: needs 4 bytes, has 2"),
        (9, "91 68766331 00", "video > composition time: needs 3 bytes, has 1"),
        (8, "af", "audio > packet type: needs 1 byte, has 0"),
        (8, "91", "audio > FourCC: needs 4 bytes, has 0"),
    ],
)
def test_headers_that_break_off(type_id: int, data: str, title: str) -> None:
    assert [finding.title for finding in decode(type_id, bytes.fromhex(data)).findings] == [title]
