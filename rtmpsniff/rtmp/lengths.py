"""The length of messages that never state it again (§5.3.1.2.3, §5.3.1.2.4), where the one that did was not captured.

Audio whose frames are all equally long is sent by headers of format 2 or 3 from its second message on, so a capture
that begins later never sees its length or type. What is known is where a header of such a chunk stream stands (behind a
message that was understood) and where the next one that states everything does. The span between is one such message
or several, each with a header of its own; the length that fits several spans in a row is believed. It stays a guess.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from rtmpsniff.rtmp.chunk import read_header

SPANS: Final = 3  # in a row that must be of one length
MOST: Final = 1 << 14  # bytes of a span; a longer one is no audio
_LONGEST_STEP: Final = 1 << 13  # ms between two messages
_MOST_CANDIDATES: Final = 256
_CODECS: Final = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14})
_AAC: Final = 10
_AVC_LIKE: Final = frozenset({7, 12, 13})  # in the low half of a first byte: it is video
_AMF0_STRING: Final = b"\x02\x00"


class Inferred(NamedTuple):
    """What a chunk stream's audio is taken for."""

    chunk_stream_id: int
    length: int
    head: int  # the first byte of its bodies


class Lengths:
    """Collects spans of one direction: `begin`, `keep` what is skipped, `end` where a header was found."""

    def __init__(self) -> None:
        self._span: bytearray | None = None  # None: nothing is learned from what is skipped
        self._fitting: dict[int, list[dict[int, int]]] = {}  # by chunk stream, of its last spans: length, first byte

    def __repr__(self) -> str:
        return f"<Lengths of {sorted(self._fitting)}>"

    @property
    def held(self) -> int:
        """Bytes that this costs."""
        return 0 if self._span is None else len(self._span)

    def begin(self) -> None:
        """A header stands here that inherits what is not known."""
        self._span = bytearray()

    def drop(self) -> None:
        """Bytes are missing in the span."""
        self._span = None

    def keep(self, data: bytes) -> None:
        """The next bytes of the span."""
        if self._span is not None:
            self._span += data
            if len(self._span) > MOST:
                self._span = None

    def end(self, chunk_sizes: Collection[int]) -> Inferred | None:
        """The span ends here, before a header that is certain. Gives what is known by now.

        `chunk_sizes`: those that it can be.
        """
        span, self._span = self._span, None
        header = read_header(bytes(span), 0) if span else None
        if span is None or header is None or header.format < 2 or not 2 < header.chunk_stream_id < 64:
            return None
        number = header.chunk_stream_id
        spans = self._fitting.setdefault(number, [])
        sizes = {min(size, len(span)) for size in chunk_sizes}
        spans.append({k: v for size in sizes for k, v in _fitting(bytes(span), number, header.size, size)})
        if len(spans) < SPANS:
            return None
        common = set.intersection(*(set(each.items()) for each in spans))
        del spans[0]
        if not common:
            return None
        del self._fitting[number]
        length, head = min(common)  # the shortest: it has a header at each place where it needs one
        return Inferred(number, length, head)


def _fitting(span: bytes, chunk_stream_id: int, header: int, chunk_size: int) -> Iterator[tuple[int, int]]:
    """The lengths of which whole messages fill the span, and the first byte of their bodies."""
    if not _is_audio(span[header : header + 2]):
        return
    heads = {0x80 | chunk_stream_id, 0xC0 | chunk_stream_id}
    places = [at for at in range(header + 1, len(span)) if span[at] in heads][:_MOST_CANDIDATES]
    for place in [*places, len(span)]:
        size = place - header
        length = size - size // (chunk_size + 1)  # without the headers of format 3 amid the message
        if _fills(span, chunk_stream_id, length, span[header], chunk_size):
            yield length, span[header]


def _is_audio(body: bytes) -> bool:
    """Whether the first two bytes of a body are those of audio, and not of video, a command or data."""
    if len(body) < 2 or body == _AMF0_STRING or body[0] >> 4 not in _CODECS:
        return False
    if body[0] >> 4 == _AAC:
        return body[1] < 2
    return body[0] & 0x0F not in _AVC_LIKE or body[1] > 1


def _fills(span: bytes, chunk_stream_id: int, length: int, first: int, chunk_size: int) -> bool:
    """Whether messages of this length, which all begin with this byte, fill the span exactly."""
    at, end = 0, len(span)
    while at < end:
        if span[at] == 0xC0 | chunk_stream_id:
            at += 1
        elif span[at] == 0x80 | chunk_stream_id and int.from_bytes(span[at + 1 : at + 4], "big") <= _LONGEST_STEP:
            at += 4
        else:
            return False
        if span[at : at + 1] != bytes((first,)):
            return False
        left = length
        while left > chunk_size:
            at += chunk_size
            if span[at : at + 1] != bytes((0xC0 | chunk_stream_id,)):
                return False
            at += 1
            left -= chunk_size
        at += left
    return at == end
