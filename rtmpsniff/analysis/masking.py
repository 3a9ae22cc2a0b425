"""Masks in the places of secrets: for everything that is meant to be handed on.

`Masking` learns secrets from messages and gives bodies, texts, names of streams and whole messages without them:

    masking = Masking("masked")
    for event in run: masking.learn(event)          # the first pass; `streamed` does without it
    masking.body(message)                           # for JSON: `<key-1>` where a secret stood
    masking.message(message)                        # for dumps: other bytes of the same length, decoded anew
    masking.text("live/s1?token=abc", Place.NAME)   # any text, by what it is
    masking.stream_name("s1?token=abc")             # for names of files: `key-1`
    masking.table()                                 # what each mask stands for

Where secrets are shown (`shown`) everything comes back as it was. The same secret has the same mask in a whole run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

from rtmpsniff.analysis.hosts import Hosts
from rtmpsniff.analysis.patches import TALKING, Patch, Patches, filler
from rtmpsniff.analysis.secrets import Path, Place, Secrets, mask, place_of, secret_spans
from rtmpsniff.findings import Evidence, Finding
from rtmpsniff.payload.aggregate import Aggregate
from rtmpsniff.payload.bodies import Body, Unknown
from rtmpsniff.payload.command import Command, Data
from rtmpsniff.payload.shared import SharedObject, SharedObjectEvent
from rtmpsniff.payload.values import Array, Dictionary, Object, Reference, Value, Vector, Xml
from rtmpsniff.payload.video import Video
from rtmpsniff.rtmp.aggregates import Contained, sub_messages
from rtmpsniff.rtmp.events import Closed, Event, Message, Notes
from rtmpsniff.text import decode_text, number_text
from rtmpsniff.transport.tcp import Endpoint

How: TypeAlias = Literal["masked", "streamed", "shown"]

_MOST_NAMES: Final = 256  # of streams of one connection that are looked for in words about them
_LONGEST_NAME: Final = 64  # characters; a longer one is found by its value
# What nginx-rtmp says whatever the stream is called: to mask a word in it would tell the word.
_SAID_ALWAYS: Final = frozenset({"Start live", "Start publishing", "Stop publishing", "Start video on demand"})


class Span(NamedTuple):
    """A part of a text, and what stands there instead."""

    start: int
    stop: int
    mask: str


@dataclass(slots=True)
class _Names:
    """What the streams of one connection are called: short names are masked in words about them."""

    streams: dict[str, int] = field(default_factory=dict)
    pattern: re.Pattern[str] | None = None


class Masking:
    """Masks for one run; see the module. `addresses`: those of hosts are masked too, also where secrets are shown.

    `latest`: how many secrets are looked for by value in a run that has no end; all of them where it has one.
    """

    def __init__(self, how: How = "masked", *, addresses: bool = False, latest: int | None = None) -> None:
        self.how: How = how
        self.secrets = Secrets(latest)
        self.hosts = Hosts() if addresses else None
        self._names: dict[int, _Names] = {}

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return self.how == "shown" and self.hosts is None

    def said(self) -> dict[str, str]:
        """As a header has it."""
        return {"secrets": self.how, "addresses": "shown" if self.hosts is None else "masked"}

    def table(self) -> dict[str, str]:
        """What each mask stands for."""
        secrets = {mask(number): secret for secret, number in self.secrets.numbers.items()}
        return secrets | (self.hosts.table() if self.hosts is not None else {})

    # Learning

    def learn(self, event: Event) -> None:
        """Take note of the secrets in a message, and of the names of streams."""
        if self.how != "shown" and isinstance(event, Message) and event.message_type_id in TALKING:
            self._learn(event.body, event.connection)

    def forget(self, connection: int) -> None:
        """A connection is over; its secrets stay known."""
        self._names.pop(connection, None)

    def follow(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events, each once it was learnt from."""
        for event in events:
            self.learn(event)
            yield event
            if isinstance(event, Closed):
                self.forget(event.connection)

    def _learn(self, body: Body, connection: int) -> None:
        if isinstance(body, Aggregate):
            for part in body.messages:
                self._learn(part.body, connection)
            return
        # What is masked is learnt on the way.
        self._of(body, connection)

    # Masking

    def text(self, text: str, place: Place = Place.TEXT, connection: int = 0) -> str:
        """A text without secrets."""
        return _put(text, self.spans(text, place, connection))

    def stream_name(self, name: str) -> str:
        """A stream's name without its query, fit for a file: `key-1`; as it is where secrets are shown."""
        plain = name.partition("?")[0]
        return self.text(plain, Place.NAME).replace("<", "").replace(">", "")

    def body(self, message: Message) -> Body:
        """The body of a message without secrets."""
        if self.is_idle or message.message_type_id not in TALKING:
            return self._plain_body(message)
        return self._of(message.body, message.connection)

    def message(self, message: Message) -> Message:
        """The message itself where it holds no secret, else one of the same length without."""
        if isinstance(message, Contained):
            whole = self.message(message.aggregate)
            return message if whole is message.aggregate else self._contained(message, whole)
        data, notes = self._payload(message), self._notes(message.notes, message.connection)
        if data is None and notes is message.notes:
            return message
        masked = replace(message, parts=message.parts if data is None else [data])
        masked.notes = notes
        return masked

    def finding(self, finding: Finding) -> Finding:
        """A finding without secrets in its words."""
        if self.is_idle:
            return finding
        evidence = tuple(
            Evidence(self.text(text), offset, length, inside) for text, offset, length, inside in finding.evidence
        )
        title, advice = self.text(finding.title), self.text(finding.advice)
        return replace(finding, title=title, advice=advice, evidence=evidence)

    def endpoint(self, endpoint: Endpoint) -> Endpoint:
        """An address and port; the port stays."""
        if self.hosts is None:
            return endpoint
        return endpoint._replace(address=self.hosts.mask(endpoint.address))

    def spans(self, text: str, place: Place = Place.TEXT, connection: int = 0) -> list[Span]:
        """The parts of a text that are masked, in order, and their masks."""
        spans: list[Span] = []
        if self.how != "shown":
            spans = self._by_position(text, place, connection)
            for start, stop in _gaps(spans, len(text)):
                found = self.secrets.in_text(text[start:stop])
                spans += [Span(start + one.start, start + one.stop, mask(one.number)) for one in found]
            spans.sort()
        if self.hosts is not None:
            taken = list(spans)
            for start, stop, host in self.hosts.in_text(text):
                if all(stop <= other.start or start >= other.stop for other in taken):
                    spans.append(Span(start, stop, host))
            spans.sort()
        return spans

    def _by_position(self, text: str, place: Place, connection: int) -> list[Span]:
        spans = []
        for start, stop, secret in secret_spans(text, place):
            number = self.secrets.add(secret)
            spans.append(Span(start, stop, mask(number)))
            if place is Place.NAME and start == 0:
                self._name(secret, number, connection)
        names = self._names.get(connection) if place is Place.STATUS else None
        if names is not None and text not in _SAID_ALWAYS:
            for start, stop in _gaps(spans, len(text)):
                spans += [
                    Span(start + one.start(), start + one.end(), mask(names.streams[one[0]]))
                    for one in _Tokens(names).found(text[start:stop])
                ]
            spans.sort()
        return spans

    def _name(self, name: str, number: int, connection: int) -> None:
        if len(name) > _LONGEST_NAME:
            return
        names = self._names.setdefault(connection, _Names())
        if name not in names.streams and len(names.streams) < _MOST_NAMES:
            names.streams[name] = number
            names.pattern = None

    # Bodies

    def _plain_body(self, message: Message) -> Body:
        body = message.body
        if self.is_idle:
            return body
        if isinstance(body, Unknown):
            return Unknown(self.data(body.data))
        if isinstance(body, Video) and (body.metadata or any(track.metadata for track in body.tracks)):
            tracks = tuple(replace(track, metadata=self.metadata(track.metadata)) for track in body.tracks)
            return replace(body, metadata=self.metadata(body.metadata), tracks=tracks)
        return body

    def metadata(self, pairs: Iterable[tuple[str, Value]]) -> tuple[tuple[str, Value], ...]:
        """Names and values that came with video."""
        masked = _Values(self, "", 0)
        return tuple((name, masked.value(value, ("args", 0, name))) for name, value in pairs)

    def command(self, body: Command, connection: int = 0) -> Command:
        """A command without secrets."""
        if self.is_idle:
            return body
        masked = _Values(self, body.name, connection)
        made = masked.value(body.object, ("object",))
        args = tuple(masked.value(value, ("args", n)) for n, value in enumerate(body.args))
        return Command(self.text(body.name), body.transaction, made, args)

    def _of(self, body: Body, connection: int) -> Body:
        match body:
            case Command():
                return self.command(body, connection)
            case Data():
                masked = _Values(self, body.name, connection)
                args = tuple(masked.value(value, ("args", n)) for n, value in enumerate(body.args))
                return Data(self.text(body.name), args)
            case SharedObject():
                masked = _Values(self, "", connection)
                events = tuple(map(masked.event, body.events))
                return replace(body, name=self.text(body.name), events=events)
            case Aggregate():
                return Aggregate(tuple(replace(part, body=self._of(part.body, connection)) for part in body.messages))
            case Unknown():
                return Unknown(self.data(body.data))
        return body

    def data(self, data: bytes) -> bytes:
        """Bytes without secrets, of the same length."""
        if self.how == "shown":
            return data
        return _filled(data, [(one.start, one.stop, mask(one.number)) for one in self.secrets.in_data(data)])

    # Bytes of the same length

    def patches(self, message: Message) -> list[Patch]:
        """The parts of a payload that hold secrets, and what stands there instead."""
        if self.is_idle:
            return []
        payload = message.payload
        hole = message.missing[0][0] if message.missing else len(payload)
        patches = list(Patches(self, message.connection).of(message.message_type_id, payload[:hole], 0))
        if hole < len(payload) and message.message_type_id in TALKING:
            patches.append(Patch(hole, b"*" * (len(payload) - hole)))
        elif hole < len(payload):
            rest = self.data(payload[hole:])
            patches += [Patch(hole, rest)] if rest != payload[hole:] else []
        return patches

    def _payload(self, message: Message) -> bytes | None:
        """The payload without secrets; None where it has none."""
        patches = self.patches(message)
        if not patches:
            return None
        masked = bytearray(message.payload)
        for at, new in patches:
            masked[at : at + len(new)] = new
        return bytes(masked)

    def _notes(self, notes: Notes | None, connection: int) -> Notes | None:
        if notes is None or not notes.remarks or self.is_idle:
            return notes
        remarks = tuple(self.text(remark, Place.TEXT, connection) for remark in notes.remarks)
        return notes if remarks == notes.remarks else replace(notes, remarks=remarks)

    @staticmethod
    def _contained(message: Contained, whole: Message) -> Message:
        parts = sub_messages(whole)
        masked = parts[message.place - 1] if message.place <= len(parts) else message
        masked.notes = message.notes
        return masked


