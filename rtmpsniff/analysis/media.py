"""The media of a stream: takes audio and video messages, keeps counts, times, and how each track is configured.

Media is most of a capture, so a message costs next to nothing here: it is counted, and looked into only where its
first bytes say something that was not there before, or that it configures a decoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from rtmpsniff.payload.aggregate import HEADER
from rtmpsniff.payload.audio import Audio, AudioConfiguration, AudioTrack, MultichannelConfiguration
from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.codecs.configuration import Configuration
from rtmpsniff.payload.media import MODEX
from rtmpsniff.payload.types import AUDIO, VIDEO
from rtmpsniff.payload.values import Value
from rtmpsniff.payload.video import Video, VideoTrack
from rtmpsniff.rtmp.events import Message

MOST_TRACKS: Final = 32  # of one flow; further ones are counted with the rest and not kept apart
LARGEST_METADATA: Final = 65_536  # bytes of a message whose metadata is kept
MOST_HEADS: Final = 1024  # first bytes that are known; with more of them there is nothing to learn from them

_MOST_APART: Final = 600_000  # ms; flows that begin farther apart have no clock in common

Part: TypeAlias = Audio | AudioTrack | Video | VideoTrack

_FRAMES: Final = frozenset({None, "coded_frames", "coded_frames_x"})
_EXTENDED: Final = {AUDIO: (0xF0, 0x90), VIDEO: (0x80, 0x80)}  # mask and value of an extended header's first byte
_MULTITRACK: Final = {AUDIO: 5, VIDEO: 6}  # as the packet type in it


@dataclass(slots=True, eq=False)
class Track:
    """One track of a flow; there is one, number 0, unless Enhanced RTMP names more.

    `configuration` is what its latest sequence header says, or parameter sets amid a frame; None where there was none.
    `sample` is its first frame that had this codec, or what came before one: it may say itself what size, rate and
    channels are.
    """

    id: int
    codec: str
    sample: Part
    configuration: Configuration | AudioConfiguration | None = None
    speakers: MultichannelConfiguration | None = None
    metadata: tuple[tuple[str, Value], ...] = ()  # of video, as `colorInfo`
    is_sampled: bool = False  # `sample` is a frame
    headers: int = 0  # sequence headers so far
    former: tuple[str, ...] = ()  # codecs that it had before

    def take(self, part: Part, packet_type: str | None) -> None:
        """Learn from one more message of it."""
        if part.codec != self.codec and part.codec:
            self.former = tuple(dict.fromkeys((*self.former, self.codec)))[:MOST_TRACKS]
            self.codec, self.sample, self.configuration, self.is_sampled = part.codec, part, None, False
        if packet_type in _FRAMES and not self.is_sampled:
            self.sample, self.is_sampled = part, True
        self.headers += packet_type == "sequence_header"
        if isinstance(part.configuration, MultichannelConfiguration):
            self.speakers = part.configuration
        elif part.configuration is not None:
            self.configuration = part.configuration
        if isinstance(part, Video | VideoTrack) and part.metadata:
            self.metadata = part.metadata


@dataclass(slots=True, eq=False)
class Flow:
    """The audio or the video of one stream.

    `messages` and `size` (bytes of payload) are of messages of this type, `inside` and `size_inside` of what lay in
    aggregates; `others` are those among them all that are no frames. `first` and `last` are timestamps of frames in ms.
    """

    kind: int  # AUDIO or VIDEO
    messages: int = 0
    size: int = 0
    inside: int = 0
    size_inside: int = 0
    others: int = 0
    first: int | None = None
    last: int = 0
    tracks: dict[int, Track] = field(default_factory=dict)
    heads: set[int] = field(default_factory=set, repr=False)  # first bytes that have nothing new to say

    @property
    def duration(self) -> int:
        """From the first frame to the latest one, in ms; 0 where the timestamps went back."""
        if self.first is None:
            return 0
        elapsed = (self.last - self.first) & 0xFFFFFFFF
        if elapsed < 1 << 31:
            return elapsed
        elapsed &= 0x7FFFFFFF  # FFmpeg's timestamps have 31 bits
        return elapsed if elapsed < 1 << 30 and self.first < 1 << 31 else 0

    @property
    def bit_rate(self) -> int | None:
        """Payload bits a second, by the timestamps; None where no time went by."""
        return round((self.size + self.size_inside) * 8000 / self.duration) if self.duration else None

    @property
    def frame_rate(self) -> float | None:
        """Frames a second, by their number and the timestamps; None where that tells nothing, or of several tracks."""
        frames = self.messages + self.inside - self.others
        if not self.duration or frames < 2 or len(self.tracks) != 1:
            return None
        return round((frames - 1) * 1000 / self.duration, 3)

    def count(self, message: Message) -> None:
        """Take one message of this kind."""
        self.messages += 1
        self.size += message.length
        if head_of(message) in self.heads:
            self.last = message.timestamp
        else:
            self.look(message)

    def look(self, message: Message) -> None:
        """Learn from a message whose first bytes are not known. It has been counted."""
        if message.state != "whole" or not message.length:
            self.others += 1
            return
        head = self._full_head(message.payload)
        if head in self.heads:
            self.last = message.timestamp
        else:
            self._learn(head, message.timestamp, message.length, message.body)

    def count_inside(self, payload: bytes, timestamp: int) -> None:
        """Take one message of an aggregate."""
        self.inside += 1
        self.size_inside += len(payload)
        head = self._full_head(payload)
        if head in self.heads:
            self.last = timestamp
        else:
            self._learn(head, timestamp, len(payload), decode(self.kind, payload).body)

    def _full_head(self, payload: bytes) -> int:
        """The first two bytes as a number; for one track of several the track's number too; -1 for a short message."""
        if len(payload) < 2:
            return -1
        head = payload[0] << 8 | payload[1]
        if self._is_extended(head) and head >> 8 & 0x0F == _MULTITRACK[self.kind]:
            return -1 if head & 0xF0 or len(payload) < 7 else 1 << 24 | head << 8 | payload[6]
        return head

    def _is_extended(self, head: int) -> bool:
        mask, value = _EXTENDED[self.kind]
        return head >> 8 & mask == value

    def _learn(self, head: int, timestamp: int, length: int, body: object) -> None:
        if not isinstance(body, Audio | Video) or not is_frame(body):
            self.others += 1
        if not isinstance(body, Audio | Video) or (body.packet_type == "metadata" and length > LARGEST_METADATA):
            return
        for number, part in tracks_of(body):
            self._meet(number, part, body.packet_type)
        if is_frame(body):
            self.first = timestamp if self.first is None else self.first
            self.last = timestamp
            # A modifier may stand before anything: which packet type comes behind it does not show at once.
            known = head >= 0 and not (self._is_extended(head) and head >> 8 & 0x0F == MODEX)
            if known and len(self.heads) < MOST_HEADS:
                self.heads.add(head)

    def _meet(self, number: int, part: Part, packet_type: str | None) -> None:
        track = self.tracks.get(number)
        if track is None and part.codec and len(self.tracks) < MOST_TRACKS:
            track = self.tracks[number] = Track(number, part.codec, part)
        if track is not None:
            track.take(part, packet_type)


