"""RTMFP: its handshake is named, the rest counted; other UDP is nobody's concern."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Final

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

import rtmpsniff
from rtmpsniff.dissect import dissect
from rtmpsniff.findings import RTMFP, Finding
from rtmpsniff.rtmp.events import Closed, Event, Opened, Undecoded
from rtmpsniff.tunnel import rtmfp
from rtmpsniff.tunnel.rtmfp import DEFAULT_KEY, Startup, read_startup, session_id
from tests.transport.test_udp import frame, packet

SHARED: Final = Path(__file__).parents[3] / "shared" / "captures"
# An IHello by hand, as other implementations read it: rtmfp://h/app.
IHELLO: Final = bytes.fromhex(
    "82da0dca52791692d0a31b58de709ae64ea5f60ea744795aedb9960b7497ce9e3a89e2c938b36f17b06fae28941c5c1e69e44373"
)
CLIENT, SERVER = ("10.0.0.1", 50000), ("10.0.0.2", 1935)


def sealed(kind: int, chunk: bytes = b"", mode: int = 3, session: int = 0, times: bytes = b"") -> bytes:
    """A packet under the default key."""
    flags = mode | (0x08 if len(times) >= 2 else 0) | (0x04 if len(times) >= 4 else 0)
    plain = bytes([flags]) + times + bytes([kind]) + len(chunk).to_bytes(2, "big") + chunk
    plain += b"\xff" * (-(len(plain) + 2) % 16)
    plain += b"\xff" * (32 - len(plain) - 2 if len(plain) < 30 else 0)
    total = sum(int.from_bytes(plain[at : at + 2].ljust(2, b"\0"), "big") for at in range(0, len(plain), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    encryptor = Cipher(AES(DEFAULT_KEY), CBC(bytes(16))).encryptor()
    body = encryptor.update((~total & 0xFFFF).to_bytes(2, "big") + plain) + encryptor.finalize()
    words = [int.from_bytes(body[at : at + 4], "big") for at in (0, 4)]
    return (session ^ words[0] ^ words[1]).to_bytes(4, "big") + body


def run(*said: tuple[str, bytes]) -> list[Event]:
    frames = [frame(data, CLIENT, SERVER) if who == "c" else frame(data, SERVER, CLIENT) for who, data in said]
    return list(dissect(packet(each, number) for number, each in enumerate(frames, 1)))


def notes(events: Iterable[Event]) -> list[tuple[str, str]]:
    return [(event.sender, event.title) for event in events if isinstance(event, Finding) and event.rule is RTMFP]


def test_an_ihello() -> None:
    assert session_id(IHELLO) == 0
    assert read_startup(IHELLO) == Startup(0x30, "rtmfp://h/app")


@pytest.mark.parametrize("times", [b"", b"\1\2", b"\1\2\3\4"])
def test_where_times_stand_before_the_chunk(times: bytes) -> None:
    assert read_startup(sealed(0x70, bytes(50), times=times)) == Startup(0x70, "")


def test_a_conversation() -> None:
    random = Random(1)
    later = [("c" if number % 2 else "s", random.randbytes(100)) for number in range(20)]
    events = run(
        ("c", IHELLO),
        ("c", IHELLO),
        ("s", sealed(0x70, bytes(60))),
        ("c", sealed(0x38, bytes(60))),
        ("s", sealed(0x78, bytes(60), session=77)),
        *later,
    )
    assert notes(events) == [
        ("client", "RTMFP handshake: IHello for rtmfp://h/app"),
        ("server", "RTMFP handshake: RHello"),
        ("client", "RTMFP handshake: IIKeying"),
        ("server", "RTMFP handshake: RIKeying"),
    ]
    assert isinstance(events[0], Opened)
    assert events[0].through == "RTMFP over UDP"
    end = events[-1]
    assert isinstance(end, Closed)
    assert end.variant == "rtmfp"
    assert (end.client.port, end.server.port) == (50000, 1935)
    undecoded = {event.sender: event.length for event in events if isinstance(event, Undecoded)}
    assert undecoded == {"client": end.from_client.bytes, "server": end.from_server.bytes}
    assert undecoded["client"] == 2 * len(IHELLO) + len(sealed(0x38, bytes(60))) + 1000


def test_a_server_that_is_seen_first() -> None:
    events = run(("s", sealed(0x70, bytes(60))), ("c", sealed(0x38, bytes(60))))
    end = events[-1]
    assert isinstance(end, Closed)
    assert end.client.port == 50000


def test_the_query_of_an_address_stays_secret() -> None:
    url = b"rtmfp://h/app?key=secret\x1b[31m"
    option = bytes([len(url) + 1, 0x0A]) + url
    found = read_startup(sealed(0x30, bytes([len(option)]) + option + bytes(16)))
    assert found == Startup(0x30, "rtmfp://h/app")
    odd = b"rtmfp://h/\x1b[31m"
    option = bytes([len(odd) + 1, 0x0A]) + odd
    shown = read_startup(sealed(0x30, bytes([len(option)]) + option + bytes(16)))
    assert shown is not None
    assert "\x1b" not in shown.url


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(36),
        bytes(52),
        IHELLO[:-1],
        IHELLO[:-1] + b"x",
        b"\0" + IHELLO[1:],
        sealed(0x30, bytes(50), mode=1),
        sealed(0x10, bytes(50)),
        sealed(0x70, bytes(50), session=5),
    ],
)
def test_what_is_no_startup(data: bytes) -> None:
    assert read_startup(data) is None
    assert run(("c", data)) == []


@pytest.mark.parametrize("seed", range(50))
def test_any_ihello_says_what_it_can(seed: int) -> None:
    random = Random(seed)
    found = read_startup(sealed(0x30, random.randbytes(random.randrange(100))))
    assert found is not None
    assert found.kind == 0x30


def test_other_udp_is_nobodys_concern() -> None:
    random = Random(2)
    assert run(*(("c", random.randbytes(random.randrange(200))) for _ in range(500))) == []


def test_a_flood_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtmfp, "MOST_CONNECTIONS", 10)
    frames = [frame(IHELLO, ("10.0.0.1", 10000 + number), SERVER) for number in range(50)]
    events = list(dissect(packet(each, number) for number, each in enumerate(frames, 1)))
    ends = [event.reason for event in events if isinstance(event, Closed)]
    assert ends.count("evicted") == 40
    assert ends.count("capture ended") == 10


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures beside the checkout")
def test_two_real_ones() -> None:
    connections = rtmpsniff.connections(SHARED / "made" / "29-tcserver-rtmp-rtmfp-tcrelay.pcap")
    found = [each for each in connections if each.closed is not None and each.closed.variant == "rtmfp"]
    assert len(found) == 2
    for each in found:
        steps = [finding.title.split(": ")[1].split()[0] for finding in each.findings]
        assert steps == ["IHello", "RHello", "IIKeying", "RIKeying"]
    assert sum(len(each.messages) for each in connections) > 1400


def wrapped(kind: str, inside: bytes) -> bytes:
    """A frame with a VLAN tag, two of them, or inside a VXLAN tunnel (RFC 7348)."""
    tag = bytes.fromhex({"a VLAN": "81000064", "QinQ": "88a80064 81000065", "VXLAN": ""}[kind])
    if tag:
        return inside[:12] + tag + inside[12:]
    return frame(bytes.fromhex("08000000 00000100") + inside, ("192.0.2.1", 40000), ("192.0.2.2", 4789))


@pytest.mark.parametrize("kind", ["a VLAN", "QinQ", "VXLAN"])
def test_inside_something_else(kind: str) -> None:
    said = [(IHELLO, CLIENT, SERVER), (sealed(0x70, bytes(60)), SERVER, CLIENT)]
    frames = [wrapped(kind, frame(data, source, target)) for data, source, target in said]
    events = list(dissect(packet(each, number) for number, each in enumerate(frames, 1)))
    assert notes(events) == [
        ("client", "RTMFP handshake: IHello for rtmfp://h/app"),
        ("server", "RTMFP handshake: RHello"),
    ]
    (end,) = [event for event in events if isinstance(event, Closed)]
    assert (end.variant, end.client.port, end.server.port) == ("rtmfp", 50000, 1935)
