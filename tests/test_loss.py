"""Packets are taken away from whole captures, and what is left is read: how much of it is right.

The figures are pooled over all captures, and over 20 seeds for each kind of damage. `python -m tests.loss CAPTURE...`
shows them one by one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import pytest

from rtmpsniff.capture.files import read
from tests.loss import DAMAGES, Score, decode, measure, score, thinned

OWN: Final = Path(__file__).parents[1] / "captures"
SHARED: Final = Path(__file__).parents[2] / "shared" / "captures" / "made"
SEEDS: Final = 20
TURNS: Final = 5  # of the shared captures, which are large, each seed gets every fifth one

# Nothing is lost in these to begin with, and the connections in them are RTMP.
WHOLE: Final = (
    "amf3.pcap", "extended-timestamp.pcap", "ffmpeg-nginx-play.pcap", "ffmpeg-nginx-publish.pcap",
    "gstreamer-nginx.pcap", "ipv6-sll2.pcapng", "node-media-server-publish.pcap", "other-port.pcap",
    "refusals-nginx.pcap", "rtmpdump-nginx-vod.pcap", "shared-object.pcap",
)  # fmt: skip
SHARED_WHOLE: Final = ("0[1-8]*", "1[01]*", "1[7-9]*", "20*", "25*", "2[7-9]*", "30*", "3[56]*")

# Of the messages whose bytes are all there, the share that is read right; and of those told, the wrong ones.
LEAST_RIGHT: Final = {"1 in 1000": 0.995, "1 in 100": 0.97, "1 in 20": 0.85, "bursts, 1 in 100": 0.97}
MOST_WRONG: Final = 1 / 2000


@cache
def figures() -> dict[str, Score]:
    """The pooled scores by the kind of damage."""
    scores = measure([OWN / name for name in WHOLE], range(SEEDS))
    shared = sorted(path for pattern in SHARED_WHOLE for path in SHARED.glob(f"{pattern}.pcap"))
    for number, capture in enumerate(shared):
        more = measure([capture], range(number % TURNS, SEEDS, TURNS))
        scores = {name: one + more[name] for name, one in scores.items()}
    return scores


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_left_is_read_right(damage: str) -> None:
    one = figures()[damage]
    assert one.present > 10_000
    assert one.right >= LEAST_RIGHT[damage] * one.present, one


def test_hardly_anything_is_told_that_was_never_said() -> None:
    scores = figures().values()
    assert sum(one.wrong for one in scores) <= MOST_WRONG * sum(one.told for one in scores), figures()


@pytest.mark.parametrize("name", WHOLE)
def test_where_nothing_is_lost_all_is_right(name: str) -> None:
    packets = list(read([str(OWN / name)]))
    whole = decode(packets)
    one = score(whole, decode(thinned(packets, 0, 0)))
    assert one.present == one.right > 0
    assert one.told >= one.present  # there are some that were broken off
    assert not one.wrong


def test_what_is_wrong_is_seen() -> None:
    """The measure itself: a message with another payload is not right, and one that was never said is wrong."""
    packets = list(read([str(OWN / "other-port.pcap")]))
    whole, other = decode(packets), decode(packets)
    side, messages = next((side, messages) for side, messages in other.said.items() if len(messages) > 2)
    first, second, *_ = messages
    messages[first] = messages[first]._replace(told=messages[first].told._replace(payload=b"?"))
    messages[second + 1] = messages.pop(second)
    one = score(whole, other)
    assert one.present - one.right == one.wrong == 2
    assert whole.said[side] != messages