def duration_of(flows: Iterable[Flow]) -> int:
    """From the first frame of any of these flows to the latest one, in ms; of the longest where they share no clock."""
    timed = [(flow.first, flow.duration) for flow in flows if flow.first is not None]
    if not timed:
        return 0
    zero = timed[0][0]
    spans = [((first - zero + (1 << 31)) % (1 << 32), duration) for first, duration in timed]  # timestamps wrap
    begin, latest = min(spans)[0], max(spans)[0]
    if latest - begin > _MOST_APART:
        return max(duration for _, duration in spans)
    return max(first + duration for first, duration in spans) - begin


def head_of(message: Message) -> int:
    """The first two bytes of a message as a number; -1 where they did not come in one piece."""
    try:
        part = message.parts[0]
        return part[0] << 8 | part[1]
    except IndexError:
        return -1


def is_frame(body: Audio | Video) -> bool:
    """Whether a body is a coded frame, rather than what decoders need to know about frames."""
    return body.packet_type in _FRAMES and not (isinstance(body, Video) and body.frame_type == "command")


def tracks_of(body: Audio | Video) -> Iterator[tuple[int, Part]]:
    """The tracks in one message by their numbers; one, number 0, unless it is a multitrack message."""
    if body.tracks:
        for track in body.tracks:
            yield track.id, track
    else:
        yield body.track_id, body


def inside(message: Message) -> Iterator[tuple[int, bytes, int]]:
    """The audio and video in a whole aggregate message: type, payload and timestamp (ms), rebased (§7.1.6).

    The frames alone: `payload.aggregate` reads all there is, at a price.
    """
    payload, at, first = message.payload, 0, None
    while at + HEADER <= len(payload):
        kind = payload[at]
        size = int.from_bytes(payload[at + 1 : at + 4], "big")
        timestamp = payload[at + 7] << 24 | int.from_bytes(payload[at + 4 : at + 7], "big")
        first = timestamp if first is None else first
        at += HEADER
        if at + size > len(payload):
            return
        if kind in {AUDIO, VIDEO}:
            yield kind, payload[at : at + size], (message.timestamp + timestamp - first) & 0xFFFFFFFF
        at += size + 4  # the back pointer
