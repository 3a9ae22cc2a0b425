"""Which header stands where one is read: whether it can be one, whether it begins a message, and what it inherits.

No header is applied here, so one that can only be understood by what follows it is read again when more has come; what
that settles of a doubt stays settled. Where no header can stand, or one says less than it must, the track is lost, and
`lost` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rtmpsniff import findings
from rtmpsniff.capture.packet import Origin, new_tuple
from rtmpsniff.findings import Rule
from rtmpsniff.rtmp.chunk import EXTENDED, Channel, Header, read_header
from rtmpsniff.rtmp.doubt import Doubt
from rtmpsniff.rtmp.extended import ExtendedTimestamps
from rtmpsniff.rtmp.lookahead import FIXED_LENGTHS, LookAhead, fault
from rtmpsniff.rtmp.outcome import Outcome
from rtmpsniff.rtmp.window import Window


class Lost(NamedTuple):
    """Nothing more can be read, and why."""

    why: str
    by: Origin  # the packet that showed it
    rule: Rule  # whose fault it is: the sender's, or the capture's
    at_header: bool  # what stands where it was lost is no header; otherwise the messages before it are none


class Understood(NamedTuple):
    """A header, and what it does."""

    header: Header
    channel: Channel | None  # its chunk stream; None: this header begins it
    size: int  # bytes, with the extended timestamp
    extended: int | None  # what stands in its place, if it has one
    begins: bool  # a message; otherwise it goes on with one


class Headers:
    """Reads the headers of one direction."""

    def __init__(
        self,
        channels: Mapping[int, Channel],
        doubt: Doubt,
        look_ahead: LookAhead,
        extended: ExtendedTimestamps,
        outcome: Outcome,
        window: Window,
    ) -> None:
        self.lost: Lost | None = None
        self._channels = channels
        self._doubt = doubt
        self._look_ahead = look_ahead
        self._extended = extended
        self._outcome = outcome
        self._window = window

    def __repr__(self) -> str:
        return f"<Headers{f', lost: {self.lost.why}' if self.lost else ''}>"

    def read(self, data: bytes, at: int) -> Understood | None:
        """The header at `data[at]`; None where more bytes are needed first, or where `lost` says that it is none."""
        header = read_header(data, at)
        if header is None:
            return None
        channel = self._channels.get(header.chunk_stream_id)
        if not self._is_credible(header, channel, data, at):
            return None
        size, extended = header.size, None
        if header.timestamp == EXTENDED or (channel is not None and channel.extended is not None):
            read = self._extended.read(header, channel, data, at, self._doubt.chunk_size.size)
            if read is None:
                return None
            size, extended = read
        begins = self._begins(header, channel, data, at + size)
        if begins is None or (begins and not self._is_understood(header, channel, data, at, size)):
            return None
        return new_tuple(Understood, (header, channel, size, extended, begins))

    def lose(self, why: str, origin: Origin, *, inherits: bool = False, at_header: bool = True) -> None:
        """Nothing more can be read. `inherits`: since it is not known what an earlier header stated."""
        # Soon after a search, and where a header was lost, it follows from what made the search necessary.
        follows = inherits or self._doubt.headers
        rule = (self._doubt.searched_for if follows else None) or findings.CHUNK_DESYNC
        self.lost = Lost(why, origin, rule, at_header)

    def _is_credible(self, header: Header, channel: Channel | None, data: bytes, at: int) -> bool:
        """Whether a header can be one. Where it cannot, `lost` says why; otherwise more bytes are needed to know."""
        if channel is None or header.type_id in FIXED_LENGTHS:
            why = fault(header, channel)
            if why:
                self.lose(why, self._window.origin(at), inherits=channel is None)
                return False
        if channel is not None and channel.left and header.format == 3:
            return True
        credible = self._doubt.is_credible(header, channel, data, at)
        if credible is False:
            why = f"a header of format {header.format} on chunk stream {header.chunk_stream_id} that cannot be one"
            self.lose(why, self._window.origin(at))
        return bool(credible)

    def _begins(self, header: Header, channel: Channel | None, data: bytes, body: int) -> bool | None:
        """Whether a header begins a message, and does not go on with one; None where more bytes are needed."""
        if channel is None:
            return True
        if not channel.left:
            ignored = header.format == 3 and channel.aborted_left > 0 and self._doubt.ignores_abort(channel, data, body)
            return None if ignored is None else not ignored
        if header.format == 3:
            return False
        goes_on = self._look_ahead.goes_on(header, channel, data, body, self._doubt.chunk_size.size)
        return None if goes_on is None else not goes_on

    def _is_understood(self, header: Header, channel: Channel | None, data: bytes, at: int, size: int) -> bool:
        """Whether a header that begins a message says enough, as far as it is known what it inherits.

        Where it does not, either more bytes are needed, or `lost` says what is wrong.
        """
        body = at + size
        if channel is not None and channel.stale and header.format > 1:
            holds = self._doubt.still_holds(channel, data, body)
            if holds is False:
                where = f"a header of format {header.format} on chunk stream {channel.chunk_stream_id}"
                self.lose(f"what {where} inherits was lost", self._window.origin(at), inherits=True)
            if not holds:
                return False
            channel.stale = False
        settled = self._doubt.settles_size(header, channel, data, body)
        told = self._doubt.told
        if told is not None:
            self._outcome.find(*told, self._window.base + body, self._window.origin(min(body, len(data) - 1)))
        return bool(settled)
