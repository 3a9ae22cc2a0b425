"""What a command was given to decode: arguments, files, standard input; text or raw; and what is wrong with it."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import click
import pytest

from rtmpsniff.capture.places import Form
from rtmpsniff.cli.given import Given, Input, take
from rtmpsniff.errors import InputError, UserError
from rtmpsniff.rtmp.guess import ENOUGH
from tests.build import Conversation
from tests.capture.test_listings import hexdump, tcpdump, wireshark
from tests.rtmp.sequences import CONNECT

CAPTURES = Path(__file__).parents[2] / "captures"


def given(*arguments: str, file: str | None = None, form: Input | None = None) -> Given:
    return take(arguments, file, form, pytest.fail)


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Arguments


@pytest.mark.parametrize(
    ("arguments", "form", "said"),
    [
        (("030000",), "hex", "3 bytes in hex"),
        (("03", "00", "00"), "hex", "3 bytes in hex"),
        (("0x03,", "0x00", "00"), "hex", "3 bytes in hex"),
        (("AwAA",), "base64", "3 bytes in base64"),
        (("0000  03 00 00",), "listing", "3 bytes in a hex listing"),
    ],
)
def test_arguments_are_the_bytes(arguments: tuple[str, ...], form: Form, said: str) -> None:
    source = given(*arguments, form=form)
    assert (source.head, source.is_whole, source.is_live, source.said) == (b"\x03\0\0", True, False, said)
    assert list(source.blocks()) == [b"\x03\0\0"]


def test_a_form_that_is_told_is_obeyed() -> None:
    assert given("deadbeef", form="base64").head != given("deadbeef").head


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("zz",), UserError, 'line 1, column 1: "zz" is no hex, and no file has this name'),
        (("03", "zz"), UserError, 'line 1, column 4: "zz" is no hex'),
        (("",), UserError, "holds no bytes"),
        (("talk.flv",), InputError, "talk.flv: no such file"),
        (("folder/talk",), InputError, "folder/talk: no such file"),
        (("\x1b[2J.flv",), InputError, r"\x1b[2J.flv: no such file"),
        (("talk\0.flv",), InputError, r"talk\0.flv: no such file"),
        (("x" * 5000 + ".flv",), InputError, "no such file"),
    ],
)
def test_what_is_neither_bytes_nor_a_file(folder: Path, arguments: tuple[str, ...], error: type, text: str) -> None:
    with pytest.raises(error) as caught:
        given(*arguments)
    assert text in str(caught.value)
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)


# Files


def test_the_name_of_a_file_is_the_file(folder: Path) -> None:
    Path("talk.bin").write_bytes(CONNECT)
    source = given("talk.bin")
    assert (source.whole(), source.said, source.pasted) == (CONNECT, "241 bytes", None)


def test_a_file_may_hold_text(folder: Path) -> None:
    for text in (CONNECT.hex(), hexdump(CONNECT), f"# remarks\n{CONNECT.hex(' ')}\n"):
        for data in (text.encode(), text.encode("utf-16"), text.replace("\n", "\r\n").encode()):
            Path("talk.txt").write_bytes(data)
            source = given("talk.txt")
            assert source.head == CONNECT
            assert source.pasted is not None


def test_what_could_be_hex_is_hex_and_the_file_is_mentioned(folder: Path) -> None:
    Path("beef").write_bytes(CONNECT)
    said: list[str] = []
    assert take(("beef",), None, None, said.append).head == b"\xbe\xef"
    assert said == ["beef is taken for hex; --file reads the file of this name"]
    assert given(file="beef").head == CONNECT
    assert given("beef", form="raw").head == CONNECT


def test_text_that_is_told_to_be_raw(folder: Path) -> None:
    Path("talk.txt").write_bytes(b"0300")
    assert given("talk.txt").head == b"\x03\0"
    assert given("talk.txt", form="raw").head == b"0300"


def test_a_large_file_is_read_as_it_comes(folder: Path) -> None:
    data = bytes(3 * ENOUGH)
    Path("large.bin").write_bytes(data)
    source = given("large.bin")
    assert (source.is_whole, source.said) == (False, "")
    assert ENOUGH < len(source.head) < len(data)
    assert source.whole() == data


def test_a_large_text_is_read_whole(folder: Path) -> None:
    data = os.urandom(ENOUGH)
    Path("large.txt").write_text(data.hex("\n", 32))
    source = given("large.txt")
    assert (source.head, source.is_whole) == (data, True)


def test_what_begins_as_text_and_is_none(folder: Path) -> None:
    data = b"00 " * ENOUGH + b"\0"
    Path("half.txt").write_bytes(data)
    assert given("half.txt").head == data
    with pytest.raises(InputError, match=r"half\.txt: is no text"):
        given("half.txt", form="hex")


RAW = "; --input raw takes the file as it is"


@pytest.mark.parametrize(
    ("content", "form", "text"),
    [
        (b"", None, "is empty"),
        (b"03 zz", None, f'line 1, column 4: "zz" is no hex{RAW}'),
        (b"\x0bK<parent>", None, f'line 1, column 2: "K<parent>" is no hex{RAW}'),  # AMF3 may look like text
        (b"03 zz", "hex", 'line 1, column 4: "zz" is no hex'),
        (b"03\n0", None, f'line 2, column 1: "0": hex digits come in pairs{RAW}'),
        (b"\xff\xfe\0", "hex", "is no text"),
        (b"# nothing", None, f"holds no bytes{RAW}"),
    ],
)
def test_what_is_wrong_with_a_file(folder: Path, content: bytes, form: Input | None, text: str) -> None:
    Path("talk.txt").write_bytes(content)
    with pytest.raises(InputError) as caught:
        given("talk.txt", form=form)
    assert str(caught.value) == f"talk.txt: {text}"


def test_files_that_cannot_be_read(folder: Path) -> None:
    Path("folder").mkdir()
    with pytest.raises(InputError, match="folder: is a directory"):
        given("folder")
    with pytest.raises(InputError, match=r"nothing: no such file"):
        given(file="nothing")


def test_a_file_without_permission(folder: Path) -> None:
    Path("secret").touch(0)
    me = os.geteuid()
    if me == 0:  # root may read everything
        folder.chmod(0o755)
        os.seteuid(65534)
    try:
        with pytest.raises(InputError, match="secret: permission denied"):
            given("secret")
    finally:
        if me == 0:
            os.seteuid(0)


def test_a_capture_has_a_command_of_its_own() -> None:
    path = str(CAPTURES / "connect-228.pcap")
    with pytest.raises(InputError, match="is a capture, for rtmpsniff read"):
        given(path)
    assert given(path, form="raw").head[:4] == b"\xd4\xc3\xb2\xa1"


def test_one_input_at_a_time(folder: Path) -> None:
    Path("talk.bin").write_bytes(CONNECT)
    for arguments, file in ((("talk.bin", "00"), None), (("00",), "talk.bin")):
        with pytest.raises(click.UsageError):
            given(*arguments, file=file)


# Standard input


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    pipe(monkeypatch, CONNECT)
    source = given(*arguments)
    assert (source.whole(), source.is_live) == (CONNECT, True)
    pipe(monkeypatch, hexdump(CONNECT).encode())
    assert given(*arguments).whole() == CONNECT
    pipe(monkeypatch, b"")
    with pytest.raises(InputError, match="standard input: is empty"):
        given(*arguments)


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input: is closed"):
        given()


def test_whoever_sits_before_a_terminal_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, CONNECT.hex().encode())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    said: list[str] = []
    assert take((), None, None, said.append).head == CONNECT
    assert said == ["paste the bytes, then Ctrl-D on a line of its own"]


# Places


def test_the_place_of_a_byte_in_a_text_of_several_lines() -> None:
    assert given("0300\n04").place(2) == "line 2, column 1"
    assert given("030004").place(2) == ""
    assert given("0300\n04").place(99) == ""


# Packets


def packet(*parts: tuple[str, bytes]) -> bytes:
    """IP packets as tcpdump -X shows them."""
    talk = Conversation(("10.0.0.1", 50000), ("10.0.0.2", 1935))
    frames = [talk.segment("client" if sender == "client" else "server", part) for sender, part in parts]
    return b"".join(frame.data[14:] for frame in frames)


@pytest.mark.parametrize("style", [tcpdump, wireshark])
def test_of_packets_what_they_carry_is_taken(style: object) -> None:
    assert callable(style)
    source = given(style(packet(("client", CONNECT[:100]), ("client", CONNECT[100:]))))
    assert (source.head, source.packets) == (CONNECT, 2)
    assert source.said == "241 bytes carried by 2 TCP packets"
    assert source.place(5) == ""


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((("client", CONNECT), ("server", CONNECT)), "these are TCP packets of several senders"),
        ((("client", b""),), "these are TCP packets that carry nothing"),
    ],
)
def test_packets_of_which_nothing_can_be_made(parts: tuple[tuple[str, bytes], ...], text: str) -> None:
    with pytest.raises(UserError, match=text):
        given(packet(*parts).hex())
