"""The handshake's packets: digests and signatures are verified, echoes compared, and every byte has a field."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Literal, NamedTuple

import pytest

from rtmpsniff.fields import Role
from rtmpsniff.rtmp.handshake import Digest, find_digest, greeting_fields, reply_verdict, software_version
from rtmpsniff.rtmp.rtmpe import veil
from tests.build import greeting

SHARED = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
KEYS = {"client": b"Genuine Adobe Flash Player 001", "server": b"Genuine Adobe Flash Media Server 001"}
VERSIONS = {"client": bytes.fromhex("0a002d02"), "server": bytes.fromhex("03050101")}

Side = Literal["client", "server"]


def fill(seed: int) -> bytes:
    return bytes((seed * 31 + i * 7 + (i >> 8) * 13) & 0xFF for i in range(1536))


def digest_packet(seed: int, side: Side, block: int) -> bytes:
    """A C1 or S1 with its digest, whose block begins at byte `block`."""
    packet = bytes(4) + VERSIONS[side] + fill(seed)[8:]
    at = block + 4 + sum(packet[block : block + 4]) % 728
    before, after = packet[:at], packet[at + 32 :]
    return before + hmac.digest(KEYS[side], before + after, "sha256") + after


def signed_packet(seed: int, side: Side, digest: bytes, version: int = 3) -> bytes:
    """An S2 or C2 that answers a packet with this digest."""
    body = fill(seed)[:1504]
    key = hmac.digest(KEYS[side] + SHARED, digest, "sha256")
    return body + veil(hmac.digest(key, body, "sha256"), key, version)


class Vector(NamedTuple):
    layout: str
    block: int
    c1: tuple[int, str]
    s1: tuple[int, str]
    s2: str
    c2: str
    keys: tuple[int, int]  # where the public values of C1 and S1 stand
    sha256_of_c1: str


VECTORS = [
    Vector(
        "D8",
        8,
        (402, "fae007b09e45d9fdb3d25e63d0eeca208d67c03c367515f698cf3bcc347f4361"),
        (526, "ce9c86f04fd8333bcb539a9a504f23f6623247b35cf8b7acd8cdbb558df99e7b"),
        "12cfcd1431654db96861405a86055a954dca77e30f56e8753e75ef509277d528",
        "1e41544ed2015a151680ade93d3788422086c140ff9c7d44dac442f0f8a5ff78",
        (1086, 1210),
        "8262a6d7e626f033d6b876f52dda4a0b29528f9e59b628d2c743166eb6b7587b",
    ),
    Vector(
        "D772",
        772,
        (1210, "abbce224e5c5dd7e71eabb3888ce186377a04308224556ecc3d9348f8a4accb9"),
        (1334, "e4045d383b9d9bdb1988d3949f24efbfc577f625caa1800daac14b17f0c23d34"),
        "c76019f844218a720514531a0cb0e65b969b235c059838a99084e8cdfb1fca85",
        "97346ba16e8623eff1f11f1fc97ea18e467252179bbab76c6b449c7f11383111",
        (330, 454),
        "d0426127ed10ddfe6c1718468a551b66b01c662d579036c877bd06a697f5e01d",
    ),
]
vectors = pytest.mark.parametrize("vector", VECTORS, ids=[vector.layout for vector in VECTORS])


def changed(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@vectors
def test_digests_are_found(vector: Vector) -> None:
    c1 = digest_packet(1, "client", vector.block)
    assert sha256(c1).hexdigest() == vector.sha256_of_c1
    for side, seed, (offset, value) in (("client", 1, vector.c1), ("server", 2, vector.s1)):
        packet = digest_packet(seed, "client" if side == "client" else "server", vector.block)
        digest = find_digest(packet, side)
        assert digest is not None
        assert digest == (vector.layout, offset, bytes.fromhex(value))


@vectors
def test_replies_are_signed(vector: Vector) -> None:
    c1, s1 = digest_packet(1, "client", vector.block), digest_packet(2, "server", vector.block)
    s2 = signed_packet(3, "server", bytes.fromhex(vector.c1[1]))
    c2 = signed_packet(4, "client", bytes.fromhex(vector.s1[1]))
    assert (s2[1504:].hex(), c2[1504:].hex()) == (vector.s2, vector.c2)
    assert reply_verdict(s2, c1, find_digest(c1, "client"), "server") == "signed"
    assert reply_verdict(c2, s1, find_digest(s1, "server"), "client") == "signed"


@vectors
def test_one_wrong_byte_is_no_digest(vector: Vector) -> None:
    packet = digest_packet(1, "client", vector.block)
    offset, _ = vector.c1
    for at in (0, 5, vector.block, offset - 1, offset, offset + 31, offset + 32, 1535):
        assert find_digest(changed(packet, at), "client") is None
    assert find_digest(packet, "server") is None


@vectors
def test_one_wrong_byte_is_no_signature(vector: Vector) -> None:
    c1 = digest_packet(1, "client", vector.block)
    digest = find_digest(c1, "client")
    s2 = signed_packet(3, "server", bytes.fromhex(vector.c1[1]))
    for at in (0, 1503, 1504, 1535):
        assert reply_verdict(changed(s2, at), c1, digest, "server") == "neither"
    assert reply_verdict(s2, c1, digest, "client") == "neither"
    assert reply_verdict(s2, c1, None, "server") == "neither"


@vectors
@pytest.mark.parametrize("version", [6, 8, 9])
def test_versions_sign_in_their_own_way(vector: Vector, version: int) -> None:
    c1 = digest_packet(1, "client", vector.block)
    digest = find_digest(c1, "client")
    s2 = signed_packet(3, "server", bytes.fromhex(vector.c1[1]), version)
    assert reply_verdict(s2, c1, digest, "server", version) == "signed"
    assert [reply_verdict(s2, c1, digest, "server", other) for other in {3, 8, 9} - {version}].count("signed") == (
        version == 6
    )


@pytest.mark.parametrize(
    ("version", "has_digest", "said"),
    [
        ("00000000", True, None),
        ("00000000", False, None),
        ("09007c02", True, "9.0.124.2"),
        ("03050101", False, "3.5.1.1"),
        ("80000302", True, "128.0.3.2"),
        ("feb21517", False, None),
        ("3f3f3f3f", False, "63.63.63.63"),
        ("0000003f", False, "0.0.0.63"),
        ("00000040", False, None),
    ],
)
def test_software_versions(version: str, has_digest: bool, said: str | None) -> None:
    """Without a digest, random bytes are not taken for one."""
    assert software_version(greeting(0, 1, bytes.fromhex(version)), has_digest) == said


QUESTION = greeting(0x01020304, 5)
BODY = QUESTION[8:]


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (QUESTION, "echo"),
        (QUESTION[:4] + b"\0\0\1\0" + BODY, "echo"),
        (b"\0\0\0\1" + QUESTION[4:], "echo without time"),
        (bytes(8) + BODY, "echo without time"),
        (changed(QUESTION, 8), "neither"),
        (changed(QUESTION, 1535), "neither"),
        (greeting(0x01020304, 6), "neither"),
    ],
    ids=["copy", "other second time", "other first time", "no times", "first byte", "last byte", "another packet"],
)
def test_echoes(reply: bytes, verdict: str) -> None:
    assert reply_verdict(reply, QUESTION, None, "server") == verdict


def test_a_digest_may_be_answered_with_an_echo() -> None:
    s1 = digest_packet(2, "server", 8)
    assert reply_verdict(s1, s1, find_digest(s1, "server"), "client") == "echo"


D8_C0C1 = b"\x03" + digest_packet(1, "client", 8)


@pytest.mark.parametrize(
    ("part", "data", "verdict", "digest", "expected"),
    [
        (
            "C0 C1",
            b"\x03" + greeting(7, 1),
            "none",
            None,
            [
                ("version", 0, 1, "3 RTMP"),
                ("time", 1, 5, "7 ms"),
                ("zero", 5, 9, "0"),
                ("random", 9, 1537, ""),
            ],
        ),
        (
            "S0 S1",
            b"\x06" + greeting(7, 1, bytes.fromhex("03050101")),
            "none",
            None,
            [
                ("version", 0, 1, "6 RTMPE"),
                ("time", 1, 5, "7 ms"),
                ("software version", 5, 9, "3.5.1.1"),
                ("random", 9, 1537, ""),
            ],
        ),
        (
            "C0 C1",
            D8_C0C1,
            "D8",
            (403, 435),
            [
                ("version", 0, 1, "3 RTMP"),
                ("time", 1, 5, "0 ms"),
                ("software version", 5, 9, "10.0.45.2"),
                ("digest offset", 9, 13, "390, so the digest begins at 403"),
                ("random", 13, 403, ""),
                ("digest", 403, 435, "verified, layout D8"),
                ("random", 435, 1537, ""),
            ],
        ),
        (
            "C0 C1",
            b"\x06" + D8_C0C1[1:],
            "D8",
            (403, 435),
            [
                ("version", 0, 1, "6 RTMPE"),
                ("time", 1, 5, "0 ms"),
                ("software version", 5, 9, "10.0.45.2"),
                ("digest offset", 9, 13, "390, so the digest begins at 403"),
                ("random", 13, 403, ""),
                ("digest", 403, 435, "verified, layout D8"),
                ("random", 435, 1087, ""),
                ("public key", 1087, 1215, "Diffie-Hellman, 1024 bits"),
                ("random", 1215, 1533, ""),
                ("key offset", 1533, 1537, "314, so the public key begins at 1087"),
            ],
        ),
        (
            "S0 S1",
            b"\x09" + digest_packet(2, "server", 772),
            "D772",
            (1335, 1367),
            [
                ("version", 0, 1, "9 RTMPE with Blowfish signatures"),
                ("time", 1, 5, "0 ms"),
                ("software version", 5, 9, "3.5.1.1"),
                ("random", 9, 455, ""),
                ("public key", 455, 583, "Diffie-Hellman, 1024 bits"),
                ("random", 583, 769, ""),
                ("key offset", 769, 773, "446, so the public key begins at 455"),
                ("digest offset", 773, 777, "558, so the digest begins at 1335"),
                ("random", 777, 1335, ""),
                ("digest", 1335, 1367, "verified, layout D772"),
                ("random", 1367, 1537, ""),
            ],
        ),
        (
            "S0 S1",
            b"\x03" + greeting(7, 1, bytes.fromhex("feb21517")),
            "none",
            None,
            [
                ("version", 0, 1, "3 RTMP"),
                ("time", 1, 5, "7 ms"),
                ("zero", 5, 9, "not zero"),
                ("random", 9, 1537, ""),
            ],
        ),
        (
            "S2",
            greeting(9, 1),
            "echo",
            None,
            [("peer's time", 0, 4, "9 ms"), ("time it was read", 4, 8, "0 ms"), ("random echo", 8, 1536, "")],
        ),
        (
            "C2",
            greeting(9, 1),
            "neither",
            None,
            [("peer's time", 0, 4, "9 ms"), ("time it was read", 4, 8, "0 ms"), ("random", 8, 1536, "")],
        ),
        (
            "C2",
            fill(4),
            "signed",
            (1504, 1536),
            [("random", 0, 1504, ""), ("signature", 1504, 1536, "verified")],
        ),
    ],
)
def test_fields_cover_every_byte(
    part: str,
    data: bytes,
    verdict: str,
    digest: tuple[int, int] | None,
    expected: list[tuple[str, int, int, str]],
) -> None:
    fields = greeting_fields(part, data, verdict, digest)
    assert [(field.name, field.start, field.stop, field.label) for field in fields] == expected
    assert [field.start for field in fields] == [0, *(field.stop for field in fields[:-1])]
    assert fields[-1].stop == len(data)
    hidden = {"digest", "signature", "public key"}
    assert all((field.role is Role.DIGEST) == (field.name in hidden) for field in fields)


@vectors
def test_public_keys_have_their_place(vector: Vector) -> None:
    for seed, side, (offset, _), key in ((1, "client", vector.c1, 0), (2, "server", vector.s1, 1)):
        packet = digest_packet(seed, "client" if side == "client" else "server", vector.block)
        span = (1 + offset, 33 + offset)
        fields = greeting_fields("C0 C1", b"\x06" + packet, vector.layout, span)
        (place,) = (field for field in fields if field.name == "public key")
        assert (place.start, place.stop) == (1 + vector.keys[key], 129 + vector.keys[key])
        assert "public key" not in {one.name for one in greeting_fields("C0 C1", b"\x03" + packet, vector.layout, span)}


def edge_packet(block: int, word: bytes, key_word: bytes) -> bytes:
    """A C1 whose positions are as far to one side as they go."""
    packet = bytearray(b"\0\0\0\0\1\2\3\4" + fill(1)[8:])
    packet[block : block + 4] = word
    at = 1532 if block == 8 else 768
    packet[at : at + 4] = key_word
    digest = block + 4 + sum(word) % 728
    before, after = bytes(packet[:digest]), bytes(packet[digest + 32 :])
    return before + hmac.digest(KEYS["client"], before + after, "sha256") + after


@pytest.mark.parametrize("block", [8, 772])
@pytest.mark.parametrize("word", [(0, 0), (727, 631), (728, 632), (1020, 1020)])
def test_positions_at_the_edges(block: int, word: tuple[int, int]) -> None:
    """The sum of four bytes reaches 1020 and goes around at 728, that of the key at 632."""

    def summing_to(total: int) -> bytes:
        return bytes([min(255, max(0, total - 255 * n)) for n in range(4)])

    packet = edge_packet(block, summing_to(word[0]), summing_to(word[1]))
    digest = find_digest(packet, "client")
    assert digest is not None
    assert digest.offset == block + 4 + word[0] % 728
    data = b"\x08" + packet
    fields = greeting_fields("C0 C1", data, digest.layout, (1 + digest.offset, 33 + digest.offset))
    assert [field.start for field in fields] == [0, *(field.stop for field in fields[:-1])]
    assert fields[-1].stop == len(data)
    assert all(field.stop > field.start for field in fields)
    (key,) = (field for field in fields if field.name == "public key")
    assert key.start == 1 + (772 if block == 8 else 8) + word[1] % 632


def test_a_digest_is_a_value() -> None:
    assert Digest("D8", 402, b"x") == ("D8", 402, b"x")
