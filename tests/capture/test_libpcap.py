"""Expressions are compiled by libpcap, where it is installed."""

from __future__ import annotations

import pytest

from rtmpsniff.capture.libpcap import compile_expression
from rtmpsniff.errors import UserError


def has_libpcap() -> bool:
    try:
        compile_expression("tcp", 1000)
    except UserError:
        return False
    return True


needs_libpcap = pytest.mark.skipif(not has_libpcap(), reason="libpcap is not installed")


@needs_libpcap
def test_there_is_a_program_for_each_kind_of_device() -> None:
    narrowing = compile_expression("src port 1935", 1000)
    assert narrowing.ethernet[-2][3] == 1000  # `ret #snapshot length`, then `ret #0`
    assert narrowing.raw[-2][3] == 1000
    assert narrowing.ethernet[0] == (0x28, 0, 0, 12)  # ldh [12]: the EtherType
    assert narrowing.raw[0] == (0x30, 0, 0, 0)  # ldb [0]: the IP version


@needs_libpcap
def test_a_wrong_expression_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match=r"--bpf tcp and and: .*syntax error"):
        compile_expression("tcp and and", 1000)


def test_without_libpcap_that_is_said() -> None:
    with pytest.raises(UserError, match="libpcap, which is not installed"):
        compile_expression("tcp", 1000, names=["libnosuch.so"])
