"""The list: one line an event, in columns.

Lines are made with f-strings and ready escape codes, since there may be hundreds of thousands of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from rtmpsniff.findings import Finding
from rtmpsniff.output.columns import wrapped
from rtmpsniff.output.theme import Paint
from rtmpsniff.output.times import Clock
from rtmpsniff.output.words import (
    say_closed,
    say_exchange,
    say_greeting,
    say_message,
    say_opened,
    say_secured,
    say_undecoded,
)
from rtmpsniff.payload.types import FAMILIES, TYPE_NAMES
from rtmpsniff.rtmp.aggregates import Contained
from rtmpsniff.rtmp.events import Closed, Event, Exchange, Greeting, Message, Opened, Secured, Undecoded
from rtmpsniff.text import columns_of, fitted, plural, shortened

_ARROWS: Final = {"client": "c->s", "server": "s->c", "": ""}
_SHORT_NAMES: Final = {number: name.removesuffix("_amf0") for number, name in TYPE_NAMES.items()} | {
    6: "peer_bandwidth",
    16: "shared_obj_amf3",
}
_TYPE_STYLES: Final = {number: family for family, numbers in FAMILIES.items() for number in numbers} | {
    8: "audio",
    9: "video",
}
_NARROW: Final = 100  # columns; a terminal with fewer has no room for the ids of chunk and message streams
_NARROWEST_TEXT: Final = 60
_INSIDE: Final = "+"  # where a message inside an aggregate has no chunk stream of its own
_WIDEST: Final = 400  # characters of text in a line that is not cut to a terminal


class Listing:
    """Makes the lines. `width` is the terminal's, None where there is none; `full` shortens nothing."""

    def __init__(self, paint: Paint, clock: Clock, width: int | None = None, full: bool = False) -> None:
        self._paint = paint
        self._clock = clock
        self._width = width
        self._full = full
        self._is_narrow = width is not None and width < _NARROW
        self._is_plain = width is None and not paint.colored

    def heading(self) -> str:
        """The names of the columns."""
        width = self._clock.width
        if self._is_narrow:
            line = f"{'time':>{width}} con dir  {'type':<15} timestamp  length"
        else:
            line = f"{'time':>{width}} conn  dir  csid  {'type':<15} msid  timestamp   length"
        return self._paint.style("dim", line)

    def line(self, event: Event) -> str:
        """The line of one event."""
        if isinstance(event, Message):
            return self._message(event)
        sender, length = "", ""
        match event:
            case Finding():
                time, sender = event.time, event.sender
                style = name = event.severity.value
                text = f"{event.title} [{event.rule.code}]"
            case Greeting():
                time, sender, length = event.last.time, event.sender, str(len(event.data))
                style = name = "handshake"
                text = say_greeting(event)
            case Undecoded():
                time, sender, length = event.last.time, event.sender, str(event.length)
                style, name, text = "warning", "undecoded", say_undecoded(event)
            case Secured():
                time, style, name, text = event.origin.time, "connection", "tls", say_secured(event)
            case Exchange():
                time, style, name, text = event.last.time, "dim", "http", say_exchange(event)
            case Opened():
                time, style, name, text = event.origin.time, "connection", "open", say_opened(event)
            case Closed():
                time, style, name, text = event.ended.time, "connection", "close", say_closed(event)
        arrow = f"{_ARROWS[sender]:<4}"
        if self._is_narrow:
            middle, end = "", ""
        else:
            middle, end = f" {'':>4} ", f"{'':>5}  {'':>9} {length:>8}"
        return self._join(self._clock.text(time), event.connection, arrow, middle, name, end, text, style)

    def _message(self, message: Message) -> str:
        number = message.message_type_id
        # An uncertain time is marked: it rests on one that was never seen.
        mark = "" if message.timestamp_certain or number <= 6 else "~"
        stamp = f"{mark}{message.timestamp}"
        if self._is_plain and not isinstance(message, Contained):  # the same line as below in half the time
            clock, text = self._clock, say_message(message)
            middle = _channel(
                message.connection, message.sender, message.chunk_stream_id, number, message.message_stream_id
            )
            return (
                f"{clock.text(message.last.time):>{clock.width}} {middle} {stamp:>10} "
                f"{message.length:>8}  {text if len(text) <= _WIDEST else self._shorten(text, _WIDEST)}"
            ).rstrip()
        if self._is_narrow:
            middle, end = "", f"{stamp:>10} {message.length:>7}"
        else:
            channel = _INSIDE if isinstance(message, Contained) else message.chunk_stream_id
            middle = f" {channel:>4} "
            end = f" {message.message_stream_id:>4} {stamp:>10} {message.length:>8}"
        return self._join(
            self._clock.text(message.last.time),
            message.connection,
            _ARROWS[message.sender],
            middle,
            type_word(message),
            end,
            say_message(message),
            type_style(message),
        )

    def _join(
        self, time: str, connection: int, arrow: str, middle: str, name: str, end: str, text: str, style: str
    ) -> str:
        """Columns and text, which moves to a line of its own where a terminal is too narrow for both."""
        number = f"{connection:>3} " if self._is_narrow else f"{connection:>4}  "
        head = f"{time:>{self._clock.width}} {number}{arrow}{middle} {name:<15}{end}"
        between = "  "
        if self._width is None:
            text = self._shorten(text, _WIDEST)
        else:
            room = self._width - len(head) - 2
            if room < _NARROWEST_TEXT and columns_of(text) > room:
                indent = self._clock.width + 1 + len(number)
                between, room = f"\n{'':{indent}}", self._width - indent
                end = end.rstrip()
            text = text if self._full else fitted(text, room)
        if not self._paint.colored:
            return f"{head.rstrip() if between != '  ' else head}{between}{text}".rstrip()
        style_of = self._paint.style
        sender = {"c": "client", "s": "server"}.get(arrow[:1], "")
        head = (
            f"{style_of('dim', f'{time:>{self._clock.width}}')} {number}{style_of(sender, arrow)}{middle} "
            f"{style_of(style, f'{name:<15}')}{end}"
        )
        return f"{head}{between}{style_of(style, text)}"

    def _shorten(self, text: str, room: int) -> str:
        return text if self._full else shortened(text, room)


