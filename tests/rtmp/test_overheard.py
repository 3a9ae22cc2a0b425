"""Whether it is RTMP, by what is said in the middle of a connection."""

from __future__ import annotations

import random

import pytest

from rtmpsniff.rtmp.overheard import MOST, Overheard, Verdict
from rtmpsniff.transport.connection import Connection
from rtmpsniff.transport.events import Hole, Piece
from tests.build import ChunkWriter, amf0, audio_frame, video_frame
from tests.rtmp.feeding import Carrier, Cut, Turn, new_connection, three_feedings, whole
from tests.rtmp.test_candidates import AUDIO, COMMAND, VIDEO
from tests.rtmp.test_recognition import HTTP, TLS

NOISE = random.Random(5).randbytes(MOST + 1000)


def media(count: int = 8, chunk_size: int = 4096) -> bytes:
    writer = ChunkWriter(chunk_size)
    said = []
    for number in range(count):
        said += writer.message(6, VIDEO, 1, 40 * number, video_frame(number, 700 + number))
        said += writer.message(4, AUDIO, 1, 40 * number, audio_frame(number, 90 + number))
    return b"".join(said)


def command(name: str, *values: object) -> bytes:
    writer = ChunkWriter()
    padding = (b"".join(writer.message(3, COMMAND, 0, 10 * n, amf0("onBWCheck", n, None))) for n in range(4))
    return b"".join(padding) + b"".join(writer.message(3, COMMAND, 0, 100, amf0(name, 4, None, *values)))


def overheard(turns: list[Turn], connection: Connection, cut: Cut = whole) -> tuple[Overheard, Verdict]:
    """Take what is said until there is a verdict."""
    one, carrier = Overheard(), Carrier(cut)
    flows = {flow.sender: flow for flow in connection.flows}
    for sender, part in turns:
        for item in carrier.carry(flows[sender], part):
            assert isinstance(item, Piece | Hole)
            verdict = one.take(item)
            if verdict != "wait":
                return one, verdict
    return one, "wait"


def unnamed() -> Connection:
    return new_connection(50000, 8000, whole=False)


@three_feedings
@pytest.mark.parametrize("skipped", [0, 1, 300, 900])
@pytest.mark.parametrize("chunk_size", [128, 4096])
def test_media_is_known_wherever_it_begins(cut: Cut, skipped: int, chunk_size: int) -> None:
    stream = media(chunk_size=chunk_size)[skipped:]
    one, verdict = overheard([("client", stream)], unnamed(), cut)
    assert verdict == "rtmp" or one.conclude() == "rtmp"


def test_of_two_directions_one_is_enough() -> None:
    turns: list[Turn] = [("server", NOISE[:500]), ("client", media())]
    assert overheard(turns, unnamed())[1] == "rtmp"


@three_feedings
@pytest.mark.parametrize("data", [HTTP, TLS])
def test_other_protocols_are_foreign_at_once(cut: Cut, data: bytes) -> None:
    cut = whole if cut is not whole else cut  # what a protocol begins with is in its first packet
    assert overheard([("client", data)], unnamed(), cut)[1] == "foreign"


def test_noise_is_foreign_when_enough_was_searched() -> None:
    one, verdict = overheard([("client", NOISE[:2000])], unnamed())
    assert (verdict, one.conclude()) == ("wait", "foreign")
    pieces: list[Turn] = [("client", NOISE[at : at + 1400]) for at in range(0, len(NOISE), 1400)]
    assert overheard(pieces, unnamed())[1] == "foreign"


def test_zeros_are_no_media() -> None:
    one, verdict = overheard([("client", bytes(20_000))], unnamed())
    assert (verdict, one.conclude()) == ("wait", "foreign")


def test_a_hole_begins_anew() -> None:
    stream = media()
    assert overheard([("client", stream[:100]), ("client", 333), ("client", stream[433:])], unnamed())[1] == "rtmp"


def test_what_it_costs_is_counted() -> None:
    one, _ = overheard([("client", NOISE[:2000])], unnamed())
    assert one.held >= 4000


@pytest.mark.parametrize(
    ("sender", "said", "client"),
    [
        ("client", command("createStream"), "client"),
        ("server", command("publish", "cam", "live"), "server"),
        ("client", command("onStatus", {"level": "status"}), "server"),
        ("server", command("_result", 1), "client"),
        ("server", command("nothing that tells"), "client"),
    ],
)
def test_who_is_the_client_is_told_by_what_is_said(sender: str, said: bytes, client: str) -> None:
    connection = unnamed()
    flows = {flow.sender: flow for flow in connection.flows}
    turns: list[Turn] = [("client" if sender == "client" else "server", said)]
    one, _ = overheard(turns, connection)
    assert one.client(connection.from_client) is flows["client" if client == "client" else "server"]
