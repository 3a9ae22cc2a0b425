"""Writes small captures of things that programs at hand do not do, put together with the tests' encoder.

Nothing here was captured. Every byte follows from this file and `tests/build.py`, so the captures are always the same.

    python3 build_odd.py [FOLDER]
"""

# ruff: noqa: INP001, E402 - a program beside its output, no package, and the encoder must be found first

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from struct import pack

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.build import (
    AAC_HEADER,
    AVC_HEADER,
    Amf3,
    Date,
    Ecma,
    Frame,
    Sender,
    Talk,
    amf0,
    audio_frame,
    begin_publish,
    end_publish,
    pcap,
    video_frame,
)
from tests.build_amf3 import UNDEFINED, Dictionary, External, Mixed, Raw, Typed, Vector, Writer, Xml
from tests.build_amf3 import amf3 as in_amf3

VIDEO, AUDIO = 6, 4  # chunk streams
START = 1_767_225_600_000_000_000  # the first nanosecond of 2026


def interleaved_abort() -> list[Frame]:
    """Chunks of audio and video in turn; a video message that is aborted, and one that a new header breaks off."""
    talk = Talk(("10.0.0.1", 50001), time=START)
    begin_publish(talk)
    cut = talk.writers["client"].cut
    picture = cut(VIDEO, 9, 1, 40, video_frame(1, 500))
    sounds = (chunk for time in (40, 63) for chunk in cut(AUDIO, 8, 1, time, audio_frame(time, 180)))
    for chunks in zip(picture, sounds, strict=False):
        talk.client(b"".join(chunks))
    talk.client(b"".join(picture))

    unfinished = cut(VIDEO, 9, 1, 80, video_frame(2, 500))
    talk.client(next(unfinished) + next(unfinished))
    talk.say("client", 2, 2, 0, 0, pack(">L", VIDEO))

    broken = cut(VIDEO, 9, 1, 120, video_frame(3, 500))
    talk.client(next(broken))
    talk.say("client", VIDEO, 9, 1, 160, video_frame(4, 100), fmt=0)
    end_publish(talk)
    return talk.frames


def hole_in_payload() -> list[Frame]:
    """Two segments that were not captured: one amid the metadata, one amid a picture. The server acknowledges both."""
    talk = Talk(("10.0.0.1", 50002), time=START + 60_000_000_000, mss=536)
    begin_publish(talk, chunk_size=4096)
    tags = {f"tag {number}": "x" * 60 for number in range(12)}
    _lose(talk, talk.say("client", 4, 18, 1, 0, amf0("@setDataFrame", "onMetaData", Ecma(tags)))[1])
    talk.say("client", AUDIO, 8, 1, 20, audio_frame(1, 90))
    _lose(talk, talk.say("client", VIDEO, 9, 1, 40, video_frame(1, 1500))[1])
    talk.say("client", VIDEO, 9, 1, 80, video_frame(2, 100))
    talk.at(talk.time + 1_000_000_000)
    end_publish(talk)
    return talk.frames


def _lose(talk: Talk, frame: Frame) -> None:
    talk.frames.remove(frame)
    talk.ack("server")


def type3_extended_omitted() -> list[Frame]:
    """A timestamp over 0xFFFFFF whose extended field stands in the first chunk alone, by the text of 2009."""
    talk = Talk(("10.0.0.1", 50003), time=START + 120_000_000_000)
    begin_publish(talk)
    for number in range(3):
        time = 20_000_000 + 40 * number
        talk.say("client", VIDEO, 9, 1, time, video_frame(number, 300), fmt=0, extended="omit")
        talk.say("client", AUDIO, 8, 1, time, audio_frame(number, 150), fmt=0, extended="omit")
    end_publish(talk)
    return talk.frames


