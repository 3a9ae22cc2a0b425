"""The network interfaces of this machine: what they are called, whether they are up, their addresses.

On Linux the kernel is asked by netlink (rtnetlink(7)) and /proc; nothing of it needs a right.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from struct import Struct
from typing import Final

ANY: Final = "any"

_IFF_UP = 0x1
_DUMP: Final = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_GET_LINK, _NEW_LINK, _GET_ADDRESS, _NEW_ADDRESS = 18, 16, 22, 20
_DONE, _ERROR = 3, 2
_IFLA_NAME, _IFA_ADDRESS, _IFA_LOCAL = 3, 1, 2
_MESSAGE: Final = Struct("=IHHII")  # length, type, flags, sequence, port
_LINK: Final = Struct("=BxHiII")  # family, device type, index, flags, change mask
_ADDRESS: Final = Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ATTRIBUTE: Final = Struct("=HH")
_ROUTE_IS_UP: Final = 0x1


@dataclass(slots=True)
class Interface:
    """One interface. `addresses` are as 192.0.2.1/24."""

    name: str
    index: int
    is_up: bool
    device_type: int = 1  # ARPHRD_...
    addresses: list[str] = field(default_factory=list)


def interfaces() -> list[Interface]:
    """All interfaces of this network namespace, in the kernel's order. Raises `OSError`."""
    if not hasattr(socket, "AF_NETLINK"):
        return [Interface(name, index, is_up=True) for index, name in socket.if_nameindex()]
    found: dict[int, Interface] = {}
    for body in _ask(_GET_LINK, _NEW_LINK, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        _, device_type, index, flags, _ = _LINK.unpack_from(body)
        name = dict(_attributes(body, _LINK.size)).get(_IFLA_NAME, b"").rstrip(b"\0").decode(errors="replace")
        found[index] = Interface(name, index, bool(flags & _IFF_UP), device_type)
    for body in _ask(_GET_ADDRESS, _NEW_ADDRESS, _ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        _, prefix, _, _, index = _ADDRESS.unpack_from(body)
        attributes = dict(_attributes(body, _ADDRESS.size))
        address = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS, b"")  # LOCAL: this end of a tunnel
        if index in found and len(address) in {4, 16}:
            found[index].addresses.append(f"{ip_address(address)}/{prefix}")
    return list(found.values())


def default_interface() -> str:
    """The one that carries the default route, of IPv4 if there is one, else of IPv6; "" without such a route."""
    routes = sorted(_default_routes(_table("route"), _table("ipv6_route")))
    return routes[0][2] if routes else ""


def _default_routes(ipv4: list[list[str]], ipv6: list[list[str]]) -> Iterator[tuple[int, int, str]]:
    """IP version, metric and interface of every default route in the tables of /proc/net."""
    for row in ipv4[1:]:
        if len(row) >= 8 and row[1] == row[7] == "00000000" and int(row[3], 16) & _ROUTE_IS_UP:
            yield 4, int(row[6]), row[0]
    for row in ipv6:
        is_default = len(row) >= 10 and row[1] == "00" and int(row[0], 16) == 0
        if is_default and int(row[8], 16) & _ROUTE_IS_UP and row[9] != "lo":  # there stand routes that reject
            yield 6, int(row[5], 16), row[9]


def _table(name: str) -> list[list[str]]:
    try:
        return [line.split() for line in Path("/proc/net", name).read_text().splitlines()]
    except OSError:  # no such protocol here, or no Linux
        return []


def _ask(question: int, answer: int, body: bytes) -> Iterator[bytes]:
    """Ask the kernel for all of a kind: the bodies of its answers."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.send(_MESSAGE.pack(_MESSAGE.size + len(body), question, _DUMP, 1, 0) + body)
        while True:
            data = netlink.recv(1 << 18)
            at = 0
            while at + _MESSAGE.size <= len(data):
                length, kind, _, _, _ = _MESSAGE.unpack_from(data, at)
                if kind in {_DONE, _ERROR} or length < _MESSAGE.size:
                    return
                if kind == answer:
                    yield data[at + _MESSAGE.size : at + length]
                at += (length + 3) & ~3


def _attributes(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, body[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
