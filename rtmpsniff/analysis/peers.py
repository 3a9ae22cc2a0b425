"""Who is at each end: takes greetings and messages, gives the software that they point to, and why.

Nobody has to say who he is, and what some say is a habit inherited from others: "FMS/3,0,1,123" is sent by five
servers that are no Flash Media Server. So this is an inference from many small things, and each is told: what was
seen, where, and whom it speaks for or against. The tables below hold what recordings show; who is not in them is named
only if he names himself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.findings import Finding
from rtmpsniff.payload.command import Command, Data
from rtmpsniff.payload.control import SetChunkSize, UserControl, WindowAckSize
from rtmpsniff.payload.types import FAMILIES
from rtmpsniff.payload.values import Object, Value
from rtmpsniff.rtmp.events import Event, Greeting, Message
from rtmpsniff.rtmp.handshake import software_version
from rtmpsniff.text import printable, quoted
from rtmpsniff.transport.reassembly import Sender

Confidence: TypeAlias = Literal["likely", "possible", "unknown"]

FFMPEG: Final = "FFmpeg"
GSTREAMER: Final = "GStreamer"
LIBRTMP: Final = "librtmp"  # rtmpdump is its player
RTMP_PYTHON: Final = "rtmp-python"

CRTMPSERVER: Final = "crtmpserver"
NGINX: Final = "nginx-rtmp"  # client too, where it relays
NODE: Final = "node-media-server"
RTMPLITE: Final = "rtmplite"
RTMPSRV: Final = "rtmpsrv"  # of rtmpdump
TCSERVER: Final = "tcserver"

# Of these no recording was at hand: what is said of them rests on their sources and on what others tell.
ADOBE: Final = "Adobe Media Server"
FLASH_PLAYER: Final = "Flash Player"
FMLE: Final = "Flash Media Live Encoder"
HAISHINKIT: Final = "HaishinKit"
LAL: Final = "lal"
MEDIAMTX: Final = "MediaMTX"
OBS: Final = "OBS Studio"
RED5: Final = "Red5"
SRS: Final = "SRS"
STREAMPACK: Final = "StreamPack"
WOWZA: Final = "Wowza"

# How much a thing says: nobody else is known to do it; typical, and imitated now and then; several do it.
_TELLING, _TYPICAL, _SHARED = 3, 2, 1

Weights: TypeAlias = Mapping[str, int]  # by software; a negative one speaks against it

_ENOUGH: Final = 256  # messages of a connection that are looked at: who has not shown himself by then will not
_LONGEST_SAID: Final = 256  # characters of what a peer says of itself; what is longer is no name
_LONGEST_SHOWN: Final = 80  # of them in a reason
_LONGEST_NAME: Final = 40


@dataclass(frozen=True, slots=True)
class Peer:
    """What one end seems to be. Nothing of it is certain: anybody can send anything.

    `software` is None where nothing speaks clearly for anybody, and several names joined by " or " where as much speaks
    for each. `version` is the one that it names itself. `because` says what was seen that speaks for it, or that speaks
    for nobody in particular, what says most first; `against` what does not fit. All of it is safe to print.
    """

    software: str | None = None
    version: str = ""
    confidence: Confidence = "unknown"
    because: tuple[str, ...] = ()
    against: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As `likely FFmpeg (libavformat 59.27.100)`."""
        if self.software is None:
            return "unknown"
        return f"{self.confidence} {self.software}{f' ({self.version})' if self.version else ''}"


class _Clue(NamedTuple):
    """Something that was seen of one end."""

    words: str
    weights: Weights
    version: tuple[str, str] = ("", "")  # of whom, and which


# What each end says of itself, by patterns that match the whole text; `{}` in a version stands for the first group.


class _Saying(NamedTuple):
    pattern: str  # compiled when it is first tried: that takes its time, and most are never
    weights: Weights
    version: str = ""


