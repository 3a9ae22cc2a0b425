"""Connections begin and end, and every packet takes its way to them: the short one or the general one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from struct import pack_into
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin, Packet
from rtmpsniff.transport.events import (
    Begin,
    End,
    Event,
    Hole,
    Piece,
    Tick,
)
from rtmpsniff.transport.reassembly import Reassembler, reassemble
from rtmpsniff.transport.tcp import Endpoint, segment_of
from rtmpsniff.transport.udp import Datagram
from rtmpsniff.transport.waiting import (
    TIME_BEFORE_HOLE,
)
from tests.build import ACK, FIN, RST, SYN, Conversation, Frame, Sender
from tests.transport.talks import (
    ARP,
    CLIENT_FIRST,
    ETHERNET,
    HEADERS,
    LINUX_COOKED_2,
    MILLISECOND,
    RAW,
    SECOND,
    START,
    UNKNOWN,
    after,
    both,
    by_connection,
    connection_of,
    data,
    ends,
    holes,
    opened,
    packets,
    run,
)

law = settings(deadline=None)  # a busy machine breaks no law


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
    numbers = [number for _, number, _ in piece.places]
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
    assert repr(reassembler) == "<Reassembler <Table of 2 directions>, <Ordering at 5: 0 wait>>"
    (connection,) = {flow.connection for flow in reassembler.table.flows.values()}
    assert repr(connection) == "<Connection 10.0.0.1:50000 -> 10.0.0.2:1935 closed>"


# Time passes while nothing comes


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
