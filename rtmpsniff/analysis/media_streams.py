"""What streams carry, message by message: takes the events of a run, gives what belongs into a file of each stream.

A file gets the audio, the video and the data of one published or played stream (`streams` says which message is of
which), in the order in which the messages were complete; aggregates are taken apart. Messages that did not come whole
are left out and counted. Nothing is kept but what waits for the first frames of a stream.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.analysis.conversation import Conversation
from rtmpsniff.analysis.media import Flow, head_of, is_frame, tracks_of
from rtmpsniff.analysis.selection import Selection, is_chosen
from rtmpsniff.analysis.streams import Action, Stream, same_stream
from rtmpsniff.analysis.timeline import Timeline
from rtmpsniff.budget import Budget
from rtmpsniff.payload.audio import Audio
from rtmpsniff.payload.command import Data
from rtmpsniff.payload.types import AGGREGATE, AUDIO, DATA_AMF0, FAMILIES, VIDEO
from rtmpsniff.payload.video import Video
from rtmpsniff.rtmp.aggregates import sub_messages
from rtmpsniff.rtmp.events import Closed, Event, Message, Undecoded
from rtmpsniff.rtmp.timestamps import difference
from rtmpsniff.transport.connection import Sender

Times: TypeAlias = Literal["rebased", "original"]

LONGEST_WAIT: Final = 1_000  # ms of media in which the other kind may bring an earlier frame than the first
MOST_WAITING: Final = 256  # messages of one stream that wait for its first frames
MOST_BYTES_WAITING: Final = 8 << 20  # of all streams
MOST_CONFIGURATIONS: Final = 32  # of one stream that wait for a frame that was chosen
MOST_PLACES: Final = 3  # gaps of a stream of which the time is kept

_DATA: Final = FAMILIES["data"]
_KINDS: Final = frozenset({AUDIO, VIDEO})
_PARTS: Final = _KINDS | _DATA
_OF_STREAMS: Final = _PARTS | {AGGREGATE}
_ACTIONS: Final[dict[Sender, Action]] = {"client": "publish", "server": "play"}
_SENDERS: Final[dict[Action, Sender]] = {"publish": "client", "play": "server"}
_CONFIGURATIONS: Final = frozenset({
    "sequence_header", "mpeg2ts_sequence_header", "multichannel_config", "metadata"
})  # fmt: skip
# Without their sequence header nobody can decode these; the others say in their frames what is needed.
_NEED_HEADERS: Final = frozenset({"h264", "hevc", "vvc", "aac", "flac"})
_NEED_OTHERS: Final = frozenset({"inter", "disposable_inter"})
# What a server has to say of playing is no part of the stream, and what it should forget none of a file.
_NO_CONTENT: Final = frozenset({"onStatus", "onPlayStatus", "|RtmpSampleAccess", "@clearDataFrame"})
_SET_DATA_FRAME: Final = "@setDataFrame"  # asks the server to keep what follows, which alone is passed on
_STRINGS: Final = b"\x02\x0c"  # the markers in AMF0


class Tag(NamedTuple):
    """What a file gets: message type, time in ms, payload."""

    type_id: int
    timestamp: int
    payload: bytes


class _Waiting(NamedTuple):
    message: Message
    payload: bytes
    is_frame: bool


@dataclass(slots=True, eq=False)
class MediaStream:
    """One stream and what of it was given so far.

    `frames` and `others` count the tags given, by message type; `size` is their bytes of payload. `flows` know the
    codecs. `left_out` counts messages by what was wrong with them: damaged, cut, aborted, unreadable. `undecoded` are
    bytes of its direction that no message could be made of. Both together come in `gaps`, runs without a message that
    could be used between; `places` are the times of the first of them, in ms. `lost_headers` are the kinds (audio,
    video) of which a sequence header was among what was left out. `begins_inside` says that its first picture can only
    be decoded with earlier ones.
    """

    connection: int
    application: str
    stream: Stream
    times: Times
    budget: Budget = field(repr=False)
    flows: dict[int, Flow] = field(default_factory=dict)
    frames: Counter[int] = field(default_factory=Counter)
    others: Counter[int] = field(default_factory=Counter)
    size: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    undecoded: int = 0
    gaps: int = 0
    places: list[int] = field(default_factory=list)
    lost_headers: set[str] = field(default_factory=set)
    begins_inside: bool = False
    timeline: Timeline | None = None  # None until its first frame was given
    _is_in_gap: bool = field(default=False, repr=False)
    _waiting: deque[_Waiting] = field(default_factory=deque, repr=False)
    _configurations: dict[tuple[object, ...], Message] = field(default_factory=dict, repr=False)

    @property
    def duration(self) -> int:
        """From the first frame to the latest one, in ms."""
        return self.timeline.latest if self.timeline else 0

    @property
    def jumps(self) -> int:
        """How often its timestamps jumped."""
        return self.timeline.jumps if self.timeline else 0

    @property
    def headless(self) -> list[str]:
        """Codecs of tracks whose frames cannot be decoded, since no sequence header of theirs came."""
        tracks = (track for flow in self.flows.values() for track in flow.tracks.values())
        codecs = (track.codec for track in tracks if track.is_sampled and not track.headers)
        return sorted({codec for codec in codecs if codec in _NEED_HEADERS})

    # What cannot be given

    def leave_out(self, message: Message) -> None:
        """Count a message that did not come whole."""
        self.left_out[message.state] += 1
        self._gap()
        if message.message_type_id in _KINDS:
            body = message.body  # up to the first byte that is not there
            if isinstance(body, Audio | Video) and body.packet_type == "sequence_header":
                self.lost_headers.add(message.type)

    def miss(self, count: int) -> None:
        """Count bytes of its direction that could not be decoded."""
        self.undecoded += count
        self._gap()

    def _gap(self) -> None:
        if not self._is_in_gap:
            self._is_in_gap = True
            self.gaps += 1
            if len(self.places) < MOST_PLACES:
                self.places.append(self.duration)

    # What is given

    def take(self, message: Message, is_wanted: bool) -> Iterator[Tag]:
        """One message, or one of an aggregate. What decoders need goes along with the frames that are wanted."""
        if message.state != "whole":
            if is_wanted:
                self.leave_out(message)
        elif message.message_type_id in _DATA:
            if is_wanted:
                yield from self._data(message)
        elif message.length:  # else it says nothing, and players stumble over tags without a byte
            is_frame = self._count(message, is_wanted)
            if is_wanted:
                for configuration in self._configured(message.message_type_id) if is_frame else ():
                    yield from self._give(configuration, configuration.payload, is_frame=False)
                yield from self._give(message, message.payload, is_frame)

    def _count(self, message: Message, is_wanted: bool) -> bool:
        """Learn from a message of audio or video; gives whether it is a frame."""
        kind = message.message_type_id
        flow = self.flows.setdefault(kind, Flow(kind))
        if head_of(message) in flow.heads:
            flow.count(message)
            return True
        flow.count(message)
        body = message.body
        if not isinstance(body, Audio | Video):
            return False
        if body.packet_type in _CONFIGURATIONS:
            key = (kind, body.packet_type, *(number for number, _ in tracks_of(body)))
            self._configurations.pop(key, None)
            if not is_wanted and len(self._configurations) < MOST_CONFIGURATIONS:
                self._configurations[key] = message
        return is_frame(body)

    def _configured(self, kind: int) -> list[Message]:
        """The configurations of a kind that wait for a frame; they do so no longer."""
        return [self._configurations.pop(key) for key in list(self._configurations) if key[0] == kind]

    def _data(self, message: Message) -> Iterator[Tag]:
        body = message.body
        name = next((one for one in message.decoded.fields if one.name == "handler name"), None)
        if not isinstance(body, Data) or name is None or message.payload[name.start] not in _STRINGS:
            self.left_out["unreadable"] += 1
        elif body.name not in _NO_CONTENT:
            start = name.stop if body.name == _SET_DATA_FRAME else name.start
            yield from self._give(message, message.payload[start:], is_frame=False)

    def _give(self, message: Message, payload: bytes, is_frame: bool) -> Iterator[Tag]:
        self._is_in_gap = False
        if self.timeline is not None:
            yield self._tag(self.timeline, message, payload, is_frame)
            return
        self._waiting.append(_Waiting(message, payload, is_frame))
        self.budget.held += len(payload)
        if not self._must_wait():
            yield from self.begin()

    def _must_wait(self) -> bool:
        """Whether an earlier frame than the first may still come: the other kind's, as the two are sent in turn."""
        frames = [one.message for one in self._waiting if one.is_frame]
        is_full = len(self._waiting) >= MOST_WAITING or self.budget.spent
        if not frames:
            if is_full:
                self.budget.held -= len(self._waiting.popleft().payload)
            return True
        if is_full or self.times == "original" or len({one.message_type_id for one in frames}) == len(_KINDS):
            return False
        return abs(difference(frames[-1].timestamp, frames[0].timestamp)) < LONGEST_WAIT

    def begin(self) -> Iterator[Tag]:
        """Give what waited, if there is a frame among it; nothing waits any more."""
        waiting = list(self._waiting)
        self._waiting.clear()
        self.budget.held -= sum(len(one.payload) for one in waiting)
        frames = [one.message for one in waiting if one.is_frame]
        if frames:
            first = frames[0].timestamp
            steps = (difference(one.timestamp, first) for one in frames)
            early = min(step for step in steps if abs(step) <= LONGEST_WAIT)
            self.timeline = Timeline(first + early, frames[0].last.time)
            for one in waiting:
                yield self._tag(self.timeline, *one)

    def _tag(self, timeline: Timeline, message: Message, payload: bytes, is_frame: bool) -> Tag:
        kind = DATA_AMF0 if message.message_type_id in _DATA else message.message_type_id
        self.size += len(payload)
        if is_frame:
            if kind == VIDEO and not self.frames[kind]:
                body = message.body
                self.begins_inside = isinstance(body, Video) and body.frame_type in _NEED_OTHERS
            self.frames[kind] += 1
            time = timeline.frame(kind, message.timestamp, message.last.time)
        else:
            self.others[kind] += 1
            # Metadata holds for all of the file; where it has another time, FFmpeg shows it as subtitles.
            time = 0 if kind == DATA_AMF0 and _is_metadata(message) else timeline.beside(kind, message.timestamp)
        return Tag(kind, message.timestamp if self.times == "original" else time, payload)


