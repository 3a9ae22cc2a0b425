"""Fragments in every order, twice, overlapping, never all; and floods of them."""

from __future__ import annotations

import random
import tracemalloc
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpsniff.budget import Budget
from rtmpsniff.transport.fragments import (
    MOST_HELD,
    TIME_OF_COPIES,
    TIME_TO_COMPLETE,
    Fragments,
    Part,
    Whole,
)

law = settings(deadline=None)  # a busy machine breaks no law

TCP = 6
DATA = bytes(range(200))


def part(start: int, stop: int, data: bytes | None = None) -> Part:
    return Part(start, stop, DATA[start:stop] if data is None else data)


def add(fragments: Fragments, piece: Part, *, more: bool = True, now: int = 0, key: bytes = b"k") -> Whole | None:
    return fragments.add(key, TCP, piece, more=more, now=now)


@pytest.mark.parametrize("order", list(permutations([(0, 48), (48, 120), (120, 200)])))
def test_every_order(order: tuple[tuple[int, int], ...]) -> None:
    fragments = Fragments()
    found = [add(fragments, part(start, stop), more=stop < 200) for start, stop in order]
    assert found == [None, None, Whole(TCP, DATA, 200)]
    assert fragments.budget.held == 0
    assert (fragments.taken, fragments.incomplete, fragments.crowded_out) == (3, 0, 0)


def test_the_protocol_is_the_first_fragments() -> None:
    fragments = Fragments()
    fragments.add(b"k", 60, part(48, 200), more=False, now=0)
    whole = fragments.add(b"k", TCP, part(0, 48), more=True, now=0)
    assert whole is not None
    assert whole.protocol == TCP


def test_the_first_copy_is_kept() -> None:
    fragments = Fragments()
    add(fragments, part(0, 48))
    add(fragments, part(0, 48, bytes(48)))
    add(fragments, part(96, 120))
    add(fragments, part(40, 160, b"\xff" * 120))
    whole = add(fragments, part(160, 200), more=False)
    assert whole is not None
    assert whole.data == DATA[:48] + b"\xff" * 48 + DATA[96:120] + b"\xff" * 40 + DATA[160:]


def test_what_the_snapshot_length_cut_ends_what_is_known() -> None:
    fragments = Fragments()
    add(fragments, part(0, 48))
    add(fragments, part(48, 120, DATA[48:60]))
    assert add(fragments, part(120, 200), more=False) == Whole(TCP, DATA[:60], 200)


def test_fragments_that_contradict_the_size_complete_nothing() -> None:
    fragments = Fragments()
    add(fragments, part(48, 120), more=False)
    add(fragments, part(120, 200), more=False)
    assert add(fragments, part(0, 48)) is None
    fragments.end()
    assert (fragments.incomplete, fragments.budget.held) == (1, 0)


def test_copies_of_a_packet_that_was_complete() -> None:
    fragments = Fragments()
    for time in (0, TIME_OF_COPIES):
        add(fragments, part(0, 48), now=time)
        add(fragments, part(48, 200), more=False, now=time)
    fragments.end()
    assert (fragments.taken, fragments.copies, fragments.incomplete) == (2, 2, 0)
    add(fragments, part(0, 48), now=TIME_OF_COPIES + 1)  # another packet by then
    assert fragments.taken == 3


@pytest.mark.parametrize("later", [TIME_TO_COMPLETE, -TIME_TO_COMPLETE])
def test_what_is_never_complete_is_given_up(later: int) -> None:
    fragments = Fragments()
    add(fragments, part(0, 48))
    add(fragments, part(0, 48), now=later, key=b"other")
    assert fragments.incomplete == 1
    assert add(fragments, part(48, 200), more=False, now=later) is None
    fragments.end()
    assert (fragments.incomplete, fragments.budget.held) == (3, 0)


def test_fragments_beyond_the_largest_packet_are_nothing() -> None:
    fragments = Fragments()
    assert add(fragments, Part(65528, 65536, bytes(8)), more=False) is None
    assert add(fragments, Part(8, 8, b"")) is None
    assert fragments.taken == 0


def test_a_packet_that_is_refused_is_not_kept() -> None:
    fragments = Fragments()
    add(fragments, part(48, 120))
    held = fragments.budget.held
    fragments.add(b"k", 17, part(0, 48), more=True, now=0, refused=True)
    add(fragments, part(120, 200), more=False)
    assert 0 < fragments.budget.held < held
    fragments.end()
    assert (fragments.incomplete, fragments.budget.held) == (0, 0)


def test_a_flood_gives_way_to_itself() -> None:
    fragments = Fragments()
    tracemalloc.start()
    for number in range(100_000):
        add(fragments, Part(0, 8, bytes(8)), key=number.to_bytes(4, "big"), now=number)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * MOST_HELD
    assert fragments.crowded_out > 80_000
    assert fragments.budget.held <= MOST_HELD


def test_many_tiny_fragments_of_a_packet() -> None:
    fragments = Fragments()
    places = list(range(0, 65528, 8))
    random.Random(1).shuffle(places)
    found = [add(fragments, Part(place, place + 8, bytes(8)), more=place < 65520) for place in places]
    assert found[-1] == Whole(TCP, bytes(65528), 65528)


def test_a_budget_that_is_spent_leaves_no_room() -> None:
    budget = Budget(1000)
    fragments = Fragments(budget)
    budget.held = 900
    add(fragments, part(0, 48))
    assert (fragments.crowded_out, budget.held) == (1, 900)


@law
@given(st.randoms(use_true_random=False), st.sets(st.integers(1, 24), max_size=6), st.integers(0, 3))
def test_law_all_orders_and_repetitions_give_the_packet(chance: random.Random, cuts: set[int], repeated: int) -> None:
    spans = list(pairwise([0, *sorted(8 * cut for cut in cuts), 200]))
    spans += chance.sample(spans, min(repeated, len(spans)))
    chance.shuffle(spans)
    fragments = Fragments()
    found = [whole for start, stop in spans if (whole := add(fragments, part(start, stop), more=stop < 200))]
    assert found == [Whole(TCP, DATA, 200)]
    assert fragments.budget.held == 0


@law
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans(), st.binary(max_size=40)), max_size=20))
def test_law_whatever_comes_held_bytes_add_up(pieces: list[tuple[int, int, bool, bytes]]) -> None:
    fragments = Fragments()
    for start, size, more, data in pieces:
        whole = add(fragments, Part(start, start + size, data[:size]), more=more)
        assert whole is None or len(whole.data) <= whole.size
    fragments.end()
    assert fragments.budget.held == 0
