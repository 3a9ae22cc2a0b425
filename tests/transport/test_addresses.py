"""Addresses in headers: every layer that is masked, what is wiped, what is refused; checksums stay what they were."""

from __future__ import annotations

import pytest

from rtmpsniff.analysis.hosts import Hosts
from rtmpsniff.transport.addresses import HeaderAddresses
from tests.build import Talk, checksum, session

CLIENT, SERVER = bytes([192, 0, 2, 77]), bytes([198, 51, 100, 9])
MASKED = bytes([10, 0, 0, 1, 10, 0, 0, 2])


def frame() -> bytearray:
    """The first one of a session, from the client."""
    return bytearray(session(Talk(("192.0.2.77", 50_000), ("198.51.100.9", 1935))).frames[0].data)


def masking() -> HeaderAddresses:
    return HeaderAddresses(Hosts().number)


def is_right(packet: bytes | bytearray) -> bool:
    """Whether both checksums of an IPv4 packet with TCP are."""
    ip = bytes(packet)
    size = (ip[0] & 15) * 4
    pseudo = ip[12:20] + b"\0\6" + (len(ip) - size).to_bytes(2, "big")
    return checksum(ip[:size]) == 0 and checksum(pseudo + ip[size:]) == 0


def test_ethernet_and_ipv4() -> None:
    data = frame()
    assert is_right(data[14:])
    assert masking().mask(data, 1, is_finished=True)
    assert data[26:34] == MASKED
    assert [data[:6].hex(), data[6:12].hex()] == ["020000000001", "020000000002"]
    assert is_right(data[14:])


def test_the_same_address_has_the_same_mask_in_both_directions() -> None:
    masks = masking()
    there, back = (bytearray(one.data) for one in session(Talk()).frames[:2])
    assert masks.mask(there, 1, is_finished=True)
    assert masks.mask(back, 1, is_finished=True)
    assert there[26:30] == back[30:34]
    assert there[:6] == back[6:12]


@pytest.mark.parametrize(
    ("link", "head", "masked"),
    [
        (101, b"", b""),
        (0, b"\2\0\0\0", b"\2\0\0\0"),
        (113, bytes(4) + b"\0\6abcdefgh\x08\0", bytes(4) + b"\0\6\2\0\0\0\0\1\0\0\x08\0"),
        (276, b"\x08\0" + bytes(10) + b"abcdefgh", b"\x08\0" + bytes(10) + b"\2\0\0\0\0\1\0\0"),
        (1, bytes(12) + b"\x81\0\0\7\x08\0", bytes(12) + b"\x81\0\0\7\x08\0"),
    ],
)
def test_other_links_and_tags(link: int, head: bytes, masked: bytes) -> None:
    data = bytearray(head + frame()[14:])
    assert masking().mask(data, link, is_finished=True)
    assert data[: len(head)] == masked
    assert is_right(data[len(head) :])


def test_options_and_what_follows_the_packet_are_wiped() -> None:
    data = frame()
    size = len(data) - 14 + 4
    data[14:34] = b"\x46" + data[15:16] + size.to_bytes(2, "big") + data[18:24] + bytes(2) + data[26:34] + b"\x07\4\4x"
    data[24:26] = checksum(bytes(data[14:38])).to_bytes(2, "big")
    data += b"frame check sequence"
    assert is_right(data[14 : 14 + size])
    assert masking().mask(data, 1, is_finished=True)
    assert data[34:38] == b"\1\1\1\1"
    assert is_right(data[14 : 14 + size])
    assert data[14 + size :] == bytes(20)


def test_a_checksum_that_a_card_would_complete_goes_along_too() -> None:
    data = frame()

    def pseudo(addresses: bytes) -> bytes:
        inverse = checksum(addresses + b"\0\6" + (len(data) - 34).to_bytes(2, "big"))
        return (0xFFFF - inverse).to_bytes(2, "big")

    data[50:52] = pseudo(CLIENT + SERVER)
    assert masking().mask(data, 1, is_finished=False)
    assert data[50:52] == pseudo(MASKED)


def test_a_later_fragment_has_no_checksum_to_mend() -> None:
    data = frame()
    data[20:22] = b"\0\7"
    before = data[34:]
    assert masking().mask(data, 1, is_finished=True)
    assert data[26:34] == MASKED
    assert data[34:] == before


def test_a_packet_that_was_cut_off_is_masked_as_far_as_it_is_there() -> None:
    data = frame()[:44]
    assert masking().mask(data, 1, is_finished=True)
    assert data[26:34] == MASKED
    assert len(data) == 44


@pytest.mark.parametrize(
    ("link", "change"),
    [
        (1, (12, b"\x88\x47")),  # MPLS
        (1, (23, b"\x11")),  # UDP
        (1, (14, b"\x65")),  # no IPv4
        (127, (0, b"")),  # radiotap
        (9, (0, b"")),  # PPP
    ],
)
def test_what_is_not_understood_is_refused_and_left_alone(link: int, change: tuple[int, bytes]) -> None:
    data = frame()
    at, new = change
    data[at : at + len(new)] = new
    before = bytes(data)
    assert not masking().mask(data, link, is_finished=True)
    assert data == before


@pytest.mark.parametrize(("following", "wanted"), [(6, True), (44, True), (43, False), (0, False)])
def test_extension_headers_may_hold_addresses(following: int, wanted: bool) -> None:
    tcp = bytes(20)
    extension = b"" if following == 6 else bytes([6, 0]) + bytes(6)
    if following == 44:
        extension = bytes([6, 0, 0, 1, 0, 0, 0, 9])  # the first fragment
    ip = b"\x60\0\0\0" + (len(extension) + 20).to_bytes(2, "big") + bytes([following, 64]) + bytes(range(32))
    data = bytearray(ip + extension + tcp)
    assert masking().mask(data, 101, is_finished=True) == wanted
    assert (data[8:40] == bytes(range(32))) != wanted
