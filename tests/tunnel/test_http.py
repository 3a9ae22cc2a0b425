"""HTTP/1.x, one direction: heads, bodies by length, in chunks, until the end; what is no HTTP; holes."""

from __future__ import annotations

from random import Random

import pytest

from rtmpsniff.transport.tcp import Endpoint
from rtmpsniff.tunnel.http import (
    LONGEST_HEAD,
    REQUEST,
    RESPONSE,
    UNTIL_END,
    Body,
    Done,
    Head,
    HttpReader,
    Item,
    length_of,
)
from rtmpsniff.tunnel.inner import Lost
from tests.tunnel.feed import ORIGIN, Feed


class HttpFeed(Feed[Item]):
    def __init__(self, reader: HttpReader, packet_size: int = 1000) -> None:
        super().__init__(reader, packet_size)
        self.reader = reader

    @property
    def told(self) -> list[object]:
        """Heads by their first lines, bodies joined, the rest by name."""
        told: list[object] = []
        for item in self.items:
            match item:
                case Head():
                    told.append(item.line)
                case Body():
                    if told and isinstance(told[-1], bytes):
                        told[-1] += item.span.data
                    else:
                        told.append(item.span.data)
                case Lost():
                    told.append(("lost", item.size))
                case Done():
                    told.append("done")
        return told


def requests() -> HttpReader:
    return HttpReader(REQUEST, lambda head: max(length_of(head) or 0, -2))


def responses() -> HttpReader:
    return HttpReader(RESPONSE, lambda head: UNTIL_END if (length := length_of(head)) is None else length)


POST = b"POST /send/x/1 HTTP/1.1\r\nContent-length: 5\r\n\r\nhello"
SAID: list[object] = ["POST /send/x/1 HTTP/1.1", b"hello", "done"]
IN_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
OK = IN_CHUNKS + b"3;a=b\r\nabc\r\n0A \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
ANSWERED: list[object] = ["HTTP/1.1 200 OK", b"abc0123456789", "done"]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("reader", "data", "expected"),
    [
        (requests, POST * 3, SAID * 3),
        (requests, b"\r\n\r\n" + POST, SAID),
        (requests, POST.replace(b"\r\n", b"\n"), SAID),
        (requests, b"GET /x HTTP/1.0\r\n\r\n" + POST, ["GET /x HTTP/1.0", "done", *SAID]),
        (responses, OK * 2, ANSWERED * 2),
        (responses, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + OK, ["HTTP/1.1 200 OK", "done", *ANSWERED]),
        (responses, b"HTTP/1.0 200 OK\r\n\r\nall of it", ["HTTP/1.0 200 OK", b"all of it"]),
    ],
)
def test_messages_however_they_are_cut(reader: object, data: bytes, expected: list[object], step: int) -> None:
    assert callable(reader)
    feed = HttpFeed(reader())
    for at in range(0, len(data), step):
        feed.feed(data[at : at + step])
    assert feed.told == expected


def test_the_end_of_the_connection_ends_a_body() -> None:
    feed = HttpFeed(responses()).feed(b"HTTP/1.0 200 OK\r\n\r\nall of it")
    assert feed.reader.end(ORIGIN) == [Done(ORIGIN)]
    assert feed.reader.end(ORIGIN) == []


def test_bodies_know_their_packets() -> None:
    feed = HttpFeed(requests(), packet_size=10)
    feed.feed(POST)
    (body,) = [item for item in feed.items if isinstance(item, Body)]
    start = len(POST) - 5
    assert body.span.first.packet == start // 10 + 1
    assert body.span.last.packet == (len(POST) - 1) // 10 + 1
    assert body.span.offsets[0] == 0
    head = feed.items[0]
    assert isinstance(head, Head)
    assert head.origin.packet == 1


def test_headers() -> None:
    feed = HttpFeed(requests()).feed(b"POST /x HTTP/1.1\r\nA: 1\r\na : 2\r\nno colon\r\nContent-Length: 0\r\n\r\n")
    head = feed.items[0]
    assert isinstance(head, Head)
    assert head.headers == {"a": "2", "content-length": "0"}
    assert head.words == ["POST", "/x", "HTTP/1.1"]


@pytest.mark.parametrize("value", ["-1", "x", "", "9" * 40, "1 2", "\u00b2"])
def test_a_length_that_is_none(value: str) -> None:
    assert length_of(Head("", {"content-length": value}, ORIGIN)) is None


