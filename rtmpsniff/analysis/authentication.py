"""Who had to prove what: takes commands, tells the steps of authentication and names its parts.

Adobe's and Limelight's schemes need three connections: the server asks for one, gives a challenge on the second, and
gets the response on the third. What is known of one is looked for by client address, server and application. Other
services put a token into the query of the application or of the stream name. The values are never repeated here.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple, TypeAlias

from rtmpsniff.analysis.transactions import RESULTS, information
from rtmpsniff.analysis.urls import parameters, parse_address, split_application
from rtmpsniff.findings import Finding
from rtmpsniff.payload.command import Command
from rtmpsniff.payload.types import FAMILIES
from rtmpsniff.payload.values import Object, Value
from rtmpsniff.rtmp.events import Event, Message, Notes, Opened
from rtmpsniff.text import printable
from rtmpsniff.transport.tcp import Endpoint

Scheme: TypeAlias = Literal["adobe", "llnw"]

SCHEMES: Final[dict[Scheme, str]] = {"adobe": "Adobe authentication", "llnw": "Limelight authentication"}
STEPS: Final = 3
MOST_DANCES: Final = 1024  # clients whose earlier connections are remembered
MOST_OPEN: Final = 8  # dances of one client to one application that are not over
MOST_TOKENS: Final = 16  # of one connection
_LONGEST: Final = 4096  # characters of a text that is looked into

# What each step sends besides the user's name, in the order in which it is told.
_QUESTION: Final = {"adobe": ("salt", "challenge", "opaque"), "llnw": ("nonce",)}
_RESPONSE: Final = {"adobe": ("challenge", "response", "opaque"), "llnw": ("nonce", "cnonce", "nc", "response")}
_REASONS: Final = {
    "authfailed": "the password is wrong, or the response was made in another way",
    "nosuchuser": "the server knows no such user",
}

_RETURNED: Final = {"adobe": "opaque", "llnw": "nonce"}  # what the client sends back as it got it
_SCHEME: Final = re.compile(r"authmod=(adobe|llnw)\b")
_REASON: Final = re.compile(r"\?(reason=[^\s\]]*)")


@dataclass(slots=True)
class Dance:
    """The part of a three-connection authentication that one connection is."""

    scheme: Scheme
    step: int  # 1 to 3
    user: str = ""  # safe to print
    client_parts: tuple[str, ...] = ()  # names of what connect brought
    server_parts: tuple[str, ...] = ()  # names of what its answer brought
    outcome: Literal["", "asked", "challenged", "accepted", "refused"] = ""
    reason: str = ""  # of a refusal, safe to print
    mismatch: str = ""  # what the client gave back is not what it got
    before: list[int] = field(default_factory=list)  # the connections that were the steps before

    @property
    def name(self) -> str:
        return SCHEMES[self.scheme]

    @property
    def text(self) -> str:
        """In a person's words, without a value."""
        words = [f"{self.name}, step {self.step} of {STEPS}"]
        words += [f"user {self.user}"] if self.user else []
        if self.outcome:
            words.append(f"{_OUTCOMES[self.outcome]}{': ' if self.reason else ''}{self.reason}")
        words += [self.mismatch] if self.mismatch else []
        if self.before:
            words.append(f"begun on {_connections(self.before)}")
        return ", ".join(words)


_OUTCOMES: Final = {
    "asked": "the server asks for it",
    "challenged": "the server sends a challenge",
    "accepted": "accepted",
    "refused": "refused",
}


class Token(NamedTuple):
    """A token in a query or another proof that a client brought along."""

    kind: str  # "Akamai token"
    place: str  # "app", "tcUrl", "publish", "_result"
    names: tuple[str, ...]  # of its parts, safe to print
    expires: int | None = None  # seconds since the epoch
    seen: int = 0  # ns since the epoch

    @property
    def text(self) -> str:
        """In a person's words, without a value."""
        names = f" ({', '.join(self.names)})" if self.names else ""
        place = _PLACES.get(self.place, self.place)
        return f"{self.kind} in {place}{names}{self._expiry()}"

    def _expiry(self) -> str:
        if self.expires is None or not 0 < self.expires < _LAST_SECOND:
            return ""
        day = datetime.fromtimestamp(self.expires, UTC)
        word = "expired" if self.expires * 1_000_000_000 < self.seen else "expires"
        return f", {word} {day:%Y-%m-%d %H:%M:%S} UTC"


_PLACES: Final = {"publish": "the published name", "play": "the played name"}
_LAST_SECOND: Final = 253_370_764_800  # of the years that a calendar here can say, less a day


@dataclass(slots=True)
class Proof:
    """What a connection proved, or tried to."""

    client: Endpoint | None = None
    server: Endpoint | None = None
    dance: Dance | None = None
    tokens: list[Token] = field(default_factory=list)


class _Question(NamedTuple):
    """A challenge that was sent: on which connection, behind which others, and the value that comes back with it."""

    connections: tuple[int, ...]
    value: str


