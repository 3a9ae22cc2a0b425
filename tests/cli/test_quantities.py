"""Sizes and spans of time as people write them."""

from __future__ import annotations

import click
import pytest

from rtmpsniff.cli.quantities import DurationParameter, SizeParameter


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("0.5", 0.5), ("10s", 10), ("10m", 600), ("1.5h", 5400), ("2d", 172_800)],
)
def test_durations(text: str, seconds: float) -> None:
    assert DurationParameter().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1000", 1000),
        ("1000B", 1000),
        ("500k", 512_000),
        ("500K", 512_000),
        ("100M", 104_857_600),
        ("1.5MiB", 1_572_864),
        ("2GB", 2_147_483_648),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert SizeParameter().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "0", "0m", "-5", "ten", "5 m", "5w", "1e3", "nan", "9" * 400, "٣"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no duration"):
        DurationParameter().convert(text, None, None)


@pytest.mark.parametrize("text", ["", "0", "0M", "0.1", "-5", "ten", "5 M", "5T", "9" * 400])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no size"):
        SizeParameter().convert(text, None, None)
