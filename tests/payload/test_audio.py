from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpsniff.fields import Field, Role
from rtmpsniff.findings import Severity
from rtmpsniff.payload.audio import (
    AUDIO_CODECS,
    AUDIO_PACKET_TYPES,
    SPEAKERS,
    Audio,
    AudioTrack,
    MultichannelConfiguration,
)
from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.codecs.aac import AacConfiguration
from rtmpsniff.payload.codecs.ac3 import Ac3Frame
from rtmpsniff.payload.codecs.flac import FlacConfiguration, FlacFrame
from rtmpsniff.payload.codecs.mpeg_audio import MpegAudioFrame
from rtmpsniff.payload.codecs.opus import OpusConfiguration, OpusPacket
from rtmpsniff.payload.codecs.speex import SpeexFrames
from tests.payload.test_bodies import assert_nested, covered, leaves
from tests.proportion import grows_gently


def number(four_cc: bytes) -> int:
    return int.from_bytes(four_cc, "big")


OPUS, MP4A, AC3, EC3, FLAC, MP3 = map(number, (b"Opus", b"mp4a", b"ac-3", b"ec-3", b"fLaC", b".mp3"))

LC_STEREO = AacConfiguration("LC", 44_100, 44_100, 2, "stereo", frame_length=1024)
LC_MONO = AacConfiguration("LC", 44_100, 44_100, 1, "mono", sbr=False, frame_length=1024)
CELT = OpusPacket("celt", "fullband", 20, 2, 1)
MP3_FRAME = MpegAudioFrame("1", 3, 96_000, 44_100, 2, "joint_stereo", 1152, 313)
MP3_DATA = "fffb7060" + "00" * 309  # as long as its header says
AC3_FRAME = Ac3Frame(8, 96_000, 48_000, 1, "mono", 1536, 384)
AC3_DATA = "0b77480d0c402f84" + "00" * 376
EC3_FRAME = Ac3Frame(16, 96_000, 48_000, 1, "mono", 1536, 384, "independent", 0)
EC3_DATA = "0b7700bf3287c000" + "00" * 376
SPEEX_DATA = (  # of libspeex, at its quality 8
    "30549822d0b97d149128f8b8b0c8885c6cb19a64131494757f657677a021a852122a3212bb2ae64d2a488d931ddb3860abab"
    "ababab0ababababab0ababababab0ababababab7"
)

