"""How many messages were lost whole: an estimate, since what was never captured cannot be counted.

Where the place of the next header was lost, everything up to the header that was found is one span. The messages that
were broken off in it are told as cut, and what they lack is known; the rest of the span held whole messages. How many
is estimated by the mean size of those that were read of the same sender.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from rtmpsniff.analysis.summary import ConnectionSummary, Tally
from rtmpsniff.rtmp.events import Undecoded
from rtmpsniff.transport.connection import Sender

_HEADER: Final = 8  # bytes of a chunk header of format 1, the commonest one that begins a message
_FEW: Final = 10  # messages of which a mean can be taken
_DIGITS: Final = 20  # an estimate above it has two digits, since more would say more than is known


class Lost(NamedTuple):
    """What one sender's spans held beside messages that were broken off: so many bytes, about so many messages."""

    bytes: int
    about: int
    mean: int  # bytes of a message, its header included


def lost_messages(connection: ConnectionSummary) -> dict[Sender, Lost]:
    """The estimate for each sender of whom anything was lost and enough was read; nothing of a partial summary."""
    if connection.is_partial:
        return {}
    lost: dict[Sender, Lost] = {}
    for sender in ("client", "server"):
        size = _unknown(span for span in connection.undecoded if span.sender == sender)
        read = [tally for (_, by), tally in connection.tallies.items() if by == sender]
        mean = _mean(read)
        if mean and round(size / mean):
            lost[sender] = Lost(size, _rounded(size / mean), round(mean))
    return lost


def _unknown(spans: Iterable[Undecoded]) -> int:
    """Bytes that belong to no message which was told."""
    return sum(max(span.length - span.broken_off, 0) for span in spans if span.broken_off is not None)


def _mean(tallies: list[Tally]) -> float:
    """Bytes of one message as it stands in the stream; 0 where too few were read."""
    messages = sum(tally.messages for tally in tallies)
    return sum(tally.bytes for tally in tallies) / messages + _HEADER if messages >= _FEW else 0


def _rounded(estimate: float) -> int:
    if estimate <= _DIGITS:
        return round(estimate)
    return round(float(f"{estimate:.2g}"))
