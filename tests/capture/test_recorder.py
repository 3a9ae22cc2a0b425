"""Packets are kept whole, in files of their owner's alone."""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from rtmpsniff.capture.files import read
from rtmpsniff.capture.packet import Packet, Uncut, uncut
from rtmpsniff.capture.recorder import Recorder, Rotation, telling, write_all
from rtmpsniff.errors import OutputError

SECOND = 1_000_000_000
TIME = 1_700_000_000 * SECOND


def packets(count: int, size: int = 100, step: int = SECOND) -> list[Uncut]:
    return list(uncut(Packet(0, n, TIME + n * step, 1, bytes(size), size) for n in range(1, count + 1)))


def kept(*paths: Path) -> list[int]:
    """The times of the packets in these files, in seconds."""
    with read([str(path) for path in paths]) as captures:
        times = [packet.time // SECOND - TIME // SECOND for packet in captures]
        assert [file.truncated for file in captures.files] == [""] * len(paths)
    return times


@pytest.mark.parametrize("name", ["kept.pcap", "kept.pcapng", "kept"])
def test_what_was_written_is_there_at_once(tmp_path: Path, name: str) -> None:
    recorder = Recorder(str(tmp_path / name), "eth0", 262_144)
    for batch in (packets(3), packets(2)):
        recorder.write(batch)
        assert len(kept(tmp_path / name)) == recorder.packets
    recorder.close()
    assert kept(tmp_path / name) == [1, 2, 3, 1, 2]
    with read([str(tmp_path / name)]) as captures:
        assert captures.files[0].format == ("pcapng" if name.endswith("ng") else "pcap")


def test_a_capture_without_packets_is_a_capture(tmp_path: Path) -> None:
    Recorder(str(tmp_path / "none.pcap"), "eth0", 262_144).close()
    assert kept(tmp_path / "none.pcap") == []


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Recorder(str(tmp_path / "kept.pcap"), "eth0", 262_144).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "kept.pcap").stat().st_mode) == 0o600


def test_a_new_file_begins_at_a_size(tmp_path: Path) -> None:
    recorder = Recorder(str(tmp_path / "kept.pcap"), "eth0", 262_144, Rotation(size=500))
    recorder.write(packets(10))
    recorder.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == recorder.files > 2
    assert all(file.stat().st_size <= 500 for file in files)
    assert kept(*files) == list(range(1, 11))
    assert all(re.fullmatch(r"kept_0000\d_20231114T2213\d\dZ\.pcap", file.name) for file in files)


def test_a_packet_larger_than_the_size_has_a_file_of_its_own(tmp_path: Path) -> None:
    recorder = Recorder(str(tmp_path / "kept.pcap"), "eth0", 262_144, Rotation(size=50))
    recorder.write(packets(3))
    recorder.close()
    assert [kept(file) for file in sorted(tmp_path.iterdir())] == [[1], [2], [3]]


def test_a_new_file_begins_after_a_time(tmp_path: Path) -> None:
    recorder = Recorder(str(tmp_path / "kept.pcapng"), "eth0", 262_144, Rotation(time=4 * SECOND))
    for batch in (packets(10)[:3], packets(10)[3:]):
        recorder.write(batch)
    recorder.close()
    assert [kept(file) for file in sorted(tmp_path.iterdir())] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]


def test_only_the_youngest_files_stay_and_strangers_are_let_alone(tmp_path: Path) -> None:
    other = tmp_path / "kept_00000_20200101T000000Z.pcap"
    other.write_bytes(b"of somebody else")
    recorder = Recorder(str(tmp_path / "kept.pcap"), "eth0", 262_144, Rotation(time=SECOND, keep=2))
    recorder.write(packets(5))
    recorder.close()
    files = sorted(tmp_path.iterdir())
    assert files[0] == other
    assert [kept(file) for file in files[1:]] == [[4], [5]]


def test_where_the_disk_is_full_the_file_ends_behind_a_packet(tmp_path: Path) -> None:
    path = tmp_path / "kept.pcap"
    recorder = Recorder(str(path), "eth0", 262_144)
    recorder.write(packets(2))
    write = os.write

    def half(number: int, data: bytes) -> int:
        if len(data) > 400:
            return write(number, bytes(data[:333]))
        raise OSError(errno.ENOSPC, "No space left on device")

    with patch("os.write", half), pytest.raises(OutputError, match=r"kept\.pcap: No space left on device"):
        recorder.write(packets(4))
    recorder.close()
    assert kept(path) == [1, 2]


@pytest.mark.parametrize("rotation", [None, Rotation(size=1000)])
def test_where_no_file_can_be_made_that_is_told_at_once(tmp_path: Path, rotation: Rotation | None) -> None:
    with pytest.raises(OutputError, match=r"nowhere/kept\.pcap: "):
        Recorder(str(tmp_path / "nowhere" / "kept.pcap"), "eth0", 262_144, rotation)


def test_standard_output_is_a_file_like_any_other() -> None:
    script = (
        "from rtmpsniff.capture.recorder import Recorder; from tests.capture.test_recorder import packets\n"
        "recorder = Recorder('-', 'lo', 1000); recorder.write(packets(3)); recorder.close()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert (done.stdout[:4], len(done.stdout)) == (bytes.fromhex("4d3cb2a1"), 24 + 3 * 116)


def test_its_repr_says_how_far_it_is(tmp_path: Path) -> None:
    recorder = Recorder(str(tmp_path / "a.pcap"), "eth0", 262_144)
    recorder.write(packets(2))
    recorder.close()
    assert repr(recorder) == f"<Recorder {tmp_path}/a.pcap: 2 packets in 1 files>"


def test_what_goes_wrong_is_a_line_and_a_reader_who_has_gone_is_told_as_it_is() -> None:
    with pytest.raises(OutputError, match=r"^a\\x1b: No space left on device$"), telling("a\x1b"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OutputError, match=r"^standard output: "), telling("-"):
        raise OSError(errno.EIO, "x")
    with pytest.raises(BrokenPipeError), telling("-"):
        raise BrokenPipeError


def test_bytes_go_out_in_as_many_calls_as_it_takes() -> None:
    written: list[bytes] = []

    def three(_: int, data: memoryview) -> int:
        written.append(bytes(data[:3]))
        return len(written[-1])

    with patch("os.write", three):
        write_all(1, b"12345678")
    assert written == [b"123", b"456", b"78"]
