"""Live capture where there is no packet ring: scapy's sockets over libpcap or Npcap, for the raw bytes alone.

scapy takes most of a second to load, so only who captures so loads it; its dissection is never used. It shows no count
of what the kernel dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Protocol

from rtmpsniff.capture.interfaces import ANY
from rtmpsniff.capture.packet import Packet, Statistics, Uncut, uncut
from rtmpsniff.errors import UserError
from rtmpsniff.text import printable

MOST_AT_ONCE: Final = 1000
_LINKS: Final = {"Ether": 1, "Loopback": 0, "CookedLinux": 113, "CookedLinuxV2": 276, "IP": 101, "IPv6": 101}


class _Socket(Protocol):
    def recv_raw(self, size: int) -> tuple[Any, bytes | None, float | None]: ...
    def close(self) -> None: ...


def expression_for(ports: Collection[int], further: str = "", *, tagged: bool = True) -> str:
    """The filter in libpcap's own language: ports, fragments of TCP, and each of them behind a VLAN tag."""
    on_ports = " or ".join(f"tcp port {port}" for port in sorted(ports))
    plain = f"({on_ports} or (ip[6:2] & 0x3fff != 0 and ip proto 6) or ip6 proto 44)"
    # `vlan` shifts all offsets in what stands behind it, so it comes last.
    wanted = f"({plain} or (vlan and {plain}))" if tagged else plain
    return f"({further}) and {wanted}" if further else wanted


class PortableSource:
    """Packets from scapy's sockets, one for each interface."""

    def __init__(
        self,
        names: Sequence[str],
        ports: Collection[int],
        *,
        snapshot_length: int,
        promiscuous: bool = True,
        expression: str = "",
        listen: Callable[..., _Socket] | None = None,
    ) -> None:
        self.packets = 0
        self.bytes = 0
        self.notices: list[str] = []
        self._snapshot_length = snapshot_length
        if ANY in names:
            raise UserError("any: only Linux can listen to all interfaces at once; say them one by one")
        listen = listen or _scapy_socket()
        filters = [expression_for(ports, expression, tagged=tagged) for tagged in (True, False)]
        self._sockets: list[_Socket] = []
        try:
            for name in names:
                self._sockets.append(_open(listen, name, filters, promiscuous))
        except BaseException:
            self.close()
            raise

    def read(self, timeout: float) -> list[Uncut]:
        """What there is, waiting for it up to `timeout` seconds."""
        until = time.monotonic() + timeout
        packets: list[Packet] = []
        while not packets and time.monotonic() < until:
            for listener in self._sockets:
                self._take(listener, packets)
            if not packets:
                time.sleep(0.005)
        packets.sort(key=lambda packet: packet.time)
        numbered = [packet._replace(number=self.packets + at) for at, packet in enumerate(packets, 1)]
        self.packets += len(numbered)
        self.bytes += sum(packet.wire_length for packet in numbered)
        return list(uncut(numbered))

    def _take(self, listener: _Socket, packets: list[Packet]) -> None:
        for _ in range(MOST_AT_ONCE):
            kind, data, seconds = listener.recv_raw(1 << 18)
            if not data:
                return
            moment = time.time_ns() if seconds is None else round(seconds * 1_000_000) * 1000
            link = _LINKS.get(getattr(kind, "__name__", ""), 1)
            packets.append(Packet(0, 0, moment, link, data[: self._snapshot_length], len(data)))

    def statistics(self) -> Statistics:
        """What was read; nobody knows what was not."""
        return Statistics(self.packets, 0)

    def close(self) -> None:
        for listener in self._sockets:
            listener.close()


def _open(listen: Callable[..., _Socket], name: str, filters: Sequence[str], promiscuous: bool) -> _Socket:
    """The first filter that libpcap takes: not every kind of link can have VLAN tags."""
    reason = ""
    for wanted in filters:
        try:
            return listen(iface=name, filter=wanted, promisc=promiscuous)
        except OSError:
            raise
        except Exception as error:
            reason = str(error)
    raise UserError(f"{printable(name)}: {printable(reason)}")


def _scapy_socket() -> Callable[..., _Socket]:
    try:
        from scapy.config import conf  # noqa: PLC0415 - 0.7 s, for those who need it

        conf.use_pcap = True
        from scapy.arch import libpcap  # noqa: PLC0415 - reads what was set above
    except ImportError:
        raise UserError("live capture on this system takes scapy: pip install scapy") from None

    def listen(**options: Any) -> _Socket:
        listener = libpcap.L2pcapListenSocket(**options)
        listener.pcap_fd.setnonblock(True)  # else it waits for a packet, however long that takes
        opened: _Socket = listener
        return opened

    return listen
