"""Times for a file: takes the timestamps of one stream's frames, gives milliseconds that a player can follow.

On the wire a timestamp is modulo 2^32, with FFmpeg and librtmp modulo 2^31; it may begin anywhere, and begins anew when
an encoder restarts or a player seeks. In a file:

- the first frame is at 0, and differences between timestamps stay what they are,
- time goes on where it wraps at 2^31 or 2^32,
- a frame that lies over 1 s before the one before it of its kind, or over 10 s later than can be, has jumped: it comes
  as much later as went by in the capture, at most 10 s, and those behind it follow with their differences. What can be
  is the latest frame's time and what went by since in the capture.

Audio and video may jump one after the other, so each has its shift; the second takes over that of the first if it fits,
which keeps them together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtmpsniff.rtmp.timestamps import difference

MOST_BACK: Final = 1_000  # ms, within audio or within video
MOST_AHEAD: Final = 10_000  # ms
_HALF: Final = 1 << 31  # what timestamps of 31 bits are modulo


class Timeline:
    """The time of one file. `latest` is that of its latest frame, in ms; `jumps` counts where timestamps jumped."""

    __slots__ = ("_last", "_shifts", "_start", "_time", "jumps", "latest")

    def __init__(self, start: int, time: int) -> None:
        """Begin where the timestamp `start` (ms) becomes 0; `time` is when it was captured, in ns."""
        self.latest = 0
        self.jumps = 0
        self._start = -start
        self._shifts: dict[int, int] = {}  # by kind: to be added to timestamps, modulo 2^32
        self._last: dict[int, int] = {}  # by kind: the time of its last frame
        self._time = time

    def frame(self, kind: int, timestamp: int, time: int) -> int:
        """The time of a frame of a kind (audio, video) with this timestamp (ms), captured at `time` (ns)."""
        elapsed = max(time - self._time, 0) // 1_000_000
        earliest = self._last.get(kind, self.latest - MOST_AHEAD + MOST_BACK) - MOST_BACK
        for shift in self._possible(kind):
            at = self.latest + difference(timestamp + shift, self.latest)
            if earliest <= at <= self.latest + MOST_AHEAD + elapsed:
                break
        else:
            at = self.latest + min(max(elapsed, 1), MOST_AHEAD)
            shift = at - timestamp
            self.jumps += 1
        at = max(at, 0)
        self._shifts[kind], self._last[kind] = shift, at
        self.latest, self._time = max(self.latest, at), max(self._time, time)
        return at

    def beside(self, kind: int, timestamp: int) -> int:
        """The time of what is no frame: often its timestamp is 0 wherever it stands, and it never moves the time."""
        shift = self._shifts.get(kind, next(iter(self._shifts.values()), self._start))
        at = self.latest + difference(timestamp + shift, self.latest)
        return at if abs(at - self.latest) <= MOST_AHEAD and at >= 0 else self.latest

    def _possible(self, kind: int) -> Iterator[int]:
        own = self._shifts.get(kind, self._start)
        yield own
        yield own + _HALF
        for other, shift in self._shifts.items():
            if other != kind and shift != own:
                yield shift
