"""What may stand between a link layer and IP, or between IP and IP: tags, labels, PPP and tunnels.

Each reader takes bytes, where its header begins and where on the wire what holds it ends, and gives the next layer:
its EtherType (all are named by one, IP protocols by `IP_PROTOCOL` and their number), its place, and what it says of
the network that it separates. None: what follows cannot be read. The walk through them all is `tcp.segment_of`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from rtmpsniff.transport.internet import AUTHENTICATION
from rtmpsniff.transport.link import IPV4, IPV6, PPP, PPPOE, Network, by_version, ethernet

IP_PROTOCOL: Final = 0x10000
UDP: Final = 17
_ETHERNET_FRAME: Final = 0x6558  # transparent Ethernet bridging
_MPLS: Final = 0x8847
_NSH: Final = 0x894F
_MOST_LABELS: Final = 16
_MOST_ROUTES: Final = 16
_MOST_OPTIONS: Final = 64


class Layer(NamedTuple):
    """What comes next. `tag` tells networks apart whose addresses may be the same: a VLAN, a virtual network."""

    kind: int
    start: int
    stop: int
    tag: bytes = b""


Reader: TypeAlias = Callable[[bytes, int, int], Layer | None]


def _u16(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 2], "big")


def _layer(found: Network | None, stop: int, tag: bytes = b"") -> Layer | None:
    return None if found is None else Layer(*found, stop, tag)


# Tags and labels


def _vlan(data: bytes, start: int, stop: int) -> Layer | None:
    """IEEE 802.1Q, 802.1ad and their forerunners: priority and identifier, then an EtherType. VLAN 0 is none."""
    if start + 4 > len(data):
        return None
    identifier = (data[start] & 0x0F) << 8 | data[start + 1]
    tag = b"v" + identifier.to_bytes(2, "big") if identifier else b""
    return Layer(data[start + 2] << 8 | data[start + 3], start + 4, stop, tag)


def _passed_over(size: int) -> Reader:
    """A tag of `size` bytes of which nothing matters, then an EtherType."""

    def reader(data: bytes, start: int, stop: int) -> Layer | None:
        return Layer(_u16(data, start + size), start + size + 2, stop) if start + size + 2 <= len(data) else None

    return reader


def _backbone(data: bytes, start: int, stop: int) -> Layer | None:
    """IEEE 802.1ah: a service identifier of 24 bits, then the customer's whole frame."""
    return _layer(ethernet(data, start + 4), stop, b"i" + data[start + 1 : start + 4])


def _labels(data: bytes, start: int, stop: int) -> Layer | None:
    """MPLS (RFC 3032): labels down to the bottom of the stack, which does not say what follows it."""
    for _ in range(_MOST_LABELS):
        if start + 4 >= len(data):
            return None
        bottom = data[start + 2] & 1
        start += 4
        if bottom:
            found = by_version(data, start)
            if found is None:  # Ethernet, with a control word (RFC 4448) or without
                found = ethernet(data, start if data[start] >> 4 else start + 4)
            return _layer(found, stop)
    return None


def _service_chain(data: bytes, start: int, stop: int) -> Layer | None:
    """NSH (RFC 8300): its length in words, and its own numbers for what follows."""
    if start + 8 > len(data):
        return None
    kind = _NEXT.get(data[start + 3])
    return None if kind is None else Layer(kind, start + (data[start + 1] & 0x3F) * 4, stop)


_NEXT: Final = {1: IPV4, 2: IPV6, 3: _ETHERNET_FRAME, 4: _NSH, 5: _MPLS}  # of NSH and of VXLAN-GPE


def _frame(data: bytes, start: int, stop: int) -> Layer | None:
    return _layer(ethernet(data, start), stop)


# PPP


def _ppp(data: bytes, start: int, stop: int) -> Layer | None:
    """RFC 1661: address and control may be left out, and the first byte of the protocol where it is zero."""
    if data[start : start + 2] == b"\xff\x03":
        start += 2
    if start >= len(data):
        return None
    size = 1 if data[start] & 1 else 2
    kind = {0x21: IPV4, 0x57: IPV6, 0x281: _MPLS}.get(int.from_bytes(data[start : start + size], "big"))
    return None if kind is None else Layer(kind, start + size, stop)


