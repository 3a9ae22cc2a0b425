"""Compressed files: as streams, whatever their pieces, and what is told where they are wrong."""

from __future__ import annotations

import gzip
import random
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from io import BytesIO
from types import ModuleType

import pytest

from rtmpsniff.capture import compressed
from rtmpsniff.capture.compressed import Damaged, Packing, Unpacked, packing_of
from rtmpsniff.errors import InputError
from tests.capture.craft import Pieces

BLOCK = 64 * 1024
TEXT = random.Random(1).randbytes(50_000) + bytes(100_000) + b"the end"


def zstd() -> ModuleType:
    if sys.version_info >= (3, 14):
        return pytest.importorskip("compression.zstd")  # type: ignore[no-any-return]
    return pytest.importorskip("backports.zstd")  # type: ignore[no-any-return]


def zstd_compress(data: bytes) -> bytes:
    return bytes(zstd().compress(data))


BOTH = pytest.mark.parametrize("compress", [gzip.compress, zstd_compress], ids=["gzip", "zstd"])
Compress = Callable[[bytes], bytes]


def packing(data: bytes) -> Packing:
    found = packing_of(data[:4])
    assert found is not None
    return found


def unpack(data: bytes, size: int = BLOCK) -> tuple[bytes, str]:
    """What comes out of it, in blocks of at most 64 KiB, and how it ends."""
    source = Unpacked(Pieces(data[4:], [size] * len(data)), data[:4], packing(data))
    found = b""
    try:
        while block := source.read(BLOCK):
            assert len(block) <= BLOCK
            found += block
    except Damaged as damage:
        return found, str(damage)
    assert source.read(BLOCK) == b""
    return found, ""


@BOTH
@pytest.mark.parametrize("size", [1, 1000, BLOCK])
def test_it_gives_what_was_packed(compress: Compress, size: int) -> None:
    assert unpack(compress(TEXT), size) == (TEXT, "")


@BOTH
def test_several_members(compress: Compress) -> None:
    data = compress(b"one ") + compress(b"") + compress(TEXT)
    for size in (1, 5, BLOCK):
        assert unpack(data, size) == (b"one " + TEXT, "")


@BOTH
def test_zeros_behind_it_are_nothing(compress: Compress) -> None:
    assert unpack(compress(b"one") + bytes(70_000)) == (b"one", "")


@BOTH
@pytest.mark.parametrize("rest", [b"x", b"more", b"more and more"])
def test_something_else_behind_it(compress: Compress, rest: bytes) -> None:
    data = compress(b"one")
    name = packing(data).name
    for size in (1, BLOCK):
        expected = f"behind its {name} data, from byte {len(data)} on, something else follows"
        assert unpack(data + rest, size) == (b"one", expected)


@BOTH
def test_cut_anywhere(compress: Compress) -> None:
    data = compress(TEXT)
    name = packing(data).name
    for size in range(5, len(data), 997):
        found, ending = unpack(data[:size])
        assert TEXT.startswith(found)
        assert ending == f"its {name} data ends early, after {size} bytes"
        assert len(found) > 0.9 * min(size, 50_000) - (100 if name == "gzip" else 132_000)


def test_all_before_damage_in_gzip_is_given() -> None:
    text = random.Random(2).randbytes(300_000)
    stored = zlib.compressobj(0, wbits=31)  # blocks of 64 KiB, each with its length and its complement
    data = stored.compress(text) + stored.flush()
    at = data.index(text[200_000:200_008])
    header = max(place for place in range(at) if data[place + 1 : place + 5] in {b"\xff\xff\0\0", b"\xfe\xff\x01\0"})
    wrong = bytearray(data)
    wrong[header + 3] ^= 0xFF
    found, ending = unpack(bytes(wrong))
    assert text.startswith(found)
    assert len(found) > 100_000
    assert found == text[: len(found)]
    assert ending.startswith("its gzip data is damaged before byte ")
    assert ending.endswith(": invalid stored block lengths")


def test_a_wrong_checksum_is_told_behind_all_data() -> None:
    data = bytearray(gzip.compress(TEXT))
    data[-6] ^= 1
    assert unpack(bytes(data)) == (TEXT, f"its gzip data is damaged before byte {len(data)}: incorrect data check")


def test_damage_in_zstd() -> None:
    text = random.Random(3).randbytes(1_000_000).hex().encode()
    data = bytearray(zstd().compress(text, options={zstd().CompressionParameter.checksum_flag: 1}))  # as the program
    data[len(data) // 2] ^= 0xFF
    found, ending = unpack(bytes(data))
    sound = len(text) // 2 - 300_000  # a block is 128 KiB
    assert len(found) > sound
    assert found[:sound] == text[:sound]
    assert ending.startswith("its zstd data is damaged before byte ")


@BOTH
def test_what_swells_takes_no_memory(compress: Compress) -> None:
    data = compress(bytes(100 << 20))
    assert len(data) < 1 << 20
    source = Unpacked(BytesIO(data[4:]), data[:4], packing(data))
    tracemalloc.start()
    size = 0
    while block := source.read(BLOCK):
        size += len(block)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 100 << 20
    assert peak < 1 << 20


@BOTH
def test_a_pipe_where_nothing_is_there_yet(compress: Compress) -> None:
    class Hesitating(BytesIO):
        asked = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.asked += 1
            return super().read(3) if self.asked % 2 else None  # type: ignore[return-value]

    data = compress(b"some text") + compress(b", more")
    source = Unpacked(Hesitating(data), b"", packing(data))
    found: list[bytes | None] = []
    while (block := source.read(BLOCK)) != b"":
        found.append(block)
    assert b"".join(block for block in found if block) == b"some text, more"
    assert None in found


def test_a_frame_that_decoders_pass_over() -> None:
    data = b"\x53\x2a\x4d\x18\x03\0\0\0abc" + zstd_compress(b"text")
    assert unpack(data) == (b"text", "")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "_ZSTD_MODULES", ("no_such_module",))
    with pytest.raises(InputError, match=r"which needs a package: pip install backports\.zstd$") as caught:
        unpack(b"\x28\xb5\x2f\xfd")
    assert caught.value.exit_status == 3


@pytest.mark.parametrize("head", [b"", b"\x1f", b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a", b"\x63\x2a\x4d\x18"])
def test_what_is_not_packed(head: bytes) -> None:
    assert packing_of(head) is None


def test_its_doors_are_those_of_the_source() -> None:
    data = gzip.compress(b"x")
    with BytesIO(data) as source:
        unpacked = Unpacked(source, b"", packing(data))
        assert "gzip at byte 0" in repr(unpacked)
        assert not unpacked.closed
        unpacked.close()
        assert source.closed
        assert unpacked.closed