def test_a_huge_length_takes_no_memory() -> None:
    feed = HttpFeed(requests()).feed(b"POST /send/x/1 HTTP/1.1\r\nContent-Length: 999999999999999\r\n\r\n")
    for _ in range(100):
        feed.items.clear()
        feed.feed(bytes(1000))
        assert feed.told == [bytes(1000)]
    assert "holds 0" in repr(feed.reader)


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x03" + bytes(100),
        b"POST /send/x/1 FTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        b"A" * (2 * LONGEST_HEAD),
        b"POST /x HTTP/1.1\r\n" + b"a" * LONGEST_HEAD,
    ],
)
def test_what_is_no_http_is_passed_over(wrong: bytes) -> None:
    feed = HttpFeed(requests()).feed(wrong).feed(POST * 2)
    assert feed.told[0] in {("lost", None), "POST /x HTTP/1.1"}
    assert ("lost", None) in feed.told
    assert feed.told[-len(SAID) :] == SAID
    assert feed.told.count("done") >= 1


@pytest.mark.parametrize("size", [b"zz\r\n", b"-5\r\n", b"1" * 5000, b"\r\n", b"fffffffffffff\r\n"])
def test_a_chunk_without_a_size(size: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    feed = HttpFeed(responses()).feed(head + size + b"x" * 50).feed(OK)
    assert feed.told[:2] == ["HTTP/1.1 200 OK", ("lost", None)]
    assert feed.told[-3:] == ANSWERED


def test_a_chunk_without_its_end() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    feed = HttpFeed(responses()).feed(head + b"3\r\nabcdef\r\n").feed(OK)
    assert feed.told[:3] == ["HTTP/1.1 200 OK", b"abc", ("lost", None)]
    assert feed.told[-3:] == ANSWERED


# Holes


def test_a_hole_inside_a_body() -> None:
    feed = HttpFeed(requests()).feed(POST[:-4]).lose(3).feed(POST[-1:] + POST)
    assert feed.told == ["POST /send/x/1 HTTP/1.1", b"h", ("lost", 3), b"o", "done", *SAID]


def test_a_hole_up_to_the_end_of_a_body() -> None:
    feed = HttpFeed(requests()).feed(POST[:-4]).lose(4).feed(POST)
    assert feed.told == ["POST /send/x/1 HTTP/1.1", b"h", ("lost", 4), "done", *SAID]


@pytest.mark.parametrize("size", [5, 60, None])
def test_a_hole_that_takes_the_next_head(size: int | None) -> None:
    feed = HttpFeed(requests()).feed(POST[:-4]).lose(size).feed(b"ent-length: 5\r\n\r\nhello" + POST)
    first: list[object] = [] if size is None else [("lost", 4), "done"]
    assert feed.told == ["POST /send/x/1 HTTP/1.1", b"h", *first, ("lost", None), *SAID]


def test_a_hole_in_a_chunk() -> None:
    at = OK.index(b"345")
    feed = HttpFeed(responses()).feed(OK[:at]).lose(3).feed(OK[at + 3 :] + OK)
    assert feed.told == ["HTTP/1.1 200 OK", b"abc012", ("lost", 3), b"6789", "done", *ANSWERED]


def test_a_hole_in_a_body_that_lasts_until_the_end() -> None:
    feed = HttpFeed(responses()).feed(b"HTTP/1.0 200 OK\r\n\r\nall").lose(1000).feed(b"it")
    assert feed.told == ["HTTP/1.0 200 OK", b"all", ("lost", 1000), b"it"]


@pytest.mark.parametrize("seed", range(20))
def test_any_bytes_end_in_items(seed: int) -> None:
    random = Random(seed)
    words = [POST, OK, b"POST /", b"HTTP/1.1 ", b"\r\n\r\n", b"ffff\r\n", random.randbytes(30)]
    for make in (requests, responses):
        feed = HttpFeed(make())
        for _ in range(200):
            if random.random() < 0.05:
                feed.lose(random.choice([None, 1, 10, 1000]))
            feed.feed(random.choice(words)[random.randrange(5) :] or b"x")
        assert len(feed.reader._held) <= LONGEST_HEAD


def test_repr() -> None:
    assert repr(requests()) == "<HttpReader in head, 0 to come, holds 0>"
    assert Endpoint("10.0.0.1", 80).port == 80


@pytest.mark.parametrize(("size", "told"), [(b"0000000000000000003", True), (b"8000000000000000", False)])
def test_sizes_of_chunks_with_many_digits(size: bytes, told: bool) -> None:
    """Zeros before a size say nothing (RFC 9112, 7.1); a size of 2^63 is nobody's."""
    feed = HttpFeed(responses()).feed(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\nabc\r\n0\r\n\r\n"
    )
    assert (feed.told[1:] == [b"abc", "done"]) is told
    assert (("lost", None) in feed.told) is not told


def test_chunks_of_a_byte_each_become_few_bodies() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    feed = HttpFeed(responses(), 100_000).feed(head + b"1\r\nx\r\n" * 10_000 + b"0\r\n\r\n")
    assert feed.told[1:] == [b"x" * 10_000, "done"]
    assert len(feed.items) < 50
