"""What an event says, in one line of a person's words: the last column of the list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from rtmpsniff.payload import codecs
from rtmpsniff.payload.aggregate import Aggregate
from rtmpsniff.payload.audio import AAC, Audio, AudioTrack
from rtmpsniff.payload.bodies import Body, Unknown
from rtmpsniff.payload.codecs.sound import sound
from rtmpsniff.payload.command import Command, Data
from rtmpsniff.payload.control import (
    Abort,
    Acknowledgement,
    SetChunkSize,
    SetPeerBandwidth,
    UserControl,
    WindowAckSize,
)
from rtmpsniff.payload.shared import SharedObject, SharedObjectEvent
from rtmpsniff.payload.types import AGGREGATE
from rtmpsniff.payload.values import (
    UNDEFINED,
    Array,
    Date,
    Dictionary,
    Externalizable,
    Object,
    Reference,
    Value,
    Vector,
    Xml,
)
from rtmpsniff.payload.video import Video, VideoTrack, of_nal_units
from rtmpsniff.rtmp.aggregates import Contained
from rtmpsniff.rtmp.events import Closed, Exchange, Greeting, Message, Notes, Opened, Secured, Undecoded
from rtmpsniff.rtmp.handshake import ENCRYPTED, software_version
from rtmpsniff.text import grouped, number_text, plural, printable, quoted
from rtmpsniff.transport.reassembly import HOLE_REASONS
from rtmpsniff.tunnel.inner import Tls

LONGEST_STRING: Final = 80
MOST_ENTRIES: Final = 8
_DEEPEST: Final = 3


def say_message(message: Message) -> str:
    """What a message says, what is wrong with it as a whole, and what is known of it from others."""
    text = _say_content(message) if message.state == "whole" or message.payload else ""
    if message.state != "whole":  # what is wrong comes first: a long text may be cut
        text = f"{_say_state(message)}{', ' if text else ''}{text}"
    if isinstance(message, Contained):
        return f"{text}, in aggregate #{message.number}"
    if message.message_type_id == AGGREGATE:
        text += _say_times(message)
    if message.notes is not None and message.notes.remarks:
        return "; ".join(filter(None, [text, *message.notes.remarks]))
    return text


def _say_content(message: Message) -> str:
    body, notes = message.body, message.notes
    if isinstance(body, Command) and notes is not None and notes.response_to is not None:
        return _say_answer(body, notes)
    if isinstance(body, Audio | Video) and not body.size and _brings_nothing(message, body):
        return f"{say_body(body)}, empty"
    return say_body(body)


def _brings_nothing(message: Message, body: Audio | Video) -> bool:
    """Whether no frame or configuration is where one should be. Of a message that breaks off nobody knows."""
    if isinstance(body, Video) and body.frame_type == "command":
        return False
    return body.packet_type in _BRINGING and message.state == "whole" and not message.decoded.findings


def _say_times(message: Message) -> str:
    """From when to when the messages of an aggregate are, in its own time."""
    body = message.body
    if not isinstance(body, Aggregate) or not body.messages:
        return ""
    elapsed = body.messages[-1].timestamp - body.messages[0].timestamp
    return "" if not elapsed else f", timestamps {message.timestamp}-{(message.timestamp + elapsed) & 0xFFFFFFFF}"


def _say_state(message: Message) -> str:
    if message.state == "damaged":
        missing = sum(stop - start for start, stop in message.missing)
        return f"damaged: {plural(missing, 'byte')} {message.missing_reason}"
    arrived = len(message.payload) - sum(stop - start for start, stop in message.missing)
    word = "aborted" if message.state == "aborted" else "cut off"
    return f"{word} after {grouped(arrived)} of {plural(message.length, 'byte')}"


def say_body(body: Body) -> str:
    """What a body says."""
    return _SAY[type(body)](body)


def say_value(value: Value, depth: int = 0) -> str:  # noqa: C901, PLR0911, PLR0912 - one line for each kind of value
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
        case bytes():
            return _say_bytes(value)
        case Externalizable(pairs=[(("source" | "object"), wrapped)]):
            return f"{_class(value.class_name)}{say_value(wrapped, depth)}"
        case Array():
            entries = len(value.pairs) + len(value.dense)
            shown = (_pairs(value, depth) + _items(value.dense, depth))[:MOST_ENTRIES]
            return f"[{_say_some(shown, entries, depth)}]"
        case Object():
            return f"{_class(value.class_name)}{{{_say_some(_pairs(value, depth), len(value.pairs), depth)}}}"
        case Dictionary():
            return f"{{{_say_some(_entries(value, depth), len(value.pairs), depth)}}}"
        case Vector():
            return f"[{_say_some(_items(value.items, depth), len(value.items), depth)}]"
        case list():
            return f"[{_say_some(_items(value, depth), len(value), depth)}]"
        case Date():
            return value.iso or f"{number_text(value.milliseconds)} ms"
        case Xml():
            return f"XML {say_value(value.text)}"
        case Reference():
            return f"{'string ' if value.table == 'string' else ''}ref#{value.index}"
    return "undefined" if value is UNDEFINED else "unsupported"


def _say_bytes(value: bytes) -> str:
    shown = value[:MOST_ENTRIES].hex(" ")
    return f"{plural(len(value), 'byte')}{' ' if shown else ''}{shown}{' ...' if len(value) > MOST_ENTRIES else ''}"


def _class(name: str | None) -> str:
    """The last part of the name: packages are long, and the tree has them."""
    return f"{_short((name or '').rpartition('.')[2])} ".lstrip()


def _pairs(value: Object, depth: int) -> list[str]:
    if depth >= _DEEPEST:
        return []
    return [f"{_short(key)}: {say_value(item, depth + 1)}" for key, item in value.pairs[:MOST_ENTRIES]]


def _entries(value: Dictionary, depth: int) -> list[str]:
    if depth >= _DEEPEST:
        return []
    shown = value.pairs[:MOST_ENTRIES]
    return [f"{say_value(key, depth + 1)}: {say_value(item, depth + 1)}" for key, item in shown]


def _items(values: list[Value], depth: int) -> list[str]:
    return [say_value(item, depth + 1) for item in values[:MOST_ENTRIES]] if depth < _DEEPEST else []


def _say_some(shown: list[str], total: int, depth: int) -> str:
    if depth >= _DEEPEST:
        return "..." if total else ""
    more = [f"... {total - len(shown)} more"] if total > len(shown) else []
    return ", ".join(shown + more)


def _say_command(body: Command) -> str:
    call = _say_call(body)
    status = _status(body)
    if status:
        return f"{call} {status}"
    if body.name == "connect" and isinstance(body.object, Object):
        told = [f"{key}={say_value(body.object[key])}" for key in _OF_CONNECT if key in body.object]
        return " ".join([call, *told, *map(say_value, body.args)])
    return f"{call} {_say_arguments(body)}".rstrip()


_OF_CONNECT: Final = ("app", "tcUrl", "flashVer", "capsEx", "fourCcList")


def _say_arguments(body: Command) -> str:
    """What a command bears: nearly always null where the command object stands."""
    return ", ".join(map(say_value, body.args if body.object is None else (body.object, *body.args)))


def _say_call(body: Command) -> str:
    return f"{_short(body.name) or '?'}({'' if body.transaction is None else number_text(body.transaction)})"


def _say_answer(body: Command, notes: Notes) -> str:
    """A command that answers another: what was asked, where that is not plain, and how long it took."""
    status = _status(body)
    told = status or _say_arguments(body)
    if notes.answers == "createStream" and body.name == "_result" and told:
        told = f"stream {told}"
    if body.name in {"_result", "_error"} and not status.startswith(("NetConnection.Connect.", "NetStream.")):
        told = f"{_short(notes.answers)}{' -> ' if told else ''}{told}"
    latency = "" if notes.latency is None else f", {say_duration(notes.latency)}"
    return f"{_say_call(body)}{' ' if told else ''}{told}{latency}"


def say_duration(nanoseconds: int) -> str:
    """A short time: `0.04 ms`, `0.8 ms`, `120.3 ms`, `2.500 s`."""
    milliseconds = nanoseconds / 1e6
    if abs(milliseconds) >= 1000:
        return f"{milliseconds / 1000:.3f} s"
    return f"{milliseconds:.1f} ms" if abs(milliseconds) >= 0.1 or not nanoseconds else f"{milliseconds:.2g} ms"


def _status(body: Command) -> str:
    """The code of an information object, and the description where it is more than the code.

    Most servers have it among the arguments; rtmpsrv has it where the command object should be.
    """
    for value in (*body.args, body.object):
        if isinstance(value, Object) and isinstance(code := value.get("code"), str):
            description = value.get("description")
            is_plain = body.name == "_result" and value.get("level") == "status"
            more = f" {say_value(description)}" if isinstance(description, str) and description else ""
            return f"{_short(code)}{'' if is_plain else more}{_say_elsewhere(value, code)}"
    return ""


def _say_elsewhere(status: Object, code: str) -> str:
    """Where a status sends the client: Enhanced RTMP's reconnect request, and the redirection of a refusal."""
    more = status.get("ex")
    url = status.get("tcUrl") if code == "NetConnection.Connect.ReconnectRequest" else None
    if isinstance(more, Object):
        url = more.get("redirect")
    return f", go to {say_value(url)}" if isinstance(url, str) and url else ""