class _Tokens:
    """The names of a connection's streams as whole tokens."""

    def __init__(self, names: _Names) -> None:
        if names.pattern is None:
            longest_first = sorted(names.streams, key=len, reverse=True)
            words = "|".join(map(re.escape, longest_first))
            names.pattern = re.compile(rf"(?<![A-Za-z0-9_])(?:{words})(?![A-Za-z0-9_])")
        self._pattern = names.pattern

    def found(self, text: str) -> Iterator[re.Match[str]]:
        return self._pattern.finditer(text)


def _gaps(spans: Iterable[Span], length: int) -> list[tuple[int, int]]:
    """What lies between spans that are in order."""
    gaps, at = [], 0
    for start, stop, _ in spans:
        if start > at:
            gaps.append((at, start))
        at = max(at, stop)
    return [*gaps, (at, length)] if at < length else gaps


def _put(text: str, spans: Iterable[Span]) -> str:
    parts, at = [], 0
    for start, stop, said in spans:
        parts += [text[at:start], said]
        at = stop
    return "".join([*parts, text[at:]]) if parts else text


def _filled(data: bytes, spans: Iterable[tuple[int, int, str]]) -> bytes:
    masked = data
    for start, stop, said in spans:
        masked = masked[:start] + filler(said, stop - start) + masked[stop:]
    return masked


