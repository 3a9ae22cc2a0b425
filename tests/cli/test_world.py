"""The outside world: who decides about colors, how wide a terminal is, what goes where."""

from __future__ import annotations

import io
import os
import sys
from itertools import product

import pytest

from rtmpsniff.cli.world import ColorChoice, Exit, World, binary_output, wants_color, warn, world
from rtmpsniff.errors import OutputError, UserError

CHOICES: list[tuple[ColorChoice, bool, dict[str, str], bool]] = [
    ("always", False, {"NO_COLOR": "1", "TERM": "dumb"}, True),
    ("never", True, {"FORCE_COLOR": "1"}, False),
    ("auto", True, {}, True),
    ("auto", False, {}, False),
    ("auto", True, {"NO_COLOR": "1"}, False),
    ("auto", True, {"NO_COLOR": ""}, True),  # https://no-color.org: present and not empty
    ("auto", True, {"NO_COLOR": "0"}, False),
    ("auto", False, {"FORCE_COLOR": "1"}, True),
    ("auto", True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ("auto", True, {"TERM": "dumb"}, False),
    ("auto", True, {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
    ("auto", True, {"TERM": "xterm"}, True),
]


@pytest.mark.parametrize(("choice", "is_terminal", "environment", "colored"), CHOICES)
def test_who_decides_about_colors(
    choice: ColorChoice, is_terminal: bool, environment: dict[str, str], colored: bool
) -> None:
    assert wants_color(choice, is_terminal, environment) is colored


def test_an_option_beats_everything() -> None:
    for is_terminal, no_color, force in product([True, False], ["", "1"], ["", "1"]):
        environment = {"NO_COLOR": no_color, "FORCE_COLOR": force}
        assert wants_color("always", is_terminal, environment)
        assert not wants_color("never", is_terminal, environment)


def test_exit_statuses_are_those_of_the_documentation() -> None:
    documented = {"DONE": 0, "BAD_ANSWER": 1, "USAGE": 2, "INPUT_OUTPUT": 3, "INTERRUPTED": 130}
    assert {exit_.name: exit_.value for exit_ in Exit} == documented


def test_lines_end_where_they_should() -> None:
    output = io.StringIO()
    outside = World(output, False, None)
    outside.write("one")
    outside.write("two")
    assert output.getvalue() == "one\ntwo\n"


def test_a_warning_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    warn("something is odd")
    assert capsys.readouterr() == ("", "rtmpsniff: something is odd\n")


class Stream(io.TextIOWrapper):
    """A standard output in memory that is a terminal if it is told so."""

    is_terminal = False

    def isatty(self) -> bool:
        return self.is_terminal


def standard_output(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Stream:
    """Put a stream in the place of standard output."""
    made = Stream(io.BytesIO(), encoding="ascii")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", made)
    return made


def test_a_pipe_has_no_width_and_no_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = standard_output(monkeypatch)
    outside = world("auto")
    assert outside.output is stream
    assert (outside.width, outside.colored) == (None, False)
    assert not stream.line_buffering


def test_a_terminal_has_both(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = standard_output(monkeypatch, COLUMNS="132")
    stream.is_terminal = True
    outside = world("auto")
    assert (outside.width, outside.colored) == (132, True)
    assert stream.line_buffering


def test_a_pipe_that_is_watched_gets_each_line_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = standard_output(monkeypatch)
    world("auto", flush_lines=True)
    assert stream.line_buffering


def test_what_a_character_set_cannot_say_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = standard_output(monkeypatch)
    world("auto").write("Zürich \udcff 東")
    written = stream.detach()
    monkeypatch.undo()
    assert isinstance(written, io.BytesIO)
    assert written.getvalue() == rb"Z\xfcrich \udcff \u6771" + os.linesep.encode()


def test_standard_output_that_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    assert world("never").output is output


def test_bytes_go_to_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", output)
    assert binary_output("media") is output.buffer


def test_bytes_do_not_go_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(output, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", output)
    with pytest.raises(UserError, match="standard output is a terminal") as caught:
        binary_output("media")
    assert caught.value.exit_status == Exit.USAGE
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match="is closed"):
        binary_output("media")
