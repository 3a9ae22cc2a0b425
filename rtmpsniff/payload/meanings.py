"""What numbers in AMF objects stand for: takes the fields of values, gives them with the words beside the numbers.

AMF knows numbers and no enumerations, so a reader of AMF cannot say what `capsEx: 3` promises. A `Meanings` says, for
the names of an object's properties, what their numbers are, or what those of the object below them are. The values
stay as they are; fields that it does not know stay too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, Union

from rtmpsniff.fields import Field, Role
from rtmpsniff.payload.codecs.configuration import MATRICES, PRIMARIES, TRANSFERS
from rtmpsniff.payload.values import Object

Meaning: TypeAlias = Union[Callable[[int], str], "Meanings"]
Meanings: TypeAlias = Mapping[str, Meaning]  # by name of property; ANY is every other one

ANY: Final = ""


def explained(field: Field, meanings: Meanings) -> Field:
    """The field of an object, with labels that say what is known of its properties; any other field as it is."""
    if not isinstance(field.value, Object) or field.role is not Role.GROUP:
        return field
    return field._replace(children=tuple(_property(child, meanings) for child in field.children))


def _property(pair: Field, meanings: Meanings) -> Field:
    if pair.role is not Role.PAIR or not isinstance(pair.value, str) or not pair.children:
        return pair
    meaning = meanings.get(pair.value) or meanings.get(ANY)
    if meaning is None:
        return pair
    *key, value = pair.children  # a key that was cut off behind has no value, and no number either
    return pair._replace(children=(*key, _value(value, meaning)))


def _value(field: Field, meaning: Meaning) -> Field:
    if isinstance(meaning, Mapping):
        return explained(field, meaning)
    number = field.value
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < 2**32 or number % 1:
        return field
    words = meaning(int(number))
    return field._replace(label=f"{field.label} ({words})") if words else field


def _bits(names: Mapping[int, str]) -> Callable[[int], str]:
    """What the bits of a mask promise, `none` where none is set; bits without a name as they are."""

    def said(number: int) -> str:
        words = [name for bit, name in names.items() if number & bit]
        others = number & ~sum(names)
        return ", ".join([*words, *([f"{others:#x}"] if others else [])]) or "none"

    return said


def _named(names: Mapping[int, str]) -> Callable[[int], str]:
    return lambda number: names.get(number, "")


_CAPABILITIES: Final = {1: "reconnect", 2: "multitrack", 4: "modex", 8: "timestamp_offset_nano"}
_OF_A_CODEC: Final = {1: "decode", 2: "encode", 4: "forward"}
_AUDIO_CODECS: Final = {
    0x001: "pcm",
    0x002: "adpcm",
    0x004: "mp3",
    0x008: "intel",
    0x020: "nellymoser_8k",
    0x040: "nellymoser",
    0x080: "g711_alaw",
    0x100: "g711_mulaw",
    0x200: "nellymoser_16k",
    0x400: "aac",
    0x800: "speex",
}
_VIDEO_CODECS: Final = {
    0x02: "jpeg",
    0x04: "sorenson_h263",
    0x08: "screen_video",
    0x10: "vp6",
    0x20: "vp6_alpha",
    0x40: "screen_video_2",
    0x80: "h264",
}
_VIDEO_FUNCTIONS: Final = {1: "seek", 2: "hdr", 4: "metadata", 8: "large_scale_tile"}

CONNECT: Final[Meanings] = {  # RTMP 1.0 §7.2.1.1; Enhanced RTMP v2 "Enhancing NetConnection connect Command"
    "audioCodecs": _bits(_AUDIO_CODECS),
    "videoCodecs": _bits(_VIDEO_CODECS),
    "videoFunction": _bits(_VIDEO_FUNCTIONS),
    "capsEx": _bits(_CAPABILITIES),
    "audioFourCcInfoMap": {ANY: _bits(_OF_A_CODEC)},
    "videoFourCcInfoMap": {ANY: _bits(_OF_A_CODEC)},
}
COLOR_INFO: Final[Meanings] = {  # Enhanced RTMP v2 "Metadata Frame"; the numbers are those of H.273
    "colorConfig": {
        "colorPrimaries": _named(PRIMARIES),
        "transferCharacteristics": _named(TRANSFERS),
        "matrixCoefficients": _named(MATRICES),
    }
}
