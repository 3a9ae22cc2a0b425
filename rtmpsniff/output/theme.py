"""The only module that names a color.

Colors are of the 256-color palette and of medium brightness, so that they can be read on a dark and on a light
background alike. Everything else speaks of roles and styles by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rtmpsniff.fields import Role

RESET: Final = "\x1b[0m"

_BLUE, _SKY, _TEAL, _GREEN, _OLIVE, _ORANGE, _RED, _PINK, _PURPLE, _GRAY = 33, 38, 36, 71, 136, 166, 160, 169, 98, 244

ROLES: Final[dict[Role, str]] = {
    Role.BASIC_HEADER: f"38;5;{_RED};1",
    Role.TIMESTAMP: f"38;5;{_OLIVE}",
    Role.LENGTH: f"38;5;{_ORANGE}",
    Role.TYPE: f"38;5;{_PINK}",
    Role.STREAM_ID: f"38;5;{_PURPLE}",
    Role.EXTENDED_TIMESTAMP: f"38;5;{_OLIVE};1",
    Role.MARKER: f"38;5;{_PINK}",
    Role.PREFIX: f"38;5;{_ORANGE}",
    Role.KEY: f"38;5;{_BLUE}",
    Role.TEXT: f"38;5;{_GREEN}",
    Role.NUMBER: f"38;5;{_SKY}",
    Role.FLAG: f"38;5;{_SKY}",
    Role.MEDIA_HEADER: f"38;5;{_PURPLE}",
    Role.MEDIA: f"38;5;{_GRAY}",
    Role.RANDOM: f"38;5;{_GRAY}",
    Role.DIGEST: f"38;5;{_TEAL};1",
    Role.GROUP: f"38;5;{_PINK}",
    Role.PAIR: f"38;5;{_BLUE}",
    Role.UNREAD: f"38;5;{_RED}",
}

STYLES: Final = {
    "address": f"38;5;{_GRAY}",
    "dim": f"38;5;{_GRAY}",
    "title": "1",
    "error": f"38;5;{_RED};1",
    "warning": f"38;5;{_ORANGE};1",
    "note": f"38;5;{_TEAL}",
    "missing": f"38;5;{_RED};7",
    "client": f"38;5;{_BLUE}",
    "server": f"38;5;{_ORANGE}",
    "command": f"38;5;{_GREEN}",
    "data": f"38;5;{_TEAL}",
    "shared_object": f"38;5;{_TEAL}",
    "control": f"38;5;{_OLIVE}",
    "media": f"38;5;{_GRAY}",
    "audio": f"38;5;{_GRAY}",
    "video": f"38;5;{_PURPLE}",
    "unknown": f"38;5;{_RED}",
    "connection": "1",
    "handshake": f"38;5;{_PINK}",
}


PICTURE: Final = {"ink": "#d0d0d0", "paper": "#1c1c1c", "title": "#909090"}  # of an SVG


PAGE: Final = {"ink": "#1c1c1c", "paper": "#ffffff", "dark ink": "#d0d0d0", "dark paper": "#1c1c1c"}  # of a web page

_CODE: Final = re.compile("\x1b\\[([0-9;]*)m")
_LEVELS: Final = (0, 95, 135, 175, 215, 255)  # of each primary color in the cube of the 256-color palette


def painted(line: str) -> Iterator[tuple[str, str]]:
    """The runs of a line that `Paint` has painted, each with its code; the code is empty where nothing is painted."""
    at, code = 0, ""
    for change in _CODE.finditer(line):
        if change.start() > at:
            yield line[at : change.start()], code
        at, code = change.end(), change[1].removeprefix("0")
    if at < len(line):
        yield line[at:], code


def css(code: str) -> str:
    """A code as declarations of a style sheet."""
    said, parts = [], iter(code.split(";"))
    for part in parts:
        if part == "38" and next(parts, "") == "5":
            said.append(f"color:{_hex(int(next(parts, '0')))}")
        elif part == "1":
            said.append("font-weight:bold")
        elif part == "7":
            said.append("outline:1px solid")
    return ";".join(said)


def _hex(number: int) -> str:
    """A color of the 256-color palette, of its cube or its grays."""
    if number >= 232:
        return f"#{8 + 10 * (number - 232):02x}" + f"{8 + 10 * (number - 232):02x}" * 2
    number -= 16
    red, green, blue = (_LEVELS[number // place % 6] for place in (36, 6, 1))
    return f"#{red:02x}{green:02x}{blue:02x}"


class Paint:
    """Wraps text in escape codes, or leaves it alone where no color is wanted."""

    def __init__(self, colored: bool) -> None:
        self.colored = colored

    def style(self, name: str, text: str) -> str:
        code = STYLES.get(name)
        return f"\x1b[{code}m{text}{RESET}" if self.colored and code and text else text

    def role(self, role: Role, text: str) -> str:
        return f"\x1b[{ROLES[role]}m{text}{RESET}" if self.colored and text else text
