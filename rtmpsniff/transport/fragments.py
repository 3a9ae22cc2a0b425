"""IP fragments become the packet that they were cut from (RFC 791, 3.2; RFC 8200, 4.5).

Takes fragments, gives the payload of a packet when its last fragment arrives. Of bytes that came twice the first copy
is kept. What is held is bounded: the packet that has waited longest gives way. A packet that is never complete is never
given: TCP sees a hole where it would stand.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, NamedTuple

from rtmpsniff.budget import Budget

TIME_TO_COMPLETE: Final = 30_000_000_000  # ns, as Linux has it
TIME_OF_COPIES: Final = 50_000_000  # ns; what comes so soon after a packet was complete is a copy of its fragments
MOST_HELD: Final = 4 << 20  # bytes
_OVERHEAD: Final = 256  # what a fragment costs beside its bytes: floods of tiny ones must count
_LARGEST: Final = 65_535
_MOST_REMEMBERED: Final = 256


class Part(NamedTuple):
    """A fragment, or what is left of one. `data` is shorter than the span where the snapshot length cut it.

    `at` is where the data of a fragment that has just come begins in its frame.
    """

    start: int
    stop: int
    data: bytes
    at: int = 0


class Whole(NamedTuple):
    """The payload of a packet as far as it was captured, and its size on the wire."""

    protocol: int
    data: bytes
    size: int


class _Packet:
    """What is there of a packet."""

    __slots__ = ("held", "known", "parts", "protocol", "refused", "since", "size")

    def __init__(self, since: int) -> None:
        self.since = since
        self.parts: list[Part] = []  # by place, without overlaps
        self.known = 0  # bytes that they cover
        self.held = 0
        self.protocol = -1  # as the first fragment has it
        self.size: int | None = None  # the last fragment says it
        self.refused = False  # nobody wants it

    def add(self, part: Part) -> int:
        """Take what is new of a fragment; gives how many bytes more are held now."""
        before = self.held
        at = max(bisect_right(self.parts, part.start, key=lambda there: there.start) - 1, 0)
        while part.start < part.stop:
            while at < len(self.parts) and self.parts[at].stop <= part.start:
                at += 1
            there = self.parts[at] if at < len(self.parts) else None
            if there is None or there.start > part.start:
                stop = part.stop if there is None else min(part.stop, there.start)
                self._insert(at, Part(part.start, stop, part.data[: stop - part.start]))
                at += 1
            else:
                stop = there.stop
            part = Part(stop, part.stop, part.data[stop - part.start :])
        return self.held - before

    def _insert(self, at: int, part: Part) -> None:
        self.parts.insert(at, part)
        self.known += part.stop - part.start
        self.held += len(part.data) + _OVERHEAD

    def whole(self) -> Whole | None:
        """All of it, if it is there: up to the first byte that a snapshot length cut away."""
        if self.size is None or self.known < self.size or self.parts[-1].stop != self.size:
            return None
        found = []
        for part in self.parts:
            found.append(part.data)
            if len(part.data) < part.stop - part.start:
                break
        return Whole(self.protocol, b"".join(found), self.size)


class Fragments:
    """The packets of which some fragments are there. `add` is the door."""

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self.taken = 0  # fragments that were used or are held
        self.copies = 0  # fragments that came again when their packet was complete
        self.incomplete = 0  # packets that were given up: some of their fragments never came
        self.crowded_out = 0  # packets that gave way because too much was held
        self._held = 0
        self._packets: dict[bytes, _Packet] = {}  # the oldest first
        self._complete: dict[bytes, int] = {}  # when packets were complete

    def __repr__(self) -> str:
        return f"<Fragments of {len(self._packets)} packets, {self._held} bytes>"

    def add(
        self, key: bytes, protocol: int, part: Part, *, more: bool, now: int, refused: bool = False
    ) -> Whole | None:
        """Take a fragment; gives the packet's payload when nothing of it is lacking any more.

        `key` tells the packet: addresses, identification and what else must not mix. `refused`: the caller sees by
        this fragment that it has no use for the packet.
        """
        finished = self._complete.get(key)
        if finished is not None and abs(now - finished) <= TIME_OF_COPIES:
            self.copies += 1
            return None
        self._expire(now)
        packet = self._packets.get(key)
        if packet is None:
            packet = self._packets[key] = _Packet(now)
            self._count(_OVERHEAD)
            packet.held = _OVERHEAD
        if refused:
            self._refuse(packet)
        if packet.refused or part.stop > _LARGEST or part.start >= part.stop:
            return None
        self.taken += 1
        if part.start == 0 and packet.protocol < 0:
            packet.protocol = protocol
        if not more and packet.size is None:
            packet.size = part.stop
        self._count(packet.add(part))
        whole = packet.whole()
        if whole is not None:
            self._forget(key)
            self._complete.pop(key, None)
            self._complete[key] = now
            if len(self._complete) > _MOST_REMEMBERED:
                del self._complete[next(iter(self._complete))]
        self._make_room()
        return whole

    def is_held(self, key: bytes) -> bool:
        """Whether there are fragments of this packet, and somebody wants it."""
        packet = self._packets.get(key)
        return packet is not None and not packet.refused

    def end(self) -> None:
        """No more will come: what is there stays incomplete."""
        for key in list(self._packets):
            self._give_up(key)

    def _refuse(self, packet: _Packet) -> None:
        packet.refused = True
        self._count(_OVERHEAD - packet.held)
        packet.held = _OVERHEAD
        packet.parts.clear()

    def _expire(self, now: int) -> None:
        while self._packets:
            key = next(iter(self._packets))
            if abs(now - self._packets[key].since) < TIME_TO_COMPLETE:
                return
            self._give_up(key)

    def _make_room(self) -> None:
        while self._packets and (self._held > MOST_HELD or self.budget.spent):
            key = next(iter(self._packets))
            self.crowded_out += not self._packets[key].refused
            self._forget(key)

    def _give_up(self, key: bytes) -> None:
        self.incomplete += not self._packets[key].refused
        self._forget(key)

    def _forget(self, key: bytes) -> None:
        self._count(-self._packets.pop(key).held)

    def _count(self, change: int) -> None:
        self._held += change
        self.budget.held += change
