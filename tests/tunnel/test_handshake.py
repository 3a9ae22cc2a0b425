"""Hellos as they come: in pieces, in either order, inside the connection once more."""

from __future__ import annotations

import pytest

from rtmpsniff.tunnel.handshake import Handshake, Renegotiation
from rtmpsniff.tunnel.hello import LONGEST
from rtmpsniff.tunnel.inner import Tls
from tests.tunnel.hellos import RANDOM, SERVER_RANDOM, hello_of_client, hello_of_server


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("server_first", [False, True])
def test_hellos_however_they_come(step: int, server_first: bool) -> None:
    handshake = Handshake()
    for from_server in (True, False) if server_first else (False, True):
        data = hello_of_server(0x1301, version=0x0304) if from_server else hello_of_client()
        assert not handshake.is_complete
        for at in range(0, len(data), step):
            handshake.feed("server" if from_server else "client", data[at : at + step])
    assert handshake.is_complete
    assert handshake.client is not None
    assert handshake.server is not None
    assert (handshake.client.random, handshake.server.random) == (RANDOM, SERVER_RANDOM)


def test_what_they_say() -> None:
    handshake, tls = Handshake(), Tls()
    handshake.describe(tls)
    assert tls == Tls()
    handshake.feed("client", hello_of_client())
    handshake.describe(tls)
    assert (tls.version, tls.cipher) == ("", "")
    handshake.feed("server", hello_of_server(0x1301, version=0x0304))
    handshake.describe(tls)
    assert (tls.version, tls.cipher) == ("TLS 1.3", "TLS_AES_128_GCM_SHA256")
    assert repr(handshake) == "<Handshake ClientHello ServerHello>"


def test_what_is_kept_is_bounded() -> None:
    handshake = Handshake()
    for _ in range(100):
        handshake.feed("client", b"\x16\x03\x01\xff\xff" + bytes(5000))
    assert handshake.client is None
    assert len(handshake._first["client"]) == LONGEST


def test_a_renegotiation() -> None:
    again = Renegotiation()
    assert again.change("client") is None
    again.add("client", hello_of_client()[5:])
    assert again.change("client") is None
    again.add("server", hello_of_server(0xC02F)[5:])
    hellos = again.change("client")
    assert hellos is not None
    assert (hellos[0].random, hellos[1].random) == (RANDOM, SERVER_RANDOM)
    assert again.change("server") == hellos
    assert repr(again) == "<Renegotiation, holds 0>"
