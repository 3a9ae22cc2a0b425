"""A tiny RTMP encoder: AMF0 values, handshakes, chunks, TCP conversations and capture files made to order.

It takes what a test wants to see on the wire and gives exactly those bytes, wrong ones included: nothing here
refuses to build what a peer might send. It shares no code with the package, so that a misreading cannot hide
in both. Everything is deterministic.

    talk = session(chunk_size=4096)          # a whole publish session
    path.write_bytes(pcap(talk.frames))      # ... as a capture
    talk.sent                                # ... and what was said in it
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from ipaddress import ip_address
from struct import Struct, pack
from typing import Literal, NamedTuple

# AMF0 values (the AMF0 file format specification)


@dataclass(frozen=True, slots=True)
class Ecma:
    """An ECMA array; `count` lies about the number of entries where it is given."""

    entries: Mapping[str, object]
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Typed:
    """An object of a named class."""

    name: str
    entries: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Date:
    milliseconds: float
    zone: int = 0  # minutes; reserved, should be 0


@dataclass(frozen=True, slots=True)
class LongString:
    """A long string, whatever its length; a `str` becomes one only when it must."""

    text: str


@dataclass(frozen=True, slots=True)
class Xml:
    text: str


@dataclass(frozen=True, slots=True)
class Reference:
    index: int


@dataclass(frozen=True, slots=True)
class Bare:
    """A value that is nothing but its marker."""

    marker: int


@dataclass(frozen=True, slots=True)
class Amf3:
    """A switch to AMF3; the bytes of the value are given ready-made."""

    data: bytes


UNDEFINED = Bare(0x06)
UNSUPPORTED = Bare(0x0D)
OBJECT_END = b"\x00\x00\x09"


def amf0(*values: object) -> bytes:
    """The values one after the other: None, bool, int, float, str, dict, list and the classes above."""
    return b"".join(_AMF0[type(value)](value) for value in values)


def _string(text: str) -> bytes:
    data = text.encode()
    return b"\x02" + _prefixed(data) if len(data) <= 0xFFFF else _long(0x0C, data)


def _prefixed(data: bytes) -> bytes:
    return pack(">H", len(data)) + data


def _long(marker: int, data: bytes) -> bytes:
    return pack(">BL", marker, len(data)) + data


def _entries(entries: Mapping[str, object]) -> bytes:
    return b"".join(_prefixed(key.encode()) + amf0(value) for key, value in entries.items()) + OBJECT_END


def _ecma(array: Ecma) -> bytes:
    count = len(array.entries) if array.count is None else array.count
    return pack(">BL", 0x08, count) + _entries(array.entries)


_AMF0: Mapping[type, Callable[..., bytes]] = {
    int: partial(pack, ">Bd", 0x00),
    float: partial(pack, ">Bd", 0x00),
    bool: partial(pack, ">B?", 0x01),
    str: _string,
    dict: lambda entries: b"\x03" + _entries(entries),
    type(None): lambda _: b"\x05",
    Reference: lambda reference: pack(">BH", 0x07, reference.index),
    Ecma: _ecma,
    list: lambda items: pack(">BL", 0x0A, len(items)) + amf0(*items),
    Date: lambda date: pack(">Bdh", 0x0B, date.milliseconds, date.zone),
    LongString: lambda string: _long(0x0C, string.text.encode()),
    Xml: lambda xml: _long(0x0F, xml.text.encode()),
    Typed: lambda typed: b"\x10" + _prefixed(typed.name.encode()) + _entries(typed.entries),
    Bare: lambda bare: bytes([bare.marker]),
    Amf3: lambda value: b"\x11" + value.data,
}


# The handshake (§5.2)


class Handshake(NamedTuple):
    c0c1: bytes
    s0s1s2: bytes
    c2: bytes


def greeting(time: int, seed: int, version: bytes = bytes(4)) -> bytes:
    """A C1 or S1 of 1536 bytes: time, zero (or the version bytes of the digest form), filler that repeats."""
    return pack(">L", time & 0xFFFFFFFF) + version + random.Random(seed).randbytes(1528)


def handshake(
    client: bytes | None = None,
    server: bytes | None = None,
    *,
    s2: bytes | None = None,
    c2: bytes | None = None,
    version: int = 3,
) -> Handshake:
    """The three flights of a handshake from C1 (`client`) and S1 (`server`); S2 and C2 echo them unless given."""
    c1 = greeting(0, 1) if client is None else client
    s1 = greeting(0, 2) if server is None else server
    first = bytes([version])
    return Handshake(first + c1, first + s1 + (c1 if s2 is None else s2), s1 if c2 is None else c2)


# The chunk stream (§5.3)

Extended = Literal["repeat", "omit", "zeros", "absolute"]  # what format 3 carries while an extended field is in force
EXTENDED = 0xFFFFFF  # a timestamp field of this value says that the extended field follows
_U32 = 0xFFFFFFFF
_WIDTHS = {1: range(2, 64), 2: range(64, 320), 3: range(64, 65600)}


def basic_header(fmt: int, csid: int, width: int | None = None) -> bytes:
    """The shortest basic header for this chunk stream, or the one of `width` bytes."""
    width = width or next(width for width, ids in _WIDTHS.items() if csid in ids)
    if csid not in _WIDTHS[width]:
        raise ValueError(f"chunk stream {csid} does not fit a basic header of {width} bytes")
    if width == 1:
        return bytes([fmt << 6 | csid])
    if width == 2:
        return bytes([fmt << 6, csid - 64])
    return pack("<BH", fmt << 6 | 1, csid - 64)  # little-endian, unlike nearly everything else


@dataclass(slots=True)
class _Channel:
    """What the next header of a chunk stream may leave out."""

    type_id: int = 0
    length: int = 0
    msid: int = 0
    timestamp: int = 0
    stated: int = 0  # the time or delta in the last header that had one: decides about the extended field
    delta: int | None = 0  # what format 3 adds; None where readers disagree about it


class ChunkWriter:
    """Cuts the messages of one direction into chunks, and remembers what headers may leave out."""

    def __init__(self, chunk_size: int = 128, extended: Extended = "repeat") -> None:
        self.chunk_size = chunk_size
        self.extended: Extended = extended
        self._channels: dict[int, _Channel] = {}

    def message(
        self,
        csid: int,
        type_id: int,
        msid: int,
        timestamp: int,
        payload: bytes,
        fmt: int | None = None,
        extended: Extended | None = None,
        width: int | None = None,
    ) -> list[bytes]:
        """The chunks of one message.

        Without `fmt` the header is the shortest that all readers understand alike. A `fmt` that is given is
        obeyed, right or wrong: what the header cannot say is then left to the reader.
        """
        return list(self.cut(csid, type_id, msid, timestamp, payload, fmt, extended, width))

    def cut(
        self,
        csid: int,
        type_id: int,
        msid: int,
        timestamp: int,
        payload: bytes,
        fmt: int | None = None,
        extended: Extended | None = None,
        width: int | None = None,
    ) -> Iterator[bytes]:
        """Like `message`, one chunk at a time, so that the chunk size may change in the middle."""
        timestamp &= _U32
        before = self._channels.get(csid)
        now = _Channel(type_id, len(payload), msid, timestamp)
        fmt = _shortest(before, now) if fmt is None else fmt
        _inherit(before or _Channel(), now, fmt)
        self._channels[csid] = now

        repeated = _repeated(now, extended or self.extended)
        start = basic_header(fmt, csid, width) + (_message_header(fmt, now) if fmt < 3 else repeated)
        again = basic_header(3, csid, width) + repeated
        position = self.chunk_size
        yield start + payload[:position]
        while position < len(payload):
            stop = position + self.chunk_size
            yield again + payload[position:stop]
            position = stop

    def set_chunk_size(self, size: int) -> list[bytes]:
        """Set Chunk Size under the old size; everything cut from here on has the new one."""
        chunks = self.message(2, 1, 0, 0, pack(">L", size), fmt=0)
        self.chunk_size = size
        return chunks


def _shortest(before: _Channel | None, now: _Channel) -> int:
    if before is None or before.msid != now.msid:
        return 0
    delta = (now.timestamp - before.timestamp) & _U32
    if delta >> 31:  # time went back, which a delta cannot say
        return 0
    if (before.type_id, before.length) != (now.type_id, now.length):
        return 1
    return 3 if delta == before.delta else 2


def _inherit(before: _Channel, now: _Channel, fmt: int) -> None:
    if fmt == 0:
        # Format 3 after this would add the timestamp (§5.3.1.2.4) or nothing (nginx-rtmp): safe only where they agree.
        now.stated, now.delta = now.timestamp, None if now.timestamp else 0
    elif fmt == 3:
        now.stated, now.delta = before.stated, before.delta
    else:
        now.stated = now.delta = (now.timestamp - before.timestamp) & _U32


def _message_header(fmt: int, now: _Channel) -> bytes:
    header = min(now.stated, EXTENDED).to_bytes(3, "big")
    if fmt < 2:
        header += now.length.to_bytes(3, "big") + bytes([now.type_id])
    if fmt == 0:
        header += now.msid.to_bytes(4, "little")
    if now.stated >= EXTENDED:
        header += pack(">L", now.stated)
    return header


def _repeated(now: _Channel, style: Extended) -> bytes:
    if now.stated < EXTENDED or style == "omit":
        return b""
    return pack(">L", {"repeat": now.stated, "zeros": 0, "absolute": now.timestamp}[style])


# TCP over IP over Ethernet

Sender = Literal["client", "server"]
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_IPV4 = Struct(">BBHHHBBH4s4s")
_IPV6 = Struct(">LHBB16s16s")
_TCP = Struct(">HHLLBBHHH")
_STAMPS = Struct(">BBBBLL")


class Frame(NamedTuple):
    time: int  # nanoseconds
    data: bytes
    interface: int = 0  # of a pcapng file


@dataclass(slots=True)
class _Side:
    address: bytes
    port: int
    initial: int
    sequence: int  # of the next byte; counts on past 2^32
    ethernet: bytes
    stamp: int = 0  # the last timestamp that it sent
    unacknowledged: int = 0  # segments that it sent since the peer's last acknowledgement
    packets: int = 0


class Conversation:
    """Both sides of one TCP connection; every segment sent is a frame in `frames`."""

    def __init__(
        self,
        client: tuple[str, int] = ("10.0.0.1", 50000),
        server: tuple[str, int] = ("10.0.0.2", 1935),
        *,
        client_sequence: int = 1_000_000,
        server_sequence: int = 2_000_000,
        time: int = 1_700_000_000_000_000_000,
        step: int = 1_000_000,
        mss: int = 1448,
        ack_every: int = 0,
        timestamps: bool = True,
        checksums: bool = True,
    ) -> None:
        """Say who talks and how.

        `time` is the first frame's and `step` the distance to the next, in nanoseconds. With `ack_every` the receiver
        acknowledges each time so many segments arrived. `timestamps` is the TCP option: with it a full segment makes
        an IPv4 packet of 1500 bytes. Without `checksums` they are zero and building is faster.
        """
        self.frames: list[Frame] = []
        self.time, self.step, self.mss, self.ack_every = time, step, mss, ack_every
        self.timestamps, self.checksums = timestamps, checksums
        self._sides: dict[Sender, _Side] = {
            "client": _side(client, client_sequence, b"\x02\0\0\0\0\x01"),
            "server": _side(server, server_sequence, b"\x02\0\0\0\0\x02"),
        }

    def open(self) -> list[Frame]:
        """The three segments that begin a connection."""
        return [self.segment("client", flags=SYN), self.segment("server", flags=SYN | ACK), self.ack("client")]

    def client(self, data: bytes) -> list[Frame]:
        """The client sends `data`, cut to segments."""
        return self.send("client", data)

    def server(self, data: bytes) -> list[Frame]:
        """The server sends `data`, cut to segments."""
        return self.send("server", data)

    def send(self, sender: Sender, data: bytes) -> list[Frame]:
        """One burst; its last segment is pushed. Gives the frames, acknowledgements included."""
        first = len(self.frames)
        for start in range(0, len(data), self.mss):
            stop = start + self.mss
            self.segment(sender, data[start:stop], flags=ACK if stop < len(data) else ACK | PSH)
            self._acknowledge_some(sender)
        return self.frames[first:]

    def ack(self, sender: Sender = "server", upto: int | None = None) -> Frame:
        """A bare acknowledgement of all that the peer sent, or of the first `upto` bytes of its stream."""
        return self.segment(sender, upto=upto)

    def close(self, sender: Sender = "client") -> list[Frame]:
        """Both sides finish, `sender` first."""
        flags = FIN | ACK
        return [self.segment(sender, flags=flags), self.segment(_peer(sender), flags=flags), self.ack(sender)]

    def reset(self, sender: Sender = "client") -> Frame:
        return self.segment(sender, flags=RST | ACK)

    def at(self, time: int) -> None:
        """Let the next frame come at this time, if that is not past already."""
        self.time = max(self.time, time)

    def segment(
        self, sender: Sender, payload: bytes = b"", *, flags: int = ACK, at: int | None = None, upto: int | None = None
    ) -> Frame:
        """One segment, whatever it is.

        `at` places the payload in the sender's stream (0 is its first byte), for segments that come early, late
        or twice; `upto` is how many bytes of the peer's stream are acknowledged. Without them: next, and all.
        """
        side, peer = self._sides[sender], self._sides[_peer(sender)]
        first = side.initial + 1  # the SYN, sent or not, takes the initial number
        sequence = side.initial if flags & SYN else side.sequence if at is None else first + at
        acknowledgement = peer.sequence if upto is None else peer.initial + 1 + upto
        side.sequence = max(side.sequence, sequence + len(payload) + bool(flags & (SYN | FIN)))

        options = self._options(side, peer, flags)
        header = _TCP.pack(
            side.port,
            peer.port,
            sequence & _U32,
            acknowledgement & _U32 if flags & ACK else 0,
            len(options) + 20 << 2,
            flags,
            64240 if flags & SYN else 502,
            0,
            0,
        )
        return self._frame(side, peer, header + options + payload)

    def _acknowledge_some(self, sender: Sender) -> None:
        side = self._sides[sender]
        side.unacknowledged += 1
        if side.unacknowledged == self.ack_every:
            side.unacknowledged = 0
            self.ack(_peer(sender))

    def _options(self, side: _Side, peer: _Side, flags: int) -> bytes:
        options = b""
        if flags & SYN:  # maximum segment size, selective acknowledgement, window scale 7
            options = pack(">BBHBBBBBB", 2, 4, 1460, 4, 2, 1, 3, 3, 7) + b"\x01\x01"
        if self.timestamps:
            side.stamp = self.time // 1_000_000 & _U32
            options += _STAMPS.pack(1, 1, 8, 10, side.stamp, peer.stamp)
        return options

    def _frame(self, side: _Side, peer: _Side, segment: bytes) -> Frame:
        size = len(segment)
        if self.checksums:
            pseudo = side.address + peer.address + pack(">LL", size, 6)
            segment = segment[:16] + pack(">H", checksum(pseudo + segment)) + segment[18:]
        if len(side.address) == 4:
            head = _IPV4.pack(0x45, 0, 20 + size, side.packets, 0x4000, 64, 6, 0, side.address, peer.address)
            if self.checksums:
                head = head[:10] + pack(">H", checksum(head)) + head[12:]
            data = peer.ethernet + side.ethernet + b"\x08\x00" + head + segment
        else:
            head = _IPV6.pack(0x6000_0000, size, 6, 64, side.address, peer.address)
            data = peer.ethernet + side.ethernet + b"\x86\xdd" + head + segment
        side.packets = side.packets + 1 & 0xFFFF
        frame = Frame(self.time, data)
        self.time += self.step
        self.frames.append(frame)
        return frame


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071): a sum modulo 65535, so one division does it."""
    return -int.from_bytes(data + b"\0" * (len(data) & 1), "big") % 0xFFFF


