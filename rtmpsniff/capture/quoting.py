"""What mail, Markdown and tools that number lines put around a text. Takes text, gives it with `MARGIN` in their place.

So all that stays is where it stood, for a mistake has a line and a column; and who looks at columns sees where a margin
ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from rtmpsniff.capture.places import blanked, mistake

MARGIN: Final = "\0"  # no text has one

_MARK: Final = re.compile(r"^[ \t]*>(?: ?>)* ?", re.MULTILINE)
_LINE: Final = re.compile(r"^[^\n]*[^\s\0]", re.MULTILINE)
_FENCE: Final = re.compile(r"^[ \t\0]*(?:```|~~~)[^\n`]*$", re.MULTILINE)
_INLINE: Final = re.compile(r"\s*(`+)[^`]*(`+)\s*")
_NUMBER: Final = re.compile(
    r"^[ \t\0]*(?P<number>[1-9][0-9]{0,6})(?P<mark>[:.)|]\t?|\t| {1,2})(?P<rest>[^\n]*)", re.MULTILINE
)
_SHORTEST_REST: Final = 4  # characters behind the number of a line; less is an offset and its byte, or a list


def unquoted(text: str) -> str:
    """A text without the marks of quoted mail; of Markdown what stands between the fences alone.

    Raises `UserError` for several blocks between fences: nobody knows whether they belong together.
    """
    text = text.replace(MARGIN, " ")
    if len(_MARK.findall(text)) * 2 >= len(_LINE.findall(text)):
        text = _MARK.sub(_margin, text)
    fences = list(_FENCE.finditer(text))
    if len(fences) > 2:
        raise mistake(text, fences[2].start(), "{} begins a second block: decode one of them alone")
    inline = _INLINE.fullmatch(text)
    if not fences and inline and inline[1] == inline[2]:
        return text.replace("`", MARGIN)
    if not fences:
        return text
    start = fences[0].end()
    stop = fences[1].start() if len(fences) > 1 else len(text)
    return blanked(text[:start], MARGIN) + text[start:stop] + blanked(text[stop:], MARGIN)


def unnumbered(text: str) -> str:
    """A text without the numbers before its lines, where each has one and they count."""
    lines = list(_numbered(text))
    if len(lines) < 2 or len(lines) != len(_LINE.findall(text)):
        return text
    numbers = [int(line["number"]) for line in lines]
    counts = all(after == before + 1 for before, after in pairwise(numbers))
    is_short = sum(len(line["rest"].strip()) < _SHORTEST_REST for line in lines) * 2 > len(lines)
    could_be_hex = lines[0]["mark"].isspace() and len(lines[0]["number"]) % 2 == 0
    if not counts or is_short or could_be_hex:
        return text
    return _NUMBER.sub(lambda line: MARGIN * (line.start("rest") - line.start()) + line["rest"], text)


def _numbered(text: str) -> Iterator[re.Match[str]]:
    for line in _LINE.finditer(text):
        match = _NUMBER.match(text, line.start())
        if match is None:
            return
        yield match


def _margin(match: re.Match[str]) -> str:
    return MARGIN * len(match[0])
