"""What a capture comes down to: the events of its RTMP sessions, in the order in which they can be known.

`Opened`, then `Greeting`s and `Message`s and `Finding`s and `Undecoded` spans, then `Closed`, for each connection;
those of different connections interleave. Every event names its connection (counted from 1) and knows its packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.capture.packet import Origin
from rtmpsniff.fields import Field, Role
from rtmpsniff.findings import Finding
from rtmpsniff.payload.bodies import Body, Decoded, decode
from rtmpsniff.payload.types import type_name
from rtmpsniff.rtmp.passage import Chunk, Passage, Unbroken
from rtmpsniff.transport.connection import Sender
from rtmpsniff.transport.events import NEVER_CAPTURED, EndReason
from rtmpsniff.transport.tcp import Endpoint
from rtmpsniff.tunnel.inner import Tls

Variant: TypeAlias = Literal["rtmp", "rtmps", "rtmpe", "rtmpt", "rtmpts", "rtmpte", "rtmfp", "tls", "unknown"]
HandshakePart: TypeAlias = Literal["C0 C1", "S0 S1", "S2", "C2"]
State: TypeAlias = Literal["whole", "damaged", "aborted", "cut"]


def also(before: str, reason: str) -> str:
    """Why bytes are not there, where others were not for another reason."""
    return reason if before in {"", reason} else f"{before} or {reason}"


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection that carries RTMP, or was meant to."""

    connection: int
    client: Endpoint
    server: Endpoint
    origin: Origin
    whole: bool  # False: it was there before the capture began
    through: str = ""  # what carries it, where that is not TCP alone; safe to print


@dataclass(frozen=True, slots=True)
class Greeting:
    """A part of the handshake (§5.2)."""

    connection: int
    sender: Sender
    part: HandshakePart
    offset: int  # in the sender's stream
    data: bytes
    version: int | None  # of C0 and S0
    verdict: str  # C1, S1: "D8", "D772", "none"; C2, S2: "signed", "echo", "echo without time", "neither", "unseen"
    digest: tuple[int, int] | None  # the span in `data` of the digest or signature that was verified
    missing: tuple[tuple[int, int], ...]  # spans of `data` that are not there, zero instead
    first: Origin
    last: Origin
    missing_reason: str = NEVER_CAPTURED  # why they are not there


@dataclass(slots=True)
class Notes:
    """What only a memory of earlier messages can tell of one; `analysis` adds it, and it is inferred, not read."""

    response_to: int | None = None  # the number of the message that this one answers, on the same connection
    answers: str = ""  # the name of the command that it answers
    latency: int | None = None  # ns from that message's last packet to this one's
    remarks: tuple[str, ...] = ()  # in a person's words, safe to print; they stand behind what the message says


@dataclass(slots=True, eq=False)
class Message:
    """One message (§5.3), rebuilt from its chunks.

    Not frozen, and its body, chunks and packets are worked out when they are first asked for: on a capture of media
    that nobody looks into, that would take longer than all the rest of the work. Nothing changes a message once it has
    been made, but that `analysis` gives it notes.
    """

    connection: int
    number: int  # from 1, both directions of a connection together
    sender: Sender
    chunk_stream_id: int
    message_stream_id: int
    message_type_id: int
    timestamp: int  # ms, modulo 2^32
    timestamp_certain: bool  # False where it rests on a time that was never seen, or on a guess
    length: int  # as the header claims
    parts: Sequence[bytes | bytearray]  # the payload, as it came
    missing: tuple[tuple[int, int], ...]  # spans of the payload that are not there, zero instead
    came: Passage | Unbroken
    state: State
    missing_reason: str = NEVER_CAPTURED  # why they are not there
    notes: Notes | None = field(default=None, init=False)
    _last: Origin | None = field(default=None, init=False, repr=False)
    _payload: bytes | None = field(default=None, init=False, repr=False)
    _decoded: Decoded | None = field(default=None, init=False, repr=False)

    @property
    def payload(self) -> bytes:
        """The payload as far as it arrived; bytes that are not there are zero."""
        if self._payload is None:
            self._payload = b"".join(self.parts)
        return self._payload

    @property
    def decoded(self) -> Decoded:
        """Body, fields and findings of the payload, up to the first byte of it that is not there."""
        if self._decoded is None:
            if self.missing:
                self._decoded = _decode_damaged(
                    self.message_type_id, self.payload, self.missing[0][0], self.missing_reason
                )
            else:
                self._decoded = decode(self.message_type_id, self.payload)
        return self._decoded

    @property
    def body(self) -> Body:
        return self.decoded.body

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong inside the message, placed where the message is; nothing of one that did not come whole."""
        if self.state != "whole" or not self.decoded.findings:
            return ()
        return tuple(
            replace(
                finding,
                connection=self.connection,
                sender=self.sender,
                time=self.last.time,
                packet=self.last.packet,
                messages=(self.number,),
            )
            for finding in self.decoded.findings
        )

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        return self.came.chunks

    @property
    def first(self) -> Origin:
        """The least packet that brought bytes of it."""
        return self.came.first

    @property
    def last(self) -> Origin:
        """The greatest."""
        last = self._last
        if last is None:
            last = self._last = self.came.last
        return last

    @property
    def type(self) -> str:
        return type_name(self.message_type_id)

    @property
    def offset(self) -> int:
        """Of its first header byte in the sender's stream."""
        return self.chunks[0].offset

    @property
    def chunk_count(self) -> int:
        return sum(chunk.run for chunk in self.chunks)