_FLASH_VERS: Final = (
    _Saying(r".*obs-studio/([\w.-]+).*", {OBS: _TELLING}, "{}"),
    _Saying(r"FMLE/3\.0 \(compatible; Lavf([\d.]+)\)", {FFMPEG: _TELLING}, "libavformat {}"),
    _Saying(r"FMLE/3\.0 \(compatible; [Ll]al([\w.]*)\)", {LAL: _TELLING}, "{}"),
    _Saying(
        r"FMLE/3\.0 \(compatible; FMSc[/ ]1\.0\)",
        {OBS: _TYPICAL, FMLE: _SHARED, HAISHINKIT: _SHARED, STREAMPACK: _SHARED},
    ),
    _Saying(r"FMLE/([\d.]+)", {FMLE: _SHARED}, "{}"),
    _Saying(r"LNX\.11,1,102,55", {NGINX: _TELLING}),
    _Saying(r"LNX 9,0,124,2", {FFMPEG: _TYPICAL, MEDIAMTX: _TYPICAL, FLASH_PLAYER: _SHARED}),
    _Saying(r"(?:LNX|WIN|MAC) 10,0,32,18", {LIBRTMP: _TYPICAL, GSTREAMER: _TYPICAL, FLASH_PLAYER: _SHARED}),
    _Saying(r"WIN 15,0,0,239", {SRS: _TYPICAL, FLASH_PLAYER: _SHARED}),
    _Saying(r"(?:WIN|MAC|LNX|AND|IOS) (\d+,\d+,\d+,\d+)", {FLASH_PLAYER: _SHARED}, "{}"),
)
_ENCODERS: Final = (
    _Saying(r"Lavf([\d.]+)", {FFMPEG: _SHARED}, "libavformat {}"),
    _Saying(r"obs-output module \(libobs version ([^)]*)\)", {OBS: _TELLING}, "{}"),
    _Saying(r"GStreamer ([\d.]+).*", {GSTREAMER: _TYPICAL}, "{}"),
    _Saying(r"NGINX RTMP.*", {NGINX: _SHARED}),
)
# Servers with a fmsVer of their own: whoever sends another is not they.
_FMS_VERS: Final = (
    _Saying(r"FMS/3,0,1,123", dict.fromkeys([NGINX, NODE, CRTMPSERVER, FFMPEG, LAL], _SHARED)),
    _Saying(r"FMS/3,5,3,888", {SRS: _TYPICAL}),
    _Saying(r"FMS/3,5,7,7009", {WOWZA: _TYPICAL}),
    _Saying(r"FMS/3,5,1,525", {RTMPSRV: _TYPICAL, ADOBE: _SHARED}),
    _Saying(r"LNX 9,0,124,2", {MEDIAMTX: _TELLING}),
    _Saying(r"rtmplite/([\d,.]+)", {RTMPLITE: _TELLING}, "{}"),
    _Saying(r"RED5/([\d,.]+).*", {RED5: _TELLING}, "{}"),
)
_FIXED: Final = (NGINX, NODE, CRTMPSERVER, FFMPEG, LAL, SRS, RTMPSRV, MEDIAMTX, RTMPLITE)
_FMS: Final = _Saying(r"(?:FMS|AMS)/(\d+,\d+,\d+,\d+)", {ADOBE: _SHARED}, "{}")
_STATUSES: Final = (
    _Saying(r"Start publishing|Stop publishing|Start live|Start video on demand", {NGINX: _SHARED, LAL: _SHARED}),
    _Saying(r"/.* is now published\.", {NODE: _TYPICAL}),
    _Saying(r"Playing and resetting stream\.", {NODE: _SHARED}),
    _Saying(r"Stream `.*` is now published", {CRTMPSERVER: _TYPICAL}),
    _Saying(r".* is now published", {FFMPEG: _SHARED}),
    _Saying(r"publish start|play reset", {MEDIAMTX: _TYPICAL}),
)
# Names that are in no table. Some are no names: platforms, and what all encoders and servers call themselves.
_PRODUCT: Final = re.compile(
    r"(?!(?:WIN|MAC|LNX|AND|IOS|FMLE|FMS)\b)([A-Za-z][\w .+-]*?)(?:[/ ]v?(\d[\w.,-]*).*)?", re.ASCII
)
_COMPATIBLE: Final = re.compile(r"FMLE/[\d.]+ \(compatible; ([^;)]+)\)", re.ASCII)

