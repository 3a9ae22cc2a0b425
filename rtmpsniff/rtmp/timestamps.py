"""Timestamps (§5.3.1.2, §5.3.1.3): what a header's field adds up to, and where senders and texts disagree.

Time is milliseconds modulo 2^32, so it is compared by serial distance and never by `<`. Contested points are decided
here, each by a rule that has its reason beside it:

- an extended timestamp in format 1 and 2 is a delta by the specification; LAL writes the absolute time there,
- a format 3 chunk that begins a message after format 0 adds the timestamp of that chunk by the specification;
  nginx-rtmp means "the same time".
"""

from __future__ import annotations

from typing import Final

from rtmpsniff.rtmp.chunk import EXTENDED, MODULUS, Channel

NEAR: Final = 2_000  # ms: two readings differ, and only one lies this close to the audio and video around it
_FAR: Final = 1 << 24  # ms: a step that long would need 4 h 39 min without a message


def difference(later: int, earlier: int) -> int:
    """How far one timestamp lies behind another, in ms; negative if it lies before (serial arithmetic, §4)."""
    distance = (later - earlier) % MODULUS
    return distance - MODULUS if distance >= MODULUS // 2 else distance


class Clock:
    """How one sender uses timestamps, as far as it is known, and the time of its latest audio or video."""

    __slots__ = ("format_3_repeats_time", "latest", "writes_deltas")

    def __init__(self) -> None:
        self.format_3_repeats_time = False  # nginx-rtmp: format 3 begins a message of the same time
        # LAL has no plain delta where the time is 2^24 or more; whoever sends one there always writes deltas.
        # nginx-rtmp does, and the delta that it sends where 31-bit time wraps lies near the time it is added to.
        self.writes_deltas = False
        self.latest: int | None = None

    def state(self, channel: Channel, value: int) -> None:
        """Format 0: the time itself."""
        channel.timestamp = channel.delta = value
        channel.after_format_0 = True
        channel.certain = True

    def add(self, channel: Channel, value: int, extended: bool) -> bool:
        """Format 1 and 2: a delta, unless it is extended and lies near the time that it would be added to.

        Gives whether it was read as a time.
        """
        near = extended and channel.timestamp != 0 and abs(difference(value, channel.timestamp)) < _FAR
        absolute = near and not self.writes_deltas
        if absolute:
            value = (value - channel.timestamp) % MODULUS
            channel.certain = False
        elif not extended and channel.timestamp >= EXTENDED:
            self.writes_deltas = True
        channel.delta = value
        channel.after_format_0 = False
        channel.timestamp = (channel.timestamp + value) % MODULUS
        return absolute

    def repeat(self, channel: Channel) -> None:
        """Format 3 that begins a message: the last delta once more."""
        delta = 0 if self.format_3_repeats_time else channel.delta
        if delta and channel.after_format_0 and self.latest is not None:
            doubled = (channel.timestamp + delta) % MODULUS
            if abs(difference(doubled, self.latest)) > NEAR >= abs(difference(channel.timestamp, self.latest)):
                delta = 0
                channel.certain = False
        channel.timestamp = (channel.timestamp + delta) % MODULUS
