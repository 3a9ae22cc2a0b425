"""Which names there are, and what is said of those that there are not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from rtmpsniff.analysis.expression import FilterError, parse_names
from rtmpsniff.analysis.names import Place, check, known
from rtmpsniff.analysis.record import message_record
from rtmpsniff.payload.types import TYPE_NAMES
from tests.conftest import START

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

# Below these the names are the sender's, or those of any body.
OPEN = {"object", "args", "metadata", "pairs", "body"}


def mistake(text: str) -> FilterError | None:
    (name,) = parse_names(text)
    try:
        check(name, text)
    except FilterError as error:
        return error
    return None


@pytest.mark.parametrize("type_id", [*TYPE_NAMES, 7])
def test_all_that_a_record_has_is_known(message: MakeMessage, type_id: int) -> None:
    record = message_record(message(type_id, bytes(64)), START)
    body = record["body"]
    assert isinstance(body, dict)
    for name in (set(record) - {"record"}) | set(body) | {f"body.{name}" for name in body}:
        assert mistake(name) is None, name


KNOWN = [
    "family",
    "response_to",
    "latency_ms",
    "object.whatever.it.is",
    'args[0]["what it is"]',
    "packets.0",
    "missing.0.1",
    "body.codec",
    "body.object.app",
    "events.0.event",
    "events.0.pairs.0.1.x",
    "messages.0.body.name",
    "acknowledgement_window_size",
    "nal_types.0",
]


@pytest.mark.parametrize("name", KNOWN)
def test_names(name: str) -> None:
    assert mistake(name) is None


UNKNOWN = [
    ("frame_typ", 0, 9, 'there is no name "frame_typ"; did you mean frame_type?'),
    ("zzz", 0, 3, 'there is no name "zzz"'),
    ("video", 0, 5, 'there is no name "video"; did you mean type == "video"?'),
    ("command_amf0", 0, 12, 'there is no name "command_amf0"; did you mean type == "command_amf0"?'),
    ("media", 0, 5, 'there is no name "media"; did you mean family == "media"?'),
    ("window", 0, 6, 'there is no name "window"'),
    ("length.x", 7, 8, 'length has no part "x"'),
    ("length.0", 7, 8, 'length has no part "0"'),
    ("codec.x.y", 6, 7, 'codec has no part "x"'),
    ("packets.x", 8, 9, 'packets has no part "x"'),
    ("body.codex", 5, 10, 'body has no part "codex"; did you mean codec?'),
    ("events.0.evnt", 9, 13, '0 has no part "evnt"; did you mean event?'),
    ('body["a\\n"]', 5, 10, 'body has no part "a\\n"'),
    ("__class__", 0, 9, 'there is no name "__class__"'),
    ("body.__class__", 5, 14, 'body has no part "__class__"'),
    ("body.__dict__", 5, 13, 'body has no part "__dict__"'),
    ("_decoded", 0, 8, 'there is no name "_decoded"'),
    ("y" * 60, 0, 60, f'there is no name "{"y" * 40}..."'),
]


@pytest.mark.parametrize(("name", "start", "stop", "problem"), UNKNOWN)
def test_what_is_no_name(name: str, start: int, stop: int, problem: str) -> None:
    error = mistake(name)
    assert error is not None
    assert error.problem.removesuffix("?").partition(";")[0] == problem.removesuffix("?").partition(";")[0]
    if "did you mean" in problem:
        assert error.problem == problem
    assert (error.start, error.stop) == (start, stop)


def test_a_very_long_name_is_a_mistake_soon() -> None:
    assert mistake("x" * 60_000) is not None


def walk(path: tuple[str, ...], place: Place) -> Iterator[tuple[tuple[str, ...], Place]]:
    yield path, place
    if len(path) < 6:
        for name, below in place.names.items():
            yield from walk((*path, name), below)


def test_every_attribute_is_of_a_kind_that_a_record_can_say() -> None:
    """What is no number, text, list, dataclass or AMF value would not be found again in a record."""
    places = [found for name, place in known().items() for found in walk((name,), place)]
    assert len(places) > len(known())
    assert {path[-1] for path, place in places if place.is_open} <= OPEN
