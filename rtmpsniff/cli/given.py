"""The bytes that a command was given to decode: as arguments, in a file, on standard input; as text, or as they are."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from shlex import quote
from typing import Final, Literal, TypeAlias

import click

from rtmpsniff.capture.characters import text_of
from rtmpsniff.capture.files import FORMATS, MAGIC_SIZE, STANDARD_INPUT, blocks
from rtmpsniff.capture.pasted import read_text
from rtmpsniff.capture.places import Form, Pasted
from rtmpsniff.errors import InputError, UserError
from rtmpsniff.rtmp.guess import ENOUGH, guess
from rtmpsniff.text import plural, printable
from rtmpsniff.transport.frames import carried

Input: TypeAlias = "Form | Literal['raw']"

_WORDS: Final[dict[Form, str]] = {
    "hex": "in hex",
    "listing": "in a hex listing",
    "base64": "in base64",
    "decimal": "in decimal",
}
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_ENOUGH_AMF: Final = 16  # bytes: fewer are AMF by chance
_LIKE_A_FILE: Final = re.compile(r"\S*/\S*|\S+\.\w{1,8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Given:
    """Bytes: the first of them, and the others as they come. `is_whole`: `head` is all of them."""

    head: bytes
    rest: Iterator[bytes]
    is_whole: bool
    is_live: bool = False  # they come from somebody who may still be writing
    pasted: Pasted | None = None  # the text that said them
    packets: int = 0  # how many were taken off what they carried

    def blocks(self) -> Iterator[bytes]:
        """All of them; once."""
        return chain((self.head,), self.rest)

    def whole(self) -> bytes:
        """All of them at once."""
        return b"".join(self.blocks())

    def place(self, offset: int) -> str:
        """Where in a text of several lines the byte at `offset` stood; empty for any other input."""
        if self.pasted is None or self.packets or "\n" not in self.pasted.text.strip() or offset >= len(self.head):
            return ""
        return self.pasted.place(offset)

    @property
    def said(self) -> str:
        """How many they are and how they are written: `241 bytes in a hex listing`; empty where that is not known."""
        if self.packets:
            return f"{plural(len(self.head), 'byte')} carried by {plural(self.packets, 'TCP packet')}"
        size = plural(len(self.head), "byte") if self.is_whole else ""
        return size if self.pasted is None else f"{size} {_WORDS[self.pasted.form]}"


def take(arguments: Sequence[str], file: str | None, form: Input | None, say: Callable[[str], None]) -> Given:
    """What was given. Raises `UserError` for what cannot be read; `say` is told what could be another thing too."""
    source = _file_of(arguments, file, form, say)
    if source is None:
        return _from_text(" ".join(arguments), None if form == "raw" else form, _refusal(arguments, form is None))
    return _from_file(source, form)


def _file_of(arguments: Sequence[str], file: str | None, form: Input | None, say: Callable[[str], None]) -> str | None:
    """The file to read; None where the arguments are the bytes."""
    if file is not None:
        if arguments:
            raise click.UsageError("--file goes without other bytes")
        return file
    if not arguments or tuple(arguments) == (STANDARD_INPUT,):
        if sys.stdin is not None and sys.stdin.isatty():
            say("paste the bytes, then Ctrl-D on a line of its own")
        return STANDARD_INPUT
    name = arguments[0]
    is_file = _exists(name) and not _HEX.fullmatch(name)
    if len(arguments) == 1 and (is_file or form == "raw"):
        return name
    if is_file or form == "raw":
        raise click.UsageError("one file at a time")
    if len(arguments) == 1 and _exists(name):
        say(f"{printable(name)} is taken for hex; --file reads the file of this name")
    return None


def _exists(name: str) -> bool:
    try:
        return name != "" and Path(name).exists()
    except (OSError, ValueError):  # too long for a name, or with a NUL in it
        return False


def _refusal(arguments: Sequence[str], is_guessed: bool) -> Callable[[UserError], UserError]:
    """What is neither bytes nor the name of a file may have been meant as either."""

    def refuse(error: UserError) -> UserError:
        if len(arguments) == 1 and _LIKE_A_FILE.fullmatch(arguments[0]):
            return InputError(f"{printable(arguments[0])}: no such file")
        return UserError(f"{error}, and no file has this name") if len(arguments) == 1 and is_guessed else error

    return refuse


def _from_text(text: str, form: Form | None, refuse: Callable[[UserError], UserError]) -> Given:
    try:
        pasted = read_text(text, form)
    except UserError as error:
        raise refuse(error) from None
    pasted = _likelier(pasted)
    given = Given(pasted.data, iter(()), is_whole=True, pasted=pasted)
    packets = carried(pasted.data)
    if packets is None:
        return given
    if packets.senders > 1:
        raise refuse(UserError("these are TCP packets of several senders: decode those of one alone"))
    if not packets.data:
        raise refuse(UserError("these are TCP packets that carry nothing"))
    return replace(given, head=packets.data, packets=packets.packets)


def _likelier(pasted: Pasted) -> Pasted:
    """Of two readings of a text the one that RTMP speaks for; the first where it speaks for neither or both."""
    rival = pasted.rival
    return rival if rival is not None and _likelihood(rival.data) > _likelihood(pasted.data) else pasted


def _likelihood(data: bytes) -> int:
    if carried(data) is not None:
        return 2
    found = guess(data)
    if found is None:
        return 0
    is_amf = found.sort in {"amf0", "amf3"}
    return 2 if not is_amf else int(len(data) >= _ENOUGH_AMF)


def _from_file(source: str, form: Input | None) -> Given:
    name = "standard input" if source == STANDARD_INPUT else printable(source)
    coming = blocks(source)
    head = b""
    for block in coming:
        head += block
        if len(head) > ENOUGH:
            break
    is_whole = len(head) <= ENOUGH
    if not head:
        raise InputError(f"{name}: is empty")
    if form is None and head[:MAGIC_SIZE] in FORMATS:
        shown = STANDARD_INPUT if source == STANDARD_INPUT else quote(name)
        raise InputError(f"{name}: is a capture, for rtmpsniff read {shown}")
    raw = Given(head, coming, is_whole, is_live=source == STANDARD_INPUT)
    if form == "raw" or (form is None and text_of(head, is_whole) is None):
        return raw
    data = raw.whole()
    text = text_of(data)
    if text is None:
        if form is None:
            return Given(data, iter(()), is_whole=True)
        raise InputError(f"{name}: is no text")
    hint = "; --input raw takes the file as it is" if form is None else ""
    return _from_text(text, form, lambda error: InputError(f"{name}: {error}{hint}"))
