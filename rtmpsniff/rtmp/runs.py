"""The chunks of one message that stand at equal distances: found, compared and noted together.

With chunks of 128 bytes that is what makes reading fast: continuation headers of one byte are compared by slices with
a step, and equal chunks that follow one another are one entry of the chunk table.
"""

from __future__ import annotations

from rtmpsniff.rtmp.passage import Chunk


def equal_bytes(data: bytes, at: int, step: int, count: int, byte: bytes) -> int:
    """How many of the `count` bytes at `data[at]`, `data[at + step]` and so on are `byte`, up to the first other one.

    Looks at few first and then at ever more, so that a stream made to break off each time does not cost a look at all
    the rest of it each time.
    """
    equal, look = 0, 64
    while equal < count:
        size = min(look, count - equal)
        start = at + equal * step
        found = data[start : start + size * step : step]
        if found != byte * size:
            return equal + size - len(found.lstrip(byte))
        equal += size
        look *= 8
    return equal


def shorten(chunks: list[Chunk], due: int) -> None:
    """The last chunk came without its last `due` bytes."""
    last = chunks.pop()
    if last.run > 1:
        chunks.append(last._replace(run=last.run - 1))
    offset = last.offset + (last.run - 1) * (len(last.header) + last.size)
    chunks.append(Chunk(offset, last.header, last.size - due, 1, last.unseen))
