"""How much text is missing between two records."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.packet import Origin
from rtmpsniff.tunnel.ciphers import SUITES, Opener, opener_13
from rtmpsniff.tunnel.inner import Lost
from rtmpsniff.tunnel.losses import Losses
from rtmpsniff.tunnel.sides import Side
from tests.tunnel.test_sides import SECRET, SUITE, sealed

ORIGIN, LATER = Origin(0, 1, 1), Origin(0, 2, 2)
OVERHEAD = 22


def side_at(number: int, opener: Opener | None = None) -> Side:
    """A side that has read so many records."""
    side = Side(SUITE, [opener or opener_13(SUITE, SECRET)], is_13=True)
    for each in range(number):
        assert side.open(sealed(each, b"x")) is not None
    return side


@pytest.mark.parametrize(
    ("between", "skipped", "size"),
    [
        (OVERHEAD + 100, 1, 100),
        (2 * OVERHEAD + 5000, 2, 5000),
        (10, 1, None),  # less than a record takes
        (10, 0, None),  # something was there, and no number is missing
    ],
)
def test_what_is_between_less_what_records_take(between: int, skipped: int, size: int | None) -> None:
    losses = Losses()
    losses.begin("client", 1000, ORIGIN, "gone")
    assert losses.close("client", side_at(10), 1000 + between, skipped) == Lost(size, ORIGIN, "gone")
    assert losses.close("client", side_at(10), 1000 + between, skipped) is None


def test_nothing_is_missing_where_nothing_is_between() -> None:
    losses = Losses()
    losses.begin("client", 1000, ORIGIN, "gone")
    assert losses.close("client", side_at(10), 1000, 0) is None


def test_the_first_that_is_lost_says_why_and_a_size_that_is_unknown_stays_unknown() -> None:
    losses = Losses()
    losses.begin("server", 1000, ORIGIN, "gone")
    losses.begin("server", 2000, LATER, "spoiled")
    losses.begin("server", -1, LATER, "spoiled")
    assert list(losses.rest()) == [("server", Lost(None, ORIGIN, "gone"))]
    assert losses.close("server", side_at(10), 3000, 1) == Lost(None, ORIGIN, "gone")
    assert repr(losses) == "<Losses from nobody>"


def test_numbers_of_tickets_and_ciphers_that_pad_tell_no_size() -> None:
    losses = Losses()
    losses.begin("server", 0, ORIGIN, "gone")
    assert losses.close("server", side_at(4), OVERHEAD + 100, 1) == Lost(None, ORIGIN, "gone")
    losses.begin("server", 0, ORIGIN, "gone")
    losses.forget_size("server")
    losses.forget_size("client")
    assert losses.close("server", side_at(10), OVERHEAD + 100, 1) == Lost(None, ORIGIN, "gone")
    assert SUITES[0xC013].kind == "cbc"
