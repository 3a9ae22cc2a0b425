"""Which way a connection goes: what is no tunnel goes by as it is, to the last event."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest

from rtmpsniff.transport.events import Begin, End, Hole, Piece
from rtmpsniff.transport.reassembly import Reassembler
from rtmpsniff.transport.udp import Datagram
from rtmpsniff.tunnel.inner import Event
from rtmpsniff.tunnel.tunnels import Tunnels
from tests.build import Conversation, Frame, Talk, session
from tests.tunnel.hellos import hello_of_client
from tests.tunnel.talks import SecureTalk, TunnelTalk, packets


def told(events: Iterable[Event | Datagram]) -> list[object]:
    """What stands in events, so that two runs can be compared."""
    said: list[object] = []
    for event in events:
        match event:
            case Piece():
                said.append((event.flow.sender, event.offset, event.data, [number for _, number, _ in event.places]))
            case Hole():
                said.append((event.flow.sender, event.offset, event.size, event.reason))
            case Begin() | End():
                said.append((type(event).__name__, event.connection.name, event.origin))
    return said


def below(frames: Iterable[Frame]) -> list[object]:
    return told(Reassembler().run(packets(frames)))


def above(frames: Iterable[Frame]) -> tuple[list[object], Tunnels]:
    tunnels = Tunnels()
    return told(tunnels.run(Reassembler().run(packets(frames)))), tunnels


def of(port: int, *parts: bytes) -> list[Frame]:
    """A connection on which the client says these, and the server OK."""
    talk = Conversation(server=("10.0.0.2", port))
    talk.open()
    for part in parts:
        talk.client(part)
    talk.server(b"OK\r\n")
    talk.close()
    return talk.frames


PLAIN = {
    "rtmp": session(Talk()).frames,
    "web": of(80, b"GET / HTTP/1.1\r\n\r\n"),
    "posts": of(80, b"POST /form HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
    "almost": of(80, b"POST /ope", b"ra HTTP/1.1\r\n\r\n"),
    "a hello and no more": of(443, hello_of_client()),
    "half a hello": of(443, hello_of_client()[:4]),
    "nothing": of(443),
    "one byte a segment": of(80, *[bytes([byte]) for byte in b"POST /opera"]),
    "random": of(9999, Random(1).randbytes(3000)),
}


@pytest.mark.parametrize("port", [None, 1935])
@pytest.mark.parametrize("frames", PLAIN.values(), ids=PLAIN)
def test_what_is_no_tunnel_goes_by_as_it_is(frames: list[Frame], port: int | None) -> None:
    if port is not None:
        frames = [frame._replace(data=frame.data) for frame in frames]
    after, tunnels = above(frames)
    assert sorted(map(repr, after)) == sorted(map(repr, below(frames)))
    assert [each for each in after if isinstance(each, tuple) and each[0] == "client"] == [
        each for each in below(frames) if isinstance(each, tuple) and each[0] == "client"
    ]
    assert tunnels.watched == {}


@pytest.mark.parametrize("drop", range(3, 12))
def test_a_hole_at_the_beginning_is_passed_on(drop: int) -> None:
    frames = session(Talk()).frames
    del frames[drop]
    after, tunnels = above(frames)
    assert after == below(frames)
    assert tunnels.watched == {}


def test_a_connection_that_began_before_the_capture() -> None:
    frames = session(Talk()).frames[20:]
    assert above(frames)[0] == below(frames)


@pytest.mark.parametrize("step", [1, 3, 10])
def test_a_tunnel_is_known_however_its_first_bytes_come(step: int) -> None:
    talk = TunnelTalk()
    for pipe in talk.pipes:
        pipe.mss = step
    talk.open()
    talk.send("client", b"\x03" + bytes(20))
    after, _ = above(talk.frames)
    data = b"".join(each[2] for each in after if isinstance(each, tuple) and each[0] == "client" and len(each) == 4)
    assert data == b"\x03" + bytes(20)


def test_roles_are_seen_by_who_greets() -> None:
    """A late capture guesses the client by its port; the one that says ClientHello is it."""
    talk = SecureTalk(port=50001)
    talk.open()
    talk.client(b"x")
    events = list(Tunnels(keys=talk.keys).run(Reassembler().run(packets(talk.frames[3:]))))
    (piece,) = [event for event in events if isinstance(event, Piece)]
    assert (piece.flow.sender, piece.data) == ("client", b"x")
    assert piece.flow.connection.client.port == 50000


def test_nothing_is_left_behind() -> None:
    frames = [frame for talk in (SecureTalk(), TunnelTalk(), Talk()) for frame in session(talk).frames]
    tunnels = Tunnels()
    events = list(tunnels.run(Reassembler().run(packets(frames))))
    assert tunnels.watched == {}
    assert tunnels.tokens.sessions == {}
    assert tunnels.budget.held == 0
    assert sum(isinstance(event, Begin) for event in events) == sum(isinstance(event, End) for event in events)


def test_who_meets_no_tunnel_imports_none() -> None:
    capture = Path(__file__).parents[2] / "captures" / "connect-228.pcap"
    command = [sys.executable, "-X", "importtime", "-m", "rtmpsniff", "read", str(capture)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=capture.parents[1])
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    mine = {name.removeprefix("rtmpsniff.tunnel.") for name in imported if name.startswith("rtmpsniff.tunnel.")}
    assert mine == {"beginnings", "inner", "keylog", "tunnels"}
