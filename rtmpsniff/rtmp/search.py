"""Where the next chunk header stands, when that is not known: after a hole, or where a capture begins late.

All places are tried at once. A place is confirmed when the header there, and those that it predicts, give enough
evidence (see `trails`); the first that is confirmed wins, so that a false header which claims much holds nobody up.
After a hole there is one more reading, the likeliest: that the message which was broken off goes on behind it, its
next header where the length and the chunk size say.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from rtmpsniff.rtmp.candidates import LOOK, candidates
from rtmpsniff.rtmp.chunk import Channel
from rtmpsniff.rtmp.evidence import IMPOSSIBLE, Known
from rtmpsniff.rtmp.trails import Step, Trail, follow, step, through

ENOUGH: Final = 42.0  # bits: one false header in 2^42 places
AT_THE_END: Final = 26.0  # bits that must do where no more bytes will come
LIKELY: Final = 14.0  # bits that the message goes on: nearly every hole is inside one
WINDOW: Final = 1 << 18  # bytes behind a place that may speak for it, and are held for that
_FREE_BITS: Final = 8  # places that await bytes: about as many as 2 to this power
_MOST_PLACES: Final = 1 << 14
_PLACE_OVERHEAD: Final = 500  # bytes that one costs


class Rest(NamedTuple):
    """What a hole left of a message that goes on behind it."""

    channel: Channel
    header: int  # bytes of a chunk header that stand before the payload goes on
    due: int  # payload bytes that its chunk still lacks
    left: int  # payload bytes that the message still lacks
    lost: int  # payload bytes that the hole took
    headers: tuple[int, ...]  # payload positions at which the hole took a chunk header
    header_size: int  # of each of them
    extended: bytes  # what follows each header of format 3


class Found(NamedTuple):
    """A place to read on from; `rest` if a message goes on there, otherwise a header begins there."""

    offset: int
    rest: Rest | None = None


class _Place(NamedTuple):
    """A place that awaits more bytes."""

    offset: int
    wanted: int  # stream offset up to which the bytes must be there for a better answer


class _Answer(NamedTuple):
    """Where to read on, and up to which offset the bytes had to be there to know it: the least wins."""

    seen: int
    offset: int
    rest: Rest | None = None


class Search:
    """Looks through the bytes of one direction as they come. Places are offsets in its stream.

    It finds the same however the bytes were cut on their way: of all places the one wins that needed the fewest bytes.
    """

    def __init__(
        self,
        known: Known,
        sizes: Sequence[int],
        begin: int,
        rest: Rest | None = None,
        *,
        enough: float = ENOUGH,
        most_of_one: float = ENOUGH,
    ) -> None:
        """`sizes`: the chunk sizes that it can be, likeliest first. `most_of_one`: bits that one header may give."""
        self._known = known
        self._size = sizes[0]
        self._sizes = sorted(sizes)
        self._scanned = begin  # places before this one have been looked at
        self._rest = rest
        self._rest_at = begin
        self._rest_wanted = 0
        self._places: list[_Place] = []  # in order
        self._enough, self._most_of_one = enough, most_of_one
        self._candidates = candidates(known.channels)

    def look(self, data: bytes, base: int, ending: bool) -> Found | None:
        """Look at `data`, which stands at the offset `base` and goes on from the last time; `ending`: no more comes."""
        end = base + len(data)
        answers = list(self._go_on(data, base, ending))
        for place in self._ready(end, ending):
            answers += self._follow(place.offset, data, base, ending)
        stop = end if ending else end + 1 - LOOK
        for match in self._candidates.finditer(data, max(self._scanned - base, 0)):
            offset = base + match.start()
            if offset >= stop or (answers and offset >= min(answer.seen for answer in answers)):
                break
            answers += self._follow(offset, data, base, ending)
        self._scanned = max(self._scanned, stop)
        if answers:
            best = min(answers, key=_order)
            return Found(best.offset, best.rest)
        if ending and self._rest is not None:
            return Found(self._rest_at, self._rest)  # nothing speaks against it
        return None

    @property
    def cost(self) -> int:
        """Bytes that it holds beside those that it looks through."""
        return len(self._places) * _PLACE_OVERHEAD

    @property
    def needed(self) -> int:
        """From which offset on the bytes must be held."""
        if self._rest is not None:
            return self._rest_at
        return min(self._places[0].offset, self._scanned) if self._places else self._scanned

    def _ready(self, end: int, ending: bool) -> list[_Place]:
        """The places that may be judged anew."""
        ready = [place for place in self._places if ending or place.wanted <= end]
        if ready:
            self._places = [] if ending else [place for place in self._places if place.wanted > end]
        return ready

    def _follow(self, offset: int, data: bytes, base: int, ending: bool) -> Iterator[_Answer]:
        """Judge one place by what its header predicts. It is kept where that takes more bytes."""
        at, end = offset - base, len(data)
        first = step(self._known, data, at, ending)
        best, wanted, confirmed = IMPOSSIBLE, first.wanted, 0
        for trail in () if wanted else self._trails(first, data, at, ending):
            if trail.bits >= self._enough:
                confirmed = min(confirmed or trail.seen, trail.seen)
            elif trail.wanted > end:
                best, wanted = max(best, trail.bits), min(wanted or trail.wanted, trail.wanted)
        if confirmed:
            yield _Answer(base + max(confirmed, at + LOOK), offset)
        elif ending and best >= AT_THE_END:
            yield _Answer(base + end, offset)
        elif wanted and not ending and len(self._places) < _MOST_PLACES:
            insort(self._places, _Place(offset, base + wanted))

    def _trails(self, first: Step, data: bytes, at: int, ending: bool) -> Iterator[Trail]:
        """Where the header at `data[at]` leads with each chunk size, as far as that makes a difference."""
        if first.bits > self._most_of_one:
            first = first._replace(bits=self._most_of_one)
        for size in self._sizes:
            if not _is_worth_waiting(first, at, size):
                return
            trail = follow(self._known, data, at, size, self._enough, ending, None, first)
            if max(trail.seen, trail.wanted) <= at + WINDOW:
                yield trail
            if not trail.is_cut:
                return

    def _go_on(self, data: bytes, base: int, ending: bool) -> Iterator[_Answer]:
        """Whether the message that was broken off goes on as its length says."""
        rest, end = self._rest, base + len(data)
        if rest is None or (end < self._rest_wanted and not ending):
            return
        at, number, enough = self._rest_at - base + rest.header, rest.channel.chunk_stream_id, self._enough - LIKELY
        trail = through(self._known, number, rest.extended, data, at, rest.left, self._size, rest.due, enough)
        bits, wanted, seen, _ = trail
        ends_in_sight = not rest.left or 0 < wanted <= len(data)
        if bits < enough and bits != IMPOSSIBLE and ends_in_sight:
            behind = follow(self._known, data, wanted, self._size, enough - bits)
            bits, wanted, seen = bits + behind.bits, behind.wanted, max(seen, behind.seen)
        limit = self._rest_at + WINDOW
        if bits == IMPOSSIBLE and base + seen <= limit:
            self._rest = None
        elif bits >= enough and base + seen <= limit:
            yield _Answer(base + seen, self._rest_at, rest)
        elif wanted and base + wanted <= limit:
            self._rest_wanted = base + wanted
        else:  # nothing more can be had in the window
            self._rest_wanted = limit
            if end >= limit:
                yield _Answer(limit, self._rest_at, rest)


def _is_worth_waiting(first: Step, at: int, size: int) -> bool:
    """A header that claims much must have much for itself, lest too many places await bytes that are far away."""
    if first.begun is None:
        return False
    far = first.body + min(first.begun.state.length, size) - at
    return first.bits >= far.bit_length() - _FREE_BITS


def _order(answer: _Answer) -> tuple[int, int, bool]:
    return answer.seen, answer.offset, answer.rest is None


def behind(channel: Channel, due: int, size: int, chunk_size: int, extended: bytes) -> Rest | None:
    """What is left of a channel's message behind a hole of `size` bytes; None where the hole reaches beyond it.

    `due` bytes of the chunk at hand were still to come. Assumes that no other chunk stream broke in.
    """
    left, lost, hole = channel.left, 0, size
    header_size = (1 if channel.chunk_stream_id < 64 else 2 if channel.chunk_stream_id < 320 else 3) + len(extended)
    headers: list[int] = []
    received = channel.received
    while hole > due:
        hole -= due
        left -= due
        lost += due
        if not left:
            return None
        headers.append(received + lost)
        due = min(chunk_size, left)
        if hole < header_size:
            return Rest(channel, header_size - hole, due, left, lost, tuple(headers), header_size, extended)
        hole -= header_size
    return Rest(channel, 0, due - hole, left - hole, lost + hole, tuple(headers), header_size, extended)
