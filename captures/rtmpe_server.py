"""A server of RTMPE that goes as far as the first bytes behind the handshake: `rtmpe_server.py PORT VERSION...`.

It takes one connection for each VERSION (6, 8, 9), answers with it as S0 and with a signed S2, reads what the client
then says and hangs up. A player such as rtmpdump says something only if it holds S1 and S2 for genuine, so that the
recording shows that these are right; its own C2 was made by other people's code. Random bytes and secrets are fixed.
"""

# ruff: noqa: INP001 - a program beside its captures, no package

from __future__ import annotations

import hmac
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rtmpsniff.rtmp.handshake import find_digest
from rtmpsniff.rtmp.rtmpe import veil

# The second Oakley group (RFC 2409): a prime of 1024 bits and the generator 2.
PRIME = int(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd"
    "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed"
    "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff",
    16,
)
SECRET = int.from_bytes(b"no secret at all", "big")
NAME = b"Genuine Adobe Flash Media Server 001"
SHARED = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")


def s1() -> bytes:
    """With public value and digest, layout D772."""
    packet = bytearray(bytes(4) + bytes([3, 5, 1, 1]) + bytes(n * 73 + (n >> 8) & 255 for n in range(1528)))
    key = 8 + sum(packet[768:772]) % 632
    packet[key : key + 128] = pow(2, SECRET, PRIME).to_bytes(128, "big")
    at = 776 + sum(packet[772:776]) % 728
    packet[at : at + 32] = hmac.digest(NAME, packet[:at] + packet[at + 32 :], "sha256")
    return bytes(packet)


def s2(c1: bytes, version: int) -> bytes:
    """Signed with the digest of C1."""
    digest = find_digest(c1, "client")
    if digest is None:
        raise SystemExit("C1 has no digest")
    body = bytes(n * 151 + (n >> 8) & 255 for n in range(1504))
    key = hmac.digest(NAME + SHARED, digest.value, "sha256")
    return body + veil(hmac.digest(key, body, "sha256"), key, version)


def serve(client: socket.socket, version: int) -> None:
    """One client, until it has said something behind its C2, or hangs up."""
    received = b""
    answered = False
    while len(received) <= 3073:
        data = client.recv(65536)
        if not data:
            return
        received += data
        if len(received) >= 1537 and not answered:
            client.sendall(bytes([version]) + s1() + s2(received[1:1537], version))
            answered = True


def main(port: int, versions: list[int]) -> None:
    """Take the connections, one after the other."""
    with socket.create_server(("127.0.0.1", port)) as server:
        for version in versions:
            client, _ = server.accept()
            with client:
                serve(client, version)


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(version) for version in sys.argv[2:]])
