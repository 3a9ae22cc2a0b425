"""Measures rtmpsniff against tshark on large generated captures: `python tests/bench.py`.

The first run makes the captures and keeps them in the cache directory: one publisher, H.264-like video of about
4 Mbit/s and AAC-like audio, at least 300 MB for each of the chunk sizes 128 and 4096 (`--all`: and 60 MB of audio
alone). Then, in one run, each command goes in turn, three times: wall clock of the whole process, output to
/dev/null, file in the page cache, peak memory of the process. The table has the medians.

Wanted: `summary` at least 3 times as fast as tshark's count, `read` at least twice as fast as tshark's listing,
both in less than 100 MB; no import of scapy.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import count
from pathlib import Path
from statistics import median
from typing import IO, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # in the place of tests/, whose modules could hide those of the standard library

from tests.build import (  # noqa: E402 -- cannot be found before the line above
    Talk,
    begin_publish,
    end_publish,
    pcap,
    pcap_header,
    pcap_records,
    session,
    video_header,
)

# What is measured


class Capture(NamedTuple):
    """A capture to generate."""

    name: str
    chunk_size: int
    size: int  # bytes, at least
    video: bool = True


CAPTURES = (Capture("video-128", 128, 300_000_000), Capture("video-4096", 4096, 300_000_000))
AUDIO_ONLY = Capture("audio-128", 128, 60_000_000, video=False)
GENERATION = 1  # in the file names: a change of the generator must change it, or old files are measured

# As users have it: installed packages are compiled once, and standard output is buffered.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name not in {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
}
RTMPSNIFF = (sys.executable, "-m", "rtmpsniff")
TSHARK = ("tshark", "-n", "-o", "rtmpt.max_packet_size:16777216", "-o", "tcp.reassemble_out_of_order:TRUE")
HEADER_FIELDS = ("csid", "timestamp", "typeid", "bodysize", "streamid")


class Contest(NamedTuple):
    """Two commands that answer the same question, and how many times as fast ours should be."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    wanted: float

    def commands(self, file: Path) -> dict[str, list[str]]:
        name = str(file)
        return {"rtmpsniff": [*RTMPSNIFF, *self.ours, name], "tshark": [*TSHARK, "-r", name, *self.theirs]}


LISTED = ("frame.time_relative", *(f"rtmpt.header.{field}" for field in HEADER_FIELDS))
CONTESTS = (
    Contest(("summary",), ("-q", "-z", "io,stat,0,rtmpt"), 3),
    Contest(("read",), ("-Y", "rtmpt", "-T", "fields", *(part for field in LISTED for part in ("-e", field))), 2),
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    options.cache.mkdir(parents=True, exist_ok=True)
    captures = (*CAPTURES, AUDIO_ONLY) if options.all else CAPTURES
    if options.generate:
        for capture in captures:
            provide(capture, options.cache)
        return 0
    # In a process of its own: on Linux a child's peak memory is never less than what its parent used at that time.
    again = [sys.executable, __file__, "--generate", "--cache", options.cache, *(["--all"] if options.all else [])]
    subprocess.run(again, check=True)
    files = [path(capture, options.cache) for capture in captures]

    if shutil.which("tshark") is None:
        say("tshark is not installed: only our own figures follow, and nothing can be compared.")
    elif options.verify and sum(verify(file) for file in files) < len(files):
        return 1
    rows = [row for file in files for row in compare(file, options.runs)]
    rows += start_up(options.cache, options.runs)
    say(table(rows))
    say(scapy_import(options.cache))
    failures = [f"{row.tool} {row.command} {row.file} failed, {row.failure}" for row in rows if row.failure]
    say("\n".join(failures) or "all commands ended well")
    return 1 if failures else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="python tests/bench.py"
    )
    cache = Path(tempfile.gettempdir()) / "rtmpsniff-bench"
    parser.add_argument("--cache", type=Path, default=cache, help=f"where the captures are kept (default {cache})")
    parser.add_argument("--runs", type=int, default=3, help="how often each command runs (default 3)")
    parser.add_argument("--all", action="store_true", help="measure the capture with audio alone, too")
    parser.add_argument("--verify", action="store_true", help="let tshark count the messages of each capture first")
    parser.add_argument("--generate", action="store_true", help="only make the captures that are not there yet")
    return parser.parse_args(arguments)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


# Making the captures

START = 1_700_000_000_000_000_000
KEY_FRAME, INTER_FRAME, SOUND = (70_000, 90_000), (12_000, 18_000), (300, 400)
GROUP = 60  # frames
POOL = 8 << 20  # random bytes that the bodies are cut from: making each anew would cost more than all the rest


