"""What request lines ask for, and how ids are shown."""

from __future__ import annotations

from rtmpsniff.capture.packet import Origin
from rtmpsniff.tunnel.http import Head
from rtmpsniff.tunnel.requests import read_request, shorten


def test_requests() -> None:
    def asked(line: str) -> tuple[str, str, int]:
        request = read_request(Head(line, {}, Origin(0, 1, 1)))
        return request.kind, request.token, request.number

    assert asked("POST /send/abc/7 HTTP/1.1") == ("send", "abc", 7)
    assert asked("POST http://h:80/idle/abc/7 HTTP/1.1") == ("idle", "abc", 7)
    assert asked("POST /open/1 HTTP/1.1") == ("open", "", 0)
    for target in ("/send/abc", "/send/abc/x", "/fcs/ident2", "/send//7", "/send/a b/7"):
        assert asked(f"POST {target} HTTP/1.1")[0] == "other"
    assert asked("GET /send/abc/7 HTTP/1.1")[0] == asked("POST")[0] == asked("")[0] == "other"
    assert shorten("abcdef") == "abc..."
    assert shorten("abc") == "abc"


def test_paths_show_no_id_and_nothing_that_a_terminal_obeys() -> None:
    def shown(line: str) -> str:
        return read_request(Head(line, {}, Origin(0, 1, 1))).path

    assert shown("POST /send/abcdef/7 HTTP/1.1") == "/send/abc.../7"
    assert shown("POST /open/secret HTTP/1.1") == "/open/sec..."
    assert "\x1b" not in shown("GET /\x1b[31m HTTP/1.1")
    assert len(shown("GET /" + "x" * 500)) == 120
