"""One session, many captures: however it was recorded or packed, the messages are the same.

The shared captures hold a publisher and a player (made/28) in many wrappings, and views of the same sessions that
lack something. What each lacks is known, so each is compared with the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from itertools import pairwise, permutations
from pathlib import Path
from typing import Final, NamedTuple

import pytest

import rtmpsniff
from rtmpsniff import Message

SHARED: Final = Path(__file__).parents[2] / "shared" / "captures"
BASE: Final = "made/28-base-mtu1500-publish-play.pcap"
THREE_VIEWS: Final = ("made/22-any-sll1.pcap", "made/21-any-sll2-nsec.pcap", "made/24-dumpcap.pcapng")

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures beside the checkout")


class Said(NamedTuple):
    """A message as its receiver would know it, wherever and however it was captured."""

    chunk_stream: int
    message_stream: int
    type: str
    timestamp: int
    length: int
    payload: str  # SHA-256
    state: str


class Direction(NamedTuple):
    """Who speaks, in a capture where ports tell the connections apart."""

    client: int
    server: int
    sender: str


Session = dict[Direction, list[Said]]


def said(message: Message) -> Said:
    return Said(
        message.chunk_stream_id,
        message.message_stream_id,
        message.type,
        message.timestamp,
        message.length,
        sha256(message.payload).hexdigest(),
        message.state,
    )


@cache
def read(name: str) -> list[rtmpsniff.Connection]:
    return rtmpsniff.connections(SHARED / name)


def directions(connections: Iterable[rtmpsniff.Connection]) -> dict[Direction, list[Message]]:
    """The messages of each direction, those of connections between the same ports one after the other."""
    found: dict[Direction, list[Message]] = {}
    for connection in connections:
        client, server = connection.opened.client.port, connection.opened.server.port
        for sender in ("client", "server"):
            own = [message for message in connection.messages if message.sender == sender]
            found.setdefault(Direction(client, server, sender), []).extend(own)
    return found


def session(name: str) -> Session:
    return {direction: [said(one) for one in own] for direction, own in directions(read(name)).items()}


def test_the_base_is_what_was_published_and_played() -> None:
    base = session(BASE)
    counts = {(direction.sender, len(own)) for direction, own in base.items()}
    assert counts == {("client", 355), ("server", 7), ("client", 6), ("server", 268)}
    assert {one.state for own in base.values() for one in own} == {"whole"}


# The same packets in another wrapping, or with faults that TCP mends.


@pytest.mark.parametrize(
    "name",
    [
        "vlan.pcap",
        "qinq.pcap",
        "pppoe.pcap",
        "vxlan-gre.pcap",
        "ip-fragments.pcap",
        "linktype-null0.pcap",
        "linktype-raw101.pcap",
        "nsec.pcap",
        "big-endian.pcap",
        "base.pcapng",
        "base.pcap.gz",
        "seq-wrap.pcap",
        "reordered.pcap",
        "duplicates.pcap",
        "overlap-retransmit.pcap",
        "no-syn-with-handshake.pcap",
    ],
)
def test_the_wrapping_does_not_matter(name: str) -> None:
    assert session(f"impaired/{name}") == session(BASE)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_capture_cut_into_files_is_one(tmp_path: Path, order: tuple[int, ...]) -> None:
    """As rotation cuts it: a connection goes on across files, which may be named in any order."""
    data = (SHARED / BASE).read_bytes()
    starts = [24]
    while starts[-1] < len(data):
        starts.append(starts[-1] + 16 + int.from_bytes(data[starts[-1] + 8 : starts[-1] + 12], "little"))
    cuts = [24, starts[len(starts) // 3], starts[len(starts) // 2], len(data)]
    parts = [tmp_path / f"{number}.pcap" for number in range(3)]
    for path, (start, stop) in zip(parts, pairwise(cuts), strict=True):
        path.write_bytes(data[:24] + data[start:stop])
    connections = rtmpsniff.connections(*(parts[number] for number in order))
    found = {way: [said(one) for one in own] for way, own in directions(connections).items()}
    assert found == session(BASE)
    first, last = connections[0].messages[0], connections[-1].messages[-1]
    assert (order[first.first.capture], order[last.last.capture]) == (0, 2)


@pytest.mark.parametrize("name", THREE_VIEWS[1:])
def test_three_recorders_of_one_session_saw_the_same(name: str) -> None:
    assert session(name) == session(THREE_VIEWS[0])


def test_interfaces_of_a_file_do_not_mix() -> None:
    parts = (BASE, "made/19-ipv6-mtu1500-chunk512.pcap", THREE_VIEWS[1])
    together = {direction: own for name in parts for direction, own in session(name).items()}
    assert session("impaired/multi-iface.pcapng") == together


def test_a_pair_of_ports_may_be_used_again() -> None:
    once = {direction: own for direction, own in session(BASE).items() if direction.client == 41540}
    assert session("impaired/tuple-reuse.pcap") == {direction: own * 2 for direction, own in once.items()}
    assert len(read("impaired/tuple-reuse.pcap")) == 2


def test_packets_that_were_captured_twice_are_not_sent_again() -> None:
    for connection in read("impaired/duplicates.pcap"):
        assert connection.closed is not None
        assert connection.closed.from_client.retransmitted_bytes == 0
        assert connection.closed.from_server.retransmitted_bytes == 0


# Captures that lack something.


def test_a_file_that_was_cut_short_holds_the_beginning() -> None:
    cut, whole = session("impaired/truncated-file.pcap"), session(BASE)
    assert cut.keys() == whole.keys()
    for direction, own in cut.items():
        complete = [one for one in own if one.state == "whole"]
        assert complete == whole[direction][: len(complete)]
        assert len(own) - len(complete) <= 1
    assert sum(map(len, cut.values())) > 400


@pytest.mark.parametrize("sender", ["client", "server"])
def test_one_direction_is_enough(sender: str) -> None:
    other = "server" if sender == "client" else "client"
    view = session(f"impaired/oneway-{sender}-to-{other}.pcap")
    expected = {direction: own for direction, own in session(BASE).items() if direction.sender == sender}
    assert {direction: own for direction, own in view.items() if own} == expected


def by_place(messages: Sequence[Message]) -> dict[int, Message]:
    return {message.offset: message for message in messages}


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("impaired/capture-loss-1pct.pcap", BASE),
        ("impaired/snaplen96.pcap", BASE),
        ("made/23-snaplen150.pcap", THREE_VIEWS[0]),
    ],
)
def test_what_is_left_of_a_damaged_capture_is_right(name: str, whole: str) -> None:
    truth = directions(read(whole))
    for direction, own in directions(read(name)).items():
        real = by_place(truth[direction])
        for message in own:
            assert_agrees(message, real[message.offset])


def assert_agrees(message: Message, real: Message) -> None:
    """Header, and payload as far as it was captured, are those of the undamaged view."""
    assert (message.message_type_id, message.chunk_stream_id) == (real.message_type_id, real.chunk_stream_id)
    assert (message.message_stream_id, message.length) == (real.message_stream_id, real.length)
    if message.timestamp_certain:
        assert message.timestamp == real.timestamp
    expected = bytearray(real.payload[: len(message.payload)])
    for start, stop in message.missing:
        expected[start:stop] = bytes(stop - start)
    assert message.payload == bytes(expected)
    assert (message.state == "whole") == (len(message.payload) == message.length and not message.missing)


def test_flipped_bits_stay_in_their_messages() -> None:
    flipped, whole = session("impaired/bitflips.pcap"), session(BASE)
    changed = 0
    for direction, own in flipped.items():
        for mine, real in zip(own, whole[direction], strict=True):
            assert mine._replace(payload="") == real._replace(payload="")
            changed += mine.payload != real.payload
    assert changed == 3  # as many bytes of TCP payload differ between the files


def test_a_player_sees_the_times_that_were_published_where_31_bits_wrap() -> None:
    """nginx-rtmp sends a delta of 0x80000017 there, which lies near the time that it is added to."""
    ends = {one.opened.client.port: one for one in read("made/20-extended-timestamp-boundary-chunk128.pcap")}
    published = {sha256(one.payload).digest(): one.timestamp for one in ends[44172].messages if one.type == "video"}
    played = [one for one in ends[44174].messages if one.type == "video" and one.length > 50]  # not the configuration
    assert len(played) > 40
    assert [one.timestamp for one in played] == [published[sha256(one.payload).digest()] for one in played]