class MediaStreams:
    """Which streams there are in a run, and what belongs into a file of each.

    `conversation` is the one that follows the events. `selection` chooses among messages; its streams are those that
    were published or played by these names, its count is of tags. `mixed` counts messages of streams that were too many
    to be kept apart; they are in no file.
    """

    def __init__(self, conversation: Conversation, selection: Selection, times: Times = "rebased") -> None:
        self._purposes = conversation.streams
        self.mixed = 0
        self._names = selection.streams
        self._selection = replace(selection, streams=(), count=None)
        self._is_all = self._selection == Selection(connections=selection.connections)
        self._left = selection.count
        self._times = times
        self._budget = Budget(MOST_BYTES_WAITING)
        self._found: dict[int, dict[Stream, MediaStream]] = {}  # by connection

    def run(self, events: Iterable[Event]) -> Iterator[tuple[MediaStream, Tag | None]]:
        """Take the events of a run; gives a stream with its next tag, or with None when nothing of it follows."""
        for media, tag in self._run(events):
            yield media, tag
            if tag is not None and self._left is not None:
                self._left -= 1
                if not self._left:
                    break
        for of_connection in self._found.values():
            yield from ((media, None) for media in of_connection.values() if media.timeline)

    def _run(self, events: Iterable[Event]) -> Iterator[tuple[MediaStream, Tag | None]]:
        only = self._selection.connections
        for event in events:
            if only and event.connection not in only:
                continue
            if isinstance(event, Message):
                if event.message_type_id in _OF_STREAMS:
                    yield from self._message(event)
            elif isinstance(event, Undecoded):
                self._miss(event)
            elif isinstance(event, Closed):
                yield from self._close(event.connection)

    def _close(self, connection: int) -> Iterator[tuple[MediaStream, Tag | None]]:
        of_connection = self._found.get(connection, {})
        for media in of_connection.values():
            yield from ((media, tag) for tag in media.begin())
        for media in self._found.pop(connection, {}).values():
            if media.timeline is not None:
                yield media, None

    def _miss(self, event: Undecoded) -> None:
        for media in self._found.get(event.connection, {}).values():
            stream = media.stream
            # What could not be decoded may be known long after it was sent.
            if _SENDERS[stream.action] == event.sender and not (stream.ended and stream.ended.time < event.first.time):
                media.miss(event.length)

    def _message(self, message: Message) -> Iterator[tuple[MediaStream, Tag]]:
        media = self._media(message)
        if media is None:
            return
        is_wanted = self._is_all or is_chosen(message, self._selection)
        if message.message_type_id != AGGREGATE:
            yield from ((media, tag) for tag in media.take(message, is_wanted))
            return
        if message.state != "whole":
            media.leave_out(message)
        for part in sub_messages(message):
            if part.state == "whole" and part.message_type_id in _PARTS:
                for tag in media.take(part, is_wanted or is_chosen(part, self._selection)):
                    yield media, tag

    def _media(self, message: Message) -> MediaStream | None:
        """The stream that a message is of, if it is wanted."""
        purpose = self._purposes.of(message.connection)
        number, sender = message.message_stream_id, message.sender
        stream = purpose.live(number, _ACTIONS[sender])
        of_connection = self._found.setdefault(message.connection, {})
        if stream is None:
            stream = purpose.carrier(number, sender)
            if message.message_type_id in _DATA and stream not in of_connection and not _is_metadata(message):
                return None  # with data a server may say anything
        if stream.is_rest:
            self.mixed += 1
            return None
        if self._names and not any(same_stream(stream.name or "", name) for name in self._names):
            return None
        media = of_connection.get(stream)
        if media is None:
            media = MediaStream(message.connection, purpose.application, stream, self._times, self._budget)
            of_connection[stream] = media
        return media


def _is_metadata(message: Message) -> bool:
    body = message.body
    if not isinstance(body, Data):
        return False
    said = body.args[0] if body.name == _SET_DATA_FRAME and body.args else body.name
    return said == "onMetaData"
