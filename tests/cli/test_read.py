"""`rtmpsniff read`: its views of the same events, and what it says beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.build import Ecma, Frame, Interface, Talk, amf0, begin_publish, pcap, pcapng, session

if TYPE_CHECKING:
    from tests.conftest import Run

CAPTURES = Path(__file__).parents[2] / "captures"
CONNECT = str(CAPTURES / "connect-228.pcap")
PUBLISH = str(CAPTURES / "ffmpeg-nginx-publish.pcap")
REFUSALS = str(CAPTURES / "refusals-nginx.pcap")
AGGREGATE = str(CAPTURES / "aggregate.pcap")
HOLE = str(CAPTURES / "hole-in-payload.pcap")

Save = Callable[[Iterable[Frame]], str]


def kinds(output: str) -> list[str]:
    """The type column."""
    rows = [line.split()[2:] for line in output.splitlines()]
    return [next(word for word in row if word not in {"c->s", "s->c"} and not word.isdigit()) for row in rows]


def test_one_line_an_event(run: Run) -> None:
    ran = run("read", CONNECT)
    assert (ran.status, ran.errors) == (0, "")
    assert kinds(ran.output) == [
        "open",
        *["handshake"] * 4,
        "command",
        "window_ack_size",
        "peer_bandwidth",
        "command",
        "close",
    ]


def test_quiet_is_messages_alone(run: Run) -> None:
    assert kinds(run("read", "-q", CONNECT).output) == ["command", "window_ack_size", "peer_bandwidth", "command"]


def test_the_tree_stands_below_each_line(run: Run) -> None:
    plain = run("read", CONNECT).output.splitlines()
    lines = run("read", "-v", CONNECT).output.splitlines()
    assert [line for line in lines if re.match(r" {1,2}\d+\.\d{6} ", line)] == plain
    after = lines[lines.index(plain[5]) + 1 :]
    assert after[:2] == ["            #1: 2 chunks, packet 12, offset 3073", '            command name: "connect"']
    assert after[2] == "            transaction: 1"
    assert '              app: "SOSample"' in after


@pytest.mark.parametrize("option", ["-x", "--hex", "-X", "--grid"])
def test_dumps_have_a_title_and_end_with_an_empty_line(run: Run, option: str) -> None:
    lines = run("read", option, CONNECT, "--message", "1-2").output.splitlines()
    first, second = (number for number, line in enumerate(lines) if line.startswith("#"))
    assert first == 0
    assert lines[first].startswith("#1  0.045264  connection 1  client -> server  command_amf0  connect(1) ")
    assert lines[first + 1].startswith("    chunk stream 3, message stream 0, timestamp 0; 228 bytes in 2 chunks, ")
    assert lines[second - 1] == ""
    assert lines[-1] == ""
    assert "" not in lines[first : second - 1]


def test_both_dumps_at_once_are_the_annotated_one(run: Run) -> None:
    """`-x`, `-X` and `-v` each say how a message is shown; the one that shows most holds."""
    assert run("read", "-x", "-v", CONNECT).output == run("read", "-x", CONNECT).output


def test_media_is_shortened_unless_asked(run: Run) -> None:
    short = run("read", "-x", PUBLISH, "--type", "video").output
    whole = run("read", "-x", "--full", PUBLISH, "--type", "video").output
    assert " more" in short
    assert " more" not in whole
    assert len(whole) > 2 * len(short)


@pytest.mark.parametrize("view", ["-v", "-x", "-X"])
def test_a_handshake_is_shown_too(run: Run, view: str) -> None:
    output = run("read", view, CONNECT, "--type", "handshake").output
    assert len(re.findall(r"C0 C1, version 3", output)) == 1
    assert len(output.splitlines()) > 12


# Aggregates


def test_the_messages_of_an_aggregate_stand_below_it(run: Run) -> None:
    lines = run("read", AGGREGATE, "--message", "10").output.splitlines()
    assert kinds("\n".join(line.replace(" + ", "   ") for line in lines)) == ["aggregate", "audio", "video", "audio"]
    assert [line.split()[3] for line in lines] == ["4", "+", "+", "+"]
    assert [line.split()[6] for line in lines] == ["5000", "5000", "5010", "5020"]


def test_a_type_is_found_inside_aggregates(run: Run) -> None:
    lines = run("read", AGGREGATE, "--type", "audio").output.splitlines()
    assert len(lines) == 6
    assert {line.split()[4] for line in lines} == {"audio"}
    assert [line.rpartition("#")[2] for line in lines] == ["9", "10", "10", "11", "12", "13"]
    assert len(run("read", AGGREGATE, "--type", "audio", "-c", "3").output.splitlines()) == 3


@pytest.mark.parametrize(
    ("view", "pointer"),
    [("-v", "back pointer: 221"), ("-x", "00 00 00 dd" + " " * 41 + "back pointer      221"), ("-X", "00 00 00 dd")],
)
def test_an_aggregate_is_shown_once_with_all_that_is_in_it(run: Run, view: str, pointer: str) -> None:
    output = run("read", view, AGGREGATE, "--message", "10").output
    assert output.count("3 messages: 2 audio, 1 video") == 1
    assert "in aggregate" not in output
    alone = run("read", view, AGGREGATE, "--message", "10", "--type", "video").output
    assert alone.count("in aggregate #10") == 1
    assert "3 messages" not in alone
    assert pointer in output
    assert pointer in alone


def test_what_is_wrong_in_an_aggregate_is_told_once(run: Run) -> None:
    output = run("read", AGGREGATE).output
    assert output.count("aggregate > message 1 > the back pointer is 0 and should be 53") == 1
    assert output.count("the last back pointer is missing") == 0
    verbose = run("read", "-v", AGGREGATE).output
    assert verbose.count("the last back pointer is missing") == 1


# Times

FORMS = [
    ("relative", "0.045264"),
    ("epoch", "1767225600.045264"),
    ("utc", "2026-01-01 00:00:00.045264"),
    ("delta", "0.041335"),
]


@pytest.mark.parametrize(("form", "text"), FORMS)
def test_times(run: Run, form: str, text: str) -> None:
    output = run("read", "-t", form, CONNECT).output
    (line,) = [line for line in output.splitlines() if " S2, echo" in line or "C2, echo" in line][1:]
    assert line.strip().startswith(text)


def test_deltas_add_up(run: Run) -> None:
    deltas = [float(line.split()[0]) for line in run("read", "-t", "delta", PUBLISH).output.splitlines()]
    last = run("read", PUBLISH).output.splitlines()[-1]
    assert sum(deltas) == pytest.approx(float(last.split()[0]), abs=1e-3)
    assert deltas[0] == 0


@pytest.mark.parametrize("form", ["relative", "delta", "utc", "local", "epoch"])
def test_times_that_no_calendar_has(run: Run, tmp_path: Path, form: str) -> None:
    """A pcapng file may count in whole seconds, with 64 bits, and be wrong or hostile."""
    talk = session(Talk(time=10**13 * 10**9))
    path = tmp_path / "far.pcapng"
    path.write_bytes(pcapng(talk.frames, (Interface(resolution=0),)))
    ran = run("read", "-t", form, str(path))
    assert ran.status == 0
    assert "connect(1)" in ran.output


# Findings


def broken(save: Save) -> str:
    talk = Talk()
    begin_publish(talk)
    talk.say("client", 3, 20, 0, 0, amf0("broken", 1, None) + b"\x02\x00\x09abc")
    talk.say("server", 2, 6, 0, 0, bytes(4))  # no limit type: a note
    talk.close()
    return save(talk.frames)


def test_what_is_wrong_in_a_message_follows_it(run: Run, save: Save) -> None:
    lines = run("read", broken(save)).output.splitlines()
    (at,) = [number for number, line in enumerate(lines) if "broken(1)" in line]
    assert re.search(r"  error  .*broken > argument 1: needs 9 bytes, has 3 \[amf\.malformed\]$", lines[at + 1])
    assert not [line for line in lines if " note " in line]


def test_notes_are_for_those_who_ask(run: Run, save: Save) -> None:
    output = run("read", "-v", broken(save)).output
    assert re.search(r" note  .*Set Peer Bandwidth without a limit type \[body\.malformed\]", output)


def test_quiet_says_nothing_of_findings(run: Run, save: Save) -> None:
    assert "malformed" not in run("read", "-q", broken(save)).output


def test_a_filter_does_not_hide_what_is_wrong_with_what_it_shows(run: Run, save: Save) -> None:
    assert "amf.malformed" in run("read", "--type", "command", broken(save)).output


# Odd traffic


def test_a_hole_in_a_payload(run: Run, save: Save) -> None:
    talk = Talk()
    begin_publish(talk, chunk_size=65536)
    start = len(talk.frames)
    talk.say("client", 6, 9, 1, 40, b"\x27\x01\0\0\0" + bytes(range(256)) * 24)
    del talk.frames[start + 1]
    talk.ack("server")
    talk.say("client", 4, 8, 1, 41, b"\xaf\x01" + bytes(80))
    talk.at(talk.time + 10**9)
    talk.close()
    path = save(talk.frames)
    assert "damaged: 1 448 bytes never captured" in run("read", path).output
    for view in ("-x", "-X"):
        output = run("read", view, "--full", path, "--type", "video").output
        assert re.search(r"^ *\d* +1 448 bytes never captured", output, re.MULTILINE), view


@pytest.mark.parametrize("view", [(), ("-v",), ("-x",), ("-x", "--full"), ("-X",)])
def test_a_hole_in_metadata_is_no_reason_to_invent_values(run: Run, view: tuple[str, ...]) -> None:
    """Zeros stand for what was never captured; read as AMF0 they would be numbers with empty names."""
    output = run("read", *view, HOLE, "--message", "17", "--full").output
    assert "tag 6" in output or view == ("-X",)
    assert "never captured" in output
    for invented in (r"ta\\0", r'"": 0', r"[{,] ?: 0", r"never captured +number +0"):
        assert not re.search(invented, output), invented


def test_a_late_capture(run: Run, save: Save) -> None:
    """Nothing of it can be told from other bytes yet, but that is said, with how many they are."""
    ran = run("read", save(session().frames[12:]))
    assert ran.status == 0
    assert "open before the capture began" in ran.output


def test_a_refused_connection(run: Run, save: Save) -> None:
    talk = Talk()
    talk.segment("client", flags=0x02)
    talk.segment("server", flags=0x14)
    lines = run("read", save(talk.frames)).output.splitlines()
    assert [line.split()[2] for line in lines] == ["open", "close"]
    assert "refused by the server" in lines[1]


def test_several_files_are_one_run(run: Run) -> None:
    ran = run("read", PUBLISH, CONNECT)
    assert ran.status == 0
    assert {line.split()[1] for line in ran.output.splitlines()} == {"1", "2"}
    assert ran.output.splitlines()[0].split()[0] == "0.000000"


def test_metadata_is_said_in_short_and_shown_whole(run: Run, save: Save) -> None:
    talk = Talk()
    talk.greet()
    talk.say("client", 4, 18, 1, 0, amf0("onMetaData", Ecma({f"key{number}": number for number in range(30)})))
    talk.close()
    path = save(talk.frames)
    assert "key7: 7, ... 22 more}" in run("read", path).output
    assert "key29: 29" in run("read", "-v", path).output


@pytest.mark.parametrize("view", [(), ("-v",), ("-x",), ("-X",)])
def test_reading_twice_says_the_same(run: Run, view: tuple[str, ...]) -> None:
    assert run("read", *view, PUBLISH).output == run("read", *view, PUBLISH).output


def test_a_message_of_no_bytes(run: Run, save: Save) -> None:
    talk = Talk()
    begin_publish(talk)
    talk.say("client", 4, 8, 1, 0, b"")
    talk.close()
    path = save(talk.frames)
    assert re.search(r" audio +1 +0 +0  silence$", run("read", path).output, re.MULTILINE)
    assert "0 bytes in 1 chunk" in run("read", "-x", path).output


def test_a_pcapng_file_is_read_like_a_pcap_file(run: Run, tmp_path: Path) -> None:
    frames = session().frames
    outputs = []
    for name, data in (("a.pcap", pcap(frames)), ("a.pcapng", pcapng(frames))):
        (tmp_path / name).write_bytes(data)
        outputs.append(run("read", str(tmp_path / name)).output)
    assert outputs[0] == outputs[1]


# Columns


def columns(run: Run, *arguments: str) -> list[list[str]]:
    ran = run("read", *arguments)
    assert (ran.status, ran.errors) == (0, "")
    return [line.split("\t") for line in ran.output.splitlines()]


def test_columns(run: Run) -> None:
    shown = columns(run, "--fields", "n,time,sender,type,length,object.app,args.0,latency_ms", CONNECT)
    assert shown == [
        ["1", "0.045264000", "client", "command_amf0", "228", "SOSample", "28983", ""],
        ["2", "0.046071000", "server", "window_ack_size", "4", "", "", ""],
        ["3", "0.046071000", "server", "set_peer_bandwidth", "5", "", "", ""],
        ["4", "0.046530000", "server", "command_amf0", "205", "", shown[3][6], "1.266"],
    ]
    assert json.loads(shown[3][6])["code"] == "NetConnection.Connect.Success"


def test_columns_of_what_was_chosen(run: Run) -> None:
    keys = columns(run, "--fields", "frame_type, packets[0]", PUBLISH, "-Y", 'frame_type == "key"', "-c", "2")
    assert [name for name, _ in keys] == ["key", "key"]
    assert all(packet.isdigit() for _, packet in keys)


def test_columns_have_no_heading_and_no_other_lines(run: Run) -> None:
    assert len(columns(run, "--fields", "n", REFUSALS)) == len(run("read", "-q", REFUSALS).output.splitlines())
    assert columns(run, "--fields", "composition_time", CONNECT) == [[""]] * 4


def test_a_mistake_in_the_columns_has_a_caret_under_it(run: Run) -> None:
    ran = run("read", "--fields", "time,leng,type", CONNECT)
    assert (ran.status, ran.output) == (2, "")
    assert ran.errors.endswith("did you mean length?\n\n  time,leng,type\n       ^^^^\n")


@pytest.mark.parametrize("view", ["-v", "-x", "-X"])
def test_columns_are_a_view_of_their_own(run: Run, view: str) -> None:
    ran = run("read", "--fields", "n", view, CONNECT)
    assert (ran.status, ran.output) == (2, "")
    assert "does not go with" in ran.errors
