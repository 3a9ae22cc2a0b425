"""The options that all commands reading traffic share, and what they come down to."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from rtmpsniff.analysis.selection import Selection, parse_types
from rtmpsniff.capture.files import can_be_read_twice
from rtmpsniff.cli.keys import read_keys
from rtmpsniff.cli.world import ColorChoice, color_option
from rtmpsniff.dissect import Dissection
from rtmpsniff.output.times import TimeFormat
from rtmpsniff.tunnel.keylog import KeyLog

if TYPE_CHECKING:
    from rtmpsniff.analysis.expression import FilterError
    from rtmpsniff.analysis.filter import Column, Filter

Command = TypeVar("Command", bound=Callable[..., Any])


FILTER_HELP = """\b
EXPR is made of the names that messages and their bodies have in JSON:
  connection n time start sender csid type_id type timestamp
  timestamp_certain stream_id length capture packets offset chunks state
  missing missing_reason body payload_sha256; family (command, data, ...);
  name transaction object.app args.0.code response_to latency_ms event
  codec frame_type packet_type composition_time configuration.profile ...
and of:
  == != < <= > >=   with "text", 50000, 0xFF, 0.5, true, false or null
  type in {"audio", "video"}
  object.tcUrl contains "token"
  name matches "^on[A-Z]"   (RE2; also ~)
  not, and, or, parentheses
  composition_time          alone: it is there, and not false or empty
What a message does not have is neither equal to anything nor unequal.
"""

_RANGE = re.compile(r"([0-9]{1,15})(?:-([0-9]{1,15}))?")


class TimeParameter(click.ParamType[Callable[[int], int]]):
    """Seconds since the first packet, or a date and time (UTC where it names no zone)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Callable[[int], int]:
        try:
            seconds = float(value)
        except ValueError:
            pass
        else:
            if abs(seconds) < 1e12:  # neither infinite nor nan
                return lambda base: base + round(seconds * 1e9)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither seconds since the first packet nor a date and time", param, ctx)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        nanoseconds = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
        return lambda _base: nanoseconds


class RangeParameter(click.ParamType[range]):
    """`N` or `N-M`, both ends included."""

    name = "N[-M]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> range:
        match = _RANGE.fullmatch(str(value))
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not 1 <= first <= last:
            self.fail(f"{str(value)[:40]!r} is no number and no range of numbers", param, ctx)
        return range(first, last + 1)


class TypesParameter(click.ParamType[tuple[str, ...]]):
    """Names of message types, with commas between them."""

    name = "type"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        names = tuple(name.strip().lower() for name in str(value).split(",") if name.strip())
        wrong = "" if names else str(value)
        try:
            parse_types(names)
        except ValueError as error:
            wrong = str(error) or str(value)
        if wrong or not names:
            self.fail(f"{wrong[:40]!r} is no message type, no number of one and no family of them", param, ctx)
        return names


class FilterParameter(click.ParamType["Filter"]):
    """An expression over the names of messages and bodies."""

    name = "expression"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Filter:
        from rtmpsniff.analysis.expression import FilterError  # noqa: PLC0415 - only who filters pays
        from rtmpsniff.analysis.filter import compile_filter  # noqa: PLC0415

        try:
            return compile_filter(str(value))
        except FilterError as error:
            self.fail(_with_place(error), param, ctx)


