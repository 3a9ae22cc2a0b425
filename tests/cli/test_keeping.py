"""`read --html` and `--svg`: what the terminal shows, in its colors, masked, in files that need nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

import pytest

from rtmpsniff.cli.keeping import MOST_LINES
from tests.build import Frame, Talk, begin_publish, end_publish, session

if TYPE_CHECKING:
    from tests.conftest import Run

CAPTURES: Final = Path(__file__).parents[2] / "captures"
CONNECT: Final = str(CAPTURES / "connect-228.pcap")
PUBLISH: Final = str(CAPTURES / "ffmpeg-nginx-publish.pcap")
KEY: Final = "live_4f1d9c_key"
SVG: Final = "{http://www.w3.org/2000/svg}"

Save = Callable[[Iterable[Frame]], str]


def kept(run: Run, tmp_path: Path, *arguments: str) -> tuple[str, str]:
    """The page and the picture."""
    page, picture = tmp_path / "out.html", tmp_path / "out.svg"
    ran = run("read", "--html", str(page), "--svg", str(picture), *arguments)
    assert (ran.status, ran.output) == (0, "")
    return page.read_text(encoding="utf-8"), picture.read_text(encoding="utf-8")


def text_of(page: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", page.partition("<pre>\n")[2].partition("</pre>")[0]))


@pytest.mark.parametrize("view", [(), ("-x",), ("-X",), ("-v",)])
def test_the_page_says_what_the_terminal_says(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, view: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    page, picture = kept(run, tmp_path, *view, "--include-secrets", CONNECT)
    piped = run("read", *view, CONNECT).output
    words = set(piped.split())
    assert len(words - set(text_of(page).split())) <= len(words) // 20  # lines are folded at other places
    title, *drawn = ["".join((text.text or "").split()) for text in ET.fromstring(picture).iter(f"{SVG}text")]
    assert title == "rtmpsniffconnect-228.pcap"
    assert "".join(drawn) == "".join(text_of(page).split())
    assert page.count("<span class=") > 20


def test_secrets_are_masked_unless_asked_for(run: Run, save: Save, tmp_path: Path) -> None:
    file = save(session(name=KEY).frames)
    for view in ((), ("-x",), ("-X",), ("-v",)):
        for text in kept(run, tmp_path, *view, file):
            assert KEY not in text
            assert KEY.encode().hex() not in text.replace(" ", "")
            assert KEY.encode().hex(" ") not in text
            assert "key-1" in text
            assert "talk.pcap, secrets masked" in text
    for text in kept(run, tmp_path, "-v", "--include-secrets", file):
        assert KEY in text


def hostile() -> Talk:
    """What a stranger may put into names and values to break out of a page."""
    talk = Talk()
    begin_publish(
        talk, app="</pre></text><script>alert(1)</script>", name="<img src=http://evil.example/x onerror=alert(1)>"
    )
    talk.command(
        "client",
        3,
        0,
        "]]><svg onload=alert(1)>",
        9,
        None,
        "&lt;b&gt; \x1b[31mred\x1b]8;;http://evil.example\x07 \u202e \0",
    )
    talk.command(
        "client", 3, 0, "'\"><a href='javascript:alert(1)'>", 10, {"</style><script>": "url(http://evil.example)"}
    )
    end_publish(talk)
    return talk


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag, name) for name, _ in attrs} or {(tag, "")}


@pytest.mark.parametrize("view", [(), ("-x",), ("-X",), ("-v",)])
def test_hostile_text_stays_text(run: Run, save: Save, tmp_path: Path, view: tuple[str, ...]) -> None:
    page, picture = kept(run, tmp_path, *view, "--full", "--include-secrets", save(hostile().frames))
    assert Tags(page).found == {
        ("html", "lang"), ("meta", "charset"), ("meta", "http-equiv"), ("meta", "content"), ("meta", "name"),
        ("title", ""), ("style", ""), ("h1", ""), ("pre", ""), ("span", "class"),
    }  # fmt: skip
    drawn = ET.fromstring(picture)
    assert {element.tag for element in drawn.iter()} == {f"{SVG}svg", f"{SVG}rect", f"{SVG}g", f"{SVG}text"}
    names = {name for element in drawn.iter() for name in element.attrib}
    assert not {name for name in names if "href" in name or name.startswith("on") or name == "style"}
    for text in (page, picture):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
        assert "evil.example" in text or view == ("-X",)


def test_a_title_does_not_tell_where_files_lie(run: Run, save: Save, tmp_path: Path) -> None:
    for text in kept(run, tmp_path, save(session().frames)):
        assert "talk.pcap" in text
        assert str(tmp_path) not in text


@pytest.mark.skipif(shutil.which("rsvg-convert") is None, reason="rsvg-convert is not installed")
def test_the_picture_can_be_drawn(run: Run, save: Save, tmp_path: Path) -> None:
    kept(run, tmp_path, "-x", "--include-secrets", save(hostile().frames), "--message", "1-9")
    command = ["rsvg-convert", str(tmp_path / "out.svg"), "-o", str(tmp_path / "out.png")]
    subprocess.run(command, check=True)
    assert (tmp_path / "out.png").stat().st_size > 20_000


def test_a_picture_has_an_end(run: Run, tmp_path: Path) -> None:
    """A page is written line by line; a picture is drawn as a whole."""
    out = tmp_path / "out.svg"
    talk = session(Talk(), video=1, audio=MOST_LINES + 1, name=KEY)
    from tests.build import pcap  # noqa: PLC0415 - of one test

    file = tmp_path / "many.pcap"
    file.write_bytes(pcap(talk.frames))
    ran = run("read", "--svg", str(out), str(file))
    assert ran.status == 2
    assert f"at most {MOST_LINES} lines" in ran.errors
    assert not out.exists()
    assert run("read", "--html", str(tmp_path / "out.html"), str(file)).status == 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--html", "{x}", "--svg", "{x}"), 2, "need a file each"),
        (("--include-secrets",), 2, "goes with --html and --svg"),
        (("--html", "/dev/full"), 3, "/dev/full: no space left on device"),
        (("--svg", "/dev/full"), 3, "/dev/full: no space left on device"),
        (("--html", PUBLISH), 3, "is also an input"),
        (("--svg", "{x}/none/out.svg"), 3, "{x}/none/out.svg: "),
    ],
)
def test_what_cannot_be(run: Run, tmp_path: Path, arguments: tuple[str, ...], status: int, said: str) -> None:
    given = [argument.replace("{x}", str(tmp_path / "x")) for argument in arguments]
    ran = run("read", PUBLISH, *given)
    assert ran.status == status
    assert said.replace("{x}", str(tmp_path / "x")) in ran.errors
    assert list(tmp_path.iterdir()) == []
