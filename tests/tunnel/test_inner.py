"""Pieces of pieces, and connections inside others."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.connection import Connection
from rtmpsniff.transport.events import Hole, Piece
from rtmpsniff.tunnel.inner import InnerConnection, Span, join, span_of

KEY = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + (50000).to_bytes(2, "big") + (443).to_bytes(2, "big")
ORIGIN = Origin(0, 9, 9)
PACKETS = [Origin(0, number, number * 10) for number in range(1, 5)]


def outer() -> Connection:
    return Connection(KEY, ORIGIN, True, {})


def piece() -> Piece:
    return Piece(outer().from_client, 100, b"aabbbcdddd", [100, 102, 105, 106], PACKETS)


def who(span: Span) -> list[tuple[int, int]]:
    return [(offset, number) for offset, (_, number, _) in zip(span.offsets, span.places, strict=True)]


@pytest.mark.parametrize("start", range(10))
def test_every_byte_keeps_its_packet(start: int) -> None:
    owners = {"a": 1, "b": 2, "c": 3, "d": 4}
    for stop in range(start + 1, 11):
        for span in (span_of(piece(), start, stop), span_of(piece()).part(start, stop)):
            assert span.data == b"aabbbcdddd"[start:stop]
            spread = [
                max((offset, number) for offset, number in who(span) if offset <= at)[1] for at in range(len(span.data))
            ]
            assert spread == [owners[letter] for letter in span.data.decode()]
            assert span.offsets[0] == 0
            assert (span.first.packet, span.last.packet) == (spread[0], spread[-1])


def test_spans_join() -> None:
    whole = span_of(piece())
    joined = join([whole.part(0, 3), whole.part(3, 10)])
    assert joined.data == whole.data
    assert who(joined) == [(0, 1), (2, 2), (5, 3), (6, 4)]


def test_pieces_and_holes_of_an_inner_flow_follow_one_another() -> None:
    flow = InnerConnection(outer(), ORIGIN, "tls").from_client
    first = flow.piece(span_of(piece(), 0, 4))
    hole = flow.hole(7, ORIGIN, "never captured")
    unknown = flow.hole(None, ORIGIN, "never captured")
    last = flow.piece(span_of(piece(), 4, 10))
    assert (first.offset, first.offsets) == (0, [0, 2])
    assert hole == Hole(flow, 4, 7, ORIGIN, "never captured")
    assert (unknown.offset, unknown.size) == (11, None)
    assert (last.offset, last.offsets) == (11, [11, 12, 13])


def test_traffic_is_that_of_the_connections_that_carried_it() -> None:
    below = outer()
    inner = InnerConnection(below, ORIGIN, "http")
    other = outer()
    for each in (below, other):
        flow = each.from_client
        flow.offset, flow.missing_bytes, flow.retransmitted_bytes, flow.gaps, flow.out_of_order = 100, 10, 5, 2, 1
        inner.from_client.carry(flow)
        inner.from_client.carry(flow)
    inner.from_client.count()
    flow = inner.from_client
    assert (flow.bytes, flow.missing_bytes, flow.retransmitted_bytes, flow.gaps, flow.out_of_order) == (
        180,
        20,
        10,
        4,
        2,
    )
    assert inner.from_server.bytes == 0


def test_who_ignores_the_inner_connection_ignores_what_carries_it() -> None:
    below = outer()
    middle = InnerConnection(below, ORIGIN, "tls")
    inner = InnerConnection(middle, ORIGIN, "https")
    inner.ignore()
    assert all(flow.ignored for each in (inner, middle, below) for flow in each.flows)
    assert inner.flow("server") is inner.from_server
    assert repr(inner) == "<InnerConnection https 10.0.0.1:50000 -> 10.0.0.2:443>"


def test_a_session_over_several_does_not_take_them_along() -> None:
    below = outer()
    inner = InnerConnection(below, ORIGIN, "http")
    inner.lower = None
    inner.ignore()
    assert not below.from_client.ignored


def test_a_packet_that_brought_several_spans_is_named_once() -> None:
    """A peer may send chunks of a byte each."""
    whole = piece()
    joined = join([span_of(whole, at, at + 1) for at in range(len(whole.data))])
    assert joined == span_of(whole)
