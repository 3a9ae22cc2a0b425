"""The chunk streams of one direction: those that begin, those that are guessed, and those that are forgotten."""

from __future__ import annotations

from typing import Final

from rtmpsniff import findings
from rtmpsniff.findings import Severity
from rtmpsniff.payload.types import AGGREGATE, AUDIO, DATA_AMF0, DATA_AMF3, VIDEO
from rtmpsniff.rtmp.chunk import Channel, Header
from rtmpsniff.rtmp.lengths import Inferred
from rtmpsniff.rtmp.outcome import Outcome

MOST_IDLE: Final = 64  # chunk streams up to this number are never forgotten

_OF_A_STREAM: Final = frozenset({AUDIO, VIDEO, DATA_AMF0, DATA_AMF3, AGGREGATE})  # never on message stream 0
_CHANNEL_OVERHEAD: Final = 500  # bytes that a chunk stream costs


class Channels:
    """Every chunk stream that is known, in `by_number`."""

    def __init__(self, outcome: Outcome) -> None:
        self.by_number: dict[int, Channel] = {}
        self._outcome = outcome
        self._high = 0  # those with high numbers

    def __repr__(self) -> str:
        return f"<Channels {sorted(self.by_number)}>"

    @property
    def held(self) -> int:
        """Bytes that they cost, but for those that everybody uses: these are not worth counting."""
        return self._high * _CHANNEL_OVERHEAD

    def open(self, header: Header, at: int, *, was_searched: bool) -> Channel:
        """The chunk stream that the header at hand number `at` begins; where headers were lost, it may be older."""
        number = header.chunk_stream_id
        channel = self._add(number)
        if header.format == 1 and header.type_id is not None and was_searched:
            self._guess_message_stream(channel, header.type_id, at)
        elif header.format == 1 and number != 2:  # librtmp begins its pings with format 1
            title = f"chunk stream {number} begins with format 1: its message stream is not stated"
            self._outcome.find_at(at, findings.CHUNK_FIRST_FORMAT, Severity.WARNING, title)
        return channel

    def _guess_message_stream(self, channel: Channel, type_id: int, at: int) -> None:
        """The header that stated it was lost: media and its data are on the message stream that others are on, or 1."""
        if type_id not in _OF_A_STREAM:
            return
        stated = {other.message_stream_id for other in self.by_number.values() if other.message_stream_id}
        channel.message_stream_id = stated.pop() if len(stated) == 1 else 1
        number, stream = channel.chunk_stream_id, channel.message_stream_id
        title = f"the message stream of chunk stream {number} was not seen: taken for {stream}"
        self._outcome.find_at(at, findings.CAPTURE_QUALITY, Severity.NOTE, title)

    def infer(self, inferred: Inferred, at: int) -> None:
        """What a chunk stream's headers never stated is taken from their distances, as found at `data[at]`."""
        number, length, head = inferred
        if number in self.by_number:
            return
        channel = self._add(number)
        channel.length, channel.type_id, channel.head, channel.stale = length, AUDIO, head, True
        title = (
            f"type and length of chunk stream {number} were not seen: audio of {length} bytes, by its headers' distance"
        )
        self._outcome.find_at(at, findings.CAPTURE_QUALITY, Severity.NOTE, title)
        self._guess_message_stream(channel, AUDIO, at)

    def _add(self, number: int) -> Channel:
        channel = self.by_number[number] = Channel(number)
        self._high += number > MOST_IDLE
        return channel

    def forget_idle(self) -> None:
        """A stranger may open 65 598 chunk streams: those that carry nothing now are forgotten, but for the lowest."""
        idle = [number for number, channel in self.by_number.items() if not channel.left and number > MOST_IDLE]
        for number in idle:
            del self.by_number[number]
        self._high -= len(idle)

    def forget(self) -> None:
        """No more chunks will come."""
        self.by_number.clear()
        self._high = 0
