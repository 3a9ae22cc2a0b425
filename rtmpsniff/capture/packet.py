"""What capture yields: packets, with the time to the nanosecond and the link type of each."""

from __future__ import annotations

from typing import NamedTuple


class Packet(NamedTuple):
    """One captured frame. `data` may be shorter than `wire_length` where a snapshot length cut it."""

    capture: int  # index of the capture in this run, from 0
    number: int  # 1-based in its capture, as Wireshark counts
    time: int  # nanoseconds since the epoch
    link: int  # link type (DLT/LINKTYPE number), per packet since pcapng interfaces differ
    data: bytes
    wire_length: int


class Origin(NamedTuple):
    """Which packet carried something."""

    capture: int
    packet: int
    time: int
