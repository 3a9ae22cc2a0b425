"""Where headers lead: each predicts where the next one stands, and what stands there speaks for it or against it.

The bits are those of `evidence`. An answer rests on a certain number of bytes (`seen`) and stays the same however many
more there are: it must not depend on the pieces in which the bytes came. Where they do not yet suffice, the answer says
how many do (`wanted`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from rtmpsniff.rtmp.chunk import EXTENDED, read_header
from rtmpsniff.rtmp.evidence import IMPOSSIBLE, Inherited, Known, inherited, is_stale, told_by, weigh

PLENTY: Final = 400.0  # bits behind which no more are counted
BREAKS_IN: Final = 30.0  # bits that say that a header of another chunk stream stands amid a message
MOST_HEADERS: Final = 8  # that are followed from one place

_UNTOLD: Final = -3.0  # bits of a header whose chunk stream may have begun where bytes are missing
_UNLIKELY: Final = -24.0  # the same where nobody uses a chunk stream of this number
_USUAL: Final = range(2, 9)
_ONE_BYTE: Final = 64  # chunk streams below this one have a basic header of one byte


class Begun(NamedTuple):
    """A header before the place at hand, and what it made of its chunk stream."""

    chunk_stream_id: int
    state: Inherited


class Trail(NamedTuple):
    """Where headers led from one place: the evidence in bits, and how long the data must be for more of it (0: none).

    `seen` is how long the data had to be for this answer. `is_cut`: the chunk size counted, since it cut a message.
    """

    bits: float
    wanted: int = 0
    seen: int = 0
    is_cut: bool = False


class Step(NamedTuple):
    """One header that was weighed: the evidence, and where its payload begins; `wanted`: bytes that it takes, or 0."""

    bits: float
    wanted: int
    seen: int = 0
    body: int = 0
    begun: Begun | None = None  # None: nothing is known of the message
    extended: bytes = b""


_NONE: Final[Mapping[int, Inherited]] = {}


def step(known: Known, data: bytes, at: int, ending: bool, states: Mapping[int, Inherited] = _NONE) -> Step:
    """Weigh the header at `data[at]`; `ending`: no more data will come, so that one counts whose body is not there.

    `states`: what headers before this one made of their chunk streams, beside what is known.
    """
    header = read_header(data, at) if at < len(data) else None
    if header is None:
        return Step(0, max(at, len(data)) + 1)
    number = header.chunk_stream_id
    state = states.get(number) or inherited(known, number)
    if state is None and header.format > 1 and number < _ONE_BYTE:
        return Step(_UNTOLD if number in _USUAL else _UNLIKELY, 0, at + header.size)
    body = at + header.size + (4 if header.timestamp == EXTENDED else 0)
    needed = told_by(header, None if state is None else state.length, body)
    if needed > len(data) and not ending:
        return Step(0, needed)
    bits = weigh(known, state, header, data, body)
    if bits == IMPOSSIBLE and header.format > 1 and number not in states and is_stale(known, number):
        return Step(_UNTOLD, 0, needed)
    length = header.length if header.length is not None else state.length if state else 0
    type_id = header.type_id if header.type_id is not None else state.type_id if state else 0
    head = data[body] if length and body < len(data) else -1
    made = Begun(number, Inherited(type_id, length, head, state.timestamp if state else 0))
    return Step(bits, 0, needed, body, made, data[body - 4 : body] if header.timestamp == EXTENDED else b"")


def follow(
    known: Known,
    data: bytes,
    at: int,
    chunk_size: int,
    enough: float,
    ending: bool = False,
    begun: Begun | None = None,
    first: Step | None = None,
) -> Trail:
    """Weigh the header at `data[at]` and those that it predicts, until there are `enough` bits or none can be had.

    `begun`: the header before this one. `first`: what is known already of the one at `data[at]`.
    """
    bits, seen, is_cut = 0.0, 0, False
    states = {} if begun is None else {begun.chunk_stream_id: begun.state}
    for _ in range(MOST_HEADERS):
        here = first or step(known, data, at, ending, states)
        first = None
        if here.wanted:
            return Trail(bits, here.wanted, seen, is_cut)
        bits += here.bits
        seen = max(seen, here.seen)
        if bits >= enough or bits == IMPOSSIBLE or here.begun is None:
            return Trail(bits, 0, seen, is_cut)
        number, length = here.begun.chunk_stream_id, here.begun.state.length
        states[number] = here.begun.state
        trail = through(known, number, here.extended, data, here.body, length, chunk_size, None, enough - bits)
        bits += trail.bits
        seen = max(seen, trail.seen)
        is_cut = is_cut or trail.is_cut
        if bits >= enough or bits == IMPOSSIBLE or not trail.wanted or trail.wanted > len(data):
            return Trail(bits, trail.wanted, seen, is_cut)
        at = trail.wanted
    return Trail(bits, 0, seen, is_cut)


def through(
    known: Known,
    chunk_stream_id: int,
    extended: bytes,
    data: bytes,
    at: int,
    left: int,
    chunk_size: int,
    due: int | None = None,
    enough: float = PLENTY,
) -> Trail:
    """Go through the rest of a message whose payload stands at `data[at]`: `wanted` is where it ends.

    `due` bytes are still due to the chunk at hand (None: a whole one). Each header of format 3 on the way that stands
    where it should is evidence. So is a header of another chunk stream that breaks in there, but behind it nothing is
    predicted (`wanted` is 0); any other byte speaks against it all. Ends where there are `enough` bits.
    """
    bits, seen = 0.0, 0
    next_header = next_header_of(chunk_stream_id) + extended
    due = min(chunk_size if due is None else due, left)
    is_cut = left > due
    while left > due:
        at += due
        left -= due
        if at + len(next_header) > len(data):
            return Trail(bits, at + len(next_header), seen, is_cut)
        if not data.startswith(next_header, at):
            return _broken_in(known, data, at, bits)
        bits += 8 * len(next_header)
        at += len(next_header)
        seen = at
        due = min(chunk_size, left)
        if bits >= enough:
            return Trail(bits, 0, seen, is_cut)
    return Trail(bits, at + left, seen, is_cut)


def _broken_in(known: Known, data: bytes, at: int, bits: float) -> Trail:
    """Amid a message another header stands at `data[at]` than its own next one."""
    header = read_header(data, at)
    if header is None:
        return Trail(bits, len(data) + 1, 0, is_cut=True)
    state = inherited(known, header.chunk_stream_id)
    if header.format == 3 or (state is None and header.format == 2):
        return Trail(IMPOSSIBLE, 0, at + header.size, is_cut=True)
    needed = told_by(header, None if state is None else state.length, at + header.size)
    if needed > len(data):
        return Trail(bits, needed, 0, is_cut=True)
    broken_in = weigh(known, state, header, data, at + header.size)
    return Trail(bits + broken_in if broken_in >= BREAKS_IN else IMPOSSIBLE, 0, needed, is_cut=True)


def next_header_of(chunk_stream_id: int) -> bytes:
    """The header of format 3 that goes on with a message, in its shortest form."""
    if chunk_stream_id < 64:
        return bytes((0xC0 | chunk_stream_id,))
    if chunk_stream_id < 320:
        return bytes((0xC0, chunk_stream_id - 64))
    return b"\xc1" + (chunk_stream_id - 64).to_bytes(2, "little")
