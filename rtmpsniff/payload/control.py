"""Protocol control and user control messages: takes a cursor over the body, gives the body.

RTMP 1.0 §5.4, §6.2 and §7.1.7. These messages act on the chunk layer or report on it. Bodies shorter or longer than
specified are seen in use; where the rest still has a meaning it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

from rtmpsniff.fields import Cursor, Role
from rtmpsniff.findings import BODY_MALFORMED, CHUNK_SIZE_VALUE, Finding, Severity, in_message


@dataclass(frozen=True, slots=True)
class SetChunkSize:
    """§5.4.1: the sender's chunks hold up to this many payload bytes from here on. 0 is invalid and changes nothing."""

    chunk_size: int  # 31 bits


@dataclass(frozen=True, slots=True)
class Abort:
    """§5.4.2: the message begun on this chunk stream will not be finished."""

    chunk_stream_id: int


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """§5.4.3: the sender has received this many bytes so far, modulo 2^32."""

    sequence_number: int


@dataclass(frozen=True, slots=True)
class WindowAckSize:
    """§5.4.4: the sender expects an Acknowledgement each time that it has sent this many bytes."""

    window: int


@dataclass(frozen=True, slots=True)
class SetPeerBandwidth:
    """§5.4.5: the receiver is to limit the bytes it sends unacknowledged.

    `limit_type` is `hard`, `soft`, `dynamic`, `unknown_N`, or None where the byte is missing.
    """

    window: int
    limit_type: str | None = None


@dataclass(frozen=True, slots=True)
class UserControl:
    """§6.2, §7.1.7: an event by name and number, and those of the attributes that it has; the others are None.

    `stream_begin`, `stream_eof`, `stream_dry`, `stream_is_recorded`, `buffer_empty` and `buffer_ready` have
    `message_stream_id`; `set_buffer_length` has that and `buffer_length` (ms); the pings have `timestamp` (ms).
    `values` are the first 32-bit integers of an event that nobody described, `data` all that is said after its number.
    `swf_verify_request` has `version`, or nothing; `swf_verify_response` has that, `swf_size` (bytes of the file when
    inflated) and `swf_digest` (see `rtmpsniff.payload.swf`). It says the first two twice, which should be the same.
    """

    event: str
    event_id: int
    message_stream_id: int | None = None
    buffer_length: int | None = None
    timestamp: int | None = None
    version: int | None = None  # of the SWF verification
    swf_version_again: int | None = None
    swf_size: int | None = None
    swf_size_again: int | None = None
    swf_digest: bytes | None = None
    sync_id: int | None = None
    flow_count: int | None = None
    server_keepalive: int | None = None  # milliseconds
    peer_keepalive: int | None = None  # milliseconds
    values: tuple[int, ...] | None = None
    data: bytes | None = None


LIMIT_TYPES: Final = {0: "hard", 1: "soft", 2: "dynamic"}

SMALLEST_USUAL: Final = 128  # SRS refuses less
LARGEST_USUAL: Final = 65_536  # SRS warns of more
LARGEST_SERVED: Final = 10_485_760  # nginx-rtmp closes the connection over more, mediamtx too

_MAX_WORDS: Final = 16  # of an undescribed event, shown as integers


def set_chunk_size(read: Cursor, findings: list[Finding]) -> SetChunkSize:
    """Read a Set Chunk Size; odd sizes are findings, since it is receivers that break on them."""
    raw = int.from_bytes(read.take("chunk size", 4), "big")
    size = raw & 0x7FFFFFFF  # §5.4.1: the first bit must be zero
    read.add("chunk size", read.position - 4, size, str(size) if size == raw else f"{size}, bit 31 set", Role.LENGTH)
    if size != raw:
        _judge(findings, Severity.WARNING, f"Set Chunk Size {size} with bit 31 set, which must be zero")
    if size == 0:
        _judge(findings, Severity.ERROR, "Set Chunk Size 0 is invalid; the old size stays")
    elif size < SMALLEST_USUAL:
        _judge(findings, Severity.WARNING, f"Chunk size {size} is under {SMALLEST_USUAL}: SRS refuses it")
    elif size > LARGEST_SERVED:
        _judge(findings, Severity.WARNING, f"Chunk size {size} is over 10 MiB: nginx-rtmp and mediamtx refuse it")
    elif size > LARGEST_USUAL:
        _judge(findings, Severity.NOTE, f"Chunk size {size} is over {LARGEST_USUAL}: SRS warns of it")
    return SetChunkSize(size)


