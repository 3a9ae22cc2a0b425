"""Sessions by server and id: how they are named, what ends them, how many there may be."""

from __future__ import annotations

import pytest

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin
from rtmpsniff.rtmp.events import Closed
from rtmpsniff.transport.connection import Connection
from rtmpsniff.transport.events import End
from rtmpsniff.transport.reassembly import Reassembler
from rtmpsniff.tunnel import sessions
from rtmpsniff.tunnel.inner import InnerConnection
from rtmpsniff.tunnel.sessions import Tokens, TunnelSession
from rtmpsniff.tunnel.tunnels import Tunnels
from tests.tunnel.talks import TunnelTalk, packets, read

ORIGIN = Origin(0, 1, 1)
KEY = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + (50000).to_bytes(2, "big") + (80).to_bytes(2, "big")


def carrier() -> Connection:
    return Connection(KEY, ORIGIN, True, {})


def session_of(token: str) -> TunnelSession:
    return TunnelSession(token, InnerConnection(carrier(), ORIGIN, "http"), Budget())


def test_what_it_says_of_itself() -> None:
    session = session_of("Ab12")
    assert session.connection.words == "RTMPT session Ab1..."
    for outer in (carrier(), carrier()):
        session.carry(outer, outer)
        session.carry(outer, outer)
    session.count()
    assert session.connection.words == "RTMPT session Ab1... over 2 TCP connections, 1 exchange"
    assert "Ab12" not in repr(session)


def test_it_is_over_when_nothing_more_can_come() -> None:
    session, outer = session_of("a"), carrier()
    session.carry(outer, outer)
    assert not session.is_over
    part = session.client.begin(0, ORIGIN)
    session.closing = True
    assert part is not None
    assert not session.is_over
    session.leave(outer, End(outer, ORIGIN, "reset", "server"))
    assert session.is_over
    assert session.ending == ("closed", "client")


def test_a_session_ends_once_and_its_id_is_remembered() -> None:
    tokens = Tokens(Budget(), {})
    session = session_of("a")
    key = session.connection.server, "a"
    tokens.sessions[key] = session
    (end,) = tokens.end(session, ORIGIN, "closed", "client")
    assert isinstance(end, End)
    assert list(tokens.end(session, ORIGIN, "closed", "client")) == []
    assert key in tokens.over


def test_a_flood_of_sessions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 20)
    talk = TunnelTalk()
    talk.pipes[0].open()
    for number in range(100):
        talk.exchange("/open/1", b"\0", b"id%d\n" % number, talk.pipes[0])
    tunnels = Tunnels()
    for _ in tunnels.run(Reassembler().run(packets(talk.frames))):
        assert len(tunnels.tokens.sessions) <= 20
        assert len(tunnels.tokens.over) <= 62
    ends = [event for event in read(talk.frames) if isinstance(event, Closed)]
    assert len(ends) == 100
    assert [end.reason for end in ends].count("evicted") == 80
