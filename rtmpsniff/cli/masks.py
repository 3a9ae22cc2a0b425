"""Masking as commands need it: how it can be done, the first pass over the files, and masked events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rtmpsniff.analysis.masking import How, Masking
from rtmpsniff.capture.files import can_be_read_twice, read
from rtmpsniff.cli.progress import Progress, Still, watch
from rtmpsniff.dissect import Dissection
from rtmpsniff.findings import Finding
from rtmpsniff.rtmp.events import Event, Message
from rtmpsniff.tunnel.keylog import KeyLog


def how_to_mask(files: Iterable[str], include_secrets: bool) -> How:
    """Files can be read twice; what comes through a pipe cannot."""
    if include_secrets:
        return "shown"
    return "masked" if can_be_read_twice(files) else "streamed"


def learn(
    files: Iterable[str], ports: Iterable[int], keys: KeyLog | None, masking: Masking, line: Progress | Still
) -> None:
    """The first pass: take note of every secret, so that an early mention is masked as well."""
    with read(list(files), watch(line)) as captures:
        for event in Dissection(captures, tuple(ports), keys=keys).bare():
            masking.learn(event)


def masked(events: Iterable[Event], masking: Masking) -> Iterator[Event]:
    """The events without secrets; they were learnt from before."""
    if masking.is_idle:
        yield from events
        return
    for event in events:
        if isinstance(event, Message):
            yield masking.message(event)
        else:
            yield masking.finding(event) if isinstance(event, Finding) else event
