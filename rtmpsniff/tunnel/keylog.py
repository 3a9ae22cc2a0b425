"""Secrets of TLS connections, as programs write them for those who debug them (the NSS key log format).

A line is a label, the client random of the connection and a secret, in hex. What is no such line is passed over: key
logs are written by several programs at once, and cut in the middle.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

MOST_CONNECTIONS: Final = 500_000
MOST_LABELS: Final = 16  # of one connection
_LINE: Final = re.compile(rb"([A-Z][A-Z0-9_]{2,63})[ \t]+([0-9A-Fa-f]{64})[ \t]+((?:[0-9A-Fa-f]{2}){16,128})[ \t\r]*")
_LONGEST_LINE: Final = 512


class KeyLog:
    """What is known. `sources` give the texts that came since they were last asked, while the capture is read.

    `growing` are sources of which something comes only while programs are at work: `follow` makes them count.
    """

    def __init__(self) -> None:
        self.sources: list[Callable[[], Iterable[bytes]]] = []
        self.growing: list[Callable[[], Iterable[bytes]]] = []
        self.grows = False  # the keys of a connection may come one by one
        self.is_there = False  # somebody gave a key log, if an empty one
        self.version = 0  # grows with what is known
        self._secrets: dict[bytes, dict[str, bytes]] = {}

    def __repr__(self) -> str:
        return f"<KeyLog of {len(self._secrets)} connections>"

    def __len__(self) -> int:
        return len(self._secrets)

    def add(self, text: bytes) -> int:
        """Read a whole key log; gives the number of secrets in it."""
        return self.add_blocks([text])

    def add_blocks(self, blocks: Iterable[bytes]) -> int:
        """Read a key log that comes in pieces, cut anywhere; gives the number of secrets in it."""
        self.is_there = True
        count, rest = 0, b""
        for block in blocks:
            *lines, rest = (rest + block).split(b"\n")
            count += sum(map(self._add_line, lines))
            if len(rest) > _LONGEST_LINE:
                rest = b"#"  # of a line that is none, however long it gets
        return count + self._add_line(rest)

    def follow(self) -> None:
        """The capture goes on while it is read, and so may the key logs."""
        self.grows = self.grows or bool(self.growing)
        self.sources += self.growing
        self.growing = []

    def refresh(self) -> int:
        """Read what came since the last time; gives `version`."""
        for source in self.sources:
            for text in source():
                self.add(text)
        return self.version

    def secrets(self, client_random: bytes) -> dict[str, bytes]:
        """The secrets of a connection by their labels, none where nothing is known of it."""
        return self._secrets.get(client_random, {})

    def _add_line(self, line: bytes) -> bool:
        match = _LINE.fullmatch(line)
        if match is None:
            return False
        random = bytes.fromhex(match[2].decode())
        known = self._secrets.get(random)
        if known is None:
            if len(self._secrets) >= MOST_CONNECTIONS:  # half at a time: the first of a dictionary is slow to find
                self._secrets = dict(list(self._secrets.items())[MOST_CONNECTIONS // 2 :])
            known = self._secrets[random] = {}
        label, secret = match[1].decode(), bytes.fromhex(match[3].decode())
        before = known.get(label)
        # A line that was read before it was written to its end comes once more.
        is_longer = before is not None and len(secret) > len(before) and secret.startswith(before)
        if is_longer or (before is None and len(known) < MOST_LABELS):
            known[label] = secret
            self.version += 1
        return True
