"""The kernel's packet filter, made by ourselves: classic BPF that lets TCP on the wanted ports through.

Gives instructions as the kernel takes them (SO_ATTACH_FILTER). Of a frame it knows Ethernet, with any tags that the
kernel left in it, and raw IP for all devices that are no Ethernet; IPv4 and IPv6 with their extension headers.
Fragments of IP pass, since only the first of them has ports. A loopback device shows every packet twice, on its way out
and in: the first is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from struct import Struct
from typing import Final, NamedTuple

from rtmpsniff.errors import UserError

ETHERNET_DEVICE: Final = 1  # ARPHRD_ETHER
LOOPBACK_DEVICE: Final = 772  # ARPHRD_LOOPBACK, whose frames are Ethernet as well
OUTGOING: Final = 4  # PACKET_OUTGOING

MOST_INSTRUCTIONS: Final = 4096  # BPF_MAXINSNS

# Operations, by the names of the assembler in the kernel's documentation (networking/filter).
LDH_AT_X, LDB_AT_X = 0x48, 0x50  # A = 16 or 8 bits at [X + k]
LDH, LDB, LD = 0x28, 0x30, 0x20  # A = 16, 8 or 32 bits at [k]
LD_MEMORY, STORE = 0x60, 0x02  # A = M[k], M[k] = A
LDX = 0x01  # X = k
TAX, TXA = 0x07, 0x87
ADD, ADD_X, AND, SHIFT_LEFT = 0x04, 0x0C, 0x54, 0x64
JUMP, JUMP_EQUAL, JUMP_SET = 0x05, 0x15, 0x45
RETURN = 0x06

# What the kernel knows of a packet beside its bytes stands at these addresses (SKF_AD_OFF + ...).
_ANCILLARY: Final = 0xFFFFF000
PACKET_TYPE: Final = _ANCILLARY + 4
INTERFACE: Final = _ANCILLARY + 8
DEVICE_TYPE: Final = _ANCILLARY + 28

_IPV4, _IPV6 = 0x0800, 0x86DD
_TAGS: Final = (0x8100, 0x88A8, 0x9100)
_MOST_TAGS: Final = 3
_TCP, _FRAGMENT, _AUTHENTICATION = 6, 44, 51
_HEADERS_IN_EIGHTS: Final = (0, 43, 60)
_MOST_EXTENSIONS: Final = 4
_FRAGMENTED: Final = 0x3FFF  # more fragments follow, or this is not the first

_INSTRUCTION: Final = Struct("HBBI")


class Instruction(NamedTuple):
    """One instruction: what it does, how far it jumps if true and if false, its operand."""

    code: int
    if_true: int
    if_false: int
    operand: int


class FilterTooLong(UserError):
    """The kernel takes no program as long as this would be."""


class _Assembler:
    """Instructions and labels; every jump goes forward to a label."""

    def __init__(self) -> None:
        self._code: list[tuple[int, int, int, int | str]] = []
        self._labels: dict[str, int] = {}

    def add(self, code: int, operand: int = 0) -> None:
        self._code.append((code, 0, 0, operand))

    def label(self, name: str) -> None:
        self._labels[name] = len(self._code)

    def go(self, label: str) -> None:
        self._code.append((JUMP, 0, 0, label))

    def go_if(self, values: Sequence[int], label: str, code: int = JUMP_EQUAL) -> None:
        """To the label if A is one of the values. Each is two instructions: only JUMP reaches farther than 255."""
        for value in values:
            self._code.append((code, 0, 1, value))
            self.go(label)

    def splice(self, program: Sequence[Instruction]) -> None:
        """A program from elsewhere: its jumps stay within it."""
        self._code.extend(program)

    def program(self) -> list[Instruction]:
        done = []
        for place, (code, if_true, if_false, operand) in enumerate(self._code):
            target = self._labels[operand] - place - 1 if isinstance(operand, str) else operand
            done.append(Instruction(code, if_true, if_false, target))
        if len(done) > MOST_INSTRUCTIONS:
            raise FilterTooLong("too many ports, or too long an expression, for the kernel's filter")
        return done


class Narrowing(NamedTuple):
    """A further condition, as programs for Ethernet frames and for raw IP."""

    ethernet: Sequence[Instruction]
    raw: Sequence[Instruction]


def rtmp_filter(
    ports: Collection[int],
    snapshot_length: int,
    interfaces: Collection[int] = (),
    narrowing: Narrowing | None = None,
) -> list[Instruction]:
    """Lets TCP from and to `ports` through, cut to `snapshot_length` bytes.

    `interfaces` are indices, for a socket that hears all of them; `narrowing` must hold as well. Raises
    `FilterTooLong`.
    """
    asm = _Assembler()
    _choose_device(asm, interfaces)
    _find_network_header(asm)
    _ipv4(asm)
    _ipv6(asm)
    asm.label("ports")
    for offset in (2, 0):
        asm.add(LDH_AT_X, offset)
        asm.go_if(sorted(ports), "accept")
    asm.label("reject")
    asm.add(RETURN, 0)
    asm.label("accept")
    if narrowing is None:
        asm.add(RETURN, snapshot_length)
    else:
        asm.add(LD, DEVICE_TYPE)
        asm.go_if((ETHERNET_DEVICE, LOOPBACK_DEVICE), "narrow Ethernet")
        asm.splice(narrowing.raw)
        asm.label("narrow Ethernet")
        asm.splice(narrowing.ethernet)
    return asm.program()


def packed(program: Sequence[Instruction]) -> bytes:
    """The program as the kernel has it in memory: an array of struct sock_filter."""
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in program)


def _choose_device(asm: _Assembler, interfaces: Collection[int]) -> None:
    if interfaces:
        asm.add(LD, INTERFACE)
        asm.go_if(sorted(interfaces), "wanted")
        asm.go("reject")
        asm.label("wanted")
    asm.add(LD, DEVICE_TYPE)
    asm.go_if((ETHERNET_DEVICE,), "ethernet")
    asm.go_if((LOOPBACK_DEVICE,), "loopback")
    asm.go("raw")
    asm.label("loopback")
    asm.add(LD, PACKET_TYPE)
    asm.go_if((OUTGOING,), "reject")


def _find_network_header(asm: _Assembler) -> None:
    """X becomes its offset. The kernel takes the outer VLAN tag of what it receives away; more may be there."""
    asm.label("ethernet")
    asm.add(LDX, 14)
    asm.add(LDH, 12)
    for depth in range(_MOST_TAGS + 1):
        asm.go_if((_IPV4,), "IPv4")
        asm.go_if((_IPV6,), "IPv6")
        if depth == _MOST_TAGS:
            break
        asm.go_if(_TAGS, f"tag {depth}")
        asm.go("reject")
        asm.label(f"tag {depth}")
        asm.add(LDH_AT_X, 2)
        _advance(asm, 4)
    asm.go("reject")
    asm.label("raw")
    asm.add(LDX, 0)
    asm.add(LDB, 0)
    asm.add(AND, 0xF0)
    asm.go_if((0x40,), "IPv4")
    asm.go_if((0x60,), "IPv6")
    asm.go("reject")


def _advance(asm: _Assembler, size: int) -> None:
    """X += size, and A stays."""
    asm.add(STORE, 0)
    asm.add(TXA)
    asm.add(ADD, size)
    asm.add(TAX)
    asm.add(LD_MEMORY, 0)


def _ipv4(asm: _Assembler) -> None:
    asm.label("IPv4")
    asm.add(LDB_AT_X, 9)
    asm.go_if((_TCP,), "IPv4 with TCP")
    asm.go("reject")
    asm.label("IPv4 with TCP")
    asm.add(LDH_AT_X, 6)
    asm.go_if((_FRAGMENTED,), "accept", JUMP_SET)
    asm.add(LDB_AT_X, 0)
    asm.add(AND, 0x0F)
    asm.add(SHIFT_LEFT, 2)
    asm.add(ADD_X)
    asm.add(TAX)
    asm.go("ports")


def _ipv6(asm: _Assembler) -> None:
    asm.label("IPv6")
    asm.add(LDB_AT_X, 6)
    _advance(asm, 40)
    for depth in range(_MOST_EXTENSIONS + 1):
        asm.go_if((_TCP,), "ports")
        asm.go_if((_FRAGMENT,), "fragment")
        if depth == _MOST_EXTENSIONS:
            break
        asm.go_if(_HEADERS_IN_EIGHTS, f"eights {depth}")
        asm.go_if((_AUTHENTICATION,), f"fours {depth}")
        asm.go("reject")
        # Behind this header: its own length stands in its second byte, in units of eight bytes after the first eight,
        # of an authentication header in units of four after the first eight (RFC 8200, 4; RFC 4302, 2.2).
        asm.label(f"fours {depth}")
        asm.add(LDB_AT_X, 1)
        asm.add(ADD, 2)
        asm.add(SHIFT_LEFT, 2)
        asm.go(f"behind {depth}")
        asm.label(f"eights {depth}")
        asm.add(LDB_AT_X, 1)
        asm.add(ADD, 1)
        asm.add(SHIFT_LEFT, 3)
        asm.label(f"behind {depth}")
        asm.add(ADD_X)
        asm.add(STORE, 1)
        asm.add(LDB_AT_X, 0)
        asm.add(STORE, 0)
        asm.add(LD_MEMORY, 1)
        asm.add(TAX)
        asm.add(LD_MEMORY, 0)
    asm.go("reject")
    asm.label("fragment")
    asm.add(LDB_AT_X, 0)
    asm.go_if((_TCP,), "accept")
    asm.go("reject")
