"""Rights: what to say where they are lacking, and how to give them up once they are no longer needed."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Final

import rtmpsniff
from rtmpsniff.errors import UserError
from rtmpsniff.text import printable

# What functions of the layers that see traffic import, from outside.
_LATE: Final = (
    "cryptography.exceptions",
    "cryptography.hazmat.primitives.ciphers",
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.ciphers.algorithms",
    "cryptography.hazmat.primitives.ciphers.modes",
    "re2",
    "textwrap",
    "unicodedata",
)


@dataclass(frozen=True, slots=True)
class User:
    """Who is to go on."""

    name: str
    uid: int
    gid: int


def advice(arguments: Sequence[str], program: str = sys.argv[0]) -> str:
    """What is missing, and the command that grants it, ready to be pasted."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # a container's root, most likely
        return "root has no CAP_NET_RAW here, which capturing takes: docker run --cap-add=NET_RAW ..."
    itself = Path(program)
    called = (
        [sys.executable, "-m", "rtmpsniff"] if itself.name in {"__main__.py", "-c", ""} else [str(itself.resolve())]
    )
    command = shlex.join(["sudo", *called, *arguments])
    return f"to capture takes root or CAP_NET_RAW, which you do not have: {printable(command)}"


def who_goes_on(named: str | None, environment: Mapping[str, str]) -> User | None:
    """The user that root becomes: the named one, else who called sudo or doas, else it stays root.

    Raises `UserError`.
    """
    if not hasattr(os, "geteuid"):
        if named is not None:
            raise UserError("--user: there are no such users on this system")
        return None
    if os.geteuid() != 0:
        if named is not None:
            raise UserError("--user: only root can go on as somebody else")
        return None
    import pwd  # noqa: PLC0415 - not on every system

    try:
        if named is not None:
            entry = pwd.getpwuid(int(named)) if named.isdecimal() else pwd.getpwnam(named)
        elif environment.get("SUDO_UID", "").isdecimal():
            entry = pwd.getpwuid(int(environment["SUDO_UID"]))
        elif environment.get("DOAS_USER"):
            entry = pwd.getpwnam(environment["DOAS_USER"])
        else:
            return None
    except KeyError:
        raise UserError(f"--user: there is no user {printable(named or '')}".rstrip()) from None
    return None if entry.pw_uid == 0 else User(entry.pw_name, entry.pw_uid, entry.pw_gid)


def load_all() -> None:
    """Load what else is loaded when a packet first needs it: who goes on may not be allowed to read the program."""
    for module in walk_packages(rtmpsniff.__path__, "rtmpsniff."):
        if module.name != "rtmpsniff.__main__":
            import_module(module.name)
    for name in _LATE:
        import_module(name)


def become(user: User) -> None:
    """Go on as this user for good: groups, group, user, in this order, so that nothing is left to come back by."""
    os.initgroups(user.name, user.gid)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
