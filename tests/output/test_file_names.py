"""Names of files: safe wherever they go, each given once, and without secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.analysis.masking import Masking
from rtmpsniff.analysis.streams import Action, Stream
from rtmpsniff.output.file_names import FileNames


def stream(name: str | None, action: Action = "play") -> Stream:
    return Stream(1, 1, name, action)


@pytest.mark.parametrize(
    ("application", "name", "expected"),
    [
        ("live", "cam", "play-3-live-cam.flv"),
        ("live", "cam.flv", "play-3-live-cam.flv"),
        ("live", None, "play-3-live.flv"),
        ("", "cam", "play-3-cam.flv"),
        ("", None, "play-3.flv"),
        ("live", "cam?token=secret&x=1", "play-3-live-cam.flv"),
        ("live", "../../etc/passwd", "play-3-live-etc_passwd.flv"),
        ("..", "..", "play-3.flv"),
        ("a/b\\c", "C:\\x", "play-3-a_b_c-C_x.flv"),
        ("live", "a\x1b[2J\nb\0c\u202e", "play-3-live-a_2J_b_c.flv"),
        ("live", "mp4:clips/one two.mp4", "play-3-live-mp4_clips_one_two.mp4.flv"),
        ("live", "камера-1", "play-3-live-камера-1.flv"),
        ("live", "\udcff\ud800", "play-3-live.flv"),
        ("live", "-rf", "play-3-live-rf.flv"),
    ],
)
def test_names_are_made_of_harmless_characters(application: str, name: str | None, expected: str) -> None:
    assert FileNames(Masking("shown")).name(3, application, stream(name)) == expected


@given(st.text(), st.text())
def test_a_name_is_one_file_in_its_folder(application: str, name: str) -> None:
    made = FileNames(Masking("shown")).name(1, application, stream(name))
    assert made.startswith("play-1")
    assert made.endswith(".flv")
    assert not {"/", "\\", "\0", ":", " "} & set(made)
    assert made.isprintable()
    assert len(made.encode()) <= 230  # hidden and unfinished it has some bytes more; 255 is what there is


def test_names_of_streams_are_masked_the_same_name_by_the_same_mask() -> None:
    names = FileNames(Masking())
    assert names.name(1, "live", stream("abc?x=1", "publish")) == "publish-1-live-key-1.flv"
    assert names.name(2, "live", stream("film.flv")) == "play-2-live-key-2.flv"
    assert names.name(3, "live", stream("abc")) == "play-3-live-key-1.flv"
    assert names.name(4, "live", stream(None)) == "play-4-live.flv"


def test_names_have_the_numbers_that_secrets_have_everywhere() -> None:
    masking = Masking()
    masking.secrets.add("token of another place")
    names = FileNames(masking)
    assert names.name(1, "live", stream("abc")) == "play-1-live-key-2.flv"
    assert masking.table()["<key-2>"] == "abc"


def test_secrets_in_the_application_are_masked_too() -> None:
    names = FileNames(Masking())
    assert names.name(1, "live", stream("abc123")) == "play-1-live-key-1.flv"
    assert names.name(2, "live/abc123", stream("x")) == "play-2-live_key-1-key-2.flv"
    assert names.name(3, "live?token=hush", stream("x")) == "play-3-live_token_key-3-key-2.flv"


def test_who_asks_for_secrets_gets_names_but_no_tokens() -> None:
    assert FileNames(Masking("shown")).name(1, "live", stream("abc?token=x", "publish")) == "publish-1-live-abc.flv"


def test_no_name_is_given_twice() -> None:
    names = FileNames(Masking("shown"))
    given = [names.name(1, "live", stream(name)) for name in ("a", "a", "A", "a-2", "a", "b")]
    assert given == [
        "play-1-live-a.flv", "play-1-live-a-2.flv", "play-1-live-A-3.flv", "play-1-live-a-2-2.flv",
        "play-1-live-a-4.flv", "play-1-live-b.flv",
    ]  # fmt: skip


@given(st.lists(st.sampled_from(["a", "A", "a-2", "a-2-2", "a-3", ""]), max_size=12))
def test_whatever_comes_no_name_is_given_twice(asked: list[str]) -> None:
    names = FileNames(Masking("shown"))
    given = [names.name(1, "x", stream(name)).casefold() for name in asked]
    assert len(set(given)) == len(given)
