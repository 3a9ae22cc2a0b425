"""Chunk streams begin, are guessed and are forgotten."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Finding
from rtmpsniff.payload.types import AUDIO, USER_CONTROL, VIDEO
from rtmpsniff.rtmp.channels import MOST_IDLE, Channels
from rtmpsniff.rtmp.chunk import Header
from rtmpsniff.rtmp.lengths import Inferred
from rtmpsniff.rtmp.outcome import Outcome
from rtmpsniff.rtmp.window import Window
from rtmpsniff.transport.events import Piece
from tests.rtmp.feeding import new_connection


def known() -> tuple[Channels, Outcome]:
    window = Window()
    window.open(Piece(new_connection().from_client, 0, bytes(20), [0], [Origin(0, 1, 0)]))
    outcome = Outcome(1, "client", window)
    return Channels(outcome), outcome


def titles(outcome: Outcome) -> list[str]:
    return [event.title for event in outcome.take() if isinstance(event, Finding)]


def header(form: int, number: int, type_id: int | None = VIDEO) -> Header:
    return Header(8, form, number, 0, 100, type_id)


@pytest.mark.parametrize(
    ("begun", "said"),
    [
        (header(0, 6), []),
        (header(1, 6), ["chunk stream 6 begins with format 1: its message stream is not stated"]),
        (header(1, 2, USER_CONTROL), []),  # librtmp's ping
    ],
    ids=["format 0", "format 1", "a ping"],
)
def test_a_first_header_that_states_less_than_it_should_is_told(begun: Header, said: list[str]) -> None:
    channels, outcome = known()
    channel = channels.open(begun, 0, was_searched=False)
    assert channels.by_number == {begun.chunk_stream_id: channel}
    assert titles(outcome) == said


@pytest.mark.parametrize(("others", "taken"), [((), 1), ((5, 5), 5), ((5, 7), 1)])
def test_media_whose_first_header_was_lost_is_where_the_others_are(others: tuple[int, ...], taken: int) -> None:
    channels, outcome = known()
    for number, stream in enumerate(others, 10):
        channels.open(header(0, number), 0, was_searched=False).message_stream_id = stream
    assert channels.open(header(1, 6), 0, was_searched=True).message_stream_id == taken
    assert titles(outcome) == [f"the message stream of chunk stream 6 was not seen: taken for {taken}"]


def test_what_is_on_no_message_stream_is_not_guessed() -> None:
    channels, outcome = known()
    assert channels.open(header(1, 6, USER_CONTROL), 0, was_searched=True).message_stream_id == 0
    assert titles(outcome) == []


def test_what_was_inferred_gives_way_to_what_is_known() -> None:
    channels, outcome = known()
    channels.infer(Inferred(4, 300, 0xAF), 0)
    channel = channels.by_number[4]
    assert (channel.length, channel.type_id, channel.head, channel.stale) == (300, AUDIO, 0xAF, True)
    assert len(titles(outcome)) == 2
    channels.infer(Inferred(4, 500, 0xAF), 0)
    assert (channels.by_number[4], channel.length, titles(outcome)) == (channel, 300, [])


def test_chunk_streams_with_high_numbers_count_and_are_forgotten_where_they_carry_nothing() -> None:
    channels, _ = known()
    for number in (MOST_IDLE, MOST_IDLE + 1, MOST_IDLE + 2):
        channels.open(header(0, number), 0, was_searched=False)
    channels.infer(Inferred(MOST_IDLE + 3, 300, 0xAF), 0)
    one = channels.held // 3
    assert (one > 0, channels.held) == (True, 3 * one)
    channels.by_number[MOST_IDLE + 1].left = 10
    channels.forget_idle()
    assert (repr(channels), channels.held) == (f"<Channels [{MOST_IDLE}, {MOST_IDLE + 1}]>", one)
    channels.forget()
    assert (channels.by_number, channels.held) == ({}, 0)
