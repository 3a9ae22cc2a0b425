"""Where the bytes of a capture come from, and what may stand around that: unpacking, watching, an end on demand."""

from __future__ import annotations

from typing import Protocol


class Source(Protocol):
    """What a file is read through: `read` gives what is there, b"" at the end, None where nothing is there yet."""

    @property
    def closed(self) -> bool: ...
    def fileno(self) -> int: ...
    def read(self, size: int, /) -> bytes | None: ...
    def close(self) -> None: ...


class Around:
    """A source around another one: it is closed and waited for as that is, and reads it in a way of its own."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def closed(self) -> bool:
        return self._source.closed

    def fileno(self) -> int:
        return self._source.fileno()

    def close(self) -> None:
        self._source.close()
