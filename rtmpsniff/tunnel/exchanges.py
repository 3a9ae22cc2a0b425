"""One exchange of RTMPT: a request and what came of it, as its bytes go to the two directions of the session.

Only what is sent is RTMP: the byte in other requests is there since Flash sent no empty ones. The first byte of a
response gives the delay until the client should ask again; the response to `/open` is the session's id, and that to
`/close` says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rtmpsniff.capture.packet import Origin
from rtmpsniff.tunnel.inner import Event, Exchange, Lost, Span
from rtmpsniff.tunnel.requests import Request
from rtmpsniff.tunnel.sequence import Part
from rtmpsniff.tunnel.sessions import TunnelSession

_TOKEN: Final = re.compile(r"[!-~]{1,128}")
_LONGEST_ID: Final = 256  # bytes of a response to /open that are looked at


class OpenExchange:
    """A request whose response is not complete."""

    __slots__ = (
        "answer",
        "first",
        "interval",
        "last",
        "question",
        "request",
        "request_length",
        "response_length",
        "session",
        "status",
        "text",
    )

    def __init__(self, request: Request, origin: Origin) -> None:
        self.request = request
        self.first = self.last = origin
        self.session: TunnelSession | None = None
        self.question: Part | None = None  # what it brings to the client's direction
        self.answer: Part | None = None  # and its response to the server's
        self.status = 0
        self.interval: int | None = None
        self.request_length = self.response_length = 0
        self.text = b""  # of the response to /open

    def __repr__(self) -> str:
        return f"<OpenExchange {self.request.path} {self.status}>"

    @property
    def token(self) -> str:
        """The id that the response to /open gives; empty where it gives none."""
        text = self.text.decode("latin-1").strip()
        return text if self.status == 200 and _TOKEN.fullmatch(text) else ""

    # The request.

    def ask(self, item: Span | Lost) -> Iterator[Event]:
        """Bytes of the request's body, or that some are missing."""
        size = len(item.data) if isinstance(item, Span) else item.size
        self.request_length += size or 0
        if self.session is not None and self.question is not None and self.request.kind == "send":
            yield from self.session.client.add(self.question, item)

    def end_request(self, origin: Origin) -> Iterator[Event]:
        """The request is complete, or no more of it will come."""
        self.last = origin
        question, self.question = self.question, None
        if question is not None and self.session is not None:
            yield from self.session.client.finish(question, origin)

    # The response.

    def answer_with(self, span: Span) -> Iterator[Event]:
        """Bytes of the response's body."""
        begins = self.response_length == 0
        self.response_length += len(span.data)
        self.last = span.last
        if self.request.kind == "open":
            self.text = (self.text + span.data)[:_LONGEST_ID]
        elif begins and self.session is not None and self.status == 200:
            self.interval = span.data[0]
            if len(span.data) > 1:
                yield from self._pass_on(span.part(1, len(span.data)))
        else:
            yield from self._pass_on(span)

    def lose(self, lost: Lost) -> Iterator[Event]:
        """Bytes of the response's body are missing."""
        size = lost.size
        if size is not None and self.response_length == 0:
            size -= 1  # the byte before the RTMP bytes
        self.response_length += lost.size or 0
        if size != 0:
            yield from self._pass_on(lost._replace(size=size))

    def _pass_on(self, item: Span | Lost) -> Iterator[Event]:
        is_rtmp = self.status == 200 and self.request.kind != "close"
        if is_rtmp and self.answer is not None and self.session is not None:
            yield from self.session.server.add(self.answer, item)

    def end_response(self) -> Iterator[Event]:
        """The response is complete, or no more of it will come."""
        if self.answer is not None and self.session is not None:
            yield from self.session.server.finish(self.answer, self.last)

    def fail(self, origin: Origin) -> Iterator[Event]:
        """The connection ended before the response did."""
        if self.answer is None or self.session is None:
            return
        if self.response_length > 1:
            yield from self.session.server.add(self.answer, Lost(None, origin, "never captured"))
            yield from self.session.server.finish(self.answer, origin)
        else:
            self.session.server.withdraw(self.answer)

    def event(self, session: TunnelSession) -> Exchange:
        """What there is to tell of it."""
        first, last = sorted((self.first, self.last), key=lambda origin: (origin.time, origin.packet))
        return Exchange(
            session.connection,
            self.request.method,
            self.request.path,
            self.status,
            self.request_length,
            self.response_length,
            self.interval,
            first,
            last,
        )