class FieldsParameter(click.ParamType["list[Column]"]):
    """Names as in a filter, with commas between them."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[Column]:
        from rtmpsniff.analysis.expression import FilterError  # noqa: PLC0415 - only who asks pays
        from rtmpsniff.analysis.filter import compile_columns  # noqa: PLC0415

        try:
            return compile_columns(str(value))
        except FilterError as error:
            self.fail(_with_place(error), param, ctx)


def _with_place(error: FilterError) -> str:
    expression, carets = error.shown
    return f"{error.problem}\n\n  {expression}\n  {carets}"


class Chosen(NamedTuple):
    """What the shared options say."""

    ports: tuple[int, ...]
    color: ColorChoice
    make_selection: Callable[[Dissection], Selection]
    keys: KeyLog
    times: TimeFormat | None  # how they are shown; None: nobody said
    full: bool  # nothing is shortened

    def keys_for(self, files: Sequence[str]) -> KeyLog:
        """The keys for a run over these files: while one comes through a pipe, key logs may grow.

        Not so of files that are read twice: what the second run could open, the first would not have learnt from.
        """
        if not can_be_read_twice(files):
            self.keys.follow()
        return self.keys


def gathered(
    name: str, make: Callable[..., object], *options: Callable[[Command], Command]
) -> Callable[[Command], Command]:
    """What adds these options to a command, which gets as one argument `name` what `make` makes of them.

    The parameters of `make` are those of the options, by their names.
    """
    taken = tuple(signature(make).parameters)

    def with_options(command: Command) -> Command:
        def with_gathered(*args: Any, **given: Any) -> Any:
            mine = {one: given.pop(one) for one in taken}
            return command(*args, **given, **{name: make(**mine)})

        with_gathered.__name__, with_gathered.__doc__ = command.__name__, command.__doc__
        wrapped: Any = with_gathered
        wrapped.__click_params__ = getattr(command, "__click_params__", [])
        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped  # type: ignore[no-any-return]

    return with_options


def _chosen(
    port: tuple[int, ...],
    color: ColorChoice | None,
    keylog: tuple[str, ...],
    connection: tuple[int, ...],
    stream: tuple[str, ...],
    type_: tuple[tuple[str, ...], ...],
    from_: Callable[[int], int] | None,
    to: Callable[[int], int] | None,
    message: tuple[range, ...],
    filter_: Filter | None,
    count: int | None,
    time_format: TimeFormat | None,
    full: bool,
) -> Chosen:
    types, handshake = parse_types(name for names in type_ for name in names)

    def make_selection(run: Dissection) -> Selection:
        return Selection(
            types=types if type_ else None,
            handshake=handshake,
            connections=frozenset(connection),
            streams=stream,
            start=(lambda: from_(run.base)) if from_ else None,
            stop=(lambda: to(run.base)) if to else None,
            messages=message,
            condition=(lambda message: filter_(message, run.base)) if filter_ else None,
            count=count,
        )

    root: ColorChoice = click.get_current_context().find_root().params.get("color") or "auto"
    return Chosen(port, color or root, make_selection, read_keys(keylog), time_format, full)


# Options that other commands have too.
count_option = click.option(
    "-c", "--count", type=click.IntRange(1), metavar="N", help="Stop after this many messages shown."
)
verbose_option = click.option("-v", "--verbose", is_flag=True, help="The decoded tree under each line.")
grid_option = click.option("-X", "--grid", "grid_", is_flag=True, help="The same as a grid of sixteen bytes a line.")
full_option = click.option(
    "--full",
    is_flag=True,
    help="Shorten nothing: media bodies and long values are shown whole. (JSON has all values whole as it is.)",
)

# The options that all commands reading traffic share; the command gets them as one `chosen`.
traffic_options = gathered(
    "chosen",
    _chosen,
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        multiple=True,
        metavar="N",
        help="This port carries RTMP. May be repeated.",
    ),
    click.option(
        "--keylog",
        multiple=True,
        metavar="FILE",
        help="TLS secrets (NSS key log) for RTMPS; for live and pipes it is read on as it grows. The file that "
        "SSLKEYLOGFILE names is read too, and so are secrets in a pcapng. May be repeated.",
    ),
    click.option(
        "--type",
        "type_",
        type=TypesParameter(),
        multiple=True,
        metavar="NAME",
        help="Only messages of this type: a name (video), a number (9), a family (command, data, shared_object, "
        "control, media) or handshake; !NAME for all others. May be repeated, or a list with commas.",
    ),
    click.option("--connection", type=click.IntRange(1), multiple=True, metavar="N", help="Only this connection."),
    click.option("--stream", multiple=True, metavar="NAME", help="Only the stream published or played by this name."),
    click.option(
        "--from",
        "from_",
        type=TimeParameter(),
        metavar="TIME",
        help="Only from this time on: seconds since the first packet, or a date and time.",
    ),
    click.option("--to", type=TimeParameter(), metavar="TIME", help="Only up to this time."),
    click.option(
        "--message",
        type=RangeParameter(),
        multiple=True,
        metavar="N[-M]",
        help="Only these messages, by their numbers in their connection.",
    ),
    click.option(
        "-Y",
        "--filter",
        "filter_",
        type=FilterParameter(),
        metavar="EXPR",
        help='Only messages of which this holds: type == "video" and length > 50000. See below.',
    ),
    count_option,
    click.option(
        "-t",
        "--time",
        "time_format",
        type=click.Choice(["relative", "delta", "utc", "local", "epoch"]),
        help="How times are shown; relative (the default): since the first packet, delta: since the last line. No "
        "effect on what export and extract write.",
    ),
    full_option,
    color_option,
)
