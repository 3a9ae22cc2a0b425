"""What is known of a connection, without secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtmpsniff.analysis.authentication import Dance, Proof
from rtmpsniff.analysis.masked import masked_call, masked_closed, masked_peer, masked_proof, masked_purpose
from rtmpsniff.analysis.masking import Masking
from rtmpsniff.analysis.media import Flow, Track
from rtmpsniff.analysis.peers import Peer
from rtmpsniff.analysis.secrets import Place
from rtmpsniff.analysis.streams import Purpose, Stream
from rtmpsniff.analysis.transactions import Call
from rtmpsniff.payload.types import VIDEO
from rtmpsniff.payload.values import Object
from rtmpsniff.payload.video import Video
from rtmpsniff.rtmp.events import Closed, Event
from rtmpsniff.transport.tcp import Endpoint
from tests.build import Frame, session

KEY = "camera-77"


def knowing(*, addresses: bool = False) -> Masking:
    masking = Masking(addresses=addresses)
    masking.text(KEY, Place.NAME)
    return masking


def purpose() -> Purpose:
    track = Track(0, "h264", Video(codec="h264"), metadata=(("note", KEY),))
    stream = Stream(1, 1, f"{KEY}?a=b", "publish", reason=f'X "{KEY}"', end=f'Y "{KEY}"', flows={9: Flow(VIDEO)})
    stream.flows[VIDEO].tracks[0] = track
    return Purpose(
        server=Endpoint("10.0.0.2", 1935),
        connect=Object([("app", "live?k=v1"), ("tcUrl", "rtmp://h/live?k=v1")]),
        arguments=("word",),
        app="live?k=v1",
        tc_url="rtmp://h/live?k=v1",
        description=f"{KEY} it is",
        redirect=f"rtmp://h/{KEY}",
        statuses=[f"Z {KEY}"],
        streams=[stream],
    )


def test_a_purpose() -> None:
    before = purpose()
    after = masked_purpose(before, knowing(), 1)
    for secret in (KEY, "v1", "word"):
        assert secret not in repr(after)
        assert secret in repr(before)
    assert after.url_of(after.streams[0].name or "") == "rtmp://h/live/<key-1>?a=<key-4>"
    assert (after.streams[0].reason, after.streams[0].end) == ('X "<key-1>"', 'Y "<key-1>"')
    assert after.application == "live"


def test_where_secrets_are_shown_nothing_changes() -> None:
    masking, before, proof, peer = Masking("shown"), purpose(), Proof(dance=Dance("adobe", 2, "bob")), Peer("x")
    assert masked_purpose(before, masking, 1) is before
    assert masked_proof(proof, masking, 1) is proof
    assert masked_peer(peer, masking) is peer


def test_a_proof_a_peer_a_call() -> None:
    masking = knowing()
    proof = masked_proof(Proof(dance=Dance("adobe", 2, "bob", reason=f"no {KEY}")), masking, 1)
    assert proof.dance is not None
    assert (proof.dance.user, proof.dance.reason) == ("<key-2>", "no <key-1>")
    assert masked_proof(Proof(), masking, 1) == Proof()
    peer = masked_peer(Peer("x", KEY, "likely", (f'says "{KEY}"',), (KEY,)), masking)
    assert (peer.version, peer.because, peer.against) == ("<key-1>", ('says "<key-1>"',), ("<key-1>",))
    assert masked_call(Call("client", 1, KEY, 1, 0, 0), masking).name == "<key-1>"


def test_the_ends_of_a_connection(events: Callable[[Sequence[Frame]], list[Event]]) -> None:
    closed = next(event for event in events(session().frames) if isinstance(event, Closed))
    masked = masked_closed(closed, knowing(addresses=True))
    assert (masked.client, masked.server) == (("<address-1>", 50000), ("<address-2>", 1935))
    assert masked_purpose(purpose(), knowing(addresses=True), 1).server == ("<address-2>", 1935)
    assert masked_closed(closed, knowing()) == closed
