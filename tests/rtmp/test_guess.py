"""What bytes are, by their content: every sort that there is, cut off, out of the middle, and what is none of them."""

from __future__ import annotations

import random
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.payload.sequence import Encoding
from rtmpsniff.rtmp.guess import CHUNK_SIZES, ENOUGH, Guess, Sort, guess, guess_chunk_size, guess_encoding, guess_type
from tests.build import ChunkWriter, Ecma, amf0, audio_frame, video_frame
from tests.payload.test_flv import FILE as FLV
from tests.payload.test_sol import AMF0 as SOL
from tests.proportion import grows_gently
from tests.rtmp.feeding import CLIENT_HELLO, SERVER_HELLO
from tests.rtmp.sequences import CONNECT, SEQUENCES, Sequence

FIXTURES = Path(__file__).parents[3] / "shared" / "captures" / "fixtures"


def sort_of(data: bytes) -> Sort | None:
    found = guess(data)
    return None if found is None else found.sort


# Chunk streams


@pytest.mark.parametrize("case", SEQUENCES.values(), ids=SEQUENCES)
def test_chunk_sequences(case: Sequence) -> None:
    assert guess(case.data) == Guess("chunks")


def test_a_chunk_stream_may_be_cut_anywhere_behind_the_first_words() -> None:
    for size in range(24, len(CONNECT) + 1):
        assert guess(CONNECT[:size]) == Guess("chunks"), size


def test_handshakes() -> None:
    assert guess(CLIENT_HELLO + CONNECT) == Guess("chunks", sender="client")
    assert guess(CLIENT_HELLO[:1537]) == Guess("chunks", sender="client")
    window = bytes.fromhex("02000000000004050000000000 2625a0")
    assert guess(SERVER_HELLO + window) == Guess("chunks", sender="server")


def stream(chunk_size: int) -> bytes:
    """Media from the middle, where nobody announces a chunk size any more."""
    writer = ChunkWriter(chunk_size)
    parts = [writer.message(6, 9, 1, 40 * number, video_frame(number, 9000 + number)) for number in range(5)]
    parts += [writer.message(4, 8, 1, 23 * number, audio_frame(number, 300)) for number in range(5)]
    return b"".join(chunk for part in parts for chunk in part)


@pytest.mark.parametrize("chunk_size", [128, 1024, 4096, 8192, 65536])
def test_the_chunk_size_is_found(chunk_size: int) -> None:
    found = guess(stream(chunk_size))
    assert found is not None
    assert found.sort == "chunks"
    # Of sizes that no message reaches one is as good as another.
    assert found.chunk_size == chunk_size or (chunk_size > 9000 and found.chunk_size > 9000)


def test_the_chunk_size_that_was_told_holds() -> None:
    assert guess(stream(4096), 4096) == Guess("chunks", chunk_size=4096)
    fit = guess_chunk_size(stream(4096), 100)
    assert fit is None or not fit.is_clean


def test_chunk_sizes_are_tried_from_the_likeliest() -> None:
    assert CHUNK_SIZES[0] == 128
    assert len(set(CHUNK_SIZES)) == len(CHUNK_SIZES)


def test_a_chunk_stream_that_breaks_is_one_all_the_same() -> None:
    assert guess(CONNECT + b"\xff" * 40) == Guess("chunks")


# Files


def test_files() -> None:
    assert (sort_of(FLV), sort_of(FLV[:9]), sort_of(SOL), sort_of(SOL[:12])) == ("flv", "flv", "sol", "sol")


# Bodies of messages

BODIES = [
    (20, amf0("connect", 1, {"app": "live"})),
    (20, amf0("_result", 4, None, 1)),
    (20, amf0("publish", 0, None, "key", "live")),
    (18, amf0("@setDataFrame", "onMetaData", Ecma({"width": 640}))),
    (18, amf0("onMetaData", Ecma({"width": 640}))),
    (18, amf0("|RtmpSampleAccess", True, True)),
    (17, b"\0" + amf0("connect", 1, {"app": "live"})),
    (15, b"\0" + amf0("onMetaData", Ecma({}))),
    (19, bytes.fromhex("0004636861740000000000000000000000000100000000")),
    (19, bytes.fromhex("000463686174000000050000000000000000030000000700016102000178")),
    (9, bytes.fromhex("9061763031")),
    (9, bytes.fromhex("a36876633100000002aabb")),
    (9, bytes.fromhex("970207a120036876633100000001aa")),
    (8, bytes.fromhex("904f7075734f707573486561640102380180bb0000000000")),
    (8, bytes.fromhex("95014f70757302fc7f")),
    (8, bytes.fromhex("97020f423f012e6d7033fffb")),
]


