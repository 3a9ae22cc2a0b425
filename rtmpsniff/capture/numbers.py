"""Lists of numbers: bytes as programs print them in decimal, `[3, 0, 228]` or `3 0 -28`, and in hex without zeros.

Two digits say nothing: `10, 12, 45` may be hex as well as decimal. Numbers of one digit or of three are decimal, for in
hex a byte has two; a zero in front is hex alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from rtmpsniff.capture.places import Collected, Pasted, mistake

_BETWEEN: Final = r"[\s,;\[\](){}]"
_DECIMAL: Final = re.compile(rf"{_BETWEEN}*+(?:-?[0-9]++(?:{_BETWEEN}++|\Z))++")
_DIGITS: Final = re.compile(rf"{_BETWEEN}*+(?:[0-9A-Fa-f]{{1,2}}+(?:{_BETWEEN}++|\Z))++")
_WORD: Final = re.compile(r"[^\s,;\[\](){}]+")
_LINE: Final = re.compile(r"[^\n]+")

_AS_DECIMAL: Final = "these numbers are taken for decimal ones; --input hex takes them for hex"
_AS_HEX: Final = "these numbers are taken for hex; --input decimal takes them for decimal ones"
_SINGLE: Final = "single hex digits are taken for a byte each"


def find_numbers(text: str) -> Pasted | None:
    """The bytes of a list of numbers that cannot be hex of two digits each; None where the text is none.

    Raises `UserError` for a number that is no byte.
    """
    if _DECIMAL.fullmatch(text):
        words = _WORD.findall(text)
        is_told = any(len(word) != 2 or word[0] == "-" for word in words)
        is_decimal = (len(words) > 1 or text.lstrip()[:1] == "-") and all(
            len(word) < 4 + (word[0] == "-") for word in words
        )
        return _decimal(text) if is_told and is_decimal and not any(map(_is_padded, words)) else None
    if "," in text and _DIGITS.fullmatch(text):
        words = _WORD.findall(text)
        if any(len(word) == 1 for word in words) and not any(map(_is_padded, words)):
            known = {written: value for value in range(256) for written in (f"{value:x}", f"{value:X}")}
            return _read(text, known, "{} is no byte in hex")._replace(form="hex", note=_SINGLE)
    return None


def with_rival(pasted: Pasted, text: str, fewest: int = 2) -> Pasted:
    """`pasted`, which was read as hex, with the decimal reading of `text` beside it if there is one.

    `fewest`: numbers of a list; where nothing but its length speaks for one.
    """
    words = _WORD.findall(text) if _DECIMAL.fullmatch(text) else []
    if len(words) < fewest or any(len(word) != 2 or _is_padded(word) for word in words):
        return pasted
    return pasted._replace(note=_AS_HEX, rival=_decimal(text)._replace(note=_AS_DECIMAL))


def read_decimal(text: str) -> Pasted:
    """The bytes of a list of decimal numbers where the user says that it is one."""
    wrong = next((word for word in _WORD.finditer(text) if not re.fullmatch("-?[0-9]+", word[0])), None)
    if wrong:
        raise mistake(text, wrong.start(), "{} is no decimal number")
    return _decimal(text)


def _is_padded(word: str) -> bool:
    return len(word.removeprefix("-")) > 1 and word.removeprefix("-")[0] == "0"


def _decimal(text: str) -> Pasted:
    """Bytes from 0 to 255, or as Java has them from -128 to 127, and not both in one list."""
    low, high = (-128, 127) if re.search("-[0-9]", text) else (0, 255)
    known = {f"{value:0{width}d}": value & 0xFF for value in range(low, high + 1) for width in (1, 2, 3)}
    return _read(text, known, f"{{}} is no byte: those here go from {low} to {high}")


def _read(text: str, known: Mapping[str, int], complaint: str) -> Pasted:
    found = Collected()
    for line in _LINE.finditer(text):
        try:
            found.add(bytes(known[word] for word in _WORD.findall(line[0])), *line.span())
        except KeyError:
            wrong = next(word for word in _WORD.finditer(text, *line.span()) if word[0] not in known)
            raise mistake(text, wrong.start(), complaint) from None
    return found.pasted("decimal", text)
