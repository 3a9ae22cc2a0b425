"""All that is remembered of a run from one message to the next, in one place.

Takes events, gives them with notes and with the findings of the observers; and answers questions about a connection
until the event behind its `Closed` is fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rtmpsniff.analysis.authentication import Authentication
from rtmpsniff.analysis.handshake import Handshakes
from rtmpsniff.analysis.observe import Observer, observe
from rtmpsniff.analysis.peers import Peers
from rtmpsniff.analysis.shared_objects import SharedObjects
from rtmpsniff.analysis.streams import Media, Streams
from rtmpsniff.analysis.transactions import Transactions
from rtmpsniff.rtmp.events import Event


class Conversation:
    """The observers of a run. With `media` the streams know what they carried, at a small price a message."""

    def __init__(self, media: bool = False) -> None:
        self.transactions = Transactions()
        self.streams = Streams()
        self.authentication = Authentication()
        self.shared_objects = SharedObjects()
        self.handshakes = Handshakes()
        self.peers = Peers()
        # Those that read the notes of others come behind them.
        self.observers: list[Observer] = [
            self.transactions,
            self.streams,
            self.authentication,
            self.shared_objects,
            self.handshakes,
            self.peers,
        ]
        if media:
            self.observers.append(Media(self.streams))

    def follow(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events, once every observer has seen them, and what the observers found."""
        return observe(events, self.observers)
