"""A summary on a page of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rtmpsniff.analysis.summary import ConnectionSummary, Summary, Tally
from rtmpsniff.capture.files import CaptureFile
from rtmpsniff.findings import Severity
from rtmpsniff.output.columns import columns, wrapped
from rtmpsniff.output.losses import loss_lines
from rtmpsniff.output.story import Line, Write, address, shortened, story, stream_names
from rtmpsniff.output.theme import Paint
from rtmpsniff.output.times import Clock, TimeFormat, day_and_time, in_seconds, is_in_calendar
from rtmpsniff.payload.types import type_name
from rtmpsniff.text import columns_of, grouped, plural

_ORDER: Final = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def overview(
    files: Iterable[CaptureFile],
    summary: Summary,
    others: tuple[int, int],
    paint: Paint,
    top: int | None,
    width: int | None,
    times: TimeFormat | None = None,
    write: Write = shortened,
) -> Iterator[str]:
    """The page. `others`: TCP connections that were not RTMP, and packets that were not TCP.

    With `times`, when connections began stands with them, and when captures did is written in the same way.
    """
    files = list(files)
    yield from _captures(files, others, paint, width, times)
    if not summary.connections:
        return
    yield ""
    base = min((file.first_time for file in files if file.first_time is not None), default=0)
    clock = None if times is None else Clock(times, lambda: base)
    yield from _connections(summary, paint, top, width, clock, write)
    if summary.totals():
        yield ""
        yield from _types(summary, paint)
    yield from _details(summary, paint, top, width, write)


def _captures(
    files: Iterable[CaptureFile], others: tuple[int, int], paint: Paint, width: int | None, times: TimeFormat | None
) -> Iterator[str]:
    for file in files:
        first, last = file.first_time, file.last_time
        span = ""
        if first is not None and last is not None:
            span = f", {abs(last - first) / 1e9:.3f} s from {_date(min(first, last), times)}"
        size = f"{plural(file.packets, 'packet')}, {plural(file.bytes, 'byte')}"
        name, what = file.name, f"{file.format}, {size}{span}"
        if width is None or len(name) + 2 + columns_of(what) <= width:
            yield f"{paint.style('title', name)}: {what}"
        else:
            yield paint.style("title", f"{name}:")
            yield from (f"  {row}" for row in wrapped(what, width - 2))
        if file.truncated:
            yield paint.style("warning", f"  {file.truncated}")
        if file.dropped:
            dropped = plural(file.dropped, "packet")
            text = f"  {dropped} dropped while capturing, by the interface or the system: what was never captured"
            yield paint.style("warning", f"{text} may be theirs")
    connections, packets = others
    told = [plural(connections, "TCP connection")] if connections else []
    told += [f"{plural(packets, 'packet')} of other kinds"] if packets else []
    if told:
        yield paint.style("dim", f"not RTMP: {', '.join(told)}")


def _date(time: int, times: TimeFormat | None) -> str:
    if times == "epoch" or not is_in_calendar(time):
        return f"{in_seconds(time)} s after 1970"
    is_local = times == "local"
    return f"{day_and_time(time, utc=not is_local)} {'local time' if is_local else 'UTC'}"


def _connections(
    summary: Summary, paint: Paint, top: int | None, width: int | None, clock: Clock | None, write: Write
) -> Iterator[str]:
    connections = list(summary.connections.values())
    shown = largest(connections, top)
    rows = [_row(connection, clock, write) for connection in shown]
    head, right = (_HEAD, "r    rrrr") if clock is None else ((_HEAD[0], "begun", *_HEAD[1:]), "rr    rrrr")
    table = list(columns(head, rows, Paint(colored=False), right))
    if width is None or max(map(columns_of, table)) <= width:
        yield paint.style("dim", table[0])
        yield from table[1:]
    else:
        for row in rows:
            yield from _entry(row, width)
    if len(shown) < len(connections):
        yield paint.style("dim", f"... and {len(connections) - len(shown)} more")
    if summary.silent:
        yield paint.style("dim", f"... and {grouped(summary.silent)} that carried nothing")


_HEAD: Final = (
    "conn", "client -> server", "what", "app", "streams", "messages", "bytes c->s", "bytes s->c", "seconds", "end"
)  # fmt: skip


def _row(connection: ConnectionSummary, clock: Clock | None, write: Write) -> tuple[str, ...]:
    closed = connection.closed
    begun = closed.begun if closed else connection.opened.origin
    return (
        str(connection.opened.connection),
        *(() if clock is None else (clock.text(begun.time),)),
        f"{connection.opened.client} -> {connection.opened.server}",
        closed.variant if closed else "",
        write(connection.purpose.app.partition("?")[0], 60),
        stream_names(connection, write),
        grouped(connection.messages),
        grouped(closed.from_client.bytes if closed else 0),
        grouped(closed.from_server.bytes if closed else 0),
        _seconds(connection),
        _ending(connection),
    )


def _entry(row: tuple[str, ...], width: int) -> Iterator[str]:
    """A row of the table as two lines or more, for a terminal that is too narrow for the table."""
    number, *begun, ends, variant, application, streams, messages, client, server, seconds, ending = row
    ends = "  ".join([*begun, ends])
    purpose = ", ".join(filter(None, [variant, f"app {application}" if application else "", streams]))
    figures = f"messages {messages}, bytes {client} c->s, {server} s->c, {seconds} s, {ending}"
    first, *more = wrapped(f"{ends}  {purpose}", width - 6)
    yield f"{number:>4}  {first}"
    for text in (*more, *wrapped(figures, width - 6)):
        yield f"      {text}"


def largest(connections: list[ConnectionSummary], top: int | None) -> list[ConnectionSummary]:
    """The connections with the most bytes, at most `top` of them; all in their order without it."""
    if top is None or top >= len(connections):
        return connections
    return sorted(connections, key=lambda connection: -_bytes(connection))[:top]


def _bytes(connection: ConnectionSummary) -> int:
    closed = connection.closed
    return closed.from_client.bytes + closed.from_server.bytes if closed else 0


def _seconds(connection: ConnectionSummary) -> str:
    closed = connection.closed
    return f"{(closed.ended.time - closed.begun.time) / 1e9:.3f}" if closed else ""


def _ending(connection: ConnectionSummary) -> str:
    closed = connection.closed
    if closed is None:
        return ""
    return f"{closed.reason} by the {closed.closer}" if closed.closer else closed.reason


def _types(summary: Summary, paint: Paint) -> Iterator[str]:
    totals = summary.totals()
    rows = []
    for number in sorted({number for number, _ in totals}):
        client, server = totals.get((number, "client"), Tally()), totals.get((number, "server"), Tally())
        counts = (client.messages, client.bytes, server.messages, server.bytes)
        rows.append((type_name(number), *(grouped(count) if count else "-" for count in counts)))
    sums = [
        sum(tally.messages if what == "messages" else tally.bytes for (_, by), tally in totals.items() if by == sender)
        for sender in ("client", "server")
        for what in ("messages", "bytes")
    ]
    rows.append(("all", *(grouped(count) for count in sums)))
    yield from columns(("type", "messages c->s", "bytes", "messages s->c", "bytes"), rows, paint, " rrrr")


def _details(summary: Summary, paint: Paint, top: int | None, width: int | None, write: Write) -> Iterator[str]:
    """Each connection by itself: what it was for and what came of it, what was lost, what is wrong."""
    shown = {connection.opened.connection for connection in largest(list(summary.connections.values()), top)}
    for number, connection in summary.connections.items():
        told = [*(story(connection, write) if number in shown else ()), *loss_lines(connection)]
        lines = [row for line in told for row in _set_in(line, paint, width)]
        if lines:
            yield ""
            yield from _title(f"connection {number}", address(connection.purpose, write), paint, width)
            yield from lines


def _title(name: str, text: str, paint: Paint, width: int | None) -> Iterator[str]:
    """A heading and what stands beside it, below it where a terminal is too narrow for both."""
    title = paint.style("title", name)
    if width is None or len(name) + 2 + columns_of(text) <= width:
        yield f"{title}  {text}".rstrip()
    else:
        yield title
        yield from (f"    {row}" for row in wrapped(text, width - 4))


def _set_in(line: Line, paint: Paint, width: int | None) -> list[str]:
    """The rows of a line, wrapped where a terminal is too narrow for it."""
    indent = "  " * (line.depth + 1)
    if width is None:
        return [indent + paint.style(line.style, line.text)]
    return [indent + paint.style(line.style, row) for row in wrapped(line.text, width - len(indent))]
