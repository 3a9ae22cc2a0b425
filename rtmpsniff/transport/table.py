"""The connections that are known, by their addresses and ports, in whatever network they were seen.

There is room for so many of them: a flood of new ones makes those give way that matter least.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from rtmpsniff.capture.packet import Origin
from rtmpsniff.transport.connection import Connection, Flow
from rtmpsniff.transport.tcp import ACK, SYN, Segment

MOST_CONNECTIONS: Final = 16_384


class Table:
    """Finds a segment's direction by its key."""

    def __init__(self) -> None:
        self.flows: dict[bytes, Flow] = {}
        # Those that began, did not end and await nothing: their segments take the short way.
        self.plain: dict[bytes, Flow] = {}
        self._begun = 0  # connections

    def __repr__(self) -> str:
        return f"<Table of {len(self.flows)} directions>"

    def add(self, client_key: bytes, begun: Origin, whole: bool, tag: bytes) -> Connection:
        """A new connection, in the place of what had its addresses and ports before."""
        connection = Connection(client_key, begun, whole, self.plain, tag)
        for flow in connection.flows:
            self.flows.pop(flow.key, None)  # so that the new one stands last, as the youngest
            self.flows[flow.key] = flow
        return connection

    def forget(self, connection: Connection) -> None:
        for flow in connection.flows:
            if self.flows.get(flow.key) is flow:
                del self.flows[flow.key]

    def clients(self) -> list[Flow]:
        """One direction of each connection."""
        return [flow for flow in self.flows.values() if flow.sender == "client"]

    # Networks that share addresses.

    def in_its_network(self, segment: Segment) -> Segment:
        """The segment with the key of its connection.

        One connection is often seen in several networks: with and without its VLAN tag, in a tunnel and behind it, each
        direction in a network of its own. So addresses and ports are the key, wherever they are seen, until two
        connections in different networks have the same: then the tag is part of the key of the one that has a tag.
        """
        flow = self.flows.get(segment.key)
        if flow is None or flow.connection.tag == segment.tag:
            return segment
        own = segment.key + segment.tag
        if segment.tag and own in self.flows:
            return segment._replace(key=own)
        if flow.connection.closed or self._continues(flow, segment):
            return segment
        if segment.tag:
            return segment._replace(key=own)
        self._set_apart(flow.connection)  # what has no tag has no other key
        return segment

    @staticmethod
    def _continues(flow: Flow, segment: Segment) -> bool:
        """Whether a segment from another network belongs to this flow, by its sequence numbers."""
        if flow.started:
            sequence = segment.sequence + (1 if segment.flags & SYN else 0)
            return flow.began_at(sequence) if segment.flags & SYN else flow.is_near(sequence)
        peer = flow.peer
        acknowledges = segment.flags & ACK and peer.started
        return not acknowledges or peer.is_near(segment.acknowledgement)

    def _set_apart(self, connection: Connection) -> None:
        """Key a connection by its tag as well."""
        for flow in connection.flows:
            if self.flows.get(flow.key) is flow:
                del self.flows[flow.key]
                plain = self.plain.pop(flow.key, None)
                flow.key += connection.tag
                self.flows[flow.key] = flow
                if plain is flow:
                    self.plain[flow.key] = flow

    # Room for new ones.

    def make_room(self, now: int) -> list[Connection]:
        """One more is about to begin: forget those that are over, and give those that must end for it, if any.

        Where few are over, a quarter of the others goes: first those that nobody ever answered (a flood of SYNs), then
        those in which nothing has moved for longest.
        """
        self._begun += 1
        if self._begun % max(MOST_CONNECTIONS // 8, 1) == 0:
            for flow in self.flows.values():
                flow.connection.look(now)
        if len(self.flows) < 2 * MOST_CONNECTIONS:
            return []
        for key in [key for key, flow in self.flows.items() if flow.connection.closed]:
            del self.flows[key]
        if len(self.flows) < 3 * MOST_CONNECTIONS // 2:
            return []
        connections = dict.fromkeys(flow.connection for flow in self.flows.values())
        return sorted(connections, key=attrgetter("answered", "moved"))[: len(connections) // 4]
