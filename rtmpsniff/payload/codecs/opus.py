"""Opus: the identification header (RFC 7845 5.1) and the first byte of a packet (RFC 6716 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rtmpsniff.fields import Cursor, Field, Malformed, Role
from rtmpsniff.findings import MEDIA_CONFIGURATION, Evidence, Finding, Severity
from rtmpsniff.payload.codecs.sound import Sound, sound

RATE: Final = 48_000  # of every decoder, whatever went into the encoder

_MAGIC: Final = b"OpusHead"
_FAMILIES: Final = {0: "mono or stereo", 1: "Vorbis channel order", 2: "ambisonics", 3: "ambisonics", 255: "no meaning"}
_LAYOUTS: Final = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}  # family 1


@dataclass(slots=True)
class OpusConfiguration:
    """The identification header; what it does not tell, or what reading did not reach, is None.

    Filled while the header is read; nothing changes it later. `input_rate` (Hz) is that of the sound before it was
    encoded, for information; `rate` is what a decoder gives, always 48000. `pre_skip` counts samples at 48 kHz,
    `output_gain` is in dB. `streams` and `coupled` count the Opus streams in each packet, and those of them in stereo.
    """

    version: int | None = None
    channels: int | None = None
    pre_skip: int | None = None
    input_rate: int | None = None
    output_gain: float | None = None
    mapping_family: int | None = None
    streams: int | None = None
    coupled: int | None = None
    mapping: tuple[int, ...] = ()

    @property
    def rate(self) -> int:
        return RATE

    @property
    def channel_layout(self) -> str | None:
        """The layout's name, where the mapping family gives the channels a place."""
        if self.channels is None or self.mapping_family not in {0, 1}:
            return None
        return _LAYOUTS.get(self.channels)

    @property
    def sound(self) -> Sound:
        return self.rate, None, self.channels

    @property
    def text(self) -> str:
        """In a person's words: `48 kHz stereo`."""
        return sound(rate=RATE, channels=self.channels, layout=self.channel_layout)


def identification_header(read: Cursor, found: OpusConfiguration, findings: list[Finding]) -> None:
    """Read the header to its end; raises `Unreadable` where it is none, or breaks off."""
    if read.data[read.position : min(read.position + len(_MAGIC), read.end)] != _MAGIC:
        raise Malformed('does not begin with "OpusHead"')
    read.raw("magic signature", len(_MAGIC), Role.MEDIA_HEADER, label='"OpusHead"')
    found.version = read.u8("version", Role.MEDIA_HEADER)
    if found.version >> 4:
        raise Malformed(f"version {found.version} is not known")  # RFC 7845 5.1: only the lower half may grow
    start = read.position
    found.channels = read.u8("channel count", Role.MEDIA_HEADER)
    if not found.channels:
        evidence = Evidence("0 channels", start, 1, in_message=True)
        findings.append(Finding(MEDIA_CONFIGURATION, Severity.WARNING, "Opus with 0 channels", (evidence,)))
    found.pre_skip = _little(read, "pre-skip", 2, "{} samples")
    found.input_rate = _little(read, "input sample rate", 4, "{} Hz")
    gain = _little(read, "output gain", 2, "{}/256 dB", signed=True)
    found.output_gain = gain / 256
    found.mapping_family = read.enum("channel mapping family", 1, _FAMILIES, Role.MEDIA_HEADER)
    if found.mapping_family:
        found.streams = read.u8("stream count", Role.MEDIA_HEADER)
        found.coupled = read.u8("coupled count", Role.MEDIA_HEADER)
        if found.mapping_family != 3:  # a matrix stands there instead (RFC 8486 3.2)
            raw = read.take("channel mapping", found.channels)
            found.mapping = tuple(raw)
            label = " ".join(map(str, raw))
            read.add("channel mapping", read.position - found.channels, found.mapping, label, Role.MEDIA_HEADER)


