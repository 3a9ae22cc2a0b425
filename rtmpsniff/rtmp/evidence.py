"""How much a place in a stream looks like a chunk header, in bits.

Where bytes are missing, the next header has to be found again among bytes that may be anything. A header states much
that it could state wrongly: so many bits of evidence mean that one place in 2^bits would look as good by chance. What
is known of the direction (its chunk streams, their types, the time) sharpens the judgment; the first bytes of a body
count too. The headers that a header predicts are in `trails`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from rtmpsniff.payload.media import FOUR_CCS
from rtmpsniff.payload.types import (
    ABORT,
    ACKNOWLEDGEMENT,
    AUDIO,
    COMMAND_AMF0,
    COMMAND_AMF3,
    DATA_AMF0,
    DATA_AMF3,
    SET_CHUNK_SIZE,
    SHARED_OBJECT_AMF0,
    SHARED_OBJECT_AMF3,
    TYPE_NAMES,
    USER_CONTROL,
    VIDEO,
)
from rtmpsniff.rtmp.chunk import EXTENDED, Channel, Header
from rtmpsniff.rtmp.lookahead import FIXED_LENGTHS
from rtmpsniff.rtmp.timestamps import difference

IMPOSSIBLE: Final = float("-inf")
LOOKED_AT: Final = 24  # bytes of a body

_USUAL_STREAMS: Final = 64  # message streams are numbered from 1
_LONGEST_STEP: Final = 1 << 21  # ms: half an hour between two messages of a chunk stream
_CONTROL: Final = frozenset({1, 2, 3, 4, 5, 6})
# No longer one is believed where it is only a guess that here is a header.
_LONGEST: Final = {
    AUDIO: 1 << 17,
    VIDEO: 1 << 23,
    USER_CONTROL: 64,
    SHARED_OBJECT_AMF0: 1 << 20,
    SHARED_OBJECT_AMF3: 1 << 20,
    COMMAND_AMF0: 1 << 20,
    COMMAND_AMF3: 1 << 20,
    DATA_AMF0: 1 << 20,
    DATA_AMF3: 1 << 20,
}
_SHORTEST: Final = {AUDIO: 0, VIDEO: 0, USER_CONTROL: 2}
_EMPTY: Final = -24.0  # bits: runs of zeros are common, and say that a message is empty
_AVC_LIKE: Final = frozenset({7, 12, 13})


class Known(NamedTuple):
    """What is known of a direction when its next header is looked for."""

    channels: Mapping[int, Channel]
    latest: int | None  # time of the latest audio or video, ms
    acknowledged: int | None  # the last sequence number that the direction's sender acknowledged
    is_behind_hole: bool = False  # what is known of chunk streams may have changed where bytes are missing


class Inherited(NamedTuple):
    """What a chunk stream's next header inherits, as far as it is known."""

    type_id: int
    length: int
    head: int  # the first byte of its last body; -1: not known
    timestamp: int


def told_by(header: Header, inherited_length: int | None, body: int) -> int:
    """How long the data must be to weigh a header whose payload begins at `data[body]`."""
    length = header.length if header.length is not None else inherited_length or 0
    return body + min(length, LOOKED_AT)


def inherited(known: Known, chunk_stream_id: int) -> Inherited | None:
    """What the next header on a chunk stream inherits; None where it has not begun."""
    channel = known.channels.get(chunk_stream_id)
    return None if channel is None else Inherited(channel.type_id, channel.length, channel.head, channel.timestamp)


def is_stale(known: Known, chunk_stream_id: int) -> bool:
    """Whether a chunk stream may have been told something else since, where bytes are missing."""
    channel = known.channels.get(chunk_stream_id)
    return channel is not None and (known.is_behind_hole or channel.stale)


def weigh(known: Known, state: Inherited | None, header: Header, data: bytes, body: int) -> float:
    """The evidence that one header gives, with the body at `data[body]`; IMPOSSIBLE where it cannot be one."""
    if state is None and (header.format > 1 or header.chunk_stream_id > 63):
        return IMPOSSIBLE
    bits = _chunk_stream_bits(known, state, header)
    type_id = header.type_id if header.type_id is not None else state.type_id if state else 0
    length = header.length if header.length is not None else state.length if state else 0
    if type_id not in TYPE_NAMES or not _is_length(type_id, length):
        return IMPOSSIBLE
    if header.type_id is not None:
        bits += 24 - length.bit_length() if length else _EMPTY
        bits += 8 if state is not None and state.type_id == type_id else 4
        if type_id in _CONTROL and header.chunk_stream_id != 2:
            bits -= 12
    if header.message_stream_id is not None:
        bits += _message_stream_bits(known, header.message_stream_id, type_id)
    if header.timestamp is not None:
        bits += _time_bits(known, state, header, type_id)
    if type_id == ACKNOWLEDGEMENT:
        return bits + acknowledgement_bits(known.acknowledged, data[body : body + 4])
    return bits + _body_bits(type_id, length, data, body, -1 if state is None else state.head)


