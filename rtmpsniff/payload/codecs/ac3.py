"""AC-3 and E-AC-3 (ATSC A/52; E-AC-3 in its annex E): the beginning of a frame, which says all that a decoder asks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from rtmpsniff.fields import Cursor, Field, Role
from rtmpsniff.payload.codecs.bits import Bits
from rtmpsniff.payload.codecs.sound import Sound, sound
from rtmpsniff.payload.media import moved

_RATES: Final = {0: 48_000, 1: 44_100, 2: 32_000}
_HALF_RATES: Final = {0: 24_000, 1: 22_050, 2: 16_000}
_BIT_RATES: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)  # kbit/s
_CHANNELS: Final = (2, 1, 2, 3, 3, 4, 4, 5)  # by coding mode, without the one for low frequencies
_MODES: Final = {
    0: "1+1 dual mono",
    1: "1/0 mono",
    2: "2/0 stereo",
    3: "3/0",
    4: "2/1",
    5: "3/1",
    6: "2/2",
    7: "3/2",
}
_LAYOUTS: Final = ("dual mono", "mono", "stereo", "3.0", "2/1", "3/1", "2/2", "5.0")
_LAYOUTS_WITH_LFE: Final = ("dual mono.1", "1.1", "2.1", "3.1", "2/1.1", "4.1", "2/2.1", "5.1")
_SERVICES: Final = {
    0: "complete main",
    1: "music and effects",
    2: "visually impaired",
    3: "hearing impaired",
    4: "dialogue",
    5: "commentary",
    6: "emergency",
    7: "voice over or karaoke",
}
_STREAM_TYPES: Final = {0: "independent", 1: "dependent", 2: "converted from AC-3"}
_BLOCKS: Final = (1, 2, 3, 6)
_BLOCK: Final = 256  # samples
_LAST_AC3: Final = 10  # bsid; from here to 16 it is E-AC-3
_LAST: Final = 16
_YES_NO: Final = {0: "no", 1: "yes"}


@dataclass(frozen=True, slots=True)
class Ac3Frame:
    """The beginning of one frame; with E-AC-3 a message may hold several, and this is of the first.

    `bit_rate` is in bit/s: as the frame says (AC-3), or as its size comes to (E-AC-3). `channels` counts that for low
    frequencies too. `samples` are those of each channel, `size` is in bytes. `stream_type` and `substream` are None
    in AC-3, which has one stream alone.
    """

    bitstream_id: int
    bit_rate: int
    rate: int
    channels: int
    channel_layout: str
    samples: int
    size: int
    stream_type: str | None = None
    substream: int | None = None

    @property
    def sound(self) -> Sound:
        return self.rate, None, self.channels

    @property
    def text(self) -> str:
        """In a person's words: `384 kbit/s 48 kHz 5.1`."""
        return sound(bit_rate=self.bit_rate, rate=self.rate, channels=self.channels, layout=self.channel_layout)


class _Head(NamedTuple):
    frame: Ac3Frame
    fields: list[Field]  # behind the synchronization word, and the CRC of AC-3
    size: int  # of the whole header in bytes
    text: str


def frame_header(read: Cursor) -> Ac3Frame | None:
    """Read as far as the channels where a frame begins; None, and nothing is read, where none does."""
    data, start = read.data, read.position
    if read.left < 7 or data[start] != 0x0B or data[start + 1] != 0x77:
        return None
    identification = data[start + 5] >> 3
    if identification <= _LAST_AC3:
        head = _ac3(data[start + 4 : start + 7], start + 4)
    else:
        head = _e_ac3(data[start + 2 : start + 6], start + 2)
    if head is None:
        return None
    with read.group("frame header", Role.MEDIA_HEADER) as group:
        group.label = head.text
        read.u16("syncword", Role.MEDIA_HEADER, label="{:#06x}")
        if identification <= _LAST_AC3:
            read.u16("CRC", Role.MEDIA_HEADER, label="{:#06x}")
        read.fields.extend(head.fields)
        read.position = start + head.size
    return head.frame