def _side(place: tuple[str, int], initial: int, ethernet: bytes) -> _Side:
    address, port = place
    return _Side(ip_address(address).packed, port, initial, initial + 1, ethernet)


def _peer(sender: Sender) -> Sender:
    return "server" if sender == "client" else "client"


# Capture files


def pcap(
    frames: Iterable[Frame],
    link: int = 1,
    nanoseconds: bool = False,
    big_endian: bool = False,
    snaplen: int | None = None,
) -> bytes:
    """A pcap file; `snaplen` cuts the packets and keeps their lengths."""
    header = pcap_header(link, nanoseconds, big_endian, snaplen)
    return header + pcap_records(frames, nanoseconds, big_endian, snaplen)


def pcap_header(
    link: int = 1, nanoseconds: bool = False, big_endian: bool = False, snaplen: int | None = None
) -> bytes:
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    return pack(f"{_order(big_endian)}LHHlLLL", magic, 2, 4, 0, 0, snaplen or 262144, link)


def pcap_records(
    frames: Iterable[Frame], nanoseconds: bool = False, big_endian: bool = False, snaplen: int | None = None
) -> bytes:
    """The packets of a pcap file, to follow its header or other packets."""
    record = Struct(f"{_order(big_endian)}LLLL")
    unit = 1 if nanoseconds else 1000
    parts: list[bytes] = []
    for frame in frames:
        seconds, fraction = divmod(frame.time, 1_000_000_000)
        kept = frame.data[:snaplen]
        parts += (record.pack(seconds, fraction // unit, len(kept), len(frame.data)), kept)
    return b"".join(parts)


class Interface(NamedTuple):
    """An interface of a pcapng file."""

    link: int = 1
    resolution: int | None = None  # the if_tsresol byte: 9 for 10^-9, 0x80 + n for 2^-n; absent means 10^-6
    snaplen: int = 0


def pcapng(
    frames: Iterable[Frame],
    interfaces: Sequence[Interface] = (Interface(),),
    *,
    big_endian: bool = False,
    between: bytes = b"",
) -> bytes:
    """A pcapng file of one section; each frame names its interface. `between`: blocks to put before each packet."""
    block = partial(pcapng_block, big_endian=big_endian)
    order = _order(big_endian)
    parts = [block(0x0A0D0D0A, pack(f"{order}LHHq", 0x1A2B3C4D, 1, 0, -1))]
    for link, resolution, snaplen in interfaces:
        options = b"" if resolution is None else pack(f"{order}HHBxxxHH", 9, 1, resolution, 0, 0)
        parts.append(block(1, pack(f"{order}HHL", link, 0, snaplen) + options))
    for frame in frames:
        interface = interfaces[frame.interface]
        ticks = _ticks(frame.time, interface.resolution)
        kept = frame.data[: interface.snaplen or None]
        head = pack(f"{order}LLLLL", frame.interface, ticks >> 32, ticks & _U32, len(kept), len(frame.data))
        parts += (between, block(6, head + kept))
    return b"".join(parts)


def pcapng_block(kind: int, body: bytes, big_endian: bool = False) -> bytes:
    """One block, padded, with its length on both ends."""
    body += b"\0" * (-len(body) % 4)
    size = pack(f"{_order(big_endian)}L", len(body) + 12)
    return pack(f"{_order(big_endian)}L", kind) + size + body + size


def _ticks(time: int, resolution: int | None) -> int:
    resolution = 6 if resolution is None else resolution
    per_second: int = 1 << (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    return time * per_second // 1_000_000_000


def _order(big_endian: bool) -> str:
    return ">" if big_endian else "<"


# A publish session


class Sent(NamedTuple):
    sender: Sender
    csid: int
    type_id: int
    msid: int
    timestamp: int
    payload: bytes


class Talk(Conversation):
    """A conversation in RTMP: a chunk writer for each side, and in `sent` what was said."""

    @cached_property
    def writers(self) -> dict[Sender, ChunkWriter]:
        return {"client": ChunkWriter(), "server": ChunkWriter()}

    @cached_property
    def sent(self) -> list[Sent]:
        return []

    def greet(self, flights: Handshake | None = None) -> None:
        """Open the connection and shake hands."""
        c0c1, s0s1s2, c2 = flights or handshake()
        self.open()
        self.client(c0c1)
        self.server(s0s1s2)
        self.client(c2)

    def say(
        self,
        sender: Sender,
        csid: int,
        type_id: int,
        msid: int,
        timestamp: int,
        payload: bytes,
        fmt: int | None = None,
        extended: Extended | None = None,
        width: int | None = None,
    ) -> list[Frame]:
        """Send one message in a burst of its own."""
        self.sent.append(Sent(sender, csid, type_id, msid, timestamp & _U32, payload))
        chunks = self.writers[sender].message(csid, type_id, msid, timestamp, payload, fmt, extended, width)
        return self.send(sender, b"".join(chunks))

    def set_chunk_size(self, sender: Sender, size: int) -> list[Frame]:
        self.sent.append(Sent(sender, 2, 1, 0, 0, pack(">L", size)))
        return self.send(sender, b"".join(self.writers[sender].set_chunk_size(size)))

    def command(self, sender: Sender, csid: int, msid: int, *values: object) -> list[Frame]:
        """Send an AMF0 command message: name, transaction id, command object, arguments."""
        return self.say(sender, csid, 20, msid, 0, amf0(*values))


AVC_HEADER = bytes.fromhex(  # 1920x1080, 30 fps, constrained baseline
    "17000000000142c028ffe100196742c028da01e0089f970110000003001000000303c0f1832a01000468ce0fc8"
)
AAC_HEADER = bytes.fromhex("af001210")  # AAC-LC, 44100 Hz, stereo


def session(
    talk: Talk | None = None,
    *,
    chunk_size: int = 128,
    video: int = 5,
    audio: int = 8,
    app: str = "live",
    name: str = "stream",
) -> Talk:
    """A whole publish session, from the first SYN to the last ACK, with so many video and audio messages."""
    talk = talk or Talk()
    begin_publish(talk, chunk_size=chunk_size, app=app, name=name)
    frames = [(number * 1000 // 30, 6, 9, video_frame(number, 600)) for number in range(video)]
    sounds = [(number * 1024_000 // 44100, 4, 8, audio_frame(number, 90)) for number in range(audio)]
    for timestamp, csid, type_id, payload in sorted(frames + sounds):
        talk.say("client", csid, type_id, 1, timestamp, payload)
    end_publish(talk, name=name)
    return talk


def begin_publish(talk: Talk, *, chunk_size: int = 128, app: str = "live", name: str = "stream") -> None:
    """Everything up to the first frame: handshake, `connect`, `createStream`, `publish`, metadata, decoder set-up."""
    ask_to_publish(talk, chunk_size=chunk_size, app=app, name=name)
    metadata = Ecma({"width": 1920, "height": 1080, "framerate": 30, "videocodecid": 7, "audiocodecid": 10})
    talk.say("client", 4, 18, 1, 0, amf0("@setDataFrame", "onMetaData", metadata))
    talk.say("client", 6, 9, 1, 0, AVC_HEADER)
    talk.say("client", 4, 8, 1, 0, AAC_HEADER)


def ask_to_publish(talk: Talk, *, chunk_size: int = 128, app: str = "live", name: str = "stream") -> None:
    """Everything up to the answer to `publish`."""
    talk.greet()
    url = f"rtmp://example.com/{app}"
    talk.command("client", 3, 0, "connect", 1, {"app": app, "type": "nonprivate", "flashVer": "FMLE/3.0", "tcUrl": url})
    talk.say("server", 2, 5, 0, 0, pack(">L", 5_000_000))
    talk.say("server", 2, 6, 0, 0, pack(">LB", 5_000_000, 2))
    if chunk_size != 128:
        talk.set_chunk_size("server", chunk_size)
        talk.set_chunk_size("client", chunk_size)
    version = {"fmsVer": "FMS/3,0,1,123", "capabilities": 31}
    talk.command("server", 3, 0, "_result", 1, version, _status("NetConnection.Connect.Success", "Connected."))
    talk.command("client", 3, 0, "releaseStream", 2, None, name)
    talk.command("client", 3, 0, "FCPublish", 3, None, name)
    talk.command("client", 3, 0, "createStream", 4, None)
    talk.command("server", 3, 0, "_result", 4, None, 1)
    talk.command("client", 8, 1, "publish", 5, None, name, "live")
    talk.say("server", 2, 4, 0, 0, pack(">HL", 0, 1))
    talk.command("server", 5, 1, "onStatus", 0, None, _status("NetStream.Publish.Start", "Published."))


def end_publish(talk: Talk, *, name: str = "stream") -> None:
    """The client takes its leave and both sides close."""
    talk.command("client", 3, 0, "FCUnpublish", 6, None, name)
    talk.command("client", 3, 0, "deleteStream", 7, None, 1)
    talk.close()


def video_frame(number: int, size: int) -> bytes:
    """An AVC message of about `size` bytes: every 60th is a key frame; one NAL unit of filler."""
    unit = _filler(number, size)
    return video_header(number % 60 == 0, len(unit)) + unit


def video_header(key: bool, size: int) -> bytes:
    """What stands before `size` bytes of a coded slice: the tag, composition time 0, the NAL unit's length and type."""
    return pack(">BBxxxLB", 0x17 if key else 0x27, 1, size + 1, 0x65 if key else 0x41)


def audio_frame(number: int, size: int) -> bytes:
    """A raw AAC message with `size` bytes of filler."""
    return b"\xaf\x01" + _filler(number, size)


def _filler(number: int, size: int) -> bytes:
    return bytes((number + place) & 0xFF for place in range(size))


def _status(code: str, description: str) -> dict[str, object]:
    return {"level": "status", "code": code, "description": description}