def _decode_damaged(type_id: int, payload: bytes, hole: int, reason: str) -> Decoded:
    """Nothing behind a hole is read: no value may rest on bytes that are not there."""
    body, fields, _ = decode(type_id, payload[:hole])
    rest = Field("not read", hole, len(payload), None, f"behind bytes {reason}", Role.UNREAD)
    return Decoded(body, (*fields, rest), ())


@dataclass(frozen=True, slots=True)
class Undecoded:
    """Bytes of one direction that could not be decoded, or (`missing`) are not there to be.

    `finding` is the one that tells of these very bytes, where there is one.
    """

    connection: int
    sender: Sender
    offset: int
    length: int
    missing: int  # how many of them are not there
    reason: str
    first: Origin
    last: Origin
    broken_off: int | None = None  # payload bytes in it of messages told as cut; None where it held no others
    finding: Finding | None = None
    to_the_end: bool = False  # the way was looked for behind it, and not found again


@dataclass(frozen=True, slots=True)
class Secured:
    """A connection is TLS: what its handshake says in the clear, and whether it is decrypted (RTMPS)."""

    connection: int
    tls: Tls
    origin: Origin


@dataclass(frozen=True, slots=True)
class Exchange:
    """An HTTP request and its response that carried RTMP (RTMPT)."""

    connection: int
    method: str
    path: str  # with the session's id shortened
    status: int  # 0: no response was captured
    request_length: int  # of the body, in bytes
    response_length: int
    interval: int | None  # the byte before the RTMP bytes of the response
    first: Origin
    last: Origin


class Traffic(NamedTuple):
    """What TCP says of one direction; in bytes where it is not said otherwise."""

    bytes: int
    retransmitted_bytes: int
    out_of_order: int  # segments
    missing_bytes: int
    gaps: int  # holes
    missing_packets: int = 0  # at least so many brought what is missing
    cut_bytes: int = 0  # missing ones that the snapshot length cut away
    unacknowledged_bytes: int = 0  # missing ones that the receiver never confirmed: the network lost them
    conflicting_bytes: int = 0  # sent again as other ones


@dataclass(frozen=True, slots=True)
class Closed:
    """A connection is over, with its totals."""

    connection: int
    client: Endpoint
    server: Endpoint
    variant: Variant
    begun: Origin
    ended: Origin
    reason: EndReason
    closer: Sender | Literal[""]
    from_client: Traffic
    from_server: Traffic
    through: str = ""  # what carried it, where that was not TCP alone; safe to print
    tls: Tls | None = None


Event: TypeAlias = Opened | Greeting | Message | Finding | Undecoded | Secured | Exchange | Closed

OTHER_SENDER: Final[dict[Sender, Sender]] = {"client": "server", "server": "client"}
