"""One direction of an RTMPT session: what its exchanges bring, in the order of their numbers.

Exchanges may come over several connections, more than one at a time, and twice. What comes before its turn is held,
within the budget, until the number before it is complete or nobody waits for that any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin
from rtmpsniff.text import plural
from rtmpsniff.tunnel.inner import Event, InnerFlow, Lost, Span

MOST_AHEAD: Final = 512  # exchanges that may come before one that is missing: transport waits for its packets too
LONGEST_WAIT: Final = 5_000_000_000  # ns that they wait for it
_FARTHEST: Final = 1 << 20  # a number farther ahead belongs to no session that exists
_OVERHEAD: Final = 256  # bytes that an exchange which waits counts for beside what it brought


class Part:
    """What one exchange brings to a direction, until its turn comes."""

    __slots__ = ("done", "held", "number", "size", "time")

    def __init__(self, number: int, time: int) -> None:
        self.number = number
        self.time = time  # ns, when its first packet came
        self.done = False
        self.held: list[Span | Lost] = []
        self.size = 0  # bytes held


class Sequence:
    """One direction of a session: `begin`, `add`, `finish` and `withdraw` for each exchange, `flush` at the end."""

    def __init__(self, flow: InnerFlow, budget: Budget) -> None:
        self.flow = flow
        self.next: int | None = None  # whose turn it is; the first that is seen begins
        self.repeated = 0  # exchanges that were there before
        self.missing = 0  # that never came
        self._parts: dict[int, Part] = {}
        self._budget = budget

    def __repr__(self) -> str:
        return f"<Sequence from {self.flow.sender} at {self.next}, holds {len(self._parts)}>"

    @property
    def waits(self) -> bool:
        """Whether something is held back."""
        return bool(self._parts)

    def begin(self, number: int, origin: Origin) -> Part | None:
        """An exchange begins; None for one that was there before."""
        if self.next is None:
            self.next = number
        if number < self.next or number in self._parts or number > self.next + _FARTHEST:
            self.repeated += 1
            return None
        part = self._parts[number] = Part(number, origin.time)
        self._budget.held += _OVERHEAD
        return part

    def add(self, part: Part, item: Span | Lost) -> Iterator[Event]:
        """Bytes of an exchange, or that some are missing."""
        if part.number == self.next:
            yield self._event(item)
            return
        if isinstance(item, Span):
            part.size += len(item.data)
            self._budget.held += len(item.data)
        part.held.append(item)

    def finish(self, part: Part, origin: Origin) -> Iterator[Event]:
        """An exchange is complete: others may have their turn."""
        part.done = True
        yield from self._go_on()
        yield from self._give_up(origin)

    def withdraw(self, part: Part) -> None:
        """An exchange that brought nothing: it may be tried again."""
        if self._parts.get(part.number) is part:
            self._drop(part)

    def flush(self, origin: Origin) -> Iterator[Event]:
        """No more will come."""
        while self._parts:
            if self.next in self._parts:
                self._parts[self.next].done = True
                yield from self._go_on()
            else:
                yield from self._skip(origin)

    def _event(self, item: Span | Lost) -> Event:
        if isinstance(item, Span):
            return self.flow.piece(item)
        return self.flow.hole(item.size, item.origin, item.reason)

    def _go_on(self) -> Iterator[Event]:
        """Pass on what is held of those whose turn it is."""
        while self.next is not None and (part := self._parts.get(self.next)) is not None:
            held, part.held = part.held, []
            self._budget.held -= part.size
            part.size = 0
            for item in held:
                yield self._event(item)
            if not part.done:
                return
            self._drop(part)
            self.next += 1

    def _drop(self, part: Part) -> None:
        self._budget.held -= part.size + _OVERHEAD
        del self._parts[part.number]

    def _give_up(self, origin: Origin) -> Iterator[Event]:
        """Stop waiting for an exchange where too much came behind it, or too long ago."""
        while self._parts and self.next not in self._parts:
            waited = origin.time - min(part.time for part in self._parts.values())
            if len(self._parts) < MOST_AHEAD and waited < LONGEST_WAIT and not self._budget.spent:
                return
            yield from self._skip(origin)

    def _skip(self, origin: Origin) -> Iterator[Event]:
        """Those up to the first that is held are missing: a hole, since nobody knows how much they brought."""
        first = min(self._parts)
        count = first - (self.next or 0)
        self.missing += count
        yield self.flow.hole(None, origin, f"in {plural(count, 'exchange')} never captured")
        self.next = first
        yield from self._go_on()
