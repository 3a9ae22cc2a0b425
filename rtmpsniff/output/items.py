"""What was read of bytes that are in no capture, ready to be shown: as lines of a list, a tree, a dump or JSON.

There is no connection, no packet and no time, so nothing here has a place for one. An `Item` is whatever has bytes of
its own: a message, a part of a handshake, a tag of an FLV file, a .sol file, values of AMF. `item_view` makes lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from rtmpsniff.analysis.record import message_record
from rtmpsniff.fields import Block, Field, Role
from rtmpsniff.findings import Finding
from rtmpsniff.output.listing import type_style, type_word
from rtmpsniff.output.words import say_greeting, say_message, say_undecoded, say_value
from rtmpsniff.payload.flv import FileHeader, Lost, Tag
from rtmpsniff.payload.plain import Json, Plain
from rtmpsniff.payload.sequence import Encoding, Sequence
from rtmpsniff.payload.sol import SolFile
from rtmpsniff.payload.values import Value
from rtmpsniff.rtmp.aggregates import sub_messages
from rtmpsniff.rtmp.describe import describe
from rtmpsniff.rtmp.events import Event, Greeting, Message, Undecoded
from rtmpsniff.rtmp.loose import loose_message
from rtmpsniff.text import plural, printable, quoted

Record: TypeAlias = "Callable[[], Iterable[Mapping[str, object] | Json]]"

_INVENTED: Final = {"connection", "time", "start", "sender", "capture", "packets"}  # names of what is not here
_OF_CHUNKS: Final = {"csid", "chunks", "missing", "missing_reason", "timestamp_certain"}
_OF_ONE: Final = {"n", "timestamp", "stream_id", "offset", "state"}


class Trouble(NamedTuple):
    """Something wrong: `offset` is that in all the bytes."""

    severity: str
    title: str
    code: str
    offset: int
    length: int
    in_message: bool


@dataclass(frozen=True, slots=True)
class Item:
    """One thing. What it takes long to make is made when it is asked for."""

    word: str  # what it is: command, video, handshake, number
    style: str  # the theme's
    said: str  # in a person's words, safe to print
    offset: int
    length: int
    where: str = ""  # the second line of its title
    number: int | None = None
    channel: str = ""  # chunk stream
    stream: str = ""  # message stream
    timestamp: str = ""
    name: str = ""  # of its type in full, where that is another than `word`
    block: Callable[[], Block | None] = lambda: None
    records: Record = tuple
    inside: Callable[[], Iterable[Item]] = tuple  # lines of the list for its parts
    is_listed: bool = True  # has a line of its own, beside those of its parts
    troubles: Callable[[], Iterable[Trouble]] = tuple
    is_decoded: bool = True
    is_beside: bool = False  # stands beside what was asked for: handshakes, file headers, what is wrong
    about: Message | None = None  # whose bytes they are


# Chunk streams.


def event_item(event: Event) -> Item:
    """An event of a chunk stream."""
    match event:
        case Message():
            return _chunked(event)
        case Greeting():
            return _greeting(event)
        case Finding():
            return trouble_item(_trouble(event))
        case Undecoded():
            return _undecoded(event.offset, event.length, say_undecoded(event), event.reason)
    raise TypeError(f"{event!r} belongs to a connection")


def _chunked(message: Message) -> Item:
    sure = "" if message.timestamp_certain or message.message_type_id <= 6 else "~"
    size = f"{plural(message.length, 'byte')} in {plural(message.chunk_count, 'chunk')}, offset {message.offset}"
    time = f"{message.timestamp}{' (uncertain)' if sure else ''}"
    ids = f"chunk stream {message.chunk_stream_id}, message stream {message.message_stream_id}, timestamp {time}"
    return Item(
        type_word(message),
        type_style(message),
        say_message(message),
        message.offset,
        message.length,
        f"{ids}; {size}",
        message.number,
        str(message.chunk_stream_id),
        str(message.message_stream_id),
        f"{sure}{message.timestamp}",
        message.type,
        lambda: describe(message),
        lambda: (_without(message, _INVENTED),),
        lambda: map(_contained, sub_messages(message)),
        about=message,
        troubles=lambda: _troubles(message, lambda: describe(message)),
    )


def _contained(message: Message) -> Item:
    return Item(
        type_word(message),
        type_style(message),
        say_message(message),
        message.offset,
        message.length,
        stream=str(message.message_stream_id),
        timestamp=str(message.timestamp),
    )


def _greeting(greeting: Greeting) -> Item:
    record = {
        "record": "handshake",
        "part": greeting.part,
        "offset": greeting.offset,
        "length": len(greeting.data),
        **({} if greeting.version is None else {"version": greeting.version}),
        "verdict": greeting.verdict,
    }
    return Item(
        "handshake",
        "handshake",
        say_greeting(greeting),
        greeting.offset,
        len(greeting.data),
        f"{plural(len(greeting.data), 'byte')}, offset {greeting.offset}",
        block=lambda: describe(greeting),
        records=lambda: (record,),
        is_beside=True,
    )


# One body, and the tags of an FLV file.


def body_item(message: Message) -> Item:
    """The body of a message, and nothing else of it."""
    return Item(
        type_word(message),
        type_style(message),
        say_message(message),
        0,
        message.length,
        plural(message.length, "byte"),
        name=message.type,
        block=lambda: _bare(message),
        records=lambda: (_without(message, _INVENTED | _OF_CHUNKS | _OF_ONE),),
        inside=lambda: map(_contained, sub_messages(message)),
        about=message,
        troubles=lambda: _troubles(message, lambda: _bare(message)),
        is_decoded=not message.payload or any(field.role is not Role.UNREAD for field in message.decoded.fields),
    )


def _bare(message: Message) -> Block:
    return Block(message.offset, message.payload, message.decoded.fields)


def tag_item(tag: Tag) -> Item:
    """A tag of an FLV file, and the message that it carries."""
    message = loose_message(
        tag.type_id,
        tag.payload,
        number=tag.number,
        offset=tag.offset,
        header=tag.header,
        length=tag.length,
        timestamp=tag.timestamp,
        stream_id=tag.stream_id,
    )
    size = f"{plural(tag.length, 'byte')}, offset {tag.offset}"
    return Item(
        type_word(message),
        type_style(message),
        "encrypted" if tag.is_encrypted else say_message(message),
        tag.offset,
        tag.length,
        f"timestamp {tag.timestamp}; {size}",
        tag.number,
        timestamp=str(tag.timestamp),
        name=message.type,
        block=lambda: _tag(tag, message),
        records=lambda: (_tag_record(tag, message),),
        about=message,
        troubles=lambda: _tag_troubles(tag, message),
    )


def _tag(tag: Tag, message: Message) -> Block:
    fields = message.decoded.fields
    if tag.is_encrypted:
        fields = (Field("data", 0, len(tag.payload), None, "encrypted", fields[0].role),) if tag.payload else ()
    return Block(tag.offset, tag.payload, fields, tag.insets)


def _tag_record(tag: Tag, message: Message) -> Mapping[str, object]:
    record = _without(message, _INVENTED | _OF_CHUNKS)
    return {**record, "encrypted": True, "body": None} if tag.is_encrypted else record


def _tag_troubles(tag: Tag, message: Message) -> Iterator[Trouble]:
    yield from map(_trouble, tag.findings)
    if not tag.is_encrypted:
        yield from _troubles(message, lambda: _tag(tag, message))


def part_item(part: FileHeader | Lost) -> Item:
    """What of an FLV file is no tag."""
    if isinstance(part, Lost):
        said = f"{plural(part.length, 'byte')} from offset {part.offset} not decoded: {part.reason}"
        return _undecoded(part.offset, part.length, said, part.reason)
    holds = [name for name, there in (("audio", part.has_audio), ("video", part.has_video)) if there]
    said = f"version {part.version}, {' and '.join(holds) or 'neither audio nor video'}"
    record = {"record": "flv", "version": part.version, "audio": part.has_audio, "video": part.has_video}
    return Item(
        "FLV header",
        "connection",
        said,
        0,
        len(part.data),
        f"{plural(len(part.data), 'byte')}, offset 0",
        block=lambda: Block(0, part.data, part.fields),
        records=lambda: (record,),
        is_beside=True,
        troubles=lambda: map(_trouble, part.findings),
    )


# Values.


def values_item(data: bytes, encoding: Encoding, read: Sequence) -> Item:
    """A row of AMF values: a line of the list for each, one block for all."""
    name = encoding.upper()
    return Item(
        name,
        "data",
        plural(len(read.values), "value"),
        0,
        len(data),
        plural(len(data), "byte"),
        block=lambda: Block(0, data, read.fields),
        records=lambda: _plain(read.values),
        inside=lambda: map(_value, read.fields[: len(read.values)], read.values),
        is_listed=False,
        troubles=lambda: map(_trouble, read.findings),
        is_decoded=bool(read.values) or read.unread < len(data),
    )


def _value(shown: Field, value: Value) -> Item:
    return Item(shown.name, "data", say_value(value), shown.start, shown.stop - shown.start)


def _plain(values: Iterable[Value]) -> Iterator[Json]:
    plain = Plain()
    return map(plain.value, values)


def sol_item(data: bytes, read: SolFile) -> Item:
    """A local shared object: a line for itself and one for each pair, one block for all."""
    body = read.body
    if body is None:
        said = "not even the header can be read"
    else:
        said = f"{quoted(body.name)}, AMF{body.amf_version}, {plural(len(body.pairs), 'pair')}"
    return Item(
        "local object",
        "shared_object",
        said,
        0,
        len(data),
        plural(len(data), "byte"),
        block=lambda: Block(0, data, read.fields),
        records=lambda: _sol_records(data, read),
        inside=lambda: _sol_pairs(read),
        troubles=lambda: map(_trouble, read.findings),
        is_decoded=body is not None,
    )


def _sol_pairs(read: SolFile) -> Iterator[Item]:
    groups = [shown for shown in read.fields if shown.name == "property"]
    for (key, value), shown in zip(read.body.pairs if read.body else (), groups, strict=False):
        what = shown.children[1].name if len(shown.children) > 1 else ""
        said = f"{printable(key)}: {say_value(value)}"
        yield Item(what, "data", said, shown.start, shown.stop - shown.start)


def _sol_records(data: bytes, read: SolFile) -> Iterator[Mapping[str, object]]:
    if read.body is None:
        return
    plain = Plain()
    name = plain.value(read.body.name)
    yield {"record": "sol", "name": name, "amf": read.body.amf_version, "length": len(data)}
    for key, value in read.body.pairs:
        yield {"record": "pair", "key": plain.value(key), "value": plain.value(value)}


# What is wrong.


def trouble_item(trouble: Trouble, place: str = "") -> Item:
    """A finding as a line of its own; `place` is where in a text the bytes stood."""
    evidence = {"text": "", "offset": trouble.offset, "length": trouble.length}
    record = {
        "record": "finding",
        "check": trouble.code,
        "severity": trouble.severity,
        "title": trouble.title,
        "evidence": [evidence],
    }
    said = f"{trouble.title} [{trouble.code}]{place and f' ({place})'}"
    return _beside(trouble.severity, trouble.severity, said, trouble.offset, 0, record)


def _undecoded(offset: int, length: int, said: str, reason: str) -> Item:
    record = {"record": "undecoded", "offset": offset, "length": length, "reason": reason}
    return _beside("undecoded", "warning", said, offset, length, record)


def _beside(word: str, style: str, said: str, offset: int, length: int, record: Mapping[str, object]) -> Item:
    return Item(word, style, said, offset, length, records=lambda: (record,), is_decoded=False, is_beside=True)


def _trouble(finding: Finding) -> Trouble:
    place = finding.evidence[0] if finding.evidence else None
    offset, length, within = (place.offset, place.length, place.in_message) if place else (0, 0, False)
    return Trouble(finding.severity.value, finding.title, finding.rule.code, offset, length, within)


def _troubles(message: Message, block: Callable[[], Block | None]) -> Iterator[Trouble]:
    """What is wrong inside a message, where its bytes stood."""
    for finding in message.findings:
        trouble, shown = _trouble(finding), block()
        if trouble.in_message and shown is not None:
            trouble = trouble._replace(offset=shown.address_of(trouble.offset))
        yield trouble


def _without(message: Message, names: set[str]) -> Mapping[str, object]:
    return {name: value for name, value in message_record(message, 0).items() if name not in names}
