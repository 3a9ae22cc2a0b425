"""Bits become named fields, as `Cursor` does it for bytes: the call that reads a syntax element records it.

An element that shares bytes with its neighbors has a mask over all bytes of its span; one that fills whole bytes has
none. Elements stand side by side, never nested: two that share a byte could not be parents of different children.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, NoReturn, TypeAlias

from rtmpsniff.fields import Cursor, Field, Malformed, Role
from rtmpsniff.text import grouped, plural

Labels: TypeAlias = Mapping[int, str] | Callable[[int], str] | None

MOST_FIELDS: Final = 16_384  # of bits in one message: real parameter sets have some hundreds
_MOST_ZEROS: Final = 31  # before an Exp-Golomb code: its largest value is 2^32 - 2


class Mark(NamedTuple):
    """A place between two bits."""

    position: int  # of the byte, in the cursor's buffer
    bit: int  # 0 to 7, from the most significant on


class Bits:
    """Reads bit by bit, most significant first, from where a cursor stands to its end.

    With `escaped` the bytes are of a NAL unit that begins there: a 03 behind two zero bytes is no data
    (emulation prevention: H.264 7.3.1, H.265 7.3.1.1, H.266 7.3.1.1).

    After each element the cursor stands behind the last byte that was touched. Raises `Malformed` where the bits run
    out, and for a code or a value that no stream may hold: that element is not read at all, those before it stay.
    """

    __slots__ = ("_bit", "_data", "_end", "_escaped", "_jumped", "_position", "_read", "_start", "ended")

    def __init__(self, read: Cursor, *, escaped: bool = False) -> None:
        self._read = read
        self._data, self._end = read.data, read.end
        self._start = self._position = read.position
        self._bit = 0
        self._escaped = escaped
        self._jumped = False  # over an emulation prevention byte, since the element began
        self.ended = False  # whether the stop bit was read

    @property
    def left(self) -> int:
        """How many bits are still to be read, emulation prevention counted."""
        return 8 * (self._end - self._position) - self._bit

    def available(self, size: int) -> int | None:
        """The next `size` bits, unread; None where there are not as many."""
        if self.left < size:
            return None
        position, bit = self._position, self._bit
        try:
            return self.take("", size)
        except Malformed:  # emulation prevention took the place of the last of them
            return None
        finally:
            self._position, self._bit = position, bit

    # Elements, by the descriptors of the video standards: u(n), u(1), ue(v), se(v)

    def unsigned(self, name: str, size: int, labels: Labels = None, *, label: str = "") -> int:
        """An unsigned integer of `size` bits. `labels` says what a value means; `label` may use `{}` for the value."""
        mark = self.mark()
        value = self.take(name, size)
        self.record(name, mark, value, label.format(value) if label else _labeled(value, labels))
        return value

    def flag(self, name: str, labels: Labels = None) -> bool:
        return self.unsigned(name, 1, labels) != 0

    def flags(self, *names: str) -> None:
        """Flags that follow one another and decide nothing here."""
        for name in names:
            self.unsigned(name, 1)

    def ue(self, name: str, labels: Labels = None, *, most: int | None = None) -> int:
        """An unsigned Exp-Golomb code. `most` is the largest value that has a meaning, for what is a count."""
        mark = self.mark()
        value = self.code(name)
        if most is not None and value > most:
            self.refuse(name, f"{value} is more than {most}")
        self.record(name, mark, value, _labeled(value, labels))
        return value

    def se(self, name: str, labels: Labels = None) -> int:
        """A signed Exp-Golomb code."""
        mark = self.mark()
        value = self.signed_code(name)
        self.record(name, mark, value, _labeled(value, labels))
        return value

    # For elements of several codes: `mark`, then codes, then `record`

    def mark(self) -> Mark:
        """Where an element begins. An emulation prevention byte that stands there is a field of its own."""
        if self._read.bit_fields >= MOST_FIELDS:
            raise Malformed(f"more than {grouped(MOST_FIELDS)} fields of bits in one message")
        if self._at_escape():
            self._position += 1
            label = "03, no data: it keeps zeros from looking like a start code"
            self._add("emulation prevention", Mark(self._position - 1, 0), 3, label)
        self._jumped = False
        return Mark(self._position, self._bit)

    def take(self, name: str, size: int) -> int:
        """The next `size` bits, without a field; `name` is for the error."""
        value, wanted = 0, size
        while wanted:
            if self._at_escape():
                self._position += 1
                self._jumped = True
            if self.left < wanted:
                left = size - wanted + self.left
                raise Malformed(f"{name} needs {plural(size, 'bit')}, has {left}")
            have = 8 - self._bit
            some = min(wanted, have)
            value = value << some | self._data[self._position] >> have - some & (1 << some) - 1
            wanted -= some
            self._bit += some
            if self._bit == 8:
                self._bit = 0
                self._position += 1
        return value

    def code(self, name: str) -> int:
        """An unsigned Exp-Golomb code, without a field."""
        zeros = 0
        while not self.take(name, 1):
            zeros += 1
            if zeros > _MOST_ZEROS:
                self.refuse(name, f"an Exp-Golomb code with more than {_MOST_ZEROS} zeros before it")
        return (1 << zeros) - 1 + self.take(name, zeros)

    def signed_code(self, name: str) -> int:
        """A signed Exp-Golomb code, without a field: 0, 1, -1, 2, -2."""
        code = self.code(name)
        return code + 1 >> 1 if code & 1 else -(code >> 1)

    def record(self, name: str, mark: Mark, value: object, label: str) -> None:
        """Record what was read since `mark` as one element."""
        self._add(name, mark, value, f"{label} (over an emulation prevention byte)" if self._jumped else label)

    def refuse(self, name: str, reason: str) -> NoReturn:
        """Raise `Malformed` for an element that holds what none may."""
        raise Malformed(f"{name}: {reason}")

    # The end

    def align(self, name: str = "padding") -> None:
        """Record the bits up to the next byte, if there are any."""
        if self._bit:
            self.unsigned(name, 8 - self._bit)

    def more_data(self) -> bool:
        """Whether something stands before the stop bit, which is the last bit that is set (more_rbsp_data)."""
        last = self._end
        while last > self._position and not self._data[last - 1]:
            last -= 1
        if last - 1 > self._position:
            return True
        if last <= self._position:
            return False
        rest = self._data[self._position] & 0xFF >> self._bit
        return rest & rest - 1 != 0

    def trailing(self, name: str = "rbsp_trailing_bits") -> None:
        """The stop bit, and zeros to the end of its byte."""
        mark = self.mark()
        size = 8 - self._bit
        bits = self.take(name, size)
        label = "the stop bit" if bits == 1 << size - 1 else f"{bits:0{size}b}, which is not a 1 and zeros"
        self.record(name, mark, bits, label)
        self.ended = True

    def _at_escape(self) -> bool:
        at = self._position
        if self._bit or not self._escaped or at < self._start + 2 or at >= self._end:
            return False
        return self._data[at] == 3 and not self._data[at - 1] and not self._data[at - 2]

    def _add(self, name: str, mark: Mark, value: object, label: str) -> None:
        start, bit = mark
        stop = self._read.position = self._position + (self._bit > 0)
        left = -self._bit % 8  # bits of the last byte that are the next element's
        mask = (1 << 8 * (stop - start) - bit) - 1 >> left << left if bit or left else 0
        if stop > start:
            self._read.bit_fields += 1
            self._read.fields.append(Field(name, start, stop, value, label, Role.MEDIA_HEADER, mask))


def _labeled(value: int, labels: Labels) -> str:
    if labels is None:
        return str(value)
    meaning = labels(value) if callable(labels) else labels.get(value, "unknown")
    return f"{value} {meaning}" if meaning else str(value)
