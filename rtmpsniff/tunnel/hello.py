"""What a TLS handshake says in the clear: ClientHello and ServerHello (RFC 8446, 4.1; RFC 5246, 7.4.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from rtmpsniff.tunnel.beginnings import CLIENT_HELLO, SERVER_HELLO
from rtmpsniff.tunnel.records import CHANGE_CIPHER_SPEC, HANDSHAKE

LONGEST: Final = 64 * 1024  # bytes that may come before a hello is complete

_RETRY: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
VERSIONS: Final = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}

_SERVER_NAME: Final = 0
_ALPN: Final = 16
_MAC_LAST: Final = 22
_EARLY_DATA: Final = 42
_SUPPORTED_VERSIONS: Final = 43


class Hello(NamedTuple):
    """A ClientHello or ServerHello as far as it matters here."""

    random: bytes
    version: int  # that it speaks; of a client 0
    versions: tuple[int, ...]  # that a client offers
    cipher: int  # that the server chose
    server_name: str
    alpn: tuple[str, ...]
    mac_last: bool  # encrypt-then-mac
    early_data: bool


class Short(Exception):
    """The bytes end too early. Caught in this file and nowhere else."""


class _Reader:
    """Reads lengths and what they measure."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise Short
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> _Reader:
        return _Reader(self.take(self.number(size)))

    @property
    def left(self) -> int:
        return len(self.data) - self.at


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The handshake messages at the beginning of one side's bytes, as far as they are whole and not encrypted."""
    text = bytearray()
    at = 0
    while at + 5 <= len(data) and data[at] in {HANDSHAKE, CHANGE_CIPHER_SPEC} and at < LONGEST:
        stop = at + 5 + int.from_bytes(data[at + 3 : at + 5], "big")
        if data[at] == HANDSHAKE:
            text += data[at + 5 : stop]
        at = stop
    yield from _messages_of(bytes(text))


def _messages_of(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Handshake messages (RFC 8446, 4), as far as they are whole: their types and bodies."""
    at = 0
    while at + 4 <= len(text):
        stop = at + 4 + int.from_bytes(text[at + 1 : at + 4], "big")
        if stop > len(text):
            return
        yield text[at], text[at + 4 : stop]
        at = stop


def client_hello(data: bytes) -> Hello | None:
    """The first ClientHello in the records that the client sent; None while it is not complete."""
    return _hello(messages(data), CLIENT_HELLO)


def server_hello(data: bytes) -> Hello | None:
    """The ServerHello in the records that the server sent that is no request to try again (RFC 8446, 4.1.4)."""
    return _hello(messages(data), SERVER_HELLO)


def hello_again(text: bytes, kind: int) -> Hello | None:
    """The hello of this kind in the text of handshake records that were encrypted: a renegotiation (RFC 5746)."""
    return _hello(_messages_of(text), kind)


def _hello(found: Iterable[tuple[int, bytes]], wanted: int) -> Hello | None:
    for kind, body in found:
        if kind == wanted and body[2:34] != _RETRY:
            return _read(body, from_client=wanted == CLIENT_HELLO)
    return None


def protocols(data: bytes) -> tuple[str, ...]:
    """The names in the body of an ALPN extension (RFC 7301)."""
    names: list[str] = []
    try:
        listed = _Reader(data).vector(2)
        while listed.left and len(names) < 32:
            names.append(listed.vector(1).data.decode("latin-1"))
    except Short:
        return tuple(names)
    return tuple(names)


def extensions(reader: _Reader) -> dict[int, bytes]:
    """The extensions that a message ends with."""
    found: dict[int, bytes] = {}
    listed = reader.vector(2)
    while listed.left:
        kind = listed.number(2)
        found[kind] = listed.vector(2).data
    return found


def encrypted_extensions(body: bytes) -> dict[int, bytes]:
    """Those of the message of that name (RFC 8446, 4.3.1)."""
    try:
        return extensions(_Reader(body))
    except Short:
        return {}


def takes_early_data(found: dict[int, bytes]) -> bool:
    """Whether the server took what came before its answer, by its extensions (RFC 8446, 4.2.10)."""
    return _EARLY_DATA in found


def chosen_protocol(found: dict[int, bytes]) -> str:
    """The protocol that the server took, by its extensions."""
    return next(iter(protocols(found.get(_ALPN, b""))), "")


def _read(body: bytes, *, from_client: bool) -> Hello | None:
    reader = _Reader(body)
    found: dict[int, bytes] = {}
    cipher = 0
    try:
        version = reader.number(2)
        random = reader.take(32)
        reader.vector(1)  # session id
        if from_client:
            reader.vector(2)  # cipher suites
            reader.vector(1)  # compression methods
        else:
            cipher = reader.number(2)
            reader.number(1)
        if reader.left:
            found = extensions(reader)
        versions = _versions(found.get(_SUPPORTED_VERSIONS, b""), version, from_client=from_client)
        name = _server_name(found.get(_SERVER_NAME, b""))
    except Short:
        return None
    alpn = protocols(found.get(_ALPN, b""))
    return Hello(
        random,
        0 if from_client else versions[0],
        versions,
        cipher,
        name,
        alpn,
        _MAC_LAST in found,
        _EARLY_DATA in found,
    )


def _versions(data: bytes, version: int, *, from_client: bool) -> tuple[int, ...]:
    if not data:
        return (version,)
    if not from_client:
        return (int.from_bytes(data[:2], "big"),)
    listed = _Reader(data).vector(1).data
    return tuple(int.from_bytes(listed[at : at + 2], "big") for at in range(0, len(listed) - 1, 2))


def _server_name(data: bytes) -> str:
    """RFC 6066, 3."""
    if not data:
        return ""
    entry = _Reader(data).vector(2)
    entry.number(1)
    return entry.vector(2).data.decode("latin-1")
