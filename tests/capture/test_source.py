"""A source around another one."""

from __future__ import annotations

import os

import pytest

from rtmpsniff.capture.source import Around


def test_it_is_closed_and_waited_for_as_what_it_stands_around() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    inner = os.fdopen(reading, "rb", buffering=0)
    around = Around(inner)
    assert around.fileno() == reading
    assert not around.closed
    around.close()
    assert inner.closed
    assert around.closed
    with pytest.raises(ValueError, match="closed"):
        around.fileno()
