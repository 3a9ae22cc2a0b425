"""Brings bytes and holes to a reader of one direction, and keeps what it makes of them."""

from __future__ import annotations

from typing import Generic, Protocol, Self, TypeVar

from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.connection import Connection, Flow
from rtmpsniff.transport.events import Hole, Piece

KEY = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + (50000).to_bytes(2, "big") + (443).to_bytes(2, "big")
ORIGIN = Origin(0, 99, 99)

T = TypeVar("T")


class Reader(Protocol[T]):
    def feed(self, piece: Piece) -> list[T]: ...
    def lose(self, hole: Hole) -> list[T]: ...


class Feed(Generic[T]):
    """Each piece comes in packets of its own."""

    def __init__(self, reader: Reader[T], packet_size: int = 1 << 16) -> None:
        self._reader = reader
        self._size = packet_size
        self._flow: Flow = Connection(KEY, ORIGIN, True, {}).from_client
        self._packets = 0
        self._at = 0
        self.items: list[T] = []

    def feed(self, data: bytes) -> Self:
        if data:
            offsets = list(range(self._at, self._at + len(data), self._size))
            numbers = range(self._packets + 1, self._packets + 1 + len(offsets))
            packets = [Origin(0, number, number) for number in numbers]
            self._packets += len(packets)
            self.items += self._reader.feed(Piece(self._flow, self._at, data, offsets, packets))
            self._at += len(data)
        return self

    def lose(self, size: int | None) -> Self:
        self.items += self._reader.lose(Hole(self._flow, self._at, size, ORIGIN, "never captured"))
        self._at += size or 0
        return self
