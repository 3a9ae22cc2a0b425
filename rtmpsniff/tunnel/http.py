"""HTTP/1.x (RFC 9112), one direction: the bytes of requests or responses become heads and bodies.

Tolerant: bare line feeds, unknown headers, bodies by length, in chunks or until the end. What cannot be HTTP, or stands
behind a hole, is passed over up to the next start line. No byte of a body is kept here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.events import Hole, Piece
from rtmpsniff.tunnel.inner import Lost, Span, join, span_of

LONGEST_HEAD: Final = 32 * 1024
LONGEST_LINE: Final = 4096  # of a chunk's size
_MOST_DIGITS: Final = 15
_MOST_APART: Final = 1024  # items before bodies among them become one: chunks may be a byte each

REQUEST: Final = re.compile(rb"[A-Z]{3,10} [^\s]+ HTTP/1\.[01]\r?\n")
RESPONSE: Final = re.compile(rb"HTTP/1\.[01] \d{3}[^\n]*\n")
_BEGINNINGS: Final = {REQUEST: re.compile(rb"[A-Z]{3,10} /"), RESPONSE: re.compile(rb"HTTP/1\.[01] ")}
_LONGEST_BEGINNING: Final = 12
_HEAD_END: Final = re.compile(rb"\n\r?\n")
_HEX: Final = re.compile(rb"[ \t]*0*([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\n]*)?\r?\n")

UNTIL_END: Final = -1  # the body ends with the connection
CHUNKED: Final = -2

Framing: TypeAlias = Callable[["Head"], int]


class Head(NamedTuple):
    """A start line and its headers, their names in small letters; of equal names the last counts."""

    line: str
    headers: dict[str, str]
    origin: Origin

    @property
    def words(self) -> list[str]:
        return self.line.split(" ", 2)


class Body(NamedTuple):
    """Bytes of the body."""

    span: Span


class Done(NamedTuple):
    """The message is complete."""

    origin: Origin


Item: TypeAlias = Head | Body | Lost | Done  # Lost: bytes of the body at hand, or (size None) nobody knows of what


def length_of(head: Head) -> int | None:
    """How long the headers say that the body is; None where they say nothing (RFC 9112, 6)."""
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        return CHUNKED
    text = head.headers.get("content-length", "").split(",")[0].strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def status_of(head: Head) -> int:
    """The status code of a response; 0 where there is none (RFC 9112, 4)."""
    text = head.words[1][:3] if len(head.words) > 1 else ""
    return int(text) if text.isascii() and text.isdigit() else 0


class HttpReader:
    """Reads one direction. `start` is what a start line looks like, `framing` says how long a head's body is."""

    def __init__(self, start: re.Pattern[bytes], framing: Framing) -> None:
        self._start = start
        self._beginning = _BEGINNINGS[start]
        self._framing = framing
        self._state: Literal["head", "body", "size", "chunk", "chunk end", "trailers", "lost"] = "head"
        self._left = 0  # bytes of the body, or of the chunk, that are still to come; UNTIL_END
        self._held = bytearray()  # of a head or a line that is not complete
        self._first = Origin(0, 0, 0)  # the packet that brought the first byte held

    def __repr__(self) -> str:
        return f"<HttpReader in {self._state}, {self._left} to come, holds {len(self._held)}>"

    def feed(self, piece: Piece) -> list[Item]:
        """Take the next bytes; gives what they complete."""
        made: list[Item] = []
        items: list[Item] = []
        at, end = 0, len(piece.data)
        while at < end:
            if len(items) >= _MOST_APART:
                made += _joined(items)
                items.clear()
            match self._state:
                case "body" | "chunk":
                    at = self._take(piece, at, items)
                case "head":
                    at = self._read_head(piece, at, items)
                case "lost":
                    at = self._find(piece, at)
                case _:
                    at = self._read_line(piece, at, items)
        return made + _joined(items)

    def lose(self, hole: Hole) -> list[Item]:
        """The next bytes were never captured."""
        items: list[Item] = []
        size = hole.size
        if size is not None and self._state in {"body", "chunk"} and (self._left == UNTIL_END or size <= self._left):
            items.append(Lost(size, hole.origin, hole.reason))
            self._count(size, hole.origin, items)
            return items
        if size is not None and self._state == "body":
            items += [Lost(self._left, hole.origin, hole.reason), Done(hole.origin)]
        items.append(Lost(None, hole.origin, hole.reason))
        self._lose_track()
        return items

    def end(self, origin: Origin) -> list[Item]:
        """The connection is over: that is how some bodies end."""
        if self._state == "body" and self._left == UNTIL_END:
            self._state = "head"
            return [Done(origin)]
        return []

    def _lose_track(self) -> None:
        self._state = "lost"
        self._held.clear()

    def _take(self, piece: Piece, at: int, items: list[Item]) -> int:
        stop = len(piece.data)
        if self._left != UNTIL_END:
            stop = min(stop, at + self._left)
        span = span_of(piece, at, stop)
        items.append(Body(span))
        self._count(stop - at, span.last, items)
        return stop

    def _count(self, size: int, origin: Origin, items: list[Item]) -> None:
        """So many bytes of the body, or of the chunk, went by."""
        if self._left == UNTIL_END:
            return
        self._left -= size
        if self._left == 0 and self._state == "chunk":
            self._state = "chunk end"
        elif self._left == 0:
            self._state = "head"
            items.append(Done(origin))

    def _hold(self, piece: Piece, at: int, stop: int) -> None:
        if not self._held:
            self._first = span_of(piece, at, at + 1).first
        self._held += piece.data[at:stop]

    def _read_head(self, piece: Piece, at: int, items: list[Item]) -> int:
        held = len(self._held)
        if not held and piece.data[at] in b"\r\n":
            return at + 1  # empty lines before a start line (RFC 9112, 2.2)
        stop = min(len(piece.data), at + LONGEST_HEAD - held)
        self._hold(piece, at, stop)
        end = _HEAD_END.search(self._held, max(held - 3, 0))
        if end is None:
            is_line = b"\n" in self._held
            is_wrong = len(self._held) >= _LONGEST_BEGINNING and not self._beginning.match(self._held)
            is_wrong = is_wrong or (is_line and not self._start.match(self._held))
            if is_wrong or len(self._held) >= LONGEST_HEAD:
                return self._give_up(piece, stop, items)
            return stop
        if not self._start.match(self._held):
            return self._give_up(piece, stop, items)
        head = _parse(bytes(self._held[: end.end()]), self._first)
        at += end.end() - held
        self._held.clear()
        items.append(head)
        self._begin_body(head, span_of(piece, at - 1, at).last, items)
        return at

    def _give_up(self, piece: Piece, stop: int, items: list[Item]) -> int:
        items.append(Lost(None, span_of(piece, stop - 1, stop).last, "that are no HTTP"))
        self._lose_track()
        return stop

    def _begin_body(self, head: Head, origin: Origin, items: list[Item]) -> None:
        self._left = self._framing(head)
        if self._left == CHUNKED:
            self._state = "size"
        elif self._left == 0:
            items.append(Done(origin))
        else:
            self._state = "body"

    def _read_line(self, piece: Piece, at: int, items: list[Item]) -> int:
        """A line between chunks: a size, the end of a chunk, or a trailer (RFC 9112, 7.1)."""
        end = piece.data.find(b"\n", at)
        stop = len(piece.data) if end < 0 else end + 1
        if self._held or end < 0:
            self._hold(piece, at, min(stop, at + LONGEST_LINE))
            if len(self._held) >= LONGEST_LINE:
                return self._give_up(piece, stop, items)
            if end < 0:
                return stop
            line = bytes(self._held)
            self._held.clear()
        else:
            line = piece.data[at : min(stop, at + LONGEST_LINE)]
        is_empty = not line.strip()
        if self._state == "size":
            size = _HEX.fullmatch(line)
            if size is None:
                return self._give_up(piece, stop, items)
            self._left = int(size[1], 16)
            self._state = "chunk" if self._left else "trailers"
        elif self._state == "chunk end":
            if not is_empty:
                return self._give_up(piece, stop, items)
            self._state = "size"
        elif is_empty:
            self._state = "head"
            items.append(Done(span_of(piece, stop - 1, stop).last))
        return stop

    def _find(self, piece: Piece, at: int) -> int:
        """Look for the next start line; its beginning may have come with the piece before."""
        before = len(self._held)
        self._hold(piece, at, len(piece.data))
        found = self._beginning.search(self._held)
        if found is None:
            del self._held[:-_LONGEST_BEGINNING]
            return len(piece.data)
        start = found.start()
        self._state = "head"
        if start >= before:
            self._held.clear()
            return at + start - before
        self._held = self._held[start:before]
        return at


def _joined(items: list[Item]) -> list[Item]:
    """Bodies that follow one another as one: a peer may send chunks of a byte each."""
    if len(items) < 2:
        return items
    made: list[Item] = []
    spans: list[Span] = []
    for item in items:
        if isinstance(item, Body):
            spans.append(item.span)
            continue
        if spans:
            made.append(Body(join(spans)))
            spans = []
        made.append(item)
    if spans:
        made.append(Body(join(spans)))
    return made


def _parse(data: bytes, origin: Origin) -> Head:
    line, *rest = (each.rstrip("\r") for each in data.decode("latin-1").split("\n"))
    headers = (field.partition(":") for field in rest)
    return Head(line, {name.strip().lower(): value.strip() for name, colon, value in headers if colon}, origin)
