"""The answer to SWF verification, from the file and the end of S1."""

from __future__ import annotations

import random
import zlib

import pytest

from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.control import UserControl
from rtmpsniff.payload.swf import KEY, LARGEST, inflated, swf_digest

FILE = b"FWS\x0a" + bytes(12)
TAIL = bytes(range(32))
MESSAGE = "001b0101000000100000001088007630784ca457d9d075ff14e29b66e4ae69223ade82132cb7de61c5d9b04a"


def compressed(plain: bytes) -> bytes:
    return b"C" + plain[1:8] + zlib.compress(plain[8:])


@pytest.mark.parametrize("file", [FILE, compressed(FILE)], ids=["plain", "compressed"])
def test_the_vector(file: bytes) -> None:
    size, digest = swf_digest(file, TAIL)
    assert size == 16
    assert digest.hex() == "88007630784ca457d9d075ff14e29b66e4ae69223ade82132cb7de61c5d9b04a"
    body = decode(4, bytes.fromhex(MESSAGE)).body
    assert isinstance(body, UserControl)
    assert (body.swf_size, body.swf_digest) == (size, digest)


def test_each_part_counts() -> None:
    right = swf_digest(FILE, TAIL)
    assert swf_digest(FILE + b"\0", TAIL).size == right.size + 1
    assert len({right.digest, swf_digest(FILE + b"\0", TAIL).digest, swf_digest(FILE, TAIL[::-1]).digest}) == 3


def test_a_compressed_file_is_hashed_as_it_would_be_without() -> None:
    plain = b"FWS\x08" + random.Random(1).randbytes(5000) + bytes(50_000)
    assert inflated(compressed(plain)) == plain
    assert inflated(compressed(plain) + b"after the end") == plain


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "no SWF file"),
        (b"FWS\x0a", "no SWF file"),
        (b"GIF89a" + bytes(10), "no SWF file"),
        (b"ZWS" + FILE[3:], "LZMA"),
        (b"C" + FILE[1:], "damaged"),
        (compressed(FILE)[:-6], "too early"),
        (b"CWS\x0a" + bytes(4), "too early"),
    ],
)
def test_files_that_cannot_be_read(file: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        swf_digest(file, TAIL)


def test_a_file_that_inflates_without_end_is_refused() -> None:
    squeeze = zlib.compressobj()
    megabyte = bytes(1024 * 1024)
    bomb = b"".join(squeeze.compress(megabyte) for _ in range(2 * LARGEST // len(megabyte))) + squeeze.flush()
    with pytest.raises(ValueError, match="more than 64 MiB"):
        inflated(b"CWS\x0a" + bytes(4) + bomb)


def test_the_largest_file() -> None:
    plain = b"FWS\x0a" + bytes(4 + LARGEST)
    assert len(inflated(compressed(plain))) == LARGEST + 8


@pytest.mark.parametrize("size", [0, 31, 33, 1536])
def test_the_key_has_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        swf_digest(FILE, bytes(size))


def test_the_public_key_is_that_of_the_player() -> None:
    assert len(KEY) == 30
