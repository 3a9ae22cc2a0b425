"""Rebuilding streams: every way in which segments arrive, and what becomes of bytes that never do.

A direction is shown as its joined pieces, with a `?` for every byte in a hole; joining checks that each offset comes
out once and in order.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, groupby, islice, pairwise
from struct import pack_into
from time import process_time
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin, Packet, tick
from rtmpsniff.transport import reassembly
from rtmpsniff.transport.reassembly import (
    HELD_BACK,
    MOST_PARTS,
    NEVER_ACKNOWLEDGED,
    NEVER_CAPTURED,
    TIME_IDLE,
    TIME_UNANSWERED,
    Begin,
    Connection,
    End,
    Event,
    Hole,
    Piece,
    Reassembler,
    Tick,
    reassemble,
)
from rtmpsniff.transport.tcp import Endpoint, segment_of
from rtmpsniff.transport.udp import Datagram
from rtmpsniff.transport.waiting import (
    PACKETS_BEFORE_HOLE,
    TIME_BEFORE_HOLE,
    UNACKNOWLEDGED_LIMIT,
    UNACKNOWLEDGED_TIME,
)
from tests.build import ACK, FIN, RST, SYN, Conversation, Frame, Sender
from tests.proportion import grows_gently

law = settings(deadline=None)  # a busy machine breaks no law

ETHERNET, RAW, LINUX_COOKED_2 = 1, 101, 276
START = 1_700_000_000_000_000_000
MILLISECOND = 1_000_000
SECOND = 1000 * MILLISECOND
ARP = bytes(12) + b"\x08\x06" + bytes(46)
CLIENT_FIRST = 1_000_001  # sequence number of the first byte, as the builder has it
UNKNOWN = ord("?")


def packets(frames: Iterable[Frame], link: int = ETHERNET, snapshot: int | None = None) -> Iterator[Packet]:
    for number, frame in enumerate(frames, 1):
        yield Packet(0, number, frame.time, link, frame.data[:snapshot], len(frame.data))


def run(frames: Iterable[Frame], snapshot: int | None = None) -> list[Event]:
    return list(reassemble(packets(frames, snapshot=snapshot)))


def data(events: Iterable[Event], sender: Sender = "client") -> bytes:
    """What one direction of a single connection carried."""
    joined = bytearray()
    for event in events:
        if isinstance(event, Piece | Hole) and event.flow.sender == sender:
            assert event.offset == len(joined)
            joined += event.data if isinstance(event, Piece) else bytes([UNKNOWN]) * (event.size or 0)
    return bytes(joined)


def both(events: Sequence[Event]) -> tuple[bytes, bytes]:
    return data(events, "client"), data(events, "server")


def holes(events: Iterable[Event]) -> list[Hole]:
    return [event for event in events if isinstance(event, Hole)]


def ends(events: Iterable[Event]) -> list[tuple[str, str]]:
    return [(event.reason, event.sender) for event in events if isinstance(event, End)]


def connection_of(events: Iterable[Event]) -> Connection:
    (begin,) = (event for event in events if isinstance(event, Begin))
    return begin.connection


def by_connection(events: Iterable[Event]) -> list[list[Event]]:
    """The events of each connection, in the order in which they began."""
    found: dict[Connection, list[Event]] = {}
    for event in events:
        assert not isinstance(event, Datagram | Tick)
        connection = event.flow.connection if isinstance(event, Piece | Hole) else event.connection
        found.setdefault(connection, []).append(event)
    return list(found.values())


def opened(
    step: int = MILLISECOND, mss: int = 1448, ack_every: int = 0, client_sequence: int = 1_000_000
) -> Conversation:
    talk = Conversation(step=step, mss=mss, ack_every=ack_every, client_sequence=client_sequence, checksums=False)
    talk.open()
    return talk


def merged(*talks: Conversation) -> list[Frame]:
    """The frames of several conversations in the order of their times."""
    return sorted(chain.from_iterable(talk.frames for talk in talks), key=lambda frame: frame.time)


# In order, out of order, twice


def test_both_directions_in_order() -> None:
    talk = opened(mss=4)
    talk.client(b"the question")
    talk.server(b"an answer")
    talk.ack("client")
    talk.close()
    events = run(talk.frames)
    assert both(events) == (b"the question", b"an answer")
    assert isinstance(events[0], Begin)
    assert events[0].origin == Origin(0, 1, START)
    assert events[-1] == End(
        events[0].connection, Origin(0, len(talk.frames) - 1, talk.frames[-2].time), "closed", "client"
    )


class Arrival(NamedTuple):
    """Segments of the stream `abcdefghij` in the order in which they arrive, and what they count as."""

    name: str
    segments: tuple[tuple[int, bytes], ...]
    retransmitted: int = 0
    out_of_order: int = 0


ARRIVALS = (
    Arrival("in order", ((0, b"abcde"), (5, b"fghij"))),
    Arrival("two exchanged", ((5, b"fghij"), (0, b"abcde")), out_of_order=1),
    Arrival("last first", ((8, b"ij"), (6, b"gh"), (3, b"def"), (0, b"abc")), out_of_order=3),
    Arrival("one late", ((0, b"ab"), (4, b"ef"), (6, b"ghij"), (2, b"cd")), out_of_order=1),
    Arrival("retransmitted", ((0, b"abcde"), (0, b"abcde"), (5, b"fghij")), retransmitted=5),
    Arrival("retransmitted much later", ((0, b"abcde"), (5, b"fghij"), (0, b"abcde")), retransmitted=5),
    Arrival("an early one twice", ((5, b"fghij"), (5, b"fghij"), (0, b"abcde")), 5, 1),
    Arrival("coalesced when sent again", ((0, b"abc"), (0, b"abcdefghij")), retransmitted=3),
    Arrival("cut smaller when sent again", ((0, b"abcdefg"), (0, b"abc"), (3, b"def"), (6, b"ghij")), retransmitted=7),
    Arrival("overlaps what came before", ((0, b"abcdef"), (4, b"efghij")), retransmitted=2),
    Arrival("overlaps what came early, from before it", ((4, b"efghij"), (0, b"abcdef")), 2, 1),
    Arrival("two early ones overlap", ((4, b"efgh"), (6, b"ghij"), (0, b"abcd")), 2, 1),
    Arrival("two early ones overlap, the later one before", ((6, b"ghij"), (4, b"efgh"), (0, b"abcd")), 2, 2),
    Arrival("an early one inside another", ((2, b"cdefghij"), (4, b"ef"), (0, b"ab")), 2, 1),
    Arrival("an early one around another", ((4, b"ef"), (2, b"cdefghij"), (0, b"ab")), 2, 2),
    Arrival("an early one around two others", ((3, b"d"), (6, b"gh"), (1, b"bcdefghij"), (0, b"a")), 3, 2),
    Arrival("all at once, after parts of it", ((2, b"c"), (5, b"fg"), (0, b"abcdefghij")), 3, 1),
)


@pytest.mark.parametrize("arrival", ARRIVALS, ids=lambda arrival: arrival.name)
def test_arrivals(arrival: Arrival) -> None:
    talk = opened()
    for at, payload in arrival.segments:
        talk.segment("client", payload, at=at)
    events = run(talk.frames)
    flow = connection_of(events).from_client
    assert data(events) == b"abcdefghij"
    assert (flow.bytes, flow.missing_bytes, flow.gaps) == (10, 0, 0)
    assert (flow.retransmitted_bytes, flow.out_of_order) == (arrival.retransmitted, arrival.out_of_order)


@pytest.mark.parametrize(
    ("name", "segments", "kept"),
    [
        ("over delivered bytes", ((0, b"aaaa"), (2, b"BBBB")), b"aaaaBB"),
        ("over all delivered bytes", ((0, b"aaaa"), (0, b"BBBBBB")), b"aaaaBB"),
        ("over the end of an early one", ((2, b"aaaa"), (4, b"BBBB"), (0, b"cc")), b"ccaaaaBB"),
        ("over the beginning of an early one", ((4, b"aaaa"), (2, b"BBBB"), (0, b"cc")), b"ccBBaaaa"),
        ("over the whole of an early one", ((4, b"aa"), (2, b"BBBBBB"), (0, b"cc")), b"ccBBaaBB"),
        ("inside an early one", ((2, b"aaaaaa"), (4, b"BB"), (0, b"cc")), b"ccaaaaaa"),
        ("the next one over the beginning of an early one", ((2, b"aaaa"), (0, b"BBBB")), b"BBaaaa"),
        ("the next one over the whole of an early one", ((2, b"aa"), (0, b"BBBBBB")), b"BBaaBB"),
        ("the next one over several", ((1, b"a"), (3, b"a"), (0, b"BBBBB")), b"BaBaB"),
    ],
)
def test_the_first_copy_is_kept(name: str, segments: Sequence[tuple[int, bytes]], kept: bytes) -> None:
    talk = opened()
    for at, payload in segments:
        talk.segment("client", payload, at=at)
    assert data(run(talk.frames)) == kept


@pytest.mark.parametrize("before_wrap", [0, 1, 2, 5, 9, 10])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0, 1)])
def test_sequence_numbers_wrap(before_wrap: int, order: Sequence[int]) -> None:
    talk = opened(client_sequence=(1 << 32) - before_wrap - 1)
    parts = {0: (0, b"abcd"), 1: (4, b"ef"), 2: (6, b"ghij")}
    for part in order:
        at, payload = parts[part]
        talk.segment("client", payload, at=at)
        talk.ack("server")
    events = run(talk.frames)
    assert data(events) == b"abcdefghij"
    assert not holes(events)


def test_offsets_grow_past_32_bits() -> None:
    talk = opened(step=1)
    events = Reassembler().run(packets(chain(talk.frames, _distant(talk, times=80))))
    *_, last = (event for event in events if isinstance(event, Piece))
    assert last.offset > 1 << 32
    assert last.data == b"here"


def _distant(talk: Conversation, times: int) -> Iterator[Frame]:
    """Jumps forward by 60 MB at a time, each time acknowledged; the last segment carries `here`."""
    for at in range(60_000_000, 60_000_000 * (times + 1), 60_000_000):
        yield talk.segment("client", b"here", at=at)
        yield talk.ack("server", upto=at + 4)
        talk.at(talk.time + TIME_BEFORE_HOLE)


# Pieces: batches, and which packet brought which byte


def pieces(events: Iterable[Event]) -> list[tuple[str, int, bytes]]:
    return [(event.flow.sender, event.offset, event.data) for event in events if isinstance(event, Piece)]


def test_segments_that_follow_one_another_travel_as_one_piece() -> None:
    talk = opened(mss=3)
    talk.client(b"abcdefg")
    (piece,) = (event for event in run(talk.frames) if isinstance(event, Piece))
    assert (piece.offset, piece.data, piece.offsets) == (0, b"abcdefg", [0, 3, 6])
    assert [packet.number for packet in piece.packets] == [4, 5, 6]


def test_the_other_direction_ends_a_piece() -> None:
    talk = opened(mss=3)
    talk.client(b"abcdef")
    talk.server(b"ABCDEF")
    talk.client(b"ghi")
    assert pieces(run(talk.frames)) == [("client", 0, b"abcdef"), ("server", 0, b"ABCDEF"), ("client", 6, b"ghi")]


def test_another_connection_ends_a_piece() -> None:
    one, two = (Conversation(("10.0.0.1", port), step=2, time=START + port) for port in (50000, 50001))
    for talk in (one, two):
        talk.open()
    for text in (b"a", b"b", b"c"):
        one.client(text)
        two.client(text.upper())
    assert [text for _, _, text in pieces(run(merged(one, two)))] == [b"a", b"A", b"b", b"B", b"c", b"C"]


@pytest.mark.parametrize(
    ("name", "interrupt"),
    [
        ("a packet that is no TCP", lambda talk: talk.frames.append(Frame(talk.time, ARP))),
        ("a retransmission", lambda talk: talk.segment("client", b"abc", at=0)),
        ("a keep-alive", lambda talk: talk.segment("client", b"", at=2)),
    ],
)
def test_what_ends_a_piece_delays_nothing(name: str, interrupt: Callable[[Conversation], object]) -> None:
    talk = opened()
    talk.client(b"abc")
    interrupt(talk)
    talk.client(b"def")
    assert pieces(run(talk.frames)) == [("client", 0, b"abc"), ("client", 3, b"def")]


def test_a_bare_acknowledgement_ends_no_piece() -> None:
    talk = opened(mss=3, ack_every=1)
    talk.client(b"abcdef")
    assert pieces(run(talk.frames)) == [("client", 0, b"abcdef")]


def test_a_piece_has_so_many_parts_at_the_most() -> None:
    talk = opened(mss=1)
    talk.client(bytes(MOST_PARTS + 1))
    assert [len(text) for _, _, text in pieces(run(talk.frames))] == [MOST_PARTS, 1]


def test_pieces_are_handed_on_before_the_packets_end() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.server(b"ABC")
    seen: list[str] = []

    def watched() -> Iterator[Packet]:
        for packet in packets([*talk.frames, Frame(talk.time, ARP)]):
            seen.append(f"packet {packet.number}")
            yield packet

    seen.extend(type(event).__name__ for event in reassemble(watched()))
    assert seen[-5:] == ["packet 5", "Piece", "packet 6", "Piece", "End"]


# Connections begin


def test_roles_and_ends_with_a_syn() -> None:
    talk = Conversation(("10.0.0.1", 1935), ("10.0.0.2", 50000))  # a client may have any port
    talk.open()
    connection = connection_of(run(talk.frames))
    assert (connection.client, connection.server) == (Endpoint("10.0.0.1", 1935), Endpoint("10.0.0.2", 50000))
    assert connection.whole
    assert connection.name == "10.0.0.1:1935 -> 10.0.0.2:50000"


def test_syn_retransmitted() -> None:
    talk = Conversation()
    syn = talk.segment("client", flags=SYN)
    again = syn._replace(time=syn.time + SECOND)
    talk.frames.append(again)
    talk.at(again.time + 1)
    talk.segment("server", flags=SYN | ACK)
    talk.frames.append(again._replace(time=talk.time))
    talk.client(b"abc")
    events = run(talk.frames)
    assert len(by_connection(events)) == 1
    assert data(events) == b"abc"


def test_syn_ack_retransmitted() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.frames.append(talk.frames[1]._replace(time=talk.time))
    talk.server(b"ABC")
    events = run(talk.frames)
    assert len(by_connection(events)) == 1
    assert both(events) == (b"abc", b"ABC")


def test_tcp_fast_open() -> None:
    talk = Conversation()
    talk.segment("client", b"abc", flags=SYN)
    talk.segment("server", b"AB", flags=SYN | ACK)
    talk.ack("client")
    talk.segment("client", b"def", at=3)
    talk.segment("server", b"CD", at=2)
    assert both(run(talk.frames)) == (b"abcdef", b"ABCD")


def test_tcp_fast_open_refused_and_sent_again() -> None:
    talk = Conversation()
    talk.segment("client", b"abc", flags=SYN)
    talk.segment("server", flags=SYN | ACK, upto=0)
    talk.segment("client", b"abcdef", at=0)
    events = run(talk.frames)
    assert data(events) == b"abcdef"
    assert not holes(events)


def test_syn_ack_recorded_before_its_syn() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.server(b"ABC")
    syn, syn_ack, *rest = talk.frames
    events = run([syn_ack, syn, *rest])
    assert connection_of(events).client == Endpoint("10.0.0.1", 50000)
    assert connection_of(events).whole
    assert both(events) == (b"abc", b"ABC")


def test_syn_ack_only() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.server(b"ABC")
    events = run(talk.frames[1:])
    connection = connection_of(events)
    assert (connection.client.port, connection.server.port, connection.whole) == (50000, 1935, True)
    assert both(events) == (b"abc", b"ABC")


@pytest.mark.parametrize(
    ("client", "server", "ports", "shown"),
    [
        (50000, 1935, {1935}, 1935),
        (1024, 1935, {1935}, 1935),
        (50000, 8080, {1935}, 8080),
        (8080, 50000, {1935}, 8080),  # wrong, and all that can be known
        (8080, 50000, {50000}, 50000),
    ],
)
@pytest.mark.parametrize("first", ["client", "server"])
def test_without_a_syn_roles_are_a_guess_by_port(
    client: int, server: int, ports: Collection[int], shown: int, first: Sender
) -> None:
    talk = Conversation(("10.0.0.1", client), ("10.0.0.2", server))
    talk.send(first, b"abc")
    connection = connection_of(reassemble(packets(talk.frames), ports))
    assert connection.server.port == shown
    assert not connection.whole


def test_without_a_syn_the_first_bytes_seen_are_the_beginning() -> None:
    talk = Conversation()
    talk.segment("client", b"def", at=3)
    talk.segment("server", b"DEF", at=3)
    talk.client(b"ghi")
    events = run(talk.frames)
    assert both(events) == (b"defghi", b"DEF")
    assert ends(events) == [("capture ended", "")]


@pytest.mark.parametrize("pause", [0, 10 * SECOND])
def test_without_a_syn_a_keep_alive_is_no_beginning(pause: int) -> None:
    talk = opened()
    talk.client(b"abc")
    first = len(talk.frames)
    talk.segment("client", b"", at=2)  # a keep-alive repeats the last sequence number
    talk.ack("server")
    talk.at(talk.time + pause)
    talk.client(b"def")
    talk.ack("server")
    events = run(talk.frames[first:])
    assert data(events) == b"def"


@pytest.mark.parametrize("flags", [FIN | ACK, RST, RST | ACK])
def test_the_leave_of_an_unseen_connection_is_no_connection(flags: int) -> None:
    talk = Conversation()
    talk.segment("client", flags=flags)
    assert run(talk.frames) == []


def test_exchange_of_roles() -> None:
    talk = Conversation(("10.0.0.1", 8080), ("10.0.0.2", 50000))
    talk.client(b"abc")
    talk.segment("client", flags=FIN | ACK)
    events: list[Event] = []
    for event in reassemble(packets(talk.frames)):
        events.append(event)
        if isinstance(event, Piece):
            event.flow.connection.exchange_roles()
    connection = connection_of(events)
    assert (connection.client.port, connection.server.port) == (8080, 50000)
    assert [flow.sender for flow in connection.flows] == ["client", "server"]
    assert connection.from_client.bytes == 3
    assert ends(events) == [("closed", "client")]


def test_exchange_of_roles_after_one_side_began_to_close() -> None:
    talk = Conversation(("10.0.0.1", 8080), ("10.0.0.2", 50000))
    talk.segment("client", b"abc", flags=FIN | ACK)
    events: list[Event] = []
    for event in reassemble(packets(talk.frames)):
        events.append(event)
        if isinstance(event, Piece):
            event.flow.connection.exchange_roles()
    assert ends(events) == [("closed", "client")]


# Connections end


@pytest.mark.parametrize("sender", ["client", "server"])
def test_closed(sender: Sender) -> None:
    talk = opened()
    talk.client(b"abc")
    talk.server(b"ABC")
    talk.close(sender)
    talk.segment(sender, flags=FIN | ACK)  # sent again when all is over
    events = run(talk.frames)
    assert both(events) == (b"abc", b"ABC")
    assert ends(events) == [("closed", sender)]


def test_a_fin_with_data() -> None:
    talk = opened()
    talk.segment("client", b"abc", flags=FIN | ACK)
    talk.segment("server", b"ABC", flags=FIN | ACK)
    events = run(talk.frames)
    assert both(events) == (b"abc", b"ABC")
    assert ends(events) == [("closed", "client")]


def test_half_closed() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.segment("client", flags=FIN | ACK)
    for text in (b"A", b"B", b"C"):
        talk.server(text)
        talk.ack("client")
    talk.segment("server", flags=FIN | ACK)
    talk.ack("client")
    events = run(talk.frames)
    assert both(events) == (b"abc", b"ABC")
    assert ends(events) == [("closed", "client")]


def test_half_closed_when_the_capture_ends() -> None:
    talk = opened()
    talk.segment("server", flags=FIN | ACK)
    talk.client(b"abc")
    events = run(talk.frames)
    assert data(events) == b"abc"
    assert ends(events) == [("closed", "server")]


@pytest.mark.parametrize("sender", ["client", "server"])
def test_reset(sender: Sender) -> None:
    talk = opened()
    talk.client(b"abc")
    talk.reset(sender)
    talk.client(b"never read")
    events = run(talk.frames)
    assert data(events) == b"abc"
    assert ends(events) == [("reset", sender)]


@pytest.mark.parametrize("away", [-2_000_000, -100, 1 << 27, (1 << 31) + 5])
def test_a_reset_out_of_window_is_late_and_ends_nothing(away: int) -> None:
    talk = opened(client_sequence=3_000_000)
    talk.client(bytes(200))
    talk.segment("client", at=200 + away, flags=RST)
    talk.segment("client", b"abc", at=200)
    events = run(talk.frames)
    assert data(events) == bytes(200) + b"abc"
    assert ends(events) == [("capture ended", "")]


def test_a_reset_ahead_but_in_window_ends_all() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.segment("client", at=10_000, flags=RST)
    assert ends(run(talk.frames)) == [("reset", "client")]


def test_refused() -> None:
    talk = Conversation()
    talk.segment("client", flags=SYN)
    talk.reset("server")
    events = run(talk.frames)
    assert [type(event) for event in events] == [Begin, End]
    assert ends(events) == [("refused", "server")]


def test_never_answered() -> None:
    talk = Conversation(step=SECOND)
    syn = talk.segment("client", flags=SYN)
    frames = [syn._replace(time=syn.time + wait * SECOND) for wait in (0, 1, 3)]
    events = run(frames)
    assert [type(event) for event in events] == [Begin, End]
    assert ends(events) == [("no answer", "")]


def test_capture_ended() -> None:
    talk = opened()
    events = run(talk.frames)
    assert ends(events) == [("capture ended", "")]
    assert isinstance(events[-1], End)
    assert events[-1].origin == Origin(0, 3, talk.frames[-1].time)


@pytest.mark.parametrize("server_sequence", [2_000_000, 0x9000_0000])
@pytest.mark.parametrize("sent", [b"", b"abc"])
def test_a_client_that_acknowledges_was_answered(server_sequence: int, sent: bytes) -> None:
    talk = Conversation(server_sequence=server_sequence)
    syn, _, acknowledgement = talk.open()
    assert ends(run([syn, acknowledgement, *talk.client(sent)])) == [("capture ended", "")]


def test_a_server_that_resets_what_it_answered_does_not_refuse() -> None:
    talk = Conversation(server_sequence=0x9000_0000)
    syn, _, acknowledgement = talk.open()
    assert ends(run([syn, acknowledgement, *talk.client(b"abc"), talk.reset("server")])) == [("reset", "server")]


def test_nothing_captured() -> None:
    assert run([]) == []


# Ports used again


def follow_up(first: Conversation) -> Conversation:
    """A connection between the same ports, with other sequence numbers."""
    again = Conversation(client_sequence=77_000_000, server_sequence=88_000_000, time=first.time)
    again.open()
    again.client(b"new")
    again.server(b"NEW")
    return again


@pytest.mark.parametrize(
    ("leave", "reason"),
    [
        (lambda talk: talk.close(), ("closed", "client")),
        (lambda talk: talk.close("server"), ("closed", "server")),
        (lambda talk: talk.reset("client"), ("reset", "client")),
        (lambda talk: None, ("port used again", "")),
    ],
    ids=["after a close", "after a close of the server", "after a reset", "without any close"],
)
def test_port_used_again(leave: Callable[[Conversation], object], reason: tuple[str, str]) -> None:
    first = opened()
    first.client(b"old")
    first.server(b"OLD")
    leave(first)
    again = follow_up(first)
    again.close()
    one, two = by_connection(run([*first.frames, *again.frames]))
    assert (both(one), ends(one)) == ((b"old", b"OLD"), [reason])
    assert (both(two), ends(two)) == ((b"new", b"NEW"), [("closed", "client")])


def test_a_late_syn_ack_opens_no_connection_anew() -> None:
    talk = opened()
    talk.close()
    talk.frames.append(talk.frames[1]._replace(time=talk.time))
    assert len(by_connection(run(talk.frames))) == 1


def test_port_used_again_after_a_refusal() -> None:
    first = Conversation()
    first.segment("client", flags=SYN)
    first.reset("server")
    one, two = by_connection(run([*first.frames, *follow_up(first).frames]))
    assert ends(one) == [("refused", "server")]
    assert both(two) == (b"new", b"NEW")


def test_early_bytes_of_the_old_connection_come_out_before_the_new_one() -> None:
    first = opened()
    first.segment("client", b"old", at=5)
    events = run([*first.frames, *follow_up(first).frames])
    one, two = by_connection(events)
    assert data(one) == b"?????old"
    assert data(two) == b"new"
    assert events.index(one[-1]) < events.index(two[0])


# Segments that mean nothing new


def test_keep_alives_are_no_retransmissions() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.segment("client", b"", at=2)
    talk.segment("client", b"c", at=2)
    talk.segment("client", b"\0", at=2)  # some send a zero in place of the last byte
    talk.client(b"def")
    events = run(talk.frames)
    assert data(events) == b"abcdef"
    assert connection_of(events).from_client.retransmitted_bytes == 0


def test_zero_window_probe() -> None:
    talk = opened()
    talk.client(b"abc")
    for _ in range(3):
        talk.segment("client", b"d", at=3)
        talk.ack("server", upto=3)
    talk.segment("client", b"def", at=3)
    events = run(talk.frames)
    assert data(events) == b"abcdef"
    assert not holes(events)


def test_other_packets_are_counted() -> None:
    talk = opened()
    talk.frames.append(Frame(talk.time, ARP))
    talk.client(b"abc")
    talk.frames.append(Frame(talk.time, talk.frames[-1].data[:40]))
    reassembler = Reassembler()
    assert data(reassembler.run(packets(talk.frames))) == b"abc"
    assert reassembler.unread == 2


@pytest.mark.parametrize("away", [1 << 27, 1 << 30, (1 << 31) + 7])
def test_one_sequence_number_far_off_changes_nothing(away: int) -> None:
    talk = opened()
    talk.client(b"abc")
    talk.segment("client", b"far", at=away)
    talk.segment("client", b"def", at=3)
    talk.ack("server", upto=6)
    events = run(talk.frames)
    assert data(events) == b"abcdef"
    assert not holes(events)


# Holes: bytes that were acknowledged and never captured


def lossy(step: int = MILLISECOND) -> Conversation:
    """The server has acknowledged six bytes of which the last three were not captured."""
    talk = opened(step)
    talk.client(b"abc")
    talk.ack("server", upto=6)
    return talk


def first_hole(talk: Conversation) -> Hole:
    return holes(run(talk.frames))[0]


def test_hole_after_64_packets() -> None:
    talk = lossy(step=1)
    acknowledged = len(talk.frames)
    for _ in range(PACKETS_BEFORE_HOLE + 10):
        talk.server(b"A")
    hole = first_hole(talk)
    assert (hole.flow.sender, hole.offset, hole.size, hole.reason) == ("client", 3, 3, "never captured")
    assert hole.origin.packet == acknowledged + PACKETS_BEFORE_HOLE


def test_packets_of_other_connections_do_not_count() -> None:
    talk = lossy(step=1)
    other = Conversation(("10.0.0.3", 50000), time=talk.time, step=1, mss=1)
    other.open()
    other.client(bytes(200))
    talk.at(other.time)
    talk.segment("client", b"def", at=3)
    events = by_connection(run(merged(talk, other)))
    assert data(events[0]) == b"abcdef"


@pytest.mark.parametrize(("wait", "seen"), [(TIME_BEFORE_HOLE - 1, b"abcdef"), (TIME_BEFORE_HOLE, b"abc???")])
def test_hole_after_200_milliseconds(wait: int, seen: bytes) -> None:
    talk = lossy()
    talk.at(talk.frames[-1].time + wait)
    talk.segment("client", b"def", at=3)
    assert data(run(talk.frames)) == seen


def test_any_packet_moves_the_clock() -> None:
    talk = lossy()
    late = Frame(talk.frames[-1].time + TIME_BEFORE_HOLE, ARP)
    hole = holes(run([*talk.frames, late]))[0]
    assert hole.origin == Origin(0, len(talk.frames) + 1, late.time)


def test_hole_with_early_bytes_behind_it() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.segment("client", b"ghi", at=6)
    talk.ack("server", upto=9)
    talk.at(talk.time + TIME_BEFORE_HOLE)
    talk.segment("client", b"jkl", at=9)
    events = run(talk.frames)
    assert data(events) == b"abc???ghijkl"
    flow = connection_of(events).from_client
    assert (flow.bytes, flow.missing_bytes, flow.gaps) == (9, 3, 1)


def test_whose_fault_a_hole_is() -> None:
    """What the receiver confirms was on the network, and only the capture lacks it."""
    talk = opened()
    talk.client(b"abc")
    talk.segment("client", b"ghi", at=6)
    talk.ack("server", upto=9)
    talk.at(talk.time + TIME_BEFORE_HOLE)
    talk.segment("client", b"mno", at=12)
    talk.ack("server", upto=9)
    talk.reset("client")
    events = run(talk.frames)
    assert data(events) == b"abc???ghi???mno"
    assert [hole.reason for hole in holes(events)] == [NEVER_CAPTURED, NEVER_ACKNOWLEDGED]
    flow = connection_of(events).from_client
    assert (flow.missing_bytes, flow.unacknowledged_bytes, flow.cut_bytes, flow.missing_packets) == (6, 3, 0, 2)


def test_of_one_direction_alone_nobody_knows_what_was_received() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.segment("client", b"ghi", at=6)
    talk.at(talk.time + TIME_BEFORE_HOLE)
    talk.segment("client", b"jkl", at=9)
    talk.close()
    events = run([frame for frame in talk.frames if frame.data[26:30] == bytes((10, 0, 0, 1))])
    assert [hole.reason for hole in holes(events)] == [NEVER_CAPTURED]


@pytest.mark.parametrize(("longest", "packets"), [(18, 3), (1000, 3), (2000, 2)])
def test_missing_packets_are_counted_by_the_longest_segment(longest: int, packets: int) -> None:
    """Or by one of the usual size, where only shorter ones came: so many at least."""
    talk = opened()
    talk.client(bytes(1000))
    talk.segment("client", bytes(longest), at=4500)
    talk.ack("server", upto=4500 + longest)
    talk.at(talk.time + TIME_BEFORE_HOLE)
    talk.ack("server")
    flow = connection_of(run(talk.frames)).from_client
    assert (flow.missing_bytes, flow.missing_packets) == (3500, packets)


def test_the_longest_segment_may_be_long_ago() -> None:
    talk = opened(mss=4000)
    talk.client(bytes(4000))
    for _ in range(6):
        talk.client(bytes(5))
        talk.server(bytes(5))
    talk.segment("client", bytes(7), at=12_030)
    talk.ack("server", upto=12_037)
    flow = connection_of(run(talk.frames)).from_client
    assert (flow.missing_bytes, flow.missing_packets) == (8000, 2)


@pytest.mark.parametrize("seen", ["SYN-ACK", "ACK"])
def test_one_of_the_first_packets_tells_where_both_directions_begin(seen: str) -> None:
    """A SYN and the bytes behind it, or a SYN-ACK and those behind it, were not captured."""
    talk = opened()
    talk.client(b"abc")
    talk.client(b"def")
    talk.server(b"ABC")
    talk.server(b"DEF")
    talk.ack("client")
    talk.at(talk.time + TIME_BEFORE_HOLE)
    talk.ack("client")
    syn, syn_ack, ack, abc, def_, *rest = talk.frames
    if seen == "SYN-ACK":
        events = run([syn_ack, def_, *rest, *talk.close()])
        assert both(events) == (b"???def", b"ABCDEF")
    else:
        events = run([syn, ack, abc, def_, *rest[1:], *talk.close()])
        assert both(events) == (b"abcdef", b"???DEF")


def test_a_promise_that_cannot_be_kept_is_none() -> None:
    talk = opened()
    _, syn_ack, _ = talk.frames
    later = talk.segment("client", b"abc", at=1 << 25)
    events = run([syn_ack, later])
    assert both(events) == (b"abc", b"")


# Sent again as other bytes


def test_bytes_that_are_sent_again_as_others() -> None:
    talk = opened()
    talk.client(b"abcdef")
    talk.ack("server")
    talk.segment("client", b"cXeY", at=2)
    talk.client(b"ghi")
    events = run(talk.frames)
    assert data(events) == b"abcdefghi"
    flow = connection_of(events).from_client
    assert (flow.retransmitted_bytes, flow.conflicting_bytes) == (4, 2)
    assert flow.conflict == (3, Origin(0, 6, talk.frames[5].time))


def test_early_bytes_that_come_again_as_others() -> None:
    talk = opened()
    talk.segment("client", b"def", at=3)
    talk.segment("client", b"dXf", at=3)
    talk.segment("client", b"abcd", at=0)
    events = run(talk.frames)
    assert data(events) == b"abcdef"
    flow = connection_of(events).from_client
    assert (flow.conflicting_bytes, flow.conflict) == (1, (4, Origin(0, 5, talk.frames[4].time)))


def test_bytes_that_are_sent_again_as_they_were() -> None:
    talk = opened()
    talk.client(b"abcdef")
    talk.segment("client", b"cdefgh", at=2)
    flow = connection_of(run(talk.frames)).from_client
    assert (flow.retransmitted_bytes, flow.conflicting_bytes, flow.conflict) == (4, 0, None)


def test_several_holes() -> None:
    talk = opened()
    for at in (0, 4, 8, 12):
        talk.segment("client", b"ab", at=at)
    talk.ack("server", upto=14)
    for _ in range(4):
        talk.at(talk.time + TIME_BEFORE_HOLE)
        talk.ack("server")
    events = run(talk.frames)
    assert data(events) == b"ab??ab??ab??ab"
    assert connection_of(events).from_client.gaps == 3


def test_data_after_its_acknowledgement_makes_no_hole() -> None:
    talk = opened()
    for at in range(0, 300, 3):
        talk.ack("server", upto=at + 3)
        talk.segment("client", b"abc", at=at)
    events = run(talk.frames)
    assert data(events) == 100 * b"abc"
    assert not holes(events)


def test_an_acknowledgement_has_its_own_wait() -> None:
    # Lost on the way to the server, sent again after 300 ms: what acknowledges it is recorded just before it.
    talk = opened()
    talk.segment("client", b"def", at=3)
    talk.at(talk.time + 300 * MILLISECOND)
    talk.ack("server", upto=6)
    talk.segment("client", b"abc", at=0)
    events = run(talk.frames)
    assert data(events) == b"abcdef"
    assert not holes(events)


def test_an_old_acknowledgement_condemns_no_later_bytes() -> None:
    # The acknowledgement of `abc` comes before it. Then `def` is lost before the server, which acknowledges nothing
    # more, and is sent again after 300 ms.
    talk = opened()
    talk.ack("server", upto=3)
    talk.segment("client", b"ghi", at=6)
    talk.segment("client", b"abc", at=0)
    for _ in range(3):
        talk.ack("server", upto=3)
    talk.at(talk.time + 300 * MILLISECOND)
    talk.segment("client", b"def", at=3)
    events = run(talk.frames)
    assert data(events) == b"abcdefghi"
    assert not holes(events)


def test_a_hole_that_was_declared_condemns_no_later_bytes() -> None:
    # `abc` was never captured. `ghi` was lost before the server and is sent again after 500 ms.
    talk = opened()
    talk.segment("client", b"def", at=3)
    talk.ack("server", upto=6)
    talk.segment("client", b"jkl", at=9)
    for _ in range(5):
        talk.at(talk.time + 100 * MILLISECOND)
        talk.ack("server", upto=6)
    talk.segment("client", b"ghi", at=6)
    assert data(run(talk.frames)) == b"???defghijkl"


def test_data_segments_acknowledge_too() -> None:
    talk = opened(mss=10)
    talk.client(b"abc")
    talk.segment("server", b"A", upto=6)
    for number in range(PACKETS_BEFORE_HOLE + 10):
        talk.segment("server", b"A", at=number + 1, upto=6)
    assert data(run(talk.frames)) == b"abc???"


def test_an_acknowledgement_far_off_is_not_believed() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.ack("server", upto=1 << 27)
    talk.at(talk.time + SECOND)
    talk.client(b"def")
    assert data(run(talk.frames)) == b"abcdef"


# Holes: bytes of which nobody says that they arrived


def test_early_bytes_are_held_without_an_acknowledgement() -> None:
    talk = opened()
    talk.segment("client", b"def", at=3)
    talk.at(talk.time + UNACKNOWLEDGED_TIME - 10 * MILLISECOND)
    talk.segment("client", b"abc", at=0)
    assert data(run(talk.frames)) == b"abcdef"


def test_hole_after_30_seconds() -> None:
    talk = opened()
    early = talk.segment("client", b"def", at=3)
    talk.at(early.time + UNACKNOWLEDGED_TIME)
    talk.segment("client", b"abc", at=0)
    assert data(run(talk.frames)) == b"???def"


def test_hole_after_2_megabytes() -> None:
    talk = opened(step=1, mss=1 << 15)
    early = 1 << 15
    while early < UNACKNOWLEDGED_LIMIT + (1 << 16):
        talk.segment("client", bytes(1 << 15), at=early)
        early += 1 << 15
    talk.segment("client", bytes(1 << 15), at=0)
    events = run(talk.frames)
    assert [(hole.offset, hole.size) for hole in holes(events)] == [(0, 1 << 15)]
    assert len(data(events)) == early


def test_a_line_that_always_lacks_something_lately_has_no_holes() -> None:
    # Every other segment comes 250 ms late, for 40 s: something is always held, and nothing for long.
    talk = opened()
    late = [(50 * number + number % 2 * 250, number) for number in range(800)]
    for time, number in sorted(late):
        talk.at(START + time * MILLISECOND)
        talk.segment("client", b"abc", at=3 * number)
    events = run(talk.frames)
    assert not holes(events)
    assert data(events) == 800 * b"abc"


def one_direction(sender: Sender, talk: Conversation) -> list[Frame]:
    other = {"client": b"\x02\0\0\0\0\x02", "server": b"\x02\0\0\0\0\x01"}[sender]
    return [frame for frame in talk.frames if frame.data[6:12] != other]


@pytest.mark.parametrize("sender", ["client", "server"])
def test_one_direction_only(sender: Sender) -> None:
    talk = opened(mss=3)
    talk.client(b"abcdefghi")
    talk.server(b"abcdefghi")
    talk.close()
    events = run(one_direction(sender, talk))
    assert data(events, sender) == b"abcdefghi"
    assert ends(events) == [("closed", sender)]


def test_one_direction_only_was_answered_all_the_same() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.server(b"ABC")
    talk.ack("client")
    talk.client(b"def")
    events = run(one_direction("client", talk))
    assert data(events) == b"abcdef"
    assert ends(events) == [("capture ended", "")]


def test_one_direction_only_hole_after_64_packets() -> None:
    talk = opened(step=1)
    talk.segment("client", b"a", at=0)
    for at in range(2, 2 + PACKETS_BEFORE_HOLE + 1):
        talk.segment("client", b"a", at=at)
    frames = one_direction("client", talk)
    early = 4  # SYN, ACK and `a` came before
    hole = holes(run(frames))[0]
    assert (hole.offset, hole.size, hole.origin.packet) == (1, 1, early + PACKETS_BEFORE_HOLE)


@pytest.mark.parametrize(("wait", "seen"), [(TIME_BEFORE_HOLE - 1, b"abcdef"), (TIME_BEFORE_HOLE, b"???def")])
def test_one_direction_only_hole_after_200_milliseconds(wait: int, seen: bytes) -> None:
    talk = opened()
    early = talk.segment("client", b"def", at=3)
    talk.at(early.time + wait)
    talk.segment("client", b"abc", at=0)
    assert data(run(one_direction("client", talk))) == seen


# Holes where the stream ends


@pytest.mark.parametrize("acknowledged", [False, True])
def test_hole_before_a_fin(acknowledged: bool) -> None:
    talk = opened()
    talk.client(b"abc")
    talk.segment("client", at=6, flags=FIN | ACK)
    talk.segment("server", flags=FIN | ACK, upto=7 if acknowledged else 3)
    talk.segment("client", at=7)
    events = run(talk.frames)
    assert data(events) == b"abc???"
    assert ends(events) == [("closed", "client")]


def test_a_late_segment_fills_the_hole_before_a_fin() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.segment("client", b"gh", at=6, flags=FIN | ACK)
    talk.segment("client", b"def", at=3)
    talk.segment("server", flags=FIN | ACK)
    events = run(talk.frames)
    assert data(events) == b"abcdefgh"
    assert not holes(events)


def test_the_hole_before_a_fin_comes_in_time() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.segment("client", at=6, flags=FIN | ACK)
    talk.segment("server", flags=FIN | ACK)
    talk.ack("client")
    late = Frame(talk.time + TIME_BEFORE_HOLE, ARP)
    events = run([*talk.frames, late, late])
    assert isinstance(events[-1], End)
    assert events[-1].origin.packet == len(talk.frames) + 1


@pytest.mark.parametrize(
    "leave",
    [lambda talk: talk.reset("server"), lambda talk: None],
    ids=["a reset", "the end of the capture"],
)
def test_hole_at_the_end(leave: Callable[[Conversation], object]) -> None:
    talk = opened()
    talk.client(b"abc")
    talk.ack("server", upto=6)
    leave(talk)
    assert data(run(talk.frames)) == b"abc???"


def test_early_bytes_when_the_capture_ends() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.segment("client", b"ghi", at=6)
    talk.segment("client", b"mno", at=12)
    events = run(talk.frames)
    assert data(events) == b"abc???ghi???mno"
    assert [hole.origin.packet for hole in holes(events)] == [len(talk.frames)] * 2


# Holes that the snapshot length made

HEADERS = 14 + 20 + 32


def test_snapshot_length_makes_holes_of_known_size() -> None:
    talk = opened(mss=10)
    talk.client(b"abcdefghijABCDEFGHIJab")
    talk.server(b"abc")
    talk.close()
    events = run(talk.frames, snapshot=HEADERS + 4)
    assert both(events) == (b"abcd??????ABCD??????ab", b"abc")
    assert {hole.reason for hole in holes(events)} == {"cut by the snapshot length"}
    assert ends(events) == [("closed", "client")]
    flow = connection_of(events).from_client
    assert (flow.bytes, flow.missing_bytes, flow.gaps) == (10, 12, 2)


def test_snapshot_length_that_leaves_no_payload() -> None:
    talk = opened(mss=10)
    talk.client(bytes(25))
    events = run(talk.frames, snapshot=HEADERS)
    assert data(events) == b"?" * 25
    assert connection_of(events).from_client.bytes == 0


def test_snapshot_length_and_segments_out_of_order() -> None:
    talk = opened()
    talk.segment("client", b"KLMNOPQRST", at=10)
    talk.segment("client", b"KLMNOPQRST", at=10)
    talk.segment("client", b"abcdefghij", at=0)
    events = run(talk.frames, snapshot=HEADERS + 4)
    assert data(events) == b"abcd??????KLMN??????"


def test_a_cut_segment_takes_nothing_from_one_that_was_held() -> None:
    talk = opened()
    talk.segment("client", b"efgh", at=4)
    talk.segment("client", b"abcdefgh", at=0)
    assert data(run(talk.frames, snapshot=HEADERS + 4)) == b"abcdefgh"


def test_a_cut_segment_that_begins_before_the_place_expected_and_ends_behind_an_early_one() -> None:
    talk = opened()
    talk.segment("client", b"abcdefgh", at=0)
    talk.segment("client", b"mnop", at=12)
    talk.segment("client", b"abcdefghijklmnopqrst", at=0)
    assert data(run(talk.frames, snapshot=HEADERS + 4)) == b"abcd????????mnop????"


def test_many_cut_segments_over_one_another() -> None:
    talk = opened(step=1)
    for at in range(4, 8000, 4):
        talk.segment("client", bytes(1000), at=at)
    talk.segment("client", bytes(1000), at=0)
    events = run(talk.frames, snapshot=HEADERS + 4)
    assert len(data(events)) == 7996 + 1000


# What is held is bounded


def test_when_the_budget_is_spent_the_oldest_gives_way() -> None:
    budget = Budget(limit=6000)
    talks = [Conversation(("10.0.0.1", port), time=START + port, step=100_000) for port in (50000, 50001, 50002)]
    for talk in talks:
        talk.open()
    for talk in talks:
        talk.at(max(other.time for other in talks))
        talk.segment("client", bytes(2000), at=100)
    talks[2].client(bytes(10))
    events = list(Reassembler(budget=budget).run(packets(merged(*talks))))
    given_up = [hole for hole in holes(events) if hole.reason == HELD_BACK]
    assert [(hole.flow.connection.client.port, hole.size) for hole in given_up] == [(50000, 100)]
    assert budget.held == 0


@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("alone", [True, False])
def test_a_flood_of_tiny_early_segments_stays_in_the_budget(rising: bool, alone: bool) -> None:
    talk = opened(step=1)
    places = range(1, 10_000, 2)
    for at in places if rising else reversed(places):
        talk.segment("client", b"x", at=at)
    budget = Budget(limit=100_000)
    highest = 0

    def watched() -> Iterator[Packet]:
        nonlocal highest
        for packet in packets(one_direction("client", talk) if alone else talk.frames):
            highest = max(highest, budget.held)
            yield packet

    events = list(Reassembler(budget=budget).run(watched()))
    assert highest <= budget.limit + 1000
    assert budget.held == 0
    if rising:
        assert data(events) == b"?x" * 5000


def test_the_budget_counts_what_is_held_and_not_what_is_said() -> None:
    # A byte of payload in a frame padded to 16 KiB: what is held keeps the frame alive.
    talk = opened(step=1)
    opening = list(packets(talk.frames))

    def flood() -> Iterator[Packet]:
        yield from opening
        for number in range(4000):
            frame = talk.segment("client", b"x", at=2 * number + 1)
            talk.frames.clear()
            yield Packet(0, number + 4, frame.time, ETHERNET, frame.data + bytes(1 << 14), len(frame.data) + (1 << 14))

    tracemalloc.start()
    for _ in Reassembler(budget=Budget(limit=1 << 20)).run(flood()):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def processor_time(waiting: int) -> float:
    """What 4000 segments cost while so many other connections wait for bytes that never come."""
    talks = [Conversation(("10.0.0.1", 10_000 + number), step=0, checksums=False) for number in range(waiting)]
    for talk in talks:
        talk.open()
        talk.segment("client", b"early", at=5)
    lasting = opened(step=1, mss=10)
    lasting.client(bytes(40_000))
    spent = 0.0

    def timed() -> Iterator[Packet]:
        nonlocal spent
        yield from packets(chain.from_iterable(talk.frames for talk in talks))
        captured = list(packets(lasting.frames))
        start = process_time()
        yield from captured
        spent = process_time() - start

    assert sum(isinstance(event, End) for event in reassemble(timed())) == waiting + 1
    return spent


def test_connections_that_wait_do_not_slow_the_others_down() -> None:
    assert grows_gently(processor_time, 100, 3000, 8)


def test_too_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassembly, "MOST_CONNECTIONS", 16)
    talks = [Conversation(("10.0.0.1", 10_000 + number), time=START + number, step=0) for number in range(100)]
    for talk in talks:
        talk.open()
        talk.segment("client", b"early", at=5)
    reassembler = Reassembler()
    largest = 0
    events = []
    for event in reassembler.run(packets(merged(*talks))):
        largest = max(largest, len(reassembler.flows))
        events.append(event)
    connections = by_connection(events)
    assert len(connections) == 100
    assert largest <= 2 * 16 + 1
    assert len(reassembler.plain) <= len(reassembler.flows)
    assert all(data(connection) == b"?????early" for connection in connections)
    reasons = [ends(connection)[0][0] for connection in connections]
    assert [reason for reason, _ in groupby(reasons)] == ["evicted", "capture ended"]  # the oldest first
    assert reassembler.budget.held == 0


def test_closed_connections_make_room_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassembly, "MOST_CONNECTIONS", 16)
    lasting = opened()
    frames = list(lasting.frames)
    for number in range(100):
        talk = Conversation(("10.0.0.1", 10_000 + number), time=START)
        talk.open()
        talk.close()
        frames += talk.frames
    lasting.client(b"still here")
    first, *others = by_connection(run([*frames, lasting.frames[-1]]))
    assert data(first) == b"still here"
    assert ends(first) == [("capture ended", "")]
    assert {ends(other)[0][0] for other in others} == {"closed"}


def test_an_evicted_connection_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassembly, "MOST_CONNECTIONS", 4)
    first = opened()
    first.client(b"abc")
    frames = list(first.frames)
    for number in range(5):
        frames += Conversation(("10.0.0.1", 10_000 + number), time=START).open()
    frames += first.client(b"def") + first.server(b"DEF")
    one, *_, two = by_connection(run(frames))
    assert (data(one), ends(one)) == (b"abc", [("evicted", "")])
    assert both(two) == (b"def", b"DEF")


# Holes that are larger than any window


@pytest.mark.parametrize("missing", [50_000_000, 100_000_000, 1_500_000_000])
def test_however_much_is_missing_the_rest_comes_out(missing: int) -> None:
    talk = opened(mss=10)
    talk.client(b"abc")
    talk.ack("server")
    for number in range(200):
        talk.segment("client", b"x", at=3 + missing + number)
        talk.ack("server", upto=3 + missing + number + 1)
    events = run(talk.frames)
    lost = sum(hole.size or 0 for hole in holes(events))
    assert missing <= lost <= missing + 10  # the first segments behind it may be taken for strays
    assert sum(len(text) for _, _, text in pieces(events)) + lost == 3 + missing + 200


# Connections that nobody wants


def ignoring(talk: Conversation, link: int = ETHERNET, since: type[Event] = Piece) -> tuple[list[Event], Reassembler]:
    """What still comes out of a connection that is ignored from its first event of a kind on."""
    reassembler = Reassembler()
    events = []
    ignored = False
    for event in reassembler.run(packets(framed(talk.frames, link), link)):
        if ignored:
            events.append(event)
        elif isinstance(event, since):
            assert not isinstance(event, Datagram | Tick)
            connection = event.flow.connection if isinstance(event, Piece | Hole) else event.connection
            connection.ignore()
            ignored = True
    return events, reassembler


@pytest.mark.parametrize("since", [Begin, Piece])
@pytest.mark.parametrize("link", [ETHERNET, RAW])
def test_ignored_connection_is_not_delivered(link: int, since: type[Event]) -> None:
    talk = opened(mss=10)
    talk.client(b"abc")
    talk.ack("server")
    for _ in range(10):
        talk.client(bytes(100))
        talk.server(bytes(50))
        talk.ack("client")
    talk.close()
    talk.at(talk.time + SECOND)
    talk.frames.append(Frame(talk.time, ARP))
    events, reassembler = ignoring(talk, link, since)
    assert [type(event) for event in events] == [End]
    assert ends(events) == [("closed", "client")]
    assert reassembler.unread == 1


@pytest.mark.parametrize("link", [ETHERNET, RAW])
def test_ignored_connection_of_which_one_side_was_seen(link: int) -> None:
    talk = Conversation(mss=10)
    talk.client(b"abc")
    talk.server(bytes(100))
    events, _ = ignoring(talk, link)
    assert [type(event) for event in events] == [End]


def test_ignored_connection_of_which_bytes_were_held() -> None:
    talk = opened()
    talk.segment("client", b"early", at=10)
    talk.server(b"ABC")
    for _ in range(3):
        talk.at(talk.time + SECOND)
        talk.segment("client", b"later", at=20)
    events, reassembler = ignoring(talk)
    assert [type(event) for event in events] == [End]
    assert reassembler.budget.held == 0


def test_ignored_connection_with_a_piece_under_way() -> None:
    talk = opened()
    talk.server(b"ABC")
    talk.client(b"abc")
    talk.client(b"def")
    events, _ = ignoring(talk)
    assert [type(event) for event in events] == [End]


@pytest.mark.parametrize(
    ("leave", "reason"),
    [(lambda talk: talk.close(), ("closed", "client")), (lambda talk: talk.reset(), ("reset", "client"))],
    ids=["closed", "reset"],
)
@pytest.mark.parametrize("link", [ETHERNET, RAW])
def test_ignored_connection_ends_however_much_it_carried(
    link: int, leave: Callable[[Conversation], object], reason: tuple[str, str]
) -> None:
    talk = opened(mss=60_000, step=1)
    talk.client(b"abc")
    talk.ack("server")
    talk.client(bytes(1300 * 60_000))
    leave(talk)
    events, reassembler = ignoring(talk, link)
    assert ends(events) == [reason]
    assert not reassembler.unread


def test_ignored_connection_makes_way_for_a_new_one() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.server(b"ABC")
    again = follow_up(talk)
    talk.frames += again.frames
    events, _ = ignoring(talk)
    _, new = by_connection(events)
    assert both(new) == (b"new", b"NEW")


# The same conversation over other links


def framed(frames: Iterable[Frame], link: int = ETHERNET, tag: bytes = b"") -> Iterator[Frame]:
    """Ethernet frames as they would stand on another link, or with a VLAN tag."""
    for frame in frames:
        kind, rest = frame.data[12:14], frame.data[14:]
        heads = {RAW: b"", LINUX_COOKED_2: kind + bytes(18), ETHERNET: frame.data[:12] + tag + kind}
        yield frame._replace(data=heads[link] + rest)


def with_ipv4_options(frames: Iterable[Frame]) -> Iterator[Frame]:
    for frame in frames:
        changed = bytearray(frame.data[:34] + b"\x01\x01\x01\x00" + frame.data[34:])
        changed[14] = 0x46
        pack_into(">H", changed, 16, len(changed) - 14)
        yield frame._replace(data=bytes(changed))


def without_total_length(frames: Iterable[Frame]) -> Iterator[Frame]:
    for frame in frames:
        yield frame._replace(data=frame.data[:16] + b"\0\0" + frame.data[18:])


def padded(frames: Iterable[Frame]) -> Iterator[Frame]:
    for frame in frames:
        yield frame._replace(data=frame.data + bytes(6))


WAYS: dict[str, tuple[int, Callable[[Iterable[Frame]], Iterable[Frame]]]] = {
    "short way": (ETHERNET, lambda frames: frames),
    "short way, padded": (ETHERNET, padded),
    "VLAN": (ETHERNET, lambda frames: framed(frames, tag=b"\x81\0\0\x64")),
    "raw": (RAW, lambda frames: framed(frames, RAW)),
    "Linux cooked v2": (LINUX_COOKED_2, lambda frames: framed(frames, LINUX_COOKED_2)),
    "IPv4 options": (ETHERNET, with_ipv4_options),
    "segmentation offload": (ETHERNET, without_total_length),
}


class Step(NamedTuple):
    """A burst of one side, and what becomes of its frames."""

    sender: Sender
    size: int
    turn: int  # so many of its frames change places
    again: bool


STEPS = st.lists(
    st.builds(Step, st.sampled_from(["client", "server"]), st.integers(0, 60), st.integers(0, 4), st.booleans()),
    max_size=12,
)


def told(steps: Sequence[Step], ack_every: int, *, version: int = 4, lost: Collection[int] = ()) -> list[Frame]:
    """A conversation, with some of its frames out of order, twice, or never captured."""
    client, server = {4: ("10.0.0.1", "10.0.0.2"), 6: ("fd00::1", "fd00::2")}[version]
    talk = Conversation((client, 50000), (server, 1935), mss=7, ack_every=ack_every, checksums=False)
    frames = talk.open()
    for number, step in enumerate(steps):
        burst = talk.send(step.sender, bytes((number + place) % 63 for place in range(step.size)))
        kept = burst[step.turn :] + burst[: step.turn] + (burst[:1] if step.again else [])
        frames += kept if number not in lost else kept[: len(kept) // 2]
        frames.append(talk.ack("server" if step.sender == "client" else "client"))
    frames += talk.close()
    times = sorted(frame.time for frame in frames)
    return [frame._replace(time=time) for frame, time in zip(frames, times, strict=True)]


@law
@given(STEPS, st.integers(0, 3), st.sets(st.integers(0, 11), max_size=3))
def test_the_short_way_and_the_general_way_agree(steps: list[Step], ack_every: int, lost: set[int]) -> None:
    frames = told(steps, ack_every, lost=lost)
    expected: dict[Sender, bytearray] = {"client": bytearray(), "server": bytearray()}
    for number, step in enumerate(steps):
        expected[step.sender] += bytes((number + place) % 63 for place in range(step.size))
    outcomes = []
    for link, change in WAYS.values():
        events = list(reassemble(packets(change(frames), link)))
        outcomes.append((both(events), ends(events)))
    over_ipv6 = run(told(steps, ack_every, version=6, lost=lost))
    outcomes.append((both(over_ipv6), ends(over_ipv6)))
    assert outcomes == [outcomes[0]] * len(outcomes)
    (client, server), _ = outcomes[0]
    for seen, sent in ((client, expected["client"]), (server, expected["server"])):
        assert len(seen) == len(sent)
        assert all(byte in (there, UNKNOWN) for byte, there in zip(seen, sent, strict=True))
    if not lost:
        assert (client, server) == (bytes(expected["client"]), bytes(expected["server"]))


# Laws


class Cut(NamedTuple):
    """A segment that covers `start` to `stop` of a stream."""

    start: int
    stop: int


@st.composite
def arrivals(draw: st.DrawFn, whole: bool = True) -> tuple[int, list[Cut]]:
    """A stream's length and its segments as they arrive: in any order, some twice or overlapping, or some missing."""
    size = draw(st.integers(1, 80))
    edges = sorted(draw(st.sets(st.integers(1, max(size - 1, 1)), max_size=12)) | {0, size})
    parts = [Cut(start, stop) for start, stop in pairwise(edges)]
    if not whole:
        parts = [part for part in parts if draw(st.booleans())]
    spans = st.tuples(st.integers(0, size - 1), st.integers(1, 20)).map(lambda span: Cut(span[0], min(sum(span), size)))
    extra = draw(st.lists(spans, max_size=8))
    return size, draw(st.permutations(parts + extra if whole else parts + extra[:3]))


