"""SWF verification: what a Flash Player answers when a server asks it to prove which program it runs.

The server asks by user control event 26, and event 27 answers with the size of the SWF file and a keyed hash of it.
This is in no specification; librtmp and FFmpeg compute it alike. The key is sent in the clear, so that with the file at
hand anybody who listens can check the answer, and give it.
"""

from __future__ import annotations

import hmac
import zlib
from typing import Final, NamedTuple

KEY: Final = b"Genuine Adobe Flash Player 001"
LARGEST: Final = 64 * 1024 * 1024  # bytes that a file is inflated to; the largest SWF files known have a few of them
_HEADER: Final = 8  # the signature, the version and the length, which are never compressed


class SwfDigest(NamedTuple):
    """What an answer holds: `size` of the inflated file in bytes, and the `digest` of 32 bytes."""

    size: int
    digest: bytes


def swf_digest(swf: bytes, s1_tail: bytes) -> SwfDigest:
    """The right answer for a SWF file, compressed or not; `s1_tail` is the last 32 bytes of S1.

    Raises `ValueError` for what is no SWF file, one that is broken or inflates to more than 64 MiB, one that is
    compressed by LZMA, and a tail of another size.
    """
    if len(s1_tail) != 32:
        raise ValueError(f"the key is the last 32 bytes of S1, not {len(s1_tail)} bytes")
    plain = inflated(swf)
    return SwfDigest(len(plain), _hash(s1_tail, _hash(KEY, plain)))


def inflated(swf: bytes) -> bytes:
    """The file as it would be without compression, as the hash and the size are of: `FWS`, then all the rest."""
    signature = swf[:3]
    if len(swf) < _HEADER or signature not in {b"FWS", b"CWS", b"ZWS"}:
        raise ValueError("this is no SWF file")
    if signature == b"ZWS":
        raise ValueError("a SWF file that is compressed by LZMA (ZWS) is not supported")
    if signature == b"FWS":
        return swf
    unpack = zlib.decompressobj()
    try:
        rest = unpack.decompress(swf[_HEADER:], LARGEST + 1)
    except zlib.error as error:
        raise ValueError("the SWF file cannot be inflated: it is damaged") from error
    if len(rest) > LARGEST:
        raise ValueError(f"the SWF file inflates to more than {LARGEST // 1024**2} MiB")
    if not unpack.eof:
        raise ValueError("the SWF file cannot be inflated: it ends too early")
    return b"F" + swf[1:_HEADER] + rest


def _hash(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")
