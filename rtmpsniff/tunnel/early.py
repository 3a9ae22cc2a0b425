"""Early data (RFC 8446, 2.3): what a client sends before the server answered waits until that took or refused it.

What was refused is sent again under the keys that follow, so it must not be passed on.
"""

from __future__ import annotations

from typing import Final

from rtmpsniff.capture.packet import Origin
from rtmpsniff.tunnel.inner import Lost, Span
from rtmpsniff.tunnel.records import Record

REASON: Final = "in early data, whose secret the key log does not have"
_BESIDE: Final = 17  # bytes of a record's body beside its text: a tag and the content type


class EarlyData:
    """The records that came early, in order."""

    def __init__(self) -> None:
        self._records: list[Span | Lost] = []

    def __repr__(self) -> str:
        return f"<EarlyData of {len(self._records)} records>"

    def add(self, text: Span) -> None:
        """A record was opened."""
        self._records.append(text)

    def add_sealed(self, record: Record, origin: Origin) -> None:
        """A record could not be opened."""
        self._records.append(Lost(max(len(record.span.data) - _BESIDE, 0), origin, REASON))

    def settle(self, *, taken: bool) -> list[Span | Lost]:
        """The client's handshake goes on, so the server's answer is there: what belongs to the stream."""
        records, self._records = self._records, []
        if not taken:
            return []
        if records and isinstance(records[-1], Lost):
            records.pop()  # EndOfEarlyData, which is under that key as well
        return [record for record in records if (len(record.data) if isinstance(record, Span) else record.size)]
