"""What ffprobe and FFmpeg say of the same sound: codec, rate, channels, profile and bit rate.

ffprobe, as Debian has it, knows the legacy codecs; FFmpeg as `imageio-ffmpeg` brings it knows all of Enhanced RTMP.
Both are asked for streams in the shared captures, for sample files, and for streams made here.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

import rtmpsniff
from rtmpsniff.payload.audio import Audio, MultichannelConfiguration
from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.codecs.aac import AacConfiguration
from rtmpsniff.payload.codecs.speex import SpeexFrames
from tests.payload.test_video_programs import SHARED, Tag, ffmpeg, ffprobe, flv, needs_captures, run, tags_of

AUDIO: Final = 8
BOTH: Final = (
    "10-h264-aac-nms2-chunk60000",
    "20-extended-timestamp-boundary-chunk128",
)  # of what all captures are like

# The names that FFmpeg has for what is called otherwise here.
NAMES: Final = {"adpcm": "adpcm_swf", "g711_alaw": "pcm_alaw", "g711_mulaw": "pcm_mulaw", "ac-3": "ac3", "ec-3": "eac3"}
LAYOUTS = {"mono": 1, "stereo": 2, "2.1": 3, "3.0": 3, "3.0(back)": 3, "4.0": 4, "quad": 4, "quad(side)": 4}
LAYOUTS |= {"5.0": 5, "5.0(side)": 5, "5.1": 6, "5.1(side)": 6, "6.1": 7, "7.1": 8}


class Sound(NamedTuple):
    """What a stream sounds like; the codec has FFmpeg's name."""

    codec: str
    rate: int
    channels: int


def sound_of(bodies: Iterable[Audio]) -> Sound:
    """What a stream is by the messages in it: the configuration is said once, or every frame says all."""
    said = [
        body
        for body in bodies
        if body.rate and body.channels and not isinstance(body.configuration, MultichannelConfiguration)
    ]
    sounds = Counter(Sound(name_of(body), body.rate or 0, body.channels or 0) for body in said)
    (sound,) = sounds
    return sound


def name_of(body: Audio) -> str:
    codec = body.codec or ""
    if codec == "pcm":
        return "pcm_u8" if body.sample_size == 8 else "pcm_s16le"
    return NAMES.get(codec, codec)


class Stream(NamedTuple):
    """The audio that one side sent on one connection."""

    connection: int
    sender: str
    messages: list[rtmpsniff.Message]

    @property
    def bodies(self) -> list[Audio]:
        return [message.body for message in self.messages if isinstance(message.body, Audio)]

    @property
    def titles(self) -> set[str]:
        return {finding.title for message in self.messages for finding in message.findings}

    def write(self, path: Path) -> Path:
        data = bytearray(flv(Tag(AUDIO, message.timestamp, message.payload) for message in self.messages))
        data[4] = 4  # audio alone
        path.write_bytes(data)
        return path


def streams(capture: str) -> list[Stream]:
    found: dict[tuple[int, str], Stream] = {}
    for message in rtmpsniff.messages(SHARED / "made" / f"{capture}.pcap"):
        if message.message_type_id == AUDIO and message.state == "whole" and message.length:
            stream = found.setdefault(
                (message.connection, message.sender), Stream(message.connection, message.sender, [])
            )
            if len(stream.messages) < 60:
                stream.messages.append(message)
    return [stream for stream in found.values() if len(stream.messages) > 8]


def asked(path: Path) -> dict[str, Any]:
    """What ffprobe says of the one stream in a file."""
    options = ["-v", "error", "-show_streams", "-of", "json", str(path)]
    done = subprocess.run([ffprobe(), *options], capture_output=True, text=True, timeout=60, check=True)
    (said,) = json.loads(done.stdout)["streams"]
    assert isinstance(said, dict)
    return said


def sound_by_ffprobe(said: dict[str, Any]) -> Sound:
    return Sound(said["codec_name"], int(said["sample_rate"]), said["channels"])


# `Stream #0:0: Audio: opus, 48000 Hz, stereo, fltp, 96 kb/s`, and more about the profile behind the name

STREAM = re.compile(r"Audio: (\w+)(?: \(([^)]*)\))?[^,]*, (\d+) Hz, ([^,]+), (\w+)(?: \([^)]*\))?(?:, (\d+) kb/s)?")


