"""The progress line: on a terminal, for large files, on standard error; nothing anywhere else."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from rtmpsniff.cli import progress as module
from rtmpsniff.cli.progress import LARGE, Progress, Still, progress, watch
from rtmpsniff.cli.world import World
from tests.build import pcap, session

HOME: Final = Path(__file__).parents[2]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "monotonic", made)
    return made


def test_how_far_and_how_long(clock: Clock) -> None:
    out = Terminal()
    line = Progress(100 << 20, out, 120)
    clock.now = 10.0
    line.advance(25 << 20)
    assert out.getvalue() == "\r" + "#" * 8 + "-" * 22 + "  25%  25 MiB  2 MiB/s  0:30 left"
    line.hide()
    assert out.getvalue().endswith("\r")
    assert out.getvalue().rpartition("\r")[0].endswith(" " * 60)


def test_short_work_shows_nothing(clock: Clock) -> None:
    out = Terminal()
    line = Progress(100, out, 120)
    clock.now = 0.4
    line.advance(50)
    line.hide()
    assert out.getvalue() == ""


def test_it_fits_the_terminal(clock: Clock) -> None:
    for width in (1, 2, 20, 40, 79):
        out = Terminal()
        line = Progress(100 << 20, out, width)
        for second in range(1, 5):
            clock.now += second
            line.advance(25 << 20)
        assert all(len(part) <= max(width - 1, 1) for part in out.getvalue().split("\r"))


def test_files_that_grow_are_never_more_than_done(clock: Clock) -> None:
    out = Terminal()
    line = Progress(10, out, 100)
    clock.now = 5.0
    line.advance(1000)
    assert " 100% " in out.getvalue()
    assert "0:00 left" in out.getvalue()


def test_what_is_written_makes_it_go_away_first(clock: Clock) -> None:
    errors, out = Terminal(), Terminal()
    line = Progress(100 << 20, errors, 100)
    world = line.beside(World(out, False, 80))
    clock.now = 1.0
    line.advance(1)
    shown = errors.getvalue()
    world.write("text")
    assert errors.getvalue() != shown
    assert out.getvalue() == "text\n"
    into_a_file = World(out, False, None)
    assert line.beside(into_a_file) is into_a_file


def test_who_gets_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    large, small = tmp_path / "large", tmp_path / "small"
    for path, size in ((large, LARGE), (small, LARGE - 1)):
        with path.open("wb") as file:
            file.truncate(size)
    for errors, files, passes, wanted in (
        (Terminal(), [str(large)], 1, Progress),
        (Terminal(), [str(small)], 1, Still),
        (Terminal(), [str(small)], 2, Progress),
        (Terminal(), [str(small), str(small)], 1, Progress),
        (Terminal(), [str(large), "-"], 1, Still),
        (Terminal(), [str(large), "/dev/null"], 1, Still),
        (Terminal(), [str(large), "nul\0"], 1, Still),
        (io.StringIO(), [str(large)], 1, Still),
        (None, [str(large)], 1, Still),
    ):
        monkeypatch.setattr(sys, "stderr", errors)
        with progress(files, passes) as line:
            assert isinstance(line, wanted)
            assert (watch(line) is None) == (wanted is Still)


def large_capture(path: Path) -> None:
    """As large as it takes, of a session and of packets that are no IP."""
    data = pcap(session().frames)
    record = (1_700_000_100).to_bytes(4, "little") + bytes(4) + (60_000).to_bytes(4, "little") * 2 + bytes(60_000)
    with path.open("wb") as file:
        file.write(data)
        for _ in range(LARGE // len(record) + 1):
            file.write(record)


def on_a_terminal(command: list[str], output: Path) -> tuple[int, bytes]:
    """The exit status, and what standard error, which is a terminal, shows. Standard output goes into a file."""
    master, slave = pty.openpty()
    shown = b""
    with output.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=slave, cwd=HOME) as process:
        os.close(slave)
        try:
            while more := os.read(master, 1 << 16):
                shown += more
        except OSError:  # the other end is closed
            pass
        process.wait(60)
    os.close(master)
    return process.returncode, shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("read", "-q"),
        ("summary",),
        ("export",),
        ("export", "--format", "pcapng"),
        ("read", "--html", "{out}.html"),
        ("extract", "--force", "-o", "{out}"),
        ("extract", "--list"),
    ],
    ids=" ".join,
)
def test_every_command_that_reads_files_shows_it(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """On a terminal of its own for standard error, with time made short; and none of it in a pipe."""
    capture = tmp_path / "large.pcap"
    large_capture(capture)
    command = [argument.replace("{out}", str(tmp_path / "out")) for argument in arguments]
    code = (
        "import sys; from rtmpsniff.cli import main, progress; progress._AFTER = progress._EVERY = 0;"
        f"sys.exit(main({[*command, str(capture)]!r}))"
    )
    status, shown = on_a_terminal([sys.executable, "-c", code], tmp_path / "output")
    assert status == 0
    assert re.search(rb"\r#+-* +[0-9]+%  [0-9]+ MiB  [0-9]+ MiB/s  [0-9:]+ left", shown)
    assert shown.endswith(b"\r")
    quiet = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=HOME, check=True, timeout=60)
    assert quiet.stderr == b""
    assert quiet.stdout == (tmp_path / "output").read_bytes()
