"""Hex listings: those of many tools, of this program, and with mistakes in them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.capture.listings import LONGEST_REPEAT, find_listing, read_listing
from rtmpsniff.errors import UserError
from tests.capture.forms import (
    LOOSE,
    MARKED,
    SWAPPED,
    gdb_words,
    hexyl,
    netty,
    openssl,
    powershell_7,
    xxd_e,
    xxd_e_eight,
)

DATA = bytes(range(0x80, 0xFF)) + b"ab cd 0123 ef" + bytes(101)


def text_column(row: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)


def rows(data: bytes, width: int = 16) -> list[tuple[int, bytes]]:
    return [(at, data[at : at + width]) for at in range(0, len(data), width)]


def xxd(data: bytes) -> str:
    return "".join(f"{at:08x}: {row.hex(' ', -2):<39}  {text_column(row)}\n" for at, row in rows(data))


def xxd_bytes(data: bytes) -> str:
    return "".join(f"{at:08x}: {row.hex(' '):<47}  {text_column(row)}\n" for at, row in rows(data))


def xxd_narrow(data: bytes) -> str:
    return "".join(f"{at:08x}: {row.hex(' '):<23}  {text_column(row)}\n" for at, row in rows(data, 8))


def halves(row: bytes) -> str:
    return f"{row[:8].hex(' ')}  {row[8:].hex(' ')}".rstrip()


def hexdump(data: bytes) -> str:
    lines = [f"{at:08x}  {halves(row):<48}  |{text_column(row)}|\n" for at, row in rows(data)]
    return "".join([*lines, f"{len(data):08x}\n"])


def wireshark(data: bytes) -> str:
    return "".join(f"{at:04x}   {row.hex(' '):<47}   {text_column(row)}\n" for at, row in rows(data))


def wireshark_bytes_alone(data: bytes) -> str:
    return "".join(f"{at:04x}   {row.hex(' ')}\n" for at, row in rows(data))


def tshark(data: bytes) -> str:
    return "".join(f"{at:04x}  {halves(row):<48}   {text_column(row)}\n" for at, row in rows(data))


def tcpdump(data: bytes) -> str:
    lines = [f"\t0x{at:04x}:  {row.hex(' ', -2):<39}  {text_column(row)}\n" for at, row in rows(data)]
    return "".join(["12:00:00.000001 IP 10.0.0.1.50000 > 10.0.0.2.1935: Flags [P.], length 241\n", *lines])


def od_hex(data: bytes) -> str:
    return "".join(f"{at:06x} {row.hex(' ')}\n" for at, row in rows(data)) + f"{len(data):06x}\n"


def od_octal(data: bytes) -> str:
    return "".join(f"{at:07o} {row.hex(' ')}\n" for at, row in rows(data)) + f"{len(data):07o}\n"


def od_decimal(data: bytes) -> str:
    return "".join(f"{at:07d} {row.hex(' ')}\n" for at, row in rows(data)) + f"{len(data):07d}\n"


def powershell(data: bytes) -> str:
    return "".join(f"{at:08X}   {row.hex(' ').upper():<47}  {text_column(row)}\n" for at, row in rows(data))


def debug(data: bytes) -> str:
    """The hyphen in the middle is as old as DOS."""
    lines = (f"{at:04X}  {row[:8].hex(' ')}-{row[8:].hex(' ')}" for at, row in rows(data[:-5]))
    return "\n".join(line.rstrip("-") for line in lines)


def librtmp(data: bytes) -> str:
    lines = ((at, f"{row[:8].hex(' ')}-{row[8:].hex(' ')}", row) for at, row in rows(data))
    return "".join(f"  {at:04x}:  {both.rstrip('-'):<47}    {text_column(row)}\n" for at, both, row in lines)


def in_c(row: bytes) -> str:
    return ", ".join(f"0x{byte:02x}" for byte in row)


def c_rows(data: bytes) -> str:
    return "".join(f"{at:04x}: {in_c(row)},\n" for at, row in rows(data))


def c_rows_set_apart(data: bytes) -> str:
    return "".join(f"0x{at:04X}  {in_c(row).replace(',', '')}\n" for at, row in rows(data, 8))


def commas(data: bytes) -> str:
    return "".join(f"{at:04x}  {row.hex(',')}\n" for at, row in rows(data))


def commas_and_blanks(data: bytes) -> str:
    return "".join(f"{at:04x}: {', '.join(f'{byte:02X}' for byte in row)},\n" for at, row in rows(data))


def remarks(data: bytes) -> str:
    return "".join(f"{at:04x}  {row.hex(' ')} // {row.hex(' ')}\n" for at, row in rows(data))


def c_rows_with_remarks(data: bytes) -> str:
    return "".join(f"{at:04x}: {in_c(row)}, // {text_column(row)}\n" for at, row in rows(data))


def gdb(data: bytes) -> str:
    return "".join(f"0x7ffe{at:04x}:\t{in_c(row)}\n".replace(", ", "\t") for at, row in rows(data, 8))


def gdb_symbols(data: bytes) -> str:
    return "".join(f"0x7ffe{at:04x} <packet+{at}>:\t{in_c(row)}\n".replace(", ", "\t") for at, row in rows(data, 8))


STYLES: list[Callable[[bytes], str]] = [
    xxd,
    xxd_bytes,
    xxd_narrow,
    hexdump,
    wireshark,
    wireshark_bytes_alone,
    tshark,
    tcpdump,
    od_hex,
    od_octal,
    od_decimal,
    powershell,
    librtmp,
    c_rows,
    c_rows_set_apart,
    commas,
    commas_and_blanks,
    remarks,
    c_rows_with_remarks,
    gdb,
    gdb_symbols,
    *MARKED,
]


def found(text: str) -> bytes:
    pasted = find_listing(text)
    assert pasted is not None
    assert pasted.form == "listing"
    return pasted.data


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
def test_listings_of_many_tools(style: Callable[[bytes], str]) -> None:
    assert found(style(DATA)) == DATA


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
@given(data=st.binary(min_size=17, max_size=200))
def test_any_bytes_come_back(style: Callable[[bytes], str], data: bytes) -> None:
    assert found(style(data)) == data


def test_a_hyphen_in_the_middle() -> None:
    assert found(debug(DATA)) == DATA[:-5]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
def test_the_place_of_each_byte_is_kept(style: Callable[[bytes], str]) -> None:
    pasted = find_listing(style(DATA))
    assert pasted is not None
    lines = pasted.text.split("\n")
    for offset in (0, 1, 7, 8, 15, 16, 100, len(DATA) - 1):
        line, column = map(int, re.findall(r"\d+", pasted.place(offset)))
        assert lines[line - 1][column - 1 : column + 1].lower() == f"{DATA[offset]:02x}"


COMMANDS = ["xxd", "xxd -g1 -c 8", "xxd -c 32", "xxd -e", "xxd -e -g8", "xxd -d", "hexdump -C"]
COMMANDS += ["od -A x -t x1z -v", "od -t x1", "od -A d -t x1"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("size", [5, 12, 241])
def test_what_the_tools_really_write(command: str, size: int) -> None:
    program, *options = command.split()
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    data = DATA if size == len(DATA) else DATA[127 : 127 + size]  # with text, which tells which end is first
    ran = subprocess.run([program, *options], input=data, capture_output=True, check=True)
    assert found(ran.stdout.decode()) == data


# What tells bytes from numbers, and offsets from bytes


@pytest.mark.parametrize("style", LOOSE, ids=lambda style: style.__name__)
def test_offsets_that_count_are_offsets_and_that_is_noted(style: Callable[[bytes], str]) -> None:
    pasted = find_listing(style(DATA))
    assert pasted is not None
    assert (pasted.data, pasted.rival) == (DATA, None)
    assert pasted.note.startswith("the first number of each row is taken for its offset; --input hex")


@pytest.mark.parametrize("style", SWAPPED, ids=lambda style: style.__name__)
@pytest.mark.parametrize("size", [240, 241, 243])
def test_the_column_of_text_tells_which_end_of_a_number_is_first(style: Callable[[bytes], str], size: int) -> None:
    data = (bytes(range(0x55, 0x7F)) * 6)[:size]
    pasted = find_listing(style(data))
    assert pasted is not None
    assert (pasted.data, pasted.rival) == (data, None)
    assert pasted.note.endswith(
        "the last byte of each group is taken for its first, as xxd -e and debuggers write them"
    )


@pytest.mark.parametrize("style", [xxd_e, xxd_e_eight], ids=lambda style: style.__name__)
def test_what_is_left_of_a_number_tells_it_too(style: Callable[[bytes], str]) -> None:
    pasted = find_listing(style(bytes(range(0x80, 0x80 + 21))))
    assert pasted is not None
    assert (pasted.data, pasted.rival) == (bytes(range(0x80, 0x80 + 21)), None)


@pytest.mark.parametrize("style", [gdb_words, xxd_e], ids=lambda style: style.__name__)
def test_where_nothing_tells_there_are_two_readings(style: Callable[[bytes], str]) -> None:
    data = bytes(range(0x80, 0xC0))
    pasted = find_listing(style(data))
    assert pasted is not None
    assert pasted.rival is not None
    assert pasted.rival.data == data
    assert "in the order in which they are written" in pasted.note
    assert "the last byte of each group" in pasted.rival.note


def test_the_place_of_a_byte_in_a_number() -> None:
    pasted = find_listing(xxd_e(b"RTMP says hello"))
    assert pasted is not None
    lines = pasted.text.split("\n")
    for offset in range(15):
        line, column = map(int, re.findall(r"\d+", pasted.place(offset)))
        assert lines[line - 1][column - 1 : column + 1] == f"{b'RTMP says hello'[offset]:02x}"


def test_text_that_looks_like_bytes_behind_the_last_row() -> None:
    text = f"{0:016X} {bytes(16).hex(' ')} 61 62 cd\n{16:016X} {bytes(16).hex(' ')} 61 62 cd\n"
    assert found(text) == bytes(32)


@pytest.mark.parametrize("style", [netty, hexyl, powershell_7, openssl], ids=lambda style: style.__name__)
def test_frames_and_titles_around_a_single_row(style: Callable[[bytes], str]) -> None:
    assert found(style(b"RTMP")) == b"RTMP"


# Two senders


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("write to 0x1 [0x2] (2 bytes => 2 (0x2))\n0000 - 03 00\n", "read from 0x1 (2 bytes => 2)\n0000 - 03 01\n"),
        ("=> Send data, 2 bytes (0x2)\n0000: 03 00\n", "<= Recv data, 2 bytes (0x2)\n0000: 03 01\n"),
        (
            f"{0:08X}  {halves(bytes(16))}\n{16:08X}  03 00\n",
            f"    {0:08X}  {halves(bytes(16))}\n    {16:08X}  03\n",
        ),  # Wireshark
    ],
)
def test_bytes_of_two_senders_are_not_joined(first: str, second: str) -> None:
    assert found(first + first) == found(first) * 2
    with pytest.raises(UserError, match=r"here bytes of another sender begin"):
        find_listing(first + second)


# Repeated rows


def squeezed(before: int, zeros: int, after: bytes) -> str:
    start, stop = 16 * before, 16 * (before + zeros)
    lines = [f"{at:08x}  {halves(row):<48}  |{text_column(row)}|" for at, row in rows(DATA[:start])]
    lines += [f"{start:08x}  {halves(bytes(16))}  |................|", "*"]
    lines += [f"{stop + at:08x}  {halves(row):<48}  |{text_column(row)}|" for at, row in rows(after)]
    return "\n".join([*lines, f"{stop + len(after):08x}"])


@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("after", [b"", b"end", bytes(range(40))], ids=len)
def test_a_star_stands_for_equal_rows(before: int, after: bytes) -> None:
    assert found(squeezed(before, 50, after)) == DATA[: 16 * before] + bytes(800) + after


def test_a_star_cannot_claim_any_number() -> None:
    text = f"00000000  {halves(bytes(16))}\n*\n7fffffff0  01\n"
    with pytest.raises(UserError, match=r'line 2, column 1: "\*" stands for 34 359 738 336 bytes'):
        find_listing(text)


def test_many_stars_cannot_claim_more() -> None:
    step = LONGEST_REPEAT // 2
    text = "\n*\n".join(f"{number * step:08x}  00" for number in range(4))
    with pytest.raises(UserError, match="stands for"):
        find_listing(text)


# Packets


@pytest.mark.parametrize("style", [wireshark, tcpdump, xxd], ids=lambda style: style.__name__)
def test_offsets_that_begin_anew_are_another_packet(style: Callable[[bytes], str]) -> None:
    assert found(f"{style(DATA)}\n{style(b'more of it')}") == DATA + b"more of it"


def test_titles_between_packets_are_passed_over() -> None:
    text = f"Frame (60 bytes):\n\n{wireshark(DATA)}\nReassembled TCP (228 bytes):\n\n{wireshark(DATA[:30])}"
    assert found(text) == DATA + DATA[:30]


def test_a_part_of_a_listing_need_not_begin_at_zero() -> None:
    assert found("\n".join(hexdump(DATA).split("\n")[3:])) == DATA[48:]


# A single row


@pytest.mark.parametrize(
    "row",
    [
        "00000000  02 00 07 63                                       |...c|",
        "00000000: 0200 0763                                ...c",
        "0000   02 00 07 63",
        "\t0x0000:  0200 0763                                ...c",
        "000000 02 00 07 63",
        "    3073  02 00 07 63                                         command name      ...",
        "     224 [02 00 07 63]                                     ...c",
        "[0000] 02 00 07 63",
        "0000 - 02 00 07 63                                       ...c",
        "0000 02 00 07 63",
        "0000: 0x02, 0x00, 0x07, 0x63 // the name",
        "0000  02 00 07 63 // the name",
    ],
)
def test_a_row_alone(row: str) -> None:
    assert found(row) == b"\x02\x00\x07c"


@pytest.mark.parametrize("row", ["0000 02 00 07 63", "00000000 02 00 07 63", "000000 02 00 07 63"])
def test_a_row_alone_that_may_be_hex_is_noted(row: str) -> None:
    pasted = find_listing(row)
    assert pasted is not None
    assert pasted.note.startswith("the first number of each row is taken for its offset; --input hex")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "030000000000e414",
        "03 00 00 00",
        "0300 0000 0000 e414",
        "00000000 00000001 00000002",
        "0300 0000 0000\n0001 0002 0003\n0005 0006",
        "00 01 02 03\n04 05 06 07\n08 09 0a 0b",
        "12:00:00 and more",
        "0x03, 0x00,\n0x00, 0x01",
        "0x03 0x00\n0x00 0x01\n0x02 0x05",
        "a line\nof text\nand 12 ab more",
        "Z29vZA==",
    ],
)
def test_what_is_no_listing(text: str) -> None:
    assert find_listing(text) is None


# Mistakes


@pytest.mark.parametrize(
    ("style", "old", "new", "complaint"),
    [
        (hexdump, "91 92", "9g 92", 'line 2, column 14: "9g" is no hex'),
        (hexdump, "91 92", "92", 'line 3, column 1: offset "00000020", where 17 should stand'),
        (hexdump, "90 91", "9g 91", 'line 2, column 11: "9g" is no hex'),
        (hexdump, "80 81", "8g 81", 'line 1, column 11: "8g" is no hex'),
        (xxd, "00000020:", "00000030:", 'line 3, column 1: offset "00000030:", where 20 should stand'),
        (od_octal, "0000040 ", "0000050 ", 'line 3, column 1: offset "0000050", where 40 should stand'),
        (od_decimal, "0000032 ", "0000033 ", 'line 3, column 1: offset "0000033", where 32 should stand'),
        (hexdump, "000000f1\n", "000000f2\n", 'line 17, column 1: offset "000000f2" at the end, where f1 should stand'),
    ],
)
def test_a_mistake_is_told_with_its_place(style: Callable[[bytes], str], old: str, new: str, complaint: str) -> None:
    text = style(DATA)
    assert text.count(old) == 1
    with pytest.raises(UserError) as caught:
        find_listing(text.replace(old, new))
    assert str(caught.value) == complaint


def test_a_row_that_is_missing_is_told() -> None:
    lines = hexdump(DATA).split("\n")
    with pytest.raises(UserError, match='line 4, column 1: offset "00000040", where 30 should stand'):
        find_listing("\n".join([*lines[:3], *lines[4:]]))


@pytest.mark.parametrize(("end", "place"), [("f0  0g", "line 16, column 8"), ("f0  00 0g", "line 16, column 11")])
def test_the_last_row_may_hold_a_mistake(end: str, place: str) -> None:
    text = wireshark(DATA).replace("   ", "  ", 99)
    lines = [*text.rstrip().split("\n")[:-1], f"00{end}"]
    with pytest.raises(UserError, match=f'{place}.*"0g" is no hex'):
        find_listing("\n".join(lines).replace("  0g", "   0g").replace("f0  00", "f0   00"))


def test_words_of_a_machine_are_refused() -> None:
    words = "0000000 0003 0000 0000 14e4\n0000008 0000 0000 0002 6307\n0000010\n"
    with pytest.raises(UserError, match=r'line 1, column 9: "0003" and what follows are words'):
        find_listing(words)


def test_who_says_that_it_is_a_listing_is_believed() -> None:
    assert read_listing("0000  03 00\n0002  04").data == b"\x03\x00\x04"
    with pytest.raises(UserError, match="line 1: no row of a listing"):
        read_listing("nothing like it")


# This program's own dumps

DUMP = """\
#7  0.045264  connection 1  client -> server  command_amf0  connect(1)
    chunk stream 3, message stream 0, timestamp 0; 3 bytes in 1 chunk, packet 12
    3073  43                                                  chunk header      fmt 1, chunk stream 3
    3074    00 00 00                                            timestamp delta   0 ms
    3077  17  0001 ....                                       frame type        1 key
              .... 0111                                       codec id          7 h264
              0011 11..                                       never a row
    3078  02 00 07 63 6f 6e 6e 65 63 74 20 20 20 20 20 20     command name      "connect
    3094  20                                                                             "

