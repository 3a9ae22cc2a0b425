"""Names of files for streams: takes streams, gives names that are safe anywhere and tell no secret.

`publish-1-live-key-1.flv` is what was published on connection 1 to the application `live`, `play-2-live-key-1.flv` what
connection 2 played there by the same name. A further stream of the same connection and name has a number at its end.
"""

from __future__ import annotations

import re
from typing import Final

from rtmpsniff.analysis.masking import Masking
from rtmpsniff.analysis.secrets import Place
from rtmpsniff.analysis.streams import Stream

LONGEST: Final = 90  # bytes of an application or a stream in UTF-8; most file systems allow 255 in all

_ODD: Final = re.compile(r"[^\w.-]+|_+")


class FileNames:
    """Names of the files of one run, each given once. `masking` says what may be seen of applications and streams."""

    def __init__(self, masking: Masking) -> None:
        self._masking = masking
        self._given: dict[str, int] = {}  # names and the number that came last; file systems may ignore case

    def name(self, connection: int, application: str, stream: Stream) -> str:
        """The next name for a file of this stream."""
        shown = self._masking.stream_name(stream.name or "").removesuffix(".flv")
        application = self._masking.text(application, Place.URL)
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
