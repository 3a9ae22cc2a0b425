"""A second opinion: what tshark reads in every capture, message by message, beside what this program reads.

Compared are, for each connection and direction and in order: type, chunk stream, message stream, timestamp, length.
What a chunk header inherits is not in tshark's fields (its `typeid` and `bodysize` are those of formats 0 and 1), so
length and message stream are carried on here, within a chunk stream and in tshark's own order; the type it names
itself, beside the protocol. Where the two differ, KNOWN says how, who is right, and why: any other difference fails.

Three differences are of kind and not of opinion. tshark shows a message when its last byte was there, so those that
were cut or aborted are left out on our side. It has no timestamp for a header with an extended delta: its later
arithmetic takes such a delta for the time itself, so that is what it is taken to say. And what travels inside HTTP or
TLS is left out on both sides.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Final, Literal, NamedTuple

import pytest

import rtmpsniff

HERE: Final = Path(__file__).parents[1] / "captures"
SHARED: Final = Path(__file__).parents[2] / "shared" / "captures"
TUNNELED: Final = {"tls", "rtmps", "rtmpt", "rtmpts", "rtmpte"}
ENDINGS: Final = {".pcap", ".pcapng", ".gz"}

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


class Seen(NamedTuple):
    """What both sides can say of a message."""

    type: int
    chunk_stream: int
    message_stream: int
    timestamp: int
    length: int


class Way(NamedTuple):
    """One direction of one connection. `use` counts from 1 where a pair of ports was used again."""

    source: int
    destination: int
    use: int = 1

    def __str__(self) -> str:
        return f"{self.source} > {self.destination}" + (f", use {self.use}" if self.use > 1 else "")


Talk = dict[Way, list[Seen]]

# What rtmpsniff says.


def ours(connections: Iterable[rtmpsniff.Connection]) -> Talk:
    """The messages of a capture that arrived to their last byte."""
    talk: Talk = defaultdict(list)
    uses: Counter[tuple[int, int]] = Counter()
    for connection in connections:
        ports = {"client": connection.opened.client.port, "server": connection.opened.server.port}
        uses[ports["client"], ports["server"]] += 1
        use = uses[ports["client"], ports["server"]]
        ways = {
            "client": Way(ports["client"], ports["server"], use),
            "server": Way(ports["server"], ports["client"], use),
        }
        for message in connection.messages:
            if message.state in {"whole", "damaged"}:
                talk[ways[message.sender]].append(_seen(message))
    return talk


def _seen(message: rtmpsniff.Message) -> Seen:
    return Seen(
        message.message_type_id,
        message.chunk_stream_id,
        message.message_stream_id,
        message.timestamp,
        message.length,
    )


# What tshark says.

SEPARATOR: Final = "\x1f"  # between the values of one field; tshark's own comma also stands in strings
OPTIONS: Final = (
    *("-n", "-o", "rtmpt.max_packet_size:16777216"),  # without it 4.0 ignores chunk sizes from 32768 on
    *("-o", "tcp.reassemble_out_of_order:TRUE"),
    *("-Y", "rtmpt && !http", "-T", "fields", "-E", f"aggregator={SEPARATOR}"),
)
FIELDS: Final = (
    *("tcp.stream", "tcp.srcport", "tcp.dstport", "rtmpt"),
    *(f"rtmpt.header.{name}" for name in ("format", "csid", "timestamp", "timestampdelta", "ets", "bodysize")),
    "rtmpt.header.streamid",
)
TYPES: Final = {
    "Set Chunk Size": 1,
    "Abort Message": 2,
    "Acknowledgement": 3,
    "User Control Message": 4,
    "Window Acknowledgement Size": 5,
    "Set Peer Bandwidth": 6,
    "Audio Data": 8,
    "Video Data": 9,
    "AMF3 Data": 15,
    "AMF3 Shared Object": 16,
    "AMF3 Command": 17,
    "AMF0 Data": 18,
    "AMF0 Shared Object": 19,
    "AMF0 Command": 20,
    "Aggregate": 22,
}
PROTOCOL: Final = "Real Time Messaging Protocol ("
EXTENDED: Final = 0xFFFFFF
UNKNOWN: Final = -1


def theirs(path: Path, ports: Collection[int], settings: Path) -> Talk:
    """The messages of a capture as tshark has them; `ports` carry RTMP besides 1935."""
    command = ["tshark", *OPTIONS, "-r", str(path)]
    for port in sorted(ports):
        command += ["-d", f"tcp.port=={port},rtmpt"]
    for name in FIELDS:
        command += ["-e", name]
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(settings), "LC_ALL": "C.UTF-8"}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 0 or "cut short in the middle of a packet" in run.stderr, run.stderr
    return _talk(line.split("\t") for line in run.stdout.splitlines())


def _talk(rows: Iterable[list[str]]) -> Talk:
    """Rows are packets: what ended in one of them, several messages at times, each with the fields that it has."""
    talk: Talk = defaultdict(list)
    streams: dict[tuple[int, int], list[int]] = {}
    inherited: dict[tuple[Way, int], tuple[int, int]] = {}
    for row in rows:
        values = [iter(cell.split(SEPARATOR) if cell else ()) for cell in row]
        stream, source, destination = (int(next(value)) for value in values[:3])
        uses = streams.setdefault((min(source, destination), max(source, destination)), [])
        if stream not in uses:
            uses.append(stream)
        way = Way(source, destination, uses.index(stream) + 1)
        for title in values[3]:
            if not title.startswith(f"{PROTOCOL}Handshake"):
                talk[way].append(_message(title, values[4:], way, inherited))
        assert not any(list(value) for value in values[4:]), f"tshark gives more fields than there are messages: {row}"
    return talk


def _message(
    title: str, values: list[Iterator[str]], way: Way, inherited: dict[tuple[Way, int], tuple[int, int]]
) -> Seen:
    form, chunk_stream, timestamp, delta, extended, size, message_stream = values
    header_format, number = int(next(form)), int(next(chunk_stream))
    if header_format in {1, 2} and int(next(delta)) == EXTENDED:
        time = int(next(extended))
    else:  # of format 1 to 3 what tshark calculated
        time = int(next(timestamp))
        if header_format == 0 and time == EXTENDED:
            time = int(next(extended))
    length, belongs = inherited.get((way, number), (UNKNOWN, 0))
    if header_format < 2:
        length = int(next(size))
    if header_format == 0:
        belongs = int(next(message_stream))
    inherited[way, number] = (length, belongs)
    return Seen(_type(title), number, belongs, time % (1 << 32), length)


def _type(title: str) -> int:
    name = title.removeprefix(PROTOCOL)
    return next((number for text, number in TYPES.items() if name.startswith(text)), UNKNOWN)


# Where they differ.


@dataclass(frozen=True)
class Noise:
    """There is no message here that a listener could read; tshark shows some all the same."""

    why: str

    def explains(self, mine: Sequence[Seen], other: Sequence[Seen]) -> bool:
        return not mine and bool(other)


@dataclass(frozen=True)
class OutOfStep:
    """tshark decodes from the wrong place. `end` is what ours must end with, as far as it is known from elsewhere."""

    why: str
    end: tuple[Seen, ...] = ()

    def explains(self, mine: Sequence[Seen], other: Sequence[Seen]) -> bool:
        return list(mine) != list(other) and tuple(mine[len(mine) - len(self.end) :]) == self.end


@dataclass(frozen=True)
class Stops:
    """tshark gives up after the first bytes that were never captured; what comes before must be the same."""

    why: str = "some packets are not in the capture, and tshark shows nothing more of that direction"

    def explains(self, mine: Sequence[Seen], other: Sequence[Seen]) -> bool:
        return list(mine[: len(other)]) == list(other)


@dataclass(frozen=True)
class Differs:
    """One message is read differently. `index` counts from 0 in its direction, `header` is that of its first chunk."""

    index: int
    header: bytes
    ours: Seen
    theirs: Seen
    right: Literal["rtmpsniff", "tshark"]
    why: str

    def explains(self, mine: Sequence[Seen], other: Sequence[Seen]) -> bool:
        return _unequal(mine, other) == [(self.index, self.ours, self.theirs)]


@dataclass(frozen=True)
class Shifted:
    """From a message on, the times of each chunk stream are apart by the same amount, modulo 2^32."""

    index: int
    header: bytes
    apart: dict[int, int]  # tshark's time less ours, by chunk stream
    but: tuple[int, int, int]  # one message is read differently for itself: its index, our time, tshark's
    right: Literal["rtmpsniff", "tshark"]
    why: str

    def explains(self, mine: Sequence[Seen], other: Sequence[Seen]) -> bool:
        moved = list(mine)
        for index, one in enumerate(mine):
            apart = self.apart.get(one.chunk_stream, 0) if index >= self.index else 0
            moved[index] = one._replace(timestamp=(one.timestamp + apart) % (1 << 32))
        index, ours, theirs = self.but
        if mine[index].timestamp != ours:
            return False
        moved[index] = mine[index]._replace(timestamp=theirs)
        return moved == list(other)


@dataclass(frozen=True)
class LeavesOut:
    """tshark does not show some messages, and takes what later headers inherit from the last one that it shows."""

    indices: tuple[int, ...]
    inherited: int  # the message stream that it then gives to those behind
    why: str

    def explains(self, mine: Sequence[Seen], other: Sequence[Seen]) -> bool:
        shown = [one for index, one in enumerate(mine) if index not in self.indices]
        behind = self.indices[0]
        return [one._replace(message_stream=self.inherited) for one in shown[behind:]] == list(other[behind:]) and (
            shown[:behind] == list(other[:behind])
        )


Known = Noise | OutOfStep | Stops | Differs | Shifted | LeavesOut


def _both_ways(why: Known, server: int, *clients: int) -> dict[str, Known]:
    return {way: why for client in clients for way in (f"{client} > {server}", f"{server} > {client}")}


NO_HANDSHAKE: Final = Noise(
    "Random bytes, sent to the port to see what happens. C0 would be 03; this begins otherwise."
)
ENCRYPTED: Final = Noise(
    "RTMPE: C0 and S0 are 06, 08 or 09, not 03, and after the handshake all is encrypted. tshark reads on, and of the "
    "types that it finds hardly one exists."
)
LATE: Final = OutOfStep("the capture begins in the middle of a connection; tshark takes its first byte for a header")
# The whole view of 23's session is 22, of snaplen96's is 28: there the streams have at 3073 what tshark leaves out
# of the cut ones, 02 00 00 00 00 00 04 05 00 00 00 00 and four bytes, although that packet was captured to its end.
CUT: Final = OutOfStep(
    "the snapshot length cut the packets; tshark leaves the cut ones out, some whole ones with them, and decodes "
    "others from wherever they begin (it finds the type of its first message in the middle of C1)"
)
# captures/build_odd.py: three pictures and three sounds, 40 ms apart, with format 0 each; then two commands.
OMITTED: Final = OutOfStep(
    "the extended timestamp is not repeated in chunks of format 3 (the text of 2009): 06 ff ff ff 00 01 36 09 01 00 00 "
    "00 01 31 2d 00, 128 bytes that end in 75, c6, and the payload goes on with 76 77 78 79. tshark takes these four "
    "for the timestamp's repetition and is out of step ever after",
    (
        *(Seen(9, 6, 1, 20_000_000, 310), Seen(8, 4, 1, 20_000_000, 152)),
        *(Seen(9, 6, 1, 20_000_040, 310), Seen(8, 4, 1, 20_000_040, 152)),
        *(Seen(9, 6, 1, 20_000_080, 310), Seen(8, 4, 1, 20_000_080, 152)),
        *(Seen(20, 3, 0, 0, 33), Seen(20, 3, 0, 0, 34)),
    ),
)

KNOWN: Final[dict[str, dict[str, Known]]] = {
    "hole-in-payload.pcap": _both_ways(Stops(), 1935, 50002),
    # captures/build_odd.py: one body begins with the format selector 3, the next with none.
    "amf3.pcap": {
        "50006 > 1935": LeavesOut(
            (6, 7),
            1,
            "tshark shows no AMF3 message whose first byte is not 0, neither 11 00 00 00 00 00 12 11 00 00 00 00 "
            "before 03 06 .. nor the next, which state the message stream 0 anew",
        )
    },
    "type3-extended-omitted.pcap": {"50003 > 1935": OMITTED},
    "not-rtmp-on-1935.pcap": {"51160 > 1935": NO_HANDSHAKE},
    "18-errors-denied-dup-nginx.pcap": {"53758 > 1935": NO_HANDSHAKE},
    "rtmpe-rtmpdump.pcap": _both_ways(ENCRYPTED, 1935, 55528, 55544, 55560),
    "13-rtmpe-rtmpsrv.pcap": _both_ways(ENCRYPTED, 1935, 57950, 57954, 57960, 57968, 57974),
    "31-rtmpe-crtmpserver-media.pcap": _both_ways(ENCRYPTED, 1935, 60496, 60516, 60524),
    "20-extended-timestamp-boundary-chunk128.pcap": {
        "44172 > 1935": Differs(
            284,
            bytes.fromhex("46 ff ff ff 00 00 05 09 7f ff f9 20"),
            Seen(9, 6, 1, 0x7FFFFFF0, 5),
            Seen(9, 6, 1, 0x7FFFF920, 5),
            "rtmpsniff",
            "In a header of format 1 the extended timestamp is a delta (specification 5.3.1.3); tshark takes it for "
            "the time. The video before it is at 0x6d0, and 0x6d0 + 0x7ffff920 = 0x7ffffff0: 57 frames of 40 ms after "
            "the first (0x7ffff708), the last before FFmpeg's time wraps at 2^31, and so the greatest that it wrote. "
            "FFmpeg stamps that on its end of sequence, which this is (17 02 00 00 00).",
        ),
        "1935 > 44174": Shifted(
            53,
            bytes.fromhex("46 ff ff ff 00 00 c0 08 80 00 00 17"),
            {6: 0x7FFFFFFF + 11, 7: 0x7FFFFFFF + 17},
            (173, 0x7FFFFFF0, 0x7FFFF920),
            "rtmpsniff",
            "As above, at the place where FFmpeg's 31-bit time wraps: the audio before it is at 2147483638, and that "
            "and 0x80000017 make 13 (modulo 2^32), which is what the publisher sent with the same payload.",
        ),
    },
    "23-snaplen150.pcap": _both_ways(CUT, 1935, 54284, 54286),
    "snaplen96.pcap": _both_ways(CUT, 1935, 41540, 41548),
    # What the server says to 41540 begins with a header, and is the same for both.
    "midstream-start.pcap": {**_both_ways(LATE, 1935, 41548), "41540 > 1935": LATE},
    "midstream-start-and-cut.pcap": _both_ways(LATE, 1935, 41540, 41548),
    "capture-loss-1pct.pcap": _both_ways(Stops(), 1935, 41540, 41548),
    "kernel-drops-rtmpdump.pcap": _both_ways(Stops(), 1935, 33946, 33952, 33960, 33972),
}


def _captures() -> Iterator[object]:
    folders = {HERE: "", SHARED / "made": "made/", SHARED / "impaired": "impaired/"}
    for folder, prefix in folders.items():
        if not folder.is_dir():
            missing = pytest.mark.skip(reason="no shared captures beside the checkout")
            yield pytest.param(folder, id=f"{prefix}*", marks=missing)
            continue
        for path in sorted(folder.iterdir()):
            if path.suffix in ENDINGS:
                yield pytest.param(path, id=f"{prefix}{path.name}")


@pytest.mark.parametrize("path", list(_captures()))
def test_tshark_reads_the_same_messages(path: Path, tmp_path: Path) -> None:
    connections = [each for each in rtmpsniff.connections(path) if each.closed and each.closed.variant not in TUNNELED]
    mine = ours(connections)
    other = theirs(path, {connection.opened.server.port for connection in connections} - {1935}, tmp_path)
    known = KNOWN.get(path.name, {})
    unexplained = [
        f"{way}: {_difference(mine[way], other[way])}"
        for way in sorted({*mine, *other})
        if not _explained(known.get(str(way)), mine[way], other[way])
    ]
    assert not unexplained, "\n".join(["differs from tshark in a way that KNOWN does not explain", *unexplained])
    data = path.read_bytes()
    assert all(one.header in data for one in known.values() if isinstance(one, Differs | Shifted))


def _explained(known: Known | None, mine: Sequence[Seen], other: Sequence[Seen]) -> bool:
    return list(mine) == list(other) if known is None else known.explains(mine, other)


def _unequal(mine: Sequence[Seen], other: Sequence[Seen]) -> list[tuple[int, Seen | None, Seen | None]]:
    return [(index, one, two) for index, (one, two) in enumerate(zip_longest(mine, other)) if one != two]


def _difference(mine: Sequence[Seen], other: Sequence[Seen]) -> str:
    wrong = _unequal(mine, other)
    lines = [f"  {index}: {one or 'nothing'}, tshark {two or 'nothing'}" for index, one, two in wrong[:5]]
    return "\n".join([f"{len(mine)} messages, tshark {len(other)}, {len(wrong)} not equal", *lines])
