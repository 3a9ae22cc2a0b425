"""Patches: where in a payload secrets stand, and what stands there instead, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtmpsniff.analysis.patches import Patch, filler
from rtmpsniff.payload.types import AGGREGATE, AUDIO, COMMAND_AMF0
from tests.analysis.test_masking import KEY, command, learnt, publish
from tests.build import amf0

if TYPE_CHECKING:
    from tests.conftest import MakeMessage


def test_a_mask_is_as_long_as_what_it_hides() -> None:
    assert [filler("<key-1>", size) for size in (0, 6, 7, 9)] == [b"", b"*" * 6, b"<key-1>", b"<key-1>**"]


def test_a_patch_is_where_the_secret_is(message: MakeMessage) -> None:
    one = publish(message)
    assert learnt(one).patches(one) == [Patch(one.payload.index(KEY.encode()), b"<key-1>******")]


def test_a_patch_inside_an_aggregate_is_placed_in_the_whole(message: MakeMessage) -> None:
    inside = publish(message).payload
    header = bytes((COMMAND_AMF0, *len(inside).to_bytes(3, "big"), 0, 0, 0, 0, 0, 0, 0))
    whole = message(AGGREGATE, header + inside + (len(inside) + 11).to_bytes(4, "big"))
    assert learnt(whole).patches(whole) == [Patch(whole.payload.index(KEY.encode()), b"<key-1>******")]


def test_numbers_that_are_secret(message: MakeMessage) -> None:
    one = command(message, "connect", 1, {"app": "live"}, 1234567)
    masked = learnt(one).message(one)
    assert len(masked.payload) == one.length
    assert str(masked.decoded.fields[3].value) == "nan"


def test_half_a_key_is_hidden(message: MakeMessage) -> None:
    payload = amf0("publish", 5, None, KEY)
    cut = message(COMMAND_AMF0, payload[:-4], length=len(payload), state="cut")
    masked = learnt(cut).message(cut)
    assert b"live_" not in masked.payload
    assert masked.payload.startswith(amf0("publish", 5, None))
    hole = len(payload) - 8
    damaged = message(COMMAND_AMF0, payload, missing=((hole, hole + 2),), state="damaged")
    masked = learnt(damaged).message(damaged)
    assert b"live_" not in masked.payload
    assert b"et_1" not in masked.payload


def test_media_that_holds_a_key(message: MakeMessage) -> None:
    masking = learnt(publish(message))
    one = message(AUDIO, b"\xaf\1a" + KEY.encode() + b"z")
    assert masking.message(one).payload == b"\xaf\1a<key-1>******z"
