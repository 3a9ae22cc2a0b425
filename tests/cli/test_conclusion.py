"""What commands say at their end: the warnings, and whether there was any RTMP."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.files import read
from rtmpsniff.cli.conclusion import conclude
from rtmpsniff.cli.world import Exit
from rtmpsniff.dissect import Dissection


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