# A stream has few different headers but for the CRC: each is taken apart once and not once a message.


@lru_cache(maxsize=256)
def _ac3(data: bytes, start: int) -> _Head | None:
    """Three bytes from the rate on, which stand at `start` (syncinfo and bsi, 5.3.1 and 5.3.2)."""
    rate_code, size_code, mode = data[0] >> 6, data[0] & 0x3F, data[2] >> 5
    if rate_code not in _RATES or size_code >= 2 * len(_BIT_RATES):
        return None
    rate, kilobits = _RATES[rate_code], _BIT_RATES[size_code >> 1]
    read = Cursor(data)
    bits = Bits(read)
    bits.unsigned("sample rate", 2, {key: f"{hertz} Hz" for key, hertz in _RATES.items()})
    bits.unsigned("frame size code", 6, lambda code: f"{_BIT_RATES[code >> 1]} kbit/s")
    identification = bits.unsigned("bitstream id", 5)
    bits.unsigned("bitstream mode", 3, _SERVICES)
    bits.unsigned("coding mode", 3, _MODES)
    if mode & 1 and mode != 1:
        bits.unsigned("center mix level", 2)
    if mode & 4:
        bits.unsigned("surround mix level", 2)
    if mode == 2:
        bits.unsigned("surround mode", 2)
    lfe = bits.flag("LFE on", _YES_NO)
    # 1536 samples in words of 16 bits; 44100 Hz divides nothing, so that some frames have a word more (table 5.18)
    words = kilobits * 96_000 // rate + (size_code & 1 if rate == 44_100 else 0)
    shift = max(identification - 8, 0)  # 9 and 10: half and quarter rate, a convention
    frame = Ac3Frame(
        identification, 1000 * kilobits >> shift, rate >> shift, *_channels(mode, lfe), 6 * _BLOCK, 2 * words
    )
    return _Head(frame, moved(read.fields, start), 7, frame.text)


@lru_cache(maxsize=256)
def _e_ac3(data: bytes, start: int) -> _Head | None:
    """Four bytes from the stream type on, which stand at `start` (annex E, 2.2.2 and 2.3.1)."""
    rate_code, blocks_code = data[2] >> 6, data[2] >> 4 & 3
    rate = _RATES.get(rate_code) or _HALF_RATES.get(blocks_code)
    if rate is None or data[0] >> 6 not in _STREAM_TYPES or data[3] >> 3 > _LAST:
        return None
    read = Cursor(data)
    bits = Bits(read)
    stream_type = bits.unsigned("stream type", 2, _STREAM_TYPES)
    substream = bits.unsigned("substream id", 3)
    size = 2 * (bits.unsigned("frame size", 11, lambda code: f"({2 * code + 2} bytes)") + 1)
    bits.unsigned("sample rate", 2, {**{key: f"{hertz} Hz" for key, hertz in _RATES.items()}, 3: "half of the next"})
    if rate_code == 3:
        blocks = 6
        bits.unsigned("sample rate 2", 2, {key: f"{hertz} Hz" for key, hertz in _HALF_RATES.items()})
    else:
        blocks = _BLOCKS[bits.unsigned("blocks", 2, lambda code: f"{_BLOCKS[code]} blocks")]
    mode = bits.unsigned("coding mode", 3, _MODES)
    lfe = bits.flag("LFE on", _YES_NO)
    identification = bits.unsigned("bitstream id", 5)
    samples = blocks * _BLOCK
    frame = Ac3Frame(
        identification,
        size * 8 * rate // samples,
        rate,
        *_channels(mode, lfe),
        samples,
        size,
        _STREAM_TYPES[stream_type],
        substream,
    )
    return _Head(frame, moved(read.fields, start), 6, frame.text)


def _channels(mode: int, lfe: bool) -> tuple[int, str]:
    return _CHANNELS[mode] + lfe, (_LAYOUTS_WITH_LFE if lfe else _LAYOUTS)[mode]
