"""The door to a live capture: which interfaces, and what is said where they cannot be opened."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from rtmpsniff.capture import portable
from rtmpsniff.capture.interfaces import Interface
from rtmpsniff.cli import listening
from rtmpsniff.cli.listening import Listening, chosen_interfaces
from rtmpsniff.errors import InputError, UserError


def listen(*names: str, **options: Any) -> Listening:
    usual: dict[str, Any] = {
        "because": "",
        "ports": (1935,),
        "snapshot_length": 65536,
        "buffer_size": 8 << 20,
        "promiscuous": True,
        "expression": None,
    }
    return Listening(names or ("eth0",), **{**usual, **options})


def refuse(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    def refused(_: Listening) -> None:
        raise error

    monkeypatch.setattr(Listening, "_ring", refused)
    monkeypatch.setattr(Listening, "_portable", refused)


def test_names_are_taken_once_and_any_is_all() -> None:
    assert chosen_interfaces(["b", "a", "b"]) == (("b", "a"), "")
    assert chosen_interfaces(["eth0", "any"]) == (("any",), "")


def test_without_a_name_the_default_route_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "default_interface", lambda: "wlan0")
    assert chosen_interfaces([]) == (("wlan0",), "it carries the default route")


def test_without_a_default_route_there_is_a_choice_to_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "default_interface", lambda: "")
    monkeypatch.setattr(
        listening, "interfaces", lambda: [Interface("lo", 1, is_up=True), Interface("x\n", 2, is_up=True)]
    )
    with pytest.raises(UserError, match=r"say one with -i: lo, x\\n, any"):
        chosen_interfaces([])


def test_it_is_said_where_and_what() -> None:
    assert listen().what == "listening on eth0, TCP port 1935"
    assert (
        listen("eth0", "eth1", because="why not", ports=(1935, 443), expression="host x").what
        == "listening on eth0, eth1 (why not), TCP ports 1935, 443 and host x"
    )


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENODEV, "no such interface", "eth7"), "eth7: no such interface; rtmpsniff interfaces lists"),
        (OSError(errno.ENOMEM, "x"), "eth0: no memory for a buffer of 8192 KiB; -B asks for less"),
        (OSError(errno.ENOBUFS, "No buffer space\x1b"), r"eth0: No buffer space\\x1b"),
        (PermissionError(errno.EPERM, "x"), "eth0: .*CAP_NET_RAW"),
    ],
)
def test_refusals_are_a_line(monkeypatch: pytest.MonkeyPatch, error: OSError, line: str) -> None:
    refuse(monkeypatch, error)
    with pytest.raises(InputError, match=line) as refused:
        listen().open()
    assert "\n" not in str(refused.value)


def test_where_there_is_no_ring_the_portable_sockets_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.delattr(socket, "AF_PACKET", raising=False)
    monkeypatch.setattr(portable, "PortableSource", lambda *names, **options: asked.append((*names, options)))
    listen(expression="host x", promiscuous=False).open()
    assert asked == [
        (("eth0",), (1935,), {"snapshot_length": 65536, "promiscuous": False, "expression": "host x"}),
    ]
