"""RTMP sessions inside something else: TLS by the ssl module without a socket, HTTP by hand."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from rtmpsniff.capture.packet import Packet
from rtmpsniff.dissect import Dissection
from rtmpsniff.rtmp.events import Event, Message
from rtmpsniff.transport.connection import Sender
from rtmpsniff.transport.events import Hole, Piece
from rtmpsniff.transport.reassembly import Reassembler
from rtmpsniff.tunnel.keylog import KeyLog
from rtmpsniff.tunnel.tunnels import Tunnels
from tests.build import Conversation, Frame, Talk

_MAC_FIRST: Final = 1 << 19  # SSL_OP_NO_ENCRYPT_THEN_MAC, which the ssl module does not name
_NO_EXTENDED: Final = 1 << 0  # SSL_OP_NO_EXTENDED_MASTER_SECRET
SERVER_NAME: Final = "live.example.com"


def packets(frames: Iterable[Frame]) -> Iterator[Packet]:
    for number, frame in enumerate(frames, 1):
        yield Packet(0, number, frame.time, 1, frame.data, len(frame.data))


def read(frames: Iterable[Frame], keys: KeyLog | None = None, ports: Sequence[int] = ()) -> list[Event]:
    """All events of these frames."""
    return list(Dissection(packets(frames), ports, keys=keys))


def inside(frames: Iterable[Frame], keys: KeyLog | None = None) -> list[Piece | Hole]:
    """The pieces and holes of the streams inside."""
    events = Tunnels(keys=keys).run(Reassembler().run(packets(frames)))
    return [event for event in events if isinstance(event, Piece | Hole)]


def said(events: Iterable[Event]) -> list[tuple[str, int, bytes]]:
    """What the messages among events say."""
    return [(each.sender, each.message_type_id, each.payload) for each in events if isinstance(each, Message)]


def sent(talk: Talk) -> list[tuple[str, int, bytes]]:
    return [(each.sender, each.type_id, each.payload) for each in talk.sent]


def by_sender(messages: Iterable[tuple[str, int, bytes]]) -> dict[str, list[tuple[int, bytes]]]:
    """The order holds within a direction alone: a tunnel may bring the other one later."""
    found: dict[str, list[tuple[int, bytes]]] = {"client": [], "server": []}
    for sender, kind, payload in messages:
        found[sender].append((kind, payload))
    return found


@cache
def certificate() -> tuple[bytes, bytes]:
    """A certificate that nobody else trusts, and its key, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SERVER_NAME)])
    now = datetime(2024, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=36500))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), private


