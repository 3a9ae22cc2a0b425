"""AAC: AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), and ADTS headers where none may stand (1.A.2.2).

All of it is bits. What tells more than rate, channels, SBR and PS is read as far as GASpecificConfig and the first bits
of ELDSpecificConfig go; the records of other object types stay unread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rtmpsniff.fields import Cursor, Role
from rtmpsniff.findings import MEDIA_CONFIGURATION, Evidence, Finding, Severity
from rtmpsniff.payload.codecs.bits import Bits
from rtmpsniff.payload.codecs.sound import Sound, sound
from rtmpsniff.text import quoted

OBJECT_TYPES: Final = {
    0: "null",
    1: "Main",
    2: "LC",
    3: "SSR",
    4: "LTP",
    5: "SBR",
    6: "Scalable",
    7: "TwinVQ",
    8: "CELP",
    9: "HVXC",
    12: "TTSI",
    13: "Main Synthesis",
    14: "Wavetable Synthesis",
    15: "General MIDI",
    16: "Algorithmic Synthesis",
    17: "ER LC",
    19: "ER LTP",
    20: "ER Scalable",
    21: "ER TwinVQ",
    22: "ER BSAC",
    23: "ER LD",
    24: "ER CELP",
    25: "ER HVXC",
    26: "ER HILN",
    27: "ER Parametric",
    28: "SSC",
    29: "PS",
    30: "MPEG Surround",
    31: "escape",
    32: "Layer 1",
    33: "Layer 2",
    34: "Layer 3",
    35: "DST",
    36: "ALS",
    37: "SLS",
    38: "SLS non-core",
    39: "ER ELD",
    40: "SMR Simple",
    41: "SMR Main",
    42: "USAC",
    43: "SAOC",
    44: "LD MPEG Surround",
}
_ALL_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
RATES: Final = dict(enumerate(_ALL_RATES))
CHANNELS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 13: 24, 14: 8}
LAYOUTS: Final = {
    1: "mono",
    2: "stereo",
    3: "3.0",
    4: "4.0",
    5: "5.0",
    6: "5.1",
    7: "7.1 (front wide)",
    11: "6.1",
    12: "7.1",
    13: "22.2",
    14: "5.1.2",
}

_SBR, _PS, _BSAC, _LD, _ELD = 5, 29, 22, 23, 39
_GENERAL_AUDIO: Final = frozenset({1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23})
_ERROR_RESILIENT: Final = frozenset({17, *range(19, 28), 39})
_RESILIENCE_FLAGS: Final = frozenset({17, 19, 20, 23})
_SCALABLE: Final = frozenset({6, 20})
_RATE_LABELS: Final = {
    **{index: f"{rate} Hz" for index, rate in RATES.items()},
    13: "reserved",
    14: "reserved",
    15: "escape",
}
_ESCAPED_TYPES: Final = {number - 32: f"and 32: {name}" for number, name in OBJECT_TYPES.items() if number >= 32}
_CHANNEL_LABELS: Final = {0: "in a program config element", **LAYOUTS}
_YES_NO: Final = {0: "no", 1: "yes"}
_SYNC_SBR: Final = 0x2B7
_SYNC_PS: Final = 0x548


@dataclass(slots=True)
class AacConfiguration:
    """AudioSpecificConfig: what a decoder is told before the first frame.

    Filled while the record is read, so that what was read stays where reading breaks off; nothing changes it later.
    `object_type` is the core coder's. `rate` is that of the sound that comes out, `core_rate` that of the core coder,
    in Hz: with SBR the first is usually twice the second. `sbr` and `ps` are None where the record does not say; a
    decoder may still find them in the frames. With PS the core is mono and `channels` 2. `channel_layout` is None where
    a program config element lists the channels. `frame_length` counts samples of the core coder.
    """

    object_type: str | None = None
    rate: int | None = None
    core_rate: int | None = None
    channels: int | None = None
    channel_layout: str | None = None
    sbr: bool | None = None
    ps: bool | None = None
    frame_length: int | None = None

    @property
    def profile(self) -> str:
        """The name in use: `LC`, `HE-AAC` (LC with SBR), `HE-AAC v2` (and PS), `xHE-AAC` (USAC)."""
        if self.object_type == "USAC":
            return "xHE-AAC"
        if self.sbr and self.object_type in {"LC", "SBR", "PS"}:  # SBR or PS: the record breaks off before the core
            return "HE-AAC v2" if self.ps else "HE-AAC"
        return f"{self.object_type or ''}{' with SBR' if self.sbr else ''}"

    @property
    def sound(self) -> Sound:
        return self.rate, None, self.channels

    @property
    def text(self) -> str:
        """In a person's words: `LC 44.1 kHz stereo`."""
        return f"{self.profile} {sound(rate=self.rate, channels=self.channels, layout=self.channel_layout)}".strip()


