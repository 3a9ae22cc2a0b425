"""`rtmpsniff export`: where it goes, in which form, masked or not; what cannot be done is told in one line."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.build import Frame, session

if TYPE_CHECKING:
    from tests.conftest import Run

CAPTURES: Final = Path(__file__).parents[2] / "captures"
PUBLISH: Final = str(CAPTURES / "ffmpeg-nginx-publish.pcap")
NOT_RTMP: Final = str(CAPTURES / "rtmpe-rtmpdump.pcap")
PROGRAM: Final = [sys.executable, "-m", "rtmpsniff"]
HOME: Final = Path(__file__).parents[2]
KEY: Final = "live_4f1d9c_key"

Save = Callable[[Iterable[Frame]], str]


def document(text: str) -> Any:
    return json.loads(text)


def test_a_document(run: Run) -> None:
    ran = run("export", PUBLISH)
    assert (ran.status, ran.errors) == (0, "")
    made = document(ran.output)
    assert list(made)[:9] == [
        "schema", "generator", "masking", "base_ns", "messages", "findings", "undecoded", "connections", "captures"
    ]  # fmt: skip
    assert made["masking"] == {"secrets": "masked", "addresses": "shown"}
    assert "abc123" not in ran.output


def test_lines_are_the_same_records(run: Run) -> None:
    made = document(run("export", PUBLISH).output)
    lines = [json.loads(line) for line in run("export", "--format", "ndjson", PUBLISH).output.splitlines()]
    assert [line["record"] for line in (lines[0], lines[-1])] == ["header", "end"]
    assert [line for line in lines if line["record"] == "message"] == made["messages"]
    assert [line for line in lines if line["record"] == "connection"] == made["connections"]


def test_secrets_on_demand(run: Run) -> None:
    ran = run("export", "--include-secrets", PUBLISH)
    assert "abc123" in ran.output
    assert document(ran.output)["masking"]["secrets"] == "shown"


def test_addresses(run: Run) -> None:
    ran = run("export", "--mask-addresses", PUBLISH)
    assert "127.0.0.1" not in ran.output
    assert document(ran.output)["connections"][0]["server"]["address"].startswith("<address-")


def test_the_table_is_for_its_owner(run: Run, save: Save, tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    assert run("export", save(session(name=KEY).frames), "--mask-table", str(table)).status == 0
    assert document(table.read_text()) == {"<key-1>": KEY}
    assert table.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["out.json", "out.json.gz"])
def test_a_file(run: Run, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    ran = run("export", PUBLISH, "-o", str(out))
    assert (ran.status, ran.output, ran.errors) == (0, "", "")
    data = out.read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    assert text == run("export", PUBLISH).output
    assert list(tmp_path.iterdir()) == [out]


def test_filters(run: Run) -> None:
    made = document(run("export", PUBLISH, "--type", "command", "-c", "2").output)
    assert [message["body"]["name"] for message in made["messages"]] == ["connect", "_result"]
    ran = run("export", PUBLISH, "--type", "shared_object")
    assert (ran.status, ran.errors) == (0, "rtmpsniff: nothing matched\n")


def test_no_rtmp_is_an_answer_and_a_document(run: Run, save: Save) -> None:
    ran = run("export", save([Frame(1, b"\xff" * 12 + b"\x08\x06" + bytes(28))]))
    assert ran.status == 1
    assert document(ran.output)["connections"] == []


def test_the_schema(run: Run) -> None:
    ran = run("export", "--schema")
    assert ran.status == 0
    assert document(ran.output)["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--strip-media",), "--strip-media goes with --format pcapng"),
        (("--format", "pcapng", "--tree", "-o", "x"), "--tree does not go with"),
        (("--format", "pcapng", "--payload", "all", "-o", "x"), "--payload does not go with"),
        (("--mask-table", "-"), "--mask-table needs a file of its own"),
        (("-o", "x", "--mask-table", "x"), "--mask-table needs a file of its own"),
    ],
)
def test_what_does_not_go_together(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    ran = run("export", PUBLISH, *arguments)
    assert ran.status == 2
    assert said in ran.errors
    assert ran.output == ""


# Standard input


def piped(*arguments: str, file: str) -> subprocess.CompletedProcess[str]:
    with Path(file).open("rb") as source:
        return subprocess.run(
            [*PROGRAM, "export", *arguments, "-"], stdin=source, capture_output=True, text=True, cwd=HOME, check=False
        )


def test_standard_input_is_read_once_and_says_so(save: Save) -> None:
    done = piped("--format", "ndjson", file=save(session(name=KEY).frames))
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[0])["masking"]["secrets"] == "streamed"
    assert KEY not in done.stdout


def test_lines_come_as_packets_do(save: Save) -> None:
    """A record is there before the pipe ends."""
    data = Path(save(session(name=KEY).frames)).read_bytes()
    command = [*PROGRAM, "export", "--format", "ndjson", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HOME) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(data[: len(data) * 3 // 4])
        process.stdin.flush()
        records = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.stdin.write(data[len(data) * 3 // 4 :])
        process.stdin.close()
        records += [json.loads(line) for line in process.stdout]
    assert [record["record"] for record in records[:3]] == ["header", "message", "message"]
    assert records[-1]["record"] == "end"
    assert process.returncode == 0


# Outputs that cannot be


def test_an_output_that_is_an_input(run: Run, save: Save) -> None:
    file = save(session().frames)
    before = Path(file).read_bytes()
    for form in ("json", "ndjson", "pcapng"):
        ran = run("export", file, "--format", form, "-o", file)
        assert (ran.status, ran.output) == (3, "")
        assert ran.errors == f"rtmpsniff: {file}: is also an input\n"
    assert Path(file).read_bytes() == before


@pytest.mark.parametrize("form", ["json", "ndjson", "pcapng"])
def test_places_that_cannot_be_written(run: Run, tmp_path: Path, form: str) -> None:
    for place, reason in ((tmp_path / "no" / "out", "not found"), (tmp_path, "is a directory")):
        ran = run("export", PUBLISH, "--format", form, "-o", str(place))
        assert ran.status == 3
        assert ran.errors.startswith(f"rtmpsniff: {place}: {reason}"[:20])
        assert ran.errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["json", "ndjson", "pcapng"])
def test_no_space(run: Run, form: str) -> None:
    ran = run("export", PUBLISH, "--format", form, "-o", "/dev/full")
    assert (ran.status, ran.errors) == (3, "rtmpsniff: /dev/full: no space left on device\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts a small file system")
@pytest.mark.parametrize("form", ["json", "ndjson", "pcapng"])
def test_a_full_disk_leaves_no_file(run: Run, tmp_path: Path, form: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)], check=False)
    if mount.returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        ran = run("export", PUBLISH, "--format", form, "-o", str(disk / "out"))
        assert (ran.status, ran.errors) == (3, f"rtmpsniff: {disk / 'out'}: no space left on device\n")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_input_that_is_cut_short_is_exported_with_a_warning(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cut.pcap"
    file.write_bytes(Path(PUBLISH).read_bytes()[:-7])
    ran = run("export", str(file))
    assert ran.status == 0
    assert "ends inside a record" in ran.errors
    assert "ends inside a record" in document(ran.output)["captures"][0]["truncated"]


def test_an_input_that_is_not_there_leaves_no_output(run: Run, tmp_path: Path) -> None:
    for form in ("json", "pcapng"):
        ran = run("export", str(tmp_path / "none.pcap"), "--format", form, "-o", str(tmp_path / "out"))
        assert ran.status == 3
        assert ran.errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
