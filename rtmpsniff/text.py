"""Captured text made safe to show.

Whatever a stranger sent may hold escape sequences, line breaks or marks that turn the reading direction around.
Every captured string passes through this module before it becomes part of a label, a line or a page.
"""

from __future__ import annotations

from functools import lru_cache

_NAMED_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0", "\\": "\\\\"}


def decode_text(raw: bytes) -> str:
    """Read UTF-8; bytes that are none become lone surrogates, so that `encode_text` gives the very bytes back."""
    return raw.decode("utf-8", "surrogateescape")


def encode_text(text: str) -> bytes:
    """The bytes that `decode_text` read."""
    return text.encode("utf-8", "surrogateescape")


def printable(text: str) -> str:
    """Escape every character that could act on a terminal or hide: controls, format marks, surrogates, odd spaces."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def quoted(text: str) -> str:
    """The text between double quotes, escaped so that it can be told from any other text."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    escaped = "".join(_escape(char) if char == "\\" or not char.isprintable() else char for char in text)
    return '"' + escaped.replace('"', '\\"') + '"'


def _escape(char: str) -> str:
    named = _NAMED_ESCAPES.get(char)
    if named is not None:
        return named
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, kept by surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def shortened(text: str, room: int) -> str:
    """The text, or as much of it as leaves room for three dots behind it; in characters, where `fitted` has columns."""
    return text if len(text) <= room else text[: max(room - 3, 0)] + "..."


def number_text(value: float) -> str:
    """A number as a person writes it: 239 and not 239.0, but 0.5, nan, inf and -0 as they are."""
    if abs(value) < 2**53 and value == int(value):
        return "-0" if value == 0 and str(value).startswith("-") else str(int(value))
    return repr(value)


def plural(count: int, noun: str) -> str:
    """`1 message`, `2 messages`, `3 bodies`; thousands are set apart by a space."""
    if count == 1:
        return f"1 {noun}"
    many = noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeiou" else noun + "s"
    return f"{grouped(count)} {many}"


def grouped(count: int) -> str:
    """12345678 as `12 345 678`."""
    return f"{count:,}".replace(",", " ")


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: a wide character two, a combining one none."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


@lru_cache(4096)
def _columns(char: str) -> int:
    from unicodedata import combining, east_asian_width  # noqa: PLC0415 - only where a text is not ASCII

    return 2 if east_asian_width(char) in "WF" else 0 if combining(char) else 1


def reach(text: str, room: int, start: int = 0) -> int:
    """Where the characters of a text from `start` on end that fit into `room` columns of a terminal."""
    if text.isascii():
        return min(len(text), start + max(room, 0))
    for at in range(start, len(text)):
        room -= _columns(text[at])
        if room < 0:
            return at
    return len(text)


def fitted(text: str, room: int) -> str:
    """The text, or as much of its beginning as takes `room` columns with `...` behind it, which stands always."""
    return text if reach(text, room) == len(text) else text[: reach(text, room - 3)] + "..."
