"""TLS secrets that the user has: the key logs that were named, and the one that SSLKEYLOGFILE names."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rtmpsniff.capture.growing import GrowingFile
from rtmpsniff.cli.world import warn
from rtmpsniff.errors import InputError
from rtmpsniff.text import printable
from rtmpsniff.tunnel.keylog import KeyLog


def read_keys(files: Sequence[str]) -> KeyLog:
    """Read every key log; raises `InputError` for one that was named and cannot be read.

    `KeyLog.follow` makes what is added to them later count.
    """
    keys = KeyLog()
    for name in files:
        file = GrowingFile(name, _complain)
        try:
            count = keys.add_blocks(file.blocks())
        except InputError as error:
            raise InputError(f"--keylog {error}") from None
        keys.growing.append(file.lines)
        if not count:
            why = "it is empty" if file.is_empty else "no line of it is one of an NSS key log"
            warn(f"warning: {printable(name)} holds no TLS secrets: {why}")
    shared = os.environ.get("SSLKEYLOGFILE")
    if shared and shared not in files:
        file = GrowingFile(shared, _complain)
        keys.growing.append(file.lines)  # which may be there later
        try:
            if file.is_plain:
                keys.add_blocks(file.blocks())
        except InputError as error:
            warn(f"warning: SSLKEYLOGFILE: {error}")
    return keys


def _complain(text: str) -> None:
    warn(f"warning: {text}")