def shared_object() -> list[Frame]:
    """An object that two clients share, of whom one was captured; every event, in both directions, and one in AMF3.

    The server answers as Flash Media Server does. The second object may not be written, and the client asks twice.
    """
    talk = Talk(("10.0.0.1", 50004), time=START + 180_000_000_000)
    _connect(talk, "board")

    def say(sender: Sender, version: int, *events: bytes) -> None:
        talk.say(sender, 3, 19, 0, 0, _object("chat", version, 0) + b"".join(events))

    say("client", 0, _event(USE))
    say("server", 4, _event(USE_SUCCESS), _event(CLEAR), _event(CHANGE, _slot("topic", "RTMP") + _slot("users", 2)))
    say("client", 4, _event(REQUEST_CHANGE, _slot("topic", "AMF")))
    say("server", 5, _event(SUCCESS, _key("topic")))
    say("server", 6, _event(CHANGE, _slot("users", 3) + _slot("latest", {"name": "carol", "since": Date(1.7e12)})))
    say("client", 6, _event(SEND_MESSAGE, amf0("said", "hello", 1)))
    say("server", 6, _event(SEND_MESSAGE, amf0("said", "hello", 1)))
    say("client", 6, _event(REQUEST_REMOVE, _key("latest")))
    say("server", 7, _event(REMOVE, _key("latest")))
    amf3 = _object("chat", 7, 0) + _event(REQUEST_CHANGE, _slot("users", Amf3(bytes.fromhex("0404"))))
    talk.say("client", 3, 16, 0, 0, b"\0" + amf3)
    say("server", 8, _event(SUCCESS, _key("users")))

    notes = _object("notes", 0, 2)
    talk.say("client", 3, 19, 0, 0, notes + _event(USE))
    talk.say("server", 3, 19, 0, 0, notes + _event(USE_SUCCESS))
    talk.say("client", 3, 19, 0, 0, notes + _event(REQUEST_CHANGE, _slot("first", True)))
    refusal = _key("SharedObject.NoWriteAccess") + _key("error")
    talk.say("server", 3, 19, 0, 0, notes + _event(STATUS, refusal))
    talk.say("client", 3, 19, 0, 0, notes + _event(RELEASE))
    say("client", 8, _event(RELEASE))
    talk.close()
    return talk.frames


USE, RELEASE, REQUEST_CHANGE, CHANGE, SUCCESS, SEND_MESSAGE, STATUS = range(1, 8)
CLEAR, REMOVE, REQUEST_REMOVE, USE_SUCCESS = range(8, 12)


def _object(name: str, version: int, flags: int) -> bytes:
    """What stands before the events."""
    return _key(name) + pack(">LLL", version, flags, 0)


def _event(number: int, body: bytes = b"") -> bytes:
    return pack(">BL", number, len(body)) + body


def _slot(key: str, value: object) -> bytes:
    return _key(key) + amf0(value)


def _key(text: str) -> bytes:
    return pack(">H", len(text)) + text.encode()


def aggregate() -> list[Frame]:
    """A recorded stream in aggregates, as Flash Media Server sends it; the last two have odd back pointers.

    The player seeks, so that the written times begin anew while the aggregate's own go on, past 0xFFFFFF.
    """
    talk = Talk(("10.0.0.1", 50005), time=START + 240_000_000_000)
    _connect(talk, "vod")
    talk.command("client", 3, 0, "createStream", 2, None)
    talk.command("server", 3, 0, "_result", 2, None, 1)
    talk.command("client", 8, 1, "play", 3, None, "sample")
    talk.say("server", 2, 4, 0, 0, pack(">HL", 4, 1))
    talk.say("server", 2, 4, 0, 0, pack(">HL", 0, 1))
    status = {"level": "status", "code": "NetStream.Play.Start", "description": "Started playing sample."}
    talk.command("server", 5, 1, "onStatus", 0, None, status)
    metadata = amf0("onMetaData", Ecma({"duration": 60, "width": 1920, "height": 1080}))

    def say(time: int, tags: bytes) -> None:
        talk.say("server", 4, 22, 1, time, tags)

    say(0, _tag(18, 0, metadata) + _tag(9, 0, AVC_HEADER) + _tag(8, 0, AAC_HEADER))
    say(5000, _tag(8, 1000, audio_frame(0, 60)) + _tag(9, 1010, video_frame(0, 200)) + _tag(8, 1020, b""))
    say(0x1000010, _tag(9, 0x0FFFFF0, video_frame(1, 90)) + _tag(8, 0x1000005, audio_frame(1, 40)))
    say(0x1000040, _tag(8, 0x1000020, audio_frame(2, 40), pointer=0) + _tag(9, 0x1000030, video_frame(2, 30)))
    say(0x1000080, _tag(8, 0x1000060, audio_frame(3, 40)) + _tag(9, 0x1000070, video_frame(3, 30))[:-4])
    talk.command("client", 3, 0, "deleteStream", 4, None, 1)
    talk.close()
    return talk.frames


