"""Extracted media of real programs: every frame on the wire is in a file, and a current FFmpeg decodes all of them.

The shared captures hold legacy codecs, Enhanced RTMP with every codec that FFmpeg publishes, timestamps that wrap,
relays, recorded streams; FFmpeg (of the package imageio-ffmpeg) is the judge, and it makes what has several tracks.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import pytest

import rtmpsniff
from rtmpsniff.payload.flv import FlvReader, Tag
from rtmpsniff.payload.types import DATA_AMF0
from tests.build import Frame, Talk, amf0, ask_to_publish
from tests.test_recordings import SHARED

if TYPE_CHECKING:
    from tests.conftest import Run

imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
FFMPEG: Final = imageio_ffmpeg.get_ffmpeg_exe()

Save: TypeAlias = "Callable[[Iterable[Frame]], str]"

NUMBERS: Final = ("01", "02", "03", "04", "05", "06", "07", "08", "10", "11", "20", "25", "30", "35", "36")
# By capture and connection: the server sent the first key frame and then pictures that belong to others.
SENT_SO: Final = {("36", "5")}
# MP3 frames of 26 ms with timestamps that the publisher rounded: two of them may have the same one.
_HARMLESS: Final = re.compile(r".*non monotonically increasing dts.*|\s*Last message repeated \d+ times")


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures beside the checkout")
@pytest.mark.parametrize("number", NUMBERS)
def test_every_frame_is_there_and_can_be_decoded(run: Run, tmp_path: Path, number: str) -> None:
    (capture,) = (SHARED / "made").glob(f"{number}-*.pcap")
    assert run("extract", str(capture), "-o", str(tmp_path)).status == 0
    files = {path.name.split("-")[1]: path for path in tmp_path.iterdir()}
    sent: Counter[tuple[str, str]] = Counter()
    for message in rtmpsniff.messages(capture):
        if message.message_type_id in {8, 9} and message.length and message.state == "whole":
            sent[str(message.connection), message.type] += 1
    # A sequence header alone is no stream.
    assert {connection for (connection, _), count in sent.items() if count > 1} == set(files)
    for connection, path in files.items():
        written = Counter(tag.type_id for tag in _tags(path))
        assert (written[8], written[9]) == (sent[connection, "audio"], sent[connection, "video"])
        decoded = subprocess.run(
            [FFMPEG, "-v", "error", "-i", str(path), "-f", "null", "-"], capture_output=True, text=True, check=True
        )
        complaints = [line for line in decoded.stderr.splitlines() if not _HARMLESS.fullmatch(line)]
        if (number, connection) in SENT_SO:
            assert complaints
        else:
            assert complaints == []


MULTITRACK: Final = (
    *("-f", "lavfi", "-i", "testsrc=size=160x120:rate=25", "-f", "lavfi", "-i", "testsrc2=size=80x60:rate=25"),
    *("-f", "lavfi", "-i", "sine=sample_rate=48000", "-f", "lavfi", "-i", "sine=frequency=880:sample_rate=48000"),
    *("-map", "0", "-map", "1", "-map", "2", "-map", "3", "-t", "1", "-pix_fmt", "yuv420p"),
    *("-c:v", "libx264", "-bf", "2", "-c:a:0", "aac", "-c:a:1", "libopus"),
)


def test_tracks_that_enhanced_rtmp_has_side_by_side(run: Run, tmp_path: Path, save: Save) -> None:
    """FFmpeg writes four tracks; they go over the wire as they are, and come out as what it wrote."""
    clip = tmp_path / "clip.flv"
    subprocess.run([FFMPEG, "-v", "error", *MULTITRACK, str(clip)], check=True)
    talk = Talk()
    ask_to_publish(talk)
    for tag in _tags(clip):
        set_data = amf0("@setDataFrame") if tag.type_id == DATA_AMF0 else b""
        talk.say("client", 6, tag.type_id, 1, tag.timestamp + 5_000, set_data + tag.payload)
    assert run("extract", save(talk.frames), "-o", str(tmp_path / "out")).status == 0
    (extracted,) = (tmp_path / "out").iterdir()
    packets = _packets(clip)
    assert set(packets) == {"0", "1", "2", "3"}
    assert _packets(extracted) == packets


def _packets(file: Path) -> dict[str, list[str]]:
    """Times, sizes and hashes of the packets of each track, as FFmpeg copies them."""
    judge = [FFMPEG, "-v", "error", "-i", str(file), "-map", "0", "-c", "copy", "-f", "framemd5", "-"]
    listing = subprocess.run(judge, capture_output=True, text=True, check=True).stdout
    tracks: dict[str, list[str]] = {}
    for line in listing.splitlines():
        if not line.startswith("#"):
            track, _, rest = line.partition(",")
            tracks.setdefault(track, []).append(rest)
    return tracks


def _tags(path: Path) -> list[Tag]:
    reader = FlvReader()
    return [part for part in (*reader.feed(path.read_bytes()), *reader.end()) if isinstance(part, Tag)]
