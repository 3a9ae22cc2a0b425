"""What streams carried, in a table, and in words what is missing of them or was changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rtmpsniff.analysis.media_streams import MOST_PLACES, MediaStream
from rtmpsniff.output.columns import columns, wrapped
from rtmpsniff.output.story import Write, say_track, shortened
from rtmpsniff.output.theme import Paint
from rtmpsniff.payload.types import AUDIO, VIDEO
from rtmpsniff.text import columns_of, grouped, plural, printable

HEAD: Final = ("connection", "kind", "stream", "seconds", "frames", "video", "frames", "audio", "bytes", "file")
_RIGHT: Final = "r  rr r r"
_LONGEST_NAME: Final = 60


def row(media: MediaStream, file: str, write: Write = shortened) -> tuple[str, ...]:
    """One stream, which goes into this file; `HEAD` says what stands where."""
    name = media.stream.name
    return (
        str(media.connection),
        media.stream.action,
        "?" if name is None else write(name, _LONGEST_NAME),
        f"{media.duration / 1000:.3f}",
        *_kind(media, VIDEO),
        *_kind(media, AUDIO),
        grouped(media.size),
        file,
    )


def table(rows: Sequence[tuple[str, ...]], paint: Paint, width: int | None) -> Iterator[str]:
    """Rows under their heading, or a few lines for each where a terminal is too narrow; `width` None: there is none."""
    lines = list(columns(HEAD, rows, Paint(colored=False), _RIGHT))
    if width is None or max(map(columns_of, lines)) <= width:
        yield paint.style("dim", lines[0])
        yield from lines[1:]
        return
    for each in rows:
        yield from _entry(each, width)


def _entry(row: tuple[str, ...], width: int) -> Iterator[str]:
    number, action, name, seconds, pictures, video, sounds, audio, size, file = row
    head = wrapped(f"{action} {name}: {seconds} s, {size} {_unit(size, 'byte')}, {file}", width - 6)
    yield f"{number:>4}  {head[0]}"
    yield from (f"      {text}" for text in head[1:])
    for kind, codec, frames in (("video", video, pictures), ("audio", audio, sounds)):
        if frames != "-":
            text = f"{kind} {codec}: {frames} {_unit(frames, 'frame')}"
            yield from (f"        {part}" for part in wrapped(text, width - 8))


def _unit(number: str, word: str) -> str:
    return word if number == "1" else f"{word}s"


def _kind(media: MediaStream, kind: int) -> tuple[str, str]:
    flow = media.flows.get(kind)
    if flow is None or not media.frames[kind]:
        return "-", "-"
    tracks = sorted(flow.tracks.values(), key=lambda track: track.id)
    numbers = [f"track {track.id} " if len(tracks) > 1 else "" for track in tracks]
    told = "; ".join(f"{number}{say_track(track)}" for number, track in zip(numbers, tracks, strict=True))
    return grouped(media.frames[kind]), told or "?"


def warnings(media: MediaStream, file: str) -> Iterator[str]:
    """What whoever plays the file should know, a line each."""
    if media.gaps:
        yield f"{file}: {_gaps(media)}"
    elif media.left_out:
        yield f"{file}: left out: {_left_out(media)}"
    for kind in sorted(media.lost_headers):
        yield f"{file}: a sequence header of its {kind} is lost: what follows may not be decodable"
    for codec in media.headless:
        yield f"{file}: no sequence header of its {printable(codec)} was captured: players cannot decode it"
    if media.begins_inside:
        yield f"{file}: its video begins between key frames: players show nothing, or noise, until the next one"
    if media.jumps:
        times = "once" if media.jumps == 1 else f"{grouped(media.jumps)} times"
        what = "evened out; --times original leaves them" if media.times == "rebased" else "left as they are"
        yield f"{file}: timestamps jump {times}, {what}"


def _gaps(media: MediaStream) -> str:
    places = ", ".join(f"{place / 1000:.3f} s" for place in media.places)
    more = ", ..." if media.gaps > MOST_PLACES else ""
    lost = [_left_out(media)] if media.left_out else []
    if media.undecoded:
        lost.append(f"{plural(media.undecoded, 'byte')} not decoded")
    return f"{plural(media.gaps, 'gap')} (at {places}{more}): {', '.join(lost)}"


def _left_out(media: MediaStream) -> str:
    return ", ".join(f"{plural(count, 'message')} {state}" for state, count in media.left_out.items())
