"""Calls and their answers: takes commands, sets the notes of those that answer another, remembers the rest.

A call and its answer bear the same transaction number (§7.1.1); each side counts its own calls. Where clients give a
number twice, or 0 to everything, an answer is for the latest call that has none. Some answers have a name and not a
number (onFCPublish), and publish and play are answered by a status on their message stream.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from rtmpsniff.findings import Finding
from rtmpsniff.payload.command import Command
from rtmpsniff.payload.types import FAMILIES
from rtmpsniff.payload.values import Object, Value
from rtmpsniff.rtmp.events import OTHER_SENDER, Event, Message, Notes
from rtmpsniff.transport.connection import Sender

# Unanswered calls that a connection may have; with more of them the oldest is given up. Those that servers leave
# unanswered by habit count too, so that this must be well over what is asked at the same time.
MOST_CALLS: Final = 256
_LONGEST_NAME: Final = 128

RESULTS: Final = frozenset({"_result", "_error"})
_NAMED_ANSWERS: Final = {
    "onFCPublish": "FCPublish",
    "onFCUnpublish": "FCUnpublish",
    "onFCSubscribe": "FCSubscribe",
    "onFCUnsubscribe": "FCUnsubscribe",
    "pong": "ping",
}
# Statuses that say how a call on their message stream went, and whether more of them may follow.
_PLAY: Final = frozenset({"play", "play2"})
_STATUS_ANSWERS: Final[dict[str, tuple[frozenset[str], bool]]] = {
    "NetStream.Publish.Start": (frozenset({"publish"}), False),
    "NetStream.Publish.BadName": (frozenset({"publish"}), False),
    "NetStream.Publish.Denied": (frozenset({"publish"}), False),
    "NetStream.Publish.Failed": (frozenset({"publish"}), False),
    "NetStream.Publish.Rejected": (frozenset({"publish"}), False),
    "NetStream.Record.NoAccess": (frozenset({"publish"}), False),
    "NetStream.Play.Reset": (_PLAY, True),
    "NetStream.Play.Start": (_PLAY, False),
    "NetStream.Play.Failed": (_PLAY, False),
    "NetStream.Play.StreamNotFound": (_PLAY, False),
    "NetStream.Play.FileStructureInvalid": (_PLAY, False),
    "NetStream.Play.NoSupportedTrackFound": (_PLAY, False),
    "NetStream.Failed": (_PLAY | {"publish"}, False),
    "NetStream.Pause.Notify": (frozenset({"pause", "pauseRaw", "pauseraw"}), False),
    "NetStream.Unpause.Notify": (frozenset({"pause", "pauseRaw", "pauseraw"}), False),
    "NetStream.Seek.Notify": (frozenset({"seek"}), False),
    "NetStream.Seek.Failed": (frozenset({"seek"}), False),
    "NetStream.Seek.InvalidTime": (frozenset({"seek"}), False),
}
_ASKS_FOR_STATUS: Final = frozenset(name for names, _ in _STATUS_ANSWERS.values() for name in names)
# Nobody need answer these, and many servers do not; that their answer is missing says nothing.
_SELDOM_ANSWERED: Final = frozenset(
    {"releaseStream", "FCPublish", "FCUnpublish", "FCSubscribe", "FCUnsubscribe", "closeStream", "deleteStream"}
    | {"initStream", "receiveAudio", "receiveVideo", "receiveVideoFPS", "pause", "pauseRaw", "pauseraw", "seek"}
    | {"getStreamLength", "getMovLen", "set_playlist", "playlist_ready", "_checkbw", "checkBandwidth", "close"}
    | {"pong", "secureTokenResponse", "bufferLength", "setBandwidthLimit", "startTransmit", "stopTransmit"}
)


@dataclass(slots=True)
class Call:
    """A command that may be answered."""

    sender: Sender
    message: int  # its number on the connection
    name: str
    transaction: float | None
    message_stream_id: int
    time: int  # when it was whole, ns since the epoch
    answered: bool = False

    @property
    def is_missed(self) -> bool:
        """Whether it is worth telling that no answer came."""
        if self.answered:
            return False
        if self.name in {"publish", "play"}:
            return True
        return bool(self.transaction) and self.name not in _SELDOM_ANSWERED


@dataclass(slots=True)
class _Open:
    """The calls of one connection that have no answer yet, oldest first."""

    by_number: deque[Call] = field(default_factory=lambda: deque(maxlen=MOST_CALLS))
    by_name: dict[tuple[Sender, str], Call] = field(default_factory=dict)
    by_status: deque[Call] = field(default_factory=lambda: deque(maxlen=MOST_CALLS))


class Transactions:
    """An observer: pairs answers with calls."""

    types = FAMILIES["command"]

    def __init__(self) -> None:
        self._connections: dict[int, _Open] = {}

    def unanswered(self, connection: int) -> list[Call]:
        """The calls of a connection that want an answer and have none so far, in order; at most the latest 512."""
        calls = self._connections.get(connection)
        if calls is None:
            return []
        found = {call.message: call for call in (*calls.by_number, *calls.by_status)}
        return [found[number] for number in sorted(found) if found[number].is_missed]

    def forget(self, connection: int) -> None:
        self._connections.pop(connection, None)

    def see(self, event: Event) -> Iterable[Finding]:
        if isinstance(event, Message) and isinstance(body := event.body, Command) and body.name:
            calls = self._connections.setdefault(event.connection, _Open())
            call = _answered(calls, event, body)
            if call is not None:
                call.answered = True
                event.notes = event.notes or Notes()
                event.notes.response_to, event.notes.answers = call.message, call.name
                event.notes.latency = event.last.time - call.time
            elif body.name not in RESULTS and body.name not in _NAMED_ANSWERS:
                _remember(calls, event, body)
        return ()


def _remember(calls: _Open, message: Message, body: Command) -> None:
    name = body.name[:_LONGEST_NAME]
    number = message.message_stream_id
    call = Call(message.sender, message.number, name, body.transaction, number, message.last.time)
    if body.name != "onStatus" and body.transaction is not None:
        calls.by_number.append(call)
    if name in _NAMED_ANSWERS.values():
        calls.by_name[call.sender, name] = call
    if name in _ASKS_FOR_STATUS and not (body.args and body.args[0] is False):  # publish(false) is an end
        calls.by_status.append(call)


def _answered(calls: _Open, message: Message, body: Command) -> Call | None:
    """The call that a command answers; it is then open no more."""
    asker = OTHER_SENDER[message.sender]
    if body.name in RESULTS:
        return _take_numbered(calls, asker, body.transaction)
    if body.name in _NAMED_ANSWERS:
        return calls.by_name.pop((asker, _NAMED_ANSWERS[body.name]), None)
    if body.name == "onStatus":
        return _take_stated(calls, asker, message.message_stream_id, status_code(body))
    return None


def _take_numbered(calls: _Open, asker: Sender, transaction: float | None) -> Call | None:
    for at in range(len(calls.by_number) - 1, -1, -1):
        call = calls.by_number[at]
        if call.sender == asker and _same(call.transaction, transaction):
            del calls.by_number[at]
            return call
    return None


def _same(one: float | None, other: float | None) -> bool:
    """NaN is a number like any other here: a server gives back the bytes that it got."""
    return one == other or (one is not None and other is not None and one != one and other != other)  # noqa: PLR0124


def _take_stated(calls: _Open, asker: Sender, message_stream_id: int, code: str) -> Call | None:
    names, more_follow = _STATUS_ANSWERS.get(code, (frozenset(), False))
    # Some servers (rtmpsrv) send statuses on message stream 0.
    for at in range(len(calls.by_status) - 1, -1, -1):
        call = calls.by_status[at]
        if call.sender == asker and call.name in names and message_stream_id in {call.message_stream_id, 0}:
            if not more_follow:
                del calls.by_status[at]
            return call
    return None


def information(values: Iterable[Value]) -> Object | None:
    """The information object among the values of an answer or a status (§7.2.2): the first that has a code.

    It is an argument; some servers (rtmpsrv) put it where the command object should be.
    """
    for value in values:
        if isinstance(value, Object) and isinstance(value.get("code"), str):
            return value
    return None


def status_code(body: Command) -> str:
    """`NetStream.Publish.Start`, or nothing."""
    info = information((*body.args, body.object))
    code = info.get("code") if info is not None else None
    return code if isinstance(code, str) else ""