class Said(NamedTuple):
    sound: Sound
    profile: str
    bit_rate: int  # kbit/s


def said_by_ffmpeg(path: Path) -> list[Said]:
    lines = run([ffmpeg(), "-hide_banner", "-i", str(path)]).splitlines()
    found = [match for match in map(STREAM.search, lines) if match]
    return [
        Said(Sound(match[1], int(match[3]), channels_in(match[4])), match[2] or "", int(match[6] or 0))
        for match in found
    ]


def channels_in(words: str) -> int:
    count = re.match(r"(\d+) channels", words)
    return int(count[1]) if count else LAYOUTS[words]


def bodies_in(path: Path, track: int = 0) -> list[Audio]:
    decoded = [decode(AUDIO, tag.data) for tag in tags_of(path.read_bytes()) if tag.type_id == AUDIO]
    assert [finding.title for one in decoded for finding in one.findings] == []
    return [one.body for one in decoded if isinstance(one.body, Audio) and one.body.track_id == track]


# The shared captures


AAC_CAPTURES = [
    *("01-ffmpeg5-nginx-publish-play", "02-rtmpdump-live-vod", "03-gst-rtmp2sink-rtmp2src", "04-enh-hevc-aac-nms4"),
    *("19-ipv6-mtu1500-chunk512", "27-amf3-commands-rtmplite-pyamf", "28-base-mtu1500-publish-play", *BOTH),
    *("29-tcserver-rtmp-rtmfp-tcrelay", "30-crtmpserver-rtmp-publish-play-vod", "35-ffmpeg-listen-servers"),
]


@needs_captures
@pytest.mark.parametrize("name", AAC_CAPTURES)
def test_aac_in_captures_is_what_ffprobe_says(tmp_path: Path, name: str) -> None:
    compared = 0
    for stream in streams(name):
        found = [body.configuration for body in stream.bodies if isinstance(body.configuration, AacConfiguration)]
        if not found:
            continue  # a player that came too late for it
        said = asked(stream.write(tmp_path / "captured.flv"))
        assert sound_of(stream.bodies) == sound_by_ffprobe(said)
        assert {one.profile for one in found} == {said["profile"]}
        assert stream.titles == set()
        compared += 1
    assert compared >= 1


@needs_captures
def test_legacy_codecs_in_captures_are_what_ffprobe_says(tmp_path: Path) -> None:
    compared = set()
    for stream in [*streams("11-legacy-codecs-nginx"), *streams("36-thirdparty-flv-tcserver1935-nms19350")]:
        if stream.messages[0].payload[0] >> 4 == 9:
            continue  # which ffprobe does not know
        said = asked(stream.write(tmp_path / "captured.flv"))
        assert sound_of(stream.bodies) == sound_by_ffprobe(said)
        assert stream.titles == set()
        for body in stream.bodies:
            if body.codec == "mp3" and body.frame:
                assert body.frame.text.startswith(f"{int(said['bit_rate']) // 1000} kbit/s ")
        compared.add(said["codec_name"])
    assert compared == {"aac", "mp3", "pcm_u8", "pcm_alaw", "adpcm_swf", "nellymoser"}


@needs_captures
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("05-enh-hevc10hdr-ac3-nms4", "ac3"),
        ("06-enh-av1-opus-nms4", "opus"),
        ("07-enh-vp9-flac-nms4", "flac"),
        ("08-enh-avc-eac3-nms4", "eac3"),
        ("36-thirdparty-flv-tcserver1935-nms19350", "opus"),
    ],
)
def test_enhanced_codecs_in_captures_are_what_ffmpeg_says(tmp_path: Path, name: str, codec: str) -> None:
    compared = 0
    for stream in streams(name):
        if stream.messages[0].payload[0] >> 4 != 9:
            continue
        (said,) = said_by_ffmpeg(stream.write(tmp_path / "captured.flv"))
        assert sound_of(stream.bodies) == said.sound
        assert said.sound.codec == codec
        channels = {
            body.channels for body in stream.bodies if isinstance(body.configuration, MultichannelConfiguration)
        }
        assert channels <= {said.sound.channels}
        if codec in {"ac3", "eac3"}:
            assert {body.frame.text.split()[0] for body in stream.bodies if body.frame} == {str(said.bit_rate)}
        assert stream.titles == set()
        compared += 1
    assert compared == 2


