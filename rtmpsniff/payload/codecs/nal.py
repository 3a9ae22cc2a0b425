"""NAL units, of which the streams of H.264, H.265 and H.266 consist: behind a length in frames and in records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from rtmpsniff.fields import Cursor, Field, Group, Malformed, Role, Truncated, Unreadable
from rtmpsniff.findings import (
    MEDIA_ANNEX_B,
    MEDIA_CONFIGURATION,
    MEDIA_NAL_LENGTH,
    Finding,
    Severity,
    in_message,
)
from rtmpsniff.payload.codecs.bits import MOST_FIELDS, Bits
from rtmpsniff.payload.codecs.configuration import Configuration
from rtmpsniff.text import grouped, plural

MOST_UNITS: Final = 64  # of a frame that are fields of their own; frames have one to a few dozen
_MOST_SETS: Final = 512  # in a record; the standards allow for 16 and 16 and 64, and SEI messages

# What an SEI message is about: payload types of H.264 D.1, H.265 D.2 and H.274 that streams really have
SEI_TYPES: Final = {
    0: "buffering period",
    1: "picture timing",
    4: "registered user data",  # captions, HDR10+
    5: "user data",  # where encoders give their name
    6: "recovery point",
    45: "frame packing",
    47: "display orientation",
    129: "parameter sets",
    132: "picture hash",
    136: "time code",
    137: "mastering display",
    144: "content light level",
    147: "transfer characteristics",
}

_START_CODE: Final = b"\x00\x00\x01"
_LONG_START_CODE: Final = b"\x00\x00\x00\x01"  # with which a frame begins (H.264 B.1.2)


Reader: TypeAlias = Callable[[Bits, Configuration], None]


class Codec(NamedTuple):
    """How a codec's NAL units are read. A unit's type is told by the byte at `type_at`."""

    name: str
    type_at: int
    header_size: int
    types: tuple[int, ...]  # for each value of that byte
    names: tuple[str, ...]  # likewise
    header: Callable[[Bits], None]
    readers: Mapping[int, Reader]  # of parameter sets that are taken apart
    key_names: frozenset[str]  # slices at which a decoder may begin


def make_codec(
    name: str,
    types: Mapping[int, str],
    *,
    type_of: Callable[[int], int],
    header: Callable[[Bits], None],
    readers: Mapping[int, Reader],
    key_types: frozenset[int],
    type_at: int = 0,
    header_size: int = 1,
) -> Codec:
    """A codec by the names of its NAL unit types; `type_of` takes the type out of the byte at `type_at`."""
    numbers = tuple(type_of(byte) for byte in range(256))
    names = tuple(types.get(number) or f"type {number}" for number in numbers)
    key_names = frozenset(types[number] for number in key_types)
    return Codec(name, type_at, header_size, numbers, names, header, readers, key_names)


class Units(NamedTuple):
    """What a frame's NAL units tell: their types by name, the first 64 of them; what sets among them configure."""

    names: tuple[str, ...]
    configuration: Configuration | None


# Records


def is_record(read: Cursor, codec: Codec, found: Configuration, findings: list[Finding]) -> bool:
    """Read the version, which is 1, of a decoder configuration record.

    False if no record follows but parameter sets after start codes: they are read here, into `found`.
    """
    start = read.position
    if read.data.startswith((_START_CODE, _LONG_START_CODE), start, read.end):
        title = "Start codes stand where a decoder configuration record should be"
        findings.append(in_message(MEDIA_ANNEX_B, Severity.ERROR, title, start, read.end - start))
        _units_after_start_codes(read, codec, found, findings)
        return False
    number = read.u8("configurationVersion")
    if number != 1:
        title = f"The decoder configuration record is of version {number}, not 1"
        findings.append(in_message(MEDIA_CONFIGURATION, Severity.WARNING, title, start, 1))
    return True


def parameter_set(read: Cursor, codec: Codec, prefix: int, found: Configuration, findings: list[Finding]) -> None:
    """One NAL unit behind a length of `prefix` bytes. One that breaks off leaves those behind it readable.

    What the first sequence parameter set says goes into `found`. Raises `Truncated` where the length leads past the
    end.
    """
    if len(found.parameter_sets) >= _MOST_SETS:
        raise Malformed(f"more than {_MOST_SETS} parameter sets")
    name = _name(codec, read.data, read.position + prefix, read.end)
    with read.group(name) as group:
        length = read.unsigned("length", prefix, Role.PREFIX, inline=True)
        if length > read.left:
            raise Truncated("NAL unit", length, read.left)
        _content(read, codec, group, read.position + length, found, findings)


