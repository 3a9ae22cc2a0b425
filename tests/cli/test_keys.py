"""--keylog and SSLKEYLOGFILE: read, missing, garbage."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rtmpsniff.cli.keys import read_keys
from rtmpsniff.errors import InputError
from tests.build import pcap, session
from tests.conftest import Run
from tests.tunnel.talks import SecureTalk

LINE = f"CLIENT_RANDOM {'00' * 32} {'11' * 48}\n"


@pytest.fixture(autouse=True)
def _no_key_log_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)


def test_files_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text(LINE)
    other.write_text(LINE.replace("00", "22"))
    assert len(read_keys([str(one)])) == 1
    assert len(read_keys([str(one), str(other)])) == 2
    monkeypatch.setenv("SSLKEYLOGFILE", str(other))
    assert len(read_keys([str(one)])) == 2
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "missing"))
    assert len(read_keys([])) == 0


@pytest.mark.parametrize("name", ["missing", "", "a\0b"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="--keylog "):
        read_keys([str(tmp_path / name)])


def test_a_file_without_a_key_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(bytes(range(256)) * 100)
    assert len(read_keys([str(garbage)])) == 0
    assert "holds no TLS secrets" in capsys.readouterr().err


def test_an_empty_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    keys = read_keys([str(empty)])
    assert capsys.readouterr().err == f"rtmpsniff: warning: {empty} is empty so far: it holds no TLS secrets\n"
    empty.write_text(LINE)
    keys.refresh()
    assert len(keys) == 1


def test_the_file_of_the_environment_may_come_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    keys = read_keys([])
    log.write_text(LINE)
    keys.refresh()
    assert len(keys) == 1
    assert capsys.readouterr().err == ""


def test_the_file_of_the_environment_may_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    complaint = f"rtmpsniff: warning: {pipe}/x: not read: Not a directory\n"
    for name, said in ((pipe, ""), (tmp_path, ""), (pipe / "x", complaint)):
        monkeypatch.setenv("SSLKEYLOGFILE", str(name))
        assert len(read_keys([])) == 0  # and nobody waits for a writer
        assert capsys.readouterr().err == said


def test_the_command_line(tmp_path: Path, run: Run) -> None:
    talk = session(SecureTalk())
    assert isinstance(talk, SecureTalk)
    capture, log = tmp_path / "a.pcap", tmp_path / "keys"
    capture.write_bytes(pcap(talk.frames))
    log.write_bytes(talk.log)
    done = run("read", str(capture), "--keylog", str(log))
    assert done.status == 0
    assert 'connect(1) app="live"' in done.output
    without = run("read", str(capture))
    assert without.status == 1
    assert "not decrypted: there is no key log" in without.output
    assert "--keylog" in without.errors
    missing = run("read", str(capture), "--keylog", str(tmp_path / "no"))
    assert (missing.status, missing.output) == (3, "")
    assert missing.errors == f"rtmpsniff: --keylog {tmp_path}/no: no such file\n"
    assert "rtmps" in run("summary", str(capture), "--keylog", str(log)).output
