"""Key logs: what is one, what is passed over, and how much is kept."""

from __future__ import annotations

from random import Random

import pytest

from rtmpsniff.tunnel import keylog
from rtmpsniff.tunnel.keylog import KeyLog

ONE, TWO = bytes(range(32)), bytes(range(32, 64))
MASTER = bytes(48)


def line(label: str, random: bytes, secret: bytes) -> bytes:
    return f"{label} {random.hex()} {secret.hex()}\n".encode()


def test_lines_in_any_order_and_manner() -> None:
    keys = KeyLog()
    upper = line("CLIENT_TRAFFIC_SECRET_0", TWO, ONE).upper().replace(b"\n", b" \r\n")
    text = b"# made by a program\n\n" + line("CLIENT_RANDOM", ONE, MASTER) + upper
    assert keys.add(text) == 2
    assert len(keys) == 2
    assert keys.secrets(ONE) == {"CLIENT_RANDOM": MASTER}
    assert keys.secrets(TWO) == {"CLIENT_TRAFFIC_SECRET_0": ONE}
    assert keys.secrets(bytes(32)) == {}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\0" * 1000,
        b"CLIENT_RANDOM",
        line("CLIENT_RANDOM", ONE[:31], MASTER),
        line("client_random", ONE, MASTER),
        line("CLIENT_RANDOM", ONE, MASTER)[:-3] + b"x\n",
        line("CLIENT_RANDOM", ONE, b""),
        line("CLIENT_RANDOM", ONE, bytes(1000)),
        b"RSA 0011223344556677 " + MASTER.hex().encode(),
        Random(1).randbytes(100_000),
    ],
)
def test_what_is_no_key_log(text: bytes) -> None:
    keys = KeyLog()
    assert keys.add(text) == 0
    assert len(keys) == keys.version == 0


def test_the_last_line_needs_no_end_and_a_line_cut_in_the_middle_spoils_no_other() -> None:
    keys = KeyLog()
    text = line("CLIENT_RANDOM", ONE, MASTER)
    assert keys.add(text[:50] + b"\n" + text[:-1]) == 1
    assert keys.secrets(ONE) == {"CLIENT_RANDOM": MASTER}


def test_pieces_cut_anywhere() -> None:
    text = line("CLIENT_RANDOM", ONE, MASTER) + b"x" * 5000 + b"\n" + line("CLIENT_RANDOM", TWO, MASTER)
    for size in (1, 7, 100, 4096):
        keys = KeyLog()
        assert keys.add_blocks(text[at : at + size] for at in range(0, len(text), size)) == 2


def test_a_line_without_end_takes_no_memory() -> None:
    keys = KeyLog()
    assert keys.add_blocks(b"A" * 65536 for _ in range(1000)) == 0


def test_the_first_secret_of_a_label_stays() -> None:
    keys = KeyLog()
    keys.add(line("CLIENT_RANDOM", ONE, MASTER) + line("CLIENT_RANDOM", ONE, bytes([1]) * 48))
    assert keys.secrets(ONE) == {"CLIENT_RANDOM": MASTER}
    assert keys.version == 1


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keylog, "MOST_CONNECTIONS", 100)
    keys = KeyLog()
    keys.add(b"".join(line("CLIENT_RANDOM", number.to_bytes(32, "big"), MASTER) for number in range(150)))
    assert len(keys) == 100
    assert not keys.secrets((49).to_bytes(32, "big"))
    assert keys.secrets((50).to_bytes(32, "big"))
    keys.add(b"".join(line(f"LABEL_{number}", ONE, MASTER) for number in range(50)))
    assert len(keys.secrets(ONE)) == keylog.MOST_LABELS


@pytest.mark.parametrize("digits", [31, 33, 47, 95, 255, 257])
def test_a_secret_of_half_a_byte_or_of_another_length_is_none(digits: int) -> None:
    keys = KeyLog()
    assert keys.add(b"CLIENT_RANDOM " + ONE.hex().encode() + b" " + b"a" * digits) == 0
    assert len(keys) == 0


def test_a_line_that_was_read_too_early_is_mended_by_the_whole_one() -> None:
    keys, whole = KeyLog(), line("CLIENT_RANDOM", ONE, MASTER)
    keys.add(whole[:-21])
    assert keys.secrets(ONE) == {"CLIENT_RANDOM": MASTER[:-10]}
    keys.add(whole)
    assert keys.secrets(ONE) == {"CLIENT_RANDOM": MASTER}
    assert keys.version == 2
    keys.add(whole[:-21])
    assert keys.secrets(ONE) == {"CLIENT_RANDOM": MASTER}


def test_sources_are_read_when_they_are_asked_for() -> None:
    keys = KeyLog()
    texts = [line("CLIENT_RANDOM", ONE, MASTER)]
    keys.sources.append(lambda: [texts.pop()] if texts else [])
    assert not keys.secrets(ONE)
    assert keys.refresh() == 1
    assert keys.secrets(ONE)
    assert keys.refresh() == 1
    assert repr(keys) == "<KeyLog of 1 connections>"


def test_what_grows_counts_where_it_is_followed() -> None:
    keys = KeyLog()
    keys.growing.append(lambda: [line("CLIENT_RANDOM", ONE, MASTER)])
    assert keys.refresh() == 0
    assert not keys.grows
    keys.follow()
    keys.follow()
    assert keys.grows
    assert len(keys.sources) == 1
    assert keys.refresh() == 1


def test_a_key_log_without_a_line_is_there() -> None:
    keys = KeyLog()
    assert not keys.is_there
    keys.add_blocks([])
    assert keys.is_there
