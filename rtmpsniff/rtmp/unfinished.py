"""The messages of one direction that are not complete: what is held of each, and how they end where they stay so.

A message may be cut off by the end of its stream or by a search, aborted (§5.4.2), broken off by a header that begins
another, or given up because too much is held. Of one that is given up or goes on after its Abort nothing is kept: what
comes of it is counted, so that every byte is accounted for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtmpsniff import findings
from rtmpsniff.capture.packet import Origin, new_tuple
from rtmpsniff.findings import Severity
from rtmpsniff.payload.types import TYPE_NAMES
from rtmpsniff.rtmp.channels import Channels
from rtmpsniff.rtmp.chunk import Channel, Header
from rtmpsniff.rtmp.events import Message, State, Undecoded, also
from rtmpsniff.rtmp.lookahead import FIXED_LENGTHS
from rtmpsniff.rtmp.outcome import Outcome
from rtmpsniff.rtmp.passage import Chunk, Passage
from rtmpsniff.rtmp.runs import shorten
from rtmpsniff.rtmp.search import Rest
from rtmpsniff.rtmp.window import Window
from rtmpsniff.text import grouped, plural
from rtmpsniff.transport.events import NEVER_CAPTURED

_REST_OF_DROPPED: Final = "the rest of a message that was given up"
_REST_OF_ABORTED: Final = "the rest of a message that was aborted"
_ZEROS: Final = bytes(1 << 16)
_CHUNK_OVERHEAD: Final = 200  # what keeping a chunk's header costs: floods of tiny chunks must count


class Unfinished:
    """What there is of messages under way. `receiving` is the chunk stream whose chunk is not here whole."""

    def __init__(self, channels: Channels, outcome: Outcome, numbers: Iterator[int], window: Window) -> None:
        self.held = 0  # bytes kept
        self.receiving: Channel | None = None
        self.due = 0  # payload bytes which that chunk still lacks
        self._channels = channels
        self._outcome = outcome
        self._numbers = numbers
        self._window = window
        self._touched: list[Channel] = []  # that the piece at hand brought bytes for

    def __repr__(self) -> str:
        return f"<Unfinished: {self.lacking} bytes lack, {self.held} are held>"

    @property
    def channels(self) -> list[Channel]:
        """The chunk streams that have one."""
        return [channel for channel in self._channels.by_number.values() if channel.left]

    @property
    def next(self) -> Channel | None:
        """The chunk stream that the next bytes likely belong to."""
        if self.receiving is not None:
            return self.receiving
        channels = self.channels
        return channels[0] if len(channels) == 1 else None

    @property
    def lacking(self) -> int:
        """Payload bytes that they still lack."""
        return sum(channel.left for channel in self._channels.by_number.values())

    # They grow.

    def note(self, channel: Channel, offset: int, header: bytes, size: int, run: int = 1) -> None:
        """Note where a chunk stood. One that is like the last and follows it joins its run."""
        chunks = channel.chunks
        if channel.dropped:
            if channel.dropped_from + channel.dropped_bytes != offset:  # another chunk stream stood between
                self._tell_dropped(channel)
                channel.dropped_from, channel.dropped_bytes = offset, 0
            channel.dropped_bytes += run * (len(header) + size)
            return
        if chunks:
            last_offset, last_header, last_size, last_run, _ = chunks[-1]
            if last_header == header and last_size == size and last_offset + last_run * (len(header) + size) == offset:
                chunks[-1] = Chunk(last_offset, header, size, last_run + run)
                return
        chunks.append(new_tuple(Chunk, (offset, header, size, run, 0)))
        channel.held += _CHUNK_OVERHEAD
        self.held += _CHUNK_OVERHEAD

    def add(self, channel: Channel, part: bytes | bytearray, stop: int) -> None:
        """Add to a message what ends at `data[stop]`."""
        size = len(part)
        channel.left -= size
        if not channel.dropped:
            channel.parts.append(part)
            channel.held += size
            self.held += size
        if not channel.left:
            origin = self._window.origin(stop - 1)
            if origin is not channel.last:
                channel.meet(origin)
        else:
            # Which packet brought these bytes is asked once a piece: within one, packet numbers only rise.
            channel.reached = self._window.base + stop - 1
            if not self._touched or self._touched[-1] is not channel:
                self._touched.append(channel)

    def meet_touched(self) -> None:
        """Note which packets brought the last bytes of the messages that are not complete."""
        for channel in self._touched:
            if channel.left:
                channel.meet(self._window.origin(channel.reached - self._window.base))
        self._touched.clear()

    # Bytes of them are missing.

    def can_lose(self, size: int) -> bool:
        """Whether a hole of `size` bytes here lies within the payload of one chunk."""
        return self.receiving is not None and size <= self.due

    def lose(self, channel: Channel, size: int, reason: str) -> None:
        """A hole within the chunk at hand: its length is known, so its message is damaged and nothing else."""
        start = channel.received
        self.due -= size
        if not self.due:
            self.receiving = None
        channel.left -= size
        if not channel.dropped:
            channel.missing.append((start, start + size))
            channel.missing_reason = also(channel.missing_reason, reason)
            channel.parts += _zeros(size)

    def go_through(self, rest: Rest, offset: int, chunk_size: int) -> None:
        """A hole took payload and chunk headers of a message, the first of them at `offset`: it is damaged, no more."""
        channel = rest.channel
        start = channel.received
        if rest.lost:
            channel.missing.append((start, start + rest.lost))
        channel.parts += _zeros(rest.lost)
        for position in rest.headers:
            size = min(chunk_size, channel.length - position)
            channel.chunks.append(Chunk(offset, b"", size, 1, rest.header_size))
            offset += rest.header_size + size
        channel.left = rest.left
        self.receiving, self.due = (channel, rest.due) if rest.left and rest.due else (None, 0)

    # They end.

    def emit(self, channel: Channel, state: State) -> Message:
        """What there is of a message is all of it."""
        if self.receiving is channel:
            shorten(channel.chunks, self.due)  # its last chunk did not come whole
        message = Message(
            self._outcome.connection,
            next(self._numbers),
            self._outcome.sender,
            channel.chunk_stream_id,
            channel.message_stream_id,
            channel.type_id,
            channel.timestamp,
            channel.certain,
            channel.length,
            channel.parts,
            tuple(channel.missing),
            Passage(tuple(channel.chunks), channel.first, channel.last),
            state,
            channel.missing_reason or NEVER_CAPTURED,
        )
        self._outcome.events.append(message)
        self.held -= channel.held
        channel.held = 0
        channel.parts, channel.missing, channel.missing_reason, channel.chunks = [], [], "", []
        return message

    def release(self, channel: Channel, state: State) -> None:
        """No more of a message will come, or of no use: it is let go as it is."""
        self.meet_touched()
        if channel.dropped:
            channel.dropped_bytes -= self.due if self.receiving is channel else 0
            self.end_dropped(channel)
        else:
            self.emit(channel, state)
        channel.left = 0

    def release_all(self) -> None:
        """No more chunks will come."""
        for channel in self.channels:
            self.release(channel, "cut")
        self.receiving, self.due = None, 0

    def give_way(self, origin: Origin) -> None:
        """Too much is held: unfinished messages are let go as they are, and what else comes of them is dropped."""
        title = "too much is held: unfinished messages were given up"
        self._outcome.find_once(findings.MEMORY_BUDGET, Severity.WARNING, title, self._window.base, origin)
        self.meet_touched()
        for channel in self.channels:
            if not channel.dropped and channel.type_id not in FIXED_LENGTHS:
                due = self.due if self.receiving is channel else 0
                self.emit(channel, "cut")
                channel.dropped, channel.dropped_bytes, channel.dropped_for = True, due, _REST_OF_DROPPED
                channel.dropped_from = self._window.base

    def end_dropped(self, channel: Channel) -> None:
        """The message that is not kept is over."""
        channel.dropped = False
        self._tell_dropped(channel)

    def _tell_dropped(self, channel: Channel) -> None:
        """What came of a message that is not kept, in one place, is accounted for."""
        if channel.dropped_bytes:
            self._outcome.events.append(
                Undecoded(
                    self._outcome.connection,
                    self._outcome.sender,
                    channel.dropped_from,
                    channel.dropped_bytes,
                    0,
                    channel.dropped_for,
                    channel.first,
                    channel.last,
                )
            )

    # They are aborted, or another begins.

    def abort(self, chunk_stream_id: int, message: Message) -> None:
        """Abort (§5.4.2): what there is of the message on that chunk stream is all of it."""
        channel = self._channels.by_number.get(chunk_stream_id)
        if channel is not None and channel.left:
            title = f"{_described(channel)} was aborted after {grouped(channel.received)} bytes"
            self._outcome.find(findings.ABORT_SEEN, Severity.WARNING, title, message.offset, message.last)
            left = channel.left
            self.release(channel, "aborted")
            channel.aborted_left = left

    def go_on_after_abort(self, channel: Channel, at: int) -> None:
        """Whoever aborted a message sends the rest of it all the same. It was told as aborted; the rest is counted."""
        size = plural(channel.aborted_left, "byte")
        title = f"{_described(channel)} was aborted, and goes on all the same: {size} behind the Abort are its rest"
        self._outcome.find_at(at, findings.ABORT_SEEN, Severity.ERROR, title)
        channel.left, channel.aborted_left = channel.aborted_left, 0
        channel.dropped, channel.dropped_bytes, channel.dropped_for = True, 0, _REST_OF_ABORTED
        channel.first = channel.last = self._window.origin(at)

    def interrupt(self, channel: Channel, header: Header, at: int, goes_on: bool) -> None:
        """A header amid a message that is not of format 3: the message goes on, or this is the end of it."""
        what = "stands amid" if goes_on else "breaks off"
        title = (
            f"a header of format {header.format} on chunk stream {channel.chunk_stream_id} {what} "
            f"{_described(channel)} after {grouped(channel.received)} bytes"
        )
        severity = Severity.WARNING if goes_on else Severity.ERROR
        self._outcome.find_at(at, findings.CHUNK_INTERRUPTED, severity, title)
        if not goes_on:
            self.release(channel, "aborted")


def _zeros(size: int) -> list[bytes]:
    """What stands for bytes that are missing, in parts: none of them is as large as a capture may claim."""
    return [_ZEROS] * (size // len(_ZEROS)) + [_ZEROS[: size % len(_ZEROS)]]


def _described(channel: Channel) -> str:
    return f"the {TYPE_NAMES.get(channel.type_id, 'unknown')} message of {grouped(channel.length)} bytes"