def sent(size: int, cuts: Sequence[Cut], fill: Callable[[int, int], int], finish: bool) -> list[Frame]:
    """The frames; byte `at` of the stream in segment `number` is `fill(number, at)`."""
    talk = opened(step=1)
    for number, (start, stop) in enumerate(cuts):
        talk.segment("client", bytes(fill(number, at) for at in range(start, stop)), at=start)
    if finish:
        talk.segment("client", at=size, flags=FIN | ACK)
    return talk.frames


def carried(piece: Piece, frames: Sequence[Frame]) -> None:
    """Each byte of a piece stands in the packet that is named for it."""
    numbers = [packet.number for packet in piece.packets]
    assert numbers == sorted(set(numbers))
    assert piece.offsets[0] == piece.offset
    for (start, stop), number in zip(pairwise([*piece.offsets, piece.offset + len(piece.data)]), numbers, strict=True):
        (packet,) = packets([frames[number - 1]])
        segment = segment_of(packet)
        assert segment is not None
        place = start - (segment.sequence - CLIENT_FIRST)
        assert place >= 0
        assert segment.payload[place:][: stop - start] == piece.data[start - piece.offset : stop - piece.offset]


@law
@given(arrivals())
def test_whatever_the_order_the_pieces_are_the_stream(arrived: tuple[int, list[Cut]]) -> None:
    size, cuts = arrived
    frames = sent(size, cuts, lambda _, at: at, finish=False)
    events = run(frames)
    assert data(events) == bytes(range(size))
    assert not holes(events)
    for event in events:
        if isinstance(event, Piece):
            carried(event, frames)


