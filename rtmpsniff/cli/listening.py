"""What a live capture listens to, and the door to it: interfaces are chosen and opened, refusals become one line."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rtmpsniff.capture.interfaces import ANY, default_interface, interfaces
from rtmpsniff.capture.live import Source
from rtmpsniff.cli.privileges import advice
from rtmpsniff.errors import InputError, UserError
from rtmpsniff.text import printable


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen, and to what. `because` says who chose the interface, if it was not the user."""

    names: tuple[str, ...]
    because: str
    ports: tuple[int, ...]
    snapshot_length: int
    buffer_size: int  # bytes, in the kernel
    promiscuous: bool
    expression: str | None

    @property
    def where(self) -> str:
        return ", ".join(map(printable, self.names))

    @property
    def what(self) -> str:
        """As `listening on eth0 (it carries the default route), TCP port 1935`."""
        because = f" ({self.because})" if self.because else ""
        ports = f"TCP port{'s' * (len(self.ports) > 1)} {', '.join(map(str, self.ports))}"
        narrowed = f" and {printable(self.expression)}" if self.expression else ""
        return f"listening on {self.where}{because}, {ports}{narrowed}"

    def open(self) -> Source:
        """Begin to listen. Raises `UserError`, one line, for whatever is in the way."""
        try:
            return self._ring() if hasattr(socket, "AF_PACKET") else self._portable()
        except PermissionError:
            raise InputError(f"{self.where}: {advice(sys.argv[1:])}") from None
        except OSError as error:
            raise InputError(self._refusal(error)) from None

    def _ring(self) -> Source:
        from rtmpsniff.capture.ring import Ring  # noqa: PLC0415 - only Linux has what it imports

        narrowing = None
        if self.expression is not None:
            from rtmpsniff.capture.libpcap import compile_expression  # noqa: PLC0415 - who asks pays

            narrowing = compile_expression(self.expression, self.snapshot_length)
        return Ring(
            self.names,
            self.ports,
            snapshot_length=self.snapshot_length,
            size=self.buffer_size,
            promiscuous=self.promiscuous,
            narrowing=narrowing,
        )

    def _portable(self) -> Source:
        from rtmpsniff.capture.portable import PortableSource  # noqa: PLC0415 - scapy takes its time to load

        return PortableSource(
            self.names,
            self.ports,
            snapshot_length=self.snapshot_length,
            promiscuous=self.promiscuous,
            expression=self.expression or "",
        )

    def _refusal(self, error: OSError) -> str:
        if error.errno == errno.ENODEV:
            name = printable(str(error.filename or self.where))
            return f"{name}: no such interface; rtmpsniff interfaces lists those there are"
        if error.errno == errno.ENOMEM:
            return f"{self.where}: no memory for a buffer of {self.buffer_size >> 10} KiB; -B asks for less"
        return f"{self.where}: {printable(error.strerror or str(error))}"


def chosen_interfaces(names: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The interfaces to listen on, each once, and why: "" where the user said so. Raises `UserError`."""
    if ANY in names:
        return (ANY,), ""
    if names:
        return tuple(dict.fromkeys(names)), ""
    name = default_interface()
    if not name:
        there = ", ".join(printable(one.name) for one in interfaces())
        raise UserError(f"no interface carries a default route; say one with -i: {there}, {ANY}")
    return (name,), "it carries the default route"
