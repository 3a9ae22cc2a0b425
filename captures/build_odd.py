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

from tests.build import Ecma, Frame, Talk, amf0, audio_frame, begin_publish, end_publish, pcap, video_frame

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


CAPTURES: Mapping[str, Callable[[], list[Frame]]] = {
    "interleaved-abort.pcap": interleaved_abort,
    "hole-in-payload.pcap": hole_in_payload,
    "type3-extended-omitted.pcap": type3_extended_omitted,
}


def main() -> None:
    """Write them to the folder named, or beside this program."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for name, frames in CAPTURES.items():
        (folder / name).write_bytes(pcap(frames()))


if __name__ == "__main__":
    main()