def _tag(type_id: int, time: int, body: bytes, pointer: int | None = None) -> bytes:
    """A message as it lies in an aggregate: the highest byte of the time comes last."""
    size = len(body).to_bytes(3, "big")
    stamp = (time & 0xFFFFFF).to_bytes(3, "big") + bytes([time >> 24])
    pointer = 11 + len(body) if pointer is None else pointer
    return bytes([type_id]) + size + stamp + bytes(3) + body + pack(">L", pointer)


def amf3() -> list[Frame]:
    """Calls in AMF3: every type, later mentions of all kinds, messages of Flex, and what some senders do otherwise."""
    talk = Talk(("10.0.0.1", 50006), time=START + 300_000_000_000)
    _connect(talk, "flex")

    def call(sender: Sender, name: str, transaction: int, *args: object) -> None:
        writer = Writer()
        values = [Amf3(writer.value(arg)) for arg in args]
        talk.say(sender, 3, 17, 0, 0, b"\0" + amf0(name, transaction, None, *values))

    ann = Typed("org.example.Person", {"name": "Ann", "age": 41}, {"since": Date(1.7e12)})
    bob = Typed("org.example.Person", {"name": "Bob", "age": 40}, {"friend": ann})
    call("client", "save", 2, [ann, bob, ann], "name", Mixed({"kind": "mixed"}, [1, 2.5, -1]))
    operation = Typed("flex.messaging.messages.CommandMessage", {"operation": 5, "clientId": None}, None)
    call("client", "ping", 3, operation)
    people = External("flex.messaging.io.ArrayCollection", [["Ann", "Bob"]])
    flags = Raw(bytes([0xA1, 0x02]))
    identity = bytes.fromhex("00112233445566778899aabbccddeeff")
    answer = External("DSK", [flags, people, 1.7e12, identity, Raw(b"\2"), identity, Raw(b"\0")])
    call("server", "_result", 3, answer)
    vectors = [Vector("int", [1, -1], True), Vector("uint", [0xFFFFFFFF]), Vector("double", [0.5])]
    call("client", "vectors", 4, *vectors, Vector("object", [ann, None], False, "org.example.Person"))
    text = Xml("<a/>")
    call(
        "client",
        "rest",
        5,
        Dictionary([("k", 1), (ann, [True, False])]),
        bytes(range(20)),
        text,
        Xml("<b/>", 7),
        UNDEFINED,
    )
    talk.say("client", 3, 15, 1, 0, b"\0" + amf0("onTextData", Amf3(in_amf3({"text": "hi"}))))

    talk.say("client", 3, 17, 0, 0, b"\3" + in_amf3("all", 6, None, "in AMF3"))
    talk.say("client", 3, 17, 0, 0, amf0("none", 7, None, Amf3(in_amf3("selector"))))
    talk.say("client", 3, 17, 0, 0, b"\0" + amf0("bare", 8, None) + in_amf3(Vector("uint", [7])))
    unknown = External("org.example.Secret", [Raw(b"\x01\x02\x03")])
    call("client", "unknown", 9, [1, unknown], "lost")
    talk.close()
    return talk.frames


def _connect(talk: Talk, app: str) -> None:
    talk.greet()
    address = {"app": app, "flashVer": "WIN 32,0,0,465", "tcUrl": f"rtmp://example.com/{app}"}
    talk.command("client", 3, 0, "connect", 1, address)
    status = {"level": "status", "code": "NetConnection.Connect.Success", "description": "Connection succeeded."}
    talk.command("server", 3, 0, "_result", 1, {"fmsVer": "FMS/3,5,7,7009", "capabilities": 31}, status)


CAPTURES: Mapping[str, Callable[[], list[Frame]]] = {
    "interleaved-abort.pcap": interleaved_abort,
    "hole-in-payload.pcap": hole_in_payload,
    "type3-extended-omitted.pcap": type3_extended_omitted,
    "shared-object.pcap": shared_object,
    "aggregate.pcap": aggregate,
    "amf3.pcap": amf3,
}


def main() -> None:
    """Write them to the folder named, or beside this program."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for name, frames in CAPTURES.items():
        (folder / name).write_bytes(pcap(frames()))


if __name__ == "__main__":
    main()
