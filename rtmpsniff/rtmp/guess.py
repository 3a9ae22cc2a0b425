"""What are these bytes? Decided by content: takes bytes of which nothing is known, gives what they are read as.

A magic number is proof, a chunk stream that goes up to the last byte nearly so; the bodies of messages are known by
what they begin with, AMF by that it can be read. Where several fit, the one that leaves nothing unread is taken, and
where nothing fits nothing is made up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.findings import CHUNK_DESYNC, CHUNK_INTERRUPTED, Finding, Severity
from rtmpsniff.payload import types
from rtmpsniff.payload.audio import Audio
from rtmpsniff.payload.bodies import Unknown, decode
from rtmpsniff.payload.command import Command, Data
from rtmpsniff.payload.flv import MAGIC as FLV_MAGIC
from rtmpsniff.payload.media import FOUR_CCS
from rtmpsniff.payload.sequence import Encoding, Sequence, amf_values
from rtmpsniff.payload.shared import SharedObject
from rtmpsniff.payload.sol import is_sol
from rtmpsniff.payload.video import Video
from rtmpsniff.rtmp.chunk import LONGEST_HEADER, read_header
from rtmpsniff.rtmp.events import Event, Message, Undecoded
from rtmpsniff.rtmp.loose import LooseStream, sender_of
from rtmpsniff.rtmp.sizes import DEFAULT_CHUNK_SIZE
from rtmpsniff.transport.connection import Sender

Sort: TypeAlias = Literal["chunks", "message", "amf0", "amf3", "flv", "sol"]

ENOUGH: Final = 1 << 16  # bytes that are looked at: nothing is decided by later ones

# In the order in which they are tried; nearly everybody announces one of these (PROTOCOL 2.6), or leaves 128.
CHUNK_SIZES: Final = (128, 4096, 65536, 60000, 65535, 8192, 1024, 32768, 256, 512, 2048, 16384, 0x7FFFFFFF)

_FIRST_BYTES: Final = 24  # of a body, in which a FourCC must stand
_AUDIO_CODES: Final = frozenset({b"mp4a", b"Opus", b"fLaC", b".mp3", b"ac-3", b"ec-3"})
_NAME: Final = re.compile(r"[A-Za-z_@|][\w.:/|@-]*", re.ASCII)
_HANDLERS: Final = frozenset(
    {"onMetaData", "@setDataFrame", "@clearDataFrame", "|RtmpSampleAccess", "onCuePoint", "onTextData", "onCaptionInfo",
     "onCaption", "onFI", "onPlayStatus", "onXMPData", "onStatus"}
)  # fmt: skip


class Guess(NamedTuple):
    """What bytes are read as. `sender`: they are a chunk stream that begins with this one's handshake."""

    sort: Sort
    type_id: int = 0  # of a message
    chunk_size: int = DEFAULT_CHUNK_SIZE
    sender: Sender | None = None


def guess(data: bytes, chunk_size: int | None = None) -> Guess | None:
    """What `data` is, by its beginning (`ENOUGH` bytes); None where nothing tells.

    `chunk_size` is that of a chunk stream, if it is known.
    """
    return next(_candidates(data[: ENOUGH + 1], chunk_size), None)


def _candidates(data: bytes, chunk_size: int | None) -> Iterator[Guess]:
    """What it may be, surest first."""
    if data.startswith(FLV_MAGIC):
        yield Guess("flv")
    if is_sol(data):
        yield Guess("sol")
    sender = sender_of(data)
    if sender is not None:
        yield Guess("chunks", sender=sender)
    fit = guess_chunk_size(data, chunk_size)
    if fit is not None and fit.is_clean and fit.whole:
        yield Guess("chunks", chunk_size=fit.chunk_size)
    type_id = guess_type(data)
    if type_id is not None:
        yield Guess("message", type_id)
    if fit is not None and fit.is_clean:
        yield Guess("chunks", chunk_size=fit.chunk_size)
    encoding = guess_encoding(data)
    if encoding is not None:
        yield Guess(encoding)
    if fit is not None:
        yield Guess("chunks", chunk_size=fit.chunk_size)


class Fit(NamedTuple):
    """How well bytes are read as chunks of one size."""

    chunk_size: int
    whole: int  # messages that are here whole and can be read
    is_clean: bool  # nothing speaks against it


def guess_chunk_size(data: bytes, chunk_size: int | None = None) -> Fit | None:
    """The chunk size, `chunk_size` or one in use, with which bytes are best read as chunks; None where none fits."""
    header = read_header(data, 0) if data else None
    if header is None or header.type_id not in types.TYPE_NAMES:
        return None
    best = None
    for size in (chunk_size,) if chunk_size else _sizes_for(len(data)):
        fit = _fit(data[:ENOUGH], size)
        if fit is not None and fit.is_clean:
            return fit
        if fit is not None and fit.whole and (best is None or fit.whole > best.whole):
            best = fit
    return best


