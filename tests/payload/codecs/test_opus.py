from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor, Malformed, Truncated
from rtmpsniff.findings import Finding
from rtmpsniff.payload.codecs.opus import OpusConfiguration, OpusPacket, identification_header, packet
from tests.payload.test_bodies import assert_nested

MAGIC = "4f70757348656164"


def read(data: str) -> tuple[OpusConfiguration, list[Finding]]:
    cursor, found, findings = Cursor(bytes.fromhex(data)), OpusConfiguration(), list[Finding]()
    identification_header(cursor, found, findings)
    assert cursor.left == 0
    assert_nested(tuple(cursor.fields), 0, len(cursor.data))
    return found, findings


HEADERS = [
    ("01 02 3801 80bb0000 0000 00", "48 kHz stereo", OpusConfiguration(1, 2, 312, 48_000, 0.0, 0)),
    ("01 01 0000 401f0000 00ff 00", "48 kHz mono", OpusConfiguration(1, 1, 0, 8_000, -1.0, 0)),
    (
        "01 06 3801 44ac0000 8000 01 04 02 000401020305",
        "48 kHz 5.1",
        OpusConfiguration(1, 6, 312, 44_100, 0.5, 1, 4, 2, (0, 4, 1, 2, 3, 5)),
    ),
    (
        "0f 03 3801 80bb0000 0000 ff 03 00 000102",
        "48 kHz 3 channels",
        OpusConfiguration(15, 3, 312, 48_000, 0.0, 255, 3, 0, (0, 1, 2)),
    ),
    ("01 04 3801 80bb0000 0000 03 04 00", "48 kHz 4 channels", OpusConfiguration(1, 4, 312, 48_000, 0.0, 3, 4, 0)),
]


@pytest.mark.parametrize(("data", "text", "expected"), HEADERS, ids=[case[0] for case in HEADERS])
def test_identification_headers(data: str, text: str, expected: OpusConfiguration) -> None:
    found, findings = read(MAGIC + data)
    assert (found, findings) == (expected, [])
    assert found.text == text
    assert found.rate == 48_000


def test_headers_that_are_none() -> None:
    with pytest.raises(Malformed, match="does not begin with"):
        read("4f70757348656165 01")
    with pytest.raises(Malformed, match="version 16 is not known"):
        read(MAGIC + "10 02")
    with pytest.raises(Truncated, match="channel mapping needs 6 bytes, has 1"):
        read(MAGIC + "01 06 3801 80bb0000 0000 01 04 02 00")


def test_no_channels() -> None:
    found, findings = read(MAGIC + "01 00 0000 80bb0000 0000 00")
    assert [finding.title for finding in findings] == ["Opus with 0 channels"]
    assert found.text == "48 kHz 0 channels"


def test_what_was_read_stays() -> None:
    found = OpusConfiguration()
    with pytest.raises(Truncated):
        identification_header(Cursor(bytes.fromhex(MAGIC + "01 02 38")), found, [])
    assert found == OpusConfiguration(1, 2)
    assert found.channel_layout is None


# Packets

PACKETS = [
    ("f8", "CELT fullband 20 ms", OpusPacket("celt", "fullband", 20, 1, 1), 960),
    ("fc", "CELT fullband 20 ms", OpusPacket("celt", "fullband", 20, 2, 1), 960),
    ("80", "CELT narrowband 2.5 ms", OpusPacket("celt", "narrowband", 2.5, 1, 1), 120),
    ("00", "SILK narrowband 10 ms", OpusPacket("silk", "narrowband", 10, 1, 1), 480),
    ("5d", "SILK wideband 2 x 60 ms", OpusPacket("silk", "wideband", 60, 2, 2), 5760),
    ("7a", "hybrid fullband 2 x 20 ms", OpusPacket("hybrid", "fullband", 20, 1, 2), 1920),
    ("ff 83", "CELT fullband 3 x 20 ms", OpusPacket("celt", "fullband", 20, 2, 3), 2880),
    ("ff", "CELT fullband 20 ms", OpusPacket("celt", "fullband", 20, 2, None), None),
]


@pytest.mark.parametrize(("data", "text", "expected", "samples"), PACKETS, ids=[case[0] for case in PACKETS])
def test_packets(data: str, text: str, expected: OpusPacket, samples: int | None) -> None:
    for start in (0, 5):
        cursor = Cursor(bytes(start) + bytes.fromhex(data), start)
        found = packet(cursor)
        assert found == expected
        assert found is not None
        assert (found.text, found.samples) == (text, samples)
        assert cursor.left == 0
        assert_nested(tuple(cursor.fields), start, len(cursor.data))


def test_the_fields_of_a_packet() -> None:
    cursor = Cursor(bytes.fromhex("ff83"))
    packet(cursor)
    assert [(field.name, field.label, field.mask, field.start) for field in cursor.fields] == [
        ("configuration", "31 celt fullband 20 ms", 0xF8, 0),
        ("stereo", "1 stereo", 0x04, 0),
        ("code", "3 frames counted", 0x03, 0),
        ("VBR", "1", 0x80, 1),
        ("padding", "0", 0x40, 1),
        ("frame count", "3", 0x3F, 1),
    ]


def test_every_first_byte_has_a_meaning() -> None:
    durations = set()
    for byte in range(256):
        found = packet(Cursor(bytes([byte, 1])))
        assert found is not None
        durations.add((found.mode, found.frame_duration))
    assert durations == {
        *(("silk", time) for time in (10, 20, 40, 60)),
        *(("hybrid", time) for time in (10, 20)),
        *(("celt", time) for time in (2.5, 5, 10, 20)),
    }
    assert packet(Cursor(b"")) is None