@needs_captures
@pytest.mark.parametrize("name", ["av1_aac", "avc_aac", "hevc_aac", "mptestsrc", "testsrc", "testsrc2"])
def test_sample_files_are_what_ffmpeg_says(name: str) -> None:
    path = SHARED / "fixtures" / "flv" / f"{name}.flv"
    (said,) = said_by_ffmpeg(path)
    assert sound_of(bodies_in(path)) == said.sound


# Made here


def encode(program: str, path: Path, rate: int, channels: int, *options: str) -> bool:
    """Whether the program can: not every codec knows every rate and number of channels."""
    source = ["-f", "lavfi", "-i", f"anoisesrc=amplitude=0.1:duration=0.3:sample_rate={rate}"]
    command = [program, "-v", "quiet", "-y", *source, "-ac", str(channels), *options, "-f", "flv", str(path)]
    return subprocess.run(command, timeout=60, check=False).returncode == 0


def debians_ffmpeg() -> str:
    return shutil.which("ffmpeg") or pytest.skip("no ffmpeg")


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_aac_is_what_ffprobe_says(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "made.flv"
    assert encode(debians_ffmpeg(), path, rate, channels, "-c:a", "aac")
    said = asked(path)
    assert sound_of(bodies_in(path)) == sound_by_ffprobe(said) == ("aac", rate, channels)


@pytest.mark.parametrize(("rate", "kilobits"), [(11_025, 64), (22_050, 8), (44_100, 32), (44_100, 320), (48_000, 128)])
@pytest.mark.parametrize("channels", [1, 2])
def test_mp3_is_what_ffprobe_says(tmp_path: Path, rate: int, kilobits: int, channels: int) -> None:
    path = tmp_path / "made.flv"
    assert encode(debians_ffmpeg(), path, rate, channels, "-c:a", "libmp3lame", "-b:a", f"{kilobits}k")
    said = asked(path)
    bodies = bodies_in(path)
    assert sound_of(bodies) == sound_by_ffprobe(said) == ("mp3", rate, channels)
    assert {body.frame.text.split()[0] for body in bodies if body.frame} == {str(kilobits)}
    assert {body.frame is not None for body in bodies} == {True}


@pytest.mark.parametrize("quality", range(0, 11, 2))
@pytest.mark.parametrize("frames", [1, 3])
def test_speex_frames_are_those_that_were_asked_for(tmp_path: Path, quality: int, frames: int) -> None:
    path = tmp_path / "made.flv"
    options = ("-c:a", "libspeex", "-q:a", str(quality), "-frames_per_packet", str(frames))
    assert encode(debians_ffmpeg(), path, 16_000, 1, *options)
    bodies = bodies_in(path)
    assert sound_of(bodies) == sound_by_ffprobe(asked(path)) == ("speex", 16_000, 1)
    counts = [body.frame.frames for body in bodies if isinstance(body.frame, SpeexFrames)]
    assert set(counts) == {frames}
    assert len(counts) == len(bodies)


@pytest.mark.parametrize(
    ("codec", "rate", "channels"),
    [
        ("adpcm_swf", 11_025, 1),
        ("adpcm_swf", 44_100, 2),
        ("nellymoser", 8_000, 1),
        ("nellymoser", 16_000, 1),
        ("nellymoser", 44_100, 1),
        ("pcm_alaw", 8_000, 1),
        ("pcm_mulaw", 8_000, 1),
        ("pcm_u8", 22_050, 2),
        ("pcm_s16le", 44_100, 2),
    ],
)
def test_other_legacy_codecs_are_what_ffprobe_says(tmp_path: Path, codec: str, rate: int, channels: int) -> None:
    path = tmp_path / "made.flv"
    assert encode(debians_ffmpeg(), path, rate, channels, "-c:a", codec)
    assert sound_of(bodies_in(path)) == sound_by_ffprobe(asked(path)) == (codec, rate, channels)


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize(
    ("codec", "rate"),
    [
        *(("libopus", 48_000), ("libopus", 16_000), ("flac", 44_100), ("flac", 96_000), ("ac3", 48_000)),
        *(("ac3", 44_100), ("eac3", 32_000), ("eac3", 44_100)),
    ],
)
def test_enhanced_codecs_are_what_ffmpeg_says(tmp_path: Path, codec: str, rate: int, channels: int) -> None:
    path = tmp_path / "made.flv"
    if not encode(ffmpeg(), path, rate, channels, "-c:a", codec):
        assert (codec, channels) in NOT_WRITTEN
        return
    (said,) = said_by_ffmpeg(path)
    bodies = bodies_in(path)
    assert sound_of(bodies) == said.sound
    assert said.sound.channels == channels
    told = [body.configuration for body in bodies if isinstance(body.configuration, MultichannelConfiguration)]
    assert all(len(one.speakers) == channels for one in told)
    assert told


# Opus has no layout that FFmpeg would write for 3 and 4 channels, AC-3 none for more than 6.
NOT_WRITTEN: Final = {
    ("libopus", 3),
    ("libopus", 4),
    *((codec, count) for codec in ("ac3", "eac3") for count in (7, 8)),
}


@pytest.mark.parametrize("bits", ["s16", "s32"])
def test_flac_says_how_long_samples_are(tmp_path: Path, bits: str) -> None:
    path = tmp_path / "made.flv"
    assert encode(ffmpeg(), path, 48_000, 2, "-c:a", "flac", "-sample_fmt", bits)
    assert {body.sample_size for body in bodies_in(path) if body.rate} == {{"s16": 16, "s32": 24}[bits]}


def test_several_tracks_are_told_apart(tmp_path: Path) -> None:
    """As FFmpeg writes them: each in messages of its own, the second and third in the form OneTrack."""
    path = tmp_path / "tracks.flv"
    inputs = [word for rate in (44_100, 48_000, 32_000) for word in ("-f", "lavfi", "-i", f"sine=d=0.3:r={rate}")]
    codecs = ["-c:a:0", "aac", "-c:a:1", "libopus", "-c:a:2", "ac3", "-ac:a:2", "2"]
    maps = ["-map", "0", "-map", "1", "-map", "2"]
    run([ffmpeg(), "-v", "error", "-y", *inputs, *maps, *codecs, "-f", "flv", str(path)])
    said = said_by_ffmpeg(path)
    assert [one.sound.codec for one in said] == ["aac", "opus", "ac3"]
    assert [sound_of(bodies_in(path, track)) for track in range(3)] == [one.sound for one in said]
    assert {body.track_type for track in (1, 2) for body in bodies_in(path, track)} == {"one_track"}


# Records that no encoder here writes

MONO, STEREO = bytes.fromhex("af01011881b470"), bytes.fromhex("af0121104e00")  # frames, so that ffprobe has some
RECORDS = [
    ("1210", 44_100, STEREO),
    ("1188", 48_000, MONO),
    ("2b920800", 44_100, STEREO),
    ("eb098800", 48_000, MONO),
    ("139056e5a0", 44_100, STEREO),
    ("138856e5a54880", 44_100, MONO),
    ("120856e500", 44_100, MONO),
]


@pytest.mark.parametrize(("record", "rate", "frame"), RECORDS)
def test_rates_with_sbr_are_what_ffprobe_says(tmp_path: Path, record: str, rate: int, frame: bytes) -> None:
    path = tmp_path / "made.flv"
    path.write_bytes(flv([Tag(AUDIO, 0, bytes.fromhex(f"af00{record}")), *(Tag(AUDIO, 23, frame) for _ in range(20))]))
    said = asked(path)
    found = sound_of(bodies_in(path))
    assert int(said["sample_rate"]) == found.rate == rate
    assert found.channels == said["channels"]


def test_ffmpeg_sends_aac_of_many_channels_in_both_forms(tmp_path: Path) -> None:
    """The frames with the old header, the multichannel configuration with the new one. (It then reads another rate.)"""
    path = tmp_path / "made.flv"
    assert encode(ffmpeg(), path, 48_000, 6, "-c:a", "aac")
    bodies = bodies_in(path)
    assert sound_of(bodies) == ("aac", 48_000, 6)
    assert {(body.codec, body.codec_id) for body in bodies} == {("aac", 10), ("aac", int.from_bytes(b"mp4a", "big"))}
    (told,) = [body.configuration for body in bodies if isinstance(body.configuration, MultichannelConfiguration)]
    assert told.text == "6 channels, native order, FL FR FC LFE1 BL BR"