# Bytes 4 to 7 of C1 and S1, and the random bytes behind them.
_C1_VERSIONS: Final[Mapping[bytes, Weights]] = {
    bytes.fromhex("09007c02"): {FFMPEG: _SHARED, FLASH_PLAYER: _SHARED},
    bytes.fromhex("80000702"): {SRS: _TYPICAL},
    bytes.fromhex("0c000d0e"): {NGINX: _TELLING, LAL: _SHARED},
}
_S1_VERSIONS: Final[Mapping[bytes, Weights]] = {
    bytes.fromhex("0d0e0a0d"): {NGINX: _TELLING, LAL: _SHARED},
    bytes.fromhex("01000504"): {SRS: _TELLING},
    bytes.fromhex("01020304"): {NODE: _TYPICAL, RTMPLITE: _TYPICAL},
    bytes.fromhex("03050101"): {RTMPSRV: _TYPICAL, ADOBE: _TYPICAL},
}
_FFMPEG_C1: Final = bytes.fromhex("f778551eceab8e1e362f07c5868a70b2")  # its generator always starts the same
_CRTMPSERVER_TEXT: Final = b"C++ RTMP Media Server (www.rtmpd.com)"
_FILLERS: Final[Mapping[Sender, Mapping[bytes, Weights]]] = {
    "client": {b"x": {RTMP_PYTHON: _TELLING, FLASH_PLAYER: -_TELLING}, b"lal": {LAL: _TELLING, NGINX: -_TELLING}},
    "server": {
        b"S": {TCSERVER: _TELLING},
        b"\0": {RTMPLITE: _TYPICAL},
        b"lal": {LAL: _TELLING, NGINX: -_TELLING},
    },
}
_DIGEST_SIZE: Final = 32
_WORDS: Final = Struct("<382I")  # the random bytes as a C program fills them in


class _Evidence:
    """The clues of one end, one of a kind: the first of it counts."""

    __slots__ = ("clues",)

    def __init__(self) -> None:
        self.clues: dict[str, _Clue] = {}

    def add(self, kind: str, words: str, weights: Weights, version: tuple[str, str] = ("", "")) -> None:
        self.clues.setdefault(kind, _Clue(words, weights, version))

    def say(self, kind: str, what: str, text: str, sayings: Iterable[_Saying]) -> bool:
        """Take what an end says of itself; gives whether that is known of anybody."""
        if len(text) > _LONGEST_SAID:  # the patterns take their time
            return False
        for pattern, weights, version in sayings:
            match = re.fullmatch(pattern, text, re.ASCII)
            if match is not None:
                number = printable(version.format(*match.groups())).replace(",", ".")
                self.add(kind, f"{what} is {_quoted(text)}", weights, (next(iter(weights)), number[:_LONGEST_NAME]))
                return True
        return False

    def judge(self) -> Peer:
        """What the clues come to, taken together."""
        totals: dict[str, int] = {}
        for clue in self.clues.values():
            for software, weight in clue.weights.items():
                totals[software] = totals.get(software, 0) + weight
        best = max(totals.values(), default=0)
        winners = [software for software, total in totals.items() if total == best]
        if best < _TYPICAL or len(winners) > 3:
            return Peer(because=tuple(clue.words for clue in self.clues.values() if max(clue.weights.values()) >= 0))
        others = max((total for total in totals.values() if total < best), default=0)
        clear = len(winners) == 1 and best >= _TELLING and best - others >= _TYPICAL

        def says(clue: _Clue) -> int:
            return max(clue.weights.get(one, 0) for one in winners)

        speaking = sorted((clue for clue in self.clues.values() if says(clue) > 0), key=says, reverse=True)
        return Peer(
            " or ".join(winners),
            self._version(winners[0]) if len(winners) == 1 else "",
            "likely" if clear else "possible",
            tuple(clue.words for clue in speaking),
            tuple(clue.words for clue in self.clues.values() if _is_against(clue.weights, winners)),
        )

    def _version(self, software: str) -> str:
        versions = (clue.version[1] for clue in self.clues.values() if clue.version[0] == software)
        return next(filter(None, versions), "")


