"""The kernel's packet filter, run by a small machine of our own; `test_ring` has the kernel run it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from struct import pack

import pytest

from rtmpsniff.capture import bpf
from rtmpsniff.capture.bpf import FilterTooLong, Instruction, Narrowing, packed, rtmp_filter

ALL = 262_144
ETHERNET, LOOPBACK, TUNNEL = 1, 772, 65534


def verdict(  # noqa: C901, PLR0912 - a line for each instruction
    program: Sequence[Instruction], frame: bytes, device: int = ETHERNET, interface: int = 2, kind: int = 0
) -> int:
    """How many bytes of the frame the program lets through; loads beyond its end reject, as in the kernel."""
    a = x = 0
    memory = [0] * 16
    known = {bpf.DEVICE_TYPE: device, bpf.INTERFACE: interface, bpf.PACKET_TYPE: kind}

    def load(at: int, size: int) -> int | None:
        if at in known:
            return known[at]
        return int.from_bytes(frame[at : at + size], "big") if at >= 0 and at + size <= len(frame) else None

    at = 0
    while True:
        code, if_true, if_false, k = program[at]
        at += 1
        value: int | None = 0
        match code:
            case bpf.RETURN:
                return k
            case bpf.LD | bpf.LDH | bpf.LDB:
                value = load(k, {bpf.LD: 4, bpf.LDH: 2, bpf.LDB: 1}[code])
                a = value or 0
            case bpf.LDH_AT_X | bpf.LDB_AT_X:
                value = load(x + k, 2 if code == bpf.LDH_AT_X else 1)
                a = value or 0
            case bpf.LDX:
                x = k
            case bpf.LD_MEMORY:
                a = memory[k]
            case bpf.STORE:
                memory[k] = a
            case bpf.TAX:
                x = a
            case bpf.TXA:
                a = x
            case bpf.ADD:
                a += k
            case bpf.ADD_X:
                a += x
            case bpf.AND:
                a &= k
            case bpf.SHIFT_LEFT:
                a <<= k
            case bpf.JUMP:
                at += k
            case bpf.JUMP_EQUAL:
                at += if_true if a == k else if_false
            case bpf.JUMP_SET:
                at += if_true if a & k else if_false
            case _:
                raise AssertionError(code)
        if value is None:
            return 0


def ipv4(body: bytes, *, protocol: int = 6, fragment: int = 0, options: bytes = b"") -> bytes:
    first = 0x45 + len(options) // 4
    head = pack(
        ">BBHHHBBH4s4s", first, 0, 20 + len(options) + len(body), 7, fragment, 64, protocol, 0, b"\1" * 4, b"\2" * 4
    )
    return head + options + body


def ipv6(body: bytes, following: int = 6) -> bytes:
    return pack(">IHBB16s16s", 6 << 28, len(body), following, 64, b"\1" * 16, b"\2" * 16) + body


def tcp(source: int = 40000, target: int = 1935) -> bytes:
    return pack(">HHIIHHHH", source, target, 1, 2, 0x5010, 100, 0, 0) + b"payload"


def frame(packet: bytes, *tags: int) -> bytes:
    kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    return bytes(12) + b"".join(pack(">HH", tag, 5) for tag in tags) + pack(">H", kind) + packet


PASS = {
    "to the port": frame(ipv4(tcp())),
    "from the port": frame(ipv4(tcp(1935, 40000))),
    "another port that was asked for": frame(ipv4(tcp(40000, 19350))),
    "IPv4 with options": frame(ipv4(tcp(), options=bytes(8))),
    "a first fragment": frame(ipv4(tcp(), fragment=0x2000)),
    "a later fragment": frame(ipv4(b"no ports here", fragment=0x0010)),
    "a tag": frame(ipv4(tcp()), 0x8100),
    "two tags": frame(ipv4(tcp()), 0x88A8, 0x8100),
    "three tags": frame(ipv4(tcp()), 0x9100, 0x88A8, 0x8100),
    "IPv6": frame(ipv6(tcp())),
    "IPv6 from the port": frame(ipv6(tcp(1935, 4))),
    "IPv6 behind a tag": frame(ipv6(tcp()), 0x8100),
    "IPv6 with options": frame(ipv6(bytes([6, 1]) + bytes(14) + tcp(), 0)),
    "IPv6 with two extension headers": frame(ipv6(bytes([43, 0]) + bytes(6) + bytes([6, 0]) + bytes(6) + tcp(), 60)),
    "IPv6 with authentication": frame(ipv6(bytes([6, 4]) + bytes(22) + tcp(), 51)),
    "an IPv6 fragment": frame(ipv6(bytes([6, 0, 1, 0, 0, 0, 0, 1]) + b"no ports", 44)),
}
REJECT = {
    "another port": frame(ipv4(tcp(40000, 1936))),
    "UDP": frame(ipv4(tcp(), protocol=17)),
    "a fragment of UDP": frame(ipv4(b"....", protocol=17, fragment=0x0010)),
    "ARP": bytes(12) + b"\x08\x06" + bytes(28),
    "four tags": frame(ipv4(tcp()), *[0x8100] * 4),
    "IPv6 to another port": frame(ipv6(tcp(4, 5))),
    "IPv6 without TCP": frame(ipv6(tcp(), 17)),
    "an IPv6 fragment of UDP": frame(ipv6(bytes([17, 0, 1, 0, 0, 0, 0, 1]) + b"no ports", 44)),
    "a frame cut off inside TCP": frame(ipv4(tcp()))[:35],
    "nothing": b"",
}


@pytest.mark.parametrize("name", PASS)
def test_rtmp_passes(name: str) -> None:
    assert verdict(rtmp_filter([1935, 19350], ALL), PASS[name]) == ALL


@pytest.mark.parametrize("name", REJECT)
def test_the_rest_does_not(name: str) -> None:
    assert verdict(rtmp_filter([1935, 19350], ALL), REJECT[name]) == 0


def test_the_snapshot_length_is_what_passes() -> None:
    assert verdict(rtmp_filter([1935], 96), PASS["to the port"]) == 96


def test_on_a_loopback_device_packets_are_taken_once() -> None:
    program = rtmp_filter([1935], ALL)
    assert verdict(program, PASS["to the port"], LOOPBACK, kind=0) == ALL
    assert verdict(program, PASS["to the port"], LOOPBACK, kind=bpf.OUTGOING) == 0
    assert verdict(program, PASS["to the port"], ETHERNET, kind=bpf.OUTGOING) == ALL


def test_tunnels_have_no_link_header() -> None:
    program = rtmp_filter([1935], ALL)
    assert verdict(program, ipv4(tcp()), TUNNEL) == ALL
    assert verdict(program, ipv6(tcp()), TUNNEL) == ALL
    assert verdict(program, ipv4(tcp(4, 5)), TUNNEL) == 0
    assert verdict(program, b"\x15nonsense", TUNNEL) == 0


def test_a_socket_that_hears_all_interfaces_is_narrowed_to_some() -> None:
    program = rtmp_filter([1935], ALL, interfaces=[2, 7])
    assert [verdict(program, PASS["IPv6"], interface=index) for index in (1, 2, 3, 7)] == [0, ALL, 0, ALL]


def test_a_narrowing_must_hold_as_well() -> None:
    ttl_64 = [
        Instruction(bpf.LDB, 0, 0, 14 + 8),
        Instruction(bpf.JUMP_EQUAL, 0, 1, 64),
        Instruction(6, 0, 0, 90),
        Instruction(6, 0, 0, 0),
    ]
    never = [Instruction(bpf.RETURN, 0, 0, 0)]
    program = rtmp_filter([1935], ALL, narrowing=Narrowing(ttl_64, never))
    wanted = PASS["to the port"]
    assert verdict(program, wanted) == 90
    assert verdict(program, wanted[:22] + b"\x01" + wanted[23:]) == 0
    assert verdict(program, REJECT["another port"]) == 0
    assert verdict(program, ipv4(tcp()), TUNNEL) == 0


def test_many_ports_are_no_matter_and_too_many_are_told() -> None:
    program = rtmp_filter(range(1, 901), ALL)
    assert verdict(program, frame(ipv4(tcp(40000, 900)))) == ALL
    assert verdict(program, frame(ipv4(tcp(40000, 901)))) == 0
    with pytest.raises(FilterTooLong):
        rtmp_filter(range(1, 2000), ALL)


def test_no_frame_makes_it_run_astray() -> None:
    """Whatever comes, there is a verdict, and it is all or nothing."""
    program = rtmp_filter([1935], ALL)
    source = random.Random(7)
    for wanted in PASS.values():
        for _ in range(60):
            wrong = bytearray(wanted)
            wrong[source.randrange(len(wrong))] = source.randrange(256)
            assert verdict(program, bytes(wrong[: source.randrange(len(wrong) + 1)])) in {0, ALL}


def test_it_is_packed_as_the_kernel_has_it() -> None:
    assert packed([Instruction(0x15, 1, 2, 0x1234)]) == pack("=HBBI", 0x15, 1, 2, 0x1234)
