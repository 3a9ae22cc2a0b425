"""One direction of a TLS connection under its keys: which of its records are sealed, and their text.

Each record is opened with its number (RFC 5246, 6.1; RFC 8446, 5.3). Where that fails, the numbers behind it are tried
as far as records may have been lost, and the keys that follow.
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from rtmpsniff.transport.connection import Sender
from rtmpsniff.tunnel.ciphers import SUITES, Opener, Suite, next_secret, opener_13, openers_12
from rtmpsniff.tunnel.hello import Hello, chosen_protocol, encrypted_extensions, takes_early_data
from rtmpsniff.tunnel.inner import Span
from rtmpsniff.tunnel.records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER, Record

MOST_AHEAD: Final = 1024  # record numbers that are tried behind a gap
LONGEST_MESSAGE: Final = 1 << 18  # bytes of a handshake message
_MOST_TRIES: Final = 4096  # that fail, in a row
_MOST_FAILURES: Final = 32  # records in a row
_TRIES_WON: Final = 16  # by a record that was opened
_LARGE: Final = 1 << 14
_MASTER_SECRET: Final = 48  # bytes (RFC 5246, 8.1)
_TLS_12: Final = 0x0303
_TLS_13: Final = 0x0304
_FINISHED: Final = 20
_KEY_UPDATE: Final = 24
_END_OF_EARLY_DATA: Final = 5
_ENCRYPTED_EXTENSIONS: Final = 8


class Opened(NamedTuple):
    """A record that was opened: its content type and its text."""

    kind: int
    span: Span
    skipped: int  # numbers between the record before and this one


class Side:
    """One direction under its keys: `open` takes records as they come.

    `openers` stand in the order in which they will be used, None where the key is not known; `secret` is TLS 1.3's last
    traffic secret, for key updates.
    """

    def __init__(self, suite: Suite, openers: list[Opener | None], secret: bytes = b"", *, is_13: bool) -> None:
        self._suite = suite
        self._openers = openers
        self._secret = secret
        self.is_13 = is_13
        self._active = is_13  # TLS 1.2: from ChangeCipherSpec on
        self._number = 0
        self._ahead = 0  # records that may have been lost
        self._tries = _MOST_TRIES
        self._failures = 0
        self._text = bytearray()  # of handshake messages
        self.protocol = ""  # by ALPN, of TLS 1.3
        self.takes_early = False  # of a server
        self.had_early = self.is_early
        self.opened = 0  # records

    def __repr__(self) -> str:
        return f"<Side at record {self._number}, {len(self._openers)} keys, {self._failures} failures>"

    @property
    def number(self) -> int:
        """Of the next record, under the key at hand."""
        return self._number

    @property
    def is_over(self) -> bool:
        """Nothing more can be opened."""
        return not self._openers or self._failures >= _MOST_FAILURES or self._tries <= 0

    @property
    def is_known(self) -> bool:
        """Whether all its keys are there."""
        return None not in self._openers

    @property
    def is_early(self) -> bool:
        """Whether early data may come (RFC 8446, 2.3): its key, known or not, was not left behind."""
        return len(self._openers) > 2

    @property
    def is_settled(self) -> bool:
        """Whether all keys but the last were left behind: what comes is application data."""
        return len(self._openers) == 1 and self._active and self._number > 0

    @property
    def opener(self) -> Opener | None:
        """What opens the next record, where that is known."""
        return self._openers[0] if self._openers else None

    @property
    def overhead(self) -> int | None:
        """Bytes that a record takes beside its text, its header included; None where they differ by record."""
        text = None if self.opener is None else self.opener.length(_LARGE)
        return None if text is None else _LARGE - text + HEADER

    def is_sealed(self, record: Record) -> bool:
        """Whether a record is encrypted."""
        if self.is_13:
            return record.kind == APPLICATION_DATA
        return self._active and record.kind != CHANGE_CIPHER_SPEC

    def may_have_lost(self, records: int) -> None:
        """So many records may be missing here."""
        self._ahead = min(self._ahead + records, MOST_AHEAD)
        self._active = True

    def change(self) -> bool:
        """ChangeCipherSpec. TLS 1.2: records are encrypted from here on; False where they were already."""
        if self.is_13 or not self._active:
            self._active = True
            return True
        return self._number == 0

    def renew(self, opener: Opener | None) -> None:
        """TLS 1.2: what follows is under another key; None: under one that is not known."""
        self._openers = [] if opener is None else [opener]
        self._number = self._ahead = self._failures = 0

    def holds(self, record: Record) -> bool:
        """Whether what looks like a record is one; it is not opened by this."""
        return self._try(record) is not None

    def open(self, record: Record) -> Opened | None:
        """Open a record; None where that cannot be done."""
        found = self._try(record)
        if found is None:
            self._failures += 1
            self._ahead = min(self._ahead + 1, MOST_AHEAD)
            return None
        key, opener, number, text = found
        skipped = 0 if key else number - self._number
        self._use(key, number)
        kind = record.kind
        if self.is_13:
            kind, text = _inner(text)
        span = _place(record.span, opener.skipped, text)
        if kind == HANDSHAKE and self.is_13:
            self._read_messages(text)
        return Opened(kind, span, skipped)

    def _use(self, key: int, number: int) -> None:
        """A record was opened by the key `key` of those that are left, under this number."""
        if key:
            del self._openers[:key]
            self._text.clear()
        self._number, self._ahead, self._failures = number + 1, 0, 0
        self._tries = min(self._tries + _TRIES_WON, _MOST_TRIES)
        self.opened += 1

    def _try(self, record: Record) -> tuple[int, Opener, int, bytes] | None:
        """The key that opens a record, as which of those that are left, its number, and its text."""
        header, body = record.header, record.span.data
        for key, opener in enumerate(self._openers):
            if opener is None:
                continue
            start = self._number if key == 0 else 0
            for number in range(start, start + self._ahead + 1):
                if self._tries <= 0:
                    return None
                text = opener.open(number, header, body)
                if text is not None:
                    return key, opener, number, text
                self._tries -= 1
        return None

    # TLS 1.3: handshake messages after which another key holds (RFC 8446, 4).

    def _read_messages(self, text: bytes) -> None:
        self._text += text
        while len(self._text) >= 4:
            kind, size = self._text[0], int.from_bytes(self._text[1:4], "big")
            if size > LONGEST_MESSAGE:
                self._text.clear()
                return
            if len(self._text) < 4 + size:
                return
            body = bytes(self._text[4 : 4 + size])
            del self._text[: 4 + size]
            self._heed(kind, body)

    def _heed(self, kind: int, body: bytes) -> None:
        if kind == _ENCRYPTED_EXTENSIONS:
            found = encrypted_extensions(body)
            self.protocol, self.takes_early = chosen_protocol(found), takes_early_data(found)
        elif kind in {_FINISHED, _END_OF_EARLY_DATA} and len(self._openers) > 1:
            del self._openers[0]
            self._number = 0
        elif kind == _KEY_UPDATE and len(self._openers) == 1 and self._secret:
            self._secret = next_secret(self._suite, self._secret)
            self._openers[0] = opener_13(self._suite, self._secret)
            self._number = 0


def _inner(text: bytes) -> tuple[int, bytes]:
    """TLSInnerPlaintext (RFC 8446, 5.2): the content type behind the text, and padding behind that."""
    text = text.rstrip(b"\0")
    return (text[-1], text[:-1]) if text else (0, b"")


def _place(sealed: Span, before: int, text: bytes) -> Span:
    """Text with the packets that brought it; `before` it stand so many bytes of the record's body."""
    stop = min(before + max(len(text), 1), len(sealed.data))
    return sealed.part(before, stop)._replace(data=text)


