"""What a flow of media tells: counts, times, tracks; and that a message with nothing new is not looked into."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.analysis import media
from rtmpsniff.analysis.media import MOST_HEADS, MOST_TRACKS, Flow, duration_of, head_of, inside, is_frame
from rtmpsniff.payload.audio import Audio, MultichannelConfiguration
from rtmpsniff.payload.codecs.aac import AacConfiguration
from rtmpsniff.payload.codecs.configuration import Configuration
from rtmpsniff.payload.types import AUDIO, VIDEO
from rtmpsniff.payload.video import Video
from rtmpsniff.rtmp.events import Message
from tests.build import AAC_HEADER, AVC_HEADER, amf0, audio_frame, video_frame

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

HEVC = b"hvc1"


def flow(make: MakeMessage, kind: int, *bodies: bytes | tuple[int, bytes], **changes: Any) -> Flow:
    """A flow of these messages, each given as its payload or with its timestamp; else they are 40 ms apart."""
    made = Flow(kind)
    for number, body in enumerate(bodies):
        timestamp, payload = body if isinstance(body, tuple) else (number * 40, body)
        made.count(make(kind, payload, timestamp=timestamp, **changes))
    return made


# Counts and times


def test_messages_and_bytes_are_counted(message: MakeMessage) -> None:
    made = flow(message, VIDEO, AVC_HEADER, video_frame(0, 100), video_frame(1, 50))
    assert (made.messages, made.size) == (3, len(AVC_HEADER) + 110 + 60)


def test_time_goes_from_the_first_frame_to_the_last_message(message: MakeMessage) -> None:
    """Servers send a player the headers of a live stream with the timestamp 0."""
    made = flow(message, VIDEO, (0, AVC_HEADER), (90_000, video_frame(0, 9)), (92_000, video_frame(1, 9)))
    assert (made.first, made.last, made.duration) == (90_000, 92_000, 2000)
    assert made.bit_rate == made.size * 8000 / 2000


TIMES = [
    ("nothing but a header", [(0, AVC_HEADER)], 0),
    ("one frame", [(5, video_frame(1, 9))], 0),
    ("round the end of time", [(2**32 - 100, video_frame(1, 9)), (900, video_frame(2, 9))], 1000),
    ("round the end of 31 bits", [(2**31 - 100, video_frame(1, 9)), (900, video_frame(2, 9))], 1000),
    ("a header behind it all", [(5, video_frame(1, 9)), (45, video_frame(2, 9)), (0, AVC_HEADER)], 40),
    ("very long", [(0, video_frame(1, 9)), (2**31 - 1, video_frame(2, 9))], 2**31 - 1),
    ("back in time", [(5000, video_frame(1, 9)), (10, video_frame(2, 9))], 0),
]


@pytest.mark.parametrize(("messages", "duration"), [case[1:] for case in TIMES], ids=[case[0] for case in TIMES])
def test_times(message: MakeMessage, messages: list[tuple[int, bytes]], duration: int) -> None:
    made = flow(message, VIDEO, *messages)
    assert made.duration == duration
    assert (made.bit_rate is None) == (duration == 0)


@pytest.mark.parametrize(
    ("video", "audio", "duration"),
    [
        ((), (), 0),
        ((0, 2917), (), 2917),
        ((0, 2917), (121, 3139), 3139),
        ((0, 5000), (121, 3139), 5000),
        ((2**32 - 40, 2960), (0, 3000), 3040),
        ((5000, 10), (5040, 5140), 140),
        ((90_000_000, 90_003_000), (0, 4000), 4000),
    ],
    ids=["nothing", "one", "audio ends later", "video ends later", "round the end", "back in time", "no common clock"],
)
def test_the_time_of_audio_and_video(
    message: MakeMessage, video: tuple[int, ...], audio: tuple[int, ...], duration: int
) -> None:
    pictures = flow(message, VIDEO, *((time, video_frame(1, 9)) for time in video))
    sounds = flow(message, AUDIO, *((time, b"\xaf\x01x") for time in audio))
    assert duration_of([pictures, sounds]) == duration_of([sounds, pictures]) == duration


def test_the_frame_rate_is_of_frames_alone(message: MakeMessage) -> None:
    frames = [(number * 40, video_frame(number, 9)) for number in range(26)]
    made = flow(message, VIDEO, (0, AVC_HEADER), *frames, (1000, AVC_HEADER))
    assert made.frame_rate == 25.0
    assert flow(message, VIDEO, AVC_HEADER, video_frame(0, 9)).frame_rate is None
    assert flow(message, VIDEO, *frames, (1000, multitrack(2, 3, (1, b"ab")))).frame_rate is None


# Tracks


def test_the_configuration_is_that_of_the_sequence_header(message: MakeMessage) -> None:
    made = flow(message, VIDEO, AVC_HEADER, video_frame(0, 9))
    (track,) = made.tracks.values()
    assert (track.id, track.codec, track.headers, track.former) == (0, "h264", 1, ())
    assert isinstance(track.configuration, Configuration)
    assert (track.configuration.width, track.configuration.height) == (1920, 1080)
    (track,) = flow(message, AUDIO, audio_frame(0, 9), AAC_HEADER).tracks.values()
    assert isinstance(track.configuration, AacConfiguration)
    assert (track.configuration.rate, track.headers) == (44_100, 1)


def test_the_latest_sequence_header_counts(message: MakeMessage) -> None:
    made = flow(message, AUDIO, AAC_HEADER, audio_frame(0, 9), bytes.fromhex("af001190"), audio_frame(1, 9))
    (track,) = made.tracks.values()
    assert isinstance(track.configuration, AacConfiguration)
    assert (track.configuration.rate, track.headers) == (48_000, 2)


def test_what_came_before_a_codec_was_changed_is_kept(message: MakeMessage) -> None:
    made = flow(message, VIDEO, AVC_HEADER, b"\x22" + bytes(20), b"\x27\x01\0\0\0")
    (track,) = made.tracks.values()
    assert (track.codec, track.former) == ("h264", ("h264", "sorenson_h263"))
    assert track.configuration is None  # that of the h264 before says nothing of this one


def test_codecs_without_a_header_say_it_in_their_frames(message: MakeMessage) -> None:
    (track,) = flow(message, AUDIO, bytes.fromhex("2f fffb9064") + bytes(413)).tracks.values()
    assert isinstance(track.sample, Audio)
    assert (track.codec, track.sample.rate, track.sample.channels) == ("mp3", 44_100, 2)


def multitrack(frame: int, packet_type: int, *tracks: tuple[int, bytes]) -> bytes:
    """A video message of several tracks of one codec, or of one alone (Enhanced RTMP v2)."""
    if len(tracks) == 1:
        return pack(">BB4sB", 0x80 | frame << 4 | 6, packet_type, HEVC, tracks[0][0]) + tracks[0][1]
    parts = [pack(">BL", number, len(body))[:1] + pack(">L", len(body))[1:] + body for number, body in tracks]
    return pack(">BB4s", 0x80 | frame << 4 | 6, 0x10 | packet_type, HEVC) + b"".join(parts)


def test_tracks_are_kept_apart(message: MakeMessage) -> None:
    made = flow(
        message,
        VIDEO,
        b"\x90avc1" + AVC_HEADER[5:],
        multitrack(1, 3, (1, b"\0\0\0\2ab"), (2, b"\0\0\0\2cd")),
        multitrack(2, 3, (1, b"\0\0\0\2ab")),
        multitrack(2, 3, (7, b"\0\0\0\2ab")),
    )
    assert {track.id: track.codec for track in made.tracks.values()} == {0: "h264", 1: "hevc", 2: "hevc", 7: "hevc"}
    assert made.messages == 4
    assert made.first == 40


def test_only_so_many_tracks_are_kept(message: MakeMessage) -> None:
    made = flow(message, VIDEO, *(multitrack(2, 3, (number, b"\0\0\0\2ab")) for number in range(200)))
    assert len(made.tracks) == MOST_TRACKS
    assert made.messages == 200


def test_speakers_and_colors_are_kept_beside_the_configuration(message: MakeMessage) -> None:
    opus = bytes.fromhex("90") + b"Opus" + b"OpusHead\x01\x06" + bytes(9)
    speakers = b"\x94Opus" + pack(">BBL", 1, 6, 0x3F)
    (track,) = flow(message, AUDIO, opus, speakers).tracks.values()
    assert track.codec == "opus"
    assert isinstance(track.speakers, MultichannelConfiguration)
    assert track.speakers.channels == 6
    assert not isinstance(track.configuration, MultichannelConfiguration)
    colors = b"\xd4hvc1" + amf0("colorInfo", {"hdrCll": {"maxFall": 400}})
    (track,) = flow(message, VIDEO, colors).tracks.values()
    assert [name for name, _ in track.metadata] == ["colorInfo"]


def test_metadata_is_kept_up_to_a_size(message: MakeMessage) -> None:
    colors = b"\xd4hvc1" + amf0("colorInfo", {"name": "x" * 70_000})
    assert flow(message, VIDEO, colors).tracks == {}


NOTHING_LEARNED = [
    ("no byte", VIDEO, b"", {}),
    ("silence", AUDIO, b"", {}),
    ("not whole", VIDEO, AVC_HEADER, {"state": "damaged", "missing": ((0, 9),)}),
    ("nothing came", VIDEO, b"", {"length": 300, "state": "cut"}),
]


@pytest.mark.parametrize(
    ("kind", "payload", "changes"), [case[1:] for case in NOTHING_LEARNED], ids=[case[0] for case in NOTHING_LEARNED]
)
def test_what_says_nothing_is_counted(message: MakeMessage, kind: int, payload: bytes, changes: dict[str, Any]) -> None:
    made = flow(message, kind, payload, **changes)
    assert (made.messages, made.tracks, made.first) == (1, {}, None)


# The price


def decoded(make: MakeMessage, kind: int, payloads: list[bytes]) -> int:
    """How many bodies were read to learn from these messages."""
    messages = [make(kind, payload) for payload in payloads]
    made = Flow(kind)
    for message in messages:
        made.count(message)
    assert made.messages == len(payloads)
    return sum(message._decoded is not None for message in messages)


LOOKED_INTO = [
    ("h264", VIDEO, [AVC_HEADER, *(video_frame(number, 20) for number in range(200))], 3),
    ("aac", AUDIO, [AAC_HEADER, *(audio_frame(number, 20) for number in range(200))], 2),
    ("enhanced", VIDEO, [b"\xa1hvc1\0\0\0" + bytes(20)] * 50, 1),
    ("one of several tracks", VIDEO, [multitrack(2, 3, (n % 2, b"\0\0\0\2ab")) for n in range(50)], 2),
    ("several tracks", VIDEO, [multitrack(2, 3, (1, b"\0\0\0\2ab"), (2, b""))] * 5, 5),
    ("a modifier", VIDEO, [b"\xa7\x02\0\0\1\x01hvc1\0\0\0" + bytes(20)] * 5, 5),
    ("sequence headers", VIDEO, [AVC_HEADER] * 5, 5),
    ("no packet type", AUDIO, [bytes([0x22, number % 7]) + bytes(20) for number in range(200)], 7),
]


@pytest.mark.parametrize(
    ("kind", "payloads", "bodies"), [case[1:] for case in LOOKED_INTO], ids=[case[0] for case in LOOKED_INTO]
)
def test_only_what_may_be_new_is_looked_into(
    message: MakeMessage, kind: int, payloads: list[bytes], bodies: int
) -> None:
    assert decoded(message, kind, payloads) == bodies


def test_a_first_byte_alone_is_looked_into(message: MakeMessage) -> None:
    """With chunks of one byte the second is in another piece."""
    made = Flow(VIDEO)
    for _ in range(3):
        made.count(message(VIDEO, b"", parts=[b"\x17", b"\x01", bytes(8)], length=10))
    assert made.first == 40
    assert made.tracks[0].codec == "h264"


def test_what_is_known_does_not_grow_without_end(message: MakeMessage) -> None:
    with patch.object(media, "MOST_HEADS", 8):
        made = flow(message, AUDIO, *(bytes([0x22, number]) for number in range(30)))
    assert len(made.heads) == 8
    assert made.messages == 30
    assert MOST_HEADS >= 256


def test_heads(message: MakeMessage) -> None:
    assert head_of(message(VIDEO, b"\x17\x01\0")) == 0x1701
    assert head_of(message(VIDEO, b"", parts=[bytearray(b"\xaf\x00")])) == 0xAF00
    assert head_of(message(VIDEO, b"\x17")) == head_of(message(VIDEO, b"", parts=[])) == -1


FRAMES = [
    (Video("h264", 7, "key", "coded_frames"), True),
    (Video("hevc", 7, "inter", "coded_frames_x"), True),
    (Video("sorenson_h263", 2, "key"), True),
    (Video("h264", 7, "command", command="start_seek"), False),
    (Video("h264", 7, "key", "sequence_header"), False),
    (Video("h264", 7, "key", "sequence_end"), False),
    (Video(packet_type="empty"), False),
    (Audio("mp3", 2), True),
    (Audio("aac", 10, "coded_frames"), True),
    (Audio(packet_type="silence"), False),
]


@pytest.mark.parametrize(("body", "frame"), FRAMES)
def test_frames(body: Audio | Video, frame: bool) -> None:
    assert is_frame(body) is frame


# Aggregates


def tag(kind: int, timestamp: int, payload: bytes) -> bytes:
    """A message as it lies in an aggregate."""
    time = pack(">L", timestamp)
    head = bytes([kind]) + pack(">L", len(payload))[1:] + time[1:] + time[:1] + bytes(3)
    return head + payload + pack(">L", len(head) + len(payload))


def test_what_lies_in_aggregates(message: MakeMessage) -> None:
    parts = [(VIDEO, 500, b"\x27\x01abc"), (18, 510, b"\2\0\0"), (AUDIO, 540, b"\xaf\x01x"), (VIDEO, 580, b"\x27\x01")]
    made = message(22, b"".join(tag(*part) for part in parts), timestamp=9000)
    assert list(inside(made)) == [
        (VIDEO, b"\x27\x01abc", 9000),
        (AUDIO, b"\xaf\x01x", 9040),
        (VIDEO, b"\x27\x01", 9080),
    ]
    flow = Flow(VIDEO)
    for kind, payload, timestamp in inside(made):
        if kind == VIDEO:
            flow.count_inside(payload, timestamp)
    assert (flow.messages, flow.size, flow.inside, flow.size_inside) == (0, 0, 2, 7)
    assert (flow.first, flow.last) == (9000, 9080)
    assert flow.tracks[0].codec == "h264"


@given(st.binary(max_size=80))
def test_any_aggregate_ends(message: MakeMessage, payload: bytes) -> None:
    assert sum(len(body) for _, body, _ in inside(message(22, payload))) <= len(payload)


@pytest.mark.parametrize("cut", range(1, 40))
def test_an_aggregate_that_breaks_off_gives_what_is_whole(message: MakeMessage, cut: int) -> None:
    whole = tag(VIDEO, 0, b"\x27\x01abc") + tag(VIDEO, 40, b"\x27\x01def")
    bodies = [body for _, body, _ in inside(message(22, whole[: len(whole) - cut]))]
    assert bodies == [b"\x27\x01abc", b"\x27\x01def"][: len(bodies)]
    assert len(bodies) == (2 if cut <= 4 else 1 if cut <= 24 else 0)


@given(st.sampled_from([AUDIO, VIDEO]), st.lists(st.binary(max_size=12), max_size=20))
def test_any_bytes_are_counted(message: MakeMessage, kind: int, payloads: list[bytes]) -> None:
    made = Flow(kind)
    for number, payload in enumerate(payloads):
        one: Message = message(kind, payload, timestamp=number)
        made.count(one)
        made.count_inside(payload, number)
    assert made.messages == made.inside == len(payloads)
    assert made.size == sum(map(len, payloads))