"""


def test_a_dump_of_this_program() -> None:
    pasted = find_listing(DUMP)
    assert pasted is not None
    assert pasted.data == b"C\0\0\0\x17\x02\0\x07connect       "
    assert pasted.left_out == 0


def test_its_rows_are_put_in_order_and_what_is_left_out_is_counted() -> None:
    text = "    3080  04 05         later\n    3073  01 02 03      sooner\n    3076  aa\n    3077  bb\n"
    pasted = find_listing(text)
    assert pasted is not None
    assert pasted.data == b"\x01\x02\x03\xaa\xbb\x04\x05"
    assert pasted.left_out == 2


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("          ... 454 bytes more", "line 11, column 1: 454 bytes are left out here; --full shows them"),
        ("          ... 1 236 bytes more, with 3 chunk headers among them", "1 236 bytes are left out here"),
        (
            "    3095  4 bytes never captured      payload",
            "line 11, column 1: bytes that are missing belong here",
        ),
        ("          1 byte never captured", "bytes that are missing belong here"),
        ("    3095  32 bytes in TLS records that do not authenticate   not read", "bytes that are missing belong here"),
        ("    3095  32 bytes cut by the snapshot length   not read", "bytes that are missing belong here"),
        ("    3094  21", 'line 11, column 5: address "3094" stands here a second time'),
        (
            "#8  0.046  connection 1  server -> client  command_amf0  _result(1)",
            "line 11, column 1: here bytes of another sender begin",
        ),
        ("  0.000099    1  s->c       handshake   1537  S0 S1", "here bytes of another sender begin"),
    ],
)
def test_dumps_that_do_not_hold_it_all(line: str, complaint: str) -> None:
    with pytest.raises(UserError, match=re.escape(complaint)):
        find_listing(DUMP.rstrip("\n") + f"\n\n{line}\n")


def test_a_handshake_of_the_same_sender_is_welcome() -> None:
    text = "  0.000099    1  c->s       handshake   1537  C0 C1\n       0  03      version     3 RTMP\n       1  00\n"
    assert found(text + DUMP) == b"\x03\x00" + found(DUMP)


@given(st.lists(st.text(alphabet="0123456789abcdefx:*.|[] \t#-", max_size=60), max_size=12).map("\n".join))
def test_whatever_is_written_is_a_listing_or_none_or_a_mistake(text: str) -> None:
    pasted, complaint = None, ""
    try:
        pasted = find_listing(text)
    except UserError as error:
        complaint = str(error)
    assert "\n" not in complaint
    assert pasted is None or len(pasted.data) <= len(text) + LONGEST_REPEAT