@law
@given(arrivals())
def test_whatever_the_order_the_first_copy_of_each_byte_is_kept(arrived: tuple[int, list[Cut]]) -> None:
    size, cuts = arrived
    expected = [next(number for number, (start, stop) in enumerate(cuts) if start <= at < stop) for at in range(size)]
    frames = sent(size, cuts, lambda number, _: number, finish=False)
    events = run(frames)
    assert list(data(events)) == expected
    for event in events:
        if isinstance(event, Piece):
            carried(event, frames)


@law
@given(arrivals(whole=False), st.booleans())
def test_whatever_is_missing_pieces_and_holes_tile_the_stream(arrived: tuple[int, list[Cut]], finish: bool) -> None:
    size, cuts = arrived
    present = {at for start, stop in cuts for at in range(start, stop)}
    known = size if finish else max(present, default=-1) + 1
    events = run(sent(size, cuts, lambda _, at: 100 + at, finish))
    assert data(events) == bytes(100 + at if at in present else UNKNOWN for at in range(known))
    flow = connection_of(events).from_client
    assert (flow.bytes, flow.missing_bytes, flow.gaps) == (len(present), known - len(present), len(holes(events)))
    sizes = [stop - start for start, stop in cuts]  # one byte sent again may be a keep-alive
    assert sum(size for size in sizes if size > 1) <= flow.bytes + flow.retransmitted_bytes <= sum(sizes)


