"""`rtmpsniff summary`: a page, a document, and both for a part of a capture."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING

import pytest

from tests.build import Frame, Interface, Talk, pcapng, pcapng_block, session

if TYPE_CHECKING:
    from tests.conftest import Run

CAPTURES = Path(__file__).parents[2] / "captures"
CONNECT = str(CAPTURES / "connect-228.pcap")
PUBLISH = str(CAPTURES / "ffmpeg-nginx-publish.pcap")
REFUSALS = str(CAPTURES / "refusals-nginx.pcap")

Save = Callable[[Iterable[Frame]], str]


def test_the_page(run: Run) -> None:
    ran = run("summary", CONNECT)
    assert (ran.status, ran.errors) == (0, "")
    assert ran.output.startswith(f"{CONNECT}: pcap, 20 packets, 7 974 bytes, 1.047 s from 2026-01-01 00:00:00.000000")
    assert "127.0.0.1:56118 -> 127.0.0.1:1935  rtmp  SOSample" in ran.output
    assert "closed by the client" in ran.output


def test_the_document(run: Run) -> None:
    ran = run("summary", "--json", CONNECT)
    assert (ran.status, ran.errors) == (0, "")
    made = json.loads(ran.output)
    (connection,) = made["connections"]
    assert connection["app"] == "SOSample"
    assert connection["messages"] == {
        "window_ack_size": {"count": 1, "bytes": 4},
        "set_peer_bandwidth": {"count": 1, "bytes": 5},
        "command_amf0": {"count": 2, "bytes": 433},
    }
    assert made["captures"][0]["first_time"] == "1767225600000000000"


def test_page_and_document_agree(run: Run) -> None:
    page, made = run("summary", REFUSALS).output, json.loads(run("summary", "--json", REFUSALS).output)
    assert len(made["connections"]) == 4
    for connection in made["connections"]:
        client = connection["client"]
        assert f"{client['address']}:{client['port']} -> " in page


def test_several_files(run: Run) -> None:
    ran = run("summary", PUBLISH, CONNECT)
    assert ran.output.splitlines()[0].startswith(PUBLISH)
    assert ran.output.splitlines()[1].startswith(CONNECT)
    assert len(json.loads(run("summary", "--json", PUBLISH, CONNECT).output)["connections"]) == 2


def test_the_largest_connections(run: Run) -> None:
    output = run("summary", "--top", "1", REFUSALS).output
    assert "... and 3 more" in output
    assert output.count(" -> 127.0.0.1:1935") == 1


@pytest.mark.parametrize("view", [(), ("--json",)])
def test_the_largest_connections_of_the_document(run: Run, view: tuple[str, ...]) -> None:
    """--top holds for both, or is refused where it does not hold."""
    ran = run("summary", "--top", "1", *view, REFUSALS)
    if view and ran.status == 0:
        assert len(json.loads(ran.output)["connections"]) == 1


SELECTIONS: list[tuple[tuple[str, ...], set[str]]] = [
    (("--type", "video"), {"video"}),
    (("--type", "!media"), {"set_chunk_size", "window_ack_size", "set_peer_bandwidth", "data_amf0", "command_amf0"}),
    (("--stream", "s1"), {"audio", "video", "data_amf0", "command_amf0"}),
    (("--from", "0.2"), {"audio", "video", "command_amf0"}),
    (("--to", "0.15"), {"set_chunk_size", "window_ack_size", "set_peer_bandwidth", "command_amf0"}),
    (("--message", "1-3"), {"command_amf0", "window_ack_size", "set_peer_bandwidth"}),
    (("--connection", "1", "-c", "1"), {"command_amf0"}),
    (("--connection", "9"), set()),
]


@pytest.mark.parametrize(("arguments", "types"), SELECTIONS, ids=[" ".join(case[0]) for case in SELECTIONS])
def test_a_summary_of_a_part(run: Run, arguments: tuple[str, ...], types: set[str]) -> None:
    """The options that all commands share hold here too."""
    ran = run("summary", "--json", PUBLISH, *arguments)
    assert (ran.status, ran.errors) == (0, "")
    made = json.loads(ran.output)
    assert {entry["type"] for entry in made["messages"]} == types
    assert run("summary", PUBLISH, *arguments).status == 0


def test_a_part_says_nothing_of_the_rest(run: Run) -> None:
    assert "no media" not in run("summary", PUBLISH, "--type", "command").output
    assert "before any media" not in run("summary", REFUSALS, "--type", "command").output
    assert "before any media" in run("summary", REFUSALS, "--connection", "1").output


def test_the_counts_are_those_of_read(run: Run) -> None:
    for path in (CONNECT, PUBLISH, REFUSALS):
        lines = run("read", "-q", path).output.splitlines()
        made = json.loads(run("summary", "--json", path).output)
        assert sum(entry["count"] for entry in made["messages"]) == len(lines)


def test_times_that_no_calendar_has(run: Run, tmp_path: Path) -> None:
    talk = session(Talk(time=10**13 * 10**9))
    path = tmp_path / "far.pcapng"
    path.write_bytes(pcapng(talk.frames, (Interface(resolution=0),)))
    for view in ((), ("--json",)):
        assert run("summary", *view, str(path)).status == 0


def test_a_file_whose_times_go_back(run: Run, save: Save) -> None:
    """The span is never negative."""
    frames = session().frames
    path = save([frames[0]._replace(time=frames[0].time + 10**10), *frames[1:]])
    ran = run("summary", path)
    assert ran.status == 0
    assert ", -" not in ran.output


def test_several_streams_of_a_connection(run: Run, save: Save) -> None:
    talk = Talk()
    talk.greet()
    talk.command("client", 3, 0, "connect", 1, {"app": "live"})
    talk.command("client", 3, 1, "publish", 2, None, "one", "live")
    talk.command("client", 3, 2, "play", 3, None, "two")
    talk.close()
    path = save(talk.frames)
    assert "publish one (unanswered), play two (unanswered)" in run("summary", path).output
    streams = json.loads(run("summary", "--json", path).output)["connections"][0]["streams"]
    told = [(one["key"], one["id"], one["name"], one["action"], one["state"]) for one in streams]
    assert told == [(1, 1, "one", "publish", "asked"), (2, 2, "two", "play", "asked")]


@pytest.mark.parametrize(
    ("times", "capture", "connection"),
    [
        ("relative", "from 2026-01-01 00:00:00.000000 UTC", "0.000000"),
        ("delta", "from 2026-01-01 00:00:00.000000 UTC", "0.000000"),
        ("utc", "from 2026-01-01 00:00:00.000000 UTC", "2026-01-01 00:00:00.000000"),
        ("local", "from 2026-01-01 05:30:00.000000 local time", "2026-01-01 05:30:00.000000"),
        ("epoch", "from 1767225600.000000 s after 1970", "1767225600.000000"),
    ],
)
def test_how_times_are_shown(
    run: Run, monkeypatch: pytest.MonkeyPatch, times: str, capture: str, connection: str
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        first, _, head, row, *_ = run("summary", "-t", times, CONNECT).output.splitlines()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert first.endswith(capture)
    assert head.split()[:2] == ["conn", "begun"]
    assert row.split("  ")[1].strip() == connection or f" {connection}  " in row
    assert "begun" not in run("summary", CONNECT).output


def test_names_are_shown_in_full_where_that_is_asked_for(run: Run, save: Save) -> None:
    talk = Talk()
    file = save(session(talk, name="n" * 300).frames)
    assert "n" * 300 not in run("summary", file).output
    full = run("summary", "--full", file).output
    assert f"publish {'n' * 300}" in full
    assert "..." not in full
    assert "n" * 300 in run("extract", "--list", "--full", file).output
    assert "n" * 61 not in run("extract", "--list", file).output.replace("n" * 60 + "...", "")


@pytest.mark.parametrize("command", [("summary",), ("export",), ("extract", "--list"), ("read",)])
def test_all_commands_take_the_shared_options(run: Run, command: tuple[str, ...]) -> None:
    ran = run(*command, "-t", "utc", "--full", PUBLISH)
    assert (ran.status, ran.errors) == (0, "")


@pytest.mark.parametrize("offset", [-70_000_000_000, -(2**62), 2**62])
def test_a_capture_of_impossible_times(run: Run, tmp_path: Path, offset: int) -> None:
    data = pcapng_block(0x0A0D0D0A, pack("<LHHq", 0x1A2B3C4D, 1, 0, -1))
    data += pcapng_block(1, pack("<HHL", 1, 0, 0) + pack("<HHq", 14, 8, offset) + pack("<HH", 0, 0))
    for frame in session().frames:
        ticks, size = frame.time // 1000, len(frame.data)
        data += pcapng_block(6, pack("<LLLLL", 0, ticks >> 32, ticks & 0xFFFFFFFF, size, size) + frame.data)
    file = tmp_path / "odd.pcapng"
    file.write_bytes(data)
    for options in (
        ["summary"],
        *(["summary", "-t", times] for times in ("utc", "local", "epoch")),
        ["read", "-t", "utc"],
    ):
        ran = run(*options, str(file))
        assert (ran.status, ran.errors) == (0, "")
        assert f"{1_700_000_000 + offset}"[:6] in ran.output
    assert "backward" not in json.loads(run("summary", "--json", str(file)).output)["captures"][0]


@pytest.mark.parametrize("length", [2000, 2048, 3000])
def test_names_that_were_cut_disagree_with_nobody(run: Run, save: Save, length: int) -> None:
    file = save(session(app="a" * length).frames)
    assert "names the application" not in run("summary", file).output