AUDIOS: list[tuple[str, str, Audio]] = [
    (
        "aac sequence header",
        "af 00 1210",
        Audio("aac", 10, "sequence_header", 44_100, None, 2, 2, None, LC_STEREO),
    ),
    (
        "aac sequence header of FFmpeg",
        "af 00 120856e500",
        Audio("aac", 10, "sequence_header", 44_100, None, 1, 5, None, LC_MONO),
    ),
    ("aac", "af 01 2110", Audio("aac", 10, "coded_frames", size=2)),
    ("aac, no bytes", "af 01", Audio("aac", 10, "coded_frames")),
    ("aac, not ADTS", "af 01 fff15080001ffc00", Audio("aac", 10, "coded_frames", size=8)),
    ("aac, unknown packet type", "af 05", Audio("aac", 10, "unknown_5")),
    ("pcm", "0f 00", Audio("pcm", 0, None, 44_100, 16, 2, 1)),
    ("adpcm", "16 00", Audio("adpcm", 1, None, 11_025, 16, 1, 1)),
    ("adpcm, no bytes", "16", Audio("adpcm", 1, None, 11_025, 16, 1)),
    ("mp3, too short for a header", "2f fffb", Audio("mp3", 2, None, 44_100, 16, 2, 2)),
    ("mp3", "2f" + MP3_DATA, Audio("mp3", 2, None, 44_100, 16, 2, 313, frame=MP3_FRAME)),
    ("mp3, of which the bits know little", "22" + MP3_DATA, Audio("mp3", 2, None, 44_100, 16, 2, 313, frame=MP3_FRAME)),
    ("mp3, no bytes", "2f", Audio("mp3", 2, None, 44_100, 16, 2)),
    ("pcm, 8 bit", "31 00", Audio("pcm", 3, None, 5_512, 8, 2, 1)),
    ("nellymoser 16", "4f" + "00" * 64, Audio("nellymoser", 4, None, 16_000, 16, 1, 64)),
    ("nellymoser 8", "5f" + "00" * 128, Audio("nellymoser", 5, None, 8_000, 16, 1, 128)),
    ("nellymoser", "6a" + "00" * 256, Audio("nellymoser", 6, None, 22_050, 16, 1, 256)),
    ("a-law", "72 00", Audio("g711_alaw", 7, None, 8_000, 16, 1, 1)),
    ("mu-law", "82 00", Audio("g711_mulaw", 8, None, 8_000, 16, 1, 1)),
    (
        "speex",
        "b6" + SPEEX_DATA,
        Audio("speex", 11, None, 16_000, 16, 1, 70, frame=SpeexFrames(6, 3, 27_800, 1)),
    ),
    ("speex, no bytes", "b6", Audio("speex", 11, None, 16_000, 16, 1)),
    ("ac-3", "cf 00", Audio("ac-3", 12, size=1)),
    ("opus", "df 00", Audio("opus", 13, size=1)),
    ("mp3 8 kHz", "e2 fffb", Audio("mp3", 14, None, 8_000, 16, 1, 2)),
    ("device", "f0 00", Audio("device_specific", 15, None, 5_512, 8, 1, 1)),
    (
        "A1",
        "904f7075734f707573486561640102380180bb0000000000",
        Audio("opus", OPUS, "sequence_header", 48_000, None, 2, 19, None, OpusConfiguration(1, 2, 312, 48_000, 0.0, 0)),
    ),
    (
        "A2",
        "944f707573010200000003",
        Audio(
            "opus",
            OPUS,
            "multichannel_config",
            channels=2,
            size=6,
            configuration=MultichannelConfiguration("native", 2, 3, ("FL", "FR")),
        ),
    ),
    ("A3", "916d7034612110", Audio("aac", MP4A, "coded_frames", size=2)),
    (
        "A4",
        "95014f70757302fc7f",
        Audio("opus", OPUS, "coded_frames", size=2, frame=CELT, track_type="one_track", track_id=2),
    ),
    ("A5", "97020f423f012e6d7033fffb", Audio("mp3", MP3, "coded_frames", size=2, nanosecond_offset=999_999)),
    (
        "A6",
        "946d70346102020100",
        Audio(
            "aac",
            MP4A,
            "multichannel_config",
            channels=2,
            size=4,
            configuration=MultichannelConfiguration("custom", 2, None, ("FR", "FL")),
        ),
    ),
    ("A7", "9261632d33", Audio("ac-3", AC3, "sequence_end")),
    ("A8", "", Audio(packet_type="silence")),
    (
        "unspecified order",
        "944f7075730003",
        Audio(
            "opus",
            OPUS,
            "multichannel_config",
            channels=3,
            size=2,
            configuration=MultichannelConfiguration("unspecified", 3),
        ),
    ),
    (
        "an order that nobody knows",
        "944f7075730702",
        Audio(
            "opus",
            OPUS,
            "multichannel_config",
            channels=2,
            size=2,
            configuration=MultichannelConfiguration("unknown_7", 2),
        ),
    ),
    (
        "speakers that nobody knows",
        "944f7075730203feff18",
        Audio(
            "opus",
            OPUS,
            "multichannel_config",
            channels=3,
            size=5,
            configuration=MultichannelConfiguration("custom", 3, None, ("unused", "unknown", "unknown_24")),
        ),
    ),
    ("ec-3, too short", "9165632d330b77", Audio("ec-3", EC3, "coded_frames", size=2)),
    ("ec-3", "9165632d33" + EC3_DATA, Audio("ec-3", EC3, "coded_frames", 48_000, None, 1, 384, frame=EC3_FRAME)),
    (
        "ac-3 by FourCC",
        "9161632d33" + AC3_DATA,
        Audio("ac-3", AC3, "coded_frames", 48_000, None, 1, 384, frame=AC3_FRAME),
    ),
    ("flac, empty", "90664c6143", Audio("flac", FLAC, "sequence_header")),
    (
        "flac of FFmpeg",
        "90664c6143 04000400 000000000815 0bb800f000000000" + "00" * 16,
        Audio(
            "flac",
            FLAC,
            "sequence_header",
            48_000,
            16,
            1,
            34,
            None,
            FlacConfiguration(48_000, 1, 16, 1024, 1024, None, 2069),
        ),
    ),
    (
        "flac frame",
        "91664c6143 fff8aa0800ed4c00",
        Audio("flac", FLAC, "coded_frames", 48_000, 16, 1, 8, frame=FlacFrame(48_000, 1, 16, 1024)),
    ),
    ("flac frame, empty", "91664c6143", Audio("flac", FLAC, "coded_frames")),
    (
        "mp3 by FourCC",
        "912e6d7033" + MP3_DATA,
        Audio("mp3", MP3, "coded_frames", 44_100, None, 2, 313, frame=MP3_FRAME),
    ),
    ("mp3 by FourCC has no record", "902e6d7033 0102", Audio("mp3", MP3, "sequence_header", size=2)),
    (
        "mp4a",
        "906d703461 1210",
        Audio("aac", MP4A, "sequence_header", 44_100, None, 2, 2, None, LC_STEREO),
    ),
    ("opus, empty", "904f707573", Audio("opus", OPUS, "sequence_header")),
    ("opus packet", "914f707573 fc7f", Audio("opus", OPUS, "coded_frames", size=2, frame=CELT)),
    ("reserved packet type", "934f707573 00", Audio("opus", OPUS, "unknown_3", size=1)),
    ("unknown FourCC", "90666c6163 00", Audio("flac", number(b"flac"), "sequence_header", size=1)),
    ("binary FourCC", "911b5b324a", Audio("\\x1b[2J", 0x1B5B324A, "coded_frames")),
    (
        "many tracks",
        "9511 4f707573 00 000002 fc7f 01 000001 fc",
        Audio(
            "opus",
            OPUS,
            "coded_frames",
            size=3,
            track_type="many_tracks",
            tracks=(
                AudioTrack(0, "opus", OPUS, size=2, frame=CELT),
                AudioTrack(1, "opus", OPUS, size=1, frame=CELT),
            ),
        ),
    ),
    (
        "many tracks, many codecs",
        "9520 6d703461 00 000002 1210 4f707573 ff 000000 2e6d7033 05 000000",
        Audio(
            packet_type="sequence_header",
            size=2,
            track_type="many_tracks_many_codecs",
            tracks=(
                AudioTrack(0, "aac", MP4A, 44_100, None, 2, 2, LC_STEREO),
                AudioTrack(255, "opus", OPUS),
                AudioTrack(5, "mp3", MP3),
            ),
        ),
    ),
    (
        "modifiers and tracks",
        "97 00 ff f7 02 0007d0 05 01 4f707573 01 fc",
        Audio(
            "opus", OPUS, "coded_frames", size=1, nanosecond_offset=2000, frame=CELT, track_type="one_track", track_id=1
        ),
    ),
]