@law
@given(arrivals(), st.integers(0, 20), st.booleans())
def test_whatever_was_cut_pieces_and_holes_tile_the_stream(
    arrived: tuple[int, list[Cut]], kept: int, finish: bool
) -> None:
    size, cuts = arrived
    captured = {at for start, stop in cuts for at in range(start, min(stop, start + kept))}
    seen = data(run(sent(size, cuts, lambda _, at: 100 + at, finish), snapshot=HEADERS + kept))
    assert len(seen) == size
    for at, byte in enumerate(seen):
        assert byte == UNKNOWN or (byte == 100 + at and at in captured)


class Move(NamedTuple):
    """Anything that a wire may show."""

    sender: Sender
    flags: int
    at: int
    size: int
    upto: int
    pause: int
    snapshot: int
    port: int


NEAR = st.integers(0, 60)
MOVES = st.lists(
    st.builds(
        Move,
        st.sampled_from(["client", "server"]),
        st.sampled_from([ACK, ACK, ACK, ACK, FIN | ACK, SYN, SYN | ACK, RST | ACK, 0, SYN | FIN, SYN | RST]),
        NEAR | st.integers(-(1 << 31), 1 << 32),
        st.integers(0, 30),
        NEAR | st.integers(0, 1 << 32),
        st.sampled_from([1, 1, 1, 70 * MILLISECOND, 250 * MILLISECOND, 31 * SECOND]),
        st.sampled_from([1500, 1500, HEADERS + 5]),
        st.sampled_from([50000, 50001]),
    ),
    max_size=40,
)


