from __future__ import annotations

import errno
import gzip
import io
import os
import random
import shutil
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain, permutations
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.capture.files import BLOCK_SIZE, CaptureFile, Captures, open_capture, read
from rtmpsniff.capture.packet import TICK, Packet, tick
from rtmpsniff.errors import InputError, UserError
from tests.capture.craft import (
    MODIFIED,
    NANO,
    block,
    capture_of,
    enhanced,
    interface,
    obsolete,
    option,
    pcap_header,
    record,
    resolution,
    section,
)

SMALL_PCAP = pcap_header() + b"".join(record(bytes([number]) * 40, number) for number in range(1, 6))
SMALL_PCAPNG = section() + interface() + b"".join(enhanced(bytes([n]) * 40, n * 10**6) for n in range(1, 6))

HOME = Path(__file__).parents[2]

# One file per idea: what the formats allow and readers get wrong.
MATRIX = {
    "us-little.pcap": SMALL_PCAP,
    "us-big.pcap": pcap_header(">") + record(bytes(60), 1_700_000_000, 999_999, ">"),
    "ns-little.pcap": pcap_header(magic=NANO) + record(bytes(60), 1_700_000_000, 999_999_999),
    "ns-big.pcap": pcap_header(">", magic=NANO) + record(bytes(60), 1_700_000_000, 1, ">"),
    "modified.pcap": pcap_header(magic=MODIFIED) + record(bytes(60), 1_700_000_000, 5, extra=bytes(8)),
    "cut-packets.pcap": pcap_header(snapshot_length=60) + record(bytes(60), 1_700_000_000, 5, wire=1514),
    "us.pcapng": SMALL_PCAPNG,
    "two-interfaces.pcapng": section()
    + interface()
    + interface(options=resolution(9))
    + enhanced(bytes(60), 1_700_000_000_000_001)
    + enhanced(bytes(60), 1_700_000_000_000_000_001, index=1),
    "two-sections.pcapng": section()
    + interface(options=resolution(9))
    + enhanced(bytes(60), 1_700_000_000_000_000_001)
    + section(">")
    + interface(">")
    + enhanced(bytes(61), 1_700_000_001_000_000, ">"),
    "power-of-two.pcapng": section()
    + interface(options=resolution(0x9E))
    + enhanced(bytes(60), (1_700_000_000 << 30) + 2**30 - 1),
    "offset.pcapng": section()
    + interface(options=option(14, pack("<q", 1_700_000_000)) + option(0, b""))
    + enhanced(bytes(60), 1),
    "other-blocks.pcapng": section()
    + interface()
    + block(0x0A, pack("<II", 0x544C534B, 0))
    + enhanced(bytes(60), 1_700_000_000_000_001)
    + block(5, bytes(12))
    + enhanced(bytes(60), 1_700_000_000_000_002, options=option(1, b"said") + option(0, b"")),
    "obsolete.pcapng": section() + interface() + obsolete(bytes(60), 1_700_000_000_000_001),
    "big.pcapng": section(">") + interface(">") + enhanced(bytes(60), 1_700_000_000_000_001, ">"),
}


def test_formats_are_told_by_the_first_bytes(tmp_path: Path) -> None:
    for name, data in [("a.pcapng", SMALL_PCAP), ("b", SMALL_PCAPNG)]:
        (tmp_path / name).write_bytes(data)
        with open_capture(str(tmp_path / name)) as capture:
            assert capture.format == ("pcap" if data is SMALL_PCAP else "pcapng")
            assert [packet.time for packet in capture] == [number * 10**9 for number in range(1, 6)]
            assert capture.file == str(tmp_path / name)


def test_figures(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_header() + record(b"four", 2, wire=60) + record(b"three", 1) + record(b"last", 3)[:-1])
    capture = open_capture(str(path))
    assert (capture.packets, capture.bytes, capture.first_time, capture.last_time) == (2, 9, 2 * 10**9, 10**9)
    assert capture.truncated == ""
    assert "byte 65" in repr(capture)
    assert len(list(capture)) == 2
    assert capture.truncated == "ends inside a record after packet 2: 1 of 20 bytes are missing"


def test_figures_without_a_packet() -> None:
    capture = capture_of(pcap_header())
    assert list(capture) == []
    assert (capture.packets, capture.bytes, capture.first_time, capture.last_time) == (0, 0, None, None)


