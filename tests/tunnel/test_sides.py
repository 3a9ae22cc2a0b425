"""One direction under its keys: numbers that are lost, keys that change, records that are none."""

from __future__ import annotations

from typing import Final

import pytest

from rtmpsniff.capture.packet import Origin
from rtmpsniff.tunnel.ciphers import SUITES, opener_13
from rtmpsniff.tunnel.hello import client_hello, server_hello
from rtmpsniff.tunnel.inner import Span
from rtmpsniff.tunnel.records import Record
from rtmpsniff.tunnel.sides import MOST_AHEAD, Opened, Side, sides_of
from tests.tunnel.hellos import hello_of_client, hello_of_server
from tests.tunnel.sealed import SUITES_13, Sealed13
from tests.tunnel.talks import by_sender, read, said, sent
from tests.tunnel.test_ciphers import seal_13
from tests.tunnel.test_tls import findings

SUITE: Final = SUITES[0x1301]
HANDSHAKE_SECRET, SECRET = b"h" * 32, b"s" * 32


def record(data: bytes) -> Record:
    packet = Origin(0, 1, 1)
    return Record(0, data[:5], Span(data[5:], [0], [packet]))


def sealed(number: int, text: bytes, secret: bytes = SECRET, padding: int = 0) -> Record:
    return record(seal_13(SUITE, secret, number, text, 23, padding))


def side(*secrets: bytes | None) -> Side:
    openers = [None if secret is None else opener_13(SUITE, secret) for secret in secrets]
    return Side(SUITE, openers, secrets[-1] or b"", is_13=True)


def text_of(opened: Opened | None) -> tuple[bytes, int]:
    assert opened is not None
    return opened.span.data, opened.skipped


def test_records_one_after_the_other() -> None:
    each = side(SECRET)
    assert [text_of(each.open(sealed(number, b"%d" % number))) for number in range(3)] == [
        (b"0", 0),
        (b"1", 0),
        (b"2", 0),
    ]
    assert (each.number, each.opened, each.is_settled) == (3, 3, True)


def test_numbers_that_were_lost_are_passed_over_as_far_as_records_may_be_missing() -> None:
    each = side(SECRET)
    each.open(sealed(0, b"a"))
    assert each.open(sealed(5, b"b")) is None
    each.may_have_lost(3)
    assert text_of(each.open(sealed(5, b"b"))) == (b"b", 4)
    each.may_have_lost(1 << 40)
    assert each.open(sealed(7 + MOST_AHEAD, b"c")) is None
    assert text_of(each.open(sealed(6 + MOST_AHEAD, b"c"))) == (b"c", MOST_AHEAD)


def test_a_key_that_is_not_known_is_left_behind_with_the_first_record_of_the_next() -> None:
    each = side(None, None, SECRET)
    assert (each.is_early, each.had_early, each.opener) == (True, True, None)
    assert each.open(sealed(0, b"x", b"?" * 32)) is None
    assert text_of(each.open(sealed(0, b"a"))) == (b"a", 0)
    assert not each.is_early


def test_padding_is_no_text_and_a_record_of_padding_alone_is_nothing() -> None:
    each = side(SECRET)
    assert text_of(each.open(sealed(0, b"a", padding=40))) == (b"a", 0)
    nothing = record(seal_13(SUITE, SECRET, 1, b"", 0, 20))
    opened = each.open(nothing)
    assert opened is not None
    assert (opened.kind, opened.span.data) == (0, b"")


def test_what_never_opens_is_given_up() -> None:
    each = side(SECRET)
    for _ in range(40):
        assert each.open(sealed(0, b"x", b"?" * 32)) is None
    assert each.is_over
    assert "40 failures" in repr(each)


def test_holds_opens_nothing() -> None:
    each = side(SECRET)
    assert each.holds(sealed(0, b"a"))
    assert (each.number, each.opened) == (0, 0)
    assert each.overhead == 5 + 16 + 1


@pytest.mark.parametrize(
    ("cipher", "version", "secrets", "reason"),
    [
        (0x1301, 0x0304, {}, ""),
        (0xC02F, 0x0303, {}, ""),
        (0xC02F, 0x0303, {"SERVER_TRAFFIC_SECRET_0": SECRET}, ""),
        (0xC0AC, 0x0303, {"CLIENT_RANDOM": bytes(48)}, "cipher suite 0xC0AC is not among those that are decrypted"),
    ],
)
def test_why_there_are_none(cipher: int, version: int, secrets: dict[str, bytes], reason: str) -> None:
    client, server = client_hello(hello_of_client()), server_hello(hello_of_server(cipher, version=version))
    assert client is not None
    assert server is not None
    assert sides_of(client, server, secrets) == reason


@pytest.mark.parametrize("suite", SUITES_13)
def test_key_updates(suite: int) -> None:
    talk = Sealed13(suite)
    talk.greet()
    for number in range(6):
        talk.command("client", 3, 0, f"call{number}", number)
        talk.command("server", 3, 0, "_result", number)
        talk.update("client" if number % 2 else "server")
        talk.padding = number * 10
    talk.close()
    events = read(talk.frames, talk.log())
    assert by_sender(said(events)) == by_sender(sent(talk))
    assert findings(events) == []
