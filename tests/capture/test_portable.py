"""Capture by scapy's sockets, with a socket of our own in its place; and once with scapy's, where it can."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from rtmpsniff.capture.libpcap import compile_expression
from rtmpsniff.capture.packet import Packet, Statistics, cut
from rtmpsniff.capture.portable import PortableSource, expression_for
from rtmpsniff.errors import UserError
from tests.capture.network import lacking
from tests.capture.test_libpcap import needs_libpcap


class Ether:
    """Stands for scapy's class of this name."""


class IP:
    """Likewise."""


class Line:
    """A socket with this to say."""

    def __init__(self, *said: tuple[type, bytes, float | None]) -> None:
        self.said = list(said)
        self.closed = False
        self.options: dict[str, Any] = {}

    def recv_raw(self, size: int) -> tuple[type | None, bytes | None, float | None]:
        assert size >= 65536
        return self.said.pop(0) if self.said else (None, None, None)

    def close(self) -> None:
        self.closed = True


def test_packets_of_several_sockets_are_one_row_in_the_order_of_time() -> None:
    lines = {
        "en0": Line((Ether, b"later", 12.000002), (Ether, b"latest, and long", 13.0)),
        "en1": Line((IP, b"first", 12.000001)),
    }

    def listen(**options: Any) -> Line:
        lines[options["iface"]].options = options
        return lines[options["iface"]]

    source = PortableSource(["en0", "en1"], [1935], snapshot_length=8, promiscuous=False, listen=listen)
    assert list(map(cut, source.read(0.05))) == [
        Packet(0, 1, 12_000_001_000, 101, b"first", 5),
        Packet(0, 2, 12_000_002_000, 1, b"later", 5),
        Packet(0, 3, 13_000_000_000, 1, b"latest, ", 16),
    ]
    assert source.read(0.01) == []
    assert (source.packets, source.bytes, source.statistics()) == (3, 26, Statistics(3, 0))
    assert lines["en0"].options == {"iface": "en0", "filter": expression_for([1935]), "promisc": False}
    source.close()
    assert all(line.closed for line in lines.values())


def test_sockets_that_were_opened_before_one_that_cannot_be_are_closed() -> None:
    line = Line()

    def listen(iface: str, **_: Any) -> Line:
        if iface == "en1":
            raise PermissionError
        return line

    with pytest.raises(PermissionError):
        PortableSource(["en0", "en1"], [1935], snapshot_length=8, listen=listen)
    assert line.closed


def test_any_is_for_linux() -> None:
    with pytest.raises(UserError, match="only Linux"):
        PortableSource(["any"], [1935], snapshot_length=8, listen=lambda **_: Line())


@needs_libpcap
def test_libpcap_understands_the_filter() -> None:
    compile_expression(expression_for([1935, 19350], "host 192.0.2.7", tagged=False), 1000)
    with pytest.raises(UserError, match="no VLAN support"):  # on raw IP
        compile_expression(expression_for([1935, 19350]), 1000)


def test_where_a_link_has_no_tags_the_filter_asks_for_none() -> None:
    asked: list[str] = []

    def listen(filter: str, **_: Any) -> Line:  # noqa: A002 - scapy's word
        asked.append(filter)
        if "vlan" in filter:
            raise ValueError("no VLAN support for Raw IP")
        return Line()

    PortableSource(["utun0"], [1935], snapshot_length=8, listen=listen).close()
    assert asked == [expression_for([1935]), expression_for([1935], tagged=False)]


def test_an_expression_that_libpcap_does_not_take_is_the_users_mistake() -> None:
    def listen(**_: Any) -> Line:
        raise ValueError("syntax error")

    with pytest.raises(UserError, match="en0: syntax error"):
        PortableSource(["en0"], [1935], snapshot_length=8, expression="and", listen=listen)


@needs_libpcap
@pytest.mark.skipif(bool(lacking()), reason=lacking() or "never")
def test_scapy_hears_a_connection() -> None:
    source = PortableSource(["lo"], [19_777], snapshot_length=262_144)
    place = ("127.0.0.1", 19_777)
    with socket.create_server(place), socket.create_connection(place) as client:
        client.sendall(b"hello")
        packets: list[Packet] = []
        until = time.monotonic() + 10
        while not any(packet.data.endswith(b"hello") for packet in packets) and time.monotonic() < until:
            packets += map(cut, source.read(0.1))
    source.close()
    assert any(packet.data.endswith(b"hello") and packet.link == 1 for packet in packets)
    assert abs(packets[0].time - time.time_ns()) < 60_000_000_000
