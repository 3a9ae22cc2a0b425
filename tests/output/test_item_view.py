"""Items as lines: lists, trees, dumps, grids and JSON, on terminals of many widths."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from rtmpsniff import decode_chunks
from rtmpsniff.capture.pasted import read_text
from rtmpsniff.output.item_view import ItemView, Layout
from rtmpsniff.output.items import Item, event_item, sol_item, values_item
from rtmpsniff.output.theme import Paint
from rtmpsniff.payload.sequence import amf_values
from rtmpsniff.payload.sol import decode_sol
from rtmpsniff.text import columns_of
from tests.build import amf0
from tests.output.test_items import parts
from tests.payload.test_flv import FILE
from tests.payload.test_sol import AMF0 as SOL
from tests.rtmp.feeding import CLIENT_HELLO
from tests.rtmp.sequences import CONNECT, SEQUENCES

VALUES = amf0("a", {"b": 1})
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def view(layout: Layout = "chunks", width: int | None = None, *, colored: bool = False, full: bool = False) -> ItemView:
    return ItemView(layout, Paint(colored), width, full)


def chunked(data: bytes = CONNECT) -> list[Item]:
    return list(map(event_item, decode_chunks(data)))


def values() -> Item:
    return values_item(VALUES, "amf0", amf_values(VALUES, "amf0"))


def test_the_list_of_a_chunk_stream() -> None:
    lines = [line for item in chunked(CLIENT_HELLO + CONNECT) for line in view().list(item)]
    assert [line[:70] for line in lines] == [
        "               0        handshake                           1537  C0 C",
        "            1537        handshake                           1536  C2",
        "     1      3073     3  command            0          0      228  conn",
    ]


def test_the_columns_have_their_names() -> None:
    heading = view().heading()
    (line,) = view().list(chunked()[0])
    for name, value in (("csid", "3"), ("type", "command"), ("msid", "0"), ("timestamp", "0"), ("length", "228")):
        at = heading.index(name)
        column = line[at : at + len(name)].strip() or line[at + len(name) - 1]
        assert value.startswith(column) or value.endswith(column)


def test_the_list_of_a_file_has_no_chunk_streams() -> None:
    lines = [line for item in parts(FILE) for line in view("tags").list(item)]
    assert [line[:54] for line in lines[:3]] == [
        "               0  FLV header                       13 ",
        "     1        13  data                     0       37 ",
        "     2        65  video                    0      410 ",
    ]
    assert "csid" not in view("tags").heading()


def test_the_list_of_values() -> None:
    assert list(view("values").list(values())) == [
        '               0  string                 4  "a"',
        "               4  object                16  {b: 1}",
    ]
    first, second, *_ = view("values").list(sol_item(SOL, decode_sol(SOL)))
    assert first == '               0  local object          68  "notes", AMF0, 3 pairs'
    assert second == '     +        27  string                15  user: "carol"'


@pytest.mark.parametrize("width", [40, 60, 79, 80, 99, 100, 132, 200])
def test_lines_fit_the_terminal(width: int) -> None:
    for layout, found in (("chunks", chunked()), ("tags", parts(FILE)), ("values", [values()])):
        shown = view(layout, width)  # type: ignore[arg-type]
        for item in found:
            for line in shown.list(item):
                assert all(len(row) <= max(width, 56) for row in line.split("\n"))


def test_what_is_long_is_shortened_unless_asked() -> None:
    (item,) = chunked()
    narrow = next(iter(view(width=80).list(item)))
    assert narrow.endswith("...")
    assert "28983" in next(iter(view(width=80, full=True).list(item)))
    assert "28983" in next(iter(view().list(item)))


@pytest.mark.parametrize("width", [60, 61, 80, 81, 100, 132, 200])
@pytest.mark.parametrize("size", [10, 40, 100])
def test_wide_characters_fit_the_terminal(width: int, size: int) -> None:
    data = amf0("配" * size, 1)
    layouts: tuple[Layout, ...] = ("chunks", "tags", "values")
    for layout in layouts:
        shown = view(layout, width)
        item = replace(values_item(data, "amf0", amf_values(data, "amf0")), number=123456)
        for line in [*shown.list(item), *shown.tree(item), *list(shown.dump(item))[:3]]:
            assert all(columns_of(row) <= width for row in line.split("\n"))


@pytest.mark.parametrize("way", ["list", "tree", "dump"])
@pytest.mark.parametrize("width", [None, 80, 200])
def test_colors_change_nothing_but_colors(way: str, width: int | None) -> None:
    for item in (*chunked(CLIENT_HELLO + CONNECT), *parts(FILE)[:3], values(), sol_item(SOL, decode_sol(SOL))):
        plain = [line.rstrip() for line in getattr(view("chunks", width), way)(item)]
        colored = [ESCAPE.sub("", line).rstrip() for line in getattr(view("chunks", width, colored=True), way)(item)]
        assert colored == plain


def test_a_title_stands_above_a_dump() -> None:
    first, second, third, *_, last = view().dump(chunked()[0])
    assert first.startswith('#1  command_amf0  connect(1) app="SOSample"')
    assert second == "    chunk stream 3, message stream 0, timestamp 0; 228 bytes in 2 chunks, offset 0"
    assert third.startswith("       0  03    ")
    assert last == ""


def test_a_long_title_is_wrapped() -> None:
    lines = list(view(width=60).dump(chunked()[0]))
    head = lines[: next(number for number, line in enumerate(lines) if line.startswith("       0  03"))]
    assert len(head) > 3
    assert all(len(line) <= 60 for line in head)
    assert head[-1] == "    228 bytes in 2 chunks, offset 0"


@pytest.mark.parametrize("width", [None, 60, 80, 200])
@pytest.mark.parametrize("way", ["dump", "grid"])
@pytest.mark.parametrize("name", SEQUENCES)
def test_dumps_can_be_pasted_back(name: str, way: str, width: int | None) -> None:
    data = SEQUENCES[name].data
    shown = view(width=width, full=True)
    text = "\n".join(line for item in chunked(data) for line in getattr(shown, way)(item))
    pasted = read_text(text)
    assert (pasted.data, pasted.left_out) == (data, 0)


@pytest.mark.parametrize("way", ["dump", "grid"])
def test_those_of_files_too(way: str) -> None:
    flv = "\n".join(line for item in parts(FILE) for line in getattr(view("tags", full=True), way)(item))
    assert read_text(flv).data == FILE
    sol = "\n".join(getattr(view("values", full=True), way)(sol_item(SOL, decode_sol(SOL))))
    assert read_text(sol).data == SOL


def test_a_tree_stands_below_its_line() -> None:
    first, *others = view().tree(chunked()[0])
    assert first == next(iter(view().list(chunked()[0])))
    assert '              app: "SOSample"' in others
    assert list(view("values").tree(values())) == [
        '            string: "a"',
        "            object: object, 1 property",
        "              b: 1",
    ]


def test_json() -> None:
    shown = view()
    (line,) = shown.json(chunked()[0])
    record = json.loads(line)
    assert (record["record"], record["type"], record["body"]["name"]) == ("message", "command_amf0", "connect")
    assert [json.loads(line) for line in shown.json(values())] == ["a", {"b": 1}]
    assert [json.loads(line)["record"] for line in shown.json(sol_item(SOL, decode_sol(SOL)))] == ["sol", *["pair"] * 3]


def test_json_is_one_line_each_and_safe() -> None:
    data = amf0("\x1b[2J\u202e\n\u2028")
    for line in view().json(values_item(data, "amf0", amf_values(data, "amf0"))):
        assert line.isprintable()
