from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.capture.backward import Backward
from tests.capture.craft import NANO, capture_of, enhanced, interface, obsolete, pcap_header, record, section, simple

SECOND = 10**9

# Each makes a capture of packets at so many nanoseconds, which are whole microseconds.
FORMS: dict[str, Callable[[Sequence[int]], bytes]] = {
    "pcap": lambda times: (
        pcap_header() + b"".join(record(b"x", time // SECOND, time % SECOND // 1000) for time in times)
    ),
    "pcap in nanoseconds": lambda times: (
        pcap_header(magic=NANO) + b"".join(record(b"x", time // SECOND, time % SECOND) for time in times)
    ),
    "pcap with fractions of more than a second": lambda times: (
        pcap_header(magic=NANO)
        + b"".join(record(b"x", time // SECOND - 2, time % SECOND + 2 * SECOND) for time in times)
    ),
    "pcapng": lambda times: section() + interface() + b"".join(enhanced(b"x", time // 1000) for time in times),
    "pcapng of old": lambda times: section() + interface() + b"".join(obsolete(b"x", time // 1000) for time in times),
    "pcapng with packets without a time": lambda times: (
        section() + interface() + b"".join(enhanced(b"x", time // 1000) for time in times) + simple(b"x")
    ),
}


def farthest(times: Sequence[int]) -> tuple[int, int] | None:
    steps = [(number, before - after) for number, (before, after) in enumerate(pairwise(times), 2)]
    greatest = max((distance for _, distance in steps), default=0)
    return next((step for step in steps if step[1] == greatest), None) if greatest > 0 else None


@pytest.mark.parametrize("form", FORMS)
@given(
    times=st.lists(st.integers(0, 5_000_000).map(lambda time: 7 * SECOND + time * 1000), max_size=30),
    size=st.sampled_from([1, 30, 100, 10**6]),
)
def test_the_farthest_step_back(form: str, times: list[int], size: int) -> None:
    data = FORMS[form](times)
    capture = capture_of(data, [size] * len(data))
    assert [packet.time for packet in capture][: len(times)] == times
    assert capture.backward == farthest(times)


def test_of_equal_steps_the_first_is_named() -> None:
    backward = Backward()
    for number, distance in ((2, 0), (3, 5), (4, 5), (5, -1), (6, 4)):
        backward.note(number, distance)
    assert repr(backward) == "<Backward by 5 ns at packet 3>"