class Media(NamedTuple):
    milliseconds: int
    type_id: int
    payload: bytes


def path(capture: Capture, cache: Path) -> Path:
    return cache / f"{capture.name}-v{GENERATION}.pcap"


def counts_path(file: Path) -> Path:
    """Beside a capture: its number of packets and how many messages of which type it has."""
    return file.with_suffix(".json")


def provide(capture: Capture, cache: Path) -> None:
    file = path(capture, cache)
    if file.exists() and counts_path(file).exists():
        return
    begun = time.perf_counter()
    unfinished = file.with_suffix(".unfinished")
    with unfinished.open("wb") as output:
        counts = generate(capture, output)
    counts_path(file).write_text(json.dumps(counts, indent=2) + "\n")
    unfinished.rename(file)
    took = time.perf_counter() - begun
    say(f"made {file} in {took:.1f} s: {file.stat().st_size:,} bytes, {counts['packets']:,} packets")


def generate(capture: Capture, output: IO[bytes]) -> dict[str, object]:
    """Write one publish session, a message at a time."""
    talk = Talk(time=START, step=12_000, ack_every=2, checksums=False)
    packets = 0

    def flush() -> None:
        nonlocal packets
        packets += len(talk.frames)
        output.write(pcap_records(talk.frames))
        talk.frames.clear()

    output.write(pcap_header())
    begin_publish(talk, chunk_size=capture.chunk_size)
    begun = talk.time
    types = Counter[int]()
    for burst in bursts(media(capture.video)):
        chunks = cut(talk, burst)
        talk.at(begun + burst[0].milliseconds * 1_000_000)
        talk.client(b"".join(chunks))
        types.update(message.type_id for message in burst)
        flush()
        if output.tell() >= capture.size:
            break
    end_publish(talk)
    flush()
    types.update(message.type_id for message in talk.sent)
    return {"packets": packets, "types": {str(type_id): types[type_id] for type_id in sorted(types)}}


