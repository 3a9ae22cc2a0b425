"""What audio and video messages have in common: the codecs' names, the extended header's framing, the media bytes.

Enhanced RTMP v2 names codecs by FourCC; the numbers of Video File Format 10.1 stand in `audio` and `video`. An
extended header is read in this order ("Enhanced Audio", "Enhanced Video"), and the packet type may change on the way:

    head = modex(read, packet_type, PACKET_TYPES, findings)          # as long as the packet type is ModEx
    ...                                                              # video only: a command frame ends here
    if head.packet_type == MULTITRACK:
        parts = multitrack(read, PACKET_TYPES, MULTITRACK, findings)  # the real packet type, then each track
        bodies = tracks(read, parts, read_body, findings)
    else:
        code, codec = four_cc(read)                                  # track 0
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, Protocol, TypeVar, cast

from rtmpsniff.fields import Cursor, Field, Group, Malformed, Role, Truncated, Unreadable
from rtmpsniff.findings import BODY_MALFORMED, MEDIA_CONFIGURATION, Finding, Severity, in_message
from rtmpsniff.text import plural, printable, quoted

T = TypeVar("T")
F = TypeVar("F", bound="Found")

FOUR_CCS: Final = {
    b"avc1": "h264",
    b"hvc1": "hevc",
    b"vvc1": "vvc",
    b"av01": "av1",
    b"vp08": "vp8",
    b"vp09": "vp9",
    b"mp4a": "aac",
    b"Opus": "opus",
    b"fLaC": "flac",
    b".mp3": "mp3",
    b"ac-3": "ac-3",
    b"ec-3": "ec-3",
}

MODEX: Final = 7  # the packet type that means "more about this message, then another packet type", in both media
MODEX_TYPES: Final = {0: "timestamp_offset_nano"}
TRACK_TYPES: Final = {0: "one_track", 1: "many_tracks", 2: "many_tracks_many_codecs"}

_MOST_MODEX: Final = 32  # in one message; more of them make no sense and many small fields
_MOST_TRACKS: Final = 256  # as many as there are track ids


def four_cc(read: Cursor) -> tuple[bytes, str]:
    """Read a FourCC; gives it and the codec's name."""
    raw = read.take("FourCC", 4)
    text = raw.decode("latin-1")
    codec = FOUR_CCS.get(raw)
    label = quoted(text) if codec is None else f"{quoted(text)} {codec}"
    read.add("FourCC", read.position - 4, text, label, Role.MEDIA_HEADER)
    return raw, codec or printable(text)


class Headers(NamedTuple):
    """What the headers of a message said in which reading broke off; None of what they did not come to."""

    packet_type: int | None
    codec: str | None
    codec_id: int | None
    nanosecond_offset: int | None


def headers_so_far(fields: Iterable[Field]) -> Headers:
    """The latest packet type, the FourCC and the offset among the fields of a message."""
    parts = (part for field in fields for part in (field.children if field.name == "ModEx" else (field,)))
    values = {part.name: part.value for part in parts}
    text = cast("str | None", values.get("FourCC"))
    raw = b"" if text is None else text.encode("latin-1")
    return Headers(
        cast("int | None", values.get("packet type")),
        None if text is None else FOUR_CCS.get(raw) or printable(text),
        None if text is None else int.from_bytes(raw, "big"),
        cast("int | None", values.get("nanosecond offset")),
    )


def media_payload(read: Cursor) -> int:
    """Record all that is left as media, and give its size. The field has no value, which would be a copy."""
    start, size = read.position, read.left
    if size:
        read.position = read.end
        read.add("payload", start, None, f"{size} bytes" if size > 1 else "1 byte", Role.MEDIA)
    return size


def word(names: Mapping[int, str], number: int) -> str:
    """The name for a number, or `unknown_N`."""
    return names.get(number) or f"unknown_{number}"


def moved(fields: Iterable[Field], by: int) -> list[Field]:
    """Fields that were read in a buffer of their own, as if it began at `by`; for headers that are read once."""
    return [field._replace(start=field.start + by, stop=field.stop + by) for field in fields]


