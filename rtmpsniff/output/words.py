"""What an event says, in one line of a person's words: the last column of the list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rtmpsniff.payload.audio import Audio
from rtmpsniff.payload.bodies import Body, Unknown
from rtmpsniff.payload.command import Command, Data
from rtmpsniff.payload.control import (
    Abort,
    Acknowledgement,
    SetChunkSize,
    SetPeerBandwidth,
    UserControl,
    WindowAckSize,
)
from rtmpsniff.payload.values import UNDEFINED, Date, Object, Reference, Value, Xml
from rtmpsniff.payload.video import Video
from rtmpsniff.rtmp.events import Closed, Exchange, Greeting, Message, Opened, Secured, Undecoded
from rtmpsniff.text import grouped, number_text, plural, printable, quoted
from rtmpsniff.tunnel.inner import Tls

LONGEST_STRING: Final = 80
MOST_ENTRIES: Final = 8
_DEEPEST: Final = 3


def say_message(message: Message) -> str:
    """What a message says, and what is wrong with it as a whole."""
    if message.state == "whole":
        return say_body(message.body)
    # What is wrong comes first: a long text may be cut.
    text = say_body(message.body) if message.payload else ""
    return f"{_say_state(message)}{', ' if text else ''}{text}"


def _say_state(message: Message) -> str:
    if message.state == "damaged":
        missing = sum(stop - start for start, stop in message.missing)
        return f"damaged: {plural(missing, 'byte')} never captured"
    arrived = len(message.payload) - sum(stop - start for start, stop in message.missing)
    word = "aborted" if message.state == "aborted" else "cut off"
    return f"{word} after {grouped(arrived)} of {plural(message.length, 'byte')}"


def say_body(body: Body) -> str:
    """What a body says."""
    return _SAY[type(body)](body)


def say_value(value: Value, depth: int = 0) -> str:  # noqa: PLR0911 - one line for each kind of value
    """An AMF value on one line, shortened; safe to print."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float() | int():
            return number_text(value)
        case str():
            return quoted(value) if len(value) <= LONGEST_STRING else quoted(value[:LONGEST_STRING])[:-1] + '..."'
        case Object():
            return _say_object(value, depth)
        case list():
            return f"[{_say_some([say_value(item, depth + 1) for item in value[:MOST_ENTRIES]], len(value), depth)}]"
        case Date():
            return value.iso or f"{number_text(value.milliseconds)} ms"
        case Xml():
            return f"XML {say_value(value.text)}"
        case Reference():
            return f"ref#{value.index}"
    return "undefined" if value is UNDEFINED else "unsupported"


def _say_object(value: Object, depth: int) -> str:
    if depth >= _DEEPEST:
        return "{...}" if value.pairs else "{}"
    pairs = [f"{printable(key)}: {say_value(item, depth + 1)}" for key, item in value.pairs[:MOST_ENTRIES]]
    name = f"{printable(value.class_name)} " if value.class_name else ""
    return f"{name}{{{_say_some(pairs, len(value.pairs), depth)}}}"


def _say_some(shown: list[str], total: int, depth: int) -> str:
    if depth >= _DEEPEST:
        return "..." if total else ""
    more = [f"... {total - len(shown)} more"] if total > len(shown) else []
    return ", ".join(shown + more)


def _say_command(body: Command) -> str:
    call = f"{printable(body.name) or '?'}({'' if body.transaction is None else number_text(body.transaction)})"
    status = _status(body)
    if status:
        return f"{call} {status}"
    if body.name == "connect" and isinstance(body.object, Object):
        told = [f"{key}={say_value(body.object[key])}" for key in ("app", "tcUrl", "flashVer") if key in body.object]
        return " ".join([call, *told, *map(say_value, body.args)])
    return f"{call} {', '.join(map(say_value, body.args))}".rstrip()


def _status(body: Command) -> str:
    """The code of an information object, and the description where it is more than the code."""
    for arg in body.args:
        if isinstance(arg, Object) and isinstance(code := arg.get("code"), str):
            description = arg.get("description")
            more = f" {say_value(description)}" if isinstance(description, str) and description else ""
            return f"{printable(code)}{more}"
    return ""


def _say_data(body: Data) -> str:
    return f"{printable(body.name)} {', '.join(map(say_value, body.args))}".rstrip()


def _say_audio(body: Audio) -> str:
    if body.packet_type == "silence":
        return "silence"
    words = [body.codec or ""]
    if body.packet_type and body.packet_type != "coded_frames":
        words.append(_spaced(body.packet_type))
    elif body.packet_type is None and body.rate:
        words.append(f"{body.rate / 1000:g} kHz, {'stereo' if body.channels == 2 else 'mono'}")
    return " ".join(filter(None, words))


