"""--keylog and SSLKEYLOGFILE: read, missing, garbage."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from rtmpsniff.cli import export, masks
from rtmpsniff.cli.keys import read_keys
from rtmpsniff.errors import InputError
from tests.build import Talk, begin_publish, pcap, session
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
    assert capsys.readouterr().err == f"rtmpsniff: warning: {empty} holds no TLS secrets: it is empty\n"
    empty.write_text(LINE)
    keys.follow()
    keys.refresh()
    assert len(keys) == 1


def test_the_file_of_the_environment_may_come_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    keys = read_keys([])
    keys.follow()
    log.write_text(LINE)
    keys.refresh()
    assert len(keys) == 1
    assert capsys.readouterr().err == ""


def test_the_last_line_of_a_file_may_have_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    log.write_text(LINE.rstrip("\n"))
    assert len(read_keys([str(log)])) == 1
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    assert len(read_keys([])) == 1


def test_the_file_of_the_environment_may_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    complaint = f"rtmpsniff: warning: {pipe}/x: not read: Not a directory\n"
    for name, said in ((pipe, ""), (tmp_path, ""), (pipe / "x", complaint)):
        monkeypatch.setenv("SSLKEYLOGFILE", str(name))
        keys = read_keys([])  # and nobody waits for a writer
        keys.follow()
        keys.refresh()
        assert len(keys) == 0
        assert capsys.readouterr().err == said


def test_files_that_are_read_twice_are_read_with_the_same_keys(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only the second run could decrypt holds secrets that the first had to learn."""
    plain, secure = Talk(), SecureTalk()
    begin_publish(plain, name="live", app="secret-key-1")
    begin_publish(secure, name="secret-key-1")
    capture, log = tmp_path / "both.pcap", tmp_path / "keys"
    capture.write_bytes(pcap([*plain.frames, *secure.frames]))
    log.touch()
    learn = masks.learn

    def learnt(*args: Any) -> None:
        learn(*args)
        log.write_bytes(secure.log)

    monkeypatch.setattr(export, "learn", learnt)
    done = run("export", str(capture), "--keylog", str(log))
    assert done.status == 0
    assert len(log.read_bytes()) > 0
    assert done.output.count('"releaseStream"') == 1
    log.write_bytes(secure.log)
    whole = run("export", str(capture), "--keylog", str(log)).output
    assert whole.count('"releaseStream"') == 2
    assert "secret-key-1" not in whole


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
    log.write_bytes(b"")
    empty = run("read", str(capture), "--keylog", str(log))
    assert empty.status == 1
    assert "not decrypted: the key log has no secrets for it" in empty.output
    assert empty.errors.endswith("1 TLS connection may be RTMPS: the key log holds no secrets\n")
    log.write_bytes(talk.log)
    missing = run("read", str(capture), "--keylog", str(tmp_path / "no"))
    assert (missing.status, missing.output) == (3, "")
    assert missing.errors == f"rtmpsniff: --keylog {tmp_path}/no: no such file\n"
    assert "rtmps" in run("summary", str(capture), "--keylog", str(log)).output
