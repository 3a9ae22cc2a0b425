"""`export --format pcapng`: a capture that Wireshark opens, of the chosen connections, without secrets."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from rtmpsniff.capture.files import read
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


# Addresses

CHECKED: Final = ("-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE")


@needs_tshark
@pytest.mark.parametrize("client", ["192.0.2.77", "2001:db8::77"])
def test_addresses_are_masked_in_headers_and_in_what_is_said(run: Run, save: Save, tmp_path: Path, client: str) -> None:
    server = "198.51.100.9" if "." in client else "2001:db8::9"
    talk = session(Talk((client, 50_000), (server, 1935)), name=KEY)
    file, table = save(talk.frames), tmp_path / "table"
    out = saved(run, tmp_path, file, "--mask-addresses", "--mask-table", str(table))
    version = "ip" if "." in client else "ipv6"
    fields = ("-T", "fields", "-e", f"{version}.src", "-e", f"{version}.dst", "-e", "tcp.checksum.status")
    rows = [line.split("\t") for line in tshark(out, *CHECKED, *fields)]
    masks = [("10.0.0.2", "10.0.0.3"), ("fd00::2", "fd00::3")][version == "ipv6"]  # the first is that in tcUrl
    assert len(rows) == len(talk.frames)
    assert {frozenset(row[:2]) for row in rows} == {frozenset(masks)}
    assert {status for *_, status in rows} == {"1"}
    assert "<address-1>" in table.read_text()
    data = out.read_bytes()
    for address in (client, server):
        assert ip_address(address).packed not in data
        assert address.encode() not in data
    assert tshark(out, "-Y", "ip.checksum.status == 0 || _ws.malformed", *CHECKED) == []
    assert len(tshark(out, "-Y", "rtmpt", "-T", "fields", "-e", "frame.number")) > 10


@pytest.mark.parametrize("name", ["ffmpeg-nginx-publish.pcap", "gstreamer-nginx.pcap"])
def test_of_real_captures_no_address_is_left(run: Run, tmp_path: Path, name: str) -> None:
    for secrets in ((), ("--include-secrets",)):
        out = saved(run, tmp_path, str(CAPTURES / name), "--mask-addresses", *secrets, name=f"{len(secrets)}.pcapng")
        assert b"127.0.0.1" not in out.read_bytes()
        with read([str(out)]) as packets:
            assert {packet.data[26:34] for packet in packets} == {bytes([10, 0, 0, 1]) * 2}
        before, after = (run("summary", "--json", str(one)) for one in (CAPTURES / name, out))
        assert [one["messages"] for one in json.loads(before.output)["connections"]] == [
            one["messages"] for one in json.loads(after.output)["connections"]
        ]


def test_packets_whose_addresses_cannot_be_masked_are_left_out(run: Run, save: Save, tmp_path: Path) -> None:
    frames = session(Talk()).frames
    inside = [Frame(one.time, tunnelled(one.data)) for one in frames]
    ran = run("export", "--format", "pcapng", "-o", str(tmp_path / "x"), "--mask-addresses", save(inside))
    assert ran.status == 0
    assert ran.errors == (
        f"rtmpsniff: warning: {len(frames)} packets left out: addresses in tunnels and in unusual headers cannot be "
        "masked\n"
    )
    ran = run("export", "--format", "pcapng", "-o", str(tmp_path / "y"), "--mask-addresses", ENCRYPTED)
    assert "its secrets and addresses cannot be masked; --include-secrets without --mask-addresses" in ran.errors


def tunnelled(data: bytes) -> bytes:
    """A frame whose IPv4 packet is carried in another."""
    inner = data[14:]
    size = (20 + len(inner)).to_bytes(2, "big")
    return data[:14] + b"\x45\0" + size + bytes(5) + b"\x04" + bytes(2) + bytes([10, 1, 1, 1, 10, 1, 1, 2]) + inner
