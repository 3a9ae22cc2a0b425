"""Captures with packets taken away, and how much of what is left is still read right.

Run it to see the figures: `python -m tests.loss [--seeds N] [CAPTURE...]`.
"""

from __future__ import annotations

import argparse
import random
import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from rtmpsniff.budget import Budget
from rtmpsniff.capture.files import read
from rtmpsniff.capture.packet import Packet
from rtmpsniff.rtmp.events import Message, Opened
from rtmpsniff.rtmp.session import Sessions
from rtmpsniff.transport.connection import RTMP_PORTS
from rtmpsniff.transport.events import Begin, End, Event, Hole, Piece, Tick
from rtmpsniff.transport.reassembly import Reassembler
from rtmpsniff.transport.udp import Datagram

Spans: TypeAlias = list[tuple[int, int]]
Side: TypeAlias = tuple[str, int, str]  # the ends of the connection, which of theirs it is, the sender


class Told(NamedTuple):
    """What must be right of a message."""

    offset: int
    type_id: int
    message_stream_id: int
    length: int
    payload: bytes


class Said(NamedTuple):
    """A message with its time and the spans of the stream that it takes."""

    told: Told
    timestamp: int
    certain: bool
    state: str
    missing: tuple[tuple[int, int], ...]
    spans: Spans


class Decoded(NamedTuple):
    """Everything said in a capture, by side and offset, and the holes in each side's stream."""

    said: dict[Side, dict[int, Said]]
    holes: dict[Side, Spans]
    ends: dict[Side, int]  # up to where each side's stream is known
    starts: dict[Side, int]  # the sequence number that each side's stream is taken to begin with


