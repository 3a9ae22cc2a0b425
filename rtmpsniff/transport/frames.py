"""Whole packets without a capture, as tcpdump -X and Wireshark show them: takes their bytes, gives what TCP carried.

Nothing says where a packet ends but its own lengths, so only packets that are here whole, one right behind the other,
are taken for such.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rtmpsniff.capture.packet import Packet
from rtmpsniff.transport.link import ETHERNET, IPV4, IPV6, network
from rtmpsniff.transport.tcp import Segment, segment_of

RAW_IP: Final = 101

_SHORTEST_FRAME: Final = 60  # of Ethernet, which is filled up to this


class Carried(NamedTuple):
    """What packets carried, in their order. `senders`: how many TCP endpoints sent data in them."""

    data: bytes
    packets: int
    senders: int


def carried(data: bytes) -> Carried | None:
    """The TCP payload of the packets that these bytes are; None where they are no packets."""
    for link in (RAW_IP, ETHERNET):
        segments = _segments(data, link)
        if segments:
            keys = {segment.key for segment in segments if segment.payload}
            return Carried(b"".join(segment.payload for segment in segments), len(segments), len(keys))
    return None


def _segments(data: bytes, link: int) -> list[Segment]:
    found: list[Segment] = []
    at = 0
    while at < len(data):
        size = _size(data[at:], link)
        segment = segment_of(Packet(0, len(found), 0, link, data[at : at + size], size)) if size else None
        if segment is None:
            return []
        found.append(segment)
        at += size
        if link == ETHERNET and size < _SHORTEST_FRAME and not any(data[at : at + _SHORTEST_FRAME - size]):
            at += _SHORTEST_FRAME - size
    return found


def _size(data: bytes, link: int) -> int:
    """How long the packet is that begins here, by its network header; 0 where it is none, or not here whole."""
    found = network(link, data)
    if found is None or found.ethertype not in {IPV4, IPV6}:
        return 0
    header = data[found.offset : found.offset + 40]
    if len(header) < 20 or header[0] >> 4 != (4 if found.ethertype == IPV4 else 6):
        return 0
    length = int.from_bytes(header[2:4], "big") if found.ethertype == IPV4 else 40 + int.from_bytes(header[4:6], "big")
    size = found.offset + length
    return size if length >= 20 and size <= len(data) else 0
