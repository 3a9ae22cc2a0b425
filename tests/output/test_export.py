"""The records of a run: what each says, in what order, with which totals; one event at a time gives the same."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from rtmpsniff.analysis.masking import Masking
from rtmpsniff.analysis.selection import Selection
from rtmpsniff.capture.files import read
from rtmpsniff.dissect import Dissection
from rtmpsniff.output.export import HEAD, SCHEMA, Export, Payload, schema_text
from rtmpsniff.rtmp.events import Message
from tests.build import Frame, Talk, begin_publish, end_publish, session

CAPTURES: Final = Path(__file__).parents[2] / "captures"
PUBLISH: Final = str(CAPTURES / "ffmpeg-nginx-publish.pcap")
AGGREGATE: Final = str(CAPTURES / "aggregate.pcap")
REFUSALS: Final = str(CAPTURES / "refusals-nginx.pcap")

Save = Callable[[Iterable[Frame]], str]
Records = list[dict[str, Any]]


def exported(
    file: str,
    selection: Selection | None = None,
    masking: Masking | None = None,
    payload: Payload = "none",
    *,
    fields: bool = False,
) -> Records:
    with read([file]) as captures:
        run = Dissection(captures, media=True)
        export = Export(run, captures.files, masking or Masking("shown"), payload, fields=fields)
        return list(export.records(selection or Selection(), lambda: None))


def of(records: Records, name: str) -> Records:
    return [record for record in records if record["record"] == name]


def test_a_header_first_and_an_end_last() -> None:
    records = exported(PUBLISH)
    assert records[0]["record"] == "header"
    assert (records[0]["schema"], records[0]["generator"]["name"]) == (SCHEMA, "rtmpsniff")
    assert records[0]["masking"] == {"secrets": "shown", "addresses": "shown"}
    assert records[0]["base_ns"].isdigit()
    assert records[-1]["record"] == "end"
    assert records[-1]["captures"][0]["file"] == PUBLISH
    assert of(records, "header") + of(records, "end") == [records[0], records[-1]]


@pytest.mark.parametrize("file", [PUBLISH, AGGREGATE, REFUSALS])
def test_one_event_at_a_time_gives_the_same(file: str) -> None:
    with read([file]) as captures:
        run = Dissection(captures, media=True)
        export = Export(run, captures.files, Masking("shown"))
        events = iter(run)
        first = next(events)
        records = [export.header(), *export.of(first)]
        for event in events:
            records += export.of(event)
        records.append(export.end())
    assert records == exported(file)


def test_one_event_at_a_time_is_masked_by_what_is_known(
    events: Callable[[list[Frame]], Iterable[Any]], save: Save
) -> None:
    file = save(session(name="live_4f1d9c_key").frames)
    with read([file]) as captures:
        run = Dissection(captures)
        export = Export(run, captures.files, Masking("streamed"))
        said = repr([record for event in run for record in export.of(event)])
    assert "live_4f1d9c_key" not in said
    assert "<key-1>" in said


def test_a_message_points_at_its_bytes() -> None:
    records = of(exported(PUBLISH), "message")
    with read([PUBLISH]) as captures:
        messages = [event for event in Dissection(captures) if isinstance(event, Message)]
    base = min(message.first.time for message in messages)
    assert [record["n"] for record in records] == [message.number for message in messages]
    for record, message in zip(records, messages, strict=True):
        assert (record["offset"], record["length"], record["sender"]) == (
            message.offset,
            message.length,
            message.sender,
        )
        assert record["packets"] == sorted((message.first.packet, message.last.packet))
        assert isinstance(record["time"], Decimal)
        assert record["time"] - records[0]["start"] == Decimal(message.last.time - base) / 10**9


def test_totals_are_those_of_the_messages() -> None:
    for file in (PUBLISH, AGGREGATE, REFUSALS):
        records = exported(file)
        for connection in of(records, "connection"):
            own = [record for record in of(records, "message") if record["connection"] == connection["id"]]
            own = [record for record in own if "inside" not in record]
            assert sum(connection["messages"].values()) == len(own)
            assert sum(connection["message_bytes"].values()) == sum(record["length"] for record in own)
            findings = [record for record in of(records, "finding") if record["connection"] == connection["id"]]
            assert sum(connection["findings"].values()) == len(findings)


def test_a_connection_stands_behind_all_that_is_about_it() -> None:
    records = exported(REFUSALS)
    for at, record in enumerate(records):
        if record["record"] == "connection":
            assert all(later.get("connection") != record["id"] for later in records[at + 1 :])


def test_filters_choose_messages_and_connections_stay_whole() -> None:
    everything, chosen = exported(PUBLISH), exported(PUBLISH, Selection(types=frozenset({20})))
    assert {record["type"] for record in of(chosen, "message")} == {"command_amf0"}
    assert of(chosen, "connection") == of(everything, "connection")


def test_payloads() -> None:
    none, head, everything = (of(exported(PUBLISH, payload=how), "message") for how in ("none", "head", "all"))
    assert not any("payload" in record for record in none)
    for short, long in zip(head, everything, strict=True):
        is_media = short["type"] in {"audio", "video"}
        assert ("payload" in short) == ("payload" in long) == ("payload_sha256" in short) == is_media
        if is_media:
            data = b64decode(long["payload"])
            assert len(data) == long["length"]
            assert b64decode(short["payload"]) == data[:HEAD]
            assert sha256(data).hexdigest() == long["payload_sha256"]


def test_fields_cover_the_message() -> None:
    for record in of(exported(PUBLISH, fields=True), "message"):
        at = 0
        for field in record["fields"]:
            assert field["start"] <= at  # bits share a byte
            at = max(at, field["stop"])
            assert all(
                field["start"] <= below["start"] <= below["stop"] <= field["stop"] for below in field["children"]
            )
        assert at == record["length"]


def test_a_masked_body_has_no_hash(save: Save) -> None:
    key = "live_4f1d9c_key"
    talk = Talk()
    begin_publish(talk, name=key)
    talk.say("client", 6, 9, 1, 40, b"\x27\x01\0\0\0" + key.encode())
    talk.say("client", 6, 9, 1, 80, b"\x27\x01\0\0\0" + bytes(20))
    end_publish(talk, name=key)
    masking = Masking()
    masking.text(key)
    with_key, without = of(exported(save(talk.frames), masking=masking, payload="all"), "message")[-4:-2]
    assert "payload_sha256" not in with_key
    assert "payload_sha256" in without


def test_an_empty_capture_has_no_base() -> None:
    records = exported(str(CAPTURES / "not-rtmp-on-1935.pcap"), Selection(types=frozenset({20})))
    assert records[0]["base_ns"].isdigit()
    assert of(records, "message") == []


def test_the_schema_says_which_it_is() -> None:
    assert '"$schema": "https://json-schema.org/draft/2020-12/schema"' in schema_text()
    assert f'"const": "{SCHEMA}"' in schema_text()
