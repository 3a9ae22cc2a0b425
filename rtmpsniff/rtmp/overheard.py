"""Is it RTMP, where the beginning was not captured? Decided by the chunk headers that are found in the middle.

Takes what both sides of a connection say, on any port, and looks for places where headers stand that predict each
other. What a lone one says is not enough: other protocols have runs of zeros too. Who is the client is told by what
is said: commands and control messages of which only one side sends each kind.
"""

from __future__ import annotations

from itertools import count
from typing import Final, Literal, TypeAlias

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin
from rtmpsniff.payload.command import Command
from rtmpsniff.payload.control import UserControl
from rtmpsniff.payload.types import FAMILIES, USER_CONTROL
from rtmpsniff.rtmp.direction import Direction
from rtmpsniff.rtmp.events import Event, Message
from rtmpsniff.rtmp.evidence import Known
from rtmpsniff.rtmp.recognition import is_another_protocol
from rtmpsniff.rtmp.search import Search
from rtmpsniff.rtmp.sizes import USUAL
from rtmpsniff.transport.connection import Flow, Sender
from rtmpsniff.transport.events import Hole, Piece

Verdict: TypeAlias = Literal["rtmp", "foreign", "wait"]

MOST: Final = 1 << 16  # bytes of one side that are searched
_ENOUGH: Final = 60.0  # bits
_MOST_OF_ONE: Final = 30.0  # bits that the first header may give
_OVERHEAD: Final = 500  # bytes that a packet costs beside its own, which are held twice: in a piece and as captured
_GROWTH: Final = 8

_COMMANDS: Final[dict[str, Sender]] = {
    "connect": "client",
    "createStream": "client",
    "releaseStream": "client",
    "FCPublish": "client",
    "FCUnpublish": "client",
    "FCSubscribe": "client",
    "publish": "client",
    "play": "client",
    "pause": "client",
    "seek": "client",
    "closeStream": "client",
    "deleteStream": "client",
    "_result": "server",
    "_error": "server",
    "onStatus": "server",
    "onBWDone": "server",
    "onFCPublish": "server",
    "onFCUnpublish": "server",
}
# §7.1.7: a client tells its buffer and answers pings, a server tells of streams and sends pings.
_EVENTS: Final[dict[int, Sender]] = {
    0: "server",
    1: "server",
    2: "server",
    3: "client",
    4: "server",
    6: "server",
    7: "client",
}
_TELLING: Final = FAMILIES["command"] | {USER_CONTROL}


class Overheard:
    """What both sides of one connection said so far, as far as it is kept: `take` is the door."""

    def __init__(self) -> None:
        self.items: list[Piece | Hole] = []
        self.held = 0  # bytes that this costs
        self._sides: dict[Flow, _Side] = {}

    def __repr__(self) -> str:
        return f"<Overheard {len(self.items)} pieces>"

    def take(self, item: Piece | Hole) -> Verdict:
        """What comes next; gives what is known by then."""
        self.items.append(item)
        side = self._sides.get(item.flow)
        if side is None:
            side = self._sides[item.flow] = _Side()
        if isinstance(item, Hole):
            return side.lose(item)
        self.held += 2 * len(item.data) + _OVERHEAD * len(item.places)
        return side.take(item)

    def conclude(self) -> Verdict:
        """No more will come."""
        return "rtmp" if any(side.look() for side in self._sides.values()) else "foreign"

    def client(self, guess: Flow) -> Flow:
        """Which side is the client, by what is said; `guess` where nothing tells."""
        votes = 0
        for flow, side in self._sides.items():
            own = 1 if flow is guess else -1
            for event in self._said(flow, side.first):
                speaker = _speaker(event)
                if speaker is not None:
                    votes += own if speaker == "client" else -own
        return guess.peer if votes < 0 else guess

    def _said(self, flow: Flow, offset: int) -> list[Event]:
        """What one side said, read once for this question alone."""
        direction = Direction(0, flow.sender, count(1), Budget())
        direction.begin_late(offset, "", Origin(0, 0, 0))
        events: list[Event] = []
        for item in self.items:
            if item.flow is flow:
                events += direction.feed(item) if isinstance(item, Piece) else direction.lose(item)
        return events + direction.end()


def _speaker(event: Event) -> Sender | None:
    if not isinstance(event, Message) or event.message_type_id not in _TELLING or event.state != "whole":
        return None
    body = event.body
    if isinstance(body, Command):
        return _COMMANDS.get(body.name)
    return _EVENTS.get(body.event_id) if isinstance(body, UserControl) else None


class _Side:
    """One side: its bytes since the last hole, and the search in them."""

    def __init__(self) -> None:
        self.first = 0  # stream offset of the first byte of all
        self._taken = 0
        self._wanted = 0  # bytes that must be there before it is worth to look again
        self._begin = 0
        self._data = bytearray()
        self._search: Search | None = None

    def lose(self, hole: Hole) -> Verdict:
        self._begin_at(hole.offset)
        found = self.look()
        self._data.clear()
        self._wanted = 0
        self._search = None
        return "rtmp" if found else "wait"

    def take(self, piece: Piece) -> Verdict:
        if not self._taken and is_another_protocol(piece.data):
            return "foreign"
        self._begin_at(piece.offset)
        if self._search is None:
            self._begin = piece.offset
            known = Known({}, None, None)
            self._search = Search(known, USUAL, piece.offset, enough=_ENOUGH, most_of_one=_MOST_OF_ONE)
        self._data += piece.data
        self._taken += len(piece.data)
        if len(self._data) >= self._wanted or self._taken >= MOST:
            self._wanted = len(self._data) * (_GROWTH + 1) // _GROWTH
            if self.look():
                return "rtmp"
        return "foreign" if self._taken >= MOST else "wait"

    def _begin_at(self, offset: int) -> None:
        if not self._taken:
            self.first = offset

    def look(self) -> bool:
        """Whether headers are found in what is there."""
        return self._search is not None and self._search.look(bytes(self._data), self._begin, ending=False) is not None
