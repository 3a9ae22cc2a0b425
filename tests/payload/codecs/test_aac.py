from __future__ import annotations

from contextlib import suppress

import pytest

from rtmpsniff.fields import Cursor, Malformed, Role
from rtmpsniff.findings import Finding
from rtmpsniff.payload.codecs.aac import (
    CHANNELS,
    LAYOUTS,
    RATES,
    AacConfiguration,
    adts_header,
    audio_specific_config,
    is_adts,
)
from tests.payload.test_bodies import assert_nested, covered


def configuration(data: str) -> AacConfiguration:
    found, findings, _ = read(bytes.fromhex(data))
    assert findings == []
    return found


def read(data: bytes) -> tuple[AacConfiguration, list[Finding], Cursor]:
    cursor, found, findings = Cursor(data), AacConfiguration(), list[Finding]()
    audio_specific_config(cursor, found, findings)
    return found, findings, cursor


def in_bits(*values: tuple[int, int]) -> bytes:
    """Values and how many bits each has, filled up with zeros to a byte."""
    text = "".join(f"{value:0{size}b}" for value, size in values)
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")


VECTORS = [  # ffprobe says the same of the rates, where the remark does not say otherwise
    ("1210", "LC 44.1 kHz stereo", AacConfiguration("LC", 44_100, 44_100, 2, "stereo", None, None, 1024)),
    ("1188", "LC 48 kHz mono", AacConfiguration("LC", 48_000, 48_000, 1, "mono", None, None, 1024)),
    ("1408", "LC 16 kHz mono", AacConfiguration("LC", 16_000, 16_000, 1, "mono", None, None, 1024)),
    ("2b920800", "HE-AAC 44.1 kHz stereo", AacConfiguration("LC", 44_100, 22_050, 2, "stereo", True, None, 1024)),
    ("eb098800", "HE-AAC v2 48 kHz stereo", AacConfiguration("LC", 48_000, 24_000, 2, "stereo", True, True, 1024)),
    (  # a rate that is written out, which FFmpeg 5.1 refuses
        "17805dc010",
        "LC 48 kHz stereo",
        AacConfiguration("LC", 48_000, 48_000, 2, "stereo", None, None, 1024),
    ),
    ("139056e5a0", "HE-AAC 44.1 kHz stereo", AacConfiguration("LC", 44_100, 22_050, 2, "stereo", True, None, 1024)),
    (
        "138856e5a54880",
        "HE-AAC v2 44.1 kHz stereo",
        AacConfiguration("LC", 44_100, 22_050, 2, "stereo", True, True, 1024),
    ),
    ("f94640", "xHE-AAC 48 kHz stereo", AacConfiguration("USAC", 48_000, 48_000, 2, "stereo")),
    ("120856e500", "LC 44.1 kHz mono", AacConfiguration("LC", 44_100, 44_100, 1, "mono", False, None, 1024)),
    (  # of FFmpeg, with an element that lists three channels
        "118004c4010020000d4c61766335392e33372e31303056e500",
        "LC 48 kHz 3 channels",
        AacConfiguration("LC", 48_000, 48_000, 3, None, False, None, 1024),
    ),
    (
        "118004c848002000c4400d4c61766335392e33372e31303056e500",
        "LC 48 kHz 7 channels",
        AacConfiguration("LC", 48_000, 48_000, 7, None, False, None, 1024),
    ),
]


@pytest.mark.parametrize(("data", "text", "expected"), VECTORS, ids=[case[0] for case in VECTORS])
def test_audio_specific_config(data: str, text: str, expected: AacConfiguration) -> None:
    found = configuration(data)
    assert found == expected
    assert found.text == text


@pytest.mark.parametrize("index", range(16))
def test_rates(index: int) -> None:
    found, findings, _ = read(in_bits((2, 5), (index, 4), *([(0x123456, 24)] if index == 15 else []), (2, 4), (0, 3)))
    assert found.rate == (0x123456 if index == 15 else RATES.get(index))
    assert [finding.title for finding in findings] == (
        [f"sampling frequency index {index} is reserved"] if index in {13, 14} else []
    )