class _Values:
    """AMF values of one message without secrets. Mentions of earlier containers go on meaning them."""

    def __init__(self, masking: Masking, command: str, connection: int) -> None:
        self._masking, self._command, self._connection = masking, command, connection
        # By identity; the thing itself is kept with it, so that no other can have its identity.
        self._made: dict[int, tuple[Any, Any]] = {}

    def value(self, value: Value, path: Path) -> Value:  # noqa: PLR0911 - one line for each kind of value
        match value:
            case str():
                return self._text(value, path)
            case bytes():
                return self._bytes(value, path)
            case Xml():
                return Xml(self._text(value.text, path), value.legacy)
            case Object() | Vector() | Dictionary() | list():
                return self._container(value, path)
            case Reference():
                made = self._made.get(id(value.target)) if value.target is not None else None
                return replace(value, target=made[1]) if made is not None else value
            case float() | int() if not isinstance(value, bool) and isfinite(value):
                return self._number(value, path)
        return value

    def event(self, event: SharedObjectEvent) -> SharedObjectEvent:
        """An event of a shared object."""
        text = self._masking.text
        return replace(
            event,
            pairs=_each(event.pairs, lambda pair: (text(pair[0]), self.value(pair[1], ("args", 0, pair[0])))),
            keys=_each(event.keys, text),
            handler=None if event.handler is None else text(event.handler),
            args=_each(event.args, lambda value: self.value(value, ("args", 0, 0))),
            code=None if event.code is None else text(event.code),
            level=None if event.level is None else text(event.level),
            data=None if event.data is None else self._masking.data(event.data),
        )

    def _text(self, text: str, path: Path) -> str:
        # A long text that is mentioned often is one and the same; so is what comes of it.
        known = self._made.get(id(text)) if len(text) > 128 else None
        if known is not None:
            return cast("str", known[1])
        masked = self._masking.text(text, place_of(self._command, path), self._connection)
        if len(text) > 128:
            self._made[id(text)] = text, masked
        return masked

    def _bytes(self, data: bytes, path: Path) -> Value:
        if data and self._is_secret(path):
            return mask(self._masking.secrets.add(decode_text(data)))
        known = self._made.get(id(data))
        if known is None:
            known = self._made[id(data)] = data, self._masking.data(data)
        return cast("bytes", known[1])

    def _number(self, value: float, path: Path) -> Value:
        return mask(self._masking.secrets.add(number_text(value))) if self._is_secret(path) else value

    def _is_secret(self, path: Path) -> bool:
        return self._masking.how != "shown" and place_of(self._command, path) is Place.WHOLE

    def _container(self, value: Object | Vector | Dictionary | list[Value], path: Path) -> Value:
        known = self._made.get(id(value))
        if known is not None:
            return cast("Value", known[1])
        match value:
            case list():
                made: list[Value] = []
                self._made[id(value)] = value, made
                made += [self.value(item, (*path, n)) for n, item in enumerate(value)]
                return made
            case Vector():
                vector = replace(value, items=[])
                self._made[id(value)] = value, vector
                vector.items += [self.value(item, (*path, n)) for n, item in enumerate(value.items)]
                return vector
            case Dictionary():
                dictionary = replace(value, pairs=[])
                self._made[id(value)] = value, dictionary
                for key, item in value.pairs:
                    below = (*path, key if isinstance(key, str) else 0)
                    dictionary.pairs.append((self.value(key, (*path, 0)), self.value(item, below)))
                return dictionary
        return self._object(value, path)

    def _object(self, value: Object, path: Path) -> Object:
        made = replace(value, pairs=[])
        self._made[id(value)] = value, made
        text = self._masking.text
        if value.class_name is not None:
            made.class_name = text(value.class_name)
        # Below a secret property everything is secret: its name stays in the path.
        made.pairs += [(text(key), self.value(item, self._below(path, key))) for key, item in value.pairs]
        if isinstance(value, Array) and isinstance(made, Array):
            made.dense = [self.value(item, (*path, n)) for n, item in enumerate(value.dense)]
        return made

    def _below(self, path: Path, key: str) -> Path:
        if len(path) > 1 and place_of(self._command, path) is Place.WHOLE:
            return path
        return (*path, key)


def _each(items: Iterable[Any] | None, change: Callable[[Any], Any]) -> Any:
    return None if items is None else tuple(change(item) for item in items)