def _name(codec: Codec, data: bytes, start: int, end: int) -> str:
    at = start + codec.type_at
    return codec.names[data[at]] if at < end else "NAL unit"


def _content(
    read: Cursor, codec: Codec, group: Group, stop: int, found: Configuration, findings: list[Finding]
) -> None:
    """A NAL unit up to `stop`. The first of each kind that describes the stream does so for all."""
    group.value = group.name
    group.label = plural(stop - read.position, "byte")
    end, read.end = read.end, stop
    at = read.position + codec.type_at
    reader = codec.readers.get(codec.types[read.data[at]]) if at < stop else None
    if reader is None or read.bit_fields >= MOST_FIELDS:
        kind = SEI_TYPES.get(read.data[read.position + codec.header_size]) if read.left > codec.header_size else None
        read.rest("data", Role.MEDIA_HEADER, kind if kind and group.name == "SEI" else "not taken apart")
    else:
        _elements(read, codec, group, reader, found, findings)
    read.end = end
    found.parameter_sets.append(group.name)


def _elements(
    read: Cursor, codec: Codec, group: Group, reader: Reader, found: Configuration, findings: list[Finding]
) -> None:
    target = Configuration() if group.name in found.parameter_sets else found
    bits = Bits(read, escaped=True)
    try:
        codec.header(bits)
        reader(bits, target)
    except Unreadable as stop:
        title = f"{group.name}: {stop.reason}"
        findings.append(in_message(MEDIA_CONFIGURATION, Severity.WARNING, title, read.position, read.left))
        read.rest("unread", label=stop.reason)
    else:
        _rest(read, bits, group.name)
    if group.name == "SPS":
        group.label = target.text


def _rest(read: Cursor, bits: Bits, name: str) -> None:
    if not bits.ended:
        bits.align("and more")
        read.rest("data", Role.MEDIA_HEADER, "not taken apart")
    elif read.left:
        nothing = not read.data[read.position : read.end].strip(b"\x00\x03")
        read.rest("unread", label="zeros behind the end" if nothing else f"behind the end of the {name}")


# Frames


def units(read: Cursor, codec: Codec, findings: list[Finding]) -> Units:
    """The NAL units of a coded frame, to the cursor's end.

    How long their lengths are stands in the configuration record, which is another message: 4 bytes is taken, which
    nearly all have, unless the lengths do not add up then and others do.
    """
    size, note, cut = 4, "", _cut(read.data, read.position, read.end, 4)
    if not cut.adds_up:
        if read.data.startswith(_LONG_START_CODE, read.position, read.end):
            return _annex_b(read, codec, findings)
        size, note, cut = _other_lengths(read, cut, findings)
    names: list[str] = []
    found: Configuration | None = None
    data, start, end = read.data, read.position, read.end
    for stop in cut.stops:
        at = start + size
        type_at = at + codec.type_at
        if type_at < stop and type_at < end:
            byte = data[type_at]
            name = codec.names[byte]
            if codec.types[byte] in codec.readers and stop <= end:
                found = found or Configuration()
                read.position = start
                parameter_set(read, codec, size, found, findings)
            else:
                read.fields.append(_unit(codec, data, name, start, at, stop, end, note))
        else:
            name = "empty" if stop == at else "unknown"
            read.fields.append(_unit(codec, data, name, start, at, stop, end, note))
        names.append(name)
        start = stop
    _behind(read, start, cut.total - len(cut.stops))
    return Units(tuple(names), found)


class _Cut(NamedTuple):
    """Where NAL units end. The last may claim to end behind the frame, or be missing where not even its length fits."""

    stops: list[int]  # of the first 64
    total: int
    reached: int  # where the next one would begin
    adds_up: bool


def _cut(data: bytes, position: int, end: int, size: int) -> _Cut:
    stops: list[int] = []
    count = 0
    while position + size <= end:
        position += size + int.from_bytes(data[position : position + size], "big")
        count += 1
        if count <= MOST_UNITS:
            stops.append(position)
    return _Cut(stops, count, position, position == end)


