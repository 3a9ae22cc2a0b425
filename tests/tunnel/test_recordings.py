"""Real programs over RTMPT, RTMPTE and RTMPS, as recorded."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

import rtmpsniff
from rtmpsniff.capture.files import read
from rtmpsniff.dissect import Dissection
from rtmpsniff.findings import Finding
from rtmpsniff.rtmp.events import Closed, Event, Exchange, Message
from rtmpsniff.tunnel.keylog import KeyLog

SHARED: Final = Path(__file__).parents[3] / "shared" / "captures"
RTMPT: Final = SHARED / "made" / "12-rtmpt-ffmpeg9-rtmpdump-tunnel8080.pcap"
RTMPTE: Final = SHARED / "made" / "14-rtmpte-rtmpt-port80-rtmpsrv.pcap"
TLS_12: Final = SHARED / "made" / "15-rtmps-tls12-nms4.pcap"
SECRETS_12: Final = SHARED / "impaired" / "15-rtmps-tls12-nms4-dsb.pcapng"
SECRETS_13: Final = SHARED / "impaired" / "16-rtmps-tls13-nms4-dsb.pcapng"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures beside the checkout")


def events_of(path: Path, *logs: str) -> list[Event]:
    keys = KeyLog()
    for log in logs:
        assert keys.add(path.with_name(f"{path.stem}.{log}.keys.txt").read_bytes())
    with read([str(path)]) as captures:
        return list(Dissection(captures, keys=keys))


def variants(events: list[Event]) -> Counter[str]:
    return Counter(event.variant for event in events if isinstance(event, Closed))


def media(events: list[Event]) -> Counter[tuple[int, str]]:
    """How many messages of audio and video each connection has."""
    return Counter(
        (event.connection, event.type)
        for event in events
        if isinstance(event, Message) and event.type in {"audio", "video"}
    )


def payloads(events: list[Event], connection: int, sender: str, kind: str) -> list[bytes]:
    return [
        event.payload
        for event in events
        if isinstance(event, Message) and (event.connection, event.sender, event.type) == (connection, sender, kind)
    ]


def test_rtmpt_of_ffmpeg_and_librtmp() -> None:
    events = events_of(RTMPT)
    assert variants(events) == {"rtmpt": 3}
    messages = [event for event in events if isinstance(event, Message)]
    assert {message.state for message in messages} == {"whole"}
    assert not [event for event in events if isinstance(event, Finding) and event.severity.value != "note"]
    assert sum(isinstance(event, Exchange) for event in events) == 498
    # Both players watched the same stream for a while.
    for kind in ("audio", "video"):
        one, other = (set(payloads(events, player, "server", kind)) for player in (2, 3))
        assert len(one & other) > 0.8 * min(len(one), len(other)) > 60


def test_rtmpte_and_rtmpt_on_port_80() -> None:
    events = events_of(RTMPTE)
    assert variants(events) == {"rtmpt": 2, "rtmpte": 4}
    commands = [event for event in events if isinstance(event, Message) and event.type == "command_amf0"]
    assert {event.connection for event in commands} == {3, 4}


def test_tls_12_with_the_servers_keys() -> None:
    events = events_of(TLS_12, "server")
    assert variants(events) == {"rtmps": 4}
    assert {event.state for event in events if isinstance(event, Message)} == {"whole"}
    published = {kind: set(payloads(events, 1, "client", kind)) for kind in ("audio", "video")}
    for player in (2, 3, 4):
        for kind in ("audio", "video"):
            played = payloads(events, player, "server", kind)
            assert len(played) > 100
            assert set(played) <= published[kind]


def test_tls_12_with_the_keys_of_some_clients() -> None:
    whole, partial = events_of(TLS_12, "server"), events_of(TLS_12, "client")
    assert variants(partial) == {"rtmps": 3, "tls": 1}
    (sealed,) = [event for event in partial if isinstance(event, Closed) and event.variant == "tls"]
    assert sealed.client.port == 46564
    assert sealed.tls is not None
    assert sealed.tls.reason == "the key log has no secrets for it"
    assert sum(media(partial).values()) == sum(
        count for (connection, _), count in media(whole).items() if connection != 3
    )


def test_tls_12_without_keys() -> None:
    events = events_of(TLS_12)
    assert variants(events) == {"tls": 4}
    assert media(events) == {}
    for event in events:
        if isinstance(event, Closed):
            assert event.tls is not None
            assert event.tls.cipher == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
            assert event.tls.records["server"] > 10


def test_secrets_inside_the_capture() -> None:
    assert media(events_of(SECRETS_12)) == media(events_of(TLS_12, "server"))


def test_tls_13() -> None:
    """One of the players hangs up after S2, with an alert, so its handshake is not complete."""
    events = events_of(SECRETS_13)
    assert variants(events) == {"rtmps": 4}
    assert {event.state for event in events if isinstance(event, Message)} == {"whole"}
    assert {connection for connection, _ in media(events)} == {1, 3, 4}
    for player in (3, 4):
        assert set(payloads(events, player, "server", "video")) <= set(payloads(events, 1, "client", "video"))
    for event in events:
        if isinstance(event, Closed):
            assert event.tls is not None
            assert (event.tls.version, event.tls.cipher) == ("TLS 1.3", "TLS_AES_256_GCM_SHA384")


def test_the_library_reads_tunnels_too() -> None:
    connections = rtmpsniff.connections(RTMPT)
    assert [len(connection.exchanges) for connection in connections] == [40, 363, 95]
    log = TLS_12.with_name(f"{TLS_12.stem}.server.keys.txt")
    assert any(message.type == "video" for message in rtmpsniff.messages(TLS_12, keylog=log))
    (secured, *_) = rtmpsniff.connections(SECRETS_13)
    assert secured.secured is not None
    assert secured.secured.tls.decrypted
