"""The program on one page: packets become events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain
from typing import Final

from rtmpsniff.analysis.conversation import Conversation
from rtmpsniff.budget import Budget
from rtmpsniff.capture.files import Captures
from rtmpsniff.capture.packet import Packet, Packets, Uncut, time_of, uncut
from rtmpsniff.rtmp.events import Event
from rtmpsniff.rtmp.session import Sessions
from rtmpsniff.text import plural
from rtmpsniff.transport.connection import RTMP_PORTS
from rtmpsniff.transport.events import Event as StreamEvent
from rtmpsniff.transport.reassembly import Reassembler
from rtmpsniff.tunnel.keylog import KeyLog
from rtmpsniff.tunnel.tunnels import Tunnels

_MOST_LINKS: Final = 4  # link types that nothing reads, of which each is told


class Dissection:
    """One run over packets: iterate it for the events, then ask it what it passed over.

    `conversation` knows, while the run goes on, what its connections are about; what their streams carry only where
    `media` asks for that.
    """

    def __init__(
        self,
        packets: Iterable[Packet] | Packets,
        ports: Collection[int] = (),
        media: bool = False,
        *,
        keys: KeyLog | None = None,
    ) -> None:
        budget = Budget()
        self.base = 0  # time of the first packet, ns since the epoch
        self._packets = packets
        self.transport = Reassembler(RTMP_PORTS | set(ports), budget, datagrams=True)
        self.keys = KeyLog() if keys is None else keys
        if isinstance(packets, Captures):
            self.keys.sources += [file.take_secrets for file in packets.files]
        self._tunnels = Tunnels(ports, budget, self.keys)
        self._rtmp = Sessions(ports, budget)
        self.conversation = Conversation(media)

    def __iter__(self) -> Iterator[Event]:
        return self.conversation.follow(self.bare())

    def watched(self, see: Callable[[StreamEvent], None]) -> Iterator[Event]:
        """The events; `see` is told of what TCP gives before anything comes of it."""
        stream = _told(self.transport.run_uncut(self._from_first()), see)
        return self.conversation.follow(self._rtmp.run(self._tunnels.run(stream)))

    def bare(self) -> Iterator[Event]:
        """The events without anything that is remembered from one to the next."""
        return self._rtmp.run(self._tunnels.run(self.transport.run_uncut(self._from_first())))

    def _from_first(self) -> Iterable[Uncut]:
        packets = self._packets.uncut() if isinstance(self._packets, Packets) else uncut(self._packets)
        for first in packets:
            self.base = time_of(first)
            return chain([first], packets)
        return ()

    @property
    def rtmp_connections(self) -> int:
        """Connections that carried RTMP so far, of whatever variant."""
        return self._rtmp.accepted

    @property
    def sealed_connections(self) -> int:
        """TLS connections that may be RTMPS and could not be decrypted."""
        return self._rtmp.sealed

    @property
    def other_packets(self) -> int:
        """Packets that carried neither TCP that could be read nor RTMFP."""
        return self.transport.unread - self._tunnels.datagrams

    @property
    def duplicates(self) -> int:
        """Segments with data that the capture shows twice; the copies were left out."""
        return self.transport.duplicates.found + self.transport.fragments.copies

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was wrong below the connections, a line each."""
        transport = self.transport
        fragments = transport.fragments
        lines = [
            (self.duplicates, "packet", "captured twice and counted once (a port mirror or a tunnel shows copies)"),
            (fragments.incomplete, "fragmented IP packet", "never complete: some fragments were not captured"),
            (fragments.crowded_out, "fragmented IP packet", "given up: too many were incomplete at once"),
            (transport.evicted, "TCP connection", "given up for newer ones: too many were open at once"),
        ]
        links = sorted(transport.unknown_links.items(), key=lambda link: -link[1])[:_MOST_LINKS]
        lines += [(number, "packet", f"not read: link type {link} is not known") for link, number in links]
        return tuple(f"{plural(number, what)} {how}" for number, what, how in lines if number)

    @property
    def other_connections(self) -> int:
        """TCP connections that were not RTMP, on ports that nobody hinted at."""
        return self._rtmp.others


def _told(stream: Iterable[StreamEvent], see: Callable[[StreamEvent], None]) -> Iterator[StreamEvent]:
    for item in stream:
        see(item)
        yield item


def dissect(packets: Iterable[Packet], ports: Collection[int] = ()) -> Iterator[Event]:
    """Every event of the RTMP sessions in `packets`; `ports` are further ports that carry RTMP."""
    return iter(Dissection(packets, ports))
