"""Addresses of hosts: found wherever they stand, and the same one has the same mask."""

from __future__ import annotations

import pytest

from rtmpsniff.analysis.hosts import Hosts


def masked(hosts: Hosts, text: str) -> str:
    for host in reversed(list(hosts.in_text(text))):
        text = text[: host.start] + host.mask + text[host.stop :]
    return text


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("rtmp://example.com:1935/live", "rtmp://<address-1>:1935/live"),
        ("rtmp://user:pass@example.com/live", "rtmp://user:pass@<address-1>/live"),
        ("rtmp://[2001:db8::1]:1935/live", "rtmp://[<address-1>]:1935/live"),
        ("from 10.0.0.1 and 10.0.0.1", "from <address-1> and <address-1>"),
        ("10.0.0.1:1935", "<address-1>:1935"),
        ("peer ::1 left", "peer <address-1> left"),
        ("Lavf59.27.100", "Lavf59.27.100"),
        ("LNX 9,0,124,2", "LNX 9,0,124,2"),
        ("12:30 at 1.5", "12:30 at 1.5"),
        ("NetStream.Play.Start", "NetStream.Play.Start"),
        ("", ""),
    ],
)
def test_texts(text: str, without: str) -> None:
    assert masked(Hosts(), text) == without


def test_a_name_is_known_again() -> None:
    hosts = Hosts()
    assert masked(hosts, "rtmp://live.example.com/app") == "rtmp://<address-1>/app"
    assert masked(hosts, "connected to live.example.com, not to other.example.com") == (
        "connected to <address-1>, not to other.example.com"
    )
    assert masked(hosts, "rtmp://LIVE.example.com./x") == "rtmp://<address-1>/x"


def test_one_address_in_two_writings() -> None:
    hosts = Hosts()
    assert hosts.mask("2001:db8:0::1") == hosts.mask("2001:db8::1") == "<address-1>"
    assert hosts.mask("10.0.0.1") == "<address-2>"
    assert hosts.table() == {"<address-1>": "2001:db8::1", "<address-2>": "10.0.0.1"}


def test_numbers_are_those_in_the_masks() -> None:
    hosts = Hosts()
    assert [hosts.number("192.0.2.1"), hosts.number("example.org"), hosts.number("192.0.2.1")] == [1, 2, 1]
    assert hosts.mask("EXAMPLE.org.") == "<address-2>"
