"""Packets become segments: IPv4 and IPv6 with all that may stand before TCP, and lengths that say one thing or lie."""

from __future__ import annotations

from ipaddress import ip_address
from itertools import pairwise
from struct import pack, pack_into

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpsniff.capture.packet import Packet
from rtmpsniff.transport.fragments import Fragments
from rtmpsniff.transport.link import LINKS
from rtmpsniff.transport.tcp import Endpoint, Segment, endpoints, reverse, segment_of
from tests.build import ACK, FIN, PSH, RST, SYN, Conversation

law = settings(deadline=None)  # a busy machine breaks no law

ETHERNET, RAW = 1, 101
PAYLOAD = bytes(range(100, 160))
ADDRESSES = {4: ("10.0.0.1", "10.0.0.2"), 6: ("fd00::1", "fd00::2")}
TCP, FRAGMENT, AUTHENTICATION, ENCRYPTED, NOTHING = 6, 44, 51, 50, 59


def packet(data: bytes, link: int = ETHERNET, wire_length: int | None = None) -> Packet:
    return Packet(0, 1, 0, link, data, len(data) if wire_length is None else wire_length)


def frame(version: int = 4, payload: bytes = PAYLOAD, flags: int = ACK) -> bytearray:
    """An Ethernet frame that carries one segment from client to server."""
    client, server = ADDRESSES[version]
    talk = Conversation((client, 50000), (server, 1935), timestamps=False)
    return bytearray(talk.segment("client", payload, flags=flags).data)


def patched(place: int, value: bytes, version: int = 4, payload: bytes = PAYLOAD) -> bytearray:
    """The frame with something else at one place of its IP packet."""
    data = frame(version, payload)
    data[14 + place : 14 + place + len(value)] = value
    return data


def read(data: bytes | bytearray) -> Segment | None:
    return segment_of(packet(bytes(data)))


def payload_of(data: bytes | bytearray) -> bytes:
    segment = read(data)
    assert segment is not None
    assert segment.missing_tail == 0
    return segment.payload


def with_ipv4_options(options: bytes) -> bytes:
    data = frame()
    data[14] = 0x40 | 5 + len(options) // 4
    pack_into(">H", data, 16, len(data) - 14 + len(options))
    return bytes(data[:34]) + options + bytes(data[34:])


def with_extensions(*kinds: int, size: int = 8) -> bytes:
    """The IPv6 frame with these extension headers of `size` bytes each before TCP."""
    data = frame(6)
    headers = b""
    for kind, following in zip(kinds, (*kinds, TCP)[1:], strict=True):
        length = size // 4 - 2 if kind == AUTHENTICATION else size // 8 - 1
        headers += pack("BB", following, length) + bytes(size - 2)
    data[20] = (*kinds, TCP)[0]
    pack_into(">H", data, 18, len(data) - 54 + len(headers))
    return bytes(data[:54]) + headers + bytes(data[54:])


@pytest.mark.parametrize("version", [4, 6])
def test_everything_a_segment_says(version: int) -> None:
    client, server = ADDRESSES[version]
    talk = Conversation((client, 50000), (server, 1935), client_sequence=0xFFFFFFFF, server_sequence=7)
    sent = packet(talk.segment("client", PAYLOAD, flags=PSH | ACK).data)
    segment = segment_of(sent)
    assert segment is not None
    assert segment[:7] == (sent, segment.key, 0, 8, PSH | ACK, PAYLOAD, 0)
    assert endpoints(segment.key) == (Endpoint(client, 50000), Endpoint(server, 1935))


@pytest.mark.parametrize("version", [4, 6])
def test_the_key_of_the_answer_is_the_reverse(version: int) -> None:
    client, server = ADDRESSES[version]
    talk = Conversation((client, 50000), (server, 1935))
    question, answer = (segment_of(packet(made.data)) for made in talk.open()[:2])
    assert question is not None
    assert answer is not None
    assert (question.reverse, reverse(question.reverse)) == (answer.key, question.key)


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [(Endpoint("10.0.0.1", 1935), "10.0.0.1:1935"), (Endpoint("fd00::1", 1935), "[fd00::1]:1935")],
)
def test_endpoint_as_text(endpoint: Endpoint, text: str) -> None:
    assert str(endpoint) == text


@pytest.mark.parametrize("flags", [SYN, SYN | ACK, ACK, FIN | ACK, RST, RST | ACK, PSH | ACK])
def test_flags(flags: int) -> None:
    segment = read(frame(flags=flags))
    assert segment is not None
    assert segment.flags == flags


def test_tcp_options_are_no_payload() -> None:
    talk = Conversation(timestamps=True)
    assert payload_of(talk.segment("client", PAYLOAD).data) == PAYLOAD


@pytest.mark.parametrize("size", [4, 8, 40])
def test_ipv4_options(size: int) -> None:
    assert payload_of(with_ipv4_options(b"\x01" * size)) == PAYLOAD


