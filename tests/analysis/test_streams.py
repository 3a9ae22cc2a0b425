"""What connections are for, told from the commands that their clients sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtmpsniff.analysis.streams import Purposes, Stream, same_stream
from tests.build import amf0

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

CONNECT = amf0("connect", 1, {"app": "live", "tcUrl": "rtmp://h/live"})


def test_the_application_is_that_of_connect(message: MakeMessage) -> None:
    purposes = Purposes()
    assert (purposes.of(1).application, purposes.of(1).url) == ("", "")
    purposes.see(message(20, CONNECT))
    assert (purposes.of(1).application, purposes.of(1).url) == ("live", "rtmp://h/live")
    assert purposes.of(2).application == ""


def test_streams_have_the_number_of_their_message_stream(message: MakeMessage) -> None:
    purposes = Purposes()
    purposes.see(message(20, amf0("publish", 5, None, "cam", "live"), message_stream_id=1))
    purposes.see(message(20, amf0("play", 6, None, "film"), message_stream_id=2))
    assert purposes.of(1).streams == [Stream(1, "cam", "publish"), Stream(2, "film", "play")]


NOTHING_SAID = [
    ("a server's command", 20, CONNECT, "server"),
    ("not a command", 18, CONNECT, "client"),
    ("connect without an object", 20, amf0("connect", 1, None), "client"),
    ("publish without a name", 20, amf0("publish", 5, None), "client"),
    ("publish of a number", 20, amf0("publish", 5, None, 7), "client"),
    ("another command", 20, amf0("deleteStream", 5, None, "cam"), "client"),
    ("AMF3, not read yet", 17, b"\0" + CONNECT, "client"),
]


@pytest.mark.parametrize(
    ("type_id", "payload", "sender"), [case[1:] for case in NOTHING_SAID], ids=[case[0] for case in NOTHING_SAID]
)
def test_what_says_nothing(message: MakeMessage, type_id: int, payload: bytes, sender: str) -> None:
    purposes = Purposes()
    purposes.see(message(type_id, payload, sender=sender))
    assert purposes.of(1).application == ""
    assert purposes.of(1).streams == []


def test_names_that_are_no_strings(message: MakeMessage) -> None:
    purposes = Purposes()
    purposes.see(message(20, amf0("connect", 1, {"app": 7, "tcUrl": None})))
    assert (purposes.of(1).application, purposes.of(1).url) == ("", "")


def test_what_belongs_to_a_stream(message: MakeMessage) -> None:
    purposes = Purposes()
    purposes.see(message(20, amf0("publish", 5, None, "cam?token=x", "live"), message_stream_id=1))

    def belongs(type_id: int, payload: bytes = b"", msid: int = 1, connection: int = 1) -> bool:
        return purposes.belongs(message(type_id, payload, message_stream_id=msid, connection=connection), "cam")

    assert belongs(9, b"\x17\x01\0\0\0")
    assert belongs(18, amf0("onMetaData"))
    assert belongs(20, amf0("FCUnpublish", 6, None, "cam"), msid=0)
    assert belongs(20, amf0("releaseStream", 2, None, "cam?token=x"), msid=0)
    assert not belongs(20, amf0("releaseStream", 2, None, "other"), msid=0)
    assert not belongs(20, amf0("createStream", 3, None), msid=0)
    assert not belongs(9, msid=2)
    assert not belongs(5, bytes(4), msid=0)
    assert not belongs(9, connection=2)


def test_a_message_stream_may_be_used_again(message: MakeMessage) -> None:
    """After deleteStream a server gives the same number out once more."""
    purposes = Purposes()
    purposes.see(message(20, amf0("publish", 5, None, "one", "live")))
    before = message(9, b"\x17")
    assert purposes.belongs(before, "one")
    purposes.see(message(20, amf0("deleteStream", 6, None, 1), message_stream_id=0))
    purposes.see(message(20, amf0("publish", 7, None, "two", "live")))
    assert purposes.belongs(message(9, b"\x17"), "two")
    assert not purposes.belongs(message(9, b"\x17"), "one")


NAMES = [
    ("cam", "cam", True),
    ("cam?token=x", "cam", True),
    ("cam?token=x", "cam?token=x", True),
    ("cam?token=x", "cam?token=y", False),
    ("cam", "cam?token=x", False),
    ("camera", "cam", False),
    ("", "", True),
]


@pytest.mark.parametrize(("name", "wanted", "same"), NAMES)
def test_names_may_leave_out_the_query(name: str, wanted: str, same: bool) -> None:
    assert same_stream(name, wanted) is same
