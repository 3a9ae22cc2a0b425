"""`rtmpsniff interfaces`: what there is to listen on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import rtmpsniff.cli.interfaces as command
from rtmpsniff.capture.interfaces import Interface

if TYPE_CHECKING:
    from tests.conftest import Run


def test_the_list(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    there = [
        Interface("lo", 1, is_up=True, addresses=["127.0.0.1/8", "::1/128"]),
        Interface("enp1s0f0", 2, is_up=True, addresses=["192.0.2.7/24"]),
        Interface("tap\x1b0", 3, is_up=False),
    ]
    monkeypatch.setattr(command, "interfaces", lambda: there)
    monkeypatch.setattr(command, "default_interface", lambda: "enp1s0f0")
    ran = run("interfaces")
    assert (ran.status, ran.errors) == (0, "")
    assert ran.output.splitlines() == [
        "lo        up    127.0.0.1/8, ::1/128",
        "enp1s0f0  up    192.0.2.7/24  (default route)",
        "tap\\x1b0  down  no address",
        "any             all of them",
    ]


def test_those_of_this_machine(run: Run) -> None:
    lines = run("interfaces").output.splitlines()
    assert any(line.startswith("lo ") for line in lines)
    assert lines[-1].startswith("any ")