@law
@given(MOVES, st.sampled_from([0, 1500, 1 << 20]), st.booleans())
def test_whatever_the_wire_shows_every_byte_comes_out_once(moves: list[Move], limit: int, tagged: bool) -> None:
    talks = {port: Conversation(("10.0.0.1", port), checksums=False) for port in (50000, 50001)}
    budget = Budget(limit)
    time = START

    def watched() -> Iterator[Packet]:
        nonlocal time
        for number, move in enumerate(moves, 1):
            time += move.pause
            talk = talks[move.port]
            frame = talk.segment(move.sender, bytes(move.size), flags=move.flags, at=move.at, upto=move.upto)
            (whole,) = framed([frame], tag=b"\x81\0\0\x64" if tagged else b"")
            assert budget.held <= limit + 1000
            yield Packet(0, number, time, ETHERNET, whole.data[: move.snapshot], len(whole.data))

    events = list(Reassembler(budget=budget).run(watched()))
    assert budget.held == 0
    for seen in by_connection(events):
        assert isinstance(seen[0], Begin)
        assert isinstance(seen[-1], End)
        assert [type(event) for event in seen].count(End) == 1
        _tiles(seen)


def _tiles(events: Iterable[Event]) -> None:
    """Offsets follow one another in each direction, nothing is empty, and the totals say what came out."""
    offsets = {"client": 0, "server": 0}
    captured = dict(offsets)
    for event in events:
        if isinstance(event, Piece | Hole):
            size = event.size or 0 if isinstance(event, Hole) else len(event.data)
            assert size > 0
            assert event.offset == offsets[event.flow.sender]
            offsets[event.flow.sender] += size
            captured[event.flow.sender] += size if isinstance(event, Piece) else 0
        elif isinstance(event, End):
            flows = {flow.sender: flow for flow in event.connection.flows}
            assert {sender: flow.offset for sender, flow in flows.items()} == offsets
            assert {sender: flow.bytes for sender, flow in flows.items()} == captured


