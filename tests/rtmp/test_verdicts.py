"""What is said of a handshake as a whole: versions that differ, digests without an answer, data that comes early."""

from __future__ import annotations

from typing import Any

import pytest

from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import (
    HANDSHAKE_COPY,
    HANDSHAKE_DIGEST,
    HANDSHAKE_EARLY,
    HANDSHAKE_ECHO,
    HANDSHAKE_ENCRYPTED,
    HANDSHAKE_VERSION,
    Finding,
    Severity,
)
from rtmpsniff.rtmp.events import Greeting, HandshakePart
from rtmpsniff.rtmp.verdicts import Verdicts
from rtmpsniff.transport.connection import Sender
from tests.build import ChunkWriter, greeting
from tests.conftest import MakeMessage
from tests.rtmp.feeding import HELLO, Cut, Turn, converse, findings, three_feedings
from tests.rtmp.test_handshake import digest_packet, fill, signed_packet

SENDERS: dict[HandshakePart, Sender] = {"C0 C1": "client", "S0 S1": "server", "S2": "server", "C2": "client"}
C1, S1 = greeting(0, 1), greeting(0, 2)
SIGNED_C1, SIGNED_S1 = digest_packet(1, "client", 772), digest_packet(2, "server", 772)


def made(part: HandshakePart, data: bytes, **changes: Any) -> Greeting:
    first = part in {"C0 C1", "S0 S1"}
    usual: dict[str, Any] = {"version": data[0] if first else None, "missing": ()}
    usual |= changes
    packet = list(SENDERS).index(part) + 1
    origin = Origin(0, packet, packet * 1_000)
    offset = 0 if first else 1537
    return Greeting(1, SENDERS[part], part, offset, data, usual["version"], "", None, usual["missing"], origin, origin)


def judged(*parts: Greeting) -> tuple[list[str], list[Finding]]:
    """The verdicts on the parts in their order, and what was found."""
    verdicts = Verdicts()
    events = [event for part in parts for event in verdicts.judge(part)]
    found = [event for event in events if isinstance(event, Finding)]
    assert all(one.connection == 1 and one.time and one.packet for one in found)
    return [event.verdict for event in events if isinstance(event, Greeting)], found


def exchange(c0: int, s0: int, c1: bytes = C1, s1: bytes = S1) -> tuple[Greeting, Greeting]:
    return made("C0 C1", bytes([c0]) + c1), made("S0 S1", bytes([s0]) + s1)


@pytest.mark.parametrize(
    ("c0", "s0", "severity"),
    [
        (3, 3, None),
        (6, 6, None),
        (6, 8, Severity.NOTE),
        (6, 9, Severity.NOTE),
        (6, 3, Severity.WARNING),
        (3, 6, Severity.WARNING),
    ],
)
def test_the_version_of_s0_holds(c0: int, s0: int, severity: Severity | None) -> None:
    """Another way to sign is worth a note; encryption that one side did not want is more."""
    _, found = judged(*exchange(c0, s0))
    assert [(one.rule, one.severity, one.sender) for one in found] == (
        [(HANDSHAKE_VERSION, severity, "server")] if severity else []
    )
    assert all(f"version {c0}, S0 answers with {s0}" in one.title for one in found)


def test_a_version_that_was_not_captured_differs_from_none() -> None:
    asked, answer = exchange(6, 3)
    unseen = made("S0 S1", answer.data, version=None, missing=((0, 1),))
    assert judged(asked, unseen)[1] == []


def test_a_server_that_falls_back() -> None:
    verdicts, (finding,) = judged(*exchange(3, 3, SIGNED_C1))
    assert verdicts == ["D772", "none"]
    assert (finding.rule, finding.severity, finding.sender, finding.packet) == (
        HANDSHAKE_DIGEST, Severity.NOTE, "server", 2,
    )  # fmt: skip


