"""RTMPT: one session whatever carries it, its order, what is lost or said twice, what is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from random import Random
from time import perf_counter

import pytest

from rtmpsniff.budget import Budget
from rtmpsniff.dissect import Dissection
from rtmpsniff.findings import RTMPT_REFUSED, Finding
from rtmpsniff.rtmp.events import Closed, Event, Exchange, Greeting, Message, Opened
from rtmpsniff.rtmp.session import Sessions
from rtmpsniff.text import plural
from rtmpsniff.transport.events import Hole, Piece
from rtmpsniff.transport.reassembly import Reassembler
from rtmpsniff.tunnel.sequence import LONGEST_WAIT, MOST_AHEAD
from rtmpsniff.tunnel.tunnels import Tunnels
from tests.build import Conversation, Sender, session
from tests.tunnel.talks import SecureTalk, TunnelTalk, by_sender, inside, packets, read, said, sent


def closed(events: Iterable[Event]) -> list[Closed]:
    return [event for event in events if isinstance(event, Closed)]


def findings(events: Iterable[Event]) -> list[Finding]:
    return [event for event in events if isinstance(event, Finding)]


def exchanges(events: Iterable[Event]) -> list[Exchange]:
    return [event for event in events if isinstance(event, Exchange)]


MAKERS: dict[str, Callable[[], TunnelTalk]] = {
    "plain": TunnelTalk,
    "chunked": lambda: TunnelTalk(chunked=True),
    "three connections": lambda: TunnelTalk(carriers=3),
    "a hinted port": lambda: TunnelTalk(port=1935),
    "continue": lambda: TunnelTalk(response=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"),
    "a bare head": lambda: TunnelTalk(response=b"HTTP/1.0 200\n"),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_session(make: Callable[[], TunnelTalk]) -> None:
    talk = make()
    session(talk)
    events = read(talk.frames)
    assert by_sender(said(events)) == by_sender(sent(talk))
    assert findings(events) == []
    (end,) = closed(events)
    assert end.variant == "rtmpt"
    assert (end.reason, end.closer) == ("closed", "client")
    over = plural(len(talk.pipes), "TCP connection")
    assert end.through == f"RTMPT session Ab1... over {over}, {talk.number + 1} exchanges"
    assert sum(isinstance(event, Opened) for event in events) == 1
    assert [event.verdict for event in events if isinstance(event, Greeting)][-2:] != []


def test_inside_tls() -> None:
    for port in (443, 1935):
        outer = SecureTalk(port=port)
        talk = TunnelTalk(base=[outer], port=port)
        session(talk)
        events = read(talk.frames, outer.keys)
        assert by_sender(said(events)) == by_sender(sent(talk))
        (end,) = closed(events)
        assert end.variant == "rtmpts"
        assert end.tls is not None
        assert end.tls.decrypted


def test_several_carriers_of_a_hinted_port() -> None:
    """Those that were shown before their first byte say whose session they carry."""
    talk = TunnelTalk(carriers=3, port=1935)
    session(talk)
    events = read(talk.frames)
    assert by_sender(said(events)) == by_sender(sent(talk))
    ends = closed(events)
    assert {end.variant for end in ends} == {"rtmpt"}
    assert sorted(end.through for end in ends)[1:] == ["carries RTMPT session Ab1..."] * 2


def test_once_a_server_is_known_its_connections_are_shown_as_sessions() -> None:
    first, second = TunnelTalk("one", port=1935), TunnelTalk("two", port=1935)
    session(first)
    second.time = first.time
    second.pipes = [Conversation(("10.0.0.1", 50100 + each), ("10.0.0.2", 1935)) for each in range(2)]
    for pipe in second.pipes:
        pipe.frames = second.frames
    session(second)
    events = read([*first.frames, *second.frames])
    assert len(closed(events)) == sum(isinstance(event, Opened) for event in events) == 2
    assert [end.through.partition(" over")[0] for end in closed(events)] == ["RTMPT session one", "RTMPT session two"]


def test_sessions_of_two_servers_with_one_id_are_two() -> None:
    first, second = TunnelTalk(port=80), TunnelTalk(port=8080)
    session(first)
    second.time = first.time
    session(second)
    events = read([*first.frames, *second.frames])
    assert len(closed(events)) == 2
    assert said(events) == said(read(first.frames)) * 2


def test_exchanges() -> None:
    talk = TunnelTalk()
    session(talk)
    found = exchanges(read(talk.frames))
    assert len(found) == talk.number + 1
    assert (found[0].path, found[0].status, found[0].request_length, found[0].interval) == ("/open/1", 200, 1, None)
    assert (found[1].path, found[1].request_length, found[1].response_length, found[1].interval) == (
        "/send/Ab1.../0",
        1537,
        1,
        1,
    )
    assert found[-1].path == f"/close/Ab1.../{talk.number - 1}"
    assert all(each.first.time <= each.last.time for each in found)
    assert "Ab12Cd" not in repr(found)


def test_messages_know_the_packets_that_brought_them() -> None:
    talk = TunnelTalk()
    session(talk)
    for message in (event for event in read(talk.frames) if isinstance(event, Message)):
        last = talk.frames[message.last.packet - 1].data
        assert message.payload[-8:] in last
        assert talk.frames[message.last.packet - 1].time == message.last.time


# Order


def put(pipe: Conversation, talk: TunnelTalk, kind: str, number: int, body: bytes, answer: bytes = b"\x01") -> None:
    talk.exchange(f"/{kind}/{talk.token}/{number}", body, answer, pipe)


def test_numbers_out_of_order_over_two_connections() -> None:
    talk = TunnelTalk(carriers=2)
    talk.open()
    for number in (0, 2, 1, 4, 3, 5):
        put(talk.pipes[number % 2], talk, "send", number, b"%d" % number * 10, b"\x01" + b"%d" % number)
    pieces = inside(talk.frames)
    client = b"".join(each.data for each in pieces if isinstance(each, Piece) and each.flow.sender == "client")
    server = b"".join(each.data for each in pieces if isinstance(each, Piece) and each.flow.sender == "server")
    assert client == b"".join(b"%d" % number * 10 for number in range(6))
    assert server == b"012345"
    assert not [each for each in pieces if isinstance(each, Hole)]


def test_what_is_sent_twice_counts_once() -> None:
    talk = TunnelTalk(carriers=2)
    talk.open()
    for number in (0, 1, 1, 0, 2, 2):
        put(talk.pipes[number % 2], talk, "send", number, b"%d" % number, b"\x01" + b"%d" % number)
    pieces = inside(talk.frames)
    for sender in ("client", "server"):
        data = b"".join(each.data for each in pieces if isinstance(each, Piece) and each.flow.sender == sender)
        assert data == b"012"


@pytest.mark.parametrize("more", [1, MOST_AHEAD + 5])
def test_a_number_that_never_comes_is_a_hole(more: int) -> None:
    talk = TunnelTalk()
    talk.open()
    put(talk.pipes[0], talk, "send", 0, b"a", b"\x01x")
    for number in range(2, 2 + more):
        put(talk.pipes[0], talk, "send", number, b"b", b"\x01y")
    pieces = inside(talk.frames)
    for sender, first in (("client", b"a"), ("server", b"x")):
        mine = [each for each in pieces if each.flow.sender == sender]
        assert isinstance(mine[0], Piece)
        assert mine[0].data == first
        assert isinstance(mine[1], Hole)
        assert mine[1].size is None
        assert len(mine) == 2 + more
    talk.close()
    told = [finding.title for finding in findings(read(talk.frames)) if "exchange" in finding.title]
    assert told != []


def test_a_number_that_comes_after_long_is_not_waited_for() -> None:
    talk = TunnelTalk()
    talk.open()
    put(talk.pipes[0], talk, "send", 0, b"a")
    put(talk.pipes[0], talk, "send", 2, b"c")
    talk.time += LONGEST_WAIT
    put(talk.pipes[0], talk, "send", 3, b"d")
    put(talk.pipes[0], talk, "send", 1, b"b")
    pieces = [each for each in inside(talk.frames) if each.flow.sender == "client"]
    assert [each.data if isinstance(each, Piece) else each.size for each in pieces] == [b"a", None, b"c", b"d"]


def test_pipelined_requests() -> None:
    talk = TunnelTalk()
    talk.open()
    pipe = talk.pipes[0]
    pipe.client(b"".join(talk.request(f"/send/Ab12Cd/{number}", b"%d" % number) for number in range(5)))
    pipe.server(b"".join(talk.answer(b"\x01" + b"%d" % number) for number in range(5)))
    for sender in ("client", "server"):
        pieces = [each for each in inside(talk.frames) if each.flow.sender == sender]
        assert b"".join(each.data for each in pieces if isinstance(each, Piece)) == b"01234"


def test_a_response_that_comes_before_its_request() -> None:
    """Captures show that; the request waits for a segment that comes late."""
    talk = TunnelTalk()
    session(talk)
    events = read(talk.frames)
    frames = list(talk.frames)
    starts = [number for number, frame in enumerate(frames) if b"POST /send" in frame.data]
    for start in starts[3::4]:
        frames[start], frames[start + 1] = frames[start + 1], frames[start]
    assert by_sender(said(read(frames))) == by_sender(said(events))


def test_a_session_that_began_before_the_capture() -> None:
    talk = TunnelTalk()
    session(talk)
    at = next(number for number, frame in enumerate(talk.frames) if b"/Ab12Cd/4" in frame.data)
    events = read(talk.frames[at:])
    (end,) = closed(events)
    assert end.variant == "rtmpt"
    assert not next(event for event in events if isinstance(event, Opened)).whole
    assert said(events) == [] or set(said(events)) <= set(sent(talk))


def test_a_client_alone() -> None:
    talk = TunnelTalk()
    session(talk)
    frames = [frame for frame in talk.frames if frame.data[26:30] == bytes([10, 0, 0, 1])]
    events = read(frames)
    assert by_sender(said(events))["client"] == by_sender(sent(talk))["client"]


def test_a_session_that_nobody_closes_ends_with_its_connections() -> None:
    talk = TunnelTalk()
    talk.greet()
    talk.command("client", 3, 0, "call", 1)
    for pipe in talk.pipes:
        pipe.reset("server")
    (end,) = closed(read(talk.frames))
    assert (end.reason, end.closer) == ("reset", "server")


def test_the_server_refuses() -> None:
    talk = TunnelTalk()
    talk.greet()
    put(talk.pipes[0], talk, "send", talk.number, b"x")
    talk.response = b"HTTP/1.1 404 Not\x1b[31m Found\r\n"
    put(talk.pipes[0], talk, "idle", talk.number + 1, b"\0", b"no such session")
    (finding,) = [each for each in findings(read(talk.frames)) if each.rule is RTMPT_REFUSED]
    assert finding.sender == "server"
    assert "404 Not" in finding.title
    assert "\x1b" not in finding.title
    pieces = [each for each in inside(talk.frames) if each.flow.sender == "server"]
    assert b"no such" not in b"".join(each.data for each in pieces if isinstance(each, Piece))


# Holes


@pytest.mark.parametrize("seed", range(30))
def test_a_hole_leaves_the_rest_where_it_was(seed: int) -> None:
    """No byte behind a hole is taken for another request's: what each direction says goes on at a place it had."""
    random = Random(seed)
    talk = TunnelTalk(carriers=random.choice([1, 2]))
    session(talk, video=30)
    whole: dict[Sender, bytes] = {"client": b"", "server": b""}
    for each in inside(talk.frames):
        assert isinstance(each, Piece)
        whole[each.flow.sender] += each.data
    at = random.randrange(20, len(talk.frames) - 10)
    frames = [*talk.frames[:at], *talk.frames[at + random.randrange(1, 3) :]]
    lost = 0
    for sender in whole:
        place = 0
        for each in (each for each in inside(frames) if each.flow.sender == sender):
            if isinstance(each, Piece):
                found = whole[each.flow.sender].find(each.data, place)
                assert found >= place
                place = found + len(each.data)
            else:
                lost += 1
    assert lost <= 3


