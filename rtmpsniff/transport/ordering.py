"""The bytes of one direction in order: what comes early is held, what never comes is a hole.

`Ordering` takes the bytes of segments, wherever they stand, and gives pieces and holes. Of bytes that were sent twice
the first copy is kept. When bytes that are waited for are given up, `waiting` says; where the budget for held bytes is
spent, the direction that has waited longest gives way.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from operator import attrgetter
from typing import Final, TypeAlias

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.connection import FARTHEST, Flow
from rtmpsniff.transport.events import CUT, HELD_BACK, NEVER_ACKNOWLEDGED, NEVER_CAPTURED, Hole, Piece
from rtmpsniff.transport.recent import Recent, compare
from rtmpsniff.transport.waiting import TIME_BEFORE_HOLE, Held, Wait, uncovered

Ordered: TypeAlias = Piece | Hole

TIME_BETWEEN_LOOKS: Final = 20_000_000  # ns; a flood of connections with holes must not cost a look at all a packet

_USUAL_SEGMENT: Final = 1448  # bytes
_HELD_OVERHEAD: Final = 256  # what holding a segment costs beside its bytes: floods of tiny ones must count


class Ordering:
    """What is held of all directions, and for how long. `last` is the packet at hand: whoever reads packets sets it."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.last = Origin(0, 0, 0)
        self.recent = Recent()
        self.waiting: dict[Flow, None] = {}  # in the order in which they began to wait
        self._next_look = 0  # when all that wait are looked at again

    def __repr__(self) -> str:
        return f"<Ordering at {self.last.packet}: {len(self.waiting)} wait>"

    # Bytes arrive.

    def take(self, flow: Flow, new: Held, missing_tail: int) -> Iterator[Ordered]:
        """The bytes of a segment, and how many behind them the snapshot length cut away."""
        if missing_tail:
            heappush(flow.cuts, (new.stop, new.stop + missing_tail))
            self._count_held(flow, _HELD_OVERHEAD)
        if flow.held and new.offset < flow.held[-1].offset:
            flow.out_of_order += 1  # it comes behind bytes that follow it
        if new.offset > flow.offset or flow.held:
            self._hold(flow, new)
        else:
            yield from self._deliver(flow, new)
        yield from self._fill(flow)

    def _deliver(self, flow: Flow, held: Held) -> Iterator[Ordered]:
        """Bytes that begin at or before the place expected: what is new of them goes out."""
        known = flow.offset - held.offset
        if known:
            self._compare(flow, held.offset, held.data[:known])
        data = held.data[known:]
        if data:
            if not flow.ignored:
                piece = Piece(flow, flow.offset, data, [flow.offset], [held.origin])
                self.recent.note(piece)
                yield piece
            flow.advance(len(data))

    def _compare(self, flow: Flow, offset: int, again: bytes) -> None:
        """Bytes that were there before: count them, and those that are other ones now."""
        flow.retransmitted_bytes += len(again)
        found = [self.recent.unlike(flow, offset, again)]
        found += [compare(offset, again, held.offset, held.data) for held in flow.held]
        for count, place in found:
            flow.conflicting_bytes += count
            if count and flow.conflict is None:
                flow.conflict = place, self.last

    def _skip(self, flow: Flow, size: int, reason: str) -> Iterator[Hole]:
        hole = Hole(flow, flow.offset, size, self.last, reason)
        flow.gaps += 1
        flow.missing_bytes += size
        if reason is CUT:
            flow.cut_bytes += size
        else:
            flow.missing_packets += -(-size // max(flow.longest, _USUAL_SEGMENT))
        if reason is NEVER_ACKNOWLEDGED:
            flow.unacknowledged_bytes += size
        flow.advance(size)
        if not flow.ignored:
            yield hole

    # Bytes arrive early.

    def _hold(self, flow: Flow, early: Held) -> None:
        """Keep what came early; where it overlaps with what is held already, the first copy stays."""
        offset = max(early.offset, flow.offset)
        new = early.data[offset - early.offset :]
        parts = list(uncovered(flow.held, offset, new))
        if sum(len(data) for _, data in parts) < len(early.data):
            self._compare_held(flow, early, parts)
        for at, data in parts:
            place = bisect_left(flow.held, at, key=attrgetter("offset"))
            flow.held.insert(place, Held(at, data, early.origin))
            self._count_held(flow, len(data) + _HELD_OVERHEAD)
        self._wait_for(flow)

    def _compare_held(self, flow: Flow, early: Held, parts: Iterable[tuple[int, bytes]]) -> None:
        """All of a segment but these parts of it was there before."""
        at = early.offset
        for offset, data in (*parts, (early.stop, b"")):
            if offset > at:
                self._compare(flow, at, early.data[at - early.offset : offset - early.offset])
            at = offset + len(data)

    def _count_held(self, flow: Flow, change: int) -> None:
        flow.held_bytes += change
        self.budget.held += change

    def _fill(self, flow: Flow) -> Iterator[Ordered]:
        """Deliver held segments as far as they join on without a hole."""
        while True:
            if flow.held and flow.held[0].offset <= flow.offset:
                held = flow.held.pop(0)
                self._count_held(flow, -len(held.data) - _HELD_OVERHEAD)
                yield from self._deliver(flow, held)
            elif flow.cuts and flow.cuts[0][0] <= flow.offset:
                _, end = flow.cuts[0]
                stop = min(end, flow.held[0].offset) if flow.held else end  # of what was cut, some may be held
                if stop > flow.offset:
                    yield from self._skip(flow, stop - flow.offset, CUT)
                if flow.offset >= end:
                    heappop(flow.cuts)
                    self._count_held(flow, -_HELD_OVERHEAD)
            else:
                break
        self._settle(flow)

    def _wait_for(self, flow: Flow) -> Wait:
        if flow.wait is None:
            flow.wait = Wait(flow.offset, self.last.time)
            self.waiting[flow] = None
            flow.leave_short_way()
        return flow.wait

    def _settle(self, flow: Flow) -> None:
        """Stop waiting when nothing is held and nothing unseen was acknowledged."""
        wait = flow.wait
        if wait is None:
            return
        wait.move(flow.offset, self.last.time)
        if not flow.held and not flow.cuts and wait.acknowledged <= flow.offset:
            flow.wait = None
            del self.waiting[flow]
            if flow.end_offset is None:
                flow.take_short_way()

    # Bytes never arrive.

    def acknowledge(self, flow: Flow, acknowledgement: int) -> None:
        """The receiver of `flow` has everything up to here: what the capture has not by then, it may never have."""
        if not flow.started:
            if flow.promised < 0 and flow.connection.whole:
                flow.promised = acknowledgement  # its SYN-ACK was not captured
            return
        acknowledged = flow.offset + flow.distance(acknowledgement)
        if flow.end_offset is not None:  # a FIN takes a sequence number and no byte
            acknowledged = min(acknowledged, flow.end_offset)
        if flow.began_with_keep_alive(acknowledgement):
            flow.start(acknowledgement)
            return
        farthest = max(flow.offset + FARTHEST, flow.held[-1].stop if flow.held else 0)
        if flow.offset < acknowledged <= farthest:
            self._wait_for(flow).acknowledge(acknowledged, self.last.time)

    def overdue(self, flow: Flow | None, now: int) -> Iterator[tuple[Flow, str]]:
        """The directions whose next hole is to be declared now, with the reason where it is not the hole's own.

        Of the connection at hand that is asked with each packet, of all now and then. Each is to be released before the
        next is asked for: what that frees of the budget, no other has to give.
        """
        due: Iterable[Flow] = () if flow is None else (flow, flow.peer)
        if not self._next_look - TIME_BEFORE_HOLE < now < self._next_look:
            self._next_look = now + TIME_BETWEEN_LOOKS
            due = list(self.waiting)
        for waiting in due:
            wait = waiting.wait
            if wait is None:
                continue
            if waiting.ignored:
                self._drop(waiting)
            elif wait.is_over(now, waiting.held_bytes, not waiting.peer.started):
                yield waiting, ""
        while self.budget.spent and self.waiting:
            yield next(iter(self.waiting)), HELD_BACK

    def _drop(self, flow: Flow) -> None:
        """Nobody wants these bytes any more."""
        flow.held.clear()
        flow.cuts.clear()
        self._count_held(flow, -flow.held_bytes)
        flow.wait = None
        del self.waiting[flow]

    def release(self, flow: Flow, reason: str = "") -> Iterator[Ordered]:
        """Declare the next hole of a direction and deliver what stands behind it."""
        ends = [flow.held[0].offset] if flow.held else []
        if flow.cuts:
            ends.append(flow.cuts[0][0])
        if flow.wait is not None and flow.wait.acknowledged > flow.offset:
            ends.append(flow.wait.acknowledged)
        if ends:
            stop = min(ends)
            yield from self._skip(flow, stop - flow.offset, reason or self._whose_fault(flow, stop))
        yield from self._fill(flow)

    @staticmethod
    def _whose_fault(flow: Flow, stop: int) -> str:
        """Why the bytes up to `stop` are missing: the capture lacks them if the receiver has them."""
        is_acknowledged = flow.wait is not None and flow.wait.acknowledged >= stop
        return NEVER_CAPTURED if is_acknowledged or not flow.peer.started else NEVER_ACKNOWLEDGED

    def conclude(self, flow: Flow) -> Iterator[Ordered]:
        """No more will come: all that is waited for, up to the FIN, is missing."""
        if flow.wait is not None and flow.ignored:
            self._drop(flow)
        while flow.wait is not None:
            yield from self.release(flow)
        flow.leave_short_way()
        if flow.end_offset is not None and flow.offset < flow.end_offset:
            yield from self._skip(flow, flow.end_offset - flow.offset, self._whose_fault(flow, flow.end_offset))
