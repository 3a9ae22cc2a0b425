"""What belongs into a file of each stream: which messages, in which order, at which times, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from struct import pack
from typing import Any, Final

import pytest

from rtmpsniff.analysis.media_streams import (
    LONGEST_WAIT,
    MOST_BYTES_WAITING,
    MOST_WAITING,
    MediaStream,
    MediaStreams,
    Tag,
    Times,
)
from rtmpsniff.analysis.selection import Selection, parse_types
from rtmpsniff.analysis.streams import MOST_STREAMS
from rtmpsniff.capture.files import read
from rtmpsniff.capture.packet import Packet
from rtmpsniff.dissect import Dissection
from rtmpsniff.payload.types import AUDIO, DATA_AMF0, VIDEO
from rtmpsniff.rtmp.aggregates import sub_messages
from rtmpsniff.rtmp.events import Message
from tests.build import (
    AAC_HEADER,
    AVC_HEADER,
    Ecma,
    Frame,
    Talk,
    amf0,
    audio_frame,
    begin_publish,
    end_publish,
    session,
    video_frame,
)
from tests.payload.test_aggregate import tag as inner

CAPTURES: Final = Path(__file__).parents[2] / "captures"
METADATA: Final = Ecma({"width": 1920, "height": 1080, "framerate": 30, "videocodecid": 7, "audiocodecid": 10})

Found = list[tuple[MediaStream, list[Tag]]]


def streams_of(frames: Iterable[Frame], times: Times = "rebased", **conditions: Any) -> Found:
    """The streams in the order in which they ended, each with its tags."""
    packets = (Packet(0, n, frame.time, 1, frame.data, len(frame.data)) for n, frame in enumerate(frames, 1))
    return collected(Dissection(packets), times, **conditions)


def collected(run: Dissection, times: Times = "rebased", **conditions: Any) -> Found:
    tags: dict[MediaStream, list[Tag]] = {}
    ended: Found = []
    for media, tag in MediaStreams(run.conversation, Selection(**conditions), times).run(run):
        if tag is None:
            ended.append((media, tags.pop(media)))
        else:
            tags.setdefault(media, []).append(tag)
    assert not tags, "a stream without an end"
    return ended


def data_times(found: Found) -> list[int]:
    _, tags = only(found)
    return [one.timestamp for one in tags if one.type_id == DATA_AMF0]


def only(found: Found) -> tuple[MediaStream, list[Tag]]:
    (one,) = found
    return one


@pytest.fixture
def talk() -> Talk:
    """Up to the first frame of a publisher of H.264 and AAC."""
    talk = Talk()
    begin_publish(talk, chunk_size=60_000)
    return talk


def picture(talk: Talk, timestamp: int, number: int = 0, size: int = 100) -> bytes:
    payload = video_frame(number, size)
    talk.say("client", 6, VIDEO, 1, timestamp, payload)
    return payload


def sound(talk: Talk, timestamp: int, number: int = 0) -> bytes:
    payload = audio_frame(number, 50)
    talk.say("client", 4, AUDIO, 1, timestamp, payload)
    return payload


# Which messages


def test_a_file_has_what_went_over_the_wire() -> None:
    talk = session()
    media, tags = only(streams_of(talk.frames))
    sent = [one for one in talk.sent if one.type_id in {AUDIO, VIDEO}]
    assert [(one.type_id, one.payload) for one in tags[1:]] == [(one.type_id, one.payload) for one in sent]
    assert [one.timestamp for one in tags[1:]] == [one.timestamp for one in sent]
    assert tags[0] == Tag(DATA_AMF0, 0, amf0("onMetaData", METADATA))
    assert (media.connection, media.application, media.stream.name) == (1, "live", "stream")
    assert (media.frames, media.others) == ({VIDEO: 5, AUDIO: 8}, {VIDEO: 1, AUDIO: 1, DATA_AMF0: 1})
    assert media.size == sum(len(one.payload) for one in tags)
    assert {track.codec for flow in media.flows.values() for track in flow.tracks.values()} == {"h264", "aac"}
    assert (media.duration, media.gaps, media.left_out, media.jumps, media.headless) == (162, 0, {}, 0, [])


def test_data_that_is_part_of_the_stream(talk: Talk) -> None:
    picture(talk, 0)
    cue = amf0("onCuePoint", {"name": "x"})
    for payload in (
        amf0("@clearDataFrame", "onMetaData"),
        cue,
        b"\0" + cue,  # with a format selector
        amf0("@setDataFrame", "onTextData", {"text": "hi"}),
        amf0(1.0),
        b"",
    ):
        talk.say("client", 4, DATA_AMF0, 1, 40, payload)
    talk.say("client", 4, 15, 1, 40, b"\0" + cue)
    talk.say("client", 4, 15, 1, 40, b"\3\6\3a\1")  # AMF3 alone
    end_publish(talk)
    media, tags = only(streams_of(talk.frames))
    data = [one.payload for one in tags if one.type_id == DATA_AMF0][1:]
    assert data == [cue, cue, amf0("onTextData", {"text": "hi"}), cue]
    assert media.left_out == {"unreadable": 3}
    assert media.gaps == 0


def test_metadata_is_at_0_wherever_it_stands(talk: Talk) -> None:
    """FFmpeg takes what comes later for subtitles."""
    picture(talk, 50_000)
    picture(talk, 50_500)
    for timestamp in (50_500, 0):
        talk.say("client", 4, DATA_AMF0, 1, timestamp, amf0("@setDataFrame", "onMetaData", METADATA))
    talk.say("client", 4, DATA_AMF0, 1, 50_400, amf0("onTextData", Ecma({"text": "words"})))
    picture(talk, 51_000)
    assert data_times(streams_of(talk.frames)) == [0, 0, 0, 400]
    assert data_times(streams_of(talk.frames, "original")) == [0, 50_500, 0, 50_400]


def test_a_player_that_joined_amid_a_group_of_pictures(talk: Talk) -> None:
    inter = b"\x27\1\0\0\0" + bytes(20)
    talk.say("client", 6, VIDEO, 1, 0, inter)
    picture(talk, 40)
    media, tags = only(streams_of(talk.frames))
    assert media.begins_inside
    assert [one.payload[0] >> 4 for one in tags if one.type_id == VIDEO] == [1, 2, 1]
    assert not only(streams_of(session().frames))[0].begins_inside


def test_what_a_server_says_of_playing_is_not_part_of_the_stream() -> None:
    talk = played(Talk())
    for body in (("onPlayStatus", {"code": "NetStream.Play.Complete"}), ("|RtmpSampleAccess", True, True)):
        talk.say("server", 5, DATA_AMF0, 1, 0, amf0(*body))
    talk.say("server", 5, DATA_AMF0, 1, 0, amf0("onMetaData", METADATA))
    talk.say("server", 6, VIDEO, 1, 0, video_frame(0, 50))
    talk.say("server", 5, DATA_AMF0, 1, 0, amf0("onStatus", {"code": "NetStream.Data.Start"}))
    talk.close()
    media, tags = only(streams_of(talk.frames))
    assert [one.payload for one in tags] == [amf0("onMetaData", METADATA), video_frame(0, 50)]
    assert (media.stream.action, media.stream.name) == ("play", "cam")


def played(talk: Talk) -> Talk:
    talk.greet()
    talk.command("client", 3, 0, "connect", 1, {"app": "live", "tcUrl": "rtmp://h/live"})
    talk.command("client", 3, 0, "createStream", 2, None)
    talk.command("server", 3, 0, "_result", 2, None, 1)
    talk.command("client", 8, 1, "play", 3, None, "cam")
    return talk


def test_messages_without_a_byte_are_none(talk: Talk) -> None:
    talk.say("client", 4, AUDIO, 1, 0, b"")
    picture(talk, 0)
    talk.say("client", 6, VIDEO, 1, 0, b"")
    assert [len(one.payload) > 0 for one in only(streams_of(talk.frames))[1]] == [True] * 4


def test_aggregates_are_taken_apart() -> None:
    run = Dissection(read([str(CAPTURES / "aggregate.pcap")]))
    media, tags = only(collected(run, "original"))
    contained = [part for one in Dissection(read([str(CAPTURES / "aggregate.pcap")])) for part in parts(one)]
    wanted = [(part.message_type_id, part.timestamp, part.payload) for part in contained if part.length]
    assert [tuple(one) for one in tags if one.type_id in {AUDIO, VIDEO}] == [
        one for one in wanted if one[0] in {AUDIO, VIDEO}
    ]
    assert media.stream.action == "play"
    assert sum(media.frames.values()) == 8


def parts(event: Any) -> Any:
    if not isinstance(event, Message):
        return ()
    return sub_messages(event) or (event,)


def test_enhanced_and_multitrack_messages_stay_as_they_are(talk: Talk) -> None:
    enhanced = [
        (VIDEO, b"\x90hvc1" + bytes(20)),
        (VIDEO, b"\x91hvc1\0\0\0" + bytes(20)),
        (VIDEO, b"\x96\x10avc1" + b"\0\0\0\x05" + AVC_HEADER[5:10] + b"\1\0\0\2\1\2"),  # sequence headers, many tracks
        (VIDEO, b"\x96\x11avc1" + b"\0\0\0\x08\0\0\0\0\0\0\1e" + b"\1\0\0\x08\0\0\0\0\0\0\1e"),
        (AUDIO, b"\x95\x01Opus\1abc"),  # one track, number 1
        (VIDEO, b"\xa7\x02\0\0\x64\x01hvc1\0\0\0" + bytes(8)),  # ModEx: a nanosecond offset, then a frame
    ]
    for number, (kind, payload) in enumerate(enhanced):
        talk.say("client", 6, kind, 1, 40 * number, payload)
    media, tags = only(streams_of(talk.frames))
    assert [one[::2] for one in tags[3:]] == enhanced
    assert media.frames == {VIDEO: 3, AUDIO: 1}


def test_media_of_which_nobody_said_what_it_is() -> None:
    talk = Talk()
    talk.greet()
    talk.say("server", 6, VIDEO, 1, 40, video_frame(0, 50))
    talk.say("client", 6, DATA_AMF0, 1, 0, amf0("hello"))  # not the beginning of a stream
    talk.close()
    media, tags = only(streams_of(talk.frames))
    assert (media.stream.action, media.stream.name, len(tags)) == ("play", None, 1)
    assert media.headless == ["h264"]


def test_one_connection_may_carry_several_streams() -> None:
    talk = Talk()
    talk.greet()
    for number, name in enumerate(("one", "two", "one"), 1):
        talk.command("client", 3, number, "publish", number, None, name, "live")
        talk.say("client", 6, VIDEO, number, 5000 * number, video_frame(0, 40 + number))
    talk.command("client", 3, 1, "publish", 9, None, "three", "live")
    talk.say("client", 6, VIDEO, 1, 0, video_frame(0, 50))
    talk.close()
    found = streams_of(talk.frames)
    assert [(media.stream.name, tags) for media, tags in found] == [
        (name, [Tag(VIDEO, 0, video_frame(0, size))])
        for name, size in (("one", 41), ("two", 42), ("one", 43), ("three", 50))
    ]
    again = streams_of(talk.frames, streams=("one",))
    assert [media.stream.key for media, _ in again] == [1, 3]


def test_what_cannot_be_kept_apart_goes_nowhere() -> None:
    talk = Talk(mss=1460)
    talk.greet()
    for number in range(1, MOST_STREAMS + 3):
        talk.command("client", 3, number, "publish", number, None, f"s{number}", "live")
        talk.say("client", 6, VIDEO, number, 0, video_frame(0, 10))
    packets = (Packet(0, n, frame.time, 1, frame.data, len(frame.data)) for n, frame in enumerate(talk.frames, 1))
    run = Dissection(packets)
    streams = MediaStreams(run.conversation, Selection())
    assert sum(tag is None for _, tag in streams.run(run)) == MOST_STREAMS
    assert streams.mixed == 2


def test_a_player_that_pauses_seeks_and_plays_another() -> None:
    talk = Talk()
    talk.greet()

    def play(name: str, number: int = 1) -> None:
        talk.command("client", 8, number, "play", 5, None, name)
        talk.command("server", 5, number, "onStatus", 0, None, {"level": "status", "code": "NetStream.Play.Start"})

    def pictures(*timestamps: int, stream: int = 1) -> None:
        for timestamp in timestamps:
            talk.say("server", 6, VIDEO, stream, timestamp, video_frame(0, 50))

    play("a")
    pictures(0, 40)
    for is_paused in (True, False):
        talk.command("client", 8, 1, "pause", 0, None, is_paused, 40)
    pictures(80, 120)
    talk.command("client", 8, 1, "seek", 0, None, 60_000)
    pictures(60_000, 60_040)
    talk.command("client", 8, 1, "seek", 0, None, 0)
    pictures(0, 40)
    play("b")
    play("c", 2)
    pictures(500, stream=2)
    pictures(0)
    pictures(540, stream=2)
    talk.close()
    found = {
        media.stream.name: (media.jumps, [one.timestamp for one in tags]) for media, tags in streams_of(talk.frames)
    }
    assert found["b"] == (0, [0])
    assert found["c"] == (0, [0, 40])
    jumps, times = found["a"]
    assert jumps == 2
    assert times[:4] == [0, 40, 80, 120]
    assert times == sorted(times)
    assert [times[5] - times[4], times[7] - times[6]] == [40, 40]
    assert times[-1] < 1000


# Times


def test_a_stream_that_starts_late_begins_at_0(talk: Talk) -> None:
    sound(talk, 70_020)
    picture(talk, 70_000)
    picture(talk, 70_040)
    tags = only(streams_of(talk.frames))[1]
    assert [one.timestamp for one in tags] == [0, 0, 0, 20, 0, 40]
    original = only(streams_of(talk.frames, "original"))[1]
    assert [one.timestamp for one in original] == [0, 0, 0, 70_020, 70_000, 70_040]


def test_a_stream_of_one_kind_need_not_wait_for_another(talk: Talk) -> None:
    """It is given after a second, so that a player sees it come."""
    given: list[int] = []
    for timestamp in range(0, 2 * LONGEST_WAIT, 40):
        picture(talk, timestamp)
    packets = (Packet(0, n, frame.time, 1, frame.data, len(frame.data)) for n, frame in enumerate(talk.frames, 1))
    run = Dissection(packets)
    seen = 0

    def counted() -> Any:
        nonlocal seen
        for event in run:
            seen += 1
            yield event

    for _, tag in MediaStreams(run.conversation, Selection()).run(counted()):
        given += [seen] if tag is not None else []
    assert len(given) == 3 + 50
    assert given[0] == given[3 + LONGEST_WAIT // 40] < seen
    assert sorted(set(given[-20:])) == given[-20:]


def test_what_waits_is_bounded() -> None:
    talk = Talk(mss=60_000)
    begin_publish(talk, chunk_size=60_000)
    big = AVC_HEADER + bytes(1 << 20)
    for _ in range(2 * MOST_BYTES_WAITING >> 20):
        talk.say("client", 6, VIDEO, 1, 0, big)
    for _ in range(2 * MOST_WAITING):
        talk.say("client", 4, AUDIO, 1, 0, AAC_HEADER)
    picture(talk, 0)
    media, tags = only(streams_of(talk.frames))
    assert tags[-1].payload == video_frame(0, 100)
    assert media.size <= MOST_BYTES_WAITING + len(big)
    assert len(tags) <= MOST_WAITING


def test_jumps_are_counted(talk: Talk) -> None:
    for timestamp in (0, 40, 900_000, 900_040, 0, 40):
        picture(talk, timestamp)
    media, tags = only(streams_of(talk.frames))
    times = [one.timestamp for one in tags[3:]]
    assert media.jumps == 2
    assert times == sorted(times)
    assert times[-1] < 1000


# What is missing


def test_a_hole(talk: Talk) -> None:
    picture(talk, 0)
    lost = len(talk.frames)
    picture(talk, 40, size=5000)
    for number in range(2, 6):
        picture(talk, 40 * number, number)
    end_publish(talk)
    frames = talk.frames[: lost + 1] + talk.frames[lost + 2 :]
    media, tags = only(streams_of(frames))
    assert media.left_out == {"damaged": 1}
    assert (media.gaps, media.places, media.lost_headers) == (1, [0], set())
    assert [one.timestamp for one in tags[3:]] == [0, 80, 120, 160, 200]


def test_a_lost_sequence_header(talk: Talk) -> None:
    picture(talk, 0)
    talk.say("client", 6, VIDEO, 1, 40, AVC_HEADER + bytes(3000))
    del talk.frames[-2]
    picture(talk, 80)
    end_publish(talk)
    media, _ = only(streams_of(talk.frames))
    assert media.lost_headers == {"video"}
    assert media.headless == []


def test_a_sequence_header_that_never_came() -> None:
    talk = Talk()
    talk.greet()
    talk.command("client", 3, 1, "publish", 1, None, "x", "live")
    for kind, payload in ((VIDEO, video_frame(0, 50)), (AUDIO, audio_frame(0, 50))):
        talk.say("client", 6, kind, 1, 0, payload)
    talk.close()
    assert only(streams_of(talk.frames))[0].headless == ["aac", "h264"]


def test_aborted_messages_are_left_out() -> None:
    run = Dissection(read([str(CAPTURES / "interleaved-abort.pcap")]))
    media, _ = only(collected(run))
    assert media.left_out == {"aborted": 2}


def test_bytes_that_no_message_could_be_made_of(talk: Talk) -> None:
    picture(talk, 0)
    sound(talk, 25)
    talk.send("client", b"\xff" * 3000)
    media, _ = only(streams_of(talk.frames))
    assert media.undecoded > 0
    assert media.gaps == 1
    assert media.places == [25]


def test_a_stream_without_frames_is_none(talk: Talk) -> None:
    end_publish(talk)
    assert streams_of(talk.frames) == []


# Choosing


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"types": parse_types(["video"])[0]}, {VIDEO: 5}),
        ({"types": parse_types(["audio"])[0]}, {AUDIO: 8}),
        ({"types": parse_types(["!video"])[0]}, {AUDIO: 8}),
        ({"connections": frozenset({1})}, {VIDEO: 5, AUDIO: 8}),
        ({"condition": lambda message: message.timestamp >= 60}, {VIDEO: 3, AUDIO: 5}),
        ({"condition": lambda message: message.message_type_id == VIDEO and message.timestamp > 70}, {VIDEO: 2}),
    ],
)
def test_what_decoders_need_goes_along_with_what_was_chosen(
    condition: dict[str, Any], expected: dict[int, int]
) -> None:
    media, tags = only(streams_of(session().frames, **condition))
    assert media.frames == expected
    headers = [one.payload for one in tags if one.payload in {AVC_HEADER, AAC_HEADER}]
    assert sorted(headers) == sorted([AVC_HEADER] * (VIDEO in expected) + [AAC_HEADER] * (AUDIO in expected))
    for kind, header in ((VIDEO, AVC_HEADER), (AUDIO, AAC_HEADER)):
        of_kind = [one.payload for one in tags if one.type_id == kind]
        assert of_kind[:1] == [header] * (kind in expected)
    assert tags[0].timestamp == 0


@pytest.mark.parametrize(
    "condition", [{"connections": frozenset({2})}, {"streams": ("other",)}, {"messages": (range(1),)}]
)
def test_nothing_chosen_is_nothing_given(condition: dict[str, Any]) -> None:
    assert streams_of(session().frames, **condition) == []


def test_a_count_ends_it() -> None:
    media, tags = only(streams_of(session().frames, count=4))
    assert len(tags) == 4
    assert media.stream.name == "stream"


def test_messages_of_an_aggregate_are_chosen_each() -> None:
    def chosen(**conditions: Any) -> list[int]:
        run = Dissection(read([str(CAPTURES / "aggregate.pcap")]))
        return [one.type_id for _, tags in collected(run, **conditions) for one in tags]

    assert set(chosen(types=frozenset({AUDIO}))) == {AUDIO}
    assert set(chosen(types=frozenset({22}))) >= {AUDIO, VIDEO}


def test_a_header_of_a_later_aggregate_waits_too() -> None:
    """What goes along may have come inside an aggregate."""
    talk = played(Talk())
    first = inner(VIDEO, AVC_HEADER) + inner(VIDEO, video_frame(0, 50))
    talk.say("server", 4, 22, 1, 0, first)
    talk.say("server", 4, 22, 1, 5000, inner(VIDEO, video_frame(60, 60), 5000))
    talk.say("server", 2, 4, 0, 0, pack(">HL", 1, 1))
    talk.close()
    _, tags = only(streams_of(talk.frames, condition=lambda message: message.timestamp >= 5000))
    assert [one.payload for one in tags] == [AVC_HEADER, video_frame(60, 60)]
