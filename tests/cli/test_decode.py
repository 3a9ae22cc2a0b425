"""`rtmpsniff decode`: the command as a whole, what it says beside its output, and what it makes of hostile input."""

from __future__ import annotations

import base64
import json
import random
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rtmpsniff
from tests.build import amf0
from tests.capture.forms import BASE64, DECIMAL, HEX, LOOSE, REFUSED, SWAPPED, Form, gdb_words
from tests.capture.test_listings import STYLES, hexdump, xxd
from tests.memory import held
from tests.payload.test_flv import FILE as FLV
from tests.payload.test_sol import AMF0 as SOL
from tests.rtmp.feeding import CLIENT_HELLO
from tests.rtmp.sequences import CONNECT, SEQUENCES, Sequence

if TYPE_CHECKING:
    from tests.conftest import Run

CAPTURES = Path(__file__).parents[2] / "captures"
GOLDEN = Path(__file__).parents[1] / "golden"
FIXTURES = Path(__file__).parents[3] / "shared" / "captures" / "fixtures"
TAKEN = "rtmpsniff: 241 bytes in hex, taken for a chunk stream; --as says otherwise\n"

Save = Callable[[str, bytes], str]


@pytest.fixture
def keep(tmp_path: Path) -> Save:
    """Write a file of this test's own and give its name."""

    def written(name: str, data: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return written


# The connect message of the research notes


def test_the_annotated_dump(run: Run) -> None:
    ran = run("decode", CONNECT.hex())
    assert (ran.status, ran.errors) == (0, TAKEN)
    assert (
        "\n     140  c3                                                  chunk header      fmt 3, chunk " in ran.output
    )


def test_it_is_the_dump_of_the_same_message_in_a_capture(run: Run) -> None:
    """Only the addresses differ, and what a capture knows beside the bytes."""
    captured = (GOLDEN / "dump-connect.txt").read_text(encoding="utf-8").splitlines()[3:]
    decoded = run("decode", CONNECT.hex()).output.splitlines()[2:]
    assert len(decoded) == len(captured) > 30
    for one, other in zip(decoded, captured, strict=True):
        assert one[8:] == other[8:]
        assert not one or int(one[:8]) + 3073 == int(other[:8])


WRITTEN = {
    "plain": CONNECT.hex(),
    "spaces": CONNECT.hex(" "),
    "colons": CONNECT.hex(":"),
    "0x": ", ".join(f"0x{byte:02x}" for byte in CONNECT),
    "C": "unsigned char a[] = {\n" + ",\n".join(f"0x{byte:02x} /* {byte} */" for byte in CONNECT) + "\n};",
    "escapes": "".join(f"\\x{byte:02x}" for byte in CONNECT),
    "Python": repr(CONNECT),
    "base64": base64.b64encode(CONNECT).decode(),
    "base64, url safe": base64.urlsafe_b64encode(CONNECT).decode(),
    **{style.__name__: style(CONNECT) for style in (*STYLES, *LOOSE, *SWAPPED)},
    **{name: write(CONNECT) for forms in (DECIMAL, HEX, BASE64) for name, write in forms.items()},
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_however_it_is_written(run: Run, keep: Save, text: str) -> None:
    expected = run("decode", CONNECT.hex()).output
    assert run("decode", text).output == expected
    assert run("decode", keep("pasted.txt", text.encode())).output == expected


def quoted(text: str) -> str:
    return "".join(f"> {line}\n" for line in text.splitlines())


def numbered(text: str) -> str:
    return "".join(f"{number:6d}\t{line}\n" for number, line in enumerate(text.splitlines(), 1))


AROUND: dict[str, Callable[[str], bytes]] = {
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "CR": lambda text: text.replace("\n", "\r").encode(),
    "UTF-16 with its mark": lambda text: text.encode("utf-16"),
    "UTF-16 of the other order": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without its mark": lambda text: text.encode("utf-16-le"),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0").encode(),
    "characters of no width": lambda text: f"\u200b{text}\ufeff".encode(),
    "colors": lambda text: "".join(f"\x1b[1;32m{line}\x1b[0m\x1b[K\n" for line in text.splitlines()).encode(),
    "numbers of lines": lambda text: numbered(text).encode(),
    "grep -n": lambda text: "".join(f"{at}:{line}\n" for at, line in enumerate(text.splitlines(), 1)).encode(),
    "quoted mail": lambda text: quoted(text).encode(),
    "mail that was quoted twice": lambda text: quoted(quoted(text)).encode(),
    "a fence": lambda text: f"```\n{text}```\n".encode(),
    "a fence in a letter": lambda text: f"Hello,\nthis is it:\n\n```text\n{text}```\n\nAny idea?\n".encode(),
    "a fence in quoted mail": lambda text: quoted(f"```\n{text}```\n").encode(),
}


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
@pytest.mark.parametrize("form", [hexdump, xxd, "own dump", "hex in lines"], ids=["hexdump", "xxd", "own", "hex"])
def test_whatever_stands_around_it(run: Run, keep: Save, around: Callable[[str], bytes], form: Form | str) -> None:
    expected = run("decode", CONNECT.hex()).output
    text = form(CONNECT) if callable(form) else expected if form == "own dump" else CONNECT.hex("\n", 30) + "\n"
    assert run("decode", keep("pasted.txt", around(text))).output == expected


@pytest.mark.parametrize(("written", "complaint"), REFUSED.values(), ids=REFUSED)
def test_what_would_be_misread_is_refused(run: Run, keep: Save, written: Form, complaint: str) -> None:
    ran = run("decode", keep("pasted.txt", written(CONNECT).encode()))
    assert (ran.status, ran.output) == (3, "")
    assert complaint in ran.errors
    assert len(ran.errors.splitlines()) == 1


PROSE = "The server answers 200 OK and then, at 12:00:05, it closes. Add 03 00 00 to the face; dead or bad?"
NOTHING = {
    "prose": PROSE,
    "prose in lines": PROSE.replace(". ", ".\n").replace(", ", ",\n"),
    "a log": "\n".join(f"2026-11-21 17:34:{at:02} [1234] 10.0.0.{at}:1935 connected 0x{at:04x}" for at in range(20)),
    "a log with addresses alone": "\n".join(f"0x7fff{at:04x}: call of {at:04x}" for at in range(20)),
    "times": "\n".join(f"12:00:{at:02} 10 bytes" for at in range(10, 30)),
    "a page": "<!DOCTYPE html>\n<html><body><p>03 00</p>\n<pre>0000  03 00</pre></body></html>",
    "a git hash": "702eef1b0c5a4f9d3e8a7b6c5d4e3f2a1b0c9d8e",
    "a UUID": "123e4567-e89b-12d3-a456-426614174000",
    "a UUID in braces": "{123e4567-e89b-12d3-a456-426614174000}",
    "a MAC address": "00:1b:44:11:3a:b7",
    "an IPv6 address": "2001:db8::1",
    "a JSON document": '{"type": "video", "bytes": [3, 0]}',
    "a table": "\n".join(f"{at}  {at * 7}  {at * 11}" for at in range(300, 320)),
}


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING)
def test_what_is_no_rtmp_is_never_shown_as_such(run: Run, keep: Save, text: str) -> None:
    for arguments in ((text,), (keep("pasted.txt", text.encode()),)):
        ran = run("decode", *arguments)
        assert (ran.status, ran.output) in {(1, ""), (2, ""), (3, "")}
        assert 1 <= len(ran.errors.splitlines()) <= 2  # with what was taken for granted


