"""Extended timestamps (§5.3.1.3): where they stand, and in which of the styles a sender writes them.

The texts of 2009 and 2012 contradict each other on whether format 3 repeats them, and so do the programs: see
`lookahead`, which tells what these four bytes are.
"""

from __future__ import annotations

from rtmpsniff import findings
from rtmpsniff.findings import Severity
from rtmpsniff.rtmp.chunk import EXTENDED, Channel, Header
from rtmpsniff.rtmp.lookahead import LookAhead
from rtmpsniff.rtmp.outcome import Outcome
from rtmpsniff.rtmp.window import Window


class ExtendedTimestamps:
    """How one sender writes them."""

    def __init__(self, look_ahead: LookAhead, outcome: Outcome, window: Window) -> None:
        self._look_ahead = look_ahead
        self._outcome = outcome
        self._window = window

    def __repr__(self) -> str:
        return f"<ExtendedTimestamps, on format 3 repeated: {self._look_ahead.repeats_extended}>"

    def read(
        self, header: Header, channel: Channel | None, data: bytes, at: int, chunk_size: int
    ) -> tuple[int, int | None] | None:
        """The whole header's size, and what stands where an extended timestamp would; None: more bytes are needed."""
        size = header.size
        if header.format < 3 and header.timestamp != EXTENDED:
            return size, None
        place = at + size
        if place + 4 > len(data):
            return (size, None) if self._look_ahead.ending and header.format == 3 else None
        value = int.from_bytes(data[place : place + 4], "big")
        if header.format < 3 or channel is None:
            return size + 4, value
        repeated = self._look_ahead.is_repeated(channel, value, data, place, chunk_size)
        return None if repeated is None else (size + 4 if repeated else size, value)

    def judge_style(self, repeated: bool, value: int, at: int) -> None:
        """Note how this sender writes extended timestamps on format 3, and tell what is unusual about it."""
        before, self._look_ahead.repeats_extended = self._look_ahead.repeats_extended, repeated
        if before is not None and before != repeated:
            style, severity = "sometimes repeated and sometimes not", Severity.ERROR
        elif not repeated:
            style, severity = "left out (the text of 2009)", Severity.WARNING
        elif not value:
            style, severity = "four zero bytes (as mediamtx sends them)", Severity.WARNING
        else:
            return
        title = f"extended timestamps on format 3: {style}"
        self._outcome.find_once(
            findings.EXTENDED_STYLE, severity, title, self._window.base + at, self._window.origin(at)
        )

    def judge_absolute(self, at: int) -> None:
        """Tell that one in format 1 or 2 was read as a time."""
        title = "an extended timestamp in format 1 or 2 is read as a time and not as a delta, as LAL writes it"
        offset, origin = self._window.base + at, self._window.origin(at)
        self._outcome.find_once(findings.EXTENDED_DELTA, Severity.WARNING, title, offset, origin)

    def repeated(self, channel: Channel) -> bytes:
        """What stands behind each header of format 3 on a chunk stream."""
        if channel.extended is None or self._look_ahead.repeats_extended is False:
            return b""
        return channel.extended.to_bytes(4, "big")