def media(video: bool) -> Iterator[Media]:
    """What a camera and a microphone give, without end: 30 frames a second, 1024 samples of 44100 Hz a message."""
    source = random.Random(1935)
    pool = source.randbytes(POOL)

    def noise(sizes: tuple[int, int]) -> bytes:
        size = source.randint(*sizes)
        start = source.randrange(POOL - size)
        return pool[start : start + size]

    def frame(number: int) -> Media:
        key = number % GROUP == 0
        unit = noise(KEY_FRAME if key else INTER_FRAME)
        return Media(number * 1000 // 30, 9, video_header(key, len(unit)) + unit)

    sounds = (Media(number * 1024_000 // 44100, 8, b"\xaf\x01" + noise(SOUND)) for number in count())
    return merge(sounds, map(frame, count()), key=when) if video else sounds


def when(message: Media) -> int:
    return message.milliseconds


def bursts(messages: Iterator[Media]) -> Iterator[list[Media]]:
    """What is sent at once: one message, as encoders do; but a key frame is long, and the next sound cannot wait."""
    for message in messages:
        key_frame = message.type_id == 9 and message.payload[0] == 0x17
        yield [message, next(messages)] if key_frame else [message]


def cut(talk: Talk, burst: list[Media]) -> list[bytes]:
    """The chunks of a burst; those of its second message stand in the middle of the first one's."""
    chunks, *inner = [
        talk.writers["client"].message(
            4 if message.type_id == 8 else 6, message.type_id, 1, message.milliseconds, message.payload, fmt=1
        )
        for message in burst
    ]
    middle = len(chunks) // 2
    return [*chunks[:middle], *(chunk for others in inner for chunk in others), *chunks[middle:]]


def verify(file: Path) -> bool:
    """Whether tshark finds in a capture the messages that were put there."""
    expected: dict[str, dict[str, int]] = json.loads(counts_path(file).read_text())
    command = [*TSHARK, "-r", str(file), "-Y", "rtmpt", "-T", "fields", "-e", "rtmpt.header.typeid"]
    types = Counter[str]()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout or ():
            types.update(str(int(part, 16)) for part in line.strip().split(",") if part)
    right = dict(types) == expected["types"]
    found = " ".join(f"{type_id}:{types[type_id]}" for type_id in sorted(types, key=int))
    say(f"{file.name}: tshark found as type:count {found}, " + ("as generated" if right else f"expected {expected}"))
    return right


# Measuring


class Run(NamedTuple):
    seconds: float
    peak: float  # megabytes


class Failed(Exception):
    """A command that ended badly; the message says how."""


def run(command: Sequence[str]) -> Run:
    """Run a command to its end, output to /dev/null."""
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        if process.returncode:
            raise Failed(
                f"exit status {process.returncode}: {(errors.read().strip().splitlines() or ['(silent)'])[-1]}"
            )
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(seconds, usage.ru_maxrss * unit / 1_000_000)


def warm(file: Path) -> None:
    """Read a file once, so that it is in the page cache."""
    buffer = bytearray(1 << 20)
    with file.open("rb", buffering=0) as source:
        while source.readinto(buffer):
            pass


class Row(NamedTuple):
    file: str
    tool: str
    command: str
    runs: list[Run]
    failure: str = ""
    ratio: str = ""

    def cells(self) -> list[str]:
        start = [self.file, self.tool, self.command]
        if not self.runs:
            return [*start, "failed", "", "", ""]
        seconds = [run.seconds for run in self.runs]
        middle = f"{median(seconds):.2f}"
        return [*start, middle, f"{min(seconds):.2f}-{max(seconds):.2f}", f"{self.peak:.0f}", self.ratio]

    @property
    def seconds(self) -> float:
        return median(run.seconds for run in self.runs)

    @property
    def peak(self) -> float:
        return max(run.peak for run in self.runs)


def compare(file: Path, runs: int) -> Iterator[Row]:
    """Our commands and tshark's on one capture, in turns."""
    commands = {
        (contest, tool): command
        for contest in CONTESTS
        for tool, command in contest.commands(file).items()
        if shutil.which(command[0])
    }
    warm(file)
    measured = dict(zip(commands, measure(list(commands.values()), runs), strict=True))
    for (contest, tool), (results, failure) in measured.items():
        words = contest.ours if tool == "rtmpsniff" else contest.theirs
        row = Row(file.name, tool, shortened(" ".join(words)), results, failure)
        theirs, _ = measured.get((contest, "tshark"), ([], ""))
        if tool == "rtmpsniff" and results and theirs:
            ratio = median(run.seconds for run in theirs) / row.seconds
            row = row._replace(ratio=f"{ratio:.1f} times as fast, wanted {contest.wanted:g}")
        yield row


def measure(commands: Sequence[Sequence[str]], runs: int) -> list[tuple[list[Run], str]]:
    """Each command in turn, `runs` times over: what it took, or why it is out."""
    results: list[tuple[list[Run], str]] = [([], "") for _ in commands]
    for _ in range(runs):
        for place, command in enumerate(commands):
            done, failure = results[place]
            if failure:
                continue
            try:
                done.append(run(command))
            except Failed as reason:
                results[place] = ([], str(reason))
    return results


def start_up(cache: Path, runs: int) -> Iterator[Row]:
    """What rtmpsniff costs where there is little to do."""
    file = small(cache)
    commands = {"--version": [*RTMPSNIFF, "--version"], "read": [*RTMPSNIFF, "read", str(file)]}
    for (words, _), (results, failure) in zip(commands.items(), measure(list(commands.values()), runs), strict=True):
        yield Row("" if words == "--version" else file.name, "rtmpsniff", words, results, failure)


def small(cache: Path) -> Path:
    file = cache / "small.pcap"
    file.write_bytes(pcap(session().frames))
    return file


def scapy_import(cache: Path) -> str:
    """Whether reading a file imports scapy, which costs most of a second."""
    command = [sys.executable, "-X", "importtime", "-m", "rtmpsniff", "read", str(small(cache))]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return "scapy: cannot tell, `rtmpsniff read` failed"
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    return "scapy: IMPORTED by `rtmpsniff read`" if "scapy" in names else "scapy: not imported by `rtmpsniff read`"


# The table

HEADINGS = ("file", "tool", "command", "median s", "min-max", "peak MB", "against tshark")
RIGHT = ("median s", "min-max", "peak MB")


def shortened(text: str, width: int = 40) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def table(rows: Iterable[Row]) -> str:
    lines = [list(HEADINGS), *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    justify: list[Callable[[str, int], str]] = [str.rjust if heading in RIGHT else str.ljust for heading in HEADINGS]
    return "\n".join(
        "  ".join(place(cell, width) for place, cell, width in zip(justify, line, widths, strict=True)).rstrip()
        for line in lines
    )


if __name__ == "__main__":
    sys.exit(main())
