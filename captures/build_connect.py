"""Writes connect-228.pcap: the opening of one RTMP session, put together by hand.

The client's `connect` is 228 bytes long, more than one chunk carries, and the header of its second chunk, a lone C3,
falls into the name `capabilities`: whoever reads AMF without taking the chunks apart finds it there. The command has an
argument after its object, the object says nothing of objectEncoding, and C2 and `connect` share a segment.

Nothing here was captured. Every byte follows from this file, which therefore always writes the same capture.

    python3 build_connect.py [FILE]
"""

# ruff: noqa: INP001 - a program beside its output, no package

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# --- RTMP --------------------------------------------------------------------

VERSION = b"\x03"
CHUNK_SIZE = 128
WINDOW = struct.pack(">I", 2_500_000)
DYNAMIC = b"\x02"


class Undefined:
    """AMF0's undefined, which is not null."""


def amf0(value: object) -> bytes:
    """One value behind its marker."""
    match value:
        case bool():
            return struct.pack(">B?", 0x01, value)
        case int() | float():
            return struct.pack(">Bd", 0x00, value)
        case str():
            return b"\x02" + name(value)
        case Mapping():
            return b"\x03" + b"".join(name(key) + amf0(item) for key, item in value.items()) + name("") + b"\x09"
        case Undefined():
            return b"\x06"
        case _:
            raise TypeError(type(value))


def name(text: str) -> bytes:
    """A string without a marker, as the keys of objects are."""
    return struct.pack(">H", len(text)) + text.encode()


def command(*values: object) -> bytes:
    """The body of a command."""
    return b"".join(map(amf0, values))


def message(chunk_stream: int, type_id: int, body: bytes) -> bytes:
    """A message at time 0 on message stream 0: one chunk of type 0, then as many of type 3 as it takes."""
    first, *rest = (body[at : at + CHUNK_SIZE] for at in range(0, len(body), CHUNK_SIZE))
    header = struct.pack(">B3xBHB4x", chunk_stream, len(body) >> 16, len(body) & 0xFFFF, type_id)
    return header + first + b"".join(bytes([0xC0 | chunk_stream]) + chunk for chunk in rest)


def handshake(step: int) -> bytes:
    """C1 or S1: time 0, four zero bytes, and filler that differs with the step."""
    return bytes(8) + bytes(index * step % 251 for index in range(1, 1529))


C1 = handshake(step=7)
S1 = handshake(step=11)

CONNECT = command(
    "connect",
    1,
    {
        "app": "SOSample",
        "flashVer": "WIN 10,2,159,1",
        "swfUrl": Undefined(),
        "tcUrl": "rtmp://localhost/SOSample",
        "fpad": False,
        "capabilities": 239,
        "audioCodecs": 3191,
        "videoCodecs": 252,
        "videoFunction": 1,
        "pageUrl": Undefined(),
    },
    28983,
)

RESULT = command(
    "_result",
    1,
    {"fmsVer": "FMS/3,5,1,516", "capabilities": 31, "mode": 1},
    {
        "level": "status",
        "code": "NetConnection.Connect.Success",
        "description": "Connection succeeded.",
        "objectEncoding": 0,
    },
)

# --- TCP/IP over Ethernet, in a pcap file ------------------------------------

START = 1_767_225_600_000_000  # microseconds: the first packet of 2026
SEGMENT = 1448  # 1500, less IP's 20 and TCP's 20 and 12 bytes of timestamps
WINDOW_SCALE = 7

FIN, SYN, PSH, ACK = 0x01, 0x02, 0x08, 0x10


@dataclass
class Peer:
    """One end of the connection."""

    port: int
    sequence: int  # of the next byte to send
    clock: int  # TCP's timestamps at the first packet, in milliseconds
    address: bytes = bytes([127, 0, 0, 1])
    packets: int = 0
    stamp: int = 0  # the last timestamp sent


