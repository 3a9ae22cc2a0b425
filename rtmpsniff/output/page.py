"""Lines with escape codes become a web page: no outside reference, no script.

Written line by line, so that it may be as long as it likes.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Final

from rtmpsniff.output.theme import PAGE, ROLES, STYLES, css, painted

Write = Callable[[str], object]

_CLASSES: Final = {code: f"c{n}" for n, code in enumerate(sorted({*ROLES.values(), *STYLES.values()}))}


class Page:
    """A page with a title; `line` adds a line, `end` must come last."""

    def __init__(self, write: Write, title: str) -> None:
        self._write = write
        write(_head(title))

    def line(self, text: str) -> None:
        """Add a line as the theme has painted it; it may hold several."""
        self._write("".join(_run(part, code) for part, code in painted(text)) + "\n")

    def end(self) -> None:
        """Nothing comes behind this."""
        self._write("</pre>\n</html>\n")


def _run(text: str, code: str) -> str:
    name = _CLASSES.get(code)
    return escape(text) if name is None else f"<span class={name}>{escape(text)}</span>"


def _head(title: str) -> str:
    rules = "".join(f".{name}{{{css(code)}}}" for code, name in _CLASSES.items())
    return f"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}</title>
<style>
:root{{color-scheme:light dark}}
body{{margin:1rem;color:{PAGE["ink"]};background:{PAGE["paper"]}}}
@media (prefers-color-scheme:dark){{body{{color:{PAGE["dark ink"]};background:{PAGE["dark paper"]}}}}}
h1{{font:bold 1rem sans-serif}}
pre{{font:14px/1.3 "DejaVu Sans Mono",Menlo,Consolas,"Liberation Mono",monospace;unicode-bidi:isolate}}
{rules}
</style>
<h1>{escape(title)}</h1>
<pre>
"""