def _say_data(body: Data) -> str:
    return f"{_short(body.name) or '?'} {', '.join(map(say_value, body.args))}".rstrip()


def _say_audio(body: Audio) -> str:
    if body.packet_type == "silence":
        return "silence"
    if body.codec_id == AAC and body.packet_type == "coded_frames" and not (body.rate or body.frame):
        return "aac"  # nearly all audio there is
    words = [f"{body.codec or ''} {_say_sound(body, body.packet_type)}".strip()]
    if body.track_id:
        words.append(f"track {body.track_id}")
    if body.configuration:
        words.append(body.configuration.text)
    if body.nanosecond_offset:
        words.append(f"{body.nanosecond_offset:+d} ns")
    words += [_say_audio_track(body, track) for track in body.tracks[:MOST_ENTRIES]]
    if len(body.tracks) > MOST_ENTRIES:
        words.append(f"... {len(body.tracks) - MOST_ENTRIES} tracks more")
    return ", ".join(filter(None, words))


def _say_sound(body: Audio | AudioTrack, packet_type: str | None) -> str:
    """What kind of message it is; of a frame, what its header says."""
    if packet_type == "sequence_header":
        return "configuration"
    if packet_type not in {None, "coded_frames"}:
        return _spaced(packet_type)
    if body.frame:
        return body.frame.text
    bits = f"{body.sample_size} bit" if body.codec == "pcm" else ""
    return f"{sound(rate=body.rate, channels=body.channels)} {bits}".strip()


