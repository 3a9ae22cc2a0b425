"""What was handed on lately, so that bytes which are sent again can be compared with what they were at first.

A sender repeats what it sent. Bytes that are other ones the second time come from a broken stack, or from somebody who
wants the receiver and a listener to read different things: the first copy is read, and the output says so.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from rtmpsniff.transport.connection import Flow
from rtmpsniff.transport.events import Piece

MOST: Final = 4  # pieces, each of up to 96 segments: what is sent again comes soon, and more would cost speed


class Recent:
    """The last pieces of all connections."""

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque(maxlen=MOST)
        self.note = self._pieces.append

    def __repr__(self) -> str:
        return f"<Recent {len(self._pieces)} pieces>"

    def unlike(self, flow: Flow, offset: int, data: bytes) -> tuple[int, int]:
        """How many of these bytes are other ones than those that stood there first, and the offset of the first.

        What is no longer remembered is not compared.
        """
        count, first = 0, offset
        for piece in self._pieces:
            if piece.flow is flow:
                differing, place = compare(offset, data, piece.offset, piece.data)
                first = min(first, place) if count and differing else place if differing else first
                count += differing
        return count, first


def compare(offset: int, data: bytes, other_offset: int, other: bytes) -> tuple[int, int]:
    """Where two spans of a stream overlap: how many bytes differ, and the offset of the first that does."""
    start, stop = max(offset, other_offset), min(offset + len(data), other_offset + len(other))
    if start >= stop:
        return 0, start
    mine, theirs = data[start - offset : stop - offset], other[start - other_offset : stop - other_offset]
    if mine == theirs:
        return 0, start
    places = [start + at for at, (one, two) in enumerate(zip(mine, theirs, strict=True)) if one != two]
    return len(places), places[0]
