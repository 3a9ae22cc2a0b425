"""A captured packet becomes a TCP segment (RFC 9293), through whatever layers and tunnels stand before it.

This is the general reader, for every link layer and option. The frames that nearly all captures consist of take the
short way in `reassembly`, which reads the same fields at fixed offsets.
"""

from __future__ import annotations

from hashlib import blake2b
from ipaddress import ip_address
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from rtmpsniff.capture.packet import new_tuple
from rtmpsniff.transport.encapsulation import IP_PROTOCOL, LAYERS, UDP, udp
from rtmpsniff.transport.fragments import Fragments, Part
from rtmpsniff.transport.internet import EXTENSIONS, Fragment, Internet, extensions, ipv4, ipv6
from rtmpsniff.transport.link import IPV4, IPV6, network

if TYPE_CHECKING:
    from rtmpsniff.capture.packet import Packet

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
ACK: Final = 0x10

TCP: Final = 6
_TCP_LAYER: Final = IP_PROTOCOL | TCP
_TCP_HEADER: Final = Struct(">4xIIH")  # sequence, acknowledgement, offset and flags
_INTERNET: Final = {IPV4: ipv4, IPV6: ipv6}
_MOST_LAYERS: Final = 24  # deeper nesting is nobody's network
_LONGEST_TAG: Final = 16


