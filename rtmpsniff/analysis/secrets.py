"""Where secrets stand, and where the same ones stand again.

First by position: `Places` tells from a command's name and the place in it what a text is (a stream's name, a URL, an
argument of the user's), and `secret_spans` which parts of such a text are secret. Then by value: `Secrets` numbers what
was found, and finds the same whole tokens in any other text or bytes, as they are, percent-encoded, in base64 and in
hex. `masking` puts masks there.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import cache
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import unquote_to_bytes

from rtmpsniff.text import decode_text, encode_text

SHORTEST: Final = 6  # characters of a secret that is looked for by value: a shorter one is an everyday word
_UNMISTAKABLE: Final = 16  # from here on it is found inside longer tokens too
_LONGEST_SOUGHT: Final = 256  # bytes of a secret that a pattern holds; what follows them in a token goes with them
_BUCKET: Final = 256  # secrets that one pattern holds at most
MOST_SOUGHT: Final = 20_000  # secrets that are looked for by value
MOST_KNOWN: Final = 100_000  # secrets that have a number; further ones have one mask for all
MOST_CHARACTERS: Final = 16 << 20  # of all of them
_LONGEST_BARE: Final = 8192  # characters of one text that are taken for names and values of a query

Path: TypeAlias = "tuple[str | int, ...]"


class Place(Enum):
    """What a text in a message is, by where it stands."""

    WHOLE = "whole"  # all of it is secret
    NAME = "name"  # of a stream: a key, and perhaps a query
    URL = "url"  # of an application, or its path; keys may stand in its query and in long segments
    STATUS = "status"  # words about a stream, which may name it
    TEXT = "text"  # anything else


# By position

_NAMING: Final = frozenset(
    {"publish", "play", "releaseStream", "deleteStream", "getStreamLength", "getMovLen", "set_playlist"}
)
_PROVING: Final = re.compile(r"auth|log[io]n|passw|credential|secret|token", re.IGNORECASE)
_URLS: Final = frozenset({"app", "tcUrl", "swfUrl", "pageUrl", "redirect", "redirect2"})
_STATUS: Final = frozenset({"description", "details", "detail"})
_STREAM_NAMES: Final = frozenset({"streamName", "oldStreamName"})

# Names of parameters and properties whose values are secret wherever they stand.
SECRET_NAMES: Final = frozenset(
    {"token", "auth", "key", "sig", "signature", "hash", "hmac", "secret", "password", "passwd", "pass", "pwd", "psk"}
    | {"st", "sign", "access_token", "apikey", "api_key", "jwt", "fmta-token", "wowzatokenhash", "txsecret", "auth_key"}
    | {
        "hdnea",
        "hdnts",
        "hdntl",
        "securetoken",
        "securetokenresponse",
        "dsremotecredentials",
        "streamkey",
        "stream_key",
    }
    | {"response", "challenge", "opaque", "salt", "nonce", "cnonce", "authorization", "cookie", "hashname"}
    | {"credentials"}
)
# Parameters of a query whose values may stay; all others are secret.
_HARMLESS: Final = frozenset(
    {"vhost", "authmod", "reason", "nc", "as", "av", "te", "codec", "bitrate", "width", "height", "fps", "format"}
    | {"quality", "type", "version", "lang", "transport", "protocol", "mode", "start", "len", "live", "record"}
    | {"append", "bandwidthtest", "fcsubscribe", "audio", "video"}
)
_PLAIN_REASON: Final = re.compile(r"[a-z]{1,32}")

_QUERY: Final = re.compile(r"\?(\S*)")
_PAIR: Final = re.compile(r"([^=&;\s]{1,64})=([^&;\s\]\)\"'`<>#]*)")
_WHOLE_PAIR: Final = re.compile(r"([^=]{1,64})=(.*)", re.DOTALL)
_NAMED: Final = re.compile(r"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{2,32})=([^&;\s\]\)\"'`<>#,]+)")
_USER: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}://([^/?#@\s]{1,1024})@")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}://[^/?#]*")
_SEGMENT: Final = re.compile(r"[^/?#]+")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{16,}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_+=%~-]{20,}")
_CHANGE: Final = re.compile(r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])|(?<=[a-z])(?=[A-Z])")
_CHANGES: Final = 5  # between letters and digits, or small and capital letters: more than names of people's making have
_KIND: Final = re.compile(r"(?:mp4|flv|mp3|id3|f4v|raw):")


class Span(NamedTuple):
    """A part of a text, and what is secret there, as it would be written without percent signs."""

    start: int
    stop: int
    secret: str


def place_of(command: str, path: Path) -> Place:  # noqa: PLR0911 - a line for each kind of place
    """What stands at `path` of a command or data message: `("args", 0)`, `("object", "tcUrl")`."""
    part, *below = path
    last = below[-1] if below else ""
    if part == "args":
        if command in {"connect", "secureTokenResponse"} or (_PROVING.search(command) and len(command) < 64):
            return Place.WHOLE
        if command in _NAMING and (below == [0] or command == "set_playlist"):
            return Place.NAME
        if command.startswith(("FC", "onFC")) and len(below) == 1:
            return Place.NAME
    if not isinstance(last, str):
        return Place.TEXT
    if last.lower() in SECRET_NAMES:
        return Place.WHOLE
    if last in _STREAM_NAMES:
        return Place.NAME
    if last in _STATUS:
        return Place.STATUS
    return Place.URL if last in _URLS else Place.TEXT


def secret_spans(text: str, place: Place) -> list[Span]:
    """The parts of a text that are secret by its place, in order; none of them is empty."""
    match place:
        case Place.WHOLE:
            return [Span(0, len(text), unquoted(text))] if text else []
        case Place.NAME:
            return list(_in_name(text))
        case Place.URL:
            return list(_in_url(text))
    return sorted(_unique(_users(text, _named(text, _queries(text, bare=False)))))


def _in_name(text: str) -> Iterator[Span]:
    kind = _KIND.match(text)
    start, query = kind.end() if kind else 0, text.find("?")
    stop = query if query >= 0 else len(text)
    if stop > start:
        yield Span(start, stop, unquoted(text[start:stop]))
    if query >= 0:
        yield from sorted(_unique(_query(text, query + 1, len(text), bare=True)))


def _in_url(text: str) -> Iterable[Span]:
    spans = list(_users(text, _named(text, _queries(text, bare=True))))
    scheme = _SCHEME.match(text)
    segments = _SEGMENT.finditer(text, scheme.end() if scheme else 0, _path_end(text))
    spans += [Span(*one.span(), unquoted(one[0])) for one in segments if _is_random(one[0])]
    return sorted(_unique(spans))


def _path_end(text: str) -> int:
    return next((at for at in (text.find("?"), text.find("#")) if at >= 0), len(text))


def _is_random(segment: str) -> bool:
    """Whether a part of a path looks like a token, and not like a name that a person gave."""
    if _HEX.fullmatch(segment):
        return True
    return bool(_TOKEN.fullmatch(segment)) and len(_CHANGE.findall(segment)) >= _CHANGES


def _queries(text: str, *, bare: bool) -> Iterator[Span]:
    for query in _QUERY.finditer(text):
        yield from _query(text, query.start(1), query.end(1), bare=bare)


def _query(text: str, start: int, stop: int, *, bare: bool) -> Iterator[Span]:
    """The values in a query. `bare`: what stands there without a name is a value too."""
    for part in re.finditer(r"[^&;?]+", text[start:stop]):
        at = start + part.start()
        pair = (_WHOLE_PAIR if bare else _PAIR).match(part[0])
        if pair is not None:
            if pair[2] and not _is_harmless(pair[1], pair[2]):
                yield Span(at + pair.start(2), at + pair.end(2), unquoted(pair[2]))
        elif bare and len(part[0]) <= _LONGEST_BARE and part[0].lower() not in _HARMLESS:
            yield Span(at, at + len(part[0]), unquoted(part[0]))


def _is_harmless(name: str, value: str) -> bool:
    lower = unquoted(name).lower()
    if lower == "reason":
        return _PLAIN_REASON.fullmatch(value) is not None
    return lower in _HARMLESS


def _named(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """With those in `spans`, the values of what is called a password or the like anywhere in a text."""
    yield from spans
    for pair in _NAMED.finditer(text):
        if pair[1].lower() in SECRET_NAMES:
            yield Span(pair.start(2), pair.end(2), unquoted(pair[2]))


def _users(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """With those in `spans`, names and passwords before the hosts of URLs."""
    yield from spans
    for user in _USER.finditer(text):
        for part in re.finditer(r"[^:]+", user[1]):
            start = user.start(1) + part.start()
            yield Span(start, start + len(part[0]), unquoted(part[0]))


def _unique(spans: Iterable[Span]) -> Iterator[Span]:
    """Those that do not lie in an earlier one."""
    end = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.stop)):
        if span.start >= end and span.stop > span.start:
            yield span
            end = span.stop


def unquoted(text: str) -> str:
    """A text without percent signs; bytes that are not UTF-8 stay what they were."""
    return decode_text(unquote_to_bytes(encode_text(text))) if "%" in text else text


# By value


class Found(NamedTuple):
    """A secret that stands in a text or in bytes."""

    start: int
    stop: int
    number: int


class Secrets:
    """All secrets of a run by their numbers, from 1, in the order in which they were found.

    `latest`: only so many of them, those found last, are looked for by value, for a run that has no end.
    """

    def __init__(self, latest: int | None = None) -> None:
        self._latest = latest
        self.numbers: dict[str, int] = {}
        self._waiting: list[tuple[bytes, int]] = []  # that no pattern holds yet
        self._buckets: list[_Bucket] = []
        self._sought = 0
        self._room = MOST_CHARACTERS
        self._is_full = False

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def is_full(self) -> bool:
        """Whether some are masked by position alone, since there are too many."""
        return self._is_full or self._sought > (self._latest or MOST_SOUGHT)

    def add(self, secret: str) -> int:
        """The number of a secret, a new one if it was not known; 0 if there is no room for more."""
        number = self.numbers.get(secret)
        if number is None:
            if len(self.numbers) >= MOST_KNOWN or len(secret) > self._room:
                self._is_full = True
                return 0
            self._room -= len(secret)
            number = self.numbers[secret] = len(self.numbers) + 1
            if len(secret) >= SHORTEST and secret not in WORDS:
                self._sought += 1
                if self._sought <= MOST_SOUGHT or self._latest is not None:
                    self._waiting.append((encode_text(secret), number))
        return number

    def in_text(self, text: str) -> list[Found]:
        """The secrets that stand in a text as whole tokens, in any writing; none of them overlap."""
        if not self._sought or len(text) < SHORTEST or text in WORDS or _CODE.fullmatch(text):
            return []
        data = encode_text(text)
        found = self._search(data, in_tokens=False)
        if b"%" in data:
            found += self._behind_percents(data)
        found = _apart(found)
        if not found or len(data) == len(text):
            return found
        return [Found(_characters(data, span.start), _characters(data, span.stop), span.number) for span in found]

    def in_data(self, data: bytes) -> list[Found]:
        """Those that stand in bytes of which nobody knows what they are: inside longer tokens too."""
        return _apart(self._search(data, in_tokens=True)) if self._sought and len(data) >= SHORTEST else []

    def _search(self, data: bytes, *, in_tokens: bool) -> list[Found]:
        if self._waiting:
            self._compile()
        return [found for bucket in self._buckets for found in bucket.search(data, in_tokens=in_tokens)]

    def _behind_percents(self, data: bytes) -> list[Found]:
        plain, places = _percents(data)
        return [
            Found(places[span.start], places[span.stop], span.number)
            for span in self._search(plain, in_tokens=False)
            if places[span.stop] - places[span.start] != span.stop - span.start
        ]

    def _compile(self) -> None:
        """Patterns grow by doubling, so that all of them together are made in proportion to what they hold."""
        waiting, self._waiting = self._waiting, []
        while self._buckets and len(self._buckets[-1].secrets) <= len(waiting) < _BUCKET:
            waiting = self._buckets.pop().secrets + waiting
        for at in range(0, len(waiting), _BUCKET):
            self._buckets.append(_Bucket(waiting[at : at + _BUCKET]))
        if self._latest is not None:
            held = sum(len(bucket.secrets) for bucket in self._buckets)
            while held - len(self._buckets[0].secrets) >= self._latest:
                held -= len(self._buckets.pop(0).secrets)


def _apart(found: list[Found]) -> list[Found]:
    if len(found) < 2:
        return found
    apart: list[Found] = []
    for span in sorted(found, key=lambda span: (span.start, -span.stop)):
        if not apart or span.start >= apart[-1].stop:
            apart.append(span)
        elif span.stop > apart[-1].stop:  # they overlap: all of both is hidden
            apart[-1] = Found(apart[-1].start, span.stop, apart[-1].number)
    return apart


def _characters(data: bytes, stop: int) -> int:
    return len(decode_text(data[:stop]))


def _percents(data: bytes) -> tuple[bytes, list[int]]:
    """Bytes without percent signs, and where each of them stood (and the end)."""
    plain, at = bytearray(), 0
    places: list[int] = []
    for escape in re.finditer(rb"%[0-9A-Fa-f]{2}", data):
        plain += data[at : escape.start()]
        places += range(at, escape.start())
        plain.append(int(escape[0][1:], 16))
        places.append(escape.start())
        at = escape.end()
    return bytes(plain + data[at:]), [*places, *range(at, len(data) + 1)]


class _Writing(NamedTuple):
    """One way in which a secret may be written."""

    number: int
    is_plain: bool  # as it is; else base64 or hex, which need no bounds
    is_long: bool  # the pattern holds only its beginning
    secret: bytes
    edges: tuple[bool, bool] = (False, False)  # whether a sign of base64 beside it holds bits of it too


class _Bucket:
    """Some secrets and the pattern that finds them; RE2 takes linear time however many there are."""

    def __init__(self, secrets: list[tuple[bytes, int]]) -> None:
        self.secrets = secrets
        self._writings: dict[bytes, _Writing] = {}
        for secret, number in secrets:
            head = secret[:_LONGEST_SOUGHT]
            is_long = head != secret
            for other, edges in _encodings(head):
                self._writings.setdefault(other, _Writing(number, False, is_long, secret, edges))
            self._writings[head] = _Writing(number, True, is_long, secret)
        self._pattern = _alternation(sorted(self._writings))

    def search(self, data: bytes, *, in_tokens: bool) -> Iterator[Found]:
        at = 0
        while (match := self._pattern.search(data, at)) is not None:
            start, stop = match.span()
            found = self._whole(data, start, stop, in_tokens)
            if found is not None:
                yield found
            at = found.stop if found is not None else start + 1

    def _whole(self, data: bytes, start: int, stop: int, in_tokens: bool) -> Found | None:
        """The longest secret that begins here and is a whole token."""
        for end in range(stop, start + SHORTEST - 1, -1):
            writing = self._writings.get(data[start:end])
            if writing is None:
                continue
            if writing.is_long:
                return Found(start, _token_end(data, start, end, writing), writing.number)
            bounds_count = writing.is_plain and not in_tokens and end - start < _UNMISTAKABLE
            if not (bounds_count and _is_inside(data, start, end)):
                return Found(*_with_edges(data, start, end, writing.edges), writing.number)
        return None


def _token_end(data: bytes, start: int, end: int, writing: _Writing) -> int:
    """Where a long secret ends: with itself, or, where it is written in another way, with its token."""
    if writing.is_plain and data.startswith(writing.secret, start):
        return start + len(writing.secret)
    token = re.compile(rb"[A-Za-z0-9+/=_-]*").match(data, end)
    return token.end() if token else end


def _is_inside(data: bytes, start: int, stop: int) -> bool:
    """Whether a letter or digit stands right before or behind, so that this is a part of another word."""
    return _is_alphanumeric(data[start - 1 : start] if start else b"") or _is_alphanumeric(data[stop : stop + 1])


def _is_alphanumeric(byte: bytes) -> bool:
    return byte.isalnum() or byte >= b"\x80"


_SIGN: Final = re.compile(rb"[A-Za-z0-9+/_-]")
_PADDING: Final = re.compile(rb"={0,2}")


def _with_edges(data: bytes, start: int, stop: int, edges: tuple[bool, bool]) -> tuple[int, int]:
    """The span with the signs of base64 on both sides that hold bits of the secret."""
    if edges[0] and start and _SIGN.match(data, start - 1):
        start -= 1
    if edges[1] and _SIGN.match(data, stop):
        padding = _PADDING.match(data, stop + 1)
        stop = padding.end() if padding else stop + 1
    return start, stop


def _encodings(secret: bytes) -> Iterator[tuple[bytes, tuple[bool, bool]]]:
    """Hex of both cases, and what base64 of a text has for the secret in it, wherever it stands there."""
    yield secret.hex().encode(), (False, False)
    yield secret.hex().upper().encode(), (False, False)
    for before in range(3):
        whole = b64encode(bytes(before) + secret + bytes(2))
        core = whole[-(-8 * before // 6) : 8 * (before + len(secret)) // 6]
        edges = 8 * before % 6 != 0, 8 * (before + len(secret)) % 6 != 0
        yield core, edges
        yield core.replace(b"+", b"-").replace(b"/", b"_"), edges


def _alternation(writings: list[bytes]) -> Any:
    import re2  # noqa: PLC0415 - only where there are secrets

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.longest_match = True
    options.never_capture = True
    options.log_errors = False
    options.max_mem = 1 << 28
    return re2.compile(b"|".join(b"".join(b"\\x%02x" % byte for byte in writing) for writing in writings), options)


# Words of the protocol itself, and of what is said about it here: where a key is one of them, it is masked where a key
# stands and nowhere else. To mask what everybody knows to stand there would tell the key.

_CODE: Final = re.compile(r"Net(?:Connection|Stream|Group)(?:\.[A-Za-z]{1,32}){1,4}|SharedObject\.[A-Za-z]{1,32}")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


WORDS: Final = _words(
    """
    connect createStream deleteStream closeStream releaseStream publish FCPublish FCUnpublish FCSubscribe FCUnsubscribe
    onFCPublish onFCUnpublish onFCSubscribe onFCUnsubscribe getStreamLength getMovLen receiveAudio receiveVideo
    onStatus onPlayStatus onBWDone onMetaData onCuePoint onTextData @setDataFrame @clearDataFrame |RtmpSampleAccess
    _result _error _checkbw checkBandwidth secureTokenResponse set_playlist playlist_ready pauseRaw initStream
    flashVer swfUrl pageUrl capabilities audioCodecs videoCodecs videoFunction objectEncoding fourCcList
    videoFourCcInfoMap audioFourCcInfoMap capsEx nonprivate fmsVer description details clientid redirect secureToken
    status warning record append duration filesize framerate videodatarate audiodatarate videocodecid audiocodecid
    audiosamplerate audiosamplesize audiochannels displayWidth displayHeight encoder stereo compatible_brands
    major_brand minor_version canSeekToEnd lasttimestamp lastkeyframetimestamp streamName oldStreamName transition
    NetConnection NetStream Connect Success Rejected Failed Publish Unpublish PublishNotify UnpublishNotify
    StreamNotFound BadName Denied Complete Closed InvalidApp Switch Record NoAccess Notify Unpause InvalidTime
    stream message client server connection handshake
    """
)


@cache
def mask(number: int) -> str:
    """What stands for a secret; for one without a number, 0."""
    return f"<key-{number}>" if number else "<key>"
