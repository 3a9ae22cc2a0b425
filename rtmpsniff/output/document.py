"""A summary as one document, by the names that the exports use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rtmpsniff.analysis.authentication import Proof
from rtmpsniff.analysis.handshake import Handshake
from rtmpsniff.analysis.lost import lost_messages
from rtmpsniff.analysis.media import Flow, Track
from rtmpsniff.analysis.peers import Peer
from rtmpsniff.analysis.record import in_json
from rtmpsniff.analysis.streams import Purpose, Stream
from rtmpsniff.analysis.summary import ConnectionSummary, Summary, Tally
from rtmpsniff.capture.files import CaptureFile
from rtmpsniff.output.overview import largest
from rtmpsniff.payload.types import AUDIO, VIDEO, type_name
from rtmpsniff.payload.video import Video, VideoTrack
from rtmpsniff.tunnel.inner import Tls


def document(
    files: Iterable[CaptureFile], summary: Summary, others: tuple[int, int], top: int | None = None
) -> dict[str, Any]:
    """The summary as values for JSON, by the names that the exports use."""
    return {
        "captures": list(map(capture_record, files)),
        "connections": [_connection(connection) for connection in largest(list(summary.connections.values()), top)],
        "messages": [
            {
                "type_id": number,
                "type": type_name(number),
                "sender": sender,
                "count": tally.messages,
                "bytes": tally.bytes,
            }
            for (number, sender), tally in sorted(summary.totals().items())
        ],
        "other_connections": others[0],
        "other_packets": others[1],
        **({"silent_connections": summary.silent} if summary.silent else {}),
    }


def capture_record(file: CaptureFile) -> dict[str, Any]:
    """A file and what was read of it."""
    return {
        "file": file.file,
        "format": file.format,
        "packets": file.packets,
        "bytes": file.bytes,
        "first_time": None if file.first_time is None else str(file.first_time),
        "last_time": None if file.last_time is None else str(file.last_time),
        "truncated": file.truncated,
        **({} if file.dropped is None else {"dropped": file.dropped}),
        **_backward(file),
    }


def _backward(file: CaptureFile) -> dict[str, Any]:
    """The largest step back of its times, however small."""
    if file.backward is None:
        return {}
    packet, distance = file.backward
    return {"backward": {"packet": packet, "nanoseconds": str(distance)}}


def _connection(connection: ConnectionSummary) -> dict[str, Any]:
    opened, closed = connection.opened, connection.closed
    traffic = {"client": closed.from_client, "server": closed.from_server} if closed else {}
    return {
        "id": opened.connection,
        "variant": closed.variant if closed else "unknown",
        "client": opened.client._asdict(),
        "server": opened.server._asdict(),
        "end_reason": closed.reason if closed else None,
        "closer": (closed.closer or None) if closed else None,
        **purpose_record(connection.purpose),
        **proof_record(connection.proof),
        "handshake": handshake_record(connection.handshake),
        "peers": {sender: peer_record(peer) for sender, peer in connection.peers.items()},
        "streams": [stream_record(stream, connection.purpose) for stream in connection.purpose.streams],
        "shared_objects": [{"name": in_json(name), "attributes": n} for name, n in connection.shared_objects.items()],
        "unanswered": [{"n": call.message, "name": in_json(call.name)} for call in connection.unanswered],
        **({"tls": tls_record(closed.tls)} if closed and closed.tls else {}),
        **({"through": closed.through} if closed and closed.through else {}),
        "tcp": {sender: figures._asdict() for sender, figures in traffic.items()},
        "messages": {
            f"{type_name(number)}": {"count": tally.messages, "bytes": tally.bytes}
            for (number, _), tally in sorted(_by_type(connection).items())
        },
        "incomplete": _by_state(connection),
        "lost_messages": {sender: lost._asdict() for sender, lost in lost_messages(connection).items()},
        "undecoded": [
            {
                "sender": span.sender,
                "offset": span.offset,
                "length": span.length,
                "missing": span.missing,
                "reason": span.reason,
            }
            for span in connection.undecoded
        ],
        "findings": [
            {"check": finding.rule.code, "severity": finding.severity.value, "title": finding.title}
            for finding in connection.findings
        ],
    }


def tls_record(tls: Tls) -> dict[str, Any]:
    """What is known of TLS around a connection."""
    return {
        "server_name": in_json(tls.server_name) or None,
        "alpn": in_json(tls.alpn) or None,
        "alpn_offered": [in_json(name) for name in tls.offered],
        "version": tls.version or None,
        "versions_offered": list(tls.offered_versions),
        "cipher": tls.cipher or None,
        "decrypted": tls.decrypted,
        "reason": tls.reason or None,
        "records": dict(tls.records),
    }


def _by_state(connection: ConnectionSummary) -> dict[str, int]:
    sums: dict[str, int] = {}
    for (_, state), count in connection.incomplete.items():
        sums[state] = sums.get(state, 0) + count
    return sums


def _by_type(connection: ConnectionSummary) -> dict[tuple[int, str], Tally]:
    sums: dict[tuple[int, str], Tally] = {}
    for (number, _), tally in connection.tallies.items():
        sums.setdefault((number, ""), Tally()).add(tally.messages, tally.bytes)
    return sums


def purpose_record(purpose: Purpose) -> dict[str, Any]:
    """What a connection was for."""
    return {
        "app": in_json(purpose.app) or None,
        "tcUrl": in_json(purpose.tc_url) or None,
        "application": in_json(purpose.application) or None,
        "instance": in_json(purpose.instance) or None,
        "url": in_json(purpose.url) or None,
        "connect": in_json(purpose.connect),
        "status": in_json(purpose.status) or None,
        "description": in_json(purpose.description) or None,
        "latency_ms": None if purpose.latency is None else in_milliseconds(purpose.latency),
        "redirect": in_json(purpose.redirect) or None,
    }


def proof_record(proof: Proof) -> dict[str, Any]:
    """What it had to prove; never a value of it."""
    dance = proof.dance
    return {
        "authentication": None
        if dance is None
        else {
            "scheme": dance.scheme,
            "step": dance.step,
            "user": dance.user,
            "outcome": dance.outcome or None,
            "reason": dance.reason or None,
            "client_parts": list(dance.client_parts),
            "server_parts": list(dance.server_parts),
            "begun_on": dance.before,
        },
        "tokens": [
            {"kind": token.kind, "place": token.place, "parts": list(token.names), "expires": token.expires}
            for token in proof.tokens
        ],
    }


def handshake_record(handshake: Handshake) -> dict[str, Any]:
    """How the handshake went."""
    return {
        "version": handshake.version,
        "c1": handshake.c1,
        "s1": handshake.s1,
        "c2": handshake.c2,
        "s2": handshake.s2,
        "rtt_ms": None if handshake.rtt is None else in_milliseconds(handshake.rtt),
    }


def peer_record(peer: Peer) -> dict[str, Any]:
    """Who one end seems to be."""
    return {
        "software": peer.software,
        "version": peer.version or None,
        "confidence": peer.confidence,
        "because": list(peer.because),
        "against": list(peer.against),
    }


def stream_record(stream: Stream, purpose: Purpose) -> dict[str, Any]:
    """A stream; times are told by the numbers of the messages that said them."""
    asked, answered, ended = stream.asked, stream.answered, stream.ended
    return {
        "key": stream.key,
        "id": stream.message_stream_id,
        "name": in_json(stream.name),
        "action": stream.action,
        "type": in_json(stream.type) or None,
        "url": in_json(purpose.url_of(stream.name)) if stream.name else None,
        "state": stream.state,
        "reason": stream.reason or None,
        "asked": asked.message if asked else None,
        "answered": answered.message if answered else None,
        "latency_ms": in_milliseconds(answered.time - asked.time) if asked and answered else None,
        "ended": ended.message if ended else None,
        "end": stream.end or None,
        "status": [in_json(code) for code in stream.codes],
        "duration_ms": stream.duration,
        "video": _flow(stream.flows.get(VIDEO)),
        "audio": _flow(stream.flows.get(AUDIO)),
        "aggregates": stream.aggregates,
    }


def _flow(flow: Flow | None) -> dict[str, Any] | None:
    """Audio or video: the first track by itself, all of them where there are more."""
    if flow is None:
        return None
    tracks = [_track(track) for _, track in sorted(flow.tracks.items())]
    return {
        **(tracks[0] if tracks else {}),
        "messages": flow.messages + flow.inside,
        "bytes": flow.size + flow.size_inside,
        "duration_ms": flow.duration,
        "bit_rate": flow.bit_rate,
        **({"frame_rate": flow.frame_rate} if flow.kind == VIDEO else {}),
        **({"tracks": tracks} if len(tracks) > 1 else {}),
    }


def _track(track: Track) -> dict[str, Any]:
    return {
        "id": track.id,
        "codec": in_json(track.codec),
        "configuration": in_json(track.configuration),
        **_sample(track),
        **({"speakers": in_json(track.speakers)} if track.speakers else {}),
        **({"metadata": {name: in_json(value) for name, value in track.metadata}} if track.metadata else {}),
        "sequence_headers": track.headers,
        **({"former": [in_json(codec) for codec in track.former]} if track.former else {}),
    }


def _sample(track: Track) -> dict[str, Any]:
    """What the frames tell of themselves."""
    names = ("width", "height") if isinstance(track.sample, Video | VideoTrack) else ("rate", "channels")
    told = {name: getattr(track.sample, name) for name in names}
    return {name: value for name, value in told.items() if value is not None}


def in_milliseconds(nanoseconds: int) -> float:
    """Nanoseconds as milliseconds."""
    return nanoseconds / 1_000_000
