"""RTMFP (RFC 7016, with the profile of RFC 7425): recognized by its startup packets, which a default key opens.

What follows the keying is encrypted with keys that both sides agree on (Diffie-Hellman) and never send. So this names
the handshake and counts the rest.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterator
from typing import Final, NamedTuple

from rtmpsniff import findings
from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Severity
from rtmpsniff.text import printable
from rtmpsniff.transport.connection import Connection, Sender
from rtmpsniff.transport.events import Begin, End, EndReason
from rtmpsniff.transport.tcp import reverse
from rtmpsniff.transport.udp import Datagram
from rtmpsniff.tunnel.ciphers import decrypt_cbc
from rtmpsniff.tunnel.inner import Event, InnerConnection, Notice, Sealed

DEFAULT_KEY: Final = b"Adobe Systems 02"  # RFC 7425, 4.1
MOST_CONNECTIONS: Final = 1024
_STARTUP: Final = 3
_CHUNKS: Final = {
    0x30: "IHello",
    0x0F: "forwarded IHello",
    0x70: "RHello",
    0x71: "redirect",
    0x79: "cookie change",
    0x38: "IIKeying",
    0x78: "RIKeying",
}
_FROM_CLIENT: Final = frozenset({0x30, 0x38})
_URL: Final = 0x0A  # the option of an endpoint discriminator that says where the client wants to go (RFC 7425, 4.4.2.3)
_WHY: Final = "RTMFP, encrypted with keys that both sides agreed on and never sent"


class Startup(NamedTuple):
    """A startup packet: the kind of its first chunk, and the address that an IHello names (without its query)."""

    kind: int
    url: str


def session_id(payload: bytes) -> int:
    """RFC 7016, 2.2.1: what is scrambled with the first bytes of what is encrypted; 0 at startup."""
    words = (int.from_bytes(payload[at : at + 4], "big") for at in (0, 4, 8))
    first, second, third = words
    return first ^ second ^ third


def read_startup(payload: bytes, *, addressed: bool = False) -> Startup | None:
    """What a datagram says that was encrypted with the default key; None for all others.

    The last one of a handshake is `addressed` to the client's session already.
    """
    if len(payload) < 36 or len(payload) % 16 != 4 or (session_id(payload) and not addressed):
        return None
    plain = decrypt_cbc(DEFAULT_KEY, bytes(16), payload[4:])
    if not _adds_up(plain) or plain[2] & 0x03 != _STARTUP:
        return None
    at = 3 + (2 if plain[2] & 0x08 else 0) + (2 if plain[2] & 0x04 else 0)
    kind, size = plain[at], int.from_bytes(plain[at + 1 : at + 3], "big")
    if kind not in _CHUNKS:
        return None
    return Startup(kind, _url(plain[at + 3 : at + 3 + size]) if kind == 0x30 else "")


def _adds_up(plain: bytes) -> bool:
    """The checksum: the one's complement sum of the rest."""
    total = sum(int.from_bytes(plain[at : at + 2], "big") for at in range(2, len(plain), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return int.from_bytes(plain[:2], "big") == ~total & 0xFFFF


def _url(chunk: bytes) -> str:
    """The endpoint discriminator of an IHello: its length, then options of length, type and value."""
    size, at = _number(chunk, 0)
    stop = min(at + size, len(chunk))
    while at < stop:
        length, at = _number(chunk, at)
        kind, value = _number(chunk, at)
        if kind == _URL:
            text = chunk[value : min(at + length, stop)].decode("utf-8", "replace")
            return printable(text.partition("?")[0])[:200]
        at += max(length, 1)
    return ""


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length (RFC 7016, 2.1.2), and where it ends."""
    value = 0
    for place in range(at, min(at + 4, len(data))):
        value = value << 7 | data[place] & 0x7F
        if not data[place] & 0x80:
            return value, place + 1
    return value, at + 4


class _Talk:
    """Two endpoints that speak RTMFP."""

    def __init__(self, connection: InnerConnection) -> None:
        self.connection = connection
        self.seen: list[str] = []  # steps of the handshake
        self.url = ""
        self.origins: dict[Sender, tuple[Origin, Origin]] = {}
        self.last = connection.begun


class Rtmfp:
    """All RTMFP of a capture: `feed` takes datagrams, `end` says what came of them."""

    def __init__(self) -> None:
        self.datagrams = 0  # that were RTMFP
        self._talks: OrderedDict[bytes, _Talk] = OrderedDict()  # by the client's key, oldest first

    def feed(self, datagram: Datagram) -> Iterator[Event]:
        if not self._talks and session_id(datagram.payload):
            return
        client_key = datagram.key if datagram.key in self._talks else reverse(datagram.key)
        talk = self._talks.get(client_key)
        awaited = talk is not None and talk.seen[-1:] == ["IIKeying"]
        startup = read_startup(datagram.payload, addressed=awaited)
        if talk is None:
            if startup is None:
                return
            client_key = datagram.key if startup.kind in _FROM_CLIENT else reverse(datagram.key)
            yield from self._make_room()
            talk = yield from self._begin(client_key, datagram.packet.origin)
        self._count(talk, "client" if datagram.key == client_key else "server", datagram)
        if startup is not None:
            yield from self._see(talk, startup, datagram)

    def end(self) -> Iterator[Event]:
        """The capture is over."""
        while self._talks:
            _, talk = self._talks.popitem(last=False)
            yield from self._finish(talk, "capture ended")

    def _begin(self, client_key: bytes, origin: Origin) -> Generator[Event, None, _Talk]:
        connection = InnerConnection(Connection(client_key, origin, True, {}), origin, "rtmfp")
        connection.hinted = True
        connection.words = "RTMFP over UDP"
        talk = self._talks[client_key] = _Talk(connection)
        yield Begin(connection, origin)
        return talk

    def _make_room(self) -> Iterator[Event]:
        while len(self._talks) >= MOST_CONNECTIONS:
            _, talk = self._talks.popitem(last=False)
            yield from self._finish(talk, "evicted")

    def _count(self, talk: _Talk, sender: Sender, datagram: Datagram) -> None:
        origin = datagram.packet.origin
        self.datagrams += 1
        talk.connection.flow(sender).offset += len(datagram.payload) + datagram.missing_tail
        talk.origins[sender] = (talk.origins.get(sender, (origin, origin))[0], origin)
        talk.last = origin

    def _see(self, talk: _Talk, startup: Startup, datagram: Datagram) -> Iterator[Event]:
        """A step of the handshake, told once."""
        name = _CHUNKS[startup.kind]
        if name in talk.seen:
            return
        talk.seen.append(name)
        target = f" for {startup.url}" if startup.url else ""
        sender: Sender = "client" if startup.kind in _FROM_CLIENT else "server"
        origin = datagram.packet.origin
        title = f"RTMFP handshake: {name}{target}"
        yield Notice(talk.connection, findings.RTMFP, Severity.NOTE, title, sender, origin)

    @staticmethod
    def _finish(talk: _Talk, reason: EndReason) -> Iterator[Event]:
        for flow in (talk.connection.from_client, talk.connection.from_server):
            if flow.sender in talk.origins:
                yield Sealed(flow, flow.offset, 0, _WHY, *talk.origins[flow.sender])
        talk.connection.closed = True
        yield End(talk.connection, talk.last, reason, "")
