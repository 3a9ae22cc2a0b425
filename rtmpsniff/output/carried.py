"""What one direction of a connection carried and where, so that packets can be told what they hold.

Keeps the spans of the sender's stream that messages and the like lay in; gives for a span what lies in it, which bytes
of it are to be others, and which were never decoded. Spans that were asked for are forgotten after a while;
replacements are kept, as bytes may be sent again.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from enum import Enum
from heapq import heappop, heappush
from operator import attrgetter
from typing import Final, NamedTuple

from rtmpsniff.analysis.patches import Patch
from rtmpsniff.fields import Field, Role
from rtmpsniff.rtmp.events import Message
from rtmpsniff.rtmp.passage import Chunk

_OFTEN: Final = 4096  # spans between two looks for those that can go
_BEHIND: Final = 1 << 18  # bytes before the last that was asked for of which everything is still known
_MOST_PATCHES: Final = 1 << 12  # of one direction; what stood before is covered by stars when it comes again


class Kind(Enum):
    """What may be done with a span's bytes."""

    PLAIN = "plain"
    UNREAD = "unread"  # nobody knows what they say
    MEDIA = "media"
    BETWEEN = "between"  # headers of chunks that go on with media


class Item(NamedTuple):
    """Something that was said, from its first byte to behind its last."""

    text: str
    start: int
    stop: int


class Spot(NamedTuple):
    """A part of an item that lies in one piece."""

    start: int
    stop: int
    kind: Kind
    item: Item


