"""The ciphers of TLS records and where their keys come from: TLS 1.2 (RFC 5246) and TLS 1.3 (RFC 8446).

Nothing here knows a connection: a suite makes an `Opener` from secrets, and that opens records by their number.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from rtmpsniff.errors import InputError

Kind: TypeAlias = Literal["gcm", "chacha", "cbc"]


class Suite(NamedTuple):
    """A cipher suite. `hash` is that of the key schedule, `mac` that of the records where they have one."""

    name: str
    kind: Kind
    key: int  # bytes
    hash: str
    mac: str = ""


def _cbc(name: str, key: int, mac: str) -> Suite:
    return Suite(name, "cbc", key, "sha384" if mac == "sha384" else "sha256", mac)


SUITES: Final = {
    0x1301: Suite("TLS_AES_128_GCM_SHA256", "gcm", 16, "sha256"),
    0x1302: Suite("TLS_AES_256_GCM_SHA384", "gcm", 32, "sha384"),
    0x1303: Suite("TLS_CHACHA20_POLY1305_SHA256", "chacha", 32, "sha256"),
    0x009C: Suite("TLS_RSA_WITH_AES_128_GCM_SHA256", "gcm", 16, "sha256"),
    0x009D: Suite("TLS_RSA_WITH_AES_256_GCM_SHA384", "gcm", 32, "sha384"),
    0x009E: Suite("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "gcm", 16, "sha256"),
    0x009F: Suite("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "gcm", 32, "sha384"),
    0xC02B: Suite("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "gcm", 16, "sha256"),
    0xC02C: Suite("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "gcm", 32, "sha384"),
    0xC02F: Suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "gcm", 16, "sha256"),
    0xC030: Suite("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "gcm", 32, "sha384"),
    0xCCA8: Suite("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "chacha", 32, "sha256"),
    0xCCA9: Suite("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "chacha", 32, "sha256"),
    0xCCAA: Suite("TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "chacha", 32, "sha256"),
    0x002F: _cbc("TLS_RSA_WITH_AES_128_CBC_SHA", 16, "sha1"),
    0x0033: _cbc("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", 16, "sha1"),
    0x0035: _cbc("TLS_RSA_WITH_AES_256_CBC_SHA", 32, "sha1"),
    0x0039: _cbc("TLS_DHE_RSA_WITH_AES_256_CBC_SHA", 32, "sha1"),
    0x003C: _cbc("TLS_RSA_WITH_AES_128_CBC_SHA256", 16, "sha256"),
    0x003D: _cbc("TLS_RSA_WITH_AES_256_CBC_SHA256", 32, "sha256"),
    0x0067: _cbc("TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", 16, "sha256"),
    0x006B: _cbc("TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", 32, "sha256"),
    0xC009: _cbc("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 16, "sha1"),
    0xC00A: _cbc("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", 32, "sha1"),
    0xC013: _cbc("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 16, "sha1"),
    0xC014: _cbc("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", 32, "sha1"),
    0xC023: _cbc("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", 16, "sha256"),
    0xC024: _cbc("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", 32, "sha384"),
    0xC027: _cbc("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", 16, "sha256"),
    0xC028: _cbc("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", 32, "sha384"),
}
_TAG: Final = 16
_BLOCK: Final = 16
_HASH_SIZES: Final = {"sha1": 20, "sha256": 32, "sha384": 48}


class Opener(Protocol):
    """Opens the records of one direction under one key. `skipped` bytes stand before the ciphertext of the text."""

    skipped: int

    def open(self, number: int, header: bytes, body: bytes) -> bytes | None:
        """The text of a record; None where it is not what was sealed under this key and number."""

    def length(self, size: int) -> int | None:
        """How long the text of a body of `size` bytes is; None where only the text itself says."""


# Key schedules


def prf(name: str, secret: bytes, label: bytes, seed: bytes, size: int) -> bytes:
    """RFC 5246, 5: P_hash, also what extends a master secret (RFC 7627, 4)."""
    seed = label + seed
    made, link = b"", seed
    while len(made) < size:
        link = hmac.digest(secret, link, name)
        made += hmac.digest(secret, link + seed, name)
    return made[:size]


def expand_label(name: str, secret: bytes, label: str, size: int) -> bytes:
    """RFC 8446, 7.1: HKDF-Expand-Label without a context."""
    text = b"tls13 " + label.encode()
    info = size.to_bytes(2, "big") + bytes([len(text)]) + text + b"\0"
    made, link, count = b"", b"", 1
    while len(made) < size:
        link = hmac.digest(secret, link + info + bytes([count]), name)
        made += link
        count += 1
    return made[:size]


def next_secret(suite: Suite, secret: bytes) -> bytes:
    """RFC 8446, 7.2: the traffic secret after a key update."""
    return expand_label(suite.hash, secret, "traffic upd", len(secret))


def opener_13(suite: Suite, secret: bytes) -> Opener:
    """RFC 8446, 7.3: the record key of a traffic secret."""
    key = expand_label(suite.hash, secret, "key", suite.key)
    return _Aead13(_aead(suite, key), expand_label(suite.hash, secret, "iv", 12))


def openers_12(suite: Suite, master: bytes, randoms: bytes, *, mac_last: bool) -> tuple[Opener, Opener]:
    """RFC 5246, 6.3: those of client and server. `randoms`: the server's, then the client's; `mac_last`: RFC 7366."""
    mac = _HASH_SIZES.get(suite.mac, 0)
    fixed = {"gcm": 4, "chacha": 12, "cbc": 0}[suite.kind]
    block = prf(suite.hash, master, b"key expansion", randoms, 2 * (mac + suite.key + fixed))
    parts = []
    for size in (mac, mac, suite.key, suite.key, fixed, fixed):
        parts.append(block[:size])
        block = block[size:]

    def make(side: int) -> Opener:
        mac_key, key, iv = parts[side], parts[2 + side], parts[4 + side]
        if suite.kind == "cbc":
            return _Cbc12(key, mac_key, suite.mac, mac_last=mac_last)
        return _Aead12(_aead(suite, key), iv, explicit=suite.kind == "gcm")

    return make(0), make(1)


# Ciphers. `cryptography` takes a tenth of a second to import: only who has keys pays.

_Decrypt: TypeAlias = Callable[[bytes, bytes, bytes], "bytes | None"]


def _is_missing() -> InputError:
    return InputError("ciphers need the package cryptography, which is not here: pip install cryptography")


def decrypt_cbc(key: bytes, iv: bytes, body: bytes) -> bytes:
    """AES in CBC mode; `body` is whole blocks of 16 bytes. Raises `InputError` where `cryptography` is missing."""
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.algorithms import AES  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.modes import CBC  # noqa: PLC0415
    except ImportError:
        raise _is_missing() from None
    decryptor = Cipher(AES(key), CBC(iv)).decryptor()
    return decryptor.update(body) + decryptor.finalize()


def _aead(suite: Suite, key: bytes) -> _Decrypt:
    try:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305  # noqa: PLC0415
    except ImportError:
        raise _is_missing() from None

    cipher = AESGCM(key) if suite.kind == "gcm" else ChaCha20Poly1305(key)

    def decrypt(nonce: bytes, body: bytes, header: bytes) -> bytes | None:
        try:
            return cipher.decrypt(nonce, body, header)
        except InvalidTag:
            return None

    return decrypt


def _nonce(iv: bytes, number: int) -> bytes:
    return (int.from_bytes(iv, "big") ^ number).to_bytes(12, "big")


class _Aead13:
    """RFC 8446, 5.2 and 5.3."""

    skipped = 0

    def __init__(self, decrypt: _Decrypt, iv: bytes) -> None:
        self._decrypt = decrypt
        self._iv = iv

    def open(self, number: int, header: bytes, body: bytes) -> bytes | None:
        if len(body) < _TAG:
            return None
        return self._decrypt(_nonce(self._iv, number), body, header)

    def length(self, size: int) -> int | None:
        """With the byte of the inner content type and without padding, which nobody adds to media."""
        return max(size - _TAG - 1, 0)


class _Aead12:
    """RFC 5288, where the record brings half of the nonce, and RFC 7905, where it does not."""

    def __init__(self, decrypt: _Decrypt, iv: bytes, *, explicit: bool) -> None:
        self._decrypt = decrypt
        self._iv = iv
        self.skipped = 8 if explicit else 0

    def open(self, number: int, header: bytes, body: bytes) -> bytes | None:
        size = len(body) - self.skipped - _TAG
        if size < 0:
            return None
        nonce = self._iv + body[:8] if self.skipped else _nonce(self._iv, number)
        about = number.to_bytes(8, "big") + header[:3] + size.to_bytes(2, "big")
        return self._decrypt(nonce, body[self.skipped :], about)

    def length(self, size: int) -> int | None:
        return max(size - self.skipped - _TAG, 0)


class _Cbc12:
    """RFC 5246, 6.2.3.2: AES in CBC mode with an HMAC, over the text or (RFC 7366) over what was encrypted."""

    skipped = _BLOCK

    def __init__(self, key: bytes, mac_key: bytes, mac: str, *, mac_last: bool) -> None:
        self._key = key
        self._mac_key = mac_key
        self._mac = mac
        self._mac_size = _HASH_SIZES[mac]
        self._mac_last = mac_last

    def open(self, number: int, header: bytes, body: bytes) -> bytes | None:
        about = number.to_bytes(8, "big") + header[:3]
        if self._mac_last:
            body, tag = body[: -self._mac_size], body[-self._mac_size :]
            if not self._is_right(about, body, tag):
                return None
        text = self._decrypt(body)
        if text is None:
            return None
        padding = text[-1] + 1
        if padding > len(text) or text[-padding:] != bytes([padding - 1]) * padding:
            return None
        text = text[:-padding]
        if self._mac_last:
            return text
        text, tag = text[: -self._mac_size], text[-self._mac_size :]
        return text if self._is_right(about, text, tag) else None

    def _is_right(self, about: bytes, data: bytes, tag: bytes) -> bool:
        made = hmac.digest(self._mac_key, about + len(data).to_bytes(2, "big") + data, self._mac)
        return hmac.compare_digest(made, tag)

    def _decrypt(self, body: bytes) -> bytes | None:
        if len(body) < 2 * _BLOCK or len(body) % _BLOCK:
            return None
        return decrypt_cbc(self._key, body[:_BLOCK], body[_BLOCK:])

    def length(self, _size: int) -> int | None:
        return None
