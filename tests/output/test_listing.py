"""The list: one line an event, columns that stay where they are, times in the form that was asked for."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rtmpsniff.api import events
from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import AMF_MALFORMED, Finding, Severity
from rtmpsniff.output.listing import Listing, place, title
from rtmpsniff.output.theme import STYLES, Paint
from rtmpsniff.output.times import Clock, TimeFormat
from rtmpsniff.rtmp.aggregates import sub_messages
from rtmpsniff.rtmp.events import Closed, Event, Greeting, Message, Notes, Opened, Traffic, Undecoded
from rtmpsniff.rtmp.passage import Chunk
from rtmpsniff.text import columns_of
from rtmpsniff.transport.tcp import Endpoint
from tests.build import amf0
from tests.payload.test_aggregate import tag

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

PLAIN, COLORED = Paint(False), Paint(True)
BASE = 1_700_000_000_000_000_000
CAPTURES = sorted(Path(__file__).parents[2].glob("captures/*.pcap*"))
FORMS: Sequence[TimeFormat] = ("relative", "delta", "utc", "local", "epoch")
CLIENT, SERVER = Endpoint("127.0.0.1", 50000), Endpoint("127.0.0.1", 1935)
BEGUN, ENDED = Origin(0, 1, BASE), Origin(0, 99, BASE + 1_500_000_000)
NO_TRAFFIC = Traffic(0, 0, 0, 0, 0)


def clock(form: TimeFormat = "relative") -> Clock:
    return Clock(form, lambda: BASE)


def listing(width: int | None = None, *, form: TimeFormat = "relative", full: bool = False) -> Listing:
    return Listing(PLAIN, clock(form), width, full)


def bare(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


@pytest.fixture(scope="module")
def every_kind(message: MakeMessage) -> list[Event]:
    return [
        Opened(1, CLIENT, SERVER, BEGUN, True),
        Greeting(1, "client", "C0 C1", 0, bytes(1537), 3, "none", None, (), BEGUN, ENDED),
        message(20, amf0("connect", 1, {"app": "live"})),
        message(9, bytes.fromhex("1701000000") + bytes(20), message_stream_id=1, timestamp=123_456_789),
        message(6, bytes.fromhex("002625a002"), sender="server", chunk_stream_id=2),
        message(16, b"", connection=12, chunk_stream_id=320),
        Finding(AMF_MALFORMED, Severity.WARNING, "something odd", connection=1, sender="server", time=BASE),
        Finding(AMF_MALFORMED, Severity.ERROR, "something bad", connection=1, time=BASE),
        Undecoded(1, "server", 0, 78, 0, "garbage", BEGUN, ENDED),
        Closed(1, CLIENT, SERVER, "rtmp", BEGUN, ENDED, "closed", "client", NO_TRAFFIC, NO_TRAFFIC),
    ]


# Columns


HEADINGS = re.compile(r"\S+")


@pytest.mark.parametrize("width", [None, 80, 99, 100, 200])
@pytest.mark.parametrize("form", FORMS)
def test_values_stand_below_their_headings(message: MakeMessage, form: TimeFormat, width: int | None) -> None:
    lines = listing(width, form=form)
    heading = lines.heading()
    sent = message(
        9, bytes.fromhex("1701000000") + bytes(4000), timestamp=123_456_789, message_stream_id=1, length=4005
    )
    line = lines.line(sent).partition("\n")[0]
    values = {"con": "1", "conn": "1", "dir": "c->s", "csid": "3", "type": "video", "msid": "1"}
    values |= {"timestamp": "123456789", "length": "4005"}
    for column in HEADINGS.finditer(heading):
        name = column[0]
        if name in {"dir", "type"}:
            assert line[column.start() :].startswith(values[name])
        elif name != "time":
            assert re.search(r"\S+$", line[: column.end()])[0] == values[name]  # type: ignore[index]
            assert line[column.end() : column.end() + 1] in {"", " "}
    assert heading.index("time") + 4 == clock(form).width


@pytest.mark.parametrize("width", [None, 80, 200])
def test_every_kind_of_line_has_the_same_columns(every_kind: list[Event], width: int | None) -> None:
    lines = listing(width)
    heading = lines.heading()
    names, ends = heading.index("type"), heading.index("length") + len("length")
    for event in every_kind:
        line = lines.line(event).partition("\n")[0]
        assert line[names - 1] == " " != line[names]
        if width != 80 or isinstance(event, Message):  # where it is narrow, the others have no length
            assert (line + "   ")[ends : ends + 2] == "  "


@pytest.mark.parametrize("width", [None, 200])
def test_the_largest_timestamp_does_not_push_the_other_columns(message: MakeMessage, width: int | None) -> None:
    lines = listing(width)
    small, large = (lines.line(message(8, b"\xaf\x01\0", timestamp=time)) for time in (0, 0xFFFFFFFF))
    assert "4294967295" in large
    assert small.index("aac") == large.index("aac")


@pytest.mark.parametrize("width", [80, 100, 130, 200])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_no_line_of_a_capture_is_longer_than_the_terminal(path: Path, form: TimeFormat, width: int) -> None:
    lines = listing(width, form=form)
    assert len(lines.heading()) <= width
    assert [row for event in events(path) for row in lines.line(event).split("\n") if len(row) > width] == []


def test_lines_end_with_a_character(every_kind: list[Event]) -> None:
    for width in (None, 80, 200):
        for event in every_kind:
            assert all(row == row.rstrip() for row in listing(width).line(event).split("\n"))


def test_without_its_colors_a_line_is_the_plain_one(every_kind: list[Event]) -> None:
    for width in (None, 80, 200):
        plain, colored = listing(width), Listing(COLORED, clock(), width)
        assert bare(colored.heading()) == plain.heading()
        for event in every_kind:
            assert "\x1b" not in plain.line(event)
            assert [row.rstrip() for row in bare(colored.line(event)).split("\n")] == plain.line(event).split("\n")


# What stands in them


def words(line: str) -> list[str]:
    return re.split(r"  +", line.strip())


def test_a_message(message: MakeMessage) -> None:
    line = listing().line(message(20, amf0("publish", 5, None, "cam", "live"), message_stream_id=1))
    assert line.split(maxsplit=8) == [
        "0.500000",
        "1",
        "c->s",
        "3",
        "command",
        "1",
        "40",
        "33",
        'publish(5) "cam", "live"',
    ]


def test_a_message_of_the_server(message: MakeMessage) -> None:
    line = listing().line(message(3, bytes(4), sender="server", chunk_stream_id=2, message_stream_id=0))
    assert line.split(maxsplit=8)[2:] == ["s->c", "2", "acknowledgement", "0", "40", "4", "0 bytes received"]


@pytest.mark.parametrize("width", [None, 80, 200])
def test_a_message_inside_an_aggregate_has_the_same_columns(message: MakeMessage, width: int | None) -> None:
    whole = message(22, tag(8, b"\xaf\x01\x21", 7) + tag(9, b"", 9), sender="server", timestamp=5000, number=31)
    lines = listing(width)
    first, second = (lines.line(part) for part in sub_messages(whole))
    fields = ["0.500000", "1", "s->c", *([] if width == 80 else ["+"]), "audio", *([] if width == 80 else ["1"])]
    assert first.split() == [*fields, "5000", "3", "aac,", "in", "aggregate", "#31"]
    assert second.split()[-5:] == ["0", "empty,", "in", "aggregate", "#31"]
    for text in (first, second):
        assert text.index("s->c") == lines.line(whole).index("s->c")
    assert first.index("audio") == lines.line(whole).index("aggregate")


OTHERS = [
    ("open", "127.0.0.1:50000 -> 127.0.0.1:1935"),
    ("handshake", "C0 C1, version 3, no digest"),
    ("warning", "something odd [amf.malformed]"),
    ("error", "something bad [amf.malformed]"),
    ("undecoded", "78 bytes from offset 0 not decoded: garbage"),
    ("close", "closed by the client after 1.500 s, 0 bytes c->s, 0 bytes s->c"),
]


def test_what_is_no_message(every_kind: list[Event]) -> None:
    lines = [words(listing().line(event)) for event in every_kind if not isinstance(event, Message)]
    assert [(line[2] if "->" not in line[2] else line[3], line[-1]) for line in lines] == OTHERS


def test_a_length_where_there_is_one(every_kind: list[Event]) -> None:
    sizes = {type(event): words(listing().line(event))[-2] for event in every_kind}
    assert (sizes[Greeting], sizes[Undecoded]) == ("1537", "78")


TYPE_NAMES = [
    (20, "command"),
    (18, "data"),
    (17, "command_amf3"),
    (6, "peer_bandwidth"),
    (16, "shared_obj_amf3"),
    (7, "unknown_7"),
]


@pytest.mark.parametrize(("type_id", "name"), TYPE_NAMES)
def test_short_names_of_types(message: MakeMessage, type_id: int, name: str) -> None:
    assert f" {name} " in listing().line(message(type_id, b"\0\0"))


def test_uncertain_timestamps_are_marked(message: MakeMessage) -> None:
    assert " ~40 " in re.sub(r"~ +", "~", listing().line(message(8, b"", timestamp_certain=False)))
    assert " ~40 " in re.sub(r"~ +", "~", listing(80).line(message(8, b"", timestamp_certain=False)))
    assert "~" not in listing().line(message(8, b""))
    assert "~" not in listing().line(message(3, bytes(4), timestamp_certain=False))  # they have no time of their own


def test_what_did_not_come_whole_is_a_warning(message: MakeMessage) -> None:
    lines = Listing(COLORED, clock())
    whole, cut = message(8, b"\xaf\x01"), message(8, b"\xaf\x01", state="cut", length=300)
    assert f"\x1b[{STYLES['warning']}m" not in lines.line(whole)
    assert COLORED.style("warning", "cut off after 2 of 300 bytes, aac") in lines.line(cut)


def test_each_kind_of_line_has_its_color(every_kind: list[Event]) -> None:
    lines = Listing(COLORED, clock())
    styles = ["connection", "handshake", "command", "video", "control", "shared_object", "warning", "error", "warning"]
    for event, style in zip(every_kind, styles, strict=False):
        assert f"\x1b[{STYLES[style]}m" in lines.line(event)


# Long texts


def test_long_texts_are_cut_unless_asked(message: MakeMessage) -> None:
    sent = message(20, amf0("f", 0, None, *["x" * 79] * 10))
    short, whole = listing().line(sent), listing(full=True).line(sent)
    assert short.endswith("...")
    assert 400 < len(short) < len(whole)
    assert whole.count("x" * 79) == 10


@pytest.mark.parametrize("width", [None, 80, 200])
def test_a_text_that_is_cut_still_says_what_is_wrong(message: MakeMessage, width: int | None) -> None:
    payload = amf0("onMetaData", *["x" * 79] * 10)
    line = listing(width).line(message(18, payload, state="damaged", missing=((700, 720),)))
    assert "damaged: 20 bytes never captured" in line


def test_a_narrow_terminal_puts_a_long_text_on_a_line_of_its_own(message: MakeMessage) -> None:
    first, second = listing(80).line(message(20, amf0("f", 0, None, "x" * 79))).split("\n")
    assert "f(0)" not in first
    assert second.strip().startswith('f(0) "xxx')
    assert second.endswith("...")
    assert len(second) == 80


def test_wide_characters_take_two_columns(message: MakeMessage) -> None:
    for width in (80, 150):
        for line in listing(width).line(message(20, amf0("f", 0, None, "\u65e5" * 79))).split("\n"):
            assert columns_of(line) <= width


def test_a_short_text_stays_on_its_line(message: MakeMessage) -> None:
    assert listing(80).line(message(8, b"\xaf\x01\x21")).endswith("  aac")


def test_a_wide_terminal_cuts_at_its_edge(message: MakeMessage) -> None:
    line = listing(200).line(message(20, amf0("f", 0, None, *["x" * 79] * 10)))
    assert len(line) == 200
    assert line.endswith("...")


# Times


MOMENTS: list[tuple[TimeFormat, int, str]] = [
    ("relative", BASE, "0.000000"),
    ("relative", BASE + 1_234_567_899, "1.234567"),
    ("relative", BASE - 1_500, "-0.000001"),
    ("relative", BASE + 100_000 * 10**9, "100000.000000"),
    ("epoch", BASE + 45_264_000, "1700000000.045264"),
    ("utc", BASE + 45_264_999, "2023-11-14 22:13:20.045264"),
    ("utc", 0, "1970-01-01 00:00:00.000000"),
]


@pytest.mark.parametrize(("form", "moment", "text"), MOMENTS)
def test_times(form: TimeFormat, moment: int, text: str) -> None:
    assert clock(form).text(moment) == text


def test_a_delta_is_to_the_line_before() -> None:
    times = clock("delta")
    assert [times.text(BASE + at) for at in (0, 1_500_000, 1_500_000, 500_000)] == [
        "0.000000",
        "0.001500",
        "0.000000",
        "-0.001000",
    ]


def test_local_time_is_that_of_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert clock("local").text(BASE) == "2023-11-15 03:43:20.000000"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("year", [2**32, 10**12, 2**64])
def test_times_that_no_calendar_has(form: TimeFormat, year: int) -> None:
    """A pcapng file may count in seconds, with 64 bits."""
    assert clock(form).text(year * 10**9).isprintable()


def test_no_time_is_wider_than_its_column() -> None:
    for form in FORMS:
        assert len(clock(form).text(BASE + 99_999_999_000)) <= clock(form).width


# Titles of dumps


def test_a_title(message: MakeMessage) -> None:
    sent = message(20, amf0("createStream", 4, None))
    first, second = title(sent, PLAIN, clock())
    assert first == "#7  0.500000  connection 1  client -> server  command_amf0  createStream(4)"
    assert second == "    chunk stream 3, message stream 1, timestamp 40; 25 bytes in 1 chunk, packets 11-12"


def test_a_title_of_one_packet_and_two_chunks(message: MakeMessage) -> None:
    chunks = (Chunk(0, bytes(12), 128), Chunk(140, b"\xc3", 128, 2))
    changes: dict[str, Any] = {"chunks": chunks, "first": ENDED, "last": ENDED, "timestamp_certain": False}
    first, second = title(message(8, bytes(384), sender="server", **changes), PLAIN, clock())
    assert "server -> client  audio" in first
    assert second.endswith("timestamp 40 (uncertain); 384 bytes in 3 chunks, packet 99")


def test_what_a_message_answers_stands_with_its_place(message: MakeMessage) -> None:
    sent = message(20, amf0("_result", 4, None, 1))
    assert place(sent) == "1 chunk, packets 11-12, offset 3073"
    sent.notes = Notes(response_to=3, answers="createStream", latency=800_000, remarks=("a remark",))
    assert place(sent) == "1 chunk, packets 11-12, offset 3073; answers #3"
    first, second = title(sent, PLAIN, clock())
    assert first.endswith("command_amf0  _result(4) createStream -> stream 1, 0.8 ms; a remark")
    assert second.endswith("packets 11-12; answers #3")


@pytest.mark.parametrize("width", [80, 100, 130])
def test_a_title_fits_the_terminal(message: MakeMessage, width: int) -> None:
    sent = message(
        20,
        amf0(
            "connect",
            1,
            {"app": "live", "tcUrl": "rtmp://example.com/live", "flashVer": "FMLE/3.0 (compatible; FMSc/1.0)"},
        ),
    )
    rows = "\n".join(title(sent, PLAIN, clock("utc"), width)).split("\n")
    assert [row for row in rows if len(row) > width] == []
