"""What programming languages and their debuggers put around the bytes that they print.

Takes text, gives it with blanks there. A row of `_AROUND` for each way: what stands before the bytes, and what behind
them. What stands at single bytes, casts and prefixes, is in `_WITHIN`.
"""

from __future__ import annotations

import re
from typing import Final

from rtmpsniff.capture.places import blanked, mistake

_NAMED: Final = r"""(?:[A-Za-z_$][^={}()"'\n]{0,120}=\s*+)?"""  # `let b: [u8; 3] = `, `$1 = `, `byte[] b = `
_AROUND: Final = tuple(
    re.compile(rf"\s*+(?P<before>{before})(?P<bytes>[^{{}}()<>\[\]'\"\\\\]*)(?P<behind>{behind})\s*")
    for before, behind in (
        (r"<Buffer ", r">"),  # node
        (r"ArrayBuffer \{\s*\[Uint8Contents\]: <", r">,\s*byteLength: \d+\s*\}"),
        (r"\{length = \d+, bytes = ", r"\}"),  # NSData
        (r"\w+\(\d+\) \[", r"\]"),  # `Uint8Array(241) [`
        (r'\{\s*"type":\s*"Buffer",\s*"data":\s*\[', r"\]\s*\}"),
        (rf"{_NAMED}(?:&?(?:vec!)?\[)", r"\];?"),  # Rust, JavaScript
        (rf"{_NAMED}(?:new\s+)?(?:\[\d*\])?(?:[A-Za-z_]\w*(?:\[\d*\])?)?\s*+\{{", r"\};?"),  # C, Java, C#, Go, gdb
        (rf"{_NAMED}[A-Za-z_][\w.]*\(\[", r"\],\s*dtype=[\w.]+\)"),  # numpy
        (rf"{_NAMED}[A-Za-z_][\w.]*\(\s*[\[{{(]?", r"[\]})]?\);?"),  # Python, Kotlin
        (rf"{_NAMED}<<", r">>\.?"),  # Erlang, Elixir
        (r"<", r">"),  # NSData, before
        (r"[xXbB]?'", r"'"),  # SQL; base64 of Python
        (r"_binary\s+", ""),
        (r"data:[\w/;=.+-]*,", ""),
    )
)
_WITHIN: Final = re.compile(r"\(byte\)|\"\d+\":\s*(?=-?\d)|\.toByte\(\)|\b16#(?=[0-9A-Fa-f]{2})")
_LEFT_OUT: Final = re.compile(r"(?<![^\s,;])(?:\.\.\.|\u2026)(?!\.)")


def undressed(text: str) -> str:
    """A text with blanks for all that is not bytes, as far as it is known; each byte stays where it stood."""
    text = _WITHIN.sub(lambda match: " " * len(match[0]), text)
    for around in _AROUND:
        match = around.fullmatch(text)
        if match:
            start, stop = match.span("bytes")
            return blanked(text[:start]) + text[start:stop] + blanked(text[stop:])
    return text


def refuse_left_out(text: str) -> None:
    """Raise `UserError` where a program that prints for people has left bytes out: `... 191 more bytes`."""
    left_out = _LEFT_OUT.search(text)
    if left_out:
        raise mistake(text, left_out.start(), "{} leaves bytes out: let the program print all of them")