@pytest.mark.parametrize(("data", "body"), [case[1:] for case in AUDIOS], ids=[case[0] for case in AUDIOS])
def test_audio(data: str, body: Audio) -> None:
    got = decode(8, bytes.fromhex(data))
    assert got.body == body
    assert got.findings == ()


@pytest.mark.parametrize("data", [case[1] for case in AUDIOS], ids=[case[0] for case in AUDIOS])
def test_what_is_read_is_not_lost_again(data: str) -> None:
    """Of a message that breaks off anywhere, each byte is a field, and what the first of them says is kept."""
    payload = bytes.fromhex(data)
    for size in range(min(len(payload), 40)):
        body, fields, _ = decode(8, payload[:size])
        assert isinstance(body, Audio)
        assert covered(fields) == size
        if size:
            head = decode(8, payload[:1]).body
            assert isinstance(head, Audio)
            assert body.codec_id == head.codec_id or payload[0] >> 4 == 9


def test_every_codec_is_tried() -> None:
    codec_ids = {body.codec_id for _, _, body in AUDIOS}
    assert {OPUS, MP4A, AC3, EC3, FLAC, MP3} <= codec_ids
    assert set(AUDIO_CODECS) - {9} <= codec_ids
    assert set(AUDIO_PACKET_TYPES.values()) - {"multitrack", "modex"} <= {body.packet_type for _, _, body in AUDIOS}