def _is_against(weights: Weights, winners: list[str]) -> bool:
    """Whether it speaks against those who won, or clearly for somebody else."""
    if any(weights.get(one, 0) for one in winners):
        return any(weights.get(one, 0) < 0 for one in winners)
    return max(weights.values()) >= _TYPICAL


@dataclass(slots=True)
class _Ends:
    """What is known of the two ends of one connection."""

    client: _Evidence = field(default_factory=_Evidence)
    server: _Evidence = field(default_factory=_Evidence)
    c1: bytes = b""  # until S1 has been compared with it
    is_ffmpeg: bool | None = None  # whether C1 is FFmpeg's; None where it was not seen
    versions: dict[Sender, str] = field(default_factory=dict)  # that C1 and S1 name
    has_digests: set[Sender] = field(default_factory=set)
    connected: bool = False  # the client has sent its connect
    looked_at: int = 0

    def of(self, sender: Sender) -> _Evidence:
        return self.client if sender == "client" else self.server


class Peers:
    """Watches the connections of a run; `of` tells who is at the ends of one, as far as has been seen."""

    types: Final = frozenset({1, 4, 5}) | FAMILIES["command"] | FAMILIES["data"]

    def __init__(self) -> None:
        self._connections: dict[int, _Ends] = {}

    def of(self, connection: int) -> dict[Sender, Peer]:
        """Who seems to be at the two ends."""
        ends = self._connections.get(connection, _Ends())
        return {"client": ends.client.judge(), "server": ends.server.judge()}

    def forget(self, connection: int) -> None:
        self._connections.pop(connection, None)

    def see(self, event: Event) -> Iterable[Finding]:
        if isinstance(event, Greeting):
            _see_greeting(self._ends(event.connection), event)
        elif isinstance(event, Message) and event.message_type_id in self.types:
            ends = self._ends(event.connection)
            if ends.looked_at < _ENOUGH:
                ends.looked_at += 1
                _see_message(ends, event)
        return ()

    def _ends(self, connection: int) -> _Ends:
        return self._connections.setdefault(connection, _Ends())


# The handshake


def _see_greeting(ends: _Ends, greeting: Greeting) -> None:
    if greeting.part in {"C0 C1", "S0 S1"}:
        _see_question(ends, greeting)
    elif greeting.part == "C2" and greeting.verdict.startswith("echo") and len(ends.has_digests) == 2:
        words = "C2 echoes S1, though both C1 and S1 carry a digest"
        ends.client.add("C2", words, {FFMPEG: _SHARED, LAL: _SHARED})


def _see_question(ends: _Ends, greeting: Greeting) -> None:
    packet, sender = greeting.data[1:], greeting.sender
    is_whole, has_digest = not greeting.missing, greeting.digest is not None
    c1, ends.c1 = ends.c1, packet if sender == "client" and is_whole else b""
    if has_digest:
        ends.has_digests.add(sender)
    if sender == "server" and is_whole and c1:
        if packet == c1:  # then all else that it holds is the client's
            ends.server.add("S1 and C1", "S1 is a copy of C1", {NGINX: _TYPICAL, NODE: _SHARED})
            return
        if any(c1[:4]) and packet[:8] == c1[:4] + bytes(4):
            ends.server.add("S1 and C1", "S1 has the time of C1", {FFMPEG: _SHARED, RTMPSRV: _SHARED})
    if is_whole or greeting.missing[0][0] >= 25:
        _see_head(ends, sender, packet)
    if is_whole:
        ends.versions[sender] = software_version(packet, has_digest) or ""
        clue = next(_clues_of(packet[8:], sender), None)
        if clue is not None:
            ends.of(sender).add("random bytes", *clue)


