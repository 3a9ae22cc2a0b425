"""Shared objects over time: takes their messages, gives what each object holds, and who changed what.

What a client says is a wish; what the server says is true (RTMP 1.0 §7.1.3). A change that a client asks for holds once
the server answers Success, which names the attribute and not its value: that stands in the request. Connections are
kept apart, as each knows only what was sent on it.

What is kept is bounded. An attribute weighs what it took on the wire and a little more, likewise an entry of a history;
a history keeps its latest entries and counts the others, and where all objects together weigh more than `MOST_HELD`
those that were not spoken of for the longest time are forgotten.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Final, TypeAlias

from rtmpsniff.fields import Field, Role
from rtmpsniff.findings import SHARED_OBJECT_STATUS, Evidence, Finding, Severity
from rtmpsniff.payload.shared import SharedObject, SharedObjectEvent
from rtmpsniff.payload.types import FAMILIES
from rtmpsniff.payload.values import Container, Date, Dictionary, Object, Reference, Value, Vector, Xml
from rtmpsniff.rtmp.events import Event, Message, Notes, Undecoded
from rtmpsniff.text import number_text, plural, printable, quoted
from rtmpsniff.transport.reassembly import Sender

MOST_HELD: Final = 4 * 1024 * 1024  # of all objects together, counted as on the wire; in memory some times as much
MOST_CHANGES: Final = 1000  # in the history of an object
MOST_CHANGED: Final = 1024 * 1024  # bytes of them
MOST_REQUESTS: Final = 1000  # of an object that wait for their answer
_WEIGHT: Final = 100  # of anything that is kept, beside its bytes
_MOST_SHOWN: Final = 6  # attributes, and changes, in a remark
_LONGEST: Final = 40  # characters of a name or a string in a remark
_MOST_FINDINGS: Final = 4  # of one message


class Absence(Enum):
    """Why there is no value."""

    ABSENT = "no such attribute"
    UNSEEN = "never captured"
    UNREAD = "not readable"


Held: TypeAlias = "Value | Absence"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to an object, or to its attribute `key`; known with message number `message`.

    `event` is `use`, `release`, `use_success`, `clear`, `change`, `remove` or `refuse`. Where it was the client of this
    connection that asked for it, `by` says so, and `request` is the number of the message in which it asked.
    """

    message: int
    time: int  # ns since the epoch
    by: Sender
    event: str
    key: str | None = None
    old: Held = Absence.ABSENT
    new: Held = Absence.ABSENT
    request: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A change (or a removal: `value` is ABSENT) that the client asked for and nobody has answered."""

    message: int
    key: str
    value: Held
    weight: int


@dataclass(slots=True)
class _Connection:
    """The objects of a connection."""

    objects: dict[str, SharedObjectState] = field(default_factory=dict)
    losses: int = 0  # times that bytes of the server were not decoded, in which anything may have been said


class SharedObjectState:
    """What is known of one object on one connection.

    `attributes` is what it holds; `is_complete`: nothing else, since its last Clear was seen and nothing was lost
    after it. `version` is the server's. `is_used`: the client has said Use, and not Release. `history` is what
    happened, the oldest first; `dropped` counts what happened before that.
    """

    def __init__(self, name: str, connection: _Connection) -> None:
        self.name = name
        self.version = 0
        self.persistent = False
        self.is_used = False
        self.attributes: dict[str, Held] = {}
        self.history: deque[Change] = deque()
        self.dropped = 0
        self.weight = _WEIGHT + len(name)
        self._connection = connection
        self._cleared_after: int | None = None  # so many losses
        self._weights: dict[str, int] = {}  # of the attributes
        self._changed: deque[int] = deque()  # weights of the history
        self._changed_in_all = 0
        self._requests: OrderedDict[int, Request] = OrderedDict()
        self._requests_of: dict[str, deque[int]] = {}
        self._asked = 0

    def __repr__(self) -> str:
        return f"<SharedObjectState {self.name!r} version {self.version}, {plural(len(self.attributes), 'attribute')}>"

    @property
    def is_complete(self) -> bool:
        return self._cleared_after == self._connection.losses

    @property
    def pending(self) -> tuple[Request, ...]:
        """What the client asked for and nobody has answered, in order."""
        return tuple(self._requests.values())

    def lose(self) -> None:
        """Something may have been said of the object that was not captured."""
        self._cleared_after = None

    def record(self, change: Change, weight: int = 0) -> None:
        """Add to the history."""
        weight += _WEIGHT + len(change.key or "")
        self.history.append(change)
        self._changed.append(weight)
        self._changed_in_all += weight
        self.weight += weight
        while len(self.history) > MOST_CHANGES or self._changed_in_all > MOST_CHANGED:
            self.history.popleft()
            weight = self._changed.popleft()
            self._changed_in_all -= weight
            self.weight -= weight
            self.dropped += 1

    def set(self, key: str, value: Held, weight: int) -> Held:
        """Give an attribute its value; gives the old one."""
        old = self.attributes.get(key, Absence.ABSENT)
        self.attributes[key] = value
        weight += _WEIGHT + len(key)
        self.weight += weight - self._weights.get(key, 0)
        self._weights[key] = weight
        return old

    def take(self, key: str) -> Held:
        """Remove an attribute; gives what it was."""
        self.weight -= self._weights.pop(key, 0)
        return self.attributes.pop(key, Absence.ABSENT)

    def clear(self) -> None:
        """Remove them all."""
        self.weight -= sum(self._weights.values())
        self._weights.clear()
        self.attributes.clear()
        self._cleared_after = self._connection.losses

    def ask(self, request: Request) -> None:
        """Keep what the client asked for until it is answered."""
        self._asked += 1
        self._requests[self._asked] = request
        self._requests_of.setdefault(request.key, deque()).append(self._asked)
        self.weight += request.weight
        if len(self._requests) > MOST_REQUESTS:
            self.oldest_request()

    def oldest_request(self) -> Request | None:
        """Take the request that has waited longest."""
        first = next(iter(self._requests.values()), None)
        return None if first is None else self.request(first.key)

    def first_request(self, key: str) -> Request | None:
        """The request for an attribute that has waited longest; it stays."""
        numbers = self._requests_of.get(key)
        return self._requests[numbers[0]] if numbers else None

    def request(self, key: str) -> Request | None:
        """Take the request for an attribute that has waited longest: servers answer in order."""
        numbers = self._requests_of.get(key)
        if not numbers:
            return None
        request = self._requests.pop(numbers.popleft())
        if not numbers:
            del self._requests_of[key]
        self.weight -= request.weight
        return request

    def drop_requests(self) -> None:
        """Nobody will be answered any more."""
        self.weight -= sum(request.weight for request in self._requests.values())
        self._requests.clear()
        self._requests_of.clear()


class SharedObjects:
    """An observer: keeps the state of each shared object of each connection, and says it behind the messages."""

    types = FAMILIES["shared_object"]

    def __init__(self) -> None:
        self.forgotten = 0  # objects that had to make room for others
        self._connections: dict[int, _Connection] = {}
        self._recent: OrderedDict[tuple[int, str], None] = OrderedDict()  # the latest one spoken of is the last
        self._held = 0

    def objects(self, connection: int) -> Mapping[str, SharedObjectState]:
        """The objects of a connection by name, as they are now."""
        known = self._connections.get(connection)
        return {} if known is None else known.objects

    def see(self, event: Event) -> Iterable[Finding]:
        if isinstance(event, Message):
            if event.message_type_id in self.types and isinstance(body := event.body, SharedObject):
                return self._see(event, body)
        elif isinstance(event, Undecoded) and event.sender == "server" and event.connection in self._connections:
            self._connections[event.connection].losses += 1
        return ()

    def forget(self, connection: int) -> None:
        for name in list(self.objects(connection)):
            self._drop(connection, name)
        self._connections.pop(connection, None)

    def _see(self, message: Message, body: SharedObject) -> list[Finding]:
        state = self._state(message.connection, body.name)
        before = state.weight
        turn = _Turn(state, message)
        turn.take(body)
        self._held += state.weight - before
        while self._held > MOST_HELD and self._recent:
            self._drop(*next(iter(self._recent)))
            self.forgotten += 1
        return turn.findings

    def _state(self, number: int, name: str) -> SharedObjectState:
        connection = self._connections.setdefault(number, _Connection())
        state = connection.objects.get(name)
        if state is None:
            state = connection.objects[name] = SharedObjectState(name, connection)
            self._held += state.weight
        self._recent[number, name] = None
        self._recent.move_to_end((number, name))
        return state

    def _drop(self, connection: int, name: str) -> None:
        self._held -= self._connections[connection].objects.pop(name).weight
        del self._recent[connection, name]


class _Turn:
    """What one message does to an object."""

    def __init__(self, state: SharedObjectState, message: Message) -> None:
        self.state = state
        self.message = message
        self.findings: list[Finding] = []
        self.said: list[str] = []  # of changes, as many as are shown
        self.unsaid = 0
        self.is_news = False

    def take(self, body: SharedObject) -> None:
        """Go through the events."""
        state = self.state
        for part in self.message.decoded.fields:
            if isinstance(part.value, SharedObjectEvent):
                self.event(part.value, part)
        if self.message.state != "whole":
            state.lose()
        elif self.message.sender == "server":
            state.version, state.persistent = body.version, body.persistent
        if self.is_news or self.said:
            self.remark()

    def event(self, event: SharedObjectEvent, part: Field) -> None:
        """One event; those that its sender has no right to send change nothing."""
        if self.message.sender == "client":
            self.client_event(event, part)
        else:
            self.server_event(event, part)

    def client_event(self, event: SharedObjectEvent, part: Field) -> None:
        match event.event:
            case "use" | "release":
                self.use(event.event)
            case "request_change":
                for key, value, weight in _weighed(event, part):
                    self.ask(key, value, weight)
            case "request_remove":
                for key in event.keys or ():
                    self.ask(key, Absence.ABSENT, 0)

    def server_event(self, event: SharedObjectEvent, part: Field) -> None:
        match event.event:
            case "use_success" | "clear":
                self.renew(event.event)
            case "change":
                for key, value, weight in _weighed(event, part):
                    self.changed(key, value, weight)
            case "success":
                for key in event.keys or ():
                    self.success(key)
            case "remove":
                for key in event.keys or ():
                    self.remove(key)
            case "status":
                self.status(event, part)
        if event.event in _TELLING and event.breaks_off:
            self.state.lose()

    # What the client says

    def use(self, event: str) -> None:
        self.state.is_used = event == "use"
        if event == "release":
            self.state.drop_requests()
        self.note(event)

    def ask(self, key: str, value: Held, weight: int) -> None:
        self.state.ask(Request(self.message.number, key, value, weight + _WEIGHT + len(key)))

    # What the server says

    def renew(self, event: str) -> None:
        self.is_news = True
        self.note(event)
        if event == "clear":
            self.state.clear()

    def success(self, key: str) -> None:
        request = self.state.request(key)
        if request is not None and request.value is Absence.ABSENT:
            self.removed(key, request)
        elif request is not None:
            self.changed(key, request.value, request.weight, request, by="client")
        else:
            self.changed(key, Absence.UNSEEN, 0, by="client")

    def remove(self, key: str) -> None:
        """A removal that this client asked for may be answered so, too."""
        first = self.state.first_request(key)
        asked = first is not None and first.value is Absence.ABSENT
        self.removed(key, self.state.request(key) if asked else None)

    def status(self, event: SharedObjectEvent, part: Field) -> None:
        """A refusal; one for lack of the right to write is of the oldest request."""
        code = event.code or ""
        refused = self.state.oldest_request() if code.endswith("NoWriteAccess") else None
        if refused is not None:
            wanted = _say(refused.value) if refused.value is not Absence.ABSENT else "removed"
            self.say(f"refuses {_name(refused.key)}={wanted} (asked in #{refused.message})")
            self.note("refuse", refused.key, new=refused.value, request=refused.message, weight=refused.weight)
        title = f"shared object {_text(self.state.name)}: {_name(code) or 'a status without a code'}"
        if len(self.findings) == _MOST_FINDINGS or any(title == finding.title for finding in self.findings):
            return
        severity = Severity.WARNING if event.level == "error" else Severity.NOTE
        evidence = Evidence("status", part.start, part.stop - part.start, in_message=True)
        message = self.message
        self.findings.append(
            Finding(
                SHARED_OBJECT_STATUS,
                severity,
                title,
                (evidence,),
                connection=message.connection,
                sender=message.sender,
                time=message.last.time,
                packet=message.last.packet,
                messages=(message.number,) if refused is None else (refused.message, message.number),
            )
        )

    # What comes of it

    def changed(
        self, key: str, value: Held, weight: int, request: Request | None = None, by: Sender = "server"
    ) -> None:
        asked = None if request is None else request.message
        old = self.state.set(key, value, weight)
        self.is_news = True
        self.note("change", key, by, old, value, asked, weight)
        was = "" if old is Absence.ABSENT else f" was {_say(old)}"
        if asked is not None:
            self.say(f"{_name(key)}={_say(value)} (asked in #{asked}){',' if was else ''}{was}")
        elif was:
            self.say(f"{_name(key)}{was}")

    def removed(self, key: str, request: Request | None) -> None:
        asked = None if request is None else request.message
        old = self.state.take(key)
        self.is_news = True
        self.note("remove", key, "server" if request is None else "client", old, request=asked)
        if old is not Absence.ABSENT:
            self.say(f"{_name(key)} was {_say(old)}")

    def note(
        self,
        event: str,
        key: str | None = None,
        by: Sender | None = None,
        old: Held = Absence.ABSENT,
        new: Held = Absence.ABSENT,
        request: int | None = None,
        weight: int = 0,
    ) -> None:
        message = self.message
        change = Change(message.number, message.last.time, by or message.sender, event, key, old, new, request)
        self.state.record(change, weight)

    def say(self, text: str) -> None:
        if len(self.said) < _MOST_SHOWN:
            self.said.append(text)
        else:
            self.unsaid += 1

    def remark(self) -> None:
        """Say behind the message what changed, and what the object holds now."""
        more = [f"... {plural(self.unsaid, 'change')} more"] if self.unsaid else []
        holds = _holds(self.state) if self.is_news else ""
        notes = self.message.notes = self.message.notes or Notes()
        notes.remarks += (*self.said, *more, *([holds] if holds else []))


_TELLING: Final = frozenset({"change", "success", "remove"})  # events of which a part that is missing is missed


def _weighed(event: SharedObjectEvent, part: Field) -> Iterator[tuple[str, Held, int]]:
    """Attributes, values, and the bytes that each took on the wire. What breaks off is no value."""
    values: list[Held] = [value for _, value in event.pairs or ()]
    pairs = [child for child in part.children if child.role is Role.PAIR]
    if pairs and event.breaks_off == "unread":
        values[len(pairs) - 1 :] = [Absence.UNREAD]
    for pair, value in zip(pairs, values, strict=True):
        if isinstance(pair.value, str):  # of the last one not even the key may be there
            yield pair.value, value, pair.stop - pair.start


def _holds(state: SharedObjectState) -> str:
    count = len(state.attributes)
    if not count:
        return "now holds nothing" if state.is_complete else ""
    pairs = [f"{_name(key)}={_say(value)}" for key, value in islice(state.attributes.items(), _MOST_SHOWN)]
    more = [f"... {count - len(pairs)} more"] if count > len(pairs) else []
    verb = "now holds" if state.is_complete else "is known to hold"
    return f"{verb} {plural(count, 'attribute')}: {', '.join(pairs + more)}"


def _say(value: Held) -> str:  # noqa: PLR0911 - one line for each kind of value
    """A value in a few words, safe to print; of a container only how much it holds."""
    match value:
        case Absence():
            return f"({value.value})"
        case bool():
            return "true" if value else "false"
        case float() | int():
            return number_text(value)
        case str():
            return _text(value)
        case Date():
            return value.iso or f"{number_text(value.milliseconds)} ms"
        case Xml():
            return f"XML {_text(value.text)}"
        case Reference():
            return "(a reference to nothing)" if value.target is None else _say_size(value.target)
        case Object() | Dictionary() | list() | Vector() | bytes():
            return _say_size(value)
    return "null" if value is None else repr(value).lower()


def _say_size(value: Container | bytes) -> str:
    match value:
        case bytes():
            return f"({plural(len(value), 'byte')})"
        case Object() | Dictionary():
            return f"{{{plural(len(value.pairs), 'property')}}}"
        case Vector():
            return f"[{plural(len(value.items), 'element')}]"
        case list():
            return f"[{plural(len(value), 'element')}]"


def _text(text: str) -> str:
    return quoted(text) if len(text) <= _LONGEST else f'{quoted(text[:_LONGEST])[:-1]}..."'


def _name(text: str) -> str:
    return printable(text[:_LONGEST]) + ("..." if len(text) > _LONGEST else "")