def _pppoe(data: bytes, start: int, stop: int) -> Layer | None:
    """RFC 2516, in the session stage: version and type, code, session, length."""
    if data[start : start + 2] != b"\x11\x00" or start + 6 > len(data):
        return None
    return Layer(PPP, start + 6, min(stop, start + 6 + _u16(data, start + 4)))


# Inside IP


def _authentication(data: bytes, start: int, stop: int) -> Layer | None:
    """RFC 4302: says who sent it, and hides nothing."""
    if start + 12 > len(data):
        return None
    return Layer(IP_PROTOCOL | data[start], start + (data[start + 1] + 2) * 4, stop)


def _gre(data: bytes, start: int, stop: int) -> Layer | None:
    """RFC 2784 and 2890, PPTP's form (RFC 2637), and what is mirrored in it (ERSPAN)."""
    if start + 4 > len(data):
        return None
    flags, kind = _u16(data, start), _u16(data, start + 2)
    at = start + 4 + (4 if flags & 0xC000 else 0)
    tag = b""
    if flags & 0x2000:
        if kind == _ETHERNET_FRAME:  # NVGRE (RFC 7637): the upper 24 bits are the virtual network
            tag = b"n" + data[at : at + 3]
        at += 4
    at += 4 if flags & 0x1000 else 0
    if flags & 0x4000:
        past = _after_routes(data, at)
        if past is None:
            return None
        at = past
    if flags & 7 == 1:
        at += 4 if flags & 0x80 else 0
    if kind == 0x88BE:  # ERSPAN: its first form has no header and no sequence number
        return Layer(_ETHERNET_FRAME, at + (8 if flags & 0x1000 else 0), stop)
    if kind == 0x22EB:
        more = 8 if at + 12 <= len(data) and data[at + 11] & 1 else 0
        return Layer(_ETHERNET_FRAME, at + 12 + more, stop)
    return Layer(kind, at, stop, tag)


def _after_routes(data: bytes, at: int) -> int | None:
    """The end of the source routes of RFC 1701: entries until one is empty."""
    for _ in range(_MOST_ROUTES):
        if at + 4 > len(data):
            return None
        family, size = _u16(data, at), data[at + 3]
        at += 4 + size
        if not family and not size:
            return at
    return None


def udp(data: bytes, start: int, stop: int) -> Layer | None:
    """A tunnel over UDP, told by its port."""
    if start + 8 > len(data):
        return None
    source, target, length = _u16(data, start), _u16(data, start + 2), _u16(data, start + 4)
    reader = _TUNNELS.get(target) or _TUNNELS.get(source)
    # Length 0: a datagram that the network card was to cut, as with IP.
    return None if reader is None else reader(data, start + 8, min(stop, start + length) if length else stop)


def _vxlan(data: bytes, start: int, stop: int) -> Layer | None:
    """RFC 7348: flags, the virtual network in 24 bits, an Ethernet frame."""
    if start + 8 > len(data) or not data[start] & 0x08:
        return None
    return Layer(_ETHERNET_FRAME, start + 8, stop, b"n" + data[start + 4 : start + 7])


def _vxlan_gpe(data: bytes, start: int, stop: int) -> Layer | None:
    """The generic extension: as VXLAN, and it says what follows."""
    layer = _vxlan(data, start, stop)
    kind = _NEXT.get(data[start + 3]) if layer is not None and data[start] & 0x04 else None
    return layer if layer is None or kind is None else layer._replace(kind=kind)


def _geneve(data: bytes, start: int, stop: int) -> Layer | None:
    """RFC 8926: the length of the options in words, an EtherType, the virtual network."""
    if start + 8 > len(data) or data[start] >> 6:
        return None
    size = 8 + (data[start] & 0x3F) * 4
    return Layer(_u16(data, start + 2), start + size, stop, b"n" + data[start + 4 : start + 7])


