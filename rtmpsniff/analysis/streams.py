"""What connections are for: the application, and the streams that are published or played, from beginning to end.

A message stream gets its number by createStream and its name by publish or play (§7.2.1.3, §7.2.2); a status says
whether it began, and many things end it. Media counts for the stream that its message stream carries at that time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.analysis.media import Flow, duration_of, inside
from rtmpsniff.analysis.transactions import RESULTS, information
from rtmpsniff.analysis.urls import DEFAULT_PORTS, disagreement, make_url, split_application
from rtmpsniff.findings import Finding
from rtmpsniff.payload.command import Command, Data
from rtmpsniff.payload.control import UserControl
from rtmpsniff.payload.types import AGGREGATE, FAMILIES, USER_CONTROL
from rtmpsniff.payload.values import Object, Value
from rtmpsniff.rtmp.events import Closed, Event, Message, Notes, Opened
from rtmpsniff.text import printable, quoted
from rtmpsniff.transport.connection import Sender
from rtmpsniff.transport.tcp import Endpoint

Action: TypeAlias = Literal["publish", "play"]
State: TypeAlias = Literal["asked", "started", "refused", "unseen"]

MOST_STREAMS: Final = 1000  # of a connection that are kept apart
MOST_CODES: Final = 16  # status codes that a stream keeps
LONGEST_NAME: Final = 2048
LONGEST_CODE: Final = 128
LONGEST_TEXT: Final = 512
LARGEST_CONNECT: Final = 65_536  # bytes of a connect whose object is kept

_NAMING: Final = {"releaseStream", "FCPublish", "FCUnpublish", "FCSubscribe", "FCUnsubscribe", "getStreamLength"}
_STARTED: Final = {"NetStream.Publish.Start", "NetStream.Play.Start", "NetStream.Record.Start"}
_REFUSED: Final = {
    "NetStream.Publish.BadName",
    "NetStream.Publish.Denied",
    "NetStream.Publish.Failed",
    "NetStream.Publish.Rejected",
    "NetStream.Record.NoAccess",
    "NetStream.Play.StreamNotFound",
    "NetStream.Play.Failed",
    "NetStream.Play.FileStructureInvalid",
    "NetStream.Play.NoSupportedTrackFound",
    "NetStream.Failed",
}
_ENDED: Final = {
    "NetStream.Unpublish.Success",
    "NetStream.Play.Stop",
    "NetStream.Play.Complete",
    "NetStream.Play.UnpublishNotify",
}


class Moment(NamedTuple):
    """When something happened: ns since the epoch, and the number of the message that said so (None: none did)."""

    time: int
    message: int | None = None


@dataclass(slots=True, eq=False)
class Stream:
    """A stream that was published or played on a message stream, or media of which nobody said what it is.

    `name` is None where neither publish nor play was captured; `action` then rests on a status, or on who sent the
    media. `type` is what the publisher asked for: live, record, append. `end` says in words what ended it. `flows` are
    its audio and video by message type, `aggregates` how many aggregate messages some of that came in, and of how many
    bytes.
    """

    key: int  # counts the streams of a connection from 1
    message_stream_id: int
    name: str | None
    action: Action
    type: str = ""
    state: State = "asked"
    asked: Moment | None = None
    answered: Moment | None = None  # when it was started or refused
    ended: Moment | None = None
    end: str = ""
    reason: str = ""  # of a refusal: the code and the description
    has_failed: bool = False  # an error ended it after it had started
    codes: list[str] = field(default_factory=list)  # the statuses that it got, in order, without repetitions
    flows: dict[int, Flow] = field(default_factory=dict)
    is_rest: bool = False  # of several streams, all that came when there were too many to keep apart
    aggregates: int = 0
    aggregate_bytes: int = 0

    def resume(self) -> None:
        """It goes on, if it was the server that had said it was over."""
        if self.end == "stream eof" or self.end in _ENDED:
            self.ended, self.end, self.has_failed = None, "", False

    def flow(self, kind: int) -> Flow:
        return self.flows.setdefault(kind, Flow(kind))

    def stop(self, moment: Moment, how: str) -> None:
        """It is over; what comes after that changes nothing."""
        if self.ended is None:
            self.ended, self.end = moment, how

    @property
    def duration(self) -> int:
        """Of its media in ms, by the timestamps."""
        return duration_of(self.flows.values())


@dataclass(slots=True, eq=False)
class Purpose:
    """What a connection is for."""

    client: Endpoint | None = None
    server: Endpoint | None = None
    connect: Object | None = None  # the command object of connect, unless it is very large
    arguments: tuple[Value, ...] = ()  # what came behind it
    app: str = ""
    tc_url: str = ""
    asked: Moment | None = None  # connect
    answered: Moment | None = None
    accepted: bool | None = None  # None: no answer was captured
    status: str = ""  # of the answer: NetConnection.Connect.Success
    description: str = ""
    redirect: str = ""  # where a refusal sends the client
    statuses: list[str] = field(default_factory=list)  # what the server said of the connection later
    scheme: str = "rtmp"
    streams: list[Stream] = field(default_factory=list)
    created: set[int] = field(default_factory=set)  # message streams that exist, as createStream was answered
    # Where audio and video are counted, by type, message stream and sender; begun anew with each stream.
    flows: dict[tuple[int, int, Sender], Flow] = field(default_factory=dict, repr=False)
    _live: dict[tuple[int, Action], Stream] = field(default_factory=dict, repr=False)
    _rest: dict[Action, Stream] = field(default_factory=dict, repr=False)  # what there is no room for

    @property
    def application(self) -> str:
        """`live` of `live/room?token=1`."""
        return split_application(self.app)[0]

    @property
    def instance(self) -> str:
        """`room` of `live/room?token=1`."""
        return split_application(self.app)[1]

    @property
    def url(self) -> str:
        """The URL of the application; empty where nothing is known of it."""
        return self.url_of("")

    @property
    def latency(self) -> int | None:
        """From connect to its answer, in ns."""
        return self.answered.time - self.asked.time if self.answered and self.asked else None

    @property
    def disagreement(self) -> str:
        """The path of tcUrl, where app names another application; else empty, and where either was cut."""
        is_cut = LONGEST_NAME in {len(self.tc_url), len(self.app)}
        return "" if is_cut else disagreement(self.tc_url, self.app)

    def url_of(self, name: str) -> str:
        """The URL of a stream of this name."""
        return make_url(self.scheme, self.tc_url, self.app, str(self.server or ""), name)

    def latest(self, message_stream_id: int) -> Stream | None:
        """The stream with a name that began last on a message stream."""
        named = (one for one in reversed(self.streams) if one.name is not None)
        return next((one for one in named if one.message_stream_id == message_stream_id), None)

    def live(self, message_stream_id: int, action: Action) -> Stream | None:
        """The stream that a message stream is published or played as."""
        return self._live.get((message_stream_id, action))

    def told(self, message_stream_id: int, code: str) -> Stream | None:
        """The stream that a status on a message stream is about; on number 0 (rtmpsrv) it is the latest."""
        actions: tuple[Action, ...] = ("publish", "play")
        if code.startswith("NetStream.Play."):
            actions = ("play",)
        elif code.startswith(("NetStream.Publish.", "NetStream.Unpublish.", "NetStream.Record.")):
            actions = ("publish",)
        for action in actions:
            if stream := self._live.get((message_stream_id, action)):
                return stream
        fitting = (one for one in reversed(self.streams) if one.action in actions)
        return next(fitting, None) if message_stream_id == 0 else None

    def begin(self, message_stream_id: int, action: Action, name: str, moment: Moment) -> Stream:
        """A stream is published or played from here on."""
        before = self.live(message_stream_id, action)
        if before is not None and before.state != "refused":
            before.stop(moment, f"another {action}")
        return self._add(message_stream_id, action, name, "asked", moment)

    def carrier(self, message_stream_id: int, sender: Sender) -> Stream:
        """The stream that media on a message stream is of.

        Number 0 is none of NetStream's; a server that sends its media there (Node-Media-Server 4) means the latest one.
        """
        action: Action = "publish" if sender == "client" else "play"
        stream = self._live.get((message_stream_id, action)) or self._rest.get(action)
        if stream is None and message_stream_id == 0:
            stream = next((one for one in reversed(self.streams) if one.action == action), None)
        return stream or self._add(message_stream_id, action, None, "unseen", None)

    def flow(self, message: Message) -> Flow:
        """Where an audio or video message is counted."""
        key = message.message_type_id, message.message_stream_id, message.sender
        flow = self.flows.get(key)
        if flow is None:
            flow = self.carrier(message.message_stream_id, message.sender).flow(message.message_type_id)
            if len(self.flows) < 2 * MOST_STREAMS:
                self.flows[key] = flow
        return flow

    def _add(self, number: int, action: Action, name: str | None, state: State, moment: Moment | None) -> Stream:
        self.flows.clear()
        stream = self._rest.get(action)
        if stream is None:
            stream = Stream(len(self.streams) + 1, number, name, action, state=state, asked=moment)
            self.streams.append(stream)
            if len(self.streams) > MOST_STREAMS:
                stream.name, stream.is_rest = None, True
                self._rest[action] = stream
        if not stream.is_rest or (number, action) in self._live:
            self._live[number, action] = stream
        return stream


class Streams:
    """An observer: keeps the `Purpose` of each connection. It must come behind `Transactions`, whose notes it reads.

    Media it is not shown; who wants to know what a stream carried hands it to `media`.
    """

    types = FAMILIES["command"] | FAMILIES["data"] | {USER_CONTROL}

    def __init__(self) -> None:
        self._purposes: dict[int, Purpose] = {}

    def of(self, connection: int) -> Purpose:
        """What is known of a connection so far."""
        purpose = self._purposes.get(connection)
        if purpose is None:
            purpose = self._purposes[connection] = Purpose()
        return purpose

    def forget(self, connection: int) -> None:
        self._purposes.pop(connection, None)

    def see(self, event: Event) -> Iterable[Finding]:
        if isinstance(event, Message):
            if event.message_type_id in self.types:
                _Reader(self.of(event.connection), event).read()
        elif isinstance(event, Opened):
            purpose = self.of(event.connection)
            purpose.client, purpose.server = event.client, event.server
        elif isinstance(event, Closed):
            self._close(event)
        return ()

    def _close(self, event: Closed) -> None:
        purpose = self.of(event.connection)
        if event.variant in DEFAULT_PORTS:
            purpose.scheme = event.variant
        how = f"{event.reason} by the {event.closer}" if event.closer else event.reason
        for stream in purpose.streams:
            if stream.state != "refused":
                stream.stop(Moment(event.ended.time), how)

    def media(self, message: Message) -> None:
        """Count an audio, video or aggregate message for the stream that it is of."""
        purpose = self.of(message.connection)
        if message.message_type_id != AGGREGATE:
            purpose.flow(message).count(message)
            return
        stream = purpose.carrier(message.message_stream_id, message.sender)
        stream.aggregates += 1
        stream.aggregate_bytes += message.length
        if message.state == "whole":
            for kind, payload, timestamp in inside(message):
                stream.flow(kind).count_inside(payload, timestamp)

    def belongs(self, message: Message, name: str) -> bool:
        """Whether a message is of the stream called `name`: on its message stream, or a command that names it."""
        body = message.body if message.message_type_id in FAMILIES["command"] else None
        if isinstance(body, Command) and body.name in _NAMING:
            return any(isinstance(arg, str) and same_stream(arg, name) for arg in body.args)
        number = message.message_stream_id
        if number == 0:
            return False
        # A number may be used again: the latest stream on it is the one that the message is of.
        latest = self.of(message.connection).latest(number)
        return latest is not None and same_stream(latest.name or "", name)


class Media:
    """An observer: shows the media of a run to `Streams`, for those who do not hand it over themselves."""

    types = FAMILIES["media"]

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def see(self, event: Event) -> Iterable[Finding]:
        if isinstance(event, Message):
            self._streams.media(event)
        return ()

    def forget(self, connection: int) -> None:
        """It keeps nothing of its own."""


class _Reader:
    """What one message does to the purpose of its connection."""

    def __init__(self, purpose: Purpose, message: Message) -> None:
        self.purpose = purpose
        self.message = message
        self.moment = Moment(message.last.time, message.number)

    def read(self) -> None:
        body = self.message.body
        if isinstance(body, Command):
            if self.message.sender == "client":
                self.request(body)
            else:
                self.reply(body)
        elif self.message.sender == "server":
            match body:
                case UserControl(event=event, message_stream_id=int(number)):
                    self.control(event, number)
                case Data(name="onStatus" | "onPlayStatus"):
                    self.status(information(body.args))

    # What the client asks for

    def request(self, body: Command) -> None:
        number, first = self.message.message_stream_id, body.args[0] if body.args else None
        match body.name:
            case "connect":
                self.connect(body)
            case "publish" | "play" if first is False:
                action: Action = "publish" if body.name == "publish" else "play"
                self.stop(number, (action,), f"{body.name}(false)")
            case "publish" if isinstance(first, str):
                kind = body.args[1] if len(body.args) > 1 else None
                self.begin("publish", first, kind if isinstance(kind, str) else "")
            case "play" if isinstance(first, str):
                self.begin("play", first)
            case "play2" if isinstance(first, Object) and isinstance(name := first.get("streamName"), str):
                self.begin("play", name)
            case "closeStream":
                self.stop(number, ("publish", "play"), body.name)
            case "deleteStream" if isinstance(first, float | int):
                self.delete(first)
            case "FCUnpublish" | "FCUnsubscribe" | "deleteStream" if isinstance(first, str):  # rtmp2sink deletes so
                self.stop_named(first, body.name)

    def connect(self, body: Command) -> None:
        purpose = self.purpose
        purpose.asked = self.moment
        if isinstance(body.object, Object):
            purpose.app = _text(body.object.get("app"))
            purpose.tc_url = _text(body.object.get("tcUrl"))
            if self.message.length <= LARGEST_CONNECT:
                purpose.connect, purpose.arguments = body.object, body.args
        if path := purpose.disagreement:
            self.remark(f"tcUrl names the application {quoted(path)}")

    def begin(self, action: Action, name: str, kind: str = "") -> None:
        stream = self.purpose.begin(self.message.message_stream_id, action, name[:LONGEST_NAME], self.moment)
        stream.type = kind[:LONGEST_NAME]

    def delete(self, number: float) -> None:
        if number == number and abs(number) < 1 << 32:  # noqa: PLR0124 - NaN is no number of a stream
            self.purpose.created.discard(int(number))
            self.stop(int(number), ("publish", "play"), "deleteStream")

    def stop(self, number: int, actions: Iterable[Action], how: str) -> None:
        for action in actions:
            if stream := self.purpose.live(number, action):
                stream.stop(self.moment, how)

    def stop_named(self, name: str, how: str) -> None:
        for stream in reversed(self.purpose.streams):
            if stream.name == name and stream.ended is None:
                stream.stop(self.moment, how)
                return

    # What the server says

    def reply(self, body: Command) -> None:
        info = information((*body.args, body.object))
        if body.name == "onStatus":
            self.status(info)
            return
        answers = self.message.notes.answers if self.message.notes else ""
        if body.name not in RESULTS or not answers:
            return
        if answers == "connect":
            self.connected(body.name == "_result", info)
        elif answers == "createStream" and body.name == "_result":
            self.created(body)
        elif answers in {"publish", "play"}:
            self.answered(answers, body, info)

    def connected(self, accepted: bool, info: Object | None) -> None:
        self.purpose.answered, self.purpose.accepted = self.moment, accepted
        if info is not None:
            self.purpose.status, self.purpose.description = _text(info.get("code")), _text(info.get("description"))
            extra = info.get("ex")
            if isinstance(extra, Object):
                self.purpose.redirect = _text(extra.get("redirect")) or _text(extra.get("redirect2"))

    def created(self, body: Command) -> None:
        number = next((arg for arg in body.args if isinstance(arg, float | int)), None)
        if number is not None and 0 <= number < 1 << 32 and len(self.purpose.created) < MOST_STREAMS:
            self.purpose.created.add(int(number))

    def answered(self, action: str, body: Command, info: Object | None) -> None:
        """An answer to publish or play by its transaction number, which is rare: most servers send a status."""
        stream = self.purpose.live(self.message.message_stream_id, "publish" if action == "publish" else "play")
        stream = stream or (self.purpose.streams[-1] if self.purpose.streams else None)
        if stream is None or stream.state != "asked":
            return
        stream.answered = self.moment
        stream.state = "refused" if body.name == "_error" else "started"
        if body.name == "_error" and info is not None:
            stream.reason = _told(info)

    def status(self, info: Object | None) -> None:
        """A status: of a stream, or of the connection."""
        code = _text(info.get("code"))[:LONGEST_CODE] if info is not None else ""
        if info is None or not code:
            return
        if code.startswith("NetConnection."):
            self.connection_status(code, info)
            return
        number = self.message.message_stream_id
        stream = self.purpose.told(number, code)
        if stream is None and code in _STARTED:  # the capture lacks what was asked
            stream = self.purpose.carrier(number, "server" if ".Play." in code else "client")
        if stream is not None:
            self.stream_status(stream, code, info)

    def stream_status(self, stream: Stream, code: str, info: Object) -> None:
        if code not in stream.codes and len(stream.codes) < MOST_CODES:
            stream.codes.append(code)
        is_error = code in _REFUSED or info.get("level") == "error"
        if code in _STARTED or code == "NetStream.Play.PublishNotify":
            stream.resume()
        if code in _STARTED:
            if stream.state != "started":
                stream.answered, stream.state, stream.reason = self.moment, "started", ""
        elif is_error and stream.state == "asked":
            stream.answered, stream.state, stream.reason = self.moment, "refused", _told(info)
        elif is_error or code in _ENDED:
            stream.has_failed |= is_error and stream.ended is None
            stream.stop(self.moment, _told(info) if is_error else code)

    def connection_status(self, code: str, info: Object) -> None:
        purpose = self.purpose
        if purpose.accepted is None and code.startswith("NetConnection.Connect."):
            purpose.accepted = code == "NetConnection.Connect.Success"
            purpose.status, purpose.description = code, _text(info.get("description"))
        elif code != purpose.status and len(purpose.statuses) < MOST_CODES:
            purpose.statuses.append(_told(info))

    def control(self, event: str, number: int) -> None:
        stream = self.purpose.live(number, "play")
        if stream is None:
            return
        if event == "stream_eof":
            stream.stop(self.moment, "stream eof")
        elif event == "stream_begin":
            stream.resume()

    def remark(self, text: str) -> None:
        notes = self.message.notes = self.message.notes or Notes()
        if text not in notes.remarks:  # a filter by stream has this class look at the same messages
            notes.remarks += (text,)


def same_stream(name: str, wanted: str) -> bool:
    """Whether a stream's name is the one asked for; its query (`?token=...`) need not be named."""
    return wanted in {name, name.partition("?")[0]}


def _told(info: Object) -> str:
    """The code of an information object, and its description."""
    code, description = _text(info.get("code"))[:LONGEST_CODE], _text(info.get("description"))[:LONGEST_TEXT]
    return f"{printable(code)} {quoted(description)}" if description else printable(code)


def _text(value: Value) -> str:
    return value[:LONGEST_NAME] if isinstance(value, str) else ""
