"""What became of a connection, in a person's words: who asked for what, what came of it, what was carried.

Takes the summary of a connection, gives lines of text, with the depth to which each is set in and its style.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from rtmpsniff.analysis.authentication import Dance
from rtmpsniff.analysis.handshake import Handshake
from rtmpsniff.analysis.media import Flow, Track
from rtmpsniff.analysis.peers import Peer
from rtmpsniff.analysis.streams import Moment, Purpose, Stream
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

MOST_STREAMS: Final = 20  # of a connection that are told
_MOST_CALLS: Final = 8
_MOST_OBJECTS: Final = 8
_MOST_REASONS: Final = 2
_LONGEST_NAME: Final = 200
_RATE_AFTER: Final = 1000  # ms of media from which on a rate says something


class Line(NamedTuple):
    """One line: how deep it is set in, what it says, and a style of the theme."""

    depth: int
    text: str
    style: str = ""


def story(connection: ConnectionSummary) -> Iterator[Line]:
    """All that was asked and answered on a connection; nothing where nothing was."""
    purpose, closed = connection.purpose, connection.closed
    is_silent = closed is not None and not closed.from_server.bytes
    is_heard = _is_heard(closed)
    yield from _carriers(connection)
    yield from _handshake(connection.handshake)
    yield from _connect(purpose, connection.proof.dance, is_heard)
    yield from _ends(connection.peers.items())
    yield from _proof(connection)
    for stream in purpose.streams[:MOST_STREAMS]:
        yield from _stream(stream, is_heard, connection.is_partial)
    if len(purpose.streams) > MOST_STREAMS:
        yield Line(0, f"... and {plural(len(purpose.streams) - MOST_STREAMS, 'more stream')}", "dim")
    yield from _shared_objects(connection.shared_objects)
    yield from _unused(purpose)
    yield from _unanswered([] if is_silent else connection.unanswered, is_heard)


def _carriers(connection: ConnectionSummary) -> Iterator[Line]:
    """What carried it beside TCP."""
    closed = connection.closed
    if closed is not None and closed.tls is not None:
        yield Line(0, f"{say_tls(closed.tls)}; {say_records(closed.tls)}")
    if closed is not None and closed.through:
        yield Line(0, closed.through)


def address(purpose: Purpose) -> str:
    """The URL of the stream, if there is one alone, or else of the application; safe to print."""
    names = {stream.name for stream in purpose.streams if stream.name}
    return shortened(purpose.url_of(names.pop()) if len(names) == 1 else purpose.url)


def _is_heard(closed: Closed | None) -> bool:
    """Whether all that the server said was captured: else nobody can say what it did not answer."""
    return closed is None or (closed.from_server.bytes > 0 and not closed.from_server.missing_bytes)


def stream_names(connection: ConnectionSummary) -> str:
    """All streams in a few words: `publish cam, play film (refused)`; or why it did not come to any."""
    streams = connection.purpose.streams
    if not streams and connection.purpose.asked is not None and not connection.is_partial:
        return _without_streams(connection)
    named = [_brief(stream, connection.is_partial) for stream in streams[:3]]
    more = len(streams) - len(named)
    return ", ".join([*named, f"{more} more"] if more > 0 else named)


def _without_streams(connection: ConnectionSummary) -> str:
    if connection.purpose.accepted is None:
        return "(connect unanswered)" if _is_heard(connection.closed) else ""
    return "" if connection.purpose.accepted else "(connect refused)"


def _brief(stream: Stream, is_partial: bool) -> str:
    state = ""
    if stream.state == "refused":
        state = " (refused)"
    elif not stream.flows and not is_partial:
        state = " (unanswered)" if stream.state == "asked" else " (no media)"
    return f"{stream.action} {'?' if stream.name is None else shortened(stream.name, 60)}{state}"


def shortened(text: str, limit: int = _LONGEST_NAME) -> str:
    """Captured text without quotes around it."""
    return printable(text) if len(text) <= limit else printable(text[:limit]) + "..."


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


def _connect(purpose: Purpose, dance: Dance | None, is_heard: bool) -> Iterator[Line]:
    if purpose.asked is None:
        return
    after = _after(purpose.asked, purpose.answered)
    if purpose.accepted is None:
        yield Line(0, "connect was not answered" if is_heard else "no answer to connect was captured", "warning")
    elif purpose.accepted:
        yield Line(0, f"connect answered{after}")
    else:
        # Where it is a step of an authentication, that is told below, and the description is made of secrets.
        description = f' "{shortened(purpose.description)}"' if purpose.description and dance is None else ""
        status = f": {printable(purpose.status)}{description}" if purpose.status else ""
        is_step = dance is not None and dance.outcome != "refused"
        yield Line(0, f"connect refused{after}{status}", "" if is_step else "error")
    if purpose.redirect:
        yield Line(0, f"the server sends the client to {shortened(purpose.redirect)}")
    if path := purpose.disagreement:
        app = quoted(shortened(purpose.app.partition("?")[0]))
        yield Line(0, f"app names the application {app}, tcUrl names {quoted(shortened(path))}", "warning")
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


def _stream(stream: Stream, is_heard: bool, is_partial: bool) -> Iterator[Line]:
    kind = f" ({shortened(stream.type, 20)})" if stream.type else ""
    if stream.is_rest:
        head = f"all further streams to {stream.action}"
    elif stream.name is None:
        what = stream.action if stream.state != "unseen" else f"media from the {_CARRIERS[stream.action]}"
        head = f"{what} on message stream {stream.message_stream_id}"
    else:
        head = f"{stream.action} {shortened(stream.name)}{kind}"
    told = [_state(stream, is_heard), _media(stream, is_partial), _end(stream)]
    text = ", ".join(filter(None, told))
    yield Line(0, f"{head}{': ' if text else ''}{text}", "error" if stream.state == "refused" else "")
    for number, flow in sorted(stream.flows.items(), reverse=True):
        yield from _flow("video" if number == VIDEO else "audio" if number == AUDIO else str(number), flow)
    if stream.aggregates:
        size = plural(stream.aggregate_bytes, "byte")
        yield Line(1, f"in {plural(stream.aggregates, 'aggregate message')} of {size}")


_CARRIERS: Final = {"publish": "client", "play": "server"}


def _state(stream: Stream, is_heard: bool) -> str:
    after = _after(stream.asked, stream.answered)
    match stream.state:
        case "started":
            return f"started{after}"
        case "refused":
            return f"refused{after}{': ' if stream.reason else ''}{stream.reason}"
        case "asked":
            return "not answered" if is_heard and not stream.flows else "no answer was captured"
        case "unseen":
            return "" if stream.is_rest else "no publish or play was captured"


def _media(stream: Stream, is_partial: bool) -> str:
    if not stream.flows:
        return "no media" if stream.state == "started" and not is_partial else ""
    return f"{stream.duration / 1000:.3f} s of media" if stream.duration else ""


def _end(stream: Stream) -> str:
    if not stream.end or (stream.state == "asked" and not stream.flows):
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


def _shared_objects(objects: dict[str, int]) -> Iterator[Line]:
    told = [f"{shortened(name, 60)} ({plural(count, 'attribute')})" for name, count in objects.items()]
    if told:
        more = [f"{grouped(len(told) - _MOST_OBJECTS)} more"] if len(told) > _MOST_OBJECTS else []
        yield Line(0, f"shared object{'s' if len(told) > 1 else ''}: {', '.join(told[:_MOST_OBJECTS] + more)}")


def _unused(purpose: Purpose) -> Iterator[Line]:
    used = {stream.message_stream_id for stream in purpose.streams}
    unused = sorted(purpose.created - used)
    if unused:
        numbers = ", ".join(map(str, unused[:_MOST_CALLS])) + (", ..." if len(unused) > _MOST_CALLS else "")
        yield Line(0, f"message stream{'s' if len(unused) > 1 else ''} {numbers} created and not used")


def _unanswered(calls: list[Call], is_heard: bool) -> Iterator[Line]:
    told = [f"{shortened(call.name, 40)} (#{call.message})" for call in calls if call.name not in _TOLD_ABOVE]
    if told:
        more = [f"{grouped(len(told) - _MOST_CALLS)} more"] if len(told) > _MOST_CALLS else []
        what = "not answered" if is_heard else "no answer captured"
        yield Line(0, f"{what}: {', '.join(told[:_MOST_CALLS] + more)}")


_TOLD_ABOVE: Final = frozenset({"connect", "publish", "play"})
