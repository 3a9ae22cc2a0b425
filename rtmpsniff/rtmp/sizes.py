"""The chunk size of one direction (§5.4.1): which it is, and how that is known.

It is 128 until the sender sets another. But the Set Chunk Size may stand where bytes are missing, or before the capture
began, and there are senders that set one size and go on with the last. So there may be several that it can be, and the
bytes tell: where a size would put a header of format 3 amid a message, one stands there, or that size is not it.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from rtmpsniff import findings
from rtmpsniff.findings import Rule, Severity
from rtmpsniff.rtmp.evidence import IMPOSSIBLE, Known
from rtmpsniff.rtmp.search import WINDOW
from rtmpsniff.rtmp.trails import Begun, follow, through

DEFAULT_CHUNK_SIZE: Final = 128
ANY_LENGTH: Final = 1 << 24  # no message is as long
CERTAIN: Final = 24.0  # bits that tell one size from another

# Sizes that software announces, for a sender whose Set Chunk Size was never seen; the last: it never splits.
USUAL: Final = (
    128, 256, 512, 1000, 1024, 1400, 2048, 4000, 4096, 5000, 8000, 8192, 10_000, 16_384, 32_768, 60_000, 64_000, 65_000,
    65_535, 65_536, 128_000, 131_072, 262_144, ANY_LENGTH,
)  # fmt: skip
_TINIEST: Final = 64  # nobody sends tinier chunks, and with them every byte may be a header
_UNUSUAL: Final = -40.0  # bits: three headers must speak for a size that nobody announces, beside what follows
_MOST_DISTANCES: Final = 64  # places at which a chunk of unknown size may end


class Reason(Enum):
    """Why the size may be another one than was seen to be set."""

    LATE = "the capture began late"
    LOST = "it may have been set where bytes are missing"
    DESYNC = "the bytes do not parse with the one that was set"


class Told(NamedTuple):
    """What there is to say of a chunk size."""

    rule: Rule
    severity: Severity
    title: str


class ChunkSize:
    """What is known of the size. `size` is the one to read with; messages up to `proven` bytes are cut alike by all."""

    def __init__(self) -> None:
        self.size = DEFAULT_CHUNK_SIZE
        self.proven = ANY_LENGTH
        self.doubt: Reason | None = None  # why it is not certain what the size is
        self.possible: tuple[int, ...] = (DEFAULT_CHUNK_SIZE,)
        self.in_use = False  # media was cut by it, so it is the right one; before media another may yet be set
        self._announced = 0  # a size that was set and has yet to be seen in use
        self._before = 0  # the size that was believed before there was doubt; 0: none

    def __repr__(self) -> str:
        return f"<ChunkSize {self.size}{f' or another of {len(self.possible)}' if len(self.possible) > 1 else ''}>"

    def state(self, size: int) -> None:
        """It is this one, by what the user says."""
        self.size, self.possible = size, (size,)

    def announce(self, size: int) -> None:
        """A Set Chunk Size. 0 is invalid and changes nothing."""
        if not size or (size == self.size and self.doubt is None):
            return
        before, self.size = self.size, size
        self._announced, self.doubt, self.in_use = size, None, False
        self.possible, self.proven = (size, before), min(size, before)
        if self.proven < _TINIEST or size == before:
            self._announced, self.possible, self.proven = 0, (size,), ANY_LENGTH

    def forget(self, why: Reason) -> None:
        """The size may be another one than was seen to be set."""
        if self.doubt is None:
            self.doubt, self._announced = why, 0
            self._before = 0 if why is Reason.LATE else self.size
        self.possible = (self.size, *(size for size in USUAL if size != self.size))
        self.proven = min(self.possible)

    def lose(self) -> None:
        """Bytes are missing: a size that was not seen in use may have been set there."""
        if not self.in_use:
            self.forget(Reason.LOST)

    def settle(
        self, known: Known, begun: Begun, extended: bytes, data: bytes, body: int, ending: bool
    ) -> tuple[int, Told | None]:
        """Find out which size cut the message whose payload begins at `data[body]`.

        Gives how long the data must be for an answer (0: here it is), and what there is to say. What the headers amid
        the message leave open is decided by the header behind it; if it is not cut, the size is at least its length.
        """
        length, limit = begun.state.length, body + WINDOW
        if len(data) >= limit:
            data, ending = data[:limit], True  # what is farther away does not count
        if self.doubt is not None and body + length > len(data) and not ending:  # headers at any distance may cut it
            return min(body + length, limit), None
        best, best_bits, current_bits = 0, IMPOSSIBLE, IMPOSSIBLE
        for size, prior in self._candidates(begun.chunk_stream_id, data, body, length):
            if size >= length and size == self._announced and not best:
                return 0, self._choose(size, length)  # nothing speaks for the one before
            bits, wanted = self._weigh(known, begun, extended, data, body, size, ending, sure=not prior)
            if wanted > len(data) and not ending:
                return min(wanted, limit), None
            if bits + prior > best_bits:
                best, best_bits = size, bits + prior
            if min(size, length) == min(self.size, length):
                current_bits = bits
            if best_bits >= CERTAIN or size >= length:
                break
        if best_bits >= CERTAIN:
            return 0, self._choose(best, length)
        self._suppose(best, current_bits == IMPOSSIBLE)
        return 0, None

    def _suppose(self, best: int, is_refuted: bool) -> None:
        """Nothing is certain: read on with what was announced, or as before if nothing speaks against that."""
        if self._announced:
            self.size = self._announced
        elif best and is_refuted:
            self.size = best

    def _weigh(
        self, known: Known, begun: Begun, extended: bytes, data: bytes, body: int, size: int, ending: bool, sure: bool
    ) -> tuple[float, int]:
        """What speaks for a size: the headers that it puts amid a message and behind it. And what is wanted for more.

        `sure`: enough of them amid the message do.
        """
        bits, wanted, *_ = through(known, begun.chunk_stream_id, extended, data, body, begun.state.length, size)
        if bits == IMPOSSIBLE or not 0 < wanted <= len(data):
            return bits, wanted
        if sure and bits >= CERTAIN:
            return bits, 0  # what follows may be odd, or of a chunk stream whose beginning was lost
        behind, wanted, *_ = follow(known, data, wanted, size, CERTAIN - bits, ending, begun)
        if behind == IMPOSSIBLE and size == self._announced:
            return bits, 0  # this is what the sender said
        return bits + behind, wanted

    def _candidates(self, chunk_stream_id: int, data: bytes, body: int, length: int) -> list[tuple[int, float]]:
        """The sizes that come into question, the usual ones first, each with what speaks for or against it before.

        Where none was announced, the bytes suggest others. One header of format 3 is no evidence for those: some byte
        is always like it.
        """
        sizes = [(size, 0.0) for size in sorted(self.possible) if size < length]
        if self.doubt is not None:
            head = 0xC0 | chunk_stream_id if chunk_stream_id < 64 else 0xC0
            at = body
            for _ in range(_MOST_DISTANCES):
                at = data.find(head, at + 1, body + length)
                if at < 0:
                    break
                if at - body > self.proven and at - body not in self.possible:
                    sizes.append((at - body, _UNUSUAL))
        return [*sizes, *((size, 0.0) for size in sorted(self.possible) if size >= length)]

    def _choose(self, size: int, length: int) -> Told | None:
        """It is this size, which cuts a message of this length; or one that does not."""
        if size < length:
            self.possible, self.proven = (size,), ANY_LENGTH
        else:
            self.possible = tuple(one for one in self.possible if one >= length) or (size,)
            self.proven = ANY_LENGTH if len(self.possible) == 1 else length
        self.size = self.possible[0]
        if self.proven < ANY_LENGTH:
            return None
        self.in_use = True
        announced, self._announced = self._announced, 0
        doubt, self.doubt = self.doubt, None
        if announced and self.size != announced:
            title = f"chunks of {self.size} bytes, although a chunk size of {announced} was set"
            return Told(findings.CHUNK_DESYNC, Severity.ERROR, title)
        if doubt is None or self.size == self._before:
            return None
        if doubt is Reason.DESYNC:
            title = f"chunks of {self.size} bytes from here on, although no such chunk size was set"
            return Told(findings.CHUNK_DESYNC, Severity.ERROR, title)
        title = f"chunk size not seen ({doubt.value}): by the distance of headers it is {self.size}"
        return Told(findings.CAPTURE_QUALITY, Severity.NOTE, title)

    def conclude(self) -> Told | None:
        """What there is to say at the end, where no message was long enough to be cut."""
        if self.doubt is not Reason.LATE or self.proven <= min(USUAL):
            return None
        title = f"chunk size not seen ({self.doubt.value}): it is at least {self.proven}, as long as a message not cut"
        return Told(findings.CAPTURE_QUALITY, Severity.NOTE, title)