@dataclass
class Conversation:
    """Two peers on one machine, and all that went between them."""

    client: Peer
    server: Peer
    records: list[bytes] = field(default_factory=list)

    def packet(self, at: int, sender: Peer, flags: int, payload: bytes = b"") -> None:
        """Record one packet, `at` microseconds after the first."""
        receiver = self.server if sender is self.client else self.client
        heard = flags & ACK > 0
        sender.stamp = sender.clock + at // 1000
        stamps = struct.pack(">BBII", 8, 10, sender.stamp, receiver.stamp)
        options = b"\x01\x01" + stamps
        if flags & SYN:
            options = struct.pack(">BBHBB", 2, 4, 1460, 4, 2) + stamps + struct.pack(">BBBB", 1, 3, 3, WINDOW_SCALE)
        window = 65160 if flags & SYN else 512

        def tcp(check: int) -> bytes:
            place = (20 + len(options)) // 4 << 4
            ports = struct.pack(">HH", sender.port, receiver.port)
            numbers = struct.pack(">II", sender.sequence, receiver.sequence * heard)
            return ports + numbers + struct.pack(">BBHHH", place, flags, window, check, 0) + options + payload

        def ip(check: int) -> bytes:
            size = 20 + len(tcp(0))
            head = struct.pack(">BBHHHBBH", 0x45, 0, size, sender.packets, 0x4000, 64, 6, check)
            return head + sender.address + receiver.address

        pseudo = sender.address + receiver.address + struct.pack(">HH", 6, len(tcp(0)))
        frame = bytes(12) + b"\x08\x00" + ip(checksum(ip(0))) + tcp(checksum(pseudo + tcp(0)))
        seconds, microseconds = divmod(START + at, 1_000_000)
        self.records.append(struct.pack("<IIII", seconds, microseconds, len(frame), len(frame)) + frame)
        sender.packets += 1
        sender.sequence += len(payload) + (flags & (SYN | FIN) > 0)

    def send(self, sender: Peer, payload: bytes, *times: int) -> None:
        """Send in segments, one for each time; the last one pushes, and the other side acknowledges at once."""
        pieces = [payload[at : at + SEGMENT] for at in range(0, len(payload), SEGMENT)]
        for at, piece in zip(times, pieces, strict=True):
            self.packet(at, sender, ACK | (PSH if piece is pieces[-1] else 0), piece)
        self.packet(times[-1] + 12, self.server if sender is self.client else self.client, ACK)

    def pcap(self) -> bytes:
        """The whole file: little-endian, microseconds, Ethernet."""
        return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1) + b"".join(self.records)


def checksum(data: bytes) -> int:
    """The Internet checksum of RFC 1071."""
    padded = data + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


# --- what happens ------------------------------------------------------------


def session() -> Conversation:
    """The connection from its first packet to its last; times in microseconds."""
    client = Peer(port=56118, sequence=0x5F3A9C10, clock=1_204_331)
    server = Peer(port=1935, sequence=0xA1740E52, clock=8_830_112)
    both = Conversation(client, server)

    both.packet(0, client, SYN)
    both.packet(27, server, SYN | ACK)
    both.packet(41, client, ACK)
    both.send(client, VERSION + C1, 1_308, 1_311)
    both.send(server, VERSION + S1 + C1, 3_922, 3_926, 3_929)
    both.send(client, S1 + message(3, 20, CONNECT), 45_258, 45_264)
    both.send(server, message(2, 5, WINDOW) + message(2, 6, WINDOW + DYNAMIC), 46_071)
    both.send(server, message(3, 20, RESULT), 46_530)
    both.packet(1_046_802, client, FIN | ACK)
    both.packet(1_046_915, server, FIN | ACK)
    both.packet(1_046_928, client, ACK)
    return both


def main() -> None:
    """Write the capture to the file named, or beside this program."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("connect-228.pcap")
    target.write_bytes(session().pcap())


if __name__ == "__main__":
    main()
