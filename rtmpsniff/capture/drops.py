"""How many packets were dropped while a pcapng file was captured, by what the file says of it.

Two places tell: Interface Statistics Blocks, whose counters run since the capture began, so that the latest holds, and
packets, which say how many were dropped since the one before them on their interface. They tell of the same packets,
so of one interface the greater sum counts.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

UNKNOWN: Final = (1 << 64) - 1  # what writers put where they do not know
_UNKNOWN_OBSOLETE: Final = 0xFFFF


class Drops:
    """The count of one file, section by section. `total` is None where the file does not say."""

    def __init__(self) -> None:
        self._before = 0  # in sections that are over
        self._is_told = False
        self._stated: dict[int, int] = {}  # by interface
        self._counted: defaultdict[int, int] = defaultdict(int)

    def __repr__(self) -> str:
        return f"<Drops {self.total}>"

    @property
    def total(self) -> int | None:
        """Packets that the interfaces and the system dropped, as far as they are told of."""
        return self._before + self._here if self._is_told else None

    @property
    def _here(self) -> int:
        interfaces = self._stated.keys() | self._counted.keys()
        return sum(max(self._stated.get(each, 0), self._counted.get(each, 0)) for each in interfaces)

    def begin_section(self) -> None:
        """Interfaces are numbered anew."""
        self._before += self._here
        self._stated.clear()
        self._counted.clear()

    def state(self, interface: int, counters: list[int]) -> None:
        """What a statistics block says was dropped of an interface, by whom ever: one number each."""
        known = [counter for counter in counters if counter != UNKNOWN]
        if known:
            self._is_told = True
            self._stated[interface] = sum(known)

    def count(self, interface: int, dropped: int) -> None:
        """What a packet says was dropped before it."""
        if dropped != UNKNOWN:
            self._is_told = True
            self._counted[interface] += dropped

    def count_obsolete(self, interface: int, dropped: int) -> None:
        """The same of a packet block of early drafts, in 16 bits."""
        self.count(interface, UNKNOWN if dropped == _UNKNOWN_OBSOLETE else dropped)
