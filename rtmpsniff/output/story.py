"""What became of a connection, in a person's words: who asked for what, what came of it, what was carried.

Takes the summary of a connection, gives lines of text, with the depth to which each is set in and its style.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from rtmpsniff.analysis.authentication import Dance
from rtmpsniff.analysis.handshake import Handshake
from rtmpsniff.analysis.media import Flow, Track
from rtmpsniff.analysis.peers import Peer
from rtmpsniff.analysis.streams import Action, Moment, Purpose, Stream
from rtmpsniff.analysis.summary import ConnectionSummary
from rtmpsniff.analysis.transactions import Call
from rtmpsniff.output.words import say_duration, say_records, say_tls
from rtmpsniff.payload.audio import Audio, AudioTrack
from rtmpsniff.payload.codecs.configuration import Configuration
from rtmpsniff.payload.codecs.sound import sound
from rtmpsniff.payload.types import AUDIO, VIDEO
from rtmpsniff.payload.video import Video, VideoTrack
from rtmpsniff.rtmp.events import Closed
from rtmpsniff.text import grouped, plural, printable, quoted
from rtmpsniff.transport.connection import Sender

MOST_STREAMS: Final = 20  # of a connection that are told
_MOST_CALLS: Final = 8
_MOST_OBJECTS: Final = 8
_MOST_REASONS: Final = 2
_LONGEST_NAME: Final = 200
AT_ONCE: Final = 5_000_000_000  # ns: a server that ends a connection by then has not waited for media in vain
_RATE_AFTER: Final = 1000  # ms of media from which on a rate says something


# How captured text is written where there is room for so many characters.
Write: TypeAlias = Callable[[str, int], str]


class Line(NamedTuple):
    """One line: how deep it is set in, what it says, and a style of the theme."""

    depth: int
    text: str
    style: str = ""


def shortened(text: str, limit: int) -> str:
    """Captured text without quotes around it."""
    return printable(text) if len(text) <= limit else printable(text[:limit]) + "..."


def in_full(text: str, _: int) -> str:
    """The same, however long it is."""
    return printable(text)


def story(connection: ConnectionSummary, write: Write = shortened) -> Iterator[Line]:
    """All that was asked and answered on a connection; nothing where nothing was."""
    purpose, closed = connection.purpose, connection.closed
    is_silent = closed is not None and not closed.from_server.bytes
    is_heard = is_whole(connection, "server")
    yield from _carriers(connection)
    yield from _handshake(connection.handshake)
    yield from _connect(purpose, connection.proof.dance, closed, is_heard, write)
    yield from _ends(connection.peers.items())
    yield from _proof(connection)
    for stream in purpose.streams[:MOST_STREAMS]:
        yield from _stream(stream, connection, write)
    if len(purpose.streams) > MOST_STREAMS:
        yield Line(0, f"... and {plural(len(purpose.streams) - MOST_STREAMS, 'more stream')}", "dim")
    yield from _shared_objects(connection.shared_objects, write)
    yield from _unused(purpose)
    yield from _unanswered([] if is_silent else connection.unanswered, is_heard, write)


def _carriers(connection: ConnectionSummary) -> Iterator[Line]:
    """What carried it beside TCP."""
    closed = connection.closed
    if closed is not None and closed.tls is not None:
        yield Line(0, f"{say_tls(closed.tls)}; {say_records(closed.tls)}")
    if closed is not None and closed.through:
        yield Line(0, closed.through)


def address(purpose: Purpose, write: Write = shortened) -> str:
    """The URL of the stream, if there is one alone, or else of the application; safe to print."""
    names = {stream.name for stream in purpose.streams if stream.name}
    return write(purpose.url_of(names.pop()) if len(names) == 1 else purpose.url, _LONGEST_NAME)


def is_whole(connection: ConnectionSummary, sender: Sender) -> bool:
    """Whether all that a side said was captured and decoded: else nobody can say what it did not say."""
    closed = connection.closed
    if closed is None:
        return True
    traffic = closed.from_server if sender == "server" else closed.from_client
    is_read = all(span.sender != sender for span in connection.undecoded)
    return traffic.bytes > 0 and not traffic.missing_bytes and is_read


def cut_off(stream: Stream, connection: ConnectionSummary) -> bool:
    """Whether the server accepted a stream and ended the connection at once, without a word and before any media.

    By that it refuses, whatever its status said: nginx-rtmp does so where a callback denies the stream.
    """
    if stream.state != "started" or stream.flows or connection.is_partial or not _by_server(connection.closed):
        return False
    if stream.ended is None or stream.ended.message is not None or stream.answered is None:
        return False
    is_at_once = stream.ended.time - stream.answered.time <= AT_ONCE
    return is_at_once and is_whole(connection, "client") and is_whole(connection, "server")


def _by_server(closed: Closed | None) -> bool:
    return closed is not None and closed.closer == "server" and closed.reason in {"closed", "reset"}


def stream_names(connection: ConnectionSummary, write: Write = shortened) -> str:
    """All streams in a few words: `publish cam, play film (refused)`; or why it did not come to any."""
    streams = connection.purpose.streams
    if not streams and connection.purpose.asked is not None and not connection.is_partial:
        return _without_streams(connection)
    named = [_brief(stream, connection, write) for stream in streams[:3]]
    more = len(streams) - len(named)
    return ", ".join([*named, f"{more} more"] if more > 0 else named)


def _without_streams(connection: ConnectionSummary) -> str:
    if connection.purpose.accepted is None:
        return "(connect unanswered)" if is_whole(connection, "server") else ""
    return "" if connection.purpose.accepted else "(connect refused)"


def _brief(stream: Stream, connection: ConnectionSummary, write: Write) -> str:
    state = ""
    if stream.state == "refused":
        state = " (refused)"
    elif stream.has_failed:
        state = " (failed)"
    elif cut_off(stream, connection):
        state = " (likely refused)"
    elif not stream.flows and not connection.is_partial:
        asked = stream.state == "asked"
        words = "unanswered" if asked else "no media"
        state = f" ({words})" if is_whole(connection, "server" if asked else _CARRIERS[stream.action]) else ""
    return f"{stream.action} {'?' if stream.name is None else write(stream.name, 60)}{state}"


def _handshake(handshake: Handshake) -> Iterator[Line]:
    if handshake.version is None:
        return
    encrypted = f" ({handshake.encryption})" if handshake.encryption else ""
    digests = (handshake.c1, handshake.s1)
    replies = (handshake.c2, handshake.s2)
    words = [
        f"handshake: version {handshake.version}{encrypted}",
        "no digest" if digests == ("none", "none") else f"digest C1 {digests[0]}, S1 {digests[1]}",
        f"C2 and S2 {replies[0]}" if replies[0] == replies[1] else f"C2 {replies[0]}, S2 {replies[1]}",
    ]
    words += [f"answered after {say_duration(handshake.rtt)}"] if handshake.rtt is not None else []
    yield Line(0, ", ".join(words))


def _connect(
    purpose: Purpose, dance: Dance | None, closed: Closed | None, is_heard: bool, write: Write
) -> Iterator[Line]:
    if purpose.asked is None:
        return
    after = _after(purpose.asked, purpose.answered)
    if purpose.accepted is None:
        how = f"connect was not answered{_broken_off(purpose.asked, closed)}"
        yield Line(0, how if is_heard else "no answer to connect was captured", "warning")
    elif purpose.accepted:
        yield Line(0, f"connect answered{after}")
    else:
        # Where it is a step of an authentication, that is told below, and the description is made of secrets.
        description = f' "{write(purpose.description, _LONGEST_NAME)}"' if purpose.description and dance is None else ""
        status = f": {printable(purpose.status)}{description}" if purpose.status else ""
        is_step = dance is not None and dance.outcome != "refused"
        yield Line(0, f"connect refused{after}{status}", "" if is_step else "error")
    if purpose.redirect:
        yield Line(0, f"the server sends the client to {write(purpose.redirect, _LONGEST_NAME)}")
    if path := purpose.disagreement:
        app = quoted(write(purpose.app.partition("?")[0], _LONGEST_NAME))
        yield Line(0, f"app names the application {app}, tcUrl names {quoted(write(path, _LONGEST_NAME))}", "warning")
    for status in purpose.statuses:
        yield Line(0, f"the server: {status}")


def _after(asked: Moment | None, answered: Moment | None) -> str:
    return f" after {say_duration(answered.time - asked.time)}" if asked and answered else ""


def _ends(peers: Iterable[tuple[str, Peer]]) -> Iterator[Line]:
    for sender, peer in peers:
        if peer.software is not None:
            because = f": {'; '.join(peer.because[:_MOST_REASONS])}" if peer.because else ""
            yield Line(0, f"{sender}: {peer}{because}")


def _proof(connection: ConnectionSummary) -> Iterator[Line]:
    proof = connection.proof
    if proof.dance is not None:
        yield Line(0, proof.dance.text, "error" if proof.dance.outcome == "refused" else "")
    for token in proof.tokens:
        yield Line(0, token.text)


def _stream(stream: Stream, connection: ConnectionSummary, write: Write) -> Iterator[Line]:
    kind = f" ({write(stream.type, 20)})" if stream.type else ""
    if stream.is_rest:
        head = f"all further streams to {stream.action}"
    elif stream.name is None:
        what = stream.action if stream.state != "unseen" else f"media from the {_CARRIERS[stream.action]}"
        head = f"{what} on message stream {stream.message_stream_id}"
    else:
        head = f"{stream.action} {write(stream.name, _LONGEST_NAME)}{kind}"
    if stream.flows or connection.is_partial or stream.state in {"refused", "unseen"}:
        text = ", ".join(filter(None, [_state(stream), _media(stream), _end(stream)]))
    else:
        text = _without_media(stream, connection)
    is_bad = stream.state == "refused" or stream.has_failed or cut_off(stream, connection)
    yield Line(0, f"{head}{': ' if text else ''}{text}", "error" if is_bad else "")
    for number, flow in sorted(stream.flows.items(), reverse=True):
        yield from _flow("video" if number == VIDEO else "audio" if number == AUDIO else str(number), flow)
    if stream.aggregates:
        size = plural(stream.aggregate_bytes, "byte")
        yield Line(1, f"in {plural(stream.aggregates, 'aggregate message')} of {size}")


_CARRIERS: Final[dict[Action, Sender]] = {"publish": "client", "play": "server"}


def _state(stream: Stream) -> str:
    after = _after(stream.asked, stream.answered)
    match stream.state:
        case "started":
            return f"started{after}"
        case "refused":
            return f"refused{after}{': ' if stream.reason else ''}{stream.reason}"
        case "asked":
            return "no answer was captured"
        case "unseen":
            return "" if stream.is_rest else "no publish or play was captured"


def _media(stream: Stream) -> str:
    return f"{stream.duration / 1000:.3f} s of media" if stream.duration else ""


def _without_media(stream: Stream, connection: ConnectionSummary) -> str:
    """What became of a stream that was asked for and carried nothing, and who ended it."""
    closed = connection.closed
    if stream.state == "asked":
        if not is_whole(connection, "server"):
            return "no answer was captured"
        is_over = stream.ended is None or stream.ended.message is None
        if is_over and _by_server(closed):
            return f"not answered{_broken_off(stream.asked, closed)}"
        return ", ".join(filter(None, [f"not answered{_within(stream.asked, stream.ended)}", _end(stream)]))
    after = _after(stream.asked, stream.answered)
    if cut_off(stream, connection):
        code = next((code for code in stream.codes if code.endswith(".Start")), "")
        how = f"answered with {printable(code)}{after}" if code else f"accepted{after}"
        return f"{how}, but before any media{_broken_off(stream.answered, closed, ' ')}: likely a refusal"
    if not is_whole(connection, _CARRIERS[stream.action]):
        return ", ".join(filter(None, [f"started{after}, no media was captured", _end(stream)]))
    waited = _within(stream.answered, stream.ended)
    return ", ".join(filter(None, [f"started{after}, no media{waited}", _end(stream)]))


def _within(since: Moment | None, until: Moment | None) -> str:
    return f" in {say_duration(until.time - since.time)}" if since and until and until.time > since.time else ""


def _broken_off(since: Moment | None, closed: Closed | None, mark: str = ": ") -> str:
    """That the server ended the connection; of one that is closed in steps the last is known, so: within."""
    if closed is None or since is None or not _by_server(closed):
        return ""
    elapsed = say_duration(closed.ended.time - since.time)
    return f"{mark}the server {closed.reason} the connection within {elapsed}"


def _end(stream: Stream) -> str:
    if not stream.end:
        return ""
    if stream.ended is not None and stream.ended.message is not None:
        return f"ended by {stream.end}"
    return f"until the {stream.end}" if stream.end == "capture ended" else f"until the connection was {stream.end}"


def _flow(name: str, flow: Flow) -> Iterator[Line]:
    counts = [plural(flow.messages + flow.inside, "message"), plural(flow.size + flow.size_inside, "byte")]
    if flow.duration >= _RATE_AFTER:
        counts += [f"{flow.bit_rate / 1000:.0f} kbit/s"] if flow.bit_rate is not None else []
        counts += [f"{flow.frame_rate:.1f} frames/s"] if flow.kind == VIDEO and flow.frame_rate is not None else []
    tracks = list(flow.tracks.values())
    if len(tracks) == 1:
        yield Line(1, f"{name} {say_track(tracks[0])}: {', '.join(counts)}")
        return
    yield Line(1, f"{name}: {', '.join(counts)}")
    for track in sorted(tracks, key=lambda track: track.id):
        yield Line(2, f"track {track.id} {say_track(track)}")


def say_track(track: Track) -> str:
    """The codec of a track and how it is configured: `h264 High 3.1, 1280x720 25 fps`."""
    words = [printable(track.codec)]
    if detail := _detail(track):
        words.append(f" {detail}")
    if track.speakers is not None and track.speakers.speakers:
        words.append(f", speakers {' '.join(track.speakers.speakers)}")
    if track.headers > 1:
        words.append(f", {track.headers} sequence headers")
    if track.former:
        words.append(f", before that {', '.join(map(printable, track.former))}")
    return "".join(words)


def _detail(track: Track) -> str:
    if isinstance(track.configuration, Configuration) and track.configuration.width is None:
        return ", ".join(filter(None, (track.configuration.text, _sampled(track))))
    return track.configuration.text if track.configuration is not None else _sampled(track)


def _sampled(track: Track) -> str:
    """What a frame tells where the configuration does not."""
    match track.sample:
        case Audio(frame=frame) | AudioTrack(frame=frame) if frame is not None:
            return frame.text
        case Audio() | AudioTrack():
            return sound(rate=track.sample.rate, channels=track.sample.channels)
        case Video(width=int(width), height=int(height)) | VideoTrack(width=int(width), height=int(height)):
            return f"{width}x{height}"
    return ""


def _shared_objects(objects: dict[str, int], write: Write) -> Iterator[Line]:
    told = [f"{write(name, 60)} ({plural(count, 'attribute')})" for name, count in objects.items()]
    if told:
        more = [f"{grouped(len(told) - _MOST_OBJECTS)} more"] if len(told) > _MOST_OBJECTS else []
        yield Line(0, f"shared object{'s' if len(told) > 1 else ''}: {', '.join(told[:_MOST_OBJECTS] + more)}")


def _unused(purpose: Purpose) -> Iterator[Line]:
    used = {stream.message_stream_id for stream in purpose.streams}
    unused = sorted(purpose.created - used)
    if unused:
        numbers = ", ".join(map(str, unused[:_MOST_CALLS])) + (", ..." if len(unused) > _MOST_CALLS else "")
        yield Line(0, f"message stream{'s' if len(unused) > 1 else ''} {numbers} created and not used")


def _unanswered(calls: list[Call], is_heard: bool, write: Write) -> Iterator[Line]:
    told = [f"{write(call.name, 40)} (#{call.message})" for call in calls if call.name not in _TOLD_ABOVE]
    if told:
        more = [f"{grouped(len(told) - _MOST_CALLS)} more"] if len(told) > _MOST_CALLS else []
        what = "not answered" if is_heard else "no answer captured"
        yield Line(0, f"{what}: {', '.join(told[:_MOST_CALLS] + more)}")


_TOLD_ABOVE: Final = frozenset({"connect", "publish", "play"})
