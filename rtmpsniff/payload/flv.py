"""FLV files: takes their bytes as they come, gives the header and the tags (Video File Format 10.1, E.2 to E.4).

A tag's body is what an RTMP message of the same type carries, so `bodies.decode` reads it. Between two tags stands the
size of the one before, which is how one that lies about its length is found out: then the next tag that fits is
looked for, and what lies between is a `Lost`. No more is held than the tag at hand, or what a search looks ahead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from rtmpsniff.fields import Cursor, Field, Inset, Role
from rtmpsniff.findings import FILE_MALFORMED, Evidence, Finding, Severity
from rtmpsniff.payload.types import AUDIO, DATA_AMF0, VIDEO
from rtmpsniff.text import plural

MAGIC: Final = b"FLV"
TAG_TYPES: Final = {AUDIO: "audio", VIDEO: "video", DATA_AMF0: "script data"}
TAG_HEADER: Final = 11
LOOK_AHEAD: Final = 1 << 20  # bytes in which a search must find a whole tag

_FILE_HEADER: Final = 9
_LONGEST_HEADER: Final = 1 << 16  # a file header that claims more is not believed
_POINTER: Final = 4  # the size of the tag before
_CANDIDATE: Final = re.compile(rb"[\x08\x09\x12\x28\x29\x32](?=.{7}\x00\x00\x00)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FileHeader:
    """E.2: what the file says that it holds. `size` is where the tags begin, less the first previous tag size."""

    version: int
    has_audio: bool
    has_video: bool
    size: int
    data: bytes
    fields: tuple[Field, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    """E.4.1: one tag. `offset` is that of its first byte in the file; `timestamp` in ms.

    `payload` is shorter than `length` where the file ends inside it. `header` and `trailer` (the size of the tag once
    more, empty where the file ends before it) are the bytes around it. An encrypted payload says nothing to anybody.
    """

    number: int
    offset: int
    type_id: int
    is_encrypted: bool
    length: int
    timestamp: int
    stream_id: int
    header: bytes
    payload: bytes
    trailer: bytes
    findings: tuple[Finding, ...] = ()

    @property
    def insets(self) -> tuple[Inset, ...]:
        """Header and trailer, as they stand around the payload."""
        read = Cursor(self.header)
        _tag_header(read)
        before = Inset(0, self.offset, self.header, tuple(read.fields))
        if not self.trailer:
            return (before,)
        read = Cursor(self.trailer)
        _pointer(read, TAG_HEADER + self.length)
        place = self.offset + TAG_HEADER + len(self.payload)
        return before, Inset(len(self.payload), place, self.trailer, tuple(read.fields))


class Lost(NamedTuple):
    """Bytes of the file that are no tag."""

    offset: int
    length: int
    reason: str


Part: TypeAlias = FileHeader | Tag | Lost


class FlvReader:
    """Reads one file: `feed` it, then `end` it; both give the parts that are complete."""

    def __init__(self) -> None:
        self._offset = 0  # in the file, of the first byte held
        self._held = bytearray()
        self._needed = 0  # bytes that must be held before it is worth reading again
        self._is_open = False  # the file header was read, or there is none
        self._number = 0
        self._lost_from: int | None = None  # where a search began
        self._reason = ""

    def feed(self, data: bytes) -> Iterator[Part]:
        """Take the next bytes of the file."""
        self._held += data
        if len(self._held) >= self._needed:
            yield from self._read(ending=False)

    def end(self) -> Iterator[Part]:
        """The file ends here: what is unfinished is given as it is."""
        yield from self._read(ending=True)
        if self._held and self._lost_from is None:
            inside = "a tag's header" if self._is_open else "its header"
            self._lost_from, self._reason = self._offset, f"the file ends inside {inside}"
        if self._lost_from is not None:
            yield Lost(self._lost_from, self._offset + len(self._held) - self._lost_from, self._reason)

    def _read(self, *, ending: bool) -> Iterator[Part]:
        held, at = bytes(self._held), 0
        self._needed = 0
        while at < len(held) and not self._needed:
            if not self._is_open:
                size, part = self._file_header(held, ending)
            elif self._lost_from is None:
                size, part = self._tag(held, at, ending)
            else:
                size, part = self._search(held, at, ending)
            at += size
            self._offset += size
            if part is not None:
                yield part
        # Cut off once: doing so for each tag would copy the rest each time.
        self._held = bytearray(held[at:])
        self._needed = max(self._needed - at, 0)

    # Each of these gives how many bytes it used, and what they are. Where it needs more it says so in `_needed`.

    def _file_header(self, held: bytes, ending: bool) -> tuple[int, Part | None]:
        if not MAGIC.startswith(held[: len(MAGIC)]):  # taken out of the middle of a file
            self._is_open = True
            return 0, None
        size = int.from_bytes(held[5:9], "big")
        stop = (size if _FILE_HEADER <= size <= _LONGEST_HEADER else _FILE_HEADER) + _POINTER
        if len(held) < stop and not ending:
            self._needed = max(stop, _FILE_HEADER + _POINTER)
            return 0, None
        if len(held) < _FILE_HEADER:
            self._needed = _FILE_HEADER
            return 0, None
        self._is_open = True
        return len(held[:stop]), _header_of(held[:stop])

    def _tag(self, held: bytes, at: int, ending: bool) -> tuple[int, Part | None]:
        left = len(held) - at
        size = TAG_HEADER + int.from_bytes(held[at + 1 : at + 4], "big") + _POINTER
        # Where its size does not stand behind it, the next tag says whether this one is to be believed.
        wanted = size + TAG_HEADER if left >= TAG_HEADER else TAG_HEADER
        if left < wanted and not (ending and left >= TAG_HEADER):
            self._needed = at + wanted
            return 0, None
        if not _is_believed(held[at : at + wanted], size):
            self._lost_from = self._offset
            self._reason = f"the tag at offset {self._offset} does not end where it says"
            return 1, None
        self._number += 1
        return min(size, left), _tag_of(held[at : at + size], self._number, self._offset)

    def _search(self, held: bytes, at: int, ending: bool) -> tuple[int, Part | None]:
        """Pass over what is no tag, up to one that is here whole and has its size behind it."""
        limit = len(held) if ending else len(held) - LOOK_AHEAD
        if limit <= at:
            self._needed = at + 2 * LOOK_AHEAD
            return 0, None
        start = _next_whole(held, at, limit)
        if start is not None:
            first = self._lost_from or 0
            self._lost_from = None
            return start - at, Lost(first, self._offset + start - at - first, self._reason)
        return limit - at, None


def _next_whole(held: bytes, at: int, limit: int) -> int | None:
    """Where before `limit` the next tag begins that is here whole and has its size behind it."""
    for candidate in _CANDIDATE.finditer(held, at):
        start = candidate.start()
        if start >= limit:
            return None
        pointed = TAG_HEADER + int.from_bytes(held[start + 1 : start + 4], "big")
        if held[start + pointed : start + pointed + _POINTER] == pointed.to_bytes(_POINTER, "big"):
            return start
    return None


def _is_believed(tag: bytes, size: int) -> bool:
    """Whether a tag ends where it says; `tag` has as much of it, and of the next one's header, as there is."""
    pointer, following = tag[size - _POINTER : size], tag[size:]
    if len(pointer) == _POINTER and int.from_bytes(pointer, "big") == size - _POINTER:
        return True
    if following:
        return following[0] & 0x1F in TAG_TYPES and not any(following[8:TAG_HEADER])
    # The file ends here. One that swallows another tag claims too much.
    is_plausible = tag[0] & 0x1F in TAG_TYPES and not any(tag[8:TAG_HEADER])
    return is_plausible and (len(tag) >= size or _next_whole(tag, TAG_HEADER, len(tag)) is None)


