"""One direction of one session: its bytes become greetings and messages.

    handshake --(version 3)--> chunks          handshake --(version 6, 8, 9)--> opaque
    chunks --a hole inside a chunk's payload--> chunks
    handshake, chunks --another hole, headers that cannot be--> lost

Every change of phase is in this file. Rule 1: nothing is applied before all its bytes are there; a header that is not
complete, or that can only be understood by what follows, is read again from its first byte when more has come. Rule 2:
this file does not know which side is the client; what needs both sides is in `session`.

Set Chunk Size and Abort are obeyed here, as the specification places them in the chunk stream (§5.4), so that a new
size holds from the very next byte.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from rtmpsniff import findings
from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin, Packet
from rtmpsniff.findings import Evidence, Finding, Rule, Severity
from rtmpsniff.payload.types import ABORT, AUDIO, SET_CHUNK_SIZE, TYPE_NAMES, VIDEO
from rtmpsniff.rtmp.chunk import EXTENDED, Channel, Header, read_header
from rtmpsniff.rtmp.events import Chunk, Event, Greeting, HandshakePart, Message, State, Undecoded
from rtmpsniff.rtmp.handshake import ENCRYPTED, PACKET
from rtmpsniff.rtmp.timestamps import Clock
from rtmpsniff.text import grouped
from rtmpsniff.transport.reassembly import Hole, Piece, Sender

Phase: TypeAlias = Literal["handshake", "chunks", "opaque", "lost"]

DEFAULT_CHUNK_SIZE: Final = 128
HANDSHAKE_SIZE: Final = 1 + 2 * PACKET
LOOK_AHEAD: Final = 1 << 16  # bytes that may be held to see where the next header stands
STRANGERS_BEFORE_LOST: Final = 3  # messages in a row of types that nobody knows (Red5 closes by the same rule)

_PARTS: Final[dict[tuple[Sender, bool], HandshakePart]] = {
    ("client", True): "C0 C1",
    ("client", False): "C2",
    ("server", True): "S0 S1",
    ("server", False): "S2",
}
_new: Final = tuple.__new__  # makes a named tuple in half the time of calling its class
_ZEROS: Final = bytes(1 << 16)
_CHUNK_OVERHEAD: Final = 200  # what keeping a chunk's header costs: floods of tiny chunks must count
_FIXED_LENGTHS: Final = {1: {4}, 2: {4}, 3: {4}, 5: {4}, 6: {4, 5}}  # of control messages (§5.4)
_ENDS_INSIDE: Final = {"handshake": "the handshake", "chunks": "a chunk header", "opaque": "", "lost": ""}


class Direction:
    """What one side sent: `feed` and `lose` are the doors, `end` closes them."""

    def __init__(self, connection: int, sender: Sender, numbers: Iterator[int], budget: Budget) -> None:
        self.connection = connection
        self.sender: Sender = sender
        self.phase: Phase = "handshake"
        self.chunk_size = DEFAULT_CHUNK_SIZE
        self.clock = Clock()
        self.peer_version: int | None = None  # of the handshake, if the other side has been heard
        self.held = 0  # bytes kept for unfinished messages
        self._counted = 0  # how many of them the budget knows of
        self._touched: list[Channel] = []  # that the piece at hand brought bytes for
        self._numbers = numbers
        self._budget = budget
        self._events: list[Event] = []
        self._channels: dict[int, Channel] = {}
        self._channel: Channel | None = None  # whose chunk is being received
        self._due = 0  # payload bytes which that chunk still lacks
        self._repeats_extended: bool | None = None  # the verdict on format 3 chunks, once there is one
        self._strangers = 0
        self._ending = False  # no more bytes will come: what was held to look ahead is decided now
        self._told: set[str] = set()  # findings that are made once
        # The bytes at hand: `_base` is the stream offset of the first, the lists say which packet brought what.
        self._base = 0
        self._rest = b""
        self._offsets: list[int] = []
        self._packets: list[Packet] = []
        self._last_origin = (0, 0, Origin(0, 0, 0))  # a span of the stream and the packet that brought it
        self._missing: list[tuple[int, int]] = []  # stream spans in the handshake that were never captured
        self._version: int | None = None
        self._unread: _Unread | None = None

    def __repr__(self) -> str:
        return f"<Direction {self.connection} from {self.sender}: {self.phase} at {self._base}>"

    def feed(self, piece: Piece) -> list[Event]:
        """Take the next bytes; gives the events that they complete."""
        rest = self._rest
        if rest:
            data = rest + piece.data
            self._offsets += piece.offsets
            self._packets += piece.packets
        else:
            data = piece.data
            self._base, self._offsets, self._packets = piece.offset, piece.offsets, piece.packets
        self._keep(data, self._read(data))
        return self._taken()

    def lose(self, hole: Hole) -> list[Event]:
        """The next `hole.size` bytes were never captured."""
        if self._unread is not None:
            self._unread.lose(hole.size, hole.origin)
        elif self.phase == "handshake" and hole.offset + hole.size <= HANDSHAKE_SIZE:
            return self._lose_greeting(hole)
        elif self._channel is not None and hole.size <= self._due:
            self._lose_payload(self._channel, hole)
        else:
            self._settle()
            start = hole.offset - len(self._rest)
            self._lose_track(start, f"{grouped(hole.size)} bytes {hole.reason}", hole.origin)
            self._unread_rest(hole.origin)
            if self._unread is not None:
                self._unread.lose(hole.size, hole.origin)
        return self._taken()

    def end(self, origin: Origin) -> list[Event]:
        """No more bytes will come: what is unfinished is released as such."""
        self._settle()
        if self._rest:
            self._leave_unread(self._base, "the stream ends inside " + _ENDS_INSIDE[self.phase], origin)
            self._unread_rest(origin)
        self._release_all("cut")
        if self._unread is not None and self._unread.length:
            self._events.append(self._unread.event(self.connection, self.sender))
        return self._taken()

    def begin_lost(self, offset: int, reason: str, origin: Origin) -> None:
        """The capture began in the middle of the connection."""
        self.phase = "lost"
        self._leave_unread(offset, reason, origin)

    def give_way(self, origin: Origin) -> list[Event]:
        """Too much is held: unfinished messages are released as they are, what else comes of them is dropped."""
        self._find(
            findings.MEMORY_BUDGET, Severity.WARNING, "unfinished messages were given up", self._base, origin=origin
        )
        for channel in self._channels.values():
            if channel.left and not channel.dropped:
                self._emit(channel, "cut")
                channel.dropped = True
        return self._taken()

    def _settle(self) -> None:
        """What was held to look ahead is decided with the bytes that there are."""
        self._ending = True
        if self._rest and self.phase == "chunks":
            self._keep(self._rest, self._read(self._rest))
        self._ending = False

    def _unread_rest(self, origin: Origin) -> None:
        if self._rest and self._unread is not None:
            self._unread.skip(len(self._rest), origin)
        self._rest = b""

    # The bytes at hand.

    def _read(self, data: bytes) -> int:
        """Read as far as the bytes go; gives how many were used up."""
        at = 0
        if self.phase == "handshake":
            at = self._read_handshake(data)
        if self.phase == "chunks":
            at = self._read_chunks(data, at)
        if self._unread is not None and at < len(data):
            self._unread.skip(len(data) - at, self._origin(len(data) - 1))
            at = len(data)
        return at

    def _keep(self, data: bytes, used: int) -> None:
        self._rest = data[used:]
        self._base += used
        if self._rest:
            at = bisect_right(self._offsets, self._base) - 1
            self._offsets = [self._base, *self._offsets[at + 1 :]]
            self._packets = self._packets[at:]
        else:  # nothing points into the piece any more
            self._offsets, self._packets = [], []

    def _taken(self) -> list[Event]:
        self._budget.held += self.held - self._counted
        self._counted = self.held
        events, self._events = self._events, []
        return events

    def _origin(self, at: int) -> Origin:
        """The packet that brought the byte at hand. Neighbors are asked for in turn, so the last answer is kept."""
        offset = self._base + at
        start, stop, origin = self._last_origin
        if start <= offset < stop:
            return origin
        index = bisect_right(self._offsets, offset) - 1
        origin = _new(Origin, self._packets[index][:3])
        stop = self._offsets[index + 1] if index + 1 < len(self._offsets) else offset + 1
        self._last_origin = (self._offsets[index], stop, origin)
        return origin

    # Handshake (§5.2).

    def _read_handshake(self, data: bytes) -> int:
        at = 0
        while self.phase == "handshake":
            first = self._base + at == 0
            size = 1 + PACKET if first else PACKET
            if len(data) - at < size:
                return at
            self._greet(data, at, size, first)
            at += size
        return at

    def _greet(self, data: bytes, at: int, size: int, first: bool) -> None:
        offset = self._base + at
        spans = ((max(start - offset, 0), min(stop - offset, size)) for start, stop in self._missing)
        missing = tuple((start, stop) for start, stop in spans if start < stop)
        part: HandshakePart = _PARTS[self.sender, first]
        if first:
            self._version = data[at]
        self._events.append(
            Greeting(
                self.connection,
                self.sender,
                part,
                offset,
                data[at : at + size],
                self._version if first else None,
                "",
                None,
                missing,
                self._origin(at),
                self._origin(at + size - 1),
            )
        )
        if not first:
            self._shake_hands(at + size)

    def _shake_hands(self, at: int) -> None:
        """The handshake of this side is over. Of two versions the server's holds, for both sides (§5.2.2)."""
        version = self._version if self.sender == "server" or self.peer_version is None else self.peer_version
        if version in ENCRYPTED:
            self.phase = "opaque"
            self._leave_unread(self._base + at, f"encrypted ({ENCRYPTED[version]})", self._origin(at - 1))
        else:
            self.phase = "chunks"

    def _lose_greeting(self, hole: Hole) -> list[Event]:
        """Random bytes are missing: nothing depends on them but the verdicts."""
        self._missing.append((hole.offset, hole.offset + hole.size))
        filler = Packet(*hole.origin, link=0, data=b"", wire_length=0)
        return self.feed(Piece(hole.flow, hole.offset, bytes(hole.size), [hole.offset], [filler]))

    # Chunks (§5.3).

    def _read_chunks(self, data: bytes, at: int) -> int:
        end = len(data)
        channels = self._channels
        while at < end and self.phase == "chunks":
            channel = self._channel
            if channel is not None:
                at = self._take_payload(channel, data, at)
                continue
            head = data[at]
            channel = channels.get(head & 0x3F) if head >= 0xC2 else None
            if channel is not None and channel.left and channel.extended is None:
                at = self._take_run(channel, data, at)
                continue
            start, at = at, self._begin_chunk(data, at)
            if at == start:
                break
        for channel in self._touched:
            if channel.left:
                self._meet(channel, self._origin(channel.reached - self._base))
        self._touched.clear()
        return at

    def _take_payload(self, channel: Channel, data: bytes, at: int) -> int:
        due, here = self._due, len(data) - at
        size = min(due, here)
        self._due = due - size
        if size == due:
            self._channel = None
        self._store(channel, data[at : at + size], at + size)
        return at + size

    def _store(self, channel: Channel, part: bytes | bytearray, stop: int) -> None:
        """Add to a message what ends at `data[stop]`; that may complete it."""
        size = len(part)
        channel.left -= size
        if not channel.dropped:
            channel.parts.append(part)
            channel.held += size
            self.held += size
        if not channel.left:
            self._meet(channel, self._origin(stop - 1))
            self._complete(channel)
        else:
            # Which packet brought these bytes is asked once a piece: within one, packet numbers only rise.
            channel.reached = self._base + stop - 1
            if not self._touched or self._touched[-1] is not channel:
                self._touched.append(channel)

    def _meet(self, channel: Channel, origin: Origin) -> None:
        """A packet brought bytes of the message: it may be the least or the greatest that did."""
        if origin > channel.last:
            channel.last = origin
        elif origin < channel.first:
            channel.first = origin

    def _take_rest(self, channel: Channel, data: bytes, at: int) -> int:
        """The rest of a message, if it is here whole and only its own one-byte headers stand between.

        Those stand at equal distances, so they are compared and cut out by slices with a step. With chunks of 128 bytes
        that is more than twice as fast as one chunk after another. Gives `at` where it cannot be done.
        """
        size, left = self.chunk_size, channel.left
        more = (left - 1) // size  # chunks after the one that begins here
        stop = at + left + more
        if stop > len(data) or channel.extended is not None or channel.chunk_stream_id > 63:
            return at
        if not more:
            self._store(channel, data[at:stop], stop)
            return stop
        head = bytes((0xC0 | channel.chunk_stream_id,))
        step = size + 1
        if data[at + size : stop : step] != head * more:
            return at
        payload = bytearray(data[at:stop])
        del payload[size::step]
        first = self._base + at + size
        if more > 1:
            self._add_chunk(channel, _new(Chunk, (first, head, size, more - 1)))
        self._add_chunk(channel, _new(Chunk, (first + (more - 1) * step, head, left - more * size, 1)))
        self._store(channel, payload, stop)
        return stop

    def _take_run(self, channel: Channel, data: bytes, at: int) -> int:
        """Continuation chunks with one-byte headers, as many as are here whole; else the header of one."""
        size, left = self.chunk_size, channel.left
        head, step = data[at : at + 1], size + 1
        count = min(left // size, (len(data) - at) // step)
        if count > 1:
            heads = data[at : at + count * step : step]
            count -= len(heads.lstrip(head))
        if count > 1:
            run = bytearray(data[at : at + count * step])
            del run[::step]
            self._add_chunk(channel, Chunk(self._base + at, head, size, count))
            at += count * step
            self._store(channel, run, at)
            return at
        due = min(size, left)
        self._add_chunk(channel, Chunk(self._base + at, head, due))
        return self._take_chunk(channel, data, at + 1, due)

    def _take_chunk(self, channel: Channel, data: bytes, at: int, due: int) -> int:
        """The payload of a chunk, and of those after it if the whole message is here; or what there is of it."""
        stop = self._take_rest(channel, data, at)
        if stop > at or not channel.left:
            return stop
        if len(data) - at < due:
            self._channel, self._due = channel, due
            return at
        self._store(channel, data[at : at + due], at + due)
        return at + due

    def _add_chunk(self, channel: Channel, chunk: Chunk) -> None:
        """Note where a chunk stood; one that is like the last and follows it joins its run."""
        if channel.dropped:
            return
        chunks = channel.chunks
        if chunks:
            last = chunks[-1]
            if last[1:3] == chunk[1:3] and last.offset + last.run * (len(last.header) + last.size) == chunk.offset:
                chunks[-1] = last._replace(run=last.run + chunk.run)
                return
        chunks.append(chunk)
        channel.held += _CHUNK_OVERHEAD
        self.held += _CHUNK_OVERHEAD

    def _begin_chunk(self, data: bytes, at: int) -> int:
        """Read the header at `data[at]`, apply it and go on into the payload; gives where that led.

        `at` itself means that more bytes are needed first, or that the header cannot be one.
        """
        header = read_header(data, at)
        if header is None:
            return at
        channel = self._channels.get(header.chunk_stream_id)
        if channel is None or header.type_id in _FIXED_LENGTHS:
            fault = _fault(header, channel)
            if fault:
                self._lose_track(self._base + at, fault, self._origin(at))
                return at
        size, value = header.size, None
        if header.timestamp == EXTENDED or (channel is not None and channel.extended is not None):
            extended = self._extended(header, channel, data, at)
            if extended is None:
                return at
            size, value = extended
        if channel is None:
            channel = self._open_channel(header, at)
        if channel.left and header.format < 3:
            goes_on = self._goes_on(header, channel, data, at + size)
            if goes_on is None:
                return at
            if not goes_on:
                self._break_off(channel, header, at)
        if not channel.left:
            self._begin_message(channel, header, value, self._origin(at))
        due = min(self.chunk_size, channel.left)
        stop = at + size
        self._add_chunk(channel, _new(Chunk, (self._base + at, data[at:stop], due, 1)))
        return self._take_chunk(channel, data, stop, due)

    def _open_channel(self, header: Header, at: int) -> Channel:
        channel = self._channels[header.chunk_stream_id] = Channel(header.chunk_stream_id)
        if header.format == 1 and header.chunk_stream_id != 2:  # librtmp begins its pings with format 1
            title = f"chunk stream {header.chunk_stream_id} begins with format 1: its message stream is not stated"
            origin = self._origin(at)
            self._find(findings.CHUNK_FIRST_FORMAT, Severity.WARNING, title, self._base + at, origin=origin)
        return channel

    def _begin_message(self, channel: Channel, header: Header, extended: int | None, origin: Origin) -> None:
        """What the header states is stated, the rest is inherited from the last on its chunk stream."""
        if header.timestamp is None:
            self.clock.repeat(channel)
        else:
            channel.extended = extended
            value = header.timestamp if extended is None else extended
            if header.format == 0:
                self.clock.state(channel, value)
            else:
                self.clock.add(channel, value, extended is not None)
        if header.length is not None:
            channel.length = header.length
        if header.type_id is not None:
            channel.type_id = header.type_id
        if header.message_stream_id is not None:
            channel.message_stream_id = header.message_stream_id
        channel.left = channel.length
        channel.first = channel.last = origin
        channel.dropped = False

    # Messages end.

    def _complete(self, channel: Channel) -> None:
        if channel.dropped:
            channel.dropped = False
            return
        message = self._emit(channel, "damaged" if channel.missing else "whole")
        kind = channel.type_id
        if kind in {AUDIO, VIDEO}:
            self.clock.latest = channel.timestamp
            self._strangers = 0
            return
        if kind in {SET_CHUNK_SIZE, ABORT} and not message.missing and len(message.payload) >= 4:
            self._obey(kind, int.from_bytes(message.payload[:4], "big"), message)
        self._strangers = 0 if kind in TYPE_NAMES else self._strangers + 1
        if self._strangers == STRANGERS_BEFORE_LOST:
            what = f"{STRANGERS_BEFORE_LOST} messages in a row are of types that do not exist"
            self._lose_track(self._stop(message), what, message.last)

    def _emit(self, channel: Channel, state: State) -> Message:
        if self._channel is channel:
            _shorten(channel.chunks, self._due)  # its last chunk did not come whole
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
        )
        self._events.append(message)
        self.held -= channel.held
        channel.held = 0
        channel.parts, channel.missing, channel.chunks = [], [], []
        return message

    @staticmethod
    def _stop(message: Message) -> int:
        """The stream offset behind a message's last chunk."""
        last = message.chunks[-1]
        return last.offset + last.run * (len(last.header) + last.size)

    def _obey(self, kind: int, value: int, message: Message) -> None:
        if kind == ABORT:
            self._abort(value, message)
        elif value & 0x7FFFFFFF:  # §5.4.1: the top bit must be zero, and the size at least 1
            self.chunk_size = value & 0x7FFFFFFF

    def _abort(self, chunk_stream_id: int, message: Message) -> None:
        channel = self._channels.get(chunk_stream_id)
        if channel is None or not channel.left:
            return
        title = f"the {_described(channel)} was aborted after {grouped(channel.received)} bytes"
        self._find(findings.ABORT_SEEN, Severity.WARNING, title, message.offset, origin=message.last)
        self._release(channel, "aborted")

    def _break_off(self, channel: Channel, header: Header, at: int) -> None:
        title = (
            f"a new header (format {header.format}) on chunk stream {channel.chunk_stream_id} "
            f"breaks off the {_described(channel)} after {grouped(channel.received)} bytes"
        )
        self._find(findings.CHUNK_INTERRUPTED, Severity.ERROR, title, self._base + at, origin=self._origin(at))
        self._release(channel, "aborted")

    def _release(self, channel: Channel, state: State) -> None:
        if not channel.dropped:
            self._emit(channel, state)
        channel.left = 0
        channel.dropped = False

    def _release_all(self, state: State) -> None:
        for channel in self._channels.values():
            if channel.left:
                self._release(channel, state)
        self._channel, self._due = None, 0

    # Holes, and bytes that make no sense.

    def _lose_payload(self, channel: Channel, hole: Hole) -> None:
        """A hole inside a chunk's payload: its length is known, so the message is damaged and nothing else."""
        start = channel.received
        if not channel.dropped:
            channel.missing.append((start, start + hole.size))
        self._due -= hole.size
        if not self._due:
            self._channel = None
        channel.left -= hole.size
        if not channel.dropped:
            channel.parts += [_ZEROS] * (hole.size // len(_ZEROS)) + [_ZEROS[: hole.size % len(_ZEROS)]]
        if not channel.left:
            self._complete(channel)

    def _lose_track(self, offset: int, reason: str, origin: Origin) -> None:
        self.phase = "lost"
        self._release_all("cut")
        self._find(
            findings.CHUNK_DESYNC,
            Severity.ERROR,
            f"from here on nothing can be decoded: {reason}",
            offset,
            origin=origin,
        )
        self._leave_unread(offset, reason, origin)

    def _leave_unread(self, offset: int, reason: str, origin: Origin) -> None:
        if self._unread is None:
            self._unread = _Unread(offset, reason, origin)

    # What only the bytes that follow can tell.

    def _extended(self, header: Header, channel: Channel | None, data: bytes, at: int) -> tuple[int, int | None] | None:
        """The whole header's size, and its extended timestamp if it has one; None where more bytes are needed."""
        size = header.size
        if header.format < 3:
            if header.timestamp != EXTENDED:
                return size, None
        elif channel is None or channel.extended is None:
            return size, None
        if at + size + 4 > len(data):
            return (size, None) if self._ending and header.format == 3 else None
        value = int.from_bytes(data[at + size : at + size + 4], "big")
        if header.format < 3 or channel is None:
            return size + 4, value
        repeated = self._is_repeated(channel, value, data, at + size)
        if repeated is None:
            return None
        self._judge_style(repeated, value, at)
        return (size + 4 if repeated else size), value

    def _is_repeated(self, channel: Channel, value: int, data: bytes, at: int) -> bool | None:
        """Whether the four bytes after a format 3 header are the extended timestamp once more, and not payload.

        The texts of 2009 and 2012 contradict each other (§5.3.1.3). Most senders repeat the value, SRS and LAL write
        the message's time, mediamtx zeros, old librtmp and FFmpeg nothing. None: more bytes are needed to tell.
        """
        for repeated in (channel.extended, channel.timestamp):
            if repeated is not None and (value ^ repeated) & 0x7FFFFFFF == 0:  # SRS cuts the top bit
                return True
        if value and channel.left:
            return False
        left = channel.left or channel.length
        size = min(self.chunk_size, left)
        repeated_fits = self._plausibility(data, at, at + 4 + size, channel, left - size)
        absent_fits = self._plausibility(data, at, at + size, channel, left - size)
        if repeated_fits is None or absent_fits is None:
            return None
        if repeated_fits != absent_fits:
            return repeated_fits > absent_fits
        if self._repeats_extended is not None:
            return self._repeats_extended
        return not channel.left

    def _judge_style(self, repeated: bool, value: int, at: int) -> None:
        before, self._repeats_extended = self._repeats_extended, repeated
        if before is not None and before != repeated:
            title = "extended timestamps on format 3: sometimes repeated and sometimes not"
            severity = Severity.ERROR
        elif repeated and value:
            return
        else:
            style = "four zero bytes (as mediamtx sends them)" if repeated else "left out (the text of 2009)"
            title, severity = f"extended timestamps on format 3: {style}", Severity.WARNING
        self._find(findings.EXTENDED_STYLE, severity, title, self._base + at, origin=self._origin(at), once=True)

    def _goes_on(self, header: Header, channel: Channel, data: bytes, at: int) -> bool | None:
        """Whether a header of format 1 or 2 amid a message, equal in length and type, only goes on with it.

        FFmpeg and nginx-rtmp read it so, others begin a new message; only format 3 should follow here.
        """
        if (
            header.format == 0
            or header.length not in {None, channel.length}
            or header.type_id not in {None, channel.type_id}
        ):
            return False
        on, new = min(self.chunk_size, channel.left), min(self.chunk_size, channel.length)
        if on == new:
            return False
        on_fits = self._plausibility(data, at, at + on, channel, channel.left - on)
        new_fits = self._plausibility(data, at, at + new, channel, channel.length - new)
        return None if on_fits is None or new_fits is None else on_fits > new_fits

    def _plausibility(self, data: bytes, here: int, place: int, channel: Channel, left: int) -> int | None:
        """How well a header would fit at `data[place]`, where `left` bytes of the channel's message are still due.

        None: the bytes are not here yet, and it is worth waiting for them.
        """
        if place - here > LOOK_AHEAD:
            return 0
        if place >= len(data):
            return (1 if place == len(data) else 0) if self._ending else None
        header = read_header(data, place)
        if header is None:
            return 1 if self._ending else None
        known = self._channels.get(header.chunk_stream_id)
        if header.format == 3 and known is channel and left:
            return 4
        if _fault(header, known) or (header.type_id is not None and header.type_id not in TYPE_NAMES):
            return 0
        return 4 - header.format

    def _find(
        self,
        rule: Rule,
        severity: Severity,
        title: str,
        offset: int,
        *,
        origin: Origin,
        once: bool = False,
    ) -> None:
        if once and title in self._told:
            return
        self._told.add(title)
        self._events.append(
            Finding(
                rule,
                severity,
                title,
                (Evidence("", offset),),
                connection=self.connection,
                sender=self.sender,
                time=origin.time,
                packet=origin.packet,
            )
        )


class _Unread:
    """A span of one direction that nothing could be made of, as it grows."""

    def __init__(self, offset: int, reason: str, origin: Origin) -> None:
        self.offset, self.reason, self.first, self.last = offset, reason, origin, origin
        self.length = self.missing = 0

    def skip(self, size: int, last: Origin) -> None:
        self.length += size
        self.last = last

    def lose(self, size: int, last: Origin) -> None:
        self.missing += size
        self.skip(size, last)

    def event(self, connection: int, sender: Sender) -> Undecoded:
        return Undecoded(connection, sender, self.offset, self.length, self.missing, self.reason, self.first, self.last)


def _fault(header: Header, channel: Channel | None) -> str:
    """Why a header cannot be one; "" if it can."""
    if channel is None and header.format > 1:
        return f"format {header.format} on chunk stream {header.chunk_stream_id}, which has not begun"
    lengths = _FIXED_LENGTHS.get(header.type_id or 0)
    if lengths and header.chunk_stream_id != 2 and header.length not in lengths:
        return f"a message of type {header.type_id} cannot have {header.length} bytes"
    return ""


def _described(channel: Channel) -> str:
    return f"{TYPE_NAMES.get(channel.type_id, 'unknown')} message of {grouped(channel.length)} bytes"


def _shorten(chunks: list[Chunk], due: int) -> None:
    """The last chunk came without its last `due` bytes."""
    last = chunks.pop()
    if last.run > 1:
        chunks.append(last._replace(run=last.run - 1))
    offset = last.offset + (last.run - 1) * (len(last.header) + last.size)
    chunks.append(Chunk(offset, last.header, last.size - due))
