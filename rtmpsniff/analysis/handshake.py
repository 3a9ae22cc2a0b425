"""A handshake as a whole: takes its parts as they were judged, gives version, four verdicts and the time it took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast

from rtmpsniff.findings import Finding
from rtmpsniff.rtmp.events import Event, Greeting
from rtmpsniff.rtmp.handshake import ENCRYPTED, software_version
from rtmpsniff.transport.connection import Sender

DigestVerdict: TypeAlias = Literal["D8", "D772", "none", "unseen"]
ReplyVerdict: TypeAlias = Literal["signed", "echo", "neither", "unseen"]


@dataclass(slots=True)
class Handshake:
    """What came of a handshake: `see` its parts in any order. "unseen" is what never came, or not whole.

    `version` is that of S0, or of C0 where S0 was not seen: 3, or 6, 8 or 9 (RTMPE). `c1` and `s1` name the layout of
    the digest (see `rtmp.handshake`); `c2` and `s2` tell what the replies are, an echo with other times being one too.
    `rtt` is the time in ns from the packet that completed C1 to the first that came from the server in answer: the
    round trip from where the packets were captured to the server, and the time that the server took.
    """

    version: int | None = None
    c1: DigestVerdict = "unseen"
    s1: DigestVerdict = "unseen"
    c2: ReplyVerdict = "unseen"
    s2: ReplyVerdict = "unseen"
    software: dict[Sender, str] = field(default_factory=dict)  # the versions that C1 and S1 name
    _asked: int | None = field(default=None, repr=False)  # when C1 was complete
    _answered: tuple[int | None, int | None] = field(default=(None, None), repr=False)  # when S0 and S2 began

    @classmethod
    def of(cls, greetings: Iterable[Greeting]) -> Handshake:
        """The handshake that has these parts."""
        handshake = cls()
        for greeting in greetings:
            handshake.see(greeting)
        return handshake

    @property
    def rtt(self) -> int | None:
        if self._asked is None:
            return None
        # S0 and S1 need not wait for C1; S2, which answers it, has to.
        times = (answered for answered in self._answered if answered is not None and answered >= self._asked)
        return next((time - self._asked for time in times), None)

    @property
    def encryption(self) -> str | None:
        """What the connection is encrypted with; None for plain RTMP."""
        return None if self.version is None else ENCRYPTED.get(self.version)

    def see(self, greeting: Greeting) -> None:
        """Take one part."""
        match greeting.part:
            case "C0 C1":
                self.c1 = cast("DigestVerdict", greeting.verdict)
                self._asked = greeting.last.time
                if self.version is None:
                    self.version = greeting.version
            case "S0 S1":
                self.s1 = cast("DigestVerdict", greeting.verdict)
                self._answered = (_began(greeting), self._answered[1])
                if greeting.version is not None:
                    self.version = greeting.version
            case "C2":
                self.c2 = _reply(greeting.verdict)
            case "S2":
                self.s2 = _reply(greeting.verdict)
                self._answered = (self._answered[0], _began(greeting))
        if greeting.part in {"C0 C1", "S0 S1"} and not greeting.missing:
            software = software_version(greeting.data[1:], greeting.digest is not None)
            if software is not None:
                self.software[greeting.sender] = software


def _began(greeting: Greeting) -> int | None:
    """When its first byte came; None where that was never captured."""
    return None if any(start == 0 for start, _ in greeting.missing) else greeting.first.time


def _reply(verdict: str) -> ReplyVerdict:
    return "echo" if verdict.startswith("echo") else cast("ReplyVerdict", verdict)


class Handshakes:
    """Watches the connections of a run; `of` gives the handshake of one, as far as it has been seen."""

    types: Final[frozenset[int]] = frozenset()

    def __init__(self) -> None:
        self._connections: dict[int, Handshake] = {}

    def of(self, connection: int) -> Handshake:
        return self._connections.get(connection) or Handshake()

    def see(self, event: Event) -> Iterable[Finding]:
        if isinstance(event, Greeting):
            self._connections.setdefault(event.connection, Handshake()).see(event)
        return ()

    def forget(self, connection: int) -> None:
        self._connections.pop(connection, None)
