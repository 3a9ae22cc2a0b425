"""Records as text: one a line, or all of them as one document. Neither holds what it has written.

A document has its records by sort, so that all findings come behind all messages; what has to wait goes into files that
are gone when the program is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from tempfile import SpooledTemporaryFile
from typing import Final, Protocol, TextIO, cast

from rtmpsniff.output.json_text import json_text, json_value

Write = Callable[[str], object]

_MEMORY: Final = 1 << 20  # characters of one sort that wait in memory


class Records(Protocol):
    """Takes records in order, from a header to an end."""

    def take(self, record: Mapping[str, object]) -> None: ...
    def close(self) -> None: ...


class Lines:
    """One record a line."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def take(self, record: Mapping[str, object]) -> None:
        self._write(json_text(record) + "\n")

    def close(self) -> None:
        """Nothing is held."""


class Document:
    """One object: what the header says, messages, findings, undecoded, connections, captures."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._messages = 0
        self._waiting = {name: _Waiting() for name in ("findings", "undecoded", "connections")}

    def take(self, record: Mapping[str, object]) -> None:
        match record["record"]:
            case "header":
                members = (f"{json_value(name)}: {json_value(value)}" for name, value in record.items())
                self._write("{\n" + ",\n".join(list(members)[1:]) + ',\n"messages": [')
            case "message":
                self._write(("," if self._messages else "") + "\n" + json_text(record))
                self._messages += 1
            case "finding":
                self._waiting["findings"].add(json_text(record))
            case "undecoded":
                self._waiting["undecoded"].add(json_text(record))
            case "connection":
                self._waiting["connections"].add(json_text(record))
            case "end":
                self._end(record)

    def close(self) -> None:
        """Drop what waits, where there is no end."""
        for waiting in self._waiting.values():
            waiting.close()

    def _end(self, record: Mapping[str, object]) -> None:
        self._write("\n]" if self._messages else "]")
        for name, waiting in self._waiting.items():
            self._write(f',\n"{name}": [')
            waiting.give(self._write)
        for name, value in record.items():
            if name != "record":
                self._write(f",\n{json_value(name)}: {json_value(value)}")
        self._write("\n}\n")


class _Waiting:
    """Records of one sort that come later."""

    def __init__(self) -> None:
        self._count = 0
        # A file that nobody else can see: it is closed, and gone, with this object.
        self._file = cast(
            "TextIO",
            SpooledTemporaryFile(_MEMORY, "w+", encoding="utf-8", newline="\n"),  # noqa: SIM115
        )

    def add(self, text: str) -> None:
        self._file.write(("," if self._count else "") + "\n" + text)
        self._count += 1

    def give(self, write: Write) -> None:
        self._file.seek(0)
        while text := self._file.read(1 << 16):
            write(text)
        write("\n]" if self._count else "]")
        self.close()

    def close(self) -> None:
        self._file.close()