class Score(NamedTuple):
    """Messages whose bytes are all there, those of them that were read right, all that were told, and wrong ones."""

    present: int = 0
    right: int = 0
    told: int = 0
    wrong: int = 0

    def __add__(self, other: tuple[int, ...]) -> Score:  # type: ignore[override]
        return Score(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def decode(packets: Iterable[Packet], ports: Collection[int] = ()) -> Decoded:
    """Read packets as `dissect` does, and keep the holes."""
    holes: dict[Side, Spans] = defaultdict(list)
    budget = Budget()
    reassembler = Reassembler(RTMP_PORTS | set(ports), budget)
    ends: dict[Side, int] = {}
    starts: dict[Side, int] = {}
    names: dict[int, tuple[str, int]] = {}

    def watched(events: Iterable[Event]) -> Iterator[Begin | Piece | Hole | End]:
        for event in events:
            if isinstance(event, Datagram | Tick):
                continue
            if isinstance(event, Hole) and event.size is not None:
                connection = event.flow.connection
                holes[connection.name, 0, event.flow.sender].append((event.offset, event.offset + event.size))
            elif isinstance(event, Piece):
                side = (event.flow.connection.name, 0, event.flow.sender)
                ends[side] = event.offset + len(event.data)
                starts[side] = event.flow.next - event.flow.offset
            yield event

    said: dict[Side, dict[int, Said]] = defaultdict(dict)
    for event in Sessions(ports, budget).run(watched(reassembler.run(packets))):
        if isinstance(event, Opened):
            name = f"{event.client} -> {event.server}"
            names[event.connection] = (name, 0)
        elif isinstance(event, Message):
            told = Told(event.offset, event.message_type_id, event.message_stream_id, event.length, event.payload)
            spans = [
                (chunk.offset, chunk.offset + chunk.run * (chunk.unseen + len(chunk.header) + chunk.size))
                for chunk in event.chunks
            ]
            known = Said(told, event.timestamp, event.timestamp_certain, event.state, event.missing, spans)
            said[(*names[event.connection], event.sender)][event.offset] = known
    return Decoded(said, holes, ends, starts)


def aligned(damaged: Decoded, whole: Decoded) -> Decoded:
    """The same with its offsets counted from where those of the whole capture are: its first packets may be lost."""
    shifts = {
        side: (start - whole.starts.get(side, start) + (1 << 31)) % (1 << 32) - (1 << 31)
        for side, start in damaged.starts.items()
    }
    said = {
        side: {offset + shifts[side]: moved(message, shifts[side]) for offset, message in messages.items()}
        for side, messages in damaged.said.items()
    }
    holes = {side: shifted(spans, shifts.get(side, 0)) for side, spans in damaged.holes.items()}
    ends = {side: end + shifts[side] for side, end in damaged.ends.items()}
    return Decoded(said, holes, ends, damaged.starts)


def moved(message: Said, shift: int) -> Said:
    told = message.told._replace(offset=message.told.offset + shift)
    return message._replace(told=told, spans=shifted(message.spans, shift))


def shifted(spans: Spans, shift: int) -> Spans:
    return [(start + shift, stop + shift) for start, stop in spans]


def score(whole: Decoded, damaged: Decoded) -> Score:
    """Compare what was read of a damaged capture with what was said."""
    damaged = aligned(damaged, whole)
    total = Score()
    for side, messages in whole.said.items():
        holes = damaged.holes.get(side, [])
        starts = [start for start, _ in holes]
        found = damaged.said.get(side, {})
        for offset, message in messages.items():
            if message.state != "whole" or message.spans[-1][1] > damaged.ends.get(side, 0):
                continue
            if any(_hit(span, holes, starts) for span in message.spans):
                continue
            total += (1, _is_right(message, found.get(offset)), 0, 0)
    for side, found in damaged.said.items():
        messages = whole.said.get(side, {})
        for offset, message in found.items():
            total += (0, 0, 1, not _was_said(messages.get(offset), message))
    return total


def _hit(span: tuple[int, int], holes: Spans, starts: list[int]) -> bool:
    at = bisect_right(starts, span[1] - 1) - 1
    return at >= 0 and holes[at][1] > span[0]


def _was_said(message: Said | None, found: Said) -> bool:
    """Whether a message that was told stands in the whole capture: what is there of it is equal."""
    if message is None or found.state == "whole":
        return _is_right(message, found)
    payload = bytearray(message.told.payload[: len(found.told.payload)])
    for start, stop in found.missing:
        payload[start:stop] = bytes(stop - start)
    return message.told._replace(payload=bytes(payload)) == found.told


def _is_right(message: Said | None, found: Said | None) -> bool:
    if message is None or found is None or message.told != found.told:
        return False
    return not found.certain or not message.certain or found.timestamp == message.timestamp


def thinned(packets: list[Packet], rate: float, seed: int) -> list[Packet]:
    """Each packet is lost with this probability."""
    chance = random.Random(f"{rate} {seed}")
    return [packet for packet in packets if chance.random() >= rate]


def in_bursts(packets: list[Packet], rate: float, seed: int) -> list[Packet]:
    """As many packets are lost, but five to twenty in a row."""
    chance = random.Random(f"bursts {rate} {seed}")
    left = []
    skip = 0
    for packet in packets:
        if not skip and chance.random() < rate / 12.5:
            skip = chance.randint(5, 20)
        if skip:
            skip -= 1
        else:
            left.append(packet)
    return left


Damage: TypeAlias = Callable[[list[Packet], int], list[Packet]]
DAMAGES: Final[dict[str, Damage]] = {
    "1 in 1000": lambda packets, seed: thinned(packets, 1 / 1000, seed),
    "1 in 100": lambda packets, seed: thinned(packets, 1 / 100, seed),
    "1 in 20": lambda packets, seed: thinned(packets, 1 / 20, seed),
    "bursts, 1 in 100": lambda packets, seed: in_bursts(packets, 1 / 100, seed),
}


def measure(captures: Iterable[Path], seeds: Iterable[int]) -> dict[str, Score]:
    """The pooled scores of all captures and seeds, by the kind of damage."""
    seeds = list(seeds)
    scores = dict.fromkeys(DAMAGES, Score())
    for capture in captures:
        packets = list(read([str(capture)]))
        whole = decode(packets)
        for name, damage in DAMAGES.items():
            for seed in seeds:
                scores[name] += score(whole, decode(damage(packets, seed)))
    return scores


def show(scores: dict[str, Score]) -> Iterator[str]:
    """A line for each kind of damage."""
    for name, one in scores.items():
        yield (
            f"{name:18} {one.right:7} of {one.present:7} right: {100 * one.right / max(one.present, 1):7.3f} %   "
            f"{one.wrong:5} of {one.told:7} wrong: 1 in {one.told / one.wrong if one.wrong else float('inf'):.0f}"
        )


def main() -> None:
    """Print the figures for each capture, and for all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("captures", nargs="+", type=Path)
    arguments = parser.parse_args()
    total = dict.fromkeys(DAMAGES, Score())
    for capture in arguments.captures:
        scores = measure([capture], range(arguments.seeds))
        sys.stdout.write("\n".join([capture.name, *show(scores), ""]))
        sys.stdout.flush()
        total = {name: one + scores[name] for name, one in total.items()}
    sys.stdout.write("\n".join(["all", *show(total), ""]))


if __name__ == "__main__":
    main()