def test_random_bytes_as_text_and_raw(run: Run, keep: Save) -> None:
    dice = random.Random(3)
    for _ in range(30):
        data = dice.randbytes(200)
        expected = run("decode", "-q", data.hex())
        for written in (data, xxd(data).encode(), hexdump(data).encode(), str(list(data)).encode()):
            ran = run("decode", "-q", keep("random", written))
            assert (ran.status, ran.output) == (expected.status, expected.output)


# Two readings


def test_rtmp_says_which_of_two_readings_it_is(run: Run) -> None:
    expected = run("decode", CONNECT[:240].hex())
    ran = run("decode", gdb_words(CONNECT[:240]))
    assert ran.output == expected.output
    assert "rtmpsniff: the last byte of each group is taken for its first, as xxd -e and debuggers" in ran.errors


def test_numbers_of_two_digits(run: Run) -> None:
    assert (
        "these numbers are taken for hex; --input decimal takes" in run("decode", "--as", "amf0", "10, 12, 45").errors
    )
    ran = run("decode", "--as", "amf0", "--input", "decimal", "10, 12, 45")
    assert "taken for" not in ran.errors
    assert "0a  " in ran.output


def test_raw_bytes(run: Run, keep: Save) -> None:
    ran = run("decode", keep("connect.bin", CONNECT))
    assert ran.output == run("decode", CONNECT.hex()).output
    assert ran.errors == "rtmpsniff: 241 bytes, taken for a chunk stream; --as says otherwise\n"


