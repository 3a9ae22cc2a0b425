"""Whether `rtmpsniff live` grows: `python tests/soak_live.py`, as root, on Linux; ten minutes.

tcpreplay sends connections that come and go over a veth pair in a network namespace of its own: most are closed, some
reset, refused, never answered, left half closed or left alone; some lose packets, some are no RTMP. Each time round
they have other addresses. Meanwhile live shows them, keeps their packets in files that rotate and writes records, and
its memory is looked at, of which 64 MB are the kernel's ring.

Wanted: at the end no more than 10 MB above what it was after two minutes, and nothing dropped.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from heapq import merge
from operator import attrgetter
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # in the place of tests/, whose modules could hide those of the standard library

from rtmpsniff.transport.tcp import ACK, FIN, SYN  # noqa: E402 -- see above
from tests.build import Frame, Talk, audio_frame, begin_publish, end_publish, pcap  # noqa: E402
from tests.capture.network import network  # noqa: E402

MEGABYTE: Final = 1 << 20
MOST_GROWTH: Final = 10 * MEGABYTE
SETTLED: Final = 120.0  # s
CONNECTIONS: Final = 120  # of one time round
APART: Final = 40_000_000  # ns, between two that begin
RATE: Final = 25  # connections a second
KINDS: Final = (  # how many of each
    ("closed", 96),
    ("reset", 8),
    ("lossy", 6),
    ("refused", 4),
    ("other", 2),
    ("unanswered", 2),
    ("half closed", 1),
    ("idle", 1),
)


def talk(kind: str, number: int, start: int, network: int = 0) -> list[Frame]:
    """One connection of this kind."""
    place = f"10.{network >> 8 & 255}.{network & 255}.{number & 255}", 50_000
    one = Talk(place, time=start, step=2_000_000, checksums=False)
    if kind in {"refused", "unanswered"}:
        one.segment("client", flags=SYN)
        if kind == "refused":
            one.reset("server")
        return one.frames
    if kind == "other":
        one.open()
        one.client(b"GET / HTTP/1.1\r\n\r\n" * 20)
        one.close()
        return one.frames
    begin_publish(one, chunk_size=4096, name=f"stream{number}")
    for at in range(20):
        one.say("client", 4, 8, 1, at * 23, audio_frame(at, 200))
    if kind == "lossy":
        del one.frames[-12:-9]
    if kind == "reset":
        one.reset()
    elif kind == "half closed":
        one.segment("client", flags=FIN | ACK)
    elif kind != "idle":
        end_publish(one, name=f"stream{number}")
    return one.frames


def coming_and_going(start: int, network: int = 0) -> Iterator[Frame]:
    """The frames of one time round, in the order of time."""
    kinds = [kind for kind, count in KINDS for _ in range(count)]
    mixed = [kinds[at * 37 % CONNECTIONS] for at in range(CONNECTIONS)]
    talks = (talk(kind, number, start + number * APART, network) for number, kind in enumerate(mixed))
    return merge(*talks, key=attrgetter("time"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="how long (default 600)")
    parser.add_argument("--every", type=float, default=30, help="seconds between two lines (default 30)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        return soak(Path(folder), options.seconds, options.every)


def soak(folder: Path, seconds: float, every: float) -> int:
    """Run it and tell how it went; 0 if it went well."""
    frames = list(coming_and_going(1_700_000_000_000_000_000))
    traffic = folder / "traffic.pcap"
    traffic.write_bytes(pcap(frames))
    loops = max(round(seconds * RATE / CONNECTIONS), 1)
    speed = round(len(frames) * RATE / CONNECTIONS)
    say(f"{loops * CONNECTIONS:,} connections, {loops * len(frames):,} packets, {speed:,} packets/s")
    watching = [*(sys.executable, "-m", "rtmpsniff", "live", "-i", "v1", "--ndjson", "/dev/null")]
    watching += ["-w", str(folder / "kept.pcapng"), "--rotate-size", "8M", "--keep", "2"]
    sending = ["tcpreplay", "-q", "--unique-ip", f"--loop={loops}", f"--pps={speed}", "-i", "v0", str(traffic)]
    errors = folder / "errors"
    with network() as net, errors.open("wb") as file:
        live = subprocess.Popen([*net.inside, *watching], stdout=subprocess.DEVNULL, stderr=file, cwd=ROOT)
        time.sleep(2)  # until it listens
        sender = subprocess.Popen([*net.inside, *sending], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        samples = list(memory(live, sender, every))
        live.send_signal(signal.SIGINT)
        status = live.wait(60)
    told = errors.read_text()
    say(told.rstrip())
    return verdict(samples, told, status)


def memory(live: subprocess.Popen[bytes], sender: subprocess.Popen[bytes], every: float) -> Iterator[tuple[float, int]]:
    """Seconds and bytes, until all is sent."""
    began = time.monotonic()
    while True:
        try:
            sender.wait(every)
        except subprocess.TimeoutExpired:
            is_over = False
        else:
            time.sleep(2)
            is_over = True
        live.send_signal(signal.SIGUSR1)  # the figures, among the errors
        elapsed, size = time.monotonic() - began, resident(live.pid)
        say(f"{elapsed:6.0f} s  {size / MEGABYTE:7.1f} MB")
        yield elapsed, size
        if is_over:
            return


def resident(number: int) -> int:
    """Bytes of memory that a process has."""
    status = Path(f"/proc/{number}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert match is not None
    return int(match[1]) * 1024


def verdict(samples: Sequence[tuple[float, int]], told: str, status: int) -> int:
    settled = next((size for elapsed, size in samples if elapsed >= SETTLED), samples[0][1])
    growth = samples[-1][1] - settled
    dropped = re.findall(r"([\d ]+) dropped by kernel", told)[-1].strip()
    is_good = growth <= MOST_GROWTH and dropped == "0" and status == 0
    say(
        f"{settled / MEGABYTE:.1f} MB after {SETTLED:.0f} s, {samples[-1][1] / MEGABYTE:.1f} MB at the end: "
        f"{growth / MEGABYTE:+.1f} MB, {dropped} dropped: {'good' if is_good else 'NOT GOOD'}"
    )
    return 0 if is_good else 1


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
