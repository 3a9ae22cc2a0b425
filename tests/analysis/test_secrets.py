"""Secrets: which parts of a text are secret by their place, and that they are found again in any writing."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.analysis.secrets import (
    MOST_CHARACTERS,
    MOST_KNOWN,
    MOST_SOUGHT,
    WORDS,
    Path,
    Place,
    Secrets,
    mask,
    place_of,
    secret_spans,
    unquoted,
)

# By position

PLACES: list[tuple[str, Path, Place]] = [
    ("publish", ("args", 0), Place.NAME),
    ("publish", ("args", 1), Place.TEXT),
    ("play", ("args", 0), Place.NAME),
    ("play2", ("args", 0, "streamName"), Place.NAME),
    ("releaseStream", ("args", 0), Place.NAME),
    ("FCSubscribe", ("args", 0), Place.NAME),
    ("FCWhatever", ("args", 0), Place.NAME),
    ("onFCPublish", ("args", 0, "code"), Place.TEXT),
    ("getStreamLength", ("args", 0), Place.NAME),
    ("deleteStream", ("args", 0), Place.NAME),
    ("set_playlist", ("args", 0, "0"), Place.NAME),
    ("connect", ("object", "app"), Place.URL),
    ("connect", ("object", "tcUrl"), Place.URL),
    ("connect", ("object", "flashVer"), Place.TEXT),
    ("connect", ("args", 0), Place.WHOLE),
    ("connect", ("args", 2, "k"), Place.WHOLE),
    ("login", ("args", 1), Place.WHOLE),
    ("secureTokenResponse", ("args", 0), Place.WHOLE),
    ("_result", ("args", 0, "secureToken"), Place.WHOLE),
    ("_result", ("args", 0, "ex", "redirect"), Place.URL),
    ("onStatus", ("args", 0, "description"), Place.STATUS),
    ("onStatus", ("args", 0, "details"), Place.STATUS),
    ("onMetaData", ("args", 0, "encoder"), Place.TEXT),
    ("chat", ("args", 0, "Password"), Place.WHOLE),
]


@pytest.mark.parametrize(("command", "path", "place"), PLACES)
def test_places(command: str, path: Path, place: Place) -> None:
    assert place_of(command, path) is place


SPANS: list[tuple[Place, str, list[str]]] = [
    (Place.NAME, "live_123", ["live_123"]),
    (Place.NAME, "cam?token=abc", ["cam", "abc"]),
    (Place.NAME, "cam?abc", ["cam", "abc"]),
    (Place.NAME, "cam?vhost=a.example&sign=1'2>3", ["cam", "1'2>3"]),
    (Place.NAME, "mp4:folder/film.mp4", ["folder/film.mp4"]),
    (Place.NAME, "a%20b", ["a b"]),
    (Place.NAME, "", []),
    (Place.NAME, "?", []),
    (Place.URL, "live", []),
    (Place.URL, "live/room?token=a&vhost=b", ["a"]),
    (Place.URL, "live?secretword", ["secretword"]),
    (Place.URL, "rtmp://user:pass@host/live", ["user", "pass"]),
    (Place.URL, "rtmp://host:1935/live/0123456789abcdef0123", ["0123456789abcdef0123"]),
    (Place.URL, "rtmp://host/live/aB3dE5fG7hI9jK1lM2nO", ["aB3dE5fG7hI9jK1lM2nO"]),
    (Place.URL, "rtmp://host/livestream-2024-summer-event", []),
    (Place.URL, "rtmp://0123456789abcdef0123.example.com/live", []),
    (Place.STATUS, "code=403 need auth; authmod=adobe", []),
    (
        Place.STATUS,
        "[ authmod=adobe ] : ?reason=needauth&user=bob&salt=s1&challenge=c2==&opaque=o3",
        ["bob", "s1", "c2==", "o3"],
    ),
    (Place.TEXT, "Is it? Yes", []),
    (Place.TEXT, "see rtmp://a:b@host/x?key=k1", ["a", "b", "k1"]),
    (Place.TEXT, "the token=abc, they said", ["abc"]),
    (Place.WHOLE, "anything at all", ["anything at all"]),
    (Place.WHOLE, "", []),
]


@pytest.mark.parametrize(("place", "text", "secrets"), SPANS)
def test_what_is_secret_by_its_place(place: Place, text: str, secrets: list[str]) -> None:
    spans = secret_spans(text, place)
    assert [span.secret for span in spans] == secrets
    assert [unquoted(text[span.start : span.stop]) for span in spans] == secrets


@given(st.sampled_from(Place), st.text(alphabet="ab?=&;:/@%3#. []é\udc80", max_size=40))
def test_spans_are_apart_and_in_order(place: Place, text: str) -> None:
    end = 0
    for span in secret_spans(text, place):
        assert end <= span.start < span.stop <= len(text)
        end = span.stop


# By value


def found(secret: str, text: str) -> list[str]:
    secrets = Secrets()
    secrets.add(secret)
    return [text[one.start : one.stop] for one in secrets.in_text(text)]


def test_the_same_secret_has_the_same_number() -> None:
    secrets = Secrets()
    assert [secrets.add("one"), secrets.add("two"), secrets.add("one")] == [1, 2, 1]
    assert (len(secrets), mask(2)) == (2, "<key-2>")


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("abc123", 1),
        ("rtmp://host/live/abc123?x", 1),
        ("abc123 and abc123.", 2),
        ("stream_abc123-720p", 1),
        ("abc1234", 0),
        ("xabc123", 0),
        ("ABC123", 0),
        ("éabc123", 0),
        ("é abc123 é", 1),
    ],
)
def test_whole_tokens(text: str, times: int) -> None:
    assert found("abc123", text) == ["abc123"] * times


def test_short_secrets_and_words_of_the_protocol_are_not_looked_for() -> None:
    assert found("live", "live live/live") == []
    assert found("publish", "publish now") == []
    assert "publish" in WORDS
    assert found("Publish_key", "NetStream.Publish.Start") == []


def test_a_long_secret_is_found_inside_longer_tokens() -> None:
    assert found("0123456789abcdef", "x0123456789abcdefx") == ["0123456789abcdef"]


def test_percent_signs() -> None:
    secret = "a b/ü&key"
    text = f"x={quote(secret, safe='')}&y"
    assert found(secret, text) == [quote(secret, safe="")]
    assert found("abc123", "p=%61%62%63123;") == ["%61%62%63123"]
    assert found("abc123", "p=%61%62%63%31%32%33%34") == []


@given(st.binary(max_size=5), st.binary(max_size=5), st.booleans())
def test_base64_of_a_text_that_holds_it(before: bytes, behind: bytes, is_for_urls: bool) -> None:
    encode = urlsafe_b64encode if is_for_urls else b64encode
    text = f"Basic {encode(before + b'~?secret~?' + behind).decode()}"
    (part,) = found("~?secret~?", text)
    assert len(part) >= 8
    assert len(text) - len(part) < len("Basic ") + 20


@pytest.mark.parametrize("change", [str.lower, str.upper])
def test_hex(change: object) -> None:
    raw = b"secret-1".hex()
    text = raw.lower() if change is str.lower else raw.upper()
    assert found("secret-1", f"00{text}ff") == [text]


def test_the_longest_of_several_that_begin_alike() -> None:
    secrets = Secrets()
    for secret in ("abcdef", "abcdef-xyz"):
        secrets.add(secret)
    text = "abcdef-xyz abcdef-xyzw"
    assert [(text[one.start : one.stop], one.number) for one in secrets.in_text(text)] == [
        ("abcdef-xyz", 2),
        ("abcdef", 1),
    ]


def test_a_very_long_secret() -> None:
    secret = "key-" + "0123456789" * 100
    assert found(secret, f"<{secret}>") == [secret]
    assert found(secret, b64encode(secret.encode()).decode())[0].startswith("a2V5")


def test_many_secrets() -> None:
    secrets = Secrets()
    for number in range(1000):
        secrets.add(f"key-{number:05}")
        if number % 100 == 0:
            assert secrets.in_text(f"x key-{number:05}")
    assert [secrets.in_text(f"key-{number:05}")[0].number for number in (0, 500, 999)] == [1, 501, 1000]
    assert not secrets.is_full
    for number in range(MOST_SOUGHT):
        secrets.add(f"more-{number:05}")
    assert secrets.is_full


def test_a_run_without_end_looks_for_the_latest() -> None:
    secrets = Secrets(latest=300)
    for number in range(2_000):
        secrets.add(f"name-{number:05}")
        assert [one.number for one in secrets.in_text(f"of name-{number:05}")] == [number + 1]
    found = [bool(secrets.in_text(f"of name-{number:05}")) for number in range(2_000)]
    assert all(found[-300:])
    assert not any(found[:1_000])
    assert secrets.is_full
    assert secrets.add("name-00000") == 1


def test_what_is_known_is_bounded_by_number() -> None:
    secrets = Secrets()
    numbers = [secrets.add(f"{number:x}") for number in range(MOST_KNOWN + 2)]
    assert numbers[-3:] == [MOST_KNOWN, 0, 0]
    assert (secrets.is_full, len(secrets), secrets.add("0")) == (True, MOST_KNOWN, 1)
    assert mask(0) == "<key>"


def test_what_is_known_is_bounded_by_size() -> None:
    secrets = Secrets()
    assert [secrets.add("x" * (MOST_CHARACTERS - 10)), secrets.add("y" * 11), secrets.add("z" * 10)] == [1, 0, 2]
    assert secrets.is_full


def test_in_bytes_the_neighbors_do_not_matter() -> None:
    secrets = Secrets()
    secrets.add("abc123")
    assert [tuple(one) for one in secrets.in_data(b"\x00xabc123y")] == [(2, 8, 1)]
    assert secrets.in_data(b"abc12") == []
    assert Secrets().in_data(b"abc123") == []


@given(st.text(min_size=6, max_size=30), st.text(max_size=10), st.text(max_size=10))
def test_any_text_between_blanks_is_found(secret: str, before: str, behind: str) -> None:
    secrets = Secrets()
    secrets.add(secret)
    text = f"{before} {secret} {behind}"
    spans = secrets.in_text(text)
    at = len(before) + 1
    if secret not in WORDS:
        assert any(one.start <= at and one.stop >= at + len(secret) for one in spans) or "%" in text
