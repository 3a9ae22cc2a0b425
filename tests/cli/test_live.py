"""`rtmpsniff live`, really: a process of its own in a network of its own, and what it says of frames sent there."""

from __future__ import annotations

import json
import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from rtmpsniff.capture.files import read
from tests.build import Talk, audio_frame, begin_publish, end_publish, session
from tests.capture.network import ROOT, Live, Network, needs_network, network
from tests.tunnel.talks import SecureTalk

if TYPE_CHECKING:
    from tests.conftest import Run

pytestmark = needs_network("setpriv")


Start = Callable[..., Live]


@pytest.fixture(scope="module")
def net() -> Iterator[Network]:
    with network() as here:
        here.run("ip", "address", "add", "10.5.0.1/24", "dev", "v0")
        yield here


@pytest.fixture
def start(net: Network, tmp_path: Path) -> Iterator[Start]:
    """Starts it; it is listening when this returns."""
    started: list[Live] = []

    def starting(*arguments: str, listens: bool = True, **options: Any) -> Live:
        started.append(Live(tmp_path, net, arguments, **options))
        return started[-1].until_it_listens() if listens else started[-1]

    yield starting
    for one in started:
        one.kill()


def talk(**options: Any) -> list[bytes]:
    return [frame.data for frame in session(Talk(**options)).frames]


def recorded(path: Path) -> list[bytes]:
    with read([str(path)]) as captures:
        packets = [packet.data for packet in captures]
        assert [file.truncated for file in captures.files] == [""]
    return packets


@pytest.fixture
def said_by_read(run: Run) -> Callable[..., list[str]]:
    """The lines of `read` for these packets."""

    def reading(path: Path, *options: str) -> list[str]:
        ran = run("read", *options, str(path))
        assert ran.status == 0
        return ran.output.splitlines()

    return reading


# What it shows


def test_it_shows_what_read_shows_of_the_packets_that_it_kept(
    start: Start, net: Network, tmp_path: Path, said_by_read: Callable[..., list[str]]
) -> None:
    kept = tmp_path / "kept.pcapng"
    live = start("-i", "v1", "-w", str(kept))
    net.send(*talk())
    live.until(lambda: " close " in live.output)
    assert live.end() == 0
    assert recorded(kept) == talk()
    assert live.lines == said_by_read(kept)


@pytest.mark.parametrize(
    "options", [("-v",), ("-x",), ("-X",), ("--fields", "time,type,name"), ("-t", "utc"), ("-Y", "length > 5")]
)
def test_the_options_of_read_are_those_of_live(
    start: Start, net: Network, tmp_path: Path, said_by_read: Callable[..., list[str]], options: tuple[str, ...]
) -> None:
    kept = tmp_path / "kept.pcap"
    live = start("-i", "v1", "-w", str(kept), *options)
    net.send(*talk())
    assert live.end() == 0
    assert live.lines == said_by_read(kept, *options)


def test_messages_alone(start: Start, net: Network) -> None:
    live = start("-i", "v1", "-q")
    net.send(*talk())
    assert live.end() == 0
    assert "connect(1)" in live.output
    assert not [line for line in live.lines if " open " in line or " handshake " in line]


def test_a_message_is_shown_while_the_connection_goes_on(start: Start, net: Network) -> None:
    live = start("-i", "v1")
    frames = talk()
    net.send(*frames[:-6])
    live.until(lambda: "connect(1)" in live.output)
    assert live.process.poll() is None


def test_a_key_log_is_read_while_it_is_written(start: Start, net: Network, tmp_path: Path) -> None:
    log = tmp_path / "keys"
    log.touch()
    live = start("-i", "v1", "--keylog", str(log))
    assert f"warning: {log} holds no TLS secrets: it is empty\n" in live.errors
    secure = SecureTalk(port=1935)
    begin_publish(secure)
    net.send(*[frame.data for frame in secure.frames])
    live.until(lambda: " tls " in live.output)
    assert "connect(1)" not in live.output
    with log.open("wb", buffering=0) as file:
        for line in secure.log.splitlines(keepends=True):
            file.write(line[:40])
            time.sleep(0.02)
            file.write(line[40:])
    live.until(lambda: "publish(5)" in live.output)
    assert live.process.poll() is None
    assert live.end() == 0
    assert ", decrypted" in live.output


