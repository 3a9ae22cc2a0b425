"""The end of pipes that have none of their own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO, FileIO

import pytest

from rtmpsniff.capture.stop import LAST_CALL, Stop


@pytest.fixture
def stop() -> Iterator[Stop]:
    with closing(Stop()) as made:
        yield made


@pytest.fixture
def pipe() -> Iterator[tuple[FileIO, FileIO]]:
    reading, writing = os.pipe()
    with FileIO(reading) as source, FileIO(writing, "w") as target:
        yield source, target


Pipe = tuple[FileIO, FileIO]


def test_files_end_by_themselves(stop: Stop) -> None:
    with FileIO(__file__) as file:
        assert stop.over(file) is file
    memory = BytesIO(b"x")
    assert stop.over(memory) is memory
    assert not stop.ask()
    assert not stop.is_asked


def test_a_pipe_that_nobody_stops(stop: Stop, pipe: Pipe) -> None:
    source = stop.over(pipe[0])
    pipe[1].write(b"abc")
    assert source.read(2) == b"ab"
    assert source.read(2) == b"c"
    pipe[1].close()
    assert source.read(2) == b""
    assert not stop.ask()  # it has ended


def test_what_comes_in_time_is_read(stop: Stop, pipe: Pipe) -> None:
    source = stop.over(pipe[0])
    pipe[1].write(b"abc")
    assert stop.ask()
    assert source.read(2) == b"ab"
    assert source.read(2) == b"c"
    pipe[1].close()
    began = time.monotonic()
    assert source.read(2) == b""
    assert time.monotonic() - began < LAST_CALL


def test_it_ends_where_nothing_comes(stop: Stop, pipe: Pipe) -> None:
    source = stop.over(pipe[0])
    asked = threading.Timer(0.1, stop.ask)
    asked.start()
    began = time.monotonic()
    assert source.read(2) == b""  # it waits when it is asked for
    assert time.monotonic() - began >= LAST_CALL
    asked.join()
    assert not stop.ask()  # again


def test_it_ends_where_something_comes_for_ever(stop: Stop, pipe: Pipe) -> None:
    source = stop.over(pipe[0])
    stop.ask()
    end = time.monotonic() + 20 * LAST_CALL
    while time.monotonic() < end:
        pipe[1].write(b"abc")
        if source.read(9) == b"":
            return
    pytest.fail("it never ended")


def test_one_that_is_closed_is_not_waited_for(stop: Stop, pipe: Pipe) -> None:
    source = stop.over(pipe[0])
    assert repr(stop) == "<Stop of 1 pipes>"
    assert source.fileno() == pipe[0].fileno()
    source.close()
    assert source.closed
    assert not stop.ask()
