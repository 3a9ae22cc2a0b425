"""Addresses of hosts in texts, and masks for them: numbers, names in URLs, and wherever the same name stands again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final, NamedTuple

_URL_HOST: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{0,31}://(?:[^/?#@\s]*@)?(\[[^\]/?#\s]{1,64}\]|[^/?#:\s\"'<>]{1,255})"
)
_NUMBERS: Final = re.compile(
    r"(?<![0-9A-Za-z_.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z_]|\.[0-9])"
    r"|(?<![0-9A-Za-z_.:])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,45}(?![0-9A-Za-z_:])"
)
_WORD: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]|\.(?=[A-Za-z0-9])){3,254}")
_MOST: Final = 20_000  # names that are looked for outside URLs


class Host(NamedTuple):
    """A part of a text, and what stands there instead."""

    start: int
    stop: int
    mask: str


class Hosts:
    """The hosts of a run: the same one has the same mask, however it is written."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mask(self, host: str) -> str:
        """What stands for a host: an address, or a name."""
        return _said(self.number(host))

    def number(self, host: str) -> int:
        """The number in its mask, from 1."""
        return self._numbers.setdefault(_plain(host), len(self._numbers) + 1)

    def table(self) -> dict[str, str]:
        """What each mask stands for."""
        return {_said(number): host for host, number in self._numbers.items()}

    def in_text(self, text: str) -> Iterator[Host]:
        """The hosts in a text, in order."""
        found = [*self._in_urls(text), *self._addresses(text), *self._known(text)]
        end = 0
        for host in sorted(found, key=lambda host: (host.start, -host.stop)):
            if host.start >= end:
                yield host
                end = host.stop

    def _in_urls(self, text: str) -> Iterator[Host]:
        for url in _URL_HOST.finditer(text):
            start, stop = url.span(1)
            if url[1].startswith("["):
                start, stop = start + 1, stop - 1
            if not url[1].startswith("<"):
                yield Host(start, stop, self.mask(text[start:stop]))

    def _addresses(self, text: str) -> Iterator[Host]:
        for number in _NUMBERS.finditer(text):
            if _is_address(number[0]):
                yield Host(*number.span(), self.mask(number[0]))

    def _known(self, text: str) -> Iterator[Host]:
        if len(self._numbers) > _MOST:
            return
        for word in _WORD.finditer(text):
            number = self._numbers.get(word[0].lower())
            if number is not None:
                yield Host(*word.span(), _said(number))


def _said(number: int) -> str:
    return f"<address-{number}>"


def _plain(host: str) -> str:
    """An address or a name in the one way in which it is written here."""
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        return host.lower().rstrip(".")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