def test_a_hole_in_a_body_has_its_size() -> None:
    talk = TunnelTalk()
    talk.greet()
    talk.set_chunk_size("client", 65536)
    talk.say("client", 6, 9, 1, 0, bytes(20_000))
    talk.command("client", 3, 0, "call", 1)
    big = [number for number, frame in enumerate(talk.frames) if len(frame.data) > 1500]
    del talk.frames[big[-5]]
    events = read(talk.frames)
    (hole,) = [each for each in inside(talk.frames) if isinstance(each, Hole)]
    assert hole.size == 1448
    _, damaged, after = [event for event in events if isinstance(event, Message)]
    assert (damaged.state, after.state) == ("damaged", "whole")


# What is none, and floods


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /api/x HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi",
        b"GET /open/1 HTTP/1.1\r\n\r\n",
        b"POST /opening HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("step", [1, 4, 1000])
def test_http_that_is_no_rtmpt(request_: bytes, step: int) -> None:
    talk = Conversation(server=("10.0.0.2", 80))
    talk.open()
    for at in range(0, len(request_), step):
        talk.client(request_[at : at + step])
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    talk.close()
    run = Dissection(packets(talk.frames))
    assert list(run) == []
    assert run.other_connections == 1


@pytest.mark.parametrize("answer", [b"", b"<html>no</html> <p>", bytes(300), b"a" * 200])
def test_open_without_an_id_opens_nothing(answer: bytes) -> None:
    talk = TunnelTalk()
    talk.pipes[0].open()
    talk.exchange("/open/1", b"\0", answer, talk.pipes[0])
    talk.pipes[0].close()
    assert read(talk.frames) == []