@lru_cache(1024)
def _channel(connection: int, sender: str, chunk_stream_id: int, type_id: int, message_stream_id: int) -> str:
    """The columns that stay the same from line to line of a stream."""
    return f"{connection:>4}  {_ARROWS[sender]} {chunk_stream_id:>4}  {_type_word(type_id):<15} {message_stream_id:>4}"


def type_word(message: Message) -> str:
    """The type as the list has it."""
    return _type_word(message.message_type_id)


def _type_word(type_id: int) -> str:
    return _SHORT_NAMES.get(type_id) or f"unknown_{type_id}"


def type_style(message: Message) -> str:
    """The style of the theme that a message of this type has; another one where it did not come whole."""
    return _TYPE_STYLES.get(message.message_type_id, "unknown") if message.state == "whole" else "warning"


def place(message: Message) -> str:
    """Where a message was: chunks, packets, offset in its sender's stream; and which message it answers."""
    return f"{plural(message.chunk_count, 'chunk')}, {_packets(message)}, offset {message.offset}{_answer(message)}"


def _packets(message: Message) -> str:
    first, last = message.first.packet, message.last.packet
    return f"packet {first}" if first == last else f"packets {first}-{last}"


def _answer(message: Message) -> str:
    notes = message.notes
    return "" if notes is None or notes.response_to is None else f"; answers #{notes.response_to}"


def title(message: Message, paint: Paint, clock: Clock, width: int | None = None) -> list[str]:
    """What stands above the dump of a message: two lines, more on a terminal that is too narrow for them."""
    arrow = "client -> server" if message.sender == "client" else "server -> client"
    sure = "" if message.timestamp_certain or message.message_type_id <= 6 else " (uncertain)"
    head = f"#{message.number}  {clock.text(message.last.time).strip()}  connection {message.connection}"
    said = f"{message.type}  {say_message(message)}".rstrip()
    where = (
        f"chunk stream {message.chunk_stream_id}, message stream {message.message_stream_id}, "
        f"timestamp {message.timestamp}{sure}"
    )
    size = f"{plural(message.length, 'byte')} in {plural(message.chunk_count, 'chunk')}, {_packets(message)}"
    size += _answer(message)
    style = _TYPE_STYLES.get(message.message_type_id, "unknown")
    first_line = f"{paint.style('title', head)}  {arrow}"
    if width is None or max(len(head) + len(arrow) + columns_of(said), len(where) + len(size)) + 6 <= width:
        return [f"{first_line}  {paint.style(style, said)}", f"    {where}; {size}"]
    room = width - 4
    said_lines = [paint.style(style, row) for row in wrapped(said, room, indent=0)]
    return [first_line, *(f"    {row}" for row in [*said_lines, *wrapped(where, room, 0), *wrapped(size, room, 0)])]
