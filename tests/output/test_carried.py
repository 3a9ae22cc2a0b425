"""What a direction carried: spans of messages in the stream, patches over chunk headers, what is not known."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from rtmpsniff.analysis.patches import Patch
from rtmpsniff.output.carried import Carried, Item, Kind, Spot, in_stream, patches_of, spots_of
from rtmpsniff.payload.types import VIDEO
from rtmpsniff.rtmp.passage import Chunk
from tests.build import AVC_HEADER, video_frame

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

CHUNKS = (Chunk(100, bytes(12), 128), Chunk(240, bytes(1), 128, 2), Chunk(498, bytes(1), 16))  # 400 bytes


def spot(start: int, stop: int, kind: Kind = Kind.PLAIN) -> Spot:
    return Spot(start, stop, kind, Item("x", start, stop))


def test_where_a_payload_stood() -> None:
    assert list(in_stream(CHUNKS, 0, 400)) == [(112, 240), (241, 369), (370, 498), (499, 515)]
    assert list(in_stream(CHUNKS, 120, 140)) == [(232, 240), (241, 253)]
    assert list(in_stream(CHUNKS, 384, 400)) == [(499, 515)]
    assert list(in_stream(CHUNKS, 5, 5)) == []


def test_patches_leave_chunk_headers_alone(message: MakeMessage) -> None:
    one = message(20, bytes(400), chunks=CHUNKS)
    assert list(patches_of(one, [Patch(126, b"abcd"), Patch(399, b"e")])) == [
        Patch(238, b"ab"), Patch(241, b"cd"), Patch(514, b"e")
    ]  # fmt: skip


def test_a_message_lies_in_its_chunks(message: MakeMessage) -> None:
    one = message(20, bytes(400), chunks=CHUNKS)
    item = Item("said", 100, 515)
    assert list(spots_of(one, "said", media=False)) == [
        Spot(100, 240, Kind.PLAIN, item), Spot(240, 498, Kind.PLAIN, item), Spot(498, 515, Kind.PLAIN, item)
    ]  # fmt: skip


def test_media_is_told_from_what_is_said_of_it(message: MakeMessage) -> None:
    payload = video_frame(0, 600)
    chunks = (Chunk(0, bytes(12), 128), Chunk(140, bytes(1), 128, 3), Chunk(527, bytes(1), len(payload) - 512))
    spots = list(spots_of(message(VIDEO, payload, chunks=chunks), "said", media=True))
    assert spots[0] == Spot(0, 12, Kind.PLAIN, Item("said", 0, spots[0].item.stop))
    assert {one.kind for one in spots} == set(Kind) - {Kind.UNREAD}
    covered = sorted((one.start, one.stop) for one in spots)
    assert covered[0][0] == 0
    assert covered[-1][1] == spots[0].item.stop
    assert all(before[1] == after[0] for before, after in pairwise(covered))
    media = sum(one.stop - one.start for one in spots if one.kind is Kind.MEDIA)
    assert media > 550
    configuration = message(VIDEO, AVC_HEADER, chunks=(Chunk(0, bytes(12), len(AVC_HEADER)),))
    assert {one.kind for one in spots_of(configuration, "said", media=True)} == {Kind.PLAIN}


def test_what_is_known_grows_without_gaps() -> None:
    carried = Carried()
    carried.add([spot(0, 10), spot(20, 30)])
    assert carried.is_known(10)
    assert not carried.is_known(11)
    assert list(carried.unknown(0, 40, carried.spots(0, 40))) == [(10, 20), (30, 40)]
    carried.add([spot(10, 20)])
    assert carried.is_known(30)
    assert list(carried.unknown(5, 30, carried.spots(5, 30))) == []


def test_bytes_before_the_stream_are_never_known() -> None:
    carried = Carried()
    carried.add([spot(0, 10)])
    assert list(carried.unknown(-5, 10, carried.spots(-5, 10))) == [(-5, 0)]


def test_spots_of_a_span() -> None:
    carried = Carried()
    carried.add([spot(10, 20), spot(0, 10), spot(20, 21)])
    assert [(one.start, one.stop) for one in carried.spots(5, 20)] == [(0, 10), (10, 20)]
    assert carried.spots(21, 30) == []
    assert carried.was_asked(30)


def test_patches_of_a_span_are_clipped_to_it() -> None:
    carried = Carried()
    carried.add([], [Patch(10, b"abcdef"), Patch(30, b"gh")])
    assert list(carried.patches(0, 12)) == [Patch(10, b"ab")]
    assert list(carried.patches(12, 31)) == [Patch(12, b"cdef"), Patch(30, b"g")]
    assert list(carried.patches(16, 30)) == []


def test_sequence_numbers_wrap() -> None:
    carried = Carried()
    carried.base = 0xFFFFFFF0
    assert carried.offset(0xFFFFFFF8) == 8
    assert carried.offset(0x10) == 32
    assert carried.offset(0xFFFFFFE0) == -16
    carried.add([spot(0, 5 << 32)])
    carried.spots(0, (5 << 32) - 1)
    assert carried.offset(0xFFFFFFF0) == 5 << 32


def test_old_spans_are_forgotten_and_patches_stay() -> None:
    carried = Carried()
    carried.add([], [Patch(5, b"****")])
    for start in range(0, 4_000_000, 100):
        carried.add([spot(start, start + 100)])
        carried.spots(start, start + 100)
    assert carried.known_from > 3_000_000
    assert len(carried.spots(0, 4_000_000)) < 10_000
    assert list(carried.patches(0, 100)) == [Patch(5, b"****")]


def test_where_patches_were_forgotten_everything_is_covered() -> None:
    carried = Carried()
    for start in range(0, 100_000, 10):
        carried.add([], [Patch(start, b"*")])
    first = next(carried.patches(15, 25))
    assert first == Patch(15, b"*" * 10)
