"""The handshake (§5.2): what its packets hold, and whether they answer one another.

Simple peers echo each other's random bytes. Flash Player, Media Server and those that imitate them hide a digest
(HMAC-SHA256) in C1 and S1 and sign C2 and S2; the keys are public constants, so a listener can verify all four. Two
layouts exist, named here by where their digest block begins: D8 and D772. Each hides a Diffie-Hellman public value
in the other half of the packet, which only RTMPE uses.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.fields import Cursor, Field, Role
from rtmpsniff.rtmp.rtmpe import KEY_SIZE, veil

PACKET: Final = 1536
PLAIN: Final = 3
ENCRYPTED: Final = {6: "RTMPE", 8: "RTMPE with XTEA signatures", 9: "RTMPE with Blowfish signatures"}
VERSIONS: Final = frozenset({PLAIN, *ENCRYPTED})

Layout: TypeAlias = Literal["D8", "D772"]


class _Places(NamedTuple):
    """Where a layout has what: both positions are found by a word of four bytes, whose plain sum counts."""

    digest_word: int  # the digest stands behind it, somewhere in the rest of its block
    key_word: int  # at the end of its block
    key_block: int


_SHARED: Final = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
_PLAYER: Final = b"Genuine Adobe Flash Player 001"
_SERVER: Final = b"Genuine Adobe Flash Media Server 001"
_DIGEST: Final = 32
_SIGNED: Final = PACKET - _DIGEST
_HALF: Final = 764  # bytes of a block, words included
_PLACES: Final[dict[Layout, _Places]] = {"D772": _Places(772, 768, 8), "D8": _Places(8, 1532, 772)}
_LIKELY: Final = 64  # the parts of a version number are smaller, but in the digest form, where any number may stand


class Digest(NamedTuple):
    """A digest that was found in C1 or S1 and is right."""

    layout: Layout
    offset: int
    value: bytes


def find_digest(packet: bytes, sender: str) -> Digest | None:
    """Look for a valid digest in a whole C1 or S1, as servers do: for D772 first."""
    key = _PLAYER if sender == "client" else _SERVER
    for layout, places in _PLACES.items():
        offset = places.digest_word + 4 + _digest_sum(packet, places)
        value = packet[offset : offset + _DIGEST]
        if hmac.digest(key, packet[:offset] + packet[offset + _DIGEST :], "sha256") == value:
            return Digest(layout, offset, value)
    return None


def _digest_sum(packet: bytes, places: _Places) -> int:
    return sum(packet[places.digest_word : places.digest_word + 4]) % (_HALF - 4 - _DIGEST)


def _key_sum(packet: bytes, places: _Places) -> int:
    return sum(packet[places.key_word : places.key_word + 4]) % (_HALF - 4 - KEY_SIZE)


def software_version(packet: bytes, has_digest: bool) -> str | None:
    """What C1 or S1 names behind its time, as `9.0.124.2`; None where it is zero, as it should be without a digest.

    Some without a digest have a version there too, and others random bytes, which make no likely number.
    """
    version = packet[4:8]
    if not any(version) or (not has_digest and max(version) >= _LIKELY):
        return None
    return ".".join(map(str, version))


def reply_verdict(reply: bytes, question: bytes, digest: Digest | None, sender: str, version: int = PLAIN) -> str:
    """What a whole C2 or S2 is to the S1 or C1 that it answers (whose digest, if it has one, is `digest`).

    `version` is the one agreed on, that of S0: it says how signatures are veiled.
    """
    if digest is not None and _is_signed(reply, digest, sender, version):
        return "signed"
    if reply == question or reply[:4] + reply[8:] == question[:4] + question[8:]:
        return "echo"
    return "echo without time" if reply[8:] == question[8:] else "neither"


def _is_signed(reply: bytes, digest: Digest, sender: str, version: int) -> bool:
    key = hmac.digest((_PLAYER if sender == "client" else _SERVER) + _SHARED, digest.value, "sha256")
    return veil(hmac.digest(key, reply[:_SIGNED], "sha256"), key, version) == reply[_SIGNED:]


def greeting_fields(part: str, data: bytes, verdict: str, digest: tuple[int, int] | None) -> tuple[Field, ...]:
    """The fields of one part of the handshake. `digest` is where the digest or signature stands that was verified."""
    read = Cursor(data)
    if part in {"C0 C1", "S0 S1"}:
        _first_fields(read, verdict, digest)
    else:
        _reply_fields(read, verdict, digest)
    return tuple(read.fields)


def _first_fields(read: Cursor, verdict: str, digest: tuple[int, int] | None) -> None:
    version = read.enum("version", 1, {PLAIN: "RTMP", **ENCRYPTED}, Role.TYPE)
    packet = read.data[read.position :]
    read.u32("time", Role.TIMESTAMP, label="{} ms")
    if software := software_version(packet, digest is not None):
        read.raw("software version", 4, Role.NUMBER, label=software)
    elif any(packet[4:8]):
        read.raw("zero", 4, Role.NUMBER, label="not zero")
    else:
        read.u32("zero", Role.NUMBER)
    if digest is not None:
        layout: Layout = "D8" if verdict == "D8" else "D772"
        for place in sorted(_hidden(packet, layout, version in ENCRYPTED)):
            _random(read, place.offset - read.position)
            read.raw(place.name, place.size, place.role, label=place.label)
    _random(read, read.left)


class _Hidden(NamedTuple):
    """Something amid the random bytes of C1 or S1."""

    offset: int  # behind C0 or S0
    size: int
    name: str
    role: Role
    label: str


def _hidden(packet: bytes, layout: Layout, has_key: bool) -> Iterator[_Hidden]:
    places = _PLACES[layout]
    number = _digest_sum(packet, places)
    at = 1 + places.digest_word
    yield _Hidden(at, 4, "digest offset", Role.NUMBER, f"{number}, so the digest begins at {at + 4 + number}")
    yield _Hidden(at + 4 + number, _DIGEST, "digest", Role.DIGEST, f"verified, layout {layout}")
    if has_key:
        number = _key_sum(packet, places)
        at = 1 + places.key_block + number
        yield _Hidden(at, KEY_SIZE, "public key", Role.DIGEST, "Diffie-Hellman, 1024 bits")
        label = f"{number}, so the public key begins at {at}"
        yield _Hidden(1 + places.key_word, 4, "key offset", Role.NUMBER, label)


def _reply_fields(read: Cursor, verdict: str, digest: tuple[int, int] | None) -> None:
    if digest is not None:  # whoever signs fills the rest with random bytes, the times too
        _random(read, digest[0])
        read.raw("signature", digest[1] - digest[0], Role.DIGEST, label="verified")
        return
    read.u32("peer's time", Role.TIMESTAMP, label="{} ms")
    read.u32("time it was read", Role.TIMESTAMP, label="{} ms")
    read.rest("random echo" if verdict.startswith("echo") else "random", Role.RANDOM)


def _random(read: Cursor, size: int) -> None:
    if size:
        read.raw("random", size, Role.RANDOM)
