"""Segments that follow one another become one piece: what the short way through `reassembly` gathers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import accumulate
from operator import itemgetter
from typing import Final

from rtmpsniff.capture.packet import Place, Uncut
from rtmpsniff.transport.connection import Flow
from rtmpsniff.transport.events import Piece
from rtmpsniff.transport.recent import Recent

# What of one direction travels as one piece: so many segments, or fewer where the blocks that they stand in, which wait
# with them, are longer than this together. With more of them what is made of a piece leaves the processor's cache.
MOST_PARTS: Final = 192
MOST_BYTES: Final = 1024 * 1024

_place_of: Final[Callable[[Uncut], Place]] = itemgetter(0)


class Batch:
    """Segments of one direction that followed one another and were not yet handed on.

    The direction's `next` moves with each of them, its `offset` when they become a piece.
    """

    __slots__ = ("flow", "note", "packets", "parts", "taken")

    def __init__(self, taken: deque[list[Uncut]], recent: Recent) -> None:
        self.taken = taken  # the packets of the last batches
        self.note = recent.note
        self.flow: Flow | None = None
        self.parts: list[bytes] = []
        self.packets: list[Uncut] = []

    def take(self) -> tuple[Piece, ...]:
        """What is there, as a piece; nothing where nobody wants it any more."""
        flow, parts, packets = self.flow, self.parts, self.packets
        self.flow, self.parts, self.packets = None, [], []
        if flow is None:
            return ()
        self.taken.append(packets)
        begin = flow.offset
        *offsets, flow.offset = accumulate(map(len, parts), initial=begin)
        flow.longest = max(flow.longest, len(parts[0]))  # one of the many: to look at all of them would be slow
        if flow.ignored:
            return ()
        piece = Piece(flow, begin, b"".join(parts), offsets, list(map(_place_of, packets)))
        self.note(piece)
        return (piece,)
