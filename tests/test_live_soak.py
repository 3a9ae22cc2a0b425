"""Memory holds what goes on: hours of connections that come and go, in the time of their packets; seconds of it really.

The long form is `python tests/soak_live.py`.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtmpsniff.capture.packet import Packet, tick
from rtmpsniff.dissect import Dissection
from rtmpsniff.rtmp.events import Closed, Opened
from tests import soak_live
from tests.capture.network import needs_network

SECOND = 1_000_000_000
ROUNDS = 16
APART = 600 * SECOND
START = 1_700_000_000 * SECOND


def packets_of_hours() -> Iterator[Packet]:
    """Times round, with ticks between them as a quiet interface gives them."""
    number = 0
    for place in range(ROUNDS):
        for frame in soak_live.coming_and_going(START + place * APART, place):
            number += 1
            last = Packet(0, number, frame.time, 1, frame.data, len(frame.data))
            yield last
        for late in range(30 * SECOND, APART - 10 * SECOND, 30 * SECOND):
            yield tick(last, last.time + late)


def objects() -> int:
    gc.collect()
    return len(gc.get_objects())


def test_hours_of_connections_leave_nothing_behind() -> None:
    run = Dissection(packets_of_hours())
    opened = 0
    reasons: Counter[str] = Counter()
    held: list[int] = []  # objects each time a round begins
    for event in run:
        if isinstance(event, Opened):
            if opened % soak_live.CONNECTIONS == 0:
                held.append(objects())
            opened += 1
        elif isinstance(event, Closed):
            reasons[event.reason] += 1
    assert opened == reasons.total() == ROUNDS * soak_live.CONNECTIONS
    # One a round is left alone, and let go after an hour: from then on as much is held as ever.
    assert max(held[8:]) < held[8] * 1.02
    assert (reasons["idle"], reasons["capture ended"]) == (ROUNDS - 6, 6)
    assert run.remarks == ()


@needs_network("tcpreplay")
def test_the_soak_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert soak_live.soak(tmp_path, seconds=8, every=2) == 0, capsys.readouterr().out
    assert "dropped: good" in capsys.readouterr().out
