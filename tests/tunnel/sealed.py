"""RTMP inside TLS 1.3 that is sealed here, so that every suite, key update, padding and early data can be had."""

from __future__ import annotations

from typing import Final, Literal

from rtmpsniff.tunnel.ciphers import SUITES, next_secret
from rtmpsniff.tunnel.keylog import KeyLog
from tests.build import Frame, Talk, handshake
from tests.tunnel.hellos import RANDOM, hello_of_client, hello_of_server, message, plain
from tests.tunnel.test_ciphers import seal_13

SUITES_13: Final = [0x1301, 0x1302, 0x1303]


class Sealed13(Talk):
    """A conversation whose ends seal by hand; `log` is the key log that they write."""

    def __init__(self, suite: int, early: Literal["", "taken", "refused"] = "") -> None:
        super().__init__(server=("10.0.0.2", 443))
        self.code, self.suite, self.early = suite, SUITES[suite], early
        size = 48 if self.suite.hash == "sha384" else 32
        labels = [
            "CLIENT_EARLY_TRAFFIC_SECRET",
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            "CLIENT_TRAFFIC_SECRET_0",
            "SERVER_TRAFFIC_SECRET_0",
        ]
        self.secrets = {label: bytes([number]) * size for number, label in enumerate(labels, 1)}
        self.state = {"client": [self.secrets[labels[3]], 0], "server": [self.secrets[labels[4]], 0]}
        self.padding = 0

    def log(self, *without: str) -> KeyLog:
        keys = KeyLog()
        for label, secret in self.secrets.items():
            if label not in without:
                keys.add(f"{label} {RANDOM.hex()} {secret.hex()}\n".encode())
        return keys

    def open(self) -> list[Frame]:
        super().open()
        wire = super().send
        wire("client", hello_of_client(more=[42] if self.early else []))
        finished = message(20, bytes(32))
        one, other = (self.secrets[f"{side}_HANDSHAKE_TRAFFIC_SECRET"] for side in ("CLIENT", "SERVER"))
        if self.early:
            early = self.secrets["CLIENT_EARLY_TRAFFIC_SECRET"]
            wire("client", seal_13(self.suite, early, 0, handshake().c0c1))
        flight = [
            message(8, b"\0\4\0\x2a\0\0" if self.early == "taken" else b"\0\0"),
            message(11, bytes(3000)),
            finished,
        ]
        sealed = b"".join(seal_13(self.suite, other, number, each, 22) for number, each in enumerate(flight))
        wire("server", hello_of_server(self.code, version=0x0304) + plain(b"\x01", 20) + sealed)
        if self.early == "taken":
            wire("client", seal_13(self.suite, self.secrets["CLIENT_EARLY_TRAFFIC_SECRET"], 1, message(5, b""), 22))
        wire("client", plain(b"\x01", 20) + seal_13(self.suite, one, 0, finished, 22))
        for _ in range(2):  # tickets
            wire("server", self.seal("server", message(4, bytes(100)), 22))
        return self.frames

    def seal(self, sender: str, text: bytes, kind: int = 23) -> bytes:
        state = self.state[sender]
        secret, number = state
        assert isinstance(secret, bytes)
        assert isinstance(number, int)
        state[1] = number + 1
        return seal_13(self.suite, secret, number, text, kind, self.padding)

    def send(self, sender: str, data: bytes) -> list[Frame]:
        if self.early == "taken" and data == handshake().c0c1:
            return []  # it went early
        return super().send("client" if sender == "client" else "server", self.seal(sender, data))

    def update(self, sender: str) -> None:
        super().send("client" if sender == "client" else "server", self.seal(sender, message(24, b"\1"), 22))
        secret = self.state[sender][0]
        assert isinstance(secret, bytes)
        self.state[sender] = [next_secret(self.suite, secret), 0]
