"""Message types by number and name (specification 5.4, 7.1), and the families that a filter may name."""

from __future__ import annotations

from typing import Final

SET_CHUNK_SIZE: Final = 1
ABORT: Final = 2
ACKNOWLEDGEMENT: Final = 3
USER_CONTROL: Final = 4
WINDOW_ACK_SIZE: Final = 5
SET_PEER_BANDWIDTH: Final = 6
AUDIO: Final = 8
VIDEO: Final = 9
DATA_AMF3: Final = 15
SHARED_OBJECT_AMF3: Final = 16
COMMAND_AMF3: Final = 17
DATA_AMF0: Final = 18
SHARED_OBJECT_AMF0: Final = 19
COMMAND_AMF0: Final = 20
AGGREGATE: Final = 22

TYPE_NAMES: Final = {
    SET_CHUNK_SIZE: "set_chunk_size",
    ABORT: "abort",
    ACKNOWLEDGEMENT: "acknowledgement",
    USER_CONTROL: "user_control",
    WINDOW_ACK_SIZE: "window_ack_size",
    SET_PEER_BANDWIDTH: "set_peer_bandwidth",
    AUDIO: "audio",
    VIDEO: "video",
    DATA_AMF3: "data_amf3",
    SHARED_OBJECT_AMF3: "shared_object_amf3",
    COMMAND_AMF3: "command_amf3",
    DATA_AMF0: "data_amf0",
    SHARED_OBJECT_AMF0: "shared_object_amf0",
    COMMAND_AMF0: "command_amf0",
    AGGREGATE: "aggregate",
}

FAMILIES: Final = {
    "command": frozenset({COMMAND_AMF0, COMMAND_AMF3}),
    "data": frozenset({DATA_AMF0, DATA_AMF3}),
    "shared_object": frozenset({SHARED_OBJECT_AMF0, SHARED_OBJECT_AMF3}),
    "control": frozenset({1, 2, 3, 4, 5, 6}),
    "media": frozenset({AUDIO, VIDEO, AGGREGATE}),
}


def type_name(type_id: int) -> str:
    """`video` for 9; `unknown_7` for a number that nobody gave a name."""
    return TYPE_NAMES.get(type_id) or f"unknown_{type_id}"
