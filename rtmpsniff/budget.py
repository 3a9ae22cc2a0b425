"""One limit for all bytes that are held back: early segments, unfinished messages, undecided headers.

Each layer that holds bytes counts them here and makes its own oldest holder give way when the sum is over the limit,
so that no capture, however hostile, can make the program grow.
"""

from __future__ import annotations

DEFAULT_LIMIT = 40 << 20  # a message of 2^24 bytes fits twice


class Budget:
    """Bytes held now, and how many may be."""

    __slots__ = ("held", "limit")

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self.held = 0

    @property
    def spent(self) -> bool:
        return self.held > self.limit

    def __repr__(self) -> str:
        return f"<Budget {self.held} of {self.limit}>"
