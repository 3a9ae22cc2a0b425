"""A captured packet becomes a UDP datagram (RFC 768), if it is in one piece and no tunnel for something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rtmpsniff.transport.encapsulation import IP_PROTOCOL, UDP
from rtmpsniff.transport.tcp import carried

if TYPE_CHECKING:
    from rtmpsniff.capture.packet import Packet

_UDP_LAYER: Final = IP_PROTOCOL | UDP
_HEADER: Final = 8


class Datagram(NamedTuple):
    """One datagram. `key` is source address, target address, source port and target port as they were sent."""

    packet: Packet
    key: bytes
    payload: bytes
    missing_tail: int  # bytes that the snapshot length cut away


def datagram_of(packet: Packet) -> Datagram | None:
    """Read a packet down to UDP; None where it carries no whole UDP header, or is a fragment."""
    found = carried(packet, _UDP_LAYER)
    if found is None:
        return None
    data, ip, start, *_ = found
    length = int.from_bytes(data[start + 4 : start + 6], "big")
    if len(data) < start + _HEADER or length < _HEADER:
        return None
    payload = data[start + _HEADER : start + length]
    return Datagram(packet, ip.addresses + data[start : start + 4], payload, length - _HEADER - len(payload))
