"""From a message's type and bytes to its body and fields. `decode` is total: any bytes give an answer.

`BODIES` is the place where a message type plugs in (RTMP 1.0 §5.4, §7.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from rtmpsniff.fields import Cursor, Field, Truncated, Unreadable, place_in
from rtmpsniff.findings import AMF_MALFORMED, BODY_MALFORMED, Finding, Rule, Severity, in_message
from rtmpsniff.payload import aggregate, audio, command, control, shared, types, video
from rtmpsniff.payload.aggregate import Aggregate
from rtmpsniff.payload.audio import Audio
from rtmpsniff.payload.command import Command, Data
from rtmpsniff.payload.control import (
    Abort,
    Acknowledgement,
    SetChunkSize,
    SetPeerBandwidth,
    UserControl,
    WindowAckSize,
)
from rtmpsniff.payload.shared import SharedObject
from rtmpsniff.payload.video import Video
from rtmpsniff.text import plural, printable


@dataclass(frozen=True, slots=True)
class Unknown:
    """A body that nobody reads: of a type without a reader, or broken so early that nothing is known of it."""

    data: bytes


Body: TypeAlias = (
    SetChunkSize
    | Abort
    | Acknowledgement
    | UserControl
    | WindowAckSize
    | SetPeerBandwidth
    | Audio
    | Video
    | Data
    | Command
    | SharedObject
    | Aggregate
    | Unknown
)


class Decoded(NamedTuple):
    """What `decode` gives. The fields lie side by side, in order, and cover every byte of the payload."""

    body: Body
    fields: tuple[Field, ...]
    findings: tuple[Finding, ...]


def _aggregate(read: Cursor, findings: list[Finding]) -> Aggregate:
    return aggregate.aggregate(read, findings, _decode_inside)


BODIES: Final[dict[int, Callable[[Cursor, list[Finding]], Body]]] = {
    types.SET_CHUNK_SIZE: control.set_chunk_size,
    types.ABORT: control.abort,
    types.ACKNOWLEDGEMENT: control.acknowledgement,
    types.USER_CONTROL: control.user_control,
    types.WINDOW_ACK_SIZE: control.window_ack_size,
    types.SET_PEER_BANDWIDTH: control.set_peer_bandwidth,
    types.AUDIO: audio.audio,
    types.VIDEO: video.video,
    types.DATA_AMF3: command.data_amf3,
    types.COMMAND_AMF3: command.command_amf3,
    types.DATA_AMF0: command.data,
    types.COMMAND_AMF0: command.command,
    types.SHARED_OBJECT_AMF0: shared.shared_object,
    types.SHARED_OBJECT_AMF3: shared.shared_object_amf3,
    types.AGGREGATE: _aggregate,
}

# What can be said of a body in which reading broke off; None is nothing.
SO_FAR: Final[dict[int, Callable[[Cursor], Body | None]]] = {
    types.USER_CONTROL: control.user_control_so_far,
    types.AUDIO: audio.audio_so_far,
    types.VIDEO: video.video_so_far,
    types.DATA_AMF3: command.data_so_far,
    types.COMMAND_AMF3: command.command_so_far,
    types.DATA_AMF0: command.data_so_far,
    types.COMMAND_AMF0: command.command_so_far,
    types.SHARED_OBJECT_AMF0: shared.shared_object_so_far,
    types.SHARED_OBJECT_AMF3: shared.shared_object_so_far,
    types.AGGREGATE: aggregate.aggregate_so_far,
}


def decode(type_id: int, payload: bytes) -> Decoded:
    """Read one message body (§5.4, §6.2, §7.1; audio and video by the FLV file format and Enhanced RTMP).

    `type_id` is the message type id, 0 to 255, `payload` the whole body without chunk headers. Fields have offsets in
    it; findings know neither connection nor time. Never raises: what cannot be read is an UNREAD field and a finding
    that says why, and a type that nobody reads gives `Unknown`.
    """
    if type_id == types.AUDIO and audio.is_plain_aac(payload):
        return _plain_aac(payload[0], len(payload))
    return _decode(type_id, payload)


@lru_cache(4096)
def _plain_aac(first: int, size: int) -> Decoded:
    """Half of all messages are these, and there is no more to say of them than their first byte and their size."""
    return _decode(types.AUDIO, bytes((first, 1)) + bytes(size - 2))


def _decode(type_id: int, payload: bytes) -> Decoded:
    reader = BODIES.get(type_id)
    if reader is None:
        return _not_read(payload, f"type {type_id}, not read")
    read = Cursor(payload)
    findings: list[Finding] = []
    try:
        body = reader(read, findings)
    except Unreadable as stop:
        body = _broken_off(read, findings, type_id, stop)
    if read.position < read.end:
        _left_over(read, findings)
    return Decoded(body, tuple(read.fields), tuple(findings))


def _decode_inside(type_id: int, payload: bytes) -> Decoded:
    """As `decode`, for the messages of an aggregate: an aggregate among them is not taken apart, so that it ends."""
    if type_id == types.AGGREGATE:
        return _not_read(payload, "an aggregate inside an aggregate, not read")
    return decode(type_id, payload)


def _not_read(payload: bytes, label: str) -> Decoded:
    read = Cursor(payload)
    read.rest("data", label=label)
    return Decoded(Unknown(payload), tuple(read.fields), ())


def _broken_off(read: Cursor, findings: list[Finding], type_id: int, stop: Unreadable) -> Body:
    so_far = SO_FAR.get(type_id)
    body = (so_far(read) if so_far else None) or Unknown(read.data)
    reason = stop.reason
    title = f"{_place(read, type_id, body, stop)}: {reason}"
    findings.append(in_message(_rule(type_id), _severity(stop), title, read.position, read.left, reason))
    read.rest("unread", label=reason)
    return body


def _left_over(read: Cursor, findings: list[Finding]) -> None:
    title = f"{plural(read.left, 'byte')} after the end of the body"
    findings.append(in_message(BODY_MALFORMED, Severity.NOTE, title, read.position, read.left, "left over"))
    read.rest("unread", label="after the end of the body")


def _place(read: Cursor, type_id: int, body: Body, stop: Unreadable) -> str:
    """Where in the format reading broke off: `connect > command object > tcUrl`."""
    name = body.name if isinstance(body, Command | Data) else ""
    path = [part for part in read.path if part]
    if not path and isinstance(stop, Truncated):
        path = [stop.name]
    return place_in([printable(name) or types.type_name(type_id), *path])


def _rule(type_id: int) -> Rule:
    is_amf = type_id in types.FAMILIES["command"] | types.FAMILIES["data"]
    return AMF_MALFORMED if is_amf else BODY_MALFORMED


def _severity(stop: Unreadable) -> Severity:
    """Bytes that ran out break a peer; what this program does not read may be read by others."""
    return Severity.ERROR if isinstance(stop, Truncated) else Severity.WARNING
