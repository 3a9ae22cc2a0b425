"""Packets for a capture that can be handed on: all of the chosen connections, masked, and each says what it carries."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Sequence
from typing import Final

from rtmpsniff.analysis.masking import Masking
from rtmpsniff.analysis.selection import Selection
from rtmpsniff.capture.packet import Packet
from rtmpsniff.dissect import Dissection, dissect
from rtmpsniff.output.packets import MOST_WAITING, LeftOut, MediaBytes, PacketExport, Survey, Written, survey
from rtmpsniff.payload.types import COMMAND_AMF0
from rtmpsniff.rtmp.events import Message
from tests.build import Conversation, Frame, Talk, amf0, begin_publish, end_publish, session

KEY: Final = "live_4f1d9c_key"
ALL: Final = Selection()


def packets_of(frames: Iterable[Frame]) -> list[Packet]:
    return [Packet(0, n, frame.time, 1, frame.data, len(frame.data)) for n, frame in enumerate(frames, 1)]


def surveyed(packets: Sequence[Packet], masking: Masking, selection: Selection = ALL) -> Survey:
    return survey(Dissection(packets), lambda _: selection, masking)


def exported(
    frames: Iterable[Frame],
    selection: Selection = ALL,
    masking: Masking | None = None,
    media: MediaBytes = "whole",
    most_waiting: int = MOST_WAITING,
) -> list[Written]:
    packets, masking = packets_of(frames), masking or Masking()
    export = PacketExport(packets, (), surveyed(packets, masking, selection), masking, media, most_waiting=most_waiting)
    written: list[Written] = []
    export.write_to(written.append)
    assert export.written == len(written)
    return written


def messages(written: Iterable[Written]) -> list[Message]:
    packets = [one.packet._replace(data=one.data) for one in written]
    return [event for event in dissect(packets) if isinstance(event, Message)]


def all_bytes(written: Iterable[Written]) -> bytes:
    return b"".join(one.data for one in written)


def comments(written: Iterable[Written]) -> str:
    return "\n".join(one.comment for one in written)


def talk_of(name: str = KEY) -> Talk:
    return session(name=name)


# Masks


def test_all_packets_come_with_a_mask_of_the_same_length() -> None:
    talk = talk_of()
    written = exported(talk.frames)
    assert [(one.packet.number, len(one.data)) for one in written] == [
        (number, len(frame.data)) for number, frame in enumerate(talk.frames, 1)
    ]
    assert KEY.encode() not in all_bytes(written)
    assert KEY not in comments(written)
    before, after = messages(exported(talk.frames, masking=Masking("shown"))), messages(written)
    assert [(one.type, one.length, one.timestamp) for one in after] == [
        (one.type, one.length, one.timestamp) for one in before
    ]
    changed = [one.number for one, other in zip(before, after, strict=True) if one.payload != other.payload]
    named = [one.number for one in before if KEY.encode() in one.payload]
    assert changed == named
    assert len(named) == 4


def test_a_secret_that_chunk_headers_and_segments_cut() -> None:
    """Of a key of 300 bytes no run of a few bytes is left, wherever chunks and segments end."""
    key = "".join(f"k{number:03}" for number in range(75))
    for mss in (7, 90, 1448):
        written = exported(session(Talk(mss=mss), name=key).frames)
        data = all_bytes(written)
        assert not any(f"k{number:03}".encode() in data for number in range(75))
        assert len(messages(written)) == 29


def test_an_early_mention_is_masked_too() -> None:
    talk = Talk()
    begin_publish(talk, app="live", name="other_name_1")
    talk.command("client", 3, 0, "note", 9, None, f"about {KEY}")
    talk.command("client", 3, 0, "publish", 10, None, KEY, "live")
    talk.close()
    assert KEY.encode() not in all_bytes(exported(talk.frames))


def test_a_retransmission_is_masked_as_its_first_copy() -> None:
    talk = Talk()
    begin_publish(talk, name=KEY)
    at = sum(len(frame.data) - 66 for frame in talk.frames[3:] if frame.data[34:36] == b"\xc3\x50")
    payload = talk.client(b"".join(talk.writers["client"].message(8, 20, 1, 0, amf0("publish", 6, None, KEY, "live"))))
    data = payload[0].data[66:]
    talk.segment("client", data, at=at)
    talk.segment("client", data[:20], at=at)
    end_publish(talk, name=KEY)
    written = exported(talk.frames)
    assert KEY.encode() not in all_bytes(written)
    again = [one for one in written if "sent before" in one.comment]
    assert len(again) == 2
    assert again[0].data[66:] == written[again[0].packet.number - 2].data[66:]


def test_a_retransmission_with_other_bytes_hides_nothing() -> None:
    """What a second copy says was never decoded; a secret that is known is found by its value."""
    talk = Talk()
    begin_publish(talk, name=KEY)
    talk.client(b"".join(talk.writers["client"].message(4, 18, 1, 0, amf0("onTextData", "x" * 60))))
    talk.segment("client", b"....." + KEY.encode() + b".....", at=3100)
    end_publish(talk, name=KEY)
    assert KEY.encode() not in all_bytes(exported(talk.frames))


def test_what_cannot_be_decoded_is_covered() -> None:
    talk = Talk()
    begin_publish(talk, name=KEY)
    talk.segment("client", b"a secret that nobody learnt" * 9, at=9_000)
    talk.close()
    written = exported(talk.frames)
    shown = exported(talk.frames, masking=Masking("shown"))
    assert b"nobody learnt" not in all_bytes(written)
    assert b"nobody learnt" in all_bytes(shown)
    assert "not decoded, so covered by stars" in comments(written)


def test_what_covers_a_packet_is_no_longer_than_it() -> None:
    """A span of which nothing is known is as long as an acknowledgement claims that bytes were received."""
    talk = Talk()
    begin_publish(talk, name=KEY)
    acknowledgement = talk.segment("server", upto=60_000_000)
    talk.at(acknowledgement.time + 100_000_000_000)
    talk.client(b"late, and lost")
    tracemalloc.start()
    try:
        written = exported(talk.frames)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert b"and lost" not in all_bytes(written)
    assert peak < 10_000_000


def test_a_connection_that_was_never_rtmp_is_covered() -> None:
    talk = Conversation()
    talk.open()
    talk.client(b"GET /secret HTTP/1.1\r\n\r\n")
    talk.close()
    assert b"/secret" not in all_bytes(exported(talk.frames))


def test_encrypted_connections_are_left_out() -> None:
    hello = Conversation(("10.0.0.9", 40000))
    hello.open()
    hello.client(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(507))
    hello.close()
    plain = talk_of()
    frames = sorted([*hello.frames, *plain.frames])
    packets, masking = packets_of(frames), Masking()
    found = surveyed(packets, masking)
    assert [left.variant for left in found.left_out] == ["tls"]
    assert len(found.wanted) == 1
    assert len(exported(frames)) == len(plain.frames)
    assert surveyed(packets, Masking("shown")).left_out == []
    assert len(exported(frames, masking=Masking("shown"))) == len(frames)


# Which packets


def test_packets_of_chosen_connections_alone() -> None:
    one, two = talk_of(), session(Talk(("10.0.0.3", 50001), time=1_700_000_000_000_500_000), name="other_key")
    frames = sorted([*one.frames, *two.frames])
    for selection, frames_of in (
        (Selection(connections=frozenset({1})), one),
        (Selection(streams=("other_key",)), two),
        (Selection(condition=lambda message: b"other_key" in message.payload), two),
    ):
        written = exported(frames, selection)
        assert [one.data[:34] for one in written] == [frame.data[:34] for frame in frames_of.frames]
    assert exported(frames, Selection(types=frozenset({99}))) == []
    assert exported(frames, Selection(types=frozenset({COMMAND_AMF0}), count=1)) == exported(
        frames, Selection(connections=frozenset({1}))
    )


def test_ports_that_are_used_again_are_another_connection() -> None:
    one = talk_of()
    two = session(Talk(time=one.time, client_sequence=9_000_000, server_sequence=8_000_000), name="second_name")
    written = exported([*one.frames, *two.frames], Selection(connections=frozenset({2})))
    assert [one.packet.number for one in written] == list(
        range(len(one.frames) + 1, len(one.frames) + len(two.frames) + 1)
    )


def test_what_is_no_tcp_of_theirs_is_left_out() -> None:
    talk = talk_of()
    other = Frame(talk.frames[5].time, b"\xff" * 12 + b"\x08\x06" + bytes(28))
    written = exported([*talk.frames[:5], other, *talk.frames[5:]])
    assert len(written) == len(talk.frames)


def test_few_packets_wait_however_long_a_message_takes() -> None:
    """When too much waits, what is not decoded by then is covered: memory stays flat and nothing leaks."""
    talk = Talk(mss=100)
    begin_publish(talk, name=KEY)
    talk.command("client", 8, 1, "publish", 6, None, "x" * 20_000, "live")
    end_publish(talk, name=KEY)
    written = exported(talk.frames, most_waiting=20_000)
    assert len(written) == len(talk.frames)
    assert [one.packet.number for one in written] == sorted(one.packet.number for one in written)
    assert "not decoded, so covered by stars" in comments(written)
    assert b"x" * 10 not in all_bytes(written)
    assert KEY.encode() not in all_bytes(written)


# Comments


def test_every_packet_says_what_it_carries() -> None:
    written = exported(talk_of().frames)
    said = [one.comment.splitlines() for one in written]
    assert all(lines[0].startswith("connection 1, from the ") for lines in said)
    assert said[0] == ["connection 1, from the client, no data"]
    assert said[3][1].startswith("handshake C0 C1, version 3")
    assert said[3][1].endswith(" (begins)")
    assert said[4][1].endswith(" (ends)")
    publish = next(lines for lines in said if "publish(5)" in "".join(lines))
    masked = "<key-1>" + "*" * (len(KEY) - 7)
    assert publish[1:] == [f'#9 command_amf0 publish(5) "{masked}", "live"', f"{len(KEY)} bytes masked"]
    assert any(lines[1].startswith("#13 video h264 configuration") for lines in said if len(lines) > 1)


def test_a_packet_of_very_many_messages_says_the_first() -> None:
    talk = Talk()
    begin_publish(talk, name=KEY)
    talk.client(b"".join(b"".join(talk.writers["client"].message(2, 3, 0, 0, bytes(4))) for _ in range(100)))
    written = exported(talk.frames)
    lines = max((one.comment.splitlines() for one in written), key=len)
    assert lines[-1] == "and 84 more"
    assert len(lines) == 18


# Without media


def media_of(written: Iterable[Written]) -> list[bytes]:
    return [one.payload for one in messages(written) if one.type in {"audio", "video"}]


def test_media_becomes_zeros() -> None:
    talk = talk_of()
    whole, zeros = exported(talk.frames), exported(talk.frames, media="zeros")
    assert [len(one.data) for one in zeros] == [len(one.data) for one in whole]
    for before, after in zip(media_of(whole), media_of(zeros), strict=True):
        assert len(before) == len(after)
        assert before[:2] == after[:2]
        if len(before) > 60:
            assert before != after
            assert not any(after[20:])
    others = [one.payload for one in messages(zeros) if one.type not in {"audio", "video"}]
    assert others == [one.payload for one in messages(whole) if one.type not in {"audio", "video"}]
    assert "of media left out" in comments(zeros)


def test_media_is_cut_off() -> None:
    talk = session(Talk(), video=40, audio=0, chunk_size=65_536, name=KEY)
    whole, cut = exported(talk.frames), exported(talk.frames, media="cut")
    assert len(all_bytes(cut)) < len(all_bytes(whole)) / 2
    assert [one.packet for one in cut] == [one.packet for one in whole]  # and so their lengths on the wire
    commands = [one.payload for one in messages(whole) if one.type == "command_amf0"]
    assert [one.payload for one in messages(cut) if one.type == "command_amf0"] == commands
    assert KEY.encode() not in all_bytes(cut)


def test_media_that_was_sent_again_long_after_is_left_out_too() -> None:
    talk = session(Talk(), video=400, audio=0, chunk_size=128, name=KEY)
    frames = talk.frames
    again = next(frame for frame in frames if len(frame.data) > 600 and b"\x27\x01" in frame.data)
    frames.insert(-3, Frame(frames[-3].time, again.data))
    zeros = exported(frames, media="zeros")
    late = next(one for one in zeros if one.packet.number == len(frames) - 3)
    first = next(one for one in zeros if one.packet.data == again.data)
    assert late.data[66:].count(0) >= first.data[66:].count(0) > 500


def test_a_flood_of_connections_is_forgotten_in_time() -> None:
    frames: list[Frame] = []
    for number in range(400):
        talk = Talk((f"10.1.{number // 250}.{number % 250}", 40000), time=1_700_000_000_000_000_000 + number * 10**8)
        talk.greet()
        talk.close()
        frames += talk.frames
    packets, masking = packets_of(frames), Masking()
    export = PacketExport(packets, (), surveyed(packets, masking), masking)
    written: list[Written] = []
    export.write_to(written.append)
    assert len(written) == len(frames)
    assert len(export._carried) <= 2 * 257


def test_left_out_is_said_with_its_kind() -> None:
    assert LeftOut(3, "rtmpe") == (3, "rtmpe")


def test_what_is_packed_once_more_is_written_as_it_was() -> None:
    """RTMPS and RTMPT: offsets of messages are not those of TCP there, so nothing in the packets can be said."""
    talk = talk_of()
    packets, masking = packets_of(talk.frames), Masking("shown")
    found = Survey(wanted={1: 1}, packed={1: "rtmps"})
    export = PacketExport(packets, (), found, masking, "cut")
    written: list[Written] = []
    export.write_to(written.append)
    assert [one.data for one in written] == [frame.data for frame in talk.frames]
    assert {one.comment for one in written} == {
        f"connection 1, from the {sender}, rtmps, as it was captured" for sender in ("client", "server")
    }
