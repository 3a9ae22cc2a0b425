"""Chunks become messages (§5.3): the reader of one direction after its handshake.

Rule 1: nothing is applied before all its bytes are there; a header that is not complete, or that can only be understood
by what follows, is read again from its first byte when more has come. Rule 2: this file does not know which side is
the client.

Which header stands at a place is `headers` to say; what there is of messages that are not complete `unfinished` keeps.
Here headers are applied, payload is cut out, and messages are completed. Set Chunk Size and Abort are obeyed here, as
the specification places them in the chunk stream (§5.4), so that a new size holds from the very next byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtmpsniff import findings
from rtmpsniff.capture.packet import Origin, new_tuple
from rtmpsniff.findings import Rule
from rtmpsniff.payload.types import ABORT, ACKNOWLEDGEMENT, AUDIO, SET_CHUNK_SIZE, TYPE_NAMES, VIDEO
from rtmpsniff.rtmp.channels import Channels
from rtmpsniff.rtmp.chunk import EXTENDED, Channel, Header
from rtmpsniff.rtmp.doubt import Doubt
from rtmpsniff.rtmp.events import Message
from rtmpsniff.rtmp.extended import ExtendedTimestamps
from rtmpsniff.rtmp.headers import Headers, Lost
from rtmpsniff.rtmp.lengths import Inferred
from rtmpsniff.rtmp.lookahead import LookAhead
from rtmpsniff.rtmp.outcome import Outcome
from rtmpsniff.rtmp.passage import Unbroken
from rtmpsniff.rtmp.runs import equal_bytes
from rtmpsniff.rtmp.search import Found, Search, behind
from rtmpsniff.rtmp.sizes import Reason
from rtmpsniff.rtmp.timestamps import Clock
from rtmpsniff.rtmp.unfinished import Unfinished
from rtmpsniff.rtmp.window import Window
from rtmpsniff.transport.events import NEVER_CAPTURED

STRANGERS_BEFORE_LOST: Final = 3  # messages in a row of types that nobody knows (Red5 closes by the same rule)
_MEDIA: Final = frozenset({AUDIO, VIDEO})
_CONTINUATIONS: Final = tuple(bytes((0xC0 | number,)) for number in range(64))  # one-byte headers of format 3


class Assembler:
    """Puts the messages of one direction together; what comes of it goes to `outcome`."""

    def __init__(self, outcome: Outcome, numbers: Iterator[int], window: Window) -> None:
        self.connection = outcome.connection
        self.sender = outcome.sender
        self.events = outcome.events
        self.clock = Clock()
        self.wanted = 0  # bytes that must be at hand before it is worth reading again
        self._outcome = outcome
        self._numbers = numbers
        self._window = window
        self._known = Channels(outcome)
        self._channels = self._known.by_number
        self._look_ahead = LookAhead(self._channels)
        self._doubt = Doubt(self._channels, self.clock, self._look_ahead)
        self.chunk_size = self._doubt.chunk_size
        self._quick = self._doubt.longest_plain  # messages up to this length may be taken in one go
        self._extended = ExtendedTimestamps(self._look_ahead, outcome, window)
        self._headers = Headers(self._channels, self._doubt, self._look_ahead, self._extended, outcome, window)
        self._unfinished = Unfinished(self._known, outcome, numbers, window)
        self._note = self._unfinished.note
        self._strangers = 0
        self._searching_for: Rule = findings.CAPTURE_QUALITY

    def __repr__(self) -> str:
        return f"<Assembler {self.connection} from {self.sender}: {len(self._channels)} chunk streams>"

    @property
    def lost(self) -> Lost | None:
        """Why nothing more can be read, where that is so: `read` stopped at the header that cannot be one."""
        return self._headers.lost

    @property
    def held(self) -> int:
        """Bytes kept for unfinished messages and chunk streams."""
        return self._unfinished.held + self._known.held

    @property
    def lacking(self) -> int:
        """Payload bytes that the unfinished messages still lack."""
        return self._unfinished.lacking

    def read(self, data: bytes, at: int) -> int:
        """Read chunks from `data[at]` on, as far as they are here; gives where that ended."""
        end = len(data)
        channels, headers, unfinished = self._channels, self._headers, self._unfinished
        self.wanted = self._look_ahead.wanted = 0
        while at < end and headers.lost is None:
            channel = unfinished.receiving
            if channel is not None:
                at = self._go_on(channel, data, at)
                continue
            head = data[at]
            channel = channels.get(head & 0x3F) if head >= 0xC2 else None
            if channel is not None and channel.left and channel.extended is None:
                at = self._take_run(channel, data, at)
                continue
            start = at
            if 0x42 <= head < 0xC0:
                at = self._take_messages(data, at)
            if at == start:
                at = self._begin_chunk(data, at)
            if at == start:
                self.wanted = self._look_ahead.wanted - at
                break
        unfinished.meet_touched()
        return at

    def settle(self, data: bytes, at: int = 0) -> int:
        """As `read`, and what was held to look ahead is decided with the bytes that there are."""
        self._look_ahead.ending = True
        at = self.read(data, at)
        self._look_ahead.ending = False
        return at

    # Less comes than was sent, or is kept.

    def can_lose(self, size: int) -> bool:
        """Whether a hole of `size` bytes here lies within the payload of one chunk."""
        return self._unfinished.can_lose(size)

    def lose(self, size: int, reason: str = NEVER_CAPTURED) -> None:
        """A hole within a chunk's payload: its length is known, so the message is damaged and nothing else."""
        channel = self._unfinished.receiving
        if channel is None:
            return
        self._unfinished.lose(channel, size, reason)
        if not channel.left:
            self._complete(channel)

    def release(self) -> None:
        """No more chunks will come: unfinished messages are let go as they are."""
        self._unfinished.release_all()
        told = self.chunk_size.conclude()
        if told is not None:
            self._outcome.find(*told, self._window.base, Origin(*self._window.latest))
        self._known.forget()

    def give_way(self, origin: Origin) -> None:
        """Too much is held: unfinished messages are let go as they are, and what else comes of them is dropped."""
        self._unfinished.give_way(origin)
        self._known.forget_idle()

    def infer(self, inferred: Inferred, at: int) -> None:
        """What a chunk stream's headers never stated is taken from their distances, as found at `data[at]`."""
        self._known.infer(inferred, at)

    # Where it goes on after a search.

    def search(self, offset: int, rule: Rule, hole: int | None = 0, *, goes_on: bool = True) -> Search:
        """Look for the next header from `offset` on; `hole` bytes before it are missing (None: nobody knows how many).

        The rule says whose fault that is: the capture's or the sender's.
        """
        rest = None
        self._searching_for = rule
        channel = self._unfinished.next
        if hole != 0:
            self.chunk_size.lose()
        else:
            self.chunk_size.forget(Reason.DESYNC if rule is findings.CHUNK_DESYNC else Reason.LOST)
        self._quick = self._doubt.longest_plain
        if hole and goes_on and channel is not None and not channel.dropped:
            rest = behind(channel, self._unfinished.due, hole, self.chunk_size.size, self._extended.repeated(channel))
        if rest is not None and rest.headers and self.chunk_size.doubt is not None:
            rest = None  # where its headers stood, and so which bytes are payload, is not known
        return Search(self._doubt.known._replace(is_behind_hole=True), self.chunk_size.possible, offset, rest)

    def resume(self, found: Found, hole: int) -> int:
        """Read on where the search led; gives how many bytes there belong to a header that began in the hole.

        `hole` is where in the stream the bytes began to be missing.
        """
        self._headers.lost = None
        self._strangers = 0
        rest, unfinished = found.rest, self._unfinished
        if rest is not None:
            unfinished.go_through(rest, hole + unfinished.due, self.chunk_size.size)
            if not rest.left:
                self._complete(rest.channel)
            return rest.header
        unfinished.release_all()
        for channel in self._channels.values():
            channel.stale = True
            channel.certain = False
        self._doubt.begin(self._searching_for)
        self._quick = self._doubt.longest_plain
        return 0

    # Messages.

    def _take_messages(self, data: bytes, at: int) -> int:
        """Whole messages in one go, as nearly all are: format 1 or 2, no extended timestamp, all of it here.

        What `_begin_chunk` and those behind it do step by step stands here in one place, which takes half of the time a
        message needs; a test compares the two. Gives where the first message stands that is none of these.
        """
        # The hot loop of this layer: all that it touches is local. Nothing in it changes the chunk size.
        channels, clock, add, next_number = self._channels, self.clock, self.events.append, self._numbers.__next__
        connection, sender, base, quick, end = self.connection, self.sender, self._window.base, self._quick, len(data)
        offsets, places = self._window.offsets, self._window.places
        size = self.chunk_size.size
        step = size + 1
        while at < end:
            head = data[at]
            if not 0x42 <= head < 0xC0:
                break
            channel = channels.get(head & 0x3F)
            if channel is None or channel.left or channel.stale or channel.extended is not None:
                break
            if head < 0x80:
                start = at + 8
                fields = int.from_bytes(data[at + 1 : start], "big")
                delta, length, type_id = fields >> 32, fields >> 8 & 0xFFFFFF, fields & 0xFF
            else:
                start = at + 4
                delta, length, type_id = int.from_bytes(data[at + 1 : start], "big"), channel.length, channel.type_id
            more = (length - 1) // size if length else 0  # chunks after the first
            stop = start + length + more
            if stop > end or delta == EXTENDED or type_id not in _MEDIA or length > quick:
                break
            payload: bytes | bytearray = data[start:stop]
            if more:
                next_head = _CONTINUATIONS[head & 0x3F]
                if equal_bytes(data, start + size, step, more, next_head) != more:
                    break
                payload = bytearray(payload)
                del payload[size::step]
                self.chunk_size.in_use = True
            channel.length, channel.type_id = length, type_id
            if length:
                channel.head = data[start]
            clock.add(channel, delta, extended=False)
            clock.latest = timestamp = channel.timestamp
            self._strangers = 0
            add(
                Message(
                    connection,
                    next_number(),
                    sender,
                    channel.chunk_stream_id,
                    channel.message_stream_id,
                    type_id,
                    timestamp,
                    channel.certain,
                    length,
                    (payload,),
                    (),
                    new_tuple(Unbroken, (base + at, data[at:start], size, length, offsets, places)),
                    "whole",
                )
            )
            at = stop
        return at

    def _begin_chunk(self, data: bytes, at: int) -> int:
        """Read the header at `data[at]`, apply it and go on into the payload; gives where that led.

        `at` itself means that more bytes are needed first, or that the header cannot be one.
        """
        understood = self._headers.read(data, at)
        self._quick = self._doubt.longest_plain
        if understood is None:
            return at
        header, channel, size, extended, begins = understood
        # From here on the header is applied, and not before: it is not read again.
        channel = channel or self._known.open(header, at, was_searched=self._doubt.searched_for is not None)
        if extended is not None and header.format == 3:
            self._extended.judge_style(size > header.size, extended, at)
        if not begins and not channel.left:
            self._unfinished.go_on_after_abort(channel, at)
        if channel.left and header.format < 3:
            self._unfinished.interrupt(channel, header, at, goes_on=not begins)
        if begins:
            self._begin_message(channel, header, extended, at)
        return self._take_chunk(channel, data, at, at + size)

    def _begin_message(self, channel: Channel, header: Header, extended: int | None, at: int) -> None:
        """What the header states is stated, the rest is inherited from the last on its chunk stream."""
        if self._doubt.headers:
            self._doubt.believe()
            self._quick = self._doubt.longest_plain
        origin = self._window.origin(at)
        if header.timestamp is None:
            self.clock.repeat(channel)
        else:
            channel.extended = extended
            value = header.timestamp if extended is None else extended
            if header.format == 0:
                self.clock.state(channel, value)
            elif self.clock.add(channel, value, extended is not None):
                self._extended.judge_absolute(at)
        if header.length is not None and header.type_id is not None:
            channel.length, channel.type_id = header.length, header.type_id
            channel.stale = False
        if header.message_stream_id is not None:
            channel.message_stream_id = header.message_stream_id
        channel.left = channel.length
        channel.first = channel.last = origin
        channel.reached = self._window.base + at
        channel.dropped = False
        channel.aborted_left = 0

    # Payload.

    def _take_chunk(self, channel: Channel, data: bytes, start: int, at: int) -> int:
        """A chunk whose header stands at `data[start:at]`: its payload, and the whole message if it is here."""
        due = channel.left
        if due > self.chunk_size.size:
            due = self.chunk_size.size
            self._note(channel, self._window.base + start, data[start:at], due)
            stop = self._take_rest(channel, data, at)
            if stop > at:
                return stop
        else:
            self._note(channel, self._window.base + start, data[start:at], due)
        stop = at + due
        if stop > len(data):
            self._unfinished.receiving, self._unfinished.due = channel, due
            return at
        self._store(channel, data[at:stop], stop)
        return stop

    def _go_on(self, channel: Channel, data: bytes, at: int) -> int:
        """More of a chunk that was not here whole."""
        unfinished = self._unfinished
        size = min(unfinished.due, len(data) - at)
        unfinished.due -= size
        if not unfinished.due:
            unfinished.receiving = None
        self._store(channel, data[at : at + size], at + size)
        return at + size

    def _take_rest(self, channel: Channel, data: bytes, at: int) -> int:
        """The rest of a message, if it is here whole and only its own one-byte headers stand between.

        Those stand at equal distances, so they are compared and cut out by slices with a step. With chunks of 128 bytes
        that is more than twice as fast as one chunk after another. Gives `at` where it cannot be done.
        """
        size, left = self.chunk_size.size, channel.left
        more = (left - 1) // size  # chunks after the one that begins here
        stop = at + left + more
        if stop > len(data) or channel.extended is not None or channel.chunk_stream_id > 63:
            return at
        head, step = bytes((0xC0 | channel.chunk_stream_id,)), size + 1
        if equal_bytes(data, at + size, step, more, head) != more:
            return at
        payload = bytearray(data[at:stop])
        del payload[size::step]
        first = self._window.base + at + size
        if more > 1:
            self._note(channel, first, head, size, more - 1)
        self._note(channel, first + (more - 1) * step, head, left - more * size)
        self._store(channel, payload, stop)
        return stop

    def _take_run(self, channel: Channel, data: bytes, at: int) -> int:
        """Continuation chunks with one-byte headers: as many whole ones as are here, or what there is of one."""
        size, left = self.chunk_size.size, channel.left
        step = size + 1
        count = min(left // size, (len(data) - at) // step)
        if count > 1:
            count = equal_bytes(data, at, step, count, data[at : at + 1])
        if count < 2:
            return self._take_chunk(channel, data, at, at + 1)
        stop = at + count * step
        run = bytearray(data[at:stop])
        del run[::step]
        self._note(channel, self._window.base + at, data[at : at + 1], size, count)
        self._store(channel, run, stop)
        return stop

    def _store(self, channel: Channel, part: bytes | bytearray, stop: int) -> None:
        """Add to a message what ends at `data[stop]`; that may complete it."""
        self._unfinished.add(channel, part, stop)
        if not channel.left:
            self._complete(channel)

    def _complete(self, channel: Channel) -> None:
        if channel.dropped:
            self._unfinished.end_dropped(channel)
            return
        kind = channel.type_id
        if channel.length and not channel.missing:
            channel.head = channel.parts[0][0]
        message = self._unfinished.emit(channel, "damaged" if channel.missing else "whole")
        if kind in _MEDIA:
            # It was cut by the chunk size, so that is the right one; before media the sender may yet set another.
            self.chunk_size.in_use = self.chunk_size.in_use or message.length > self.chunk_size.size
            self.clock.latest = channel.timestamp
            self._strangers = 0
            return
        if kind == SET_CHUNK_SIZE and not message.missing and len(message.payload) >= 4:
            self.chunk_size.announce(int.from_bytes(message.payload[:4], "big") & 0x7FFFFFFF)
            self._quick = self._doubt.longest_plain
        elif kind == ACKNOWLEDGEMENT and len(message.payload) == 4:
            self._doubt.acknowledged = int.from_bytes(message.payload, "big")
        elif kind == ABORT and not message.missing and len(message.payload) >= 4:
            self._unfinished.abort(int.from_bytes(message.payload[:4], "big"), message)
        self._strangers = 0 if kind in TYPE_NAMES else self._strangers + 1
        if self._strangers == STRANGERS_BEFORE_LOST:
            why = f"{STRANGERS_BEFORE_LOST} messages in a row are of types that do not exist"
            self._headers.lose(why, message.last, at_header=False)
