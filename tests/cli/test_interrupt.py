"""Ctrl-C where input comes through a pipe: what came so far is told; once more, and it is over at once."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from struct import unpack

import pytest

from rtmpsniff.cli.interrupt import interruptible
from rtmpsniff.errors import InputError
from rtmpsniff.payload.flv import FileHeader, FlvReader, Tag
from tests.build import pcap, session

HOME = Path(__file__).parents[2]
FRAMES = session(video=30, audio=20).frames
INTERRUPTED = 130

Start = Callable[..., "subprocess.Popen[bytes]"]

# As tcpdump does: it writes what it still holds when it gets Ctrl-C, and then ends.
TCPDUMP = """
import signal, sys, time
data = open(sys.argv[1], 'rb').read()
def end(*_):
    sys.stdout.buffer.write(data[len(data) // 2 :])
    sys.stdout.flush()
    sys.exit(0)
signal.signal(signal.SIGINT, end)
sys.stdout.buffer.write(data[: len(data) // 2])
sys.stdout.flush()
open(sys.argv[2], 'w').close()
while True:
    time.sleep(60)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the program; its standard input is a pipe that nobody closes."""
    with ExitStack() as running:

        def started(*arguments: str) -> subprocess.Popen[bytes]:
            pipe = subprocess.PIPE
            command = [sys.executable, "-c", _PROGRAM, *arguments]
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=HOME)
            running.enter_context(process)
            running.callback(process.kill)
            return process

        yield started


# Whoever starts the tests may have told their children to ignore Ctrl-C.
_PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from rtmpsniff.cli import main
sys.exit(main(sys.argv[1:]))
"""


def give(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Write to its pipe, and wait until it has read that."""
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.flush()
    until(lambda: not unpack("i", fcntl.ioctl(process.stdin or 0, termios.FIONREAD, bytes(4)))[0])


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def interrupted(process: subprocess.Popen[bytes], data: bytes) -> tuple[int, bytes, bytes]:
    """What becomes of it when Ctrl-C comes behind `data`, while its pipe stays open."""
    give(process, data)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors = process.stdout.read(), process.stderr.read()  # they end with it
    return process.wait(30), output, errors


def test_summary_tells_what_came(start: Start) -> None:
    status, output, errors = interrupted(start("summary", "-"), pcap(FRAMES[:-4]))
    assert (status, errors) == (INTERRUPTED, b"")
    assert b"publish stream (live): started after 2.0 ms" in output
    assert b"video h264" in output


def test_read_ends_its_list(start: Start) -> None:
    status, output, errors = interrupted(start("read", "-"), pcap(FRAMES[:-4]))
    assert (status, errors) == (INTERRUPTED, b"")
    assert output.splitlines()[-1].split()[2:5] == [b"close", b"capture", b"ended"]
    status, output, errors = interrupted(start("read", "-q", "-"), pcap(FRAMES[:-4]))
    assert (status, errors) == (INTERRUPTED, b"")
    assert output.count(b" video ") == 31


@pytest.mark.parametrize("to_file", [False, True])
def test_export_is_whole(start: Start, tmp_path: Path, to_file: bool) -> None:
    """A pipe that a capture program fills has no other end: what came of it until then is the export."""
    place = tmp_path / "session.json"
    arguments = ("-o", str(place)) if to_file else ()
    status, output, _ = interrupted(start("export", "-", *arguments), pcap(FRAMES[:-4]))
    assert status == INTERRUPTED
    assert [path.name for path in tmp_path.iterdir()] == (["session.json"] if to_file else [])
    made = json.loads(place.read_bytes() if to_file else output)
    assert made["connections"][0]["end_reason"] == "capture ended"
    assert sum(message["type"] == "video" for message in made["messages"]) == 31


@pytest.mark.parametrize("output", ["-", "out"])
def test_extract_keeps_what_can_be_played(start: Start, tmp_path: Path, output: str) -> None:
    place = output if output == "-" else str(tmp_path / output)
    status, data, _ = interrupted(start("extract", "-", "-o", place), pcap(FRAMES[:-4]))
    assert status == INTERRUPTED
    if output != "-":
        assert b"publish-1-live-key-1.flv" in data
        data = (tmp_path / output / "publish-1-live-key-1.flv").read_bytes()
        assert len(list((tmp_path / output).iterdir())) == 1
    reader = FlvReader()
    head, *tags = [*reader.feed(data), *reader.end()]
    assert isinstance(head, FileHeader)
    whole = [tag for tag in tags if isinstance(tag, Tag) and not tag.findings]
    assert len(whole) == len(tags) == 1 + 31 + 21  # metadata, video, audio


def test_once_more_and_it_is_over_at_once(start: Start, tmp_path: Path) -> None:
    process = start("export", "-", "-o", str(tmp_path / "session.json"))
    give(process, pcap(FRAMES[:-4]))
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)  # less than it waits for what the pipe may yet bring
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == INTERRUPTED
    assert time.monotonic() - began < 0.7
    assert list(tmp_path.iterdir()) == []


def test_before_anything_came(start: Start) -> None:
    process = start("summary", "-")
    status, output, errors = interrupted(process, pcap([])[:7])
    assert (status, output) == (INTERRUPTED, b"")
    assert errors.strip() == b"rtmpsniff: standard input: ends inside its pcap header: 17 of 24 bytes are missing"


def test_what_the_other_program_still_holds_is_told(tmp_path: Path) -> None:
    """In a pipeline of a shell both get Ctrl-C, and the last packets come after it."""
    capture, ready = tmp_path / "talk.pcap", tmp_path / "ready"
    capture.write_bytes(pcap(FRAMES))
    read_end, write_end = os.pipe()
    writer = subprocess.Popen(
        [sys.executable, "-c", TCPDUMP, str(capture), str(ready)], stdout=write_end, process_group=0
    )
    os.close(write_end)
    command = [sys.executable, "-c", _PROGRAM, "summary", "-"]
    reader = subprocess.Popen(command, stdin=read_end, stdout=subprocess.PIPE, cwd=HOME, process_group=writer.pid)
    until(lambda: ready.exists() and not unpack("i", fcntl.ioctl(read_end, termios.FIONREAD, bytes(4)))[0])
    os.close(read_end)
    os.killpg(writer.pid, signal.SIGINT)
    output, _ = reader.communicate(timeout=30)
    assert (writer.wait(30), reader.returncode) == (0, INTERRUPTED)
    assert output.startswith(f"standard input: pcap, {len(FRAMES)} packets, ".encode())
    assert b"closed by the client" in output


def test_what_is_told_begins_on_a_line_of_its_own() -> None:
    """As on a terminal, which shows ^C where its cursor stands."""
    terminal, end = pty.openpty()
    read_end, write_end = os.pipe()
    command = [sys.executable, "-c", _PROGRAM, "summary", "-"]
    with subprocess.Popen(command, stdin=read_end, stdout=end, stderr=end, cwd=HOME) as process:
        os.close(end)
        os.write(write_end, pcap(FRAMES[:-4]))
        until(lambda: not unpack("i", fcntl.ioctl(read_end, termios.FIONREAD, bytes(4)))[0])
        process.send_signal(signal.SIGINT)
        output = b""
        while b"bytes" not in output:
            output += os.read(terminal, 1 << 16)
        os.close(terminal)
        process.kill()
    os.close(read_end)
    os.close(write_end)
    assert output.startswith(b"\r\n")
    assert b"standard input" in output


# The handler


def test_without_a_pipe_it_breaks_off() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_who_ignores_it_goes_on() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible() as stop:
            os.kill(os.getpid(), signal.SIGINT)
        assert not stop.is_asked
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_input_that_cannot_be_read_stays_an_error() -> None:
    with pytest.raises(InputError), interruptible():
        raise InputError("no")