def _judge(findings: list[Finding], severity: Severity, title: str) -> None:
    findings.append(in_message(CHUNK_SIZE_VALUE, severity, title, 0, 4, "chunk size"))


def abort(read: Cursor, _findings: list[Finding]) -> Abort:
    """Read an Abort Message."""
    return Abort(read.u32("chunk stream id", Role.STREAM_ID))


def acknowledgement(read: Cursor, _findings: list[Finding]) -> Acknowledgement:
    """Read an Acknowledgement."""
    return Acknowledgement(read.u32("sequence number"))


def window_ack_size(read: Cursor, _findings: list[Finding]) -> WindowAckSize:
    """Read a Window Acknowledgement Size."""
    return WindowAckSize(read.u32("acknowledgement window size", Role.LENGTH))


def set_peer_bandwidth(read: Cursor, findings: list[Finding]) -> SetPeerBandwidth:
    """Read a Set Peer Bandwidth; librtmp accepts one without its last byte, so somebody sends it."""
    window = read.u32("acknowledgement window size", Role.LENGTH)
    if not read.left:
        title, place = "Set Peer Bandwidth without a limit type", "here the limit type should stand"
        findings.append(in_message(BODY_MALFORMED, Severity.NOTE, title, read.position, 0, place))
        return SetPeerBandwidth(window)
    limit = read.enum("limit type", 1, LIMIT_TYPES)
    return SetPeerBandwidth(window, LIMIT_TYPES.get(limit, f"unknown_{limit}"))


def user_control(read: Cursor, findings: list[Finding]) -> UserControl:
    """Read a user control message by the table of events."""
    event_id = int.from_bytes(read.take("event type", 2), "big")
    event = EVENTS.get(event_id) or Event(f"unknown_{event_id}", _undescribed)
    read.add("event type", read.position - 2, event_id, f"{event_id} {event.name}", Role.TYPE)
    body = event.read(read, event.name, event_id)
    findings += _oddities(body)
    return body


def _oddities(body: UserControl) -> Iterator[Finding]:
    """What is readable in an event, and wrong."""
    if body.event_id == 5 and len(body.data or b"") == 4:
        title = "User control event 5 is unassigned: with four bytes perhaps a ping, whose number is 6, off by one"
        yield in_message(BODY_MALFORMED, Severity.NOTE, title, 0, 2, "event type")
    if body.version != body.swf_version_again is not None:
        title = f"SWF verification says two versions, {body.version} and {body.swf_version_again}"
        yield in_message(BODY_MALFORMED, Severity.WARNING, title, 2, 2, "versions")
    if body.swf_size != body.swf_size_again:
        title = f"SWF verification says two sizes, {body.swf_size} and {body.swf_size_again}"
        yield in_message(BODY_MALFORMED, Severity.WARNING, title, 4, 8, "SWF sizes")


def user_control_so_far(read: Cursor) -> UserControl | None:
    """The event, if its number was there, of a user control message that breaks off, and what was read of it."""
    if not read.fields:
        return None
    start = read.fields[0].stop
    event_id = int.from_bytes(read.data[start - 2 : start], "big")
    told = {_TOLD[field.name]: cast("Any", field.value) for field in read.fields[1:]}
    # An event that is not in the table never breaks off.
    return UserControl(EVENTS[event_id].name, event_id, data=read.data[start : read.end], **told)


