"""One exchange: what of its bytes is RTMP, and what it tells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import pytest

from rtmpsniff.budget import Budget
from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.connection import Connection
from rtmpsniff.transport.events import Hole, Piece
from rtmpsniff.tunnel.exchanges import OpenExchange
from rtmpsniff.tunnel.inner import Event, InnerConnection, Lost, Span
from rtmpsniff.tunnel.requests import Kind, Request
from rtmpsniff.tunnel.sessions import TunnelSession

KEY = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + (50000).to_bytes(2, "big") + (80).to_bytes(2, "big")
FIRST, LAST = Origin(0, 1, 1), Origin(0, 9, 9)
KINDS: tuple[Kind, ...] = get_args(Kind)


def span(data: bytes, packet: int = 5) -> Span:
    return Span(data, [0], [Origin(0, packet, packet)])


def exchange(kind: Kind, status: int = 200) -> tuple[OpenExchange, TunnelSession]:
    connection = InnerConnection(Connection(KEY, FIRST, True, {}), FIRST, "http")
    session = TunnelSession("Ab12", connection, Budget())
    made = OpenExchange(Request(kind, "Ab12", 0, "POST", f"/{kind}/Ab1.../0"), FIRST)
    made.session, made.status = session, status
    made.question, made.answer = session.client.begin(0, FIRST), session.server.begin(0, FIRST)
    return made, session


def told(events: Iterable[Event]) -> list[object]:
    return [each.data if isinstance(each, Piece) else each.size for each in events if isinstance(each, Piece | Hole)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_rtmp(kind: Kind) -> None:
    made, session = exchange(kind)
    assert told(made.ask(span(b"question"))) == ([b"question"] if kind == "send" else [])
    assert told(made.answer_with(span(b"\x01answer"))) == ([] if kind in {"open", "close"} else [b"answer"])
    assert told(made.answer_with(span(b" and more"))) == ([] if kind in {"open", "close"} else [b" and more"])
    event = made.event(session)
    assert (event.request_length, event.response_length) == (8, 16)
    assert event.interval == (None if kind == "open" else 1)


def test_the_interval_may_come_alone_and_may_be_lost() -> None:
    made, session = exchange("idle")
    assert told(made.answer_with(span(b"\x07"))) == []
    assert told(made.answer_with(span(b"a"))) == [b"a"]
    assert made.interval == 7
    made, session = exchange("idle")
    assert told(made.lose(Lost(1, FIRST, "gone"))) == []
    assert told(made.lose(Lost(4, FIRST, "gone"))) == [4]
    assert made.event(session).interval is None
    made, session = exchange("idle")
    assert told(made.lose(Lost(10, FIRST, "gone"))) == [9]


def test_a_refusal_holds_no_rtmp() -> None:
    made, _ = exchange("idle", status=404)
    assert told([*made.answer_with(span(b"no such session")), *made.lose(Lost(5, FIRST, "gone"))]) == []


@pytest.mark.parametrize(("text", "token"), [(b"Ab12\n", "Ab12"), (b"", ""), (b"<p> no", ""), (bytes(300), "")])
def test_the_id_that_open_is_answered_with(text: bytes, token: str) -> None:
    made, _ = exchange("open")
    for at in range(0, len(text), 3):
        assert list(made.answer_with(span(text[at : at + 3]))) == []
    assert made.token == token
    assert len(made.text) <= 256
    made.status = 500
    assert made.token == ""


def test_a_response_that_never_comes_may_come_over_another_connection() -> None:
    made, session = exchange("idle")
    assert told(made.fail(LAST)) == []
    assert session.server.begin(0, LAST) is not None
    made, session = exchange("idle")
    assert told([*made.answer_with(span(b"\x01ab")), *made.fail(LAST)]) == [b"ab", None]
    assert session.server.begin(0, LAST) is None


def test_where_it_stands_in_the_capture() -> None:
    made, session = exchange("send")
    assert list(made.end_request(LAST)) == []
    assert (made.event(session).first, made.event(session).last) == (FIRST, LAST)
    made.last = Origin(0, 0, 0)  # a capture may show the response first
    assert made.event(session).first == Origin(0, 0, 0)
    assert "Ab12" not in repr(made)