def _other_lengths(read: Cursor, cut: _Cut, findings: list[Finding]) -> tuple[int, str, _Cut]:
    """Lengths of another size where they add up with no empty unit (chance brings those about); else those of 4."""
    for size in (2, 1, 3):
        other = _cut(read.data, read.position, read.end, size)
        if other.adds_up and all(stop - start > size for start, stop in _spans(read.position, other.stops)):
            return size, f" (lengths of {plural(size, 'byte')}, inferred)", other
    behind = cut.reached - read.end
    if behind > 0:
        severity, title = Severity.ERROR, f"A NAL unit ends {plural(behind, 'byte')} behind its frame"
        start = cut.stops[-2] if len(cut.stops) > 1 else read.position
    else:
        severity, title = Severity.WARNING, f"{plural(-behind, 'byte')} behind the last NAL unit, too few for a length"
        start = cut.reached
    findings.append(in_message(MEDIA_NAL_LENGTH, severity, title, start, read.end - start))
    return 4, "", cut


def _spans(start: int, stops: list[int]) -> zip[tuple[int, int]]:
    return zip([start, *stops], stops, strict=False)


def _unit(codec: Codec, data: bytes, name: str, start: int, at: int, stop: int, end: int, note: str) -> Field:
    """One unit as a field; the bytes of its length end at `at`. One that claims to end behind the frame is unread."""
    size, content = stop - at, Role.MEDIA
    if stop > end:
        label, stop, content = f"{name}, {end - at} of {size} bytes", end, Role.UNREAD
    else:
        label = f"{name}, {size} bytes{note}" if size != 1 else f"{name}, 1 byte{note}"
    parts: tuple[Field, ...] = (_field(("length", start, at, None, "", Role.PREFIX, 0, (), True)),)
    behind = at + codec.header_size
    if behind < stop:
        if name == "SEI":
            label = f"SEI {SEI_TYPES.get(data[behind], '')}".rstrip() + label[3:]
        parts += (
            _field(("header", at, behind, None, "", Role.MEDIA_HEADER, 0, (), True)),
            _field(("payload", behind, stop, None, "", content, 0, (), True)),
        )
    elif at < stop:  # hardly a unit
        parts += (_field(("payload", at, stop, None, "", content, 0, (), True)),)
    return _field(("NAL unit", start, stop, name, label, content, 0, parts, False))


# Frames have several of these each, and there are many frames: made in this way a field takes two thirds of the time.
_field: Final[Callable[[tuple[object, ...]], Field]] = partial(tuple.__new__, Field)


def _behind(read: Cursor, position: int, more: int) -> None:
    """What stands behind the units that are fields: more of them, or less than one."""
    read.position = min(position, read.end)
    if read.left:
        label = f"{grouped(more)} more NAL units" if more > 0 else "too short for a length"
        read.rest("NAL units" if more > 0 else "unread", Role.MEDIA if more > 0 else Role.UNREAD, label)


def _annex_b(read: Cursor, codec: Codec, findings: list[Finding]) -> Units:
    """A frame cut by start codes, as files and transport streams have them."""
    title = "A frame has start codes (Annex B) where the lengths of its NAL units belong"
    finding = in_message(MEDIA_ANNEX_B, Severity.ERROR, title, read.position, len(_LONG_START_CODE))
    findings.append(replace(finding, advice="Players find no picture in it: the sender has to write lengths."))
    found = Configuration()
    names = _units_after_start_codes(read, codec, found, findings)
    return Units(tuple(names), found if found.parameter_sets else None)


def _units_after_start_codes(read: Cursor, codec: Codec, found: Configuration, findings: list[Finding]) -> list[str]:
    """NAL units to the cursor's end, of which each begins with a start code; gives the names of the first 64."""
    data, position, end = read.data, read.position, read.end
    names: list[str] = []
    while position < end and len(names) < MOST_UNITS:
        at = data.index(_START_CODE, position, end) + len(_START_CODE)
        following = data.find(_START_CODE, at, end)
        stop = end if following < 0 else following - (following > at and not data[following - 1])
        name = _name(codec, data, at, stop)
        names.append(name)
        read.position = stop
        if stop > at and codec.types[data[min(at + codec.type_at, stop - 1)]] in codec.readers:
            read.position = position
            with read.group(name) as group:
                read.raw("start code", at - position, Role.PREFIX, inline=True)
                _content(read, codec, group, stop, found, findings)
        else:
            read.fields.append(_unit(codec, data, name, position, at, stop, end, ""))
        position = stop
    read.rest("NAL units", Role.MEDIA, "more NAL units")
    return names
