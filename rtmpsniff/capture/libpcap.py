"""A filter expression becomes a BPF program: the one thing that libpcap is asked for, where it is installed.

Its names of hosts are looked up by libpcap, as tcpdump does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Final

from rtmpsniff.capture.bpf import Instruction, Narrowing
from rtmpsniff.errors import UserError
from rtmpsniff.text import printable

_NAMES: Final = ("libpcap.so.1", "libpcap.so.0.8", "libpcap.so", "libpcap.A.dylib", "wpcap.dll")
_ETHERNET: Final = 1
_RAW: Final = 12  # DLT_RAW, as libpcap numbers it here
_NO_NETMASK: Final = 0xFFFFFFFF


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("operand", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction))]


def compile_expression(expression: str, snapshot_length: int, names: Sequence[str] = _NAMES) -> Narrowing:
    """The programs of a filter expression. Raises `UserError` where it is wrong, or libpcap is not there."""
    library = _library(names)
    raw = _compile(library, _RAW, expression, snapshot_length)
    return Narrowing(_compile(library, _ETHERNET, expression, snapshot_length), raw)


def _library(names: Sequence[str]) -> Any:
    for name in names:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.pcap_open_dead.restype = ctypes.c_void_p
        library.pcap_geterr.restype = ctypes.c_char_p
        for function in (library.pcap_geterr, library.pcap_close):
            function.argtypes = [ctypes.c_void_p]
        return library
    raise UserError("--bpf: expressions are compiled by libpcap, which is not installed; --port needs none")


def _compile(library: Any, link: int, expression: str, snapshot_length: int) -> list[Instruction]:
    handle = ctypes.c_void_p(library.pcap_open_dead(link, snapshot_length))
    try:
        program = _Program()
        done = library.pcap_compile(handle, ctypes.byref(program), expression.encode(), 1, ctypes.c_uint32(_NO_NETMASK))
        if done:
            reason = library.pcap_geterr(handle).decode(errors="replace")
            raise UserError(f"--bpf {printable(expression)}: {printable(reason)}")
        made = [program.instructions[index] for index in range(program.length)]
        instructions = [Instruction(one.code, one.if_true, one.if_false, one.operand) for one in made]
        library.pcap_freecode(ctypes.byref(program))
        return instructions
    finally:
        library.pcap_close(handle)
