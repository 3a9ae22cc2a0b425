"""`--ndjson FILE`: the records of a live capture, one a line as they come, in a file for their owner alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from typing import Final

import re2  # noqa: F401 - masking takes it later, by when rights are dropped and nothing may be there to import

from rtmpsniff.analysis.masking import Masking
from rtmpsniff.capture.live import Capture
from rtmpsniff.capture.recorder import STANDARD_OUTPUT, telling, write_all
from rtmpsniff.dissect import Dissection
from rtmpsniff.output.export import Export
from rtmpsniff.output.json_text import json_text
from rtmpsniff.rtmp.events import Event

MOST_LINES: Final = 500  # that wait to be written
LATEST: Final = 1_000  # secrets that are looked for by value; each takes some 12 KB


class RecordsFile:
    """An open file of records. Raises `OutputError` where it cannot be made or written."""

    def __init__(self, name: str, *, include_secrets: bool = False) -> None:
        self._name = name
        self._masking = Masking("shown" if include_secrets else "streamed", latest=LATEST)
        self._run: Dissection
        self._records: Export
        self._source = ""
        self._has_begun = False
        self._lines: list[str] = []  # that wait to be written
        self._file = -1  # standard output
        if name == STANDARD_OUTPUT:
            if isinstance(sys.stdout, TextIOWrapper):
                sys.stdout.reconfigure(encoding="utf-8")  # whatever the locale says: JSON is UTF-8
        else:
            with telling(name):
                self._file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def follow(self, run: Dissection, source: str) -> None:
        """It is this run whose records are to be written; `source` says what was listened to."""
        self._source = source
        self._run = run
        self._records = Export(run, (), self._masking)

    def kept(self, events: Iterable[Event]) -> Iterator[Event]:
        """All events of the run, each once its records are written."""
        for event in events:
            self._begin()
            for record in self._records.of(event):
                self._write(json_text(record))
            yield event

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        text = "".join(lines)
        with telling(self._name):
            if self._file < 0:
                sys.stdout.write(text)
                sys.stdout.flush()
                return
            write_all(self._file, text.encode())

    def end(self, capture: Capture) -> None:
        """The last record, with what the capture came to; the file is closed."""
        self._begin()
        figures, (first, last) = capture.figures, capture.times
        came_to = {
            "file": self._source,
            "format": "live",
            "packets": figures.packets,
            "bytes": figures.bytes,
            "first_time": None if first is None else str(first),
            "last_time": None if last is None else str(last),
            "truncated": "",
            "dropped": figures.dropped,
            "not_decoded": figures.not_decoded,
        }
        self._write(json_text({**self._records.end(), "captures": [came_to]}))
        self.flush()
        if self._file >= 0:
            with telling(self._name):
                os.close(self._file)

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            base = str(self._run.base) if self._run.base else None  # there may have been no packet
            self._write(json_text({**self._records.header(), "base_ns": base}))

    def _write(self, line: str) -> None:
        self._lines.append(f"{line}\n")
        if len(self._lines) >= MOST_LINES:
            self.flush()
