"""The parts of one handshake, judged as they come: digests, signatures, echoes, and what does not fit together.

Takes greetings as the directions read them, gives them with their verdicts, and findings. It holds C1 and S1 until both
replies were there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Literal

from rtmpsniff import findings
from rtmpsniff.capture.packet import Origin
from rtmpsniff.findings import Evidence, Finding, Rule, Severity
from rtmpsniff.rtmp.events import OTHER_SENDER, Event, Greeting, HandshakePart, Message
from rtmpsniff.rtmp.handshake import ENCRYPTED, PLAIN, Digest, find_digest, reply_verdict
from rtmpsniff.transport.reassembly import Sender

QUESTIONS: Final[dict[HandshakePart, Sender]] = {"C0 C1": "client", "S0 S1": "server"}
_AWAITED: Final[dict[Sender, HandshakePart]] = {"client": "S2", "server": "C2"}  # before one may send data
_UNREADABLE: Final = "a listener sees both Diffie-Hellman public values and neither secret exponent, so no key"


class Verdicts:
    """What is known of one connection's handshake: `judge` its parts, and `see` the messages that come meanwhile."""

    def __init__(self) -> None:
        self.unseen: set[HandshakePart] = {"C2", "S2"}  # once both were there, nothing is left to judge
        self._questions: dict[Sender, Greeting] = {}
        self._digests: dict[Sender, Digest] = {}
        self._versions: dict[Sender, int] = {}
        self._early: dict[Sender, tuple[int, Origin]] = {}
        self._told_encrypted = False

    @property
    def version(self) -> int:
        """§5.2.2: a server that does not know the client's version answers with the one that it speaks."""
        return self._versions.get("server", self._versions.get("client", PLAIN))

    @property
    def is_encrypted(self) -> bool:
        return self.version in ENCRYPTED

    def judge(self, greeting: Greeting) -> Iterator[Event]:
        """The greeting with its verdict, and what is to be said of it."""
        if greeting.part in QUESTIONS:
            yield self._judge_question(greeting)
            if len(self._questions) == 2:
                yield from self._compare_questions(greeting.last)
            return
        judged = self._judge_reply(greeting)
        yield judged
        if judged.verdict == "neither":
            question = "S1" if greeting.sender == "client" else "C1"
            title = f"{greeting.part} is no echo of {question} and carries no signature"
            yield _finding(greeting, findings.HANDSHAKE_ECHO, Severity.WARNING, title, greeting.offset)
        elif self.is_encrypted and judged.verdict.startswith("echo"):
            title = f"{greeting.part} is an echo; RTMPE asks for a signature, and some hang up without it"
            yield _finding(greeting, findings.HANDSHAKE_ECHO, Severity.WARNING, title, greeting.offset)
        yield from self._tell_early(greeting)
        if self.is_encrypted and not self._told_encrypted:
            self._told_encrypted = True
            title = f"{ENCRYPTED[self.version]}: encrypted from here on; {_UNREADABLE}"
            end = greeting.offset + len(greeting.data)
            yield _finding(greeting, findings.HANDSHAKE_ENCRYPTED, Severity.NOTE, title, end, "")
        if not self.unseen:
            self._questions.clear()

    def see(self, message: Message) -> None:
        """A message that comes before the handshake is complete."""
        if _AWAITED[message.sender] in self.unseen:
            self._early.setdefault(message.sender, (message.offset, message.last))

    def _judge_question(self, greeting: Greeting) -> Greeting:
        """Look for a digest in C1 or S1."""
        sender = greeting.sender
        self._questions[sender] = greeting
        if greeting.version is not None:
            self._versions[sender] = greeting.version
        digest = None if greeting.missing else find_digest(greeting.data[1:], sender)
        if digest is None:
            return replace(greeting, verdict="unseen" if greeting.missing else "none")
        self._digests[sender] = digest
        start = 1 + digest.offset
        return replace(greeting, verdict=digest.layout, digest=(start, start + len(digest.value)))

    def _compare_questions(self, origin: Origin) -> Iterator[Finding]:
        """What S0 and S1 make of what C0 and C1 asked for."""
        asked, answer = self._questions["client"], replace(self._questions["server"], last=origin)
        if asked.version is not None and answer.version is not None and asked.version != answer.version:
            stays_encrypted = asked.version in ENCRYPTED and answer.version in ENCRYPTED
            severity = Severity.NOTE if stays_encrypted else Severity.WARNING
            title = f"C0 asks for version {asked.version}, S0 answers with {answer.version}: that of S0 holds"
            yield _finding(answer, findings.HANDSHAKE_VERSION, severity, title, 0)
        if asked.missing or answer.missing:
            return
        if "client" in self._digests and "server" not in self._digests:
            title = "C1 carries a digest and S1 none: the server falls back to the simple handshake"
            yield _finding(answer, findings.HANDSHAKE_DIGEST, Severity.NOTE, title, 1)
        if asked.data[1:] == answer.data[1:]:
            title = "S1 is a copy of C1: harmless; some servers answer a client without a digest like this"
            yield _finding(answer, findings.HANDSHAKE_COPY, Severity.NOTE, title, 1)

    def _judge_reply(self, greeting: Greeting) -> Greeting:
        """Compare C2 or S2 with the packet that it answers."""
        self.unseen.discard(greeting.part)
        question = self._questions.get(OTHER_SENDER[greeting.sender])
        if question is None or question.missing or greeting.missing:
            return replace(greeting, verdict="unseen")
        digest = self._digests.get(question.sender)
        verdict = reply_verdict(greeting.data, question.data[1:], digest, greeting.sender, self.version)
        span = (len(greeting.data) - 32, len(greeting.data)) if verdict == "signed" else None
        return replace(greeting, verdict=verdict, digest=span)

    def _tell_early(self, greeting: Greeting) -> Iterator[Finding]:
        """Who sent data before this, which it had to wait for. Only now is it sure that the capture has it."""
        early = self._early.get(OTHER_SENDER[greeting.sender])
        if early is not None and not greeting.missing:
            offset, origin = early
            sender = OTHER_SENDER[greeting.sender]
            title = f"the {sender} sends data in packet {origin.packet} before it has {greeting.part}"
            about = replace(greeting, sender=sender)
            yield _finding(about, findings.HANDSHAKE_EARLY, Severity.NOTE, title, offset)


def _finding(
    about: Greeting, rule: Rule, severity: Severity, title: str, offset: int, sender: Sender | Literal[""] | None = None
) -> Finding:
    who = about.sender if sender is None else sender
    evidence = (Evidence("", offset),)
    return Finding(rule, severity, title, evidence, "", about.connection, who, about.last.time, about.last.packet)
