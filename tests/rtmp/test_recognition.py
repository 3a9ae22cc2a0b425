"""Is it RTMP? By the first bytes of both directions, with and without a hint."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rtmpsniff.capture.files import read
from rtmpsniff.dissect import Dissection
from rtmpsniff.rtmp.events import Event, Greeting, Message
from rtmpsniff.rtmp.recognition import Verdict, begins_late, name_protocol, recognize
from rtmpsniff.transport.reassembly import Sender
from tests.build import (
    Frame,
    Handshake,
    Talk,
    amf0,
    ask_to_publish,
    basic_header,
    greeting,
    handshake,
    pcap,
    video_frame,
)

C0C1, S0S1S2, C2 = handshake()
RTMPE = b"\x06" + C0C1[1:]
CONNECT = bytes.fromhex("03 000000 0000fc 14 00000000")
TPKT = bytes.fromhex("030000130ee000000000000100080003000000")  # a connection request of RDP
TPKT_ANSWER = bytes.fromhex("030000130ed000001234000209080002000000")
TLS = bytes.fromhex("1603010200010001fc0303")
HTTP = b"GET /live HTTP/1.1\r\nHost: example.com\r\n\r\n"


@pytest.mark.parametrize(
    ("client", "server", "hinted", "verdict"),
    [
        pytest.param(b"", b"", False, "wait", id="nothing yet"),
        pytest.param(b"", b"", True, "wait", id="nothing yet, hinted"),
        pytest.param(C0C1[:1], b"", True, "rtmp", id="a hint and the version byte"),
        pytest.param(RTMPE[:1], b"", True, "rtmp", id="a hint and the version of RTMPE"),
        pytest.param(b"", S0S1S2[:1], True, "rtmp", id="a hint and the server's version byte"),
        pytest.param(C0C1[:1], b"", False, "wait", id="a version byte"),
        pytest.param(C0C1[:1000], b"", False, "wait", id="C1 in part"),
        pytest.param(C0C1[:1000], S0S1S2[:1], False, "foreign", id="answered before C1 was whole"),
        pytest.param(C0C1, b"", False, "wait", id="C0 and C1"),
        pytest.param(C0C1, S0S1S2[:1], False, "rtmp", id="C0 and C1, answered"),
        pytest.param(RTMPE, S0S1S2[:1], False, "rtmp", id="RTMPE, answered in plain"),
        pytest.param(C0C1, b"\x04", False, "foreign", id="the server's version is wrong"),
        pytest.param(C0C1, b"\x04", True, "foreign", id="the server's version is wrong, hinted"),
        pytest.param(b"\x05" + C0C1[1:], b"", True, "foreign", id="the client's version is wrong"),
        pytest.param(C0C1 + C2, b"", False, "wait", id="one direction, no chunk yet"),
        pytest.param(C0C1 + C2 + CONNECT[:11], b"", False, "wait", id="one direction, half a header"),
        pytest.param(C0C1 + C2 + CONNECT, b"", False, "rtmp", id="one direction, a header"),
        pytest.param(b"", S0S1S2 + CONNECT, False, "rtmp", id="the other direction, a header"),
        pytest.param(C0C1 + C2 + b"\x43" + bytes(11), b"", False, "foreign", id="one direction, format 1"),
        pytest.param(C0C1 + C2 + CONNECT[:7] + b"\x0a" + bytes(4), b"", False, "foreign", id="an unknown type"),
        pytest.param(
            C0C1 + C2 + basic_header(0, 64) + CONNECT[1:], b"", False, "foreign", id="an unlikely chunk stream"
        ),
        pytest.param(TPKT, b"", False, "wait", id="TPKT"),
        pytest.param(TPKT, TPKT_ANSWER, False, "foreign", id="TPKT, answered"),
        pytest.param(b"", b"SSH-2.0-OpenSSH_9.2\r\n", True, "foreign", id="SSH"),
        pytest.param(HTTP, b"", True, "foreign", id="HTTP"),
        pytest.param(TLS, b"", False, "foreign", id="TLS"),
    ],
)
def test_recognize(client: bytes, server: bytes, hinted: bool, verdict: Verdict) -> None:
    assert recognize(client, server, hinted) == verdict


def test_random_bytes_are_hardly_ever_taken_for_rtmp() -> None:
    dice = random.Random(1)
    taken = [recognize(dice.randbytes(3091), dice.randbytes(100), hinted=False) for _ in range(2000)]
    assert taken.count("rtmp") <= 2


@pytest.mark.parametrize(
    ("data", "variant", "name"),
    [
        (HTTP, "unknown", "an HTTP request: GET /live HTTP/1.1"),
        (b"POST /open/1 HTTP/1.1\r\n", "unknown", "an HTTP request: POST /open/1 HTTP/1.1"),
        (b"HTTP/1.1 400 Bad Request\r\n", "unknown", "an HTTP response: HTTP/1.1 400 Bad Request"),
        (b"OPTIONS rtsp://x/y RTSP/1.0\r\n", "unknown", "an RTSP request: OPTIONS rtsp://x/y RTSP/1.0"),
        (b"GET_PARAMETER rtsps://x RTSP/1.0\r\n", "unknown", "an RTSP request: GET_PARAMETER rtsps://x RTSP/1.0"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "unknown", "SSH: SSH-2.0-OpenSSH_9.2"),
        (TLS, "tls", "TLS (handshake record): its sender takes this for rtmps://"),
        (bytes.fromhex("1503030002"), "tls", "TLS (alert record): its sender takes this for rtmps://"),
        (bytes.fromhex("160301"), "tls", "TLS (handshake record): its sender takes this for rtmps://"),
        (bytes.fromhex("1603"), "unknown", "begins with 16 03"),
        (bytes.fromhex("160305"), "unknown", "begins with 16 03 05"),
        (bytes.fromhex("160201"), "unknown", "begins with 16 02 01"),
        (bytes.fromhex("00112233445566778899"), "unknown", "begins with 00 11 22 33 44 55 66 77"),
        (b"GET /\x1b[2J HTTP/1.0\r\n", "unknown", "an HTTP request: GET /\\x1b[2J HTTP/1.0"),
    ],
)
def test_what_is_not_rtmp_has_a_name(data: bytes, variant: str, name: str) -> None:
    assert name_protocol(data) == (variant, name)


def test_a_name_is_short_and_safe_whatever_was_sent() -> None:
    _, name = name_protocol(b"SSH-" + bytes(5000))
    assert len(name) < 200
    assert name.isprintable()


def test_what_comes_later_than_a_greeting() -> None:
    late = handshake(server=greeting(0x03000001, 2), client=greeting(0x03000002, 1))
    answer = late.s0s1s2[1537:]
    connect = CONNECT + amf0("connect", 1.0, {"app": "live"})
    assert begins_late(late.c2, late.s0s1s2)
    assert begins_late(late.c0c1, answer)
    assert begins_late(connect, b"")
    assert begins_late(C0C1, connect)


def test_what_is_a_greeting() -> None:
    for flights in (handshake(), handshake(bytes(1536), bytes(1536)), handshake(server=greeting(0x03030303, 1))):
        assert not begins_late(flights.c0c1, flights.s0s1s2)
        assert not begins_late(flights.c0c1 + flights.c2, flights.s0s1s2)
        assert not begins_late(flights.c0c1, b"")
        assert not begins_late(b"", b"")


def test_a_capture_that_begins_with_c2(tmp_path: Path) -> None:
    """SYN, SYN-ACK, C0 and C1 are missing, and the first byte of C2, of the peer's time, is 3 like that of C0."""
    talk = Late(mss=60_000)
    ask_to_publish(talk)
    first = next(i for i, frame in enumerate(talk.frames) if b"\x03\x03\x00\x00\x01" in frame.data)
    for at in range(40):
        talk.say("client", 6, 9, 1, 40 * at, video_frame(at, 200))
    events = dissected(tmp_path, talk.frames[first:])
    assert not any(isinstance(event, Greeting) for event in events)
    told = [event for event in events if isinstance(event, Message)]
    assert len(told) >= len(talk.sent) - 1
    sent = {each.payload for each in talk.sent}
    assert all(message.payload in sent for message in told)


class Late(Talk):
    """The server has been up for half a day, and the client sends C2 together with its first command."""

    pending = b""

    def greet(self, flights: Handshake | None = None) -> None:
        c0c1, s0s1s2, self.pending = flights or handshake(server=greeting(0x03000001, 2))
        self.open()
        self.client(c0c1)
        self.server(s0s1s2)

    def send(self, sender: Sender, data: bytes) -> list[Frame]:
        if sender == "client" and len(data) != 1537:
            data, self.pending = self.pending + data, b""
        return super().send(sender, data)


def dissected(folder: Path, frames: list[Frame]) -> list[Event]:
    path = folder / "late.pcap"
    path.write_bytes(pcap(frames))
    with read([str(path)]) as captures:
        return list(Dissection(captures))