def _little(read: Cursor, name: str, size: int, label: str, *, signed: bool = False) -> int:
    """A little-endian number, as Ogg has them."""
    value = int.from_bytes(read.take(name, size), "little", signed=signed)
    read.add(name, read.position - size, value, f"{label.format(value)} (little-endian)", Role.MEDIA_HEADER)
    return value


@dataclass(frozen=True, slots=True)
class OpusPacket:
    """What the first byte of a packet says, and the second where it counts the frames.

    `mode` is silk, hybrid or celt, `bandwidth` narrowband to fullband, `frame_duration` in ms. `channels` is how this
    packet is coded: a stream in stereo may have packets in mono. Where there are more than two channels, all of it
    is of the first Opus stream of several. `frames` is None where the byte that counts them is missing.
    """

    mode: str
    bandwidth: str
    frame_duration: float
    channels: int
    frames: int | None

    @property
    def samples(self) -> int | None:
        """How many samples of each channel, at 48 kHz."""
        return None if self.frames is None else round(48 * self.frame_duration * self.frames)

    @property
    def sound(self) -> Sound:
        return None, None, None  # a stream in stereo may have packets in mono

    @property
    def text(self) -> str:
        """In a person's words: `CELT fullband 20 ms`."""
        count = "" if self.frames in {1, None} else f"{self.frames} x "
        mode = "hybrid" if self.mode == "hybrid" else self.mode.upper()
        return f"{mode} {self.bandwidth} {count}{self.frame_duration:g} ms"


def _configurations() -> list[tuple[str, str, float]]:
    """Table 2 of RFC 6716: mode, bandwidth and duration for each value of five bits."""
    silk, hybrid, celt = (10, 20, 40, 60), (10, 20), (2.5, 5, 10, 20)
    rows = [("silk", bandwidth, time) for bandwidth in ("narrowband", "mediumband", "wideband") for time in silk]
    rows += [("hybrid", bandwidth, time) for bandwidth in ("superwideband", "fullband") for time in hybrid]
    bands = ("narrowband", "wideband", "superwideband", "fullband")
    return rows + [("celt", bandwidth, time) for bandwidth in bands for time in celt]


_CONFIGURATIONS: Final = _configurations()
_FRAMES: Final = {0: "1 frame", 1: "2 frames of one size", 2: "2 frames", 3: "frames counted"}


def packet(read: Cursor) -> OpusPacket | None:
    """Read the first byte or two; None where there is no byte."""
    toc = read.peek()
    if toc is None:
        return None
    fields, known = _toc(toc, read.position)
    read.fields.extend(fields)
    read.position += 1
    if known is not None:
        return known
    mode, bandwidth, duration = _CONFIGURATIONS[toc >> 3]
    count = None
    if read.left:
        read.bits("VBR", 0x80)
        read.bits("padding", 0x40)
        count = read.bits("frame count", 0x3F)
        read.skip()
    return OpusPacket(mode, bandwidth, duration, 1 + (toc >> 2 & 1), count)


@lru_cache(maxsize=256)
def _toc(byte: int, at: int) -> tuple[tuple[Field, ...], OpusPacket | None]:
    """The fields of a first byte that stands at `at`, and what it says where it says all."""
    mode, bandwidth, duration = _CONFIGURATIONS[byte >> 3]
    stereo, code = byte >> 2 & 1, byte & 3
    label = f"{byte >> 3} {mode} {bandwidth} {duration:g} ms"
    fields = (
        Field("configuration", at, at + 1, byte >> 3, label, Role.MEDIA_HEADER, 0xF8),
        Field("stereo", at, at + 1, stereo, f"{stereo} {'stereo' if stereo else 'mono'}", Role.MEDIA_HEADER, 0x04),
        Field("code", at, at + 1, code, f"{code} {_FRAMES[code]}", Role.MEDIA_HEADER, 0x03),
    )
    return fields, None if code == 3 else OpusPacket(mode, bandwidth, duration, 1 + stereo, 1 if code == 0 else 2)
