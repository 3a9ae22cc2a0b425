"""Every export of every capture: valid by the schema, without a known secret, the same capture to tshark; and useful.

Questions that people ask of a session are asked here with jq and with DuckDB, without tricks.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import duckdb
import jsonschema_rs
import pytest

import rtmpsniff
from tests.build import Ecma, Frame, Talk, amf0, begin_publish, end_publish, pcap, session
from tests.memory import held

if TYPE_CHECKING:
    from tests.conftest import Run

HERE: Final = Path(__file__).parents[1] / "captures"
SHARED: Final = Path(__file__).parents[2] / "shared" / "captures"
ENDINGS: Final = {".pcap", ".pcapng", ".gz"}
FILES: Final = [
    pytest.param(file, id=file.name)
    for folder in (HERE, SHARED / "made", SHARED / "impaired")
    for file in (sorted(folder.iterdir()) if folder.is_dir() else ())
    if file.suffix in ENDINGS
]
PUBLISH: Final = HERE / "ffmpeg-nginx-publish.pcap"
VALIDATOR: Final = jsonschema_rs.validator_for(rtmpsniff.schema())

# What people typed as keys, tokens and passwords when these were recorded, of six characters and more.
SECRETS: Final = {
    "ffmpeg-nginx-publish.pcap": ("abc123",),
    "01-ffmpeg5-nginx-publish-play.pcap": ("abc123",),
    "02-rtmpdump-live-vod.pcap": ("small.flv", "small.mp4", "nosuchfile"),
    "11-legacy-codecs-nginx.pcap": ("l-h263-nelly", "l-screen-pcmu8", "l-screen2-adpcm", "l-h263-alaw", "l-h263-mp3"),
    "13-rtmpe-rtmpsrv.pcap": ("stream1",),
    "20-extended-timestamp-boundary-chunk128.pcap": ("wrap32",),
    "29-tcserver-rtmp-rtmfp-tcrelay.pcap": ("viarelay",),
    "30-crtmpserver-rtmp-publish-play-vod.pcap": ("small.flv", "small.mp4"),
    "36-thirdparty-flv-tcserver1935-nms19350.pcap": ("av1opus",),
}

Save = Callable[[Iterable[Frame]], str]


def problems(record: Any) -> list[str]:
    return [f"{error.instance_path}: {error.message[:200]}" for error in VALIDATOR.iter_errors(record)]


# Every capture


@pytest.mark.parametrize("file", FILES)
def test_every_record_and_document_is_valid(run: Run, file: Path) -> None:
    lines = run("export", "--format", "ndjson", "--tree", "--payload", "head", str(file)).output.splitlines()
    assert [problem for line in lines for problem in problems(json.loads(line))] == []
    made = json.loads(run("export", str(file)).output)
    assert problems(made) == []
    assert len(made["messages"]) == sum(line.startswith('{"record": "message"') for line in lines)


def test_the_schema_finds_what_is_wrong() -> None:
    made = [json.loads(json.dumps(record, default=float)) for record in rtmpsniff.records(PUBLISH)]
    assert problems(made[1]) == []
    for record in made:
        for name in ("record", "connection", "n", "time", "state", "body", "variant", "base_ns", "captures", "tcp"):
            if name in record:
                assert problems({**record, name: [None]}), name
                without = {other: value for other, value in record.items() if other != name}
                assert problems(without), name


@pytest.mark.parametrize("file", FILES)
def test_no_export_holds_a_known_secret(run: Run, tmp_path: Path, file: Path) -> None:
    secrets = SECRETS.get(file.name, ())
    if not secrets:
        assert file.name not in SECRETS
        return
    held = b"".join(message.payload for message in rtmpsniff.messages(file))
    assert all(secret.encode() in held for secret in secrets), "the capture has not what is looked for"
    for text in exports(run, file, tmp_path):
        for secret in secrets:
            assert found(secret, text) == []


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("file", FILES)
def test_tshark_reads_the_same_from_the_packets(run: Run, tmp_path: Path, file: Path) -> None:
    out = tmp_path / "out.pcapng"
    ran = run("export", "--format", "pcapng", "-o", str(out), str(file))
    assert ran.status == (0 if "no RTMP in" not in ran.errors else 1)
    ports = {event.client for event in rtmpsniff.events(file) if isinstance(event, rtmpsniff.Closed) and is_kept(event)}
    before, after = tshark_lines(file), tshark_lines(out)
    kept = [line for line in before if {(line[1], line[3]), (line[2], line[4])} & ends(ports)]
    assert [line[:6] for line in after] == [line[:6] for line in kept]
    assert [line[6] for line in after] == [line[6] for line in kept]  # checksums are as good as they were
    command = ["tshark", "-r", str(out), "-Y", "_ws.malformed", "-T", "fields", "-e", "frame.number"]
    before_command = [*command[:2], str(file), *command[3:]]
    assert len(lines_of(command)) <= len(lines_of(before_command))


def is_kept(event: rtmpsniff.Closed) -> bool:
    return event.variant in {"rtmp", "unknown"}


def ends(clients: Iterable[Any]) -> set[tuple[str, str]]:
    return {(client.address, str(client.port)) for client in clients}


def tshark_lines(file: Path) -> list[list[str]]:
    """Time, addresses, ports, length and what comes of the checksum, of every TCP packet."""
    places = ("tcp.srcport", "tcp.dstport", "frame.len", "tcp.checksum.status")
    names = ("frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", *places)
    options = [word for name in names for word in ("-e", name)]
    command = ["tshark", "-r", str(file), "-o", "tcp.check_checksum:TRUE", "-Y", "tcp", "-T", "fields", *options]
    lines = [[cell.rpartition(",")[2] for cell in line.split("\t")] for line in lines_of(command)]
    return [[time, v4 or v6, to or to6, *rest] for time, v4, to, v6, to6, *rest in lines]


def lines_of(command: list[str]) -> list[str]:
    # tshark complains of a capture that is cut short, and has read it.
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()


# A session full of secrets

KEY: Final = "sk_9aF3xQ7tLm2Z"
TOKEN: Final = "t0k3n/with+signs&more=x"
PASSWORD: Final = "pa55word"
ALL: Final = (KEY, TOKEN, PASSWORD)


def writings(secret: str) -> Iterator[bytes]:
    """As it is, percent-encoded, in hex, and what base64 makes of it wherever it stands."""
    raw = secret.encode()
    yield raw
    yield quote(secret, safe="").encode()
    yield "".join(f"%{byte:02x}" for byte in raw).encode()
    yield "".join(f"%{byte:02X}" for byte in raw).encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield raw.hex(" ").encode()
    for encode in (b64encode, urlsafe_b64encode):
        for before in range(3):
            core = encode(bytes(before) + raw)
            yield core[-(-8 * before // 6) : 8 * (before + len(raw)) // 6]


def found(secret: str, text: bytes) -> list[bytes]:
    return [writing for writing in set(writings(secret)) if writing in text]


def exports(run: Run, file: Path, folder: Path) -> Iterator[bytes]:
    """All that is meant to be handed on of a capture, packed files unpacked."""
    for options in ((), ("--format", "ndjson"), ("--tree", "--payload", "all"), ("--mask-addresses",)):
        yield run("export", *options, str(file)).output.encode()
    for name, media in (("whole.pcapng", []), ("cut.pcapng", ["--strip-media"])):
        out = folder / name
        run("export", "--format", "pcapng", *media, "-o", str(out), str(file))
        yield out.read_bytes()
    for view in ("-v", "-x", "-X"):
        page, picture = folder / "out.html", folder / "out.svg"
        run("read", view, "--full", "--html", str(page), str(file))
        yield page.read_bytes()
        run("read", view, "-c", "40", "--svg", str(picture), str(file))
        yield picture.read_bytes()


def telling() -> Talk:
    """Secrets where they belong and in all the places to which programs carry them, the first mention early."""
    talk = Talk(mss=400)
    talk.greet()
    url = f"rtmp://bob:{PASSWORD}@example.com/live?auth={quote(TOKEN, safe='')}"
    talk.command("client", 3, 0, "note", 0, None, f"soon {KEY} comes", b64encode(f"x{KEY}".encode()).decode())
    connect = {"app": f"live?auth={quote(TOKEN, safe='')}", "tcUrl": url}
    talk.command("client", 3, 0, "connect", 1, connect, PASSWORD, {"n": 5, "word": PASSWORD})
    talk.command("client", 3, 0, "releaseStream", 2, None, KEY)
    talk.command("client", 8, 1, "publish", 3, None, f"{KEY}?token={quote(TOKEN, safe='')}", "live")
    status = {"code": "NetStream.Publish.Start", "description": f"{KEY} is published", "details": KEY}
    talk.command("server", 5, 1, "onStatus", 0, None, status)
    metadata = {
        "title": KEY,
        "hex": KEY.encode().hex(),
        "list": quote(KEY),
        "again": b64encode(TOKEN.encode()).decode(),
    }
    talk.say("client", 4, 18, 1, 0, amf0("@setDataFrame", "onMetaData", Ecma(metadata)))
    talk.say("client", 6, 9, 1, 40, b"\x27\x01\0\0\0" + bytes(200) + KEY.encode() + bytes(100))
    talk.say("client", 7, 77, 1, 40, b"of an unknown type: " + KEY.encode())
    talk.command(
        "server", 3, 0, "_error", 9, None, {"level": "error", "description": f"[ AccessManager.Reject ] : {url}"}
    )
    end_publish(talk, name=KEY)
    return talk


def test_no_export_holds_a_secret_in_any_writing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "talk.pcap"
    file.write_bytes(pcap(telling().frames))
    for number, text in enumerate(exports(run, file, tmp_path)):
        for secret in ALL:
            assert found(secret, text) == [], f"export {number}"
    shown = run("export", "--include-secrets", str(file)).output.encode()
    assert all(found(secret, shown) for secret in ALL)


@pytest.mark.parametrize("key", ["live", "test", "app", "s1"])
def test_a_short_key_masks_no_everyday_word(run: Run, save: Save, key: str) -> None:
    """`live` is the application and a key in it: the key is masked where keys stand, the application stays."""
    made = json.loads(run("export", save(session(app=key, name=key).frames)).output)
    bodies = {message["body"].get("name"): message["body"] for message in made["messages"]}
    assert bodies["connect"]["object"]["app"] == key
    assert bodies["connect"]["object"]["tcUrl"] == f"rtmp://example.com/{key}"
    assert bodies["publish"]["args"] == ["<key-1>", "live"]
    assert made["connections"][0]["connect"]["app"] == key
    assert made["connections"][0]["streams"][0]["name"] == "<key-1>"


# Numbers


def test_times_and_numbers_survive(run: Run, tmp_path: Path) -> None:
    numbers = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 2**53 - 1, 2.0**60, -1.5, 16777216.25]
    talk = Talk(time=1_700_000_000_123_456_789, step=1_000_001)
    begin_publish(talk)
    talk.command("client", 3, 0, "numbers", 9, None, *numbers)
    file = tmp_path / "talk.pcap"
    file.write_bytes(pcap(talk.frames, nanoseconds=True))
    made = json.loads(run("export", str(file)).output, parse_float=Decimal)
    assert made["base_ns"] == "1700000000123456789"
    messages = {message["n"]: message for message in made["messages"]}
    for message in rtmpsniff.messages(file):
        again = messages[message.number]
        assert int(made["base_ns"]) + int(again["time"] * 10**9) == message.last.time
        assert int(made["base_ns"]) + int(again["start"] * 10**9) == message.first.time
        assert -again["time"].as_tuple().exponent == 9
    (args,) = [one["body"]["args"] for one in made["messages"] if one["body"].get("name") == "numbers"]
    assert [float(number) for number in args] == numbers
    assert [isinstance(number, int) for number in args] == [
        number == int(number) and abs(number) < 2**53 for number in numbers
    ]


def test_the_library_gives_the_same(run: Run) -> None:
    lines = run("export", "--format", "ndjson", str(PUBLISH)).output.splitlines()
    records = [json.loads(json.dumps(record, default=float)) for record in rtmpsniff.records(PUBLISH)]
    assert records == [json.loads(line) for line in lines]
    shown = list(rtmpsniff.records(PUBLISH, include_secrets=True, payload="all", fields=True))
    assert "abc123" in repr(shown)
    video = next(record for record in shown if record.get("type") == "video")
    assert len(b64decode(str(video["payload"]))) == video["length"]
    assert "fields" in video


# Questions


@cache
def jq_is_there() -> bool:
    return shutil.which("jq") is not None


def jq(question: str, file: Path, *options: str) -> list[str]:
    done = subprocess.run(["jq", "-r", *options, question, str(file)], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def document(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("document") / "session.json"
    assert run("export", "-o", str(out), str(PUBLISH), str(HERE / "refusals-nginx.pcap")).status == 0
    return out


@pytest.fixture(scope="module")
def lines(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lines") / "session.ndjson"
    files = (str(PUBLISH), str(HERE / "refusals-nginx.pcap"))
    assert run("export", "--format", "ndjson", "-o", str(out), *files).status == 0
    return out


@pytest.mark.skipif(not jq_is_there(), reason="jq is not installed")
class TestJq:
    def test_who_was_refused_and_why(self, document: Path) -> None:
        question = '.messages[] | select(.body.args[]?.level? == "error") | "\\(.connection) \\(.body.args[-1].code)"'
        refused = jq(question, document)
        assert refused
        assert all(re.fullmatch(r"\d+ Net(Connection|Stream)\.[A-Za-z.]+", line) for line in refused)

    def test_how_long_answers_took(self, document: Path) -> None:
        slow = jq(".messages[] | select(.latency_ms) // empty | .latency_ms", document) or jq(
            ".messages[] | .body.latency_ms // empty", document
        )
        assert slow
        assert all(float(late) >= 0 for late in slow)

    def test_video_bytes_of_each_connection(self, document: Path) -> None:
        question = '.messages | map(select(.type == "video")) | group_by(.connection)[] | map(.length) | add'
        totals = [int(total) for total in jq(question, document)]
        assert totals == [
            int(total) for total in jq(".connections | sort_by(.id)[].message_bytes.video // empty", document)
        ]

    def test_lines_one_by_one(self, lines: Path) -> None:
        keys = jq('select(.record == "message" and .body.frame_type == "key") | .timestamp', lines)
        assert keys
        assert keys == sorted(keys, key=int)


def answers(question: str) -> list[Any]:
    with duckdb.connect() as connection:
        return connection.execute(question).fetchall()


class TestDuckDb:
    def test_what_was_said_by_type(self, lines: Path) -> None:
        rows = answers(
            f"select type, count(*), sum(length) from read_json('{lines}') where record = 'message' group by type"
        )
        totals = {name: (count, size) for name, count, size in rows}
        expected: dict[str, list[int]] = {}
        for line in lines.read_text().splitlines():
            record = json.loads(line)
            if record["record"] == "message":
                expected.setdefault(record["type"], []).append(record["length"])
        assert totals == {name: (len(sizes), sum(sizes)) for name, sizes in expected.items()}

    def test_the_longest_silence_of_video(self, lines: Path) -> None:
        rows = answers(
            f"""select connection, max(gap) from (
                select connection, time - lag(time) over (partition by connection order by n) as gap
                from read_json('{lines}') where record = 'message' and type = 'video') group by connection"""
        )
        assert rows
        assert all(0 <= gap < 5 for _, gap in rows)

    def test_messages_joined_with_their_connections(self, lines: Path) -> None:
        rows = answers(
            f"""with r as (select * from read_json('{lines}'))
                select c.connect.app, count(*) from r m join r c on c.record = 'connection' and c.id = m.connection
                where m.record = 'message' group by 1 order by 2 desc"""
        )
        assert rows
        assert all(isinstance(app, str) and count > 0 for app, count in rows)

    def test_the_document_as_a_table(self, document: Path) -> None:
        rows = answers(
            f"select m.type, m.body.codec from (select unnest(messages) as m from read_json('{document}')) "
            "where m.body.frame_type = 'key'"
        )
        assert rows
        assert set(rows) == {("video", "h264")}


# Memory


def test_memory_does_not_grow_with_the_capture(tmp_path: Path) -> None:
    """Four times as much takes no more, in whatever form."""
    peaks: dict[str, list[int]] = {}
    for count in (1500, 6000):
        file = tmp_path / f"{count}.pcap"
        file.write_bytes(pcap(session(Talk(checksums=False), chunk_size=4096, video=count, audio=count).frames))
        for form in ("json", "ndjson", "pcapng"):
            ran = held("export", "--format", form, "-o", str(tmp_path / "out"), str(file))
            peaks.setdefault(form, []).append(ran.peak)
    for form, (small, large) in peaks.items():
        assert large < small + 6_000, f"{form}: {small} KiB, then {large} KiB"
