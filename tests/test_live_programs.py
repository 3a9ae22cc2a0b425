"""Real programs, now: they talk over the loopback interface, tcpdump records, rtmpsniff tells what was said.

nginx with its RTMP module is the server; ffmpeg and GStreamer publish, rtmpdump plays. What rtmpsniff makes of the
recording is compared with what the programs were told to do and with what ffprobe says of the media.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import pytest

import rtmpsniff
from rtmpsniff import Audio, Command, Connection, Message, Video
from rtmpsniff.payload.values import Object
from tests.capture.network import lacking

PATIENCE: Final = 15.0  # seconds; an ordinary run needs a fraction
SECONDS: Final = 2
PICTURES: Final = 12 * SECONDS

SERVER: Final = """
daemon off; worker_processes 1; user root;
load_module modules/ngx_rtmp_module.so;
pid {folder}/nginx.pid; error_log {folder}/nginx.log warn;
events {{ worker_connections 64; }}
rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; chunk_size 4096;
    application live {{ live on; publish_notify on; }} }} }}
"""


LACKING: Final = lacking("nginx", "ffmpeg", "ffprobe", "rtmpdump", "gst-launch-1.0", "tcpdump")

pytestmark = pytest.mark.skipif(bool(LACKING), reason=LACKING or "never")


class Recording(NamedTuple):
    """What rtmpsniff says of a session, and the media that the publisher had."""

    connections: list[Connection]
    media: Path

    @property
    def publisher(self) -> Connection:
        return next(one for one in self.connections if "publish" in _names(one))

    @property
    def player(self) -> Connection:
        return next(one for one in self.connections if "play" in _names(one))


class Stage:
    """A folder with a server, a recorder and the programs of one session. What it started it ends, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.capture = folder / "session.pcap"
        self.port = _free_port()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return f"rtmp://127.0.0.1:{self.port}/live"

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder
            )
        return self._running[name]

    def end(self) -> None:
        for process in reversed(self._running.values()):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def until(self, what: str, condition: Callable[[], object]) -> None:
        limit = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > limit:
                logs = "\n".join(f"{name}: {self.log(name)}" for name in self._running)
                pytest.fail(f"waited in vain until {what}\n{logs}")
            time.sleep(0.02)

    def serve(self) -> None:
        settings = self.folder / "nginx.conf"
        settings.write_text(SERVER.format(folder=self.folder, port=self.port))
        self.start("nginx", "nginx", "-e", str(self.folder / "nginx.log"), "-c", str(settings))
        self.until("nginx listens", lambda: _listens(self.port))

    def record(self) -> None:
        options = ("-Z", "root", "-n", "-U", "-B", "16384", "-i", "lo", "-w", str(self.capture))
        self.start("tcpdump", "tcpdump", *options, f"tcp port {self.port}")
        self.until("tcpdump listens", lambda: "listening on" in self.log("tcpdump"))

    def finish(self, name: str) -> None:
        self.until(f"{name} ends", lambda: self._running[name].poll() is not None)
        assert self._running[name].returncode == 0, self.log(name)

    def recorded(self, count: int) -> list[Connection]:
        """The connections, once all of them are over and the kernel handed the last packet to tcpdump."""
        found: list[Connection] = []

        def complete() -> bool:
            found[:] = rtmpsniff.connections(self.capture, ports=[self.port])
            return len(found) == count and all(_ended(one) != "capture ended" for one in found)

        self.until("the recording is complete", lambda: self.capture.exists() and self.capture.stat().st_size > 24)
        self.until("the recording is complete", complete)
        return found


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _ended(connection: Connection) -> str:
    return connection.closed.reason if connection.closed else "capture ended"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("live"))
    try:
        stage.serve()
        yield stage
    finally:
        stage.end()


# ffmpeg publishes, rtmpdump plays.