@law
@given(st.lists(st.binary(min_size=30, max_size=90), max_size=20), st.sampled_from([ETHERNET, RAW, LINUX_COOKED_2, 0]))
def test_whatever_the_packets_nothing_is_raised(frames: list[bytes], link: int) -> None:
    for event in reassemble(packets((Frame(0, frame) for frame in frames), link)):
        assert repr(event)


# Looking inside


def test_state_can_be_seen() -> None:
    talk = opened()
    talk.client(b"abc")
    talk.segment("client", b"ghi", at=6)
    shown = [repr(event.flow) for event in run(talk.frames) if isinstance(event, Piece)]
    assert shown[0].startswith("<Flow 10.0.0.1:50000 -> 10.0.0.2:1935 from client at ")
    reassembler = Reassembler()
    for _ in reassembler.run(packets(talk.frames)):
        pass
    (connection,) = {flow.connection for flow in reassembler.flows.values()}
    assert repr(connection) == "<Connection 10.0.0.1:50000 -> 10.0.0.2:1935 closed>"


# Time passes while nothing comes


SECOND = 1_000_000_000


def after(talk: Conversation, nanoseconds: int) -> Packet:
    """So long after the last packet of a conversation, and nothing came."""
    (*_, last) = packets(talk.frames)
    return tick(last, last.time + nanoseconds)


