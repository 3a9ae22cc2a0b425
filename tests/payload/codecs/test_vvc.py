from __future__ import annotations

import pytest

from rtmpsniff.fields import Cursor, Malformed
from rtmpsniff.findings import Finding
from rtmpsniff.payload.codecs.bits import Bits
from rtmpsniff.payload.codecs.configuration import Configuration
from rtmpsniff.payload.codecs.vvc import VVC, decoder_configuration, level_name, sequence_parameter_set
from tests.payload.codecs.test_bits import golomb, packed

# By FFmpeg 9 with libvvenc, of 322x242 pixels; the SPS is cut behind the bit depth
RECORD = (
    "ff 0065 5f 01 0220 80 00 00 0148 00f8 0000 02 8f 0001 0010 007900ab022080000080 29203e72486a 90 0001 0002 0081"
)


def configured(record: str) -> tuple[Configuration, list[Finding], Cursor]:
    read, found, findings = Cursor(bytes.fromhex(record)), Configuration(), list[Finding]()
    decoder_configuration(read, found, findings)
    return found, findings, read


@pytest.mark.parametrize("before", ["", "00000000"])
def test_records(before: str) -> None:
    found, findings, read = configured(before + RECORD)
    assert found.text == "Main 10 2.0, 322x242, 10 bit"
    assert (found.nal_length_size, found.parameter_sets, found.tier) == (4, ["SPS", "PPS"], "main")
    assert findings == []
    assert read.left == 0
    assert (read.fields[0].name == "box version and flags") is bool(before)


def test_a_record_without_a_profile() -> None:
    found, _, read = configured("fe 01 8d 0002 0069")  # of decoding capability information there is one
    assert (found.text, found.nal_length_size, found.parameter_sets) == ("", 4, ["DCI"])
    assert read.left == 0


def test_a_record_with_layers_and_profiles_below() -> None:
    found, _, read = configured("ff 0035 1f 01 0333 80 40 20 01 00000007 0140 00f0 1900 00")
    assert found.text == "Main 10 3.1 high tier, 320x240 25 fps"
    labels = {field.name: field.label for field in read.fields}
    assert labels["sublayer_level_idc[0]"] == "32 2.0"
    assert labels["general_sub_profile_idc[0]"] == "7"


def test_a_record_without_room_for_its_flags() -> None:
    with pytest.raises(Malformed, match="num_bytes_constraint_info: 0, but"):
        configured("ff 0065 5f 00 0220 80")


def sps(profile: str, rest: str) -> Configuration:
    found = Configuration()
    read = Cursor(packed(f"{0:08b}000" + "01" + "00" + profile + rest))
    sequence_parameter_set(Bits(read), found)
    return found


SIZE = golomb(64) * 2 + "0"


def test_what_is_plain_of_a_sequence_parameter_set() -> None:
    constrained = "1" + f"{1:07b}0{32:08b}" + "10" + "1"
    assert sps(constrained, SIZE).text == "Main 10 2.0"  # behind general constraints nothing is plain
    assert sps("0", "0" + "1" + "1" + SIZE + "0" + golomb(2)).text == "64x64, 10 bit"
    assert sps("0", "0" + "0" + SIZE + "1").text == "64x64"  # subpictures


@pytest.mark.parametrize(("level", "name"), [(16, "1.0"), (51, "3.1"), (86, "5.2"), (96, "6.0")])
def test_levels(level: int, name: str) -> None:
    assert level_name(level) == name


def test_types_of_units() -> None:
    assert [VVC.names[byte] for byte in (0x01, 0x39, 0x41, 0x79, 0x81, 0xA1)] == [
        "TRAIL",
        "IDR_W_RADL",
        "IDR_N_LP",
        "SPS",
        "PPS",
        "AUD",
    ]
