"""Key schedules and ciphers, by the RFCs' own examples and by records sealed here."""

from __future__ import annotations

import hmac
import sys

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from rtmpsniff.errors import InputError
from rtmpsniff.tunnel.ciphers import (
    SUITES,
    Suite,
    expand_label,
    next_secret,
    opener_13,
    openers_12,
    prf,
)

# RFC 8448, 3: the traffic secrets of a simple handshake, and the keys that they give.
EXAMPLES = [
    (
        "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
        "17422dda596ed5d9acd890e3c63f5051",
        "5b78923dee08579033e523d9",
    ),
    (
        "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
        "9f02283b6c9c07efc26bb9f2ac92e356",
        "cf782b88dd83549aadf1e984",
    ),
]
TLS_13 = [suite for code, suite in SUITES.items() if code >> 8 == 0x13]
TLS_12 = [suite for code, suite in SUITES.items() if code >> 8 != 0x13]
MASTER, RANDOMS = bytes(range(48)), bytes(range(64))
HEADER = bytes.fromhex("1703030000")


@pytest.mark.parametrize(("secret", "key", "iv"), EXAMPLES)
def test_keys_of_the_rfc(secret: str, key: str, iv: str) -> None:
    assert expand_label("sha256", bytes.fromhex(secret), "key", 16).hex() == key
    assert expand_label("sha256", bytes.fromhex(secret), "iv", 12).hex() == iv


def test_the_prf_of_tls_12() -> None:
    """The example that implementers pass around: P_SHA256 of 100 bytes."""
    made = prf(
        "sha256",
        bytes.fromhex("9bbe436ba940f017b17652849a71db35"),
        b"test label",
        bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c"),
        100,
    )
    assert made.hex().startswith("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a")
    assert made.hex().endswith("87347b66")
    assert len(made) == 100


def nonce(iv: bytes, number: int) -> bytes:
    return bytes(a ^ b for a, b in zip(iv, number.to_bytes(12, "big"), strict=True))


def aead(suite: Suite, key: bytes) -> AESGCM | ChaCha20Poly1305:
    return AESGCM(key) if suite.kind == "gcm" else ChaCha20Poly1305(key)


def seal_13(suite: Suite, secret: bytes, number: int, text: bytes, kind: int = 23, padding: int = 0) -> bytes:
    """A whole record of TLS 1.3."""
    inner = text + bytes([kind]) + bytes(padding)
    header = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
    key = expand_label(suite.hash, secret, "key", suite.key)
    iv = expand_label(suite.hash, secret, "iv", 12)
    return header + aead(suite, key).encrypt(nonce(iv, number), inner, header)


@pytest.mark.parametrize("suite", TLS_13, ids=lambda suite: suite.name)
def test_records_of_tls_13(suite: Suite) -> None:
    secret = bytes(range(48 if suite.hash == "sha384" else 32))
    opener = opener_13(suite, secret)
    record = seal_13(suite, secret, 7, b"hello")
    header, body = record[:5], record[5:]
    assert opener.open(7, header, body) == b"hello\x17"
    assert opener.length(len(body)) == 5
    assert opener.open(8, header, body) is None
    assert opener.open(7, b"\x16" + header[1:], body) is None
    assert opener.open(7, header, body[:-1] + bytes([body[-1] ^ 1])) is None
    assert opener.open(7, header, b"") is None
    later = seal_13(suite, next_secret(suite, secret), 0, b"again")
    assert opener.open(0, later[:5], later[5:]) is None
    assert opener_13(suite, next_secret(suite, secret)).open(0, later[:5], later[5:]) == b"again\x17"


def seal_12(suite: Suite, side: int, number: int, text: bytes, *, mac_last: bool) -> bytes:
    """The body of a record of TLS 1.2, sealed as its RFC says."""
    size = {"": 0, "sha1": 20, "sha256": 32, "sha384": 48}[suite.mac]
    fixed = {"gcm": 4, "chacha": 12, "cbc": 0}[suite.kind]
    block = prf(suite.hash, MASTER, b"key expansion", RANDOMS, 2 * (size + suite.key + fixed))
    mac_key = block[side * size :][:size]
    key = block[2 * size + side * suite.key :][: suite.key]
    iv = block[2 * (size + suite.key) + side * fixed :][:fixed]
    about = number.to_bytes(8, "big") + HEADER[:3]
    if suite.kind != "cbc":
        explicit = bytes(range(8)) if suite.kind == "gcm" else b""
        full = iv + explicit if explicit else nonce(iv, number)
        return explicit + aead(suite, key).encrypt(full, text, about + len(text).to_bytes(2, "big"))
    if not mac_last:
        text += hmac.digest(mac_key, about + len(text).to_bytes(2, "big") + text, suite.mac)
    padding = 15 - len(text) % 16
    start = bytes(range(16))
    encryptor = Cipher(AES(key), CBC(start)).encryptor()
    body = start + encryptor.update(text + bytes([padding]) * (padding + 1)) + encryptor.finalize()
    return body + hmac.digest(mac_key, about + len(body).to_bytes(2, "big") + body, suite.mac) if mac_last else body


@pytest.mark.parametrize("mac_last", [False, True])
@pytest.mark.parametrize("suite", TLS_12, ids=lambda suite: suite.name)
def test_records_of_tls_12(suite: Suite, mac_last: bool) -> None:
    openers = openers_12(suite, MASTER, RANDOMS, mac_last=mac_last)
    for side in (0, 1):
        for text in (b"", b"hello", bytes(1000)):
            body = seal_12(suite, side, 3, text, mac_last=mac_last)
            assert openers[side].open(3, HEADER, body) == text
            assert openers[side].open(4, HEADER, body) is None
            assert openers[1 - side].open(3, HEADER, body) is None
            assert openers[side].open(3, HEADER, body[:-1] + bytes([body[-1] ^ 1])) is None
            assert openers[side].length(len(body)) in {None, len(text)}
    for size in range(70):
        assert openers[0].open(0, HEADER, bytes(size)) is None


@pytest.mark.parametrize("suite", [SUITES[0x1301], SUITES[0x002F]], ids=["AEAD", "CBC"])
def test_without_the_package_one_line_says_so(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(InputError, match="pip install cryptography"):
        openers_12(suite, bytes(48), bytes(64), mac_last=False)[0].open(0, bytes(5), bytes(64))
