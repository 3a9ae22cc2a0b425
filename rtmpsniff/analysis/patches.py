"""Secrets in the bytes of a message: takes a payload, gives the places and the bytes that are to stand there instead.

They are as many bytes as the secret has, so that all else stays where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack
from typing import TYPE_CHECKING, Final, NamedTuple

from rtmpsniff.analysis.secrets import Path, Place, place_of
from rtmpsniff.fields import Field, Role
from rtmpsniff.payload.aggregate import Aggregate
from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.command import Command, Data
from rtmpsniff.payload.types import AGGREGATE, FAMILIES
from rtmpsniff.text import decode_text, encode_text

if TYPE_CHECKING:  # which asks for patches
    from rtmpsniff.analysis.masking import Masking

TALKING: Final = FAMILIES["command"] | FAMILIES["data"] | FAMILIES["shared_object"] | {AGGREGATE}
_NAN: Final = pack(">d", float("nan"))


class Patch(NamedTuple):
    """A place in a payload, and the bytes that are to stand there."""

    at: int
    new: bytes


def filler(said: str, size: int) -> bytes:
    """A mask as long as what it hides; stars where it does not fit."""
    raw = said.encode()
    return raw + b"*" * (size - len(raw)) if size >= len(raw) else b"*" * size


class Patches:
    """What of a payload is to be other bytes, by its fields: places and paths are the same as in its values."""

    def __init__(self, masking: Masking, connection: int) -> None:
        self._masking, self._connection = masking, connection
        self._command = ""

    def of(self, type_id: int, payload: bytes, base: int) -> Iterator[Patch]:
        if type_id not in TALKING:  # media, which is most of a capture, is not taken apart
            yield from self._raw(payload, 0, len(payload), base)
            return
        decoded = decode(type_id, payload)
        body = decoded.body
        if isinstance(body, Aggregate):
            for part in body.messages:
                yield from self.of(part.type_id, payload[part.start : part.stop], base + part.start)
            return
        self._command = body.name if isinstance(body, Command | Data) else ""
        for top in decoded.fields:
            yield from self._field(top, payload, base, _top(top.name))

    def _field(self, shown: Field, payload: bytes, base: int, path: Path) -> Iterator[Patch]:
        if shown.role is Role.PAIR and isinstance(shown.value, str):
            path = self._below(path, shown.value)
        is_number = shown.role is Role.NUMBER and not shown.inline and isinstance(shown.value, float | int)
        if is_number and len(path) > 1 and self._is_secret(path) and shown.stop - shown.start > 1:
            yield self._number(shown, payload, base)
            return
        if shown.children:
            for child in shown.children:
                yield from self._field(child, payload, base, path)
        elif shown.role in {Role.TEXT, Role.KEY} and isinstance(shown.value, str):
            place = place_of(self._command, path) if shown.role is Role.TEXT and len(path) > 1 else Place.TEXT
            yield from self._text(shown, payload, base, place)
        elif shown.role is Role.UNREAD and self._is_telling():
            yield Patch(base + shown.start, b"*" * (shown.stop - shown.start))
        elif isinstance(shown.value, bytes) and shown.role not in {Role.MARKER, Role.PREFIX}:  # they are structure
            if self._is_secret(path):
                yield Patch(base + shown.start, b"*" * (shown.stop - shown.start))
            else:
                yield from self._raw(payload, shown.start, shown.stop, base)

    def _below(self, path: Path, key: str) -> Path:
        return path if len(path) > 1 and self._is_secret(path) else (*path, key)

    def _is_secret(self, path: Path) -> bool:
        return self._masking.how != "shown" and place_of(self._command, path) is Place.WHOLE

    def _is_telling(self) -> bool:
        """Whether what could not be read may be a part of a secret."""
        if self._masking.how == "shown":
            return False
        places = place_of(self._command, ("args", 0)), place_of(self._command, ("args", 0, 0))
        return not self._command or any(place in {Place.NAME, Place.WHOLE} for place in places)

    def _text(self, shown: Field, payload: bytes, base: int, place: Place) -> Iterator[Patch]:
        raw = payload[shown.start : shown.stop]
        text = decode_text(raw)
        for start, stop, said in self._masking.spans(text, place, self._connection):
            first, last = len(encode_text(text[:start])), len(encode_text(text[:stop]))
            yield Patch(base + shown.start + first, filler(said, last - first))

    def _raw(self, payload: bytes, start: int, stop: int, base: int) -> Iterator[Patch]:
        data = payload[start:stop]
        masked = self._masking.data(data)
        if masked != data:
            yield Patch(base + start, masked)

    def _number(self, shown: Field, payload: bytes, base: int) -> Patch:
        """A double becomes NaN; an integer of AMF3 keeps its length, and is 0."""
        data = payload[shown.start + 1 : shown.stop]
        return Patch(base + shown.start + 1, _NAN if len(data) == 8 else bytes(byte & 0x80 for byte in data))


def _top(name: str) -> Path:
    """The path of a field that lies in no other."""
    if name.startswith("argument "):
        return ("args", int(name.removeprefix("argument ")) - 1)
    return ("object",) if name == "command object" else ("",)
