"""The tree: names and values, nested, one line each, without what is only there for the bytes."""

from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.fields import Block, Field, Role
from rtmpsniff.output.theme import Paint
from rtmpsniff.output.tree import LONGEST, tree
from rtmpsniff.payload.bodies import decode
from rtmpsniff.text import columns_of
from tests import build
from tests.build import Date, Ecma, Reference, Typed
from tests.proportion import grows_gently

PLAIN = Paint(False)
SET_IN = 12 * " "


def tree_of(type_id: int, payload: bytes, full: bool = False) -> list[str]:
    """The tree, moved to the left as far as two columns: it is set in below the list's lines."""
    lines = list(tree(Block(0, payload, decode(type_id, payload).fields), PLAIN, full))
    assert all(line.startswith(SET_IN) for line in lines)
    return [line.removeprefix(SET_IN[2:]) for line in lines]


def test_a_command() -> None:
    payload = build.amf0("connect", 1, {"app": "live", "audioCodecs": 3191, "fpad": False}, None)
    assert tree_of(20, payload) == [
        '  command name: "connect"',
        "  transaction: 1",
        "  command object: object, 3 properties",
        '    app: "live"',
        "    audioCodecs: 3191 (pcm, adpcm, mp3, nellymoser_8k, nellymoser, aac, speex, 0x10)",
        "    fpad: false",
        "  argument 1: null",
    ]


def test_containers_within_containers() -> None:
    payload = build.amf0("f", 0, Typed("User", {"list": [1, [2]], "none": {}}), Ecma({"when": Date(0.0)}), Reference(0))
    assert tree_of(20, payload) == [
        '  command name: "f"',
        "  transaction: 0",
        '  command object: object of class "User", 2 properties',
        "    list: strict array, 2 elements",
        "      number: 1",
        "      strict array: strict array, 1 element",
        "        number: 2",
        "    none: object, 0 properties",
        "  argument 1: ECMA array, 1 entry claimed",
        "    when: 1970-01-01T00:00:00Z",
        "  argument 2: reference 0 (the object at byte 13)",
    ]


def test_bit_fields_and_media() -> None:
    assert tree_of(9, bytes.fromhex("17 01 000050 0000000165")) == [
        "  frame type: 1 key",
        "  codec id: 7 h264",
        "  packet type: 1 coded_frames",
        "  composition time: 80 ms",
        "  NAL unit: IDR slice, 1 byte",
    ]


@pytest.mark.parametrize(("full", "size"), [(False, LONGEST + 3), (True, 1002)])
def test_long_values_are_shortened_unless_asked(full: bool, size: int) -> None:
    line = tree_of(18, build.amf0("x" * 1000), full)[0]
    value = line.removeprefix("  handler name: ")
    assert len(value) == size
    assert value.endswith("...") is not full


def test_a_body_that_breaks_off() -> None:
    payload = build.amf0("connect", 1, {"app": "live"})[:-6]
    lines = tree_of(20, payload)
    assert lines[:3] == ['  command name: "connect"', "  transaction: 1", "  command object: object"]
    assert lines[-1] == "  unread: needs 4 bytes, has 1"


def test_a_key_without_a_value() -> None:
    lines = tree_of(20, build.amf0("f", 0) + b"\x03\x00\x03app")
    assert lines[2:] == ["  command object: object", "    app:"]


def test_long_names_are_shortened_unless_asked() -> None:
    payload = build.amf0("f", 0, {"k" * 1000: 1})
    assert tree_of(20, payload)[3] == f"    {'k' * LONGEST}...: 1"
    assert tree_of(20, payload, full=True)[3] == f"    {'k' * 1000}: 1"


def test_bytes_without_a_meaning_are_counted() -> None:
    """The random bytes of a handshake."""
    fields = (Field("random", 0, 1500, b"", "", Role.RANDOM), Field("random", 1500, 1501, b"", "", Role.RANDOM))
    lines = list(tree(Block(0, bytes(1501), fields), PLAIN))
    assert lines == [f"{SET_IN}random: 1 500 bytes", f"{SET_IN}random: 1 byte"]


@pytest.mark.parametrize(
    ("label", "lines"),
    [
        ("a word", ["name: a word"]),
        ("x" * 22, [f"name: {'x' * 22}"]),
        ("some words, more than fit", ["name: some words, more than", "      fit"]),
        ("x" * 45, [f"name: {'x' * 22}", f"      {'x' * 22}", "      x"]),
        ("", ["name: 3 bytes"]),
    ],
)
def test_long_values_are_folded_on_a_terminal(label: str, lines: list[str]) -> None:
    block = Block(0, bytes(3), (Field("name", 0, 3, None, label),))
    assert [line.removeprefix(SET_IN) for line in tree(block, PLAIN, width=40)] == lines
    assert len(list(tree(block, PLAIN))) == 1


def test_folding_ends_on_any_terminal() -> None:
    block = Block(0, bytes(3), (Field("name" * 20, 0, 3, None, "word " * 30),))
    for width in range(90):
        assert " ".join(" ".join(tree(block, PLAIN, width=width)).split()) == f"{'name' * 20}: {'word ' * 30}".strip()


def test_an_empty_key_can_be_seen() -> None:
    """An ECMA array may have entries without a name."""
    lines = tree_of(18, build.amf0("f") + b"\x08\0\0\0\1\0\0\x05\0\0\x09")
    assert lines[2] == '    "": null'


def test_names_are_dim_and_values_colored() -> None:
    field = Field("length", 0, 3, 7, "7 bytes", Role.LENGTH)
    paint = Paint(True)
    (line,) = tree(Block(0, bytes(3), (field,)), paint)
    assert line == f"{SET_IN}{paint.style('dim', 'length')}: {paint.role(Role.LENGTH, '7 bytes')}"


@given(st.sampled_from([18, 20, 4, 9, 255]), st.binary(max_size=80))
def test_any_body_gives_a_tree_that_is_safe_to_print(type_id: int, payload: bytes) -> None:
    lines = tree_of(type_id, payload)
    assert all(line.isprintable() and line.startswith("  ") for line in lines)
    assert bool(lines) == bool(payload) or type_id in {4, 18, 20}
    block = Block(0, payload, decode(type_id, payload).fields)
    colored = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in tree(block, Paint(True))]
    assert [line.removeprefix(SET_IN[2:]) for line in colored] == lines


@pytest.mark.parametrize("width", [60, 61, 80])
def test_wide_characters_take_two_columns(width: int) -> None:
    name = "とても長い名前です" * 12
    field = Field("argument 1", 0, 0, name, f'"{name}"', Role.TEXT)
    lines = list(tree(Block(0, b"", (field,)), PLAIN, width=width))
    assert all(width - 3 <= columns_of(line) <= width for line in lines[:-1])
    assert "".join(line.strip() for line in lines) == f'argument 1: "{name}"'


@pytest.mark.parametrize("char", ["a", "é", "世"])
def test_folding_takes_time_in_proportion(char: str) -> None:
    def measure(size: int) -> float:
        block = Block(0, b"", (Field("name", 0, 0, "", char * size, Role.TEXT),))
        before = process_time()
        assert len(list(tree(block, PLAIN, full=True, width=80))) > size // 80
        return process_time() - before

    assert grows_gently(measure, 20_000, 200_000, 20)