@pytest.mark.parametrize("number", range(1, 16))
def test_channel_configurations(number: int) -> None:
    found, findings, _ = read(in_bits((2, 5), (4, 4), (number, 4), (0, 3)))
    assert (found.channels, found.channel_layout) == (CHANNELS.get(number), LAYOUTS.get(number))
    assert len(findings) == (number not in CHANNELS)
    assert all(0 <= finding.evidence[0].offset < 2 for finding in findings)


LC = ((2, 5), (4, 4), (2, 4))
BUILT = [
    ("960 samples", (*LC, (1, 1), (0, 2)), {"frame_length": 960}),
    ("a core coder", (*LC, (0, 1), (1, 1), (0x1234, 14), (0, 1)), {"frame_length": 1024}),
    ("an extension", (*LC, (0, 2), (1, 1), (0, 1)), {"object_type": "LC"}),
    ("scalable", ((6, 5), *LC[1:], (0, 3), (5, 3)), {"object_type": "Scalable"}),
    ("BSAC", ((22, 5), *LC[1:], (0, 2), (1, 1), (3, 5), (99, 11), (0, 1), (0, 2)), {"object_type": "ER BSAC"}),
    ("ER LC", ((17, 5), *LC[1:], (0, 2), (1, 1), (5, 3), (0, 1), (1, 2)), {"object_type": "ER LC"}),
    ("ER LC, protected", ((17, 5), *LC[1:], (0, 3), (2, 2), (0xFF, 8)), {"object_type": "ER LC"}),
    ("LD", ((23, 5), *LC[1:], (1, 1), (0, 2), (0, 2)), {"object_type": "ER LD", "frame_length": 480}),
    (
        "SBR over BSAC",
        ((5, 5), (7, 4), (1, 4), (4, 4), (22, 5), (2, 4), (0, 3), (0, 2)),
        {"object_type": "ER BSAC", "rate": 44_100, "core_rate": 22_050, "channels": 2, "sbr": True},
    ),
    (
        "SBR at the rate of the core",
        ((5, 5), (4, 4), (2, 4), (4, 4), (2, 5), (0, 3)),
        {"rate": 44_100, "core_rate": 44_100, "sbr": True},
    ),
    (
        "PS is absent",
        (*LC, (0, 3), (0x2B7, 11), (5, 5), (1, 1), (3, 4), (0x548, 11), (0, 1)),
        {"rate": 48_000, "sbr": True, "ps": False, "channels": 2},
    ),
    (
        "an extension of BSAC",
        (*LC, (0, 3), (0x2B7, 11), (22, 5), (1, 1), (3, 4), (2, 4)),
        {"rate": 48_000, "sbr": True},
    ),
    ("an extension that nobody knows", (*LC, (0, 3), (0x2B7, 11), (7, 5), (0xFF, 8)), {"sbr": None, "rate": 44_100}),
    (
        "ELD with SBR at twice the rate",
        ((31, 5), (7, 6), (6, 4), (2, 4), (0, 1), (0, 3), (1, 1), (1, 1), (0, 8)),
        {"object_type": "ER ELD", "core_rate": 24_000, "rate": 48_000, "sbr": True, "frame_length": 512},
    ),
    (
        "ELD",
        ((31, 5), (7, 6), (3, 4), (1, 4), (1, 1), (0, 3), (0, 1), (0, 8)),
        {"object_type": "ER ELD", "rate": 48_000, "sbr": False, "frame_length": 480},
    ),
    (
        "an element with all there is",
        (
            *((2, 5), (3, 4), (0, 4), (0, 3)),
            *((1, 4), (1, 2), (3, 4), (2, 4), (1, 4), (1, 4), (1, 2), (2, 3), (1, 4)),
            *((1, 1), (9, 4), (1, 1), (9, 4), (1, 1), (2, 2), (1, 1)),
            *((0, 1), (0, 4), (1, 1), (0, 4), (1, 1), (1, 4), (0, 1), (1, 4), (0, 4), (0, 4), (1, 4), (1, 1), (0, 4)),
        ),
        {"channels": 7},
    ),
    ("a type that nobody knows", ((10, 5), *LC[1:], (0xFF, 11)), {"object_type": "unknown_10", "frame_length": None}),
    ("an escaped type that nobody knows", ((31, 5), (63, 6), *LC[1:]), {"object_type": "unknown_95"}),
]


