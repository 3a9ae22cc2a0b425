"""Audio messages: takes a cursor over the body, gives what it says of codec and sound.

Video File Format 10.1 E.4.2; Enhanced RTMP v2 "Enhanced Audio". Records that configure a decoder are read in full, of
coded frames the header alone. The media bytes themselves are not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Final, NamedTuple, TypeAlias

from rtmpsniff.fields import Cursor, Field, Role
from rtmpsniff.findings import AAC_ADTS, MEDIA_CONFIGURATION, MEDIA_FRAME, Evidence, Finding, Rule, Severity
from rtmpsniff.payload import codecs
from rtmpsniff.payload.codecs.sound import Sound, channel_words
from rtmpsniff.payload.media import (
    FOUR_CCS,
    MODEX,
    Track,
    four_cc,
    headers_so_far,
    media_payload,
    modex,
    multitrack,
    record,
    tracks,
    word,
)
from rtmpsniff.text import plural


@dataclass(slots=True)
class MultichannelConfiguration:
    """Enhanced RTMP: how many channels there are, and where each of them sounds.

    Filled while the record is read; nothing changes it later. `order` is unspecified, native (the bits of `mask` name
    the speakers, the lowest first) or custom (each channel names its own). `speakers` has the names of Enhanced RTMP in
    short: FL, FR, FC, LFE1, BL and so on.
    """

    order: str | None = None
    channels: int | None = None
    mask: int | None = None
    speakers: tuple[str, ...] = ()

    @property
    def sound(self) -> Sound:
        return None, None, self.channels

    @property
    def text(self) -> str:
        """In a person's words: `stereo, native order, FL FR`."""
        words = [channel_words(self.channels), f"{self.order} order" if self.order else "", " ".join(self.speakers)]
        return ", ".join(filter(None, words))


# As texts, so that no codec's module is loaded for them.
AudioConfiguration: TypeAlias = (
    "codecs.aac.AacConfiguration | codecs.opus.OpusConfiguration | codecs.flac.FlacConfiguration"
    " | MultichannelConfiguration"
)
AudioFrame: TypeAlias = (
    "codecs.mpeg_audio.MpegAudioFrame | codecs.ac3.Ac3Frame | codecs.opus.OpusPacket | codecs.flac.FlacFrame"
    " | codecs.speex.SpeexFrames"
)


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """One track of a message that holds several; everything is as for `Audio`."""

    id: int
    codec: str
    codec_id: int
    rate: int | None = None
    sample_size: int | None = None
    channels: int | None = None
    size: int = 0
    configuration: AudioConfiguration | None = None
    frame: AudioFrame | None = None


@dataclass(frozen=True, slots=True)
class Audio:
    """Type 8. A message without a byte is silence, and says so as its packet type.

    `codec` is a name from the tables below and `codec_id` the number for it: a SoundFormat, or a FourCC read as a
    big-endian integer, as onMetaData has them. `packet_type` is None where the codec has none. `rate` (Hz),
    `sample_size` (bits) and `channels` are what the codec's own record or frame header in this message says, or else
    the message's header, or the format by definition; None where none of them does. `size` counts the media bytes,
    headers of the codec among them. `nanosecond_offset` is to be added to the time of presentation.

    `configuration` is what a sequence header or a multichannel configuration says, `frame` what the header of the first
    coded frame says, of codecs whose frames have one.

    A message of several tracks has them in `tracks`, and above only what they share; `track_type` says how they are
    written. One with a single track has its number as `track_id` and the rest above; 0 is the default track.
    """

    codec: str | None = None
    codec_id: int | None = None
    packet_type: str | None = None
    rate: int | None = None
    sample_size: int | None = None
    channels: int | None = None
    size: int = 0
    nanosecond_offset: int | None = None
    configuration: AudioConfiguration | None = None
    frame: AudioFrame | None = None
    track_type: str | None = None
    track_id: int = 0
    tracks: tuple[AudioTrack, ...] = ()


AUDIO_CODECS: Final = {
    0: "pcm",  # in the sender's byte order
    1: "adpcm",
    2: "mp3",
    3: "pcm",  # little-endian
    4: "nellymoser",
    5: "nellymoser",
    6: "nellymoser",
    7: "g711_alaw",
    8: "g711_mulaw",
    9: "enhanced",
    10: "aac",
    11: "speex",
    12: "ac-3",  # 12 and 13 are reserved: used so by forks, 13 by SRS and lal
    13: "opus",
    14: "mp3",
    15: "device_specific",
}

