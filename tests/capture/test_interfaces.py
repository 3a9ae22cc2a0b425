"""What the machine's interfaces are; `ip` says the same."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

from rtmpsniff.capture.interfaces import _default_routes, interfaces
from tests.capture.network import needs_network, network


def test_lo_is_there_and_up() -> None:
    (lo,) = [one for one in interfaces() if one.name == "lo"]
    assert (lo.name, lo.is_up) == ("lo", True)
    assert "127.0.0.1/8" in lo.addresses


def test_names_and_indices_are_those_of_the_system() -> None:
    assert [(one.index, one.name) for one in interfaces()] == socket.if_nameindex()


@needs_network()
def test_addresses_and_states_are_those_that_ip_tells() -> None:
    with network() as net:
        net.run("ip", "address", "add", "10.7.0.1/24", "dev", "v0")
        net.run("ip", "address", "add", "10.8.0.1/16", "dev", "v0")
        net.run("ip", "link", "set", "v1", "down")
        told = json.loads(net.run("ip", "-j", "address"))
        found = net.do(interfaces)
    assert {one.name: one.is_up for one in found} == {one["ifname"]: "UP" in one["flags"] for one in told}
    assert {one.name: one.addresses for one in found} == {
        one["ifname"]: [f"{address['local']}/{address['prefixlen']}" for address in one["addr_info"]] for one in told
    }


@needs_network()
def test_the_default_interface_is_that_of_the_route() -> None:
    with network() as net:
        net.run("ip", "address", "add", "10.7.0.1/24", "dev", "v0")
        asking = (sys.executable, "-c", "from rtmpsniff.capture.interfaces import *; print(default_interface())")
        assert net.run(*asking) == "\n"
        net.run("ip", "route", "add", "default", "via", "10.7.0.2")
        assert net.run(*asking) == "v0\n"


ROUTES = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth0 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0
slow0 00000000 010200C0 0003 0 0 600 00000000 0 0 0
eth0 00000000 010200C0 0003 0 0 100 00000000 0 0 0
down0 00000000 010200C0 0002 0 0 0 00000000 0 0 0
"""
ROUTES_6 = f"""{"0" * 32} 00 {"0" * 32} 00 fe800000000000000000000000000001 00000400 1 0 00000003 wlan0
{"0" * 32} 00 {"0" * 32} 00 {"0" * 32} ffffffff 1 0 00200200 lo
"""


def table(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_of_several_default_routes_the_lowest_metric_counts_and_ipv4_before_ipv6() -> None:
    found = sorted(_default_routes(table(ROUTES), table(ROUTES_6)))
    assert [name for _, _, name in found] == ["eth0", "slow0", "wlan0"]
    assert [name for _, _, name in _default_routes([], table(ROUTES_6))] == ["wlan0"]
    assert list(_default_routes([], [])) == []


def test_nothing_of_it_needs_a_right() -> None:
    assert Path("/proc/net/route").stat().st_mode & 0o004