def _see_head(ends: _Ends, sender: Sender, packet: bytes) -> None:
    """What the first 24 bytes of C1 or S1 tell of their sender."""
    name, versions = ("C1", _C1_VERSIONS) if sender == "client" else ("S1", _S1_VERSIONS)
    version = packet[4:8]
    if version in versions:
        ends.of(sender).add(f"{name} version", f"{name} bytes 4-7 are {version.hex(' ')}", versions[version])
    if sender == "client":
        ends.is_ffmpeg = packet.startswith(_FFMPEG_C1, 8)
        if ends.is_ffmpeg:
            ends.client.add("C1", "C1 bytes 8-23 are those that FFmpeg always sends", {FFMPEG: _TELLING})


def _clues_of(filler: bytes, sender: Sender) -> Iterator[tuple[str, Weights]]:
    """What the random bytes of C1 or S1 tell of who filled them in; a digest may stand amid them."""
    name = "C1" if sender == "client" else "S1"
    for unit, whose in _FILLERS[sender].items():
        if filler.count(unit) * len(unit) >= len(filler) - 2 * _DIGEST_SIZE:
            yield f"{name} is filled with {_repeated(unit)}", whose
    if _CRTMPSERVER_TEXT in filler:
        yield f'{name} holds the text "{_CRTMPSERVER_TEXT.decode()}"', {CRTMPSERVER: _TELLING}
    if _is_from_glibc(filler):
        # OBS comes with librtmp, and GStreamer may.
        whose = {LIBRTMP: _TELLING, OBS: _SHARED, GSTREAMER: _SHARED} if sender == "client" else {RTMPSRV: _TYPICAL}
        yield f"{name} is filled by glibc's rand(), four bytes at a time", whose
    elif sender == "client" and _is_from_windows(filler):
        yield "C1 is filled by Windows' rand(), four bytes at a time", {LIBRTMP: _TYPICAL, OBS: _TYPICAL}


def _repeated(unit: bytes) -> str:
    return "zeros" if unit == b"\0" else f'"{unit.decode()}"'


def _is_from_glibc(filler: bytes) -> bool:
    """Whether words of 31 bits follow from those 3 and 31 before, wherever the sequence was entered.

    Digest and public key may stand amid them; by chance it holds once in 2^30 times.
    """
    words: tuple[int, ...] = _WORDS.unpack(filler)
    if len(set(words)) < 100:  # so do zeros
        return False
    fitting = sum((words[n] - words[n - 3] - words[n - 31]) & 0x7FFFFFFF < 2 for n in range(31, len(words)))
    return fitting >= 64


def _is_from_windows(filler: bytes) -> bool:
    """Whether words have 15 bits, as that rand() gives them."""
    words: tuple[int, ...] = _WORDS.unpack(filler)
    return sum(word < 1 << 15 for word in words) >= len(words) - 50 and len(set(words)) >= 100


# Messages


def _see_message(ends: _Ends, message: Message) -> None:
    body, sender = message.body, message.sender
    match body:
        case Command():
            if sender == "client":
                _see_call(ends, body)
            else:
                _see_answer(ends, body)
        case Data():
            _see_metadata(ends.of(sender), body)
        case SetChunkSize(chunk_size=size):
            _see_chunk_size(ends, sender, size)
        case WindowAckSize(window=window):
            _see_window(ends, sender, window)
        case UserControl(event_id=3, buffer_length=length) if sender == "client":
            if length == 36_000_000:
                ends.client.add("buffer", "it sets a buffer of 36000000 ms, ten hours", {LIBRTMP: _TYPICAL})
            elif length == 300:
                words = "it sets a buffer of 300 ms before it has a stream"
                ends.client.add("first buffer", words, {LIBRTMP: _SHARED, GSTREAMER: _SHARED})


