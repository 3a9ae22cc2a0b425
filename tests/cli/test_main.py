"""The program as a shell sees it: exit statuses, one-line errors, pipes, terminals and signals."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from rtmpsniff.version import __version__
from tests.build import Talk, audio_frame, begin_publish, pcap, session

HOME = Path(__file__).parents[2]
CONNECT = "captures/connect-228.pcap"
FOREIGN = "captures/not-rtmp-on-1935.pcap"
LARGEST = "captures/extended-timestamp.pcap"
PROGRAM = [sys.executable, "-m", "rtmpsniff"]
ESCAPE_CODE = re.compile(r"\x1b\[[0-9;]*m")
NONE: Mapping[str, str] = {}
DONE, BAD_ANSWER, USAGE, INPUT_OUTPUT = 0, 1, 2, 3


class Ended(NamedTuple):
    status: int
    output: str
    errors: str


def environment(changes: Mapping[str, str] = NONE) -> dict[str, str]:
    usual = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}}
    return {**usual, "TERM": "xterm-256color", "PYTHONPATH": str(HOME), "LC_ALL": "C.UTF-8", **changes}


def shell(*arguments: str, variables: Mapping[str, str] = NONE) -> Ended:
    """Run the program; standard output is a pipe."""
    command = [*PROGRAM, *arguments]
    ran = subprocess.run(
        command, input=b"", capture_output=True, check=False, cwd=HOME, env=environment(variables), timeout=60
    )
    return Ended(ran.returncode, ran.stdout.decode(), ran.stderr.decode())


def script(line: str) -> Ended:
    """Run a line of shell, in which `rtmpsniff` is the program."""
    function = f'rtmpsniff() {{ "{sys.executable}" -m rtmpsniff "$@"; }}\n'
    command = ["bash", "-c", function + line]
    ran = subprocess.run(command, capture_output=True, check=False, cwd=HOME, env=environment(), timeout=60)
    return Ended(ran.returncode, ran.stdout.decode(), ran.stderr.decode())


def is_one_line(errors: str) -> bool:
    return errors.count("\n") == 1 and errors.startswith("rtmpsniff: ") and "Traceback" not in errors


# What a file comes to


def test_a_capture_is_read() -> None:
    ran = shell("read", CONNECT)
    assert (ran.status, ran.errors) == (DONE, "")
    assert len(ran.output.splitlines()) == 10


@pytest.mark.parametrize("command", ["read", "summary"])
def test_files_that_cannot_be_read(tmp_path: Path, command: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_bytes(b"This is a text, and no capture.\n")
    (tmp_path / "packed.bz2").write_bytes(b"BZh9")
    (tmp_path / "half.gz").write_bytes(b"\x1f\x8b\x08\0")
    (tmp_path / "short").write_bytes(pcap([])[:20])
    refusals = {
        "missing": "no such file",
        "": "is a directory",
        "empty": "is empty",
        "text": 'is not a pcap or pcapng capture: begins with "This is a text, "',
        "packed.bz2": f"is compressed with bzip2; unpack it first: bzip2 -dc {tmp_path}/packed.bz2 | rtmpsniff read -",
        "half.gz": "its gzip data ends early, after 4 bytes",
        "short": "ends inside its pcap header: 4 of 24 bytes are missing",
    }
    for name, line in refusals.items():
        path = f"{tmp_path}/{name}".rstrip("/")
        ran = shell(command, path)
        assert (ran.status, ran.output) == (INPUT_OUTPUT, "")
        assert ran.errors == f"rtmpsniff: {path}: {line}\n"


def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.pcap"
    path.write_bytes(pcap(session().frames))
    path.chmod(0)
    tmp_path.chmod(0o755)
    if os.geteuid() != 0:
        ran = shell("read", str(path))
        assert (ran.status, ran.errors) == (INPUT_OUTPUT, f"rtmpsniff: {path}: permission denied\n")
        return
    nobody = 65534
    for folder in (tmp_path, *tmp_path.parents):  # pytest keeps its folders to itself
        if folder.stat().st_uid == 0 and folder.is_relative_to("/tmp/pytest-of-root"):
            folder.chmod(0o755)
    setup = f"import os, sys; from rtmpsniff.cli import main; import rtmpsniff.cli.read; os.setuid({nobody})"
    command = [sys.executable, "-c", f"{setup}; sys.exit(main(sys.argv[1:]))", "read", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HOME, env=environment())
    assert ended.stderr == f"rtmpsniff: {path}: permission denied\n"
    assert (ended.returncode, ended.stdout) == (INPUT_OUTPUT, "")


def test_garbage_after_the_header(tmp_path: Path) -> None:
    path = tmp_path / "garbage.pcap"
    path.write_bytes(pcap([]) + b"\xff" * 500)
    ran = shell("read", str(path))
    assert ran.status in {BAD_ANSWER, INPUT_OUTPUT}
    assert ran.output == ""
    assert f"{path} is unreadable before any packet, from byte 24 on: " in ran.errors
    assert "Traceback" not in ran.errors


@pytest.mark.parametrize("command", ["read", "summary"])
def test_a_truncated_file_is_read_as_far_as_it_goes(tmp_path: Path, command: str) -> None:
    path = tmp_path / "cut.pcap"
    frames = session().frames
    path.write_bytes(pcap(frames)[:-5])
    ran = shell(command, str(path))
    assert ran.status == DONE
    assert ran.output
    assert is_one_line(ran.errors)
    assert ran.errors.startswith(f"rtmpsniff: warning: {path} ends inside a record after packet {len(frames) - 1}: ")


@pytest.mark.parametrize("command", ["read", "summary"])
def test_garbage_instead_of_rtmp(tmp_path: Path, command: str) -> None:
    talk = Talk()
    talk.open()
    talk.client(b"GET / HTTP/1.1\r\n\r\n")
    talk.close()
    path = tmp_path / "web.pcap"
    path.write_bytes(pcap(talk.frames))
    ran = shell(command, str(path))
    assert ran.status == BAD_ANSWER
    assert "not RTMP: an HTTP request: GET / HTTP/1.1" in ran.output
    assert ran.errors == f"rtmpsniff: no RTMP in {path} (7 packets, 0 other TCP connections)\n"


@pytest.mark.parametrize("command", ["read", "summary"])
def test_a_handshake_that_was_only_begun_is_rtmp(command: str) -> None:
    """Five connections are something else, one sends half of C0 and C1."""
    ran = shell(command, FOREIGN)
    assert (ran.status, ran.errors) == (DONE, "")
    assert "not RTMP: an HTTP request" in ran.output


def test_a_capture_without_a_packet(tmp_path: Path) -> None:
    path = tmp_path / "none.pcap"
    path.write_bytes(pcap([]))
    ran = shell("read", str(path))
    assert (ran.status, ran.output) == (BAD_ANSWER, "")
    assert ran.errors == f"rtmpsniff: no RTMP in {path} (0 packets, 0 other TCP connections)\n"


def test_the_good_file_of_two_does_not_hide_the_bad_one() -> None:
    ran = shell("read", CONNECT, "missing")
    assert (ran.status, ran.output, ran.errors) == (INPUT_OUTPUT, "", "rtmpsniff: missing: no such file\n")


@pytest.mark.parametrize("arguments", [("-c", "1"), ("-c", "1", "--type", "command"), ("-x", "-c", "1")])
def test_stopping_early_is_no_bad_answer(arguments: tuple[str, ...]) -> None:
    """That enough was shown says that there was RTMP."""
    ran = shell("read", CONNECT, *arguments)
    assert (ran.status, ran.errors) == (DONE, "")


def test_a_filter_that_lets_nothing_through_is_no_bad_answer() -> None:
    ran = shell("read", CONNECT, "--message", "999")
    assert (ran.status, ran.output, ran.errors) == (DONE, "", "rtmpsniff: nothing matched\n")


# Wrong usage


WRONG = [
    (),
    ("read",),
    ("summary",),
    ("nonsense",),
    ("read", "--nonsense", CONNECT),
    ("--color", "sometimes", "read", CONNECT),
    ("read", "--color", "sometimes", CONNECT),
    ("read", "--port", "65536", CONNECT),
    ("read", "--port", "x", CONNECT),
    ("read", "--connection", "0", CONNECT),
    ("read", "-c", "0", CONNECT),
    ("read", "--type", "vidio", CONNECT),
    ("read", "--message", "x", CONNECT),
    ("read", "--from", "tomorrow", CONNECT),
    ("read", "--to", "nan", CONNECT),
    ("read", "-t", "never", CONNECT),
    ("read", "-", "-"),
    ("summary", "--top", "0", CONNECT),
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    ran = shell(*arguments)
    assert (ran.status, ran.output) == (USAGE, "")
    assert ran.errors
    assert "Traceback" not in ran.errors


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(option: str) -> None:
    for arguments in ((option,), ("read", option), ("summary", option)):
        ran = shell(*arguments)
        assert (ran.status, ran.errors) == (DONE, "")
        assert ran.output.startswith("Usage: rtmpsniff ")


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(option: str) -> None:
    assert shell(option) == (DONE, f"rtmpsniff {__version__}\n", "")


# Outputs that cannot be written


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("command", [f"read {CONNECT}", f"read -x {LARGEST}", f"summary {CONNECT}", "--help"])
def test_a_full_disk(command: str) -> None:
    ran = script(f"rtmpsniff {command} > /dev/full")
    assert ran.status == INPUT_OUTPUT
    assert ran.errors == "rtmpsniff: standard output: No space left on device\n"


@pytest.mark.parametrize("command", [f"read {CONNECT}", f"read -x {LARGEST}", f"summary {CONNECT}"])
def test_a_closed_pipe_ends_quietly(command: str) -> None:
    ran = script(f"rtmpsniff {command} | head -1; exit ${{PIPESTATUS[0]}}")
    assert ran.status in {DONE, 128 + signal.SIGPIPE}
    assert ran.errors == ""
    assert len(ran.output.splitlines()) == 1


@pytest.mark.parametrize("command", [f"read {CONNECT}", f"summary {CONNECT}"])
def test_a_closed_output(command: str) -> None:
    ran = script(f"rtmpsniff {command} >&-")
    assert ran.status == INPUT_OUTPUT
    assert is_one_line(ran.errors)


def test_closed_errors_do_no_harm() -> None:
    ran = script(f"head -c 5000 {CONNECT} | rtmpsniff read - 2>&-")
    assert ran.status == DONE
    assert "handshake" in ran.output


# Signals and slow pipes


@pytest.fixture
def reader() -> Iterator[subprocess.Popen[bytes]]:
    """`rtmpsniff read -`, whose input somebody still writes."""
    with subprocess.Popen(
        [*PROGRAM, "read", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=HOME,
        env=environment(),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_some(descriptor: int, seconds: float = 20) -> bytes:
    ready, _, _ = select.select([descriptor], [], [], seconds)
    return os.read(descriptor, 1 << 16) if ready else b""


def read_until(descriptor: int, wanted: bytes) -> None:
    output = b""
    while wanted not in output:
        more = read_some(descriptor)
        assert more, output
        output += more


def test_a_slow_pipe_shows_lines_before_it_is_closed(reader: subprocess.Popen[bytes]) -> None:
    assert reader.stdin is not None
    assert reader.stdout is not None
    frames = session().frames
    reader.stdin.write(pcap(frames[: len(frames) // 2]))
    reader.stdin.flush()
    read_until(reader.stdout.fileno(), b"publish(5)")
    assert reader.poll() is None
    rest, errors = reader.communicate()
    assert (reader.returncode, errors) == (DONE, b"")
    assert b"close" in rest


def test_a_pipe_that_pauses_shows_all_that_came(reader: subprocess.Popen[bytes]) -> None:
    """The last packet of one side is not kept back until the other says something."""
    assert reader.stdin is not None
    assert reader.stdout is not None
    talk = Talk()
    begin_publish(talk)
    talk.say("client", 4, 8, 1, 4321, audio_frame(0, 50))
    reader.stdin.write(pcap(talk.frames))
    reader.stdin.flush()
    read_until(reader.stdout.fileno(), b"4321")


def test_ctrl_c_ends_without_a_traceback(reader: subprocess.Popen[bytes]) -> None:
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdin.write(pcap(session().frames[:9]))
    reader.stdin.flush()
    read_until(reader.stdout.fileno(), b"handshake")
    reader.send_signal(signal.SIGINT)
    reader.wait(20)
    assert reader.stderr is not None
    assert reader.stderr.read().strip() == b""
    assert reader.returncode in {128 + signal.SIGINT, -signal.SIGINT}


def test_standard_input_may_be_a_file() -> None:
    assert script(f"rtmpsniff read - < {CONNECT}").output == shell("read", CONNECT).output


def test_standard_input_that_is_closed() -> None:
    ran = script("rtmpsniff read - <&-")
    assert (ran.status, ran.output) == (INPUT_OUTPUT, "")
    assert ran.errors == "rtmpsniff: standard input: is closed\n"


# Colors


COLORS: list[tuple[tuple[str, ...], dict[str, str], bool]] = [
    ((), {}, False),
    (("--color", "always"), {}, True),
    (("--color", "always"), {"NO_COLOR": "1"}, True),
    (("--color", "never"), {"FORCE_COLOR": "1"}, False),
    (("--color", "auto"), {}, False),
    ((), {"FORCE_COLOR": "1"}, True),
    ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ((), {"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
    ((), {"FORCE_COLOR": ""}, False),
]


@pytest.mark.parametrize(("arguments", "variables", "colored"), COLORS)
def test_colors_in_a_pipe(arguments: tuple[str, ...], variables: dict[str, str], colored: bool) -> None:
    for command in (("read", "-c", "1", CONNECT), ("summary", CONNECT)):
        assert ("\x1b[" in shell(*command, *arguments, variables=variables).output) is colored


def test_colors_may_be_chosen_before_the_command_and_after() -> None:
    assert "\x1b[" in shell("--color", "always", "read", CONNECT).output
    assert "\x1b[" not in shell("--color", "always", "read", "--color", "never", CONNECT).output
    assert "\x1b[" in shell("--color", "never", "read", "--color", "always", CONNECT).output
    assert shell("--color", "always", "read", CONNECT).output == shell("read", CONNECT, "--color", "always").output


@pytest.mark.parametrize("shape", [(), ("-v",), ("-x",), ("-x", "--full")])
def test_colors_are_all_that_colors_change(shape: tuple[str, ...]) -> None:
    colored = shell("read", *shape, CONNECT, "--color", "always").output
    assert ESCAPE_CODE.sub("", colored) == shell("read", *shape, CONNECT).output


ASCII = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}


def test_a_character_set_without_a_character() -> None:
    """What it cannot say is escaped; it is no reason to stop."""
    ran = shell("summary", CONNECT, variables=ASCII)
    assert (ran.status, ran.errors) == (DONE, "")


def test_hostile_and_foreign_letters_in_ascii(tmp_path: Path) -> None:
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(session(app="Zürich東京\x1b").frames))
    ran = shell("read", str(path), variables=ASCII)
    assert ran.status == DONE
    assert r'app="Z\xfcrich\u6771\u4eac\x1b"' in ran.output


# A terminal


def terminal(*arguments: str, columns: int = 80, variables: Mapping[str, str] = NONE) -> list[str]:
    """What the program shows on a terminal of so many columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [*PROGRAM, *arguments]
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=HOME, env=environment(variables)
    ) as process:
        os.close(slave)
        output = b""
        try:
            while more := read_some(master):
                output += more
        except OSError:  # the other end is closed
            pass
        process.wait(20)
    os.close(master)
    assert process.returncode == DONE
    return output.decode().replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize("columns", [80, 100, 130, 200])
