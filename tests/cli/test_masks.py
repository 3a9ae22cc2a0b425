"""How commands mask: twice through files, once through pipes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from rtmpsniff.analysis.masking import Masking
from rtmpsniff.capture.files import can_be_read_twice, read
from rtmpsniff.cli.masks import how_to_mask, learn, masked
from rtmpsniff.cli.progress import Still
from rtmpsniff.dissect import Dissection
from rtmpsniff.findings import Finding
from rtmpsniff.rtmp.events import Message
from tests.build import Frame, session

KEY = "live_4f1d9c_key"

Save = Callable[[Iterable[Frame]], str]


def test_how(tmp_path: Path, save: Save) -> None:
    file, pipe = save([]), str(tmp_path / "pipe")
    os.mkfifo(pipe)
    assert how_to_mask([file, file], include_secrets=False) == "masked"
    assert how_to_mask([file, "-"], include_secrets=False) == "streamed"
    assert how_to_mask([pipe], include_secrets=False) == "streamed"
    assert how_to_mask([pipe], include_secrets=True) == "shown"
    assert not can_be_read_twice([pipe])
    assert can_be_read_twice([str(tmp_path / "is told when it is opened"), "nul\0"])
    assert can_be_read_twice([str(tmp_path)])  # so is that it is a directory


def test_the_first_pass_learns_and_events_are_masked(save: Save) -> None:
    file, masking = save(session(name=KEY).frames), Masking()
    learn([file], (), None, masking, Still())
    assert KEY in masking.table().values()
    with read([file]) as captures:
        events = list(masked(Dissection(captures), masking))
    assert any(isinstance(event, Message) for event in events)
    assert not [event for event in events if isinstance(event, Message) and KEY.encode() in event.payload]
    assert not [event for event in events if isinstance(event, Finding) and KEY in repr(event)]


def test_where_secrets_are_shown_events_are_the_same(save: Save) -> None:
    with read([save(session(name=KEY).frames)]) as captures:
        events = list(Dissection(captures))
    assert list(masked(events, Masking("shown"))) == events