@pytest.mark.parametrize("view", ["-x", "-X"])
@pytest.mark.parametrize("color", ["never", "always"])
def test_our_own_dumps_pasted_back(run: Run, keep: Save, view: str, color: str) -> None:
    expected = run("decode", CONNECT.hex()).output
    dump = run("read", view, "--color", color, str(CAPTURES / "connect-228.pcap"), "--message", "1").output
    assert run("decode", keep("dump.txt", dump.encode())).output == expected
    again = run("decode", view, "--color", color, CONNECT.hex()).output
    assert run("decode", keep("dump.txt", again.encode())).output == expected


@pytest.mark.parametrize("view", ["-x", "-X"])
@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcap*")), ids=lambda path: path.stem)
def test_every_recorded_message_pasted_back(run: Run, keep: Save, path: Path, view: str) -> None:
    """All that one side said, as a dump, gives the same messages again; a hole in it is refused."""
    sides = {(message.connection, message.sender) for message in rtmpsniff.messages(path)}
    for connection, sender in sorted(sides):
        condition = f'connection == {connection} and sender == "{sender}"'
        dump = run("read", view, "--full", "-Y", condition, str(path)).output
        ran = run("decode", "--json", "-q", keep("dump.txt", dump.encode()))
        if "never captured" in dump:
            assert (ran.status, ran.output) == (3, "")
            assert "bytes that are missing belong here" in ran.errors
            continue
        found = [json.loads(line) for line in ran.output.splitlines()]
        expected = [one for one in rtmpsniff.messages(path) if (one.connection, one.sender) == (connection, sender)]
        assert [(one["type"], one["timestamp"], one["length"], one["state"]) for one in found] == [
            (one.type, one.timestamp, one.length, one.state) for one in expected
        ]


# What is what


@pytest.mark.parametrize("case", SEQUENCES.values(), ids=SEQUENCES)
def test_chunk_sequences(run: Run, case: Sequence) -> None:
    ran = run("decode", "--json", "-q", case.data.hex())
    records = [json.loads(line) for line in ran.output.splitlines()]
    assert ran.status == 0
    assert tuple(record["timestamp"] for record in records) == case.times
    assert tuple(record["length"] for record in records) == case.lengths
    shown = run("decode", "-l", "--as", "chunks", case.data.hex())
    assert shown.status == 0
    assert "undecoded" not in shown.output


GUESSES = [
    (CLIENT_HELLO + CONNECT, "3 314 bytes in hex, taken for a chunk stream behind the client's handshake; --as says"),
    (
        amf0("_result", 4, None, 1),
        "taken for the body of a message of type command_amf0; --as and --type say otherwise",
    ),
    (amf0("hello"), "8 bytes in hex, taken for AMF0; --as says otherwise"),
    (b"\x06\x07abc", "5 bytes in hex, taken for AMF3; --as says otherwise"),
    (FLV, "taken for an FLV file; --as says otherwise"),
    (SOL, "taken for a local shared object; --as says otherwise"),
]


@pytest.mark.parametrize(("data", "said"), GUESSES)
def test_what_was_guessed_is_said(run: Run, data: bytes, said: str) -> None:
    ran = run("decode", data.hex())
    assert ran.status == 0
    assert said in ran.errors
    assert len(ran.errors.splitlines()) == 1
    assert run("decode", "-q", data.hex()).errors == ""


def test_what_was_told_is_not_said(run: Run) -> None:
    assert run("decode", "--as", "chunks", CONNECT.hex()).errors == ""
    assert run("decode", "--type", "20", amf0("play", 0).hex()).errors == ""
    assert run("decode", "--as", "amf0", amf0(1).hex()).errors == ""


def test_the_type_of_a_body_may_be_guessed_alone(run: Run) -> None:
    ran = run("decode", "-l", "--as", "message", amf0("play", 0, None, "sample").hex())
    assert ran.status == 0
    assert ran.errors.endswith("taken for the body of a message of type command_amf0; --type says otherwise\n")
    ran = run("decode", "--as", "message", "00")
    assert (ran.status, ran.output) == (2, "")
    assert "--as message needs --type here" in ran.errors


@pytest.mark.parametrize("name", ["9", "0x9", "video", "VIDEO"])
def test_types_by_name_and_number(run: Run, name: str) -> None:
    assert run("decode", "-l", "--type", name, "9061763031").output.split()[:2] == ["0", "video"]