def test_iteration_that_is_left_closes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_header() + 4000 * record(bytes(100)))
    capture = open_capture(str(path))
    for packet in capture:
        assert packet.number == 1
        break
    assert list(capture) == []
    assert 0 < capture.packets < 4000
    assert capture.truncated == ""


def test_closing_ends_the_iteration(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_header() + 4000 * record(bytes(100)))
    with open_capture(str(path)) as capture:
        packets = iter(capture)
        next(packets)
        capture.close()
        assert len(list(packets)) == capture.packets - 1 < 3999
    assert capture.truncated == ""


@pytest.mark.parametrize("data", [SMALL_PCAP, SMALL_PCAPNG], ids=["pcap", "pcapng"])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_small_pieces_give_the_same_packets(data: bytes, size: int) -> None:
    assert list(capture_of(data, [size] * len(data))) == list(capture_of(data))


# Errors: one line, the name and what


REFUSALS = [
    (b"", "is empty"),
    (b"ab", 'is not a pcap or pcapng capture: begins with "ab"'),
    (b"\x1b[31mred\n", r'is not a pcap or pcapng capture: begins with "\x1b[31mred\n"'),
    (b"\xff\xd8\xff\xe0 a picture", r'is not a pcap or pcapng capture: begins with "\xff\xd8\xff\xe0 a picture"'),
    (b"FLV\1\5\0\0\0\x09\0\0\0\0", r'is not a pcap or pcapng capture: begins with "FLV\x01\x05\0\0\0\t\0\0\0\0"'),
    (
        gzip.compress(gzip.compress(SMALL_PCAP, mtime=0), mtime=0),
        "is compressed with gzip; unpack it first: gzip -dc {name} | rtmpsniff read -",
    ),
    (gzip.compress(b"", mtime=0)[:-3], "its gzip data ends early, after 17 bytes"),
    (b"\x1f\x8b\x07\0", "its gzip data is damaged before byte 4: unknown compression method"),
    (gzip.compress(b"", mtime=0), "is empty"),
    (b"\xfd7zXZ\0", "is compressed with xz; unpack it first: xz -dc {name} | rtmpsniff read -"),
    (b"BZh9", "is compressed with bzip2; unpack it first: bzip2 -dc {name} | rtmpsniff read -"),
    (b"\x04\x22\x4d\x18", "is compressed with lz4; unpack it first: lz4 -dc {name} | rtmpsniff read -"),
    (b"PK\x03\x04", "is compressed with zip; unpack it first: unzip -p {name} | rtmpsniff read -"),
    (SMALL_PCAP[:20], "ends inside its pcap header: 4 of 24 bytes are missing"),
    (pcap_header(version=(4, 7)), "is a pcap file of version 4.7; only 2.4 can be read"),
    (section(version=(9, 0)), "is a pcapng file of version 9.0; only 1.0 can be read"),
]


