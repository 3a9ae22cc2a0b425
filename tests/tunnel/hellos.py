"""Hellos and records of TLS, made by hand."""

from __future__ import annotations

from collections.abc import Sequence

RANDOM = bytes(range(32))
SERVER_RANDOM = bytes(range(32, 64))


def listed(data: bytes, size: int = 2) -> bytes:
    return len(data).to_bytes(size, "big") + data


def extension(kind: int, data: bytes = b"") -> bytes:
    return kind.to_bytes(2, "big") + listed(data)


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + listed(body, 3)


def plain(data: bytes, kind: int = 22) -> bytes:
    """A record that is not encrypted."""
    return bytes([kind, 3, 3]) + listed(data)


def hello_of_client(
    name: str = "live.example.com",
    alpn: Sequence[bytes] = (),
    versions: Sequence[int] = (0x0304,),
    more: Sequence[int] = (),
    random: bytes = RANDOM,
) -> bytes:
    parts = b""
    if name:
        parts += extension(0, listed(b"\0" + listed(name.encode())))
    if alpn:
        parts += extension(16, listed(b"".join(listed(each, 1) for each in alpn)))
    if versions:
        parts += extension(43, listed(b"".join(each.to_bytes(2, "big") for each in versions), 1))
    parts += b"".join(extension(kind) for kind in more)
    body = b"\x03\x03" + random + b"\0" + listed(b"\x13\x01\xc0\x2f") + b"\x01\0"
    return plain(message(1, body + (listed(parts) if parts else b"")))


def hello_of_server(
    cipher: int, version: int = 0x0303, alpn: bytes = b"", random: bytes = SERVER_RANDOM, more: Sequence[int] = ()
) -> bytes:
    parts = extension(43, version.to_bytes(2, "big")) if version != 0x0303 else b""
    if alpn:
        parts += extension(16, listed(listed(alpn, 1)))
    parts += b"".join(extension(kind) for kind in more)
    body = b"\x03\x03" + random + b"\0" + cipher.to_bytes(2, "big") + b"\0"
    return plain(message(2, body + (listed(parts) if parts else b"")))