@dataclass(slots=True)
class _Known:
    """What earlier connections of a client to an application have shown; several may dance at the same time."""

    asked: deque[int] = field(default_factory=lambda: deque(maxlen=MOST_OPEN))  # where the server asked for it
    questions: deque[_Question] = field(default_factory=lambda: deque(maxlen=MOST_OPEN))


class Authentication:
    """An observer: tells the steps in a message's remarks, and keeps the `Proof` of each connection."""

    types = FAMILIES["command"]

    def __init__(self) -> None:
        self._proofs: dict[int, Proof] = {}
        self._known: OrderedDict[tuple[str, Endpoint | None, str], _Known] = OrderedDict()
        self._keys: dict[int, tuple[str, Endpoint | None, str]] = {}

    def of(self, connection: int) -> Proof:
        """What is known of a connection so far."""
        proof = self._proofs.get(connection)
        if proof is None:
            proof = self._proofs[connection] = Proof()
        return proof

    def forget(self, connection: int) -> None:
        self._proofs.pop(connection, None)
        self._keys.pop(connection, None)

    def see(self, event: Event) -> Iterable[Finding]:
        if isinstance(event, Opened):
            proof = self.of(event.connection)
            proof.client, proof.server = event.client, event.server
        elif isinstance(event, Message) and isinstance(body := event.body, Command):
            for text in self._read(event, body):
                notes = event.notes = event.notes or Notes()
                if text not in notes.remarks:
                    notes.remarks += (text,)
        return ()

    def _read(self, message: Message, body: Command) -> Iterator[str]:
        proof = self.of(message.connection)
        first = body.args[0] if body.args else None
        if message.sender == "client":
            if body.name == "connect" and isinstance(body.object, Object):
                yield from self._connect(message, proof, body.object)
            elif body.name in {"publish", "play"} and isinstance(first, str):
                yield from _tokens(proof, body.name, first.partition("?")[2], message.last.time)
            elif body.name == "secureTokenResponse":
                yield from _add(proof, Token("Wowza SecureToken, the client's answer", body.name, ()))
        elif body.name in RESULTS and message.notes is not None and message.notes.answers == "connect":
            yield from self._reply(message, proof, body)

    def _connect(self, message: Message, proof: Proof, values: Object) -> Iterator[str]:
        app, tc_url = _text(values.get("app")), _text(values.get("tcUrl"))
        address = parse_address(tc_url)
        queries = {"app": app.partition("?")[2], "tcUrl": address.query if address is not None else ""}
        given = dict(parameters(queries["app"] or queries["tcUrl"]))
        self._keys[message.connection] = (
            proof.client.address if proof.client else "", proof.server, "/".join(split_application(app)[:2])
        )  # fmt: skip
        scheme = given.get("authmod")
        if scheme in SCHEMES:
            name: Scheme = "llnw" if scheme == "llnw" else "adobe"
            proof.dance = self._step(message.connection, name, given)
            yield _told_of_client(proof.dance)
            return
        if address is not None and address.userinfo:
            yield from _add(proof, Token("user name and password", "tcUrl", ()))
        told = list(_tokens(proof, "app", queries["app"], message.last.time))
        yield from told or _tokens(proof, "tcUrl", queries["tcUrl"], message.last.time)

    def _step(self, connection: int, scheme: Scheme, given: dict[str, str]) -> Dance:
        """What a connect that names the scheme is: the second step, or, with a response, the third."""
        known = self._known.get(self._keys[connection]) or _Known()
        names = tuple(name for name in _RESPONSE[scheme] if name in given)
        dance = Dance(scheme, STEPS if "response" in given else 2, _short(given.get("user", "")), names)
        if dance.step == 2:
            dance.before = [known.asked.pop()] if known.asked else []
            return dance
        returned = _RETURNED[scheme]
        question = next((one for one in known.questions if one.value == given.get(returned, "")), None)
        if question is not None:
            dance.before = list(question.connections)
            known.questions.remove(question)
        elif known.questions:
            dance.mismatch = f"its {returned} is none that the server sent"
        return dance

    def _reply(self, message: Message, proof: Proof, body: Command) -> Iterator[str]:
        info = information((*body.args, body.object))
        if info is None:
            return
        if isinstance(info.get("secureToken"), str):
            yield from _add(proof, Token("Wowza SecureToken, the server's question", body.name, ("secureToken",)))
        description = _text(info.get("description"))
        found = _SCHEME.search(description)
        if body.name == "_error" and (found is not None or proof.dance is not None):
            yield from self._refused(message.connection, proof, description, found and found[1])
        elif body.name == "_result" and proof.dance is not None:
            proof.dance.outcome = "accepted"
            yield f"{_head(proof.dance)}: accepted"

    def _refused(self, connection: int, proof: Proof, description: str, scheme: str | None) -> Iterator[str]:
        dance = proof.dance
        if dance is None:
            dance = proof.dance = Dance("llnw" if scheme == "llnw" else "adobe", 1)
        found = _REASON.search(description)
        sent = dict(parameters(found[1])) if found is not None else {}
        reason = sent.get("reason", "")
        dance.user = dance.user or _short(sent.get("user", ""))
        dance.server_parts = tuple(name for name in _QUESTION[dance.scheme] if name in sent)
        if dance.server_parts and reason in {"", "needauth"}:
            dance.outcome = "challenged"
            user = f" for user {dance.user}" if dance.user else ""
            said = f"the server sends {_listed(dance.server_parts)}{user}"
        elif dance.step == 1:
            dance.outcome = "asked"
            said = "the server asks for it"
        else:
            dance.outcome, dance.reason = "refused", _short(reason)
            told = _REASONS.get(reason, "")
            said = f"refused{': ' + dance.reason if dance.reason else ''}{', ' + told if told else ''}"
            if dance.mismatch:
                said += f"; {dance.mismatch}"
        self._remember(connection, dance, sent)
        yield f"{_head(dance)}: {said}"

    def _remember(self, connection: int, dance: Dance, sent: dict[str, str]) -> None:
        key = self._keys.get(connection)
        if key is None:
            return
        known = self._known.pop(key, None) or _Known()
        self._known[key] = known  # as the latest
        if dance.outcome == "asked":
            known.asked.append(connection)
        elif dance.outcome == "challenged":
            known.questions.append(_Question((*dance.before, connection), sent.get(_RETURNED[dance.scheme], "")))
        if len(self._known) > MOST_DANCES:
            self._known.popitem(last=False)