@pytest.mark.parametrize(
    ("name", "bits", "whole"),
    [
        ("may be fragmented", 0x0000, True),
        ("do not fragment", 0x4000, True),
        ("the reserved bit", 0x8000, True),
        ("more fragments follow", 0x2000, False),
        ("the last fragment", 0x00B9, False),
        ("a fragment in the middle", 0x20B9, False),
    ],
)
def test_ipv4_fragments_are_no_segments(name: str, bits: int, whole: bool) -> None:
    assert (read(patched(6, pack(">H", bits))) is not None) is whole


def test_total_length_0_is_left_to_the_network_card() -> None:
    assert payload_of(patched(2, b"\0\0")) == PAYLOAD


def test_total_length_0_of_a_cut_frame_goes_by_the_wire() -> None:
    data = patched(2, b"\0\0")
    segment = segment_of(packet(bytes(data[:-20]), wire_length=len(data)))
    assert segment is not None
    assert (segment.payload, segment.missing_tail) == (PAYLOAD[:-20], 20)


@pytest.mark.parametrize("version", [4, 6])
def test_padding_is_no_payload(version: int) -> None:
    assert payload_of(frame(version, b"ab") + bytes(6)) == b"ab"
    assert payload_of(frame(version, b"") + bytes(6)) == b""


def test_ipv6_length_0_is_left_to_the_network_card() -> None:
    assert payload_of(patched(4, b"\0\0", version=6)) == PAYLOAD


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("none", ()),
        ("hop-by-hop options", (0,)),
        ("routing", (43,)),
        ("destination options", (60,)),
        ("authentication", (AUTHENTICATION,)),
        ("mobility, host identity, shim6", (135, 139, 140)),
        ("several", (0, 43, AUTHENTICATION, 60)),
        ("as many as there may be", (0,) + 15 * (60,)),
    ],
)
@pytest.mark.parametrize("size", [8, 24])
def test_ipv6_extension_headers(name: str, kinds: tuple[int, ...], size: int) -> None:
    assert payload_of(with_extensions(*kinds, size=size)) == PAYLOAD


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("encrypted", (0, ENCRYPTED)),
        ("nothing follows", (NOTHING,)),
        ("one too many", 17 * (60,)),
    ],
)
def test_ipv6_without_a_readable_segment(name: str, kinds: tuple[int, ...]) -> None:
    assert read(with_extensions(*kinds)) is None


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("UDP", patched(9, b"\x11")),
        ("UDP over IPv6", patched(6, b"\x11", version=6)),
        ("version 6 where IPv4 was announced", patched(0, b"\x65")),
        ("version 4 where IPv6 was announced", patched(0, b"\x40", version=6)),
        ("a packet that ends inside its IPv4 header", patched(2, pack(">H", 19))),
        ("a packet that ends inside its TCP header", patched(2, pack(">H", 39))),
        ("an IPv6 packet that ends inside its TCP header", patched(4, pack(">H", 19), version=6)),
        ("a TCP header shorter than it can be", patched(20 + 12, b"\x40")),
        ("a TCP header longer than the packet", patched(20 + 12, b"\xf0", payload=b"short")),
        ("ARP", bytes(12) + b"\x08\x06" + bytes(28)),
    ],
)
def test_no_segment(name: str, data: bytes | bytearray) -> None:
    assert read(data) is None


def test_no_segment_in_an_ipv4_header_shorter_than_it_can_be() -> None:
    data = patched(20 + 8, b"\x50\x10")  # would stand where the TCP header has its length and flags
    assert read(data) is not None
    data[14] = 0x44
    assert read(data) is None


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("link", [ETHERNET, RAW])
def test_frame_cut_at_every_length(version: int, link: int) -> None:
    whole = bytes(frame(version))
    if link == RAW:
        whole = whole[14:]
    for size in range(len(whole)):
        segment = segment_of(packet(whole[:size], link, len(whole)))
        captured = size - (len(whole) - len(PAYLOAD))
        if captured < 0:
            assert segment is None
        else:
            assert segment is not None
            assert (segment.payload, segment.missing_tail) == (PAYLOAD[:captured], len(PAYLOAD) - captured)


def test_frame_cut_inside_the_tcp_options_keeps_its_place() -> None:
    made = Conversation(timestamps=True).segment("client", PAYLOAD).data
    segment = segment_of(packet(made[: 14 + 20 + 20 + 4], wire_length=len(made)))
    assert segment is not None
    assert (segment.sequence, segment.payload, segment.missing_tail) == (1_000_001, b"", len(PAYLOAD))


# Fragments (what becomes of them in every order is in `test_fragments`)


