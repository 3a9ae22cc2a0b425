"""Golden files: the first line is a command, the rest what it writes to standard output, to the letter.

`pytest --update-golden` writes them anew; the difference is for a person to read. A new one begins as its first line.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Run

GOLDEN = Path(__file__).parent / "golden"
HOME = Path(__file__).parents[1]
PROMPT = "$ rtmpsniff "


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.txt")), ids=lambda path: path.stem)
def test_golden(path: Path, run: Run, update_golden: bool) -> None:
    first, _, expected = path.read_text(encoding="utf-8").partition("\n")
    assert first.startswith(PROMPT)
    with chdir(HOME):
        output = run(*shlex.split(first.removeprefix(PROMPT))).output
    if update_golden:
        path.write_text(f"{first}\n{output}", encoding="utf-8")
    else:
        assert output == expected


def test_there_are_golden_files_and_each_is_a_command_of_its_own() -> None:
    commands = [path.read_text(encoding="utf-8").partition("\n")[0] for path in GOLDEN.glob("*.txt")]
    assert commands
    assert len(set(commands)) == len(commands)


def test_the_odd_captures_are_what_their_program_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, HOME / "captures" / "build_odd.py", tmp_path], check=True)
    written = sorted(tmp_path.iterdir())
    assert written
    for path in written:
        assert path.read_bytes() == (HOME / "captures" / path.name).read_bytes()


def test_the_built_connect_is_what_its_program_writes(tmp_path: Path) -> None:
    path = tmp_path / "connect-228.pcap"
    subprocess.run([sys.executable, HOME / "captures" / "build_connect.py", path], check=True)
    assert path.read_bytes() == (HOME / "captures" / path.name).read_bytes()
