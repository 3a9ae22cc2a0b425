"""Files that are there whole or not at all."""

from __future__ import annotations

import gzip
import os
import stat
from pathlib import Path
from threading import Thread

import pytest

from rtmpsniff.errors import OutputError
from rtmpsniff.output.saved import OWN, saved, saved_text


def write(path: Path, text: str = "text", **more: int) -> None:
    with saved_text(str(path), (), **more) as file:
        file.write(text)


def test_a_file_takes_its_name_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with saved_text(str(path)) as file:
        file.write("é\n")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == "é\n".encode()
    assert [left.name for left in tmp_path.iterdir()] == ["out.json"]


def test_an_interrupted_file_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        interrupted(path)
    assert path.read_text() == "before"
    assert [left.name for left in tmp_path.iterdir()] == ["out.json"]


def test_gzip_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        write(tmp_path / name)
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"text"
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_modes(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "usual")
        write(tmp_path / "own", mode=OWN)
        (tmp_path / "kept").touch(0o604)
        (tmp_path / "kept").chmod(0o604)
        write(tmp_path / "kept")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "own", "kept")]
    assert modes == [0o640, 0o600, 0o604]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "text"


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write(pipe)
    reader.join()
    assert got == [b"text"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no/such/place", "no such file"),
        ("", "is a directory"),
        ("in\0side", "is no name of a file"),
        ("n" * 300, "file name too long"),
    ],
)
def test_what_cannot_be_written_is_one_line(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(OutputError, match=reason) as error, saved(f"{tmp_path}/{name}"):
        pass
    assert "\n" not in str(error.value)
    assert error.value.exit_status == 3
    assert list(tmp_path.iterdir()) == []


def interrupted(path: Path) -> None:
    with saved_text(str(path)) as file:
        file.write("half")
        raise KeyboardInterrupt


def test_no_space() -> None:
    with pytest.raises(OutputError, match=r"^/dev/full: no space left on device$"), saved_text("/dev/full") as file:
        file.write("x" * 100_000)


def test_an_input_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "in.pcap"
    path.write_text("capture")
    (tmp_path / "link").symlink_to(path)
    for name in ("in.pcap", "link", "./in.pcap"):
        with pytest.raises(OutputError, match="is also an input"), saved(f"{tmp_path}/{name}", ["-", str(path)]):
            pass
    assert path.read_text() == "capture"