@pytest.mark.parametrize(("type_id", "body"), BODIES)
def test_bodies_that_say_what_they_are(type_id: int, body: bytes) -> None:
    assert guess_type(body) == type_id
    assert guess(body) == Guess("message", type_id)


@pytest.mark.parametrize(
    "body",
    [b"", b"\0\0\x10\0", b"\xaf\x01\x21", b"\x17\x01\0\0\0", amf0("hello"), amf0("hello", 1), amf0("no name", 1, None)],
)
def test_bodies_that_do_not(body: bytes) -> None:
    assert guess_type(body) is None


# AMF


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("003ff0000000000000", "amf0"),
        ("020007636f6e6e656374", "amf0"),
        ("0101", "amf0"),
        ("05", "amf0"),
        ("0300036170700200046c69766500016e004008000000000000000009", "amf0"),
        ("03000161003ff0000000000000", "amf0"),
        ("0a00000003003ff00000000000000200017805", "amf0"),
        ("0b4278bcfe568000000000", "amf0"),
        ("03", "amf3"),
        ("0400", "amf3"),
        ("053ff8000000000000", "amf3"),
        ("0607616263", "amf3"),
        ("0a0b010361040101", "amf3"),
        ("0d050100000001ffffffff", "amf3"),
        ("08014278bcfe56800000", "amf3"),
        ("", None),
        ("ffff", None),
        ("0200ff41", None),
    ],
)
def test_amf0_and_amf3_are_told_apart(data: str, encoding: Encoding | None) -> None:
    assert guess_encoding(bytes.fromhex(data)) == encoding


def test_amf_that_is_cut_off_in_its_second_half() -> None:
    data = amf0({"first": 1.0, "second": "of some length", "third": None})
    assert guess_encoding(data[:30]) == "amf0"
    assert guess_encoding(data[:5]) is None


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="no shared captures beside the checkout")
def test_amf_that_others_wrote() -> None:
    broken = {"partial", "bad", "unknown", "movieclip", "recordset", "empty", "externalizable", "response"}
    paths = [path for path in FIXTURES.glob("*/amf[03]-*.bin") if not broken & set(path.stem.split("-"))]
    paths = [path for path in paths if path.stat().st_size <= ENOUGH]  # of a longer value the end is not looked at
    assert len(paths) > 80
    assert [path.name for path in paths if sort_of(path.read_bytes()) != path.stem[:4]] == []


# Nothing


@pytest.mark.parametrize("data", [b"", b"\xff" * 4, b"\xff" * 5000, b"hello", b"GET / HTTP/1.1\r\n\r\n", bytes(1537)])
def test_what_is_none_of_these(data: bytes) -> None:
    assert guess(data) is None


def test_random_bytes_are_seldom_anything() -> None:
    dice = random.Random(5)
    found = [guess(dice.randbytes(dice.choice([40, 200, 1000]))) for _ in range(500)]
    assert sum(one is not None for one in found) < 5


@given(st.binary(max_size=300))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    found = guess(data)
    assert found is None or found.sort in {"chunks", "message", "amf0", "amf3", "flv", "sol"}


@pytest.mark.parametrize(
    "unit", [CONNECT, b"\x0a\0\0\xff\xff", b"\x03\0\x01a", b"\0", b"\x04" + bytes(6) + b"\x09" + bytes(4)]
)
def test_time_is_bounded(unit: bytes) -> None:
    def seconds(size: int) -> float:
        data = unit * (size // len(unit))
        start = process_time()
        guess(data)
        return process_time() - start

    assert grows_gently(seconds, 1 << 16, 1 << 22, 4)
