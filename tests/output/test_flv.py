"""FLV files are what the specification says, and what this package reads."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.output import flv
from rtmpsniff.payload.flv import FileHeader, FlvReader, Part, Tag


def read(data: bytes) -> list[Part]:
    reader = FlvReader()
    return [*reader.feed(data), *reader.end()]


def test_the_header() -> None:
    assert flv.header() == bytes.fromhex("464c5601 05 00000009 00000000")
    assert flv.header()[flv.FLAGS_OFFSET : flv.FLAGS_OFFSET + 1] == flv.flags(has_audio=True, has_video=True)
    assert [flv.flags(True, False), flv.flags(False, True), flv.flags(False, False)] == [b"\4", b"\1", b"\0"]


def test_a_tag() -> None:
    made = flv.tag(9, 0x12345678, b"\x17\x00\x00")
    assert made == bytes.fromhex("09 000003 345678 12 000000 170000 0000000e")


tags = st.tuples(st.sampled_from([8, 9, 18]), st.integers(0, 2**32 - 1), st.binary(max_size=300))


@given(st.lists(tags, max_size=8))
def test_what_is_written_is_read(given: list[tuple[int, int, bytes]]) -> None:
    head, *found = read(flv.header() + b"".join(flv.tag(*one) for one in given))
    assert isinstance(head, FileHeader)
    assert head.findings == ()
    assert [(one.type_id, one.timestamp, one.payload) for one in found if isinstance(one, Tag)] == given
    assert len(found) == len(given)
    assert not [one for one in found if isinstance(one, Tag) and one.findings]
