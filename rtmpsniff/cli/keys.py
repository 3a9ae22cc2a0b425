"""TLS secrets that the user has: the key logs that were named, and the one that SSLKEYLOGFILE names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import chain, islice
from typing import Final

from rtmpsniff.capture.growing import GrowingFile
from rtmpsniff.cli.world import warn
from rtmpsniff.errors import InputError
from rtmpsniff.text import printable
from rtmpsniff.tunnel.keylog import KeyLog

_MOST_LOOKS: Final = 256  # of a MiB each


def read_keys(files: Sequence[str]) -> KeyLog:
    """Read every key log, and go on as they grow; raises `InputError` for one that was named and cannot be read."""
    keys = KeyLog()
    for name in files:
        file = GrowingFile(name, _complain)
        try:
            count = keys.follow(file.blocks(), file.lines)
        except InputError as error:
            raise InputError(f"--keylog {error}") from None
        if file.is_empty:
            warn(f"warning: {printable(name)} is empty so far: it holds no TLS secrets")
        elif not count:
            warn(f"warning: {printable(name)} holds no TLS secrets: no line of it is one of an NSS key log")
    shared = os.environ.get("SSLKEYLOGFILE")
    if shared and shared not in files:  # it may be there later, and may be something that is no file
        file = GrowingFile(shared, _complain)
        keys.follow(chain.from_iterable(islice(iter(file.lines, []), _MOST_LOOKS)), file.lines)
    return keys


def _complain(text: str) -> None:
    warn(f"warning: {text}")