def _sizes_for(length: int) -> Iterator[int]:
    """Those that differ for so many bytes: of sizes that nothing reaches, one is as good as another."""
    tried = False
    for size in CHUNK_SIZES:
        if size < length or not tried:
            yield size
        tried = tried or size >= length


def _fit(data: bytes, chunk_size: int) -> Fit | None:
    stream = LooseStream(chunk_size)
    events = [*stream.feed(data), *stream.end()]
    messages = [event for event in events if isinstance(event, Message)]
    if not messages or not _is_plausible(messages[0]):
        return None
    whole = [message for message in messages if message.state == "whole"]
    if not whole and data[0] >> 6:
        return None  # a message that is cut off says too little where its header leaves out the half
    can_be_read = sum(map(_is_plausible, whole))
    is_clean = can_be_read == len(whole) and all(map(_has_place, messages)) and not any(map(_is_trouble, events))
    return Fit(chunk_size, can_be_read, is_clean)


def _is_trouble(event: Event) -> bool:
    """Whether it speaks against a chunk stream of this chunk size. At the end a header may be cut off."""
    if isinstance(event, Finding):
        return event.rule is CHUNK_DESYNC or (event.rule is CHUNK_INTERRUPTED and event.severity is Severity.ERROR)
    return isinstance(event, Undecoded) and event.length >= LONGEST_HEADER


def _has_place(message: Message) -> bool:
    """Whether there are messages of this type, on such message streams."""
    return message.message_type_id in types.TYPE_NAMES and message.message_stream_id <= 0xFFFF


def _is_plausible(message: Message) -> bool:
    """Whether a message is what its type says, as far as it is here."""
    if not _has_place(message):
        return False
    is_whole = message.state == "whole"
    body, _, found = message.decoded
    match body:
        case Audio() | Video():  # whoever made up a frame for a test may have left out its codec
            return is_whole or (body.codec is not None and not body.codec.startswith("unknown"))
        case Command() | Data():
            is_named = _NAME.fullmatch(body.name) is not None or not message.length
            return is_named and not (is_whole and any(finding.severity is Severity.ERROR for finding in found))
        case SharedObject():
            return bool(body.name)
    return is_whole and not isinstance(body, Unknown)


def guess_type(data: bytes) -> int | None:
    """The type of the message that these bytes are the body of, where they say so themselves."""
    four_cc = next((code for code in FOUR_CCS if data.find(code, 1, _FIRST_BYTES) > 0), b"")
    if four_cc:
        type_id = types.AUDIO if four_cc in _AUDIO_CODES else types.VIDEO
        is_extended = data[0] >> 4 == 9 if type_id == types.AUDIO else data[0] & 0x80
        if is_extended and not decode(type_id, data).findings:
            return type_id
    for type_id in (
        (types.COMMAND_AMF3, types.DATA_AMF3) if data[:1] == b"\0" else (types.COMMAND_AMF0, types.DATA_AMF0)
    ):
        if _is_call(type_id, data):
            return type_id
    body, _, found = decode(types.SHARED_OBJECT_AMF0, data)
    if isinstance(body, SharedObject) and body.events and body.name.isprintable() and not found:
        return types.SHARED_OBJECT_AMF0
    return None


def _is_call(type_id: int, data: bytes) -> bool:
    """A command has a name, a number and more; a data message a name that is known."""
    body, fields, _ = decode(type_id, data)
    if isinstance(body, Data):
        return body.name in _HANDLERS
    if not isinstance(body, Command) or body.transaction is None or not _NAME.fullmatch(body.name):
        return False
    return len(fields) > 2


def guess_encoding(data: bytes) -> Encoding | None:
    """AMF0 or AMF3, if either reads half of these bytes at least: the one that has least to complain of."""
    encodings: tuple[Encoding, ...] = ("amf0", "amf3")
    read = {encoding: amf_values(data, encoding) for encoding in encodings}
    best = min(encodings, key=lambda encoding: (read[encoding].unread, len(read[encoding].findings)))
    return best if data and _told(read[best]) * 2 >= len(data) else None


def _told(read: Sequence) -> int:
    """How many bytes the values have that say something; many bytes are a marker by chance."""
    fields, whole = read.fields, len(read.values)
    told = sum(field.stop - field.start for field in fields[:whole] if whole < 4 or field.stop - field.start > 1)
    broken = fields[whole].children if whole < len(fields) else ()
    inside = [child for child in broken if not child.inline]
    return told + (inside[-1].start - fields[whole].start if len(inside) > 1 else 0)