# The framing of the extended header


class ModEx(NamedTuple):
    """What modifiers said, and the packet type behind them. The offset is in nanoseconds and of presentation alone."""

    packet_type: int
    nanosecond_offset: int | None = None


def modex(read: Cursor, packet_type: int, names: Mapping[int, str], findings: list[Finding]) -> ModEx:
    """Read modifiers as long as the packet type says that one follows; none is no step at all.

    `names` are the medium's packet types. Raises `Malformed` after 32 modifiers.
    """
    offset, count = None, 0
    while packet_type == MODEX:
        count += 1
        if count > _MOST_MODEX:
            raise Malformed(f"more than {_MOST_MODEX} modifiers, not read")
        with read.group("ModEx", Role.MEDIA_HEADER) as group:
            size = _size(read, "size", 1)
            if size == 256:
                size = _size(read, "long size", 2)
            kind = _modex_type(read, size)
            if kind == 0:
                offset = _nanoseconds(read, size, findings)
            else:
                read.raw("data", size, label=f"ModEx type {kind}, not read")
            read.bits("ModEx type", 0xF0, MODEX_TYPES)
            packet_type = read.bits("packet type", 0x0F, names)
            read.skip()
            group.label = word(MODEX_TYPES, kind)
    return ModEx(packet_type, offset)


def _size(read: Cursor, name: str, width: int) -> int:
    """Sizes of modifiers are written one less than they are."""
    size = int.from_bytes(read.take(name, width), "big") + 1
    read.add(name, read.position - width, size, f"{plural(size, 'byte')}, written as {size - 1}", Role.PREFIX)
    return size


def _modex_type(read: Cursor, size: int) -> int:
    """The type stands behind the data that it gives a meaning to."""
    if size >= read.left:
        raise Truncated("data", size + 1, read.left)
    return read.data[read.position + size] >> 4


def _nanoseconds(read: Cursor, size: int, findings: list[Finding]) -> int | None:
    start = read.position
    if size < 3:
        title = f"TimestampOffsetNano of {plural(size, 'byte')}, not 3"
        findings.append(in_message(BODY_MALFORMED, Severity.WARNING, title, start, size))
        read.raw("data", size, label="too short for an offset")
        return None
    offset = read.u24("nanosecond offset", Role.TIMESTAMP, label="{} ns")
    if offset > 999_999:
        title = f"nanosecond offset {offset} is a millisecond or more"
        findings.append(in_message(BODY_MALFORMED, Severity.WARNING, title, start, 3))
    if size > 3:
        read.raw("data", size - 3, label="behind the offset")
    return offset


class Multitrack(NamedTuple):
    """The head of a multitrack body: `codec` is the FourCC and the name, None where each track has its own."""

    packet_type: int
    track_type: str
    codec: tuple[bytes, str] | None


class Track(NamedTuple):
    """The head of one track. Its body is all that is left to read while `tracks` has it read."""

    id: int
    code: bytes
    codec: str


def multitrack(read: Cursor, names: Mapping[int, str], number: int, findings: list[Finding]) -> Multitrack | None:
    """Read the head of a multitrack body; `number` is the medium's packet type Multitrack.

    None where the head says what Enhanced RTMP gives no meaning: the rest is then recorded as unread.
    """
    start = read.position
    kind = read.bits("track type", 0xF0, TRACK_TYPES)
    packet_type = read.bits("packet type", 0x0F, names)
    read.skip()
    if kind not in TRACK_TYPES:
        problem = f"multitrack type {kind} is not known"
    elif packet_type in {number, MODEX}:
        problem = f"{names[packet_type]} inside multitrack"
    else:
        return Multitrack(packet_type, TRACK_TYPES[kind], None if kind == 2 else four_cc(read))
    findings.append(in_message(BODY_MALFORMED, Severity.WARNING, problem, start, read.end - start))
    read.rest("unread", label=problem)
    return None