def pieces(version: int, *cuts: int, identification: int = 7) -> list[bytes]:
    """The frame as fragments: its IP payload cut at these places, each a multiple of 8."""
    whole = bytes(frame(version))
    head, payload = (whole[:34], whole[34:]) if version == 4 else (whole[:54], whole[54:])
    found = []
    for start, stop in pairwise((0, *cuts, len(payload))):
        part, more = payload[start:stop], stop < len(payload)
        data = bytearray(head)
        if version == 4:
            pack_into(">HHH", data, 16, 20 + len(part), identification, start // 8 | (0x2000 if more else 0))
            found.append(bytes(data) + part)
        else:
            data[20] = FRAGMENT
            pack_into(">H", data, 18, 8 + len(part))
            found.append(bytes(data) + pack(">BxHL", TCP, start | more, identification) + part)
    return found


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_fragments_become_a_segment(version: int, order: tuple[int, ...]) -> None:
    fragments = Fragments()
    parts = pieces(version, 8, 48)
    assert segment_of(packet(parts[order[0]]), fragments) is None
    assert segment_of(packet(parts[order[1]]), fragments) is None
    segment = segment_of(packet(parts[order[2]]), fragments)
    whole = read(bytes(frame(version)))
    assert segment is not None
    assert whole is not None
    assert (segment.payload, segment.sequence, segment.key) == (PAYLOAD, whole.sequence, whole.key)
    assert fragments.taken == 3


def test_an_ipv6_fragment_that_is_the_whole() -> None:
    assert payload_of(pieces(6)[0]) == PAYLOAD


def test_a_fragment_that_the_snapshot_length_cut() -> None:
    fragments = Fragments()
    first, second = pieces(4, 48)
    cut = packet(first[:-8], wire_length=len(first))
    assert segment_of(cut, fragments) is None
    segment = segment_of(packet(second), fragments)
    assert segment is not None
    assert (segment.payload, segment.missing_tail) == (PAYLOAD[:20], len(PAYLOAD) - 20)


def test_fragments_of_other_packets_do_not_mix() -> None:
    fragments = Fragments()
    ours, others = pieces(4, 48), pieces(4, 48, identification=8)
    assert segment_of(packet(ours[0]), fragments) is None
    assert segment_of(packet(others[1]), fragments) is None
    tagged = ours[1][:12] + b"\x81\0\0\x05" + ours[1][12:]
    assert segment_of(packet(tagged), fragments) is None  # in another VLAN
    assert segment_of(packet(ours[1]), fragments) is not None


def test_fragments_that_cannot_hold_tcp_are_not_held() -> None:
    fragments = Fragments()
    for protocol in (1, ENCRYPTED, NOTHING):
        data = bytearray(pieces(4, 48)[0])
        data[23] = protocol
        assert segment_of(packet(bytes(data)), fragments) is None
    assert fragments.taken == 0


def test_fragments_of_udp_that_is_no_tunnel_are_not_kept() -> None:
    fragments = Fragments()
    first, second = (bytearray(part) for part in pieces(4, 48))
    first[23] = second[23] = 17
    for data in (first, second):
        assert segment_of(packet(bytes(data)), fragments) is None
    fragments.end()
    assert (fragments.taken, fragments.incomplete, fragments.budget.held) == (0, 0, 0)


@pytest.mark.parametrize("tag", [b"", b"vab", bytes(16)])
@pytest.mark.parametrize("version", [4, 6])
def test_a_key_with_a_tag(version: int, tag: bytes) -> None:
    segment = read(frame(version))
    assert segment is not None
    key = segment.key + tag
    assert endpoints(key) == endpoints(segment.key)
    assert reverse(key) == segment.reverse + tag
    assert reverse(reverse(key)) == key


@law
@given(st.sampled_from([*LINKS, 147]), st.binary(max_size=120), st.integers(0, 0xFFFFFFFF))
def test_whatever_the_bytes_nothing_is_raised(link: int, data: bytes, wire_length: int) -> None:
    segment = segment_of(packet(data, link, wire_length))
    assert segment is None or segment.missing_tail >= 0


@law
@given(
    st.sampled_from([bytes(frame(4)), bytes(frame(6)), with_ipv4_options(bytes(8)), with_extensions(0, 43, 51)]),
    st.lists(st.tuples(st.integers(14, 80), st.integers(0, 255)), max_size=4),
    st.integers(0, 140),
)
def test_whatever_is_wrong_with_a_frame_its_payload_lies_inside_it(
    data: bytes, changes: list[tuple[int, int]], size: int
) -> None:
    changed = bytearray(data)
    for place, value in changes:
        changed[place] = value
    segment = segment_of(packet(bytes(changed[:size]), wire_length=len(changed)))
    if segment is not None:
        assert segment.payload in changed[:size]
        assert segment.missing_tail >= 0
        assert len(segment.key) in {12, 36}
        assert not segment.tag
        assert [str(ip_address(end.address)) for end in endpoints(segment.key)]