def test_what_is_inside_is_no_rtmp() -> None:
    talk = TunnelTalk()
    talk.open()
    put(talk.pipes[0], talk, "send", 0, b"hello, this is something else\n" * 10)
    talk.close()
    events = read(talk.frames)
    assert any("not RTMP" in finding.title for finding in findings(events))


def test_a_flood_of_numbers_ahead_is_bounded() -> None:
    talk = TunnelTalk()
    talk.open()
    for number in range(2, 3000, 2):
        put(talk.pipes[0], talk, "send", number, bytes(500))
    tunnels = Tunnels()
    most = 0
    for _ in tunnels.run(Reassembler().run(packets(talk.frames))):
        most = max(most, tunnels.budget.held)
    assert most < (MOST_AHEAD + 2) * 1500
    assert tunnels.budget.held == 0


def test_a_number_out_of_this_world_is_passed_over() -> None:
    talk = TunnelTalk()
    talk.open()
    put(talk.pipes[0], talk, "send", 0, b"a")
    put(talk.pipes[0], talk, "send", 999_999_999_999, b"z")
    put(talk.pipes[0], talk, "send", 1, b"b")
    pieces = [each for each in inside(talk.frames) if each.flow.sender == "client"]
    assert [each.data for each in pieces if isinstance(each, Piece)] == [b"a", b"b"]
    assert not [each for each in pieces if isinstance(each, Hole)]