def _is_length(type_id: int, length: int) -> bool:
    """Whether a message of this type may have so many bytes. Of empty ones only audio and video mean something."""
    if type_id in FIXED_LENGTHS:
        return length in FIXED_LENGTHS[type_id]
    return _SHORTEST.get(type_id, 1) <= length <= _LONGEST.get(type_id, 1 << 22)


def _chunk_stream_bits(known: Known, state: Inherited | None, header: Header) -> float:
    if state is not None:
        return 6 - len(known.channels).bit_length()
    return 2 if header.chunk_stream_id <= 8 else -4


def _message_stream_bits(known: Known, message_stream_id: int, type_id: int) -> float:
    if message_stream_id == 0:
        return 28
    if type_id in _CONTROL - {USER_CONTROL}:
        return IMPOSSIBLE
    if any(channel.message_stream_id == message_stream_id for channel in known.channels.values()):
        return 28
    return 24 if message_stream_id <= _USUAL_STREAMS else IMPOSSIBLE


def _time_bits(known: Known, state: Inherited | None, header: Header, type_id: int) -> float:
    value = header.timestamp or 0
    if value == EXTENDED:
        return 0
    if header.format > 0:
        if value > _LONGEST_STEP:  # FFmpeg begins a chunk stream at any time by a delta
            return 0 if state is None or state.timestamp == 0 else IMPOSSIBLE
        return 24 - value.bit_length()
    if type_id in _CONTROL or known.latest is None:
        return 24 - value.bit_length()
    return max(0, 23 - abs(difference(value, known.latest & 0xFFFFFF)).bit_length())


def acknowledgement_bits(last: int | None, here: bytes) -> float:
    """Acknowledged sequence numbers grow, and not by much."""
    if len(here) < 4:
        return 0
    value = int.from_bytes(here, "big")
    if last is None or value < last:
        return 0
    return max(0, 31 - (value - last).bit_length())


def _body_bits(type_id: int, length: int, data: bytes, at: int, head: int) -> float:  # noqa: PLR0911
    """What the first bytes of a body say for its type."""
    here = data[at : at + min(length, LOOKED_AT)]
    if not here:
        return 0
    if type_id == AUDIO:
        return _audio_bits(here, head)
    if type_id == VIDEO:
        return _video_bits(here, length, head)
    if type_id in {COMMAND_AMF0, DATA_AMF0}:
        return _name_bits(here)
    if type_id in {COMMAND_AMF3, DATA_AMF3}:
        return 8 + _name_bits(here[1:]) if here[0] in {0, 3} and len(here) > 1 else _name_bits(here)
    if type_id == USER_CONTROL and len(here) >= 2:
        return 10 if here[0] == 0 and here[1] < 64 else IMPOSSIBLE
    if type_id in {SET_CHUNK_SIZE, ABORT}:
        return 8 if here[0] == 0 else IMPOSSIBLE  # more than 16 MiB mean the same as 16 MiB, and nobody sets them
    return 0


def _audio_bits(here: bytes, head: int) -> float:
    first, kind = here[0], here[0] >> 4
    bits = 8 if first == head else 1
    if kind == 9 and len(here) >= 5:
        return bits + 24 if here[1:5] in FOUR_CCS else bits - 4
    if kind == 10 and len(here) >= 2:
        return bits + 6 if here[1] < 2 else IMPOSSIBLE
    return bits if first == head or head < 0 else bits - 6


def _video_bits(here: bytes, length: int, head: int) -> float:
    first = here[0]
    if head >= 0 and (first ^ head) & 0x80:  # Enhanced RTMP begins when a stream does
        return IMPOSSIBLE
    if first & 0x80:
        if len(here) >= 5 and first & 0x0F < 6:
            return 24 if here[1:5] in FOUR_CCS else IMPOSSIBLE
        return 0
    frame_type, codec = first >> 4, first & 0x0F
    if not 1 <= frame_type <= 5 or not 1 <= codec <= 15:
        return IMPOSSIBLE
    bits = 6 if head >= 0 and codec == head & 0x0F else -2 if head >= 0 else 1
    if codec in _AVC_LIKE and len(here) >= 5 and frame_type != 5:
        offset = int.from_bytes(here[2:5], "big", signed=True)
        if here[1] > 2 or abs(offset) > 60_000:
            return IMPOSSIBLE
        bits += 6 + 23 - abs(offset).bit_length()
        if here[1] == 1 and len(here) >= 9:
            size = int.from_bytes(here[5:9], "big")
            bits += 32 - size.bit_length() if 0 < size <= length - 9 else -10
    return bits


def _name_bits(here: bytes) -> float:
    """A command or data message begins with a name: an AMF0 string, mostly of ASCII."""
    if here[0] not in {2, 12}:
        return IMPOSSIBLE
    if len(here) < 4 or here[0] != 2 or here[1] != 0:
        return 0
    text = here[3 : 3 + here[2]]
    return 16 + 1.4 * len(text) if text.isascii() and text.decode().isprintable() else IMPOSSIBLE