@pytest.fixture(scope="module")
def ffmpeg_session(stage: Stage) -> Recording:
    media = stage.folder / "clip.flv"
    picture = f"testsrc=size=160x120:rate={PICTURES // SECONDS}"
    encode = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "32k")
    command = ("ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=sample_rate=22050")
    stage.start("encoder", *command, "-t", str(SECONDS), *encode, "-f", "flv", str(media))
    stage.finish("encoder")
    stage.record()
    stage.start("player", "rtmpdump", "-v", "-r", stage.url, "-y", "clip?token=abc123", "-o", "played.flv")
    stage.until("rtmpdump waits for media", lambda: "Starting Live Stream" in stage.log("player"))
    publish = ("ffmpeg", "-v", "error", "-re", "-i", str(media), "-c", "copy", "-f", "flv")
    stage.start("publisher", *publish, f"{stage.url}/clip?token=abc123")
    stage.finish("publisher")
    stage.finish("player")
    return Recording(stage.recorded(2), media)


def test_both_connections_are_seen_from_their_first_packet_to_their_last(
    ffmpeg_session: Recording, stage: Stage
) -> None:
    for connection in ffmpeg_session.connections:
        assert connection.opened.whole
        assert (connection.opened.server.address, connection.opened.server.port) == ("127.0.0.1", stage.port)
        assert connection.closed is not None
        assert connection.closed.variant == "rtmp"
        assert connection.closed.reason in {"closed", "reset"}
        assert not connection.undecoded
        for traffic in (connection.closed.from_client, connection.closed.from_server):
            assert (traffic.missing_bytes, traffic.gaps) == (0, 0)


def test_handshakes_are_judged_by_what_the_programs_are_known_to_do(ffmpeg_session: Recording) -> None:
    assert _verdicts(ffmpeg_session.publisher) == {"C0 C1": "D8", "S0 S1": "D8", "S2": "signed", "C2": "echo"}
    assert _verdicts(ffmpeg_session.player) == {"C0 C1": "none", "S0 S1": "none", "S2": "echo", "C2": "echo"}


def test_the_publisher_says_where_it_publishes(ffmpeg_session: Recording, stage: Stage) -> None:
    publisher = ffmpeg_session.publisher
    assert _connect(publisher).get("app") == "live"
    assert _connect(publisher).get("tcUrl") == stage.url
    assert _command(publisher, "publish").args[:2] == ("clip?token=abc123", "live")
    assert _statuses(publisher)[0] == "NetStream.Publish.Start"


def test_the_player_says_what_it_plays(ffmpeg_session: Recording) -> None:
    player = ffmpeg_session.player
    assert _connect(player).get("app") == "live"
    assert _command(player, "play").args[0] == "clip?token=abc123"
    assert "NetStream.Play.Start" in _statuses(player)


def test_as_many_frames_are_published_as_the_file_has(ffmpeg_session: Recording) -> None:
    publisher = ffmpeg_session.publisher
    assert _codecs(publisher) == {"h264", "aac"}
    assert _frames(publisher) == _packets(ffmpeg_session.media)
    assert _frames(publisher)["video"] == PICTURES


def test_timestamps_are_those_of_the_file(ffmpeg_session: Recording) -> None:
    for kind in ("video", "audio"):
        times = [message.timestamp for message in _coded(ffmpeg_session.publisher, kind)]
        assert times == _decoding_times(ffmpeg_session.media, kind)


def test_the_player_gets_what_the_publisher_sent(ffmpeg_session: Recording) -> None:
    sent, received = ffmpeg_session.publisher, ffmpeg_session.player
    for kind in ("video", "audio"):
        assert _payloads(_coded(received, kind)) == _payloads(_coded(sent, kind))
        assert set(_payloads(_media(received, kind))) == set(_payloads(_media(sent, kind)))


def test_the_player_saved_what_was_seen_on_the_wire(ffmpeg_session: Recording, stage: Stage) -> None:
    assert _frames(ffmpeg_session.player) == _packets(stage.folder / "played.flv")


# GStreamer publishes.