def _see_chunk_size(ends: _Ends, sender: Sender, size: int) -> None:
    words = f"it sets a chunk size of {size}"
    if sender == "client":
        if not ends.connected:
            whose = {4096: {OBS: _TYPICAL, NGINX: _SHARED}, 65536: {MEDIAMTX: _TYPICAL}}.get(size, {})
            if whose:
                ends.client.add("chunk size", f"{words} before it connects", whose)
        elif size == 8192:
            ends.client.add("chunk size", words, {HAISHINKIT: _SHARED, STREAMPACK: _SHARED})
        return
    weights = {
        128: {FFMPEG: _SHARED},  # what holds anyway
        60000: {SRS: _SHARED, NODE: _SHARED},
        65535: {NODE: _SHARED},
        65536: {MEDIAMTX: _SHARED},
    }.get(size)
    if weights:
        ends.server.add("chunk size", words, weights)


def _see_window(ends: _Ends, sender: Sender, window: int) -> None:
    words = f"its window is {window} bytes"
    if sender == "server":
        if window == 1 << 30:
            ends.server.add("window", words, {RTMPLITE: _TYPICAL})
        elif window == 2800:
            ends.server.add("window", words, {TCSERVER: _SHARED})


def _see_call(ends: _Ends, call: Command) -> None:
    client = ends.client
    if call.name == "connect" and not ends.connected:
        ends.connected = True
        if isinstance(call.object, Object):
            _see_connect(ends, call.object)
    elif call.name in {"releaseStream", "FCPublish"} and call.transaction == 0:
        client.add("calls", f"{call.name} has the transaction 0", {GSTREAMER: _TYPICAL})
    elif call.name == "play":
        start = call.args[1] if len(call.args) > 1 else None
        if start == -2 and call.transaction == 0:
            client.add("play", "play has the transaction 0 and starts at -2, not -2000", {GSTREAMER: _TYPICAL})
        elif start == -2000:
            client.add("play", "play starts at -2000", {FFMPEG: _SHARED})
    elif call.name == "publish" and call.transaction == 0:
        client.add("publish", "publish has the transaction 0", {GSTREAMER: _SHARED, NGINX: _SHARED})


def _see_connect(ends: _Ends, properties: Object) -> None:
    client = ends.client
    flash_ver = _text(properties.get("flashVer"))
    if flash_ver:
        _see_flash_ver(ends, flash_ver)
    if any(_text(properties.get(name)).startswith(("http://", "https://")) for name in ("pageUrl", "swfUrl")):
        client.add("page", "connect names the page or file that it was started from", {FLASH_PLAYER: _SHARED})
    capabilities, codecs = properties.get("capabilities"), properties.get("audioCodecs")
    if capabilities == 239:
        weights = dict.fromkeys([FLASH_PLAYER, HAISHINKIT, STREAMPACK], _SHARED)
        client.add("capabilities", "connect has capabilities 239", weights)
    elif capabilities == 15 and codecs == 3191:
        client.add("capabilities", "connect has capabilities 15 and audioCodecs 3191", {LIBRTMP: _SHARED})
    elif capabilities == 15 and codecs == 4071:
        weights = {FFMPEG: _SHARED, GSTREAMER: _SHARED}
        client.add("capabilities", "connect has capabilities 15 and audioCodecs 4071", weights)
    if properties.get("objectEncoding") == 3:
        client.add("encoding", "connect asks for AMF3", {FLASH_PLAYER: _SHARED})


def _see_flash_ver(ends: _Ends, text: str) -> None:
    client = ends.client
    if not client.say("flashVer", "flashVer", text, _FLASH_VERS):
        compatible = _COMPATIBLE.fullmatch(text) if len(text) <= _LONGEST_SAID else None
        _see_own_name(client, "flashVer", compatible[1] if compatible else text, text)
    version = client.clues["flashVer"].version
    if version[0] == FFMPEG and version[1] and ends.is_ffmpeg is False:
        client.add("no such C1", "C1 is not the one that FFmpeg always sends", {FFMPEG: -_TYPICAL})
    if version[0] == FLASH_PLAYER and "client" in ends.has_digests and version[1] == ends.versions["client"]:
        client.add("same version", "C1 carries a digest and the version of flashVer", {FLASH_PLAYER: _TYPICAL})


