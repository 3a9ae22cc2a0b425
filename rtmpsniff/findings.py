"""What is wrong, as data: rules with stable codes, and findings that point at the bytes they rest on.

A rule says what is judged, with the clause of the specification; a finding says that it was broken, where, and how
badly. The severity belongs to the finding, since the same rule can break one receiver and merely irritate another.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Severity(Enum):
    """How bad it is: an error breaks a peer, a warning is a risk, a note is worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Rule(NamedTuple):
    """One thing that can be judged. `clause` is of the RTMP 1.0 specification unless it names another text."""

    code: str
    clause: str
    title: str


class Evidence(NamedTuple):
    """Where a finding can be seen: an offset in the sender's stream, or in the message that it belongs to."""

    text: str
    offset: int
    length: int = 0
    in_message: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule and what was found. The layer that knows the connection, the sender and the time fills them in."""

    rule: Rule
    severity: Severity
    title: str
    evidence: tuple[Evidence, ...] = ()
    advice: str = ""
    connection: int = 0
    sender: str = ""  # "client", "server", or "" where it concerns both
    time: int = 0  # nanoseconds since the epoch
    packet: int = 0
    messages: tuple[int, ...] = ()


def in_message(rule: Rule, severity: Severity, title: str, start: int, size: int, text: str = "") -> Finding:
    """About `size` bytes of a message from payload offset `start` on; `text` names that place, or else the title does.

    Which message that is, whoever knows it fills in.
    """
    return Finding(rule, severity, title, (Evidence(text or title, start, size, in_message=True),))


CAPTURE_QUALITY = Rule("capture.quality", "", "The capture is incomplete")
WRONG_PROTOCOL = Rule("proto.wrong_protocol", "5.2.2", "Not RTMP")
HANDSHAKE_STALLED = Rule("hs.stalled", "5.2.1", "The handshake is not complete")
HANDSHAKE_ECHO = Rule("hs.echo", "5.2.4", "The handshake reply is no echo")
HANDSHAKE_ENCRYPTED = Rule("hs.encrypted", "", "Encrypted after the handshake")
HANDSHAKE_VERSION = Rule("hs.version", "5.2.2", "C0 and S0 differ")
HANDSHAKE_DIGEST = Rule("hs.digest", "", "A digest is not answered with one")
HANDSHAKE_COPY = Rule("hs.copy", "5.2.3", "S1 is a copy of C1")
HANDSHAKE_EARLY = Rule("hs.early", "5.2.1", "Data before the handshake is complete")
CHUNK_DESYNC = Rule("chunk.desync", "5.3", "The chunk stream does not parse")
CHUNK_SIZE_VALUE = Rule("chunk.size_value", "5.4.1", "Odd chunk size")
CHUNK_FIRST_FORMAT = Rule("chunk.first_fmt", "5.3.1.2.1", "A chunk stream does not begin with format 0")
CHUNK_INTERRUPTED = Rule("chunk.interrupted", "5.3.1", "A message was broken off by a new header")
ABORT_SEEN = Rule("abort.seen", "5.4.2", "A message was aborted")
EXTENDED_STYLE = Rule("ts.ext_fmt3_style", "5.3.1.3", "Extended timestamp on format 3")
EXTENDED_DELTA = Rule("ts.ext_delta", "5.3.1.3", "Extended timestamp delta")
AMF_MALFORMED = Rule("amf.malformed", "AMF 0, AMF 3", "AMF data that cannot be read in full")
BODY_MALFORMED = Rule("body.malformed", "5.4, 7.1", "A body that cannot be read in full")
RTMPT_REFUSED = Rule("rtmpt.refused", "", "An HTTP request of a tunnel was refused")
RTMFP = Rule("rtmfp.handshake", "RFC 7016, 3.5.1", "RTMFP, which is not decrypted")
TLS_RECORD = Rule("tls.record", "RFC 8446, 5.2", "A TLS record cannot be decrypted")
MEDIA_CONFIGURATION = Rule("media.configuration", "Enhanced RTMP; FLV E.4.3", "A decoder configuration that is broken")
MEDIA_ANNEX_B = Rule("media.annexb", "FLV E.4.3.1", "Start codes where the lengths of NAL units belong")
MEDIA_NAL_LENGTH = Rule("media.nal_length", "FLV E.4.3.1", "The lengths of NAL units do not add up")
SHARED_OBJECT_STATUS = Rule("so.status", "7.1.3", "The server reports a problem with a shared object")
MEDIA_FRAME = Rule("media.frame", "FLV E.4.2; Enhanced RTMP", "A frame is not what its codec says")
AAC_ADTS = Rule("aac.adts", "FLV E.4.2.2", "AAC with the headers of a file")
FILE_MALFORMED = Rule("file.malformed", "FLV E.2, E.3", "A file that does not keep to its format")
MEMORY_BUDGET = Rule("memory.budget", "", "Too much is held back")

RULES = tuple(value for value in list(globals().values()) if isinstance(value, Rule))
