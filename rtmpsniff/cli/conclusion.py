"""What every command that reads files says at its end, on standard error, and its exit status."""

from __future__ import annotations

from typing import Final

from rtmpsniff.capture.files import Captures
from rtmpsniff.cli.world import Exit, warn
from rtmpsniff.dissect import Dissection
from rtmpsniff.output.words import say_duration
from rtmpsniff.text import plural

# Network cards with several queues, and several interfaces in one capture, hand packets over some microseconds out of
# order all the time. From one millisecond on, the unit of RTMP's timestamps, a figure that somebody acts on may change.
LEAST_STEP_BACK: Final = 1_000_000  # ns


def conclude(captures: Captures, run: Dissection) -> Exit:
    """Say what was wrong with the files, and whether there was any RTMP; of all statuses that of Ctrl-C goes first."""
    status = _conclude(captures, run)
    return Exit.INTERRUPTED if captures.is_stopped else status


def _conclude(captures: Captures, run: Dissection) -> Exit:
    for file in captures.files:
        if file.truncated:
            warn(f"warning: {file.name} {file.truncated}")
        if file.dropped:
            dropped = plural(file.dropped, "packet")
            warn(f"warning: {file.name}: {dropped} dropped while capturing, by what the file says")
        if file.backward is not None and file.backward[1] >= LEAST_STEP_BACK:
            number, distance = file.backward
            warn(
                f"warning: {file.name}: times run backwards, by up to {say_duration(distance)} "
                f"(packet {number}); spans of time may be wrong"
            )
    for remark in run.remarks:
        warn(f"warning: {remark}")
    if run.rtmp_connections:
        return Exit.DONE
    names = ", ".join(file.name for file in captures.files)
    packets = plural(sum(file.packets for file in captures.files), "packet")
    others = plural(run.other_connections, "other TCP connection")
    warn(f"no RTMP in {names} ({packets}, {others})")
    if run.sealed_connections:
        what = f"{plural(run.sealed_connections, 'TLS connection')} may be RTMPS"
        if len(run.keys):
            warn(f"{what}: the {plural(len(run.keys), 'connection')} that the key log knows did not help")
        elif run.keys.is_there:
            warn(f"{what}: the key log holds no secrets")
        else:
            warn(f"{what}: --keylog FILE gives the secrets to decrypt what is inside")
    return Exit.BAD_ANSWER