def test_without_an_interface_it_is_that_of_the_default_route(start: Start, net: Network) -> None:
    net.run("ip", "route", "add", "default", "via", "10.5.0.9", "dev", "v0")
    try:
        live = start()
        assert "listening on v0 (it carries the default route), TCP port 1935\n" in live.errors
        assert live.end() == 0
    finally:
        net.run("ip", "route", "delete", "default")


def test_without_a_default_route_the_interfaces_are_named(start: Start) -> None:
    live = start(listens=False)
    assert live.end(None) == 2
    assert "no interface carries a default route; say one with -i: lo, v" in live.errors
    assert live.errors.count("\n") == 1


def test_only_the_ports_that_are_given_come_through(start: Start, net: Network, tmp_path: Path) -> None:
    kept = tmp_path / "kept.pcap"
    live = start("-i", "v1", "--port", "1936", "--port", "1937", "-w", str(kept))
    wanted = talk(server=("10.0.0.2", 1937))
    net.send(*talk(), *wanted)
    live.until(lambda: " close " in live.output)
    live.end()
    assert recorded(kept) == wanted
    assert "TCP ports 1936, 1937\n" in live.errors


def test_an_expression_narrows_and_a_wrong_one_is_told(start: Start, net: Network) -> None:
    live = start("-i", "v1", "--bpf", "host 10.0.0.77")
    net.send(*talk(), *talk(client=("10.0.0.77", 50_000)))
    live.until(lambda: " close " in live.output)
    live.end()
    assert live.output.count(" open ") == 1
    assert "TCP port 1935 and host 10.0.0.77\n" in live.errors
    wrong = start("-i", "v1", "--bpf", "host and", listens=False)
    assert wrong.end(None) == 2
    assert wrong.errors.startswith("rtmpsniff: --bpf host and: ")


# When it ends


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_the_figures_and_whole_files(
    start: Start, net: Network, tmp_path: Path, number: int
) -> None:
    kept = tmp_path / "kept.pcapng"
    live = start("-i", "v1", "-w", str(kept))
    frames = talk()
    net.send(*frames)  # and at once: what is in the ring is still read
    assert live.end(number) == 0
    assert recorded(kept) == frames
    count = len(frames)
    assert f"rtmpsniff: {count} packets captured, {count} received by filter, 0 dropped by kernel\n" in live.errors
    assert "rtmpsniff: 1 connection, " in live.errors


def test_it_ends_after_so_many_messages(start: Start, net: Network) -> None:
    live = start("-i", "v1", "-q", "-c", "3")
    net.send(*talk())
    assert live.end(None) == 0
    assert len(live.lines) == 3


def test_it_ends_after_so_long(start: Start) -> None:
    began = time.monotonic()
    assert start("-i", "v1", "--duration", "1.5").end(None) == 0
    assert time.monotonic() - began > 1.4


def test_it_ends_when_the_reader_of_its_output_has_gone(start: Start, net: Network) -> None:
    reading, writing = os.pipe()
    live = start("-i", "v1", output=writing)
    os.close(writing)
    os.close(reading)
    assert live.end(None) == 0  # though nothing comes
    assert "0 packets captured" in live.errors
    assert "Traceback" not in live.errors


def test_figures_on_request(start: Start, net: Network) -> None:
    live = start("-i", "v1")
    net.send(*talk())
    live.until(lambda: " close " in live.output)
    live.process.send_signal(signal.SIGUSR1)
    live.until(lambda: f"{len(talk())} packets captured" in live.errors)
    assert live.process.poll() is None


# What it keeps