def _see_own_name(end: _Evidence, kind: str, name: str, text: str) -> None:
    """A name that is in no table: the software, in its own words."""
    product = _PRODUCT.fullmatch(name) if len(name) <= _LONGEST_SAID else None
    if product is None or len(product[1]) > _LONGEST_NAME:
        end.add(kind, f"{kind} is {_quoted(text)}", {"": 0})
    else:
        software, version = product[1].strip(), (product[2] or "")[:_LONGEST_NAME]
        end.add(kind, f"{kind} is {_quoted(text)}", {software: _TYPICAL}, (software, version))


def _see_answer(ends: _Ends, answer: Command) -> None:
    server = ends.server
    match answer.name:
        case "_result" | "_error":
            for part in (answer.object, *answer.args[:2]):
                if isinstance(part, Object):
                    _see_properties(ends, part)
        case "onStatus":
            _see_status(server, answer)
        case "onBWDone" if answer.args[:1] == (8192,):
            server.add("onBWDone", "onBWDone has the argument 8192", {CRTMPSERVER: _SHARED, FFMPEG: _SHARED})
        case "onFCPublish" if answer.transaction is None:
            server.add("onFCPublish", "onFCPublish has no transaction", {FFMPEG: _TELLING})


def _see_properties(ends: _Ends, properties: Object) -> None:
    """What a server tells of itself when it answers connect."""
    server = ends.server
    version = _text(properties.get("fmsVer"))
    if version:
        _see_fms_ver(ends, version)
    if "serverFingerprint" in properties:
        server.add("fingerprint", "the answer to connect has a serverFingerprint", {TCSERVER: _TELLING})
    if "secureToken" in properties:
        server.add("token", "the answer to connect has a secureToken", {WOWZA: _TYPICAL})
    data = properties.get("data")
    if isinstance(data, Object) and any(name.startswith("srs_") for name in data):
        number = printable(_text(data.get("srs_version")))[:_LONGEST_NAME]
        server.add("data", "the answer to connect has names that begin with srs_", {SRS: _TELLING}, (SRS, number))
    elif isinstance(data, Object) and "version" in data and "clientid" in properties:
        server.add("data", "the answer to connect has clientid and data.version", {ADOBE: _SHARED, WOWZA: _SHARED})


def _see_fms_ver(ends: _Ends, text: str) -> None:
    server = ends.server
    if not server.say("fmsVer", "fmsVer", text, _FMS_VERS) and not server.say("fmsVer", "fmsVer", text, [_FMS]):
        _see_own_name(server, "fmsVer", text, text)
    owners = {software for one in _FMS_VERS if re.fullmatch(one.pattern, text, re.ASCII) for software in one.weights}
    others = {software: -_TYPICAL for software in _FIXED if software not in owners}
    server.add("no such fmsVer", f"fmsVer {_quoted(text)} is not its own", others)
    whose, number = server.clues["fmsVer"].version
    named = ends.versions.get("server", "")
    if whose == ADOBE and named and number.split(".")[:2] == named.split(".")[:2]:
        server.add("same version", f"S1 names the version {named} too", {ADOBE: _TYPICAL})


def _see_status(server: _Evidence, status: Command) -> None:
    if isinstance(status.object, Object) and status.object.get("clientid") == "clientid":
        words = 'onStatus has its information where null should be, with the clientid "clientid"'
        server.add("clientid", words, {RTMPSRV: _TELLING})
    for part in status.args[:1]:
        if isinstance(part, Object):
            server.say("status", "a status", _text(part.get("description")), _STATUSES)


def _see_metadata(end: _Evidence, data: Data) -> None:
    """Who made the stream, according to its metadata; a server may hand on what somebody else has put there."""
    for part in data.args[:2]:
        if isinstance(part, Object):
            for name in ("Server", "server", "encoder", "metadatacreator"):
                text = _text(part.get(name))
                if text and not end.say(f"metadata {name}", f"{name} in the metadata", text, _ENCODERS):
                    end.add(f"metadata {name}", f"{name} in the metadata is {_quoted(text)}", {"": 0})


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _quoted(text: str) -> str:
    return quoted(text) if len(text) <= _LONGEST_SHOWN else f'{quoted(text[:_LONGEST_SHOWN])[:-1]}..."'
