"""The file of records: one a line, for its owner alone, whole from header to end."""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import jsonschema_rs
import pytest

import rtmpsniff
from rtmpsniff.capture.live import Capture, Figures
from rtmpsniff.capture.packet import Packet
from rtmpsniff.cli.ndjson import RecordsFile
from rtmpsniff.dissect import Dissection
from rtmpsniff.errors import OutputError
from tests.build import Frame, Talk, session


class Done:
    """A capture that is over."""

    figures = Figures(3, 300, 3, 1, 2)
    times = (1_700_000_000_000_000_000, 1_700_000_001_000_000_000)


def write(name: str, frames: Sequence[Frame], *, include_secrets: bool = False) -> int:
    """Records of these frames; gives how many events there were."""
    file = RecordsFile(name, include_secrets=include_secrets)
    run = Dissection(Packet(0, n, frame.time, 1, frame.data, len(frame.data)) for n, frame in enumerate(frames, 1))
    file.follow(run, "eth0, eth1")
    count = len(list(file.kept(run)))
    file.flush()
    file.end(cast("Capture", Done()))
    return count


VALIDATOR: Final = jsonschema_rs.validator_for(rtmpsniff.schema())
KEY: Final = "live_4f1d9c_key"


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_record_a_line(tmp_path: Path) -> None:
    path = tmp_path / "records"
    assert write(str(path), session(Talk()).frames) > 10
    rows = lines(path.read_text())
    kinds = [row["record"] for row in rows]
    assert (kinds[0], kinds[-2], kinds[-1]) == ("header", "connection", "end")
    assert set(kinds[1:-2]) >= {"message"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert rows[-1]["captures"] == [
        {
            "file": "eth0, eth1",
            "format": "live",
            "packets": 3,
            "bytes": 300,
            "first_time": "1700000000000000000",
            "last_time": "1700000001000000000",
            "truncated": "",
            "dropped": 1,
            "not_decoded": 2,
        }
    ]


def test_where_nothing_came_there_are_a_header_and_an_end(tmp_path: Path) -> None:
    path = tmp_path / "records"
    assert write(str(path), []) == 0
    rows = lines(path.read_text())
    assert [row["record"] for row in rows] == ["header", "end"]
    assert rows[0]["base_ns"] is None
    for row in rows:
        VALIDATOR.validate(row)


def test_all_are_as_the_schema_says(tmp_path: Path) -> None:
    path = tmp_path / "records"
    talk = session(name=KEY)
    del talk.frames[-8:-6]  # lost
    write(str(path), talk.frames)
    rows = lines(path.read_text())
    for row in rows:
        VALIDATOR.validate(row)
    assert {row["record"] for row in rows} == {
        "header", "message", "finding", "undecoded", "connection", "end"
    }  # fmt: skip
    assert rows[0]["base_ns"] == str(talk.frames[0].time)


def test_secrets_are_masked_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "records"
    write(str(path), session(name=KEY).frames)
    rows = lines(path.read_text())
    assert rows[0]["masking"] == {"secrets": "streamed", "addresses": "shown"}
    assert KEY not in path.read_text()
    assert "<key-1>" in path.read_text()
    write(str(path), session(name=KEY).frames, include_secrets=True)
    assert lines(path.read_text())[0]["masking"]["secrets"] == "shown"
    assert KEY in path.read_text()


def test_standard_output_stays_open(capsys: pytest.CaptureFixture[str]) -> None:
    write("-", session(Talk()).frames)
    print("more")  # noqa: T201 - it is open
    *rows, more = capsys.readouterr().out.splitlines()
    assert (json.loads(rows[-1])["record"], more) == ("end", "more")


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"nowhere/records\\x1b: No such file or directory"):
        RecordsFile(str(tmp_path / "nowhere" / "records\x1b"))
    with pytest.raises(OutputError, match="/dev/full: No space left on device"):
        write("/dev/full", session(Talk()).frames)


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.write_text("what was there\n" * 10_000)
    write(str(path), [])
    assert len(lines(path.read_text())) == 2
