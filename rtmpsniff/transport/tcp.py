"""A captured packet becomes a TCP segment: IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293).

This is the general reader, for every link layer and option. The frames that nearly all captures consist of take the
short way in `reassembly`, which reads the same fields at fixed offsets.
"""

from __future__ import annotations

from ipaddress import ip_address
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from rtmpsniff.transport.link import IPV4, IPV6, network

if TYPE_CHECKING:
    from rtmpsniff.capture.packet import Packet

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
ACK: Final = 0x10

_TCP: Final = 6
_TCP_HEADER: Final = Struct(">HHIIHH")  # ports, sequence, acknowledgement, offset and flags, window
_HEADERS_IN_EIGHTS: Final = frozenset({0, 43, 60, 135, 139, 140})  # IPv6 extensions of (n + 1) * 8 bytes
_AUTHENTICATION: Final = 51
_MOST_EXTENSIONS: Final = 16


class Endpoint(NamedTuple):
    """An address and a TCP port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Segment(NamedTuple):
    """One TCP segment. `key` is source address, target address, source port and target port as they were sent."""

    packet: Packet
    key: bytes
    sequence: int
    acknowledgement: int
    flags: int
    payload: bytes
    missing_tail: int  # payload bytes that the snapshot length cut away

    @property
    def reverse(self) -> bytes:
        """The key of the opposite direction."""
        return reverse(self.key)


def reverse(key: bytes) -> bytes:
    """The key of the opposite direction: addresses and ports change places."""
    size = (len(key) - 4) // 2
    return key[size : 2 * size] + key[:size] + key[-2:] + key[-4:-2]


def endpoints(key: bytes) -> tuple[Endpoint, Endpoint]:
    """The source and the target that a key names."""
    size = (len(key) - 4) // 2
    source = Endpoint(str(ip_address(key[:size])), int.from_bytes(key[-4:-2], "big"))
    return source, Endpoint(str(ip_address(key[size : 2 * size])), int.from_bytes(key[-2:], "big"))


class _Transport(NamedTuple):
    """What the network layer says of the transport layer: its bytes, and how long it was on the wire."""

    addresses: bytes
    start: int
    stop: int  # on the wire; the capture may end before


def segment_of(packet: Packet) -> Segment | None:
    """Read a packet down to TCP; None where it carries no whole TCP header (or is a fragment)."""
    found = network(packet.link, packet.data)
    if found is None:
        return None
    # A frame cut by the snapshot length: what its own lengths do not say, the wire length does.
    wire_stop = max(packet.wire_length, len(packet.data))
    if found.ethertype == IPV4:
        inner = _ipv4(packet.data, found.offset, wire_stop)
    elif found.ethertype == IPV6:
        inner = _ipv6(packet.data, found.offset, wire_stop)
    else:
        return None
    return None if inner is None else _tcp(packet, inner)


def _ipv4(data: bytes, start: int, wire_stop: int) -> _Transport | None:
    header = data[start : start + 20]
    if len(header) < 20 or header[0] >> 4 != 4 or header[0] & 0x0F < 5 or header[9] != _TCP:
        return None
    if int.from_bytes(header[6:8], "big") & 0x3FFF:  # a fragment, or more fragments follow
        return None
    total = int.from_bytes(header[2:4], "big")
    # Total length 0: the network card was to cut this packet to size, the frame's own length holds.
    stop = start + total if total else wire_stop
    return _Transport(header[12:20], start + (header[0] & 0x0F) * 4, stop)


def _ipv6(data: bytes, start: int, wire_stop: int) -> _Transport | None:
    header = data[start : start + 40]
    if len(header) < 40 or header[0] >> 4 != 6:
        return None
    length = int.from_bytes(header[4:6], "big")
    stop = start + 40 + length if length else wire_stop
    protocol, at = header[6], start + 40
    for _ in range(_MOST_EXTENSIONS + 1):
        if protocol == _TCP:
            return _Transport(header[8:40], at, stop)
        if at + 2 > len(data):
            return None
        if protocol in _HEADERS_IN_EIGHTS:
            size = (data[at + 1] + 1) * 8
        elif protocol == _AUTHENTICATION:
            size = (data[at + 1] + 2) * 4
        else:
            return None
        protocol, at = data[at], at + size
    return None


def _tcp(packet: Packet, inner: _Transport) -> Segment | None:
    data = packet.data
    if inner.start + 20 > len(data):
        return None
    source, target, sequence, acknowledgement, bits, _ = _TCP_HEADER.unpack_from(data, inner.start)
    payload_start = inner.start + (bits >> 12) * 4
    size = inner.stop - payload_start
    if bits >> 12 < 5 or size < 0:
        return None
    payload = data[payload_start : inner.stop]
    ports = source.to_bytes(2, "big") + target.to_bytes(2, "big")
    return Segment(
        packet, inner.addresses + ports, sequence, acknowledgement, bits & 0x1FF, payload, size - len(payload)
    )
