"""The shared options: what their values mean, and what is refused with a line that says why."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from rtmpsniff.analysis.filter import compile_columns
from rtmpsniff.cli.options import FILTER_HELP, RangeParameter, TimeParameter, TypesParameter
from tests.build import Talk, session

if TYPE_CHECKING:
    from tests.conftest import Run

CAPTURES = Path(__file__).parents[2] / "captures"
CONNECT = str(CAPTURES / "connect-228.pcap")
PUBLISH = str(CAPTURES / "ffmpeg-nginx-publish.pcap")
REFUSALS = str(CAPTURES / "refusals-nginx.pcap")
BASE = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


# Times

TIMES = [
    ("0", BASE),
    ("1.5", BASE + 3 * SECOND // 2),
    ("-1", BASE - SECOND),
    ("1e3", BASE + 1000 * SECOND),
    ("0.045264", BASE + 45_264_000),
    ("2023-11-14T22:13:20Z", BASE),
    ("2023-11-14 22:13:20.045264", BASE + 45_264_000),
    ("2023-11-15T03:43:20+05:30", BASE),
    ("2023-11-14", BASE - 80_000 * SECOND),
    ("1969-12-31T23:59:59Z", -SECOND),
    ("0001-01-01T00:00:00+14:00", -62_135_596_800 * SECOND - 14 * 3600 * SECOND),
    ("9999-12-31T23:59:59-14:00", 253_402_300_799 * SECOND + 14 * 3600 * SECOND),
]


@pytest.mark.parametrize(("text", "moment"), TIMES)
def test_times(text: str, moment: int) -> None:
    convert: Callable[[int], int] = TimeParameter().convert(text, None, None)
    assert convert(BASE) == moment


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "nan", "inf", "-inf", "1e99", "12:00", "2023-13-01", "1,5", "\x1b[2J"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is neither seconds since the first packet nor a date and time"):
        TimeParameter().convert(text, None, None)


# Numbers of messages

RANGES = [("1", [1]), ("3-5", [3, 4, 5]), ("7-7", [7])]


@pytest.mark.parametrize(("text", "numbers"), RANGES)
def test_ranges(text: str, numbers: list[int]) -> None:
    assert list(RangeParameter().convert(text, None, None)) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "-",
        "-3",
        "0",
        "0-2",
        "1-2-3",
        "1.5",
        "²",
        "٣",
        "5-3",
        "1 - 2",
        pytest.param("9" * 5000, id="very long"),
    ],
)
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no number and no range of numbers"):
        RangeParameter().convert(text, None, None)


def test_an_open_range_is_all_that_follow_or_is_refused() -> None:
    """`5-` is no way to write 5."""
    try:
        numbers = RangeParameter().convert("5-", None, None)
    except click.BadParameter:
        return
    assert 1000 in numbers


# Types

TYPES = [("video", ("video",)), ("Video, AUDIO", ("video", "audio")), ("!media", ("!media",)), ("9", ("9",))]


@pytest.mark.parametrize(("text", "names"), TYPES)
def test_types(text: str, names: tuple[str, ...]) -> None:
    assert TypesParameter().convert(text, None, None) == names


@pytest.mark.parametrize("text", ["vidio", "video,vidio", "256", "!", "", ",", " "])
def test_what_is_no_type(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no message type, no number of one and no family of them"):
        TypesParameter().convert(text, None, None)


# What they do


def lines(run: Run, *arguments: str) -> list[str]:
    ran = run("read", *arguments)
    assert ran.errors == ("" if ran.output else "rtmpsniff: nothing matched\n")
    return ran.output.splitlines()


def column(shown: list[str], name: str) -> set[str]:
    at = {"connection": 1, "direction": 2, "csid": 3, "type": 4}[name]
    return {line.split()[at] for line in shown}


TYPES_SHOWN = [
    (("--type", "audio"), {"audio"}),
    (("--type", "8"), {"audio"}),
    (("--type", "media"), {"audio", "video"}),
    (("--type", "audio", "--type", "video"), {"audio", "video"}),
    (("--type", "audio,data"), {"audio", "data"}),
    (("--type", "control"), {"window_ack_size", "peer_bandwidth", "set_chunk_size"}),
    (("--type", "!media", "--type", "!control"), {"command", "data"}),
]


@pytest.mark.parametrize(("arguments", "types"), TYPES_SHOWN)
def test_only_these_types(run: Run, arguments: tuple[str, ...], types: set[str]) -> None:
    assert column(lines(run, PUBLISH, *arguments), "type") == types


def test_the_handshake_is_asked_for_by_name(run: Run) -> None:
    shown = lines(run, CONNECT, "--type", "handshake")
    assert len(shown) == 4
    assert all(" handshake " in line for line in shown)


def test_all_but_the_handshake(run: Run) -> None:
    """The help says `!NAME for all others` of what it lists, the handshake among them."""
    ran = run("read", CONNECT, "--type", "!handshake")
    assert ran.status == 0
    assert " handshake " not in ran.output
    assert "connect(1)" in ran.output


def test_only_this_connection(run: Run) -> None:
    shown = lines(run, REFUSALS, "--connection", "3")
    assert column(shown, "connection") == {"3"}
    assert " open " in shown[0]
    assert " close " in shown[-1]
    assert column(lines(run, REFUSALS, "--connection", "1", "--connection", "4"), "connection") == {"1", "4"}


def test_only_this_stream(run: Run) -> None:
    shown = lines(run, PUBLISH, "--stream", "s1")
    assert column(shown, "type") == {"command", "data", "audio", "video"}
    assert shown == lines(run, PUBLISH, "--stream", "s1?token=abc123")
    assert lines(run, PUBLISH, "--stream", "s2") == []


def test_only_these_times(run: Run) -> None:
    every, some = lines(run, PUBLISH), lines(run, PUBLISH, "--from", "0.1", "--to", "0.2")
    assert some == [line for line in every if 0.1 <= float(line.split()[0]) <= 0.2]
    assert 0 < len(some) < len(every)


def test_times_as_dates(run: Run) -> None:
    shown = lines(run, CONNECT, "--from", "2026-01-01T00:00:00.046Z", "--to", "2026-01-01 00:00:00.0465")
    assert [line.split()[0] for line in shown] == ["0.046071", "0.046071"]


def test_only_these_messages(run: Run) -> None:
    shown = lines(run, CONNECT, "--message", "1", "--message", "3-9")
    assert [line.split()[4] for line in shown] == ["command", "peer_bandwidth", "command"]


def test_a_count_is_of_messages(run: Run) -> None:
    shown = run("read", PUBLISH, "-q", "-c", "3").output.splitlines()
    assert len(shown) == 3
    assert len(run("read", PUBLISH, "-q", "--type", "video", "-c", "3").output.splitlines()) == 3


def test_conditions_hold_together(run: Run) -> None:
    assert lines(run, PUBLISH, "--type", "video", "--connection", "2") == []


Save = Callable[[Any], str]


def test_ports(run: Run, save: Save) -> None:
    """Where nothing that is said tells that it is RTMP, the port does."""
    talk = Talk(server=("10.0.0.2", 5000))
    talk.client(bytes(range(256)))
    path = save(talk.frames)
    assert run("read", path).status == 1
    assert run("read", path, "--port", "5001").status == 1
    for ports in (("--port", "5000"), ("--port", "5001", "--port", "5000")):
        assert run("read", path, *ports).status == 0
    late = session(Talk(server=("10.0.0.2", 5000)), chunk_size=4096, video=40).frames[12:]
    assert run("read", save(late)).status == 0


def test_every_option_is_explained(run: Run) -> None:
    for command in ("read", "summary"):
        text = run(command, "--help").output
        for option in (
            "--port",
            "--type",
            "--connection",
            "--stream",
            "--from",
            "--to",
            "--message",
            "-Y",
            "-c",
            "--color",
        ):
            assert option in text


# Filters


def test_the_names_in_the_help_are_names() -> None:
    listed = FILTER_HELP.partition("in JSON:")[2].partition("and of:")[0]
    names = [*re.findall(r"[a-z][\w.]*\w", listed.replace("(command, data, ...)", "")), "n"]
    assert len(names) > 30
    assert len(compile_columns(",".join(names))) == len(names)


@pytest.mark.parametrize("command", ["read", "summary"])
def test_filters_are_explained(run: Run, command: str) -> None:
    text = run(command, "--help").output
    assert '  type in {"audio", "video"}\n' in text
    assert 'name matches "^on[A-Z]"' in text


FILTERED = [
    ('type == "video" and frame_type == "key" and length > 2000', ["video", "video"]),
    ('name == "publish"', ["command"]),
    ('object.tcUrl contains "127.0.0.1" and name matches "^con"', ["command"]),
    ('response_to and name == "_result"', ["command"] * 2),
]


@pytest.mark.parametrize(("text", "types"), FILTERED, ids=[text for text, _ in FILTERED])
@pytest.mark.parametrize("option", ["-Y", "--filter"])
def test_filters(run: Run, option: str, text: str, types: list[str]) -> None:
    assert [line.split()[4] for line in lines(run, PUBLISH, option, text)] == types


def test_times_in_filters_are_those_of_the_list(run: Run) -> None:
    shown = lines(run, REFUSALS, "-Y", "connection == 2 and 0.05 <= time < 3.5")
    assert shown == [
        line
        for line in run("read", "-q", REFUSALS, "--connection", "2").output.splitlines()
        if 0.05 <= float(line.split()[0]) < 3.5
    ]
    assert shown


def test_a_filter_is_one_condition_among_others(run: Run) -> None:
    key = ("-Y", 'frame_type == "key"')
    assert lines(run, PUBLISH, *key, "-c", "1") == lines(run, PUBLISH, *key)[:1]
    assert lines(run, PUBLISH, *key, "--type", "audio") == []


def test_a_summary_is_filtered_too(run: Run) -> None:
    ran = run("summary", PUBLISH, "-Y", 'frame_type == "key"')
    assert ran.status == 0
    assert "video" in ran.output
    assert "audio" not in ran.output.partition("messages")[2]


def test_a_mistake_in_a_filter_has_a_caret_under_it(run: Run) -> None:
    ran = run("read", PUBLISH, "-Y", 'type == "video" and frame_typ == "key"')
    assert (ran.status, ran.output) == (2, "")
    assert ran.errors.endswith(
        'there is no name "frame_typ"; did you mean frame_type?\n\n'
        '  type == "video" and frame_typ == "key"\n'
        "                      ^^^^^^^^^\n"
    )


@pytest.mark.parametrize(
    "text", ["", "(", "(" * 10_000 + "a" + ")" * 10_000, 'name matches "("', "__import__('os')", "\udcff"]
)
def test_what_is_no_filter(run: Run, text: str) -> None:
    ran = run("summary", PUBLISH, "-Y", text)
    assert (ran.status, ran.output) == (2, "")
    assert "^\n" in ran.errors
    assert len(ran.errors) < 1000


def test_a_mistake_is_told_before_any_file_is_opened(run: Run) -> None:
    assert run("read", "/does/not/exist", "-Y", "nope").status == 2