def sides_of(client: Hello, server: Hello, secrets: dict[str, bytes]) -> dict[Sender, Side] | str:
    """The directions under the keys that are known; a text where they cannot be read: why, empty without secrets."""
    suite = SUITES.get(server.cipher)
    if server.version not in {_TLS_12, _TLS_13}:
        return "of TLS only 1.2 and 1.3 are decrypted"
    if suite is None:
        return f"cipher suite 0x{server.cipher:04X} is not among those that are decrypted"
    if server.version == _TLS_13:
        return _sides_13(suite, client, secrets)
    master = secrets.get("CLIENT_RANDOM", b"")
    if len(master) != _MASTER_SECRET:
        return ""
    mac_last = client.mac_last and server.mac_last and suite.kind == "cbc"
    one, other = openers_12(suite, master, server.random + client.random, mac_last=mac_last)
    return {"client": Side(suite, [one], is_13=False), "server": Side(suite, [other], is_13=False)}


def _sides_13(suite: Suite, client: Hello, secrets: dict[str, bytes]) -> dict[Sender, Side] | str:
    labels: dict[Sender, list[str]] = {
        "client": ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"],
        "server": ["SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"],
    }
    size = hashlib.new(suite.hash).digest_size  # a secret of another length was cut
    secrets = {name: secret for name, secret in secrets.items() if len(secret) == size}
    if not any(names[1] in secrets for names in labels.values()):
        return ""
    if client.early_data:
        labels["client"].insert(0, "CLIENT_EARLY_TRAFFIC_SECRET")
    sides: dict[Sender, Side] = {}
    for sender, names in labels.items():
        found = [secrets.get(name) for name in names]
        openers = [None if secret is None else opener_13(suite, secret) for secret in found]
        sides[sender] = Side(suite, openers, found[-1] or b"", is_13=True)
    return sides
