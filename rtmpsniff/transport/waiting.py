"""What a direction of a connection waits for: bytes that came early are held, and those they wait for have their time.

The rules for when missing bytes are given up are in `Wait.is_over`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from rtmpsniff.capture.packet import Origin

PACKETS_BEFORE_HOLE: Final = 64
TIME_BEFORE_HOLE: Final = 200_000_000  # ns
UNACKNOWLEDGED_LIMIT: Final = 2 << 20  # bytes
UNACKNOWLEDGED_TIME: Final = 30_000_000_000  # ns


class Held(NamedTuple):
    """A segment, or what is left of one. `offset` is where it stands in the stream."""

    offset: int
    data: bytes
    origin: Origin

    @property
    def stop(self) -> int:
        return self.offset + len(self.data)


def uncovered(held: Sequence[Held], offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """The parts of a segment that no held segment covers, with their offsets."""
    at = max(bisect_right(held, offset, key=attrgetter("offset")) - 1, 0)
    while data and at < len(held) and held[at].offset < offset + len(data):
        there = held[at]
        if there.offset > offset:
            yield offset, data[: there.offset - offset]
        known = max(there.stop - offset, 0)
        data, offset = data[known:], offset + known
        at += 1
    if data:
        yield offset, data


class Wait:
    """How long a direction has been lacking the bytes at `offset`, and how far its receiver has acknowledged."""

    __slots__ = ("_acknowledged_since", "_packets", "_since", "acknowledged", "offset")

    def __init__(self, offset: int, now: int) -> None:
        self.offset = offset
        self.acknowledged = 0  # stream offset
        self._since = now
        self._acknowledged_since: int | None = None  # when the bytes at `offset` were first acknowledged
        self._packets = 0

    def move(self, offset: int, now: int) -> None:
        """The direction went on to `offset`: what it lacks there has its own time."""
        if offset != self.offset:
            self.offset, self._since, self._packets = offset, now, 0
            self._acknowledged_since = now if self.acknowledged > offset else None

    def acknowledge(self, acknowledged: int, now: int) -> None:
        self.acknowledged = max(self.acknowledged, acknowledged)
        if self._acknowledged_since is None and self.acknowledged > self.offset:
            self._acknowledged_since, self._packets = now, 0

    def count_packet(self) -> None:
        """A packet of the connection went by."""
        self._packets += 1

    def is_over(self, now: int, held_bytes: int, one_sided: bool) -> bool:
        """Whether the bytes will not come any more.

        Those that the receiver has arrived: they get 64 more packets or 200 ms, since captures show an acknowledgement
        before its data. So do those of a connection of which only this direction was captured: no acknowledgement can
        come. Of others nobody knows; they may be sent again, until 2 MiB or 30 s of what follows are held.
        """
        if self._acknowledged_since is not None or one_sided:
            since = self._since if self._acknowledged_since is None else self._acknowledged_since
            return self._packets >= PACKETS_BEFORE_HOLE or now - since >= TIME_BEFORE_HOLE
        return held_bytes > UNACKNOWLEDGED_LIMIT or now - self._since >= UNACKNOWLEDGED_TIME
