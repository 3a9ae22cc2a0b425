"""A captured packet becomes a UDP datagram (RFC 768), if it is in one piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rtmpsniff.transport.link import IPV4, IPV6, network

if TYPE_CHECKING:
    from rtmpsniff.capture.packet import Packet

_UDP: Final = 17


class Datagram(NamedTuple):
    """One datagram. `key` is source address, target address, source port and target port as they were sent."""

    packet: Packet
    key: bytes
    payload: bytes
    missing_tail: int  # bytes that the snapshot length cut away


def datagram_of(packet: Packet) -> Datagram | None:
    """Read a packet down to UDP; None where it carries no whole UDP header, or is a fragment."""
    found = network(packet.link, packet.data)
    if found is None:
        return None
    data, at = packet.data, found.offset
    if found.ethertype == IPV4 and len(data) >= at + 20:
        size = (data[at] & 0x0F) * 4
        fragment = int.from_bytes(data[at + 6 : at + 8], "big") & 0x3FFF
        if data[at] >> 4 != 4 or size < 20 or data[at + 9] != _UDP or fragment:
            return None
        addresses, start = data[at + 12 : at + 20], at + size
    elif found.ethertype == IPV6 and len(data) >= at + 40:
        if data[at] >> 4 != 6 or data[at + 6] != _UDP:
            return None
        addresses, start = data[at + 8 : at + 40], at + 40
    else:
        return None
    length = int.from_bytes(data[start + 4 : start + 6], "big")
    if len(data) < start + 8 or length < 8:
        return None
    payload = data[start + 8 : start + length]
    return Datagram(packet, addresses + data[start : start + 4], payload, length - 8 - len(payload))