@pytest.mark.parametrize("view", [("-v",), (), ("-x",), ("-X",)])
def test_no_line_is_longer_than_the_terminal(view: tuple[str, ...], columns: int) -> None:
    lines = [ESCAPE_CODE.sub("", line) for line in terminal("read", *view, CONNECT, columns=columns)]
    assert lines
    assert [line for line in lines if len(line) > columns] == []


def test_a_terminal_has_colors_and_a_heading() -> None:
    lines = terminal("read", CONNECT)
    assert "\x1b[" in lines[0]
    assert "\x1b[" in lines[1]
    assert ESCAPE_CODE.sub("", lines[0]).split()[0] == "time"
    assert ESCAPE_CODE.sub("", terminal("read", "-v", CONNECT)[0]).split()[0] == "time"
    assert ESCAPE_CODE.sub("", terminal("read", "-x", CONNECT)[0]).split()[0] != "time"
    assert shell("read", CONNECT).output.split()[0] != "time"


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colors(variables: dict[str, str]) -> None:
    lines = terminal("read", CONNECT, variables=variables)
    assert "\x1b" not in "".join(lines)
    assert lines[0].split()[0] == "time"


@pytest.mark.parametrize("columns", [80, 200])
def test_a_summary_on_a_terminal(columns: int) -> None:
    lines = [ESCAPE_CODE.sub("", line) for line in terminal("summary", CONNECT, columns=columns)]
    assert any("127.0.0.1:56118 -> 127.0.0.1:1935" in line for line in lines)
    assert [line for line in lines[1:] if len(line) > columns] == []  # the first has the name of a file


def test_a_terminal_of_no_width() -> None:
    """Some have not been told their size."""
    assert terminal("read", CONNECT, columns=0)
    assert terminal("read", "-x", CONNECT, columns=1)


SCRIPT = Path(sys.executable).with_name("rtmpsniff")


@pytest.mark.skipif(not SCRIPT.exists(), reason="the package is not installed, only checked out")
def test_the_console_script() -> None:
    ran = subprocess.run([str(SCRIPT), "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout == f"rtmpsniff {__version__}\n"


def test_another_port_may_be_named(tmp_path: Path) -> None:
    """What was open before the capture began, and says nothing that tells, is taken for RTMP by its port alone."""
    talk = Talk(server=("10.0.0.2", 5000))
    talk.client(bytes(range(256)))
    path = tmp_path / "late.pcap"
    path.write_bytes(pcap(talk.frames))
    assert shell("read", str(path)).status == BAD_ANSWER
    ran = shell("read", str(path), "--port", "5000")
    assert ran.status == DONE
    assert "open before the capture began" in ran.output