class Endpoint(NamedTuple):
    """An address and a TCP port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Segment(NamedTuple):
    """One TCP segment. `key` is source address, target address, source port and target port as they were sent.

    `packet` carried it, or the last fragment of it. `tag` names the VLANs and virtual networks that it was seen in;
    `header` is TCP's without options, `identification` IP's (empty where there is none). `start` is where this header
    begins in the frame or, where `joined`, in the payload of the IP packet that fragments make.
    """

    packet: Packet
    key: bytes
    sequence: int
    acknowledgement: int
    flags: int
    payload: bytes
    missing_tail: int  # payload bytes that the snapshot length cut away
    tag: bytes = b""
    identification: bytes = b""
    header: bytes = b""
    start: int = 0
    joined: bool = False

    @property
    def reverse(self) -> bytes:
        """The key of the opposite direction."""
        return reverse(self.key)

    @property
    def identity(self) -> bytes:
        """What no other segment has: as `duplicates` reads it from an IPv4 packet, from its total length on."""
        size = 20 + (self.header[12] >> 4) * 4 + len(self.payload) + self.missing_tail
        addresses = self.key[: _ends(self.key) - 4]
        return (size & 0xFFFF).to_bytes(2, "big") + self.identification + addresses + self.header


def _ends(key: bytes) -> int:
    """How long the addresses and ports of a key are; a tag may follow them."""
    return 36 if len(key) >= 36 else 12


def reverse(key: bytes) -> bytes:
    """The key of the opposite direction: addresses and ports change places."""
    ends = _ends(key)
    size = (ends - 4) // 2
    return key[size : 2 * size] + key[:size] + key[ends - 2 : ends] + key[ends - 4 : ends - 2] + key[ends:]


def endpoints(key: bytes) -> tuple[Endpoint, Endpoint]:
    """The source and the target that a key names."""
    ends = _ends(key)
    size = (ends - 4) // 2
    source = Endpoint(str(ip_address(key[:size])), int.from_bytes(key[ends - 4 : ends - 2], "big"))
    return source, Endpoint(str(ip_address(key[size : 2 * size])), int.from_bytes(key[ends - 2 : ends], "big"))


class Carried(NamedTuple):
    """What a packet carries inmost: its header begins at `start` of `data`."""

    data: bytes
    ip: Internet
    start: int
    tag: bytes
    joined: bool  # the data is what fragments make


def segment_of(packet: Packet, fragments: Fragments | None = None) -> Segment | None:
    """Read a packet down to TCP; None where it carries no whole TCP header.

    A fragment is left to `fragments`; the one that completes a packet gives the segment.
    """
    found = carried(packet, _TCP_LAYER, fragments)
    return None if found is None else _tcp(packet, *found)


def carried(packet: Packet, wanted: int, fragments: Fragments | None = None) -> Carried | None:
    """Read a packet down to IP's payload of the layer `wanted`; None where it carries another, or not all of it.

    UDP is wanted where it is no tunnel for something else.
    """
    found = network(packet.link, packet.data)
    if found is None:
        return None
    data, tag, joined = packet.data, b"", False
    kind, start = found
    ip: Internet | None = None
    # A frame cut by the snapshot length: what its own lengths do not say, the wire length does.
    stop = max(packet.wire_length, len(data))
    for _ in range(_MOST_LAYERS):
        internet = _INTERNET.get(kind)
        if internet is not None:
            ip = internet(data, start, stop)
            if ip is not None and ip.fragment is not None:
                data, ip = _join(packet.time, data, ip, ip.fragment, tag, fragments)
                joined = True
            if ip is None:
                return None
            kind, start, stop = IP_PROTOCOL | ip.protocol, ip.start, ip.stop
            if kind != _TCP_LAYER and stop < len(data):
                data = data[:stop]  # padding is not what a tunnel carries
        reader = LAYERS.get(kind)
        layer = None if reader is None else reader(data, start, stop)
        if layer is None:
            return Carried(data, ip, start, tag, joined) if kind == wanted and ip is not None else None
        kind, start, stop, more = layer
        if more:
            tag = _tagged(tag + more)
    return None


def _tagged(tag: bytes) -> bytes:
    return tag if len(tag) <= _LONGEST_TAG else blake2b(tag, digest_size=_LONGEST_TAG).digest()


def _join(
    now: int, data: bytes, ip: Internet, fragment: Fragment, tag: bytes, fragments: Fragments | None
) -> tuple[bytes, Internet | None]:
    """The packet that a fragment completes, as its payload and a header whose offsets are those of this payload."""
    if fragments is None or not _may_hold_tcp(ip.protocol):
        return data, None
    part = Part(fragment.offset, fragment.offset + ip.stop - ip.start, data[ip.start : ip.stop], ip.start)
    first = fragment.offset == 0
    refused = first and ip.protocol == UDP and len(part.data) >= 8 and udp(data, ip.start, ip.stop) is None
    # The protocol is a part of IPv4's key, and not of IPv6's, where the first fragment's holds (RFC 8200, 4.5).
    protocol = bytes([ip.protocol]) if len(ip.addresses) == 8 else b""
    key = ip.addresses + ip.identification + protocol + tag
    whole = fragments.add(key, ip.protocol, part, more=fragment.more, now=now, refused=refused)
    if whole is None:
        return data, None
    behind = extensions(whole.data, whole.protocol, 0) if len(ip.addresses) == 32 else None
    number, start = (whole.protocol, 0) if behind is None else behind[:2]
    return whole.data, Internet(ip.addresses, number, start, whole.size, ip.identification, None)


def _may_hold_tcp(protocol: int) -> bool:
    return protocol == TCP or protocol in EXTENSIONS or IP_PROTOCOL | protocol in LAYERS


def _tcp(packet: Packet, data: bytes, ip: Internet, start: int, tag: bytes, joined: bool) -> Segment | None:
    if start + 20 > len(data):
        return None
    sequence, acknowledgement, bits = _TCP_HEADER.unpack_from(data, start)
    payload_start = start + (bits >> 12) * 4
    size = ip.stop - payload_start
    if bits >> 12 < 5 or size < 0:
        return None
    payload = data[payload_start : ip.stop]
    header = data[start : start + 20]
    key = ip.addresses + header[:4]
    identification = ip.identification if len(ip.addresses) == 8 else b""
    missing = size - len(payload)
    where = (tag, identification, header, start, joined)
    return new_tuple(Segment, (packet, key, sequence, acknowledgement, bits & 0x1FF, payload, missing, *where))
