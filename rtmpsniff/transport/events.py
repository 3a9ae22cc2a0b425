"""What `reassembly` gives: connections begin and end, and bytes of their directions come or are missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.capture.packet import Origin, Place
from rtmpsniff.transport.connection import Connection, Flow, Sender
from rtmpsniff.transport.udp import Datagram

EndReason: TypeAlias = Literal[
    "closed", "reset", "refused", "no answer", "capture ended", "port used again", "idle", "evicted"
]

# Why bytes are missing: whose fault it was.
NEVER_CAPTURED: Final = "never captured"  # the receiver has them, or it cannot be known
NEVER_ACKNOWLEDGED: Final = "lost on the network"  # neither captured nor confirmed by the receiver
CUT: Final = "cut by the snapshot length"
HELD_BACK: Final = "given up: too much is held back"
HOLE_REASONS: Final = frozenset({NEVER_CAPTURED, NEVER_ACKNOWLEDGED, CUT, HELD_BACK})


class Begin(NamedTuple):
    """A connection was seen for the first time."""

    connection: Connection
    origin: Origin
    replaces: Connection | None = None  # a connection that began before and turns out to carry this one


class Piece(NamedTuple):
    """New bytes of one direction, in order; packet `places[i]` brought what stands from stream offset `offsets[i]` on.

    Within a piece packet numbers rise; between pieces they fall where a segment came late.
    """

    flow: Flow
    offset: int
    data: bytes
    offsets: list[int]
    places: Sequence[Place]

    @property
    def first(self) -> Origin:
        """The packet that brought its first byte."""
        return Origin(*self.places[0])

    @property
    def last(self) -> Origin:
        """The packet that brought its last byte."""
        return Origin(*self.places[-1])


class Hole(NamedTuple):
    """Bytes of one direction that are not there, and why. `origin` is the packet that made it certain.

    `size` is None inside a tunnel where nobody can know it; the offsets behind it then count on as if it were 0.
    """

    flow: Flow
    offset: int
    size: int | None
    origin: Origin
    reason: str


class End(NamedTuple):
    """A connection is over: `reason` says how, `sender` who began it ("" where nobody did)."""

    connection: Connection
    origin: Origin
    reason: EndReason
    sender: Sender | Literal[""]


class Tick(NamedTuple):
    """Nothing came, and it is `now` (ns since the epoch): see `capture.packet.tick`."""

    now: int


Event: TypeAlias = Begin | Piece | Hole | End | Datagram | Tick
