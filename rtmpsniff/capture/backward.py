"""Where the times of a capture's packets run backwards."""

from __future__ import annotations


class Backward:
    """The packet that is farthest before the one ahead of it: its `number`, and `distance` in ns; 0 where none is."""

    __slots__ = ("distance", "number")

    def __init__(self) -> None:
        self.number = self.distance = 0

    def __repr__(self) -> str:
        return f"<Backward by {self.distance} ns at packet {self.number}>"

    def note(self, number: int, distance: int) -> None:
        """Packet `number` is `distance` ns before the one ahead of it."""
        if distance > self.distance:
            self.number, self.distance = number, distance
