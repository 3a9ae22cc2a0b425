"""The thread that drains the ring: recording comes first, packets that wait are bounded, ticks come in a lull."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from rtmpsniff.capture.files import read
from rtmpsniff.capture.live import Capture
from rtmpsniff.capture.packet import TICK, Packet, Statistics, Uncut, uncut
from rtmpsniff.capture.recorder import Recorder
from rtmpsniff.errors import OutputError

PATIENCE = 10.0


class Script:
    """A source that gives these batches, then nothing."""

    def __init__(self, *batches: list[Packet]) -> None:
        self.batches = list(batches)
        self.packets = self.bytes = 0
        self.notices = ["eth0 went down"]
        self.closed = False
        self.error: Exception | None = None
        self.given = threading.Event()  # all of them

    def read(self, timeout: float) -> list[Uncut]:
        if self.batches:
            batch = self.batches.pop(0)
            self.packets += len(batch)
            self.bytes += sum(packet.wire_length for packet in batch)
            return list(uncut(batch))
        self.given.set()
        if self.error is not None:
            raise self.error
        time.sleep(min(timeout, 0.005))
        return []

    def statistics(self) -> Statistics:
        return Statistics(self.packets, 3)

    def close(self) -> None:
        self.closed = True


def batch(first: int, count: int, size: int = 100) -> list[Packet]:
    now = time.time_ns() - 10_000_000_000
    return [Packet(0, n, now + n, 1, bytes(size), size) for n in range(first, first + count)]


def until(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def numbers(packets: Iterator[Packet]) -> list[int]:
    return [packet.number for packet in packets if packet.link != TICK]


def test_packets_come_in_order_and_the_end_comes_when_it_is_asked_for() -> None:
    source = Script(batch(1, 3), batch(4, 2))
    with Capture(source) as capture:
        source.given.wait(PATIENCE)
        capture.stop()
        assert numbers(iter(capture)) == [1, 2, 3, 4, 5]
        assert capture.figures == (5, 500, 5, 3, 0)
    assert source.closed


def test_no_more_are_captured_than_were_received() -> None:
    """The kernel is asked once in a while; what was read since then has passed the filter too."""
    source = Script(batch(1, 3))
    with patch.object(source, "statistics", return_value=Statistics(1, 3)), Capture(source) as capture:
        source.given.wait(PATIENCE)
        assert capture.figures == (3, 300, 3, 3, 0)


def test_what_came_before_the_stop_is_read_after_it() -> None:
    source = Script(*(batch(n, 1) for n in range(1, 40)))
    with Capture(source) as capture:
        capture.stop()
        assert numbers(iter(capture)) == list(range(1, 40))


def test_a_tick_says_that_nothing_came_and_how_late_it_is() -> None:
    source = Script(batch(1, 2))
    with Capture(source) as capture:
        packets = iter(capture)
        assert [next(packets).number, next(packets).number] == [1, 2]
        ticks = [next(packets) for _ in range(3)]
    assert {(tick.number, tick.link, tick.data) for tick in ticks} == {(2, TICK, b"")}
    now = time.time_ns()
    assert ticks[-1].time + ticks[-1].wire_length <= now - 100_000_000  # what came since may still be in the ring
    assert ticks[-1].time + ticks[-1].wire_length > now - 2_000_000_000


def test_no_tick_comes_before_the_first_packet() -> None:
    with Capture(Script()) as capture:
        threading.Timer(0.3, capture.stop).start()
        assert list(capture) == []


def test_control_and_rest_are_called_while_nothing_comes() -> None:
    called: list[str] = []
    source = Script(batch(1, 1))
    with Capture(source, control=lambda: called.append("control"), rest=lambda: called.append("rest")) as capture:
        threading.Timer(0.5, capture.stop).start()
        list(capture)
    assert called.count("control") >= 3
    assert "rest" in called


def test_all_packets_are_kept_and_those_that_nobody_fetches_are_not_decoded(tmp_path: Path) -> None:
    source = Script(*(batch(1 + n * 10, 10) for n in range(50)))
    recorder = Recorder(str(tmp_path / "kept.pcap"), "eth0", 262_144)
    with Capture(source, recorder, most_waiting=20_000) as capture:
        source.given.wait(PATIENCE)  # nobody has fetched anything so far
        capture.stop()
        seen = numbers(iter(capture))
        figures = capture.figures
    assert seen == list(range(1, 51))
    assert (figures.packets, figures.not_decoded) == (500, 450)
    with read([str(tmp_path / "kept.pcap")]) as captures:
        assert len(list(captures)) == 500


def test_where_nothing_is_kept_reading_waits_for_decoding() -> None:
    source = Script(*(batch(1 + n * 10, 10) for n in range(50)))
    with Capture(source, most_waiting=20_000) as capture:
        time.sleep(0.3)
        assert source.batches  # they stay in the ring
        threading.Timer(1, capture.stop).start()
        assert numbers(iter(capture)) == list(range(1, 501))
        assert capture.figures.not_decoded == 0


def test_a_recorder_alone_hands_nothing_on(tmp_path: Path) -> None:
    source = Script(batch(1, 10))
    recorder = Recorder(str(tmp_path / "kept.pcap"), "eth0", 262_144)
    with Capture(source, recorder, decode=False) as capture:
        threading.Timer(0.3, capture.stop).start()
        assert list(capture) == []
    assert recorder.packets == 10


def test_who_goes_early_leaves_whole_files(tmp_path: Path) -> None:
    source = Script(*(batch(1 + n * 10, 10) for n in range(50)))
    recorder = Recorder(str(tmp_path / "kept.pcap"), "eth0", 262_144)
    with Capture(source, recorder) as capture:
        next(iter(capture))
    assert source.closed
    with read([str(tmp_path / "kept.pcap")]) as captures:
        assert len(list(captures)) == recorder.packets > 0
        assert captures.files[0].truncated == ""


def test_who_goes_early_is_not_waited_for() -> None:
    source = Script(*(batch(1 + n * 10, 10) for n in range(5000)))
    with Capture(source, most_waiting=20_000) as capture:
        time.sleep(0.1)
        next(iter(capture))
    assert source.closed


def test_what_goes_wrong_in_the_thread_is_raised_where_packets_are_awaited() -> None:
    source = Script(batch(1, 2))
    source.error = OutputError("kept.pcap: No space left on device")
    seen: list[Packet] = []
    with Capture(source) as capture, pytest.raises(OutputError, match="No space"):
        seen.extend(capture)
    assert numbers(iter(seen)) == [1, 2]


def test_notices_are_told_once() -> None:
    capture = Capture(Script())
    assert (capture.notices(), capture.notices()) == (["eth0 went down"], [])
    assert "0 batches wait" in repr(capture)
