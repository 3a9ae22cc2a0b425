"""The theme: a color for everything that can be colored, and no other module that knows of any."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rtmpsniff
from rtmpsniff.fields import Role
from rtmpsniff.output.theme import RESET, ROLES, STYLES, Paint
from rtmpsniff.payload.types import FAMILIES

PACKAGE = Path(rtmpsniff.__file__).parent
CODE = re.compile(r"\d+(;\d+)*")


def test_every_role_has_a_color() -> None:
    assert set(ROLES) == set(Role)
    assert all(CODE.fullmatch(code) for code in ROLES.values())
    assert all(CODE.fullmatch(code) for code in STYLES.values())


@pytest.mark.parametrize(
    "name", ["error", "warning", "note", "client", "server", "handshake", "connection", "audio", "video", *FAMILIES]
)
def test_every_kind_of_line_has_a_style(name: str) -> None:
    assert name in STYLES


def test_paint_wraps_text_in_codes() -> None:
    paint = Paint(True)
    assert paint.role(Role.KEY, "app") == f"\x1b[{ROLES[Role.KEY]}mapp{RESET}"
    assert paint.style("error", "lost") == f"\x1b[{STYLES['error']}mlost{RESET}"


def test_paint_leaves_text_alone() -> None:
    assert Paint(False).role(Role.KEY, "app") == "app"
    assert Paint(False).style("error", "lost") == "lost"
    assert Paint(True).role(Role.KEY, "") == ""
    assert Paint(True).style("error", "") == ""
    assert Paint(True).style("no such style", "text") == "text"


def test_no_other_module_names_a_color() -> None:
    sources = {path: path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "theme.py"}
    assert [
        path.name for path, text in sources.items() if re.search(r"\\x1b\[|\\033|38;5|#[0-9a-fA-F]{6}\b", text)
    ] == []
