"""Files that are there whole or not at all: written beside their place, and put there in the end."""

from __future__ import annotations

import gzip
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from tempfile import mkstemp
from typing import IO, Final, cast

from rtmpsniff.capture.files import REASONS, STANDARD_INPUT
from rtmpsniff.errors import OutputError
from rtmpsniff.text import printable

OWN: Final = 0o600  # a file for its owner alone

_REASONS: Final[dict[type[Exception], str]] = {
    **REASONS,
    FileExistsError: "is there already; --force overwrites it",
    NotADirectoryError: "is not in a directory",
}


@contextmanager
def saved(name: str, inputs: Iterable[str] = (), mode: int | None = None) -> Iterator[IO[bytes]]:
    """A file to write to. With the end of the block it stands under its name; with an exception there is none.

    A name that ends in .gz is written compressed. Raises `OutputError`, one line, where that cannot be, and where the
    name is that of one of the `inputs`. What is no plain file (a pipe, a device) is written to as it is.
    """
    try:
        refuse_inputs(name, inputs)
        place = Path(os.path.realpath(name))
        if place.exists() and not place.is_file():
            with place.open("wb") as device, _packed(name, device) as packed:
                yield packed
            return
        with _beside(place, mode) as file, _packed(name, file) as packed:
            yield packed
    except OSError as error:
        raise OutputError(reason(name, error)) from None
    except ValueError as error:  # a name that no file can have
        if "null" not in str(error):
            raise
        raise OutputError(f"{printable(name)}: is no name of a file") from None


@contextmanager
def saved_text(name: str, inputs: Iterable[str] = (), mode: int | None = None) -> Iterator[IO[str]]:
    """As `saved`, for text in UTF-8."""
    with saved(name, inputs, mode) as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="\n")
        try:
            yield text
            text.flush()
        finally:
            with suppress(OSError, ValueError):
                text.detach()


def reason(place: Path | str, error: OSError) -> str:
    """What went wrong where, in one line."""
    return f"{printable(str(place))}: {_REASONS.get(type(error)) or printable(error.strerror or str(error)).lower()}"


def refuse_inputs(place: Path | str, inputs: Iterable[str]) -> None:
    """Raise `OutputError` where a file to be written is one of those that are read."""
    output = Path(place)
    for one in inputs:
        with suppress(FileNotFoundError):
            if one != STANDARD_INPUT and output.is_file() and Path(one).is_file() and output.samefile(one):
                raise OutputError(f"{printable(str(place))}: is also an input")


@contextmanager
def _packed(name: str, file: IO[bytes]) -> Iterator[IO[bytes]]:
    if not name.endswith(".gz"):
        yield file
        return
    # Without name and time in it: the same export is the same file.
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as packed:
        yield cast("IO[bytes]", packed)


@contextmanager
def _beside(place: Path, mode: int | None) -> Iterator[IO[bytes]]:
    """A file beside `place` that takes its name once it is whole."""
    if mode is None:
        mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o666 & ~_umask()
    if place.exists() and not os.access(place, os.W_OK):
        raise PermissionError
    handle, temporary = mkstemp(prefix=f".{place.name[:64]}.", suffix=".part", dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(temporary).chmod(mode)
        Path(temporary).replace(place)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
