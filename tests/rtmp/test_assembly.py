"""The assembly of messages at its own door; what streams come to is in test_direction."""

from __future__ import annotations

from itertools import count

from rtmpsniff.capture.packet import Origin
from rtmpsniff.rtmp.assembly import Assembler
from rtmpsniff.rtmp.events import Message
from rtmpsniff.rtmp.outcome import Outcome
from rtmpsniff.rtmp.window import Window
from rtmpsniff.transport.events import Piece
from tests.build import ChunkWriter
from tests.rtmp.feeding import new_connection

FLOW = new_connection().from_client
ORIGIN = Origin(0, 1, 0)


def assembled(stream: bytes, chunk_size: int = 128) -> tuple[Assembler, int]:
    window = Window()
    window.open(Piece(FLOW, 0, stream, [0], [ORIGIN]))
    assembler = Assembler(Outcome(1, "client", window), count(1), window)
    assembler.chunk_size.size = chunk_size
    return assembler, assembler.read(stream, 0)


def test_a_run_that_breaks_off_is_taken_as_far_as_it_goes() -> None:
    """Continuation headers are compared 64, then 512, then ever more at a time: each count must come out right."""
    for chunks in (1, 2, 63, 64, 65, 66, 575, 576, 577, 700):
        payload = bytes(range(256)) * 3
        stream = b"".join(ChunkWriter(1).message(4, 9, 1, 0, payload[:chunks]))
        assembler, used = assembled(stream, 1)
        (message,) = assembler.events
        assert isinstance(message, Message)
        assert (message.payload, message.chunk_count, used) == (payload[:chunks], chunks, len(stream))
        for cut in range(len(stream) - 1, max(len(stream) - 5, 12), -1):
            broken = stream[:cut] + b"\x02"
            assert assembled(broken, 1)[0].held >= 0


def test_what_is_held_is_counted_and_let_go() -> None:
    stream = b"".join(ChunkWriter().message(4, 9, 1, 0, bytes(300)))
    assembler, _ = assembled(stream[:200])
    assert assembler.held > 180
    assembler.release()
    assert assembler.held == 0
    assert [event.state for event in assembler.events if isinstance(event, Message)] == ["cut"]


def test_it_says_why_it_is_lost() -> None:
    assembler, used = assembled(b"\xc7" * 20)
    assert assembler.lost is not None
    assert (used, assembler.lost.why) == (0, "format 3 on chunk stream 7, which has not begun")
    assert repr(assembler) == "<Assembler 1 from client: 0 chunk streams>"
