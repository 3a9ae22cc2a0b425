"""Draws the pictures that the README shows: `python tests/picture.py`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from rtmpsniff.cli import main  # noqa: E402 - the repository's own package
from rtmpsniff.output.picture import svg  # noqa: E402

PICTURES = {
    "captures/connect-228.svg": ("read", "-x", "captures/connect-228.pcap", "--message", "1"),
}


def draw(arguments: tuple[str, ...]) -> str:
    """What the command prints on a terminal, as a picture."""
    output = StringIO()
    with redirect_stdout(output):
        main([*arguments, "--color", "always"])
    lines = output.getvalue().rstrip().splitlines()
    return svg(lines, "rtmpsniff " + " ".join(arguments))


if __name__ == "__main__":
    for name, arguments in PICTURES.items():
        (ROOT / name).write_text(draw(arguments), encoding="utf-8")
        sys.stdout.write(f"{name}\n")
