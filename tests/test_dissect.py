"""The spine: packets in, events out, and what was passed over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rtmpsniff.capture.packet import Packet
from rtmpsniff.dissect import Dissection, dissect
from rtmpsniff.rtmp.events import Closed, Event, Greeting, Message, Opened
from tests.build import SYN, Conversation, Frame, Talk, session

START = 1_700_000_000_123_456_789
ARP = bytes(12) + b"\x08\x06" + bytes(46)
REQUEST = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"


def packets(*parts: Iterable[Frame]) -> Iterator[Packet]:
    frames = [frame for part in parts for frame in part]
    for number, frame in enumerate(frames, 1):
        yield Packet(0, number, frame.time, 1, frame.data, len(frame.data))


def web(port: int = 8080) -> list[Frame]:
    """A connection that carries no RTMP."""
    talk = Conversation(server=("10.0.0.2", port), time=START)
    talk.open()
    talk.client(REQUEST)
    talk.server(b"HTTP/1.1 200 OK\r\n\r\n")
    talk.close()
    return talk.frames


def kinds(events: Iterable[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_a_session_from_first_to_last() -> None:
    talk = session()
    events = list(dissect(packets(talk.frames)))
    said = [
        (message.sender, message.message_type_id, message.payload) for message in events if isinstance(message, Message)
    ]
    assert said == [(sent.sender, sent.type_id, sent.payload) for sent in talk.sent]
    assert isinstance(events[0], Opened)
    assert sum(isinstance(event, Greeting) for event in events) == 4
    assert isinstance(events[-1], Closed)
    assert events[-1].reason == "closed"


def test_base_is_the_time_of_the_first_packet_whatever_it_carries() -> None:
    dissection = Dissection(packets([Frame(START, ARP)], session(Talk(time=START + 5)).frames))
    assert list(dissection)
    assert dissection.base == START


def test_base_is_known_with_the_first_event() -> None:
    dissection = Dissection(packets(session(Talk(time=START)).frames))
    for _ in dissection:
        assert dissection.base == START


def test_no_packets() -> None:
    dissection = Dissection([])
    assert list(dissection) == []
    assert (dissection.base, dissection.rtmp_connections) == (0, 0)
    assert (dissection.other_packets, dissection.other_connections) == (0, 0)


def test_other_packets_are_counted() -> None:
    cut = session().frames[0]
    dissection = Dissection(packets([Frame(START, ARP)] * 3, [cut._replace(data=cut.data[:40])], session().frames))
    assert list(dissection)
    assert dissection.other_packets == 4


def test_other_connections_are_counted_and_say_nothing() -> None:
    dissection = Dissection(packets(web(8080), web(8081)))
    assert list(dissection) == []
    assert (dissection.rtmp_connections, dissection.other_connections) == (0, 2)
    assert dissection.other_packets == 0


def test_an_rtmp_connection_is_no_other_one() -> None:
    dissection = Dissection(packets(session().frames, web()))
    assert list(dissection)
    assert (dissection.rtmp_connections, dissection.other_connections) == (1, 1)


def test_rtmp_is_found_by_content_on_any_port() -> None:
    talk = session(Talk(server=("10.0.0.2", 8080)))
    dissection = Dissection(packets(talk.frames))
    assert sum(isinstance(event, Message) for event in dissection) == len(talk.sent)
    assert (dissection.rtmp_connections, dissection.other_connections) == (1, 0)


def test_what_is_not_rtmp_on_a_port_that_was_named_is_told() -> None:
    dissection = Dissection(packets(web(8080)), ports=[8080])
    assert kinds(dissection) == ["Opened", "Finding", "Undecoded", "Undecoded", "Closed"]
    assert (dissection.rtmp_connections, dissection.other_connections) == (0, 0)


def test_a_connection_that_was_never_answered_is_shown_on_a_port_that_was_named() -> None:
    talk = Conversation(server=("10.0.0.2", 1936))
    syn = [talk.segment("client", flags=SYN)]
    assert kinds(dissect(packets(syn), ports=[1936])) == ["Opened", "Closed"]
    assert kinds(dissect(packets(syn))) == []


def test_a_session_without_its_beginning_on_a_port_that_was_named() -> None:
    talk = session(Talk(server=("10.0.0.2", 1936)))
    late = talk.frames[len(talk.frames) // 3 :]
    events = list(dissect(packets(late), ports=[1936]))
    assert isinstance(events[0], Opened)
    assert not events[0].whole
    assert isinstance(events[-1], Closed)
    assert "Finding" in kinds(events)
    # On a port that nobody named it is found by what is said.
    assert kinds(dissect(packets(late))) == kinds(events)


def test_packets_are_read_only_as_events_are_asked_for() -> None:
    read: list[int] = []

    def watched() -> Iterator[Packet]:
        for packet in packets(session().frames):
            read.append(packet.number)
            yield packet

    events = iter(Dissection(watched()))
    assert isinstance(next(events), Opened)
    assert read == [1]
