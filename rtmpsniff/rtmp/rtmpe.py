"""RTMPE (versions 6, 8, 9): what its handshake adds, as far as a listener can check it.

C1 and S1 carry a Diffie-Hellman public value each, from which both sides derive the keys of what follows. A listener
has both values and neither secret exponent, so it cannot. The signatures of C2 and S2 it can verify: version 6 leaves
them as they are, 8 and 9 veil them with XTEA and Blowfish under keys that every player and server knows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from struct import Struct
from typing import Final, TypeAlias

KEY_SIZE: Final = 128  # bytes of a public value: the second Oakley group, 1024 bits (RFC 2409)

_HALVES: Final = Struct("<2I")  # of a block of 8 bytes
_U32: Final = 0xFFFFFFFF
_KEYS: Final = 15  # there is a sixteenth of each kind, which is never picked: the byte is taken modulo 15

_XTEA_KEYS: Final = [
    tuple(int(word, 16) for word in line.split())
    for line in """
    bff034b2 11d9081f ccdfb795 748de732
    086a5eb6 1743090e 6ef05ab8 fe5a39e2
    7b10956f 76ce0521 2388a73a 440149a1
    a943f317 ebf11bb2 a691a5ee 17f36339
    7a30e00a b529e22c a087aea5 c0cb79ac
    bdce0c23 2febdeff 1cfaae16 1123239d
    55dd3f7b 77e7e62e 9bb8c499 c9481ee4
    407bb6b4 71e89136 a7aebf55 ca33b839
    fcf6bdc3 b63c3697 7ce4f825 04d959b2
    28e091fd 41954c4c 7fb7db00 e3a066f8
    57845b76 4f251b03 46d45bcd a2c30d29
    0acceef8 da55b546 03473452 5863713b
    b82075dc a75f1fee d84268e8 a72a44cc
    07cf6e9e a16d7b25 9fa7ae6c d92f5629
    feb1eae4 8c8c3ce1 4e0064a7 6a387c2a
""".strip().splitlines()
]
_BLOWFISH_KEYS: Final = [
    bytes.fromhex(line)
    for line in """
    7934774c67d1383adfb356be8b7bd02438e07358415d6967
    46f6b4cc0193e3a19e7d3c655586fd098ff7b3c46f41ca5c
    1ae7e2f3f9147994c0d39743087bb384432f9d843f21019b
    d3e354b0f71df62b5a434d0483643e0d592f61cbb16a590d
    c8c1e9b8165699217b5b36b7b59bdf06492c97f59548857e
    ebe5e62ea4bad42cf216e08f6623a94341ce381484950053
    66db90f03b4ff56fe49c2089355ed2b2c39e9f7f63b22881
    bb20aced2a046a1994989bc8ffcd93efc60d56a7eb13d930
    bcf2438209408a8725436de6bba4b944583f217c99bb3f24
    ec1aaacdcebd5311d2fb83b6c3baab4f6279e865a9922876
    c60c300391182d7b79dae1d564779a12c5b1d7914f964ca3
    d77c2abfa6e7857c45adff1294d8dea45c3d79a444025d22
    16190d816a4cc7f8b8f94ecd2c9e9084b2082560e11eae18
    e97c58261b519e49826061fca0a01bcdf505d6a66d0788a3
    2b97118bd94ed9df20e39c10e6a1352111f9130d0b2465b2
""".strip().splitlines()
]
_DELTA: Final = 0x9E3779B9

Halves: TypeAlias = tuple[int, int]


def veil(signature: bytes, key: bytes, version: int) -> bytes:
    """The 32 bytes that stand in C2 or S2 where version 3 has `signature`, which was made with `key`.

    Each block of 8 bytes is encrypted under one of 15 known keys, picked by a byte of `key`.
    """
    cipher = _CIPHERS.get(version)
    if cipher is None:
        return signature
    return b"".join(
        _HALVES.pack(*cipher(_HALVES.unpack_from(signature, at), key[at] % _KEYS)) for at in range(0, len(signature), 8)
    )


def _xtea(block: Halves, number: int) -> Halves:
    left, right = block
    key, total = _XTEA_KEYS[number], 0
    for _ in range(32):
        left = left + ((right << 4 ^ right >> 5) + right ^ total + key[total & 3]) & _U32
        total = total + _DELTA & _U32
        right = right + ((left << 4 ^ left >> 5) + left ^ total + key[total >> 11 & 3]) & _U32
    return left, right


class Blowfish:
    """The cipher with one key: `encrypt` is all that is needed here."""

    def __init__(self, key: bytes) -> None:
        words = _digits_of_pi()
        doubled = key * (72 // len(key) + 1)
        # The subkeys, mixed with the key; then all tables are replaced by what the cipher makes of zeros.
        self._subkeys = [words[n] ^ int.from_bytes(doubled[4 * n : 4 * n + 4], "big") for n in range(18)]
        self._boxes = [list(words[18 + 256 * n : 274 + 256 * n]) for n in range(4)]
        block: Halves = (0, 0)
        for table in (self._subkeys, *self._boxes):
            for at in range(0, len(table), 2):
                block = table[at], table[at + 1] = self.encrypt(block)

    def encrypt(self, block: Halves) -> Halves:
        """One block, as two numbers of 32 bits."""
        left, right = block
        first, second, third, fourth = self._boxes
        for subkey in self._subkeys[:16]:
            left ^= subkey
            mixed = (first[left >> 24] + second[left >> 16 & 255] ^ third[left >> 8 & 255]) + fourth[left & 255]
            left, right = right ^ mixed & _U32, left
        return right ^ self._subkeys[17], left ^ self._subkeys[16]


@cache
def _blowfish_with(number: int) -> Blowfish:
    """Setting up a key takes milliseconds; there are 15 of them."""
    return Blowfish(_BLOWFISH_KEYS[number])


def _blowfish(block: Halves, number: int) -> Halves:
    return _blowfish_with(number).encrypt(block)


@cache
def _digits_of_pi() -> tuple[int, ...]:
    """The fraction of pi in words of 32 bits, as many as Blowfish begins with."""
    words, spare = 18 + 4 * 256, 64
    one = 1 << 32 * words + spare
    pi = 4 * (4 * _arccot(5, one) - _arccot(239, one))  # Machin's formula
    fraction = (pi - 3 * one >> spare).to_bytes(4 * words, "big")
    return tuple(int.from_bytes(fraction[at : at + 4], "big") for at in range(0, len(fraction), 4))


def _arccot(number: int, one: int) -> int:
    """`one` times the arc cotangent of a whole number."""
    power = one // number
    total, divisor = power, 1
    while power:
        power //= -number * number
        divisor += 2
        total += power // divisor
    return total


_CIPHERS: Final[dict[int, Callable[[Halves, int], Halves]]] = {8: _xtea, 9: _blowfish}
