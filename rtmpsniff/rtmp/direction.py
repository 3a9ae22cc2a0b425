"""One direction of one session: its bytes become greetings and messages.

    handshake --(version 3)--> chunks          handshake --(version 6, 8, 9)--> opaque
    chunks --a hole inside a chunk's payload--> chunks
    handshake, chunks --another hole, headers that cannot be--> lost
    lost --a place where a header stands for certain--> chunks

Every change of phase is in this file. It does not know which side is the client; what needs both is in `session`.
What cannot be decoded is counted, so that every byte of the stream is accounted for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from rtmpsniff import findings
from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Rule, Severity
from rtmpsniff.rtmp.assembly import Assembler
from rtmpsniff.rtmp.chunk import LONGEST_HEADER
from rtmpsniff.rtmp.events import Event, Greeting, HandshakePart, Undecoded, also
from rtmpsniff.rtmp.handshake import ENCRYPTED, PACKET
from rtmpsniff.rtmp.lengths import Lengths
from rtmpsniff.rtmp.outcome import Outcome
from rtmpsniff.rtmp.search import Search
from rtmpsniff.rtmp.sizes import Reason
from rtmpsniff.rtmp.timestamps import Clock
from rtmpsniff.rtmp.window import Window
from rtmpsniff.text import plural
from rtmpsniff.transport.connection import Sender
from rtmpsniff.transport.events import HOLE_REASONS, NEVER_CAPTURED, Hole, Piece

Phase: TypeAlias = Literal["handshake", "chunks", "opaque", "lost"]

HANDSHAKE_SIZE: Final = 1 + 2 * PACKET
TIME_TO_LOOK_AHEAD: Final = 200_000_000  # ns: a sender that pauses so long may have no more to say

_PARTS: Final[dict[tuple[Sender, bool], HandshakePart]] = {
    ("client", True): "C0 C1",
    ("client", False): "C2",
    ("server", True): "S0 S1",
    ("server", False): "S2",
}
_NGINX_VERSION: Final = bytes.fromhex("0d0e0a0d")  # in S1; what follows from it, see `timestamps`
_GROWTH: Final = 16
_NOWHERE: Final = Origin(0, 0, 0)
_INSIDE: Final[dict[Phase, str]] = {"handshake": "the handshake", "chunks": "a chunk header"}


def say_hole(hole: Hole) -> str:
    """How much is missing, and why."""
    amount = "an unknown number of bytes" if hole.size is None else plural(hole.size, "byte")
    return f"{amount} {hole.reason}"


class Direction:
    """What one side sent: `feed` and `lose` are the doors, `end` closes them."""

    def __init__(self, connection: int, sender: Sender, numbers: Iterator[int], budget: Budget) -> None:
        self.connection = connection
        self.sender: Sender = sender
        self.phase: Phase = "handshake"
        self.version: int | None = None  # of C0 or S0
        self.peer: Greeting | None = None  # what the other side sent first, if that is known
        self._budget = budget
        self._counted = 0  # held bytes that the budget knows of
        self._window = Window()
        self._outcome = Outcome(connection, sender, self._window)
        self._chunks = Assembler(self._outcome, numbers, self._window)
        self._missing: list[tuple[int, int]] = []  # stream spans in the handshake that are not there
        self._missing_reason = ""
        self._unread: _Unread | None = None
        self._search: Search | None = None  # while lost, unless it is hopeless
        self._lengths = Lengths()

    def __repr__(self) -> str:
        return f"<Direction {self.connection} from {self.sender}: {self.phase} at {self._window.base}>"

    @property
    def held(self) -> int:
        """Bytes kept for unfinished messages, and to look ahead."""
        waiting = self._window.waiting if self.phase in {"chunks", "lost"} else 0
        search = 0 if self._search is None else self._search.cost
        return self._chunks.held + self._lengths.held + search + (waiting if waiting > LONGEST_HEADER else 0)

    @property
    def clock(self) -> Clock:
        """How this sender uses timestamps."""
        return self._chunks.clock

    def feed(self, piece: Piece) -> list[Event]:
        """Take the next bytes; gives the events that they complete."""
        if self._window.waiting and self.is_overdue(piece.first.time):
            self._settle()
        data = self._window.open(piece)
        if data is None:
            return self._taken()
        used = self._read(data)
        self._window.close(data, used, self._wanted(used, len(data) - used))
        return self._taken()

    def is_overdue(self, now: int) -> bool:
        """Whether bytes are held to look ahead, and what they wait for has not come in time."""
        size = self._window.waiting
        if not size or self.phase != "chunks" or self._chunks.wanted <= 0:
            return False
        return now - self._window.origin(size - 1).time >= TIME_TO_LOOK_AHEAD

    def wait_no_longer(self) -> list[Event]:
        """What is held to look ahead is decided with the bytes that there are."""
        self._settle()
        return self._taken()

    def lose(self, hole: Hole) -> list[Event]:
        """The next `hole.size` bytes are not there; None: nobody knows how many."""
        self._settle()
        self._lengths.drop()
        size, unread = hole.size, self._unread
        if unread is not None:
            self._unread_rest()
            unread.lose(size or 0, hole.origin)
            self._window.base = hole.offset + (size or 0)
            if self.phase == "lost":
                self._search = self._chunks.search(self._window.base, unread.rule, size, goes_on=False)
        elif size is None:
            self._lose_in_chunks(hole)
        elif self.phase == "handshake" and hole.offset + size <= HANDSHAKE_SIZE:
            return self._lose_greeting(hole, size)
        elif self._chunks.can_lose(size):
            self._chunks.lose(size, hole.reason)
            self._window.base = hole.offset + size
        else:
            self._lose_in_chunks(hole)
        return self._taken()

    def _lose_in_chunks(self, hole: Hole) -> None:
        """A hole that takes chunk headers: where the next one stands has to be found."""
        header = len(self._window.rest)  # of a header that the hole cut off
        reason = hole.reason if hole.reason in HOLE_REASONS else say_hole(hole)
        self._lose_track(0, reason, hole.origin, findings.CAPTURE_QUALITY)
        self._unread_rest()
        if self._unread is not None:
            self._unread.lose(hole.size or 0, hole.origin)
        self._window.base = hole.offset + (hole.size or 0)
        self._search = self._chunks.search(self._window.base, findings.CAPTURE_QUALITY, hole.size, goes_on=not header)

    def end(self) -> list[Event]:
        """No more bytes will come: what is unfinished is released as such."""
        self._settle()
        self._lengths.drop()
        if self._window.rest:
            self._leave_unread(0, f"the stream ends inside {_INSIDE.get(self.phase, 'bytes that were searched')}")
            self._unread_rest()
        unread = self._unread
        if unread is not None:
            unread.broken_off = self._chunks.lacking
        self._chunks.release()
        if unread is not None and (unread.length or unread.holes):
            if self.phase == "lost" and unread.origin is not _NOWHERE:
                self._tell_lost(unread, None)
            elif unread.length:
                self._outcome.events.append(unread.event(self.connection, self.sender))
        return self._taken()

    def begin_lost(self, offset: int, reason: str) -> None:
        """What comes from `offset` on cannot be decoded."""
        self.phase = "opaque"
        self._window.base = offset
        self._leave_unread(0, reason)

    def begin_late(self, offset: int, reason: str, origin: Origin) -> None:
        """The beginning was not captured: what comes from `offset` on is read from the first header that is certain."""
        self.phase = "lost"
        self._window.base = offset
        self._leave_unread(0, reason, findings.CAPTURE_QUALITY, origin)
        self._chunks.chunk_size.forget(Reason.LATE)
        self._search = self._chunks.search(offset, findings.CAPTURE_QUALITY)

    def begin_chunks(self, chunk_size: int) -> None:
        """There is no handshake: what comes first is a chunk header."""
        self.phase = "chunks"
        self._chunks.chunk_size.state(chunk_size)

    def give_way(self, origin: Origin) -> list[Event]:
        """Too much is held: unfinished messages are released as they are."""
        self._settle()
        self._chunks.give_way(origin)
        return self._taken()

    def _taken(self) -> list[Event]:
        held = self.held
        if held != self._counted:
            self._budget.held += held - self._counted
            self._counted = held
        return self._outcome.take()

    # Phases.

    def _read(self, data: bytes, ending: bool = False) -> int:
        """Read as far as the bytes go; gives how many were used up. `ending`: no more will come."""
        at = 0
        if self.phase == "handshake":
            at = self._read_handshake(data)
        if self.phase in {"chunks", "lost"}:
            return self._read_chunks(data, at, ending)
        if self._unread is not None and at < len(data):
            self._unread.skip(len(data) - at, self._window.origin(at), self._window.origin(len(data) - 1))
            at = len(data)
        return at

    def _read_chunks(self, data: bytes, at: int, ending: bool) -> int:
        """Read chunks, and where they are lost look for the next; gives how far that led."""
        while True:
            if self.phase == "lost":
                at, found = self._look(data, at, ending)
                if not found:
                    return at
            at = self._chunks.settle(data, at) if ending else self._chunks.read(data, at)
            lost = self._chunks.lost
            if lost is None:
                return at
            self._lose_track(at, lost.why, lost.by, lost.rule)
            if lost.rule is findings.CAPTURE_QUALITY:
                self._lengths.begin()
            self._search = self._chunks.search(self._window.base + at + lost.at_header, lost.rule)

    def _look(self, data: bytes, at: int, ending: bool) -> tuple[int, bool]:
        """Look for a header from `data[at]` on; what stands before it and all that may be one is not decoded."""
        search, base = self._search, self._window.base
        if search is None:
            return at, False
        found = search.look(data, base, ending)
        stop = search.needed - base if found is None else found.offset - base
        if ending and found is None:
            stop = len(data)
        if self._unread is not None and stop > at:
            self._unread.skip(stop - at, self._window.origin(at), self._window.origin(stop - 1))
            self._lengths.keep(data[at:stop])
            at = stop
        if found is None:
            return max(at, 0), False
        unread, self._unread, self._search, self.phase = self._unread, None, None, "chunks"
        if unread is not None:
            unread.broken_off = self._chunks.lacking
            header = self._chunks.resume(found, unread.offset)
            self._infer_length(at)
            if found.rest is None and (unread.length or unread.rule is findings.CHUNK_DESYNC):
                self._tell_lost(unread, found.offset)
            at += header
        return at, True

    def _infer_length(self, at: int) -> None:
        """What was skipped, up to the byte at hand number `at`, may tell a length that was stated before."""
        inferred = self._lengths.end(self._chunks.chunk_size.possible)
        if inferred is not None:
            self._chunks.infer(inferred, at)

    def _tell_lost(self, unread: _Unread, offset: int | None) -> None:
        """Where the stream was lost, why, and where it was found again (None: it was not)."""
        skipped = unread.length - unread.missing
        why = f"{plural(unread.missing, 'byte')} {unread.reason}" if unread.reason in HOLE_REASONS else unread.reason
        if offset is None:
            title = f"from here on nothing could be decoded: {why}"
        elif skipped:
            title = f"{why}; {plural(skipped, 'byte')} skipped up to the next header that is certain"
        else:
            title = f"{why}; a header follows"
        severity = Severity.ERROR if offset is None or unread.rule is findings.CHUNK_DESYNC else Severity.WARNING
        found = self._outcome.find(unread.rule, severity, title, unread.offset, unread.origin)
        if unread.length:
            span = unread.event(self.connection, self.sender)
            self._outcome.events.append(replace(span, finding=found, to_the_end=offset is None))

    def _wanted(self, used: int, held: int) -> int:
        """How many bytes must be at hand before reading can go on behind those that were used."""
        if self.phase == "handshake":
            return PACKET + (self._window.base + used == 0)
        # What is held is looked at again only when it has grown by a part of itself: however tiny the pieces are in
        # which it comes, the time is in proportion to it. What comes of it is the same.
        return max(held + held // _GROWTH, self._chunks.wanted if self.phase == "chunks" else 0)

    def _settle(self) -> None:
        """What was held to look ahead is decided with the bytes that there are."""
        for ending in (False, True):
            rest = self._window.rest
            if rest and self.phase in {"chunks", "lost"}:
                self._window.close(rest, self._read(rest, ending))

    def _lose_track(self, at: int, reason: str, origin: Origin, rule: Rule) -> None:
        """From the byte at hand number `at` on no header is known to stand; the rule says whose fault that is."""
        self.phase = "lost"
        self._leave_unread(at, reason, rule, origin)

    def _leave_unread(
        self, at: int, reason: str, rule: Rule = findings.CAPTURE_QUALITY, origin: Origin = _NOWHERE
    ) -> None:
        if self._unread is None:
            self._unread = _Unread(self._window.base + at, reason, rule, origin)

    def _unread_rest(self) -> None:
        size = len(self._window.rest)
        if self._unread is not None and size:
            self._unread.skip(size, self._window.origin(0), self._window.origin(size - 1))
        self._window.close(b"", 0)

    # Handshake (§5.2).

    def _read_handshake(self, data: bytes) -> int:
        at = 0
        while self.phase == "handshake":
            first = self._window.base + at == 0
            stop = at + PACKET + first
            if len(data) < stop:
                return at
            self._greet(data[at:stop], at, first)
            at = stop
            if not first:
                self._shake_hands(at)
        return at

    def _greet(self, data: bytes, at: int, first: bool) -> None:
        offset = self._window.base + at
        spans = ((max(start - offset, 0), min(stop - offset, len(data))) for start, stop in self._missing)
        missing = tuple((start, stop) for start, stop in spans if start < stop)
        if first and not (missing and missing[0][0] == 0):
            self.version = data[0]
        if first and self.sender == "server":
            self.clock.format_3_repeats_time = self._is_nginx(data)
        self._outcome.events.append(
            Greeting(
                self.connection,
                self.sender,
                _PARTS[self.sender, first],
                offset,
                data,
                self.version if first else None,
                "",  # the session knows what it answers
                None,
                missing,
                self._window.origin(at),
                self._window.origin(at + len(data) - 1),
                self._missing_reason or NEVER_CAPTURED,
            )
        )

    def _is_nginx(self, data: bytes) -> bool:
        """nginx-rtmp has a version of its own in S1, or S1 is a copy of a C1 without a digest.

        Its fmsVer says nothing: crtmpserver, node-media-server and FFmpeg send the same one.
        """
        return data[5:9] == _NGINX_VERSION or (self.peer is not None and data[1:] == self.peer.data[1:])

    def _shake_hands(self, at: int) -> None:
        """The handshake of this side is over. Of two versions the server's holds, for both sides (§5.2.2)."""
        version = self.version
        if self.sender == "client" and self.peer is not None and self.peer.version is not None:
            version = self.peer.version
        self.phase = "chunks"
        if version in ENCRYPTED:
            self.phase = "opaque"
            self._leave_unread(at, f"encrypted ({ENCRYPTED[version]})")

    def _lose_greeting(self, hole: Hole, size: int) -> list[Event]:
        """Random bytes are missing: nothing depends on them but the verdicts."""
        if hole.reason not in HOLE_REASONS:  # what is the matter with a tunnel is said once
            self._outcome.find(findings.CAPTURE_QUALITY, Severity.WARNING, say_hole(hole), hole.offset, hole.origin)
        self._missing.append((hole.offset, hole.offset + size))
        self._missing_reason = also(self._missing_reason, hole.reason)
        return self.feed(Piece(hole.flow, hole.offset, bytes(size), [hole.offset], [hole.origin]))


class _Unread:
    """A span of one direction that nothing could be made of, as it grows."""

    def __init__(self, offset: int, reason: str, rule: Rule, origin: Origin) -> None:
        self.offset, self.reason, self.rule, self.origin = offset, reason, rule, origin
        self.length = self.missing = self.holes = 0
        self.broken_off = 0  # payload bytes in it of messages that were broken off
        self._first: Origin | None = None
        self._last = Origin(0, 0, 0)

    def skip(self, size: int, first: Origin, last: Origin) -> None:
        self._first = first if self._first is None else min(self._first, first)
        self._last = max(self._last, last)
        self.length += size

    def lose(self, size: int, origin: Origin) -> None:
        self.missing += size
        self.holes += 1
        self.skip(size, origin, origin)

    def event(self, connection: int, sender: Sender) -> Undecoded:
        """The span as it is."""
        first = self._first or self._last
        is_lost = self.origin is not _NOWHERE and self.rule is findings.CAPTURE_QUALITY  # nobody was at fault but loss
        return Undecoded(
            connection,
            sender,
            self.offset,
            self.length,
            self.missing,
            self.reason,
            first,
            self._last,
            self.broken_off if is_lost else None,
        )