def test_chunk_sizes(run: Run) -> None:
    data = bytes.fromhex("060000000001000901000000") + b"\x17\x01\0\0\0" + bytes(251)
    told = run("decode", "-l", "--chunk-size", "4096", data.hex())
    guessed = run("decode", "-l", data.hex())
    assert told.output == guessed.output
    assert told.errors == ""
    assert "a chunk stream with chunks of 4 096 bytes; --as and --chunk-size say otherwise" in guessed.errors
    assert "chunks of 4 096 bytes; --chunk-size says otherwise" in run("decode", "--as", "chunks", data.hex()).errors


# Views


def test_the_dump_is_what_is_shown_without_more(run: Run) -> None:
    assert run("decode", CONNECT.hex()).output == run("decode", "-x", CONNECT.hex()).output
    assert run("decode", "-l", "-x", "-v", CONNECT.hex()).output == run("decode", "-x", CONNECT.hex()).output


def test_counting_and_filters(run: Run) -> None:
    data = SEQUENCES["formats 0, 2, 3"].data.hex()
    assert len(run("decode", "-l", "-c", "2", data).output.splitlines()) == 2
    (line,) = run("decode", "-l", "-Y", "timestamp == 1040", data).output.splitlines()
    assert line.split()[0] == "3"
    ran = run("decode", "-l", "-Y", "length > 999", data)
    assert (ran.status, ran.output) == (0, "")
    assert ran.errors.endswith("rtmpsniff: nothing matched\n")
    assert "-Y is about messages" in run("decode", "--as", "amf0", "-Y", "length > 9", "05").errors


def test_quiet_is_messages_alone(run: Run) -> None:
    data = (CLIENT_HELLO + SEQUENCES["an abort"].data).hex()
    words = [line.split()[3] for line in run("decode", "-lq", data).output.splitlines()]
    assert words == ["abort", "video", "video"]
    loud = run("decode", "-l", data).output
    assert "handshake" in loud
    assert "abort.seen" in loud


def test_notes_are_for_those_who_ask(run: Run, keep: Save) -> None:
    path = keep("talk.flv", FLV[:-4])
    title = "the file ends without the size behind tag 6"
    assert title in run("decode", "-v", path).output
    assert title not in run("decode", path).output


def test_findings_have_their_place_in_a_text(run: Run) -> None:
    text = f"# broken\n{amf0('play', 0).hex()}\n{'ff'}"
    assert "[amf.malformed] (line 3, column 1)" in run("decode", "--type", "command", text).output
    assert "(line" not in run("decode", "--type", "command", text.replace("\n", " ").replace("# broken", "")).output
    record = json.loads(run("decode", "--json", "--type", "command", text).output.splitlines()[1])
    assert (record["title"], record["evidence"][0]["offset"]) == ("play > command object: AMF0 has no marker 0xff", 16)


def test_what_a_listing_leaves_out_is_told(run: Run) -> None:
    data = SEQUENCES["formats 0, 2, 3"].data
    dump = run("decode", "-q", data.hex()).output.split("\n\n")
    ran = run("decode", "-l", "\n\n".join([dump[0], *dump[2:]]))
    assert "the listing leaves out 36 bytes between its rows" in ran.errors


# Files


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="no shared captures beside the checkout")
@pytest.mark.parametrize("view", ["-l", "-v", "-x", "-X", "--json"])
def test_files_that_others_wrote(run: Run, view: str) -> None:
    for path in [*sorted(FIXTURES.glob("flash-lso/*.sol")), *sorted(FIXTURES.glob("flv/*.flv"))[1:3]]:
        ran = run("decode", view, str(path))
        assert ran.status == 0
        assert "undecoded" not in ran.output
        assert len(ran.output.splitlines()) > 1 or view in {"-l", "--json"}
        if view == "--json":
            assert all(json.loads(line) is not None for line in ran.output.splitlines())


