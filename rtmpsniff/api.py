"""The library: what a capture holds, for programs.

    for message in rtmpsniff.messages("talk.pcap"):
        if isinstance(message.body, rtmpsniff.Command):
            print(message.connection, message.sender, message.body.name)

`events` and `messages` read as they go and keep nothing. `connections` collects, so it holds all messages in memory.
Times are in nanoseconds since the epoch, timestamps in milliseconds, offsets in bytes from 0.

What only the messages before it can tell of a message stands in its `notes`, which are None for most: for an answer the
number and the name of the command that it answers and how long that took, and remarks in words.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath

from rtmpsniff.analysis.authentication import Proof
from rtmpsniff.analysis.handshake import Handshake
from rtmpsniff.analysis.masking import Masking
from rtmpsniff.analysis.peers import Peer
from rtmpsniff.analysis.record import Record
from rtmpsniff.analysis.selection import Selection
from rtmpsniff.analysis.shared_objects import SharedObjectState
from rtmpsniff.analysis.streams import Purpose, Stream
from rtmpsniff.analysis.transactions import Call
from rtmpsniff.capture.files import can_be_read_twice, read
from rtmpsniff.capture.growing import GrowingFile
from rtmpsniff.dissect import Dissection
from rtmpsniff.findings import Finding
from rtmpsniff.output.export import Export, Payload, schema_text
from rtmpsniff.rtmp.events import Closed, Event, Exchange, Greeting, Message, Opened, Secured, Undecoded
from rtmpsniff.transport.connection import Sender
from rtmpsniff.tunnel.keylog import KeyLog


@dataclass(slots=True)
class Connection:
    """One connection with all that happened on it, in order. `closed` is None only while it is being collected.

    `purpose` is what it was for, from the commands: application, instance, URL, how connect was answered. `proof` is
    what it had to prove: its step in an authentication, and tokens. `unanswered` are calls that wanted an answer and
    got none. `shared_objects` are as they were at the end, by name. `handshake` sums the greetings up. `peers` says who
    seems to be at the two ends, which is inferred.
    """

    opened: Opened
    greetings: list[Greeting] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    undecoded: list[Undecoded] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)  # HTTP that carried it
    secured: Secured | None = None  # what its TLS handshake says
    closed: Closed | None = None
    purpose: Purpose = field(default_factory=Purpose)
    proof: Proof = field(default_factory=Proof)
    unanswered: list[Call] = field(default_factory=list)
    shared_objects: dict[str, SharedObjectState] = field(default_factory=dict)
    handshake: Handshake = field(default_factory=Handshake)
    peers: dict[Sender, Peer] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """From 1; every event of the connection bears it."""
        return self.opened.connection

    @property
    def application(self) -> str:
        """As `live`, without instance and query; empty where no connect was captured."""
        return self.purpose.application

    @property
    def url(self) -> str:
        """Of the application, as `rtmp://example.com/live`; `purpose.url_of(name)` is that of a stream."""
        return self.purpose.url

    @property
    def streams(self) -> list[Stream]:
        """What was published and played, in order, with its media."""
        return self.purpose.streams


def events(
    *sources: str | PathLike[str], ports: Collection[int] = (), keylog: str | PathLike[str] | None = None
) -> Iterator[Event]:
    """Every event of the RTMP sessions in capture files (several are read as one, in the order of time).

    "-" is standard input. `ports` are TCP ports that carry RTMP; without them it is found by content, and by port 1935.
    `keylog` is an NSS key log with the secrets of TLS connections (RTMPS), read on as it grows while a capture comes
    through a pipe; secrets inside a pcapng are read anyway. Raises `rtmpsniff.UserError`, one line, for a file that
    cannot be read.
    """
    names = [fspath(source) for source in sources]
    with read(names) as captures:
        yield from Dissection(captures, ports, keys=_keys(keylog, names))


def _keys(keylog: str | PathLike[str] | None, sources: Sequence[str]) -> KeyLog:
    keys = KeyLog()
    if keylog is not None:
        file = GrowingFile(fspath(keylog))
        keys.add_blocks(file.blocks())
        keys.growing.append(file.lines)
    if not can_be_read_twice(sources):
        keys.follow()
    return keys


def messages(
    *sources: str | PathLike[str], ports: Collection[int] = (), keylog: str | PathLike[str] | None = None
) -> Iterator[Message]:
    """The messages alone, in the order in which they were complete; arguments and errors are those of `events`."""
    for event in events(*sources, ports=ports, keylog=keylog):
        if isinstance(event, Message):
            yield event


def connections(
    *sources: str | PathLike[str], ports: Collection[int] = (), keylog: str | PathLike[str] | None = None
) -> list[Connection]:
    """Every connection with its messages, in the order in which they were seen; all of it is in memory.

    Arguments and errors are those of `events`.
    """
    names = [fspath(source) for source in sources]
    with read(names) as captures:
        return _collect(Dissection(captures, ports, media=True, keys=_keys(keylog, names)))


def records(
    *sources: str | PathLike[str],
    ports: Collection[int] = (),
    payload: Payload = "none",
    fields: bool = False,
    include_secrets: bool = False,
    keylog: str | PathLike[str] | None = None,
) -> Iterator[Record]:
    """What `rtmpsniff export --format ndjson` writes, a dictionary a line; see `schema` for the names.

    Times are `Decimal`. Secrets are masked: files are read twice, "-" once (the header's `masking` says `streamed`).
    `payload` "head" or "all" brings bytes of media in base64, `fields` the tree of each message; `ports`, `keylog` and
    errors are those of `events`.
    """
    names = [fspath(source) for source in sources]
    masking = Masking("shown" if include_secrets else "masked" if can_be_read_twice(names) else "streamed")
    keys = _keys(keylog, names)
    if masking.how == "masked":
        with read(names) as captures:
            for event in Dissection(captures, ports, keys=keys).bare():
                masking.learn(event)
    with read(names) as captures:
        run = Dissection(captures, ports, media=True, keys=keys)
        yield from Export(run, captures.files, masking, payload, fields=fields).records(Selection(), lambda: None)


def schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of the records, and of the document that `rtmpsniff export` makes of them."""
    made: dict[str, object] = json.loads(schema_text())
    return made


def _collect(run: Dissection) -> list[Connection]:
    found: dict[int, Connection] = {}
    for event in run:
        number = event.connection
        match event:
            case Opened():
                found[number] = Connection(event)
                found[number].purpose = run.conversation.streams.of(number)
                found[number].proof = run.conversation.authentication.of(number)
            case Greeting():
                found[number].greetings.append(event)
            case Message():
                found[number].messages.append(event)
            case Finding():
                found[number].findings.append(event)
            case Undecoded():
                found[number].undecoded.append(event)
            case Exchange():
                found[number].exchanges.append(event)
            case Secured():
                found[number].secured = event
            case Closed():
                found[number].closed = event
                found[number].unanswered = run.conversation.transactions.unanswered(number)
                found[number].shared_objects = dict(run.conversation.shared_objects.objects(number))
                found[number].handshake = run.conversation.handshakes.of(number)
                found[number].peers = run.conversation.peers.of(number)
    return list(found.values())
