"""Is it text, and in which characters? Takes bytes of a file, gives the text that somebody sees who opens it.

Terminals, web pages and Windows add characters that nobody sees: colors, marks of the encoding, blanks of other widths.
They go here, before anything is read, for a text that is not known as text would be read as raw bytes.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from typing import Final

_MARKS: Final = ((BOM_UTF8, "utf-8"), (BOM_UTF16_LE, "utf-16-le"), (BOM_UTF16_BE, "utf-16-be"))
_SHORTEST_UNMARKED: Final = 8  # bytes of UTF-16 without its mark, of which each second is zero
_SEEN: Final = bytes((*b"\t\n\r", *range(0x20, 0x7F)))
# Colors; `K`, with which grep ends each; the marks of a bracketed paste; what a link leads to.
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;:]*[mK]|\x1b\[20[01]~|\x1b\]8;[^\x1b\x07]*(?:\x1b\\|\x07)")
_UNSEEN: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_BLANKS: Final = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")  # out of web pages and documents
_LINES: Final = re.compile("\r\n?|[\u0085\u2028\u2029]")
_QUOTES: Final = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")  # word processors make these of the plain ones
_CONTROLS: Final = str.maketrans("", "", "\t\n\f\v")
_FOREIGN_SHARE: Final = 3  # of a text in a code page of Windows, at most so many parts in one are no ASCII


def text_of(data: bytes, whole: bool = True) -> str | None:
    """The text that these bytes are, without what nobody sees; None where they are none.

    `whole`: nothing follows them.
    """
    for encoding in _encodings(data):
        try:
            text = getincrementaldecoder(encoding)().decode(data, final=whole)
        except UnicodeDecodeError:
            continue
        text = cleaned(text)
        if text.translate(_CONTROLS).isprintable():
            return text
    return None


def cleaned(text: str) -> str:
    """A text with plain blanks, plain quotation marks and line feeds, and without colors."""
    text = _LINES.sub("\n", _UNSEEN.sub("", _ESCAPES.sub("", text)))
    return _BLANKS.sub(" ", text).translate(_QUOTES)


def _encodings(data: bytes) -> list[str]:
    """Those in which these bytes may be written."""
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if marked is not None:
        return [marked]
    for name, at in (("utf-16-le", 0), ("utf-16-be", 1)):
        letters, zeros = data[at::2], data[1 - at :: 2]
        if len(data) >= _SHORTEST_UNMARKED and not zeros.strip(b"\0") and not letters.translate(None, _SEEN):
            return [name]
    ascii_alone = data.translate(None, bytes(range(0x80, 0x100)))
    is_mostly_ascii = (len(data) - len(ascii_alone)) * _FOREIGN_SHARE < len(data)
    return ["utf-8", "cp1252"] if is_mostly_ascii else ["utf-8"]
