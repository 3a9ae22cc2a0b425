"""rtmpsniff: watches RTMP and shows every byte with its meaning.

The public names. `events`, `messages` and `connections` read captures; `decode` reads the body of one message from
anywhere, `decode_chunks` a chunk stream; `describe` gives the bytes of an event with their meaning. `compile_filter`
makes a condition on messages of an expression. `records` gives what an export holds as dictionaries, `schema` says
their names, `message_record` gives one of a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtmpsniff.version import __version__

if TYPE_CHECKING:
    from rtmpsniff.analysis.expression import FilterError
    from rtmpsniff.analysis.filter import compile_filter
    from rtmpsniff.analysis.handshake import Handshake
    from rtmpsniff.analysis.media import Flow, Track
    from rtmpsniff.analysis.peers import Peer
    from rtmpsniff.analysis.record import message_record
    from rtmpsniff.analysis.shared_objects import SharedObjectState
    from rtmpsniff.analysis.streams import Purpose, Stream
    from rtmpsniff.api import Connection, connections, events, messages, records, schema
    from rtmpsniff.errors import InputError, UserError
    from rtmpsniff.fields import Block, Field, Role
    from rtmpsniff.findings import Finding, Severity
    from rtmpsniff.payload.aggregate import Aggregate
    from rtmpsniff.payload.audio import Audio
    from rtmpsniff.payload.bodies import Body, Decoded, Unknown, decode
    from rtmpsniff.payload.command import Command, Data
    from rtmpsniff.payload.shared import SharedObject
    from rtmpsniff.payload.swf import swf_digest
    from rtmpsniff.payload.types import type_name
    from rtmpsniff.payload.video import Video
    from rtmpsniff.rtmp.aggregates import sub_messages
    from rtmpsniff.rtmp.describe import describe
    from rtmpsniff.rtmp.events import Closed, Event, Exchange, Greeting, Message, Notes, Opened, Secured, Undecoded
    from rtmpsniff.rtmp.loose import decode_chunks

_HOMES = {
    "rtmpsniff.analysis.expression": ("FilterError",),
    "rtmpsniff.analysis.filter": ("compile_filter",),
    "rtmpsniff.analysis.handshake": ("Handshake",),
    "rtmpsniff.analysis.media": ("Flow", "Track"),
    "rtmpsniff.analysis.peers": ("Peer",),
    "rtmpsniff.analysis.record": ("message_record",),
    "rtmpsniff.analysis.shared_objects": ("SharedObjectState",),
    "rtmpsniff.analysis.streams": ("Purpose", "Stream"),
    "rtmpsniff.api": ("Connection", "connections", "events", "messages", "records", "schema"),
    "rtmpsniff.errors": ("InputError", "UserError"),
    "rtmpsniff.fields": ("Block", "Field", "Role"),
    "rtmpsniff.findings": ("Finding", "Severity"),
    "rtmpsniff.payload.bodies": ("Body", "Decoded", "Unknown", "decode"),
    "rtmpsniff.payload.command": ("Command", "Data"),
    "rtmpsniff.payload.aggregate": ("Aggregate",),
    "rtmpsniff.payload.audio": ("Audio",),
    "rtmpsniff.payload.shared": ("SharedObject",),
    "rtmpsniff.payload.swf": ("swf_digest",),
    "rtmpsniff.payload.video": ("Video",),
    "rtmpsniff.payload.types": ("type_name",),
    "rtmpsniff.rtmp.aggregates": ("sub_messages",),
    "rtmpsniff.rtmp.describe": ("describe",),
    "rtmpsniff.rtmp.events": (
        "Closed",
        "Event",
        "Exchange",
        "Greeting",
        "Message",
        "Notes",
        "Opened",
        "Secured",
        "Undecoded",
    ),
    "rtmpsniff.rtmp.loose": ("decode_chunks",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Aggregate",
    "Audio",
    "Block",
    "Body",
    "Closed",
    "Command",
    "Connection",
    "Data",
    "Decoded",
    "Event",
    "Exchange",
    "Field",
    "FilterError",
    "Finding",
    "Flow",
    "Greeting",
    "Handshake",
    "InputError",
    "Message",
    "Notes",
    "Opened",
    "Peer",
    "Purpose",
    "Role",
    "Secured",
    "Severity",
    "SharedObject",
    "SharedObjectState",
    "Stream",
    "Track",
    "Undecoded",
    "Unknown",
    "UserError",
    "Video",
    "__version__",
    "compile_filter",
    "connections",
    "decode",
    "decode_chunks",
    "describe",
    "events",
    "message_record",
    "messages",
    "records",
    "schema",
    "sub_messages",
    "swf_digest",
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
