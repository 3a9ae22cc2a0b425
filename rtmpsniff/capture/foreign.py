"""Ways to write bytes that are known and not read, or that may mean two things: each is refused with what helps.

They would pass for hex or base64 otherwise, and be misread without a word.
"""

from __future__ import annotations

import re
from typing import Final

from rtmpsniff.capture.places import mistake

_OTHER_UNITS: Final = (
    "{} begins a listing of something else than bytes in hex: hexdump -C, xxd and od -t x1 write those"
)
_FOREIGN: Final = tuple(
    (re.compile(rf"\s*+(?P<shown>{pattern})"), what)
    for pattern, what in (
        (
            r":(?:[0-9A-Fa-f]{2}){5,}+(?:\s++:(?:[0-9A-Fa-f]{2}){5,}+)*+\s*+\Z",
            "{} is a record of Intel HEX: objcopy -I ihex -O binary writes its bytes",
        ),
        (
            r"[01]{8}(?:[\s,]++[01]{8})++[\s,]*+\Z",
            "{} may be binary or hex digits: --input hex takes all for hex, and binary ones are not read",
        ),
        (
            r"[0-9A-Fa-f]{8}: [01]{8} ",
            "{} and what follows are rows of binary digits: xxd without -b writes hex",
        ),
        (
            r"[A-Z2-7]{16}[A-Z2-7\s]*+={0,6}+\s*+\Z",
            "{} is base32: base32 -d writes its bytes",
        ),
        (
            r"0{7}[ \t]++(?![0-9A-Fa-f]{2}(?:\s|\Z))",
            _OTHER_UNITS,
        ),
        (
            r"(?:0[xX])?[0-9A-Fa-f]{4,16}(?: <[^<>\n]{1,80}>)?:[ \t]++-?(?:[0-9]|[0-9]{3})[ \t\n]",
            _OTHER_UNITS,
        ),
    )
)
_HEX_ALONE: Final = re.compile(r"[0-9A-Fa-f\s]*+\Z")


def refuse_foreign(text: str) -> None:
    """Raise `UserError` for a text in one of these ways."""
    for pattern, what in _FOREIGN:
        match = pattern.match(text)
        if match and not ("base32" in what and _HEX_ALONE.match(text)):
            raise mistake(text, match.start("shown"), what)
