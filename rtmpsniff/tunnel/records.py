"""TLS records of one direction (RFC 8446, 5.1): bytes become records, and where some are missing, the next is sought.

Inside a record whose header is known a hole takes only that record. Otherwise the next header must be found: one that
could be is taken where `holds` says so, which asks the cipher.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.events import Hole, Piece
from rtmpsniff.tunnel.inner import Span, join, span_of

CHANGE_CIPHER_SPEC: Final = 20
ALERT: Final = 21
HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23

HEADER: Final = 5
LONGEST: Final = (1 << 14) + 2048  # RFC 5246, 6.2.3
_MOST_FALSE: Final = 2048  # by chance one in 2^25 bytes looks like a record; where so many do, somebody made them
_SMALLEST: Final = 17  # what a sealed record takes beside its text, at least
_CANDIDATE: Final = re.compile(rb"[\x15-\x17]\x03\x03[\x00-\x48]", re.DOTALL)


class Record(NamedTuple):
    """A record as it was sent."""

    start: int  # of its header, in the stream that holds it
    header: bytes
    span: Span  # the body

    @property
    def kind(self) -> int:
        return self.header[0]


class Gap(NamedTuple):
    """Records are missing, so many at the most. `start` is -1 where they may be any number of bytes."""

    start: int
    records: int
    origin: Origin
    reason: str


Item: TypeAlias = Record | Gap


class RecordReader:
    """Reads one direction. `holds(record)` says whether what looks like a record behind a gap is one."""

    def __init__(self, holds: Callable[[Record], bool]) -> None:
        self._holds = holds
        self._rest: Span | None = None  # of a record that is not complete
        self._at = 0  # where that stands, or what comes next, in the stream
        self._skip = 0  # bytes of a damaged record that are still to come
        self._lost = False
        self._false = 0  # what looked like a record and was none, since the last one

    def __repr__(self) -> str:
        return f"<RecordReader{' lost' * self._lost}, holds {self.held}>"

    @property
    def held(self) -> int:
        return len(self._rest.data) if self._rest else 0

    def feed(self, piece: Piece) -> list[Item]:
        """Take the next bytes; gives the records that they complete."""
        span = span_of(piece)
        if self._rest is None:
            self._at = piece.offset
        if self._skip:
            gone = min(self._skip, len(span.data))
            self._skip -= gone
            self._at += gone
            if gone == len(span.data):
                return []
            span = span.part(gone, len(span.data))
        if self._rest is not None:
            span = join([self._rest, span])
            self._rest = None
        items: list[Item] = []
        at = 0
        while at < len(span.data):
            step = self._find(span, at, items) if self._lost else self._read(span, at, items)
            if step < 0:
                at = -1 - step
                break
            at = step
        if at < len(span.data):
            self._rest = span.part(at, len(span.data))
        self._at += at
        return items

    def lose(self, hole: Hole) -> list[Item]:
        """The next bytes were never captured."""
        rest, self._rest = self._rest, None
        items: list[Item] = []
        size, reason = hole.size, f"in TLS records {hole.reason}"
        at, self._at = self._at, hole.offset + (size or 0)
        if rest is None:
            at = hole.offset
        if self._skip and size is not None and size <= self._skip:
            self._skip -= size
            return []
        if rest is not None and not self._lost and len(rest.data) >= HEADER:
            length = int.from_bytes(rest.data[3:HEADER], "big")
            left = HEADER + length - len(rest.data)
            items.append(Gap(at, 1, hole.origin, reason))
            if size is not None and size <= left:
                self._skip = left - size
                return items
            size = None if size is None else size - left
            at += HEADER + length
        self._skip = 0
        self._lost = True
        records = 1024 if size is None else size // (HEADER + _SMALLEST) + 2
        items.append(Gap(-1 if size is None else at, records, hole.origin, reason))
        return items

    def _read(self, span: Span, at: int, items: list[Item]) -> int:
        """Read a record; gives where it ends, or -1 - where it begins if it is not complete."""
        data = span.data
        if len(data) - at < HEADER:
            return -1 - at
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        if not 20 <= data[at] <= 24 or data[at + 1] != 3 or length > LONGEST:
            self._lost = True
            origin = span.part(at, at + 1).last
            items.append(Gap(self._at + at, 2, origin, "in bytes that are no TLS record"))
            return at + 1
        stop = at + HEADER + length
        if stop > len(data):
            return -1 - at
        items.append(Record(self._at + at, data[at : at + HEADER], span.part(at + HEADER, stop) if length else _EMPTY))
        return stop

    def _find(self, span: Span, at: int, items: list[Item]) -> int:
        """Look for a record that holds; gives where it ends, or -1 - where it may begin if more bytes are needed."""
        data = span.data
        while self._false < _MOST_FALSE and (found := _CANDIDATE.search(data, at)) is not None:
            at = found.start()
            stop = at + HEADER + int.from_bytes(data[at + 3 : at + 5], "big") if at + HEADER <= len(data) else 0
            if not stop or stop > len(data):
                return -1 - at
            record = Record(self._at + at, data[at : at + HEADER], span.part(at + HEADER, stop))
            if stop > at + HEADER + _SMALLEST - 1 and self._holds(record):
                self._lost = False
                self._false = 0
                items.append(record)
                return stop
            self._false += 1
            at += 1
        tail = max(len(data) - HEADER + 1, at)
        return -1 - tail if tail < len(data) else len(data)


_EMPTY: Final = Span(b"", [], [])
