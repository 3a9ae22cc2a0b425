"""What capture yields: packets, with the time to the nanosecond and the link type of each.

There are two forms of a packet. A `Packet` is for everybody. An `Uncut` one still stands in the bytes that were read:
readers of files give it and transport takes it, since most packets need no more than a look at their headers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

Made = TypeVar("Made", bound=tuple[Any, ...])

# What a NamedTuple's own constructor does, without its call, for what is made per packet and per chunk: a tuple of six
# costs 0.12 us less this way (CPython 3.11) than with `Packet._make(...)`, and 0.14 us less than with `Packet(...)`.
new_tuple: Final = cast("Callable[[type[Made], tuple[Any, ...]], Made]", tuple.__new__)

# What an `Origin` says, before anybody asked: most are never asked for.
Place: TypeAlias = tuple[int, int, int]

# Its place and link type; the bytes it stands in, where in them it begins and ends; its length on the wire. A plain
# tuple, since of nearly every packet that is all that is ever made: in all 0.3 us a packet, as a `Packet` 0.54 us.
Uncut: TypeAlias = tuple[Place, int, bytes, int, int, int]


class Origin(NamedTuple):
    """Which packet carried something."""

    capture: int  # as of `Packet`
    packet: int  # its number
    time: int  # nanoseconds since the epoch


class Packet(NamedTuple):
    """One captured frame. `data` may be shorter than `wire_length` where a snapshot length cut it."""

    capture: int  # index of the capture in this run, from 0
    number: int  # 1-based in its capture, as Wireshark counts
    time: int  # nanoseconds since the epoch
    link: int  # link type (DLT/LINKTYPE number), per packet since pcapng interfaces differ
    data: bytes
    wire_length: int

    @property
    def origin(self) -> Origin:
        """A packet begins with what an origin is."""
        return new_tuple(Origin, self[:3])


@runtime_checkable
class Packets(Protocol):
    """Whoever has packets as transport takes them."""

    def uncut(self) -> Iterator[Uncut]: ...


def time_of(packet: Uncut) -> int:
    """In nanoseconds since the epoch."""
    return packet[0][2]


def cut(packet: Uncut) -> Packet:
    """The packet by itself."""
    place, link, block, start, stop, wire_length = packet
    return new_tuple(Packet, (*place, link, block[start:stop], wire_length))


def uncut(packets: Iterable[Packet]) -> Iterator[Uncut]:
    """Packets as transport takes them, one after another."""
    for capture, number, time, link, data, wire_length in packets:
        yield (capture, number, time), link, data, 0, len(data), wire_length


TICK: Final = -1  # stands where a packet has its link type


def tick(last: Packet, now: int) -> Packet:
    """Nothing came since `last`, and it is `now` (ns since the epoch): what waits for more need wait no longer.

    It goes the way of packets, so that it comes in their order: a packet of no bytes, of link type TICK, which has the
    number and time of the last one, and in place of a length the time that has passed since, in ns.
    """
    return Packet(last.capture, last.number, last.time, TICK, b"", max(now - last.time, 0))


class Statistics(NamedTuple):
    """What the kernel has counted since the beginning: packets that the filter let through, and those then dropped."""

    received: int
    dropped: int
