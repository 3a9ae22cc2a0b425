"""Addresses of applications and streams: takes what clients say of them, gives URLs and their parts.

A client names its application twice, in `app` and in `tcUrl`, and its stream once, in publish or play. None of it
needs to be a URL, or true. ("RTMP Family URI Schemes", Thornburgh 2024.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote

DEFAULT_PORTS: Final = {
    "rtmp": 1935, "rtmpe": 1935, "rtmpt": 80, "rtmpte": 80, "rtmps": 443, "rtmpts": 443, "rtmfp": 1935
}  # fmt: skip
DEFAULT_INSTANCE: Final = "_definst_"  # what Media Server calls the instance of an application that nobody named
_LONGEST: Final = 8192  # characters of an address that are looked at

_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,31})://"
    r"(?:(?P<userinfo>[^/?#@]*)@)?"
    r"(?P<host>\[[^\]/?#]*\]|[^/?#:]*)"
    r"(?::(?P<port>[0-9]{1,5})?)?"
    r"(?P<path>/[^?#]*)?"
    r"(?:\?(?P<query>[^#]*))?"
    r"(?:#.*)?",
    re.DOTALL,
)


class Address(NamedTuple):
    """A `tcUrl` in its parts; `path` without slashes around it, `port` None where it names none."""

    scheme: str
    userinfo: str
    host: str
    port: int | None
    path: str
    query: str


def parse_address(text: str) -> Address | None:
    """The parts of a URL; None for what is none."""
    match = _URL.fullmatch(text[:_LONGEST])
    if match is None:
        return None
    port = match["port"]
    return Address(
        match["scheme"].lower(),
        match["userinfo"] or "",
        match["host"],
        int(port) if port else None,
        (match["path"] or "").strip("/"),
        match["query"] or "",
    )


def split_application(app: str) -> tuple[str, str, str]:
    """`live/room?token=1` as application `live`, instance `room` and query `token=1`."""
    path, _, query = app.partition("?")
    name, _, instance = path.strip("/").partition("/")
    return name, instance, query


def make_url(scheme: str, tc_url: str, app: str, host: str, stream: str = "") -> str:
    """The URL that a person would give to a player or a publisher, without the query of the application.

    `host` is for a client that named none: the server as the capture has it, with its port. Empty where there is
    neither application nor stream.
    """
    path = app.partition("?")[0].strip("/")
    address = parse_address(tc_url)
    if address is not None:
        path = path or address.path
        port = address.port
        if address.host:
            host = address.host if port in {None, DEFAULT_PORTS.get(scheme)} else f"{address.host}:{port}"
    parts = [part for part in (path, stream) if part]
    return "/".join([f"{scheme}://{host}", *parts]) if parts else ""


def disagreement(tc_url: str, app: str) -> str:
    """What `tcUrl` has for a path where it is not the application that `app` names; empty where they agree."""
    address = parse_address(tc_url)
    if address is None:
        return ""
    path = app.partition("?")[0].strip("/")
    return "" if _plain(address.path) == _plain(path) else address.path or "/"


def _plain(path: str) -> str:
    return unquote(path).strip("/").removesuffix(f"/{DEFAULT_INSTANCE}")


def parameters(query: str) -> Iterator[tuple[str, str]]:
    """The names and values of a query, as they are but for percent signs: `+` and `=` are digits of base64 here."""
    for part in query[:_LONGEST].split("&"):
        name, _, value = part.partition("=")
        if name:
            yield unquote(name), unquote(value)