def test_the_speakers_have_their_numbers() -> None:
    assert [SPEAKERS[place] for place in (0, 3, 9, 11, 18, 23)] == ["FL", "LFE1", "SL", "TC", "LFE2", "BFR"]
    assert len(set(SPEAKERS.values())) == 26


# Fields


def described(fields: tuple[Field, ...]) -> list[tuple[str, str, int, int, int]]:
    return [(field.name, field.label, field.mask, field.start, field.stop) for field in fields]


def children(fields: tuple[Field, ...], name: str) -> list[tuple[str, str, int, int, int]]:
    (group,) = [field for field in fields if field.name == name]
    return described(group.children)


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
    assert described(decode(8, bytes.fromhex("16 80 1640")).fields)[4:] == [
        ("code size", "2 4 bits", 0xC0, 1, 2),
        ("payload", "2 bytes", 0, 2, 4),
    ]


def test_raw_aac_is_read_the_short_way_and_the_long_one_alike() -> None:
    """Few frames begin with FF; these are looked at more closely."""
    short, long = (decode(8, bytes.fromhex(f"af 01 {first} 00 00")) for first in ("21", "ff"))
    assert (short.body, short.fields) == (long.body, long.fields)


def test_the_fields_of_a_multichannel_configuration() -> None:
    fields = decode(8, bytes.fromhex("944f707573 0106 0000060f")).fields
    assert children(fields, "multichannel configuration") == [
        ("channel order", "1 native", 0, 5, 6),
        ("channel count", "6", 0, 6, 7),
        ("channel mask", "0x0000060f FL FR FC LFE1 SL SR", 0, 7, 11),
    ]
    assert fields[-1].label == "6 channels, native order, FL FR FC LFE1 SL SR"
    custom = decode(8, bytes.fromhex("944f70757302020100")).fields
    assert children(custom, "multichannel configuration")[2:] == [("speakers", "FR FL", 0, 7, 9)]


def test_media_is_one_field_without_a_value() -> None:
    for data in ("af 01 2110", "2f" + MP3_DATA, "9161632d33" + AC3_DATA, "0f 0000", "91666c6163 0011"):
        media = [field for field in decode(8, bytes.fromhex(data)).fields if field.role is Role.MEDIA]
        assert [(field.name, field.value) for field in media] == [("payload", None)]


# What is wrong


ADTS = "fff1 5080 017f fc 21104e00"