def _gtp(data: bytes, start: int, stop: int) -> Layer | None:
    """GTP-U (3GPP TS 29.281): what a mobile phone sends, behind extension headers that chain."""
    if start + 8 > len(data) or data[start] & 0xF0 != 0x30 or data[start + 1] != 0xFF:
        return None
    at = start + 8
    if data[start] & 0x07:
        at += 4
        following = data[at - 1] if at <= len(data) and data[start] & 0x04 else 0
        for _ in range(_MOST_OPTIONS):
            if not following:
                break
            if at >= len(data) or not data[at]:
                return None
            at += data[at] * 4
            following = data[at - 1] if at <= len(data) else 0
        else:
            return None
    return _layer(by_version(data, at), stop)


def _teredo(data: bytes, start: int, stop: int) -> Layer | None:
    """RFC 4380: IPv6, behind an authentication and an origin indication where they are."""
    if data[start : start + 2] == b"\x00\x01" and start + 4 <= len(data):
        start += 13 + data[start + 2] + data[start + 3]
    if data[start : start + 2] == b"\x00\x00":
        start += 8
    found = by_version(data, start)
    return _layer(found, stop) if found is not None and found.ethertype == IPV6 else None


def _l2tp(data: bytes, start: int, stop: int) -> Layer | None:
    """RFC 2661: a data message; which fields it has its flags say."""
    flags = _u16(data, start)
    if start + 6 > len(data) or flags & 0x8000 or flags & 0x0F != 2:  # a control message, another version
        return None
    at = start + 6 + (2 if flags & 0x4000 else 0) + (4 if flags & 0x0800 else 0)
    if flags & 0x0200:
        at += 2 + _u16(data, at)
    return Layer(PPP, at, stop)


def _tzsp(data: bytes, start: int, stop: int) -> Layer | None:
    """TaZmen Sniffer Protocol, in which routers send what they capture: fields until an end, then the frame."""
    if start + 4 > len(data) or data[start] != 1 or _u16(data, start + 2) != 1:
        return None
    at = start + 4
    for _ in range(_MOST_OPTIONS):
        if at + 1 >= len(data):
            return None
        if data[at] == 1:
            return Layer(_ETHERNET_FRAME, at + 1, stop)
        at += 2 + data[at + 1] if data[at] else 1
    return None


def _ether_ip(data: bytes, start: int, stop: int) -> Layer | None:
    """RFC 3378: version 3 and nothing else, then a frame."""
    return Layer(_ETHERNET_FRAME, start + 2, stop) if data[start : start + 2] == b"\x30\x00" else None


def _plainly(kind: int) -> Reader:
    """Nothing stands between."""
    return lambda _data, start, stop: Layer(kind, start, stop)


LAYERS: Final[dict[int, Reader]] = {
    **dict.fromkeys((0x8100, 0x88A8, 0x9100, 0x9200, 0x9300), _vlan),
    0x8926: _passed_over(4),  # VN-Tag
    0x893F: _passed_over(6),  # IEEE 802.1BR
    0x88E7: _backbone,
    _MPLS: _labels,
    0x8848: _labels,  # multicast
    PPP: _ppp,
    PPPOE: _pppoe,
    _NSH: _service_chain,
    _ETHERNET_FRAME: _frame,
    IP_PROTOCOL | 4: _plainly(IPV4),
    IP_PROTOCOL | UDP: udp,
    IP_PROTOCOL | 41: _plainly(IPV6),
    IP_PROTOCOL | 47: _gre,
    IP_PROTOCOL | AUTHENTICATION: _authentication,
    IP_PROTOCOL | 97: _ether_ip,
    IP_PROTOCOL | 137: _labels,  # RFC 4023
}

_TUNNELS: Final[dict[int, Reader]] = {
    1701: _l2tp,
    2152: _gtp,
    3544: _teredo,
    4754: _gre,  # RFC 8086
    4789: _vxlan,
    4790: _vxlan_gpe,
    6081: _geneve,
    6635: _labels,  # RFC 7510
    8472: _vxlan,  # Linux's before the port had a number
    37008: _tzsp,
}
