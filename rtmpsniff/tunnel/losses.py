"""Text that is missing between two TLS records, and how much: what is between them, less what the records take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.connection import Sender
from rtmpsniff.tunnel.inner import Lost
from rtmpsniff.tunnel.sides import Side

_TICKETS: Final = 3  # that a server of TLS 1.3 may send first: their text is none of the stream's
_UNKNOWN: Final = -1


class Losses:
    """What is missing of each direction, up to the next record that can be opened."""

    def __init__(self) -> None:
        self._open: dict[Sender, tuple[int, Origin, str]] = {}  # where it begins, or _UNKNOWN, and why

    def __repr__(self) -> str:
        return f"<Losses from {' and '.join(self._open) or 'nobody'}>"

    def begin(self, sender: Sender, start: int, origin: Origin, reason: str) -> None:
        """From here on records are missing; `start` is -1 where nobody knows how many bytes they are."""
        if sender not in self._open:
            self._open[sender] = (start, origin, reason)
        elif start < 0:
            self.forget_size(sender)

    def forget_size(self, sender: Sender) -> None:
        """The numbers of lost records do not tell any more how much they held."""
        if sender in self._open:
            self._open[sender] = (_UNKNOWN, *self._open[sender][1:])

    def close(self, sender: Sender, side: Side, stop: int, skipped: int) -> Lost | None:
        """The next record was opened: it begins at `stop`, and `skipped` numbers were passed over.

        None where nothing is missing.
        """
        found = self._open.pop(sender, None)
        if found is None:
            return None
        start, origin, reason = found
        size = self._size(side, stop - start, skipped) if start >= 0 else None
        return None if size == 0 else Lost(size, origin, reason)

    @staticmethod
    def _size(side: Side, between: int, skipped: int) -> int | None:
        """How much text is missing; None where that is not certain."""
        if side.overhead is None or side.number - skipped <= _TICKETS:
            return None
        size = between - skipped * side.overhead
        return None if size < 0 or (size > 0 and not skipped) else size

    def rest(self) -> Iterator[tuple[Sender, Lost]]:
        """What no record followed."""
        for sender, (_, origin, reason) in self._open.items():
            yield sender, Lost(None, origin, reason)
