"""RTMPS: with every suite, keys early and late, keys that do not fit, key updates, early data, damage."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Final, Literal, NamedTuple

import pytest

from rtmpsniff.analysis.record import message_record
from rtmpsniff.budget import Budget
from rtmpsniff.capture.files import read as open_captures
from rtmpsniff.capture.packet import Packet, tick
from rtmpsniff.dissect import Dissection
from rtmpsniff.findings import CAPTURE_QUALITY, TLS_RECORD, Finding
from rtmpsniff.output.words import say_message
from rtmpsniff.rtmp.describe import describe
from rtmpsniff.rtmp.events import Closed, Event, Greeting, Message, Opened, Secured, Undecoded
from rtmpsniff.rtmp.session import Sessions
from rtmpsniff.transport.events import Hole, Piece
from rtmpsniff.transport.reassembly import Reassembler
from rtmpsniff.tunnel.keylog import KeyLog
from rtmpsniff.tunnel.tunnels import Tunnels
from tests.build import Conversation, Frame, begin_publish, handshake, session
from tests.tunnel.hellos import RANDOM, SERVER_RANDOM, hello_of_client, hello_of_server, plain
from tests.tunnel.sealed import SUITES_13, Sealed13
from tests.tunnel.talks import SERVER_NAME, SecureTalk, by_sender, inside, packets, read, said, sent

CAPTURES: Final = Path(__file__).parents[2] / "captures"
OLD = ssl.TLSVersion.TLSv1_2
GCM = "ECDHE-RSA-AES128-GCM-SHA256"


def closed(events: Iterable[Event]) -> Closed:
    (event,) = [event for event in events if isinstance(event, Closed)]
    return event


def findings(events: Iterable[Event]) -> list[Finding]:
    return [event for event in events if isinstance(event, Finding)]


# Suites


@pytest.mark.parametrize("mac_first", [False, True])
@pytest.mark.parametrize(
    "ciphers",
    [
        GCM,
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-SHA",
        "AES256-SHA",
        "ECDHE-RSA-AES128-SHA256",
        "ECDHE-RSA-AES256-SHA384",
    ],
)
def test_tls_12(ciphers: str, mac_first: bool) -> None:
    talk = session(SecureTalk(OLD, ciphers, mac_first=mac_first))
    assert isinstance(talk, SecureTalk)
    events = read(talk.frames, talk.keys)
    assert by_sender(said(events)) == by_sender(sent(talk))
    assert findings(events) == []
    end = closed(events)
    assert end.variant == "rtmps"
    assert end.tls is not None
    assert (end.tls.version, end.tls.server_name, end.tls.decrypted) == ("TLS 1.2", SERVER_NAME, True)


def test_tls_13_by_openssl() -> None:
    talk = SecureTalk(alpn=["rtmp"], port=1935)
    session(talk)
    events = read(talk.frames, talk.keys)
    assert by_sender(said(events)) == by_sender(sent(talk))
    end = closed(events)
    assert end.variant == "rtmps"
    assert end.tls is not None
    assert (end.tls.version, end.tls.alpn, end.tls.offered) == ("TLS 1.3", "rtmp", ("rtmp",))
    assert end.tls.records["client"] > 20
    assert isinstance(events[0], Opened)
    assert isinstance(events[1], Secured)


@pytest.mark.parametrize("early", ["", "taken", "refused"])
@pytest.mark.parametrize("suite", SUITES_13)
def test_every_suite_of_tls_13(suite: int, early: Literal["", "taken", "refused"]) -> None:
    talk = Sealed13(suite, early)
    session(talk)
    events = read(talk.frames, talk.log())
    assert by_sender(said(events)) == by_sender(sent(talk))
    assert findings(events) == []


def test_application_secrets_alone_are_enough() -> None:
    talk = Sealed13(0x1302)
    session(talk)
    events = read(talk.frames, talk.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"))
    assert by_sender(said(events)) == by_sender(sent(talk))


def test_the_secret_of_one_side_opens_that_side() -> None:
    talk = Sealed13(0x1301)
    session(talk)
    events = read(talk.frames, talk.log("SERVER_TRAFFIC_SECRET_0"))
    assert by_sender(said(events))["server"] == []
    assert {piece.flow.sender for piece in inside(talk.frames, talk.log("SERVER_TRAFFIC_SECRET_0"))} == {"client"}


# Keys


class Unlocked(NamedTuple):
    """What came of packets and a key log that grew meanwhile."""

    events: list[tuple[int, Event]]  # each with the packet after which it came
    held: int  # bytes, at the end
    locked: int  # connections of which nobody let go

    @property
    def said(self) -> dict[str, list[tuple[int, bytes]]]:
        return by_sender(said(event for _, event in self.events))


def unlocked(frames: Sequence[Frame], log: Iterable[tuple[int, bytes]], *, ticks: bool = True) -> Unlocked:
    """Read packets; a text of the key log is there before the packet that it names, or behind the last one."""
    keys, budget, texts, read_so_far = KeyLog(), Budget(), list[bytes](), [0]
    log = list(log)

    def late() -> Iterator[Packet]:
        for packet in packets(frames):
            read_so_far[0] = packet.number
            texts.extend(text for number, text in log if number == packet.number)
            yield packet
            if ticks:
                yield tick(packet, packet.time)  # what has come is dealt with
        texts.extend(text for number, text in log if number > len(frames))

    def taken() -> list[bytes]:
        given = texts[:]
        texts.clear()
        return given

    keys.growing.append(taken)
    keys.follow()
    tunnels = Tunnels(keys=keys, budget=budget)
    events = Sessions(budget=budget).run(tunnels.run(Reassembler(budget=budget).run(late())))
    return Unlocked([(read_so_far[0], event) for event in events], budget.held, len(tunnels.locked))


@pytest.mark.parametrize("ticks", [True, False])
def test_keys_that_come_later_than_the_packets(ticks: bool) -> None:
    talk = session(SecureTalk())
    assert isinstance(talk, SecureTalk)
    place = len(talk.frames) - 10
    ran = unlocked(talk.frames, [(place, talk.log)], ticks=ticks)
    assert ran.said == by_sender(sent(talk))
    greeted = {number for number, event in ran.events if isinstance(event, Greeting)}
    assert not ticks or greeted == {place}  # without them packets go on in batches
    assert (ran.held, ran.locked) == (0, 0)


def test_keys_that_come_before_the_connection_is_let_go() -> None:
    talk = SecureTalk()
    begin_publish(talk)  # and nobody ends it
    ran = unlocked(talk.frames, [(len(talk.frames) + 1, talk.log)], ticks=False)
    assert ran.said == by_sender(sent(talk))
    assert (ran.held, ran.locked) == (0, 0)


def test_what_is_unlocked_is_not_looked_at_again() -> None:
    talk = SecureTalk()
    begin_publish(talk)
    keys = KeyLog()
    tunnels = Tunnels(keys=keys)

    def late() -> Iterator[Packet]:
        sent_packets = list(packets(talk.frames))
        yield from sent_packets
        for number in range(3):
            seen.append(len(tunnels.locked))
            if number == 1:
                keys.add(talk.log)
            yield tick(sent_packets[-1], sent_packets[-1].time + number)

    seen: list[int] = []
    list(Sessions().run(tunnels.run(Reassembler().run(late()))))
    assert seen == [1, 1, 0]


def test_keys_that_come_when_nothing_more_is_sent_unlock_at_the_next_tick() -> None:
    talk = SecureTalk()
    begin_publish(talk)
    keys, texts = KeyLog(), list[bytes]()
    keys.sources.append(lambda: [texts.pop()] if texts else [])
    seen: list[Event] = []
    shown: list[int] = []

    def quiet() -> Iterator[Packet]:
        *_, last = sent_packets = list(packets(talk.frames))
        yield from sent_packets
        yield tick(last, last.time + 1_000_000)
        shown.append(len(said(seen)))
        texts.append(talk.log)
        yield tick(last, last.time + 2_000_000)
        shown.append(len(said(seen)))

    seen.extend(Sessions().run(Tunnels(keys=keys).run(Reassembler().run(quiet()))))
    assert by_sender(said(seen)) == by_sender(sent(talk))
    assert shown == [0, len(sent(talk))]


def test_a_key_log_that_is_written_line_by_line() -> None:
    """Each line of it at another packet; the ends of OpenSSL write four of them a connection."""
    talk = session(SecureTalk())
    assert isinstance(talk, SecureTalk)
    lines = talk.log.splitlines(keepends=True)
    assert len([line for line in lines if b"TRAFFIC_SECRET" in line]) == 4
    for order in permutations(lines):
        ran = unlocked(talk.frames, [(8 + 3 * number, line) for number, line in enumerate(order)])
        assert ran.said == by_sender(sent(talk))
        assert ran.locked == 0


@pytest.mark.parametrize("early", ["taken", "refused"])
def test_keys_of_early_data_that_come_one_by_one(early: Literal["taken", "refused"]) -> None:
    talk = Sealed13(0x1302, early)
    session(talk)
    known = [event for event in read(talk.frames, talk.log()) if isinstance(event, Message | Greeting | Finding)]
    for order in permutations(secrets_of(talk)):
        ran = unlocked(talk.frames, [(6 + 2 * number, line) for number, line in enumerate(order)])
        assert ran.said == by_sender(sent(talk))
        told = [event for _, event in ran.events if isinstance(event, Message | Greeting | Finding)]
        assert list(map(type, told)) == list(map(type, known))


def secrets_of(talk: Sealed13) -> list[bytes]:
    """The lines of its key log."""
    return [f"{label} {RANDOM.hex()} {secret.hex()}\n".encode() for label, secret in talk.secrets.items()]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("digits", [2, 20, 32, 33, 62, 64])
def test_a_secret_that_was_read_before_it_was_written_whole_opens_nothing(version: ssl.TLSVersion, digits: int) -> None:
    talk = session(SecureTalk(version))
    assert isinstance(talk, SecureTalk)
    *lines, last = [line for line in talk.log.splitlines(keepends=True) if b"EXPORTER" not in line]
    log = [(1, b"".join([*lines, last[: -digits - 1]])), (12, last)]
    assert unlocked(talk.frames, log).said == by_sender(sent(talk))


def test_the_key_of_one_side_waits_for_that_of_the_other_for_a_second() -> None:
    talk = Sealed13(0x1301)
    session(talk, video=2000)
    assert talk.frames[-1].time - talk.frames[0].time > 2_000_000_000
    half = b"".join(secrets_of(talk)[:4])
    ran = unlocked(talk.frames, [(8, half)])
    began = next(number for number, event in ran.events if isinstance(event, Message))
    waited = talk.frames[began - 1].time - talk.frames[7].time
    assert 1_000_000_000 <= waited < 1_100_000_000
    assert ran.said["client"] == by_sender(sent(talk))["client"]
    at_once = read(talk.frames, talk.log("SERVER_TRAFFIC_SECRET_0"))  # a key log that does not grow
    assert by_sender(said(at_once)) == ran.said


def test_the_key_of_one_side_waits_no_longer_where_nothing_more_is_sent() -> None:
    talk = Sealed13(0x1301)
    begin_publish(talk)
    keys = KeyLog()
    keys.growing.append(list)
    keys.follow()
    keys.add(b"".join(secrets_of(talk)[:4]))
    seen: list[Event] = []
    shown: list[int] = []

    def quiet() -> Iterator[Packet]:
        *_, last = sent_packets = list(packets(talk.frames))
        yield from sent_packets
        for tenths in range(20):
            yield tick(last, last.time + tenths * 100_000_000)
            shown.append(len(said(seen)))

    seen.extend(Sessions().run(Tunnels(keys=keys).run(Reassembler().run(quiet()))))
    client = len(by_sender(sent(talk))["client"])
    assert set(shown) == {0, client}
    assert shown[:9] == [0] * 9
    assert shown[10:] == [client] * 10


def test_a_clock_that_is_set_back_lets_nobody_wait() -> None:
    talk = Sealed13(0x1301)
    session(talk, video=20)
    back = [
        frame._replace(time=frame.time - 3_600_000_000_000) if at > 20 else frame
        for at, frame in enumerate(talk.frames)
    ]
    ran = unlocked(back, [(8, b"".join(secrets_of(talk)[:4]))])
    assert next(number for number, event in ran.events if isinstance(event, Message)) < 30


def test_an_empty_key_log_is_one() -> None:
    talk = session(SecureTalk())
    for log, reason in ((None, "there is no key log"), (b"", "the key log has no secrets for it")):
        keys = KeyLog()
        if log is not None:
            keys.add(log)
        end = closed(read(talk.frames, keys))
        assert end.tls is not None
        assert end.tls.reason == reason


def test_what_waits_for_keys_is_bounded() -> None:
    talk = session(SecureTalk(), video=100)
    budget = Budget(20_000)
    most = 0
    stream = Tunnels(budget=budget).run(Reassembler(budget=budget).run(packets(talk.frames)))
    events = []
    for event in Sessions(budget=budget).run(stream):
        most = max(most, budget.held)
        events.append(event)
    end = closed(events)
    assert end.tls is not None
    assert end.tls.reason == "too much came before its keys"
    assert most < 40_000
    assert budget.held == 0


@pytest.mark.parametrize("port", [443, 1935])
def test_without_keys_it_is_named_and_counted(port: int) -> None:
    talk = session(SecureTalk(port=port))
    events = read(talk.frames)
    assert said(events) == []
    end = closed(events)
    assert end.variant == "tls"
    assert end.tls is not None
    assert end.tls.reason == "there is no key log"
    assert not end.tls.decrypted
    assert sum(isinstance(event, Secured) for event in events) == 1
    undecoded = [event for event in events if isinstance(event, Undecoded)]
    assert [event.length for event in undecoded] == [end.from_client.bytes, end.from_server.bytes]
    assert end.tls.bytes["client"] < end.from_client.bytes


@pytest.mark.parametrize(("port", "alpn"), [(443, ["h2", "http/1.1"]), (9999, [])])
def test_other_tls_is_nobodys_concern(port: int, alpn: list[str]) -> None:
    talk = session(SecureTalk(port=port, alpn=alpn))
    run = Dissection(packets(talk.frames))
    assert list(run) == []
    assert run.other_connections == 1


def test_a_name_can_say_that_it_is_rtmps() -> None:
    talk = session(SecureTalk(port=9999, alpn=["h2"], name="a.rtmps.example.com"))
    assert closed(read(talk.frames)).variant == "tls"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_3, OLD])
def test_keys_that_do_not_fit(version: ssl.TLSVersion) -> None:
    talk = session(SecureTalk(version, GCM if version == OLD else ""))
    assert isinstance(talk, SecureTalk)
    keys = KeyLog()
    keys.add(b"\n".join(line[:-4] + b"0000" for line in talk.log.splitlines()))
    events = read(talk.frames, keys)
    end = closed(events)
    assert end.variant == "tls"
    assert end.tls is not None
    assert end.tls.reason == "the key log's secrets for it do not fit"
    other = KeyLog()
    other.add(b"CLIENT_RANDOM " + b"00" * 32 + b" " + b"00" * 48)
    again = closed(read(talk.frames, other)).tls
    assert again is not None
    assert again.reason == "the key log has no secrets for it"


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (hello_of_server(0xC0AC), "cipher suite 0xC0AC is not among those that are decrypted"),
        (hello_of_server(0xC013).replace(b"\x03\x03" + SERVER_RANDOM, b"\x03\x01" + SERVER_RANDOM), "of TLS only 1.2"),
    ],
)
def test_what_is_not_decrypted_says_so(server: bytes, reason: str) -> None:
    talk = Conversation(server=("10.0.0.2", 443))
    talk.open()
    talk.client(hello_of_client())
    talk.server(server)
    talk.close()
    keys = KeyLog()
    keys.add(b"CLIENT_RANDOM " + RANDOM.hex().encode() + b" " + b"00" * 48)
    end = closed(read(talk.frames, keys))
    assert end.tls is not None
    assert end.tls.reason.startswith(reason)


def test_a_client_hello_alone_is_judged_as_before() -> None:
    talk = Conversation()
    talk.open()
    talk.client(hello_of_client())
    talk.server(handshake().s0s1s2)
    talk.close()
    end = closed(read(talk.frames))
    assert end.variant == "tls"
    assert end.tls is None


def test_a_server_that_refuses() -> None:
    talk = Conversation()
    talk.open()
    talk.client(hello_of_client())
    talk.server(plain(b"\x02\x28", 21))
    talk.close()
    end = closed(read(talk.frames))
    assert end.variant == "tls"
    assert end.tls is not None
    assert end.tls.reason == "its handshake was not captured whole"


def test_inside_it_is_something_else() -> None:
    talk = SecureTalk()
    talk.open()
    talk.client(b"GET / HTTP/1.1\r\n\r\n")
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    talk.close()
    assert read(talk.frames, talk.keys) == []


# Packets and damage


def test_messages_know_the_packets_that_brought_them() -> None:
    talk = session(SecureTalk())
    assert isinstance(talk, SecureTalk)
    for message_ in (event for event in read(talk.frames, talk.keys) if isinstance(event, Message)):
        brought = talk.frames[message_.last.packet - 1]
        assert brought.time == message_.last.time
        assert message_.first.packet <= message_.last.packet


def spoil(frames: list[Frame], at: int) -> list[Frame]:
    """The last byte of a frame is another one."""
    data = frames[at].data
    return [*frames[:at], frames[at]._replace(data=data[:-1] + bytes([data[-1] ^ 1])), *frames[at + 1 :]]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_3, OLD])
def test_a_record_that_does_not_authenticate(version: ssl.TLSVersion) -> None:
    talk = SecureTalk(version, GCM if version == OLD else "")
    talk.greet()
    for number in range(5):
        talk.command("client", 3, 0, "call", number)
    first = len(talk.frames) - 3
    talk.close()
    events = read(spoil(talk.frames, first), talk.keys)
    (finding,) = [finding for finding in findings(events) if finding.rule is TLS_RECORD]
    assert finding.sender == "client"
    assert finding.packet == first + 1
    spoiled = inside(spoil(talk.frames, first), talk.keys)
    (hole,) = [each for each in spoiled if isinstance(each, Hole)]
    there = sum(len(each.data) for each in spoiled if isinstance(each, Piece))
    whole = sum(len(each.data) for each in inside(talk.frames, talk.keys) if isinstance(each, Piece))
    assert hole.size == whole - there > 0


@pytest.mark.parametrize(
    ("version", "ciphers"), [(ssl.TLSVersion.TLSv1_3, ""), (OLD, GCM), (OLD, "ECDHE-RSA-AES128-SHA")]
)
@pytest.mark.parametrize("seed", range(12))
def test_what_a_hole_took_is_known_to_the_byte(version: ssl.TLSVersion, ciphers: str, seed: int) -> None:
    """The stream inside, with its holes, is as long as it was; what is there stands where it stood."""
    random = Random(seed)
    talk = session(SecureTalk(version, ciphers), video=30)
    assert isinstance(talk, SecureTalk)
    whole = {"client": b"", "server": b""}
    for each in inside(talk.frames, talk.keys):
        assert isinstance(each, Piece)
        whole[each.flow.sender] += each.data
    at = random.randrange(20, len(talk.frames) - 10)
    frames = [*talk.frames[:at], *talk.frames[at + random.randrange(1, 4) :]]
    pieces = inside(frames, talk.keys)
    holes = [each for each in pieces if isinstance(each, Hole)]
    if ciphers.endswith("-SHA"):
        assert {hole.size for hole in holes} <= {None}
        return
    assert all(hole.size for hole in holes)
    for each in pieces:
        if isinstance(each, Piece):
            assert whole[each.flow.sender][each.offset :].startswith(each.data)


# Keys that change, as OpenSSL changes them


def recorded(name: str, but: str = "", ports: Sequence[int] = ()) -> tuple[list[Event], list[bytes]]:
    """The events of a capture with its secrets, but for a line that begins so; and the random of each client."""
    keys = KeyLog()
    with open_captures([str(CAPTURES / f"rtmps-{name}.pcapng")]) as captures:
        frames = list(captures)
        log = b"".join(captures.files[0].take_secrets()).splitlines()
    keys.add(b"\n".join(line for line in log if not but or not line.startswith(but.encode())))
    return list(Dissection(frames, ports, keys=keys)), [bytes.fromhex(line.split()[1].decode()) for line in log]


@pytest.mark.parametrize(("name", "version"), [("key-updates", "TLS 1.3"), ("renegotiation", "TLS 1.2")])
def test_keys_that_change_amid_a_session(name: str, version: str) -> None:
    events, _ = recorded(name)
    assert by_sender(said(events)) == by_sender(sent(session()))
    assert findings(events) == []
    end = closed(events)
    assert end.tls is not None
    assert (end.variant, end.tls.version) == ("rtmps", version)


def test_early_data_of_a_session_that_is_resumed() -> None:
    """C0 and C1 of the second connection are early data (RFC 8446, 2.3)."""
    events, _ = recorded("early-data")
    for number in (1, 2):
        mine = [event for event in events if event.connection == number]
        assert by_sender(said(mine)) == by_sender(sent(session()))
        assert findings(mine) == []
    greeting = next(event for event in events if isinstance(event, Greeting) and event.connection == 2)
    answer = next(event for event in events if isinstance(event, Greeting) and event.sender == "server")
    assert (greeting.sender, greeting.part, answer.part) == ("client", "C0 C1", "S0 S1")


@pytest.mark.parametrize("ports", [[], [443]])
def test_early_data_without_its_secret_is_told(ports: list[int]) -> None:
    """C0 and C1 are missing, so that nothing can be read; it is told all the same, and once."""
    events, _ = recorded("early-data", but="CLIENT_EARLY_TRAFFIC_SECRET", ports=ports)
    mine = [event for event in events if event.connection == 2]
    (finding,) = findings(mine)
    assert finding.rule is CAPTURE_QUALITY
    assert "1 537 bytes in early data, whose secret the key log does not have" in finding.title.replace("\xa0", " ")


def test_a_renegotiation_without_its_secrets_is_told() -> None:
    _, randoms = recorded("renegotiation")
    events, _ = recorded("renegotiation", but=f"CLIENT_RANDOM {randoms[1].hex()}")
    before = by_sender(said(events))
    whole = by_sender(sent(session()))
    for sender in ("client", "server"):
        assert before[sender] == whole[sender][: len(before[sender])]
        assert 0 < len(before[sender]) < len(whole[sender])
    for rule, words in (
        (TLS_RECORD, "changes keys by a renegotiation: the key log has no secrets for it"),
        (CAPTURE_QUALITY, "in TLS records after a renegotiation: the key log has no secrets for it"),
    ):
        titles = [finding.title for finding in findings(events) if finding.rule is rule]
        assert len(titles) == 2
        assert all(words in title for title in titles)


# Damage


@pytest.mark.parametrize("seed", range(20))
def test_any_damage_ends_in_events(seed: int) -> None:
    random = Random(seed)
    talk = session(SecureTalk(*random.choice([(ssl.TLSVersion.TLSv1_3, ""), (OLD, GCM)])))
    assert isinstance(talk, SecureTalk)
    frames = [frame for frame in talk.frames if random.random() > 0.05]
    for _ in range(10):
        frames = spoil(frames, random.randrange(len(frames)))
    random.shuffle(frames[len(frames) // 2 :])
    true = by_sender(sent(talk))
    for event in read(frames, talk.keys):
        if isinstance(event, Message) and event.state == "whole":
            assert (event.message_type_id, event.payload) in true[event.sender]
        if isinstance(event, Finding):
            assert event.rule in {CAPTURE_QUALITY, TLS_RECORD} or event.connection == 1


def test_a_message_hit_by_a_record_that_does_not_authenticate_says_so() -> None:
    """Its bytes were captured: nothing may say that they were not."""
    talk = SecureTalk()
    talk.greet()
    talk.set_chunk_size("client", 65536)
    talk.say("client", 6, 9, 1, 0, bytes(3000))
    payload = bytes(40_000)
    talk.say("client", 6, 9, 1, 40, payload)
    talk.say("client", 6, 9, 1, 80, bytes(3000))
    big = [number for number, frame in enumerate(talk.frames) if len(frame.data) > 1000]
    middle = big[len(big) // 2]
    events = read(spoil(talk.frames, middle), talk.keys)
    (message,) = [event for event in events if isinstance(event, Message) and event.missing]
    assert message.state == "damaged"
    assert message.missing_reason == "in TLS records that do not authenticate"
    assert "bytes in TLS records that do not authenticate" in say_message(message)
    assert message.decoded.fields[-1].label == "behind bytes in TLS records that do not authenticate"
    block = describe(message)
    assert block is not None
    assert block.missing_reason == message.missing_reason
    assert message_record(message, 0)["missing_reason"] == message.missing_reason
