"""Connections that are over, or stand still for long, are let go; others never."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import pytest

from rtmpsniff.capture.packet import Packet
from rtmpsniff.transport.events import (
    End,
    Tick,
)
from rtmpsniff.transport.reassembly import Reassembler, reassemble
from rtmpsniff.transport.sweep import TIME_BETWEEN_SWEEPS, TIME_IDLE, TIME_UNANSWERED, Sweep
from tests.build import ACK, FIN, SYN, Conversation
from tests.transport.talks import (
    SECOND,
    START,
    after,
    by_connection,
    data,
    ends,
    opened,
    packets,
    run,
)


def kept_alive(talk: Conversation, seconds: int, *, from_: int = 0) -> Iterator[Packet]:
    """Nothing but ticks, ten seconds apart."""
    return (after(talk, SECOND * n) for n in range(from_ + 10, from_ + seconds + 1, 10))


@pytest.mark.parametrize(
    ("say", "patience", "reason"),
    [
        (lambda talk: talk.client(b"abc"), TIME_IDLE, "idle"),
        (lambda talk: talk.segment("client", flags=FIN | ACK), TIME_UNANSWERED, "closed"),
    ],
    ids=["idle", "half closed"],
)
def test_a_connection_that_stands_still_is_let_go(
    say: Callable[[Conversation], object], patience: int, reason: str
) -> None:
    talk = opened()
    say(talk)
    seconds = patience // SECOND
    early = list(reassemble(chain(packets(talk.frames), kept_alive(talk, seconds - 20))))
    assert isinstance(early[-1], End)  # with the capture
    late = list(reassemble(chain(packets(talk.frames), kept_alive(talk, seconds + 40))))
    assert ends(late)[0][0] == reason
    assert isinstance(late[-1], Tick)


def test_a_call_that_nobody_answers_is_let_go() -> None:
    talk = Conversation(time=START)
    talk.segment("client", flags=SYN)
    reassembler = Reassembler()
    events = list(reassembler.run(chain(packets(talk.frames), kept_alive(talk, 400))))
    assert ends(events) == [("no answer", "")]
    assert not reassembler.table.flows


def test_a_connection_that_is_over_is_forgotten() -> None:
    reassembler = Reassembler()
    talk = opened()
    talk.close()
    assert ends(reassembler.run(chain(packets(talk.frames), kept_alive(talk, 40)))) == [("closed", "client")]
    assert reassembler.table.flows  # for what comes late
    list(reassembler.run(kept_alive(talk, 60, from_=40)))
    assert not reassembler.table.flows


def test_what_goes_on_is_not_let_go_however_long_it_takes() -> None:
    talk = opened()
    frames = list(talk.frames)
    for _ in range(300):
        talk.at(talk.time + 30 * SECOND)
        frames += talk.client(b"abc")
        talk.at(talk.time + 30 * SECOND)
        frames += [talk.ack("server")]
    assert ends(run(frames)) == [("capture ended", "")]


def test_keep_alives_keep_a_connection() -> None:
    talk = opened()
    talk.client(b"abc")
    frames = list(talk.frames)
    for _ in range(200):
        talk.at(talk.time + 45 * SECOND)
        frames += [talk.segment("client", b"c", at=2), talk.ack("server")]
    assert ends(run(frames)) == [("capture ended", "")]


@pytest.mark.parametrize("days", [2, -2])
def test_a_jump_of_the_clock_lets_nobody_go(days: int) -> None:
    talk, other = opened(), Conversation(("10.0.0.9", 40_009), time=START)
    frames = [*talk.frames, *other.open()]
    talk.time = other.time = START + days * 86_400 * SECOND
    frames += [*other.close(), *talk.client(b"abc")]
    first, _ = by_connection(run(frames))
    assert (data(first), ends(first)) == (b"abc", [("capture ended", "")])


def test_it_is_due_now_and_then_and_when_the_clock_jumps_back() -> None:
    sweep = Sweep()
    assert sweep.is_due(START)
    assert list(sweep.stale([], START)) == []
    assert [sweep.is_due(START + after) for after in (0, TIME_BETWEEN_SWEEPS - 1, TIME_BETWEEN_SWEEPS, -1)] == [
        False,
        False,
        True,
        True,
    ]
    assert repr(sweep) == f"<Sweep at {START}>"
