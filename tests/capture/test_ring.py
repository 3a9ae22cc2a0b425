"""The kernel's ring, really: frames sent over a cable in a network namespace of the test's own."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from rtmpsniff.capture.libpcap import compile_expression
from rtmpsniff.capture.packet import Packet, cut
from rtmpsniff.capture.ring import BLOCK_SIZE, Ring
from tests.build import Talk, session
from tests.capture.network import Network, needs_network, network
from tests.capture.test_bpf import frame, ipv4, ipv6, tcp

pytestmark = needs_network()

PATIENCE = 10.0


@pytest.fixture(scope="module")
def net() -> Iterator[Network]:
    with network() as here:
        yield here


def ring(net: Network, *names: str, ports: tuple[int, ...] = (1935,), **options: Any) -> Ring:
    options = {"snapshot_length": 262_144, "size": 4 << 20, **options}
    return net.do(lambda: Ring(names, ports, **options))


def send(net: Network, *frames: bytes, interface: str = "v0") -> None:
    net.send(*frames, interface=interface)


def heard(listening: Ring, count: int, timeout: float = PATIENCE) -> list[Packet]:
    """So many packets, or what came in time."""
    packets: list[Packet] = []
    until = time.monotonic() + timeout
    while len(packets) < count and time.monotonic() < until:
        packets += map(cut, listening.read(0.05))
    return [*packets, *map(cut, listening.read(0.15))]


def talk() -> list[bytes]:
    return [one.data for one in session(Talk()).frames]


def test_packets_are_those_that_were_sent(net: Network) -> None:
    listening = ring(net, "v1")
    before = time.time_ns()
    frames = talk()
    send(net, *frames)
    packets = heard(listening, len(frames))
    assert [packet.data for packet in packets] == frames
    assert [packet.number for packet in packets] == list(range(1, len(frames) + 1))
    assert {(packet.capture, packet.link) for packet in packets} == {(0, 1)}
    assert [packet.wire_length for packet in packets] == list(map(len, frames))
    times = [packet.time for packet in packets]
    assert before <= times[0] <= times[-1] <= time.time_ns()
    assert times == sorted(times)
    assert listening.statistics() == listening.statistics() == (len(frames), 0)  # though the kernel forgets them
    assert (listening.packets, listening.bytes) == (len(frames), sum(map(len, frames)))
    assert "v1" in repr(listening)
    listening.close()


def test_the_kernel_filters(net: Network) -> None:
    listening = ring(net, "v1", ports=(1935, 19350))
    wanted = [
        frame(ipv4(tcp())),
        frame(ipv6(tcp(1935, 5))),
        frame(ipv4(tcp(5, 19350))),
        frame(ipv4(b"later fragment", fragment=3)),
        frame(ipv6(bytes([6, 0]) + bytes(6) + tcp(), 0)),
        frame(ipv6(bytes([6, 0, 1, 0, 0, 0, 0, 1]) + b"no ports", 44)),
    ]
    others = [frame(ipv4(tcp(5, 6))), frame(ipv4(tcp(), protocol=17)), frame(ipv6(tcp(1, 2)))]
    for one, other in zip(wanted, others * 2, strict=True):
        send(net, other, one)
    assert [packet.data for packet in heard(listening, len(wanted))] == wanted
    listening.close()


@pytest.mark.parametrize("tags", [(0x8100,), (0x88A8, 0x8100), (0x8100, 0x8100)])
def test_vlan_tags_are_put_back_where_they_were(net: Network, tags: tuple[int, ...]) -> None:
    listening = ring(net, "v1")
    sent = [frame(ipv4(tcp()), *tags), frame(ipv6(tcp()), *tags)]
    send(net, *sent)
    packets = heard(listening, 2)
    assert [packet.data for packet in packets] == sent
    assert [packet.wire_length for packet in packets] == list(map(len, sent))
    listening.close()


def test_the_snapshot_length_cuts_and_the_length_on_the_wire_stays(net: Network) -> None:
    listening = ring(net, "v1", snapshot_length=60)
    sent = frame(ipv4(tcp() + bytes(500)))
    send(net, sent)
    (packet,) = heard(listening, 1)
    assert (packet.data, packet.wire_length) == (sent[:60], len(sent))
    listening.close()


def test_an_expression_narrows(net: Network) -> None:
    listening = ring(net, "v1", narrowing=compile_expression("src port 1935", 262_144))
    send(net, frame(ipv4(tcp())), frame(ipv4(tcp(1935, 7))), frame(ipv4(tcp(1935, 8), protocol=17)))
    assert [packet.data for packet in heard(listening, 1)] == [frame(ipv4(tcp(1935, 7)))]
    listening.close()


def greet(net: Network, port: int) -> None:
    """A connection over `lo` with a few bytes in it."""

    def greeting() -> None:
        place = ("127.0.0.1", port)
        with socket.create_server(place) as server, socket.create_connection(place) as client:
            there, _ = server.accept()
            client.sendall(b"hello")
            assert there.recv(5) == b"hello"
            there.close()

    net.do(greeting)


@pytest.mark.parametrize("names", [("lo",), ("any",), ("lo", "v1")])
def test_on_lo_a_packet_is_there_once(net: Network, names: tuple[str, ...]) -> None:
    listening = ring(net, *names, ports=(1999,))
    greet(net, 1999)
    packets = heard(listening, 6)
    assert len({packet.data for packet in packets}) == len(packets)
    assert sum(packet.data.endswith(b"hello") for packet in packets) == 1
    listening.close()


def test_any_is_all_interfaces_in_the_order_of_time(net: Network) -> None:
    listening = ring(net, "any")
    send(net, frame(ipv4(tcp(7))))
    send(net, frame(ipv4(tcp(8))), interface="v1")
    packets = heard(listening, 4)
    # Each frame goes out on one end of the cable and comes in on the other.
    assert [packet.data[34:36] for packet in packets] == [b"\0\x07"] * 2 + [b"\0\x08"] * 2
    listening.close()


def test_several_interfaces_are_those_alone(net: Network) -> None:
    listening = ring(net, "v1", "lo", ports=(1935, 1999))
    send(net, frame(ipv4(tcp(7))))
    greet(net, 1999)
    packets = heard(listening, 7)
    assert sum(packet.data[34:36] == b"\0\x07" for packet in packets) == 1
    assert sum(packet.data.endswith(b"hello") for packet in packets) == 1
    listening.close()


def test_a_tunnel_gives_raw_ip(net: Network) -> None:
    net.run("ip", "tuntap", "add", "dev", "t0", "mode", "tun")
    try:
        net.run("ip", "link", "set", "t0", "up")
        listening = ring(net, "t0")
        assert listening.read(0.01) == []
        listening.close()
    finally:
        net.run("ip", "link", "delete", "t0")


def test_drops_are_counted(net: Network) -> None:
    listening = ring(net, "v1", size=4 * BLOCK_SIZE)
    large = frame(ipv4(tcp() + bytes(1400)))
    send(net, *[large] * 2000)
    received, dropped = listening.statistics()
    assert received == 2000
    packets = heard(listening, 2000 - dropped)
    assert 0 < dropped < 2000
    assert len(packets) == 2000 - dropped
    send(net, *[large] * 10)  # and it goes on
    assert len(heard(listening, 10)) == 10
    listening.close()


def until_told(listening: Ring, words: str) -> None:
    limit = time.monotonic() + PATIENCE
    while not any(words in notice for notice in listening.notices):
        assert time.monotonic() < limit, listening.notices
        listening.read(0.05)


@pytest.mark.parametrize("names", [("v1",), ("v1", "lo")])
def test_an_interface_that_goes_down_is_told_and_heard_again(net: Network, names: tuple[str, ...]) -> None:
    listening = ring(net, *names)
    net.run("ip", "link", "set", "v1", "down")
    until_told(listening, "v1 went down")
    net.run("ip", "link", "set", "v1", "up")
    until_told(listening, "v1 is back")
    send(net, frame(ipv4(tcp())))
    assert len(heard(listening, 1)) == 1
    listening.close()


@pytest.mark.parametrize("names", [("w1",), ("w1", "lo")])
def test_an_interface_that_vanishes_is_taken_up_again(net: Network, names: tuple[str, ...]) -> None:
    def plug() -> None:
        net.run("ip", "link", "add", "w0", "type", "veth", "peer", "name", "w1")
        net.run("ip", "link", "set", "w0", "up")
        net.run("ip", "link", "set", "w1", "up")

    plug()
    listening = ring(net, *names)
    send(net, frame(ipv4(tcp())), interface="w0")
    assert len(heard(listening, 1)) == 1
    net.run("ip", "link", "delete", "w0")
    until_told(listening, "w1 has vanished")
    plug()
    until_told(listening, "w1 is back")
    send(net, frame(ipv4(tcp())), interface="w0")
    assert len(heard(listening, 1)) == 1
    listening.close()
    net.run("ip", "link", "delete", "w0")


def is_promiscuous(net: Network) -> bool:
    return "promiscuity 1" in net.run("ip", "-d", "link", "show", "v1")


@pytest.mark.parametrize("wanted", [True, False])
def test_promiscuous_unless_told_otherwise(net: Network, wanted: bool) -> None:
    listening = ring(net, "v1", promiscuous=wanted)
    assert is_promiscuous(net) is wanted
    listening.close()
    assert not is_promiscuous(net)


def test_nothing_is_sent(net: Network) -> None:
    def sent() -> str:
        return net.run("cat", "/sys/class/net/v1/statistics/tx_packets")

    before = sent()
    listening = ring(net, "v1")
    send(net, *talk())
    heard(listening, len(talk()))
    listening.close()
    assert sent() == before


@pytest.mark.parametrize("names", [("nosuch0",), ("v1", "nosuch0")])
def test_an_interface_that_is_not_there_is_refused(net: Network, names: tuple[str, ...]) -> None:
    with pytest.raises(OSError, match="no such interface") as refused:
        ring(net, *names)
    assert refused.value.filename == "nosuch0"
