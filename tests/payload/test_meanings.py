"""Numbers that promise something: those of connect and its answer, and the colors of HDR metadata."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rtmpsniff.fields import Field, Role
from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.command import Command
from rtmpsniff.payload.values import Object
from tests.build import Ecma, amf0
from tests.build_amf3 import amf3

CASES: list[tuple[str, object, str]] = [
    ("capsEx", 15, "15 (reconnect, multitrack, modex, timestamp_offset_nano)"),
    ("capsEx", 0, "0 (none)"),
    ("capsEx", 0x41, "65 (reconnect, 0x40)"),
    ("videoFunction", 7, "7 (seek, hdr, metadata)"),
    ("videoCodecs", 252, "252 (sorenson_h263, screen_video, vp6, vp6_alpha, screen_video_2, h264)"),
    ("audioCodecs", 0x404, "1028 (mp3, aac)"),
    ("capsEx", 1.5, "1.5"),
    ("capsEx", -1, "-1"),
    ("capsEx", 2.0**32, "4294967296"),
    ("capsEx", float("nan"), "nan"),
    ("capsEx", float("inf"), "inf"),
    ("capsEx", True, "true"),
    ("capsEx", "3", '"3"'),
    ("capsEx", {"a": 1}, "object, 1 property"),
    ("videoFourCcInfoMap", 4, "4"),
    ("capabilities", 15, "15"),
]


def pairs(fields: tuple[Field, ...]) -> Iterator[tuple[object, str]]:
    """Keys and the labels of their values, outer ones first."""
    for field in fields:
        if field.role is Role.PAIR:
            yield field.value, field.children[-1].label
        yield from pairs(field.children)


@pytest.mark.parametrize(("name", "number", "label"), CASES)
def test_numbers_of_connect(name: str, number: object, label: str) -> None:
    for payload in (
        amf0("connect", 1, {name: number}),
        amf0("_result", 1, {name: number}, {}),
        amf0("_result", 1, None, Ecma({name: number})),
    ):
        assert next(pairs(decode(20, payload).fields)) == (name, label)


def test_codecs_of_enhanced_rtmp() -> None:
    maps = {"videoFourCcInfoMap": {"hvc1": 3, "*": 4}, "audioFourCcInfoMap": {"Opus": 1}}
    got = decode(20, amf0("connect", 1, maps))
    assert [*pairs(got.fields)] == [
        ("videoFourCcInfoMap", "object, 2 properties"),
        ("hvc1", "3 (decode, encode)"),
        ("*", "4 (forward)"),
        ("audioFourCcInfoMap", "object, 1 property"),
        ("Opus", "1 (decode)"),
    ]
    assert got.body == Command(
        "connect",
        1.0,
        Object(
            [
                ("videoFourCcInfoMap", Object([("hvc1", 3.0), ("*", 4.0)])),
                ("audioFourCcInfoMap", Object([("Opus", 1.0)])),
            ]
        ),
    )


def test_in_amf3() -> None:
    payload = b"\0" + amf0("connect", 1) + b"\x11" + amf3({"capsEx": 2, "app": "live"})
    assert [*pairs(decode(17, payload).fields)] == [("capsEx", "2 (multitrack)"), ("app", '"live"')]


@pytest.mark.parametrize("payload", [amf0("call", 1, {"capsEx": 3}), amf0("_result", 7, {"capsEx": 3})])
def test_other_commands_mean_what_they_like(payload: bytes) -> None:
    assert [*pairs(decode(20, payload).fields)] == [("capsEx", "3")]


def test_nothing_moves() -> None:
    """The labels alone are other than without a meaning."""
    names = ("capsEx", "capsXe"), ("connect", "connecT")

    def spans(fields: tuple[Field, ...]) -> list[object]:
        return [(field.start, field.stop, field.role, field.mask, spans(field.children)) for field in fields]

    with_, without = (decode(20, amf0(call, 1, {key: 3, "": 1}, 5)) for key, call in zip(*names, strict=True))
    assert spans(with_.fields) == spans(without.fields)


def test_colors() -> None:
    color = {"bitDepth": 10, "colorPrimaries": 9, "transferCharacteristics": 16, "matrixCoefficients": 99}
    told = dict(pairs(decode(9, bytes.fromhex("d4 68766331") + amf0("colorInfo", {"colorConfig": color})).fields))
    assert told == {
        "colorConfig": "object, 4 properties",
        "bitDepth": "10",
        "colorPrimaries": "9 (bt2020)",
        "transferCharacteristics": "16 (smpte2084)",
        "matrixCoefficients": "99",
    }
