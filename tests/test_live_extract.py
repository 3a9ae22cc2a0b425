"""Extracted media against real programs: packet for packet what ffmpeg published, and what it recorded as a player.

nginx is the server, tcpdump records both connections. ffmpeg itself, copying packets, is the judge: its `framemd5` of
the extracted file and of the other one have the same hashes, and the same times but for where they begin.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from tests.test_live_programs import LACKING, Stage

if TYPE_CHECKING:
    from tests.conftest import Run

pytestmark = pytest.mark.skipif(bool(LACKING), reason=LACKING or "never")

SECONDS: Final = 3
RATE: Final = 25
JUDGE: Final = ("ffmpeg", "-v", "error", "-i")  # then a file
COPY: Final = ("-map", "0:v", "-map", "0:a", "-c", "copy", "-f", "framemd5", "-")


class Session(NamedTuple):
    """The file that was published, what a player recorded, and what was extracted of both connections."""

    published: Path
    played: Path
    folder: Path
    source: tuple[str, ...]  # the recording, as arguments


class Packet(NamedTuple):
    """One packet as ffmpeg copies it; times in ms since the first packet of the file."""

    dts: int
    pts: int
    size: int
    hash: str


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Iterator[Session]:
    stage = Stage(tmp_path_factory.mktemp("extract"))
    try:
        yield _recorded(stage, run)
    finally:
        stage.end()


def _recorded(stage: Stage, run: Run) -> Session:
    published, played, folder = stage.folder / "clip.flv", stage.folder / "played.flv", stage.folder / "out"
    sources = ("-f", "lavfi", "-i", f"testsrc=size=160x120:rate={RATE}", "-f", "lavfi", "-i", "sine=sample_rate=44100")
    encode = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "10", "-pix_fmt", "yuv420p", "-c:a", "aac")
    stage.start("encoder", "ffmpeg", "-v", "error", *sources, "-t", str(SECONDS), *encode, str(published))
    stage.finish("encoder")
    stage.serve()
    stage.record()
    stage.start("player", "ffmpeg", "-v", "error", "-i", f"{stage.url}/clip", "-c", "copy", str(played))
    publish = ("ffmpeg", "-v", "error", "-re", "-i", str(published), "-c", "copy", "-f", "flv")
    stage.start("publisher", *publish, f"{stage.url}/clip?token=abc123")
    stage.finish("publisher")
    stage.finish("player")
    stage.recorded(2)
    source = (str(stage.capture), "--port", str(stage.port))
    ran = run("extract", *source, "-o", str(folder))
    assert (ran.status, ran.errors) == (0, "")
    return Session(published, played, folder, source)


def test_a_publisher_s_packets_are_those_of_the_file_that_it_published(session: Session) -> None:
    assert _packets(_extracted(session, "publish")) == _packets(session.published)
    assert {len(packets) for packets in _packets(session.published).values()} >= {RATE * SECONDS}


def test_a_player_s_packets_are_those_that_it_recorded(session: Session) -> None:
    played = _packets(session.played)
    assert _packets(_extracted(session, "play")) == played
    assert min(map(len, played.values())) > RATE


def test_files_begin_at_0_and_decode_without_a_word(session: Session) -> None:
    for action in ("publish", "play"):
        file = _extracted(session, action)
        show = ("ffprobe", "-v", "error", "-show_entries", "packet=dts", "-of", "csv=p=0", str(file))
        times = subprocess.run(show, capture_output=True, text=True, check=True).stdout.split()
        assert min(int(time.rstrip(",")) for time in times) == 0
        decode = ("ffmpeg", "-v", "warning", "-xerror", "-i", str(file), "-f", "null", "-")
        assert subprocess.run(decode, capture_output=True, text=True, check=True).stderr == ""


def test_the_key_is_in_no_name(session: Session) -> None:
    assert not [file.name for file in session.folder.iterdir() if "clip" in file.name or "abc123" in file.name]


def test_a_stream_into_a_player(session: Session) -> None:
    """ffmpeg reads what comes through the pipe."""
    for action in ("play", "publish"):
        number = _extracted(session, action).name.split("-")[1]
        command = [sys.executable, "-m", "rtmpsniff", "extract", *session.source, "--connection", number, "-o", "-"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]) as extract:
            judge = (*JUDGE, "-", *COPY)
            listing = subprocess.run(judge, stdin=extract.stdout, capture_output=True, text=True, check=True)
        assert (extract.returncode, listing.stderr) == (0, "")
        assert _parsed(listing.stdout) == _packets(_extracted(session, action))


def _extracted(session: Session, action: str) -> Path:
    (file,) = session.folder.glob(f"{action}-?-live*.flv")
    return file


def _packets(media: Path) -> dict[str, list[Packet]]:
    """The packets of video and audio."""
    return _parsed(subprocess.run((*JUDGE, str(media), *COPY), capture_output=True, text=True, check=True).stdout)


def _parsed(listing: str) -> dict[str, list[Packet]]:
    assert "#tb 0: 1/1000" in listing
    rows = [line.split(",") for line in listing.splitlines() if not line.startswith("#")]
    first = min(int(row[1]) for row in rows)
    found: dict[str, list[Packet]] = {"0": [], "1": []}
    for stream, dts, pts, _duration, size, digest in rows:
        found[stream].append(Packet(int(dts) - first, int(pts) - first, int(size), digest.strip()))
    return found
