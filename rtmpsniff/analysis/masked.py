"""What is known of a connection, without secrets: takes a `Masking`, gives copies with masks."""

from __future__ import annotations

from dataclasses import replace

from rtmpsniff.analysis.authentication import Proof
from rtmpsniff.analysis.masking import Masking
from rtmpsniff.analysis.media import Flow, Track
from rtmpsniff.analysis.peers import Peer
from rtmpsniff.analysis.secrets import Place
from rtmpsniff.analysis.streams import Purpose, Stream
from rtmpsniff.analysis.transactions import Call
from rtmpsniff.payload.command import Command
from rtmpsniff.payload.values import Object
from rtmpsniff.rtmp.events import Closed
from rtmpsniff.transport.tcp import Endpoint


def masked_purpose(purpose: Purpose, masking: Masking, connection: int) -> Purpose:
    """What a connection was for."""
    if masking.is_idle:
        return purpose
    connect = masking.command(Command("connect", 1, purpose.connect, purpose.arguments), connection)
    return replace(
        purpose,
        client=purpose.client and masking.endpoint(purpose.client),
        server=purpose.server and masking.endpoint(purpose.server),
        connect=connect.object if isinstance(connect.object, Object) else None,
        arguments=connect.args,
        app=masking.text(purpose.app, Place.URL, connection),
        tc_url=masking.text(purpose.tc_url, Place.URL, connection),
        status=masking.text(purpose.status),
        description=masking.text(purpose.description, Place.STATUS, connection),
        redirect=masking.text(purpose.redirect, Place.URL, connection),
        statuses=[masking.text(status, Place.STATUS, connection) for status in purpose.statuses],
        streams=[_stream(stream, masking, connection) for stream in purpose.streams],
    )


def _stream(stream: Stream, masking: Masking, connection: int) -> Stream:
    name = stream.name
    return replace(
        stream,
        name=None if name is None else masking.text(name, Place.NAME, connection),
        type=masking.text(stream.type),
        reason=masking.text(stream.reason, Place.STATUS, connection),
        end=_end(stream.end, masking, connection),
        codes=[masking.text(code) for code in stream.codes],
        flows={kind: _flow(flow, masking) for kind, flow in stream.flows.items()},
    )


def _end(end: str, masking: Masking, connection: int) -> str:
    """Where it holds words of the server's, these are in quotes; the rest is this program's."""
    return masking.text(end, Place.STATUS, connection) if '"' in end else end


def _flow(flow: Flow, masking: Masking) -> Flow:
    if not any(track.metadata for track in flow.tracks.values()):
        return flow
    return replace(flow, tracks={number: _track(track, masking) for number, track in flow.tracks.items()})


def _track(track: Track, masking: Masking) -> Track:
    return replace(track, metadata=masking.metadata(track.metadata))


def masked_proof(proof: Proof, masking: Masking, connection: int) -> Proof:
    """What a connection had to prove; of its values it holds the user's name alone."""
    dance = proof.dance
    if masking.is_idle or dance is None:
        return proof
    user = masking.text(dance.user, Place.WHOLE, connection)
    return replace(proof, dance=replace(dance, user=user, reason=masking.text(dance.reason)))


def masked_peer(peer: Peer, masking: Masking) -> Peer:
    """Who one end seems to be."""
    if masking.is_idle:
        return peer
    because, against = tuple(map(masking.text, peer.because)), tuple(map(masking.text, peer.against))
    return replace(peer, version=masking.text(peer.version), because=because, against=against)


def masked_call(call: Call, masking: Masking) -> Call:
    """A call that was not answered."""
    return call if masking.is_idle else replace(call, name=masking.text(call.name))


def masked_closed(closed: Closed, masking: Masking) -> Closed:
    """The end of a connection."""
    tls = closed.tls
    if tls is not None and not masking.is_idle:
        named = masking.endpoint(Endpoint(tls.server_name, 0)).address if tls.server_name else ""
        tls = replace(tls, server_name=masking.text(named))
    client, server = masking.endpoint(closed.client), masking.endpoint(closed.server)
    return replace(closed, client=client, server=server, tls=tls)