@pytest.mark.parametrize(("data", "line"), REFUSALS)
def test_what_is_no_capture(tmp_path: Path, data: bytes, line: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert _refused(str(path)) == f"{path}: {line.format(name=path)}"


def _refused(source: str) -> str:
    with pytest.raises(InputError) as caught:
        open_capture(source)
    assert caught.value.exit_status == 3
    return str(caught.value)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    assert _refused(str(tmp_path / "missing")) == f"{tmp_path}/missing: no such file"
    assert _refused(str(tmp_path)) == f"{tmp_path}: is a directory"
    assert _refused("a\0b") == r"a\0b: is no name of a file"
    assert _refused("x" * 5000).endswith(f"x: {os.strerror(errno.ENAMETOOLONG)}")
    (tmp_path / "file").touch()
    assert _refused(str(tmp_path / "file" / "below")).endswith(f"below: {os.strerror(errno.ENOTDIR)}")


def test_names_are_escaped(tmp_path: Path) -> None:
    assert _refused(str(tmp_path / "\x1b[2J\n\udcff")) == rf"{tmp_path}/\x1b[2J\n\xff: no such file"
    path = tmp_path / "it's packed.gz"
    path.write_bytes(b"BZh9")
    assert f"bzip2 -dc '{tmp_path}/it'\"'\"'s packed.gz' |" in _refused(str(path))


def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.pcap"
    path.write_bytes(SMALL_PCAP)
    path.chmod(0)
    if os.geteuid() != 0:  # root may read everything, and becomes nobody for this
        assert _refused(str(path)) == f"{path}: permission denied"
        return
    program = (
        "import os, sys; from rtmpsniff.capture.files import open_capture; os.setgid(65534); os.setuid(65534)\n"
        "try: open_capture(sys.argv[1])\n"
        "except Exception as error: print(error)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True, cwd=HOME
    )
    assert ran.stdout == f"{path}: permission denied\n"


def test_a_disk_that_fails_half_way() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() == len(self.getvalue()):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().read(size)

    capture = CaptureFile("a", Failing(SMALL_PCAP + b"half"))
    assert len(list(capture)) == 5
    reason = os.strerror(errno.EIO)
    assert capture.truncated == f"is unreadable after packet 5, from byte {len(SMALL_PCAP)} on: {reason}"


def test_memory_follows_what_arrives_not_what_is_claimed() -> None:
    claims = pcap_header(snapshot_length=0xFFFFFFFF) + record(b"", 1)[:8] + pack("<II", 2**24, 2**24) + bytes(1000)
    blocks = section() + interface() + pack("<II", 6, 2**24) + bytes(1000)
    tracemalloc.start()
    for data in (claims, blocks):
        capture = capture_of(data)
        assert list(capture) == []
        assert capture.truncated.startswith("ends inside a ")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


# Pipes and standard input


@pytest.fixture
def pipe() -> Iterator[tuple[Any, int]]:
    """The reading end as a text file, as sys.stdin is one, and the writing end."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        yield stdin, writing


@pytest.mark.parametrize("data", [SMALL_PCAP, SMALL_PCAPNG], ids=["pcap", "pcapng"])
def test_a_slow_pipe(monkeypatch: pytest.MonkeyPatch, pipe: tuple[Any, int], data: bytes) -> None:
    stdin, writing = pipe
    monkeypatch.setattr(sys, "stdin", stdin)

    def write() -> None:
        for start in range(0, len(data), 11):
            os.write(writing, data[start : start + 11])
            time.sleep(0.0002)
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    capture = open_capture("-")
    assert [packet for packet in capture if packet.link != TICK] == list(capture_of(data))
    assert (capture.file, capture.packets, capture.truncated) == ("-", 5, "")
    writer.join()


def test_a_live_pipe_does_not_wait_for_more(monkeypatch: pytest.MonkeyPatch, pipe: tuple[Any, int]) -> None:
    stdin, writing = pipe
    monkeypatch.setattr(sys, "stdin", stdin)
    os.write(writing, pcap_header())
    packets = iter(open_capture("-"))
    for number in range(1, 4):
        os.write(writing, record(b"live", number))
        packet = Packet(0, number, number * 10**9, 1, b"live", 4)
        assert next(packets) == packet
        assert next(packets) == tick(packet, packet.time)  # so that nobody behind waits for more either
    os.close(writing)
    assert list(packets) == []


def test_a_pipe_that_somebody_made_non_blocking(monkeypatch: pytest.MonkeyPatch, pipe: tuple[Any, int]) -> None:
    stdin, writing = pipe
    monkeypatch.setattr(sys, "stdin", stdin)
    os.set_blocking(stdin.fileno(), False)

    def write() -> None:
        time.sleep(0.05)
        os.write(writing, SMALL_PCAP)
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    assert sum(packet.link != TICK for packet in open_capture("-")) == 5
    writer.join()


def test_standard_input_stays_open(monkeypatch: pytest.MonkeyPatch, pipe: tuple[Any, int]) -> None:
    stdin, writing = pipe
    monkeypatch.setattr(sys, "stdin", stdin)
    os.write(writing, SMALL_PCAP)
    os.close(writing)
    with open_capture("-") as capture:
        assert len(list(capture)) == 5
    os.fstat(stdin.fileno())


def test_standard_input_that_is_no_capture(monkeypatch: pytest.MonkeyPatch, pipe: tuple[Any, int]) -> None:
    stdin, writing = pipe
    monkeypatch.setattr(sys, "stdin", stdin)
    os.write(writing, b"BZh9")
    os.close(writing)
    assert _refused("-") == "standard input: is compressed with bzip2; unpack it first: bzip2 -dc | rtmpsniff read -"
    assert _refused("-") == "standard input: is empty"
    monkeypatch.setattr(sys, "stdin", None)
    assert _refused("-") == "standard input: is closed"


def test_standard_input_that_is_a_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    number = os.open(tmp_path, os.O_RDONLY)

    class Stdin:
        def fileno(self) -> int:
            return number

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert _refused("-") == "standard input: is a directory"
    os.close(number)


def test_standard_input_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SMALL_PCAPNG)))
    assert len(list(open_capture("-"))) == 5


def test_a_file_redirected_to_a_program() -> None:
    program = (
        "from rtmpsniff.capture.files import open_capture as o; c = o('-'); list(c); print(c.packets, c.truncated)"
    )
    data = pcap_header() + 15000 * record(bytes(70)) + b"rest"
    assert len(data) > 4 * BLOCK_SIZE
    ran = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, check=True, cwd=HOME)
    assert ran.stdout == b"15000 ends inside a record after packet 15000: only 4 bytes of it are there\n"
    assert ran.stderr == b""


# Several files as one run


def _write(path: Path, *times: int) -> str:
    path.write_bytes(pcap_header() + b"".join(record(b"x", each) for each in times))
    return str(path)


def test_files_are_merged_by_time(tmp_path: Path) -> None:
    sources = [_write(tmp_path / "a", 1, 4, 5), _write(tmp_path / "b", 2, 4, 6), _write(tmp_path / "c"), "-"]
    sources[3] = _write(tmp_path / "d", 3)
    with read(sources) as captures:
        found = [(packet.time // 10**9, packet.capture, packet.number) for packet in captures]
    assert found == [(1, 0, 1), (2, 1, 1), (3, 3, 1), (4, 0, 2), (4, 1, 2), (5, 0, 3), (6, 1, 3)]
    assert [file.packets for file in captures.files] == [3, 3, 0, 1]
    assert [file.file for file in captures.files] == sources


def test_within_a_file_its_own_order_stays(tmp_path: Path) -> None:
    with read([_write(tmp_path / "a", 5, 1, 9), _write(tmp_path / "b", 6)]) as captures:
        assert [(packet.capture, packet.number) for packet in captures] == [(0, 1), (0, 2), (1, 1), (0, 3)]
    with read([_write(tmp_path / "a", 5, 1, 9)]) as captures:
        assert [packet.time // 10**9 for packet in captures] == [5, 1, 9]


def test_the_order_of_names_does_not_matter(tmp_path: Path) -> None:
    """Of packets with the same time those of the file that begins first come first."""
    parts = [_write(tmp_path / "1", 1, 2, 3, 3), _write(tmp_path / "2", 3, 3, 5), _write(tmp_path / "3", 5, 6)]
    expected = [("1", 1), ("1", 2), ("1", 3), ("1", 4), ("2", 1), ("2", 2), ("2", 3), ("3", 1), ("3", 2)]
    for sources in permutations(parts):
        with read(sources) as captures:
            found = [(Path(sources[packet.capture]).name, packet.number) for packet in captures]
        assert found == expected


@given(st.lists(st.lists(st.integers(0, 9), max_size=8).map(sorted), max_size=5))
def test_merging_is_sorting(files: list[list[int]]) -> None:
    data = [pcap_header() + b"".join(record(b"x", time) for time in times) for times in files]
    captures = Captures([capture_of(each, index=index) for index, each in enumerate(data)])
    found = [(packet.time // 10**9, packet.capture, packet.number) for packet in captures]
    assert [time for time, *_ in found] == sorted(chain.from_iterable(files))
    for index, times in enumerate(files):
        assert [number for _, capture, number in found if capture == index] == list(range(1, len(times) + 1))


@pytest.mark.parametrize(
    ("times", "backward"),
    [
        ((1, 2, 2, 3), None),
        ((2, 1), (2, 10**9)),
        ((1, 5, 6, 3, 4, 2), (4, 3 * 10**9)),
        ((1, 5, 4, 6, 3, 7), (5, 3 * 10**9)),
        ((9, 8, 7, 9, 8), (2, 10**9)),
        ((), None),
    ],
)
@pytest.mark.parametrize("size", [20, 10**6])
def test_times_that_run_backwards(times: tuple[int, ...], backward: tuple[int, int] | None, size: int) -> None:
    data = pcap_header() + b"".join(record(b"x", time) for time in times)
    capture = capture_of(data, [size] * len(data))
    list(capture)
    assert capture.backward == backward


# Compressed files (all that can be wrong with them is in `test_compressed`)


@pytest.mark.parametrize("data", [SMALL_PCAP, SMALL_PCAPNG], ids=["pcap", "pcapng"])
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_gzip_is_read_as_it_is(data: bytes, size: int) -> None:
    packed = gzip.compress(data)
    capture = capture_of(packed, [size] * len(packed))
    assert list(capture) == list(capture_of(data))
    assert (capture.packing, capture.truncated) == ("gzip", "")


def test_gzip_that_ends_early_gives_what_was_before() -> None:
    data = pcap_header() + b"".join(record(random.Random(number).randbytes(90), number) for number in range(1, 100))
    packed = gzip.compress(data)
    capture = capture_of(packed[: len(packed) // 2])
    found = list(capture)
    assert 40 < len(found) < 60
    assert found == list(capture_of(data))[: len(found)]
    assert capture.truncated == (
        f"is unreadable after packet {len(found)}, from byte {24 + 106 * len(found)} of what is packed in it on: "
        f"its gzip data ends early, after {len(packed) // 2} bytes"
    )


def test_reading_nothing() -> None:
    assert list(read([])) == []


def test_one_bad_file_closes_the_good_ones(tmp_path: Path) -> None:
    good, bad = _write(tmp_path / "good", 1), str(tmp_path / "bad")
    with pytest.raises(InputError, match="bad: no such file"):  # a file left open would warn, and warnings are errors
        read([good, bad])


def test_standard_input_twice() -> None:
    with pytest.raises(UserError, match="standard input can be read only once"):
        read(["-", "-"])


# A second opinion


def _capinfos(path: Path) -> tuple[int, int, Decimal | None, Decimal | None]:
    """Packets, bytes on the wire, earliest and latest time; a cut file makes it complain but not stop."""
    command = ["capinfos", "-TrBM", "-cdaeS", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    _, packets, size, first, last = ran.stdout.rstrip("\n").split("\t")
    times = (Decimal(first), Decimal(last)) if int(packets) else (None, None)
    return int(packets), int(size), *times


def _compare(path: Path) -> None:
    packets = list(open_capture(str(path)))
    times = [Decimal(packet.time).scaleb(-9) for packet in packets]
    ours = (
        len(packets),
        sum(packet.wire_length for packet in packets),
        min(times, default=None),
        max(times, default=None),
    )
    count, size, first, last = _capinfos(path)
    assert ours == (count, size, first, last)


needs_capinfos = pytest.mark.skipif(shutil.which("capinfos") is None, reason="capinfos (Wireshark) is not installed")
RECORDED = sorted(
    path
    for folder in (HOME / "captures", HOME.parent / "shared" / "captures")
    for path in folder.rglob("*.pcap*")
    if path.suffix in {".pcap", ".pcapng"}
)


@needs_capinfos
@pytest.mark.parametrize("name", MATRIX)
def test_capinfos_agrees_on_every_kind_of_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(MATRIX[name])
    _compare(tmp_path / name)


@needs_capinfos
@pytest.mark.parametrize("path", RECORDED or [pytest.param(None, marks=pytest.mark.skip("no recorded captures here"))])
def test_capinfos_agrees_on_recorded_captures(path: Path) -> None:
    _compare(path)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("name", MATRIX)
def test_tshark_agrees_packet_by_packet(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(MATRIX[name])
    fields = [f"-eframe.{field}" for field in ("number", "time_epoch", "cap_len", "len")]
    command = ["tshark", "-n", "-r", str(path), "-Tfields", *fields]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = [[Decimal(field) for field in line.split("\t")] for line in ran.stdout.splitlines()]
    packets = open_capture(str(path))
    assert theirs == [[p.number, Decimal(p.time).scaleb(-9), len(p.data), p.wire_length] for p in packets]


def test_dpkt_agrees_on_the_bytes() -> None:
    pcap = pytest.importorskip("dpkt.pcap")
    generator = random.Random(1)
    data = pcap_header() + b"".join(record(generator.randbytes(number * 7), number, number) for number in range(1, 300))
    theirs = [(round(Decimal(when) * 10**6) * 1000, raw) for when, raw in pcap.Reader(io.BytesIO(data))]
    assert [(packet.time, packet.data) for packet in capture_of(data)] == theirs
