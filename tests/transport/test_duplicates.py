"""Packets that are captured twice are no retransmissions; retransmissions are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import permutations

import pytest

from rtmpsniff.capture.packet import Packet
from rtmpsniff.transport.duplicates import TIME_OF_COPIES, TIME_OF_PLAIN_COPIES
from rtmpsniff.transport.events import Begin, Event, Piece
from rtmpsniff.transport.reassembly import Reassembler
from tests.build import ACK, PSH, Conversation, Frame

MILLISECOND = 1_000_000
TAG = bytes.fromhex("81000064")
VXLAN = bytes.fromhex("0800 4500 0000 0001 0000 4011 0000 c0000201 c0000202 9c40 12b5 0000 0000 08000000 00000700")


def tagged(frame: Frame, after: int = 1000) -> Frame:
    return Frame(frame.time + after, frame.data[:12] + TAG + frame.data[12:])


def tunnelled(frame: Frame, after: int = 1000) -> Frame:
    return Frame(frame.time + after, bytes(12) + VXLAN + frame.data)


def routed(frame: Frame, after: int = 1000) -> Frame:
    """One hop farther: other cards, less time to live."""
    data = bytearray(frame.data)
    data[:12], data[22] = bytes(range(12)), 63
    return Frame(frame.time + after, bytes(data))


def same(frame: Frame, after: int = 1000) -> Frame:
    return frame._replace(time=frame.time + after)


COPIES = pytest.mark.parametrize("copy", [same, tagged, tunnelled, routed])


def packets(frames: Iterable[Frame]) -> Iterator[Packet]:
    for number, frame in enumerate(frames, 1):
        yield Packet(0, number, frame.time, 1, frame.data, len(frame.data))


def run(frames: Iterable[Frame]) -> tuple[Reassembler, list[Event]]:
    reassembler = Reassembler()
    return reassembler, list(reassembler.run(packets(frames)))


def sent(events: Iterable[Event]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Piece) and event.flow.sender == "client")


def retransmitted(events: Iterable[Event]) -> int:
    (begin,) = (event for event in events if isinstance(event, Begin))
    return sum(flow.retransmitted_bytes for flow in begin.connection.flows)


def talk_of(payloads: int, version: int = 4) -> Conversation:
    client, server = {4: ("10.0.0.1", "10.0.0.2"), 6: ("fd00::1", "fd00::2")}[version]
    talk = Conversation((client, 50000), (server, 1935), timestamps=False)
    talk.open()
    for number in range(payloads):
        talk.client(b"payload %d;" % number)
    talk.close()
    return talk


@COPIES
@pytest.mark.parametrize("behind", [1, 7, 40])
def test_every_packet_twice(copy: object, behind: int) -> None:
    """The copy comes at once, or some packets later."""
    talk = talk_of(100)
    frames: list[Frame] = []
    for number, frame in enumerate(talk.frames):
        frames.append(frame)
        if number >= behind:
            frames.append(copy(talk.frames[number - behind], behind * MILLISECOND))  # type: ignore[operator]
    reassembler, events = run(frames)
    assert sent(events) == b"".join(b"payload %d;" % number for number in range(100))
    assert retransmitted(events) == 0
    assert reassembler.duplicates.found == 100 - max(behind - 3, 0)  # those of the last stay behind


@COPIES
def test_the_copy_first_or_last(copy: object) -> None:
    """A copy may be captured before what it is a copy of, and then the other one is left out."""
    talk = talk_of(20)
    frames = [each for frame in talk.frames for each in (copy(frame, 0), frame)]  # type: ignore[operator]
    reassembler, events = run(frames)
    assert sent(events) == b"".join(b"payload %d;" % number for number in range(20))
    assert (retransmitted(events), reassembler.duplicates.found) == (0, 20)


def test_three_views() -> None:
    talk = talk_of(20)
    for order in permutations([same, tagged, tunnelled]):
        reassembler, events = run([view(frame) for frame in talk.frames for view in order])
        assert (retransmitted(events), reassembler.duplicates.found) == (0, 40)


def test_copies_of_what_came_early() -> None:
    talk = Conversation(timestamps=False)
    talk.open()
    early = talk.segment("client", b"world", at=6)
    frames = [*talk.frames[:3], early, same(early), talk.segment("client", b"hello ", at=0)]
    reassembler, events = run(frames)
    assert sent(events) == b"hello world"
    assert (retransmitted(events), reassembler.duplicates.found) == (0, 1)


def test_what_is_sent_again_is_no_copy() -> None:
    talk = Conversation(timestamps=False)
    talk.open()
    talk.client(b"hello")
    talk.segment("client", b"hello", flags=ACK | PSH, at=0)  # the same but for IP's identification
    reassembler, events = run(talk.frames)
    assert (retransmitted(events), reassembler.duplicates.found) == (5, 0)


@pytest.mark.parametrize(("version", "limit"), [(4, TIME_OF_COPIES), (6, TIME_OF_PLAIN_COPIES)], ids=["IPv4", "IPv6"])
def test_a_copy_comes_soon(version: int, limit: int) -> None:
    for after, copies in ((limit, 1), (limit + 1, 0), (-limit, 1)):
        talk = talk_of(1, version)
        frames = [*talk.frames[:4], same(talk.frames[3], after)]
        assert run(frames)[0].duplicates.found == copies


def test_memory_is_bounded() -> None:
    talk = talk_of(5000)
    frames = [each for frame in talk.frames for each in (frame, same(frame))]
    reassembler, _ = run(frames)
    assert reassembler.duplicates.found == 5000
    assert len(reassembler.duplicates._seen) == 2048
