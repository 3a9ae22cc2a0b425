"""The steps of authentication, over as many connections as they take; and tokens. No secret is repeated in a remark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.analysis.authentication import (
    MOST_DANCES,
    MOST_TOKENS,
    Authentication,
    Token,
)
from rtmpsniff.analysis.observe import observe
from rtmpsniff.analysis.transactions import Transactions
from rtmpsniff.capture.packet import Origin
from rtmpsniff.rtmp.events import Message, Opened
from rtmpsniff.transport.tcp import Endpoint
from tests.build import amf0
from tests.conftest import START

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

SERVER: Final = Endpoint("10.0.0.2", 1935)
BEGUN: Final = "begun on connections 1 and 2"
REJECT: Final = "[ AccessManager.Reject ] : [ "


class Said:
    """Connections that are opened and talk, each with messages of its own."""

    def __init__(self, make: MakeMessage) -> None:
        self.make = make
        self.transactions, self.authentication = Transactions(), Authentication()
        self.number = 0

    def open(self, connection: int, client: str = "10.0.0.1") -> None:
        opened = Opened(connection, Endpoint(client, 50_000 + connection), SERVER, Origin(0, 1, START), True)
        list(self.authentication.see(opened))

    def say(self, connection: int, sender: str, *values: object, **changes: Any) -> Message:
        self.number += 1
        changes = {"number": self.number, "last": Origin(0, self.number, START), **changes}
        message = self.make(20, amf0(*values), sender=sender, connection=connection, **changes)
        assert list(observe([message], [self.transactions, self.authentication])) == [message]
        return message

    def connect(self, connection: int, query: str = "", *, app: str = "live", client: str = "10.0.0.1") -> list[str]:
        """A client connects; gives the remarks."""
        self.open(connection, client)
        full = f"{app}?{query}" if query else app
        values = {"app": full, "tcUrl": f"rtmp://example.com/{full}"}
        return remarks(self.say(connection, "client", "connect", 1, values))

    def refuse(self, connection: int, description: str) -> list[str]:
        """The server refuses; gives the remarks."""
        info = {"level": "error", "code": "NetConnection.Connect.Rejected", "description": description}
        return remarks(self.say(connection, "server", "_error", 1, None, info))

    def accept(self, connection: int, **more: object) -> list[str]:
        info = {"level": "status", "code": "NetConnection.Connect.Success", **more}
        return remarks(self.say(connection, "server", "_result", 1, None, info))


def remarks(message: Message) -> list[str]:
    return list(message.notes.remarks) if message.notes is not None else []


@pytest.fixture
def said(message: MakeMessage) -> Said:
    return Said(message)


# Three connections

ADOBE_ASKED: Final = f"{REJECT}code=403 need auth; authmod=adobe ] : "
ADOBE_CHALLENGE: Final = (
    f"{REJECT}authmod=adobe ] : ?reason=needauth&user=user1&salt=abcdsalt&challenge=chal1234&opaque=opaq5678"
)
RESPONSE: Final = "TQouGHgvqfkMfYE7QwK5hA=="  # to the password "secret"
ADOBE_RESPONSE: Final = f"authmod=adobe&user=user1&challenge=deadbeef&response={RESPONSE}&opaque=opaq5678"
SECRETS: Final = ("abcdsalt", "chal1234", "opaq5678", "deadbeef", RESPONSE, "secret")


def adobe(said: Said, first: int = 1, client: str = "10.0.0.1") -> Iterator[list[str]]:
    """The first five messages of a dance that are told."""
    yield said.connect(first, client=client)
    yield said.refuse(first, ADOBE_ASKED)
    yield said.connect(first + 1, "authmod=adobe&user=user1", client=client)
    yield said.refuse(first + 1, ADOBE_CHALLENGE)
    yield said.connect(first + 2, ADOBE_RESPONSE, client=client)


def test_the_steps_of_adobe(said: Said) -> None:
    told = [*adobe(said), said.accept(3)]
    assert told == [
        [],
        ["Adobe authentication, step 1 of 3: the server asks for it"],
        ["Adobe authentication, step 2 of 3: user user1, begun on connection 1"],
        ["Adobe authentication, step 2 of 3: the server sends salt, challenge and opaque for user user1"],
        [f"Adobe authentication, step 3 of 3: user user1 sends challenge, response and opaque, {BEGUN}"],
        ["Adobe authentication, step 3 of 3: accepted"],
    ]
    assert not [secret for secret in SECRETS if secret in str(told)]


def test_what_is_known_of_each_connection(said: Said) -> None:
    list(adobe(said))
    said.accept(3)
    dances = [said.authentication.of(number).dance for number in (1, 2, 3)]
    told = [(one.step, one.user, one.outcome, one.before) for one in dances if one is not None]
    assert told == [(1, "", "asked", []), (2, "user1", "challenged", [1]), (3, "user1", "accepted", [1, 2])]
    last = dances[2]
    assert last is not None
    assert last.client_parts == ("challenge", "response", "opaque")
    assert last.text == "Adobe authentication, step 3 of 3, user user1, accepted, begun on connections 1 and 2"
    assert said.authentication.of(4).dance is None


REASONS = [
    ("authfailed", "the password is wrong, or the response was made in another way"),
    ("nosuchuser", "the server knows no such user"),
]


@pytest.mark.parametrize(("reason", "words"), REASONS)
def test_a_refusal(said: Said, reason: str, words: str) -> None:
    list(adobe(said))
    description = f"{REJECT}authmod=adobe ] : ?reason={reason}&opaque=opaq5678"
    assert said.refuse(3, description) == [f"Adobe authentication, step 3 of 3: refused: {reason}, {words}"]
    dance = said.authentication.of(3).dance
    assert dance is not None
    assert (dance.outcome, dance.reason) == ("refused", reason)
    begun = "begun on connections 1 and 2"
    assert dance.text == f"Adobe authentication, step 3 of 3, user user1, refused: {reason}, {begun}"


def test_a_refusal_without_a_reason(said: Said) -> None:
    list(adobe(said))
    assert said.refuse(3, "no") == ["Adobe authentication, step 3 of 3: refused"]


def test_a_challenge_that_nobody_sent(said: Said) -> None:
    list(adobe(said))
    (told,) = said.connect(4, ADOBE_RESPONSE.replace("opaq5678", "opaq0000"))
    assert told.endswith("; its opaque is none that the server sent") is False  # the one that was sent is used up
    list(adobe(said, 5))[3]
    said.connect(8, "authmod=adobe&user=user1")
    said.refuse(8, ADOBE_CHALLENGE)
    (told,) = said.connect(9, ADOBE_RESPONSE.replace("opaq5678", "opaq0000"))
    assert told.endswith("; its opaque is none that the server sent")
    assert "begun" not in told


def test_two_clients_at_the_same_time(said: Said) -> None:
    """From one address to one application; the challenge tells them apart."""
    said.connect(1)
    said.connect(2)
    said.refuse(1, ADOBE_ASKED)
    said.refuse(2, ADOBE_ASKED)
    for number, opaque in ((3, "one"), (4, "two")):
        said.connect(number, "authmod=adobe&user=user1")
        said.refuse(number, ADOBE_CHALLENGE.replace("opaq5678", opaque))
    for number, opaque in ((5, "two"), (6, "one")):
        said.connect(number, ADOBE_RESPONSE.replace("opaq5678", opaque))
    dances = [said.authentication.of(number).dance for number in (5, 6)]
    assert [one.before for one in dances if one is not None] == [[1, 4], [2, 3]]


def test_another_client_is_another_dance(said: Said) -> None:
    list(adobe(said))[:4]
    (told,) = said.connect(9, ADOBE_RESPONSE, client="10.0.0.9")
    assert "begun" not in told
    assert "opaque is" not in told


def test_a_capture_that_began_late(said: Said) -> None:
    """The third connection alone says what it is."""
    (told,) = said.connect(1, ADOBE_RESPONSE)
    assert told == "Adobe authentication, step 3 of 3: user user1 sends challenge, response and opaque"
    assert said.accept(1) == ["Adobe authentication, step 3 of 3: accepted"]


def test_the_steps_of_limelight(said: Said) -> None:
    told = [
        said.connect(1),
        said.refuse(1, f"{REJECT}code=403 need auth; authmod=llnw ]"),
        said.connect(2, "authmod=llnw&user=user1"),
        said.refuse(2, f"{REJECT}authmod=llnw ] : ?reason=needauth&user=user1&nonce=nonce99"),
        said.connect(3, "authmod=llnw&user=user1&nonce=nonce99&cnonce=deadbeef&nc=00000001&response=0123"),
        said.accept(3),
    ]
    assert told[1:] == [
        ["Limelight authentication, step 1 of 3: the server asks for it"],
        ["Limelight authentication, step 2 of 3: user user1, begun on connection 1"],
        ["Limelight authentication, step 2 of 3: the server sends nonce for user user1"],
        [f"Limelight authentication, step 3 of 3: user user1 sends nonce, cnonce, nc and response, {BEGUN}"],
        ["Limelight authentication, step 3 of 3: accepted"],
    ]


def test_a_refusal_that_has_nothing_to_do_with_it(said: Said) -> None:
    assert said.connect(1) == []
    assert said.refuse(1, "no such application") == []
    assert said.authentication.of(1).dance is None


def test_only_so_many_clients_are_remembered(said: Said) -> None:
    for number in range(MOST_DANCES + 10):
        said.connect(number, client=f"10.1.{number >> 8}.{number & 255}")
        said.refuse(number, ADOBE_ASKED)
    assert len(said.authentication._known) == MOST_DANCES
    (told,) = said.connect(99_999, "authmod=adobe&user=user1", client="10.1.0.0")
    assert "begun" not in told
    (told,) = said.connect(99_998, "authmod=adobe&user=user1", client=f"10.1.4.{MOST_DANCES + 9 & 255}")
    assert f"begun on connection {MOST_DANCES + 9}" in told


def test_what_is_over_is_forgotten_but_for_the_dance(said: Said) -> None:
    said.connect(1)
    said.refuse(1, ADOBE_ASKED)
    said.authentication.forget(1)
    said.authentication.forget(7)
    assert said.authentication.of(1).dance is None
    assert said.connect(2, "authmod=adobe&user=user1") == [
        "Adobe authentication, step 2 of 3: user user1, begun on connection 1"
    ]


def test_names_are_safe_to_print_and_short(said: Said) -> None:
    (told,) = said.connect(1, "authmod=adobe&user=%1b[31m" + "x" * 500)
    assert r"\x1b[31mxxx" in told
    assert told.isprintable()
    assert len(told) < 200


# Tokens

TOKENS = [
    (
        "Limelight",
        "as=adobe-hmac-sha256&av=1&te=connect&mp=x&et=1700000100&fmta-token=00ff",
        "Limelight token in app (as, av, te, mp, et, fmta-token)",
        ", expires 2023-11-14 22:15:00 UTC",
    ),
    ("Akamai", "auth=xyz&aifp=v001&slist=one;two", "Akamai token in app (auth, aifp, slist)", ""),
    (
        "Akamai of today",
        "hdnea=st=1~exp=1700000000~acl=/*~hmac=ff",
        "Akamai token in app (hdnea)",
        ", expires 2023-11-14 22:13:20 UTC",
    ),
    (
        "Akamai, expired",
        "hdnts=exp=1699999999~hmac=ff",
        "Akamai token in app (hdnts)",
        ", expired 2023-11-14 22:13:19 UTC",
    ),
    (
        "Wowza",
        "wowzatokenhash=abc&wowzatokenendtime=1700000001",
        "Wowza SecureToken in app (wowzatokenhash, wowzatokenendtime)",
        ", expires 2023-11-14 22:13:21 UTC",
    ),
    (
        "Tencent",
        "txSecret=abc&txTime=6553F101",
        "Tencent token in app (txSecret, txTime)",
        ", expires 2023-11-14 22:13:21 UTC",
    ),
    ("Alibaba", "auth_key=1700000000-0-0-abc", "Alibaba token in app (auth_key)", ""),
    ("of anybody", "Token=abc&vhost=x", "token in app (Token)", ""),
    ("with a time", "sign=a&expires=1699999000", "token in app (sign, expires)", ", expired 2023-11-14 21:56:40 UTC"),
    ("a time that is none", "sign=abc&expires=soon", "token in app (sign, expires)", ""),
    ("far away", "hdnts=exp=999999999999", "Akamai token in app (hdnts)", ""),
]


@pytest.mark.parametrize(("query", "told", "until"), [case[1:] for case in TOKENS], ids=[case[0] for case in TOKENS])
def test_tokens(said: Said, query: str, told: str, until: str) -> None:
    assert said.connect(1, query) == [told + until]
    assert [token.text for token in said.authentication.of(1).tokens] == [told + until]
    assert said.authentication.of(1).dance is None


@pytest.mark.parametrize("query", ["", "vhost=example.com", "mode=fast&x=1", "tokens"])
def test_queries_without_a_token(said: Said, query: str) -> None:
    assert said.connect(1, query) == []


def test_a_token_in_tcurl_alone(said: Said) -> None:
    values = {"app": "live", "tcUrl": "rtmp://example.com/live?token=abc"}
    assert remarks(said.say(1, "client", "connect", 1, values)) == ["token in tcUrl (token)"]


def test_a_user_in_tcurl(said: Said) -> None:
    values = {"app": "live", "tcUrl": "rtmp://me:secret@example.com/live"}
    assert remarks(said.say(1, "client", "connect", 1, values)) == ["user name and password in tcUrl"]


def test_a_token_in_the_name_of_a_stream(said: Said) -> None:
    said.connect(1)
    publish = said.say(1, "client", "publish", 5, None, "cam?key=abc", "live")
    play = said.say(1, "client", "play", 6, None, "film?auth=x&aifp=y&slist=z")
    assert remarks(publish) == ["token in the published name (key)"]
    assert remarks(play) == ["Akamai token in the played name (auth, aifp, slist)"]
    assert [token.place for token in said.authentication.of(1).tokens] == ["publish", "play"]


def test_the_secure_token_of_wowza(said: Said) -> None:
    said.connect(1)
    assert said.accept(1, secureToken="4a6f") == ["Wowza SecureToken, the server's question in _result (secureToken)"]
    answer = said.say(1, "client", "secureTokenResponse", 0, None, "clear text")
    assert remarks(answer) == ["Wowza SecureToken, the client's answer in secureTokenResponse"]


def test_only_so_many_tokens_are_kept(said: Said) -> None:
    for number in range(40):
        assert remarks(said.say(1, "client", "play", number, None, f"film{number}?key=1"))
    assert len(said.authentication.of(1).tokens) == MOST_TOKENS


@pytest.mark.parametrize("expires", [-1, 0, 10**12, 253_370_764_800])
def test_times_that_no_calendar_has(expires: int) -> None:
    assert Token("token", "app", ("e",), expires, START).text == "token in app (e)"


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_told_safely(message: MakeMessage, query: str, description: str) -> None:
    said = Said(message)
    told = []
    for start in ("", "authmod=adobe&", "hdnea=", "authmod=llnw&response=1&"):
        text = (start + query).encode("utf-8", "replace").decode()
        told += said.connect(1, text)
        told += said.refuse(1, f"authmod=adobe ?reason={description}".encode("utf-8", "replace").decode())
        dance = said.authentication.of(1).dance
        told += [dance.text] if dance is not None else []
    assert all(text.isprintable() for text in told)