# Fields behind which a user control message may break off, and the attributes that have their values.
_TOLD: Final = {
    "message stream id": "message_stream_id",
    "version": "version",
    "version again": "swf_version_again",
    "SWF size": "swf_size",
    "SWF size again": "swf_size_again",
    "sync id": "sync_id",
    "server keepalive period": "server_keepalive",
}


def _message_stream(read: Cursor, event: str, event_id: int) -> UserControl:
    return UserControl(event, event_id, message_stream_id=_stream_id(read))


def _set_buffer_length(read: Cursor, event: str, event_id: int) -> UserControl:
    stream_id = _stream_id(read)
    return UserControl(event, event_id, stream_id, buffer_length=_milliseconds(read, "buffer length"))


def _ping(read: Cursor, event: str, event_id: int) -> UserControl:
    return UserControl(event, event_id, timestamp=_milliseconds(read, "timestamp"))


def _swf_verify_request(read: Cursor, event: str, event_id: int) -> UserControl:
    version = read.u8("version") if read.left else None  # Red5 sends none
    return UserControl(event, event_id, version=version)


def _swf_verify_response(read: Cursor, event: str, event_id: int) -> UserControl:
    return UserControl(
        event,
        event_id,
        version=read.u8("version"),
        swf_version_again=read.u8("version again"),
        swf_size=read.u32("SWF size", Role.LENGTH, label="{} bytes"),
        swf_size_again=read.u32("SWF size again", Role.LENGTH, label="{} bytes"),
        swf_digest=read.raw("SWF digest", 32, Role.DIGEST),
    )


def _flow_sync(read: Cursor, event: str, event_id: int) -> UserControl:
    sync_id = read.u32("sync id")
    return UserControl(event, event_id, sync_id=sync_id, flow_count=read.u32("flow count"))


def _set_keepalive(read: Cursor, event: str, event_id: int) -> UserControl:
    server = _milliseconds(read, "server keepalive period")
    peer = _milliseconds(read, "peer keepalive period")
    return UserControl(event, event_id, server_keepalive=server, peer_keepalive=peer)


def _undescribed(read: Cursor, event: str, event_id: int) -> UserControl:
    data = read.data[read.position : read.end]
    values = tuple(read.u32(f"value {number + 1}") for number in range(min(read.left // 4, _MAX_WORDS)))
    read.rest("event data", label="not described anywhere")
    return UserControl(event, event_id, values=values, data=data)


def _stream_id(read: Cursor) -> int:
    return read.u32("message stream id", Role.STREAM_ID)


def _milliseconds(read: Cursor, name: str) -> int:
    return read.u32(name, Role.TIMESTAMP, label="{} ms")


class Event(NamedTuple):
    """A user control event: its name and what reads its data."""

    name: str
    read: Callable[[Cursor, str, int], UserControl]


EVENTS: Final = {
    0: Event("stream_begin", _message_stream),
    1: Event("stream_eof", _message_stream),
    2: Event("stream_dry", _message_stream),
    3: Event("set_buffer_length", _set_buffer_length),
    4: Event("stream_is_recorded", _message_stream),
    5: Event("unknown_5", _undescribed),  # unassigned; a HaishinKit version and Harmonic number the pings 5 and 6
    6: Event("ping_request", _ping),
    7: Event("ping_response", _ping),
    26: Event("swf_verify_request", _swf_verify_request),  # 26 to 32: Flash Media Server, in no specification
    27: Event("swf_verify_response", _swf_verify_response),
    31: Event("buffer_empty", _message_stream),
    32: Event("buffer_ready", _message_stream),
    34: Event("flow_sync", _flow_sync),  # RFC 7425 §5.2, RTMFP alone
    41: Event("set_keepalive", _set_keepalive),  # RFC 7425 §5.3.4, RTMFP alone
}
