"""`rtmpsniff extract`: the media of each stream as an FLV file, or one stream into a player."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

import click

from rtmpsniff.analysis.masking import How, Masking
from rtmpsniff.analysis.media_streams import MediaStream, MediaStreams, Tag, Times
from rtmpsniff.capture.files import STANDARD_INPUT, read
from rtmpsniff.cli.conclusion import conclude
from rtmpsniff.cli.interrupt import interruptible
from rtmpsniff.cli.masks import how_to_mask, learn
from rtmpsniff.cli.options import FILTER_HELP, Chosen, traffic_options
from rtmpsniff.cli.progress import progress, watch
from rtmpsniff.cli.world import STANDARD_OUTPUT, Exit, binary_output, warn, world
from rtmpsniff.dissect import Dissection
from rtmpsniff.errors import OutputError
from rtmpsniff.output import flv
from rtmpsniff.output.file_names import FileNames
from rtmpsniff.output.media_lines import row, table, warnings
from rtmpsniff.output.part_file import PartFile, PartFiles
from rtmpsniff.output.saved import reason
from rtmpsniff.output.story import Write, in_full, shortened
from rtmpsniff.output.theme import Paint
from rtmpsniff.payload.types import AUDIO, VIDEO
from rtmpsniff.text import plural, printable


@click.command("extract", short_help="The media of each stream as a playable FLV file.", epilog=FILTER_HELP)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@traffic_options
@click.option(
    "-o", "--output", metavar="DIR", help="Write a file a stream into this folder; - is a pipe, into a player."
)
@click.option(
    "-l", "--list", "list_", is_flag=True, help="Write nothing, list what there is: streams, codecs, durations, frames."
)
@click.option(
    "--times",
    type=click.Choice(["rebased", "original"]),
    default="rebased",
    help="Times in the files; rebased: the first frame is at 0, and time goes on where timestamps wrap or jump; "
    "original: as on the wire.",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there already.")
@click.option("--include-secrets", is_flag=True, help="Mask no stream keys and tokens in the names of files.")
def extract_command(
    files: tuple[str, ...],
    chosen: Chosen,
    output: str | None,
    list_: bool,
    times: Times,
    force: bool,
    include_secrets: bool,
) -> Exit:
    """Write the media of each published or played stream to a file of its own (FLV).

    Names of files say connection and application; a mask stands for the stream's name, which may be a key. It is that
    of an export: for its sake files are read twice.

    A pipe gets the first stream that was chosen: rtmpsniff extract talk.pcap --stream cam -o - | ffplay -
    """
    if list_ == bool(output):
        raise click.UsageError("-o DIR says where to, --list what there is: one of them")
    masking = Masking(_how_to_mask(files, output, include_secrets))
    is_masked = masking.how == "masked"
    target = _target(files, output, FileNames(masking), force)
    target.write = in_full if chosen.full else shortened
    with ExitStack() as open_:
        bar = open_.enter_context(progress(files, 2 if is_masked else 1))
        if is_masked:
            learn(files, chosen.ports, chosen.keys, masking, bar)
        stop = open_.enter_context(interruptible())
        captures = open_.enter_context(read(files, watch(bar), stop))
        run = Dissection(captures, chosen.ports, keys=chosen.keys_for(files))
        streams = MediaStreams(run.conversation, chosen.make_selection(run), times)
        _extract(streams.run(run if is_masked else masking.follow(run)), target, is_endless=STANDARD_INPUT in files)
        bar.hide()
        status = conclude(captures, run)
    if streams.mixed:
        target.told.append(f"{plural(streams.mixed, 'message')} left out: too many streams on one connection")
    for text in target.told:
        warn(f"warning: {text}")
    if target.rows:
        out = world(chosen.color)
        rows = sorted(target.rows, key=lambda row: int(row[0]))  # they came in the order in which the streams ended
        for line in table(rows, Paint(out.colored), out.width):
            out.write(line)
    if target.found or status is not Exit.DONE:
        return status
    warn("no media")
    return Exit.BAD_ANSWER


def _how_to_mask(files: Sequence[str], output: str | None, include_secrets: bool) -> How:
    """A player sees no names of files: for those in warnings it does not wait until all was read once."""
    if output == STANDARD_OUTPUT and not include_secrets:
        return "streamed"
    return how_to_mask(files, include_secrets)


def _extract(tags: Iterable[tuple[MediaStream, Tag | None]], target: Target, *, is_endless: bool) -> None:
    """Give all there is to the target; what cannot be finished is removed. `is_endless`: only an interrupt ends it."""
    try:
        for media, tag in tags:
            target.take(media, tag)
    except KeyboardInterrupt:
        if is_endless:
            target.end()
        raise
    else:
        target.end()
    finally:
        target.discard()


def _target(files: Sequence[str], output: str | None, names: FileNames, force: bool) -> Target:
    if not output:
        return Target(names)
    if output == STANDARD_OUTPUT:
        return Piped(names, _player(files), is_live=STANDARD_INPUT in files)
    return Written(names, _folder(output), PartFiles(files, force=force))


def _folder(name: str) -> Path:
    """A folder that is there or can be made; what cannot be is told before anything is read."""
    folder = Path(name)
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        return folder
    except OSError as error:
        raise OutputError(reason(name, error)) from None
    if not stat.S_ISDIR(mode):
        raise OutputError(f"{printable(name)}: is no directory")
    return folder


def _player(files: Iterable[str]) -> BinaryIO:
    """Standard output, unless it is one of the files that are read."""
    output = binary_output("media")
    with suppress(OSError):  # it is nothing that the system knows, or the file is not there
        here = os.fstat(output.fileno())
        for name in files if stat.S_ISREG(here.st_mode) else ():
            if os.path.samestat(here, os.fstat(sys.stdin.fileno()) if name == STANDARD_INPUT else Path(name).stat()):
                raise OutputError("standard output: is also an input")
    return output


class Target:
    """Where streams go. `rows` is a table of them, `told` what is to be said of them, `found` whether there are any."""

    def __init__(self, names: FileNames) -> None:
        self.rows: list[tuple[str, ...]] = []
        self.told: list[str] = []
        self.found = False
        self.write: Write = shortened  # how long names stand in `rows`
        self._names = names
        self._given: dict[MediaStream, str] = {}

    def take(self, media: MediaStream, tag: Tag | None) -> None:
        """A stream's next tag; None where nothing more of it comes."""
        name = self._given.get(media)
        if name is None:
            name = self._given[media] = self._names.name(media.connection, media.application, media.stream)
            self._begin(media, name)
        if tag is not None:
            self._write(media, tag)
            return
        del self._given[media]
        self.found = True
        self._finish(media, name)

    def end(self) -> None:
        """Nothing more comes of any stream."""
        for media in list(self._given):
            self.take(media, None)

    def discard(self) -> None:
        """What is not finished will not be."""

    def _begin(self, media: MediaStream, name: str) -> None:
        """A stream begins."""

    def _write(self, media: MediaStream, tag: Tag) -> None:
        """It goes on."""

    def _finish(self, media: MediaStream, name: str) -> None:
        """It ends; `name` is that of its file, safe to print."""
        self.rows.append(row(media, name, self.write))
        self.told += warnings(media, name)


