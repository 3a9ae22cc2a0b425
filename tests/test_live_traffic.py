"""`rtmpsniff live` beside real programs: ffmpeg publishes to nginx, rtmpdump plays, in a network of the test's own.

What live says as it goes is what `read` says afterwards of the packets that live kept.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import jsonschema_rs
import pytest

import rtmpsniff
from rtmpsniff import Command, Connection
from rtmpsniff.output.json_text import json_text
from tests.capture.network import Live, Network, needs_network, network
from tests.test_live_programs import SERVER, Stage

if TYPE_CHECKING:
    from tests.conftest import Run

pytestmark = needs_network("nginx", "ffmpeg", "rtmpdump", "ss")

VALIDATOR: Final = jsonschema_rs.validator_for(rtmpsniff.schema())
SECONDS: Final = 3
PICTURES: Final = 25 * SECONDS
INTERFACES: Final = ("lo", "any")


class Watched(NamedTuple):
    """What one live capture came to."""

    kept: Path
    records: Path
    lines: list[str]
    errors: str
    status: int


class Theater(Stage):
    """A stage in a network of its own, whose only port is that of RTMP."""

    def __init__(self, folder: Path, net: Network) -> None:
        super().__init__(folder)
        self.net = net
        self.port = 1935

    def perform(self) -> None:
        """A server; a player waits; a publisher comes and goes, and the player with it."""
        inside = self.net.inside
        settings = self.folder / "nginx.conf"
        settings.write_text(SERVER.format(folder=self.folder, port=self.port))
        self.start("nginx", *inside, "nginx", "-e", str(self.folder / "nginx.log"), "-c", str(settings))
        self.until("nginx listens", lambda: ":1935 " in self.net.run("ss", "-ltnH"))
        self.start("player", *inside, "rtmpdump", "-v", "-r", self.url, "-y", "clip", "-o", "played.flv")
        self.until("rtmpdump waits for media", lambda: "Starting Live Stream" in self.log("player"))
        picture = ("-f", "lavfi", "-i", f"testsrc=size=320x240:rate={PICTURES // SECONDS}")
        sound = ("-f", "lavfi", "-i", "sine=sample_rate=44100")
        encode = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "flv")
        publish = ("ffmpeg", "-v", "error", "-re", *picture, *sound, "-t", str(SECONDS), *encode, f"{self.url}/clip")
        self.start("publisher", *inside, *publish)
        self.finish("publisher")
        self.finish("player")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Watched]]:
    """What was seen of one performance on each interface, by captures that ran at the same time."""
    folder = tmp_path_factory.mktemp("theater")
    with network() as net:
        theater = Theater(folder, net)
        lives: dict[str, Live] = {}
        try:
            for name in INTERFACES:
                place = folder / name
                place.mkdir()
                options = ("-i", name, "-w", str(place / "kept.pcapng"), "--ndjson", str(place / "records"))
                lives[name] = Live(place, net, options).until_it_listens()
            theater.perform()
            yield {name: _ended(live, folder / name) for name, live in lives.items()}
        finally:
            theater.end()
            for live in lives.values():
                live.kill()
    shutil.rmtree(folder)


def _ended(live: Live, folder: Path) -> Watched:
    live.until(lambda: live.output.count(" close ") == 2)
    status = live.end()
    return Watched(folder / "kept.pcapng", folder / "records", live.lines, live.errors, status)


@pytest.mark.parametrize("interface", INTERFACES)
def test_what_live_says_is_what_read_says_of_the_packets_kept(
    watched: dict[str, Watched], run: Run, interface: str
) -> None:
    live = watched[interface]
    ran = run("read", str(live.kept))
    assert ran.status == live.status == 0
    assert live.lines == ran.output.splitlines()
    assert ran.errors == ""


@pytest.mark.parametrize("interface", INTERFACES)
def test_nothing_is_lost(watched: dict[str, Watched], interface: str) -> None:
    live = watched[interface]
    connections = rtmpsniff.connections(live.kept)
    assert sorted(_purpose(connection) for connection in connections) == ["play", "publish"]
    for connection in connections:
        assert connection.closed is not None
        assert connection.closed.from_client.gaps == connection.closed.from_server.gaps == 0
        assert not connection.undecoded
        assert sum(message.type == "video" for message in connection.messages) > PICTURES
    assert " 0 dropped by kernel" in live.errors
    assert "warning" not in live.errors


@pytest.mark.parametrize("interface", INTERFACES)
def test_the_records_are_those_messages(watched: dict[str, Watched], interface: str) -> None:
    live = watched[interface]
    records = [json.loads(line) for line in live.records.read_text().splitlines()]
    for record in records:
        VALIDATOR.validate(record)
    messages = [record for record in records if record["record"] == "message"]
    assert [(record["connection"], record["n"], record["type"], record["length"]) for record in messages] == [
        (message.connection, message.number, message.type, message.length) for message in rtmpsniff.messages(live.kept)
    ]
    assert sum(record["record"] == "connection" for record in records) == 2
    assert records[-1]["captures"][0]["dropped"] == 0


@pytest.mark.parametrize("interface", INTERFACES)
def test_the_records_are_those_of_an_export_of_the_packets_kept(watched: dict[str, Watched], interface: str) -> None:
    """All of them: here nothing names the key before it is known, which only a second pass could mask."""
    live = watched[interface]
    assert "clip" not in live.records.read_text()
    written = [json.loads(line) for line in live.records.read_text().splitlines()]
    exported = [json.loads(json_text(record)) for record in rtmpsniff.records(live.kept)]
    assert written[0] == {**exported[0], "masking": {"secrets": "streamed", "addresses": "shown"}}
    assert written[1:-1] == exported[1:-1]


def _purpose(connection: Connection) -> str:
    names = {message.body.name for message in connection.messages if isinstance(message.body, Command)}
    return "publish" if "publish" in names else "play" if "play" in names else ""
