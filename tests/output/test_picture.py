"""The picture of a dump: what the terminal shows, in its colors, and nothing from outside."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from rtmpsniff.fields import Role
from rtmpsniff.output.picture import svg
from rtmpsniff.output.theme import Paint

PAINT = Paint(colored=True)
SVG = "{http://www.w3.org/2000/svg}"


def words(picture: str) -> list[tuple[str, str | None, float]]:
    """The words of a picture below its title: text, color, column."""
    texts = list(ET.fromstring(picture).iter(f"{SVG}text"))[1:]
    return [(text.text or "", text.get("fill"), float(text.get("x", "0"))) for text in texts]


def test_each_word_stands_in_its_column_and_color() -> None:
    picture = svg([f"  ab  {PAINT.role(Role.KEY, 'key one')}   c"], "a title")
    (first, _, at), (second, color, beside), (third, _, behind) = words(picture)
    assert (first, second, third) == ("ab", "key one", "c")
    assert color is not None
    assert color.startswith("#")
    width = (beside - at) / 4
    assert abs((behind - beside) - 10 * width) < 0.5


def test_nothing_comes_from_outside_and_markup_is_text() -> None:
    picture = svg(["<script>alert(1)</script> & more"], "<b>")
    assert [word for word, _, _ in words(picture)] == ["<script>alert(1)</script> & more"]
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in picture


def test_a_picture_of_nothing() -> None:
    assert words(svg([], "")) == []
