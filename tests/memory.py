"""The most memory that a run of the program held."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[1]
STATUS: Final = Path("/proc/self/status")
# Not getrusage's ru_maxrss: a new program begins there with the most that the process that started it had held, and
# that one is a test run with the examples of twelve thousand tests.
PROGRAM: Final = f"""
import pathlib, sys
from rtmpsniff.cli import main
status = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.write(pathlib.Path({str(STATUS)!r}).read_text())
sys.exit(status)
"""


class Held(NamedTuple):
    """What a run wrote, and the most memory it had, in KiB."""

    output: str
    peak: int


def held(*arguments: str) -> Held:
    """Run the program in a process of its own, which must end well; skip where no system tells its memory."""
    if not STATUS.exists():
        pytest.skip("this system does not tell the most memory a process held")
    command = [sys.executable, "-c", PROGRAM, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    peaks = re.findall(r"^VmHWM:\s+(\d+) kB$", ran.stderr, re.MULTILINE)
    return Held(ran.stdout, int(peaks[-1]))
