"""A handshake as a whole: its version, the four verdicts, and how long the server took to answer."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

import rtmpsniff
from rtmpsniff.analysis.handshake import Handshake, Handshakes
from rtmpsniff.capture.packet import Origin
from rtmpsniff.rtmp.events import Greeting, HandshakePart
from tests.build import greeting

CAPTURES = Path(__file__).parents[2] / "captures"


def part(name: HandshakePart, verdict: str, first: int, last: int, **changes: Any) -> Greeting:
    is_first = name in {"C0 C1", "S0 S1"}
    usual: dict[str, Any] = {"version": 3 if is_first else None, "software": bytes(4), "digest": None, "missing": ()}
    usual |= changes
    packet = greeting(0, 1, usual["software"])
    data = bytes([usual["version"] or 0]) + packet if is_first else packet
    return Greeting(
        changes.get("connection", 1), "client" if name[0] == "C" else "server", name, 0 if is_first else 1537, data,
        usual["version"], verdict, usual["digest"], usual["missing"], Origin(0, 1, first), Origin(0, 2, last),
    )  # fmt: skip


WHOLE = (
    part("C0 C1", "D8", 100, 110, software=bytes.fromhex("80000702"), digest=(403, 435)),
    part("S0 S1", "D772", 350, 360, software=bytes.fromhex("03050101"), digest=(1335, 1367)),
    part("S2", "signed", 365, 370),
    part("C2", "echo", 400, 410),
)


@pytest.mark.parametrize("parts", list(permutations(WHOLE)))
def test_the_parts_may_come_in_any_order(parts: tuple[Greeting, ...]) -> None:
    handshake = Handshake.of(parts)
    found = (handshake.version, handshake.c1, handshake.s1, handshake.c2, handshake.s2)
    assert found == (3, "D8", "D772", "echo", "signed")
    assert handshake.software == {"client": "128.0.7.2", "server": "3.5.1.1"}
    assert handshake.rtt == 240
    assert handshake.encryption is None


def test_what_never_came_is_unseen() -> None:
    assert Handshake.of([]) == Handshake(None, "unseen", "unseen", "unseen", "unseen", {})
    assert Handshake.of([]).rtt is None
    assert Handshake.of([]).encryption is None
    alone = Handshake.of(WHOLE[:1])
    assert (alone.version, alone.c1, alone.s1, alone.rtt) == (3, "D8", "unseen", None)


@pytest.mark.parametrize(
    ("c0", "s0", "version", "encryption"),
    [
        (3, 3, 3, None),
        (6, 6, 6, "RTMPE"),
        (6, 8, 8, "RTMPE with XTEA signatures"),
        (6, 3, 3, None),
        (3, 9, 9, "RTMPE with Blowfish signatures"),
        (6, None, 6, "RTMPE"),
        (None, 8, 8, "RTMPE with XTEA signatures"),
    ],
)
def test_the_version_is_that_of_s0(c0: int | None, s0: int | None, version: int, encryption: str | None) -> None:
    parts = (part("C0 C1", "none", 1, 2, version=c0), part("S0 S1", "none", 3, 4, version=s0))
    for order in permutations(parts):
        handshake = Handshake.of(order)
        assert (handshake.version, handshake.encryption) == (version, encryption)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("signed", "signed"),
        ("echo", "echo"),
        ("echo without time", "echo"),
        ("neither", "neither"),
        ("unseen", "unseen"),
    ],
)
def test_replies(verdict: str, said: str) -> None:
    handshake = Handshake.of([part("S2", verdict, 1, 2), part("C2", verdict, 1, 2)])
    assert (handshake.s2, handshake.c2) == (said, said)


@pytest.mark.parametrize(
    ("s1", "s2", "rtt"),
    [
        (350, 360, 240),
        (110, 360, 0),
        (105, 360, 250),
        (None, 360, 250),
        (350, None, 240),
        (105, 108, None),
    ],
    ids=["both later", "at once", "S1 before C1 was complete", "no S1", "no S2", "out of order"],
)
def test_the_round_trip(s1: int | None, s2: int | None, rtt: int | None) -> None:
    """S0 and S1 need not wait for C1, but S2 does."""
    parts = [WHOLE[0]]
    parts += [] if s1 is None else [part("S0 S1", "none", s1, s1 + 1)]
    parts += [] if s2 is None else [part("S2", "echo", s2, s2 + 1)]
    assert Handshake.of(parts).rtt == rtt


def test_an_answer_whose_beginning_was_never_captured_has_no_time() -> None:
    """What came of it may have been sent again much later."""
    answers = [
        part("S0 S1", "unseen", 350, 360, missing=((0, 9),)),
        part("S2", "unseen", 700, 710, missing=((0, 1536),)),
    ]
    assert Handshake.of([WHOLE[0], *answers]).rtt is None
    assert Handshake.of([WHOLE[0], answers[0], part("S2", "unseen", 700, 710, missing=((9, 99),))]).rtt == 590


def test_no_software_in_what_was_not_captured() -> None:
    damaged = part("C0 C1", "unseen", 1, 2, software=bytes.fromhex("03050101"), missing=((5, 7),))
    assert Handshake.of([damaged]).software == {}


def test_connections_do_not_mix_and_are_forgotten() -> None:
    handshakes = Handshakes()
    for event in (*WHOLE, part("C0 C1", "none", 1, 2, connection=2)):
        assert list(handshakes.see(event)) == []
    assert (handshakes.of(1).c1, handshakes.of(2).c1, handshakes.of(3).c1) == ("D8", "none", "unseen")
    handshakes.forget(1)
    handshakes.forget(3)
    assert (handshakes.of(1), handshakes.of(2).c1) == (Handshake(), "none")


def test_real_ones() -> None:
    def of(name: str) -> list[Handshake]:
        return [Handshake.of(one.greetings) for one in rtmpsniff.connections(CAPTURES / name)]

    (ffmpeg,) = of("ffmpeg-nginx-publish.pcap")
    assert (ffmpeg.c1, ffmpeg.s1, ffmpeg.c2, ffmpeg.s2) == ("D8", "D8", "echo", "signed")
    assert ffmpeg.software == {"client": "9.0.124.2", "server": "13.14.10.13"}
    assert ffmpeg.rtt is not None
    assert 0 < ffmpeg.rtt < 10_000_000
    assert [one.version for one in of("rtmpe-rtmpdump.pcap")] == [6, 8, 9]