class Written(Target):
    """Each stream goes into a file of its own."""

    def __init__(self, names: FileNames, folder: Path, files: PartFiles) -> None:
        super().__init__(names)
        self._folder, self._files = folder, files
        self._parts: dict[MediaStream, PartFile] = {}

    def discard(self) -> None:
        self._files.discard()

    def _begin(self, media: MediaStream, name: str) -> None:
        self._parts[media] = self._files.begin(self._folder / name)
        self._files.write(self._parts[media], flv.header())

    def _write(self, media: MediaStream, tag: Tag) -> None:
        self._files.write(self._parts[media], flv.tag(*tag))

    def _finish(self, media: MediaStream, name: str) -> None:
        has_audio, has_video = (bool(media.frames[kind] + media.others[kind]) for kind in (AUDIO, VIDEO))
        self._files.finish(self._parts.pop(media), flv.FLAGS_OFFSET, flv.flags(has_audio, has_video))
        super()._finish(media, printable(str(self._folder / name)))


class Piped(Target):
    """The first stream goes to standard output."""

    def __init__(self, names: FileNames, output: BinaryIO, *, is_live: bool) -> None:
        super().__init__(names)
        self._output, self._is_live = output, is_live
        self._stream: MediaStream | None = None
        self._others = 0

    def end(self) -> None:
        super().end()
        if self._others:
            left = plural(self._others, "more stream")
            self.told.append(f"{left} left out; --stream and --connection choose, --list says what there is")

    def _begin(self, media: MediaStream, name: str) -> None:
        del name
        if self._stream is None:
            self._stream = media
            self._output.write(flv.header())
        else:
            self._others += 1

    def _write(self, media: MediaStream, tag: Tag) -> None:
        if media is self._stream:
            self._output.write(flv.tag(*tag))
            if self._is_live:  # a player shows it now
                self._output.flush()

    def _finish(self, media: MediaStream, name: str) -> None:
        if media is self._stream:
            self.told += warnings(media, name)