class _Peers:
    """The two ends of a TLS connection in memory, and the key log that they wrote."""

    def __init__(self, version: ssl.TLSVersion, ciphers: str, options: int, alpn: Sequence[str], name: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            pem = Path(folder) / "pem"
            pem.write_bytes(b"".join(certificate()))
            handle, self._log = tempfile.mkstemp()
            os.close(handle)
            self.log = b""
            one = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            one.check_hostname, one.verify_mode = False, ssl.CERT_NONE
            other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            other.load_cert_chain(pem)
        one.keylog_filename = self._log
        for context in (one, other):
            context.minimum_version = context.maximum_version = version
            if ciphers:
                context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
            context.options |= options
            if alpn:
                context.set_alpn_protocols(list(alpn))
        self._wires: dict[Sender, tuple[ssl.MemoryBIO, ssl.MemoryBIO]] = {
            "client": (ssl.MemoryBIO(), ssl.MemoryBIO()),
            "server": (ssl.MemoryBIO(), ssl.MemoryBIO()),
        }
        self.ends: dict[Sender, ssl.SSLObject] = {
            "client": one.wrap_bio(*self._wires["client"], server_hostname=name or None),
            "server": other.wrap_bio(*self._wires["server"], server_side=True),
        }

    def shake(self) -> Iterator[tuple[Sender, bytes]]:
        """The flights of the handshake."""
        done: set[Sender] = set()
        while len(done) < 2 or any(wire[1].pending for wire in self._wires.values()):
            for sender, end in self.ends.items():
                try:
                    end.do_handshake()
                    done.add(sender)
                except ssl.SSLWantReadError:
                    done.discard(sender)
                yield from self.flight(sender)
        log = Path(self._log)
        self.log = log.read_bytes()
        log.unlink()

    def flight(self, sender: Sender) -> Iterator[tuple[Sender, bytes]]:
        data = self._wires[sender][1].read()
        if data:
            self._wires["server" if sender == "client" else "client"][0].write(data)
            yield sender, data

    def seal(self, sender: Sender, data: bytes) -> bytes:
        self.ends[sender].write(data)
        return b"".join(flight for _, flight in self.flight(sender))


class SecureTalk(Talk):
    """RTMP inside TLS (RTMPS)."""

    def __init__(
        self,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        ciphers: str = "",
        *,
        port: int = 443,
        mac_first: bool = False,
        alpn: Sequence[str] = (),
        name: str = SERVER_NAME,
    ) -> None:
        super().__init__(server=("10.0.0.2", port))
        self._peers = _Peers(version, ciphers, _MAC_FIRST if mac_first else 0, alpn, name)

    @property
    def log(self) -> bytes:
        """The key log."""
        return self._peers.log

    @property
    def keys(self) -> KeyLog:
        keys = KeyLog()
        keys.add(self.log)
        return keys

    def open(self) -> list[Frame]:
        frames = super().open()
        for sender, flight in self._peers.shake():
            frames += super().send(sender, flight)
        return frames

    def send(self, sender: Sender, data: bytes) -> list[Frame]:
        return super().send(sender, self._peers.seal(sender, data))


class TunnelTalk(Talk):
    """RTMP inside HTTP (RTMPT): what the server says waits for the client to ask."""

    def __init__(
        self,
        token: str = "Ab12Cd",
        *,
        port: int = 80,
        carriers: int = 1,
        chunked: bool = False,
        response: bytes = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-fcs\r\n",
        base: Sequence[Conversation] = (),
    ) -> None:
        super().__init__(server=("10.0.0.2", port))
        self.token, self.chunked, self.response = token, chunked, response
        self.number = 0
        self.pipes = list(base) or [
            Conversation(("10.0.0.1", 50001 + each), ("10.0.0.2", port)) for each in range(carriers)
        ]
        for pipe in self.pipes:
            pipe.frames = self.frames
        self._turn = 0

    def open(self) -> list[Frame]:
        for pipe in self.pipes:
            self._timed(pipe).open()
        self.exchange("/open/1", b"\0", f"{self.token}\n".encode(), self.pipes[0])
        return self.frames

    def send(self, sender: Sender, data: bytes) -> list[Frame]:
        if sender == "client":
            self.ask("send", data)
        else:
            self.ask("idle", b"\0", b"\x01" + data)
        return self.frames

    def ask(self, kind: str, body: bytes, answer: bytes = b"\x01") -> None:
        self._turn += 1
        pipe = self.pipes[self._turn % len(self.pipes)]
        self.exchange(f"/{kind}/{self.token}/{self.number}", body, answer, pipe)
        self.number += 1

    def exchange(self, path: str, body: bytes, answer: bytes, pipe: Conversation) -> None:
        self._timed(pipe).client(self.request(path, body))
        pipe.server(self.answer(answer))
        self.time = pipe.time

    def request(self, path: str, body: bytes) -> bytes:
        return (
            f"POST {path} HTTP/1.1\r\nHost: example.com\r\nContent-Type: application/x-fcs\r\n"
            f"Content-length: {len(body)}\r\n\r\n"
        ).encode() + body

    def answer(self, body: bytes) -> bytes:
        if not self.chunked:
            return self.response + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        halves = [body[: len(body) // 2], body[len(body) // 2 :]]
        chunks = b"".join(f"{len(half):x};name=value\r\n".encode() + half + b"\r\n" for half in halves if half)
        return self.response + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nTrailer: x\r\n\r\n"

    def close(self, sender: Sender = "client") -> list[Frame]:
        self.ask("close", b"\0", b"\0")
        for pipe in self.pipes:
            self._timed(pipe).close(sender)
            self.time = pipe.time
        return self.frames

    def _timed(self, pipe: Conversation) -> Conversation:
        pipe.at(self.time)
        return pipe
