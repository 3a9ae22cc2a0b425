"""Names of files for streams: takes streams, gives names that are safe anywhere and tell no secret.

`publish-1-live-key-1.flv` is what was published on connection 1 to the application `live`, `play-2-live-key-1.flv` what
connection 2 played there by the same name. A further stream of the same connection and name has a number at its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from rtmpsniff.analysis.streams import Stream

LONGEST: Final = 90  # bytes of an application or a stream in UTF-8; most file systems allow 255 in all
MOST_KEYS: Final = 10_000  # names that have a number each; further ones have none
_LONGEST_KEY: Final = 256  # characters of a name that tell it from others

_ODD: Final = re.compile(r"[^\w.-]+|_+")


class Keys:
    """Masks for names of streams, since these are passwords at most services: the same name has the same mask."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def stream_name(self, name: str) -> str:
        """`key-1` for the first name, and so on."""
        head = name[:_LONGEST_KEY]
        if len(self._numbers) < MOST_KEYS:
            self._numbers.setdefault(head, len(self._numbers) + 1)
        number = self._numbers.get(head)
        return f"key-{number}" if number else "key"


class FileNames:
    """Names of the files of one run, each given once. `shown` says what may be seen of a stream's name."""

    def __init__(self, shown: Callable[[str], str]) -> None:
        self._shown = shown
        self._given: dict[str, int] = {}  # names and the number that came last; file systems may ignore case

    def name(self, connection: int, application: str, stream: Stream) -> str:
        """The next name for a file of this stream."""
        name = (stream.name or "").partition("?")[0]  # what stands behind it is for proving something
        shown = self._shown(name.removesuffix(".flv")) if name else ""
        words = [stream.action, str(connection), _safe(application), _safe(shown)]
        name = stem = "-".join(filter(None, words))
        number = self._given.get(stem.casefold(), 0)
        while name.casefold() in self._given:
            number += 1
            name = f"{stem}-{number}"
        self._given[stem.casefold()] = max(number, 1)
        self._given.setdefault(name.casefold(), 1)
        return f"{name}.flv"


def _safe(text: str) -> str:
    """Letters, digits, dots, dashes; nothing that a shell, a file system or a terminal takes for more than that."""
    short = text.encode("utf-8", "replace")[:LONGEST].decode("utf-8", "ignore")
    return _ODD.sub("_", short).strip("._-")