WRONG = [
    ("af", "error", "body.malformed", "audio > packet type: needs 1 byte, has 0"),
    ("91", "error", "body.malformed", "audio > FourCC: needs 4 bytes, has 0"),
    ("af 00", "error", "media.configuration", "AudioSpecificConfig: audio object type needs 5 bits, has 0"),
    ("af 00 12", "error", "media.configuration", "AudioSpecificConfig: sampling frequency index needs 4 bits, has 3"),
    ("906d703461", "error", "media.configuration", "AudioSpecificConfig: audio object type needs 5 bits, has 0"),
    ("af 00 1690", "warning", "media.configuration", "sampling frequency index 13 is reserved"),
    ("904f707573 4f70", "error", "media.configuration", 'identification header: does not begin with "OpusHead"'),
    (
        "944f707573 01",
        "error",
        "media.configuration",
        "multichannel configuration > channel count: needs 1 byte, has 0",
    ),
    ("944f707573 010200000007", "warning", "media.configuration", "2 channels, but a mask of 3 speakers"),
    (
        "944f707573 020300",
        "error",
        "media.configuration",
        "multichannel configuration > speakers: needs 3 bytes, has 1",
    ),
    ("2f 00000000", "warning", "media.frame", "mp3 that does not begin with a frame header"),
    ("2f fffb706000", "warning", "media.frame", "mp3 frame of 313 bytes, of which 5 are here"),
    ("9161632d33" + AC3_DATA[:20], "warning", "media.frame", "ac-3 frame of 384 bytes, of which 10 are here"),
    ("91664c6143 00000000000000", "warning", "media.frame", "flac that does not begin with a frame header"),
    ("6a" + "00" * 65, "warning", "media.frame", "Nellymoser blocks have 64 bytes, and this message 65"),
    ("b6 ff", "warning", "media.frame", "speex that does not begin with a frame header"),
    ("95 31 4f707573", "warning", "body.malformed", "multitrack type 3 is not known"),
    ("95 05 4f707573", "warning", "body.malformed", "multitrack inside multitrack"),
    ("95 17 4f707573", "warning", "body.malformed", "modex inside multitrack"),
    ("95 01 4f707573", "error", "body.malformed", "audio > track: needs 1 byte, has 0"),
    ("95 11 4f707573 07 000009 fc", "error", "body.malformed", "track 7: needs 9 bytes, has 1"),
    ("97 02 0f4240 01 4f707573", "warning", "body.malformed", "nanosecond offset 1000000 is a millisecond or more"),
    ("97 00 ff 01 4f707573", "warning", "body.malformed", "TimestampOffsetNano of 1 byte, not 3"),
    ("97 05 0102", "error", "body.malformed", "audio > ModEx: needs 7 bytes, has 2"),
]


@pytest.mark.parametrize(("data", "severity", "code", "title"), WRONG, ids=[case[3] for case in WRONG])
def test_what_is_wrong(data: str, severity: str, code: str, title: str) -> None:
    body, fields, findings = decode(8, bytes.fromhex(data))
    assert isinstance(body, Audio)
    assert [(one.severity.value, one.rule.code, one.title) for one in findings] == [(severity, code, title)]
    assert covered(fields) == len(bytes.fromhex(data))


def test_adts_is_a_mistake_of_the_sender() -> None:
    data = bytes.fromhex("af01" + ADTS)
    body, fields, (finding,) = decode(8, data)
    assert body == Audio("aac", 10, "coded_frames", size=11)
    assert finding.rule.code == "aac.adts"
    assert finding.severity is Severity.ERROR
    assert finding.evidence[0][1:] == (2, 7, True)
    assert [field.name for field in fields[-2:]] == ["ADTS header", "payload"]
    by_four_cc = decode(8, bytes.fromhex("916d703461" + ADTS))
    assert [one.rule.code for one in by_four_cc.findings] == ["aac.adts"]
    assert decode(8, data + b"\0").findings == ()  # another length: chance


def test_a_broken_track_leaves_the_others_alone() -> None:
    body, _, findings = decode(8, bytes.fromhex("9510 6d703461 00 000001 12 01 000002 1210"))
    assert isinstance(body, Audio)
    assert [track.configuration for track in body.tracks] == [AacConfiguration("LC"), LC_STEREO]
    assert len(findings) == 1


