"""The user's mistakes and the machine's refusals, each one clear line.

Traffic is never an exception: wrong bytes become findings. What stands here is about files, options and rights.
"""

from __future__ import annotations


class UserError(Exception):
    """One line that says what is wrong and where; the command line prints it and gives `exit_status`."""

    exit_status = 2


class InputError(UserError):
    """An input that cannot be read: missing, no capture, no permission."""

    exit_status = 3


class OutputError(UserError):
    """An output that cannot be written."""

    exit_status = 3
