"""Proves the builder: its values, chunks, segments and files are compared with bytes that were made without it."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from struct import unpack, unpack_from
from typing import Literal

import pytest

from tests.build import (
    SYN,
    UNDEFINED,
    UNSUPPORTED,
    ChunkWriter,
    Conversation,
    Date,
    Ecma,
    Extended,
    Frame,
    Interface,
    LongString,
    Reference,
    Talk,
    Typed,
    Xml,
    amf0,
    basic_header,
    checksum,
    handshake,
    pcap,
    pcapng,
    pcapng_block,
    session,
)

AMF0_VALUES = [
    ("number", 1.0, "003ff0000000000000"),
    ("negative number", -0.5, "00bfe0000000000000"),
    ("not a number", float("nan"), "007ff8000000000000"),
    ("true", True, "0101"),
    ("false", False, "0100"),
    ("string", "connect", "020007636f6e6e656374"),
    ("string in UTF-8", "hé€", "02000668c3a9e282ac"),
    ("empty string", "", "020000"),
    ("null", None, "05"),
    ("undefined", UNDEFINED, "06"),
    ("object", {"app": "live", "n": 3}, "0300036170700200046c69766500016e004008000000000000000009"),
    ("empty object", {}, "03000009"),
    ("ECMA array", Ecma({"a": 1, "b": True}), "0800000002000161003ff00000000000000001620101000009"),
    ("ECMA array that lies", Ecma({"a": 1}, count=0), "0800000000000161003ff0000000000000000009"),
    ("strict array", [1, "x", None], "0a00000003003ff00000000000000200017805"),
    ("date", Date(1_700_000_000_000), "0b4278bcfe568000000000"),
    ("date with a zone", Date(1_700_000_000_000, -300), "0b4278bcfe56800000fed4"),
    ("long string", LongString("abc"), "0c00000003616263"),
    ("unsupported", UNSUPPORTED, "0d"),
    ("XML document", Xml("<a/>"), "0f000000043c612f3e"),
    ("typed object", Typed("Foo", {"x": 1}), "100003466f6f000178003ff0000000000000000009"),
    ("reference", [{"a": 1}, Reference(1)], "0a0000000203000161003ff0000000000000000009070001"),
]


@pytest.mark.parametrize(("value", "wire"), [case[1:] for case in AMF0_VALUES], ids=[case[0] for case in AMF0_VALUES])
def test_amf0(value: object, wire: str) -> None:
    assert amf0(value).hex() == wire


def test_long_strings_become_long_strings() -> None:
    assert amf0("x" * 0x10000)[:5].hex() == "0c00010000"


def count(size: int) -> bytes:
    return bytes(range(size))


def silence(size: int) -> bytes:
    return b"\xaf\x01" + count(size - 2)


def single(csid: int, type_id: int, timestamp: int, payload: bytes, extended: Extended = "repeat") -> list[bytes]:
    return ChunkWriter().message(csid, type_id, 1, timestamp, payload, extended=extended)


def four_sounds() -> list[bytes]:
    writer = ChunkWriter()
    times = (1000, 1020, 1040, 1060)
    return [chunk for time in times for chunk in writer.message(3, 8, 12345, time, silence(32))]


def stated_again_by_format_3() -> list[bytes]:
    writer = ChunkWriter()
    return [
        *writer.message(4, 8, 1, 0, b"\xaf\x01"),
        *writer.message(4, 8, 1, 0x1000000, b"\xaf\x02", fmt=1),
        *writer.message(4, 8, 1, 0x2000000, b"\xaf\x03"),
    ]


def two_interleaved() -> list[bytes]:
    writer = ChunkWriter()
    first, second = writer.message(6, 9, 1, 40, count(200))
    return [first, *writer.message(4, 8, 1, 41, bytes.fromhex("af010102")), second]


def resized() -> list[bytes]:
    writer = ChunkWriter()
    return [*writer.set_chunk_size(256), *writer.message(6, 9, 1, 0, count(200))]


SPLIT_200 = (count(128).hex(), bytes(range(128, 200)).hex())
EXTENDED_200 = "04ffffff0000c8090100000001000000" + SPLIT_200[0]
CHUNK_VECTORS: list[tuple[str, Callable[[], list[bytes]], str]] = [
    (
        "C1 four messages, the last two in format 3",
        four_sounds,
        (
            "030003e80000200839300000af01000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"
            "83000014af01000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"
            "c3af01000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"
            "c3af01000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"
        ),
    ),
    (
        "C2 a message of two chunks",
        lambda: single(4, 9, 1000, count(200)),
        f"040003e80000c80901000000{SPLIT_200[0]}c4{SPLIT_200[1]}",
    ),
    (
        "C5 extended timestamp, repeated",
        lambda: single(4, 9, 0x1000000, count(200)),
        f"{EXTENDED_200}c401000000{SPLIT_200[1]}",
    ),
    (
        "C6 extended timestamp, not repeated",
        lambda: single(4, 9, 0x1000000, count(200), "omit"),
        f"{EXTENDED_200}c4{SPLIT_200[1]}",
    ),
    (
        "C7 the least timestamp that is extended",
        lambda: single(4, 8, 0xFFFFFF, b"\xaf\x01"),
        "04ffffff000002080100000000ffffffaf01",
    ),
    (
        "C9 format 3 begins a message with an extended delta",
        stated_again_by_format_3,
        "040000000000020801000000af0144ffffff0000020801000000af02c401000000af03",
    ),
    (
        "C11 audio between two chunks of video",
        two_interleaved,
        f"060000280000c80901000000{SPLIT_200[0]}040000290000040801000000af010102c6{SPLIT_200[1]}",
    ),
    (
        "C12 a larger chunk size",
        resized,
        f"02000000000004010000000000000100060000000000c80901000000{count(200).hex()}",
    ),
]


@pytest.mark.parametrize(
    ("build", "wire"), [case[1:] for case in CHUNK_VECTORS], ids=[case[0] for case in CHUNK_VECTORS]
)
def test_chunks(build: Callable[[], list[bytes]], wire: str) -> None:
    assert b"".join(build()).hex() == wire


@pytest.mark.parametrize(("style", "field"), [("zeros", "00000000"), ("absolute", "01000010"), ("repeat", "01000000")])
def test_what_format_3_repeats(style: Extended, field: str) -> None:
    writer = ChunkWriter(128, style)
    writer.message(4, 9, 1, 16, b"")
    first, second = writer.message(4, 9, 1, 0x1000010, count(200))
    assert first.hex().startswith("44ffffff0000c80901000000")
    assert second.hex().startswith(f"c4{field}80")


@pytest.mark.parametrize(
    ("csid", "width", "wire"),
    [(2, None, "c2"), (63, 1, "ff"), (64, None, "c000"), (319, 2, "c0ff"), (64, 3, "c10000"), (320, None, "c10001")],
)
def test_basic_headers(csid: int, width: int | None, wire: str) -> None:
    assert basic_header(3, csid, width).hex() == wire


def test_a_chunk_stream_must_fit_its_header() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        basic_header(0, 64, 1)


def test_time_going_back_needs_format_0() -> None:
    writer = ChunkWriter()
    writer.message(4, 8, 1, 100, b"")
    assert writer.message(4, 8, 1, 99, b"")[0][0] >> 6 == 0


def test_a_chunk_size_can_change_inside_a_message() -> None:
    writer = ChunkWriter()
    chunks = writer.cut(6, 9, 1, 0, count(200))
    assert len(next(chunks)) == 12 + 128
    writer.set_chunk_size(50)
    assert [len(chunk) for chunk in chunks] == [51, 23]


def test_handshake_echoes() -> None:
    c0c1, s0s1s2, c2 = handshake()
    assert (len(c0c1), len(s0s1s2), len(c2)) == (1537, 3073, 1536)
    assert s0s1s2 == b"\x03" + c2 + c0c1[1:]
    assert handshake() == (c0c1, s0s1s2, c2)


def stream(frames: list[Frame], port: int) -> list[tuple[int, bytes]]:
    """The sequence number and payload of each IPv4 frame from `port`."""
    found = []
    for _, data, _ in frames:
        offset = 34 + (data[46] >> 4) * 4
        if unpack_from(">H", data, 34)[0] == port:
            found.append((unpack_from(">L", data, 38)[0], data[offset:]))
    return found


def test_segments_are_cut_and_sequence_numbers_wrap() -> None:
    talk = Conversation(client_sequence=0xFFFFFFFF - 1000)
    talk.open()
    talk.client(bytes(3000))
    sent = stream(talk.frames, 50000)
    assert [len(payload) for _, payload in sent] == [0, 0, 1448, 1448, 104]
    assert sent[3][0] == (sent[2][0] + 1448) % 2**32 < sent[2][0]


def test_lengths_checksums_and_times() -> None:
    talk = session()
    for _, data, _ in talk.frames:
        header, segment = data[14:34], data[34:]
        assert unpack_from(">H", data, 16)[0] == len(data) - 14 <= 1500
        assert checksum(header) == 0
        assert checksum(header[12:] + len(segment).to_bytes(4, "big") + b"\0\0\0\x06" + segment) == 0
    times = [frame.time for frame in talk.frames]
    assert times == sorted(set(times))


def test_ipv6() -> None:
    data = Conversation(("2001:db8::1", 50000), ("2001:db8::2", 1935), timestamps=False).client(b"hello")[0].data
    assert data[12:15].hex() == "86dd60"
    assert unpack_from(">H", data, 18)[0] == len(data) - 54 == 25
    assert checksum(data[22:54] + b"\0\0\0\x19\0\0\0\x06" + data[54:]) == 0


def test_segments_out_of_order_and_again() -> None:
    talk = Conversation(client_sequence=99)
    talk.segment("client", b"cd", at=2)
    talk.segment("client", b"ab", at=0)
    talk.segment("client", b"cd", at=2)
    talk.client(b"e")
    assert stream(talk.frames, 50000) == [(102, b"cd"), (100, b"ab"), (102, b"cd"), (104, b"e")]


def test_a_capture_can_begin_late_and_a_syn_can_come_twice() -> None:
    talk = Conversation(client_sequence=99)
    talk.client(b"a")
    assert stream(talk.frames, 50000) == [(100, b"a")]
    talk = Conversation(client_sequence=99)
    talk.segment("client", flags=SYN)
    talk.open()
    talk.client(b"a")
    assert stream(talk.frames, 50000) == [(99, b""), (99, b""), (100, b""), (100, b"a")]


def test_acknowledgements_every_second_segment() -> None:
    talk = Conversation(ack_every=2)
    talk.client(bytes(1448 * 3))
    talk.client(b"x")
    assert [unpack_from(">H", data, 34)[0] == 1935 for _, data, _ in talk.frames] == [0, 0, 1, 0, 0, 1]


FRAME = Frame(1_700_000_000_123_456_789, b"packet")


@pytest.mark.parametrize(("nanoseconds", "fraction"), [(False, 123_456), (True, 123_456_789)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_pcap(order: Literal["<", ">"], nanoseconds: bool, fraction: int) -> None:
    file = pcap([FRAME], 113, nanoseconds, order == ">", snaplen=4)
    assert unpack(f"{order}LHHlLLL", file[:24])[1:] == (2, 4, 0, 0, 4, 113)
    assert unpack(f"{order}LLLL", file[24:40]) == (1_700_000_000, fraction, 4, 6)
    assert file[40:] == b"pack"


@pytest.mark.parametrize(
    ("resolution", "ticks"),
    [(None, 1_700_000_000_123_456), (9, FRAME.time), (0x8A, 1_700_000_000 * 1024 + 126)],
)
def test_pcapng_times(resolution: int | None, ticks: int) -> None:
    file = pcapng([FRAME], [Interface(resolution=resolution)], between=pcapng_block(0xBAD, b"?"))
    high, low, captured, length = unpack_from("<LLLL", file, file.index(b"packet") - 16)
    assert (high << 32 | low, captured, length) == (ticks, 6, 6)


TSHARK = ["tshark", "-n", "-o", "rtmpt.max_packet_size:16777216", "-o", "tcp.reassemble_out_of_order:TRUE"]


def tshark(file: Path, *fields: str) -> list[Counter[str]]:
    """How often tshark saw which value, for each of the fields."""
    wanted = [argument for field in fields for argument in ("-e", field)]
    command = [*TSHARK, "-r", str(file), "-Y", "rtmpt", "-T", "fields", *wanted]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    columns = zip(*(line.split("\t") for line in output.splitlines()), strict=True)
    return [Counter(",".join(filter(None, column)).split(",")) for column in columns]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("chunk_size", [128, 4096])
@pytest.mark.parametrize("address", [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2")], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("form", [pcap, pcapng])
def test_tshark_reads_a_session(
    tmp_path: Path, form: Callable[[list[Frame]], bytes], address: tuple[str, str], chunk_size: int
) -> None:
    client, server = address
    talk = session(Talk((client, 50000), (server, 1935), client_sequence=0xFFFFF000), chunk_size=chunk_size)
    file = tmp_path / "session"
    file.write_bytes(form(talk.frames))
    types = Counter(message.type_id for message in talk.sent)
    streams, shown, audio, video = tshark(
        file, "rtmpt.header.csid", "rtmpt.header.typeid", "rtmpt.audio.control", "rtmpt.video.control"
    )
    assert streams == Counter(str(message.csid) for message in talk.sent)
    # tshark prints no type for formats 2 and 3, but it does say what it made of the body.
    assert shown["0x14"] == types[20]
    assert audio.total() == types[8] == 9
    assert video.total() == types[9] == 6
