"""Chunk sequences without a connection, and what they hold: header forms, extended timestamps, interleaving, habits.

Each is what one side sends with chunks of 128 bytes; `times` are those of its messages in the order in which they are
complete.
"""

from __future__ import annotations

from typing import NamedTuple

SOUND = bytes((0xAF, 1, *range(30)))
PICTURE = bytes(range(200))


class Sequence(NamedTuple):
    """A chunk stream; `lengths` and `times` of its messages."""

    data: bytes
    times: tuple[int, ...]
    lengths: tuple[int, ...]


def _made(*parts: str | bytes) -> bytes:
    return b"".join(bytes.fromhex(part) if isinstance(part, str) else part for part in parts)


_START, _REST = PICTURE[:128], PICTURE[128:]

SEQUENCES = {
    "formats 0, 2, 3": Sequence(
        _made("030003e800002008 39300000", SOUND, "83000014", SOUND, "c3", SOUND, "c3", SOUND),
        (1000, 1020, 1040, 1060),
        (32,) * 4,
    ),
    "two chunks": Sequence(_made("040003e80000c80901000000", _START, "c4", _REST), (1000,), (200,)),
    "format 3 after format 0": Sequence(_made("0400001a0000040801000000 af010102 c4 af010304"), (26, 52), (4, 4)),
    "chunk streams 64, 319, 320, 65599": Sequence(
        _made(*(f"{head} 000000 000001 08 01000000 2e" for head in ("0000", "00ff", "010001", "01ffff"))),
        (0,) * 4,
        (1,) * 4,
    ),
    "extended timestamp, repeated": Sequence(
        _made("04ffffff0000c80901000000 01000000", _START, "c401000000", _REST), (0x1000000,), (200,)
    ),
    "extended timestamp, left out": Sequence(
        _made("04ffffff0000c80901000000 01000000", _START, "c4", _REST), (0x1000000,), (200,)
    ),
    "a timestamp of 0xffffff": Sequence(_made("04ffffff0000020801000000 00ffffff af01"), (0xFFFFFF,), (2,)),
    "an extended delta": Sequence(
        _made("040000000000020801000000 af01 44ffffff00000208 01036640 af02"), (0, 17_000_000), (2, 2)
    ),
    "an extended delta, repeated": Sequence(
        _made("040000000000020801000000 af01 44ffffff00000208 01000000 af02 c401000000 af03"),
        (0, 0x1000000, 0x2000000),
        (2, 2, 2),
    ),
    "time that wraps": Sequence(
        _made("04ffffff0000020801000000 fffffff0 af01 4400002000000208 af02"), (0xFFFFFFF0, 16), (2, 2)
    ),
    "interleaved": Sequence(
        _made("060000280000c80901000000", _START, "040000290000040801000000 af010102", "c6", _REST), (41, 40), (4, 200)
    ),
    "a new chunk size": Sequence(
        _made("02000000000004010000000000000100", "060000000000c80901000000", PICTURE), (0, 0), (4, 200)
    ),
    "an abort": Sequence(
        _made("060000000000c80901000000", _START, "02000000000004020000000000000006", "4600002800000309 270200"),
        (0, 0, 40),
        (4, 200, 3),
    ),
    "empty messages": Sequence(_made("040000000000000801000000 c4"), (0, 0), (0, 0)),
    "exactly one chunk": Sequence(
        _made("040000000000800901000000", _START, "040000010000010901000000 27"), (0, 1), (128, 1)
    ),
    "an absolute time as a delta": Sequence(
        _made("04ffffff0000020801000000 01036640 af01 44ffffff00000308 01036657 af0102"),
        (17_000_000, 17_000_023),
        (2, 3),
    ),
    "extended timestamp, zeros": Sequence(
        _made("04ffffff0000c80901000000 01036640 17", _START[1:], "c400000000", _REST, "4400002800000209 2701"),
        (17_000_000, 17_000_040),
        (200, 2),
    ),
    "format 3 that adds a delta": Sequence(
        _made("060000640000030801000000 af0101 4600001700000208 af01 c6 af01"), (100, 123, 146), (3, 2, 2)
    ),
}

# The connect message of old research notes: a chunk header falls inside the key `capabilities`.
CONNECT = bytes.fromhex(
    "030000000000e41400000000020007636f6e6e656374003ff0000000000000030003617070020008534f53616d706c650008666c617368"
    "56657202000e57494e2031302c322c3135392c31000673776655726c060005746355726c02001972746d703a2f2f6c6f63616c686f7374"
    "2f534f53616d706c650004667061640100000c6361706162696c69746965c37300406de00000000000000b617564696f436f6465637300"
    "40a8ee0000000000000b766964656f436f6465637300406f800000000000000d766964656f46756e6374696f6e003ff000000000000000"
    "077061676555726c060000090040dc4dc000000000"
)
