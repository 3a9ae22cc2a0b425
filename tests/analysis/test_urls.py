"""Applications and streams as URLs, and what of a tcUrl is which part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.analysis.urls import (
    Address,
    disagreement,
    make_url,
    parameters,
    parse_address,
    split_application,
)

ADDRESSES = [
    ("rtmp://example.com/live", Address("rtmp", "", "example.com", None, "live", "")),
    ("RTMPS://example.com:443/live/room/", Address("rtmps", "", "example.com", 443, "live/room", "")),
    ("rtmp://[::1]:1935/live", Address("rtmp", "", "[::1]", 1935, "live", "")),
    ("rtmp://u:p@h/a?token=1#name", Address("rtmp", "u:p", "h", None, "a", "token=1")),
    ("rtmp://h", Address("rtmp", "", "h", None, "", "")),
    ("rtmp://h:/a", Address("rtmp", "", "h", None, "a", "")),
    ("rtmp://h?x", Address("rtmp", "", "h", None, "", "x")),
    ("rtmp:///live", Address("rtmp", "", "", None, "live", "")),
]


@pytest.mark.parametrize(("text", "address"), ADDRESSES)
def test_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "live", "example.com/live", "//h/a", "rtmp:/h/a", "rtmp://h:port/a", "1://h"])
def test_what_is_no_address(text: str) -> None:
    assert parse_address(text) is None


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_none(text: str) -> None:
    for address in (parse_address(text), parse_address(f"rtmp://{text}")):
        assert address is None or address.path == address.path.strip("/")


@pytest.mark.parametrize("text", ["rtmp://" + "a" * 100_000, "rtmp://" + "@" * 100_000, "rtmp://[" * 20_000])
def test_long_addresses_take_no_time(text: str) -> None:
    parse_address(text)


APPLICATIONS = [
    ("live", ("live", "", "")),
    ("live/room", ("live", "room", "")),
    ("live/room/1?token=a/b", ("live", "room/1", "token=a/b")),
    ("/live/", ("live", "", "")),
    ("?x", ("", "", "x")),
    ("", ("", "", "")),
]


@pytest.mark.parametrize(("app", "parts"), APPLICATIONS)
def test_applications(app: str, parts: tuple[str, str, str]) -> None:
    assert split_application(app) == parts


URLS = [
    ("usual", ("rtmp", "rtmp://h/live", "live", "10.0.0.2:1935", "cam"), "rtmp://h/live/cam"),
    ("the application alone", ("rtmp", "rtmp://h/live", "live", "10.0.0.2:1935", ""), "rtmp://h/live"),
    ("the default port", ("rtmp", "rtmp://h:1935/live", "live", "x", "cam"), "rtmp://h/live/cam"),
    ("another port", ("rtmp", "rtmp://h:1936/live", "live", "x", "cam"), "rtmp://h:1936/live/cam"),
    ("another scheme's port", ("rtmps", "rtmps://h:1935/live", "live", "x", "cam"), "rtmps://h:1935/live/cam"),
    ("the scheme of the wire", ("rtmpe", "rtmp://h/live", "live", "x", "cam"), "rtmpe://h/live/cam"),
    ("app counts, not tcUrl", ("rtmp", "rtmp://h/other", "live/room", "x", "cam"), "rtmp://h/live/room/cam"),
    ("tcUrl where there is no app", ("rtmp", "rtmp://h/other", "", "x", "cam"), "rtmp://h/other/cam"),
    ("no tcUrl", ("rtmp", "", "live", "10.0.0.2:1935", "cam"), "rtmp://10.0.0.2:1935/live/cam"),
    ("a tcUrl without a host", ("rtmp", "rtmp:///live", "live", "10.0.0.2:1935", "cam"), "rtmp://10.0.0.2:1935/live/cam"),
    ("no query of the application", ("rtmp", "rtmp://h/live?a=1", "live?a=1", "x", "cam?b=2"), "rtmp://h/live/cam?b=2"),
    ("no user and password", ("rtmp", "rtmp://u:p@h/live", "live", "x", "cam"), "rtmp://h/live/cam"),
    ("nothing known", ("rtmp", "", "", "10.0.0.2:1935", ""), ""),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "url"), [case[1:] for case in URLS], ids=[case[0] for case in URLS])
def test_urls(parts: tuple[str, str, str, str, str], url: str) -> None:
    assert make_url(*parts) == url


DISAGREEMENTS = [
    ("rtmp://h/live", "live", ""),
    ("rtmp://h:1935/live/", "/live", ""),
    ("rtmp://h/live?token=1", "live?token=2", ""),
    ("rtmp://h/live/_definst_", "live", ""),
    ("rtmp://h/a%20b", "a b", ""),
    ("rtmp://h/other", "live", "other"),
    ("rtmp://h/live/room", "live", "live/room"),
    ("rtmp://h", "live", "/"),
    ("not a url", "live", ""),
    ("", "", ""),
]


@pytest.mark.parametrize(("tc_url", "app", "path"), DISAGREEMENTS)
def test_disagreements(tc_url: str, app: str, path: str) -> None:
    assert disagreement(tc_url, app) == path


def test_parameters_are_as_they_were_sent() -> None:
    """Responses are base64, whose digits `+` and `=` are."""
    assert list(parameters("authmod=adobe&user=a%20b&response=x+y/z==&flag&=nothing")) == [
        ("authmod", "adobe"),
        ("user", "a b"),
        ("response", "x+y/z=="),
        ("flag", ""),
    ]
    assert list(parameters("")) == []
