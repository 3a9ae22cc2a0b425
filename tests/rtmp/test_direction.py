"""One direction: its chunks become messages, whatever is odd, wrong or missing about them.

Every stream is read whole, byte by byte and cut at random; `read` checks that the events are the same, that they
account for every byte, and that each message names the packets that brought it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import count
from struct import pack

import pytest

from rtmpsniff.budget import Budget
from rtmpsniff.findings import (
    ABORT_SEEN,
    CAPTURE_QUALITY,
    CHUNK_DESYNC,
    CHUNK_FIRST_FORMAT,
    CHUNK_INTERRUPTED,
    EXTENDED_DELTA,
    EXTENDED_STYLE,
    Severity,
)
from rtmpsniff.rtmp.direction import Direction
from rtmpsniff.rtmp.events import Greeting
from rtmpsniff.rtmp.passage import Chunk
from rtmpsniff.transport.events import Piece
from tests.build import ChunkWriter, Extended, audio_frame, basic_header, video_frame
from tests.rtmp.feeding import (
    CLIENT_HELLO,
    HELLO,
    SEGMENT,
    Cut,
    Part,
    brief,
    bytewise,
    findings,
    greetings,
    messages,
    new_connection,
    origin,
    read,
    rules,
    said,
    three_feedings,
    undecoded,
    whole,
)
from tests.rtmp.test_chunk import BASIC_HEADERS, TIMESTAMPS

AUDIO, VIDEO, DATA = 8, 9, 18


def counted(size: int) -> bytes:
    return bytes(place & 0xFF for place in range(size))


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def joined(*chunks: Sequence[bytes] | bytes) -> bytes:
    return b"".join(chunk if isinstance(chunk, bytes) else b"".join(chunk) for chunk in chunks)


# Sequences of chunks that were made, or seen, elsewhere

BYTES_0_TO_127, BYTES_128_TO_199 = counted(128).hex(), counted(200)[128:].hex()
SILENCE = "af01" + counted(30).hex()
V200 = counted(200)

VECTORS: list[tuple[str, str, list[tuple[int, int, int, int, bytes]]]] = [
    (
        "C1 audio in formats 0, 2, 3, 3",
        f"030003e80000200839300000{SILENCE}83000014{SILENCE}c3{SILENCE}c3{SILENCE}",
        [(3, 8, 12345, time, bytes.fromhex(SILENCE)) for time in (1000, 1020, 1040, 1060)],
    ),
    (
        "C2 video in two chunks",
        f"040003e80000c80901000000{BYTES_0_TO_127}c4{BYTES_128_TO_199}",
        [(4, 9, 1, 1000, V200)],
    ),
    (
        "C3 format 3 begins a message after format 0",
        "0400001a0000040801000000af010102c4af010304",
        [(4, 8, 1, 26, b"\xaf\x01\x01\x02"), (4, 8, 1, 52, b"\xaf\x01\x03\x04")],
    ),
    (
        "C4 all widths of the basic header",
        "".join(f"{csid}00000000000108010000002e" for csid in ("0000", "00ff", "010001", "01ffff")),
        [(csid, 8, 1, 0, b".") for csid in (64, 319, 320, 65599)],
    ),
    (
        "C5 extended timestamp, repeated",
        f"04ffffff0000c8090100000001000000{BYTES_0_TO_127}c401000000{BYTES_128_TO_199}",
        [(4, 9, 1, 16777216, V200)],
    ),
    (
        "C6 extended timestamp, not repeated",
        f"04ffffff0000c8090100000001000000{BYTES_0_TO_127}c4{BYTES_128_TO_199}",
        [(4, 9, 1, 16777216, V200)],
    ),
    (
        "C7 the least timestamp that is extended",
        "04ffffff000002080100000000ffffffaf01",
        [(4, 8, 1, 16777215, b"\xaf\x01")],
    ),
    (
        "C8 extended delta",
        "040000000000020801000000af0144ffffff0000020801036640af02",
        [(4, 8, 1, 0, b"\xaf\x01"), (4, 8, 1, 17000000, b"\xaf\x02")],
    ),
    (
        "C9 format 3 begins a message with an extended delta",
        "040000000000020801000000af0144ffffff0000020801000000af02c401000000af03",
        [(4, 8, 1, 0, b"\xaf\x01"), (4, 8, 1, 16777216, b"\xaf\x02"), (4, 8, 1, 33554432, b"\xaf\x03")],
    ),
    (
        "C10 time wraps",
        "04ffffff0000020801000000fffffff0af014400002000000208af02",
        [(4, 8, 1, 4294967280, b"\xaf\x01"), (4, 8, 1, 16, b"\xaf\x02")],
    ),
    (
        "C11 audio between two chunks of video",
        f"060000280000c80901000000{BYTES_0_TO_127}040000290000040801000000af010102c6{BYTES_128_TO_199}",
        [(4, 8, 1, 41, b"\xaf\x01\x01\x02"), (6, 9, 1, 40, V200)],
    ),
    (
        "C12 a larger chunk size",
        f"02000000000004010000000000000100060000000000c80901000000{V200.hex()}",
        [(2, 1, 0, 0, b"\0\0\1\0"), (6, 9, 1, 0, V200)],
    ),
    (
        "C13 abort",
        f"060000000000c80901000000{BYTES_0_TO_127}0200000000000402000000000000000646000028000003092702 00",
        [(2, 2, 0, 0, b"\0\0\0\6"), (6, 9, 1, 0, counted(128)), (6, 9, 1, 40, b"\x27\x02\x00")],
    ),
    (
        "C14 messages without a byte",
        "040000000000000801000000c4",
        [(4, 8, 1, 0, b""), (4, 8, 1, 0, b"")],
    ),
    (
        "C15 a message of exactly one chunk",
        f"040000000000800901000000{BYTES_0_TO_127}04000001000001090100000027",
        [(4, 9, 1, 0, counted(128)), (4, 9, 1, 1, b"\x27")],
    ),
    (
        "C16 LAL: the extended field of format 1 is absolute",
        "04ffffff000002080100000001036640af0144ffffff0000030801036657af0102",
        [(4, 8, 1, 17000000, b"\xaf\x01"), (4, 8, 1, 17000023, b"\xaf\x01\x02")],
    ),
    (
        "C17 mediamtx: four zero bytes",
        f"04ffffff0000c809010000000103664017{BYTES_0_TO_127[2:]}c400000000{BYTES_128_TO_199}44000028000002092701",
        [(4, 9, 1, 17000000, b"\x17" + V200[1:]), (4, 9, 1, 17000040, b"\x27\x01")],
    ),
    (
        "C18 format 3 begins a message after a delta",
        "060000640000030801000000af01014600001700000208af01c6af01",
        [(6, 8, 1, 100, b"\xaf\x01\x01"), (6, 8, 1, 123, b"\xaf\x01"), (6, 8, 1, 146, b"\xaf\x01")],
    ),
]


@three_feedings
@pytest.mark.parametrize(("wire", "expected"), [case[1:] for case in VECTORS], ids=[case[0] for case in VECTORS])
def test_vectors(cut: Cut, wire: str, expected: list[tuple[int, int, int, int, bytes]]) -> None:
    events = read(bytes.fromhex(wire), cut)
    assert brief(events) == expected
    assert not undecoded(events)
    assert [one.number for one in messages(events)] == list(range(1, len(expected) + 1))


# Headers


@three_feedings
@pytest.mark.parametrize(("csid", "width"), BASIC_HEADERS)
def test_every_basic_header(cut: Cut, csid: int, width: int) -> None:
    writer = ChunkWriter()
    chunks = [
        writer.message(csid, VIDEO, 1, time, noise(300), form, width=width)
        for time, form in ((0, 0), (40, 1), (80, 2), (120, 3))
    ]
    events = read(joined(*chunks), cut)
    assert brief(events) == [(csid, VIDEO, 1, time, noise(300)) for time in (0, 40, 80, 120)]
    sizes = [[len(chunk.header) - width for chunk in one.chunks] for one in messages(events)]
    assert [own[0] for own in sizes] == [11, 7, 3, 0]
    assert all(not any(own[1:]) for own in sizes)


@three_feedings
def test_both_long_forms_are_one_chunk_stream(cut: Cut) -> None:
    writer = ChunkWriter()
    first = writer.message(64, VIDEO, 1, 0, noise(200), width=2)
    second = writer.message(64, VIDEO, 1, 40, noise(200), width=3)
    mixed = [*first[:1], basic_header(3, 64, 3) + first[1][2:], second[0], basic_header(3, 64, 2) + second[1][3:]]
    assert said(read(joined(mixed), cut)) == [(0, "whole", noise(200)), (40, "whole", noise(200))]


@three_feedings
@pytest.mark.parametrize("timestamp", TIMESTAMPS)
def test_timestamps_of_format_0(cut: Cut, timestamp: int) -> None:
    writer = ChunkWriter()
    stream = joined(
        writer.message(4, DATA, 1, timestamp, noise(300), fmt=0),
        writer.message(4, DATA, 1, timestamp, noise(300), fmt=3),
        writer.message(4, DATA, 1, timestamp, noise(300), fmt=0),
    )
    times = [timestamp, timestamp * 2 % (1 << 32), timestamp]
    assert said(read(stream, cut)) == [(time, "whole", noise(300)) for time in times]


@three_feedings
@pytest.mark.parametrize("fmt", [1, 2])
@pytest.mark.parametrize("delta", TIMESTAMPS)
def test_deltas_of_formats_1_and_2(cut: Cut, fmt: int, delta: int) -> None:
    writer = ChunkWriter()
    stream = joined(
        writer.message(4, VIDEO, 1, 0, noise(300), fmt=0),
        writer.message(4, VIDEO, 1, delta, noise(300), fmt=fmt),
        writer.message(4, VIDEO, 1, delta * 2, noise(300), fmt=3),
    )
    events = read(stream, cut)
    assert said(events) == [(time % (1 << 32), "whole", noise(300)) for time in (0, delta, delta * 2)]
    assert all(one.timestamp_certain for one in messages(events))


@three_feedings
def test_the_chunk_table_says_where_each_header_stood(cut: Cut) -> None:
    writer = ChunkWriter()
    video = writer.message(6, VIDEO, 1, 40, noise(700))
    audio = writer.message(4, AUDIO, 1, 41, noise(50))
    events = read(joined(video[:4], audio, video[4:]), cut)
    between = HELLO + 12 + 128 + 3 * 129
    sound, picture = messages(events)
    assert sound.chunks == (Chunk(between, audio[0][:12], 50),)
    assert picture.chunks == (
        Chunk(HELLO, video[0][:12], 128),
        Chunk(HELLO + 140, b"\xc6", 128, 3),
        Chunk(between + 62, b"\xc6", 128),
        Chunk(between + 62 + 129, b"\xc6", 60),
    )
    assert (picture.chunk_count, picture.offset, picture.payload) == (6, HELLO, noise(700))


@three_feedings
@pytest.mark.parametrize("chunks", [1, 2, 3, 7])
@pytest.mark.parametrize("chunk_size", [1, 2, 128])
def test_a_message_of_so_many_chunk_sizes_has_no_empty_chunk(cut: Cut, chunk_size: int, chunks: int) -> None:
    writer = ChunkWriter()
    payload = noise(chunk_size * chunks)
    stream = joined(
        writer.set_chunk_size(chunk_size),
        writer.message(6, VIDEO, 1, 0, payload),
        writer.message(6, VIDEO, 1, 40, payload),
        writer.message(4, AUDIO, 1, 40, b"\xaf"),
    )
    _, first, second, last = messages(read(stream, cut))
    assert [first.payload, second.payload, last.payload] == [payload, payload, b"\xaf"]
    assert first.chunk_count == second.chunk_count == chunks


@three_feedings
def test_messages_without_a_byte_in_every_format(cut: Cut) -> None:
    writer = ChunkWriter()
    chunks = [writer.message(4, AUDIO, 1, time, b"", form) for time, form in ((0, 0), (20, 1), (40, 2), (60, 3))]
    events = read(joined(*chunks, writer.message(4, AUDIO, 1, 80, b"\xaf\x01")), cut)
    assert said(events) == [*((time, "whole", b"") for time in (0, 20, 40, 60)), (80, "whole", b"\xaf\x01")]
    assert [one.chunk_count for one in messages(events)] == [1] * 5


@three_feedings
def test_format_3_begins_messages_of_several_chunks(cut: Cut) -> None:
    writer = ChunkWriter()
    chunks = [writer.message(6, VIDEO, 1, time, noise(300)) for time in (0, 40, 80, 120)]
    assert chunks[3][0][0] == 0xC6
    assert said(read(joined(*chunks), cut)) == [(time, "whole", noise(300)) for time in (0, 40, 80, 120)]


@three_feedings
def test_a_doubled_time_far_from_the_media_is_not_believed(cut: Cut) -> None:
    writer = ChunkWriter()
    stream = joined(writer.message(4, AUDIO, 1, 90_000, b"\xaf\x01"), b"\xc4\xaf\x02")
    events = read(stream, cut)
    assert said(events) == [(90_000, "whole", b"\xaf\x01"), (90_000, "whole", b"\xaf\x02")]
    assert [one.timestamp_certain for one in messages(events)] == [True, False]


@three_feedings
def test_a_chunk_stream_that_begins_with_format_1(cut: Cut) -> None:
    writer = ChunkWriter()
    ping = writer.message(2, 4, 0, 0, bytes.fromhex("000700000001"), fmt=1)
    assert rules(read(joined(ping), cut)) == []
    events = read(joined(ping, writer.message(4, AUDIO, 0, 40, b"\xaf\x01", fmt=1)), cut)
    assert brief(events)[1:] == [(4, AUDIO, 0, 40, b"\xaf\x01")]
    assert [one.timestamp_certain for one in messages(events)] == [False, False]
    (finding,) = findings(events)
    assert (finding.rule, finding.severity) == (CHUNK_FIRST_FORMAT, Severity.WARNING)
    assert finding.evidence[0].offset == HELLO + 14


@three_feedings
@pytest.mark.parametrize("fmt", [2, 3])
@pytest.mark.parametrize("csid", [2, 5, 64, 320])
def test_a_chunk_stream_cannot_begin_with_formats_2_and_3(cut: Cut, csid: int, fmt: int) -> None:
    writer = ChunkWriter()
    good = joined(writer.message(4, AUDIO, 1, 0, b"\xaf\x01"))
    events = read(good + joined(writer.message(csid, AUDIO, 1, 20, b"\xaf\x01", fmt)) + noise(500), cut)
    assert len(messages(events)) == 1
    (finding,) = findings(events)
    assert (finding.rule, finding.severity) == (CHUNK_DESYNC, Severity.ERROR)
    assert f"format {fmt} on chunk stream {csid}" in finding.title
    (rest,) = undecoded(events)
    assert rest.offset == finding.evidence[0].offset == HELLO + len(good)
    assert rest.missing == 0


@three_feedings
@pytest.mark.parametrize(
    ("type_id", "csid", "sizes"),
    [(1, 3, [3, 5, 0]), (2, 5, [8]), (3, 4, [0, 200]), (5, 64, [5]), (6, 3, [3, 6])],
)
def test_a_control_message_of_a_length_that_cannot_be(cut: Cut, type_id: int, csid: int, sizes: list[int]) -> None:
    for size in sizes:
        wire = joined(ChunkWriter().message(csid, type_id, 0, 0, bytes(size)))
        events = read(wire, cut)
        assert rules(events) == [CHUNK_DESYNC]
        assert not messages(events)
        on_its_own_chunk_stream = joined(ChunkWriter().message(2, type_id, 0, 0, bytes(size)))
        assert rules(read(on_its_own_chunk_stream, cut)) == []


@three_feedings
def test_control_messages_on_any_chunk_stream(cut: Cut) -> None:
    writer = ChunkWriter()
    bodies = [(3, bytes(4)), (5, bytes(4)), (6, bytes(5)), (6, bytes(4)), (4, bytes(6)), (2, bytes(4))]
    chunks = [writer.message(3, type_id, 1, 0, body) for type_id, body in bodies]
    assert brief(read(joined(*chunks), cut)) == [(3, type_id, 1, 0, body) for type_id, body in bodies]


@three_feedings
def test_three_types_in_a_row_that_nobody_knows(cut: Cut) -> None:
    writer = ChunkWriter()
    strange = [joined(writer.message(5, type_id, 1, 0, b"??")) for type_id in (7, 10, 99)]
    good = writer.message(4, AUDIO, 1, 0, b"\xaf\x01")
    known = writer.message(5, DATA, 1, 0, b"")
    between = read(joined(strange[:2], good, strange[1], known, strange[:2]), cut)
    assert not findings(between)
    assert len(messages(between)) == 7
    events = read(joined(*strange, good), cut)
    assert [one.type for one in messages(events)] == ["unknown_7", "unknown_10", "unknown_99", "audio"]
    assert [one.title for one in findings(events)] == [
        "3 messages in a row are of types that do not exist; a header follows"
    ]
    assert not undecoded(events)
    (rest,) = undecoded(read(joined(*strange, b"??????", good), cut))
    assert (rest.offset, rest.length) == (HELLO + len(joined(*strange)), 6)


@three_feedings
def test_three_types_that_nobody_knows_up_to_the_end_of_a_packet(cut: Cut) -> None:
    strange = joined(*(ChunkWriter().message(5, 99, 1, 0, bytes(size)) for size in (100 - 12, 100 - 12, 100 - 12)))
    assert len(strange) % SEGMENT == 0
    events = read(strange + noise(50), cut)
    assert rules(events) == [CHUNK_DESYNC]
    assert [rest.length for rest in undecoded(events)] == [50]


# Chunk sizes, interleaving, abort


@three_feedings
@pytest.mark.parametrize("size", [1, 2, 127, 128, 129, 4096, 65536, 0x7FFFFFFF])
def test_chunk_sizes(cut: Cut, size: int) -> None:
    writer = ChunkWriter()
    chunks = [*writer.set_chunk_size(size), *writer.message(6, VIDEO, 1, 0, noise(5000))]
    events = read(joined(chunks, writer.message(4, AUDIO, 1, 0, b"\xaf\x01")), cut)
    assert [one.payload for one in messages(events)[1:]] == [noise(5000), b"\xaf\x01"]
    assert messages(events)[1].chunk_count == -(-5000 // size)


@three_feedings
@pytest.mark.parametrize(("value", "size"), [(0, 128), (0x80000000, 128), (0x80000100, 256), (0xFFFFFFFF, 1 << 31)])
def test_chunk_sizes_that_are_not_allowed(cut: Cut, value: int, size: int) -> None:
    writer = ChunkWriter()
    announcement = writer.message(2, 1, 0, 0, pack(">L", value))
    writer.chunk_size = size
    events = read(joined(announcement, writer.message(6, VIDEO, 1, 0, noise(600))), cut)
    assert said(events) == [(0, "whole", pack(">L", value)), (0, "whole", noise(600))]


@three_feedings
def test_a_chunk_size_without_a_number_changes_nothing(cut: Cut) -> None:
    writer = ChunkWriter()
    events = read(joined(writer.message(2, 1, 0, 0, b"\0\1"), writer.message(6, VIDEO, 1, 0, noise(600))), cut)
    assert said(events)[1:] == [(0, "whole", noise(600))]


@three_feedings
@pytest.mark.parametrize("size", [1, 50, 300, 0x7FFFFFFF])
def test_a_chunk_size_holds_from_the_next_chunk_of_any_message(cut: Cut, size: int) -> None:
    writer = ChunkWriter()
    video = writer.cut(6, VIDEO, 1, 40, noise(700))
    chunks = [next(video), next(video), *writer.set_chunk_size(size), *video]
    assert said(read(joined(chunks), cut)) == [(0, "whole", pack(">L", size)), (40, "whole", noise(700))]


@three_feedings
@pytest.mark.parametrize("chunk_size", [1, 128, 256])
def test_messages_may_interleave_chunk_by_chunk(cut: Cut, chunk_size: int) -> None:
    writer = ChunkWriter(chunk_size)
    chunks = joined(ChunkWriter().set_chunk_size(chunk_size))
    payloads = {4: noise(500), 6: noise(301), 70: noise(256), 400: b""}
    waiting = [writer.cut(csid, DATA, 1, csid, payload) for csid, payload in payloads.items()]
    while waiting:
        waiting = [one for one in waiting if (chunk := next(one, b"")) and (chunks := chunks + chunk)]
    events = messages(read(chunks, cut))[1:]
    assert {one.chunk_stream_id: (one.timestamp, one.payload) for one in events} == {
        csid: (csid, payload) for csid, payload in payloads.items()
    }


@three_feedings
def test_abort(cut: Cut) -> None:
    writer = ChunkWriter()
    video = writer.message(6, VIDEO, 1, 1000, noise(700))
    abort = writer.message(2, 2, 0, 0, pack(">L", 6))
    events = read(joined(video[:3], abort, writer.message(6, VIDEO, 1, 1040, noise(200), fmt=1)), cut)
    assert said(events) == [
        (0, "whole", pack(">L", 6)),
        (1000, "aborted", noise(700)[:384]),
        (1040, "whole", noise(200)),
    ]
    aborted = next(one for one in messages(events) if one.state == "aborted")
    assert (aborted.length, aborted.chunk_count) == (700, 3)
    (finding,) = findings(events)
    assert (finding.rule, finding.severity) == (ABORT_SEEN, Severity.WARNING)
    assert finding.evidence[0].offset == HELLO + 12 + 3 * 128 + 2


@three_feedings
def test_an_abort_that_its_sender_ignores(cut: Cut) -> None:
    """The rest of the message comes all the same: it is counted, and what follows is read in step."""
    writer = ChunkWriter(128)
    video = list(writer.cut(6, VIDEO, 1, 1000, video_frame(0, 700)))
    abort = writer.message(2, 2, 0, 0, pack(">L", 6))
    audio = [writer.message(4, AUDIO, 1, 20 * number, audio_frame(number, 90 + number)) for number in range(4)]
    events = read(joined(video[:2], abort, video[2:], *audio), cut)
    assert [(one.type, one.state) for one in messages(events)] == [
        ("abort", "whole"),
        ("video", "aborted"),
        *[("audio", "whole")] * 4,
    ]
    (rest,) = undecoded(events)
    assert (rest.length, rest.reason) == (len(joined(video[2:])), "the rest of a message that was aborted")
    told = findings(events)[-1]
    assert (told.rule, told.severity) == (ABORT_SEEN, Severity.ERROR)
    assert "was aborted, and goes on all the same" in told.title


@three_feedings
def test_an_abort_that_is_obeyed_by_one_more_message_like_it(cut: Cut) -> None:
    writer = ChunkWriter(128)
    video = list(writer.cut(6, VIDEO, 1, 1000, video_frame(0, 700)))
    abort = writer.message(2, 2, 0, 0, pack(">L", 6))
    audio = [writer.message(4, AUDIO, 1, 20 * number, audio_frame(number, 90 + number)) for number in range(4)]
    again = [b"\xc6" + video[0][12:], *video[1:]]
    events = read(joined(video[:2], abort, again, *audio), cut)
    assert [one.state for one in messages(events)] == ["whole", "aborted", *["whole"] * 5]
    assert not undecoded(events)


@three_feedings
def test_a_chunk_size_that_changes_without_a_word(cut: Cut) -> None:
    """The bytes do not parse with the size that was set, and do with another."""
    writer = ChunkWriter(128)
    before = [writer.message(6, VIDEO, 1, 40 * number, video_frame(number, 700 + number)) for number in range(3)]
    writer.chunk_size = 1024
    after = [writer.message(6, VIDEO, 1, 40 * number, video_frame(number, 2700 + number)) for number in range(3, 8)]
    events = read(joined(*before, *after), cut)
    assert [one.length for one in messages(events) if one.state == "whole"][-4:] == [
        len(video_frame(number, 2700 + number)) for number in range(4, 8)
    ]
    titles = [one.title for one in findings(events) if one.rule is CHUNK_DESYNC]
    assert "chunks of 1024 bytes from here on, although no such chunk size was set" in titles


@three_feedings
@pytest.mark.parametrize("hole", [1, 129, 300])
def test_a_hole_that_begins_between_two_chunks(cut: Cut, hole: int) -> None:
    writer = ChunkWriter(128)
    before = joined(writer.message(6, VIDEO, 1, 960, video_frame(0, 700)))  # this chunk size is in use
    stream = joined(writer.message(6, VIDEO, 1, 1000, video_frame(1, 700), fmt=0))
    more = joined(*(writer.message(4, AUDIO, 1, 20 * n, audio_frame(n, 90 + n)) for n in range(3)))
    begin = 12 + 128
    events = read([before + stream[:begin], hole, stream[begin + hole :] + more], cut)
    _, broken, *rest = messages(events)
    assert (broken.state, len(broken.payload)) == ("whole" if hole == 1 else "damaged", broken.length)
    assert [one.state for one in rest] == ["whole"] * 3
    assert not undecoded(events)
    assert not findings(events)


@three_feedings
def test_where_the_chunk_size_is_not_certain_no_payload_is_put_in_its_place(cut: Cut) -> None:
    """A Set Chunk Size may have been lost: behind a hole nobody knows which bytes are headers."""
    writer = ChunkWriter(4096)
    stream = joined(writer.message(6, VIDEO, 1, 1000, video_frame(1, 700)))
    more = joined(*(writer.message(4, AUDIO, 1, 20 * n, audio_frame(n, 90 + n)) for n in range(3)))
    events = read([16, stream[:40], 300, stream[340:] + more], cut)
    real = video_frame(1, 700)
    for one in messages(events):
        if one.type == "video":
            known = bytearray(real[: len(one.payload)])
            for start, stop in one.missing:
                known[start:stop] = bytes(stop - start)
            assert one.payload == bytes(known)
    assert [one.length for one in messages(events) if one.type == "audio"] == [
        len(audio_frame(n, 90 + n)) for n in range(3)
    ]


@three_feedings
@pytest.mark.parametrize("csid", [6, 2, 99, 0, 0xFFFFFFFF])
def test_abort_of_nothing_changes_nothing(cut: Cut, csid: int) -> None:
    writer = ChunkWriter()
    audio, more = writer.message(4, AUDIO, 1, 0, noise(200))
    video = writer.message(6, VIDEO, 1, 0, noise(200))
    abort = writer.message(2, 2, 0, 0, pack(">L", csid))
    events = read(joined(video, audio, abort, more), cut)
    assert not findings(events)
    assert [(one.type, one.state) for one in messages(events)] == [
        ("video", "whole"),
        ("abort", "whole"),
        ("audio", "whole"),
    ]


# A header amid a message


@three_feedings
@pytest.mark.parametrize(
    ("fmt", "size"), [(0, 200), (0, 50), (1, 50), (1, 300)], ids=["0, equal", "0", "1, shorter", "1, longer"]
)
def test_a_header_amid_a_message_begins_another(cut: Cut, fmt: int, size: int) -> None:
    writer = ChunkWriter()
    broken = writer.message(6, VIDEO, 1, 1000, noise(200))
    stream = joined(
        broken[0],
        writer.message(6, VIDEO, 1, 1040, noise(size), fmt),
        writer.message(6, VIDEO, 1, 1080, noise(size)),
    )
    events = read(stream, cut)
    assert said(events) == [
        (1000, "aborted", noise(200)[:128]),
        (1040, "whole", noise(size)),
        (1080, "whole", noise(size)),
    ]
    (finding,) = findings(events)
    assert (finding.rule, finding.severity) == (CHUNK_INTERRUPTED, Severity.ERROR)
    assert finding.evidence[0].offset == HELLO + 140


@three_feedings
def test_another_type_amid_a_message_begins_another(cut: Cut) -> None:
    writer = ChunkWriter()
    broken = writer.message(6, VIDEO, 1, 1000, noise(200))
    events = read(joined(broken[0], writer.message(6, AUDIO, 1, 1040, noise(200), fmt=1)), cut)
    assert said(events) == [(1000, "aborted", noise(200)[:128]), (1040, "whole", noise(200))]


def second_header(fmt: int, size: int, delta: int = 0) -> bytes:
    """A header that says once more what the last one on chunk stream 6 said."""
    return bytes([fmt << 6 | 6]) + delta.to_bytes(3, "big") + (size.to_bytes(3, "big") + b"\x09" if fmt == 1 else b"")


@three_feedings
@pytest.mark.parametrize("fmt", [1, 2])
def test_an_equal_header_amid_a_message_may_go_on_with_it(cut: Cut, fmt: int) -> None:
    writer = ChunkWriter()
    first, second = writer.message(6, VIDEO, 1, 1000, noise(200))
    following = writer.message(4, AUDIO, 1, 1000, noise(20)), writer.message(6, VIDEO, 1, 1040, noise(20))
    events = read(joined(first, second_header(fmt, 200), second[1:], *following), cut)
    assert said(events) == [(1000, "whole", noise(200)), (1000, "whole", noise(20)), (1040, "whole", noise(20))]
    assert messages(events)[0].chunk_count == 2
    assert rules(events) == [CHUNK_INTERRUPTED]
    assert findings(events)[0].severity is Severity.WARNING


@three_feedings
@pytest.mark.parametrize("fmt", [1, 2])
def test_an_equal_header_amid_a_message_may_begin_another(cut: Cut, fmt: int) -> None:
    writer = ChunkWriter()
    first, _ = writer.message(6, VIDEO, 1, 1000, noise(200))
    events = read(joined(first, writer.message(6, VIDEO, 1, 1040, noise(200), fmt)), cut)
    assert said(events) == [(1000, "aborted", noise(200)[:128]), (1040, "whole", noise(200))]
    assert [(one.rule, one.severity) for one in findings(events)] == [(CHUNK_INTERRUPTED, Severity.ERROR)]


@three_feedings
def test_an_equal_header_amid_a_message_begins_another_where_nothing_tells(cut: Cut) -> None:
    writer = ChunkWriter()
    first, *_ = writer.message(6, VIDEO, 1, 1000, noise(600))
    events = read(joined(first, writer.message(6, VIDEO, 1, 1040, noise(600), fmt=1)), cut)
    assert said(events) == [(1000, "aborted", noise(600)[:128]), (1040, "whole", noise(600))]


@three_feedings
@pytest.mark.parametrize("goes_on", [True, False])
def test_the_end_of_the_stream_decides_about_an_equal_header(cut: Cut, goes_on: bool) -> None:
    writer = ChunkWriter()
    first, second = writer.message(6, VIDEO, 1, 1000, noise(200))
    rest = second[1:] if goes_on else noise(128)
    events = read(joined(first, second_header(1, 200, 40), rest), cut)
    expected = (
        [(1000, "whole", noise(200))] if goes_on else [(1000, "aborted", noise(200)[:128]), (1040, "cut", noise(128))]
    )
    assert said(events) == expected


@three_feedings
def test_a_chunk_too_long_to_look_behind_begins_another_message(cut: Cut) -> None:
    writer = ChunkWriter()
    size = 100_000
    stream = joined(
        writer.set_chunk_size(70_000),
        writer.message(6, VIDEO, 1, 1000, noise(size))[0],
        writer.message(6, VIDEO, 1, 1040, noise(size), fmt=1),
    )
    events = read(stream, cut)
    assert [(one.timestamp, one.state) for one in messages(events)[1:]] == [(1000, "aborted"), (1040, "whole")]


# Extended timestamps on format 3

STYLES: list[tuple[Extended, list[Severity]]] = [
    ("repeat", []),
    ("absolute", []),
    ("zeros", [Severity.WARNING]),
    ("omit", [Severity.WARNING]),
]


@three_feedings
@pytest.mark.parametrize(("style", "severities"), STYLES)
@pytest.mark.parametrize("payload", [noise(1000), bytes(1000), b"\xff" * 1000], ids=["noise", "zeros", "ones"])
@pytest.mark.parametrize("fmt", [0, 1])
def test_styles(cut: Cut, style: Extended, severities: list[Severity], payload: bytes, fmt: int) -> None:
    writer = ChunkWriter(128, style)
    time = 0x2000064
    stream = joined(
        writer.message(6, VIDEO, 1, 100, noise(5)),
        writer.message(6, VIDEO, 1, time, payload, fmt),
        writer.message(4, AUDIO, 1, time, b"\xaf\x01"),
    )
    events = read(stream, cut)
    assert said(events) == [
        (100, "whole", noise(5)),
        (time, "whole", payload),
        (time, "whole", b"\xaf\x01"),
    ]
    assert [(one.rule, one.severity) for one in findings(events)] == [(EXTENDED_STYLE, one) for one in severities]


@three_feedings
@pytest.mark.parametrize("style", ["repeat", "zeros", "omit"])
def test_format_3_begins_messages_while_an_extended_timestamp_is_in_force(cut: Cut, style: Extended) -> None:
    writer = ChunkWriter(128, style)
    start, step = 0, 0x1000000
    payloads = [noise(300), noise(300), noise(300)[::-1], counted(300)]
    stream = joined(*(writer.message(6, VIDEO, 1, start + step * n, one) for n, one in enumerate(payloads)))
    assert [chunk[0] for chunk in writer.message(6, VIDEO, 1, start + step * 4, noise(300))[:1]] == [0xC6]
    assert said(read(stream, cut)) == [(start + step * n, "whole", one) for n, one in enumerate(payloads)]


@three_feedings
def test_a_sender_that_mixes_styles(cut: Cut) -> None:
    writer = ChunkWriter()
    styles: tuple[Extended, ...] = ("repeat", "omit", "repeat", "omit")
    stream = joined(*(writer.message(6, VIDEO, 1, 0x1000000, noise(300), 0, style) for style in styles))
    events = read(stream, cut)
    assert said(events) == [(0x1000000, "whole", noise(300))] * 4
    mixed, left_out = findings(events)
    assert (mixed.rule, mixed.severity) == (EXTENDED_STYLE, Severity.ERROR)
    assert mixed.evidence[0].offset == HELLO + 16 + 300 + 2 * 5 + 16 + 128
    assert left_out.severity is Severity.WARNING


@three_feedings
def test_the_top_bit_of_a_repeated_timestamp_may_be_cut(cut: Cut) -> None:
    time = 0x90000000
    first, second = ChunkWriter().message(6, VIDEO, 1, time, noise(200))
    events = read(joined(first, b"\xc6", pack(">L", time & 0x7FFFFFFF), second[5:]), cut)
    assert said(events) == [(time, "whole", noise(200))]
    assert not findings(events)


@three_feedings
@pytest.mark.parametrize("style", ["repeat", "zeros", "omit"])
def test_the_end_of_the_stream_decides_about_an_extended_timestamp(cut: Cut, style: Extended) -> None:
    chunks = ChunkWriter(128, style).message(6, VIDEO, 1, 0x1000000, bytes(200))
    assert said(read(joined(chunks), cut)) == [(0x1000000, "whole", bytes(200))]


@three_feedings
def test_a_stream_that_ends_where_an_extended_timestamp_may_stand(cut: Cut) -> None:
    first, second = ChunkWriter().message(6, VIDEO, 1, 0x1000000, noise(200))
    for size in range(1, 5):
        events = read(first + second[:size], cut)
        assert [(one.timestamp, one.state) for one in messages(events)] == [(0x1000000, "cut")]


@three_feedings
@pytest.mark.parametrize("style", ["zeros", "omit"])
def test_a_chunk_too_long_to_look_behind_keeps_to_the_style_before(cut: Cut, style: Extended) -> None:
    writer = ChunkWriter(128, style)
    stream = joined(
        writer.message(6, VIDEO, 1, 0x1000000, noise(200)),
        writer.set_chunk_size(70_000),
        writer.message(6, VIDEO, 1, 0x1000000, bytes(150_000), 0),
        writer.message(4, AUDIO, 1, 0, b"\xaf"),
    )
    events = read(stream, cut)
    assert [one.payload for one in messages(events)] == [noise(200), pack(">L", 70_000), bytes(150_000), b"\xaf"]


@three_feedings
def test_an_extended_delta_that_is_a_time_is_told_once(cut: Cut) -> None:
    def header(time: int) -> bytes:
        return bytes.fromhex("44ffffff00000208") + pack(">L", time)

    stream = joined(ChunkWriter().message(4, AUDIO, 1, 17_000_000, b"\xaf\0"))
    events = read(joined(stream, header(17_000_023), b"\xaf\1", header(17_000_046), b"\xaf\2"), cut)
    assert [one.timestamp for one in messages(events)] == [17_000_000, 17_000_023, 17_000_046]
    (finding,) = findings(events)
    assert (finding.rule, finding.severity) == (EXTENDED_DELTA, Severity.WARNING)
    assert finding.evidence[0].offset == HELLO + len(stream)


@three_feedings
def test_an_extended_timestamp_ends_with_the_next_header(cut: Cut) -> None:
    writer = ChunkWriter()
    stream = joined(
        writer.message(6, VIDEO, 1, 0xFFFFFF, noise(300)),
        writer.message(6, VIDEO, 1, 0xFFFFFF + 40, noise(300), 2),
        writer.message(6, VIDEO, 1, 0xFFFFFF + 80, noise(300), 3),
    )
    assert said(read(stream, cut)) == [(0xFFFFFF + 40 * n, "whole", noise(300)) for n in range(3)]


# The end


def a_bit_of_everything() -> bytes:
    writer = ChunkWriter()
    video = writer.message(6, VIDEO, 1, 0x1000000, noise(150))
    return joined(
        writer.message(400, DATA, 1, 0, b"\x02\0\1x"),
        video[0],
        writer.message(4, AUDIO, 1, 20, noise(20)),
        video[1],
        writer.message(6, VIDEO, 1, 0x1000000 + 40, b"", 1),
        writer.message(6, VIDEO, 1, 0x1000000 + 80, noise(140), 1),
    )


def test_the_stream_may_end_at_any_byte() -> None:
    stream = CLIENT_HELLO[-3:] + a_bit_of_everything()
    complete = said(read(stream[3:], whole))
    for size in range(len(stream)):
        for cut in (whole, bytewise):
            events = read(stream[:size], cut, hello=CLIENT_HELLO[:-3])
            states = [one.state for one in messages(events)]
            assert states.count("cut") <= 2
            assert [one for one in said(events) if one[1] == "whole"] == complete[: states.count("whole")]
            for rest in undecoded(events):
                inside = "the handshake" if size < 3 else "a chunk header"
                assert rest.reason == f"the stream ends inside {inside}"


@three_feedings
@pytest.mark.parametrize(
    ("size", "parts"), [(0, 0), (1, 0), (2, 0), (1536, 0), (1537, 1), (1538, 1), (3072, 1), (3073, 2)]
)
def test_the_stream_may_end_in_the_handshake(cut: Cut, size: int, parts: int) -> None:
    events = read(CLIENT_HELLO[:size], cut, hello=b"")
    assert [one.part for one in greetings(events)] == ["C0 C1", "C2"][:parts]
    assert [one.length for one in undecoded(events)] == [left for left in [size - 1537 * parts] if left and parts < 2]


@three_feedings
def test_bytes_that_were_held_to_look_ahead_may_turn_out_to_make_no_sense(cut: Cut) -> None:
    first, second = ChunkWriter(128, "omit").message(6, VIDEO, 1, 0x1000000, bytes(200))
    events = read(joined(first, second, b"\xc5\xc5"), cut)
    assert said(events) == [(0x1000000, "whole", bytes(200))]
    assert rules(events) == [EXTENDED_STYLE, CHUNK_DESYNC]
    assert "format 3 on chunk stream 5" in undecoded(events)[0].reason


# Phases


@three_feedings
@pytest.mark.parametrize("version", [6, 8, 9])
def test_encrypted_bytes_are_counted_and_not_read(cut: Cut, version: int) -> None:
    events = read([noise(500), 200, noise(30)], cut, hello=bytes([version]) + CLIENT_HELLO[1:])
    (rest,) = undecoded(events)
    assert (rest.offset, rest.length, rest.missing) == (HELLO, 730, 200)
    assert rest.reason.startswith("encrypted (RTMPE")
    assert not messages(events)


def test_a_direction_says_where_it_is() -> None:
    flow, _ = new_connection().flows
    phases = []
    for version in (3, 6):
        direction = Direction(7, "client", count(1), Budget())
        stream = bytes([version]) + CLIENT_HELLO[1:] + b"\x80" + b"\x07" * 12
        for start, stop in ((0, 2000), (2000, HELLO + 1), (HELLO + 1, len(stream))):
            phases.append(repr(direction))
            direction.feed(Piece(flow, start, stream[start:stop], [start], [origin(1)]))
        phases.append(direction.phase)
    assert phases == [
        "<Direction 7 from client: handshake at 0>",
        "<Direction 7 from client: handshake at 1537>",
        f"<Direction 7 from client: chunks at {HELLO}>",
        "lost",
        "<Direction 7 from client: handshake at 0>",
        "<Direction 7 from client: handshake at 1537>",
        f"<Direction 7 from client: opaque at {HELLO + 1}>",
        "opaque",
    ]


def test_a_message_names_its_least_and_its_greatest_packet() -> None:
    flow, _ = new_connection().flows
    direction = Direction(1, "client", count(1), Budget())
    direction.feed(Piece(flow, 0, CLIENT_HELLO, [0], [origin(1)]))
    stream = joined(ChunkWriter().message(6, VIDEO, 1, 0, noise(500)))
    events = []
    for start, number in ((0, 5), (100, 3), (200, 2), (300, 9), (400, 7), (500, 8)):
        data = stream[start : start + 100]
        events += direction.feed(Piece(flow, HELLO + start, data, [HELLO + start], [origin(number)]))
    (message,) = messages(events)
    assert (message.first, message.last) == (origin(2), origin(9))


@three_feedings
@pytest.mark.parametrize(
    ("hello", "stream"),
    [
        (b"\x06" + CLIENT_HELLO[1:], noise(250)),
        (CLIENT_HELLO, joined(ChunkWriter().message(4, AUDIO, 1, 0, noise(88))) + b"\xc7" * 250),
        (CLIENT_HELLO, joined(ChunkWriter().message(4, AUDIO, 1, 0, noise(88))) + b"\x04" * 11),
        (CLIENT_HELLO[:-250], CLIENT_HELLO[-250:-20]),
    ],
    ids=["encrypted", "no header", "in a header", "in the handshake"],
)
def test_what_could_not_be_decoded_names_the_packets_that_brought_it(cut: Cut, hello: bytes, stream: bytes) -> None:
    (rest,) = undecoded(read(stream, cut, hello=hello))
    before = -(-len(hello) // SEGMENT)

    def number(offset: int) -> int:
        return 1 + offset // SEGMENT if offset < len(hello) else 1 + before + (offset - len(hello)) // SEGMENT

    assert rest.first == origin(number(rest.offset))
    assert rest.last == origin(number(rest.offset + rest.length - 1))


# Holes


def with_holes(stream: bytes, *holes: tuple[int, int]) -> list[Part]:
    """The stream without the spans that were never captured."""
    parts: list[Part] = []
    at = 0
    for start, stop in holes:
        parts += [stream[at:start], stop - start]
        at = stop
    return [part for part in [*parts, stream[at:]] if part]


def damaged(payload: bytes, *holes: tuple[int, int]) -> bytes:
    for start, stop in holes:
        payload = payload[:start] + bytes(stop - start) + payload[stop:]
    return payload


@three_feedings
@pytest.mark.parametrize(
    "holes",
    [
        [(0, 1)],
        [(0, 100)],
        [(50, 51)],
        [(0, 128)],
        [(100, 128)],
        [(127, 128)],
        [(0, 1), (127, 128)],
        [(10, 20), (30, 40), (90, 128)],
        [(10, 20), (20, 30)],
    ],
)
def test_a_hole_inside_a_chunk_damages_one_message(cut: Cut, holes: list[tuple[int, int]]) -> None:
    writer = ChunkWriter()
    video = writer.message(6, VIDEO, 1, 40, noise(300))
    stream = joined(video, writer.message(4, AUDIO, 1, 41, noise(20)))
    for chunk, header in ((0, 12), (1, 1)):
        start = sum(map(len, video[:chunk])) + header
        events = read(with_holes(stream, *((start + a, start + b) for a, b in holes)), cut)
        inside = [(chunk * 128 + a, chunk * 128 + b) for a, b in holes]
        picture, sound = messages(events)
        assert (picture.state, picture.missing) == ("damaged", tuple(inside))
        assert (picture.payload, picture.chunk_count) == (damaged(noise(300), *inside), 3)
        assert (sound.state, sound.payload) == ("whole", noise(20))
        assert not findings(events)


@three_feedings
def test_a_hole_up_to_the_last_byte_of_a_message(cut: Cut) -> None:
    writer = ChunkWriter()
    audio = writer.message(4, AUDIO, 1, 41, noise(20))
    video = writer.message(6, VIDEO, 1, 41, noise(20))
    events = read(with_holes(joined(audio, video), (22, 32)), cut)
    assert said(events) == [(41, "damaged", noise(20)[:10] + bytes(10)), (41, "whole", noise(20))]


@three_feedings
def test_a_hole_in_a_long_chunk(cut: Cut) -> None:
    writer = ChunkWriter()
    size = 160_000
    stream = joined(writer.set_chunk_size(size), writer.message(6, VIDEO, 1, 0, noise(size)))
    _, message = messages(read(with_holes(stream, (1000, 151_000)), cut))
    assert message.missing == ((1000 - 28, 151_000 - 28),)
    assert message.payload == damaged(noise(size), *message.missing)


@three_feedings
def test_a_damaged_message_is_not_obeyed(cut: Cut) -> None:
    writer = ChunkWriter()
    stream = joined(
        writer.message(2, 1, 0, 0, pack(">L", 0x01000001)),
        writer.message(6, VIDEO, 1, 0, noise(300)),
    )
    first, second = messages(read(with_holes(stream, (13, 15)), cut))
    assert (first.state, first.missing) == ("damaged", ((1, 3),))
    assert (second.state, second.payload) == ("whole", noise(300))


def talk(writer: ChunkWriter) -> tuple[bytes, list[tuple[int, int]]]:
    """Video and audio as they are sent, and the span of each message."""
    stream, spans = b"", []
    for number in range(12):
        kind, csid, payload = (
            (AUDIO, 4, audio_frame(number, 150)) if number % 3 else (VIDEO, 6, video_frame(number, 300))
        )
        part = joined(writer.message(csid, kind, 1, 40 + 20 * number, payload))
        spans.append((len(stream), len(stream) + len(part)))
        stream += part
    return stream, spans


@three_feedings
@pytest.mark.parametrize(("first", "last"), [(3, 3), (4, 4), (3, 5), (2, 8)])
@pytest.mark.parametrize("cuts", [(-20, 20), (0, 0), (0, 30), (-3, 1)])
def test_what_follows_a_hole_is_found_again(cut: Cut, first: int, last: int, cuts: tuple[int, int]) -> None:
    stream, spans = talk(ChunkWriter())
    hole = spans[first][0] + cuts[0], spans[last][1] + cuts[1]
    everything = messages(read(stream, whole))
    events = read(with_holes(stream, hole), cut)
    kept = {one.offset: one for one in messages(events) if one.state == "whole"}
    there = [one for one, span in zip(everything, spans, strict=True) if span[1] <= hole[0] or span[0] >= hole[1]]
    assert [kept.get(one.offset, one).payload for one in there] == [one.payload for one in there]
    assert set(kept) == {one.offset for one in there}
    assert all(one.timestamp == kept[one.offset].timestamp or not kept[one.offset].timestamp_certain for one in there)
    assert sum(rest.missing for rest in undecoded(events)) <= hole[1] - hole[0]


@three_feedings
def test_a_message_goes_on_behind_a_hole_that_took_its_chunk_headers(cut: Cut) -> None:
    writer = ChunkWriter()
    frame = video_frame(1, 2000)
    stream = joined(
        writer.message(6, VIDEO, 1, 40, video_frame(0, 500)),
        writer.message(6, VIDEO, 1, 80, frame),
        writer.message(4, AUDIO, 1, 90, audio_frame(0, 100)),
    )
    start = len(joined(ChunkWriter().message(6, VIDEO, 1, 40, video_frame(0, 500)))) + 300
    events = read(with_holes(stream, (start, start + 700)), cut)
    assert [one.state for one in messages(events)] == ["whole", "damaged", "whole"]
    damaged = messages(events)[1]
    assert sum(stop - begin for begin, stop in damaged.missing) + sum(one.unseen for one in damaged.chunks) == 700
    (gap,) = damaged.missing
    assert damaged.payload[gap[1] :] == frame[gap[1] :]
    assert not findings(events)
    assert messages(events)[2].timestamp_certain


@three_feedings
def test_nothing_that_is_certain_follows_a_hole(cut: Cut) -> None:
    stream, spans = talk(ChunkWriter())
    events = read(with_holes(stream[: spans[4][1]] + noise(900), (spans[4][0] - 10, spans[4][1])), cut)
    (finding,) = findings(events)
    assert (finding.rule, finding.severity) == (CAPTURE_QUALITY, Severity.ERROR)
    assert "from here on nothing could be decoded" in finding.title
    assert undecoded(events)[-1].length >= 900


@three_feedings
def test_a_chunk_size_that_was_set_in_a_hole_is_found_out(cut: Cut) -> None:
    writer = ChunkWriter()
    before = joined(writer.message(3, DATA, 0, 0, noise(100)))
    setting = joined(writer.set_chunk_size(4096))
    stream = joined(
        before,
        setting,
        *(writer.message(6, VIDEO, 1, 40 * number, video_frame(number, 9000)) for number in range(4)),
    )
    events = read(with_holes(stream, (len(before), len(before) + len(setting))), cut)
    videos = [one for one in messages(events) if one.message_type_id == VIDEO]
    assert [one.payload for one in videos] == [video_frame(number, 9000) for number in range(4)]
    assert any("by the distance of headers it is 4096" in finding.title for finding in findings(events))


@three_feedings
def test_a_chunk_size_that_was_set_and_is_not_used(cut: Cut) -> None:
    """The decoder goes on with the size that explains the bytes, and says so."""
    writer, other = ChunkWriter(), ChunkWriter()
    stream = joined(
        other.set_chunk_size(4096),
        *(writer.message(6, VIDEO, 1, 40 * number, video_frame(number, 900)) for number in range(4)),
    )
    events = read(stream, cut)
    videos = [one for one in messages(events) if one.message_type_id == VIDEO]
    assert [one.payload for one in videos] == [video_frame(number, 900) for number in range(4)]
    (finding,) = findings(events)
    assert (finding.rule, finding.severity) == (CHUNK_DESYNC, Severity.ERROR)
    assert finding.title == "chunks of 128 bytes, although a chunk size of 4096 was set"


@three_feedings
def test_a_hole_where_the_stream_is_lost_is_counted(cut: Cut) -> None:
    (rest,) = undecoded(read([b"\xc7" * 10, 5, noise(20), 1, noise(3)], cut))
    assert (rest.offset, rest.length, rest.missing) == (HELLO, 39, 6)


@three_feedings
def test_a_hole_in_a_chunk_that_was_held_to_look_ahead(cut: Cut) -> None:
    writer = ChunkWriter(128, "zeros")
    stream = joined(
        writer.message(6, VIDEO, 1, 0x1000000, noise(400)),
        writer.message(6, VIDEO, 1, 0x1000000, noise(400), 0),
        writer.message(4, AUDIO, 1, 0, b"\xaf"),
    )
    start = 16 + 128 + 2 * 132 + 5 + 16 + 16 + 128 + 5 + 50
    events = read(with_holes(stream, (start, start + 20)), cut)
    assert [one.state for one in messages(events)] == ["whole", "damaged", "whole"]
    assert not undecoded(events)


@three_feedings
@pytest.mark.parametrize(
    "holes",
    [[(0, 1)], [(0, 1537)], [(0, 3073)], [(1, 9)], [(5, 100), (200, 300)], [(1536, 1538)], [(3000, 3073)]],
    ids=str,
)
def test_a_hole_in_the_handshake(cut: Cut, holes: list[tuple[int, int]]) -> None:
    audio = joined(ChunkWriter().message(4, AUDIO, 1, 0, noise(20)))
    events = read(with_holes(CLIENT_HELLO + audio, *holes), cut, hello=b"")
    first, second = greetings(events)
    assert (first.part, second.part) == ("C0 C1", "C2")
    assert sorted(missing(first) | missing(second)) == [at for hole in holes for at in range(*hole)]
    assert first.data + second.data == damaged(CLIENT_HELLO, *holes)
    assert said(events) == [(0, "whole", noise(20))]


def missing(greeting: Greeting) -> set[int]:
    """Which bytes of the stream are missing in a greeting."""
    return {greeting.offset + at for span in greeting.missing for at in range(*span)}


@three_feedings
def test_a_version_that_was_never_captured_is_not_invented(cut: Cut) -> None:
    first, _ = greetings(read(with_holes(CLIENT_HELLO, (0, 1)), cut, hello=b""))
    assert first.version is None


@three_feedings
@pytest.mark.parametrize("hole", [(3000, 3074), (0, 3074), (1600, 4000), (3072, 3090)], ids=str)
def test_a_hole_over_the_end_of_the_handshake(cut: Cut, hole: tuple[int, int]) -> None:
    stream = CLIENT_HELLO + joined(ChunkWriter().message(4, DATA, 1, 0, noise(1000)))
    events = read(with_holes(stream, hole), cut, hello=b"")
    (rest,) = undecoded(events)
    assert rest.missing == hole[1] - hole[0]
    assert rest.offset + rest.length == len(stream)
    assert rules(events) == [CAPTURE_QUALITY]
    assert not messages(events)
