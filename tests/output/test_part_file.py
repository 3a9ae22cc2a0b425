"""Files are whole or not there; nothing that was there is lost unless that was asked for."""

from __future__ import annotations

import errno
import resource
from pathlib import Path

import pytest

from rtmpsniff.errors import OutputError
from rtmpsniff.output.part_file import MOST_OPEN, PartFiles


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    files = PartFiles([], force=False)
    file = files.begin(tmp_path / "new" / "folder" / "a.bin")
    files.write(file, b"one ")
    files.write(file, b"two")
    (hidden,) = (tmp_path / "new" / "folder").iterdir()
    assert hidden.name.startswith(".a.bin.")
    files.finish(file, 1, b"N")
    assert content(tmp_path / "new" / "folder") == {"a.bin": b"oNe two"}
    files.discard()
    assert content(tmp_path / "new" / "folder") == {"a.bin": b"oNe two"}


def test_what_is_not_finished_is_removed(tmp_path: Path) -> None:
    files = PartFiles([], force=False)
    done, open_ = files.begin(tmp_path / "a"), files.begin(tmp_path / "b")
    files.write(open_, b"half")
    files.finish(done)
    files.discard()
    assert content(tmp_path) == {"a": b""}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "a"
    place.write_bytes(b"before")
    files = PartFiles([], force=False)
    with pytest.raises(OutputError, match=r"a: is there already; --force overwrites it$"):
        files.begin(place)
    late = files.begin(tmp_path / "b")
    (tmp_path / "b").write_bytes(b"somebody else's")
    with pytest.raises(OutputError, match=r"b: is there already"):
        files.finish(late)
    files.discard()
    assert content(tmp_path) == {"a": b"before", "b": b"somebody else's"}


def test_without_hard_links_nothing_is_overwritten_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    files = PartFiles([], force=False)
    one, two = files.begin(tmp_path / "a"), files.begin(tmp_path / "b")
    files.finish(one)
    (tmp_path / "b").write_bytes(b"somebody else's")
    with pytest.raises(OutputError, match="is there already"):
        files.finish(two)
    files.discard()
    assert content(tmp_path) == {"a": b"", "b": b"somebody else's"}


def test_overwriting_is_for_who_asks_for_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"safe")
    (tmp_path / "a").symlink_to(outside)
    files = PartFiles([], force=True)
    file = files.begin(tmp_path / "a")
    files.write(file, b"new")
    files.finish(file)
    assert content(tmp_path) == {"a": b"new", "outside": b"safe"}  # the link is replaced, not what it led to


@pytest.mark.parametrize("force", [False, True])
def test_an_input_is_never_overwritten(tmp_path: Path, force: bool) -> None:
    (tmp_path / "a").write_bytes(b"capture")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    files = PartFiles(["-", str(tmp_path / "b"), str(tmp_path / "gone")], force=force)
    with pytest.raises(OutputError, match=r"a: is also an input$"):
        files.begin(tmp_path / "a")


def test_a_place_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=r"file/a: (is not in a directory|is there already|file exists)"):
        PartFiles([], force=True).begin(tmp_path / "file" / "a")
    with pytest.raises(OutputError, match="file name too long"):
        PartFiles([], force=False).begin(tmp_path / ("x" * 300))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_no_space_left(tmp_path: Path) -> None:
    files = PartFiles([], force=False)
    file = files.begin(tmp_path / "full")
    files._open[file].close()
    with Path("/dev/full").open("wb") as full:
        files._open[file] = full
        with pytest.raises(OutputError, match=r"full: no space left on device$"):
            files.write(file, bytes(1 << 20))
        files.discard()
    assert content(tmp_path) == {}


def test_many_files_at_once_need_few_that_are_open(tmp_path: Path) -> None:
    files = PartFiles([], force=False)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4 * MOST_OPEN, hard))
    try:
        begun = [files.begin(tmp_path / f"{number:03}") for number in range(5 * MOST_OPEN)]
        for part in (b"one", b"two"):
            for file in begun:
                files.write(file, part)
        for file in begun:
            files.finish(file)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert set(content(tmp_path).values()) == {b"onetwo"}
    assert len(content(tmp_path)) == 5 * MOST_OPEN
