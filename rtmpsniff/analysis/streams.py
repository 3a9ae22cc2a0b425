"""What a connection is for: its application, and the streams that are published or played on it.

Takes messages, keeps the names; later layers ask. A message stream gets its number by createStream and its name by
publish or play (§7.2.1.3, §7.2.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from rtmpsniff.payload.command import Command
from rtmpsniff.payload.types import FAMILIES
from rtmpsniff.payload.values import Object, Value
from rtmpsniff.rtmp.events import Message

_NAMING: Final = {"releaseStream", "FCPublish", "FCUnpublish", "FCSubscribe", "FCUnsubscribe", "getStreamLength"}


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream that was published or played on a message stream."""

    message_stream_id: int
    name: str
    action: Literal["publish", "play"]


@dataclass(slots=True)
class Purpose:
    """What is known of one connection."""

    connect: Object | None = None  # the command object of connect
    streams: list[Stream] = field(default_factory=list)

    @property
    def application(self) -> str:
        return _text(self.connect.get("app")) if self.connect is not None else ""

    @property
    def url(self) -> str:
        return _text(self.connect.get("tcUrl")) if self.connect is not None else ""


class Purposes:
    """Watches commands: `see` each message, then ask for a connection's `Purpose`."""

    def __init__(self) -> None:
        self._purposes: dict[int, Purpose] = {}

    def of(self, connection: int) -> Purpose:
        """What is known of a connection so far."""
        return self._purposes.setdefault(connection, Purpose())

    def forget(self, connection: int) -> None:
        """Nobody will ask for it again."""
        self._purposes.pop(connection, None)

    def see(self, message: Message) -> None:
        if message.message_type_id not in FAMILIES["command"] or message.sender != "client":
            return
        body = message.body
        if not isinstance(body, Command):
            return
        if body.name == "connect" and isinstance(body.object, Object):
            self.of(message.connection).connect = body.object
        elif body.name in {"publish", "play"} and body.args and isinstance(name := body.args[0], str):
            action: Literal["publish", "play"] = "publish" if body.name == "publish" else "play"
            self.of(message.connection).streams.append(Stream(message.message_stream_id, name, action))

    def belongs(self, message: Message, name: str) -> bool:
        """Whether a message is of the stream called `name`: on its message stream, or a command that names it."""
        body = message.body if message.message_type_id in FAMILIES["command"] else None
        if isinstance(body, Command) and body.name in _NAMING:
            return any(isinstance(arg, str) and same_stream(arg, name) for arg in body.args)
        number = message.message_stream_id
        if number == 0:
            return False
        # A number may be used again: the latest stream on it is the one that the message is of.
        latest = next(
            (one for one in reversed(self.of(message.connection).streams) if one.message_stream_id == number), None
        )
        return latest is not None and same_stream(latest.name, name)


def same_stream(name: str, wanted: str) -> bool:
    """Whether a stream's name is the one asked for; its query (`?token=...`) need not be named."""
    return wanted in {name, name.partition("?")[0]}


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""
