"""TLS secrets that the user has: the key logs that were named, and the one that SSLKEYLOGFILE names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from rtmpsniff.cli.world import warn
from rtmpsniff.errors import InputError
from rtmpsniff.text import printable
from rtmpsniff.tunnel.keylog import KeyLog

LARGEST: int = 256 << 20  # bytes; a key log of a million connections has fewer
_BLOCK: int = 1 << 20


def read_keys(files: Sequence[str]) -> KeyLog:
    """Read every key log; raises `InputError` for one that was named and cannot be read."""
    keys = KeyLog()
    for file in files:
        name = printable(file)
        try:
            count = keys.add_blocks(_blocks(file))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"--keylog {name}: {printable(reason).lower()}") from None
        if not count:
            warn(f"warning: {name} holds no TLS secrets: no line of it is one of an NSS key log")
    shared = os.environ.get("SSLKEYLOGFILE")
    if shared and shared not in files and os.path.isfile(shared):  # noqa: PTH113 - a name may be no path at all
        try:
            keys.add_blocks(_blocks(shared))
        except OSError as error:
            warn(f"warning: SSLKEYLOGFILE {printable(shared)}: {printable(error.strerror or str(error)).lower()}")
    return keys


def _blocks(file: str) -> Iterator[bytes]:
    left = LARGEST
    with open(file, "rb") as opened:  # noqa: PTH123 - the name as it was given
        while left > 0 and (block := opened.read(_BLOCK)):
            left -= len(block)
            yield block
