"""pcapng that is written: read back by this program's reader and by tshark, with comments and to the nanosecond."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from struct import unpack_from

import pytest

from rtmpsniff.capture.packet import Packet
from rtmpsniff.capture.pcapng_writer import LONGEST_COMMENT, PcapngWriter
from tests.capture.craft import packets_of

TIME = 1_700_000_000_123_456_789
FRAME = bytes.fromhex("020000000002020000000001") + b"\x88\xb5hello"


def written(*packets: tuple[Packet, bytes, str]) -> bytes:
    writer = PcapngWriter("a program 1.0")
    return writer.head() + b"".join(writer.packet(packet, data, comment) for packet, data, comment in packets)


def kinds(data: bytes) -> list[int]:
    """The types of a file's blocks; their lengths agree at both ends."""
    found, at = [], 0
    while at < len(data):
        kind, length = unpack_from("<II", data, at)
        assert unpack_from("<I", data, at + length - 4) == (length,)
        found.append(kind)
        at += length
    return found


def test_packets_come_back() -> None:
    packets = [Packet(0, 1, TIME, 1, FRAME, 1514), Packet(0, 2, TIME + 1, 276, b"x", 1), Packet(0, 3, 0, 1, b"", 0)]
    assert packets_of(written(*((packet, packet.data, "said") for packet in packets))) == packets


def test_other_bytes_may_stand_in_a_packet() -> None:
    packet = Packet(0, 1, TIME, 1, FRAME, 1514)
    assert packets_of(written((packet, b"masked", ""))) == [packet._replace(data=b"masked")]


def test_each_link_type_of_each_capture_is_an_interface() -> None:
    places = [(0, 1), (0, 1), (0, 276), (1, 1), (0, 276)]
    data = written(*((Packet(capture, 1, TIME, link, b"x", 1), b"x", "") for capture, link in places))
    assert kinds(data) == [0x0A0D0D0A, 1, 6, 6, 1, 6, 1, 6, 6]
    assert [packet.link for packet in packets_of(data)] == [link for _, link in places]


def test_a_comment_that_is_too_long_is_cut_between_characters() -> None:
    data = written((Packet(0, 1, TIME, 1, b"x", 1), b"x", "é" * 40_000))
    assert kinds(data) == [0x0A0D0D0A, 1, 6]
    assert data.count("é".encode()) == LONGEST_COMMENT // 2


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "out.pcapng"
    path.write_bytes(
        written(
            (Packet(0, 1, TIME, 1, FRAME, 1514), FRAME, "one\ntwo é"), (Packet(0, 2, TIME, 1, FRAME, 19), FRAME, "")
        )
    )
    command = ["tshark", "-r", str(path), "-T", "fields", "-E", "separator=|"]
    for name in ("frame.time_epoch", "frame.len", "frame.cap_len", "frame.comment"):
        command += ["-e", name]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines == ["1700000000.123456789|1514|19|one\\ntwo é", "1700000000.123456789|19|19|"]
