"""The bytes of one direction that are at hand: where they stand in its stream, and which packet brought which."""

from __future__ import annotations

from bisect import bisect_right

from rtmpsniff.capture.packet import Origin, Place, new_tuple
from rtmpsniff.transport.events import Piece


class Window:
    """`base` is the stream offset of the first byte at hand; `rest` holds those that wait for more to come.

    Packet `places[i]` brought what stands from stream offset `offsets[i]` on; `latest` is the one that came last.
    """

    __slots__ = ("_origin", "_rest", "_start", "_stop", "_wanted", "base", "latest", "offsets", "places")

    def __init__(self) -> None:
        self.base = 0
        self._rest = bytearray()
        self._wanted = 0  # bytes that must be at hand before it is worth reading again
        self.offsets: list[int] = []
        self.places: list[Place] = []
        # The last answer: a span of the stream, and the packet that brought it.
        self._start = self._stop = 0
        self._origin = Origin(0, 0, 0)
        self.latest: Place = self._origin

    def __repr__(self) -> str:
        return f"<Window at {self.base}, {len(self._rest)} bytes wait>"

    @property
    def waiting(self) -> int:
        """How many bytes wait."""
        return len(self._rest)

    @property
    def rest(self) -> bytes:
        return bytes(self._rest)

    def open(self, piece: Piece) -> bytes | None:
        """The bytes at hand: those that waited, and those of the piece; None while they are too few."""
        self.latest = piece.places[-1]
        if not self._rest:
            self.base, self.offsets = piece.offset, piece.offsets
            self.places = piece.places if isinstance(piece.places, list) else list(piece.places)
            return piece.data
        self.offsets += piece.offsets
        self.places += piece.places
        self._rest += piece.data
        return None if len(self._rest) < self._wanted else bytes(self._rest)

    def close(self, data: bytes, used: int, wanted: int = 0) -> None:
        """`used` bytes of `data` were read; the others wait until there are `wanted` of them, or any more."""
        self._rest = bytearray(data[used:])
        self._wanted = wanted
        self.base += used
        if self._rest:
            at = bisect_right(self.offsets, self.base) - 1
            self.offsets = [self.base, *self.offsets[at + 1 :]]
            self.places = self.places[at:]
        else:  # nothing points into the piece any more
            self.offsets, self.places = [], []

    def origin(self, at: int) -> Origin:
        """The packet that brought the byte at hand number `at`. Neighbors are asked for in turn: the last is kept."""
        offset = self.base + at
        if self._start <= offset < self._stop:
            return self._origin
        offsets = self.offsets
        index = bisect_right(offsets, offset)
        self._start = offsets[index - 1]
        self._stop = offsets[index] if index < len(offsets) else offset + 1
        self._origin = origin = new_tuple(Origin, self.places[index - 1])
        return origin
