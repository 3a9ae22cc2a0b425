"""Measures `rtmpsniff live` against tshark's live dissection: `python tests/bench_live.py`, as root, on Linux.

tcpreplay sends made-up sessions over a veth pair in a network namespace of its own, each time round with other
addresses. The rate rises until packets are dropped, lines are missing, or the last line comes later than 2 s after the
last packet; what is told is the highest rate that was not so. `--large` sends 1500-byte packets for 60 s instead. The
processor time of each packet is told too, which a busy machine changes less than it changes the rates.

Wanted: at least 3 times the rate of tshark.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # in the place of tests/, whose modules could hide those of the standard library

from tests.build import Talk, audio_frame, begin_publish, end_publish, pcap, video_header  # noqa: E402 -- see above

NAMESPACE: Final = f"rtmpsniff-bench-{os.getpid()}"
INSIDE: Final = ("ip", "netns", "exec", NAMESPACE)
MOST_LATE: Final = 2.0  # s
FIELDS: Final = (
    "frame.time_relative",
    *(f"rtmpt.header.{name}" for name in ("csid", "timestamp", "typeid", "bodysize")),
)
TOOLS: Final = {
    "rtmpsniff": [sys.executable, "-m", "rtmpsniff", "live", "-i", "v1"],
    "tshark": [
        *("tshark", "-n", "-l", "-B", "64", "-i", "v1", "-f", "tcp port 1935"),
        *("-o", "rtmpt.max_packet_size:16777216", "-Y", "rtmpt", "-T", "fields"),
        *(part for field in FIELDS for part in ("-e", field)),
    ],
}


class Traffic(NamedTuple):
    """A capture to send round and round."""

    file: Path
    packets: int
    lines: dict[str, int]  # that each tool prints for it


class Result(NamedTuple):
    """What came of a run."""

    sent: int
    rate: float  # packets a second, as sent
    lines: int
    wanted: int
    dropped: int
    late: float  # s, from the last packet to the last line
    cpu: float  # s of processor time, of all its processes

    @property
    def is_good(self) -> bool:
        return not self.dropped and self.lines == self.wanted and self.late <= MOST_LATE

    def __str__(self) -> str:
        return (
            f"{self.rate:9,.0f} packets/s  {self.sent:10,} packets  {self.lines:10,} of {self.wanted:,} lines  "
            f"{self.dropped:8,} dropped  last line after {self.late:6.2f} s  "
            f"{self.cpu / self.sent * 1e6:5.2f} us CPU/packet  {'good' if self.is_good else 'NOT GOOD'}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="1500-byte packets for 60 s")
    parser.add_argument("--seconds", type=float, default=0, help="how long each run lasts (default 10; 60 for --large)")
    parser.add_argument("--rates", type=int, nargs="*", help="packets a second to try, and no others")
    parser.add_argument("--tool", choices=TOOLS, action="append", help="only this one")
    options = parser.parse_args(arguments)
    seconds = options.seconds or (60 if options.large else 10)
    with tempfile.TemporaryDirectory() as folder, namespace():
        traffic = make_traffic(Path(folder), options.large)
        best = {}
        for tool in options.tool or TOOLS:
            rates = options.rates or rising(20_000 if tool == "tshark" else 60_000)
            best[tool] = highest(tool, traffic, rates, seconds)
        for tool, rate in best.items():
            say(f"{tool}: {rate:,.0f} packets/s")
        if len(best) == 2:
            say(f"{best['rtmpsniff'] / max(best['tshark'], 1):.1f} times as fast")
    return 0


def rising(first: int) -> Iterator[int]:
    rate = float(first)
    while True:
        yield int(rate)
        rate *= 1.15


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def namespace() -> Iterator[None]:
    """A network of its own with a pair of interfaces that nobody else has."""
    commands = [
        f"ip netns add {NAMESPACE}",
        f"ip -n {NAMESPACE} link add v0 type veth peer name v1",
        f"ip netns exec {NAMESPACE} sysctl -qw net.ipv6.conf.all.disable_ipv6=1",
        f"ip -n {NAMESPACE} link set v0 up",
        f"ip -n {NAMESPACE} link set v1 up",
    ]
    try:
        for command in commands:
            subprocess.run(command.split(), check=True)
        yield
    finally:
        subprocess.run(["ip", "netns", "delete", NAMESPACE], check=False)


def make_traffic(folder: Path, large: bool) -> Traffic:
    talk = Talk(ack_every=2, timestamps=False, mss=1446)
    begin_publish(talk, chunk_size=4096)
    source = random.Random(5)
    for number in range(120 if large else 2000):
        if large:
            talk.say("client", 6, 9, 1, number * 33, video_header(number % 30 == 0, 30_000) + source.randbytes(30_000))
        else:
            talk.say("client", 4, 8, 1, number * 23, audio_frame(number, source.randint(85, 95)))
    end_publish(talk)
    file = folder / "talk.pcap"
    file.write_bytes(pcap(talk.frames))
    mine = subprocess.run([sys.executable, "-m", "rtmpsniff", "read", file], capture_output=True, cwd=ROOT, check=True)
    their_command = ["tshark", "-r", str(file), *TOOLS["tshark"][TOOLS["tshark"].index("-o") :]]
    theirs = subprocess.run(their_command, capture_output=True, check=True)
    return Traffic(
        file,
        len(talk.frames),
        {"rtmpsniff": mine.stdout.count(b"\n"), "tshark": theirs.stdout.count(b"\n")},
    )


def highest(tool: str, traffic: Traffic, rates: Iterator[int] | Sequence[int], seconds: float) -> float:
    """The highest of the rising rates that went well; one failure may be an accident, two are the end."""
    best = 0.0
    failures = 0
    for rate in rates:
        result = measure(tool, traffic, rate, seconds)
        say(f"{tool:10}{result}")
        if result.is_good:
            best, failures = max(best, result.rate), 0
        else:
            failures += 1
            if failures == 2:
                break
    return best


class Reader(threading.Thread):
    """Counts lines as they come, and notes when the last one came."""

    def __init__(self, number: int) -> None:
        super().__init__(daemon=True)
        self.number = number
        self.lines = 0
        self.last = 0.0

    def run(self) -> None:
        while data := os.read(self.number, 1 << 16):
            self.last = time.monotonic()
            self.lines += data.count(b"\n")


def measure(tool: str, traffic: Traffic, rate: int, seconds: float) -> Result:
    loops = max(round(rate * seconds / traffic.packets), 1)
    sending = ["tcpreplay", "-q", "-K", "--unique-ip", f"--loop={loops}", f"--pps={rate}", "-i", "v0"]
    watching = subprocess.Popen(
        [*INSIDE, *TOOLS[tool]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=ROOT
    )
    assert watching.stdout is not None
    assert watching.stderr is not None
    reader = Reader(watching.stdout.fileno())
    errors: list[bytes] = []
    complaints = threading.Thread(target=lambda: errors.extend(watching.stderr or ()), daemon=True)
    reader.start()
    complaints.start()
    time.sleep(2)  # until it listens
    began = time.monotonic()
    subprocess.run([*INSIDE, *sending, str(traffic.file)], check=True, capture_output=True)
    ended = time.monotonic()
    while time.monotonic() < max(reader.last, ended) + 4:  # whoever is late gets the time to be so
        time.sleep(0.1)
    late, lines = reader.last - ended, reader.lines
    watching.send_signal(signal.SIGINT)
    _, status, usage = os.wait4(watching.pid, 0)  # of tshark's dumpcap too, for which tshark has waited
    watching.returncode = os.waitstatus_to_exitcode(status)
    complaints.join(5)
    text = b"".join(errors).decode()
    dropped = sum(
        int(number.replace(" ", "")) for number in re.findall(r"([\d ]+) (?:dropped by|packets? dropped)", text)
    )
    return Result(
        loops * traffic.packets,
        loops * traffic.packets / (ended - began),
        lines,
        loops * traffic.lines[tool],
        dropped,
        max(late, 0),
        usage.ru_utime + usage.ru_stime,
    )


if __name__ == "__main__":
    raise SystemExit(main())
