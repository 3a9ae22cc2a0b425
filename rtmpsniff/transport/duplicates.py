"""Packets that a capture shows twice: a port mirror, a bridge or an overlay network gives the same packet again.

They are told from what a sender sends again: the copy has the same IP identification and the same TCP header to the
last bit, and comes at once. Hops, addresses of network cards, tags and tunnels around it may differ.

Remembered are the last segments that took the general way through `reassembly`, and the last batches of packets that
took the short one; both are looked into only when a segment comes of which the bytes are known.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from rtmpsniff.capture.packet import Uncut
from rtmpsniff.transport.tcp import Segment

TIME_OF_COPIES: Final = 50_000_000  # ns
# Without an identification (IPv6, and systems that send 0) a retransmission may look the same, where the sender's
# clock in the TCP options has not ticked in between or there is none. It comes after a round trip at least.
TIME_OF_PLAIN_COPIES: Final = 2_000_000  # ns
_MOST_REMEMBERED: Final = 2048  # segments
_MOST_BATCHES: Final = 4  # more would push what is at hand out of the processor's cache
_MOST_SEGMENTS: Final = 64  # not looked into yet
_NO_IDENTIFICATION: Final = frozenset({b"", b"\0\0"})


class Duplicates:
    """What was seen lately. `batches` is written by the short way."""

    def __init__(self) -> None:
        self.found = 0  # copies
        self.batches: deque[list[Uncut]] = deque(maxlen=_MOST_BATCHES)
        self._segments: deque[Segment] = deque(maxlen=_MOST_SEGMENTS)
        self._seen: dict[bytes, int] = {}  # when; the oldest first
        self.note = self._segments.append  # a segment that is seen for the first time

    def is_copy(self, segment: Segment) -> bool:
        """Whether the same segment was there a moment ago; counts it."""
        while self._segments:
            there = self._segments.popleft()
            self._remember(there.identity, there.packet.time)
        while self.batches:
            for (_, _, time), _, block, start, _, _ in self.batches.popleft():
                # Ethernet, IPv4 without options, TCP: nothing else takes the short way.
                self._remember(block[start + 16 : start + 20] + block[start + 26 : start + 54], time)
        seen = self._seen.get(segment.identity)
        if seen is None:
            return False
        limit = TIME_OF_PLAIN_COPIES if segment.identification in _NO_IDENTIFICATION else TIME_OF_COPIES
        if abs(segment.packet.time - seen) > limit:
            return False
        self.found += 1
        return True

    def _remember(self, identity: bytes, time: int) -> None:
        seen = self._seen
        seen.pop(identity, None)
        seen[identity] = time
        if len(seen) > _MOST_REMEMBERED:
            del seen[next(iter(seen))]
