"""Files that are whole or not there: written under a hidden name beside their place, and renamed at the end.

Takes bytes. Raises `OutputError`, one line with the name, for what cannot be written; what was begun is then removed.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, Final

from rtmpsniff.errors import OutputError
from rtmpsniff.output.saved import reason, refuse_inputs

MOST_OPEN: Final = 64  # files; further ones are closed for a while and opened again when more comes
SUFFIX: Final = ".part"


class PartFiles:
    """The files of one run. `inputs` are names that nothing may take the place of; `force`: of all others it may."""

    def __init__(self, inputs: Iterable[str], *, force: bool) -> None:
        self.force = force
        self._inputs = tuple(inputs)
        self._open: OrderedDict[PartFile, BinaryIO] = OrderedDict()
        self._unfinished: dict[PartFile, None] = {}

    def begin(self, place: Path) -> PartFile:
        """Begin the file that will be at `place`; the folder is made if need be."""
        try:
            refuse_inputs(place, self._inputs)
            if not self.force and os.path.lexists(place):
                raise FileExistsError
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(f".{place.name}.{token_hex(4)}{SUFFIX}")
            file = PartFile(place, part)
            self._make_room()
            self._open[file] = part.open("xb")
        except OSError as error:
            raise OutputError(reason(place, error)) from None
        self._unfinished[file] = None
        return file

    def write(self, file: PartFile, data: bytes) -> None:
        """Put `data` at the end."""
        try:
            self._handle(file).write(data)
        except OSError as error:
            raise OutputError(reason(file.place, error)) from None

    def finish(self, file: PartFile, at: int = 0, data: bytes = b"") -> None:
        """It is whole, once `data` stands at the offset `at`: give it its name."""
        try:
            handle = self._handle(file)
            handle.flush()
            handle.seek(at)
            handle.write(data)
            del self._open[file]
            handle.close()
            self._rename(file)
        except OSError as error:
            raise OutputError(reason(file.place, error)) from None
        del self._unfinished[file]

    def discard(self) -> None:
        """Remove all that is not finished."""
        for file in self._unfinished:
            handle = self._open.pop(file, None)
            if handle is not None:
                with suppress(OSError):  # what cannot be flushed is not wanted any more
                    handle.close()
            with suppress(OSError):
                file.part.unlink()
        self._unfinished.clear()

    def _rename(self, file: PartFile) -> None:
        if self.force:
            file.part.replace(file.place)
            return
        try:
            file.place.hardlink_to(file.part)  # unlike a renaming it fails where there is something
        except FileExistsError:
            raise
        except OSError:  # a file system without such links
            if os.path.lexists(file.place):
                raise FileExistsError from None
            file.part.rename(file.place)
        else:
            file.part.unlink()

    def _handle(self, file: PartFile) -> BinaryIO:
        handle = self._open.get(file)
        if handle is None:
            self._make_room()
            handle = self._open[file] = file.part.open("r+b")
            handle.seek(0, os.SEEK_END)
        self._open.move_to_end(file)
        return handle

    def _make_room(self) -> None:
        while len(self._open) >= MOST_OPEN:
            _, handle = self._open.popitem(last=False)
            handle.close()


class PartFile:
    """One file: the place that it will have, and the name that it has until then."""

    __slots__ = ("part", "place")

    def __init__(self, place: Path, part: Path) -> None:
        self.place, self.part = place, part