def _say_audio_track(body: Audio, track: AudioTrack) -> str:
    words = [f"track {track.id}", track.codec if body.codec is None else ""]
    if body.packet_type == "coded_frames":
        words.append(_say_sound(track, body.packet_type))
    elif track.configuration:
        words.append(track.configuration.text)
    return " ".join(filter(None, words))


def _say_video(body: Video) -> str:
    if body.packet_type == "empty":
        return "empty"
    words = [f"{body.codec or ''} {_say_picture(body)}".strip()]
    if body.track_id:
        words.append(f"track {body.track_id}")
    if body.packet_type in _CONFIGURES:
        words.append(body.configuration.text if body.configuration else "")
    elif body.width is not None and body.frame_type == "key":
        words.append(f"{body.width}x{body.height}")
    words += [f"{_short(name)} {say_value(value)}" for name, value in body.metadata[:MOST_ENTRIES]]
    words.append(_say_random_access(body.codec, body.frame_type, body.nal_types))
    if body.composition_time:
        words.append(f"composition {body.composition_time:+d} ms")
    if body.nanosecond_offset:
        words.append(f"{body.nanosecond_offset:+d} ns")
    words += [_say_video_track(body, track) for track in body.tracks[:MOST_ENTRIES]]
    if len(body.tracks) > MOST_ENTRIES:
        words.append(f"... {len(body.tracks) - MOST_ENTRIES} tracks more")
    return ", ".join(filter(None, words))


_CONFIGURES: Final = {"sequence_header": "configuration", "mpeg2ts_sequence_header": "MPEG-2 TS configuration"}
_BRINGING: Final = frozenset({None, "coded_frames", "coded_frames_x", *_CONFIGURES})


def _say_picture(body: Video) -> str:
    """What kind of message it is."""
    if body.command:
        return _spaced(body.command)
    if body.packet_type in {None, "coded_frames", "coded_frames_x"}:
        return f"{_spaced(body.frame_type or '')} frame"
    if body.packet_type in _CONFIGURES:
        return _CONFIGURES[body.packet_type]
    return _spaced(body.packet_type)


def _say_random_access(codec: str | None, frame_type: str | None, nal_types: tuple[str, ...]) -> str:
    """Where the message calls a frame a key frame and the codec does not, or the other way round."""
    family = of_nal_units(codec)
    if family is None or not nal_types or len(nal_types) == codecs.nal.MOST_UNITS:
        return ""
    if frame_type == "key" and family.key_names.isdisjoint(nal_types):
        return "no IDR"
    is_inter = frame_type in {"inter", "disposable_inter"}
    return "has an IDR" if is_inter and any(name.startswith("IDR") for name in nal_types) else ""


def _say_video_track(body: Video, track: VideoTrack) -> str:
    words = [f"track {track.id}{' ' + track.codec if body.codec is None else ''}"]
    if track.configuration and body.packet_type in _CONFIGURES:
        words.append(track.configuration.text)
    words.append(_say_random_access(track.codec, body.frame_type, track.nal_types))
    if track.composition_time:
        words.append(f"{track.composition_time:+d} ms")
    return " ".join(filter(None, words))


def _spaced(word: str) -> str:
    return word.replace("_", " ")