def tracks(
    read: Cursor, head: Multitrack, body: Callable[[Cursor, Track, list[Finding]], T], findings: list[Finding]
) -> list[T]:
    """Read each track to the end of the message; `body` reads what is one track's and gives what is made of it.

    A size beyond the end is a finding, and the body is then what is there. One of several tracks that breaks off is a
    finding too, and left out. More than 256 tracks stay unread.
    """
    bodies: list[T] = []
    end, count = read.end, 0
    while read.position < end or (head.track_type == "one_track" and not count):
        if count == _MOST_TRACKS:
            title = f"more than {_MOST_TRACKS} tracks"
            findings.append(in_message(BODY_MALFORMED, Severity.WARNING, title, read.position, read.left))
            read.rest("unread", label=f"more than {_MOST_TRACKS} tracks")
            break
        count += 1
        depth = len(read.path)
        with read.group("track", Role.MEDIA_HEADER) as group:
            try:
                bodies.append(_one_track(read, head, group, body, findings))
                read.rest("unread", label="after the end of the track")
            except Unreadable as stop:
                if head.track_type == "one_track":
                    raise
                del read.path[depth + 1 :]
                _broken_track(read, group, stop, findings)
            finally:
                read.end = end
    return bodies


def _one_track(
    read: Cursor,
    head: Multitrack,
    group: Group,
    body: Callable[[Cursor, Track, list[Finding]], T],
    findings: list[Finding],
) -> T:
    """Read a track; leaves the cursor's end where the track ends."""
    code, codec = head.codec or four_cc(read)
    group.value = number = read.u8("track id", Role.MEDIA_HEADER)
    group.label = f"{number} {codec}"
    if head.track_type != "one_track":
        read.end = _end_of_track(read, number, findings)
    group.label += f", {plural(read.left, 'byte')}"
    return body(read, Track(number, code, codec), findings)


def _broken_track(read: Cursor, group: Group, stop: Unreadable, findings: list[Finding]) -> None:
    where = "track" if group.value is None else f"track {group.value}"
    place = f"{where} > {stop.name}" if isinstance(stop, Truncated) else where
    findings.append(in_message(BODY_MALFORMED, Severity.ERROR, f"{place}: {stop.reason}", read.position, read.left))
    read.rest("unread", label=stop.reason)


def _end_of_track(read: Cursor, number: int, findings: list[Finding]) -> int:
    start = read.position
    size = read.u24("size", Role.PREFIX)
    if size <= read.left:
        return read.position + size
    title = f"track {number}: needs {plural(size, 'byte')}, has {read.left}"
    findings.append(in_message(BODY_MALFORMED, Severity.ERROR, title, start, read.end - start))
    return read.end


# Records that configure a decoder


class Found(Protocol):
    """What a record said, as far as it was read."""

    @property
    def text(self) -> str:
        """In a person's words."""
        ...


def record(
    read: Cursor,
    name: str,
    reader: Callable[[Cursor, F, list[Finding]], None],
    found: F,
    findings: list[Finding],
) -> F:
    """Read a record that fills all that is left, under a field `name`; `reader` fills in `found`, which is given back.

    Where the bytes run out, or mean nothing, that is a finding and the rest an UNREAD field; what was read stays, and
    so does all that stands outside.
    """
    depth = len(read.path)
    with read.group(name, Role.MEDIA_HEADER) as group:
        try:
            reader(read, found, findings)
        except Unreadable as stop:
            inside = read.path[depth:]
            if isinstance(stop, Truncated) and inside[-1] != stop.name:
                inside.append(stop.name)
            del read.path[depth + 1 :]
            title = f"{' > '.join(inside)}: {stop.reason}"
            findings.append(in_message(MEDIA_CONFIGURATION, Severity.ERROR, title, read.position, read.left))
            read.rest("unread", label=stop.reason)
        read.rest("unread", label=f"after the end of the {name}")
        group.label = found.text
    return found
