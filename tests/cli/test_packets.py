"""`export --format pcapng`: a capture that Wireshark opens, of the chosen connections, without secrets."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.build import Frame, Talk, session

if TYPE_CHECKING:
    from tests.conftest import Run

CAPTURES: Final = Path(__file__).parents[2] / "captures"
PUBLISH: Final = str(CAPTURES / "ffmpeg-nginx-publish.pcap")
ENCRYPTED: Final = str(CAPTURES / "rtmpe-rtmpdump.pcap")
REFUSALS: Final = str(CAPTURES / "refusals-nginx.pcap")
HOME: Final = Path(__file__).parents[2]
PROGRAM: Final = [sys.executable, "-m", "rtmpsniff"]
KEY: Final = "live_4f1d9c_key"
SECRETS_BLOCK: Final = (10).to_bytes(4, "little")

Save = Callable[[Iterable[Frame]], str]
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def tshark(file: Path, *arguments: str) -> list[str]:
    command = ["tshark", "-r", str(file), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def saved(run: Run, tmp_path: Path, *arguments: str, name: str = "out.pcapng") -> Path:
    out = tmp_path / name
    ran = run("export", "--format", "pcapng", "-o", str(out), *arguments)
    assert (ran.status, ran.output) == (0, "")
    return out


@needs_tshark
def test_wireshark_opens_it(run: Run, save: Save, tmp_path: Path) -> None:
    talk = session(Talk(), name=KEY)
    out = saved(run, tmp_path, save(talk.frames))
    fields = ("-T", "fields", "-e", "frame.comment", "-e", "tcp.checksum.status", "-o", "tcp.check_checksum:TRUE")
    lines = [line.split("\t") for line in tshark(out, *fields)]
    assert len(lines) == len(talk.frames)
    assert {status for _, status in lines} == {"1"}  # good
    assert all(comment.startswith("connection 1, from the ") for comment, _ in lines)
    assert tshark(out, "-Y", "_ws.malformed") == []
    names = tshark(out, "-T", "fields", "-e", "amf.string", "-Y", "rtmpt")
    assert f"publish,<key-1>{'*' * (len(KEY) - 7)},live" in ",".join(names)
    assert KEY.encode() not in out.read_bytes()


@needs_tshark
def test_without_media_it_is_small_and_packed_zeros_are_followed(run: Run, save: Save, tmp_path: Path) -> None:
    file = save(session(Talk(), video=60, chunk_size=4096, name=KEY).frames)
    whole = saved(run, tmp_path, file)
    cut = saved(run, tmp_path, file, "--strip-media", name="cut.pcapng")
    zeros = saved(run, tmp_path, file, "--strip-media", name="zeros.pcapng.gz")
    assert cut.stat().st_size < whole.stat().st_size * 0.6
    assert zeros.stat().st_size < cut.stat().st_size
    assert len(gzip.decompress(zeros.read_bytes())) > whole.stat().st_size * 0.9
    count = ("-T", "fields", "-e", "rtmpt.header.typeid")
    assert tshark(zeros, *count) == tshark(whole, *count)
    for file_ in (cut, zeros):
        assert tshark(file_, "-Y", "_ws.malformed") == []
        listed = run("read", "-q", "--type", "command", "--fields", "n,name", str(file_)).output
        assert listed == run("read", "-q", "--type", "command", "--fields", "n,name", str(whole)).output


def test_encrypted_connections_are_said_to_be_left_out(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    ran = run("export", "--format", "pcapng", "-o", str(out), ENCRYPTED)
    assert ran.status == 0
    assert (
        "rtmpsniff: warning: connection 1 (rtmpe) is left out: its secrets cannot be masked; "
        "--include-secrets writes it as it is"
    ) in ran.errors.splitlines()
    shown = saved(run, tmp_path, ENCRYPTED, "--include-secrets")
    assert run("read", str(shown)).output == run("read", ENCRYPTED).output


def test_no_decryption_secrets_are_written(run: Run, save: Save, tmp_path: Path) -> None:
    from tests.build import Interface, pcapng  # noqa: PLC0415 - as well
    from tests.capture.craft import block  # noqa: PLC0415 - of one test

    data = pcapng(session(name=KEY).frames, [Interface()])
    secrets = block(10, b"KSLT" + (20).to_bytes(4, "little") + b"CLIENT_RANDOM abc123")
    file = tmp_path / "with.pcapng"
    file.write_bytes(data + secrets)
    out = saved(run, tmp_path, str(file)).read_bytes()
    assert b"CLIENT_RANDOM" not in out


def test_filters_choose_connections(run: Run, tmp_path: Path) -> None:
    out = saved(run, tmp_path, REFUSALS, "--connection", "2")
    summary = run("read", str(out)).output
    assert len({line.split()[1] for line in summary.splitlines()}) == 1
    ran = run("export", "--format", "pcapng", "-o", str(tmp_path / "none"), PUBLISH, "--type", "shared_object")
    assert (ran.status, ran.errors) == (0, "rtmpsniff: nothing matched\n")


def test_a_pipe_cannot_be_read_twice(tmp_path: Path) -> None:
    command = [*PROGRAM, "export", "--format", "pcapng", "-o", str(tmp_path / "out"), "-"]
    done = subprocess.run(command, input=b"", capture_output=True, cwd=HOME, check=False)
    assert done.returncode == 2
    assert b"reads its input twice" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_to_standard_output(run: Run, tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "export", "--format", "pcapng", PUBLISH], capture_output=True, cwd=HOME, check=True
    )
    assert done.stdout == saved(run, tmp_path, PUBLISH).read_bytes()
    assert done.stderr == b""


def test_several_captures_keep_their_times(run: Run, save: Save, tmp_path: Path) -> None:
    out = saved(run, tmp_path, PUBLISH, str(CAPTURES / "ipv6-sll2.pcapng"), "--include-secrets")
    apart = run("read", "-t", "epoch", PUBLISH, str(CAPTURES / "ipv6-sll2.pcapng")).output
    assert run("read", "-t", "epoch", str(out)).output == apart