def audio_specific_config(read: Cursor, found: AacConfiguration, findings: list[Finding]) -> None:
    """Read AudioSpecificConfig to its end; raises `Malformed` where its bits run out."""
    _Reader(read, found, findings).configuration()


class _Reader:
    """Reads one record; a class because each part of it decides on what the next is."""

    def __init__(self, read: Cursor, found: AacConfiguration, findings: list[Finding]) -> None:
        self.read, self.found, self.findings = read, found, findings
        self.bits = Bits(read)
        self.object_type = 0
        self.channel_configuration = 0

    def configuration(self) -> None:
        found = self.found
        self.object_type = self._object_type("audio object type")
        found.core_rate = found.rate = self._rate("sampling frequency")
        self._channel_configuration("channel configuration")
        if self.object_type in {_SBR, _PS}:
            found.sbr = True
            if self.object_type == _PS:
                self._parametric_stereo()
            found.rate = self._rate("extension sampling frequency")
            self.object_type = self._object_type("core audio object type")
            if self.object_type == _BSAC:
                self._channel_configuration("extension channel configuration")
        if self._specific_config():
            self._sync_extension()
            self.bits.align()

    def _parametric_stereo(self) -> None:
        self.found.ps, self.found.channels, self.found.channel_layout = True, 2, "stereo"

    def _object_type(self, name: str) -> int:
        number = self.bits.unsigned(name, 5, OBJECT_TYPES)
        if number == 31:
            number = 32 + self.bits.unsigned(f"{name} escape", 6, _ESCAPED_TYPES)
        self.found.object_type = OBJECT_TYPES.get(number, f"unknown_{number}")
        return number

    def _rate(self, name: str) -> int | None:
        start = self.read.position
        index = self.bits.unsigned(f"{name} index", 4, _RATE_LABELS)
        if index == 15:
            return self.bits.unsigned(name, 24, label="{} Hz")
        if index not in RATES:
            self._odd(f"{name} index {index} is reserved", start)
        return RATES.get(index)

    def _channel_configuration(self, name: str) -> None:
        start = self.read.position
        number = self.channel_configuration = self.bits.unsigned(name, 4, _CHANNEL_LABELS)
        self.found.channels, self.found.channel_layout = CHANNELS.get(number), LAYOUTS.get(number)
        if number and number not in CHANNELS:
            self._odd(f"{name} {number} is reserved", start)

    def _odd(self, title: str, start: int) -> None:
        start = max(start - 1, 0)  # it may begin in the byte before
        evidence = Evidence(title, start, self.read.position - start, in_message=True)
        self.findings.append(Finding(MEDIA_CONFIGURATION, Severity.WARNING, title, (evidence,)))

    def _specific_config(self) -> bool:
        """Whether it was read to its end, so that what follows can be read too."""
        if self.object_type in _GENERAL_AUDIO:
            self._general_audio()
        elif self.object_type == _ELD:
            self._eld()
            return False
        else:
            self._unread(f"configuration of object type {self.object_type}, not read")
            return False
        if self.object_type in _ERROR_RESILIENT and self.bits.unsigned("ep config", 2) > 1:
            self._unread("error protection, not read")
            return False
        return True

    def _unread(self, why: str) -> None:
        self.bits.align("specific config")
        self.read.rest("specific config", label=why)

    def _general_audio(self) -> None:
        """GASpecificConfig, 4.4.1."""
        bits = self.bits
        lengths = {0: 512, 1: 480} if self.object_type == _LD else {0: 1024, 1: 960}
        short = bits.unsigned("frame length flag", 1, {flag: f"{size} samples" for flag, size in lengths.items()})
        self.found.frame_length = lengths[short]
        if bits.flag("depends on core coder", _YES_NO):
            bits.unsigned("core coder delay", 14)
        extension = bits.flag("extension flag", _YES_NO)
        if not self.channel_configuration:
            self._program_config_element()
        if self.object_type in _SCALABLE:
            bits.unsigned("layer number", 3)
        if not extension:
            return
        if self.object_type == _BSAC:
            bits.unsigned("number of subframes", 5)
            bits.unsigned("layer length", 11)
        if self.object_type in _RESILIENCE_FLAGS:
            bits.unsigned("resilience flags", 3)
        bits.unsigned("extension flag 3", 1)

    def _program_config_element(self) -> None:
        """Table 4.2: which elements a frame holds, and so how many channels."""
        bits = self.bits
        bits.unsigned("element instance tag", 4)
        bits.unsigned("object type", 2)
        bits.unsigned("sampling frequency index", 4, _RATE_LABELS)
        places = ("front", "side", "back")
        pairs = [(place, bits.unsigned(f"{place} channel elements", 4)) for place in places]
        lfe = bits.unsigned("LFE channel elements", 2)
        data = bits.unsigned("associated data elements", 3)
        coupling = bits.unsigned("coupling channel elements", 4)
        for name in ("mono mixdown", "stereo mixdown"):
            if bits.flag(f"{name} present", _YES_NO):
                bits.unsigned(f"{name} element", 4)
        if bits.flag("matrix mixdown present", _YES_NO):
            bits.unsigned("matrix mixdown index", 2)
            bits.unsigned("pseudo surround", 1)
        channels = lfe
        for place, count in pairs:
            for _ in range(count):
                is_pair = bits.flag(f"{place} element is a pair", _YES_NO)
                channels += 2 if is_pair else 1
                bits.unsigned(f"{place} element tag", 4)
        for name, count in (("LFE element tag", lfe), ("associated data tag", data)):
            for _ in range(count):
                bits.unsigned(name, 4)
        for _ in range(coupling):
            bits.unsigned("coupling is independent", 1)
            bits.unsigned("coupling element tag", 4)
        bits.align("byte alignment")
        size = bits.unsigned("comment length", 8)
        if size:
            mark = bits.mark()
            text = bits.take("comment", 8 * size).to_bytes(size, "big").decode("latin-1")
            bits.record("comment", mark, text, quoted(text))
        self.found.channels = channels or None

    def _eld(self) -> None:
        """ELDSpecificConfig, 4.6.20: only as far as it says how long frames are and whether SBR is on."""
        bits = self.bits
        short = bits.flag("frame length flag", {0: "512 samples", 1: "480 samples"})
        self.found.frame_length = 480 if short else 512
        bits.unsigned("resilience flags", 3)
        self.found.sbr = bits.flag("LD SBR present", _YES_NO)
        if self.found.sbr:
            doubles = bits.flag("LD SBR sampling rate", {0: "the core's", 1: "twice the core's"})
            if doubles and self.found.core_rate:
                self.found.rate = 2 * self.found.core_rate
        self._unread("rest of the configuration, not read")

    def _sync_extension(self) -> None:
        """1.6.6.1: SBR and PS told to those who look behind the record, and to nobody else."""
        bits, found = self.bits, self.found
        if found.sbr or bits.left < 16 or bits.available(11) != _SYNC_SBR:
            return
        bits.unsigned("sync extension type", 11, {_SYNC_SBR: "SBR"})
        kind = bits.unsigned("extension audio object type", 5, OBJECT_TYPES)
        if kind not in {_SBR, _BSAC}:
            return
        found.sbr = bits.flag("SBR present", _YES_NO)
        if found.sbr:
            found.rate = self._rate("extension sampling frequency")
        if kind == _BSAC:
            bits.unsigned("extension channel configuration", 4)
        elif found.sbr and bits.left >= 12 and bits.available(11) == _SYNC_PS:
            bits.unsigned("sync extension type", 11, {_SYNC_PS: "PS"})
            if bits.flag("PS present", _YES_NO):
                self._parametric_stereo()
            else:
                found.ps = False


