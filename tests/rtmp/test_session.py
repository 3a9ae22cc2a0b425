"""Both directions of a connection: whether it is RTMP, what the handshake comes to, what one side tells of the other.

Where the order of the turns is all that matters the sides speak in `converse`, which cuts what they say in three ways
and checks that every byte is accounted for; where TCP matters, in captures that `tests.build` makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from struct import pack

import pytest

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Packet, tick
from rtmpsniff.dissect import dissect
from rtmpsniff.findings import (
    CAPTURE_QUALITY,
    HANDSHAKE_COPY,
    HANDSHAKE_ECHO,
    HANDSHAKE_ENCRYPTED,
    HANDSHAKE_STALLED,
    HANDSHAKE_VERSION,
    MEMORY_BUDGET,
    WRONG_PROTOCOL,
    Severity,
)
from rtmpsniff.rtmp.events import Closed, Event, Message, Opened, Variant
from rtmpsniff.rtmp.session import Session, Sessions
from rtmpsniff.transport.reassembly import Begin, End, Hole, Piece, Sender
from tests.build import (
    AAC_HEADER,
    ChunkWriter,
    Frame,
    Handshake,
    Talk,
    amf0,
    audio_frame,
    greeting,
    handshake,
    session,
    video_frame,
)
from tests.rtmp.feeding import (
    Carrier,
    Cut,
    Turn,
    closed,
    converse,
    findings,
    greetings,
    messages,
    new_connection,
    opened,
    packets_of,
    rules,
    said,
    stream_events,
    three_feedings,
    undecoded,
    whole,
)
from tests.rtmp.test_handshake import digest_packet, fill, signed_packet
from tests.rtmp.test_recognition import HTTP, TLS, TPKT, TPKT_ANSWER

AUDIO, VIDEO, COMMAND = 8, 9, 20
NGINX = bytes.fromhex("0d0e0a0d")
CONNECT = amf0("connect", 1, {"app": "live"})


def joined(chunks: Sequence[bytes]) -> bytes:
    return b"".join(chunks)


def client_says(payload: bytes = CONNECT) -> bytes:
    return joined(ChunkWriter().message(3, COMMAND, 0, 0, payload))


def server_says(payload: bytes = b"\0\x26\x25\xa0") -> bytes:
    return joined(ChunkWriter().message(2, 5, 0, 0, payload))


def greet(flights: Handshake) -> list[Turn]:
    return [("client", flights.c0c1), ("server", flights.s0s1s2), ("client", flights.c2)]


PLAIN = [*greet(handshake()), ("client", client_says()), ("server", server_says())]


def dissected(frames: Sequence[Frame], ports: Sequence[int] = ()) -> list[Event]:
    return list(dissect(packets_of(frames), ports))


def verdicts(events: Sequence[Event]) -> dict[str, str]:
    return {one.part: one.verdict for one in greetings(events)}


# A whole session


@pytest.mark.parametrize("mss", [1448, 100, 7])
@pytest.mark.parametrize("chunk_size", [128, 4096])
def test_a_session_is_read_as_it_was_said(mss: int, chunk_size: int) -> None:
    talk = session(Talk(mss=mss), chunk_size=chunk_size)
    events = dissected(talk.frames)
    for sender in ("client", "server"):
        assert [(one.timestamp, one.payload) for one in messages(events) if one.sender == sender] == [
            (one.timestamp, one.payload) for one in talk.sent if one.sender == sender
        ]
    assert [one.number for one in messages(events)] == list(range(1, len(talk.sent) + 1))
    assert not findings(events)
    assert not undecoded(events)
    assert verdicts(events) == {"C0 C1": "none", "S0 S1": "none", "S2": "echo", "C2": "echo"}
    first, last = events[0], events[-1]
    assert isinstance(first, Opened)
    assert (str(first.client), str(first.server), first.whole) == ("10.0.0.1:50000", "10.0.0.2:1935", True)
    assert isinstance(last, Closed)
    assert (last.variant, last.reason, last.closer) == ("rtmp", "closed", "client")
    assert (last.begun, last.begun.packet) == (first.origin, 1)
    assert last.ended.packet >= len(talk.frames) - 1


def test_connections_are_numbered_and_do_not_mix() -> None:
    talks = {port: Talk(("10.0.0.1", port), mss=500, step=3_000_000) for port in (50001, 50002, 50003)}
    frames = [frame for port, talk in talks.items() for frame in session(talk, video=port - 50000).frames]
    events = dissected(sorted(frames, key=lambda frame: frame.time))
    assert [one.connection for one in opened(events)] == [1, 2, 3]
    for first in opened(events):
        own = [one for one in messages(events) if one.connection == first.connection]
        sent = talks[first.client.port].sent
        assert sorted(one.payload for one in own) == sorted(one.payload for one in sent)
        assert [one.number for one in own] == list(range(1, len(sent) + 1))


# Recognition


@three_feedings
@pytest.mark.parametrize("port", [1935, 80, 8443, 3389])
def test_rtmp_is_found_on_any_port(cut: Cut, port: int) -> None:
    events = converse(PLAIN, cut, server=port)
    assert [one.server.port for one in opened(events)] == [port]
    assert [one.part for one in greetings(events)] == ["C0 C1", "S0 S1", "S2", "C2"]
    assert [one.payload for one in messages(events)] == [CONNECT, b"\0\x26\x25\xa0"]
    assert closed(events).variant == "rtmp"
    assert not findings(events)


@three_feedings
@pytest.mark.parametrize("ports", [(), (8000,)])
def test_a_port_that_is_named_needs_less(cut: Cut, ports: Sequence[int]) -> None:
    events = converse([("client", handshake().c0c1[:900])], cut, server=8000, ports=ports)
    assert len(opened(events)) == len(undecoded(events)) == len(ports)
    events = converse([("client", HTTP)], server=8000, ports=ports)
    assert rules(events) == [WRONG_PROTOCOL] * len(ports)


@three_feedings
@pytest.mark.parametrize(
    "turns",
    [
        [("client", HTTP), ("server", b"HTTP/1.1 200 OK\r\n\r\n")],
        [("client", TLS), ("server", TLS)],
        [("server", b"SSH-2.0-OpenSSH_9.2\r\n"), ("client", b"SSH-2.0-PuTTY\r\n")],
        [("client", b"OPTIONS rtsp://x RTSP/1.0\r\n\r\n")],
        [("client", bytes(range(100, 200)))],
        [("client", TPKT), ("server", TPKT_ANSWER), ("client", TPKT * 300)],
        [("client", TPKT * 300)],
        [("server", TPKT_ANSWER * 300)],
        [("client", handshake().c0c1[:1000])],
        [("client", handshake().c0c1)],
        [("client", handshake().c0c1[:1000]), ("server", handshake().s0s1s2)],
        [("client", handshake().c0c1), ("server", b"\x04" + handshake().s0s1s2[1:])],
        [("client", handshake().c0c1[:500]), ("client", 10), ("client", handshake().c0c1[510:])],
        [],
    ],
    ids=[
        "HTTP",
        "TLS",
        "SSH",
        "RTSP",
        "noise",
        "RDP",
        "RDP, one direction",
        "RDP, the other direction",
        "C1 in part",
        "C0 and C1 without an answer",
        "answered before C1 was whole",
        "the server's version is wrong",
        "a hole in C1",
        "nothing",
    ],
)
def test_what_is_not_rtmp_on_another_port_is_passed_over(cut: Cut, turns: list[Turn]) -> None:
    assert converse(turns, cut, server=3389) == []


def test_what_was_passed_over_is_counted() -> None:
    sessions = Sessions()
    passed_over: list[Turn] = [("client", TPKT), ("server", TPKT_ANSWER)]
    for port, turns in ((3389, passed_over), (1935, PLAIN), (1935, [])):
        connection = new_connection(server=port)
        list(sessions.run(stream_events(turns, connection, Carrier(whole))))
    assert (sessions.accepted, sessions.others) == (1, 1)


def test_a_session_counts_as_rtmp_before_it_ends() -> None:
    sessions = Sessions()
    counts = [sessions.accepted for _ in sessions.run(stream_events(PLAIN, new_connection(), Carrier(whole)))]
    assert counts[0] == 0
    assert set(counts[1:]) == {1}


@three_feedings
@pytest.mark.parametrize(
    ("turns", "variant", "title"),
    [
        ([("client", HTTP), ("server", b"HTTP/1.1 200 OK\r\n\r\n")], "unknown", "an HTTP request: GET /live HTTP/1.1"),
        ([("client", TLS), ("server", TLS)], "tls", "TLS (handshake record): its sender takes this for rtmps://"),
        ([("server", b"SSH-2.0-x\r\n"), ("client", b"SSH-2.0-y\r\n")], "unknown", "SSH: SSH-2.0-x"),
        ([("client", b"PLAY rtsp://x RTSP/1.0\r\n")], "unknown", "an RTSP request: PLAY rtsp://x RTSP/1.0"),
        ([("client", b"GET /caf\xc3\xa9 HTTP/1.1\r\n")], "unknown", "an HTTP request: GET /caf\u00c3\u00a9 HTTP/1.1"),
        ([("client", bytes(2000))], "unknown", "begins with 00 00 00 00 00 00 00 00"),
    ],
    ids=["HTTP", "TLS", "SSH", "RTSP", "no ASCII", "zeros"],
)
def test_what_is_not_rtmp_on_1935_is_told_and_counted(
    cut: Cut, turns: list[Turn], variant: Variant, title: str
) -> None:
    events = converse(turns, cut)
    (finding,) = findings(events)
    assert (finding.rule, finding.severity, finding.sender) == (WRONG_PROTOCOL, Severity.ERROR, turns[0][0])
    assert finding.title == f"not RTMP: {title}"
    assert [(one.sender, one.offset, one.length, one.reason) for one in undecoded(events)] == [
        (sender, 0, size(part), "not RTMP") for sender, part in sorted(turns)
    ]
    assert closed(events).variant == variant


def size(part: bytes | int) -> int:
    return part if isinstance(part, int) else len(part)


def test_each_side_of_what_is_not_rtmp_has_its_own_packets() -> None:
    events = converse([("client", HTTP), ("server", bytes(250)), ("client", HTTP)])
    asked, answered = undecoded(events)
    assert (asked.first.packet, asked.last.packet) == (1, 5)
    assert (answered.first.packet, answered.last.packet) == (2, 4)


def test_a_hole_in_what_is_not_rtmp_is_counted() -> None:
    events = converse([("client", HTTP), ("client", 20), ("client", HTTP)])
    (rest,) = undecoded(events)
    assert (rest.length, rest.missing) == (2 * len(HTTP) + 20, 20)


@three_feedings
@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes.fromhex("15030300020228"), bytes(5000)])
def test_a_server_that_answers_in_another_protocol(cut: Cut, answer: bytes) -> None:
    events = converse([("client", handshake().c0c1), ("server", answer)], cut)
    assert [(one.rule, one.sender) for one in findings(events)][:1] == [(WRONG_PROTOCOL, "server")]


@three_feedings
def test_a_connection_without_a_byte(cut: Cut) -> None:
    first, last = converse([], cut, reason="no answer")
    assert isinstance(first, Opened)
    assert isinstance(last, Closed)
    assert (last.variant, last.reason) == ("unknown", "no answer")


# Captures that do not have it all


@three_feedings
@pytest.mark.parametrize("port", [1935, 8000])
def test_the_client_alone(cut: Cut, port: int) -> None:
    turns = [turn for turn in PLAIN if turn[0] == "client"]
    events = converse(turns, cut, server=port)
    assert verdicts(events) == {"C0 C1": "none", "C2": "unseen"}
    assert [one.payload for one in messages(events)] == [CONNECT]
    assert not findings(events)


@three_feedings
@pytest.mark.parametrize("port", [1935, 8000])
def test_the_server_alone(cut: Cut, port: int) -> None:
    turns = [turn for turn in PLAIN if turn[0] == "server"]
    events = converse(turns, cut, server=port)
    assert verdicts(events) == {"S0 S1": "none", "S2": "unseen"}
    assert [one.payload for one in messages(events)] == [b"\0\x26\x25\xa0"]
    assert not findings(events)


@three_feedings
def test_a_handshake_without_its_syn(cut: Cut) -> None:
    for port in (1935, 8000):
        events = converse(PLAIN, cut, server=port, captured_from_start=False)
        assert [one.whole for one in opened(events)] == [False]
        assert [one.payload for one in messages(events)] == [CONNECT, b"\0\x26\x25\xa0"]


@three_feedings
@pytest.mark.parametrize(
    "turns",
    [
        [("client", b"\x03" + bytes(5000)), ("server", bytes(300))],
        [("client", b"\x03" + bytes(range(250)))],
        [("client", b"\x03" + bytes(5000))],
        [("client", b"\x06" + bytes(range(250))), ("server", b"\xc4" + bytes(300))],
        [("server", b"\xc4" + bytes(2000)), ("server", 40), ("client", b"\xc2\0\0\0\1"), ("server", bytes(10))],
    ],
    ids=["3 and more", "3 and little", "3 alone", "6", "no 3"],
)
def test_a_capture_that_begins_in_the_middle_of_nothing_certain(cut: Cut, turns: list[Turn]) -> None:
    events = converse(turns, cut, captured_from_start=False)
    assert [one.whole for one in opened(events)] == [False]
    lengths = {sender: sum(size(part) for who, part in turns if who == sender) for sender in ("client", "server")}
    spoke = [sender for sender, length in lengths.items() if length]
    assert [(one.rule, one.severity, one.sender) for one in findings(events)] == [
        (CAPTURE_QUALITY, Severity.ERROR, sender) for sender in spoke
    ]
    assert {one.title for one in findings(events)} == {
        "from here on nothing could be decoded: the capture began in the middle of the connection"
    }
    assert {one.sender: one.length for one in undecoded(events)} == {sender: lengths[sender] for sender in spoke}
    assert {one.reason for one in undecoded(events)} == {"the capture began in the middle of the connection"}
    assert not greetings(events)
    assert closed(events).variant == "rtmp"
    assert converse(turns, cut, captured_from_start=False, server=8000) == []


def media(start: int = 0, count: int = 6) -> list[Turn]:
    """What a publisher sends while it publishes, a message a turn, and what the server says in between."""
    writer, server = ChunkWriter(), ChunkWriter()
    turns: list[Turn] = []
    for number in range(count):
        frame = video_frame(number, 700 + number) if number % 3 == 0 else audio_frame(number, 90 + number)
        csid, kind = (6, VIDEO) if number % 3 == 0 else (4, AUDIO)
        turns.append(("client", joined(writer.message(csid, kind, 1, start + 20 * number, frame))))
        if number % 2:
            turns.append(("server", joined(server.message(2, 3, 0, 0, pack(">L", 1000 * number)))))
    return turns


@three_feedings
@pytest.mark.parametrize(("missing", "read"), [(0, 6), (1, 5), (20, 5), (800, 4)])
def test_a_capture_that_begins_in_the_middle(cut: Cut, missing: int, read: int) -> None:
    """What comes before the first header that is certain is counted, and what follows is read."""
    stream = b"".join(part for sender, part in media(5000) if sender == "client" and isinstance(part, bytes))
    events = converse([("client", stream[missing:])], cut, captured_from_start=False)
    assert [one.whole for one in opened(events)] == [False]
    assert [one.length for one in messages(events)] == [one.length for one in messages(converse_all(stream))][-read:]
    assert sum(one.length for one in undecoded(events)) == messages(events)[0].offset
    if missing:
        told = findings(events)[0]
        assert (told.rule, told.severity, told.sender) == (CAPTURE_QUALITY, Severity.WARNING, "client")
        assert told.title.startswith("the capture began in the middle of the connection; ")
        assert told.title.endswith(" skipped up to the next header that is certain")


def converse_all(stream: bytes) -> list[Event]:
    return converse([*greet(handshake()), ("client", stream)])


@three_feedings
def test_times_that_rest_on_one_that_was_not_captured_are_not_certain(cut: Cut) -> None:
    (_, first), (_, second), *turns = media(5000)
    assert isinstance(first, bytes)
    assert isinstance(second, bytes)
    turns = [("client", first[100:]), ("client", second[50:]), *turns]
    events = converse(turns, cut, captured_from_start=False, in_order=False)
    media_of = [one for one in messages(events) if one.sender == "client"]
    # Each chunk stream counts from 0: what its first header adds to was not captured.
    assert [(one.timestamp, one.timestamp_certain) for one in media_of] == [
        (20, False),
        (60, False),
        (60, False),
        (80, False),
    ]


@three_feedings
def test_a_capture_that_begins_in_the_middle_with_a_hole(cut: Cut) -> None:
    turns: list[Turn] = [("server", 40), ("server", bytes(10)), ("client", client_says())]
    events = converse(turns, cut, captured_from_start=False)
    assert [one.payload for one in messages(events)] == [CONNECT]
    (finding,) = findings(events)
    assert (finding.rule, finding.severity, finding.sender) == (CAPTURE_QUALITY, Severity.ERROR, "server")
    assert [(one.sender, one.length, one.missing) for one in undecoded(events)] == [("server", 50, 40)]


def test_bytes_of_no_connection_are_passed_over() -> None:
    items = list(stream_events([("client", b"\x03"), ("client", 5)], new_connection(), Carrier(whole)))
    assert list(Sessions().run(items[1:-1])) == []


@three_feedings
def test_a_capture_without_the_first_byte(cut: Cut) -> None:
    """The SYN says where it stands, so the rest of the handshake is read."""
    c0c1, s0s1s2, c2 = handshake()
    turns: list[Turn] = [("client", 1), ("client", c0c1[1:]), ("server", s0s1s2), ("client", c2)]
    turns.append(("client", client_says()))
    events = converse(turns, cut)
    assert not findings(events)
    assert not undecoded(events)
    assert verdicts(events) == {"C0 C1": "unseen", "S0 S1": "none", "S2": "unseen", "C2": "echo"}
    assert greetings(events)[0].missing == ((0, 1),)
    assert [one.payload for one in messages(events)] == [CONNECT]


@three_feedings
def test_a_hole_in_the_first_bytes_of_what_is_not_rtmp(cut: Cut) -> None:
    events = converse([("client", HTTP[:7]), ("client", 2), ("client", HTTP[9:])], cut)
    assert not messages(events)
    (rest,) = undecoded(events)
    assert (rest.length, rest.missing) == (len(HTTP), 2)


@three_feedings
def test_a_hole_in_the_handshake_hides_the_verdicts_that_need_it(cut: Cut) -> None:
    c0c1, s0s1s2, c2 = handshake()
    turns: list[Turn] = [
        ("client", c0c1),
        ("server", s0s1s2[:200]),
        ("server", 100),
        ("server", s0s1s2[300:]),
        ("client", c2),
        ("client", client_says()),
    ]
    events = converse(turns, cut)
    assert verdicts(events) == {"C0 C1": "none", "S0 S1": "unseen", "S2": "echo", "C2": "unseen"}
    assert [one.payload for one in messages(events)] == [CONNECT]
    turns[1:4] = [("server", s0s1s2[:2000]), ("server", 10), ("server", s0s1s2[2010:])]
    assert verdicts(converse(turns, cut)) == {"C0 C1": "none", "S0 S1": "none", "S2": "unseen", "C2": "echo"}


@three_feedings
def test_a_version_that_was_not_captured_does_not_count(cut: Cut) -> None:
    c0c1, s0s1s2, c2 = handshake(version=6)
    turns: list[Turn] = [("client", c0c1), ("server", 10), ("server", s0s1s2[10:]), ("client", c2 + bytes(300))]
    assert closed(converse(turns, cut)).variant == "rtmpe"
    assert [one.reason for one in undecoded(converse(turns, cut))] == ["encrypted (RTMPE)"]


# The handshake


def digest_handshake(block: int) -> Handshake:
    c1, s1 = digest_packet(1, "client", block), digest_packet(2, "server", block)
    at = {8: (402, 526), 772: (1210, 1334)}[block]
    s2 = signed_packet(3, "server", c1[at[0] : at[0] + 32])
    c2 = signed_packet(4, "client", s1[at[1] : at[1] + 32])
    return handshake(c1, s1, s2=s2, c2=c2)


ONE = greeting(7, 5)
OTHER_TIME_2 = greeting(0, 1, b"\0\0\0\7")
OTHER_TIME = greeting(7, 2)


@three_feedings
@pytest.mark.parametrize(
    ("flights", "expected"),
    [
        (handshake(), "none none echo echo"),
        (digest_handshake(8), "D8 D8 signed signed"),
        (digest_handshake(772), "D772 D772 signed signed"),
        (handshake(ONE, ONE), "none none echo echo"),
        (handshake(digest_handshake(8).c0c1[1:], digest_handshake(8).s0s1s2[1:1537]), "D8 D8 echo echo"),
        (
            handshake(s2=bytes(8) + greeting(0, 1)[8:], c2=b"\1" + greeting(0, 2)[1:]),
            "none none echo echo without time",
        ),
        (handshake(s2=fill(9), c2=fill(8)), "none none neither neither"),
        (handshake(ONE, s2=ONE[:-1] + b"\0"), "none none neither echo"),
    ],
    ids=["echo", "D8", "D772", "S1 is C1", "digests, echoed", "other times", "no echo", "one byte wrong"],
)
def test_verdicts_on_the_handshake(cut: Cut, flights: Handshake, expected: str) -> None:
    events = converse([*greet(flights), ("client", client_says()), ("server", server_says())], cut)
    found = verdicts(events)
    kinds = [found["C0 C1"], found["S0 S1"], found["S2"], found["C2"]]
    assert " ".join(kinds) == expected
    blamed = [one.sender for one in findings(events) if one.rule is HANDSHAKE_ECHO]
    assert blamed == [one for one, verdict in (("server", kinds[2]), ("client", kinds[3])) if verdict == "neither"]
    assert set(rules(events)) <= {HANDSHAKE_ECHO, HANDSHAKE_COPY}


@three_feedings
@pytest.mark.parametrize("block", [8, 772])
def test_a_digest_has_its_place_in_the_data(cut: Cut, block: int) -> None:
    for one in greetings(converse(greet(digest_handshake(block)), cut)):
        assert one.digest is not None
        start, stop = one.digest
        assert stop - start == 32
        assert (start, stop) == (1504, 1536) or one.part in {"C0 C1", "S0 S1"}


@three_feedings
@pytest.mark.parametrize("version", [6, 8, 9])
def test_rtmpe_is_opaque_and_counted(cut: Cut, version: int) -> None:
    flights = digest_handshake(772)
    turns: list[Turn] = [
        ("client", bytes([version]) + flights.c0c1[1:]),
        ("server", bytes([version]) + flights.s0s1s2[1:1537] + fill(7)),
        ("client", fill(6) + bytes(500)),
        ("server", bytes(700)),
        ("client", 30),
        ("client", bytes(70)),
    ]
    events = converse(turns, cut)
    assert {one.sender: (one.offset, one.length, one.missing) for one in undecoded(events)} == {
        "client": (3073, 600, 30),
        "server": (3073, 700, 0),
    }
    assert rules(events).count(HANDSHAKE_ENCRYPTED) == 1
    assert closed(events).variant == "rtmpe"
    assert not messages(events)


@three_feedings
@pytest.mark.parametrize("version", [6, 8, 9])
def test_signatures_of_rtmpe_are_verified(cut: Cut, version: int) -> None:
    """Of two versions that of S0 says how both sides sign."""
    flights = digest_handshake(772)
    c1, s1 = flights.c0c1[1:], flights.s0s1s2[1:1537]
    turns: list[Turn] = [
        ("client", b"\x06" + c1),
        ("server", bytes([version]) + s1 + signed_packet(3, "server", c1[1210:1242], version)),
        ("client", signed_packet(4, "client", s1[1334:1366], version) + bytes(500)),
    ]
    events = converse(turns, cut)
    assert verdicts(events) == {"C0 C1": "D772", "S0 S1": "D772", "S2": "signed", "C2": "signed"}
    assert rules(events) == [*([HANDSHAKE_VERSION] if version != 6 else []), HANDSHAKE_ENCRYPTED]


@three_feedings
@pytest.mark.parametrize("client", [6, 8, 9])
def test_the_server_may_decline_encryption(cut: Cut, client: int) -> None:
    c0c1, *rest = handshake()
    flights = Handshake(bytes([client]) + c0c1[1:], *rest)
    events = converse([*greet(flights), ("client", client_says()), ("server", server_says())], cut)
    assert [one.payload for one in messages(events)] == [CONNECT, b"\0\x26\x25\xa0"]
    assert not undecoded(events)
    assert closed(events).variant == "rtmp"


@three_feedings
def test_the_server_may_insist_on_encryption(cut: Cut) -> None:
    c0c1, s0s1s2, c2 = handshake()
    turns: list[Turn] = [("client", c0c1), ("server", b"\x06" + s0s1s2[1:]), ("client", c2 + bytes(100))]
    events = converse(turns, cut)
    assert [(one.sender, one.length) for one in undecoded(events)] == [("client", 100)]
    assert closed(events).variant == "rtmpe"


@three_feedings
@pytest.mark.parametrize(
    ("turns", "sent"),
    [
        ([("client", handshake().c0c1)], (1537, 0)),
        ([("client", handshake().c0c1[:700])], (700, 0)),
        ([("client", handshake().c0c1), ("server", handshake().s0s1s2)], (1537, 3073)),
        ([("client", handshake().c0c1), ("server", handshake().s0s1s2[:2000])], (1537, 2000)),
    ],
)
def test_a_handshake_that_stalls(cut: Cut, turns: list[Turn], sent: tuple[int, int]) -> None:
    events = converse(turns, cut)
    (finding,) = findings(events)
    assert (finding.rule, finding.severity) == (HANDSHAKE_STALLED, Severity.ERROR)
    for sender, number in zip(("client", "server"), sent, strict=True):
        assert f"{number} of 3073 bytes from the {sender}" in finding.title


def test_a_capture_that_ends_amid_a_handshake_blames_nobody() -> None:
    events = converse([("client", handshake().c0c1)], reason="capture ended")
    assert HANDSHAKE_STALLED not in rules(events)


# What one side tells of itself

C18 = bytes.fromhex("060000640000030801000000af01014600001700000208af01c6af01")


def nginx(version: bytes, *before: bytes) -> list[Turn]:
    c0c1, s0s1s2, c2 = handshake(server=greeting(0, 2, version))
    return [("client", c0c1), ("server", s0s1s2), ("client", c2), *(("server", one) for one in before), ("server", C18)]


def result(fms_version: str) -> bytes:
    return joined(ChunkWriter().message(3, COMMAND, 0, 0, amf0("_result", 1, {"fmsVer": fms_version}, {})))


def copying() -> list[Turn]:
    """nginx-rtmp answers a C1 without a digest by a copy of it."""
    c0c1, _, c2 = handshake()
    return [("client", c0c1), ("server", c0c1 + c0c1[1:] + C18), ("client", c2)]


@three_feedings
@pytest.mark.parametrize(
    ("turns", "last"),
    [
        (nginx(bytes(4)), 146),
        (nginx(bytes.fromhex("01000504"), result("FMS/3,5,3,888")), 146),
        (nginx(NGINX), 123),
        (nginx(NGINX, result("FMS/3,5,3,888")), 123),
        (nginx(bytes(4), result("FMS/3,0,1,123")), 146),
        (copying(), 123),
    ],
    ids=[
        "plain",
        "another server",
        "version bytes",
        "version bytes, other name",
        "a name that many have",
        "S1 copies C1",
    ],
)
def test_c18_format_3_means_the_same_time_where_nginx_sends_it(cut: Cut, turns: list[Turn], last: int) -> None:
    sounds = [one for one in messages(converse(turns, cut)) if one.message_type_id == AUDIO]
    assert [one.timestamp for one in sounds] == [100, 123, last]


@three_feedings
def test_c18_in_one_burst_with_what_tells_that_it_is_nginx(cut: Cut) -> None:
    events = converse([("server", handshake(server=greeting(0, 2, NGINX)).s0s1s2 + C18)], cut)
    assert [one.timestamp for one in messages(events) if one.message_type_id == AUDIO] == [100, 123, 123]


@three_feedings
def test_a_client_is_not_taken_for_nginx(cut: Cut) -> None:
    c0c1, s0s1s2, c2 = handshake(greeting(0, 1, NGINX), greeting(0, 2, NGINX))
    events = converse([("client", c0c1), ("server", s0s1s2), ("client", c2 + C18)], cut)
    assert [one.timestamp for one in messages(events)] == [100, 123, 146]


# Roles


@pytest.mark.parametrize("mss", [1537, 1448, 100])
@pytest.mark.parametrize(("client", "server"), [(1000, 40000), (40000, 1000), (40000, 1935), (1000, 1935)])
def test_without_a_syn_the_client_is_who_speaks_first(mss: int, client: int, server: int) -> None:
    talk = Talk(("10.0.0.1", client), ("10.0.0.2", server), mss=mss)
    for sender, part in PLAIN:
        assert isinstance(part, bytes)
        talk.send(sender, part)
    events = dissected(talk.frames)
    (first,) = opened(events)
    assert (first.client.port, first.server.port, first.whole) == (client, server, False)
    assert [(one.sender, one.payload) for one in messages(events)] == [
        ("client", CONNECT),
        ("server", b"\0\x26\x25\xa0"),
    ]
    assert [(one.sender, one.part) for one in greetings(events)] == [
        ("client", "C0 C1"),
        ("server", "S0 S1"),
        ("server", "S2"),
        ("client", "C2"),
    ]


@pytest.mark.parametrize("mss", [1537, 1448, 1])
@pytest.mark.parametrize("sender", ["client", "server"])
def test_without_a_syn_and_one_direction_the_port_says_who_is_who(mss: int, sender: Sender) -> None:
    talk = Talk(mss=mss)
    for who, part in PLAIN:
        if who == sender and isinstance(part, bytes):
            talk.send(who, part)
    events = dissected(talk.frames)
    assert [one.server.port for one in opened(events)] == [1935]
    assert {one.sender for one in messages(events)} == {one.sender for one in greetings(events)} == {sender}


# Too much is held


def budgeted(turns: Sequence[Turn], limit: int, cut: Cut = whole) -> tuple[list[Event], Budget]:
    """The events of a connection, and the budget, which is never overdrawn once a piece has been read."""
    budget = Budget(limit)
    events: list[Event] = []

    def watched() -> Iterator[Begin | Piece | Hole | End]:
        for item in stream_events(turns, new_connection(), Carrier(cut)):
            assert budget.held <= limit
            yield item

    events += Sessions((), budget).run(watched())
    return events, budget


@three_feedings
def test_unfinished_messages_give_way(cut: Cut) -> None:
    writer = ChunkWriter()
    stream = [
        writer.message(6, VIDEO, 1, 40, bytes(9000)),
        writer.message(4, AUDIO, 1, 41, AAC_HEADER),
        writer.message(6, VIDEO, 1, 80, bytes(500)),
    ]
    turns: list[Turn] = [*PLAIN, *(("client", chunk) for chunks in stream for chunk in chunks)]
    events, budget = budgeted(turns, 2000, cut)
    assert budget.held == 0
    picture, sound, last = messages(events)[2:]
    assert (picture.state, picture.length, picture.timestamp) == ("cut", 9000, 40)
    assert 500 < len(picture.payload) <= 2000
    assert [(one.state, one.timestamp, one.payload) for one in (sound, last)] == [
        ("whole", 41, AAC_HEADER),
        ("whole", 80, bytes(500)),
    ]
    assert rules(events) == [MEMORY_BUDGET]


def test_a_message_that_gave_way_may_be_broken_off_or_aborted_or_never_end() -> None:
    writer = ChunkWriter()
    chunks = writer.message(6, VIDEO, 1, 40, bytes(9000))[:40]
    abort = joined(writer.message(2, 2, 0, 0, pack(">L", 6)))
    another = joined(writer.message(6, VIDEO, 1, 80, bytes(300), fmt=0))
    for more in ([], [another], [abort, another], [another, *chunks]):
        events, budget = budgeted([*PLAIN, *(("client", one) for one in [*chunks, *more])], 2000)
        assert budget.held == 0
        pictures = [one for one in messages(events) if one.message_type_id == VIDEO]
        assert [one.state for one in pictures][:2] == ["cut", "whole"][: 1 + (another in more)]


def test_a_hole_in_a_message_that_gave_way() -> None:
    writer = ChunkWriter()
    chunks = writer.message(6, VIDEO, 1, 40, bytes(9000))
    turns: list[Turn] = [*PLAIN, *(("client", one) for one in chunks[:40]), ("client", chunks[40][:50]), ("client", 79)]
    turns += [("client", one) for one in chunks[41:]]
    turns += [("client", joined(writer.message(4, AUDIO, 1, 41, AAC_HEADER)))]
    events, budget = budgeted(turns, 2000)
    assert budget.held == 0
    assert said(events)[2:] == [(40, "cut", messages(events)[2].payload), (41, "whole", AAC_HEADER)]


def test_a_control_message_that_gives_way_is_obeyed() -> None:
    writer = ChunkWriter()
    video = writer.message(6, VIDEO, 1, 40, bytes(3000))
    size = joined(writer.set_chunk_size(4096))
    turns: list[Turn] = [*PLAIN, *(("client", one) for one in video[:12]), ("client", size[:14]), ("client", size[14:])]
    turns += [("client", joined(writer.message(4, AUDIO, 1, 41, bytes(300))))]
    events, _ = budgeted(turns, 12 * 129 + 12 + 2 * 200)
    assert messages(events)[-1].payload == bytes(300)


def test_a_flood_of_chunks_is_held_by_its_number_too() -> None:
    writer = ChunkWriter(1)
    first, second = (list(writer.cut(csid, VIDEO, 1, 0, bytes(400))) for csid in (4, 6))
    flood = joined([one + two for one, two in zip(first, second, strict=True)][:300])
    turns: list[Turn] = [*PLAIN, ("client", joined(ChunkWriter().set_chunk_size(1)) + flood)]
    events, budget = budgeted(turns, 20_000)
    assert MEMORY_BUDGET in rules(events)
    assert budget.held == 0


def test_the_connection_that_holds_most_gives_way() -> None:
    budget = Budget(5000)
    carriers = [Carrier(whole), Carrier(whole)]
    small, large = new_connection(50001), new_connection(50002)
    writers = [ChunkWriter(), ChunkWriter()]
    sound = writers[0].message(4, AUDIO, 1, 0, bytes(1000))
    video = writers[1].message(6, VIDEO, 1, 0, bytes(9000))
    streams = [
        stream_events([*PLAIN, ("client", joined(sound[:7])), ("client", joined(sound[7:]))], small, carriers[0]),
        stream_events([*PLAIN, *(("client", one) for one in video)], large, carriers[1]),
    ]

    def interleaved() -> Iterator[Begin | Piece | Hole | End]:
        for _ in range(7):
            yield next(streams[0])
        yield from streams[1]
        yield from streams[0]

    events = list(Sessions((), budget).run(interleaved()))
    states = {one.message_type_id: one.state for one in messages(events)}
    assert (states[AUDIO], states[VIDEO]) == ("whole", "cut")
    assert budget.held == 0


def test_a_session_says_what_it_is() -> None:
    made = Session(new_connection(), ports={1935}, numbers=count(1), budget=Budget())
    assert repr(made) == "<Session 0 unknown 10.0.0.1:50000 -> 10.0.0.2:1935>"


# Nothing comes for a while


BLACK = bytes(200)  # zeros, which could be a timestamp


def _held_to_look_ahead() -> Talk:
    """A message whose extended timestamp is not repeated: what it is shows only in what follows, and nothing does."""
    talk = Talk()
    talk.greet()
    talk.say("client", 6, 9, 1, 0x1000000, BLACK, extended="omit")
    return talk


def _messages(packets: Iterable[Packet]) -> Iterator[Message]:
    return (event for event in dissect(packets) if isinstance(event, Message))


@pytest.mark.parametrize("waited", [150_000_000, 200_000_000])
def test_what_was_held_to_look_ahead_is_decided_by_a_tick(waited: int) -> None:
    sent = list(packets_of(_held_to_look_ahead().frames))
    over: list[bool] = []

    def live() -> Iterator[Packet]:
        yield from sent
        yield tick(sent[-1], sent[-1].time + waited)
        over.append(True)

    message = next(_messages(live()))
    assert message.payload == BLACK
    assert bool(over) is (waited < 200_000_000)  # before then it waits, here until the end


@pytest.mark.parametrize("pause", [0, 200_000_000])
def test_a_pause_decides_as_a_tick_does(pause: int) -> None:
    talk = _held_to_look_ahead()
    talk.at(talk.time + pause)
    talk.say("client", 6, 9, 1, 0x1000010, b"next", extended="omit")
    first, second = _messages(packets_of(talk.frames))
    assert (first.payload, second.payload) == (BLACK, b"next")
