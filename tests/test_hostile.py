"""Whatever strangers put into a capture, no command lets anything through that acts on a terminal or hides.

Every string that a peer can choose is hostile at once, in one session; then the sessions are cut and changed at random.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.build import OBJECT_END, Frame, Talk, amf0, greeting, handshake, pcap

if TYPE_CHECKING:
    from tests.conftest import Run

COMMANDS = [
    ("read",),
    ("read", "-t", "utc", "-q"),
    ("read", "-v"),
    ("read", "-v", "--full"),
    ("read", "-x"),
    ("read", "-x", "--full"),
    ("read", "-X"),
    ("read", "-X", "--full"),
    ("read", "--fields", "body"),
    ("read", "--fields", "args.0"),
    ("read", "-Y", 'name or object.tcUrl contains "x" or args.0 matches ".*x"'),
    ("extract", "--list"),
    ("summary",),
    ("summary", "--top", "1"),
    ("summary", "--json"),
]

HOSTILE = [
    ("escape sequences", b"\x1b[2J\x1b[31mred\x1b]0;title\x07\x1bP\x1b\\"),
    ("C1 controls", "\x9b31m\x9d0;title\x9c\x85".encode()),
    ("raw C1 bytes", b"\x9b31m\x90\x9c\x85"),
    ("line breaks", b"a\nfake line\r\x0b\x0c\x1c\x1e"),
    ("Unicode line breaks", "a\u2028fake\u2029line\u0085".encode()),
    ("bidirectional marks", "\u202egpj.\u202c\u2066\u2067\u2069\u200f\u061c".encode()),
    ("invisible characters", "\u200b\u200d\ufeff\u00ad\u2060\U000e0001\U000e0041".encode()),
    ("odd spaces", "\u00a0\u3000\u2003".encode()),
    ("lone surrogates", b"\xed\xa0\x80\xed\xb0\x80"),
    ("invalid UTF-8", b"\xff\xfe\xc0\xaf\xf5\x80\x80\x80\xc3"),
    ("NUL and DEL", b"a\0b\x7f\x08"),
    ("not characters", "\ufffe\uffff\ufdd0\U0010ffff\ue000".encode()),
    ("very long", b"\x1b[7m" * 1500),
    ("quotes", b'"; \\" \\x1b'),
]

ACTING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def unprintable(output: str) -> set[str]:
    """The characters that should not be there, by name or number."""
    odd = {character for character in set(output) - {"\n"} if unicodedata.category(character) in ACTING}
    return {unicodedata.name(character, f"U+{ord(character):04X}") for character in odd}


# A session of nothing but hostile strings


def string(raw: bytes) -> bytes:
    return b"\x02" + pack(">H", len(raw)) + raw if len(raw) < 0x10000 else b"\x0c" + pack(">L", len(raw)) + raw


def pairs(raw: bytes, *names: bytes) -> bytes:
    """Keys with hostile values, and a hostile key."""
    keys = [*names, raw[:0xFFFF]]
    return b"".join(pack(">H", len(key)) + key + string(raw) for key in keys) + OBJECT_END


def messages(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, message stream, payload."""
    status = b"\x03" + pairs(raw, b"level", b"code", b"description")
    metadata = b"\x08\0\0\0\x02" + pairs(raw, b"encoder")
    typed = b"\x10" + pack(">H", len(raw[:999])) + raw[:999] + pairs(raw)
    yield 20, 0, amf0("connect", 1) + b"\x03" + pairs(raw, b"app", b"tcUrl", b"flashVer", b"pageUrl") + string(raw)
    yield 20, 1, amf0("publish", 5, None) + string(raw) + string(raw)
    yield 20, 1, amf0("play", 6, None) + string(raw)
    yield 20, 0, amf0("releaseStream", 2, None) + string(raw)
    yield 20, 1, amf0("onStatus", 0, None) + status
    yield 20, 0, amf0("_error", 2, None) + status
    yield 20, 0, string(raw) + amf0(7, None) + typed + b"\x0f" + pack(">L", len(raw)) + raw
    yield 20, 0, amf0("list", 7, None) + b"\x0a\0\0\0\x02" + string(raw) + b"\x0a\0\0\0\x01" + string(raw)
    yield 20, 0, string(raw) + amf0(7, None) + b"\x03" + pairs(raw)[: len(raw) // 2]
    yield 18, 1, amf0("@setDataFrame", "onMetaData") + metadata
    yield 18, 1, string(raw) + metadata
    yield 20, 0, raw
    yield 4, 0, raw[:40]
    yield 8, 1, raw
    yield 9, 1, raw
    yield 9, 1, b"\x91" + raw  # an enhanced header: a FourCC
    yield 8, 1, b"\x91" + raw
    yield 22, 1, raw
    yield 17, 0, raw
    yield 99, 0, raw


def hostile_session(raw: bytes) -> list[Frame]:
    talk = Talk(checksums=False)
    talk.greet(handshake(greeting(0, 1, (raw * 4)[:4]), greeting(0, 2, (raw * 4)[:4]), c2=(raw * 1536)[:1536]))
    for number, (type_id, msid, payload) in enumerate(messages(raw)):
        talk.say("client", 3 + number % 5, type_id, msid, 0, payload)
        talk.say("server", 3 + number % 5, type_id, msid, 0, payload)
    talk.close()
    return talk.frames


def foreign_session(raw: bytes) -> list[Frame]:
    """Something else on the port of RTMP, which is quoted."""
    talk = Talk(("10.0.0.1", 50001), checksums=False)
    talk.open()
    talk.client(b"GET /" + raw.replace(b"\r", b"").replace(b"\n", b"")[:400] + b" HTTP/1.1\r\n\r\n")
    talk.close()
    return talk.frames


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def said(run: Run, path: Path) -> Iterator[tuple[tuple[str, ...], str]]:
    """What each command says about a file, on both channels."""
    for command in COMMANDS:
        ran = run(*command, str(path), "--color", "never")
        assert ran.status in {0, 1}
        yield command, ran.output + ran.errors


@pytest.mark.parametrize("raw", [case[1] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_strings_everywhere(run: Run, folder: Path, raw: bytes) -> None:
    path = folder / "hostile.pcap"
    path.write_bytes(pcap([*hostile_session(raw), *foreign_session(raw)]))
    for command, output in said(run, path):
        assert unprintable(output) == set(), command


@pytest.mark.parametrize("raw", [case[1] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_no_line_is_forged(run: Run, folder: Path, raw: bytes) -> None:
    """Each line of the list is one of ours: as many as with a harmless string, each beginning with a time."""
    path = folder / "forged.pcap"
    path.write_bytes(pcap(hostile_session(raw)))
    lines = run("read", "-q", str(path), "--color", "never").output.splitlines()
    assert [line for line in lines if not line[:10].strip().replace(".", "").isdigit()] == []


def test_the_names_of_files_are_hostile_too(run: Run, folder: Path) -> None:
    path = folder / "a\x1b[2J\u202e\n\udcff.pcap"
    path.write_bytes(pcap(foreign_session(b"x"))[:-1])
    for command, output in said(run, path):
        assert unprintable(output) == set(), command
        assert "[2J" in output or command[0] == "read"
    assert unprintable(run("read", str(folder / "none\x1b[2J\n")).errors) == set()


def test_options_are_quoted_back_safely(run: Run) -> None:
    for option in ("--type", "--from", "--message", "--color"):
        ran = run("read", "x", option, "\x1b[2J\u202e\n")
        assert ran.status == 2
        assert unprintable(ran.errors) == set(), option


strings = st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=30)


@given(strings, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_string_and_any_damage(run: Run, folder: Path, raw: bytes, chance: random.Random) -> None:
    frames = hostile_session(raw)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(frames))
        if chance.random() < 0.5:
            del frames[at]
        else:
            data = bytearray(frames[at].data)
            data[chance.randrange(54, len(data))] = chance.randrange(256)
            frames[at] = Frame(frames[at].time, bytes(data))
    path = folder / "random.pcap"
    path.write_bytes(pcap(frames))
    for command, output in said(run, path):
        assert unprintable(output) == set(), command