def _say_shared_object(body: SharedObject) -> str:
    persistent = ", persistent" if body.persistent else ""
    events = [_say_event(event) for event in body.events[:MOST_ENTRIES]]
    if len(body.events) > len(events):
        events.append(f"... {len(body.events) - len(events)} more")
    return f"{say_value(body.name)} version {body.version}{persistent}{': ' if events else ''}{'; '.join(events)}"


def _say_event(event: SharedObjectEvent) -> str:
    said = ""
    if event.pairs is not None:
        pairs = [f"{_short(key)}={say_value(value)}" for key, value in event.pairs[:MOST_ENTRIES]]
        said = _say_some(pairs, len(event.pairs), 0)
    elif event.keys is not None:
        said = _say_some([_short(key) for key in event.keys[:MOST_ENTRIES]], len(event.keys), 0)
    elif event.args is not None:
        args = [say_value(value) for value in event.args[:MOST_ENTRIES]]
        said = f"{_short(event.handler or '?')}({_say_some(args, len(event.args), 0)})"
    elif event.code is not None:
        said = ", ".join(_short(word) for word in (event.code, event.level) if word)
    elif event.data:
        said = _say_unknown(Unknown(event.data))
    return f"{_spaced(event.event)} {said}".rstrip()


def _short(text: str) -> str:
    """Captured text without quotes around it: names, keys and codes."""
    return printable(text[:LONGEST_STRING]) + ("..." if len(text) > LONGEST_STRING else "")


def _say_aggregate(body: Aggregate) -> str:
    types = Counter(message.type.removesuffix("_amf0") for message in body.messages)
    kinds = [f"{count} {name}" for name, count in types.most_common(MOST_ENTRIES)]
    count = plural(len(body.messages), "message")
    return f"{count}{': ' if kinds else ''}{_say_some(kinds, len(types), 0)}"


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
    if body.swf_digest is not None:
        words.append(f"digest {body.swf_digest.hex()}")
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
    SharedObject: _say_shared_object,
    Aggregate: _say_aggregate,
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
    return say_tls(event.tls)


def say_tls(tls: Tls) -> str:
    """The version and cipher suite that the server chose, and what the client asked for."""
    words = [tls.version or "TLS", tls.cipher]
    if tls.offered_versions and tls.version != tls.offered_versions[0]:
        words.append(f"offered: {' '.join(tls.offered_versions[:MOST_ENTRIES])}")
    words.append(f"server name {tls.server_name}" if tls.server_name else "no server name")
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
    """The part, the version, the software that it names, and the verdict on it."""
    words: list[str] = [event.part]
    if event.version is not None:
        words.append(f"version {event.version}{_encrypted(event.version)}")
        software = None if event.missing else software_version(event.data[1:], event.digest is not None)
        words += [f"software {software}"] if software else []
    if event.missing:
        missing = sum(stop - start for start, stop in event.missing)
        words.append(f"{plural(missing, 'byte')} {event.missing_reason}")
    elif event.verdict.startswith("D"):
        words.append(f"digest {event.verdict}")
    elif event.verdict in _VERDICTS:
        words.append(_VERDICTS[event.verdict])
    return ", ".join(words)


def _encrypted(version: int) -> str:
    return f" ({ENCRYPTED[version]})" if version in ENCRYPTED else ""


def say_closed(event: Closed) -> str:
    """How it ended, after how long, and what went over the wire."""
    by = f" by the {event.closer}" if event.closer else ""
    seconds = (event.ended.time - event.begun.time) / 1e9
    bytes_sent = f"{grouped(event.from_client.bytes)} bytes c->s, {grouped(event.from_server.bytes)} bytes s->c"
    told = "".join(f", {words}" for words in (say_records(event.tls), event.through) if words)
    return f"{event.reason}{by} after {seconds:.3f} s, {bytes_sent}{told}"


def say_records(tls: Tls | None) -> str:
    """How many records there were, and whether they were decrypted; nothing without TLS."""
    if tls is None:
        return ""
    count = f"{grouped(tls.records['client'])} and {grouped(tls.records['server'])} TLS records"
    return f"{count}, {'decrypted' if tls.decrypted else f'not decrypted: {tls.reason}'}"


def say_undecoded(event: Undecoded) -> str:
    """How much was not decoded, where, and why."""
    return say_span(event.length, event.missing, f"from offset {event.offset}", event.reason)


def say_span(length: int, missing: int, where: str, reason: str) -> str:
    """Of so many bytes, how many are missing, and why the rest could not be decoded."""
    size = plural(length, "byte")
    if missing == length and reason in HOLE_REASONS:
        return f"{size} {where} {reason}"
    if reason in HOLE_REASONS:
        return f"{size} {where} not decoded, {grouped(missing)} of them {reason}"
    lost = f", {grouped(missing)} of them missing" if missing else ""
    return f"{size} {where} not decoded{lost}: {reason}"