def test_what_stands_behind_a_record_is_unread() -> None:
    _, fields, findings = decode(8, bytes.fromhex("af00 1210 00000000"))
    assert [(field.label, field.role) for field in fields[-1].children[-1:]] == [
        ("after the end of the AudioSpecificConfig", Role.UNREAD)
    ]
    assert findings == ()


# Anything at all

HEADS = [
    *(
        "af00",
        "af01",
        "2f",
        "1a",
        "6a",
        "b6",
        "e0",
        "906d703461",
        "916d703461",
        "904f707573",
        "914f707573",
        "944f707573",
    ),
    *(
        "90664c6143",
        "91664c6143",
        "912e6d7033",
        "9161632d33",
        "9165632d33",
        "9510",
        "9521",
        "9502",
        "97",
        "970200000105",
    ),
    *("1210", "56e5", "120000", "fffb70", "0b77", "fff8", "4f707573", "4f70757348656164", "664c6143", "fff1", "000004"),
    *("800000", "84000001", "00", "01", "ff", "f94640", "eb098800", "030000"),
]
pieces = st.sampled_from([bytes.fromhex(head) for head in HEADS])
payloads = st.lists(st.one_of(pieces, st.binary(max_size=6)), max_size=8).map(b"".join)


@settings(deadline=None)
@given(payloads)
def test_any_bytes_are_accounted_for(payload: bytes) -> None:
    body, fields, findings = decode(8, payload)
    assert isinstance(body, Audio)
    assert_nested(fields, 0, len(payload))
    assert covered(fields) == len(payload)
    assert covered(tuple(leaves(fields))) == len(payload)
    assert repr(body)
    for finding in findings:
        assert finding.title.isprintable()
        assert all(0 <= one.offset <= one.offset + one.length <= len(payload) for one in finding.evidence)


def modifiers(count: int) -> bytes:
    return b"\x97" + b"\x00\x00\x17" * count


def small_tracks(count: int) -> bytes:
    return bytes.fromhex("9511 4f707573") + b"\x00\x00\x00\x00" * count


def small_blocks(count: int) -> bytes:
    return bytes.fromhex("90664c6143 664c6143") + b"\x01\x00\x00\x00" * count


def small_frames(count: int) -> bytes:
    return b"\xb6" + b"\x00" * count


def a_long_config(count: int) -> bytes:
    return bytes.fromhex("af00 1210") + b"\x00" * count


@pytest.mark.parametrize("make", [modifiers, small_tracks, small_blocks, small_frames, a_long_config])
def test_small_things_end_soon_and_are_few(make: Callable[[int], bytes]) -> None:
    payload = make(300_000)
    began = perf_counter()
    body, fields, findings = decode(8, payload)
    assert perf_counter() - began < 1
    assert isinstance(body, Audio)
    assert len(leaves(fields)) < 2000
    assert covered(fields) == len(payload)
    assert len(findings) <= 1


def test_time_is_in_proportion_to_the_tracks() -> None:
    def seconds(size: int) -> float:
        payload = bytes.fromhex("9520") + (b"Opus\x00\x00\x00\x01\xfc" * size)
        began = perf_counter()
        decode(8, payload)
        return perf_counter() - began

    assert grows_gently(seconds, 30, 240, 16)


def test_speakers_are_one_field() -> None:
    body, fields, _ = decode(8, bytes.fromhex("944f707573 02ff") + bytes(255))
    assert isinstance(body, Audio)
    assert body.configuration == MultichannelConfiguration("custom", 255, None, ("FL",) * 255)
    assert len(leaves(fields)) < 10


def test_a_mask_of_everything() -> None:
    body = decode(8, bytes.fromhex("944f707573 0120ffffffff")).body
    assert isinstance(body, Audio)
    assert isinstance(body.configuration, MultichannelConfiguration)
    assert body.configuration.speakers[-2:] == ("unknown_30", "unknown_31")
    assert body.channels == 32
