"""Tags, labels, PPP and tunnels: a segment is the same wherever it is packed, and whatever is nested ends."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpsniff.capture.packet import Packet
from rtmpsniff.transport.encapsulation import LAYERS, Layer, Reader
from rtmpsniff.transport.fragments import Fragments
from rtmpsniff.transport.tcp import Segment, segment_of
from tests.build import Conversation

law = settings(deadline=None)  # a busy machine breaks no law

ADDRESSES = bytes(12)
PAYLOAD = bytes(range(100, 160))
TAG = bytes.fromhex("81000064")  # 802.1Q, VLAN 100


def inner(version: int = 4) -> bytes:
    """An Ethernet frame with one segment."""
    client, server = {4: ("10.0.0.1", "10.0.0.2"), 6: ("fd00::1", "fd00::2")}[version]
    return Conversation((client, 50000), (server, 1935)).segment("client", PAYLOAD).data


FRAME = inner()
IP4, IP6 = FRAME[14:], inner(6)[14:]


def read(data: bytes, wire_length: int = 0) -> Segment | None:
    return segment_of(Packet(0, 1, 0, 1, data, wire_length or len(data)))


def ethernet(types: str, rest: bytes) -> bytes:
    return ADDRESSES + bytes.fromhex(types) + rest


def ipv4(protocol: int, payload: bytes) -> bytes:
    head = pack(">BBHHHBBH8s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, b"\xc0\0\2\1\xc0\0\2\2")
    return ethernet("0800", head + payload)


def ipv6(protocol: int, payload: bytes) -> bytes:
    return ethernet("86dd", pack(">LHBB32x", 0x60000000, len(payload), protocol, 64) + payload)


def udp(port: int, payload: bytes, source: int = 40000) -> bytes:
    return ipv4(17, pack(">HHHH", source, port, 8 + len(payload), 0) + payload)


def header(text: str) -> bytes:
    return bytes.fromhex(text)


AUTHENTICATED_TCP = header("06 04 0000 00000001 00000001") + bytes(12)
ERSPAN_3 = header("1000 22eb 00000001 2001") + bytes(10)
TEREDO = header("00010000 0000000000000000 00 0000 1234 01020304")

# What is packed, and the tag that tells its network from others.
PACKED = (
    ("nothing", FRAME, b""),
    ("a VLAN tag", ethernet("81000064 0800", IP4), b"v\0\x64"),
    ("a VLAN tag before IPv6", ethernet("81000064 86dd", IP6), b"v\0\x64"),
    ("a priority tag", ethernet("8100e000 0800", IP4), b""),
    ("a VLAN tag with a priority", ethernet("8100efff 0800", IP4), b"v\x0f\xff"),
    ("two tags (802.1ad)", ethernet("88a80001 81000064 0800", IP4), b"v\0\x01v\0\x64"),
    ("old tags", ethernet("91000001 92000002 93000003 0800", IP4), b"v\0\1v\0\2v\0\3"),
    ("VN-Tag", ethernet("8926 00000000 0800", IP4), b""),
    ("802.1BR", ethernet("893f 000000000000 0800", IP4), b""),
    ("802.1ah", ethernet("88e7 00123456", FRAME), b"i\x12\x34\x56"),
    ("one MPLS label", ethernet("8847 000101ff", IP4), b""),
    ("three MPLS labels, IPv6", ethernet("8847 000100ff 000200ff 000301ff", IP6), b""),
    ("multicast MPLS", ethernet("8848 000101ff", IP4), b""),
    ("Ethernet in MPLS with a control word", ethernet("8847 000101ff 00000000", FRAME), b""),
    ("Ethernet in MPLS", ethernet("8847 000101ff", b"\x12" + FRAME[1:]), b""),
    ("PPPoE", ethernet("8864 1100 0007 0066 0021", IP4), b""),
    ("PPPoE, IPv6", ethernet("8864 1100 0007 0200 0057", IP6), b""),
    ("PPPoE with a protocol of one byte", ethernet("8864 1100 0007 0200 21", IP4), b""),
    ("PPPoE with HDLC's bytes", ethernet("8864 1100 0007 0200 ff03 0021", IP4), b""),
    ("MPLS in PPP", ethernet("8864 1100 0007 0200 0281 000101ff", IP4), b""),
    ("NSH, IPv4", ethernet("894f 0fc60101 00000000" + 16 * "00", IP4), b""),
    ("NSH, Ethernet", ethernet("894f 0fc20103 00000000", FRAME), b""),
    ("IP in IP", ipv4(4, IP4), b""),
    ("6in4", ipv4(41, IP6), b""),
    ("4in6", ipv6(4, IP4), b""),
    ("6in6", ipv6(41, IP6), b""),
    ("IPv4 with an authentication header", ipv4(51, AUTHENTICATED_TCP + IP4[20:]), b""),
    ("IP in IP, authenticated", ipv4(51, b"\4" + AUTHENTICATED_TCP[1:] + IP4), b""),
    ("EtherIP", ipv4(97, header("3000") + FRAME), b""),
    ("MPLS in IP", ipv4(137, header("000101ff") + IP4), b""),
    ("GRE", ipv4(47, header("0000 0800") + IP4), b""),
    ("GRE over IPv6", ipv6(47, header("0000 86dd") + IP6), b""),
    ("GRE, Ethernet", ipv4(47, header("0000 6558") + FRAME), b""),
    ("GRE with checksum, key and sequence", ipv4(47, header("b000 0800 00000000 00000001 00000002") + IP4), b""),
    ("GRE with routes", ipv4(47, header("4000 0800 00000000 0800 0004 01020304 0000 0000") + IP4), b""),
    ("NVGRE", ipv4(47, header("2000 6558 12345601") + FRAME), b"n\x12\x34\x56"),
    ("PPTP", ipv4(47, header("3081 880b 00660001 00000001 00000002 0021") + IP4), b""),
    ("ERSPAN I", ipv4(47, header("0000 88be") + FRAME), b""),
    ("ERSPAN II", ipv4(47, header("1000 88be 00000001 1001000000000000") + FRAME), b""),
    ("ERSPAN III", ipv4(47, ERSPAN_3 + FRAME), b""),
    ("ERSPAN III with a subheader", ipv4(47, ERSPAN_3[:-1] + bytes([1] + 8 * [0]) + FRAME), b""),
    ("VXLAN", udp(4789, header("08000000 00abcd00") + FRAME), b"n\x00\xab\xcd"),
    ("VXLAN as Linux had it", udp(8472, header("08000000 00000700") + FRAME), b"n\0\0\7"),
    ("a tag in VXLAN", udp(4789, header("08000000 00000700") + ethernet("81000064 0800", IP4)), b"n\0\0\7v\0\x64"),
    ("VXLAN-GPE", udp(4790, header("0c000001 00000700") + IP4), b"n\0\0\7"),
    ("VXLAN-GPE without a protocol", udp(4790, header("08000000 00000700") + FRAME), b"n\0\0\7"),
    ("GENEVE", udp(6081, header("00006558 00000700") + FRAME), b"n\0\0\7"),
    ("GENEVE with options", udp(6081, header("02000800 00000700") + bytes(8) + IP4), b"n\0\0\7"),
    ("GTP-U", udp(2152, header("30ff0064 00000001") + IP4), b""),
    ("GTP-U with a sequence number", udp(2152, header("32ff0064 00000001 00010000") + IP4), b""),
    ("GTP-U with an extension", udp(2152, header("34ff0064 00000001 00000085 01100900") + IP4), b""),
    ("GTP-U to a port of the phone's", udp(40000, header("30ff0064 00000001") + IP4, source=2152), b""),
    ("Teredo", udp(3544, IP6), b""),
    ("Teredo, authenticated, with its origin", udp(3544, TEREDO + IP6), b""),
    ("L2TP", udp(1701, header("0002 0001 0001 ff03 0021") + IP4), b""),
    ("L2TP with all fields", udp(1701, header("4a02 0100 0001 0001 0001 0002 0002 0000 0021") + IP4), b""),
    ("GRE in UDP", udp(4754, header("0000 0800") + IP4), b""),
    ("MPLS in UDP", udp(6635, header("000101ff") + IP4), b""),
    ("TZSP", udp(37008, header("01000001 0a0133 00 01") + FRAME), b""),
)  # fmt: skip

OTHERS = (
    ("a tag and nothing", ADDRESSES + TAG),
    ("tags without end", ADDRESSES + 300 * TAG + b"\x08\x00" + IP4),
    ("labels without end", ethernet("8847", 400 * header("000100ff") + IP4)),
    ("labels and nothing", ethernet("8847", header("000101ff"))),
    ("PPPoE discovery", ethernet("8863 1109 0000 0004", IP4)),
    ("PPPoE of another version", ethernet("8864 2100 0007 0066 0021", IP4)),
    ("PPP that carries LCP", ethernet("8864 1100 0007 0066 c021", IP4)),
    ("IP in IP without end", ethernet("0800", 40 * ipv4(4, b"")[14:])),
    ("ESP", ipv4(50, IP4)),
    ("GRE of an unknown protocol", ipv4(47, header("0000 1234") + IP4)),
    ("GRE with routes without end", ipv4(47, header("4000 0800 00000000") + 40 * header("0800 0000"))),
    ("EtherIP of another version", ipv4(97, header("2000") + FRAME)),
    ("VXLAN without a network", udp(4789, header("00000000 00000700") + FRAME)),
    ("GENEVE of another version", udp(6081, header("40006558 00000700") + FRAME)),
    ("GTP-U's echo", udp(2152, header("30010064 00000001") + IP4)),
    ("GTP-U with an extension of no length", udp(2152, header("34ff0064 00000001 00000085 00100900") + IP4)),
    ("Teredo with IPv4", udp(3544, IP4)),
    ("an L2TP control message", udp(1701, header("c802 0014 0001 0001 0001 0001") + IP4)),
    ("TZSP without an end", udp(37008, header("01000001") + 200 * header("0a01 33"))),
    ("UDP to another port", udp(53, FRAME)),
    ("NSH of an unknown protocol", ethernet("894f 0fc20109 00000000", FRAME)),
)


@pytest.mark.parametrize(("data", "tag"), [case[1:] for case in PACKED], ids=[case[0] for case in PACKED])
def test_the_segment_inside(data: bytes, tag: bytes) -> None:
    segment = read(data)
    assert segment is not None
    assert (segment.payload, segment.missing_tail, segment.tag) == (PAYLOAD, 0, tag)


@pytest.mark.parametrize(("data", "tag"), [case[1:] for case in PACKED], ids=[case[0] for case in PACKED])
def test_packed_and_cut_anywhere(data: bytes, tag: bytes) -> None:
    for size in range(len(data)):
        segment = read(data[:size], len(data))
        assert segment is None or len(segment.payload) + segment.missing_tail == len(PAYLOAD)
        assert segment is not None or size < len(data) - len(PAYLOAD)


@pytest.mark.parametrize("data", [case[1] for case in OTHERS], ids=[case[0] for case in OTHERS])
def test_nothing_that_can_be_read(data: bytes) -> None:
    assert read(data) is None


def test_every_layer_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()

    def noted(kind: int, reader: Reader) -> Reader:
        def read_and_note(data: bytes, start: int, stop: int) -> Layer | None:
            seen.add(kind)
            return reader(data, start, stop)

        return read_and_note

    for kind, reader in list(LAYERS.items()):
        monkeypatch.setitem(LAYERS, kind, noted(kind, reader))
    for _, data, _ in PACKED:
        read(data)
    assert seen == set(LAYERS)


def test_padding_behind_a_tunnel_is_no_payload() -> None:
    short = Conversation().segment("client", b"ab").data
    cut = short[:16] + b"\0\0" + short[18:]  # the inner total length is left to the network card
    segment = read(udp(4789, header("08000000 00000700") + cut) + b"padding")
    assert segment is not None
    assert segment.payload == b"ab"


def test_a_tunnel_in_fragments() -> None:
    whole = udp(4789, header("08000000 00000700") + FRAME)
    payload = whole[34:]
    fragments = Fragments()
    found = []
    for start, stop, bits in ((64, len(payload), 8), (0, 64, 0x2000)):
        head = whole[14:16] + pack(">HHH", 20 + stop - start, 9, bits) + whole[22:34]
        data = ethernet("0800", head + payload[start:stop])
        found.append(segment_of(Packet(0, 1, 0, 1, data, len(data)), fragments))
    assert found[0] is None
    assert found[1] is not None
    assert found[1].payload == PAYLOAD


def test_long_tags_are_shortened_and_differ() -> None:
    tags = [f"8100000{first}" + 6 * "81000064" + "0800" for first in (1, 2)]
    one, two = (read(ethernet(types, IP4)) for types in tags)
    assert one is not None
    assert two is not None
    assert one.tag != two.tag
    assert len(one.tag) == 16


@law
@given(st.sampled_from([case[1] for case in PACKED]), st.lists(st.tuples(st.integers(12, 120), st.integers(0, 255))))
def test_whatever_is_wrong_nothing_is_raised(data: bytes, changes: list[tuple[int, int]]) -> None:
    changed = bytearray(data)
    for place, value in changes:
        if place < len(changed):
            changed[place] = value
    segment = read(bytes(changed))
    assert segment is None or segment.missing_tail >= 0


@law
@given(st.sampled_from(sorted(LAYERS)), st.binary(max_size=60), st.integers(0, 70))
def test_a_layer_goes_on_behind_its_header(kind: int, data: bytes, start: int) -> None:
    layer = LAYERS[kind](data, start, len(data))
    assert layer is None or layer.start >= start
