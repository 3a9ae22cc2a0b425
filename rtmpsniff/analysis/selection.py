"""Which events the user asked for.

Takes events, gives those that every condition lets through. With conditions on messages (type, stream, number) the
lines of connections are left out: nobody asked for them.

An aggregate is chosen as a whole: whoever asks for its type gets it with all that it holds. Whoever asks for types that
lie in it and not for its own gets those of its messages, each alone (`Contained`); so does who names a condition that
does not hold of the aggregate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rtmpsniff.analysis.streams import Streams
from rtmpsniff.findings import Finding
from rtmpsniff.payload.types import AGGREGATE, FAMILIES, TYPE_NAMES
from rtmpsniff.rtmp.aggregates import sub_messages
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
    condition: Callable[[Message], bool] | None = None
    count: int | None = None  # messages in all

    @property
    def is_about_messages(self) -> bool:
        return self.types is not None or bool(self.streams or self.messages or self.condition)


def select(events: Iterable[Event], selection: Selection) -> Iterator[Event]:
    """The events that `selection` lets through; ends once its count of messages is reached."""
    if selection == Selection():
        yield from events
        return
    streams = Streams()
    left = selection.count
    for event in _followed(events, selection, streams):
        if isinstance(event, Message):
            for message in _chosen(event, selection, streams):
                yield message
                if left is not None:
                    left -= 1
                    if left == 0:
                        return
        elif _fits_other(event, selection):
            yield event


def _followed(events: Iterable[Event], selection: Selection, streams: Streams) -> Iterator[Event]:
    """The events; where the selection names streams, `streams` has learnt from each message when it is given."""
    for event in events:
        if selection.streams and isinstance(event, Message):
            streams.see(event)
        elif isinstance(event, Closed):
            streams.forget(event.connection)
        yield event


def is_chosen(message: Message, selection: Selection) -> bool:
    """Whether a message alone meets the conditions, those on streams and on the count left out."""
    if selection.streams:
        selection = replace(selection, streams=())
    return _fits(message, selection) and _fits_message(message, selection, Streams())


def select_messages(events: Iterable[Event], selection: Selection) -> Iterator[Event]:
    """As `select`, but the conditions are on messages alone: of every connection all else comes through.

    For those who count what was on the wire: messages inside aggregates are not given apart.
    """
    if selection == Selection():
        yield from events
        return
    streams = Streams()
    left = selection.count
    for event in _followed(events, selection, streams):
        if isinstance(event, Message):
            if left == 0 or not _fits(event, selection) or not _fits_message(event, selection, streams):
                continue
            left = None if left is None else left - 1
        elif selection.connections and event.connection not in selection.connections:
            continue
        yield event


def select_for_records(events: Iterable[Event], selection: Selection, enough: Callable[[], None]) -> Iterator[Event]:
    """As `select` for messages; of the connections that were chosen everything else comes through that is in time.

    For those who write down what connections came to: all of them are closed in the end. `enough` is called when the
    count of messages is reached, and no message comes behind it.
    """
    streams = Streams()
    left = selection.count
    for event in _followed(events, selection, streams):
        if isinstance(event, Message):
            for message in _chosen(event, selection, streams)[:left]:
                yield message
                left = None if left is None else left - 1
            if left == 0:
                enough()
            continue
        is_kept = isinstance(event, Opened | Closed) and (
            not selection.connections or event.connection in selection.connections
        )
        if is_kept or (left != 0 and _fits(event, selection)):
            yield event


def _fits_other(event: Event, selection: Selection) -> bool:
    asked = not selection.is_about_messages or (selection.handshake and isinstance(event, Greeting))
    return asked and _fits(event, selection)


def _fits(event: Event, selection: Selection) -> bool:
    if selection.connections and event.connection not in selection.connections:
        return False
    if selection.start is None and selection.stop is None:
        return True
    time = event_time(event)
    if selection.start is not None and time < selection.start():
        return False
    return selection.stop is None or time <= selection.stop()


def _chosen(event: Message, selection: Selection, streams: Streams) -> Sequence[Message]:
    """The message, if it fits; or those inside it that do, where its own type was not asked for."""
    if not _fits(event, selection):
        return ()
    if selection.types is None or event.message_type_id != AGGREGATE or AGGREGATE in selection.types:
        if _fits_message(event, selection, streams):
            return (event,)
        if selection.condition is None or event.message_type_id != AGGREGATE:
            return ()
    return [part for part in sub_messages(event) if _fits_message(part, selection, streams)]


def _fits_message(message: Message, selection: Selection, streams: Streams) -> bool:
    if selection.types is not None and message.message_type_id not in selection.types:
        return False
    if selection.messages and not any(message.number in numbers for numbers in selection.messages):
        return False
    if selection.streams and not any(streams.belongs(message, name) for name in selection.streams):
        return False
    return selection.condition is None or selection.condition(message)


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
