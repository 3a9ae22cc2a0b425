"""RTMPE's signatures: the ciphers by their published vectors, and signatures that real programs made or accepted."""

from __future__ import annotations

import hmac
from pathlib import Path

import pytest

import rtmpsniff
from rtmpsniff import Greeting
from rtmpsniff.rtmp.rtmpe import Blowfish, veil

CAPTURES = Path(__file__).parents[2] / "captures"
MADE = Path(__file__).parents[3] / "shared" / "captures" / "made"

SHARED = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
NAMES = {"client": b"Genuine Adobe Flash Player 001", "server": b"Genuine Adobe Flash Media Server 001"}

# Key, clear and encrypted block, in big-endian order, as the cipher's author published them.
BLOWFISH = [
    ("0000000000000000", "0000000000000000", "4ef997456198dd78"),
    ("ffffffffffffffff", "ffffffffffffffff", "51866fd5b85ecb8a"),
    ("0123456789abcdef", "1111111111111111", "61f9c3802281b096"),
    ("fedcba9876543210", "0123456789abcdef", "0aceab0fc6a0a28d"),
    ("f0e1d2c3b4a5968778695a4b3c2d1e0f0011223344556677", "fedcba9876543210", "05044b62fa52d080"),
]


@pytest.mark.parametrize(("key", "clear", "encrypted"), BLOWFISH)
def test_blowfish(key: str, clear: str, encrypted: str) -> None:
    left, right = Blowfish(bytes.fromhex(key)).encrypt((int(clear[:8], 16), int(clear[8:], 16)))
    assert f"{left:08x}{right:08x}" == encrypted


def greetings(path: Path) -> dict[int, dict[str, Greeting]]:
    return {one.number: {greeting.part: greeting for greeting in one.greetings} for one in rtmpsniff.connections(path)}


def plain_signature(reply: Greeting, question: Greeting) -> tuple[bytes, bytes]:
    """What would stand in C2 or S2 if it were not veiled, and the key that it was made with."""
    assert question.digest is not None
    start, stop = question.digest
    key = hmac.digest(NAMES[reply.sender] + SHARED, question.data[start:stop], "sha256")
    return hmac.digest(key, reply.data[:1504], "sha256"), key


@pytest.mark.parametrize(("connection", "version"), [(1, 6), (2, 8), (3, 9)])
def test_librtmp_signs_and_is_content(connection: int, version: int) -> None:
    """It made C2, and it would not have sent anything behind it, had it not held S2 for genuine."""
    parts = greetings(CAPTURES / "rtmpe-rtmpdump.pcap")[connection]
    assert (parts["C0 C1"].version, parts["S0 S1"].version) == (6, version)
    for reply, question in (("C2", "S0 S1"), ("S2", "C0 C1")):
        signature, key = plain_signature(parts[reply], parts[question])
        assert veil(signature, key, version) == parts[reply].data[1504:]
        assert (signature == parts[reply].data[1504:]) == (version == 6)


@pytest.mark.skipif(not MADE.is_dir(), reason="no shared captures beside the checkout")
def test_librtmp_at_both_ends_and_ffmpeg() -> None:
    """rtmpsrv answers C0 = 6 with S0 = 8; in the last connection ffmpeg as a publisher echoes S1 instead."""
    connections = greetings(MADE / "13-rtmpe-rtmpsrv.pcap")
    verdicts = {
        number: " ".join(parts[part].verdict for part in ("C0 C1", "S0 S1", "S2", "C2"))
        for number, parts in connections.items()
    }
    signed = "D772 D772 signed signed"
    assert verdicts == {1: signed, 2: signed, 3: "none none echo echo", 4: signed, 5: signed, 6: signed[:-6] + "echo"}


@pytest.mark.skipif(not MADE.is_dir(), reason="no shared captures beside the checkout")
def test_crtmpserver_stays_with_version_6() -> None:
    connections = greetings(MADE / "31-rtmpe-crtmpserver-media.pcap")
    assert {number: parts["S0 S1"].version for number, parts in connections.items()} == {1: 6, 2: 3, 3: 6, 4: 6}
    assert [connections[number]["S2"].verdict for number in (1, 3, 4)] == ["signed"] * 3
    assert connections[3]["C2"].verdict == "signed"


def test_other_versions_veil_nothing() -> None:
    assert veil(bytes(range(32)), bytes(32), 3) == bytes(range(32))
    assert veil(bytes(range(32)), bytes(32), 6) == bytes(range(32))


@pytest.mark.parametrize("version", [8, 9])
def test_the_byte_that_picks_a_key_goes_around_at_15(version: int) -> None:
    signature = bytes(range(32))
    keys = [bytes([number]) * 32 for number in range(256)]
    veiled = [veil(signature, key, version) for key in keys]
    assert len(set(veiled)) == 15
    assert veiled[15] == veiled[0] == veiled[255]
    assert all(len(one) == 32 for one in veiled)
