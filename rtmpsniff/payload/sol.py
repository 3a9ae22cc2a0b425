"""Local shared objects (.sol): takes the bytes of a file, gives the object's name and what it holds.

Flash Player keeps them, in a form that Adobe never wrote down: after a header come pairs of a name and an AMF value up
to the end of the file, each closed by a byte of zero. AMF3 shares its tables over the whole file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from rtmpsniff.fields import Cursor, Field, Malformed, Role, Unreadable
from rtmpsniff.findings import FILE_MALFORMED, Evidence, Finding, Severity
from rtmpsniff.payload.amf import name_of
from rtmpsniff.payload.amf0 import Amf0
from rtmpsniff.payload.amf3 import Amf3
from rtmpsniff.payload.sequence import broken_off
from rtmpsniff.payload.values import Value
from rtmpsniff.text import decode_text, quoted

MAGIC: Final = b"\x00\xbf"
SIGNATURE: Final = b"TCSO"
_FORMAT: Final = b"\x00\x04\x00\x00\x00\x00"  # behind the signature; what it says is not known
_COUNTED_FROM: Final = 6  # the length counts from behind itself


@dataclass(frozen=True, slots=True)
class LocalObject:
    """A local shared object: its name, the version of AMF (0 or 3) and its pairs, those that could be read."""

    name: str = ""
    amf_version: int = 0
    pairs: tuple[tuple[str, Value], ...] = ()


class SolFile(NamedTuple):
    """What `decode_sol` gives; `body` is None where not even the header can be read. The fields cover every byte."""

    body: LocalObject | None
    fields: tuple[Field, ...]
    findings: tuple[Finding, ...]


def is_sol(data: bytes) -> bool:
    """Whether these bytes begin as such a file does."""
    return data.startswith(MAGIC) and data[6:10] == SIGNATURE


def decode_sol(data: bytes) -> SolFile:
    """Read a whole .sol file. Never raises: what cannot be read is an UNREAD field and a finding that says why."""
    read = Cursor(data)
    findings: list[Finding] = []
    body = None
    pairs: list[tuple[str, Value]] = []
    try:
        name, version = _header(read, findings)
        body = LocalObject(name, version)
        _pairs(read, findings, version, pairs)
    except Unreadable as stop:
        if body is None:
            broken_off(read, findings, "header", stop, FILE_MALFORMED)
        else:
            broken_off(read, findings, "", stop)
    if body is not None:
        body = LocalObject(body.name, body.amf_version, tuple(pairs))
    return SolFile(body, tuple(read.fields), tuple(findings))


def _header(read: Cursor, findings: list[Finding]) -> tuple[str, int]:
    label = "local shared object" if read.data.startswith(MAGIC) else ""
    if read.raw("magic", len(MAGIC), Role.MARKER, label=label) != MAGIC:
        raise Malformed("does not begin with 00 bf")
    _length(read, findings)
    signature = read.take("signature", len(SIGNATURE))
    read.add("signature", read.position - len(signature), signature, quoted(signature.decode("latin-1")), Role.TEXT)
    if signature != SIGNATURE:
        raise Malformed('no signature "TCSO"')
    is_usual = read.data.startswith(_FORMAT, read.position)
    form = read.raw("format", len(_FORMAT), Role.NUMBER, label="usual" if is_usual else "not the usual one")
    if not is_usual:
        _flag(findings, Severity.NOTE, f"the format is {form.hex(' ')}, where {_FORMAT.hex(' ')} is usual", read, 6)
    name = _name(read)
    read.u24("zero")
    version = read.enum("AMF version", 1, {0: "AMF0", 3: "AMF3"}, Role.TYPE)
    if version not in {0, 3}:
        raise Malformed(f"AMF version {version}, where only 0 and 3 are known")
    return name, version


def _length(read: Cursor, findings: list[Finding]) -> None:
    length = read.u32("length", Role.LENGTH, label="{} bytes follow")
    here = read.end - _COUNTED_FROM
    if length != here:
        word = "is cut short" if length > here else "goes on behind its end"
        title = f"the file {word}: it claims {length} bytes behind its length and has {here}"
        _flag(findings, Severity.ERROR if length > here else Severity.WARNING, title, read, 4)


def _name(read: Cursor) -> str:
    with read.group("name", Role.TEXT) as group:
        size = read.u16("length", Role.PREFIX, inline=True)
        start = read.position
        name = decode_text(read.take("name", size))
        if size:
            read.add("text", start, name, quoted(name), Role.TEXT, inline=True)
        group.value, group.label = name, quoted(name)
    return name


def _pairs(read: Cursor, findings: list[Finding], version: int, pairs: list[tuple[str, Value]]) -> None:
    amf = Amf3(read, findings) if version == 3 else Amf0(read, findings)
    while read.left:
        number = len(pairs) + 1
        with read.group("property", Role.PAIR) as pair:
            read.path[-1] = f"pair {number}"
            pair.value = key = amf.key().text if isinstance(amf, Amf3) else _key(amf)
            pair.label = name_of(key)
            read.path[-1] = f"pair {number} > {pair.label}"
            pairs.append((key, amf.value()))
            end = read.raw("end", 1, Role.MARKER, label="end of pair")
        if end != b"\0":
            title = f"a pair is closed by {end.hex()} and not by 00"
            _flag(findings, Severity.WARNING, title, read, 1)


def _key(amf: Amf0) -> str:
    with amf.read.group("key", Role.KEY) as group:
        group.value = key = amf.text(2, Role.KEY)
        group.label = quoted(key)
    return key


def _flag(findings: list[Finding], severity: Severity, title: str, read: Cursor, size: int) -> None:
    """Once for each title: a hostile file may repeat its fault in every pair."""
    if all(title != finding.title for finding in findings):
        evidence = Evidence("", read.position - size, size, in_message=True)
        findings.append(Finding(FILE_MALFORMED, severity, title, (evidence,)))