# Fields.


def _header_of(data: bytes) -> FileHeader:
    read = Cursor(data)
    findings: list[Finding] = []
    read.raw("signature", 3, Role.TEXT, label='"FLV"')
    version = read.u8("version")
    if version != 1:
        findings.append(_finding(Severity.WARNING, f"version {version} of the file format, where only 1 exists", 3, 1))
    has_audio = read.bits("audio", 0x04, {0: "no", 1: "yes"}, Role.FLAG)
    has_video = read.bits("video", 0x01, {0: "no", 1: "yes"}, Role.FLAG)
    read.skip()
    size = read.u32("header size", Role.LENGTH, label="{} bytes")
    if not _FILE_HEADER <= size <= _LONGEST_HEADER:
        title = f"the header claims {plural(size, 'byte')}; {_FILE_HEADER} are usual, and taken for it"
        findings.append(_finding(Severity.ERROR, title, 5, 4))
    if read.left > _POINTER:
        read.raw("reserved", read.left - _POINTER)
    if read.left == _POINTER:
        first = read.u32("previous tag size", Role.LENGTH)
        if first:
            title = f"the previous tag size at the beginning is {first} and should be 0"
            findings.append(_finding(Severity.WARNING, title, len(data) - _POINTER, _POINTER))
    read.rest("previous tag size", Role.LENGTH)
    return FileHeader(version, bool(has_audio), bool(has_video), size, data, tuple(read.fields), tuple(findings))


