"""What the first bytes of a connection say: a hello of TLS, a request of RTMPT, or neither.

Every connection is looked at by this, so it imports nothing of what reads on.
"""

from __future__ import annotations

import re
from typing import Final

CLIENT_HELLO: Final = 1
SERVER_HELLO: Final = 2
_HANDSHAKE: Final = 22
_ALERT: Final = 21

RTMPT_REQUEST: Final = re.compile(rb"POST (?:http://[^/ ]{1,255})?/(?:open|send|idle|close|fcs)/")
LATER_REQUEST: Final = re.compile(rb"POST /(?:send|idle|close)/[!-~]{1,128}/[0-9]{1,12} HTTP/1\.[01]\r?\n")
LONGEST_BEGINNING: Final = 280
_REQUESTS: Final = (b"POST /open/", b"POST /send/", b"POST /idle/", b"POST /close/", b"POST /fcs/")


def begins_like(data: bytes, kind: int) -> bool | None:
    """Whether bytes begin with a hello of this kind (RFC 8446, 5.1 and 4); None while they are too few to say.

    A server may answer with an alert instead: that is TLS as well.
    """
    for at, byte in enumerate(data[:6]):
        if at == 0 and byte == _ALERT and kind == SERVER_HELLO:
            return True
        if (at == 0 and byte != _HANDSHAKE) or (at == 1 and byte != 3) or (at == 2 and byte > 4):
            return False
        if at == 5:
            return byte == kind
    return None


def may_be_request(data: bytes) -> bool:
    """Whether the first bytes of a client may go on as a request of RTMPT."""
    if len(data) >= LONGEST_BEGINNING or b"\n" in data:
        return False
    return any(word.startswith(data) for word in _REQUESTS) or data.startswith(b"POST http://")
