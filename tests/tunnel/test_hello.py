"""What hellos say; anything else says nothing."""

from __future__ import annotations

from random import Random

import pytest

from rtmpsniff.tunnel.hello import (
    chosen_protocol,
    client_hello,
    encrypted_extensions,
    protocols,
    server_hello,
)
from tests.tunnel.hellos import RANDOM, extension, hello_of_client, hello_of_server, listed, plain

RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def test_a_client_hello() -> None:
    data = hello_of_client(alpn=[b"h2", b"http/1.1"], versions=[0x0304, 0x0303], more=[22, 42])
    hello = client_hello(data)
    assert hello is not None
    assert hello.random == RANDOM
    assert hello.server_name == "live.example.com"
    assert hello.alpn == ("h2", "http/1.1")
    assert hello.versions == (0x0304, 0x0303)
    assert hello.mac_last
    assert hello.early_data


def test_a_bare_client_hello() -> None:
    hello = client_hello(hello_of_client(name="", alpn=[], versions=[], more=[]))
    assert hello is not None
    assert (hello.server_name, hello.alpn, hello.versions, hello.early_data) == ("", (), (0x0303,), False)


def test_server_hellos() -> None:
    old = server_hello(hello_of_server(0xC02F))
    assert old is not None
    assert (old.version, old.cipher, old.alpn) == (0x0303, 0xC02F, ())
    new = server_hello(hello_of_server(0x1301, version=0x0304, alpn=b"h2"))
    assert new is not None
    assert (new.version, new.cipher, new.alpn) == (0x0304, 0x1301, ("h2",))


def test_a_request_to_try_again_is_no_server_hello() -> None:
    retry = hello_of_server(0x1301, version=0x0304, random=RETRY)
    assert server_hello(retry) is None
    found = server_hello(retry + hello_of_server(0x1302, version=0x0304))
    assert found is not None
    assert found.cipher == 0x1302


@pytest.mark.parametrize("size", [1, 3, 50])
def test_a_hello_over_several_records(size: int) -> None:
    data = hello_of_client(name="a.example")[5:]
    cut = b"".join(plain(data[at : at + size]) for at in range(0, len(data), size))
    hello = client_hello(cut)
    assert hello is not None
    assert hello.server_name == "a.example"
    assert client_hello(cut[:-1]) is None


@pytest.mark.parametrize("seed", range(50))
def test_damaged_hellos_say_what_they_can(seed: int) -> None:
    random = Random(seed)
    data = bytearray(hello_of_client(name="a.example", alpn=[b"h2"], versions=[0x0304]))
    for _ in range(3):
        data[random.randrange(9, len(data))] = random.randrange(256)
    client_hello(bytes(data))
    server_hello(bytes(data))
    assert client_hello(random.randbytes(300)) is None


def test_protocols() -> None:
    assert protocols(listed(b"\x02h2")) == ("h2",)
    assert protocols(listed(b"\x09h2")) == ()
    assert protocols(b"") == ()
    found = encrypted_extensions(listed(extension(16, listed(b"\x02h2"))))
    assert chosen_protocol(found) == "h2"
    assert encrypted_extensions(b"\0\x09") == {}
    assert chosen_protocol({}) == ""
