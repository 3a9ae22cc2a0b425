"""TLS secrets that the user has: the key logs that were named, and the one that SSLKEYLOGFILE names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from rtmpsniff.capture.files import blocks
from rtmpsniff.cli.world import warn
from rtmpsniff.errors import InputError
from rtmpsniff.text import printable
from rtmpsniff.tunnel.keylog import KeyLog

MOST_BLOCKS: Final = 4096  # of what is read at once; a key log of a million connections has fewer


def read_keys(files: Sequence[str]) -> KeyLog:
    """Read every key log; raises `InputError` for one that was named and cannot be read."""
    keys = KeyLog()
    for file in files:
        try:
            count = keys.add_blocks(_some(file))
        except InputError as error:
            raise InputError(f"--keylog {error}") from None
        if not count:
            warn(f"warning: {printable(file)} holds no TLS secrets: no line of it is one of an NSS key log")
    shared = os.environ.get("SSLKEYLOGFILE")
    if shared and shared not in files and Path(shared).is_file():
        try:
            keys.add_blocks(_some(shared))
        except InputError as error:
            warn(f"warning: SSLKEYLOGFILE: {error}")
    return keys


def _some(file: str) -> Iterator[bytes]:
    return islice(blocks(file), MOST_BLOCKS)
