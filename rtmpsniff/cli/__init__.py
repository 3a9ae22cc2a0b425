"""The command line: arguments, exit statuses, the terminal."""

from __future__ import annotations