@pytest.mark.parametrize("seed", range(20))
def test_any_damage_ends_in_events(seed: int) -> None:
    random = Random(seed)
    talk = TunnelTalk(carriers=random.choice([1, 2]), chunked=random.random() < 0.5)
    session(talk)
    frames = [frame for frame in talk.frames if random.random() > 0.05]
    for number in range(0, len(frames), 9):
        data = bytearray(frames[number].data)
        data[random.randrange(54, len(data))] ^= 1 << random.randrange(8)
        frames[number] = frames[number]._replace(data=bytes(data))
    budget = Budget()
    stream = Tunnels(budget=budget).run(Reassembler(budget=budget).run(packets(frames)))
    events = list(Sessions(budget=budget).run(stream))
    assert all(re.fullmatch(r"[ -~]*", event.path) for event in exchanges(events))
    assert len(closed(events)) == sum(isinstance(event, Opened) for event in events)
    assert budget.held == 0


@pytest.mark.parametrize(
    "flood",
    [
        b"".join(b"POST /send/a%d/0 HTTP/1.1\r\n\r\n" % number for number in range(12_000)),
        b"POST /send/a/0 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 60_000,
        b"POST /send/a/0 HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n" + bytes(1_000_000),
        b"POST /open/1 HTTP/1.1\r\n" + b"X: y\r\n" * 60_000,
        b"POST /open/1 HTTP/1.1\r\n\r\n" + b"GET /" * 60_000,
    ],
    ids=["sessions", "chunks", "length", "headers", "beginnings"],
)
def test_floods_take_time_in_proportion(flood: bytes) -> None:
    """A quarter takes about a quarter: nothing is looked through again and again."""

    def seconds(data: bytes) -> float:
        talk = Conversation(server=("10.0.0.2", 80), checksums=False, mss=65000)
        talk.open()
        talk.client(data)
        began = perf_counter()
        read(talk.frames)
        return perf_counter() - began

    quarter = min(seconds(flood[: len(flood) // 4]) for _ in range(3))
    assert min(seconds(flood) for _ in range(2)) < 12 * quarter + 0.2