# ADTS, which belongs into files and not into FLV


def is_adts(data: bytes, start: int, end: int) -> bool:
    """Whether an ADTS frame stands here, and nothing else: its sync word and layer, and a length that is that of all.

    `start` and `end` are offsets in `data`. A raw AAC frame cannot look so: its first element would be the end mark.
    """
    if end - start < 7 or data[start] != 0xFF or data[start + 1] & 0xF6 != 0xF0:
        return False
    return _adts_length(data, start) == end - start


def _adts_length(data: bytes, start: int) -> int:
    return int.from_bytes(data[start + 3 : start + 6], "big") >> 5 & 0x1FFF


def adts_header(read: Cursor) -> None:
    """Record the header of an ADTS frame that `is_adts` has found."""
    with read.group("ADTS header", Role.MEDIA_HEADER):
        bits = Bits(read)
        bits.unsigned("syncword", 12, label="{:#05x}")
        bits.unsigned("ID", 1, {0: "MPEG-4", 1: "MPEG-2"})
        bits.unsigned("layer", 2)
        absent = bits.flag("protection absent", _YES_NO)
        bits.unsigned("profile", 2, {number - 1: OBJECT_TYPES[number] for number in (1, 2, 3, 4)})
        bits.unsigned("sampling frequency index", 4, _RATE_LABELS)
        bits.unsigned("private bit", 1)
        bits.unsigned("channel configuration", 3, _CHANNEL_LABELS)
        bits.unsigned("original, home, copyright", 4)
        bits.unsigned("frame length", 13)
        bits.unsigned("buffer fullness", 11)
        bits.unsigned("raw data blocks minus 1", 2)
        if not absent and read.left >= 2:
            read.u16("CRC", Role.MEDIA_HEADER)