def _say_video(body: Video) -> str:
    if body.packet_type == "empty":
        return "empty"
    words = [body.codec or ""]
    if body.command:
        words.append(_spaced(body.command))
    elif body.packet_type in {None, "coded_frames", "coded_frames_x"}:
        words.append(f"{_spaced(body.frame_type or '')} frame")
    else:
        words.append(_spaced(body.packet_type or ""))
    text = " ".join(filter(None, words))
    return f"{text}, composition {body.composition_time:+d} ms" if body.composition_time else text


def _spaced(word: str) -> str:
    return word.replace("_", " ")


def _say_user_control(body: UserControl) -> str:
    words = [_spaced(body.event)]
    if body.message_stream_id is not None:
        words.append(f"stream {body.message_stream_id}")
    if body.buffer_length is not None:
        words.append(f"{body.buffer_length} ms")
    if body.timestamp is not None:
        words.append(f"{body.timestamp} ms")
    if body.version is not None:
        words.append(f"version {body.version}")
    if body.swf_size is not None:
        words.append(f"{plural(body.swf_size, 'byte')}")
    if body.values:
        words.append(" ".join(map(str, body.values)))
    return ", ".join(words)


def _say_peer_bandwidth(body: SetPeerBandwidth) -> str:
    return f"{grouped(body.window)} bytes{', ' + body.limit_type if body.limit_type else ''}"


def _say_unknown(body: Unknown) -> str:
    if not body.data:
        return ""
    return f"{body.data[:12].hex(' ')}{' ...' if len(body.data) > 12 else ''}"


_SAY: Final[dict[type, Callable[..., str]]] = {
    Command: _say_command,
    Data: _say_data,
    Audio: _say_audio,
    Video: _say_video,
    SetChunkSize: lambda body: f"chunk size {body.chunk_size}",
    Abort: lambda body: f"chunk stream {body.chunk_stream_id}",
    Acknowledgement: lambda body: f"{grouped(body.sequence_number)} bytes received",
    WindowAckSize: lambda body: f"every {plural(body.window, 'byte')}",
    SetPeerBandwidth: _say_peer_bandwidth,
    UserControl: _say_user_control,
    Unknown: _say_unknown,
}


# Everything that is no message.


def say_opened(event: Opened) -> str:
    """Who connects to whom."""
    late = "" if event.whole else ", open before the capture began"
    through = f", {event.through}" if event.through else ""
    return f"{event.client} -> {event.server}{late}{through}"


def say_secured(event: Secured) -> str:
    """What a TLS handshake says in the clear."""
    tls = event.tls
    name = f"server name {tls.server_name}" if tls.server_name else "no server name"
    words = [tls.version or "TLS", tls.cipher, name]
    if tls.alpn:
        words.append(f"ALPN {tls.alpn}")
    elif tls.offered:
        words.append(f"ALPN offered: {' '.join(tls.offered[:MOST_ENTRIES])}")
    return ", ".join(filter(None, words))


def say_exchange(event: Exchange) -> str:
    """A request and what came of it."""
    answer = f"{event.status}" if event.status else "no response captured"
    lengths = f"{plural(event.request_length, 'byte')} sent, {plural(event.response_length, 'byte')} received"
    interval = "" if event.interval is None else f", interval {event.interval}"
    return f"{printable(event.method)} {event.path} {answer}, {lengths}{interval}"


_VERDICTS: Final = {
    "none": "no digest",
    "signed": "signed",
    "echo": "echo",
    "echo without time": "echo, times differ",
    "neither": "neither echo nor signed",
}


def say_greeting(event: Greeting) -> str:
    """The part, the version, and the verdict on it."""
    version = f", version {event.version}" if event.version is not None else ""
    if event.missing:
        missing = sum(stop - start for start, stop in event.missing)
        return f"{event.part}{version}, {plural(missing, 'byte')} never captured"
    verdict = _VERDICTS.get(event.verdict)
    if verdict is None:
        verdict = f"digest {event.verdict}" if event.verdict.startswith("D") else ""
    return f"{event.part}{version}{', ' + verdict if verdict else ''}"


def say_closed(event: Closed) -> str:
    """How it ended, after how long, and what went over the wire."""
    by = f" by the {event.closer}" if event.closer else ""
    seconds = (event.ended.time - event.begun.time) / 1e9
    bytes_sent = f"{grouped(event.from_client.bytes)} bytes c->s, {grouped(event.from_server.bytes)} bytes s->c"
    told = "".join(f", {words}" for words in (_say_tls(event.tls), event.through) if words)
    return f"{event.reason}{by} after {seconds:.3f} s, {bytes_sent}{told}"


def _say_tls(tls: Tls | None) -> str:
    if tls is None:
        return ""
    count = f"{grouped(tls.records['client'])} and {grouped(tls.records['server'])} TLS records"
    return f"{count}, {'decrypted' if tls.decrypted else f'not decrypted: {tls.reason}'}"


def say_undecoded(event: Undecoded) -> str:
    """How much was not decoded, where, and why."""
    missing = f", {grouped(event.missing)} of them never captured" if event.missing else ""
    return f"{plural(event.length, 'byte')} from offset {event.offset} not decoded{missing}: {event.reason}"
