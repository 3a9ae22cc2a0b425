"""What commands say at their end: the warnings, and whether there was any RTMP."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import pytest

from rtmpsniff.capture.files import read
from rtmpsniff.cli.conclusion import conclude
from rtmpsniff.cli.world import Exit
from rtmpsniff.dissect import Dissection
from rtmpsniff.output.document import capture_record
from tests.build import Conversation, Frame, pcap
from tests.capture.craft import interface, option, section, statistics


def test_rtmp_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with read(["captures/connect-228.pcap"]) as captures:
        run = Dissection(captures)
        list(run)
        assert conclude(captures, run) is Exit.DONE
    assert capsys.readouterr().err == ""


def test_no_rtmp_is_a_bad_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with read(["captures/connect-228.pcap"]) as captures:
        run = Dissection([])
        list(captures)
        list(run)
        assert conclude(captures, run) is Exit.BAD_ANSWER
    assert capsys.readouterr().err == (
        "rtmpsniff: no RTMP in captures/connect-228.pcap (20 packets, 0 other TCP connections)\n"
    )


def test_packets_that_the_system_dropped(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "dropped.pcapng"
    path.write_bytes(section() + interface() + statistics(option(5, pack("<Q", 1234))))
    with read([str(path)]) as captures:
        run = Dissection(captures)
        list(run)
        conclude(captures, run)
    assert capsys.readouterr().err.splitlines()[0] == (
        f"rtmpsniff: warning: {path}: 1 234 packets dropped while capturing, by what the file says"
    )


def test_what_was_wrong_below_the_connections(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    talk = Conversation(timestamps=False)
    talk.open()
    talk.client(b"\x03" + bytes(1536))
    frames = [each for frame in talk.frames for each in (frame, frame._replace(time=frame.time - 2_500_000))]
    lost = bytearray(talk.ack().data)
    lost[20:22] = b"\x20\0"  # more fragments follow
    path = tmp_path / "odd.pcap"
    path.write_bytes(pcap([*frames, Frame(talk.time, bytes(lost))]))
    with read([str(path)]) as captures:
        run = Dissection(captures)
        list(run)
        assert conclude(captures, run) is Exit.DONE
    assert capsys.readouterr().err.splitlines() == [
        f"rtmpsniff: warning: {path}: times run backwards, by up to 2.5 ms (packet 2); spans of time may be wrong",
        "rtmpsniff: warning: 2 packets captured twice and counted once (a port mirror or a tunnel shows copies)",
        "rtmpsniff: warning: 1 fragmented IP packet never complete: some fragments were not captured",
    ]


@pytest.mark.parametrize(("back", "is_told"), [(1_000, False), (999_000, False), (1_000_000, True)])
def test_steps_back_that_matter(back: int, is_told: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Cards with several queues have steps of microseconds all the time; the exact one stands in JSON."""
    talk = Conversation(timestamps=False)
    talk.open()
    talk.client(b"\x03" + bytes(1536))
    path = tmp_path / "queues.pcap"
    early = talk.frames[3]._replace(time=talk.frames[2].time - back)
    path.write_bytes(pcap([*talk.frames[:3], early, *talk.frames[4:]]))
    with read([str(path)]) as captures:
        run = Dissection(captures)
        list(run)
        conclude(captures, run)
        assert capture_record(captures.files[0])["backward"] == {"packet": 4, "nanoseconds": str(back)}
    assert ("times run backwards" in capsys.readouterr().err) is is_told
