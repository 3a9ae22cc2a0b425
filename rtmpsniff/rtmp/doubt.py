"""Which headers to believe where some were lost: behind a hole, where a capture began late, behind a new chunk size.

A header found by a search is certain, but what those behind it inherit may have been stated where bytes are missing,
and so may the chunk size. So for a while each of them is looked at closely: whether it fits what is known, and whether
what it inherits and the chunk size lead to a next header. The questions are asked as those of `lookahead`: the answer
is None where more bytes are needed (`wanted` of the look-ahead says how many), and it stays the same with more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtmpsniff.findings import Rule
from rtmpsniff.payload.types import ACKNOWLEDGEMENT
from rtmpsniff.rtmp.chunk import EXTENDED, Channel, Header
from rtmpsniff.rtmp.evidence import IMPOSSIBLE, Inherited, Known, acknowledgement_bits, inherited, told_by, weigh
from rtmpsniff.rtmp.lookahead import FIXED_LENGTHS, LookAhead
from rtmpsniff.rtmp.search import WINDOW
from rtmpsniff.rtmp.sizes import CERTAIN, ChunkSize, Told
from rtmpsniff.rtmp.timestamps import Clock
from rtmpsniff.rtmp.trails import Begun, Trail, follow, through

_DOUBTED: Final = 12  # headers after a search that are looked at closely
_LIKE_BEFORE: Final = 8.0  # bits: less than 2^23 bytes were received since the last acknowledgement


class Doubt:
    """What is not certain of one direction."""

    def __init__(self, channels: Mapping[int, Channel], clock: Clock, look_ahead: LookAhead) -> None:
        self.chunk_size = ChunkSize()
        self.searched_for: Rule | None = None  # headers may have been lost: whose fault that was
        self.acknowledged: int | None = None  # the last sequence number that this side acknowledged
        self.told: Told | None = None  # what the last question gave rise to
        self.headers = 0  # that are still to be looked at closely
        self._channels = channels
        self._clock = clock
        self._look_ahead = look_ahead

    def __repr__(self) -> str:
        return f"<Doubt of {self.headers} headers, {self.chunk_size}>"

    @property
    def known(self) -> Known:
        """What is known of the direction now."""
        return Known(self._channels, self._clock.latest, self.acknowledged)

    @property
    def longest_plain(self) -> int:
        """Messages up to this length need no second look; -1: all do."""
        return -1 if self.headers else self.chunk_size.proven

    def begin(self, rule: Rule) -> None:
        """A search led to a header: those from there on are looked at closely. `rule`: whose fault it was."""
        self.searched_for = rule
        self.headers = _DOUBTED

    def is_credible(self, header: Header, channel: Channel | None, data: bytes, at: int) -> bool | None:
        """Whether the header at `data[at]`, which begins a message, fits what is known."""
        if not self.headers:
            return True
        body = at + header.size + (4 if header.timestamp == EXTENDED else 0)
        needed = told_by(header, None if channel is None else channel.length, body)
        if needed > len(data) and not self._look_ahead.ending:
            return self._ask_for(needed)
        known = self.known
        return weigh(known, inherited(known, header.chunk_stream_id), header, data, body) != IMPOSSIBLE

    def believe(self) -> None:
        """A header was believed."""
        self.headers -= 1

    def still_holds(self, channel: Channel, data: bytes, body: int) -> bool | None:
        """Whether what a header inherits from before a search leads to a next one; its payload is at `data[body]`."""
        if channel.type_id in FIXED_LENGTHS:
            return self._goes_on_acknowledging(channel, data, body)
        limit, ending = body + WINDOW, self._look_ahead.ending
        if len(data) >= limit:
            data, ending = data[:limit], True  # what is farther away does not count
        known = self.chunk_size
        sizes = known.possible if channel.length > known.proven else (known.size,)
        trails = [self._through(channel, data, body, channel.length, ending, size) for size in sizes]
        wanted = [0 if ending or trail.bits == IMPOSSIBLE else trail.wanted for trail in trails]
        undecided = [more for more in wanted if more > len(data)]
        if any(trail.bits >= CERTAIN and more <= len(data) for trail, more in zip(trails, wanted, strict=True)):
            return True
        return self._ask_for(min(*undecided, limit)) if undecided else False

    def _goes_on_acknowledging(self, channel: Channel, data: bytes, body: int) -> bool | None:
        """Control messages have equal lengths, and only of acknowledgements the value tells which of them it is."""
        if channel.type_id != ACKNOWLEDGEMENT:
            return False
        if body + 4 > len(data) and not self._look_ahead.ending:
            return self._ask_for(body + 4)
        return acknowledgement_bits(self.acknowledged, data[body : body + 4]) >= _LIKE_BEFORE

    def ignores_abort(self, channel: Channel, data: bytes, body: int) -> bool | None:
        """Whether a header of format 3, its payload at `data[body]`, goes on with the message that was aborted.

        By §5.4.2 that message is over, so this one begins another. It does, unless only the other reading leads on.
        """
        limit, ending = body + WINDOW, self._look_ahead.ending
        if len(data) >= limit:
            data, ending = data[:limit], True
        bits = []
        for left in (channel.aborted_left, channel.length):
            trail = self._through(channel, data, body, left, ending, self.chunk_size.size)
            if trail.bits != IMPOSSIBLE and trail.wanted > len(data) and not ending and left == channel.aborted_left:
                return self._ask_for(min(trail.wanted, limit))
            bits.append(trail.bits)
        goes_on, begins = bits
        return goes_on >= CERTAIN and goes_on > begins

    def _through(self, channel: Channel, data: bytes, body: int, left: int, ending: bool, size: int) -> Trail:
        """Where `left` bytes of a message lead in chunks of `size` bytes, and the headers behind them."""
        known = self.known
        trail = through(known, channel.chunk_stream_id, b"", data, body, left, size)
        if trail.bits == IMPOSSIBLE or not 0 < trail.wanted <= len(data):
            return trail
        behind = follow(known, data, trail.wanted, size, CERTAIN, ending)
        return behind._replace(bits=trail.bits + behind.bits)

    def settles_size(self, header: Header, channel: Channel | None, data: bytes, body: int) -> bool | None:
        """Find out which chunk size cut the message whose payload begins at `data[body]`, if that is not known."""
        self.told = None
        length = header.length if header.length is not None else channel.length if channel is not None else 0
        if length <= self.chunk_size.proven:
            return True
        ending = self._look_ahead.ending
        if body >= len(data) and not ending:
            return self._ask_for(body + 1)
        extended = data[body - 4 : body] if header.timestamp == EXTENDED else b""
        type_id = header.type_id if header.type_id is not None else channel.type_id if channel is not None else 0
        head = data[body] if body < len(data) else -1
        begun = Begun(header.chunk_stream_id, Inherited(type_id, length, head, 0))
        wanted, self.told = self.chunk_size.settle(self.known, begun, extended, data, body, ending)
        return self._ask_for(wanted) if wanted else True

    def _ask_for(self, wanted: int) -> bool | None:
        self._look_ahead.wanted = wanted
        return None
