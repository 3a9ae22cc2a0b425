"""A chunk stream without a connection: bytes that are in no capture, as one side sent them.

Takes bytes as they come, gives the events of a session but for `Opened` and `Closed`. No packet brought them and nobody
knows when: connection, capture, packet and time of every event are 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin
from rtmpsniff.payload.types import FAMILIES, SET_PEER_BANDWIDTH, TYPE_NAMES, WINDOW_ACK_SIZE
from rtmpsniff.rtmp.chunk import read_header
from rtmpsniff.rtmp.direction import HANDSHAKE_SIZE, Direction
from rtmpsniff.rtmp.events import Event, Greeting, Message
from rtmpsniff.rtmp.handshake import VERSIONS, find_digest
from rtmpsniff.rtmp.passage import Chunk, Passage
from rtmpsniff.rtmp.recognition import GREETING
from rtmpsniff.rtmp.sizes import DEFAULT_CHUNK_SIZE
from rtmpsniff.rtmp.verdicts import Verdicts
from rtmpsniff.transport.connection import Connection, Sender
from rtmpsniff.transport.events import Piece

LONGEST_PIECE: Final = 1 << 16  # bytes that are read at a time, so that the budget is asked often enough

_NOWHERE: Final = Origin(0, 0, 0)
_NO_ADDRESSES: Final = bytes(12)
_CONNECT: Final = b"\x02\x00\x07connect"
_MOST_BEFORE_CONNECT: Final = 4  # messages; OBS announces its chunk size first
_SAID_BY_SERVERS: Final = frozenset({WINDOW_ACK_SIZE, SET_PEER_BANDWIDTH})  # before anything else


class LooseStream:
    """One side's bytes: `feed` it, then `end` it.

    `sender` says which side, where there is a handshake in front; without one (None) the first byte is that of a
    chunk header, and chunks are of `chunk_size` bytes until the stream says otherwise.
    """

    def __init__(self, chunk_size: int = DEFAULT_CHUNK_SIZE, sender: Sender | None = None) -> None:
        self._budget = Budget()
        self._direction = Direction(0, sender or "client", count(1), self._budget)
        connection = Connection(_NO_ADDRESSES, _NOWHERE, whole=True, plain={})
        self._flow = connection.from_server if sender == "server" else connection.from_client
        self._offset = 0
        self._verdicts = Verdicts()
        if sender is None:
            self._direction.begin_chunks(chunk_size)

    def __repr__(self) -> str:
        return f"<LooseStream {self._direction!r}>"

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take the next bytes."""
        for start in range(0, len(data), LONGEST_PIECE):
            part = data[start : start + LONGEST_PIECE]
            piece = Piece(self._flow, self._offset, part, [self._offset], [_NOWHERE])
            self._offset += len(part)
            yield from self._judged(self._direction.feed(piece))
            if self._budget.spent:
                yield from self._direction.give_way(_NOWHERE)

    def end(self) -> Iterator[Event]:
        """No more will come: what is unfinished is given as it is."""
        yield from self._judged(self._direction.end())

    def _judged(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            if isinstance(event, Greeting):
                yield from self._verdicts.judge(event)
            else:
                yield event


def decode_chunks(data: bytes, chunk_size: int = DEFAULT_CHUNK_SIZE) -> list[Event]:
    """Every event in the bytes that one side sent, with or without the handshake in front.

    Chunks (§5.3) are of `chunk_size` bytes, 1 to 2^31 - 1, until the stream says otherwise (§5.4.1); a stream that
    begins with a handshake (§5.2) begins with chunks of 128 bytes. There is no connection: its number, and all packets
    and times, are 0. Never raises: what cannot be read is `Undecoded`, with a `Finding` that says why.
    """
    stream = LooseStream(chunk_size, sender_of(data))
    return [*stream.feed(data), *stream.end()]


def sender_of(data: bytes) -> Sender | None:
    """Who sent bytes that begin with a handshake (§5.2), as far as they show it; None where they do not.

    Only a digest or what follows the handshake can tell C0 C1 C2 from S0 S1 S2; where neither does it is the client's.
    """
    if len(data) < GREETING or data[0] not in VERSIONS:
        return None
    packet = data[1:GREETING]
    for sender in ("client", "server"):
        if find_digest(packet, sender):
            return sender
    if len(data) > HANDSHAKE_SIZE:
        return _sender_behind(data, HANDSHAKE_SIZE)
    # C0 C1, or all of one side's handshake and nothing else; 03 may also begin a chunk header.
    first = read_header(data, 0)
    return None if first is not None and first.type_id in TYPE_NAMES else "client"


def _sender_behind(data: bytes, at: int) -> Sender | None:
    """Who sent the chunks from `at` on; None where these are none. Whoever says `connect` is the client."""
    start = at
    for _ in range(_MOST_BEFORE_CONNECT):
        header = read_header(data, at) if at < len(data) else None
        if header is None:
            break
        if header.format != 0 or header.type_id not in TYPE_NAMES or header.chunk_stream_id > 63:
            return None if at == start else "client"
        if header.type_id in _SAID_BY_SERVERS:
            return "server"
        if header.type_id in FAMILIES["command"]:
            body = data[at + header.size : at + header.size + len(_CONNECT) + 1]
            return "client" if _CONNECT in body or len(body) < len(_CONNECT) else "server"
        at += header.size + (header.length or 0)
    return "client"


def loose_message(
    type_id: int,
    payload: bytes,
    *,
    number: int = 1,
    offset: int = 0,
    header: bytes = b"",
    length: int | None = None,
    timestamp: int = 0,
    stream_id: int = 0,
) -> Message:
    """The body of a message that no chunk carried: `header` is whatever stood before it, from `offset` on.

    It is cut where `length` says that there was more of it.
    """
    return Message(
        connection=0,
        number=number,
        sender="client",
        chunk_stream_id=0,
        message_stream_id=stream_id,
        message_type_id=type_id,
        timestamp=timestamp,
        timestamp_certain=True,
        length=len(payload) if length is None else length,
        parts=(payload,),
        missing=(),
        came=Passage((Chunk(offset, header, len(payload)),), _NOWHERE, _NOWHERE),
        state="whole" if length is None or length == len(payload) else "cut",
    )