@pytest.mark.parametrize(("values", "expected"), [case[1:] for case in BUILT], ids=[case[0] for case in BUILT])
def test_what_is_rare(values: tuple[tuple[int, int], ...], expected: dict[str, object]) -> None:
    data = in_bits(*values) + (b"\x02hi" if expected == {"channels": 7} else b"")  # the element ends with a comment
    found, findings, cursor = read(data)
    assert {name: getattr(found, name) for name in expected} == expected
    assert findings == []
    assert_nested(tuple(cursor.fields), 0, len(data))
    assert covered(tuple(cursor.fields)) == cursor.position
    assert cursor.left == (1 if expected.get("sbr", 0) is None else 0)  # a type of extension that is not known


def test_the_fields_show_bits_that_share_bytes() -> None:
    _, _, cursor = read(bytes.fromhex("2b920800"))
    assert [(field.name, field.start, field.stop, field.mask, field.label) for field in cursor.fields][:6] == [
        ("audio object type", 0, 1, 0xF8, "5 SBR"),
        ("sampling frequency index", 0, 2, 0x0780, "7 22050 Hz"),
        ("channel configuration", 1, 2, 0x78, "2 stereo"),
        ("extension sampling frequency index", 1, 3, 0x0780, "4 44100 Hz"),
        ("core audio object type", 2, 3, 0x7C, "2 LC"),
        ("frame length flag", 2, 3, 0x02, "0 1024 samples"),
    ]


@pytest.mark.parametrize("data", [case[0] for case in VECTORS])
def test_what_was_read_stays_where_bits_run_out(data: str) -> None:
    whole = bytes.fromhex(data)
    for size in range(len(whole)):
        cursor, found = Cursor(whole[:size]), AacConfiguration()
        with suppress(Malformed):
            audio_specific_config(cursor, found, [])
        assert covered(tuple(cursor.fields)) == cursor.position
        assert (found.object_type is None) == (size == 0 or (size == 1 and whole[0] >> 3 == 31))


def test_bits_that_are_missing_are_named() -> None:
    with pytest.raises(Malformed, match=r"^sampling frequency index needs 4 bits, has 3$"):
        read(b"\x12")


def test_a_record_that_breaks_off_has_words_too() -> None:
    assert AacConfiguration().text == ""
    assert AacConfiguration("SBR", 22_050, 22_050, 2, "stereo", True).text == "HE-AAC 22.05 kHz stereo"
    assert AacConfiguration("Main", 44_100, 22_050, 2, "stereo", True).text == "Main with SBR 44.1 kHz stereo"


# ADTS


def adts(size: int, absent: int = 1) -> bytes:
    head = in_bits(
        (0xFFF, 12), (0, 3), (absent, 1), (1, 2), (4, 4), (0, 1), (2, 3), (0, 4), (size, 13), (0x7FF, 11), (0, 2)
    )
    return head + bytes(size - len(head))


def test_adts_is_known_by_its_length() -> None:
    data = adts(20)
    assert is_adts(b"\0" + data, 1, 21)
    assert not is_adts(data, 0, 19)
    assert not is_adts(data + b"\0", 0, 21)
    assert not is_adts(data[:6], 0, 6)
    assert not is_adts(bytes(20), 0, 20)


@pytest.mark.parametrize(("absent", "stop", "count"), [(1, 7, 12), (0, 9, 13)])
def test_the_header_of_adts(absent: int, stop: int, count: int) -> None:
    cursor = Cursor(adts(20, absent))
    adts_header(cursor)
    (group,) = cursor.fields
    assert (group.name, group.start, group.stop, len(group.children)) == ("ADTS header", 0, stop, count)
    assert cursor.position == stop
    labels = {field.name: field.label for field in group.children}
    assert labels["syncword"] == "0xfff"
    assert labels["profile"] == "1 LC"
    assert labels["sampling frequency index"] == "4 44100 Hz"
    assert labels["frame length"] == "20"
    assert {field.role for field in group.children} == {Role.MEDIA_HEADER}
