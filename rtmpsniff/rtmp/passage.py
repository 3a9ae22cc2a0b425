"""How a message came: the chunks it was cut into (§5.3), and the packets that brought it.

Nobody asks that of most messages of a capture, so of those that came whole and unbroken only what it can be told from
is kept until somebody does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from rtmpsniff.capture.packet import Origin, Place, new_tuple


class Chunk(NamedTuple):
    """One chunk of a message, or a run of equal continuation chunks that followed one another."""

    offset: int  # of its first header byte, in the sender's stream
    header: bytes  # the 1 to 18 bytes as sent
    size: int  # payload bytes that each carried
    run: int = 1
    unseen: int = 0  # bytes of a header that a hole took, where there is none to show


class Passage(NamedTuple):
    """What is to be told of a message's way."""

    chunks: tuple[Chunk, ...]
    first: Origin  # the least packet that brought bytes of it
    last: Origin  # the greatest


class Unbroken(NamedTuple):
    """A message all of whose chunks stood one behind the other, the later ones with headers of one byte (format 3).

    It tells what a `Passage` does. Packet `places[i]` brought what stands from stream offset `offsets[i]` on.
    """

    offset: int  # of its first header byte, in the sender's stream
    header: bytes  # that of its first chunk
    size: int  # payload bytes of each chunk but the last
    length: int  # payload bytes of all
    offsets: Sequence[int]
    places: Sequence[Place]

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        offset, header, size, length, *_ = self
        more = self._later
        if not more:
            return (Chunk(offset, header, length),)
        first = Chunk(offset, header, size)
        place, last_size = offset + len(header) + size, length - more * size
        later = bytes((header[0] | 0xC0,))
        if last_size == size:
            return first, Chunk(place, later, size, more)
        last = Chunk(place + (more - 1) * (1 + size), later, last_size)
        return (first, last) if more == 1 else (first, Chunk(place, later, size, more - 1), last)

    @property
    def first(self) -> Origin:
        return new_tuple(Origin, self.places[bisect_right(self.offsets, self.offset) - 1])

    @property
    def last(self) -> Origin:
        offset, header, size, length, offsets, places = self
        stop = offset + len(header) + length + ((length - 1) // size if length else 0)
        return new_tuple(Origin, places[bisect_right(offsets, stop - 1) - 1])

    @property
    def _later(self) -> int:
        """How many chunks follow the first."""
        return (self.length - 1) // self.size if self.length else 0
