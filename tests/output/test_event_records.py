"""Events as records, one at a time: what they hold adds up, and a connection is told when it ends."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

from rtmpsniff.capture.packet import Packet
from rtmpsniff.dissect import Dissection
from rtmpsniff.output.event_records import Records
from rtmpsniff.output.json_text import json_text
from tests.build import Talk, session


def records(talk: Talk) -> list[dict[str, Any]]:
    frames = (Packet(0, n, frame.time, 1, frame.data, len(frame.data)) for n, frame in enumerate(talk.frames, 1))
    run = Dissection(frames)
    made = Records(run)
    events = iter(run)
    first = next(events)
    rows = [made.header()]
    rows += [row for event in chain([first], events) for row in made.of(event)]
    rows.append(made.end())
    return [json.loads(json_text(row)) for row in rows]


def test_what_stands_first_and_last() -> None:
    talk = session(Talk())
    first, *_, last = records(talk)
    assert (first["record"], first["schema"]) == ("header", "rtmpsniff/1")
    assert first["base_ns"] == str(talk.frames[0].time)
    assert first["masking"] == {"secrets": "shown", "addresses": "shown"}
    assert last == {"record": "end", "captures": [], "other_connections": 0, "other_packets": 0}


def test_a_connection_counts_its_messages() -> None:
    rows = records(session(Talk()))
    messages = [row for row in rows if row["record"] == "message"]
    (connection,) = (row for row in rows if row["record"] == "connection")
    assert sum(connection["messages"].values()) == len(messages) > 5
    assert (connection["end_reason"], connection["client"]["port"]) == ("closed", 50_000)
    assert connection["tcp"]["client"]["missing_bytes"] == 0
    assert 0 == connection["start"] < connection["end"]


def test_what_is_wrong_and_what_cannot_be_read_are_records() -> None:
    talk = session(Talk())
    del talk.frames[9:12]
    rows = records(talk)
    kinds = {row["record"] for row in rows}
    assert {"finding", "undecoded"} & kinds
    for row in rows:
        if row["record"] == "finding":
            assert row["title"]
            assert row["connection"] == 1
        if row["record"] == "undecoded":
            assert row["length"] > 0
            assert row["reason"]
