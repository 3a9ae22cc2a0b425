"""IP headers: what they say, and where what they carry begins and ends; all ways to it are in `test_tcp`."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.transport.internet import Extensions, Fragment, Internet, extensions, ipv4, ipv6

ADDRESSES4 = bytes([10, 0, 0, 1, 10, 0, 0, 2])
ADDRESSES6 = bytes(range(32))


def four(total: int, bits: int = 0, protocol: int = 6) -> bytes:
    return pack(">BBHHHBBH8s", 0x45, 0, total, 0x1234, bits, 64, protocol, 0, ADDRESSES4)


def six(length: int, following: int = 6) -> bytes:
    return pack(">LHBB32s", 0x60000000, length, following, 64, ADDRESSES6)


def test_ipv4() -> None:
    data = b"ab" + four(60) + bytes(40)
    assert ipv4(data, 2, 100) == Internet(ADDRESSES4, 6, 22, 62, b"\x12\x34", None)


def test_ipv4_of_length_0_ends_with_the_frame() -> None:
    found = ipv4(four(0), 0, 1500)
    assert found is not None
    assert found.stop == 1500


@pytest.mark.parametrize(
    ("bits", "fragment"),
    [
        (0x4000, None),
        (0x2000, Fragment(0, more=True)),
        (0x00B9, Fragment(1480, more=False)),
        (0x3FFF, Fragment(65528, more=True)),
    ],
)
def test_ipv4_fragments(bits: int, fragment: Fragment | None) -> None:
    found = ipv4(four(60, bits), 0, 60)
    assert found is not None
    assert found.fragment == fragment


def test_ipv6() -> None:
    assert ipv6(six(20) + bytes(20), 0, 100) == Internet(ADDRESSES6, 6, 40, 60, b"", None)


def test_ipv6_fragments() -> None:
    data = six(24, 60) + pack(">BB6x", 44, 0) + pack(">BxHL", 6, 1480 | 1, 0x01020304) + bytes(8)
    assert ipv6(data, 0, 100) == Internet(ADDRESSES6, 6, 56, 64, b"\1\2\3\4", Fragment(1480, more=True))


def test_sixteen_extension_headers_and_no_more() -> None:
    header = bytes([60, 0]) + bytes(6)
    last = bytes([6, 0]) + bytes(6)
    assert extensions(15 * header + last, 60, 0) == Extensions(6, 128)
    assert extensions(16 * header + last, 60, 0) is None


@given(st.binary(max_size=80), st.integers(0, 90))
def test_whatever_the_bytes(data: bytes, start: int) -> None:
    for found in (ipv4(data, start, len(data)), ipv6(data, start, len(data))):
        assert found is None or (found.start >= start + 20 and len(found.addresses) in {8, 32})
