"""The library: what a capture holds, for programs.

    for message in rtmpsniff.messages("talk.pcap"):
        if isinstance(message.body, rtmpsniff.Command):
            print(message.connection, message.sender, message.body.name)

`events` and `messages` read as they go and keep nothing. `connections` collects, so it holds all messages in memory.
Times are in nanoseconds since the epoch, timestamps in milliseconds, offsets in bytes from 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from os import PathLike, fspath

from rtmpsniff.capture.files import read
from rtmpsniff.dissect import Dissection
from rtmpsniff.findings import Finding
from rtmpsniff.rtmp.events import Closed, Event, Exchange, Greeting, Message, Opened, Secured, Undecoded


@dataclass(slots=True)
class Connection:
    """One connection with all that happened on it, in order. `closed` is None only while it is being collected."""

    opened: Opened
    greetings: list[Greeting] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    undecoded: list[Undecoded] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)  # HTTP that carried it
    secured: Secured | None = None  # what its TLS handshake says
    closed: Closed | None = None

    @property
    def number(self) -> int:
        return self.opened.connection


def events(*sources: str | PathLike[str], ports: Collection[int] = ()) -> Iterator[Event]:
    """Every event of the RTMP sessions in capture files (several are read as one, in the order of time).

    "-" is standard input. `ports` are TCP ports that carry RTMP; without them it is found by content, and by port 1935.
    Raises `rtmpsniff.UserError`, one line, for a file that cannot be read.
    """
    with read([fspath(source) for source in sources]) as captures:
        yield from Dissection(captures, ports)


def messages(*sources: str | PathLike[str], ports: Collection[int] = ()) -> Iterator[Message]:
    """The messages alone; see `events`."""
    for event in events(*sources, ports=ports):
        if isinstance(event, Message):
            yield event


def connections(*sources: str | PathLike[str], ports: Collection[int] = ()) -> list[Connection]:
    """Every connection with its messages, in the order in which they were seen; see `events`."""
    found: dict[int, Connection] = {}
    for event in events(*sources, ports=ports):
        match event:
            case Opened():
                found[event.connection] = Connection(event)
            case Greeting():
                found[event.connection].greetings.append(event)
            case Message():
                found[event.connection].messages.append(event)
            case Finding():
                found[event.connection].findings.append(event)
            case Undecoded():
                found[event.connection].undecoded.append(event)
            case Exchange():
                found[event.connection].exchanges.append(event)
            case Secured():
                found[event.connection].secured = event
            case Closed():
                found[event.connection].closed = event
    return list(found.values())
