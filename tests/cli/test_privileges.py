"""Rights: what is said where they are lacking, and who goes on once they are given up.

That they are given up, test_live.py sees in a process.
"""

from __future__ import annotations

import ast
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

import rtmpsniff
from rtmpsniff.cli.privileges import User, advice, who_goes_on
from rtmpsniff.errors import UserError
from rtmpsniff.payload import codecs

PACKAGE = Path(rtmpsniff.__file__).parent
NOT_IN_TRAFFIC = {
    "picture.py",
    "portable.py",
}  # pictures are made of captures, scapy's sockets where no rights are given up
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.mark.usefixtures("user")
def test_the_command_that_grants_what_is_missing_can_be_pasted(tmp_path: Path) -> None:
    program = tmp_path / "rtmpsniff"
    program.touch()
    said = advice(["live", "-i", "eth0", "--bpf", "host a or b"], str(program))
    assert said.startswith("to capture takes root or CAP_NET_RAW, which you do not have: ")
    assert said.endswith(f"sudo {program} live -i eth0 --bpf 'host a or b'")


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("program", ["/somewhere/rtmpsniff/__main__.py", "-c", ""])
def test_called_as_a_module_it_is_called_so_again(program: str) -> None:
    assert advice(["live"], program).endswith(f": sudo {sys.executable} -m rtmpsniff live")


@pytest.mark.usefixtures("user")
def test_what_was_typed_cannot_act_on_the_terminal() -> None:
    assert "\x1b" not in advice(["live", "-i", "\x1b]0;x\x07"])


@pytest.mark.usefixtures("root")
def test_root_without_the_right_is_in_a_container() -> None:
    assert "docker run --cap-add=NET_RAW" in advice(["live"])


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("named", "environment"),
    [
        ("nobody", {}),
        (str(NOBODY.pw_uid), {"SUDO_UID": "0"}),
        (None, {"SUDO_UID": str(NOBODY.pw_uid)}),
        (None, {"DOAS_USER": "nobody"}),
    ],
)
def test_who_goes_on_for_root(named: str | None, environment: dict[str, str]) -> None:
    assert who_goes_on(named, environment) == User("nobody", NOBODY.pw_uid, NOBODY.pw_gid)


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("named", "environment"),
    [(None, {}), ("root", {"SUDO_UID": "1"}), (None, {"SUDO_UID": "0"}), (None, {"SUDO_UID": "x"})],
)
def test_root_that_nobody_called_stays(named: str | None, environment: dict[str, str]) -> None:
    assert who_goes_on(named, environment) is None


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("named", "environment"),
    [("nosuchuser", {}), ("4000000000", {}), (None, {"SUDO_UID": "3999999999"}), (None, {"DOAS_USER": "nosuchuser"})],
)
def test_a_user_that_is_not_there_is_told(named: str | None, environment: dict[str, str]) -> None:
    with pytest.raises(UserError, match="there is no user"):
        who_goes_on(named, environment)


@pytest.mark.usefixtures("user")
def test_who_is_not_root_stays_who_he_is() -> None:
    assert who_goes_on(None, {"SUDO_UID": "1"}) is None
    with pytest.raises(UserError, match="only root can go on as somebody else"):
        who_goes_on("nobody", {})


def late_imports() -> set[str]:
    """What functions import in the layers that see traffic. Of `cli`, `live` has loaded what it needs."""
    late = set()
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] in {"cli", "__init__.py"} or path.name in NOT_IN_TRAFFIC:
            continue
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.ImportFrom):
                        late.add(str(node.module))
                    elif isinstance(node, ast.Import):
                        late.update(alias.name for alias in node.names)
    return late


def test_nothing_is_left_to_load_once_rights_are_given_up() -> None:
    wanted = late_imports() | {f"rtmpsniff.payload.codecs.{name}" for name in codecs.__all__}
    assert {"cryptography.exceptions", "re2", "rtmpsniff.tunnel.rtmpt"} <= wanted
    program = f"""
import sys
from rtmpsniff.cli.privileges import load_all
load_all()
print(sorted({wanted!r} - set(sys.modules)), "scapy" in sys.modules)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert ran.stdout == "[] False\n"
