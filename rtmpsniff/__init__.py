"""rtmpsniff: watches RTMP and shows every byte with its meaning.

The public names. `events`, `messages` and `connections` read captures; `decode` reads the body of one message from
anywhere; `describe` gives the bytes of an event with their meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtmpsniff.version import __version__

if TYPE_CHECKING:
    from rtmpsniff.api import Connection, connections, events, messages
    from rtmpsniff.errors import InputError, UserError
    from rtmpsniff.fields import Block, Field, Role
    from rtmpsniff.findings import Finding, Severity
    from rtmpsniff.payload.audio import Audio
    from rtmpsniff.payload.bodies import Body, Decoded, Unknown, decode
    from rtmpsniff.payload.command import Command, Data
    from rtmpsniff.payload.types import type_name
    from rtmpsniff.payload.video import Video
    from rtmpsniff.rtmp.describe import describe
    from rtmpsniff.rtmp.events import Closed, Event, Greeting, Message, Opened, Undecoded

_HOMES = {
    "rtmpsniff.api": ("Connection", "connections", "events", "messages"),
    "rtmpsniff.errors": ("InputError", "UserError"),
    "rtmpsniff.fields": ("Block", "Field", "Role"),
    "rtmpsniff.findings": ("Finding", "Severity"),
    "rtmpsniff.payload.bodies": ("Body", "Decoded", "Unknown", "decode"),
    "rtmpsniff.payload.command": ("Command", "Data"),
    "rtmpsniff.payload.audio": ("Audio",),
    "rtmpsniff.payload.video": ("Video",),
    "rtmpsniff.payload.types": ("type_name",),
    "rtmpsniff.rtmp.describe": ("describe",),
    "rtmpsniff.rtmp.events": ("Closed", "Event", "Greeting", "Message", "Opened", "Undecoded"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Audio",
    "Block",
    "Body",
    "Closed",
    "Command",
    "Connection",
    "Data",
    "Decoded",
    "Event",
    "Field",
    "Finding",
    "Greeting",
    "InputError",
    "Message",
    "Opened",
    "Role",
    "Severity",
    "Undecoded",
    "Unknown",
    "UserError",
    "Video",
    "__version__",
    "connections",
    "decode",
    "describe",
    "events",
    "messages",
    "type_name",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> object:
    # Importing the package alone is cheap; `rtmpsniff --version` need not load the whole house.
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only where a name is asked for

    return getattr(import_module(home), name)
