"""Compressed captures: takes what a file gives, gives what was packed in it, as a stream.

gzip (RFC 1952) and zstd (RFC 8878), also several members one after the other. A call gives a block at most, however
much the data swells: memory is bounded by that and by what the format needs (32 KiB for gzip, a window of 128 MiB at
most for zstd, as the zstd program has it). Data that is damaged or ends early raises `Damaged`, after all that stands
before that place was given.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Final, NamedTuple, Protocol

from rtmpsniff.capture.source import Around, Source
from rtmpsniff.errors import InputError

_MAGIC_SIZE: Final = 4
_ZSTD_MODULES: Final = ("compression.zstd", "backports.zstd")  # of Python 3.14, and for those before it


class Damaged(OSError):
    """The packed data ends early or is wrong: what and where, in one line."""


class Wrong(Exception):
    """What a decoder says of its input."""


class Decoder(Protocol):
    """One member: `decode` takes input and gives at most `size` bytes; what it leaves is asked for with b""."""

    @property
    def hungry(self) -> bool: ...  # nothing comes without more input
    @property
    def done(self) -> bool: ...
    @property
    def rest(self) -> bytes: ...  # what follows the member

    def decode(self, data: bytes, size: int) -> bytes: ...


class Packing(NamedTuple):
    """A format: what it is called, how a member begins, what decodes one, how much input it gets at once."""

    name: str
    begins: Callable[[bytes], bool]
    decoder: Callable[[], Decoder]
    portion: int


class _Gzip:
    """zlib tells of an error in a block only, and gives nothing of it: then the block is taken again byte by byte."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=31)
        self._left = b""
        self._full = False  # the last call gave as much as it might: more may be there
        self._wrong = ""

    @property
    def hungry(self) -> bool:
        return not self._left and not self._full and not self._wrong

    @property
    def done(self) -> bool:
        return self._decoder.eof

    @property
    def rest(self) -> bytes:
        return self._decoder.unused_data

    def decode(self, data: bytes, size: int) -> bytes:
        if self._wrong:
            raise Wrong(self._wrong)
        before = self._decoder.copy()
        try:
            found = self._decoder.decompress(self._left + data, size)
        except zlib.error as error:
            self._wrong = str(error).rpartition(": ")[2]
            found = _all_before_the_error(before, self._left + data)
            if found:
                return found
            raise Wrong(self._wrong) from None
        self._left = self._decoder.unconsumed_tail
        self._full = len(found) == size
        return found


def _all_before_the_error(decoder: zlib._Decompress, data: bytes) -> bytes:
    """No more than the call that failed would have given: its input swells to a block at most before the error."""
    found: list[bytes] = []
    with suppress(zlib.error):
        found.extend(decoder.decompress(bytes([byte])) for byte in data)
    return b"".join(found)


class _Zstd:
    def __init__(self) -> None:
        module = _zstd_module()
        self._decoder = module.ZstdDecompressor()
        self._error: type[Exception] = module.ZstdError

    @property
    def hungry(self) -> bool:
        return bool(self._decoder.needs_input)

    @property
    def done(self) -> bool:
        return bool(self._decoder.eof)

    @property
    def rest(self) -> bytes:
        return bytes(self._decoder.unused_data)

    def decode(self, data: bytes, size: int) -> bytes:
        try:
            return bytes(self._decoder.decompress(data, size))
        except self._error as error:
            raise Wrong(str(error).rpartition(": ")[2] or "cannot be read") from None


def _zstd_module() -> Zstd:
    for name in _ZSTD_MODULES:
        with suppress(ImportError):
            module: Zstd = import_module(name)  # type: ignore[assignment]
            return module
    raise InputError("is compressed with zstd, which needs a package: pip install backports.zstd")


class ZstdDecompressor(Protocol):
    """Of Python 3.14, and of `backports.zstd` before."""

    needs_input: bool
    eof: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Zstd(Protocol):
    """The module."""

    ZstdError: type[Exception]

    @staticmethod
    def ZstdDecompressor() -> ZstdDecompressor: ...  # noqa: N802 - its name


def _is_gzip(head: bytes) -> bool:
    return head.startswith(b"\x1f\x8b")


def _is_zstd(head: bytes) -> bool:
    """A frame, or one that decoders pass over and some programs put first."""
    return head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5)


# zstd loses what it has decoded in a call that meets an error. A portion is smaller than most blocks are, so at most
# the block before the damaged one shares a call with it.
PACKINGS: Final = (Packing("gzip", _is_gzip, _Gzip, 1 << 16), Packing("zstd", _is_zstd, _Zstd, 1 << 10))


def packing_of(head: bytes) -> Packing | None:
    """The format of a file that begins with these four bytes."""
    return next((packing for packing in PACKINGS if packing.begins(head)), None)


class Unpacked(Around):
    """What is packed in a source, as a source. `head` is what was read of it already."""

    def __init__(self, source: Source, head: bytes, packing: Packing) -> None:
        super().__init__(source)
        self.packing = packing
        self._input = head  # not decoded yet
        self._read = len(head)  # bytes of the file
        self._ended = False  # the file has
        self._over = False  # all members are
        self._decoder: Decoder | None = packing.decoder()

    def __repr__(self) -> str:
        return f"<Unpacked {self.packing.name} at byte {self._read - len(self._input)}>"

    def read(self, size: int, /) -> bytes | None:
        """At most `size` bytes of what was packed."""
        while not self._over:
            if self._lacks_input():
                more = self._source.read(size)
                if more is None:
                    return None
                self._ended = not more
                self._read += len(more)
                self._input += more
            if self._decoder is None:
                self._begin_member()
            elif found := self._decode(self._decoder, size):
                return found
        return b""

    def _lacks_input(self) -> bool:
        if self._ended:
            return False
        if self._decoder is None:
            return len(self._input) < _MAGIC_SIZE
        return self._decoder.hungry and not self._input

    def _decode(self, decoder: Decoder, size: int) -> bytes:
        portion = b""
        if decoder.hungry:
            portion, self._input = self._input[: self.packing.portion], self._input[self.packing.portion :]
            if not portion:
                raise Damaged(f"its {self.packing.name} data ends early, after {self._read} bytes")
        try:
            found = decoder.decode(portion, size)
        except Wrong as wrong:
            # It is known no closer than this: the byte stands in what was decoded last.
            place = self._read - len(self._input)
            raise Damaged(f"its {self.packing.name} data is damaged before byte {place}: {wrong}") from None
        if decoder.done:
            self._input = decoder.rest + self._input
            self._decoder = None
        return found

    def _begin_member(self) -> None:
        """Begin what follows a member, when enough of it is there to tell: another, or nothing."""
        self._input = self._input.lstrip(b"\0")  # tapes are filled up with these
        if not self._input:
            self._over = self._ended
        elif self.packing.begins(self._input[:_MAGIC_SIZE]):
            self._decoder = self.packing.decoder()
        elif self._ended or len(self._input) >= _MAGIC_SIZE:
            place = self._read - len(self._input)
            raise Damaged(f"behind its {self.packing.name} data, from byte {place} on, something else follows")
