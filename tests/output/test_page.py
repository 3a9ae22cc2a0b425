"""A web page of what the terminal shows: its colors, nothing from outside, and captured text as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from rtmpsniff.fields import Role
from rtmpsniff.output.page import Page
from rtmpsniff.output.theme import ROLES, STYLES, Paint, css, painted

PAINT = Paint(colored=True)


class Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.shown = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.shown += data


def page(*lines: str, title: str = "a title") -> str:
    parts: list[str] = []
    made = Page(parts.append, title)
    for line in lines:
        made.line(line)
    made.end()
    return "".join(parts)


def test_the_text_is_what_was_shown_in_its_colors() -> None:
    text = page(f"plain {PAINT.role(Role.KEY, 'app')} behind", PAINT.style("error", "lost"))
    read = Reader(text)
    assert "plain app behind\nlost\n" in read.shown
    (first,) = [css(ROLES[Role.KEY])]
    (name,) = re.findall(r"<span class=(c\d+)>app</span>", text)
    assert f".{name}{{{first}}}" in text
    assert first.startswith("color:#")


def test_nothing_acts_and_nothing_comes_from_outside() -> None:
    text = page('<script>alert("1")</script> &amp; <img src=http://x.example/>', title="</title><script>")
    tags = [tag for tag, _ in Reader(text).tags]
    assert {"script", "img", "link", "iframe"} & set(tags) == set()
    assert "default-src 'none'" in text
    assert not [attrs for _, attrs in Reader(text).tags if {"src", "href"} & set(attrs)]
    assert "url(" not in text
    assert "@import" not in text


def test_every_color_has_its_rule() -> None:
    text = page()
    for code in {*ROLES.values(), *STYLES.values()}:
        assert f"{{{css(code)}}}" in text
        assert css(code)


def test_painted_runs() -> None:
    assert list(painted("a" + PAINT.style("error", "b") + "c")) == [("a", ""), ("b", STYLES["error"]), ("c", "")]
    assert list(painted("")) == []


def test_colors_of_the_palette() -> None:
    assert css("38;5;33") == "color:#0087ff"
    assert css("38;5;244") == "color:#808080"
    assert css("38;5;160;1") == "color:#d70000;font-weight:bold"
