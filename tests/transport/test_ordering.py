"""Rebuilding streams: every way in which segments arrive, and what becomes of bytes that never do.

A direction is shown as its joined pieces, with a `?` for every byte in a hole; joining checks that each offset comes
out once and in order.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from time import process_time
from typing import NamedTuple

import pytest

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin, Packet
from rtmpsniff.transport.events import (
    HELD_BACK,
    NEVER_ACKNOWLEDGED,
    NEVER_CAPTURED,
    Begin,
    End,
    Hole,
    Piece,
)
from rtmpsniff.transport.reassembly import Reassembler, reassemble
from rtmpsniff.transport.waiting import (
    PACKETS_BEFORE_HOLE,
    TIME_BEFORE_HOLE,
    UNACKNOWLEDGED_LIMIT,
    UNACKNOWLEDGED_TIME,
)
from tests.build import ACK, FIN, Conversation, Frame, Sender
from tests.proportion import grows_gently
from tests.transport.talks import (
    ARP,
    ETHERNET,
    HEADERS,
    MILLISECOND,
    SECOND,
    START,
    both,
    by_connection,
    connection_of,
    data,
    ends,
    holes,
    merged,
    opened,
    packets,
    pieces,
    run,
)

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


# Looking inside


def test_what_waits_can_be_seen() -> None:
    talk = opened()
    talk.segment("client", b"early", at=5)
    reassembler = Reassembler()
    stream = reassembler.run(packets([*talk.frames, Frame(talk.time, ARP)]))
    assert isinstance(next(stream), Begin)
    ordering = reassembler.ordering
    assert repr(ordering) == "<Ordering at 1: 0 wait>"
    assert isinstance(next(stream), Hole)
    assert (repr(ordering), ordering.budget.held > len(b"early")) == ("<Ordering at 5: 1 wait>", True)
    assert isinstance(next(stream), Piece)
    assert isinstance(next(stream), End)
    assert (repr(ordering), ordering.budget.held) == ("<Ordering at 5: 0 wait>", 0)
