"""Files that go on being written: what is added, cut short, replaced, removed or not there yet."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from rtmpsniff.capture import growing
from rtmpsniff.capture.growing import GrowingFile
from rtmpsniff.errors import InputError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


def add(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_what_is_added_comes_in_whole_lines(path: Path) -> None:
    path.write_bytes(b"one\ntw")
    file = GrowingFile(str(path))
    assert b"".join(file.blocks()) == b"one\ntw"
    assert file.lines() == []
    add(path, b"o\nthr")
    assert file.lines() == [b"two\n"]
    assert file.lines() == []
    add(path, b"ee")
    assert file.lines() == []
    add(path, b"\nfour\nfive\nsix")
    assert file.lines() == [b"three\nfour\nfive\n"]
    assert repr(file) == f"<GrowingFile '{path}' at byte 27>"


def test_much_that_is_added_comes_in_parts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "MOST_AT_ONCE", 16)
    path.touch()
    file = GrowingFile(str(path))
    assert list(file.blocks()) == []
    assert file.is_empty
    add(path, b"".join(b"line %d\n" % number for number in range(9)))
    parts = []
    while lines := file.lines():
        parts += lines
    assert b"".join(parts) == path.read_bytes()
    assert len(parts) == 4
    assert not file.is_empty


def test_a_line_without_an_end_is_not_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "MOST_AT_ONCE", 16)
    path.touch()
    file = GrowingFile(str(path))
    for _ in range(50):
        add(path, b"x" * 16)
        assert file.lines() == []
    add(path, b"\nnext\n")
    (lines,) = file.lines()
    assert lines.endswith(b"\nnext\n")
    assert len(lines) < 40


def test_a_file_that_is_cut_short_is_read_again(path: Path) -> None:
    path.write_bytes(b"one\ntwo\nthr")
    file = GrowingFile(str(path))
    list(file.blocks())
    path.write_bytes(b"new\n")
    assert file.lines() == [b"new\n"]


@pytest.mark.parametrize("text", [b"two\n", b"twice\nas much\n"])
@pytest.mark.parametrize("first", [b"one\n", b"one\nand half a li"])
def test_a_file_that_is_written_anew_is_read_again(path: Path, first: bytes, text: bytes) -> None:
    """Of the same size, or longer; the same inode, or a new one, whose number file systems use again at once."""
    path.write_bytes(first)
    file = GrowingFile(str(path))
    list(file.blocks())
    for remove in (False, True, False):
        time.sleep(0.02)  # what a file system's clock can tell apart
        if remove:
            path.unlink()
        text = text.swapcase()
        path.write_bytes(text)
        assert file.lines() == [text]
        assert file.lines() == []


def test_another_file_of_the_name_is_read_whole(path: Path) -> None:
    path.write_bytes(b"one\n")
    file = GrowingFile(str(path))
    list(file.blocks())
    other = path.with_name("other")
    other.write_bytes(b"two\nthree\n")
    other.rename(path)
    assert file.lines() == [b"two\nthree\n"]
    path.unlink()
    assert file.lines() == []
    path.write_bytes(b"four\n")
    assert file.lines() == [b"four\n"]


def test_a_file_that_is_not_there_yet(path: Path) -> None:
    file = GrowingFile(str(path))
    with pytest.raises(InputError, match="no such file"):
        list(file.blocks())
    assert file.lines() == []
    path.write_bytes(b"one\n")
    assert file.lines() == [b"one\n"]


def test_no_more_than_a_bound_is_read_of_what_is_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "MOST_BLOCKS", 2)
    path.write_bytes(b"x" * 1_000_000)
    assert len(b"".join(GrowingFile(str(path)).blocks())) < 200_000


def test_nothing_comes_later_of_a_pipe(path: Path) -> None:
    os.mkfifo(path)
    file = GrowingFile(str(path))
    assert file.lines() == []  # and it does not wait for a writer


def test_what_cannot_be_read_any_more_is_told_once(path: Path) -> None:
    path.mkdir()
    told: list[str] = []
    file = GrowingFile(str(path / "x\x1b"), told.append)
    assert file.lines() == []
    path.rmdir()
    path.touch()
    for _ in range(2):
        assert file.lines() == []
    assert told == [f"{path}/x\\x1b: not read: Not a directory"]
