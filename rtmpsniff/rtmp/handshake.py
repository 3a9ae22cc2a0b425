"""The handshake (§5.2): what its packets hold, and whether they answer one another.

Simple peers echo each other's random bytes. Flash Player, Media Server and those that imitate them hide a digest
(HMAC-SHA256) in C1 and S1 and sign C2 and S2; the keys are public constants, so a listener can verify all four. Two
layouts exist, named here by where their digest block begins: D8 and D772.
"""

from __future__ import annotations

import hmac
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.fields import Cursor, Field, Role

PACKET: Final = 1536
PLAIN: Final = 3
ENCRYPTED: Final = {6: "RTMPE", 8: "RTMPE with XTEA signatures", 9: "RTMPE with Blowfish signatures"}
VERSIONS: Final = frozenset({PLAIN, *ENCRYPTED})

Layout: TypeAlias = Literal["D8", "D772"]

_SHARED: Final = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
_PLAYER: Final = b"Genuine Adobe Flash Player 001"
_SERVER: Final = b"Genuine Adobe Flash Media Server 001"
_DIGEST: Final = 32
_SIGNED: Final = PACKET - _DIGEST
_LAYOUTS: Final[tuple[tuple[Layout, int], ...]] = (("D772", 772), ("D8", 8))  # servers look for D772 first


class Digest(NamedTuple):
    """A digest that was found in C1 or S1 and is right."""

    layout: Layout
    offset: int
    value: bytes


def find_digest(packet: bytes, sender: str) -> Digest | None:
    """Look for a valid digest in a whole C1 or S1."""
    key = _PLAYER if sender == "client" else _SERVER
    for layout, block in _LAYOUTS:
        offset = block + 4 + sum(packet[block : block + 4]) % 728
        value = packet[offset : offset + _DIGEST]
        if hmac.digest(key, packet[:offset] + packet[offset + _DIGEST :], "sha256") == value:
            return Digest(layout, offset, value)
    return None


def reply_verdict(reply: bytes, question: bytes, digest: Digest | None, sender: str) -> str:
    """What a whole C2 or S2 is to the S1 or C1 that it answers (whose digest, if it has one, is `digest`)."""
    if digest is not None and _is_signed(reply, digest, sender):
        return "signed"
    if reply == question or reply[:4] + reply[8:] == question[:4] + question[8:]:
        return "echo"
    return "echo without time" if reply[8:] == question[8:] else "neither"


def _is_signed(reply: bytes, digest: Digest, sender: str) -> bool:
    key = hmac.digest((_PLAYER if sender == "client" else _SERVER) + _SHARED, digest.value, "sha256")
    return hmac.digest(key, reply[:_SIGNED], "sha256") == reply[_SIGNED:]


def greeting_fields(part: str, data: bytes, verdict: str, digest: tuple[int, int] | None) -> tuple[Field, ...]:
    """The fields of one part of the handshake."""
    read = Cursor(data)
    if part in {"C0 C1", "S0 S1"}:
        read.enum("version", 1, {PLAIN: "RTMP", **ENCRYPTED}, Role.TYPE)
    first = "time" if part in {"C0 C1", "S0 S1"} else "peer's time"
    signed = verdict == "signed"
    if not signed:
        read.u32(first, Role.TIMESTAMP, label="{} ms")
        if part in {"C2", "S2"}:
            read.u32("time it was read", Role.TIMESTAMP, label="{} ms")
        elif any(data[5:9]):
            version = ".".join(str(byte) for byte in data[5:9])
            read.raw("software version", 4, Role.NUMBER, label=version)
        else:
            read.u32("zero", Role.NUMBER)
    name = "random echo" if verdict.startswith("echo") else "random"
    if digest is not None:
        read.raw(name, digest[0] - read.position, Role.RANDOM)
        label = "verified" if signed else f"verified, layout {verdict}"
        read.raw("signature" if signed else "digest", digest[1] - digest[0], Role.DIGEST, label=label)
    read.rest(name, Role.RANDOM)
    return tuple(read.fields)
