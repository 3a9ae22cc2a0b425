"""Bytes in the forms in which people paste them, each written as the program that it is named after writes them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator

Form = Callable[[bytes], str]


def rows(data: bytes, width: int = 16) -> Iterator[tuple[int, bytes]]:
    return ((at, data[at : at + width]) for at in range(0, len(data), width))


def seen(row: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)


def halves(row: bytes, between: str = "  ") -> str:
    return f"{row[:8].hex(' ')}{between}{row[8:].hex(' ')}".rstrip(" -")


def signed(data: bytes) -> list[int]:
    return [byte - 256 if byte > 127 else byte for byte in data]


def joined(data: bytes, between: str = ", ", pattern: str = "{}") -> str:
    return between.join(pattern.format(byte) for byte in data)


# Listings of bytes, whose offsets are marked: any bytes come back.


def in_brackets(data: bytes) -> str:
    return "".join(f"[{at:04x}] {row.hex(' '):<47}  {seen(row)}\n" for at, row in rows(data))


def in_brackets_alone(data: bytes) -> str:
    return "".join(f"[{at:04x}] {row.hex(' ')}\n" for at, row in rows(data))


def in_angles(data: bytes) -> str:
    return "".join(f"<{at:08X}> {row.hex(' ', -2):<39}  {seen(row)}\n" for at, row in rows(data))


def openssl(data: bytes) -> str:
    """BIO_dump, as `s_client -debug` prints it."""
    title = f"write to 0x55d0c0 [0x55d1c0] ({len(data)} bytes => {len(data)} (0x{len(data):X}))\n"
    return title + "".join(f"{at:04x} - {halves(row, '-'):<47}   {seen(row)}\n" for at, row in rows(data))


def curl(data: bytes) -> str:
    title = f"=> Send data, {len(data)} bytes (0x{len(data):x})\n"
    return title + "".join(f"{at:04x}: {row.hex(' '):<48}{seen(row)}\n" for at, row in rows(data))


def windbg(data: bytes) -> str:
    lines = (
        f"0000015f`{0x2B7C0000 + at:08x}  {halves(row, '-'):<47}  {seen(row).replace(' ', '.')}\n"
        for at, row in rows(data)
    )
    return "".join(["0:000> db 0000015f`2b7c0000 L0n\n", *lines])


def powershell_5(data: bytes) -> str:
    """Format-Hex of Windows PowerShell: its column of text has Latin-1."""
    shown = (
        (at, row, "".join(chr(byte) if chr(byte).isprintable() else "." for byte in row)) for at, row in rows(data)
    )
    head = "\n\n           Path: C:\\connect.bin\n\n           00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F\n"
    return head + "".join(f"\n{at:08X}   {row.hex(' ').upper():<47}  {text}" for at, row, text in shown) + "\n\n"


def powershell_7(data: bytes) -> str:
    head = (
        "\n   Label: C:\\connect.bin\n\n          Offset Bytes                                           Ascii\n"
        "                 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F\n"
        "          ------ ----------------------------------------------- -----\n"
    )
    return head + "".join(f"{at:016X} {row.hex(' ').upper():<47} {seen(row)}\n" for at, row in rows(data))


def tcpdump_x(data: bytes) -> str:
    return "".join(f"\t0x{at:04x}:  {row.hex(' ', -2)}\n" for at, row in rows(data))


def netty(data: bytes) -> str:
    rule = f"+--------+{'-' * 49}+{'-' * 16}+"
    lines = (f"|{at:08x}| {row.hex(' '):<47} |{seen(row):<16}|" for at, row in rows(data))
    return "\n".join([f"         +{'-' * 49}+", rule, *lines, rule])


def hexyl(data: bytes) -> str:
    lines = (
        f"│{at:08x}│ {row[:8].hex(' '):<23} ┊ {row[8:].hex(' '):<23} │{seen(row[:8]):<8}┊{seen(row[8:]):<8}│"
        for at, row in rows(data)
    )
    rule = f"{'─' * 8}┬{'─' * 25}┬{'─' * 25}┬{'─' * 8}┬{'─' * 8}"
    return "\n".join([f"┌{rule}┐", *lines, f"└{rule.replace('┬', '┴')}┘"])


def strace_write(data: bytes) -> str:
    return "".join(f" | {at:05x}  {halves(row):<48}  {seen(row):<16} |\n" for at, row in rows(data))


def go_dump(data: bytes) -> str:
    return "".join(f"{at:08x}  {halves(row):<48}  |{seen(row)}|\n" for at, row in rows(data))


MARKED: list[Form] = [
    in_brackets,
    in_brackets_alone,
    in_angles,
    openssl,
    curl,
    windbg,
    powershell_5,
    powershell_7,
    tcpdump_x,
    netty,
    hexyl,
    strace_write,
    go_dump,
]


# Listings whose offsets, or whose column of text, must speak for them.


def ungrouped(data: bytes) -> str:
    return "".join(f"{at:08x} {row.hex()}\n" for at, row in rows(data))


def ungrouped_short(data: bytes) -> str:
    return "".join(f"{at:04x}  {row.hex():<32}  {seen(row)}\n" for at, row in rows(data))


def groups_of_two(data: bytes) -> str:
    return "".join(f"{at:04x}  {row.hex(' ', -2):<39}  {seen(row)}\n" for at, row in rows(data))


def groups_of_four(data: bytes) -> str:
    return "".join(f"{at:08x}  {row.hex(' ', -4):<35}  |{seen(row)}|\n" for at, row in rows(data))


LOOSE: list[Form] = [ungrouped, ungrouped_short, groups_of_two, groups_of_four]


def numbers(row: bytes, size: int) -> list[str]:
    """Of a machine whose first byte is the last one."""
    return [row[at : at + size][::-1].hex() for at in range(0, len(row), size)]


def xxd_e(data: bytes, size: int = 4) -> str:
    """What is left of a number at the end stands at the right of its place."""
    lines = ((at, " ".join(f"{number:>{2 * size}}" for number in numbers(row, size)), row) for at, row in rows(data))
    width = 16 * 2 + 16 // size - 1
    return "".join(f"{at:08x}: {written:<{width}}  {seen(row)}\n" for at, written, row in lines)


def xxd_e_two(data: bytes) -> str:
    return xxd_e(data, 2)


def xxd_e_eight(data: bytes) -> str:
    return xxd_e(data, 8)


def windbg_dc(data: bytes) -> str:
    lines = ((0x12FF00 + at, " ".join(numbers(row, 4)), row) for at, row in rows(data))
    return "".join(f"{at:08x}  {written:<35}  {seen(row)}\n" for at, written, row in lines)


def gdb_words(data: bytes) -> str:
    lines = ((at, "".join(f"\t0x{number}" for number in numbers(row, 4))) for at, row in rows(data))
    return "".join(f"0x7ffe{at:04x}:{written}\n" for at, written in lines)


SWAPPED: list[Form] = [xxd_e, xxd_e_two, xxd_e_eight, windbg_dc]


# What languages print

DECIMAL: dict[str, Form] = {
    "Python list": lambda data: repr(list(data)),
    "Python tuple": lambda data: repr(tuple(data)),
    "Python bytes of a list": lambda data: f"bytes({list(data)})",
    "numpy": lambda data: "[" + "\n ".join(joined(row, " ", "{:3d}") for _, row in rows(data, 18)) + "]",
    "numpy array": lambda data: (
        "array([" + ",\n       ".join(joined(row, ", ", "{:3d}") for _, row in rows(data, 12)) + "], dtype=uint8)"
    ),
    "Java Arrays.toString": lambda data: str(signed(data)),
    "Java array": lambda data: f"byte[] talk = new byte[] {{{', '.join(map(str, signed(data)))}}};",
    "Kotlin byteArrayOf": lambda data: f"byteArrayOf({', '.join(map(str, signed(data)))})",
    "C array": lambda data: f"unsigned char talk[{len(data)}] = {{ {joined(data)} }};",
    "Go %v": lambda data: f"[{joined(data, ' ')}]",
    "Rust {:?}": lambda data: f"[{joined(data)}]",
    "Rust {:#?}": lambda data: "[\n" + joined(data, "", "    {},\n") + "]",
    "Rust slice": lambda data: f"let talk: &[u8] = &[{joined(data)}];",
    "Rust vec!": lambda data: f"let talk = vec![{joined(data)}];",
    "Erlang": lambda data: f"<<{joined(data, ',')}>>",
    "Erlang of a shell": lambda data: "<<" + ",\n  ".join(joined(row, ",") for _, row in rows(data, 20)) + ">>",
    "Elixir": lambda data: f"<<{joined(data)}>>",
    "JavaScript": lambda data: joined(data, ","),
    "JavaScript array": lambda data: f"const talk = [{joined(data)}];",
    "Uint8Array": lambda data: (
        f"Uint8Array({len(data)}) [\n"
        + ",\n".join(f"  {joined(row, ', ', '{:3d}')}" for _, row in rows(data, 12))
        + "\n]"
    ),
    "Int8Array": lambda data: f"Int8Array({len(data)}) [ {', '.join(map(str, signed(data)))} ]",
    "Buffer as JSON": lambda data: json.dumps({"type": "Buffer", "data": list(data)}),
    "Uint8Array as JSON": lambda data: json.dumps({str(at): byte for at, byte in enumerate(data)}),
    "PowerShell": lambda data: joined(data, "\r\n"),
    "od -A n -t u1": lambda data: "".join(joined(row, "", "{:4d}") + "\n" for _, row in rows(data)),
}  # fmt: skip

HEX: dict[str, Form] = {
    "node Buffer": lambda data: f"<Buffer {data.hex(' ')}>",
    "node ArrayBuffer": lambda data: (
        f"ArrayBuffer {{\n  [Uint8Contents]: <{data.hex(' ')}>,\n  byteLength: {len(data)}\n}}"
    ),
    "Rust {:02x?}": lambda data: f"[{joined(data, ', ', '{:02x}')}]",
    "Rust {:02X?}": lambda data: f"[{joined(data, ', ', '{:02X}')}]",
    "Rust {:x?}": lambda data: f"[{joined(data, ', ', '{:x}')}]",
    "Rust {:#04x?}": lambda data: "[\n" + joined(data, "", "    0x{:02x},\n") + "]",
    "Rust array": lambda data: f"let talk: [u8; {len(data)}] = [{joined(data, ', ', '0x{:02x}')}];",
    "Go %x": lambda data: data.hex(),
    "Go % x": lambda data: data.hex(" "),
    "Go %#v": lambda data: f"[]byte{{{joined(data, ', ', '0x{:x}')}}}",
    "Java casts": lambda data: f"byte[] talk = {{{joined(data, ', ', '(byte) 0x{:02x}')}}};",
    "Kotlin casts": lambda data: f"byteArrayOf({joined(data, ', ', '0x{:02x}.toByte()')})",
    "Erlang 16#": lambda data: f"<<{joined(data, ',', '16#{:02X}')}>>",
    "Elixir 0x": lambda data: f"<<{joined(data, ', ', '0x{:02X}')}>>",
    "NSData": lambda data: "<" + " ".join(row.hex() for _, row in rows(data, 4)) + ">",
    "NSData of late": lambda data: f"{{length = {len(data)}, bytes = 0x{data.hex()}}}",
    "SQL": lambda data: f"X'{data.hex().upper()}'",
    "MySQL": lambda data: f"_binary 0x{data.hex()}",
    "gdb p/x": lambda data: f"$1 = {{{joined(data, ', ', '0x{:x}')}}}",
    "strace": lambda data: f'sendto(3, "{joined(data, "", chr(92) + "{:o}")}", {len(data)}, 0, NULL, 0) = {len(data)}',
    "strace -xx": lambda data: f'write(3, "{joined(data, "", chr(92) + "x{:02x}")}", {len(data)}) = {len(data)}',
    "gdb string": lambda data: f'$1 = "{joined(data, "", chr(92) + "{:03o}")}"',
    "Wireshark's hex stream": lambda data: data.hex(),
    "Wireshark's escaped string": lambda data: " \\\n".join(
        f'"{joined(row, "", chr(92) + "x{:02x}")}"' for _, row in rows(data)
    ),
    "Wireshark's C array": lambda data: (
        "/* Frame */\nstatic const unsigned char pkt1[] = {\n"
        + "".join(f"{joined(row, ', ', '0x{:02x}')}, /* {seen(row).replace('*/', '* /')} */\n" for _, row in rows(data))
        + "};\n"
    ),
}  # fmt: skip

BASE64: dict[str, Form] = {
    "Wireshark's": lambda data: base64.b64encode(data).decode(),
    "base64": lambda data: base64.encodebytes(data).decode(),
    "Python": lambda data: repr(base64.b64encode(data)),
    "URL": lambda data: f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}",
}

# Refused: what helps is named.

BINARY: Form = lambda data: joined(data, " ", "{:08b}")  # noqa: E731
INTEL: Form = lambda data: "".join(  # noqa: E731
    f":{record.hex().upper()}{-sum(record) & 0xFF:02X}\n"
    for record in (bytes((len(row), at >> 8, at & 0xFF, 0)) + row for at, row in rows(data))
)
REFUSED: dict[str, tuple[Form, str]] = {
    "binary digits": (BINARY, "may be binary or hex digits: --input hex takes all for hex"),
    "xxd -b": (
        lambda data: "".join(f"{at:08x}: {BINARY(row):<53}  {seen(row)}\n" for at, row in rows(data, 6)),
        "rows of binary digits: xxd without -b writes hex",
    ),
    "Intel HEX": (INTEL, "is a record of Intel HEX: objcopy"),
    "base32": (lambda data: base64.b32encode(data).decode(), "is base32: base32 -d writes its bytes"),
    "od -t u1": (
        lambda data: "".join(f"{at:07o}{joined(row, '', ' {:3d}')}\n" for at, row in rows(data)),
        "a listing of something else than bytes in hex",
    ),
    "gdb x/ub": (
        lambda data: "".join(f"0x7ffe{at:08x}:\t{joined(row, chr(9))}\n" for at, row in rows(data, 8)),
        "a listing of something else than bytes in hex",
    ),
    "hexdump": (
        lambda data: "".join(f"{at:07x} {' '.join(numbers(row, 2))}\n" for at, row in rows(data[:240])),
        "words in the byte order of some machine",
    ),
    "node Buffer, short": (
        lambda data: f"<Buffer {data[:50].hex(' ')} ... {len(data) - 50} more bytes>",
        "leaves bytes out",
    ),
    "Erlang, short": (lambda data: f"<<{joined(data[:28], ',')},...>>", "leaves bytes out"),
    "numpy, short": (lambda data: f"[{joined(data[:3], ' ')} ... {joined(data[-3:], ' ')}]", "leaves bytes out"),
}  # fmt: skip
