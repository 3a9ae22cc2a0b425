"""What all tests share: the command line run in this process, captures in memory and on disk, `--update-golden`."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple, Protocol
from unittest.mock import patch

import pytest

from rtmpsniff.capture.packet import Packet
from rtmpsniff.cli import main
from rtmpsniff.dissect import dissect
from rtmpsniff.rtmp.events import Event
from tests.build import Frame, pcap

COLOR_VARIABLES = ("NO_COLOR", "FORCE_COLOR")


class Ran(NamedTuple):
    """What a run of the program came to."""

    status: int
    output: str
    errors: str


class Run(Protocol):
    """Runs the program in this process; standard output is no terminal and no variable asks for colors."""

    def __call__(self, *arguments: str) -> Ran: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what the program says now to tests/golden")


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def run() -> Run:
    def in_this_process(*arguments: str) -> Ran:
        environment = {name: value for name, value in os.environ.items() if name not in COLOR_VARIABLES}
        output, errors = io.StringIO(), io.StringIO()
        with patch.dict(os.environ, environment, clear=True), redirect_stdout(output), redirect_stderr(errors):
            status = main(arguments)
        return Ran(status, output.getvalue(), errors.getvalue())

    return in_this_process


@pytest.fixture(scope="session")
def events() -> Callable[[Sequence[Frame]], list[Event]]:
    """Every event of the RTMP sessions in these frames."""

    def dissected(frames: Sequence[Frame]) -> list[Event]:
        packets = (Packet(0, n, frame.time, 1, frame.data, len(frame.data)) for n, frame in enumerate(frames, 1))
        return list(dissect(packets))

    return dissected


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Iterable[Frame]], str]:
    """Write frames to a capture file of this test's own and give its name."""

    def written(frames: Iterable[Frame]) -> str:
        path = tmp_path / "talk.pcap"
        path.write_bytes(pcap(frames))
        return str(path)

    return written
