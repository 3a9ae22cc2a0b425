"""Is it RTMP? Decided by content, on any port; a hint lowers what is asked for.

Takes the first bytes of both directions, gives a verdict as soon as there can be one.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

from rtmpsniff.payload.types import TYPE_NAMES
from rtmpsniff.rtmp.chunk import read_header
from rtmpsniff.rtmp.evidence import Known, weigh
from rtmpsniff.rtmp.handshake import PACKET, VERSIONS, find_digest, reply_verdict
from rtmpsniff.text import printable
from rtmpsniff.transport.reassembly import Sender

Verdict: TypeAlias = Literal["rtmp", "foreign", "wait"]

GREETING: Final = 1 + PACKET  # C0 C1
ENOUGH: Final = 1 + 2 * PACKET + 18  # the whole handshake of one side and a header: more is never needed

_TEXT_PROTOCOLS: Final = (
    (re.compile(rb"(?:GET|POST|HEAD|PUT|OPTIONS|CONNECT|DELETE|PATCH) [^\r\n]* HTTP/1\.[01]"), "an HTTP request"),
    (re.compile(rb"HTTP/1\.[01] \d+[^\r\n]*"), "an HTTP response"),
    (re.compile(rb"[A-Z_]+ rtsps?://[^\r\n]*"), "an RTSP request"),
    (re.compile(rb"SSH-[^\r\n]*"), "SSH"),
)
_LONGEST_LINE: Final = 512
_A_MESSAGE: Final = 60.0  # bits
_NAMELESS: Final = "begins with "
_TLS_RECORDS: Final = {20: "change cipher spec", 21: "alert", 22: "handshake", 23: "application data"}


def recognize(client: bytes, server: bytes, hinted: bool) -> Verdict:
    """Judge a connection by the first bytes of its directions; `client` is the side taken for the client.

    With a hint (a port that the user named, or 1935, and a connection seen from its start) the version byte is enough.
    Without one the handshake must have its shape: C0 and C1 whole before the server answers with a version byte, or,
    where only one direction was captured, a message header right after the handshake.
    """
    first = client or server
    if not first:
        return "wait"
    if first[0] not in VERSIONS or (server and server[0] not in VERSIONS):
        return "foreign"
    if hinted:
        return "rtmp"
    if client and server:
        return "rtmp" if len(client) >= GREETING else "foreign"
    return _one_direction(first)


def _one_direction(data: bytes) -> Verdict:
    """C0 and C1 alone may wait for their answer; a whole handshake must go over into chunks."""
    start = 1 + 2 * PACKET
    if len(data) <= start:
        return "wait"
    header = read_header(data, start)
    if header is None:
        return "wait"
    return "rtmp" if header.format == 0 and header.type_id in TYPE_NAMES and header.chunk_stream_id < 64 else "foreign"


def begins_late(client: bytes, server: bytes) -> bool:
    """Whether what looks like C0 and C1, or S0 and S1, by its first byte is something that comes later.

    For a connection of which the SYN was not captured. C2 and S2 begin with the peer's time (§5.2.4), whose first byte
    may be 3; a message on chunk stream 3 does begin with it.
    """
    replies = _is_reply(client, server, "client") or _is_reply(server, client, "server")
    return replies or _is_message(client) or _is_message(server)


def _is_reply(data: bytes, peer: bytes, sender: Sender) -> bool:
    """Whether `data` begins with the C2 or S2 that answers the S1 or C1 behind the first byte of `peer`."""
    reply, question = data[:PACKET], peer[1:GREETING]
    if len(reply) < PACKET or len(question) < PACKET:
        return False
    digest = find_digest(question, "server" if sender == "client" else "client")
    return reply_verdict(reply, question, digest, sender, peer[0]) in {"signed", "echo"}


def _is_message(data: bytes) -> bool:
    """Whether `data` begins with a chunk header that states everything, and a body to match."""
    header = read_header(data, 0) if data else None
    if header is None or header.format > 0:
        return False
    return weigh(Known({}, None, None), None, header, data, header.size) >= _A_MESSAGE


def is_telling(data: bytes) -> bool:
    """Whether there is enough to name what is not RTMP: a line of text, or the first bytes of what is no text."""
    if len(data) < 8:
        return False
    is_text = data[:1].isalpha()
    return not is_text or len(data) >= _LONGEST_LINE or b"\n" in data


def name_protocol(data: bytes) -> tuple[Literal["tls", "unknown"], str]:
    """Name what is not RTMP, by its first bytes: for `variant`, and in words (safe to print)."""
    if len(data) >= 3 and data[0] in _TLS_RECORDS and data[1] == 3 and data[2] <= 4:
        return "tls", f"TLS ({_TLS_RECORDS[data[0]]} record): its sender takes this for rtmps://"
    for pattern, name in _TEXT_PROTOCOLS:
        match = pattern.match(data[:_LONGEST_LINE])
        if match:
            return "unknown", f"{name}: {printable(match[0].decode('latin-1'))[:120]}"
    return "unknown", f"{_NAMELESS}{data[:8].hex(' ')}"


def is_another_protocol(data: bytes) -> bool:
    """Whether bytes from the middle of a stream begin as no RTMP does: a TLS record, or a line of a text protocol."""
    variant, what = name_protocol(data)
    return variant != "unknown" or not what.startswith(_NAMELESS)
