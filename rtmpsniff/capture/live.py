"""Live capture: a thread drains the kernel's ring, keeps the packets where that is asked for, and hands them on.

Recording comes first: the thread does nothing else, and the packets that wait for whoever decodes them are bounded.
When decoding falls behind, packets that are kept are left out of it, and counted; where none are kept the thread waits,
and the ring behind it is what gives decoding time, until the kernel drops and counts.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from itertools import chain
from operator import itemgetter
from typing import Final, NamedTuple, Protocol

from rtmpsniff.capture.packet import Packet, Statistics, Uncut, cut, tick, time_of, uncut
from rtmpsniff.capture.recorder import Recorder

PATIENCE: Final = 0.1  # s; how often somebody looks at the clock where no packet comes
SETTLED: Final = 100_000_000  # ns: what came longer ago than this the kernel has handed over (its timer has 50 ms)
MOST_WAITING: Final = 64 << 20  # bytes of packets that wait to be decoded
_block_of: Final[Callable[[Uncut], bytes]] = itemgetter(2)
_OVERHEAD: Final = 300  # bytes that a waiting packet costs beside its own


class Source(Protocol):
    """What packets are read from: the ring of Linux, or the sockets of another system."""

    @property
    def packets(self) -> int: ...  # read so far
    @property
    def bytes(self) -> int: ...  # of those, on the wire
    @property
    def notices(self) -> list[str]: ...  # what happened to the interfaces

    def read(self, timeout: float) -> list[Uncut]: ...
    def statistics(self) -> Statistics: ...
    def close(self) -> None: ...


class Figures(NamedTuple):
    """What a live capture has come to so far."""

    packets: int
    bytes: int
    received: int  # by the filter
    dropped: int  # by the kernel
    not_decoded: int  # kept, but left out of decoding


class Capture:
    """A running live capture: iterate it for its packets, with ticks among them, until it is stopped.

    `control` is called about every `PATIENCE` seconds by whoever iterates, between packets; `rest` when all packets
    that came were dealt with and the next are awaited. `stop` ends the capture once what came before it is read.
    Without `decode` nothing is handed on and packets are only kept. What goes wrong in the thread is raised where it is
    iterated. `clock` gives the time of day in ns.
    """

    def __init__(
        self,
        source: Source,
        recorder: Recorder | None = None,
        *,
        decode: bool = True,
        control: Callable[[], None] = lambda: None,
        rest: Callable[[], None] = lambda: None,
        clock: Callable[[], int] = time.time_ns,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._source = source
        self._recorder = recorder
        self.decodes = decode
        self._is_left = False  # nobody iterates any more
        self._control = control
        self._rest = rest
        self._clock = clock
        self._most_waiting = most_waiting
        self._batches: deque[tuple[list[Uncut], int]] = deque()  # and their weights
        self._waiting = 0  # bytes in `_batches`
        self._changed = threading.Condition()
        self._stop_at: int | None = None  # when it was asked to stop
        self._over = False
        self._error: Exception | None = None
        self._not_decoded = 0
        self._statistics = Statistics(0, 0)
        self._next_count = 0.0
        self.times: tuple[int | None, int | None] = (None, None)  # of the first and the last packet read, ns
        self._settled = 0  # ns since the epoch: all packets up to here were handed on
        self._thread = threading.Thread(target=self._drain, name="capture", daemon=True)

    def __repr__(self) -> str:
        return f"<Capture of {self._source!r}, {len(self._batches)} batches wait{', over' * self._over}>"

    def __enter__(self) -> Capture:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop at once; what is to be kept is kept."""
        self.stop()
        with self._changed:
            self._is_left = True
            self._changed.notify_all()
        self._thread.join()
        self._source.close()

    def __iter__(self) -> Iterator[Packet]:
        return map(cut, self.uncut())

    def uncut(self) -> Iterator[Uncut]:
        """The packets as transport takes them."""
        return chain.from_iterable(self._handed_on())

    def stop(self) -> None:
        """Ask for the end."""
        if self._stop_at is None:
            self._stop_at = self._clock()

    @property
    def figures(self) -> Figures:
        source, (received, dropped) = self._source, self._statistics
        # The kernel was asked for these a while ago; what was read since then has passed the filter too.
        received = max(received, source.packets)
        return Figures(source.packets, source.bytes, received, dropped, self._not_decoded)

    def notices(self) -> list[str]:
        """What happened to the interfaces since this was last asked."""
        told = list(self._source.notices)
        del self._source.notices[: len(told)]
        return told

    def _handed_on(self) -> Iterator[list[Uncut]]:
        """Batches of packets; a tick where no more are there, so that what was read is dealt with at once."""
        last: Uncut | None = None
        next_control = 0.0
        while True:
            if next_control <= time.monotonic():
                self._control()
                next_control = time.monotonic() + PATIENCE
            batch = self._next()
            if batch:
                last = batch[-1]
                yield batch
            elif self._over:
                break
            if last is not None and not self._batches:
                yield list(uncut([tick(cut(last), self._settled)]))
                self._rest()
        self._control()
        if self._error is not None:
            raise self._error

    def _next(self) -> list[Uncut]:
        with self._changed:
            if not self._batches and not self._over:
                self._changed.wait(PATIENCE)
            if not self._batches:
                return []
            batch, weight = self._batches.popleft()
            self._waiting -= weight
            self._changed.notify_all()
            return batch

    # The thread.

    def _drain(self) -> None:
        try:
            with nullcontext() if self._recorder is None else closing(self._recorder):
                self._read_until_stopped()
        except Exception as error:
            self._error = error
        finally:
            self._statistics = self._source.statistics()
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _read_until_stopped(self) -> None:
        source, recorder = self._source, self._recorder
        while True:
            before = self._clock()
            batch = source.read(PATIENCE)
            if batch:
                first, _ = self.times
                self.times = time_of(batch[0]) if first is None else first, time_of(batch[-1])
                if recorder is not None:
                    recorder.write(batch)
                if self.decodes and not self._is_left:
                    self._hand_on(batch)
            else:
                self._settled = before - SETTLED
            self._count()
            if self._stop_at is not None and self._is_drained(self._stop_at, batch):
                return

    def _count(self) -> None:
        if self._next_count <= time.monotonic():
            self._statistics = self._source.statistics()
            self._next_count = time.monotonic() + PATIENCE

    def _is_drained(self, stop_at: int, batch: list[Uncut]) -> bool:
        """Whether what came before the stop was read; the kernel keeps a block until it is full or its time is up."""
        if batch:
            return time_of(batch[-1]) > stop_at
        return self._clock() > stop_at + SETTLED

    def _hand_on(self, batch: list[Uncut]) -> None:
        weight = _weight(batch)
        with self._changed:
            while self._batches and self._waiting + weight > self._most_waiting and not self._is_left:
                if self._recorder is not None:
                    self._not_decoded += len(batch)
                    return
                self._changed.wait(PATIENCE)
                self._count()
            self._batches.append((batch, weight))
            self._waiting += weight
            self._changed.notify_all()


def _weight(batch: list[Uncut]) -> int:
    """What a batch costs while it waits: packets that stand in one block keep all of it."""
    blocks = list(map(_block_of, batch))
    lengths = dict(zip(map(id, blocks), map(len, blocks), strict=True))
    return sum(lengths.values()) + _OVERHEAD * len(batch)