def _head(dance: Dance) -> str:
    return f"{dance.name}, step {dance.step} of {STEPS}"


def _told_of_client(dance: Dance) -> str:
    who = f"user {dance.user}" if dance.user else "the client"
    what = f" sends {_listed(dance.client_parts)}" if dance.client_parts else ""
    where = f", begun on {_connections(dance.before)}" if dance.before else ""
    wrong = f"; {dance.mismatch}" if dance.mismatch else ""
    return f"{_head(dance)}: {who}{what}{where}{wrong}"


def _connections(numbers: list[int]) -> str:
    return f"connection{'s' if len(numbers) > 1 else ''} {_listed([str(number) for number in numbers])}"


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


# Tokens


class _Kind(NamedTuple):
    """A way to make tokens: it is this one if all of `marks` are there; `parts` then belong to it."""

    name: str
    marks: frozenset[str]
    parts: frozenset[str]


def _kind(name: str, marks: str, parts: str = "") -> _Kind:
    return _Kind(name, frozenset(marks.split()), frozenset(f"{marks} {parts}".split()))


_KINDS: Final = (
    _kind("Limelight token", "fmta-token", "as av te mp et ct"),
    _kind("Akamai token", "auth aifp", "slist"),
    _kind("Akamai token", "hdnea"),
    _kind("Akamai token", "hdnts"),
    _kind("Akamai token", "hdntl"),
    _kind("Wowza SecureToken", "wowzatokenhash", "wowzatokenstarttime wowzatokenendtime"),
    _kind("Tencent token", "txSecret", "txTime"),
    _kind("Alibaba token", "auth_key"),
)
_SECRET: Final = frozenset(
    {"token", "auth", "key", "sig", "signature", "hash", "hmac", "secret", "password", "pass", "pwd", "psk", "st"}
    | {"sign", "access_token", "apikey", "jwt"}
)
_EXPIRY: Final = frozenset({"e", "expires", "expire", "exp", "et", "wowzatokenendtime"})
_INSIDE: Final = re.compile(r"(?:^|~)exp=([0-9]{1,12})(?:~|$)")  # of an Akamai token


def _tokens(proof: Proof, place: str, query: str, time: int) -> Iterator[str]:
    """The tokens in a query, and the remark on each."""
    given = dict(parameters(query))
    lower = {name.lower(): name for name in given}
    found = False
    for kind in _KINDS:
        names = {name.lower() for name in kind.parts}
        if all(mark.lower() in lower for mark in kind.marks):
            found = True
            parts = tuple(_short(name) for name in given if name.lower() in names)
            yield from _add(proof, Token(kind.name, place, parts, _expiry(given), time))
    if not found and any(name in _SECRET for name in lower):
        parts = tuple(_short(name) for name in given if name.lower() in _SECRET | _EXPIRY)
        yield from _add(proof, Token("token", place, parts, _expiry(given), time))


def _add(proof: Proof, token: Token) -> Iterator[str]:
    if len(proof.tokens) < MOST_TOKENS:
        proof.tokens.append(token)
    yield token.text


def _expiry(given: dict[str, str]) -> int | None:
    """When a token expires, in seconds since the epoch, where that can be told."""
    for name, value in given.items():
        digits = ""
        if name.lower() in _EXPIRY and len(value) == 10:
            digits = value
        elif name == "txTime" and re.fullmatch(r"[0-9A-Fa-f]{1,10}", value):
            return int(value, 16)
        elif found := _INSIDE.search(value):
            digits = found[1]
        if digits.isascii() and digits.isdigit() and len(digits) <= 12:
            return int(digits)
    return None


def _short(text: str) -> str:
    text = printable(text[:64])
    return text[:64]


def _text(value: Value) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
