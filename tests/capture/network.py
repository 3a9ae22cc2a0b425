"""A network namespace of a test's own with a pair of interfaces, and what runs in it."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Final, TypeVar

import pytest

T = TypeVar("T")

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 30.0  # s; an ordinary run needs a fraction

_NEW_NETWORK: Final = 0x40000000  # CLONE_NEWNET
_numbers = count(1)


def lacking(*programs: str) -> str:
    """Why nothing can be captured here, if so."""
    absent = [name for name in programs if shutil.which(name) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except (AttributeError, PermissionError):
        return "packets can only be captured as root (or with CAP_NET_RAW), on Linux"
    return ""


@cache
def lacking_network(*programs: str) -> str:
    """Why no network of one's own can be made and heard here, if so."""
    if reason := lacking("ip", "sysctl", "unshare", *programs):
        return reason
    # What `ip netns` does. It takes CAP_SYS_ADMIN and CAP_NET_ADMIN, which root has not in most containers.
    command = ["unshare", "--net", "--mount", "ip", "link", "set", "lo", "up"]
    made = subprocess.run(command, check=False, capture_output=True)
    return "" if made.returncode == 0 else "no network namespace can be made here (CAP_SYS_ADMIN, CAP_NET_ADMIN)"


def needs_network(*programs: str) -> pytest.MarkDecorator:
    """Marks tests that skip, and say why, where there can be no network of their own."""
    reason = lacking_network(*programs)
    return pytest.mark.skipif(bool(reason), reason=reason or "never")


class Network:
    """A namespace: `run` a command in it, `do` something in a thread that lives in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.inside = ("ip", "netns", "exec", name)

    def run(self, *command: str) -> str:
        return subprocess.run([*self.inside, *command], check=True, capture_output=True, text=True, cwd=ROOT).stdout

    def do(self, action: Callable[[], T]) -> T:
        """Call it in this namespace: a socket made there stays there."""
        done: list[T] = []
        wrong: list[BaseException] = []

        def inside() -> None:
            try:
                with Path("/run/netns", self.name).open("rb") as there:
                    assert ctypes.CDLL(None).setns(there.fileno(), _NEW_NETWORK) == 0
                done.append(action())
            except BaseException as error:
                wrong.append(error)

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        if wrong:
            raise wrong[0]
        return done[0]

    def send(self, *frames: bytes, interface: str = "v0") -> None:
        """Put frames on a cable."""

        def sending() -> None:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as cable:
                cable.bind((interface, 0))
                for one in frames:
                    cable.send(one)

        self.do(sending)


@contextmanager
def network() -> Iterator[Network]:
    """A namespace with `lo`, `v0` and `v1`, all up; the last two are one cable. Goes away again."""
    name = f"rtmpsniff-{os.getpid()}-{next(_numbers)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        here = Network(name)
        here.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        here.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
        for interface in ("lo", "v0", "v1"):
            here.run("ip", "link", "set", interface, "up")
        yield here
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False)


class Live:
    """A running `rtmpsniff live` of this checkout. It writes to files in `folder`; `end` gives its exit status."""

    def __init__(
        self,
        folder: Path,
        net: Network,
        arguments: Sequence[str],
        output: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.output_file, self.errors_file = folder / "output", folder / "errors"
        own = {name: value for name, value in os.environ.items() if not name.startswith("SUDO_")}
        with self.output_file.open("wb") as there, self.errors_file.open("wb") as errors:
            self.process = subprocess.Popen(
                [*net.inside, sys.executable, "-m", "rtmpsniff", "live", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=there if output is None else output,
                stderr=errors,
                cwd=ROOT,
                env={**own, **(environment or {})},
            )

    @property
    def output(self) -> str:
        return self.output_file.read_text()

    @property
    def errors(self) -> str:
        return self.errors_file.read_text()

    @property
    def lines(self) -> list[str]:
        return self.output.splitlines()

    def until(self, condition: Callable[[], object]) -> None:
        limit = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < limit, self.output + self.errors
            time.sleep(0.01)

    def until_it_listens(self) -> Live:
        self.until(lambda: "listening on" in self.errors or self.process.poll() is not None)
        assert self.process.poll() is None, self.errors
        return self

    def end(self, number: int | None = signal.SIGINT) -> int:
        if number is not None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
