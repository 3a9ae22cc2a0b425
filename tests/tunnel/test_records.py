"""TLS records of one direction: whole, cut, damaged, and found again."""

from __future__ import annotations

from random import Random

import pytest

from rtmpsniff.tunnel.records import LONGEST, Gap, Item, Record, RecordReader
from tests.tunnel.feed import Feed


def record(text: bytes, kind: int = 23) -> bytes:
    return bytes([kind, 3, 3]) + len(text).to_bytes(2, "big") + text


class RecordFeed(Feed[Item]):
    def __init__(self, genuine: bytes = b"true") -> None:
        self.reader = RecordReader(lambda record: record.span.data.startswith(genuine))
        super().__init__(self.reader)

    @property
    def told(self) -> list[object]:
        said: list[object] = []
        for item in self.items:
            match item:
                case Record():
                    said.append((item.start, item.span.data))
                case Gap():
                    said.append((item.start, "damaged" if item.records == 1 else "gap"))
        return said


TEXTS = [b"true" + bytes([number]) * number * 10 for number in range(1, 6)]
DATA = b"".join(map(record, TEXTS))
STARTS = [sum(len(text) + 5 for text in TEXTS[:number]) for number in range(6)]
WHOLE: list[object] = list(zip(STARTS, TEXTS, strict=False))


@pytest.mark.parametrize("step", [1, 2, 5, 13, 1000])
def test_records_however_they_are_cut(step: int) -> None:
    feed = RecordFeed()
    for at in range(0, len(DATA), step):
        feed.feed(DATA[at : at + step])
    assert feed.told == WHOLE
    assert feed.reader.held == 0


def test_a_record_knows_all_its_packets() -> None:
    feed = RecordFeed().feed(DATA[:10]).feed(DATA[10:15]).feed(DATA[15:])
    first = feed.items[0]
    assert isinstance(first, Record)
    assert (first.span.first.packet, first.span.last.packet) == (1, 3)


@pytest.mark.parametrize("size", [1, 5, 10])
def test_a_hole_inside_a_record_takes_that_alone(size: int) -> None:
    at = STARTS[1] + 8
    feed = RecordFeed().feed(DATA[:at]).lose(size).feed(DATA[at + size :])
    assert feed.told == [WHOLE[0], (STARTS[1], "damaged"), *WHOLE[2:]]


def test_two_holes_inside_a_record() -> None:
    at = STARTS[3] + 6
    feed = RecordFeed().feed(DATA[:at]).lose(3).feed(DATA[at + 3 : at + 6]).lose(4).feed(DATA[at + 10 :])
    assert feed.told == [*WHOLE[:3], (STARTS[3], "damaged"), WHOLE[4]]


@pytest.mark.parametrize("size", [STARTS[3] - STARTS[1], STARTS[3] - STARTS[1] - 2, STARTS[3] - STARTS[1] + 9])
def test_a_hole_over_records_begins_where_the_first_of_them_does(size: int) -> None:
    at = STARTS[1]
    feed = RecordFeed().feed(DATA[:at]).lose(size).feed(DATA[at + size :])
    found = 3 if at + size <= STARTS[3] else 4
    assert feed.told == [WHOLE[0], (STARTS[1], "gap"), *WHOLE[found:]]


def test_a_hole_from_inside_a_record_over_the_next() -> None:
    at, stop = STARTS[1] + 9, STARTS[3] + 2
    feed = RecordFeed().feed(DATA[:at]).lose(stop - at).feed(DATA[stop:])
    assert feed.told == [WHOLE[0], (STARTS[1], "damaged"), (STARTS[2], "gap"), WHOLE[4]]


def test_a_hole_of_unknown_size() -> None:
    feed = RecordFeed().feed(DATA[: STARTS[1]]).lose(None).feed(DATA[STARTS[2] :])
    assert [item[1] if isinstance(item, tuple) else item for item in feed.told] == [TEXTS[0], "gap", *TEXTS[2:]]
    assert feed.told[1] == (-1, "gap")


def test_what_only_looks_like_a_record_is_passed_over() -> None:
    false = record(b"false" + bytes(30))
    feed = RecordFeed().feed(DATA[: STARTS[1]]).lose(7).feed(b"x" * 20 + false + DATA[STARTS[2] :])
    assert [said[1] for said in feed.told if isinstance(said, tuple)] == [TEXTS[0], "gap", *TEXTS[2:]]


def test_a_false_record_that_is_not_complete_holds_no_more_than_a_record() -> None:
    feed = RecordFeed().lose(7)
    for _ in range(100):
        feed.feed(b"\x17\x03\x03\x40\x00" + bytes(995))
        assert feed.reader.held <= LONGEST + 5
    assert "lost" in repr(feed.reader)


def test_bytes_that_are_no_record() -> None:
    feed = RecordFeed().feed(DATA[: STARTS[2]] + b"GET / HTTP/1.1\r\n\r\n" + DATA[STARTS[2] :])
    assert feed.told[:3] == [*WHOLE[:2], (STARTS[2], "gap")]
    assert [said[1] for said in feed.told[3:] if isinstance(said, tuple)] == TEXTS[2:]


def test_a_record_of_the_greatest_size_and_one_above_it() -> None:
    text = b"true" + bytes(LONGEST - 4)
    assert len(RecordFeed().feed(record(text)).items) == 1
    feed = RecordFeed().feed(record(text + b"x"))
    assert isinstance(feed.items[0], Gap)


@pytest.mark.parametrize("seed", range(30))
def test_any_bytes_end_in_items(seed: int) -> None:
    random = Random(seed)
    feed = RecordFeed()
    for _ in range(300):
        if random.random() < 0.1:
            feed.lose(random.choice([None, 1, 5, 40, 20_000]))
        feed.feed(random.choice([DATA, random.randbytes(40), b"\x17\x03\x03"])[random.randrange(40) :])
        assert feed.reader.held <= LONGEST + 5
    starts = [item.start for item in feed.items if isinstance(item, Record)]
    assert starts == sorted(starts)
