"""Who is at each end: what is known of recordings, and each thing that is taken for a clue."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from struct import pack
from typing import Any

import pytest

import rtmpsniff
from rtmpsniff.analysis.peers import Peer, Peers
from rtmpsniff.capture.packet import Origin
from rtmpsniff.rtmp.events import Event, Greeting, HandshakePart, Message
from tests import build
from tests.build import amf0
from tests.conftest import MakeMessage

CAPTURES = Path(__file__).parents[2] / "captures"
SHARED = Path(__file__).parents[3] / "shared" / "captures" / "made"

FFMPEG_NGINX = "FFmpeg > nginx-rtmp"
FFMPEG_NODE = "FFmpeg > node-media-server"
LIBRTMP_NGINX = "librtmp > nginx-rtmp"
GSTREAMER_NGINX = "GStreamer > nginx-rtmp"
NOBODY = "? > ?"

# What runs at the two ends of each connection, according to those who recorded it; "?" where it does not show.
RECORDED = {
    "extended-timestamp.pcap": [FFMPEG_NGINX] * 3,
    "ffmpeg-nginx-play.pcap": [FFMPEG_NGINX],
    "ffmpeg-nginx-publish.pcap": [FFMPEG_NGINX],
    "gstreamer-nginx.pcap": [GSTREAMER_NGINX] * 2,
    "ipv6-sll2.pcapng": [FFMPEG_NGINX],
    "node-media-server-publish.pcap": [FFMPEG_NODE] * 2,
    "not-rtmp-on-1935.pcap": [NOBODY] * 6,
    "other-port.pcap": [FFMPEG_NGINX],
    "refusals-nginx.pcap": [FFMPEG_NGINX] * 4,
    "rtmpdump-nginx-vod.pcap": [LIBRTMP_NGINX],
    "rtmpe-rtmpdump.pcap": ["librtmp > rtmpsrv or Adobe Media Server"] * 3,  # it calls itself 3.5.1.1
}
SHARED_RECORDED = {
    "01-ffmpeg5-nginx-publish-play.pcap": [FFMPEG_NGINX] * 2,
    "02-rtmpdump-live-vod.pcap": [FFMPEG_NGINX, *[LIBRTMP_NGINX] * 5],
    "03-gst-rtmp2sink-rtmp2src.pcap": [GSTREAMER_NGINX, GSTREAMER_NGINX, LIBRTMP_NGINX],  # the last is rtmpsrc
    "04-enh-hevc-aac-nms4.pcap": [FFMPEG_NODE] * 2,
    "05-enh-hevc10hdr-ac3-nms4.pcap": [FFMPEG_NODE] * 2,
    "06-enh-av1-opus-nms4.pcap": [FFMPEG_NODE] * 2,
    "07-enh-vp9-flac-nms4.pcap": [FFMPEG_NODE] * 2,
    "08-enh-avc-eac3-nms4.pcap": [FFMPEG_NODE] * 2,
    "10-h264-aac-nms2-chunk60000.pcap": [FFMPEG_NODE, "librtmp > node-media-server", FFMPEG_NODE],
    "11-legacy-codecs-nginx.pcap": [FFMPEG_NGINX] * 9,
    "13-rtmpe-rtmpsrv.pcap": [
        *["librtmp > rtmpsrv"] * 3, "FFmpeg > rtmpsrv", "librtmp > rtmpsrv", "FFmpeg > rtmpsrv",
    ],
    "17-sharedobject-rtmppy-port80.pcap": ["rtmp-python > ?"],
    "18-errors-denied-dup-nginx.pcap": [*[FFMPEG_NGINX] * 5, *[NOBODY] * 5],
    "19-ipv6-mtu1500-chunk512.pcap": [FFMPEG_NGINX] * 3,
    "20-extended-timestamp-boundary-chunk128.pcap": [FFMPEG_NGINX, LIBRTMP_NGINX, *[FFMPEG_NGINX] * 3],
    "21-any-sll2-nsec.pcap": [FFMPEG_NGINX] * 2,
    "22-any-sll1.pcap": [FFMPEG_NGINX] * 2,
    "23-snaplen150.pcap": [FFMPEG_NGINX] * 2,
    "24-dumpcap.pcapng": [FFMPEG_NGINX] * 2,
    "25-relay-push-pull-3ports.pcap": [
        FFMPEG_NGINX, "nginx-rtmp > node-media-server", "nginx-rtmp > nginx-rtmp", "nginx-rtmp > node-media-server",
        FFMPEG_NGINX, FFMPEG_NGINX,
    ],
    "27-amf3-commands-rtmplite-pyamf.pcap": ["rtmp-python > rtmplite", *["FFmpeg > rtmplite"] * 2],
    "28-base-mtu1500-publish-play.pcap": [FFMPEG_NGINX] * 2,
    "29-tcserver-rtmp-rtmfp-tcrelay.pcap": [  # the first and the fourth are RTMFP
        "? > ?", "FFmpeg > tcserver", "FFmpeg > tcserver",
        "? > ?", "librtmp > tcserver", "FFmpeg > tcserver", "FFmpeg > tcserver",
    ],
    "30-crtmpserver-rtmp-publish-play-vod.pcap": [
        "FFmpeg > crtmpserver", *["librtmp > crtmpserver"] * 3, "FFmpeg > crtmpserver",
    ],
    "31-rtmpe-crtmpserver-media.pcap": [
        "FFmpeg > crtmpserver", *["librtmp > crtmpserver"] * 2, "FFmpeg > crtmpserver",
    ],
    "35-ffmpeg-listen-servers.pcap": ["FFmpeg > FFmpeg", "GStreamer > FFmpeg"],  # its rtmpsink has librtmp inside
    "36-thirdparty-flv-tcserver1935-nms19350.pcap": [
        *[FFMPEG_NODE] * 2, "FFmpeg > tcserver", "FFmpeg > tcserver", "librtmp > tcserver", FFMPEG_NODE,
        "GStreamer > tcserver",
    ],
}  # fmt: skip
# Too little of these was seen for more than a guess: a server that was left at once, a copied S1 and a common fmsVer.
UNSURE = {
    ("02-rtmpdump-live-vod.pcap", 5),
    ("02-rtmpdump-live-vod.pcap", 6),
    ("10-h264-aac-nms2-chunk60000.pcap", 2),
}


def ends(path: Path) -> list[dict[Any, Peer]]:
    """Who is at the ends of each connection of a capture."""
    peers = Peers()
    numbers: dict[int, None] = {}
    for event in rtmpsniff.events(path):
        numbers[event.connection] = None
        assert list(peers.see(event)) == []
    return [peers.of(number) for number in numbers]


def check(path: Path, expected: list[str]) -> None:
    found = ends(path)
    assert [f"{one['client'].software or '?'} > {one['server'].software or '?'}" for one in found] == expected
    for number, one in enumerate(found, 1):
        for peer in one.values():
            assert (peer.software is None) == (peer.confidence == "unknown")
            assert peer.because or peer.software is None
            assert all(text.isprintable() for text in (str(peer), *peer.because, *peer.against))
            if " or " not in (peer.software or " or ") and (path.name, number) not in UNSURE:
                assert peer.confidence != "possible", f"{path.name} {number}: {peer}"


@pytest.mark.parametrize("name", RECORDED)
def test_recordings(name: str) -> None:
    check(CAPTURES / name, RECORDED[name])


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures beside the checkout")
@pytest.mark.parametrize("name", SHARED_RECORDED)
def test_shared_recordings(name: str) -> None:
    check(SHARED / name, SHARED_RECORDED[name])


def test_the_reasons_of_a_recording() -> None:
    (one,) = ends(CAPTURES / "ffmpeg-nginx-publish.pcap")
    assert str(one["client"]) == "likely FFmpeg (libavformat 59.27.100)"
    assert one["client"].because == (
        "C1 bytes 8-23 are those that FFmpeg always sends",
        'flashVer is "FMLE/3.0 (compatible; Lavf59.27.100)"',
        "C1 bytes 4-7 are 09 00 7c 02",
        "C2 echoes S1, though both C1 and S1 carry a digest",
        'encoder in the metadata is "Lavf59.27.100"',
    )
    assert str(one["server"]) == "likely nginx-rtmp"
    assert one["server"].because == (
        "S1 bytes 4-7 are 0d 0e 0a 0d",
        'fmsVer is "FMS/3,0,1,123"',
        'a status is "Start publishing"',
    )
    assert one["client"].against == one["server"].against == ()


# Each clue, in made-up handshakes


def part(name: HandshakePart, data: bytes, verdict: str = "none", **changes: Any) -> Greeting:
    is_first = name in {"C0 C1", "S0 S1"}
    digest = (403, 435) if verdict.startswith("D") else None
    usual: dict[str, Any] = {"missing": (), "connection": 1} | changes
    return Greeting(
        usual["connection"], "client" if name[0] == "C" else "server", name, 0 if is_first else 1537,
        b"\3" + data if is_first else data, 3 if is_first else None, verdict, digest, usual["missing"],
        Origin(0, 1, 1), Origin(0, 2, 2),
    )  # fmt: skip


def glibc(seed: int, skipped: int = 0) -> bytes:
    """What rand() gives in a program that is linked with glibc, as a C1 or S1 is filled with it."""

    def numbers() -> Iterable[int]:
        state = [seed]
        for _ in range(30):
            state.append(16807 * state[-1] % 0x7FFFFFFF)
        state += state[:3]
        for n in range(34, 344):
            state.append((state[n - 31] + state[n - 3]) & 0xFFFFFFFF)
        while True:
            state.append((state[-31] + state[-3]) & 0xFFFFFFFF)
            yield state[-1] >> 1

    return b"".join(pack("<I", number) for number in islice(numbers(), skipped, skipped + 382))


RANDOM = random.Random(1).randbytes(1528)
SMALL = b"".join(pack("<I", random.Random(n).randrange(1 << 15)) for n in range(382))
CRTMPSERVER = RANDOM[:300] + b"C++ RTMP Media Server (www.rtmpd.com)" + RANDOM[337:]


def head(version: str = "00000000", filler: bytes = RANDOM, time: bytes = b"\0\0\0\7") -> bytes:
    return time + bytes.fromhex(version) + filler


def seen(*events: Event) -> dict[Any, Peer]:
    peers = Peers()
    for event in events:
        assert list(peers.see(event)) == []
    return peers.of(1)


def test_the_sequence_of_glibc() -> None:
    assert glibc(1)[:16].hex() == "67458b6bc6237b3269983c6473483366"


@pytest.mark.parametrize(
    ("c1", "software", "because"),
    [
        (head(filler=glibc(1)), "librtmp", "C1 is filled by glibc's rand(), four bytes at a time"),
        (head(filler=glibc(4711, 99)), "librtmp", "C1 is filled by glibc's rand(), four bytes at a time"),
        (head("80000302", glibc(1)[:400] + RANDOM[:160] + glibc(1)[560:]), "librtmp", "C1 is filled by glibc"),
        (head(filler=SMALL), "librtmp or OBS Studio", "C1 is filled by Windows' rand(), four bytes at a time"),
        (head("0c000d0e"), "nginx-rtmp", "C1 bytes 4-7 are 0c 00 0d 0e"),
        (head("0c000d0e", (b"lal" * 510)[:1528]), "lal", 'C1 is filled with "lal"'),
        (head("80000702"), "SRS", "C1 bytes 4-7 are 80 00 07 02"),
        (head(filler=b"x" * 1528), "rtmp-python", 'C1 is filled with "x"'),
        (head("09007c02"), None, "C1 bytes 4-7 are 09 00 7c 02"),
        (head(filler=bytes(1528)), None, ""),
        (head(), None, ""),
    ],
    ids=["glibc", "glibc, later", "glibc, amid it a key", "Windows", "nginx", "lal", "SRS", "x", "9.0", "zeros", "?"],
)
def test_what_c1_tells(c1: bytes, software: str | None, because: str) -> None:
    peer = seen(part("C0 C1", c1))["client"]
    assert peer.software == software
    assert any(text.startswith(because) for text in peer.because) or not because


@pytest.mark.parametrize(
    ("s1", "software", "because"),
    [
        (head("0d0e0a0d"), "nginx-rtmp", "S1 bytes 4-7 are 0d 0e 0a 0d"),
        (head("0d0e0a0d", (b"lal" * 510)[:1528]), "lal", 'S1 is filled with "lal"'),
        (head("01000504"), "SRS", "S1 bytes 4-7 are 01 00 05 04"),
        (head("01020304"), "node-media-server or rtmplite", "S1 bytes 4-7 are 01 02 03 04"),
        (head("03050101"), "rtmpsrv or Adobe Media Server", "S1 bytes 4-7 are 03 05 01 01"),
        (head("03050101", glibc(1, 382)), "rtmpsrv", "S1 is filled by glibc's rand(), four bytes at a time"),
        (head(filler=b"S" * 1528), "tcserver", 'S1 is filled with "S"'),
        (head(filler=bytes(1528)), "rtmplite", "S1 is filled with zeros"),
        (head(filler=CRTMPSERVER), "crtmpserver", 'S1 holds the text "C++ RTMP Media Server (www.rtmpd.com)"'),
        (head(), None, ""),
    ],
    ids=["nginx", "lal", "SRS", "1.2.3.4", "3.5.1.1", "rtmpsrv", "S", "zeros", "text", "?"],
)
def test_what_s1_tells(s1: bytes, software: str | None, because: str) -> None:
    peer = seen(part("S0 S1", s1))["server"]
    assert peer.software == software
    assert because in peer.because or not because


def test_a_copy_of_c1_tells_nothing_of_what_it_holds() -> None:
    c1 = head(filler=glibc(1))
    peers = seen(part("C0 C1", c1), part("S0 S1", c1))
    assert (peers["server"].software, peers["server"].because) == ("nginx-rtmp", ("S1 is a copy of C1",))
    alone = seen(part("S0 S1", c1))
    assert alone["server"].software == "rtmpsrv"


def test_the_time_of_c1_in_s1() -> None:
    c1 = head(filler=glibc(1))
    assert seen(part("C0 C1", c1), part("S0 S1", head()))["server"].because == ("S1 has the time of C1",)
    assert seen(part("C0 C1", c1), part("S0 S1", head(time=b"\0\0\0\1")))["server"].because == ()


def test_an_echo_where_a_signature_was_possible() -> None:
    parts = [part("C0 C1", head("0c000d0e"), "D8"), part("S0 S1", head("0d0e0a0d"), "D8"), part("C2", head(), "echo")]
    assert seen(*parts)["client"].because == ("C1 bytes 4-7 are 0c 00 0d 0e",)
    assert not seen(*parts)["client"].against
    ffmpeg = part("C0 C1", head("09007c02"), "D8")
    assert "C2 echoes S1, though both C1 and S1 carry a digest" in seen(ffmpeg, *parts[1:])["client"].because


def test_what_was_not_captured_tells_nothing() -> None:
    filler = bytes.fromhex("f778551eceab8e1e362f07c5868a70b2") + bytes(1512)
    c1 = head("09007c02", filler)
    late = part("C0 C1", c1, "unseen", missing=((150, 1537),))
    early = part("C0 C1", c1, "unseen", missing=((20, 30),))
    assert seen(late)["client"].software == "FFmpeg"
    assert seen(early)["client"] == Peer()
    zeros = part("S0 S1", head(filler=bytes(1528)), "unseen", missing=((100, 1537),))
    assert seen(zeros)["server"] == Peer()


# Each clue, in what is said


def connect(message: MakeMessage, flash_ver: object = None, **properties: object) -> Message:
    named = {} if flash_ver is None else {"flashVer": flash_ver}
    return message(20, amf0("connect", 1, {"app": "live"} | named | properties), message_stream_id=0)


@pytest.mark.parametrize(
    ("flash_ver", "said"),
    [
        ("FMLE/3.0 (compatible; Lavf59.27.100)", "likely FFmpeg (libavformat 59.27.100)"),
        ("LNX 9,0,124,2", "possible FFmpeg or MediaMTX"),
        ("LNX 10,0,32,18", "possible librtmp or GStreamer"),
        ("WIN 10,0,32,18", "possible librtmp or GStreamer"),
        ("FMLE/3.0 (compatible; FMSc/1.0)", "possible OBS Studio"),
        ("FMLE/3.0 (compatible; obs-studio/30.0.2; FMSc/1.0)", "likely OBS Studio (30.0.2)"),
        ("FMLE/3.0 (compatible; Lal0.0.1)", "likely lal (0.0.1)"),
        ("LNX.11,1,102,55", "likely nginx-rtmp"),
        ("WIN 15,0,0,239", "possible SRS"),
        ("WIN 32,0,0,465", "unknown"),
        ("FMLE/3.2", "unknown"),
        ("Larix/1.2.3", "possible Larix (1.2.3)"),
        ("VideoCore/0.2.3.2", "possible VideoCore (0.2.3.2)"),
        ("Camera App v2", "possible Camera App (2)"),
        ("StreamPanel", "possible StreamPanel"),
        ("FMLE/3.0 (compatible; livepeer-gateway)", "possible livepeer-gateway"),
        ("FMLE/3.0 (compatible; Gadget/7.1 x)", "possible Gadget (7.1)"),
        ("LNX 9,0,124", "unknown"),
        ("9,0,124,2", "unknown"),
        ("Aha\x1b[31m", "unknown"),
        ("", "unknown"),
        (7, "unknown"),
        (None, "unknown"),
        ({"a": 1}, "unknown"),
        ("X" * 60_000, "unknown"),
    ],
)
def test_flash_versions(message: MakeMessage, flash_ver: object, said: str) -> None:
    peer = seen(connect(message, flash_ver))["client"]
    assert str(peer) == said
    assert all(len(text) < 400 and text.isprintable() for text in peer.because)


def test_flash_version_of_ffmpeg_without_its_c1(message: MakeMessage) -> None:
    """Libraries for telephones copy it."""
    peer = seen(
        part("C0 C1", head()),
        connect(message, "FMLE/3.0 (compatible; Lavf57.56.101)"),
        message(18, amf0("@setDataFrame", "onMetaData", build.Ecma({"encoder": "Lavf57.56.101"}))),
    )["client"]
    assert (peer.software, peer.confidence) == ("FFmpeg", "possible")
    assert peer.against == ("C1 is not the one that FFmpeg always sends",)


def test_flash_player(message: MakeMessage) -> None:
    told = {"capabilities": 239, "pageUrl": "https://example.com/", "objectEncoding": 3}
    digest = part("C0 C1", head("80000702"), "D8")
    assert str(seen(connect(message, "WIN 32,0,0,465"))["client"]) == "unknown"
    assert str(seen(connect(message, "WIN 32,0,0,465", **told))["client"]) == "likely Flash Player (32.0.0.465)"
    real = seen(part("C0 C1", head("0a002d02"), "D772"), connect(message, "WIN 10,0,45,2"))["client"]
    assert str(real) == "likely Flash Player (10.0.45.2)"
    assert "C1 carries a digest and the version of flashVer" in real.because
    other = seen(digest, connect(message, "WIN 10,0,45,2"))["client"]
    assert other.software != "Flash Player"
    filled = seen(part("C0 C1", head(filler=b"x" * 1528)), connect(message, "WIN 10,1,85,3", **told))["client"]
    assert filled.software == "rtmp-python"


def test_obs(message: MakeMessage) -> None:
    chunk_size = message(1, pack(">I", 4096))
    metadata = {"encoder": "obs-output module (libobs version 30.0.2)"}
    peer = seen(
        part("C0 C1", head(filler=glibc(1))),
        chunk_size,
        connect(message, "FMLE/3.0 (compatible; FMSc/1.0)", type="nonprivate"),
        message(18, amf0("@setDataFrame", "onMetaData", build.Ecma(metadata))),
    )["client"]
    assert str(peer) == "likely OBS Studio (30.0.2)"
    assert "it sets a chunk size of 4096 before it connects" in peer.because
    late = seen(connect(message), chunk_size)["client"]
    assert late.because == ()


def test_phones_that_say_what_obs_says(message: MakeMessage) -> None:
    """HaishinKit and StreamPack cannot be told apart."""
    said = connect(message, "FMLE/3.0 (compatible; FMSc/1.0)", capabilities=239)
    peer = seen(said, message(1, pack(">I", 8192)))["client"]
    assert (peer.software, peer.confidence) == ("HaishinKit or StreamPack", "possible")


def test_mediamtx_as_a_client(message: MakeMessage) -> None:
    peer = seen(message(1, pack(">I", 65536)), connect(message, "LNX 9,0,124,2"))["client"]
    assert str(peer) == "likely MediaMTX"


def test_gstreamer(message: MakeMessage) -> None:
    said = connect(message, "LNX 10,0,32,18", capabilities=15, audioCodecs=4071)
    publisher = seen(said, message(20, amf0("releaseStream", 0, None, "x")))["client"]
    player = seen(said, message(20, amf0("play", 0, None, "x", -2)), message(4, bytes.fromhex("0003000000000000012c")))
    assert publisher.software == player["client"].software == "GStreamer"


def test_librtmp(message: MakeMessage) -> None:
    said = connect(message, "LNX 10,0,32,18", capabilities=15, audioCodecs=3191)
    ten_hours = message(4, b"\0\3\0\0\0\1" + pack(">I", 36_000_000))
    assert str(seen(said, ten_hours)["client"]) == "likely librtmp"


def result(message: MakeMessage, properties: object, information: object = None) -> Message:
    return message(20, amf0("_result", 1, properties, information), sender="server", message_stream_id=0)


SERVERS = [
    ("FMS/3,0,1,123", {}, "unknown"),
    ("FMS/3,5,3,888", {}, "possible SRS"),
    ("FMS/3,5,3,888", {"data": build.Ecma({"srs_version": "6.0.48", "srs_id": "x"})}, "likely SRS (6.0.48)"),
    ("FMS/3,5,7,7009", {}, "possible Wowza"),
    ("FMS/3,5,7,7009", {"secureToken": "x"}, "likely Wowza"),
    ("FMS/5,0,15,5002", {}, "unknown"),
    ("FMS/5,0,15,5002", {"clientid": "x", "data": {"version": "5,0"}}, "possible Adobe Media Server (5.0.15.5002)"),
    ("FMS/3,5,1,525", {}, "possible rtmpsrv"),
    ("LNX 9,0,124,2", {}, "likely MediaMTX"),
    ("rtmplite/8,2", {}, "likely rtmplite (8.2)"),
    ("RED5/1,0,9,0", {}, "likely Red5 (1.0.9.0)"),
    ("Nimble/3.7", {}, "possible Nimble (3.7)"),
    ("rtmp/testing", {}, "unknown"),
    (None, {"serverFingerprint": "c0"}, "likely tcserver"),
    (None, {}, "unknown"),
    (["x"], {}, "unknown"),
]


@pytest.mark.parametrize(("version", "information", "said"), SERVERS)
def test_answers_to_connect(message: MakeMessage, version: object, information: dict[str, object], said: str) -> None:
    properties = {"capabilities": 31} | ({} if version is None else {"fmsVer": version})
    assert str(seen(result(message, properties, information))["server"]) == said
    both = properties | information  # some put everything into one object
    assert str(seen(result(message, None, both))["server"]) == said


def test_a_common_answer_names_nobody(message: MakeMessage) -> None:
    """Five servers send it, so that it is told and decides nothing."""
    peer = seen(result(message, {"fmsVer": "FMS/3,0,1,123"}))["server"]
    assert (peer.software, peer.because) == (None, ('fmsVer is "FMS/3,0,1,123"',))
    s1 = part("S0 S1", head("0d0e0a0d"))
    assert str(seen(s1, result(message, {"fmsVer": "FMS/3,0,1,123"}))["server"]) == "likely nginx-rtmp"


def test_an_answer_that_is_not_its_own(message: MakeMessage) -> None:
    """Clues that do not fit are told."""
    s1 = part("S0 S1", head("0d0e0a0d"))
    peer = seen(s1, result(message, {"fmsVer": "FMS/3,5,3,888"}))["server"]
    assert (peer.software, peer.confidence) == ("SRS", "possible")
    assert peer.against == ("S1 bytes 4-7 are 0d 0e 0a 0d",)
    copy = seen(part("C0 C1", head()), part("S0 S1", head()), result(message, {"fmsVer": "FMS/3,0,2,217"}))["server"]
    assert copy.software is None


def test_adobe_says_its_version_twice(message: MakeMessage) -> None:
    s1 = part("S0 S1", head("05000301"), "D8")
    peer = seen(s1, result(message, {"fmsVer": "FMS/5,0,3,3029"}))["server"]
    assert str(peer) == "likely Adobe Media Server (5.0.3.3029)"
    assert "S1 names the version 5.0.3.1 too" in peer.because


def status(message: MakeMessage, description: str) -> Message:
    information = {"level": "status", "code": "NetStream.Publish.Start", "description": description}
    return message(20, amf0("onStatus", 0, None, information), sender="server")


@pytest.mark.parametrize(
    ("description", "software"),
    [
        ("/live/s1 is now published.", "node-media-server"),
        ("Stream `s1` is now published", "crtmpserver"),
        ("publish start", "MediaMTX"),
        ("Start publishing", None),
        ("s1 is now published", None),
        ("whatever", None),
        (" is now published" * 100_000, None),
    ],
)
def test_statuses(message: MakeMessage, description: str, software: str | None) -> None:
    assert seen(status(message, description))["server"].software == software


def test_ffmpeg_as_a_server(message: MakeMessage) -> None:
    odd = message(20, amf0("onFCPublish"), sender="server")
    done = message(20, amf0("onBWDone", 0, None, 8192), sender="server")
    assert str(seen(odd, done, status(message, "s1 is now published"))["server"]) == "likely FFmpeg"


def test_rtmpsrv(message: MakeMessage) -> None:
    odd = message(20, amf0("onStatus", 0, {"level": "status", "clientid": "clientid"}), sender="server")
    assert str(seen(odd)["server"]) == "likely rtmpsrv"


@pytest.mark.parametrize(
    ("type_id", "value", "because"),
    [
        (1, 60000, "it sets a chunk size of 60000"),
        (1, 65535, "it sets a chunk size of 65535"),
        (1, 65536, "it sets a chunk size of 65536"),
        (1, 128, "it sets a chunk size of 128"),
        (5, 1 << 30, "its window is 1073741824 bytes"),
        (5, 2800, "its window is 2800 bytes"),
        (1, 4096, None),
        (5, 2500000, None),
    ],
)
def test_sizes(message: MakeMessage, type_id: int, value: int, because: str | None) -> None:
    peer = seen(message(type_id, pack(">I", value), sender="server"))["server"]
    assert peer.because == (() if because is None else (because,))


def test_metadata_that_is_handed_on(message: MakeMessage) -> None:
    """What another wrote into it is a weak clue, and one that is told where it does not fit."""
    metadata = message(18, amf0("onMetaData", {"Server": "NGINX RTMP (github.com)", "encoder": "Strange\n"}))
    assert seen(metadata)["client"].software is None
    assert seen(metadata)["client"].because == (
        'Server in the metadata is "NGINX RTMP (github.com)"',
        'encoder in the metadata is "Strange\\n"',
    )


# Whatever is sent


def test_connections_do_not_mix_and_are_forgotten(message: MakeMessage) -> None:
    peers = Peers()
    for number, version in ((1, "0d0e0a0d"), (2, "01000504")):
        list(peers.see(part("S0 S1", head(version), connection=number)))
    assert [peers.of(number)["server"].software for number in (1, 2, 3)] == ["nginx-rtmp", "SRS", None]
    peers.forget(1)
    peers.forget(3)
    assert [peers.of(number)["server"].software for number in (1, 2)] == [None, "SRS"]
    list(peers.see(message(9, b"\x17", connection=1)))
    assert peers.of(1) == {"client": Peer(), "server": Peer()}


def test_the_first_of_a_kind_counts(message: MakeMessage) -> None:
    """So that nobody can fill the memory by telling again and again who he is."""
    many = [connect(message, f"Product{number}/1.0") for number in range(1000)]
    peer = seen(*many)["client"]
    assert str(peer) == "possible Product0 (1.0)"
    assert len(peer.because) == 1


@pytest.mark.parametrize("name", ["connect", "_result", "onStatus", "onFCPublish", "play", "publish", "onBWDone"])
@pytest.mark.parametrize("sender", ["client", "server"])
def test_commands_of_any_shape(message: MakeMessage, name: str, sender: str) -> None:
    shapes: list[tuple[object, ...]] = [
        (),
        (1,),
        (0, None),
        (1, {"flashVer": {"x": 1}, "capabilities": [1], "audioCodecs": {"y": 2}, "fmsVer": 7, "data": [1]}),
        (0, {"clientid": {}}, {"description": {}, "fmsVer": {}, "data": {"srs_version": 7}}),
        (0, None, [1], [-2], {"code": 1}),
        ("x", "y", "z"),
    ]
    for shape in shapes:
        peers = seen(message(20, amf0(name, *shape), sender=sender), message(18, amf0("onMetaData", *shape)))
        assert {peer.software for peer in peers.values()} <= {None, "FFmpeg", "SRS"}


def test_it_looks_at_control_messages_and_commands_only() -> None:
    assert Peers.types == {1, 4, 5, 15, 17, 18, 20}
