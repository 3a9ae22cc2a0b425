"""The hellos of a TLS connection as they come: in the clear at its beginning, and inside it by a renegotiation."""

from __future__ import annotations

from rtmpsniff.text import printable
from rtmpsniff.transport.connection import Sender
from rtmpsniff.tunnel.beginnings import CLIENT_HELLO, SERVER_HELLO
from rtmpsniff.tunnel.ciphers import SUITES
from rtmpsniff.tunnel.hello import LONGEST, VERSIONS, Hello, client_hello, hello_again, server_hello
from rtmpsniff.tunnel.inner import Tls
from rtmpsniff.tunnel.sides import LONGEST_MESSAGE


class Handshake:
    """The first hellos: `feed` takes what comes before they are complete, `describe` says what they told."""

    def __init__(self) -> None:
        self.client: Hello | None = None
        self.server: Hello | None = None
        self._first: dict[Sender, bytes] = {"client": b"", "server": b""}

    def __repr__(self) -> str:
        return f"<Handshake{' ClientHello' * (self.client is not None)}{' ServerHello' * (self.server is not None)}>"

    @property
    def is_complete(self) -> bool:
        """Whether both hellos are there."""
        return self.client is not None and self.server is not None

    def feed(self, sender: Sender, data: bytes) -> None:
        """The next bytes of one side; no more is kept than a hello may take."""
        if self.is_complete:
            return
        self._first[sender] += data[: LONGEST - len(self._first[sender])]
        self.client = self.client or client_hello(self._first["client"])
        self.server = self.server or server_hello(self._first["server"])
        if self.is_complete:
            self._first = {"client": b"", "server": b""}

    def describe(self, tls: Tls) -> None:
        """Write down what the hellos say, safe to print."""
        client, server = self.client, self.server
        if client is not None:
            tls.server_name = printable(client.server_name)
            tls.offered = tuple(map(printable, client.alpn))
            tls.offered_versions = tuple(VERSIONS[version] for version in client.versions if version in VERSIONS)
        if server is not None:
            suite = SUITES.get(server.cipher)
            tls.version = VERSIONS.get(server.version, f"version 0x{server.version:04X}")
            tls.cipher = f"cipher suite 0x{server.cipher:04X}" if suite is None else suite.name
            tls.alpn = printable(server.alpn[0]) if server.alpn else ""


class Renegotiation:
    """The hellos inside a connection of TLS 1.2 (RFC 5246, 7.4.1.1), by the text of its handshake records."""

    def __init__(self) -> None:
        self._text: dict[Sender, bytes] = {"client": b"", "server": b""}
        self._last: tuple[Hello, Hello] | None = None

    def __repr__(self) -> str:
        return f"<Renegotiation, holds {sum(map(len, self._text.values()))}>"

    def add(self, sender: Sender, text: bytes) -> None:
        """The text of a handshake record."""
        self._text[sender] = (self._text[sender] + text)[:LONGEST_MESSAGE]

    def change(self, sender: Sender) -> tuple[Hello, Hello] | None:
        """One side changes its keys: by which hellos, client's and server's; None where one of them is missing."""
        last_client, last_server = self._last or (None, None)
        client = hello_again(self._text["client"], CLIENT_HELLO) or last_client
        server = hello_again(self._text["server"], SERVER_HELLO) or last_server
        if client is None or server is None:
            return None
        self._last = client, server
        self._text[sender] = b""
        return self._last
