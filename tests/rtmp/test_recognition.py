"""Is it RTMP? By the first bytes of both directions, with and without a hint."""

from __future__ import annotations

import random

import pytest

from rtmpsniff.rtmp.recognition import Verdict, name_protocol, recognize
from tests.build import basic_header, handshake

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
        (TLS, "tls", "TLS (handshake record): the address may want rtmps://"),
        (bytes.fromhex("1503030002"), "tls", "TLS (alert record): the address may want rtmps://"),
        (bytes.fromhex("160301"), "tls", "TLS (handshake record): the address may want rtmps://"),
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
