"""README and CONTRIBUTING: what they show is what the program does, and what they name is there."""

from __future__ import annotations

import re
import shlex
from contextlib import chdir, redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from rtmpsniff.cli import COMMANDS, cli
from tests.picture import PICTURES, draw

if TYPE_CHECKING:
    from tests.conftest import Run

HOME = Path(__file__).parents[1]
README = (HOME / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (HOME / "CONTRIBUTING.md").read_text(encoding="utf-8")

# "`rtmpsniff ...` says this:", and what it says.
SHOWN = re.findall(r"`(rtmpsniff [^`]+)`[^`\n]*:\n\n```\n(.*?)```", README, re.DOTALL)
LINES = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
ON_CAPTURES = [line for line in LINES if line.startswith("rtmpsniff ") and "captures/" in line]
CODE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+|(?<=`)-[a-zA-Z](?=[` ])")


def first_of(line: str) -> list[str]:
    """The arguments of the first program in a line of shell, without a comment and the pipe behind it."""
    words = shlex.split(line, comments=True)
    return words[1 : words.index("|") if "|" in words else None]


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


def options() -> set[str]:
    every = [cli, *map(command, COMMANDS)]
    return {option for one in every for parameter in one.params for option in parameter.opts} | {"-h", "--help"}


def test_something_is_shown() -> None:
    assert len(SHOWN) >= 2
    assert len(ON_CAPTURES) >= 5
    assert CODE


@pytest.mark.parametrize(("line", "text"), SHOWN)
def test_what_is_shown_is_what_the_command_says(run: Run, line: str, text: str) -> None:
    with chdir(HOME):
        ran = run(*first_of(line))
    assert (ran.status, ran.errors) == (0, "")
    lines = iter(ran.output.splitlines())
    for shown in text.splitlines():
        start = shown.removesuffix("...")
        assert any(one.startswith(start) if start != shown else one == shown for one in lines), shown


@pytest.mark.parametrize("line", ON_CAPTURES)
def test_examples_on_captures_work(run: Run, line: str, tmp_path: Path) -> None:
    (tmp_path / "captures").symlink_to(HOME / "captures")
    arguments = first_of(line)
    if arguments[-2:] == ["-o", "-"]:
        arguments[-1] = "piped"  # standard output is no file here
    with chdir(tmp_path):
        ran = run(*arguments)
    assert (ran.status, ran.errors) == (0, "")
    assert ran.output or (tmp_path / arguments[-1]).exists()


@pytest.mark.parametrize("line", [line for line in LINES if re.match(r"(?:sudo )?rtmpsniff ", line)])
def test_options_in_examples_are_those_of_their_command(line: str) -> None:
    name, *arguments = first_of(line.removeprefix("sudo "))
    known = {option for parameter in command(name).params for option in parameter.opts}
    assert {one for one in arguments if re.fullmatch(r"--?[a-zA-Z][a-z-]*", one)} <= known


def test_options_that_are_named_are_there() -> None:
    named = set(OPTION.findall(re.sub(r"```(?:sh|python).*?```", "", README, flags=re.DOTALL)))
    others = {"--tls-keylog", "--inject-secrets", "--large"}  # of node, editcap and a benchmark
    assert named - others <= options()
    assert len(named) > 30


def test_every_command_has_its_row() -> None:
    assert set(re.findall(r"^\| `rtmpsniff (\w+)", README, re.MULTILINE)) == set(COMMANDS)


def test_the_library_does_what_its_example_says() -> None:
    output = StringIO()
    with chdir(HOME), redirect_stdout(output):
        for code in CODE:
            exec(compile(code, "README.md", "exec"), {})
    assert "onStatus" in output.getvalue()


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_what_the_program_draws(name: str) -> None:
    with chdir(HOME):
        assert (HOME / name).read_text(encoding="utf-8") == draw(PICTURES[name])
    assert f"]({name})" in README


def test_places_that_a_contributor_is_sent_to_are_there() -> None:
    places = re.findall(r"`([\w/]+)\.py:\s([A-Za-z_]+)(?:\.(\w+))?[`,]", CONTRIBUTING)
    assert len(places) > 10
    for path, name, attribute in places:
        module = import_module(f"rtmpsniff.{path.removesuffix('/__init__').replace('/', '.')}")
        thing = getattr(module, name)
        assert not attribute or hasattr(thing, attribute)


def test_files_that_are_named_are_there() -> None:
    for text in (README, CONTRIBUTING):
        for name in re.findall(r"\b(?:captures|tests|\.ci)/[\w./-]*\w", text):
            assert (HOME / name).exists(), name
