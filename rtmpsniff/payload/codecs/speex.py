"""Speex as Flash has it: frames of 20 ms at 16 kHz, one after the other, each a narrowband frame with layers on it.

The Speex manual, 9.3 and 10.3: nothing says how many frames there are but the modes of all of them in turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from rtmpsniff.fields import Cursor, Field, Role
from rtmpsniff.payload.codecs.sound import Sound, sound

RATE: Final = 16_000
FRAME_SAMPLES: Final = 320

_NARROWBAND: Final = (5, 43, 119, 160, 220, 300, 364, 492, 79)  # bits of a frame by mode, the five of its head counted
_WIDEBAND: Final = (4, 36, 112, 192, 352)  # likewise of a layer, with four
_TERMINATOR: Final = 15
_MOST_FRAMES: Final = 256  # that are counted; Flash sends one to ten


@dataclass(frozen=True, slots=True)
class SpeexFrames:
    """What the frames of a message say of themselves. `mode` and `layer_mode` (None without a layer) are the first's.

    `frames` is None where a mode is not known, so that nobody can say where the next frame begins. `bit_rate` is the
    first frame's, in bit/s.
    """

    mode: int
    layer_mode: int | None
    bit_rate: int
    frames: int | None

    @property
    def samples(self) -> int | None:
        """How many there are in the message, at 16 kHz."""
        return None if self.frames is None else FRAME_SAMPLES * self.frames

    @property
    def sound(self) -> Sound:
        return RATE, None, 1

    @property
    def text(self) -> str:
        """In a person's words: `27.8 kbit/s 16 kHz mono`."""
        many = "" if self.frames in {1, None} else f", {self.frames} frames"
        return f"{sound(bit_rate=self.bit_rate, rate=RATE, channels=1)}{many}"


def frames(read: Cursor) -> SpeexFrames | None:
    """Read the first frame's mode, and count the frames; None, and nothing is read, where there is no frame.

    The cursor moves over the first byte, of which the mode is a part.
    """
    data, start, end = read.data, read.position, 8 * read.end
    first = _frame(data, 8 * start, end)
    if first is None:
        return None
    at: int | None = first.stop
    count = 1
    # Fewer bits than a byte are padding: a terminator as far as there is room for one.
    while at is not None and end - at >= 8 and count < _MOST_FRAMES and _peek(data, at, 5) != _TERMINATOR:
        another = _frame(data, at, end)
        at = another.stop if another else None
        count += 1
    read.fields.append(Field("wideband", start, start + 1, 0, "0 no", Role.MEDIA_HEADER, 0x80))
    read.fields.append(Field("mode", start, start + 1, first.mode, str(first.mode), Role.MEDIA_HEADER, 0x78))
    read.position = start + 1
    return SpeexFrames(first.mode, first.layer, 50 * (first.stop - 8 * start), None if at is None else count)


class _Frame(NamedTuple):
    mode: int
    layer: int | None
    stop: int  # in bits from the beginning of the buffer


def _frame(data: bytes, at: int, end: int) -> _Frame | None:
    """One frame and the layer on it; None where that cannot be, or does not say how long it is."""
    if end - at < 5:
        return None
    mode = _peek(data, at, 5)  # the first bit says that this is no layer
    if mode >= len(_NARROWBAND):
        return None
    at += _NARROWBAND[mode]
    layer = None
    if end - at >= 4 and _peek(data, at, 1):
        layer = _peek(data, at, 4) & 7
        if layer >= len(_WIDEBAND):
            return None
        at += _WIDEBAND[layer]
    return _Frame(mode, layer, at) if at <= end else None


def _peek(data: bytes, at: int, size: int) -> int:
    """Up to nine bits from this bit on."""
    two = int.from_bytes(data[at >> 3 : (at >> 3) + 2].ljust(2, b"\0"), "big")
    return two >> 16 - size - at % 8 & (1 << size) - 1
