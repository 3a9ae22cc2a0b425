"""Chunks become messages (§5.3): the reader of one direction after its handshake.

Rule 1: nothing is applied before all its bytes are there; a header that is not complete, or that can only be understood
by what follows, is read again from its first byte when more has come. Rule 2: this file does not know which side is
the client.

Set Chunk Size and Abort are obeyed here, as the specification places them in the chunk stream (§5.4), so that a new
size holds from the very next byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtmpsniff import findings
from rtmpsniff.capture.packet import Origin, new_tuple
from rtmpsniff.findings import Evidence, Finding, Rule, Severity
from rtmpsniff.payload.types import (
    ABORT,
    ACKNOWLEDGEMENT,
    AGGREGATE,
    AUDIO,
    DATA_AMF0,
    DATA_AMF3,
    SET_CHUNK_SIZE,
    TYPE_NAMES,
    VIDEO,
)
from rtmpsniff.rtmp.chunk import EXTENDED, Channel, Header, read_header
from rtmpsniff.rtmp.doubt import Doubt
from rtmpsniff.rtmp.events import Chunk, Event, Message, State, Undecoded, also
from rtmpsniff.rtmp.lengths import Inferred
from rtmpsniff.rtmp.lookahead import FIXED_LENGTHS, LookAhead, fault
from rtmpsniff.rtmp.runs import equal_bytes, shorten, whole_chunks
from rtmpsniff.rtmp.search import Found, Rest, Search, behind
from rtmpsniff.rtmp.sizes import Reason
from rtmpsniff.rtmp.timestamps import Clock
from rtmpsniff.rtmp.window import Window
from rtmpsniff.text import grouped, plural
from rtmpsniff.transport.reassembly import NEVER_CAPTURED, Sender

STRANGERS_BEFORE_LOST: Final = 3  # messages in a row of types that nobody knows (Red5 closes by the same rule)
_MEDIA: Final = frozenset({AUDIO, VIDEO})
MOST_IDLE: Final = 64  # chunk streams up to this number are never forgotten

_OF_A_STREAM: Final = frozenset({AUDIO, VIDEO, DATA_AMF0, DATA_AMF3, AGGREGATE})  # never on message stream 0
_REST_OF_DROPPED: Final = "the rest of a message that was given up"
_REST_OF_ABORTED: Final = "the rest of a message that was aborted"
_ZEROS: Final = bytes(1 << 16)
_CHANNEL_OVERHEAD: Final = 500  # bytes that a chunk stream costs
_CHUNK_OVERHEAD: Final = 200  # what keeping a chunk's header costs: floods of tiny chunks must count


class Assembler:
    """Puts the messages of one direction together. `events` collects what comes of it, for `Direction` to take.

    `lost` says why nothing more can be read, where that is so: then `read` stopped at the header that cannot be one.
    """

    def __init__(self, connection: int, sender: Sender, numbers: Iterator[int], window: Window) -> None:
        self.connection = connection
        self.sender: Sender = sender
        self.clock = Clock()
        self.events: list[Event] = []
        self.held = 0  # bytes kept for unfinished messages
        self.lost = ""
        self.lost_by = Origin(0, 0, 0)  # the packet that showed it
        self.lost_rule = findings.CHUNK_DESYNC  # whose fault that is: the sender's, or the capture's
        self.lost_header = True  # what stands where it was lost is no header
        self.wanted = 0  # bytes that must be at hand before it is worth reading again
        self._numbers = numbers
        self._window = window
        self._channels: dict[int, Channel] = {}
        self._look_ahead = LookAhead(self._channels)
        self._doubt = Doubt(self._channels, self.clock, self._look_ahead)
        self.chunk_size = self._doubt.chunk_size
        self._quick = self._doubt.longest_plain  # messages up to this length may be taken in one go
        self._channel: Channel | None = None  # whose chunk is being received
        self._due = 0  # payload bytes which that chunk still lacks
        self._touched: list[Channel] = []  # that the piece at hand brought bytes for
        self._strangers = 0
        self._told: set[str] = set()  # findings that are made once
        self._searching_for: Rule = findings.CAPTURE_QUALITY

    def __repr__(self) -> str:
        return f"<Assembler {self.connection} from {self.sender}: {len(self._channels)} chunk streams>"

    def read(self, data: bytes, at: int) -> int:
        """Read chunks from `data[at]` on, as far as they are here; gives where that ended."""
        end = len(data)
        channels = self._channels
        self.wanted = self._look_ahead.wanted = 0
        while at < end and not self.lost:
            channel = self._channel
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
                at = self._take_message(data, at)
            if at == start:
                at = self._begin_chunk(data, at)
            if at == start:
                self.wanted = self._look_ahead.wanted - at
                break
        self._meet_touched()
        return at

    def _meet_touched(self) -> None:
        """Note which packets brought the last bytes of the messages that are not complete."""
        for channel in self._touched:
            if channel.left:
                channel.meet(self._window.origin(channel.reached - self._window.base))
        self._touched.clear()

    @property
    def lacking(self) -> int:
        """Payload bytes that the unfinished messages still lack."""
        return sum(channel.left for channel in self._channels.values())

    def settle(self, data: bytes, at: int = 0) -> int:
        """As `read`, and what was held to look ahead is decided with the bytes that there are."""
        self._look_ahead.ending = True
        at = self.read(data, at)
        self._look_ahead.ending = False
        return at

    def can_lose(self, size: int) -> bool:
        """Whether a hole of `size` bytes here lies within the payload of one chunk."""
        return self._channel is not None and size <= self._due

    def lose(self, size: int, reason: str = NEVER_CAPTURED) -> None:
        """A hole within a chunk's payload: its length is known, so the message is damaged and nothing else."""
        channel = self._channel
        if channel is None:
            return
        start = channel.received
        self._due -= size
        if not self._due:
            self._channel = None
        channel.left -= size
        if not channel.dropped:
            channel.missing.append((start, start + size))
            channel.missing_reason = also(channel.missing_reason, reason)
            channel.parts += [_ZEROS] * (size // len(_ZEROS)) + [_ZEROS[: size % len(_ZEROS)]]
        if not channel.left:
            self._complete(channel)

    def release(self) -> None:
        """No more chunks will come: unfinished messages are let go as they are."""
        for channel in self._channels.values():
            if channel.left:
                self._release(channel, "cut")
        told = self.chunk_size.conclude()
        if told is not None:
            self.find(*told, self._window.base, self._window.latest)
        self._channel, self._due = None, 0
        self._forget_idle()
        self._channels.clear()

    def give_way(self, origin: Origin) -> None:
        """Too much is held: unfinished messages are let go as they are, and what else comes of them is dropped."""
        title = "too much is held: unfinished messages were given up"
        if title not in self._told:
            self._told.add(title)
            self.find(findings.MEMORY_BUDGET, Severity.WARNING, title, self._window.base, origin)
        self._meet_touched()
        for channel in self._channels.values():
            if channel.left and not channel.dropped and channel.type_id not in FIXED_LENGTHS:
                due = self._due if self._channel is channel else 0
                self._emit(channel, "cut")
                channel.dropped, channel.dropped_bytes, channel.dropped_for = True, due, _REST_OF_DROPPED
                channel.dropped_from = self._window.base
        self._forget_idle()

    def _forget_idle(self) -> None:
        """A stranger may open 65 598 chunk streams: those that carry nothing now are forgotten, but for the lowest."""
        idle = [number for number, channel in self._channels.items() if not channel.left and number > MOST_IDLE]
        for number in idle:
            del self._channels[number]
        self.held -= _CHANNEL_OVERHEAD * len(idle)

    def _end_dropped(self, channel: Channel) -> None:
        """The message that is not kept is over."""
        channel.dropped = False
        self._tell_dropped(channel)

    def _tell_dropped(self, channel: Channel) -> None:
        """What came of a message that is not kept, in one place, is accounted for."""
        if channel.dropped_bytes:
            self.events.append(
                Undecoded(
                    self.connection,
                    self.sender,
                    channel.dropped_from,
                    channel.dropped_bytes,
                    0,
                    channel.dropped_for,
                    channel.first,
                    channel.last,
                )
            )

    def find(self, rule: Rule, severity: Severity, title: str, offset: int, origin: Origin) -> Finding:
        """Add a finding about the byte at `offset` of the stream."""
        found = Finding(
            rule,
            severity,
            title,
            (Evidence("", offset),),
            connection=self.connection,
            sender=self.sender,
            time=origin.time,
            packet=origin.packet,
        )
        self.events.append(found)
        return found

    def _take_message(self, data: bytes, at: int) -> int:
        """A whole message in one go, as nearly all are: format 1 or 2, no extended timestamp, all of it here.

        What `_begin_chunk` and those behind it do step by step stands here in one place, which takes two thirds of the
        time a message needs; a test compares the two. Gives `at` where the message is none of these.
        """
        head = data[at]
        channel = self._channels.get(head & 0x3F)
        if channel is None or channel.left or channel.stale or channel.extended is not None:
            return at
        if head < 0x80:
            start = at + 8
            fields = int.from_bytes(data[at + 1 : start], "big")
            delta, length, type_id = fields >> 32, fields >> 8 & 0xFFFFFF, fields & 0xFF
        else:
            start = at + 4
            delta, length, type_id = int.from_bytes(data[at + 1 : start], "big"), channel.length, channel.type_id
        size = self.chunk_size.size
        more = (length - 1) // size if length else 0  # chunks after the first
        stop = start + length + more
        if stop > len(data) or delta == EXTENDED or type_id not in _MEDIA or length > self._quick:
            return at
        payload: bytes | bytearray = data[start:stop]
        if more:
            next_head, step = bytes((0xC0 | channel.chunk_stream_id,)), size + 1
            if equal_bytes(data, start + size, step, more, next_head) != more:
                return at
            payload = bytearray(payload)
            del payload[size::step]
            self.chunk_size.in_use = True
            chunks = whole_chunks(self._window.base + at, data[at:start], next_head, size, length)
        else:
            chunks = (new_tuple(Chunk, (self._window.base + at, data[at:start], length, 1, 0)),)
        channel.length, channel.type_id = length, type_id
        if length:
            channel.head = data[start]
        clock = self.clock
        clock.add(channel, delta, extended=False)
        clock.latest = channel.timestamp
        self._strangers = 0
        self.events.append(
            Message(
                self.connection,
                next(self._numbers),
                self.sender,
                channel.chunk_stream_id,
                channel.message_stream_id,
                type_id,
                channel.timestamp,
                channel.certain,
                length,
                (payload,),
                (),
                chunks,
                "whole",
                self._window.origin(at),
                self._window.origin(stop - 1),
            )
        )
        return stop

    # Headers.

    def _begin_chunk(self, data: bytes, at: int) -> int:
        """Read the header at `data[at]`, apply it and go on into the payload; gives where that led.

        `at` itself means that more bytes are needed first, or that the header cannot be one.
        """
        header = read_header(data, at)
        if header is None:
            return at
        channel = self._channels.get(header.chunk_stream_id)
        if not self._is_credible(header, channel, data, at):
            return at
        size, extended = header.size, None
        if header.timestamp == EXTENDED or (channel is not None and channel.extended is not None):
            read = self._read_extended(header, channel, data, at)
            if read is None:
                return at
            size, extended = read
        begins = self._begins(header, channel, data, at + size)
        if begins is None or (begins and not self._is_understood(header, channel, data, at, size)):
            return at
        # From here on the header is applied, and not before: it is not read again.
        channel = channel or self._open_channel(header, at)
        if extended is not None and header.format == 3:
            self._judge_style(size > header.size, extended, at)
        if not begins and not channel.left:
            self._ignore_abort(channel, at)
        if channel.left and header.format < 3:
            self._interrupt(channel, header, at, goes_on=not begins)
        if begins:
            self._begin_message(channel, header, extended, at)
        return self._take_chunk(channel, data, at, at + size)

    def _is_credible(self, header: Header, channel: Channel | None, data: bytes, at: int) -> bool:
        """Whether a header can be one. Where it cannot, `lost` says why; otherwise more bytes are needed to know."""
        if channel is None or header.type_id in FIXED_LENGTHS:
            why = fault(header, channel)
            if why:
                return self._lose(why, self._window.origin(at), inherits=channel is None)
        if channel is not None and channel.left and header.format == 3:
            return True
        credible = self._doubt.is_credible(header, channel, data, at)
        if credible is False:
            why = f"a header of format {header.format} on chunk stream {header.chunk_stream_id} that cannot be one"
            return self._lose(why, self._window.origin(at))
        return bool(credible)

    def _lose(self, why: str, origin: Origin, *, inherits: bool = False) -> bool:
        """Nothing more can be read. `inherits`: since it is not known what an earlier header stated."""
        self.lost, self.lost_by = why, origin
        # Soon after a search, and where a header was lost, it follows from what made the search necessary.
        follows = inherits or self._doubt.headers
        self.lost_rule = (self._doubt.searched_for if follows else None) or findings.CHUNK_DESYNC
        return False

    def _begins(self, header: Header, channel: Channel | None, data: bytes, body: int) -> bool | None:
        """Whether a header begins a message, and does not go on with one; None where more bytes are needed."""
        if channel is None:
            return True
        if not channel.left:
            ignored = header.format == 3 and channel.aborted_left > 0 and self._doubt.ignores_abort(channel, data, body)
            return None if ignored is None else not ignored
        if header.format == 3:
            return False
        goes_on = self._look_ahead.goes_on(header, channel, data, body, self.chunk_size.size)
        return None if goes_on is None else not goes_on

    def _is_understood(self, header: Header, channel: Channel | None, data: bytes, at: int, size: int) -> bool:
        """Whether a header that begins a message says enough, as far as it is known what it inherits.

        Where it does not, either more bytes are needed, or `lost` says what is wrong.
        """
        body = at + size
        if channel is not None and channel.stale and header.format > 1:
            holds = self._doubt.still_holds(channel, data, body)
            if holds is False:
                where = f"a header of format {header.format} on chunk stream {channel.chunk_stream_id}"
                self._lose(f"what {where} inherits was lost", self._window.origin(at), inherits=True)
            if not holds:
                return False
            channel.stale = False
        settled = self._doubt.settles_size(header, channel, data, body)
        self._quick = self._doubt.longest_plain
        if self._doubt.told is not None:
            self.find(*self._doubt.told, self._window.base + body, self._window.origin(min(body, len(data) - 1)))
        return bool(settled)

    # Where it goes on after a search.

    def search(self, offset: int, rule: Rule, hole: int | None = 0, *, goes_on: bool = True) -> Search:
        """Look for the next header from `offset` on; `hole` bytes before it are missing (None: nobody knows how many).

        The rule says whose fault that is: the capture's or the sender's.
        """
        rest = None
        self._searching_for = rule
        channel = self._channel or self._between_chunks()
        if hole != 0:
            self.chunk_size.lose()
        else:
            self.chunk_size.forget(Reason.DESYNC if rule is findings.CHUNK_DESYNC else Reason.LOST)
        self._quick = self._doubt.longest_plain
        if hole and goes_on and channel is not None and not channel.dropped:
            extended = b"" if channel.extended is None else self._repeated(channel)
            rest = behind(channel, self._due, hole, self.chunk_size.size, extended)
        if rest is not None and rest.headers and self.chunk_size.doubt is not None:
            rest = None  # where its headers stood, and so which bytes are payload, is not known
        return Search(self._doubt.known._replace(is_behind_hole=True), self.chunk_size.possible, offset, rest)

    def _between_chunks(self) -> Channel | None:
        """The chunk stream whose message is not complete, if it is the only one: the next chunk is likely its own."""
        unfinished = [channel for channel in self._channels.values() if channel.left]
        return unfinished[0] if len(unfinished) == 1 else None

    def _repeated(self, channel: Channel) -> bytes:
        if self._look_ahead.repeats_extended is False:
            return b""
        return (channel.extended or 0).to_bytes(4, "big")

    def resume(self, found: Found, hole: int) -> int:
        """Read on where the search led; gives how many bytes there belong to a header that began in the hole.

        `hole` is where in the stream the bytes began to be missing.
        """
        self.lost, self.lost_header = "", True
        self._strangers = 0
        rest, due = found.rest, self._due
        if rest is not None:
            self._channel, self._due = None, 0
            self._go_through(rest, hole + due)
            return rest.header
        for channel in self._channels.values():
            if channel.left:
                self._release(channel, "cut")
            channel.stale = True
            channel.certain = False
        self._channel, self._due = None, 0
        self._doubt.begin(self._searching_for)
        self._quick = self._doubt.longest_plain
        return 0

    def _go_through(self, rest: Rest, offset: int) -> None:
        """A hole took payload and chunk headers of a message, the first of them at `offset`: it is damaged, no more."""
        channel = rest.channel
        start = channel.received
        if rest.lost:
            channel.missing.append((start, start + rest.lost))
        channel.parts += [_ZEROS] * (rest.lost // len(_ZEROS)) + [_ZEROS[: rest.lost % len(_ZEROS)]]
        for position in rest.headers:
            size = min(self.chunk_size.size, channel.length - position)
            channel.chunks.append(Chunk(offset, b"", size, 1, rest.header_size))
            offset += rest.header_size + size
        channel.left = rest.left
        if rest.left:
            self._channel, self._due = (channel, rest.due) if rest.due else (None, 0)
        else:
            self._complete(channel)

    def _read_extended(
        self, header: Header, channel: Channel | None, data: bytes, at: int
    ) -> tuple[int, int | None] | None:
        """The whole header's size, and what stands where an extended timestamp would; None: more bytes are needed."""
        size = header.size
        if header.format < 3 and header.timestamp != EXTENDED:
            return size, None
        place = at + size
        if place + 4 > len(data):
            return (size, None) if self._look_ahead.ending and header.format == 3 else None
        value = int.from_bytes(data[place : place + 4], "big")
        if header.format < 3 or channel is None:
            return size + 4, value
        repeated = self._look_ahead.is_repeated(channel, value, data, place, self.chunk_size.size)
        return None if repeated is None else (size + 4 if repeated else size, value)

    def _judge_style(self, repeated: bool, value: int, at: int) -> None:
        """Note how this sender writes extended timestamps on format 3, and tell what is unusual about it."""
        before, self._look_ahead.repeats_extended = self._look_ahead.repeats_extended, repeated
        if before is not None and before != repeated:
            style, severity = "sometimes repeated and sometimes not", Severity.ERROR
        elif not repeated:
            style, severity = "left out (the text of 2009)", Severity.WARNING
        elif not value:
            style, severity = "four zero bytes (as mediamtx sends them)", Severity.WARNING
        else:
            return
        title = f"extended timestamps on format 3: {style}"
        if title not in self._told:
            self._told.add(title)
            self.find(findings.EXTENDED_STYLE, severity, title, self._window.base + at, self._window.origin(at))

    def _judge_absolute(self, at: int, origin: Origin) -> None:
        title = "an extended timestamp in format 1 or 2 is read as a time and not as a delta, as LAL writes it"
        if title not in self._told:
            self._told.add(title)
            self.find(findings.EXTENDED_DELTA, Severity.WARNING, title, self._window.base + at, origin)

    def _open_channel(self, header: Header, at: int) -> Channel:
        channel = self._channels[header.chunk_stream_id] = Channel(header.chunk_stream_id)
        if header.chunk_stream_id > MOST_IDLE:  # those that everybody uses are not worth counting
            self.held += _CHANNEL_OVERHEAD
        if header.format == 1 and header.type_id is not None and self._doubt.searched_for is not None:
            self._guess_message_stream(channel, header.type_id, at)
        elif header.format == 1 and header.chunk_stream_id != 2:  # librtmp begins its pings with format 1
            title = f"chunk stream {header.chunk_stream_id} begins with format 1: its message stream is not stated"
            offset, origin = self._window.base + at, self._window.origin(at)
            self.find(findings.CHUNK_FIRST_FORMAT, Severity.WARNING, title, offset, origin)
        return channel

    def _guess_message_stream(self, channel: Channel, type_id: int, at: int) -> None:
        """The header that stated it was lost: media and its data are on the message stream that others are on, or 1."""
        if type_id not in _OF_A_STREAM:
            return
        stated = {other.message_stream_id for other in self._channels.values() if other.message_stream_id}
        channel.message_stream_id = stated.pop() if len(stated) == 1 else 1
        number, stream = channel.chunk_stream_id, channel.message_stream_id
        title = f"the message stream of chunk stream {number} was not seen: taken for {stream}"
        self.find(findings.CAPTURE_QUALITY, Severity.NOTE, title, self._window.base + at, self._window.origin(at))

    def infer(self, inferred: Inferred, at: int) -> None:
        """What a chunk stream's headers never stated is taken from their distances, as found at `data[at]`."""
        number, length, head = inferred
        if number in self._channels:
            return
        channel = self._channels[number] = Channel(number)
        channel.length, channel.type_id, channel.head, channel.stale = length, AUDIO, head, True
        title = (
            f"type and length of chunk stream {number} were not seen: audio of {length} bytes, by its headers' distance"
        )
        self.find(findings.CAPTURE_QUALITY, Severity.NOTE, title, self._window.base + at, self._window.origin(at))
        self._guess_message_stream(channel, AUDIO, at)

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
                self._judge_absolute(at, origin)
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
            self._channel, self._due = channel, due
            return at
        self._store(channel, data[at:stop], stop)
        return stop

    def _go_on(self, channel: Channel, data: bytes, at: int) -> int:
        """More of a chunk that was not here whole."""
        size = min(self._due, len(data) - at)
        self._due -= size
        if not self._due:
            self._channel = None
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

    def _note(self, channel: Channel, offset: int, header: bytes, size: int, run: int = 1) -> None:
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

    def _store(self, channel: Channel, part: bytes | bytearray, stop: int) -> None:
        """Add to a message what ends at `data[stop]`; that may complete it."""
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
            self._complete(channel)
        else:
            # Which packet brought these bytes is asked once a piece: within one, packet numbers only rise.
            channel.reached = self._window.base + stop - 1
            if not self._touched or self._touched[-1] is not channel:
                self._touched.append(channel)

    # Messages end.

    def _complete(self, channel: Channel) -> None:
        if channel.dropped:
            self._end_dropped(channel)
            return
        kind = channel.type_id
        if channel.length and not channel.missing:
            channel.head = channel.parts[0][0]
        message = self._emit(channel, "damaged" if channel.missing else "whole")
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
            self._abort(int.from_bytes(message.payload[:4], "big"), message)
        self._strangers = 0 if kind in TYPE_NAMES else self._strangers + 1
        if self._strangers == STRANGERS_BEFORE_LOST:
            self.lost_header = False
            self._lose(f"{STRANGERS_BEFORE_LOST} messages in a row are of types that do not exist", message.last)

    def _emit(self, channel: Channel, state: State) -> Message:
        if self._channel is channel:
            shorten(channel.chunks, self._due)  # its last chunk did not come whole
        message = Message(
            self.connection,
            next(self._numbers),
            self.sender,
            channel.chunk_stream_id,
            channel.message_stream_id,
            channel.type_id,
            channel.timestamp,
            channel.certain,
            channel.length,
            channel.parts,
            tuple(channel.missing),
            tuple(channel.chunks),
            state,
            channel.first,
            channel.last,
            channel.missing_reason or NEVER_CAPTURED,
        )
        self.events.append(message)
        self.held -= channel.held
        channel.held = 0
        channel.parts, channel.missing, channel.missing_reason, channel.chunks = [], [], "", []
        return message

    def _abort(self, chunk_stream_id: int, message: Message) -> None:
        """Abort (§5.4.2): what there is of the message on that chunk stream is all of it."""
        channel = self._channels.get(chunk_stream_id)
        if channel is not None and channel.left:
            title = f"{_described(channel)} was aborted after {grouped(channel.received)} bytes"
            self.find(findings.ABORT_SEEN, Severity.WARNING, title, message.offset, message.last)
            left = channel.left
            self._release(channel, "aborted")
            channel.aborted_left = left

    def _ignore_abort(self, channel: Channel, at: int) -> None:
        """Whoever aborted a message sends the rest of it all the same. It was told as aborted; the rest is counted."""
        size = plural(channel.aborted_left, "byte")
        title = f"{_described(channel)} was aborted, and goes on all the same: {size} behind the Abort are its rest"
        self.find(findings.ABORT_SEEN, Severity.ERROR, title, self._window.base + at, self._window.origin(at))
        channel.left, channel.aborted_left = channel.aborted_left, 0
        channel.dropped, channel.dropped_bytes, channel.dropped_for = True, 0, _REST_OF_ABORTED
        channel.first = channel.last = self._window.origin(at)

    def _interrupt(self, channel: Channel, header: Header, at: int, goes_on: bool) -> None:
        """A header amid a message that is not of format 3: the message goes on, or this is the end of it."""
        what = "stands amid" if goes_on else "breaks off"
        title = (
            f"a header of format {header.format} on chunk stream {channel.chunk_stream_id} {what} "
            f"{_described(channel)} after {grouped(channel.received)} bytes"
        )
        severity = Severity.WARNING if goes_on else Severity.ERROR
        self.find(findings.CHUNK_INTERRUPTED, severity, title, self._window.base + at, self._window.origin(at))
        if not goes_on:
            self._release(channel, "aborted")

    def _release(self, channel: Channel, state: State) -> None:
        self._meet_touched()
        if channel.dropped:
            channel.dropped_bytes -= self._due if self._channel is channel else 0
            self._end_dropped(channel)
        else:
            self._emit(channel, state)
        channel.left = 0


def _described(channel: Channel) -> str:
    return f"the {TYPE_NAMES.get(channel.type_id, 'unknown')} message of {grouped(channel.length)} bytes"
