"""The Linux kernel's packet ring (AF_PACKET, TPACKET_V3): memory that it fills with packets and we read in place.

The kernel fills block after block, hands one over when it is full or `RETIRE` has passed since its first packet, and
drops and counts packets when none is free (packet(7), Documentation/networking/packet_mmap). To open a ring takes
CAP_NET_RAW; all else here works without it, so rights can be dropped in between. Nothing here can send: the socket is
opened for no protocol, bound to receive, and never written to.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import select
import socket
import time
from collections.abc import Callable, Collection, Sequence
from struct import Struct
from typing import Final

from rtmpsniff.capture.bpf import ETHERNET_DEVICE, LOOPBACK_DEVICE, Instruction, Narrowing, packed, rtmp_filter
from rtmpsniff.capture.interfaces import ANY
from rtmpsniff.capture.packet import Statistics, Uncut

BLOCK_SIZE: Final = (
    256 * 1024
)  # takes the largest packets; smaller ones would not, larger ones fill the ring in no time
DEFAULT_RING: Final = 64 << 20
RETIRE: Final = 50  # ms
TIME_BETWEEN_LOOKS: Final = 0.25  # s, at the state of interfaces

ETHERNET: Final = 1  # link types
RAW: Final = 101

_SOL_PACKET: Final = 263
_ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION = 1, 5, 6, 10
_TPACKET_V3: Final = 2
_PROMISCUOUS: Final = 1
_ATTACH_FILTER: Final = 26
_ALL_PROTOCOLS: Final = 3
_GET_FLAGS, _GET_INDEX = 0x8913, 0x8933  # SIOCGIFFLAGS, SIOCGIFINDEX
_IFF_UP: Final = 0x1

_REQUEST: Final = Struct("@IIIIIII")  # tpacket_req3
_STATISTICS_V3: Final = Struct("@III")  # packets, drops, freezes; the first counts the second as well
_MEMBERSHIP: Final = Struct("@iHH8x")  # packet_mreq
_FLAGS: Final = Struct("@16sH14x")  # ifreq
_INDEX: Final = Struct("@16si12x")  # ifreq
_ADDRESS: Final = Struct("@HHi12x")  # sockaddr_ll
_PROGRAM: Final = Struct("@HP")  # sock_fprog

_STATUS: Final = Struct("@I")
_STATUS_AT: Final = 8  # in a block: behind version and offset of the private area
_BLOCK: Final = Struct("@IIII")  # from there on: status, number of packets, offset of the first, length in use
_USER: Final = 1  # the block is ours to read
# tpacket3_hdr and the sockaddr_ll behind it: offset of the next, seconds, nanoseconds, captured length, length, status,
# where the frame begins, VLAN tag, its protocol; then interface, device type.
_HEADER: Final = Struct("@IIIIIIH6xIH10x4xiH")
_VLAN_VALID, _VLAN_PROTOCOL_VALID = 0x10, 0x40
_TAG: Final = Struct(">HH")
_CUSTOMER_TAG: Final = 0x8100
_SECOND: Final = 1_000_000_000

_LIBRARY: Final = ctypes.CDLL(None, use_errno=True)


class Ring:
    """An open ring. `read` gives the next block as packets; `notices` collects what happened to the interfaces.

    `names` are interfaces, or "any" alone. Raises `OSError`, among them `PermissionError` without CAP_NET_RAW and
    ENODEV where there is no such interface.
    """

    def __init__(
        self,
        names: Sequence[str],
        ports: Collection[int],
        *,
        snapshot_length: int,
        size: int = DEFAULT_RING,
        promiscuous: bool = True,
        narrowing: Narrowing | None = None,
    ) -> None:
        self.names = list(names)
        self.packets = 0  # read so far
        self.bytes = 0  # of those, on the wire
        self.notices: list[str] = []
        self._make_filter: Callable[[Collection[int]], list[Instruction]] = lambda indices: rtmp_filter(
            ports, snapshot_length, indices, narrowing
        )
        self._promiscuous = promiscuous
        self._received = self._dropped = 0
        self._next_look = 0.0
        self._block = 0
        self._blocks = max(size // BLOCK_SIZE, 4)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # hears nothing before it is bound
        try:
            self._socket.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
            self._states = {name: self._state(name) for name in self.names if name != ANY}
            self._check_names()
            self._set_filter()
            request = _REQUEST.pack(BLOCK_SIZE, self._blocks, 2048, self._blocks * BLOCK_SIZE // 2048, RETIRE, 0, 0)
            self._socket.setsockopt(_SOL_PACKET, _RX_RING, request)
            self._memory = mmap.mmap(self._socket.fileno(), self._blocks * BLOCK_SIZE)
            self._bind()
        except BaseException:
            self._socket.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN | select.POLLERR)

    def __repr__(self) -> str:
        return f"<Ring on {', '.join(self.names)}: {self.packets} packets, block {self._block} of {self._blocks}>"

    def close(self) -> None:
        self._memory.close()
        self._socket.close()

    def read(self, timeout: float) -> list[Uncut]:
        """The packets of the next block; none where none is handed over within `timeout` seconds."""
        if self._next_look <= time.monotonic():
            self._look()
        start = self._block * BLOCK_SIZE
        status, count, first, length = _BLOCK.unpack_from(self._memory, start + _STATUS_AT)
        if not status & _USER:
            if not self._wait(timeout):
                return []
            status, count, first, length = _BLOCK.unpack_from(self._memory, start + _STATUS_AT)
            if not status & _USER:
                return []
        # Copied, since the kernel wants it back: as it is, and not packet by packet.
        packets = self._packets(self._memory[start + first : start + length], count)
        _STATUS.pack_into(self._memory, start + _STATUS_AT, 0)
        self._block = (self._block + 1) % self._blocks
        return packets

    def statistics(self) -> Statistics:
        """The kernel forgets its figures when it has told them, so they are added up here."""
        data = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, _STATISTICS_V3.size)
        received, dropped, _ = _STATISTICS_V3.unpack(data)
        self._received += received
        self._dropped += dropped
        return Statistics(self._received, self._dropped)

    def _packets(self, memory: bytes, count: int) -> list[Uncut]:
        # The hot loop of live capture: all that it touches is local.
        header = _HEADER.unpack_from
        number, total, at = self.packets, 0, 0
        packets: list[Uncut] = []
        add = packets.append
        for _ in range(count):
            step, seconds, fraction, size, length, status, begin, tag, protocol, _, device = header(memory, at)
            block, start = memory, at + begin
            link = ETHERNET
            if device not in {ETHERNET_DEVICE, LOOPBACK_DEVICE}:
                link = RAW
            elif status & _VLAN_VALID:  # the kernel took the tag away and kept it beside
                kind = protocol if status & _VLAN_PROTOCOL_VALID else _CUSTOMER_TAG
                data = memory[start : start + size]
                block, start, size = b"".join((data[:12], _TAG.pack(kind, tag & 0xFFFF), data[12:])), 0, size + 4
                length += 4
            number += 1
            total += length
            add(((0, number, seconds * _SECOND + fraction), link, block, start, start + size, length))
            at += step
        self.packets = number
        self.bytes += total
        return packets

    def _wait(self, timeout: float) -> bool:
        """Whether there may be a block now. An interface that goes down makes an error of the socket, once."""
        events = self._poll.poll(int(timeout * 1000))
        if any(event & select.POLLERR for _, event in events):
            self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._next_look = 0.0
        return bool(events)

    # Interfaces go and come.

    def _look(self) -> None:
        """Tell how the interfaces are, where that has changed, and take up again those that are back."""
        self._next_look = time.monotonic() + TIME_BETWEEN_LOOKS
        for name, (index, up) in list(self._states.items()):
            new_index, now_up = now = self._state(name)
            if now == (index, up):
                continue
            self._states[name] = now
            if not new_index:
                self.notices.append(f"{name} has vanished; it is taken up again when it is back")
            elif now_up and not up:
                self.notices.append(f"{name} is back")
            elif up and not now_up:
                self.notices.append(f"{name} went down")
            if new_index and new_index != index:
                self._set_filter()
                self._bind()

    def _check_names(self) -> None:
        for name, (index, _) in self._states.items():
            if not index:
                raise OSError(errno.ENODEV, "no such interface", name)

    def _state(self, name: str) -> tuple[int, bool]:
        """The index of an interface, 0 where there is none by this name, and whether it is up."""
        padded = os.fsencode(name)[:15]
        try:
            index: int = _INDEX.unpack(fcntl.ioctl(self._socket, _GET_INDEX, _INDEX.pack(padded, 0)))[1]
            flags: int = _FLAGS.unpack(fcntl.ioctl(self._socket, _GET_FLAGS, _FLAGS.pack(padded, 0)))[1]
        except OSError as error:
            if error.errno not in {errno.ENODEV, errno.ENXIO}:
                raise
            return 0, False
        return index, bool(flags & _IFF_UP)

    def _set_filter(self) -> None:
        """Several interfaces are one socket that hears all, so that their packets come in the order of time."""
        indices = [index for index, _ in self._states.values() if index]
        program = packed(self._make_filter(indices if len(self._states) > 1 else ()))
        memory = ctypes.create_string_buffer(program, len(program))
        self._socket.setsockopt(
            socket.SOL_SOCKET, _ATTACH_FILTER, _PROGRAM.pack(len(program) // 8, ctypes.addressof(memory))
        )

    def _bind(self) -> None:
        indices = [index for index, _ in self._states.values()]
        if self._promiscuous:
            for index in filter(None, indices):
                self._listen_to_all(index)
        # By the C library, since Python's bind takes only names, and none for all interfaces.
        address = _ADDRESS.pack(socket.AF_PACKET, socket.htons(_ALL_PROTOCOLS), indices[0] if len(indices) == 1 else 0)
        if _LIBRARY.bind(self._socket.fileno(), address, len(address)) and ctypes.get_errno() != errno.ENODEV:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), " ".join(self.names))

    def _listen_to_all(self, index: int) -> None:
        try:
            self._socket.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, _MEMBERSHIP.pack(index, _PROMISCUOUS, 0))
        except OSError as error:
            if error.errno != errno.ENODEV:  # it is gone again
                raise