def test_a_pipe_of_packets(start: Start, net: Network, tmp_path: Path) -> None:
    live = start("-i", "v1", "-w", "-")
    net.send(*talk())
    live.until(lambda: live.output_file.stat().st_size > sum(map(len, talk())))
    live.end()
    assert recorded(live.output_file) == talk()


def test_a_recorder_decodes_nothing_and_says_nothing(start: Start, net: Network, tmp_path: Path) -> None:
    kept = tmp_path / "kept.pcap"
    live = start("-i", "v1", "-q", "-w", str(kept))
    net.send(*talk())
    live.until(lambda: kept.stat().st_size > sum(map(len, talk())))
    live.end()
    assert (live.output, recorded(kept)) == ("", talk())
    assert "message" not in live.errors
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_files_rotate_and_the_youngest_stay(start: Start, net: Network, tmp_path: Path) -> None:
    live = start("-i", "v1", "-q", "-w", str(tmp_path / "kept.pcapng"), "--rotate-size", "2K", "--keep", "3")
    frames = talk()
    net.send(*frames)
    live.end()
    files = sorted(tmp_path.glob("kept_*.pcapng"))
    assert len(files) == 3
    assert all(file.stat().st_size <= 2048 and stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    youngest = [packet for file in files for packet in recorded(file)]
    assert youngest == frames[-len(youngest) :]


def test_packets_are_cut_and_what_was_cut_is_told(start: Start, net: Network, tmp_path: Path) -> None:
    kept = tmp_path / "kept.pcap"
    live = start("-i", "v1", "-s", "100", "-w", str(kept))
    net.send(*talk())
    live.until(lambda: " close " in live.output)
    live.end()
    assert recorded(kept) == [frame[:100] for frame in talk()]
    assert "cut by the snapshot length" in live.output


def test_records_are_written_as_they_come(start: Start, net: Network, tmp_path: Path) -> None:
    file = tmp_path / "records.ndjson"
    live = start("-i", "v1", "--ndjson", str(file))
    net.send(*talk())
    live.until(lambda: '"record": "connection"' in file.read_text())
    live.end()
    records = [json.loads(line) for line in file.read_text().splitlines()]
    kinds = [record["record"] for record in records]
    assert (kinds[0], kinds[-2:]) == ("header", ["connection", "end"])
    assert kinds.count("message") == sum(records[-2]["messages"].values()) > 0
    assert " close " in live.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_records_to_standard_output_are_all_that_is_there(start: Start, net: Network) -> None:
    live = start("-i", "v1", "--ndjson", "-")
    net.send(*talk())
    live.until(lambda: '"record": "connection"' in live.output)
    live.end()
    assert all(line.startswith('{"record": ') for line in live.lines)


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (("--keep", "3", "-w", "x.pcap"), 2, "--keep goes with --rotate-size or --rotate-time"),
        (("--rotate-size", "1M"), 2, "go with -w FILE"),
        (("--rotate-time", "1h", "-w", "-"), 2, "go with -w FILE"),
        (("-w", "-", "--ndjson", "-"), 2, "cannot both go to standard output"),
        (("--include-secrets",), 2, "--include-secrets goes with --ndjson"),
        (("--fields", "time", "-v"), 2, "--fields does not go with"),
        (("-w", "/nowhere/x.pcap"), 3, "/nowhere/x.pcap: No such file or directory"),
        (("-w", "/nowhere/x.pcap", "--rotate-size", "1M"), 3, "/nowhere/x.pcap: no file can be made in its folder"),
        (("--ndjson", "/nowhere/x"), 3, "/nowhere/x: No such file or directory"),
        (("-Z", "nosuchuser"), 2, "there is no user nosuchuser"),
        (("-i", "nosuch0"), 3, "nosuch0: no such interface; rtmpsniff interfaces lists those there are"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(start: Start, options: tuple[str, ...], status: int, words: str) -> None:
    live = start("-i", "v1", *options, listens=False)
    assert live.end(None) == status
    assert words in live.errors
    assert "Traceback" not in live.errors


# Interfaces come and go, packets are dropped


def test_an_interface_that_vanishes_is_told_and_heard_again_without_rights(start: Start, net: Network) -> None:
    def plug() -> None:
        net.run("ip", "link", "add", "w0", "type", "veth", "peer", "name", "w1")
        net.run("ip", "link", "set", "w0", "up")
        net.run("ip", "link", "set", "w1", "up")

    plug()
    live = start("-i", "w1", "-Z", "nobody")
    net.run("ip", "link", "delete", "w0")
    live.until(lambda: "w1 has vanished; it is taken up again when it is back" in live.errors)
    plug()
    live.until(lambda: "w1 is back" in live.errors)
    net.send(*talk(), interface="w0")
    live.until(lambda: " close " in live.output)
    assert live.end() == 0
    net.run("ip", "link", "delete", "w0")


def test_the_kernels_drops_are_warned_of(start: Start, net: Network, tmp_path: Path) -> None:
    live = start("-i", "v1", "-B", "1024")
    live.process.send_signal(signal.SIGSTOP)  # decoding falls behind
    flood = Talk(mss=1400)
    begin_publish(flood, chunk_size=4096)
    for number in range(1500):
        flood.say("client", 4, 8, 1, number, audio_frame(number, 1300))
    end_publish(flood)
    net.send(*(frame.data for frame in flood.frames))
    live.process.send_signal(signal.SIGCONT)
    live.until(lambda: "warning: the kernel dropped" in live.errors)
    live.end()
    assert " 0 dropped by kernel" not in live.errors


# Rights


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A folder that belongs to nobody, outside of pytest's own, which nobody may enter."""
    user = pwd.getpwnam("nobody")
    with TemporaryDirectory() as folder:
        os.chown(folder, user.pw_uid, user.pw_gid)
        yield Path(folder)


def identities(live: Live) -> dict[str, set[str]]:
    """Users, groups and capabilities of all its threads."""
    found: dict[str, set[str]] = {}
    for status in Path(f"/proc/{live.process.pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            name, _, value = line.partition(":")
            if name in {"Uid", "Gid", "CapEff", "CapPrm"}:
                found.setdefault(name, set()).update(value.split())
    return found


@pytest.mark.parametrize("way", ["named", "sudo"])
def test_root_goes_on_as_somebody_else_once_it_listens(start: Start, net: Network, theirs: Path, way: str) -> None:
    user = pwd.getpwnam("nobody")
    kept, records = theirs / "kept.pcapng", theirs / "records"
    options = ("-Z", "nobody") if way == "named" else ()
    environment = {"SUDO_UID": str(user.pw_uid), "SUDO_GID": str(user.pw_gid)} if way == "sudo" else {}
    live = start("-i", "v1", "-v", "-w", str(kept), "--ndjson", str(records), *options, environment=environment)
    assert identities(live) == {
        "Uid": {str(user.pw_uid)},
        "Gid": {str(user.pw_gid)},
        "CapEff": {"0" * 16},
        "CapPrm": {"0" * 16},
    }
    net.send(*talk())
    live.until(lambda: " close " in live.output)
    assert live.end() == 0
    assert recorded(kept) == talk()
    assert {path.stat().st_uid for path in (kept, records)} == {user.pw_uid}


def test_without_rights_it_says_what_is_missing_and_what_grants_it(net: Network) -> None:
    without = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
    ran = subprocess.run(
        [*net.inside, *without, sys.executable, "-m", "rtmpsniff", "live", "-i", "v1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert ran.returncode == 3
    assert ran.stderr == (
        "rtmpsniff: v1: root has no CAP_NET_RAW here, which capturing takes: docker run --cap-add=NET_RAW ...\n"
    )


def test_nothing_is_sent(start: Start, net: Network) -> None:
    def sent() -> list[str]:
        return [net.run("cat", f"/sys/class/net/{name}/statistics/tx_packets") for name in ("lo", "v1")]

    before = sent()
    live = start("-i", "any")
    net.send(*talk())
    live.until(lambda: " close " in live.output)
    assert live.end() == 0
    assert sent() == before
