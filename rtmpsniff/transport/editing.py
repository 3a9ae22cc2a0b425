"""Bytes of a TCP segment are replaced by others in the frames that carried it, and the checksum goes along.

The checksum is changed by what the bytes were changed by (RFC 1624): one that was right stays right, and one that was
wrong is as wrong as it was. What encloses the packet needs no change: to a checksum around it (UDP of a tunnel) a
segment whose own checksum went along adds up to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Final, NamedTuple

_CHECKSUM: Final = 16  # where it stands in TCP's header


class Portion(NamedTuple):
    """What a frame has of a segment's IP payload: `size` bytes from `at` on are those from `start` on."""

    frame: bytearray
    at: int
    start: int
    size: int


class EditableSegment:
    """A segment in its frames. TCP's header and payload begin at these places of what the portions make up.

    Unless it `mends`, the checksum stays: it was not computed yet, so there is nothing in it of the bytes.
    """

    def __init__(self, portions: Iterable[Portion], header: int, payload: int, *, mends: bool = True) -> None:
        self._mends = mends
        self._portions = sorted(portions, key=attrgetter("start"))
        self._header = header
        self._payload = payload

    def put(self, position: int, new: bytes) -> int:
        """Let `new` stand from `position` of the payload on, as far as that was captured; gives how many bytes."""
        start = self._payload + position
        change = changed = 0
        for frame, at, into, size in self._captured(start, start + len(new)):
            old, put = frame[at : at + size], new[into : into + size]
            frame[at : at + size] = put
            change += ones_sum(put, start + into - self._header) - ones_sum(old, start + into - self._header)
            changed += size
        if change and self._mends:
            self._mend(change)
        return changed

    def _captured(self, start: int, stop: int) -> Iterator[tuple[bytearray, int, int, int]]:
        """Where the bytes between two places are: a frame, a place in it, one after `start`, and how many."""
        for portion in self._portions:
            first, last = max(start, portion.start), min(stop, portion.start + portion.size)
            if first < last:
                yield portion.frame, portion.at + first - portion.start, first - start, last - first

    def _mend(self, change: int) -> None:
        places = list(self._captured(self._header + _CHECKSUM, self._header + _CHECKSUM + 2))
        if sum(size for *_, size in places) != 2:  # not captured, or, in fragments that overlap, twice
            return
        old = b"".join(bytes(frame[at : at + size]) for frame, at, _, size in places)
        new = mended(old, change)
        for frame, at, into, size in places:
            frame[at : at + size] = new[into : into + size]


def mended(checksum: bytes, change: int) -> bytes:
    """The checksum of what has changed by so much, as `ones_sum` adds it up."""
    return (0xFFFF - (0xFFFF - int.from_bytes(checksum, "big") + change) % 0xFFFF).to_bytes(2, "big")


def ones_sum(data: bytes | bytearray, place: int) -> int:
    """Bytes as a checksum adds them up, the first of which stands at `place` of what it covers."""
    high, low = sum(data[place & 1 :: 2]), sum(data[1 - (place & 1) :: 2])
    return high * 256 + low
