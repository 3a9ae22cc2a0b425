"""Lines with escape codes become an SVG picture of a terminal: no outside reference, no script.

rich reads the escape codes. Its own SVG export is not used: it fetches fonts from a server, and places words by spaces
that some viewers swallow; here each word stands where its column is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Final

from rtmpsniff.output.theme import PICTURE

if TYPE_CHECKING:
    from rich.segment import Segment

_CELL, _LINE, _MARGIN, _BAR = 8.4, 18, 14, 34  # pixels: a character's width, a line's height, around, above
_FONT: Final = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
_WORDS: Final = re.compile(r"\S+(?: \S+)*")  # runs with single spaces inside


def svg(lines: Iterable[str], title: str) -> str:
    """Draw `lines`, as the theme has colored them, on a terminal that is as wide as the longest."""
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second that only pictures need
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=StringIO(), force_terminal=True, color_system="256", width=1000, highlight=False)
    texts = [Text.from_ansi(line) for line in lines]
    columns = max((text.cell_len for text in texts), default=0)
    width = round(columns * _CELL + 2 * _MARGIN)
    height = len(texts) * _LINE + _MARGIN + _BAR
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="7" fill="{PICTURE["paper"]}"/>',
        f'<g font-family="{_FONT}" font-size="14" fill="{PICTURE["ink"]}" xml:space="preserve">',
        f'<text x="{width // 2}" y="22" text-anchor="middle" fill="{PICTURE["title"]}">{escape(title)}</text>',
    ]
    options = console.options.update(no_wrap=True, width=columns + 1)
    for row, text in enumerate(texts):
        drawn += _line(console.render(text, options), _BAR + _LINE * (row + 0.8))
    return "\n".join([*drawn, "</g>", "</svg>", ""])


def _line(segments: Iterable[Segment], y: float) -> Iterator[str]:
    column = 0
    for text, style, _ in segments:
        ink = style.color.get_truecolor().hex if style is not None and style.color is not None else ""
        bold = style is not None and bool(style.bold)
        for word in _WORDS.finditer(text):
            x = _MARGIN + (column + word.start()) * _CELL
            look = f' fill="{ink}"' * bool(ink) + ' font-weight="bold"' * bold
            span = f'textLength="{len(word[0]) * _CELL:.1f}"'
            yield f'<text x="{x:.1f}" y="{y:.1f}" {span}{look}>{escape(word[0])}</text>'
        column += len(text.rstrip("\n"))
