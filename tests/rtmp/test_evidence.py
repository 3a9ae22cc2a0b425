"""How much a place looks like a chunk header."""

from __future__ import annotations

import pytest

from rtmpsniff.rtmp.chunk import Header, read_header
from rtmpsniff.rtmp.evidence import (
    IMPOSSIBLE,
    LOOKED_AT,
    Inherited,
    Known,
    acknowledgement_bits,
    inherited,
    is_stale,
    told_by,
    weigh,
)
from tests.build import amf0, audio_frame, video_frame
from tests.rtmp.test_candidates import AUDIO, COMMAND, VIDEO, begun, said

NOTHING = Known({}, None, None)
MEDIA = Known({4: begun(4, AUDIO, 92, 0xAF), 6: begun(6, VIDEO, 700, 0x27)}, 1000, None)
CERTAIN = 40.0  # bits: one place in 10^12


def weighed(known: Known, stream: bytes) -> float:
    header = read_header(stream, 0)
    assert header is not None
    return weigh(known, inherited(known, header.chunk_stream_id), header, stream, header.size)


@pytest.mark.parametrize(
    ("csid", "type_id", "msid", "payload"),
    [
        (3, COMMAND, 0, amf0("connect", 1)),
        (4, AUDIO, 1, audio_frame(1, 90)),
        (6, VIDEO, 1, video_frame(1, 700)),
        (2, 5, 0, bytes(4)),
        (2, 4, 0, bytes(6)),
    ],
)
def test_a_header_that_states_everything_is_nearly_certain(csid: int, type_id: int, msid: int, payload: bytes) -> None:
    assert weighed(NOTHING, said(csid, type_id, payload, msid)) > CERTAIN


def test_the_less_is_stated_the_less_is_certain() -> None:
    bits = [weighed(MEDIA, said(6, VIDEO, video_frame(1, 700), fmt=fmt)) for fmt in (0, 1, 2, 3)]
    assert bits == sorted(bits, reverse=True)
    assert bits[0] > bits[3] > 0


def test_what_is_known_counts() -> None:
    stream = said(4, AUDIO, audio_frame(1, 90), fmt=1)
    assert weighed(MEDIA, stream) > weighed(NOTHING, stream)


@pytest.mark.parametrize(
    "stream",
    [
        said(5, VIDEO, video_frame(1, 700), fmt=3),  # of what has not begun
        said(70, VIDEO, video_frame(1, 700)),  # a long number that nobody used before
        said(3, 7, b"??"),  # no such type
        said(2, 5, bytes(5), 0),  # too long for its type
        said(3, COMMAND, b"\x09connect"),  # a command begins with a name
        said(3, COMMAND, b"\x02\x00\x07\xff\xfe\xfdnect"),  # in letters
        said(6, VIDEO, b"\x27\x05" + bytes(40)),  # no such packet type
        said(6, VIDEO, b"\x97\x01hvc9" + bytes(40)),  # Enhanced RTMP begins when a stream does
        said(4, AUDIO, b"\xaf\x07" + bytes(40)),
        said(2, 4, b"\x77" + bytes(5), 0),  # no such event
        said(2, 5, bytes(4), 1),  # the protocol itself is on message stream 0
    ],
)
def test_what_cannot_be(stream: bytes) -> None:
    assert weighed(MEDIA, stream) == IMPOSSIBLE


def test_time_that_goes_on_counts_more_than_a_leap() -> None:
    def at(time: int) -> float:
        return weighed(MEDIA, b"\x04" + time.to_bytes(3, "big") + b"\0\0\x5c\x08\1\0\0\0" + audio_frame(1, 90))

    assert at(1010) > at(5000) > at(3_000_000)


def test_how_many_bytes_tell() -> None:
    header = Header(12, 0, 4, 0, 92, AUDIO, 1)
    assert told_by(header, None, 12) == 12 + LOOKED_AT
    assert told_by(header._replace(length=5), None, 12) == 17
    assert told_by(Header(1, 3, 4), 3, 1) == 4


def test_what_is_inherited() -> None:
    assert inherited(MEDIA, 6) == Inherited(VIDEO, 700, 0x27, 1000)
    assert inherited(MEDIA, 5) is None


def test_what_is_stale_behind_a_hole() -> None:
    assert not is_stale(MEDIA, 6)
    assert is_stale(MEDIA._replace(is_behind_hole=True), 6)
    assert not is_stale(MEDIA._replace(is_behind_hole=True), 5)


def test_acknowledged_numbers_grow() -> None:
    near, far = (acknowledgement_bits(1000, value.to_bytes(4, "big")) for value in (3000, 3_000_000))
    assert near > far > 0
    assert acknowledgement_bits(1000, (999).to_bytes(4, "big")) == 0
    assert acknowledgement_bits(None, bytes(4)) == acknowledgement_bits(5, b"\0\0") == 0