# One word for one thing: the legacy codecs' packet types are the first of the enhanced ones.
AUDIO_PACKET_TYPES: Final = {
    0: "sequence_header",
    1: "coded_frames",
    2: "sequence_end",
    4: "multichannel_config",
    5: "multitrack",
    7: "modex",
}
AAC_PACKET_TYPES: Final = {0: "sequence_header", 1: "coded_frames"}

CHANNEL_ORDERS: Final = {0: "unspecified", 1: "native", 2: "custom"}
_SPEAKERS: Final = (  # by number, and by bit of a mask
    *("FL", "FR", "FC", "LFE1", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC"),
    *("TFL", "TFC", "TFR", "TBL", "TBC", "TBR", "LFE2", "TSL", "TSR", "BFC", "BFL", "BFR"),
)
SPEAKERS: Final = {**dict(enumerate(_SPEAKERS)), 0xFE: "unused", 0xFF: "unknown"}

AAC: Final = 10
_ENHANCED: Final = 9
_CODED_FRAMES: Final = Field("packet type", 1, 2, 1, "1 coded_frames", Role.MEDIA_HEADER)  # of AAC, in its place
_MULTITRACK: Final = 5
_UNWRITTEN: Final = frozenset({12, 13})  # how the body is laid out is nowhere written, and not the same in all forks

_RATES: Final = {0: 5_512, 1: 11_025, 2: 22_050, 3: 44_100}
_RATE_LABELS: Final = {0: "5.5 kHz", 1: "11 kHz", 2: "22 kHz", 3: "44 kHz"}
_FIXED_RATES: Final = {4: 16_000, 5: 8_000, 7: 8_000, 8: 8_000, 11: 16_000, 14: 8_000}  # whatever the bits say
_MONO: Final = frozenset({4, 5, 11})


class _Content(NamedTuple):
    """What stands behind the headers of a message or track, and what it says of the sound."""

    size: int
    configuration: AudioConfiguration | None = None
    frame: AudioFrame | None = None

    @property
    def sound(self) -> Sound:
        said = self.configuration or self.frame
        return (None, None, None) if said is None else said.sound


def audio(read: Cursor, findings: list[Finding]) -> Audio:
    """Read an audio message; the cursor must stand at the beginning of its data."""
    first = read.peek()
    if first is None:
        return Audio(packet_type="silence")
    head = _audio_head(first)
    if is_plain_aac(read.data) and read.end == len(read.data):
        read.fields = [*head.fields, _CODED_FRAMES]
        read.position = 2
        return Audio("aac", AAC, "coded_frames", None, None, None, media_payload(read))
    read.fields.extend(head.fields)
    read.position = 1
    if head.number == AAC:
        number = read.enum("packet type", 1, AAC_PACKET_TYPES, Role.MEDIA_HEADER)
        return _audio_data(head, word(AAC_PACKET_TYPES, number), _content(read, "aac", number, findings))
    if head.number == _ENHANCED:
        return _enhanced_audio(read, first & 0x0F, findings)
    return _audio_data(head, None, _legacy(read, head, findings))


def is_plain_aac(data: bytes) -> bool:
    """Whether an audio message is one raw frame of AAC, as nearly all are: the rest is media, whatever it holds."""
    return len(data) > 2 and data[0] >> 4 == AAC and data[1] == 1 and data[2] != 0xFF


def audio_so_far(read: Cursor) -> Audio | None:
    """What the headers told of a message in which reading broke off."""
    if not read.data:
        return None
    head = _audio_head(read.data[0])
    if head.number == _ENHANCED:
        told = headers_so_far(read.fields)
        packet_type = word(AUDIO_PACKET_TYPES, read.data[0] & 0x0F if told.packet_type is None else told.packet_type)
        return Audio(told.codec, told.codec_id, packet_type, nanosecond_offset=told.nanosecond_offset)
    return Audio(head.codec, head.number, None, head.rate, head.sample_size, head.channels)


def _audio_data(head: _AudioHead, packet_type: str | None, content: _Content) -> Audio:
    rate, sample_size, channels = content.sound
    return Audio(
        head.codec,
        head.number,
        packet_type,
        rate or head.rate,
        sample_size or head.sample_size,
        channels or head.channels,
        content.size,
        None,
        content.configuration,
        content.frame,
    )


def _enhanced_audio(read: Cursor, number: int, findings: list[Finding]) -> Audio:
    nanoseconds = None
    if number == MODEX:
        number, nanoseconds = modex(read, number, AUDIO_PACKET_TYPES, findings)
    if number == _MULTITRACK:
        return _multitrack(read, nanoseconds, findings)
    code, codec = four_cc(read)
    content = _content(read, codec if code in FOUR_CCS else "", number, findings)
    packet_type, codec_id = word(AUDIO_PACKET_TYPES, number), int.from_bytes(code, "big")
    return Audio(codec, codec_id, packet_type, *content.sound, content.size, nanoseconds, *content[1:])


def _multitrack(read: Cursor, nanoseconds: int | None, findings: list[Finding]) -> Audio:
    head = multitrack(read, AUDIO_PACKET_TYPES, _MULTITRACK, findings)
    if head is None:
        return Audio(packet_type="multitrack", nanosecond_offset=nanoseconds)
    packet_type = word(AUDIO_PACKET_TYPES, head.packet_type)
    found = tracks(read, head, partial(_track, packet_type=head.packet_type), findings)
    code, codec = head.codec or (None, None)
    codec_id = None if code is None else int.from_bytes(code, "big")
    if head.track_type != "one_track":
        size = sum(track.size for track in found)
        return Audio(
            codec,
            codec_id,
            packet_type,
            size=size,
            nanosecond_offset=nanoseconds,
            track_type=head.track_type,
            tracks=tuple(found),
        )
    (track,) = found
    return Audio(
        codec,
        codec_id,
        packet_type,
        track.rate,
        track.sample_size,
        track.channels,
        track.size,
        nanoseconds,
        track.configuration,
        track.frame,
        head.track_type,
        track.id,
    )


def _track(read: Cursor, track: Track, findings: list[Finding], packet_type: int) -> AudioTrack:
    content = _content(read, track.codec if track.code in FOUR_CCS else "", packet_type, findings)
    codec_id = int.from_bytes(track.code, "big")
    return AudioTrack(track.id, track.codec, codec_id, *content.sound, content.size, *content[1:])


# What stands behind the headers


# Each gives the reader of a frame when it is asked for, which loads the codec's module.
_FRAMES: Final[dict[str, Callable[[], Callable[[Cursor], AudioFrame | None]]]] = {
    "mp3": lambda: codecs.mpeg_audio.frame_header,
    "ac-3": lambda: codecs.ac3.frame_header,
    "ec-3": lambda: codecs.ac3.frame_header,
    "flac": lambda: codecs.flac.frame_header,
    "opus": lambda: codecs.opus.packet,
    "speex": lambda: codecs.speex.frames,
}
_SHORTEST: Final = {"mp3": 4, "ac-3": 7, "ec-3": 7, "flac": 6}  # bytes; a message with fewer has no header to miss
_NELLYMOSER_BLOCK: Final = 64


def _content(read: Cursor, codec: str, number: int, findings: list[Finding]) -> _Content:
    """Read what a packet type says it is; an empty sequence header comes from FFmpeg, before the one that counts."""
    size = read.left
    if number == 0 and (size or codec == "aac"):
        return _Content(size, _configuration(read, codec, findings))
    if number == 1 and size:
        return _Content(size, None, _frame(read, codec, findings))
    if number == 4:
        reader = _multichannel
        return _Content(size, record(read, "multichannel configuration", reader, MultichannelConfiguration(), findings))
    return _Content(media_payload(read))


def _configuration(read: Cursor, codec: str, findings: list[Finding]) -> AudioConfiguration | None:
    if codec == "aac":
        aac = codecs.aac
        return record(read, "AudioSpecificConfig", aac.audio_specific_config, aac.AacConfiguration(), findings)
    if codec == "opus":
        opus = codecs.opus
        return record(read, "identification header", opus.identification_header, opus.OpusConfiguration(), findings)
    if codec == "flac":
        flac = codecs.flac
        return record(read, "stream header", flac.stream_header, flac.FlacConfiguration(), findings)
    media_payload(read)
    return None


def _multichannel(read: Cursor, found: MultichannelConfiguration, findings: list[Finding]) -> None:
    start = read.position
    order = read.enum("channel order", 1, CHANNEL_ORDERS, Role.MEDIA_HEADER)
    found.order = word(CHANNEL_ORDERS, order)
    found.channels = read.u8("channel count", Role.MEDIA_HEADER)
    if found.order == "native":
        found.mask = int.from_bytes(read.take("channel mask", 4), "big")
        found.speakers = tuple(word(SPEAKERS, bit) for bit in range(32) if found.mask >> bit & 1)
        label = f"{found.mask:#010x} {' '.join(found.speakers)}"
        read.add("channel mask", read.position - 4, found.mask, label.rstrip(), Role.MEDIA_HEADER)
        if len(found.speakers) != found.channels:
            title = f"{plural(found.channels, 'channel')}, but a mask of {plural(len(found.speakers), 'speaker')}"
            findings.append(_finding(MEDIA_CONFIGURATION, Severity.WARNING, title, start, read.position - start))
    elif found.order == "custom":
        raw = read.take("speakers", found.channels)
        found.speakers = tuple(word(SPEAKERS, number) for number in raw)
        if raw:
            read.add("speakers", read.position - len(raw), raw, " ".join(found.speakers), Role.MEDIA_HEADER)


def _frame(read: Cursor, codec: str, findings: list[Finding]) -> AudioFrame | None:
    """Read the header of the first frame, if the codec's frames have one; all the rest is media."""
    start, end = read.position, read.end
    frame = None
    if codec in _FRAMES:
        frame = _FRAMES[codec]()(read)
        if frame is None:
            if end - start >= _SHORTEST.get(codec, 1):
                title = f"{codec} that does not begin with a frame header"
                findings.append(_finding(MEDIA_FRAME, Severity.WARNING, title, start, min(end - start, 8)))
        else:
            size: int | None = getattr(frame, "size", None)  # the headers of some codecs say it
            if size is not None and size > end - start:
                title = f"{codec} frame of {plural(size, 'byte')}, of which {end - start} are here"
                findings.append(_finding(MEDIA_FRAME, Severity.WARNING, title, start, end - start))
    elif codec == "aac" and codecs.aac.is_adts(read.data, start, end):
        title = "an ADTS header before raw AAC, which decoders do not expect"
        findings.append(_finding(AAC_ADTS, Severity.ERROR, title, start, 7))
        codecs.aac.adts_header(read)
    media_payload(read)
    return frame


def _legacy(read: Cursor, head: _AudioHead, findings: list[Finding]) -> _Content:
    """Formats without a packet type."""
    start, size = read.position, read.left
    if head.codec == "adpcm" and size:  # E.4.2: two bits before the packets, which are not taken apart
        read.bits("code size", 0xC0, {code: f"{code + 2} bits" for code in range(4)})
        read.skip()
    elif head.codec == "nellymoser" and size % _NELLYMOSER_BLOCK:
        title = f"Nellymoser blocks have {_NELLYMOSER_BLOCK} bytes, and this message {size}"
        findings.append(_finding(MEDIA_FRAME, Severity.WARNING, title, start, size))
    elif head.codec in _FRAMES and head.number not in _UNWRITTEN and size:
        return _Content(size, None, _frame(read, head.codec, findings))
    media_payload(read)
    return _Content(size)


def _finding(rule: Rule, severity: Severity, title: str, start: int, size: int) -> Finding:
    return Finding(rule, severity, title, (Evidence(title, start, size, in_message=True),))


class _AudioHead(NamedTuple):
    fields: tuple[Field, ...]
    number: int
    codec: str
    rate: int | None
    sample_size: int | None
    channels: int | None


# The first byte is read once for each of its 256 values, not once a message, and its fields are shared: `decode` of raw
# AAC takes 2.2 and not 5 microseconds.


@cache
def _audio_head(byte: int) -> _AudioHead:
    read = Cursor(bytes([byte]))
    number = read.bits("sound format", 0xF0, AUDIO_CODECS)
    codec = AUDIO_CODECS[number]
    if number == _ENHANCED:
        read.bits("packet type", 0x0F, AUDIO_PACKET_TYPES)
        return _AudioHead(tuple(read.fields), number, codec, None, None, None)
    rate = _FIXED_RATES.get(number, _RATES[read.bits("sound rate", 0x0C, _RATE_LABELS)])
    sample_size = 8 << read.bits("sound size", 0x02, {0: "8 bit", 1: "16 bit"})
    channels = 1 + read.bits("sound type", 0x01, {0: "mono", 1: "stereo"})
    if number in _MONO:
        channels = 1
    # E.4.2.1: AAC is always said to be 44 kHz, 16 bit, stereo. The usual rates of Opus and AC-3 cannot be said at all.
    if number == AAC or number in _UNWRITTEN:
        return _AudioHead(tuple(read.fields), number, codec, None, None, None)
    return _AudioHead(tuple(read.fields), number, codec, rate, sample_size, channels)
