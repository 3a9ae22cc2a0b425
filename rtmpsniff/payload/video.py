"""Video messages: takes a cursor over the body, gives what it says of codec and frame.

Video File Format 10.1 E.4.3; Enhanced RTMP v2 "Enhanced Video". Records that configure a decoder are read in full, of
coded frames the heads alone: the NAL units or OBUs that they consist of, the size where a key frame tells it. The media
bytes themselves are not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Final, NamedTuple

from rtmpsniff.fields import Cursor, Field, Malformed, Role, Unreadable
from rtmpsniff.findings import MEDIA_FRAME, Evidence, Finding, Severity
from rtmpsniff.payload import codecs
from rtmpsniff.payload.amf0 import Amf0
from rtmpsniff.payload.codecs.configuration import Configuration
from rtmpsniff.payload.meanings import COLOR_INFO, explained
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
from rtmpsniff.payload.values import Value
from rtmpsniff.text import printable


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """One track of a message that holds several; everything is as for `Video`."""

    id: int
    codec: str
    codec_id: int
    composition_time: int | None = None
    size: int = 0
    configuration: Configuration | None = None
    nal_types: tuple[str, ...] = ()
    obu_types: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    metadata: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Video:
    """Type 9. A message without a byte has the packet type `empty`.

    `codec`, `codec_id`, `packet_type` and `size` are as for `Audio`. `composition_time` is in milliseconds, to be
    added to the message's timestamp; None where the header has none. `command` is for command frames alone.
    `nanosecond_offset` is to be added to the time of presentation.

    `configuration` is what a sequence header says, or parameter sets amid a frame. `nal_types` and `obu_types` name the
    first 64 units that a frame consists of. `width` and `height` are what a frame itself says, in pixels. `metadata`
    are the names and values of a metadata packet, such as `colorInfo`.

    A message of several tracks has them in `tracks`, and above only what they share; `track_type` says how they are
    written. One with a single track has its number as `track_id` and the rest above; 0 is the default track.
    """

    codec: str | None = None
    codec_id: int | None = None
    frame_type: str | None = None
    packet_type: str | None = None
    composition_time: int | None = None
    command: str | None = None
    size: int = 0
    nanosecond_offset: int | None = None
    configuration: Configuration | None = None
    nal_types: tuple[str, ...] = ()
    obu_types: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    metadata: tuple[tuple[str, Value], ...] = ()
    track_type: str | None = None
    track_id: int = 0
    tracks: tuple[VideoTrack, ...] = ()


VIDEO_CODECS: Final = {
    1: "jpeg",
    2: "sorenson_h263",
    3: "screen_video",
    4: "vp6",
    5: "vp6_alpha",
    6: "screen_video_2",
    7: "h264",
    8: "h263",  # 8 and 9: FFmpeg's own
    9: "mpeg4",
    12: "hevc",  # from here on not Adobe's: 12 by a convention of Chinese networks, 13 SRS, 14 and 15 media-server
    13: "av1",
    14: "avs3",
    15: "vvc",
}

FRAME_TYPES: Final = {1: "key", 2: "inter", 3: "disposable_inter", 4: "generated_key", 5: "command"}
COMMANDS: Final = {0: "start_seek", 1: "end_seek"}

# One word for one thing: the legacy codecs' packet types are the first of the enhanced ones.
VIDEO_PACKET_TYPES: Final = {
    0: "sequence_header",
    1: "coded_frames",
    2: "sequence_end",
    3: "coded_frames_x",
    4: "metadata",
    5: "mpeg2ts_sequence_header",
    6: "multitrack",
    7: "modex",
}
AVC_PACKET_TYPES: Final = {0: "sequence_header", 1: "coded_frames", 2: "sequence_end"}

_METADATA, _MPEG2TS, _MULTITRACK = 4, 5, 6
_AVC_LIKE: Final = frozenset({7, 12, 13, 14, 15})  # a packet type and a composition time follow
_REORDERED: Final = frozenset({b"avc1", b"hvc1", b"vvc1"})  # coded frames have a composition time


class _Content(NamedTuple):
    """What stands behind the headers of a message or track."""

    size: int
    configuration: Configuration | None = None
    nal_types: tuple[str, ...] = ()
    obu_types: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    metadata: tuple[tuple[str, Value], ...] = ()


def video(read: Cursor, findings: list[Finding]) -> Video:
    """Read a video message; the cursor must stand at the beginning of its data."""
    first = read.peek()
    if first is None:
        return Video(packet_type="empty")
    head = _video_head(first)
    read.fields.extend(head.fields)
    read.position = 1
    if first & 0x80:
        return _enhanced_video(read, head, findings)
    packet_type = composition_time = command = None
    if head.frame_type == "command":
        if head.number in _AVC_LIKE and read.left >= 5:  # command frames come with this header and without
            packet_type, composition_time = _avc_header(read)
        command, content = _video_command(read), _Content(media_payload(read))
    elif head.number in _AVC_LIKE:
        packet_type, composition_time = _avc_header(read)
        content = _content(read, head.codec, packet_type, findings)
    else:
        content = _content(read, head.codec, "coded_frames", findings)
    return Video(
        head.codec, head.number, head.frame_type, packet_type, composition_time, command, content[0], None, *content[1:]
    )


def video_so_far(read: Cursor) -> Video | None:
    """What the headers told of a message in which reading broke off."""
    if not read.data:
        return None
    head, told = _video_head(read.data[0]), headers_so_far(read.fields)
    if read.data[0] & 0x80:
        packet_type = word(VIDEO_PACKET_TYPES, head.number if told.packet_type is None else told.packet_type)
        codec, codec_id, nanoseconds = told.codec, told.codec_id, told.nanosecond_offset
        return Video(codec, codec_id, head.frame_type, packet_type, nanosecond_offset=nanoseconds)
    avc_packet_type = None if told.packet_type is None else word(AVC_PACKET_TYPES, told.packet_type)
    return Video(head.codec, head.number, head.frame_type, avc_packet_type)


def _avc_header(read: Cursor) -> tuple[str, int | None]:
    number = read.enum("packet type", 1, AVC_PACKET_TYPES, Role.MEDIA_HEADER)
    packet_type = word(AVC_PACKET_TYPES, number)
    if number == 2 and not read.left:  # E.4.3.1 asks for three zeros; nothing is lost without them
        return packet_type, None
    return packet_type, _composition_time(read)


def _enhanced_video(read: Cursor, head: _VideoHead, findings: list[Finding]) -> Video:
    number, nanoseconds = head.number, None
    if number == MODEX:
        number, nanoseconds = modex(read, number, VIDEO_PACKET_TYPES, findings)
    packet_type = word(VIDEO_PACKET_TYPES, number)
    if head.frame_type == "command" and number != _METADATA:
        command = _video_command(read)
        return Video(None, None, head.frame_type, packet_type, None, command, media_payload(read), nanoseconds)
    if number == _MULTITRACK:
        return _multitrack(read, head.frame_type, nanoseconds, findings)
    code, codec = four_cc(read)
    composition_time, content = _track(read, code, codec, packet_type, findings)
    codec_id = int.from_bytes(code, "big")
    return Video(
        codec, codec_id, head.frame_type, packet_type, composition_time, None, content[0], nanoseconds, *content[1:]
    )


def _multitrack(read: Cursor, frame_type: str, nanoseconds: int | None, findings: list[Finding]) -> Video:
    head = multitrack(read, VIDEO_PACKET_TYPES, _MULTITRACK, findings)
    if head is None:
        return Video(None, None, frame_type, "multitrack", nanosecond_offset=nanoseconds)
    packet_type = word(VIDEO_PACKET_TYPES, head.packet_type)
    found = tracks(read, head, partial(_one_of_tracks, packet_type=packet_type), findings)
    code, codec = head.codec or (None, None)
    codec_id = None if code is None else int.from_bytes(code, "big")
    if head.track_type != "one_track":
        return Video(
            codec,
            codec_id,
            frame_type,
            packet_type,
            size=sum(track.size for track in found),
            nanosecond_offset=nanoseconds,
            track_type=head.track_type,
            tracks=tuple(found),
        )
    (track,) = found
    return Video(
        codec,
        codec_id,
        frame_type,
        packet_type,
        track.composition_time,
        None,
        track.size,
        nanoseconds,
        track.configuration,
        track.nal_types,
        track.obu_types,
        track.width,
        track.height,
        track.metadata,
        head.track_type,
        track.id,
    )


def _one_of_tracks(read: Cursor, track: Track, findings: list[Finding], packet_type: str) -> VideoTrack:
    composition_time, content = _track(read, track.code, track.codec, packet_type, findings)
    return VideoTrack(track.id, track.codec, int.from_bytes(track.code, "big"), composition_time, *content)


def _track(
    read: Cursor, code: bytes, codec: str, packet_type: str, findings: list[Finding]
) -> tuple[int | None, _Content]:
    composition_time = None
    if packet_type == "coded_frames" and code in _REORDERED:
        composition_time = _composition_time(read)
    return composition_time, _content(read, codec if code in FOUR_CCS else "", packet_type, findings)


# What stands behind the headers


# Each gives its reader when it is asked for, which loads the codec's module.
_RECORDS: Final[dict[str, tuple[str, Callable[[], Callable[[Cursor, Configuration, list[Finding]], None]]]]] = {
    "h264": ("avcC", lambda: codecs.avc.decoder_configuration),
    "hevc": ("hvcC", lambda: codecs.hevc.decoder_configuration),
    "vvc": ("vvcC", lambda: codecs.vvc.decoder_configuration),
    "av1": ("av1C", lambda: codecs.av1.decoder_configuration),
    "vp8": ("vpcC", lambda: codecs.vpx.decoder_configuration),
    "vp9": ("vpcC", lambda: codecs.vpx.decoder_configuration),
}
_OF_NAL_UNITS: Final[dict[str, Callable[[], codecs.nal.Codec]]] = {
    "h264": lambda: codecs.avc.AVC,
    "hevc": lambda: codecs.hevc.HEVC,
    "vvc": lambda: codecs.vvc.VVC,
}
_SIZES: Final[dict[str, Callable[[], Callable[[Cursor], tuple[int, int] | None]]]] = {
    "vp8": lambda: codecs.vpx.vp8_frame,
    "vp9": lambda: codecs.vpx.vp9_frame,
    "sorenson_h263": lambda: codecs.flash_video.sorenson,
    "screen_video": lambda: codecs.flash_video.screen_video,
    "screen_video_2": lambda: codecs.flash_video.screen_video_2,
    "vp6": lambda: codecs.flash_video.vp6,
    "vp6_alpha": lambda: codecs.flash_video.vp6_alpha,
}


def of_nal_units(codec: str | None) -> codecs.nal.Codec | None:
    """How the NAL units of a codec are read; None where its frames do not consist of any."""
    family = _OF_NAL_UNITS.get(codec or "")
    return None if family is None else family()


def _content(read: Cursor, codec: str, packet_type: str, findings: list[Finding]) -> _Content:
    size = read.left
    if size:
        if packet_type in {"coded_frames", "coded_frames_x"}:
            return _frame(read, codec, size, findings)
        if packet_type == "sequence_header" and codec in _RECORDS:
            name, reader = _RECORDS[codec]
            return _Content(size, record(read, name, reader(), Configuration(), findings))
        if packet_type == "mpeg2ts_sequence_header" and codec == "av1":
            transport = codecs.av1.transport_configuration
            return _Content(size, record(read, "video descriptor", transport, Configuration(), findings))
        if packet_type == "metadata":
            return _Content(size, metadata=record(read, "metadata", _metadata, _Metadata(), findings).told)
    return _Content(media_payload(read))


def _frame(read: Cursor, codec: str, size: int, findings: list[Finding]) -> _Content:
    family = of_nal_units(codec)
    if family is not None:
        names, configuration = codecs.nal.units(read, family, findings)
        return _Content(size, configuration, names)
    if codec == "av1":
        found = Configuration()
        names = codecs.av1.units(read, found, findings)
        return _Content(size, found if found.width is not None else None, (), names)
    width = height = None
    if codec in _SIZES:
        width, height = _size(read, _SIZES[codec](), findings) or (None, None)
    media_payload(read)
    return _Content(size, None, (), (), width, height)


def _size(
    read: Cursor, reader: Callable[[Cursor], tuple[int, int] | None], findings: list[Finding]
) -> tuple[int, int] | None:
    """What the head of a frame says of its size. Behind one that is broken all is media, as without it."""
    depth, start = len(read.path), read.position
    try:
        return reader(read)
    except Unreadable as stop:
        where = " > ".join(read.path[depth:])
        del read.path[depth:]
        title = f"{where}: {stop.reason}" if where else f"frame header: {stop.reason}"
        evidence = Evidence(title, start, read.end - start, in_message=True)
        findings.append(Finding(MEDIA_FRAME, Severity.WARNING, title, (evidence,)))
        return None


@dataclass(slots=True)
class _Metadata:
    """What a metadata packet said, as far as it was read."""

    pairs: list[tuple[str, Value]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return ", ".join(printable(name) for name, _ in self.pairs)

    @property
    def told(self) -> tuple[tuple[str, Value], ...]:
        return tuple(self.pairs)


def _metadata(read: Cursor, found: _Metadata, findings: list[Finding]) -> None:
    """Names and their values. Enhanced RTMP defines `colorInfo`; undefined and {} take back what was said."""
    amf = Amf0(read, findings)
    while read.left:
        name = amf.value("name")
        if not isinstance(name, str):
            raise Malformed("a name that is no text")
        amf.pair(found.pairs, name, "value", printable(name))
        if name == "colorInfo":
            read.fields[-1] = explained(read.fields[-1], COLOR_INFO)


def _composition_time(read: Cursor) -> int:
    return read.signed("composition time", 3, Role.TIMESTAMP, label="{} ms")


def _video_command(read: Cursor) -> str | None:
    return word(COMMANDS, read.enum("video command", 1, COMMANDS, Role.MEDIA_HEADER)) if read.left else None


class _VideoHead(NamedTuple):
    fields: tuple[Field, ...]
    frame_type: str
    number: int  # of the codec, or of the packet type in an enhanced header
    codec: str


# The first byte is read once for each of its 256 values, not once a message, and its fields are shared: `decode` of a
# video message would take 1.7 microseconds more.


@cache
def _video_head(byte: int) -> _VideoHead:
    read = Cursor(bytes([byte]))
    if byte & 0x80:
        read.bits("extended header", 0x80)
        frame_type = read.bits("frame type", 0x70, FRAME_TYPES)
        number = read.bits("packet type", 0x0F, VIDEO_PACKET_TYPES)
    else:
        frame_type = read.bits("frame type", 0xF0, FRAME_TYPES)
        number = read.bits("codec id", 0x0F, VIDEO_CODECS)
    return _VideoHead(tuple(read.fields), word(FRAME_TYPES, frame_type), number, word(VIDEO_CODECS, number))
