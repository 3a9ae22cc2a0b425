"""The limit for held bytes."""

from __future__ import annotations

import pytest

from rtmpsniff.budget import DEFAULT_LIMIT, Budget


@pytest.mark.parametrize(("held", "spent"), [(0, False), (99, False), (100, False), (101, True)])
def test_spent_above_the_limit(held: int, spent: bool) -> None:
    budget = Budget(limit=100)
    budget.held += held
    assert budget.spent is spent


def test_what_is_given_back_can_be_held_again() -> None:
    budget = Budget(limit=100)
    budget.held += 150
    budget.held -= 150
    assert not budget.spent


def test_a_message_of_the_largest_size_fits_twice() -> None:
    budget = Budget()
    budget.held += 2 * 0xFFFFFF
    assert not budget.spent
    assert DEFAULT_LIMIT < 100 << 20  # the whole program stays under 100 MB


def test_state_can_be_seen() -> None:
    budget = Budget(limit=100)
    budget.held += 7
    assert repr(budget) == "<Budget 7 of 100>"