def test_a_digest_that_may_be_in_what_was_not_captured() -> None:
    asked, answer = exchange(3, 3, SIGNED_C1, SIGNED_S1)
    verdicts, found = judged(asked, made("S0 S1", answer.data, missing=((90, 95),)))
    assert (verdicts, found) == (["D772", "unseen"], [])


def test_a_copy_is_harmless() -> None:
    _, (finding,) = judged(*exchange(3, 3, C1, C1))
    assert (finding.rule, finding.severity) == (HANDSHAKE_COPY, Severity.NOTE)


def test_whoever_comes_first() -> None:
    """A server may send S0 and S1 before C1 is complete."""
    asked, answer = exchange(6, 8, C1, C1)
    _, found = judged(answer, asked)
    assert [one.rule for one in found] == [HANDSHAKE_VERSION, HANDSHAKE_COPY]
    assert {one.packet for one in found} == {1}


def test_an_echo_where_a_signature_is_asked_for() -> None:
    """ffmpeg as a publisher; librtmp's server and crtmpserver then hang up."""
    asked, answer = exchange(6, 6, SIGNED_C1, SIGNED_S1)
    s2 = made("S2", signed_packet(3, "server", SIGNED_C1[1210:1242]))
    verdicts, found = judged(asked, answer, s2, made("C2", SIGNED_S1))
    assert verdicts[2:] == ["signed", "echo"]
    assert [(one.rule, one.sender) for one in found] == [(HANDSHAKE_ENCRYPTED, ""), (HANDSHAKE_ECHO, "client")]
    plain = judged(*exchange(3, 3, SIGNED_C1, SIGNED_S1), s2, made("C2", SIGNED_S1))
    assert plain == (verdicts, [])


def test_a_reply_to_what_was_not_captured() -> None:
    asked, answer = exchange(3, 3)
    verdicts, found = judged(made("C0 C1", asked.data, missing=((40, 50),)), answer, made("S2", fill(5)))
    assert (verdicts, found) == (["unseen", "none", "unseen"], [])
    assert judged(answer, made("S2", fill(5)))[0] == ["none", "unseen"]


def test_once_it_is_over_nothing_is_kept() -> None:
    verdicts = Verdicts()
    for part in (*exchange(3, 3), made("S2", C1), made("C2", S1)):
        assert verdicts.unseen
        list(verdicts.judge(part))
    assert not verdicts.unseen
    assert not verdicts._questions


# Data before its time (§5.2.1)

AUDIO = b"".join(ChunkWriter().cut(4, 8, 1, 0, b"\xaf\x01\x02"))


def turns(*, client_is_early: bool, server_is_early: bool) -> list[Turn]:
    flights: list[Turn] = [("client", b"\3" + C1), ("server", b"\3" + S1)]
    s2: Turn = ("server", C1 + (AUDIO if server_is_early else b""))
    c2: Turn = ("client", S1 + (AUDIO if client_is_early else b""))
    replies = [s2, c2] if server_is_early else [c2, s2]
    return [*flights, *replies, ("client", AUDIO), ("server", AUDIO)]


@three_feedings
@pytest.mark.parametrize("early", [None, "client", "server"])
def test_data_before_the_reply(cut: Cut, early: str | None) -> None:
    found = findings(converse(turns(client_is_early=early == "client", server_is_early=early == "server"), cut))
    assert [(one.rule, one.sender, one.evidence[0].offset) for one in found] == (
        [(HANDSHAKE_EARLY, early, HELLO)] if early else []
    )


def test_a_capture_of_one_direction_blames_nobody(message: MakeMessage) -> None:
    verdicts = Verdicts()
    answer = made("S0 S1", b"\3" + S1)
    events = [*verdicts.judge(answer), *verdicts.judge(made("S2", C1))]
    verdicts.see(message(8, sender="server"))
    assert not [event for event in events if isinstance(event, Finding)]
    missing = made("C2", bytes(1536), missing=((0, 1536),))
    assert not [event for event in verdicts.judge(missing) if isinstance(event, Finding)]
