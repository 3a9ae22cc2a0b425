"""`rtmpsniff extract`: files that are whole or not there, one stream into a pipe, and a list."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from rtmpsniff.payload.flv import FileHeader, FlvReader, Part, Tag
from tests.build import Frame, Talk, audio_frame, begin_publish, pcap, session, video_frame

if TYPE_CHECKING:
    from tests.conftest import Run

ROOT: Final = Path(__file__).parents[2]
CAPTURES: Final = ROOT / "captures"
PUBLISH: Final = str(CAPTURES / "ffmpeg-nginx-publish.pcap")
PLAY: Final = str(CAPTURES / "ffmpeg-nginx-play.pcap")
BOTH: Final = str(CAPTURES / "gstreamer-nginx.pcap")
SILENT: Final = str(CAPTURES / "connect-228.pcap")
NO_RTMP: Final = str(CAPTURES / "not-rtmp-on-1935.pcap")

Save = Callable[[Iterable[Frame]], str]


def parts(data: bytes) -> list[Part]:
    reader = FlvReader()
    return [*reader.feed(data), *reader.end()]


def tags(data: bytes) -> list[Tag]:
    """The tags of a file that has nothing else."""
    head, *found = parts(data)
    assert isinstance(head, FileHeader)
    read = [one for one in found if isinstance(one, Tag)]
    assert len(read) == len(found)
    assert not [one for one in read if one.findings]
    return read


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def piped(*arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "rtmpsniff", "extract", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False, cwd=ROOT, timeout=60)


# Files


def test_a_file_a_stream(run: Run, tmp_path: Path) -> None:
    ran = run("extract", BOTH, "-o", str(tmp_path / "new" / "folder"))
    assert (ran.status, ran.errors) == (0, "")
    assert names(tmp_path / "new" / "folder") == ["play-2-live-key-1.flv", "publish-1-live-key-1.flv"]
    head, *rows = ran.output.splitlines()
    assert head.split()[:3] == ["connection", "kind", "stream"]
    assert [row.split()[:3] for row in rows] == [["1", "publish", "g1"], ["2", "play", "g1"]]
    published = tags((tmp_path / "new" / "folder" / "publish-1-live-key-1.flv").read_bytes())
    assert sum(one.type_id == 9 for one in published) == 38  # 36 frames, a beginning and an end


def test_the_header_says_what_there_is(run: Run, tmp_path: Path) -> None:
    assert run("extract", str(CAPTURES / "other-port.pcap"), "-o", str(tmp_path)).status == 0
    head = parts((tmp_path / "publish-1-live-key-1.flv").read_bytes())[0]
    assert isinstance(head, FileHeader)
    assert (head.has_audio, head.has_video) == (True, False)


def test_times(run: Run, tmp_path: Path) -> None:
    capture = str(CAPTURES / "extended-timestamp.pcap")
    found = []
    for times in ("rebased", "original"):
        folder = tmp_path / times
        assert run("extract", capture, "--times", times, "--connection", "2", "-o", str(folder)).status == 0
        (file,) = folder.iterdir()
        found.append([one.timestamp for one in tags(file.read_bytes()) if one.type_id != 18])
    rebased, original = found
    assert min(rebased) == 0
    assert {there - here for here, there in zip(rebased, original, strict=True)} == {20_000_000}


def test_reconnects_are_numbered(run: Run, tmp_path: Path, save: Save) -> None:
    talks = [Talk(("10.0.0.1", port), time=1_700_000_000_000_000_000 + port) for port in (5001, 5002)]
    capture = save([frame for talk in talks for frame in session(talk).frames])
    assert run("extract", capture, "-o", str(tmp_path / "o")).status == 0
    assert names(tmp_path / "o") == ["publish-1-live-key-1.flv", "publish-2-live-key-1.flv"]


HOSTILE: Final = [
    "../../etc/passwd",
    "/etc/passwd",
    "a\x1b[2J\x07\nb",
    "..",
    "a" * 1000,
    "\u202egpj.exe",
    "a\0b",
    "-rf",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("more", [(), ("--include-secrets",)])
def test_names_never_lead_outside(run: Run, tmp_path: Path, save: Save, name: str, more: tuple[str, ...]) -> None:
    folder = tmp_path / "one" / "two" / "three"
    capture = save(session(app=name, name=name).frames)
    ran = run("extract", capture, "-o", str(folder), *more)
    assert (ran.status, ran.errors) == (0, "")
    (made,) = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".pcap"]
    assert made.parent == folder
    assert made.name.startswith("publish-1")
    assert ran.output.replace("\n", "").isprintable()


def test_keys_are_in_no_name(run: Run, tmp_path: Path, save: Save) -> None:
    capture = save(session(name="abcdef-key?token=t0ken").frames)
    run("extract", capture, "-o", str(tmp_path / "masked"))
    run("extract", capture, "-o", str(tmp_path / "told"), "--include-secrets")
    assert names(tmp_path / "masked") == ["publish-1-live-key-1.flv"]
    assert names(tmp_path / "told") == ["publish-1-live-abcdef-key.flv"]


# Choosing


def test_a_stream_by_its_name(run: Run, tmp_path: Path) -> None:
    files = (PUBLISH, str(CAPTURES / "rtmpdump-nginx-vod.pcap"))
    assert run("extract", *files, "--stream", "s1", "-o", str(tmp_path / "a")).status == 0
    assert run("extract", *files, "--stream", "vod.flv", "-o", str(tmp_path / "b")).status == 0
    assert names(tmp_path / "a") == ["publish-1-live-key-1.flv"]
    assert names(tmp_path / "b") == [f"play-2-vod-{mask_of('vod.flv', run, files, tmp_path)}.flv"]


def mask_of(secret: str, run: Run, files: Iterable[str], folder: Path) -> str:
    """What stands for it in an export of the same files."""
    table = folder / "table"
    assert run("export", *files, "-o", str(folder / "export"), "--mask-table", str(table)).status == 0
    masks: dict[str, str] = {name: mask.strip("<>") for mask, name in json.loads(table.read_text()).items()}
    return masks[secret]


def test_a_key_that_the_application_of_an_earlier_connection_has_is_masked(
    run: Run, tmp_path: Path, save: Save
) -> None:
    later = session(Talk(("10.0.0.9", 50_009), time=1_700_000_100_000_000_000), name="abcdef-key")
    capture = save([*session(app="abcdef-key", name="other").frames, *later.frames])
    assert run("extract", capture, "-o", str(tmp_path / "out")).status == 0
    assert names(tmp_path / "out") == ["publish-1-key-2-key-1.flv", "publish-2-live-key-2.flv"]


@pytest.mark.parametrize(
    "arguments", [("--type", "audio"), ("-Y", 'type == "audio" and length > 2'), ("--from", "0", "--type", "!video")]
)
def test_a_part_of_a_stream(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run("extract", PUBLISH, *arguments, "-o", str(tmp_path)).status == 0
    found = tags((tmp_path / "publish-1-live-key-1.flv").read_bytes())
    assert {one.type_id for one in found} <= {8, 18}
    assert sum(one.type_id == 8 for one in found) == 67


def test_from_the_middle_on_it_plays_as_well(run: Run, tmp_path: Path) -> None:
    assert run("extract", PUBLISH, "--from", "2", "-o", str(tmp_path)).status == 0
    first, second, *_ = tags((tmp_path / "publish-1-live-key-1.flv").read_bytes())
    assert first.payload[:2] in {b"\x17\0", b"\xaf\0"}
    assert second.timestamp == 0


# A list


def test_the_list(run: Run, tmp_path: Path) -> None:
    ran = run("extract", "--list", PUBLISH)
    assert (ran.status, ran.errors) == (0, "")
    head, row = ran.output.splitlines()
    assert " ".join(head.split()) == "connection kind stream seconds frames video frames audio bytes file"
    assert " ".join(row.split()) == (
        "1 publish s1?token=abc123 3.139 36 h264 High 1.0, 160x120 12 fps 66 aac LC 22.05 kHz mono 38 608 "
        "publish-1-live-key-1.flv"
    )
    assert names(tmp_path) == []


def test_the_list_is_in_the_order_of_connections(run: Run) -> None:
    """The player of the second connection leaves before the publisher of the first."""
    ran = run("extract", "--list", BOTH)
    assert [line.split()[:2] for line in ran.output.splitlines()[1:]] == [["1", "publish"], ["2", "play"]]


def test_list_or_files(run: Run, tmp_path: Path) -> None:
    for arguments in ((), ("-o", ""), ("--list", "-o", str(tmp_path))):
        ran = run("extract", PUBLISH, *arguments)
        assert ran.status == 2
        assert "-o DIR says where to, --list what there is: one of them" in ran.errors


# What is missing


def test_no_media(run: Run, tmp_path: Path) -> None:
    for arguments in (("-o", str(tmp_path / "out")), ("--list",)):
        assert run("extract", SILENT, *arguments) == (1, "", "rtmpsniff: no media\n")
        assert run("extract", PUBLISH, "--stream", "nobody", *arguments) == (1, "", "rtmpsniff: no media\n")
        ran = run("extract", NO_RTMP, "--connection", "9", *arguments)
        assert ran.status == 1
    assert not (tmp_path / "out").exists()


def test_a_gap_is_told(run: Run, tmp_path: Path) -> None:
    capture = str(CAPTURES / "hole-in-payload.pcap")
    ran = run("extract", capture, "-o", str(tmp_path))
    assert ran.status == 0
    assert "publish-1-live-key-1.flv: " in ran.errors
    assert "messages damaged" in ran.errors
    assert sum(one.type_id == 9 for one in tags((tmp_path / "publish-1-live-key-1.flv").read_bytes())) == 2


def test_a_capture_that_is_cut_short(run: Run, tmp_path: Path) -> None:
    short = tmp_path / "short.pcap"
    short.write_bytes(Path(PUBLISH).read_bytes()[:30_000])
    ran = run("extract", str(short), "-o", str(tmp_path / "out"))
    assert ran.status == 0
    assert "ends inside a record" in ran.errors
    assert names(tmp_path / "out") == ["publish-1-live-key-1.flv"]
    assert len(tags((tmp_path / "out" / "publish-1-live-key-1.flv").read_bytes())) > 20


# What cannot be written


def test_nothing_is_overwritten_unless_asked(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "publish-1-live-key-1.flv"
    place.write_bytes(b"before")
    ran = run("extract", PUBLISH, "-o", str(tmp_path))
    assert (ran.status, ran.output) == (3, "")
    assert ran.errors == f"rtmpsniff: {place}: is there already; --force overwrites it\n"
    assert place.read_bytes() == b"before"
    assert names(tmp_path) == ["publish-1-live-key-1.flv"]
    assert run("extract", PUBLISH, "-o", str(tmp_path), "--force").status == 0
    assert len(tags(place.read_bytes())) > 100


@pytest.mark.parametrize("more", [(), ("--force",)])
def test_an_input_is_never_overwritten(run: Run, tmp_path: Path, more: tuple[str, ...]) -> None:
    capture = tmp_path / "publish-1-live-key-1.flv"
    capture.write_bytes(Path(PUBLISH).read_bytes())
    ran = run("extract", str(capture), "-o", str(tmp_path), *more)
    assert (ran.status, ran.errors) == (3, f"rtmpsniff: {capture}: is also an input\n")
    assert capture.read_bytes() == Path(PUBLISH).read_bytes()


def test_a_folder_that_is_none(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"")
    ran = run("extract", PUBLISH, "-o", str(place))
    assert (ran.status, ran.errors) == (3, f"rtmpsniff: {place}: is no directory\n")
    ran = run("extract", PUBLISH, "-o", str(place / "below"))
    assert ran.status == 3
    assert ran.errors == f"rtmpsniff: {place}/below: is not in a directory\n"
    ran = run("extract", PUBLISH, "-o", "a" * 300)
    assert (ran.status, ran.errors) == (3, f"rtmpsniff: {'a' * 300}: file name too long\n")


def test_no_space_left(tmp_path: Path) -> None:
    """A limit on the size of files stands for a disk that is full; nothing is left of what was begun."""
    command = f"trap '' XFSZ; ulimit -f 16; exec {sys.executable} -m rtmpsniff extract {PUBLISH} -o {tmp_path}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr == f"rtmpsniff: {tmp_path}/publish-1-live-key-1.flv: file too large\n"
    assert names(tmp_path) == []


def test_interrupted_nothing_half_is_left(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rtmpsniff.cli.extract.Written._finish", interrupted)
    assert run("extract", PUBLISH, "-o", str(tmp_path)).status == 130
    assert names(tmp_path) == []


# Into a player


def test_one_stream_to_standard_output(run: Run, tmp_path: Path) -> None:
    run("extract", BOTH, "--connection", "1", "-o", str(tmp_path))
    ran = piped(BOTH, "--connection", "1", "-o", "-")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout == (tmp_path / "publish-1-live-key-1.flv").read_bytes()


def test_standard_output_gets_the_first_of_several() -> None:
    ran = piped(BOTH, "-o", "-")
    assert ran.returncode == 0
    assert b"1 more stream left out; --stream and --connection choose" in ran.stderr
    assert ran.stdout == piped(BOTH, "--connection", "1", "-o", "-").stdout


def test_from_standard_input_it_comes_at_once() -> None:
    """A player shows what was captured a moment ago; whoever captures is still at it."""
    talk = Talk()
    begin_publish(talk)
    for number in range(40):
        talk.say("client", 6, 9, 1, number * 40, video_frame(number, 100))
        talk.say("client", 4, 8, 1, number * 40, audio_frame(number, 50))
    command = [sys.executable, "-m", "rtmpsniff", "extract", "-", "-o", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as extract:
        assert extract.stdin is not None
        assert extract.stdout is not None
        extract.stdin.write(pcap(talk.frames))
        extract.stdin.flush()
        early = extract.stdout.read(3000)  # of 7907, since packets wait for those that may overtake them
        extract.stdin.close()
        early += extract.stdout.read()
    assert extract.returncode == 0
    assert len(tags(early)) == 83


def test_a_player_that_goes_away() -> None:
    command = [sys.executable, "-m", "rtmpsniff", "extract", PUBLISH, "-o", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as extract:
        assert extract.stdout is not None
        extract.stdout.close()
        assert extract.stderr is not None
        assert extract.stderr.read() == b""
    assert extract.returncode == 0


def test_standard_output_that_is_an_input(tmp_path: Path) -> None:
    capture = tmp_path / "talk.pcap"
    capture.write_bytes(Path(PUBLISH).read_bytes())
    command = [sys.executable, "-m", "rtmpsniff", "extract", str(capture), "-o", "-"]
    with capture.open("ab") as output:
        ran = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, check=False, cwd=ROOT)
    assert (ran.returncode, ran.stderr) == (3, b"rtmpsniff: standard output: is also an input\n")
    assert capture.read_bytes() == Path(PUBLISH).read_bytes()


def test_standard_output_without_space() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    command = [sys.executable, "-m", "rtmpsniff", "extract", PUBLISH, "-o", "-"]
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, cwd=ROOT)
    assert (ran.returncode, ran.stderr) == (3, b"rtmpsniff: standard output: No space left on device\n")
