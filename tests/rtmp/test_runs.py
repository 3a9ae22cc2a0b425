"""Chunks at equal distances."""

from __future__ import annotations

import pytest

from rtmpsniff.rtmp.passage import Chunk
from rtmpsniff.rtmp.runs import equal_bytes, shorten

HEADER, NEXT = b"\x06" + bytes(11), b"\xc6"


@pytest.mark.parametrize("other", [0, 1, 63, 64, 65, 599, 600])
def test_equal_bytes_end_at_the_first_other_one(other: int) -> None:
    data = bytearray(b"\xc6---" * 600)
    if other < 600:
        data[4 * other] = 0
    assert equal_bytes(bytes(data), 0, 4, 600, NEXT) == other


def test_bytes_between_do_not_count() -> None:
    assert equal_bytes(b"-\xc6-\xc6-\xc7", 1, 2, 3, NEXT) == 2


@pytest.mark.parametrize(
    ("chunks", "due", "expected"),
    [
        ([Chunk(0, HEADER, 128)], 100, [Chunk(0, HEADER, 28)]),
        ([Chunk(0, NEXT, 128, 3)], 100, [Chunk(0, NEXT, 128, 2), Chunk(258, NEXT, 28)]),
        ([Chunk(0, b"", 128, 1, 3)], 128, [Chunk(0, b"", 0, 1, 3)]),
    ],
)
def test_the_last_chunk_is_shortened(chunks: list[Chunk], due: int, expected: list[Chunk]) -> None:
    shorten(chunks, due)
    assert chunks == expected
