"""What all tests share: the command line run in this process, captures in memory and on disk, `--update-golden`."""

from __future__ import annotations

import gc
import io
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings

from rtmpsniff.capture.packet import Origin, Packet
from rtmpsniff.cli import main
from rtmpsniff.dissect import dissect
from rtmpsniff.rtmp.events import Event, Message
from rtmpsniff.rtmp.passage import Chunk, Passage
from tests.build import Frame, pcap

START = 1_700_000_000_000_000_000  # ns since the epoch: 2023-11-14 22:13:20 UTC
COLOR_VARIABLES = ("NO_COLOR", "FORCE_COLOR")

# No test of ours is about how fast this machine makes examples, and it may have other work to do.
settings.register_profile("rtmpsniff", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rtmpsniff")


class Ran(NamedTuple):
    """What a run of the program came to."""

    status: int
    output: str
    errors: str


class Run(Protocol):
    """Runs the program in this process; standard output is no terminal and no variable asks for colors."""

    def __call__(self, *arguments: str) -> Ran: ...


class MakeMessage(Protocol):
    """Makes a message of this type and payload; the rest is usual unless it is given."""

    def __call__(self, type_id: int, payload: bytes = b"", **changes: Any) -> Message: ...


def pytest_sessionstart() -> None:
    """A shell's background job ignores Ctrl-C, and so would all that it starts, which tests send it to."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionfinish() -> None:
    """What the command line told the collector to keep, libraries want to see freed."""
    gc.unfreeze()


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


@pytest.fixture(scope="session")
def message() -> MakeMessage:
    def made(type_id: int, payload: bytes = b"", **changes: Any) -> Message:
        usual = Message(
            connection=1,
            number=7,
            sender="client",
            chunk_stream_id=3,
            message_stream_id=1,
            message_type_id=type_id,
            timestamp=40,
            timestamp_certain=True,
            length=len(payload),
            parts=[payload],
            missing=(),
            came=Passage(
                changes.pop("chunks", (Chunk(3073, bytes(12), len(payload)),)),
                changes.pop("first", Origin(0, 11, START)),
                changes.pop("last", Origin(0, 12, START + 500_000_000)),
            ),
            state="whole",
        )
        return replace(usual, **changes)

    return made


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Iterable[Frame]], str]:
    """Write frames to a capture file of this test's own and give its name."""

    def written(frames: Iterable[Frame]) -> str:
        path = tmp_path / "talk.pcap"
        path.write_bytes(pcap(frames))
        return str(path)

    return written
