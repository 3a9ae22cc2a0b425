"""What is kept of an unbroken message tells how it came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.rtmp.passage import Chunk, Passage, Unbroken
from tests.rtmp.feeding import origin

HEADER, NEXT = b"\x06" + bytes(11), b"\xc6"


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, (Chunk(50, HEADER, 0),)),
        (1, (Chunk(50, HEADER, 1),)),
        (128, (Chunk(50, HEADER, 128),)),
        (129, (Chunk(50, HEADER, 128), Chunk(190, NEXT, 1))),
        (200, (Chunk(50, HEADER, 128), Chunk(190, NEXT, 72))),
        (256, (Chunk(50, HEADER, 128), Chunk(190, NEXT, 128))),
        (300, (Chunk(50, HEADER, 128), Chunk(190, NEXT, 128), Chunk(319, NEXT, 44))),
        (512, (Chunk(50, HEADER, 128), Chunk(190, NEXT, 128, 3))),
    ],
)
def test_chunks_of_a_message(length: int, expected: tuple[Chunk, ...]) -> None:
    came = Unbroken(50, HEADER, 128, length, [0], [origin(1)])
    assert Passage(came.chunks, came.first, came.last) == (expected, origin(1), origin(1))


@given(st.data(), st.integers(1, 40), st.integers(0, 300))
def test_the_packets_are_those_of_the_first_and_the_last_byte(data: st.DataObject, size: int, length: int) -> None:
    starts = sorted(data.draw(st.sets(st.integers(0, 400), max_size=9)) | {0})
    places = [origin(number) for number in range(1, len(starts) + 1)]
    came = Unbroken(50, HEADER, size, length, starts, places)
    assert sum(chunk.size * chunk.run for chunk in came.chunks) == length
    stop = 50 + sum((len(chunk.header) + chunk.size) * chunk.run for chunk in came.chunks)
    assert came.first == origin(sum(start <= 50 for start in starts))
    assert came.last == origin(sum(start < stop for start in starts))
