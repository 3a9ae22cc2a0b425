"""Which events the user asked for.

Takes events, gives those that every condition lets through. With conditions on messages (type, stream, number) the
lines of connections are left out: nobody asked for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from rtmpsniff.analysis.streams import Purposes
from rtmpsniff.findings import Finding
from rtmpsniff.payload.types import FAMILIES, TYPE_NAMES
from rtmpsniff.rtmp.events import Closed, Event, Exchange, Greeting, Message, Opened, Secured, Undecoded

_NUMBERS: Final = {name: frozenset({number}) for number, name in TYPE_NAMES.items()}
_ALIASES: Final = {"peer_bandwidth": frozenset({6}), "shared_obj_amf3": frozenset({16})}  # as the list shows them


@dataclass(frozen=True, slots=True)
class Selection:
    """The conditions; an empty one lets everything through. Times are in ns since the epoch."""

    types: frozenset[int] | None = None  # message type ids
    handshake: bool = False  # greetings too, where `types` is given
    connections: frozenset[int] = frozenset()
    streams: tuple[str, ...] = ()
    start: Callable[[], int] | None = None  # called when the first packet has been read
    stop: Callable[[], int] | None = None
    messages: tuple[range, ...] = ()
    count: int | None = None  # messages in all

    @property
    def is_about_messages(self) -> bool:
        return self.types is not None or bool(self.streams or self.messages)


def select(events: Iterable[Event], selection: Selection) -> Iterator[Event]:
    """The events that `selection` lets through; ends once its count of messages is reached."""
    if selection == Selection():
        yield from events
        return
    purposes = Purposes()
    left = selection.count
    for event in events:
        if isinstance(event, Message):
            if selection.streams:
                purposes.see(event)
            if not _fits(event, selection) or not _fits_message(event, selection, purposes):
                continue
            yield event
            if left is not None:
                left -= 1
                if left == 0:
                    return
        elif _fits_other(event, selection):
            yield event


def select_messages(events: Iterable[Event], selection: Selection) -> Iterator[Event]:
    """As `select`, but the conditions are on messages alone: of every connection all else comes through."""
    if selection == Selection():
        yield from events
        return
    purposes = Purposes()
    left = selection.count
    for event in events:
        if isinstance(event, Message):
            if selection.streams:
                purposes.see(event)
            if left == 0 or not _fits(event, selection) or not _fits_message(event, selection, purposes):
                continue
            left = None if left is None else left - 1
        elif selection.connections and event.connection not in selection.connections:
            continue
        yield event


def _fits_other(event: Event, selection: Selection) -> bool:
    asked = not selection.is_about_messages or (selection.handshake and isinstance(event, Greeting))
    return asked and _fits(event, selection)


def _fits(event: Event, selection: Selection) -> bool:
    if selection.connections and event.connection not in selection.connections:
        return False
    time = event_time(event)
    if selection.start is not None and time < selection.start():
        return False
    return selection.stop is None or time <= selection.stop()


def _fits_message(message: Message, selection: Selection, purposes: Purposes) -> bool:
    if selection.types is not None and message.message_type_id not in selection.types:
        return False
    if selection.messages and not any(message.number in numbers for numbers in selection.messages):
        return False
    return not selection.streams or any(purposes.belongs(message, name) for name in selection.streams)


def event_time(event: Event) -> int:
    """When an event could be known, in ns since the epoch."""
    match event:
        case Message() | Greeting() | Undecoded() | Exchange():
            return event.last.time
        case Opened() | Secured():
            return event.origin.time
        case Closed():
            return event.ended.time
        case Finding():
            return event.time


def parse_types(names: Iterable[str]) -> tuple[frozenset[int], bool]:
    """The message type ids that names, numbers and families stand for, and whether `handshake` is among them.

    `!` before a name takes its types away, from all types if nothing else was named. Raises ValueError with the name
    that means nothing.
    """
    wanted: set[int] = set()
    unwanted: set[int] = set()
    handshake = False
    for name in names:
        if name.removeprefix("!") == "handshake":
            handshake = name == "handshake"
            wanted |= set() if handshake else set(range(256))
            continue
        (unwanted if name.startswith("!") else wanted).update(_numbers(name.removeprefix("!")))
    if not wanted and unwanted:
        wanted = set(range(256))
    return frozenset(wanted - unwanted), handshake


def _numbers(name: str) -> frozenset[int]:
    known = FAMILIES.get(name) or _NUMBERS.get(name) or _ALIASES.get(name)
    if known is not None:
        return known
    number = name.removeprefix("unknown_")
    if len(number) <= 3 and number.isascii() and number.isdigit() and int(number) < 256:
        return frozenset({int(number)})
    raise ValueError(name)