def test_a_tick_sends_on_what_has_come() -> None:
    talk = opened()
    talk.client(b"abc")
    stream = reassemble(chain(packets(talk.frames), [after(talk, 0)], forever()))
    assert [type(event) for event in islice(stream, 3)] == [Begin, Piece, Tick]


def forever() -> Iterator[Packet]:
    pytest.fail("it waits for another packet")
    yield


def test_a_tick_gives_up_what_was_waited_for() -> None:
    talk = opened()
    talk.client(b"abc")
    del talk.frames[-1]
    talk.ack("server")
    soon, late = after(talk, TIME_BEFORE_HOLE // 2), after(talk, TIME_BEFORE_HOLE)
    events = list(reassemble([*packets(talk.frames), soon, late]))
    assert [type(event) for event in events] == [Begin, Tick, Hole, Tick, End]
    (hole,) = holes(events)
    assert (hole.size, hole.origin.packet) == (3, len(talk.frames))  # nothing later has been captured


def test_ticks_leave_the_end_where_the_last_packet_was() -> None:
    talk = opened()
    talk.client(b"abc")
    ticks = [after(talk, 5 * SECOND * n) for n in range(5)]
    with_ticks = [event for event in reassemble([*packets(talk.frames), *ticks]) if not isinstance(event, Tick)]
    assert [event[1:] for event in with_ticks] == [event[1:] for event in run(talk.frames)]


def kept_alive(talk: Conversation, seconds: int, *, from_: int = 0) -> Iterator[Packet]:
    """Nothing but ticks, ten seconds apart."""
    return (after(talk, SECOND * n) for n in range(from_ + 10, from_ + seconds + 1, 10))


@pytest.mark.parametrize(
    ("say", "patience", "reason"),
    [
        (lambda talk: talk.client(b"abc"), TIME_IDLE, "idle"),
        (lambda talk: talk.segment("client", flags=FIN | ACK), TIME_UNANSWERED, "closed"),
    ],
    ids=["idle", "half closed"],
)
def test_a_connection_that_stands_still_is_let_go(
    say: Callable[[Conversation], object], patience: int, reason: str
) -> None:
    talk = opened()
    say(talk)
    seconds = patience // SECOND
    early = list(reassemble(chain(packets(talk.frames), kept_alive(talk, seconds - 20))))
    assert isinstance(early[-1], End)  # with the capture
    late = list(reassemble(chain(packets(talk.frames), kept_alive(talk, seconds + 40))))
    assert ends(late)[0][0] == reason
    assert isinstance(late[-1], Tick)


def test_a_call_that_nobody_answers_is_let_go() -> None:
    talk = Conversation(time=START)
    talk.segment("client", flags=SYN)
    reassembler = Reassembler()
    events = list(reassembler.run(chain(packets(talk.frames), kept_alive(talk, 400))))
    assert ends(events) == [("no answer", "")]
    assert not reassembler.flows


def test_a_connection_that_is_over_is_forgotten() -> None:
    reassembler = Reassembler()
    talk = opened()
    talk.close()
    assert ends(reassembler.run(chain(packets(talk.frames), kept_alive(talk, 40)))) == [("closed", "client")]
    assert reassembler.flows  # for what comes late
    list(reassembler.run(kept_alive(talk, 60, from_=40)))
    assert not reassembler.flows


def test_what_goes_on_is_not_let_go_however_long_it_takes() -> None:
    talk = opened()
    frames = list(talk.frames)
    for _ in range(300):
        talk.at(talk.time + 30 * SECOND)
        frames += talk.client(b"abc")
        talk.at(talk.time + 30 * SECOND)
        frames += [talk.ack("server")]
    assert ends(run(frames)) == [("capture ended", "")]


def test_keep_alives_keep_a_connection() -> None:
    talk = opened()
    talk.client(b"abc")
    frames = list(talk.frames)
    for _ in range(200):
        talk.at(talk.time + 45 * SECOND)
        frames += [talk.segment("client", b"c", at=2), talk.ack("server")]
    assert ends(run(frames)) == [("capture ended", "")]


@pytest.mark.parametrize("days", [2, -2])
def test_a_jump_of_the_clock_lets_nobody_go(days: int) -> None:
    talk, other = opened(), Conversation(("10.0.0.9", 40_009), time=START)
    frames = [*talk.frames, *other.open()]
    talk.time = other.time = START + days * 86_400 * SECOND
    frames += [*other.close(), *talk.client(b"abc")]
    first, _ = by_connection(run(frames))
    assert (data(first), ends(first)) == (b"abc", [("capture ended", "")])


# Networks that share addresses


def in_vlan(frame: Frame, number: int) -> Frame:
    if not number:
        return frame
    return frame._replace(data=frame.data[:12] + b"\x81\0" + number.to_bytes(2, "big") + frame.data[12:])


@pytest.mark.parametrize("vlans", [(1, 2), (0, 1), (1, 0), (7, 0, 9)])
def test_equal_addresses_in_several_networks_do_not_mix(vlans: tuple[int, ...]) -> None:
    talks = []
    for vlan in vlans:
        talk = opened(mss=3, client_sequence=1_000_000 + vlan * 50_000_000)
        for _ in range(20):
            talk.client(b"in %d;" % vlan)
            talk.server(b"from %d;" % vlan)
        talk.close()
        talks.append([in_vlan(frame, vlan) for frame in talk.frames])
    frames = list(chain.from_iterable(zip(*talks, strict=True)))
    found = by_connection(run(frames))
    expected = [(b"in %d;" % vlan * 20, b"from %d;" % vlan * 20) for vlan in vlans]
    assert [both(events) for events in found] == expected
    assert [ends(events) for events in found] == [[("closed", "client")]] * len(vlans)


def test_a_network_of_its_own_for_each_direction() -> None:
    talk = opened()
    talk.client(b"question")
    talk.server(b"answer")
    talk.close()
    ways = {frame.data[:6] for frame in talk.frames}
    assert len(ways) == 2
    frames = [in_vlan(frame, 1 if frame.data[:6] == min(ways) else 2) for frame in talk.frames]
    for first in (0, 1, 3):  # from the SYN, from its answer, from the middle
        (events,) = by_connection(run(frames[first:]))
        assert both(events) == (b"question", b"answer")


# Those that give way


def test_a_flood_of_syns_displaces_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassembly, "MOST_CONNECTIONS", 16)
    talk = opened()
    for number in range(20):
        talk.client(b"%02d" % number)
    talk.close()
    flood = [Conversation(("10.9.0.1", 1000 + number)).segment("client", flags=SYN) for number in range(400)]
    frames = list(chain.from_iterable((frame, *flood[place * 15 :][:15]) for place, frame in enumerate(talk.frames)))
    reassembler = Reassembler()
    events = by_connection(reassembler.run(packets(frames)))[0]
    assert data(events) == b"".join(b"%02d" % number for number in range(20))
    assert ends(events) == [("closed", "client")]
    assert reassembler.evicted > 300
    assert len(reassembler.flows) <= 2 * 16


def test_those_that_stood_still_for_longest_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassembly, "MOST_CONNECTIONS", 16)
    busy = opened()
    frames = list(busy.frames)
    for number in range(100):
        busy.at(frames[-1].time + MILLISECOND)
        frames += busy.client(b"x")
        other = Conversation(("10.9.0.1", 1000 + number), time=frames[-1].time + MILLISECOND, checksums=False)
        other.open()
        frames += other.frames
    reassembler = Reassembler()
    found = by_connection(reassembler.run(packets(frames)))
    assert (data(found[0]), ends(found[0])) == (b"x" * 100, [("capture ended", "")])
    reasons = [ends(events)[0][0] for events in found[1:]]
    assert [reason for reason, _ in groupby(reasons)] == ["evicted", "capture ended"]
    assert reassembler.evicted == reasons.count("evicted")