def _tag_of(data: bytes, number: int, offset: int) -> Tag:
    read = Cursor(data)
    type_id, is_encrypted, length, timestamp, stream_id = _tag_header(read)
    payload, trailer = data[TAG_HEADER : TAG_HEADER + length], data[TAG_HEADER + length :]
    findings = []
    if stream_id:
        findings.append(_finding(Severity.NOTE, f"stream id {stream_id}, where only 0 is defined", offset + 8, 3))
    if len(trailer) == _POINTER:
        value, expected = int.from_bytes(trailer, "big"), TAG_HEADER + length
        if value != expected:
            title = f"the size behind tag {number} is {value} and should be {expected}"
            findings.append(_finding(Severity.WARNING, title, offset + expected, _POINTER))
    elif len(payload) == length:
        title = f"the file ends without the size behind tag {number}"
        findings.append(_finding(Severity.NOTE, title, offset + TAG_HEADER + length, 0))
    return Tag(
        number,
        offset,
        type_id,
        is_encrypted,
        length,
        timestamp,
        stream_id,
        data[:TAG_HEADER],
        payload,
        trailer,
        tuple(findings),
    )


def _tag_header(read: Cursor) -> tuple[int, bool, int, int, int]:
    with read.group("tag header", Role.BASIC_HEADER) as group:
        first = read.u8("type", Role.TYPE, inline=True)
        type_id, is_encrypted, reserved = first & 0x1F, bool(first & 0x20), first & 0xC0
        group.label = f"{type_id} {TAG_TYPES.get(type_id, 'unknown')}{', encrypted' if is_encrypted else ''}"
        if reserved:
            group.label += f", reserved bits {reserved:#04x}"
        length = read.u24("data size", Role.LENGTH, label="{} bytes")
        low = int.from_bytes(read.take("timestamp", 3), "big")
        timestamp = read.take("timestamp", 1)[0] << 24 | low
        read.add("timestamp", read.position - 4, timestamp, f"{timestamp} ms", Role.TIMESTAMP)
        stream_id = read.u24("stream id", Role.STREAM_ID)
    return type_id, is_encrypted, length, timestamp, stream_id


def _pointer(read: Cursor, expected: int) -> None:
    value = int.from_bytes(read.data, "big")
    whole = f"{value}" if value == expected else f"{value}, should be {expected}"
    read.raw("previous tag size", read.left, Role.LENGTH, label=whole if read.left == _POINTER else "cut off")


def _finding(severity: Severity, title: str, offset: int, length: int) -> Finding:
    return Finding(FILE_MALFORMED, severity, title, (Evidence("", offset, length),))
