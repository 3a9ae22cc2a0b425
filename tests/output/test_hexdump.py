"""The dump and the grid: every byte once and in wire order, meanings beside them, whatever the fields are.

The bytes are read back from the page by patterns that know no more than a person sees: an address, then pairs of hex
digits, then at least two spaces. Blocks are drawn at random; a table of small ones shows what their lines look like.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.api import events
from rtmpsniff.fields import Block, Field, Inset, Role
from rtmpsniff.output.hexdump import Shape, dump, grid, shape
from rtmpsniff.output.theme import Paint
from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.types import TYPE_NAMES
from rtmpsniff.rtmp.describe import describe
from rtmpsniff.text import columns_of, decode_text, quoted
from tests import build
from tests.proportion import grows_gently

PLAIN, COLORED = Paint(False), Paint(True)
WIDTHS = (None, 60, 80, 100, 130, 200)
TERMINALS = [width for width in WIDTHS if width is not None and width >= 80]
CAPTURES = sorted(Path(__file__).parents[2].glob("captures/*.pcap*"))

ESCAPE_CODE = re.compile(r"\x1b\[[0-9;]*m")
DUMP_ROW = re.compile(r" *(\d+)  +((?:[0-9a-f]{2} )*[0-9a-f]{2})(?=  |$)")
GRID_ROW = re.compile(r" *(\d+)((?:[ \[\]]{1,2}[0-9a-f]{2}){1,16})")
MORE = re.compile(r" *\.\.\. ([\d ]+?) bytes? more(?:, with (\d+) (.+?)s? among them)?$")
NEVER_CAPTURED = re.compile(r" *(\d+)  +([\d ]+?) bytes? never captured")

Bytes = list[tuple[int, int]]  # address and value


def bare(line: str) -> str:
    return ESCAPE_CODE.sub("", line)


def bytes_of_dump(lines: Sequence[str]) -> Bytes:
    """Every byte on the page, with its address."""
    found: Bytes = []
    for line in lines:
        row = DUMP_ROW.match(line)
        if row is not None:
            address = int(row[1])
            found += enumerate(bytes.fromhex(row[2]), address)
    return found


def bytes_of_grid(lines: Sequence[str]) -> Bytes:
    found: Bytes = []
    for line in lines:
        row = GRID_ROW.match(line)
        if row is not None:
            data = bytes.fromhex(row[2].replace("[", " ").replace("]", " "))
            assert line.endswith(" " + "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data))
            found += enumerate(data, int(row[1]))
    return found


def bytes_of_block(block: Block) -> Bytes:
    """What should be on the page: insets before the bytes at their position, nothing that was never captured."""
    found: Bytes = []
    insets = list(block.insets)
    for position in range(len(block.data) + 1):
        while insets and insets[0].position <= position:
            inset = insets.pop(0)
            found += enumerate(inset.data, inset.address)
        missing = any(start <= position < stop for start, stop in block.missing)
        if position < len(block.data) and not missing:
            found.append((block.address_of(position), block.data[position]))
    return found


# Blocks at random

PLAIN_ROLES = [role for role in Role if role not in {Role.GROUP, Role.PAIR}]
names = st.sampled_from(["key", "number", "message stream id", "x"])
labels = st.sampled_from(["", "0", "4096 bytes", '"rtmp://localhost/live"', "a long label of several words" * 4])
plain_roles = st.sampled_from(PLAIN_ROLES)


@st.composite
def trees(draw: st.DrawFn, start: int, stop: int, depth: int = 0) -> tuple[Field, ...]:
    """Fields that lie side by side from `start` to `stop`."""
    fields: list[Field] = []
    while start < stop:
        if draw(st.integers(0, 9)) == 0:
            fields.append(Field("nothing", start, start, None, draw(labels), draw(plain_roles)))
        end = draw(st.integers(start + 1, min(stop, start + draw(st.sampled_from([1, 3, 20, 120])))))
        fields += draw(one_field(start, end, depth))
        start = end
    return tuple(fields)


@st.composite
def one_field(draw: st.DrawFn, start: int, stop: int, depth: int) -> list[Field]:
    name, label = draw(names), draw(labels)
    kind = draw(st.sampled_from(["leaf", "runs", "group", "pair"] if depth < 9 else ["leaf", "runs"]))
    if stop - start <= 6 and draw(st.booleans()):
        return draw(bit_fields(start, stop))
    if kind == "pair":
        return [Field(name, start, stop, None, label, Role.PAIR, 0, draw(trees(start, stop, depth + 1)))]
    if kind == "group":
        own = draw(st.integers(start, stop))
        marker = Field("marker", start, own, None, "", Role.MARKER, inline=True)
        children = draw(trees(own, stop, depth + 1))
        return [Field(name, start, stop, None, label, Role.GROUP, 0, (marker, *children) if own > start else children)]
    runs: tuple[Field, ...] = ()
    if kind == "runs":
        edge = draw(st.integers(start, stop))
        spans = [(Role.PREFIX, start, edge), (draw(st.sampled_from([Role.TEXT, Role.KEY, Role.NUMBER])), edge, stop)]
        runs = tuple(Field("run", a, b, None, "", role, inline=True) for role, a, b in spans if a < b)
    return [Field(name, start, stop, None, label, draw(plain_roles), 0, runs)]


@st.composite
def bit_fields(draw: st.DrawFn, start: int, stop: int) -> list[Field]:
    """Fields that share bytes: they fill the span bit by bit."""
    inside = st.integers(8 * start + 1, 8 * stop - 1)
    edges = [8 * start, *sorted(draw(st.sets(inside, max_size=5))), 8 * stop]
    fields = []
    for begin, end in pairwise(edges):
        first, last = begin // 8, -(-end // 8)
        mask = (1 << end - begin) - 1 << 8 * last - end
        whole = begin % 8 == end % 8 == 0
        fields.append(Field("bits", first, last, None, "1 key", Role.MEDIA_HEADER, 0 if whole else mask))
    return fields


@st.composite
def spans(draw: st.DrawFn, size: int) -> tuple[tuple[int, int], ...]:
    edges = sorted(draw(st.sets(st.integers(0, size), max_size=4)))
    return tuple((a, b) for a, b in zip(edges[::2], edges[1::2], strict=False))


@st.composite
def blocks(draw: st.DrawFn, *, holes: bool = True) -> Block:
    size = draw(st.sampled_from([0, 1, 16, 17, 80, 300]))
    data = draw(st.binary(min_size=size, max_size=size))
    insets: list[Inset] = []
    address = start = draw(st.sampled_from([0, 3073, 12_345_678]))
    for position in sorted(draw(st.lists(st.integers(0, size), max_size=5))):
        header = draw(st.binary(max_size=18))  # empty: a hole took it
        address += position - (insets[-1].position if insets else 0) + draw(st.sampled_from([0, 0, 500]))
        fields = (Field("chunk header", 0, len(header), None, "goes on", Role.BASIC_HEADER),) if header else ()
        insets.append(Inset(position, address, header, fields))
        address += len(header)
    missing = draw(spans(size)) if holes else ()
    cleared = bytearray(data)
    for a, b in missing:
        cleared[a:b] = bytes(b - a)
    return Block(start, bytes(cleared), draw(trees(0, size)), tuple(insets), missing)


forms = st.sampled_from(WIDTHS).map(shape)


@given(blocks(), forms)
def test_every_byte_once_and_in_wire_order(block: Block, form: Shape) -> None:
    assert bytes_of_dump(list(dump(block, PLAIN, form, full=True))) == bytes_of_block(block)


@given(blocks())
def test_every_byte_once_and_in_wire_order_in_the_grid(block: Block) -> None:
    assert bytes_of_grid(list(grid(block, PLAIN, full=True))) == bytes_of_block(block)


@given(blocks(), forms)
def test_shortened_is_a_part_that_says_how_much_it_leaves_out(block: Block, form: Shape) -> None:
    lines = list(dump(block, PLAIN, form))
    whole, shown = bytes_of_block(block), bytes_of_dump(lines)
    rest = iter(whole)
    assert all(byte in rest for byte in shown)  # in the same order
    left_out = [match for match in map(MORE.match, lines) if match]
    insets = sum(int(match[2] or 0) for match in left_out)
    headers = [inset.data for inset in block.insets]
    in_headers = sum(len(data) for data in headers) if insets == len(headers) else 0
    if insets in {0, len(headers)} and not block.missing:
        assert len(shown) + _sum(left_out) + in_headers == len(whole)


def _sum(matches: Sequence[re.Match[str]]) -> int:
    return sum(int(match[1].replace(" ", "")) for match in matches)


@given(blocks(), forms, st.booleans())
def test_without_its_colors_a_dump_is_the_plain_one(block: Block, form: Shape, full: bool) -> None:
    plain = list(dump(block, PLAIN, form, full))
    assert "\x1b" not in "".join(plain)
    assert [bare(line) for line in dump(block, COLORED, form, full)] == plain


@given(blocks(), st.booleans())
def test_without_its_colors_a_grid_is_the_plain_one_but_for_the_brackets(block: Block, full: bool) -> None:
    plain, colored = list(grid(block, PLAIN, full)), list(grid(block, COLORED, full))
    assert "\x1b" not in "".join(plain)
    assert bytes_of_grid([bare(line) for line in colored]) == bytes_of_grid(plain)
    brackets = str.maketrans("[]", "  ")
    assert [bare(line).translate(brackets) for line in colored] == [line.translate(brackets) for line in plain]


@given(blocks(), st.sampled_from(TERMINALS), st.booleans())
def test_no_line_is_longer_than_the_terminal(block: Block, width: int, full: bool) -> None:
    assert [line for line in dump(block, PLAIN, shape(width), full) if len(line) > width] == []
    assert [line for line in grid(block, PLAIN, full) if len(line) > width] == []


@pytest.mark.parametrize("width", TERMINALS)
@pytest.mark.parametrize("size", [10, 11, 12, 20, 30, 60])
def test_wide_characters_stay_on_the_terminal(width: int, size: int) -> None:
    label = "配信" * size
    block = Block(0, bytes(2), (Field("name", 0, 2, label, label, Role.NUMBER),))
    assert [line for line in dump(block, PLAIN, shape(width)) if columns_of(line) > width] == []


@pytest.mark.parametrize("width", TERMINALS)
@pytest.mark.parametrize("depth", [3, 9, 60])
def test_deep_nesting_stays_on_the_terminal(depth: int, width: int) -> None:
    value: object = "some text"
    for _ in range(depth):
        value = {"key": value}
    body = build.amf0("f", 0, value)
    block = Block(0, body, decode(20, body).fields)
    assert [line for line in dump(block, PLAIN, shape(width)) if len(line) > width] == []


@given(blocks(), forms, st.booleans())
def test_lines_hold_nothing_that_acts_on_a_terminal(block: Block, form: Shape, full: bool) -> None:
    lines = list(dump(block, PLAIN, form, full))
    assert [line for line in lines if line != line.rstrip()] == []
    assert all(line.isprintable() for line in [*lines, *grid(block, PLAIN, full)])


@given(blocks(holes=False), forms)
def test_labels_are_shown_whole(block: Block, form: Shape) -> None:
    """Wrapped or not: but for spaces at the ends of rows all of a label stands there."""
    page = "".join("".join(line.split()) for line in dump(block, PLAIN, form, full=True))
    assert all(label in page for label in ("".join(word.split()) for word in _leading_words(block.fields)))


def _leading_words(fields: Sequence[Field]) -> Iterator[str]:
    """Names of the lines, which are never cut."""
    for field in fields:
        if not field.inline and field.role is not Role.PAIR:
            yield field.name
        yield from _leading_words([child for child in field.children if not child.inline])


# Real messages, and wrong ones


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_every_byte_of_every_message_of_a_capture(path: Path) -> None:
    for event in events(path):
        block = describe(event)
        if block is not None:
            wanted = bytes_of_block(block)
            assert bytes_of_dump(list(dump(block, PLAIN, shape(80), full=True))) == wanted
            assert bytes_of_grid(list(grid(block, PLAIN, full=True))) == wanted


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_no_line_of_a_capture_is_longer_than_the_terminal(path: Path) -> None:
    described = [block for block in map(describe, events(path)) if block is not None]
    for width in TERMINALS:
        form = shape(width)
        assert [line for block in described for line in dump(block, PLAIN, form) if len(line) > width] == []


type_ids = st.sampled_from([*TYPE_NAMES, 7, 255])
SAMPLE = build.amf0(
    "connect", 1, {"app": "live", "deep": {"list": [1, True, None]}}, build.Ecma({"a": 1}), build.Date(0)
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Any bytes, or good ones that were cut short and changed in a place."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=60))
    body = bytearray(SAMPLE[: draw(st.integers(0, len(SAMPLE)))])
    if body:
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body)


@given(type_ids, bodies(), forms)
def test_every_byte_of_any_body(type_id: int, body: bytes, form: Shape) -> None:
    block = Block(0, body, decode(type_id, body).fields)
    assert bytes_of_dump(list(dump(block, PLAIN, form, full=True))) == bytes_of_block(block)
    assert bytes_of_grid(list(grid(block, PLAIN, full=True))) == bytes_of_block(block)
    assert all(line.isprintable() for line in dump(block, PLAIN, form))


def seconds_to_write(values: int) -> float:
    """How long the dump and the grid of so many numbers take that came in chunks of one byte each."""
    fields = tuple(Field("number", 9 * at, 9 * at + 9, 0.0, "0") for at in range(values))
    block = Block(0, bytes(9 * values), fields, tuple(header(at, 2 * at) for at in range(9 * values)))
    best = 1e9
    for _ in range(2):
        began = time.process_time()
        for written in (dump(block, PLAIN, shape(80)), grid(block, PLAIN)):
            deque(written, maxlen=0)
        best = min(best, time.process_time() - began)
    return best


def test_time_is_in_proportion_to_the_message() -> None:
    """Four times as many chunks and values take four times as long, or so, and not sixteen times."""
    assert grows_gently(seconds_to_write, 1000, 4000, 8)


# Text beside its bytes

captured = st.text(min_size=1, max_size=80) | st.binary(min_size=1, max_size=80).map(decode_text)


def string_field(text: str) -> tuple[bytes, Field]:
    raw = text.encode("utf-8", "surrogateescape")
    data = b"\x02" + len(raw).to_bytes(2, "big") + raw
    runs = (
        Field("marker", 0, 1, 2, "string", Role.MARKER, inline=True),
        Field("length", 1, 3, len(raw), str(len(raw)), Role.PREFIX, inline=True),
        Field("text", 3, len(data), text, quoted(text), Role.TEXT, inline=True),
    )
    return data, Field("string", 0, len(data), text, quoted(text), Role.TEXT, 0, runs)


def header(position: int, address: int) -> Inset:
    fields = (Field("chunk header", 0, 1, None, "format 3", Role.BASIC_HEADER),)
    return Inset(position, address, b"\xc3", fields)


def text_beside(lines: Sequence[str]) -> str:
    """What stands in the last column, rows joined, without the rows of insets."""
    parts = []
    for line in lines:
        if "chunk header" not in line:
            row = DUMP_ROW.match(line)
            parts.append((line[row.end() :] if row else line).strip().removeprefix("string").strip())
    return "".join(parts)


@given(captured, st.sampled_from([None, 200]), st.lists(st.integers(0, 83), max_size=3))
def test_text_flows_across_rows_and_insets(text: str, width: int | None, places: list[int]) -> None:
    """However its bytes are cut up, the pieces are the text as it is quoted in one piece."""
    data, field = string_field(text.replace(" ", "_"))
    positions = sorted({place for place in places if place < len(data)})
    insets = tuple(header(position, position + number) for number, position in enumerate(positions))
    lines = list(dump(Block(0, data, (field,), insets), PLAIN, shape(width), full=True))
    assert text_beside(lines) == field.label


def test_the_famous_header_amid_a_key() -> None:
    raw = b"\x00\x0ccapabilities"
    runs = (
        Field("length", 0, 2, 12, "12", Role.PREFIX, inline=True),
        Field("text", 2, 14, "capabilities", '"capabilities"', Role.KEY, inline=True),
    )
    key = Field("key", 0, 14, "capabilities", '"capabilities"', Role.KEY, 0, runs)
    lines = list(dump(Block(3200, raw, (key,), (header(13, 3213),)), PLAIN, shape(None)))
    assert [line.split(None, 1) for line in lines] == [
        ["3200", lines[0].split(None, 1)[1]],
        ["3213", lines[1].split(None, 1)[1]],
        ["3214", lines[2].split(None, 1)[1]],
    ]
    assert lines[0].endswith('"capabilitie')
    assert lines[1].endswith("format 3")
    assert lines[2].endswith('  s"')
    assert lines[0].index('"') == lines[2].index("s")  # it goes on below where it began


# One line a field


def lines_of(data: bytes, *fields: Field, missing: tuple[tuple[int, int], ...] = (), full: bool = False) -> list[str]:
    return list(dump(Block(0, data, fields, (), missing), PLAIN, shape(None), full))


def words(line: str) -> list[str]:
    """The parts of a line that at least two spaces set apart."""
    return re.split(r"  +", line.strip())


def test_a_line_is_address_bytes_name_and_meaning() -> None:
    (line,) = lines_of(b"\0\x10\0", Field("length", 0, 3, 4096, "4096 bytes", Role.LENGTH))
    assert words(line) == ["0", "00 10 00", "length", "4096 bytes"]


def test_nesting_is_indentation_of_bytes_and_names() -> None:
    child = Field("number", 1, 2, 1, "1")
    outer, inner = lines_of(b"\x03\x01", Field("argument 1", 0, 2, None, "object", Role.GROUP, 0, (child,)))
    assert words(outer) == ["0", "03", "argument 1", "object"]
    assert words(inner) == ["1", "01", "number", "1"]
    assert inner.index("01") == outer.index("03") + 2
    assert inner.index("number") == outer.index("argument 1") + 2


def test_a_pair_is_no_line_of_its_own() -> None:
    key, value = Field("key", 0, 1, "a", '"a"', Role.KEY), Field("number", 1, 2, 7, "7")
    first, second = lines_of(b"a\x07", Field("property", 0, 2, "a", "a", Role.PAIR, 0, (key, value)))
    assert words(first) == ["0", "61", "key", '"a"']
    assert words(second) == ["1", "07", "number", "7"]
    assert first.index("61") == second.index("07")


def test_bit_fields_show_their_bits_and_the_byte_once() -> None:
    fields = [
        Field("frame type", 0, 1, 1, "1 key", Role.MEDIA_HEADER, 0xF0),
        Field("codec id", 0, 1, 7, "7 h264", Role.MEDIA_HEADER, 0x0F),
        Field("codec id", 1, 2, 7, "7 h264", Role.MEDIA_HEADER, 0x0F),
    ]
    first, second, third = lines_of(b"\x17\x27", *fields)
    assert words(first) == ["0", "17", "0001 ....", "frame type", "1 key"]
    assert words(second) == [".... 0111", "codec id", "7 h264"]
    assert words(third) == ["1", "27", ".... 0111", "codec id", "7 h264"]
    assert first.index("....") == second.index("0111")


def test_bits_of_several_bytes_stand_under_these_bytes() -> None:
    fields = [
        Field("object type", 0, 1, 2, "2 LC", Role.MEDIA_HEADER, 0xF8),
        Field("rate", 0, 2, 4, "4", Role.MEDIA_HEADER, 0x0780),
        Field("channels", 1, 2, 2, "2", Role.MEDIA_HEADER, 0x78),
        Field("escape", 1, 4, 1, "1", Role.MEDIA_HEADER, 0x07FFFF),
    ]
    data = b"\x12\x11\x80\x01"
    one, two, three, four = lines_of(data, *fields)
    assert words(one) == ["0", "12", "0001 0...", "object type", "2 LC"]
    assert words(two) == ["1", "11", ".... .010 0... ....", "rate", "4"]
    assert words(three) == [".001 0...", "channels", "2"]
    assert words(four) == ["2", "80 01", ".... .001 1000 0000 0000 0001", "escape", "1"]
    assert one.index("12") + 3 == two.index("11")
    narrow = list(dump(Block(0, data, tuple(fields)), PLAIN, shape(60)))
    assert words(narrow[3]) == ["2", "80 01", "escape", "1"]
    assert words(next(grid(Block(0, data, tuple(fields)), PLAIN)))[:2] == ["0", "12 11 80 01"]


def test_bits_go_on_behind_an_inset() -> None:
    inset = Inset(1, 1, b"\xc4", (Field("chunk header", 0, 1, None, "fmt 3", Role.BASIC_HEADER),))
    fields = (
        Field("rate", 0, 2, 4, "4", Role.MEDIA_HEADER, 0xFFF0),
        Field("channels", 1, 2, 2, "2", Role.MEDIA_HEADER, 0x0F),
    )
    first, header, second, third = dump(Block(0, b"\x12\x34", fields, (inset,)), PLAIN, shape(None))
    assert words(first) == ["0", "12", "0001 0010 0011 ....", "rate", "4"]
    assert words(header) == ["1", "c4", "chunk header", "fmt 3"]
    assert words(second) == ["2", "34"]
    assert words(third) == [".... 0100", "channels", "2"]


def test_a_field_without_bytes_is_a_line_without_bytes() -> None:
    (line,) = lines_of(b"", Field("value", 0, 0, None, "nothing"))
    assert words(line) == ["value", "nothing"]


@pytest.mark.parametrize(("size", "more"), [(16, 0), (48, 0), (49, 17), (1000, 968), (5000, 4968)])
def test_media_is_shown_as_two_rows_unless_hardly_more_is_left(size: int, more: int) -> None:
    field = Field("payload", 0, size, None, f"{size} bytes", Role.MEDIA)
    lines = lines_of(bytes(size), field)
    assert len(bytes_of_dump(lines)) == size - more
    assert [_sum([match]) for match in map(MORE.match, lines) if match] == ([more] if more else [])
    assert len(bytes_of_dump(lines_of(bytes(size), field, full=True))) == size


def test_long_values_are_shown_much_further_than_media() -> None:
    data, field = string_field("x" * 200)
    assert len(bytes_of_dump(lines_of(data, field))) == len(data)
    data, field = string_field("x" * 2000)
    assert 200 < len(bytes_of_dump(lines_of(data, field))) < len(data)


def test_what_is_left_out_is_said_with_the_insets_in_it() -> None:
    field = Field("payload", 0, 300, None, "300 bytes", Role.MEDIA)
    insets = (header(0, 0), header(128, 129), header(256, 258))
    block = Block(0, bytes(300), (field,), insets)
    (dumped,) = [match for match in map(MORE.match, dump(block, PLAIN, shape(None))) if match]
    assert (dumped[1], dumped[2], dumped[3]) == ("268", "2", "chunk header")
    (gridded,) = [match for match in map(MORE.match, grid(block, PLAIN)) if match]
    assert (gridded[2], gridded[3]) == ("2", "chunk header")
    assert _sum([gridded]) == 300 - (len(bytes_of_grid(list(grid(block, PLAIN)))) - 1)


def test_what_is_left_out_is_said_with_what_is_missing_of_it() -> None:
    field = Field("payload", 0, 1000, None, "1000 bytes", Role.MEDIA)
    block = Block(0, bytes(1000), (field,), (), ((500, 700),))
    for lines in (list(dump(block, PLAIN, shape(None))), list(grid(block, PLAIN))):
        assert [line for line in lines if "more" in line and "200" in line and "missing" in line]


# Bytes that were never captured


def test_missing_bytes_are_counted_and_not_shown() -> None:
    field = Field("payload", 0, 40, None, "40 bytes", Role.MEDIA)
    lines = lines_of(bytes(range(40)), field, missing=((4, 30),), full=True)
    assert [address for address, _ in bytes_of_dump(lines)] == [*range(4), *range(30, 40)]
    assert [(match[1], match[2]) for match in map(NEVER_CAPTURED.match, lines) if match] == [("4", "26")]


def test_missing_bytes_of_the_grid_are_counted_and_not_shown() -> None:
    field = Field("payload", 0, 40, None, "40 bytes", Role.MEDIA)
    lines = list(grid(Block(0, bytes(range(40)), (field,), (), ((4, 30),)), PLAIN, full=True))
    assert [address for address, _ in bytes_of_grid(lines)] == [*range(4), *range(30, 40)]
    assert "26 bytes never captured" in "\n".join(lines)


MISSING_VALUES = [
    ("a number", Field("width", 0, 9, 0.0, "0.0")),
    ("bits", Field("codec id", 0, 1, 0, "0 unknown", Role.MEDIA_HEADER, 0x0F)),
    ("a string", Field("string", 0, 9, "\0" * 6, r'"\0\0\0\0\0\0"', Role.TEXT)),
]


@pytest.mark.parametrize("field", [case[1] for case in MISSING_VALUES], ids=[case[0] for case in MISSING_VALUES])
def test_a_value_that_was_never_captured_is_not_invented(field: Field) -> None:
    (line,) = lines_of(bytes(field.stop), field, missing=((0, field.stop),))
    assert "never captured" in line
    assert bytes_of_dump([line]) == []
    assert field.label not in line


# Colors


def test_bytes_have_the_color_of_what_they_are() -> None:
    data, field = string_field("live")
    (line,) = dump(Block(0, data, (field,)), COLORED, shape(None))
    for role, text in [(Role.MARKER, "02"), (Role.PREFIX, "00 04"), (Role.TEXT, "6c 69 76 65"), (Role.TEXT, '"live"')]:
        assert COLORED.role(role, text) in line


def test_the_grid_has_the_same_colors() -> None:
    data, field = string_field("live")
    (line,) = grid(Block(0, data, (field,)), COLORED)
    for role, text in [(Role.MARKER, "02"), (Role.PREFIX, "04"), (Role.TEXT, "6c"), (Role.TEXT, "l")]:
        assert COLORED.role(role, text) in line


def test_insets_of_the_grid_stand_in_brackets() -> None:
    field = Field("payload", 0, 20, None, "20 bytes", Role.MEDIA)
    block = Block(0, bytes(20), (field,), (header(0, 0), header(5, 6)))
    first, second = grid(block, PLAIN)
    assert "[c3]00 00 00 00 00[c3]00 " in first
    assert "[" not in second


def test_a_header_that_a_hole_took_is_none_among_the_bytes_left_out() -> None:
    field = Field("payload", 0, 400, None, "400 bytes", Role.MEDIA)
    lost = Inset(128, 137, b"", ())
    for insets, among in [((lost,), ""), ((lost, header(256, 265)), ", with 1 chunk header among them")]:
        block = Block(0, bytes(400), (field,), insets)
        left_out = [line for line in [*dump(block, PLAIN, shape(None)), *grid(block, PLAIN)] if " more" in line]
        assert [line.strip() for line in left_out] == [f"... 368 bytes more{among}", f"... 352 bytes more{among}"]


def test_wider_terminals_have_longer_rows() -> None:
    rows = [shape(width).row for width in (60, 80, 100, 130, 200)]
    assert rows == sorted(rows)
    assert shape(None).row == 16
    assert all(form.row <= 16 for form in map(shape, WIDTHS))
    assert all(one.text <= other.text or one.row < other.row for one, other in pairwise(map(shape, (80, 90, 100, 200))))
