"""What first bytes say, however few they are."""

from __future__ import annotations

import pytest

from rtmpsniff.tunnel.beginnings import (
    CLIENT_HELLO,
    LATER_REQUEST,
    LONGEST_BEGINNING,
    RTMPT_REQUEST,
    SERVER_HELLO,
    begins_like,
    may_be_request,
)
from tests.tunnel.hellos import hello_of_client, hello_of_server


def test_what_begins_like_a_hello() -> None:
    data = hello_of_client()
    assert [begins_like(data[:size], CLIENT_HELLO) for size in range(7)] == [None] * 6 + [True]
    assert begins_like(data, SERVER_HELLO) is False
    assert begins_like(hello_of_server(0x1301), SERVER_HELLO) is True
    assert begins_like(b"\x15\x03\x03\0\2\2\x28", SERVER_HELLO) is True
    assert begins_like(b"\x15\x03\x03\0\2\2\x28", CLIENT_HELLO) is False
    for wrong in (b"\x03", b"GET", b"\x16\x02", b"\x16\x03\x05"):
        assert begins_like(wrong, CLIENT_HELLO) is False


@pytest.mark.parametrize("word", [b"open", b"send", b"idle", b"close", b"fcs"])
def test_a_request_of_rtmpt(word: bytes) -> None:
    line = b"POST /" + word + b"/"
    assert all(may_be_request(line[:size]) for size in range(1, len(line) + 1))
    assert RTMPT_REQUEST.match(line)
    assert RTMPT_REQUEST.match(b"POST http://example.com:80/" + word + b"/1 HTTP/1.0")
    assert not RTMPT_REQUEST.match(line[:-1])


@pytest.mark.parametrize("data", [b"GET /", b"POST /x", b"POST /opera", b"POST /open\n", b"POST http://" + bytes(300)])
def test_what_is_none(data: bytes) -> None:
    assert not may_be_request(data)
    assert not RTMPT_REQUEST.match(data)


def test_the_longest_beginning_holds_the_longest_request() -> None:
    assert RTMPT_REQUEST.match(b"POST http://" + b"h" * 255 + b"/close/")
    assert len(b"POST http://" + b"h" * 255 + b"/close/") <= LONGEST_BEGINNING


def test_a_request_amid_a_connection() -> None:
    assert LATER_REQUEST.search(b"\x01\x02POST /send/abc/17 HTTP/1.1\r\nHost: x")
    assert not LATER_REQUEST.search(b"POST /send/abc HTTP/1.1\r\n")
    assert not LATER_REQUEST.search(b"POST /open/1 HTTP/1.1\r\n")