@pytest.fixture(scope="module")
def gstreamer_session(stage: Stage, ffmpeg_session: Recording) -> Connection:
    """In the same recording, after the other session: the file that it writes beside is the judge."""
    command = f"""
        videotestsrc num-buffers={PICTURES} is-live=true pattern=ball
        ! video/x-raw,width=160,height=120,framerate={PICTURES // SECONDS}/1
        ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=12 bitrate=60 ! h264parse
        ! flvmux streamable=true name=mux ! tee name=both
        both. ! queue ! filesink location={stage.folder}/gstreamer.flv
        both. ! queue ! rtmp2sink location={stage.url}/ball
        audiotestsrc num-buffers=43 is-live=true ! audio/x-raw,rate=22050,channels=1
        ! avenc_aac bitrate=32000 ! mux."""
    stage.start("gstreamer", "gst-launch-1.0", "-q", *command.split())
    stage.finish("gstreamer")
    assert ffmpeg_session
    return stage.recorded(3)[2]


def test_gstreamer_publishes_all_frames_of_its_file(gstreamer_session: Connection, stage: Stage) -> None:
    assert _verdicts(gstreamer_session) == {"C0 C1": "none", "S0 S1": "none", "S2": "echo", "C2": "echo"}
    assert _connect(gstreamer_session).get("app") == "live"
    assert _command(gstreamer_session, "publish").args[0] == "ball"
    assert "NetStream.Publish.Start" in _statuses(gstreamer_session)
    assert _codecs(gstreamer_session) == {"h264", "aac"}
    assert _frames(gstreamer_session) == _packets(stage.folder / "gstreamer.flv")
    assert not gstreamer_session.undecoded


# What a connection says.


def _names(connection: Connection) -> set[str]:
    return {message.body.name for message in connection.messages if isinstance(message.body, Command)}


def _verdicts(connection: Connection) -> dict[str, str]:
    return {greeting.part: greeting.verdict for greeting in connection.greetings}


def _command(connection: Connection, name: str) -> Command:
    bodies = [message.body for message in connection.messages]
    return next(body for body in bodies if isinstance(body, Command) and body.name == name)


def _connect(connection: Connection) -> Object:
    body = _command(connection, "connect")
    assert isinstance(body.object, Object)
    return body.object


def _statuses(connection: Connection) -> list[object]:
    bodies = [message.body for message in connection.messages]
    answers = [body.args[0] for body in bodies if isinstance(body, Command) and body.name == "onStatus"]
    return [answer["code"] for answer in answers if isinstance(answer, Object)]


def _media(connection: Connection, kind: str) -> list[Message]:
    return [message for message in connection.messages if message.type == kind]


def _coded(connection: Connection, kind: str) -> list[Message]:
    """The messages that carry a frame, and not how to decode one or that there are no more."""
    return [message for message in _media(connection, kind) if _packet_type(message) == "coded_frames"]


def _packet_type(message: Message) -> str | None:
    return message.body.packet_type if isinstance(message.body, Audio | Video) else None


def _frames(connection: Connection) -> Counter[str]:
    return Counter({kind: len(_coded(connection, kind)) for kind in ("video", "audio")})


def _codecs(connection: Connection) -> set[str | None]:
    return {message.body.codec for message in connection.messages if isinstance(message.body, Audio | Video)}


def _payloads(messages: Sequence[Message]) -> list[str]:
    return [sha256(message.payload).hexdigest() for message in messages]


# What ffprobe says of a file.


def _probe(media: Path, *options: str) -> dict[str, list[dict[str, str]]]:
    command = ("ffprobe", "-v", "error", "-of", "json", *options, str(media))
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert isinstance(found, dict)
    return found


def _packets(media: Path) -> Counter[str]:
    streams = _probe(media, "-count_packets", "-show_entries", "stream=codec_type,nb_read_packets")["streams"]
    counts = {stream["codec_type"]: int(stream["nb_read_packets"]) for stream in streams}
    return Counter({kind: count for kind, count in counts.items() if kind in {"video", "audio"}})


def _decoding_times(media: Path, kind: str) -> list[int]:
    packets = _probe(media, "-select_streams", kind[0], "-show_entries", "packet=dts")["packets"]
    return [int(packet["dts"]) for packet in packets]
