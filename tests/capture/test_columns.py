"""Which end of a group comes first, by the column of text."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.columns import is_swapped, straight, swapped


def test_groups_in_both_orders() -> None:
    assert straight("0300 00e4 14") == bytes.fromhex("030000e414")
    assert swapped("0300 00e4 14") == bytes.fromhex("0003e40014")
    assert swapped("0x030000e4\t0x14000000") == bytes.fromhex("e400000300000014")


@pytest.mark.parametrize(
    ("groups", "behind", "order"),
    [
        ("636f6e6e 656374", "  connect", False),
        ("6e6e6f63 746365", "  connect", True),
        ("6e6e6f63 746365", "  |connect|", True),
        ("6e6e6f63 746365", "  CONNECT", None),
        ("6e6e6f63 746365", "", None),
        ("6e6e6f63 746365", "   ", None),
        ("00000003 14e40000", "  ........", None),
        ("61616161 62626262", "  aaaabbbb", None),  # the same from both ends
        ("2e2e5c5b 00000000", "  [\\......", True),
    ],
)
def test_the_column_tells(groups: str, behind: str, order: bool | None) -> None:
    assert is_swapped([(groups, behind)]) is order


def test_all_rows_are_asked() -> None:
    rows = [("00000003", "  ...."), ("6e6e6f63", "  conn"), ("61616161", "  aaaa")]
    assert is_swapped(rows) is True
    assert is_swapped([*rows, ("636f6e6e", "  conn"), ("636f6e6e", "  conn")]) is False
    assert is_swapped([]) is None
