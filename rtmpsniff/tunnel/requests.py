"""The request lines of RTMPT: what each request asks for.

`POST /open/1` asks for a session; `/send/<id>/<number>`, `/idle/<id>/<number>`, `/close/<id>/<number>` belong to one.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.text import printable
from rtmpsniff.tunnel.http import Head

Kind: TypeAlias = Literal["open", "send", "idle", "close", "other"]

_PATH: Final = re.compile(r"(?:http://[^/ ]*)?/(open|send|idle|close)/([^/ ?]{1,128})(?:/(\d{1,12}))?/?(?:\?.*)?")
_NUMBERED: Final[dict[str, Kind]] = {"send": "send", "idle": "idle", "close": "close"}
_SHOWN: Final = 3  # characters of an id
_LONGEST_SHOWN: Final = 120  # of a path that is none of RTMPT's


class Request(NamedTuple):
    """What a request line asks for; `token` is the session's id, empty for "open" and "other"."""

    kind: Kind
    token: str
    number: int
    method: str
    path: str  # as it may be shown


def shorten(token: str) -> str:
    """An id as it is shown: whoever has it whole can speak for the client."""
    return printable(token if len(token) <= _SHOWN else f"{token[:_SHOWN]}...")


def read_request(head: Head) -> Request:
    """A request of RTMPT, or another ("other")."""
    method, target, *_ = [*head.words, "", ""]
    match = _PATH.fullmatch(target) if method == "POST" else None
    if match is None:
        return _other(method, target)
    kind, token, number = match[1], match[2], match[3]
    if kind == "open":
        return Request("open", "", 0, method, f"/open/{shorten(token)}")
    if number is None:
        return _other(method, target)
    return Request(_NUMBERED[kind], token, int(number), method, f"/{kind}/{shorten(token)}/{number}")


def _other(method: str, target: str) -> Request:
    return Request("other", "", 0, method, printable(target)[:_LONGEST_SHOWN])