class Carried:
    """One direction. `base` is the sequence number of its first byte."""

    def __init__(self) -> None:
        self.base: int | None = None
        self.known_to = 0  # everything before this offset was decoded, or given up
        self.known_from = 0  # what lies before is not known any more
        self._ahead: list[tuple[int, int]] = []  # spans behind `known_to`; a heap
        self._spots: list[Spot] = []  # in order
        self._patches: list[Patch] = []  # in order, by offsets in the stream
        self._patched_from = 0  # patches before this are forgotten
        self._asked = 0  # the end of what was asked for
        self._next_look = _OFTEN

    def offset(self, sequence: int) -> int:
        """The offset in the stream that a sequence number stands for, which is near what was asked for last."""
        ahead = (sequence - (self.base or 0) - self._asked) & 0xFFFFFFFF
        return self._asked + (ahead - (1 << 32) if ahead >> 31 else ahead)

    def add(self, spots: Iterable[Spot], patches: Iterable[Patch] = ()) -> None:
        """Take note of what an item lay in, and of the bytes of it that are to be others."""
        for spot in spots:
            if spot.start < spot.stop:
                insort(self._spots, spot, key=attrgetter("start"))
                heappush(self._ahead, (spot.start, spot.stop))
        while self._ahead and self._ahead[0][0] <= self.known_to:
            self.known_to = max(self.known_to, heappop(self._ahead)[1])
        for patch in patches:
            insort(self._patches, patch, key=attrgetter("at"))
        if len(self._patches) > _MOST_PATCHES:
            del self._patches[: _MOST_PATCHES // 2]
            self._patched_from = self._patches[0].at
        if len(self._spots) > self._next_look:
            self._forget()

    def _forget(self) -> None:
        stop = bisect_left(self._spots, self._asked - _BEHIND, key=attrgetter("stop"))
        if stop:
            self.known_from = max(self.known_from, self._spots[stop - 1].stop)
            del self._spots[:stop]
        self._next_look = len(self._spots) + _OFTEN

    def is_known(self, stop: int) -> bool:
        """Whether it is known of all bytes up to here what they are."""
        return stop <= self.known_to

    def was_asked(self, stop: int) -> bool:
        """Whether all up to here was asked for before."""
        return stop <= self._asked

    def spots(self, start: int, stop: int) -> list[Spot]:
        """What lies between two offsets, in order."""
        self._asked = max(self._asked, stop)
        first = bisect_left(self._spots, start + 1, key=attrgetter("stop"))
        return self._spots[first : bisect_left(self._spots, stop, key=attrgetter("start"))]

    def patches(self, start: int, stop: int) -> Iterator[Patch]:
        """What is to stand between two offsets instead of what stands there."""
        if start < self._patched_from:
            yield Patch(start, b"*" * (min(stop, self._patched_from) - start))
        # A patch is as long as a payload at most, and that is cut at chunks: see `patches_of`.
        first = bisect_left(self._patches, start, key=lambda patch: patch.at + len(patch.new))
        for at, new in self._patches[first:]:
            if at >= stop:
                return
            clipped = new[max(start - at, 0) : stop - at]
            if clipped:
                yield Patch(max(at, start), clipped)

    def unknown(self, start: int, stop: int, spots: Iterable[Spot]) -> Iterator[tuple[int, int]]:
        """The spans between two offsets, with what lies there, of which nobody knows yet what they are."""
        if start < 0:  # before the first byte that was taken for the stream's
            yield start, min(stop, 0)
        at = max(start, self.known_to)
        for spot in spots:
            if spot.start > at:
                yield at, min(spot.start, stop)
            at = max(at, spot.stop)
        if at < stop:
            yield at, stop


def spots_of(message: Message, text: str, media: bool) -> Iterator[Spot]:
    """Where a message lay. `media`: which of its bytes are a picture or sound is wanted too."""
    chunks = message.chunks
    item = Item(text, message.offset, _end(chunks[-1]))
    if not media:
        for chunk in chunks:
            yield Spot(chunk.offset, _end(chunk), Kind.PLAIN, item)
        return
    between = Kind.PLAIN
    for chunk in _each(chunks):
        body = chunk.offset + chunk.unseen + len(chunk.header)
        yield Spot(chunk.offset, body, between, item)
        between = Kind.BETWEEN
    for start, stop, kind in _by_kind(message):
        for first, last in in_stream(chunks, start, stop):
            yield Spot(first, last, kind, item)


def patches_of(message: Message, patches: Iterable[Patch]) -> Iterator[Patch]:
    """Replacements in a payload as replacements in the stream, none of which goes over a chunk header."""
    for at, new in patches:
        done = 0
        for start, stop in in_stream(message.chunks, at, at + len(new)):
            yield Patch(start, new[done : done + stop - start])
            done += stop - start


def in_stream(chunks: Iterable[Chunk], start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Where the bytes of a payload between two places stood in the stream, in order."""
    begin = 0
    for offset, header, size, run, unseen in chunks:
        before = unseen + len(header)
        end = begin + size * run
        if end > start and size:
            first = max(start - begin, 0)
            while first < min(stop - begin, size * run):
                number, rest = divmod(first, size)
                here = min(size - rest, stop - begin - first)
                at = offset + number * (before + size) + before + rest
                yield at, at + here
                first += here
        begin = end
        if begin >= stop:
            return


def _each(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    for offset, header, size, run, unseen in chunks:
        for number in range(run):
            yield Chunk(offset + number * (unseen + len(header) + size), header, size, 1, unseen)


def _end(chunk: Chunk) -> int:
    return chunk.offset + (chunk.unseen + len(chunk.header) + chunk.size) * chunk.run


def _by_kind(message: Message) -> Iterator[tuple[int, int, Kind]]:
    """The payload in spans of media and of all else."""
    at, stop = 0, len(message.payload)
    for start, end in _media(message.decoded.fields):
        if start > at:
            yield at, start, Kind.PLAIN
        yield start, end, Kind.MEDIA
        at = max(at, end)
    if at < stop:
        yield at, stop, Kind.PLAIN


def _media(fields: Iterable[Field]) -> Iterator[tuple[int, int]]:
    for shown in fields:
        if shown.children:  # the type of a NAL unit tells something, its payload is a picture
            yield from _media(shown.children)
        elif shown.role is Role.MEDIA:
            yield shown.start, shown.stop
