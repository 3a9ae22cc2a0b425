"""When connections are let go: those that are over after a while, and those on which nothing happens for long.

So memory holds what goes on, however long that takes. All times are those of packets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rtmpsniff.transport.connection import Connection, Flow

TIME_BETWEEN_SWEEPS: Final = 10_000_000_000  # ns; so much longer than these may pass before a connection is let go:
TIME_AFTER_END: Final = 60_000_000_000  # as long as Linux keeps a closed connection (TIME_WAIT)
TIME_UNANSWERED: Final = 300_000_000_000  # of one that was never answered, or half closed; Linux gives up after 127 s
TIME_IDLE: Final = 3_600_000_000_000
LONGEST_STEP: Final = 60_000_000_000  # where times jump, or nothing at all was captured, no more than this has passed


class Sweep:
    """Looks at all connections now and then, and remembers which of them have moved since."""

    def __init__(self) -> None:
        self._swept = 0  # when those that can be let go were last looked for
        self._age = 0  # ns that had passed by then, without the jumps of the packets' times

    def __repr__(self) -> str:
        return f"<Sweep at {self._swept}>"

    def is_due(self, now: int) -> bool:
        return not 0 <= now - self._swept < TIME_BETWEEN_SWEEPS

    def stale(self, clients: Iterable[Flow], now: int) -> Iterator[Connection]:
        """Those connections, of which one direction each is given, that are over or have stood still for long."""
        self._age += min(max(now - self._swept, 0), LONGEST_STEP)
        self._swept = now
        for flow in clients:
            connection = flow.connection
            mark = (flow.next, flow.acknowledged, flow.peer.next, flow.peer.acknowledged, connection.closed)
            if mark != connection.mark:
                connection.mark, connection.seen = mark, self._age
            elif self._age - connection.seen >= _patience(connection):
                yield connection


def _patience(connection: Connection) -> int:
    """How long a connection may stand still, in ns."""
    if connection.closed:
        return TIME_AFTER_END
    return TIME_IDLE if connection.answered and connection.closer is None else TIME_UNANSWERED
