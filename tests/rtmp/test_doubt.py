"""Which headers to believe where some were lost."""

from __future__ import annotations

import pytest

from rtmpsniff.findings import CAPTURE_QUALITY, CHUNK_DESYNC
from rtmpsniff.rtmp.chunk import Channel, read_header
from rtmpsniff.rtmp.doubt import Doubt
from rtmpsniff.rtmp.lookahead import LookAhead
from rtmpsniff.rtmp.sizes import Reason
from rtmpsniff.rtmp.timestamps import Clock
from tests.build import ChunkWriter, audio_frame, video_frame
from tests.rtmp.test_candidates import AUDIO, VIDEO, begun, said

FRAME = video_frame(1, 700)


def doubtful(*channels: Channel) -> Doubt:
    known = {channel.chunk_stream_id: channel for channel in channels}
    return Doubt(known, Clock(), LookAhead(known))


def talk(fmt: int = 3, chunk_size: int = 128) -> bytes:
    """A video message with the shortest header, and audio behind it."""
    writer = ChunkWriter(chunk_size)
    for time in (960, 980):
        list(writer.message(6, VIDEO, 1, time, FRAME))
    video = b"".join(writer.message(6, VIDEO, 1, 1000, FRAME, fmt=fmt))
    audio = [b"".join(writer.message(4, AUDIO, 1, 1000 + 20 * n, audio_frame(n, 90))) for n in range(3)]
    return video + b"".join(audio)


def credible(doubt: Doubt, stream: bytes) -> bool | None:
    header = read_header(stream, 0)
    assert header is not None
    return doubt.is_credible(header, doubt.known.channels.get(header.chunk_stream_id), stream, 0)


NO_HEADER = bytes.fromhex("04 700000 00005c 08 55555555 af01") + bytes(40)


def test_without_a_search_every_header_is_believed() -> None:
    doubt = doubtful()
    assert doubt.longest_plain > 1 << 20
    assert credible(doubt, NO_HEADER) is True


def test_behind_a_search_headers_are_looked_at_closely_for_a_while() -> None:
    doubt = doubtful(begun(4, AUDIO, 92, 0xAF))
    doubt.begin(CAPTURE_QUALITY)
    assert doubt.searched_for is CAPTURE_QUALITY
    assert doubt.longest_plain == -1
    assert credible(doubt, NO_HEADER) is False
    assert credible(doubt, said(4, AUDIO, audio_frame(1, 90))) is True
    while doubt.headers:
        doubt.believe()
    assert credible(doubt, NO_HEADER) is True


def test_more_bytes_are_asked_for() -> None:
    look_ahead = LookAhead({})
    doubt = Doubt({}, Clock(), look_ahead)
    doubt.begin(CHUNK_DESYNC)
    stream = said(4, AUDIO, audio_frame(1, 90))
    assert credible(doubt, stream[:20]) is None
    assert credible(doubt, stream[: look_ahead.wanted]) is True


@pytest.mark.parametrize(("length", "holds"), [(len(FRAME), True), (len(FRAME) - 1, False), (300, False)])
def test_what_is_inherited_from_before_a_hole_must_lead_on(length: int, holds: bool) -> None:
    video = begun(6, VIDEO, length, 0x27)
    doubt = doubtful(video, begun(4, AUDIO, 92, 0xAF))
    assert doubt.still_holds(video, talk(), 1) is holds


def test_only_acknowledgements_go_on_as_they_were() -> None:
    control = begun(2, 3, 4, 0, 0)
    doubt = doubtful(control)
    doubt.acknowledged = 1_000_000
    assert doubt.still_holds(control, b"\xc2" + (1_250_000).to_bytes(4, "big"), 1) is True
    assert doubt.still_holds(control, b"\xc2" + (900_000_000).to_bytes(4, "big"), 1) is False
    assert doubt.still_holds(control, b"\xc2\0", 1) is None
    control.type_id = 5
    assert doubt.still_holds(control, b"\xc2" + bytes(4), 1) is False


def aborted(received: int) -> Channel:
    channel = begun(6, VIDEO, len(FRAME), 0x27)
    channel.aborted_left = len(FRAME) - received
    return channel


def test_an_abort_that_its_sender_ignores() -> None:
    channel = aborted(256)
    doubt = doubtful(channel, begun(4, AUDIO, 92, 0xAF))
    first_two = 1 + 128 + 1 + 128
    assert doubt.ignores_abort(channel, talk()[first_two:], 1) is True


def test_an_abort_that_is_obeyed() -> None:
    channel = aborted(256)
    doubt = doubtful(channel, begun(4, AUDIO, 92, 0xAF))
    assert doubt.ignores_abort(channel, talk(), 1) is False


def test_whether_an_abort_is_ignored_is_told_by_what_follows() -> None:
    channel = aborted(256)
    look_ahead = LookAhead({6: channel})
    doubt = Doubt({6: channel}, Clock(), look_ahead)
    assert doubt.ignores_abort(channel, talk()[258:400], 1) is None
    assert look_ahead.wanted > 142


def test_the_chunk_size_is_settled_by_the_message_that_it_cuts() -> None:
    doubt = doubtful()
    doubt.chunk_size.forget(Reason.LATE)
    stream = talk(fmt=0, chunk_size=512)
    header = read_header(stream, 0)
    assert header is not None
    assert doubt.settles_size(header, None, stream[:100], header.size) is None
    assert doubt.settles_size(header, None, stream, header.size) is True
    assert doubt.chunk_size.size == 512
    assert doubt.told is not None


def test_a_message_shorter_than_all_sizes_needs_no_second_look() -> None:
    doubt = doubtful()
    doubt.chunk_size.forget(Reason.LATE)
    stream = said(4, AUDIO, audio_frame(1, 90))
    header = read_header(stream, 0)
    assert header is not None
    assert doubt.settles_size(header, None, stream[:12], 12) is True