def test_the_media_of_a_capture_and_of_a_file_say_the_same(run: Run, keep: Save, tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    path = tmp_path / "made.flv"
    source = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=1"]
    subprocess.run(["ffmpeg", "-v", "error", *source, "-c:v", "flv1", str(path)], check=True)
    ran = run("decode", "-l", str(path))
    lines = ran.output.splitlines()
    assert (ran.status, lines[0].split(maxsplit=1)[1]) == (0, "FLV header                       13  version 1, video")
    assert sum(" video " in line for line in lines[1:]) == 10
    assert "sorenson_h263 key frame" in ran.output
    cut = run("decode", "-l", keep("cut.flv", path.read_bytes()[:-100]))
    assert cut.status == 0
    assert "cut off after" in cut.output.splitlines()[-1]


def test_a_large_file_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.flv"
    with path.open("wb") as file:
        file.write(FLV)
        for _ in range(150):
            file.write(b"\x09\x0f\xff\xff" + bytes(7) + bytes(0x0FFFFF) + (11 + 0x0FFFFF).to_bytes(4, "big"))
    ran = held("decode", "-l", str(path))
    assert len(ran.output.splitlines()) == 157
    assert ran.peak < 110_000  # KiB, for a file of 157 MB


# Exit statuses

STATUSES = [
    (0, (CONNECT.hex(),)),
    (0, (CONNECT[:60].hex(),)),
    (1, ("ffffffff",)),
    (1, ("--as", "chunks", "c4" * 20)),
    (1, ("--as", "amf0", "ff")),
    (1, ("--as", "amf3", "ff")),
    (1, ("--as", "sol", "00" * 30)),
    (1, ("--as", "flv", "00" * 30)),
    (1, ("--type", "command", "ff")),
    (1, ("--type", "99", "00")),
    (2, ("zz",)),
    (2, ("030",)),
    (2, ("",)),
    (2, ("--as", "nothing", "00")),
    (2, ("--input", "nothing", "00")),
    (2, ("--type", "nothing", "00")),
    (2, ("--type", "256", "00")),
    (2, ("--chunk-size", "0", "00")),
    (2, ("--as", "amf0", "--type", "9", "00")),
    (2, ("--as", "flv", "--chunk-size", "9", "00")),
    (2, ("--file", "x", "00")),
    (2, ("-Y", "(", "00")),
    (3, ("missing.flv",)),
    (3, ("--file", "missing")),
    (3, (str(CAPTURES),)),
    (3, (str(CAPTURES / "connect-228.pcap"),)),
]


@pytest.mark.parametrize(("status", "arguments"), STATUSES)
def test_exit_statuses(run: Run, status: int, arguments: tuple[str, ...]) -> None:
    ran = run("decode", *arguments)
    assert ran.status == status
    assert bool(ran.errors)
    assert "Traceback" not in ran.errors
    if status == 3:
        assert len(ran.errors.splitlines()) == 1


# Hostile input


def odd(text: str) -> set[str]:
    return {char for char in text if char != "\n" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"}}


VIEWS = [("-l",), ("-v",), ("-x",), ("-X",), ("--json",), ("-x", "--full")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(text=st.text(max_size=200).filter(lambda text: not text.startswith("-")), view=st.sampled_from(VIEWS))
def test_any_text(run: Run, text: str, view: tuple[str, ...]) -> None:
    ran = run("decode", *view, text)
    assert ran.status in {0, 1, 2, 3}
    assert odd(ran.output + ran.errors) == set()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(
    data=st.binary(min_size=1, max_size=200),
    sort=st.sampled_from(
        [(), *(("--as", sort) for sort in ("chunks", "amf0", "amf3", "flv", "sol")), ("--type", "20")]
    ),
    view=st.sampled_from(VIEWS),
)
def test_any_bytes(run: Run, data: bytes, sort: tuple[str, ...], view: tuple[str, ...]) -> None:
    ran = run("decode", *sort, *view, data.hex())
    assert ran.status in {0, 1}
    assert odd(ran.output + ran.errors) == set()


@pytest.mark.parametrize("sort", ["chunks", "amf0", "amf3", "flv", "sol"])
def test_what_is_right_with_random_bytes_in_it(run: Run, sort: str) -> None:
    dice = random.Random(sort)
    base = {"chunks": CLIENT_HELLO + CONNECT * 3, "flv": FLV, "sol": SOL}.get(sort, CONNECT[12:140])
    for _ in range(60):
        data = bytearray(base)
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        ran = run("decode", "--as", sort, "-x", bytes(data[: dice.randrange(1, len(data))]).hex())
        assert ran.status in {0, 1}
        assert odd(ran.output + ran.errors) == set()


@pytest.mark.parametrize(
    "data",
    [
        "030000000000000001" * 3,
        "0a7fffffff" + "05" * 20,
        "08ffffffff00",
        "0cffffffff61",
        "03" + "000161" + "03000162" * 2000,
        "0a" + "0b0103610a" * 2000,
        "09ffffffff01",
        "464c5601050000000900000000" + "09ffffff" + "00" * 30,
        "00bfffffffff5443534f000400000000ffff61",
        "04ffffff" + "ffffff" + "09" + "00" * 200,
    ],
)
def test_huge_claims(run: Run, data: str) -> None:
    for sort in ("chunks", "amf0", "amf3", "flv", "sol"):
        assert run("decode", "--as", sort, data).status in {0, 1}
